"""Density maps for the public: classes alone, of calendar years, that give no incident away."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import _density, disclosure, errors, months, params, places, schema, tables

RULES = params.file("disclosure")
CAMDEN = "E09000007"
SIDE, WEST, SOUTH = 5000, 530000, 180000


def lattice(step=100, side=SIDE):
    x, y = np.meshgrid(np.arange(step / 2, side, step), np.arange(step / 2, side, step))
    x, y = x.ravel() + WEST, y.ravel() + SOUTH
    return pd.DataFrame({"cell": [f"E{a:.0f}N{b:.0f}" for a, b in zip(x, y, strict=True)], "x": x, "y": y})


def world(seed, start="2023-01", count=25, a_month=12):
    """Make incidents in a square of 25 km2: most about two centres, the rest anywhere."""
    rng = np.random.default_rng(seed)
    n = count * a_month
    centre = np.array([[1500.0, 1600.0], [3600.0, 3300.0]])[rng.integers(2, size=n)]
    at = np.where(rng.random((n, 1)) < 0.8, rng.normal(centre, 500), rng.uniform(0, SIDE, (n, 2)))
    at = at.clip(0, SIDE) + np.array([WEST, SOUTH])
    month = np.repeat([months.add(start, k) for k in range(count)], a_month)
    return pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "month": month})


def within(points, start, end):
    return points[points["month"].between(start, end)]


def classed(points, cells=None, **more):
    given_ = {"bandwidth_m": 400, "period": ("2024-01", "2024-12"), "place": CAMDEN, "rules": RULES, "synthetic": True}
    return _density.classed(points, lattice() if cells is None else cells, **given_ | more)


def forced(points, start, end):
    """Draw the classes of any window, as if the gate did not refuse it, dated as a year."""
    return classed(within(points, start, end).assign(month=lambda t: "2024-" + t["month"].str[5:]))


def height(findings, cells):
    """Return the density that a reader takes each cell to have: the middle of its class, none where uncoloured."""
    low = findings["flags"].str.extract(r"from_(\d+)")[0].astype(float)
    high = findings["flags"].str.extract(r"below_(\d+)")[0].astype(float)
    middle = (low.fillna(high / 2) + high.fillna(low * 2)) / 2
    return middle.set_axis(findings["stratum"]).reindex(cells["cell"]).fillna(0).to_numpy()


def pursue(difference, cells, bandwidth, count):
    """Find where kernels must have been added: the highest place of the difference, less its kernel, again."""
    at, left, found = cells[["x", "y"]].to_numpy(), difference.copy(), []
    for _ in range(count):
        best = at[left.argmax()]
        found.append(best)
        near = 1 - ((at - best) ** 2).sum(axis=1) / bandwidth**2
        left -= 3e6 / (np.pi * bandwidth**2) * near.clip(0) ** 2
    return np.array(found)


def share_found(new, found):
    apart = np.linalg.norm(new[["x", "y"]].to_numpy()[:, None] - found[None], axis=2)
    return (apart.min(axis=1) <= 50).mean()


SEEDS = range(5)


def rolled(seed):
    """Return incidents, those of the newest month, and two windows of twelve months one month apart."""
    points = world(seed)
    return points, within(points, "2024-01", "2024-01"), ("2023-01", "2023-12"), ("2023-02", "2024-01")


def test_unclassed_rasters_over_rolling_windows_give_most_of_a_new_month_away():
    shares = []
    for seed in SEEDS:
        points, new, before, after = rolled(seed)
        fine = lattice(50)
        rasters = [_density._kernel(within(points, *window), fine, 200)[0] for window in (before, after)]
        shares.append(share_found(new, pursue(rasters[1] - rasters[0], fine, 200, 12)))
    assert np.mean(shares) > 0.6


def test_class_maps_forced_over_rolling_windows_give_little_away():
    shares, cells = [], lattice()
    for seed in SEEDS:
        points, new, before, after = rolled(seed)
        maps = [forced(points, *window) for window in (before, after)]
        assert all(len(m) > 50 for m in maps)
        shares.append(share_found(new, pursue(height(maps[1], cells) - height(maps[0], cells), cells, 400, 12)))
    assert np.mean(shares) < 0.2


def test_the_public_maps_of_two_years_leave_nothing_to_difference():
    shares, cells = [], lattice()
    for seed in SEEDS:
        points = world(seed, count=24)
        years = [(f"{year}-01", f"{year}-12") for year in (2023, 2024)]
        first = classed(points, period=years[0])
        second = classed(points, period=years[1], earlier=[(*years[0], CAMDEN, _density.fingerprint(first))])
        seen = [height(disclosure.release(m, "public").table, cells) for m in (first, second)]
        new = within(points, "2024-12", "2024-12")
        shares.append(share_found(new, pursue(seen[1] - seen[0], cells, 400, 12)))
    assert np.mean(shares) < 0.2


@pytest.mark.parametrize("start", ["2023-02", "2023-07", "2024-01"])
def test_rolling_windows_are_refused(start):
    with pytest.raises(errors.DisclosureError, match="not of a calendar year"):
        classed(world(1), period=(start, months.add(start, 11 if start != "2024-01" else 2)))


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        ("2023-07", "2024-06", CAMDEN),
        ("2023-07", "2024-06", places.LONDON),
        ("2024-12", "2024-12", CAMDEN),
        ("2024-01", "2024-12", CAMDEN),
    ],
    ids=["half a year", "half a year of London", "one month", "the same year, classes not told"],
)
def test_a_year_that_overlaps_an_earlier_map_is_refused(start, end, place):
    with pytest.raises(errors.DisclosureError, match=f"overlaps one of {place} from {start}"):
        classed(world(1, "2024-01", 12), earlier=[(start, end, place)])


def test_the_same_map_may_leave_again_and_a_revised_one_may_not():
    points = world(1, "2024-01", 12)
    released = disclosure.release(classed(points), "public")
    out = [("2024-01", "2024-12", CAMDEN, _density.fingerprint(released.table))]
    assert classed(points, earlier=out).equals(classed(points))
    with pytest.raises(errors.DisclosureError, match="is out and differs"):
        classed(points.iloc[12:], earlier=out)
    others = [("2023-01", "2023-12", CAMDEN), ("2023-07", "2024-06", "E09000033"), ("2024-01", "2024-12", "london")]
    assert len(classed(points, earlier=others))


@pytest.mark.parametrize("bandwidth", [399, 0, -1, np.nan])
def test_a_small_bandwidth_is_refused(bandwidth):
    with pytest.raises(errors.DisclosureError, match=r"bandwidth of .* gives points away; use 400 m"):
        classed(world(1), bandwidth_m=bandwidth)


def test_a_fine_lattice_is_refused_even_when_it_is_two_coarse_ones():
    with pytest.raises(errors.DisclosureError, match="Cells 50 m apart"):
        classed(world(1), lattice(50))
    coarse = lattice(200)
    with pytest.raises(errors.DisclosureError, match="Cells 50 m apart"):
        classed(world(1), pd.concat([coarse, coarse.assign(x=coarse["x"] + 50)]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 400), st.integers(1, 12), st.integers(50, 1500))
def test_ten_incidents_of_two_months_lie_under_every_coloured_cell(seed, count, in_months, spread):
    rng = np.random.default_rng(seed)
    at = rng.normal([WEST + 1000, SOUTH + 1000], spread, (count, 2))
    month = [f"2024-{m:02d}" for m in rng.integers(1, in_months + 1, count)]
    points, cells = pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "month": month}), lattice(side=2000)
    found = classed(points, cells)
    centre = cells.set_index("cell").loc[found["stratum"], ["x", "y"]].to_numpy()
    near = np.hypot(centre[:, None, 0] - at[:, 0], centre[:, None, 1] - at[:, 1]) < 400
    assert (near.sum(axis=1) >= 10).all()
    assert all(len(set(np.array(month)[row])) >= 2 for row in near)
    assert set(found["value"]) <= {1, 2, 3, 4, 5}
    marks = found["flags"].str.findall(r"\d+").explode().dropna()
    assert marks.str.fullmatch(r"[125]0*").all()
    assert found["flags"].nunique() == found["value"].nunique()
    assert found[_density.EMPTY].isna().all(axis=None)
    disclosure.release(found, "public")


def test_the_kernel_holds_one_incident():
    one = pd.DataFrame({"x": [WEST + 2510.0], "y": [SOUTH + 2480.0], "month": ["2024-01"]})
    density, support, held = _density._kernel(one, lattice(20), 400)
    assert density.sum() * 20**2 / 1e6 == pytest.approx(1, rel=1e-3)
    assert (support.max(), held.max()) == (1, 1)


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_incidents_have_no_class(count):
    points = pd.DataFrame({"x": WEST + 2500.0, "y": SOUTH + 2500.0, "month": "2024-01"}, index=range(count))
    assert classed(points.assign(month=[f"2024-{k + 1:02d}" for k in range(count)])).empty
    assert disclosure.release(classed(points), "public").table.empty


def test_a_single_place_has_no_circle_of_its_own():
    points = pd.DataFrame({"x": WEST + 2550.0, "y": SOUTH + 2550.0, "month": ["2024-01"] * 20})
    assert classed(points).empty
    points.loc[::2, "month"] = "2024-02"
    assert classed(points).empty
    others = points.head(9).assign(x=WEST + 2600.0 + 10 * np.arange(9))
    found = classed(pd.concat([points, others]))
    assert found["value"].max() <= 5
    at = lattice().set_index("cell").loc[found["stratum"]]
    assert (np.hypot(at["x"] - WEST - 2550, at["y"] - SOUTH - 2550) < 400).all()
    assert classed(pd.concat([points, others.head(8)])).empty


def test_no_cells_and_no_coordinates():
    assert classed(world(1), lattice().head(0)).empty
    assert classed(world(1, "2024-01", 12).assign(x=np.nan)).empty


def test_the_public_sees_classes_and_a_rounded_number_of_incidents():
    points = world(1, "2024-01", 12).head(143)
    found = classed(points)
    table = disclosure.release(found, "public").table
    assert (table["value"] == found["value"]).all()
    assert set(table["n"]) == {145}
    assert set(disclosure.release(found.assign(n=7.0), "public").table["n"].isna()) == {True}
    assert set(disclosure.release(found, "partner").table["n"]) == {143}
    london = disclosure.release(classed(points, place=places.LONDON), "public").table
    assert set(london["place_type"]) == {"london"}


@pytest.mark.parametrize(
    "more",
    [
        {"value": 6.0},
        {"value": 1.5},
        {"numerator": 31.4},
        {"flags": "from_37"},
        {"unit": "site"},
        {"measure": "sites_sent"},
    ],
    ids=["a sixth class", "between classes", "a density", "a break not rounded", "another unit", "another measure"],
)
def test_more_than_classes_is_refused_for_everyone(more):
    found = classed(world(1, "2024-01", 12))
    with pytest.raises(errors.DisclosureError, match=r"more than a class|broken count"):
        disclosure.release(found.assign(**more), "partner")


def test_another_period_is_not_in_the_plan_either():
    found = classed(world(1, "2024-01", 12)).assign(period_start="2023-07", period_end="2024-06")
    with pytest.raises(errors.DisclosureError, match="release plan has no line"):
        disclosure.release(found, "public")


def test_classes_are_never_a_public_table():
    found = classed(world(1, "2024-01", 12))
    public, partner = (disclosure.release(found, audience) for audience in ("public", "partner"))
    with pytest.raises(errors.DisclosureError, match="drawn only, never a table"):
        tables.csv(public)
    with pytest.raises(errors.DisclosureError, match="drawn only, never a table"):
        tables.by_stratum(public, title="Density", name="density", head="Square")
    assert tables.csv(partner).count("\n") == len(found) + 1


def test_the_same_incidents_in_another_order_give_the_same_map():
    points = world(3, "2024-01", 12)
    mixed = classed(points.sample(frac=1, random_state=1), lattice().sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(mixed, classed(points))
    schema.check(mixed, "finding")
