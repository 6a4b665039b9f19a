"""Made coverage tables and small made Londons, for what is reckoned from them."""

import numpy as np
import pandas as pd

from istv_lib import months, places
from tests.conftest import CAMDEN, HACKNEY, make_events, make_roster, make_site_months

SPAN = months.span("2022-01", "2024-12")
USUAL = 30.4375  # days; then exposure alone multiplies the level
SHARES = {"A": (0.5, 0.2), "B": (0.2, 0.5), "C": (0.15, 0.15), "D": (0.15, 0.15)}


def cover(counts, *, coverage=1.0, exposure=None, span=SPAN, **more):
    """A coverage table of one stratum from counts by place; London is their sum where it is not given.

    ``coverage`` and ``exposure`` are numbers, or by place; each a number or one per month.
    """
    counts = {k: np.broadcast_to(np.asarray(v, dtype=float), len(span)) for k, v in counts.items()}
    counts = counts if "london" in counts else counts | {"london": sum(counts.values())}
    parts = []
    for place, values in counts.items():
        share = coverage.get(place, 1.0) if isinstance(coverage, dict) else coverage
        reach = share if exposure is None else exposure
        kind = place if place in {places.LONDON, places.NOT_KNOWN} else "borough"
        columns = {"month": span, "value": values, "monitored": values, "coverage": share, "exposure": reach}
        parts.append(pd.DataFrame(columns).assign(place=place, place_type=kind))
    filled = {"unmonitored": 0.0, "spread": 0.0, "days": USUAL, "stratum_dim": "", "stratum": "", "synthetic": True}
    filled |= {"provisional": False, "revised": False, "break": False, "sites_expected": 4.0, "sites_sent": 4.0}
    return pd.concat(parts, ignore_index=True).assign(**filled | more)


def london(rng, *, mean=60.0, known=None, away=None, follows="", level=None):
    """Four hospitals A to D that share Camden and Hackney: events, site-months and roster.

    ``known`` gives the share of records with a borough by site and month, ``away`` the state of site-months that sent
    nothing, ``follows`` the successors of D (E begins where D has closed), ``level`` a factor by borough and month.
    """
    known, away, level = known or {}, dict(away or {}), level or {}
    closed = sorted(m for (site, m), state in away.items() if (site, state) == ("D", "closed"))
    heirs = dict(part.split(":") for part in follows.split(";")) if follows else {}
    sites = [*SHARES, *(["E"] if "E" in heirs else [])]
    away |= {("E", m): "not_joined" for m in SPAN if "E" in heirs and m not in closed}
    counts = {}
    for month in SPAN:
        for site in sites:
            if (site, month) in away:
                continue
            for i, borough in enumerate((CAMDEN, HACKNEY)):
                share = SHARES.get(site, (0.0, 0.0))[i]
                share += SHARES["D"][i] * float(heirs.get(site, 0.0)) if month in closed else 0.0
                total = rng.poisson(mean * share * level.get((borough, month), 1.0) / 0.6)
                located = rng.binomial(total, known.get((site, month), 0.6))
                counts[site, month, borough] = located
                counts[site, month, ""] = counts.get((site, month, ""), 0) + total - located
    events = make_events(counts)
    last = months.add(closed[0], -1) if closed else ""
    roster = [(site, last if site == "D" else "", follows if site == "D" else "") for site in sites]
    return events, make_site_months(events, sites, SPAN, away), make_roster(roster)
