"""Charts of released findings, each with alternative text made from the same numbers."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from istv_lib import _canvas as canvas
from istv_lib import _intervals, _marks, months, places, schema
from istv_lib._block import Block, demand
from istv_lib._comparisons import changes, funnel, shares  # noqa: F401 - used as figures.changes and so on
from istv_lib._trend import KEY, STEPS, counted, months_axis, points, trend  # noqa: F401 - trend is used as figures.trend
from istv_lib.disclosure import Released

STATE_COLOURS = dict(
    zip(schema.STATUS_WORDS, "#12436D #7A9EC0 #28A197 #F46A25 #801650 #BFBFBF #EDEDED".split(), strict=True)
)
STATE_LETTERS = {state: "" if state == "complete" else state[0].upper() for state in schema.STATUS_WORDS}


def _rests(table: pd.DataFrame) -> str:
    """Say on how many attendances a picture of one period rests, and which share of all that is."""
    n, share = table["n"].max(), table["share_used"].max()
    told = f"n = {n:,.0f}" if pd.notna(n) else "n is withheld"
    return told + (f", {share:.0%} of all attendances of the place." if pd.notna(share) else ".")


def bars(released: Released, *, title: str, name: str, labels: dict[str, str] | None = None) -> Block:
    """Draw one bar per stratum of one period, with its figure beside it; withheld figures have no bar.

    Where counts are exact, each known stratum also has its share of those known with Wilson's 95 % interval.
    """
    table = demand(released).table
    if table.empty:
        return canvas.blank(name, released, title, "Nothing can be shown, because no whole calendar year is held")
    texts, spans = _mix(released, table)
    names = [_marks.label(stratum, labels) for stratum in table["stratum"]]
    figure, (axis,) = canvas.surface(height=0.45 + 0.44 * max(len(table), 2))
    y = np.arange(len(table))[::-1]
    values = table["value"].fillna(0).to_numpy()
    colours = [canvas.EDGE if stratum == "unknown" else canvas.BLUE for stratum in table["stratum"]]
    axis.barh(y, values, color=colours, height=0.68)
    axis.hlines(y, *spans, color=canvas.INK, linewidth=1.3)
    for i, (value, text) in enumerate(zip(np.fmax(values, spans[1]), texts, strict=True)):
        axis.text(value, y[i], f" {text}", va="center", ha="left", fontsize=11)
    axis.set_yticks(y, [textwrap.fill(told, 28) for told in names], fontsize=11)
    axis.set_xticks([])
    axis.grid(visible=False)
    axis.spines["bottom"].set_visible(False)
    axis.set_xlim(0, max(values.max(initial=0), _least(table)) * (1.75 if np.isfinite(spans[0]).any() else 1.15))
    listed = "; ".join(f"{n}: {s}" for n, s in zip(names, texts, strict=True))
    alt = f"Bar chart. {title}. {listed}."[:590]
    note = " ".join(filter(None, [_rests(table), _marks.key(" ".join(table["symbol"]))])) if len(table) else ""
    heading = _most(released, labels)
    return canvas.framed("figure", name, figure, released, title, alt, heading=heading, note=note)


def _mix(released: Released, table: pd.DataFrame) -> tuple[list[str], tuple[np.ndarray, np.ndarray]]:
    """Return each figure with its share among the known, and the ends of the share's interval as counts."""
    none = np.full(len(table), np.nan)
    plain = table["unit"].ne("attendance").any() or _marks.base(released) > 1 or table["value"].isna().any()
    known = table["stratum"] != "unknown"
    n = table.loc[known, "value"].sum()
    if plain or not n:
        return list(table["shown"]), (none, none)
    low, high = (np.where(known, end, np.nan) for end in _intervals.wilson(table["value"].where(known, 0.0), n))
    rows = zip(table["shown"], table["value"] / n, low, high, strict=True)
    texts = [shown if np.isnan(a) else f"{shown} ({v:.0%}, {a:.0%} to {b:.0%})" for shown, v, a, b in rows]
    return texts, (low * n, high * n)


def _most(released: Released, labels: dict[str, str] | None) -> str:
    """Say which stratum of people is largest, "not known" aside; nothing of shares."""
    table = released.table
    top, unsure = _marks.largest(released, table[(table["stratum"] != "unknown") & (table["unit"] == "attendance")])
    said = " and ".join(_marks.label(stratum, labels) for stratum in top["stratum"])
    return f"{'Of those shown, most' if unsure else 'Most'} often: {said[:1].lower()}{said[1:]}" if said else ""


def week(released: Released, *, title: str, name: str = "week") -> Block:
    """Draw a grid of days by hours from time bands such as "Fri 18:00-21:59"; darker means more per night.

    Merged bands are left to the table; a band that cannot be shown is white.
    """
    table = _marks.bands(demand(released).table)
    if table.empty:
        return canvas.blank(name, released, title, "No time can be shown, because no whole calendar year is held")
    parts = table["stratum"].str.rsplit(" ", n=1, expand=True)
    days, hours = list(dict.fromkeys(parts[0])), list(dict.fromkeys(parts[1]))
    rates = table["value"] / table["nights"]
    figure, (axis,) = canvas.surface(height=1.0 + 0.44 * len(days))
    top = max(rates.max(), 1) if rates.notna().any() else 1
    for day, hour, rate, shown in zip(parts[0], parts[1], rates, table["shown"], strict=True):
        x, y = hours.index(hour), len(days) - 1 - days.index(day)
        level = 0 if np.isnan(rate) else min(int(5 * rate / (top * 1.0001)), 4)
        fill = "white" if np.isnan(rate) else canvas.CLASSES[level]
        axis.add_patch(Rectangle((x, y), 1, 1, facecolor=fill, edgecolor="white", linewidth=2))
        ink = "white" if level > 2 else "black"
        axis.text(x + 0.5, y + 0.5, shown, ha="center", va="center", fontsize=11, color=ink)
    axis.set(xlim=(0, len(hours)), ylim=(0, len(days)))
    narrow = len(hours) > 4
    axis.set_xticks(np.arange(len(hours)) + 0.5, [hour.replace("-", "-\n") if narrow else hour for hour in hours])
    nights = [months.NIGHTS_PER_GROUP.get(day, 1) for day in days]
    labels = [f"{day}\n({n} nights)" if n > 1 else day for day, n in zip(days, nights, strict=True)]
    axis.set_yticks(np.arange(len(days)) + 0.5, labels[::-1])
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.grid(visible=False)
    axis.spines["bottom"].set_visible(False)
    peak = _busiest(released, table)
    note = f"{_rests(table)} Darker means more per night. {_marks.key(' '.join(table['symbol']))}".strip()
    alt = f"Grid of days by hours. {title}. {peak}."
    return canvas.framed("figure", name, figure, released, title, alt, heading=peak, note=note)


def _busiest(released: Released, table: pd.DataFrame) -> str:
    top, unsure = _marks.largest(released, table)
    said = " or ".join(f"{row.stratum} ({row.shown})" for row in top.itertuples())
    return f"{'Of those shown, most' if unsure else 'Most'} per night: {said}" if said else "No time can be shown"


def lines(released: Released, *, by: str, title: str, name: str, labels: dict[str, str] | None = None) -> Block:
    """Draw one line per series over months, each in a panel of its own with its own scale from zero.

    A series without any count above zero has no panel. The panel with the largest count comes first. Of agencies the
    note also says whose records are not loaded.
    """
    table = _marks.single(demand(released).table)
    most = table.groupby(by)["value"].max()
    series = most[most > 0].sort_values(ascending=False, kind="stable").index
    figure, axes = canvas.surface(height=0.6 + 1.3 * max(len(series), 1), rows=max(len(series), 1))
    told = []
    for axis, key in zip(axes, series, strict=False):
        mine = table[table[by] == key].reset_index(drop=True)
        label = (labels or schema.SOURCE_NAMES).get(key, key)
        points(axis, mine, size=3.5)
        rests = f" (n = {mine['n'].iloc[-1]:,.0f} in the latest month)" if _of_shares(table) else ""
        axis.set_title(f"{label}{rests}", loc="left", fontsize=11, fontweight="bold")
        axis.set_ylim(0, max(mine["value"].max(), _least(table)) * 1.12)
        axis.locator_params(axis="y", nbins=4)
        months_axis(axis, mine["period_start"].tolist())
        _per_cent(axis, table)
        axis.tick_params(labelbottom=axis is axes[-1])
        told.append(f"{label}: latest {mine['shown'].iloc[-1]}")
    alt = f"Line charts. {title}. {'; '.join(told) or 'No series'}."[:590]
    note = "" if _of_shares(table) or not len(series) else counted(released, table)
    note += " Each panel has its own scale." if len(series) > 1 else ""
    absent = [label for source, label in schema.SOURCE_NAMES.items() if source not in set(table["source"])]
    note += f" Not loaded for these months: {', '.join(absent)}." if by == "source" and absent else ""
    note = f"{note} {_marks.key(' '.join(table['symbol']))}".strip()
    heading = _latest_heading(table, by, labels or schema.SOURCE_NAMES)
    return canvas.framed("figure", name, figure, released, title, alt, heading=heading, note=note)


def _latest_heading(table: pd.DataFrame, by: str, labels: dict[str, str]) -> str:
    """Say the counts of the newest month, or the largest alone where there are many; nothing of shares."""
    now = table[table["period_start"] == table["period_start"].max()].sort_values("value", ascending=False)
    now = now[now["value"] > 0]
    if _of_shares(table) or now.empty:
        return ""
    told = [f"{labels.get(key, key)} {shown}" for key, shown in zip(now[by], now["shown"], strict=True)]
    month = months.label(now["period_start"].iloc[0])
    return f"{month}: {', '.join(told)}" if len(told) < 4 else f"Most in {month}: {told[0]}"


def calendar(released: Released, *, title: str, labels: dict[str, str], name: str = "calendar") -> Block:
    """Draw which site sent data in which month, from the findings of :func:`istv_lib.quality.calendar_findings`."""
    table = demand(released).table
    sites, held = sorted(table["place"].unique()), sorted(table["period_start"].unique())
    figure, (axis,) = canvas.surface(8.2, 1.1 + 0.2 * len(sites))
    state = table.pivot_table(index="place", columns="period_start", values="stratum", aggfunc="first").loc[sites, held]
    for y, site in enumerate(reversed(sites)):
        for x, month in enumerate(held):
            now = state.loc[site, month]
            axis.add_patch(Rectangle((x, y), 0.92, 0.88, color=STATE_COLOURS[now]))
            ink = "white" if now in {"complete", "missing"} else "black"
            axis.text(x + 0.46, y + 0.42, STATE_LETTERS[now], ha="center", va="center", fontsize=7, color=ink)
    axis.set(xlim=(0, len(held)), ylim=(0, len(sites)))
    axis.set_yticks(np.arange(len(sites)) + 0.45, [labels.get(s, s) for s in reversed(sites)], fontsize=8)
    axis.grid(visible=False)
    months_axis(axis, held, offset=0.45)
    seen = [s for s in STATE_COLOURS if s in set(table["stratum"])]
    handles = [Rectangle((0, 0), 1, 1, color=STATE_COLOURS[s]) for s in seen]
    names = [" ".join(filter(None, [STATE_LETTERS[s], schema.STATUS_WORDS[s]])) for s in seen]
    figure.legend(handles, names, loc="outside upper left", ncols=4, frameon=False, fontsize=9)
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
    months_axis(axis, table["period_start"].tolist())
    _per_cent(axis, table)
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


def reliability(released: Released, *, title: str, name: str = "reliability") -> Block:
    """Draw the share found right over the probability stated, by tenths, with 95 % intervals and numbers of texts.

    ``released`` holds the measure ``reliability`` of :func:`istv_lib.accuracy.reliability`. On the dashed line the
    stated probability means what it says.
    """
    table = demand(released).table
    table = table[(table["measure"] == "reliability") & table["value"].notna()]
    figure, (axis,) = canvas.surface(height=4.6)
    axis.plot([0, 1], [0, 1], color=canvas.QUIET, linewidth=1.2, linestyle=(0, (3, 2)))
    x, y = table["expected"], table["value"]
    axis.vlines(x, table["lower"], table["upper"], color=canvas.BLUE, linewidth=2)
    axis.plot(x, y, "o", color=canvas.BLUE, markersize=6)
    for at, high, n in zip(x, table["upper"], table["n"], strict=True):
        axis.text(at, high + 0.015, f"{n:,.0f}", ha="center", va="bottom", fontsize=9)
    axis.set(xlim=(0, 1.04), ylim=(0, 1.1), xlabel="Stated probability of lying within 250 m")
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.set_title("share that does, with the number of texts given a point", **KEY)
    off = int(table["flags"].isin(["above", "below"]).sum())
    heading = f"In {len(table) - off} of {len(table)} tenths the stated probability lies within the interval"
    heading = heading if len(table) else "No text that was given a point is labelled"
    told = [f"{row.stratum}: {row.shown} of {row.n:,.0f}" for row in table.itertuples()]
    alt = f"Reliability diagram. {title}. {heading}. {'; '.join(told)}."[:590]
    note = f"n = {table['n'].sum():,.0f} texts given a point. Bars: 95% intervals. Dashes: as stated."
    return canvas.framed("figure", name, figure, released, title, alt, heading=heading, note=note)


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


def stratum_labels(dim: str) -> dict[str, str]:
    """Return the labels of a dimension's strata, in canonical order."""
    return places.group_labels({"weapon_group": "method", "place_group": "location_type"}[dim])
