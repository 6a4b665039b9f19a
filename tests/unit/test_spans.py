"""Names in texts: the tree finds what trying every name at every word finds."""

import hypothesis as hy
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest

from istv_lib import _spans
from istv_lib._spans import ONE_EDIT, RUN_ON, SKIPPED, TWO_EDITS, Names, find, run_on

SOON = hy.settings(max_examples=25, deadline=None, suppress_health_check=list(hy.HealthCheck))
WORD = st.sampled_from(["mare", "well", "street", "road", "high", "lane", "of", "and", "x"])
NAME = st.lists(st.sampled_from(["mare", "well", "street", "road", "high", "lane"]), min_size=1, max_size=3).map(
    " ".join
)
NAMES = st.lists(NAME, min_size=1, max_size=8, unique=True)
TEXT = st.lists(WORD, max_size=9).map(" ".join)
LONG = ("mare street", "well street", "quillbury road", "lower quillbury road", "broadway", "thornapple")


def spans(texts, names, rank=None, **how):
    """Found spans of each text as (start, end, name)."""
    tree = Names(pd.Series(names, dtype="str"), rank)
    found = find(pd.Series(texts, dtype="str"), tree, **how)
    out = [[] for _ in texts]
    for row in found.itertuples():
        out[row.text].append((row.start, row.end, names[row.name]))
    return out


def brute(text, names, rank):
    """Every name at every word, the longest first, then the lowest rank, then the leftmost; none overlapping."""
    words = [(at, word) for at, word in enumerate(text.split()) if word not in SKIPPED]
    hits = []
    for i, name in enumerate(names):
        parts = name.split()
        for k in range(len(words) - len(parts) + 1):
            here = words[k : k + len(parts)]
            if [word for _, word in here] == parts:
                hits.append((-len(parts), rank[i], k, here[0][0], here[-1][0] + 1, name))
    taken, used = [], set()
    for length, _, k, start, end, name in sorted(hits):
        if used.isdisjoint(range(k, k - length)):
            used |= set(range(k, k - length))
            taken.append((start, end, name))
    return sorted(taken)


@SOON
@hy.given(st.lists(TEXT, min_size=1, max_size=6), NAMES, st.data())
def test_names_are_those_of_brute_force_longest_first(texts, names, data):
    rank = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(names), max_size=len(names))))
    assert spans(texts, names, rank) == [brute(text, names, rank) for text in texts]


@SOON
@hy.given(st.lists(TEXT, min_size=1, max_size=6), NAMES)
def test_spelling_changes_nothing_where_every_word_is_known(texts, names):
    known = " ".join(names).split()
    texts = [" ".join(word for word in text.split() if word in known or word in SKIPPED) for text in texts]
    assert spans(texts, names, spell=True) == spans(texts, names)


@SOON
@hy.given(st.lists(TEXT, min_size=2, max_size=6), NAMES, st.booleans())
def test_texts_do_not_touch_each_other(texts, names, spell):
    whole = spans(texts, names, spell=spell)
    assert whole == [spans([text], names, spell=spell)[0] for text in texts]
    assert spans(texts[::-1], names, spell=spell) == whole[::-1]


@pytest.mark.parametrize(
    ("text", "want", "cost", "edits"),
    [
        ("at mare street", [(1, 3, "mare street")], 0, 0),
        ("quillbury road", [(0, 2, "quillbury road")], 0, 0),
        ("lower quillbury road", [(0, 3, "lower quillbury road")], 0, 0),
        ("mare stret", [(0, 2, "mare street")], ONE_EDIT, 1),
        ("quilbry road", [(0, 2, "quillbury road")], TWO_EDITS, 2),
        ("lower quilbury raod", [(0, 3, "lower quillbury road")], 2 * ONE_EDIT, 2),
        ("broad way", [(0, 2, "broadway")], RUN_ON, 0),
        ("the broad way end", [(1, 3, "broadway")], RUN_ON, 0),
        ("thornaple", [(0, 1, "thornapple")], ONE_EDIT, 1),
        ("mare and street", [(0, 3, "mare street")], 0, 0),
        ("street mare", [], 0, 0),
        ("mare", [], 0, 0),
        ("", [], 0, 0),
        ("of and", [], 0, 0),
    ],
)
def test_spelt_and_broken_names_and_their_price(text, want, cost, edits):
    found = find(pd.Series([text]), Names(pd.Series(LONG)), spell=True)
    assert [*dict.fromkeys(spans([text], LONG, spell=True)[0])] == want
    assert (found["cost"] == cost).all()
    assert (found["edits"] == edits).all()


def test_without_spelling_slips_are_not_read():
    assert spans(["mare stret", "broad way", "thornaple"], LONG) == [[], [], []]


def test_a_lone_short_word_is_not_mended():
    names = ("angel", "brixton", "hammersmith")
    assert spans(["angle", "brixten", "hamersmth", "angel"], names, spell=True) == [
        [], [(0, 1, "brixton")], [(0, 1, "hammersmith")], [(0, 1, "angel")],
    ]  # fmt: skip


def test_readings_misspelt_alike_are_all_kept_and_one_as_written_alone():
    names = ("marsh road", "march road")
    assert sorted(name for *_, name in spans(["marxh road"], names, spell=True)[0]) == ["march road", "marsh road"]
    assert spans(["marsh road"], names, spell=True) == [[(0, 2, "marsh road")]]


@pytest.mark.parametrize(
    ("text", "parted"),
    [
        ("marestreet", "mare street"),
        ("quillburyroad today", "quillbury road today"),
        ("street", "street"),
        ("maresteet", "maresteet"),
        ("", ""),
        ("mare street", "mare street"),
        ("broadwayroad marestreet", "broadway road mare street"),
    ],
)
def test_run_on_words_are_parted(text, parted):
    assert run_on(pd.Series([text]), Names(pd.Series(LONG))).tolist() == [parted]


@SOON
@hy.given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=10))
def test_each_spells_out_ranges(ranges):
    low = np.array([a for a, _ in ranges], dtype=np.int64)
    high = low + np.array([n for _, n in ranges], dtype=np.int64)
    which, number = _spans.each(low, high)
    want = [(i, k) for i, (a, n) in enumerate(ranges) for k in range(a, a + n)]
    assert list(zip(which.tolist(), number.tolist(), strict=True)) == want


@pytest.mark.parametrize("names", [[], ["mare street"]])
def test_no_texts_or_no_names(names):
    tree = Names(pd.Series(names, dtype="str"))
    for spell in (True, False):
        for texts in ([], [""], ["zzqx"]):
            found = find(pd.Series(texts, dtype="str"), tree, spell=spell)
            assert found.empty
            assert list(found.columns) == ["text", "start", "end", "name", "cost", "edits"]
