"""What can be worked out of what is published: the interval attack, against enumeration and known tricks."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import attack, disclosure, errors, params
from tests.unit import tables

RULES = params.file("disclosure")
WIDTH, SMALL = 3, 7


def published(rows, **more):
    """Rows of place, start, end, dim, stratum, low, high as the attack takes them."""
    out = pd.DataFrame(rows, columns=["place", "start", "end", "dim", "stratum", "low", "high"])
    filled = {"measure": "attendances", "source": "ed", "edition": "", "share_low": np.nan, "share_high": np.nan} | more
    return out.assign(**filled)[attack.PUBLISHED]


def hes(value):
    """The range that a figure shown by the rule nhs_hes states."""
    if value == 0:
        return 0, 0
    if value <= 7:
        return 1, 7
    near = 5 * np.floor(value / 5 + 0.5)
    return max(near - 2, 8), near + 2


def found(rows, sums=None, **more):
    outcome = attack.attack(published(rows, **more), width=WIDTH, small=SMALL, sums=sums or {})
    return outcome.breaches


def by(breaches):
    return {(r["place"], r["start"], r["stratum"]): (r["low"], r["high"]) for r in breaches.to_dict("records")}


def naive(rules=RULES):
    """Counts of 1 to 7 hidden, everything else exact: what the attack must break."""
    bare = {"hide_from": 1, "hide_to": 7, "base": 1, "share_base": 0.01}
    return rules | {"rules": rules["rules"] | {"naive": bare}, "audiences": rules["audiences"] | {"public": "naive"}}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=6, max_size=6), st.sampled_from([1, 5]))
def test_verdicts_equal_those_of_trying_every_table(values, base):
    inner = np.array(values).reshape(2, 3)
    full = np.pad(inner, ((0, 1), (0, 1)))
    full[2], full[:, 2 + 1] = full[:2].sum(0), 0
    full[:, 3] = full[:, :3].sum(1)
    state = hes if base == 5 else (lambda v: (1, 7) if 1 <= v <= 7 else (v, v))
    names, spans = ["a", "b", "p"], [("2024-01",) * 2, ("2024-02",) * 2, ("2024-03",) * 2, ("2024-01", "2024-03")]
    rows = [(names[i], *spans[j], "", "", *state(full[i, j])) for i in range(3) for j in range(4)]
    limits = np.array([state(v) for v in full.ravel()]).reshape(3, 4, 2)
    grid = [np.arange(lo, hi + 1) for lo, hi in limits[:2, :3].reshape(-1, 2)]
    tries = np.array(list(itertools.product(*grid))).reshape(-1, 2, 3)
    wide = np.concatenate([tries, tries.sum(1, keepdims=True)], axis=1)
    wide = np.concatenate([wide, wide.sum(2, keepdims=True)], axis=2)
    possible = wide[((wide >= limits[..., 0]) & (wide <= limits[..., 1])).all(axis=(1, 2))]
    low, high = possible.min(0), possible.max(0)
    expected = {
        (names[i], *spans[j])
        for i in range(3)
        for j in range(4)
        if high[i, j] - low[i, j] < WIDTH and low[i, j] <= SMALL and high[i, j] >= 1
    }
    breaches = found(rows, {"p": ["a", "b"]})
    assert {(r.place, r.start, r.end) for r in breaches.itertuples()} == expected
    exact = {(r.place, r.start, r.end): (r.low, r.high) for r in breaches.itertuples()}
    for i, j in itertools.product(range(3), range(4)):
        if (key := (names[i], *spans[j])) in exact:
            assert exact[key][0] <= low[i, j] <= high[i, j] <= exact[key][1]


def test_a_borough_minus_its_wards():
    rows = [("b", "2024-01", "2024-01", "", "", 30, 30), ("w1", "2024-01", "2024-01", "", "", 26, 26)]
    hidden = ("w2", "2024-01", "2024-01", "", "", 1, 7)
    assert by(found([*rows, hidden], {"b": ["w1", "w2"]})) == {("w2", "2024-01", ""): (4, 4)}
    assert by(found(rows, {"b": ["w1", "w2"]})) == {("w2", "2024-01", ""): (4, 4)}  # not even published
    rounded = [("b", "2024-01", "2024-01", "", "", *hes(30)), ("w1", "2024-01", "2024-01", "", "", *hes(26))]
    assert found([*rounded, hidden], {"b": ["w1", "w2"]}).empty


def test_london_minus_the_other_boroughs():
    codes = [f"b{i}" for i in range(33)]
    rows = [(c, "2024-01", "2024-01", "", "", 40, 40) for c in codes[1:]]
    total = ("london", "2024-01", "2024-01", "", "", 32 * 40 + 3, 32 * 40 + 3)
    assert by(found([*rows, total], {"london": codes})) == {("b0", "2024-01", ""): (3, 3)}
    rows = [(c, "2024-01", "2024-01", "", "", *hes(40)) for c in codes[1:]]
    assert found([*rows, (*total[:5], *hes(total[5]))], {"london": codes}).empty


def test_a_hospital_table_against_a_borough_table_of_the_same_attendances():
    sums = {"london": ["b1", "b2"], "london|sites": ["s1", "s2"]}
    boroughs = [("b1", "2024-01", "2024-01", "", "", 20, 20), ("b2", "2024-01", "2024-01", "", "", 15, 15)]
    sites = [("s1", "2024-01", "2024-01", "", "", 33, 33), ("s2", "2024-01", "2024-01", "", "", 1, 7)]
    whole = ("london", "2024-01", "2024-01", "", "", 0, 1000)
    assert by(found([*boroughs, *sites, whole], sums)) == {("s2", "2024-01", ""): (2, 2)}


def test_all_minus_knife_is_the_rest():
    rows = [("b", "2024-01", "2024-12", "", "", 60, 60), ("b", "2024-01", "2024-12", "weapon_group", "knife", 57, 57)]
    assert ("b", "2024-01", attack.REST) in by(found(rows))
    assert by(found(rows))["b", "2024-01", attack.REST] == (3, 3)


def rolling(month, state):
    """24 months of 33 boroughs' knife injuries, and all their totals of twelve months."""
    knives = tables.counts(33, 24, seed=2)[:, :, 2]
    span = [f"{2023 + i // 12}-{i % 12 + 1:02d}" for i in range(24)]
    rows = [(f"b{b}", m, m, "", "", *month(c)) for b, row in enumerate(knives) for m, c in zip(span, row, strict=True)]
    sums = [
        (f"b{b}", span[i], span[i + 11], "", "", *state(row[i : i + 12].sum()))
        for b, row in enumerate(knives)
        for i in range(13)
    ]
    return [*rows, *sums], int(((knives >= 1) & (knives <= 7)).sum())


def test_rolling_totals_beside_months_give_months_away_and_rounding_them_is_not_enough():
    rows, hidden = rolling(lambda v: (1, 7) if 1 <= v <= 7 else (v, v), lambda v: (v, v))
    months_ = found(rows).query("start == end")
    assert 0.10 < months_["exact"].sum() / hidden < 0.25
    rows, hidden = rolling(hes, hes)
    months_ = found(rows).query("start == end")
    assert months_["exact"].sum() < 0.01 * hidden
    assert len(months_) > 0  # so the release plan has no rolling totals at all


def test_an_edition_minus_the_one_before_is_the_late_records():
    def rows(first, second):
        both = published([("b", "2024-01", "2024-01", "", "", *first), ("b", "2024-01", "2024-01", "", "", *second)])
        both["edition"] = ["e1", "e2"]
        return attack.attack(both, width=WIDTH, small=SMALL, sums={}).breaches

    exact = rows((40, 40), (42, 42))
    assert exact[["low", "high"]].to_numpy().tolist() == [[2, 2]]
    assert exact["edition"].iloc[0][0] == "change"
    assert rows(hes(40), hes(42)).empty
    assert rows(hes(4), hes(0)).empty  # fewer than before: the assumption that records only come in is dropped


def test_two_ways_of_showing_the_same_count_narrow_each_other():
    once, again = ("b", "2024-01", "2024-01", "", "", 1, 7), ("b", "2024-01", "2024-01", "", "", 5, 9)
    assert found([once]).empty
    assert by(found([once, again])) == {("b", "2024-01", ""): (5, 7)}


def test_a_percentage_of_a_shown_total_goes_back_to_its_fraction():
    rows = [("b", "2024-01", "2024-12", "", "", 30, 30), ("b", "2024-01", "2024-12", "time_band_12", "x", 1, 7)]
    share = ("b", "2024-01", "2024-12", "time_band_12", attack.KNOWN, 0, np.inf)
    table = published([*rows, share])
    table.loc[2, ["share_low", "share_high"]] = [0.095, 0.105]  # "10 %", to the nearest percent
    breaches = by(attack.attack(table, width=WIDTH, small=SMALL, sums={}).breaches)
    assert breaches["b", "2024-01", attack.KNOWN] == (3, 3)
    assert breaches["b", "2024-01", "x"] == (1, 3) or breaches["b", "2024-01", "x"] == (3, 3)
    table.loc[0, ["low", "high"]] = 28, 32  # of a total to the nearest 5, to the nearest 5 %: less, but still too much
    table.loc[2, ["share_low", "share_high"]] = [0.075, 0.125]
    breaches = by(attack.attack(table, width=WIDTH, small=SMALL, sums={}).breaches)
    assert breaches["b", "2024-01", attack.KNOWN] == (3, 4)


def test_figures_that_contradict_each_other_are_refused():
    rows = [("p", "2024-01", "2024-01", "", "", 3, 3), ("a", "2024-01", "2024-01", "", "", 8, 12)]
    with pytest.raises(errors.DisclosureError, match="contradict each other"):
        found(rows, {"p": ["a"]})


def test_sums_that_do_not_hold_are_found_before_anything_is_shown():
    right = tables.findings(tables.counts(3, 2), boroughs=["E09000001", "E09000002", "E09000003"])
    exact = disclosure.published(right.assign(rule="internal_exact", symbol=""), RULES)
    sums = {"london": ["E09000001", "E09000002", "E09000003"]}
    assert attack.contradictions(exact, sums).empty
    exact.loc[0, ["low", "high"]] += 1
    off = attack.contradictions(exact, sums)
    assert len(off)
    assert (off["place"] == "london").any()


SIZES = {"a month by borough and method": 1, "a year by borough and method": None}


@pytest.mark.parametrize("months_", SIZES.values(), ids=SIZES)
def test_the_naive_rule_fails_and_the_default_rule_is_narrow_in_few(months_):
    inner = tables.counts()
    inner = inner[:, :1] if months_ else inner.sum(1)[:, None]
    true = tables.findings(inner)
    bare = attack.attack(disclosure.published(disclosure.shown(true, naive(), ()), naive()), width=3, small=7)
    rounded = attack.attack(disclosure.published(disclosure.shown(true, RULES, ()), RULES), width=3, small=7)
    assert bare.breaches["exact"].mean() > 0.2 if months_ else bare.breaches["exact"].all()
    assert len(bare.breaches) > 0.2 * bare.hidden
    assert not rounded.breaches["exact"].any()
    assert len(rounded.breaches) <= 0.04 * rounded.hidden
