"""Tables that a root may bring, and what stands in for them: residents by age, names of venues.

A helper of :mod:`istv_lib.store`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from istv_lib import errors, places, schema

NAMED = ("venue", "station")


def population(own: Path) -> pd.DataFrame:
    """Read ``gss``, ``age_band`` and ``population``: the user's, else the shipped residents of all ages."""
    if not own.exists():
        shipped = places.boroughs()[["gss", "population"]]
        return shipped.assign(age_band="all")
    frame = pd.read_csv(own, dtype=str, keep_default_na=False)
    if absent := [c for c in ("gss", "age_band", "population") if c not in frame]:
        msg = f"population.csv lacks the column '{absent[0]}'; it needs gss, age_band and population."
        raise errors.StoreError(msg)
    number = pd.to_numeric(frame["population"], errors="coerce")
    wrong = ~frame["gss"].isin(places.boroughs()["gss"]) | ~frame["age_band"].isin(schema.AGE_BANDS) | ~(number >= 0)
    if wrong.any():
        msg = f"Row {int(wrong.to_numpy().argmax()) + 2} of population.csv has no London borough, age band or number."
        raise errors.StoreError(msg)
    return frame.assign(population=number)


def venues(gazetteer: Path) -> pd.DataFrame:
    """Read ``name``, ``x``, ``y`` of venues and stations: those of the root's place list, and the shipped stations."""
    stations = places.gazetteer_stations().rename(columns={"easting": "x", "northing": "y"})
    stations = stations.assign(name=stations["name"] + " station")[["name", "x", "y"]]
    if not gazetteer.exists():
        return stations
    held = pd.read_parquet(gazetteer, columns=["kind", "display", "x", "y"]).rename(columns={"display": "name"})
    held = held.loc[held["kind"].isin(NAMED) & held["x"].notna(), ["name", "x", "y"]]
    return pd.concat([held, stations], ignore_index=True)
