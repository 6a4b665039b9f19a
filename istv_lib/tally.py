"""Attendances counted by area, period and stratum, as findings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _intervals, harmonise, months, places, schema
from istv_lib._strata import members

__all__ = [
    "as_findings", "breakdown", "by_borough", "by_hour", "by_month", "cube", "decided", "hour_counts", "members",
    "offences", "order", "place_type", "strata", "total", "within",
]  # fmt: skip


def strata(events: pd.DataFrame) -> pd.DataFrame:
    """Add the dimensions that pages count by: ``weapon_group``, ``place_group``, ``time_band_12``, ``time_band_42``.

    The time bands use the incident time, and are empty where it is missing, a default or a date only.
    """
    exact = events["occurred_start"].where(events["occurred_precision"] == "minute")
    return events.assign(
        weapon_group=events["method"].map(places.group_of("method")),
        place_group=events["location_type"].map(places.group_of("location_type")),
        time_band_12=months.time_band_12(exact),
        time_band_42=months.time_band_42(exact),
    )


def order(dim: str) -> list[str]:
    """Return the strata of a dimension in the order in which pages show them."""
    if dim in {"weapon_group", "place_group"}:
        return list(places.group_labels({"weapon_group": "method", "place_group": "location_type"}[dim]))
    return list({"time_band_12": months.TIME_BANDS_12, "time_band_42": months.TIME_BANDS_42}[dim])


def breakdown(events: pd.DataFrame, dim: str, area: places.Area, last_year: str, *, years: int = 1) -> pd.DataFrame:
    """Count an area's attendances of whole calendar years by one dimension.

    Parameters
    ----------
    events : DataFrame
        ED events of all London, as :func:`strata` returns.
    dim : str
        ``weapon_group``, ``place_group``, ``time_band_12`` or ``time_band_42``.
    area : places.Area
        London, a BCU or a borough.
    last_year : str
        Last calendar year to show.
    years : int, default 1
        Number of calendar years that end with it; years of which a month is not held are left out.

    Returns
    -------
    DataFrame
        Findings; ``n`` is the number of attendances of the year that could be used, ``share_used`` their share.
        Homes are a stratum of London only, because a home is given no borough.
        Strata without an attendance are zero, but an area and year without any record is "no data".
    """
    held = set(events["month"])
    here = within(events, area)
    parts = []
    for year in range(int(last_year) - years + 1, int(last_year) + 1):
        span = months.span(f"{year}-01", f"{year}-12")
        if set(span) <= held:
            parts.append(_counted(here[here["month"].isin(span)], dim, area.code, (span[0], span[-1])))
    return pd.concat(parts, ignore_index=True) if parts else schema.empty("finding")


def within(events: pd.DataFrame, area: places.Area) -> pd.DataFrame:
    """Return the events of an area; London keeps those whose borough is not known."""
    return events if area.kind == "london" else events[events["borough_gss"].isin(area.boroughs)]


def _counted(inside: pd.DataFrame, dim: str, place: str, period: tuple[str, str]) -> pd.DataFrame:
    shown = [stratum for stratum in order(dim) if stratum != "home" or place == places.LONDON]
    known = inside[dim].isin(shown)
    counts = inside.loc[known, dim].value_counts().reindex(shown, fill_value=0)
    out = pd.DataFrame({"value": counts.to_numpy(), "stratum": shown, "stratum_dim": dim})
    out["n"], out["share_used"] = float(known.sum()), float(known.mean()) if len(inside) else np.nan
    if inside.empty:
        out["value"], out["status"] = np.nan, "no_data"
    return as_findings(out, None, place, synthetic=bool(inside["synthetic"].all()), method="count", period=period)


def cube(events: pd.DataFrame, dim: str, kinds: list[str], periods: list[str]) -> pd.DataFrame:
    """Count attendances of every place of some kinds, period and stratum of one dimension at once, as findings.

    Parameters
    ----------
    events : DataFrame
        ED events of all London, as :func:`strata` returns.
    dim : str
        As for :func:`breakdown`; empty for totals.
    kinds : list of str
        ``london``, ``borough`` and ``not_known``.
    periods : list of str
        All months ("2024-03") or all calendar years ("2024").

    Returns
    -------
    DataFrame
        The same counts as :func:`breakdown` and :func:`by_borough` give one by one; nothing is "no data".
    """
    codes = list(places.boroughs()["gss"])
    borough = events["borough_gss"]
    of = {"london": pd.Series(places.LONDON, events.index), "borough": borough.where(borough.isin(codes))}
    of["not_known"] = borough.map({"": places.NOT_KNOWN})
    rows = {"london": [places.LONDON], "borough": codes, "not_known": [places.NOT_KNOWN]}
    period = events["month"].str[: len(periods[0])] if periods else events["month"]
    parts = []
    for kind in kinds:
        strata_ = [s for s in order(dim) if s != "home" or kind == "london"] if dim else [""]
        index = pd.MultiIndex.from_product([rows[kind], periods, strata_], names=["place", "period", "stratum"])
        keys = [of[kind].rename("place"), period.rename("period")]
        stratum = events[dim].where(events[dim].isin(strata_)) if dim else pd.Series("", events.index)
        counts = events.groupby([*keys, stratum.rename("stratum")]).size().reindex(index, fill_value=0)
        out = counts.rename("value").astype(float).reset_index().assign(place_type=kind, stratum_dim=dim)
        out["n"] = out.groupby(["place", "period"])["value"].transform("sum")
        whole = events.groupby(keys).size().reindex(pd.MultiIndex.from_frame(out[["place", "period"]])).to_numpy()
        out["share_used"] = out["n"] / whole if dim else np.nan
        parts.append(out)
    out = pd.concat(parts, ignore_index=True)
    ends = ("-01", "-12") if periods and len(periods[0]) == 4 else ("", "")
    out["period_start"], out["period_end"] = out["period"] + ends[0], out["period"] + ends[1]
    synthetic = bool(events["synthetic"].all())
    return as_findings(out.drop(columns="period"), None, places.LONDON, synthetic=synthetic, method="count")


def by_month(events: pd.DataFrame, dim: str, area: places.Area, held: list[str]) -> pd.DataFrame:
    """Count an area's attendances by one dimension and month, as findings."""
    here = within(events, area)
    parts = [_counted(here[here["month"] == month], dim, area.code, (month, month)) for month in held]
    return pd.concat(parts, ignore_index=True).sort_values(["stratum", "period_start"], ignore_index=True)


def by_hour(events: pd.DataFrame, area: places.Area, period: tuple[str, str]) -> pd.DataFrame:
    """Count an area's attendances by hour of arrival and by hour of the assault, as findings.

    Returns
    -------
    DataFrame
        ``arrivals_by_hour`` and ``assaults_by_hour``, strata "00" to "23"; ``n`` the attendances with a time (for
        assaults one that is no default), ``share_used`` their part of all.
    """
    inside = within(events[events["month"].between(*period)], area)
    exact = inside["occurred_start"].where(inside["occurred_precision"] == "minute")
    out = hour_counts({"arrivals_by_hour": inside["arrival_at"], "assaults_by_hour": exact})
    return as_findings(out, None, area.code, synthetic=bool(events["synthetic"].all()), method="count", period=period)


def hour_counts(times: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Count times by hour for each measure: ``value``, strata "00" to "23", ``n`` with a time and their share."""
    every, parts = [f"{h:02d}" for h in range(24)], []
    for measure, at in times.items():
        counts = at.dropna().dt.strftime("%H").value_counts().reindex(every, fill_value=0)
        part = pd.DataFrame({"stratum": every, "value": counts.to_numpy(dtype=float), "measure": measure})
        used = part["value"].sum()
        parts.append(part.assign(n=used, share_used=used / len(at) if len(at) else np.nan))
    held = any(len(at) for at in times.values())
    return pd.concat(parts).assign(stratum_dim="hour", status="final" if held else "no_data")


def by_borough(cover: pd.DataFrame, area: places.Area, last_year: str, *, years: int = 1) -> pd.DataFrame:
    """Count the attendances of whole calendar years by borough, with "borough not known" for London.

    ``coverage`` is the least of the year's months, so that a year with a silent hospital can be seen.
    """
    cover = cover[cover["stratum_dim"] == ""]
    wanted = [*area.boroughs, *([places.NOT_KNOWN] if area.kind == "london" else [])]
    held = set(cover["month"])
    parts = []
    for year in range(int(last_year) - years + 1, int(last_year) + 1):
        span = months.span(f"{year}-01", f"{year}-12")
        if not set(span) <= held:
            continue
        inside = (
            cover[cover["month"].isin(span)].groupby("place").agg(value=("value", "sum"), coverage=("coverage", "min"))
        )
        for place in wanted:
            row = inside.loc[[place]].reset_index(drop=True)
            row["n"] = row["value"]
            synthetic = bool(cover["synthetic"].all())
            parts.append(as_findings(row, None, place, synthetic=synthetic, method="count", period=(span[0], span[-1])))
    return pd.concat(parts, ignore_index=True) if parts else schema.empty("finding")


def decided(events: pd.DataFrame, area: places.Area, period: tuple[str, str]) -> pd.DataFrame:
    """Count an area's attendances by borough with and without those that only the attended hospital decided on.

    Parameters
    ----------
    events : DataFrame
        ED events of London: ``month``, ``borough_gss``, ``prior_decided``, ``synthetic``.
    area : places.Area
        London, a BCU or a borough.
    period : (str, str)
        First and last month, included.

    Returns
    -------
    DataFrame
        Findings by ``prior``, three for each borough: ``prior_decided`` ("share"), the share of its attendances whose
        text fits several places between which the hospital decided, with Wilson's interval; ``attendances`` ("all",
        "without").

    Notes
    -----
    How it can mislead: "without" is no better count, because these attendances happened somewhere; it shows how far
    the borough's count could be off. A borough without a hospital of its own lends its names to its neighbours.
    """
    inside = events[events["month"].between(*period)]
    by = inside.groupby("borough_gss")["prior_decided"].agg(["sum", "size"]).reindex(area.boroughs, fill_value=0)
    counts = by.set_axis(["numerator", "denominator"], axis=1).rename_axis("place").reset_index()
    shares = _intervals.shares(counts).assign(
        measure="prior_decided", unit="share", stratum_dim="prior", stratum="share"
    )
    parts = [shares]
    for stratum, value in (("all", by["size"]), ("without", by["size"] - by["sum"])):
        parts.append(pd.DataFrame({"place": by.index, "value": value.to_numpy(), "n": by["size"].to_numpy()}))
        parts[-1] = parts[-1].assign(stratum_dim="prior", stratum=stratum)
    out = pd.concat(parts, ignore_index=True).assign(place_type="borough", source="ed", status="final")
    out["measure"], out["unit"] = out["measure"].fillna("attendances"), out["unit"].fillna("attendance")
    out["status"] = out["status"].mask(out["value"].isna(), "no_data")
    synthetic = bool(events["synthetic"].all())
    return as_findings(out, None, area.code, synthetic=synthetic, method="wilson", period=period)


def offences(events: pd.DataFrame, area: places.Area, held: list[str], loaded: pd.DataFrame) -> pd.DataFrame:
    """Count police-recorded violence of an area by source and month.

    Parameters
    ----------
    events : DataFrame
        Events of the area, of any source; those of the ED are left out.
    area : places.Area
        London or a borough.
    held : list of str
        Months to show.
    loaded : DataFrame
        ``source``, ``month``, ``synthetic``: where a source's files hold violence anywhere in London (the table
        ``police_months``). Such a month without an offence in the area is zero; any other month is "no data",
        because a file of burglaries says nothing of violence.

    Returns
    -------
    DataFrame
        Findings ``violence_offences``, one per month of each source that is loaded for any of them.
    """
    violent = within(events[(events["source"] != "ed") & harmonise.violence(events)], area)
    parts = []
    for source, months_of in loaded[loaded["month"].isin(held)].groupby("source"):
        there = set(months_of["month"])
        mine = violent[violent["source"] == source]
        counts = (
            mine.groupby("month").size().reindex(held, fill_value=0).astype(float).where([m in there for m in held])
        )
        out = pd.DataFrame({"value": counts.to_numpy(), "n": counts.to_numpy()})
        out["status"] = np.where(out["value"].isna(), "no_data", "final")
        out["measure"], out["unit"], out["source"] = "violence_offences", "crime", source
        synthetic = bool(months_of["synthetic"].all())
        parts.append(as_findings(out, pd.Series(held), area.code, synthetic=synthetic, method="count"))
    return pd.concat(parts, ignore_index=True) if parts else schema.empty("finding")


def total(
    measure: str, value: float, place: str, period: tuple[str, str], *, unit: str, source: str, synthetic: bool, **more
) -> pd.DataFrame:
    """Return one figure as a finding, such as the number of hospitals that sent data; ``more`` fills columns."""
    out = pd.DataFrame(
        {"value": [float(value)], "n": [float(value)], "measure": measure, "unit": unit, "source": source}
    )
    return as_findings(out.assign(**more), None, place, synthetic=synthetic, method="count", period=period)


def as_findings(
    out: pd.DataFrame,
    month: pd.Series | None,
    place: str,
    *,
    synthetic: bool,
    method: str,
    period: tuple[str, str] = ("", ""),
) -> pd.DataFrame:
    """Return a frame as checked findings, filling the columns that all rows of one call share."""
    filled = {
        "measure": "attendances",
        "unit": "attendance",
        "source": "ed",
        "place_type": place_type(place),
        "place": place,
        "period_start": period[0] if month is None else month.to_numpy(),
        "period_end": period[1] if month is None else month.to_numpy(),
        "status": "final",
        "method": method,
        "synthetic": synthetic,
    }
    frame = out.reset_index(drop=True)
    return schema.conform(frame.assign(**{k: v for k, v in filled.items() if k not in frame}), "finding")


def place_type(place: str) -> str:
    """Return what kind of place a code stands for; a code that is no area is taken for a site."""
    if place in {places.LONDON, places.NOT_KNOWN}:
        return place
    if place in set(places.boroughs()["gss"]):
        return "borough"
    return "bcu" if place in set(places.bcus()["code"]) else "site"
