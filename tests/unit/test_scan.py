"""The scan of public bytes: what it finds wherever it hides, what it leaves alone, and canaries from file to page."""

import base64
import binascii
import copy
import gzip
import io
import json
import shutil
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import _outline, disclosure, params, pipeline, places, scan, schema, store, synth, tally
from tests.conftest import CAMDEN, HACKNEY, make_events, make_roster, make_site_months

VENUE, ID, TIME, POINT = "the Quorvane Ferret", "0f1e2d3c4b5a6978", "2024-09-03 03:14", "531207,181744"
DEGREES = "51.512345,-0.123456"
TEXTS = [VENUE, ID, TIME, POINT, DEGREES]
CELLS = [
    ("london", "2024-03", "2024-03", "", "", 1737, True),
    ("london", "2024-04", "2024-04", "", "", 2022, True),
    (CAMDEN, "2024-01", "2024-12", "weapon_group", "knife", 3, False),
    (CAMDEN, "2024-05", "2024-05", "", "", 5, False),
]
VALUES = pd.DataFrame(CELLS, columns=[*scan.CELL, "value", "anywhere"])
HEAD = "measure,unit,source,place,period_start,period_end,stratum_dim,stratum,shown,value,n\n"


def page(body):
    return f"<!doctype html><html lang='en-GB'><head><title>x</title></head><body>{body}</body></html>"


def found(folder, **files):
    """Kinds and numbers of the hits in some files, given by name with ``__`` for the dot."""
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    hits = scan.scan(folder, TEXTS, VALUES)
    return set(zip(hits["kind"], hits["number"], strict=True))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", binascii.crc32(kind + body))


def png(*chunks, after=b""):
    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    inside = [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", zlib.compress(b"\0\0")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(inside) + after


def zipped(name, content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


SECRET = VENUE.encode()
PICTURE = png(chunk(b"tEXt", b"Comment\0" + SECRET))


# ---- words, ids, times and points ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", page(f"<p>{VENUE}</p>")),
        ("a.html", page("<p>THE  Quorvane\n<b>Fer</b>ret</p>")),
        ("a.html", page("<p>the&nbsp;Quor&#118;ane &#70;erret</p>")),
        ("a.html", page("<p>the Quor\u200bvane\u2009Ferret</p>")),
        ("a.html", page(f"<!-- {VENUE} -->")),
        ("a.html", page(f"<p title='{VENUE}'>x</p>")),
        ("a.html", page("<a href='the%20quorvane%20ferret/index.html'>x</a>")),
        ("a.html", page("<a href='the-quorvane-ferret/'>x</a>")),
        ("a.html", page(f"<script>let x = '{VENUE}'</script>")),
        ("a.html", page(f"<style>/* {VENUE} */</style>")),
        ("a.html", page(f"<svg><title>{VENUE}</title></svg>")),
        ("a.html", page("x") + f"<!-- {VENUE}"),
        ("a.html", page(f"<img src='data:image/png;base64,{base64.b64encode(PICTURE).decode()}'>")),
        ("a.html", page(base64.b64encode(b"0123456789" * 10 + b" " + SECRET).decode())),
        ("a.csv", f"place,note\nx,{VENUE}\n"),
        ("a.csv", f"{VENUE},note\nx,y\n"),
        ("a.csv", f'place,note\nx,"{VENUE}\n'),
        ("a.json", json.dumps({"a": [{"b": VENUE}]})),
        ("a.json", json.dumps({VENUE: 1})),
        ("a.json", '{"a": "the \\u0051uorvane Ferret"}'),
        ("a.json", f"not json {VENUE}"),
        ("feed.xml", f"<feed xmlns='http://www.w3.org/2005/Atom'><title>{VENUE}</title></feed>"),
        ("feed.xml", "<feed><content type='html'>the &lt;b&gt;Quorvane&lt;/b&gt; Ferret&lt;/p&gt;</content></feed>"),
        ("feed.xml", f"<feed><link href='x' title='{VENUE}'/></feed>"),
        ("robots.txt", f"# {VENUE}\n"),
        ("robots.txt", VENUE.encode("utf-16")),
        ("CNAME", VENUE),
        ("a.png", PICTURE),
        ("a.png", png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)))),
        ("a.png", png(chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(SECRET)))),
        ("a.png", png(chunk(b"eXIf", b"Exif\0\0MM\0*\0\0\0\x08" + SECRET))),
        ("a.png", png(after=SECRET)),
        ("a.png", png(after=png(chunk(b"tEXt", b"Comment\0" + SECRET)))),
        ("a.csv.gz", gzip.compress(f"note\n{VENUE}\n".encode(), mtime=0)),
        ("a.zip", zipped("inner/a.json", json.dumps([VENUE]))),
        ("a.zip", zipped("the_quorvane_ferret.txt", "x")),
        ("a.zip", zipped("a.png", PICTURE)),
    ],
)  # fmt: skip
def test_words_are_found_wherever_they_hide(tmp_path, name, content):
    assert found(tmp_path, **{name.replace(".", "__"): content}) == {("text", 0)}


def test_a_name_of_a_file_or_folder_is_found_and_never_told(tmp_path):
    (tmp_path / "The_Quorvane-Ferret").mkdir()
    (tmp_path / "The_Quorvane-Ferret" / "1737.txt").write_text("x")
    (tmp_path / "a.json").write_text(json.dumps({VENUE: {"n": 1737}}))
    hits = scan.scan(tmp_path, TEXTS, VALUES)
    assert set(hits["kind"]) == {"text", "value"}
    assert not hits["file"].str.contains("uorvane|1737").any()
    assert not hits["place"].str.contains("uorvane|1737").any()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (f"record {ID.upper()}.", 1),
        (f"x_{ID}_y".replace("_", "-"), 1),
        ("2024-09-03T03:14:00Z", 2),
        ("03/09/2024 03:14", 2),
        ("531207, 181744", 3),
        ("x=531207.4 y=181744.9", 3),
        ("51.51234 -0.12346", 4),
    ],
)
def test_ids_times_and_points_are_found(tmp_path, text, number):
    assert found(tmp_path, a__html=page(f"<p>{text}</p>")) == {("text", number)}
    (tmp_path / "a.html").unlink()
    assert found(tmp_path, a__json=json.dumps({"a": text})) == {("text", number)}


def test_points_are_found_in_neighbouring_cells_and_values(tmp_path):
    assert found(tmp_path, a__csv="x,y\n531207.0,181744.0\n") == {("text", 3)}
    assert found(tmp_path, a__csv="x,y\n1,2\n", b__json='{"x": 531207, "y": 181744}') == {("text", 3)}


@pytest.mark.parametrize(
    "text",
    ["Quorvane Ferret", "the Quorvane Ferrets", f"{ID}00", f"sha256 {ID * 4}", "2024-09-03 03:15", "181744 531207"],
)  # fmt: skip
def test_what_is_only_like_it_is_left_alone(tmp_path, text):
    assert found(tmp_path, a__html=page(f"<p>{text}</p>"), b__csv=f"a\n{text}\n", c__txt=text) == set()


# ---- counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["1737", "1,737", "1 737", "1&nbsp;737", "1&thinsp;737", "1&#8239;737", "1&#x2019;737", "1737.0", "1,737.00",
     "<b>1</b>,737", "1,<wbr>737", "１７３７", "(1737)", "1,500-1,737", "about 1,737.", "1737;", "2,022"],
)  # fmt: skip
def test_an_exact_count_is_found_in_each_spelling(tmp_path, text):
    number = 1 if "022" in text else 0
    assert found(tmp_path, a__html=page(f"<table><tr><td>x</td><td>{text}</td></tr></table>")) == {("value", number)}


@pytest.mark.parametrize(
    "text",
    ["a1737f", "11737", "17370", "1737.5", "0.1737", "1,7370", "21,737", "1,737,000", "1737px", "1737%", "#173712",
     "2022", "in 2022.", "1,735", "1</td><td>737", "1737th"],
)  # fmt: skip
def test_a_longer_number_a_code_or_a_year_is_left_alone(tmp_path, text):
    assert found(tmp_path, a__html=page(f"<table><tr><td>{text}</td></tr></table>")) == set()


def test_sizes_coordinates_of_drawings_and_counts_of_crimes_are_left_alone(tmp_path):
    svg = '<svg width="1737" viewBox="0 0 1737 9" class="x"><text x="1737" y="3">A</text></svg>'
    sizes = [{"bytes": 1737, "dcat:byteSize": 1737, "hash": "sha256:1737"}]
    about = json.dumps({"resources": sizes, "istv": {"form": {"attack": {"small_counts": 1737, "sums": 1737}}}})
    police = HEAD + f"violence_offences,crime,mps,{CAMDEN},2024-05,2024-05,,,5,5,1737\n"
    sites = f"sites_sent,site,ed,{CAMDEN},2024-05,2024-05,,,5,5,5\n"
    note = "<p>n = 1,737 offences in the months shown.</p>"
    assert found(tmp_path, a__html=page(svg + note), datapackage__json=about, a__csv=police + sites) == set()
    assert found(tmp_path, a__csv="a,b\n1,737\n") == set()
    assert found(tmp_path, a__html=page("<p>1,737 attendances, 1,736,001,737 offences</p>")) == {("value", 0)}


@pytest.mark.parametrize(
    ("row", "hits"),
    [
        (f"attendances,attendance,ed,{CAMDEN},2024-01,2024-12,weapon_group,knife,3,3,900", {("value", 2)}),
        (f"attendances,attendance,ed,{CAMDEN},2024-01,2024-12,weapon_group,knife,3 [p],,900", {("value", 2)}),
        (f"attendances,attendance,ed,{CAMDEN},2024-01,2024-12,weapon_group,knife,,3.0,900", {("value", 2)}),
        (f"attendances,attendance,ed,{CAMDEN},2024-01,2024-12,weapon_group,knife,[c],,", set()),
        (f"attendances,attendance,ed,{CAMDEN},2024-01,2024-12,weapon_group,blunt,3,3,900", set()),
        (f"attendances,attendance,ed,{CAMDEN},2024-05,2024-05,,,5,5,", {("value", 3)}),
        ("attendances,attendance,ed,london,2024-03,2024-03,,,,,1737", {("value", 0)}),
        ("attendances,attendance,ed,london,2024-04,2024-04,,,2022,2022,", {("value", 1)}),
        ("attendances,attendance,ed,london,2024-03,2024-03,,,1735,1735,1735", set()),
    ],
)
def test_a_row_is_held_against_its_own_cell(tmp_path, row, hits):
    assert found(tmp_path, a__csv=HEAD + row + "\n") == hits


def test_the_trend_in_a_description_is_held_against_its_cells(tmp_path):
    points = [["2024-04", 2020, ""], ["2024-05", 5, ""], ["2024-06", None, "[c]"]]
    told = {"istv": {"trend": {"place": CAMDEN, "unit": "attendance", "points": points}}}
    assert found(tmp_path, datapackage__json=json.dumps(told)) == {("value", 3)}
    points[1][1] = None
    assert found(tmp_path, datapackage__json=json.dumps(told)) == set()


@given(st.integers(1_000, 99_999), st.integers(1_000, 99_999), st.sampled_from("{} {:,}".split()))
def test_a_count_is_found_when_and_only_when_it_stands_there(secret, shown, form):
    counts = pd.DataFrame([("london", "2024", "2024", "", "", secret, True)], columns=VALUES.columns)
    hits = scan._Needles([], counts).find(f"There were {form.format(shown)} in all.", "counts")
    year = form == "{}" and shown in scan._YEARS
    assert bool(hits) == (secret == shown and not year)


# ---- drawings and files that cannot be read --------------------------------------------------------------


@pytest.fixture
def hub(tmp_path):
    """A hub with one released trend."""
    about = {
        "istv": {
            "trend": {"place": "x", "points": [["2024-01", 40, ""], ["2024-02", None, "[c]"], ["2024-03", 45, ""]]}
        }
    }
    folder = tmp_path / "camden" / "2024-03" / "v1"
    folder.mkdir(parents=True)
    (folder / "datapackage.json").write_text(json.dumps(about))
    return tmp_path


def drawn(hub, path, **attributes):
    told = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return found(hub, index__html=page(f'<svg {told}><path d="{path}"/></svg>'))


def test_the_outline_of_london_and_a_released_trend_may_be_drawn(hub):
    assert drawn(hub, _outline.shapes()["land"]) == set()
    assert drawn(hub, "M0 -40h0M2 -45h0", **{"class": "spark"}) == set()
    assert drawn(hub, "M7 -45h0") == set()


@pytest.mark.parametrize("path", ["M0 -41h0M2 -45h0", "M0 -40L1 -43L2 -45", "M0 -40h0M3 -45h0", "M0 0l5 -5", ""])
def test_any_other_drawing_is_found(hub, path):
    assert drawn(hub, path) == {("drawing", -1)}


def test_shapes_svg_pictures_and_other_files_are_found(tmp_path):
    assert found(tmp_path, a__html=page('<svg><circle r="3"/></svg>')) == {("drawing", -1)}
    assert found(tmp_path, a__html=page("<img src='data:image/svg+xml;base64,PHN2Zz4='>")) == {("drawing", -1)}
    assert found(tmp_path, a__html=page(""), b__svg="<svg/>") == {("file", -1)}
    (tmp_path / "b.svg").unlink()
    assert found(tmp_path, a__parquet=b"PAR1") == {("file", -1)}


def test_packed_files_that_break_or_never_end_are_found(tmp_path):
    assert found(tmp_path, a__zip=b"PK\x03\x04broken") == {("file", -1)}
    deep = b"x"
    for _ in range(7):
        deep = zipped("a.zip", deep)
    assert found(tmp_path, a__zip=deep) == {("file", -1)}
    assert found(tmp_path, a__zip=b"", a__gz=gzip.compress(bytes(60_000_000))) == {("file", -1)}


# ---- from a store ----------------------------------------------------------------------------------------

COUNTS = {("A", "2024-03", CAMDEN): 1003, ("A", "2024-03", ""): 734, ("B", "2024-04", HACKNEY): 3}


@pytest.fixture
def where(tmp_path):
    """A root of real data with two sites."""
    events = make_events(COUNTS).assign(synthetic=False)
    events["x"], events["y"] = 531207.0, 181744.0
    said = ["Quorvane Ferret Yard", "in Hammersmith & Fulham", "near Oxford Circus station", "in the street"]
    records = pd.DataFrame(
        {"record_id": events["event_id"], "location_text": [said[k % 4] for k in range(len(events))]}
    )
    kept = "submission_id row_no site_code month synthetic arrival_at method location_type".split()
    records = records.join(events[kept]).assign(shape="isb1594", arrival_at=pd.Timestamp("2024-03-10 21:31"))
    records["record_id"] = [f"{k:016x}" for k in range(len(events))]
    root = store.Root(tmp_path / "london")
    store.save(root, "events", events, source="ed")
    store.save(root, "conformed", schema.conform(records, "conformed"))
    states = make_site_months(events, ["A", "B"], ["2024-03", "2024-04"], {}).assign(synthetic=False)
    store.save(root, "site_months", states)
    root.reference.mkdir(parents=True)
    roster = make_roster([("A", "", ""), ("B", "", "")]).assign(synthetic="no", name=["Quorvane General", "B"])
    roster.to_csv(root.reference / "sites.csv", index=False)
    root.hub.mkdir()
    return root


def test_exact_counts_are_those_of_the_store(where):
    table = scan.values(where)
    told = {tuple(row) for row in table[[*scan.CELL, "value"]].to_numpy()}
    assert ("london", "2024-03", "2024-03", "", "", 1737) in told
    assert ("london", "2024-01", "2024-12", "", "", 1740) not in told
    assert (CAMDEN, "2024-01", "2024-12", "weapon_group", "body", 1003) in told
    assert (HACKNEY, "2024-04", "2024-04", "", "", 3) in told
    assert (places.NOT_KNOWN, "2024-03", "2024-03", "", "", 734) not in told
    assert set(table.loc[table["anywhere"], "value"]) == {1003, 1737}


def test_a_count_of_open_police_data_is_not_looked_for_in_texts(where):
    police = make_events({("", "2024-03", CAMDEN): 1003}).assign(source="mps", unit="crime", site_code="")
    police = police.assign(category="Violence and sexual offences", method=None, location_type=None, arrival_at=pd.NaT)
    store.save(where, "events", police, source="mps")
    assert set(scan.values(where).query("anywhere")["value"]) == {1737}


@pytest.mark.parametrize("text", ["Quorvane Ferret Yard", "2024-03-10 21:31", POINT, "1,737", "1003", f"{0:016x}"])
def test_real_data_are_found_without_any_canary(where, text):
    (where.hub / "index.html").write_text(page(f"<p>{text}</p>"))
    (told,) = scan.check(where.hub, where)
    assert told.startswith("'index.html' (")
    assert told.endswith(".")
    assert text not in told


def test_names_of_places_and_words_of_documents_are_public(where):
    said = "In Hammersmith & Fulham, near Oxford Circus station, in the street; in 2024 about 1,735. 2024-03-10 09:30"
    (where.hub / "index.html").write_text(page(f"<p>{said}</p>"))
    assert scan.check(where.hub, where) == []


def test_a_page_of_findings_that_no_rule_controls_is_found_and_a_controlled_one_is_not(where):
    """With the gate disabled, hits of every kind; with it, none."""
    months = pd.DataFrame({"value": [1737.0, 3.0], "n": [1737.0, 3.0]})
    span = pd.Series(["2024-03", "2024-04"])
    findings = tally.as_findings(months, span, "london", synthetic=False, method="count")
    open_gate = copy.deepcopy(params.file("disclosure"))
    open_gate["audiences"]["public"] = "internal_exact"
    kinds = {}
    for rules in (params.file("disclosure"), open_gate):
        table = disclosure.release(findings, "public", rules=rules, decisions=()).table
        table.to_csv(where.hub / "months.csv", index=False)
        raw = "" if rules is not open_gate else store.load("conformed", where=where).head(1).to_html()
        (where.hub / "index.html").write_text(page(table[["place", "shown"]].to_html() + raw))
        kinds[rules is open_gate] = scan.check(where.hub, where)
    assert kinds[False] == []
    assert len(kinds[True]) == 3
    assert sum("exact count" in told for told in kinds[True]) == 2
    assert sum("of a record" in told for told in kinds[True]) == 1


# ---- canaries of the synthetic London --------------------------------------------------------------------


@pytest.fixture(scope="module")
def london(tmp_path_factory):
    """A root with the files of the small world that hold canaries, taken in, and the list of them."""
    root = store.Root(tmp_path_factory.mktemp("root"))
    profiles = {site: params.file(f"hospitals/{site}") for site in synth.sites_needed("small")}
    world = dict(synth.files(params.file("layouts"), profiles, scale="small"))
    truth = pd.read_csv(io.BytesIO(world["truth/truth.csv"]), dtype=str, keep_default_na=False)
    planted = pd.read_csv(io.BytesIO(world[synth.CANARIES]), dtype=str)
    held = {path for path, content in world.items() if path.startswith("incoming/SYN") and holds(content, planted)}
    known = truth[truth["record_id"].isin(planted["text"])]
    held |= {f"incoming/{file}" for file in known["file"]} | {p for p in world if p.startswith(("reference", "truth"))}
    for path in held | {"incoming/received.csv", "incoming/synthetic.csv"}:
        store.write(root.path / path, world[path])
    pipeline.take_in(root)
    return root, planted


def holds(content, planted):
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in book.namelist())
    plain = content.replace(b"\0", b"")
    return any(text.encode() in plain for text in planted["text"])


def test_each_canary_is_in_the_store_in_the_column_that_is_said(london):
    root, planted = london
    assert planted["kind"].value_counts().to_dict() == {
        "location_text": 10, "record_id": 6, "arrival_at": 6, "method_other": 3,
    }  # fmt: skip
    for row in planted.itertuples():
        table, column = row.where.split(".")
        cells = store.load(table, where=root)[column].astype(str)
        assert cells.str.contains(row.text, regex=False).any(), row.text


def test_planted_texts_name_no_place_and_hold_no_personal_data(london):
    root, planted = london
    records = store.load("conformed", where=root)
    there = records[records["location_text"].isin(planted["text"]) | records["method_other"].isin(planted["text"])]
    assert not there["flags"].str.contains("personal_data").any()
    places_of = store.load("located", where=root).set_index("record_id")["precision_class"]
    venues = there.loc[there["location_text"].isin(planted["text"]), "record_id"]
    assert set(places_of[venues]) <= {"none", "home", "mobile"}


def test_each_canary_on_a_page_is_found_and_a_clean_page_is_not(london, tmp_path):
    root, planted = london
    clean = page("<p>In December 2024 Lambeth had about 45 attendances near Brixton station.</p>")
    (tmp_path / "index.html").write_text(clean)
    assert scan.check(tmp_path, root) == []
    for row in planted.itertuples():
        (tmp_path / f"{row.Index}.html").write_text(page(f"<p>{row.text}</p>"))
    assert len(scan.check(tmp_path, root)) == len(planted)


# ---- speed -----------------------------------------------------------------------------------------------


def test_many_files_and_texts_take_little_time(tmp_path):
    texts = [f"{a} {b} Row {c}" for a in "Amber Barley Cinder".split() for b in range(100) for c in range(200)]
    rows = "".join(f"<tr><td>{k:,}</td><td>Month {k} of Amber Row</td></tr>" for k in range(300))
    picture = base64.b64encode(png(chunk(b"IDAT", bytes(30_000)))).decode()
    body = f"<img src='data:image/png;base64,{picture}'><table>{rows}</table>"
    (tmp_path / "0.html").write_text(page(body))
    for k in range(1, 100):
        shutil.copy(tmp_path / "0.html", tmp_path / f"{k}.html")
    began = time.process_time()
    assert scan.scan(Path(tmp_path), texts, VALUES).empty
    assert time.process_time() - began < 6
