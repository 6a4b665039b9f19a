"""One series after the other: what the monitor would cost in plain pandas, for benchmarks/monitor.py.

It does what the library does, for a London without successors: for each stratum and borough filter the records, count
them by site and month, weigh the sites, and reckon exposure, level, dispersion and limits. A second pass draws each
dispersion towards that of the stratum's boroughs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from istv_lib import coverage
from istv_lib._strata import Members

DAYS = 30.4375


class Loop:
    """What all series share: the sites' months, the reference and the days."""

    def __init__(self, events: pd.DataFrame, site_months: pd.DataFrame, month: str, rules: Mapping) -> None:
        self.events, self.rules = events, rules
        self.sent = coverage.submitted(site_months)
        self.months = list(self.sent.columns)
        self.grid = pd.MultiIndex.from_product([self.sent.index, self.months])
        held = sorted(site_months.loc[site_months["status"].isin(coverage.SENT), "month"].unique())
        self.ref, _ = coverage.window(month, held, rules)
        arrivals = events[events["month"].isin(self.ref)]["arrival_at"]
        self.days = pd.Series(coverage.effective_days(arrivals, self.months)) / DAYS
        wide = site_months.pivot_table(index="site_code", columns="month", values=["located", "rows"], aggfunc="sum")
        self.rows = wide["rows"].astype(float)
        home = (events["location_type"] == "home") & (events["borough_gss"] == "")
        located = wide["located"].astype(float)
        self.located = self.rate(located, np.maximum(self.rows - self.counted(events[home]), located))
        self.filled = self.sent

    def counted(self, part: pd.DataFrame) -> pd.DataFrame:
        sizes = part.groupby(["site_code", "month"]).size().reindex(self.grid, fill_value=0)
        table = sizes.to_numpy(dtype=float).reshape(self.sent.shape)
        return pd.DataFrame(table, index=self.sent.index, columns=self.months)

    def rate(self, known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
        """Return each site's monthly share of records with an item, against its usual share."""
        usual = (known[self.ref].sum(axis=1) / rows[self.ref].sum(axis=1)).clip(lower=0.01)
        weight = self.rules["location_rate_prior"]
        now = known.add(weight * usual, axis=0) / (rows + weight)
        return now.div(usual, axis=0)

    def stratum(self, part: Members) -> None:
        """Take up a stratum: the share of records in which it is known, and the season of London."""
        self.dim = part.dim
        self.inside = self.events[part.inside]
        self.item = 1.0
        if part.dim:
            filled = self.counted(self.events[part.known])
            self.filled, self.item = filled.where(self.rows > 0, self.sent), self.rate(filled, self.rows)
        enough = ((self.sent > 0) & (self.filled > 0))[self.ref].sum(axis=1)
        self.has = enough >= self.rules["reference_months_least"]
        self.mix = self.counted(self.inside)[self.ref].sum(axis=1)
        self.all = self.counted(self.events)[self.ref].sum(axis=1)
        own = self.season(self.inside)
        if part.dim and own[2] < self.rules["season_counts_least"]:
            own = self.whole
        if not part.dim:
            self.whole = own
        self.factor, self.rests = own[0], own[1]

    def exposure(self, inside: pd.DataFrame, all_: pd.DataFrame, *, near: bool) -> tuple:
        """Return monitored counts, exposure and its variance of one place, by month."""
        counts = self.counted(inside)
        totals = counts[self.ref].sum(axis=1)
        n = totals[self.has].sum()
        if self.dim:
            whole = self.counted(all_)[self.ref].sum(axis=1) * self.has
            foretold = whole * (self.mix / self.all.where(self.all > 0)).fillna(0.0)
            if foretold.sum() > 0:
                totals = totals + self.rules["stratum_share_prior"] * foretold / foretold.sum()
        mean = (totals / self.sent[self.ref].sum(axis=1)).where(self.has, 0.0)
        share = mean / mean.sum() if mean.sum() > 0 else mean * np.nan
        ratio = self.sent * self.item * (self.located if near else 1.0)
        reached = ratio.mul(share, axis=0).sum()
        spread = ((ratio**2).mul(share, axis=0).sum() - reached**2).clip(lower=0.0) / max(n, 1.0)
        return counts[self.has].sum(), reached, spread

    def season(self, inside: pd.DataFrame) -> tuple[pd.Series, pd.Series, float]:
        counts, reached, _ = self.exposure(inside, self.events, near=False)
        number = pd.Series([m[5:] for m in self.ref], index=self.ref)
        top = counts[self.ref].groupby(number).sum()
        rate = top / (self.days * reached)[self.ref].groupby(number).sum()
        fitted = number.map(rate) * (self.days * reached)[self.ref]
        spread = ((counts[self.ref] - fitted) ** 2 / fitted).sum() / max(len(self.ref) - len(top), 1)
        return rate / rate.mean(), top.clip(lower=1.0) / max(spread, 1.0), float(top.sum())

    def series(self, gss: str) -> dict:
        """Return level, dispersion and what limits need of one borough, before dispersions are pooled."""
        mine, all_ = (t[t["borough_gss"] == gss] for t in (self.inside, self.events))
        counts, reached, spread = self.exposure(mine, all_, near=True)
        number = [m[5:] for m in self.months]
        factor, rests = (pd.Series(a[number].to_numpy(), index=self.months) for a in (self.factor, self.rests))
        reach = factor * self.days * reached
        use = [m for m in self.ref if min(reached[m], 1.0) >= self.rules["coverage_least"]]
        total = counts[use].sum()
        fits = total > 0 and len(use) >= self.rules["baseline_months_least"]
        mean = total / reach[use].sum() * reach if fits else reach * np.nan
        seen = [m for m in use if mean[m] > 0]
        squares = ((counts[seen] - mean[seen]) ** 2 / mean[seen]).sum()
        wide = (spread / reached**2).where(reached > 0, 0.0) + 1 / rests
        return {"mean": mean, "wide": wide, "total": total, "squares": squares, "left": max(len(seen) - 1, 0)}


def one_by_one(
    events: pd.DataFrame,
    site_months: pd.DataFrame,
    strata: list[Members],
    places: list[str],
    month: str,
    rules: Mapping,
) -> pd.DataFrame:
    """Return ``expected``, ``limit_low`` and ``limit_high`` by stratum, place and month."""
    loop, parts = Loop(events, site_months, month, rules), []
    for part in strata:
        loop.stratum(part)
        found = {place: loop.series(place) for place in places}
        pooled = sum(s["squares"] for s in found.values()) / max(sum(s["left"] for s in found.values()), 1)
        for place, s in found.items():
            prior = rules["dispersion_prior"]
            dispersion = max((s["squares"] + prior * pooled) / (s["left"] + prior), 1.0)
            variance = dispersion * (s["mean"] + s["mean"] ** 2 / max(s["total"], 1)) + s["mean"] ** 2 * s["wide"]
            low, high = (quantile(s["mean"], variance, tail) for tail in (rules["limit_tail"], 1 - rules["limit_tail"]))
            lines = pd.DataFrame({"expected": s["mean"], "limit_low": low, "limit_high": high})
            parts.append(lines.assign(stratum=part.stratum, place=place, month=lines.index))
    return pd.concat(parts, ignore_index=True)


def quantile(mean: pd.Series, variance: pd.Series, tail: float) -> np.ndarray:
    extra = variance - mean
    size = mean**2 / extra.clip(lower=1e-9)
    wide = stats.nbinom.ppf(tail, size, size / (size + mean))
    line = np.where(extra < 1e-6 * mean, stats.poisson.ppf(tail, mean), wide)
    return np.where(mean.isna(), np.nan, np.where(mean > 0, line, 0.0))
