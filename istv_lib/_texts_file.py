"""A CSV of texts and the same with their places; a helper of ``istv geocode``. No message holds a cell of a row."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from istv_lib import _csv, _fit, errors, geocode, params

ADDED = {"x": "easting", "y": "northing", "precision_class": "precision_class", "radius_m": "radius_m"}
ADDED |= {"location_p": "probability", "borough_gss": "borough_gss", "why": "explanation"}
ROWS = 50_000  # read at a time, to bound memory
_WHY = ["precision_class", "matched", "location_p", "faults"]
_HEADING = re.compile(r"[A-Za-z_]\w{0,29}")  # anything else in row 1 may be a text, in a file without headings


def encoding(path: Path) -> tuple[str, int]:
    """Return ``utf-8``, ``utf-8-sig`` or ``cp1252``, as a file is written, and about how many lines it has.

    Raises
    ------
    errors.IntakeError
        When it is neither, such as UTF-16.
    """
    for name in ("utf-8", "cp1252"):
        try:
            with path.open(encoding=name, newline="") as lines:
                first, more = next(lines, ""), sum(1 for _ in lines)
        except UnicodeDecodeError:
            continue
        if "\0" not in first[:4]:  # every other byte of UTF-16
            return "utf-8-sig" if first.startswith("\ufeff") else name, more
    raise errors.IntakeError(f"'{path.name}' is neither UTF-8 nor Windows-1252 text; save it again as CSV UTF-8.")


def rows(path: Path, encoding_: str) -> Iterator[list[str]]:
    """Yield the rows, header first, all as wide as it; a blank line is a row only in a file of one column.

    Raises
    ------
    errors.IntakeError
        With the row number, for a row of another width, a quotation mark out of place or a cell beyond all measure.
    """
    with path.open(encoding=encoding_, newline="") as lines:
        reader, width = csv.reader(lines, strict=True), 0
        for number in itertools.count(1):
            try:
                row = next(reader, None)
            except csv.Error:
                why = "a quotation mark out of place or left open, or a cell beyond all measure"
                raise errors.IntakeError(f"Row {number} of '{path.name}' has {why}; export it again.") from None
            if row is None:
                return
            row, width = row or [""] * (width == 1), width or len(row)
            if row and len(row) != width:
                why = f"{len(row)} cells where row 1 has {width}"
                raise errors.IntakeError(f"Row {number} of '{path.name}' has {why}; export it again.")
            if row:
                yield row


def columns(path: Path, head: list[str]) -> tuple[int, int | None]:
    """Return where ``text`` and ``site_code`` stand, in any case.

    Raises
    ------
    errors.IntakeError
        Without the first, or when one stands there twice.
    """
    plain = [name.strip().lower() for name in head]
    if plain.count("text") != 1 or plain.count("site_code") > 1:
        known = [name for name in map(str.strip, head) if _HEADING.fullmatch(name)]
        known += [f"{len(head) - len(known)} that are no plain word"] * (len(known) < len(head))
        why = f"needs one column text and at most one site_code (found: {', '.join(known) or 'none'})"
        raise errors.IntakeError(f"'{path.name}', row 1, {why}; rename its columns.")
    return plain.index("text"), plain.index("site_code") if "site_code" in plain else None


def headings(head: list[str], added: list[str]) -> list[str]:
    """Return the headings with those that are added; a given one of the same name gets ``_given`` behind it."""
    for name in added:
        free = next(free for n in itertools.count(1) if (free := name + "_given" * n) not in head)
        head = [free if other == name else other for other in head]
    return [*head, *added]


def filled(
    path: Path, encoding_: str, finder: geocode.Matcher, roster: set[str], tick: Callable[[], None]
) -> tuple[bytes, Counter, Counter]:
    """Return a file with the places of its texts.

    Returns
    -------
    bytes
        The CSV: every row and cell as given (but see :func:`istv_lib._csv.to_csv` for formulas and line ends), then
        :data:`ADDED`: whole metres, EPSG:27700. UTF-8, with a mark unless the file was UTF-8 without one.
    Counter
        ``rows``, those ``placed`` at a point, and those ``fit`` for a map.
    Counter
        Site codes that ``roster`` lacks.
    """
    lines, least = rows(path, encoding_), params.defaults()["map_p_least"]
    head = next(lines, [])
    (text, site), heads = columns(path, head), headings(head, [*ADDED.values()])
    counts, unknown, made = Counter(), Counter(), io.BytesIO()
    while (part := list(itertools.islice(lines, ROWS))) or not made.tell():
        table = pd.DataFrame(part, columns=range(len(head)), dtype="str")
        sites = table[text].str[:0] if site is None else table[site].str.strip()
        found = finder.match(table[text], sites)
        unknown.update(sites[~sites.isin({*roster, ""})])
        counts.update(rows=len(table), placed=found["x"].count(), fit=(_fit.reason(found, least) == "").sum())
        found["why"] = [geocode.explain(row) for row in found[_WHY].to_dict("records")]
        found = found.assign(**found[["x", "y", "radius_m"]].round().astype("Int64"))[[*ADDED]]
        text_out = _csv.to_csv(pd.concat([table, found], axis=1).set_axis(heads, axis=1))
        mark = "utf-8" if encoding_ == "utf-8" else "utf-8-sig"
        made.write(text_out.partition("\n")[2].encode() if made.tell() else text_out.encode(mark))
        tick()
    return made.getvalue(), counts, unknown
