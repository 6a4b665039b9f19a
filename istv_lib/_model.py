"""Expected counts and limits of many series at once: arrays of series (N) by months (T).

A helper of :mod:`istv_lib.monitor`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from scipy import stats

MOST = 0.9  # greatest correlation of neighbouring months that is reckoned with


@dataclasses.dataclass(frozen=True)
class Series:
    """Monitored counts and what they depend on; all arrays N by T but ``group`` and ``fitted``.

    Attributes
    ----------
    counts : array
        Monitored attendances.
    reach : array
        Season's factor x days x exposure: what the level is multiplied by.
    spread : array
        Relative variance of ``reach``: of the season's factor and of the shares.
    use : array of bool
        Months of the baseline with enough coverage.
    group : array of int
        Series of one group (a stratum's boroughs) lend each other their dispersion; -1 stands alone.
    fitted : array of int
        Numbers fitted to the baseline: 1, or more where the season comes from the series itself.
    """

    counts: np.ndarray
    reach: np.ndarray
    spread: np.ndarray
    use: np.ndarray
    group: np.ndarray
    fitted: np.ndarray

    def take(self, rows: np.ndarray) -> Series:
        """Return some of the series."""
        return Series(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))


@dataclasses.dataclass(frozen=True)
class Fit:
    """Expected counts and their variance (N by T), dispersion (N), and which series could be fitted (N)."""

    mean: np.ndarray
    variance: np.ndarray
    dispersion: np.ndarray
    fits: np.ndarray


def fit(series: Series, months_least: int, prior: float) -> Fit:
    """Fit levels and dispersions to the baselines.

    The variance is dispersion x (mean + that of the level) plus that of season and shares; mean and variance are
    missing for a series with fewer usable months than ``months_least`` or without any attendance in them.
    """
    counts, reach = (np.where(series.use, a, 0.0) for a in (series.counts, series.reach))
    total, base = counts.sum(axis=1), reach.sum(axis=1)
    fits = (total > 0) & (base > 0) & (series.use.sum(axis=1) >= months_least)
    level = np.divide(total, base, out=np.full(len(total), np.nan), where=fits)
    mean = level[:, None] * series.reach
    dispersion = _dispersion(series, np.where(fits[:, None], mean, 0.0), prior)
    chance = dispersion[:, None] * (mean + mean**2 / np.where(fits, total, np.nan)[:, None])
    return Fit(mean, chance + mean**2 * series.spread, dispersion, fits)


def _dispersion(series: Series, mean: np.ndarray, prior: float) -> np.ndarray:
    """Return Pearson's statistic over what is left of the months, drawn towards the group's; at least 1."""
    inside = series.use & (mean > 0)
    squares = np.divide((series.counts - mean) ** 2, mean, out=np.zeros_like(mean), where=inside).sum(axis=1)
    left = np.maximum(inside.sum(axis=1) - series.fitted, 0).astype(float)
    groups = series.group + 1
    top, bottom = (np.bincount(groups, weights=a) for a in (squares, left))
    weight = np.where(groups > 0, prior, 0.0)
    pooled = np.divide(top, bottom, out=np.ones_like(top), where=bottom > 0)[groups]
    own = np.divide(squares + weight * pooled, left + weight, out=np.ones_like(squares), where=left + weight > 0)
    return np.maximum(own, 1.0)


def lasting(series: Series, fitted: Fit) -> float:
    """Return by how much the variance of a year's total exceeds that of independent months, because departures last.

    (1 + r) / (1 - r), with r the correlation of neighbouring months' residuals in the baselines of all series that are
    in a group, freed of the bias of the fitted level; at least 1.
    """
    mean = np.where(series.use & fitted.fits[:, None] & (series.group >= 0)[:, None], fitted.mean, np.nan)
    residual = (series.counts - mean) / np.sqrt(np.where(mean > 0, mean, np.nan))
    both = residual[:, 1:] * residual[:, :-1]
    pairs, whole = ~np.isnan(both), ~np.isnan(residual)
    if not pairs.any() or np.nansum(residual**2) < pairs.sum() * 1e-6:
        return 1.0
    r = (np.nansum(both) / pairs.sum()) / (np.nansum(residual**2) / whole.sum()) + 1 / whole.sum(axis=1).max()
    r = min(max(r, 0.0), MOST)
    return (1 + r) / (1 - r)


def limits(mean: np.ndarray, variance: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper quantiles of counts with this mean and variance (arrays of one shape).

    Negative binomial where the variance exceeds the mean, else Poisson; zero where the mean is zero, missing where it
    is missing.
    """
    safe, size, poisson = (np.ravel(a) for a in _shape(mean, variance))
    poisson, wide = poisson & (np.ravel(mean) > 0), ~poisson & (np.ravel(mean) > 0)
    out = np.zeros((2, safe.size))
    for line, share in zip(out, (tail, 1 - tail), strict=True):
        line[poisson] = stats.poisson.ppf(share, safe[poisson])
        line[wide] = stats.nbinom.ppf(share, size[wide], size[wide] / (size[wide] + safe[wide]))
    return tuple(np.where(np.isnan(mean), np.nan, line.reshape(np.shape(mean))) for line in out)


def tails(counts: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the chance of so low and of so high a count (arrays of one shape); missing where the mean is."""
    safe, size, poisson = _shape(mean, variance)
    share = size / (size + safe)
    low = np.where(poisson, stats.poisson.cdf(counts, safe), stats.nbinom.cdf(counts, size, share))
    high = np.where(poisson, stats.poisson.sf(counts - 1, safe), stats.nbinom.sf(counts - 1, size, share))
    low, high = np.where(mean > 0, low, 1.0), np.where(mean > 0, high, (counts == 0).astype(float))
    return tuple(np.where(np.isnan(mean), np.nan, a) for a in (low, high))


def _shape(mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    safe = np.where(mean > 0, mean, 1.0)
    extra = np.where(mean > 0, variance, 1.0) - safe
    return safe, safe**2 / np.maximum(extra, 1e-9), extra < 1e-6 * safe


def draw(fitted: Fit, rng: np.random.Generator) -> np.ndarray:
    """Draw counts by chance alone around the expected ones, with each series' own dispersion (N by T)."""
    mean = np.nan_to_num(fitted.mean)
    phi = np.broadcast_to(fitted.dispersion[:, None], mean.shape)
    wide = (phi > 1 + 1e-6) & (mean > 0)
    rate = mean.copy()
    rate[wide] = rng.gamma(mean[wide] / (phi[wide] - 1), phi[wide] - 1)
    return rng.poisson(rate).astype(float)


def residuals(counts: np.ndarray, fitted: Fit) -> np.ndarray:
    """Return how many standard deviations each month lies from its expected count (N by T)."""
    return (counts - fitted.mean) / np.sqrt(np.maximum(fitted.variance, 1e-12))


def runs(residual: np.ndarray, comparable: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Mark the months that belong to a run on one side of the expected counts, or to a trend (each N by T).

    A run or trend has at least ``length`` months in a row; a month that cannot be compared breaks it.
    """
    ok = comparable & ~np.isnan(residual)
    side = np.where(ok, np.sign(residual), 0.0)
    both = ok & np.roll(ok, 1, axis=1)
    both[:, :1] = False
    step = np.where(both, np.sign(residual - np.roll(residual, 1, axis=1)), 0.0)
    found = {f"run_{name}": _whole(side == sign, length) for name, sign in (("high", 1), ("low", -1))}
    for name, sign in (("up", 1), ("down", -1)):
        steps = _whole(step == sign, length - 1)
        found[f"trend_{name}"] = steps | np.pad(steps[:, 1:], ((0, 0), (0, 1)))
    return found


def _whole(on: np.ndarray, length: int) -> np.ndarray:
    """Mark whole runs of at least ``length`` true values along each row."""
    so_far, marked = np.zeros(on.shape, dtype=int), np.zeros(on.shape, dtype=bool)
    for t in range(on.shape[1]):
        so_far[:, t] = (so_far[:, t - 1] + 1 if t else 1) * on[:, t]
    for t in range(on.shape[1] - 1, -1, -1):
        later = marked[:, t + 1] if t + 1 < on.shape[1] else False
        marked[:, t] = on[:, t] & ((so_far[:, t] >= length) | later)
    return marked


def rules(counts: np.ndarray, fitted: Fit, comparable: np.ndarray, upwards: np.ndarray, setting: Mapping) -> dict:
    """Tell which rules the last month of each series meets.

    ``comparable`` (N by T) marks months that may be called low or be in a run; ``upwards`` (N) those whose last month
    may be called high though it is incomplete.

    Returns
    -------
    dict
        Rule to an array of bool (N): ``above_limit``, ``below_limit``, ``run_high``, ``run_low``, ``trend_up``,
        ``trend_down``; and ``p``, the two-sided chance of the last month.
    """
    low, high = tails(counts[:, -1], fitted.mean[:, -1], fitted.variance[:, -1])
    ok = fitted.fits & comparable[:, -1]
    found = {"above_limit": upwards & fitted.fits & (high <= setting["limit_tail"])}
    found["below_limit"] = ok & (low < setting["limit_tail"])
    marks = runs(residuals(counts, fitted), comparable & fitted.fits[:, None], int(setting["run_length"]))
    found |= {name: marked[:, -1] for name, marked in marks.items()}
    p = np.minimum(1.0, 2 * np.where(ok, np.minimum(low, high), high))
    return found | {"p": np.where(ok | (upwards & fitted.fits), p, np.nan)}
