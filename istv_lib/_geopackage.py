"""Released squares as a GeoPackage and as CSV, for QGIS: polygons of the lattice and their figures, never points.

A helper of :mod:`istv_lib.publish`. The GeoPackage is written with SQLite alone, in EPSG:27700; its date of change is
fixed, so that the same squares give the same bytes with the same version of SQLite. Source: OGC 12-128r18,
GeoPackage Encoding Standard 1.3.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from istv_lib import places

NUMBERS = ("value", "lower", "upper", "expected", "n")
TEXTS = ("flags", "status", "period_start", "period_end", "source", "measure", "unit", "method")
COLUMNS = ("layer", "cell", "x", "y", "side_m", *TEXTS, *NUMBERS, "synthetic", "marking")
_CHANGED = "2000-01-01T00:00:00.000Z"  # a real date would change the bytes
_SRS = 27700
_WKT = (
    'PROJCS["OSGB36 / British National Grid",GEOGCS["OSGB36",DATUM["Ordnance_Survey_of_Great_Britain_1936",'
    'SPHEROID["Airy 1830",6377563.396,299.3249646,AUTHORITY["EPSG","7001"]],AUTHORITY["EPSG","6277"]],'
    'PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
    'AUTHORITY["EPSG","4277"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",49],'
    'PARAMETER["central_meridian",-2],PARAMETER["scale_factor",0.9996012717],PARAMETER["false_easting",400000],'
    'PARAMETER["false_northing",-100000],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],'
    'AXIS["Northing",NORTH],AUTHORITY["EPSG","27700"]]'
)
_SCHEMA = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
 organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
 description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
 srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL UNIQUE, column_name TEXT NOT NULL,
 geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
 PRIMARY KEY (table_name, column_name));
"""
_UNDEFINED = [
    ("Undefined cartesian", -1, "NONE", -1, "undefined", None),
    ("Undefined", 0, "NONE", 0, "undefined", None),
]


def rows(tables: Mapping[str, Iterable[Mapping[str, str]]], sides: Mapping[str, float], marking: str) -> list[dict]:
    """Return the squares of released tables, one row for each measure of each square.

    Parameters
    ----------
    tables : mapping
        Rows of released CSVs by the name of their table; only those with ``stratum_dim`` "cell" and a figure count.
    sides : mapping
        Side of a square in metres by ``method``; "" for others.
    marking : str
        Protective marking of each row.
    """
    out = []
    for layer, released in tables.items():
        for row in released:
            if row.get("stratum_dim") != "cell" or not row.get("value"):
                continue
            x, y = places.cell_origin(row["stratum"])
            side = sides.get(row["method"], sides[""])
            told: dict[str, Any] = {
                "layer": layer,
                "cell": row["stratum"],
                "x": int(x),
                "y": int(y),
                "side_m": int(side),
            }
            told |= {name: row.get(name, "") for name in TEXTS}
            told |= {name: float(row[name]) if row.get(name) else None for name in NUMBERS}
            out.append(told | {"synthetic": row["synthetic"], "marking": marking})
    return out


def to_csv(squares: list[dict]) -> bytes:
    """Return squares as CSV; ``x`` and ``y`` are the south-west corner, metres, EPSG:27700."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(squares)
    return out.getvalue().encode("utf-8")


def to_gpkg(squares: list[dict]) -> bytes:
    """Return squares as a GeoPackage with a layer for each table and measure, such as ``top_p_hot``."""
    with sqlite3.connect(":memory:") as base:
        base.executescript("PRAGMA application_id = 1196444487; PRAGMA user_version = 10300;" + _SCHEMA)
        systems = [*_UNDEFINED, ("OSGB36 / British National Grid", _SRS, "EPSG", _SRS, _WKT, "metres")]
        base.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", systems)
        layers: dict[str, list[dict]] = {}
        for row in squares:
            layers.setdefault(f"{row['layer']}_{row['measure']}", []).append(row)
        for name, held in layers.items():
            _layer(base, name, held)
        base.commit()
        return base.serialize()


def _layer(base: sqlite3.Connection, name: str, held: list[dict]) -> None:
    kept = [c for c in COLUMNS if c != "layer"]
    kinds = {"x": "INTEGER", "y": "INTEGER", "side_m": "INTEGER"} | dict.fromkeys(NUMBERS, "DOUBLE")
    columns = ", ".join(f'"{c}" {kinds.get(c, "TEXT")}' for c in kept)
    base.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POLYGON, {columns})')
    marks = ", ".join("?" * (len(kept) + 1))
    listed = ", ".join(f'"{c}"' for c in kept)
    rows_ = [(_polygon(row["x"], row["y"], row["side_m"]), *(row[c] for c in kept)) for row in held]
    base.executemany(f'INSERT INTO "{name}" (geom, {listed}) VALUES ({marks})', rows_)  # noqa: S608 - our own names
    west, south = min(r["x"] for r in held), min(r["y"] for r in held)
    east, north = (max(r[k] + r["side_m"] for r in held) for k in "xy")
    about = (name, "features", name, held[0]["marking"], _CHANGED, west, south, east, north, _SRS)
    base.execute("INSERT INTO gpkg_contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", about)
    base.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'POLYGON', ?, 0, 0)", (name, _SRS))


def _polygon(x: int, y: int, side: int) -> bytes:
    """Return a square as a GeoPackage geometry: header without envelope, then a polygon of one ring."""
    ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    body = struct.pack("<BIII", 1, 3, 1, len(ring)) + b"".join(struct.pack("<dd", *point) for point in ring)
    return b"GP" + struct.pack("<BBi", 0, 1, _SRS) + body
