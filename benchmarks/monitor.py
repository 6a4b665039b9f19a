"""How often the monitor cries wolf, what it can see, and how fast it is: four tables, fixed seeds.

1. False falls where nothing changes but hospitals fall silent, by coverage, beside an XmR chart of raw counts.
2. Power for a true fall or rise.
3. Seconds for 33 boroughs x 36 months x 12 strata, beside one series after the other.
4. What is planted in the synthetic London, over many seeds.

    python benchmarks/monitor.py            # all, about ten minutes on one core
    python benchmarks/monitor.py --small    # a quick look
    python benchmarks/monitor.py 3          # one of the tables
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict

import numpy as np
import pandas as pd
from _monitor_planted import londons
from _monitor_speed import one_by_one
from _monitor_world import BOROUGHS, LAST, MONTHS, TESTED, World, with_items, world
from rich.progress import track
from scipy import stats

from istv_lib import coverage, monitor, params, tally
from istv_lib._strata import Members
from istv_lib._synth_plan import FULL

RULES = dict(params.defaults())
BANDS = {"1.00": 0.9995, "0.95-1": 0.95, "0.80-0.95": 0.80, "0.50-0.80": 0.50, "below 0.50": -1.0}
SETTINGS = {  # worlds, and what happens in them: chances of a two-month block, and of worse texts, at each site
    "note": (300, {"blocks": (0.35,)}),
    "more outages": (100, {"blocks": (0.9, 0.9)}),
    "texts worsen": (60, {"blocks": (0.35,), "worse": 0.3}),
}
ENDS, ANY = ("fell", "rose"), f"{FULL.hot_spot[0]}: any of these, or rose in {LAST}"
SCREEN, LIMITS = 3.267, 2.66


def naive(raw: np.ndarray) -> np.ndarray:
    """Tell in which tested months raw counts lie below the lower limit of an XmR chart of the months before."""
    base = raw[:, :-TESTED].astype(float)
    ranges = np.abs(np.diff(base, axis=1))
    kept = np.where(ranges < SCREEN * ranges.mean(axis=1, keepdims=True), ranges, np.nan)
    low = base.mean(axis=1) - LIMITS * np.nanmean(kept, axis=1)
    return raw[:, -TESTED:] < low[:, None]


def cover_of(made: World) -> pd.DataFrame:
    return coverage.table(made.events, made.site_months, made.roster, LAST, RULES)


def judged(made: World, cover: pd.DataFrame) -> pd.DataFrame:
    """Return the tested borough-months of a world with what was flagged."""
    own = cover[cover["place_type"] == "borough"].reset_index(drop=True)
    found = monitor.cube(cover, LAST, RULES, keep=cover["place_type"] == "borough")
    out = pd.DataFrame({"coverage": found["coverage"], "expected": found["expected"]})
    for flag in ("below_limit", "above_limit", "run_low", "run_high", "trend_down", "trend_up"):
        out[flag] = found["flags"].str.contains(flag)
    out["gated"] = found["status"].isin(["gated", "no_data"])
    out["place"], out["touched"] = own["place"], own["sites_sent"] < own["sites_expected"]
    out = out[own["month"].isin(MONTHS[-TESTED:])].assign(naive=naive(made.raw).ravel())
    out["band"] = np.select([out["coverage"] >= least for least in BANDS.values()], list(BANDS), "")
    return out


def upper(hits: float, n: float) -> float:
    """Upper end of the 95 % interval of Clopper and Pearson."""
    return stats.beta.ppf(0.975, hits + 1, n - hits) if n > hits else 1.0


def row(name: str, part: pd.DataFrame) -> str:
    n, falls = len(part), int(part["below_limit"].sum())
    return (
        f"| {name} | {n:,} | {falls / n:.2%} (up to {upper(falls, n):.2%}) | {part['above_limit'].mean():.2%} "
        f"| {part['gated'].mean():.1%} | {part['naive'].mean():.2%} |"
    )


def false_falls(*, small: bool) -> None:
    """Print the table of false falls by coverage, and the signals by chance."""
    rng, parts, seen, by_chance = np.random.default_rng(20240301), [], [], []
    for setting, (worlds, happens) in SETTINGS.items():
        for number in track(range(20 if small else worlds), f"no change, {setting}"):
            made = world(rng, **happens)
            cover = cover_of(made)
            parts.append(judged(made, cover).assign(setting=setting, world=number))
            if setting == "note":
                seen.append(len(monitor.signals(cover, LAST, RULES)))
                if number < (10 if small else 100):
                    found = monitor.expected_by_chance(cover, LAST, RULES | {"chance_draws": 100}, rng)
                    by_chance.append(found["expected"].iloc[0])
    every = pd.concat(parts, ignore_index=True)
    print("\n| coverage | borough-months | false falls | false rises | gated | false falls, XmR on raw counts |")
    print("|---|---|---|---|---|---|")
    for band in BANDS:
        print(row(band, every[every["band"] == band]))
    print(row("all", every))
    for setting in SETTINGS:
        own = every[every["setting"] == setting]
        print(row(f"all of '{setting}'", own))
        print(row(f"'{setting}', touched by an outage", own[own["touched"]]))
    ranks = pd.qcut(every["expected"], [0, 0.1, 0.5, 0.9, 1.0])
    for size, own in every.groupby(ranks, observed=True):
        print(row(f"expected {size.left:.0f} to {size.right:.0f}", own))
    for setting in SETTINGS:
        own = every[every["setting"] == setting].groupby(["world", "place"])
        flags = own[["run_low", "run_high", "trend_down", "trend_up"]].any().mean()
        print(f"{setting}, share of borough-years with " + ", ".join(f"{k} {v:.2%}" for k, v in flags.items()))
    error = np.std(seen) / np.sqrt(len(seen))
    print(f"signals a month, all places: {np.mean(seen):.2f} (standard error {error:.2f}), ", end="")
    print(
        f"expected_by_chance {np.mean(by_chance):.2f} (standard error {np.std(by_chance) / len(by_chance) ** 0.5:.2f})"
    )


def power(*, small: bool) -> None:
    """Print how often a true change of all tested months is seen, by mean and rule."""
    print(
        "\n| mean | true change | single month low | single month high | run low | run high | 12 months fell | rose |"
    )
    print("|---|---|---|---|---|---|---|---|")
    cases = [(mean, factor) for mean in (5, 15, 40) for factor in (1.0, 0.6, 1.5)]
    rows = []
    for mean, factor in track(cases, "power"):
        rng, parts, ratios = np.random.default_rng(20240302), [], []
        for _ in range(3 if small else 30):
            made = world(rng, mean=mean, spread=0.3, change=factor)
            cover = cover_of(made)
            parts.append(judged(made, cover))
            keep = cover["place"].isin(BOROUGHS)
            ratios.append(monitor.year_on_year(cover, LAST, RULES, keep=keep)["flags"])
        every, ratio = pd.concat(parts), pd.concat(ratios)
        full = every[~every["gated"]]
        boroughs = len(every) / TESTED
        runs = [sum(p.groupby("place")[flag].any().sum() for p in parts) / boroughs for flag in ("run_low", "run_high")]
        found = [full["below_limit"].mean(), full["above_limit"].mean(), *runs, *(ratio.eq(w).mean() for w in ENDS)]
        rows.append(f"| {mean} | {factor - 1:+.0%} | " + " | ".join(f"{v:.1%}" for v in found) + " |")
    print("\n".join(rows))


def speed(*, small: bool) -> None:
    """Print seconds of the library and of one series after the other, and how far their numbers lie apart."""
    rng = np.random.default_rng(20240303)
    made = world(rng)
    events = with_items(made.events, rng)
    strata = [s for s in tally.members(events, RULES) if s.dim != "weapon"]
    strata = [s for s in strata if s.dim != "place_group" or s.stratum != "home"]
    print(f"\n{len(events):,} records, {len(BOROUGHS)} boroughs, {len(MONTHS)} months, {len(strata) + 1} strata")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        cover = coverage.table(events, made.site_months, made.roster, LAST, RULES, strata=strata)
        found = monitor.cube(cover, LAST, RULES)
        times.append(time.perf_counter() - start)
    whole = Members("", "", np.ones(len(events), dtype=bool), np.ones(len(events), dtype=bool))
    start = time.perf_counter()
    slow = one_by_one(events, made.site_months, [whole, *strata], BOROUGHS, LAST, RULES)
    took = time.perf_counter() - start
    found = found[found["place"].isin(BOROUGHS)].reset_index(drop=True)
    lines, shown = ["expected", "limit_low", "limit_high"], found["expected"].notna().to_numpy()
    apart = (found.loc[shown, lines] - slow.loc[shown, lines]).abs().max().max()
    ratio, count = took / min(times), cover["place"].nunique()
    print(
        f"library {min(times):.2f} s for {count} places, loop of the boroughs {took:.2f} s: {ratio:.0f} times as long"
    )
    print(f"{int(shown.sum()):,} of {len(found):,} months have lines, which lie at most {apart:.1e} apart")


def planted(*, small: bool) -> None:
    """Print how often what is planted in the synthetic London is found, and what else is called a change."""
    seeds, found = 10 if small else 100, defaultdict(int)
    for tables in track(londons(seeds), "synthetic Londons", total=seeds):
        nights = [s for s in tally.members(tables[0], RULES) if s.stratum == "night_economy"]
        for month in ("2024-09", FULL.last):
            cover = coverage.table(*tables, month, RULES, strata=nights)
            for name, count in (year := of_year(cover, month)).items():
                found[f"{name} in {month}"] += count
        later = of_months(cover)
        later[ANY] |= int(any(year[name] for name in year if name.startswith(FULL.hot_spot[0])))
        for name, count in later.items():
            found[name] += count
    print(f"\n{seeds} seeds")
    for name, count in found.items():
        print(f"{count:7,}  {name}")


def of_year(cover: pd.DataFrame, month: str) -> dict[str, int]:
    """Count what the 12 months are called, beside the 12 before."""
    found = monitor.year_on_year(cover, month, RULES, keep=cover["place"].isin(BOROUGHS)).set_index("place")
    fell, rose = FULL.intervention[0], FULL.hot_spot[0]
    every, nights = (found.loc[found["stratum"] == stratum, "flags"] for stratum in ("", "night_economy"))
    rest = every.drop([fell, rose])
    out = {f"{fell}, 30 % less from {FULL.intervention[1]}: fell": int(every[fell] == "fell")}
    out[f"{rose}, 15 more a month from {FULL.hot_spot[1]}: rose"] = int(every[rose] == "rose")
    out[f"{rose}, nights out: rose"] = int(nights[rose] == "rose")
    return out | {f"{len(rest)} other boroughs: {word}": int((rest == word).sum()) for word in ENDS}


def of_months(cover: pd.DataFrame) -> dict[str, int]:
    """Count months outside the range in the newest twelve, without the borough of the planted fall."""
    found = monitor.cube(cover, LAST, RULES, keep=cover["place"].isin(BOROUGHS))
    found = found[found["flags"].str.contains("tested") & (found["place"] != FULL.intervention[0])]
    every = found[found["stratum"] == ""]
    full, out = every["status"].isin(["final", "provisional"]), {}
    away = every["period_end"].isin(FULL.outage[1])
    for name, part in (("the outage's months", every[away]), ("all months", every)):
        out[f"boroughs below the range in {name}"] = int(part["flags"].str.contains("below_limit").sum())
        out[f"borough-months that could be, in {name}"] = int(full[part.index].sum())
    rose, begins, _ = FULL.hot_spot
    own = found[(found["place"] == rose) & (found["period_end"] >= begins)]
    for name, part in (("all", own[own["stratum"] == ""]), ("nights out", own[own["stratum"] != ""])):
        for flag in ("above_limit", "run_high"):
            out[f"{rose}, {name}: {flag} since {begins}"] = int(part["flags"].str.contains(flag).any())
    out[ANY] = int(own["flags"].str.contains("above_limit|run_high").any())
    return out


if __name__ == "__main__":
    parts = [false_falls, power, speed, planted]
    asked = [int(a) for a in sys.argv[1:] if a.isdigit()] or range(1, len(parts) + 1)
    for number in asked:
        parts[number - 1](small="--small" in sys.argv)
