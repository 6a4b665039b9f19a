"""What a place's months are compared with: the frozen baseline, the season in it and the exposure of each month.

A helper of :mod:`istv_lib.monitor`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import coverage, errors, months, places
from istv_lib._model import Series

DAYS = 30.4375
LEFT = 6  # months beyond those fitted from which London's spread is reckoned


@dataclasses.dataclass(frozen=True)
class Baseline:
    """Series (N = strata x places, by T months) with their frame.

    Attributes
    ----------
    series : Series
        Counts and exposure, in the order of the cover table.
    keys : DataFrame
        One row per series: ``stratum_dim``, ``stratum``, ``place``, ``place_type``.
    months : list of str
        All months.
    tested, rebased : array of bool
        Months under test, and months from which the baseline was begun anew (N by T).
    gate : array
        Coverage (N by T), 0 where there is none.
    factor, rests : array
        Season's factors and the attendances they rest on (strata by 12).
    enough : array of bool
        Whether the baseline holds enough months with enough coverage (N).
    """

    series: Series
    keys: pd.DataFrame
    months: list[str]
    tested: np.ndarray
    rebased: np.ndarray
    gate: np.ndarray
    factor: np.ndarray
    rests: np.ndarray
    enough: np.ndarray


def baseline(cover: pd.DataFrame, month: str, rules: Mapping) -> Baseline:
    """Return the series of a cover table, ready to be fitted.

    Raises
    ------
    errors.StoreError
        When the table is not whole: some stratum or place lacks a month.
    """
    held = sorted(cover["month"].unique())
    keys = cover[["stratum_dim", "stratum", "place", "place_type"]].iloc[:: max(len(held), 1)].reset_index(drop=True)
    if len(keys) * len(held) != len(cover) or (cover["month"].to_numpy().reshape(len(keys), -1) != held).any():
        raise errors.StoreError("Expected counts need every month of every place: pass the whole coverage table.")
    inside, tested, rebased = _windows(keys["place"].to_numpy(), held, month, rules)
    grid = {
        name: np.nan_to_num(cover[name].to_numpy(dtype=float).reshape(len(keys), -1))
        for name in ("monitored", "exposure", "spread", "coverage", "days")
    }
    calendar = np.array([int(m[5:]) - 1 for m in held])
    season = _season(grid, keys, inside, calendar, rules)
    series = _series(grid, keys, inside, calendar, season, rules)
    enough = series.use.sum(axis=1) >= rules["baseline_months_least"]
    return Baseline(series, keys, held, tested, rebased, grid["coverage"], *season[:2], enough)


def _windows(of: np.ndarray, held: list[str], month: str, rules: Mapping) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the months of the baseline, those under test and those of a rebase (each N by T)."""
    latest = {place: begun for begun, place in sorted(_rebases(held, month, rules))}
    since = {place: max(latest.get(place, ""), latest.get("", "")) for place in set(of)}
    masks = {}
    for begun in {*since.values(), ""}:
        inside, tested = coverage.window(month, [m for m in held if m >= begun], rules)
        masks[begun] = np.isin(held, inside), np.isin(held, tested), np.array(held) == begun
    rows = [masks[since[place]] for place in of]
    return tuple(np.array([row[i] for row in rows]) for i in range(3))


def _rebases(held: list[str], month: str, rules: Mapping) -> list[tuple[str, str]]:
    """Return month and place (empty for all) of each rebase that is in force at the reported month.

    Raises
    ------
    errors.ParameterError
        A rebase without a reason, or whose month no data are held for.
    """
    for entry in rules["rebases"]:
        if not str(entry.get("reason", "")).strip():
            msg = f"The rebase of '{entry.get('month', '')}' has no reason; write one in parameters/defaults.yml."
            raise errors.ParameterError(msg)
        if months.parse(str(entry.get("month", ""))) <= month and entry["month"] not in held:
            msg = f"There is a rebase for {entry['month']}, of which no data are held; correct parameters/defaults.yml."
            raise errors.ParameterError(msg)
    return [(r["month"], r.get("place", "")) for r in rules["rebases"] if r["month"] <= month]


def _season(
    grid: Mapping[str, np.ndarray], keys: pd.DataFrame, base: np.ndarray, calendar: np.ndarray, rules: Mapping
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return factors, what they rest on (strata by 12), and which strata have a season of their own.

    What a factor rests on is less than its attendances where London's months spread more than by chance.
    """
    london = np.flatnonzero(keys["place"] == places.LONDON)
    exposed = grid["days"][london] / DAYS * grid["exposure"][london]
    sums = np.zeros((2, len(london), 12))
    for t, number in enumerate(calendar):
        sums[0, :, number] += grid["monitored"][london, t] * base[london, t]
        sums[1, :, number] += exposed[:, t] * base[london, t]
    rate = np.divide(sums[0], sums[1], out=np.full_like(sums[0], np.nan), where=sums[1] > 0)
    held = ~np.isnan(rate)
    mean = np.nansum(rate, axis=1) / np.maximum(held.sum(axis=1), 1)
    factor = np.divide(rate, mean[:, None], out=np.ones_like(rate), where=held & (mean > 0)[:, None])
    rests = np.where(held, np.maximum(sums[0], 1.0), 1.0)
    fitted = np.nan_to_num(rate)[:, calendar] * exposed
    spread = np.divide((grid["monitored"][london] - fitted) ** 2, fitted, out=np.zeros_like(fitted), where=fitted > 0)
    left = base[london].sum(axis=1) - held.sum(axis=1)
    phi = np.where(left >= LEFT, (spread * base[london]).sum(axis=1) / np.maximum(left, 1), 1.0)
    rests = rests / np.maximum(phi, 1.0)[:, None]
    own = sums[0].sum(axis=1) >= rules["season_counts_least"]
    own[0] = True
    return np.where(own[:, None], factor, factor[0]), np.where(own[:, None], rests, rests[0]), own


def _series(
    grid: Mapping[str, np.ndarray],
    keys: pd.DataFrame,
    base: np.ndarray,
    calendar: np.ndarray,
    season: tuple[np.ndarray, np.ndarray, np.ndarray],
    rules: Mapping,
) -> Series:
    stratum = pd.factorize(pd.MultiIndex.from_frame(keys[["stratum_dim", "stratum"]]))[0]
    factor, rests, own = season
    reach = factor[stratum][:, calendar] * grid["days"] / DAYS * grid["exposure"]
    relative = (
        np.divide(grid["spread"], grid["exposure"] ** 2, out=np.zeros_like(reach), where=grid["exposure"] > 0)
        + 1 / rests[stratum][:, calendar]
    )
    group = np.where(keys["place_type"] == "borough", stratum, -1)
    lent = (keys["place"] == places.LONDON).to_numpy() & own[stratum]
    fitted = np.where(lent, base.sum(axis=1).clip(1, 12), 1)
    use = base & (grid["coverage"] >= rules["coverage_least"])
    return Series(grid["monitored"], reach, relative, use, group, fitted)
