"""Known words that a misspelt word may stand for.

A helper of :mod:`istv_lib.geocode`. Words are compared through what is left of their first letters when one or two
are left out, so that a word meets its neighbours without being compared with the whole vocabulary.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from rapidfuzz import process
from rapidfuzz.distance import OSA

LEAST = 4  # shorter words have too many neighbours
_PREFIX = 7  # letters that are compared through deletions; two edits further on are seen by the full comparison
_MOST = 6  # neighbours kept of one word
_TWO_FROM = 6  # letters from which two edits are allowed
_PRIMES = np.array([1_000_003**k & 0xFFFFFFFFFFFF for k in range(1, _PREFIX + 1)], dtype=np.uint64)


def _letters(words: pd.Series) -> np.ndarray:
    """First letters of each word as a matrix of codes, 0 after its end."""
    fixed = words.str.slice(0, _PREFIX).to_numpy(dtype=f"S{_PREFIX}")
    return np.ascontiguousarray(fixed).view(np.uint8).reshape(len(words), _PREFIX)


def _keys(letters: np.ndarray) -> np.ndarray:
    """A number for each row of letters, the same for the same letters."""
    packed = np.zeros(len(letters), dtype=np.uint64)
    for at in range(letters.shape[1]):
        packed += letters[:, at].astype(np.uint64) * _PRIMES[at]
    return packed


def _deletions(letters: np.ndarray, deep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys of each word's beginning without up to two of its letters, and the row each belongs to.

    Two letters are left out of the rows marked ``deep`` only.
    """
    rows = np.arange(len(letters))
    keys, whose = [_keys(letters)], [rows]
    for left_out in (1, 2):
        among = rows if left_out == 1 else rows[deep]
        for gone in combinations(range(_PREFIX), left_out):
            kept = [at for at in range(_PREFIX) if at not in gone]
            has = among[letters[among, gone[-1]] > 0]
            keys.append(_keys(letters[np.ix_(has, kept)]))
            whose.append(has)
    return np.concatenate(keys), np.concatenate(whose)


class Speller:
    """A vocabulary that can be asked for the neighbours of a word.

    Parameters
    ----------
    words : Series of str
        Distinct words of letters a-z and digits.
    """

    def __init__(self, words: pd.Series) -> None:
        self.words = words.reset_index(drop=True)
        length = self.words.str.len().to_numpy()
        here = np.flatnonzero((length >= LEAST - 1) & ~self.words.str.isdigit().to_numpy())
        keys, whose = _deletions(_letters(self.words.iloc[here]), length[here] >= _TWO_FROM - 2)
        order = np.argsort(keys, kind="stable")
        self._keys, self._word = keys[order], here[whose[order]].astype(np.int32)

    def near(self, words: pd.Series) -> pd.DataFrame:
        """Neighbours of each word.

        Parameters
        ----------
        words : Series of str
            Words that are not in the vocabulary.

        Returns
        -------
        DataFrame
            ``asked`` (position in ``words``), ``word`` (position in the vocabulary), ``edits`` (1 or 2: letters
            left out, put in, changed or swapped). At most six a word: the fewest edits first, then those that
            begin with the same letter.

        Notes
        -----
        Words shorter than four letters and words with digits have none; up to five letters one edit is allowed.
        """
        words = words.reset_index(drop=True)
        fit = (words.str.len() >= LEAST) & words.str.isalpha()
        asked = np.flatnonzero(fit.to_numpy())
        length = words.str.len().to_numpy()
        keys, whose = _deletions(_letters(words.iloc[asked]), length[asked] >= _TWO_FROM)
        low = np.searchsorted(self._keys, keys, "left")
        count = np.searchsorted(self._keys, keys, "right") - low
        pick = np.repeat(low - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
        pair = np.unique(asked[np.repeat(whose, count)] * len(self.words) + self._word[pick])
        one, two = np.divmod(pair, max(len(self.words), 1))
        left, right = words.iloc[one], self.words.iloc[two]
        edits = process.cpdist(left.tolist(), right.tolist(), scorer=OSA.distance, score_cutoff=2, dtype=np.uint8)
        found = pd.DataFrame({"asked": one, "word": two, "edits": edits.astype(int)})
        found["other"] = left.str[0].to_numpy() != right.str[0].to_numpy()
        found = found[found["edits"] <= np.where(length[found["asked"]] >= _TWO_FROM, 2, 1)]
        found = found.sort_values(["asked", "edits", "other", "word"], kind="stable")
        return found[found.groupby("asked").cumcount() < _MOST].drop(columns="other").reset_index(drop=True)
