"""Which of all places and strata stand out in the reported month, and how many would by chance.

A helper of :mod:`istv_lib.monitor`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _baseline, _model, _rates, _strata, places, schema, tally
from istv_lib._model import Series

RULES = ("above_limit", "below_limit", "run_high", "run_low", "trend_up", "trend_down")


def signals(cover: pd.DataFrame, month: str, rules: Mapping, *, within: list[str] | None = None) -> pd.DataFrame:
    """Return every rule met by a place and stratum in the reported month, as findings.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns for the same month, with strata.
    month : str
        Reported month.
    rules : mapping
        ``signal_expected_least``, ``discovery_share`` and the thresholds of :func:`istv_lib.monitor.monthly`.
    within : list of str, optional
        Places whose signals are wanted; the family of tests stays that of all places.

    Returns
    -------
    DataFrame
        Findings, the least likely first: ``method`` is the rule (``above_limit``, ``run_high``, ``trend_up`` and their
        opposites), ``value``, ``expected``, ``limit_low``, ``limit_high``, ``coverage`` and ``n`` those of the month,
        ``flags`` ``discovery`` where the month itself stays unusual when the false discovery rate over all tests of
        the month is held at ``discovery_share`` (Benjamini and Hochberg).

    Notes
    -----
    How it can mislead: strata overlap, so one brawl can raise several signals; a run says that a level differs from
    that of the baseline, not when it began. Homes and trauma networks are tested like boroughs.
    """
    tests = _tested(cover, month, rules)
    if tests is None:
        return schema.empty("finding")
    base, fitted, comparable, upwards, eligible = tests
    found = _model.rules(base.series.counts, fitted, comparable, upwards, rules)
    p = np.where(eligible, found["p"], np.nan)
    discovery = np.nan_to_num(_rates.adjusted_p(p), nan=1.0) <= rules["discovery_share"]
    parts = []
    mine = eligible if within is None else eligible & base.keys["place"].isin(within).to_numpy()
    last = np.arange(len(p)) * len(base.months) + len(base.months) - 1
    for rule in RULES:
        rows = np.flatnonzero(found[rule] & mine)
        parts.append(pd.DataFrame({"at": last[rows], "series": rows, "method": rule, "p": p[rows]}))
    rows = pd.concat(parts, ignore_index=True).sort_values(["p", "series"], kind="stable", ignore_index=True)
    return _findings(cover, rows, tests, discovery, rules)


def expected_by_chance(
    cover: pd.DataFrame, month: str, rules: Mapping, rng: np.random.Generator, *, within: list[str] | None = None
) -> pd.DataFrame:
    """Return how many rules the places and strata would meet in the reported month by chance alone, as one finding.

    Parameters
    ----------
    cover, month, rules, within
        As for :func:`signals`.
    rng : numpy Generator
        Draws the months: ``chance_draws`` times, each series around its own expected counts with its own dispersion;
        levels and dispersions are then fitted anew, and all rules asked.

    Returns
    -------
    DataFrame
        One finding ``signals``: ``value`` the number of signals seen, ``expected`` the mean number by chance, ``n`` and
        ``denominator`` the number of places and strata tested; "no data" where nothing can be tested.

    Notes
    -----
    How it can mislead: season and shares of sites are taken as known and the series as independent, so the mean
    holds, but the number in one month varies more than a Poisson one.
    """
    seen = signals(cover, month, rules, within=within)
    tests = _tested(cover, month, rules)
    value = expected = n = np.nan
    if tests is not None:
        base, fitted, comparable, upwards, eligible = tests
        rows = eligible if within is None else eligible & base.keys["place"].isin(within).to_numpy()
        tests = tests if rows.any() else None
    if tests is not None:
        near = rows | ((base.series.group >= 0) & np.isin(base.series.group, base.series.group[rows]))
        drawn = _drawn(base.series.take(near), fitted, near, rows[near], (comparable[near], upwards[near]), rules, rng)
        value, expected, n = len(seen), drawn, float(rows.sum())
    place = within[0] if within and len(within) == 1 else places.LONDON
    out = pd.DataFrame({"measure": ["signals"], "unit": ["signal"], "value": [value], "expected": [expected], "n": [n]})
    out = out.assign(denominator=n, status="no_data" if tests is None else "final")
    synthetic = bool(cover["synthetic"].all())
    return tally.as_findings(out, None, place, synthetic=synthetic, method="simulated", period=(month, month))


def _drawn(
    series: Series,
    fitted: _model.Fit,
    near: np.ndarray,
    rows: np.ndarray,
    gates: tuple[np.ndarray, np.ndarray],
    rules: Mapping,
    rng: np.random.Generator,
) -> float:
    """Return the mean number of rules met by chance among ``rows`` of the series."""
    truth = _model.Fit(*(getattr(fitted, f)[near] for f in ("mean", "variance", "dispersion", "fits")))
    total, times = 0, int(rules["chance_draws"])
    for _ in range(times):
        again = dataclasses.replace(series, counts=_model.draw(truth, rng))
        refitted = _model.fit(again, int(rules["baseline_months_least"]), float(rules["dispersion_prior"]))
        found = _model.rules(again.counts, refitted, *gates, rules)
        total += sum(int((found[rule] & rows).sum()) for rule in RULES)
    return total / times


def _tested(cover: pd.DataFrame, month: str, rules: Mapping) -> tuple | None:
    """Return baseline, fit, and which months may be compared; None where nothing can be."""
    if cover.empty or cover["month"].max() != month:
        return None
    base = _baseline.baseline(cover, month, rules)
    fitted = _model.fit(base.series, int(rules["baseline_months_least"]), float(rules["dispersion_prior"]))
    comparable = (base.gate >= rules["coverage_full"]) & base.tested
    upwards = base.gate[:, -1] >= rules["coverage_least"]
    expected = np.nan_to_num(fitted.mean[:, -1])
    joined = cover["unmonitored"].to_numpy(dtype=float)[len(base.months) - 1 :: len(base.months)]
    eligible = base.enough & (expected >= rules["signal_expected_least"])
    eligible &= (base.keys["place"] != places.NOT_KNOWN).to_numpy()
    eligible &= _strata.shown(base.keys["stratum_dim"], base.keys["stratum"], base.keys["place_type"])
    eligible &= expected >= rules["monitored_share_least"] * (expected + joined)
    if not eligible.any():
        return None
    return base, fitted, comparable, upwards, eligible


def _findings(
    cover: pd.DataFrame, rows: pd.DataFrame, tests: tuple, discovery: np.ndarray, rules: Mapping
) -> pd.DataFrame:
    """Return signals as findings of the reported month."""
    base, fitted, *_ = tests
    own, series = cover.iloc[rows["at"]].reset_index(drop=True), rows["series"].to_numpy()
    mean, variance = fitted.mean[series, -1], fitted.variance[series, -1]
    low, high = _model.limits(mean, variance, rules["limit_tail"])
    out = own[["place", "place_type", "stratum_dim", "stratum", "coverage", "value"]].assign(n=own["value"])
    for name, line in (("expected", mean), ("limit_low", low), ("limit_high", high)):
        out[name] = line + own["unmonitored"]
    out["p"] = rows["p"]
    out["method"], out["flags"] = rows["method"], np.where(discovery[series], "discovery", "")
    out["status"] = np.select(
        [base.gate[series, -1] < rules["coverage_full"], own["provisional"]], ["gated", "provisional"], "final"
    )
    return tally.as_findings(out, own["month"], "", synthetic=bool(cover["synthetic"].all()), method="")
