"""Where street violence was counted, on one fixed lattice of British National Grid squares, and what is left out.

In this form the module counts only; it tests nothing, so nothing it makes may be called a hot spot.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _fit, _intervals, places, schema, tally
from istv_lib._fit import FIT

__all__ = ["FIT", "REASONS", "cells", "fit", "mappable", "moved", "unmapped"]
REASONS = _fit.REASONS
METHOD = "lattice_count"  # maps draw squares of this method alone
UNKNOWN = "unknown"


def mappable(events: pd.DataFrame, rules: Mapping) -> pd.Series:
    """Tell which ED events may be mapped: street precision or better, certain enough, placed by their text.

    Parameters
    ----------
    events : DataFrame
        ``x``, ``precision_class``, ``location_p``, ``prior_decided``, ``location_type``.
    rules : mapping
        ``map_p_least``: least stated probability of lying within 250 m.

    Notes
    -----
    Left out: homes, hospitals and custody, by code or by text; places that only the attended hospital decided
    between; anything coarser than a street or less certain. Sexual violence is never separated out.
    """
    return _fit.reason(events, rules["map_p_least"]) == ""


def fit(events: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Return the events that may be mapped (:func:`mappable`): what the other functions take."""
    return events[mappable(events, rules)]


def cells(mapped: pd.DataFrame, place: str, period: tuple[str, str], rules: Mapping, *, of: int) -> pd.DataFrame:
    """Count mapped attendances of a place in a period by lattice square.

    Parameters
    ----------
    mapped : DataFrame
        ED events of the place and period that may be mapped (:func:`fit`): ``x``, ``y`` (EPSG:27700),
        ``precision_class``, ``location_p``, ``prior_decided``, ``location_type``, ``synthetic``.
    place : str
        GSS code.
    period : (str, str)
        First and last month, included; normally 12 months.
    rules : mapping
        ``lattice_m`` (side of a square, metres), ``map_p_least``.
    of : int
        All attendances of the place and period, mapped or not.

    Returns
    -------
    DataFrame
        Findings ``attendances`` by ``cell`` (see :func:`istv_lib.places.cell_of`), largest first; ``n`` is the
        number mapped and ``share_used`` its share of all attendances of the place.

    Raises
    ------
    errors.DisclosureError
        When a row may be on no map: a home, a hospital, a place too coarse or too uncertain.

    Notes
    -----
    How it can mislead: a square with more attendances may only have more people, more streets that staff know by
    name, or a station that texts mention; nothing here is compared with what chance would give. Who is on no map is
    told by :func:`unmapped`.
    """
    _fit.demand(mapped, rules["map_p_least"])
    found = _squares(mapped, rules).value_counts().rename_axis("stratum").reset_index(name="value")
    found = found.sort_values(["value", "stratum"], ascending=[False, True], ignore_index=True)
    out = found.assign(
        stratum_dim="cell",
        n=float(len(mapped)),
        share_used=len(mapped) / of if of else 0.0,
    )
    return tally.as_findings(out, None, place, synthetic=_made(mapped), method=METHOD, period=period)


def _squares(mapped: pd.DataFrame, rules: Mapping) -> pd.Series:
    cell = places.cell_of(mapped["x"].to_numpy(), mapped["y"].to_numpy(), int(rules["lattice_m"]))
    return pd.Series(cell, index=mapped.index, dtype="str")


def _made(events: pd.DataFrame) -> bool:
    return bool(events["synthetic"].all())


# ---- who is on no map --------------------------------------------------------------------------------------------


def unmapped(
    events: pd.DataFrame, place: str, period: tuple[str, str], rules: Mapping, people: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return which share of the attendances is on no map, and whom that leaves out more often than others.

    Parameters
    ----------
    events : DataFrame
        All ED events of the place and period, mapped or not: the columns that :func:`mappable` needs, ``method``,
        ``occurred_start``, ``occurred_precision``, ``event_id``, ``site_code``, ``synthetic``.
    place : str
        GSS code, or ``london``.
    period : (str, str)
        First and last month, included.
    rules : mapping
        ``map_p_least``, ``extract_k_least``, ``extract_sites_least``.
    people : DataFrame, optional
        ``record_id``, ``age_band``, ``sex`` of the conformed records, which hold what a site's agreement permits.
        Groups under ``extract_k_least`` are counted as not known, and an item that fewer than
        ``extract_sites_least`` sites fill in is left out.

    Returns
    -------
    DataFrame
        Findings, shares with Wilson intervals: ``unmapped`` (of all, and of each stratum of ``weapon_group``,
        ``hour_band``, ``age_band``, ``sex``; ``unknown`` is a row) and ``unmapped_why`` (of all, by ``reason``);
        ``unmapped_difference`` is a stratum's share of those not mapped less its share of those mapped, with
        Newcombe's interval, and ``flags`` "more" or "less" where that leaves out zero.

    Notes
    -----
    How it can mislead: a borough's attendances are those whose borough is known, so texts without a place and homes
    are missing from its table altogether and are seen for London alone. Strata are compared one at a time, about one
    in twenty differs by chance, and a stratum may differ because of the hospitals that its people reach.
    """
    lost = _fit.reason(events, rules["map_p_least"])
    parts = [_lost(lost != "", pd.Series("", events.index), [""], "")]
    parts.append(_why(lost))
    for dim, (stratum, order) in _dims(events, people, rules).items():
        parts.append(_lost(lost != "", stratum, order, dim))
        parts.append(_apart(parts[-1], dim))
    out = pd.concat(parts, ignore_index=True).assign(unit="share")
    return tally.as_findings(out, None, place, synthetic=_made(events), method="wilson", period=period)


def _dims(events: pd.DataFrame, people: pd.DataFrame | None, rules: Mapping) -> dict[str, tuple[pd.Series, list[str]]]:
    """Return the strata of each dimension, and their order."""
    known = tally.strata(events)
    band = known["time_band_12"].str.rsplit(" ", n=1).str[-1]
    band = band.where(band.fillna("") != "", UNKNOWN)
    dims = {"weapon_group": (known["weapon_group"], tally.order("weapon_group"))}
    dims["hour_band"] = (band, [*sorted(set(band) - {UNKNOWN}), UNKNOWN])
    for dim, codes in (("age_band", schema.AGE_BANDS), ("sex", schema.SEXES)) if people is not None else ():
        held = events["event_id"].map(people.set_index("record_id")[dim])
        held = held.where(held.isin(codes), UNKNOWN)
        few = held.groupby(held).transform("size") < rules["extract_k_least"]
        filled = events.loc[held != UNKNOWN, "site_code"].nunique()
        if filled >= rules["extract_sites_least"]:
            dims[dim] = (held.mask(few, UNKNOWN), [*codes])
    return dims


def _lost(lost: pd.Series, stratum: pd.Series, order: list[str], dim: str) -> pd.DataFrame:
    counts = lost.groupby(stratum).agg(["sum", "size"]).reindex(order, fill_value=0)
    counts = counts[(counts["size"] > 0) | (dim == "")].set_axis(["numerator", "denominator"], axis=1)
    return _intervals.shares(counts.rename_axis("stratum").reset_index()).assign(stratum_dim=dim, measure="unmapped")


def _why(lost: pd.Series) -> pd.DataFrame:
    counts = lost.value_counts().reindex(list(REASONS), fill_value=0).rename_axis("stratum").reset_index()
    counts = counts.set_axis(["stratum", "numerator"], axis=1).assign(denominator=len(lost))
    return _intervals.shares(counts).assign(stratum_dim="reason", measure="unmapped_why")


def _apart(shares: pd.DataFrame, dim: str) -> pd.DataFrame:
    """Return each stratum's share of those not mapped less its share of those mapped."""
    off, on = shares["numerator"], shares["denominator"] - shares["numerator"]
    if not (off.sum() and on.sum()):
        return shares.head(0)
    low, high = _intervals.difference(off, off.sum(), on, on.sum())
    flags = np.select([low > 0, high < 0], ["more", "less"], default="")
    out = shares[["stratum", "denominator", "n"]].assign(value=off / off.sum() - on / on.sum(), lower=low, upper=high)
    return out.assign(flags=flags, measure="unmapped_difference", stratum_dim=dim, status="final")


# ---- how much rests on points that may be wrong ------------------------------------------------------------------


def moved(
    mapped: pd.DataFrame, place: str, period: tuple[str, str], rules: Mapping, rng: np.random.Generator
) -> pd.DataFrame:
    """Move a share of the mapped points to other places of their borough and say what of the squares stays.

    Parameters
    ----------
    mapped : DataFrame
        As for :func:`cells`, with ``borough_gss``.
    place, period
        As for :func:`cells`.
    rules : mapping
        ``lattice_m``, ``map_p_least``, ``map_points_least``, ``moved_shares``, ``moved_times``.
    rng : numpy Generator
        Chooses the points, and for each the mapped point of the same borough to whose place it goes.

    Returns
    -------
    DataFrame
        Findings by ``moved`` ("10%"), means over ``moved_times`` repetitions with the range of the middle 95 % of
        them: ``stable_3`` and ``stable_8``, the share of the squares of the top tenth whose count changes by less than
        3 % and 8 %; ``top_ten``, the share of the ten largest squares that stay among the ten largest.
        ``denominator`` is the number of squares looked at, ``n`` the points; "no data" under ``map_points_least``.
        ``top_least`` is the least count of the squares of the top tenth.

    Raises
    ------
    errors.DisclosureError
        As for :func:`cells`.

    Notes
    -----
    How it can mislead: in a square of ten attendances one is more than 8 %, so few squares of a borough can count as
    stable, and many of a whole city over years. Real errors are no random ones: they gather at places of one name.
    Points that stay may be wrong too, and those that could not be mapped are in no square at all.
    """
    _fit.demand(mapped, rules["map_p_least"])
    cell, names = pd.factorize(_squares(mapped, rules), sort=True)
    borough = mapped["borough_gss"].to_numpy()
    enough = len(mapped) >= rules["map_points_least"]
    base = np.bincount(cell, minlength=len(names))
    order = np.argsort(-base, kind="stable")
    top = order[: -(-len(names) // 10)]
    rows = [{"measure": "top_least", "value": base[top].min() if enough else np.nan, "unit": "attendance"}]
    for share in rules["moved_shares"]:
        runs = [_kept(base, cell, borough, top, share, rng) for _ in range(rules["moved_times"] if enough else 0)]
        runs = np.array(runs) if runs else np.full((1, 3), np.nan)
        for k, measure in enumerate(("stable_3", "stable_8", "top_ten")):
            squares = min(10, len(names)) if measure == "top_ten" else len(top)
            low, high = np.percentile(runs[:, k], [2.5, 97.5])
            rows.append({"measure": measure, "value": runs[:, k].mean(), "lower": low, "upper": high, "unit": "share"})
            rows[-1] |= {"denominator": squares or np.nan, "stratum": f"{share:.0%}", "stratum_dim": "moved"}
    out = pd.DataFrame(rows).assign(n=float(len(mapped)), status="final" if enough else "no_data")
    return tally.as_findings(out, None, place, synthetic=_made(mapped), method="moved_points", period=period)


def _kept(
    base: np.ndarray, cell: np.ndarray, borough: np.ndarray, top: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Move points once; return the shares of top squares that change by less than 3 and 8 %, and of the ten kept."""
    going = rng.permutation(len(cell))[: round(share * len(cell))]
    now = cell.copy()
    for gss in np.unique(borough):
        mine, here = going[borough[going] == gss], np.flatnonzero(borough == gss)
        now[mine] = cell[rng.choice(here, size=len(mine))]
    counts = np.bincount(now, minlength=len(base))
    change = np.abs(counts[top] / base[top] - 1)
    ten = [set(np.argsort(-c, kind="stable")[:10]) for c in (base, counts)]
    return float((change < 0.03).mean()), float((change < 0.08).mean()), len(ten[0] & ten[1]) / len(ten[0])
