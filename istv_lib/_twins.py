"""Stations that two lists name are made one row.

A helper of :mod:`istv_lib.places`.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

_SAME_STATION_M = 400  # furthest real pair of entrances is 308 m apart, nearest namesakes (Bethnal Green) 475 m


def _station_keys(name: str, aliases: str) -> set[str]:
    texts = [name, *aliases.split(";")]
    plain = (re.sub(r"[^a-z0-9 ]", "", re.sub(r"[-&]|\band\b", " ", text.lower())) for text in texts)
    return {" ".join(text.split()) for text in plain} - {""}


def merged(table: pd.DataFrame) -> pd.DataFrame:
    """Join rows that share a name or alias within 400 m: the first one's point and kind, the spellings of all."""
    kept: list[dict] = []
    for row in table.to_dict("records"):
        x, y, keys = int(row["easting"]), int(row["northing"]), _station_keys(row["name"], row["aliases"])
        twins = (
            old
            for old in kept
            if old["keys"] & keys and np.hypot(old["easting"] - x, old["northing"] - y) <= _SAME_STATION_M
        )
        twin = next(twins, None)
        if twin is None:
            kept.append(row | {"easting": x, "northing": y, "keys": keys})
            continue
        spellings = {*twin["aliases"].split(";"), *row["aliases"].split(";"), row["name"].lower()}
        twin["aliases"] = ";".join(sorted(spellings - {"", twin["name"].lower()}))
        twin["keys"] |= keys
        twin["source"] = "; ".join(dict.fromkeys([*twin["source"].split("; "), row["source"]]))
    return pd.DataFrame(kept).drop(columns="keys")
