"""Rows of a source as gazetteer rows: names as people type them, and the streets that addresses name.

A helper of the readers of place names.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from istv_lib import _lexicon, gazetteer, places

_POINT = ["row", "display", "x", "y"]
ADDRESS = tuple(f"address{i}" for i in range(1, 5))
_RADIUS_LEAST_M = {"venue": 50.0, "postcode": 60.0, "district": 100.0, "area": 300.0, "hospital": 150.0}
_RADIUS_LEAST_M |= {"street": gazetteer.STREET_RADIUS_LEAST_M, "station": gazetteer.STATION_RADIUS_M}
# Words that alone, or with one another, make no name of one's own.
_GENERIC = {*_lexicon.VENUE_WORDS, *_lexicon.NONE_WORDS, "home"} | set(
    "the a and public of local nursery playground play area park recreation ground garden gardens sports centre space "
    "open takeaway food wine off licence coffee tea room canteen catering kiosk field pitch court".split()
)
_SHORTER = (  # what is left of a name, one after the other, in the shorter forms people type
    r"^(.+ .+) at .+$",
    r"^(.+?)(?: (?:pub|public house|ph|ltd|limited|plc|llp|restaurant))+$",
    r"^(.+ .+) (?:bar|inn)$",
    r"^the (.+)$",
)


def rows(table: pd.DataFrame, *, source: str, licence: str = gazetteer.OGL) -> pd.DataFrame:
    """Make a gazetteer of the rows of a source.

    Parameters
    ----------
    table : DataFrame
        ``display``, ``kind``, ``x``, ``y`` (metres, EPSG:27700); optionally ``type``, ``radius_m`` and
        ``address1`` to ``address4``. A ``kind`` that is empty gives its streets only.
    source, licence : str
        Of all rows.

    Notes
    -----
    A station stands under "<name> station" and its bare name; a venue under its shorter forms too, without brackets,
    leading "The", trailing "pub", "Ltd" and so on, and "at Y" of "X at Y"; a form of one word is ``alias`` "bare". A
    generic name ("Supermarket") gives no venue. Each street of the address gets a point at the row's.
    """
    absent = {name: value for name, value in (("type", ""), ("radius_m", np.nan)) if name not in table}
    table = table.reset_index(drop=True).assign(**absent)
    table = table.assign(alias="official", name=gazetteer.normalise(table["display"]), place=table.index.astype("str"))
    radius = pd.to_numeric(table["radius_m"], errors="coerce").fillna(0).clip(lower=table["kind"].map(_RADIUS_LEAST_M))
    table = table.assign(radius_m=radius, type=table["type"].str.lower())
    unit = table["display"].str.upper().str.replace(r"\s*(...)$", r" \1", regex=True)
    table["name"] = table["name"].mask(table["kind"] == "postcode", unit.str.lower())
    table["display"] = table["display"].mask(table["kind"] == "postcode", unit)
    by_kind = [_stations(table[table["kind"] == "station"]), _forms(table[table["kind"] == "venue"])]
    plain = table[~table["kind"].isin(["station", "venue", ""])]
    found = pd.concat([plain, *by_kind, streets(table)], ignore_index=True).assign(source=source)
    found = found.assign(licence=licence, borough_gss=places.borough_of(found["x"], found["y"]))
    return gazetteer.build(found.astype({"type": "str"}))


def _stations(table: pd.DataFrame) -> pd.DataFrame:
    bare = table["name"].str.removesuffix(" station")
    short = table.assign(name=bare, alias="bare")[~bare.isin(_lexicon.EVERYDAY_NAMES)]
    return pd.concat([table.assign(name=bare + " station"), short])


def _forms(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each form of each name that is not generic."""
    plain = gazetteer.normalise(table["display"].str.replace(r"\s*[(\[].*?[)\]]", " ", regex=True))
    forms, shorter = [table["name"], plain], plain
    for pattern in _SHORTER:
        shorter = shorter.str.replace(pattern, r"\1", regex=True)
        forms += [shorter, plain.str.replace(pattern, r"\1", regex=True)]
    long = pd.concat([table.assign(name=name, alias="variant" if i else "official") for i, name in enumerate(forms)])
    long = long.drop_duplicates(["place", "name"])
    long = long[(long["alias"] == "official") | ~long["name"].isin(_localities())]
    long["alias"] = long["alias"].mask((long["alias"] == "variant") & ~long["name"].str.contains(" "), "bare")
    return long[~long["name"].str.fullmatch(rf"(?:(?:{'|'.join(_GENERIC)}|\d+|\w)(?: |$))*")]


@functools.cache
def _localities() -> frozenset[str]:
    """Names of areas and stations that look like a street's ("Forest Hill") and are not ("Bow Road")."""
    names = gazetteer.embedded().query("kind != 'street'")["name"]
    return frozenset(names[~names.str.fullmatch(".* (?:road|street|lane|avenue|square)")])


def streets(table: pd.DataFrame) -> pd.DataFrame:
    """Return points of the streets that addresses name ("12-14 High St", "Unit 2, 5 Mare St"), by ``row``."""
    given = [table[["x", "y"]].assign(display=table[name]) for name in ADDRESS if name in table]
    part = pd.concat([*given, table.iloc[:0].assign(display="")]).rename_axis("row").reset_index()[_POINT]
    part = part.assign(display=part["display"].str.split(r"[,/]", regex=True)).explode("display")
    part["display"] = part["display"].str.replace(r"^.*\d\S*\s+(?:[-–&]\s*)?", "", regex=True).str.strip()
    part["name"] = gazetteer.normalise(part["display"])
    street = gazetteer.is_street_name(part["name"]) & (part["name"].str.count(" ") < 5)
    part = part[street & ~part["name"].isin(_localities())].drop_duplicates(["row", "name"])
    blank = dict.fromkeys(("type", "place"), "")
    part = part.assign(**blank, kind="street", alias="official", radius_m=gazetteer.STREET_RADIUS_LEAST_M)
    return part.assign(place="street " + pd.Series(np.arange(len(part)), index=part.index).astype("str"))
