"""How concentrated incidents are in few squares, and how well an earlier map caught the later ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from istv_lib import _intervals, _lattice, _scene, _shrink, months, tally
from istv_lib._scene import Baseline, Scene

__all__ = ["METHOD", "backtest", "gini", "held", "lorenz", "share_of_places", "summary"]
METHOD = "concentration"
ACCURACY = "earlier_maps"


def gini(counts: NDArray, *, generalised: bool = True, unbiased: bool = False) -> NDArray:
    """Return the Gini coefficient of counts by place, along the last axis.

    Parameters
    ----------
    counts : ndarray
        Incidents by place, places without any included.
    generalised : bool
        Whether the evenest spread that so few incidents allow counts as even: with fewer incidents than places the
        plain coefficient is near 1 whatever happens.
    unbiased : bool
        Whether n / (n - 1) corrects for small n, of places or, where fewer, of incidents.

    Notes
    -----
    0 is even, 1 is all in one place; missing without an incident. Source: Bernasco and Steenbeek, Journal of
    Quantitative Criminology 2017.
    """
    counts = np.asarray(counts, dtype=float)
    size, total = counts.shape[-1], counts.sum(axis=-1)
    ranked = np.sort(counts, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = 2 * (ranked * np.arange(1, size + 1)).sum(axis=-1) / (size * total) - (size + 1) / size
        few = np.minimum(total, size)
        out = np.maximum(size / total, 1) * (plain - 1) + 1 if generalised else plain
        smallest = few if generalised else np.full_like(total, size)
        out = out * smallest / (smallest - 1) if unbiased else out
    return np.where(np.isfinite(out) & (total > 0), out, np.nan)


def lorenz(counts: NDArray) -> pd.DataFrame:
    """Return the Lorenz curve of counts by place: ``places`` and ``incidents``, shares from the fullest place on."""
    ranked = np.sort(np.asarray(counts, dtype=float))[::-1]
    held = np.concatenate([[0.0], np.cumsum(ranked)])
    share = held / held[-1] if held[-1] else np.full(len(held), np.nan)
    return pd.DataFrame({"places": np.linspace(0, 1, len(held)), "incidents": share})


def share_of_places(counts: NDArray, part: float) -> NDArray:
    """Return the share of places, the fullest first, that hold a part of the incidents, along the last axis.

    The last place counts by the part of it that is needed.
    """
    ranked = -np.sort(-np.asarray(counts, dtype=float), axis=-1)
    held = np.cumsum(ranked, axis=-1)
    wanted = part * held[..., -1:]
    full = (held < wanted - 1e-9).sum(axis=-1)
    last = np.minimum(full, counts.shape[-1] - 1)[..., None]
    before = np.take_along_axis(held - ranked, last, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = (wanted - before) / np.take_along_axis(ranked, last, axis=-1)
        return np.where(held[..., -1] > 0, (full + rest[..., 0]) / counts.shape[-1], np.nan)


def summary(what: Scene, rules: Mapping[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return how concentrated a scene's incidents are, as findings with intervals.

    Parameters
    ----------
    what : Scene
        As :func:`istv_lib.hotspots.scene` returns.
    rules : mapping
        ``concentration_shares``, ``hot_draws``, ``map_points_least``.
    rng : numpy Generator
        Draws risks and incidents.

    Returns
    -------
    DataFrame
        Findings of the squares of the area: ``gini_generalised``, and ``squares_for`` by ``incidents`` ("50%"): how
        many squares hold so much of the incidents, of ``denominator``. "No data" under ``map_points_least``.

    Notes
    -----
    The interval is the spread of draws of as many incidents, of risks that the counts make likely
    (:func:`istv_lib._shrink.likely_counts`). With few incidents every world looks more concentrated than it is, and so
    do the figure and its interval: compare only areas and years of like numbers. How it can mislead: do not
    set the shares beside published ones of other cities while there are fewer incidents than squares (``gini`` in
    ``flags``: ``few_incidents``); parks and water are squares too; a street is shared out over several squares, which
    lowers concentration.
    """
    counts = _rows(what).sum(axis=0)
    n, squares = what.n, len(counts)
    parts = list(rules["concentration_shares"])
    enough = n >= rules["map_points_least"]
    seen, low, high = (np.full(1 + len(parts), np.nan) for _ in range(3))
    if enough:
        seen = _shape(counts[None], parts)[0]
        low, high = _ends(seen, _shape(_shrink.likely_counts(counts, [n], int(rules["hot_draws"]), rng)[0], parts))
    many = np.array([1, *[squares] * len(parts)])
    out = pd.DataFrame({"value": seen * many, "lower": low * many, "upper": high * many})
    whole = [np.ceil, np.floor, np.ceil]
    for column, turn in zip(["value", "lower", "upper"], whole, strict=True):
        out.loc[1:, column] = turn(out.loc[1:, column].round(9))
    out["measure"] = ["gini_generalised", *["squares_for"] * len(parts)]
    out["stratum"] = ["", *[f"{part:.0%}" for part in parts]]
    out = out.assign(stratum_dim=np.where(out["stratum"] == "", "", "incidents"), n=float(n))
    out["unit"] = np.where(out["stratum"] == "", "share", "square")
    out = out.assign(denominator=float(squares), status="final" if enough else "no_data", source=what.source)
    out["flags"] = "few_incidents" if n < squares else ""
    return tally.as_findings(out, None, what.place, synthetic=what.synthetic, method=METHOD, period=what.period)


def _shape(counts: NDArray, parts: list[float]) -> NDArray:
    return np.column_stack([gini(counts), *[share_of_places(counts, part) for part in parts]])


def _ends(seen: NDArray, drawn: NDArray) -> tuple[NDArray, NDArray]:
    """Return the ends of a 95 % interval about a share: the spread of draws about their mean, reflected."""
    low, high = (seen + drawn.mean(axis=0) - np.quantile(drawn, q, axis=0) for q in (0.975, 0.025))
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


# ---- earlier maps, later incidents -------------------------------------------------------------------------------


def backtest(
    what: Scene,
    base: Baseline | Scene,
    rules: Mapping[str, Any],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Judge each of the last months by the map made from the twelve before it, and pool the months.

    Parameters
    ----------
    what : Scene
        Of ``hot_months + backtest_months`` months.
    base : Baseline or Scene
        A flat or supplied baseline, or the scene of another source, whose counts of the same months are taken.
    rules : mapping
        ``hot_months``, ``backtest_months``, ``top_places``, ``hot_false_rate``, ``map_points_least``.
    rng : numpy Generator
        Draws the later incidents anew for the interval of PEI.

    Returns
    -------
    DataFrame
        Findings by ``map`` ("hot": squares called hot; "top": the ``top_places`` largest squares by their sum with
        the eight about them): ``caught`` (share of the later incidents in the map's squares, of ``denominator``, with
        Wilson's interval), ``area_share`` (of the area's squares), ``pai`` (caught over area share), ``pei`` (PAI over
        the best PAI that as many squares could have had) and ``rri`` (the rate of capture later over that in the map's
        own months). "No data" where nothing was mapped or nothing happened later.

    Notes
    -----
    PAI: Chainey and others 2008; PEI: Hunt 2016; RRI: Levine 2008. Intervals: PAI by Wilson's of its share; RRI by its
    logarithm; PEI by drawing later incidents anew. How it can mislead: a map of few squares has a high PAI and catches
    little; places that stay busy are easy to foretell; months share most of their maps, so the intervals are somewhat
    too narrow. Compare areas or methods only at the same number of squares.
    """
    last = months.span(*what.period)[-int(rules["backtest_months"]) :]
    tries: dict[str, list] = {"hot": [], "top": []}
    for month in last:
        first = months.add(month, -int(rules["hot_months"]))
        earlier, later = what.within(first, months.add(month, -1)), what.within(month, month)
        if first < what.period[0] or earlier.n < rules["map_points_least"]:
            continue
        for name, chosen in _maps(earlier, base, rules).items():
            tries[name].append((chosen, earlier.counts[what.frame.own], _rows(later)))
    land = what.frame.land[what.frame.own]
    parts = [_pooled(rows, land, int(rules["hot_draws"]), rng).assign(stratum=k) for k, rows in tries.items()]
    out = pd.concat(parts, ignore_index=True).assign(stratum_dim="map", source=what.source)
    period = (last[0], last[-1])
    return tally.as_findings(out, None, what.place, synthetic=what.synthetic, method=ACCURACY, period=period)


def held(what: Scene, rules: Mapping[str, Any], rng: np.random.Generator) -> pd.DataFrame:
    """Return :func:`summary` of a scene's last ``hot_months`` and :func:`backtest` against an even spread, together.

    ``what``, ``rules`` and ``rng`` are as for the latter.
    """
    last = what.within(months.add(what.period[1], 1 - int(rules["hot_months"])), what.period[1])
    parts = [summary(last, rules, rng), backtest(what, _scene.flat(what), rules, rng)]
    return pd.concat(parts, ignore_index=True)


def _maps(earlier: Scene, base: Baseline | Scene, rules: Mapping[str, Any]) -> dict[str, NDArray]:
    held = _scene.of(base, earlier)
    around = _lattice.sums(earlier.counts)[earlier.frame.own]
    top = np.argsort(-around, kind="stable")[: int(rules["top_places"])]
    chosen = np.zeros(len(around), dtype=bool)
    chosen[top[around[top] > 0]] = True
    return {"hot": _scene.squares(earlier, held, rules)["hot"].to_numpy(), "top": chosen}


def _rows(later: Scene) -> NDArray:
    """Return the later incidents inside the area, by its squares."""
    return later.weights[later.incidents["inside"].to_numpy()][:, np.flatnonzero(later.frame.own)].toarray()


def _pooled(tries: list[tuple], land: NDArray, times: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the measures of one kind of map over its months."""
    hits = sum(float(rows[:, chosen].sum()) for chosen, _, rows in tries)
    n = sum(len(rows) for _, _, rows in tries)
    caught = sum(float(before[chosen].sum()) for chosen, before, _ in tries)
    earlier = sum(float(before.sum()) for _, before, _ in tries)
    area = float(np.mean([land[chosen].sum() for chosen, _, _ in tries])) / land.sum() if tries else 0.0
    out = pd.DataFrame({"measure": ["caught", "area_share", "pai", "pei", "rri"], "n": float(n)})
    out["unit"] = ["share", "share", "rate", "rate", "rate"]
    out["numerator"], out["denominator"] = [hits, np.nan, hits, hits, hits], [n or 1, len(land), n or 1, n or 1, n or 1]
    if not (n and area and caught):
        return out.assign(value=np.nan, status="no_data")
    low, high = (float(end) for end in _intervals.wilson(hits, n))
    rri = (hits / n) / (caught / earlier)
    spread = np.sqrt(max(1 / max(hits, 0.5) - 1 / n, 0) + max(1 / caught - 1 / earlier, 0)) * float(_intervals.width())
    best, lowest, highest = _efficiency(tries, times, rng)
    out["value"] = [hits / n, area, hits / n / area, best, rri]
    out["lower"] = [low, np.nan, low / area, lowest, rri * np.exp(-spread)]
    out["upper"] = [high, np.nan, high / area, highest, rri * np.exp(spread)]
    return out.assign(status="final")


def _efficiency(tries: list[tuple], times: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return hits over the most that as many squares could have caught, and the ends of its interval."""
    hits, most = np.zeros(times + 1), np.zeros(times + 1)
    months_ = [rows.sum(axis=0) for _, _, rows in tries]
    drawn = _shrink.likely_counts(sum(months_), [len(rows) for _, _, rows in tries], times, rng)
    for (chosen, _, _), seen, others in zip(tries, months_, drawn, strict=True):
        if chosen.any():
            counts = np.vstack([seen, others])
            hits += counts[:, chosen].sum(axis=1)
            most += -np.partition(-counts, chosen.sum() - 1, axis=1)[:, : chosen.sum()].sum(axis=1)
    ratio = np.divide(hits, most, out=np.zeros_like(hits), where=most > 0)
    low, high = _ends(ratio[0], ratio[1:])
    return float(ratio[0]), float(low), float(high)
