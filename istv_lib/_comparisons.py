"""Pictures that set places beside each other: a funnel of rates, and changes with their intervals.

A helper of :mod:`istv_lib.figures`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from istv_lib import _canvas as canvas
from istv_lib import _intervals, _marks, months, params
from istv_lib._block import Block, demand
from istv_lib._standing import CLASSES, Standing, standing
from istv_lib._trend import months_axis
from istv_lib.disclosure import Released

_LINES = {"upper_998": (1.0, (3, 2)), "upper_95": (0.9, (1, 2)), "lower_95": (0.9, (1, 2)), "lower_998": (1.0, (3, 2))}


def funnel(released: Released, *, title: str, name: str = "funnel") -> Block:
    """Draw boroughs' rates over their residents, with lines within which chance and usual differences keep them.

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.monitor.totals` makes, released.
    title : str
        Caption.
    name : str, default "funnel"
        Slug of the block.

    Notes
    -----
    It is no league table: places inside the lines do not differ from the average beyond what is usual, whatever their
    order. See :func:`istv_lib._standing.standing`.
    """
    found = standing(released, params.defaults())
    figure, (axis,) = canvas.surface(height=4.4)
    for line, (width, dash) in _LINES.items():
        if len(found.lines):
            style = {"color": canvas.EDGE, "linewidth": width, "linestyle": (0, dash)}
            axis.plot(found.lines["residents"] / 1000, found.lines[line], **style)
    if len(found.table):
        axis.axhline(found.average, color=canvas.QUIET, linewidth=1)
        _named(axis, found.table)
        axis.set_ylim(0, max(found.table["rate"].max(), found.lines["upper_998"].max()) * 1.06)
    axis.set_xlabel("residents, in thousands", fontsize=10)
    axis.set_title("attendances per 1,000 residents a year", loc="left", fontsize=10, color=canvas.QUIET)
    heading = _outside(found)
    n = f"{found.table['count'].sum():,.0f}" if len(found.table) else "0"
    note = [
        f"n = {'about ' if _marks.base(released) > 1 else ''}{n} attendances whose borough is known.",
        "Lines: 95% (dots) and 99.8% (dashes), widened by the usual differences between boroughs.",
        "Residents of mid-2020, not the people present; hospitals that do not share yet lower the rates around them.",
    ]
    if len(found.table) and found.table["estimate"].any():
        note.append("Hollow: an estimate, divided by the share of the data received.")
    note += [f"Without a rate: {', '.join(found.left)}."] if found.left else []
    alt = f"Funnel plot of London's boroughs, {len(found.table)}. {title}. {heading}."
    return canvas.framed("figure", name, figure, released, title, alt[:590], heading=heading, note=" ".join(note))


def _named(axis: Axes, table: pd.DataFrame) -> None:
    far = table["class"] != "inside"
    for estimate, part in table.groupby("estimate"):
        outside = far[part.index]
        for on, colour in ((~outside, canvas.BLUE), (outside, canvas.ORANGE)):
            shown = part[on]
            fill = "white" if estimate else colour
            style = {"mfc": fill, "mec": colour, "markersize": 6, "linestyle": "none"}
            axis.plot(shown["residents"] / 1000, shown["rate"], "o", **style)
    for row in table[far].itertuples():
        axis.annotate(row.name, (row.residents / 1000, row.rate), xytext=(6, 3), textcoords="offset points", fontsize=9)


def _outside(found: Standing) -> str:
    if found.table.empty:
        return "No borough can be given a rate"
    told = []
    for cls in ("high_998", "high_95", "low_95", "low_998"):
        names = list(found.table.loc[found.table["class"] == cls, "name"])
        told += [f"{CLASSES[cls]}: {', '.join(names)}"] if names else []
    inside = int((found.table["class"] == "inside").sum())
    if not told:
        return f"All {inside} boroughs lie within what chance and usual differences make"
    return f"Outside the lines, {'; '.join(told)}; {inside} boroughs inside"


def changes(released: Released, *, title: str, name: str = "changes") -> Block:
    """Draw ratios of two periods with their 95 % intervals, one line each.

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.monitor.year_on_year` makes, released.
    title : str
        Caption.
    name : str, default "changes"
        Slug of the block.
    """
    table = demand(released).table.assign(name=_marks.rows(released.table))
    known = table[table["value"].notna() & (table["value"] > 0)].reset_index(drop=True)
    figure, (axis,) = canvas.surface(height=0.9 + 0.24 * max(len(known), 3))
    y = np.arange(len(known))[::-1]
    clear = known["flags"].isin(["rose", "fell"]).to_numpy()
    for on, colour in ((~clear, canvas.EDGE), (clear, canvas.BLUE)):
        axis.hlines(
            y[on], known["lower"][on].clip(lower=0.2), known["upper"][on].clip(upper=5), color=colour, linewidth=2
        )
        axis.plot(known["value"][on].clip(0.2, 5), y[on], "o", color=colour, markersize=5)
    axis.axvline(1, color=canvas.INK, linewidth=0.9)
    axis.set_xscale("log")
    ticks = [0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2]
    reach = max(
        1.25,
        known["upper"].clip(upper=5).max() if len(known) else 1,
        1 / max(known["lower"].min(), 0.2) if len(known) else 1,
    )
    axis.set_xlim(1 / reach, reach)
    shown = [tick for tick in ticks if 1 / reach <= tick <= reach]
    axis.set_xticks(shown, ["no change" if tick == 1 else f"{tick - 1:+.0%}" for tick in shown], fontsize=9)
    axis.set_xticks([], minor=True)
    axis.set_yticks(y, list(known["name"]), fontsize=10)
    axis.set_ylim(-0.7, max(len(known), 3) - 0.3)
    axis.grid(visible=False)
    heading = _changed(known)
    note = (
        f"n = {known['n'].sum():,.0f} attendances compared. Lines: 95% intervals; blue where no change lies outside, "
        f"which chance alone does about once in twenty."
    )
    alt = f"Ratios with intervals. {title}. {heading}."
    return canvas.framed("figure", name, figure, released, title, alt[:590], heading=heading, note=note)


def _changed(table: pd.DataFrame) -> str:
    if table.empty:
        return "Nothing can be compared"
    told = []
    for way in ("rose", "fell"):
        names = list(table.loc[table["flags"] == way, "name"])
        told += [f"{way}: {', '.join(names)}"] if names else []
    return f"Clear changes, {'; '.join(told)}" if told else f"No clear change in any of {len(table)}"


def shares(released: Released, *, title: str, name: str = "shares") -> Block:
    """Draw a share month by month with its 95 % intervals and the limits of its p' chart.

    ``released`` holds the measure ``share_of_known`` of :func:`istv_lib.monitor.share_findings`.
    """
    table = demand(released).table
    top, bottom = table["numerator"], table["denominator"]
    lower, upper = _intervals.wilson(top, bottom)
    table = table.assign(value=top / bottom, lower=lower, upper=upper)  # finer than the rounded share
    figure, (axis,) = canvas.surface(height=2.9)
    x = np.arange(len(table))
    axis.fill_between(x, table["limit_low"], table["limit_high"], color=canvas.BAND, linewidth=0, step="mid")
    axis.plot(x, table["expected"], color=canvas.QUIET, linewidth=1.2, linestyle=(0, (3, 2)))
    axis.vlines(x, table["lower"], table["upper"], color=canvas.EDGE, linewidth=1)
    axis.plot(x, table["value"], color=canvas.BLUE, linewidth=2, marker="o", markersize=4.5)
    out = table["flags"].isin(["above", "below"]).to_numpy()
    axis.plot(x[out], table["value"][out], "D", mfc=canvas.ORANGE, mec=canvas.INK, markersize=8, linestyle="none")
    tops = [table["upper"].max(), table["limit_high"].max()]
    axis.set_ylim(0, float(np.nanmax([*tops, 0.05])) * 1.1)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    months_axis(axis, table["period_start"].tolist())
    known = table[table["value"].notna()]
    heading = "No month can be shown"
    if len(known):
        last, many = known.iloc[-1], int(out.sum())
        heading = f"{last['value']:.1%} in {months.label(last['period_end'])}; " + (
            f"{many} of {len(known)} months outside the limits" if many else "no month outside the limits"
        )
    note = (
        f"n = {known['denominator'].sum():,.0f} attendances of which it is known. Lines: 95% intervals. Shaded: limits."
    )
    return canvas.framed(
        "figure", name, figure, released, title, f"Line chart. {title}. {heading}.", heading=heading, note=note
    )
