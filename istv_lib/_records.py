"""Cells of a submission to canonical values: times by explicit formats, codes by the layout's lists.

A helper of :mod:`istv_lib.intake`. A file holds a hundred records, so plain arrays serve better than tables:
one table is built at the end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import months, privacy, schema
from istv_lib._readers import Sheet, is_blank

Cells = Mapping[str, list[Any]]
_UNIT = "datetime64[us]"
_NO_DAY = dt.datetime(1900, 1, 1)  # noqa: DTZ001 - carries a time of day
_SOURCE_CHARACTERS = 60


@dataclass(frozen=True)
class Times:
    """Times of one kind, arrival or incident, in London wall-clock time.

    Attributes
    ----------
    at : ndarray of datetime64
        Missing where nothing was written or nothing could be read.
    unreadable : ndarray of bool
        Something was written that no format of the layout reads.
    date_only : ndarray of bool
        A date was written without a readable time; ``at`` is its midnight.
    """

    at: np.ndarray
    unreadable: np.ndarray
    date_only: np.ndarray


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


# ---- times -----------------------------------------------------------------------------------------------


def times(part: str, cells: Cells, formats: Mapping[str, list[str]], count: int) -> Times:
    """Read the times of ``arrival`` or ``incident``: local time first, then date and time, then UTC."""
    at = np.full(count, np.datetime64("NaT"), dtype=_UNIT)
    written, date_only = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    for name, column in cells.items():
        if name in {part, part + "_date", part + "_utc"}:
            written |= np.array([cell is not None for cell in column], dtype=bool)
    if part in cells:
        at = _read(cells[part], formats.get("datetime", []))
    if part + "_date" in cells:
        day = _midnight(_read(cells[part + "_date"], formats.get("date", [])))
        clock = _read([_on_no_day(c) for c in cells.get(part + "_time", [None] * count)], formats.get("time", []))
        date_only = np.isnat(at) & ~np.isnat(day) & np.isnat(clock)
        span = np.where(np.isnat(clock), np.timedelta64(0, "us"), clock - _midnight(clock))
        at = np.where(np.isnat(at), day + span, at)
    if part + "_utc" in cells:
        utc = pd.Series(_read(cells[part + "_utc"], formats.get("datetime", [])))
        at = np.where(np.isnat(at), months.to_london(utc).to_numpy().astype(_UNIT), at)
    return Times(at, written & np.isnat(at), date_only)


def _read(cells: Sequence[Any], formats: Sequence[str]) -> np.ndarray:
    """Read text by the formats in order; real date cells of a workbook are taken as they are."""
    at = np.array([cell if isinstance(cell, dt.datetime) else None for cell in cells], dtype=_UNIT)
    for form in formats:
        left = [k for k in np.flatnonzero(np.isnat(at)) if isinstance(cells[k], str)]
        if left:
            read = pd.to_datetime([cells[k] for k in left], format=form, errors="coerce")
            at[left] = read.to_numpy().astype(_UNIT)
    return at


def _midnight(at: np.ndarray) -> np.ndarray:
    return at.astype("datetime64[D]").astype(_UNIT)


def _on_no_day(cell: Any) -> Any:
    if isinstance(cell, dt.time):
        return dt.datetime.combine(_NO_DAY, cell)
    return _NO_DAY + cell if isinstance(cell, dt.timedelta) else cell


def month_texts(at: np.ndarray) -> np.ndarray:
    """Return the month of each time as YYYY-MM; "NaT" where it is missing."""
    return at.astype("datetime64[M]").astype("str")


def incidents(
    incident: Times, arrival: np.ndarray, rules: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Judge the incident times against the arrivals.

    Returns
    -------
    ndarray, ndarray, dict
        Times without the impossible ones; ``incident_quality``; flags by name.
    """
    at = incident.at
    after = at > arrival + np.timedelta64(int(rules["incident_after_arrival_minutes"]), "m")
    long_before = at < arrival - np.timedelta64(int(rules["incident_before_arrival_days"]), "D")
    at = np.where(after, np.datetime64("NaT"), at)
    default = (at == _midnight(at)) | (at == arrival)
    quality = np.select([np.isnat(at), incident.date_only, default], ["missing", "date_only", "default"], "exact")
    flags = {
        "incident_unreadable": incident.unreadable,
        "incident_after_arrival": after,
        "incident_long_before": long_before,
    }
    return at, quality, flags


# ---- codes and texts -------------------------------------------------------------------------------------


def codes(cells: Sequence[Any], raw_to_code: Mapping[str, str]) -> tuple[list[str], list[str], np.ndarray]:
    """Map a site's codes to canonical ones.

    Returns
    -------
    list of str, list of str, ndarray of bool
        Canonical code (``unknown`` where nothing is written or the code is not on the list); the site's own
        code; whether a written code is not on the list. Such a code may be free text, so it is cut short and
        personal data are taken out of it.
    """
    known = {str(raw).casefold(): code for raw, code in raw_to_code.items()}
    source = ["" if cell is None else str(cell) for cell in cells]
    mapped = [known.get(text.casefold(), "unknown") for text in source]
    odd = np.array([text != "" and text.casefold() not in known for text in source], dtype=bool)
    if odd.any():
        at = np.flatnonzero(odd)
        clean = privacy.redact(pd.Series([source[k] for k in at]))[0]
        for k, text in zip(at, clean, strict=True):
            source[k] = text[:_SOURCE_CHARACTERS]
    return mapped, source, odd


def alike(cells: Cells) -> np.ndarray:
    """Mark records all of whose fields equal those of an earlier one."""
    seen: set[tuple[str, ...]] = set()
    out = []
    for record in zip(*cells.values(), strict=True):
        key = tuple(map(str, record))
        out.append(key in seen)
        seen.add(key)
    return np.array(out, dtype=bool)


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
    return pd.DataFrame(out)
