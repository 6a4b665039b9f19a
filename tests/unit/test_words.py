"""Sentences for every state the numbers can be in, and the words that are never used."""

import re

import numpy as np
import pandas as pd
import pytest

from istv_lib import disclosure, errors, words
from tests.unit.test_disclosure import finding

FORBIDDEN = re.compile(
    r"\b(hidden|unreported|over-policed|caused|crime|record high|hot spot|rose|fell)\b", re.IGNORECASE
)
TESTED = {"flags": "tested", "limit_low": 30, "limit_high": 60, "expected": 45, "coverage": 1.0}
CASES = [
    (50, TESTED, "public", "about 50", "no clear change"),
    (53, TESTED, "partner", "had 53 ", "expected range of 30 to 60"),
    (80, TESTED | {"flags": "tested;above_limit"}, "public", "about 80", "higher than the expected range of 30 to 60"),
    (20, TESTED | {"flags": "tested;below_limit"}, "public", "about 20", "lower than the expected range of 30 to 60"),
    (4, TESTED, "public", "between 1 and 7", "not compared"),
    (0, TESTED, "public", "no attendance", "no clear change"),
    (1, TESTED | {"limit_low": 0}, "partner", "had 1 attendance at", "no clear change"),
    (
        25,
        {"status": "gated", "coverage": 0.6, "flags": "tested"},
        "public",
        "about 25",
        "60% of the data usually received",
    ),
    (np.nan, {"status": "no_data", "coverage": 0.0}, "public", "No data can be shown", "gap in the data"),
    (50, {"flags": "no_baseline", "coverage": 1.0}, "public", "about 50", "not yet enough earlier months"),
]


@pytest.mark.parametrize(("value", "more", "audience", "counted", "compared"), CASES)
def test_each_state_has_its_sentence(value, more, audience, counted, compared):
    released = disclosure.release(finding(value, **more), audience)
    row = released.table.iloc[0]
    said = words.count(row, "Camden", rounded=released.rule == "nhs_hes")
    against = words.compared(row)
    assert counted in said
    assert compared in against
    assert not FORBIDDEN.search(said + against)


def test_a_withheld_number_is_never_printed():
    row = disclosure.release(finding(4, **TESTED), "public").table.iloc[0]
    assert "4" not in words.count(row, "Camden").replace("2024", "")


def test_hospitals_that_sent_data_are_counted():
    some = disclosure.release(finding(3, measure="sites_sent", unit="site", denominator=4), "public").table.iloc[0]
    assert words.sent(some, "Camden") == "3 of the 4 hospitals that usually supply Camden sent data."
    every = disclosure.release(finding(4, measure="sites_sent", unit="site", denominator=4), "public").table.iloc[0]
    assert words.sent(every, "Camden").startswith("All 4 hospitals")


def test_words_refuse_what_has_not_passed_the_gate():
    with pytest.raises(errors.DisclosureError, match="Only released findings"):
        words.say(finding(50), "something")


def test_the_largest_stratum_leaves_not_known_aside_and_says_n():
    parts = [
        finding(90, stratum_dim="weapon_group", stratum="unknown"),
        finding(60, stratum_dim="weapon_group", stratum="body"),
        finding(3, stratum_dim="weapon_group", stratum="knife"),
    ]
    year = {"period_start": "2024-01", "period_end": "2024-12", "n": 153.0, "share_used": 0.9}
    released = disclosure.release(pd.concat(parts, ignore_index=True).assign(**year), "public")
    text = words.leading(released, what="method", labels={"body": "Body part"}).data["text/markdown"]
    assert "“Body part” (60)" in text
    assert "rests on 155 attendances, 90% of all" in text


def ratio(value, lower, upper):
    return finding(
        value, measure="ratio_of_ratios", unit="rate", lower=lower, upper=upper, period_start="2022-10",
        period_end="2024-09", flags="placebo_rank 1 of 33", n=np.nan,
    )  # fmt: skip


def test_an_interval_that_includes_no_change_is_told_as_no_clear_change():
    unclear = words.assessment(disclosure.release(ratio(0.9, 0.7, 1.1), "public"), action="x").data["text/markdown"]
    assert "no clear change" in unclear
    assert "fell" not in unclear
    clear = words.assessment(disclosure.release(ratio(0.7, 0.6, 0.8), "public"), action="x").data["text/markdown"]
    assert "fell by 30 % (95 % interval -40 % to -20 %)" in clear
    assert "stands 1 of 33" in clear


def test_the_busiest_band_is_counted_per_night():
    bands = {"Mon-Thu 18:00-23:59": 60, "Fri-Sat 00:00-05:59": 40, "Sun 18:00-23:59": 12}
    year = {"stratum_dim": "time_band_12", "period_start": "2024-01", "period_end": "2024-12"}
    parts = [finding(v, stratum=s, **year) for s, v in bands.items()]
    released = disclosure.release(pd.concat(parts, ignore_index=True).assign(n=112.0, share_used=0.8), "public")
    text = words.week(released).data["text/markdown"]
    assert text.startswith("Counted per night, the busiest time of 2024 was Fri-Sat 00:00-05:59 (40).")
