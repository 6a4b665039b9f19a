"""How often the test of hot squares errs and how much it finds, and how fast counting, Gi* and Knox are.

Run from the project's folder: .venv/bin/python benchmarks/hotspots.py [--runs 2000] [--small] [PART ...]; the parts are
alarms, others, power, speed and page.

The peers of the speed part (geopandas sjoin; esda, libpysal, pointpats: `uv pip install --group benchmark`) are
imported here only; without them the benchmark says so and times itself alone.
"""

import argparse
import dataclasses
import time

import numpy as np
import pandas as pd

from benchmarks import _hotspot_worlds as worlds
from istv_lib import _excess, _lattice, _scene, blocks, compare, params, places, repeats

RULES = params.defaults()
SIZES = (20, 55, 200, 660)
SEED = 20240101


def share(hits, runs):
    """A share with the half width of its 95 % interval."""
    part = hits / runs
    return f"{part:6.3f} ± {1.96 * np.sqrt(max(part * (1 - part), 1e-9) / runs):.3f}"


def gi_hot(grids):
    """Gi* with Benjamini and Hochberg on two-sided p, as the packages do it."""
    out = []
    for grid in grids:
        z = _excess.gi_star(grid, worlds.FRAME.near)
        p = _excess.two_sided(np.nan_to_num(z))
        out.append((p.ravel() <= _excess.cut(p.ravel(), RULES["hot_false_rate"])) & (np.nan_to_num(z).ravel() > 0))
    return np.array(out)


# ---- false alarms ------------------------------------------------------------------------------------------------


def alarms(runs):
    """Runs with any false hot square, in an even world and in one of uneven, stacked streets and several victims."""
    rng, base = np.random.default_rng(SEED), _scene.flat(worlds.FRAME)
    print(f"any false hot square, complete randomness, 896 squares, {runs} runs")
    print("     n   exact + BH       Gi* + BH (400 runs)")
    for n in SIZES:
        cells = worlds.anywhere(runs, n, rng)
        hot = np.concatenate(list(_scene.hot_draws(cells, worlds.FRAME, base, RULES)))
        gi = gi_hot(_scene.drawn(cells[:400], worlds.FRAME)).any(axis=1)
        print(f"{n:6}   {share(hot.any(axis=1).sum(), runs)}   {share(gi.sum(), len(gi))}", flush=True)
    print(
        f"the same, uneven known baseline, 10 % of incidents with several victims, 60 % on street middles, {runs} runs"
    )
    print("     n   hot             met by one place   as attendances, not spread")
    streets = worlds.Streets(rng)
    base = _scene.Baseline("layer", "made", streets.layer / streets.layer.sum())
    for n in SIZES:
        found = np.array([_uneven(streets.events(n, rng), base) for _ in range(runs)]).sum(axis=0)
        print(f"{n:6}   " + "   ".join(share(hits, runs) for hits in found), flush=True)


def _uneven(events, base):
    found = _scene.squares(_scene.put(events, worlds.FRAME, RULES), base, RULES)
    cells = worlds.FRAME.index(events["x"], events["y"])[None]
    plain = next(_scene.hot_draws(cells, worlds.FRAME, base, RULES))
    return found["hot"].any(), found["one_place"].any(), plain.any()


def others(runs):
    """False alarms of the other tests, where nothing is planted: the same uneven streets in both sources and months."""
    rng = np.random.default_rng(SEED)
    streets = worlds.Streets(rng)
    wide = worlds.frame(RULES["compare_m"])
    print(f"runs with any false square in a world of uneven streets, {runs} runs; 3,000 offences on snap points")
    print("     n   hot beside offences   emerging            one source heavy")
    for n in (200, 660):
        found = np.zeros(3)
        for _ in range(runs):
            ed, police = streets.events(n, rng), streets.offences(3000, rng)
            scenes = [_scene.put(part, worlds.FRAME, RULES) for part in (ed, police)]
            base = _scene.counted(scenes[0], scenes[1], "police")
            found[0] += _scene.squares(scenes[0], base, RULES)["hot"].any()
            year = dataclasses.replace(scenes[0], period=("2024-01", "2024-12"))
            found[1] += blocks.emerging(year, RULES)["emerging"].any()
            pair = [_scene.put(part, wide, RULES, coarse_m=RULES["spread_m"]) for part in (ed, police)]
            pair = [dataclasses.replace(s, source=name) for s, name in zip(pair, ("ed", "police"), strict=True)]
            found[2] += (compare.between(*pair, RULES)["heavy"] != "").any()
        print(f"{n:6}   " + "   ".join(share(hits, runs) for hits in found), flush=True)


# ---- power -------------------------------------------------------------------------------------------------------


def power(runs):
    """Share of truly raised squares found, and share of those found that are not."""
    rng, base, frame = np.random.default_rng(SEED), _scene.flat(worlds.FRAME), worlds.FRAME
    many = worlds.clustered(1, 2_000_000, rng)
    whole = _lattice.sums(_scene.drawn(many, frame)[0])
    true = (whole > 2 * whole_flat(base) * (many >= 0).sum()).ravel()
    print(f"five clusters, {true.sum()} squares with more than twice the even risk about them, {runs} runs")
    print("     n   exact + BH: found  false   Gi* + BH: found  false")
    for n in (20, 55, 100, 165, 330, 660):
        cells = worlds.clustered(runs, n, rng)
        hot = np.concatenate(list(_scene.hot_draws(cells, frame, base, RULES)))
        gi = gi_hot(_scene.drawn(cells[:300], frame))
        print(f"{n:6}   " + "   ".join(f"{a:15.3f} {b:6.3f}" for a, b in (_found(hot, true), _found(gi, true))))


def whole_flat(base):
    """Even shares of each square and those about it."""
    return _lattice.sums(base.grid)


def _found(hot, true):
    return (hot & true).sum(axis=1).mean() / true.sum(), (
        (hot & ~true).sum(axis=1) / np.maximum(hot.sum(axis=1), 1)
    ).mean()


# ---- speed -------------------------------------------------------------------------------------------------------


def best(make, times=3):
    """The least of some times, and the answer."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        out = make()
        took.append(time.perf_counter() - start)
    return min(took), out


def ratio(name, ours, theirs, *, equal):
    print(
        f"{name:46}{ours * 1000:10.1f} ms {theirs * 1000:12.1f} ms {theirs / ours:8.0f}x   equal: {equal}", flush=True
    )


def speed(small):
    """Counting, Gi* and Knox beside the usual packages."""
    rng = np.random.default_rng(SEED)
    print("speed, least of three                                ours         peer")
    _counting(rng, 100_000 if small else 1_000_000)
    try:
        import esda  # noqa: F401, PLC0415
        import libpysal  # noqa: F401, PLC0415
        import pointpats  # noqa: F401, PLC0415
    except ImportError:
        print("esda, libpysal and pointpats are not installed: Gi* and Knox are timed alone")
        peers = False
    else:
        peers = True
    _gi(rng, 250 if small else 100, peers=peers)
    _knox(rng, 1_000 if small else 5_000, peers=peers)


def _counting(rng, n):
    import geopandas as gpd  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    london = places.find_area("london")
    frame = _lattice.frame(london.boroughs, 250, RULES["lattice_cells_most"])
    (high, wide), west, south = frame.shape, frame.west * 250, frame.south * 250
    x, y = rng.uniform(west, west + wide * 250, n), rng.uniform(south, south + high * 250, n)
    ours, counts = best(lambda: _lattice.count(frame.index(x, y), frame))

    def sjoin():
        row, column = np.divmod(np.arange(frame.land.size), wide)
        boxes = shapely.box(west + column * 250, south + row * 250, west + (column + 1) * 250, south + (row + 1) * 250)
        grid = gpd.GeoDataFrame(geometry=boxes, crs="EPSG:27700")
        points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(x, y), crs="EPSG:27700")
        joined = gpd.sjoin(points, grid, predicate="within")
        return joined["index_right"].value_counts().reindex(range(len(grid)), fill_value=0).to_numpy()

    theirs, other = best(sjoin, times=1 if n > 200_000 else 3)
    ratio(f"counting {n:,} points, 250 m: geopandas sjoin", ours, theirs, equal=np.array_equal(counts.ravel(), other))


def _gi(rng, size, *, peers):
    frame = _lattice.frame(places.find_area("london").boroughs, size, RULES["lattice_cells_most"])
    whole = _lattice.rectangle(0, 0, frame.shape[1], frame.shape[0], size)
    grid = rng.poisson(rng.gamma(0.5, 0.4, frame.shape)).astype(float)

    def ours_():
        z = _excess.gi_star(grid, whole.near)
        p = _excess.two_sided(z).ravel()
        return z, p <= _excess.cut(p, 0.05)

    ours, (z, hot) = best(ours_)
    if not peers:
        print(f"Gi* and FDR, {grid.size:,} squares of {size} m{ours * 1000:20.1f} ms")
        return
    import esda  # noqa: PLC0415
    import libpysal  # noqa: PLC0415
    from scipy import stats  # noqa: PLC0415

    def theirs_(make):
        local = esda.G_Local(grid.ravel(), make(), transform="B", star=True, permutations=0)
        p = 2 * stats.norm.sf(np.abs(local.Zs))
        return local.Zs, stats.false_discovery_control(p) <= 0.05

    for name, make in (
        ("W", lambda: libpysal.weights.lat2W(*frame.shape, rook=False)),
        ("Graph", lambda: _graph(frame)),
    ):
        theirs, (other, found) = best(lambda make=make: theirs_(make), times=1)
        equal = np.allclose(z.ravel(), other, atol=1e-9) and np.array_equal(hot, found)
        ratio(f"Gi* and FDR, {grid.size:,} squares of {size} m: esda, {name}", ours, theirs, equal=equal)


def _graph(frame):
    import libpysal  # noqa: PLC0415
    from scipy import sparse  # noqa: PLC0415

    around = frame.about - sparse.eye(frame.land.size, format="csr")
    return libpysal.graph.Graph.from_sparse(around.tocsr())


def _knox(rng, n, *, peers):
    xy = rng.uniform(0, [8000, 7000], (n, 2))
    days = rng.integers(0, 366, n)
    metres, limits = (0, 100, 200, 400, 800), (0, 3, 7, 14, 28)
    ours, table = best(lambda: repeats.knox(xy, days, metres, limits, 99, np.random.default_rng(1)))
    if not peers:
        print(f"Knox, 16 bands, {n:,} points, 99 permutations{ours * 1000:20.1f} ms")
        return
    from pointpats import Knox  # noqa: PLC0415

    events = np.column_stack([xy, days])

    def theirs_():
        # at most so many metres and days; bands are differences of these
        return np.array([[_close_pairs(Knox, events, m, d) for d in limits[1:]] for m in metres[1:]])

    theirs, within = best(theirs_, times=1)
    bands = np.diff(np.diff(np.pad(within, ((1, 0), (1, 0))), axis=0), axis=1)
    equal = np.array_equal(bands.ravel(), table["observed"].to_numpy())
    ratio(f"Knox, 16 bands, {n:,} points, 99 permutations: pointpats", ours, theirs, equal=equal)


def _close_pairs(knox, events, metres, days):
    """Pairs closer than the limits, by pointpats; its limits are included, ours are not."""
    found = knox(events[:, :2], events[:, 2:], delta=np.nextafter(metres, 0), tau=days - 0.5, permutations=99)
    return int(found.statistic_)


# ---- a page ------------------------------------------------------------------------------------------------------


def page():
    """The whole map computation of a borough page, on two made years of 660 incidents each in Camden."""
    from istv_lib import concentration, hotspots  # noqa: PLC0415

    rng = np.random.default_rng(SEED)
    area, period = places.find_area("camden"), ("2023-01", "2024-12")
    frame = _lattice.frame(area.boroughs, 250, RULES["lattice_cells_most"])
    hearts = np.array([[529000, 183500], [527000, 184500], [530000, 182500], [528500, 185500], [526000, 185500]])
    x, y = frame.middles(rng.choice(np.flatnonzero(frame.own), 594))
    even = np.column_stack([x, y]) + rng.uniform(-125, 125, (594, 2))
    which = rng.choice(5, 726, p=worlds.CLUSTER_SHARES)
    at = np.vstack([even, hearts[which] + rng.normal(size=(726, 2)) * worlds.CLUSTER_SD[which, None]])
    n = len(at)
    gss = places.borough_of(*at.T)
    start = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 731 * 1440, n), unit="min"))
    start = start.astype("datetime64[us]")
    events = pd.DataFrame({"x": at[:, 0].round(), "y": at[:, 1].round(), "occurred_start": start, "arrival_at": start})
    events = events.assign(precision_class=rng.choice(["point", "street"], n), radius_m=100.0, location_p=0.9)
    events = events.assign(month=start.dt.strftime("%Y-%m"), borough_gss=gss, unit="attendance", source="ed")
    events = events.assign(occurred_precision="minute", prior_decided=False, location_type="street", synthetic=True)
    events = events.assign(event_id=[f"{i:06d}" for i in range(n)], method="fist")
    events = events[events["borough_gss"] != ""]

    def everything():
        long = hotspots.scene(events, area, period, RULES)
        year = long.within("2024-01", "2024-12")
        base, draw = hotspots.flat(year), np.random.default_rng(1)
        studied = hotspots.study(year, base, RULES, draw)
        hotspots.findings(studied, year, base, RULES, of=1000)
        blocks.persistence(long, base, RULES)
        blocks.emerging(year, RULES)
        blocks.scores(year, RULES)
        blocks.venues(year, RULES)
        blocks.when(year, studied)
        repeats.bands(year, RULES, draw)
        concentration.summary(year, RULES, draw)
        concentration.backtest(long, base, RULES, draw)
        hotspots.density(year, RULES)
        return year.n

    _lattice.frame.cache_clear()
    took, n = best(everything, times=1)
    again, _ = best(everything)
    start = time.process_time()
    everything()
    work = time.process_time() - start
    print(f"a borough page, {n} incidents, 500 draws of places and of incidents: {took:.2f} s, again {again:.2f} s")
    print(f"processor time {work:.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["alarms", "others", "power", "speed", "page"])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    work = {
        "alarms": lambda: alarms(given.runs),
        "power": lambda: power(300),
        "others": lambda: others(given.runs // 4),
        "page": page,
    }
    work["speed"] = lambda: speed(given.small)
    for part in given.parts:
        start = time.perf_counter()
        work[part]()
        print(f"-- {part}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
