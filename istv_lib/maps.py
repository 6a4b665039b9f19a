"""Maps of released findings on boroughs, the Thames, town names and stations, drawn offline.

Maps carry a scale bar, the attribution of what lies under them and the number of incidents they rest on. No tile is
requested unless ``parameters/maps.yml`` says so.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from istv_lib import _basemap, _marks, places
from istv_lib import _canvas as canvas
from istv_lib._block import Block, demand
from istv_lib._density_maps import classes, density  # noqa: F401 - used as maps.classes and so on
from istv_lib._square_maps import heavy, hot, prior  # noqa: F401
from istv_lib.disclosure import Released


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
        _basemap.add(axis, shape, facecolor=colour, edgecolor=canvas.EDGE, linewidth=0.7)
    _name_boroughs(axis, values, breaks)
    _basemap.finish(axis, tuple(shapes.total_bounds))
    _legend(axis, breaks, values, n=table["value"].sum(), least=least if values.isna().any() else 0)
    known = values.dropna()
    heading = f"From {known.min():,.0f} to {known.max():,.0f} attendances a borough" if len(known) else ""
    alt = f"Map of London's 33 boroughs in {len(breaks) + 1} classes. {title}. {heading or 'No borough can be shown'}."
    if values.isna().any():
        alt += f" Not coloured: {int(values.isna().sum())} with fewer than {least:.0f} or a withheld figure."
    about = "about " if _marks.base(released) > 1 else ""
    note = f"n = {about}{table['value'].sum():,.0f} attendances in the boroughs shown. {_basemap.CREDIT}."
    return canvas.framed("map", name, figure, released, title, alt, heading=heading, note=note)


def _breaks(values: pd.Series) -> list[float]:
    """Class breaks at rounded quantiles: at most four, rising, so that there are at most five classes."""
    if values.empty:
        return []
    step = 10 if values.max() >= 100 else (5 if values.max() >= 25 else 1)
    marks = {float(np.ceil(values.quantile(q) / step) * step) for q in (0.2, 0.4, 0.6, 0.8)}
    return sorted(m for m in marks if values.min() < m <= values.max())


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
