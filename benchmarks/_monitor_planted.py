"""The synthetic London without its files, as the store would hold it after intake: for benchmarks/monitor.py."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from istv_lib import _synth_attendances, _synth_sending, _synth_streets, _synth_texts, months
from istv_lib._synth_plan import FULL, roster

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def londons(seeds: int) -> Iterator[Tables]:
    """Yield events, site-months and roster of as many Londons; all have the same streets and departments."""
    streets = _synth_streets.build(FULL, np.random.default_rng(20220101))
    for seed in range(seeds):
        rng = np.random.default_rng([20240304, seed])
        yield _stored(_synth_attendances.simulate(FULL, streets, rng), rng)


def _stored(people: pd.DataFrame, rng: np.random.Generator) -> Tables:
    """Return what is held of simulated attendances: those of files that were sent, some with a known borough."""
    old, new, since = FULL.merges
    site = people["department"].mask((people["department"] == old) & (people["month"] >= since), new)
    home = (people["location_type"] == "home").to_numpy()
    placed = ~home & (rng.random(len(people)) < people["quality"].to_numpy() / _synth_texts.NOT_HOME)
    events = people[["month", "arrival_at", "method", "location_type"]].assign(
        site_code=site, borough_gss=people["gss"].where(placed, ""), event_id=np.arange(len(people)),
        occurred_start=people["incident_at"], occurred_precision="minute", precision_class="street",
    )  # fmt: skip
    sites, pairs = roster(FULL), pd.MultiIndex.from_frame(events[["site_code", "month"]])
    files = set(_synth_sending.expected(FULL)) - {FULL.failed}
    late = pairs.isin([FULL.partial[:2]]) & (events["arrival_at"].dt.day > FULL.partial[2]).to_numpy()
    events = events[pairs.isin(files) & ~late].assign(synthetic=True)
    return events.reset_index(drop=True), _states(events, sites, files), sites


def _states(events: pd.DataFrame, sites: pd.DataFrame, files: set[tuple[str, str]]) -> pd.DataFrame:
    grid = sites[["site_code", "valid_from", "valid_to"]].merge(pd.DataFrame({"month": FULL.months}), how="cross")
    pairs = pd.MultiIndex.from_frame(grid[["site_code", "month"]])
    closed = (grid["valid_to"] != "") & (grid["month"] > grid["valid_to"])
    states = [grid["month"] < grid["valid_from"], closed, ~pairs.isin(files), pairs.isin([FULL.partial[:2]])]
    grid["status"] = np.select(states, ["not_joined", "closed", "missing", "partial"], "complete")
    counts = events.assign(located=events["borough_gss"] != "").groupby(["site_code", "month"])["located"]
    held = counts.agg(["size", "sum"]).reindex(pairs, fill_value=0)
    grid["rows"], grid["located"] = held["size"].to_numpy(), held["sum"].to_numpy()
    grid["status"] = grid["status"].mask((grid["status"] == "complete") & (grid["rows"] == 0), "zero")
    days = grid["month"].map(months.days_in)
    days = days.mask(grid["status"] == "partial", FULL.partial[2])
    grid["days_covered"] = days.where(grid["status"].isin(["complete", "zero", "partial"]), 0)
    return grid
