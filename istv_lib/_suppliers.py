"""Which hospitals supply which place, and what happened to them in a month.

A helper of :mod:`istv_lib.coverage`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import places

SENT = ("complete", "partial", "zero")


def suppliers(
    weights: pd.DataFrame, by_site: pd.DataFrame, followed: set[str], heirs: pd.DataFrame, rules: Mapping
) -> pd.DataFrame:
    """Return which sites supply which place: by the reference, as an heir, or by what a new site has sent so far."""
    share = weights.div(weights.sum().where(weights.sum() > 0), axis=1).rename_axis("site_code", axis=0)
    known = share.rename_axis("place", axis=1).stack().rename("share").reset_index()
    new = by_site[~by_site["site_code"].isin(followed)]
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


def turns(past: pd.DataFrame) -> pd.DataFrame:
    """Return the site-months in which a site joined, closed or opened again; the first month held is none."""
    ordered = past.sort_values(["site_code", "month"])
    away = ordered["status"].isin(["closed", "not_joined"])
    before = away.groupby(ordered["site_code"]).shift().astype("boolean")
    before = before.fillna(away.where(ordered["month"] == past["month"].min(), other=True).astype("boolean"))
    return ordered.loc[(before != away).to_numpy(dtype=bool), ["site_code", "month"]]


def altered(revisions: pd.DataFrame | None) -> pd.DataFrame:
    if revisions is None:
        return pd.DataFrame({"site_code": [], "month": []}, dtype="str")
    differs = revisions[["added", "removed", "changed"]].sum(axis=1) > 0
    return revisions.loc[differs, ["site_code", "month"]]


def marked(site_months: pd.DataFrame, suppliers: pd.DataFrame) -> pd.MultiIndex:
    """Return the places and months that some site-months touch."""
    return pd.MultiIndex.from_frame(site_months.merge(suppliers, on="site_code")[["place", "month"]])


def supply(weights: pd.DataFrame, past: pd.DataFrame, heirs: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Count the hospitals that supply each place, and those of them that sent data, month by month.

    Every open hospital supplies London, also one without a reference.

    Returns
    -------
    DataFrame
        By place and month: ``sites_expected``, ``sites_sent``, ``silent`` (codes of those that did not send).
    """
    share = weights.div(weights.sum().where(weights.sum() > 0), axis=1).rename_axis("site_code", axis=0)
    pairs = share.rename_axis("place", axis=1).stack().rename("share").reset_index()
    pairs = pairs.loc[(pairs["share"] >= rules["supply_share_least"]) & (pairs["place"] != places.LONDON)]
    after = heirs.rename(columns={"origin": "site_code"})[["site_code", "heir"]].merge(pairs, on="site_code")
    everyone = pd.DataFrame({"site_code": past["site_code"].unique(), "place": places.LONDON})
    pairs = pd.concat([pairs, after.assign(site_code=after["heir"]), everyone])[["site_code", "place"]]
    open_ = past.loc[~past["status"].isin(["closed", "not_joined"]), ["site_code", "month", "status"]]
    mine = pairs.drop_duplicates().merge(open_, on="site_code").sort_values("site_code", kind="stable")
    mine["sites_sent"] = mine["status"].isin(SENT)
    sums = (
        mine.groupby(["place", "month"])["sites_sent"]
        .agg(["size", "sum"])
        .set_axis(["sites_expected", "sites_sent"], axis=1)
    )
    quiet = mine[~mine["sites_sent"]].groupby(["place", "month"])["site_code"].agg(";".join)
    return sums.assign(silent=quiet.reindex(sums.index).fillna(""))
