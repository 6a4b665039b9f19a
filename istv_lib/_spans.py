"""Which known names stand in a text, also misspelt: longest first, none overlapping.

A helper of :mod:`istv_lib.geocode`. Names are followed word by word through a tree of their beginnings, for all
texts at once, so the work grows with the words of the texts and not with the number of names. A word that no name
holds may stand for its neighbours in spelling, for two words written as one, or be half of one written as two.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from rapidfuzz import process
from rapidfuzz.distance import OSA

from istv_lib._spelling import LEAST, Speller

SKIPPED = ("of", "and")  # left out of names and texts alike: "Rose & Crown", "Prince Wales"
ONE_EDIT, TWO_EDITS, RUN_ON = 8.0, 18.0, 4.0  # points that a span loses
_ALONE = (0, 6, 9)  # letters that a name of one word needs to be taken with 0, 1, 2 edits
_KINDS = (
    "road",
    "street",
    "lane",
    "avenue",
    "crescent",
    "close",
    "drive",
    "gardens",
    "court",
    "square",
    "park",
    "station",
    "green",
)
# Slips in short forms: every way to swap, drop or double a letter of "ave", "gdns", "cres" and "stn".
_SHORT_FORMS = {"ave": "avenue", "gdns": "gardens", "cres": "crescent", "stn": "station"}
_SLACK = 8.0  # a reading this much worse than the best of the same words is not kept


def _slips() -> dict[str, str]:
    """Short forms with a slip."""
    found = {}
    for short, full in _SHORT_FORMS.items():
        for k in range(1, len(short)):
            swapped = short[: k - 1] + short[k] + short[k - 1] + short[k + 1 :]
            for slip in (swapped, short[:k] + short[k:][:1] + short[k:]):
                found.setdefault(slip, full)
    return {slip: full for slip, full in found.items() if slip not in _SHORT_FORMS}


_SHORT_SLIPS = _slips()


class Names:
    """The tree of all names, and the vocabulary of their words.

    Parameters
    ----------
    names : Series of str
        Distinct normalised names, none empty.
    rank : array of int, optional
        Of two names that are equally long and well spelt but overlap, the one of lower rank is taken.
    """

    def __init__(self, names: pd.Series, rank: np.ndarray | None = None) -> None:
        words = _split(names)
        self.rank = np.zeros(len(names), dtype=np.int64) if rank is None else np.asarray(rank)
        self.vocabulary = pd.Index(words["word"].unique())
        self.code = {word: code for code, word in enumerate(self.vocabulary)}
        code = self.vocabulary.get_indexer(words["word"])
        self.speller = Speller(pd.Series(self.vocabulary, dtype="str"))
        self._grow(words["text"].to_numpy(), words.groupby("text").cumcount().to_numpy(), code, len(names))

    def _grow(self, name: np.ndarray, depth: np.ndarray, code: np.ndarray, n: int) -> None:
        """Sorted steps (node times vocabulary plus word) of each depth, and the name that ends at each node."""
        node, lengths = np.zeros(n, dtype=np.int64), np.bincount(name, minlength=n)
        self.levels, ends, first = [], [np.array([-1])], 1
        for level in range(int(lengths.max(initial=0))):
            here = depth == level
            going = name[here]
            steps, which = np.unique(node[going] * len(self.vocabulary) + code[here], return_inverse=True)
            node[going] = first + which
            end = np.full(len(steps), -1)
            stops = lengths[going] == level + 1
            end[which[stops]] = going[stops]
            self.levels.append((steps, first))
            ends.append(end)
            first += len(steps)
        self.ends = np.concatenate(ends)


def _split(texts: pd.Series) -> pd.DataFrame:
    """All words of the texts in a row, but for the skipped: ``text``, ``start`` (place in the text), ``word``."""
    words = texts.reset_index(drop=True).str.split().explode().dropna()
    found = pd.DataFrame({"text": words.index.to_numpy(), "word": words.to_numpy()})
    found["start"] = found.groupby("text").cumcount()
    return found[~found["word"].isin(SKIPPED)].reset_index(drop=True)


def find(texts: pd.Series, names: Names | pd.Series, *, spell: bool = False) -> pd.DataFrame:
    """Find names in texts.

    Parameters
    ----------
    texts : Series of str
        Normalised texts.
    names : Names or Series of str
        The tree, or distinct normalised names to make one of.
    spell : bool
        Whether misspelt, run-on and broken words count too.

    Returns
    -------
    DataFrame
        ``text`` (position in ``texts``), ``start`` and ``end`` (words of the text, from 0, end not included),
        ``name`` (position in the names), ``cost`` (points, 0 as written), ``edits``, in the order of text and
        start. Of two overlapping names the longer is taken, then the better spelt, then that of lower rank, then
        the first; a taken span may have several readings that are misspelt alike.
    """
    names = names if isinstance(names, Names) else Names(names)
    words = _split(texts)
    if words.empty or not names.levels:
        return pd.DataFrame(columns=["text", "start", "end", "name", "cost", "edits"]).astype("int64")
    arcs = _arcs(words, names, spell=spell)
    found = _follow(arcs, names, words["text"].to_numpy())
    found["rank"] = names.rank[found["name"]]
    letters = words["word"].str.len().to_numpy()[found["at"]]
    alone = found["to"] - found["at"] == 1
    found = found[~alone | (letters >= np.take(_ALONE, np.minimum(found["edits"], 2)))]
    taken = _longest(found, len(words))
    at, last = taken["at"].to_numpy(), taken["to"].to_numpy() - 1
    start, text = words["start"].to_numpy(), words["text"].to_numpy()
    out = pd.DataFrame({"text": text[at], "start": start[at], "end": start[last] + 1})
    return out.assign(name=taken["name"].to_numpy(), cost=taken["cost"].to_numpy(), edits=taken["edits"].to_numpy())


def _arcs(words: pd.DataFrame, names: Names, *, spell: bool) -> pd.DataFrame:
    """Readings of the words: from which word to which, the word of the vocabulary read, and the points it costs."""
    code = names.vocabulary.get_indexer(words["word"])
    at = np.arange(len(words))
    known = code >= 0
    parts = [_arc(at[known], at[known] + 1, code[known], 0.0, 0)]
    if spell:
        parts += [_misspelt(words, code, names), _broken(words, code, names)]
    arcs = pd.concat(parts, ignore_index=True).sort_values(["at", "cost", "code"], kind="stable")
    return arcs.drop_duplicates(["at", "to", "code"], ignore_index=True)


def _arc(at: np.ndarray, to: np.ndarray, code: np.ndarray, cost: float | np.ndarray, edits: int | np.ndarray):
    return pd.DataFrame({"at": at, "to": to, "code": code, "cost": cost, "edits": edits})


def _misspelt(words: pd.DataFrame, code: np.ndarray, names: Names) -> pd.DataFrame:
    """Neighbours in spelling of words that no name holds."""
    at = np.flatnonzero(code < 0)
    which, unique = pd.factorize(words["word"].iloc[at])
    unique = pd.Series(unique, dtype="str")
    near = pd.concat([names.speller.near(unique), _short_kinds(unique, names)], ignore_index=True)
    here = pd.DataFrame({"asked": which, "at": at}).merge(near, on="asked")
    cost = np.where(here["edits"] == 1, ONE_EDIT, TWO_EDITS)
    return _arc(here["at"].to_numpy(), here["at"].to_numpy() + 1, here["word"].to_numpy(), cost, here["edits"])


def _short_kinds(words: pd.Series, names: Names) -> pd.DataFrame:
    """Kinds of street and the like that a short misspelt word may stand for ("rad", "stret", "gdsn")."""
    kinds = {word: code for word in _KINDS if (code := names.code.get(word, -1)) >= 0}
    short = [(k, word) for k, word in enumerate(words) if len(word) <= LEAST + 1 and word.isalpha()]
    found = [(k, names.code[_SHORT_SLIPS[word]]) for k, word in short if _SHORT_SLIPS.get(word) in kinds]
    if kinds and short:
        asked = [word for _, word in short]
        apart = process.cdist(asked, list(kinds), scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)
        codes = list(kinds.values())
        found += [(short[row][0], codes[column]) for row, column in zip(*np.nonzero(apart == 1), strict=True)]
    table = pd.DataFrame(found, columns=["asked", "word"]).astype("int64")
    return table.assign(edits=1).drop_duplicates(["asked", "word"])


def _broken(words: pd.DataFrame, code: np.ndarray, names: Names) -> pd.DataFrame:
    """Two words of a text that are one word of a name ("broad way")."""
    text, word = words["text"].to_numpy(), words["word"].to_numpy()
    at = np.flatnonzero(text[:-1] == text[1:])
    both = names.vocabulary.get_indexer([word[k] + word[k + 1] for k in at])
    good = both >= 0
    return _arc(at[good], at[good] + 2, both[good], RUN_ON, 0)


def run_on(texts: pd.Series, names: Names) -> pd.Series:
    """Part words that no name holds where they are two words of names written as one ("maresteet" stays).

    Parameters
    ----------
    texts : Series of str
        Normalised texts.
    names : Names
        The tree.

    Returns
    -------
    Series of str
        The texts with such words parted, at the place that leaves the longest shorter half.
    """
    words = pd.Series(texts.str.split().explode().dropna().unique(), dtype="str")
    odd = words[(names.vocabulary.get_indexer(words) < 0) & (words.str.len() >= 2 * LEAST - 1) & words.str.isalpha()]
    parted = {}
    for cut in range(3, int(odd.str.len().max() if len(odd) else 0) - 2):
        fits = odd[odd.str.len() >= cut + 3]
        left, right = fits.str[:cut], fits.str[cut:]
        good = (names.vocabulary.get_indexer(left) >= 0) & (names.vocabulary.get_indexer(right) >= 0)
        for word in fits[good]:
            if min(cut, len(word) - cut) > parted.get(word, (0, 0))[0]:
                parted[word] = (min(cut, len(word) - cut), cut)
    if not parted:
        return texts
    said = {word: f"{word[:cut]} {word[cut:]}" for word, (_, cut) in parted.items()}
    return texts.map(lambda text: " ".join(said.get(word, word) for word in text.split()))


def _follow(arcs: pd.DataFrame, names: Names, text: np.ndarray) -> pd.DataFrame:
    """Every name at every word: ``at``, ``to`` (words overall), ``name``, ``cost``, ``edits``."""
    n_words = len(text)
    first = np.searchsorted(arcs["at"], np.arange(n_words + 1))
    to, code = arcs["to"].to_numpy(), arcs["code"].to_numpy()
    cost, edits = arcs["cost"].to_numpy(), arcs["edits"].to_numpy()
    at = here = np.arange(n_words)
    node, paid, made = np.zeros(n_words, np.int64), np.zeros(n_words), np.zeros(n_words, np.int64)
    found = []
    for steps, base in names.levels:
        inside = np.flatnonzero(here < n_words)
        inside = inside[text[here[inside]] == text[at[inside]]]
        at, here, node, paid, made = (part[inside] for part in (at, here, node, paid, made))
        which, arc = each(first[here], first[here + 1])
        step = node[which] * len(names.vocabulary) + code[arc]
        where = np.minimum(np.searchsorted(steps, step), len(steps) - 1)
        goes = steps[where] == step
        which, arc = which[goes], arc[goes]
        at, here, node = at[which], to[arc], base + where[goes]
        paid, made = paid[which] + cost[arc], made[which] + edits[arc]
        full = names.ends[node] >= 0
        found.append((at[full], here[full], names.ends[node[full]], paid[full], made[full]))
    columns = [np.concatenate(part) for part in zip(*found, strict=True)]
    return pd.DataFrame(dict(zip(["at", "to", "name", "cost", "edits"], columns, strict=True)))


def each(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spell out ranges: for each number of each range, which range it is of, and the number."""
    count = high - low
    which = np.repeat(np.arange(len(low)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return which, low[which] + within


def _longest(found: pd.DataFrame, n_words: int) -> pd.DataFrame:
    """Keep the longest names, the best spelt and of the lowest rank, then the leftmost, so that none overlap."""
    free = np.ones(n_words + 1, dtype=bool)
    best = found.sort_values(["cost", "rank", "name"], kind="stable").drop_duplicates(["at", "to"])
    at, to, cost, rank = (best[name].to_numpy() for name in ("at", "to", "cost", "rank"))
    order = np.lexsort((at, rank, cost, at - to))
    key = np.column_stack([(to - at), cost, rank])[order]
    new = np.flatnonzero((key[1:] != key[:-1]).any(axis=1)) + 1
    kept = [order[:0]]
    for alike in np.split(order, new) if len(order) else ():
        used = np.concatenate([[0], np.cumsum(~free)])
        open_ = alike[used[to[alike]] == used[at[alike]]]
        length = int(to[alike[0]] - at[alike[0]])
        chosen = open_[_leftmost(at[open_], length)]
        for step in range(length):
            free[at[chosen] + step] = False
        kept.append(chosen)
    rows = np.concatenate(kept)
    spans = pd.DataFrame({"at": at[rows], "to": to[rows], "least": cost[rows]})
    taken = found.merge(spans, on=["at", "to"])
    return taken[taken["cost"] <= taken["least"] + _SLACK * (taken["least"] > 0)].sort_values(
        ["at", "cost", "name"], kind="stable", ignore_index=True
    )


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
