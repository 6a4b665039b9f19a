"""Exact counts: what else must be hidden so that no small one can be worked out."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from istv_lib import _polytope, attack, disclosure, errors, params, places, suppression
from tests.unit import tables

RULES = params.file("disclosure")
COMPLEMENTARY = RULES | {"audiences": RULES["audiences"] | {"public": "complementary"}}
WIDTH, SMALL = 3, 7


def two_way(inner):
    """A table with its totals: all cells in a row, and the sums between them."""
    full = np.pad(np.asarray(inner, dtype=float), ((0, 1), (0, 1)))
    full[-1], full[:, -1] = full[:-1].sum(0), 0
    full[:, -1] = full[:, :-1].sum(1)
    at = np.arange(full.size).reshape(full.shape)
    lines = [*at, *at.T]
    matrix = np.zeros((len(lines), full.size))
    for row, line in zip(matrix, lines, strict=True):
        row[line[:-1]], row[line[-1]] = 1, -1
    return full.ravel(), sparse.csr_matrix(matrix)


def narrow(values, matrix, hidden):
    """The small counts that a reader of the rest can narrow too far."""
    low, high = np.where(hidden, 1.0, values), np.where(hidden, 1e6, values)
    zeros = np.zeros(matrix.shape[0])
    small = np.flatnonzero(hidden & (values >= 1) & (values <= SMALL))
    found = _polytope.ranges(_polytope.System(matrix, zeros, zeros, low, high), small, WIDTH)
    return small[~found.wide]


def suppressed(inner, **more):
    values, matrix = two_way(inner)
    primary = (values >= 1) & (values <= SMALL)
    found = suppression.suppress(values, matrix, primary, width=WIDTH, small=SMALL, **more)
    return values, matrix, primary, found


def costs(matrix):
    """What hiding each cell costs: more for a total than for a cell, most for the total of totals."""
    return suppression.COSTS[np.minimum(np.asarray((matrix < 0).sum(axis=0)).ravel(), 3)]


small_tables = st.lists(st.sampled_from([0, 1, 2, 5, 8, 12, 20, 40]), min_size=9, max_size=9)


@settings(max_examples=25)
@given(small_tables)
def test_no_small_count_is_narrowed_and_no_more_is_hidden_than_by_elimination(values):
    inner = np.reshape(values, (3, 3))
    try:
        full, matrix, primary, best = suppressed(inner)
    except errors.DisclosureError:
        return  # a total of two with two ones in it, say: shown zeros leave no way
    assert len(narrow(full, matrix, best.hidden)) == 0
    assert best.hidden[primary].all()
    assert not best.hidden[full == 0].any()
    *_, greedy = suppressed(inner, exact_below=0)
    cost = costs(matrix)
    assert cost[best.hidden].sum() <= cost[greedy.hidden].sum() + 1e-9


def test_the_optimum_of_a_small_table_is_that_of_trying_everything():
    inner = [[3, 20, 30], [15, 25, 9], [40, 12, 18]]
    full, matrix, primary, best = suppressed(inner, gap=0.0)
    cost = costs(matrix)
    free = np.flatnonzero(~primary)
    least = np.inf
    for more in itertools.chain.from_iterable(itertools.combinations(free, n) for n in range(5)):
        hidden = primary.copy()
        hidden[list(more)] = True
        if cost[hidden].sum() < least and len(narrow(full, matrix, hidden)) == 0:
            least = cost[hidden].sum()
    assert cost[best.hidden].sum() == least


def test_showing_one_of_the_further_counts_again_gives_a_small_one_away():
    full, matrix, primary, best = suppressed([[3, 20, 30], [15, 25, 9], [40, 12, 18]])
    further = np.flatnonzero(best.hidden & ~primary)
    assert len(further) == 3
    for at in further:
        shown = best.hidden.copy()
        shown[at] = False
        assert len(narrow(full, matrix, shown))


def test_without_small_counts_nothing_is_hidden():
    *_, best = suppressed([[10, 20], [30, 40]])
    assert not best.hidden.any()
    assert best.method == "nothing"
    assert not suppressed(np.zeros((3, 3)))[-1].hidden.any()


def test_counts_that_contradict_their_sums_are_refused():
    values, matrix = two_way([[3, 20], [15, 25]])
    values[-1] += 1
    with pytest.raises(errors.DisclosureError, match="contradict its totals"):
        suppression.suppress(values, matrix, values == 3, width=WIDTH, small=SMALL)


@pytest.mark.parametrize(("years", "most"), [(False, 130), (True, 60)], ids=["a month", "a year"])
def test_a_table_of_london_keeps_its_exact_counts_and_gives_nothing_away(years, most):
    inner = tables.counts()
    true = tables.findings(inner.sum(1)[:, None] if years else inner[:, :1])
    shown = disclosure.shown(true, COMPLEMENTARY, ())
    hidden = shown["symbol"] == "[c]"
    assert ((true["value"] >= 1) & (true["value"] <= SMALL)).sum() < hidden.sum() <= most
    assert (shown.loc[~hidden, "value"] == true.loc[~hidden, "value"]).all()
    sums = {"london": list(places.boroughs()["gss"])}
    published = disclosure.published(shown, COMPLEMENTARY)
    assert attack.attack(published, width=WIDTH, small=SMALL, sums=sums).breaches.empty
