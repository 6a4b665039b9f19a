"""What of a map stays when points are not quite known and incidents could have been others.

A helper of :mod:`istv_lib.hotspots`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from istv_lib import _lattice, _scene
from istv_lib._scene import Baseline, Scene


def probability_hot(
    what: Scene,
    base: Baseline,
    rules: Mapping[str, Any],
    rng: np.random.Generator,
    candidates: pd.DataFrame | None = None,
) -> NDArray:
    """Return for each square of the area in which share of ``hot_draws`` draws of the true places it is hot.

    Parameters
    ----------
    what, base, rules
        As for :func:`istv_lib._scene.squares`.
    rng : numpy Generator
        Draws the places.
    candidates : DataFrame, optional
        Other places that a text may have meant: ``event_id``, ``x``, ``y``, ``p`` (their share of what the chosen
        place leaves; any scale).

    Notes
    -----
    A draw leaves an incident where it was found with its probability ``location_p`` (1 where none is stated), and then
    anywhere within its radius: a street at an even distance along a line of any bearing, other places evenly over the
    disc. Else it goes to one of its candidates, and without any to the place of another incident of the scene.
    """
    times = int(rules["hot_draws"])
    x, y = places_drawn(what.incidents, times, rng, candidates)
    hot = np.zeros(int(what.frame.own.sum()))
    if base.kind == "empty" or not len(what.incidents):
        return hot
    for found in _scene.hot_draws(what.frame.index(x, y), what.frame, base, rules):
        hot += found.sum(axis=0)
    return hot / times


def places_drawn(
    rows: pd.DataFrame, times: int, rng: np.random.Generator, candidates: pd.DataFrame | None = None
) -> tuple[NDArray, NDArray]:
    """Return eastings and northings of possible true places, a row a draw and a column an incident."""
    n = len(rows)
    at = rows[["x", "y"]].to_numpy(dtype=float)
    radius = np.where(rows["spread_m"] > 0, rows["spread_m"], rows["radius_m"].fillna(0.0)).astype(float)
    wrong = rng.random((times, n)) >= rows["location_p"].fillna(1.0).to_numpy(dtype=float)
    far, turn = rng.random((times, n)), 2 * np.pi * rng.random((times, n))
    far = np.where((rows["spread_m"] > 0).to_numpy(), far, np.sqrt(far)) * radius
    x, y = at[:, 0] + far * np.cos(turn), at[:, 1] + far * np.sin(turn)
    draw, row = np.nonzero(wrong)
    if n:
        elsewhere = at[rng.integers(0, n, len(row))]
        if candidates is not None and len(candidates):
            elsewhere = _candidate(rows, row, elsewhere, candidates, rng)
        x[draw, row], y[draw, row] = elsewhere.T
    return x, y


def _candidate(
    rows: pd.DataFrame, row: NDArray, elsewhere: NDArray, candidates: pd.DataFrame, rng: np.random.Generator
) -> NDArray:
    """Put a candidate's place in the stead of those of rows that have one."""
    number = pd.Series(np.arange(len(rows)), index=rows["event_id"].to_numpy())
    of = number.reindex(candidates["event_id"]).to_numpy()
    known = candidates[~np.isnan(of)].assign(of=of[~np.isnan(of)].astype(int)).sort_values("of", kind="stable")
    if known.empty:
        return elsewhere
    ends = np.cumsum(known["p"].to_numpy(dtype=float))
    own = known["of"].to_numpy()
    first, last = np.searchsorted(own, row, "left"), np.searchsorted(own, row, "right")
    some = last > first
    low, high = np.where(first > 0, ends[first - 1], 0.0)[some], ends[last[some] - 1]
    pick = np.searchsorted(ends, low + rng.random(int(some.sum())) * (high - low), side="right")
    out = elsewhere.copy()
    out[some] = known[["x", "y"]].to_numpy(dtype=float)[np.clip(pick, first[some], last[some] - 1)]
    return out


def ranks(what: Scene, rules: Mapping[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return how stable the largest squares are when incidents are drawn anew from those there were.

    Parameters
    ----------
    what, rules
        The scene; ``hot_draws``, ``top_places``.
    rng : numpy Generator
        Draws the incidents, with replacement.

    Returns
    -------
    DataFrame
        The ``top_places`` largest squares by their sum with the eight about them, largest first: ``cell``, ``around``,
        ``rank``, ``rank_low``, ``rank_high`` (the middle 95 % of draws), ``kept`` (share of draws in which the square
        is among the ``top_places`` largest). Squares that count nothing about them are left out.

    Notes
    -----
    A draw is noisier than the truth, so the shares err low rather than high. Neighbouring squares share incidents and
    so stand together in the list.
    """
    frame, n, times, top = what.frame, len(what.incidents), int(rules["hot_draws"]), int(rules["top_places"])
    around = np.round(_lattice.sums(what.counts)[frame.own], 9)
    order = np.argsort(-around, kind="stable")[:top]
    order = order[around[order] > 0]
    cells = np.flatnonzero(frame.own)[order]
    out = pd.DataFrame({"cell": frame.names(cells), "around": around[order], "rank": np.arange(1, len(order) + 1)})
    if not len(order):
        return out.assign(rank_low=np.nan, rank_high=np.nan, kept=np.nan)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=times)
    place = np.empty((times, len(order)))
    about = (what.weights @ frame.about)[:, np.flatnonzero(frame.own)].T.tocsr()
    for part in _scene.stretches(times, frame):
        sums = (about @ drawn[part].T.astype(float)).T
        place[part] = _places(sums, order)
    low, high = np.quantile(place, [0.025, 0.975], axis=0)
    return out.assign(rank_low=low, rank_high=high, kept=(place <= top).mean(axis=0))


def _places(sums: NDArray, order: NDArray) -> NDArray:
    """Return the rank of some columns in each row: 1 and the number of larger ones, halving ties."""
    ranked = np.sort(sums, axis=1)
    out = np.empty((len(sums), len(order)))
    for i, (row, wanted) in enumerate(zip(ranked, sums[:, order], strict=True)):
        above = len(row) - np.searchsorted(row, wanted + 1e-9, side="right")
        tied = np.searchsorted(row, wanted + 1e-9, side="right") - np.searchsorted(row, wanted - 1e-9, side="left")
        out[i] = 1 + above + (tied - 1) / 2
    return out
