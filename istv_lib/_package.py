"""What a computer should know of a public page: its ``datapackage.json`` (Frictionless, with DCAT terms)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from istv_lib import _clean, _stamps, disclosure, months, params, places, schema, store
from istv_lib._page import Page

PROGRAMME = "Information Sharing to Tackle Violence (ISTV)"
MONTHLY = "http://publications.europa.eu/resource/authority/frequency/MONTHLY"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
}
_DATASET = {  # terms of DCAT and our names
    "dct:title": "title", "dct:description": "description", "dct:modified": "created", "dcat:version": "version",
    "dcat:keyword": "keywords", "dcat:landingPage": "homepage",
}  # fmt: skip
_DISTRIBUTION = {
    "dct:title": "title", "dcat:downloadURL": "path", "dcat:mediaType": "mediatype", "dcat:byteSize": "bytes"
}  # fmt: skip
MARKS = "; ".join(f"{symbol} {words}" for symbol, words in disclosure.SYMBOLS.items())
ROW = (
    "One row is a figure of a place in a period, perhaps of a group. A figure that is withheld is empty in 'value'; "
    f"'symbol' and 'shown' say why: {MARKS}."
)
_GATE = {  # columns that the gate adds; the symbols in them are not missing values
    "rule": "rule of disclosure control by which the figure is shown",
    "symbol": "marks that apply to the figure, with spaces between",
    "shown": "the figure as it is printed, with its marks",
}
_TYPES = {schema.TEXT: "string", schema.COUNT: "integer", schema.NUMBER: "number", schema.FLAG: "boolean"}
_COUNTED = ("value", "lower", "upper", "expected", "limit_low", "limit_high")
_SHARES = ("coverage", "share_used")


def package(
    page: Page,
    blocks: list[_stamps.Block],
    files: Mapping[str, bytes],
    *,
    release: Mapping[str, str],
    issued: str,
    form: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of ``datapackage.json``; nothing in it differs between two runs on the same data.

    ``files`` holds ``index.html`` and each table's CSV by name, ``release`` the date, ``at``, kind and reason of this
    version, ``issued`` the date of the first one.
    """
    facts, synthetic = params.file("release"), page.kind == "synthetic"
    publisher = facts["demonstration"]["publisher"] if synthetic else facts["publisher"]
    tables = [block for block in blocks if block.kind == "table"]
    lead, trend = _stamps.headline(blocks).data["text/markdown"], _trend(tables)
    about = {
        "name": f"istv-{page.slug}-{page.month}-v{page.version}",
        "title": ("SYNTHETIC: " if synthetic else "") + f"{page.title}: {PROGRAMME}",
        "description": _clean.plain(lead),
        "version": str(page.version),
        "created": release["date"],
        "keywords": facts["keywords"],
        "homepage": facts["homepage"],
        "licenses": [facts["licence"]],
        "sources": _sources(tables, facts, synthetic=synthetic),
        "contributors": [{"title": publisher, "role": "publisher"}, {"title": form["analyst"], "role": "author"}]
        + [{"title": form[who], "role": "contributor"} for who in ("assurer", "approver")],
        "temporal": {"start": _first_month(tables, page.month), "end": page.month},
        "resources": [_resource(block, page.kind, files) for block in tables],
    }
    own = "slug area area_name month month_label version status kind audience notebook rule_note".split()
    istv = {name: getattr(page, name) for name in own} | {
        "heading": page.title,
        "headline": lead,
        "geography": _geography(page, trend["place"]),
        "synthetic": synthetic,
        "rules": sorted({block.rule for block in blocks}),
        "coverage_note": _clean.plain(_stamps.coverage_note(blocks)),
        "blocks": [{name: getattr(b, name) for name in "name kind title release digest".split()} for b in blocks],
        "trend": trend,
        "release": release,
        "form": form,
        "provenance": provenance,
        "page": measured(files["index.html"]),
        "withdrawn": None,
    }
    istv |= {name: facts[name] for name in ("standing", "quality", "contact")}
    return about | {"dcat": _dcat(about, issued, istv["geography"], publisher), "istv": istv}


def measured(content: bytes) -> dict[str, Any]:
    """Return name, size and sha256 of the page itself."""
    return {"name": "index.html", "bytes": len(content), "sha256": store.sha256(content)}


def _first_month(tables: list[_stamps.Block], month: str) -> str:
    starts = (row.get("period_start") for table in tables for row in _stamps.rows(table))
    return min((start for start in starts if start), default=month)


def _geography(page: Page, code: str) -> str:
    """Return the place in words; of a case study, that of its months."""
    table = places.boroughs()
    named = dict(zip(table["gss"], table["name"], strict=True)).get(code, "")
    name = named if page.door == "cases" else page.area_name.removesuffix("London")
    return f"{name}, London" if name else "London"


def _sources(tables: list[_stamps.Block], facts: dict[str, Any], *, synthetic: bool) -> list[dict[str, str]]:
    if synthetic:
        return [{"title": facts["demonstration"]["source"]}]
    codes = {row.get("source") for table in tables for row in _stamps.rows(table)}
    return [told for code, told in facts["sources"].items() if code in codes]


def _resource(block: _stamps.Block, kind: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    path = _stamps.csv_name(block.name, kind)
    units = {row.get("unit", "") for row in _stamps.rows(block)}
    unit = units.pop() if len(units) == 1 else ""
    header = files[path].decode("utf-8").partition("\n")[0].split(",")
    return {
        "name": block.name,
        "path": path,
        "title": block.title,
        "description": ROW,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(files[path]),
        "hash": f"sha256:{store.sha256(files[path])}",
        "schema": {"fields": [field(name, unit) for name in header], "missingValues": ["", *disclosure.SYMBOLS]},
    }


def field(name: str, unit: str = "") -> dict[str, Any]:
    """Return a column's field of the Table Schema, after ``schema.FINDING``; ``unit`` is that of the counts."""
    title = name.replace("_", " ").capitalize()
    column = next((c for c in schema.FINDING.columns if c.name == name), None)
    if column is None:  # a field's own missing values are of version 2 of the specification; others overlook them
        return {"name": name, "type": "string", "title": title, "description": _GATE.get(name, title)} | (
            {"missingValues": [""]} if name in _GATE else {}
        )
    kind = "yearmonth" if name.startswith("period_") else _TYPES[column.dtype]
    found: dict[str, Any] = {"name": name, "type": kind, "title": title, "description": column.meaning}
    if name in _SHARES or (unit and name in _COUNTED):
        found["unit"] = "share, 0 to 1" if name in _SHARES else unit
    limits = ({"required": True} if not column.nullable else {}) | ({"enum": [*column.codes]} if column.codes else {})
    return found | ({"constraints": limits} if limits else {})


def _dcat(about: dict[str, Any], issued: str, geography: str, publisher: str) -> dict[str, Any]:
    """Return the same facts in the words of DCAT-AP."""
    start, end = about["temporal"].values()
    return {term: about[name] for term, name in _DATASET.items()} | {
        "@context": CONTEXT,
        "@type": "dcat:Dataset",
        "dct:issued": issued,
        "dct:temporal": {"dcat:startDate": f"{start}-01", "dcat:endDate": f"{end}-{months.days_in(end):02d}"},
        "dct:spatial": geography,
        "dct:accrualPeriodicity": MONTHLY,
        "dct:license": about["licenses"][0]["path"],
        "dct:publisher": {"foaf:name": publisher},
        "dcat:temporalResolution": "P1M",
        "dcat:distribution": [
            {term: file[name] for term, name in _DISTRIBUTION.items()} for file in about["resources"]
        ],
    }


def _trend(tables: list[_stamps.Block]) -> dict[str, Any]:
    """Return the released months of a page's place: those of the first place in its table named "months"."""
    rows = [row for table in tables if table.name == "months" for row in _stamps.rows(table) if not row.get("stratum")]
    place, unit = (rows[0].get(name, "") if rows else "" for name in ("place", "unit"))
    rows = [row for row in rows if row.get("place", "") == place and row.get("period_start") == row.get("period_end")]
    points = [[row["period_start"], _number(row.get("value", "")), row.get("symbol", "")] for row in rows]
    return {"place": place, "unit": unit, "points": points}


def _number(text: str) -> float | int | None:
    number = float(text or "nan")
    return int(number) if number.is_integer() else number if text else None


def withdrawn(package: Mapping[str, Any], date: str, reason: str, tombstone: bytes) -> dict[str, Any]:
    """Return the package of a page that was withdrawn: what it was, when and why it went, and no number of it."""
    told = f"Withdrawn on {date}: {reason}"
    gone = {"withdrawn": {"date": date, "reason": reason}, "headline": "", "coverage_note": ""}
    gone |= {"trend": package["istv"]["trend"] | {"points": []}, "page": measured(tombstone)}
    dcat = package["dcat"] | {"dct:description": told, "dct:modified": date, "dcat:distribution": []}
    return {**package, "description": told, "resources": [], "dcat": dcat, "istv": package["istv"] | gone}
