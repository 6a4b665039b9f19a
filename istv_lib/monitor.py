"""Counts, expected counts and control limits of places and strata, month by month, and which months stand out.

Expected counts know the season, the days of the month and the coverage; limits come from a negative binomial
distribution with the dispersion seen in the frozen baseline. All places and strata are computed at once. XmR charts
stand beside them for readers who know the Making Data Count rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _baseline, _model, places, tally
from istv_lib._model import limits
from istv_lib._signals import expected_by_chance, signals
from istv_lib._xmr import xmr

METHOD = "expected_nb"

__all__ = [
    "cube", "current", "expected_by_chance", "limits", "monthly", "season", "signals", "sites", "xmr", "xmr_findings",
]  # fmt: skip


def monthly(cover: pd.DataFrame, place: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return one place's months as findings: count, coverage, expected count, limits, flags and status.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns for the same month; all its places are needed.
    place : str
        GSS code, BCU code, name of a trauma network, ``london`` or ``not_known``.
    month : str
        Reported month.
    rules : mapping
        Thresholds.

    Returns
    -------
    DataFrame
        Findings, one per month held, of all attendances. ``value`` counts every attendance. ``expected`` and the limits
        are those of the hospitals in the comparison, to which the attendances at hospitals without a reference are
        added as they are, so that a newly joined hospital changes nothing. ``flags`` may hold ``above_limit``,
        ``below_limit``, ``run_high``, ``run_low``, ``trend_up``, ``trend_down`` (at least ``run_length`` months in a
        row, which a month below the gate breaks), ``tested``, ``no_baseline``, ``revised``, ``break`` (see
        :func:`istv_lib.coverage.table`), ``rebased``; a month below the gate is never ``below_limit``. A place without
        an attendance in its baseline has nothing to be compared with, so no month of it is ``tested``.

    Notes
    -----
    How it can mislead: with fewer than about 15 attendances a month even a real fall of 40 % stays inside the
    limits most of the time; one month in 500 falls outside them by chance.
    """
    return cube(cover, month, rules, keep=(cover["place"] == place) & (cover["stratum_dim"] == ""))


def cube(cover: pd.DataFrame, month: str, rules: Mapping, *, keep: pd.Series | None = None) -> pd.DataFrame:
    """Return the months of every place and stratum as findings, computed at once.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns for the same month, whole.
    month, rules
        As for :func:`monthly`.
    keep : Series of bool, optional
        Rows of ``cover`` that are wanted; default all.

    Returns
    -------
    DataFrame
        As :func:`monthly` returns, with ``stratum_dim`` and ``stratum``, in the order of ``cover``.
    """
    keep = np.ones(len(cover), dtype=bool) if keep is None else keep.to_numpy(dtype=bool)
    base = _baseline.baseline(cover, month, rules)
    own, gate = cover[keep].reset_index(drop=True), cover.loc[keep, "coverage"].fillna(0.0).to_numpy()
    no_data = (gate == 0) & (own["value"] == 0).to_numpy()
    full = gate >= rules["coverage_full"]
    names = ["place", "place_type", "stratum_dim", "stratum", "coverage"]
    out = own[names].assign(value=own["value"].where(~no_data), n=own["value"])
    states = [no_data, ~full, own["provisional"]]
    out["status"] = np.select(states, ["no_data", "gated", "provisional"], "final")
    fitted = _model.fit(base.series, int(rules["baseline_months_least"]), float(rules["dispersion_prior"]))
    mean, variance = (np.where(base.enough[:, None], a, np.nan).ravel()[keep] for a in (fitted.mean, fitted.variance))
    low, high = _model.limits(mean, variance, rules["limit_tail"])
    shown = gate >= rules["coverage_least"]
    for name, line in (("expected", mean), ("limit_low", low), ("limit_high", high)):
        out[name] = np.where(shown, line + own["unmonitored"], np.nan)
    enough = np.repeat(base.enough, len(base.months))[keep]
    tested = (base.tested & (base.enough & fitted.fits)[:, None]).ravel()[keep]
    monitored = own["monitored"].to_numpy()
    flags = {"no_baseline": ~enough, "tested": tested, "above_limit": tested & shown & (monitored > high)}
    flags |= {"below_limit": tested & full & (monitored < low)}
    comparable = (base.gate >= rules["coverage_full"]) & base.tested & base.enough[:, None]
    marks = _model.runs(_model.residuals(base.series.counts, fitted), comparable, int(rules["run_length"]))
    flags |= {name: marked.ravel()[keep] for name, marked in marks.items()}
    flags |= {name: own[name].to_numpy(dtype=bool) for name in ("revised", "break")}
    flags["rebased"] = base.rebased.ravel()[keep]
    out["flags"] = _joined(flags)
    return tally.as_findings(out, own["month"], "", synthetic=bool(own["synthetic"].all()), method=METHOD)


def _joined(flags: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return for each row the names of its flags with semicolons between, by looking up each combination once."""
    names = list(flags)
    code = sum(flags[name].astype(int) << i for i, name in enumerate(names))
    words = [";".join(name for i, name in enumerate(names) if c >> i & 1) for c in range(1 << len(names))]
    return np.array(words, dtype=object)[code]


def season(cover: pd.DataFrame, month: str, rules: Mapping) -> pd.DataFrame:
    """Return the factor of each calendar month ("01" to "12"), mean 1, from all of London in the baseline.

    Returns
    -------
    DataFrame
        By calendar month: ``factor`` (1 where the baseline lacks the month) and ``n``, the attendances it rests on.
    """
    base = _baseline.baseline(cover[cover["stratum_dim"] == ""], month, rules)
    return pd.DataFrame({"factor": base.factor[0], "n": base.rests[0]}, index=[f"{m:02d}" for m in range(1, 13)])


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
    row = cover[(cover["place"] == place) & (cover["month"] == month) & (cover["stratum_dim"] == "")].iloc[0]
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


def current(cover: pd.DataFrame, area: places.Area, month: str, rules: Mapping) -> pd.DataFrame:
    """Return the reported month of each borough of an area as findings, with expected range and flags."""
    last = cover.loc[cover["month"] <= month, "month"].max()
    keep = cover["place"].isin(area.boroughs) & (cover["stratum_dim"] == "") & (cover["month"] == last)
    return cube(cover, month, rules, keep=keep)
