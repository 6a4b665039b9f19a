"""The small London from hospital files to hub: what its pages and tables hold, and what may not leave."""

import hashlib
import io
import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from lxml import etree

from istv_lib import (
    _clean,
    clearance,
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
from tests.notebooks.demo import CASE, PROJECT, copied, digests, pages, parsed, public_tables

SIDEWAYS = re.compile(r"\b(higher|lower) than the expected range|lies? (above|below)")
pytestmark = pytest.mark.slow


def test_the_outage_is_missing_and_never_zero_in_any_table(home, inside, tmp_path):
    here = inside(copied(home, tmp_path / "outage", "hub", "partner"))
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
            drawn_only = "in public places" in figure.text_content()  # a map of density is never a table
            assert len([a for a in figure.iter("a") if a.get("href").endswith(".csv")]) == (not drawn_only)


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


def test_each_public_table_is_in_the_ledger(here):
    lines = [line for line in store.ledger(here) if "map" not in line]
    known = {(line["page"], line["table"], line["csv_sha256"]) for line in lines}
    assert {place for *_, place, _ in store.maps_out(here)} == {"E09000022", "E09000023", "E09000028"}
    shown = {Path(way): digest for way, digest in digests(here.hub).items() if way.endswith("-SYNTHETIC.csv")}
    assert {(p.parts[0], p.stem.removesuffix("-SYNTHETIC"), digest) for p, digest in shown.items()} == known


def test_findings_that_the_store_holds_are_what_the_dictionary_says(here):
    for table in ("submissions", "quarantine", "located", "site_months"):
        schema.check(store.load(table, where=here), table)
    with pytest.raises(errors.StoreError):
        store.load("nothing", where=here)
    assert pipeline.open_refusals(store.load("submissions", where=here)).empty
