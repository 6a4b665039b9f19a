"""From the files taken in to the tables that hold them: submissions, rows by file, revisions, conformed files.

A helper of :mod:`istv_lib.pipeline`. Every table is ordered by site, month, date received and name of the file, so that
the same files give the same bytes, whether they come in one intake or in several.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _revision, _taking, errors, intake, schema, store

Key = tuple[str, str, str]
Tick = Callable[[str], None]
LIVE = ("accepted", "superseded")
OF_FILES = ("quarantine", "changes", "reconciliation")
KEPT = ("submissions", *OF_FILES, "revisions")


def keys(submissions: pd.DataFrame) -> list[Key]:
    """Return folder, name and id of each file."""
    return list(zip(submissions["site_code"], submissions["file"], submissions["submission_id"], strict=True))


def among(submissions: pd.DataFrame, chosen: Collection[Key]) -> np.ndarray:
    """Mark the rows of the files chosen by folder, name and id."""
    return np.array([key in chosen for key in keys(submissions)], dtype=bool)


def held_tables(where: store.Root, *, again: bool) -> dict[str, Any]:
    """Return the tables that intake adds to, and the files taken in ``before``; empty when all is read again."""
    paths = {name: where.store / f"{name}.parquet" for name in KEPT}
    old = {name: pd.read_parquet(path) for name, path in paths.items() if path.exists()}
    fits = not old or all(name in old and list(old[name].columns) == schema.TABLES[name].names for name in KEPT)
    if not fits and not again:
        msg = (
            f"The tables of '{where.path.name}' were made by another version of the code; run `istv intake --again`, "
            "which reads every file anew."
        )
        raise errors.StoreError(msg)
    live = old["submissions"][old["submissions"]["status"].isin(LIVE)] if "submissions" in old else None
    held: dict[str, Any] = {"before": set() if live is None else set(keys(live))}
    if again or not old:
        return held | {name: schema.empty(name) for name in KEPT}
    old["submissions"] = old["submissions"][old["submissions"]["status"] != "refused"]
    return held | old


def read(where: store.Root, held: pd.DataFrame, tick: Tick) -> tuple[pd.DataFrame, dict[str, intake.Taken], set[Key]]:
    """Read what is to be read; return the submissions table, what was taken in by id, and the keys of what was read."""
    desk, files = _taking.Desk(where), _taking.waiting(where)
    modes = {site: _taking.mode(site) for site in {*held["site_code"], *(file.site for file in files)}}
    wanted = {file.key for file in _taking.to_take(files, set(keys(held)), modes)}
    known = held[~among(held, wanted)]
    seen = set(known.loc[known["status"].isin(LIVE), "submission_id"])
    rows, taken = [], {}
    for file in files:
        tick(f"{file.site} {file.name}")
        if file.key not in wanted:
            continue
        rows.append(desk.row(file))
        if rows[-1]["submission_id"] in seen:
            continue
        found = desk.take(file, rows[-1])
        if found is not None and modes[file.site] == "append":
            earlier = _earlier(where, known, taken, rows[-1])
            found = desk.take(file, rows[-1], earlier) if earlier else found
        if found is not None:
            taken[rows[-1]["submission_id"]] = found
            seen.add(rows[-1]["submission_id"])
    new = schema.conform(pd.DataFrame(rows), "submissions") if rows else schema.empty("submissions")
    return _supersede(pd.concat([known, new], ignore_index=True), modes), taken, wanted


def _earlier(where: store.Root, known: pd.DataFrame, taken: Mapping[str, intake.Taken], row: Mapping) -> set[str]:
    """Return the source keys of the records that earlier files of the same site and month hold."""
    site, month = row["site_code"], row["month"]
    mine = known[(known["site_code"] == site) & (known["month"] == month) & known["status"].isin(LIVE)]
    parts = [store.conformed(where, mine)]
    parts += [
        t.conformed for t in taken.values() if (t.submission["site_code"], t.submission["month"]) == (site, month)
    ]
    return set(pd.concat(parts)["source_key"]) - {""}


def _supersede(submissions: pd.DataFrame, modes: Mapping[str, str]) -> pd.DataFrame:
    """Keep the last received file of each site and month in use, or all where they count together."""
    out = submissions.sort_values(["site_code", "month", "received", "file"], kind="stable", ignore_index=True)
    live = out["status"].isin(LIVE)
    last = ~out[live].duplicated(["site_code", "month"], keep="last")
    together = out.loc[live, "site_code"].map(modes) == "append"
    out.loc[live, "status"] = (last | together).map({True: "accepted", False: "superseded"})
    return out


def of_files(
    name: str, held: pd.DataFrame, taken: Mapping[str, intake.Taken], submissions: pd.DataFrame
) -> pd.DataFrame:
    """Add the rows of the files taken in now to a table, file by file in the order of the submissions."""
    live = submissions.loc[submissions["status"].isin(LIVE), "submission_id"]
    order = pd.Series(range(len(live)), index=live)
    frames = [held[~held["submission_id"].isin(list(taken))], *(getattr(file, name) for file in taken.values())]
    frame = pd.concat(frames, ignore_index=True)
    rank = frame["submission_id"].map(order).dropna().sort_values(kind="stable")
    return frame.loc[rank.index].reset_index(drop=True)


def revisions(
    where: store.Root, submissions: pd.DataFrame, held: pd.DataFrame, records: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Compare each superseded file with the one that replaced it; what was compared before is kept."""
    old = {(row["submission_id"], row["supersedes"]): row for row in held.to_dict("records")}
    live = submissions[submissions["status"].isin(LIVE)].to_dict("records")
    rows = []
    for before, after in itertools.pairwise(live):
        if before["status"] != "superseded":
            continue
        ids = after["submission_id"], before["submission_id"]
        row = {name: after[name] for name in schema.REVISIONS.names if name in after} | {"supersedes": ids[1]}
        if ids in old and not {*ids} & set(records):
            row = old[ids]
        else:
            both = [store.conformed(where, pd.DataFrame([file]), records) for file in (before, after)]
            row |= _revision.compare(*both)
        rows.append(row)
    return schema.conform(pd.DataFrame(rows), "revisions") if rows else schema.empty("revisions")


def save_conformed(
    where: store.Root, submissions: pd.DataFrame, records: Mapping[str, pd.DataFrame], *, again: bool
) -> None:
    """Add the records of each file taken in now; when all was read again, let go of all others."""
    live = submissions[submissions["status"].isin(LIVE)]
    store.save_conformed(where, records, live)
    if again:
        kept = {store.conformed_path(where, row) for row in live.to_dict("records")}
        for path in sorted((where.store / "conformed").rglob("*.parquet")):
            if path not in kept:
                store.remove(path)
