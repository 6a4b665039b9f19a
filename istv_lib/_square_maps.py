"""Maps of squares for partners: hot ones, those that rest on the hospital's choice, those of two sources.

A helper of :mod:`istv_lib.maps`, which hands them on. Each draws released findings alone, says what it was compared
with, and is a grey panel with the reason where there can be no map.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from istv_lib import _basemap, _near, errors, hotspots, params, places
from istv_lib import _canvas as canvas
from istv_lib._block import Block, demand
from istv_lib.disclosure import Released

BASELINES = {
    "flat": "an even spread over the area",
    "count": "police-recorded violence",
    "layer": "the baseline supplied",
    "empty": "nothing",
}
GREY = "#E2E2E2"
_ONE = {"facecolor": "white", "edgecolor": canvas.INK, "linewidth": 0.7, "hatch": "////"}
_Kind = tuple[str, pd.Series, dict]  # words of the key, which rows, how they are drawn


def hot(released: Released, *, title: str, name: str = "hot") -> Block:
    """Draw the squares that hold more incidents than expected, darker the surer (partners only).

    Parameters
    ----------
    released : Released
        Of :func:`istv_lib.hotspots.findings`.
    title : str
        Caption.
    name : str, default "hot"
        Slug of the block.

    Raises
    ------
    errors.DisclosureError
        When the findings are not those of tested squares.

    Notes
    -----
    Against a flat baseline it says "concentration, not excess". Without enough incidents, or anything to compare
    with, it is a grey panel that says why.
    """
    table = demand(released).table
    if not (table["method"] == hotspots.TEST).all() or table.empty:
        msg = "Only squares of hotspots.findings can be drawn, because only they were tested."
        raise errors.DisclosureError(msg)
    head = table[table["measure"] == "hot_squares"].iloc[0]
    reason = why_not(head)
    if reason:
        return panel(released, head["place"], reason, title=title, name=name, rests=rests(head))
    cells = by_cell(table)
    is_hot, one = flagged(cells, "hot"), flagged(cells, "one_place")
    kinds = [*_shades(cells, is_hot), ("one place alone: not hot", one, _ONE)]
    heading = found(head)
    note = " ".join([rests(head), by_chance(table), *([_others(table)] if "flat" in head["flags"] else [])])
    note += " A hot square may hold no incident itself and touch those that do."
    told = f"{heading}. {_where(cells[is_hot])}"
    return _map(released, cells, kinds, title=title, name=name, heading=heading, told=told, note=note)


def why_not(head: pd.Series) -> str:
    """Return why no square is called hot, from the row ``hot_squares``; empty where the test was made."""
    flags, least = head["flags"].split(";"), params.defaults()["map_points_least"]
    if "few" in flags:
        return f"No map: {head['n']:,.0f} incidents can be placed, and fewer than {least} tell chance from pattern"
    return "No map: there is nothing to compare with here" if "empty_baseline" in flags else ""


def found(head: pd.Series) -> str:
    """Say how many squares are hot, against what, and with which reserve."""
    kind = head["flags"].split(";")[0]
    many = f"{head['value']:,.0f} of {head['denominator']:,.0f} squares"
    what = {"flat": "hold more incidents than an even spread would give: concentration, not excess"}
    told = f"{many} {what.get(kind, f'hold more incidents than {BASELINES[kind]} would lead to expect')}"
    told = told if head["value"] else f"No square holds more than {BASELINES[kind]} would lead to expect"
    return f"Indicative: {told[:1].lower()}{told[1:]}" if "indicative" in head["flags"] else told


def rests(head: pd.Series) -> str:
    """Say on how many incidents a map rests, and which share of the records that is."""
    used = f", from {head['share_used']:.0%} of the attendances" if pd.notna(head["share_used"]) else ""
    return f"n = {head['n']:,.0f} incidents{used}."


def by_chance(table: pd.DataFrame) -> str:
    """Say how many squares would be hot if incidents followed the baseline."""
    head, any_ = (table[table["measure"] == m].iloc[0] for m in ("hot_squares", "hot_by_chance"))
    mean = f"{head['expected']:.1f}" if head["expected"] >= 0.05 or not head["expected"] else "less than 0.05"
    return f"By chance alone {mean} squares would be hot on average, and any in {any_['shown']} of draws."


def _others(table: pd.DataFrame) -> str:
    other = table[table["measure"] == "gi_squares"].iloc[0]
    return f"The usual Gi* would call {other['shown']} squares hot, with far more false alarms at small numbers."


def by_cell(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each square of tested findings: counts and flags, with P(hot) as ``sure``."""
    cells = table[table["measure"] == "incidents_around"].set_index("stratum")
    sure = table[table["measure"] == "p_hot"].set_index("stratum")["value"]
    return cells.assign(sure=sure.reindex(cells.index)).reset_index()


def flagged(cells: pd.DataFrame, *words: str) -> pd.Series:
    """Tell which rows carry one of some flags."""
    return cells["flags"].map(lambda own: bool(set(words) & set(own.split(";")))).astype(bool)


def _shades(cells: pd.DataFrame, is_hot: pd.Series) -> list[_Kind]:
    """Divide hot squares by P(hot)."""
    limits = [*params.file("maps")["sure"], 0.0]
    fills, out, above = [canvas.CLASSES[k] for k in (4, 3, 2, 1)], [], np.inf
    for k, (fill, low) in enumerate(zip(fills, limits, strict=True)):
        words = f"{low:.0%} of draws or more" if not k else f"{low:.0%} to {above:.0%}"
        words = words if low else f"fewer than {above:.0%}"
        mine = is_hot & (cells["sure"] >= low) & (cells["sure"] < above)
        out.append((f"hot in {words}", mine, {"facecolor": fill, "edgecolor": canvas.BLUE, "linewidth": 0.5}))
        above = low
    return out


def prior(released: Released, *, title: str, name: str = "prior") -> Block:
    """Draw which squares are hot with, and which without, the records between whose places the hospital decided.

    ``released`` holds findings of :func:`istv_lib.hotspots.sensitivity`.
    """
    table = demand(released).table
    added = table[table["measure"] == "prior_added"].iloc[0]
    cells = table[table["measure"] == "prior_hot"].reset_index(drop=True)
    words = {
        "both": ("hot with and without them", {"facecolor": canvas.CLASSES[3], "edgecolor": canvas.BLUE}),
        "only_with": ("hot only with them: do not act on it", _ONE | {"edgecolor": canvas.ORANGE, "hatch": "xxxx"}),
        "only_without": ("hot only without them", {"facecolor": canvas.CLASSES[1], "edgecolor": canvas.BLUE}),
    }
    kinds = [(told, cells["flags"] == flag, {"linewidth": 0.6} | look) for flag, (told, look) in words.items()]
    counts = {flag: int((cells["flags"] == flag).sum()) for flag in words}
    rest = f"n = {added['n']:,.0f} incidents, {added['shown']} of them placed by the hospital attended."
    if cells.empty:
        reason = "No square is hot with or without the records that the hospital attended placed"
        return panel(released, added["place"], reason, title=title, name=name, rests=rest)
    heading = f"{counts['only_with']} squares would be hot only because the hospital decided the place"
    heading += f", {counts['both']} are hot either way"
    return _map(released, cells, kinds, title=title, name=name, heading=heading, told=heading + ".", note=rest)


def heavy(released: Released, *, title: str, name: str = "sources") -> Block:
    """Draw the squares in which hospital records, or police records, are relatively more common.

    ``released`` holds findings of :func:`istv_lib.compare.findings`.
    """
    table = demand(released).table
    head = table[table["measure"] == "squares_compared"].iloc[0]
    cells = table[table["measure"] == "source_ratio"].reset_index(drop=True)
    rest = f"n = {head['n']:,.0f} attendances and offences together, {head['shown']} squares tested."
    if cells.empty:
        reason = "No square tells the two sources apart beyond chance"
        if head["status"] == "no_data":
            reason = "No map: one of the two sources is not loaded, or too few records can be placed"
        return panel(released, head["place"], reason, title=title, name=name, rests=rest)
    looks = {
        "ed": {"facecolor": canvas.CLASSES[3], "edgecolor": canvas.BLUE, "linewidth": 0.6},
        "police": {"facecolor": "white", "edgecolor": canvas.ORANGE, "linewidth": 0.8, "hatch": "////"},
    }
    label = {"ed": "relatively more hospital records", "police": "relatively more police records"}
    kinds = [(label[flag], cells["flags"] == flag, look) for flag, look in looks.items()]
    counts = [int((cells["flags"] == flag).sum()) for flag in looks]
    heading = f"{counts[0]} of {head['shown']} squares are relatively hospital-heavy, {counts[1]} police-heavy"
    told = f"{heading}. {_where(cells, 'compare_m')}"
    size = params.defaults()["compare_m"]
    return _map(released, cells, kinds, title=title, name=name, heading=heading, told=told, note=rest, size=size)


def _where(cells: pd.DataFrame, size: str = "lattice_m", most: int = 3) -> str:
    """Say where the first squares lie."""
    first = cells.nlargest(most, "value") if len(cells) else cells
    told = _near.squares(first["stratum"], params.defaults()[size])
    return f"The largest: {'; '.join(told)}." if told else ""


def _map(
    released: Released,
    cells: pd.DataFrame,
    kinds: Sequence[_Kind],
    *,
    title: str,
    name: str,
    heading: str,
    told: str,
    note: str,
    size: float | None = None,
) -> Block:
    side = size or params.defaults()["lattice_m"]
    place = released.table["place"].iloc[0]
    figure, axis, credit = _basemap.begin(place)
    handles = [draw(axis, cells.loc[mine, "stratum"], side, words, look) for words, mine, look in kinds if mine.any()]
    _basemap.add(axis, _basemap.outline(place), facecolor="none", edgecolor=canvas.INK, linewidth=1.5, zorder=3)
    _basemap.names(axis, place)
    _basemap.scale(axis, credit)
    key(axis, handles, f"Squares of {side:.0f} m")
    alt = f"Map of squares of {side:.0f} metres. {title}. {told}"[:590]
    return canvas.framed("map", name, figure, released, title, alt, heading=heading, note=f"{note} {credit}.")


def draw(axis: Axes, cells: pd.Series, side: float, words: str, look: dict) -> Rectangle:
    """Draw squares by their names, and return what stands for them in the key."""
    x, y = places.cell_origin(list(cells))
    boxes = [Rectangle(at, side, side) for at in zip(np.asarray(x), np.asarray(y), strict=True)]
    axis.add_collection(PatchCollection(boxes, zorder=2, **look))
    return Rectangle((0, 0), 1, 1, label=f"{words} ({len(boxes)})", **look)


def key(axis: Axes, handles: list, head: str) -> None:
    """Draw the key above the map."""
    points = [line for line in axis.get_lines() if line.get_label() == "station"]
    look = {"fontsize": 9, "title_fontsize": 9, "frameon": False, "alignment": "left", "ncols": 3}
    axis.figure.legend(handles=[*handles, *points], title=head, loc="outside upper left", **look)


def panel(released: Released, place: str, reason: str, *, title: str, name: str, rests: str) -> Block:
    """Draw the area in grey with the reason why nothing can be shown on it."""
    figure, axis, credit = _basemap.begin(place)
    shape = _basemap.outline(place)
    _basemap.add(axis, shape, facecolor=GREY, edgecolor=canvas.INK, linewidth=1.2, zorder=2)
    _basemap.scale(axis, credit)
    axis.set_title(textwrap.fill(reason, 75), loc="left", fontsize=10)
    alt = f"Map without squares. {title}. {reason}."
    return canvas.framed("map", name, figure, released, title, alt, heading=reason, note=f"{rests} {credit}.")
