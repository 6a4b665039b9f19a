"""Before and after, set against the other boroughs."""

import numpy as np
import pandas as pd

from istv_lib import evaluate, months, params, places, schema

RULES = params.defaults()


def cover(rng, effect=1.0, start="2023-10"):
    rows = []
    for i, gss in enumerate(places.boroughs()["gss"]):
        for month in months.span("2022-10", "2024-09"):
            level = (20 + i) * (effect if i == 5 and month >= start else 1.0)
            rows.append((gss, month, rng.poisson(level), 1.0))
    frame = pd.DataFrame(rows, columns=["place", "month", "monitored", "exposure"])
    return frame.assign(coverage=1.0, synthetic=True)


def ratio(table):
    place = places.boroughs()["gss"].iloc[5]
    found = evaluate.before_after(table, place, "2023-10", length=12, rules=RULES)
    schema.check(found, "finding")
    return found[found["measure"] == "ratio_of_ratios"].iloc[0]


def test_a_planted_fall_of_30_percent_is_found_with_its_interval():
    row = ratio(cover(np.random.default_rng(1), effect=0.7))
    assert row["lower"] < 0.7 < row["upper"] < 1
    assert row["flags"].startswith("placebo_rank 1 of")


def test_without_an_effect_the_interval_holds_one_about_19_times_in_20():
    rows = [ratio(cover(np.random.default_rng(seed))) for seed in range(40)]
    missed = sum(not (row["lower"] <= 1 <= row["upper"]) for row in rows)
    assert missed <= 6  # binomial 40 x 0.05: seven or more has a chance of 0.3 %


def test_gated_months_are_left_out_with_their_exposure():
    table = cover(np.random.default_rng(2))
    silent = (table["place"] == places.boroughs()["gss"].iloc[5]) & (table["month"] >= "2024-07")
    table.loc[silent, ["monitored", "exposure", "coverage"]] = [0, 0.1, 0.1]
    row = ratio(table)
    assert row["lower"] < 1 < row["upper"]
