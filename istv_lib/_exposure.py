"""How much of each place's usual attendances could be counted: arrays of strata, sites, places and months.

A helper of :mod:`istv_lib.coverage`. Letters: S strata, H sites, B boroughs with "not known" last, P places, T months.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from istv_lib import places
from istv_lib._strata import Members


@dataclass(frozen=True)
class Axes:
    """The sites, places and months of the arrays, in order, and the hospitals' networks."""

    sites: tuple[str, ...]
    places: tuple[str, ...]
    months: tuple[str, ...]
    network: tuple[str, ...]  # of each site; empty where it has none

    @property
    def by_site(self) -> np.ndarray:
        """Which places do not depend on the text of a record: London, "not known" and the networks."""
        free = {places.LONDON, places.NOT_KNOWN, *self.network}
        return np.array([place in free for place in self.places])


def axes(sites: Sequence[str], held: Sequence[str], roster: pd.DataFrame) -> Axes:
    """Return the axes of a store: boroughs, BCUs, trauma networks of the roster, London and "not known"."""
    known = roster.set_index("site_code").get("trauma_network", pd.Series(dtype="str"))
    network = known[~known.index.duplicated()].reindex(sites).fillna("")
    codes = [*places.boroughs()["gss"], *places.bcus()["code"], *sorted(set(network) - {""})]
    return Axes(tuple(sites), (*codes, places.LONDON, places.NOT_KNOWN), tuple(held), tuple(network))


def counted(events: pd.DataFrame, strata: Sequence[Members], at: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Count events by stratum, site, place and month (S, H, P, T); a place may hold others, as London does.

    The second array counts, by stratum, site and month (S, H, T), the events of which the stratum is known.
    """
    gss = list(places.boroughs()["gss"])
    site = pd.Index(at.sites).get_indexer(events["site_code"])
    month = pd.Index(at.months).get_indexer(events["month"])
    borough = pd.Index(gss).get_indexer(events["borough_gss"])
    borough = np.where(borough < 0, len(gss), borough)
    shape = (len(at.sites), len(gss) + 1, len(at.months))
    here = (site >= 0) & (month >= 0)
    flat = np.ravel_multi_index((site * here, borough, month * here), shape)
    base, known = (
        np.stack([np.bincount(flat[here & mask], minlength=np.prod(shape)).reshape(shape) for mask in masks])
        for masks in ([s.inside for s in strata], [s.known for s in strata])
    )
    out = np.einsum("pb,shbt->shpt", _geography(at, gss), base.astype(float), optimize=True)
    total = base.sum(axis=2)
    for p, place in enumerate(at.places):
        if place in at.network:
            out[:, :, p] = total * np.array([name == place for name in at.network])[:, None]
    return out, known.sum(axis=2).astype(float)


def _geography(at: Axes, gss: list[str]) -> np.ndarray:
    """Which boroughs, and "not known" as last column, make up which place."""
    bcu = [*places.boroughs()["bcu"], None]
    keys = [*gss, places.NOT_KNOWN]
    rows = [[p == places.LONDON or p in (key, own) for key, own in zip(keys, bcu, strict=True)] for p in at.places]
    return np.array(rows, dtype=float)


def known_rates(
    known: np.ndarray, rows: np.ndarray, inside: np.ndarray, heirs: pd.DataFrame, at: Axes, weight: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return each site's reference share of records with an item known (H), and its share in every month (H, T).

    The monthly share is drawn towards the reference with a weight of so many records. ``known`` and ``rows`` count
    records by site and month; ``inside`` marks the reference months. A site without a reference takes that of the one
    it follows, else that of all.
    """
    top, bottom = known[:, inside].sum(axis=1), rows[:, inside].sum(axis=1)
    overall = top.sum() / max(bottom.sum(), 1.0)
    ref = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)
    own = ref.copy()
    for row in heirs.itertuples():
        if row.heir in at.sites and np.isnan(ref[at.sites.index(row.heir)]):
            origin = at.sites.index(row.origin) if row.origin in at.sites else None
            ref[at.sites.index(row.heir)] = np.nan if origin is None else own[origin]
    ref = np.clip(np.where(np.isnan(ref), overall, ref), 0.01, None)
    return ref, (known + weight * ref[:, None]) / (rows + weight)


def carried(values: np.ndarray, heirs: pd.DataFrame, at: Axes) -> np.ndarray:
    """Give each closed site, from the month after it closed, what its successors have, weighted by share (H, T)."""
    out, held = values.copy(), np.array(at.months)
    for origin, part in heirs.iloc[::-1].groupby("origin", sort=False):
        if origin not in at.sites:
            continue
        after = held > part["last"].iloc[0]
        own = [(at.sites.index(row.heir), row.share) for row in part.itertuples() if row.heir in at.sites]
        out[at.sites.index(origin), after] = sum((share * out[h] for h, share in own), np.zeros(len(held)))[after]
    return out


def enough(sent: np.ndarray, known: np.ndarray, inside: np.ndarray, least: int) -> np.ndarray:
    """Tell which sites have a reference: enough months that they sent with the item filled in (H)."""
    return ((sent > 0) & (known > 0))[:, inside].sum(axis=1) >= least


def weights(
    totals: np.ndarray, sent: np.ndarray, inside: np.ndarray, heirs: pd.DataFrame, at: Axes, has: np.ndarray
) -> np.ndarray:
    """Return the mean monthly attendances of each site in each place, from months that it sent (H, P).

    ``totals`` are counts of the reference months; ``has`` tells which sites have a reference. What a site inherits from
    one that closed inside the reference is taken off, because it is carried under the closed site's own row.
    """
    held, usual = np.array(at.months), np.where(has, sent[:, inside].sum(axis=1), np.inf)
    out = totals / usual[:, None]
    for row in heirs.itertuples():  # in the order in which the origins closed
        if row.origin in at.sites and row.heir in at.sites:
            origin, heir = at.sites.index(row.origin), at.sites.index(row.heir)
            after = sent[heir, inside & (held > row.last)].sum()
            out[heir] = np.clip(out[heir] - row.share * out[origin] * after / usual[heir], 0.0, None)
    return out


def drawn(totals: np.ndarray, whole: np.ndarray, at: Axes, weight: float) -> np.ndarray:
    """Draw a small stratum's counts by site and place towards what the site's own mix foretells (H, P).

    ``whole`` counts all attendances. The prior has the weight of so many attendances a place, shared over the sites
    by their attendances there times their share of the stratum, anywhere in London.
    """
    mine, all_ = (counts[:, [at.places.index(places.LONDON)]] for counts in (totals, whole))
    foretold = whole * np.divide(mine, all_, out=np.zeros_like(all_), where=all_ > 0)
    sums = foretold.sum(axis=0)
    return totals + weight * np.divide(foretold, sums, out=np.zeros_like(foretold), where=sums > 0)


def reached(shares: np.ndarray, ratio: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return exposure and its variance (P, T) from sites' shares of places (H, P) and what they reached (H, T).

    The variance is that of a mean weighted by shares that are themselves counted, on ``n`` attendances (P).
    """
    mean = shares.T @ ratio
    spread = shares.T @ ratio**2 - mean**2
    return mean, np.clip(spread, 0.0, None) / np.maximum(n, 1.0)[:, None]
