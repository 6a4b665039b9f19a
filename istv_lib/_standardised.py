"""Rates of boroughs as if their people had the ages of a standard population.

A helper of :mod:`istv_lib.monitor`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _rates, months, schema, tally

PER = 1_000
# European Standard Population 2013 in the workbook's age bands: fives are cut in proportion to their years
STANDARD = dict(
    zip(schema.AGE_BANDS, (10_500, 8_800, 8_200, 12_500, 14_000, 14_000, 12_500, 19_500), strict=False)
)  # fmt: skip


def standardised(
    events: pd.DataFrame, people: pd.DataFrame, population: pd.DataFrame, period: tuple[str, str], rules: Mapping
) -> pd.DataFrame:
    """Return boroughs' rates standardised for age, where the age is known often enough.

    Parameters
    ----------
    events : DataFrame
        ED events of London: ``event_id``, ``month``, ``borough_gss``, ``synthetic``.
    people : DataFrame
        ``record_id``, ``age_band`` of the conformed records.
    population : DataFrame
        ``gss``, ``age_band``, ``population``: residents, as :func:`istv_lib.store.load` returns for "population".
        Without bands there is no rate.
    period : (str, str)
        First and last month.
    rules : mapping
        ``age_share_least``.

    Returns
    -------
    DataFrame
        Findings ``standardised_rate`` per 1,000 residents a year with 95 % limits (Dobson), one per borough with
        residents: ``numerator`` attendances of known age, ``denominator`` residents times years times the share of
        known age, ``share_used`` that share. "No data", with the reason in ``flags``: ``age_unknown`` (share below
        ``age_share_least``), ``band_missing`` (no residents by these bands), ``few_events`` (under 10).

    Notes
    -----
    Where some ages are unknown the rate is an estimate (flag ``estimate``): it takes them to be as the known ones. How
    it can mislead: residents are not the people present; hospitals without ages may treat other people.
    """
    inside = events[events["month"].between(*period) & (events["borough_gss"] != "")]
    ages = people.drop_duplicates("record_id").set_index("record_id")["age_band"]
    band = inside["event_id"].map(ages).fillna("unknown")
    known = band.isin(list(STANDARD))
    share = known.groupby(inside["borough_gss"]).mean()
    years = len(months.span(*period)) / 12
    counts = inside[known].groupby(["borough_gss", band[known]]).size().rename("events")
    table = population[population["age_band"].isin(list(STANDARD))].rename(columns={"gss": "area"})
    table = table.join(counts, on=["area", "age_band"]).fillna({"events": 0.0})
    told = table["area"].map(share).astype(float).fillna(0.0)
    table["population"] = table["population"].astype(float) * years * told
    table["standard_population"] = table["age_band"].map(STANDARD).astype(float)
    areas = pd.DataFrame({"area": sorted(population["gss"].unique())})
    if len(table):
        out = areas.merge(_rates.standardised(table, per=PER), on="area", how="left")
    else:
        out = areas.assign(**dict.fromkeys(["events", "population", "value", "lower", "upper"], np.nan), why="")
    out["why"] = out["why"].fillna("").where(out["events"].notna(), "band_missing")
    out["share_used"] = out["area"].map(share).astype(float).fillna(0.0)
    out["why"] = out["why"].mask(out["share_used"] < rules["age_share_least"], "age_unknown")
    out[["value", "lower", "upper"]] = out[["value", "lower", "upper"]].where(out["why"] == "")
    out = out.rename(columns={"area": "place", "events": "numerator", "population": "denominator"})
    out["denominator"] = out["denominator"].where(out["denominator"] > 0)
    out["flags"] = out["why"].mask((out["why"] == "") & (out["share_used"] < 1), "estimate")
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    out = out.assign(n=out["numerator"].fillna(0.0), place_type="borough", measure="standardised_rate", unit="rate")
    made = bool(events["synthetic"].all())
    return tally.as_findings(out.drop(columns="why"), None, "", synthetic=made, method="dobson", period=period)
