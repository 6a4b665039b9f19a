"""From hospital files to a hub of pages: the verbs of ``istv``.

Exit codes: 0 all well, 1 some failed, 2 bad parameters.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from istv_lib import (
    _datastore_cli,
    _draft,
    _gazetteer_cli,
    _geocode_cli,
    _review_cli,
    _show,
    clearance,
    errors,
    params,
    pipeline,
    places,
    publish,
    releases,
    run,
    store,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.split("\n\n")[0]
)
events_app = typer.Typer(no_args_is_help=True, help="Bring in the records of other agencies.")
app.add_typer(events_app, name="events")
app.add_typer(_gazetteer_cli.app, name="gazetteer")

Month = Annotated[str, typer.Option(help='Month as YYYY-MM, or "latest".')]
Name = Annotated[str | None, typer.Option()]


@app.command()
def synth(
    root: Annotated[Path, typer.Argument(help="Folder to write to, outside the checkout.")],
    small: Annotated[bool, typer.Option("--small", help="Three boroughs and four hospitals only.")] = False,  # noqa: FBT002
) -> None:
    """Write a synthetic London's hospital and police files into a folder."""
    where = store.root(root)
    with _show.bar("Writing the synthetic London") as tick:
        count = pipeline.write_synthetic(where, scale="small" if small else "full", tick=tick)
    _show.say(
        f"{count:,} files written below {_show.short(where.path)}."
        if count
        else "The synthetic London is there already."
    )


@app.command()
def intake(
    again: Annotated[bool, typer.Option("--again", help="Read every file anew, by layouts and checks of now.")] = False,  # noqa: FBT002
    everything: Annotated[bool, typer.Option("--all", help="List every file, also those known from before.")] = False,  # noqa: FBT002
) -> None:
    """Take in every new hospital file, place its records and rebuild the tables, all or nothing."""
    raise typer.Exit(_intake(store.root(), again=again, everything=everything))


def _intake(where: store.Root, *, again: bool = False, everything: bool = False, listed: bool = True) -> int:
    files = pipeline.files_waiting(where)
    if not files:
        msg = f"No hospital files lie in '{_show.short(where.incoming)}/<site>/'; put them there, or run `istv synth`."
        raise errors.IntakeError(msg)
    with _show.bar("Taking in hospital files", files, {pipeline.PLACING: "Placing records"}) as tick:
        done = pipeline.take_in(where, again=again, tick=tick)
    if listed:
        _show.files(done.submissions if everything else done.new, done.reconciliation, everything=everything)
    submissions, counts = done.submissions, done.counts
    states = submissions["status"].value_counts()
    _show.table("Hospital files", ["state", "files"], [(state, f"{n:,}") for state, n in states.items()])
    accepted = submissions[submissions["status"] == "accepted"]
    _show.say(
        f"{counts['conformed']:,} attendances of {accepted['site_code'].nunique()} sites in use, "
        f"{counts['located']:,} of them with a known borough ({counts['names']:,} place names)."
    )
    if done.gone:
        _show.say(f"Taken in before, no longer in the drop folders, and so no longer in the tables: {done.gone} files.")
    open_ = pipeline.open_refusals(submissions)
    made_good = int(states.get("refused", 0)) - len(open_)
    for reason, count in open_["reason"].value_counts(sort=False).items():
        _show.say(f"Refused: {reason}" if count == 1 else f"Refused, {count} files: {reason}")
    if made_good:
        _show.say(
            f"{made_good} refused file was made good by a later one."
            if made_good == 1
            else f"{made_good} refused files were made good by later ones."
        )
    return 1 if len(open_) else 0


@app.command()
def profile(
    file: Annotated[Path, typer.Argument(help="One file as the hospital sent it.")],
    site: Annotated[str | None, typer.Option(help="Its site code; default the name of its folder.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write there instead of printing; never over a file.")] = None,
) -> None:
    """Draft a hospital's profile from one of its files, for a person to check."""
    if not file.is_file():
        msg = f"No file at {_show.short(file)}; check the path."
        raise errors.ParameterError(msg)
    if out is not None and out.exists():
        msg = f"'{out.name}' exists already and is not written over; name another --out."
        raise errors.ParameterError(msg)
    code = site or file.resolve().parent.name
    if site is None and code not in set(store.load("sites")["site_code"]):
        msg = f"'{code}', the folder of '{file.name}', is not on the roster; give the site's code as --site."
        raise errors.ParameterError(msg)
    aliases, rules = params.file("aliases"), params.defaults()
    text = _draft.draft(file.read_bytes(), filename=file.name, site=code, aliases=aliases, rules=rules)
    if out is None:
        sys.stdout.write(text)
    else:
        store.write(out, text)
        _show.say(f"Written to {_show.short(out)}: check every line before intake uses it.")


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
    _show.say("Run `istv intake` to place hospital records by the streets of these files too.")
    raise typer.Exit(code)


def _police(where: store.Root, files: list[Path]) -> int:
    with _show.bar("Reading police files", len(files)) as tick:
        account = pipeline.import_police(where, files, tick=tick)
    read = account[account["refused"] == ""]
    if len(read):
        numbers = read.select_dtypes("number").astype(int).groupby(read["source"]).sum()
        rows = [
            (source, *(f"{v:,}" for v in values))
            for source, values in zip(numbers.index, numbers.to_numpy(), strict=True)
        ]
        _show.table("Police rows", ["source", *(c.replace("_", " ") for c in numbers.columns)], rows)
    for sentence in account.loc[account["refused"] != "", "refused"]:
        _show.say(f"Refused: {sentence}")
    return 1 if len(read) < len(account) else 0


@app.command("as-of")
def as_of(
    day: Annotated[str, typer.Argument(metavar="DATE", help="YYYY-MM-DD: what was known at the end of that day.")],
    folder: Annotated[Path, typer.Argument(help="An empty or new folder outside the checkout and the root.")],
) -> None:
    """Make a root that holds the London known on a day, so that its reports can be run again."""
    counts = pipeline.as_of(store.root(), day, folder)
    _show.say(
        f"{counts['files']:,} files and {counts['conformed']:,} attendances, as known on {day}, are in "
        f"{_show.short(folder)}. {pipeline.OTHERS_AS_THEY_ARE}"
    )
    _show.say("Set ISTV_DATA to it and use `istv run` to make the reports of that day.")


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
        _show.say(f"Left out, because the store holds too few of their months: {', '.join(absent)}.")
    raise typer.Exit(_run(where, planned, month, jobs, force=force))


def _run(where: store.Root, jobs: list[run.Job], month: str, workers: int, *, force: bool = False) -> int:
    finished: list[dict] = []
    with _show.bar("Running notebooks", len(jobs)) as tick:

        def note(record: dict) -> None:
            finished.append(record)
            tick()

        run.execute(jobs, where, month, workers=workers, force=force, tick=note)
    _show.outcome("Runs", finished, where.restricted / month)
    if any(job.audience == "public" for job in jobs):
        _show.say(clearance.told(where, month))
    return 1 if any(r["status"] == "failed" for r in finished) else 0


@app.command("publish")
def publish_(
    month: Month = "latest",
    audience: Annotated[list[str] | None, typer.Option(help="Only these pages; may be given again.")] = None,
    reason: Annotated[str, typer.Option(help="Why pages get a new version; published. Needed for real data.")] = "",
    correction: Annotated[bool, typer.Option("--correction", help="New versions correct an error of ours.")] = False,  # noqa: FBT002
    date: Annotated[str | None, typer.Option(help="Date of new versions, YYYY-MM-DD; default today.")] = None,
) -> None:
    """Turn the month's executed notebooks into pages, and switch the hub to them."""
    where = store.root()
    month = run.newest(where) if month == "latest" else month
    how = {"reason": reason, "correction": correction, "date": date}
    raise typer.Exit(_publish(where, month, audience or publish.AUDIENCES, **how))


def _publish(where: store.Root, month: str, audiences: Iterable[str] = publish.AUDIENCES, **how: Any) -> int:
    with _show.bar("Publishing pages", 1) as tick:
        records = publish.publish(where, month, audiences, now=datetime.now(UTC), **how)
        tick()
    _show.outcome("Pages", records, where.hub)
    return 1 if any(r["status"] in {"refused", "failed"} for r in records) else 0


@app.command()
def withdraw(
    slug: Annotated[str, typer.Argument(help="Address of the page in the hub, such as camden.")],
    month: Annotated[str, typer.Argument(help="Month of the page, YYYY-MM.")],
    reason: Annotated[str, typer.Option(help="Why, for readers; it is published.")],
    version: Annotated[int | None, typer.Option(help="Default the newest that was not withdrawn.")] = None,
    date: Annotated[str | None, typer.Option(help="YYYY-MM-DD; default today.")] = None,
) -> None:
    """Take a public page back: a tombstone stands at its address, and its tables leave the hub."""
    where = store.root()
    done = publish.withdraw(where, slug, month, version, reason, releases.day(date, datetime.now(UTC)))
    _show.say(f"Version {done['version']} is withdrawn; its tombstone is {_show.short(where.path / done['path'])}.")


app.command("datastore")(_datastore_cli.datastore_)
app.command("review")(_review_cli.review_)
app.command("geocode")(_geocode_cli.geocode_)


@app.command()
def demo(
    jobs: Annotated[int, typer.Option(help="Notebooks at a time; 0 is one per core.")] = 0,
    small: Annotated[bool, typer.Option("--small", help="Three boroughs and four hospitals only.")] = False,  # noqa: FBT002
) -> None:
    """Make the whole demonstration: synthetic files, intake, every notebook of the newest month, and the hub."""
    where = store.demo_root()
    os.environ["ISTV_DATA"] = str(where.path)
    with _show.bar("Writing the synthetic London") as tick:
        pipeline.write_synthetic(where, scale="small" if small else "full", tick=tick)
    worst = max(_police(where, pipeline.police_files(where)), _intake(where, listed=False))
    month = run.newest(where)
    planned = run.plan(where, month)
    first = [job for job in planned if job.audience == "public"][:1]
    worst = max(worst, _run(where, first, month, jobs))
    publish.publish(where, month, now=datetime.now(UTC))
    _show.say(f"First page: {_show.short(where.hub / first[0].slug / 'latest' / 'index.html')}")
    worst = max(worst, _run(where, planned, month, jobs), _publish(where, month))
    _show.say(f"Open {_show.short(where.hub / 'index.html')} in a browser.")
    raise typer.Exit(worst)


@app.command("extract")
def extract_(
    area: Annotated[str, typer.Option(help="A borough, BCU or london, by name or slug.")],
    month: Month = "latest",
    purpose: Annotated[str, typer.Option(help="A purpose of parameters/agreements.yml.")] = "monitoring",
    on: Annotated[str | None, typer.Option(help="Day it is handed over, YYYY-MM-DD; default today.")] = None,
) -> None:
    """Write the attendances of an area and month for authorised partners, as their agreements permit."""
    day = on or datetime.now(UTC).date().isoformat()
    made, folder = pipeline.hand_out(store.root(), area=places.find_area(area), month=month, purpose=purpose, on=day)
    for site, reason in made.left_out.items():
        _show.say(f"Left out: {site}, {reason.replace('_', ' ')}.")
    _show.say(f"{len(made.frame):,} attendances ({made.kind}) are in {_show.short(folder)}, marked OFFICIAL-SENSITIVE.")


@app.command()
def status(
    areas: Annotated[bool, typer.Option("--areas", help="List the areas.")] = False,  # noqa: FBT002
    sites: Annotated[bool, typer.Option("--sites", help="List the sites of the roster.")] = False,  # noqa: FBT002
    chase: Annotated[bool, typer.Option("--chase", help="List whom to remind of which months.")] = False,  # noqa: FBT002
) -> None:
    """Say what the root holds, or list areas, sites or whom to remind."""
    if areas:
        _show.table("Areas", ["slug", "name", "code"], [(a.slug, a.name, a.code) for a in places.areas()])
        return
    where = store.root()
    if sites:
        rows = store.load("sites", where=where)
        _show.table("Sites", ["code", "name", "type"], rows[["site_code", "name", "dept_type"]].to_numpy().tolist())
        return
    if chase:
        _chase(where)
        return
    _show.say(f"Root: {_show.short(where.path)} ({store.kind(where)}).")
    past = where.store / "as_of.txt"
    if past.exists():
        _show.say(past.read_text(encoding="utf-8").strip())
    held = store.load("site_months", where=where)
    newest = held[held["month"] == held["month"].max()]
    _show.table(
        f"Sites in {held['month'].max()}",
        ["state", "sites"],
        [(k, str(v)) for k, v in newest["status"].value_counts().items()],
    )
    months_run = sorted(p.parent.name for p in where.restricted.glob("*/manifest.json"))
    _show.say(f"Sources of events: {', '.join(store.sources(where))}. Months run: {', '.join(months_run) or 'none'}.")


def _chase(where: store.Root) -> None:
    for row in pipeline.agreements_ending(where).itertuples():
        _show.say(f"The agreement of {row.site_code} ends on {row.expires}: write to {row.contact}.")
    rows = pipeline.to_chase(where)
    if rows.empty:
        _show.say("No hospital owes a file.")
        return
    _show.say(f"Cut-off {rows['cut_off'].iloc[0]}, run {rows['run'].iloc[0]}.")
    shown = rows[["site_code", "name", "state", "months", "since", "until", "contact"]].to_numpy().tolist()
    heads = ["site", "name", "state", "months", "since", "until", "contact"]
    _show.table("To chase", heads, shown, left=("name", "state", "since", "until", "contact"))


@app.command()
def lab() -> None:
    """Open JupyterLab on this machine only, in the notebooks folder."""
    where = store.root()
    os.environ |= {"ISTV_HOME": str(params.home())} | ({} if where.is_demo else {"ISTV_DATA": str(where.path)})
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", "--ServerApp.terminals_enabled=False"]
    raise typer.Exit(subprocess.run([*command, str(params.home() / "notebooks")], check=False).returncode)  # noqa: S603


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
