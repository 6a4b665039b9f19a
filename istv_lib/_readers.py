"""Bytes of a submission to rows of cells: carrier, encoding, sheet and header.

A helper of :mod:`istv_lib.intake`. Nothing is guessed that a layout can say: a byte-order mark wins, then the
layout's encoding; a workbook's sheet is the one whose header fits best. No message holds a cell of a record.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import python_calamine

from istv_lib import errors

Row = list[Any]
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_WORKBOOK_MEMBERS_MOST = 400  # an ordinary workbook has about ten


@dataclass(frozen=True)
class Sheet:
    """Rows of one table and where its header is.

    Attributes
    ----------
    rows : list of list
        All physical rows from the first, cells as text or, in a workbook, as typed values.
    header : int
        Index of the header row; -1 when no row looks like one.
    columns : dict
        Canonical name to column index, of the columns that were found.
    """

    rows: list[Row]
    header: int
    columns: dict[str, int]


def carrier_of(content: bytes, filename: str, rules: Mapping[str, Any]) -> str:
    """Return ``csv`` or ``xlsx`` by the first bytes, and refuse what can be neither."""
    if not content.strip():
        raise errors.IntakeError(f"'{filename}' is empty; ask the site to send it again.")
    most = rules["file_megabytes_most"]
    if len(content) > most * 1e6:
        msg = f"'{filename}' is larger than {most} MB, too large for one month; ask the site what it sent."
        raise errors.IntakeError(msg)
    if content.startswith(_OLD_EXCEL):
        msg = f"'{filename}' is an old or locked workbook; ask the site to save it as .xlsx without a password."
        raise errors.IntakeError(msg)
    return "xlsx" if content.startswith(_ZIP) else "csv"


def read(content: bytes, filename: str, layout: Mapping[str, Any], rules: Mapping[str, Any]) -> Sheet:
    """Read a submission by one layout.

    Raises
    ------
    errors.IntakeError
        For bytes that are not what the layout says: the wrong carrier, undecodable, unreadable, too large.
    """
    carrier = carrier_of(content, filename, rules)
    if carrier != layout["carrier"]:
        said = {"csv": "a text file", "xlsx": "a workbook"}
        expected = said[layout["carrier"]]
        msg = f"'{filename}' is {said[carrier]} but its layout expects {expected}; mend the site's profile."
        raise errors.IntakeError(msg)
    if carrier == "xlsx":
        tables = _workbook(content, filename, rules)
    else:
        tables = [_delimited(_decoded(content, filename, layout), filename, layout, rules)]
    sheets = [_with_header(rows, layout, rules["header_rows_searched"]) for rows in tables]
    return max(sheets, key=lambda sheet: len(sheet.columns))


def headers_found(sheet: Sheet) -> list[str]:
    """Return the names in the header row."""
    return [str(cell).strip() for cell in sheet.rows[sheet.header] if not is_blank(cell)]


def is_blank(cell: Any) -> bool:
    """Whether a cell holds nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def spelled(header: Any) -> str:
    """Return a header in one spelling: case, spaces and punctuation do not count."""
    return " ".join(re.sub(r"[\W_]+", " ", str(header).casefold()).split())


# ---- text files ------------------------------------------------------------------------------------------


def _decoded(content: bytes, filename: str, layout: Mapping[str, Any]) -> str:
    """Decode by the byte-order mark, else by the layout; UTF-8 is tried before a one-byte encoding."""
    marked = [encoding for mark, encoding in _MARKS if content.startswith(mark)]
    stated = "utf-16-le" if layout["encoding"] == "utf-16" else layout["encoding"]
    tries = marked or (["utf-8", stated] if stated == "cp1252" else [stated])
    for encoding in tries:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    msg = f"'{filename}' cannot be read as {tries[-1]} text; ask the site to export it again, or mend its layout."
    raise errors.IntakeError(msg)


def _delimited(text: str, filename: str, layout: Mapping[str, Any], rules: Mapping[str, Any]) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout["delimiter"])
    rows: list[Row] = []
    most = rules["cell_characters_most"]
    open_quote = text.count('"') % 2 == 1
    try:
        for row in reader:
            rows.append(row)
            if any(len(cell) > most or (open_quote and "\n" in cell) for cell in row):
                break
        else:
            return rows
    except csv.Error:
        rows.append([])
    msg = (
        f"Row {len(rows)} of '{filename}' has a quotation mark that is left open or a cell of more than "
        f"{most} characters; ask the site to export the file again."
    )
    raise errors.IntakeError(msg)


# ---- workbooks -------------------------------------------------------------------------------------------


def _workbook(content: bytes, filename: str, rules: Mapping[str, Any]) -> list[list[Row]]:
    _refuse_bomb(content, filename, rules)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        pages = [book.get_sheet_by_name(name) for name in book.sheet_names]
        return [_page(page.to_python(skip_empty_area=False)) for page in pages]
    except (python_calamine.CalamineError, ValueError, OSError, RuntimeError):
        msg = f"'{filename}' is a workbook that cannot be opened; ask the site to save it again as .xlsx."
        raise errors.IntakeError(msg) from None


def _page(rows: list[Row]) -> list[Row]:
    """Whole numbers lose their ``.0``, whole days become times at midnight."""
    return [[_plain(cell) for cell in row] for row in rows]


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - wall-clock time
    if isinstance(cell, dt.datetime | dt.time | dt.timedelta):
        return cell
    return str(cell)


def _refuse_bomb(content: bytes, filename: str, rules: Mapping[str, Any]) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        msg = f"'{filename}' is a damaged workbook; ask the site to send it again."
        raise errors.IntakeError(msg) from None
    unpacked = sum(member.file_size for member in members)
    packed = max(sum(member.compress_size for member in members), 1)
    too_large = unpacked > rules["file_megabytes_most"] * 1e6
    if too_large or unpacked / packed > rules["workbook_ratio_most"] or len(members) > _WORKBOOK_MEMBERS_MOST:
        msg = f"'{filename}' unpacks to far more than a month's workbook; do not open it, ask the site what it sent."
        raise errors.IntakeError(msg)


# ---- header ----------------------------------------------------------------------------------------------


def _with_header(rows: list[Row], layout: Mapping[str, Any], searched: int) -> Sheet:
    """Find the row that holds most of the layout's headers."""
    wanted = {
        spelled(header): name
        for name, headers in layout["columns"].items()
        for header in ([headers] if isinstance(headers, str) else headers)
    }
    best = Sheet(rows, -1, {})
    for number, row in enumerate(rows[:searched]):
        found: dict[str, int] = {}
        for place, cell in enumerate(row):
            name = wanted.get(spelled(cell)) if isinstance(cell, str) else None
            if name:
                found.setdefault(name, place)
        if len(found) > len(best.columns):
            best = Sheet(rows, number, found)
    return best
