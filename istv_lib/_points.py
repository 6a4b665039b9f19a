"""Points on the British National Grid: to and from WGS84, in which borough, in which lattice square.

A helper of :mod:`istv_lib.places`, which hands these functions on; import them from there.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from istv_lib import errors

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import ArrayLike, NDArray

LATTICE_M = 250
BNG = "EPSG:27700"
SNAP_M = 50
_OUTLINES = Path(__file__).parent / "reference" / "boroughs.geojson"
_CELL = re.compile(r"E(\d{6,7})N(\d{6,7})")
# WGS84 to the National Grid by the published seven-parameter shift (EPSG:1314, good to about 2 m in London),
# spelt out so that a computer with finer grid files does not give other coordinates than one without.
_TO_BNG = (
    "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3 "
    "+step +proj=cart +ellps=WGS84 +step +inv +proj=helmert +x=446.448 +y=-125.157 +z=542.06 "
    "+rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489 +convention=position_vector "
    "+step +inv +proj=cart +ellps=airy +step +proj=pop +v_3 "
    "+step +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy"
)


@cache
def _transformer():
    from pyproj import Transformer  # noqa: PLC0415 - only when needed

    return Transformer.from_pipeline(_TO_BNG)


def _transform(first: ArrayLike, second: ArrayLike, direction: str) -> tuple:
    a, b = np.broadcast_arrays(np.asarray(first, dtype=float), np.asarray(second, dtype=float))
    out = _transformer().transform(a, b, direction=direction)
    out = tuple(np.where(np.isfinite(part), part, np.nan) for part in out)
    return out if a.ndim else tuple(float(part) for part in out)


def to_bng(lon: ArrayLike, lat: ArrayLike) -> tuple:
    """Longitude and latitude (degrees, WGS84) to easting and northing (metres, EPSG:27700).

    Returns
    -------
    tuple
        ``(x, y)``: floats for single numbers, else arrays; NaN where either input is NaN.

    Notes
    -----
    A seven-parameter shift, good to about 2 m in London, chosen so that every computer gives the same metre.
    The order is longitude first.
    """
    return _transform(lon, lat, "FORWARD")


def to_wgs84(x: ArrayLike, y: ArrayLike) -> tuple:
    """Easting and northing (metres, EPSG:27700) to ``(lon, lat)`` (degrees, WGS84); undoes :func:`to_bng`."""
    return _transform(x, y, "INVERSE")


def _features() -> list[dict]:
    return json.loads(_OUTLINES.read_text("utf-8"))["features"]


@cache
def shapes() -> tuple[tuple[str, ...], NDArray]:
    """GSS codes in order and their polygons in EPSG:27700; shared and prepared, never changed."""
    features = sorted(_features(), key=lambda feature: feature["properties"]["GSS_CODE"])
    lonlat = np.array([shapely.from_geojson(json.dumps(feature["geometry"])) for feature in features])
    outlines = shapely.transform(lonlat, lambda pairs: np.column_stack(to_bng(*pairs.T)))
    shapely.prepare(outlines)
    return tuple(feature["properties"]["GSS_CODE"] for feature in features), outlines


def polygons() -> gpd.GeoDataFrame:
    """Borough outlines.

    Returns
    -------
    GeoDataFrame
        ``gss``, ``name``, ``geometry`` (EPSG:27700), 33 rows by GSS code.

    Notes
    -----
    Boundaries of 2011, simplified to 10 m together, so neighbours share their edges without gaps or overlaps.
    Attribution is owed on every map: see ``LICENSES/boundaries.md``.
    """
    import geopandas as gpd  # noqa: PLC0415 - only when needed

    gss, outlines = shapes()
    names = {f["properties"]["GSS_CODE"]: f["properties"]["NAME"] for f in _features()}
    table = {"gss": list(gss), "name": [names[code] for code in gss]}
    return gpd.GeoDataFrame(table, geometry=outlines.copy(), crs=BNG)


def borough_of(x: ArrayLike, y: ArrayLike) -> NDArray[np.str_]:
    """Borough of each point.

    Parameters
    ----------
    x, y : array-like of float
        Easting and northing, metres, EPSG:27700.

    Returns
    -------
    numpy array of str
        GSS codes; empty for a point outside London and for missing coordinates. A point on a border or up to
        50 m outside London gets the nearest borough; a tie goes to the lower code.

    Notes
    -----
    Many recorded places are snapped to border streets: about 1 point in 300 of real street-level police data
    falls in another borough than the publisher's. The borough of the place, never of the hospital.
    """
    gss, outlines = shapes()
    px, py = (np.atleast_1d(part) for part in np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)))
    found = np.full(px.shape, "", dtype="U9")
    open_ = np.isfinite(px) & np.isfinite(py)
    for code, outline in zip(gss, outlines, strict=True):
        west, south, east, north = outline.bounds
        near = np.flatnonzero(open_ & (px >= west) & (px <= east) & (py >= south) & (py <= north))
        inside = near[shapely.contains_xy(outline, px[near], py[near])]
        found[inside] = code
        open_[inside] = False
    rest = np.flatnonzero(open_)
    tree = shapely.STRtree(outlines)
    pairs = tree.query_nearest(shapely.points(px[rest], py[rest]), max_distance=SNAP_M, all_matches=True)
    for point, borough in sorted(zip(*pairs.tolist(), strict=True), reverse=True):
        found[rest[point]] = gss[borough]
    return found


def cell_of(x: ArrayLike, y: ArrayLike, size: int = LATTICE_M) -> NDArray[np.str_]:
    """Lattice cell of each point, named by its south-west corner in metres: ``E530000N180250``.

    Parameters
    ----------
    x, y : array-like of float
        Easting and northing, metres, EPSG:27700.
    size : int
        Side of a cell in metres. The lattice starts at the grid's origin: a cell of 500 m holds four of 250 m.

    Returns
    -------
    numpy array of str
        Empty where a coordinate is missing or negative. West and south edges belong to the cell.

    Notes
    -----
    The name does not carry the size: never mix sizes in one column.
    """
    px, py = (np.atleast_1d(part) for part in np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float)))
    found = np.full(px.shape, "", dtype="U16")
    good = np.isfinite(px) & np.isfinite(py) & (px >= 0) & (py >= 0) & (px < 1e7) & (py < 1e7)
    corners = (np.column_stack([px[good], py[good]]) // size * size).astype(np.int64)
    unique, which = np.unique(corners, axis=0, return_inverse=True)
    names = np.array([f"E{east:06d}N{north:06d}" for east, north in unique.tolist()], dtype="U16")
    found[good] = names[which.ravel()] if len(names) else ""
    return found


def cell_origin(cell: ArrayLike) -> tuple:
    """South-west corner of each cell, metres, EPSG:27700: undoes :func:`cell_of`.

    Returns
    -------
    tuple
        ``(x, y)``: floats for one name, else arrays; NaN for an empty or missing name. The
        centre lies half a side further.

    Raises
    ------
    istv_lib.errors.ParameterError
        When a name is not a cell's.
    """
    names = np.asarray(cell, dtype=object)
    corners = np.full((names.size, 2), np.nan)
    for i, name in enumerate(names.ravel()):
        if not isinstance(name, str) or not name:
            continue
        match = _CELL.fullmatch(name)
        if not match:
            message = f"'{name}' is not a lattice cell: cells look like E530000N180250."
            raise errors.ParameterError(message)
        corners[i] = int(match[1]), int(match[2])
    if names.ndim == 0:
        return float(corners[0, 0]), float(corners[0, 1])
    return corners[:, 0].reshape(names.shape), corners[:, 1].reshape(names.shape)
