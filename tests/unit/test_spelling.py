"""Neighbours in spelling: the fast search finds what comparing with every word finds, within its stated limits."""

import hypothesis as hy
import hypothesis.strategies as st
import pandas as pd
import pytest
from rapidfuzz.distance import OSA

from istv_lib import _spelling
from istv_lib._spelling import LEAST, Speller

SOON = hy.settings(max_examples=25, deadline=None, suppress_health_check=list(hy.HealthCheck))
MOST = _spelling._MOST
FEW = st.text("abe", min_size=2, max_size=9)  # few letters: many neighbours
WORDS = st.lists(FEW, min_size=1, max_size=40, unique=True)


def near(vocabulary, asked):
    """Neighbours as {asked: {word: edits}}."""
    found = Speller(pd.Series(vocabulary, dtype="str")).near(pd.Series(asked, dtype="str"))
    out = {word: {} for word in asked}
    for row in found.itertuples():
        out[asked[row.asked]][vocabulary[row.word]] = row.edits
    return out


def allowed(word):
    return 0 if len(word) < LEAST or not word.isalpha() else 2 if len(word) >= _spelling._TWO_FROM else 1


def brute(vocabulary, word):
    """All words within the edits that the length allows."""
    apart = {
        other: OSA.distance(word, other) for other in vocabulary if len(other) >= LEAST - 1 and not other.isdigit()
    }
    return {other: d for other, d in apart.items() if d <= allowed(word)}


@SOON
@hy.given(WORDS, st.lists(FEW, min_size=1, max_size=12, unique=True))
def test_neighbours_are_those_of_brute_force(vocabulary, asked):
    asked = [word for word in asked if word not in vocabulary]
    for word, found in near(vocabulary, asked).items():
        want = brute(vocabulary, word)
        assert found.items() <= want.items()
        if len(want) <= MOST:
            assert found == want
        else:  # the nearest are kept
            assert len(found) == MOST
            assert sorted(found.values()) == sorted(want.values())[:MOST]


@SOON
@hy.given(st.text("abcdefghij", min_size=6, max_size=14), st.data())
def test_every_word_is_found_from_its_slips(word, data):
    def slip(text):
        at, letter = data.draw(st.integers(0, len(text) - 2)), data.draw(st.sampled_from("abcxyz"))
        swap = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return data.draw(
            st.sampled_from(
                [text[:at] + text[at + 1 :], text[:at] + letter + text[at:], text[:at] + letter + text[at + 1 :], swap]
            )
        )

    once = slip(word)
    apart = OSA.distance(once, word)
    assert near([word, "zzzzzzz"], [once])[once].get(word, apart) == apart
    assert (word in near([word], [once])[once]) or allowed(once) == 0
    twice = slip(once)
    if 0 < OSA.distance(twice, word) <= allowed(twice):
        assert word in near([word], [twice])[twice]


@pytest.mark.parametrize(
    ("word", "vocabulary", "want"),
    [
        ("mar", ["mare"], {}),  # three letters have too many neighbours
        ("mre", ["mare"], {}),
        ("maer", ["mare", "maerl"], {"mare": 1, "maerl": 1}),
        ("stret", ["street", "strut"], {"street": 1, "strut": 1}),
        ("sret", ["street"], {}),  # two edits need six letters
        ("clatpn", ["clapton"], {"clapton": 2}),
        ("road2", ["road"], {}),
        ("road", ["1234", "rod", "ro"], {"rod": 1}),
    ],
)
def test_limits(word, vocabulary, want):
    assert near(vocabulary, [word])[word] == want


def test_fewest_edits_come_first_then_the_same_first_letter():
    vocabulary = ["bromleys", "gromley", "bromle", "bromlex", "cromley", "bramley", "brumley", "bremley", "tromley"]
    found = Speller(pd.Series(vocabulary, dtype="str")).near(pd.Series(["bromley"], dtype="str"))
    assert len(found) == MOST
    kept = [vocabulary[i] for i in found["word"]]
    assert all(word.startswith("b") for word in kept)
    assert (found["edits"] == 1).all()


@SOON
@hy.given(WORDS, st.lists(FEW, min_size=2, max_size=8, unique=True), st.randoms())
def test_what_else_is_asked_or_in_what_order_does_not_matter(vocabulary, asked, luck):
    whole = near(vocabulary, asked)
    assert near(vocabulary, asked[:1])[asked[0]] == whole[asked[0]]
    assert near(vocabulary, luck.sample(asked, len(asked))) == whole


@pytest.mark.parametrize(
    ("vocabulary", "asked"), [([], ["mare"]), (["mare"], []), ([], []), (["a", "12"], ["mare", "", "x" * 255])]
)
def test_nothing_to_compare(vocabulary, asked):
    found = Speller(pd.Series(vocabulary, dtype="str")).near(pd.Series(asked, dtype="str"))
    assert found.empty
    assert list(found.columns) == ["asked", "word", "edits"]
