"""Near repeats: the pairs of NearRepeat, planted repeats found, doubles of one incident not."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import disclosure, hotspots, repeats
from tests.unit.made_points import CAMDEN, PERIOD, case, events, scattered

METRES, DAYS = (0, 0.01, 100, 200, 400, 800), (0, 3, 7, 14, 28)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_observed_pairs_are_those_of_nearrepeat(metric):
    points, theirs = case("points_ed"), case("knox")
    days = pd.to_datetime(points["date"]).to_numpy().astype("datetime64[D]").astype(int)
    ours = repeats.knox(points[["x", "y"]], days, METRES, DAYS, 199, np.random.default_rng(1), metric=metric)
    theirs = theirs[theirs["metric"] == metric].reset_index(drop=True)
    ours = ours.sort_values(["days_from", "metres_from"], ignore_index=True)
    assert (ours["observed"] == theirs["observed"]).all()
    held = theirs["knox_ratio"].notna()
    assert ours["ratio"][held].to_numpy() == pytest.approx(theirs["knox_ratio"][held].to_numpy(), rel=0.08)
    assert (np.abs(ours["p"] - theirs["p"]) < 0.15).all()


def test_pairs_are_counted_as_one_by_one_with_lower_ends_held():
    xy = np.array([[0, 0], [100, 0], [0, 200], [0, 0], [500, 500]])
    ours = repeats.knox(xy, np.array([0, 3, 2, 0, 1]), (0, 100, 200, 400), (0, 3, 7), 0, np.random.default_rng(1))
    assert ours["observed"].tolist() == [1, 0, 0, 2, 3, 0]
    assert ours["expected"].isna().all()
    assert repeats.knox(np.zeros((0, 2)), np.zeros(0), METRES, DAYS, 9, np.random.default_rng(1))["observed"].sum() == 0


def scene(rules, xy, days):
    rows = events(xy)
    rows["occurred_start"] = pd.Timestamp("2023-01-01 20:00") + pd.to_timedelta(days, unit="D")
    rows["month"] = rows["occurred_start"].dt.strftime("%Y-%m")
    return hotspots.scene(rows, CAMDEN, PERIOD, rules)


def test_planted_repeats_are_found_and_a_season_of_chance_is_not(rules):
    rng, rules = np.random.default_rng(2), rules.replaced(knox_times=499)
    frame = hotspots.scene(events([[529_000, 184_000]]), CAMDEN, PERIOD, rules).frame
    xy, days = scattered(400, frame=frame), rng.integers(0, 360, 400)
    none = scene(rules, xy, days)
    told = repeats.findings(repeats.bands(none, rules, rng), none, 0.05)
    assert (told["flags"] == "").all()
    again, later = xy[:60] + rng.normal(0, 30, (60, 2)), days[:60] + rng.integers(1, 3, 60)
    some = scene(rules, np.vstack([xy, again]), np.concatenate([days, later]))
    found = repeats.findings(repeats.bands(some, rules, rng), some, 0.05).set_index("stratum")
    assert found.loc["0-100 m, 0-2 days", "flags"] == "beyond_chance"
    assert found.loc["0-100 m, 0-2 days", "value"] > 3
    assert (disclosure.release(told, "partner").table["value"] >= 0).all()


def test_doubles_of_one_incident_are_no_repeats(rules):
    frame = hotspots.scene(events([[529_000, 184_000]]), CAMDEN, PERIOD, rules).frame
    xy, days = scattered(100, frame=frame), np.arange(100) * 3
    once, twice = (
        repeats.bands(scene(rules, np.tile(xy, (k, 1)), np.tile(days, k)), rules, np.random.default_rng(1))
        for k in (1, 2)
    )
    assert once["observed"].tolist() == twice["observed"].tolist()


def test_nothing_and_offences_without_a_day_give_no_data(rules):
    police = hotspots.scene(events([[529_000, 184_000]] * 9, source="mps", kind="street"), CAMDEN, PERIOD, rules)
    table = repeats.bands(police, rules, np.random.default_rng(1))
    assert table.attrs["n"] == 0
    assert set(repeats.findings(table, police, 0.05)["status"]) == {"no_data"}
