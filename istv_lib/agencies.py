"""Other agencies' files to events: today the street-level files of data.police.uk.

A month of crimes per file, one row a crime, snapped by the publisher to a named map point. Bytes in, tables
out: nothing here opens a file.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib

import numpy as np
import pandas as pd

from istv_lib import errors, gazetteer, places, schema

POLICE_COLUMNS = [
    "Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location", "LSOA code",
    "LSOA name", "Crime type", "Last outcome category", "Context",
]  # fmt: skip
FORCES = {
    "Metropolitan Police Service": "mps",
    "City of London Police": "city",
    "British Transport Police": "btp",
}
SNAP_RADIUS_M = 200.0
SET_ASIDE = ("blank", "month_unreadable", "repeated_crime_id", "outside_london")

# Kinds of place the publisher writes instead of a street; their rows have points but name nothing.
GENERIC_PLACES = frozenset(
    "supermarket,parking area,sports/recreation area,shopping area,petrol station,"
    "further/higher educational building,nightclub,pedestrian subway,theatre/concert hall,hospital,"
    "conference/exhibition centre,police station,park/open space,bus/coach station,theme/adventure park,"
    "airport/airfield,motorway service area,race track,ferry terminal,prison,no location".split(",")
)
_MONTH = re.compile(r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])")
_STATION_SUFFIX = r"(?i)\s*\((?:lu station|lu staion|metro station|station|dlr)\)\s*$"
_STOP_SUFFIX = r"(?i)\s*\(tram stop\)\s*$"


def read_police(
    content: bytes, *, filename: str, synthetic: bool
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int | str]]:
    """Read one street-level file of data.police.uk.

    Parameters
    ----------
    content : bytes
        The CSV file as downloaded, plain or gzipped, with :data:`POLICE_COLUMNS` (longitude and latitude in
        degrees, WGS84; further columns are ignored).
    filename : str
        Its name, such as ``2024-01-metropolitan-street.csv``: makes the event ids and is named in errors.
    synthetic : bool
        Whether the synthetic London made it.

    Returns
    -------
    events : DataFrame
        Schema ``event``, one row a crime: ``category`` is the published crime type, the time is the whole
        month, the point (EPSG:27700) is a snapped one with a radius of 200 m, the borough is that of the
        point. Rows without a point are kept, with precision ``none`` and no borough.
    anchors : DataFrame
        ``name``, ``x``, ``y``, ``borough_gss``, ``n`` (crimes): the named points among the events.
    account : dict
        ``source``, ``rows_in``, ``kept``, ``kept_unlocated`` (among the kept) and the rows set aside:
        ``blank``, ``month_unreadable``, ``repeated_crime_id`` and ``outside_london``. Kept and set aside add
        up to ``rows_in``.

    Raises
    ------
    istv_lib.errors.IntakeError
        When the file cannot be read, lacks a column, has no rows, or is not of one of the three forces.

    Notes
    -----
    A crime id that comes again in the file is the same crime with another outcome, so only its first row
    counts. Rows without an id (all of the transport police, all anti-social behaviour) are never compared.
    Points are the publisher's map points, often on borough border roads: about 1 in 300 lands in the borough
    next door. The published LSOA code changes vintage within the series and is not used. "Violence and sexual
    offences" includes offences without injury. Source: data.police.uk, OGL v3.
    """
    table = _read_csv(content, filename)
    source = _force(table, filename)
    x, y = _points(table)
    borough = places.borough_of(x, y)
    table = table.assign(row_no=np.arange(2, len(table) + 2), x=x, y=y, borough_gss=borough)
    reason = _reasons(table)
    kept = table[reason == ""]
    account: dict[str, int | str] = {"source": source, "rows_in": len(table), "kept": len(kept)}
    account["kept_unlocated"] = int(kept["x"].isna().sum())
    account |= {name: int((reason == name).sum()) for name in SET_ASIDE}
    assert len(table) == len(kept) + sum(account[name] for name in SET_ASIDE)
    events = _events(kept, source, _stem(filename), hashlib.sha256(content).hexdigest()[:16])
    return schema.conform(events.assign(synthetic=synthetic), "event"), _anchors(kept), account


def _read_csv(content: bytes, filename: str) -> pd.DataFrame:
    try:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        table = pd.read_csv(
            io.BytesIO(plain),
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skip_blank_lines=False,
            index_col=False,
        )
    except (ValueError, OSError, EOFError, zlib.error):
        message = f"'{filename}' cannot be read as a CSV file in UTF-8; download it again from data.police.uk."
        raise errors.IntakeError(message) from None
    lacking = [name for name in POLICE_COLUMNS if name not in table]
    if lacking:
        message = (
            f"'{filename}', row 1, lacks the column {', '.join(lacking)}; "
            "give the street-level file of data.police.uk with its 12 columns."
        )
        raise errors.IntakeError(message)
    if table.empty:
        raise errors.IntakeError(f"'{filename}' holds a header and no rows; download it again.")
    return table[POLICE_COLUMNS].fillna("").apply(lambda column: column.str.strip())


def _force(table: pd.DataFrame, filename: str) -> str:
    named = table["Reported by"].mask(table["Reported by"] == "", table["Falls within"])
    forces = sorted(set(named[named != ""]))
    if len(forces) != 1 or forces[0] not in FORCES:
        found = f"{len(forces)} forces" if len(forces) != 1 else "a force that is not read here"
        message = f"'{filename}', column 'Reported by', names {found}; give one file of one of {', '.join(FORCES)}."
        raise errors.IntakeError(message)
    return FORCES[forces[0]]


def _points(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Eastings and northings, to the metre: finer digits would only feign precision."""
    lon, lat = (pd.to_numeric(table[name], errors="coerce").to_numpy() for name in ("Longitude", "Latitude"))
    x, y = places.to_bng(lon, lat)
    whole = np.isfinite(x) & np.isfinite(y)
    return np.where(whole, np.round(x), np.nan), np.where(whole, np.round(y), np.nan)


def _reasons(table: pd.DataFrame) -> np.ndarray:
    """Why each row is set aside; empty for the kept ones."""
    blank = (table[POLICE_COLUMNS] == "").all(axis=1)
    bad_month = ~table["Month"].str.fullmatch(_MONTH)
    has_id = table["Crime ID"] != ""
    repeated = has_id & table["Crime ID"].where(~bad_month).duplicated() & ~bad_month
    outside = table["x"].notna() & (table["borough_gss"] == "")
    return np.select([blank, bad_month, repeated, outside], SET_ASIDE, default="")


def _events(kept: pd.DataFrame, source: str, stem: str, submission_id: str) -> pd.DataFrame:
    start = pd.to_datetime(kept["Month"], format="%Y-%m")
    located = kept["x"].notna()
    ids = [hashlib.sha256(f"{stem}:{row}".encode()).hexdigest()[:16] for row in kept["row_no"]]
    return pd.DataFrame(
        {
            "event_id": ids,
            "source": source,
            "source_dataset": stem,
            "submission_id": submission_id,
            "row_no": kept["row_no"],
            "unit": "crime",
            "occurred_start": start,
            "occurred_end": start + pd.offsets.MonthBegin(1) - pd.Timedelta(seconds=1),
            "occurred_precision": "month",
            "month": kept["Month"],
            "x": kept["x"],
            "y": kept["y"],
            "precision_class": np.where(located, "street", "none"),
            "radius_m": np.where(located, SNAP_RADIUS_M, np.nan),
            "prior_decided": False,
            "borough_gss": kept["borough_gss"],
            "category": kept["Crime type"].mask(kept["Crime type"] == "", "not stated"),
        }
    )


def _stem(filename: str) -> str:
    return re.split(r"[/\\]", filename)[-1].removesuffix(".gz").removesuffix(".csv")


def _anchors(kept: pd.DataFrame) -> pd.DataFrame:
    """Named points: "On or near X" without the generic places, stations as "X station"."""
    label = kept["Location"].str.replace(r"^On or near\s*", "", regex=True).str.replace(r"\s+", " ", regex=True)
    label = label.str.replace("'S\\b", "'s", regex=True).str.replace(" (London)", "", regex=False)
    label = label.str.replace(_STATION_SUFFIX, " station", regex=True)
    label = label.str.replace(_STOP_SUFFIX, " tram stop", regex=True).str.strip()
    named = (label != "") & ~label.str.lower().isin(GENERIC_PLACES) & kept["x"].notna()
    points = kept.loc[named, ["x", "y", "borough_gss"]].assign(name=label[named], n=1)
    return combine_anchors([points])


def combine_anchors(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Add up the anchors of several files.

    Parameters
    ----------
    tables : list of DataFrame
        Anchors of :func:`read_police`; none gives an empty table.

    Returns
    -------
    DataFrame
        ``name``, ``x``, ``y`` (metres, EPSG:27700), ``borough_gss``, ``n`` (crimes of all files), one row a
        name and point, in the order of name and point.

    Notes
    -----
    Two files of one force and month count their crimes twice: give each once.
    """
    keys = ["name", "x", "y", "borough_gss"]
    types = {"name": "str", "x": "float64", "y": "float64", "borough_gss": "str", "n": "int64"}
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})
    found = pd.concat([empty, *tables], ignore_index=True).astype(types)
    return found.groupby(keys, sort=True, as_index=False)["n"].sum()[gazetteer.ANCHOR_COLUMNS]
