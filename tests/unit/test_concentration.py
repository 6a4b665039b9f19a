"""Concentration and accuracy: formulas, few incidents, and a map judged by what came later."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import concentration, disclosure, hotspots, months, places
from tests.unit.made_points import CAMDEN, PERIOD, case, events, grid_of, scattered

HEART = np.array([529_125.0, 184_125.0])


def test_gini_is_that_of_bernasco_and_steenbeek():
    points, theirs = case("points_ed"), case("gini").set_index("name")
    sets = {
        "ed_year": points,
        "ed_2024_06": points[points["date"].str.startswith("2024-06")],
        "police": case("points_police"),
    }
    for name, part in sets.items():
        counts = grid_of(part).ravel()
        for kind, generalised in (("gini", False), ("gini_gen", True)):
            for end, unbiased in (("biased", False), ("unbiased", True)):
                ours = concentration.gini(counts, generalised=generalised, unbiased=unbiased)
                assert ours == pytest.approx(theirs.loc[f"{kind}_{end}", name], abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=30))
def test_few_incidents_are_not_concentrated_by_their_number(counts):
    counts = np.array(counts)
    found = concentration.gini(counts)
    if counts.sum() == 0:
        assert np.isnan(found)
        assert np.isnan(concentration.share_of_places(counts, 0.5))
    else:
        assert -1e-9 <= found <= 1 + 1e-9
        assert (counts.max() > 1) or found == pytest.approx(0, abs=1e-9)
        assert (
            0 < concentration.share_of_places(counts, 0.25) <= concentration.share_of_places(counts, 0.5) <= 0.5 + 1e-9
        )


def test_half_the_incidents_and_the_lorenz_curve():
    counts = np.array([4, 2, 1, 1, 0, 0, 0, 0])
    assert concentration.share_of_places(counts, 0.5) == pytest.approx(1 / 8)
    assert concentration.share_of_places(counts, 0.75) == pytest.approx(2 / 8)
    assert concentration.share_of_places(counts, 0.625) == pytest.approx(1.5 / 8)
    curve = concentration.lorenz(counts)
    assert curve.iloc[2].tolist() == [0.25, 0.75]
    assert concentration.lorenz(np.zeros(3))["incidents"].isna().all()


def long_scene(rules, later_at=HEART, each=8):
    frame = hotspots.scene(events([HEART]), CAMDEN, PERIOD, rules).frame
    parts = []
    for k, month in enumerate(months.span("2022-07", "2023-12")):
        at = HEART if month < "2023-07" else later_at
        xy = np.vstack(
            [scattered(15, seed=k, frame=frame), at + np.random.default_rng(k).uniform(-120, 120, (each, 2))]
        )
        parts.append(events(xy, month=month, seed=k))
    rows = pd.concat(parts, ignore_index=True)
    rows["event_id"] = [f"e{i}" for i in range(len(rows))]
    return hotspots.scene(rows, CAMDEN, ("2022-07", "2023-12"), rules)


def test_an_interval_holds_its_figure_and_few_incidents_are_flagged(rules):
    found = concentration.summary(long_scene(rules), rules, np.random.default_rng(1))
    assert (found["lower"] <= found["value"]).all()
    assert (found["value"] <= found["upper"]).all()
    assert (found.loc[found["unit"] == "square", "value"] % 1 == 0).all()
    assert (found["flags"] == "few_incidents").all()
    assert disclosure.release(found, "partner")
    none = hotspots.scene(events(np.zeros((0, 2))), CAMDEN, PERIOD, rules)
    assert set(concentration.summary(none, rules, np.random.default_rng(1))["status"]) == {"no_data"}


def test_a_lasting_place_is_foretold_and_one_that_moved_is_not(rules):
    rules = rules.replaced(hot_draws=100)
    stays = long_scene(rules)
    flat = hotspots.flat(stays)
    found = concentration.backtest(stays, flat, rules, np.random.default_rng(1))
    hot = found[found["stratum"] == "hot"].set_index("measure")
    assert hot.loc["pai", "value"] == pytest.approx(hot.loc["caught", "value"] / hot.loc["area_share", "value"])
    assert hot.loc["caught", "value"] > 0.3
    assert 0 < hot.loc["pei", "lower"] <= hot.loc["pei", "value"] <= 1
    assert hot.loc["rri", "lower"] < 1 < hot.loc["rri", "upper"]
    assert hot.loc["caught", "denominator"] == stays.within("2023-07", "2023-12").n
    moved = concentration.backtest(
        long_scene(rules, HEART + np.array([1500, -1000])), flat, rules, np.random.default_rng(1)
    )
    moved = moved[moved["stratum"] == "hot"].set_index("measure")
    assert moved.loc["rri", "upper"] < 1
    assert len(disclosure.release(found, "partner").table) == 10


def test_another_source_can_be_the_baseline_of_each_window(rules):
    scene = long_scene(rules)
    same = long_scene(rules)
    found = concentration.backtest(scene, same, rules.replaced(hot_draws=20), np.random.default_rng(1))
    assert set(found.loc[found["stratum"] == "hot", "status"]) == {"no_data"}  # nothing beyond itself is hot
    assert places.find_area("camden") == CAMDEN


def test_too_short_a_past_gives_no_data(rules):
    short = long_scene(rules).within("2023-01", "2023-12")
    found = concentration.backtest(short, hotspots.flat(short), rules, np.random.default_rng(1))
    assert set(found["status"]) == {"no_data"}
