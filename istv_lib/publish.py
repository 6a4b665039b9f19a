"""Executed notebooks to pages: the one deliberate step out of the restricted side.

A page with a fault is refused and the others go on. The whole hub is built beside the old one and switched by
renaming, so a reader never meets half a hub. Older months and versions stay where they are.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from istv_lib import _clean, _hub, _page, _stamps, errors, months, params, store
from istv_lib import run as _run
from istv_lib._lint import check_notebook, check_page
from istv_lib._page import Page, render

__all__ = ["AUDIENCES", "Page", "check_notebook", "check_page", "publish", "render"]

AUDIENCES = ("public", "partner", "internal")
LICENCE = {
    "name": "Open Government Licence v3.0",
    "url": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}
_RUN = ("id", "notebook", "title", "audience", "slug", "area_name", "status", "file")
_PAGE, _ABOUT = "index.html", "metadata.json"


@dataclass(frozen=True)
class Draft:
    """One run that may become a page: its notebook, blocks, CSV and what the page says about itself."""

    run: Mapping[str, Any]
    page: Page
    notebook: nbformat.NotebookNode
    blocks: list[_stamps.Block]
    csv: bytes


def publish(where: store.Root, month: str, audiences: Iterable[str] = AUDIENCES) -> list[dict[str, Any]]:
    """Make the pages of a month's runs and switch the hub to them.

    Parameters
    ----------
    where : store.Root
        Root with ``restricted/<month>/manifest.json`` as :mod:`istv_lib.run` writes it.
    month : str
        "YYYY-MM".
    audiences : iterable of str
        Which pages to make: ``public`` (the hub), ``partner``, ``internal``. Default all.

    Returns
    -------
    list of dict
        One per run of these audiences: ``id``, ``audience``, ``slug``, ``status`` (``published``,
        ``unchanged``, ``refused``, or ``skipped`` for a run that was not done), ``why`` (first fault),
        ``faults`` (all), ``path`` (below the root) and ``version`` (public pages).

    Raises
    ------
    errors.PublishError
        Before anything is written: no manifest, a manifest that cannot be followed, a root or a hub that mixes
        real and synthetic data while public pages are asked for.

    Notes
    -----
    A public page keeps its version while its HTML and CSV stay the same bytes, else it gets the next one. Every
    public table goes into the release ledger before the hub is switched.
    """
    chosen, month, kind = set(audiences), months.parse(month), store.kind(where)
    if unknown := sorted(chosen - set(AUDIENCES)):
        raise errors.PublishError(f"There is no audience '{unknown[0]}'; choose {', '.join(AUDIENCES)}.")
    if "public" in chosen:
        _refuse_mixture(where, kind)
    runs = _runs(where, month)
    results, drafts = [], []
    base = _run.state(where)
    for run in runs:
        if run["audience"] in chosen:
            result, draft = _draft(where, month, run, kind, base)
            results.append(result)
            drafts += [(result, draft)] if draft else []
    for result, draft in drafts:
        if draft.page.audience != "public":
            _write_aside(where, draft, result)
    if "public" in chosen:
        _publish_hub(where, [(r, d) for r, d in drafts if d.page.audience == "public"], kind)
    return results


def _refuse_mixture(where: store.Root, kind: str) -> None:
    """Refuse a root or a hub of two kinds, after mending what a crash may have left of the hub."""
    if kind == "mixed":
        msg = (
            f"The root '{where.path.name}' holds both real and synthetic rows, which are never published; "
            "use a root of one kind, or publish for partners and the team only."
        )
        raise errors.PublishError(msg)
    _recover(where.hub)
    held = {page["kind"] for page in _hub.entries(where.hub)} - {kind}
    if held and kind in _stamps.KINDS:
        msg = (
            f"The hub of '{where.path.name}' holds {held.pop()} pages and the store is {kind}; "
            "move the hub away before you publish."
        )
        raise errors.PublishError(msg)


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


def _draft(
    where: store.Root, month: str, run: dict[str, Any], kind: str, base: str
) -> tuple[dict[str, Any], Draft | None]:
    """Read and check one run's notebook; return its result so far, and a draft where nothing is wrong."""
    slug = _slug(run)
    result = {"id": run["id"], "audience": run["audience"], "slug": slug, "status": "published", "why": ""}
    result |= {"faults": [], "path": "", "version": None}
    if run["status"] != "done":
        return result | {"status": "skipped", "why": "its run was not completed"}, None
    try:
        notebook = nbformat.read(where.restricted / month / run["file"], as_version=4)
    except (OSError, ValueError, KeyError, AttributeError, nbformat.ValidationError):
        return _refused(result, ["Its executed notebook is missing or cannot be read; run it again."]), None
    blocks = _stamps.blocks(notebook)
    page = _about(month, run, slug, blocks, _together(kind, blocks))
    faults = check_notebook(notebook, run["audience"])
    if run.get("sha256", "") != store.sha256((where.restricted / month / run["file"]).read_bytes()):
        faults.insert(0, "Its executed notebook is not the one that was run; run it again with --force.")
    if run.get("key", "") != _run.run_key(base, run["id"], run.get("parameters") or {}):
        faults.insert(
            0, "It was run with other code, parameters or tables than the present ones; use `istv run` again."
        )
    if page.kind != kind and kind in _stamps.KINDS:
        faults.append(f"The notebook's numbers are not {kind} as the store is; run it again.")
    if page.kind == "mixed" and page.audience == "public":
        faults.append("The page would rest on real and synthetic numbers together.")
    faults = faults or check_page(render(notebook, page))
    if faults:
        return _refused(result, faults), None
    return result, Draft(run, page, notebook, blocks, _stamps.csv_of(blocks))


def _refused(result: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    result |= {"status": "refused", "why": faults[0], "faults": faults, "path": ""}
    return result


def _together(kind: str, blocks: list[_stamps.Block]) -> str:
    kinds = {kind, _stamps.kind_of(blocks) or kind} - {"empty"}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _slug(run: Mapping[str, Any]) -> str:
    """Return a run's address part: its place's own for the first notebook of its sort in monthly.yml."""
    listed = params.notebooks()
    units = set(listed.get(run["notebook"], {}).get("for_each", []))
    first = next(
        (
            name
            for name, spec in listed.items()
            if units & set(spec["for_each"]) and run["audience"] in spec["audiences"]
        ),
        None,
    )
    noun = re.sub(r"^\d+_", "", run["notebook"]).replace("_", "-")
    return run["slug"] if run["notebook"] == first else f"{run['slug']}-{noun}"


def _about(month: str, run: Mapping[str, Any], slug: str, blocks: list[_stamps.Block], kind: str) -> Page:
    public, internal = run["audience"] == "public", run["audience"] == "internal"
    name = run["id"] if internal else "data"
    return Page(
        slug=slug,
        area=(run.get("parameters") or {}).get("area") or run["slug"],
        area_name=run["area_name"],
        title=_title(run, months.label(month)),
        notebook=run["notebook"],
        month=month,
        month_label=months.label(month),
        audience=run["audience"],
        kind=kind,
        status="provisional" if _stamps.provisional(blocks) else "",
        rule_note=_page.rule_note(run["audience"]),
        code_version=run.get("code_version") or params.code_version(),
        csv_name=f"{name}-SYNTHETIC.csv" if kind == "synthetic" else f"{name}.csv",
        root="../../../" if public else "",
    )


def _title(run: Mapping[str, Any], label: str) -> str:
    if run["slug"].startswith("case-"):
        return run["area_name"]
    title = run["title"]
    if run["area_name"].lower() not in title.lower():
        title = f"{run['area_name']} {title[:1].lower()}{title[1:]}"
    return f"{title}, {label}"


def _write_aside(where: store.Root, draft: Draft, result: dict[str, Any]) -> None:
    """Write a partner or internal page and its CSV, the page last."""
    page = draft.page
    if page.audience == "partner":
        path = where.partner / page.month / page.slug / _PAGE
    else:
        path = where.restricted / page.month / "pages" / f"{draft.run['id']}.html"
    if draft.csv:
        store.write(path.with_name(page.csv_name), draft.csv)
    store.write(path, render(draft.notebook, page))
    result["path"] = path.relative_to(where.path).as_posix()


def _publish_hub(where: store.Root, drafts: list[tuple[dict[str, Any], Draft]], kind: str) -> None:
    """Build the next hub beside the one that is there, write the ledger, and switch."""
    part = where.hub.with_name("hub.part")
    shutil.rmtree(part, ignore_errors=True)
    if where.hub.exists():
        shutil.copytree(where.hub, part, copy_function=_link)
    part.mkdir(exist_ok=True)
    lines, taken = [], set()
    for result, draft in drafts:
        if draft.page.slug in taken:
            _refused(result, ["Another run of the month has the same address; see parameters/monthly.yml."])
            continue
        taken.add(draft.page.slug)
        placed = _place(part, draft, result)
        lines += _ledger_lines(placed, draft.blocks)
    own = _hub.build(part, kind if kind in _stamps.KINDS else "synthetic", params.code_version())
    if faults := _hub.check_files(own, check_page):
        shutil.rmtree(part)
        raise errors.PublishError(f"The hub's own page {faults[0]} Mend it and publish again; nothing was changed.")
    _hub.write(part, own)
    store.append_ledger(where, lines)
    _switch(where.hub)


def _place(part: Path, draft: Draft, result: dict[str, Any]) -> Page:
    """Put a public page at its permanent address, as a new version unless nothing changed, and at ``latest``."""
    home = part / draft.page.slug / draft.page.month
    held = max((int(p.name[1:]) for p in home.glob("v*") if p.name[1:].isdigit()), default=0)
    page = dataclasses.replace(draft.page, version=max(held, 1))
    text = render(draft.notebook, page)
    if held and not _same(home / f"v{held}", page, text, draft.csv):
        page = dataclasses.replace(page, version=held + 1)
        text = render(draft.notebook, page)
        held = 0
    folder = home / f"v{page.version}"
    result |= {"status": "unchanged" if held else "published", "version": page.version}
    result["path"] = "hub/" + (folder / _PAGE).relative_to(part).as_posix()
    if not held:
        files = {_PAGE: text.encode("utf-8")} | ({page.csv_name: draft.csv} if draft.csv else {})
        for name, content in files.items():
            store.write(folder / name, content)
        store.write(folder / _ABOUT, json.dumps(_metadata(page, draft, files), indent=1, sort_keys=True) + "\n")
    if page.month == max(p.name for p in home.parent.iterdir() if p.name != "latest"):
        moved = dataclasses.replace(page, root="../../", folder=f"../{page.month}/v{page.version}/")
        store.write(home.parent / "latest" / _PAGE, render(draft.notebook, moved))
    return page


def _same(folder: Path, page: Page, text: str, numbers: bytes) -> bool:
    table = folder / page.csv_name
    return (folder / _PAGE).read_bytes() == text.encode("utf-8") and (
        table.read_bytes() if table.exists() else b""
    ) == numbers


def _metadata(page: Page, draft: Draft, files: dict[str, bytes]) -> dict[str, Any]:
    """Return what a computer should know of a page; nothing in it differs between two runs on the same data."""
    lead = _stamps.headline(draft.blocks)
    types = {_PAGE: "text/html", page.csv_name: "text/csv"}
    return {
        "title": ("SYNTHETIC: " if page.kind == "synthetic" else "") + page.title,
        "description": _clean.plain(lead.data["text/markdown"]) if lead else "",
        "headline": lead.data["text/markdown"] if lead else "",
        "slug": page.slug,
        "area": page.area,
        "area_name": page.area_name,
        "geography": "London" if page.area == "london" else f"{page.area_name}, London",
        "period": {"start": _first_month(draft.blocks, page.month), "end": page.month},
        "month": page.month,
        "month_label": page.month_label,
        "version": page.version,
        "status": page.status,
        "kind": page.kind,
        "synthetic": page.kind == "synthetic",
        "rules": sorted({block.rule for block in draft.blocks}),
        "rule_note": page.rule_note,
        "coverage_note": _clean.plain(_stamps.coverage_note(draft.blocks)),
        "notebook": page.notebook,
        "code_version": page.code_version,
        "licence": LICENCE,
        "standing": "Management information, not official statistics.",
        "blocks": [
            {"name": b.name, "kind": b.kind, "title": b.title, "release": b.release, "digest": b.digest}
            for b in draft.blocks
        ],
        "files": [
            {"name": name, "media_type": types[name], "bytes": len(content), "sha256": store.sha256(content)}
            for name, content in files.items()
        ],
    }


def _first_month(blocks: list[_stamps.Block], month: str) -> str:
    starts = (row.get("period_start", "") for b in blocks if b.kind == "table" for row in _stamps.rows(b))
    return min((start for start in starts if start), default=month)


def _ledger_lines(page: Page, blocks: list[_stamps.Block]) -> list[dict[str, Any]]:
    return [
        {
            "page": page.slug,
            "month": page.month,
            "version": page.version,
            "table": block.name,
            "release": block.release,
            "rule": block.rule,
            "csv_sha256": store.sha256(block.data["text/csv"].encode("utf-8")),
            "values": _stamps.rows(block),
        }
        for block in blocks
        if block.kind == "table"
    ]


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
