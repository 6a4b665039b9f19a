"""Personal data of a known form: e-mail addresses, numbers, dates of birth, vehicle plates and addresses of homes.

A helper of :mod:`istv_lib.privacy`. Every pattern is bounded: repeated parts are possessive or of limited length,
so that no text can make the search slow. What a pattern takes out is its group `datum` (and `datum2`), else all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from istv_lib import _pid_words as lists

Span = tuple[int, int, str]
_Match = re.Match[str]
_Form = tuple[str, re.Pattern[str], Callable[[_Match], object] | None]

ADDRESS = "\ue000"  # what privacy puts in place of an address that was found
_MASK = "\x01"  # stands for a digit that no pattern may use


def find(text: str) -> Iterator[Span]:
    """Yield where personal data of a known form stand, as start, end and kind; of two that overlap the first counts.

    Parameters
    ----------
    text : str
        With plain quotes, spaces and digits, as :mod:`istv_lib.privacy` prepares it.
    """
    yield from _spans(text, _UNMASKED)
    for start, end, _ in _spans(text, _NO_DATA):
        text = text[:start] + _MASK * (end - start) + text[end:]
    yield from _spans(text, _MASKED)


def _spans(text: str, forms: tuple[_Form, ...]) -> Iterator[Span]:
    for kind, pattern, is_meant in forms:
        groups = [group for group in pattern.groupindex if group.startswith("datum")] or [0]
        for match in pattern.finditer(text):
            if is_meant is None or is_meant(match):
                yield from ((*match.span(group), kind) for group in groups)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII)


def _any(words: frozenset[str]) -> str:
    return f"(?:{'|'.join(sorted(words))})"


# E-mail.
_USER, _HOST = r"(?<![\w.+'-])[\w.+'-]++", r"[\w-]{1,40}"
_TOP = r"(?:com|org|net|uk|co|gov|nhs|info|edu|eu|ie|me|io)\b"
_EMAIL = re.compile(rf"{_USER}@[\w-]++(?:\.[\w-]++)++")
_EMAIL_SPACED = _compiled(
    rf"{_USER}\s{{0,2}}(?:@|[(\[{{]\s?at\s?[)\]}}])\s{{0,2}}(?:{_HOST}\s?(?:\.|[(\[{{]\s?dot\s?[)\]}}])\s?){{1,4}}{_TOP}"
)
_EMAIL_SPELT = _compiled(rf"{_USER}\s+at\s+{_HOST}(?:\s+dot\s+{_HOST}){{0,3}}\s+dot\s+{_TOP}")

# Dates.
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DAY = r"[0-9]{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?P<year{}>(?:19|20)[0-9]{{2}}|'?[0-9]{{2}})(?![0-9:])"
_DATE = (
    rf"(?P<a>[0-9]{{1,2}})\s?(?P<sign>[/.\-])\s?(?P<b>[0-9]{{1,2}})\s?(?P=sign)\s?{_YEAR.format(1)}"
    r"|(?P<year2>(?:19|20)[0-9]{2})(?P<sign2>[-/.])[0-9]{1,2}(?P=sign2)[0-9]{1,2}(?![0-9])"
    rf"|{_DAY}[\s/.,-]{{0,3}}(?:of\s)?{_MONTH}[\s/.,-]{{0,3}}{_YEAR.format(3)}"
    rf"|{_MONTH}[\s.]{{1,2}}{_DAY}[\s,]{{1,3}}{_YEAR.format(4)}"
)
_ANY_DATE = _compiled(rf"(?<![0-9/.\-£$€:])(?:{_DATE})")
_BIRTH = _compiled(
    r"\b(?>(?:d[\s.\-]?o[\s.\-]?b|date\s{1,2}of\s{1,2}birth|birth\s?da(?:te|y)|born(?:\s(?:on|in))?)\b[\s:;.,\-=(#]{0,6}"
    rf"(?:(?:is|was|the|on)\s){{0,2}})(?P<datum>{_DATE}|(?:[0-9]{{8}}|[0-9]{{6}}|(?:19|20)[0-9]{{2}}"
    r"|[0-9]{1,2}\s[0-9]{1,2}\s(?:[0-9]{4}|[0-9]{2}))(?![0-9]))"
)
_OLD_YEAR = 30  # a two-digit year from here on is of the last century
_GRID_OR_DEGREES = _compiled(
    r"\b(?:TQ|TL|SU)\s?[0-9]{3,5}\s?[0-9]{3,5}\b|(?<![0-9.])-?(?:5[01]|0)\.[0-9]{3,16}(?![0-9])"
)


def _is_date(date: _Match) -> bool:
    low, high = sorted(int(date[group] or 1) for group in "ab")
    return 1 <= low <= 12 and high <= 31


def _is_old(date: _Match) -> bool:
    year = next(date[f"year{k}"] for k in (1, 2, 3, 4) if date[f"year{k}"])
    spaced = date["year1"] is None and not year.startswith("'")  # "12 March 45 minutes"
    old = year.startswith("19") if len(year) == 4 else not spaced and int(year.strip("'")) >= _OLD_YEAR
    return old and _is_date(date)


# Telephone, NHS and other long numbers.
_GAP = r"[ .\-()/_]{1,3}"
_PIECE = r"[ .\-]{1,3}"
_DIGIT = rf"(?:{_GAP})?[0-9]"
# Three digits or fewer beside a letter are no part of a number: "SE15 4QF 07700 ...".
_START = r"(?<![0-9])(?:(?<![a-z])|(?=[0-9]{4}))"
_END = r"(?![0-9])(?:(?![a-z])|(?<=[0-9]{4}))"


def _of(first: str, *counts: int) -> str:
    """Return a pattern of first digits and so many more behind them, the first count that fits."""
    return rf"{first}(?:" + "|".join(rf"(?:{_DIGIT}){{{count}}}{_END}" for count in counts) + ")"


_PHONES = (
    _of(r"\+\(?44", 10, 11, 9),
    _of(r"\+\(?[0-9]", 10, 11, 9, 12, 14, 13, 8, 7),
    _of("44(?![03-689])", 10, 11, 9),
    _of("00", 12, 13, 11, 10, 14),
    _of("0[1-3578][0-9]", 8, 7),
    _of("0[1-3578][0-9](?![0-9](?:[0-9]{2})?(?![0-9]))", 9),
    rf"0{_GAP}[1-3578](?:{_GAP}[0-9]){{8,10}}{_END}",
    rf"0[1-3578](?:{_GAP}[0-9]{{2}}){{4}}(?:{_DIGIT})?{_END}",
    r"[o0]7[0-9oil]{3}[ .\-]{0,2}[0-9oil]{3}[ .\-]{0,2}[0-9oil]{3}(?![a-z0-9])",  # letters for digits
)
_PHONE = _compiled(rf"(?:(?=\+)|[+(]{{0,2}}{_START})(?:{'|'.join(_PHONES)})")
_TEN = _compiled(rf"{_START}[0-9](?:[ .\-()_]{{0,3}}[0-9]){{9}}{_END}")
_LONG = _compiled(
    rf"{_START}(?:(?:[0-9]{{3,4}}{_PIECE}){{1,6}}[0-9]{{5,}}+(?:{_PIECE}[0-9]{{3,}}+){{0,6}}{_END}"
    rf"|[0-9]{{5,}}+(?:{_PIECE}[0-9]{{3,}}+){{1,6}}{_END}|[0-9](?:{_GAP}[0-9]){{7,31}}(?![0-9]))|[0-9]{{8,}}+"
)
_PHONE_CUE = _compiled(r"(?:tel|phone|telephone|mob|mobile|call|ring|contact|cell)\W{0,3}(?:no|num|number)?\W{0,3}\Z")
_ROUTES = _compiled(r"(?:bus|buses|routes?|lines?)\W{1,2}(?:nos?|numbers?)?\W{0,2}\Z")
_TIME_OR_YEAR = re.compile(r"[0-9]{1,2}|(?:19|20)[0-9]{2}|(?:[01][0-9]|2[0-3])[0-5][0-9]")


def modulus_11(digits: str) -> bool:
    """Whether ten digits pass the check of an NHS number.

    Parameters
    ----------
    digits : str
        Ten digits; spaces and hyphens do not count.

    Returns
    -------
    bool
        True where the last digit is the check digit of the nine before it (weights 10 to 2, modulus 11).

    Notes
    -----
    One random number in eleven passes, and as many mobile numbers without their 0; a number that fails may be an
    NHS number with a typing error. Source: NHS Data Model and Dictionary, NHS NUMBER.
    """
    plain = digits.replace(" ", "").replace("-", "")
    if len(plain) != 10 or not (plain.isascii() and plain.isdecimal()):
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(plain, range(10, 1, -1), strict=False)) % 11
    return (11 - rest) % 11 == int(plain[9])


def _before(match: _Match) -> str:
    return match.string[max(match.start() - 30, 0) : match.start()]


def _is_one_number(match: _Match) -> bool:
    """Whether ten digits are written as one number, and not as times, years or the routes of buses."""
    groups = re.findall("[0-9]+", match[0])
    sizes = {len(group) for group in groups}
    if len(groups) == 1:
        return True
    if not (len(groups) <= 3 or min(sizes) >= 3 or sizes in ({1}, {2})) or _ROUTES.search(_before(match)):
        return False
    return max(sizes) < 3 or not all(map(_TIME_OR_YEAR.fullmatch, groups))


# Numbers after a cue.
_NI = r"[a-z]{2}\s?[0-9]{2}\s?[0-9]{2}\s?[0-9]{2}\s?[a-d]\b"
_NO = r"(?:\s{0,2}(?:no|num|nr|number|id|ref|reference|#)\b)"
_CUED = _compiled(
    r"\b(?>(?:(?:mrn|nino|crn|cris|cad|epr|ref(?:erence)?|hosp(?:ital)?\s?(?:id|#)|pat(?:ient)?\s?id|pt\s?id|pc|pcso|wpc)"
    rf"(?![a-z]){_NO}?|(?:hosp(?:ital)?|pas|emis|patient|pt|pts|nhs|ni|national\sinsurance|passport|driv(?:ing|er'?s)\s"
    r"licen[cs]e|licen[cs]e|oyster|custody|crime|police|incident|case|student|staff|collar|shoulder|account|card|unit)"
    rf"{_NO})[\s.:;,#=\-(]{{0,5}}(?:is\s)?)"
    rf"(?P<datum>{_NI}|(?:[a-z]{{1,4}}[\s-]?)?[0-9][a-z0-9]*+(?:[/-][a-z0-9]++){{0,3}})"
)
_LETTERED = _compiled(rf"\b{_NI}|(?<![a-z0-9])[a-z]{{1,3}}[0-9]{{6,12}}(?![a-z0-9])")
_NHS_PART = _compiled(r"\bnhs(?:\s{0,2}(?:no|num|number|#))?\b[\s.:#-]{0,4}(?P<datum>[0-9](?:[\s-]?[0-9]){5,11})(?!\w)")

# Plates.
_CURRENT = r"[a-z]{2}\s?[0-9]{2}\s?(?P<last>[a-z]{3})\b"
_REG = _compiled(
    r"\b(?>(?:reg(?:istration|istered)?|number\s?plates?|no\.?\s?plates?|plates?|vrm|vrn)\b"
    r"(?:[\s.:;,#=\-(]{1,3}(?:no|number|num|mark|is|plate|plates|of|ending|was)\b){0,3}[\s.:;,#=\-(]{0,4})"
    rf"(?P<datum>{_CURRENT}|[a-z]\s?[0-9]{{1,3}}\s?[a-z]{{3}}\b|[a-z]{{3}}\s?[0-9]{{1,3}}\s?[a-z]\b"
    r"|[0-9]{5,6}\b|(?P<short>[a-z]{1,3})\s?[0-9]{1,4}\b|[0-9]{1,4}\s?(?P<after>[a-z]{1,3})\b)"
)
_VEHICLE = _compiled(
    rf"\b{_any(lists.VEHICLES)}\b[^0-9\n]{{0,15}}?(?<![a-z0-9])"
    rf"(?P<datum>{_CURRENT}|[a-z][0-9]{{3}}\s?(?P<last2>[a-z]{{3}})\b|[a-z]{{3}}\s?[0-9]{{3}}[a-z]\b)"
)
_BARE = _compiled(r"(?<![\w£])(?P<area>[a-z]{2})(?P<number>[0-9]{2})\s?(?P<last>[a-z]{3})\b")
# Highest number of the two-letter postcode areas in and about London: "SE15 BUS" is no plate.
_AREAS = {
    "se": 28, "sw": 20, "nw": 11, "ec": 4, "wc": 2, "br": 8, "cr": 9, "da": 18, "en": 11, "ha": 9, "ig": 11, "kt": 24,
    "rm": 20, "sm": 7, "tn": 16, "tw": 20, "ub": 11, "wd": 25,
}  # fmt: skip


def _is_plate(match: _Match) -> bool:
    """Whether what stands after "reg", or after a word for a vehicle, holds no small word."""
    words = {(word or "").lower() for group, word in match.groupdict().items() if group != "datum"}
    return len(match["datum"]) >= 4 and words.isdisjoint(lists.NOT_ON_PLATES)


def _is_bare_plate(match: _Match) -> bool:
    area, last = match["area"].lower(), match["last"].lower()
    small = {area, last} & lists.NOT_ON_PLATES or last in lists.STOP or last in lists.VENUE
    return not small and int(match["number"]) > _AREAS.get(area, 0)


# Homes.
_HOUSE = r"(?<![\w£$.:/-])[0-9]{1,4}[a-z]?(?:\s?[-/&]\s?[0-9]{1,4}[a-z]?)?(?![\w:%])"
_KINDS = _any(lists.STREET - {"stn", "rbt", "jct", "junc", "market", "link", "field", "side"})
_STREET = rf"[\s,]{{1,3}}(?:[a-z][\w'.-]{{0,30}}\s{{1,2}}){{1,4}}?{_KINDS}\b\.?"
_AREA, _REST = r"\b[a-z]{1,2}[0-9][0-9a-z]?", r"\s{0,2}[0-9][a-z]{2}"  # the two halves of a postcode
_FLAT = _compiled(
    r"\b(?:flat|flt|apartment|apt|room|rm|bedsit|maisonette)\b\.?\s{0,2}(?:(?:no|number|num)\b\.?\s{0,2}|#\s?)?"
    r"(?:[0-9]{1,4}[a-z]?(?:/[0-9]{1,3})?|[a-z][0-9]{1,4}|[a-z](?=[\s,]{1,3}[0-9]))(?![\w:])"
)
_WARD = _compiled(r"\b(?:waiting|treatment|consulting|interview|meeting|common|class|hospital|ed|a&e)\s\Z")
_WHOSE = (
    r"(?:(?:pt|patient|victim|partner|boyfriend|girlfriend|friend|mother|mum|parent|ex|neighbour|brother|sister)s?'?s?"
    r"|own|his|her|their|my|family)\s(?:own\s)?"
)
_CUE = (
    rf"(?:\b(?:{_WHOSE}(?:home|house|flat|address|property|place|addr|residence|postcode)|home(?:\s(?:address|postcode))?"
    rf"|address|addr|liv(?:es|ing)|resid(?:es|ing|ent\s(?:at|of))|residence|h/a|dwelling|domicile)\b|{ADDRESS})"
    r"(?!\s{0,2}(?:bargains|office|depot|sense|store|of\s{1,2}incident|park|farm)\b)"
)
_NOT_HOME = _compiled(rf"\b{_any(lists.NOT_HOME)}'?s?\s{{1,2}}(?:of\s|the\s)?\Z")
_HOME_STREET = _compiled(rf"{_CUE}(?=(?P<between>[^0-9]{{0,40}}?)(?P<datum>{_HOUSE}{_STREET}))")
_HOME_NUMBER = _compiled(
    rf"\b(?:address|addr|liv(?:es|ing)|resid(?:es|ing)|h/a)\b(?P<between>(?:[\s:,.-]|at|is|no){{1,6}})(?P<datum>{_HOUSE})(?=[\s,])"
)
_HOME_POSTCODE = _compiled(rf"{_CUE}(?=(?P<between>.{{0,72}}?){_AREA}(?P<datum>{_REST})\b)")
_BEHIND = rf"[\s,(\-]{{1,4}}(?:is\s)?(?:{_WHOSE})?home(?!\s(?:bargains|office))\b"
_THEN_HOME = (_compiled(rf"(?P<datum>{_HOUSE}){_STREET}{_BEHIND}"), _compiled(rf"{_AREA}(?P<datum>{_REST}){_BEHIND}"))
_FULL = _compiled(rf"(?P<datum>{_HOUSE}){_STREET}[^0-9\n{ADDRESS}]{{0,45}}?{_AREA}(?P<datum2>{_REST})\b")


def _words(text: str) -> set[str]:
    return {word.removesuffix("'s") for word in re.findall(r"[a-z]+(?:'[a-z]+)?|&", text.lower())}


def _is_home(match: _Match) -> bool:
    return not _NOT_HOME.search(_before(match)) and lists.AWAY.isdisjoint(_words(match["between"]))


# The forms, the surest first.
_UNMASKED: tuple[_Form, ...] = (
    *(("email", pattern, None) for pattern in (_EMAIL, _EMAIL_SPACED, _EMAIL_SPELT)),
    ("date_of_birth", _BIRTH, None),
    ("date_of_birth", _ANY_DATE, _is_old),
)
_NO_DATA: tuple[_Form, ...] = (("", _ANY_DATE, _is_date), ("", _GRID_OR_DEGREES, None))
_MASKED: tuple[_Form, ...] = (
    ("phone", _PHONE, None),
    ("phone", _TEN, lambda m: m[0][0] == "7" and _PHONE_CUE.search(_before(m)) and _is_one_number(m)),
    ("nhs_number", _TEN, lambda m: _is_one_number(m) and modulus_11(re.sub("[^0-9]", "", m[0]))),
    ("long_number", _TEN, _is_one_number),
    ("long_number", _LONG, None),
    ("long_number", _LETTERED, None),
    ("long_number", _NHS_PART, None),
    ("long_number", _CUED, lambda m: len(re.sub("[^0-9]", "", m["datum"])) >= 4 - m["datum"][0].isalpha()),
    ("vehicle", _REG, _is_plate),
    ("vehicle", _VEHICLE, _is_plate),
    ("vehicle", _BARE, _is_bare_plate),
    ("home_address", _FLAT, lambda m: not _WARD.search(_before(m))),
    *(("home_address", pattern, None) for pattern in _THEN_HOME),
    *(("home_address", pattern, _is_home) for pattern in (_HOME_STREET, _HOME_NUMBER, _HOME_POSTCODE)),
    ("home_address", _FULL, lambda m: lists.BUSINESS.isdisjoint(_words(m.string))),
)
