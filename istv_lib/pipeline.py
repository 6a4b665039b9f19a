"""The stages in order over a root: synthetic files, intake, police files, derived tables, past days, extracts.

Each stage reads and writes through ``store``, all or nothing; the work itself is done by the pure modules below. A
file that cannot be taken in stops only itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from istv_lib import (
    _by_date,
    _filing,
    _placing,
    _taking,
    agencies,
    agreements,
    errors,
    extract,
    harmonise,
    months,
    params,
    places,
    quality,
    schema,
    store,
    synth,
)

Tick = Callable[[str], None]
PLACING = "places"
OTHERS_AS_THEY_ARE = (
    "Events of other agencies and the roster are those of the day on which this folder was made, not of the day that "
    "it shows."
)


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


@dataclass(frozen=True)
class Intake:
    """What one intake did.

    Attributes
    ----------
    submissions : DataFrame
        The whole table.
    new : DataFrame
        Its rows of the files that were looked at now: all but those known from before.
    reconciliation : DataFrame
        The whole table.
    gone : int
        Files taken in before that left the tables, because all was read again and they no longer lie there.
    counts : dict
        As :func:`derive` returns.
    """

    submissions: pd.DataFrame
    new: pd.DataFrame
    reconciliation: pd.DataFrame
    gone: int
    counts: dict[str, int]


def take_in(where: store.Root, *, again: bool = False, tick: Tick = silent) -> Intake:
    """Take in every new file of the drop folders and rebuild what rests on them, all or nothing.

    Parameters
    ----------
    where : store.Root
        Root to work on.
    again : bool, default False
        Read every file of the drop folders anew, by layouts, profiles and checks as they are now, and replace tables
        and conformed files. ``as_of`` then speaks of the new reading. Files that no longer lie in the drop folders
        leave the tables.
    tick : callable
        Called with each file, and with :data:`PLACING` when all are read.

    Raises
    ------
    errors.StoreError
        When the tables cannot be written or are of an earlier version; nothing was changed then.
    errors.ParameterError
        When a file of settings cannot be used; nothing was changed then.

    Notes
    -----
    Files are read in the order of the date received, then of their names. A file whose bytes were accepted before
    is a no-op under its own name and a ``duplicate_file`` under another; a refused file is tried again. Of several
    accepted files for one site and month the last received is in use and the others are ``superseded``, unless the
    profile says ``append``: then all count together, less the records that an earlier one holds. The same files
    give the same bytes, whether they come in one intake or in several.
    """
    with store.together(where):
        held = _filing.held_tables(where, again=again)
        submissions, taken, read = _filing.read(where, held["submissions"], tick)
        tick(PLACING)
        records = {key: file.conformed for key, file in taken.items()}
        tables = {name: _filing.of_files(name, held[name], taken, submissions) for name in _filing.OF_FILES}
        tables["revisions"] = _filing.revisions(where, submissions, held["revisions"], records)
        for name, frame in {**tables, "submissions": submissions}.items():
            store.save(where, name, frame)
        _filing.save_conformed(where, submissions, records, again=again)
        counts = _derive(where, where, submissions, records, _taking.said())
    gone = len(held["before"] - set(_filing.keys(submissions))) if again else 0
    new = submissions[_filing.among(submissions, read)]
    return Intake(submissions, new, tables["reconciliation"], gone, counts)


def open_refusals(submissions: pd.DataFrame) -> pd.DataFrame:
    """Return the refused files that no accepted file of the same site and month, received no earlier, made good."""
    good = submissions[submissions["status"] == "accepted"].groupby(["site_code", "month"])["received"].max().to_dict()
    refused = submissions[submissions["status"] == "refused"]
    rows = zip(refused["site_code"], refused["month"], refused["received"], strict=True)
    return refused.loc[[good.get((site, month), "") < received for site, month, received in rows]]


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
                raise errors.IntakeError(f"'{path.name}' {_taking.REFUSED_REAL} to import it.")
            found, streets, account = agencies.read_police(content, filename=path.name, synthetic=synthetic)
        except errors.IntakeError as error:
            accounts.append({"file": path.name, "refused": str(error)})
            continue
        events.append(found)
        anchors.append(streets)
        accounts.append({"file": path.name, "refused": "", **account})
    if events:
        with store.together(where):
            _merge_police(where, pd.concat(events, ignore_index=True), anchors)
    return pd.DataFrame(accounts)


def _merge_police(where: store.Root, new: pd.DataFrame, anchors: list[pd.DataFrame]) -> None:
    held = {source: store.load("events", source=source, where=where) for source in store.sources(where)}
    for source, part in new.groupby("source"):
        old = held.get(source, schema.empty("event"))
        kept = old[~old["source_dataset"].isin(part["source_dataset"].unique())]
        merged = pd.concat([kept, part], ignore_index=True).sort_values(["month", "event_id"], ignore_index=True)
        store.save(where, "events", merged, source=source)
        held[source] = merged
    violent = [e.loc[harmonise.violence(e), ["source", "month", "synthetic"]] for e in held.values()]
    told = pd.concat([schema.empty("event")[["source", "month", "synthetic"]], *violent], ignore_index=True)
    store.save(where, "police_months", told.groupby(["source", "month"], as_index=False)["synthetic"].all())
    path = where.store / "streets.parquet"
    combined = agencies.combine_anchors(anchors)
    if path.exists():
        both = pd.concat([pd.read_parquet(path), combined], ignore_index=True)
        combined = both.groupby(["name", "x", "y", "borough_gss"], sort=True, as_index=False)["n"].max()
    store.save(where, "streets", combined)


def derive(where: store.Root) -> dict[str, int]:
    """Rebuild located records, ED events and site-months from the conformed records in use; return row counts.

    :func:`take_in` does it too; alone it takes in what has changed in the roster, the police files or the hospitals'
    word.
    """
    with store.together(where):
        return _derive(where, where, store.load("submissions", where=where), {}, _taking.said())


def _derive(
    where: store.Root,
    source: store.Root,
    submissions: pd.DataFrame,
    records: Mapping[str, pd.DataFrame],
    said: pd.DataFrame,
) -> dict[str, int]:
    """Derive the tables of one root from the records, roster and streets of the same or another."""
    in_use = submissions[submissions["status"] == "accepted"]
    if in_use.empty:
        derived = [
            where.store / f"{name}.parquet" for name in ("conformed", "located", "site_months", "place_accuracy")
        ]
        for path in [*derived, *sorted((where.store / "events" / "source=ed").glob("*.parquet"))]:
            store.remove(path)
        return {"conformed": 0, "located": 0, "names": 0}
    rules, roster = params.defaults(), store.load("sites", where=source)
    conformed = store.conformed(source, in_use, records)
    placed = _placing.placed(source, conformed)
    located = placed.located
    store.save(where, "conformed", conformed)
    store.save(where, "located", located)
    store.save(where, "events", harmonise.ed_events(conformed, located, rules), source="ed")
    states = quality.site_months(in_use, conformed, located, roster, said, rules)
    store.save(where, "site_months", states)
    store.save(where, "place_accuracy", placed.accuracy)
    return {"conformed": len(conformed), "located": int((located["borough_gss"] != "").sum()), "names": placed.names}


def as_of(where: store.Root, day: str, folder: str | Path) -> dict[str, int]:
    """Make a root that holds the London known at the end of a day, so that reports of then can be run again.

    Parameters
    ----------
    where : store.Root
        Root to look back in.
    day : str
        YYYY-MM-DD. Files received by then and what hospitals had said by then count.
    folder : str or Path
        Where to make it: a folder that is not there or empty, outside the checkout and outside ``where``.

    Returns
    -------
    dict
        ``files`` in use, and the counts of :func:`derive`.

    Raises
    ------
    errors.StoreError
        When the folder cannot be used, or no file had been taken in by then.
    errors.ParameterError
        When the day is no date.

    Notes
    -----
    It holds no raw files, so intake is not run in it. Each file is read as it was last read, and settings, code,
    roster and the events of other agencies are those of now: :data:`OTHERS_AS_THEY_ARE` is written into
    ``store/as_of.txt``. To have a report byte for byte, use the version of the code and settings it was made with.
    """
    tables = {name: store.load(name, as_of=day, where=where) for name in _filing.KEPT}
    files = tables["submissions"]
    if not files["status"].isin(_filing.LIVE).any():
        msg = f"No file had been taken in by {day}; the first was received on {_first(where)}: choose a later day."
        raise errors.StoreError(msg)
    target = _new_root(where, folder)
    with store.together(target):
        for name, frame in tables.items():
            store.save(target, name, frame)
        known = [
            store.conformed_path(where, row) for row in files[files["status"].isin(_filing.LIVE)].to_dict("records")
        ]
        for path in [*known, *_not_from_hospitals(where)]:
            store.write(target.path / path.relative_to(where.path), path.read_bytes())
        counts = _derive(target, where, files, {}, _taking.said(day))
        store.write(target.store / "as_of.txt", f"As it was known on {day}. {OTHERS_AS_THEY_ARE}\n")
    return {"files": int((files["status"] == "accepted").sum()), **counts}


def _first(where: store.Root) -> str:
    files = store.load("submissions", where=where)
    return str(files.loc[files["status"].isin(_filing.LIVE), "received"].min())


def _new_root(where: store.Root, folder: str | Path) -> store.Root:
    target = store.root(folder)
    inside = target.path.is_relative_to(where.path) or where.path.is_relative_to(target.path)
    if inside or target.path.is_file() or any(path.is_file() for path in target.path.rglob("*")):
        msg = f"'{target.path.name}' is not an empty folder apart from the root; name one that does not exist yet."
        raise errors.StoreError(msg)
    return target


def _not_from_hospitals(where: store.Root) -> list[Path]:
    """Return roster and reference files, other agencies' events, and what was made of them."""
    events = [p for p in (where.store / "events").glob("source=*/*.parquet") if p.parent.name != "source=ed"]
    made = [where.store / f"{name}.parquet" for name in ("streets", "gazetteer", "police_months")]
    own = [path for path in where.reference.rglob("*") if path.is_file()]
    return sorted([*own, *events, *(path for path in made if path.exists())])


def hand_out(
    where: store.Root, *, area: places.Area, month: str, purpose: str, on: str
) -> tuple[extract.Extract, Path]:
    """Write the extract of an area and month for partners, and return it with its folder.

    Parameters
    ----------
    where : store.Root
        Root to read from; the extract goes to ``partner/<month>/<area>/``.
    area : places.Area
        As :func:`istv_lib.extract.table` takes it.
    month : str
        "YYYY-MM", or "latest".
    purpose : str
        Code of a purpose in ``parameters/agreements.yml``.
    on : str
        YYYY-MM-DD: the day on which it is handed over; agreements must be in force then.
    """
    rules, on = params.defaults(), _by_date.parse(on)
    month = store.load("site_months", where=where)["month"].max() if month == "latest" else months.parse(month)
    span = store.history(month, int(rules["extract_k_months"]))
    made = extract.table(
        store.load("events", source="ed", months=span, where=where),
        store.load("conformed", months=span, where=where),
        store.load("sites", where=where),
        agreements.read(),
        area=area,
        month=month,
        purpose=purpose,
        rules=rules,
        disclosure_rules=params.file("disclosure"),
        on=on,
    )
    account = {"area": area.name, "month": month, "purpose": purpose, "agreements_in_force_on": on, "id": made.id}
    account |= {"audience": made.audience, "rule": made.rule, "kind": made.kind}
    account |= {"lines": json.loads(made.account.to_json(orient="records"))}
    folder = where.partner / month / area.slug
    with store.together(where):
        store.write(folder / "extract.csv", extract.to_csv(made.frame))
        store.write(folder / "extract_people.csv", extract.to_csv(made.people))
        store.write(folder / "extract_dictionary.csv", extract.to_csv(made.dictionary))
        store.write(folder / "extract_account.json", json.dumps(account, indent=1) + "\n")
    return made, folder


def to_chase(where: store.Root) -> pd.DataFrame:
    """Return whom to remind of a file of the newest month or the year before: as :func:`istv_lib.quality.chase`."""
    states = store.load("site_months", where=where)
    files, roster = (store.load(table, where=where) for table in ("submissions", "sites"))
    calendar = params.file("monthly")
    return quality.chase(states, files, roster, _taking.contacts(), states["month"].max(), calendar, params.defaults())


def agreements_ending(where: store.Root) -> pd.DataFrame:
    """Return the agreements of the roster's open sites that end soon, seen from the day the last file came."""
    last = store.load("submissions", where=where)["received"].max()
    roster = store.load("sites", where=where)
    open_ = roster.loc[roster["valid_to"] == "", "site_code"]
    ending = agreements.expiring(agreements.read(), last, params.defaults())
    return ending[ending["site_code"].isin(open_)]


def files_waiting(where: store.Root) -> int:
    """Return how many files lie in the hospitals' drop folders."""
    return len(_taking.paths(where))


def police_files(where: store.Root) -> list[Path]:
    """Return the police files that lie in the root's own drop folder."""
    return sorted((where.incoming / "police").rglob("*-street.csv*"))
