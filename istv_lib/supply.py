"""Which hospitals supply a place, which of them sent every month, and what they sent cannot be placed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _intervals, coverage, months, places, tally

FIRST_TYPES = ("utc", "ucc", "walk_in")  # departments that may send a patient on


def hospitals(
    events: pd.DataFrame, site_months: pd.DataFrame, roster: pd.DataFrame, area: places.Area, month: str, rules: Mapping
) -> pd.DataFrame:
    """Return the hospitals that supplied a place in the last 12 months, and what became of the reported month.

    Parameters
    ----------
    events : DataFrame
        ED events of all London: ``site_code``, ``month``, ``borough_gss``, ``synthetic``.
    site_months, roster : DataFrame
        As in :mod:`istv_lib.schema`; ``successors`` of the roster tell who took over from whom.
    area : places.Area
        London, a BCU or a borough.
    month : str
        Reported month.
    rules : mapping
        ``supply_share_least``, ``peer_share_base``.

    Returns
    -------
    DataFrame
        Findings ``supplied``, one per hospital, the largest first: ``value`` its share of the place's attendances a
        month, to the nearest ``peer_share_base``, from the months that it sent; ``numerator`` and ``denominator`` the
        months that it sent of those it was open; ``stratum`` the state of the reported month.

    Notes
    -----
    How it can mislead: a hospital that sent nothing in 12 months is not among them, and a share rests on attendances
    whose place was written down.
    """
    span = months.span(months.add(month, -11), month)
    held = site_months[site_months["month"].isin(span) & ~site_months["status"].isin(["closed", "not_joined"])]
    sent = held.assign(sent=held["status"].isin(coverage.SENT)).groupby("site_code")["sent"].agg(["sum", "size"])
    inside = tally.within(events[events["month"].isin(span)], area)
    rate = (inside["site_code"].value_counts() / sent["sum"].where(sent["sum"] > 0)).dropna()
    share = (rate / rate.sum()).sort_values(ascending=False, kind="stable")
    open_now = held.loc[held["month"] == month].set_index("site_code")["status"]
    share = share[(share >= rules["supply_share_least"]) & share.index.isin(open_now.index)]
    step = rules["peer_share_base"]
    out = pd.DataFrame({"place": share.index, "value": ((share / step).round() * step).to_numpy()})
    out["numerator"], out["denominator"] = (
        sent.loc[share.index, name].to_numpy(dtype=float) for name in ("sum", "size")
    )
    out = out.assign(stratum=open_now.loc[share.index].to_numpy(), stratum_dim="state", place_type="site")
    out = out.assign(measure="supplied", unit="share")
    return _as(out, events, (span[0], month), "count")


def unplaced(events: pd.DataFrame, supplied: pd.DataFrame, area: places.Area, period: tuple[str, str]) -> pd.DataFrame:
    """Return which share of the attendances at a place's hospitals has no borough, and which happened at home.

    Parameters
    ----------
    events : DataFrame
        ED events: ``site_code``, ``month``, ``borough_gss``, ``location_type``, ``precision_class``, ``synthetic``.
    supplied : DataFrame
        As :func:`hospitals` returns.
    area, period
        Place the findings are of, and first and last month.

    Returns
    -------
    DataFrame
        Findings, shares with Wilson's interval: ``no_borough`` (of all attendances at these hospitals, wherever they
        happened) and, among them, ``at_home`` (by code or text).

    Notes
    -----
    How it can mislead: these hospitals also treat people of other boroughs, so the shares are no shares of the
    borough; homes are given no borough, so "at home" is a part of "no borough". Assaults at home stand in for domestic
    violence only roughly: who hurt whom is not recorded.
    """
    own = events[events["month"].between(*period)]
    if area.kind != "london":
        own = own[own["site_code"].isin(supplied["place"])]
    home = (own["location_type"] == "home") | (own["precision_class"] == "home")
    tops = {"no_borough": (own["borough_gss"] == "").sum(), "at_home": home.sum()}
    out = pd.DataFrame({"measure": list(tops), "numerator": list(tops.values()), "denominator": float(len(own))})
    return _as(_intervals.shares(out).assign(unit="share", place=area.code), events, period, "wilson")


def panel(
    events: pd.DataFrame, site_months: pd.DataFrame, roster: pd.DataFrame, area: places.Area, month: str, rules: Mapping
) -> pd.DataFrame:
    """Return the attendances at the hospitals that sent every day of every month of the panel, month by month.

    Parameters
    ----------
    events, site_months, roster, area, month
        As for :func:`hospitals`.
    rules : mapping
        ``panel_months``, ``panel_share_least``.

    Returns
    -------
    DataFrame
        Findings ``attendances_panel``, one per month: ``denominator`` the hospitals of the panel (that supply
        the place), ``share_used`` their
        share of the place's usual attendances, ``n`` the count. Without figures ("no data") where that share is below
        ``panel_share_least`` or a month is not held.

    Notes
    -----
    A hospital and the one that wholly took over from it are one. How it can mislead: it says nothing of the hospitals
    outside it, which may be the busiest; below London it also moves with how often places are written down.
    """
    span = months.span(months.add(month, 1 - int(rules["panel_months"])), month)
    into = _renamed(roster)
    events, states = (t.assign(site_code=t["site_code"].replace(into)) for t in (events, site_months))
    states = states[~states["status"].isin(["closed", "not_joined"])]
    full = states["status"].isin(["complete", "zero"]) & states["month"].isin(span)
    times = states[full].groupby("site_code")["month"].nunique()
    steady = set(times.index[times == len(span)])
    inside = tally.within(events, area)
    sent = states[states["status"].isin(coverage.SENT)].groupby("site_code")["month"].nunique()
    rate = (inside["site_code"].value_counts() / sent).dropna()
    open_now = set(states.loc[states["month"] == month, "site_code"])
    usual = rate[rate.index.isin(open_now)].sum()
    mine = rate[rate.index.isin(steady)]
    share = float(mine.sum() / usual) if usual else 0.0
    supplying = float((mine >= rules["supply_share_least"] * usual).sum()) if area.kind != "london" else len(steady)
    counts = inside[inside["site_code"].isin(steady)]["month"].value_counts().reindex(span, fill_value=0)
    shown = share >= rules["panel_share_least"] and set(span) <= set(site_months["month"])
    values = counts.to_numpy(dtype=float) if shown else np.full(len(span), np.nan)
    out = pd.DataFrame({"value": values, "n": values, "month": span})
    out = out.assign(share_used=share, denominator=float(supplying))
    out = out.assign(status="final" if shown else "no_data", measure="attendances_panel")
    out = out.assign(period_start=out["month"], period_end=out["month"], place=area.code).drop(columns="month")
    return _as(out, events, ("", ""), "consistent_panel")


def _renamed(roster: pd.DataFrame) -> dict[str, str]:
    """Return sites that only changed their code, and the code that each has now."""
    heirs = coverage.succession(roster)
    into = heirs[heirs["share"] == 1].set_index("origin")["heir"].to_dict()
    for _ in into:
        into = {origin: into.get(heir, heir) for origin, heir in into.items()}
    return into


def transfers(events: pd.DataFrame, roster: pd.DataFrame, period: tuple[str, str], rules: Mapping) -> pd.DataFrame:
    """Count London's attendances with and without those that may be the second visit of a patient who was sent on.

    Parameters
    ----------
    events : DataFrame
        ED events: ``event_id``, ``site_code``, ``month``, ``occurred_start``, ``occurred_precision``, ``arrival_at``,
        ``method``, ``synthetic``.
    roster : DataFrame
        Sites with ``site_code`` and ``dept_type``.
    period : (str, str)
        First and last month.
    rules : mapping
        ``transfer_hours``.

    Returns
    -------
    DataFrame
        Findings ``attendances`` by ``transfer``: "all", and "without" those at an emergency department that follow one
        at an urgent treatment centre within ``transfer_hours``, with the same minute of assault and method. "No data"
        where no urgent treatment centre sends records.

    Notes
    -----
    Both visits count in every other figure, because attendances are counted. How it can mislead: records are
    anonymous, so two people hurt in one assault look the same, and patients whose time of assault was rounded or
    missing cannot be matched at all.
    """
    kind = events["site_code"].map(roster.drop_duplicates("site_code").set_index("site_code")["dept_type"])
    inside = events[events["month"].between(*period)].assign(kind=kind)
    exact = inside[inside["occurred_precision"] == "minute"]
    keys = ["occurred_start", "method"]
    first = exact.loc[exact["kind"].isin(FIRST_TYPES), [*keys, "arrival_at"]]
    later = exact.loc[exact["kind"] == "type1", [*keys, "arrival_at", "event_id"]]
    both = first.merge(later, on=keys, suffixes=("_first", ""))
    hours = (both["arrival_at"] - both["arrival_at_first"]).dt.total_seconds() / 3600
    twice = both.loc[(hours > 0) & (hours <= rules["transfer_hours"]), "event_id"].nunique()
    out = pd.DataFrame({"stratum": ["all", "without"], "value": [float(len(inside)), float(len(inside) - twice)]})
    if not inside["kind"].isin(FIRST_TYPES).any():
        out = out.assign(value=np.nan, status="no_data")
    out = out.assign(stratum_dim="transfer", n=float(len(inside)), place=places.LONDON)
    return _as(out, events, period, "same_minute")


def _as(out: pd.DataFrame, events: pd.DataFrame, period: tuple[str, str], method: str) -> pd.DataFrame:
    place = out["place"].iloc[0] if len(out) and "place_type" not in out else ""
    return tally.as_findings(out, None, place, synthetic=bool(events["synthetic"].all()), method=method, period=period)
