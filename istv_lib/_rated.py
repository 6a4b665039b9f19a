"""Shares with their intervals and numbers as the cells of a table: a helper of :mod:`istv_lib.tables`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from istv_lib import _marks

KEPT = "\u00a0"  # a space at which no line is broken
NONE = f"n{KEPT}={KEPT}0"
_UNITS = {"metre": f"{KEPT}m"}
_DIMS = {"": "All", "weapon_group": "Method", "hour_band": "Hour", "age_band": "Age", "sex": "Sex"}


def cells(
    table: pd.DataFrame, measures: Mapping[str, str], labels: Mapping[str, str] | None, down: str, head: str
) -> pd.DataFrame:
    """Return the rows (values of ``down``) and columns (measures) in which anything can be shown; one row at least.

    The number that most shares of a row rest on stands once, under "n", where most shares of the table have theirs
    there; other numbers stand in their cells. The threshold of maps is marked.
    """
    table = table[table["measure"].isin(list(measures))]
    there = table.groupby(down)["value"].transform("count") > 0
    table = table[there] if there.any() else table
    known = set(table.loc[table["value"].notna(), "measure"]) or set(measures)
    table = table[table["measure"].isin(known)]
    n = table.groupby(down, sort=False)["n"].agg(lambda held: held.mode().max())
    usual = table["n"] == table[down].map(n)
    once = 2 * usual.sum() > len(table) and len(known) > 1
    told = table.assign(cell=[_cell(*row) for row in zip(table.itertuples(), usual & once, strict=True)])
    wide = told.pivot_table(index=down, columns="measure", values="cell", aggfunc="first", sort=False)
    wide = wide[[m for m in measures if m in wide]].rename(columns=measures).fillna(NONE)
    if once:
        wide.insert(0, "n", n.reindex(wide.index).map("{:,.0f}".format))
    maps = set(table.loc[table["flags"] == "maps", down])
    wide.index = [_name(value, labels) + (" (maps)" if value in maps else "") for value in wide.index]
    return wide.rename_axis(head).rename_axis(None, axis=1).reset_index()


def _name(value: str, labels: Mapping[str, str] | None) -> str:
    return _marks.label(value, labels).replace("_", " ") if value else "All"


def _cell(row: Any, bare: bool) -> str:  # noqa: FBT001 - a cell whose number stands elsewhere
    if pd.isna(row.value):
        return row.shown if row.n else NONE
    within = "" if pd.isna(row.lower) else f" ({100 * row.lower:.0f} to {100 * row.upper:.0f})".replace(" ", KEPT)
    told = f"{row.shown}{_UNITS.get(row.unit, '')}{within.replace(KEPT, ' ', 1)}"
    return told if bare else f"{told}, n = {row.n:,.0f}".replace("n = ", f"n{KEPT}={KEPT}")


def groups(table: pd.DataFrame, labels: Mapping[str, str] | None) -> pd.DataFrame:
    """Return one row for each group of :func:`istv_lib.hotspots.unmapped`: who is on no map, beside who is."""
    keys = ["stratum_dim", "stratum"]
    apart = table[table["measure"] == "unmapped_difference"].set_index(keys)
    rows = []
    for row in table[table["measure"] == "unmapped"].itertuples():
        name = _DIMS[row.stratum_dim] + (f": {_marks.label(row.stratum, labels)}" if row.stratum else "")
        key = (row.stratum_dim, row.stratum)
        less = _points(apart.loc[key]) if key in apart.index else ""
        rows.append((name, f"{row.n:,.0f}", _cell(row, bare=True), less))
    heads = ["Group", "Attendances", "On no map", "More or less common than on the map"]
    return pd.DataFrame(rows, columns=heads)


def _points(row: pd.Series) -> str:
    value, low, high = (100 * row[name] + 0.0 for name in ("value", "lower", "upper"))
    return f"{value:+.0f} points ({low:+.0f} to {high:+.0f})".replace(" to ", f"{KEPT}to{KEPT}")
