"""Public bytes searched for what must not leave: planted canaries, words and ids of records, exact counts.

The last look before pages leave, and the proof that the gate works. What is looked for is taken from the store before
control, and every byte below a folder is read the way a curious reader could read it.
"""

from __future__ import annotations

import contextlib
import html
import itertools
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd

from istv_lib import _outline, _pieces, _secrets, store
from istv_lib._secrets import CELL, LARGE, values

__all__ = ["check", "scan", "values"]

HITS = ["file", "place", "kind", "number"]
_COUNTED = ("value", "numerator", "denominator", "lower", "upper", "n", "shown")
_WORD = re.compile(r"[^\W_]+")
_ID = re.compile(r"(?<![0-9a-z])[0-9a-f]{16}(?![0-9a-z])")
_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ]+(\d\d):(\d\d)|(\d\d)/(\d\d)/(\d{4})[ ,T]+(\d\d):(\d\d)")
_NUMBER = re.compile(
    r"(?<!\d\.)(?<![\w#])(\d{1,3}(?:([, '’_])\d{3})(?:\2\d{3})*+|\d{4,})(\.0+)?(?![\w%]|\.\d| offences)"
)
_POINT = re.compile(r"(?<![\w.])(-?\d{1,3}\.\d{4,}|\d{6}(?:\.\d+)?)(?![\w.])")
_STEP = re.compile(r"([ML])(\d+) (-?\d+(?:\.\d+)?)|h0")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_YEARS = range(1900, 2101)
_FAULTS = {
    "text": "holds words, an id, a time or a point of a record; release what stands there through the gate",
    "value": "holds an exact count that the gate would have hidden or rounded; release it for the public",
    "drawing": "has a drawing that is neither the outline of London nor released numbers; make it a PNG",
    "file": "cannot be read, so nobody knows what it holds; leave it out",
}


def check(folder: Path, where: store.Root) -> list[str]:
    """Return why the files below a folder may not leave, one sentence per file and reason; empty when they may.

    Parameters
    ----------
    folder : Path
        What is about to be public, such as the hub.
    where : store.Root
        Root whose store the pages were made from. Looked for are the canaries that the synthetic London planted, and
        in every root: location texts and methods in words of 12 and more characters, ids, times to the minute and
        coordinates to the metre, of the 36 newest months; and the counts of :func:`values`.

    Notes
    -----
    What is public anyway is not looked for, unless it was planted: names of boroughs, areas, stations and hospitals in
    the reference data, alone or with words such as "near" or "station"; texts and numbers that stand in code,
    templates, notebooks, parameters or documents of the project; counts that open police data have too, and numbers
    of "offences".

    So it can mislead: a leaked text that also stands in a document is not found, nor is a number that a picture
    shows, nor a count between 8 and 999 that was not rounded. It refuses exact counts by the rule ``complementary``.
    """
    texts, counts = _without_public(_secrets.texts(where), values(where))
    found = scan(folder, [*_secrets.planted(where), *texts], counts).drop_duplicates(["file", "kind"])
    return [f"'{row.file}' ({row.place}) {_FAULTS[row.kind]}." for row in found.itertuples()]


def scan(folder: Path, texts: Sequence[str], values: pd.DataFrame) -> pd.DataFrame:
    """Search every byte below a folder, names of files and folders included.

    Parameters
    ----------
    folder : Path
        HTML, CSV, JSON, XML, text and PNG, also gzipped or zipped; files of other kinds are hits.
    texts : sequence of str
        What must not stand there. 16 hex digits are an id, ``YYYY-MM-DD HH:MM`` a time, two numbers with a comma a
        point (metres, EPSG:27700, or degrees, found to 4 decimals); anything else is words, found in any case and
        with anything but letters and digits between them.
    values : DataFrame
        Exact counts, as :func:`values` returns. Each is found in a row of CSV, or a record of JSON, of its place,
        period and stratum. With ``anywhere`` it is found in any text too, in each usual spelling (1737, 1,737, 1 737,
        1737.0) and never inside a longer number or a code; as 1900 to 2100 may be a year, these take a separator.

    Returns
    -------
    DataFrame
        ``file`` (its number in order where its own name holds the hit), ``place`` in it, ``kind`` (``text``, ``value``,
        ``drawing``: SVG whose data are neither released nor the outline of London; ``file``: cannot be read) and
        ``number`` (position in ``texts`` or ``values``, else -1). The text itself is never told.
    """
    needles, drawings = _Needles(texts, values), _Drawings(folder)
    rows: list[tuple[str, str, str, int]] = []
    for order, path in enumerate(sorted(folder.rglob("*")), 1):
        name = path.relative_to(folder).as_posix()
        if named := needles.find(name.replace("_", " "), "counts"):
            name = f"file {order}"
            rows += [(name, "its name", *hit) for hit in named]
        for piece in _pieces.read(path.name, path.read_bytes()) if path.is_file() else ():
            if hits := drawings.find(piece) or needles.find(piece.text, piece.sort):
                place = "a name in it" if needles.find(piece.place, "counts") else piece.place
                rows += [(name, place, *hit) for hit in hits]
    return pd.DataFrame(rows, columns=HITS).drop_duplicates(ignore_index=True)


def _without_public(texts: list[str], counts: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """Leave out texts, and the digits of counts, that stand in a document of the project."""
    needles, found = _Needles(texts, counts), set()
    for name, content in _secrets.documents():
        text = content.decode("utf-8", errors="replace").replace("\\n", "\n").replace("\\u2019", "'")
        sort = "counts" if name.endswith((".j2", ".md", ".ipynb", ".yml")) else "words"
        found |= {hit for line in text.split("\n") for hit in needles.find(line, sort)}
    known = counts.loc[sorted(number for kind, number in found if kind == "value"), "value"]
    kept = [text for number, text in enumerate(texts) if ("text", number) not in found]
    return kept, counts.assign(anywhere=counts["anywhere"] & ~counts["value"].isin(known))


class _Needles:
    """What is looked for, by the form in which it is found; a text found clean once is passed over."""

    def __init__(self, texts: Sequence[str], values: pd.DataFrame) -> None:
        self.exact: dict[Any, int] = {}
        self.phrases: dict[tuple[str, ...], list[tuple[list[str], int]]] = {}
        for number, text in enumerate(texts):
            if _ID.fullmatch(text) or _STAMP.fullmatch(text):
                self.exact[text] = number
            elif pair := _pairs(text.replace(",", " ")):
                self.exact[pair[0]] = number
            elif words := _WORD.findall(text.casefold()):
                self.phrases.setdefault(tuple(words[:2]), []).append((words, number))
        rows = enumerate(values[[*CELL, "value", "anywhere"]].itertuples(index=False, name=None))
        self.cells = {row[:-2]: (row[-2], number) for number, row in rows}
        told = zip(values["value"], values["anywhere"], strict=True)
        self.numbers = {int(value): number for number, (value, anywhere) in enumerate(told) if anywhere}
        self.clean: set[tuple[str, str]] = set()

    def find(self, content: Any, sort: str) -> list[tuple[str, int]]:
        """Return kind and number of each hit in a piece."""
        if sort == "cell":
            return self._cell(content)
        if sort == "points":
            return self._points(content)
        if (content, sort) in self.clean:
            return []
        text = _spelt(content)
        hits = [("text", number) for number in self._texts(text)]
        if sort == "counts":
            told = ((int(re.sub(r"\D", "", m[1])), m[2] or m[3]) for m in _NUMBER.finditer(text))
            hits += [("value", self.numbers[n]) for n, sep in told if n in self.numbers and (sep or n not in _YEARS)]
            hits += self._points(text)
        if not hits:
            self.clean.add((content, sort))
        return hits

    def _points(self, text: str) -> list[tuple[str, int]]:
        return [("text", self.exact[pair]) for pair in _pairs(text) if pair in self.exact]

    def _texts(self, text: str) -> Iterator[int]:
        words = _WORD.findall(text.casefold())
        for at, pair in enumerate(itertools.zip_longest(words, words[1:])):
            for head in (pair, pair[:1]):
                for phrase, number in self.phrases.get(head, ()):
                    if words[at : at + len(phrase)] == phrase:
                        yield number
        found = ([part for part in match.groups() if part] for match in _STAMP.finditer(text))
        times = [f"{'-'.join(s[:3] if len(s[0]) == 4 else s[2::-1])} {s[3]}:{s[4]}" for s in found]
        yield from (self.exact[token] for token in [*_ID.findall(text.lower()), *times] if token in self.exact)

    def _cell(self, row: Mapping[str, Any]) -> list[tuple[str, int]]:
        value, number = self.cells.get(tuple(str(row.get(name) or "") for name in CELL), (None, -1))
        shown = {re.sub(r",|\.0+$", "", str(row.get(name, "")).split(" ")[0]) for name in _COUNTED}
        return [("value", number)] if value is not None and str(value) in shown else []


def _pairs(text: str) -> list[tuple[float, float]]:
    """Return each two coordinates that follow each other: whole metres, or degrees to 4 decimals."""
    found = [float(number) for number in _POINT.findall(text)]
    kept = [int(n) if abs(n) >= LARGE else round(n, 4) for n in found]
    return list(itertools.pairwise(kept))


def _spelt(text: str) -> str:
    """Return a text as it is read: entities, percent and Unicode escapes undone, widths and spaces made plain."""
    for _ in range(3):
        if "&" in text or "%" in text or "\\u" in text:
            text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), unquote(html.unescape(text)))
    return text if text.isascii() else _UNSEEN.sub("", unicodedata.normalize("NFKC", text))


class _Drawings:
    """Paths that a page may draw: London's outline, and months of a released trend, one step a month and a unit up."""

    def __init__(self, folder: Path) -> None:
        self.trends: list[dict[int, float]] = []
        for path in sorted(folder.glob("*/*/v*/datapackage.json")):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # what cannot be read allows no drawing
                points = json.loads(path.read_bytes())["istv"]["trend"]["points"]
                told = {int(m[:4]) * 12 + int(m[5:]): float(value) for m, value, *_ in points if value is not None}
                self.trends += [told] if told not in self.trends else []

    def find(self, piece: _pieces.Piece) -> list[tuple[str, int]]:
        """Return a hit for a drawing of anything else, or a file that cannot be read."""
        fault = piece.sort == "file" or (piece.sort == "drawing" and not self._known(piece.text))
        return [(piece.sort, -1)] if fault else []

    def _known(self, path: str) -> bool:
        drawn = [(int(m[2]), -float(m[3])) for m in _STEP.finditer(path) if m[1]]
        if drawn and not _STEP.sub("", path):
            at, first = drawn[0]
            starts = ((trend, month - at) for trend in self.trends for month, v in trend.items() if v == first)
            return any(all(trend.get(start + step) == v for step, v in drawn) for trend, start in starts)
        shapes = _outline.shapes()
        return path in {shapes["land"], shapes["water"], *(shape["path"] for shape in shapes["boroughs"])}
