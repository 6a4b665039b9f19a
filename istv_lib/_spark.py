"""Trend lines whose coordinates are the released numbers themselves, so that a picture holds nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from istv_lib import months

SPAN = 36  # newest months drawn
_GAPS = ("[i]",)  # a month so marked has a count that too few hospitals supplied to be compared


@dataclass(frozen=True)
class Line:
    """One place's line: ``path`` and ``mark`` (its last drawn month) for SVG, and the same in words.

    ``newest`` is the figure of the newest month as tables show it, such as "45 [p]" or "[c]".
    """

    path: str
    mark: str
    words: str
    newest: str


@dataclass(frozen=True)
class Frame:
    """What lines to be compared share: first and last month ("YYYY-MM"), steps between them, and the largest value."""

    first: str
    last: str
    steps: int
    top: float
    lines: Mapping[str, Line]


def frame(pages: Iterable[Mapping[str, Any]]) -> Frame | None:
    """Return the lines of pages on one scale of months and one of counts; None where no page has a month.

    Parameters
    ----------
    pages : iterable of dict
        Entries of the hub with ``slug``, ``area_name`` and ``trend``: ``points`` are month, released value or None,
        and symbols. Nothing but these numbers is drawn.

    Notes
    -----
    A line has a gap where a value is withheld or missing or its month is marked ``[i]``. One step to the right is
    one month and one unit upwards is one attendance, so the path reads back as the released numbers. A small place's
    line is flat because its numbers are small: the height compares numbers of people treated, not danger.
    """
    told = {page["slug"]: page for page in pages if (page.get("trend") or {}).get("points")}
    held = sorted({month for page in told.values() for month, _, _ in page["trend"]["points"]})
    if not held:
        return None
    first = max(held[0], months.add(held[-1], 1 - SPAN))
    order = {month: step for step, month in enumerate(months.span(first, held[-1]))}
    drawn = {slug: _drawn(page["trend"]["points"], order) for slug, page in told.items()}
    top = max((value for points in drawn.values() for value in points.values()), default=0)
    lines = {slug: _line(page, drawn[slug], order) for slug, page in told.items()}
    return Frame(first, held[-1], max(len(order) - 1, 1), top or 1, lines)


def _drawn(points: Iterable[Any], order: Mapping[str, int]) -> dict[str, float]:
    return {
        month: value
        for month, value, symbol in points
        if month in order and value is not None and not any(gap in symbol for gap in _GAPS)
    }


def _line(page: Mapping[str, Any], drawn: Mapping[str, float], order: Mapping[str, int]) -> Line:
    path, before = "", None
    for month in sorted(drawn):
        at = f"{order[month]} {_upwards(drawn[month])}"
        lone = months.add(month, 1) not in drawn and before != months.add(month, -1)
        path += f"{'L' if before == months.add(month, -1) else 'M'}{at}{'h0' if lone else ''}"
        before = month
    _, value, symbol = max(page["trend"]["points"])
    return Line(
        path=path,
        mark=f"M{order[before]} {_upwards(drawn[before])}h0" if before else "",
        words=_words(page["area_name"], drawn, len(order)),
        newest=" ".join([*([f"{value:,.0f}"] if value is not None else []), *([symbol] if symbol else [])]),
    )


def _upwards(value: float) -> str:
    return f"{-value:.15g}" if value else "0"


def _words(name: str, drawn: Mapping[str, float], count: int) -> str:
    if not drawn:
        return f"{name}: no month can be drawn."
    first, last = min(drawn), max(drawn)
    gaps = count - len(drawn)
    missing = f" {gaps} of {count} months {'is' if gaps == 1 else 'are'} not drawn." if gaps else ""
    return (
        f"{name}, attendances per month: {drawn[first]:,.0f} in {months.label(first)}, "
        f"{drawn[last]:,.0f} in {months.label(last)}.{missing}"
    )
