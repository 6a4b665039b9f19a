"""Tails that hold for small counts, the false discovery rate, and Gi* beside them: plain arrays in and out.

A helper of :mod:`istv_lib.hotspots` and its neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from istv_lib import _lattice


def tail(hits: ArrayLike, n: ArrayLike, share: ArrayLike) -> NDArray:
    """Probability that at least ``hits`` of ``n`` fall where ``share`` of them are expected (binomial).

    Broken counts, as spread points give, are read off the same curve (the regularised incomplete beta function);
    for whole counts this is the binomial tail itself.
    """
    hits, n, share = (part.astype(float) for part in np.broadcast_arrays(hits, n, share))
    out = np.ones(hits.shape)
    some = (hits > 0) & (hits <= n)
    out[some] = special.betainc(hits[some], n[some] - hits[some] + 1, share[some])
    out[hits > n] = 0.0
    return out


def mid_tail(hits: ArrayLike, n: ArrayLike, share: ArrayLike) -> NDArray:
    """:func:`tail` less half the probability of exactly ``hits`` (mid-p); 1 where ``n`` is 0."""
    hits, n = np.broadcast_arrays(np.asarray(hits, dtype=float), np.asarray(n, dtype=float))
    return np.where(n > 0, (tail(hits, n, share) + tail(hits + 1, n, share)) / 2, 1.0)


def adjusted(p: NDArray) -> NDArray:
    """Benjamini and Hochberg's adjusted p of each p along the last axis."""
    size = p.shape[-1]
    order = np.argsort(p, axis=-1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=-1) * size / np.arange(1, size + 1)
    ranked = np.minimum.accumulate(ranked[..., ::-1], axis=-1)[..., ::-1]
    out = np.empty_like(ranked)
    np.put_along_axis(out, order, np.minimum(ranked, 1.0), axis=-1)
    return out


def cut(p: NDArray, rate: float) -> NDArray:
    """Limit up to which Benjamini and Hochberg's procedure rejects p of the last axis at ``rate``; -1: it rejects none.

    With k of m rejected it is ``rate`` k / m, so that a p that is not among the m can be held against it too.
    """
    limits = rate * np.arange(1, p.shape[-1] + 1) / p.shape[-1]
    return np.where(np.sort(p, axis=-1) <= limits, limits, -1.0).max(axis=-1, initial=-1.0)


def gi_star(counts: NDArray, near: NDArray) -> NDArray:
    """Return Gi* of each square: binary weights, the square itself included, over the squares of ``near``.

    Missing outside them, and everywhere when all counts are equal. Source: Ord and Getis, Geographical Analysis 1995;
    the same numbers as sfhotspot's hotspot_gistar and spdep's localG.
    """
    n = near.sum()
    inside = np.where(near, counts, 0.0)
    around, neighbours = _lattice.sums(inside), _lattice.sums(near.astype(float))
    mean = inside.sum() / n if n else 0.0
    spread = np.sqrt((inside[near] ** 2).mean() - mean**2) if n > 1 else 0.0
    scale = spread * np.sqrt(np.maximum(n * neighbours - neighbours**2, 0) / max(n - 1, 1))
    usable = near & (scale > 1e-12)
    return np.where(usable, (around - neighbours * mean) / np.where(usable, scale, 1.0), np.nan)


def two_sided(z: NDArray) -> NDArray:
    """Two-sided normal p of z."""
    return 2 * special.ndtr(-np.abs(z))
