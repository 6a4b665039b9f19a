"""What became of the rows of one file, and what was edited in them: quarantine, changes, reconciliation.

A helper of :mod:`istv_lib.intake`. Reading a cell by its layout (the way a date is written, spaces, a code on the
layout's list, a word for "nothing") is no edit: it can be told from the layout. Every other edit is a row here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _records, privacy
from istv_lib._rulebook import Check, Staged

Edit = tuple[int, str, str, str, str]  # record, field, rule, before, after
_FATES = {"quarantine": "quarantined", "duplicate": "duplicate"}


def edits(
    staged: Staged,
    checks: list[Check],
    flags: Mapping[str, np.ndarray],
    lists: Mapping[str, _records.Coded],
    personal: Mapping[str, Mapping[str, np.ndarray]],
    row_no: np.ndarray,
) -> list[Edit]:
    """Return every edit of the records of a file, those of rows that are set aside included.

    What stood in an unreadable cell or in place of a personal datum is withheld: it may be anything.
    """
    out = [(k, "row", staged.fate[k], "", f"row {row_no[j]}") for k, j in enumerate(staged.leader) if j >= 0]
    out += [(k, "row", "repeated_in_earlier_file", "", "") for k in _at(staged.fate == "repeated_in_earlier_file")]
    out += [(k, "row", "merged_cell", "", "") for k in _at(staged.marks["merged"])]
    for part, read in staged.times.items():
        stamps = np.datetime_as_string(read.at, unit="s")
        out += [(k, part, "time_from_utc", "", stamps[k]) for k in _at(read.from_utc)]
        out += [(k, part, "excel_serial", "", stamps[k]) for k in _at(read.serial)]
        out += [(k, part, f"{part}_unreadable", "", "") for k in _at(read.unreadable)]
        for check in checks:
            if check.action == "blank" and check.columns[0] == part:
                out += [(k, part, check.id, stamps[k], "") for k in _at(flags[check.id])]
    missing = np.isnat(staged.when["arrival"])
    out += [(k, "month", "month_from_submission", "", staged.month) for k in _at(missing)]
    for column, found in lists.items():
        out += [(k, column, f"unmapped_{column}", found.source[k], "unknown") for k in _at(found.odd)]
    for column, kinds in personal.items():
        for kind, held in kinds.items():
            out += [(k, column, f"personal_{kind}", "", privacy.TOKENS[kind]) for k in _at(held)]
    return out


def _at(holds: np.ndarray) -> np.ndarray:
    return np.flatnonzero(holds)


def changes(found: list[Edit], staged: Staged, row_no: np.ndarray, base: Mapping) -> pd.DataFrame:
    """Return the table ``changes``: the edits of the records that count, and where the repeated rows went."""
    counts, repeats = staged.fate == "", staged.leader >= 0
    kept = sorted(e for e in found if counts[e[0]] or (e[1] == "row" and (repeats | (staged.fate == e[2]))[e[0]]))
    columns = {name: [edit[i] for edit in kept] for i, name in enumerate(("field", "rule", "before", "after"), 1)}
    rows = row_no[[edit[0] for edit in kept]] if kept else []
    return _records.table("changes", {**base, **columns, "row_no": rows}, len(kept))


def quarantine(staged: Staged, checks: list[Check], row_no: np.ndarray, base: Mapping) -> pd.DataFrame:
    """Return the table ``quarantine``: rows set aside with reason, severity and column, never their content."""
    by_id = {check.id: check for check in checks if check.action == "quarantine"}
    held = np.isin(staged.fate, list(by_id))
    why = [by_id[fate] for fate in staged.fate[held]]
    columns = {
        "reason": [check.id for check in why],
        "severity": [check.severity for check in why],
        "column": [check.columns[0] for check in why],
        "row_no": row_no[held],
    }
    return _records.table("quarantine", {**base, **columns}, len(why))


def reconciliation(other: Mapping[str, int], staged: Staged, checks: list[Check], base: Mapping) -> pd.DataFrame:
    """Return the table ``reconciliation``: how many physical rows met which fate, and why.

    ``other`` holds the rows that are no records, by fate.
    """
    rows = [(fate, "", count) for fate, count in other.items()]
    rows.append(("accepted", "", int((staged.fate == "").sum())))
    for check in checks:
        held = int((staged.fate == check.id).sum())
        if held:
            rows.append((_FATES[check.action], check.id, held))
    columns = dict(zip(("fate", "reason", "rows"), map(list, zip(*rows, strict=True)), strict=True))
    return _records.table("reconciliation", {**base, **columns}, len(rows))
