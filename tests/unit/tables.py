"""Made tables of attendances by borough, month and method, with all their totals, as findings."""

import numpy as np
import pandas as pd

from istv_lib import months, places, tally

METHODS = ("body", "knife", "blunt", "glass", "other", "unknown")


def counts(boroughs=33, periods=12, *, monthly=1500, seed=0, shares=(0.60, 0.10, 0.10, 0.05, 0.14, 0.01)):
    """Poisson counts, boroughs by months by methods: gamma-weighted boroughs, as London's are."""
    rng = np.random.default_rng(seed)
    weight = rng.gamma(3, 1, boroughs)
    mean = monthly * np.einsum("b,w->bw", weight / weight.sum(), np.array(shares))
    return rng.poisson(mean[:, None, :].repeat(periods, 1)).astype(float)


def findings(inner, *, boroughs=None, first="2024-01"):
    """Every count and margin of a borough x month x method table: London, months together, all methods together."""
    codes = boroughs or list(places.boroughs()["gss"])[: inner.shape[0]]
    held = months.span(first, months.add(first, inner.shape[1] - 1))
    by_place = {"london": inner.sum(0)} | dict(zip(codes, inner, strict=True))
    rows = []
    for place, table in by_place.items():
        periods = [(m, m, table[i]) for i, m in enumerate(held)]
        if len(held) > 1:
            periods.append((held[0], held[-1], table.sum(0)))
        for start, end, values in periods:
            base = ("london" if place == "london" else "borough", place, start, end)
            rows.append((*base, "", "", values.sum(), values.sum()))
            rows += [(*base, "weapon_group", w, v, values.sum()) for w, v in zip(METHODS, values, strict=True)]
    names = "place_type place period_start period_end stratum_dim stratum value n".split()
    out = pd.DataFrame(rows, columns=names)
    out["share_used"] = np.where(out["stratum_dim"] != "", 1.0, np.nan)
    return tally.as_findings(out, None, "london", synthetic=True, method="count")
