"""Density of incidents per square kilometre by a quartic kernel, corrected where London ends.

A helper of :mod:`istv_lib.hotspots` and :mod:`istv_lib._density`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from istv_lib import _points

_PARTS = 128  # points by which the part of a kernel inside London is measured: to about 1 %


def quartic(distance: ArrayLike, bandwidth: float) -> NDArray:
    """Return the kernel's value per square kilometre at a distance; both in metres, zero from the bandwidth on.

    Source: Silverman, Density Estimation, 1986; it holds a volume of 1.
    """
    part = np.clip(1 - (np.asarray(distance, dtype=float) / bandwidth) ** 2, 0, None)
    return 3e6 / (np.pi * bandwidth**2) * part**2


def density(points: NDArray, at: NDArray, bandwidth: float, weight: NDArray | None = None) -> NDArray:
    """Return weighted points per square kilometre at each place; points and places are rows of x and y in metres."""
    points, at = (np.asarray(part, dtype=float).reshape(-1, 2) for part in (points, at))
    near = cKDTree(at).sparse_distance_matrix(cKDTree(points), bandwidth, output_type="ndarray")
    value = quartic(near["v"], bandwidth) * (1.0 if weight is None else np.asarray(weight)[near["j"]])
    return np.bincount(near["i"], value, len(at))


def inside(at: NDArray, bandwidth: float) -> NDArray:
    """Return the part of a kernel about each place that lies in London, from 0 to 1."""
    at = np.asarray(at, dtype=float).reshape(-1, 2)
    out = np.ones(len(at))
    edge = np.flatnonzero(shapely.dwithin(_rim(), shapely.points(at), bandwidth))
    share = (np.arange(_PARTS) + 0.5) / _PARTS
    far, turn = bandwidth * np.sqrt(1 - (1 - share) ** (1 / 3)), np.pi * (3 - 5**0.5) * np.arange(_PARTS)
    x, y = (at[edge, i, None] + far * part for i, part in enumerate((np.cos(turn), np.sin(turn))))
    out[edge] = shapely.contains_xy(_london(), x.ravel(), y.ravel()).reshape(x.shape).mean(axis=1)
    return out


@cache
def _rim() -> shapely.Geometry:
    rim = shapely.boundary(_london())
    shapely.prepare(rim)
    return rim


@cache
def _london() -> shapely.Geometry:
    whole = shapely.union_all(_points.shapes()[1])
    shapely.prepare(whole)
    return whole
