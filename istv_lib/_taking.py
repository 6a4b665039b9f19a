"""From drop folders to single files taken in: which to read, in which order, under which agreement.

A helper of :mod:`istv_lib.pipeline`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from istv_lib import agreements, errors, intake, months, params, schema, store

MODES = ("replace_month", "append")
SAID_STATES = ("zero", "partial", "closed")
REFUSED_REAL = "is not one of the files that the synthetic London wrote; the demo takes no real files: set ISTV_DATA"


@dataclass(frozen=True, order=True)
class File:
    """A file in a drop folder; files sort by the date received, then by name, then by site."""

    received: str
    name: str
    site: str
    path: Path = field(compare=False)
    digest: str = field(compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same file again: folder, name and content."""
        return self.site, self.name, self.digest[:16]


def paths(where: store.Root) -> list[tuple[str, Path]]:
    """Return site folder and path of every file in the drop folders; hidden and lock files are left alone."""
    if not where.incoming.is_dir():
        return []
    folders = sorted(p for p in where.incoming.iterdir() if p.is_dir() and p.name != "police")
    found = [(folder.name, path) for folder in folders for path in sorted(folder.iterdir())]
    return [(site, path) for site, path in found if path.is_file() and not path.name.startswith((".", "~$"))]


def waiting(where: store.Root) -> list[File]:
    """Return every file in the drop folders in the order of date received, then name.

    The date is that of ``incoming/received.csv``, else the one on which the file was last changed.
    """
    dates = _received(where.incoming / "received.csv")
    return sorted(
        File(dates.get(f"{site}/{path.name}") or _modified(path), path.name, site, path, _digest(path))
        for site, path in paths(where)
    )


def _received(path: Path) -> dict[str, str]:
    """Read the list of dates received; an empty date counts as none."""
    if not path.exists():
        return {}
    log = pd.read_csv(path, dtype=str, keep_default_na=False)
    if not {"file", "received"} <= set(log.columns):
        msg = "incoming/received.csv needs the columns file and received; mend its first row and run again."
        raise errors.StoreError(msg)
    proper = (
        log["received"].str.fullmatch(r"\d{4}-\d{2}-\d{2}") & pd.to_datetime(log["received"], errors="coerce").notna()
    )
    odd = log.index[(log["received"] != "") & ~proper]
    if len(odd):
        msg = f"incoming/received.csv, row {odd[0] + 2}, has no date of the form YYYY-MM-DD; mend it and run again."
        raise errors.StoreError(msg)
    return dict(zip(log["file"].str.replace("\\", "/"), log["received"], strict=True))


def _modified(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date().isoformat()


def _digest(path: Path) -> str:
    """Return the sha256 of a file's bytes; of its name when it cannot be opened, which refuses it later."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return store.sha256(path.name.encode("utf-8"))


def to_take(files: list[File], known: Collection[tuple[str, str, str]], modes: Mapping[str, str]) -> list[File]:
    """Return the files to read: those not known, and those whose reading rests on one that came in before them.

    A file of a month that is sent in parts leaves out what earlier parts hold, and of two equal files the later is
    the repeat. So when a new file was received before one that is known already, the known one is read again, and
    the tables do not depend on when intake was run.
    """
    out: list[File] = []
    parts, digests = set(), set()
    for file in files:
        if file.key in known and file.site not in parts and file.digest not in digests:
            continue
        out.append(file)
        digests.add(file.digest)
        if modes.get(file.site) == "append":
            parts.add(file.site)
    return out


def profile(site: str) -> dict[str, Any]:
    """Return a site's profile; empty when it has none."""
    return params.file(f"hospitals/{site}") if site in params.names("hospitals") else {}


def mode(site: str) -> str:
    """Return how a site's files make up a month: ``replace_month`` (the last one counts) or ``append`` (all do).

    Raises
    ------
    errors.ParameterError
        When its profile says something else.
    """
    told = (profile(site).get("submission") or {}).get("mode", MODES[0])
    if told not in MODES:
        msg = f"The profile of {site} has the submission mode '{told}'; choose {' or '.join(MODES)}."
        raise errors.ParameterError(msg)
    return told


def said(day: str | None = None) -> pd.DataFrame:
    """Return the hospitals' word on their months, from all profiles.

    Parameters
    ----------
    day : str, optional
        YYYY-MM-DD: only what was said by the end of that day; default all.

    Returns
    -------
    DataFrame
        ``site_code``, ``month``, ``state`` (zero, partial, closed), ``days`` (covered, where told), ``on``, ``by``.

    Raises
    ------
    errors.ParameterError
        When an entry lacks month, state or date, or has another state.
    """
    columns = "site_code month state days on by".split()
    entries = [
        (site, {"on" if key is True else key: value for key, value in entry.items()})  # YAML reads a bare on as yes
        for site in params.names("hospitals")
        for entry in profile(site).get("said") or []
    ]
    for site, entry in entries:
        if not {"month", "state", "on"} <= set(entry) or entry["state"] not in SAID_STATES:
            msg = (
                f"An entry of 'said' in the profile of {site} needs month, state ({', '.join(SAID_STATES)}) and on "
                "(a date); mend it and run again."
            )
            raise errors.ParameterError(msg)
    rows = [[site, months.parse(entry["month"]), *(entry.get(k) for k in columns[2:])] for site, entry in entries]
    out = pd.DataFrame(rows, columns=columns).astype({"days": "Int64"})
    texts = [name for name in columns if name != "days"]
    out[texts] = out[texts].fillna("").astype("str")
    return out if day is None else out[out["on"] <= day].reset_index(drop=True)


def contacts() -> dict[str, str]:
    """Return the role mailbox of each site whose profile names one."""
    found = {site: profile(site).get("contact") for site in params.names("hospitals")}
    return {site: contact for site, contact in found.items() if contact}


class Desk:
    """Where files are taken in: all that intake must know, read once, and a guide per site."""

    def __init__(self, where: store.Root) -> None:
        self.is_demo = where.is_demo
        self.roster = set(store.load("sites", where=where)["site_code"])
        self.hashes = store.synthetic_hashes(where)
        self.register = agreements.read()
        self.plain = {name: params.file(name) for name in ("layouts", "aliases", "checks")}
        self.rules = params.defaults()
        self.guides: dict[str, intake.Guide] = {}

    def guide(self, site: str) -> intake.Guide:
        """Return what intake must know of a site, put together once."""
        if site not in self.guides:
            own = params.file(f"hospitals/{site}")
            agreement = agreements.of(site, self.register)
            self.guides[site] = intake.Guide(profile=own, agreement=agreement, rules=self.rules, **self.plain)
        return self.guides[site]

    def row(self, file: File) -> dict[str, Any]:
        """Return the submission row of a file that has not been read."""
        row = {"submission_id": file.digest[:16], "site_code": file.site, "file": file.name, "month": ""}
        row |= {"received": file.received, "synthetic": file.digest in self.hashes, "zero_declared": False}
        return row | {"status": "duplicate_file"}

    def take(self, file: File, row: dict[str, Any], earlier: Collection[str] = ()) -> intake.Taken | None:
        """Take in one file and fill its submission row; nothing when it is refused."""
        try:
            guide = self._admit(file, row)
            row["month"] = intake.month_in_name(file.name, guide.profile)
            taken = intake.take(
                _content(file, guide.rules),
                filename=file.name,
                site=file.site,
                guide=guide,
                received=file.received,
                synthetic=row["synthetic"],
                earlier=frozenset(earlier),
            )
        except errors.ISTVError as error:
            row |= {"status": "refused", "reason": str(error)}
        except Exception as error:  # one file that trips the code must not stop the others
            why = f"'{file.name}' trips a fault of the code ({type(error).__name__}); report it with the layout in use."
            row |= {"status": "refused", "reason": why}
        else:
            row |= {name: value for name, value in taken.submission.items() if name in schema.SUBMISSIONS.names}
            return taken
        return None

    def _admit(self, file: File, row: Mapping[str, Any]) -> intake.Guide:
        if self.is_demo and not row["synthetic"]:
            raise errors.IntakeError(f"'{file.name}' in incoming/{file.site} {REFUSED_REAL} to take it in.")
        if file.site not in self.roster:
            msg = (
                f"'{file.site}', the folder of '{file.name}', is not on the roster; `istv status --sites` lists "
                "the sites."
            )
            raise errors.IntakeError(msg)
        return self.guide(file.site)


def _content(file: File, rules: Mapping[str, Any]) -> bytes:
    """Return a file's bytes, of one that is too large only as many as show it; refuse what cannot be opened."""
    most = int(rules["file_megabytes_most"] * 1024 * 1024) + 1
    try:
        with file.path.open("rb") as handle:
            content = handle.read(most)
    except OSError as error:
        msg = f"'{file.name}' cannot be opened ({error.strerror}); check who may read it and run `istv intake` again."
        raise errors.IntakeError(msg) from None
    if len(content) < most and store.sha256(content) != file.digest:
        msg = f"'{file.name}' changed while it was read; run `istv intake` again when it is all there."
        raise errors.IntakeError(msg)
    return content
