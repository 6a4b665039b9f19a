"""Exact tables: what else must be hidden, against trying every choice, against the attack, and at the edges."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from istv_lib import _elimination, attack, disclosure, errors, params, suppression
from tests.unit import tables

RULES = params.file("disclosure")
WIDTH, SMALL = 3, 7


def margins(inner):
    for axis in range(inner.ndim):
        inner = np.concatenate([inner, inner.sum(axis=axis, keepdims=True)], axis=axis)
    return inner.astype(float).ravel()


def relations(shape):
    """Every line of a table with margins adds up to its last cell."""
    full = tuple(side + 1 for side in shape)
    cells, rows = np.arange(np.prod(full)).reshape(full), []
    for axis in range(len(shape)):
        for line in np.moveaxis(cells, axis, -1).reshape(-1, full[axis]):
            rows.append(np.zeros(cells.size))
            rows[-1][line] = 1
            rows[-1][line[-1]] = -1
    return sparse.csr_array(np.array(rows))


def suppressed(inner, **more):
    values, matrix = margins(inner), relations(inner.shape)
    primary = (values >= 1) & (values <= SMALL)
    return suppression.suppress(values, matrix, primary, **({"width": WIDTH, "small": SMALL} | more))


def narrow(values, matrix, hidden, *, published=None):
    shown = np.ones(len(values), dtype=bool) if published is None else published
    table = suppression._Table(values, sparse.csc_array(matrix), shown, np.ones(len(values)), WIDTH, SMALL, 60.0)
    return table.narrow(hidden, np.zeros(len(values), dtype=bool))


def holds(values, matrix, hidden):
    """Whether no hidden cell that can be small is narrow; by two linear programs each, whole-numbered in two ways."""
    unknown = np.flatnonzero(hidden)
    right = -(matrix @ np.where(hidden, 0, values))
    for i in range(len(unknown)):
        aim = 1.0 * (np.arange(len(unknown)) == i)
        low, high = (linprog(s * aim, A_eq=matrix[:, unknown], b_eq=right, bounds=(1, None)) for s in (1, -1))
        least, most = np.ceil(low.fun - 1e-6), np.inf if high.status else np.floor(-high.fun + 1e-6)
        if least <= SMALL and most - least < WIDTH:
            return False
    return True


def cheapest(values, matrix, primary, weights):
    """The least cost of a suppression that holds, by trying all in the order of their cost."""
    choices = np.flatnonzero(~primary & (values > 0))
    every = [list(s) for n in range(len(choices) + 1) for s in itertools.combinations(choices, n)]
    for more in sorted(every, key=lambda s: weights[s].sum()):
        hidden = primary.copy()
        hidden[more] = True
        if holds(values, matrix, hidden):
            return weights[more].sum()
    raise AssertionError


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shape", [(3, 3), (3, 4)], ids=str)
def test_small_tables_get_the_best_of_all_suppressions(shape, seed):
    rng = np.random.default_rng(seed)
    inner = rng.poisson(rng.gamma(1, (3, 6, 12)[seed % 3], shape))
    values, matrix = margins(inner), relations(shape)
    primary = (values >= 1) & (values <= SMALL)
    level = (matrix.toarray() < 0).sum(0)
    weights = suppression.COSTS[level]
    best, greedy = suppressed(inner, gap=0), suppressed(inner, exact_below=0)
    cost = [weights[way.hidden & ~primary].sum() for way in (best, greedy)]
    assert holds(values, matrix, greedy.hidden)
    assert holds(values, matrix, best.hidden)
    assert cost[0] <= cost[1]
    assert cost[0] == cheapest(values, matrix, primary, weights)
    for again in np.flatnonzero(best.hidden & ~primary):  # none was hidden for nothing
        shown = best.hidden & (np.arange(len(values)) != again)
        assert len(narrow(values, matrix, shown)) > 0


def test_a_month_of_33_boroughs_by_method_needs_few_more_and_15_to_keep_the_whole_band():
    inner = tables.counts()[:, 0]
    values, matrix = margins(inner), relations(inner.shape)
    primary = (values >= 1) & (values <= SMALL)
    table = suppression._Table(values, sparse.csc_array(matrix), values >= 0, np.ones(238), WIDTH, SMALL, 60.0)
    assert primary.sum() == 108
    assert suppression._eliminate(table, primary, primary).sum() <= 110  # safe from equations alone
    whole_band = suppressed(inner, width=6, exact_below=1000)
    assert (whole_band.method, whole_band.hidden.sum()) == ("optimal", 123)
    default = suppressed(inner)
    assert default.method == "elimination and cuts"
    assert default.hidden.sum() <= 118
    assert default.audits[0] > 0
    assert default.audits[-1] == 0
    assert np.array_equal(suppressed(inner).hidden, default.hidden)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=12), st.randoms(use_true_random=False))
def test_what_is_pinned_is_what_has_one_value_only(cells, random):
    values, matrix = margins(np.array(cells).reshape(3, 4)), sparse.csc_array(relations((3, 4)))
    hidden = np.array([v > 0 and random.random() < 0.7 for v in values])
    low = np.where(hidden, 1.0, values)
    unknown, right = np.flatnonzero(hidden), -(matrix @ np.where(hidden, 0, values))
    found = _elimination.pinned(matrix, hidden, low)
    for i, cell in enumerate(unknown):
        aim = 1.0 * (np.arange(len(unknown)) == i)
        ends = [linprog(s * aim, A_eq=matrix[:, unknown], b_eq=right, bounds=(1, None)) for s in (1, -1)]
        single = ends[1].status == 0 and abs(ends[0].fun + ends[1].fun) < 1e-6
        assert found[cell] == single
    assert not found[~hidden].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=12))
def test_no_equation_gives_a_primary_count_away_after_elimination(cells):
    values, matrix = margins(np.array(cells).reshape(3, 4)), sparse.csc_array(relations((3, 4)))
    primary = (values >= 1) & (values <= SMALL)
    table = suppression._Table(values, matrix, values >= 0, np.ones(len(values)), WIDTH, SMALL, 60.0)
    hidden = suppression._eliminate(table, primary, primary)
    unknown = matrix[:, hidden].toarray()
    rank = np.linalg.matrix_rank(unknown)
    alone = np.eye(hidden.sum())[primary[hidden]]
    assert all(np.linalg.matrix_rank(np.vstack([unknown, row])) == rank + 1 for row in alone)
    assert not hidden[values == 0].any()


def test_nothing_is_hidden_where_no_count_is_small_and_no_zero_ever():
    found = suppressed(np.array([[10, 0, 30], [0, 50, 0], [70, 80, 90]]))
    assert (found.method, found.hidden.any(), found.audits) == ("nothing", False, (0,))
    found = suppressed(np.zeros((3, 4), dtype=int))
    assert not found.hidden.any()
    found = suppressed(np.array([[0, 0, 0], [3, 20, 30], [40, 50, 60]]))
    assert not found.hidden[margins(np.array([[0, 0, 0], [3, 20, 30], [40, 50, 60]])) == 0].any()
    assert found.hidden.sum() == 4  # the least circle


def test_counts_that_stand_in_no_sum_are_hidden_alone():
    values = np.array([3.0, 20, 0])
    found = suppression.suppress(values, sparse.csr_array((0, 3)), values == 3, width=WIDTH, small=SMALL)
    assert found.hidden.tolist() == [True, False, False]


def test_a_total_of_ones_is_hidden_with_them_or_refused():
    values, sums = np.array([5.0, 4, 9]), sparse.csr_array([[1.0, 1, -1]])
    primary = values <= SMALL
    assert holds(values, sums, np.array([True, True, False]))  # 9 in two parts: 1 to 8
    values = np.array([1.0] * 9 + [9.0])
    sums, primary = sparse.csr_array([[1.0] * 9 + [-1]]), values == 1
    assert suppression.suppress(values, sums, primary, width=WIDTH, small=SMALL).hidden.all()
    must = np.array([1.0] * 9 + [np.inf])
    with pytest.raises(errors.DisclosureError, match="9 counts of 1 to 7 can be worked out"):
        suppression.suppress(values, sums, primary, weights=must, width=WIDTH, small=SMALL)


def test_two_ones_in_a_row_of_shown_zeros():
    inner = np.array([[1, 1, 0, 0], [30, 0, 20, 40], [50, 60, 0, 70]])
    values, matrix = margins(inner), relations(inner.shape)
    found = suppressed(inner)
    assert found.hidden[4]  # its total
    assert holds(values, matrix, found.hidden)


def test_a_count_that_only_follows_from_the_table_is_protected():
    values, sums = np.array([60.0, 57, np.nan]), sparse.csr_array([[-1.0, 1, 1]])
    found = suppression.suppress(values, sums, np.zeros(3, dtype=bool), width=WIDTH, small=SMALL)
    assert found.hidden.tolist() == [False, True, True]  # the part, which costs less than the total
    assert suppression.suppress(
        np.array([60.0, 40, np.nan]), sums, np.zeros(3, dtype=bool), width=WIDTH, small=SMALL
    ).hidden.tolist() == [False, False, True]


def test_counts_that_do_not_add_up_are_refused():
    values, sums = np.array([5.0, 4, 10]), sparse.csr_array([[1.0, 1, -1]])
    with pytest.raises(errors.DisclosureError, match="contradict its totals"):
        suppression.suppress(values, sums, values <= SMALL, width=WIDTH, small=SMALL)


def test_elimination_serves_when_the_optimum_takes_too_long(monkeypatch):
    inner = tables.counts(3, 4)[:, :, 0] // 3
    inner[0, 0] = 2
    assert suppressed(inner).method == "optimal"
    monkeypatch.setattr(suppression, "milp", lambda *_, **__: SimpleNamespace(status=1, x=None))
    found = suppressed(inner)
    assert found.method.startswith("elimination")
    assert holds(margins(inner), relations(inner.shape), found.hidden)


def yearly(inner):
    """Boroughs by method in a calendar year, and the months' totals: what the release plan permits."""
    out = tables.findings(inner)
    year = (out["period_start"] == "2024-01") & (out["period_end"] == "2024-12")
    return out[year | (out["stratum_dim"] == "")].reset_index(drop=True)


def released(findings):
    return disclosure.release(findings, "public", rule="complementary", decisions=()).table


def worked_out(table):
    """What the attack finds of counts that can be small; a larger base may follow without harm."""
    found = attack.attack(disclosure.published(table, RULES), width=WIDTH, small=SMALL).breaches
    return found[found["low"] <= SMALL]


@pytest.mark.parametrize("monthly", [1500, 150], ids=["usual counts", "a tenth of them"])
def test_33_boroughs_by_method_and_by_month_with_exact_counts_withstand_the_attack(monthly):
    true = yearly(tables.counts(monthly=monthly))
    table = released(true)
    hidden = table["symbol"] == "[c]"
    small = true["value"].between(1, SMALL)
    assert hidden[small].all()
    assert not hidden[true["value"] == 0].any()
    assert table.loc[~hidden, "value"].equals(true.loc[~hidden, "value"])
    assert table["share_used"].isna().all()
    assert small.sum() < hidden.sum() < 2.5 * small.sum()
    assert worked_out(table).empty


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 5, 33]), st.sampled_from([1, 6, 40]), st.booleans())
def test_no_table_of_exact_counts_can_be_narrowed(seed, boroughs, size, empty):
    rng = np.random.default_rng(seed)
    inner = rng.poisson(rng.gamma(0.7, size, (boroughs, 12, 6))).astype(float)
    inner[0] *= not empty
    assert worked_out(released(yearly(inner))).empty


def test_the_attack_finds_what_the_rule_without_secondaries_gives_away():
    true = yearly(tables.counts())
    table = released(true)
    first = (table["symbol"] == "[c]") & ~true["value"].between(1, SMALL)
    again = table.assign(symbol=table["symbol"].mask(first, ""), value=table["value"].mask(first, true["value"]))
    assert worked_out(again)["exact"].mean() > 0.5


@pytest.fixture
def small_rest():
    """60 attendances, of which 57 by place: 3 are implied."""
    rows = [("", "", 60, 60), ("place_group", "street", 30, 57), ("place_group", "licensed", 27, 57)]
    one = tables.findings(tables.counts(1, 12)).iloc[:1]
    place = {"place_type": "borough", "place": "E09000007", "period_start": "2024-01", "period_end": "2024-12"}
    out = pd.concat([one.assign(**place)] * 3, ignore_index=True)
    out[["stratum_dim", "stratum", "value", "n"]] = rows
    return out.assign(share_used=[np.nan, 0.95, 0.95]).astype(one.dtypes)


def test_the_small_rest_of_a_table_is_protected_though_it_is_nowhere_printed(small_rest):
    table = released(small_rest)
    assert table["symbol"].tolist() == ["[c]", "", ""]
    assert table["n"].tolist()[1:] == [57, 57]
    assert table["share_used"].isna().all()  # or 57 would tell the 60
    assert worked_out(table).empty
    told = disclosure.published(table.assign(share_used=small_rest["share_used"]), RULES)
    assert len(attack.attack(told, width=WIDTH, small=SMALL).breaches)


def test_a_base_that_is_hidden_stands_in_no_row_of_its_table(small_rest, monkeypatch):
    monkeypatch.setattr(suppression, "suppress", lambda values, *_, **__: SimpleNamespace(hidden=values == 57))
    table = released(small_rest)
    assert table["symbol"].tolist() == ["", "", ""]
    assert table["n"].fillna(-1).tolist() == [60, -1, -1]
