"""Notebooks to executed runs: plan, execute with papermill, verify, and write down what became of each.

A run counts as done only when every code cell was executed, none ended in an error and every output carries a
stamp; the metadata that papermill writes are not asked, because they say "completed" of killed kernels too.
A failed notebook stays in the restricted folder and never stops the others.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import multiprocessing.connection
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istv_lib import clearance, errors, months, params, places, store

if TYPE_CHECKING:
    import nbformat

PARTS = ("area", "site", "case", "audience")
SENT = ["complete", "partial", "zero"]
# for_each of parameters/monthly.yml: "site" sent data for the month, "open_site" ought to have
SITE_STATES = {"site": SENT, "open_site": [*SENT, "missing", "late"]}


@dataclass(frozen=True)
class Job:
    """One notebook to execute with one set of parameters."""

    notebook: str
    title: str
    month: str
    audience: str
    slug: str
    area_name: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name of the executed file, without month and ending."""
        return f"{self.notebook}__{self.slug}__{self.audience}"


def newest(where: store.Root) -> str:
    """Return the newest month of the store."""
    return str(store.load("site_months", where=where)["month"].max())


def plan(where: store.Root, month: str, **only: Any) -> list[Job]:
    """Return the jobs of a month in order: what ``parameters/monthly.yml`` lists, narrowed by the choices given.

    Parameters
    ----------
    where : store.Root
        Root whose roster and tables are used.
    month : str
        "YYYY-MM" or "latest".
    **only
        ``notebook``, ``area``, ``site``, ``case``, ``audience`` (text or None) and ``extra`` (dict of further
        notebook parameters).

    Raises
    ------
    errors.ParameterError
        An unknown notebook, area, site, case, audience or parameter, or a choice that leaves nothing to run.
    """
    month = newest(where) if month == "latest" else months.parse(month)
    fixed = [name for name in (only.get("extra") or {}) if name in {*PARTS, "month"}]
    if fixed:
        msg = f"Give '{fixed[0]}' as --{fixed[0]}, not as -p: it also decides where the page goes."
        raise errors.ParameterError(msg)
    wanted = _chosen(where, only)
    jobs = []
    for name, spec in params.notebooks().items():
        if wanted["notebook"] not in (None, name):
            continue
        for slug, label, given in _units(where, month, spec, wanted):
            more = given | (only.get("extra") or {})
            asked = _audiences_of(spec, slug)
            audiences = [a for a in asked or spec["audiences"] if wanted["audience"] in (None, a)]
            jobs += [_job(name, spec, month, audience, slug, label, more) for audience in audiences]
    if not jobs:
        asked = ", ".join(f"{k} {v}" for k, v in only.items() if v and k != "extra")
        msg = f"Nothing in parameters/monthly.yml runs for {asked}; see `istv run --help` and that file."
        raise errors.ParameterError(msg)
    for job in jobs:
        store.settle(job.notebook, job.parameters, where)
    return jobs


def _chosen(where: store.Root, only: dict[str, Any]) -> dict[str, Any]:
    wanted = {part: only.get(part) for part in ("notebook", *PARTS)}
    if wanted["notebook"] is not None:
        wanted["notebook"] = _notebook(wanted["notebook"])
    if wanted["area"] is not None:
        wanted["area"] = places.find_area(wanted["area"])
    if wanted["site"] is not None and wanted["site"] not in set(store.load("sites", where=where)["site_code"]):
        msg = f"There is no site '{wanted['site']}' on the roster; `istv status --sites` lists them."
        raise errors.ParameterError(msg)
    if wanted["case"] is not None:
        params.case(wanted["case"])
    audiences = {a for spec in params.notebooks().values() for a in spec["audiences"]}
    if wanted["audience"] not in (None, *audiences):
        msg = f"There is no audience '{wanted['audience']}'; choose {', '.join(sorted(audiences))}."
        raise errors.ParameterError(msg)
    return wanted


def _notebook(name: str) -> str:
    known = params.notebooks()
    full = [k for k in known if k == name or k.split("_")[0] == name]
    if not full:
        params.check(name, {})
    return full[0]


def _units(where: store.Root, month: str, spec: dict, wanted: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return slug, label and parameters of each unit that a notebook runs for, narrowed to what is wanted."""
    found = []
    kinds = [*spec["for_each"], *(spec.get("on_request", {}) if wanted["area"] is not None else [])]
    for kind in kinds:
        if kind in {"london", "bcu", "borough"}:
            found += [(a.slug, a.name, {"area": a.slug}) for a in _areas(where, kind, wanted)]
        elif kind in SITE_STATES:
            found += [(code.lower(), name, {"site": code}) for code, name in _sites(where, month, SITE_STATES[kind])]
        elif kind == "case":
            cases = [wanted["case"]] if wanted["case"] else cases_held(where)
            found += [(f"case-{slug}", params.case(slug)["title"], {"case": slug}) for slug in cases]
        else:
            found.append(("london", "London", {}))
    asked = {k: wanted[k].slug if k == "area" else wanted[k] for k in ("area", "site", "case") if wanted[k] is not None}
    return [unit for unit in found if asked.items() <= unit[2].items()]


def _areas(where: store.Root, kind: str, wanted: dict[str, Any]) -> list[places.Area]:
    """Return the areas of a kind; below London, unless one is asked for, those that the store holds events of."""
    found = [area for area in places.areas() if area.kind == kind]
    if kind == "london" or wanted["area"] is not None:
        return found
    events = store.load("events", source="ed", where=where)
    held = events.groupby("borough_gss")["month"].nunique()
    there = set(held.index[held >= params.defaults()["reference_months_least"]])
    return [area for area in found if there & set(area.boroughs)]


def cases_held(where: store.Root) -> list[str]:
    """Return the case studies whose area and months the store holds; the others cannot be told from it."""
    held = store.load("events", source="ed", where=where)
    first, last, there = held["month"].min(), held["month"].max(), set(held["borough_gss"])
    cases = [params.case(slug) for slug in params.names("cases")]
    inside = [
        c for c in cases if c["first"] >= first and c["last"] <= last and places.find_area(c["area"]).code in there
    ]
    return [c["slug"] for c in inside]


def left_out(where: store.Root) -> list[str]:
    """Return the boroughs and case studies that do not run because the store holds too little of them."""
    wanted = {"area": None}
    boroughs = {a.slug for a in places.areas() if a.kind == "borough"} - {
        a.slug for a in _areas(where, "borough", wanted)
    }
    return sorted(boroughs) + sorted(set(params.names("cases")) - set(cases_held(where)))


def _audiences_of(spec: dict, slug: str) -> list[str]:
    """Return the audiences of a kind of area that has its own, or none."""
    kinds = spec.get("on_request", {}) | spec.get("audiences_of", {})
    return kinds.get(places.find_area(slug).kind, []) if kinds else []


def _sites(where: store.Root, month: str, states: list[str]) -> list[tuple[str, str]]:
    """Return code and name of the sites that are in one of the states in the month."""
    held = store.load("site_months", where=where)
    there = held[(held["month"] == month) & held["status"].isin(states)]
    roster = store.load("sites", where=where).set_index("site_code")["name"]
    return [(code, roster[code]) for code in sorted(there["site_code"])]


def _job(name: str, spec: dict, month: str, audience: str, slug: str, label: str, given: dict[str, Any]) -> Job:
    parameters = {"month": month, "audience": audience, **given}
    kept = {k: v for k, v in parameters.items() if k in spec["parameters"] or k in given}
    return Job(name, spec["title"], month, audience, slug, label, kept)


def execute(
    jobs: list[Job], where: store.Root, month: str, *, workers: int = 0, force: bool = False, tick: Callable = print
) -> list[dict]:
    """Execute jobs side by side and return one record each: id, status (done, skipped, failed), why, file.

    Parameters
    ----------
    jobs : list of Job
        As :func:`plan` returns.
    where : store.Root
        Root the notebooks read from.
    month : str
        Names the folder below ``restricted/``.
    workers : int, default 0
        Processes; 0 means one per core.
    force : bool, default False
        Execute also what is up to date: same code, parameters and tables as the run that is there.
    tick : callable
        Called with each finished record.
    """
    folder = where.restricted / month
    folder.mkdir(parents=True, exist_ok=True)
    stopped = _clear(jobs, where, month)
    base = state(where)
    old = {record["id"]: record for record in manifest(where, month)["runs"]}
    records, todo = [], []
    for job in jobs:
        key = run_key(base, job.id, job.parameters)
        if stopped and job.audience == "public":
            records.append(_record(job, key, "failed", stopped, ""))
            tick(records[-1])
            continue
        before = old.get(job.id, {})
        if (
            not force
            and before.get("key") == key
            and before.get("status") == "done"
            and (folder / before["file"]).exists()
        ):
            records.append(before)
            tick({**before, "status": "skipped", "why": "up to date"})
        else:
            todo.append((job, key))
    os.environ |= {"ISTV_DATA": str(where.path), "ISTV_HOME": str(params.home())}
    for record in _all(todo, folder, workers or os.cpu_count() or 1):
        records.append(record)
        old[record["id"]] = record
        _write_manifest(where, month, old | {r["id"]: r for r in records})
        tick(record)
    _write_manifest(where, month, old | {r["id"]: r for r in records})
    return records


def _clear(jobs: list[Job], where: store.Root, month: str) -> str:
    """Let the gate decide what public pages must coarsen; return why none can be made, or nothing."""
    if not any(job.audience == "public" for job in jobs):
        return ""
    try:
        clearance.decide(where, month)
    except errors.DisclosureError as error:
        return str(error)
    return ""


def state(where: store.Root) -> str:
    """Return a text that changes with the code, the parameter files or any table of the store."""
    return f"{params.code_version()} {_tables_digest(where)}"


def run_key(base: str, name: str, parameters: dict[str, Any]) -> str:
    """Return the key of one run: the same state, notebook and parameters give the same key."""
    return store.sha256(f"{base} {name} {json.dumps(parameters, sort_keys=True)}".encode())[:16]


def _all(todo: list[tuple[Job, str]], folder: Path, workers: int) -> Iterator[dict]:
    """Execute jobs, a process each and ``workers`` at a time, and yield each record as it is there.

    Where processes can be forked, a server that has only imported the library makes them; elsewhere each starts
    afresh. A process that dies leaves no record, and is told as failed.
    """
    context = multiprocessing.get_context(
        "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    )
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["__main__", "istv_lib._engine"])
    waiting, live = list(todo), {}
    while waiting or live:
        while waiting and len(live) < workers:
            job, key = waiting.pop(0)
            process = context.Process(target=_child, args=(job, key, folder, _environment()), daemon=True)
            process.start()
            live[process.sentinel] = (process, job, key)
        for sentinel in multiprocessing.connection.wait(list(live)):
            process, job, key = live.pop(sentinel)
            process.join()
            yield _collect(job, key, folder, process.exitcode)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("ISTV_DATA", "ISTV_HOME") if name in os.environ}


def _child(job: Job, key: str, folder: Path, environment: dict[str, str]) -> None:
    """Execute one notebook in this process, leave its record on disk, and end without tidying up."""
    os.environ.update(environment, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    record = _one(job, key, folder)
    store.write(_record_path(job, folder), json.dumps(record))
    sys.stdout.flush()
    os._exit(0)


def _record_path(job: Job, folder: Path) -> Path:
    return folder / f"{job.id}.record.json"


def _collect(job: Job, key: str, folder: Path, exitcode: int) -> dict:
    path = _record_path(job, folder)
    if not path.exists():
        return _record(job, key, "failed", f"its process ended early (exit code {exitcode})", "")
    record = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    return record


def _one(job: Job, key: str, folder: Path) -> dict:
    """Execute one notebook to a part file, verify it, and move it into place."""
    from istv_lib import _engine  # noqa: PLC0415 - slow to import, and only the processes that execute need it

    source = params.home() / "notebooks" / f"{job.notebook}.ipynb"
    part, final, failed = (folder / f"{job.id}{ending}" for ending in (".part.ipynb", ".ipynb", ".failed.ipynb"))
    why = ""
    try:
        _engine.papermill.execute_notebook(
            str(source), str(part), job.parameters, engine_name=_engine.NAME, kernel_name="python3",
            progress_bar=False, log_output=False, cwd=str(source.parent), request_save_on_cell_execute=False,
        )  # fmt: skip
    except _engine.papermill.PapermillExecutionError as error:
        why = reason(error.ename, error.evalue, error.cell_index)
    except Exception as error:
        why = f"papermill stopped ({type(error).__name__})"
    why = why or unverified(_engine.nbformat.read(part, as_version=4) if part.exists() else None)
    if why:
        with contextlib.suppress(FileNotFoundError):
            part.replace(failed)
        return _record(job, key, "failed", why, failed.name)
    part.replace(final)
    failed.unlink(missing_ok=True)
    return {**_record(job, key, "done", "", final.name), "sha256": store.sha256(final.read_bytes())}


def reason(ename: str, evalue: str, cell: int) -> str:
    """Say why a notebook failed: our own sentence for a user's error, else only its kind and cell."""
    known = {kind.__name__ for kind in errors.ISTVError.__subclasses__()}
    return evalue if ename in known else f"cell {cell} raised {ename}; open the failed notebook to see it"


def unverified(notebook: nbformat.NotebookNode | None) -> str:
    """Return why an executed notebook is not good, or nothing."""
    if notebook is None:
        return "no executed notebook was written"
    cells = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    for i, cell in cells:
        if cell.execution_count is None:
            return f"cell {i} was not executed"
        for output in cell.outputs:
            if output.output_type == "error":
                return f"cell {i} ended in an error"
            if "istv" not in output.get("metadata", {}):
                return f"cell {i} has an output without a stamp; end it in a figure, map, table or words block"
    if not any(cell.outputs for _, cell in cells):
        return "no cell made an output"
    return ""


def _record(job: Job, key: str, status: str, why: str, file: str) -> dict:
    version = params.code_version()
    return {
        **asdict(job),
        "id": job.id,
        "key": key,
        "status": status,
        "why": why,
        "file": file,
        "code_version": version,
    }


def manifest(where: store.Root, month: str) -> dict[str, Any]:
    """Return what was run for a month: ``{"month": ..., "runs": [record, ...]}``."""
    path = where.restricted / month / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"month": month, "runs": []}


def _write_manifest(where: store.Root, month: str, records: dict[str, dict]) -> None:
    runs = [records[key] for key in sorted(records)]
    content = {"month": month, "code_version": params.code_version(), "runs": runs}
    store.write(where.restricted / month / "manifest.json", json.dumps(content, indent=1, sort_keys=True))


def _tables_digest(where: store.Root) -> str:
    paths = [*where.store.glob("*.parquet"), *(where.store / "events").rglob("*.parquet")]
    paths = sorted([*paths, *where.store.glob("clearance.json")])
    return store.sha256("".join(store.sha256(p.read_bytes()) for p in paths).encode())[:16]
