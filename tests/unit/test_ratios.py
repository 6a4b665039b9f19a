"""Two counts, against results of the Python package ptools 2.0.0 (E-test) and of R's poisson.test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from istv_lib import _ratios, errors

PEER = pd.read_csv(Path(__file__).parents[1] / "cases" / "two_counts_ptools.csv")
GIVEN = [PEER[name] for name in ("k1", "n1", "k2", "n2")]


def plane(x, n, y, m):
    """Return the E-test's p-value summed over the whole plane of two counts."""
    k = np.arange(150.0)
    first, second = k[:, None], k[None, :]
    pooled, ratio = (x + y) / (n + m), n / m
    with np.errstate(invalid="ignore"):
        distance = np.nan_to_num(np.abs(first - ratio * second) / np.sqrt(ratio * (first + second)))
    seen = abs(x - ratio * y) / np.sqrt(ratio * (x + y)) if x + y else 0.0
    weight = stats.poisson.pmf(first, pooled * n) * stats.poisson.pmf(second, pooled * m)
    return weight[distance >= seen * (1 - 1e-9) - 1e-12].sum()


def test_the_e_test_equals_the_peer():
    np.testing.assert_allclose(_ratios.e_test(*GIVEN), PEER["e_test_p"], rtol=1e-9)


def test_the_exact_interval_and_p_equal_the_peer():
    ratio, lower, upper, p = _ratios.exact(*GIVEN)
    for ours, name in ((ratio, "rate_ratio"), (lower, "rr_lo"), (upper, "rr_hi"), (p, "poisson_test_p")):
        np.testing.assert_allclose(ours, PEER[name], rtol=1e-9)


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([1.0, 2.5, 12.0]), st.sampled_from([1.0, 0.7, 6.0]))
def test_the_e_test_equals_the_sum_over_the_plane(x, y, n, m):
    assert _ratios.e_test(x, n, y, m) == pytest.approx(plane(x, n, y, m), rel=1e-9, abs=1e-13)
    assert _ratios.e_test(x, n, y, m) == pytest.approx(float(_ratios.e_test(y, m, x, n)), rel=1e-9, abs=1e-13)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.2, 9))
def test_the_exact_p_equals_the_binomial_test(x, y, n):
    p = float(_ratios.exact(x, n, y, 1.0)[3])
    share = n / (n + 1.0)
    assert p == pytest.approx(stats.binomtest(x, x + y, share).pvalue if x + y else 1.0, rel=1e-6)


def test_large_counts_fit_into_small_blocks_and_approach_the_normal_curve(monkeypatch):
    x, y = np.array([20_000, 20_000, 19_800]), np.array([20_000, 20_500, 20_400])
    normal = 2 * stats.norm.sf(np.abs(x - y) / np.sqrt(x + y))
    whole = _ratios.e_test(x, 1, y, 1)
    np.testing.assert_allclose(whole, normal, rtol=0.01)
    np.testing.assert_allclose(_ratios.exact(x, 1, y, 1)[3], normal, rtol=0.02)
    monkeypatch.setattr(_ratios, "CELLS", 1)
    np.testing.assert_allclose(_ratios.e_test(x, 1, y, 1), whole, rtol=1e-12)


def test_the_e_test_keeps_its_promise_for_equal_rates():
    k = np.arange(80)
    x, y = np.meshgrid(k, k)
    often = stats.poisson.pmf(x, 20) * stats.poisson.pmf(y, 20)
    assert often[_ratios.e_test(x, 1, y, 1) <= 0.05].sum() == pytest.approx(0.05, abs=0.005)
    assert often[_ratios.exact(x, 1, y, 1)[3] <= 0.05].sum() < 0.05


def test_zeros_and_missing_exposures_have_stated_results():
    x, y = np.array([0, 0, 5, 5, np.nan, 5]), np.array([0, 4, 0, 5, 5, 5])
    n = np.array([1, 1, 1, 0, 1, np.nan])
    ratio, lower, upper, p = _ratios.exact(x, n, y, 1)
    assert np.isnan(ratio).tolist() == [True, False, False, True, True, True]
    assert (ratio[1], ratio[2]) == (0, np.inf)
    assert lower[:3].tolist()[:2] == [0, 0]
    assert lower[2] > 0
    assert np.isinf(upper[:3]).tolist() == [True, False, True]
    assert p[0] == _ratios.e_test(x, n, y, 1)[0] == 1
    for result in (lower, upper, p, _ratios.e_test(x, n, y, 1)):
        assert np.isnan(result).tolist() == [False] * 3 + [True] * 3
    assert all(np.isnan(result).all() for result in _ratios.quasi(x, n, y, 1))
    assert _ratios.e_test([], 1, [], 1).shape == (0,)
    assert all(result.shape == (0,) for result in _ratios.exact([], 1, [], 1))


def test_dispersion_widens_by_its_root_on_the_log_scale():
    ratio, lower, upper, p = _ratios.quasi(120, 12, 80, 10, dispersion=4)
    assert ratio == pytest.approx(1.25)
    half = 1.959964 * np.sqrt(4 * (1 / 120 + 1 / 80))
    assert [np.log(upper / ratio), np.log(ratio / lower)] == pytest.approx([half, half], rel=1e-6)
    assert p == pytest.approx(2 * stats.norm.sf(np.log(1.25) / half * 1.959964), rel=1e-6)
    plain = _ratios.quasi(4000, 1, 3900, 1)
    np.testing.assert_allclose(plain[:3], _ratios.exact(4000, 1, 3900, 1)[:3], rtol=1e-3)


@pytest.mark.parametrize("bad", [-1, 2.5])
def test_what_is_no_count_is_refused(bad):
    for compare in (_ratios.exact, _ratios.quasi, _ratios.e_test):
        with pytest.raises(errors.ParameterError, match="whole and not below zero"):
            compare([3, 4], 1, [5, bad], 1)
    with pytest.raises(errors.ParameterError, match="dispersion is below 1"):
        _ratios.quasi(3, 1, 4, 1, dispersion=0.5)
