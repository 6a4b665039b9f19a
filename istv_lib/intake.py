"""One file of one site to conformed records: read, check, set aside, count.

A file is taken whole or refused whole with one sentence (:class:`istv_lib.errors.IntakeError`). Of a file that
is taken, every physical row is accounted for: header, blank, accepted, quarantined or duplicate. A row is
quarantined only when it cannot be counted as an attendance of the file's month; every other fault is a flag
on a record that counts.

Reasons for quarantine:

``extra_cells``            more cells than headers: a delimiter in the text has shifted the row
``no_content``             none of the layout's columns holds anything
``not_assault``            the intent says something other than assault
``arrival_unreadable``     an arrival is written that no format of the layout reads
``arrival_outside_month``  the arrival lies in another month than the file is for

Flags on records:

``month_from_submission``     no arrival written: counted in the file's month
``arrival_date_only``         arrival without a time of day
``incident_unreadable``       incident time written, but not readable: treated as missing
``incident_after_arrival``    incident later than arrival: treated as missing
``incident_long_before``      incident much earlier than arrival: kept
``unmapped_method``, ``unmapped_location_type``   a code that is not on the layout's list: "unknown"
``possible_duplicate``        all fields equal to an earlier record of a file without row ids: kept
``personal_data``             personal data were taken out of the text
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _file_month, _readers, _records, errors, privacy

REASONS = ("extra_cells", "no_content", "not_assault", "arrival_unreadable", "arrival_outside_month")
_COLUMNS = dict(zip(REASONS, ("", "", "intent", "arrival", "arrival"), strict=True))


@dataclass(frozen=True)
class Taken:
    """A file that was taken in.

    Attributes
    ----------
    submission : dict
        One row of the table ``submissions``; its status is ``accepted``.
    conformed : DataFrame
        Table ``conformed``.
    quarantine : DataFrame
        Table ``quarantine``; no content of the rows.
    """

    submission: dict[str, Any]
    conformed: pd.DataFrame
    quarantine: pd.DataFrame


def month_in_name(filename: str, profile: Mapping[str, Any]) -> str:
    """Return the month ("YYYY-MM") that a file's name states by the profile's pattern; empty when it states none.

    Raises
    ------
    errors.IntakeError
        When the name states a month that does not exist.
    """
    return _file_month.in_name(filename, profile)


@dataclass(frozen=True)
class _Opened:
    """A file as read: its sheet, the layout that fits, and which rows are what."""

    filename: str
    layout_name: str
    layout: Mapping[str, Any]
    sheet: _readers.Sheet
    records: list[int]
    blank: int
    headers: int


def submission_id(content: bytes) -> str:
    """Return the id of a file: the first 16 hex digits of the sha256 of its bytes."""
    return hashlib.sha256(content).hexdigest()[:16]


def take(
    content: bytes,
    *,
    filename: str,
    site: str,
    profile: Mapping[str, Any],
    layouts: Mapping[str, Any],
    received: str,
    synthetic: bool,
    rules: Mapping[str, Any],
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
    profile, layouts : mapping
        ``parameters/hospitals/<site>.yml`` and ``parameters/layouts.yml``.
    received : str
        Date received, YYYY-MM-DD.
    synthetic : bool
        Whether the file was made by the synthetic London.
    rules : mapping
        Thresholds: ``file_megabytes_most``, ``workbook_ratio_most``, ``header_rows_searched``,
        ``cell_characters_most``, ``incident_after_arrival_minutes``, ``incident_before_arrival_days``.

    Returns
    -------
    Taken
        Times are naive London wall-clock times: local columns are used where there are any, UTC ones are
        converted. Row numbers count records of a text file, so a line break inside quotes starts no new row.

    Raises
    ------
    errors.IntakeError
        With one sentence that holds no content of a record: the file is empty, not readable, of another
        carrier than its layout, lacks a column, is for another month or site than its name or folder says, has
        no record without declaring a period, or has no record that can be counted.

    Notes
    -----
    It can mislead: a month without a file name and a declared period is the month in which most patients
    arrived; two people hurt together look like one in a file without row ids, so equal records are kept and
    flagged. Whether a later file replaces an earlier one is decided by the caller.
    """
    named = _file_month.in_name(filename, profile)
    opened = _open(content, filename, site, profile, layouts, named, rules)
    declared = _file_month.declared(filename, opened.sheet, opened.layout, site)
    count = len(opened.records)
    if not count and not declared:
        msg = (
            f"'{filename}' has a header but no record and no reporting period; ask the site whether it treated nobody."
        )
        raise errors.IntakeError(msg)
    cells = _records.columns(opened.sheet, opened.records, opened.layout)
    arrival = _records.times("arrival", cells, opened.layout["formats"], count)
    month = _file_month.settle(filename, named, declared, arrival.at)
    reasons = _reasons(opened, cells, arrival, month)
    duplicate = _duplicates(cells, reasons)
    base = {"submission_id": submission_id(content), "site_code": site, "month": month, "synthetic": synthetic}
    row_no = np.array(opened.records, dtype="int64") + 1
    quarantine = _quarantine(reasons, row_no, base)
    conformed = _conformed(opened, cells, arrival, row_no, base, rules)
    conformed = conformed[(reasons == "") & ~duplicate].reset_index(drop=True)
    submission = {
        **base,
        "file": filename,
        "received": received,
        "shape": opened.layout["shape"],
        "layout": opened.layout_name,
        "status": "accepted",
        "reason": "",
        "rows_physical": len(opened.sheet.rows),
        "rows_header": opened.headers,
        "rows_blank": opened.blank,
        "rows_accepted": len(conformed),
        "rows_quarantined": len(quarantine),
        "rows_duplicate": int(duplicate.sum()),
        "pid_redacted": int(conformed["flags"].str.contains("personal_data", regex=False).sum()),
        "zero_declared": count == 0,
    }
    _reconcile(submission)
    return Taken(submission, conformed, quarantine)


# ---- layout and header ------------------------------------------------------------------------------------


def _layout_names(filename: str, site: str, profile: Mapping, layouts: Mapping, named: str) -> list[str]:
    """Return the layouts to try: the one of the month, or all of the site's, newest first."""
    entries = sorted(profile.get("layouts", []), key=lambda entry: entry["from"], reverse=True)
    if named:
        entries = [entry for entry in entries if entry["from"] <= named][:1]
    if not entries:
        msg = f"Site {site} has no layout for '{filename}' ({named or 'no month'}); add one to its profile."
        raise errors.IntakeError(msg)
    unknown = [entry["layout"] for entry in entries if entry["layout"] not in layouts]
    if unknown:
        msg = (
            f"The profile of {site} names layout '{unknown[0]}', which is not in parameters/layouts.yml; add it there."
        )
        raise errors.IntakeError(msg)
    return [entry["layout"] for entry in entries]


def _open(
    content: bytes, filename: str, site: str, profile: Mapping, layouts: Mapping, named: str, rules: Mapping
) -> _Opened:
    """Read the file by the first layout whose columns are all there."""
    refusal: errors.IntakeError | None = None
    for name in _layout_names(filename, site, profile, layouts, named):
        try:
            sheet = _readers.read(content, filename, layouts[name], rules)
            _require(sheet, filename, name, layouts[name])
        except errors.IntakeError as error:
            refusal = refusal or error
            continue
        return _sorted_rows(sheet, filename, name, layouts[name])
    raise refusal or AssertionError(filename)


def _require(sheet: _readers.Sheet, filename: str, name: str, layout: Mapping[str, Any]) -> None:
    """Refuse a file that lacks a column; name what is there only when the row is surely a header."""
    optional = set(layout.get("optional", []))
    missing = [c for c in layout["columns"] if c not in sheet.columns and c not in optional]
    if not missing:
        return
    spelling = {c: h if isinstance(h, str) else h[0] for c, h in layout["columns"].items()}
    if len(sheet.columns) < 2 or len(sheet.columns) < len(missing):
        msg = (
            f"'{filename}' has no header row of layout '{name}' ({', '.join(spelling.values())}); "
            "ask the site what it sent, or give its profile the right layout."
        )
        raise errors.IntakeError(msg)
    msg = (
        f"'{filename}' lacks the column {', '.join(repr(spelling[c]) for c in missing)} of layout '{name}'; row "
        f"{sheet.header + 1} has {', '.join(_readers.headers_found(sheet))}: mend the layout or ask the site."
    )
    raise errors.IntakeError(msg)


def _sorted_rows(sheet: _readers.Sheet, filename: str, name: str, layout: Mapping[str, Any]) -> _Opened:
    """Tell records from blank rows and totals; everything up to the header counts as header."""
    marker = layout.get("total_row", "").casefold()
    records, blank, totals = [], 0, 0
    for number in range(sheet.header + 1, len(sheet.rows)):
        filled = next((cell for cell in sheet.rows[number] if not _readers.is_blank(cell)), None)
        if filled is None:
            blank += 1
        elif marker and str(filled).strip().casefold().startswith(marker):
            totals += 1
        else:
            records.append(number)
    return _Opened(filename, name, layout, sheet, records, blank, sheet.header + 1 + totals)


# ---- rows ------------------------------------------------------------------------------------------------


def _reasons(opened: _Opened, cells: _records.Cells, arrival: _records.Times, month: str) -> np.ndarray:
    """Return the reason for which each record is set aside; empty where it is not."""
    sheet, layout, count = opened.sheet, opened.layout, len(opened.records)
    width = len(sheet.rows[sheet.header]) if layout["carrier"] == "csv" else None
    beyond = [width and any(not _readers.is_blank(c) for c in sheet.rows[n][width:]) for n in opened.records]
    told = [column for name, column in cells.items() if name != "row_id"]
    nothing = [all(cell is None for cell in record) for record in zip(*told, strict=True)]
    assault = {str(value).casefold() for value in layout.get("assault", [])}
    intent = cells.get("intent", [None] * count)
    other_intent = [cell is not None and str(cell).casefold() not in assault for cell in intent]
    other_month = ~np.isnat(arrival.at) & (_records.month_texts(arrival.at) != month)
    found = (beyond, nothing, other_intent, arrival.unreadable, other_month)
    return np.select([np.array(holds, dtype=bool) for holds in found], REASONS, default="")


def _duplicates(cells: _records.Cells, reasons: np.ndarray) -> np.ndarray:
    """Mark rows whose id repeats that of an earlier row that is not set aside."""
    seen: set[str] = set()
    out = np.zeros(len(reasons), dtype=bool)
    for k, cell in enumerate(cells.get("row_id", [])):
        if cell is not None and not reasons[k]:
            out[k] = str(cell) in seen
            seen.add(str(cell))
    return out


def _quarantine(reasons: np.ndarray, row_no: np.ndarray, base: Mapping[str, Any]) -> pd.DataFrame:
    held = reasons != ""
    values = {"row_no": row_no[held], "reason": reasons[held], "column": [_COLUMNS[r] for r in reasons[held]]}
    return _records.table("quarantine", {**base, **values}, int(held.sum()))


def _conformed(
    opened: _Opened,
    cells: _records.Cells,
    arrival: _records.Times,
    row_no: np.ndarray,
    base: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> pd.DataFrame:
    """Build the conformed table of all records, those that do not count included."""
    count = len(row_no)
    empty = [None] * count
    incident = _records.times("incident", cells, opened.layout["formats"], count)
    incident_at, quality, doubts = _records.incidents(incident, arrival.at, rules)
    method, method_source, odd_method = _records.codes(cells.get("method", empty), opened.layout["methods"])
    place, place_source, odd_place = _records.codes(cells.get("location_type", empty), opened.layout["location_types"])
    raw = ["" if cell is None else str(cell) for cell in cells.get("location_text", empty)]
    text, personal = privacy.redact(pd.Series(raw, dtype="str"))
    flags = {
        "month_from_submission": np.isnat(arrival.at),
        "arrival_date_only": arrival.date_only,
        **doubts,
        "unmapped_method": odd_method,
        "unmapped_location_type": odd_place,
        "possible_duplicate": np.zeros(count, dtype=bool) if "row_id" in cells else _records.alike(cells),
        "personal_data": personal.to_numpy().any(axis=1),
    }
    values = {
        **base,
        "row_no": row_no,
        "record_id": [submission_id(f"{base['submission_id']}{row}".encode()) for row in row_no],
        "shape": opened.layout["shape"],
        "arrival_at": arrival.at,
        "incident_at": incident_at,
        "incident_quality": quality,
        "location_text": text,
        "location_type": place,
        "location_type_source": place_source,
        "method": method,
        "method_source": method_source,
        "flags": _records.joined_flags(flags, count),
    }
    return _records.table("conformed", values, count)


def _reconcile(submission: Mapping[str, Any]) -> None:
    """Account for every physical row, and refuse a file without a single record that counts."""
    file = submission["file"]
    parts = ("rows_header", "rows_blank", "rows_accepted", "rows_quarantined", "rows_duplicate")
    total = sum(submission[part] for part in parts)
    if total != submission["rows_physical"]:
        msg = f"'{file}' has {submission['rows_physical']} rows but {total} are accounted for; report this as a fault."
        raise errors.IntakeError(msg)
    if submission["rows_accepted"] == 0 and not submission["zero_declared"]:
        msg = (
            f"None of the {submission['rows_quarantined']} records of '{file}' can be counted "
            "(unreadable arrival, other month or not an assault); mend its layout or ask the site."
        )
        raise errors.IntakeError(msg)
