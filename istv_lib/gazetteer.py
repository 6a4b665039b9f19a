"""One table of place names: boroughs, areas, stations, streets, venues, hospitals and postcodes.

A gazetteer is a frame with :data:`COLUMNS`, one row a name and a point. Points are metres, EPSG:27700. All names
and points of one thing share its ``place``; a name may stand for several places, and the matcher decides between
them.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
import pandas as pd

from istv_lib import _lexicon, errors, places, schema
from istv_lib._wording import normalise

COLUMNS = schema.GAZETTEER.names
KINDS, ALIASES = schema.PLACE_KINDS, schema.ALIAS_KINDS
ANCHOR_COLUMNS = ["name", "x", "y", "borough_gss", "n"]

STREET_RADIUS_LEAST_M = 100.0
STATION_RADIUS_M = 150.0
AREA_RADIUS_M = 1000.0
HOSPITAL_RADIUS_M = 150.0
STREET_JOIN_M = 800.0
# Points of one kind and name that chain together in steps of this length are one place.
_JOIN_M = {"street": STREET_JOIN_M, "station": 400.0, "area": 1500.0, "venue": 150.0, "hospital": 400.0}
_ONE_OF_A_NAME_M = 1e9
_NEWEST_HOLDS = ("district", "postcode")
_NUMBERS = ("x", "y", "radius_m")
_ACRONYM_LONGEST = 5

OGL = "OGL v3"
_LICENCES = {
    "GeoNames": "CC BY 4.0",
    "tubemaps": "ISC",
    "uk-railway-stations": "ODbL 1.0",
    "ISTV workbook": "MIT",
    "Code-Point Open": OGL,
    "NHS": OGL,
}
# Well-known streets whose names have no kind of street in them.
_PLAIN_STREETS = frozenset(
    "aldwych,austin friars,bankside,bevis marks,bishopsgate,cheapside,cloth fair,cornhill,"
    "crutched friars,east smithfield,eastcheap,frognal,great maze pond,great saint helens,green lanes,"
    "haymarket,high holborn,houndsditch,kingsway,little britain,london wall,lothbury,millharbour,"
    "minories,moorfields,neckinger,new change,north colonnade,old jewry,piccadilly,saint martins le grand,"
    "saint mary axe,shad thames,south colonnade,strand,strutton ground,the strand,undershaft,upper ground,"
    "upper marsh,west smithfield,whitehall".split(",")
)


def embedded() -> pd.DataFrame:
    """Return the names that ship with the code: boroughs, areas, stations, hospitals, outcodes, some streets.

    Returns
    -------
    DataFrame
        A gazetteer. Each station stands under "<name> station" and, as ``alias`` "bare", under its bare name. Bare
        names that are everyday words ("Bank", "Oval") are left out, and so are areas that bear a street's name
        ("Harrow Road").

    Notes
    -----
    With these names alone few streets can be found: add :func:`streets`. The point of a borough is for labels
    only and its radius is missing; an outcode's is a mean. Sources: see ``source`` and ``licence`` of each row.
    """
    return _embedded().copy()


@functools.cache
def _embedded() -> pd.DataFrame:
    boroughs = places.boroughs().rename(columns={"gss": "borough_gss", "label_x": "easting", "label_y": "northing"})
    boroughs = _shipped(boroughs.assign(aliases="", radius_m=np.nan, source="ONS"), "borough")
    areas = _shipped(places.gazetteer_areas().assign(radius_m=AREA_RADIUS_M), "area")
    street_like = areas["name"].str.split().str[-1].isin(["road", "street", "lane", "avenue", "square"])
    table = places.gazetteer_stations().rename(columns={"kind": "type"}).assign(radius_m=STATION_RADIUS_M)
    stations = _shipped(table, "station")
    named = stations.assign(name=stations["name"].str.removesuffix(" station") + " station")
    stations["alias"] = stations["alias"].mask(~stations["name"].str.endswith(" station"), "bare")
    stations = stations[~stations["name"].isin(_lexicon.EVERYDAY_NAMES)]
    areas = areas[~street_like & ~areas["name"].isin(_lexicon.EVERYDAY_NAMES)]
    return build(boroughs, areas, stations, named, *_further())


def _further() -> list[pd.DataFrame]:
    """Return the hospitals, outcodes, sectors and street points that ship with the code."""
    hospitals = places.gazetteer_hospitals().assign(radius_m=HOSPITAL_RADIUS_M)
    outcodes = places.gazetteer_outcodes().rename(columns={"outcode": "name"}).assign(type="outcode")
    sectors = places.gazetteer_sectors().rename(columns={"sector": "name"}).assign(type="sector")
    points = places.gazetteer_street_points().rename(columns={"easting": "x", "northing": "y"}).assign(n=1)
    districts = [_shipped(table.assign(aliases=""), "district") for table in (outcodes, sectors)]
    return [_shipped(hospitals, "hospital"), *districts, streets(points, source=points["source"].iloc[0])]


def _shipped(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """One row for each name and alias of a places table, with its place and licence."""
    licence = pd.Series("", index=table.index)
    for source, terms in _LICENCES.items():
        has = table["source"].str.contains(source, regex=False)
        licence = licence.mask(has, licence + "; " + terms).str.removeprefix("; ")
    table = table.rename(columns={"easting": "x", "northing": "y"}).astype({"x": "float64", "y": "float64"})
    table = table.assign(kind=kind, display=table["name"], licence=licence.mask(licence == "", OGL))
    table = table.assign(type=table.get("type", ""), alias="official", name=normalise(table["display"]))
    table["place"] = _place_ids(table)
    other = table.assign(written=table["aliases"].str.split(";")).explode("written")
    other = other[other["written"].fillna("") != ""]
    short = (kind == "hospital") & other["written"].str.fullmatch(rf"\w{{2,{_ACRONYM_LONGEST}}}")
    other = other.assign(name=normalise(other["written"]), alias=np.where(short, "acronym", "variant"))
    return pd.concat([table, other], ignore_index=True)[COLUMNS]


def _place_ids(table: pd.DataFrame) -> pd.Series:
    """Text ids of places from the kind, name and point of a row."""
    x, y = (table[name].round().fillna(0).astype("int64").astype("str") for name in ("x", "y"))
    return table["kind"] + ":" + table["name"].str.replace(" ", "-", regex=False) + ":" + x + "-" + y


def streets(anchors: pd.DataFrame, *, source: str = "data.police.uk", licence: str = OGL) -> pd.DataFrame:
    """Turn named points on streets, such as those of police files, into streets with their points.

    Parameters
    ----------
    anchors : DataFrame
        ``name``, ``x``, ``y`` (metres, EPSG:27700), ``borough_gss``, ``n``: see
        :func:`istv_lib.agencies.read_police`.
    source, licence : str
        Where the points come from, and on what terms.

    Returns
    -------
    DataFrame
        A gazetteer with one row for each name and point. Points of one name that chain together in steps of at
        most 800 m are one place, across borough borders too; ``radius_m`` reaches the farthest of them from their
        median, at least 100 m. A name that ends in "station" is of kind ``station`` and has one row, at the median.
        Names without a kind of street in them ("Petty Wales", "A40"), but for the best-known ("Cheapside"), phrases
        texts use for any street ("Main Road") and "The Green" and the like are left out, so that no everyday word
        is taken for a street.

    Notes
    -----
    Anchors are the publisher's map points near crimes, not the street: long or quiet streets are known in part
    only, and namesakes less than 800 m apart are one place.
    """
    table = _need(anchors, ANCHOR_COLUMNS).assign(display=anchors["name"], name=normalise(anchors["name"]))
    station = table["name"].str.contains(r"[a-z] station$", regex=True)
    table = table.assign(kind=np.where(station, "station", "street"), source=source, licence=licence)
    table = table.assign(alias="official", type="", radius_m=np.where(station, STATION_RADIUS_M, STREET_RADIUS_LEAST_M))
    table["place"] = _place_ids(table)
    table = build(table[station | is_street_name(table["name"])])
    return build(table[table["kind"] == "street"], _one_row_each(table[table["kind"] == "station"]))


def _one_row_each(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each name of a place, at the median of its points."""
    by = table.groupby(["name", "place"], sort=False)
    table = table.assign(x=by["x"].transform("median").round(), y=by["y"].transform("median").round())
    return table.drop_duplicates(["name", "place"])


def is_street_name(names: pd.Series) -> pd.Series:
    """Whether a normalised name can be looked for in free text without firing on everyday words."""
    words = names.str.split()
    last, before, count = words.str[-1], words.str[-2], words.str.len()
    typed = last.isin(_lexicon.STREET_TYPES) | (
        last.isin(_lexicon.POINTS_OF_COMPASS) & before.isin(_lexicon.STREET_TYPES)
    )
    the = words.str[0].eq("the") & count.eq(2)
    typed &= (count >= 2) & ~names.isin(_lexicon.COMMON_PHRASES) & (~the | last.isin(_lexicon.THE_NAMES))
    return typed | names.isin(_PLAIN_STREETS)


def build(*tables: pd.DataFrame) -> pd.DataFrame:
    """Join gazetteer tables into one, and recognise the places that several of them know.

    Parameters
    ----------
    *tables : DataFrame
        Each with :data:`COLUMNS` (others are dropped); of equal rows the first table's is kept, of outcodes, sectors
        and postcodes of one name the last one's.

    Returns
    -------
    DataFrame
        Rows in a fixed order (name, kind, borough, point), whatever the order of the rows given. Two rows are
        equal when name, kind, point and borough are. ``place`` is made anew: rows that shared one still do, and so
        do rows of one kind and name that chain together (streets 800 m, areas 1,500 m, stations and hospitals
        400 m, venues 150 m; outcodes, postcodes and boroughs of one name are one).

    Raises
    ------
    istv_lib.errors.StoreError
        When a table lacks a column or holds an unknown kind.
    """
    empty = pd.DataFrame({c: pd.Series(dtype="float64" if c in _NUMBERS else "str") for c in COLUMNS})
    found = pd.concat([empty, *(_need(t, COLUMNS)[COLUMNS] for t in tables if len(t))], ignore_index=True)
    found = found.astype(dict.fromkeys(_NUMBERS, "float64"))
    for column, known in (("kind", KINDS), ("alias", ALIASES)):
        unknown = sorted(set(found[column]) - set(known))
        if unknown:
            message = f"A gazetteer table holds the {column} {', '.join(unknown)}; there are {', '.join(known)}."
            raise errors.StoreError(message)
    found["rank"] = np.repeat(np.arange(len(tables)), [len(t) for t in tables])
    newest = found.groupby(["kind", "name"])["rank"].transform("max")
    found = found[~found["kind"].isin(_NEWEST_HOLDS) | (found["rank"] == newest)]
    order = ["name", "kind", "borough_gss", "x", "y"]
    found = found[found["name"] != ""].sort_values([*order, "rank", "source", "alias", "display"], ignore_index=True)
    found = found.drop_duplicates(order, ignore_index=True)[COLUMNS]
    return _joined(found) if len(found) else found


def _joined(table: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of one thing one place, and the streets the radius of all their points."""
    from scipy.sparse import coo_array  # noqa: PLC0415 - only when a gazetteer is made
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    pairs = np.concatenate([_same_place(table), _near_namesakes(table)])
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(table), len(table)))
    part = pd.Series(connected_components(links, directed=False)[1], index=table.index)
    rank = table["alias"].map({alias: i for i, alias in enumerate(ALIASES)})
    first = table.assign(part=part, rank=rank).sort_values(["rank", "name", "x", "y"]).drop_duplicates("part")
    table = table.assign(place=part.map(_place_ids(first).set_axis(first["part"])))
    by = table.groupby("place", sort=False)
    away = np.hypot(table["x"] - by["x"].transform("median"), table["y"] - by["y"].transform("median"))
    reach = away.groupby(table["place"]).transform("max").round().clip(lower=STREET_RADIUS_LEAST_M)
    given = by["radius_m"].transform("max").fillna(0)
    return table.assign(radius_m=table["radius_m"].mask(table["kind"] == "street", np.maximum(reach, given)))


def _same_place(table: pd.DataFrame) -> np.ndarray:
    """Pairs of positions of rows that share kind and place, each with the first of them."""
    rows = pd.Series(np.arange(len(table)))
    first = rows.groupby([table["kind"], table["place"]]).transform("first")
    return np.column_stack([first, rows])


def _near_namesakes(table: pd.DataFrame) -> np.ndarray:
    """Pairs of positions of rows of one kind and name that lie within the step of their kind."""
    from scipy.spatial import cKDTree  # noqa: PLC0415

    known = table[["kind", "name"]].duplicated(keep=False) & table[["x", "y"]].notna().all(axis=1)
    rows = np.flatnonzero(known)
    some = table.iloc[rows]
    step = some["kind"].map(_JOIN_M).fillna(_ONE_OF_A_NAME_M)
    layer = some.groupby(["kind", "name"]).ngroup() * 3.0
    if not len(rows):
        return np.empty((0, 2), dtype=np.int64)
    tree = cKDTree(np.column_stack([some["x"] / step, some["y"] / step, layer]))
    return rows[tree.query_pairs(1.0, output_type="ndarray")]


def _need(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    lacking = [c for c in columns if c not in table]
    if lacking:
        message = f"A table of place names lacks the column {', '.join(lacking)}: it needs {', '.join(columns)}."
        raise errors.StoreError(message)
    return table


def version(gazetteer: pd.DataFrame) -> str:
    """Return 12 hex digits that change when any row does, and not with the order of rows."""
    rows = pd.util.hash_pandas_object(gazetteer[COLUMNS].reset_index(drop=True), index=False)
    return hashlib.sha256(np.sort(rows.to_numpy()).astype("<u8").tobytes()).hexdigest()[:12]


def counts(*tables: pd.DataFrame) -> pd.DataFrame:
    """How much each source gives, by kind.

    Parameters
    ----------
    *tables : DataFrame
        Gazetteers. Sources stand in the order of the tables, and by name within one.

    Returns
    -------
    DataFrame
        ``source``, ``kind``, ``names`` (distinct), ``places``, ``points`` (distinct), and ``adds``: the names that
        no source before it had for this kind.
    """
    ranked = [table[COLUMNS].assign(rank=i) for i, table in enumerate(tables)]
    found = pd.concat(ranked, ignore_index=True)
    found["rank"] = found.groupby("source")["rank"].transform("min")
    found = found.sort_values(["rank", "source", "kind"], kind="stable", ignore_index=True)
    fresh = ~found.duplicated(["kind", "name"])
    keys = ["rank", "source", "kind"]
    found = found.assign(adds=fresh, point=found["x"].astype("str") + " " + found["y"].astype("str"))
    out = found.groupby(keys, sort=True).agg(
        names=("name", "nunique"), places=("place", "nunique"), points=("point", "nunique"), adds=("adds", "sum")
    )
    return out.reset_index().drop(columns="rank")
