"""Limits, rates, shares and standardised rates, against results of the R package PHEindicatormethods 2.1.0."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from istv_lib import _intervals, _rates, errors

CASES = Path(__file__).parents[1] / "cases"
PEER = pd.read_csv(CASES / "rates_phe.csv")
AGES = pd.read_csv(CASES / "standardised_phe.csv")
SIZES = {"rate": (_rates.rates, 100_000), "share": (_rates.proportions, 100)}


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize(("level", "name"), [(0.95, "95"), (0.998, "998")])
def test_rates_and_shares_equal_the_peer(kind, level, name):
    peer = PEER[PEER["kind"] == kind]
    function, per = SIZES[kind]
    value, lower, upper = function(peer["x"], peer["n"], per=per, level=level)
    np.testing.assert_allclose(value, peer["value"], rtol=1e-12)
    np.testing.assert_allclose(lower, peer[f"lower_{name}"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(upper, peer[f"upper_{name}"], rtol=1e-12)


def test_standardised_rates_equal_the_peer():
    found = _rates.standardised(AGES).set_index("area")
    wide = _rates.standardised(AGES, level=0.998).set_index("area")
    peer = [65.6186680133139, 57.0759450426438, 75.0357847539562, 52.5376956766527, 80.70943028959]
    ours = [*found.loc["A", ["value", "lower", "upper"]], *wide.loc["A", ["lower", "upper"]]]
    np.testing.assert_allclose(np.array(ours, dtype=float), peer, rtol=1e-12)
    assert found.loc["B", ["value", "lower", "upper"]].isna().all()
    assert found["why"].tolist() == ["", "few_events"]
    assert found[["events", "population"]].to_numpy().tolist() == [[232, 316100], [7, 252880]]


@given(st.integers(0, 9), st.floats(0.5, 0.999))
def test_exact_limits_leave_half_the_rest_on_each_side(count, level):
    (lower,), (upper,) = _rates.count_limits([count], level)
    assert stats.poisson.cdf(count, upper) == pytest.approx((1 - level) / 2)
    assert (stats.poisson.sf(count - 1, lower) if count else (1 - level) / 2) == pytest.approx((1 - level) / 2)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.floats(1, 30))
def test_limits_hold_the_count_and_widen(counts, stretch):
    lower, upper = _rates.count_limits(counts)
    wider = _rates.count_limits(counts, stretch=stretch)
    assert ((lower <= counts) & (upper > counts)).all()
    assert ((wider[0] <= lower) & (wider[0] >= 0) & (wider[1] >= upper) & np.isfinite(wider[1])).all()


@given(st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.8, 0.95, 0.998]))
def test_wilson_holds_the_shares_that_the_score_test_does_not_refuse(hits, more, level):
    n = hits + more
    (lower,), (upper,) = _intervals.wilson([hits], [n], level)
    for end in {lower, upper} - {0.0}:
        z = (hits / n - end) / np.sqrt(end * (1 - end) / n)
        assert abs(z) == pytest.approx(stats.norm.ppf((1 + level) / 2), rel=1e-6)


def test_what_is_missing_or_has_no_denominator_is_missing():
    counts, n = [0, 5, np.nan, 3], [10, 0, 10, np.nan]
    for value, lower, upper in (_rates.rates(counts, n), _rates.proportions([0, 0, np.nan, 3], n)):
        assert np.isnan([value, lower, upper]).tolist() == [[False, True, True, True]] * 3
        assert (value[0], lower[0]) == (0, 0)
        assert upper[0] > 0
    assert [len(part) for part in _rates.rates([], [])] == [0, 0, 0]


@pytest.mark.parametrize(
    ("ask", "cause"),
    [
        (lambda: _rates.count_limits([3, -1]), "count below zero"),
        (lambda: _rates.count_limits([3], 95), "level 95 cannot be"),
        (lambda: _rates.proportions([3], [2]), "more hits than records"),
        (lambda: _rates.proportions([-1], [2]), "fewer than none"),
        (lambda: _rates.standardised(pd.concat([AGES, AGES.tail(1)])), r"'B' has two rows of the age band '90\+'"),
        (lambda: _rates.standardised(AGES.assign(standard_population=range(38))), "no standard population, or two"),
        (lambda: _rates.standardised(AGES.assign(standard_population=np.nan)), "no standard population, or two"),
        (lambda: _rates.standardised(AGES.assign(population=-1)), "below zero"),
    ],
)
def test_numbers_that_cannot_be_are_refused(ask, cause):
    with pytest.raises(errors.ParameterError, match=cause):
        ask()


def test_a_standardised_rate_that_cannot_be_known_says_why():
    nobody = AGES.assign(population=AGES["population"].where(AGES["age_band"] != "90+", 0))
    blank = AGES.assign(events=AGES["events"].where(AGES["age_band"] != "90+"))
    lacking = AGES[(AGES["area"] != "A") | (AGES["age_band"] != "90+")]
    why = [_rates.standardised(table)["why"].iloc[0] for table in (nobody, blank, lacking)]
    assert why == ["no_population", "value_missing", "band_missing"]
    assert _rates.standardised(nobody)[["value", "lower", "upper"]].isna().all(axis=None)
    unweighted = nobody.assign(standard_population=nobody["standard_population"].where(nobody["age_band"] != "90+", 0))
    assert _rates.standardised(unweighted)["why"].iloc[0] == ""
    zeros = _rates.standardised(AGES.assign(events=0))
    assert (zeros["why"] == "few_events").all()
    assert _rates.standardised(AGES.iloc[:0]).empty


def test_standardising_to_an_areas_own_ages_gives_its_crude_rate():
    own = AGES[AGES["area"] == "A"].assign(standard_population=lambda ages: ages["population"])
    found = _rates.standardised(own).iloc[0]
    crude = [part[0] for part in _rates.rates([232], [316100])]
    np.testing.assert_allclose(found[["value", "lower", "upper"]].to_numpy(dtype=float), crude, rtol=1e-12)


def test_adjusted_p_leaves_missing_values_out_of_the_family():
    p = [0.01, np.nan, 0.04, 0.03, np.nan]
    np.testing.assert_allclose(_rates.adjusted_p(p), [0.03, np.nan, 0.04, 0.04, np.nan])
    assert np.isnan(_rates.adjusted_p([np.nan])).all()
    assert _rates.adjusted_p([]).shape == (0,)
