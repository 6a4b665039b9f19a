"""Tables on disk: one root holds a London.

The root is ``$ISTV_DATA``, or the demo's ``outputs/`` in the project when that is unset. Everything below it
but ``hub/`` is restricted. Writes are atomic: a table is there whole or not at all. What a notebook reads is
recorded, so that its page can say what it rests on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from istv_lib import errors, months, params, places, schema

DEMO = "outputs"
_reads: list[dict[str, str]] = []


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
    """
    given = path or os.environ.get("ISTV_DATA") or params.home() / DEMO
    found = Root(Path(given).expanduser().resolve())
    if not found.is_demo and found.path.is_relative_to(params.home().resolve()):
        msg = (
            f"The root '{found.path.name}' lies inside the checkout, where records could be committed; "
            "set ISTV_DATA to a folder outside it."
        )
        raise errors.StoreError(msg)
    return found


def demo_root() -> Root:
    """Return the demo root, whatever ``$ISTV_DATA`` says."""
    return Root((params.home() / DEMO).resolve())


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all: to a neighbour first, then moved into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    part.replace(path)


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
    if folder.is_dir():
        for stale in {p.name for p in folder.glob("*.parquet")} - {f"year={y}.parquet" for y in years.unique()}:
            (folder / stale).unlink()


def save_conformed(where: Root, frame: pd.DataFrame, submission: dict) -> None:
    """Add one submission's conformed records; conformed tables are only ever added to."""
    folder = where.store / "conformed" / f"site={submission['site_code']}" / f"month={submission['month']}"
    path = folder / f"{submission['submission_id']}.parquet"
    if not path.exists():
        schema.check(frame, "conformed")
        write_table(path, frame)


def load(
    table: str,
    *,
    area: places.Area | None = None,
    months: tuple[str, str] | None = None,
    source: str | None = None,
    where: Root | None = None,
) -> pd.DataFrame:
    """Read a table of the store, and record that it was read.

    Parameters
    ----------
    table : str
        ``events``, ``conformed``, ``submissions``, ``quarantine``, ``located``, ``site_months``, ``streets``,
        ``police_months`` or ``sites`` (the roster: ``R/reference/sites.csv`` if there, else the shipped one).
    area : places.Area, optional
        Keep events whose borough lies in the area; default all, including "borough not known".
    months : (str, str), optional
        First and last month, both included; default all.
    source : str, optional
        For events: ``ed``, ``mps``, ...; default all sources that are there.

    Raises
    ------
    errors.StoreError
        When the table is not there yet, with the command that makes it.
    """
    where = where or root()
    if table == "sites":
        return _sites(where)
    frame = _read(where, table, source)
    if months is not None:
        frame = frame[frame["month"].between(*months)]
    if area is not None and area.kind in {"borough", "bcu"}:
        frame = frame[frame["borough_gss"].isin(area.boroughs)]
    _reads.append({"table": table, "source": source or "", "area": area.slug if area else "", "months": _span(months)})
    return frame.reset_index(drop=True)


def _span(months_: tuple[str, str] | None) -> str:
    return " to ".join(months_) if months_ else ""


def _read(where: Root, table: str, source: str | None) -> pd.DataFrame:
    if table == "events":
        paths = sorted((where.store / "events").glob(f"source={source or '*'}/year=*.parquet"))
    elif table == "conformed":
        paths = [_conformed_path(where, row) for row in current_submissions(where).itertuples()]
    else:
        paths = [p for p in [where.store / f"{table}.parquet"] if p.exists()]
    if not paths and table == "police_months":
        return pd.DataFrame(
            {"source": pd.Series(dtype="str"), "month": pd.Series(dtype="str"), "synthetic": pd.Series(dtype="bool")}
        )
    if not paths:
        how = f"istv events import {source}" if table == "events" and source != "ed" else "istv intake"
        what = f"'{table}'" + (f" of source '{source}'" if source else "")
        msg = f"The store of '{where.path.name}' holds no {what} yet; run `{how}` first."
        raise errors.StoreError(msg)
    return pd.concat([pd.read_parquet(p) for p in paths], ignore_index=True)


def _conformed_path(where: Root, row: tuple) -> Path:
    folder = where.store / "conformed" / f"site={row.site_code}" / f"month={row.month}"
    return folder / f"{row.submission_id}.parquet"


def current_submissions(where: Root) -> pd.DataFrame:
    """Return the accepted submissions in use: the newest of each site and month."""
    submissions = _read(where, "submissions", None)
    return submissions[submissions["status"] == "accepted"]


def _sites(where: Root) -> pd.DataFrame:
    own = where.reference / "sites.csv"
    if not own.exists():
        return places.shipped_sites()
    frame = pd.read_csv(own, dtype=str, keep_default_na=False)
    frame["synthetic"] = frame["synthetic"].eq("yes")
    return frame


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
    return dataclasses.replace(settings, **changed)


def kind(where: Root | None = None) -> str:
    """Return what the root's tables are: ``synthetic``, ``real``, ``mixed`` or ``empty``."""
    where = where or root()
    flags: set[bool] = set()
    for path in sorted((where.store / "events").glob("source=*/year=*.parquet")):
        flags |= set(pd.read_parquet(path, columns=["synthetic"])["synthetic"].unique())
    return {0: "empty", 2: "mixed"}.get(len(flags)) or ("synthetic" if True in flags else "real")


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


def received_dates(where: Root) -> dict[str, str]:
    """Return the date received of each file that ``incoming/received.csv`` lists, by path below incoming."""
    path = where.incoming / "received.csv"
    if not path.exists():
        return {}
    log = pd.read_csv(path, dtype=str)
    return dict(zip(log["file"], log["received"], strict=True))


def incoming_files(where: Root) -> Iterator[tuple[str, Path]]:
    """Yield (site folder, file) of every file in the drop folders, in a fixed order."""
    if not where.incoming.is_dir():
        return
    for folder in sorted(p for p in where.incoming.iterdir() if p.is_dir() and p.name != "police"):
        for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
            yield folder.name, path


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
