"""One page's release: from an executed notebook to the files of its permanent folder."""

from __future__ import annotations

import dataclasses
import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istv_lib import _package, _page, _stamps, months, params, releases, store
from istv_lib import run as _run
from istv_lib._lint import check_notebook, check_page
from istv_lib._page import Page, render

if TYPE_CHECKING:
    import nbformat

PAGE, ABOUT = "index.html", "datapackage.json"


@dataclass(frozen=True)
class Draft:
    """One run that may become a page: its notebook, blocks, each table's CSV and what the page says about itself."""

    run: Mapping[str, Any]
    page: Page
    notebook: nbformat.NotebookNode
    blocks: list[_stamps.Block]
    tables: dict[str, bytes]
    drawn: dict[Page, bytes] = field(default_factory=dict)

    def files(self, page: Page) -> dict[str, bytes]:
        """Return the page, drawn once, and its tables, by file name."""
        if page not in self.drawn:
            self.drawn[page] = render(self.notebook, page).encode("utf-8")
        return {PAGE: self.drawn[page]} | self.tables


@dataclass(frozen=True)
class Terms:
    """What one act of publishing says of every page that changes by it."""

    date: str  # of new versions
    reason: str  # why there are any, as a person said
    usual: str  # the reason when nobody said; empty asks for one
    change: str  # "revision" or "correction"
    form: Mapping[str, str]  # without rule and attack
    inputs: Mapping[str, str]  # sha256 of each table of the store
    lock: str  # sha256 of requirements.lock


def draft(
    where: store.Root, month: str, run: dict[str, Any], kind: str, base: str, held: Mapping[tuple, list]
) -> tuple[dict[str, Any], Draft | None]:
    """Read and check one run's notebook; return its result so far, and a draft where nothing is wrong.

    ``held`` gives the versions of each page and month in the hub: the draft is drawn as the newest of them.
    """
    slug = _slug(run)
    result = {"id": run["id"], "audience": run["audience"], "slug": slug, "status": "published", "why": ""}
    result |= {"faults": [], "path": "", "version": None}
    if run["status"] != "done":
        return result | {"status": "skipped", "why": "its run was not completed"}, None
    import nbformat  # noqa: PLC0415 - takes a second, which commands without notebooks need not wait

    path = where.restricted / month / run["file"]
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, KeyError, AttributeError, nbformat.ValidationError):
        return refused(result, "Its executed notebook is missing or cannot be read; run it again."), None
    blocks = _stamps.blocks(notebook)
    page = _about(month, run, slug, blocks, _together(kind, blocks))
    if page.audience == "public" and (slug, month) in held:
        page = dataclasses.replace(page, version=held[slug, month][-1]["version"])
    tables = {_stamps.csv_name(b.name, page.kind): _stamps.csv_file(b) for b in blocks if b.kind == "table"}
    made = Draft(run, page, notebook, blocks, tables)
    faults = check_notebook(notebook, run["audience"])
    if run.get("sha256", "") != store.sha256(path.read_bytes()):
        faults.insert(0, "Its executed notebook is not the one that was run; run it again with --force.")
    if run.get("key", "") != _run.run_key(base, run["id"], run.get("parameters") or {}):
        told = "It was run with other code, parameters or tables than the present ones; use `istv run` again."
        faults.insert(0, told)
    if page.kind != kind and kind in _stamps.KINDS:
        faults.append(f"The notebook's numbers are not {kind} as the store is; run it again.")
    if page.kind == "mixed" and page.audience == "public":
        faults.append("The page would rest on real and synthetic numbers together.")
    faults = faults or check_page(made.files(page)[PAGE].decode("utf-8"))
    return (refused(result, *faults), None) if faults else (result, made)


def refused(result: dict[str, Any], *faults: str) -> dict[str, Any]:
    """Say in a result that its page is refused, and why."""
    result |= {"status": "refused", "why": faults[0], "faults": list(faults), "path": "", "version": None}
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
        csv_prefix=f"{run['id']}-" if run["audience"] == "internal" else "",
        root="../../../" if run["audience"] == "public" else "",
    )


def _title(run: Mapping[str, Any], label: str) -> str:
    if run["slug"].startswith("case-"):
        return run["area_name"]
    title = run["title"]
    if run["area_name"].lower() not in title.lower():
        title = f"{run['area_name']} {title[:1].lower()}{title[1:]}"
    return f"{title}, {label}"


def way(page: Page) -> str:
    """Return a public page's permanent folder below the hub."""
    return f"{page.slug}/{page.month}/v{page.version}"


def versioned(
    made: Draft, result: dict[str, Any], earlier: list[dict[str, Any]], hub: Path, terms: Terms
) -> Page | None:
    """Return a public page with its new version; None when nothing is to be written, and the result says why.

    ``earlier`` holds the versions of this page and month that are in the hub, oldest first.
    """
    page, last = made.page, earlier[-1] if earlier else {}
    result |= {"version": page.version, "path": f"hub/{way(page)}/{PAGE}"}
    if not earlier:
        return page
    if not last["withdrawn"] and _same(hub / last["way"], made.files(page)):
        result["status"] = "unchanged"
        return None
    if not reason(earlier, terms):
        was = "was withdrawn" if last["withdrawn"] else "says something else"
        refused(result, f"Its version {page.version} {was}; say with --reason why there shall be another.")
        return None
    if terms.date < last["release"]["date"]:
        told = f"Its version {page.version} is dated {last['release']['date']}; give a --date that is not before it."
        refused(result, told)
        return None
    page = dataclasses.replace(page, version=page.version + 1)
    result |= {"version": page.version, "path": f"hub/{way(page)}/{PAGE}"}
    return page


def reason(earlier: list[dict[str, Any]], terms: Terms) -> str:
    """Return why a page gets another version; a page that was withdrawn never gets one by itself."""
    return terms.reason or ("" if earlier[-1]["withdrawn"] else terms.usual)


def _same(folder: Path, files: Mapping[str, bytes]) -> bool:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != ABOUT} == files


def files(
    made: Draft, page: Page, earlier: list[dict[str, Any]], terms: Terms, attack: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return the files of a public page's permanent folder by name."""
    due, content = releases.at(page.month), made.files(page)
    release = {"date": due.date().isoformat(), "at": f"{due:%H:%M}", "kind": "scheduled", "reason": ""}
    if earlier:
        release |= {"date": terms.date, "kind": terms.change, "reason": reason(earlier, terms)}
    package = _package.package(
        page,
        made.blocks,
        content,
        release=release,
        issued=earlier[0]["release"]["date"] if earlier else release["date"],
        form={**terms.form, "rule": ", ".join(sorted({b.rule for b in made.blocks})), "attack": dict(attack)},
        provenance=_provenance(made, terms),
    )
    return content | {ABOUT: encoded(package)}


def encoded(package: Mapping[str, Any]) -> bytes:
    """Return a package as it is written."""
    return (json.dumps(package, indent=1, sort_keys=True) + "\n").encode("utf-8")


def _provenance(made: Draft, terms: Terms) -> dict[str, Any]:
    """Return what the page was made from; of the store, the whole tables that its notebook says it read."""
    facts = " ".join(b.data["text/html"] for b in made.blocks if b.kind == "facts")
    read = set(re.findall(r"\w+", facts)) & set(terms.inputs) or set(terms.inputs)
    given = made.run.get("parameters") or {}
    return {
        "code_version": made.page.code_version,
        "inputs": {name: terms.inputs[name] for name in sorted(read)},
        "parameters": given,
        "parameters_sha256": store.sha256(json.dumps(given, sort_keys=True).encode()),
        "lock_sha256": terms.lock,
    }


def ledger_lines(made: Draft, page: Page, editions: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a line of the release ledger for each table, with the edition of each month, and for each density map."""
    lines = []
    about = {name: getattr(page, name) for name in ("month", "version", "audience")} | {"page": page.slug}
    for block in (b for b in made.blocks if b.drawn):
        line = about | {"table": block.name, "release": block.release, "rule": block.rule, "values": []}
        lines.append(line | {"csv_sha256": "", "editions": {}, "map": block.drawn.split()})
    for block in (b for b in made.blocks if b.kind == "table"):
        rows = _stamps.rows(block)
        first = min((row.get("period_start", "") for row in rows), default="")
        last = max((row.get("period_end", "") for row in rows), default="")
        line = about | {"table": block.name, "release": block.release, "rule": block.rule, "values": rows}
        line["csv_sha256"] = store.sha256(made.tables[_stamps.csv_name(block.name, page.kind)])
        line["editions"] = {month: digest for month, digest in editions.items() if first <= month <= last}
        lines.append(line)
    return lines


def moved(text: str, here: str, there: str) -> str:
    """Return a page's HTML for another folder of the hub: its relative links lead where they led before."""

    def led(match: re.Match) -> str:
        target, mark, part = match[2].partition("#")
        if not target or ":" in target:
            return match[0]
        return f'{match[1]}"{posixpath.relpath(posixpath.join(here, target), there)}{mark}{part}"'

    return re.sub(r'(<(?:a|link)\b[^>]*?\shref=)"([^"]*)"', led, text)
