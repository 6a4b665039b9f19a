"""The order of day and month in a file's dates: proven before they are read, or the file is refused.

A helper of :mod:`istv_lib._dates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from istv_lib import _date_cells, errors
from istv_lib._date_cells import KNOWN, NOTHING, Texts

Cells = Mapping[str, Sequence[Any]]
Formats = Mapping[str, Sequence[str]]
KINDS = {"": "datetime", "_date": "date", "_utc": "datetime"}

_ARRIVAL, _INCIDENT = (tuple(part + end for end in KINDS) for part in ("arrival", "incident"))
_COLUMNS = {part + end: kind for part in ("period", "arrival", "incident") for end, kind in KINDS.items()}
_OTHER = {"day": "month", "month": "day"}
_CLEAR = 4  # times as many rows must lie in the month in one order as in the other
_NEAR = np.timedelta64(31, "D")


@dataclass(frozen=True)
class _Seen:
    """One column, read with the day first and with the month first."""

    day: np.ndarray
    month: np.ndarray
    sure: np.ndarray  # date cells and texts whose order is plain
    used: dict[str, set[int]]  # formats that read something, by order

    @property
    def differs(self) -> np.ndarray:
        return ~np.isnat(self.day) & ~np.isnat(self.month) & (self.day != self.month)

    def only(self, order: str) -> np.ndarray:
        """Mark texts that can be read in this order only."""
        return np.isnat(self.by(_OTHER[order])) & ~np.isnat(self.by(order))

    def by(self, order: str) -> np.ndarray:
        return self.day if order == "day" else self.month


def settle(filename: str, cells: Cells, formats: Formats | None, month: str) -> Formats:
    """Settle by which formats a file's dates are read, or refuse it.

    Parameters
    ----------
    filename : str
        For messages.
    cells : mapping of str to sequence
        Columns as in :func:`times`.
    formats : mapping or None
        Formats that the layout pins; None when it pins none.
    month : str
        Month ("YYYY-MM") that the file's name or reporting period states; empty when neither does.

    Returns
    -------
    mapping
        The pinned formats, or those of the known ones that read something, in a fixed order.

    Raises
    ------
    errors.IntakeError
        With one sentence and counts of rows: day and month are written in both orders, in another order than the
        pinned one, or in an order that nothing proves; a spreadsheet has swapped some of them; a format cannot be
        used.

    Notes
    -----
    A number above 12 proves the order of its column. Where there is none, arrivals go by the month stated, and
    incidents by the order of the arrivals as long as they do not lie nearer to them the other way round. ISO dates
    and dates with month names need no proof. It can mislead: dates written year-month-day with a two-digit year are
    taken for another order when they cover a day or two and no month is stated; a workbook whose date cells were all
    swapped, and all on one day, is found only by the month stated.
    """
    pinned = _pinned(filename, formats or {})
    known: Formats = KNOWN if formats is None else formats
    seen = {name: _seen(cells[name], known.get(kind) or []) for name, kind in _COLUMNS.items() if name in cells}
    shown = {}
    for name, column in seen.items():
        _refuse_spreadsheet(filename, name, column)
        proof = _proof(filename, name, column, pinned)
        if proof:
            shown[name] = proof
    held = {name: column for name, column in seen.items() if name not in _INCIDENT}
    proof = next((order for name, order in shown.items() if name in held), "")
    order = _by_month(filename, held, proof, pinned, month)
    _refuse_two_orders(filename, shown | ({"arrival": order} if order else {}))
    order = order or next(iter(shown.values()), "")
    _refuse_years(filename, held, order or pinned or "day")
    _refuse_far(filename, seen, order, pinned)
    return _chosen(cells, seen, order or "day") if formats is None else formats


def _pinned(filename: str, formats: Formats) -> str:
    """Return the order of the pinned formats; empty when they leave no doubt about any date."""
    orders = {_date_cells.order(form) for listed in formats.values() for form in listed or []} - {""}
    if len(orders) > 1:
        msg = f"The layout of '{filename}' has formats with the day first and formats with the month first; keep one."
        raise errors.IntakeError(msg)
    return next(iter(orders), "")


def _seen(cells: Sequence[Any], formats: Sequence[str]) -> _Seen:
    texts, typed = Texts(cells), _date_cells.typed(cells)[0]
    plain = [k for k, form in enumerate(formats) if not _date_cells.order(form)]
    read, used, sure = {}, {}, ~np.isnat(typed)
    for order in _OTHER:
        at, which = texts.read([_date_cells.turned(form, order) for form in formats])
        sure |= np.isin(which, plain)
        read[order] = np.where(np.isnat(typed), at, typed)
        used[order] = set(which.tolist())
    return _Seen(read["day"], read["month"], sure, used)


def _proof(filename: str, name: str, column: _Seen, pinned: str) -> str:
    """Return the order that a number above 12 proves; empty when there is none."""
    rows = {order: int(column.only(order).sum()) for order in _OTHER}
    if all(rows.values()):
        msg = (
            f"Column '{name}' of '{filename}' mixes two orders: {rows['day']} rows can only have the day first and "
            f"{rows['month']} only the month; ask the site for one form, such as 2024-03-05."
        )
        raise errors.IntakeError(msg)
    proof = next((order for order, count in rows.items() if count), "")
    if proof and proof != pinned and pinned:
        msg = (
            f"{rows[proof]} rows of column '{name}' of '{filename}' can only have the {proof} first, but its layout "
            f"reads the {pinned} first; mend the formats of the layout."
        )
        raise errors.IntakeError(msg)
    return proof


def _by_month(filename: str, held: Mapping[str, _Seen], proof: str, pinned: str, month: str) -> str:
    """Return the order of the arrivals: the proven one or, in doubt, that in which they lie in the month stated."""
    name, doubtful = _doubtful(held)
    if not doubtful:
        return proof
    if not (month or proof):
        _refuse_unproven(filename, name, doubtful)
    plain = [column.by(proof or "day")[column.sure | column.only(proof or "day")] for column in held.values()]
    stated = np.datetime64(month) if month else _usual(np.concatenate(plain))
    fits = {
        order: sum(int((_month(column.by(order)[column.differs]) == stated).sum()) for column in held.values())
        for order in _OTHER
    }
    order = proof or pinned or max(fits, key=lambda each: fits[each])
    if fits[_OTHER[order]] * _CLEAR > fits[order]:
        reader = "its layout reads" if pinned else "other rows have"
        msg = (
            f"{fits[_OTHER[order]]} rows of column '{name}' of '{filename}' lie in {stated} only with the "
            f"{_OTHER[order]} first, but {reader} the {order} first ({fits[order]} rows lie in it so); mend the "
            "formats of the layout, or ask the site for dates such as 2024-03-05."
        )
        raise errors.IntakeError(msg)
    if not (proof or pinned or fits[order]):
        _refuse_unproven(filename, name, doubtful)
    return order if fits[order] else proof


def _doubtful(columns: Mapping[str, _Seen]) -> tuple[str, int]:
    """Return the first column with dates that can be read both ways, and how many there are in all of them."""
    rows = {name: int(column.differs.sum()) for name, column in columns.items()}
    return next((name for name, count in rows.items() if count), ""), sum(rows.values())


def _usual(at: np.ndarray) -> np.datetime64:
    """Return the month in which most of the times lie."""
    found, counts = np.unique(_month(at), return_counts=True)
    return found[counts.argmax()]


def _days(columns: Mapping[str, _Seen], names: Sequence[str], order: str) -> np.ndarray:
    """Return the day of each record from the first column that has one."""
    at = np.full(max(map(len, (column.day for column in columns.values())), default=0), NOTHING)
    for name in names:
        if name in columns:
            at = np.where(np.isnat(at), columns[name].by(order), at)
    return at.astype("datetime64[D]")


def _refuse_unproven(filename: str, name: str, rows: int) -> NoReturn:
    msg = (
        f"Nothing in '{filename}' tells the day from the month in {rows} rows of column '{name}'; state the month in "
        "the file's name, or ask the site for dates such as 2024-03-05."
    )
    raise errors.IntakeError(msg)


def _refuse_two_orders(filename: str, shown: Mapping[str, str]) -> None:
    """Refuse a file whose columns differ in the order of day and month."""
    first = {order: name for name, order in reversed(shown.items())}
    if len(first) > 1:
        msg = (
            f"'{filename}' has the day first in column '{first['day']}' and the month first in column "
            f"'{first['month']}'; ask the site for one form, such as 2024-03-05."
        )
        raise errors.IntakeError(msg)


def _refuse_years(filename: str, held: Mapping[str, _Seen], order: str) -> None:
    """Refuse dates with the year in front that were read as if it stood last: they scatter over the years."""
    for name, column in held.items():
        at = column.by(order)[~column.sure]
        years, counts = np.unique(at[~np.isnat(at)].astype("datetime64[Y]"), return_counts=True)
        if len(years) > 2 and counts.max() * 2 < counts.sum():
            msg = (
                f"Column '{name}' of '{filename}' scatters over {len(years)} years; look where its dates have the "
                "year, and mend the formats of the layout or ask the site for dates such as 2024-03-05."
            )
            raise errors.IntakeError(msg)


def _refuse_far(filename: str, seen: Mapping[str, _Seen], order: str, pinned: str) -> None:
    """Refuse incidents of unproven order that come to lie nearer to the arrivals the other way round."""
    columns = {name: column for name, column in seen.items() if name in _INCIDENT}
    name, rows = _doubtful(columns)
    if not rows:
        return
    base = order or pinned or "day"
    arrival = _days(seen, _ARRIVAL, base)
    near = {}
    for each in _OTHER:
        before = arrival - _days(columns, _INCIDENT, each)
        doubt = np.any([column.differs for column in columns.values()], axis=0)
        near[each] = int((doubt & (before >= np.timedelta64(0, "D")) & (before <= _NEAR)).sum())
    even = near[base] == near[_OTHER[base]]
    if near[_OTHER[base]] > near[base] or (even and not order and (near[base] or not pinned)):
        msg = (
            f"Day and month of column '{name}' in '{filename}' are in doubt: of {rows} rows that fit both, "
            f"{near[_OTHER[base]]} lie in the 31 days up to the arrival with the {_OTHER[base]} first and {near[base]} "
            f"with the {base} first; ask the site for dates such as 2024-03-05."
        )
        raise errors.IntakeError(msg)


def _refuse_spreadsheet(filename: str, name: str, column: _Seen) -> None:
    """Refuse a column in which a spreadsheet of another country has made dates of what it could.

    Its mark: no plain date has a day above 12, and either texts were left over, each with a number above 12, in
    whose month the plain dates do not lie, or all arrivals are of one day in more than two months.
    """
    plain = column.day[column.sure]
    if name not in (*_ARRIVAL, *_INCIDENT) or not len(plain) or _day_number(plain).max() > 12:
        return
    left = column.only("day") | column.only("month")
    in_months = np.unique(_month(plain))
    folded = name in _ARRIVAL and len(in_months) > 2 and len(np.unique(_day_number(plain))) == 1
    if _parted(column, left) or (folded and len(np.unique(in_months.astype("datetime64[Y]"))) == 1):
        msg = (
            f"A spreadsheet seems to have swapped day and month in column '{name}' of '{filename}': none of "
            f"{len(plain)} plain dates is after the 12th of a month, beside {int(left.sum())} left as text as their "
            "first number is above 12; ask the site for the export as its system writes it, not opened and saved in a "
            "spreadsheet."
        )
        raise errors.IntakeError(msg)


def _parted(column: _Seen, left: np.ndarray) -> bool:
    """Tell whether texts are left over in whose month the plain dates do not lie."""
    if not left.any():
        return False
    month = _usual(np.where(np.isnat(column.day), column.month, column.day)[left])
    plain = column.day[column.sure]
    plain = plain[_day_number(plain) != _month(plain).astype("int64") % 12 + 1]
    return bool(2 * (_month(plain) == month).sum() < len(plain))


def _month(at: np.ndarray) -> np.ndarray:
    return at.astype("datetime64[M]")


def _day_number(at: np.ndarray) -> np.ndarray:
    return (at - _month(at)).astype("timedelta64[D]").astype("int64") + 1


def _chosen(cells: Cells, seen: Mapping[str, _Seen], order: str) -> Formats:
    """Return the known formats that read something, turned to the order, in their fixed order."""
    used: dict[str, set[int]] = {}
    for name, column in seen.items():
        used.setdefault(_COLUMNS[name], set()).update(column.used[order])
    for name in cells:
        if name.endswith("_time"):
            used.setdefault("time", set()).update(Texts(cells[name]).read(KNOWN["time"])[1].tolist())
    listed = {kind: [f for k, f in enumerate(KNOWN[kind]) if k in found] for kind, found in used.items()}
    return {kind: [_date_cells.turned(form, order) for form in forms] for kind, forms in listed.items() if forms}
