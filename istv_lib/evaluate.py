"""Did it work? Change in one place set against the change elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import months, places, schema

Z95 = 1.959964


def before_after(cover: pd.DataFrame, place: str, start: str, *, length: int, rules: Mapping) -> pd.DataFrame:
    """Compare a place's change after an action with the change in the other boroughs.

    Parameters
    ----------
    cover : DataFrame
        As :func:`istv_lib.coverage.table` returns.
    place : str
        GSS code of the borough in which something was done.
    start : str
        First month of the action.
    length : int
        Months before and after to compare; whole years keep the season out.
    rules : mapping
        ``coverage_full``: months of a borough below it are left out with their exposure.

    Returns
    -------
    DataFrame
        Findings: ``attendances`` before and after in the place and in the comparison boroughs together (values are
        counts, ``coverage`` the mean exposure per month used), and one ``ratio_of_ratios`` (``value``, ``lower``,
        ``upper``; 1 means no change beyond that elsewhere; ``flags`` says how many of the other boroughs had a
        lower ratio, a placebo rank).

    Notes
    -----
    Quasi-Poisson: the log ratio's variance is the sum of 1/count, widened by the dispersion of the placebo
    ratios. How it can mislead: displacement to neighbours flatters it, an action chosen after a peak is followed
    by a fall anyway (regression to the mean), and other boroughs may act too. A police count alone is never an
    outcome: recording can rise because the action works (Florence and others, BMJ 2011;342:d3313).
    """
    sums = _sums(cover, start, length, rules)
    ratios = _log_ratios(sums)
    others = ratios.drop(place).dropna()
    control = _log_ratio(sums.drop(place).sum())
    effect = ratios[place] - control
    variance = _variance(sums.loc[place]) + _variance(sums.drop(place).sum())
    phi = max(1.0, float(((others - others.mean()) ** 2 / sums.loc[others.index].apply(_variance, axis=1)).mean()))
    half = Z95 * np.sqrt(variance * phi)
    rank = int((others < ratios[place]).sum())
    rows = [*_count_rows(sums, place, start, length)]
    rows.append(
        {
            "measure": "ratio_of_ratios",
            "unit": "rate",
            "stratum_dim": "",
            "stratum": "",
            "value": float(np.exp(effect)),
            "lower": float(np.exp(effect - half)),
            "upper": float(np.exp(effect + half)),
            "n": float(sums.loc[place, ["monitored_before", "monitored_after"]].sum()),
            "flags": f"placebo_rank {rank + 1} of {len(others) + 1}",
            "period_start": months.add(start, -length),
            "period_end": months.add(start, length - 1),
        }
    )
    out = pd.DataFrame(rows).assign(
        source="ed",
        place_type="borough",
        place=place,
        status="final",
        method="did_poisson",
        synthetic=bool(cover["synthetic"].all()),
    )
    return schema.conform(out, "finding")


def _sums(cover: pd.DataFrame, start: str, length: int, rules: Mapping) -> pd.DataFrame:
    boroughs = cover[cover["place"].isin(places.boroughs()["gss"]) & (cover["coverage"] >= rules["coverage_full"])]
    before = boroughs["month"].between(months.add(start, -length), months.add(start, -1))
    after = boroughs["month"].between(start, months.add(start, length - 1))
    used = boroughs.assign(part=np.select([before, after], ["before", "after"], ""))
    used = used[used["part"] != ""]
    wide = used.pivot_table(
        index="place", columns="part", values=["monitored", "exposure"], aggfunc="sum", fill_value=0
    )
    return wide.set_axis([f"{a}_{b}" for a, b in wide.columns], axis=1).astype(float)


def _log_ratio(row: pd.Series) -> float:
    after, before = row["monitored_after"] / row["exposure_after"], row["monitored_before"] / row["exposure_before"]
    return float(np.log(after / before))


def _log_ratios(sums: pd.DataFrame) -> pd.Series:
    usable = sums[(sums > 0).all(axis=1)]
    return usable.apply(_log_ratio, axis=1).reindex(sums.index)


def _variance(row: pd.Series) -> float:
    return 1 / max(row["monitored_after"], 1.0) + 1 / max(row["monitored_before"], 1.0)


def _count_rows(sums: pd.DataFrame, place: str, start: str, length: int) -> list[dict]:
    rows = []
    groups = {"here": sums.loc[place], "elsewhere": sums.drop(place).sum()}
    periods = {
        "before": (months.add(start, -length), months.add(start, -1)),
        "after": (start, months.add(start, length - 1)),
    }
    for where, row in groups.items():
        for part, (first, last) in periods.items():
            count = float(row[f"monitored_{part}"])
            rows.append(
                {
                    "measure": "attendances",
                    "unit": "attendance",
                    "stratum_dim": "comparison",
                    "stratum": f"{where} {part}",
                    "value": count,
                    "n": count,
                    "period_start": first,
                    "period_end": last,
                }
            )
    return rows
