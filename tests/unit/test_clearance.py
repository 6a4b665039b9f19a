"""The gate before any page: attacked, coarsened step by step, and never narrowed by any later release."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from istv_lib import _coarsen, attack, clearance, disclosure, errors, months, params, places, store, tally
from tests.unit import tables

RULES = params.file("disclosure")
B3 = ["E09000001", "E09000002", "E09000003"]
SUMS = {"london": B3}


def cleared(true, **more):
    decisions, log, outcome = clearance.coarsened(true, RULES, **more)
    clearance.demand(outcome)
    shown = disclosure.shown(true, RULES, decisions)
    return decisions, log, outcome, shown


@pytest.mark.parametrize("size", ["month", "year", "whole"])
def test_after_the_gate_no_cell_of_the_three_tables_is_narrowed(size):
    inner = tables.counts()
    inner = {"month": inner[:, :1], "year": inner.sum(1)[:, None], "whole": inner}[size]
    true = tables.findings(inner)
    sums = {"london": list(places.boroughs()["gss"])}
    decisions, log, outcome, shown = cleared(true, sums=sums)
    assert outcome.breaches.empty
    assert outcome.cells >= len(true)  # whole, not sampled
    if size != "whole":
        again = disclosure.published(shown, RULES)
        assert attack.attack(again, width=RULES["protection_width"], small=7, sums=sums).breaches.empty
    counts = clearance.summary(true, decisions, outcome)
    withheld = counts["coarsened"].get("withhold", 0)
    assert withheld <= 0.2 * counts["groups"]
    assert len(log) >= len(decisions) >= {"month": 1, "year": 0, "whole": 20}[size]


def small_world(values):
    """Three boroughs, three months, six methods, from 54 counts."""
    return tables.findings(np.array(values, dtype=float).reshape(3, 3, 6), boroughs=B3)


def test_a_count_that_sums_give_away_is_shown_in_a_band_first():
    inner = np.zeros((3, 1, 6))
    inner[0, 0] = [2, 1, 1, 1, 1, 1]  # all hidden, and so is their total of 7: each can only be 1 or 2
    inner[1:] = 40
    true = tables.findings(inner, boroughs=B3)
    bare = attack.attack(disclosure.published(disclosure.shown(true, RULES, ()), RULES), width=3, small=7, sums=SUMS)
    assert set(bare.breaches["place"]) == {B3[0]}
    decisions, log, _, shown = cleared(true, sums=SUMS)
    assert {d["place"] for d in decisions} == {B3[0]}
    assert {d["step"] for d in decisions} == {"band"}
    assert set(shown.loc[shown["rule"] == "nhs_hes_band", "symbol"]) == {"[c]"}
    assert set(log["coarsened"].str.contains(B3[0])) == {True}


def decided(step, dim="", period="2024-Q1", place=B3[0]):
    return [
        {"measure": "attendances", "source": "ed", "place": place, "stratum_dim": dim, "period": period, "step": step}
    ]


def test_a_quarter_stands_for_its_months():
    true = tables.findings(np.full((3, 3, 6), 20.0), boroughs=B3)
    shown = disclosure.shown(true, RULES, decided("quarter"))
    mine = shown[(shown["place"] == B3[0]) & (shown["stratum_dim"] == "")]
    fine, coarse = mine[mine["period_start"] == mine["period_end"]], mine[mine["rule"] == "nhs_hes_band"]
    assert set(fine["shown"]) == {"[c]"}
    assert coarse[["period_start", "period_end", "value"]].to_numpy().tolist() == [["2024-01", "2024-03", 360.0]]
    part = true[true["period_start"] != "2024-03"]
    assert "nhs_hes_band" not in set(disclosure.shown(part, RULES, decided("quarter"))["rule"])  # not yet a whole one


def test_merged_classes_stand_for_their_parts():
    true = tables.findings(np.full((3, 3, 6), 20.0), boroughs=B3)
    shown = disclosure.shown(true, RULES, decided("merge", "weapon_group"))
    mine = shown[(shown["place"] == B3[0]) & (shown["period_end"] == "2024-01") & (shown["stratum_dim"] != "")]
    by = mine.set_index("stratum")["shown"]
    assert by["knife+blunt+glass+other"] == "80"
    assert set(by[["knife", "blunt", "glass", "other"]]) == {"[c]"}
    assert by["body"] == "20"


def test_withheld_means_nothing_is_said():
    true = tables.findings(np.full((3, 3, 6), 20.0), boroughs=B3)
    shown = disclosure.shown(true, RULES, decided("withhold", "weapon_group"))
    mine = shown[(shown["place"] == B3[0]) & (shown["stratum_dim"] != "") & (shown["period_end"] < "2024-04")]
    one = mine[mine["period_start"] == mine["period_end"]]
    assert set(one["shown"]) == {"[c]"}
    ranges = disclosure.published(one, RULES).query("stratum != '*'")
    assert set(ranges["low"]) == {0.0}
    assert set(ranges["high"]) == {np.inf}


def test_what_no_step_can_mend_is_refused():
    true = tables.findings(np.full((3, 1, 6), 20.0), boroughs=B3)
    row = {"measure": "attendances", "source": "ed", "start": "2024-01", "end": "2024-01", "dim": "", "stratum": ""}
    gone = [row | {"place": p, "low": v, "high": v} for p, v in (("x", 3), ("y", 20), ("z", 23))]
    earlier = pd.DataFrame(gone).assign(edition="", share_low=np.nan, share_high=np.nan)[attack.PUBLISHED]
    with pytest.raises(errors.DisclosureError, match="1 small counts can be worked out"):
        cleared(true, earlier=earlier, sums=SUMS | {"z": ["x", "y"]})


def possible(cell, releases):
    """The true range of one count, by a model of its own: every inner count of every edition is an unknown."""
    inner = list(itertools.product(B3, ["2024-01", "2024-02", "2024-03"], tables.METHODS))
    editions = sorted({(m, e) for r in releases for m, e in r["editions"].items()})
    at = {(p, m, w, e): i for i, ((p, m, w), e) in enumerate(
        ((k, e) for k in inner for mm, e in editions if mm == k[1])
    )}  # fmt: skip
    rows, low, high = [], [], []

    def members(row, named):
        inside = [k for k in inner if row.place in ("london", k[0]) and row.start <= k[1] <= row.end]
        if row.dim:
            wanted = set(tables.METHODS) if row.stratum == "*" else set(row.stratum.split("+"))
            inside = [k for k in inside if k[2] in wanted]
        return [at[(*k, named[k[1]])] for k in inside]

    for release in releases:
        for row in release["published"].itertuples():
            rows.append(members(row, release["editions"]))
            low.append(row.low)
            high.append(row.high)
    matrix = sparse.lil_matrix((len(rows), len(at)))
    for i, columns in enumerate(rows):
        matrix[i, columns] = 1
    aim = np.zeros(len(at))
    aim[members(cell, releases[-1]["editions"])] = 1
    ends = []
    for sign in (1, -1):
        found = milp(
            sign * aim, constraints=LinearConstraint(matrix.tocsr(), low, high), bounds=Bounds(0, 500),
            integrality=np.ones(len(at)), options={"time_limit": 20},
        )  # fmt: skip
        assert found.status == 0
        ends.append(round(sign * found.fun))
    return ends


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000))
def test_no_sequence_of_five_releases_and_revisions_pins_a_hidden_cell(seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.choice([0.5, 2, 6, 15], size=(3, 1, 6)) * np.ones((1, 3, 1))).astype(float)
    ledger, releases, decisions, edition = None, [], [], ["a", "a", "a"]
    for number in range(5):
        if number and rng.random() < 0.6:  # late records for one month
            month = rng.integers(3)
            counts[rng.integers(3), month, rng.integers(6)] += rng.integers(1, 4)
            edition[month] += "x"
        true = tables.findings(counts[:, : rng.integers(1, 4)], boroughs=B3)
        keep = rng.random(len(true)) < rng.uniform(0.3, 1.0)
        true = true[keep].reset_index(drop=True)
        named = dict(zip(["2024-01", "2024-02", "2024-03"], edition, strict=True))
        try:
            decisions, _, _, shown = cleared(true, earlier=ledger, decisions=decisions, editions=named, sums=SUMS)
        except errors.DisclosureError:
            continue  # refused: nothing leaves
        published = disclosure.published(shown, RULES, named)
        ledger = published if ledger is None else pd.concat([ledger, published], ignore_index=True)
        releases.append({"published": published, "editions": named})
        zeros = set(ledger.loc[ledger["high"] == 0, attack.ADDRESS].itertuples(index=False, name=None))
        hidden = published[((published["high"] <= 7) & (published["high"] >= 1)) | np.isinf(published["high"])]
        for cell in hidden.sample(min(4, len(hidden)), random_state=seed).itertuples():
            low, high = possible(cell, releases)
            open_ = tuple(getattr(cell, k) for k in attack.ADDRESS) in zeros or (np.isinf(cell.high) and high == 0)
            assert high - low >= RULES["protection_width"] or low > 7 or open_, f"{low} to {high}"


def events(seed=0, span=("2023-01", "2024-12"), monthly=400):
    """A made table of ED events: borough, month, method, kind of place and time."""
    rng = np.random.default_rng(seed)
    held = months.span(*span)
    codes = np.array([*places.boroughs()["gss"], "", ""])
    n = monthly * len(held)
    month = np.repeat(held, monthly)
    day = pd.to_datetime(pd.Series(month) + "-01") + pd.to_timedelta(rng.integers(0, 28 * 1440, n), unit="min")
    return pd.DataFrame(
        {
            "site_code": rng.choice(["S1", "S2"], n), "month": month, "borough_gss": rng.choice(codes, n),
            "method": rng.choice(["fist", "knife", "blunt", "unknown"], n),
            "location_type": rng.choice(["street", "licensed"], n),
            "occurred_start": day, "occurred_precision": "minute", "arrival_at": day, "synthetic": True,
        }
    )  # fmt: skip


def test_the_plan_counts_as_the_pages_do():
    made = events()
    plan = RULES["release_plan"]["public"]
    found = clearance.planned(made, plan, "2024-12")
    area = places.find_area("camden")
    for dim in ("time_band_12",):
        told = tally.breakdown(tally.strata(made), dim, area, "2024", years=2)
        mine = found[(found["place"] == area.code) & (found["stratum_dim"] == dim)].reset_index(drop=True)
        keys = ["period_start", "stratum", "value", "n", "share_used"]
        pd.testing.assert_frame_equal(mine[keys], told[keys])
    london = found[(found["place"] == "london") & (found["stratum_dim"] == "") & (found["period_start"] == "2024-05")]
    assert london["value"].tolist() == [400.0]
    assert disclosure.release(found, "public", decisions=()).hidden["small count"] > 0
    assert set(_coarsen.groups(found)["period"].str.len()) == {4, 7}


@pytest.fixture
def where(tmp_path):
    """A root with a year of made events, and nothing published."""
    out = store.Root(tmp_path)
    folder = out.store / "events" / "source=ed"
    folder.mkdir(parents=True)
    events(span=("2024-01", "2024-12"), monthly=200).to_parquet(folder / "year=2024.parquet")
    return out


def test_decisions_a_log_and_a_summary_are_written_and_the_log_is_kept(where):
    done = clearance.decide(where, "2024-12")
    assert done["result"] == "passed"
    assert "Gate passed" in clearance.told(where, "2024-12")
    first = (where.restricted / "2024-12" / "clearance.csv").read_text(encoding="utf-8")
    held = store.clearance(where)
    assert len(first.splitlines()) > len(held) > 0  # 200 attendances a month are few for 33 boroughs
    again = clearance.decide(where, "2024-12")  # with the decisions in force: nothing is narrowed any more
    assert {k: v for k, v in again.items() if k != "rests_on"} == {k: v for k, v in done.items() if k != "rests_on"}
    with pytest.MonkeyPatch.context() as made:
        made.setattr(clearance, "coarsened", None)  # and the third time nothing is attacked anew
        assert clearance.decide(where, "2024-12") == again
    assert (where.restricted / "2024-12" / "clearance.csv").read_text(encoding="utf-8") == first
    assert store.clearance(where) == held


def test_what_was_published_before_can_make_a_month_impossible(where):
    row = {"measure": "attendances", "unit": "attendance", "source": "ed", "stratum_dim": "", "stratum": ""}
    row |= {
        "period_start": "2024-01",
        "period_end": "2024-01",
        "symbol": "",
        "rule": "nhs_hes",
        "n": "",
        "share_used": "",
    }
    codes = list(places.boroughs()["gss"])
    shown = [row | {"place": code, "value": "0"} for code in [*codes[1:], "not_known"]]
    told = {
        "audience": "public",
        "editions": {},
        "rule": "nhs_hes",
        "values": [*shown, row | {"place": "london", "value": "0"}],
    }
    store.append_ledger(where, [told])
    clearance.verify(where, [])
    gone = row | {"place": codes[0], "value": "", "symbol": "[c]"}
    with pytest.raises(errors.DisclosureError, match="contradict each other"):
        clearance.verify(where, [told | {"values": [gone]}])


def test_a_density_map_that_differs_from_one_of_its_year_may_not_leave(where):
    def line(first, last, place, classes):
        return {"audience": "public", "rule": "nhs_hes", "values": [], "map": [first, last, place, classes]}

    old = line("2024-01", "2024-12", "E09000007", "aa")
    store.append_ledger(where, [old])
    clearance.verify(where, [old, line("2023-01", "2023-12", "E09000007", "bb")])
    clearance.verify(where, [line("2024-01", "2024-12", "E09000012", "bb")])
    revised = line("2024-01", "2024-12", "E09000007", "bb")
    with pytest.raises(errors.DisclosureError, match="is out and differs"):
        clearance.verify(where, [revised])
    other = [line("2023-01", "2023-12", "E09000007", classes) for classes in ("aa", "bb")]
    with pytest.raises(errors.DisclosureError, match="is out and differs"):
        clearance.verify(where, other)  # two months about to leave together
