"""Two sources side by side: the same p as sppt, a planted difference found, none where there is none."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from istv_lib import compare, disclosure, hotspots, places
from tests.unit.made_points import CAMDEN, PERIOD, case, events, scattered

HEART = np.array([529_125.0, 184_125.0])


def test_p_is_that_of_sppt():
    cells = case("sppt")
    n, other_n = cells["ed_n"].sum(), cells["police_n"].sum()
    ours = compare.proportions(cells["ed_n"], n, cells["police_n"], other_n)
    assert np.abs(ours - cells["p_chi2_nm1"]).max() < 1e-9


def test_p_is_one_without_hits_and_stays_near_the_exact_one():
    assert compare.proportions([0], 50, [0], 60).tolist() == [1]
    exact = stats.fisher_exact([[12, 88], [4, 196]]).pvalue
    assert compare.proportions([12], 100, [4], 200)[0] == pytest.approx(exact, abs=0.002)


def both(rules, first, second, **more):
    police = events(second, source="mps", kind="street", radius=200.0, seed=7)
    return compare.sources(events(first, **more), police, CAMDEN, PERIOD, rules)


def frame(rules):
    return hotspots.scene(events([HEART]), CAMDEN, PERIOD, rules).frame


def test_a_place_of_one_source_is_heavy_and_like_patterns_are_not(rules):
    even, other = scattered(300, seed=1, frame=frame(rules)), scattered(900, seed=2, frame=frame(rules))
    assert (both(rules, even, other)["heavy"] == "").all()
    more = np.vstack([even, HEART + np.random.default_rng(3).uniform(-120, 120, (40, 2))])
    found = both(rules, more, other)
    heavy = found[found["heavy"] != ""]
    assert set(heavy["heavy"]) == {"ed"}
    assert places.cell_of(*HEART, size=500)[0] in set(heavy["cell"])
    assert (heavy["low"] > 1).all()
    assert found["ratio"].between(found["low"], found["high"]).all()
    assert found["first"].sum() == pytest.approx(found.attrs["n"][0])


def test_a_snap_point_of_many_offences_makes_no_square_police_heavy(rules):
    even, other = scattered(300, seed=1, frame=frame(rules)), scattered(900, seed=2, frame=frame(rules))
    stacked = both(rules, even, np.vstack([other, np.tile(HEART, (80, 1))]))
    assert (stacked["p"].min() < 1e-4) & (stacked["heavy"] == "").all()
    spread = HEART + np.random.default_rng(3).uniform(-120, 120, (80, 2))
    assert (both(rules, even, np.vstack([other, spread]))["heavy"] == "police").any()


def test_the_comparison_becomes_findings_and_without_a_source_there_is_none(rules):
    even = scattered(300, seed=1, frame=frame(rules))
    more = np.vstack([even, HEART + np.random.default_rng(3).uniform(-120, 120, (40, 2))])
    found = compare.findings(
        both(rules, more, scattered(900, seed=2, frame=frame(rules))), CAMDEN.code, PERIOD, synthetic=True
    )
    assert set(found["measure"]) == {"source_ratio", "squares_compared"}
    assert disclosure.release(found, "partner").table["value"].notna().all()
    none = both(rules, even, np.zeros((0, 2)))
    assert not none["tested"].any()
    assert none["ratio"].isna().all()
    told = compare.findings(none, CAMDEN.code, PERIOD, synthetic=True)
    assert told["status"].tolist() == ["no_data"]
    assert isinstance(told, pd.DataFrame)
