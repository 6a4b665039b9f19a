"""Near repeats: whether incidents close in place are also closer in time than chance would put them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from istv_lib import _excess, tally
from istv_lib._scene import Scene

__all__ = ["METHOD", "bands", "findings", "knox"]
METHOD = "knox"
_METRICS = {"euclidean": 2, "manhattan": 1}


def knox(
    xy: np.ndarray,
    days: np.ndarray,
    metres: Sequence[float],
    limits: Sequence[int],
    times: int,
    rng: np.random.Generator,
    *,
    metric: str = "euclidean",
) -> pd.DataFrame:
    """Count pairs by bands of distance and days, and compare with permuted days.

    Parameters
    ----------
    xy : ndarray
        A row an incident: easting and northing, metres.
    days : ndarray of int
        Its day, counted from any day.
    metres, limits : sequence
        Ends of bands, rising; a band holds its lower end and not its upper.
    times : int
        Permutations; 0 gives the observed pairs alone.
    rng : numpy Generator
        Permutes the days.
    metric : str
        ``euclidean`` or ``manhattan``.

    Returns
    -------
    DataFrame
        A row a pair of bands: ``metres_from``, ``metres_to``, ``days_from``, ``days_to``, ``observed``, ``expected``
        (mean of the permutations), ``ratio`` and ``p`` (one-sided: (permutations with as many or more + 1) / (times +
        1)).

    Notes
    -----
    Source: Knox, Applied Statistics 1964; bands and p as in the package NearRepeat, of which the observed pairs are
    equal. How it can mislead: pairs of one place share its level, which permuting keeps, and its season, which it
    does not: a summer of more incidents in one part of the area looks like near repeats.
    """
    xy, days = np.asarray(xy, dtype=float).reshape(-1, 2), np.asarray(days, dtype=np.int64)
    metres, limits = np.asarray(metres, dtype=float), np.asarray(limits, dtype=np.int64)
    shape, span = (len(metres) - 1, len(limits) - 1), max(int(np.ptp(days)) if len(days) else 0, int(limits[-1])) + 1
    i, j, space = _close(xy, metres, _METRICS[metric])
    key, other = space * span, np.empty_like(i)

    def counted(when: np.ndarray) -> np.ndarray:
        apart = when[i]
        apart -= np.take(when, j, out=other, mode="clip")
        np.abs(apart, out=apart)
        apart += key
        by_day = np.bincount(apart, minlength=shape[0] * span).reshape(shape[0], span)
        return np.column_stack([by_day[:, low:high].sum(axis=1) for low, high in itertools.pairwise(limits)])

    when = days - (days.min() if len(days) else 0)
    observed = counted(when)
    drawn = np.array([counted(rng.permutation(when)) for _ in range(times)]).reshape(times, *shape)
    expected = drawn.mean(axis=0) if times else np.full(shape, np.nan)
    p = ((drawn >= observed).sum(axis=0) + 1) / (times + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(expected > 0, observed / expected, np.nan)
    grid = [part.ravel() for part in np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")]
    out = {"metres_from": metres[grid[0]], "metres_to": metres[grid[0] + 1]}
    out |= {"days_from": limits[grid[1]], "days_to": limits[grid[1] + 1], "observed": observed.ravel()}
    return pd.DataFrame(out | {"expected": expected.ravel(), "ratio": ratio.ravel(), "p": p.ravel()})


def _close(xy: np.ndarray, metres: np.ndarray, norm: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs within the bands, and the band of each."""
    none = np.zeros(0, dtype=np.int64)
    if len(xy) < 2:
        return none, none, none
    pairs = cKDTree(xy).query_pairs(metres[-1], p=norm, output_type="ndarray")
    apart = np.abs(xy[pairs[:, 0]] - xy[pairs[:, 1]])
    away = apart.sum(axis=1) if norm == 1 else np.hypot(apart[:, 0], apart[:, 1])
    space = np.searchsorted(metres, away, side="right") - 1
    keep = (space >= 0) & (space < len(metres) - 1)
    order = np.lexsort((pairs[keep, 1], pairs[keep, 0]))  # near in memory, near in time
    return tuple(part[keep][order] for part in (pairs[:, 0], pairs[:, 1], space))


def bands(what: Scene, rules: Mapping[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return :func:`knox` of a scene's distinct incidents, by the night they belong to.

    Parameters
    ----------
    what : Scene
        As :func:`istv_lib.hotspots.scene` returns; attendances of one incident are one already, else they would stand
        at 0 m and 0 days. Incidents without a day, and police offences, which have only a month, are left out.
    rules : mapping
        ``knox_metres``, ``knox_days``, ``knox_times``.
    rng : numpy Generator
        Permutes the days.

    Returns
    -------
    DataFrame
        As :func:`knox`; ``attrs["n"]`` is the number of incidents.
    """
    rows = what.incidents[what.incidents["inside"]]
    dated = rows["occurred_precision"].isin(["minute", "day"])
    at = rows["occurred_start"].where(dated).fillna(rows["arrival_at"])
    exact = (rows["occurred_precision"] == "minute") | ~dated
    night = (at - pd.to_timedelta(np.where(exact, 6, 0), unit="h")).dt.normalize()
    known = night.notna()
    days = ((night[known] - pd.Timestamp("2000-01-01")) // pd.Timedelta(days=1)).to_numpy()
    xy = rows.loc[known, ["x", "y"]].to_numpy()
    out = knox(xy, days, rules["knox_metres"], rules["knox_days"], int(rules["knox_times"]), rng)
    out.attrs["n"] = int(known.sum())
    return out


def findings(table: pd.DataFrame, what: Scene, rate: float) -> pd.DataFrame:
    """Return bands (:func:`bands`) as findings ``near_repeat`` by ``band`` ("0-100 m, 0-2 days").

    ``value`` is observed over expected pairs, ``numerator`` and ``denominator`` the pairs observed and expected, to
    whole numbers, ``flags`` "beyond_chance" where more pairs are seen than chance gives, at a false discovery rate of
    ``rate`` over the bands. "No data" where no pair is expected.
    """
    last = table["days_to"] - 1
    name = [
        f"{a:g}-{b:g} m, {c}-{d} days"
        for a, b, c, d in zip(table["metres_from"], table["metres_to"], table["days_from"], last, strict=True)
    ]
    out = pd.DataFrame({"stratum": name, "value": table["ratio"], "numerator": table["observed"].astype(float)})
    out["denominator"] = table["expected"].round().clip(lower=1)
    out["flags"] = np.where(_excess.adjusted(table["p"].to_numpy()) <= rate, "beyond_chance", "")
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    out = out.assign(measure="near_repeat", unit="rate", stratum_dim="band", n=float(table.attrs["n"]))
    out["source"] = what.source
    return tally.as_findings(out, None, what.place, synthetic=what.synthetic, method=METHOD, period=what.period)
