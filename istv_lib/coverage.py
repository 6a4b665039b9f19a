"""Coverage: how much of an area's expected violence had a chance to be counted in a month.

Coverage of an area-month is the share of expected attendances whose sites submitted *and* whose borough is
known, against reference shares frozen before the tested months. It is a property of the data, not of violence:
where it is low, a low count says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from istv_lib import months, places

SENT = ("complete", "partial", "zero")


def counts(events: pd.DataFrame) -> pd.DataFrame:
    """Count ED attendances by site, place and month.

    Parameters
    ----------
    events : DataFrame
        ED events with ``site_code``, ``month``, ``borough_gss`` (empty when not known).

    Returns
    -------
    DataFrame
        ``site_code``, ``place``, ``month``, ``count``. A place is a borough (GSS code), a BCU, ``not_known`` or
        ``london``; London holds every attendance, also those whose borough is not known.
    """
    base = events[["site_code", "month", "borough_gss"]].copy()
    borough = base["borough_gss"]
    bcu = borough.map(dict(zip(places.boroughs()["gss"], places.boroughs()["bcu"], strict=True))).fillna("")
    parts = [borough.where(borough != "", places.NOT_KNOWN), bcu, pd.Series(places.LONDON, index=base.index)]
    long = pd.concat([base.assign(place=part)[["site_code", "place", "month"]] for part in parts])
    long = long[long["place"] != ""]
    return long.groupby(["site_code", "place", "month"], as_index=False).size().rename(columns={"size": "count"})


def window(month: str, held: list[str], rules: Mapping) -> tuple[list[str], list[str]]:
    """Return the reference months and the tested months for a reported month.

    The reference is the frozen baseline (``baseline_months`` that end ``tested_months`` before the month). While
    the store is too young for one, it is every month before the reported one, and only the reported month is
    tested.
    """
    end = months.add(month, -rules["tested_months"])
    baseline = [m for m in months.span(months.add(end, 1 - rules["baseline_months"]), end) if m in set(held)]
    if len(baseline) >= rules["baseline_months_least"]:
        return baseline, months.span(months.add(end, 1), month)
    return [m for m in sorted(set(held)) if m < month][-rules["baseline_months"] :], [month]


def effective_days(arrivals: pd.Series, held: Iterable[str]) -> dict[str, float]:
    """Return the days of each month, each weighted by how busy its weekday usually is.

    Parameters
    ----------
    arrivals : Series
        Arrival times of the reference months.
    held : iterable of str
        Months wanted.

    Returns
    -------
    dict
        Month to days; 30.4 on average. A month with five weekends has more than its calendar days. With fewer than
        700 arrivals (a hundred a weekday) the weekdays are not told apart.
    """
    known = arrivals.dropna()
    span = pd.date_range(known.min().normalize(), known.max().normalize()) if len(known) >= 700 else None
    if span is None:
        return {month: float(months.days_in(month)) for month in held}
    rate = (
        known.dt.day_of_week.value_counts().reindex(range(7), fill_value=0) / pd.Series(span.day_of_week).value_counts()
    )
    weight = rate / rate.mean()
    return {m: float(weight[pd.date_range(m + "-01", periods=months.days_in(m)).day_of_week].sum()) for m in held}


def submitted(site_months: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each month's days that each site sent: a table of sites by months."""
    days = site_months["month"].map(months.days_in)
    share = (site_months["days_covered"].astype(float) / days).where(site_months["status"].isin(SENT), 0.0)
    return site_months.assign(share=share).pivot_table(
        index="site_code", columns="month", values="share", fill_value=0.0
    )


def succession(roster: pd.DataFrame) -> pd.DataFrame:
    """Return where the patients of sites that closed or changed their code go.

    Returns
    -------
    DataFrame
        ``origin``, ``heir``, ``share`` (of the origin's patients), ``last`` (the origin's last month), in the
        order in which the origins closed.
    """
    rows = [
        (row.site_code, *pair.split(":"), row.valid_to)
        for row in roster[roster["successors"] != ""].itertuples()
        for pair in row.successors.split(";")
    ]
    heirs = pd.DataFrame(rows, columns=["origin", "heir", "share", "last"]).astype({"share": float})
    return heirs.sort_values(["last", "origin", "heir"], ignore_index=True)


def reference(
    by_site: pd.DataFrame, sent: pd.DataFrame, heirs: pd.DataFrame, window_: list[str], rules: Mapping
) -> pd.DataFrame:
    """Return the mean monthly attendances of each site in each place, from months that the site submitted.

    Parameters
    ----------
    by_site, sent, heirs : DataFrame
        As :func:`counts`, :func:`submitted` and :func:`succession` return.
    window_ : list of str
        Reference months.
    rules : mapping
        ``reference_months_least``.

    Returns
    -------
    DataFrame
        Sites by places; a site with too few submitted months has no row. What a site inherits from one that
        closed inside the window is taken off, because it is carried under the closed site's own row.
    """
    inside = sent.reindex(columns=window_, fill_value=0.0)
    totals = by_site[by_site["month"].isin(window_)].pivot_table(
        index="site_code", columns="place", values="count", aggfunc="sum", fill_value=0
    )
    totals = totals.reindex(inside.index, fill_value=0).astype(float)
    enough = set(inside.index[(inside > 0).sum(axis=1) >= rules["reference_months_least"]])
    origins = [site for site in heirs["origin"].unique() if site in enough]
    rates: dict[str, pd.Series] = {}
    for site in [*origins, *sorted(enough - set(origins))]:
        total = totals.loc[site]
        for row in heirs[(heirs["heir"] == site) & heirs["origin"].isin(list(rates))].itertuples():
            after = inside.loc[site, [m for m in window_ if m > row.last]].sum()
            total = total - row.share * rates[row.origin] * after
        rates[site] = (total / inside.loc[site].sum()).clip(lower=0)
    return pd.DataFrame(rates, index=totals.columns).T


def location_rates(
    site_months: pd.DataFrame, window_: list[str], heirs: pd.DataFrame, rules: Mapping
) -> tuple[pd.Series, pd.DataFrame]:
    """Return each site's reference share of records with a known borough, and its share in every month.

    The monthly share is drawn towards the reference with the weight ``location_rate_prior`` (records).
    """
    inside = (
        site_months[site_months["month"].isin(window_)].groupby("site_code")[["located", "rows"]].sum().astype(float)
    )
    overall = inside["located"].sum() / max(inside["rows"].sum(), 1.0)
    known = (inside["located"] / inside["rows"].where(inside["rows"] > 0)).dropna()
    sites = sorted(site_months["site_code"].unique())
    ref = known.reindex(sites)
    for row in heirs.itertuples():
        if row.heir in ref.index and np.isnan(ref[row.heir]):
            ref[row.heir] = known.get(row.origin, np.nan)
    ref = ref.fillna(overall).clip(lower=0.01)
    wide = site_months.pivot_table(index="site_code", columns="month", values=["located", "rows"], aggfunc="sum")
    located, rows = wide["located"].astype(float).fillna(0), wide["rows"].astype(float).fillna(0)
    weight = float(rules["location_rate_prior"])
    monthly = (located.add(weight * ref, axis=0)).div(rows + weight)
    return ref, monthly


def carried(table: pd.DataFrame, heirs: pd.DataFrame) -> pd.DataFrame:
    """Give each closed site, from the month after it closed, what its successors have, weighted by share."""
    out = table.copy()
    for origin, part in heirs.iloc[::-1].groupby("origin", sort=False):
        after = [m for m in out.columns if m > part["last"].iloc[0]]
        shares = part.set_index("heir")["share"]
        if origin in out.index:
            out.loc[origin, after] = shares @ out.reindex(shares.index).fillna(0.0)[after]
    return out


def table(
    events: pd.DataFrame,
    site_months: pd.DataFrame,
    roster: pd.DataFrame,
    month: str,
    rules: Mapping,
    revisions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the coverage and the counts of every place in every month up to the reported one.

    Parameters
    ----------
    events : DataFrame
        ED events (``site_code``, ``month``, ``borough_gss``, ``arrival_at``, ``synthetic``).
    site_months : DataFrame
        As in :mod:`istv_lib.schema`.
    roster : DataFrame
        Sites with ``site_code``, ``valid_to`` and ``successors``.
    month : str
        The reported month; nothing later is used.
    rules : mapping
        Thresholds.
    revisions : DataFrame, optional
        Files that replaced earlier ones, as in :mod:`istv_lib.schema`; without them no month counts as revised.

    Returns
    -------
    DataFrame
        One row per place and month: ``place``, ``month``, ``value`` (all attendances), ``monitored`` (from sites
        with a reference, or their successors), ``unmonitored`` (from sites without), ``coverage`` (0 to about 1;
        missing when the place has no reference), ``exposure`` (the same, not capped at 1, for expected counts),
        ``sites_expected``, ``sites_sent`` (those that supply the place, see ``supply_share_least``), ``silent``
        (their codes), ``days`` (of the month, weighted by weekday), ``provisional`` (the newest month of
        all), ``revised`` (a site that supplies the place has sent the month again, changed), ``break`` (one joined,
        closed or took over from another in the month), ``synthetic``.

    Notes
    -----
    How it can mislead: reference shares are means, so a site whose catchment really moves looks like a change of
    violence in two boroughs; a site that never sent data is not in the reference and cannot be missed.
    """
    past = site_months[site_months["month"] <= month]
    held = sorted(past.loc[past["status"].isin(SENT), "month"].unique())
    ref_months, _ = window(month, held, rules)
    heirs = succession(roster)
    by_site = counts(events[events["month"] <= month])
    sent = submitted(past)
    weights = reference(by_site, sent, heirs, ref_months, rules)
    exposure = _exposure(weights, past, sent, heirs, ref_months, rules)
    out = _assemble(by_site, exposure, _followed(weights, heirs), sorted(sent.columns))
    out["days"] = out["month"].map(effective_days(events[events["month"].isin(ref_months)]["arrival_at"], sent.columns))
    out["synthetic"] = bool(events["synthetic"].all())
    out["provisional"] = out["month"] == site_months["month"].max()
    suppliers = _suppliers(weights, by_site, heirs, rules)
    key = pd.MultiIndex.from_frame(out[["place", "month"]])
    out["break"] = key.isin(_marked(_turns(past), suppliers))
    out["revised"] = key.isin(_marked(_altered(revisions), suppliers))
    return out.join(_supply(weights, past, heirs, rules), on=["place", "month"])


def _exposure(weights, past, sent, heirs, ref_months, rules) -> pd.DataFrame:
    """Share of the reference reached, places by months; London and "not known" do not depend on location."""
    ref_rate, rate = location_rates(past, ref_months, heirs, rules)
    located = carried(sent * rate.reindex(index=sent.index, columns=sent.columns), heirs)
    ratio = located.div(ref_rate.reindex(sent.index), axis=0)
    shares = weights.div(weights.sum().where(weights.sum() > 0), axis=1).T
    by_place = shares @ ratio.reindex(weights.index).fillna(0.0)
    whole = shares @ carried(sent, heirs).reindex(weights.index).fillna(0.0)
    everywhere = [place for place in (places.LONDON, places.NOT_KNOWN) if place in whole.index]
    by_place.loc[everywhere] = whole.loc[everywhere]
    return by_place


def _followed(weights: pd.DataFrame, heirs: pd.DataFrame) -> set[str]:
    """Sites with a reference, and those that took over from one."""
    inside = set(weights.index)
    for row in heirs.itertuples():
        if row.origin in inside:
            inside.add(row.heir)
    return inside


def _assemble(by_site: pd.DataFrame, exposure: pd.DataFrame, followed: set[str], held: list[str]) -> pd.DataFrame:
    known = [*places.boroughs()["gss"], *places.bcus()["code"], places.LONDON, places.NOT_KNOWN]
    index = pd.MultiIndex.from_product([known, held], names=["place", "month"])
    kind = np.where(by_site["site_code"].isin(followed), "monitored", "unmonitored")
    wide = by_site.assign(kind=kind).pivot_table(
        index=["place", "month"], columns="kind", values="count", aggfunc="sum"
    )
    out = wide.reindex(index=index, columns=["monitored", "unmonitored"]).fillna(0.0)
    out["value"] = out["monitored"] + out["unmonitored"]
    out["exposure"] = exposure.stack().reindex(index)
    out["coverage"] = out["exposure"].clip(upper=1.0)
    return out.reset_index()


def _suppliers(weights: pd.DataFrame, by_site: pd.DataFrame, heirs: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Return which sites supply which place: by the reference, as an heir, or by what a new site has sent so far."""
    share = weights.div(weights.sum().where(weights.sum() > 0), axis=1).rename_axis("site_code", axis=0)
    known = share.rename_axis("place", axis=1).stack().rename("share").reset_index()
    new = by_site[~by_site["site_code"].isin(_followed(weights, heirs))]
    begun = new.groupby("site_code")["month"].min()
    parts = [known]
    for site, first in begun.items():
        since = by_site[by_site["month"] >= first]
        of_all = new[new["site_code"] == site].groupby("place")["count"].sum() / since.groupby("place")["count"].sum()
        parts.append(of_all.dropna().rename("share").reset_index().assign(site_code=site))
    found = pd.concat(parts, ignore_index=True)
    found = found[(found["share"] >= rules["supply_share_least"]) | (found["place"] == places.LONDON)]
    after = heirs.rename(columns={"origin": "site_code"})[["site_code", "heir"]].merge(found, on="site_code")
    return pd.concat([found, after.assign(site_code=after["heir"])])[["site_code", "place"]].drop_duplicates()


def _turns(past: pd.DataFrame) -> pd.DataFrame:
    """Return the site-months in which a site joined, closed or opened again; the first month held is none."""
    ordered = past.sort_values(["site_code", "month"])
    away = ordered["status"].isin(["closed", "not_joined"])
    before = away.groupby(ordered["site_code"]).shift().astype("boolean")
    before = before.fillna(away.where(ordered["month"] == past["month"].min(), other=True).astype("boolean"))
    return ordered.loc[(before != away).to_numpy(dtype=bool), ["site_code", "month"]]


def _altered(revisions: pd.DataFrame | None) -> pd.DataFrame:
    if revisions is None:
        return pd.DataFrame({"site_code": [], "month": []}, dtype="str")
    differs = revisions[["added", "removed", "changed"]].sum(axis=1) > 0
    return revisions.loc[differs, ["site_code", "month"]]


def _marked(site_months: pd.DataFrame, suppliers: pd.DataFrame) -> pd.MultiIndex:
    """Return the places and months that some site-months touch."""
    return pd.MultiIndex.from_frame(site_months.merge(suppliers, on="site_code")[["place", "month"]])


def _supply(weights: pd.DataFrame, past: pd.DataFrame, heirs: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Count the hospitals that supply each place, and those of them that sent data, month by month."""
    share = weights.div(weights.sum().where(weights.sum() > 0), axis=1).fillna(0.0)
    open_ = past[~past["status"].isin(["closed", "not_joined"])]
    rows = []
    for place in share.columns:
        main = set(share.index[share[place] >= rules["supply_share_least"]])
        main |= set(heirs.loc[heirs["origin"].isin(main), "heir"])
        mine = open_ if place == places.LONDON else open_[open_["site_code"].isin(main)]
        came = mine["status"].isin(SENT)
        silent = (
            mine["site_code"].where(~came, "").groupby(mine["month"]).agg(lambda s: ";".join(sorted(set(s) - {""})))
        )
        sums = pd.DataFrame(
            {"sites_expected": mine.groupby("month").size(), "sites_sent": came.groupby(mine["month"]).sum()}
        )
        rows.append(sums.assign(silent=silent, place=place).reset_index())
    if not rows:
        return pd.DataFrame(columns=["place", "month", "sites_expected", "sites_sent", "silent"]).set_index(
            ["place", "month"]
        )
    return pd.concat(rows).set_index(["place", "month"])
