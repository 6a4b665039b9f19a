"""How much of the squares rests on points that may be wrong.

A helper of :mod:`istv_lib.hotspots`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _fit, places, tally


def moved(
    mapped: pd.DataFrame, place: str, period: tuple[str, str], rules: Mapping, rng: np.random.Generator
) -> pd.DataFrame:
    """Move a share of the mapped points to other places of their borough and say what of the squares stays.

    Parameters
    ----------
    mapped : DataFrame
        ED events of the place and period that may be mapped (:func:`istv_lib.hotspots.fit`): ``x``, ``y``
        (EPSG:27700), ``precision_class``, ``location_p``, ``prior_decided``, ``location_type``, ``borough_gss``,
        ``synthetic``.
    place : str
        GSS code, or ``london``.
    period : (str, str)
        First and last month, included.
    rules : mapping
        ``lattice_m``, ``map_p_least``, ``map_points_least``, ``moved_shares``, ``moved_times``.
    rng : numpy Generator
        Chooses the points, and for each the mapped point of the same borough to whose place it goes.

    Returns
    -------
    DataFrame
        Findings by ``moved`` ("10%"), means over ``moved_times`` repetitions with the range of the middle 95 % of
        them: ``stable_3`` and ``stable_8``, the share of the squares of the top tenth whose count changes by less than
        3 % and 8 %; ``top_ten``, the share of the ten largest squares that stay among the ten largest.
        ``denominator`` is the number of squares looked at, ``n`` the points; "no data" under ``map_points_least``.
        ``top_least`` is the least count of the squares of the top tenth.

    Raises
    ------
    errors.DisclosureError
        When a row may be on no map: a home, a hospital, a place too coarse or too uncertain.

    Notes
    -----
    How it can mislead: in a square of ten attendances one is more than 8 %, so few squares of a borough can count as
    stable, and many of a whole city over years. Real errors are no random ones: they gather at places of one name.
    Points that stay may be wrong too, and those that could not be mapped are in no square at all.
    """
    _fit.demand(mapped, rules["map_p_least"])
    cell, names = pd.factorize(named(mapped, rules), sort=True)
    borough = mapped["borough_gss"].to_numpy()
    enough = len(mapped) >= rules["map_points_least"]
    base = np.bincount(cell, minlength=len(names))
    order = np.argsort(-base, kind="stable")
    top = order[: -(-len(names) // 10)]
    rows = [{"measure": "top_least", "value": base[top].min() if enough else np.nan, "unit": "attendance"}]
    for share in rules["moved_shares"]:
        runs = [_kept(base, cell, borough, top, share, rng) for _ in range(rules["moved_times"] if enough else 0)]
        runs = np.array(runs) if runs else np.full((1, 3), np.nan)
        for k, measure in enumerate(("stable_3", "stable_8", "top_ten")):
            squares = min(10, len(names)) if measure == "top_ten" else len(top)
            low, high = np.percentile(runs[:, k], [2.5, 97.5])
            rows.append({"measure": measure, "value": runs[:, k].mean(), "lower": low, "upper": high, "unit": "share"})
            rows[-1] |= {"denominator": squares or np.nan, "stratum": f"{share:.0%}", "stratum_dim": "moved"}
    out = pd.DataFrame(rows).assign(n=float(len(mapped)), status="final" if enough else "no_data")
    return tally.as_findings(
        out, None, place, synthetic=bool(mapped["synthetic"].all()), method="moved_points", period=period
    )


def _kept(
    base: np.ndarray, cell: np.ndarray, borough: np.ndarray, top: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Move points once; return the shares of top squares that change by less than 3 and 8 %, and of the ten kept."""
    going = rng.permutation(len(cell))[: round(share * len(cell))]
    now = cell.copy()
    for gss in np.unique(borough):
        mine, here = going[borough[going] == gss], np.flatnonzero(borough == gss)
        now[mine] = cell[rng.choice(here, size=len(mine))]
    counts = np.bincount(now, minlength=len(base))
    change = np.abs(counts[top] / base[top] - 1)
    ten = [set(np.argsort(-c, kind="stable")[:10]) for c in (base, counts)]
    return float((change < 0.03).mean()), float((change < 0.08).mean()), len(ten[0] & ten[1]) / len(ten[0])


def named(mapped: pd.DataFrame, rules: Mapping) -> pd.Series:
    """Return the name of each point's square."""
    cell = places.cell_of(mapped["x"].to_numpy(), mapped["y"].to_numpy(), int(rules["lattice_m"]))
    return pd.Series(cell, index=mapped.index, dtype="str")
