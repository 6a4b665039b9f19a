"""Street-level police files of the synthetic London, in the columns of data.police.uk.

A helper of :mod:`istv_lib.synth`. Month precision, points snapped to the anchors, no times, as in the real
files; a few rows have no coordinates, no street or a repeated id. The planted hot spot is not in them: police
counts there stay as they were.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from istv_lib import places
from istv_lib._synth_attendances import MONTH_FACTORS
from istv_lib._synth_plan import BOROUGH_LEVELS, Plan
from istv_lib._synth_streets import Streets

CITY = "E09000001"
MET_A_MONTH, CITY_A_MONTH, BTP_A_MONTH = 5_500, 110, 260  # rows of the full world
NO_POINT = {"metropolitan": 0.012, "city-of-london": 0.077, "btp": 0.01}
REPEATED, GENERIC_SHARE, EMPTY_NAME = 0.002, 0.09, 0.003
BTP_OUTSIDE = 0.08
FORCES = {
    "metropolitan": "Metropolitan Police Service",
    "city-of-london": "City of London Police",
    "btp": "British Transport Police",
}
GENERIC = (
    "Supermarket;Parking Area;Sports/Recreation Area;Shopping Area;Petrol Station;Nightclub;Pedestrian Subway;"
    "Theatre/Concert Hall;Hospital;Police Station;Park/Open Space;Bus/Coach Station"
).split(";")
TYPES = {
    "Violence and sexual offences": 0.76,
    "Robbery": 0.09,
    "Possession of weapons": 0.03,
    "Public order": 0.08,
    "Anti-social behaviour": 0.04,
}
NO_ID = "Anti-social behaviour"
OUTCOMES = ("Investigation complete; no suspect identified", "Under investigation", "Status update unavailable")
HEADER = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context"
).split(",")


def files(plan: Plan, streets: Streets, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Yield path below ``incoming/`` and bytes of each force's file of each month."""
    forces = [force for force in FORCES if force != "city-of-london" or CITY in plan.boroughs]
    pools = {force: _pool(force, plan, streets, rng) for force in forces}
    for month in plan.months:
        for force, pool in pools.items():
            table = _month(force, pool, month, plan, rng)
            path = f"police/{month}/{month}-{force}-street.csv"
            yield path, table.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _pool(force: str, plan: Plan, streets: Streets, rng: np.random.Generator) -> pd.DataFrame:
    """Points a force's crimes snap to, with their share of its crimes and what is printed of them."""
    pool = _stations(plan) if force == "btp" else _street_points(force, plan, streets.anchors)
    pool = pool.reset_index(drop=True)
    pool["share"] *= rng.lognormal(0, 0.5, len(pool))
    pool["share"] /= pool["share"].sum()
    longitude, latitude = places.to_wgs84(pool["x"].to_numpy(), pool["y"].to_numpy())
    pool["Longitude"] = _decimals(longitude)
    pool["Latitude"] = _decimals(latitude)
    number = pd.Series(np.arange(len(pool)) // 3 + 1).astype("str").str.zfill(4)
    pool["LSOA code"] = "SYN" + number
    pool["LSOA name"] = pool["borough"] + " S" + number
    return pool


def _street_points(force: str, plan: Plan, anchors: pd.DataFrame) -> pd.DataFrame:
    own = anchors[(anchors["gss"] == CITY) == (force == "city-of-london")]
    level = own["gss"].map(BOROUGH_LEVELS) * np.where(own["gss"] == plan.ed_heavy, 0.65, 1.0)
    level *= np.where(own["gss"] == plan.police_heavy, 1.45, 1.0)
    place = "On or near " + own["street"]
    return own[["x", "y", "borough"]].assign(Location=place, share=level * own["weight"] ** 0.9, gss=own["gss"])


def _stations(plan: Plan) -> pd.DataFrame:
    stations = places.gazetteer_stations()
    stations = stations[stations["borough_gss"].isin(plan.boroughs)]
    suffix = stations["kind"].map({"tube": " (Lu Station)", "dlr": " (Dlr)"}).fillna(" (Station)")
    names = places.boroughs().set_index("gss")["name"]
    inside = pd.DataFrame(
        {
            "x": stations["easting"].astype("float64"),
            "y": stations["northing"].astype("float64"),
            "borough": stations["borough_gss"].map(names),
            "Location": "On or near " + stations["name"].str.title() + suffix,
            "share": stations["borough_gss"].map(BOROUGH_LEVELS).astype("float64"),
            "gss": stations["borough_gss"],
        }
    )
    outside = pd.DataFrame(
        {"x": [473_000.0, 531_000.0], "y": [173_500.0, 104_900.0], "borough": ["Reading", "Brighton and Hove"]}
    )
    outside["Location"] = "On or near " + outside["borough"] + " (Station)"
    total = inside["share"].sum() * BTP_OUTSIDE / (1 - BTP_OUTSIDE)
    return pd.concat([inside, outside.assign(share=total / len(outside), gss="")], ignore_index=True)


def _decimals(values: np.ndarray) -> pd.Series:
    return pd.Series(np.char.mod("%.6f", values), dtype="str")


def _rows(force: str, month: str, plan: Plan, rng: np.random.Generator) -> int:
    share = sum(BOROUGH_LEVELS[gss] for gss in plan.boroughs) / sum(BOROUGH_LEVELS.values())
    mean = {"metropolitan": MET_A_MONTH * share, "city-of-london": CITY_A_MONTH, "btp": BTP_A_MONTH * share}[force]
    return int(rng.poisson(mean * MONTH_FACTORS[int(month[5:]) - 1]))


def _month(force: str, pool: pd.DataFrame, month: str, plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    n = _rows(force, month, plan, rng)
    at = np.sort(rng.choice(len(pool), size=n, p=pool["share"].to_numpy()))
    rows = pool.iloc[at].reset_index(drop=True)
    kind = np.array(list(TYPES), dtype=object)[rng.choice(len(TYPES), size=n, p=list(TYPES.values()))]
    table = pd.DataFrame(
        {
            "Crime ID": _crime_ids(force, kind, rng),
            "Month": month,
            "Reported by": FORCES[force],
            "Falls within": FORCES[force],
            "Longitude": rows["Longitude"],
            "Latitude": rows["Latitude"],
            "Location": _labels(force, rows["Location"], rng),
            "LSOA code": rows["LSOA code"],
            "LSOA name": rows["LSOA name"],
            "Crime type": kind,
            "Last outcome category": _outcomes(force, kind, rng),
            "Context": "",
        },
        columns=HEADER,
    )
    lost = rng.uniform(size=n) < NO_POINT[force]
    table.loc[lost, ["Longitude", "Latitude", "LSOA code", "LSOA name"]] = ""
    table.loc[lost, "Location"] = "No Location"
    return table


def _crime_ids(force: str, kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """64 hex digits; none for transport police and anti-social behaviour; a few repeated."""
    n = len(kind)
    digits = rng.bytes(32 * n).hex()
    ids = np.array([digits[64 * k : 64 * k + 64] for k in range(n)], dtype=object)
    again = np.flatnonzero(rng.uniform(size=n) < REPEATED)
    ids[again] = ids[np.maximum(again - 1, 0)]
    return np.where((kind == NO_ID) | (force == "btp"), "", ids)


def _labels(force: str, places_: pd.Series, rng: np.random.Generator) -> np.ndarray:
    labels = places_.to_numpy(dtype=object)
    if force == "btp":
        return labels
    draw = rng.uniform(size=len(labels))
    generic = np.array(GENERIC, dtype=object)[rng.integers(len(GENERIC), size=len(labels))]
    labels = np.where(draw < GENERIC_SHARE, "On or near " + generic, labels)
    return np.where(draw > 1 - EMPTY_NAME, "On or near ", labels)


def _outcomes(force: str, kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    outcome = np.array(OUTCOMES, dtype=object)[rng.integers(len(OUTCOMES), size=len(kind))]
    return np.where((kind == NO_ID) | (force == "btp"), "", outcome)
