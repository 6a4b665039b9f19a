"""One period of a place against an earlier one: ratios with intervals, and totals of small places.

A helper of :mod:`istv_lib.monitor`.

Periods are compared by pairs of the same calendar month, each at or above the gate of coverage in both years and with
its exposure, so that neither the season nor a silent hospital looks like a change.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _baseline, _model, _rates, _ratios, _strata, months, places, tally

YEAR, MONTH, ROLLING = "ratio_year", "ratio_month", "attendances_rolling"
FEW = 10  # counts from which the normal approximation of the log ratio holds; exact below


def year_on_year(cover: pd.DataFrame, month: str, rules: Mapping, *, keep: pd.Series | None = None) -> pd.DataFrame:
    """Compare the 12 months that end with the reported one with the 12 before, for every place and stratum.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns for the same month, whole.
    month : str
        Reported month.
    rules : mapping
        ``coverage_full``, ``ratio_pairs_least`` and the thresholds of :func:`istv_lib.monitor.monthly`.
    keep : Series of bool, optional
        Rows of ``cover`` whose places and strata are wanted; default all.

    Returns
    -------
    DataFrame
        Findings ``ratio_year``, one per place and stratum: ``value`` the ratio of the two rates with its 95 % interval,
        ``numerator`` and ``denominator`` the monitored counts compared, ``expected`` the count that would be no change,
        ``p``, ``n`` both counts together, ``share_used`` the share of the 12 pairs compared, ``coverage`` their mean.
        ``flags`` is "rose" or "fell" where the interval leaves out 1. "No data" with fewer pairs than
        ``ratio_pairs_least``, or without an attendance in the earlier year. A pair with a rebase between its two months
        is left out.

    Notes
    -----
    Quasi-Poisson with the dispersion of the baseline, widened by how much departures of neighbouring months resemble
    each other, from 10 attendances in both; else exact (Clopper and Pearson). How
    it can mislead: 33 boroughs give one or two intervals without 1 by chance; the earlier year may itself be unusual;
    attendances at hospitals without a reference are in neither count.
    """
    return _compared(cover, month, rules, keep, length=12, measure=YEAR)


def same_month(cover: pd.DataFrame, month: str, rules: Mapping, *, keep: pd.Series | None = None) -> pd.DataFrame:
    """Compare the reported month with the same month of the year before: as :func:`year_on_year`, of one pair.

    Findings ``ratio_month``: exact interval, ``p`` of the E-test (Krishnamoorthy and Thomson, 2004). How it can
    mislead: a single pair has little power and takes no account of more than chance.
    """
    return _compared(cover, month, rules, keep, length=1, measure=MONTH)


def _compared(
    cover: pd.DataFrame, month: str, rules: Mapping, keep: pd.Series | None, *, length: int, measure: str
) -> pd.DataFrame:
    base = _baseline.baseline(cover, month, rules)
    rows, now = _wanted(cover, base, keep), months.span(months.add(month, 1 - length), month)
    x, n, y, m, pairs, gate = _sums(base, rows, now, rules)
    enough = (pairs >= min(length, rules["ratio_pairs_least"])) & (x + y > 0) & (n > 0) & (m > 0)
    fitted = _model.fit(base.series, int(rules["baseline_months_least"]), float(rules["dispersion_prior"]))
    phi = fitted.dispersion[rows] * _model.lasting(base.series, fitted)
    x, n, y, m = (np.where(enough, a, np.nan) for a in (x, n, y, m))
    out = base.keys[rows].reset_index(drop=True).assign(**_ratio(x, n, y, m, phi, paired=length > 1))
    out = out.assign(numerator=x, denominator=np.where(y > 0, y, np.nan), expected=y * n / m, coverage=gate)
    out = out.assign(n=np.where(enough, x + y, 0.0), share_used=pairs / length, measure=measure, unit="rate")
    out["status"] = np.where(enough & (y > 0), "final", "no_data")
    out["flags"] = np.select([out["lower"] > 1, out["upper"] < 1], ["rose", "fell"], "")
    made = bool(cover["synthetic"].all())
    return tally.as_findings(out, None, "", synthetic=made, method="", period=(now[0], month))


def _sums(base: _baseline.Baseline, rows: np.ndarray, now: list[str], rules: Mapping) -> tuple[np.ndarray, ...]:
    """Return counts and reach of both periods, the pairs of months that can be compared, and their mean coverage.

    A pair must reach the gate in both years, and no rebase may lie between them.
    """
    held = base.months
    pairs = [(held.index(m), held.index(b)) for m in now if {m, b := months.add(m, -12)} <= set(held)]
    after, before = (np.array(side, dtype=int) for side in (zip(*pairs, strict=True) if pairs else ((), ())))
    gate, since = base.gate[rows], base.rebased[rows].cumsum(axis=1)
    usable = (np.minimum(gate[:, after], gate[:, before]) >= rules["coverage_full"]).astype(float)
    usable *= since[:, after] == since[:, before]
    series, many = base.series.take(rows), usable.sum(axis=1)
    sums = [(a[:, t] * usable).sum(axis=1) for t in (after, before) for a in (series.counts, series.reach)]
    mean = np.divide((gate[:, after] * usable).sum(axis=1), many, out=np.full(len(many), np.nan), where=many > 0)
    return *sums, many, mean


def _wanted(cover: pd.DataFrame, base: _baseline.Baseline, keep: pd.Series | None) -> np.ndarray:
    shown = _strata.shown(base.keys["stratum_dim"], base.keys["stratum"], base.keys["place_type"])
    return shown if keep is None else shown & keep.to_numpy(dtype=bool).reshape(len(base.keys), -1).any(axis=1)


def _ratio(
    x: np.ndarray, n: np.ndarray, y: np.ndarray, m: np.ndarray, dispersion: np.ndarray, *, paired: bool
) -> dict[str, np.ndarray]:
    """Return ratio, interval and p: quasi-Poisson for years of enough counts, else exact with the E-test's p."""
    exact = [*_ratios.exact(x, n, y, m)]
    exact[3] = _ratios.e_test(x, n, y, m)
    many = (np.minimum(x, y) >= FEW) & paired
    wide = _ratios.quasi(x, n, y, m, dispersion=dispersion)
    value, lower, upper, p = (np.where(many, w, e) for w, e in zip(wide, exact, strict=True))
    none = ~(y > 0)  # no ratio to nothing
    value, lower, upper = (np.where(none, np.nan, a) for a in (value, lower, upper))
    return {"value": value, "lower": lower, "upper": upper, "p": p, "method": np.where(many, "quasi_poisson", "exact")}


def rolling(cover: pd.DataFrame, place: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return the totals of 3 and of 12 months of a small place, ending in each month, as findings.

    Parameters
    ----------
    cover, month, rules
        As for :func:`year_on_year`, with ``rolling_mean_least``.
    place : str
        GSS code.

    Returns
    -------
    DataFrame
        Findings ``attendances_rolling`` of the last 12 ends, with exact 95 % intervals; "no data" where a month of the
        total is below the gate. Empty for a place with ``rolling_mean_least`` attendances a month or more.

    Notes
    -----
    How it can mislead: totals overlap, so a step of one is that of its neighbours; no rule of runs may be applied to
    them, and they are never published beside monthly figures, because differences would give single months away.
    """
    own = cover[(cover["place"] == place) & (cover["stratum_dim"] == "")].sort_values("month").set_index("month")
    gate, value = own["coverage"].fillna(0.0) >= rules["coverage_full"], own["value"]
    made = bool(cover["synthetic"].all())
    if not value.where(gate).mean() < rules["rolling_mean_least"]:
        return tally.as_findings(pd.DataFrame({"value": [], "n": []}), None, place, synthetic=made, method="exact")
    parts = []
    for length in (3, 12):
        totals_ = value.rolling(length).sum().where(gate.rolling(length).sum() == length)
        ends = [m for m in months.span(months.add(month, -11), month) if m in own.index]
        out = pd.DataFrame({"value": totals_.reindex(ends).to_numpy()})
        out["lower"], out["upper"] = _rates.count_limits(out["value"])
        out["n"], out["stratum_dim"], out["stratum"] = out["value"], "length", f"{length} months"
        out["period_start"], out["period_end"] = [months.add(m, 1 - length) for m in ends], ends
        parts.append(out)
    out = pd.concat(parts, ignore_index=True).assign(measure=ROLLING)
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    return tally.as_findings(out, None, place, synthetic=made, method="exact", period=("", ""))


def totals(cover: pd.DataFrame, period: tuple[str, str]) -> pd.DataFrame:
    """Return the attendances of every borough in a period as findings, with the mean coverage of its months.

    "No data" where a month of the period is not held. How it can mislead: a mean coverage hides in which months data
    are missing.
    """
    span, area_places = months.span(*period), list(places.boroughs()["gss"])
    own = cover[(cover["stratum_dim"] == "") & cover["month"].isin(span) & cover["place"].isin(area_places)]
    sums = own.assign(coverage=own["coverage"].fillna(0.0)).groupby("place").agg(
        value=("value", "sum"), coverage=("coverage", "mean"), held=("month", "size")
    ).reindex(area_places)  # fmt: skip
    whole = sums["held"] == len(span)
    out = pd.DataFrame({"place": area_places, "value": sums["value"].where(whole).to_numpy()})
    out["coverage"], out["n"] = sums["coverage"].to_numpy(), out["value"]
    out["place_type"] = "borough"
    out["status"] = np.where(whole, "final", "no_data")
    return tally.as_findings(out, None, "", synthetic=bool(cover["synthetic"].all()), method="count", period=period)
