"""The months of one place as a picture: counts, expected range, coverage, and which months cannot be compared.

A helper of :mod:`istv_lib.figures`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from istv_lib import _canvas as canvas
from istv_lib import _marks, months, params
from istv_lib._block import Block, demand
from istv_lib._month_words import outside
from istv_lib.disclosure import Released

STEPS = (25, 50, 100, 200, 400)  # where the scale of a place's months may end
KEY = {"loc": "left", "fontsize": 10, "color": canvas.QUIET}


def trend(
    released: Released,
    *,
    title: str,
    name: str = "trend",
    event: tuple[str, str] | None = None,
    panel: Released | None = None,
) -> Block:
    """Draw the months of one place: counts, expected range, coverage, and which months cannot be compared.

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.monitor.monthly` makes, released; one row per month. Quarters are left to the table.
    title : str
        What the picture shows; its caption.
    name : str, default "trend"
        Slug of the block.
    event : (str, str), optional
        A month and what began in it, drawn as a line.
    panel : Released, optional
        As :func:`istv_lib.supply.panel` makes, released: drawn beside the counts where it has figures.

    Notes
    -----
    Scales end at one of :data:`STEPS`, so that boroughs of about the same size share one. The strip below shows how
    much of the usual data could be used each month, with a line at the least that is compared.
    """
    table, least = _marks.single(demand(released).table), params.defaults()["coverage_full"]
    strip = bool(table["coverage"].notna().any())
    heights = (5.0, 1.0) if strip else (1.0,)
    figure, (axis, *below) = canvas.surface(height=4.3 if strip else 3.5, rows=len(heights), heights=heights)
    _range(axis, table)
    steady = _panel(axis, table, panel)
    points(axis, table, size=4.5)
    _unusual(axis, table)
    for strip_axis in below:
        axis.tick_params(labelbottom=False)
        _coverage(strip_axis, table, least)
    for each in (axis, *below):
        months_axis(each, table["period_start"].tolist())
    highest = float(np.nanmax([*table["value"], *table["limit_high"], 10.0]))
    top = next((step for step in STEPS if highest <= step), highest * 1.1)
    axis.set_ylim(0, top * 1.04)
    if event and event[0] in set(table["period_start"]):
        at = table["period_start"].tolist().index(event[0]) - 0.5
        axis.axvline(at, color=canvas.HIGHLIGHT, linewidth=1.4)
        axis.text(at, top * 1.03, f"{event[1]} ", fontsize=10, color=canvas.HIGHLIGHT, va="top", ha="right")
    heading = f"{_capital(event[1])} began in {months.label(event[0])}" if event else _month_heading(table)
    note = [counted(released, table), _received(table), steady]
    note += ["Shaded: the expected range; dashes: its middle."] if table["flags"].str.contains("tested").any() else []
    note += [f"Strip: share of the usual data that could be used; line: {least:.0%}, the least compared."] * strip
    note += [f"The scale ends at {top}, one of the steps that all boroughs share."] if top in STEPS else []
    alt = _trend_alt(table, f"{title}. {heading}")
    note = " ".join(filter(None, [*note, _marks.key(" ".join(table["symbol"]))]))
    return canvas.framed("figure", name, figure, released, title, alt, heading=heading, note=note)


def _panel(axis: Axes, table: pd.DataFrame, panel: Released | None) -> str:
    """Draw the hospitals that sent every month, and say how many they are; empty where they are too few."""
    own = demand(panel).table if panel is not None else table.head(0)
    if not own["value"].notna().any():
        return ""
    at = own["period_end"].map({m: i for i, m in enumerate(table["period_end"])})
    axis.plot(at, own["value"], color=canvas.ORANGE, linewidth=1.6, linestyle=(0, (1, 1)))
    few = own["denominator"].iloc[0]
    return (
        f"Dots: the {few:,.0f} hospitals that sent every day of the last {len(own)} months "
        f"({own['share_used'].iloc[0]:.0%} of the usual attendances)."
    )


def _coverage(axis: Axes, table: pd.DataFrame, least: float) -> None:
    """Draw the share of the usual data that could be used, month by month; missing months have no bar."""
    share = table["coverage"].fillna(0.0).to_numpy()
    colours = np.where(share >= least, canvas.EDGE, canvas.ORANGE)
    axis.bar(table.index, share, width=0.8, color=colours)
    axis.axhline(least, color=canvas.INK, linewidth=0.8, linestyle=(0, (3, 2)))
    axis.set_ylim(0, 1.02)
    axis.set_yticks([0, 1])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.grid(visible=False)
    axis.set_title("data that could be used", loc="left", fontsize=9, color=canvas.QUIET, pad=3)


def _range(axis: Axes, table: pd.DataFrame) -> None:
    """Draw the expected range of the tested months that can be compared, and name it."""
    show = table["limit_high"].notna() & table["flags"].str.contains("tested") & ~_marks.has(table, "[i]")
    if not show.any():
        return
    part = table[show]
    x, low, high = part.index.to_numpy(), part["limit_low"], part["limit_high"]
    axis.bar(x, high - low, bottom=low, width=1, color=canvas.BAND, linewidth=0)
    for edge in (low, high):
        axis.hlines(edge, x - 0.5, x + 0.5, color=canvas.EDGE, linewidth=0.9)
    axis.hlines(part["expected"], x - 0.5, x + 0.5, color=canvas.QUIET, linewidth=1.2, linestyle=(0, (3, 2)))
    named = {"xytext": (0, 5), "textcoords": "offset points", "fontsize": 10, "color": canvas.QUIET}
    axis.annotate("expected range", (x[0] - 0.5, float(high.max())), **named)


def points(axis: Axes, table: pd.DataFrame, size: float) -> None:
    """Draw months as a line with points: hollow where incomplete, a gap with its symbol where nothing can be shown."""
    x, values, part = table.index.to_numpy(), table["value"], _marks.has(table, "[i]")
    whole = values.mask(_marks.has(table, "[c]", "[x]", "[i]"))
    axis.plot(x, whole, color=canvas.BLUE, linewidth=2, marker="o", markersize=size)
    axis.plot(x[part], values[part], "o", mfc="white", mec=canvas.BLUE, markersize=size + 1.5, linestyle="none")
    for at, symbols, value in zip(x, table["symbol"], values, strict=True):
        below = " ".join(s for s in symbols.split() if np.isnan(value) or s not in {"[i]", "[p]"})
        axis.text(at, 0, f" {below}", ha="center", va="bottom", fontsize=9, rotation=90)
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if len(table) and values.notna().iloc[-1]:
        axis.text(x[-1] + 0.5, values.iloc[-1], table["shown"].iloc[-1], va="center", fontsize=11, fontweight="bold")


def _unusual(axis: Axes, table: pd.DataFrame) -> None:
    """Mark months outside their expected range, and say in one line what the marks mean."""
    gated = _marks.has(table, "[i]") & table["value"].notna()
    hit = table["flags"].str.contains("limit") & table["value"].notna()
    for where, fill in ((hit & ~gated, canvas.ORANGE), (hit & gated, "white")):
        at = table.index[where]
        axis.plot(at, table["value"][where], "D", mfc=fill, mec=canvas.INK, markersize=8, linestyle="none")
    key = {
        "○ [i] incomplete month": gated.any(),
        "◆ outside the expected range": hit.any(),
    }
    axis.set_title("     ".join(words for words, used in key.items() if used), **KEY)


def _month_heading(table: pd.DataFrame) -> str:
    row = table.iloc[-1]
    month = months.label(row["period_end"])
    if "[c]" in row["symbol"]:
        return f"{month} is withheld to protect people"
    if pd.isna(row["value"]):
        return f"No data can be shown for {month}"
    if row["status"] == "gated":
        return f"{month} is incomplete and not compared"
    if "no_baseline" in row["flags"] or pd.isna(row["limit_high"]):
        return f"{row['shown']} in {month}, and nothing yet to compare with"
    way = outside(row)
    return f"{_capital(way)} than expected in {month}" if way else f"No clear change in {month}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def counted(released: Released, table: pd.DataFrame) -> str:
    """Say on how many records a picture of months rests: the sum of what is shown."""
    unit = next(iter(table["unit"]), "")
    about = "about " if unit == "attendance" and _marks.base(released) > 1 else ""
    noun = {"crime": "offences", "attendance": "attendances"}.get(unit, "records")
    return f"n = {about}{table['value'].sum():,.0f} {noun} in the months shown."


def _received(table: pd.DataFrame) -> str:
    row = table.iloc[-1]
    if pd.isna(row["coverage"]):
        return ""
    return f"For {months.label(row['period_end'])} {row['coverage']:.0%} of what usually arrives could be used."


def _trend_alt(table: pd.DataFrame, title: str) -> str:
    known = table[table["value"].notna()]
    if known.empty:
        return f"Line chart. {title}. No month can be shown."
    last, low, high = table.iloc[-1], known["value"].min(), known["value"].max()
    words = [
        f"Line chart of {len(table)} months. {title}.",
        f"Shown months lie between {low:,.0f} and {high:,.0f};" if low < high else f"Every month shown is {low:,.0f};",
        f"the latest, {months.label(last['period_end'])}, is {last['shown']}.",
    ]
    marked = {
        "incomplete and drawn hollow": _marks.has(known, "[i]").sum(),
        "withheld": _marks.has(table, "[c]").sum(),
        "without data": _marks.has(table, "[x]").sum(),
    }
    words += [f"{n} month{'s are' if n > 1 else ' is'} {told}." for told, n in marked.items() if n]
    return " ".join(words)


def months_axis(axis: Axes, held: list[str], offset: float = 0.0) -> None:
    ticks = [i for i, m in enumerate(held) if m.endswith(("-01", "-07"))] or list(range(len(held)))
    axis.set_xticks([i + offset for i in ticks], [months.short_label(held[i]) for i in ticks])
    axis.set_xlim(-0.7 + offset, len(held) - 0.3 + offset)
