"""One period against an earlier one, against values worked out by hand."""

import numpy as np
import pytest
from scipy import stats

from istv_lib import _change, _ratios, monitor, months, params, schema
from tests.conftest import CAMDEN, HACKNEY
from tests.unit.made_cover import SPAN, cover

RULES = dict(params.defaults())
LAST = SPAN[-1]


def by_month(*parts):
    """Counts of 36 months from (number of months, count in each)."""
    return np.concatenate([np.full(n, value, dtype=float) for n, value in parts])


def found(made, place=CAMDEN, what=monitor.year_on_year, rules=RULES, month=LAST):
    out = what(made, month, rules)
    schema.check(out, "finding")
    return out[out["place"] == place].iloc[0]


def test_a_year_is_compared_with_the_year_before_it():
    row = found(cover({CAMDEN: by_month((24, 10), (12, 7))}))
    error = np.sqrt(1 / 84 + 1 / 120)
    assert (row["numerator"], row["denominator"], row["n"]) == (84, 120, 204)
    assert row["value"] == pytest.approx(0.7)
    assert row["lower"] == pytest.approx(0.7 * np.exp(-1.959964 * error), rel=1e-6)
    assert row["upper"] == pytest.approx(0.7 * np.exp(1.959964 * error), rel=1e-6)
    assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(np.log(0.7)) / error))
    assert (row["expected"], row["share_used"], row["coverage"]) == (pytest.approx(120), 1, 1)
    assert (row["flags"], row["status"], row["method"]) == ("fell", "final", "quasi_poisson")
    assert (row["period_start"], row["period_end"]) == ("2024-01", "2024-12")


def test_months_that_scatter_widen_the_interval_of_a_year():
    calm = {CAMDEN: by_month((24, 10), (12, 7)), "london": by_month((36, 40))}
    wild = calm | {CAMDEN: np.concatenate([np.tile([5.0, 15, 15, 5], 6), np.full(12, 7.0)])}
    row = found(cover(wild))
    spread = np.sqrt(60 / 23 * (1 / 84 + 1 / 120))  # Pearson's statistic 24 x 25 / 10 over 23
    assert row["upper"] == pytest.approx(0.7 * np.exp(1.959964 * spread), rel=1e-6)
    assert (row["flags"], found(cover(calm))["flags"]) == ("", "fell")


def test_few_attendances_are_compared_exactly():
    row = found(cover({CAMDEN: by_month((12, 1), (9, 1), (3, 0), (9, 0), (3, 1)), "london": 40}))
    assert (row["numerator"], row["denominator"], row["method"]) == (3, 9, "exact")
    ends = stats.binomtest(3, 12).proportion_ci(0.95, "exact")
    assert row["lower"] == pytest.approx(ends.low / (1 - ends.low), rel=1e-6)
    assert row["upper"] == pytest.approx(ends.high / (1 - ends.high), rel=1e-6)
    assert row["p"] == pytest.approx(float(_ratios.e_test(3, 12, 9, 12)))


@pytest.mark.parametrize(
    ("before", "after", "value", "flags", "status"),
    [(2, 0, 0.0, "fell", "final"), (0, 2, None, "", "no_data"), (0, 0, None, "", "no_data")],
    ids=["zero now", "zero before", "zero in both"],
)
def test_zeros_give_a_ratio_or_say_why_there_is_none(before, after, value, flags, status):
    row = found(cover({CAMDEN: by_month((12, 1), (12, before), (12, after)), "london": 40}))
    assert row["value"] == value if value is not None else np.isnan(row["value"])
    assert np.isnan(row["lower"]) == np.isnan(row["upper"]) == (value is None)
    assert (row["flags"], row["status"]) == (flags, status)


@pytest.mark.parametrize(("gated", "status"), [(6, "final"), (7, "no_data")])
def test_half_a_year_of_pairs_is_the_least(gated, status):
    share = by_month((12, 1), (gated, 0.79), (24 - gated, 1))
    row = found(cover({CAMDEN: by_month((24, 10), (12, 5)), "london": 40}, coverage={CAMDEN: share}, exposure=1.0))
    assert (row["status"], row["share_used"]) == (status, (12 - gated) / 12)
    assert (row["flags"] == "fell") == (status == "final")
    assert row["numerator"] == 30 if status == "final" else np.isnan(row["numerator"])


def test_a_silent_hospital_is_no_change_of_the_year():
    less = cover({CAMDEN: by_month((24, 20), (12, 16)), "london": 100}, coverage={CAMDEN: by_month((24, 1), (12, 0.8))})
    assert found(less)["value"] == pytest.approx(1.0)
    assert found(less)["flags"] == ""
    assert found(less.assign(exposure=1.0, coverage=1.0))["flags"] == "fell"


def test_the_season_is_no_change_of_the_month():
    wave = 40 + 20 * np.sin(2 * np.pi * np.arange(36) / 12)
    assert found(cover({CAMDEN: wave.round(), "london": 10 * wave.round()}))["value"] == pytest.approx(1.0)


def test_no_year_is_compared_across_a_rebase():
    made = cover({CAMDEN: by_month((24, 10), (12, 5)), HACKNEY: by_month((24, 10), (12, 5))})
    rules = RULES | {"rebases": [{"month": "2024-02", "place": CAMDEN, "reason": "A new definition."}]}
    assert found(made, rules=rules)["status"] == "no_data"
    assert found(made, HACKNEY, rules=rules)["flags"] == "fell"


def test_a_young_store_has_no_year_to_compare_with():
    made = cover({CAMDEN: by_month((14, 10))}, span=SPAN[:14])
    row = found(made, month=SPAN[13])
    assert (row["status"], row["share_used"], row["n"]) == ("no_data", pytest.approx(2 / 12), 0)
    assert np.isnan(row["value"])


def test_the_same_month_last_year_is_one_exact_pair():
    row = found(cover({CAMDEN: by_month((35, 4), (1, 16)), "london": 400}), what=monitor.same_month)
    assert (row["numerator"], row["denominator"], row["value"]) == (16, 4, pytest.approx(4.0))
    assert row["p"] == pytest.approx(float(_ratios.e_test(16, 1, 4, 1)))
    assert (row["flags"], row["method"], row["measure"]) == ("rose", "exact", _change.MONTH)
    gated = cover({CAMDEN: by_month((35, 4), (1, 16))}, coverage={CAMDEN: by_month((35, 1), (1, 0.79))})
    assert found(gated, what=monitor.same_month)["status"] == "no_data"


def test_chosen_rows_are_those_of_the_whole():
    made = cover({CAMDEN: 10, HACKNEY: 20})
    part = monitor.year_on_year(made, LAST, RULES, keep=made["place"] == HACKNEY)
    assert part["place"].tolist() == [HACKNEY]
    assert part["value"].iloc[0] == found(made, HACKNEY)["value"]


def test_a_small_place_has_totals_of_3_and_12_months_with_exact_intervals():
    out = monitor.rolling(cover({CAMDEN: 3, HACKNEY: 0}), CAMDEN, LAST, RULES)
    assert out.groupby("stratum")["value"].unique().map(list).to_dict() == {"12 months": [36], "3 months": [9]}
    last = out[out["stratum"] == "3 months"].iloc[-1]
    assert (last["period_start"], last["period_end"]) == ("2024-10", "2024-12")
    assert last["lower"] == pytest.approx(stats.chi2.ppf(0.025, 18) / 2)
    assert last["upper"] == pytest.approx(stats.chi2.ppf(0.975, 20) / 2)
    none = monitor.rolling(cover({CAMDEN: 3, HACKNEY: 0}), HACKNEY, LAST, RULES)
    assert (none["value"] == 0).all()
    assert (none["lower"] == 0).all()
    assert (none["upper"] > 3).all()


def test_a_total_with_a_month_below_the_gate_is_no_data():
    made = cover({CAMDEN: 3, HACKNEY: 50}, coverage={CAMDEN: by_month((34, 1), (1, 0.5), (1, 1))})
    out = monitor.rolling(made, CAMDEN, LAST, RULES).set_index(["stratum", "period_end"])["status"]
    assert out["3 months"].tolist() == ["final"] * 10 + ["no_data"] * 2
    assert out["12 months", "2024-10"] == "final"
    assert monitor.rolling(made, HACKNEY, LAST, RULES).empty


def test_totals_need_every_month_of_the_period():
    made = cover({CAMDEN: 3, HACKNEY: 5}, coverage={CAMDEN: by_month((35, 1), (1, 0.5))})
    whole = monitor.totals(made, ("2024-11", "2024-12")).set_index("place").loc[[HACKNEY, CAMDEN]]
    assert whole["value"].tolist() == [10, 6]
    assert whole["coverage"].tolist() == [1, 0.75]
    late = monitor.totals(made, ("2024-12", months.add(LAST, 1))).set_index("place")
    assert set(late["status"]) == {"no_data"}
    assert np.isnan(late.loc[CAMDEN, "value"])
