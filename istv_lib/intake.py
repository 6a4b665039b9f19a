"""One file of one site to conformed records: read, check, set aside, count.

A file is taken whole or refused whole with one sentence (:class:`istv_lib.errors.IntakeError`). Of a file that
is taken, every physical row is accounted for: header, blank, total, accepted, quarantined or duplicate. What is
looked for in each record, what is done about it and what the hospital is told is data: ``parameters/checks.yml``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import (
    _dates,
    _file_month,
    _lineage,
    _readers,
    _records,
    _rulebook,
    _shapes,
    agreements,
    errors,
    privacy,
    schema,
)

PARTS = ("rows_header", "rows_blank", "rows_total", "rows_accepted", "rows_quarantined", "rows_duplicate")
TEXTS = ("location_text", "method_other")
_ARRIVALS = {"arrival", "arrival_date", "arrival_utc"}
_HEADING_CHARACTERS = 40


@dataclass(frozen=True)
class Guide:
    """What intake must know of a site, all plain mappings from ``parameters/``.

    Attributes
    ----------
    profile : mapping
        ``hospitals/<site>.yml``; without ``layouts`` shape and columns are detected.
    layouts, aliases, checks : mapping
        ``layouts.yml``, ``aliases.yml``, ``checks.yml``.
    agreement : mapping
        The site's entry of ``agreements.yml``; empty when there is none, and every file is refused.
    rules : mapping
        Thresholds, ``defaults.yml``.
    """

    profile: Mapping[str, Any]
    layouts: Mapping[str, Any]
    aliases: Mapping[str, Any]
    agreement: Mapping[str, Any]
    checks: Mapping[str, Any]
    rules: Mapping[str, Any]


@dataclass(frozen=True)
class Taken:
    """A file that was taken in.

    Attributes
    ----------
    submission : dict
        One row of the table ``submissions``; its status is ``accepted``.
    conformed, quarantine, changes, reconciliation : DataFrame
        Tables of these names; ``quarantine`` holds no content of the rows.
    """

    submission: dict[str, Any]
    conformed: pd.DataFrame
    quarantine: pd.DataFrame
    changes: pd.DataFrame
    reconciliation: pd.DataFrame


@dataclass(frozen=True)
class _Opened:
    """A file as read: its sheet, the layout that fits, and which rows are what."""

    layout_name: str
    layout: Mapping[str, Any]
    sheet: _readers.Sheet
    records: list[int]
    blank: int
    totals: int
    dropped: list[str]


def month_in_name(filename: str, profile: Mapping[str, Any]) -> str:
    """Return the month ("YYYY-MM") that a file's name states by the profile's pattern; empty when it states none.

    Raises
    ------
    errors.IntakeError
        When the name states a month that does not exist.
    """
    return _file_month.in_name(filename, profile)


def submission_id(content: bytes) -> str:
    """Return the id of a file: the first 16 hex digits of the sha256 of its bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def take(
    content: bytes,
    *,
    filename: str,
    site: str,
    guide: Guide,
    received: str,
    synthetic: bool,
    earlier: Collection[str] = (),
) -> Taken:
    """Take in one file.

    Parameters
    ----------
    content : bytes
        The file.
    filename : str
        Its name in the drop folder; the month is read from it by the profile's ``file_pattern``.
    site : str
        Code of the site in whose drop folder it lay.
    guide : Guide
        The site's profile and agreement, and the layouts, checks and thresholds.
    received : str
        Date received, YYYY-MM-DD.
    synthetic : bool
        Whether the file was made by the synthetic London.
    earlier : collection of str
        ``source_key`` of records of earlier files that count together with this one (submission mode ``append``).

    Returns
    -------
    Taken
        Times are naive London wall-clock times: local columns are used where there are any, UTC ones are
        converted. Row numbers count records of a text file, so a line break inside quotes starts no new row; in an
        XML file three rows stand for the period's names and values and the names of the columns.

    Raises
    ------
    errors.IntakeError
        With one sentence that holds no content of a record: the agreement does not cover it; the file is empty,
        not readable, of another carrier than its layout, lacks a column, does not show which number of a date is
        the day, is for another month or site than its name or folder says, has no record without declaring a
        period, or has no record that can be counted.

    Notes
    -----
    It can mislead: a month without a file name and a declared period is the month in which most patients
    arrived; two people hurt together look like one in a file without row ids, so equal records are kept and
    flagged. Whether a later file replaces an earlier one is decided by the caller.
    """
    refusal = agreements.refusal(site, guide.agreement, received, filename)
    if refusal:
        raise errors.IntakeError(refusal)
    named = _file_month.in_name(filename, guide.profile)
    opened = _open(content, filename, site, guide, named)
    declared = _file_month.declared(filename, opened.sheet, opened.layout, site)
    if not opened.records and not declared:
        msg = (
            f"'{filename}' has a header but no record and no reporting period; ask the site whether it treated nobody."
        )
        raise errors.IntakeError(msg)
    cells = _records.columns(opened.sheet, opened.records, opened.layout)
    formats = _dates.settle(filename, cells, opened.layout.get("formats"), named or declared)
    times = {part: _dates.times(part, cells, formats, len(opened.records)) for part in ("arrival", "incident")}
    month = _file_month.settle(filename, named, declared, times["arrival"].at)
    base = {"submission_id": submission_id(content), "site_code": site, "month": month, "synthetic": synthetic}
    tables = _tables(opened, cells, times, base, guide, frozenset(earlier))
    submission = base | _counts(opened, tables)
    submission |= {"file": filename, "received": received, "shape": opened.layout["shape"], "status": "accepted"}
    submission |= {"layout": opened.layout_name, "reason": "", "zero_declared": not opened.records}
    _reconcile(submission)
    return Taken(submission, **tables)


# ---- layout and header ------------------------------------------------------------------------------------


def _open(content: bytes, filename: str, site: str, guide: Guide, named: str) -> _Opened:
    """Read the file by the first pinned layout whose columns are all there, or by the shape that fits best."""
    refusal: errors.IntakeError | None = None
    fitting: list[tuple[str, Mapping[str, Any], _readers.Sheet]] = []
    pinned = bool(guide.profile.get("layouts"))
    for name, layout in _shapes.candidates(filename, site, guide.profile, guide.layouts, guide.aliases, named):
        try:
            sheet = _readers.read(content, filename, layout, guide.rules)
            _require(sheet, filename, name, layout)
        except errors.IntakeError as error:
            refusal = refusal or error
            continue
        fitting.append((name, layout, sheet))
        if pinned:
            break
    if not fitting:
        raise refusal or AssertionError(filename)
    name, layout, sheet = fitting[_shapes.best([sheet for *_, sheet in fitting])]
    _check_lists(name, layout)
    return _sorted_rows(name, layout, *_admitted(sheet, layout, guide.agreement))


def _require(sheet: _readers.Sheet, filename: str, name: str, layout: Mapping[str, Any]) -> None:
    """Refuse a file that lacks a column; name what is there only when the row is surely a header."""
    can_lack = {*layout.get("optional", []), *schema.OPTIONAL_FIELDS, "age"}
    spelling = {c: h if isinstance(h, str) else h[0] for c, h in layout["columns"].items()}
    missing = [spelling[c] for c in layout["columns"] if c not in sheet.columns and c not in can_lack]
    if not missing and not _ARRIVALS & set(sheet.columns):
        missing = [spelling[c] for c in layout["columns"] if c in _ARRIVALS][:1]
    missing = _shapes.lacking(sheet.columns, layout) or missing
    if not missing:
        return
    if len(sheet.columns) < 2 or len(sheet.columns) < len(missing):
        known = f"of layout '{name}' ({', '.join(spelling.values())})"
        msg = (
            f"'{filename}' has no header row {'with known headings' if 'required' in layout else known}; "
            "ask the site what it sent, or give its profile the right layout."
        )
        raise errors.IntakeError(msg)
    there = f"has {', '.join(_headings(sheet))}" if _headings(sheet) else "may have run together with another row"
    msg = (
        f"'{filename}' lacks the column {', '.join(map(repr, missing))} of layout '{name}'; row {sheet.header + 1} "
        f"{there}: mend the layout or ask the site."
    )
    raise errors.IntakeError(msg)


def _headings(sheet: _readers.Sheet) -> list[str]:
    """Return the headings, without personal data; none when the row is of another width than the rows below it."""
    widths = [len(row) for row in sheet.rows[sheet.header + 1 :] if any(not _readers.is_blank(cell) for cell in row)]
    if not widths or len(sheet.rows[sheet.header]) != int(np.median(widths)):
        return []
    names = [name[:_HEADING_CHARACTERS].replace(";", ",") for name in _readers.headers_found(sheet)]
    return privacy.redact(pd.Series(names, dtype="str"))[0].tolist()


def _check_lists(name: str, layout: Mapping[str, Any]) -> None:
    """Refuse a layout that maps a code to something that is not canonical, such as the "?" of a draft."""
    for column, (key, permitted) in _shapes.LISTS.items():
        off = [str(raw) for raw, code in layout.get(key, {}).items() if code not in permitted]
        if off:
            msg = (
                f"Layout '{name}' gives {len(off)} of its '{key}' a code that does not exist, first '{off[0]}'; "
                f"choose from docs/data_dictionary.md, column {column}."
            )
            raise errors.IntakeError(msg)


def _admitted(
    sheet: _readers.Sheet, layout: Mapping[str, Any], agreement: Mapping[str, Any]
) -> tuple[_readers.Sheet, list[str]]:
    """Leave every column at the door that is not read or not permitted; return the rest and their headings."""
    permitted = {*agreement.get("fields", [])}
    permitted |= {"age"} if "age_band" in permitted else set()
    barred = {*schema.OPTIONAL_FIELDS, "age"} - permitted
    columns = {name: place for name, place in sheet.columns.items() if name not in barred}
    header, headings = sheet.rows[sheet.header], _headings(sheet)
    filled = [place for place, cell in enumerate(header) if not _readers.is_blank(cell)]
    left = [headings[k] if headings else "" for k, place in enumerate(filled) if place not in set(columns.values())]
    return _readers.Sheet(**{**vars(sheet), "columns": columns}), left


def _sorted_rows(name: str, layout: Mapping[str, Any], sheet: _readers.Sheet, dropped: list[str]) -> _Opened:
    """Tell records from blank rows and totals; everything up to the header counts as header."""
    marks = _shapes.total_marks(layout)
    records, blank, totals = [], 0, 0
    for number in range(sheet.header + 1, len(sheet.rows)):
        filled = next((cell for cell in sheet.rows[number] if not _readers.is_blank(cell)), None)
        if filled is None:
            blank += 1
        elif str(filled).strip().casefold().startswith(marks):
            totals += 1
        else:
            records.append(number)
    return _Opened(name, layout, sheet, records, blank, totals, dropped)


# ---- rows ------------------------------------------------------------------------------------------------


def _tables(
    opened: _Opened,
    cells: _records.Cells,
    times: Mapping[str, _dates.Times],
    base: Mapping[str, Any],
    guide: Guide,
    earlier: frozenset[str],
) -> dict[str, pd.DataFrame]:
    """Check the records and build the four tables of the file."""
    count = len(opened.records)
    empty = [None] * count
    layout = opened.layout
    lists = {
        c: _records.coded(cells.get(c, empty), layout.get(_shapes.LISTS[c][0], {})) for c in ("method", "location_type")
    }
    texts, personal = {}, {}
    for column in TEXTS:
        texts[column], personal[column] = _records.redacted(cells.get(column, empty))
    values = {"method": lists["method"].codes, "location_type": lists["location_type"].codes}
    values |= {"method_source": lists["method"].source, "location_type_source": lists["location_type"].source}
    values |= texts | _records.optional(cells, layout, guide.agreement.get("fields", []))
    staged = _rulebook.Staged(
        month=base["month"],
        cells=cells,
        times=times,
        when={part: read.at for part, read in times.items()},
        marks=_marks(opened, lists, personal, count),
        assault=frozenset(str(value).casefold() for value in layout.get("assault", [])),
        keys=_keys(base["site_code"], cells.get("row_id", empty)),
        earlier=earlier,
        texts={c: [_readers.as_text(cell) if cell is not None else "" for cell in cells.get(c, empty)] for c in TEXTS},
    )
    checks = _rulebook.load(guide.checks, guide.rules)
    flags = _rulebook.apply(checks, staged)
    further = [(k, staged.leader[k]) for k in np.flatnonzero(staged.fate == "further_injury")]
    folded = _records.fold(values, further)
    row_no = np.array(opened.records, dtype="int64") + 1
    edits = _lineage.edits(staged, checks, flags, lists, personal, row_no)
    edits += [(k, name, "further_injury", before, after) for k, name, before, after in folded]
    return {
        "conformed": _conformed(staged, values, flags, row_no, base, layout["shape"]),
        "quarantine": _lineage.quarantine(staged, checks, row_no, base),
        "changes": _lineage.changes(edits, staged, row_no, base),
        "reconciliation": _lineage.reconciliation(
            {"header": opened.sheet.header + 1, "blank": opened.blank, "total": opened.totals}, staged, checks, base
        ),
    }


def _marks(
    opened: _Opened, lists: Mapping[str, _records.Coded], personal: Mapping[str, dict[str, np.ndarray]], count: int
) -> dict[str, np.ndarray]:
    """Return what the reading found by the way, for the checks."""
    sheet = opened.sheet
    width = len(sheet.rows[sheet.header]) if sheet.carrier == "csv" else None
    beyond = [bool(width) and any(not _readers.is_blank(c) for c in sheet.rows[n][width:]) for n in opened.records]
    held = [kind for kinds in personal.values() for kind in kinds.values()]
    return {
        "shifted": np.array(beyond, dtype=bool),
        "personal": np.logical_or.reduce(held) if held else np.zeros(count, dtype=bool),
        "formula": _records.touched(sheet.formulas, sheet, opened.records),
        "merged": _records.touched(sheet.merged, sheet, opened.records),
        **{f"unmapped_{column}": found.odd for column, found in lists.items()},
    }


def _keys(site: str, ids: list[Any]) -> list[str]:
    """Hash the site's own numbers, so that a record can be told again without its number."""
    return ["" if cell is None else submission_id(f"{site}|{_readers.as_text(cell)}".encode()) for cell in ids]


def _conformed(
    staged: _rulebook.Staged,
    values: Mapping[str, list[Any]],
    flags: Mapping[str, np.ndarray],
    row_no: np.ndarray,
    base: Mapping[str, Any],
    shape: str,
) -> pd.DataFrame:
    """Build the conformed table and keep the records that count."""
    incident = staged.when["incident"]
    quality = np.select(
        [np.isnat(incident), staged.times["incident"].date_only, flags.get("incident_default_time", False)],
        ["missing", "date_only", "default"],
        "exact",
    )
    columns = {
        **dict.fromkeys(schema.OPTIONAL_FIELDS, ""),
        **base,
        **values,
        "row_no": row_no,
        "record_id": [submission_id(f"{base['submission_id']}{row}".encode()) for row in row_no],
        "source_key": staged.keys,
        "shape": shape,
        "arrival_at": staged.when["arrival"],
        "incident_at": incident,
        "incident_quality": quality,
        "flags": _records.joined_flags(flags, staged.count),
    }
    return _records.table("conformed", columns, staged.count)[staged.fate == ""].reset_index(drop=True)


def _counts(opened: _Opened, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the counts of a submission."""
    fates = tables["reconciliation"].groupby("fate")["rows"].sum()
    return {
        "rows_physical": len(opened.sheet.rows),
        **{part: int(fates.get(part.removeprefix("rows_"), 0)) for part in PARTS},
        "columns_dropped": len(opened.dropped),
        "dropped": "; ".join(filter(None, opened.dropped)),
        "pid_redacted": int(tables["conformed"]["flags"].str.contains("personal_data", regex=False).sum()),
    }


def _reconcile(submission: Mapping[str, Any]) -> None:
    """Account for every physical row, and refuse a file without a single record that counts."""
    file = submission["file"]
    total = sum(submission[part] for part in PARTS)
    if total != submission["rows_physical"]:
        msg = f"'{file}' has {submission['rows_physical']} rows but {total} are accounted for; report this as a fault."
        raise errors.IntakeError(msg)
    if not submission["zero_declared"] and not submission["rows_accepted"] and not submission["rows_duplicate"]:
        msg = (
            f"None of the {submission['rows_quarantined']} records of '{file}' can be counted "
            "(unreadable arrival, other month or not an assault); mend its layout or ask the site."
        )
        raise errors.IntakeError(msg)
