"""A small made London for the tests of the place finder: names, sites, records."""

from pathlib import Path

import pandas as pd
import yaml

from istv_lib import _venues, gazetteer, geocode, params, places

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "locations.yml").read_text("utf-8"))
SITES = pd.DataFrame(
    {
        "site_code": ["SYN-N", "SYN-S", "SYN-E", "SYN-0"],
        "easting": ["521000", "540000", "535500", ""],
        "northing": ["184000", "169000", "185000", ""],
    }
)
RULES = params.defaults()
WHOLE = RULES.replaced(street_names_whole=0)  # the small list counts as whole: no street is doubted for its distance


def streets(*points):
    """Streets of (name, x, y)."""
    table = pd.DataFrame(points, columns=["name", "x", "y"])
    return gazetteer.streets(table.assign(borough_gss=places.borough_of(table["x"], table["y"]), n=1))


def venues(*points):
    """Pubs of (name, x, y) or (name, x, y, address)."""
    table = pd.DataFrame([(*p, "")[:4] for p in points], columns=["display", "x", "y", "address1"])
    return _venues.rows(table.assign(kind="venue", type="pub"), source="made", licence="MIT")


def cases_world():
    """The names of tests/cases/locations.yml with those that ship."""
    roads = streets(*[(p["name"], p["x"], p["y"]) for p in CASES["streets"]])
    pubs = venues(*[(p["name"], p["x"], p["y"], p.get("street", "")) for p in CASES["venues"]])
    return gazetteer.build(gazetteer.embedded(), roads, pubs)


def matcher(*tables, rules=WHOLE, decisions=None):
    return geocode.Matcher(gazetteer.build(*tables), SITES, rules=rules, decisions=decisions)


def ask(finder, texts, sites="SYN-N"):
    """Answers to texts, of one site, of one each, or (None) of none."""
    texts = pd.Series(list(texts), dtype="str")
    return finder.match(texts, None if sites is None else pd.Series(sites, index=texts.index, dtype="str"))


def records(texts, types="unknown", site="SYN-N"):
    texts = list(texts)
    frame = pd.DataFrame({"location_text": pd.Series(texts, dtype="str"), "location_type": types, "site_code": site})
    frame["record_id"] = [f"r{i}" for i in range(len(frame))]
    return frame.assign(submission_id="s", month="2024-01", synthetic=True)
