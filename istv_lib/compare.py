"""Two sources side by side, square by square: where one holds more of its events than the other does.

Neither source is the truth, and their levels are never compared: only where each has its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _excess, _scene, _shrink, places, tally
from istv_lib._scene import Scene

__all__ = ["METHOD", "between", "findings", "proportions", "sources"]
METHOD = "proportion_test"


def proportions(hits: Any, n: float, others: Any, other_n: float) -> np.ndarray:
    """Return two-sided p of the difference between two shares, hits of n and others of other_n (arrays).

    Pearson's chi-squared with N - 1 in place of N, which holds down to an expected count of one (Campbell, Statistics
    in Medicine 2007); the same numbers as the package sppt gives. 1 where neither has a hit.
    """
    hits, others = np.asarray(hits, dtype=float), np.asarray(others, dtype=float)
    total, both = n + other_n, hits + others
    room = both * (total - both) * n * other_n
    square = (hits * (other_n - others) - others * (n - hits)) ** 2 * (total - 1)
    return np.where(room > 0, _excess.two_sided(np.sqrt(square / np.where(room > 0, room, 1.0))), 1.0)


def sources(
    first: pd.DataFrame,
    second: pd.DataFrame,
    area: places.Area,
    period: tuple[str, str],
    rules: Mapping[str, Any],
    *,
    names: tuple[str, str] = ("ed", "police"),
) -> pd.DataFrame:
    """Compare where two sources have their events, both at the precision of the coarser.

    Parameters
    ----------
    first, second : DataFrame
        Events of each source that may be mapped, of all London or of the area and its surroundings: the columns that
        :func:`istv_lib.hotspots.scene` needs.
    area : places.Area
        Borough, BCU or London.
    period : (str, str)
        First and last month, included.
    rules : mapping
        ``compare_m``, ``compare_expected_least``, ``hot_false_rate``, ``spread_m`` and what a scene needs.
    names : (str, str)
        Names of the sources.

    Returns
    -------
    DataFrame
        A row a square of ``compare_m``: ``cell``, ``first``, ``second`` (events, each spread over ``spread_m``, and
        broken therefore), ``ratio`` (of the square's share of the first source to that of the second, drawn towards 1;
        1 means the same share), ``low``, ``high`` (its middle 95 %), ``p``, ``q``, ``tested`` and ``heavy`` (name of
        the source that is relatively more common, else empty). ``attrs["n"]`` holds both totals.

    Notes
    -----
    A square whose difference rests on one point of many events, as police map points are, counts that point once
    before it is called heavy. How it can mislead: offences include those without injury; each source misses other
    people; a square is "heavy" beside the area's own mix alone, so that something is always relatively more common
    somewhere.
    """
    wide = {**rules, "lattice_m": rules["compare_m"]}
    both = [
        _scene.scene(events, area, period, wide, source=name, coarse_m=rules["spread_m"])
        for events, name in zip((first, second), names, strict=True)
    ]
    return between(*both, rules)


def between(first: Scene, second: Scene, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Compare two scenes on the same squares: what :func:`sources` returns."""
    both, names = (first, second), (first.source, second.source)
    own = first.frame.own
    counts = [np.round(scene.counts[own], 9) for scene in both]
    once = [_scene.largest(scene, around=False)[own.ravel()] for scene in both]
    n = [part.sum() for part in counts]
    out = pd.DataFrame({"cell": first.frame.names(np.flatnonzero(own)), "first": counts[0], "second": counts[1]})
    whole = n[0] / sum(n) if sum(n) else 0.5
    usable = (counts[0] + counts[1]) * min(whole, 1 - whole) >= rules["compare_expected_least"]
    out["tested"] = usable & (min(n) > 0)
    out["ratio"], out["low"], out["high"] = _ratios(counts, n, whole)
    out["p"] = np.where(out["tested"], proportions(counts[0], n[0], counts[1], n[1]), 1.0)
    out["q"] = 1.0
    out.loc[out["tested"], "q"] = _excess.adjusted(out.loc[out["tested"], "p"].to_numpy())
    limit = float(_excess.cut(out.loc[out["tested"], "p"].to_numpy(), rules["hot_false_rate"]))
    more = counts[0] * n[1] > counts[1] * n[0]
    apart = [proportions(counts[0] - once[0] * more, n[0], counts[1] - once[1] * ~more, n[1]), more]
    still = (counts[0] - once[0] * more) * n[1] > (counts[1] - once[1] * ~more) * n[0]
    heavy = (out["p"] <= limit) & (apart[0] <= limit) & (still == more)
    out["heavy"] = np.select([heavy & more, heavy & ~more], names, default="")
    out.attrs["n"] = tuple(float(part) for part in n)
    return out


def _ratios(counts: list[np.ndarray], n: list[float], whole: float) -> tuple[np.ndarray, ...]:
    if not min(n) > 0:
        return tuple(np.full(len(counts[0]), np.nan) for _ in range(3))
    return tuple(part * n[1] / n[0] for part in _shrink.odds(*counts, whole))


def findings(
    compared: pd.DataFrame, place: str, period: tuple[str, str], *, synthetic: bool, least: float = 0
) -> pd.DataFrame:
    """Return compared squares (:func:`sources`) that are heavy as findings ``source_ratio`` by ``cell``.

    ``value`` is the ratio with its interval, ``expected`` and ``n`` the events of the first source and of both, to
    whole numbers, and ``flags`` the source that is relatively more common; ``denominator`` is 1. Where the first source
    has some events but fewer than ``least``, both numbers are missing. One more row, ``squares_compared``, counts the
    squares tested, with those that are heavy as ``numerator``.
    """
    heavy = compared[compared["heavy"] != ""].sort_values("ratio", ascending=False)
    rows = heavy[["cell", "ratio", "low", "high", "heavy"]].set_axis(
        ["stratum", "value", "lower", "upper", "flags"], axis=1
    )
    few = (heavy["first"] > 0) & (heavy["first"].round() < least)
    both = (heavy["first"].round() + heavy["second"].round()).mask(few)
    rows = rows.assign(expected=heavy["first"].round().mask(few), denominator=1.0, n=both)
    rows = rows.assign(measure="source_ratio", unit="rate", stratum_dim="cell")
    tested = float(compared["tested"].sum())
    last = {
        "measure": "squares_compared",
        "unit": "square",
        "value": tested,
        "numerator": float(len(heavy)),
        "denominator": tested,
    }
    last |= {"n": round(sum(compared.attrs["n"])), "status": "final" if tested else "no_data"}
    out = pd.concat([rows, pd.DataFrame([last])], ignore_index=True)
    out["status"] = out["status"].fillna("final")
    return tally.as_findings(out, None, place, synthetic=synthetic, method=METHOD, period=period)
