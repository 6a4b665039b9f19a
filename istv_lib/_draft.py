"""Draft a hospital profile from one of its files, for a person to check: the verb ``istv profile``.

The draft names columns, formats and the file's own codes. It never shows a text: values are taken from the columns of
method, type of place, intent and sex only, and only short ones that stand in several rows and hold no personal data.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from istv_lib import _dates, _markup, _readers, _records, _shapes, _showable, errors, months

SHOWN = ("method", "location_type", "sex")
_HEADING_CHARACTERS = 60
_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
_DELIMITERS = (",", ";", "\t", "|")
_MARK_OF = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ENDING = r"(?:_v\d+)?(?: \(\d+\))?\.(?:csv|txt|tsv|xlsx|xls|xml)"
_NAMES = [months.label(f"2000-{number:02d}").split()[0].lower() for number in range(1, 13)]
_NAMED = "|".join([*_NAMES, "sept", *(name[:3] for name in _NAMES)])
_STATED = [  # where a file's name states year and month
    r"(?<!\d)(?P<year>20\d\d)[-_. ](?P<month>1[0-2]|0?[1-9])(?!\d)",
    r"(?<!\d)(?P<year>20\d\d)(?P<month>1[0-2]|0[1-9])(?!\d)",
    r"(?<!\d)(?P<month>1[0-2]|0?[1-9])[-_. ](?P<year>20\d\d)(?!\d)",
    r"(?<!\d)(?P<month>1[0-2]|0[1-9])(?P<year>20\d\d)(?!\d)",
    rf"(?<![a-z])(?P<month>{_NAMED})[-_. ']*(?P<year>(?:20)?\d\d)(?!\d)",
    rf"(?<!\d)(?P<year>20\d\d)[-_. ]*(?P<month>{_NAMED})(?![a-z])",
]
_NUMBERED = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ]\d{2,4}\b")


@dataclass(frozen=True)
class _File:
    """A file as it was read by the shape that fits best."""

    content: bytes
    name: str
    layout: Mapping[str, Any]
    sheet: _readers.Sheet
    cells: Mapping[str, list[Any]]
    total: str


@dataclass(frozen=True)
class _Calendar:
    """How dates are written (None when that cannot be told), what shows it, and the month of most arrivals."""

    formats: Mapping[str, list[str]] | None
    proof: str
    month: str


def draft(content: bytes, *, filename: str, site: str, aliases: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    """Draft the profile of a site from one of its files.

    Parameters
    ----------
    content : bytes
        The file.
    filename : str
        Its name; ``file_pattern`` is guessed from it.
    site : str
        Code of the site.
    aliases : mapping
        ``parameters/aliases.yml``.
    rules : mapping
        Thresholds, ``parameters/defaults.yml``: those that :func:`istv_lib._readers.read` needs.

    Returns
    -------
    str
        YAML: a whole profile, with comments. What a person must decide stands there as ``"?"``, which intake refuses.

    Raises
    ------
    errors.IntakeError
        When the file cannot be read, or no row of it has two known headings.

    Notes
    -----
    It can mislead: a heading says what a column should hold, not what it holds; a format is proven for this file
    only; a code that stands in one row is not shown and has to be asked for.
    """
    file = _read(content, filename, site, aliases, rules)
    calendar = _calendar(file)
    pattern, stated = _pattern(filename, calendar.month)
    first = calendar.month or stated
    name = f"{file.layout['shape']}_{(first or 'first').replace('-', '_')}"
    month_note = "" if first else "  # the month of the file is not known: from the first month on"
    lines = [
        f"# Draft made from {_text(filename)} by `istv profile`: check every line with the file at hand, choose a code",
        f'# for each "?", and save it as parameters/hospitals/{site}.yml.',
        f"site: {_text(site)}",
        'contact: ""  # role mailbox, for the list of sites to chase',
        "submission: {mode: replace_month}  # or append, when several files make up a month",
        "layouts:",
        f"  - {{from: {_text(first or '2000-01')}, layout: {_text(name)}}}{month_note}",
        "own_layouts:",
        f"  {_text(name)}:",
        *("    " + line for line in _layout(file, calendar, aliases, rules)),
        *([] if stated else ["# the name states no month that fits: it is taken from the file itself"]),
        f"file_pattern: {yaml.safe_dump(pattern, default_style=chr(39), allow_unicode=True, width=10_000).strip()}",
    ]
    return "\n".join(lines) + "\n"


def _text(value: Any) -> str:
    """Return a text as YAML in double quotes, on one line."""
    return yaml.safe_dump(str(value), default_style='"', allow_unicode=True, width=10_000).strip()


# ---- reading ---------------------------------------------------------------------------------------------


def _read(content: bytes, filename: str, site: str, aliases: Mapping[str, Any], rules: Mapping[str, Any]) -> _File:
    """Read the file by each shape and keep the one that knows most of its headings."""
    tried, refusal = [], None
    for _, layout in _shapes.candidates(filename, site, {}, {}, aliases, ""):
        try:
            tried.append((layout, _readers.read(content, filename, layout, rules)))
        except errors.IntakeError as error:
            refusal = refusal or error
    if not tried:
        raise refusal or AssertionError(filename)
    layout, sheet = tried[_shapes.best([sheet for _, sheet in tried])]
    if len(sheet.columns) < 2:
        msg = (
            f"No row of '{filename}' has two headings that parameters/aliases.yml knows; write its layout by hand as "
            "the top of parameters/layouts.yml says, or ask the site what it sent."
        )
        raise errors.IntakeError(msg)
    records, total = _records_and_total(sheet, _shapes.total_marks(layout))
    return _File(content, filename, layout, sheet, _records.columns(sheet, records, layout), total)


def _records_and_total(sheet: _readers.Sheet, marks: Sequence[str]) -> tuple[list[int], str]:
    """Return the rows of the records, and the word that opens a total row as the file writes it."""
    records, total = [], ""
    for number in range(sheet.header + 1, len(sheet.rows)):
        first = next((cell for cell in sheet.rows[number] if not _readers.is_blank(cell)), None)
        if first is None:
            continue
        text = _readers.as_text(first).strip()
        opening = next((mark for mark in marks if text.casefold().startswith(mark)), "")
        total = total or text[: len(opening)]
        if not opening:
            records.append(number)
    return records, total


# ---- dates and months ------------------------------------------------------------------------------------


def _calendar(file: _File) -> _Calendar:
    """Find the formats of the dates, or say why a person must."""
    dates = {name: column for name, column in file.cells.items() if name.partition("_")[0] in {"arrival", "incident"}}
    ends = {"period_date": _period(file.sheet)}
    refusal = ""
    for stated in dict.fromkeys([_pattern(file.name, "")[1], ""]):
        try:
            period = _dates.settle(file.name, ends, None, "")
            declared = _month_of(period, "period", ends)
            formats = _dates.settle(file.name, dates, None, stated or declared)
        except errors.IntakeError as error:
            refusal = refusal or str(error)
            continue
        month = _month_of(formats, "arrival", dates) or declared
        both = list(dict.fromkeys([*formats.get("date", []), *period.get("date", [])]))
        if formats and both:
            formats = {**formats, "date": both}
        return _Calendar(formats, _proof(dates) + _unreadable(formats, dates), month)
    return _Calendar(None, refusal, "")


def _unreadable(formats: Mapping[str, list[str]], dates: Mapping[str, list[Any]]) -> str:
    """Say how many times are written and could not be read, as words for "nothing written" in them cannot."""
    held = len(next(iter(dates.values()), []))
    rows = {part: int(_dates.times(part, dates, formats, held).unreadable.sum()) for part in ("arrival", "incident")}
    return "".join(f"; {count} of {part} could not be read" for part, count in rows.items() if count)


def _period(sheet: _readers.Sheet) -> list[Any]:
    """Return start and end of the reporting period that opens the file; empty when there is none."""
    for names, values in itertools.pairwise(sheet.rows[: sheet.header]):
        stated = dict(zip(map(_markup.letters, names), values, strict=False))
        if "reportingperiodstartdate" in stated:
            return [stated.get(f"reportingperiod{end}date") for end in ("start", "end")]
    return []


def _month_of(formats: Mapping[str, list[str]], part: str, cells: Mapping[str, list[Any]]) -> str:
    """Return the month in which most of the times lie; empty when none could be read."""
    at = _dates.times(part, cells, formats, len(next(iter(cells.values()), []))).at
    found, counts = np.unique(_dates.month_texts(at[~np.isnat(at)]), return_counts=True)
    return str(found[counts.argmax()]) if len(found) else ""


def _proof(dates: Mapping[str, list[Any]]) -> str:
    """Say in words what shows the order of day and month."""
    written = [column for name, column in dates.items() if not name.endswith("_time")]
    found = [
        [_NUMBERED.match(cell.strip()) for cell in row if isinstance(cell, str)] for row in zip(*written, strict=True)
    ]
    for place, order in enumerate(("day first", "month first"), 1):
        proving = sum(any(match and int(match[place]) > 12 for match in row) for row in found)
        if proving:
            return f"{order}, proven by {proving} rows"
    if any(any(row) for row in found):
        return "the order that puts the arrivals into the month the file states: ask the site"
    return "year first or month by name: no doubt about the order"


def _pattern(filename: str, month: str) -> tuple[str, str]:
    """Guess the pattern of the site's file names, and the month that this one states; a stated month must fit."""
    stem = re.sub(r"(?:_v\d+)?(?: \(\d+\))?(?:\.[A-Za-z]{2,4})?$", "", filename)
    for form in _STATED:
        for match in re.finditer(form, stem, re.IGNORECASE):
            stated = _month(match["year"], match["month"])
            if month in {"", stated}:
                return _generalised(stem, match) + _ENDING, stated
    return _loose(stem) + _ENDING, ""


def _month(year: str, month: str) -> str:
    numbers = [n for n, name in enumerate(_NAMES, 1) if name.startswith(month[:3].lower())]
    return f"20{year[-2:]}-{int(month) if month.isdigit() else numbers[0]:02d}"


def _generalised(stem: str, match: re.Match[str]) -> str:
    """Put named groups in place of year and month, and any digits in place of other numbers."""
    groups = {match.span("year"): rf"(?P<year>\d{{{len(match['year'])}}})"}
    digits = r"\d{2}" if len(match["month"]) == 2 else r"\d{1,2}"
    groups[match.span("month")] = rf"(?P<month>{digits if match['month'].isdigit() else '[A-Za-z]+'})"
    out, at = "", 0
    for (start, end), group in sorted(groups.items()):
        out += _loose(stem[at:start]) + group
        at = end
    return out + _loose(stem[at:])


def _loose(text: str) -> str:
    """Escape a text for a pattern; a number that stands by itself may be any number."""
    parts = re.split(r"(?<![A-Za-z0-9])(\d+)(?![A-Za-z0-9])", text)
    return "".join(r"\d+" if k % 2 else re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", part) for k, part in enumerate(parts))


# ---- the layout ------------------------------------------------------------------------------------------


def _layout(file: _File, calendar: _Calendar, aliases: Mapping[str, Any], rules: Mapping[str, Any]) -> list[str]:
    header = file.sheet.rows[file.sheet.header]
    lines = [f"shape: {file.layout['shape']}", f"carrier: {file.sheet.carrier}", *_carried(file, rules), "columns:"]
    for name, place in sorted(file.sheet.columns.items(), key=lambda found: found[1]):
        note = "  # read as universal time: ask the site" if name.endswith("_utc") else ""
        lines.append(f"  {name}: {_text(_heading(header[place]))}{note}")
    lines += _not_read(header, file.sheet.columns.values())
    lines += [f'#   {lack}: "?"  # none found, and one is needed' for lack in _shapes.lacking(file.cells, file.layout)]
    lines += _formats(file, calendar)
    lines.append(f"null_tokens: [{', '.join(map(_text, _tokens(file, aliases)))}]")
    if "intent" in file.cells:
        lines += _intents(file)
    for column in SHOWN:
        if column in file.cells:
            lines += _codes(file, column, aliases)
    hidden = [name for name in ("age_band", "ethnic_group", "alcohol") if name in file.cells]
    lines += [f"# values of {name} are not shown: write {_shapes.LISTS[name][0]} with the site" for name in hidden]
    return [*lines, *([f"total_row: {_text(file.total)}"] if file.total else [])]


def _carried(file: _File, rules: Mapping[str, Any]) -> list[str]:
    """Return encoding and delimiter, or sheet: those that read the very same rows when they are stated."""
    if file.sheet.carrier != "csv":
        plain = file.sheet.name and not _showable.personal([file.sheet.name])[0]
        return [f"sheet: {_text(file.sheet.name)}"] if plain else []
    marked = [encoding for mark, encoding in _MARK_OF.items() if file.content.startswith(mark)]
    plain = ["cp1252"] if file.content.isascii() else []  # intake tries UTF-8 before it
    for encoding in marked or [*plain, *_ENCODINGS]:
        for delimiter in _DELIMITERS:
            stated = {**file.layout, "carrier": "csv", "encoding": encoding, "delimiter": delimiter}
            try:
                again = _readers.read(file.content, file.name, stated, rules)
            except errors.IntakeError:
                continue
            if (again.rows, again.columns) == (file.sheet.rows, file.sheet.columns):
                return [f"encoding: {encoding}", f"delimiter: {_text(delimiter)}"]
    return ["# encoding and delimiter are detected in each file"]


def _heading(cell: Any) -> str:
    return " ".join(_readers.as_text(cell).split())


def _not_read(header: Sequence[Any], read: Any) -> list[str]:
    """List the headings that are not read; a row that holds numbers or dates may be a record and is not shown."""
    left = [cell for place, cell in enumerate(header) if place not in set(read) and not _readers.is_blank(cell)]
    odd = [
        not isinstance(cell, str) or bool(re.search(r"\d{3}", cell)) or len(cell) > _HEADING_CHARACTERS for cell in left
    ]
    if not left:
        return []
    if any(odd) or any(_showable.personal([str(cell) for cell in left])):
        return [f"# not read: {len(left)} further columns, not shown because this row may not be the header"]
    return [f"# not read: {_text(_heading(cell))}" for cell in left]


def _formats(file: _File, calendar: _Calendar) -> list[str]:
    if calendar.formats:
        told = [f"{kind}: [{', '.join(map(_text, forms))}]" for kind, forms in calendar.formats.items() if forms]
        return [f"formats: {{{', '.join(told)}}}  # {calendar.proof}"]
    if calendar.formats is not None:
        return ["# no date is written as text: formats are found in each file while none is stated here"]
    kind, clock = ("date", "") if "arrival_date" in file.cells else ("datetime", " %H:%M")
    choice = f'"%d/%m/%Y{clock}" when the day stands first, "%m/%d/%Y{clock}" when the month does'
    return [f"# {' '.join(calendar.proof.split())}", f"# Then write {choice}.", f'formats: {{{kind}: ["?"]}}']


def _tokens(file: _File, aliases: Mapping[str, Any]) -> list[str]:
    """Return the tokens for "nothing written" that stand in a column that is read, in the order of aliases.yml."""
    rows, places = file.sheet.rows[file.sheet.header + 1 :], set(file.sheet.columns.values())
    seen = {str(row[k]).strip().casefold() for row in rows for k in places if k < len(row)}
    return [token for token in aliases["null_tokens"] if token.casefold() in seen]


# ---- values ----------------------------------------------------------------------------------------------


def _codes(file: _File, column: str, aliases: Mapping[str, Any]) -> list[str]:
    """Return the map of a coded column: known words filled in, other values to be decided by a person."""
    key = _shapes.LISTS[column][0]
    shown, withheld = _showable.values(file.cells[column])
    known = _shapes.words(column, aliases)
    lines = [f"  {_text(value)}: {_text(known.get(value.casefold(), '?'))}" for value in shown]
    return [f"{key}:" if lines else f"{key}: {{}}", *lines, *_withheld(withheld)]


def _intents(file: _File) -> list[str]:
    """Return the values of the intent column that mean assault; the others as comments, for a person to admit."""
    shown, withheld = _showable.values(file.cells["intent"])
    words = {word.casefold() for word in file.layout["assault"]}
    assault = [_text(value) for value in shown if value.casefold() in words]
    other = [_text(value) for value in shown if value.casefold() not in words]
    known = assault or (['"?"'] if other else [])
    lines = [f"assault: [{', '.join(known)}]  # rows with another intent are set aside"]
    lines += [f"# also in the intent column, add it above if it means assault: {value}" for value in other]
    return lines + _withheld(withheld)


def _withheld(count: int) -> list[str]:
    return [f"# {count} further value{'s' * (count > 1)} not shown"] if count else []
