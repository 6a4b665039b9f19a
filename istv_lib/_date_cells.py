"""Cells to dates and times: texts by explicit formats and nothing else, cells of a workbook as they are.

A helper of :mod:`istv_lib._dates`. The usual readers of text take month names in the language of the computer, and
"now" as the time of reading; this one knows English month names and no other words. Texts that differ in their
digits alone are read together, so a column costs little more than its distinct shapes.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import errors, months

UNIT = "datetime64[us]"
NOTHING = np.datetime64("NaT", "us")
DAY_SECONDS = 86_400
YEARS = (1990, 2099)  # a date outside them is a slip of the hand or an empty date of some system
MONTH_NAMES = {months.label(f"2000-{n:02d}").split()[0].lower(): n for n in range(1, 13)}

_BY_LETTERS = {name[:3]: n for name, n in MONTH_NAMES.items()}
_LONGEST = 40
_SERIAL_ZERO = np.datetime64("1899-12-30", "us")
_SERIALS = (20_000, 60_000)
_SHAPE = bytes.maketrans(b"123456789", b"0" * 9)
_DIRECTIVES = {
    "d": r"(?P<d>\d{1,2})",
    "m": r"(?P<m>\d{1,2})",
    "b": f"(?P<b>{'|'.join([*MONTH_NAMES, 'sept', *_BY_LETTERS])})",
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})",
    "M": r"(?P<M>\d{2})",
    "S": r"(?P<S>\d{2})",
    "f": r"(?P<f>\d{1,7})",
    "p": r"(?P<p>am|pm)",
}
_DATES = re.compile("(d[mb]|[mb]d)[yY]|Y[mb]d")
_CLOCKS = re.compile("HM(Sf?)?|IM(Sf?)?p")
_PLAIN_CLOCKS = ("", " %H:%M", " %H:%M:%S")

_WHOLE = (
    "%Y-%m-%d",
    *(f"%Y-%m-%d{gap}%H:%M{rest}" for gap in "T " for rest in ("", ":%S", ":%S.%f", "Z", ":%SZ", ":%S.%fZ")),
    *(f"%d{mark}%m{mark}{year}{clock}" for mark in "/.- " for year in ("%Y", "%y") for clock in _PLAIN_CLOCKS),
    *(f"%d{mark}%b{mark}{year}{clock}" for mark in ("-", " ", "") for year in ("%Y", "%y") for clock in _PLAIN_CLOCKS),
    "%b %d %Y %I:%M%p",
)
KNOWN = {"datetime": _WHOLE, "date": _WHOLE, "time": ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f")}


# ---- formats ---------------------------------------------------------------------------------------------


@cache
def order(form: str) -> str:
    """Return "day" or "month" when a format writes both as numbers with that one first; else empty."""
    return {"dm": "day", "md": "month"}.get(re.sub("[^dmbyY]", "", _letters(form))[:2], "")


@cache
def turned(form: str, first: str) -> str:
    """Return the format with the day or the month first; one whose order is plain stays as it is."""
    if order(form) in {"", first}:
        return form
    return re.sub("%[dm]", lambda found: "%m" if found[0] == "%d" else "%d", form)


def has_clock(form: str) -> bool:
    """Tell whether a format holds a time of day."""
    return bool(re.search("[HI]", _letters(form)))


def is_universal(form: str) -> bool:
    """Tell whether a format says that the time is universal time: a Z at its end."""
    return form.endswith("Z") and has_clock(form)


@cache
def _letters(form: str) -> str:
    return "".join(re.findall("%(.)", form)).replace("B", "b")


@cache
def _compiled(form: str) -> re.Pattern[str]:
    letters = _letters(form)
    day, clock = re.sub("[^dmbyY]", "", letters), re.sub("[dmbyY]", "", letters)
    if not letters or (day and not _DATES.fullmatch(day)) or (clock and not _CLOCKS.fullmatch(clock)):
        msg = (
            f"The layout has '{form}' among its formats, which cannot be used; write day, month and year in this or "
            "in month-day-year order or begin with %Y, and a time as %H:%M or %H:%M:%S."
        )
        raise errors.IntakeError(msg)
    pieces = re.findall("%(.)|([^%]+)", form)
    pattern = "".join(_DIRECTIVES[name.replace("B", "b")] if name else re.escape(plain) for name, plain in pieces)
    if re.search("%[dmyYHI]%[dmyYHM]", form):
        pattern = pattern.replace("{1,2}", "{2}")
    return re.compile(pattern, re.ASCII | re.IGNORECASE)


# ---- texts -----------------------------------------------------------------------------------------------


class Texts:
    """The texts of a column, grouped by shape, ready to be read by one list of formats or another.

    Parameters
    ----------
    cells : sequence
        Cells of any kind; what is not a text counts as nothing to read.
    """

    def __init__(self, cells: Sequence[Any]) -> None:
        self.count = len(cells)
        where = [
            k
            for k, cell in enumerate(cells)
            if isinstance(cell, str) and 0 < len(cell) <= _LONGEST and cell.isascii() and cell.isprintable()
        ]
        self._shapes: list[tuple[str, np.ndarray, np.ndarray]] = []
        if not where:
            return
        texts = [cells[k] for k in where]
        alike = "\n".join(texts).encode().translate(_SHAPE).decode().split("\n")
        ids, shapes = pd.factorize(np.array(alike, dtype=object))
        digits = np.array(texts, dtype=np.str_).view(np.uint32).reshape(len(texts), -1).astype(np.int64) - ord("0")
        by_shape = np.argsort(ids, kind="stable")
        groups = np.split(by_shape, np.cumsum(np.bincount(ids))[:-1])
        places = np.array(where)
        self._shapes = [
            (shape, places[group], digits[group])
            for shape, group in zip(shapes, groups, strict=True)
            if shape.count("0") >= 3
        ]

    def read(self, formats: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Read each text by the first format that fits it.

        Returns
        -------
        ndarray of datetime64[us], ndarray of int
            The time as written, missing where no format fits (a time of day alone is on 1 January 1970); the
            index of the format, -1 where none fits.

        Raises
        ------
        errors.IntakeError
            When a format cannot be used.
        """
        at = np.full(self.count, NOTHING)
        which = np.full(self.count, -1)
        patterns = [_compiled(form) for form in formats]
        for shape, places, digits in self._shapes:
            for index, pattern in enumerate(patterns):
                match = pattern.fullmatch(shape)
                if match is None:
                    continue
                found = _moments(match, digits)
                new = ~np.isnat(found) & (which[places] < 0)
                at[places[new]] = found[new]
                which[places[new]] = index
        return at, which


def _moments(match: re.Match[str], digits: np.ndarray) -> np.ndarray:
    """Return the moments of all texts of one shape; missing where a number is out of its range."""
    names = match.re.groupindex

    def number(name: str, otherwise: int = 0) -> np.ndarray:
        if name not in names:
            return np.full(len(digits), otherwise)
        start, end = match.span(name)
        return digits[:, start:end] @ 10 ** np.arange(end - start)[::-1]

    year = number("Y", 1970)
    if "y" in names:
        year = number("y")
        year = year + np.where(year < 69, 2000, 1900)
    month = np.full(len(digits), _BY_LETTERS[match["b"][:3].lower()]) if "b" in names else number("m", 1)
    day = number("d", 1)
    begun = (np.clip(year * 12 + month, 1, None) - 1 - 1970 * 12).astype("datetime64[M]")
    date = begun.astype("datetime64[D]") + (day - 1)
    good = (month >= 1) & (month <= 12) & (date.astype("datetime64[M]") == begun)
    if "d" in names:
        good &= (year >= YEARS[0]) & (year <= YEARS[1])
    hour = number("H")
    if "I" in names:
        twelfth = number("I")
        good &= (twelfth >= 1) & (twelfth <= 12)
        hour = twelfth % 12 + (12 if match["p"].lower() == "pm" else 0)
    minute, second = number("M"), number("S")
    good &= (hour < 24) & (minute < 60) & (second < 60)
    parts = number("f") * 10 ** (7 - (match.end("f") - match.start("f"))) // 10 if "f" in names else 0
    since = ((hour * 60 + minute) * 60 + second) * 1_000_000 + parts
    return np.where(good, date.astype(UNIT) + since.astype("timedelta64[us]"), NOTHING)


# ---- cells of a workbook ---------------------------------------------------------------------------------


def typed(cells: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Read the cells of a workbook that are dates or serial days already.

    Returns
    -------
    ndarray of datetime64[us], ndarray of bool
        Missing where the cell is neither; whether it is a serial day.
    """
    at = np.full(len(cells), NOTHING)
    serial = np.zeros(len(cells), dtype=bool)
    others = [k for k, cell in enumerate(cells) if cell is not None and not isinstance(cell, str)]
    if not others:
        return at, serial
    at[others] = pd.Series([_wall(cells[k]) for k in others], dtype=UNIT).to_numpy()
    days = [k for k in others if isinstance(cells[k], int | float) and _SERIALS[0] <= cells[k] <= _SERIALS[1]]
    seconds = np.rint(np.array([cells[k] for k in days], dtype=float) * DAY_SECONDS)
    at[days] = _SERIAL_ZERO + seconds.astype("timedelta64[s]")
    serial[days] = True
    year = at.astype("datetime64[Y]").astype("int64") + 1970
    known = ~np.isnat(at) & (year >= YEARS[0]) & (year <= YEARS[1])
    return np.where(known, at, NOTHING), serial & known


def _wall(cell: Any) -> dt.date | None:
    zone = getattr(cell, "tzinfo", None)
    return cell if isinstance(cell, dt.date) and zone is None else None
