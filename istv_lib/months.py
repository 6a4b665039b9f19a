"""Months of arrival, London time, bank holidays and the bands of the week.

A month is text, "YYYY-MM": it sorts, joins and prints as it is. A time is naive London wall-clock time
(Europe/London). A night runs from 06:00 to 06:00 and carries the date on which it began, so Friday night is
one thing although it ends on Saturday.
"""

from __future__ import annotations

import calendar
import re
from functools import cache
from pathlib import Path

import pandas as pd

from istv_lib import errors

LONDON_TZ = "Europe/London"
NIGHT_STARTS = 6
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_GROUPS = ("Mon-Thu", "Fri-Sat", "Sun")
NIGHTS_PER_GROUP = {"Mon-Thu": 4, "Fri-Sat": 2, "Sun": 1}

_REFERENCE = Path(__file__).parent / "reference"
_MONTH = re.compile(r"(19|20)\d{2}-(0[1-9]|1[0-2])", re.ASCII)
_NAMES = ("January February March April May June July August September October November December").split()


def _bands(days: tuple[str, ...], hours: int) -> tuple[str, ...]:
    starts = range(NIGHT_STARTS, NIGHT_STARTS + 24, hours)
    return tuple(f"{day} {start % 24:02d}:00-{(start + hours - 1) % 24:02d}:59" for day in days for start in starts)


TIME_BANDS_42 = _bands(DAYS, 4)
TIME_BANDS_12 = _bands(DAY_GROUPS, 6)


# ---- months ----------------------------------------------------------------------------------------------


def parse(text: str) -> str:
    """Check that a text is a month and hand it back.

    Parameters
    ----------
    text : str
        ``YYYY-MM`` exactly, from 1900-01 to 2099-12.

    Returns
    -------
    str

    Raises
    ------
    istv_lib.errors.ParameterError
        When it is anything else. Nothing is guessed: "May2014" or "2024-5" is refused, because a wrong guess
        would put a month's attendances into another month. The word "latest" is resolved before this.
    """
    if not isinstance(text, str) or not _MONTH.fullmatch(text):
        message = f"Month '{text}' is not a month: write YYYY-MM, for example 2024-12."
        raise errors.ParameterError(message)
    return text


def _number(month: str) -> int:
    year, number = parse(month).split("-")
    return int(year) * 12 + int(number) - 1


def _text(number: int) -> str:
    return parse(f"{number // 12:04d}-{number % 12 + 1:02d}")


def add(month: str, n: int) -> str:
    """The month ``n`` months later (earlier when ``n`` is negative).

    Raises
    ------
    istv_lib.errors.ParameterError
        When ``month`` is not a month, or the result lies outside 1900 to 2099.
    """
    return _text(_number(month) + n)


def span(first: str, last: str) -> list[str]:
    """All months from ``first`` to ``last``, both included; none when ``last`` is before ``first``.

    Raises
    ------
    istv_lib.errors.ParameterError
        When either is not a month.
    """
    return [_text(number) for number in range(_number(first), _number(last) + 1)]


def days_in(month: str) -> int:
    """Number of days in a month: compare months per day, or February looks quiet."""
    year, index = divmod(_number(month), 12)
    return calendar.monthrange(year, index + 1)[1]


def label(month: str) -> str:
    """A month as a sentence prints it: "December 2024". Always English, whatever the computer speaks."""
    year, index = divmod(_number(month), 12)
    return f"{_NAMES[index]} {year}"


def short_label(month: str) -> str:
    """A month as an axis prints it: "Dec 2024"."""
    year, index = divmod(_number(month), 12)
    return f"{_NAMES[index][:3]} {year}"


def calendar_year_before_or_at(month: str) -> str:
    """The last complete calendar year when ``month`` is the newest month: "2024" for 2024-12, else the year before.

    Notes
    -----
    Yearly tables made for 2024-06 therefore show 2023: they do not cover the months a page is about.
    """
    year, index = divmod(_number(month), 12)
    return str(year if index == 11 else year - 1)


# ---- times -----------------------------------------------------------------------------------------------


def _naive(times: pd.Series) -> pd.Series:
    """The times as naive datetimes; a zone here would be a bug, as the wall clock must be London's already."""
    times = pd.Series(times)
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        raise TypeError("Times must be naive London wall-clock times: convert with months.to_london first.")
    return pd.to_datetime(times)


def to_london(times: pd.Series) -> pd.Series:
    """Instants to naive London wall-clock times.

    Parameters
    ----------
    times : Series of datetime
        With a time zone, or naive and then taken as UTC.

    Returns
    -------
    Series of naive datetime

    Notes
    -----
    In the last October night two instants an hour apart show the same wall-clock time; the order within
    01:00-01:59 is lost. A file whose times are London time already must not pass through here.
    """
    times = pd.to_datetime(pd.Series(times))
    aware = times if isinstance(times.dtype, pd.DatetimeTZDtype) else times.dt.tz_localize("UTC")
    return aware.dt.tz_convert(LONDON_TZ).dt.tz_localize(None)


def month_of(times: pd.Series) -> pd.Series:
    """Month of each time.

    Parameters
    ----------
    times : Series of naive datetime
        London wall-clock times of arrival.

    Returns
    -------
    Series of str
        ``YYYY-MM``, missing where the time is missing; index and name are kept.

    Raises
    ------
    TypeError
        When the times carry a zone.

    Notes
    -----
    The calendar month, not the night's: 01:00 on the first belongs to the new month here and, in
    :func:`night_of`, to a night of the old one.
    """
    stamps = _naive(times)
    numbers = stamps.dt.year * 12 + stamps.dt.month - 1
    names = {n: f"{int(n) // 12:04d}-{int(n) % 12 + 1:02d}" for n in numbers.dropna().unique()}
    return numbers.map(names).astype("str")


def night_of(times: pd.Series) -> pd.Series:
    """Date on which each time's night began: 06:00 to 06:00, so 02:00 on Saturday is Friday's night.

    Returns
    -------
    Series of datetime
        Midnight of that date; missing where the time is missing.

    Raises
    ------
    TypeError
        When the times carry a zone.
    """
    return (_naive(times) - pd.Timedelta(hours=NIGHT_STARTS)).dt.normalize()


def _in_bands(times: pd.Series, bands: tuple[str, ...], hours: int, day_index: dict[int, int]) -> pd.Series:
    shifted = _naive(times) - pd.Timedelta(hours=NIGHT_STARTS)
    codes = shifted.dt.day_of_week.map(day_index) * (24 // hours) + shifted.dt.hour // hours
    filled = codes.fillna(-1).astype("int64")
    values = pd.Categorical.from_codes(filled, categories=list(bands), ordered=True)
    return pd.Series(values, index=shifted.index, name=shifted.name)


def time_band_42(times: pd.Series) -> pd.Series:
    """Band of the week: seven days of six four-hour bands, each day from 06:00 to 06:00.

    Parameters
    ----------
    times : Series of naive datetime
        London wall-clock times of the incident; leave out missing and default times first, and say how many.

    Returns
    -------
    Series of ordered category
        Labels of ``TIME_BANDS_42`` such as "Fri 22:00-01:59"; missing where the time is missing.

    Raises
    ------
    TypeError
        When the times carry a zone.

    Notes
    -----
    The day named is the day the night began: "Fri 02:00-05:59" is early on Saturday.
    """
    return _in_bands(times, TIME_BANDS_42, 4, dict(enumerate(range(7))))


def time_band_12(times: pd.Series) -> pd.Series:
    """Band of the week: Monday to Thursday, Friday and Saturday, Sunday, each in four six-hour bands.

    Parameters
    ----------
    times : Series of naive datetime
        London wall-clock times of the incident; leave out missing and default times first, and say how many.

    Returns
    -------
    Series of ordered category
        Labels of ``TIME_BANDS_12`` such as "Fri-Sat 00:00-05:59"; missing where the time is missing.

    Raises
    ------
    TypeError
        When the times carry a zone.

    Notes
    -----
    Days run from 06:00 to 06:00: "Sun 00:00-05:59" is early on Monday. The groups hold 4, 2 and 1 nights
    (``NIGHTS_PER_GROUP``): compare counts per night, or the four weekdays look worst.
    """
    return _in_bands(times, TIME_BANDS_12, 6, {0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 2})


# ---- bank holidays ---------------------------------------------------------------------------------------


@cache
def _holidays() -> pd.DatetimeIndex:
    dates = pd.read_csv(_REFERENCE / "bank_holidays.csv", dtype=str)["date"]
    return pd.DatetimeIndex(pd.to_datetime(dates, format="%Y-%m-%d"))


def is_bank_holiday(dates: pd.Series) -> pd.Series:
    """Whether each date is a bank holiday in England and Wales.

    Parameters
    ----------
    dates : Series of naive datetime
        Dates or times; a time counts for its calendar date. For nights pass :func:`night_of`.

    Returns
    -------
    Series of bool
        False where the date is missing.

    Raises
    ------
    TypeError
        When the times carry a zone.

    Notes
    -----
    The shipped list covers 2012 to 2028: outside it every date is False, which is not knowledge. Substitute
    days are the days off, not the feast. Source: GOV.UK, Open Government Licence.
    """
    return _naive(dates).dt.normalize().isin(_holidays())
