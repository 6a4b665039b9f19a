"""Which known names stand in a text: longest first, none overlapping.

A helper of :mod:`istv_lib.geocode`. Names are followed word by word through a tree of their beginnings, for
all texts at once, so the work grows with the words of the texts and not with the number of names.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def find(texts: pd.Series, names: pd.Series) -> pd.DataFrame:
    """Find names in texts.

    Parameters
    ----------
    texts : Series of str
        Normalised texts.
    names : Series of str
        Distinct normalised names, none empty.

    Returns
    -------
    DataFrame
        ``text`` (position in ``texts``), ``start`` (word in the text, from 0), ``length`` (words), ``name``
        (position in ``names``), in the order of text and start. Of two overlapping names the longer is
        taken; of two equally long the first.
    """
    text, start, codes, vocabulary = _words(texts, names)
    levels, ends = _tree(names, vocabulary)
    found = _matches(text, codes, levels, ends, len(vocabulary))
    taken = _longest(found, len(codes))
    out = pd.DataFrame({"text": text[taken["at"]], "start": start[taken["at"]]})
    return out.assign(length=taken["length"].to_numpy(), name=taken["name"].to_numpy())


def _words(texts: pd.Series, names: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, pd.Index]:
    """All words of the texts in a row: text, place in the text, code (-1 for a word of no name)."""
    vocabulary = pd.Index(names.str.split().explode().unique())
    words = texts.reset_index(drop=True).str.split().explode().dropna()
    text = words.index.to_numpy()
    start = words.groupby(level=0).cumcount().to_numpy()
    return text, start, vocabulary.get_indexer(words), vocabulary


def _tree(names: pd.Series, vocabulary: pd.Index) -> tuple[list[tuple[np.ndarray, int]], np.ndarray]:
    """The tree of beginnings: for each depth its sorted steps and first node; for each node the name ending there.

    A step is ``node * len(vocabulary) + word``; node 0 is the root.
    """
    words = names.reset_index(drop=True).str.split()
    lengths = words.str.len().to_numpy()
    node = np.zeros(len(names), dtype=np.int64)
    levels, ends, first = [], [np.array([-1])], 1
    for depth in range(int(lengths.max(initial=0))):
        going = np.flatnonzero(lengths > depth)
        word = vocabulary.get_indexer(words.iloc[going].str[depth])
        steps, which = np.unique(node[going] * len(vocabulary) + word, return_inverse=True)
        node[going] = first + which
        end = np.full(len(steps), -1)
        stops = lengths[going] == depth + 1
        end[which[stops]] = going[stops]
        levels.append((steps, first))
        ends.append(end)
        first += len(steps)
    return levels, np.concatenate(ends)


def _matches(
    text: np.ndarray, codes: np.ndarray, levels: list[tuple[np.ndarray, int]], ends: np.ndarray, width: int
) -> pd.DataFrame:
    """Every name at every word: ``at`` (word overall), ``length``, ``name``."""
    at = np.arange(len(codes))
    node = np.zeros(len(codes), dtype=np.int64)
    found = [np.empty((0, 3), dtype=np.int64)]
    for depth, (steps, first) in enumerate(levels):
        here = at + depth
        inside = here < len(codes)
        at, node, here = at[inside], node[inside], here[inside]
        known = (codes[here] >= 0) & (text[here] == text[at])
        at, node, here = at[known], node[known], here[known]
        step = node * width + codes[here]
        where = np.minimum(np.searchsorted(steps, step), len(steps) - 1)
        goes = steps[where] == step
        at, node = at[goes], first + where[goes]
        name = ends[node]
        full = name >= 0
        found.append(np.column_stack([at[full], np.full(full.sum(), depth + 1), name[full]]))
    return pd.DataFrame(np.concatenate(found), columns=["at", "length", "name"])


def _longest(found: pd.DataFrame, n_words: int) -> pd.DataFrame:
    """Keep the longest names, then the leftmost, so that none overlap."""
    free = np.ones(n_words + 1, dtype=bool)
    kept = []
    for length in sorted(found["length"].unique(), reverse=True):
        rows = found[found["length"] == length].sort_values("at")
        used = np.concatenate([[0], np.cumsum(~free)])
        rows = rows[used[rows["at"] + length] == used[rows["at"]]]
        rows = rows[_leftmost(rows["at"].to_numpy(), length)]
        for step in range(length):
            free[rows["at"] + step] = False
        kept.append(rows)
    return pd.concat(kept).sort_values("at", ignore_index=True) if kept else found


def _leftmost(at: np.ndarray, length: int) -> np.ndarray:
    """Of sorted starts, mark those kept when each kept one shuts out the next ``length - 1`` words."""
    keep = np.zeros(len(at), dtype=bool)
    left = np.arange(len(at))
    while len(left):
        gap = np.diff(at[left], prepend=-length - 1)
        heads = left[gap >= length]
        keep[heads] = True
        end = at[heads] + length
        last = np.searchsorted(at[heads], at[left], side="right") - 1
        left = left[at[left] >= end[last]]
        left = left[~keep[left]]
    return keep
