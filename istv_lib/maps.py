"""Maps of released findings on the borough polygons, drawn offline; no tile is requested.

Maps carry a scale bar, the attribution of the boundaries and the number of attendances they rest on.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from shapely.geometry.base import BaseGeometry

from istv_lib import _canvas as canvas
from istv_lib import _marks, errors, hotspots, places
from istv_lib._block import Block, demand
from istv_lib.disclosure import Released

CREDIT = (
    "Contains National Statistics data © Crown copyright and database right 2012; "
    "contains Ordnance Survey data © Crown copyright and database right 2012"
)


def boroughs(released: Released, *, title: str, name: str = "map", least: float = 10) -> Block:
    """Draw the boroughs in at most five classes of attendances.

    Parameters
    ----------
    released : Released
        One row per borough (GSS codes in ``place``) for one period.
    title : str
        Caption.
    name : str, default "map"
        Slug of the block.
    least : float, default 10
        A borough with fewer attendances, or with a withheld figure, is left without colour.
    """
    table = demand(released).table.set_index("place")
    figure, (axis,) = canvas.surface(7.2, 5.3)
    values = table["value"].where(table["value"] >= least)
    breaks = _breaks(values.dropna())
    shapes = places.polygons().set_index("gss")["geometry"]
    for gss, shape in shapes.items():
        value = values.get(gss, np.nan)
        colour = "#F4F4F4" if np.isnan(value) else canvas.CLASSES[int(np.searchsorted(breaks, value, side="right"))]
        _add(axis, shape, facecolor=colour, edgecolor=canvas.EDGE, linewidth=0.7)
    _name_boroughs(axis, values, breaks)
    _finish(axis, tuple(shapes.total_bounds))
    _legend(axis, breaks, values, n=table["value"].sum(), least=least if values.isna().any() else 0)
    known = values.dropna()
    heading = f"From {known.min():,.0f} to {known.max():,.0f} attendances a borough" if len(known) else ""
    alt = f"Map of London's 33 boroughs in {len(breaks) + 1} classes. {title}. {heading or 'No borough can be shown'}."
    if values.isna().any():
        alt += f" Not coloured: {int(values.isna().sum())} with fewer than {least:.0f} or a withheld figure."
    about = "about " if _marks.base(released) > 1 else ""
    note = f"n = {about}{table['value'].sum():,.0f} attendances in the boroughs shown. {CREDIT}."
    return canvas.framed("map", name, figure, released, title, alt, heading=heading, note=note)


def cells(
    released: Released,
    *,
    place: str,
    title: str,
    points_least: float,
    name: str = "cells",
    least: float = 3,
    size: float = 250,
) -> Block:
    """Draw the lattice squares of one borough that hold at least ``least`` attendances (partners only).

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.hotspots.cells` makes, released.
    place : str
        GSS code of the borough.
    title : str
        Caption.
    points_least : float
        With fewer mapped attendances no square is drawn (``map_points_least``).
    name : str, default "cells"
        Slug of the block.
    least : float, default 3
        Squares with fewer attendances are not drawn.
    size : float, default 250
        Side of a square in metres, as counted.

    Raises
    ------
    errors.DisclosureError
        When the findings are no squares of :func:`istv_lib.hotspots.cells`.
    """
    table = demand(released).table
    if not ((table["stratum_dim"] == "cell") & (table["method"] == hotspots.METHOD)).all():
        msg = "Only squares counted by hotspots.cells can be drawn, because it refuses places not fit for a map."
        raise errors.DisclosureError(msg)
    shapes = places.polygons().set_index("gss")["geometry"]
    figure, (axis,) = canvas.surface(7.2, 5.6)
    for gss, shape in shapes.items():
        _add(axis, shape, facecolor="white" if gss == place else "#F4F4F4", edgecolor=canvas.CONTEXT, linewidth=1.0)
    n = table["n"].max() if len(table) else 0
    drawn = table[(table["value"] >= least) & (n >= points_least)]
    breaks = _breaks(drawn["value"])
    for cell, value in zip(drawn["stratum"], drawn["value"], strict=True):
        x, y = places.cell_origin(cell)
        level = int(np.searchsorted(breaks, value, side="right"))
        axis.add_patch(
            Rectangle((x, y), size, size, facecolor=canvas.CLASSES[level], edgecolor=canvas.BLUE, linewidth=0.4)
        )
    _add(axis, shapes[place], facecolor="none", edgecolor=canvas.INK, linewidth=1.6)
    _finish(axis, shapes[place].bounds)
    _legend(axis, breaks, drawn["value"], n=n)
    share = f"{table['share_used'].max():.0%}" if len(table) else "none"
    heading = f"{len(drawn)} squares hold {least:.0f} or more attendances"
    rests = f"{n:,.0f} attendances placed to a street or better, {share} of all"
    alt = f"Map of squares of {size:.0f} metres. {title}. {heading}. It rests on {rests}."
    note = f"n = {rests}. {CREDIT}."
    return canvas.framed("map", name, figure, released, title, alt, heading=heading, note=note)


def _breaks(values: pd.Series) -> list[float]:
    """Class breaks at rounded quantiles: at most four, rising, so that there are at most five classes."""
    if values.empty:
        return []
    step = 10 if values.max() >= 100 else (5 if values.max() >= 25 else 1)
    marks = {float(np.ceil(values.quantile(q) / step) * step) for q in (0.2, 0.4, 0.6, 0.8)}
    return sorted(m for m in marks if values.min() < m <= values.max())


def _add(axis: Axes, shape: BaseGeometry, **style: object) -> None:
    for part in getattr(shape, "geoms", [shape]):
        rings = [np.asarray(ring.coords) for ring in (part.exterior, *part.interiors)]
        codes = [[Path.MOVETO, *[Path.LINETO] * (len(ring) - 2), Path.CLOSEPOLY] for ring in rings]
        axis.add_patch(PathPatch(Path(np.concatenate(rings), np.concatenate(codes)), **style))


def _name_boroughs(axis: Axes, values: pd.Series, breaks: list[float]) -> None:
    short = {"Kensington and Chelsea": "K & C", "Hammersmith and Fulham": "H & F", "Tower Hamlets": "Tower\nHamlets"}
    short |= {
        "Richmond upon Thames": "Richmond",
        "Kingston upon Thames": "Kingston",
        "Waltham Forest": "Waltham\nForest",
    }
    short |= {"Barking and Dagenham": "Barking and\nDagenham", "City of London": "City"}
    for row in places.boroughs().itertuples():
        value = values.get(row.gss, np.nan)
        dark = not np.isnan(value) and np.searchsorted(breaks, value, side="right") >= 3
        axis.text(
            float(row.label_x),
            float(row.label_y),
            short.get(row.name, row.name),
            fontsize=7,
            ha="center",
            va="center",
            color="white" if dark else canvas.INK,
            path_effects=[withStroke(linewidth=1.6, foreground=canvas.BLUE if dark else "white")],
        )


def _finish(axis: Axes, bounds: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = bounds
    pad = 0.04 * max(x1 - x0, y1 - y0)
    wide, high = axis.figure.get_size_inches()
    room = max((y1 - y0 + 3.4 * pad) * wide / high, x1 - x0 + 2 * pad) - (x1 - x0)
    axis.set(xlim=(x0 - 0.95 * room, x1 + 0.05 * room), ylim=(y0 - 2.4 * pad, y1 + pad), aspect="equal")
    axis.set_axis_off()
    x0 -= 0.95 * room - pad
    length = 10_000 if x1 - x0 > 30_000 else (2_000 if x1 - x0 > 8_000 else 1_000)
    axis.plot([x0, x0 + length], [y0 - pad, y0 - pad], color=canvas.INK, linewidth=2, solid_capstyle="butt")
    axis.text(x0, y0 - 0.8 * pad, f"{length // 1000} km", fontsize=8, va="bottom")
    axis.text(x0 - pad, y0 - 2.4 * pad, CREDIT, fontsize=6, color=canvas.QUIET, va="bottom")


def _legend(axis: Axes, breaks: list[float], values: pd.Series, n: float, least: float = 0) -> None:
    if values.dropna().empty:
        axis.set_title(f"Too few attendances to draw (n = {n:,.0f})", loc="left", fontsize=10)
        return
    edges = [values.min(), *breaks, values.max() + 1]
    names = [f"{a:,.0f}" if a == b - 1 else f"{a:,.0f} to {b - 1:,.0f}" for a, b in itertools.pairwise(edges)]
    fills = [*canvas.CLASSES[: len(names)], *(["#F4F4F4"] if least else [])]
    names += [f"fewer than {least:.0f}, or withheld"] if least else []
    handles = [Rectangle((0, 0), 1, 1, facecolor=fill, edgecolor=canvas.EDGE, linewidth=0.7) for fill in fills]
    axis.legend(
        handles,
        names,
        title=f"Attendances (n = {n:,.0f})",
        loc="upper left",
        fontsize=8.5,
        title_fontsize=9,
        frameon=False,
        alignment="left",
    )
