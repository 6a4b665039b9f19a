"""Counts, expected counts and control limits of places and strata, month by month, and which months stand out.

Expected counts know the season, the days of the month and the coverage; limits come from a negative binomial
distribution with the dispersion seen in the frozen baseline. All places and strata are computed at once. XmR charts
stand beside them for readers who know the Making Data Count rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _baseline, _control, _intervals, _model, _strata, months, places, tally
from istv_lib._change import rolling, same_month, totals, year_on_year
from istv_lib._model import limits
from istv_lib._signals import expected_by_chance, signals
from istv_lib._standardised import standardised
from istv_lib._xmr import xmr

METHOD = "expected_nb"

__all__ = [
    "cube", "current", "expected_by_chance", "limits", "monthly", "rare", "rolling", "same_month", "season",
    "share_findings", "signals", "sites", "standardised", "totals", "u_findings", "xmr", "xmr_findings", "year_on_year",
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
        Rows of ``cover`` that are wanted; default all. Homes and firearms are left out below London and networks.

    Returns
    -------
    DataFrame
        As :func:`monthly` returns, with ``stratum_dim`` and ``stratum``, in the order of ``cover``.
    """
    keep = np.ones(len(cover), dtype=bool) if keep is None else keep.to_numpy(dtype=bool)
    keep = keep & _strata.shown(cover["stratum_dim"], cover["stratum"], cover["place_type"])
    base = _baseline.baseline(cover, month, rules)
    own, gate = cover[keep].reset_index(drop=True), cover.loc[keep, "coverage"].fillna(0.0).to_numpy()
    no_data = (gate == 0) & (own["value"] == 0).to_numpy()
    full = gate >= rules["coverage_full"]
    names = ["place", "place_type", "stratum_dim", "stratum", "coverage"]
    out = own[names].assign(value=own["value"].where(~no_data), n=own["value"])
    states = [no_data, ~full & own["coverage"].notna(), own["provisional"]]  # without a reference nothing is incomplete
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
    """Return the reported month of each borough of an area, and of "not known" for London, with range and flags."""
    last = cover.loc[cover["month"] <= month, "month"].max()
    wanted = [*area.boroughs, *([places.NOT_KNOWN] if area.kind == "london" else [])]
    keep = cover["place"].isin(wanted) & (cover["stratum_dim"] == "") & (cover["month"] == last)
    return cube(cover, month, rules, keep=keep)


# ---- control charts for readers who know them --------------------------------------------------------------------


def xmr_findings(cover: pd.DataFrame, place: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return one place's months as an XmR chart sees them, for readers who know it; incomplete months are left out.

    ``expected`` is the mean, ``flags`` the rule that a month meets; limits begin anew at each rebase of the thresholds.
    It knows neither season nor coverage, so it signals more often than :func:`monthly` and must not be put into
    sentences.
    """
    own = monthly(cover, place, month, rules)
    whole = own["value"].where(own["status"].isin(["final", "provisional"]))
    anew = [r for r in rules["rebases"] if r.get("place", "") in {"", place} and r["month"] in set(own["period_end"])]
    series = whole.set_axis(own["period_end"])
    chart = xmr(series, run_length=rules["run_length"], rebases=anew, least=rules["baseline_months_least"])
    return _charted(own, chart.set_axis(own.index), "attendances_xmr", "xmr", chart["mean"], chart["label"])


def u_findings(cover: pd.DataFrame, place: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return one place's months as a u' chart of attendances over data received; without months below the gate.

    Counts and days times exposure are those of the hospitals with a reference. ``value`` is the number of attendances,
    ``expected``, ``limit_low`` and ``limit_high`` what the chart's centre and limits make of the month, ``flags``
    "above" or "below". It knows no season.
    """
    own = monthly(cover, place, month, rules)
    rows = cover[(cover["place"] == place) & (cover["stratum_dim"] == "")].reset_index(drop=True)
    usable = rows["coverage"].fillna(0.0) >= rules["coverage_full"]
    reach = (rows["exposure"] * rows["days"] / _baseline.DAYS).where(usable)
    chart = _control.u_prime(rows["monitored"].where(usable), reach)
    lines = chart[["value", "lower", "upper"]].mul(reach, axis=0)
    out = _charted(own, lines, "attendances_u", "u_prime", chart["centre"] * reach, chart["signal"])
    return out.assign(value=out["value"].where(usable))


def _charted(
    own: pd.DataFrame, chart: pd.DataFrame, measure: str, method: str, middle: pd.Series, flags: pd.Series
) -> pd.DataFrame:
    whole = own["value"].where(chart["value"].notna())
    out = own.assign(
        measure=measure, method=method, value=whole, expected=middle.to_numpy(), limit_low=chart["lower"].to_numpy(),
        limit_high=chart["upper"].to_numpy(), flags=np.where(whole.notna(), flags.to_numpy(), ""),
    )  # fmt: skip
    return out.assign(status=out["status"].where(whole.notna(), "no_data"))


def share_findings(cover: pd.DataFrame, place: str, stratum: tuple[str, str], month: str) -> pd.DataFrame:
    """Return the share of one stratum among all of its dimension, month by month, as a p' chart sees it.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns, with all strata of the dimension.
    place : str
        As for :func:`monthly`.
    stratum : (str, str)
        Dimension and stratum, such as ``("weapon_group", "knife")``.
    month : str
        Reported month.

    Returns
    -------
    DataFrame
        Findings ``share_of_known``: ``value``, Wilson's ``lower`` and ``upper``, ``numerator``, ``denominator``, and
        the chart's centre and limits; ``flags`` "above" or "below"; "no data" in a month without a known one.

    Notes
    -----
    A share does not fall when a hospital is silent, but moves when the hospitals that remain differ from it. How it can
    mislead: a share rises when the others fall.
    """
    rows = cover[(cover["place"] == place) & (cover["stratum_dim"] == stratum[0]) & (cover["month"] <= month)]
    wide = rows.pivot_table(index="month", columns="stratum", values="value", aggfunc="sum")
    top, bottom = wide[stratum[1]], wide.sum(axis=1)
    chart = _control.p_prime(top, bottom)
    out = _intervals.shares(pd.DataFrame({"numerator": top, "denominator": bottom}).reset_index(drop=True))
    for name, line in (("expected", "centre"), ("limit_low", "lower"), ("limit_high", "upper")):
        out[name] = chart[line].to_numpy()
    out["flags"] = np.where(out["value"].notna(), chart["signal"].to_numpy(), "")
    out = out.assign(measure="share_of_known", unit="share", stratum_dim=stratum[0], stratum=stratum[1])
    months_ = pd.Series(list(wide.index))
    return tally.as_findings(out, months_, place, synthetic=bool(cover["synthetic"].all()), method="p_prime")


def rare(events: pd.DataFrame, inside: np.ndarray, place: str, period: tuple[str, str]) -> pd.DataFrame:
    """Return how often something rare happened in a place, by the days between the days on which it did.

    Parameters
    ----------
    events : DataFrame
        ED events of the place: ``month``, ``arrival_at``, ``synthetic``.
    inside : array of bool
        Which of them are meant (``inside`` of :class:`istv_lib.coverage.Members`).
    place : str
        As for :func:`monthly`.
    period : (str, str)
        First and last month, included.

    Returns
    -------
    DataFrame
        Findings: ``attendances`` by ``rare``, the number of the period; ``days_between``, the median number of
        days between, with the t chart's limits and in ``flags`` how many gaps lie outside; ``days_since``, the days
        from the last one to the end of the period. "No data" without one, of gaps with fewer than two.

    Notes
    -----
    How it can mislead: several on one day are one day; a silent hospital makes gaps longer; no single gap is shown.
    """
    known = events.loc[inside & events["month"].between(*period).to_numpy(), "arrival_at"].dropna()
    gaps = _control.days_between(known)
    chart = _control.t(gaps["days"])
    end = pd.Timestamp(months.add(period[1], 1) + "-01")
    since = (end - known.max()).days if len(known) else np.nan
    outside = chart["signal"].ne("").sum() if len(chart) else 0
    rows = [
        {
            "measure": "attendances",
            "unit": "attendance",
            "value": float(len(known)),
            "stratum_dim": "rare",
            "stratum": "all",
        },
        {"measure": "days_between", "unit": "day", "value": gaps["days"].median() if len(gaps) else np.nan},
        {"measure": "days_since", "unit": "day", "value": since},
    ]
    out = pd.DataFrame(rows).assign(n=float(len(known)))
    if len(chart):
        out.loc[1, ["limit_low", "limit_high"]] = chart["lower"].iloc[0], chart["upper"].iloc[0]
    out["flags"] = ["", f"{outside} gaps outside" if outside else "", ""]
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    made = bool(events["synthetic"].all())
    return tally.as_findings(out, None, place, synthetic=made, method="t_chart", period=period)
