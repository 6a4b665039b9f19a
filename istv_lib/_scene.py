"""One area, source and window on the lattice: its distinct incidents, what is expected, and which squares exceed it.

A helper of :mod:`istv_lib.hotspots` and its neighbours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from istv_lib import _excess, _fit, _incidents, _lattice, errors, places
from istv_lib._lattice import Frame

_CHUNK = 4_000_000  # squares times draws held at once, to bound memory
_DIGITS = 9  # sums of spread points are rounded to this, so that 3 is 3


@dataclass(frozen=True)
class Scene:
    """The incidents of one area, source and window, and the squares that they fall into.

    Attributes
    ----------
    frame : Frame
        Squares of the area and about it.
    place : str
        Code of the area.
    period : (str, str)
        First and last month, included.
    source : str
        ``ed``, an agency, ``police`` or ``both``.
    incidents : DataFrame
        As :func:`istv_lib._incidents.distinct` returns, with ``inside`` (of the area; the others are its neighbours').
    weights : csr_matrix
        Incidents by squares: the part of each that is counted in each.
    left_out : int
        Attendances given of the area's boroughs that lie in no square that is counted.
    synthetic : bool
        All of them were made by the synthetic London.
    """

    frame: Frame
    place: str
    period: tuple[str, str]
    source: str
    incidents: pd.DataFrame
    weights: sparse.csr_matrix
    left_out: int
    synthetic: bool

    @property
    def n(self) -> int:
        """Distinct incidents inside the area."""
        return int(self.incidents["inside"].sum())

    @property
    def counts(self) -> NDArray:
        """Incidents by square, broken where points are spread."""
        return np.asarray(self.weights.sum(axis=0)).reshape(self.frame.shape)

    def within(self, first: str, last: str) -> Scene:
        """Return the same scene in some of its months."""
        keep = self.incidents["month"].between(first, last).to_numpy()
        rows = self.incidents[keep].reset_index(drop=True)
        return dataclasses.replace(self, period=(first, last), incidents=rows, weights=self.weights[keep])


@dataclass(frozen=True)
class Baseline:
    """What would be expected where.

    Attributes
    ----------
    kind : str
        ``flat``, ``layer``, ``count``, or ``empty``: it holds nothing here.
    name : str
        What it is, in words for readers.
    grid : ndarray
        By square: shares that sum to 1, or for ``count`` the counts themselves.
    """

    kind: str
    name: str
    grid: NDArray


# ---- what happened -----------------------------------------------------------------------------------------------


def scene(
    events: pd.DataFrame,
    area: places.Area,
    period: tuple[str, str],
    rules: Mapping[str, Any],
    *,
    source: str,
    segments: pd.DataFrame | None = None,
    prior: bool = False,
    coarse_m: float = 0.0,
) -> Scene:
    """Put the events of an area and its surroundings on the lattice; see :func:`istv_lib.hotspots.scene`."""
    frame = _lattice.frame(area.boroughs, int(rules["lattice_m"]), int(rules["lattice_cells_most"]))
    rows = events[events["month"].between(*period)]
    _check(rows, rules, prior=prior)
    out = put(rows, frame, rules, segments=segments, coarse_m=coarse_m)
    mine = int(rows["borough_gss"].isin(area.boroughs).sum())
    held = out.incidents.loc[out.incidents["borough_gss"].isin(area.boroughs), "victims"].sum()
    made = bool(rows["synthetic"].all())
    about = {"place": area.code, "period": tuple(period), "source": source, "synthetic": made}
    return dataclasses.replace(out, **about, left_out=max(mine - int(held), 0))


def put(
    rows: pd.DataFrame,
    frame: Frame,
    rules: Mapping[str, Any],
    *,
    segments: pd.DataFrame | None = None,
    coarse_m: float = 0.0,
) -> Scene:
    """Put events on the squares of a frame, as distinct incidents, without asking whether they may be mapped."""
    reach = _box(rows, frame, rules)
    incidents = _incidents.distinct(rows[reach], rules)
    wide = incidents["radius_m"].fillna(rules["spread_m"]).where(incidents["precision_class"] == "street", 0.0)
    incidents["spread_m"] = wide.clip(lower=coarse_m)
    weights = _lattice.spread(incidents, frame, segments)
    held = np.asarray(weights.sum(axis=1)).ravel() > 0
    at = frame.index(incidents["x"], incidents["y"])
    incidents["inside"] = (at >= 0) & frame.own.ravel()[at]
    return Scene(frame, "", ("", ""), "", incidents[held].reset_index(drop=True), weights[held], 0, synthetic=True)


def _check(rows: pd.DataFrame, rules: Mapping[str, Any], *, prior: bool) -> None:
    ed = rows[rows["source"] == "ed"]
    if prior:
        ed = ed.assign(prior_decided=False, location_p=ed["location_p"].mask(ed["prior_decided"], 1.0))
    _fit.demand(ed, rules["map_p_least"])
    x, y = rows["x"].abs().max(), rows["y"].abs().max()
    if x <= 180 and y <= 180:
        msg = "The points look like degrees; give metres of the British National Grid (places.to_bng turns them)."
        raise errors.ParameterError(msg)


def _box(rows: pd.DataFrame, frame: Frame, rules: Mapping[str, Any]) -> pd.Series:
    """Tell which rows may reach a square of the frame."""
    reach = rows["radius_m"].max() if rows["radius_m"].notna().any() else 0.0
    pad = max(float(reach), rules["spread_m"], rules["incident_m"])
    (high, wide), size = frame.shape, frame.size
    x = rows["x"].between(frame.west * size - pad, (frame.west + wide) * size + pad)
    return x & rows["y"].between(frame.south * size - pad, (frame.south + high) * size + pad)


# ---- what is expected --------------------------------------------------------------------------------------------


def flat(what: Scene | Frame) -> Baseline:
    """Return the baseline that is the same on each square metre of London."""
    frame = what if isinstance(what, Frame) else what.frame
    return _shares("flat", "area", np.where(frame.near, frame.land, 0.0))


def layer(what: Scene, table: pd.DataFrame, name: str) -> Baseline:
    """Return a supplied baseline: ``cell`` and ``weight``, such as residents; squares that are not listed have none.

    Raises
    ------
    errors.ParameterError
        When a column is missing, a square is not of this lattice or comes twice, or a weight is no number from 0.
    """
    lacking = [c for c in ("cell", "weight") if c not in table]
    if lacking:
        raise errors.ParameterError(f"The baseline layer lacks the column {', '.join(lacking)}.")
    size = what.frame.size
    x, y = places.cell_origin(table["cell"].to_numpy())
    weight = pd.to_numeric(table["weight"], errors="coerce").to_numpy(dtype=float)
    off = int((~(x % size == 0) | ~(y % size == 0)).sum())
    if off or table["cell"].duplicated().any():
        again = int(table["cell"].duplicated().sum())
        msg = f"Of {len(table)} squares of the baseline layer {off} are off the lattice of {size} m and {again} repeat."
        raise errors.ParameterError(msg)
    if not (weight >= 0).all() or np.isinf(weight).any():
        msg = f"{int((~(weight >= 0) | np.isinf(weight)).sum())} weights of the baseline layer are no number from 0."
        raise errors.ParameterError(msg)
    at = what.frame.index(x, y)
    return _shares("layer", name, np.where(what.frame.near, _lattice.count(at, what.frame, weight), 0.0))


def _shares(kind: str, name: str, grid: NDArray) -> Baseline:
    total = grid.sum()
    return Baseline(kind if total > 0 else "empty", name, grid / total if total > 0 else grid)


def counted(what: Scene, other: Scene, name: str) -> Baseline:
    """Return the counts of another source as baseline, such as police-recorded violence."""
    grid = other.counts
    return Baseline("count" if grid.sum() > 0 and what.frame is other.frame else "empty", name, grid)


def of(base: Baseline | Scene, what: Scene) -> Baseline:
    """Return a baseline for a scene: itself, or of another source's scene its counts of the same months."""
    return counted(what, base.within(*what.period), base.source) if isinstance(base, Scene) else base


# ---- which squares exceed it -------------------------------------------------------------------------------------


def p_values(around: NDArray, n: NDArray, base: Baseline, frame: Frame) -> NDArray:
    """Return the probability of so many or more about each square of the area.

    ``around`` holds the sums over each square of the area and those about it, along its last axis; ``n`` the incidents
    of all squares that are counted, one for each row of ``around``. Squares where nothing is expected are not tested
    (1). For a baseline of counts the test is the two-sample conditional one, with mid-p.
    """
    about = _lattice.sums(base.grid)[..., frame.own]
    around = np.round(around, _DIGITS)
    n = np.broadcast_to(np.asarray(n, dtype=float)[..., None], around.shape)
    out = np.ones(around.shape)
    if base.kind == "count":
        both, share = around + about, n / (n + base.grid.sum(axis=(-2, -1))[..., None])
        test = (around > both * share) & (both > 0)
        out[test] = _excess.mid_tail(around[test], both[test], share[test])
    elif base.kind != "empty":
        share = np.broadcast_to(np.minimum(about, 1.0), around.shape)
        test = (around > n * share) & (share > 0)
        out[test] = _excess.tail(around[test], n[test], share[test])
    return out


def squares(what: Scene, base: Baseline, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Test each square of the area; see :func:`istv_lib.hotspots.squares`."""
    frame, counts = what.frame, what.counts
    total = counts.sum()
    around = _lattice.sums(counts)[frame.own]
    p = p_values(around, np.array(total), base, frame)
    limit = _excess.cut(p, rules["hot_false_rate"])
    once, street = (largest(what, streets=on)[frame.own.ravel()] for on in (False, True))
    apart = p_values(around - once, np.array(total), base, frame)  # n stays: fewer about here, not fewer in all
    alone = p_values(around - once - street, np.array(total), base, frame)
    cells = np.flatnonzero(frame.own)
    x, y = frame.middles(cells)
    z = _excess.gi_star(counts, frame.near)[frame.own]
    out = pd.DataFrame({"cell": frame.names(cells), "x": x, "y": y, "incidents": counts[frame.own]})
    out["around"], out["expected"] = around, _expected(around, total, base, frame)
    out["p"], out["q"] = p, _excess.adjusted(p)
    out["hot"], out["one_place"] = (p <= limit) & (apart <= limit), (p <= limit) & (apart > limit)
    out["one_street"] = out["hot"] & (alone > limit)
    known = ~np.isnan(z)
    out["gi_star"], out["gi_p"] = z, np.where(known, _excess.two_sided(np.nan_to_num(z)), 1.0)
    return out.assign(gi_q=_excess.adjusted(out["gi_p"].to_numpy()))


def _expected(around: NDArray, total: float, base: Baseline, frame: Frame) -> NDArray:
    """Return how many incidents the baseline leads to expect about each square of the area."""
    about = _lattice.sums(base.grid)[frame.own]
    if base.kind == "count":
        return (around + about) * total / (total + base.grid.sum())
    return about * total if base.kind != "empty" else np.full(len(about), np.nan)


def largest(what: Scene, *, around: bool = True, streets: bool = False) -> NDArray:
    """Return, in each square (and the eight about it), how many incidents its largest single place adds beyond one.

    A single place is a point that several incidents share to the metre: a venue, a station, or the point to which
    police offences are snapped; with ``streets`` the name of a street that was placed by its text, which is spread.
    """
    street = (what.incidents["precision_class"] == "street") & (what.incidents["unit"] == "attendance")
    mine = np.flatnonzero(street == streets)
    rows = what.incidents.iloc[mine]
    spot = rows.groupby([rows["x"].round(), rows["y"].round()], sort=False).ngroup().to_numpy()
    size = np.bincount(spot, minlength=1)
    several = np.flatnonzero(size > 1)
    if not len(several):
        return np.zeros(what.frame.land.size)
    order = np.full(len(size), -1)
    order[several] = np.arange(len(several))
    held = order[spot] >= 0
    share = ((size - 1) / size)[spot[held]]
    which = sparse.csr_matrix((share, (order[spot[held]], mine[held])), shape=(len(several), len(what.incidents)))
    held = which @ what.weights
    return (held @ what.frame.about if around else held).max(axis=0).toarray().ravel()


def hot_draws(cells: NDArray, frame: Frame, base: Baseline, rules: Mapping[str, Any]) -> Iterator[NDArray]:
    """Yield which squares of the area are hot in draws of whole points, a stretch of draws at a time.

    ``cells`` holds flat numbers, a row a draw; -1 is nowhere.
    """
    for part in stretches(len(cells), frame):
        yield _hot(drawn(cells[part], frame), base, frame, rules)


def stretches(times: int, frame: Frame) -> list[slice]:
    step = max(1, _CHUNK // frame.land.size)
    return [slice(low, low + step) for low in range(0, times, step)]


def drawn(cells: NDArray, frame: Frame) -> NDArray:
    """Count draws of points by square: one grid for each row of flat numbers."""
    offset = np.arange(len(cells))[:, None] * frame.land.size
    flat_ = (cells + offset)[_lattice.on_land(frame, cells)]
    return np.bincount(flat_, minlength=len(cells) * frame.land.size).reshape(len(cells), *frame.shape).astype(float)


def _hot(grids: NDArray, base: Baseline, frame: Frame, rules: Mapping[str, Any]) -> NDArray:
    p = p_values(_lattice.sums(grids)[:, frame.own], grids.sum(axis=(1, 2)), base, frame)
    return p <= _excess.cut(p, rules["hot_false_rate"])[:, None]


def chance(what: Scene, base: Baseline, rules: Mapping[str, Any], rng: np.random.Generator) -> tuple[float, float]:
    """Return how many squares would be hot on average, and how often any, if incidents followed the baseline.

    For a baseline of counts both are drawn from the two together.
    """
    frame, n, two = what.frame, round(what.counts.sum()), base.kind == "count"
    if base.kind == "empty" or n == 0:
        return 0.0, 0.0
    ends = np.cumsum(base.grid.ravel() + (what.counts.ravel() if two else 0.0))
    hot = []
    for part in stretches(int(rules["hot_draws"]), frame):
        times = len(range(*part.indices(int(rules["hot_draws"]))))
        if two:
            other = _follow(ends, (times, round(base.grid.sum())), rng)
            base = Baseline("count", base.name, drawn(other, frame))
        hot.append(_hot(drawn(_follow(ends, (times, n), rng), frame), base, frame, rules).sum(axis=1))
    found = np.concatenate(hot)
    return float(found.mean()), float((found > 0).mean())


def _follow(ends: NDArray, size: tuple[int, int], rng: np.random.Generator) -> NDArray:
    """Draw squares by shares whose running sum is ``ends``."""
    return np.searchsorted(ends, rng.random(size) * ends[-1], side="right")
