"""Control charts and runs, against results of the R package qicharts2 0.8.1."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import _control, errors

PEER = pd.read_csv(Path(__file__).parents[1] / "cases" / "control_qicharts2.csv")
CHARTS = {
    "i_vankilled": _control.i,
    "c_small": _control.c,
    "c_vankilled": _control.c,
    "u_vankilled_per_1000km": _control.u,
    "u_small": _control.u,
    "up_vankilled_per_1000km": partial(_control.u_prime, floor=0.0),
    "up_driverskilled": partial(_control.u_prime, floor=0.0),
    "p_num_den": _control.p,
    "pp_num_den": partial(_control.p_prime, floor=0.0),
    "g_cases_between": _control.g,
    "t_days_between": _control.t,
    "i_screened_vignette18": partial(_control.i, screen=True),
    "up_screened_driverskilled": partial(_control.u_prime, floor=0.0, screen=True),
}
WITH_DENOMINATOR = (_control.u, _control.u_prime, _control.p, _control.p_prime)
ALONE = (_control.i, _control.c, _control.g, _control.t)
COUNTS = st.lists(st.one_of(st.none(), st.integers(0, 40)), max_size=30)


def counts_of(peer):
    """Return the counts behind the peer's drawn values, and the denominators."""
    return ((peer["y"] * peer["n"]).round(), peer["n"]) if peer["n"].notna().all() else (peer["y"],)


def numbers(*values):
    return pd.Series(values, dtype=float)


def every_chart(values):
    n = pd.Series(50.0, index=values.index)
    return [chart(values) for chart in ALONE] + [chart(values, n) for chart in WITH_DENOMINATOR]


@pytest.mark.parametrize("case", CHARTS)
def test_charts_equal_the_peer(case):
    peer = PEER[PEER["case"] == case].reset_index(drop=True)
    chart, warning = (CHARTS[case](*counts_of(peer), sigmas=sigmas) for sigmas in (3.0, 2.0))
    for mine, theirs in (("value", "y"), ("centre", "cl"), ("lower", "lcl"), ("upper", "ucl")):
        np.testing.assert_allclose(chart[mine], peer[theirs], rtol=1e-9, err_msg=mine)
    np.testing.assert_allclose(warning["lower"], peer["lcl95"], rtol=1e-8)
    np.testing.assert_allclose(warning["upper"], peer["ucl95"], rtol=1e-9)
    assert (chart["signal"] != "").tolist() == peer["sigma_signal"].astype(bool).tolist()


@pytest.mark.parametrize("case", PEER["case"].unique())
def test_runs_equal_the_peer(case):
    peer = PEER[PEER["case"] == case].reset_index(drop=True)
    line = None if case == "run_vankilled" else peer["cl"]
    found, first = _control.runs(peer["y"], line).iloc[0], peer.iloc[0]
    names = ["n_obs", "n_useful", "longest_run", "longest_run_max", "n_crossings", "n_crossings_min"]
    assert found[names].tolist() == first[names].tolist()
    assert found["signal"] == bool(first["runs_signal"])


def test_every_case_of_the_peer_is_compared():
    assert set(PEER["case"]) == {*CHARTS, "run_vankilled"}


def test_limits_are_never_narrower_than_chance_unless_asked():
    peer = PEER[PEER["case"] == "up_vankilled_per_1000km"]
    counts, n = counts_of(peer)
    pd.testing.assert_frame_equal(_control.u_prime(counts, n), _control.u(counts, n))
    assert (_control.u_prime(counts, n, floor=0.0)["upper"] < _control.u(counts, n)["upper"]).all()


@given(COUNTS)
def test_any_counts_give_charts_without_surprises(values):
    values = numbers(*values)
    for chart in every_chart(values):
        assert list(chart) == ["value", "centre", "lower", "upper", "signal"]
        assert chart.index.equals(values.index)
        assert (chart.loc[chart["value"].isna(), "signal"] == "").all()
        limits = chart[["lower", "upper"]].dropna()
        assert (limits["lower"] <= limits["upper"]).all()
        assert np.isfinite(limits).all(axis=None)
    _control.runs(values)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_has_no_limits_and_no_signal(values):
    for chart in every_chart(numbers(*values)):
        assert chart.drop(columns="signal").isna().all(axis=None)
        assert (chart["signal"] == "").all()
    assert _control.runs(numbers(*values)).iloc[0].tolist() == [0, 0, 0, 0, 0, 0, False]


def test_one_point_has_limits_only_where_its_distribution_is_assumed():
    charts = dict(zip("i c g t u u' p p'".split(), every_chart(numbers(4)), strict=True))
    assert [name for name, chart in charts.items() if chart["upper"].isna().all()] == ["i", "t"]
    assert all(chart["centre"].notna().all() for chart in charts.values())
    assert not any(chart["signal"].any() for chart in charts.values())


@pytest.mark.parametrize("value", [0, 7, 50])
def test_equal_values_never_signal(value):
    for chart in every_chart(numbers(*[value] * 9)):
        assert (chart["signal"] == "").all()
        assert chart["upper"].notna().all()
    if value == 0:
        assert all((chart["upper"] == 0).all() for chart in every_chart(numbers(0, 0, 0)))
        bare = _control.u_prime(numbers(0, 0), numbers(3, 4), floor=0.0)
        assert (bare["upper"] == 0).all()


def test_a_missing_value_or_no_denominator_takes_no_part():
    counts, n = numbers(3, 4, np.nan, 9, 5, 6), numbers(10, 10, 10, 0, np.nan, 20)
    chart = _control.u(counts, n)
    assert chart["value"].isna().tolist() == [False, False, True, True, True, False]
    assert chart["centre"].unique() == pytest.approx([13 / 40])
    assert chart["upper"].isna().tolist() == [False, False, False, True, True, False]
    assert (chart["signal"] == "").all()


def test_a_gap_drops_the_ranges_on_both_its_sides():
    chart = _control.i(numbers(1, 2, np.nan, 50, 51))
    assert chart["upper"].iloc[0] == pytest.approx(26 + 3 / 1.128)


def test_signals_say_on_which_side():
    chart = _control.c(numbers(*[10] * 20, 30, 0))
    assert chart["signal"].tolist() == [""] * 20 + ["above", "below"]


@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_values_that_cannot_be_are_refused(bad):
    for chart in (_control.c, _control.g, _control.t):
        with pytest.raises(errors.ParameterError, match="below zero or infinite"):
            chart(numbers(1, bad))
    with pytest.raises(errors.ParameterError, match="below zero or infinite"):
        _control.u(numbers(1, 2), numbers(1, bad))


def test_hits_beyond_the_records_and_strange_rows_are_refused():
    with pytest.raises(errors.ParameterError, match="more hits than records"):
        _control.p(numbers(3), numbers(2))
    with pytest.raises(errors.ParameterError, match="2 values and 1 denominators"):
        _control.u(numbers(3, 4), numbers(2))


def test_a_gap_breaks_a_run():
    low, high = [1] * 9, [3] * 9
    whole = _control.runs(numbers(*low, *high), 2.0).iloc[0]
    assert (whole["longest_run"], whole["n_crossings"], whole["signal"]) == (9, 1, True)
    split = _control.runs(numbers(*low, np.nan, *high), 2.0).iloc[0]
    assert (split["n_useful"], split["n_crossings"], split["n_crossings_min"]) == (18, 0, 5)
    torn = _control.runs(numbers(*low[:5], np.nan, *low[:4]), 2.0).iloc[0]
    assert torn["longest_run"] == 5


def test_days_between_has_one_row_per_date_after_the_first():
    dates = pd.Series(
        pd.to_datetime(["2024-03-05 23:50", None, "2024-03-01", "2024-03-05 01:00", "2024-03-12"], format="ISO8601")
    )
    out = _control.days_between(dates)
    assert out["days"].tolist() == [4, 7]
    assert out["events"].tolist() == [2, 1]
    assert out["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-03-05", "2024-03-12"]


@pytest.mark.parametrize("dates", [[], [None], ["2024-03-05"], ["2024-03-05", "2024-03-05 10:00"]])
def test_fewer_than_two_dates_have_no_days_between(dates):
    out = _control.days_between(pd.Series(pd.to_datetime(dates, format="ISO8601"), dtype="datetime64[ns]"))
    assert (list(out), len(out)) == (["date", "events", "days"], 0)
    assert _control.t(out["days"]).empty


def test_a_long_quiet_spell_signals_on_a_t_chart():
    days = numbers(*np.random.default_rng(4).exponential(5, 30).round(), 120)
    assert _control.t(days)["signal"].tolist()[-1] == "above"
