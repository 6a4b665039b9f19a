"""Who is on no map: shares of attendances that cannot be mapped, and whom that leaves out.

A helper of :mod:`istv_lib.hotspots`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _fit, _intervals, schema, tally

UNKNOWN = "unknown"


def unmapped(
    events: pd.DataFrame, place: str, period: tuple[str, str], rules: Mapping, people: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return which share of the attendances is on no map, and whom that leaves out more often than others.

    Parameters
    ----------
    events : DataFrame
        All ED events of the place and period, mapped or not: the columns that :func:`istv_lib.hotspots.mappable`
        needs, ``method``, ``occurred_start``, ``occurred_precision``, ``event_id``, ``site_code``, ``synthetic``.
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
    return tally.as_findings(
        out, None, place, synthetic=bool(events["synthetic"].all()), method="wilson", period=period
    )


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
    counts = lost.value_counts().reindex(list(_fit.REASONS), fill_value=0).rename_axis("stratum").reset_index()
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
