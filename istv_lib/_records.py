"""Cells of a submission to canonical values: texts without personal data, codes by the layout's lists, folding.

A helper of :mod:`istv_lib.intake`. A file holds a hundred records, so plain arrays serve better than tables:
one table is built at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _shapes, privacy, schema
from istv_lib._readers import Sheet, as_text, is_blank

Cells = Mapping[str, list[Any]]
SOURCE_CHARACTERS = 60
# Of several injuries of one attendance the gravest means counts.
GRAVEST_FIRST = (
    "firearm knife corrosive glass blunt vehicle animal foot fist head other_body body_unspecified multiple other "
    "unknown"
).split()
_AGES = (0, 10, 18, 25, 35, 45, 55, 65)
_OLDEST = 120
_CONCEPT_DIGITS, _NHS_DIGITS = 18, 10


@dataclass(frozen=True)
class Coded:
    """Codes of one column: canonical ones, the site's own, and which of these are not on its list."""

    codes: list[str]
    source: list[str]
    odd: np.ndarray


def columns(sheet: Sheet, records: Sequence[int], layout: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the canonical columns of the record rows: typed cells, None where nothing is written."""
    nothing = {"", *(token.casefold() for token in layout.get("null_tokens", []))}
    rows = [sheet.rows[number] for number in records]
    return {
        name: [_kept(row[place], nothing) if place < len(row) else None for row in rows]
        for name, place in sheet.columns.items()
    }


def _kept(cell: Any, nothing: set[str]) -> Any:
    if is_blank(cell):
        return None
    if not isinstance(cell, str):
        return cell
    text = " ".join(cell.split())
    return None if text.casefold() in nothing else text


def touched(places: Iterable[tuple[int, int]], sheet: Sheet, records: Sequence[int]) -> np.ndarray:
    """Mark the records that have one of the given (row, column) cells in a column that is read."""
    read = set(sheet.columns.values())
    rows = {row for row, column in places if column in read}
    return np.array([number in rows for number in records], dtype=bool)


# ---- texts -----------------------------------------------------------------------------------------------


def redacted(cells: Sequence[Any]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return texts without personal data, and for each kind that was found the records that held it."""
    raw = pd.Series(["" if cell is None else as_text(cell) for cell in cells], dtype="str")
    text, kinds = privacy.redact(raw)
    return text.tolist(), {kind: held.to_numpy(dtype=bool) for kind, held in kinds.items() if held.any()}


# ---- codes -----------------------------------------------------------------------------------------------


def coded(cells: Sequence[Any], raw_to_code: Mapping[str, str]) -> Coded:
    """Map a site's codes to canonical ones.

    A code that is not on the list counts as ``unknown``. It may be free text, so personal data are taken out of it
    and it is cut short; an identifier of SNOMED CT stays, as whoever mends the layout needs it. A number that a
    workbook has robbed of its leading zeros finds its code again.
    """
    known = {str(raw).casefold(): code for raw, code in raw_to_code.items()}
    numbers = {int(raw): raw for raw in known if raw.isdecimal()}
    source = ["" if cell is None else as_text(cell) for cell in cells]
    for k, cell in enumerate(cells):
        if isinstance(cell, int | float) and source[k] not in known and cell in numbers:
            source[k] = numbers[int(cell)]
    codes = [known.get(text.casefold(), "unknown") for text in source]
    odd = np.array([text != "" and text.casefold() not in known for text in source], dtype=bool)
    at = [k for k in np.flatnonzero(odd) if not _concept(source[k])]
    for k, text in zip(at, redacted([source[k] for k in at])[0] if at else [], strict=True):
        source[k] = text[:SOURCE_CHARACTERS]
    return Coded(codes, source, odd)


def _concept(text: str) -> bool:
    """Whether a code has the form of a SNOMED CT identifier, which is no number of a person."""
    return text.isdecimal() and 6 <= len(text) <= _CONCEPT_DIGITS and len(text) != _NHS_DIGITS and text[0] != "0"


def optional(cells: Cells, layout: Mapping[str, Any], permitted: Iterable[str]) -> dict[str, list[str]]:
    """Return the permitted optional columns in canonical codes; an age in years becomes its band."""
    out = {}
    for name in permitted:
        if name in cells:
            mapped = coded(
                cells[name], layout.get(_shapes.LISTS[name][0], {code: code for code in _shapes.LISTS[name][1]})
            ).codes
            out[name] = ["" if cell is None else code for cell, code in zip(cells[name], mapped, strict=True)]
        elif name == "age_band" and "age" in cells:
            out[name] = [_band(cell) for cell in cells["age"]]
    return out


def _band(cell: Any) -> str:
    if cell is None:
        return ""
    text = as_text(cell)
    if not text.replace(".", "", 1).isdecimal() or float(text) > _OLDEST:
        return "unknown"
    return schema.AGE_BANDS[int(np.searchsorted(_AGES, float(text), side="right")) - 1]


# ---- folding and tables --------------------------------------------------------------------------------------


def fold(values: Mapping[str, list[Any]], rows: Iterable[tuple[int, int]]) -> list[tuple[int, str, str, str]]:
    """Fold further injury rows into their first row, in place: its gaps are filled, the gravest method counts.

    Parameters
    ----------
    values : mapping
        Lists of canonical values by column; "" and "unknown" count as gaps.
    rows : iterable of (further row, first row)

    Returns
    -------
    list of (row, column, before, after)
        What changed in the first rows.
    """
    changed = []
    for further, first in rows:
        for name, column in values.items():
            before, other = column[first], column[further]
            if name == "method":
                after = min(before, other, key=GRAVEST_FIRST.index)
            else:
                after = other if before in {"", "unknown"} and other not in {"", "unknown"} else before
            if after != before:
                column[first] = after
                changed.append((first, name, before, after))
    return changed


def joined_flags(flags: Mapping[str, np.ndarray], count: int) -> list[str]:
    """Join the names of the flags that hold of each record, with semicolons."""
    out = [""] * count
    for name, holds in flags.items():
        for k in np.flatnonzero(holds):
            out[k] = f"{out[k]};{name}" if out[k] else name
    return out


def table(name: str, values: Mapping[str, Any], count: int) -> pd.DataFrame:
    """Build a table of :mod:`istv_lib.schema` from lists, or from one value for all rows."""
    out = {}
    for column in schema.TABLES[name].columns:
        given = values[column.name]
        whole = [given] * count if isinstance(given, str | bool) else given
        out[column.name] = pd.Series(whole, dtype=column.dtype)
    return pd.DataFrame(out, copy=False)
