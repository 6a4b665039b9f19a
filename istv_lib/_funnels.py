"""Funnels: which areas lie outside what chance makes of the common average, and lines to draw around it.

``kind`` is "rate" (counts over population: Poisson) or "share" (hits among records: binomial). Classes and lines at
95 % and 99.8 % follow the R package PHEindicatormethods 2.1.0, against which they are checked, where ``stretch`` is 1.
Areas differ for lasting reasons, so that in large areas nearly all would lie outside by chance alone;
:func:`stretch` says by how much to widen.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from istv_lib import _intervals, _rates, errors

WARN, ALARM = 0.95, 0.998
WINSOR = 0.1  # share of areas at each end whose distance is drawn in, of Spiegelhalter 2005
STEPS = 60  # halvings of an interval: to the last bit


def average(hits: ArrayLike, n: ArrayLike) -> float:
    """Return all hits over all denominators, of the areas that have both; missing if there are none."""
    x, n = np.asarray(hits, dtype=float), _rates.positive(n)
    told = ~np.isnan(x) & ~np.isnan(n)
    return float(x[told].sum() / n[told].sum()) if told.any() else np.nan


def classes(hits: ArrayLike, n: ArrayLike, *, kind: str, mean: float | None = None, widen: ArrayLike = 1.0) -> NDArray:
    """Return ``low_998``, ``low_95``, ``inside``, ``high_95`` or ``high_998`` for each area.

    Parameters
    ----------
    hits, n : array
        Counts and populations, or hits and records.
    kind : {"rate", "share"}
    mean : float, optional
        Compared with; all hits over all denominators if not given.
    widen : array, default 1
        From :func:`stretch`.

    Returns
    -------
    array of text
        An area is high when the mean lies below its own interval. Empty where it has no hits or denominator.

    Raises
    ------
    istv_lib.errors.ParameterError
        Another kind; more hits than records; counts below zero.

    Notes
    -----
    How it can mislead: among 33 areas about two lie outside the 95 % lines by chance; a class is no rank. A
    residential population is not the people present, least of all in the City of London.
    """
    x, n = _checked(hits, n, kind)
    mean = average(x, n) if mean is None else mean
    (low, high), (lowest, highest) = (_interval(x, n, kind, level, widen) for level in (WARN, ALARM))
    tests = [np.isnan(x) | np.isnan(n) | np.isnan(mean), lowest > mean, highest < mean, low > mean, high < mean]
    return np.select(tests, ["", "high_998", "low_998", "high_95", "low_95"], "inside")


def lines(n: ArrayLike, mean: float, *, kind: str, widen: ArrayLike = 1.0) -> pd.DataFrame:
    """Return the lines of a funnel at each denominator: ``lower_998``, ``lower_95``, ``upper_95``, ``upper_998``.

    Lines of rates rest on exact limits, classes on Byar's from a count of 10: an area within 1 % of a line can be
    classed as if on its other side. The lower line is 0 where no count could be low. Missing where ``n`` is not above
    zero. For additive widening give ``widen`` of these denominators.
    """
    _checked(0.0, n, kind)
    n = _rates.positive(n)
    out = {}
    for name, level in (("998", ALARM), ("95", WARN)):
        if kind == "share":
            half = _intervals.width(level, widen) * np.sqrt(mean * (1 - mean) / n)
            low, high = np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
        else:
            low, high = (_count_at(n * mean, level, widen, end) / n for end in (1, 0))
        out |= {f"lower_{name}": low, f"upper_{name}": high}
    return pd.DataFrame(out)[["lower_998", "lower_95", "upper_95", "upper_998"]]


def stretch(
    hits: ArrayLike, n: ArrayLike, *, kind: str, method: str = "additive", at: ArrayLike | None = None
) -> NDArray:
    """Return by how much to widen each area's interval, because areas spread more than by chance. Never below 1.

    Parameters
    ----------
    hits, n : array
        As for :func:`classes`.
    kind : {"rate", "share"}
    method : {"additive", "multiplicative"}
        Additive: lasting differences between areas have a variance tau squared, the same for all, beside chance, so
        that large areas are widened most. It is the default, because boroughs differ in people, night life and
        hospitals, not in how chance works. Multiplicative: all are widened alike, by the root of phi; it fits events
        that come in clusters.
    at : array, optional
        Denominators to return the widening of, for lines; by default those of the areas.

    Returns
    -------
    array
        Missing where the denominator is. All 1 for fewer than two areas, a mean at its bound, or a spread that is no
        more than by chance.

    Notes
    -----
    phi is the mean square of the areas' distances from the mean in standard errors, the highest and lowest 10 %
    drawn in (winsorised) so that true outliers do not hide themselves. How it can mislead: with few areas phi is a
    guess; widening declares the usual differences normal, which is no reason to accept them. Source: Spiegelhalter,
    Quality and Safety in Health Care 2005.
    """
    if method not in ("additive", "multiplicative"):
        msg = f"'{method}' is no way to widen a funnel; give additive or multiplicative."
        raise errors.ParameterError(msg)
    x, n = _checked(hits, n, kind)
    n_at = n if at is None else _rates.positive(at)
    told = ~np.isnan(x) & ~np.isnan(n)
    mean = average(x, n)
    spread = mean * (1 - mean) if kind == "share" else mean
    if told.sum() < 2 or not spread > 0:
        return np.where(np.isnan(n_at), np.nan, 1.0)
    precision = n[told] / spread
    z = (x[told] / n[told] - mean) * np.sqrt(precision)
    phi = float(np.mean(np.clip(z, *np.quantile(z, [WINSOR, 1 - WINSOR])) ** 2))
    if method == "multiplicative":
        return np.where(np.isnan(n_at), np.nan, max(1.0, phi) ** 0.5)
    k = len(z)
    between = max(0.0, (k * phi - (k - 1)) / (precision.sum() - (precision**2).sum() / precision.sum()))
    return np.sqrt(1 + between * n_at / spread)


def _checked(hits: ArrayLike, n: ArrayLike, kind: str) -> tuple[NDArray, NDArray]:
    if kind not in ("rate", "share"):
        msg = f"'{kind}' is no kind of funnel; give rate or share."
        raise errors.ParameterError(msg)
    if kind == "share":
        return _rates.part_of(hits, n)
    return np.asarray(hits, dtype=float), _rates.positive(n)


def _interval(x: NDArray, n: NDArray, kind: str, level: float, widen: ArrayLike) -> tuple[NDArray, NDArray]:
    if kind == "share":
        return _intervals.wilson(x, n, level, widen)
    low, high = _rates.count_limits(x, level, widen)
    return low / n, high / n


def _count_at(expected: NDArray, level: float, widen: ArrayLike, end: int) -> NDArray:
    """Return the count whose exact lower (0) or upper (1) end is the expected one; 0 where there is none."""
    low = np.zeros_like(expected)
    high = 2 * expected + 4 * _intervals.width(level, widen) ** 2 + 20
    for _ in range(STEPS):
        middle = (low + high) / 2
        below = _rates.exact_limits(middle, level, widen)[end] < expected
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(np.isnan(expected), np.nan, low)
