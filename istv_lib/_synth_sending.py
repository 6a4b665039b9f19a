"""Which files the synthetic departments send, when they are received, and what became of each attendance.

A helper of :mod:`istv_lib.synth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _synth_files, months
from istv_lib._synth_plan import Plan, roster

CORRECTED_AFTER_DAYS = 21
FIRST_VERSION_SHARE = 0.7  # of the rows of a corrected file were in its first version
NOT_A_TABLE = b"%PDF-1.4\r\n% synthetic file that is not a table\r\n"


@dataclass(frozen=True)
class Sent:
    """One file: its path below ``incoming/``, its bytes and the date received."""

    path: str
    content: bytes
    received: str


def send(
    recorded: pd.DataFrame, plan: Plan, layouts: Mapping, profiles: Mapping, rng: np.random.Generator
) -> tuple[list[Sent], pd.DataFrame]:
    """Write every file the plan's departments send.

    Parameters
    ----------
    recorded : DataFrame
        From ``_synth_files.record``.

    Returns
    -------
    list of Sent, DataFrame
        The files, and one row per sent record: index of ``recorded``, ``file``, ``submission_id``, ``row_no``,
        ``record_id``. Of a corrected file, it is the correction that counts.
    """
    blocks = _blocks(recorded, _expected(plan), plan, layouts, profiles)
    tables = _tables(blocks, layouts, rng)
    sent: list[Sent] = []
    told: list[pd.DataFrame] = []
    for (site, month), (layout_name, rows) in blocks.items():
        layout = layouts[layout_name]
        table = tables[layout_name].loc[rows.index]
        name = _synth_files.file_name(profiles[site], layout, month, plan.months.index(month) + 1)
        files = [
            Sent(f"{site}/{file}", _content(table.loc[kept], layout, site, month), received)
            for file, kept, received in _versions(site, month, name, rows.index, plan, rng)
        ]
        if plan.unreadable == (site, month):
            files[0] = Sent(files[0].path, NOT_A_TABLE, files[0].received)
        sent += files
        told.append(_told(rows.index, layout, files[-1]))
    return sent, pd.concat(told)


def _told(index: pd.Index, layout: Mapping[str, Any], file: Sent) -> pd.DataFrame:
    """Say under which ids the records of a file are known after intake."""
    submission = _synth_files.short_hash(file.content)
    rows = _synth_files.row_numbers(len(index), layout)
    records = [_synth_files.short_hash(f"{submission}{row}") for row in rows]
    columns = {"file": file.path, "submission_id": submission, "row_no": rows, "record_id": records}
    return pd.DataFrame(columns, index=index)


def _expected(plan: Plan) -> list[tuple[str, str]]:
    """Site-months for which a file is sent."""
    silent = {(plan.outage[0], month) for month in plan.outage[1]} | set(plan.missing)
    if plan.absent_newest:
        silent.add((plan.absent_newest, plan.last))
    sites = roster(plan).set_index("site_code")
    return [
        (site, month)
        for site in sites.index
        for month in plan.months
        if (site, month) not in silent
        and month >= (sites["valid_from"][site] or plan.first)
        and month <= (sites["valid_to"][site] or plan.last)
    ]


def _blocks(
    recorded: pd.DataFrame, expected: list[tuple[str, str]], plan: Plan, layouts: Mapping, profiles: Mapping
) -> dict[tuple[str, str], tuple[str, pd.DataFrame]]:
    """Layout and rows of each file; rows a layout cannot carry (no id, no intent) and late days are left out."""
    groups = dict(iter(recorded.groupby(["site", "month"])))
    blocks = {}
    for site, month in expected:
        name = _synth_files.layout_of(profiles[site], month)
        columns = layouts[name]["columns"]
        rows = groups.get((site, month), recorded.iloc[:0])
        keep = (rows["fate"] != "duplicate") | ("row_id" in columns)
        keep &= (rows["fate"] != "not_assault") | ("intent" in columns)
        if plan.partial and (site, month) == plan.partial[:2]:
            keep &= rows["arrival_at"].dt.day <= plan.partial[2]
        blocks[site, month] = (name, rows[keep])
    return blocks


def _tables(blocks: Mapping, layouts: Mapping, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Cells of all files of a layout at once, which is much faster than file by file."""
    tables = {}
    for name in layouts:
        parts = [rows for layout, rows in blocks.values() if layout == name]
        if parts:
            tables[name] = _synth_files.cells(pd.concat(parts), layouts[name], rng)
    return tables


def _content(table: pd.DataFrame, layout: Mapping[str, Any], site: str, month: str) -> bytes:
    return _synth_files.to_bytes(_synth_files.lines(table, layout, site=site, month=month), layout)


def _versions(
    site: str, month: str, name: str, rows: pd.Index, plan: Plan, rng: np.random.Generator
) -> list[tuple[str, pd.Index, str]]:
    """Return name, rows and date received of the files of one site-month, oldest first: usually one file."""
    received = _received(site, month, plan, rng)
    later = _add_days(received, CORRECTED_AFTER_DAYS)
    stem, _, ending = name.rpartition(".")
    if (site, month) in plan.resubmitted:
        fewer = rows[rng.uniform(size=len(rows)) < FIRST_VERSION_SHARE]
        return [(name, fewer, received), (f"{stem}_v2.{ending}", rows, later)]
    if plan.unreadable == (site, month):
        return [(name, rows, received), (f"{stem}_v2.{ending}", rows, later)]
    if plan.duplicated == (site, month):
        return [(name, rows, received), (f"{stem} (1).{ending}", rows, received)]
    return [(name, rows, received)]


def _received(site: str, month: str, plan: Plan, rng: np.random.Generator) -> str:
    """Return the date received: two to nine days after the month's end, except where the plan says late."""
    usual = int(rng.integers(2, 10))
    late = {(code, when): days for code, when, days in plan.late}
    return _add_days(f"{month}-{months.days_in(month)}", late.get((site, month), usual))


def _add_days(date: str, days: int) -> str:
    return (pd.Timestamp(date) + pd.Timedelta(days=days)).strftime("%Y-%m-%d")
