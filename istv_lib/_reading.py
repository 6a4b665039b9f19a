"""What stands in each text: the names, what follows them, and the words that nothing explains.

A helper of :mod:`istv_lib.geocode`.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from istv_lib import _classes, _lexicon, _spans
from istv_lib._atlas import Atlas

# A name before one of these is the beginning of a street's name, unless the list holds that street.
_ROADS = frozenset(
    "road street lane avenue close drive way gardens garden crescent grove place terrace rise court mews walk row "
    "square".split()
)
_HIGH = re.compile(r"high (?:street|road)|broadway|parade")  # "kilburn high road" lies in kilburn
_PUBS = frozenset("pub bar inn tavern arms".split())
_POSTCODE = re.compile(r"\b([a-z]{1,2}[0-9oi][0-9a-z]?) ?([0-9oi])([a-z]{2})\b")
_TUBE = r"\b(?:tube|underground|overground|dlr)\b(?! (?:line|train))"  # "brixton tube" is the station
_LONG = 3  # words of a name that stands out among everyday words
_SIGNS = str.maketrans("oi", "01")


def prepared(words: pd.Series, atlas: Atlas) -> pd.Series:
    """Normalised texts as the tree of names can read them: postcodes, "X tube" and words written as one set right."""
    words = words.str.replace(_TUBE, "station", regex=True)
    return _spans.run_on(postcodes(words, atlas.keys), atlas.names)


def postcodes(words: pd.Series, known: pd.Index) -> pd.Series:
    """Write whole postcodes the way the list knows them: the unit, else its sector, else its outcode.

    Parameters
    ----------
    words : Series of str
        Normalised texts.
    known : Index of str
        Names of the list; what is not on it is no postcode ("10 past 5").

    Returns
    -------
    Series of str
        The texts; "o" and "i" typed for 0 and 1 are mended only where that gives a postcode of the list.
    """
    unique = {m[0]: _mended(m, known) for text in words for m in _POSTCODE.finditer(text)}
    unique = {found: right for found, right in unique.items() if right}
    if not unique:
        return words
    return words.map(lambda text: _POSTCODE.sub(lambda m: unique.get(m[0], m[0]), text))


def _mended(match: re.Match, known: pd.Index) -> str:
    out, sector, unit = match.groups()
    tries = [out, out[:1] + out[1:].translate(_SIGNS), out[:2] + out[2:].translate(_SIGNS)]
    digit = sector.translate(_SIGNS)
    for outcode in tries:
        for name in (f"{outcode} {digit}{unit}", f"{outcode} {digit}", outcode):
            if name in known:
                return name
    return ""


def read(words: pd.Series, atlas: Atlas, empty: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Names and facts of each text.

    Parameters
    ----------
    words : Series of str
        Normalised texts, index 0, 1, 2, ...
    atlas : Atlas
        The gazetteer.
    empty : array of bool
        Texts of everyday words alone: only long names, as written, are read in them ("all bar one").

    Returns
    -------
    spans : DataFrame
        Of :func:`istv_lib._spans.find` with ``span`` (number within the text), ``follows`` (``road``: a kind of street
        that the name has not; ``high``: a high street; ``pub``; ``venue``: another kind of venue; ``the``: "the" stands
        before it; or empty).
    facts : DataFrame
        One row a text: ``left`` (words that nothing explains), ``road`` (bool: a street the list does not hold).
    """
    spans = _spans.find(words, atlas.names, spell=True)
    long_ = (spans["end"] - spans["start"] >= _LONG) & (spans["cost"] == 0)
    spans = spans[long_ | ~empty[spans["text"].to_numpy()]].reset_index(drop=True)
    token = words.str.split().explode().fillna("")
    text = token.index.to_numpy()
    token = token.to_numpy(dtype=object)
    first = np.searchsorted(text, np.arange(len(words) + 1))
    begin, end = first[spans["text"]] + spans["start"].to_numpy(), first[spans["text"]] + spans["end"].to_numpy()
    covered = np.zeros(len(token) + 1, dtype=bool)
    for at, to in zip(begin, end, strict=True):
        covered[at:to] = True
    free = ~covered[:-1]
    after = _neighbour(token, text, end, free, spans["text"])
    two = pd.Series(after) + " " + pd.Series(_neighbour(token, text, end + 1, free, spans["text"]))
    high = two.str.match(_HIGH).to_numpy()
    road = pd.Series(after).isin(_ROADS).to_numpy()
    pub = pd.Series(after).isin(_PUBS).to_numpy()
    venue = pd.Series(after).isin(_lexicon.VENUE_WORDS).to_numpy()
    the = _neighbour(token, text, begin - 1, free, spans["text"]) == "the"
    spans["follows"] = np.select([high, road, pub, venue, the], ["high", "road", "pub", "venue", "the"], "")
    spans["span"] = spans.groupby("text")["start"].rank(method="dense").astype("int64")
    return spans, _facts(token, text, free, spans, atlas, len(words))


def _neighbour(token: np.ndarray, text: np.ndarray, at: np.ndarray, free: np.ndarray, of: pd.Series) -> np.ndarray:
    """The word at a place in the same text, empty where there is none or it belongs to a name."""
    inside = (at >= 0) & (at < len(token))
    at = np.where(inside, at, 0)
    return np.where(inside & free[at] & (text[at] == of.to_numpy()), token[at], "")


def _facts(
    token: np.ndarray, text: np.ndarray, free: np.ndarray, spans: pd.DataFrame, atlas: Atlas, n: int
) -> pd.DataFrame:
    """Unexplained words of each text, and whether an unknown word stands before a kind of street."""
    series = pd.Series(token, dtype="str")
    plain = series.isin(_classes.PLAIN) | series.isin(_lexicon.STREET_TYPES) | series.str.contains(r"[0-9]|^.?$")
    odd = free & ~plain.to_numpy()
    road = np.zeros(len(token), dtype=bool)
    road[1:] = series.isin(_ROADS).to_numpy()[1:] & free[1:] & odd[:-1] & (text[1:] == text[:-1])
    by = pd.DataFrame({"text": text, "left": odd, "road": road}).groupby("text")
    return pd.DataFrame({"left": by["left"].sum(), "road": by["road"].any()}).reindex(range(n), fill_value=0)
