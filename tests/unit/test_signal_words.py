"""What the monitor's sentences claim is true of the picture beside them, in every state the numbers can be in."""

import re

import numpy as np
import pandas as pd
import pytest

from istv_lib import coverage, disclosure, figures, monitor, places, supply, words
from tests.conftest import CAMDEN, HACKNEY, make_events, make_roster, make_site_months
from tests.unit.test_coverage import RULES, SPAN, cover_of, world
from tests.unit.test_disclosure import finding

LAST = "2024-12"
AREA = places.find_area("camden")


def few(now):
    """Return the coverage table of a small borough whose newest month holds ``now`` attendances."""
    rng = np.random.default_rng(12)
    counts = {("A", m, CAMDEN): rng.poisson(6) if m < LAST else now for m in SPAN}
    counts |= {("A", m, place): n for m in SPAN for place, n in ((HACKNEY, 80), ("", 40))}
    events = make_events({key: n for key, n in counts.items() if n})
    held = make_site_months(events, ["A"], SPAN, {})
    return coverage.table(events, held, make_roster([("A", "", "")]), LAST, RULES)


def of(**event):
    return cover_of(*world(np.random.default_rng(3), **event))


# what happened, for whom the page is, and how the picture's heading must begin
CASES = {
    "nothing": (of, "partner", "No clear change"),
    "nothing, public": (of, "public", "No clear change"),
    "a hospital silent": (lambda: of(away={("A", LAST)}), "partner", "December 2024 is incomplete"),
    "all silent": (
        lambda: of(away={(s, LAST) for s in "ABC"} - {("C", LAST)}),
        "public",
        "December 2024 is incomplete",
    ),
    "a fall": (lambda: of(change=(CAMDEN, "2024-05", 0.4)), "partner", "Lower than expected"),
    "a rise": (lambda: of(change=(CAMDEN, "2024-05", 1.8)), "public", "Higher than expected"),
    "none": (lambda: few(0), "partner", "No clear change"),
    "one": (lambda: few(1), "partner", "No clear change"),
    "withheld": (lambda: few(3), "public", "December 2024 is withheld"),
    "a hospital joined": (lambda: of(joins="2024-02"), "partner", "No clear change"),
}


@pytest.mark.parametrize("case", CASES)
def test_sentences_are_true_of_the_picture(case):
    make, audience, heading = CASES[case]
    cover = make()
    trend = disclosure.release(monitor.monthly(cover, CAMDEN, LAST, RULES), audience)
    now = disclosure.release(monitor.current(cover, AREA, LAST, RULES), audience)
    drawn = figures.trend(trend, title="Attendances per month in Camden").stamp
    told = words.news(trend, now, place="Camden", labels={}).data["text/markdown"]
    row = trend.table.iloc[-1]
    assert drawn["heading"].startswith(heading)
    for way, flag in (("higher", "above_limit"), ("lower", "below_limit")):
        says = f"Camden are {way} than expected" in told
        assert says == (flag in row["flags"] and row["status"] != "gated")
        assert says == drawn["heading"].startswith(f"{way.capitalize()} than expected")
    assert ("incomplete and not compared" in told) == (row["status"] in {"gated", "no_data"})
    assert ("is withheld and not compared" in told) == ("[c]" in row["symbol"])
    for number in map(int, re.findall(r"Of the (\d+) months that can be compared", told)):
        table = trend.table
        assert number == (table["flags"].str.contains("tested") & table["status"].isin(["final", "provisional"])).sum()
    run = any(flag in row["flags"] for flag in ("run_", "trend_"))
    assert ("is one of 7 months or more" in told) == run
    assert not re.search(r"\bnan\b|\binf\b|  ", told)


def test_a_year_is_said_to_have_changed_only_where_its_interval_leaves_out_no_change():
    for change, said in (((CAMDEN, "2024-01", 0.5), "attendances fell"), (None, "no clear change")):
        year = monitor.year_on_year(of(change=change), LAST, RULES)
        row = disclosure.release(year, "partner").pick(place=CAMDEN).table.iloc[0]
        told = words.yearly(row, "Camden")
        assert said in told
        assert ("fell" in told) == (row["upper"] < 1)
        assert f"{100 * (row['value'] - 1):+.0f}%" in told


def test_a_month_is_not_set_against_one_that_is_withheld_or_incomplete():
    cover = of(away={("A", "2023-12"), ("B", "2023-12")})
    trend = disclosure.release(monitor.monthly(cover, CAMDEN, LAST, RULES), "partner")
    single = monitor.same_month(cover, LAST, RULES, keep=cover["place"] == CAMDEN)
    told = words.year_before(trend, disclosure.release(single, "partner").pick(stratum="")).data["text/markdown"]
    assert "cannot be compared" in told
    whole = of()
    trend = disclosure.release(monitor.monthly(whole, CAMDEN, LAST, RULES), "partner")
    single = monitor.same_month(whole, LAST, RULES, keep=whole["place"] == CAMDEN)
    told = words.year_before(trend, disclosure.release(single, "partner")).data["text/markdown"]
    assert "no clear change" in told
    young = disclosure.release(finding(50), "public")
    assert "No data are held" in words.year_before(young).data["text/markdown"]


def test_silent_hospitals_are_named_and_what_they_sent_counted():
    events, held, roster = world(np.random.default_rng(4), away={("A", LAST)})
    found = supply.hospitals(events, held, roster, AREA, LAST, RULES)
    cover = coverage.table(events, held, roster, LAST, RULES)
    trend = disclosure.release(monitor.monthly(cover, CAMDEN, LAST, RULES), "partner")
    now = disclosure.release(monitor.current(cover, AREA, LAST, RULES), "partner")
    own = disclosure.release(found, "partner")
    told = words.news(trend, now, own, place="Camden", labels={"A": "Hospital A"}).data["text/markdown"]
    assert "Hospital A sent nothing." in told
    part = supply.unplaced(events, found, AREA, ("2024-01", LAST))
    limits = words.limits(trend, unplaced=disclosure.release(part, "partner")).data["text/markdown"]
    n = int(events[events["month"] >= "2024-01"].shape[0])
    assert f"Of the {n:,} attendances" in limits


def test_no_signal_and_no_test_have_words_of_their_own():
    cover = cover_of(*world(np.random.default_rng(1)))
    trend = disclosure.release(monitor.monthly(cover, CAMDEN, LAST, RULES), "partner")
    now = disclosure.release(monitor.current(cover, AREA, LAST, RULES), "partner")
    found = disclosure.release(monitor.signals(cover, LAST, RULES, within=["nowhere"]), "partner")
    young = coverage.table(*world(np.random.default_rng(6)), "2022-09", RULES)
    few = RULES.replaced(chance_draws=2)
    for made, month, within, said in (
        (cover, LAST, None, "would be there by chance alone"),
        (cover, LAST, ["E09000017"], "No place or group can be tested yet"),
        (young, "2022-09", None, "No place or group can be tested yet"),
    ):
        chance = monitor.expected_by_chance(made, month, few, np.random.default_rng(1), within=within)
        pair = found, disclosure.release(chance, "partner")
        assert said in words.news(trend, now, signals=pair, place="Camden", labels={}).data["text/markdown"]


@pytest.mark.parametrize(
    ("days", "said"), [((), "No attendance"), ((3,), "One day in"), ((3, 40, 90), "3 attendances")]
)
def test_firearms_are_told_by_their_number_and_the_days_between(days, said):
    events = make_events({("A", "2024-01", CAMDEN): max(len(days), 1)})
    events["arrival_at"] = [pd.Timestamp("2024-01-01") + pd.Timedelta(days=d) for d in days or (0,)]
    found = monitor.rare(events, np.full(len(events), bool(days)), "london", ("2024-01", LAST))
    cover = cover_of(*world(np.random.default_rng(1)))
    trend = disclosure.release(monitor.monthly(cover, CAMDEN, LAST, RULES), "partner")
    now = disclosure.release(monitor.current(cover, AREA, LAST, RULES), "partner")
    released = disclosure.release(found, "partner")
    told = words.news(trend, now, firearms=released, place="Camden", labels={}).data["text/markdown"]
    assert said in told.splitlines()[-1]


def test_a_funnel_names_only_boroughs_outside_its_lines_and_the_city_has_no_rate():
    cover = cover_of(*world(np.random.default_rng(2)))
    base = monitor.totals(cover, ("2024-01", LAST))
    people = places.boroughs()["population"].to_numpy()
    even = base.assign(value=np.round(people / 1000 * 2), n=np.round(people / 1000 * 2), coverage=1.0, status="final")
    even.loc[even["place"] == CAMDEN, ["value", "n"]] = people[6] / 1000 * 12 // 1
    released = disclosure.release(even, "partner")
    drawn = figures.funnel(released, title="T").stamp
    assert "far above: Camden; 31 boroughs inside" in drawn["heading"]
    assert "Without a rate: City of London." in drawn["note"]
    none = released.pick(place="E09000001")
    assert "No borough can be given a rate" in figures.funnel(none, title="T").stamp["heading"]


@pytest.mark.parametrize(("coverage_", "estimate", "left"), [(1.0, False, 1), (0.9, True, 1), (0.7, None, 33)])
def test_a_rate_below_the_gate_is_none_and_below_95_per_cent_an_estimate(coverage_, estimate, left):
    from istv_lib._standing import standing  # noqa: PLC0415

    cover = cover_of(*world(np.random.default_rng(2)))
    base = monitor.totals(cover, ("2024-01", LAST)).assign(value=500.0, n=500.0, coverage=coverage_, status="final")
    found = standing(disclosure.release(base, "partner"), RULES)
    assert len(found.left) == left
    if estimate is not None:
        assert set(found.table["estimate"]) == {estimate}
        people = places.boroughs().set_index("gss").loc[CAMDEN, "population"]
        rate = found.table.set_index("place").loc[CAMDEN, "rate"]
        assert rate == pytest.approx(500 / people * 1000 / (coverage_ if estimate else 1))


def test_changes_that_cannot_be_compared_have_no_line_and_say_so():
    none = finding(np.nan, measure="ratio_year", unit="rate", status="no_data")
    drawn = figures.changes(disclosure.release(pd.concat([none] * 2, ignore_index=True), "partner"), title="T")
    assert drawn.stamp["heading"] == "Nothing can be compared"
