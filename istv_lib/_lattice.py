"""Counting on the fixed lattice by arithmetic: the squares of an area, sums about each square, spread points.

Coordinates are British National Grid metres (EPSG:27700). A helper of :mod:`istv_lib.hotspots` and its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from istv_lib import _points, errors

_PARTS = 64  # places a spread point is split into: 1.6 % of an incident each
_GOLDEN = np.pi * (3 - 5**0.5)


@dataclass(frozen=True)
class Frame:
    """The squares of an area and those that touch them, as a rectangle of the pan-London lattice.

    Attributes
    ----------
    size : int
        Side of a square in metres; squares start at multiples of it.
    west, south : int
        Column and row of the south-west square: easting and northing over ``size``.
    land : ndarray
        Share of each square inside London, by row from the south and column from the west.
    own, near : ndarray of bool
        Squares of the area, which are tested; these and the squares of London that touch them, which are counted.
    """

    size: int
    west: int
    south: int
    land: NDArray
    own: NDArray
    near: NDArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.land.shape

    @cached_property
    def about(self) -> sparse.csr_matrix:
        """The matrix that makes counts (by flat number) into sums over each square and the eight about it."""
        high, wide = self.shape
        rows, columns = (sparse.diags([np.ones(n - abs(k)) for k in (-1, 0, 1)], [-1, 0, 1]) for n in (high, wide))
        return sparse.kron(rows, columns, format="csr")

    def index(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """Return the flat number of each point's square, -1 outside the rectangle and for missing coordinates."""
        high, wide = self.shape
        column, row = np.asarray(x, dtype=float) / self.size, np.asarray(y, dtype=float) / self.size
        inside = (column >= self.west) & (column < self.west + wide)
        inside &= (row >= self.south) & (row < self.south + high)
        column, row = np.where(inside, column, self.west), np.where(inside, row, self.south)
        flat = (row.astype(np.int64) - self.south) * wide + (column.astype(np.int64) - self.west)
        return np.where(inside, flat, -1)

    def names(self, cells: ArrayLike) -> NDArray[np.str_]:
        """Return the names (:func:`istv_lib.places.cell_of`) of flat numbers."""
        row, column = np.divmod(np.asarray(cells, dtype=np.int64), self.shape[1])
        pairs = zip(((column + self.west) * self.size).tolist(), ((row + self.south) * self.size).tolist(), strict=True)
        return np.array([f"E{east:06d}N{north:06d}" for east, north in pairs], dtype="U16")

    def middles(self, cells: ArrayLike) -> tuple[NDArray, NDArray]:
        """Return easting and northing of the middles of squares."""
        row, column = np.divmod(np.asarray(cells, dtype=np.int64), self.shape[1])
        return (column + self.west + 0.5) * self.size, (row + self.south + 0.5) * self.size


def rectangle(west: float, south: float, wide: int, high: int, size: int) -> Frame:
    """Return a frame of ``wide`` by ``high`` squares, all of them tested; for made worlds without boroughs."""
    full = np.ones((high, wide))
    return Frame(size, int(west // size), int(south // size), full, full > 0, full > 0)


@lru_cache(maxsize=64)
def frame(boroughs: tuple[str, ...], size: int, most: int) -> Frame:
    """Return the squares of boroughs (GSS codes) and about them; a square is of the borough that holds most of it.

    Raises
    ------
    errors.ParameterError
        When the squares are too small to be counted (``most``), or the size is no whole number from 1.
    """
    if size < 1 or int(size) != size:
        msg = f"A lattice of {size:g} m cannot be drawn; give a whole number of metres."
        raise errors.ParameterError(msg)
    codes, outlines = _points.shapes()
    mine = np.isin(codes, boroughs)
    low_x, low_y, high_x, high_y = shapely.total_bounds(outlines[mine])
    west, south = int(low_x // size) - 1, int(low_y // size) - 1
    wide, high = int(high_x // size) + 2 - west, int(high_y // size) + 2 - south
    if wide * high > most:
        msg = f"A lattice of {size} m has {wide * high:,} squares here, more than {most:,}; choose larger squares."
        raise errors.ParameterError(msg)
    land, largest, own = (np.zeros((high, wide), dtype=t) for t in (float, float, bool))
    for outline, is_mine in zip(outlines, mine, strict=True):
        rows, columns, share = _cover(outline, west, south, (high, wide), size)
        part = np.zeros_like(land)
        part[rows, columns] = share
        own = np.where(part > largest, is_mine, own)
        largest, land = np.maximum(largest, part), land + part
    near = (sums(own.astype(float)) > 0) & (land > 0)
    return Frame(int(size), west, south, np.minimum(land, 1.0), own & (land > 0), near)


def _cover(outline: shapely.Geometry, west: int, south: int, shape: tuple[int, int], size: int) -> tuple:
    """Return rows, columns and covered share of the squares that an outline touches."""
    low_x, low_y, high_x, high_y = outline.bounds
    columns = np.arange(max(int(low_x // size) - west, 0), min(int(high_x // size) - west + 1, shape[1]))
    rows = np.arange(max(int(low_y // size) - south, 0), min(int(high_y // size) - south + 1, shape[0]))
    row, column = (part.ravel() for part in np.meshgrid(rows, columns, indexing="ij"))
    x, y = (column + west) * size, (row + south) * size
    boxes = shapely.box(x, y, x + size, y + size)
    share = shapely.contains_properly(outline, boxes).astype(float)
    edge = np.flatnonzero((share == 0) & shapely.intersects(outline, boxes))
    share[edge] = shapely.area(shapely.intersection(outline, boxes[edge])) / size**2
    return row, column, share


def count(cells: NDArray[np.int64], frame_: Frame, weight: ArrayLike | None = None) -> NDArray:
    """Count points by square, from their flat numbers; those outside (-1) are left out."""
    inside = cells >= 0
    if not inside.all():
        cells = cells[inside]
        weight = None if weight is None else np.asarray(weight)[inside]
    return np.bincount(cells, weight, frame_.land.size).reshape(frame_.shape)


def sums(grid: NDArray) -> NDArray:
    """Return the sum over each square and the eight about it; the last two axes are rows and columns."""
    out = grid.copy()
    out[..., 1:, :] += grid[..., :-1, :]
    out[..., :-1, :] += grid[..., 1:, :]
    up = out.copy()
    out[..., :, 1:] += up[..., :, :-1]
    out[..., :, :-1] += up[..., :, 1:]
    return out


def on_land(frame_: Frame, cells: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of flat numbers whether the square is one that is counted."""
    return (cells >= 0) & frame_.near.ravel()[cells]


def spread(points: pd.DataFrame, frame_: Frame, segments: pd.DataFrame | None = None) -> sparse.csr_matrix:
    """Share each point out over squares: a row a point, a column a square, 1 in a row that lies wholly inside.

    Parameters
    ----------
    points : DataFrame
        ``x``, ``y`` (metres, EPSG:27700), ``spread_m``: 0 keeps a point in its square; else it is spread.
    frame_ : Frame
        The squares.
    segments : DataFrame, optional
        Streets as :func:`split_segments` returns them: a spread point is shared out evenly along the pieces of its
        nearest street that lie within ``spread_m``. Without, or where there is no street so near, it is shared out as
        a street of unknown bearing would be: evenly by distance from the point, up to ``spread_m``.

    Notes
    -----
    What falls outside London is given to the parts inside; what falls outside the squares that are counted is lost,
    as a point there would be.
    """
    places_ = points[["x", "y", "spread_m"]].round(1)
    which = places_.groupby(list(places_), sort=False, dropna=False).ngroup().to_numpy()
    single = places_.drop_duplicates().to_numpy(dtype=float).reshape(-1, 3)
    row, x, y = _parts(single, segments)
    cell = frame_.index(x, y)
    sea = (cell >= 0) & (frame_.land.ravel()[cell] == 0)
    row, cell = row[~sea], cell[~sea]
    weight = 1 / np.bincount(row, minlength=len(single)).clip(1)[row]
    kept = on_land(frame_, cell)
    shape = (len(single), frame_.land.size)
    by_place = sparse.csr_matrix((weight[kept], (row[kept], cell[kept])), shape=shape)
    return by_place[which] if len(which) else sparse.csr_matrix((0, frame_.land.size))


def _parts(single: NDArray, segments: pd.DataFrame | None) -> tuple[NDArray, NDArray, NDArray]:
    """Return the parts of each place: its number, easting and northing."""
    wide = np.flatnonzero(single[:, 2] > 0)
    fixed = np.flatnonzero(~(single[:, 2] > 0))
    rows, xs, ys = [fixed], [single[fixed, 0]], [single[fixed, 1]]
    if segments is not None and len(wide):
        at, x, y = _along(single[wide], segments)
        rows, xs, ys = [*rows, wide[at]], [*xs, x], [*ys, y]
        wide = np.setdiff1d(wide, wide[at])
    far = (np.arange(_PARTS) + 0.5) / _PARTS
    turn = _GOLDEN * np.arange(_PARTS)
    rows.append(np.repeat(wide, _PARTS))
    xs.append((single[wide, 0, None] + single[wide, 2, None] * far * np.cos(turn)).ravel())
    ys.append((single[wide, 1, None] + single[wide, 2, None] * far * np.sin(turn)).ravel())
    return np.concatenate(rows), np.concatenate(xs), np.concatenate(ys)


def _along(single: NDArray, pieces: pd.DataFrame) -> tuple[NDArray, NDArray, NDArray]:
    """Return the pieces of each place's nearest street within its radius: number of the place, easting, northing."""
    tree = shapely.STRtree(shapely.points(pieces["x"], pieces["y"]))
    at, near = tree.query(shapely.points(single[:, 0], single[:, 1]), "dwithin", distance=single[:, 2])
    street = pd.factorize(pieces["street"])[0][near]
    away = np.hypot(*(pieces[k].to_numpy()[near] - single[at, i] for i, k in enumerate("xy")))
    order = np.lexsort((street, away, at))
    first = order[np.unique(at[order], return_index=True)[1]]
    chosen = np.full(len(single), -1)
    chosen[at[first]] = street[first]
    kept = street == chosen[at]
    at, near = at[kept], near[kept]
    return at, pieces["x"].to_numpy()[near], pieces["y"].to_numpy()[near]


def split_segments(segments: pd.DataFrame, step_m: float) -> pd.DataFrame:
    """Cut street segments into pieces of about ``step_m`` metres.

    Parameters
    ----------
    segments : DataFrame
        ``segment`` (id), ``street`` (name or id of the street), ``x0``, ``y0``, ``x1``, ``y1`` (ends, EPSG:27700).

    Returns
    -------
    DataFrame
        ``segment``, ``street``, ``x``, ``y`` (middle of the piece), ``metres``.
    """
    length = np.hypot(segments["x1"] - segments["x0"], segments["y1"] - segments["y0"]).to_numpy()
    pieces = np.maximum(np.ceil(length / step_m), 1).astype(int)
    row = np.repeat(np.arange(len(segments)), pieces)
    share = (np.arange(len(row)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 0.5) / pieces[row]
    at = segments.iloc[row].reset_index(drop=True)
    out = at[["segment", "street"]].copy()
    for axis in "xy":
        out[axis] = at[f"{axis}0"] + share * (at[f"{axis}1"] - at[f"{axis}0"])
    return out.assign(metres=length[row] / pieces[row])
