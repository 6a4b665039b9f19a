"""The one spelling in which texts and names of places are compared.

A helper of :mod:`istv_lib.gazetteer`, which hands :func:`normalise` on; import it from there.
"""

from __future__ import annotations

import re

import pandas as pd

from istv_lib import _lexicon

_SHORT = re.compile(rf"\b(?:{'|'.join(sorted(_lexicon.SHORT_FORMS, key=len, reverse=True))})\b")
_SAINT = re.compile(
    rf"\b(?P<lead>{'|'.join(_lexicon.LEADS)}) st(?= [a-z])|^st(?= [a-z])|\bst(?= (?:{'|'.join(_lexicon.SAINTS)})\b)"
)
_SIGNED = [
    (re.compile(rf"(?<![a-z]){re.escape(sign)}(?![a-z])" if sign[0].isalpha() else re.escape(sign)), full)
    for sign, full in _lexicon.SIGNED_FORMS.items()
]
_STATION = re.compile(r"\b(?:(?:tube|underground|overground|rail|railway|train|dlr|lu|tram) ?)+ (?:station|stop)\b")
_CROSS = re.compile(r"\b(kings|charing|new|brent) x\b")


def normalise(texts: pd.Series) -> pd.Series:
    """Write texts in the one spelling that names and records are compared in.

    Lower case ASCII letters and digits with single spaces; apostrophes are dropped, "&" is "and", "@" is "at";
    short forms are written out ("rd" road, "o/s" outside, "stn" station); "st" is "saint" at the start, after
    a word such as "near" and before a saint's name, else "street"; "tube station" is "station".

    Parameters
    ----------
    texts : Series of str
        Missing values count as empty.

    Returns
    -------
    Series of str
        Same index; empty where nothing is left.

    Notes
    -----
    Names of the gazetteer go through the same function, so an odd spelling is harmless as long as both sides
    get it. A "St" the rules read wrongly ("High St Georges pub") is not found. Misspellings are not mended.
    """
    codes, unique = pd.factorize(texts.fillna("").astype("str"))
    return pd.Series(_clean(pd.Series(unique, dtype="str")).to_numpy()[codes], index=texts.index, dtype="str")


def _clean(texts: pd.Series) -> pd.Series:
    """The work of :func:`normalise`, on distinct texts."""
    texts = texts.str.lower().str.replace("[–—−]", " ", regex=True).str.replace("[’‘`´']", "", regex=True)
    odd = ~texts.map(str.isascii).astype(bool)
    folded = texts[odd].str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii").astype("str")
    texts = folded.reindex(texts.index).fillna(texts).astype("str") if odd.any() else texts
    signed = texts[texts.str.contains(r"[/@&+\[]")]
    if len(signed):
        for pattern, full in _SIGNED:
            signed = signed.str.replace(pattern, full, regex=True)
        texts = signed.reindex(texts.index).fillna(texts).astype("str")
    texts = texts.str.replace("[^a-z0-9]+", " ", regex=True).str.strip()
    texts = texts.str.replace(_SAINT, lambda m: f"{m['lead']} saint" if m["lead"] else "saint", regex=True)
    texts = texts.str.replace(r"\bst\b", "street", regex=True)
    texts = texts.str.replace(_SHORT, lambda m: _lexicon.SHORT_FORMS[m[0]], regex=True)
    texts = texts.str.replace(_STATION, "station", regex=True)
    return texts.str.replace(_CROSS, r"\1 cross", regex=True)
