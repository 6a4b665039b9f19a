"""What people decided about texts of places, kept as one CSV that a person can read: part of :mod:`istv_lib.review`.

A line is never lost: when a later decision takes its place, ``superseded_on`` says since when. The texts are those of
records, so the file is as restricted as they are.
"""

from __future__ import annotations

import hashlib
import io

import pandas as pd

from istv_lib import _csv, errors

DECISIONS = ("place", "home", "mobile", "outside", "hospital", "none")
NUMBERS = ["x", "y", "radius_m", "drawn", "asked_p", "asked_x", "asked_y"]
COLUMNS = (
    "text scope decision x y precision_class radius_m name sample drawn asked_class asked_p asked_x asked_y "
    "reviewer decided_on reason gazetteer_version superseded_on"
).split()
KEY = ["text", "scope"]


def read(content: bytes, *, filename: str = "place_decisions.csv") -> pd.DataFrame:
    """Return decisions, current and superseded, from the bytes of their file; no bytes give an empty table.

    Returns
    -------
    DataFrame
        :data:`COLUMNS`: ``text`` (normalised) and ``scope`` ("all" or a site code); ``decision``; ``x``, ``y``
        (EPSG:27700), ``precision_class``, ``radius_m`` and ``name`` of a place; ``sample`` (queue, audit, or empty
        when written by hand), ``drawn`` (audited attendances that the line stands for) and what had been answered:
        ``asked_class``, ``asked_p``, ``asked_x``, ``asked_y`` (of a borough: where its name stands on a map).

    Raises
    ------
    errors.StoreError
        When the file lacks a column, a line its text, a known decision or the point of its place, or when two lines
        hold for one text and scope.
    """
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False) if content.strip() else pd.DataFrame()
    lacking = [name for name in COLUMNS if name not in table] if len(table.columns) else []
    if lacking:
        raise errors.StoreError(f"'{filename}' lacks the column {', '.join(lacking)}; take it from an earlier copy.")
    table = table.reindex(columns=COLUMNS).astype("str")
    for name in NUMBERS:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    pointless = (table["decision"] == "place") & table[["x", "y"]].isna().any(axis=1)
    for column, wrong in (
        ("text", table[KEY].eq("").any(axis=1)),
        ("decision", ~table["decision"].isin(DECISIONS)),
        ("x", pointless),
        ("superseded_on", table.duplicated([*KEY, "superseded_on"]) & (table["superseded_on"] == "")),
    ):
        if wrong.any():
            msg = f"'{filename}', row {wrong.idxmax() + 2}: column {column} cannot be used; mend or remove the line."
            raise errors.StoreError(msg)
    return table


def empty() -> pd.DataFrame:
    """Return decisions without a line."""
    return read(b"")


def write(decisions: pd.DataFrame) -> bytes:
    """Return the bytes of the file, in one order; what a spreadsheet would take for a formula is defused."""
    ordered = decisions.reindex(columns=COLUMNS).sort_values([*KEY, "decided_on", "superseded_on"], kind="stable")
    return _csv.to_csv(ordered).encode("utf-8")


def current(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return the decisions that hold: those that none has taken the place of."""
    return decisions[decisions["superseded_on"] == ""].reset_index(drop=True)


def version(decisions: pd.DataFrame) -> str:
    """Return 12 hex digits that change with any decision that holds, whatever the order of the lines."""
    return hashlib.sha256(write(current(decisions))).hexdigest()[:12]
