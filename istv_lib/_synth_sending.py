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
# fate of a row that is no attendance, and the column without which a file cannot hold it
NEEDS = {"duplicate": "row_id", "further_injury": "sequence", "not_assault": "intent"}
FIRST_HALF, SENT_AGAIN = 15, 20  # last day of the first of two files; of its records one in so many is sent again
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
        The files, and one row per record of the files that count: index of ``recorded`` (twice, where a record
        is sent again), ``file``, ``submission_id``, ``row_no``, ``record_id``, ``method_read`` and
        ``location_type_read``. Of a corrected file, it is the correction that counts.
    """
    used = {pair: _synth_files.layout_of(profiles[pair[0]], pair[1]) for pair in expected(plan)}
    rows = _kept(recorded, used, plan, layouts)
    blocks = dict(iter(rows.groupby(["site", "month"])[["arrival_at", "truth", "fate"]]))
    parts = dict(iter(rows.groupby("layout")))
    tables = {name: _synth_files.cells(part, layouts[name], rng) for name, part in parts.items()}
    sent: list[Sent] = []
    told: list[pd.DataFrame] = []
    for (site, month), layout_name in used.items():
        layout, table = layouts[layout_name], tables[layout_name]
        name = _synth_files.file_name(profiles[site], layout, month, plan.months.index(month) + 1)
        block = blocks.get((site, month), rows.iloc[:0])
        for file, kept, received, counts in _versions(site, month, name, block, plan, rng):
            spoilt = plan.unreadable == (site, month) and not counts
            content = NOT_A_TABLE if spoilt else _content(table.loc[kept], layout, site, month)
            sent.append(Sent(f"{site}/{file}", content, received))
            if counts:
                told.append(_told(kept, layout, sent[-1]))
    read = pd.concat([_synth_files.read_as(part, layouts[name]) for name, part in parts.items()])
    return sent, pd.concat(told).join(read)


def _told(index: pd.Index, layout: Mapping[str, Any], file: Sent) -> pd.DataFrame:
    """Say under which ids the records of a file are known after intake."""
    submission = _synth_files.short_hash(file.content)
    rows = _synth_files.row_numbers(len(index), layout)
    records = [_synth_files.short_hash(f"{submission}{row}") for row in rows]
    columns = {"file": file.path, "submission_id": submission, "row_no": rows, "record_id": records}
    return pd.DataFrame(columns, index=index)


def expected(plan: Plan) -> list[tuple[str, str]]:
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


def _kept(recorded: pd.DataFrame, used: Mapping, plan: Plan, layouts: Mapping) -> pd.DataFrame:
    """Rows that are sent, with their ``layout``: without those it cannot carry and days that are not there yet."""
    pairs = pd.MultiIndex.from_frame(recorded[["site", "month"]])
    layout = pd.Series(pairs.map(used), index=recorded.index)
    keep = layout.notna()
    for fate, column in NEEDS.items():
        able = [name for name in layouts if column in layouts[name]["columns"]]
        keep &= (recorded["fate"] != fate) | layout.isin(able)
    if plan.partial:
        keep &= ~pairs.isin([plan.partial[:2]]) | (recorded["arrival_at"].dt.day <= plan.partial[2])
    if plan.failed:
        keep &= ~pairs.isin([plan.failed])
    return recorded.assign(layout=layout)[keep]


def _content(table: pd.DataFrame, layout: Mapping[str, Any], site: str, month: str) -> bytes:
    return _synth_files.to_bytes(_synth_files.lines(table, layout, site=site, month=month), layout)


def _versions(
    site: str, month: str, name: str, rows: pd.DataFrame, plan: Plan, rng: np.random.Generator
) -> list[tuple[str, pd.Index, str, bool]]:
    """Return name, rows, date received and whether it counts of the files of one site-month: usually one file."""
    received = _received(site, month, plan, rng)
    later = _add_days(received, CORRECTED_AFTER_DAYS)
    stem, _, ending = name.rpartition(".")
    whole = rows.index
    if (site, month) in plan.resubmitted:
        fewer = whole[rng.uniform(size=len(rows)) < FIRST_VERSION_SHARE]
        return [(name, fewer, received, False), (f"{stem}_v2.{ending}", whole, later, True)]
    if plan.unreadable == (site, month):
        return [(name, whole, received, False), (f"{stem}_v2.{ending}", whole, later, True)]
    if plan.duplicated == (site, month):
        return [(name, whole, received, False), (f"{stem} (1).{ending}", whole, received, True)]
    if site == plan.halves[0] and month in plan.halves[1]:
        early = rows["arrival_at"].dt.day <= FIRST_HALF
        again = early & rows["truth"] & (rows["fate"] == "accepted") & (np.arange(len(rows)) % SENT_AGAIN == 0)
        halves = (whole[early], _add_days(f"{month}-{FIRST_HALF}", 3)), (whole[~early | again], received)
        return [(f"{stem}_part{k}.{ending}", kept, on, True) for k, (kept, on) in enumerate(halves, 1)]
    return [(name, whole, received, True)]


def _received(site: str, month: str, plan: Plan, rng: np.random.Generator) -> str:
    """Return the date received: two to nine days after the month's end, except where the plan says late."""
    usual = int(rng.integers(2, 10))
    late = {(code, when): days for code, when, days in plan.late}
    return _add_days(f"{month}-{months.days_in(month)}", late.get((site, month), usual))


def _add_days(date: str, days: int) -> str:
    return (pd.Timestamp(date) + pd.Timedelta(days=days)).strftime("%Y-%m-%d")
