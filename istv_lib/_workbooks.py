"""Workbooks to pages of typed cells, after everything that could do harm has been refused.

A helper of :mod:`istv_lib._readers`. A workbook is a zip archive of XML parts. Its list of contents is judged
before anything is unpacked, each part is unpacked with a cap at its declared size, and the sheets are looked
through before the reader sees them, because the reader builds a full rectangle of cells: one cell in the last
row and column would exhaust the computer. The reader gets a new archive of the parts that were looked through.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import operator
import posixpath
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import defusedxml.ElementTree
import python_calamine

Row = list[Any]
Places = frozenset[tuple[int, int]]

BOMB = "unpacks to far more than a month's workbook; do not open it, ask the site what it sent"
DAMAGED = "is a damaged workbook; ask the site to send it again"
LINKED = "is linked to other workbooks; ask the site to send values without links"
LOCKED = "is locked with a password; ask the site to send it without one"
MACROS = "holds macros; ask the site to save it as .xlsx without them"
NESTED = "holds another file inside; ask the site to send the table alone"
_LIES = "holds parts that are not what its list of contents says; do not open it, ask the site what it sent"
_DECLARES = "declares a document type or entities, as no month's file does; do not open it, ask the site what it sent"
_NO_BOOK = "is an archive but not an .xlsx workbook; ask the site what it sent"
_UNREADABLE = "is a workbook that cannot be opened; ask the site to save it again as .xlsx"

_BOOK, _LINKS, _STRINGS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"
_ALWAYS_READ = (_BOOK, _LINKS, _STRINGS, "xl/styles.xml", "[Content_Types].xml")
_OPENING = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="book" Type='
    b'"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
    b"</Relationships>"
)
_MARKUP, _MARKUP_WITHIN = (".xml", ".rels", ".vml"), 99  # endings of XML parts; bytes in which one starts
_FILES_INSIDE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_FORBIDDEN = (
    (r"vbaproject.*\.bin$|^xl/macrosheets/", MACROS),
    (r"^xl/externallinks/", LINKED),
    (r"^xl/embeddings/|\.(zip|xls[xmb]?|doc[xm]?|ppt[xm]?|7z|rar|gz|exe)$", NESTED),
)

# A plain sheet writes each cell as <c r="B7" ...>; what is written otherwise is walked through cell by cell.
_PLAIN_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
_PLAIN_FORMULA = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"[^<>]*>\s*<f[\s/>]')
_CELL, _FORMULA, _PREFIXED = (re.compile(start + rb"[\s/>]") for start in (b"<c", b"<f", b":[cf]"))
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


class RefusedError(Exception):
    """Why a workbook is refused, in words that follow the name of the file."""


@dataclass(frozen=True)
class Page:
    """One sheet: its name, all its rows from the first, where formulas stand, and the merged ranges.

    A merged range is ``((first row, first column), (last row, last column))``; all indexes start at 0.
    """

    name: str
    rows: list[Row]
    formulas: Places = frozenset()
    merged: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = ()


def pages(safe: bytes, formulas: Mapping[str, Places]) -> list[Page]:
    """Read the sheets of a workbook that has been looked through.

    Parameters
    ----------
    safe : bytes
        What a ``safe_copy`` returned.
    formulas : mapping
        The formula cells of each sheet to read, by its name.

    Raises
    ------
    RefusedError
        When the reader cannot open it.

    Notes
    -----
    Of a formula its last stored result is taken; an error value such as #REF! counts as an empty cell.
    """
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(safe))
        sheets = [book.get_sheet_by_name(name) for name in formulas]
        grids = [sheet.to_python(skip_empty_area=False) for sheet in sheets]
        merged = [tuple(sheet.merged_cell_ranges or ()) for sheet in sheets]
    except BaseException as error:
        # A fault inside the reader arrives as PanicException, which is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise RefusedError(_UNREADABLE) from None
    return [
        Page(name, [_typed(row) for row in grid], formulas[name], ranges)
        for name, grid, ranges in zip(formulas, grids, merged, strict=True)
    ]


def _typed(row: Row) -> Row:
    """Make empty cells None, and whole days times at midnight."""
    return [
        cell or None if (kind := cell.__class__) is str else _day(cell) if kind is dt.date else cell for cell in row
    ]


def _day(cell: dt.date) -> dt.datetime:
    return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - wall-clock time


def is_named(name: str, wanted: str) -> bool:
    """Whether a sheet has the wanted name; case and outer spaces do not count."""
    return bool(wanted) and name.strip().casefold() == wanted.strip().casefold()


def refuse_far(rows: list[int], columns: Collection[int], rules: Mapping[str, Any]) -> None:
    """Refuse cells too far out for a table of one month; rows and columns are counted from 1."""
    last, right = max(rows, default=1), max(columns, default=1)
    if last > rules["rows_most"] or right > rules["columns_most"] or last * right > rules["sheet_cells_most"]:
        msg = (
            f"has cells as far as row {last} and column {right}, beyond any month's table; ask the site to delete "
            "what lies outside the table"
        )
        raise RefusedError(msg)


# ---- the archive -----------------------------------------------------------------------------------------


def safe_copy(content: bytes, wanted: str, rules: Mapping[str, Any]) -> tuple[bytes, dict[str, Places]]:
    """Return a workbook of the parts that are read, and the formula cells of each sheet to read.

    Parameters
    ----------
    content : bytes
        The file.
    wanted : str
        Name of a sheet that is read even when it is hidden; may be empty.
    rules : mapping
        Thresholds: ``file_megabytes_most``, ``workbook_ratio_most``, ``workbook_members_most``, ``rows_most``,
        ``columns_most``, ``sheet_cells_most``, ``workbook_text_megabytes_most``.

    Raises
    ------
    RefusedError
        For a workbook that is damaged, locked, too large, or holds what a month's table never needs.
    """
    members = _listed(content, rules)
    parts = {_spelled(member): _unpacked(content, member) for member in members}
    for name, part in parts.items():
        _refuse_inside(name, part)
    longest = _longest_text(parts.get(_STRINGS.lower(), b""))
    formulas, read = {}, {name: parts[name.lower()] for name in _ALWAYS_READ if name.lower() in parts}
    read["_rels/.rels"] = _OPENING
    for name, path in _sheets(parts, wanted):
        part = parts.get(posixpath.normpath(path).lower())
        if part is None:
            raise RefusedError(DAMAGED)
        read[path] = part
        formulas[name] = _surveyed(read[path], longest, rules)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in read.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    return out.getvalue(), formulas


def _spelled(member: zipfile.ZipInfo) -> str:
    return member.filename.replace("\\", "/").lstrip("/").lower()


def _listed(content: bytes, rules: Mapping[str, Any]) -> list[zipfile.ZipInfo]:
    """Judge the list of contents; nothing is unpacked."""
    if content.count(b"PK\x01\x02") > rules["workbook_members_most"]:
        raise RefusedError(BOMB)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members, end = archive.infolist(), archive.start_dir
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise RefusedError(DAMAGED) from None
    names = [_spelled(member) for member in members]
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    parts = [(m.file_size, m.compress_size) for m in members if not _spelled(m).startswith("xl/media/")]
    shrunk = max(whole / max(part, 1) for whole, part in [(unpacked, packed), *parts])
    if unpacked > rules["file_megabytes_most"] * 1e6 or shrunk > rules["workbook_ratio_most"]:
        raise RefusedError(BOMB)
    if any(member.flag_bits & 1 for member in members):
        raise RefusedError(LOCKED)
    for pattern, why in _FORBIDDEN:
        if any(re.search(pattern, name) for name in names):
            raise RefusedError(why)
    if _overlap(members, end) or len(set(names)) < len(names):
        raise RefusedError(_LIES)
    if _BOOK not in names or _LINKS not in names:
        raise RefusedError(_NO_BOOK)
    return members


def _overlap(members: list[zipfile.ZipInfo], end: int) -> bool:
    """Whether two parts share bytes of the file, or a part is packed in a way that workbooks do not use."""
    starts = [*sorted(member.header_offset for member in members), end]
    ends = sorted(member.header_offset + 30 + member.compress_size for member in members)
    shared = any(finish > start for finish, start in zip(ends, starts[1:], strict=True))
    return shared or not {m.compress_type for m in members} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def _unpacked(content: bytes, member: zipfile.ZipInfo) -> bytes:
    """Unpack one part, never beyond the size that its entry declares."""
    at = member.header_offset
    if content[at : at + 4] != b"PK\x03\x04":
        raise RefusedError(_LIES)
    name, extra = content[at + 26 : at + 28], content[at + 28 : at + 30]
    start = at + 30 + int.from_bytes(name, "little") + int.from_bytes(extra, "little")
    part, whole = content[start : start + member.compress_size], True
    if member.compress_type == zipfile.ZIP_DEFLATED:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            part = unpacker.decompress(part, member.file_size + 1)
        except zlib.error:
            raise RefusedError(DAMAGED) from None
        whole = unpacker.eof
    if len(part) > member.file_size:
        raise RefusedError(_LIES)
    if not whole or len(part) < member.file_size or zlib.crc32(part) != member.CRC:
        raise RefusedError(DAMAGED)
    return part


def _refuse_inside(name: str, part: bytes) -> None:
    """Refuse a file within the file, and declarations in XML."""
    if part.startswith(_FILES_INSIDE):
        raise RefusedError(NESTED)
    if not name.endswith(_MARKUP) and not part[:_MARKUP_WITHIN].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
        raise RefusedError(_DECLARES)
    if b"\0" in part:
        raise RefusedError(DAMAGED)


def _sheets(parts: Mapping[str, bytes], wanted: str) -> Iterator[tuple[str, str]]:
    """Yield name and part of each sheet to read: the visible ones and the wanted one."""
    try:
        book, links = (defusedxml.ElementTree.fromstring(parts[name], forbid_dtd=True) for name in (_BOOK, _LINKS))
    except (defusedxml.ElementTree.ParseError, ValueError, LookupError):
        raise RefusedError(DAMAGED) from None
    targets = {link.get("Id"): link for link in links}
    seen = set()
    for sheet in (node for node in book.iter() if node.tag.rpartition("}")[2] == "sheet"):
        name = sheet.get("name", "")
        link = targets.get(next((value for key, value in sheet.attrib.items() if key.endswith("}id")), None))
        if link is None or name in seen:
            raise RefusedError(DAMAGED)
        seen.add(name)
        shown = sheet.get("state", "visible") == "visible" or is_named(name, wanted)
        if shown and link.get("Type", "").endswith("/worksheet"):
            target = link.get("Target", "")
            yield name, target[1:] if target.startswith("/") else f"xl/{target}"


# ---- one sheet -------------------------------------------------------------------------------------------


def _longest_text(part: bytes) -> int:
    if b"<![CDATA[" in part:
        return len(part)
    return max(map(len, re.split(rb"</(?:\w+:)?si\s*>", part)))


def _surveyed(sheet: bytes, longest: int, rules: Mapping[str, Any]) -> Places:
    """Refuse cells that lie too far out or out of order, and return those that hold a formula.

    Of cells that are not in the order of their rows the reader would leave out some.
    """
    found, formulas = _PLAIN_CELL.findall(sheet), _PLAIN_FORMULA.findall(sheet) if b"<f" in sheet else []
    plain = len(found) == len(_CELL.findall(sheet)) and len(formulas) == len(_FORMULA.findall(sheet))
    spread_out = formulas and (b"array" in sheet or b"dataTable" in sheet)
    if plain and not spread_out and not _PREFIXED.search(sheet):
        rows, cells = [int(row) for row, _ in itertools.groupby(found, key=operator.itemgetter(1))], len(found)
        columns = {_column(letters.decode()) for letters in set(map(operator.itemgetter(0), found))}
        areas = [(place, place) for place in ((int(row), _column(letters.decode())) for letters, row in formulas)]
    else:
        walk = _walked(sheet, rules["sheet_cells_most"])
        rows, cells, columns, areas = walk.rows, len(walk.rows), walk.columns, walk.areas
    refuse_far(rows, columns, rules)
    spread = sum(max(bottom - top + 1, 0) * max(right - left + 1, 0) for (top, left), (bottom, right) in areas)
    if cells * longest > rules["workbook_text_megabytes_most"] * 1e6 or spread > rules["sheet_cells_most"]:
        raise RefusedError(BOMB)
    if min(rows, default=1) < 1 or rows != sorted(rows):
        raise RefusedError(_UNREADABLE)
    return frozenset(
        (row - 1, column - 1)
        for (top, left), (bottom, right) in areas
        for row in range(top, bottom + 1)
        for column in range(left, right + 1)
    )


def _column(letters: str) -> int:
    """Return the number of a column, A being 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _place(reference: str) -> tuple[int, int]:
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ValueError(reference)
    return int(match[2]), _column(match[1])


class _Walk:
    """Follow the cells of a sheet as the reader does: by their reference, else one after another."""

    def __init__(self, most: int) -> None:
        self._left = most
        self.rows: list[int] = []
        self.columns: set[int] = set()
        self.areas: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self._row, self._next = 1, 1

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Note the place of a row, a cell or a formula; an array formula fills a whole area."""
        self._left -= 1
        if self._left < 0:
            raise RefusedError(BOMB)
        kind = tag.rpartition("}")[2]
        if kind == "row" and "r" in attributes:
            self._row = _place("A" + attributes["r"])[0]
        elif kind == "c":
            row, column = _place(attributes["r"]) if "r" in attributes else (self._row, self._next)
            self.rows.append(row)
            self.columns.add(column)
            self._next = column + 1
        elif kind == "f" and self.rows:
            here = (self.rows[-1], self._next - 1)
            area = attributes.get("ref", "") if attributes.get("t") in {"array", "dataTable"} else ""
            first, _, last = area.partition(":")
            self.areas.append((_place(first), _place(last or first)) if area else (here, here))

    def end(self, tag: str) -> None:
        """Go to the next row."""
        if tag.rpartition("}")[2] == "row":
            self._row, self._next = self._row + 1, 1

    def data(self, text: str) -> None:
        """Leave text alone."""

    def close(self) -> _Walk:
        """Return what was noted."""
        return self


def _walked(sheet: bytes, most: int) -> _Walk:
    parser = defusedxml.ElementTree.DefusedXMLParser(target=_Walk(most), forbid_dtd=True)
    try:
        parser.feed(sheet)
        return parser.close()
    except (defusedxml.ElementTree.ParseError, ValueError, LookupError):
        raise RefusedError(DAMAGED) from None
