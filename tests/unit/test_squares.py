"""Squares that hold more than expected: parity with peers, what makes a square hot, what must not."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from istv_lib import (
    _excess,
    _incidents,
    _kernel,
    _lattice,
    _points,
    _scene,
    _uncertain,
    agencies,
    disclosure,
    errors,
    hotspots,
    places,
)
from tests.unit.made_points import CAMDEN, CITY, FRAME, PERIOD, case, events, grid_of, on, scattered

HEART = np.array([529_125.0, 184_125.0])  # the middle of a square of Camden


def stack(n, at=HEART):
    return np.tile(at, (n, 1))


def around(n, at=HEART, seed=2):
    return at + np.random.default_rng(seed).uniform(-120, 120, (n, 2))


# ---- the same numbers as the peers -------------------------------------------------------------------------------


def test_counts_gi_star_p_and_fdr_are_those_of_sfhotspot_and_spdep():
    cells, points = case("cells"), case("points_ed")
    counts = grid_of(points)
    assert np.array_equal(counts.ravel(), cells["n"])
    assert np.array_equal(grid_of(case("points_police")).ravel(), cells["police_n"])
    z = _excess.gi_star(counts, FRAME.near).ravel()
    p = _excess.two_sided(z)
    for ours, theirs in ((z, "gistar"), (p, "p_none"), (_excess.adjusted(p), "p_BH_all")):
        assert np.abs(ours - cells[theirs]).max() < 1e-9
    june = grid_of(points[points["date"].str.startswith("2024-06")])
    assert np.array_equal(june.ravel(), cells["n_2024_06"])
    assert np.abs(_excess.gi_star(june, FRAME.near).ravel() - cells["gistar_2024_06"]).max() < 1e-9


@pytest.mark.parametrize("radius", [300, 500])
def test_kernel_is_spatialkdes_but_for_its_scale(radius):
    cells = case("cells")
    ours = _kernel.density(case("points_ed")[["x", "y"]], cells[["cx", "cy"]], radius)
    assert np.abs(ours * np.pi * radius**2 / 3e6 - cells[f"kde_quartic_{radius}"]).max() < 1e-9


@settings(max_examples=40)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.001, 0.999))
def test_tails_of_whole_counts_are_binomial(hits, more, share):
    n = hits + more
    assert _excess.tail(hits, n, share) == pytest.approx(stats.binom.sf(hits - 1, n, share), abs=1e-9)
    mid = stats.binom.sf(hits, n, share) + stats.binom.pmf(hits, n, share) / 2
    assert _excess.mid_tail(hits, n, share) == pytest.approx(mid if n else 1, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_rate_is_scipys(p):
    p = np.array(p)
    theirs = stats.false_discovery_control(p)
    assert np.allclose(_excess.adjusted(p), theirs, atol=1e-12)
    assert (p <= _excess.cut(p, 0.05)).sum() <= (theirs <= 0.05 + 1e-12).sum()
    assert (p <= _excess.cut(p, 0.05)).sum() >= (theirs < 0.05 - 1e-12).sum()


# ---- the lattice -------------------------------------------------------------------------------------------------


def test_each_square_of_london_belongs_to_one_borough():
    london = _lattice.frame(places.find_area("london").boroughs, 1000, 10**6)
    named = [
        name
        for gss in places.boroughs()["gss"]
        for f in [_lattice.frame((gss,), 1000, 10**6)]
        for name in f.names(np.flatnonzero(f.own))
    ]
    assert sorted(named) == sorted(london.names(np.flatnonzero(london.own)))
    assert londons_area(london) == pytest.approx(sum(s.area for s in _points.shapes()[1]) / 1e6, rel=1e-6)


def londons_area(frame):
    return frame.land.sum() * frame.size**2 / 1e6


def test_names_and_places_are_those_of_the_public_lattice():
    frame = _lattice.frame(CAMDEN.boroughs, 250, 10**6)
    x, y = scattered(200, frame=frame).T
    assert (frame.names(frame.index(x, y)) == places.cell_of(x, y)).all()
    assert (frame.index([np.nan, 0, 529_000], [184_000, 184_000, np.inf]) == -1).all()


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6))
def test_sums_are_those_of_neighbours_one_by_one(high, wide, seed):
    grid = np.random.default_rng(seed).integers(0, 9, (high, wide)).astype(float)
    slow = [[grid[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].sum() for j in range(wide)] for i in range(high)]
    frame = _lattice.rectangle(0, 0, wide, high, 10)
    assert np.array_equal(_lattice.sums(grid), slow)
    assert np.array_equal((frame.about @ grid.ravel()).reshape(high, wide), slow)


def test_a_spread_street_keeps_its_weight_inside_london(rules):
    scene = on(scattered(40), rules, kind="street", radius=150.0)
    inner = FRAME.index(*(scattered(40) + 200).T) >= 0
    total = np.asarray(scene.weights.sum(axis=1)).ravel()
    assert (total <= 1 + 1e-9).all()
    assert total[inner].max() == pytest.approx(1)
    edge = _lattice.frame(places.find_area("havering").boroughs, 250, 10**6)
    rim = np.flatnonzero(edge.own & (edge.land > 0.2) & (edge.land < 0.8))[:20]
    x, y = edge.middles(rim)
    inside = places.borough_of(x, y) != ""
    spread = _lattice.spread(pd.DataFrame({"x": x, "y": y, "spread_m": 100.0})[inside], edge)
    assert np.asarray(spread.sum(axis=1)).ravel() == pytest.approx(1)


def test_a_street_is_shared_out_along_the_users_network():
    lines = pd.DataFrame({"segment": ["a", "b", "c"], "street": ["High", "High", "Low"],
                          "x0": [526_100.0, 526_300, 526_100],
                          "y0": [180_130.0, 180_130, 180_600], "x1": [526_300.0, 526_700, 526_700],
                          "y1": [180_130.0, 180_130, 180_600]})  # fmt: skip
    pieces = _lattice.split_segments(lines, 25)
    assert pieces.groupby("segment")["metres"].sum().to_dict() == {"a": 200, "b": 400, "c": 600}
    point = pd.DataFrame({"x": [526_400.0], "y": [180_140.0], "spread_m": [400.0]})
    row = _lattice.spread(point, FRAME, pieces).toarray().reshape(FRAME.shape)
    assert row[0, :3].sum() == pytest.approx(1)  # all of it on High, none on Low three squares north
    assert row[0, 0] == pytest.approx(row[0, 2] / 200 * 150, rel=0.1)


# ---- incidents ---------------------------------------------------------------------------------------------------


def joined(rules, xy, hours, **more):
    rows = events(xy, **more)
    at = pd.Timestamp("2023-06-10 23:00") + pd.to_timedelta(hours, unit="h")
    rows["occurred_start"] = rows["arrival_at"] = at
    return _incidents.distinct(rows, rules)


def test_people_of_one_fight_are_one_incident(rules):
    found = joined(rules, stack(3), [0, 0.5, 1.0])
    assert found["victims"].tolist() == [3]
    assert joined(rules, stack(2), [0, 3])["victims"].tolist() == [1, 1]
    assert joined(rules, [HEART, HEART + 40], [0, 0])["victims"].tolist() == [1, 1]  # 57 m apart
    assert joined(rules, [HEART, HEART + 30], [0, 0])["victims"].tolist() == [2]


def test_arrivals_and_days_stand_in_for_unknown_times_and_offences_are_never_joined(rules):
    rows = events(stack(4)).assign(occurred_precision="none")
    rows["occurred_start"] = pd.NaT
    rows["arrival_at"] = pd.to_datetime(["2023-06-10 23:00", "2023-06-11 00:30", None, None])
    rows.loc[2:, "occurred_start"], rows.loc[2:, "occurred_precision"] = pd.Timestamp("2023-06-20"), "day"
    assert sorted(_incidents.distinct(rows, rules)["victims"]) == [2, 2]
    police = events(stack(5), source="mps", kind="street")
    police["occurred_start"] = pd.Timestamp("2023-06-01")
    assert len(_incidents.distinct(police, rules)) == 5


def test_the_finest_place_speaks_for_the_incident(rules):
    rows = events([HEART, HEART + 10]).assign(precision_class=["street", "point"])
    rows["occurred_start"] = rows["arrival_at"] = pd.Timestamp("2023-06-10 23:00")
    assert _incidents.distinct(rows, rules)["precision_class"].tolist() == ["point"]


# ---- the test ----------------------------------------------------------------------------------------------------


def looked(xy, rules, area=CAMDEN, **more):
    scene = hotspots.scene(events(xy, gss=area.code, **more), area, PERIOD, rules)
    return scene, hotspots.squares(scene, hotspots.flat(scene), rules)


def test_a_cluster_is_hot_and_an_even_world_is_not(rules):
    frame = _lattice.frame(CAMDEN.boroughs, 250, 10**6)
    even = scattered(300, frame=frame)
    assert not looked(even, rules)[1]["hot"].any()
    scene, found = looked(np.vstack([even, around(40)]), rules)
    hot = found[found["hot"]]
    assert np.hypot(hot["x"] - HEART[0], hot["y"] - HEART[1]).max() < 600
    assert found.set_index("cell").loc[places.cell_of(*HEART)[0], "hot"]
    assert scene.n < len(even) + 40  # the rectangle holds neighbours too
    assert (found["q"] <= 0.05).sum() == (found["hot"] | found["one_place"]).sum()


def test_a_stack_on_one_point_is_a_place_and_not_a_hot_spot(rules):
    even = scattered(300, frame=_lattice.frame(CAMDEN.boroughs, 250, 10**6))
    _, found = looked(np.vstack([even, stack(40)]), rules)
    assert found["one_place"].any()
    assert not found["hot"].any()
    assert found.loc[found["cell"] == places.cell_of(*HEART)[0], "p"].item() < 1e-9
    two = np.vstack([even, stack(20), stack(20, HEART + 100)])
    assert looked(two, rules)[1]["hot"].any()  # two places beside each other are a cluster


def test_a_stack_of_police_offences_is_one_place_and_a_named_street_is_spread(rules):
    even = scattered(300, frame=_lattice.frame(CAMDEN.boroughs, 250, 10**6))
    xy = np.vstack([even, stack(40)])
    _, police = looked(xy, rules, source="mps", kind="street", radius=200.0)
    assert police["one_place"].any()
    assert not police["hot"].any()
    scene, street = looked(xy, rules, kind="street", radius=200.0)
    assert scene.counts.max() < 30  # not stacked
    assert (street["hot"] & street["one_street"]).any()
    assert not street["one_place"].any()


def test_neighbours_across_the_border_count_in_sum_and_expectation(rules):
    frame = _lattice.frame(CITY.boroughs, 250, 10**6)
    edge = frame.near & ~frame.own
    x, y = frame.middles(np.flatnonzero(edge)[:1])
    scene = hotspots.scene(events(np.tile([x[0], y[0]], (60, 1)), gss="E09000007"), CITY, PERIOD, rules)
    found = hotspots.squares(scene, hotspots.flat(scene), rules)
    assert scene.n == 0
    assert found["around"].max() == 60
    inner = found.loc[found["expected"].idxmax()]
    assert inner["expected"] == pytest.approx(60 * 9 / frame.land[frame.near].sum(), rel=1e-6)


def test_the_baseline_decides_what_is_excess(rules):
    even = scattered(300, frame=_lattice.frame(CAMDEN.boroughs, 250, 10**6))
    xy = np.vstack([even, around(60)])
    scene, flat = looked(xy, rules)
    assert flat["hot"].any()
    same = hotspots.scene(events(xy, source="mps", seed=3), CAMDEN, PERIOD, rules, source="police")
    assert not hotspots.squares(scene, hotspots.counted(scene, same, "police"), rules)["hot"].any()
    cells = pd.Series(places.cell_of(*np.vstack([xy] * 5).T)).value_counts()
    layer = pd.DataFrame({"cell": cells.index, "weight": cells.to_numpy()})
    assert not hotspots.squares(scene, hotspots.layer(scene, layer, "people"), rules)["hot"].any()
    even_police = hotspots.scene(events(even, source="mps"), CAMDEN, PERIOD, rules, source="police")
    assert hotspots.squares(scene, hotspots.counted(scene, even_police, "police"), rules)["hot"].any()


def test_a_layer_off_the_lattice_or_below_zero_is_refused(rules):
    scene, _ = looked(stack(3), rules)
    good = pd.DataFrame({"cell": ["E529000N184000"], "weight": [1.0]})
    for wrong, told in (
        (good.assign(cell="E529100N184000"), "off the lattice"), (pd.concat([good, good]), "1 repeat"),
        (good.assign(weight=-1.0), "no number from 0"), (good.drop(columns="weight"), "lacks the column weight"),
        (good.assign(cell="here"), "not a lattice cell"),
    ):  # fmt: skip
        with pytest.raises(errors.ParameterError, match=told):
            hotspots.layer(scene, wrong, "people")
    assert hotspots.layer(scene, good.assign(weight=0.0), "people").kind == "empty"


# ---- how sure ----------------------------------------------------------------------------------------------------


def full(scene, rules, base=None):
    base = base or hotspots.flat(scene)
    studied = hotspots.study(scene, base, rules, np.random.default_rng(1))
    return studied, hotspots.findings(studied, scene, base, rules, of=2 * max(scene.n, 1))


def test_sure_places_stay_hot_and_unsure_ones_may_not(rules):
    rules = rules.replaced(hot_draws=100)
    even = scattered(200, frame=_lattice.frame(CAMDEN.boroughs, 250, 10**6))
    xy = np.vstack([even, around(14)])
    sure, _ = full(looked(xy, rules, location_p=1.0, radius=0.0)[0], rules)
    found, told = full(looked(xy, rules, location_p=0.86, radius=240.0)[0], rules)
    assert (sure.loc[sure["hot"], "p_hot"] == 1).all()
    assert ((found["p_hot"] > 0.02) & (found["p_hot"] < 0.98)).any()
    assert found["kept"].notna().sum() == rules["top_places"]
    assert found["kept"].max() == 1
    shown = told.set_index("measure").loc["hot_squares"]
    assert shown["expected"] < 0.5
    assert shown["n"] < rules["hot_points_full"]
    assert shown["flags"] == "flat;indicative"
    assert disclosure.release(told, "partner").hidden["small count"] == 0


def test_candidates_draw_a_wrong_place_to_where_else_it_may_be(rules):
    scene = on(stack(200), rules, location_p=0.5, radius=0.0)
    other = pd.DataFrame({"event_id": scene.incidents["event_id"], "x": 530_000.0, "y": 181_000.0, "p": 0.3})
    rows = pd.concat([other, other.assign(x=531_000.0, p=0.1)])
    x, _ = _uncertain.places_drawn(scene.incidents, 50, np.random.default_rng(1), rows)
    share = {v: (x == v).mean() for v in (HEART[0], 530_000.0, 531_000.0)}
    assert share == pytest.approx({HEART[0]: 0.5, 530_000.0: 0.375, 531_000.0: 0.125}, abs=0.02)


def test_draws_repeat_with_their_seed(rules):
    scene = looked(around(60), rules)[0]
    pd.testing.assert_frame_equal(full(scene, rules)[1], full(scene, rules)[1])


def test_who_is_hot_only_by_the_hospitals_choice_is_told(rules):
    even = events(scattered(200, frame=_lattice.frame(CAMDEN.boroughs, 250, 10**6)))
    doubted = events(around(30), seed=9, prior_decided=True, location_p=0.2).assign(event_id="p")
    doubted["event_id"] = [f"p{i}" for i in range(30)]
    found = hotspots.sensitivity(pd.concat([even, doubted]), CAMDEN, PERIOD, rules)
    assert set(found["flags"]) == {"", "only_with"}
    assert found.loc[0, "value"] == 30


def test_homes_are_refused_whatever_is_asked(rules):
    home = events(stack(3), location_type="home")
    for prior in (False, True):
        with pytest.raises(errors.DisclosureError, match="3 of 3"):
            hotspots.scene(home, CAMDEN, PERIOD, rules, prior=prior)


# ---- little or odd data ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 49])
def test_too_few_points_make_no_map_and_say_so(rules, n):
    scene = looked(stack(n), rules)[0]
    studied, found = full(scene, rules)
    assert not studied["hot"].any()
    row = found.set_index("measure").loc["hot_squares"]
    assert row["status"] == "no_data"
    assert "few" in row["flags"]
    assert (found["stratum_dim"] == "").all()


def test_all_points_at_one_place_are_one_place(rules):
    scene = looked(stack(80), rules)[0]
    studied, found = full(scene, rules)
    assert not studied["hot"].any()
    assert studied["one_place"].sum() == 9
    assert "indicative" in found.loc[0, "flags"]


def test_points_outside_london_and_a_baseline_of_nothing_give_no_map(rules):
    far = hotspots.scene(events(stack(60, np.array([400_000.0, 300_000.0]))), CAMDEN, PERIOD, rules)
    assert (far.n, far.left_out) == (0, 60)
    assert full(far, rules)[1].loc[0, "status"] == "no_data"
    scene = looked(around(60), rules)[0]
    nothing = hotspots.scene(events(stack(0), source="mps"), CAMDEN, PERIOD, rules, source="police")
    _, found = full(scene, rules, hotspots.counted(scene, nothing, "police"))
    assert "empty_baseline" in found.loc[0, "flags"]
    assert found.loc[0, "status"] == "no_data"


def test_degrees_and_huge_lattices_are_refused(rules):
    with pytest.raises(errors.ParameterError, match="look like degrees"):
        hotspots.scene(events([[-0.1, 51.5]]), CAMDEN, PERIOD, rules)
    with pytest.raises(errors.ParameterError, match="choose larger squares"):
        hotspots.scene(events(stack(1)), CAMDEN, PERIOD, rules.replaced(lattice_m=1))
    with pytest.raises(errors.ParameterError, match="whole number of metres"):
        _lattice.frame(CAMDEN.boroughs, 0, 10)


def test_chance_is_what_the_rate_promises(rules):
    scene = on(scattered(200), rules.replaced(hot_draws=300))
    mean, any_ = _scene.chance(scene, _scene.flat(FRAME), rules.replaced(hot_draws=300), np.random.default_rng(1))
    assert any_ <= 0.06
    assert mean < 1
    police = _scene.Baseline("count", "police", grid_of(pd.DataFrame(scattered(900, seed=5), columns=["x", "y"])))
    assert _scene.chance(scene, police, rules, np.random.default_rng(1))[1] <= 0.06


# ---- density -----------------------------------------------------------------------------------------------------


def test_density_adds_up_to_the_incidents_and_is_raised_where_london_ends(rules):
    scene = looked(around(80), rules)[0]
    found = hotspots.density(scene, rules)
    assert found["density"].sum() * (rules["kernel_lattice_m"] / 1000) ** 2 == pytest.approx(80, rel=0.02)
    assert found.attrs["bandwidth_m"] == rules["kernel_m"]
    outer = np.array([[529_000.0, 184_000.0], [556_000.0, 190_000.0]])
    assert _kernel.inside(outer, 300).tolist() == [1, 1]
    rim = _kernel._london().boundary.interpolate(20_000)
    assert 0.2 < _kernel.inside(np.array([[rim.x, rim.y]]), 300)[0] < 0.8


# ---- real points, only where ISTV_REAL_DATA names a folder of them -----------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(
    ("files", "slug", "period"),
    [
        ("btp/2024*", "westminster", ("2024-01", "2024-12")),
        ("city-of-london/*", "city-of-london", ("2019-01", "2019-06")),
        ("met-burglary/*", "camden", ("2024-01", "2024-06")),
    ],
)
def test_real_snap_points_run_and_none_makes_a_square_hot_alone(rules, files, slug, period):
    found = sorted((Path(os.environ["ISTV_REAL_DATA"]) / "police").glob(files))
    rows = pd.concat([agencies.read_police(p.read_bytes(), filename=p.name, synthetic=False)[0] for p in found])
    rows, area = rows[rows["x"].notna()].reset_index(drop=True), places.find_area(slug)
    scene = hotspots.scene(rows, area, period, rules, source="police")
    studied, told = full(scene, rules.replaced(hot_draws=50))
    assert told.loc[0, "status"] == "final"
    assert studied["one_place"].any()
    limit = _excess.cut(studied["p"].to_numpy(), rules["hot_false_rate"])
    once = _scene.largest(scene)[scene.frame.own.ravel()]
    around = studied["around"].to_numpy() - once
    again = _scene.p_values(around, np.array(scene.counts.sum()), hotspots.flat(scene), scene.frame)
    assert (again[studied["hot"]] <= limit).all()
    assert (again[studied["one_place"]] > limit).all()
