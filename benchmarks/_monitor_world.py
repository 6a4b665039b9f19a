"""A made-up London in which nothing changes but chance, and hospitals fall silent: for benchmarks/monitor.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from istv_lib import months, places

MONTHS = months.span("2022-01", "2024-12")
TESTED, LAST = 12, MONTHS[-1]
SITES = [f"S{n:02d}" for n in range(1, 30)]
BOROUGHS = list(places.boroughs()["gss"])
SHARES = [6.0, 3.0, 1.5, 0.8]  # of the Dirichlet distribution by which a borough's people choose among four sites
SEASON, NOISE = 0.12, 0.08  # height of the season; coefficient of variation of a borough-month
KNOWN, UNSTEADY = (0.45, 0.75), 0.25  # share of records with a borough by site; monthly spread of its log odds
LOST = 0.04  # site-months of the history that are missing


@dataclass(frozen=True)
class World:
    """Tables as the library takes them, and the counts of boroughs by months as a naive chart would see them."""

    events: pd.DataFrame
    site_months: pd.DataFrame
    roster: pd.DataFrame
    raw: np.ndarray


def world(
    rng: np.random.Generator,
    *,
    mean: float = 36.0,
    spread: float = 0.5,
    blocks: tuple[float, ...] = (0.35,),
    change: float = 1.0,
    worse: float = 0.0,
) -> World:
    """Draw one London of 29 sites and 33 boroughs over 36 months.

    Parameters
    ----------
    mean, spread : float
        Median of the attendances a month that a borough's place is known of, and spread of its logarithm.
    blocks : tuple of float
        Chances with which each site loses a random block of two months among the 12 tested ones.
    change : float
        Factor on the tested months of every borough.
    worse : float
        Chance with which a site writes down only half as many places in all tested months.
    """
    shape = (len(BOROUGHS), len(SITES), len(MONTHS))
    share = np.zeros(shape[:2])
    for row in share:
        row[rng.choice(len(SITES), len(SHARES), replace=False)] = rng.dirichlet(SHARES)
    level = np.exp(rng.normal(np.log(mean), spread, len(BOROUGHS)))
    number = np.arange(len(MONTHS))
    season = 1 + SEASON * np.sin(2 * np.pi * (number % 12) / 12 + 0.5)
    season = season * np.array([months.days_in(m) for m in MONTHS]) / 30.4375
    season[-TESTED:] *= change
    noise = rng.gamma(NOISE**-2, NOISE**2, (len(BOROUGHS), 1, len(MONTHS)))
    usual = rng.uniform(*KNOWN, (len(SITES), 1))
    known = 1 / (1 + np.exp(-np.log(usual / (1 - usual)) - rng.normal(0, UNSTEADY, shape[1:])))
    known[rng.random(len(SITES)) < worse, -TESTED:] *= 0.5
    total = rng.poisson(level[:, None, None] / np.mean(KNOWN) * share[:, :, None] * season * noise)
    total *= _sent(rng, blocks)
    located = rng.binomial(total, known[None])
    return World(_events(located, (total - located).sum(axis=0), rng), *_states(total, located), located.sum(axis=1))


def _sent(rng: np.random.Generator, blocks: tuple[float, ...]) -> np.ndarray:
    sent = np.ones((len(SITES), len(MONTHS)), dtype=int)
    sent[:, :-TESTED] = rng.random((len(SITES), len(MONTHS) - TESTED)) > LOST
    for chance in blocks:
        for site in np.flatnonzero(rng.random(len(SITES)) < chance):
            start = rng.integers(len(MONTHS) - TESTED, len(MONTHS) - 1)
            sent[site, start : start + 2] = 0
    return sent


def _events(located: np.ndarray, nowhere: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    counts = np.concatenate([located, nowhere[None]])
    borough, site, month = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    begins = np.array([f"{m}-01T21:30" for m in MONTHS], dtype="datetime64[m]").astype("datetime64[us]")
    days = np.array([months.days_in(m) for m in MONTHS])
    day = np.floor(rng.random(len(month)) * days[month]).astype("timedelta64[D]")
    names = (np.array(SITES, dtype=object)[site], np.array(MONTHS, dtype=object)[month])
    gss = np.array([*BOROUGHS, ""], dtype=object)[borough]
    return pd.DataFrame(
        {"site_code": names[0], "month": names[1], "borough_gss": gss, "arrival_at": begins[month] + day}
    ).assign(synthetic=True, location_type="street", precision_class="street")


def _states(total: np.ndarray, located: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the state of each site-month and the roster; a site-month without a record was not sent."""
    rows = total.sum(axis=0)
    grid = pd.MultiIndex.from_product([SITES, MONTHS], names=["site_code", "month"]).to_frame(index=False)
    grid = grid.assign(rows=rows.ravel(), located=located.sum(axis=0).ravel())
    grid["status"] = np.where(grid["rows"] > 0, "complete", "missing")
    grid["days_covered"] = np.where(grid["rows"] > 0, grid["month"].map(months.days_in), 0)
    return grid, pd.DataFrame({"site_code": SITES, "valid_to": "", "successors": ""})


def with_items(events: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return events with a method, a type of place and a time of the assault, some of them unknown."""
    n = len(events)
    method = np.array(["fist", "knife", "blunt", "glass", "other", "unknown"], dtype=object)
    kind = np.array(["street", "licensed", "home", "school", "other", "unknown"], dtype=object)
    start = events["arrival_at"].dt.normalize() + pd.to_timedelta(rng.integers(0, 24 * 60, n), unit="min")
    return events.assign(
        event_id=np.arange(n),
        method=method[rng.choice(6, n, p=[0.5, 0.1, 0.08, 0.06, 0.14, 0.12])],
        location_type=kind[rng.choice(6, n, p=[0.4, 0.15, 0.2, 0.05, 0.1, 0.1])],
        occurred_start=start,
        occurred_precision=np.where(rng.random(n) < 0.8, "minute", "day"),
    )
