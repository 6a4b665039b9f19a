"""Charts of released findings, each with alternative text made from the same numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from istv_lib import _canvas as canvas
from istv_lib import months, places, schema
from istv_lib._block import Block, demand
from istv_lib.disclosure import Released

STATE_COLOURS = dict(
    zip(schema.STATUS_WORDS, "#12436D #7A9EC0 #28A197 #F46A25 #801650 #BFBFBF #EDEDED".split(), strict=True)
)


def trend(released: Released, *, title: str, name: str = "trend", event: tuple[str, str] | None = None) -> Block:
    """Draw the months of one place: counts, expected range, and which months cannot be compared.

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.monitor.monthly` makes, released; one row per month.
    title : str
        What the picture shows; its caption.
    name : str, default "trend"
        Slug of the block.
    event : (str, str), optional
        A month and what began in it, drawn as a line.
    """
    table = demand(released).table
    figure, (axis,) = canvas.surface(height=3.9)
    x = np.arange(len(table))
    tested = table["flags"].str.contains("tested").to_numpy()
    _range(axis, x, table, tested)
    whole = ~table["symbol"].isin(["[c]", "[x]", "[i]"]).to_numpy()
    values = table["value"].to_numpy()
    axis.plot(x, np.where(whole, values, np.nan), color=canvas.BLUE, linewidth=2, marker="o", markersize=4.5)
    partly = (table["symbol"] == "[i]").to_numpy()
    axis.plot(x[partly], values[partly], "o", mfc="white", mec=canvas.QUIET, markersize=6, linestyle="none")
    _notes(axis, x, table)
    _months_axis(axis, table["period_start"].tolist())
    top = np.nanmax([*values, *table["limit_high"].to_numpy(), 10.0])
    axis.set_ylim(0, top * 1.18)
    if event and event[0] in set(table["period_start"]):
        at = table["period_start"].tolist().index(event[0]) - 0.5
        axis.axvline(at, color=canvas.HIGHLIGHT, linewidth=1.4)
        axis.text(at, top * 1.17, f" {event[1]} ", fontsize=9, color=canvas.HIGHLIGHT, va="top", ha="right")
    return canvas.framed("figure", name, figure, released, title, _trend_alt(table, title))


def _range(axis: Axes, x: np.ndarray, table: pd.DataFrame, tested: np.ndarray) -> None:
    known = table["limit_high"].notna().to_numpy()
    show = known & tested & (table["symbol"] != "[i]").to_numpy()
    if not show.any():
        return
    edges = np.where(show, x, np.nan)
    axis.fill_between(edges, table["limit_low"], table["limit_high"], color=canvas.BAND, linewidth=0, step="mid")
    axis.step(edges, table["expected"], where="mid", color=canvas.QUIET, linewidth=1.2, linestyle=(0, (4, 3)))
    first = int(np.flatnonzero(show)[0])
    axis.axvline(first - 0.5, color=canvas.GRID, linewidth=1)
    high = table["limit_high"].to_numpy()
    axis.annotate(
        "expected range",
        (first - 0.3, float(np.nanmax(high[show]))),
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=9,
        color=canvas.QUIET,
    )


def _notes(axis: Axes, x: np.ndarray, table: pd.DataFrame) -> None:
    """Mark withheld, absent, incomplete and unusual months, and say in one line what the marks mean."""
    values = table["value"].to_numpy()
    for symbol in ("[c]", "[x]"):
        for i in x[(table["symbol"] == symbol).to_numpy()]:
            axis.text(i, 0, symbol, ha="center", va="bottom", fontsize=8, color=canvas.QUIET)
    hit = table["flags"].str.contains("limit").to_numpy() & ~np.isnan(values)
    gated = (table["symbol"] == "[i]").to_numpy()
    for where, fill in ((hit & ~gated, canvas.ORANGE), (hit & gated, "white")):
        axis.plot(x[where], values[where], "o", mfc=fill, mec=canvas.ORANGE, mew=2, markersize=8, linestyle="none")
    key = {
        "○ incomplete month": (table["symbol"] == "[i]").any(),
        "orange: outside the expected range": hit.any(),
        "dashed: expected": table["flags"].str.contains("tested").any(),
    }
    line = "     ".join(words for words, used in key.items() if used)
    axis.set_title(line, loc="left", fontsize=9, color=canvas.QUIET)


def _trend_alt(table: pd.DataFrame, title: str) -> str:
    known = table[table["value"].notna()]
    if known.empty:
        return f"Line chart. {title}. No month can be shown."
    last = table.iloc[-1]
    words = [
        f"Line chart of {len(table)} months. {title}.",
        f"Shown months lie between {known['value'].min():,.0f} and {known['value'].max():,.0f};",
        f"the latest, {months.label(last['period_end'])}, is {last['shown']}.",
    ]
    incomplete = int((table["symbol"] == "[i]").sum())
    if incomplete:
        words.append(f"{incomplete} months are incomplete and drawn hollow.")
    return " ".join(words)


def bars(released: Released, *, title: str, name: str, labels: dict[str, str] | None = None) -> Block:
    """Draw one bar per stratum of one period, with its figure beside it; withheld figures have no bar."""
    table = demand(released).table
    names = [(labels or {}).get(stratum, stratum) for stratum in table["stratum"]]
    figure, (axis,) = canvas.surface(height=0.55 + 0.42 * max(len(table), 2))
    y = np.arange(len(table))[::-1]
    values = table["value"].fillna(0).to_numpy()
    axis.barh(y, values, color=canvas.BLUE, height=0.68)
    for i, (value, text) in enumerate(zip(values, table["shown"], strict=True)):
        axis.text(value, y[i], f" {text}", va="center", ha="left", fontsize=10)
    axis.set_yticks(y, names, fontsize=10.5)
    axis.set_xticks([])
    axis.grid(visible=False)
    axis.spines["bottom"].set_visible(False)
    axis.set_xlim(0, max(values.max(initial=0), _least(table)) * 1.15)
    if _of_shares(table):
        axis.set_title(f"n = {table['n'].max():,.0f}", loc="left", fontsize=9, color=canvas.QUIET)
    listed = "; ".join(f"{n}: {s}" for n, s in zip(names, table["shown"], strict=True))
    return canvas.framed("figure", name, figure, released, title, f"Bar chart. {title}. {listed}."[:590])


def week(released: Released, *, title: str, name: str = "week") -> Block:
    """Draw a grid of days by hours from time bands such as "Fri 18:00-21:59"; darker means more per night."""
    table = demand(released).table
    parts = table["stratum"].str.rsplit(" ", n=1, expand=True)
    days, hours = list(dict.fromkeys(parts[0])), list(dict.fromkeys(parts[1]))
    rates = per_night(table)
    figure, (axis,) = canvas.surface(height=0.9 + 0.42 * len(days))
    top = max(rates.max(), 1) if rates.notna().any() else 1
    for day, hour, rate, shown in zip(parts[0], parts[1], rates, table["shown"], strict=True):
        x, y = hours.index(hour), len(days) - 1 - days.index(day)
        level = 0 if np.isnan(rate) else min(int(5 * rate / (top * 1.0001)), 4)
        axis.add_patch(Rectangle((x, y), 1, 1, facecolor=canvas.CLASSES[level], edgecolor="white", linewidth=2))
        ink = "white" if level > 2 else canvas.INK
        axis.text(x + 0.5, y + 0.5, shown, ha="center", va="center", fontsize=10, color=ink)
    axis.set(xlim=(0, len(hours)), ylim=(0, len(days)))
    axis.set_xticks(np.arange(len(hours)) + 0.5, hours)
    nights = [months.NIGHTS_PER_GROUP.get(day, 1) for day in days]
    labels = [f"{day}\n({n} nights)" if n > 1 else day for day, n in zip(days, nights, strict=True)]
    axis.set_yticks(np.arange(len(days)) + 0.5, labels[::-1])
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines["bottom"].set_visible(False)
    most = table.loc[rates.idxmax()] if rates.notna().any() else None
    peak = f"Most per night in {most['stratum']}: {most['shown']}." if most is not None else "No band can be shown."
    return canvas.framed("figure", name, figure, released, title, f"Grid of days by hours. {title}. {peak}")


def lines(released: Released, *, by: str, title: str, name: str, labels: dict[str, str] | None = None) -> Block:
    """Draw one line per series over months, each in a panel of its own with its own scale from zero.

    A series without any count above zero has no panel.
    """
    table = demand(released).table
    series = [key for key in dict.fromkeys(table[by]) if (table.loc[table[by] == key, "value"] > 0).any()]
    figure, axes = canvas.surface(height=0.6 + 1.55 * max(len(series), 1), rows=max(len(series), 1))
    told = []
    for axis, key in zip(axes, series, strict=False):
        mine = table[table[by] == key]
        label = (labels or schema.SOURCE_NAMES).get(key, key)
        axis.plot(range(len(mine)), mine["value"], color=canvas.BLUE, linewidth=2, marker="o", markersize=3.5)
        rests = f" (n = {mine['n'].iloc[-1]:,.0f} in the latest month)" if _of_shares(table) else ""
        axis.set_title(f"{label}{rests}", loc="left", fontsize=10.5, fontweight="bold")
        axis.set_ylim(0, max(mine["value"].max() if mine["value"].notna().any() else 0, _least(table)) * 1.12)
        axis.locator_params(axis="y", nbins=4)
        _per_cent(axis, table)
        _months_axis(axis, mine["period_start"].tolist())
        told.append(f"{label}: latest {mine['shown'].iloc[-1]}")
    return canvas.framed(
        "figure", name, figure, released, title, f"Line charts. {title}. {'; '.join(told) or 'No series'}."[:590]
    )


def calendar(released: Released, *, title: str, labels: dict[str, str], name: str = "calendar") -> Block:
    """Draw which site sent data in which month, from the findings of :func:`istv_lib.quality.calendar_findings`."""
    table = demand(released).table
    sites, held = sorted(table["place"].unique()), sorted(table["period_start"].unique())
    figure, (axis,) = canvas.surface(height=1.1 + 0.2 * len(sites))
    state = table.pivot_table(index="place", columns="period_start", values="stratum", aggfunc="first").loc[sites, held]
    for y, site in enumerate(reversed(sites)):
        for x, month in enumerate(held):
            axis.add_patch(Rectangle((x, y), 0.92, 0.88, color=STATE_COLOURS[state.loc[site, month]]))
    axis.set(xlim=(0, len(held)), ylim=(0, len(sites)))
    axis.set_yticks(np.arange(len(sites)) + 0.45, [labels.get(s, s) for s in reversed(sites)], fontsize=8)
    axis.grid(visible=False)
    _months_axis(axis, held, offset=0.45)
    seen = [s for s in STATE_COLOURS if s in set(table["stratum"])]
    handles = [Rectangle((0, 0), 1, 1, color=STATE_COLOURS[s]) for s in seen]
    figure.legend(
        handles, [schema.STATUS_WORDS[s] for s in seen], loc="outside upper left", ncols=4, frameon=False, fontsize=9
    )
    counts = table["stratum"].value_counts()
    listed = ", ".join(f"{counts[s]} {schema.STATUS_WORDS[s]}" for s in seen)
    return canvas.framed(
        "figure", name, figure, released, title, f"Grid of hospitals ({len(sites)}) by months ({len(held)}). {listed}."
    )


def _of_shares(table: pd.DataFrame) -> bool:
    return len(table) > 0 and bool((table["unit"] == "share").all())


def _least(table: pd.DataFrame) -> float:
    """Return the smallest top of a scale: ten counts, or the whole where shares are drawn."""
    return 1.0 if _of_shares(table) else 10.0


def _per_cent(axis: Axes, table: pd.DataFrame) -> None:
    if _of_shares(table):
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def band(released: Released, *, title: str, name: str = "band") -> Block:
    """Draw the months of one share of a hospital over the middle half of the other hospitals.

    ``lower`` and ``upper`` are the quartiles of the others; months without them have no band, and months without a
    value a gap in the line.
    """
    table = demand(released).table
    figure, (axis,) = canvas.surface(height=2.8)
    x = np.arange(len(table))
    axis.fill_between(x, table["lower"], table["upper"], color=canvas.CONTEXT, alpha=0.55, linewidth=0, step="mid")
    axis.plot(x, table["value"], color=canvas.BLUE, linewidth=2, marker="o", markersize=4.5)
    axis.set_ylim(0, 1.05)
    _per_cent(axis, table)
    _months_axis(axis, table["period_start"].tolist())
    known = table[table["value"].notna()]
    key = ["blue: this hospital" + (f" (n = {known['n'].iloc[-1]:,.0f} in the latest month)" if len(known) else "")]
    key += ["grey: middle half of the other hospitals"] if table["upper"].notna().any() else []
    key = "     ".join(key)
    axis.set_title(key, loc="left", fontsize=9, color=canvas.QUIET)
    return canvas.framed("figure", name, figure, released, title, f"Line chart. {title}. {_band_alt(table)}")


def _band_alt(table: pd.DataFrame) -> str:
    known = table[table["value"].notna()]
    if known.empty:
        return "No month can be shown."
    last = known.iloc[-1]
    told = f"Months lie between {known['value'].min():.0%} and {known['value'].max():.0%}; the latest shown, "
    told += f"{months.label(last['period_end'])}, is {last['shown']} of {last['n']:,.0f} attendances."
    if pd.notna(last["upper"]):
        told += f" The middle half of the other hospitals lies between {last['lower']:.0%} and {last['upper']:.0%}."
    return told


def hours(released: Released, *, title: str, labels: dict[str, str], name: str = "hours") -> Block:
    """Draw 24 bars of attendances by hour for each measure, one panel under the other on the same scale."""
    table = demand(released).table
    figure, axes = canvas.surface(height=0.6 + 1.4 * len(labels), rows=len(labels))
    top, told = max(table["value"].max(), 10.0) if table["value"].notna().any() else 10.0, []
    for axis, (measure, label) in zip(axes, labels.items(), strict=True):
        mine = table[table["measure"] == measure]
        axis.bar(mine["stratum"].astype(int), mine["value"], color=canvas.BLUE, width=0.78)
        axis.set_xlim(-0.7, 23.7)
        axis.set_ylim(0, top * 1.1)
        axis.set_xticks(range(0, 24, 3), [f"{h:02d}:00" for h in range(0, 24, 3)])
        axis.locator_params(axis="y", nbins=4)
        n, used = mine["n"].max(), mine["share_used"].max()
        rests = f"n = {n:,.0f}" + (f", {used:.0%} of all" if pd.notna(used) else "")
        axis.set_title(f"{label} ({rests})", loc="left", fontsize=10.5, fontweight="bold")
        most = mine.loc[mine["value"].idxmax()] if (mine["value"] > 0).any() else None
        hour = (
            f"most between {most['stratum']}:00 and {most['stratum']}:59, {most['shown']}"
            if most is not None
            else "none"
        )
        told.append(f"{label}, of {n:,.0f}: {hour}")
    return canvas.framed("figure", name, figure, released, title, f"Bar charts by hour. {title}. {'; '.join(told)}.")


def _months_axis(axis: Axes, held: list[str], offset: float = 0.0) -> None:
    ticks = [i for i, m in enumerate(held) if m.endswith(("-01", "-07"))] or list(range(len(held)))
    axis.set_xticks([i + offset for i in ticks], [months.short_label(held[i]) for i in ticks])
    axis.set_xlim(-0.7 + offset, len(held) - 0.3 + offset)


def per_night(table: pd.DataFrame) -> pd.Series:
    """Return the figures of time bands divided by the nights that their group of days holds in a week."""
    days = table["stratum"].str.rsplit(" ", n=1).str[0]
    return table["value"] / days.map(months.NIGHTS_PER_GROUP).fillna(1.0)


def stratum_labels(dim: str) -> dict[str, str]:
    """Return the labels of a dimension's strata, in canonical order."""
    return places.group_labels({"weapon_group": "method", "place_group": "location_type"}[dim])
