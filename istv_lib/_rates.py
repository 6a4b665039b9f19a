"""Limits of counts, rates and shares, rates that are standardised for age, and p-values of a family of tests.

Arrays go in and come out. What is missing, or has no denominator above zero, is missing in the result.
Source of the limits: technical guide of Fingertips (Office for Health Improvement and Disparities); checked against
the R package PHEindicatormethods 2.1.0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from istv_lib import _intervals, errors

FEWEST = 10  # events: from here on Byar's approximation, and a standardised rate, hold
PER = 100_000
MOST = 37.0  # standard errors: further out a tail is smaller than the least number of a computer


def count_limits(counts: ArrayLike, level: float = 0.95, stretch: ArrayLike = 1.0) -> tuple[NDArray, NDArray]:
    """Return the ends of the interval of a Poisson mean: exact for counts below 10, Byar's approximation from 10.

    Parameters
    ----------
    counts : array
        From 0 up.
    level : float, default 0.95
    stretch : array, default 1
        Widens the interval where counts spread more than by chance (:mod:`istv_lib._funnels`).

    Returns
    -------
    tuple of arrays
        Lower (0 for a count of 0) and upper end.

    Raises
    ------
    istv_lib.errors.ParameterError
        A count below zero, or a level that is not between 0 and 1.

    Notes
    -----
    How it can mislead: it holds chance alone, not season, silent hospitals, or several people hurt in one incident.
    """
    x, z = np.asarray(counts, dtype=float), _intervals.width(level, stretch)
    some = np.where(x > 0, x, 1.0)
    exact, byar = exact_limits(x, level, stretch), (_byar(some, -z), _byar(x + 1, z))
    lower, upper = (np.where(x < FEWEST, few, many) for few, many in zip(exact, byar, strict=True))
    return np.where(np.isnan(x), np.nan, lower), np.where(np.isnan(x), np.nan, upper)


def exact_limits(counts: ArrayLike, level: float = 0.95, stretch: ArrayLike = 1.0) -> tuple[NDArray, NDArray]:
    """Return the exact ends of the interval of a Poisson mean, as :func:`count_limits` does below 10, for any count.

    Source: Garwood, Biometrika 1936.
    """
    x = np.asarray(counts, dtype=float)
    if (x < 0).any():
        msg = "An interval was asked for of a count below zero; correct it, or leave it missing."
        raise errors.ParameterError(msg)
    if not 0 < level < 1:
        msg = f"An interval at level {level} cannot be; give a share such as 0.95."
        raise errors.ParameterError(msg)
    tail = special.ndtr(-np.minimum(_intervals.width(level, stretch), MOST))
    lower = np.where(x > 0, special.gammaincinv(np.where(x > 0, x, 1.0), tail), 0.0)
    return np.where(np.isnan(x), np.nan, lower), special.gammainccinv(x + 1, tail)


def _byar(x: NDArray, z: NDArray) -> NDArray:
    return x * np.maximum(1 - 1 / (9 * x) + z / (3 * np.sqrt(x)), 0.0) ** 3


def rates(
    counts: ArrayLike, n: ArrayLike, *, per: float = PER, level: float = 0.95
) -> tuple[NDArray, NDArray, NDArray]:
    """Return rates per ``per`` of ``n`` with their ends (see :func:`count_limits`).

    How it can mislead: residents are not the people present; a rate of a month with silent hospitals is too low.
    """
    x, n = np.asarray(counts, dtype=float), positive(n)
    lower, upper = count_limits(x, level)
    return per * x / n, per * lower / n, per * upper / n


def proportions(
    hits: ArrayLike, n: ArrayLike, *, per: float = 1.0, level: float = 0.95
) -> tuple[NDArray, NDArray, NDArray]:
    """Return shares (times ``per``) with the ends of Wilson's interval.

    Raises
    ------
    istv_lib.errors.ParameterError
        More hits than ``n``, or fewer than none.
    """
    x, n = part_of(hits, n)
    lower, upper = _intervals.wilson(x, n, level)
    return per * x / n, per * lower, per * upper


def positive(n: ArrayLike) -> NDArray:
    """Return denominators, missing where they are not above zero."""
    n = np.asarray(n, dtype=float)
    return np.where(n > 0, n, np.nan)


def part_of(hits: ArrayLike, n: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return hits and :func:`positive` denominators, if the hits can be a part of them."""
    x, n = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    if (x > n).any() or (x < 0).any():
        msg = "A share was asked for with more hits than records, or fewer than none; give records and hits among them."
        raise errors.ParameterError(msg)
    return x, positive(n)


def standardised(table: pd.DataFrame, *, per: float = PER, level: float = 0.95) -> pd.DataFrame:
    """Return rates that areas would have if their people had the ages of a standard population.

    Parameters
    ----------
    table : DataFrame
        One row per ``area`` and ``age_band``: ``events``, ``population``, ``standard_population``.
    per : float, default 100,000
    level : float, default 0.95

    Returns
    -------
    DataFrame
        By ``area``: ``events``, ``population``, ``value``, ``lower``, ``upper`` (Dobson's limits, from Byar's of the
        events) and ``why`` the three are missing: ``band_missing``, ``value_missing``, ``no_population`` (in a band
        that counts), ``few_events`` (fewer than 10); else empty.

    Raises
    ------
    istv_lib.errors.ParameterError
        An area with two rows of a band, a band with two standard populations or none, a number below zero.

    Notes
    -----
    How it can mislead: a person who attends several times, or several in one incident, make the limits too narrow;
    a standardised rate is for comparing areas and is no count per head. Source: Dobson and others, Statistics in
    Medicine 1991.
    """
    standard = _standard(table)
    weight = table["age_band"].map(standard / standard.sum()).astype(float)
    n = table["population"].where(table["population"] > 0)
    rated = table.assign(
        rate=(weight * table["events"] / n).where(weight > 0, 0.0),
        variance=(weight**2 * table["events"] / n**2).where(weight > 0, 0.0),
        unknown=table[["events", "population"]].isna().any(axis=1),
        nobody=(table["population"] <= 0) & (weight > 0),
    )
    sums = rated.groupby("area", sort=True)[["events", "population", "rate", "variance", "unknown", "nobody"]].sum()
    why = np.select(
        [
            rated.groupby("area").size() < len(standard), sums.pop("unknown") > 0, sums.pop("nobody") > 0,
            sums["events"] < FEWEST,
        ],
        ["band_missing", "value_missing", "no_population", "few_events"], "",
    )  # fmt: skip
    rate, told = sums.pop("rate"), why == ""
    step = np.sqrt(sums.pop("variance") / sums["events"].where(sums["events"] > 0))
    low, high = count_limits(sums["events"], level)
    ends = {
        "value": rate,
        "lower": rate + step * (low - sums["events"]),
        "upper": rate + step * (high - sums["events"]),
    }
    return sums.assign(**{k: (per * v).where(told) for k, v in ends.items()}, why=why).reset_index()


def _standard(table: pd.DataFrame) -> pd.Series:
    """Return the standard population of each band, if the table can be used."""
    twice = table[table.duplicated(["area", "age_band"])]
    if len(twice):
        msg = f"Area '{twice['area'].iloc[0]}' has two rows of the age band '{twice['age_band'].iloc[0]}'; add them up."
        raise errors.ParameterError(msg)
    by_band = table.groupby("age_band", sort=False)["standard_population"]
    if (table["standard_population"] != by_band.transform("first")).any():
        msg = "An age band has no standard population, or two; give each band one, the same in all areas."
        raise errors.ParameterError(msg)
    if (table[["events", "population", "standard_population"]] < 0).any(axis=None):
        msg = "A table of ages holds a number below zero; events and populations cannot be."
        raise errors.ParameterError(msg)
    return by_band.first()


def adjusted_p(p: ArrayLike) -> NDArray:
    """Return p-values adjusted by Benjamini and Hochberg (1995) within their family.

    The tests with an adjusted value of at most 0.05 hold, on average, at most 5 % that are false. Missing values are
    no part of the family. How it can mislead: leaving out tests that were made makes the rest look better.
    """
    p = np.asarray(p, dtype=float)
    out = np.full(p.shape, np.nan)
    told = ~np.isnan(p)
    out[told] = stats.false_discovery_control(p[told])
    return out
