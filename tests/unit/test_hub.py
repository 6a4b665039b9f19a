"""The hub's own pages: what they list, draw, link and tell programs, made from small hubs in memory."""

import base64
import csv
import hashlib
import json
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html

from istv_lib import _feed, _history, _hub, _page, _spark, errors, months, params, places, releases
from istv_lib._lint import check_page

ATOM = {"a": "http://www.w3.org/2005/Atom", "h": "http://www.w3.org/1999/xhtml"}
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
HOME = "https://data.london.gov.uk/information-sharing-to-tackle-violence/"
POINTS = [["2025-12", 40, ""], ["2026-01", None, "[c]"], ["2026-02", 15, "[i]"], ["2026-03", 1260, "[p]"]]


def put(hub, slug="camden", month="2026-03", version=1, *, points=None, kind="synthetic", area=None, name=None, **over):
    """Write one public page in the agreed shape; return its folder."""
    folder = hub / slug / month / f"v{version}"
    folder.mkdir(parents=True)
    mark = "SYNTHETIC: " if kind == "synthetic" else ""
    name = name or slug.replace("-", " ").title()
    points = POINTS if points is None else points
    file = "months-SYNTHETIC.csv" if kind == "synthetic" else "months.csv"
    rows = "".join(f"{m},{'' if v is None else v},{s}\n" for m, v, s in points)
    (folder / file).write_text("period_start,value,symbol\n" + rows)
    resource = {
        "name": "months", "path": file, "title": f"Attendances per month in {name}", "mediatype": "text/csv",
        "bytes": 4321, "hash": "sha256:" + hashlib.sha256(rows.encode()).hexdigest(),
    }  # fmt: skip
    istv = {
        "slug": slug, "area": area or slug, "area_name": name, "heading": f"{name} profile, {months.label(month)}",
        "geography": "London", "month": month, "month_label": months.label(month), "version": version,
        "status": "provisional", "kind": kind, "headline": f"**{mark}**{name} had about 45 attendances.",
        "trend": {"place": slug, "unit": "attendance", "points": points},
        "release": {"date": "2026-05-07", "at": "09:30", "kind": "scheduled", "reason": ""}, "withdrawn": None,
    }  # fmt: skip
    istv |= over
    told = {
        "title": f"{mark}{istv['heading']}: {_hub.NAME} (ISTV)", "description": f"{name} had about 45 attendances.",
        "resources": [] if istv["withdrawn"] else [resource], "istv": istv,
    }  # fmt: skip
    (folder / "datapackage.json").write_text(json.dumps(told))
    (folder / "index.html").write_text("<p>a page</p>")
    latest = hub / slug / "latest"
    latest.mkdir(exist_ok=True)
    (latest / "index.html").write_text("<p>a page</p>")
    return folder


def later(date, kind="revision", reason="A hospital's late file was taken in."):
    return {"date": date, "at": "09:30", "kind": kind, "reason": reason}


GONE = {"date": "2026-06-02", "reason": "One file <b>was</b> counted twice."}


@pytest.fixture
def hub(tmp_path):
    where = tmp_path / "hub"
    put(where, "london", points=[["2025-03", 1850, ""], ["2026-03", 1835, "[p]"]])
    put(where, "camden")
    put(where, "camden", version=2, release=later("2026-05-20"))
    put(where, "hackney", points=[["2026-03", 25, "[p]"]], withdrawn=GONE)
    put(
        where,
        "sutton",
        "2026-02",
        points=[["2026-01", 20, ""], ["2026-02", 0, ""]],
        release=later("2026-04-09", "scheduled"),
    )
    put(where, "case-buses", name="Night buses", points=[])
    put(where, "camden-source-comparison", area="camden", name="Camden", points=[])
    return where


def made(hub, kind="synthetic"):
    return _hub.build(hub, kind, "abc")


def top(text):
    return lxml_html.document_fromstring(text)


def read_back(path):
    """Return the drawn values of a line by step, the other way round."""
    return {int(x): -float(y) for _, x, y in re.findall(r"([ML])(\d+) (-?[\d.]+)", path)}


def test_entries_tell_the_agreed_shape(hub):
    page = next(p for p in _hub.entries(hub) if p["way"] == "camden/2026-03/v2")
    assert (page["version"], page["withdrawn"], page["heading"]) == (2, None, "Camden profile, March 2026")
    assert page["files"][0]["name"] == page["files"][0]["path"] == "months-SYNTHETIC.csv"
    assert page["files"][0]["media_type"] == "text/csv"
    assert re.fullmatch("[0-9a-f]{64}", page["files"][0]["sha256"])


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"istv": {}, "resources": [], "title": "a", "description": "b"}']
)
def test_a_description_that_cannot_be_read_is_refused_by_its_place(hub, content):
    (hub / "camden" / "2026-03" / "v1" / "datapackage.json").write_text(content)
    with pytest.raises(errors.PublishError, match=r"camden/2026-03/v1/datapackage\.json"):
        _hub.entries(hub)


def test_newest_passes_over_withdrawn_pages_and_earlier_versions(hub):
    put(hub, "camden", version=10, withdrawn=GONE)
    put(hub, "hackney", "2026-02")
    ways = [page["way"] for page in _hub.newest(_hub.entries(hub))]
    assert ways[0] == "london/2026-03/v1"
    assert "camden/2026-03/v2" in ways
    assert "hackney/2026-02/v1" in ways
    assert not any(way.startswith(("hackney/2026-03", "camden/2026-03/v1")) for way in ways)


@pytest.mark.parametrize("kind", ["synthetic", "real"], ids=["demo", "live"])
def test_every_own_page_may_leave(tmp_path, kind):
    for slug in ("london", *places.boroughs()["slug"]):
        put(tmp_path, slug, kind=kind, points=[[m, 45, ""] for m in months.span("2023-01", "2026-03")])
    files = made(tmp_path, kind)
    assert _hub.check_files(files, check_page) == []
    assert max(len(text) for text in files.values()) < 150_000
    assert all(("SYNTHETIC" in files[way]) == (kind == "synthetic") for way in ("feed.xml", "months/index.html"))


def test_an_empty_hub_has_all_its_pages_and_no_feed(tmp_path):
    files = made(tmp_path)
    assert _hub.check_files(files, check_page) == []
    assert "feed.xml" not in files
    assert "not been published" in files["london/latest/index.html"]
    assert not any("feed.xml" in text for way, text in files.items() if way.endswith(".html"))


@pytest.mark.parametrize("empty", [False, True])
def test_every_link_of_every_own_page_leads_somewhere(hub, tmp_path, empty):
    hub = tmp_path / "nothing" if empty else hub
    files = made(hub)
    _hub.write(hub, files)
    for way, text in files.items():
        if not way.endswith(".html"):
            continue
        for address in top(text).xpath("//@href"):
            path, _, part = address.partition("#")
            if ":" in address:
                continue
            target = (hub / way).parent / path if path else hub / way
            assert target.resolve().is_file(), (way, address)
            assert not part or top(target.read_text()).xpath(f"//*[@id='{part}']"), (way, address)


def test_the_navigation_leads_to_the_doors_and_marks_the_open_one(hub):
    files = made(hub)
    assert len(_page.DOORS) <= 7
    doors = {"health-professionals", "analysts", "partnerships", "cases", "about"}
    assert doors < {way.split("/")[0] for _, _, way in _page.DOORS}
    for _, label, way in _page.DOORS:
        if way in files:
            assert top(files[way]).xpath("//nav[@class='doors']//a[@aria-current='page']/text()") == [label]
    crumbs = top(files["calendar/index.html"]).xpath("//nav[@class='crumbs']//a/@href")
    assert crumbs == ["../index.html", "../about/index.html"]


def test_the_same_pages_make_the_same_bytes(hub, tmp_path):
    other = tmp_path / "other"
    for folder in sorted(hub.glob("*/*/v*"), reverse=True):
        copy = other / folder.relative_to(hub)
        copy.mkdir(parents=True)
        (copy / "datapackage.json").write_bytes((folder / "datapackage.json").read_bytes())
    assert made(other) == made(hub)


def test_texts_from_pages_are_escaped(tmp_path):
    put(tmp_path, "case-x", name="<script>x</script> & co", release=later("2026-05-07", reason="<script>y</script>"))
    files = made(tmp_path)
    for way, text in files.items():
        if way.endswith("html"):
            assert len(top(text).findall(".//script")) == (way == "index.html")
    etree.fromstring(files["feed.xml"].encode())


# lines


def test_a_line_is_the_released_numbers_and_leaves_gaps(hub):
    files = made(hub)
    rows = top(files["boroughs/index.html"]).xpath("//table[contains(@class, 'trends')]/tbody/tr")
    drawn = {}
    for row in rows:
        for line in row.xpath(".//*[@class='spark']"):
            drawn[row.xpath("string(th)")] = line
    assert set(drawn) == {"Camden", "Sutton"}
    order = months.span("2025-12", "2026-03")
    with (hub / "camden" / "2026-03" / "v2" / "months-SYNTHETIC.csv").open() as file:
        held = {r["period_start"]: r for r in csv.DictReader(file)}
    told = {order.index(m): float(r["value"]) for m, r in held.items() if r["value"] and "[i]" not in r["symbol"]}
    path = drawn["Camden"].xpath("path[not(@class)]")[0].get("d")
    assert read_back(path) == told == {0: 40, 3: 1260}
    assert path == "M0 -40h0M3 -1260h0"
    assert drawn["Camden"].get("viewbox") == "0 -1260 3 1260"
    assert drawn["Sutton"].xpath("path[not(@class)]")[0].get("d") == "M1 -20L2 0"
    words = drawn["Camden"].get("aria-label")
    assert (
        words == "Camden, attendances per month: 40 in December 2025, 1,260 in March 2026. 2 of 4 months are not drawn."
    )
    assert "1,260 [p]" in rows[5].text_content()


@given(
    st.dictionaries(
        st.integers(0, 60),
        st.tuples(st.one_of(st.none(), st.integers(0, 900)), st.sampled_from(["", "[i]", "[p] [r]"])),
    )
)
def test_any_line_reads_back_as_its_numbers(told):
    points = [[months.add("2020-01", n), value, symbol] for n, (value, symbol) in sorted(told.items())]
    page = {"slug": "camden", "area_name": "Camden", "trend": {"points": points}}
    frame = _spark.frame([page])
    if not points:
        assert frame is None
        return
    order = months.span(frame.first, frame.last)
    assert len(order) <= _spark.SPAN
    shown = {m: v for m, v, s in points if v is not None and "[i]" not in s and m in order}
    line = frame.lines["camden"]
    assert {order[step]: value for step, value in read_back(line.path).items()} == shown
    assert frame.top >= max(shown.values(), default=0)
    steps = re.findall(r"([ML])(\d+)", line.path)
    assert all(
        (mark == "L") == (order.index(m) > 0 and order[int(x) - 1] in shown)
        for (mark, x), m in zip(steps, shown, strict=True)
    )
    if shown:
        assert read_back(line.mark) == {order.index(max(shown)): shown[max(shown)]}


def test_lines_of_boroughs_share_one_scale_and_london_has_its_own(hub):
    index = top(made(hub)["index.html"])
    tall = {line.get("viewbox").split()[-1] for line in index.xpath("//ul//*[@class='spark']")}
    assert tall == {"1260"}
    assert index.xpath("//figure//*[@class='spark']/@viewbox") == ["0 -1850 12 1850"]


# search


def test_the_index_alone_has_a_script_and_its_policy_names_it(hub):
    files = made(hub)
    assert [way for way, text in files.items() if "<script" in text] == ["index.html"]
    (script,) = top(files["index.html"]).findall(".//script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    policy = top(files["index.html"]).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == [f"{_page.CSP}; script-src 'sha256-{digest}'"]
    assert not re.search(r"https?:|fetch|innerHTML|eval|cookie|localStorage|XMLHttp", script.text)
    assert not script.attrib


def test_no_other_script_may_leave(hub):
    files = made(hub)
    search = re.search(r"<script>.*</script>", files["index.html"], re.DOTALL)[0]
    assert _hub.check_files(files, check_page) == []
    for way, old, new in [
        ("index.html", "</main>", "</main><script>alert(1)</script>"),
        ("index.html", "</main>", f"</main>{search}"),
        ("index.html", "box.", "document.write(1);box."),
        ("about/index.html", "</main>", f"</main>{search}"),
    ]:
        faults = _hub.check_files(files | {way: files[way].replace(old, new, 1)}, check_page)
        assert faults, (way, new)
        assert all(fault.startswith(way) for fault in faults)


def test_without_script_there_is_no_search_but_every_link(hub):
    index = top(made(hub)["index.html"])
    (box,) = index.find_class("search")
    assert "away" in box.classes
    assert box.xpath("label/@for") == ["find"]
    assert box.xpath("p/@role") == ["status"]
    assert not index.xpath("//input | //form")
    listed = set(index.xpath("//*[contains(@class, 'found')]//li//a/@href"))
    assert set(_hub.PAGES) - {"index.html", "boroughs/index.html"} < listed
    assert {"london/latest/index.html", "camden/latest/index.html", "case-buses/latest/index.html"} < listed
    assert "hackney/latest/index.html" not in listed


# records


def test_revisions_and_withdrawals_are_told_with_their_reason(hub):
    page = top(made(hub)["revisions/index.html"])
    rows = [[" ".join(cell.text_content().split()) for cell in row] for row in page.xpath("//tbody/tr")]
    assert rows == [
        ["Hackney", "March 2026", "1", "2 June 2026", "Withdrawal", "One file was counted twice."],
        ["Camden", "March 2026", "2", "20 May 2026", "Revision", "A hospital's late file was taken in."],
    ]


def test_the_calendar_tells_what_comes_and_what_came(hub):
    page = top(made(hub)["calendar/index.html"])
    coming, out = page.findall(".//table")
    rows = [row.text_content() for row in coming.xpath("tbody/tr")]
    assert len(rows) == 12
    first = releases.at("2026-04")
    assert rows[0].startswith("April 2026")
    assert f"{first.day} {months.label(f'{first:%Y-%m}')}" in rows[0]
    told = [" ".join(row.text_content().split()) for row in out.xpath("tbody/tr")]
    assert told[0].startswith("2 June 2026")
    assert any("March 2026: 5 pages" in row for row in told)
    assert told[-1] == "9 April 2026February 2026: 1 page"


def test_downloads_hold_every_file_of_the_newest_month(hub):
    page = top(made(hub)["downloads/index.html"])
    held = {
        f"../{p['way']}/{f['name']}"
        for p in _hub.newest(_hub.entries(hub))
        for f in p["files"]
        if p["month"] == "2026-03"
    }
    links = page.xpath("//table//a[@download]")
    assert {a.get("href") for a in links if a.get("href").endswith(".csv")} == held
    assert all(a.text in a.get("aria-label") for a in links)
    assert {a.text for a in links} == {"CSV, 4 KB", "JSON"}
    assert {h.text for h in page.findall(".//h2")} >= {"London", "Boroughs", "Case studies", "Other pages"}


def test_ten_ways_to_be_misled_have_two_sentences_each(hub):
    page = top(made(hub)["misleading/index.html"])
    ways = page.xpath("//article//h3")
    assert len(ways) >= 10
    for way in ways:
        text = " ".join(way.getnext().text_content().split())
        assert len(re.findall(r"[.?](?= [A-Z]|$)", text)) == 2, text


def test_the_worked_reading_uses_the_newest_figure_of_london(hub):
    text = " ".join(top(made(hub)["analysts/index.html"]).get_element_by_id("main").text_content().split())
    assert "1,835 [p] London, March 2026" in text
    assert "A year earlier the figure was 1,850." in text
    assert "may be 2 more or less" in text


# what programs read


def feed(hub, kind="synthetic"):
    return etree.fromstring(made(hub, kind)["feed.xml"].encode("utf-8"))


def test_the_feed_has_what_rfc_4287_asks(hub):
    read = feed(hub)
    for node in (read, *read.findall("a:entry", ATOM)):
        assert [len(node.findall(f"a:{name}", ATOM)) for name in ("id", "title", "updated")] == [1, 1, 1]
        assert datetime.fromisoformat(node.findtext("a:updated", namespaces=ATOM)).utcoffset() is not None
        assert node.findtext("a:id", namespaces=ATOM).startswith("tag:data.london.gov.uk,")
        assert node.findtext("a:title", namespaces=ATOM).startswith("SYNTHETIC: ")
    assert read.findtext("a:author/a:name", namespaces=ATOM)
    assert read.xpath("a:link[@rel='self']/@href", namespaces=ATOM) == [HOME + "feed.xml"]
    entries = read.findall("a:entry", ATOM)
    for entry in entries:
        (link,) = entry.findall("a:link", ATOM)
        assert (link.get("rel"), link.get("href")[: len(HOME)]) == ("alternate", HOME)
        assert entry.xpath("a:content/@type", namespaces=ATOM) == ["xhtml"]
        assert len(entry.findall("a:content/h:div", ATOM)) == 1
    ids = [entry.findtext("a:id", namespaces=ATOM) for entry in entries]
    assert len(set(ids)) == len(ids) == 4
    stamps = [entry.findtext("a:updated", namespaces=ATOM) for entry in entries]
    assert stamps == sorted(stamps, reverse=True)
    assert read.findtext("a:updated", namespaces=ATOM) == stamps[0] == "2026-06-02T09:30:00+01:00"
    assert not re.search("SYNTHETIC|synthetic", "".join(feed(put_real(hub)[0], "real").itertext()))


def put_real(hub):
    real = hub.with_name("real")
    return real, put(real, kind="real")


def test_entries_of_the_feed_stay_as_they_are_when_more_comes_out(hub):
    def by_id(read):
        return {e.findtext("a:id", namespaces=ATOM): etree.tostring(e).strip() for e in read.findall("a:entry", ATOM)}

    before = by_id(feed(hub))
    put(hub, "london", "2026-04", release=later("2026-06-04", "scheduled"))
    put(hub, "sutton", "2026-02", 2, release=later("2026-06-11", "correction"))
    after = by_id(feed(hub))
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2


def test_the_sitemap_lists_whole_addresses_of_pages_that_stand(hub):
    read = etree.fromstring(made(hub)["sitemap.xml"].encode())
    told = {u.findtext("s:loc", namespaces=SITEMAP): u.findtext("s:lastmod", namespaces=SITEMAP) for u in read}
    assert all(address.startswith(HOME) for address in told)
    assert told[HOME + "index.html"] == told[HOME + "camden/2026-03/v2/index.html"] == "2026-05-20"
    assert HOME + "camden/2026-03/v1/index.html" not in told
    assert not any("hackney" in address or "latest" in address for address in told)


def test_only_a_real_hub_may_be_listed(hub):
    assert made(hub)["robots.txt"] == "User-agent: *\nDisallow: /\n"
    assert _feed.robots("real", HOME) == f"User-agent: *\nAllow: /\nSitemap: {HOME}sitemap.xml\n"


def test_homepage_is_a_folder():
    assert params.file("release")["homepage"].endswith("/")


def test_events_keep_each_later_version_apart(hub):
    told = _history.events(_hub.entries(hub))
    assert [(e["kind"], len(e["pages"])) for e in told] == [
        ("withdrawn", 1),
        ("revision", 1),
        ("scheduled", 5),
        ("scheduled", 1),
    ]
    assert _history.changes(told) == told[:2]


# withdrawn pages


@pytest.mark.parametrize("latest", [False, True])
def test_a_tombstone_says_what_when_why_and_where_to_go(hub, latest):
    entry = next(p for p in _hub.entries(hub) if p["withdrawn"])
    text = _hub.tombstone(entry, "synthetic", latest=latest)
    assert check_page(text) == []
    page = top(text)
    said = " ".join(page.get_element_by_id("main").text_content().split())
    for part in ("hackney/2026-03/v1/", "Hackney profile, March 2026", "2 June 2026", "One file was counted twice."):
        assert part in said
    folder = hub / "hackney" / ("latest" if latest else "2026-03/v1")
    _hub.write(hub, made(hub))
    (folder / "index.html").write_text(text)
    for address in page.xpath("//@href"):
        if ":" not in address and not address.startswith("#"):
            assert (folder / address).resolve().is_file(), address
    assert ("hackney/latest" in text) is not latest
    assert page.xpath("//link[@rel='canonical']/@href") == ["../2026-03/v1/index.html" if latest else "index.html"]
