"""Coverage: how much of an area's expected violence had a chance to be counted in a month.

Coverage of an area-month is the share of expected attendances whose sites submitted *and* whose borough is
known, against reference shares frozen before the tested months. It is a property of the data, not of violence:
where it is low, a low count says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from istv_lib import _exposure, _suppliers, months, places
from istv_lib._strata import Members
from istv_lib._suppliers import SENT

__all__ = ["SENT", "Members", "effective_days", "submitted", "succession", "table", "window"]


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


def table(
    events: pd.DataFrame,
    site_months: pd.DataFrame,
    roster: pd.DataFrame,
    month: str,
    rules: Mapping,
    revisions: pd.DataFrame | None = None,
    *,
    strata: Sequence[Members] = (),
) -> pd.DataFrame:
    """Return the coverage and the counts of every place in every month up to the reported one.

    Parameters
    ----------
    events : DataFrame
        ED events (``site_code``, ``month``, ``borough_gss``, ``arrival_at``, ``location_type``, ``precision_class``,
        ``synthetic``).
    site_months : DataFrame
        As in :mod:`istv_lib.schema`.
    roster : DataFrame
        Sites with ``site_code``, ``valid_to``, ``successors`` and, for the networks, ``trauma_network``.
    month : str
        The reported month; nothing later is used.
    rules : mapping
        Thresholds.
    revisions : DataFrame, optional
        Files that replaced earlier ones, as in :mod:`istv_lib.schema`; without them no month counts as revised.
    strata : sequence of Members, optional
        As :func:`istv_lib.tally.members` returns for the same events; each adds rows of its own after those of all
        attendances.

    Returns
    -------
    DataFrame
        One row per stratum, place and month, in that order: ``stratum_dim`` and ``stratum`` (empty for all),
        ``place`` and ``place_type`` (boroughs, BCUs, trauma networks by where people were treated, London, "not
        known"), ``month``, ``value`` (all attendances), ``monitored`` (from sites with a reference, or their
        successors), ``unmonitored`` (from sites without), ``coverage`` (0 to about 1; missing when the place has no
        reference), ``exposure`` (the same, not capped at 1, for expected counts), ``spread`` (variance of the exposure,
        because shares are counted too), ``sites_expected``, ``sites_sent`` (those that supply the place, see
        ``supply_share_least``), ``silent`` (their codes), ``days`` (of the month, weighted by weekday), ``provisional``
        (the newest month of all), ``revised`` (a site that supplies the place has sent the month again, changed),
        ``break`` (one joined, closed or took over from another in the month), ``synthetic``.

    Notes
    -----
    A stratum has reference shares of its own, because stabbings go to other hospitals than punches; small ones are
    drawn towards the sites' own mix with the weight ``stratum_share_prior``. Its exposure also holds how many records
    have the item filled in that decides on it, compared with the site's usual share.

    How it can mislead: reference shares are means, so a site whose catchment really moves looks like a change of
    violence in two boroughs; a site that never sent data is not in the reference and cannot be missed; a site that
    changes its coding without leaving the item empty looks like a change of violence in that stratum.
    """
    past = site_months[site_months["month"] <= month]
    held = sorted(past.loc[past["status"].isin(SENT), "month"].unique())
    ref_months, _ = window(month, held, rules)
    heirs, sent = succession(roster), submitted(past)
    at = _exposure.axes(list(sent.index), list(sent.columns), roster)
    whole = Members("", "", np.ones(len(events), dtype=bool), np.ones(len(events), dtype=bool))
    asked, homes = [whole, *strata], _homes(events)
    counts, known = _exposure.counted(events, [*asked, homes], at)
    at_home = counts[-1][:, at.places.index(places.LONDON)]
    reach = _Reach(past, sent.to_numpy(), at_home, heirs, at, np.isin(at.months, ref_months), rules)
    parts = [reach.rows(part, known[i], counts[i], counts[0]) for i, part in enumerate(asked)]
    out = pd.concat([part for part, _, _ in parts], ignore_index=True)
    out["place_type"] = np.tile(np.repeat(_place_types(at), len(at.months)), len(asked))
    out["days"] = out["month"].map(effective_days(events[events["month"].isin(ref_months)]["arrival_at"], sent.columns))
    out["synthetic"] = bool(events["synthetic"].all())
    out["provisional"] = out["month"] == site_months["month"].max()
    _, shares, followed = parts[0]
    who = _suppliers.suppliers(shares, _by_site(counts[0], at), followed, heirs, rules)
    key = pd.MultiIndex.from_frame(out[["place", "month"]])
    out["break"] = key.isin(_suppliers.marked(_suppliers.turns(past), who))
    out["revised"] = key.isin(_suppliers.marked(_suppliers.altered(revisions), who))
    return out.join(_suppliers.supply(shares, past, heirs, rules), on=["place", "month"])


class _Reach:
    """What the sites of a store reach of each place and month, for one stratum after the other."""

    def __init__(
        self,
        past: pd.DataFrame,
        sent: np.ndarray,
        at_home: np.ndarray,
        heirs: pd.DataFrame,
        at: _exposure.Axes,
        inside: np.ndarray,
        rules: Mapping,
    ) -> None:
        self.sent, self.heirs, self.at, self.inside, self.rules = sent, heirs, at, inside, rules
        wide = past.pivot_table(index="site_code", columns="month", values=["located", "rows"], aggfunc="sum")
        located, self.records = (
            wide[name].reindex(index=list(at.sites), columns=list(at.months)).fillna(0).to_numpy(dtype=float)
            for name in ("located", "rows")
        )
        self.located = self._rates(located, np.maximum(self.records - at_home, located))

    def _rates(self, known: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weight = float(self.rules["location_rate_prior"])
        return _exposure.known_rates(known, of, self.inside, self.heirs, self.at, weight)

    def _ratio(self, *rates: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Return what each site reached of its reference: days sent times each share of records, after succession."""
        now, usual = self.sent.copy(), np.ones(len(self.at.sites))
        for ref, monthly in rates:
            now, usual = now * monthly, usual * ref
        return _exposure.carried(now, self.heirs, self.at) / usual[:, None]

    def rows(
        self, part: Members, known: np.ndarray, counts: np.ndarray, whole: np.ndarray
    ) -> tuple[pd.DataFrame, pd.DataFrame, set[str]]:
        """Return a stratum's rows, the sites' weights (sites by places) and the sites that are followed.

        ``known`` counts the records of which the stratum is known (sites by months).
        """
        at, inside = self.at, self.inside
        filled = self.sent if not part.dim else np.where(self.records > 0, known, self.sent)
        has = _exposure.enough(self.sent, filled, inside, int(self.rules["reference_months_least"]))
        totals = counts[:, :, inside].sum(axis=2)
        items = [] if not part.dim else [self._rates(known, self.records)]
        if part.dim:
            usual = whole[:, :, inside].sum(axis=2) * has[:, None]
            totals = _exposure.drawn(totals, usual, at, self.rules["stratum_share_prior"])
        mean = _exposure.weights(totals, self.sent, inside, self.heirs, at, has)
        sums = mean.sum(axis=0)
        shares = mean / np.where(sums > 0, sums, np.nan)
        n = counts[has][:, :, inside].sum(axis=(0, 2))
        near, far = (self._ratio(*rates) for rates in ([self.located, *items], items))
        reached = [_exposure.reached(shares, ratio, n) for ratio in (near, far)]
        exposure, spread = (np.where(at.by_site[:, None], far, near) for near, far in zip(*reached, strict=True))
        followed = self._followed(has)
        mine = np.isin(at.sites, sorted(followed))
        held = {"monitored": counts[mine].sum(axis=0), "unmonitored": counts[~mine].sum(axis=0)}
        index = pd.MultiIndex.from_product([at.places, at.months], names=["place", "month"])
        out = pd.DataFrame(
            {k: v.ravel() for k, v in held.items()} | {"exposure": exposure.ravel(), "spread": spread.ravel()},
            index=index,
        )
        out["value"] = out["monitored"] + out["unmonitored"]
        out["coverage"] = out["exposure"].clip(upper=1.0)
        out = out.reset_index().assign(stratum_dim=part.dim, stratum=part.stratum)
        return out, pd.DataFrame(mean[has], index=np.array(at.sites)[has], columns=list(at.places)), followed

    def _followed(self, has: np.ndarray) -> set[str]:
        """Sites with a reference, and those that took over from one."""
        inside = set(np.array(self.at.sites)[has])
        for row in self.heirs.itertuples():
            if row.origin in inside:
                inside.add(row.heir)
        return inside


def _homes(events: pd.DataFrame) -> Members:
    """Return the attendances at homes, which have no borough and so tell nothing of how places are written down."""
    home = ((events["location_type"] == "home") | (events["precision_class"] == "home")) & (events["borough_gss"] == "")
    return Members("place_group", "home", home.to_numpy(dtype=bool), np.ones(len(events), dtype=bool))


def _by_site(counts: np.ndarray, at: _exposure.Axes) -> pd.DataFrame:
    """Return counts of sites, places and months as rows, without the zeros."""
    site, place, month = np.nonzero(counts)
    names = (np.array(axis)[i] for axis, i in ((at.sites, site), (at.places, place), (at.months, month)))
    return pd.DataFrame(
        dict(zip(["site_code", "place", "month"], names, strict=True)) | {"count": counts[site, place, month]}
    )


def _place_types(at: _exposure.Axes) -> list[str]:
    kinds = dict.fromkeys(places.boroughs()["gss"], "borough") | dict.fromkeys(places.bcus()["code"], "bcu")
    kinds |= {places.LONDON: places.LONDON, places.NOT_KNOWN: places.NOT_KNOWN}
    return [kinds.get(place, "network") for place in at.places]
