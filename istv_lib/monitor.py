"""Counts, expected counts and control limits of an area, month by month.

Expected counts know the season, the days of the month and the coverage; limits come from a negative binomial
distribution with the dispersion seen in the frozen baseline. XmR charts stand beside them for readers who know
the Making Data Count rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from istv_lib import coverage, places, tally
from istv_lib._xmr import xmr

DAYS = 30.4375
METHOD = "expected_nb"

__all__ = ["current", "expected", "limits", "monthly", "season", "sites", "xmr", "xmr_findings"]


def monthly(cover: pd.DataFrame, place: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return one place's months as findings: count, coverage, expected count, limits, flags and status.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns for the same month.
    place : str
        GSS code, BCU code, ``london`` or ``not_known``.
    month : str
        Reported month.
    rules : mapping
        Thresholds.

    Returns
    -------
    DataFrame
        Findings, one per month held. ``value`` counts every attendance. ``expected`` and the limits are those of
        the hospitals in the comparison, to which the attendances at hospitals without a reference are added as
        they are, so that a newly joined hospital changes nothing. ``flags`` may hold ``above_limit``,
        ``below_limit``, ``tested``, ``no_baseline``, ``revised``, ``break`` (see :func:`istv_lib.coverage.table`); a
        month below the gate is never ``below_limit``.

    Notes
    -----
    How it can mislead: with fewer than about 15 attendances a month even a real fall of 40 % stays inside the
    limits most of the time; one month in 500 falls outside them by chance.
    """
    own = cover[cover["place"] == place].sort_values("month").reset_index(drop=True)
    held = sorted(cover["month"].unique())
    baseline, tested = coverage.window(month, held, rules)
    enough = len(baseline) >= rules["baseline_months_least"]
    model = expected(cover, own, baseline, rules) if enough else None
    out = pd.DataFrame({"value": own["value"], "coverage": own["coverage"], "n": own["value"]})
    gate = own["coverage"].fillna(0.0)
    no_data = (gate == 0) & (own["value"] == 0)
    out["value"] = own["value"].where(~no_data)
    out["status"] = np.select(
        [no_data, gate < rules["coverage_full"], own["provisional"]], ["no_data", "gated", "provisional"], "final"
    )
    if model is not None:
        for name in ("expected", "limit_low", "limit_high"):
            out[name] = (model[name] + own["unmonitored"]).where(gate >= rules["coverage_least"])
    out["flags"] = _flags(own, model, tested, gate, rules)
    return tally.as_findings(out, own["month"], place, synthetic=bool(own["synthetic"].all()), method=METHOD)


def xmr_findings(cover: pd.DataFrame, place: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return one place's months as an XmR chart sees them, for readers who know it; incomplete months are left out.

    ``expected`` is the mean, ``flags`` the rule that a month meets. It knows neither season nor coverage, so it
    signals more often than :func:`monthly` and must not be put into sentences.
    """
    own = monthly(cover, place, month, rules)
    whole = own["value"].where(own["status"].isin(["final", "provisional"]))
    chart = xmr(whole, run_length=rules["run_length"])
    out = own.assign(
        measure="attendances_xmr", method="xmr", value=whole, expected=chart["mean"], limit_low=chart["lower"],
        limit_high=chart["upper"], flags=chart["label"].where(whole.notna(), ""),
    )  # fmt: skip
    return out.assign(status=out["status"].where(whole.notna(), "no_data"))


def sites(cover: pd.DataFrame, place: str, month: str) -> pd.DataFrame:
    """Return how many of the hospitals that supply a place sent data in the month, as one finding.

    ``value`` is the number that sent, ``denominator`` the number expected, ``share_used`` the coverage.
    """
    row = cover[(cover["place"] == place) & (cover["month"] == month)].iloc[0]
    expected_sites = 0.0 if pd.isna(row["sites_expected"]) else float(row["sites_expected"])
    sent = 0.0 if pd.isna(row["sites_sent"]) else float(row["sites_sent"])
    return tally.total(
        "sites_sent",
        sent,
        place,
        (month, month),
        unit="site",
        source="ed",
        synthetic=bool(row["synthetic"]),
        denominator=expected_sites,
        coverage=row["coverage"],
        stratum_dim="",
    )


def _flags(
    own: pd.DataFrame, model: pd.DataFrame | None, tested: list[str], gate: pd.Series, rules: Mapping
) -> pd.Series:
    words = {"no_baseline": pd.Series(model is None, index=own.index)}
    if model is not None:
        in_test = own["month"].isin(tested)
        above = in_test & (gate >= rules["coverage_least"]) & (own["monitored"] > model["limit_high"])
        below = in_test & (gate >= rules["coverage_full"]) & (own["monitored"] < model["limit_low"])
        words |= {"tested": in_test, "above_limit": above, "below_limit": below}
    words |= {name: own[name] for name in ("revised", "break")}
    return pd.Series([";".join(w for w, on in words.items() if on[i]) for i in own.index], index=own.index)


def season(cover: pd.DataFrame, baseline: list[str]) -> pd.DataFrame:
    """Return the factor of each calendar month ("01" to "12"), mean 1, from all of London in the baseline.

    Returns
    -------
    DataFrame
        By calendar month: ``factor`` (1 where the baseline lacks the month) and ``n``, the attendances it rests on.
    """
    london = cover[(cover["place"] == places.LONDON) & cover["month"].isin(baseline)]
    exposure = london["days"] / DAYS * london["exposure"].fillna(0.0)
    by_month = pd.DataFrame({"y": london["monitored"], "e": exposure}).groupby(london["month"].str[5:]).sum()
    rate = (by_month["y"] / by_month["e"].where(by_month["e"] > 0)).dropna()
    out = pd.DataFrame({"factor": rate / rate.mean(), "n": by_month["y"]})
    return out.reindex([f"{m:02d}" for m in range(1, 13)]).fillna({"factor": 1.0, "n": 1.0})


def expected(cover: pd.DataFrame, own: pd.DataFrame, baseline: list[str], rules: Mapping) -> pd.DataFrame:
    """Return expected monitored counts and limits of one place, in the rows of ``own``.

    Expected = level x season x days x coverage. The level is the baseline's count over its exposure, from months
    with coverage at or above ``coverage_least``. The variance is dispersion x (expected + that of the level and of
    the season's factor); the dispersion is Pearson's, never below 1. Limits are negative binomial quantiles at
    ``limit_tail`` and 1 - ``limit_tail`` (Poisson when the variance does not exceed the mean).

    Returns
    -------
    DataFrame
        ``expected``, ``limit_low``, ``limit_high``; missing when the baseline holds no attendance.
    """
    calendar = season(cover, baseline)
    month = own["month"].str[5:]
    exposure = month.map(calendar["factor"]) * own["days"] / DAYS * own["exposure"].fillna(0.0)
    use = own["month"].isin(baseline) & (own["coverage"].fillna(0.0) >= rules["coverage_least"])
    total, reach = own.loc[use, "monitored"].sum(), exposure[use].sum()
    if total == 0 or use.sum() < rules["baseline_months_least"]:
        return pd.DataFrame(np.nan, index=own.index, columns=["expected", "limit_low", "limit_high"])
    mean = total / reach * exposure
    fitted = len(calendar) if (own["place"] == places.LONDON).all() else 1
    dispersion = _dispersion(own.loc[use, "monitored"], mean[use], fitted)
    variance = dispersion * (mean + mean**2 / total + mean**2 / month.map(calendar["n"]))
    low, high = limits(mean.to_numpy(), variance.to_numpy(), rules["limit_tail"])
    return pd.DataFrame({"expected": mean, "limit_low": low, "limit_high": high}, index=own.index)


def _dispersion(counts: pd.Series, mean: pd.Series, fitted: int) -> float:
    """Pearson's statistic over what is left of the months after fitting; at least 1."""
    pearson = float(((counts - mean) ** 2 / mean.where(mean > 0)).sum())
    return max(1.0, pearson / max(len(counts) - fitted, 1))


def limits(mean: np.ndarray, variance: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper quantiles of counts with this mean and variance (arrays of one length).

    Negative binomial where the variance exceeds the mean, else Poisson; zero where the mean is zero.
    """
    safe = np.where(mean > 0, mean, 1.0)
    extra = np.maximum(variance - mean, 1e-9)
    size = safe**2 / extra
    low = stats.nbinom.ppf(tail, size, size / (size + safe))
    high = stats.nbinom.ppf(1 - tail, size, size / (size + safe))
    near_poisson = extra < 1e-6 * safe
    low = np.where(near_poisson, stats.poisson.ppf(tail, safe), low)
    high = np.where(near_poisson, stats.poisson.ppf(1 - tail, safe), high)
    return np.where(mean > 0, low, 0.0), np.where(mean > 0, high, 0.0)


def current(cover: pd.DataFrame, area: places.Area, month: str, rules: Mapping) -> pd.DataFrame:
    """Return the reported month of each borough of an area as findings, with expected range and flags."""
    parts = [monthly(cover, place, month, rules).tail(1) for place in area.boroughs]
    return pd.concat(parts, ignore_index=True)
