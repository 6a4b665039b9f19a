"""Tables on disk: one root holds a London.

The root is ``$ISTV_DATA``, or the demo's ``outputs/`` in the project when that is unset. Everything below it
but ``hub/`` is restricted. Writes are atomic: a file is there whole or not at all, and what is written inside
:func:`together` is there together or not at all. What a notebook reads is recorded, so that its page can say what
it rests on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from istv_lib import _by_date, _commit, _root_tables, errors, months, params, places, schema

DEMO = "outputs"
BY_DATE = _by_date.TABLES
_reads: list[dict[str, str]] = []
_clearance: list[dict[str, str]] = []


@dataclass(frozen=True)
class Root:
    """The folder that holds a London; its parts are properties."""

    path: Path

    incoming = property(lambda self: self.path / "incoming", doc="Drop folders, one per site, and police files.")
    store = property(lambda self: self.path / "store", doc="Our tables.")
    reference = property(lambda self: self.path / "reference", doc="What the user adds.")
    restricted = property(lambda self: self.path / "restricted", doc="Executed notebooks and manifests.")
    partner = property(lambda self: self.path / "partner", doc="Partner pages.")
    hub = property(lambda self: self.path / "hub", doc="Public pages.")

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo root inside the project."""
        return self.path == (params.home() / DEMO).resolve()


def root(path: str | Path | None = None) -> Root:
    """Return the root to work on.

    Parameters
    ----------
    path : str or Path, optional
        A folder; default ``$ISTV_DATA``, else the demo root.

    Raises
    ------
    errors.StoreError
        When the folder lies inside the checkout without being the demo root.

    Notes
    -----
    A change that an earlier command decided on, and was ended before it was in place, is completed first.
    """
    given = path or os.environ.get("ISTV_DATA") or params.home() / DEMO
    found = Root(Path(given).expanduser().resolve())
    if not found.is_demo and found.path.is_relative_to(params.home().resolve()):
        msg = (
            f"The root '{found.path.name}' lies inside the checkout, where records could be committed; "
            "set ISTV_DATA to a folder outside it."
        )
        raise errors.StoreError(msg)
    _commit.recover(found.path, found.store)
    return found


def demo_root() -> Root:
    """Return the demo root, whatever ``$ISTV_DATA`` says."""
    return root(params.home() / DEMO)


@contextmanager
def together(where: Root) -> Iterator[None]:
    """Make all writes below a root, made by this module inside the block, take effect together or not at all.

    Parameters
    ----------
    where : Root
        Everything written below it is held back until the block ends; until then :func:`load` returns what was
        there before. Inside another block of the same root it joins that one.

    Raises
    ------
    errors.StoreError
        When the disk is full, another command is writing to the root, or one may not write there; nothing was
        changed then.

    Notes
    -----
    After an exception inside the block everything is as it was. When the process is ended suddenly, or the power
    fails, everything is as it was or all is in place as soon as the next command starts. Readers that are at work
    while it takes effect may read one table from before and the next from after. Folders stay.
    """
    if _commit.is_open(where.path):
        yield
        return
    with _commit.begin(where.path, where.store):
        yield


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all; inside :func:`together`, with the others.

    Raises
    ------
    errors.StoreError
        When the disk is full.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    commit = _commit.of(path)
    if commit is not None:
        commit.write(path, data)
        return
    with _commit.telling_of_a_full_disk(path):
        _commit.replace(path, data)


def remove(path: Path) -> None:
    """Remove a file, if it is there; inside :func:`together`, with the others."""
    commit = _commit.of(path)
    if commit is not None:
        commit.delete(path)
    else:
        path.unlink(missing_ok=True)


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as parquet, whole or not at all."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    write(path, buffer.getvalue())


def save(where: Root, table: str, frame: pd.DataFrame, *, source: str | None = None) -> None:
    """Replace a derived table of the store; events are kept per source and year.

    ``frame`` is checked against :mod:`istv_lib.schema` where the table is described there.
    """
    name = "event" if table == "events" else table
    if name in schema.TABLES:
        schema.check(frame, name)
    if table != "events":
        write_table(where.store / f"{table}.parquet", frame)
        return
    folder = where.store / "events" / f"source={source}"
    years = frame["month"].str[:4]
    for year, part in frame.groupby(years):
        write_table(folder / f"year={year}.parquet", part)
    kept = {f"year={year}.parquet" for year in years.unique()}
    for stale in sorted(p for p in folder.glob("*.parquet") if p.name not in kept):
        remove(stale)


def save_conformed(where: Root, records: Mapping[str, pd.DataFrame], submissions: pd.DataFrame) -> None:
    """Add the conformed records of some submissions, by id; such files are only added, unless all is read again.

    ``submissions`` holds the rows of those submissions; others are left alone.
    """
    if records:
        schema.check(pd.concat(records.values(), ignore_index=True), "conformed")
    for row in submissions.to_dict("records"):
        if row["submission_id"] in records:
            write_table(conformed_path(where, row), records[row["submission_id"]])


def conformed_path(where: Root, submission: Mapping[str, Any]) -> Path:
    """Return where the conformed records of a submission lie (needs site_code, month and submission_id)."""
    folder = where.store / "conformed" / f"site={submission['site_code']}" / f"month={submission['month']}"
    return folder / f"{submission['submission_id']}.parquet"


def load(
    table: str,
    *,
    area: places.Area | None = None,
    months: tuple[str, str] | None = None,
    source: str | None = None,
    as_of: str | None = None,
    where: Root | None = None,
) -> pd.DataFrame:
    """Read a table of the store, and record that it was read.

    Parameters
    ----------
    table : str
        ``events``, ``conformed``, ``submissions``, ``quarantine``, ``changes``, ``reconciliation``, ``revisions``,
        ``located``, ``site_months``, ``streets``, ``gazetteer``, ``place_accuracy``,
        ``police_months``, ``sites`` (the roster: ``R/reference/sites.csv`` if there, else the shipped one),
        ``population`` (``R/reference/population.csv`` if there, else residents by borough without ages) or ``venues``
        (names of venues and stations: those of the place list if there, and the shipped stations).
    area : places.Area, optional
        Keep events whose borough lies in the area; default all, including "borough not known".
    months : (str, str), optional
        First and last month, both included; default all.
    source : str, optional
        For events: ``ed``, ``mps``, ...; default all sources that are there.
    as_of : str, optional
        YYYY-MM-DD: what was known at the end of that day, for the tables of :data:`BY_DATE`; default what is known
        now. A file was known from the date on which it was received; ``conformed`` holds the records of the files
        in use then, and the status of each file in ``submissions`` is that of the day.

    Raises
    ------
    errors.StoreError
        When the table is not there yet, with the command that makes it, or is not kept by date.
    errors.ParameterError
        When ``as_of`` is not a date.

    Notes
    -----
    ``as_of`` goes by the dates received, as they stand in the submissions table, and reads each file as it was last
    read. A refused file that has since been taken in counts from its date received, and one that has been removed
    from ``incoming/`` before it was taken in is not remembered.
    """
    where = where or root()
    _commit.recover(where.path, where.store)
    if table in _ROOT:
        return _ROOT[table](where)
    frame = _read(where, table, source) if as_of is None else _read_then(where, table, as_of)
    if months is not None:
        frame = frame[frame["month"].between(*months)]
    if area is not None and area.kind in {"borough", "bcu"}:
        frame = frame[frame["borough_gss"].isin(area.boroughs)]
    read = {"table": table, "source": source or "", "area": area.slug if area else "", "months": _span(months)}
    _reads.append(read if as_of is None else read | {"as_of": as_of})
    return frame.reset_index(drop=True)


def _span(months_: tuple[str, str] | None) -> str:
    return " to ".join(months_) if months_ else ""


def _read(where: Root, table: str, source: str | None = None) -> pd.DataFrame:
    if table == "events":
        paths = sorted((where.store / "events").glob(f"source={source or '*'}/year=*.parquet"))
    else:
        paths = [p for p in [where.store / f"{table}.parquet"] if p.exists()]
    if not paths and table == "police_months":
        return schema.empty("event")[["source", "month", "synthetic"]]
    if not paths:
        how = f"istv events import {source}" if table == "events" and source != "ed" else "istv intake"
        what = f"'{table}'" + (f" of source '{source}'" if source else "")
        msg = f"The store of '{where.path.name}' holds no {what} yet; run `{how}` first."
        raise errors.StoreError(msg)
    return pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)


def _read_then(where: Root, table: str, day: str) -> pd.DataFrame:
    """Read a table as it was known at the end of a day."""
    _by_date.demand(table, day)
    files = _by_date.files(_read(where, "submissions"), _read(where, "revisions"), day)
    if table == "conformed":
        return conformed(where, files[files["status"] == "accepted"])
    return files if table == "submissions" else _by_date.rows(_read(where, table), files, day)


def conformed(where: Root, submissions: pd.DataFrame, fresh: Mapping[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """Return the conformed records of some submissions, in their order.

    Parameters
    ----------
    where : Root
        Root to read from.
    submissions : DataFrame
        Rows of ``submissions`` that were accepted once.
    fresh : mapping, optional
        Records by submission that are at hand and not read from disk.
    """
    fresh = fresh or {}
    rows = submissions[["site_code", "month", "submission_id"]].to_dict("records")
    parts = [
        fresh[r["submission_id"]] if r["submission_id"] in fresh else _parquet(conformed_path(where, r)) for r in rows
    ]
    return pd.concat(parts, ignore_index=True) if parts else schema.empty("conformed")


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        msg = f"The records of submission '{path.stem}' are missing from the store; run `istv intake --again`."
        raise errors.StoreError(msg) from None


def _sites(where: Root) -> pd.DataFrame:
    own = where.reference / "sites.csv"
    if not own.exists():
        return places.shipped_sites()
    frame = pd.read_csv(own, dtype=str, keep_default_na=False)
    frame["synthetic"] = frame["synthetic"].eq("yes")
    return frame


_ROOT = {
    "sites": _sites,
    "population": lambda where: _root_tables.population(where.reference / "population.csv"),
    "venues": lambda where: _root_tables.venues(where.store / "gazetteer.parquet"),
}


def sources(where: Root | None = None) -> list[str]:
    """Return the sources whose events are in the store."""
    where = where or root()
    return sorted(p.name.split("=")[1] for p in (where.store / "events").glob("source=*") if any(p.iterdir()))


def settle(notebook: str, given: Mapping[str, Any], where: Root | None = None) -> params.Settings:
    """Check a notebook's parameters, and settle what only the store knows: the first call of every notebook.

    Parameters
    ----------
    notebook : str
        Name of the notebook without ending.
    given : mapping
        The notebook's ``globals()``, or a dict of parameters.
    where : Root, optional
        Default :func:`root`.

    Returns
    -------
    params.Settings
        With the newest month of the store for "latest".

    Raises
    ------
    errors.ParameterError
        As :func:`istv_lib.params.check`; also a month the store does not hold, or a site not on the roster.
    """
    settings = params.check(notebook, given)
    where = where or root()
    changed = {}
    if settings.month is not None:
        held = load("site_months", where=where)["month"]
        changed["month"] = held.max() if settings.month == "latest" else settings.month
        if changed["month"] not in set(held):
            msg = f"The store holds {held.min()} to {held.max()}, not {changed['month']}; choose one of these."
            raise errors.ParameterError(msg)
    if settings.site is not None and settings.site not in set(load("sites", where=where)["site_code"]):
        msg = f"There is no site '{settings.site}' on the roster; `istv status --sites` lists them."
        raise errors.ParameterError(msg)
    _reads.clear()
    _clearance[:] = _read_clearance(where)
    return dataclasses.replace(settings, **changed)


def kind(where: Root | None = None) -> str:
    """Return what the root's tables are: ``synthetic``, ``real``, ``mixed`` or ``empty``."""
    where = where or root()
    flags: set[bool] = set()
    for path in sorted((where.store / "events").glob("source=*/year=*.parquet")):
        flags |= set(pd.read_parquet(path, columns=["synthetic"])["synthetic"].unique())
    return {0: "empty", 2: "mixed"}.get(len(flags)) or ("synthetic" if True in flags else "real")


def place_version(where: Root | None = None) -> str:
    """Return with which place list, decisions and method the places of a root were found; empty when not known."""
    path = (where or root()).store / "located.parquet"
    if not path.exists() or "place_version" not in pq.read_schema(path).names:
        return ""
    return "; ".join(sorted(pd.read_parquet(path, columns=["place_version"])["place_version"].unique()))


def lineage() -> list[dict[str, str]]:
    """Return what has been read since the last :func:`settle`, in order, once each."""
    return [dict(items) for items in dict.fromkeys(tuple(read.items()) for read in _reads)]


def sha256(content: bytes) -> str:
    """Return the hex sha256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def synthetic_hashes(where: Root) -> set[str]:
    """Return the sha256 of every file that the synthetic London wrote into this root."""
    path = where.incoming / "synthetic.csv"
    return set(pd.read_csv(path, dtype=str)["sha256"]) if path.exists() else set()


def editions(where: Root, until: str = "9999-12") -> dict[str, str]:
    """Return a short hash of what public pages count from, by month: it changes when a month's records change.

    Only whole months are hashed, so that no record can be guessed from it; kept on the restricted side.
    """
    columns = ["borough_gss", "method", "location_type", "occurred_start", "occurred_precision"]
    events = load("events", source="ed", where=where)
    first, *others = (events[column].astype(str).fillna("") for column in columns)
    lines = first.str.cat(others, sep="|")
    months_ = ((m, sorted(part)) for m, part in lines.groupby(events["month"]) if m <= until)
    return {month: sha256("\n".join(part).encode())[:12] for month, part in months_}


def clearance(where: Root | None = None) -> list[dict[str, str]]:
    """Return what the gate has decided to coarsen; of the root that the last :func:`settle` used, by default."""
    return _read_clearance(where) if where else list(_clearance)


def _read_clearance(where: Root) -> list[dict[str, str]]:
    path = where.store / "clearance.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def append_ledger(where: Root, entries: Iterable[dict]) -> None:
    """Add lines to the release ledger, ``store/ledger.jsonl``; lines already there are not repeated."""
    path = where.store / "ledger.jsonl"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    known = set(old.splitlines())
    lines = [json.dumps(entry, sort_keys=True) for entry in entries]
    new = [line for line in dict.fromkeys(lines) if line not in known]
    if new:
        write(path, old + "".join(line + "\n" for line in new))


def ledger(where: Root) -> list[dict]:
    """Return every release so far, oldest first."""
    path = where.store / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def history(month: str, count: int) -> tuple[str, str]:
    """Return first and last of the ``count`` months that end with ``month``, for :func:`load`."""
    return months.add(month, 1 - count), month


def maps_out(where: Root | None = None) -> list[tuple[str, ...]]:
    """Return the density maps that were published: first and last month, place and a hash of the classes."""
    return [tuple(line["map"]) for line in ledger(where or root()) if "map" in line]
