"""From executed notebooks to a hub that is never half new."""

import datetime as dt
import json
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from nbformat import v4
from typer.testing import CliRunner

from istv_lib import _hub, _release, cli, errors, params, places, publish, releases, store
from tests.unit.made_pages import ALT, TABLE, cell, figure, form, headline, notebook, output, png, put, root, run, table

MONTH = "2026-03"
DUE = dt.datetime(2026, 5, 7, 9, 30, tzinfo=releases.LONDON)
LATER = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)


def good(value=60, **over):
    csv = "place,unit,period_start,period_end,value,symbol,synthetic\n"
    csv += f"E09000007,attendance,2026-01,2026-01,{value},,True\n"
    return notebook(cell(figure(**over), table(csv=csv, **over)), lead=headline(**over))


def partner(**over):
    return good(audience="partner", rule="partner_exact", **over)


def london():
    return run("30_london_monitor", "london", "London", title="London monitor")


def tree(path):
    return lxml_html.document_fromstring(path.read_text(encoding="utf-8"))


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def interrupt(*_):
    raise KeyboardInterrupt


def package(where, way):
    return json.loads((where.hub / way / "datapackage.json").read_text(encoding="utf-8"))


def publish_value(where, value, month=MONTH, **how):
    """Publish Camden with this value, and return the page's result."""
    put(where, month, [(run(), good(value, **({"synthetic": "real"} if store.kind(where) == "real" else {})))])
    return publish.publish(where, month, **how)[0]


@pytest.fixture
def plain_hub(monkeypatch):
    """Leave out the hub's own pages, which have tests of their own."""
    monkeypatch.setattr(_hub, "build", lambda *_: {})


@pytest.fixture
def real(tmp_path):
    """A root of real data with its release form."""
    where = root(tmp_path / "real", kinds=(False,))
    form(where, MONTH)
    return where


@pytest.fixture(autouse=True)
def gates(monkeypatch):
    """Let attack and scan find nothing; they have tests of their own."""
    monkeypatch.setattr(publish.clearance, "verify", lambda *_: {"result": "passed"})
    monkeypatch.setattr(publish.scan, "check", lambda *_: [])


@pytest.fixture
def where(tmp_path):
    return root(tmp_path / "london")


def test_public_pages_stand_at_a_permanent_address_and_at_latest(where):
    put(where, MONTH, [(london(), good(800)), (run(), good())])
    first, second = publish.publish(where, MONTH)
    assert first["status"] == second["status"] == "published"
    assert second["path"] == "hub/camden/2026-03/v1/index.html"
    folder = where.hub / "camden" / MONTH / "v1"
    assert sorted(content(folder)) == ["datapackage.json", "index.html", "months-SYNTHETIC.csv"]
    told = package(where, "camden/2026-03/v1")
    assert told["title"].startswith("SYNTHETIC: Camden borough profile, March 2026")
    assert told["temporal"] == {"start": "2026-01", "end": "2026-03"}
    assert told["istv"]["synthetic"] is True
    assert told["istv"]["release"] == {"date": "2026-05-07", "at": "09:30", "kind": "scheduled", "reason": ""}
    assert told["istv"]["form"] == {
        **params.file("release")["demonstration"]["form"], "rule": "nhs_hes", "attack": {"result": "passed"}
    }  # fmt: skip
    for file in told["resources"]:
        held = (folder / file["path"]).read_bytes()
        assert (len(held), "sha256:" + store.sha256(held)) == (file["bytes"], file["hash"])
    assert told["istv"]["page"]["sha256"] == store.sha256((folder / "index.html").read_bytes())
    assert (where.hub / "camden" / "latest" / "index.html").exists()
    assert (where.hub / "london" / "latest" / "index.html").exists()


def test_every_link_of_the_hub_leads_somewhere(where):
    put(where, "2026-02", [(run(), good(40))])
    put(
        where,
        MONTH,
        [(run(), good()), (run("60_case_study", "case-buses", "Night buses", title="Case study"), good(10))],
    )
    publish.publish(where, "2026-02")
    publish.publish(where, MONTH)
    publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")
    for path in sorted(where.hub.rglob("*.html")):
        top = tree(path)
        for address in top.xpath("//a/@href | //link/@href"):
            way, _, part = address.partition("#")
            if ":" in address:
                continue
            target = (path.parent / way).resolve() if way else path
            assert target.is_file(), (path, address)
            assert not part or tree(target).xpath(f"//*[@id='{part}']"), (path, address)
        assert publish.check_page(path.read_text(encoding="utf-8")) == []


def test_the_index_leads_in_by_name_and_by_map(where):
    put(where, MONTH, [(london(), good(800)), (run(), good())])
    publish.publish(where, MONTH)
    top = tree(where.hub / "index.html")
    listed = [item.text_content().strip() for item in top.find_class("names")[0].iter("li")]
    assert listed == ["London", *sorted(places.boroughs()["name"])]
    assert [a.get("href") for a in top.xpath("//svg//a")] == ["camden/latest/index.html"]
    assert len(top.xpath("//svg//g[@class='none']/title")) == 32
    assert "about 60 attendances" in top.get_element_by_id("main").text_content()
    assert "grey has no page" in top.text_content()
    assert (where.hub / "robots.txt").read_text() == "User-agent: *\nDisallow: /\n"


def test_publishing_again_changes_no_byte(where, tmp_path):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    before, ledger = content(where.hub), store.ledger(where)
    again = publish.publish(where, MONTH)
    assert (again[0]["status"], again[0]["version"]) == ("unchanged", 1)
    assert content(where.hub) == before
    assert store.ledger(where) == ledger
    other = root(tmp_path / "elsewhere" / "london")
    put(other, MONTH, [(run(), good())])
    publish.publish(other, MONTH)
    assert content(other.hub) == before


def test_changed_numbers_make_a_new_version_and_keep_the_old(where):
    put(where, MONTH, [(run(), good(60))])
    publish.publish(where, MONTH)
    first = content(where.hub / "camden" / MONTH / "v1")
    put(where, MONTH, [(run(), good(65))])
    assert publish.publish(where, MONTH)[0]["version"] == 2
    assert content(where.hub / "camden" / MONTH / "v1") == first
    latest = tree(where.hub / "camden" / "latest" / "index.html")
    assert latest.xpath("//link[@rel='canonical']/@href") == ["../2026-03/v2/index.html"]
    assert publish.publish(where, MONTH)[0]["status"] == "unchanged"
    assert [line["version"] for line in store.ledger(where)] == [1, 2]
    assert [line["values"][0]["value"] for line in store.ledger(where)] == ["60", "65"]
    assert store.ledger(where)[0]["table"] == "months"


def test_an_older_month_does_not_take_the_place_of_the_newest(where):
    put(where, "2026-02", [(run(), good(40))])
    put(where, MONTH, [(run(), good(60))])
    publish.publish(where, MONTH)
    latest = (where.hub / "camden" / "latest" / "index.html").read_bytes()
    publish.publish(where, "2026-02")
    assert (where.hub / "camden" / "latest" / "index.html").read_bytes() == latest
    assert [m.text for m in tree(where.hub / "months" / "index.html").xpath("//h2[starts-with(@id,'m-')]")] == [
        "March 2026",
        "February 2026",
    ]
    assert "Provisional" not in tree(where.hub / "camden" / "2026-02" / "v1" / "index.html").text_content()


def test_a_bad_page_is_refused_and_the_others_go_on(where):
    bad = notebook(cell(v4.new_output("stream", text="Acacia Avenue")))
    crime = notebook(lead=headline("A crime was counted."))
    put(
        where, MONTH,
        [
            (run(slug="barnet", area="Barnet"), bad), (run(), good()), (run(slug="brent", area="Brent"), crime),
            (run(slug="ealing", area="Ealing", status="failed"), None), (run(slug="enfield", area="Enfield"), None),
        ],
    )  # fmt: skip
    found = {r["slug"]: r for r in publish.publish(where, MONTH)}
    assert {slug: r["status"] for slug, r in found.items()} == {
        "barnet": "refused", "camden": "published", "brent": "refused", "ealing": "skipped", "enfield": "refused",
    }  # fmt: skip
    assert "Cell 4 prints" in found["barnet"]["why"]
    assert "'crime'" in found["brent"]["why"]
    assert not (where.hub / "barnet").exists()
    assert not any(b"Acacia" in held for held in content(where.path / "hub").values())


def test_a_refused_page_leaves_what_was_published_before(where):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    before = content(where.hub)
    put(where, MONTH, [(run(), notebook(cell(figure(digest="0" * 64))))])
    assert publish.publish(where, MONTH)[0]["status"] == "refused"
    assert content(where.hub) == before


def test_partner_and_internal_pages_never_enter_the_hub(where):
    inside = good(audience="internal", rule="internal_exact")
    put(
        where, MONTH,
        [
            (run(audience="partner"), partner()),
            (run("10_hospital_intake", "syn01", "Hospital A", "internal", title="Hospital intake"), inside),
        ],
    )  # fmt: skip
    found = publish.publish(where, MONTH)
    assert [r["path"] for r in found] == [
        "partner/2026-03/camden/index.html",
        "restricted/2026-03/pages/10_hospital_intake__syn01__internal.html",
    ]
    assert (where.partner / MONTH / "camden" / "months-SYNTHETIC.csv").exists()
    assert (where.restricted / MONTH / "pages" / "10_hospital_intake__syn01__internal-months-SYNTHETIC.csv").exists()
    assert tree(where.path / found[0]["path"]).find_class("watermark")
    assert not list(where.hub.glob("*/2*"))
    assert store.ledger(where) == []


def test_squares_of_a_partner_page_lie_beside_it_for_qgis_and_never_in_the_hub(where):
    csv = "stratum_dim,stratum,measure,method,value,period_start,period_end,synthetic\n"
    csv += "cell,E529000N184000,incidents_around,lattice_test,12,2026-01,2026-03,True\n"
    about = {"audience": "partner", "rule": "partner_exact"}
    squares = notebook(cell(table("top", csv=csv, **about)), lead=headline(**about))
    hot = run("41_borough_hotspots", audience="partner", title="Hot squares and blocks")
    put(where, MONTH, [(run(audience="partner"), partner()), (hot, squares)])
    found = publish.publish(where, MONTH)
    assert found[1]["path"] == "partner/2026-03/camden-borough-hotspots/index.html"
    held = content(where.partner / MONTH / "camden-borough-hotspots")
    assert {"squares-SYNTHETIC.gpkg", "squares-SYNTHETIC.csv"} <= set(held)
    assert not {"squares-SYNTHETIC.gpkg", "squares-SYNTHETIC.csv"} & set(content(where.partner / MONTH / "camden"))
    assert held["squares-SYNTHETIC.gpkg"].startswith(b"SQLite format 3")
    publish.publish(where, MONTH)
    assert content(where.partner / MONTH / "camden-borough-hotspots") == held


def test_a_density_map_is_remembered_in_the_ledger(where):
    mark = "2025-01 2025-12 E09000007 0123456789abcdef"
    drawn = notebook(cell(output("map", "where", {"image/png": png()}, alt=ALT, drawn=mark)), lead=headline())
    put(where, MONTH, [(run(), drawn)])
    assert publish.publish(where, MONTH)[0]["status"] == "published"
    assert store.maps_out(where) == [tuple(mark.split())]
    assert "0123456789abcdef" not in (where.hub / "camden" / MONTH / "v1" / "index.html").read_text(encoding="utf-8")


def test_a_partner_notebook_run_as_public_is_refused(where):
    put(where, MONTH, [(run(), partner())])
    assert "not for the public audience" in publish.publish(where, MONTH)[0]["why"]


def test_a_mixed_root_is_never_published_but_partners_may_see_it(tmp_path):
    where = root(tmp_path / "both", kinds=(True, False))
    put(where, MONTH, [(run(), good()), (run(audience="partner"), partner())])
    with pytest.raises(errors.PublishError, match="both real and synthetic"):
        publish.publish(where, MONTH)
    assert not where.hub.exists()
    assert not where.partner.exists()
    (found,) = publish.publish(where, MONTH, audiences=["partner"])
    assert found["status"] == "published"
    assert "MIXED REAL AND SYNTHETIC" in (where.path / found["path"]).read_text(encoding="utf-8")
    assert not where.hub.exists()


def test_real_data_have_no_banner_and_may_be_listed(real):
    assert publish_value(real, 60, now=DUE)["status"] == "published"
    assert max(content(real.hub / "camden" / MONTH / "v1")) == "months.csv"
    assert "Allow" in (real.hub / "robots.txt").read_text()
    assert tree(real.hub / "index.html").xpath("//meta[@name='robots']") == []


def test_synthetic_numbers_do_not_pass_in_a_real_root(real, plain_hub):
    put(real, MONTH, [(run(), good())])
    assert "not real" in publish.publish(real, MONTH, now=DUE)[0]["why"]


def test_a_hub_of_another_kind_is_left_alone(where):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    before = content(where.hub)
    root(where.path / "x", kinds=(False,))
    (where.path / "x" / "store" / "events").replace(where.path / "y")
    (where.store / "events").replace(where.path / "z")
    (where.path / "y").replace(where.store / "events")
    with pytest.raises(errors.PublishError, match="holds synthetic pages and the store is real"):
        publish.publish(where, MONTH, now=DUE)
    assert content(where.hub) == before


def test_a_crash_before_the_switch_leaves_the_old_hub_whole(where, monkeypatch):
    put(where, MONTH, [(run(), good(60))])
    publish.publish(where, MONTH)
    before = content(where.hub)
    put(where, MONTH, [(run(), good(65))])
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_switch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            publish.publish(where, MONTH)
    assert content(where.hub) == before
    assert publish.publish(where, MONTH)[0]["version"] == 2
    assert not where.hub.with_name("hub.part").exists()


def test_a_crash_within_the_switch_is_mended(where):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    before = content(where.hub)
    where.hub.rename(where.hub.with_name("hub.old"))
    where.hub.with_name("hub.part").mkdir()
    publish.publish(where, MONTH)
    assert content(where.hub) == before
    assert sorted(p.name for p in where.path.iterdir()) == ["hub", "restricted", "store"]


def test_a_fault_of_the_hubs_own_pages_stops_the_switch(where, monkeypatch):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    before = content(where.hub)
    monkeypatch.setattr(_hub, "build", lambda *_: {"methods/index.html": "<html><p>crime</p></html>"})
    with pytest.raises(errors.PublishError, match=r"methods/index\.html"):
        publish.publish(where, MONTH)
    assert content(where.hub) == before


def test_two_notebooks_of_one_place_get_two_addresses(where):
    put(
        where,
        MONTH,
        [
            (run(), good()),
            (run("42_source_comparison", title="Sources"), good(5)),
            (run() | {"file": "copy.ipynb"}, good(9)),
        ],
    )
    found = publish.publish(where, MONTH)
    assert [r["slug"] for r in found] == ["camden", "camden-source-comparison", "camden"]
    assert [r["status"] for r in found] == ["published", "published", "refused"]
    assert "same address" in found[2]["why"]


@pytest.mark.parametrize(
    "over",
    [
        {"slug": "../../x"}, {"id": "a/b"}, {"file": "../x.ipynb"}, {"audience": "everyone"}, {"title": None},
        {"slug": "Camden"}, {"file": "/etc/passwd"},
    ],
)  # fmt: skip
def test_a_manifest_that_leads_elsewhere_is_refused(where, over):
    put(where, MONTH, [(run(), good())])
    path = where.restricted / MONTH / "manifest.json"
    path.write_text(json.dumps({"month": MONTH, "runs": [run() | over]}), encoding="utf-8")
    with pytest.raises(errors.PublishError, match="Run 1 "):
        publish.publish(where, MONTH)
    assert not where.hub.exists()


def test_without_a_manifest_the_command_is_named(where):
    with pytest.raises(errors.PublishError, match="istv run --month 2026-03"):
        publish.publish(where, MONTH)
    put(where, MONTH, [])
    (where.restricted / MONTH / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(errors.PublishError, match="cannot be read"):
        publish.publish(where, MONTH)
    with pytest.raises(errors.ParameterError):
        publish.publish(where, "../x")


def test_titles_are_made_of_place_notebook_and_month(where):
    put(where, MONTH, [(london(), good()), (run("60_case_study", "case-a", "Night buses", title="Case study"), good())])
    publish.publish(where, MONTH)
    heads = [tree(where.hub / slug / "latest" / "index.html").findtext(".//h1") for slug in ("london", "case-a")]
    assert heads == ["London monitor, March 2026", "Night buses"]


def test_methods_come_from_the_documents(where, monkeypatch, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "methods.md").write_text(
        "# Methods\n\n## Coverage\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Coverage\n\n<script>x</script>\n",
        encoding="utf-8",
    )
    put(where, MONTH, [(run(), good())])
    monkeypatch.setattr(params, "home", lambda: tmp_path)
    monkeypatch.setattr(params, "code_version", lambda: "abc")
    text, contents = _hub._methods()
    assert contents == [("coverage", "Coverage"), ("coverage-2", "Coverage")]
    assert "script" not in text
    assert "<caption>Coverage</caption>" in text
    (tmp_path / "docs" / "methods.md").unlink()
    assert "being written" in _hub._methods()[0]


def test_the_map_is_whole_and_light():
    drawn = _hub._shapes()
    assert len(drawn["boroughs"]) == 33
    assert all(shape["path"].startswith("M") and shape["path"].endswith("z") for shape in drawn["boroughs"])
    assert all(0 < shape["x"] < drawn["size"][0] and 0 < shape["y"] < drawn["size"][1] for shape in drawn["boroughs"])
    assert sum(len(shape["path"]) for shape in drawn["boroughs"]) < 60_000


def test_the_same_map_for_the_same_pages(where):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    text = _hub.build(where.hub, "synthetic", "abc")["index.html"]
    assert text == _hub.build(where.hub, "synthetic", "abc")["index.html"]
    assert str(where.path) not in text
    assert str(params.home()) not in text


def test_an_unknown_audience_is_refused(where):
    put(where, MONTH, [(run(), good())])
    with pytest.raises(errors.PublishError, match="no audience 'pubic'"):
        publish.publish(where, MONTH, ["pubic"])


def test_a_run_of_other_code_or_tables_is_refused(where):
    put(where, MONTH, [(run(), good())])
    store.write(where.store / "located.parquet", b"another table")
    found = publish.publish(where, MONTH, ["public"])
    assert "other code, parameters or tables" in found[0]["why"]


# ---- embargo and form ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["synthetic", "real"], ids=["invented", "not invented"])
def test_nothing_public_leaves_before_half_past_nine_on_its_day(tmp_path, kind, plain_hub):
    where = root(tmp_path / "x", kinds=(kind == "synthetic",))
    form(where, MONTH)
    put(where, MONTH, [(run(), good(synthetic=kind)), (run(audience="partner"), partner(synthetic=kind))])
    with pytest.raises(errors.PublishError, match="before 09:30 on 7 May 2026, London time"):
        publish.publish(where, MONTH, now=DUE - dt.timedelta(seconds=1))
    assert not where.hub.exists()
    assert not where.partner.exists()
    assert [r["status"] for r in publish.publish(where, MONTH, ["partner"])] == ["published"]
    assert [r["status"] for r in publish.publish(where, MONTH, now=DUE)] == ["published", "published"]


def test_real_data_are_never_published_without_a_clock(real):
    with pytest.raises(errors.PublishError, match="at a known time only"):
        publish_value(real, 60)


def test_real_data_need_a_form_and_get_a_blank_one_to_fill_in(tmp_path, plain_hub):
    where = root(tmp_path / "real", kinds=(False,))
    with pytest.raises(errors.PublishError, match=r"fill in the blank one in restricted/2026-03/form\.yml"):
        publish_value(where, 60, now=DUE)
    with pytest.raises(errors.PublishError, match=r"form\.yml lacks analyst, assurer, approver, context"):
        publish_value(where, 60, now=DUE)
    form(where, MONTH, assurer="A One")
    with pytest.raises(errors.PublishError, match="one person as analyst and assurer"):
        publish_value(where, 60, now=DUE)
    form(where, MONTH, month="2026-02")
    with pytest.raises(errors.PublishError, match="not for 2026-03"):
        publish_value(where, 60, now=DUE)
    assert not where.hub.exists()
    form(where, MONTH, notes="None.")
    assert publish_value(where, 60, now=DUE)["status"] == "published"
    told = package(where, "camden/2026-03/v1")["istv"]["form"]
    assert [told[k] for k in ("analyst", "assurer", "approver", "notes")] == ["A. One", "B. Two", "C. Three", "None."]
    assert (told["rule"], told["attack"]["result"]) == ("nhs_hes", "passed")


def test_real_data_need_the_lock_file(real, monkeypatch, tmp_path):
    home = params.home()
    (tmp_path / "home").mkdir()
    put(real, MONTH, [(run(), good(synthetic="real"))])
    (tmp_path / "home" / "parameters").symlink_to(home / "parameters")
    monkeypatch.setattr(params, "home", lambda: tmp_path / "home")
    with pytest.raises(errors.PublishError, match=r"requirements\.lock is missing"):
        publish.publish(real, MONTH, now=DUE)


def test_a_page_says_what_it_was_made_from(where, plain_hub):
    store.write(where.store / "site_months.parquet", b"whole table")
    store.write(where.store / "quarantine.parquet", b"not read")
    facts = TABLE.replace("Attendances by month", "events ed 2022-01; site_months")
    made = notebook(cell(table(), output("facts", "provenance", {"text/html": facts})))
    put(where, MONTH, [(run(), made), (london(), good())])
    publish.publish(where, MONTH)
    told = package(where, "camden/2026-03/v1")["istv"]["provenance"]
    assert sorted(told["inputs"]) == ["events", "site_months"]
    assert told["inputs"]["site_months"] == store.sha256(b"whole table")
    assert sorted(package(where, "london/2026-03/v1")["istv"]["provenance"]["inputs"]) == [
        "events", "quarantine", "site_months"
    ]  # fmt: skip
    assert told["parameters"] == {"area": "camden"}
    assert told["parameters_sha256"] == store.sha256(b'{"area": "camden"}')
    assert told["lock_sha256"] == store.sha256((params.home() / "requirements.lock").read_bytes())
    assert told["code_version"] == params.code_version()


# ---- versions --------------------------------------------------------------------------------------------


def test_a_new_version_of_real_data_needs_a_reason_and_bears_its_date(real, plain_hub):
    publish_value(real, 60, now=DUE)
    before = content(real.hub)
    refused = publish_value(real, 65, now=LATER)
    assert (refused["status"], refused["version"]) == ("refused", None)
    assert "version 1 says something else; say with --reason" in refused["why"]
    assert content(real.hub) == before
    how = {"reason": "A  late file.", "correction": True, "date": "2026-05-20"}
    assert publish_value(real, 65, now=LATER, **how)["version"] == 2
    told = package(real, "camden/2026-03/v2")
    assert told["istv"]["release"] == {
        "date": "2026-05-20", "at": "09:30", "kind": "correction", "reason": "A late file."
    }  # fmt: skip
    assert (told["created"], told["version"], told["dcat"]["dct:issued"]) == ("2026-05-20", "2", "2026-05-07")
    assert "2026-05-20; give a --date" in publish_value(real, 70, now=LATER, **how | {"date": "2026-05-19"})["why"]
    with pytest.raises(errors.ParameterError, match="has not come yet"):
        publish_value(real, 70, now=LATER, **how | {"date": "2026-07-01"})
    assert publish_value(real, 65, now=LATER)["status"] == "unchanged"


def test_a_revision_of_the_demonstration_is_dated_and_explained_by_itself(where, plain_hub):
    publish_value(where, 60)
    publish_value(where, 65, now=LATER)
    told = package(where, "camden/2026-03/v2")["istv"]["release"]
    assert (told["date"], told["kind"]) == ("2026-06-01", "revision")
    assert told["reason"] == "Data or methods changed since the version before."


def test_the_tenth_version_comes_after_the_ninth():
    held = [{"slug": "camden", "month": MONTH, "version": n, "withdrawn": None} for n in (1, 10, 11, 2, 9)]
    assert [p["version"] for p in publish._versions(held)["camden", MONTH]] == [1, 2, 9, 10, 11]
    assert publish._live(held)["camden"]["version"] == 11


def test_releases_month_after_month_with_revisions_keeps_every_address(where, plain_hub):
    held = {}
    for number, month in enumerate(f"2026-{n:02d}" for n in range(1, 5)):
        publish_value(where, 40 + 5 * number, month)
        if number in {2, 3}:
            publish_value(where, 90, f"2026-{number:02d}")
        now = content(where.hub)
        assert {k: v for k, v in now.items() if k in held} == held
        held = {k: v for k, v in now.items() if "/v" in k}
    assert sum(way.endswith("index.html") for way in held) == 6
    assert len(store.ledger(where)) == 6


# ---- gate and ledger -------------------------------------------------------------------------------------


def test_the_attack_gets_the_lines_and_stops_everything_when_it_succeeds(where, monkeypatch, plain_hub):
    publish_value(where, 60)
    before, ledger, seen = content(where.hub), store.ledger(where), []
    monkeypatch.setattr(publish.store, "editions", lambda where, until: {"2025-12": "a", "2026-01": "b"})

    def verify(root, lines):
        seen.extend(lines)
        raise errors.DisclosureError("2 small counts could be worked out.")

    put(where, MONTH, [(run(), good(65)), (run(audience="partner"), partner())])
    with monkeypatch.context() as patched:
        patched.setattr(publish.clearance, "verify", verify)
        with pytest.raises(errors.PublishError, match="nothing was changed: 2 small"):
            publish.publish(where, MONTH)
    assert content(where.hub) == before
    assert store.ledger(where) == ledger
    assert not where.partner.exists()
    assert not where.hub.with_name("hub.part").exists()
    (line,) = seen
    assert (line["audience"], line["month"], line["version"], line["table"]) == ("public", MONTH, 2, "months")
    assert line["editions"] == {"2026-01": "b"}
    publish.publish(where, MONTH)
    assert store.ledger(where)[1] == line
    (file,) = package(where, "camden/2026-03/v2")["resources"]
    assert file["hash"] == "sha256:" + line["csv_sha256"]


def test_nothing_new_is_not_attacked_again(where, monkeypatch, plain_hub):
    publish_value(where, 60)
    monkeypatch.setattr(publish.clearance, "verify", lambda *_: pytest.fail("attacked"))
    assert publish_value(where, 60)["status"] == "unchanged"


def test_a_find_of_the_scan_leaves_the_last_good_hub(where, monkeypatch, plain_hub):
    publish_value(where, 60)
    before, ledger = content(where.hub), store.ledger(where)
    seen = []

    def check(folder, root):
        seen.extend(content(folder))
        return ["camden/2026-03/v2/months.csv holds words of a record.", "Another."]

    with monkeypatch.context() as patched:
        patched.setattr(publish.scan, "check", check)
        with pytest.raises(errors.PublishError, match=r"words of a record\. \(1 more\)"):
            publish_value(where, 65)
    assert "camden/2026-03/v2/index.html" in seen
    assert content(where.hub) == before
    assert store.ledger(where) == ledger
    assert sorted(p.name for p in where.path.iterdir()) == ["hub", "restricted", "store"]


@pytest.mark.parametrize("spoil", ["lost", "older", "other"])
def test_a_ledger_that_does_not_know_the_hub_is_refused(where, spoil, plain_hub):
    publish_value(where, 60)
    publish_value(where, 65)
    path = where.store / "ledger.jsonl"
    first, second = path.read_text(encoding="utf-8").splitlines()
    other = json.dumps(json.loads(second) | {"csv_sha256": "0" * 64})
    path.write_text({"lost": "", "older": first + "\n", "other": f"{first}\n{other}\n"}[spoil], encoding="utf-8")
    before = content(where.hub)
    with pytest.raises(errors.PublishError, match=r"camden/2026-03/v[12] is not in the release ledger"):
        publish_value(where, 70)
    assert content(where.hub) == before


# ---- withdrawal ------------------------------------------------------------------------------------------


def test_a_withdrawn_page_leaves_a_tombstone_and_no_number(where):
    publish_value(where, 60)
    publish_value(where, 65)
    ledger, first = store.ledger(where), content(where.hub / "camden" / MONTH / "v1")
    done = publish.withdraw(where, "camden", MONTH, None, "A  wrong file.", "2026-06-01")
    assert (done["version"], done["path"]) == (2, "hub/camden/2026-03/v2/index.html")
    folder = where.hub / "camden" / MONTH / "v2"
    assert sorted(content(folder)) == ["datapackage.json", "index.html"]
    told = package(where, "camden/2026-03/v2")
    assert told["resources"] == []
    assert told["istv"]["withdrawn"] == {"date": "2026-06-01", "reason": "A wrong file."}
    assert told["istv"]["page"]["sha256"] == store.sha256((folder / "index.html").read_bytes())
    assert "A wrong file." in tree(folder / "index.html").get_element_by_id("main").text_content()
    assert "about 60" not in "".join(content(folder)[name].decode() for name in content(folder))
    assert told["istv"]["trend"]["points"] == []
    assert content(where.hub / "camden" / MONTH / "v1") == first
    assert store.ledger(where) == ledger
    latest = tree(where.hub / "camden" / "latest" / "index.html")
    assert latest.xpath("//link[@rel='canonical']/@href") == ["../2026-03/v1/index.html"]
    assert publish.check_page((where.hub / "camden" / "latest" / "index.html").read_text(encoding="utf-8")) == []


def test_latest_goes_back_to_an_older_month_and_in_the_end_to_the_tombstone(where, plain_hub):
    publish_value(where, 40, "2026-02")
    publish_value(where, 60)
    latest = where.hub / "camden" / "latest" / "index.html"
    publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")
    assert "February 2026" in tree(latest).findtext(".//h1")
    publish.withdraw(where, "camden", "2026-02", 1, "A wrong file.", "2026-06-01")
    top = tree(latest)
    assert "Withdrawn" in top.findtext(".//title")
    for address in top.xpath("//link[@rel='canonical']/@href"):
        assert (latest.parent / address).is_file()


def test_an_older_version_is_withdrawn_without_moving_latest(where, plain_hub):
    publish_value(where, 60)
    publish_value(where, 65)
    before = (where.hub / "camden" / "latest" / "index.html").read_bytes()
    publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")
    assert (where.hub / "camden" / "latest" / "index.html").read_bytes() == before


def test_a_withdrawn_page_comes_back_only_when_a_person_says_why(where, plain_hub):
    publish_value(where, 60)
    publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")
    assert "version 1 was withdrawn; say with --reason" in publish_value(where, 60)["why"]
    assert publish_value(where, 60, reason="Checked again.", now=LATER)["version"] == 2
    assert "March 2026" in tree(where.hub / "camden" / "latest" / "index.html").findtext(".//h1")


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"slug": "barnet"}, "barnet/2026-03 the hub holds no version of it"),
        ({"slug": "../x"}, "no version of it"),
        ({"month": "2026-02"}, "no version of it"),
        ({"version": 3}, "the hub holds v2"),
        ({"version": 1}, "the hub holds v2"),
        ({"reason": " "}, "Say why"),
        ({"date": "2026-05-01"}, "Date it on 2026-05-07 or later"),
        ({"reason": "A crime."}, "Say the reason otherwise"),
    ],
)
def test_a_withdrawal_that_makes_no_sense_changes_nothing(where, over, why, plain_hub):
    publish_value(where, 60)
    publish_value(where, 65)
    publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")
    before = content(where.hub)
    given = {"slug": "camden", "month": MONTH, "version": None, "reason": "A wrong file.", "date": "2026-06-01"}
    with pytest.raises(errors.PublishError, match=why):
        publish.withdraw(where, **given | over)
    assert content(where.hub) == before


def test_a_withdrawal_needs_neither_ledger_nor_scan(where, monkeypatch, plain_hub):
    publish_value(where, 60)
    (where.store / "ledger.jsonl").unlink()
    monkeypatch.setattr(publish.scan, "check", lambda *_: ["Another page leaks."])
    assert publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")["status"] == "withdrawn"


def test_a_crash_in_a_withdrawal_leaves_the_hub_whole(where, monkeypatch, plain_hub):
    publish_value(where, 60)
    before = content(where.hub)
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_switch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            publish.withdraw(where, "camden", MONTH, 1, "A wrong file.", "2026-06-01")
    assert content(where.hub) == before


SEGMENT = st.sampled_from(["a", "b", "latest", "v1", ".."])


@given(st.lists(SEGMENT, min_size=1, max_size=4), st.sampled_from(["", "#part"]))
def test_moved_links_lead_where_they_led(steps, part):
    way = "/".join(["..", *steps]) + "/index.html"
    text = f'<a class="x" href="{way}{part}">x</a><link href="tel:1"><a href="#y">href="z"</a>'
    found = _release.moved(text, "p/q/r/s/t", "p/latest")
    assert found.endswith('<link href="tel:1"><a href="#y">href="z"</a>')
    moved, _, kept = found.split('"')[3].partition("#")
    old, new = (posixpath.normpath(posixpath.join(*pair)) for pair in (("p/q/r/s/t", way), ("p/latest", moved)))
    assert (new, kept) == (old, part[1:])


# ---- verbs -----------------------------------------------------------------------------------------------


def test_the_verbs_pass_reason_date_and_the_clock(where, monkeypatch, plain_hub):
    monkeypatch.setenv("ISTV_DATA", str(where.path))

    def istv(*words):
        done = CliRunner().invoke(cli.app, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    put(where, "2024-12", [(run(), good())])
    istv("publish", "--month", "2024-12")
    put(where, "2024-12", [(run(), good(65))])
    istv("publish", "--month", "2024-12", "--reason", "Late.", "--correction", "--date", "2025-03-01")
    told = package(where, "camden/2024-12/v2")["istv"]["release"]
    assert (told["date"], told["kind"], told["reason"]) == ("2025-03-01", "correction", "Late.")
    said = istv("withdraw", "camden", "2024-12", "--reason", "A wrong file.", "--date", "2025-03-02")
    assert "Version 2 is withdrawn" in said
    assert "Missing option" in CliRunner().invoke(cli.app, ["withdraw", "camden", "2024-12"]).output
    put(where, "2099-01", [(run(), good())])
    with pytest.raises(errors.PublishError, match="may not leave before"):
        CliRunner().invoke(cli.app, ["publish", "--month", "2099-01"], catch_exceptions=False)
