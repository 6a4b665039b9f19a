"""Names of people in a text: after a title, after the word for a person, or first name and surname together.

A helper of :mod:`istv_lib.privacy`. The text is cut into words once and read from left to right, so the time
grows with its length and with nothing else.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from istv_lib import _pid_words as lists

_WORD = re.compile(r"(?<![^\W_])[^\W\d_]++(?:['-][^\W\d_]++)*+'?(?![0-9])")
_SPACE = re.compile(r"\s{1,3}")
_PLAIN = re.compile(r" {1,3}|\. ?")
_LOOSE = re.compile(r"[\s,:;(\-/\"'\[]{1,4}")
_JOIN = re.compile(r" {0,2}(?:&|,|\+) {0,2}")
# What leads to a name, from what needs most besides to what needs least. A person needs "called"; from violence on
# any word with a capital may be a name, before it a listed first name only.
_PERSON, _PAIR, _BY, _FAIR, _VIOLENCE, _RELATION, _CALLED = range(7)
_CUES = {
    **dict.fromkeys(lists.LISTED_ONLY, _FAIR),
    **dict.fromkeys(lists.PERSON, _PERSON),
    **dict.fromkeys(lists.CALLED | {"with"}, _BY),
}
_REACH = 3  # words behind a name that can still make it a street or a venue


class _Word(NamedTuple):
    """A word of a text: as written, in small letters without a possessive ending, and what stands before it."""

    written: str
    small: str
    gap: str
    start: int
    end: int
    owns: bool = False  # has a possessive ending
    mixed: bool = False  # whether capitals say anything in this text
    plain: bool = False  # follows the word before with nothing but a space between

    @property
    def capital(self) -> bool:
        return self.mixed and self.written[0].isupper()


_Words = list[_Word]
_NONE = _Word("", "", "|", 0, 0)  # stands before the first word and behind the last


def _words(text: str) -> _Words:
    found = list(_WORD.finditer(text))
    longer = [match[0][0] for match in found if len(match[0]) > 1]
    mixed = any(map(str.islower, longer)) and any(map(str.isupper, longer))
    words, behind = [], 0
    for match in found:
        low, gap = match[0].lower(), text[behind : match.start()]
        cut = 2 if low.endswith("'s") and len(low) > 3 else 1 if low.endswith("'") else 0
        small, plain = low[: len(low) - cut], bool(words and _SPACE.fullmatch(gap))
        words.append(_Word(match[0], small, gap, match.start(), match.end() - cut, cut > 0, mixed, plain))
        behind = match.end()
    return [*words, *[_NONE] * 8]


def find(text: str) -> list[tuple[int, int]]:
    """Return where names of people stand in a text, as start and end, in order and apart.

    Parameters
    ----------
    text : str
        With plain quotes, spaces and digits, as :mod:`istv_lib.privacy` prepares it.
    """
    words, spans, k = _words(text), [], 0
    while words[k] is not _NONE:
        found = _after_title(words, k) or _after_cue(words, k) or _pair(words, k) or _reversed(words, k)
        k += 1
        while found:
            first, k = found
            spans.append((words[first].start, words[k - 1].end))
            found = _another(words, k)
    return spans


def _after_title(words: _Words, k: int) -> tuple[int, int] | None:
    """Find "Mr Smith", "PC J. Smith", "Dr Smith" where the doctor is not a drive."""
    title, at = words[k], k + 1
    if title.small not in lists.TITLES or not _PLAIN.fullmatch(words[at].gap):
        return None
    doctor = title.small == "dr"
    if title.small in lists.CAREFUL_TITLES and title.mixed and not (words[at].capital and (doctor or title.capital)):
        return None
    if doctor and title.plain and words[k - 1].small not in lists.BEFORE_DOCTOR:
        return None
    while len(words[at].small) == 1 and _PLAIN.fullmatch(words[at + 1].gap):
        at += 1
    name, listed = words[at].small, words[at].small in lists.FIRST
    if name in lists.NO_SURNAMES or _place(words, k) or _place(words, at):
        return None
    if _leads_to_place(words, at, 2) and not _owned_dwelling(words, at):
        return None
    return k + 1, at + 1 + _is_surname(words, at + 1, listed=listed, sure=True)


def _after_cue(words: _Words, k: int) -> tuple[int, int] | None:
    """Find a name after "boyfriend", "assaulted by", "male called" and the like."""
    strength = _strength(words, k)
    if strength is None or _place(words, k):
        return None
    first = at = k + 3 if (words[k + 1].small, words[k + 2].small) == ("in", "law") else k + 1
    while at <= k + 4 and words[at].small in lists.LINK:
        at += 1
    between = words[k + 1 : at + 1]
    loose = not all(word.plain for word in between)
    if loose and not all(_LOOSE.fullmatch(word.gap) for word in between):
        return None
    called = any(word.small in {"called", "named", "name"} for word in words[first:at])
    if called and strength in {_RELATION, _PERSON, _FAIR}:
        strength = _CALLED
    elif strength == _PERSON:
        return None
    elif strength == _RELATION and loose and not set(words[at].gap) & set(":("):
        strength = _FAIR
    behind = _name(words, at, strength)
    return behind and (at, behind)


def _strength(words: _Words, k: int) -> int | None:
    """Return what kind of lead to a name a word is."""
    word, before = words[k], words[k - 1]
    if word.small == "by":
        return _VIOLENCE if before.small in lists.VIOLENCE else _BY
    if word.owns or (word.small in lists.CALLED and before.small in lists.KINDS):
        return None
    if word.plain and word.small.endswith("s") and word.capital and before.capital:
        return None  # "Wright Brothers" is a business
    return _CUES.get(word.small) if lists.RELATION.isdisjoint(word.small.split("-")) else _RELATION


def _pair(words: _Words, k: int) -> tuple[int, int] | None:
    """Find a first name with a surname, or with what the person did, where no street or venue bears it."""
    word, before = words[k], words[k - 1].small
    if word.small not in lists.FIRST or word.small in lists.STOP or (word.plain and before in lists.NOT_BEFORE_PERSON):
        return None
    behind = _name(words, k, _PAIR)
    led = (word.plain or word.gap == "/") and before in lists.PLACE_LEADS
    if behind is None or (led and not _owned_dwelling(words, behind - 1)):
        return None
    return k, behind


def _reversed(words: _Words, k: int) -> tuple[int, int] | None:
    """Find "SMITH, John"."""
    last, first = words[k], words[k + 1]
    written = last.written.isupper() and len(last.written) > 2 and first.written.istitle() and first.gap.strip() == ","
    if not written or first.small not in lists.FIRST or last.small in lists.NO_SURNAMES:
        return None
    return None if _place(words, k) or _place(words, k + 1) or _leads_to_place(words, k + 1, _REACH) else (k, k + 2)


def _another(words: _Words, k: int) -> tuple[int, int] | None:
    """Find a further name joined to the one before: "Ahmed and Yusuf"."""
    if words[k].small == "and" and words[k].plain and words[k + 1].plain:
        k += 1
    elif not _JOIN.fullmatch(words[k].gap):
        return None
    behind = _name(words, k, _FAIR)
    return behind and (k, behind)


def _name(words: _Words, k: int, strength: int) -> int | None:
    """Return the word behind the name that begins at word k, or None where none begins there."""
    word, after = words[k], words[k + 1]
    named = after.plain and after.small in lists.SURNAMES
    if word.small in lists.STOP and not (word.small in lists.FIRST and (word.capital or (named and strength > _PAIR))):
        return None
    direct = strength >= _VIOLENCE
    if len(word.small) == 1:  # "J. Smith"
        initial = direct and word.capital and after.capital and _PLAIN.fullmatch(after.gap)
        return k + 2 if initial and _unknown(words, k + 1) and not _leads_to_place(words, k + 1, _REACH) else None
    everyday = word.small in lists.EVERYDAY and not word.capital
    meant = direct and word.small not in lists.VERBS and (word.plain or not word.mixed)
    if word.small in lists.FIRST and (not everyday or meant or (named and not word.mixed)):
        return _listed_name(words, k, strength, named=named and after.small not in lists.KINDS)
    return _unlisted_name(words, k, strength) if direct else None


def _listed_name(words: _Words, k: int, strength: int, *, named: bool) -> int | None:
    word, after, sure = words[k], words[k + 1], strength >= _RELATION
    if _place(words, k, longer=named or (sure and word.plain)) or (not sure and _venue_pair(words, k)):
        return None
    if word.owns:
        return k + 1 if strength > _PAIR and (sure or _owned_dwelling(words, k)) else None
    if _leads_to_place(words, k, 1 if sure else _REACH, surname=sure):
        return None
    behind = k + 1
    while (
        behind < k + 3
        and words[behind].plain
        and (words[behind].small in lists.PARTICLES or len(words[behind].small) == 1)
    ):
        behind += 1
    if _is_surname(words, behind, listed=True, sure=strength >= _FAIR):
        middle, behind = words[behind], behind + 1
        if middle.capital and not middle.owns and middle.small in lists.NAMES:
            behind += words[behind].capital and _is_surname(words, behind, listed=False, sure=sure)
    elif strength == _PAIR:
        acts = after.plain and after.small in lists.VIOLENCE and (word.capital or not word.mixed)
        return k + 1 if acts and word.small not in (lists.VERBS if word.mixed else lists.EVERYDAY) else None
    else:
        behind = k + 1
    return behind if sure or not words[behind - 1].owns or _owned_dwelling(words, behind - 1) else None


def _unlisted_name(words: _Words, k: int, strength: int) -> int | None:
    """Take a word that is no listed first name for one, where its place in the sentence leaves little else."""
    word, called = words[k], strength == _CALLED
    if not (called or (word.capital if word.mixed else word.small in lists.SURNAMES)):
        return None
    if not _unknown(words, k) or (word.owns and strength == _VIOLENCE) or _leads_to_place(words, k, _REACH):
        return None
    return k + 1 + (not word.owns and _is_surname(words, k + 1, listed=called, sure=True))


def _is_surname(words: _Words, k: int, *, listed: bool, sure: bool) -> bool:
    """Whether word k, behind a first name, is its surname rather than the next thing in the sentence."""
    word = words[k]
    if not _PLAIN.fullmatch(word.gap):
        return False
    if sure and listed and word.small in lists.STREET_SURNAMES and (word.capital or not word.mixed):
        return not _place(words, k)
    if _kind_behind(words, k + 1) and not _owned_dwelling(words, k):
        return False
    known = word.small in lists.SURNAMES
    if known and listed and (word.capital or not (word.mixed or word.small in lists.STOP)):
        return True
    if known or not _unknown(words, k):
        return known and _unknown(words, k)
    told_by_case = word.mixed and words[k - 1].capital  # a first name in small letters may have a surname in them
    return (word.capital if told_by_case else listed and sure) and (sure or not _kind_behind(words, k + 2))


def _unknown(words: _Words, k: int) -> bool:
    """Whether word k is no everyday word, no place, no shop and no kind of street or venue."""
    word = words[k].small
    if word in lists.NO_NAMES or len(word) < 2:
        return False
    return not (word.endswith(("ed", "ing")) and word not in lists.NAMES) and not _place(words, k)


def _place(words: _Words, k: int, *, longer: bool = False) -> bool:
    """Whether the name of an area, a station, a town or a well-known venue begins at word k.

    With `longer`, names of one word do not count.
    """
    text = ""
    for at, word in enumerate(words[k : k + 4], start=k):
        if at > k and not (word.plain or word.gap in {" & ", "-"}):
            break
        text = f"{text} {word.small.replace(chr(39), '')}".strip()
        if (at > k or not longer) and not lists.place_names().isdisjoint({text, text + "s" * word.owns}):
            return True
    return False


def _kind_behind(words: _Words, k: int) -> bool:
    return words[k].plain and words[k].small in lists.KINDS and words[k].small not in {"bus", "stop"}


def _leads_to_place(words: _Words, k: int, reach: int, *, surname: bool = False) -> bool:
    """Whether the words behind word k end in a kind of street or venue: "George Street", "John Snow pub"."""
    for at in range(k + 1, k + 1 + reach):
        word = words[at]
        if not word.plain:
            return False
        if word.written == "Head":
            return True
        if word.small in lists.KINDS:
            if surname and word.small in lists.STREET_SURNAMES:
                return False
            return at == k + 1 or word.small not in lists.NEAR_ONLY or word.capital or words[at - 1].owns
        if not word.capital and (word.mixed or word.small in lists.STOP):
            return False
    return False


def _venue_pair(words: _Words, k: int) -> bool:
    """Whether word k is half of "George & Dragon"."""
    at = k + 2 if words[k + 1].small == "and" and words[k + 1].plain else k + 1
    joined = at > k + 1 or (_JOIN.fullmatch(words[at].gap) and "," not in words[at].gap)
    return (
        bool(joined)
        and words[at] is not _NONE
        and words[at].small not in lists.FIRST
        and words[at].small not in lists.STOP
    )


def _owned_dwelling(words: _Words, k: int) -> bool:
    """Whether word k has a possessive ending and a home behind it: "John's flat"."""
    home = words[k + 1]
    return words[k].owns and home.plain and home.small in lists.DWELLING
