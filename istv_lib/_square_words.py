"""Sentences on hot squares and blocks, for every state they can be in: a helper of :mod:`istv_lib.words`."""

from __future__ import annotations

import pandas as pd

from istv_lib import _near, _square_maps, months, params
from istv_lib._block import Block, demand, marker
from istv_lib._month_words import the
from istv_lib._place_words import found_with
from istv_lib._signal_words import listed
from istv_lib.disclosure import Released

PACK = "borough-hotspots"


def hot(
    settings: params.Settings, even: Released, police: Released, blocks: Released, *, name: str = "headline"
) -> Block:
    """Return the opening of the page of squares: what could be mapped, how many are hot, where, and what is new.

    Parameters
    ----------
    settings : params.Settings
        Area and month.
    even, police : Released
        Findings of :func:`istv_lib.hotspots.findings` against an even spread and against police records.
    blocks : Released
        Findings of :func:`istv_lib.blocks.findings`.
    """
    place = settings.area.name
    head = _head(even)
    span = f"{months.label(head['period_start'])} to {months.label(head['period_end'])}"
    mark = f"**{marker(even)}:** " if marker(even) else ""
    reason = _square_maps.why_not(head).removeprefix("No map: ")
    first = (
        f"{mark}**{head['n']:,.0f} incidents in {the(place)} from {span} can be placed on a map, from "
        f"{head['share_used']:.0%} of its attendances.**"
    )
    told = [first, f"{reason[:1].upper()}{reason[1:]}, so no square is called hot." if reason else ""]
    if not reason:
        told += [f"{_square_maps.found(head)}.", _square_maps.by_chance(even.table), _first(even)]
        told += [_beside(police), _new(blocks)]
    told.append(f"The month itself is in the [borough profile](../{settings.area.slug}/index.html).")
    return Block("words", name, {"text/markdown": " ".join(filter(None, told))}, even, title="Headline")


def _head(released: Released) -> pd.Series:
    table = demand(released).table
    return table[table["measure"] == "hot_squares"].iloc[0]


def _first(even: Released) -> str:
    """Say where the largest hot square lies, and how firmly it stands there."""
    cells = _square_maps.by_cell(even.table)
    cells = cells[_square_maps.flagged(cells, "hot")]
    if cells.empty:
        return ""
    row = cells.sort_values(["value", "stratum"], ascending=[False, True]).iloc[0]
    where = _near.squares([row["stratum"]], params.defaults()["lattice_m"])[0]
    kept = even.table[(even.table["measure"] == "kept") & (even.table["stratum"] == row["stratum"])]
    firm = ""
    if len(kept):
        low, high = kept[["lower", "upper"]].iloc[0]
        firm = f"; drawn anew, it ranks {low:.0f} to {high:.0f}" if low != high else f"; drawn anew, it ranks {low:.0f}"
    return (
        f"The largest lies {where}: {row['shown']} incidents in it and around, {row['expected']:.1f} expected, hot in "
        f"{row['sure']:.0%} of draws{firm}."
    )


def _beside(police: Released) -> str:
    head = _head(police)
    if "empty_baseline" in head["flags"]:
        return "Police records that could serve as a baseline are not loaded for all of these months."
    return f"Set against police records: {_square_maps.found(head)[:1].lower()}{_square_maps.found(head)[1:]}."


def _new(blocks: Released) -> str:
    table = demand(blocks).table
    row = table[table["measure"] == "emerging_squares"].iloc[0]
    if pd.isna(row["value"]):
        return ""
    last = params.defaults()["emerging_months"]
    if not row["value"]:
        return f"No square is new in the last {last} months."
    cells = table[table["measure"] == "emerging"].nlargest(3, "value")
    where = listed(_near.squares(cells["stratum"], params.defaults()["lattice_m"]))
    return f"New in the last {last} months: {row['shown']} squares, first {where}."


def lasting(blocks: Released, *, name: str = "lasting") -> Block:
    """Say how many squares were hot in each of the last windows, and what that and "new" mean."""
    table, rules = demand(blocks).table, params.defaults()
    windows = table[table["measure"] == "hot_windows"]
    if not len(windows) or pd.isna(windows["value"]).all():
        told = "No square was hot in any of the last twelve windows of a year."
    else:
        always, most = int((windows["numerator"] == windows["denominator"]).sum()), windows["denominator"].max()
        told = (
            f"{len(windows)} squares were hot in at least one of the last {most:,.0f} windows of {rules['hot_months']} "
            f"months, {always} in each. Windows overlap, so this tells of about two years."
        )
    score = (
        f"The score counts incidents by the probability of their place and halves them every "
        f"{rules['half_life_months']} months of age; it orders squares and tests nothing."
    )
    return Block("words", name, {"text/markdown": f"{told} {_new(blocks)} {score}"}, blocks)


def map_limits(even: Released, *, version: str = "", name: str = "limits") -> Block:
    """Say what the maps rest on, what could change them and what they cannot say."""
    head, rules = _head(even), params.defaults()
    least = rules["map_points_least"]
    off = (
        f"{1 - head['share_used']:.0%} of the attendances of the area are on no map" if head["n"] else "None is placed"
    )
    rest = (
        f"{off}, nor is anyone hurt at home or whose text names no place. A point counts when it lies within "
        f"{rules['right_within_m']:,.0f} metres with a probability of at least {rules['map_p_least']:.2f}; that was "
        f"not checked on hospital texts yet. {found_with(version) if version else ''}"
    )
    change = (
        "A hospital that joins, recovers or falls silent, a new name in the list of places, another baseline. Under "
        f"{least} incidents there is no map; under {rules['hot_points_full']} it is indicative, and most truly raised "
        "squares are missed."
    )
    cannot = (
        "How many people are about, who was to blame, or where it is safe: more people make more incidents, and a "
        "square without colour may only lack records."
    )
    mark = "-SYNTHETIC" if even.kind == "synthetic" else ""
    files = f"squares{mark}.gpkg and squares{mark}.csv beside this page hold its squares for QGIS, never points."
    heads = ("What they rest on", "What could change them", "What they cannot say", "For other programs")
    lines = [f"- **{h}.** {t}" for h, t in zip(heads, (rest, change, cannot, files), strict=True)]
    return Block("words", name, {"text/markdown": "\n".join(lines)}, even)


def pack(settings: params.Settings, released: Released, *, name: str = "pack") -> Block:
    """Point partners from the borough profile to the page of squares of the same month."""
    where = f"../{settings.area.slug}-{PACK}/index.html"
    told = f"Hot squares and blocks, venues and who is on no map stand on [the page of squares]({where}) of this month."
    return Block("words", name, {"text/markdown": told}, released)
