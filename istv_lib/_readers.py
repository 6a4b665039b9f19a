"""Bytes of a submission to rows of cells: carrier, encoding, sheet and header.

A helper of :mod:`istv_lib.intake`. What a layout says is not guessed: a byte-order mark wins, then the layout's
encoding; a workbook's sheet is the one whose header fits best. A file that could harm the computer, or whose
rows would not all arrive, is refused. No message holds a cell of a record.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from istv_lib import _markup, _old_workbooks, _workbooks, errors

Row = list[Any]
_ZIP, _COMPOUND = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WEB = re.compile(rb"<(html|!doctype html|head|body|table|meta|style|div)\b|mime-version:")
_CARRIERS = {"csv": "a text file", "xlsx": "a workbook", "xls": "an old workbook", "xml": "an XML file"}
_DELIMITERS = (",", ";", "\t", "|")
_OPENING = 400  # bytes that tell XML from a web page, and the order of bytes


@dataclass(frozen=True)
class Sheet:
    """Rows of one table and where its header is.

    Attributes
    ----------
    rows : list of list
        All physical rows from the first. Cells are text; in a workbook they are typed: text, number, truth
        value, ``datetime``, ``time`` or ``timedelta``; None where nothing is written.
    header : int
        Index of the header row; -1 when no row looks like one.
    columns : dict
        Canonical name to column index, of the columns that were found.
    carrier : str
        ``csv`` (any delimited text), ``xlsx``, ``xls`` or ``xml``.
    name : str
        Name of the sheet of a workbook.
    formulas : frozenset of (int, int)
        Row and column index of the cells that hold a formula; the cell has its last stored result.
    merged : frozenset of (int, int)
        Row and column index of the cells that were filled from a merged cell above.
    """

    rows: list[Row]
    header: int
    columns: dict[str, int]
    carrier: str
    name: str = ""
    formulas: frozenset[tuple[int, int]] = frozenset()
    merged: frozenset[tuple[int, int]] = frozenset()


def carrier_of(content: bytes, filename: str, rules: Mapping[str, Any]) -> str:
    """Return ``csv``, ``xlsx``, ``xls`` or ``xml`` by the first bytes.

    Raises
    ------
    errors.IntakeError
        For an empty or too large file, and for a web page under the name of a workbook.
    """
    if not content.strip():
        raise errors.IntakeError(f"'{filename}' is empty; ask the site to send it again.")
    most = rules["file_megabytes_most"]
    if len(content) > most * 1e6:
        msg = f"'{filename}' is larger than {most} MB, too large for one month; ask the site what it sent."
        raise errors.IntakeError(msg)
    if content.startswith(_ZIP):
        return "xlsx"
    if content.startswith(_COMPOUND):
        return "xls"
    opening = content[:_OPENING].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if _WEB.match(opening):
        msg = f"'{filename}' is a web page saved as a workbook; ask the site to save it as .xlsx or .csv."
        raise errors.IntakeError(msg)
    return "xml" if opening.startswith(b"<") else "csv"


def read(content: bytes, filename: str, layout: Mapping[str, Any], rules: Mapping[str, Any]) -> Sheet:
    """Read a submission by one layout.

    Parameters
    ----------
    content, filename : bytes, str
        The file and its name.
    layout : mapping
        One entry of ``parameters/layouts.yml``. What it leaves out of ``carrier``, ``encoding``, ``delimiter``
        and ``sheet`` is found in the file. ``columns`` and ``optional`` say what the header is.
    rules : mapping
        Thresholds: see :func:`istv_lib._workbooks.safe_copy` and :func:`istv_lib._markup.rows`; also
        ``header_rows_searched`` and ``cell_characters_most``.

    Returns
    -------
    Sheet
        In XML the header is row 2, after the names and values of the reporting period. In a workbook a merged
        cell below the header fills the cells under it, in rows that hold something of their own.

    Raises
    ------
    errors.IntakeError
        For bytes that are not what the layout says: the wrong carrier, undecodable, unreadable, too large; for
        a workbook that could do harm, or has two sheets that could both be the month.
    """
    carrier = carrier_of(content, filename, rules)
    expected = layout.get("carrier", carrier)
    if carrier != expected and {carrier, expected} != {"xlsx", "xls"}:
        msg = (
            f"'{filename}' is {_CARRIERS[carrier]} but its layout expects {_CARRIERS.get(expected, expected)}; "
            "mend the site's profile."
        )
        raise errors.IntakeError(msg)
    if carrier == "csv":
        return _with_header(_delimited(content, filename, layout, rules), layout, rules, carrier)
    if carrier == "xml":
        return _of_markup(content, filename, layout, rules)
    wanted = str(layout.get("sheet") or "")
    copy = _old_workbooks.safe_copy if carrier == "xls" else _workbooks.safe_copy
    try:
        pages = _workbooks.pages(*copy(content, wanted, rules))
        sheets = [_with_header(page.rows, layout, rules, carrier) for page in pages]
        page, sheet = _chosen(pages, sheets, layout)
        return _filled(page, sheet, rules)
    except _workbooks.RefusedError as refusal:
        msg = f"'{filename}' {refusal}."
        raise errors.IntakeError(msg) from None


def headers_found(sheet: Sheet) -> list[str]:
    """Return the names in the header row."""
    return [str(cell).strip() for cell in sheet.rows[sheet.header] if not is_blank(cell)]


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def spelled(header: Any) -> str:
    """Return a header in one spelling: case, spaces and punctuation do not count."""
    return " ".join(re.sub(r"[\W_]+", " ", str(header).casefold()).split())


def as_text(cell: Any) -> str:
    """Return a cell as text: nothing as "", whole numbers without ``.0``, times as ISO 8601, TRUE and FALSE."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, dt.timedelta):
        minutes, seconds = divmod(int(cell.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return str(cell)


# ---- text files ------------------------------------------------------------------------------------------


def _delimited(content: bytes, filename: str, layout: Mapping[str, Any], rules: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a text file; a line break inside quotation marks starts no new row."""
    text = _decoded(content, filename, layout)
    most = rules["rows_most"]
    if max(text.count("\n"), text.count("\r")) > most:
        msg = f"'{filename}' has more than {most} rows, too many for one month; ask the site what it sent."
        raise errors.IntakeError(msg)
    lines = list(io.StringIO(text, newline=""))
    delimiter = layout.get("delimiter") or _delimiter(lines, layout, rules)
    rows: list[Row] = []
    try:
        for row in _records(lines, delimiter, rules):
            rows.append(row)  # noqa: PERF402 - what was read before an error gives its row number
    except _TooWideError:
        msg = (
            f"Row {len(rows) + 1} of '{filename}' has more than {rules['columns_most']} columns, or the rows to here "
            f"more than {rules['sheet_cells_most']} cells; ask the site what it sent."
        )
        raise errors.IntakeError(msg) from None
    except csv.Error:
        msg = (
            f"Row {len(rows) + 1} of '{filename}' has a quotation mark that is left open or a cell of more than "
            f"{rules['cell_characters_most']} characters; ask the site to export the file again."
        )
        raise errors.IntakeError(msg) from None
    return rows


def _decoded(content: bytes, filename: str, layout: Mapping[str, Any]) -> str:
    """Decode by the byte-order mark, else by the layout; UTF-8 is tried before a one-byte encoding.

    A byte-order mark that was read as three letters and saved again would hide the first heading: it is dropped.
    """
    marked = [encoding for mark, encoding in _MARKS if content.startswith(mark)]
    stated = layout.get("encoding") or "cp1252"
    even, odd = content[:_OPENING:2].count(0), content[1:_OPENING:2].count(0)
    if stated == "utf-16" or (not layout.get("encoding") and 4 * max(even, odd) > min(len(content), _OPENING)):
        stated = "utf-16-be" if even > odd else "utf-16-le"
    tries = marked or (["utf-8", stated] if stated == "cp1252" else [stated])
    for encoding in tries:
        try:
            text = content.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" in text:
            break
        return text.removeprefix("\ufeff").removeprefix("ï»¿").rstrip("\x1a")
    msg = f"'{filename}' cannot be read as {tries[-1]} text; ask the site to export it again, or mend its layout."
    raise errors.IntakeError(msg)


class _TooWideError(Exception):
    """A row, or all rows together, hold more cells than a month's table."""


def _records(lines: Sequence[str], delimiter: str, rules: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows; a row over several lines must be quoted without fault, or rows have run together.

    An empty line is put after the last one: a quotation mark that is left open there would take it in.
    """
    cell_most, left = rules["cell_characters_most"], rules["sheet_cells_most"]
    long_lines = any(len(line) > cell_most for line in lines)
    reader = csv.reader(_narrow([*lines, "\n"], delimiter, rules["columns_most"]), delimiter=delimiter)
    before = 0
    for row in reader:
        if before == len(lines):
            return
        left -= len(row)
        if len(row) > rules["columns_most"] or left < 0:
            raise _TooWideError
        several = reader.line_num - before > 1
        if several:
            next(csv.reader(lines[before : reader.line_num], delimiter=delimiter, strict=True))
        if (several or long_lines) and any(len(cell) > cell_most for cell in row):
            raise csv.Error
        before = reader.line_num
        yield row


def _narrow(lines: Sequence[str], delimiter: str, most: int) -> Iterator[str]:
    """Pass on the lines, but none whose row would have too many cells."""
    for line in lines:
        if line.count(delimiter) >= most and sum(p.count(delimiter) for p in line.split('"')[::2]) >= most:
            raise _TooWideError
        yield line


def _delimiter(lines: Sequence[str], layout: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    """Return what Excel's first line says, else the delimiter with which the header fits best."""
    said = re.fullmatch(r'"?sep=(.)"?\s*', lines[0], re.IGNORECASE) if lines else None
    return said[1] if said else max(_DELIMITERS, key=lambda mark: _fit(lines, mark, layout, rules))


def _fit(lines: Sequence[str], delimiter: str, layout: Mapping[str, Any], rules: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many columns the header search finds, and how many rows have the usual number of cells."""
    searched = rules["header_rows_searched"]
    rows: list[Row] = []
    try:
        for row in itertools.islice(_records(lines[: searched * 2], delimiter, rules), searched):
            rows.append(row)  # noqa: PERF402 - what can be read before an error counts
    except (csv.Error, _TooWideError):
        pass
    usual = Counter(len(row) for row in rows if len(row) > 1).most_common(1)
    return len(_with_header(rows, layout, rules, "csv").columns), usual[0][1] if usual else 0


# ---- workbooks and XML -----------------------------------------------------------------------------------


def _chosen(
    pages: Sequence[_workbooks.Page], sheets: Sequence[Sheet], layout: Mapping[str, Any]
) -> tuple[_workbooks.Page, Sheet]:
    """Return the sheet that the layout names, else the one whose header fits best."""
    fits = [k for k, sheet in enumerate(sheets) if _has_all(sheet, layout)]
    named = [k for k in fits if _workbooks.is_named(pages[k].name, str(layout.get("sheet") or ""))]
    filled = [k for k in fits if _has_records(sheets[k])]
    if not sheets:
        msg = "has no visible sheet with a table; ask the site what it sent"
        raise _workbooks.RefusedError(msg)
    if not named and len(filled) > 1:
        first, second = (pages[k].name for k in filled[:2])
        msg = (
            f"has two sheets that could both be the month, '{first}' and '{second}'; ask the site which one counts, "
            "and name it as 'sheet' in the layout"
        )
        raise _workbooks.RefusedError(msg)
    best = max(range(len(sheets)), key=lambda k: (k in named, len(sheets[k].columns), k in filled))
    return pages[best], sheets[best]


def _has_all(sheet: Sheet, layout: Mapping[str, Any]) -> bool:
    """Whether a sheet has the columns that the layout requires: single ones, or one of each group."""
    single = set(layout.get("columns", {})) - set(layout.get("optional", []))
    groups = [{name} for name in single] + [set(group) for group in layout.get("required", [])]
    return bool(groups) and all(group & sheet.columns.keys() for group in groups)


def _has_records(sheet: Sheet) -> bool:
    return any(not is_blank(cell) for row in sheet.rows[sheet.header + 1 :] for cell in row)


def _filled(page: _workbooks.Page, sheet: Sheet, rules: Mapping[str, Any]) -> Sheet:
    """Carry the value of a merged cell down, in its first column, to the rows that hold something of their own."""
    spans = [
        (top, min(bottom, len(page.rows) - 1), column)
        for (top, column), (bottom, _) in page.merged
        if sheet.header < top < bottom and top < len(page.rows) and column < len(page.rows[top])
    ]
    if sum(bottom - top for top, bottom, _ in spans) > rules["sheet_cells_most"]:
        raise _workbooks.RefusedError(_workbooks.BOMB)
    under = {row for top, bottom, _ in spans for row in range(top + 1, bottom + 1)}
    own = {row for row in under if not all(map(is_blank, page.rows[row]))}
    merged = set()
    for top, bottom, column in spans:
        value = page.rows[top][column]
        for row in range(top + 1, bottom + 1) if not is_blank(value) else ():
            if row in own and is_blank(page.rows[row][column]):
                page.rows[row][column] = value
                merged.add((row, column))
    return Sheet(page.rows, sheet.header, sheet.columns, sheet.carrier, page.name, page.formulas, frozenset(merged))


# ---- header ----------------------------------------------------------------------------------------------


def _headings(layout: Mapping[str, Any]) -> dict[str, str]:
    """Return canonical columns by their headings; headings are compared by their letters and digits only."""
    return {
        _markup.letters(heading): name
        for name, headings in layout.get("columns", {}).items()
        for heading in ([headings] if isinstance(headings, str) else headings)
    }


def _columns(row: Row, wanted: Mapping[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(row):
        name = wanted.get(_markup.letters(cell)) if isinstance(cell, str) else None
        if name:
            found.setdefault(name, place)
    return found


def _with_header(rows: list[Row], layout: Mapping[str, Any], rules: Mapping[str, Any], carrier: str) -> Sheet:
    """Find the row that holds most of the layout's headers."""
    wanted = _headings(layout)
    searched = [_columns(row, wanted) for row in rows[: rules["header_rows_searched"]]]
    best = max(range(len(searched)), key=lambda number: len(searched[number]), default=-1)
    if best < 0 or not searched[best]:
        return Sheet(rows, -1, {}, carrier)
    return Sheet(rows, best, searched[best], carrier)


def _of_markup(content: bytes, filename: str, layout: Mapping[str, Any], rules: Mapping[str, Any]) -> Sheet:
    spellings = layout.get("columns", {}).values() if layout.get("shape") == "isb1594" else ()
    first = [headings if isinstance(headings, str) else headings[0] for headings in spellings]
    wanted = _headings(layout)
    rows = _markup.rows(content, filename, wanted.keys(), first, rules)
    if len(rows) > rules["rows_most"] or max(map(len, rows[: _markup.HEADER + 1])) > rules["columns_most"]:
        msg = f"'{filename}' has more records or kinds of elements than a month's file; ask the site what it sent."
        raise errors.IntakeError(msg)
    columns = _columns(rows[_markup.HEADER], wanted)
    return Sheet(rows, _markup.HEADER if columns else -1, columns, "xml")
