"""Attendances to distinct incidents: several people hurt in one assault are one event on a map.

A helper of :mod:`istv_lib.hotspots` and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

_NONE = np.zeros((0, 2), dtype=np.int64)
_TIMES = {"_exact": 1, "arrival_at": 1, "_day": 0}  # columns from the best on, and whether hours are allowed between


def distinct(events: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row for each incident: the finest placed of its attendances, and how many there were.

    Parameters
    ----------
    events : DataFrame
        ``x``, ``y`` (metres, EPSG:27700), ``occurred_start``, ``occurred_precision``, ``arrival_at``, ``month``,
        ``precision_class``, ``unit``, ``event_id``; rows without a point are left out.
    rules : mapping
        ``incident_m``, ``incident_hours``.

    Returns
    -------
    DataFrame
        The same columns and ``victims``; by time and id, with a new index.

    Notes
    -----
    Two attendances are of one incident when their places lie within ``incident_m`` of each other, at the same
    department or not, and their times within ``incident_hours``: the times of the assault where both are known to the
    minute, else the times of arrival; with neither, the same day. Chains count together. Offences, which come by the
    month, are never joined. How it can mislead: two fights in one place in one night are taken for one; one fight that
    is written down as two places further apart, or hours apart, is taken for two.
    """
    rows = events[events["x"].notna() & events["y"].notna()]
    exact = rows["occurred_start"].where(rows["occurred_precision"] == "minute")
    day = rows["occurred_start"].where(rows["occurred_precision"] == "day").fillna(rows["arrival_at"]).dt.normalize()
    rows = rows.assign(_exact=exact, _day=day).sort_values(["_exact", "arrival_at", "event_id"], kind="stable")
    rows = rows.reset_index(drop=True)
    group = _components(len(rows), *_pairs(rows, rules))
    fine = rows["precision_class"].map({"point": 0, "junction": 1, "street": 2}).fillna(3)
    order = np.lexsort((np.arange(len(rows)), fine, group))
    first = order[np.unique(group[order], return_index=True)[1]]
    victims = np.bincount(group, minlength=len(first)) if len(rows) else np.zeros(0, dtype=int)
    out = rows.iloc[first].assign(victims=victims[group[first]]) if len(rows) else rows.assign(victims=0)
    return out.sort_index().drop(columns=["_exact", "_day"]).reset_index(drop=True)


def _pairs(rows: pd.DataFrame, rules: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers of pairs of attendances that are of one incident."""
    at = rows[["x", "y"]].to_numpy(dtype=float) / rules["incident_m"]
    people, judged = (rows["unit"] == "attendance").to_numpy(), np.zeros(len(rows), dtype=np.int64)
    found = []
    for bit, (name, timed) in enumerate(_TIMES.items()):
        known = people & rows[name].notna().to_numpy()
        hour = (rows[name] - pd.Timestamp("2000-01-01")) / pd.Timedelta(hours=1)
        cube = np.column_stack([at, hour / (rules["incident_hours"] if timed else 1)])[known]
        pairs = cKDTree(cube).query_pairs(1.0 + 1e-9, p=np.inf, output_type="ndarray") if known.any() else _NONE
        pairs = np.flatnonzero(known)[pairs]
        pairs = pairs[judged[pairs[:, 0]] & judged[pairs[:, 1]] == 0]  # no better time is known of both
        found.append(pairs[np.hypot(*(at[pairs[:, 0]] - at[pairs[:, 1]]).T) <= 1.0 + 1e-9])
        judged |= known << bit
    return tuple(np.concatenate(found).T)


def _components(n: int, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Number the connected groups of rows."""
    graph = sparse.coo_matrix((np.ones(len(i), dtype=bool), (i, j)), shape=(n, n))
    return connected_components(graph, directed=False)[1]
