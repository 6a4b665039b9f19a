"""All text that a published file holds, in pieces: what a reader sees, and what only a curious one would find."""

from __future__ import annotations

import base64
import binascii
import csv
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

KINDS = {".html", ".csv", ".json", ".xml", ".txt", ".png", ".gz", ".zip", ""}
_DEPTH, _LARGEST = 4, 50_000_000  # levels of packing, and bytes of a packed file, beyond which it is not opened
_PACKED = (  # with its sign, or a long run or block without one
    re.compile(r";base64,([A-Za-z0-9+/=\s]+)"),
    re.compile(r"((?:[A-Za-z0-9+/]{60,}\s+)*[A-Za-z0-9+/]{60,}={0,2})"),
)
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS = {b"IHDR", b"PLTE", b"IDAT"}
_INLINE = {"!", "a", "abbr", "b", "code", "em", "i", "mark", "small", "span", "strong", "sub", "sup", "tspan", "wbr"}
_SHAPES = {"path", "polyline", "polygon", "line", "rect", "circle", "ellipse", "image", "use", "foreignobject"}
_GEOMETRY = {"d", "points", "viewbox", "x", "y", "dx", "dy", "width", "height", "transform", "style", "id", "href"}
_NOT_PEOPLE = {"crime", "site", "file"}  # units whose counts are public as they are
_SIZES = {"bytes", "dcat:byteSize", "hash", "sha256", "digest", "attack"}  # keys of JSON: of files, of the gate's work


class Piece(NamedTuple):
    """Some text of a file: where it stands, and its sort.

    ``counts`` may hold a number of people; ``words`` are addresses, sizes, or bytes that come again as ``counts``;
    ``cell`` is a record of columns and values; ``drawing`` the path of an SVG, empty for any other shape; ``file``
    says that something cannot be read.
    """

    place: str
    text: Any
    sort: str


def read(name: str, data: bytes, place: str = "", depth: int = 0) -> Iterator[Piece]:
    """Yield the pieces of a file, and of what is packed or embedded in it.

    Pixels of a picture are not read, nor is what a font, a PDF or another kind of file holds.
    """
    ending, at = Path(name).suffix.lower(), f"{place} " if place else ""
    if depth > _DEPTH or (data and ending not in KINDS and not depth):
        yield Piece(place or "whole", "", "file")
    elif data.startswith(_PNG):
        yield from _picture(data, f"{at}picture", depth)
    elif data.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        try:
            inside = list(_unpacked(data, name))
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError):
            inside = []
            yield Piece(place or "whole", "", "file")
        for inner, content in inside:
            yield Piece(f"{at}name of a packed file", inner.replace("_", " "), "counts")
            yield from read(inner, content, f"{at}packed file", depth + 1)
    elif ending in {".html", ".csv", ".json", ".xml", ".txt"}:
        yield from _written(ending, _decoded(data).replace("\0", ""), at, depth)
    else:
        yield from _loose(data, place or "text")


def _unpacked(data: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST:
                raise ValueError
            yield "comment.txt", archive.comment
            yield from [(info.filename, archive.read(info)) for info in archive.infolist()]
        return
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError
    yield Path(name).stem, content


def _picture(data: bytes, place: str, depth: int) -> Iterator[Piece]:
    """Yield what a PNG says beside its pixels, and what stands behind its end."""
    at, kind = len(_PNG), b""
    while kind != b"IEND" and at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if kind not in _PIXELS:
            yield from _loose(data[at + 8 : at + 8 + length], f"{place}, chunk {kind.decode('latin-1')}")
        at += 12 + length
    if data[at:]:
        yield from read("", data[at:], f"{place}, behind its end", depth + 1)


def _loose(data: bytes, place: str) -> Iterator[Piece]:
    """Yield bytes as text, without their zero bytes too, and every zlib stream in them."""
    streams = [data]
    for match in re.finditer(rb"x[\x01\x5e\x9c\xda]", data):
        try:
            streams.append(zlib.decompressobj().decompress(data[match.start() :], _LARGEST))
        except zlib.error:
            continue
    for stream in streams:
        text = _decoded(stream)
        yield from (Piece(place, form, "counts") for form in dict.fromkeys([text, text.replace("\0", "")]) if form)


def _decoded(data: bytes) -> str:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data.decode("utf-16" if wide else "utf-8-sig", errors="replace")


def _written(ending: str, text: str, at: str, depth: int) -> Iterator[Piece]:
    """Yield each line as it is written, then the text as it is meant, and what base64 hides."""
    packed: list[bytes] = []

    def taken(match: re.Match[str]) -> str:
        try:
            packed.append(base64.b64decode("".join(match[1].split()).rstrip("=") + "=="))
        except binascii.Error:
            return match[0]
        return " " + "\n" * match[0].count("\n")

    if "data:image/svg" in text.lower():
        yield Piece(f"{at}embedded", "", "drawing")
    for form in _PACKED:
        text = form.sub(taken, text)
    for data in packed:
        yield from read("", data, f"{at}embedded", depth + 1)
    yield Piece(f"{at}points", text, "points")
    lines = enumerate(text.split("\n"), 1)
    yield from (Piece(f"{at}line {number}", line, "words") for number, line in lines if line)
    meant = {".csv": _table, ".json": _record, ".html": _markup, ".xml": _markup}
    try:
        yield from meant[ending](text)
    except (KeyError, ValueError, csv.Error, etree.LxmlError, RecursionError):  # plain text, or no more than that
        yield Piece(f"{at}lines", text, "counts")


def _table(text: str) -> Iterator[Piece]:
    rows = csv.reader(io.StringIO(text))
    head = next(rows, [])
    yield from (Piece("line 1", name, "counts") for name in head)
    for row in rows:
        place, record = f"line {rows.line_num}", dict(zip(head, row, strict=False))
        open_ = record.get("unit") in _NOT_PEOPLE
        yield from () if open_ else [Piece(place, record, "cell")]
        yield from (Piece(place, cell, "words" if open_ else "counts") for cell in row)


def _record(text: str) -> Iterator[Piece]:
    yield from _leaves(json.loads(text), "", "counts")


def _leaves(value: Any, place: str, sort: str) -> Iterator[Piece]:
    if isinstance(value, Mapping):
        open_ = value.get("unit") in _NOT_PEOPLE
        yield from () if open_ else (Piece(place, row, "cell") for row in [value, *_points(value)])
        for key, inner in value.items():
            yield Piece(f"{place}.{key}", key, "counts")
            yield from _leaves(inner, f"{place}.{key}", "words" if open_ or key in _SIZES else sort)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]", sort)
    elif isinstance(value, str | int | float):
        yield Piece(place, str(value), sort)


def _points(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the months of a trend (place; points of month, value and symbol) as records."""
    points = value.get("points") if "place" in value else None
    rows = [p for p in points or [] if isinstance(p, list) and len(p) > 1]
    return [{"place": value["place"], "period_start": p[0], "period_end": p[0], "value": p[1]} for p in rows]


def _markup(text: str) -> Iterator[Piece]:
    """Yield the words of HTML or XML, inline elements joined; attributes, comments, scripts, and drawings."""
    parser = etree.HTMLParser if re.search(r"<html|<!doctype html", text[:1000], re.IGNORECASE) else etree.XMLParser
    top = etree.fromstring(text.encode(), parser(encoding="utf-8", recover=True, huge_tree=True))
    if top is None:
        raise ValueError
    said: list[str] = []
    told: dict[tuple[str, str, str], None] = {}  # a page repeats most of its attributes
    for event, node in etree.iterwalk(top, events=("start", "end", "comment", "pi")):
        tag = node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else "!"
        if tag == "!":
            yield Piece(f"line {node.sourceline}, comment", node.text or "", "counts")
        elif event == "start":
            told.update(dict.fromkeys((tag, *pair) for pair in node.items()))
            if tag in _SHAPES:
                yield Piece(f"line {node.sourceline}, {tag}", node.get("d", ""), "drawing")
        words = (node.text if event == "start" else node.tail) or ""
        said += [("" if tag in _INLINE else "\n"), words.replace("\n", " ")]
    for tag, name, value in told:
        yield Piece(f"{name} of {tag}", value, "words" if name.lower() in _GEOMETRY else "counts")
    for line in filter(str.strip, "".join(said).split("\n")):
        yield Piece("words", line, "counts")
        if "<" in line:
            yield Piece("words", re.sub(r"<[^<>]*>", "", line), "counts")
