"""Funnels, against results of the R package PHEindicatormethods 2.1.0, and their widening."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import _funnels, errors

CASES = Path(__file__).parents[1] / "cases"
POINTS = pd.read_csv(CASES / "funnel_points_phe.csv")
LINES = pd.read_csv(CASES / "funnel_lines_phe.csv")
PEER_CLASSES = {
    "High (0.001)": "high_998", "High (0.025)": "high_95", "Not significant": "inside",
    "Low (0.025)": "low_95", "Low (0.001)": "low_998",
}  # fmt: skip
KINDS = ("rate", "share")


def points(kind):
    own = POINTS[POINTS["kind"] == kind]
    return own["x"].to_numpy(), own["n"].to_numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_classes_equal_the_peer(kind):
    peer = POINTS.loc[POINTS["kind"] == kind, "significance"].map(PEER_CLASSES)
    assert _funnels.classes(*points(kind), kind=kind).tolist() == peer.tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", ["lower_998", "lower_95", "upper_95", "upper_998"])
def test_lines_equal_the_peer(kind, line):
    peer = LINES[(LINES["kind"] == kind) & (LINES["line"] == line)]
    ours = _funnels.lines(peer["n"], _funnels.average(*points(kind)), kind=kind)[line]
    np.testing.assert_allclose(ours, peer["value"], rtol=1e-5, atol=1e-12)


@given(st.integers(1, 400), st.floats(0.02, 0.6), st.floats(1, 6), st.sampled_from(KINDS))
def test_classes_change_at_the_lines(n, mean, widen, kind):
    x = np.arange(min(n, 9) + 1)
    found = _funnels.classes(x, np.full(len(x), n), kind=kind, mean=mean, widen=widen)
    line = _funnels.lines([n], mean, kind=kind, widen=widen).iloc[0] * n
    clear = np.abs(x[:, None] - line.to_numpy()).min(axis=1) > 1e-6
    above, below = (x > line["upper_95"])[clear], (x < line["lower_95"])[clear]
    kinds = pd.Series(found[clear])
    assert (kinds.str.startswith("high").to_numpy() == above).all()
    assert (kinds.str.startswith("low").to_numpy() == below).all()


@pytest.mark.parametrize("kind", KINDS)
def test_chance_alone_hardly_widens_and_real_differences_do(kind):
    rng = np.random.default_rng(12)
    n = rng.integers(2000, 9000, 33)
    draw = rng.poisson if kind == "rate" else lambda means: rng.binomial(n, means / n)
    even, uneven = draw(n * 0.05), draw(n * 0.05 * rng.gamma(20, 1 / 20, 33))
    for method in ("additive", "multiplicative"):
        assert _funnels.stretch(even, n, kind=kind, method=method).max() < 1.2
        assert _funnels.stretch(uneven, n, kind=kind, method=method).min() > 1.5
    plain = _funnels.classes(uneven, n, kind=kind)
    wide = _funnels.classes(uneven, n, kind=kind, widen=_funnels.stretch(uneven, n, kind=kind))
    assert (plain != "inside").sum() > 10
    assert (wide != "inside").sum() <= 4


def test_additive_widening_is_largest_where_most_people_are_and_recovers_the_spread():
    rng = np.random.default_rng(3)
    n = rng.integers(100_000, 400_000, 400)
    tau = 0.0004
    hits = rng.poisson(n * np.clip(rng.normal(0.002, tau, 400), 0, None))
    widen = _funnels.stretch(hits, n, kind="rate")
    assert (np.argsort(widen) == np.argsort(n)).mean() > 0.9
    found = np.sqrt((widen**2 - 1) * 0.002 / n)
    np.testing.assert_allclose(found, tau, rtol=0.25)
    at = _funnels.stretch(hits, n, kind="rate", at=[0, n[0]])
    assert np.isnan(at[0])
    assert at[1] == widen[0]


def test_one_outlier_does_not_hide_itself():
    n = np.full(33, 100_000)
    hits = np.full(33, 200)
    hits[:16] += 14
    hits[5] = 420
    for method in ("additive", "multiplicative"):
        found = _funnels.classes(hits, n, kind="rate", widen=_funnels.stretch(hits, n, kind="rate", method=method))
        assert (found[5], (found == "inside").sum()) == ("high_998", 32)


def test_areas_without_denominator_have_no_class_and_take_no_part():
    hits, n = [5, 9, np.nan, 7], [50, 0, 50, 70]
    assert _funnels.average(hits, n) == pytest.approx(0.1)
    for kind, some in (("rate", hits), ("share", [5, 0, np.nan, 7])):
        assert _funnels.classes(some, n, kind=kind).tolist() == ["inside", "", "", "inside"]
        assert np.isnan(_funnels.stretch(some, n, kind=kind)).tolist() == [False, True, False, False]
        assert _funnels.lines(n, 0.1, kind=kind).isna().any(axis=1).tolist() == [False, True, False, False]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hits", "n"), [([], []), ([0, 0, 0], [40, 50, 60]), ([4], [40]), ([np.nan], [np.nan])])
def test_nothing_zeros_and_one_area_are_never_outside(kind, hits, n):
    widen = _funnels.stretch(hits, n, kind=kind)
    assert ((widen == 1) | np.isnan(n)).all()
    assert set(_funnels.classes(hits, n, kind=kind, widen=widen)) <= {"inside", ""}


def test_words_and_numbers_that_cannot_be_are_refused():
    with pytest.raises(errors.ParameterError, match="'count' is no kind of funnel"):
        _funnels.classes([1], [2], kind="count")
    with pytest.raises(errors.ParameterError, match="'both' is no way to widen"):
        _funnels.stretch([1], [2], kind="rate", method="both")
    with pytest.raises(errors.ParameterError, match="more hits than records"):
        _funnels.classes([3], [2], kind="share")
    with pytest.raises(errors.ParameterError, match="count below zero"):
        _funnels.classes([-3], [2], kind="rate")
