"""The map of London on the hub's index: boroughs, land and water as light SVG paths."""

from __future__ import annotations

import functools
import textwrap
from typing import Any

import numpy as np

from istv_lib import places

_UNIT_M = 50  # metres per unit of the map's coordinates
_SIMPLIFY_M = 150
_BANK_M = 500  # half the widest gap between the banks that still counts as river
_NUDGES = {  # labels that would stand on their neighbours'
    "kensington-and-chelsea": (4, -12),
    "hammersmith-and-fulham": (-20, 2),
    "islington": (-6, 0),
    "richmond-upon-thames": (2, -14),
    "kingston-upon-thames": (0, -6),
}


@functools.cache
def shapes() -> dict[str, Any]:
    """Return the map: its size, land and water as paths, and by name each borough's path and label.

    One unit is 50 metres and north is up. The boundaries leave the Thames open, so water is what closing the gap
    between the banks adds.
    """
    import shapely  # noqa: PLC0415 - only the hub's map needs it

    outlines = places.polygons()
    table = places.boroughs().set_index("gss").loc[outlines["gss"]]
    simple = shapely.coverage_simplify(outlines.geometry.to_numpy(), _SIMPLIFY_M)
    land = shapely.union_all(simple)
    left, bottom, right, top = shapely.total_bounds(simple)
    drawn = []
    for shape, row in zip(simple, table.itertuples(), strict=True):
        dx, dy = _NUDGES.get(row.slug, (0, 0))
        drawn.append(
            {
                "name": row.name,
                "slug": row.slug,
                "path": _path(shape, left, top),
                "x": round((row.label_x - left) / _UNIT_M) + dx,
                "y": round((top - row.label_y) / _UNIT_M) + dy,
                "lines": ["City"] if row.slug == "city-of-london" else _label(row.name),
            }
        )
    return {
        "size": (round((right - left) / _UNIT_M), round((top - bottom) / _UNIT_M)),
        "land": _path(land, left, top),
        "water": _path(water(land), left, top),
        "boroughs": sorted(drawn, key=lambda s: s["name"]),
    }


def water(land: Any) -> Any:
    """Return the gap between the banks: the largest of what closing adds, without the nicks of the outer border."""
    closed = land.buffer(_BANK_M).buffer(-_BANK_M)
    return max(closed.difference(land).geoms, key=lambda part: part.area).buffer(_UNIT_M).simplify(_UNIT_M / 2)


def _label(name: str) -> list[str]:
    return textwrap.wrap(name.replace(" and ", " & "), 11, break_long_words=False)


def _path(shape: Any, left: float, top: float) -> str:
    """Return an SVG path in whole units with relative steps; steps of nothing are left out."""
    parts = []
    for polygon in getattr(shape, "geoms", [shape]):
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.round((np.asarray(ring.coords) - (left, top)) / (_UNIT_M, -_UNIT_M)).astype(int)
            steps = np.diff(points, axis=0)[:-1]
            steps = steps[np.any(steps != 0, axis=1)]
            if len(steps) < 2:  # an island of less than a unit
                continue
            parts.append(f"M{points[0][0]} {points[0][1]}l" + " ".join(f"{x} {y}" for x, y in steps) + "z")
    return "".join(parts)
