"""From executed notebooks to a hub that is never half new."""

import json

import pytest
from lxml import html as lxml_html
from nbformat import v4

from istv_lib import _hub, errors, params, places, publish, store
from tests.unit.made_pages import cell, figure, headline, notebook, put, root, run, table

MONTH = "2026-03"


def good(value=60, **over):
    csv = f"period_start,value,synthetic\n2026-01,{value},True\n"
    return notebook(cell(figure(**over), table(csv=csv, **over)), lead=headline(**over))


def partner(**over):
    return good(audience="partner", rule="partner_exact", **over)


def london():
    return run("30_london_monitor", "london", "London", title="London monitor")


def tree(path):
    return lxml_html.document_fromstring(path.read_text(encoding="utf-8"))


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def where(tmp_path):
    return root(tmp_path / "london")


def test_public_pages_stand_at_a_permanent_address_and_at_latest(where):
    put(where, MONTH, [(london(), good(800)), (run(), good())])
    first, second = publish.publish(where, MONTH)
    assert first["status"] == second["status"] == "published"
    assert second["path"] == "hub/camden/2026-03/v1/index.html"
    folder = where.hub / "camden" / MONTH / "v1"
    assert sorted(content(folder)) == ["data-SYNTHETIC.csv", "index.html", "metadata.json"]
    told = json.loads((folder / "metadata.json").read_text())
    assert told["title"] == "SYNTHETIC: Camden borough profile, March 2026"
    assert told["period"] == {"start": "2026-01", "end": "2026-03"}
    assert told["synthetic"] is True
    for file in told["files"]:
        held = (folder / file["name"]).read_bytes()
        assert (len(held), store.sha256(held)) == (file["bytes"], file["sha256"])
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
    pages = sorted(where.hub.rglob("*.html"))
    assert len(pages) == 6 + 1 + 3 + 2
    for path in pages:
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
    listed = [item.text_content() for item in top.find_class("names")[0].iter("li")]
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
    assert (where.partner / MONTH / "camden" / "data-SYNTHETIC.csv").exists()
    assert tree(where.path / found[0]["path"]).find_class("watermark")
    assert not list(where.hub.glob("*/2*"))
    assert store.ledger(where) == []


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


def test_real_data_have_no_banner_and_may_be_listed(tmp_path):
    where = root(tmp_path / "real", kinds=(False,))
    put(where, MONTH, [(run(), good(synthetic="real"))])
    assert publish.publish(where, MONTH)[0]["status"] == "published"
    assert min(content(where.hub / "camden" / MONTH / "v1")) == "data.csv"
    assert "Allow" in (where.hub / "robots.txt").read_text()
    assert tree(where.hub / "index.html").xpath("//meta[@name='robots']") == []


def test_synthetic_numbers_do_not_pass_in_a_real_root(tmp_path):
    where = root(tmp_path / "real", kinds=(False,))
    put(where, MONTH, [(run(), good())])
    assert "not real" in publish.publish(where, MONTH)[0]["why"]


def test_a_hub_of_another_kind_is_left_alone(where):
    put(where, MONTH, [(run(), good())])
    publish.publish(where, MONTH)
    before = content(where.hub)
    root(where.path / "x", kinds=(False,))
    (where.path / "x" / "store" / "events").replace(where.path / "y")
    (where.store / "events").replace(where.path / "z")
    (where.path / "y").replace(where.store / "events")
    with pytest.raises(errors.PublishError, match="holds synthetic pages and the store is real"):
        publish.publish(where, MONTH)
    assert content(where.hub) == before


def test_a_crash_before_the_switch_leaves_the_old_hub_whole(where, monkeypatch):
    put(where, MONTH, [(run(), good(60))])
    publish.publish(where, MONTH)
    before = content(where.hub)
    put(where, MONTH, [(run(), good(65))])
    monkeypatch.setattr(publish, "_switch", lambda hub: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        publish.publish(where, MONTH)
    assert content(where.hub) == before
    monkeypatch.undo()
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
