"""Old workbooks (.xls): a copy that holds nothing but the cells of the sheets to read.

A helper of :mod:`istv_lib._workbooks`. An old workbook is a compound file, a small file system, whose stream
``Workbook`` is a row of records. The reader trusts the sizes written in both, and a damaged file can make it
ask for terabytes. So the stream is found here with every link checked, its records are looked through, and the
few kinds that hold cells, texts and formats are written into a new compound file, which the reader gets.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from istv_lib._workbooks import (
    BOMB,
    DAMAGED,
    LINKED,
    LOCKED,
    MACROS,
    NESTED,
    Places,
    RefusedError,
    is_named,
    refuse_far,
)

_NO_SECTOR = 0xFFFFFFFA  # this and all above are marks, not sectors
_END_OF_CHAIN, _TABLE_SECTOR = 0xFFFFFFFE, 0xFFFFFFFD
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_WORKSHEET, _CHART = 0, 2
_MACROS = {"_VBA_PROJECT_CUR", "_VBA_PROJECT", "VBA", "MACROS"}

_EOF, _CONTINUE, _FILEPASS, _BOUNDSHEET, _SST, _SUPBOOK, _BOF = 0x0A, 0x3C, 0x2F, 0x85, 0xFC, 0x1AE, 0x809
_FORMULA, _STRING, _MULRK, _MERGED, _LABEL, _RICH_LABEL, _LABEL_SST = 0x06, 0x207, 0xBD, 0xE5, 0x204, 0xD6, 0xFD
# kinds of records that are kept, with the least number of bytes they must have
_OF_BOOK = {_BOF: 4, 0x42: 2, 0x22: 2, 0x41E: 2, 0xE0: 4, _SST: 8}
_OF_CELLS = {0x203: 14, _LABEL: 8, _RICH_LABEL: 8, 0x205: 8, 0x27E: 10, _LABEL_SST: 10, _MULRK: 12, _FORMULA: 20}
_OWN_BOOK = (b"\x01\x04", b"\x01\x3a")  # a SUPBOOK record for the workbook's own sheets or for add-ins

Record = tuple[int, bytes]


def safe_copy(content: bytes, wanted: str, rules: Mapping[str, Any]) -> tuple[bytes, dict[str, Places]]:
    """Return a workbook of the visible sheets and the wanted one, and the formula cells of each.

    Raises
    ------
    RefusedError
        For a workbook that is damaged, locked with a password, has macros or links, or reaches too far.
    """
    try:
        return _copied(_workbook_stream(content), wanted, rules)
    except (struct.error, IndexError, ValueError):
        raise RefusedError(DAMAGED) from None


def _copied(stream: bytes, wanted: str, rules: Mapping[str, Any]) -> tuple[bytes, dict[str, Places]]:
    book, sheets = _globals(stream, rules)
    formulas: dict[str, Places] = {}
    written, extents = [], []
    for at, shown, kind, name in sheets:
        title = _title(name, book)
        if kind not in {_WORKSHEET, _CHART}:
            raise RefusedError(MACROS)
        if kind == _CHART or not (shown or is_named(title, wanted)):
            continue
        if title in formulas:
            raise RefusedError(DAMAGED)
        formulas[title], cells, end = _cells(stream, at, rules)
        written.append((name, cells))
        extents.append((at, end))
    if any(end > start for (_, end), (start, _) in itertools.pairwise(sorted(extents))):
        raise RefusedError(DAMAGED)
    _refuse_much_text(book, written, rules)
    return _compound(_joined(book, written)), formulas


# ---- compound file ---------------------------------------------------------------------------------------


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def _chain(start: int, table: Sequence[int]) -> list[int]:
    """Follow the links of one stream; a link out of the file or a ring is damage."""
    chain = []
    while start < _NO_SECTOR:
        if start >= len(table) or len(chain) >= len(table):
            raise RefusedError(DAMAGED)
        chain.append(start)
        start = table[start]
    return chain


def _workbook_stream(content: bytes) -> bytes:
    """Return the stream of the workbook, and refuse macros, passwords and other files inside."""
    shift, small = struct.unpack_from("<HH", content, 30)
    if shift not in {9, 12} or small != 6:
        raise RefusedError(DAMAGED)
    size = 1 << shift

    def sector(number: int) -> bytes:
        return content[(number + 1) * size : (number + 2) * size]

    count = len(content) // size
    tables = [number for number in _numbers(content[76:512]) if number < _NO_SECTOR]
    more = struct.unpack_from("<I", content, 68)[0]
    for _ in range(count):
        if more >= _NO_SECTOR:
            break
        *listed, more = _numbers(sector(more))
        tables += [number for number in listed if number < _NO_SECTOR]
    table = _numbers(b"".join(sector(number) for number in tables[:count]))[:count]
    first_dir, first_small = struct.unpack_from("<I", content, 48)[0], struct.unpack_from("<I", content, 60)[0]
    entries = _directory(b"".join(sector(number) for number in _chain(first_dir, table)))
    start, length = _found(entries)
    if length >= 4096:
        return b"".join(sector(number) for number in _chain(start, table))[:length]
    root = next((first for kind, _, first, _ in entries if kind == _ROOT), _END_OF_CHAIN)
    pool = b"".join(sector(number) for number in _chain(root, table))
    links = _numbers(b"".join(sector(number) for number in _chain(first_small, table)))
    return b"".join(pool[number * 64 : number * 64 + 64] for number in _chain(start, links))[:length]


def _directory(data: bytes) -> list[tuple[int, str, int, int]]:
    """Return kind, name, first sector and length of each entry."""
    entries = []
    for at in range(0, len(data) - 127, 128):
        length, kind = struct.unpack_from("<HB", data, at + 64)
        name = data[at : at + max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace").partition("\0")[0]
        entries.append((kind, name, *struct.unpack_from("<II", data, at + 116)))
    return entries


def _found(entries: list[tuple[int, str, int, int]]) -> tuple[int, int]:
    names = {name for kind, name, _, _ in entries if kind in {_STORAGE, _STREAM}}
    if "EncryptedPackage" in names:
        raise RefusedError(LOCKED)
    if _MACROS & {name.upper() for name in names}:
        raise RefusedError(MACROS)
    books = [entry for entry in entries if entry[0] == _STREAM and entry[1] in {"Workbook", "Book"}]
    if not books:
        msg = "is an old Office file but not a workbook; ask the site what it sent"
        raise RefusedError(msg)
    if any(kind == _STORAGE and name.startswith("MBD") for kind, name, _, _ in entries):
        raise RefusedError(NESTED)
    best = max(books, key=lambda entry: entry[1] == "Workbook")
    return best[2], best[3]


# ---- records ---------------------------------------------------------------------------------------------


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield the end, kind and data of each record from a place up to the end of its part."""
    while True:
        kind, length = struct.unpack_from("<HH", stream, at)
        data = stream[at + 4 : at + 4 + length]
        if len(data) < length:
            raise RefusedError(DAMAGED)
        at += 4 + length
        yield at, kind, data
        if kind == _EOF:
            return


def _globals(stream: bytes, rules: Mapping[str, Any]) -> tuple[list[Record], list[tuple[int, bool, int, bytes]]]:
    """Return the records of the workbook that are kept, and place, visibility, kind and name of each sheet."""
    kept: list[Record] = []
    sheets = []
    previous = 0
    for _, kind, data in _records(stream, 0):
        if kind == _FILEPASS:
            raise RefusedError(LOCKED)
        if kind == _SUPBOOK and data[2:4] not in _OWN_BOOK:
            raise RefusedError(LINKED)
        if kind == _BOUNDSHEET:
            at, shown, sheet = struct.unpack_from("<IBB", data, 0)
            sheets.append((at, shown & 3 == 0, sheet, data[6:]))
        if kind in _OF_BOOK and len(data) < _OF_BOOK[kind]:
            raise RefusedError(DAMAGED)
        if kind in _OF_BOOK or (kind == _CONTINUE and previous == _SST):
            kept.append((kind, data))
        previous = previous if kind == _CONTINUE else kind
    if not kept or kept[0][0] != _BOF or len(sheets) > rules["workbook_members_most"]:
        raise RefusedError(DAMAGED)
    return kept, sheets


def _title(name: bytes, book: list[Record]) -> str:
    """Decode the name of a sheet: with a byte for its width since 1997, without before."""
    if book[0][1][:2] != b"\x00\x06":
        return name[1 : 1 + name[0]].decode("cp1252", "replace")
    if name[1] & 1:
        return name[2 : 2 + 2 * name[0]].decode("utf-16-le")
    return name[2 : 2 + name[0]].decode("latin-1")


def _cells(stream: bytes, start: int, rules: Mapping[str, Any]) -> tuple[Places, list[Record], int]:
    """Return the formula cells, the records to keep in the order of their rows, and the end of one sheet."""
    opening: list[Record] = []
    kept: list[tuple[int, int, bytes]] = []
    formulas, columns = set(), set()
    end = start
    for at, kind, data in _records(stream, start):
        end = at
        short = len(data) < _OF_CELLS.get(kind, 0) or (kind == _MERGED and len(data) < 2 + 8 * _count(data))
        if short or (not opening and kind != _BOF):
            raise RefusedError(DAMAGED)
        if kind in {_BOF, _MERGED}:
            opening.append((kind, data))
        elif kind == _STRING and kept and kept[-1][1] == _FORMULA:
            kept.append((kept[-1][0], kind, data.ljust(4, b"\0")))
        elif kind in _OF_CELLS:
            row, column = struct.unpack_from("<HH", data, 0)
            columns.add(max(column, _count(data[-2:]) if kind == _MULRK else 0) + 1)
            if kind == _FORMULA:
                formulas.add((row, column))
                kept.append((row, kind, data[:20] + b"\0\0"))  # its result without the formula itself
            elif kind in {_LABEL, _RICH_LABEL}:
                kept.append((row, _LABEL, data.ljust(10, b"\0")))  # the reader stumbles over shorter ones
            else:
                kept.append((row, kind, data))
    refuse_far([row + 1 for row, _, _ in kept], columns, rules)
    ordered = sorted(kept, key=lambda record: record[0])
    return frozenset(formulas), opening + [(kind, data) for _, kind, data in ordered], end


def _count(data: bytes) -> int:
    return int.from_bytes(data[:2], "little")


def _refuse_much_text(book: list[Record], sheets: list[tuple[bytes, list[Record]]], rules: Mapping[str, Any]) -> None:
    """Refuse texts that would fill the memory: many cells that all show one long text."""
    longest = _longest_string([data for kind, data in book if kind in {_SST, _CONTINUE}])
    cells = sum(kind == _LABEL_SST for _, records in sheets for kind, _ in records)
    if cells * longest > rules["workbook_text_megabytes_most"] * 1e6:
        raise RefusedError(BOMB)


def _longest_string(blocks: list[bytes]) -> int:
    """Walk through the table of texts, which runs over several records, and return its longest text in bytes."""
    if not blocks:
        return 0
    data, borders, longest = b"".join(blocks), [], 0
    for block in blocks:
        borders.append((borders[-1] if borders else 0) + len(block))
    at, block = 8, 0
    for _ in range(struct.unpack_from("<I", data, 4)[0]):
        characters, flags = struct.unpack_from("<HB", data, at)
        longest = max(longest, characters * 2)
        at += 3
        runs = struct.unpack_from("<H", data, at)[0] if flags & 8 else 0
        at += 2 if flags & 8 else 0
        extra = struct.unpack_from("<I", data, at)[0] if flags & 4 else 0
        at += 4 if flags & 4 else 0
        while characters:
            while borders[block] <= at:
                block += 1
            taken = min(characters, (borders[block] - at) // (1 + (flags & 1)))
            characters -= taken
            at += taken * (1 + (flags & 1))
            if characters:
                at = borders[block]
                flags = data[at]
                at += 1
        at += runs * 4 + extra
    if at > len(data):
        raise RefusedError(DAMAGED)
    return longest


# ---- the copy --------------------------------------------------------------------------------------------


def _written(records: list[Record]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in records)


def _joined(book: list[Record], sheets: list[tuple[bytes, list[Record]]]) -> bytes:
    """Return a stream of the workbook's records, the list of its sheets, and the sheets."""
    end = struct.pack("<HH", _EOF, 0)
    opening = _written(book)
    at = len(opening) + sum(10 + len(name) for name, _ in sheets) + len(end)
    parts = []
    for name, records in sheets:
        opening += _written([(_BOUNDSHEET, struct.pack("<IBB", at, 0, 0) + name)])
        parts.append(_written(records) + end)
        at += len(parts[-1])
    return opening + end + b"".join(parts)


def _compound(stream: bytes) -> bytes:
    """Return a compound file that holds one stream, in sectors of 4,096 bytes."""
    size = 4096
    count = max(-(-len(stream) // size), 1)
    length = max(len(stream), size)  # shorter streams would have to lie in the small sectors
    tables = (count + 1) // (size // 4 - 1) + 1
    links = [_END_OF_CHAIN, *range(2, count + 1), _END_OF_CHAIN, *[_TABLE_SECTOR] * tables]
    links += [0xFFFFFFFF] * (tables * size // 4 - len(links))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 4, 0xFFFE, 12, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 1, tables, 0, 0, size, _END_OF_CHAIN, 0, _END_OF_CHAIN, 0)
    header += struct.pack("<109I", *[count + 1 + k if k < tables else 0xFFFFFFFF for k in range(109)])
    directory = b""
    for name, kind, start, extent, child in (("Root Entry", _ROOT, 0, 0, 1), ("Workbook", _STREAM, 1, length, -1)):
        spelled = name.encode("utf-16-le") + b"\0\0"
        directory += spelled.ljust(64, b"\0") + struct.pack("<HBBiii", len(spelled), kind, 1, -1, -1, child)
        directory += bytes(36) + struct.pack("<IQ", start, extent)
    whole = header.ljust(size, b"\0") + directory.ljust(size, b"\0") + stream.ljust(count * size, b"\0")
    return whole + struct.pack(f"<{len(links)}I", *links)
