"""Readers of the place-name files that users download: a byte stream in, gazetteer rows and an account out.

A helper of the verb ``istv gazetteer``. Each reader takes a binary stream and the file's name for messages, and
returns a gazetteer (EPSG:27700) and an account: ``rows_in``, ``kept``, and the rows left out by reason, which add up.
A wrong file is refused in one sentence. Places more than 5 km outside Greater London are left out.
"""

from __future__ import annotations

import csv
import functools
import io
import re
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import shapely

from istv_lib import _venues, errors, gazetteer, places

Read = tuple[pd.DataFrame, dict[str, int]]

AROUND_M, AREA_WIDEST_M = 5000, 5000
_GRID, _DEGREES = (181, 660_000, 91, 1_230_000), (-9, 3, 49, 61.5)
_POSTCODE = r"[A-Z]{1,2}[0-9][0-9A-Z]?\s*[0-9][A-Z]{2}"
_LOCAL_TYPES = {  # OS Open Names: local type to our kind and type; others are left out
    r"(?:section of )?named road": ("street", ""),
    r"town|city": ("area", "town"),
    r"suburban area": ("area", "suburb"),
    r"village|hamlet|other settlement": ("area", "locality"),
    r"railway station": ("station", "rail"),
    r"postcode": ("postcode", "unit"),
    r"hospital": ("hospital", ""),
    r".*education.*": ("venue", "school"),
    r"medical care accommodation|hospice": ("venue", "care"),
    r"(?:bus|coach) station": ("venue", "bus station"),
    r"urban greenspace": ("venue", "park"),
}
_FOOD_TYPES = "pub=pub restaurant=restaurant takeaway=takeaway retailers=shop hotel=hotel school=school hospital=care"
_STOP_TYPES = {"RLY": "rail", "RSE": "rail", "MET": "tube", "TMU": "tube"}
# Columns by their accepted spellings, compared without case, blanks and signs; what must be there first.
_VENUE = {"display": "name venue venuename businessname sitename", "type": "type category venuetype businesstype"}
_VENUE |= {"x": "easting eastings x", "y": "northing northings y", "lon": "longitude lon long lng"}
_VENUE |= {"lat": "latitude lat", "radius_m": "radiusm radius", "address1": "address1 addressline1 address street"}
_VENUE |= {name: f"{name} {name[:7]}line{name[7:]}" for name in _venues.ADDRESS[1:]}
_UNITS = {"display": "pcds", "x": "oseast1m east1m", "y": "osnrth1m north1m", "ended": "doterm"}
_STOPS = {"display": "commonname", "x": "easting", "y": "northing", "stop": "stoptype", "status": "status"}
_STOPS |= {"address1": "street", "address2": "crossing"}


def _csv(stream: BinaryIO, name: str, **how: Any) -> pd.DataFrame:
    try:
        table = pd.read_csv(stream, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False, **how)
        return table.apply(lambda column: column.str.strip())
    except UnicodeDecodeError:
        message = f"'{name}' is not in UTF-8; save it again as CSV UTF-8."
    except ValueError:  # also what pandas raises for a table it cannot split
        message = f"'{name}' cannot be read as a CSV file; download it again."
    raise errors.IntakeError(message)


def _plain(heading: str) -> str:
    return re.sub(r"[^a-z0-9]", "", heading.lower())


def _headed(stream: BinaryIO, name: str, spellings: Mapping[str, str], need: str, what: str) -> pd.DataFrame:
    """Read a CSV with a header: columns by any of their spellings, under our names; all of ``need`` must be there."""
    known = " ".join(spellings.values()).split()
    table = _csv(stream, name, usecols=lambda column: _plain(column) in known)
    plain = {_plain(column): column for column in reversed(table.columns)}
    found = {ours: plain[s] for ours, theirs in spellings.items() for s in reversed(theirs.split()) if s in plain}
    lacking = ", ".join(spellings[ours].split()[0] for ours in need.split() if ours not in found)
    if lacking:
        seen = ", ".join(found.values()) or "none that is known"
        message = f"'{name}', row 1, lacks the column {lacking} of {what} (found: {seen}); give the file as downloaded."
        raise errors.IntakeError(message)
    return table[list(found.values())].set_axis(list(found), axis=1)


def _unheaded(stream: BinaryIO, name: str, columns: Mapping[int, str], width: int, what: str) -> pd.DataFrame:
    table = _csv(stream, name, header=None)
    if table.shape[1] != width:
        message = f"'{name}' has {table.shape[1]} columns, {what} {width} without a header; give it as downloaded."
        raise errors.IntakeError(message)
    return table[list(columns)].rename(columns=columns)


@functools.cache
def _around() -> Any:
    outline = shapely.union_all(places.polygons().geometry.to_numpy()).buffer(AROUND_M)
    shapely.prepare(outline)
    return outline


def _points(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Set ``x`` and ``y`` in whole metres, also from ``lon`` and ``lat``; a file of other coordinates is refused."""
    degrees = not {"x", "y"} <= set(table)
    first, second = (pd.to_numeric(table[c], errors="coerce") for c in (("lon", "lat") if degrees else ("x", "y")))
    west, east, south, north = _DEGREES if degrees else _GRID
    there = first.notna() & second.notna() & ((first != 0) | (second != 0))
    sound = there & first.between(west, east) & second.between(south, north)
    if sound.sum() * 2 < there.sum():
        wanted = "longitude and latitude in degrees" if degrees else "British National Grid metres (EPSG:27700)"
        raise errors.IntakeError(f"'{name}' does not give {wanted} as its coordinates; convert it first.")
    x, y = first.where(sound), second.where(sound)
    x, y = places.to_bng(x, y) if degrees else (x, y)
    return table.assign(x=np.round(x), y=np.round(y))


def _take(table: pd.DataFrame, name: str, faults: Mapping[str, Any], *, tile: bool = False, **terms: str) -> Read:
    """Leave out what is faulty or far, and make rows of the rest; unless a ``tile``, nothing left is refused."""
    table = _points(table, name)
    inside = shapely.contains_xy(_around(), table["x"].to_numpy(), table["y"].to_numpy())
    faults = {**faults, "no_point": table["x"].isna(), "outside_london": ~inside}
    reason = np.select([np.asarray(mask, dtype=bool) for mask in faults.values()], list(faults), default="")
    account = {"rows_in": len(table), "kept": int((reason == "").sum())}
    account |= {fault: n for fault in faults if (n := int((reason == fault).sum()))}
    if not (account["kept"] or tile):
        message = f"'{name}' holds no usable place in or near Greater London; check the file and its coordinates."
        raise errors.IntakeError(message)
    return _venues.rows(table[reason == ""], **terms), account


def venues(stream: BinaryIO, name: str) -> Read:
    """Read a plain CSV of venues: name and easting, northing or longitude, latitude; maybe type, radius_m, address1."""
    table = _headed(stream, name, _VENUE, "display", "venues").assign(kind="venue")
    if not ({"x", "y"} <= set(table) or {"lon", "lat"} <= set(table)):
        message = f"'{name}', row 1, lacks easting and northing, or longitude and latitude; add them to each venue."
        raise errors.IntakeError(message)
    faults = {"no_name": table["display"] == ""}
    return _take(table, name, faults, source=name.partition(".")[0], licence="as the file's own")


def food_hygiene(stream: BinaryIO, name: str) -> Read:
    """Read food hygiene ratings, XML or CSV: each business as a venue with its street; those on wheels are left out."""
    content = stream.read()
    is_xml = content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<")
    parse = _food_xml if is_xml else _headed
    table = parse(io.BytesIO(content), name, _VENUE, "display type lon lat", "food hygiene ratings")
    told, ours = table["type"].str.lower(), pd.Series("", index=table.index)
    for pair in _FOOD_TYPES.split():
        ours = ours.mask(told.str.startswith(pair.split("=")[0]), pair.split("=")[1])
    faults = {"no_name": table["display"] == "", "no_fixed_place": told.str.startswith("mobile")}
    table = table.drop(columns=["x", "y"], errors="ignore").assign(kind="venue", type=ours)
    return _take(table, name, faults, source="Food Standards Agency")


def _food_xml(stream: BinaryIO, name: str, spellings: Mapping[str, str], need: str, what: str) -> pd.DataFrame:
    from defusedxml.ElementTree import ParseError, parse  # noqa: PLC0415 - only for this format

    try:
        places_ = parse(stream).iter("EstablishmentDetail")
        table = pd.DataFrame([{e.tag: e.text or "" for e in place.iter()} for place in places_]).fillna("")
    except (ParseError, ValueError):
        message = f"'{name}' cannot be read as XML; download it again from the Food Standards Agency."
        raise errors.IntakeError(message) from None
    return _headed(io.BytesIO(table.to_csv(index=False).encode()), name, spellings, need, what)


def open_names(stream: BinaryIO, name: str) -> Read:
    """Read one tile of OS Open Names: roads, settlements, stations, postcodes, schools, hospitals and parks."""
    columns = {2: "display", 7: "told", 8: "x", 9: "y", 12: "west", 13: "south", 14: "east", 15: "north"}
    table = _unheaded(stream, name, columns, 34, "OS Open Names")
    table = table.assign(kind="", type="")
    for pattern, ours in _LOCAL_TYPES.items():
        hit = (table["kind"] == "") & table["told"].str.lower().str.fullmatch(pattern)
        table["kind"], table["type"] = table["kind"].mask(hit, ours[0]), table["type"].mask(hit, ours[1])
    west, south, east, north = (pd.to_numeric(table[c], errors="coerce") for c in ("west", "south", "east", "north"))
    table["radius_m"] = (np.hypot(east - west, north - south) / 2).round()
    everyday = (table["kind"] == "street") & ~gazetteer.is_street_name(gazetteer.normalise(table["display"]))
    wide = (table["kind"] == "area") & (table["radius_m"] > AREA_WIDEST_M)
    faults = {"kind_not_used": table["kind"] == "", "everyday_name": everyday, "too_wide": wide}
    return _take(table, name, faults, tile=True, source="OS Open Names")


def greenspace(stream: BinaryIO, name: str) -> Read:
    """Read OS Open Greenspace sites (GeoPackage, zipped shapefile or GeoJSON): named ones as venues of type park."""
    import geopandas as gpd  # noqa: PLC0415 - only for this format

    content = stream.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL misses the ending of a file that is a stream
            sites = gpd.list_layers(content)["name"].str.lower().str.contains("site")
            table = gpd.read_file(content, layer=int(sites.to_numpy().argmax()))
    except Exception:
        raise errors.IntakeError(f"'{name}' cannot be read as a map file; download it again.") from None
    column = next((c for c in table.columns if c.lower().replace("_", "") in {"distname1", "distinctivename1"}), None)
    if column is None:
        raise errors.IntakeError(f"'{name}' lacks the column distName1; give the sites of OS Open Greenspace.")
    epsg, shapes = table.crs.to_epsg() if table.crs else None, table.geometry.to_numpy()
    if epsg not in {27700, 4326}:
        raise errors.IntakeError(f"'{name}' is not on the British National Grid (EPSG:27700); convert it first.")
    if epsg == 4326:
        shapes = shapely.transform(shapes, lambda pairs: np.column_stack(places.to_bng(*pairs.T)))
    middle, radius = shapely.centroid(shapes), np.sqrt(shapely.area(shapes) / np.pi).round()
    made = {"x": shapely.get_x(middle), "y": shapely.get_y(middle), "radius_m": radius, "kind": "venue", "type": "park"}
    made = pd.DataFrame(made).assign(display=table[column].fillna("").astype("str").str.strip())
    return _take(made, name, {"no_name": made["display"] == ""}, source="OS Open Greenspace")


def code_point(stream: BinaryIO, name: str) -> Read:
    """Read one file of Code-Point Open: CSV without header, 10 columns."""
    table = _unheaded(stream, name, {0: "display", 2: "x", 3: "y"}, 10, "Code-Point Open")
    return _units(table, name, "Code-Point Open", tile=True)


def postcode_directory(stream: BinaryIO, name: str) -> Read:
    """Read ONSPD or NSPL; newer releases spell their columns differently. Ended postcodes are left out."""
    table = _headed(stream, name, _UNITS, "display x y", "the postcode directory")
    return _units(table, name, "ONS postcode directory")


def _units(table: pd.DataFrame, name: str, source: str, *, tile: bool = False) -> Read:
    faults = {"postcode_unreadable": ~table["display"].str.upper().str.fullmatch(_POSTCODE)}
    faults["ended"] = table.get("ended", pd.Series("", index=table.index)) != ""
    return _take(table.assign(kind="postcode", type="unit"), name, faults, tile=tile, source=source)


def districts(table: pd.DataFrame) -> pd.DataFrame:
    """Return sectors and outcodes of a gazetteer's postcodes: means, with nine in ten units within the radius."""
    units = table.loc[table["kind"] == "postcode", ["display", "x", "y", "source"]].drop_duplicates("display")
    made = []
    for kind, off in (("outcode", 4), ("sector", 2)):
        one = units.assign(display=units["display"].str[:-off])
        middle = one.groupby("display")[["x", "y"]].transform("mean")
        one["radius_m"] = np.hypot(one["x"] - middle["x"], one["y"] - middle["y"])
        by = one.groupby(["source", "display"], as_index=False)
        made.append(by.agg(x=("x", "mean"), y=("y", "mean"), radius_m=("radius_m", lambda away: away.quantile(0.9))))
        made[-1] = made[-1].round().assign(kind="district", type=kind)
    found = pd.concat(made, ignore_index=True)
    return gazetteer.build(*(_venues.rows(part, source=source) for source, part in found.groupby("source")))


def naptan(stream: BinaryIO, name: str) -> Read:
    """Read NaPTAN stops: points of the streets that Street, Crossing and "A / B" name, and stations."""
    table = _headed(stream, name, _STOPS, "display x y stop", "NaPTAN stops")
    kind = table["stop"].map(_STOP_TYPES).fillna("")
    for word in ("dlr", "tram"):
        kind = kind.mask((kind != "") & table["display"].str.lower().str.contains(rf"\b{word}\b"), word)
    table = table.assign(type=kind, kind=np.where(kind != "", "station", ""), address3=table["display"])
    table.loc[kind != "", list(_venues.ADDRESS[:3])] = ""
    ended = ~table.get("status", kind.mask(kind != "", "")).str.lower().isin(["", "act", "active"])
    silent = (kind == "") & ~table.index.isin(_venues.streets(table.assign(x=0, y=0))["row"])
    return _take(table, name, {"not_in_use": ended, "names_no_street": silent}, source="NaPTAN")


READERS = {
    "OS Open Names": open_names,
    "OS Open Greenspace": greenspace,
    "Code-Point Open": code_point,
    "postcode directory": postcode_directory,
    "food hygiene": food_hygiene,
    "NaPTAN": naptan,
    "venues": venues,
}


def recognise(head: bytes, name: str) -> str:
    """Return which of :data:`READERS` reads a file, by its first bytes, or "police", or empty."""
    if head.startswith(b"SQLite format 3") or name.lower().endswith((".geojson", ".shp.zip")):
        return "OS Open Greenspace"
    text = head.decode("utf-8-sig", errors="replace")
    if "<FHRSEstablishment" in text:
        return "food hygiene"
    first = next(csv.reader(text.splitlines()[:1]), [])
    if len(first) == 34 and "http" in first[1]:
        return "OS Open Names"
    if len(first) == 10 and re.fullmatch(_POSTCODE, first[0].strip()):
        return "Code-Point Open"
    plain = {_plain(cell) for cell in first}
    marks = {"crimeid": "police", "atcocode": "NaPTAN", "businessname": "food hygiene", "pcds": "postcode directory"}
    points = {w for c in ("x", "y", "lon", "lat") for w in _VENUE[c].split()}
    venue = "venues" if plain & set(_VENUE["display"].split()) and plain & points else ""
    return next((reader for mark, reader in marks.items() if mark in plain), venue)
