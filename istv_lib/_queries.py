"""Questions about a hospital's month beside its own earlier months: a helper of :mod:`istv_lib.quality`.

What is asked is data: the checks of scope ``file`` in ``parameters/checks.yml``. How each looks is a predicate here.
A query never changes the state of a month.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from istv_lib import months

SENT = ("complete", "partial")
_TO_SIGMA = 1.4826  # from the median of absolute deviations to a standard deviation


class Asked(NamedTuple):
    """One query: the item it is about, the value, what it is compared with, n, and the attendances it touches."""

    item: str
    value: float
    expected: float
    n: float
    touched: float
    unit: str


@dataclass(frozen=True)
class Month:
    """One site's month and what is usual there.

    Attributes
    ----------
    state : Series
        Its row of ``site_months``.
    past : DataFrame
        Rows of ``site_months`` of the earlier months looked at that were sent.
    now, before : DataFrame
        ``numerator`` and ``denominator`` by measure and item: of the month, and summed over ``past``.
    codes : DataFrame
        ``month``, ``column``, ``code`` of the records of both.
    """

    state: pd.Series
    past: pd.DataFrame
    now: pd.DataFrame
    before: pd.DataFrame
    codes: pd.DataFrame
    records_least: int


def look(month: Month, entry: Mapping[str, Any], rules: Mapping[str, Any]) -> list[Asked]:
    """Return what one check of scope ``file`` finds; thresholds named in its options come from ``rules``."""
    options = {k: rules[v] if isinstance(v, str) else v for k, v in entry["when"].items() if k != "is"}
    return PREDICATES[entry["when"]["is"]](month, options)


def at(
    state: pd.Series, site_months: pd.DataFrame, shares: pd.DataFrame, codes: pd.DataFrame, rules: Mapping[str, Any]
) -> Month:
    """Put together one site's month; tables are of that site. With too few months sent nothing counts as usual."""
    month = state["month"]
    span = months.span(months.add(month, -rules["query_months"]), months.add(month, -1))
    past = site_months[site_months["month"].isin(span) & site_months["status"].isin(SENT)]
    if len(past) < rules["query_months_least"]:
        past = past.iloc[:0]
    by = ["measure", "item"]
    counts = ["numerator", "denominator"]
    now = shares[shares["month"] == month].set_index(by)[counts]
    before = shares[shares["month"].isin(past["month"])].groupby(by)[counts].sum()
    used = codes[codes["month"].isin([*past["month"], month])]
    return Month(state, past, now, before.reindex(now.index, fill_value=0), used, int(rules["query_records_least"]))


def usual_range(past: pd.DataFrame, days: float, chance: float) -> tuple[float, float, float]:
    """Return the count to be expected from a site's earlier months, and the range that chance leaves.

    Parameters
    ----------
    past : DataFrame
        ``rows`` and ``days_covered`` of the earlier months.
    days : float
        Days that the month's file covers.
    chance : float
        Probability beyond each end.

    Returns
    -------
    float, float, float
        Expected count, lower and upper end: negative binomial quantiles around the median number a day. The variance
        is that of a Poisson count, or the spread of the earlier months (median of absolute deviations) where that is
        larger, widened for the uncertainty of the median. One odd month among the earlier ones does not move it.
    """
    rate = past["rows"].astype(float) / past["days_covered"].clip(lower=1).astype(float)
    middle = float(rate.median()) * days
    spread = _TO_SIGMA * float((rate - rate.median()).abs().median()) * days
    mean = max(middle, 0.5)
    variance = max(mean, spread**2) * (1 + np.pi / 2 / len(past))
    size = mean**2 / max(variance - mean, 1e-6 * mean)
    from scipy import stats  # noqa: PLC0415 - slow to import, and intake does not need it

    low, high = stats.nbinom.ppf([chance, 1 - chance], size, size / (size + mean))
    return middle, float(low), float(high)


# ---- predicates: (month, options) -> queries ----------------------------------------------------------------------


def _no_file(month: Month, _: Mapping) -> list[Asked]:
    absent = month.state["status"] in {"missing", "late"} and month.state["received"] == ""
    return [_of_month(month)] if absent else []


def _no_row(month: Month, _: Mapping) -> list[Asked]:
    empty = month.state["status"] == "missing" and month.state["received"] != ""
    return [_of_month(month)] if empty else []


def _of_month(month: Month) -> Asked:
    """All that a month usually holds is touched; how much it held is not known, which is not zero."""
    usual = float(month.past["rows"].astype(float).median()) if len(month.past) else 0.0
    return Asked("", np.nan, usual or np.nan, np.nan, max(usual, 1.0), "file")


def _late(month: Month, _: Mapping) -> list[Asked]:
    late, rows = month.state["days_late"], float(month.state["rows"])
    if pd.isna(late) or late <= 0 or month.state["status"] not in SENT:
        return []
    waiting = min(float(late) / months.days_in(month.state["month"]), 1.0)
    return [Asked("", float(late), 0.0, rows, rows * waiting, "file")]


def _gap(month: Month, _: Mapping) -> list[Asked]:
    if month.state["status"] != "partial":
        return []
    covered, days = float(month.state["days_covered"]), months.days_in(month.state["month"])
    rows = float(month.state["rows"])
    return [Asked("", days - covered, 0.0, rows, rows * (days - covered) / max(covered, 1.0), "file")]


def _count(month: Month, options: Mapping, *, more: bool) -> list[Asked]:
    if month.state["status"] not in SENT or month.past.empty:
        return []
    rows = float(month.state["rows"])
    middle, low, high = usual_range(month.past, float(month.state["days_covered"]), options["chance"])
    outside = rows > high if more else rows < low
    return [Asked("", rows, round(middle, 1), rows, abs(rows - middle), "attendance")] if outside else []


def _shares(month: Month, options: Mapping, measure: str) -> list[tuple[str, float, float, float, float]]:
    """Return item, numerator and denominator now, and both of the earlier months, of items with enough records."""
    out = []
    for item in options["items"]:
        if (measure, item) in month.now.index:
            k, n = month.now.loc[(measure, item)].astype(float)
            past_k, past_n = month.before.loc[(measure, item)].astype(float)
            out += [(item, k, n, past_k, past_n)] if n >= month.records_least else []
    return out


def _share_above(month: Month, options: Mapping) -> list[Asked]:
    out = []
    for item, k, n, past_k, past_n in _shares(month, options, "share"):
        usual = past_k / past_n if past_n else np.nan
        jumped = "times" in options and k / n > options["times"] * usual
        jumped = jumped and _beyond(k, n, past_k, past_n, options["chance"])
        if k / n > options["most"] or jumped:
            out.append(Asked(item, k / n, usual, n, k, "share"))
    return out


def _beyond(k: float, n: float, past_k: float, past_n: float, chance: float) -> bool:
    """Tell whether so many of n are more than chance leaves, by Fisher's exact test against the earlier months."""
    from scipy import stats  # noqa: PLC0415 - as above

    return bool(stats.hypergeom.sf(k - 1, n + past_n, k + past_k, n) < chance)


def _share_rose(month: Month, options: Mapping) -> list[Asked]:
    return [
        Asked(item, k / n, past_k / past_n, n, k, "share")
        for item, k, n, past_k, past_n in _shares(month, options, "share")
        if past_n and _beyond(k, n, past_k, past_n, options["chance"])
    ]


def _share_fell(month: Month, options: Mapping) -> list[Asked]:
    out = []
    for item, k, n, past_k, past_n in _shares(month, options, "completeness"):
        lost = past_k / past_n - k / n if past_n else 0.0
        if lost >= options["drop"] and _beyond(n - k, n, past_n - past_k, past_n, options["chance"]):
            out.append(Asked(item, k / n, past_k / past_n, n, lost * n, "share"))
    return out


def _often_missing(month: Month, options: Mapping) -> list[Asked]:
    return [
        Asked(item, k / n, past_k / past_n if past_n else np.nan, n, n - k, "share")
        for item, k, n, past_k, past_n in _shares(month, options, "completeness")
        if k / n < options["least"]
    ]


def _new_codes(month: Month, options: Mapping) -> list[Asked]:
    if month.past.empty:
        return []
    now = month.codes["month"] == month.state["month"]
    keys = ["column", "code"]
    counts = month.codes[now].groupby(keys).size()
    known = pd.MultiIndex.from_frame(month.codes.loc[~now, keys].drop_duplicates())
    new = counts[(counts >= options["records"]) & ~counts.index.isin(known)]
    rows = float(month.state["rows"])
    return [Asked("", float(len(new)), 0.0, rows, min(float(new.sum()), rows), "file")] if len(new) else []


PREDICATES: dict[str, Callable[[Month, Mapping[str, Any]], list[Asked]]] = {
    "no_file": _no_file,
    "no_row": _no_row,
    "late": _late,
    "gap": _gap,
    "fewer": lambda month, options: _count(month, options, more=False),
    "more": lambda month, options: _count(month, options, more=True),
    "share_above": _share_above,
    "share_rose": _share_rose,
    "share_fell": _share_fell,
    "often_missing": _often_missing,
    "new_codes": _new_codes,
}
