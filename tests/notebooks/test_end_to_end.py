"""The small London from hospital files to hub, twice; what may and may not leave; and each way to run a notebook."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from lxml import etree
from lxml import html as lxml_html

from istv_lib import (
    _clean,
    clearance,
    cli,
    disclosure,
    errors,
    intake,
    months,
    params,
    pipeline,
    publish,
    run,
    scan,
    schema,
    store,
)

PROJECT = Path(__file__).parents[2]
LAMBETH = ("--area", "lambeth")
CASE = "case-croydon-late-night"
SIDEWAYS = re.compile(r"\b(higher|lower) than the expected range|lies? (above|below)")
pytestmark = pytest.mark.slow


def make_home(folder: Path) -> Path:
    """Copy what a project home needs, with the case study moved to a borough that the small world holds."""
    for name in ("notebooks", "parameters", "docs"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "explore"))
    shutil.copy(PROJECT / "pyproject.toml", folder)
    case = folder / "parameters" / "cases" / "croydon-late-night.yml"
    told = case.read_text(encoding="utf-8").replace("area: croydon", "area: southwark")
    case.write_text(told.replace('first: "2022-01"', 'first: "2022-07"').replace('"2022"', '"2023"'), encoding="utf-8")
    return folder


def istv(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if k != "ISTV_DATA"}
    return subprocess.run(
        [sys.executable, "-c", "from istv_lib.cli import main; main()", *words],
        cwd=home,
        env=clean | {"ISTV_HOME": str(home), "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A project home with the small demonstration in it."""
    home = make_home(tmp_path_factory.mktemp("home"))
    done = istv(home, "demo", "--small", TZ="UTC", PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "First page: " in done.stdout
    return home


@pytest.fixture
def inside(monkeypatch):
    """Work in this process as if in a home, on its demo root."""

    def go(home: Path) -> store.Root:
        monkeypatch.setenv("ISTV_HOME", str(home))
        monkeypatch.delenv("ISTV_DATA", raising=False)
        params._read.cache_clear()
        return store.root()

    yield go
    params._read.cache_clear()


@pytest.fixture
def here(home, inside):
    return inside(home)


@pytest.fixture
def say(inside, monkeypatch, capsys):
    """Say a command in this process, which starts no other; its exit code, output and errors."""

    def spoken(home: Path, *words: str) -> tuple[int, str, str]:
        inside(home)
        monkeypatch.chdir(home)
        monkeypatch.setattr(sys, "argv", ["istv", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, *capsys.readouterr()

    return spoken


def copied(home: Path, folder: Path, *left: str) -> Path:
    """Copy a home with its outputs, without those left out."""
    other = make_home(folder)
    shutil.copytree(home / "outputs", other / "outputs", ignore=shutil.ignore_patterns(*left))
    return other


def pages(home):
    return sorted((home / "outputs" / "hub").glob("*/2024-12/v1/index.html"))


def parsed(path: Path) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(path.read_text(encoding="utf-8"))


def public_tables(home: Path) -> pd.DataFrame:
    """Every row of every public CSV, as text, with the slug of its page."""
    files = sorted((home / "outputs" / "hub").rglob("*.csv"))
    rows = [pd.read_csv(p, dtype=str, keep_default_na=False).assign(page=p.parts[-4], file=p.name) for p in files]
    return pd.concat(rows, ignore_index=True)


def test_the_hub_holds_london_the_boroughs_and_the_case(home):
    assert {p.parts[-4] for p in pages(home)} == {"london", "lambeth", "lewisham", "southwark", CASE}
    table = public_tables(home)
    assert (table["synthetic"] == "True").all()
    assert table["file"].str.endswith("-SYNTHETIC.csv").all()


def test_every_page_of_the_hub_is_clean_and_every_link_in_it_leads_somewhere(home):
    hub = home / "outputs" / "hub"
    found = sorted(hub.rglob("*.html"))
    assert len(found) > 20
    scripted = set()
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) <= 500_000
        assert publish.check_page(text) == [], path
        top = parsed(path)
        said = " ".join(top.text_content().split())
        assert "SYNTHETIC" in said
        assert "Management information, not official statistics" in said
        scripted |= {path.relative_to(hub).as_posix()} if top.find(".//script") is not None else set()
        links = [a.get("href") for a in top.iter("a", "link") if ":" not in a.get("href", ":")]
        for way, _, part in (link.partition("#") for link in links):
            to = path.parent / way if way else path
            assert to.is_file(), f"{path}: {way}"
            assert not part or parsed(to).get_element_by_id(part, None) is not None, f"{path}: {way}#{part}"
    assert scripted == {"index.html"}


def test_feed_sitemap_and_robots_say_what_the_hub_holds(home):
    hub, site = home / "outputs" / "hub", params.file("release")["homepage"]
    told = etree.parse(hub / "sitemap.xml").findall("{*}url/{*}loc")
    assert {p.relative_to(hub).as_posix() for p in pages(home)} < {node.text.removeprefix(site) for node in told}
    (entry,) = etree.parse(hub / "feed.xml").findall("{*}entry")
    assert entry.findtext("{*}title").startswith("SYNTHETIC: ")
    for address in [*(node.text for node in told), entry.find("{*}link").get("href").partition("#")[0]]:
        assert (hub / address.removeprefix(site)).is_file()
    assert (hub / "robots.txt").read_text(encoding="utf-8") == "User-agent: *\nDisallow: /\n"


def test_each_public_page_opens_with_five_sentences_and_has_its_numbers_beside_it(home):
    for page in pages(home):
        top = parsed(page)
        opening = " ".join(p.text_content() for p in top.find_class("headline")[0].iter("p"))
        assert len(_clean.sentences(opening)) == 5, opening
        ways = [a.get("href") for a in top.iter("a") if a.get("href").endswith((".csv", ".json"))]
        assert set(ways) == {p.name for p in page.parent.iterdir()} - {"index.html"}
        about = json.loads(page.with_name("datapackage.json").read_text(encoding="utf-8"))
        assert {file["path"] for file in about["resources"]} == set(ways) - {"datapackage.json"}
        for file in [*about["resources"], about["istv"]["page"] | {"path": "index.html"}]:
            content = (page.parent / file["path"]).read_bytes()
            told = file.get("hash", "").removeprefix("sha256:") or file["sha256"]
            assert (file["bytes"], told) == (len(content), hashlib.sha256(content).hexdigest())
        for figure in top.iter("figure"):
            assert figure.find(".//h3") is not None
            assert len([a for a in figure.iter("a") if a.get("href").endswith(".csv")]) == 1


def test_each_symbol_that_a_page_uses_is_explained_where_it_stands(home):
    for page in pages(home):
        top = parsed(page)
        about = json.loads(page.with_name("datapackage.json").read_text(encoding="utf-8"))
        files = {(page.parent / f["path"]).read_text(encoding="utf-8"): f["description"] for f in about["resources"]}
        said = " ".join(top.text_content().split())
        for symbol, words in disclosure.SYMBOLS.items():
            assert symbol not in said or f"{symbol} {words}." in said, page
            for table in top.iter("table"):
                used = any(symbol in cell.text_content() for cell in table.iter("th", "td"))
                assert not used or f"{symbol} {words}." in table.find("caption").text_content(), page
            assert all(f"{symbol} {words}" in told for content, told in files.items() if symbol in content), page


def test_the_month_that_a_hospital_joins_merges_or_corrects_carries_its_symbol(here, home):
    planted = yaml.safe_load((here.path / "truth" / "scenario.yml").read_text(encoding="utf-8"))
    turns = {planted["joins"]["first_month"], planted["merges"]["first_month_of_new_code"]}
    again = {told["month"] for told in planted["resubmitted"]}
    table = public_tables(home).query("file == 'months-SYNTHETIC.csv'")
    for slug, rows in table.groupby("page"):
        for symbol, expected in (("[b]", turns), ("[r]", again)):
            marked = rows[rows["symbol"].str.contains(symbol, regex=False)]
            assert set(marked["period_start"]) == expected, slug
            assert marked["shown"].str.contains(symbol, regex=False).all()


def test_the_gate_cleared_the_month_and_public_counts_of_people_are_rounded(here, home):
    assert (here.restricted / "2024-12" / "clearance.csv").is_file()
    assert isinstance(json.loads((here.store / "clearance.json").read_text(encoding="utf-8")), list)
    done = clearance.verify(here, [])
    assert done["result"] == "passed"
    assert done["small_counts"] > 20
    table = public_tables(home)
    people = table[(table["source"] == "ed") & (table["unit"] == "attendance")]
    for column in {*disclosure.COUNTS, *disclosure.LINES} & set(people):
        numbers = pd.to_numeric(people[column]).dropna()
        assert (numbers % 5 == 0).all(), column
        assert not numbers.between(1, 7).any() or column in disclosure.LINES
    withheld = table[table["symbol"].str.contains("[c]", regex=False)]
    assert len(withheld) > 5
    assert (withheld["value"] == "").all()
    assert set(" ".join(table["symbol"]).split()) <= set(disclosure.SYMBOLS)


def test_the_scan_finds_nothing_in_the_hub(here):
    assert scan.check(here.hub, here) == []


def test_with_the_gate_off_the_scan_finds_the_counts_and_no_hub_is_made(home, inside, tmp_path, monkeypatch):
    other = copied(home, tmp_path / "open", "restricted", "hub", "partner", "incoming", "ledger.jsonl")
    path = other / "parameters" / "disclosure.yml"
    gate = path.read_text(encoding="utf-8")
    assert gate.count("  public: nhs_hes\n") == 1
    path.write_text(gate.replace("  public: nhs_hes\n", "  public: internal_exact\n"), encoding="utf-8")
    where, found, check = inside(other), [], scan.check
    for name in ("decide", "verify"):
        monkeypatch.setattr(clearance, name, lambda *_: {})
    monkeypatch.setattr(scan, "check", lambda *given: found.extend(check(*given)) or found)
    jobs = run.plan(where, "2024-12", notebook="30", audience="public", area="london")
    assert [r["status"] for r in run.execute(jobs, where, "2024-12", tick=id)] == ["done"]
    with pytest.raises(errors.PublishError, match="The scan of the hub refused, and nothing was changed"):
        publish.publish(where, "2024-12", ["public"])
    assert not where.hub.exists()
    folder = "london/2024-12/v1"
    for name in ("weapons-SYNTHETIC.csv", "week-SYNTHETIC.csv", "boroughs-SYNTHETIC.csv", "index.html"):
        assert [hit for hit in found if f"'{folder}/{name}'" in hit and "exact count" in hit], (name, found)


def test_a_second_home_with_another_clock_and_hash_seed_gives_the_same_bytes(home, tmp_path):
    other = make_home(tmp_path / "elsewhere")
    done = istv(other, "demo", "--small", TZ="Asia/Tokyo", PYTHONHASHSEED="77", LC_ALL="C")
    assert done.returncode == 0, done.stdout + done.stderr
    assert digests(other / "outputs" / "hub") == digests(home / "outputs" / "hub")


def test_doing_it_again_runs_nothing_and_changes_nothing(home):
    before = digests(home / "outputs" / "hub")
    done = istv(home, "demo", "--small")
    assert done.returncode == 0
    assert re.search(r"skipped\s*│\s*\d+", done.stdout)
    assert not re.search(r"done\s*│", done.stdout)
    assert digests(home / "outputs" / "hub") == before


def test_rows_in_equal_rows_accepted_set_aside_and_repeated(here):
    table = store.load("submissions", where=here)
    read = table[table["status"].isin(["accepted", "superseded"])]
    assert (read[list(intake.PARTS)].sum(axis=1) == read["rows_physical"]).all()
    by_file = store.load("reconciliation", where=here).groupby("submission_id")["rows"].sum()
    assert by_file.to_dict() == read.set_index("submission_id")["rows_physical"].to_dict()
    assert len(store.load("conformed", where=here)) == table.loc[table["status"] == "accepted", "rows_accepted"].sum()


def test_every_row_that_is_no_attendance_met_the_fate_that_the_truth_gives_it(here):
    aside = store.load("quarantine", where=here)
    told = pd.read_csv(here.path / "truth" / "rows.csv", dtype=str)
    used = store.load("submissions", where=here).query("status == 'accepted'")["submission_id"]
    told = told[told["submission_id"].isin(used)]
    kept = ["not_assault", "arrival_outside_month"]
    expected = told[told["fate"].isin(kept)].groupby(["submission_id", "fate"]).size()
    found = aside[aside["reason"].isin(kept) & aside["submission_id"].isin(used)].groupby(["submission_id", "reason"])
    assert found.size().to_dict() == expected.to_dict()
    fates = store.load("reconciliation", where=here)
    repeats = fates[(fates["fate"] == "duplicate") & fates["submission_id"].isin(used)].groupby("reason")["rows"].sum()
    names = {"duplicate": "repeated_id"}
    assert repeats.to_dict() == told[~told["fate"].isin(kept)]["fate"].replace(names).value_counts().to_dict()


def test_planted_personal_data_are_found_and_stand_nowhere_after_intake(here):
    truth = pd.read_csv(here.path / "truth" / "truth.csv", dtype=str, keep_default_na=False)
    conformed = store.load("conformed", where=here).set_index("record_id")
    planted = truth[truth["record_id"].isin(conformed.index)].set_index("record_id")["personal"] == "yes"
    marked = conformed["flags"].str.contains("personal_data")[planted.index]
    assert planted.sum() > 20
    assert marked[planted].mean() == 1, f"recall {marked[planted].mean():.3f}"
    assert marked[~planted].mean() <= 0.002, f"{1000 * marked[~planted].mean():.1f} false positives per 1,000 texts"
    secrets = {part.casefold() for told in truth["planted"] if told for part in told.split(" | ")}
    assert all(len(secret) > 5 for secret in secrets)
    for path in sorted(p for p in here.path.rglob("*") if p.is_file()):
        if path.relative_to(here.path).parts[0] in {"incoming", "truth"}:
            continue
        written = everything_in(path)
        assert not [secret for secret in secrets if secret in written], path.name


def everything_in(path: Path) -> str:
    """Return all text of a file, of a table that of its cells, in small letters."""
    if path.suffix == ".parquet":
        table = pd.read_parquet(path).select_dtypes("str")
        return "\n".join("\n".join(table[column]) for column in table).casefold()
    return path.read_bytes().decode("utf-8", errors="replace").casefold()


def test_the_outage_is_missing_and_never_zero_in_any_table(here):
    site, gap = "SYN02", ["2024-03", "2024-04"]
    states = store.load("site_months", where=here).query("site_code == @site and month in @gap")
    assert states["status"].tolist() == ["missing", "missing"]
    jobs = [
        j
        for j in run.plan(here, "2024-04")
        if not j.notebook.startswith("10") and j.slug in ("london", "lambeth", "syn02")
    ]
    assert all(r["status"] == "done" for r in run.execute(jobs, here, "2024-04", workers=2, tick=id))
    rows = []
    for job in jobs:
        notebook = nbformat.read(here.restricted / "2024-04" / f"{job.id}.ipynb", as_version=4)
        data = [
            o.data["text/csv"]
            for cell in notebook.cells
            for o in cell.get("outputs", [])
            if "text/csv" in o.get("data", {})
        ]
        rows += [pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str).assign(job=job.id) for text in data]
    table = pd.concat(rows)
    table = table[table["method"] != "labelled_texts"]  # shares of labelled texts, which have no month
    silent = table[
        (table["place"] == site) & table["period_start"].isin(gap) & (table["period_end"] == table["period_start"])
    ]
    assert {"20_london_dataset__london__internal", "50_hospital_feedback__syn02__partner"} <= set(silent["job"])
    assert not silent["value"].isin(["0", "0.0"]).any()
    counted = silent[silent["unit"] == "attendance"]
    assert (counted["value"] == "").all()
    assert set(counted["shown"]) <= {"[x]"}
    received = silent[silent["measure"] == "received"]
    assert set(received["stratum"]) == {"missing"}
    borough = table[
        (table["place"] == "E09000022") & table["period_start"].isin(gap) & (table["measure"] == "attendances")
    ]
    monthly = borough[(borough["stratum"] == "") & (borough["period_end"] == borough["period_start"])]
    assert len(monthly)
    assert set(monthly["status"]) <= {"gated", "no_data"}


def test_the_records_are_those_of_the_truth(here):
    truth = pd.read_csv(here.path / "truth" / "truth.csv", dtype=str, keep_default_na=False)
    accepted = truth[truth["fate"] == "accepted"].set_index("record_id")
    conformed = store.load("conformed", where=here).set_index("record_id")
    assert set(conformed.index) == set(accepted.index)
    located = store.load("located", where=here).set_index("record_id")
    known = located[located["borough_gss"] != ""]
    right = known["borough_gss"] == accepted.loc[known.index, "borough_gss"]
    assert right.mean() > 0.95
    assert 0.42 < len(known) / len(located) < 0.58
    homes = accepted[accepted["location_type"] == "home"].index
    assert located.loc[located.index.isin(homes), "x"].isna().all()


def test_golden_counts_of_the_small_world(here):
    events = store.load("events", source="ed", where=here)
    found = events.groupby(["month", "borough_gss"]).size().rename("attendances").reset_index()
    golden = PROJECT / "tests" / "golden" / "small_world_counts.csv"
    expected = pd.read_csv(golden, dtype={"month": str, "borough_gss": str}, keep_default_na=False)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_the_pipeline_never_reads_the_truth():
    for path in (PROJECT / "istv_lib").glob("*.py"):
        if not path.stem.startswith(("synth", "_synth")):
            assert "truth" not in re.findall(r"[\"'/]truth[\"'/]", path.read_text(encoding="utf-8")), path.name


def test_outage_joiner_merger_and_worsening_texts_raise_no_sentence(here):
    rules, roster = params.defaults(), store.load("sites", where=here)
    events, held = store.load("events", source="ed", where=here), store.load("site_months", where=here)
    from istv_lib import coverage, disclosure, monitor, places, words  # noqa: PLC0415

    said = []
    for month in months.span("2024-01", "2024-12"):
        cover = coverage.table(events, held, roster, month, rules)
        for slug in ("london", "lambeth", "southwark"):
            area = places.find_area(slug)
            trend = disclosure.release(monitor.monthly(cover, area.code, month, rules), "public")
            now = disclosure.release(monitor.current(cover, area, month, rules), "public")
            news = words.news(trend, now, place=area.name, labels={}).data["text/markdown"]
            said.append(words.compared(trend.table.iloc[-1]) + news)
    assert not [s for s in said if SIDEWAYS.search(s)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "--month", "2024-13"), "'2024-13' is not a month"),
        (("run", "--month", "2031-01"), "The store holds"),
        (("run", "--area", "Camdem"), "Did you mean camden"),
        (("run", "-p", "bourough", "Camden"), "'bourough' is not a parameter"),
        (("run", "--site", "XYZ99"), "no site 'XYZ99'"),
        (("run", "--notebook", "99"), "no notebook '99'"),
        (("run", "--audience", "press"), "no audience 'press'"),
        (("run", "-p", "month", "2024-05"), "Give 'month' as --month"),
        (("events", "import", "police", "nothing.csv"), "No police street file at nothing.csv"),
        (("synth", "inside"), "lies inside the checkout"),
    ],
)
def test_wrong_words_are_refused_in_one_sentence_with_exit_code_2(home, say, words, told):
    code, out, err = say(home, *words)
    assert code == 2
    assert told in err
    assert "Traceback" not in err + out
    assert len(err.strip().splitlines()) == 1


def test_bare_papermill_with_a_misspelt_parameter_is_refused(home, tmp_path):
    given = ["40_borough_profile.ipynb", str(tmp_path / "o.ipynb"), "-p", "bourough", "Camden"]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *given],
        cwd=home / "notebooks",
        env=os.environ | {"ISTV_HOME": str(home), "ISTV_DATA": str(home / "outputs")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ParameterError: 'bourough' is not a parameter of 40_borough_profile" in done.stderr


def test_a_kernel_and_our_engine_give_the_same_outputs(here, home, tmp_path):
    import papermill  # noqa: PLC0415

    os.environ["ISTV_DATA"] = str(here.path)
    made = papermill.execute_notebook(
        str(home / "notebooks" / "40_borough_profile.ipynb"), str(tmp_path / "o.ipynb"),
        {"area": "lambeth", "month": "2024-12", "audience": "partner"}, progress_bar=False, cwd=str(home / "notebooks"),
    )  # fmt: skip
    ours = nbformat.read(here.restricted / "2024-12" / "40_borough_profile__lambeth__partner.ipynb", as_version=4)

    def shown(notebook):
        outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
        return [(o.output_type, o.metadata.istv.digest) for o in outputs]

    assert shown(made) == shown(ours)
    assert len(shown(ours)) >= 14


def test_nbval_runs_every_notebook_on_its_defaults(here, home):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval-lax", "-p", "no:cacheprovider", str(home / "notebooks")],
        cwd=home, env=os.environ | {"ISTV_HOME": str(home), "ISTV_DATA": str(here.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d{2} passed", done.stdout)


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        ("print('x')", "stamp"),
        ("import pandas; pandas.DataFrame({'a': [1]})", "stamp"),
        ("import matplotlib.pyplot as plt; plt.plot([1, 2])", "stamp"),
        ("1 / 0", "raised ZeroDivisionError"),
        ("import os; os._exit(9)", "ended early"),
    ],
    ids=["print", "bare DataFrame", "plain matplotlib", "an error", "a killed process"],
)
def test_a_notebook_with_a_stray_output_fails_with_1_stays_restricted_and_stops_no_other(
    home, inside, say, tmp_path, ending, why
):
    other = copied(home, tmp_path / "spoilt", "restricted", "hub", "partner")
    path = other / "notebooks" / "40_borough_profile.ipynb"
    notebook = nbformat.read(path, as_version=4)
    only_lambeth = "exit" in ending or "/ 0" in ending
    spoilt = f"if p.area.slug == 'lambeth':\n    {ending}" if only_lambeth else ending
    notebook.cells.append(nbformat.v4.new_code_cell(spoilt))
    nbformat.write(notebook, path)
    where = inside(other)
    code, out, _ = say(other, "run", "--notebook", "40", "--audience", "public", *([] if only_lambeth else LAMBETH))
    assert code == 1
    assert why in out
    runs = {r["id"]: r for r in run.manifest(where, "2024-12")["runs"]}
    spoiled = runs.pop("40_borough_profile__lambeth__public")
    assert spoiled["status"] == "failed"
    assert why in spoiled["why"]
    assert {r["status"] for r in runs.values()} == ({"done"} if only_lambeth else set())
    publish.publish(where, "2024-12")
    assert not (other / "outputs" / "hub" / "lambeth" / "2024-12").exists()


def test_a_tampered_notebook_is_not_published(home, say, tmp_path):
    other = copied(home, tmp_path / "tampered", "hub")
    path = other / "outputs" / "restricted" / "2024-12" / "40_borough_profile__lambeth__public.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("attendances", "attendance", 1), encoding="utf-8")
    code, out, _ = say(other, "publish")
    assert code == 1
    assert "is not the one that was run" in out
    assert not (other / "outputs" / "hub" / "lambeth" / "2024-12").exists()
    assert (other / "outputs" / "hub" / "southwark" / "2024-12").exists()


class TestBadFiles:
    """Each bad file stops only itself, with one sentence that names it."""

    @pytest.fixture
    def other(self, home, tmp_path):
        return copied(home, tmp_path / "bad", "hub", "partner", "restricted", "police")

    def test_real_files_unknown_sites_and_unreadable_files(self, other):
        drop = other / "outputs" / "incoming"
        (drop / "SYN02" / "mine.csv").write_text("Arrival,Where\n01/12/2024,SECRET PLACE\n", encoding="utf-8")
        (drop / "RYJ01").mkdir()
        (drop / "RYJ01" / "dec.csv").write_text("a,b\n", encoding="utf-8")
        done = istv(other, "intake", ISTV_DATA=str(other / "outputs"))
        assert done.returncode == 1
        assert "'mine.csv' in incoming/SYN02 is not one of the files that the synthetic London wrote" in done.stdout
        assert "'dec.csv' in incoming/RYJ01 is not one of the files" in done.stdout
        assert "SECRET" not in done.stdout + done.stderr
        held = pd.read_parquet(other / "outputs" / "store" / "submissions.parquet")
        assert (held["status"] == "accepted").sum() > 100

    def test_outside_the_demo_an_unknown_site_an_empty_file_and_a_missing_column(self, other, tmp_path):
        root = tmp_path / "london"
        shutil.copytree(other / "outputs", root)
        drop = root / "incoming"
        (drop / "RYJ99").mkdir()
        (drop / "RYJ99" / "dec.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        text = min(p for p in drop.glob("SYN*/*.csv") if p.read_bytes()[:1].isalpha())
        (text.parent / f"{text.stem} (2).csv").write_bytes(b"")
        (text.parent / f"{text.stem} (3).csv").write_text("Colour,Shape\nred,round\n", encoding="utf-8")
        done = istv(other, "intake", ISTV_DATA=str(root))
        assert done.returncode == 1
        assert "'RYJ99', the folder of 'dec.csv', is not on the roster" in done.stdout
        assert re.search(r"Refused: .*\(2\)\.csv' is empty", done.stdout)
        assert re.search(r"Refused: .*\(3\)\.csv' has no header row of layout", done.stdout)
        assert "round" not in done.stdout

    def test_a_root_of_both_kinds_is_never_published(self, other, inside, say):
        where = inside(other)
        events = pd.read_parquet(next((where.store / "events" / "source=btp").glob("*.parquet")))
        store.save(where, "events", events.assign(synthetic=False), source="btp")
        assert say(other, "run", "--area", "lambeth")[0] == 0
        code, _, err = say(other, "publish")
        assert code == 2
        assert "holds both real and synthetic rows, which are never published" in err
        assert not where.hub.exists()
        assert say(other, "publish", "--audience", "partner")[0] == 0
        page = (where.partner / "2024-12" / "lambeth" / "index.html").read_text(encoding="utf-8")
        assert "MIXED REAL AND SYNTHETIC" in page


def test_each_public_table_is_in_the_ledger(here):
    known = {(line["page"], line["table"], line["csv_sha256"]) for line in store.ledger(here)}
    shown = {Path(way): digest for way, digest in digests(here.hub).items() if way.endswith("-SYNTHETIC.csv")}
    assert {(p.parts[0], p.stem.removesuffix("-SYNTHETIC"), digest) for p, digest in shown.items()} == known


def test_findings_that_the_store_holds_are_what_the_dictionary_says(here):
    for table in ("submissions", "quarantine", "located", "site_months"):
        schema.check(store.load(table, where=here), table)
    with pytest.raises(errors.StoreError):
        store.load("nothing", where=here)
    assert pipeline.open_refusals(store.load("submissions", where=here)).empty
