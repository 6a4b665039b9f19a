"""Intervals of shares and of differences between shares, which hold for small counts too."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special


def width(level: float = 0.95, stretch: ArrayLike = 1.0) -> NDArray:
    """Return how many standard errors an interval reaches to each side: normal quantile of the level, times stretch."""
    return special.ndtri((1 + level) / 2) * np.asarray(stretch, dtype=float)


def wilson(hits: ArrayLike, n: ArrayLike, level: float = 0.95, stretch: ArrayLike = 1.0) -> tuple[NDArray, NDArray]:
    """Return the ends of Wilson's interval of a share, by default at 95 %; missing where ``n`` is 0.

    ``stretch`` widens it where shares spread more than by chance (:mod:`istv_lib._funnels`).
    Source: Wilson, Journal of the American Statistical Association 1927.
    """
    z = width(level, stretch)
    hits, n = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    n = np.where(n > 0, n, np.nan)
    share, weight = hits / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / weight
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / weight
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def difference(hits: ArrayLike, n: ArrayLike, other_hits: ArrayLike, other_n: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return the ends of Newcombe's 95 % interval of one share less another of other records.

    Source: Newcombe, Statistics in Medicine 1998, method 10.
    """
    a, b = (np.asarray(h, dtype=float) / np.asarray(k, dtype=float) for h, k in ((hits, n), (other_hits, other_n)))
    (a_low, a_high), (b_low, b_high) = wilson(hits, n), wilson(other_hits, other_n)
    low, high = np.hypot(a - a_low, b_high - b), np.hypot(a_high - a, b - b_low)
    return a - b - low, a - b + high


def shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Add ``value``, ``lower``, ``upper``, ``n`` and ``status`` to ``numerator`` and ``denominator``."""
    top, bottom = counts["numerator"].astype(float), counts["denominator"].astype(float)
    lower, upper = wilson(top, bottom)
    status = np.where(bottom > 0, "final", "no_data")
    value = top / bottom.where(bottom > 0)
    return counts.assign(
        numerator=top, denominator=bottom, value=value, lower=lower, upper=upper, n=bottom, status=status
    )
