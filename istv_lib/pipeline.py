"""The stages in order over a root: synthetic files, intake, police files, derived tables.

Each stage reads and writes through ``store``; the work itself is done by the pure modules below. A file that
cannot be taken in stops only itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from istv_lib import agencies, errors, gazetteer, geocode, harmonise, intake, params, quality, schema, store, synth

Tick = Callable[[str], None]
REFUSED_REAL = "is not one of the files that the synthetic London wrote; the demo takes no real files: set ISTV_DATA"


def silent(_: str) -> None:
    """Tick that shows nothing."""


def write_synthetic(where: store.Root, *, scale: str = "full", tick: Tick = silent) -> int:
    """Write the synthetic London's files into a root; return the number of files written.

    Nothing is written when the same version of the synthetic London is there already. A demo root that holds an
    older version is emptied first.
    """
    version = f"{scale} {_synth_version()}"
    stamp = where.incoming / ".synthetic-version"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == version:
        return 0
    if where.is_demo:
        for folder in (where.incoming, where.store, where.reference, where.restricted, where.partner, where.hub):
            shutil.rmtree(folder, ignore_errors=True)
    profiles = {name: params.file(f"hospitals/{name}") for name in params.names("hospitals")}
    done = 0
    for path, content in synth.files(params.file("layouts"), profiles, scale=scale):
        target = where.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        done += 1
        tick(path)
    store.write(stamp, version)
    return done


def _synth_version() -> str:
    top = params.home()
    settings = top / "parameters"
    sources = [
        *sorted((top / "istv_lib").glob("*synth*.py")),
        settings / "layouts.yml",
        *sorted(settings.glob("hospitals/*")),
    ]
    return store.sha256(b"".join(p.read_bytes().replace(b"\r\n", b"\n") for p in sources))[:12]


def take_in(where: store.Root, *, tick: Tick = silent) -> pd.DataFrame:
    """Take in every new file of the drop folders, and return the submissions table.

    A file whose bytes were accepted before is a no-op under its own name and a ``duplicate_file`` under another; a
    refused file is tried again. Of several accepted files for one site and month the last received is in use, the
    others are ``superseded``.
    """
    roster, hashes = set(store.load("sites", where=where)["site_code"]), store.synthetic_hashes(where)
    dates = store.received_dates(where)
    known = _held(where, "submissions")
    known = known[known["status"] != "refused"]
    there = set(zip(known["site_code"], known["file"], known["submission_id"], strict=True))
    seen = set(known["submission_id"])
    rows, quarantine = [], [_held(where, "quarantine")]
    for site, path in store.incoming_files(where):
        content = path.read_bytes()
        digest = store.sha256(content)
        tick(f"{site} {path.name}")
        if (site, path.name, digest[:16]) in there:
            continue
        received = dates.get(f"{site}/{path.name}") or _modified(path)
        row = {"submission_id": digest[:16], "site_code": site, "file": path.name, "received": received}
        row |= {"synthetic": digest in hashes, "zero_declared": False, "status": "duplicate_file", "month": ""}
        if digest[:16] not in seen:
            quarantine.append(_take_one(where, row, content, roster))
            seen |= {digest[:16]} if row["status"] == "accepted" else set()
        rows.append(row)
    new = schema.conform(pd.DataFrame(rows), "submissions") if rows else schema.empty("submissions")
    submissions = _supersede(pd.concat([known, new], ignore_index=True))
    store.save(where, "quarantine", pd.concat(quarantine, ignore_index=True))
    store.save(where, "submissions", submissions)
    return submissions


def open_refusals(submissions: pd.DataFrame) -> pd.DataFrame:
    """Return the refused files that no accepted file of the same site and month, received no earlier, made good."""
    good = submissions[submissions["status"] == "accepted"].set_index(["site_code", "month"])["received"].to_dict()
    refused = submissions[submissions["status"] == "refused"]
    rows = zip(refused["site_code"], refused["month"], refused["received"], strict=True)
    return refused.loc[[good.get((site, month), "") < received for site, month, received in rows]]


def _take_one(where: store.Root, row: dict, content: bytes, roster: set[str]) -> pd.DataFrame:
    """Take in one file: fill its submission row, store its records, and return what was set aside."""
    site = row["site_code"]
    try:
        if where.is_demo and not row["synthetic"]:
            raise errors.IntakeError(f"'{row['file']}' in incoming/{site} {REFUSED_REAL} to take it in.")
        if site not in roster:
            msg = (
                f"'{site}', the folder of '{row['file']}', is not on the roster; `istv status --sites` lists the sites."
            )
            raise errors.IntakeError(msg)
        profile = params.file(f"hospitals/{site}")
        row["month"] = intake.month_in_name(row["file"], profile)
        taken = intake.take(
            content,
            filename=row["file"],
            site=site,
            profile=profile,
            layouts=params.file("layouts"),
            received=row["received"],
            synthetic=row["synthetic"],
            rules=params.defaults(),
        )
    except (errors.IntakeError, errors.ParameterError) as error:
        row |= {"status": "refused", "reason": str(error)}
        return schema.empty("quarantine")
    row |= {k: v for k, v in taken.submission.items() if k in schema.SUBMISSIONS.names}
    store.save_conformed(where, taken.conformed, row)
    return taken.quarantine


def _supersede(submissions: pd.DataFrame) -> pd.DataFrame:
    """Keep the last received file of each site and month in use."""
    out = submissions.copy()
    live = out["status"].isin(["accepted", "superseded"])
    ordered = out[live].sort_values(["received", "file"])
    last = ordered.groupby(["site_code", "month"]).tail(1).index
    out.loc[live, "status"] = "superseded"
    out.loc[last, "status"] = "accepted"
    return out.sort_values(["site_code", "month", "received", "file"], ignore_index=True)


def _held(where: store.Root, table: str) -> pd.DataFrame:
    path = where.store / f"{table}.parquet"
    return pd.read_parquet(path) if path.exists() else schema.empty(table)


def _modified(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date().isoformat()


def import_police(where: store.Root, paths: Iterable[Path], *, tick: Tick = silent) -> pd.DataFrame:
    """Read police street files into events, and return what became of each file's rows.

    Parameters
    ----------
    where : store.Root
        Root to write to.
    paths : iterable of Path
        ``*-street.csv`` files, also gzipped.

    Returns
    -------
    DataFrame
        One row per file: ``file``, ``source``, ``rows_in``, ``kept``, the reasons for rows set aside, and
        ``refused`` (a sentence, else empty). A file that was imported before is replaced by the new reading.
    """
    hashes = store.synthetic_hashes(where)
    accounts, events, anchors = [], [], []
    for path in paths:
        content = path.read_bytes()
        tick(path.name)
        synthetic = store.sha256(content) in hashes
        try:
            if where.is_demo and not synthetic:
                raise errors.IntakeError(f"'{path.name}' {REFUSED_REAL} to import it.")
            found, streets, account = agencies.read_police(content, filename=path.name, synthetic=synthetic)
        except errors.IntakeError as error:
            accounts.append({"file": path.name, "refused": str(error)})
            continue
        events.append(found)
        anchors.append(streets)
        accounts.append({"file": path.name, "refused": "", **account})
    if events:
        _merge_police(where, pd.concat(events, ignore_index=True), anchors)
    return pd.DataFrame(accounts)


def _merge_police(where: store.Root, new: pd.DataFrame, anchors: list[pd.DataFrame]) -> None:
    for source, part in new.groupby("source"):
        old = (
            store.load("events", source=source, where=where)
            if source in store.sources(where)
            else schema.empty("event")
        )
        kept = old[~old["source_dataset"].isin(part["source_dataset"].unique())]
        merged = pd.concat([kept, part], ignore_index=True).sort_values(["month", "event_id"], ignore_index=True)
        store.save(where, "events", merged, source=source)
    store.save(where, "police_months", _violence_months(where))
    path = where.store / "streets.parquet"
    combined = agencies.combine_anchors(anchors)
    if path.exists():
        both = pd.concat([pd.read_parquet(path), combined], ignore_index=True)
        combined = both.groupby(["name", "x", "y", "borough_gss"], sort=True, as_index=False)["n"].max()
    store.save(where, "streets", combined)


def _violence_months(where: store.Root) -> pd.DataFrame:
    """Return the months in which each police source's files hold violence anywhere."""
    found = [schema.empty("event")[["source", "month", "synthetic"]]]
    for source in store.sources(where):
        events = store.load("events", source=source, where=where)
        found.append(events.loc[harmonise.violence(events), ["source", "month", "synthetic"]])
    return pd.concat(found, ignore_index=True).groupby(["source", "month"], as_index=False)["synthetic"].all()


def derive(where: store.Root) -> dict[str, int]:
    """Rebuild located records, ED events and site-months from the conformed records in use; return row counts."""
    rules = params.defaults()
    roster = store.load("sites", where=where)
    conformed = store.load("conformed", where=where)
    path = where.store / "streets.parquet"
    streets = [gazetteer.streets(pd.read_parquet(path))] if path.exists() else []
    names = gazetteer.build(gazetteer.embedded(), *streets)
    located = geocode.locate(conformed, names, roster, rules=rules)
    store.save(where, "located", located)
    store.save(where, "events", harmonise.ed_events(conformed, located), source="ed")
    in_use = store.current_submissions(where)
    store.save(where, "site_months", quality.site_months(in_use, conformed, located, roster, rules))
    return {"conformed": len(conformed), "located": int((located["borough_gss"] != "").sum()), "names": len(names)}


def police_files(where: store.Root) -> list[Path]:
    """Return the police files that lie in the root's own drop folder."""
    return sorted((where.incoming / "police").rglob("*-street.csv*"))
