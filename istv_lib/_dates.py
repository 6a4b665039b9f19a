"""Times of a submission: read by explicit formats, and the order of day and month proven before it is used.

A helper of :mod:`istv_lib.intake`. A date whose day and month are swapped looks like any other, so nothing is
guessed here: an order that cannot be proven is refused, and what no format reads is left unread.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _date_cells, months
from istv_lib._date_cells import DAY_SECONDS, NOTHING, UNIT, Texts
from istv_lib._date_order import KINDS, Cells, Formats, settle

__all__ = ["Times", "clock_fold", "clock_gap", "month_texts", "settle", "times"]


@dataclass(frozen=True)
class Times:
    """Times of one kind, arrival or incident, in London wall-clock time.

    Attributes
    ----------
    at : ndarray of datetime64[us]
        Missing where nothing was written or nothing could be read.
    written : ndarray of bool
        Something stood in a column of the date.
    unreadable : ndarray of bool
        Written but not read.
    date_only : ndarray of bool
        A date without a readable time of day; ``at`` is its midnight.
    serial : ndarray of bool
        Read from the number by which a spreadsheet counts days.
    from_utc : ndarray of bool
        No local time could be read and the universal one was used.
    apart : ndarray of bool
        Local and universal time are both there and differ by more than a minute.
    """

    at: np.ndarray
    written: np.ndarray
    unreadable: np.ndarray
    date_only: np.ndarray
    serial: np.ndarray
    from_utc: np.ndarray
    apart: np.ndarray


# ---- reading ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    at: np.ndarray
    bare: np.ndarray
    serial: np.ndarray


def times(part: str, cells: Cells, formats: Formats | None, count: int) -> Times:
    """Read the times of one part of the records: local time first, then date and time, then universal time.

    Parameters
    ----------
    part : str
        "arrival", "incident" or "period": the columns are ``part``, ``part_date`` with ``part_time``, ``part_utc``.
    cells : mapping of str to sequence
        Typed cells, None where nothing is written; a column may be absent.
    formats : mapping or None
        Formats in order under ``datetime`` (``part`` and ``part_utc``), ``date`` and ``time``, as :func:`settle`
        returns them. None reads no text.
    count : int
        Number of records.

    Returns
    -------
    Times

    Raises
    ------
    errors.IntakeError
        When a format cannot be used.

    Notes
    -----
    Date cells of a workbook are taken as they are, and numbers from 20,000 to 60,000 as its serial days (1900
    system); a number written as text never is one. A format that ends in Z reads universal time in any column.
    Dates outside 1990 to 2099 count as unreadable. It can mislead: cells at midnight throughout a column are taken
    for dates without a time; a two-digit year is 1969 to 2068.
    """
    formats = formats or {}
    moments = formats.get("datetime") or []
    local = _column(cells.get(part), moments, count)
    dated = _dated(cells, part, formats, count)
    universal = _column(cells.get(part + "_utc"), moments, count, universal=True)
    first = _Column(*(np.where(np.isnat(local.at), b, a) for a, b in _pairs(local, dated)))
    from_utc = np.isnat(first.at) & ~np.isnat(universal.at)
    at, bare, serial = (np.where(from_utc, b, a) for a, b in _pairs(first, universal))
    written = np.zeros(count, dtype=bool)
    for end in KINDS:
        if part + end in cells:
            written |= np.array([cell is not None for cell in cells[part + end]], dtype=bool)
    beside = np.where(first.bare, _midnight(universal.at), universal.at)
    apart = ~universal.bare & (np.abs(first.at - beside) > np.timedelta64(1, "m"))
    return Times(at, written, written & np.isnat(at), bare, serial, from_utc, apart)


def _pairs(one: _Column, other: _Column) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    return zip(vars(one).values(), vars(other).values(), strict=True)


def _column(cells: Sequence[Any] | None, formats: Sequence[str], count: int, *, universal: bool = False) -> _Column:
    """Read one column of dates; universal times become London times."""
    nothing = np.zeros(count, dtype=bool)
    if cells is None:
        return _Column(np.full(count, NOTHING), nothing, nothing)
    at, which = Texts(cells).read(formats)
    bare = np.isin(which, [k for k, form in enumerate(formats) if not _date_cells.has_clock(form)])
    utc = np.isin(which, [k for k, form in enumerate(formats) if _date_cells.is_universal(form)])
    typed, serial = _date_cells.typed(cells)
    real = ~np.isnat(typed)
    at = np.where(real, typed, at)
    bare |= real & bool((at == _midnight(at))[real].all())
    utc = (utc | universal) & ~np.isnat(at) & ~bare
    if utc.any():
        at[utc] = months.to_london(pd.Series(at[utc])).to_numpy().astype(UNIT)
    return _Column(at, bare, serial)


def _dated(cells: Cells, part: str, formats: Formats, count: int) -> _Column:
    """Read a date and its time of day from their two columns."""
    day = _column(cells.get(part + "_date"), formats.get("date") or [], count)
    midnight = _midnight(day.at)
    clock = _clock(cells.get(part + "_time"), formats.get("time") or [], count)
    span = np.where(np.isnat(clock), day.at - midnight, clock)
    bare = np.isnat(clock) & (day.at == midnight)
    return _Column(midnight + span, bare, day.serial)


def _clock(cells: Sequence[Any] | None, formats: Sequence[str], count: int) -> np.ndarray:
    """Read times of day: texts, times and spans below a day of a workbook, and its fractions of a day."""
    if cells is None:
        return np.full(count, np.timedelta64("NaT", "us"))
    at = Texts(cells).read(formats)[0]
    clock = at - _midnight(at)
    others = [k for k, cell in enumerate(cells) if cell is not None and not isinstance(cell, str)]
    clock[others] = pd.Series([_time_of_day(cells[k]) for k in others], dtype="timedelta64[us]").to_numpy()
    return clock


def _time_of_day(cell: Any) -> dt.timedelta | None:
    if isinstance(cell, dt.datetime | dt.time):
        return dt.timedelta(0, (cell.hour * 60 + cell.minute) * 60 + cell.second, cell.microsecond)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and 0 <= cell < 1:
        return dt.timedelta(seconds=min(round(cell * DAY_SECONDS), DAY_SECONDS - 1))
    return cell if isinstance(cell, dt.timedelta) and dt.timedelta(0) <= cell < dt.timedelta(1) else None


def _midnight(at: np.ndarray) -> np.ndarray:
    return at.astype("datetime64[D]").astype(UNIT)


# ---- the clock -------------------------------------------------------------------------------------------


def month_texts(at: np.ndarray) -> np.ndarray:
    """Return the month of each time as YYYY-MM; "NaT" where it is missing."""
    return at.astype("datetime64[M]").astype("str")


def clock_gap(at: np.ndarray) -> np.ndarray:
    """Mark times in the hour that the London clock skips in spring: no such time was ever shown."""
    there = pd.Series(at).dt.tz_localize(months.LONDON_TZ, ambiguous=np.ones(len(at), dtype=bool), nonexistent="NaT")
    return there.isna().to_numpy() & ~np.isnat(at)


def clock_fold(at: np.ndarray) -> np.ndarray:
    """Mark times in the hour that the London clock shows twice in autumn: which of the two is not known."""
    there = pd.Series(at).dt.tz_localize(months.LONDON_TZ, ambiguous="NaT", nonexistent="shift_forward")
    return there.isna().to_numpy() & ~np.isnat(at)
