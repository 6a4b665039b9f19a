"""Coverage: a silent, closed, merged, joining or worsening hospital must not look like a change of violence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import coverage, monitor, months, params
from tests.conftest import CAMDEN, HACKNEY, make_events, make_roster, make_site_months

SPAN = months.span("2022-01", "2024-12")
RULES = params.defaults()


def world(rng, *, away=(), joins=None, worse=None, change=None, closes=None, heirs="", mean=40.0):
    """Return the coverage table of two sites A and B (and C) that share Camden and Hackney."""
    counts, absent = {}, {}
    share = {"A": (0.7, 0.3), "B": (0.3, 0.7), "C": (0.5, 0.5)}
    for month in SPAN:
        for site, parts in share.items():
            if site == "C" and joins and month < joins:
                absent[site, month] = "not_joined"
                continue
            if site == "C" and closes and month > closes:
                absent[site, month] = "closed"
                continue
            if (site, month) in away:
                absent[site, month] = "missing"
                continue
            extra = {"A": 0.75, "B": 0.25}.get(site, 0.0) if closes and month > closes and heirs else 0.0
            known = 0.2 if worse and site == worse[0] and month >= worse[1] else 0.6
            for borough, part in zip((CAMDEN, HACKNEY), parts, strict=True):
                level = mean * (part + extra * 0.5) / known * known
                if change and borough == change[0] and month >= change[1]:
                    level *= change[2]
                total = rng.poisson(level / 0.6)
                located = rng.binomial(total, known)
                counts[site, month, borough] = located
                counts[site, month, ""] = counts.get((site, month, ""), 0) + total - located
    events = make_events(counts)
    roster = make_roster([("A", "", ""), ("B", "", ""), ("C", closes or "", heirs)])
    held = make_site_months(events, list("ABC"), SPAN, absent)
    return events, held, roster


def cover_of(*parts, month="2024-12"):
    return coverage.table(*parts, month, RULES)


def row(cover, place, month):
    return cover[(cover["place"] == place) & (cover["month"] == month)].iloc[0]


def test_full_months_have_coverage_one_and_london_counts_everything():
    parts = world(np.random.default_rng(1))
    cover = cover_of(*parts)
    assert row(cover, "london", "2024-06")["coverage"] == pytest.approx(1.0)
    assert cover[cover["place"] == "london"]["value"].sum() == len(parts[0])
    boroughs = cover[cover["place"].isin([CAMDEN, HACKNEY, "not_known"])]["value"].sum()
    assert boroughs == len(parts[0])


def test_an_outage_lowers_coverage_by_the_sites_share_and_never_the_other_months():
    cover = cover_of(*world(np.random.default_rng(2), away={("A", "2024-05"), ("A", "2024-06")}))
    assert row(cover, CAMDEN, "2024-05")["coverage"] == pytest.approx(0.8 / 1.5, abs=0.1)
    assert row(cover, "london", "2024-05")["coverage"] == pytest.approx(2 / 3, abs=0.05)
    assert row(cover, CAMDEN, "2024-07")["coverage"] > 0.8
    assert row(cover, CAMDEN, "2024-05")["silent"] == "A"
    assert row(cover, CAMDEN, "2024-05")["sites_sent"] == 2


@pytest.mark.parametrize(
    "event",
    [
        {"away": {("A", "2024-05"), ("A", "2024-06")}},
        {"joins": "2024-02"},
        {"joins": "2023-04"},
        {"worse": ("A", "2024-03")},
        {"closes": "2023-12", "heirs": "A:0.75;B:0.25"},
        {"closes": "2023-05", "heirs": "A:0.75;B:0.25"},
    ],
    ids=["outage", "joiner", "early joiner", "worsening texts", "closure", "closure inside the baseline"],
)
def test_what_happens_to_hospitals_raises_no_more_flags_than_chance(event):
    flags = months_seen = 0
    for seed in range(6):
        cover = cover_of(*world(np.random.default_rng(seed), **event))
        for place in (CAMDEN, HACKNEY, "london"):
            found = monitor.monthly(cover, place, "2024-12", RULES)
            tested = found[found["flags"].str.contains("tested")]
            months_seen += len(tested)
            flags += int(tested["flags"].str.contains("limit").sum())
    assert months_seen == 6 * 3 * 12
    assert flags <= 3  # 216 months at 0.2 % each give 0.4; four or more has a chance below 1 in 1,000


def test_a_real_fall_and_a_real_rise_are_flagged():
    low = monitor.monthly(
        cover_of(*world(np.random.default_rng(3), change=(CAMDEN, "2024-01", 0.4))), CAMDEN, "2024-12", RULES
    )
    high = monitor.monthly(
        cover_of(*world(np.random.default_rng(3), change=(CAMDEN, "2024-01", 1.8))), CAMDEN, "2024-12", RULES
    )
    assert low["flags"].str.contains("below_limit").sum() >= 8
    assert high["flags"].str.contains("above_limit").sum() >= 8


def test_a_merger_that_changes_a_code_carries_its_weight_over():
    rng = np.random.default_rng(4)
    counts = {}
    for month in SPAN:
        code = "A" if month < "2024-04" else "D"
        counts[code, month, CAMDEN] = rng.poisson(40)
        counts["B", month, CAMDEN] = rng.poisson(20)
    events = make_events(counts)
    away = {("D", m): "not_joined" for m in SPAN if m < "2024-04"} | {
        ("A", m): "closed" for m in SPAN if m >= "2024-04"
    }
    held = make_site_months(events, ["A", "B", "D"], SPAN, away)
    cover = cover_of(events, held, make_roster([("A", "2024-03", "D:1"), ("B", "", ""), ("D", "", "")]))
    after = cover[(cover["place"] == CAMDEN) & (cover["month"] >= "2024-04")]
    assert (after["coverage"] > 0.95).all()
    assert (after["unmonitored"] == 0).all()
    assert (after["sites_expected"] == 2).all()
    found = monitor.monthly(cover, CAMDEN, "2024-12", RULES)
    assert not found["flags"].str.contains("limit").any()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(SPAN[24:]))
def test_removing_a_submission_never_raises_a_fall(seed, month):
    events, held, roster = world(np.random.default_rng(seed), mean=25)
    silent = (held["site_code"] == "B") & (held["month"] == month)
    held = held.assign(
        status=held["status"].mask(silent, "missing"), days_covered=held["days_covered"].mask(silent, 0),
        rows=held["rows"].mask(silent, 0), located=held["located"].mask(silent, 0),
    )  # fmt: skip
    events = events[~((events["site_code"] == "B") & (events["month"] == month))]
    cover = cover_of(events, held, roster)
    for place in (CAMDEN, HACKNEY):
        found = monitor.monthly(cover, place, "2024-12", RULES)
        at = found[found["period_end"] == month].iloc[0]
        assert "below_limit" not in at["flags"]


def test_missing_read_as_zero_would_change_the_chart():
    events, held, roster = world(np.random.default_rng(5), away={("A", "2024-05")})
    as_zero = held.assign(status=held["status"].replace("missing", "zero"))
    as_zero["days_covered"] = as_zero["month"].map(months.days_in)
    honest = monitor.monthly(cover_of(events, held, roster), CAMDEN, "2024-12", RULES)
    wrong = monitor.monthly(cover_of(events, as_zero, roster), CAMDEN, "2024-12", RULES)
    assert "below_limit" not in honest.set_index("period_end").loc["2024-05", "flags"]
    assert "below_limit" in wrong.set_index("period_end").loc["2024-05", "flags"]


def test_a_young_store_has_no_baseline_and_says_so():
    events, held, roster = world(np.random.default_rng(6))
    cover = coverage.table(events, held, roster, "2022-09", RULES)
    found = monitor.monthly(cover, CAMDEN, "2022-09", RULES)
    assert (found["flags"] == "no_baseline").all()
    assert found["limit_high"].isna().all()


def test_nothing_later_than_the_reported_month_is_used():
    events, held, roster = world(np.random.default_rng(7))
    whole = coverage.table(events, held, roster, "2023-12", RULES)
    cut = coverage.table(
        events[events["month"] <= "2023-12"], held[held["month"] <= "2023-12"], roster, "2023-12", RULES
    )
    pd.testing.assert_frame_equal(whole.drop(columns="provisional"), cut.drop(columns="provisional"))
    assert not whole["provisional"].any()
    assert cut.loc[cut["month"] == "2023-12", "provisional"].all()


def marked(cover, column, place):
    return cover.loc[(cover["place"] == place) & cover[column], "month"].tolist()


@pytest.mark.parametrize(
    ("event", "months_marked"),
    [
        ({}, []),
        ({"joins": "2023-04"}, ["2023-04"]),
        ({"joins": "2024-10"}, ["2024-10"]),
        ({"closes": "2023-12", "heirs": "A:0.75;B:0.25"}, ["2024-01"]),
        ({"away": {("A", "2024-05")}}, []),
    ],
    ids=["nothing", "joiner with a reference", "joiner without one", "closure", "outage"],
)
def test_a_break_is_the_month_in_which_a_hospital_joined_or_closed(event, months_marked):
    cover = cover_of(*world(np.random.default_rng(12), **event))
    for place in (CAMDEN, HACKNEY, "london"):
        assert marked(cover, "break", place) == months_marked


def test_a_hospital_that_hardly_supplies_a_place_breaks_nothing_there():
    events, held, roster = world(np.random.default_rng(13), joins="2023-04")
    there = events["borough_gss"] == HACKNEY
    events = events[~there | (events["site_code"] != "C")]
    cover = cover_of(events, held, roster)
    assert marked(cover, "break", HACKNEY) == []
    assert marked(cover, "break", CAMDEN) == marked(cover, "break", "london") == ["2023-04"]


def test_a_month_is_revised_where_a_hospital_sent_it_again_and_something_changed():
    parts = world(np.random.default_rng(14))
    rows = [("A", "2024-05", 3, 0, 0), ("B", "2024-06", 0, 0, 0), ("B", "2023-07", 0, 1, 0)]
    again = pd.DataFrame(rows, columns=["site_code", "month", "added", "removed", "changed"])
    cover = coverage.table(*parts, "2024-12", RULES, again)
    for place in (CAMDEN, "london", "not_known"):
        assert marked(cover, "revised", place) == ["2023-07", "2024-05"]
    assert not cover_of(*parts)["revised"].any()
    found = monitor.monthly(cover, CAMDEN, "2024-12", RULES).set_index("period_end")["flags"]
    assert found["2024-05"] == "tested;revised"
    assert found["2023-07"] == "revised"
    young = coverage.table(*parts, "2023-07", RULES, again)
    assert monitor.monthly(young, CAMDEN, "2023-07", RULES)["flags"].iloc[-1].endswith("revised")
