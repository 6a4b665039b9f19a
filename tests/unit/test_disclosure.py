"""The gate: what may leave, how it is rounded, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import disclosure, errors, params, schema


def finding(value, **more):
    row = {
        "measure": "attendances", "unit": "attendance", "source": "ed", "place_type": "borough", "place": "E09000007",
        "period_start": "2024-03", "period_end": "2024-03", "value": value, "n": value, "status": "final",
        "method": "count", "synthetic": True,
    }  # fmt: skip
    return schema.conform(pd.DataFrame([row | more]), "finding")


@settings(max_examples=50)
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


def year(**more):
    return {"period_start": "2024-01", "period_end": "2024-12"} | more


@pytest.mark.parametrize(
    ("more", "value", "told"),
    [
        ({}, -1, "negative or a broken count"),
        ({}, 2.5, "negative or a broken count"),
        ({"unit": "share", "numerator": 3}, 0.4, "no denominator"),
        ({"unit": "rate", "numerator": 3, "denominator": 0}, 0.4, "no denominator"),
    ],
    ids=["negative", "broken", "a share of nothing", "a rate of zero"],
)
@pytest.mark.parametrize("audience", ["public", "partner", "internal"])
def test_what_cannot_be_a_finding_is_refused_for_everyone(more, value, told, audience):
    with pytest.raises(errors.DisclosureError, match=told):
        disclosure.release(finding(value, **more), audience)


def test_an_unknown_rule_is_refused_and_a_stricter_one_may_be_asked_for():
    with pytest.raises(errors.DisclosureError, match="no rule 'none' for the public"):
        disclosure.release(finding(50), "public", rule="none")
    with pytest.raises(errors.DisclosureError, match="no rule 'partner_exact' for the public"):
        disclosure.release(finding(50), "public", rule="partner_exact")
    band = disclosure.release(finding(0), "public", rule="nhs_hes_band")
    assert (band.rule, band.table["shown"].tolist()) == ("nhs_hes_band", ["[c]"])


def test_totals_that_are_not_the_sum_of_their_parts_are_refused():
    months_ = [finding(10, period_start=f"2024-{m:02d}", period_end=f"2024-{m:02d}") for m in range(1, 13)]
    right = pd.concat([*months_, finding(120, **year())], ignore_index=True)
    disclosure.release(right, "public")
    wrong = pd.concat([*months_, finding(121, **year())], ignore_index=True)
    with pytest.raises(errors.DisclosureError, match="differ from the sum of their parts"):
        disclosure.release(wrong, "public")


def shares(numerator, denominator, rules=None):
    plan = {"measure": "share_knife", "source": "ed", "place_type": ["borough"], "stratum_dim": "", "period": "year"}
    rules = params.file("disclosure")
    rules = rules | {"release_plan": {"public": [plan]}}
    more = year(measure="share_knife", unit="share", numerator=numerator, denominator=denominator, n=denominator)
    return disclosure.release(finding(numerator / denominator, **more), "public", rules=rules).table.iloc[0]


@settings(max_examples=40)
@given(st.integers(8, 300), st.integers(0, 300))
def test_a_public_share_says_no_more_than_its_released_counts(numerator, others):
    row = shares(numerator, numerator + others)
    top, bottom = (5 * np.floor(v / 5 + 0.5) for v in (numerator, numerator + others))
    assert row["value"] == pytest.approx(round(0.05 * np.floor(top / bottom / 0.05 + 0.5), 2))
    assert np.isnan(row["lower"])


def test_a_share_of_few_people_is_hidden():
    assert shares(3, 60)["shown"] == "[c]"
    assert shares(1, 6)["shown"] == "[c]"
    assert np.isnan(shares(3, 60)["value"])


def test_an_estimate_needs_enough_records():
    def ratio(n):
        more = {
            "measure": "ratio_of_ratios",
            "unit": "rate",
            "period_start": "2023-01",
            "n": n,
            "lower": 0.5,
            "upper": 0.9,
        }
        return disclosure.release(finding(0.6789, **more), "public").table.iloc[0]

    assert ratio(300)["value"] == 0.68
    assert ratio(20)["shown"] == "[c]"
    assert np.isnan(ratio(20)["lower"])


def test_means_rest_on_more_records_than_the_rule_hides_except_for_london():
    plan = {
        "measure": "delay",
        "source": "ed",
        "place_type": ["borough", "london"],
        "stratum_dim": "",
        "period": "year",
    }
    rules = params.file("disclosure") | {"release_plan": {"public": [plan]}}

    def mean(n, **more):
        rows = finding(3.4, **year(measure="delay", unit="hour", n=n, **more))
        return disclosure.release(rows, "public", rules=rules).table["symbol"].iloc[0]

    assert mean(7) == "[c]"
    assert mean(8) == ""
    assert mean(7, place_type="london", place="london") == ""


def test_flags_of_the_data_become_symbols_and_several_may_stand_together():
    row = disclosure.release(finding(50, flags="revised;break", status="provisional"), "public").table.iloc[0]
    assert row["symbol"] == "[p] [r] [b]"
    assert row["shown"] == "50 [p] [r] [b]"


def test_decisions_bind_the_public_alone():
    taken = [
        {
            "measure": "attendances",
            "source": "ed",
            "place": "E09000007",
            "stratum_dim": "",
            "period": "2024-Q1",
            "step": "band",
        }
    ]
    public = disclosure.release(finding(0), "public", decisions=taken)
    assert public.table["shown"].tolist() == ["[c]"]
    assert public.hidden == {"small count": 0, "coarsened": 1, "no data": 0}
    assert disclosure.release(finding(0), "partner", decisions=taken).table["shown"].tolist() == ["0"]


@settings(max_examples=60)
@given(st.integers(0, 400), st.sampled_from(["nhs_hes", "nhs_hes_band", "withheld", "internal_exact"]))
def test_the_range_that_a_figure_states_holds_the_truth(value, rule):
    rules = params.file("disclosure")
    rules = rules | {"audiences": rules["audiences"] | {"public": rule}}
    table = disclosure.shown(finding(value), rules, ())
    ranges = disclosure.published(table, rules).iloc[0]
    assert ranges["low"] <= value <= ranges["high"]


@pytest.mark.parametrize("audience", ["public", "partner", "internal"])
def test_a_table_without_rows_is_released_as_such(audience):
    assert disclosure.release(schema.empty("finding"), audience).table.empty


def test_a_share_beside_exact_counts_is_hidden():
    plan = {"measure": "share_knife", "source": "ed", "place_type": ["borough"], "stratum_dim": "", "period": "year"}
    rules = params.file("disclosure") | {"release_plan": {"public": [plan]}}
    more = year(measure="share_knife", unit="share", numerator=30, denominator=90, n=90)
    row = disclosure.release(finding(1 / 3, **more), "public", rules=rules, rule="complementary").table.iloc[0]
    assert row["shown"] == "[c]"
    assert np.isnan(row["value"])
