"""How boroughs stand to each other: rates with limits in a funnel, from released counts alone.

A helper of :mod:`istv_lib.figures`, :mod:`istv_lib.tables` and :mod:`istv_lib.words`. What is computed here rests on
released counts and public populations, so a rounded or withheld count stays so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _funnels, _rates, months, places
from istv_lib._block import demand
from istv_lib.disclosure import Released

PER = 1_000
CLASSES = {
    "high_998": "far above", "high_95": "above", "inside": "as the others", "low_95": "below", "low_998": "far below",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Standing:
    """Rates of boroughs, the common average (both per 1,000 residents a year) and what is left out.

    ``table`` has ``place``, ``name``, ``count``, ``residents`` (times years and, where estimated, coverage), ``rate``,
    ``lower``, ``upper``, ``estimate`` (bool) and ``class``; ``lines`` the funnel over ``residents``; ``left`` the names
    of boroughs without a rate.
    """

    table: pd.DataFrame
    lines: pd.DataFrame
    average: float
    left: list[str]


def standing(released: Released, rules: Mapping) -> Standing:
    """Return boroughs' rates of one period and their place in the funnel.

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.monitor.totals` makes, released: counts of boroughs for one period with mean coverage.
    rules : mapping
        ``rate_coverage_least``, ``coverage_full``.

    Notes
    -----
    A borough below ``coverage_full`` has no rate; one below ``rate_coverage_least`` is divided by its coverage and
    called an estimate. The City has none, because hardly anybody lives there. The funnel is widened by the lasting
    differences between boroughs (Spiegelhalter 2005). How it can mislead: residents are not the people present, and
    only attendances whose borough is known are counted.
    """
    rows = demand(released).table
    rows = rows[rows["place_type"] == "borough"].reset_index(drop=True)
    known = places.boroughs().set_index("gss")
    coverage = rows["coverage"].round(2)
    able = (
        known["rate"].reindex(rows["place"]).to_numpy() & rows["value"].notna() & (coverage >= rules["coverage_full"])
    )
    own, left = rows[able].reset_index(drop=True), rows.loc[~able, "place"]
    share, years = coverage[able].to_numpy(), _years(rows)
    estimate = share < rules["rate_coverage_least"]
    residents = known["population"].reindex(own["place"]).to_numpy() * years * np.where(estimate, share, 1.0)
    count = own["value"].to_numpy(dtype=float)
    rate, lower, upper = _rates.rates(count, residents, per=PER)
    wide = _funnels.stretch(count, residents, kind="rate")
    table = pd.DataFrame(
        {"place": own["place"], "name": known["name"].reindex(own["place"]).to_numpy(), "count": count}
    )
    table = table.assign(residents=residents, rate=rate, lower=lower, upper=upper, estimate=estimate)
    table["class"] = _funnels.classes(count, residents, kind="rate", widen=wide)
    mean = _funnels.average(count, residents)
    lines = pd.DataFrame()
    if len(table):
        at = np.linspace(residents.min() * 0.9, residents.max() * 1.05, 40)
        lines = (
            _funnels.lines(at, mean, kind="rate", widen=_funnels.stretch(count, residents, kind="rate", at=at)) * PER
        )
        lines.insert(0, "residents", at)
    return Standing(table, lines, mean * PER, list(known["name"].reindex(left)))


def _years(rows: pd.DataFrame) -> float:
    return len(months.span(rows["period_start"].iloc[0], rows["period_end"].iloc[0])) / 12 if len(rows) else 1.0
