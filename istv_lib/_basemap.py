"""The ground of each map: boroughs, the Thames, town names, stations, scale bar and attribution, drawn offline.

A helper of :mod:`istv_lib.maps`. Coordinates are metres, EPSG:27700.
"""

from __future__ import annotations

import textwrap
from functools import cache

import numpy as np
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from shapely.geometry.base import BaseGeometry

from istv_lib import _canvas as canvas
from istv_lib import _outline, _points, _tiles, params, places

CREDIT = (
    "Contains National Statistics data © Crown copyright and database right 2012; "
    "contains Ordnance Survey data © Crown copyright and database right 2012"
)
BESIDE, WATER = "#F4F4F4", "#CFE3EE"
WIDE, LOW, TALL, KEY = 7.2, 0.62, 1.15, 0.75  # inches; least and greatest height over width; inches for the key
_HALO = [withStroke(linewidth=1.8, foreground="white")]


def add(axis: Axes, shape: BaseGeometry, **style: object) -> None:
    """Draw a polygon, or several, or nothing."""
    for part in (p for p in getattr(shape, "geoms", [shape]) if p.geom_type == "Polygon" and not p.is_empty):
        rings = [np.asarray(ring.coords) for ring in (part.exterior, *part.interiors)]
        codes = [[Path.MOVETO, *[Path.LINETO] * (len(ring) - 2), Path.CLOSEPOLY] for ring in rings]
        axis.add_patch(PathPatch(Path(np.concatenate(rings), np.concatenate(codes)), **style))


@cache
def water() -> BaseGeometry:
    """Return the Thames: the gap that the boundaries leave between the banks."""
    return _outline.water(shapely.union_all(shapely.simplify(_points.shapes()[1], 20)))


def outline(place: str) -> BaseGeometry:
    """Return the outline of a borough, BCU or London by its code."""
    codes, shapes = _points.shapes()
    return shapely.union_all([shapes[codes.index(gss)] for gss in places.find_area(place).boroughs])


def begin(place: str) -> tuple[Figure, Axes, str]:
    """Return a figure with the ground about an area, whose axis is ready to be drawn on, and the attribution."""
    mine, shape = set(places.find_area(place).boroughs), outline(place)
    figure, axis = _view(shape.bounds)
    credit = _tiles.add(axis)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    view = shapely.box(left, low, right, high)
    for gss, part in zip(*_points.shapes(), strict=True):
        if part.intersects(view):
            fill = "none" if credit else "white" if gss in mine else BESIDE
            add(axis, part, facecolor=fill, edgecolor=canvas.CONTEXT, linewidth=0.9, zorder=1)
    if not credit:
        add(axis, water().intersection(view), facecolor=WATER, edgecolor="none", zorder=1.1)
    return figure, axis, ". ".join(filter(None, [CREDIT, credit]))


def _view(bounds: tuple[float, float, float, float]) -> tuple[Figure, Axes]:
    """Return a figure as high as the shape asks for, within bounds, and its axis set to the shape and a rim."""
    x0, y0, x1, y1 = bounds
    pad = 0.05 * max(x1 - x0, y1 - y0)
    wide, high = x1 - x0 + 2 * pad, y1 - y0 + 3 * pad
    share = min(max(high / wide, LOW), TALL)
    figure, (axis,) = canvas.surface(WIDE, WIDE * share + KEY)
    wide, high = max(wide, high / share), max(high, wide * share)
    middle, bottom = (x0 + x1) / 2, (y0 + y1) / 2 - pad / 2 - high / 2
    axis.set(xlim=(middle - wide / 2, middle + wide / 2), ylim=(bottom, bottom + high), aspect="equal")
    axis.set_axis_off()
    axis.set_anchor("N")
    return figure, axis


def names(axis: Axes, place: str) -> None:
    """Write the largest towns of an area and the boroughs beside it, and mark its stations."""
    mine, told = set(places.find_area(place).boroughs), params.file("maps")
    stations = places.gazetteer_stations()
    stations = stations[stations["borough_gss"].isin(mine)]
    axis.plot(
        stations["easting"], stations["northing"], linestyle="none", marker="o", markersize=3.2, zorder=4,
        markerfacecolor="white", markeredgecolor=canvas.INK, markeredgewidth=0.8, label="station",
    )  # fmt: skip
    towns = places.gazetteer_areas()
    towns = towns[towns["borough_gss"].isin(mine)].sort_values(["population", "name"], ascending=[False, True])
    gap = told["town_gap"] * (axis.get_ylim()[1] - axis.get_ylim()[0])
    for row in _apart(towns, gap, int(told["towns_most"])).itertuples():
        look = {"fontsize": 7.5, "ha": "center", "va": "center", "color": canvas.INK, "zorder": 5}
        axis.text(row.easting, row.northing, row.name, path_effects=_HALO, **look)
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    for row in places.boroughs().itertuples():
        inside = left < row.label_x < right and low < row.label_y < high
        if inside and row.gss not in mine:
            look = {"fontsize": 7, "style": "italic", "ha": "center", "va": "center", "color": canvas.QUIET}
            axis.text(row.label_x, row.label_y, row.name, zorder=3, clip_on=True, **look)


def _apart(towns: pd.DataFrame, gap: float, most: int) -> pd.DataFrame:
    """Return the first towns of which none stands too near to an earlier one."""
    kept: list[int] = []
    at = towns[["easting", "northing"]].to_numpy(dtype=float) * [0.5, 1.0]  # names are wider than high
    for i in range(len(towns)):
        if len(kept) < most and all(np.hypot(*(at[i] - at[k])) >= gap for k in kept):
            kept.append(i)
    return towns.iloc[kept]


def finish(axis: Axes, bounds: tuple[float, float, float, float]) -> None:
    """Set the view of a map of London, with room for the key on the left, and draw scale bar and attribution."""
    x0, y0, x1, y1 = bounds
    pad = 0.04 * max(x1 - x0, y1 - y0)
    wide, high = axis.figure.get_size_inches()
    room = max((y1 - y0 + 3.4 * pad) * wide / high, x1 - x0 + 2 * pad) - (x1 - x0)
    axis.set(xlim=(x0 - 0.95 * room, x1 + 0.05 * room), ylim=(y0 - 2.4 * pad, y1 + pad), aspect="equal")
    axis.set_axis_off()
    scale(axis)


def scale(axis: Axes, credit: str = CREDIT) -> None:
    """Draw scale bar and attribution at the lower left corner."""
    (left, right), (low, high) = axis.get_xlim(), axis.get_ylim()
    step = 0.01 * (high - low)
    length = next((m for m in (10_000, 5_000, 2_000, 1_000) if m < 0.3 * (right - left)), 500)
    start, level = left + 2 * step, low + 6 * step
    axis.plot([start, start + length], [level, level], color=canvas.INK, linewidth=2, solid_capstyle="butt", zorder=6)
    told = f"{length // 1000} km" if length >= 1000 else f"{length} m"
    axis.text(start, level + 0.6 * step, told, fontsize=8, va="bottom", zorder=6, path_effects=_HALO)
    look = {"fontsize": 6, "color": canvas.QUIET, "va": "bottom", "path_effects": _HALO}
    axis.text(start, low + step, textwrap.fill(credit, 100), zorder=6, **look)
