"""Hot blocks: where and when the risk is highest, which places last, which are new, and which are one venue.

Squares of the lattice, or street segments where a user supplies them, are scored by incidents weighted by how surely
they are placed and how recent they are, and drawn towards the area's mean. Coordinates are metres, EPSG:27700.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import shapely
from scipy import ndimage

from istv_lib import _excess, _lattice, _scene, _shrink, errors, months, places, tally
from istv_lib._fit import NEVER
from istv_lib._scene import Baseline, Scene

__all__ = ["METHOD", "areas", "emerging", "findings", "persistence", "scores", "segments", "venues", "when"]
METHOD = "hot_blocks"
_SEGMENT = "segment street x0 y0 x1 y1".split()


def weights(what: Scene, rules: Mapping[str, Any]) -> pd.Series:
    """Return the weight of each incident: the probability of its place times one half for each half-life of its age."""
    last = pd.Period(what.period[1], "M").ordinal
    age = last - pd.PeriodIndex(what.incidents["month"], freq="M").asi8
    sure = what.incidents["location_p"].fillna(1.0).to_numpy(dtype=float)
    return pd.Series(sure * 0.5 ** (age / rules["half_life_months"]), index=what.incidents.index)


def scores(what: Scene, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Score the squares of an area.

    Parameters
    ----------
    what : Scene
        As :func:`istv_lib.hotspots.scene` returns, normally of ``hot_months``.
    rules : mapping
        ``half_life_months``.

    Returns
    -------
    DataFrame
        A row a square of the area: ``cell``, ``incidents`` (in it, broken where streets are spread), ``weighted``,
        ``score`` (weighted incidents drawn towards the mean square of the area) and ``rank`` (1 is the highest; ties
        share the better rank).

    Notes
    -----
    How it can mislead: it ranks squares and tests nothing; the top of any list is partly chance. A place with many
    people has many incidents. Source: own method; the shrinkage is Marshall's (1991).
    """
    weight = weights(what, rules)
    counted = np.asarray(what.weights.T @ weight.to_numpy()).reshape(what.frame.shape)[what.frame.own]
    unit = float((weight**2).sum() / weight.sum()) if len(weight) else 1.0
    score = _shrink.rates(counted, np.ones(len(counted)), unit)
    out = pd.DataFrame({"cell": what.frame.names(np.flatnonzero(what.frame.own)), "weighted": counted, "score": score})
    out.insert(1, "incidents", what.counts[what.frame.own])
    return out.assign(rank=out["score"].rank(ascending=False, method="min"))


def segments(what: Scene, streets: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Score the segments of a user's street network: weighted incidents per 100 metres.

    Parameters
    ----------
    what : Scene
        As for :func:`scores`.
    streets : DataFrame
        ``segment`` (id), ``street`` (name or id that its segments share), ``x0``, ``y0``, ``x1``, ``y1`` (ends).
    rules : mapping
        ``half_life_months``, ``segment_step_m``, ``spread_m``.

    Returns
    -------
    DataFrame
        A row a segment: ``segment``, ``street``, ``metres``, ``incidents``, ``weighted``, ``per_100m`` (drawn towards
        the network's rate) and ``rank``.

    Raises
    ------
    errors.ParameterError
        When a column is missing, or the lines look like degrees.

    Notes
    -----
    A venue or junction goes to its nearest piece within its radius, but at least ``spread_m``; a street's incident is
    shared out along the pieces of the nearest street within its radius. Incidents without a street so near are left
    out. How it can mislead: segments of few metres have unsure rates; a long road in short segments looks safer than
    in one. Source: events per metre as in the Hot Routes recipe of Tompson, Partridge and Shepherd.
    """
    lacking = [c for c in _SEGMENT if c not in streets]
    if lacking:
        raise errors.ParameterError(f"The street network lacks the column {', '.join(lacking)}.")
    if len(streets) and streets[_SEGMENT[2:]].abs().max().max() <= 180:
        msg = "The street network looks like degrees; give metres of the British National Grid."
        raise errors.ParameterError(msg)
    pieces = _lattice.split_segments(streets, rules["segment_step_m"])
    rows = what.incidents.assign(weight=weights(what, rules))
    share = _on_pieces(rows, pieces, rules["spread_m"])
    at = pd.factorize(pieces["segment"])[0] if len(pieces) else np.zeros(0, dtype=int)
    out = pieces.groupby("segment", sort=False).agg(street=("street", "first"), metres=("metres", "sum")).reset_index()
    out["incidents"] = np.bincount(at[share["piece"]], share["share"], len(out))
    own = share["share"] * rows["weight"].to_numpy()[share["row"]]
    out["weighted"] = np.bincount(at[share["piece"]], own, len(out))
    unit = float((rows["weight"] ** 2).sum() / rows["weight"].sum()) if len(rows) else 1.0
    out["per_100m"] = 100 * _shrink.rates(out["weighted"], out["metres"], unit)
    return out.assign(rank=out["per_100m"].rank(ascending=False, method="min"))


def _on_pieces(rows: pd.DataFrame, pieces: pd.DataFrame, least: float) -> pd.DataFrame:
    """Share incidents out over pieces of streets: ``row``, ``piece``, ``share``."""
    radius = np.maximum(rows[["spread_m", "radius_m"]].max(axis=1).fillna(0.0).to_numpy(), least)
    points = shapely.points(rows["x"], rows["y"])
    at, near = shapely.STRtree(shapely.points(pieces["x"], pieces["y"])).query(points, "dwithin", distance=radius)
    away = np.hypot(*(pieces[k].to_numpy()[near] - rows[k].to_numpy()[at] for k in "xy"))
    order = np.lexsort((near, away, at))
    at, near = at[order], near[order]
    street, first = pd.factorize(pieces["street"])[0][near], np.unique(at, return_index=True)
    chosen = np.full(len(rows), -1)
    chosen[first[0]] = street[first[1]]
    closest = np.zeros(len(at), dtype=bool)
    closest[first[1]] = True
    keep = np.where(rows["spread_m"].to_numpy()[at] > 0, street == chosen[at], closest)
    out = pd.DataFrame({"row": at[keep], "piece": near[keep]})
    metres = pieces["metres"].to_numpy()[out["piece"]]
    return out.assign(share=metres / np.bincount(out["row"], metres, len(rows))[out["row"]])


# ---- lasting and new ---------------------------------------------------------------------------------------------


def persistence(what: Scene, base: Baseline | Scene, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Return in how many of the last rolling windows each square was hot.

    Parameters
    ----------
    what : Scene
        Of ``2 * hot_months - 1`` months, so that each window is whole.
    base : Baseline or Scene
        A flat or supplied baseline, or the scene of another source, whose counts of the same months are taken.
    rules : mapping
        ``hot_months``, ``hot_false_rate``, ``map_points_least``.

    Returns
    -------
    DataFrame
        A row a square: ``cell``, ``windows`` (with enough incidents to be tested) and ``hot`` (of these).

    Notes
    -----
    How it can mislead: windows overlap, so twelve of twelve is no more than two years' word; the windows before a new
    hospital joined rest on fewer records.
    """
    span = months.span(*what.period)[-(2 * rules["hot_months"] - 1) :]
    hot, windows = np.zeros(int(what.frame.own.sum())), 0
    for last in span[rules["hot_months"] - 1 :]:
        part = what.within(months.add(last, 1 - rules["hot_months"]), last)
        if part.n >= rules["map_points_least"]:
            hot += _scene.squares(part, _scene.of(base, part), rules)["hot"].to_numpy()
            windows += 1
    cells = what.frame.names(np.flatnonzero(what.frame.own))
    return pd.DataFrame({"cell": cells, "windows": windows, "hot": hot.astype(int)})


def emerging(what: Scene, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Find squares whose last months hold more of their incidents than the area's last months hold of all.

    Parameters
    ----------
    what : Scene
        Of ``hot_months``.
    rules : mapping
        ``emerging_months``, ``hot_false_rate``.

    Returns
    -------
    DataFrame
        A row a square: ``cell``, ``recent`` and ``before`` (incidents in it and the eight about it), ``expected``
        (recent ones, had they changed as the area did), ``p``, ``q`` and ``emerging``. A square that meets the rate
        only by a place of several incidents counts it as one, as in the test of hot squares.

    Notes
    -----
    Exact conditional binomial test of the recent months against all, one-sided, false discovery rate over the squares
    of the area. A change of the whole area, or of the data that arrived for it, is no signal. How it can mislead: a
    hospital that joins or recovers raises the squares that its patients come from; a new name in the list of places
    raises the square of that place.
    """
    since = months.add(what.period[1], 1 - rules["emerging_months"])
    now, own = what.within(since, what.period[1]), what.frame.own
    recent, every = (_lattice.sums(part.counts)[own].round(9) for part in (now, what))
    share = now.counts.sum() / what.counts.sum() if what.counts.sum() > 0 else 0.0
    p = np.where(every * share < recent, _excess.tail(recent, every, share), 1.0)
    limit = _excess.cut(p, rules["hot_false_rate"])
    once = _scene.largest(now)[own.ravel()]
    apart = np.where(every * share < recent - once, _excess.tail(recent - once, every - once, share), 1.0)
    out = pd.DataFrame({"cell": what.frame.names(np.flatnonzero(own)), "recent": recent, "before": every - recent})
    out = out.assign(expected=every * share, p=p, q=_excess.adjusted(p))
    return out.assign(emerging=(p <= limit) & (apart <= limit), one_place=(p <= limit) & (apart > limit))


# ---- venues ------------------------------------------------------------------------------------------------------


def venues(what: Scene, rules: Mapping[str, Any], names: pd.DataFrame | None = None) -> pd.DataFrame:
    """List places of repeated incidents that are no home, hospital or custody: venues apart from clusters.

    Parameters
    ----------
    what : Scene
        Of ``hot_months``.
    rules : mapping
        ``venue_incidents_least``, ``emerging_months``.
    names : DataFrame, optional
        ``name``, ``x``, ``y`` of venues and stations; a place gets the nearest within 50 m (``incident_m``). Made-up
        incidents get none, so that no real place is named for them.

    Returns
    -------
    DataFrame
        A row a place of the area at one point (not a street's middle) with at least ``venue_incidents_least`` distinct
        incidents, most first: ``cell``, ``x``, ``y``, ``name`` (or empty), ``incidents``, ``victims``, ``months``
        (different ones), ``recent`` (in the last ``emerging_months``).

    Notes
    -----
    How it can mislead: a famous place draws texts that only mean its surroundings ("outside the station"). An incident
    counts where it happened, which says nothing of how a venue is run.
    """
    rows = what.incidents
    fit = rows["inside"] & rows["precision_class"].isin(["point", "junction"])
    if "location_type" in rows:
        fit &= ~rows["location_type"].isin(NEVER)
    since = months.add(what.period[1], 1 - rules["emerging_months"])
    rows = rows[fit].assign(recent=rows["month"] >= since)
    at = [rows["x"].round().rename("x"), rows["y"].round().rename("y")]
    out = rows.groupby(at).agg(
        incidents=("victims", "size"), victims=("victims", "sum"), months=("month", "nunique"), recent=("recent", "sum")
    )
    out = out[out["incidents"] >= rules["venue_incidents_least"]].reset_index()
    out.insert(0, "cell", places.cell_of(out["x"].to_numpy(), out["y"].to_numpy(), what.frame.size))
    out.insert(3, "name", _named(out, None if what.synthetic else names, rules["incident_m"]))
    return out.sort_values(["incidents", "cell", "x", "y"], ascending=[False, True, True, True], ignore_index=True)


def _named(spots: pd.DataFrame, names: pd.DataFrame | None, reach: float) -> pd.Series:
    out = pd.Series("", index=spots.index, dtype="str")
    if names is not None and len(names) and len(spots):
        tree = shapely.STRtree(shapely.points(names["x"], names["y"]))
        at, near = tree.query_nearest(shapely.points(spots["x"], spots["y"]), max_distance=reach, all_matches=False)
        out.iloc[at] = names["name"].astype("str").to_numpy()[near]
    return out


# ---- areas and times ---------------------------------------------------------------------------------------------


def areas(what: Scene, squares: pd.DataFrame) -> pd.Series:
    """Number the hot areas: hot squares that touch, also by a corner; 1 holds the most incidents, 0 is no hot area.

    ``squares`` is what :func:`istv_lib.hotspots.squares` returns for the scene; the answer has its index.
    """
    grid = np.zeros(what.frame.shape, dtype=bool)
    grid[what.frame.own] = squares["hot"].to_numpy()
    label = ndimage.label(grid, structure=np.ones((3, 3)))[0][what.frame.own]
    held = pd.Series(squares["incidents"].to_numpy()).groupby(label).sum().drop(0, errors="ignore")
    order = held.sort_values(ascending=False, kind="stable").index
    number = pd.Series(np.arange(1, len(order) + 1), index=order)
    return pd.Series(label, index=squares.index).map(number).fillna(0).astype(int)


def when(what: Scene, squares: pd.DataFrame, dims: tuple[str, ...] = ("time_band_12", "weapon_group")) -> pd.DataFrame:
    """Count the incidents of each hot area by hour and day, and by weapon, as findings.

    Parameters
    ----------
    what : Scene
        Of ED events.
    squares : DataFrame
        As :func:`istv_lib.hotspots.squares` returns.
    dims : tuple of str
        Dimensions of :func:`istv_lib.tally.strata`.

    Returns
    -------
    DataFrame
        Findings ``incidents_in_area``; ``stratum`` is "1: Fri-Sat 00:00-05:59" (number of the area as in
        :func:`areas`), ``n`` the area's incidents for which the dimension is known. And ``area_squares``, how many
        squares an area has; ``stratum`` "1: E537500N174750" names the one that holds most, ``n`` the area's incidents.
        One row of "no data" where there is no hot area.

    Notes
    -----
    A street's incident counts to the area that holds most of it, if that is at least half. How it can mislead: a dozen
    incidents in twelve bands show chance.
    """
    number = areas(what, squares).to_numpy()
    label = np.zeros(what.frame.land.size)
    label[np.flatnonzero(what.frame.own)] = number
    part = [np.asarray(what.weights @ (label == k)).ravel() for k in range(1, number.max() + 1 if len(number) else 1)]
    rows, out = tally.strata(what.incidents), []
    for k, share in enumerate(part, start=1):
        inside, mine = rows[share >= 0.5], squares[number == k]
        name = mine.loc[mine["incidents"].idxmax(), "cell"]
        out.append(pd.DataFrame({"stratum": [f"{k}: {name}"], "value": float(len(mine)), "n": float(len(inside))}))
        out[-1] = out[-1].assign(measure="area_squares", unit="square", stratum_dim="area")
        for dim in dims:
            order = tally.order(dim)
            counts = inside[dim].value_counts().reindex(order, fill_value=0)
            stratum = [f"{k}: {name}" for name in order]
            out.append(pd.DataFrame({"stratum": stratum, "value": counts.to_numpy(), "n": counts.sum()}))
            out[-1] = out[-1].assign(stratum_dim=f"area_{dim}", measure="incidents_in_area", unit="incident")
    none = pd.DataFrame([{"measure": "area_squares", "unit": "square", "stratum_dim": "area", "status": "no_data"}])
    found = pd.concat(out or [none.assign(n=float(what.n))], ignore_index=True).assign(source=what.source)
    return tally.as_findings(found, None, what.place, synthetic=what.synthetic, method=METHOD, period=what.period)


# ---- findings ----------------------------------------------------------------------------------------------------


def findings(
    what: Scene, rules: Mapping[str, Any], *, scored: pd.DataFrame, lasting: pd.DataFrame, new: pd.DataFrame,
    spots: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """Return hot blocks as findings.

    Parameters
    ----------
    what : Scene
        Of ``hot_months``.
    rules : mapping
        ``top_places``, ``map_points_least``, ``extract_k_least``: a square with fewer incidents has no score.
    scored, lasting, new, spots : DataFrame
        Of :func:`scores`, :func:`persistence`, :func:`emerging` and :func:`venues`.

    Returns
    -------
    DataFrame
        By ``cell``: ``block_score`` of the ``top_places`` highest (``n`` the incidents in the square), ``hot_windows``
        (share of the windows in which it was hot, of those hot in any), ``emerging`` (recent incidents about it, with
        ``expected``). By ``venue``: ``venue_incidents`` (``numerator`` the recent ones, ``n`` the victims). In all:
        ``emerging_squares``, of ``denominator`` tested. "No data" under ``map_points_least`` incidents.
    """
    enough = what.n >= rules["map_points_least"]
    top = scored[scored["incidents"] > rules["extract_k_least"] - 0.5].nsmallest(
        int(rules["top_places"]) * enough, "rank"
    )
    ever = lasting[lasting["hot"] > 0]
    risen, total = new[new["emerging"] & enough], float(new["emerging"].sum()) if enough else np.nan
    stratum = spots["cell"] + (": " + spots["name"]).where(spots["name"] != "", "")
    columns = ["measure", "unit", "stratum_dim", "stratum", "value", "numerator", "denominator", "expected", "n"]
    size, n = float(len(new)), float(what.n)
    rows = [
        ("block_score", "rate", "cell", top["cell"], top["score"], np.nan, np.nan, np.nan, top["incidents"].round()),
        ("hot_windows", "share", "cell", ever["cell"], ever["hot"] / ever["windows"], ever["hot"], ever["windows"],
         np.nan, n),
        ("emerging", "incident", "cell", risen["cell"], risen["recent"].round(), np.nan, np.nan, risen["expected"], n),
        ("venue_incidents", "incident", "venue", stratum, spots["incidents"], spots["recent"], spots["incidents"],
         np.nan, spots["victims"]),
        ("emerging_squares", "square", "", pd.Series([""]), total, np.nan, size, np.nan, n),
    ]  # fmt: skip
    parts = [pd.DataFrame(dict(zip(columns, row, strict=True)), index=row[3].index) for row in rows]
    out = pd.concat([part for part in parts if len(part)], ignore_index=True).assign(source=what.source)
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    return tally.as_findings(out, None, what.place, synthetic=what.synthetic, method=METHOD, period=what.period)
