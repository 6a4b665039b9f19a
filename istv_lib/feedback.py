"""What a hospital gets back for a month: how timely, complete and usable its file was, and what to do next.

Everything is about one site. Other sites are seen as the middle half of their values alone, and only where there are
enough of them; no text of a record and no other site's count is in any result.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from istv_lib import _items, harmonise, months, quality, tally
from istv_lib._patterns import classify

__all__ = ["NOTED", "aims", "hours", "items", "noted", "patterns", "reach", "timeliness", "to_do", "trend"]
NOTED = {
    "at_home": "At home, by the kind of place: a rough stand-in for domestic violence",
    "possible_reattendance": "Perhaps a return visit for the same assault",
    "unmapped": "A code that is not on our list",
    "personal_home_address": "A home address in the text, taken out",
    "personal_email": "An e-mail address in the text, taken out",
    "personal_phone": "A telephone number in the text, taken out",
    "personal_nhs_number": "An NHS number in the text, taken out",
    "personal_long_number": "Another long number in the text, taken out",
    "personal_date_of_birth": "A date of birth in the text, taken out",
    "personal_vehicle": "A number plate in the text, taken out",
    "personal_name": "A name of a person in the text, taken out",
}


def timeliness(site_months: pd.DataFrame, site: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return when the file of each of the last ``feedback_months`` came, in days after the end of its month.

    Returns
    -------
    DataFrame
        Findings ``days_after_month_end``: ``value`` (missing where no file came), ``expected`` the day agreed
        (``due_days``), ``n`` attendances (missing where the month is), ``stratum`` the state of the month.
    """
    span = months.span(months.add(month, 1 - rules["feedback_months"]), month)
    mine = quality.of_site(site_months, site).set_index("month").reindex(span)
    ends = [date.fromisoformat(f"{m}-{months.days_in(m):02d}") for m in span]
    came = mine["received"].fillna("")
    value = [(date.fromisoformat(r) - e).days if r else np.nan for r, e in zip(came, ends, strict=True)]
    out = pd.DataFrame(
        {
            "value": value,
            "expected": float(rules["due_days"]),
            "n": mine["rows"].astype(float).where(mine["status"].isin(quality.SENT)).to_numpy(),
            "stratum": mine["status"].fillna("not_joined").to_numpy(),
            "status": np.where(np.isnan(value), "no_data", "final"),
        }
    )
    given = {"measure": "days_after_month_end", "unit": "file", "stratum_dim": "state"}
    synthetic = bool(mine["synthetic"].dropna().astype(bool).all())
    return tally.as_findings(out.assign(**given), pd.Series(span), site, synthetic=synthetic, method="count")


# ---- items, beside the hospital's own past and the others --------------------------------------------------------


def items(
    shares: pd.DataFrame,
    site: str,
    month: str,
    rules: Mapping,
    measures: tuple[str, ...] = ("completeness", "validity"),
) -> pd.DataFrame:
    """Return each item of a month beside the site's own year before and the middle half of the other sites.

    Parameters
    ----------
    shares : DataFrame
        As :func:`istv_lib.quality.shares` returns, of all sites.
    rules : mapping
        ``feedback_months``, ``peer_sites_least``, ``peer_records_least``.
    measures : tuple of str
        Of ``completeness``, ``validity``, ``usability``.

    Returns
    -------
    DataFrame
        Findings, one per measure and item: ``value``, ``n`` and ``share_used``; ``expected`` the site's share over the
        ``feedback_months`` before; ``lower`` and ``upper`` the quartiles of the other sites in the month, missing
        where fewer than ``peer_sites_least`` have enough records; ``flags`` "peers 27".
    """
    return pd.concat([_item(shares, measure, site, month, rules) for measure in measures], ignore_index=True)


def _item(shares: pd.DataFrame, measure: str, site: str, month: str, rules: Mapping) -> pd.DataFrame:
    own = quality.item_findings(shares, measure, site, (month, month))
    before = (months.add(month, -rules["feedback_months"]), months.add(month, -1))
    past = shares[(shares["site_code"] == site) & shares["month"].between(*before) & (shares["measure"] == measure)]
    sums = past.groupby("item")[["numerator", "denominator"]].sum()
    usual = sums["numerator"] / sums["denominator"].where(sums["denominator"] > 0)
    return _beside(own.assign(expected=own["stratum"].map(usual).astype(float)), shares, rules)


def trend(shares: pd.DataFrame, measure: str, item: str, site: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return one item of a site over ``trend_months``, each month beside the middle half of the other sites."""
    span = (months.add(month, 1 - rules["trend_months"]), month)
    held = shares[shares["item"] == item]
    return _beside(quality.item_findings(held, measure, site, span), held, rules)


def _beside(own: pd.DataFrame, shares: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Fill ``lower``, ``upper`` and ``flags`` with the quartiles of the other sites of the same kind."""
    synthetic = bool(own["synthetic"].all())
    others = shares[
        (shares["measure"].isin(own["measure"]))
        & (shares["site_code"] != own["place"].iloc[0])
        & (shares["synthetic"] == synthetic)
        & (shares["denominator"] >= rules["peer_records_least"])
    ]
    value = others["numerator"] / others["denominator"]
    grouped = value.groupby([others["month"], others["item"]])
    band = pd.DataFrame({"low": grouped.quantile(0.25), "high": grouped.quantile(0.75), "sites": grouped.size()})
    band = band.reindex(pd.MultiIndex.from_arrays([own["period_start"], own["stratum"]]))
    enough = (band["sites"] >= rules["peer_sites_least"]).to_numpy()
    return own.assign(
        lower=np.where(enough, band["low"], np.nan),
        upper=np.where(enough, band["high"], np.nan),
        flags=[f"peers {n:.0f}" if ok else "" for n, ok in zip(band["sites"], enough, strict=True)],
    )


# ---- texts, hours, marks -----------------------------------------------------------------------------------------


def patterns(
    conformed: pd.DataFrame, located: pd.DataFrame, ways: Mapping, site: str, month: str, rules: Mapping
) -> pd.DataFrame:
    """Return how the place is written down over ``feedback_months``, by pattern, and what of it could be placed.

    Parameters
    ----------
    conformed, located : DataFrame
        Records; ``record_id`` joins them.
    ways : mapping
        ``parameters/patterns.yml``.

    Returns
    -------
    DataFrame
        Findings ``pattern`` (share of the attendances; ``numerator`` those of the pattern, ``n`` all) and
        ``pattern_placed`` (share of the pattern's attendances that the text places to a street or better; where only
        the attended hospital tells which of several places is meant, it does not), in the order of the file; a
        pattern that does not occur has a share of zero.
    """
    inside, span, base = _inside(conformed, site, month, rules)
    found = classify(inside, located, ways)
    counts = found.groupby("pattern")["placed"].agg(["size", "sum"]).reindex(list(ways["patterns"]), fill_value=0)
    share = pd.DataFrame({"numerator": counts["size"], "denominator": float(len(found)), "measure": "pattern"})
    placed = pd.DataFrame({"numerator": counts["sum"], "denominator": counts["size"], "measure": "pattern_placed"})
    out = pd.concat([share, placed]).rename_axis("stratum").reset_index()
    out["value"], out["n"] = out["numerator"] / out["denominator"].where(out["denominator"] > 0), out["denominator"]
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    return tally.as_findings(out.assign(unit="share", stratum_dim="pattern"), None, site, period=span, **base)


def hours(conformed: pd.DataFrame, site: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return attendances of ``feedback_months`` by hour of arrival and by hour of the assault, as findings.

    Returns
    -------
    DataFrame
        ``arrivals_by_hour`` and ``assaults_by_hour``, strata "00" to "23"; ``n`` the attendances with a time (for
        assaults one that is no default), ``share_used`` their part of all.
    """
    inside, span, base = _inside(conformed, site, month, rules)
    timed = inside["arrival_at"].where(~_items.has(inside["flags"], "arrival_date_only"))
    exact = inside["incident_at"].where(inside["incident_quality"] == "exact")
    out = tally.hour_counts({"arrivals_by_hour": timed, "assaults_by_hour": exact})
    return tally.as_findings(out, None, site, period=span, **base)


def noted(conformed: pd.DataFrame, changes: pd.DataFrame, site: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return marks worth knowing over ``feedback_months``: homes, return visits, unknown codes, personal data.

    Returns
    -------
    DataFrame
        Findings ``noted``: ``value`` attendances, ``n`` all; ``stratum`` ``at_home``, ``possible_reattendance``,
        ``unmapped`` or ``personal_<kind>``. How it can mislead: who hurt whom at home is not recorded.
    """
    inside, span, base = _inside(conformed, site, month, rules)
    flags = inside["flags"]
    odd = _items.has(flags, "unmapped_method") | _items.has(flags, "unmapped_location_type")
    returned = harmonise.reattendances(quality.of_site(conformed, site), rules)[inside.index]
    counts = {
        "at_home": (inside["location_type"] == "home").sum(),
        "possible_reattendance": returned.sum(),
        "unmapped": odd.sum(),
    }
    edits = changes[changes["rule"].str.startswith("personal_")].merge(
        inside[["submission_id", "row_no"]].drop_duplicates()
    )
    kinds = edits.drop_duplicates(["submission_id", "row_no", "rule"])["rule"].value_counts().sort_index()
    counts |= kinds.to_dict()
    out = pd.DataFrame({"stratum": list(counts), "value": [float(v) for v in counts.values()]})
    out = out.assign(measure="noted", stratum_dim="mark", n=float(len(inside)))
    return tally.as_findings(out, None, site, period=span, **base)


def _inside(
    conformed: pd.DataFrame, site: str, month: str, rules: Mapping
) -> tuple[pd.DataFrame, tuple[str, str], dict]:
    """Return a site's records of ``feedback_months``, first and last month, and what its findings share."""
    span = (months.add(month, 1 - rules["feedback_months"]), month)
    mine = quality.of_site(conformed, site)
    synthetic = bool((mine if len(mine) else conformed)["synthetic"].all())
    return mine[mine["month"].between(*span)], span, {"synthetic": synthetic, "method": "count"}


# ---- what to do next, and what it brings -------------------------------------------------------------------------


def to_do(
    asked: pd.DataFrame,
    conformed: pd.DataFrame,
    submissions: pd.DataFrame,
    reconciliation: pd.DataFrame,
    checks: Mapping[str, Mapping],
    site: str,
    month: str,
    rules: Mapping,
) -> pd.DataFrame:
    """Return the three things that would help most, as findings in that order.

    Parameters
    ----------
    asked : DataFrame
        Queries of the site and month (:func:`istv_lib.quality.queries`), made with ``usable_place_aim`` where advice
        is wanted before a query would be raised: see :func:`aims`.
    conformed, submissions, reconciliation : DataFrame
        Records, and the rows set aside or folded of the files in use.
    checks : mapping
        ``parameters/checks.yml``.
    rules : mapping
        ``severity_weights``.

    Returns
    -------
    DataFrame
        Findings ``to_do``: ``stratum`` the check, ``value`` the attendances that it touches, ``n`` those of the
        month, set aside or not. Ranked by attendances touched times the weight of the severity; a check that covers
        others stands for them. ``unit`` is "file" where the number is a measure of importance and not to be printed.
        One row "nothing" where no check holds.
    """
    mine = conformed[(conformed["site_code"] == site) & (conformed["month"] == month)]
    used = submissions[submissions["status"] == "accepted"]
    used = used.loc[(used["site_code"] == site) & (used["month"] == month), "submission_id"]
    rows = reconciliation[reconciliation["submission_id"].isin(used) & (reconciliation["reason"] != "")]
    query = asked[(asked["place"] == site) & (asked["period_start"] == month)]
    found = _covered(_touched(mine, rows, query, checks), checks)
    weight = found.index.map({k: rules["severity_weights"][c["severity"]] for k, c in checks.items()})
    found["rank"] = found["value"] * weight
    found = found[found["rank"] > 0].sort_values("rank", ascending=False, kind="stable").head(3)
    if found.empty:
        found = pd.DataFrame({"value": 0.0, "unit": "file", "rank": 0.0}, index=["nothing"])
    out = found.drop(columns="rank").rename_axis("stratum").reset_index()
    n = float(len(mine) + rows["rows"].sum())
    out = out.assign(value=out["value"].round(), measure="to_do", stratum_dim="check", n=n)
    synthetic = bool((mine if len(mine) else conformed)["synthetic"].all())
    return tally.as_findings(out, None, site, synthetic=synthetic, method="count", period=(month, month))


def _touched(
    records: pd.DataFrame, rows: pd.DataFrame, query: pd.DataFrame, checks: Mapping[str, Mapping]
) -> pd.DataFrame:
    """Return for each check that holds the attendances that it touches, and whether that is a plain count."""
    marks = records["flags"].str.split(";").explode()
    single = pd.concat([rows.groupby("reason")["rows"].sum(), marks[marks.isin(list(checks))].value_counts()])
    found = pd.DataFrame({"value": single.groupby(level=0).sum().astype(float), "unit": "attendance"})
    whole = query.groupby("stratum").agg(value=("numerator", "max"), unit=("unit", "first"))
    whole["unit"] = np.where(whole["unit"] == "share", "attendance", "file")
    return pd.concat([found[found.index.isin(list(checks))], whole])


def aims(rules: Mapping) -> dict:
    """Return the thresholds with the share of places that is aimed at in the place of the one that raises a query."""
    return {**rules, "usable_place_least": rules["usable_place_aim"]}


def _covered(found: pd.DataFrame, checks: Mapping[str, Mapping]) -> pd.DataFrame:
    """Let each check that covers others stand for them, with the largest number of attendances of any."""
    out = found.copy()
    for name in [n for n in found.index if n in checks]:
        below = [c for c in checks[name].get("covers", []) if c in out.index]
        if name in out.index and below:
            out.loc[name, "value"] = out.loc[[name, *below], "value"].max()
            out = out.drop(index=below)
    return out


def reach(events: pd.DataFrame, site: str, month: str, rules: Mapping) -> pd.DataFrame:
    """Return what a site's located attendances of ``feedback_months`` are counted in.

    Parameters
    ----------
    events : DataFrame
        ED events of all sites.
    rules : mapping
        ``feedback_months``, ``supply_share_least``, ``peer_sites_least``, ``peer_share_base``.

    Returns
    -------
    DataFrame
        Findings: ``boroughs_reached`` (boroughs in whose counts the site stands), ``located`` (its attendances with
        a borough; ``n`` all of its attendances) and ``supplied`` (share of a borough's located attendances that are
        the site's, to the nearest ``peer_share_base``; ``stratum`` the borough), largest first. A borough with
        fewer than ``peer_sites_least`` other sites has no share, so that no other count can be worked out.
    """
    span = (months.add(month, 1 - rules["feedback_months"]), month)
    inside = events[(events["source"] == "ed") & events["month"].between(*span)]
    mine = inside[inside["site_code"] == site]
    known = inside[inside["borough_gss"] != ""]
    counts = pd.crosstab(known["borough_gss"], known["site_code"])
    own = counts[site] if site in counts else pd.Series(0, index=counts.index)
    others = (counts.drop(columns=site, errors="ignore") > 0).sum(axis=1)
    share = own / counts.sum(axis=1)
    shown = share[(share >= rules["supply_share_least"]) & (others >= rules["peer_sites_least"])]
    shown = (shown / rules["peer_share_base"]).round() * rules["peer_share_base"]
    shown = shown[shown > 0].sort_values(ascending=False, kind="stable")
    base = {"synthetic": bool((mine if len(mine) else inside)["synthetic"].all()), "method": "count", "period": span}
    supplied = pd.DataFrame({"stratum": shown.index.astype("object"), "value": shown.to_numpy(), "unit": "share"})
    rows = [
        pd.DataFrame({"measure": ["boroughs_reached"], "value": [float((own > 0).sum())], "unit": "file"}),
        pd.DataFrame({"measure": ["located"], "value": [float(own.sum())], "n": [float(len(mine))]}),
        supplied.assign(measure="supplied", stratum_dim="borough"),
    ]
    return pd.concat([tally.as_findings(r, None, site, **base) for r in rows], ignore_index=True)
