"""XmR charts, against results of the R package NHSRplotthedots 0.2.2 for 15 series."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import _xmr, errors

PEER = pd.read_csv(Path(__file__).parents[1] / "cases" / "xmr_plotthedots.csv")
WHY = "A new department opened."


def months_from(first, n):
    return pd.period_range(first, periods=n, freq="M").strftime("%Y-%m")


def series(*values):
    return pd.Series(values, index=months_from("2022-01", len(values)), dtype=float)


def chart_of(peer):
    """Return the chart that the options of a peer's case ask for."""
    y = peer["y"].set_axis(months_from("2019-01", len(peer)))
    fixed = peer["fix_after"].iloc[0]
    return _xmr.xmr(
        y,
        screen=bool(peer["screen"].iloc[0]),
        fix_after=None if pd.isna(fixed) else int(fixed),
        rebases=[{"month": month, "reason": WHY} for month in y.index[peer["rebase"] == 1]],
    )


@pytest.mark.parametrize("case", sorted(PEER["case"].unique()))
def test_charts_equal_the_peer(case):
    peer = PEER[PEER["case"] == case].reset_index(drop=True)
    ours = chart_of(peer)
    for mine, theirs in (("mean", "mean"), ("lower", "lpl"), ("upper", "upl")):
        np.testing.assert_allclose(ours[mine], peer[theirs], rtol=1e-9)
    told = peer["y"].notna().to_numpy()
    assert ours["label"][told].tolist() == peer["special_cause_type"][told].tolist()
    assert _xmr.point_type(ours)[told].tolist() == peer["point_type"][told].tolist()
    assert (ours["label"][~told] == "").all()


def test_the_peer_has_a_case_of_every_option():
    assert PEER["case"].nunique() == 15
    assert set(PEER["screen"]) == {0, 1}
    assert PEER["fix_after"].notna().any()
    assert PEER["rebase"].any()


def test_screening_gives_the_published_limits():
    y = series(1, 2, 1, 2, 10, *[1, 2] * 6, 1)
    screened, plain = _xmr.xmr(y).iloc[0], _xmr.xmr(y, screen=False).iloc[0]
    assert screened[["mean", "lower", "upper"]].astype(float).round(2).tolist() == [1.94, -0.72, 4.6]
    assert plain[["lower", "upper"]].astype(float).round(2).tolist() == [-3.06, 6.95]


def test_a_gap_breaks_a_trend_and_never_raises():
    labels = _xmr.xmr(series(1, 2, 3, 4, 5, 6, np.nan, 7, 8, 9))["label"]
    assert not labels.str.contains("Trend").any()
    rising = series(9, 5, 9, 1, 2, 3, 4, 5, 6, 7, np.nan)
    assert _xmr.xmr(rising)["label"].str.contains("Trend").sum() == 7


def test_a_gap_breaks_a_run():
    whole = series(*[10, 14] * 7, *[15, 19] * 7)
    assert _xmr.xmr(whole)["label"].str.contains("7 Points").all()
    holes = whole.mask(np.arange(len(whole)) % 6 == 0)
    assert not _xmr.xmr(holes)["label"].str.contains("7 Points").any()


def test_a_gap_drops_the_ranges_on_both_its_sides():
    chart = _xmr.xmr(series(1, 2, np.nan, 50, 51))
    assert chart["upper"].iloc[0] == pytest.approx(26 + 2.66)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_a_series_without_values_has_no_mean_and_no_label(values):
    chart = _xmr.xmr(series(*values))
    assert len(chart) == len(values)
    assert {"value", "mean", "lower", "upper", "label", "group", "reason", "points", "short"} == set(chart)
    assert chart[["mean", "lower", "upper"]].isna().all(axis=None)
    assert (chart["label"] == "").all()
    assert _xmr.variation(chart) == "The last month has no value, so nothing is said about it."
    assert "too few" in _xmr.assurance(chart, 3)


def test_one_point_has_a_mean_and_no_limits():
    chart = _xmr.xmr(series(4))
    assert (chart["mean"].iloc[0], chart["label"].iloc[0], chart["points"].iloc[0]) == (4, "Common Cause", 1)
    assert chart[["lower", "upper"]].isna().all(axis=None)
    assert "too few" in _xmr.variation(chart)


@given(st.floats(0, 1e6), st.integers(2, 40))
def test_equal_values_never_signal(value, n):
    chart = _xmr.xmr(series(*[value] * n))
    assert (chart["label"] == "Common Cause").all()
    np.testing.assert_allclose(chart["lower"], value, rtol=1e-9)
    np.testing.assert_allclose(chart["upper"], value, rtol=1e-9)


@given(st.lists(st.one_of(st.none(), st.integers(0, 60)), max_size=40), st.booleans())
def test_any_counts_give_a_chart(values, screen):
    chart = _xmr.xmr(series(*values), screen=screen)
    assert len(chart) == len(values)
    assert ((chart["label"] == "") == chart["value"].isna()).all()
    low, high = (chart.loc[chart["label"] == word] for word in ("Below LCL", "Above UCL"))
    assert (low["value"] < low["lower"]).all()
    assert (high["value"] > high["upper"]).all()


def test_limits_can_rest_on_the_first_values_of_each_group():
    y = series(2, 4, np.nan, 2, 4, 90, 10, 20, 10, 20, 99)
    chart = _xmr.xmr(y, fix_after=4, rebases=[{"month": "2022-07", "reason": WHY}])
    assert chart["mean"].unique().tolist() == [3, 15]
    assert chart["points"].unique().tolist() == [4]
    assert chart["label"].tolist()[5] == chart["label"].tolist()[10] == "Above UCL"


def test_rules_do_not_look_across_a_rebase():
    y = series(*range(1, 13))
    assert _xmr.xmr(y)["label"].str.contains("Trend").sum() == 6
    split = _xmr.xmr(y, rebases=[{"month": "2022-07", "reason": WHY}])
    assert not split["label"].str.contains("Trend").any()
    assert split["group"].tolist() == [0] * 6 + [1] * 6
    assert split["reason"].tolist() == [""] * 6 + [WHY] + [""] * 5


def test_a_short_group_is_said_and_12_points_are_enough():
    chart = _xmr.xmr(series(*[1, 2] * 11, 1), rebases=[{"month": "2023-01", "reason": WHY}])
    assert chart.groupby("group")["short"].first().tolist() == [False, True]
    assert _xmr.variation(chart) == "Common cause: no significant change. The limits rest on 11 points only."
    assert not _xmr.xmr(series(*[1, 2] * 6))["short"].any()


@pytest.mark.parametrize(
    ("rebase", "cause"),
    [
        ({"month": "2031-01", "reason": WHY}, r"2031-01 is in no month of the series \(from 2022-01 to 2022-04\)"),
        ({"month": "2022-02"}, "2022-02 has no reason"),
        ({"month": "2022-02", "reason": "  "}, "2022-02 has no reason"),
        ({"reason": WHY}, "names no month"),
        ({"month": None, "reason": WHY}, "names no month"),
    ],
)
def test_a_rebase_that_cannot_be_made_is_refused(rebase, cause):
    with pytest.raises(errors.ParameterError, match=cause):
        _xmr.xmr(series(1, 2, 3, 4), rebases=[rebase])


def test_two_rebases_in_a_month_and_a_baseline_of_one_point_are_refused():
    twice = [{"month": "2022-02", "reason": WHY}] * 2
    with pytest.raises(errors.ParameterError, match="Two rebases are in 2022-02"):
        _xmr.xmr(series(1, 2, 3), rebases=twice)
    with pytest.raises(errors.ParameterError, match="fixed after 1 points"):
        _xmr.xmr(series(1, 2, 3), fix_after=1)
    with pytest.raises(errors.ParameterError, match="without any month"):
        _xmr.xmr(series(), rebases=twice[:1])


def test_point_types_follow_the_direction_that_is_better():
    chart = _xmr.xmr(series(*[1, 2] * 8, 10))
    last = [_xmr.point_type(chart, way).iloc[-1] for way in _xmr.DIRECTIONS]
    assert last == ["special_cause_concern", "special_cause_improvement", "special_cause_neutral_high"]
    words = [_xmr.variation(chart, way) for way in _xmr.DIRECTIONS]
    assert words[0] == "Special cause of a concerning nature: higher values."
    assert words[1] == "Special cause of an improving nature: higher values."
    assert words[2] == "Special cause: higher values, which are neither better nor worse in themselves."
    low = _xmr.xmr(12 - series(*[1, 2] * 8, 10))
    assert _xmr.variation(low) == "Special cause of an improving nature: lower values."
    assert _xmr.point_type(low, "neutral").iloc[-1] == "special_cause_neutral_low"
    with pytest.raises(errors.ParameterError, match="'down' is no direction"):
        _xmr.point_type(chart, "down")


@pytest.mark.parametrize(
    ("target", "improvement", "word"),
    [
        (30, "decrease", "will be met"), (1, "decrease", "will be missed"), (10, "decrease", "met or missed by chance"),
        (30, "increase", "will be missed"), (1, "increase", "will be met"), (10, "neutral", "Neither direction"),
        (None, "decrease", "No target is set"),
    ],
)  # fmt: skip
def test_assurance_compares_the_last_limits_with_the_target(target, improvement, word):
    y = series(*[50, 52] * 6, *[10, 11] * 6)
    chart = _xmr.xmr(y, rebases=[{"month": "2023-01", "reason": WHY}])
    assert word in _xmr.assurance(chart, target, improvement)
    assert "only" not in _xmr.assurance(chart, target, improvement)
