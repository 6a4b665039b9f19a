"""Two counts with their exposures: ratio of the rates, its interval, and tests that both have one rate.

Arrays go in and come out, one element per comparison. The first pair is the period of interest, the second what it is
compared with; an exposure is days, months or population times coverage. Where a count is missing or an exposure not
above zero, results are missing. All take the baseline as uncertain too, which a change in per cent, or the "Poisson
z" of 2 (sqrt(new) - sqrt(old)) does not: with no change that exceeds 3 in about 4 of 100 comparisons.
None knows season or silent hospitals, unless the exposures do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from istv_lib import _intervals, errors

CELLS = 250_000  # numbers held at once by the E-test: about 20 MB
TIE = 1e-7  # relative difference of probabilities that counts as equal, as in R
REACH = 9.0  # standard deviations of a Poisson count that the E-test sums over, and 40 more counts


def exact(
    count: ArrayLike, exposure: ArrayLike, base: ArrayLike, base_exposure: ArrayLike, *, level: float = 0.95
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return rate ratio, its exact lower and upper end, and the exact p-value, given the sum of the counts.

    The ratio is infinite where only the base is 0, and its upper end too; it is missing where both are, with an
    interval from 0 to infinity and p = 1.

    Raises
    ------
    istv_lib.errors.ParameterError
        A count below zero or not whole.

    Notes
    -----
    How it can mislead: it is cautious, so that small true changes are missed (see :func:`e_test`), and it is right
    only if events are independent. p and interval can disagree narrowly: p adds all outcomes that are no more
    likely, the interval cuts equal tails. Source: Clopper and Pearson, Biometrika 1934; checked against R poisson.test.
    """
    x, n, y, m = _pairs(count, exposure, base, base_exposure)
    tail = special.ndtr(-_intervals.width(level))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (x / n) / (y / m)
        least = special.betaincinv(np.where(x > 0, x, 1.0), y + 1, tail)
        most = special.betaincinv(np.where(y > 0, y, 1.0), x + 1, tail)
        lower = np.where(x > 0, least / (1 - least) * m / n, 0.0)
        upper = np.where(y > 0, (1 - most) / most * m / n, np.inf)
    gone = np.isnan(x + n + y + m)
    return ratio, np.where(gone, np.nan, lower), np.where(gone, np.nan, upper), _binomial_p(x, x + y, n / (n + m))


def quasi(
    count: ArrayLike,
    exposure: ArrayLike,
    base: ArrayLike,
    base_exposure: ArrayLike,
    *,
    dispersion: ArrayLike = 1.0,
    level: float = 0.95,
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return rate ratio, ends and p-value on the log scale, for counts that spread more than by chance.

    Parameters
    ----------
    count, exposure, base, base_exposure : array
    dispersion : array, default 1
        Variance over mean of counts of the period's length, as seen in the baseline. At least 1.
    level : float, default 0.95

    Returns
    -------
    tuple of arrays
        The variance of the log ratio is dispersion x (1 / count + 1 / base). All are missing where a count is 0: use
        :func:`exact` there.

    Raises
    ------
    istv_lib.errors.ParameterError
        A count below zero or not whole; a dispersion below 1.

    Notes
    -----
    How it can mislead: the normal approximation is poor below about 5 in either count; a dispersion of single months
    is too small for a year if months resemble their neighbours. Source: McCullagh and Nelder, Generalized Linear
    Models 1989, sections 4.5 and 6.2.
    """
    x, n, y, m = _pairs(count, exposure, base, base_exposure)
    if (np.asarray(dispersion, dtype=float) < 1).any():
        msg = "A dispersion is below 1; counts do not spread less than by chance for long, so give 1 or more."
        raise errors.ParameterError(msg)
    x, y = np.where(x > 0, x, np.nan), np.where(y > 0, y, np.nan)
    log = np.log(x / n) - np.log(y / m)
    error = np.sqrt(dispersion * (1 / x + 1 / y))
    reach = _intervals.width(level) * error
    return np.exp(log), np.exp(log - reach), np.exp(log + reach), 2 * special.ndtr(-np.abs(log / error))


def e_test(count: ArrayLike, exposure: ArrayLike, base: ArrayLike, base_exposure: ArrayLike) -> NDArray:
    """Return the p-value of the E-test (score form) that two Poisson counts have one rate.

    The rate is estimated from both counts together. The p-value is the probability, at this rate, of two counts whose
    difference in standard errors is as large. Two zeros give 1.

    Raises
    ------
    istv_lib.errors.ParameterError
        A count below zero or not whole.

    Notes
    -----
    For each value of the first count, the second counts that are as extreme are all up to one number and all from
    another, the roots of a quadratic equation; so the sum over the plane is one sum of two tails over the first
    count, within 9 standard deviations and 40 of its mean. Time and memory grow with the root of the count (2,700
    terms for counts of 20,000), and comparisons are taken in blocks that hold at most ``CELLS`` numbers. What is left
    out is below 1e-14, so smaller p-values are not exact. How it can mislead: it signals a little more often than
    stated for counts of a few. Source: Krishnamoorthy and Thomson, Journal of Statistical Planning and Inference 2004;
    checked against the Python package ptools 2.0.0.
    """
    shape = np.broadcast_shapes(*(np.shape(v) for v in (count, exposure, base, base_exposure)))
    x, n, y, m = (v.ravel() for v in _pairs(count, exposure, base, base_exposure))
    p = np.where(np.isnan(x + n + y + m), np.nan, 1.0)
    distance = (x - y * n / m) ** 2
    open_ = np.flatnonzero(distance > (TIE * np.maximum(x, y * n / m)) ** 2)
    mean = (x + y) * n / (n + m)
    order = open_[np.argsort(mean[open_], kind="stable")]
    width = _terms(mean[order]).max(initial=1)
    step = max(1, int(CELLS // width))
    for first in range(0, len(order), step):
        rows = order[first : first + step]
        p[rows] = _tails(x[rows], y[rows], mean[rows], n[rows] / m[rows])
    return np.minimum(p, 1.0).reshape(shape)


def _terms(mean: NDArray) -> NDArray:
    return np.ceil(2 * (REACH * np.sqrt(mean) + 40)) + 1


def _tails(x: NDArray, y: NDArray, mean: NDArray, ratio: NDArray) -> NDArray:
    """Return the sum over first counts of the tails of second counts, one row per comparison."""
    extreme = (x - ratio * y) ** 2 / (ratio * (x + y)) * (1 - 1e-9)  # ties count as extreme
    mean, ratio, extreme = mean[:, None], ratio[:, None], extreme[:, None]
    start = np.maximum(np.floor(mean - REACH * np.sqrt(mean) - 40), 0.0)
    first = start + np.arange(_terms(mean).max())
    root = np.sqrt(4 * first * extreme * (1 + ratio) + extreme**2)
    below = np.floor((2 * first + extreme - root) / (2 * ratio))
    above = np.ceil((2 * first + extreme + root) / (2 * ratio))
    below = np.where(first > 0, below, -1.0)  # (0, 0) is not extreme
    other = mean / ratio
    low = np.where(below >= 0, special.pdtr(np.maximum(below, 0.0), other), 0.0)
    high = np.where(above >= 1, special.pdtrc(np.maximum(above - 1, 0.0), other), 1.0)
    return (stats.poisson.pmf(first, mean) * (low + high)).sum(axis=1)


def _binomial_p(x: NDArray, n: NDArray, share: NDArray) -> NDArray:
    """Return the probability of all hits no more likely than ``x`` of ``n``; the far edge is found by halving."""
    turn = x > n * share
    x, share = np.where(turn, n - x, x), np.where(turn, 1 - share, share)
    known = ~np.isnan(x + n + share)
    x, n, share = (np.where(known, v, fill) for v, fill in ((x, 0.0), (n, 0.0), (share, 0.5)))
    likely = stats.binom.logpmf(x, n, share) + np.log1p(TIE)
    low, high = np.ceil(n * share) - 1, n + 1
    for _ in range(int(np.log2(n.max(initial=0) + 2)) + 2):
        middle = np.floor((low + high) / 2)
        rare = stats.binom.logpmf(middle, n, share) <= likely
        inside = high - low > 1
        high, low = np.where(inside & rare, middle, high), np.where(inside & ~rare, middle, low)
    p = stats.binom.cdf(x, n, share) + stats.binom.sf(high - 1, n, share)
    return np.where(known, np.minimum(np.where(x == n * share, 1.0, p), 1.0), np.nan)


def _pairs(*given: ArrayLike) -> list[NDArray]:
    """Return count, exposure, base and its exposure as arrays of one shape; exposures missing unless above zero."""
    x, n, y, m = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in given))
    for counts in (x, y):
        if (counts < 0).any() or (np.mod(counts, 1) > 0).any():
            msg = "Two counts can only be compared if they are whole and not below zero; give counts, not rates."
            raise errors.ParameterError(msg)
    return [x, np.where(n > 0, n, np.nan), y, np.where(m > 0, m, np.nan)]
