"""Pictures of density: contours for partners, a few classes for the public, words where there can be neither.

A helper of :mod:`istv_lib.maps`, which hands them on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.patches import PathPatch, Rectangle

from istv_lib import _basemap, _density, _public_map, params, places
from istv_lib import _canvas as canvas
from istv_lib._block import Block, demand
from istv_lib._square_maps import draw, key, panel
from istv_lib.disclosure import Released

_WHY = {
    "few": "There is no map of where in {place} it happened in {year}: within {bandwidth} metres of no place did "
    "{least} or more attendances happen that could be placed.",
    "differs": "The map of where in {place} it happened in {year} stands on an earlier page. Records, or the way "
    "in which places are found, have changed since. It is not drawn again, because the difference of two maps would "
    "show single events.",
    "no_year": "There is no map of where in {place} it happened, because not all months of {year} are held.",
}


def density(released: Released, *, title: str, name: str = "density") -> Block:
    """Draw incidents per square kilometre with contours (partners only).

    ``released`` holds findings of :func:`istv_lib.hotspots.surface`. The contours are round numbers; nothing is tested.
    """
    table = demand(released).table
    place, n, radius = (table[c].iloc[0] for c in ("place", "n", "expected"))
    rests = f"n = {n:,.0f} incidents."
    if table["value"].isna().all():
        reason = f"No picture of density: {n:,.0f} incidents can be placed, too few"
        return panel(released, place, reason, title=title, name=name, rests=rests)
    side = float(params.defaults()["kernel_lattice_m"])
    shape, grid, (west, south) = _basemap.outline(place), *_grid(table, side)
    levels = _levels(table["value"].max())
    figure, axis, credit = _basemap.begin(place)
    x, y = (start + side * (np.arange(k) + 0.5) for start, k in zip((west, south), grid.shape[::-1], strict=True))
    fills = list(canvas.CLASSES[-len(levels) :])
    filled = axis.contourf(x, y, grid, [*levels, np.inf], colors=fills, zorder=2)
    lines = axis.contour(x, y, grid, levels, colors=canvas.BLUE, linewidths=0.7, zorder=2.5)
    edge = _clip(axis, shape)
    for drawn in (filled, lines):
        drawn.set_clip_path(edge)
    _basemap.names(axis, place)
    _basemap.scale(axis, credit)
    words = [f"{level:g} or more" for level in levels]
    handles = [
        Rectangle((0, 0), 1, 1, facecolor=f, edgecolor=canvas.BLUE, label=w) for f, w in zip(fills, words, strict=True)
    ]
    key(axis, handles, "Incidents per km²\nin twelve months")
    top = table.loc[table["value"].idxmax()]
    heading = f"At most about {top['value']:,.0f} incidents per square kilometre; a picture, not a test"
    note = f"{rests} Radius of the kernel {radius:.0f} m; smooth by its making. {credit}."
    alt = f"Contour map. {title}. {heading}. Contours at {', '.join(f'{level:g}' for level in levels)}."
    return canvas.framed("map", name, figure, released, title, alt, heading=heading, note=note)


def _grid(table: pd.DataFrame, side: float) -> tuple[np.ndarray, tuple[float, float]]:
    """Return densities as rows from the south and columns from the west, 0 where none is told, and the corner."""
    east, north = (np.asarray(part) for part in places.cell_origin(table["stratum"].tolist()))
    west, south = east.min() - side, north.min() - side
    column, row = ((part - start) // side for part, start in ((east, west), (north, south)))
    grid = np.zeros((int(row.max()) + 2, int(column.max()) + 2))
    grid[row.astype(int), column.astype(int)] = table["value"]
    return grid, (west, south)


def _levels(top: float) -> list[float]:
    """Return four round numbers below the greatest density, each about half the next."""
    steps = np.array([m * 10.0**k for k in range(-2, 6) for m in (1, 2, 5)])
    return steps[steps < top][-4:].tolist()


def _clip(axis: object, shape: object) -> PathPatch:
    _basemap.add(axis, shape, facecolor="none", edgecolor=canvas.INK, linewidth=1.5, zorder=3)
    return axis.patches[-1]


def classes(released: Released, *, title: str, name: str = "where") -> Block:
    """Draw the classes of density of a calendar year that the public may see, or say in words why there are none.

    Parameters
    ----------
    released : Released
        Of :func:`istv_lib.disclosure.density`.
    title, name : str
        Caption and slug.
    """
    table, gate = demand(released).table, params.file("disclosure")["density"]
    head = table[table["measure"] == _public_map.MEASURE].iloc[0]
    cells = table[table["measure"] == _density.MEASURE]
    year, place = head["period_start"][:4], head["place"]
    named = {a.code: a.name for a in places.areas()}[place]
    if cells.empty:
        told = {"place": named, "year": year, "bandwidth": gate["bandwidth_m_least"], "least": gate["events_least"]}
        text = _WHY[head["flags"]].format(**told)
        return Block("words", name, {"text/markdown": text}, released, title=title)
    figure, axis, credit = _basemap.begin(place)
    side, handles = float(params.defaults()["kernel_lattice_m"]), []
    most = int(cells["value"].max())
    for level in range(most, 0, -1):
        fill = canvas.CLASSES[level + len(canvas.CLASSES) - most - 1]
        mine = cells[cells["value"] == level]
        handle = draw(axis, mine["stratum"], side, "", {"facecolor": fill, "edgecolor": fill, "linewidth": 0.2})
        handle.set_label(_between(mine["flags"].iloc[0]))
        handles.append(handle)
    _basemap.add(axis, _basemap.outline(place), facecolor="none", edgecolor=canvas.INK, linewidth=1.5, zorder=3)
    _basemap.names(axis, place)
    _basemap.scale(axis, credit)
    key(axis, handles, f"Attendances per km², {year}")
    rounded = f"about {cells['n'].iloc[0]:,.0f}" if cells["n"].notna().all() else "a withheld number of"
    rests = f"n = {rounded} events in public places whose place is known well enough; each counts for "
    rests += f"{gate['bandwidth_m_least']} m around."
    blank = f"No colour: fewer than {gate['events_least']} about there; that does not mean that it is safe."
    heading = f"Where attendances of {year} gather, in {most} class{'es' if most > 1 else ''}"
    alt = f"Map in {most} classes. {title}. {rests} {blank}"
    mark = " ".join(_density.mark(table, (head["period_start"], head["period_end"]), place))
    note = f"{rests} {blank} {credit}."
    return canvas.framed("map", name, figure, released, title, alt, heading=heading, note=note, drawn=mark)


def _between(flags: str) -> str:
    low, high = (flags.partition(word)[2].split(";")[0] for word in ("from_", "below_"))
    if low and high:
        return f"{low} to under {high}"
    return f"{low} or more" if low else f"under {high}" if high else "some"
