"""Density of public-place incidents, in a few classes: all that a public map may show of where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from istv_lib import _fit, errors, places, schema
from istv_lib._kernel import quartic

MEASURE, UNIT = "density_class", "class"
MONTHS = {"year": ("01", "12")}
EMPTY = ["numerator", "denominator", "lower", "upper", "expected", "limit_low", "limit_high", "share_used", "coverage"]
FLAGS = r"(from_[125]0*)?(;?below_[125]0*)?"


def classed(
    points: pd.DataFrame,
    cells: pd.DataFrame,
    *,
    bandwidth_m: float,
    period: tuple[str, str],
    place: str,
    rules: Mapping[str, Any],
    earlier: Iterable[tuple[str, ...]] = (),
    synthetic: bool,
) -> pd.DataFrame:
    """Put each cell with enough incidents about it into a class of density.

    Parameters
    ----------
    points : DataFrame
        ``x``, ``y`` (metres, EPSG:27700; rows without them are left out), ``month``. Incidents in public places only:
        the caller leaves out homes, hospitals and custody, as :func:`istv_lib.hotspots.fit` does; where the classes
        of places are there (``precision_class``, ``prior_decided``, ``location_p``), rows not fit are refused. With
        ``inside``, the others lie across the border: they count for the density and not for ``n``.
    cells : DataFrame
        ``cell`` (id), ``x``, ``y``: centres of a lattice.
    bandwidth_m : float
        Radius in metres beyond which an incident does not count.
    period : (str, str)
        First and last month of a calendar year; other months are left out.
    place : str
        GSS code of a borough, or ``london``.
    rules : mapping
        Content of ``parameters/disclosure.yml``; its ``density``.
    earlier : iterable of tuple
        Maps released before: first month, last month, place and, so that the same map may leave again, its
        :func:`fingerprint`.
    synthetic : bool
        The incidents were made by the synthetic London.

    Returns
    -------
    DataFrame
        Findings ``density_class`` by ``cell``: ``value`` the class from 1, ``flags`` its breaks per square kilometre
        ("from_50;below_100"), ``n`` the incidents of the whole map, which :func:`istv_lib.disclosure.release` rounds.
        Cells with too few incidents or months have no row.

    Raises
    ------
    errors.DisclosureError
        A bandwidth too small, a lattice too fine, another period than a calendar year, one that overlaps an earlier.

    Notes
    -----
    How it can mislead: the kernel spreads an incident over its surroundings, and more people make more incidents. A
    cell without class is not a safe place. Source: quartic kernel (Silverman, Density Estimation, 1986); attack in
    docs/methods.md.
    """
    least = rules["density"]
    _refuse(cells, bandwidth_m, period, least)
    if "precision_class" in points:
        _fit.demand(points, 0)
    inside = points[points["month"].astype("str").between(*period)].dropna(subset=["x", "y"])
    density, support, months = _kernel(inside, cells, bandwidth_m)
    known = (support >= least["events_least"]) & (months >= least["months_least"])
    breaks = _breaks(density[known], least["classes_most"])
    level = np.searchsorted(breaks, density[known], side="right")
    marks = [(f"from_{b:.0f}", f"below_{b:.0f}") for b in breaks]
    flags = [";".join([m[0] for m in marks[k - 1 : k] if k] + [m[1] for m in marks[k : k + 1]]) for k in level]
    out = pd.DataFrame({"stratum": cells["cell"].to_numpy()[known], "value": level + 1.0, "flags": flags})
    kind = "london" if place == places.LONDON else "borough"
    out = out.assign(measure=MEASURE, unit=UNIT, source="ed", place_type=kind, place=place, period_start=period[0])
    n = float(inside["inside"].sum() if "inside" in inside else len(inside))
    out = out.assign(period_end=period[1], stratum_dim="cell", n=n, status="final", method=MEASURE)
    found = schema.conform(out.assign(synthetic=synthetic).sort_values("stratum"), "finding")
    refuse_overlap(mark(found, period, place), earlier)
    return found


def fingerprint(findings: pd.DataFrame) -> str:
    """Return a hash of the classes of a map, before or after release."""
    rows = findings.loc[findings["measure"] == MEASURE, ["stratum", "value", "flags"]].sort_values("stratum")
    return hashlib.sha256(rows.to_csv(index=False, lineterminator="\n").encode()).hexdigest()[:16]


def check(findings: pd.DataFrame, rules: Mapping[str, Any]) -> None:
    """Refuse findings ``density_class`` that hold anything but a class, its breaks and the number of incidents."""
    rows = findings[(findings["measure"] == MEASURE) | (findings["unit"] == UNIT)]
    right = (rows["measure"] == MEASURE) & (rows["unit"] == UNIT) & rows["flags"].str.fullmatch(FLAGS)
    right &= rows["value"].between(1, rules["density"]["classes_most"]) & rows[EMPTY].isna().all(axis=1)
    if not right.all():
        msg = f"{int((~right).sum())} rows of a density map hold more than a class; make them with _density.classed."
        raise errors.DisclosureError(msg)


def _refuse(cells: pd.DataFrame, bandwidth: float, period: tuple[str, str], least: Mapping[str, Any]) -> None:
    if not bandwidth >= least["bandwidth_m_least"]:
        msg = f"A bandwidth of {bandwidth:g} m gives points away; use {least['bandwidth_m_least']} m or more."
        raise errors.DisclosureError(msg)
    at = cells[["x", "y"]].to_numpy(dtype=float)
    apart = cKDTree(at).query(at, k=2)[0][:, 1].min() if len(at) else np.inf
    if apart < least["grid_m_least"] - 1e-6:
        msg = f"Cells {apart:.0f} m apart give points away; use a lattice of {least['grid_m_least']} m or more."
        raise errors.DisclosureError(msg)
    if tuple(period) != tuple(f"{period[0][:4]}-{month}" for month in MONTHS[least["period"]]):
        msg = f"A density map from {period[0]} to {period[1]} is not of a calendar {least['period']}; choose one."
        raise errors.DisclosureError(msg)


def mark(findings: pd.DataFrame, period: tuple[str, str], place: str) -> tuple[str, ...]:
    """Return what the ledger remembers of a map: first and last month, place and :func:`fingerprint`."""
    return (*period, place, fingerprint(findings))


def refuse_overlap(new: tuple[str, ...], earlier: Iterable[tuple[str, ...]]) -> None:
    """Refuse a map (:func:`mark`) whose difference from an earlier one would tell of single incidents."""
    first, last, place, *classes = new
    for start, end, where, *held in earlier:
        apart = end < first or last < start or (where != place and places.LONDON not in {where, place})
        same = (start, end) == (first, last) and (where != place or held == classes)
        if not (apart or same):
            msg = (
                f"The density map of {place} from {first} to {last} overlaps one of {where} from {start} to {end} "
                "that is out and differs; leave it out."
            )
            raise errors.DisclosureError(msg)


def _kernel(points: pd.DataFrame, cells: pd.DataFrame, bandwidth: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each cell's quartic density per square kilometre, and the incidents and months within the bandwidth.

    Of the incidents the largest single place (to the metre) counts as one, so that none is seen by its own circle.
    """
    trees = (cKDTree(frame[["x", "y"]].to_numpy(dtype=float).reshape(-1, 2)) for frame in (cells, points))
    near = next(trees).sparse_distance_matrix(next(trees), bandwidth, output_type="ndarray")
    near = near[near["v"] < bandwidth]
    weight = quartic(near["v"], bandwidth)
    month = points["month"].to_numpy()[near["j"]]
    months = pd.DataFrame({"cell": near["i"], "month": month}).drop_duplicates()["cell"].to_numpy()
    count = len(cells)
    density = np.bincount(near["i"], weight, count)
    support = np.bincount(near["i"], minlength=count) - (_largest(points, near, count) - 1).clip(0)
    return density, support, np.bincount(months, minlength=count)


def _largest(points: pd.DataFrame, near: np.ndarray, count: int) -> np.ndarray:
    """Return how many of the incidents near each cell share one point."""
    spot = points.groupby([points["x"].round(), points["y"].round()], sort=False).ngroup().to_numpy()
    both, size = np.unique(near["i"] * np.int64(max(len(points), 1)) + spot[near["j"]], return_counts=True)
    out = np.zeros(count, dtype=np.int64)
    np.maximum.at(out, both // max(len(points), 1), size)
    return out


def _breaks(density: np.ndarray, most: int) -> np.ndarray:
    """Return fewer than ``most`` rising breaks of the form 1, 2 or 5 times a power of ten, each with cells above."""
    if not len(density):
        return np.array([])
    round_ = np.array([m * 10.0**k for k in range(9) for m in (1, 2, 5)])
    wanted = np.log(np.maximum(np.quantile(density, np.arange(1, most) / most), 1.0))
    nearest = round_[np.abs(np.log(round_) - wanted[:, None]).argmin(axis=1)]
    return np.unique(nearest[(nearest > density.min()) & (nearest <= density.max())])
