"""Where things are: boroughs, police commands, hospital sites, the lattice and the place names of London.

Coordinates are British National Grid metres (EPSG:27700) unless a function says otherwise. Everything is read
from the small public tables in ``istv_lib/reference`` (sources and licences in ``LICENSES/``), once, and
handed out as copies. Nothing here knows a file of the user's.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from istv_lib import errors
from istv_lib._points import (
    BNG,
    LATTICE_M,
    borough_of,
    cell_of,
    cell_origin,
    polygons,
    to_bng,
    to_wgs84,
)
from istv_lib._twins import merged

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BNG",
    "LATTICE_M",
    "LONDON",
    "NOT_KNOWN",
    "OUTSIDE",
    "Area",
    "areas",
    "bcus",
    "borough_of",
    "boroughs",
    "cell_of",
    "cell_origin",
    "codes",
    "find_area",
    "gazetteer_areas",
    "gazetteer_hospitals",
    "gazetteer_outcodes",
    "gazetteer_sectors",
    "gazetteer_stations",
    "gazetteer_street_points",
    "group_labels",
    "group_of",
    "polygons",
    "shipped_sites",
    "to_bng",
    "to_wgs84",
    "trauma_networks",
]

LONDON = "london"
NOT_KNOWN = "not_known"
OUTSIDE = "outside"

_REFERENCE = Path(__file__).parent / "reference"
_GROUP_LISTS = {"method": "weapon_group", "location_type": "place_group"}


@dataclass(frozen=True)
class Area:
    """A part of London a page can be about.

    Attributes
    ----------
    code : str
        ``london``, the two letters of a Basic Command Unit, or the GSS code of a borough.
    name : str
        As printed, for example "Camden" or "Central North BCU".
    slug : str
        As used in parameters, folders and addresses, for example "camden" or "bcu-central-north".
    kind : str
        ``london``, ``bcu``, ``borough`` or ``site``.
    boroughs : tuple of str
        GSS codes of the boroughs it covers; a site covers none.
    """

    code: str
    name: str
    slug: str
    kind: str
    boroughs: tuple[str, ...] = ()

    @property
    def around(self) -> list[str]:
        """The area itself, the BCU of a borough, and London: what its figures are set beside."""
        bcu = [area.code for area in areas() if area.kind == "bcu" and self.code in area.boroughs]
        return list(dict.fromkeys([self.code, *bcu, LONDON]))


@cache
def _read(name: str) -> pd.DataFrame:
    """One shipped table, all text, empty cells as empty text; shared, so callers copy."""
    return pd.read_csv(_REFERENCE / name, dtype=str, keep_default_na=False)


def _typed(name: str, *, whole: Sequence[str] = (), flags: Sequence[str] = ()) -> pd.DataFrame:
    """A copy of a shipped table with its whole-number and yes/no columns typed."""
    table = _read(name).copy()
    for column in whole:
        table[column] = pd.to_numeric(table[column]).astype("Int64" if (table[column] == "").any() else "int64")
    for column in flags:
        table[column] = table[column] == "yes"
    return table


# ---- areas a page can be about ---------------------------------------------------------------------------


@cache
def _areas() -> tuple[Area, ...]:
    borough_rows, bcu_rows = _read("boroughs.csv"), _read("bcus.csv")
    london = Area(LONDON, "London", LONDON, "london", tuple(borough_rows["gss"]))
    commands = [
        Area(row.code, row.name, row.slug, "bcu", tuple(borough_rows["gss"][borough_rows["bcu"] == row.code]))
        for row in bcu_rows.itertuples(index=False)
    ]
    single = [Area(row.gss, row.name, row.slug, "borough", (row.gss,)) for row in borough_rows.itertuples(index=False)]
    return (london, *commands, *single)


def areas() -> list[Area]:
    """All 46 areas: London, the 12 Basic Command Units by code, the 33 boroughs by GSS code.

    Returns
    -------
    list of Area

    Notes
    -----
    The City of London has its own police and lies in no Basic Command Unit, so the 12 units together cover 32
    boroughs, not London. Source: ``boroughs.csv``, ``bcus.csv``.
    """
    return list(_areas())


def _area_key(text: object) -> str:
    return " ".join(str(text).replace("&", " and ").lower().split())


@cache
def _area_index() -> dict[str, Area]:
    index = {"e12000007": _areas()[0]}
    for area in _areas():
        index |= {_area_key(text): area for text in (area.code, area.name, area.slug)}
    return index


def find_area(text: str) -> Area:
    """Look up an area by slug, name or code, in any case.

    Parameters
    ----------
    text : str
        For example ``camden``, ``Camden``, ``E09000007``, ``london``, ``bcu-central-north``, ``CN``,
        ``Central North BCU``; ``&`` counts as ``and``.

    Returns
    -------
    Area

    Raises
    ------
    istv_lib.errors.ParameterError
        When there is no such area; the message names the nearest ones.

    Notes
    -----
    Town names that are not borough names ("Brixton") are not areas: see :func:`gazetteer_areas`.
    """
    index = _area_index()
    key = _area_key(text)
    if key in index:
        return index[key]
    close = difflib.get_close_matches(key, index, n=6, cutoff=0.7)
    slugs = list(dict.fromkeys(index[match].slug for match in close))[:3]
    hint = f"Did you mean {' or '.join(slugs)}? " if slugs else ""
    message = f"There is no area '{text}'. {hint}`istv status --areas` lists all {len(_areas())} areas."
    raise errors.ParameterError(message)


def boroughs() -> pd.DataFrame:
    """The 33 local authorities of London, by GSS code.

    Returns
    -------
    DataFrame
        ``gss``; ``name``; ``slug``; ``bcu`` (two letters, empty for the City); ``inner`` (bool, Inner London
        as the ONS draws it); ``population`` (residents, mid-2020); ``rate`` (bool, False where a rate per
        resident must not be shown); ``label_x``, ``label_y`` (a point well inside the borough, metres, EPSG:27700).

    Notes
    -----
    Residents are not the people present: central boroughs hold many more by day and at night. The ONS counts
    Haringey and Newham as inner and Greenwich as outer; the London Government Act does the reverse.
    Source: ONS mid-2020 estimates; ONS boundaries of 2011.
    """
    return _typed("boroughs.csv", whole=("population", "label_x", "label_y"), flags=("inner", "rate"))


def bcus() -> pd.DataFrame:
    """The 12 Basic Command Units of the Metropolitan Police, by code.

    Returns
    -------
    DataFrame
        ``code`` (two letters), ``name``, ``slug``; the boroughs of each are in :func:`boroughs`.

    Notes
    -----
    Units as formed in 2018-2019; data before that were kept by borough. The code of North is ``NA``, which
    careless CSV readers take for a missing value. Source: public police statements.
    """
    return _read("bcus.csv").copy()


# ---- hospital sites --------------------------------------------------------------------------------------


def shipped_sites() -> pd.DataFrame:
    """The roster of urgent and emergency departments that ships with the code, by site code.

    Returns
    -------
    DataFrame
        All text but ``synthetic`` (bool): ``site_code`` (ODS), ``name``, ``trust_code``, ``trust``,
        ``dept_type`` (``type1``, ``utc``, ``ucc``, ``walk_in``, ``specialist``, ``other``), ``easting``,
        ``northing`` (metres, EPSG:27700, to 100 m), ``borough_gss`` (where it stands; empty outside London),
        ``trauma_network``, ``mtc`` (``yes`` for the major trauma centre), ``valid_from``, ``valid_to``
        (YYYY-MM-DD; empty = not known or no end), ``successors`` (``CODE:share;CODE:share``).

    Notes
    -----
    A snapshot of 2025: earlier codes of merged trusts are not in it, and opening dates are not known. Never
    count on 28 Type 1 departments, and never read ``borough_gss`` as the borough of the assault. The
    ``dept_type`` of smaller sites follows their name or general knowledge; ``trust_code`` of an independent
    provider is its own site code. Source: NHS Organisation Data Service.
    """
    return _typed("sites.csv", flags=("synthetic",))


def trauma_networks() -> pd.DataFrame:
    """The four London trauma networks, by name.

    Returns
    -------
    DataFrame
        ``name``; ``mtc_site`` (site code of the major trauma centre); ``mtc`` (its name); ``type1_sites``
        (``;``-separated site codes of the Type 1 departments on our roster, the centre included).

    Notes
    -----
    Networks reach beyond London (Essex, Kent, Medway, Surrey); only roster sites are listed. Grave injuries
    are taken past the nearest hospital to the centre, so a centre's counts are not its neighbourhood's.
    """
    sites = _read("sites.csv")
    sites = sites[(sites["dept_type"] == "type1") & (sites["trauma_network"] != "")]
    rows = []
    for name, members in sites.groupby("trauma_network", sort=True):
        centre = members[members["mtc"] == "yes"].iloc[0]
        rows.append((name, centre["site_code"], centre["name"], ";".join(members["site_code"])))
    return pd.DataFrame(rows, columns=["name", "mtc_site", "mtc", "type1_sites"])


# ---- code lists ------------------------------------------------------------------------------------------


def codes(list_name: str) -> pd.DataFrame:
    """One canonical code list, in its printed order.

    Parameters
    ----------
    list_name : str
        ``method``, ``location_type``, ``weapon_group`` or ``place_group``.

    Returns
    -------
    DataFrame
        ``code``, ``label``, ``group``, ``group_label``, ``definition``; the groups are empty for a list of
        groups.

    Raises
    ------
    istv_lib.errors.ParameterError
        When there is no such list.

    Notes
    -----
    These are the workbook's own codes. National data sets have their own numbers; each site's mapping says
    how they meet. "Not known" is a code: it is never left out of a share without saying so.
    """
    table = _read("codes.csv")
    if list_name not in set(table["list"]):
        known = ", ".join(table["list"].unique())
        message = f"There is no code list '{list_name}': the lists are {known}."
        raise errors.ParameterError(message)
    return table[table["list"] == list_name].drop(columns="list").reset_index(drop=True)


def group_of(list_name: str) -> dict[str, str]:
    """Group of each code of ``method`` (weapon groups) or ``location_type`` (place groups).

    Raises
    ------
    istv_lib.errors.ParameterError
        When there is no such list.
    """
    table = codes(list_name)
    return dict(zip(table["code"], table["group"], strict=True))


def group_labels(list_name: str) -> dict[str, str]:
    """Label of each group of ``method`` or ``location_type``, in the order in which tables print them.

    Raises
    ------
    istv_lib.errors.ParameterError
        When there is no such list, or it has no groups.
    """
    if list_name not in _GROUP_LISTS:
        message = f"Code list '{list_name}' has no groups: ask for {' or '.join(_GROUP_LISTS)}."
        raise errors.ParameterError(message)
    table = codes(_GROUP_LISTS[list_name])
    return dict(zip(table["code"], table["label"], strict=True))


# ---- place names -----------------------------------------------------------------------------------------


def gazetteer_areas() -> pd.DataFrame:
    """Towns, districts and neighbourhoods inside London, by name.

    Returns
    -------
    DataFrame
        ``name``; ``aliases`` (``;``-separated, lower case); ``easting``, ``northing`` (a centre, metres,
        EPSG:27700); ``population`` (Int64, missing where GeoNames has none or only the borough's);
        ``borough_gss`` (of the centre); ``source``.

    Notes
    -----
    The centre stands for a neighbourhood a kilometre or two across, often over a borough border: of real area
    texts the median error is near 800 m. Names repeat (Hayes, Belmont, Plaistow); some are also borough names
    (Sutton, Lewisham). Sources: GeoNames, CC BY 4.0; the rest typed, to 100 m.
    """
    return _typed("areas.csv", whole=("easting", "northing", "population"))


def gazetteer_outcodes() -> pd.DataFrame:
    """Outcodes (first halves of postcodes) of London's postal areas and of their neighbours, by code.

    Returns
    -------
    DataFrame
        ``outcode``; ``districts`` (``;``-separated localities, empty where not typed); ``easting``, ``northing``
        (median of its postcodes, metres, EPSG:27700, to 100 m); ``radius_m`` (holds nine of ten of its
        postcodes); ``inside`` (bool, whether any lies in London); ``borough_gss`` (of most of its postcodes;
        empty where most lie outside); ``source``.

    Notes
    -----
    EC1 to EC4, WC1, WC2, SW1 and W1 are no outcodes but are written as such: they stand for their parts. Codes
    of large users (EC1P, N1P, SW95) lie at a delivery office. Source: Code-Point Open, OGL v3; localities typed.
    """
    return _typed("outcodes.csv", whole=("easting", "northing", "radius_m"), flags=("inside",))


def gazetteer_sectors() -> pd.DataFrame:
    """Postcode sectors ("E8 1") with a postcode in London: as :func:`gazetteer_outcodes`, points to 10 m.

    Returns
    -------
    DataFrame
        ``sector``, ``easting``, ``northing``, ``radius_m``, ``borough_gss``, ``source``.
    """
    return _typed("postcode_sectors.csv", whole=("easting", "northing", "radius_m"))


def gazetteer_hospitals() -> pd.DataFrame:
    """Hospitals that texts name, by name: emergency departments, other hospitals, mental-health sites, neighbours.

    Returns
    -------
    DataFrame
        ``name``; ``aliases`` (``;``-separated, lower case: acronyms and short names); ``easting``, ``northing``
        (metres, EPSG:27700, to 100 m); ``site_code`` (of :func:`shipped_sites`, or empty); ``borough_gss``
        (empty outside London); ``source``.

    Notes
    -----
    Acronyms are local: "smh" is St Mary's here and another hospital elsewhere. Units of one hospital share a
    point. Not a roster: closed sites that people still name may be listed. Sources: names typed; NHS ODS and
    Code-Point Open, OGL v3.
    """
    return _typed("hospitals.csv", whole=("easting", "northing"))


def gazetteer_street_points() -> pd.DataFrame:
    """Points on streets of central London: cycle hire stations named after a street, by name.

    Returns
    -------
    DataFrame
        ``name``; ``easting``, ``northing`` (metres, EPSG:27700, to 10 m); ``area`` (as the source says, may be
        empty); ``borough_gss``; ``source``.

    Notes
    -----
    The point is a docking station on or beside the street (half within about 110 m of a police map point of the
    same name), not its middle. Source: Transport for London, in spData.
    """
    return _typed("street_points.csv", whole=("easting", "northing"))


@cache
def _stations() -> pd.DataFrame:
    return merged(pd.concat([_read("stations.csv"), _read("stations_rail.csv")], ignore_index=True))


def gazetteer_stations() -> pd.DataFrame:
    """Tube, DLR, Overground, railway and tram stations inside London: the first list, then the railway's.

    Returns
    -------
    DataFrame
        ``name``; ``aliases`` (``;``-separated, lower case); ``easting``, ``northing`` (metres, EPSG:27700);
        ``kind`` (``tube``, ``dlr``, ``overground``, ``rail``, ``tram``); ``borough_gss``; ``source`` (one or both).
        Stations that share a name or alias within 400 m are one row with the first one's point and kind.

    Notes
    -----
    ``kind`` is the first list's word, not a service pattern: most Overground and Elizabeth line stations are
    ``rail``. Namesakes further apart stay apart (the two of Bethnal Green). Sources: tubemaps (ISC);
    uk-railway-stations (ODbL 1.0: attribution is owed, and a changed table must stay open).
    """
    return _stations().copy()
