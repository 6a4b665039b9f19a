"""Executed notebooks to pages: the one deliberate step out of the restricted side.

A page with a fault is refused and the others go on. The whole hub is built beside the old one, attacked and scanned,
and switched by renaming, so a reader never meets half a hub. Older months and versions stay where they are; a page
that is withdrawn leaves a tombstone.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from istv_lib import (
    _geopackage,
    _hub,
    _package,
    _release,
    _stamps,
    clearance,
    errors,
    months,
    params,
    releases,
    scan,
    store,
)
from istv_lib import run as _run
from istv_lib._lint import check_notebook, check_page
from istv_lib._page import WATERMARK, Page, render
from istv_lib._release import ABOUT, PAGE, Draft, Terms

__all__ = ["AUDIENCES", "Page", "check_notebook", "check_page", "publish", "render", "withdraw"]

AUDIENCES = ("public", "partner", "internal")
_RUN = ("id", "notebook", "title", "audience", "slug", "area_name", "status", "file")
_UNCHANGED = "nothing was changed"


def publish(
    where: store.Root,
    month: str,
    audiences: Iterable[str] = AUDIENCES,
    *,
    now: dt.datetime | None = None,
    date: str | None = None,
    reason: str = "",
    correction: bool = False,
) -> list[dict[str, Any]]:
    """Make the pages of a month's runs and switch the hub to them.

    Parameters
    ----------
    where : store.Root
        Root with ``restricted/<month>/manifest.json`` as :mod:`istv_lib.run` writes it.
    month : str
        "YYYY-MM".
    audiences : iterable of str
        Which pages to make: ``public`` (the hub), ``partner``, ``internal``. Default all.
    now : datetime, optional
        The present, with its time zone. Default, for synthetic data only, the time of release of the calendar.
    date : str, optional
        Date of new versions, YYYY-MM-DD; default London's date at ``now``. First versions bear the calendar's date.
    reason : str
        Why there are new versions of pages that were published before; needed for real data.
    correction : bool
        New versions correct an error of ours, and do not only follow later data or methods.

    Returns
    -------
    list of dict
        One per run of these audiences: ``id``, ``audience``, ``slug``, ``status`` (``published``,
        ``unchanged``, ``refused``, or ``skipped`` for a run that was not done), ``why`` (first fault),
        ``faults`` (all), ``path`` (below the root) and ``version`` (public pages).

    Raises
    ------
    errors.PublishError
        Before anything is published: no manifest, or one that cannot be followed; and when public pages are asked
        for: a root or hub that mixes real and synthetic data, a time before the calendar's, no complete release
        form, a ledger older than the hub, a count that could be worked out, a find of the scan.

    Notes
    -----
    A public page keeps its version while its HTML and CSV stay the same bytes, else it gets the next one. Every
    public table goes into the release ledger before the hub is switched.
    """
    chosen, month, kind = set(audiences), months.parse(month), store.kind(where)
    if unknown := sorted(chosen - set(AUDIENCES)):
        raise errors.PublishError(f"There is no audience '{unknown[0]}'; choose {', '.join(AUDIENCES)}.")
    public = "public" in chosen
    held = _held(where, kind) if public else []
    if public and now is None and kind != "synthetic":
        raise errors.PublishError("Real data are published at a known time only; pass the present as `now`.")
    now = now or releases.at(month)
    runs = _runs(where, month)
    if public:
        _refuse_stale_ledger(where, held)
        said = {"reason": " ".join(reason.split()), "change": "correction" if correction else "revision"}
        terms = _terms(where, month, kind, date=releases.day(date, now), **said)
        releases.check_embargo(month, now)
    base, versions = _run.state(where), _versions(held)
    found = [_release.draft(where, month, run, kind, base, versions) for run in runs if run["audience"] in chosen]
    if public:
        _publish_hub(where, [(r, d) for r, d in found if d and d.page.audience == "public"], held, kind, terms)
    for result, made in found:
        if made and made.page.audience != "public":
            _write_aside(where, made, result)
    return [result for result, _ in found]


def _held(where: store.Root, kind: str) -> list[dict[str, Any]]:
    """Return the hub's pages, after mending what a crash may have left; refuse a root or a hub of two kinds."""
    if kind == "mixed":
        msg = (
            f"The root '{where.path.name}' holds both real and synthetic rows, which are never published; "
            "use a root of one kind, or publish for partners and the team only."
        )
        raise errors.PublishError(msg)
    _recover(where.hub)
    held = _hub.entries(where.hub)
    others = {page["kind"] for page in held} - {kind}
    if others and kind in _stamps.KINDS:
        msg = (
            f"The hub of '{where.path.name}' holds {others.pop()} pages and the store is {kind}; "
            "move the hub away before you publish."
        )
        raise errors.PublishError(msg)
    return held


def _runs(where: store.Root, month: str) -> list[dict[str, Any]]:
    """Read the manifest; refuse one that names anything but plain files and addresses."""
    path = where.restricted / month / "manifest.json"
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    except FileNotFoundError:
        msg = f"Nothing was run for {month} in '{where.path.name}'; use `istv run --month {month}` first."
        raise errors.PublishError(msg) from None
    except (ValueError, KeyError, TypeError):
        msg = f"The manifest of {month} cannot be read; use `istv run --month {month}` again."
        raise errors.PublishError(msg) from None
    for number, run in enumerate(runs, 1):
        lacking = [name for name in _RUN if not isinstance(run.get(name), str)]
        plain = not lacking and (
            re.fullmatch(r"[A-Za-z0-9][\w-]*", run["id"])
            and re.fullmatch(r"[a-z0-9][a-z0-9-]*", run["slug"])
            and (not run["file"] or re.fullmatch(r"[\w-][\w.-]*\.ipynb", run["file"]))
            and run["audience"] in AUDIENCES
        )
        if not plain:
            msg = f"Run {number} in the manifest of {month} lacks a name or has one that cannot be used; run it again."
            raise errors.PublishError(msg)
    return runs


def _terms(where: store.Root, month: str, kind: str, **said: str) -> Terms:
    """Gather what is said of every page that changes; refuse real data without form or lock file."""
    made_up = params.file("release")["demonstration"] if kind == "synthetic" else {}
    lock = params.home() / "requirements.lock"
    if not made_up and not lock.is_file():
        raise errors.PublishError("requirements.lock is missing, which real pages must name; restore it.")
    return Terms(
        usual=made_up.get("reason", ""),
        form=made_up.get("form") or _form(where, month),
        inputs=_inputs(where),
        lock=store.sha256(lock.read_bytes()) if lock.is_file() else "",
        **said,
    )


def _form(where: store.Root, month: str) -> dict[str, str]:
    """Read the month's release form; where there is none, write a blank one and refuse."""
    path = where.restricted / month / "form.yml"
    if path.exists():
        return releases.form(path.read_text(encoding="utf-8", errors="replace"), month)
    store.write(path, releases.BLANK.format(month=month, label=months.label(month)))
    msg = f"Real data need a release form: fill in the blank one in restricted/{month}/form.yml and publish again."
    raise errors.PublishError(msg)


def _inputs(where: store.Root) -> dict[str, str]:
    """Return the sha256 of each whole table of the store; of one in several files, over the files' own."""
    found = {path.stem: store.sha256(path.read_bytes()) for path in sorted(where.store.glob("*.parquet"))}
    parts = sorted((where.store / "events").rglob("*.parquet"))
    return found | {"events": store.sha256("".join(store.sha256(path.read_bytes()) for path in parts).encode())}


def _refuse_stale_ledger(where: store.Root, held: list[dict[str, Any]]) -> None:
    """Refuse to publish when the hub holds a table that the ledger does not know: the attack would miss it."""
    lines = store.ledger(where)
    known = {(x["page"], x["month"], x["version"], key) for x in lines for key in (x["table"], x["csv_sha256"])}
    for page in held:
        keys = [b["name"] for b in page["blocks"] if b["kind"] == "table"] + [f["sha256"] for f in page["files"]]
        if not {(page["slug"], page["month"], page["version"], key) for key in keys} <= known:
            msg = (
                f"The hub's page {page['way']} is not in the release ledger, store/ledger.jsonl, which was lost or is "
                "older than the hub; restore it from a backup."
            )
            raise errors.PublishError(msg)


def _write_aside(where: store.Root, made: Draft, result: dict[str, Any]) -> None:
    """Write a partner or internal page and its CSVs, the page last."""
    page = made.page
    if page.audience == "partner":
        path = where.partner / page.month / page.slug / PAGE
    else:
        path = where.restricted / page.month / "pages" / f"{made.run['id']}.html"
    for name, content in (made.tables | _squares(made)).items():
        store.write(path.with_name(page.csv_prefix + name), content)
    store.write(path, made.files(page)[PAGE])
    result["path"] = path.relative_to(where.path).as_posix()


def _squares(made: Draft) -> dict[str, bytes]:
    """Return the squares of a partner page's tables for QGIS; nothing where it shows none."""
    rules, mark = params.defaults(), "-SYNTHETIC" if made.page.kind == "synthetic" else ""
    tables = {block.name: _stamps.rows(block) for block in made.blocks if block.kind == "table"}
    sides = {"": rules["lattice_m"], "proportion_test": rules["compare_m"]}
    found = _geopackage.rows(tables, sides, WATERMARK) if made.page.audience == "partner" else []
    made_of = {"gpkg": _geopackage.to_gpkg, "csv": _geopackage.to_csv} if found else {}
    return {f"squares{mark}.{ending}": write(found) for ending, write in made_of.items()}


def _publish_hub(
    where: store.Root, drafts: list[tuple[dict[str, Any], Draft]], held: list[dict[str, Any]], kind: str, terms: Terms
) -> None:
    """Give each page its version, attack what is new, build the next hub, write the ledger, and switch."""
    versions = _versions(held)
    shown = {slug: (page["month"], page["version"]) for slug, page in _live(held).items()}
    new: list[tuple[Draft, Page, list[dict[str, Any]]]] = []
    taken: set[str] = set()
    for result, made in drafts:
        earlier = versions.get((made.page.slug, made.page.month), [])
        if made.page.slug in taken:
            _release.refused(result, "Another run of the month has the same address; see parameters/monthly.yml.")
        elif page := _release.versioned(made, result, earlier, where.hub, terms):
            new.append((made, page, earlier))
        taken.add(made.page.slug)
    editions = store.editions(where, new[0][1].month) if new else {}
    lines = [line for made, page, _ in new for line in _release.ledger_lines(made, page, editions)]
    attack = _attacked(where, lines)

    def change(part: Path) -> None:
        for made, page, earlier in new:
            for name, content in _release.files(made, page, earlier, terms, attack).items():
                store.write(part / _release.way(page) / name, content)
            if (page.month, page.version) > shown.get(page.slug, ("", 0)):
                latest = dataclasses.replace(page, root="../../", folder=f"../{page.month}/v{page.version}/")
                store.write(part / page.slug / "latest" / PAGE, made.files(latest)[PAGE])

    _build(where, kind if kind in _stamps.KINDS else "synthetic", change, scan.check)
    store.append_ledger(where, lines)
    _switch(where.hub)


def _versions(held: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the versions of each page and month, oldest first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for page in sorted(held, key=lambda p: p["version"]):
        found.setdefault((page["slug"], page["month"]), []).append(page)
    return found


def _live(held: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return by slug the newest page that is not withdrawn: what ``latest`` shows."""
    pages = sorted((p for p in held if not p["withdrawn"]), key=lambda p: (p["month"], p["version"]))
    return {page["slug"]: page for page in pages}


def _attacked(where: store.Root, lines: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        return clearance.verify(where, lines) if lines else {}
    except errors.DisclosureError as error:
        raise errors.PublishError(f"The gate refused, and {_UNCHANGED}: {error}") from None


def _build(
    where: store.Root, kind: str, change: Callable[[Path], None], check: Callable[[Path, store.Root], list[str]]
) -> None:
    """Build the next hub beside the present one, and remove it again when it has a fault."""
    part = where.hub.with_name("hub.part")
    shutil.rmtree(part, ignore_errors=True)
    if where.hub.exists():
        shutil.copytree(where.hub, part, copy_function=_link)
    part.mkdir(exist_ok=True)
    try:
        change(part)
        own = _hub.build(part, kind, params.code_version())
        if faults := _hub.check_files(own, check_page):
            raise errors.PublishError(f"The hub's own page {faults[0]} Mend it and publish again; {_UNCHANGED}.")
        _hub.write(part, own)
        if leaks := check(part, where):
            more = f" ({len(leaks) - 1} more)" if leaks[1:] else ""
            raise errors.PublishError(f"The scan of the hub refused, and {_UNCHANGED}: {leaks[0]}{more}")
    except errors.ISTVError:
        shutil.rmtree(part)
        raise


def withdraw(where: store.Root, slug: str, month: str, version: int | None, reason: str, date: str) -> dict[str, Any]:
    """Take a public page back: a tombstone stands at its address, and its tables are gone from the hub.

    Parameters
    ----------
    where : store.Root
        Root with the hub.
    slug, month, version : str, str, int or None
        Address of the page; no version means the newest that is not withdrawn.
    reason, date : str
        Why, for readers, and the day (YYYY-MM-DD); both are published.

    Raises
    ------
    errors.PublishError
        No such page, no reason, a reason that cannot stand on a page, or a date before the page's own.

    Notes
    -----
    What was once public stays known: the ledger keeps its lines, and later releases are attacked as if the page were
    still there. ``latest`` goes back to the newest version that is left, else it shows the tombstone.
    """
    _recover(where.hub)
    held, reason = _hub.entries(where.hub), " ".join(reason.split())
    gone = _to_withdraw(held, slug, months.parse(month), version)
    if not reason or date < gone["release"]["date"]:
        told = f"Date it on {gone['release']['date']} or later" if reason else "Say why the page is withdrawn"
        raise errors.PublishError(f"{told}; {_UNCHANGED}.")
    entry = gone | {"files": [], "withdrawn": {"date": date, "reason": reason}}
    texts = {gone["way"]: _hub.tombstone(entry, gone["kind"])}
    if faults := check_page(texts[gone["way"]]):
        raise errors.PublishError(f"Say the reason otherwise: {faults[0]}")
    if _live(held)[slug] is gone:
        latest, left = f"{slug}/latest", _live(p for p in held if p is not gone).get(slug)
        texts[latest] = _hub.tombstone(entry, gone["kind"], latest=True)
        if left:
            text = (where.hub / left["way"] / PAGE).read_text(encoding="utf-8")
            texts[latest] = _release.moved(text, left["way"], latest)

    def change(part: Path) -> None:
        folder, text = part / gone["way"], texts[gone["way"]].encode("utf-8")
        package = _package.withdrawn(json.loads((folder / ABOUT).read_text(encoding="utf-8")), date, reason, text)
        for path in folder.iterdir():
            path.unlink()
        store.write(folder / ABOUT, _release.encoded(package))
        for way, content in texts.items():
            store.write(part / way / PAGE, content)

    _build(where, gone["kind"], change, lambda *_: [])
    _switch(where.hub)
    path = f"hub/{gone['way']}/{PAGE}"
    return {"id": gone["way"], "slug": slug, "status": "withdrawn", "version": gone["version"], "path": path}


def _to_withdraw(held: list[dict[str, Any]], slug: str, month: str, version: int | None) -> dict[str, Any]:
    """Return the page to withdraw; refuse one that is not there, or no longer."""
    pages = [p for p in _versions(held).get((slug, month), []) if not p["withdrawn"]]
    found = [p for p in pages if version in {None, p["version"]}]
    if not found:
        there = ", ".join(f"v{p['version']}" for p in pages) or "no version of it"
        msg = f"There is no such page to withdraw; for {slug}/{month} the hub holds {there}."
        raise errors.PublishError(msg)
    return found[-1]


def _link(source: str, target: str) -> None:
    """Link a file that will not change, or copy it where links cannot be made."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _switch(hub: Path) -> None:
    """Put the new hub in place of the old one."""
    old = hub.with_name("hub.old")
    if hub.exists():
        hub.rename(old)
    hub.with_name("hub.part").rename(hub)
    shutil.rmtree(old, ignore_errors=True)


def _recover(hub: Path) -> None:
    """Mend what a crash left: bring the old hub back if there is none, and remove what is half made."""
    old, part = hub.with_name("hub.old"), hub.with_name("hub.part")
    if old.exists() and not hub.exists():
        old.rename(hub)
    for leftover in (old, part):
        shutil.rmtree(leftover, ignore_errors=True)
