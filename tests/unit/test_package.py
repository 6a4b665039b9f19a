"""The description of a page for computers, checked against the rules of Frictionless that matter."""

import copy
import csv
import io
import json
import re

import pandas as pd
import pytest

from istv_lib import _package, _stamps, disclosure, params, schema, store, tables
from tests.unit.made_pages import cell, headline, notebook, page

CSV = "months-SYNTHETIC.csv"
RELEASE = {"date": "2026-05-07", "at": "09:30", "kind": "scheduled", "reason": ""}
FORM = {"analyst": "A. One", "assurer": "B. Two", "approver": "C. Three", "context": "x", "notes": ""}
FORM |= {"rule": "nhs_hes", "attack": {"result": "passed"}}
CASTS = {
    "string": str,
    "number": float,
    "integer": int,
    "boolean": {"True": True, "False": False, "true": True, "false": False}.__getitem__,
    "yearmonth": lambda text: pd.Period(re.fullmatch(r"\d{4}-\d{2}", text)[0]),
}


def released(values=(60, 3, 0, 40), **over):
    """Return findings of Camden by month, released to the public."""
    starts = [f"2026-0{n}" for n in range(1, len(values) + 1)]
    frame = pd.DataFrame({"value": values, "n": values, "period_start": starts, "period_end": starts})
    frame = frame.assign(
        measure="attendances", unit="attendance", source="ed", place_type="borough", place="E09000007", status="final",
        method="expected_nb", synthetic=True, coverage=0.95, expected=40.0, limit_low=20.0, limit_high=60.0, **over,
    )  # fmt: skip
    return disclosure.release(schema.conform(frame, "finding"), "public", decisions=())


def made(*blocks, **about):
    """Return a package, its files by name, and the blocks, of a page with these tables."""
    outputs = []
    for block in blocks or (tables.by_month(released(), title="Attendances"),):
        data, meta = block._repr_mimebundle_()
        outputs.append({"output_type": "display_data", "data": data, "metadata": meta})
    found = _stamps.blocks(notebook(cell(*outputs), lead=headline()))
    told = page(version=2, month="2026-04", month_label="April 2026", **about)
    files = {_stamps.csv_name(b.name, told.kind): _stamps.csv_file(b) for b in found if b.kind == "table"}
    files |= {"index.html": b"<html></html>"}
    given = {"release": RELEASE, "issued": "2026-05-07", "form": FORM, "provenance": {"code_version": "abc"}}
    package = _package.package(told, found, files, **given)
    return json.loads(json.dumps(package)), files, found


def faults(package, files):
    """Yield where a package breaks a rule of Data Package, Data Resource, Tabular Data Resource or Table Schema."""
    names = [r["name"] for r in package["resources"]]
    if len(set(names)) < len(names) or not all(re.fullmatch(r"[a-z0-9._-]+", n) for n in [*names, package["name"]]):
        yield "names"
    for resource in package["resources"]:
        path = resource["path"]
        if path.startswith("/") or ".." in path.split("/") or ":" in path or path not in files:
            yield "path"
            continue
        if resource["bytes"] != len(files[path]) or resource["hash"] != "sha256:" + store.sha256(files[path]):
            yield "bytes or hash"
        if (resource["profile"], resource["encoding"]) != ("tabular-data-resource", "utf-8"):
            yield "profile"
        header, *rows = csv.reader(io.StringIO(files[path].decode(resource["encoding"])))
        fields = resource["schema"]["fields"]
        if [f["name"] for f in fields] != header or len(set(header)) < len(header):
            yield "header"
            continue
        missing = resource["schema"]["missingValues"]
        cells = (cell_fault(*pair, missing) for row in rows for pair in zip(fields, row, strict=True))
        yield from filter(None, cells)


def cell_fault(field, text, missing):
    limits = field.get("constraints", {})
    if text in field.get("missingValues", missing):
        return f"{field['name']} is missing" if limits.get("required") else ""
    try:
        CASTS[field["type"]](text)
    except (ValueError, KeyError, TypeError):
        return f"{field['name']} is no {field['type']}"
    return f"{field['name']} is off its list" if text not in limits.get("enum", [text]) else ""


def test_a_package_keeps_the_rules_of_frictionless():
    shares = tables.by_stratum(
        released(stratum_dim="", share_used=0.8), title="Again", name="again", head="What", across="period_start"
    )
    package, files, _ = made(tables.by_month(released(), title="Attendances"), shares)
    assert list(faults(package, files)) == []
    assert [r["path"] for r in package["resources"]] == ["months-SYNTHETIC.csv", "again-SYNTHETIC.csv"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda p, f: p["resources"][0].update(name="Months"), "names"),
        (lambda p, f: p["resources"].append(p["resources"][0]), "names"),
        (lambda p, f: p["resources"][0].update(path="../months-SYNTHETIC.csv"), "path"),
        (
            lambda p, f: f.update({"months-SYNTHETIC.csv": f["months-SYNTHETIC.csv"].replace(b"60", b"65")}),
            "bytes or hash",
        ),
        (lambda p, f: p["resources"][0]["schema"]["fields"].pop(), "header"),
        (lambda p, f: p["resources"][0]["schema"]["fields"][4].update(type="number"), "place is no number"),
        (lambda p, f: p["resources"][0]["schema"]["fields"][1]["constraints"].update(enum=[]), "unit is off its list"),
    ],
)
def test_the_check_of_these_tests_finds_what_is_wrong(spoil, why):
    package, files, _ = made()
    spoil(package, files)
    assert why in list(faults(package, files))


def test_columns_are_described_as_the_schema_describes_them():
    package, _, _ = made()
    fields = {f["name"]: f for f in package["resources"][0]["schema"]["fields"]}
    assert list(fields) == tables.TIDY
    columns = {c.name: c for c in schema.FINDING.columns}
    assert {n for n in fields if n not in columns} == {"symbol", "shown", "rule"}
    assert all(fields[n]["description"] == columns[n].meaning for n in fields if n in columns)
    assert (fields["value"]["type"], fields["value"]["unit"]) == ("number", "attendance")
    assert fields["coverage"]["unit"] == "share, 0 to 1"
    assert fields["period_start"]["type"] == "yearmonth"
    assert fields["synthetic"]["type"] == "boolean"
    assert fields["status"]["constraints"]["enum"] == list(schema.FINDING_STATUSES)
    assert fields["symbol"]["missingValues"] == [""]
    assert package["resources"][0]["schema"]["missingValues"][:3] == ["", "[c]", "[x]"]
    assert _package.field("other") == {"name": "other", "type": "string", "title": "Other", "description": "Other"}


def test_title_and_description_are_plain_and_whole():
    package, _, found = made()
    assert package["title"] == (
        "SYNTHETIC: Camden borough profile, March 2026: Information Sharing to Tackle Violence (ISTV)"
    )
    assert package["description"].startswith("SYNTHETIC. In March 2026 Camden had about 60")
    assert not package["description"].startswith(package["title"][:20])
    assert package["name"] == "istv-camden-2026-04-v2"
    assert (package["version"], package["created"]) == ("2", "2026-05-07")
    assert package["licenses"][0]["title"] == "Open Government Licence v3.0"
    assert package["istv"]["headline"] == _stamps.headline(found).data["text/markdown"]


@pytest.mark.parametrize(
    ("about", "place"),
    [
        ({}, "Camden, London"),
        ({"slug": "london", "area": "london", "area_name": "London"}, "London"),
        ({"slug": "case-a", "area": "case-a", "area_name": "Night buses"}, "Camden, London"),
        ({"slug": "bcu-a", "area": "bcu-a", "area_name": "Central North"}, "Central North, London"),
    ],
)
def test_the_place_is_named_not_the_page(about, place):
    assert made(**about)[0]["istv"]["geography"] == place


def test_a_case_study_of_several_places_is_of_london():
    block = tables.by_month(released(), title="x", name="other")
    assert made(block, slug="case-a", area="case-a")[0]["dcat"]["dct:spatial"] == "London"


def test_the_words_of_dcat_say_the_same():
    package, files, _ = made()
    dcat = package["dcat"]
    assert dcat["dct:temporal"] == {"dcat:startDate": "2026-01-01", "dcat:endDate": "2026-04-30"}
    assert (dcat["dct:spatial"], dcat["dcat:temporalResolution"]) == ("Camden, London", "P1M")
    assert (dcat["dct:issued"], dcat["dct:modified"], dcat["dcat:version"]) == ("2026-05-07", "2026-05-07", "2")
    (table,) = dcat["dcat:distribution"]
    assert len(files[table["dcat:downloadURL"]]) == table["dcat:byteSize"]


def test_synthetic_releases_say_so_and_name_no_publisher_or_source_that_is_real():
    package, _, _ = made()
    facts = params.file("release")
    assert package["istv"]["synthetic"] is True
    text = json.dumps([package["sources"], package["contributors"], package["dcat"]])
    assert facts["publisher"] not in text
    assert "invented" in package["sources"][0]["title"]
    real, _, _ = made(kind="real")
    assert real["contributors"][0] == {"title": facts["publisher"], "role": "publisher"}
    assert real["sources"] == [facts["sources"]["ed"]]
    assert real["resources"][0]["path"] == "months.csv"
    assert not real["title"].startswith("SYNTHETIC")


def test_the_trend_holds_released_months_of_the_place_and_nothing_where_one_is_withheld():
    package, _, _ = made()
    trend = package["istv"]["trend"]
    assert (trend["place"], trend["unit"]) == ("E09000007", "attendance")
    assert [month for month, _, _ in trend["points"]] == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert [value for _, value, _ in trend["points"]] == [60, None, 0, 40]
    assert trend["points"][1][2] == "[c]"


def test_the_trend_leaves_out_quarters_and_groups_and_other_places():
    head = "place,unit,stratum,period_start,period_end,value,symbol\n"
    rows = [
        "a,attendance,,2026-01,2026-03,75,", "a,attendance,,2026-01,2026-01,,[c]", "b,attendance,,2026-01,2026-01,5,",
        "a,attendance,knife,2026-01,2026-01,10,", "a,attendance,,2026-02,2026-02,12.5,[p] [r]",
    ]  # fmt: skip
    block = made()[2][1]
    given = {"text/csv": head + "\n".join(rows) + "\n"}
    trend = _package._trend([_stamps.Block(**(vars(block) | {"data": given}))])
    assert trend["points"] == [["2026-01", None, "[c]"], ["2026-02", 12.5, "[p] [r]"]]
    assert _package._trend([]) == {"place": "", "unit": "", "points": []}


def test_a_withdrawn_package_keeps_what_it_was_and_lists_no_table():
    package, _, _ = made()
    before = copy.deepcopy(package)
    gone = _package.withdrawn(package, "2026-06-01", "A wrong file.", b"tomb")
    assert package == before
    assert gone["resources"] == gone["dcat"]["dcat:distribution"] == []
    assert gone["istv"]["withdrawn"] == {"date": "2026-06-01", "reason": "A wrong file."}
    assert gone["istv"]["page"] == {"name": "index.html", "bytes": 4, "sha256": store.sha256(b"tomb")}
    assert "about 60" in json.dumps(package)
    assert "about 60" not in json.dumps(gone)
    assert gone["istv"]["trend"]["points"] == []
    assert gone["description"] == gone["dcat"]["dct:description"] == "Withdrawn on 2026-06-01: A wrong file."
    assert (gone["title"], gone["istv"]["form"]) == (package["title"], package["istv"]["form"])
