"""Squares and points in words: by which town or station they lie.

A helper of :mod:`istv_lib.maps` and :mod:`istv_lib.tables`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from istv_lib import places

WAYS = "east north-east north north-west west south-west south south-east".split()
AT_M, STEP_M = 150, 50  # so near is "at"; farther distances are told to this


@cache
def known() -> pd.DataFrame:
    """Return towns and stations of London: ``name``, ``x``, ``y``."""
    towns, stations = places.gazetteer_areas(), places.gazetteer_stations()
    names = pd.concat([towns["name"], stations["name"] + " station"], ignore_index=True)
    both = pd.concat([towns, stations], ignore_index=True)
    return pd.DataFrame({"name": names, "x": both["easting"], "y": both["northing"]})


def places_of(x: ArrayLike, y: ArrayLike) -> list[str]:
    """Return where points lie: "300 m north-west of Catford station", "at Catford". Metres, EPSG:27700."""
    at, held = np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)]), known()
    if not len(at):
        return []
    far, nearest = cKDTree(held[["x", "y"]].to_numpy(dtype=float)).query(at)
    off = at - held[["x", "y"]].to_numpy(dtype=float)[nearest]
    way = np.round(np.arctan2(off[:, 1], off[:, 0]) / (np.pi / 4)).astype(int) % 8
    steps = (np.round(far / STEP_M) * STEP_M).astype(int)
    rows = zip(held["name"].to_numpy()[nearest], far, steps, way, strict=True)
    return [f"at {n}" if f < AT_M else f"{m} m {WAYS[w]} of {n}" for n, f, m, w in rows]


def squares(cells: Iterable[str], size: float) -> list[str]:
    """Return where the middles of squares lie, in words."""
    x, y = places.cell_origin(list(cells))
    return places_of(np.asarray(x) + size / 2, np.asarray(y) + size / 2)
