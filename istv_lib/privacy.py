"""Personal data in free text: found by pattern and replaced by a token before the text is stored.

The screen looks for e-mail addresses, telephone and NHS numbers, other long numbers, dates of birth, vehicle
plates, addresses of homes and names of people. It is on the careful side about places: a street, a station, a pub
named after a person or a bus number is left alone, because the place is what the text is for. It cannot find what
does not look like its patterns; the text stays on the restricted side for that reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np
import pandas as pd

from istv_lib import _pid_names, _pid_patterns
from istv_lib import _pid_words as lists
from istv_lib._pid_patterns import Span, modulus_11

__all__ = ["TOKENS", "modulus_11", "redact"]

TOKENS = {
    "home_address": "[address]",
    "email": "[email]",
    "phone": "[phone]",
    "nhs_number": "[nhs number]",
    "long_number": "[number]",
    "date_of_birth": "[date of birth]",
    "vehicle": "[vehicle]",
    "name": "[name]",
}
# One private character stands for each token while a text is searched.
_MARKS = {kind: chr(ord(_pid_patterns.ADDRESS) + number) for number, kind in enumerate(TOKENS)}
_SPELLED = {ord(mark): TOKENS[kind] for kind, mark in _MARKS.items()}
_TWICE = re.compile(rf"{_pid_patterns.ADDRESS}(?:[\s,]{{0,3}}{_pid_patterns.ADDRESS})+")  # a flat and its street
_PASSES = 4
_Finder = Callable[[str], Iterable[Span]]

_LETTERS = re.compile(r"[a-z]+")
_SIGN = re.compile(r"[0-9@(\[{]")
# Five digits close together; a date; a plate; a house number with a postcode behind it; signs and short cues.
_NUMBERS = re.compile(
    r"[0-9](?:[^0-9]{0,3}[0-9]){4}|[0-9]\s?[/.\-]\s?[0-9]{1,2}\s?[/.\-]|19[0-9]{2}|\b[a-z]{2}[0-9]{2}\s?[a-z]{3}\b"
    r"|(?<![a-z0-9])[0-9]{1,4}[a-z]?[\s,]{1,3}[a-z].{0,150}[0-9][a-z]{2}\b|@|[(\[{]\s?at\s?[)\]}]"
    r"|\b(?:rm\b|h/a|d[.\s-]o)"
)


def redact(texts: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    """Replace personal data in texts by tokens.

    Parameters
    ----------
    texts : Series of str
        Free text of places; missing counts as empty.

    Returns
    -------
    Series of str
        The texts with the :data:`TOKENS` in place of what was found; same index. The word that gave a datum away
        stays ("tel [phone]", "by boyfriend [name]"). Characters that cannot be seen are gone.
    DataFrame of bool
        One column per kind (:data:`TOKENS`): whether the text held it; same index.

    Notes
    -----
    What it leaves and what it misses, so how it can mislead:

    - Of ten digits, those that pass :func:`modulus_11` are called an NHS number and the others a long number;
      both go, as do eight or more digits in a row, and shorter ones after "MRN", "hospital no" and the like.
    - A full date goes after "dob" or "born" and where its year is 19xx; other dates stay, as they may be the
      incident's, so a child's date of birth without a cue is missed. Ages stay.
    - A plate of the current form goes unless it begins like a postcode ("SE15 BUS"); other forms need "reg".
    - A flat goes by its number, a house number with its street after a word for home. Without one it goes only
      beside a full postcode and no word for a business, and then the street stays. Of a home's postcode the
      first half stays.
    - A name goes after a title, a word for a person ("partner", "suspect", "called") or as first name and
      surname together, judged by lists of common names. A rare name without such a word, or in a text without
      capitals, is missed; a venue that bears a person's name alone may be taken for one.
    """
    plain = texts.fillna("").astype("str")
    found = np.zeros((len(plain), len(TOKENS)), dtype=bool)
    clean = []
    for row, text in enumerate(plain.tolist()):
        seen = text if text.isascii() else _visible(text)
        finders = _finders(seen)
        if finders:
            seen, kinds = _screened(seen, finders)
            found[row] = [kind in kinds for kind in TOKENS]
        clean.append(seen)
    frame = pd.DataFrame(found, index=plain.index, columns=list(TOKENS))
    return pd.Series(clean, index=plain.index, name=plain.name, dtype="str"), frame


def _finders(text: str) -> list[_Finder]:
    """Return what is worth looking for in a text; cheap, as it is nothing for most texts."""
    low = _shadow(text).lower()
    words = _LETTERS.findall(low)
    finders: list[_Finder] = []
    numbered = _SIGN.search(low) and (_NUMBERS.search(low) or not lists.NUMBER_CUES.isdisjoint(words))
    if numbered or " dot " in low:
        finders += _NUMBER_FINDERS
    if not lists.NAME_CUES.isdisjoint(words) or ("by" in words and not lists.VIOLENCE.isdisjoint(words)):
        finders.append(_names)
    return finders


def _screened(text: str, finders: list[_Finder]) -> tuple[str, set[str]]:
    """Return a text with tokens, and the kinds that were found."""
    marked, kinds = text, set()
    for kind, token in TOKENS.items():
        marked = marked.replace(token, _MARKS[kind])
    for _ in range(_PASSES):
        shadow = _shadow(marked)
        spans = _apart(span for finder in finders for span in finder(shadow))
        if not spans:
            break
        kinds |= {kind for _, _, kind in spans}
        marked = _replaced(marked, spans)
    return _TWICE.sub(_MARKS["home_address"], marked).translate(_SPELLED), kinds


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return spans in the order of the text; of those that overlap, the first that was found."""
    kept: list[Span] = []
    for start, end, kind in spans:
        if all(end <= other[0] or start >= other[1] for other in kept):
            kept.append((start, end, kind))
    return sorted(kept)


def _replaced(text: str, spans: list[Span]) -> str:
    """Put marks in place of spans."""
    out, behind = [], 0
    for start, end, kind in spans:
        space = " " if text[start].isspace() or (start and text[start - 1].isalnum()) else ""
        out += [text[behind:start], space, _MARKS[kind]]
        behind = end
    return "".join([*out, text[behind:]])


def _names(text: str) -> Iterator[Span]:
    return ((start, end, "name") for start, end in _pid_names.find(text))


_NUMBER_FINDERS: tuple[_Finder, ...] = (_pid_patterns.find,)


def _visible(text: str) -> str:
    """Return a text in composed form without characters that cannot be seen."""
    kept = "".join(c for c in text if not _hidden(c))
    return unicodedata.normalize("NFC", kept)


@cache
def _hidden(character: str) -> bool:
    return (
        unicodedata.category(character) in {"Cf", "Co"}
        or "\ufe00" <= character <= "\ufe0f"
        or character == "\u20e3"  # the frame of a keycap
    )


def _shadow(text: str) -> str:
    """Return a text of the same length with plain letters, digits, quotes and spaces, to search in."""
    return text if text.isascii() else "".join(map(_plain, text))


@cache
def _plain(character: str) -> str:
    if character.isascii():
        return character
    if character in "‘’‛ʼ´′`":
        return "'"
    if unicodedata.category(character) in {"Zs", "Pd"}:
        return " " if character.isspace() else "-"
    if character in "оΟοО":  # Cyrillic and Greek
        return "o"
    number = unicodedata.digit(character, None)
    if number is not None:
        return str(number)
    base = unicodedata.normalize("NFKD", character)
    return base[0] if base and (len(base) == 1 or all(map(unicodedata.combining, base[1:]))) else character
