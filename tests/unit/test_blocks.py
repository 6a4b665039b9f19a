"""Hot blocks: scores, lasting and new squares, venues, hours; and the planted hot spot of the synthetic London."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from istv_lib import (
    _shrink,
    _synth_attendances,
    _synth_plan,
    _synth_streets,
    blocks,
    disclosure,
    errors,
    hotspots,
    months,
    places,
)
from tests.unit.made_points import CAMDEN, FRAME, PERIOD, case, events, on, scattered

HEART = np.array([529_125.0, 184_125.0])
LONG = ("2022-02", "2023-12")


def test_shrunk_rates_are_those_of_spdep():
    cells = case("cells")
    ours = _shrink.rates(cells["n"], cells["police_n"] + 1)
    assert np.abs(ours - cells["eb_rate"]).max() < 1e-9


def test_rates_without_exposure_are_missing_and_equal_ones_are_drawn_to_the_whole():
    assert np.isnan(_shrink.rates([1, 2], [0, 0])).all()
    assert _shrink.rates([1, 1, 1], [2, 2, 2]) == pytest.approx(0.5)
    assert _shrink.rates([0, 0], [1, 2]).tolist() == [0, 0]


@pytest.mark.parametrize("whole", [0.1, 0.5])
def test_odds_are_finite_and_drawn_in(whole):
    middle, low, high = _shrink.odds([0, 9, 50, 0], [9, 0, 50, 0], whole)
    assert np.isfinite([middle, low, high]).all()
    assert (low < middle).all()
    assert (middle < high).all()
    assert middle[0] < whole / (1 - whole) < middle[1]


def test_recent_and_sure_incidents_weigh_more(rules):
    old, new, unsure = (HEART + np.array(step) for step in ([0, 0], [0, 1500], [-1500, 0]))
    parts = [events(np.tile(at, (4, 1)), month=m, seed=k, location_p=p) for k, (at, m, p) in
             enumerate([(old, "2023-01", 1.0), (new, "2023-12", 1.0), (unsure, "2023-12", 0.9)])]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    rows["event_id"] = [f"e{i}" for i in range(12)]
    scene = hotspots.scene(rows, CAMDEN, PERIOD, rules)
    found = blocks.scores(scene, rules).set_index("cell").loc[[places.cell_of(*at)[0] for at in (new, unsure, old)]]
    assert found["incidents"].tolist() == [4, 4, 4]
    assert found["weighted"].tolist() == pytest.approx([4, 3.6, 4 * 0.5 ** (11 / 6)])
    assert found["score"].is_monotonic_decreasing
    assert found["rank"].iloc[0] == 1
    assert (found["score"] < found["weighted"]).all()  # drawn towards the mean square


def test_segments_are_scored_by_their_length(rules):
    lines = pd.DataFrame({"segment": ["short", "long"], "street": ["A", "B"], "x0": [526_100.0, 526_100.0],
                          "y0": [180_100.0, 181_500.0], "x1": [526_200.0, 526_600.0],
                          "y1": [180_100.0, 181_500.0]})  # fmt: skip
    points = np.repeat([[526_150.0, 180_110.0], [526_300.0, 181_510.0], [532_000.0, 185_000.0]], 6, axis=0)
    scene = on(points, rules)
    scene = type(scene)(**{**vars(scene), "period": PERIOD})
    found = blocks.segments(scene, lines, rules).set_index("segment")
    assert found["incidents"].to_dict() == {"short": 6, "long": 6}  # the six far off are on no street
    assert found["rank"].to_dict() == {"short": 1, "long": 2}
    with pytest.raises(errors.ParameterError, match="lacks the column street"):
        blocks.segments(scene, lines.drop(columns="street"), rules)
    with pytest.raises(errors.ParameterError, match="looks like degrees"):
        blocks.segments(scene, lines.assign(x0=0.1, x1=0.1, y0=51.5, y1=51.5), rules)


# ---- lasting and new ---------------------------------------------------------------------------------------------


def two_years(rules, hot_from, hot_to, each=6):
    span = months.span(*LONG)
    frame = hotspots.scene(events([HEART]), CAMDEN, PERIOD, rules).frame
    parts = []
    for k, month in enumerate(span):
        xy = scattered(25, seed=k, frame=frame)
        if hot_from <= month <= hot_to:
            xy = np.vstack([xy, HEART + np.random.default_rng(k).uniform(-120, 120, (each, 2))])
        parts.append(events(xy, month=month, seed=k))
    rows = pd.concat(parts, ignore_index=True)
    return hotspots.scene(rows.assign(event_id=[f"e{i}" for i in range(len(rows))]), CAMDEN, LONG, rules)


def test_a_lasting_square_is_hot_in_each_window_and_an_old_one_in_fewer(rules):
    cell = places.cell_of(*HEART)[0]
    always = two_years(rules, *LONG)
    found = blocks.persistence(always, hotspots.flat(always), rules).set_index("cell").loc[cell]
    assert (found["hot"], found["windows"]) == (12, 12)
    former = two_years(rules, "2022-02", "2022-10")
    assert 0 < blocks.persistence(former, hotspots.flat(former), rules).set_index("cell").loc[cell, "hot"] < 12
    few = always.within("2023-01", "2023-12")
    assert blocks.persistence(few, hotspots.flat(few), rules)["windows"].max() == 1


def test_a_new_square_emerges_and_a_steady_one_or_a_rise_everywhere_does_not(rules):
    cell = places.cell_of(*HEART)[0]
    new = blocks.emerging(two_years(rules, "2023-10", "2023-12").within(*PERIOD), rules).set_index("cell")
    assert new.loc[cell, "emerging"]
    assert new.loc[cell, "recent"] >= 18
    steady = two_years(rules, *LONG).within(*PERIOD)
    assert not blocks.emerging(steady, rules)["emerging"].any()
    twice = pd.concat([steady.incidents, steady.incidents[steady.incidents["month"] >= "2023-10"]], ignore_index=True)
    twice["event_id"] = [f"t{i}" for i in range(len(twice))]
    twice["occurred_start"] += pd.to_timedelta(np.arange(len(twice)) * 5, unit="h")
    grown = hotspots.scene(twice.drop(columns=["victims", "spread_m", "inside"]), CAMDEN, PERIOD, rules)
    assert not blocks.emerging(grown, rules)["emerging"].any()


def test_the_planted_hot_spot_emerges_within_three_months_and_not_before(rules):
    """15 more attendances a month in a circle of 300 m, half of them mapped: the test finds it within two months with a
    probability of 0.91, within three of 0.99.
    """
    plan, rng = _synth_plan.SMALL, np.random.default_rng(20220101)
    streets = _synth_streets.build(plan, rng)
    people = _synth_attendances.simulate(plan, streets, rng)
    people = people[(people["gss"] == plan.hot_spot[0]) & (people["location_type"] != "home")]
    people = people[rng.random(len(people)) < 0.5].reset_index(drop=True)
    rows = events(people[["x", "y"]], gss=plan.hot_spot[0], radius=30.0)
    rows["month"], rows["arrival_at"] = people["month"], people["arrival_at"]
    rows["occurred_start"] = people["incident_at"]
    at, area = streets.anchors.iloc[streets.hot][["x", "y"]].mean(), places.find_area(plan.hot_spot[0])
    here, elsewhere = {}, {}
    for month in months.span("2024-03", "2024-10"):
        scene = hotspots.scene(rows, area, (months.add(month, -11), month), rules)
        found = blocks.emerging(scene, rules)
        x, y = places.cell_origin(found["cell"].to_numpy())
        near = np.hypot(x + 125 - at["x"], y + 125 - at["y"]) < 600
        here[month], elsewhere[month] = (bool((found["emerging"] & where).any()) for where in (near, ~near))
    assert not any(on for month, on in here.items() if month < plan.hot_spot[1])
    assert all(here[month] for month in ("2024-09", "2024-10"))
    assert not any(elsewhere.values())


# ---- venues, hours, findings -------------------------------------------------------------------------------------


def test_venues_are_repeated_points_and_never_homes_or_streets(rules):
    pub, street = HEART, HEART + 600
    parts = [events(np.tile(pub, (4, 1)), seed=1), events(np.tile(street, (5, 1)), kind="street", seed=2)]
    rows = pd.concat(parts, ignore_index=True)
    rows["event_id"] = [f"e{i}" for i in range(len(rows))]
    scene = hotspots.scene(rows, CAMDEN, PERIOD, rules)
    names = pd.DataFrame({"name": ["The Made Arms", "Far"], "x": [pub[0] + 10, 0], "y": [pub[1], 0.0]})
    assert blocks.venues(scene, rules, names)["name"].tolist() == [""]  # no real place is named for made-up incidents
    found = blocks.venues(dataclasses.replace(scene, synthetic=False), rules, names)
    assert found[["name", "incidents", "victims", "months"]].to_numpy().tolist() == [["The Made Arms", 4, 4, 1]]
    scene.incidents["location_type"] = "home"
    assert blocks.venues(scene, rules).empty


def test_hours_and_weapons_of_a_hot_area_are_told_with_their_number(rules):
    frame = hotspots.scene(events([HEART]), CAMDEN, PERIOD, rules).frame
    xy = np.vstack([scattered(200, frame=frame), HEART + np.random.default_rng(1).uniform(-120, 120, (40, 2))])
    scene = hotspots.scene(events(xy), CAMDEN, PERIOD, rules)
    found = hotspots.squares(scene, hotspots.flat(scene), rules)
    told = blocks.when(scene, found)
    weapons = told[told["stratum_dim"] == "area_weapon_group"].set_index("stratum")
    assert weapons.loc["1: body", "value"] >= 40
    assert weapons["value"].sum() == weapons["n"].iloc[0]
    assert len(told[told["stratum_dim"] == "area_time_band_12"]) == 12
    area = told[told["measure"] == "area_squares"].iloc[0]
    assert area["stratum"] == f"1: {places.cell_of(*HEART)[0]}"
    assert area["value"] == found["hot"].sum()
    assert blocks.when(scene, found.assign(hot=False))["status"].tolist() == ["no_data"]


def test_blocks_become_findings_that_partners_may_see_and_the_public_may_not(rules):
    long = two_years(rules, "2023-10", "2023-12")
    year = long.within(*PERIOD)
    parts = {
        "scored": blocks.scores(year, rules),
        "new": blocks.emerging(year, rules),
        "spots": blocks.venues(year, rules),
    }
    found = blocks.findings(year, rules, lasting=blocks.persistence(long, hotspots.flat(long), rules), **parts)
    assert {"block_score", "emerging", "emerging_squares"} <= set(found["measure"])
    assert (found[found["measure"] == "block_score"]["n"] > 0).all()
    assert len(disclosure.release(found, "partner").table) == len(found)
    with pytest.raises(errors.DisclosureError, match="release plan"):
        disclosure.release(found, "public")


def test_blocks_of_nothing_are_no_data(rules):
    none = hotspots.scene(events(np.zeros((0, 2))), CAMDEN, PERIOD, rules)
    parts = {
        "scored": blocks.scores(none, rules),
        "new": blocks.emerging(none, rules),
        "spots": blocks.venues(none, rules),
    }
    found = blocks.findings(none, rules, lasting=blocks.persistence(none, hotspots.flat(none), rules), **parts)
    assert found["measure"].tolist() == ["emerging_squares"]
    assert found["status"].tolist() == ["no_data"]
    assert FRAME.size == none.frame.size
