"""One table of place names: boroughs, areas, stations and the streets that police files name.

A gazetteer is a frame with :data:`COLUMNS`; later tables (venues, postcodes) join it by :func:`build`. Points
are metres, EPSG:27700. A name may stand for several places: :mod:`istv_lib.geocode` decides between them.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from istv_lib import _lexicon, errors, places

COLUMNS = ["name", "display", "kind", "x", "y", "radius_m", "borough_gss", "source", "licence"]
KINDS = ("borough", "area", "station", "street")
ANCHOR_COLUMNS = ["name", "x", "y", "borough_gss", "n"]

STREET_RADIUS_LEAST_M = 100.0
STATION_RADIUS_M = 150.0
AREA_RADIUS_M = 1000.0

_LICENCES = {
    "GeoNames": "CC BY 4.0",
    "tubemaps": "ISC",
    "uk-railway-stations": "ODbL 1.0",
    "ISTV workbook": "MIT",
}
_OGL = "OGL v3"
_SHORT = re.compile(rf"\b(?:{'|'.join(sorted(_lexicon.SHORT_FORMS, key=len, reverse=True))})\b")
_SAINT = re.compile(
    rf"\b(?P<lead>{'|'.join(_lexicon.LEADS)}) st(?= [a-z])|^st(?= [a-z])|\bst(?= (?:{'|'.join(_lexicon.SAINTS)})\b)"
)
_SIGNED = [
    (re.compile(rf"(?<![a-z]){re.escape(sign)}(?![a-z])" if sign[0].isalpha() else re.escape(sign)), full)
    for sign, full in _lexicon.SIGNED_FORMS.items()
]
_STATION = re.compile(r"\b(?:(?:tube|underground|overground|rail|railway|train|dlr|lu|tram) ?)+ (?:station|stop)\b")
_CROSS = re.compile(r"\b(kings|charing|new|brent) x\b")


def normalise(texts: pd.Series) -> pd.Series:
    """Write texts in the one spelling that names and records are compared in.

    Lower case ASCII letters and digits with single spaces; apostrophes are dropped, "&" is "and", "@" is "at";
    short forms are written out ("rd" road, "o/s" outside, "stn" station); "st" is "saint" at the start, after
    a word such as "near" and before a saint's name, else "street"; "tube station" is "station".

    Parameters
    ----------
    texts : Series of str
        Missing values count as empty.

    Returns
    -------
    Series of str
        Same index; empty where nothing is left.

    Notes
    -----
    Names of the gazetteer go through the same function, so an odd spelling is harmless as long as both sides
    get it. A "St" the rules read wrongly ("High St Georges pub") is not found. Misspellings are not mended.
    """
    codes, unique = pd.factorize(texts.fillna("").astype("str"))
    return pd.Series(_clean(pd.Series(unique, dtype="str")).to_numpy()[codes], index=texts.index, dtype="str")


def _clean(texts: pd.Series) -> pd.Series:
    """The work of :func:`normalise`, on distinct texts."""
    texts = texts.str.lower().str.replace("[–—−]", " ", regex=True).str.replace("[’‘`´']", "", regex=True)
    texts = texts.str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii").astype("str")
    for pattern, full in _SIGNED:
        texts = texts.str.replace(pattern, full, regex=True)
    texts = texts.str.replace("[^a-z0-9]+", " ", regex=True).str.strip()
    texts = texts.str.replace(_SAINT, lambda m: f"{m['lead']} saint" if m["lead"] else "saint", regex=True)
    texts = texts.str.replace(r"\bst\b", "street", regex=True)
    texts = texts.str.replace(_SHORT, lambda m: _lexicon.SHORT_FORMS[m[0]], regex=True)
    texts = texts.str.replace(_STATION, "station", regex=True)
    return texts.str.replace(_CROSS, r"\1 cross", regex=True)


def embedded() -> pd.DataFrame:
    """The names that ship with the code: 33 boroughs, areas and stations with their aliases.

    Returns
    -------
    DataFrame
        A gazetteer. Each station stands under its bare name and under "<name> station". Bare names that are
        everyday words ("Bank", "Oval") are left out, and so are areas that bear a street's name ("Harrow
        Road").

    Notes
    -----
    With these names alone no street can be found: add :func:`streets`. The point of a borough is for labels
    only and its radius is missing. Sources: see the ``source`` and ``licence`` of each row.
    """
    boroughs = places.boroughs().rename(columns={"name": "display", "label_x": "x", "label_y": "y"})
    boroughs = boroughs.rename(columns={"gss": "borough_gss"})
    boroughs = boroughs.assign(kind="borough", radius_m=np.nan, source="ONS", licence=_OGL)
    areas = _with_aliases(places.gazetteer_areas()).assign(kind="area", radius_m=AREA_RADIUS_M)
    stations = _with_aliases(places.gazetteer_stations()).assign(kind="station", radius_m=STATION_RADIUS_M)
    found = pd.concat([boroughs, areas, stations], ignore_index=True)
    found["name"] = normalise(found["alias"].fillna(found["display"]))
    last_word = found["name"].str.split().str[-1]
    street_like = (found["kind"] == "area") & last_word.isin(["road", "street", "lane", "avenue", "square"])
    bare = found[~street_like & ~found["name"].isin(_lexicon.EVERYDAY_NAMES)]
    named = found[found["kind"] == "station"].assign(name=lambda t: t["name"].str.removesuffix(" station") + " station")
    return build(bare, named)


def _with_aliases(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each name and alias of a places table, with its licence."""
    licence = pd.Series("", index=table.index)
    for source, terms in _LICENCES.items():
        has = table["source"].str.contains(source, regex=False)
        licence = licence.mask(has, licence + "; " + terms).str.removeprefix("; ")
    table = table.rename(columns={"easting": "x", "northing": "y"}).assign(licence=licence)
    table = table.assign(display=table["name"], alias=(table["name"] + ";" + table["aliases"]).str.split(";"))
    table = table.explode("alias")
    return table[table["alias"] != ""].drop(columns=["name", "aliases"])


def streets(anchors: pd.DataFrame) -> pd.DataFrame:
    """Turn the named points of police files into one entry for each name and borough.

    Parameters
    ----------
    anchors : DataFrame
        ``name``, ``x``, ``y`` (metres, EPSG:27700), ``borough_gss``, ``n``: see
        :func:`istv_lib.agencies.read_police`.

    Returns
    -------
    DataFrame
        A gazetteer: the median point of the name's anchors in the borough; ``radius_m`` reaches the farthest of
        them, at least 100 m. A name that ends in "station" is of kind ``station``. Names without a kind of
        street in them ("Cheapside", "A40"), phrases texts use for any street ("Main Road") and one-word names
        are left out, so that no everyday word is taken for a street.

    Notes
    -----
    Anchors are the publisher's map points near crimes, not the street: long or quiet streets are known in part
    only, and streets of one name in one borough are one entry between them, with a large radius.
    Source: data.police.uk, OGL v3.
    """
    table = _need(anchors, ANCHOR_COLUMNS).assign(display=anchors["name"], name=normalise(anchors["name"]))
    station = table["name"].str.contains(r"[a-z] station$", regex=True)
    table["kind"] = np.where(station, "station", "street")
    table = table[station | _is_street_name(table["name"])].sort_values(["name", "borough_gss", "x", "y"])
    keys = ["name", "borough_gss", "kind"]
    by = table.groupby(keys, sort=True)
    table["away"] = np.hypot(table["x"] - by["x"].transform("median"), table["y"] - by["y"].transform("median"))
    found = by.agg(display=("display", "first"), x=("x", "median"), y=("y", "median")).reset_index()
    spread = table.groupby(keys, sort=True)["away"].max().to_numpy()
    found["radius_m"] = np.maximum(spread, STREET_RADIUS_LEAST_M).round()
    return build(found.assign(source="data.police.uk", licence=_OGL))


def _is_street_name(names: pd.Series) -> pd.Series:
    """Whether a normalised name can be looked for in free text without firing on everyday words."""
    words = names.str.split()
    last, before, count = words.str[-1], words.str[-2], words.str.len()
    typed = last.isin(_lexicon.STREET_TYPES) | (
        last.isin(_lexicon.POINTS_OF_COMPASS) & before.isin(_lexicon.STREET_TYPES)
    )
    the = words.str[0].eq("the") & count.eq(2)
    return typed & (count >= 2) & ~names.isin(_lexicon.COMMON_PHRASES) & (~the | last.isin(_lexicon.THE_NAMES))


def build(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join gazetteer tables into one.

    Parameters
    ----------
    *tables : DataFrame
        Each with :data:`COLUMNS` (others are dropped); of equal rows the first table's is kept.

    Returns
    -------
    DataFrame
        Rows in a fixed order (name, kind, borough, point), whatever the order of the rows given. Two rows are
        equal when name, kind, point and borough are.

    Raises
    ------
    istv_lib.errors.StoreError
        When a table lacks a column or holds an unknown kind.
    """
    empty = pd.DataFrame({c: pd.Series(dtype="float64" if c in {"x", "y", "radius_m"} else "str") for c in COLUMNS})
    found = pd.concat([empty, *(_need(t, COLUMNS)[COLUMNS] for t in tables if len(t))], ignore_index=True)
    found = found.astype({"x": "float64", "y": "float64", "radius_m": "float64"})
    unknown = sorted(set(found["kind"]) - set(KINDS))
    if unknown:
        message = f"A gazetteer table holds the kind {', '.join(unknown)}: kinds are {', '.join(KINDS)}."
        raise errors.StoreError(message)
    found = found[found["name"] != ""].drop_duplicates(["name", "kind", "x", "y", "borough_gss"])
    return found.sort_values(["name", "kind", "borough_gss", "x", "y"], kind="stable", ignore_index=True)


def _need(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    lacking = [c for c in columns if c not in table]
    if lacking:
        message = f"A table of place names lacks the column {', '.join(lacking)}: it needs {', '.join(columns)}."
        raise errors.StoreError(message)
    return table


def counts(gazetteer: pd.DataFrame) -> pd.DataFrame:
    """How many names each source gives, by kind.

    Returns
    -------
    DataFrame
        ``source``, ``kind``, ``names`` (distinct), ``entries`` (places), in the order of source and kind.
    """
    by = gazetteer.groupby(["source", "kind"], sort=True)["name"]
    return by.agg(names="nunique", entries="size").reset_index()
