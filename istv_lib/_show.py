"""What a verb shows: sentences, tables, progress; a helper of :mod:`istv_lib.cli`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

console = Console(highlight=False, soft_wrap=True)
FILES_MOST, REASONS_MOST, WIDTH_LEAST = 40, 3, 132
FILE_HEADS = ["file", "month", "state", "rows", "accepted", "set aside", "repeated", "personal data", "reasons"]
TAKEN = ("accepted", "superseded")
COUNTS = ["rows_physical", "rows_accepted", "rows_quarantined", "rows_duplicate", "pid_redacted"]


@contextmanager
def bar(what: str, total: int | None = None, stages: Mapping[str, str] | None = None) -> Iterator[Callable]:
    """Show one progress bar; yields a function to call for each piece, or with the name of a stage that begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)

        def tick(piece: object = None) -> None:
            stage = (stages or {}).get(piece) if isinstance(piece, str) else None
            if stage is None:
                progress.advance(task)
            else:
                progress.update(task, description=stage, total=None)

        yield tick


def say(sentence: str) -> None:
    """Print a sentence as it is."""
    console.print(sentence, markup=False)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], *, left: Sequence[str] = ()) -> None:
    """Print a table; all columns but the first and those of ``left`` are aligned to the right.

    Only the first and the last column are folded to fit the width, which is taken to be 132 characters or more.
    """
    shown = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for i, head in enumerate(heads):
        fixed = 0 < i < len(heads) - 1
        shown.add_column(head, justify="left" if i == 0 or head in left else "right", no_wrap=fixed, overflow="fold")
    for row in rows:
        shown.add_row(*map(str, row))
    Console(highlight=False, width=max(console.width, WIDTH_LEAST)).print(shown)


def outcome(title: str, records: list[dict], folder: Path) -> None:
    """Show how many ended how, and each that did not end well with why and where."""
    states = Counter(record["status"] for record in records)
    table(title, ["state", "count"], [(k, f"{n:,}") for k, n in sorted(states.items())])
    for record in (r for r in records if r["status"] in {"failed", "refused"}):
        say(f"{record['status'].capitalize()}: {record['id']}: {record.get('why', '')} ({short(folder)})")


def short(path: Path) -> str:
    """Return a path from where one stands, when that is shorter."""
    with_dots = os.path.relpath(path)
    return with_dots if len(with_dots) < len(str(path)) else str(path)


def files(new: pd.DataFrame, reconciliation: pd.DataFrame, *, everything: bool) -> None:
    """Show what became of each file; of many, unless all are asked for, those with the most to note.

    Parameters
    ----------
    new : DataFrame
        Rows of ``submissions``.
    reconciliation : DataFrame
        That table: the reasons for rows set aside or repeated.
    everything : bool
        List every file however many there are.
    """
    if new.empty:
        say("No new file.")
        return
    told = new[COUNTS[2:]].fillna(0).sum(axis=1).astype("float64").mask(~new["status"].isin(TAKEN), np.inf)
    shown = new if everything else new.assign(told=told).sort_values("told", ascending=False, kind="stable")
    if not everything and len(new) > FILES_MOST:
        shown = shown[shown["told"] > 0].head(FILES_MOST)
    reasons = _reasons(reconciliation)
    rows = []
    for row in shown.to_dict("records"):
        counts = ["" if pd.isna(row[name]) else f"{row[name]:,}" for name in COUNTS]
        why = reasons.get(row["submission_id"], "") if row["status"] in TAKEN else ""
        rows.append(
            (f"{row['site_code']}/{row['file']}", row["month"], row["status"].removesuffix("_file"), *counts, why)
        )
    table("Files" if everything else "New files", FILE_HEADS, rows, left=("month", "state", "reasons"))
    if len(shown) < len(new):
        noted = int((told > 0).sum()) - len(shown)
        more = f"{noted:,} more with something to note and " if noted else ""
        say(f"Not listed: {more}{int((told == 0).sum()):,} with nothing to note; `istv intake --all` lists every file.")


def _reasons(reconciliation: pd.DataFrame) -> dict[str, str]:
    """Return the commonest reasons of each file, with the rows that each took."""
    told = reconciliation[(reconciliation["reason"] != "") & (reconciliation["rows"] > 0)].sort_values(
        "rows", ascending=False, kind="stable"
    )
    words = told["reason"].str.replace("_", " ") + " " + told["rows"].astype("str")
    return words.groupby(told["submission_id"]).agg(lambda w: ", ".join(w.iloc[:REASONS_MOST])).to_dict()
