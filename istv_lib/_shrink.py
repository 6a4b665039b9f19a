"""Rates and ratios drawn towards the whole, so that a small number does not shout.

A helper of :mod:`istv_lib.blocks` and :mod:`istv_lib.compare`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special


def rates(counts: ArrayLike, exposure: ArrayLike, unit: float = 1.0) -> NDArray:
    """Return each rate drawn towards the rate of all, the more the smaller its exposure.

    Parameters
    ----------
    counts, exposure : array-like
        Weighted events, and what they are out of (1 for squares alike, metres of street); rows without exposure are
        missing in the answer.
    unit : float
        Mean weight of an event, squared weights over weights; 1 where each counts as one.

    Notes
    -----
    Marshall's empirical Bayes estimate by moments (Applied Statistics 1991), as spdep's EBest gives. Where the rates
    differ no more than chance would make them, all are drawn to the whole.
    """
    counts, exposure = np.asarray(counts, dtype=float), np.asarray(exposure, dtype=float)
    open_ = exposure > 0
    out = np.full(counts.shape, np.nan)
    if not open_.any():
        return out
    y, e = counts[open_], exposure[open_]
    mean, raw = y.sum() / e.sum(), y / e
    between = (e * (raw - mean) ** 2).sum() / e.sum() - unit * mean / e.mean()
    kept = max(between, 0.0) / (max(between, 0.0) + unit * mean / e) if mean > 0 else np.zeros(len(y))
    out[open_] = mean + kept * (raw - mean)
    return out


def odds(hits: ArrayLike, others: ArrayLike, whole: float) -> tuple[NDArray, NDArray, NDArray]:
    """Return odds of one kind to another, drawn towards the whole: median and the ends of the middle 95 %.

    Parameters
    ----------
    hits, others : array-like
        Counts of the two kinds.
    whole : float
        Share of the first kind among all, to which small counts are drawn.

    Notes
    -----
    A beta distribution about ``whole``, whose narrowness is fitted by maximum likelihood to all pairs of counts
    (beta-binomial), is updated by each pair. The answer is finite for any counts.
    """
    hits, others = np.asarray(hits, dtype=float), np.asarray(others, dtype=float)
    held = hits + others > 0

    def loss(log_size: float) -> float:
        a, b = np.exp(log_size) * whole, np.exp(log_size) * (1 - whole)
        return -float((special.betaln(hits[held] + a, others[held] + b) - special.betaln(a, b)).sum())

    size = np.exp(optimize.minimize_scalar(loss, bounds=(0.0, 12.0), method="bounded").x) if held.any() else 1.0
    a, b = hits + size * whole, others + size * (1 - whole)
    low, middle, high = (special.betaincinv(a, b, q) for q in (0.025, 0.5, 0.975))
    return tuple(share / (1 - share) for share in (middle, low, high))


def likely_counts(counts: NDArray, sizes: list[int], times: int, rng: np.random.Generator) -> list[NDArray]:
    """Draw counts by place that might as well have been: one array of ``times`` rows for each number of incidents.

    Parameters
    ----------
    counts : ndarray
        Counts by place, from which the risk of each is judged.
    sizes : list of int
        Incidents to draw, as one number for each array.
    times : int
        Draws.
    rng : numpy Generator
        Draws risks, then counts; the arrays share their risks.

    Notes
    -----
    Risks are drawn from a Dirichlet distribution, whose evenness is fitted by maximum likelihood, updated by the
    counts. Resampling the incidents themselves would leave places that held none without risk, and be more
    concentrated than the truth.
    """
    size, total = len(counts), counts.sum()

    def loss(log_even: float) -> float:
        even = np.exp(log_even)
        whole = special.gammaln(size * even) - special.gammaln(size * even + total)
        return -float(whole + (special.gammaln(counts + even) - special.gammaln(even)).sum())

    even = np.exp(optimize.minimize_scalar(loss, bounds=(-7.0, 5.0), method="bounded").x)
    risks = rng.standard_gamma(np.broadcast_to(counts + even, (times, size)))
    risks /= risks.sum(axis=1, keepdims=True)
    return [rng.multinomial(n, risks).astype(float) for n in sizes]
