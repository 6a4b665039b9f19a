"""The verbs: ``istv demo | synth | intake | events | run | publish | status | lab``.

Exit codes: 0 all well, 1 some failed, 2 bad parameters.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from istv_lib import errors, params, pipeline, places, publish, run, store

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.split("\n\n")[0]
)
events_app = typer.Typer(no_args_is_help=True, help="Bring in the records of other agencies.")
app.add_typer(events_app, name="events")
console = Console(highlight=False, soft_wrap=True)

Month = Annotated[str, typer.Option(help='Month as YYYY-MM, or "latest".')]
Name = Annotated[str | None, typer.Option()]


@contextmanager
def _bar(what: str, total: int | None = None) -> Iterator:
    """Show one progress bar; yields a function to call for each finished piece."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda _=None: progress.advance(task)


@app.command()
def synth(
    root: Annotated[Path, typer.Argument(help="Folder to write to, outside the checkout.")],
    small: Annotated[bool, typer.Option("--small", help="Three boroughs and four hospitals only.")] = False,  # noqa: FBT002
) -> None:
    """Write a synthetic London's hospital and police files into a folder."""
    where = store.root(root)
    with _bar("Writing the synthetic London") as tick:
        count = pipeline.write_synthetic(where, scale="small" if small else "full", tick=tick)
    _say(f"{count:,} files written below {_short(where.path)}." if count else "The synthetic London is there already.")


@app.command()
def intake() -> None:
    """Take in every new hospital file, place its records and rebuild the tables."""
    raise typer.Exit(_intake(store.root()))


def _intake(where: store.Root) -> int:
    files = sum(1 for _ in store.incoming_files(where))
    if not files:
        msg = f"No hospital files lie in '{_short(where.incoming)}/<site>/'; put them there, or run `istv synth`."
        raise errors.IntakeError(msg)
    with _bar("Taking in hospital files", files) as tick:
        submissions = pipeline.take_in(where, tick=tick)
    with _bar("Placing records", 1) as tick:
        counts = pipeline.derive(where)
        tick()
    states = submissions["status"].value_counts()
    _table("Hospital files", ["state", "files"], [(state, f"{n:,}") for state, n in states.items()])
    accepted = submissions[submissions["status"] == "accepted"]
    _say(
        f"{counts['conformed']:,} attendances of {accepted['site_code'].nunique()} sites in use, "
        f"{counts['located']:,} of them with a known borough ({counts['names']:,} place names)."
    )
    open_ = pipeline.open_refusals(submissions)
    made_good = int(states.get("refused", 0)) - len(open_)
    for row in open_.itertuples():
        _say(f"Refused: {row.reason}")
    if made_good:
        _say(
            f"{made_good} refused file was made good by a later one."
            if made_good == 1
            else f"{made_good} made good later."
        )
    return 1 if len(open_) else 0


@events_app.command("import")
def events_import(
    agency: Annotated[str, typer.Argument(help="Only 'police' (data.police.uk street files) so far.")],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.")],
) -> None:
    """Import the records of an agency into events: `istv events import police FILES...`."""
    if agency != "police":
        msg = f"There is no reader for '{agency}'; there is police."
        raise errors.ParameterError(msg)
    files = [f for p in paths for f in (sorted(p.rglob("*-street.csv*")) if p.is_dir() else [p])]
    missing = [p.name for p in files if not p.is_file()]
    if missing or not files:
        msg = f"No police street file at {', '.join(missing) or ', '.join(p.name for p in paths)}; check the path."
        raise errors.ParameterError(msg)
    code = _police(store.root(), files)
    _say("Run `istv intake` to place hospital records by the streets of these files too.")
    raise typer.Exit(code)


def _police(where: store.Root, files: list[Path]) -> int:
    with _bar("Reading police files", len(files)) as tick:
        account = pipeline.import_police(where, files, tick=tick)
    read = account[account["refused"] == ""]
    if len(read):
        numbers = read.select_dtypes("number").astype(int).groupby(read["source"]).sum()
        rows = [
            (source, *(f"{v:,}" for v in values))
            for source, values in zip(numbers.index, numbers.to_numpy(), strict=True)
        ]
        _table("Police rows", ["source", *(c.replace("_", " ") for c in numbers.columns)], rows)
    for sentence in account.loc[account["refused"] != "", "refused"]:
        _say(f"Refused: {sentence}")
    return 1 if len(read) < len(account) else 0


@app.command("run")
def run_(
    month: Month = "latest",
    area: Annotated[str | None, typer.Option(help="A borough, BCU or london, by name or slug.")] = None,
    site: Annotated[str | None, typer.Option(help="A site code of the roster.")] = None,
    case: Annotated[str | None, typer.Option(help="A case study of parameters/cases/.")] = None,
    notebook: Annotated[str | None, typer.Option(help="A notebook by name or number, such as 40.")] = None,
    audience: Annotated[str | None, typer.Option(help="public, partner or internal.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME VALUE", help="A notebook parameter; may be given again.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Notebooks at a time; 0 is one per core.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Run again what is up to date.")] = False,  # noqa: FBT002
) -> None:
    """Execute the month's notebooks; those that are up to date are skipped."""
    extra = dict(_pair(words) for words in parameter or [])
    where = store.root()
    only = {"area": area, "site": site, "case": case, "notebook": notebook, "audience": audience, "extra": extra}
    month = run.newest(where) if month == "latest" else month
    planned = run.plan(where, month, **only)
    absent = run.left_out(where)
    if absent and not any((area, site, case)):
        _say(f"Left out, because the store holds too few of their months: {', '.join(absent)}.")
    raise typer.Exit(_run(where, planned, month, jobs, force=force))


def _run(where: store.Root, jobs: list[run.Job], month: str, workers: int, *, force: bool = False) -> int:
    finished: list[dict] = []
    with _bar("Running notebooks", len(jobs)) as tick:

        def note(record: dict) -> None:
            finished.append(record)
            tick()

        run.execute(jobs, where, month, workers=workers, force=force, tick=note)
    _outcome("Runs", finished, where.restricted / month)
    return 1 if any(r["status"] == "failed" for r in finished) else 0


@app.command("publish")
def publish_(
    month: Month = "latest",
    audience: Annotated[list[str] | None, typer.Option(help="Only these pages; may be given again.")] = None,
) -> None:
    """Turn the month's executed notebooks into pages, and switch the hub to them."""
    where = store.root()
    month = run.newest(where) if month == "latest" else month
    raise typer.Exit(_publish(where, month, audience or publish.AUDIENCES))


def _publish(where: store.Root, month: str, audiences: Iterable[str] = publish.AUDIENCES) -> int:
    with _bar("Publishing pages", 1) as tick:
        records = publish.publish(where, month, audiences)
        tick()
    _outcome("Pages", records, where.hub)
    return 1 if any(r["status"] in {"refused", "failed"} for r in records) else 0


@app.command()
def demo(
    jobs: Annotated[int, typer.Option(help="Notebooks at a time; 0 is one per core.")] = 0,
    small: Annotated[bool, typer.Option("--small", help="Three boroughs and four hospitals only.")] = False,  # noqa: FBT002
) -> None:
    """Make the whole demonstration: synthetic files, intake, every notebook of the newest month, and the hub."""
    where = store.demo_root()
    os.environ["ISTV_DATA"] = str(where.path)
    with _bar("Writing the synthetic London") as tick:
        pipeline.write_synthetic(where, scale="small" if small else "full", tick=tick)
    worst = max(_police(where, pipeline.police_files(where)), _intake(where))
    month = run.newest(where)
    planned = run.plan(where, month)
    first = [job for job in planned if job.audience == "public"][:1]
    worst = max(worst, _run(where, first, month, jobs))
    publish.publish(where, month)
    _say(f"First page: {_short(where.hub / first[0].slug / 'latest' / 'index.html')}")
    worst = max(worst, _run(where, planned, month, jobs), _publish(where, month))
    _say(f"Open {_short(where.hub / 'index.html')} in a browser.")
    raise typer.Exit(worst)


@app.command()
def status(
    areas: Annotated[bool, typer.Option("--areas", help="List the areas.")] = False,  # noqa: FBT002
    sites: Annotated[bool, typer.Option("--sites", help="List the sites of the roster.")] = False,  # noqa: FBT002
) -> None:
    """Say what the root holds, or list areas or sites."""
    if areas:
        _table("Areas", ["slug", "name", "code"], [(a.slug, a.name, a.code) for a in places.areas()])
        return
    where = store.root()
    if sites:
        rows = store.load("sites", where=where)
        _table("Sites", ["code", "name", "type"], rows[["site_code", "name", "dept_type"]].to_numpy().tolist())
        return
    _say(f"Root: {_short(where.path)} ({store.kind(where)}).")
    held = store.load("site_months", where=where)
    newest = held[held["month"] == held["month"].max()]
    _table(
        f"Sites in {held['month'].max()}",
        ["state", "sites"],
        [(k, str(v)) for k, v in newest["status"].value_counts().items()],
    )
    months_run = sorted(p.parent.name for p in where.restricted.glob("*/manifest.json"))
    _say(f"Sources of events: {', '.join(store.sources(where))}. Months run: {', '.join(months_run) or 'none'}.")


@app.command()
def lab() -> None:
    """Open JupyterLab on this machine only, in the notebooks folder."""
    where = store.root()
    os.environ |= {"ISTV_HOME": str(params.home())} | ({} if where.is_demo else {"ISTV_DATA": str(where.path)})
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", "--ServerApp.terminals_enabled=False"]
    raise typer.Exit(subprocess.run([*command, str(params.home() / "notebooks")], check=False).returncode)  # noqa: S603


def _say(sentence: str) -> None:
    console.print(sentence, markup=False)


def _table(title: str, heads: list[str], rows: list) -> None:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for i, head in enumerate(heads):
        table.add_column(head, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*map(str, row))
    console.print(table)


def _outcome(title: str, records: list[dict], folder: Path) -> None:
    """Show how many ended how, and each that did not end well with why and where."""
    states = Counter(record["status"] for record in records)
    _table(title, ["state", "count"], [(k, f"{n:,}") for k, n in sorted(states.items())])
    for record in (r for r in records if r["status"] in {"failed", "refused"}):
        _say(f"{record['status'].capitalize()}: {record['id']}: {record.get('why', '')} ({_short(folder)})")


def _short(path: Path) -> str:
    """Return a path from where one stands, when that is shorter."""
    with_dots = os.path.relpath(path)
    return with_dots if len(with_dots) < len(str(path)) else str(path)


def _pairs(words: list[str]) -> list[str]:
    """Join the two words after each ``-p`` into one, so that ``-p area Camden`` reads as papermill's does."""
    out, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        out.append(word)
        if word == "-p" and len(rest) >= 2:
            out.append(f"{rest.pop(0)}={rest.pop(0)}")
    return out


def _pair(words: str) -> tuple[str, str]:
    name, sign, value = words.partition("=")
    if not sign:
        raise errors.ParameterError(f"-p takes a name and a value, such as -p NAME VALUE; '{words}' has no value.")
    return name, value


def main() -> None:
    """Run a verb; a person's error is one sentence and exit code 2, or 1 when only some work failed."""
    sys.argv[1:] = _pairs(sys.argv[1:])
    try:
        app()
    except errors.ISTVError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
        sys.exit(2)
