"""Shares with their intervals and numbers as the cells of a table: a helper of :mod:`istv_lib.tables`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from istv_lib import _marks

_UNITS = {"metre": " m"}
_DIMS = {"": "All", "weapon_group": "Method", "hour_band": "Hour", "age_band": "Age", "sex": "Sex"}


def cells(
    table: pd.DataFrame, measures: Mapping[str, str], labels: Mapping[str, str] | None, down: str, head: str
) -> pd.DataFrame:
    """Return the rows (values of ``down``) and columns (measures) in which anything can be shown; one row at least."""
    table = table[table["measure"].isin(list(measures))]
    there = table.groupby(down)["value"].transform("count") > 0
    table = table[there] if there.any() else table
    told = table.assign(cell=[_cell(row) for row in table.itertuples()])
    wide = told.pivot_table(index=down, columns="measure", values="cell", aggfunc="first", sort=False)
    known = set(table.loc[table["value"].notna(), "measure"]) or set(measures)
    wide = wide[[m for m in measures if m in known and m in wide]].rename(columns=measures).fillna("")
    wide.index = [_marks.label(value, labels) if value else "All" for value in wide.index]
    return wide.rename_axis(head).rename_axis(None, axis=1).reset_index()


def _cell(row: Any) -> str:
    if pd.isna(row.value):
        return row.shown
    within = "" if pd.isna(row.lower) else f" ({100 * row.lower:.0f} to {100 * row.upper:.0f})"
    return f"{row.shown}{_UNITS.get(row.unit, '')}{within}, n = {row.n:,.0f}"


def groups(table: pd.DataFrame, labels: Mapping[str, str] | None) -> pd.DataFrame:
    """Return one row for each group of :func:`istv_lib.hotspots.unmapped`: who is on no map, beside who is."""
    keys = ["stratum_dim", "stratum"]
    apart = table[table["measure"] == "unmapped_difference"].set_index(keys)
    rows = []
    for row in table[table["measure"] == "unmapped"].itertuples():
        name = _DIMS[row.stratum_dim] + (f": {_marks.label(row.stratum, labels)}" if row.stratum else "")
        key = (row.stratum_dim, row.stratum)
        rows.append((name, _cell(row), _points(apart.loc[key]) if key in apart.index else ""))
    return pd.DataFrame(rows, columns=["Attendances", "On no map", "Part of those not mapped, less of those mapped"])


def _points(row: pd.Series) -> str:
    value, low, high = (100 * row[name] + 0.0 for name in ("value", "lower", "upper"))
    return f"{value:+.0f} points ({low:+.0f} to {high:+.0f})"
