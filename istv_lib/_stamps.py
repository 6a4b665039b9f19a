"""Stamped outputs of an executed notebook: read, verified, and turned into downloadable numbers."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLAIN = "text/plain"  # the twin that Jupyter shows where it can show nothing better; never on a page
MIMES = {
    "words": {"text/markdown"},
    "figure": {"image/png"},
    "map": {"image/png"},
    "table": {"text/html", "text/csv"},
    "facts": {"text/html"},
}
PICTURES = ("figure", "map")
KINDS = ("synthetic", "real", "mixed")
_PNG = b"\x89PNG\r\n\x1a\n"
_FIELDS = ("kind", "name", "audience", "rule", "release", "digest", "synthetic")
_TEXT = ("title", "alt", "heading", "note", "drawn")


@dataclass(frozen=True)
class Block:
    """One stamped output: what it is, who may see it and its data by MIME type."""

    cell: int
    kind: str
    name: str
    audience: str
    rule: str
    release: str
    digest: str
    title: str
    alt: str
    heading: str
    note: str
    synthetic: str
    data: Mapping[str, str]
    width: int | None = None
    drawn: str = ""


def read(output: Mapping[str, Any], cell: int) -> Block | None:
    """Return an output's block; None when the stamp is missing, incomplete or of an unknown kind."""
    stamp = output.get("metadata", {}).get("istv")
    data = output.get("data")
    if not isinstance(stamp, Mapping) or not isinstance(data, Mapping):
        return None
    if any(not isinstance(stamp.get(field), str) or not stamp[field] for field in _FIELDS):
        return None
    if any(not isinstance(stamp.get(field, ""), str) for field in _TEXT):
        return None
    if stamp["kind"] not in MIMES or stamp["synthetic"] not in KINDS:
        return None
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", stamp["name"]) or not re.fullmatch(r"[0-9a-f]+", stamp["release"]):
        return None
    if any(not isinstance(content, str) for content in data.values()):
        return None
    picture = output["metadata"].get("image/png", {})
    width = picture.get("width")
    return Block(
        cell=cell,
        data=dict(data),
        width=int(width) if isinstance(width, int | float) and width > 0 else None,
        **{field: stamp.get(field, "") for field in _FIELDS + _TEXT},
    )


def blocks(nb: Mapping[str, Any]) -> list[Block]:
    """Return every stamped block of a notebook, in order; cells are counted from 1."""
    found = []
    for number, cell in enumerate(nb["cells"], 1):
        if cell["cell_type"] == "code":
            found += [block for output in cell.get("outputs", []) if (block := read(output, number))]
    return found


def kind_of(found: list[Block]) -> str | None:
    """Return what the blocks rest on together: ``synthetic``, ``real`` or ``mixed``; None without blocks."""
    kinds = {block.synthetic for block in found}
    return None if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"


def headline(found: list[Block]) -> Block | None:
    """Return the headline: the first words block whose name begins with ``headline``."""
    return next((b for b in found if b.kind == "words" and b.name.startswith("headline")), None)


def coverage_note(found: list[Block]) -> str:
    """Return on one line what a page says of its gaps: its first words block named ``coverage`` or ``limits``."""
    named = (b for b in found if b.kind == "words" and b.name.startswith(("coverage", "limits")))
    block = next(named, None) or headline(found)
    return " ".join(block.data["text/markdown"].split()) if block else ""


def png_size(content: str) -> tuple[int, int] | None:
    """Return width and height in pixels of a base64 PNG; None when it is not one."""
    try:
        head = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not head.startswith(_PNG) or head[12:16] != b"IHDR" or len(head) < 24:
        return None
    return struct.unpack(">II", head[16:24])


def png_plain(content: str) -> str:
    """Return a base64 PNG without its text, time and EXIF chunks, which no reader sees but anyone can read."""
    raw = base64.b64decode("".join(content.split()))
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(raw):
        (length,) = struct.unpack(">I", raw[at : at + 4])
        end = at + 12 + length
        if raw[at + 4 : at + 8] not in {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"}:
            kept.append(raw[at:end])
        at = end
    return base64.b64encode(b"".join(kept)).decode("ascii")


def rows(block: Block) -> list[dict[str, str]]:
    """Return the released numbers of a table block, one dict per row, every value as text; none of another block."""
    return list(csv.DictReader(io.StringIO(block.data.get("text/csv", ""))))


def csv_name(name: str, kind: str) -> str:
    """Return the file name of a table: "months.csv", or "months-SYNTHETIC.csv" where the data are invented."""
    return f"{name}-SYNTHETIC.csv" if kind == "synthetic" else f"{name}.csv"


def csv_file(block: Block) -> bytes:
    """Return a table as CSV; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    out = io.StringIO()
    lines = csv.reader(io.StringIO(block.data["text/csv"]))
    csv.writer(out, lineterminator="\n").writerows([_plain(cell) for cell in line] for line in lines)
    return out.getvalue().encode("utf-8")


def _plain(text: str) -> str:
    risky = text[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return "'" + text if risky and not re.fullmatch(r"[-+]?[\d.,]+(?:e[-+]?\d+)?%?", text) else text


def provisional(found: list[Block]) -> bool:
    """Return whether any released figure of the page is marked provisional."""
    tables = (block for block in found if block.kind == "table")
    return any(row.get("status") == "provisional" for block in tables for row in rows(block))
