"""The gate: what may leave, how it is rounded, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import disclosure, errors, schema


def finding(value, **more):
    row = {
        "measure": "attendances", "unit": "attendance", "source": "ed", "place_type": "borough", "place": "E09000007",
        "period_start": "2024-03", "period_end": "2024-03", "value": value, "n": value, "status": "final",
        "method": "count", "synthetic": True,
    }  # fmt: skip
    return schema.conform(pd.DataFrame([row | more]), "finding")


@given(st.integers(0, 5000))
def test_public_counts_are_withheld_from_1_to_7_and_rounded_to_5_from_the_truth(value):
    row = disclosure.release(finding(value), "public").table.iloc[0]
    if 1 <= value <= 7:
        assert row["symbol"] == "[c]"
        assert np.isnan(row["value"])
        assert np.isnan(row["n"])
        assert row["shown"] == "[c]"
    else:
        assert row["value"] % 5 == 0
        assert abs(row["value"] - value) <= 2
        assert row["symbol"] == ""


def test_partners_see_exact_counts():
    assert disclosure.release(finding(3), "partner").table["shown"].tolist() == ["3"]


def test_a_withheld_figure_loses_its_signals_too():
    row = disclosure.release(finding(7, flags="tested;above_limit", limit_high=6), "public").table.iloc[0]
    assert row["flags"] == ""


def test_counts_of_hospitals_and_open_police_counts_pass_unrounded():
    sites = finding(3, measure="sites_sent", unit="site", denominator=4)
    police = finding(6, measure="violence_offences", unit="crime", source="btp")
    assert disclosure.release(sites, "public").table["value"].tolist() == [3]
    assert disclosure.release(police, "public").table["value"].tolist() == [6]


def test_limits_and_coverage_are_rounded_for_the_public():
    row = disclosure.release(
        finding(52, expected=47.3, limit_low=31, limit_high=63.6, coverage=0.873), "public"
    ).table.iloc[0]
    assert (row["expected"], row["limit_low"], row["limit_high"], row["coverage"]) == (45, 30, 65, 0.85)


@pytest.mark.parametrize(
    "more",
    [
        {"stratum_dim": "weapon_group", "stratum": "knife"},
        {"period_start": "2024-01"},
        {"place_type": "site", "place": "SYN01"},
        {"measure": "attendances", "stratum_dim": "cell", "stratum": "E530000N180000"},
        {"place_type": "bcu", "place": "CN"},
    ],
    ids=["borough x weapon x month", "a rolling period", "a hospital", "a map cell", "a command unit"],
)
def test_what_the_plan_does_not_list_cannot_be_released_to_the_public(more):
    with pytest.raises(errors.DisclosureError, match="release plan has no line"):
        disclosure.release(finding(50, **more), "public")
    disclosure.release(finding(50, **more), "partner")


def test_a_calendar_year_by_weapon_may_be_released():
    row = finding(50, stratum_dim="weapon_group", stratum="knife", period_start="2024-01", period_end="2024-12")
    assert disclosure.release(row, "public").table["value"].tolist() == [50]


def test_only_findings_and_known_audiences_pass():
    with pytest.raises(errors.DisclosureError, match="Only a table of findings"):
        disclosure.release(pd.DataFrame({"a": [1]}), "public")
    with pytest.raises(errors.DisclosureError, match="no audience 'press'"):
        disclosure.release(finding(50), "press")


def test_missing_is_never_shown_as_zero():
    row = disclosure.release(finding(np.nan, status="no_data"), "public").table.iloc[0]
    assert row["shown"] == "[x]"
    zero = disclosure.release(finding(0), "public").table.iloc[0]
    assert zero["shown"] == "0"


def test_kind_tells_synthetic_from_real_and_mixed():
    both = pd.concat([finding(10), finding(10, synthetic=False)], ignore_index=True)
    assert disclosure.release(finding(10), "public").kind == "synthetic"
    assert disclosure.release(finding(10, synthetic=False), "public").kind == "real"
    assert disclosure.release(both, "public").kind == "mixed"


def test_releasing_twice_changes_nothing():
    once = disclosure.release(finding(53), "public")
    again = disclosure.release(once.table[schema.FINDING.names], "public")
    assert once.id == again.id
