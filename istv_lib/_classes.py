"""What kind of text a location is, before any name is looked for: home, on the move, away, inside, or nothing.

A helper of :mod:`istv_lib.geocode`. All lists are our own. Labelled texts are in ``tests/cases/texts.yml``.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
from rapidfuzz import process
from rapidfuzz.distance import OSA

from istv_lib import _lexicon, _plain_words

PLAIN = frozenset(_plain_words.JOINING + _plain_words.NARRATIVE + _plain_words.TELLING + _plain_words.HEADS)
_FREE = frozenset(_plain_words.JOINING) | {w for w in _plain_words.NARRATIVE if w.endswith("ed")}
_PAIRS = [pair.replace("_", " ") for pair in _plain_words.PAIRS]
_SLIPS = {slip: line.split()[0] for line in _plain_words.SLIPS.strip().splitlines() for slip in line.split()[1:]}
_LONG = sorted({w for w in PLAIN if len(w) >= 6} - set(_plain_words.NOT_MENDED))
_NUMBER = (
    r"(?:x ?|gcs)?[0-9]+(?:am|pm|h|hrs?|st|nd|rd|th|x|yrs?|yo|days?|wks?|mins?|m|f|cm|males?|s)?|[a-z]|(?:ha)+|(.)\1+"
)
_HEAD = f"(?:{'|'.join(sorted({*_plain_words.HEADS, *_lexicon.STREET_TYPES}))})"

# Names made of plain words only.
_NAMED = re.compile(
    r"^(?:(?:in|on|at|near|outside) )?the cut$|\blondon (?!(?:at|by|in|on|last|unknown|somewhere|area)\b)(?=.)|"
    r"\b(?:all bar one|be at one|hand in hand|bat and ball|black (?:dog|boy)|elbow room|round house|flat iron|"
    r"home (?:office|bargains|base|sense|farm|park)|house of (?:fraser|commons|lords)|friends house (?=euston)|"
    r"guys (?=hospital|and)|[ne] [0-9]{1,2})\b|^w [0-9]{1,2}$"
)
# Idioms that hold a place's word or another class's, and journeys that a text only mentions.
_A = "(?:(?:a|an|the|this|our|his|her|their|my|own|local|back|to) )*"
_IDIOM = re.compile(
    r"\b(?:barking mad|(?:dogs?|was) barking|reading (?:a|the|his|her|my) (?:book|paper|newspaper|phone)|roast turkey|"
    r"ham (?:and cheese )?(?:sandwich|roll)|victoria sponge|(?:may )?bank (?:holiday|hol)|bow to head|(?:cut|lac|kick|"
    r"laceration|blow|punch|injury|wound|bruise|bruising|hit) (?:(?:to|on|in|the|his|her|l|r|left|right) )*temple"
    r"(?! station)|(?:(?:l|r|left|right) )?temple (?:bleed|brui|lac|wound|injur)[a-z]*|(?:left|right) hook|"
    r"oval (?:shaped |wound|bruise|lac)|angel tattoo|crown(?:ed)? (?:fractured |upper )?tooth|with a brick|iron bar|"
    r"common assault|(?:new|xmas|christmas) years? (?:eves?|day)|years? olds?|cell phone|baseball bat|high heels?|"
    r"white van|place of (?:work|safety)|fell flat|flight of (?:stairs|steps)|(?:football|team|boxing) coach|"
    r"(?:not (?:at )?|sent |took )home|(?:house|flat|door) keys?|home (?:made|game|match|team|time|run|delivery)|"
    r"(?:care|c|nursing|residential|retirement|funeral|childrens) (?:care )?homes?|"
    r"(?:(?:on|to|from|way|walk|walked|walking|going|coming|came|heading|went|return|returning|returned|journey|run|"
    rf"travelling|travel|running|ran|driving|drove|cycling|got|getting|get) {_A})+home|"
    r"(?:(?<=bus )|(?<=train )|(?<=tube )|(?<=taxi )|(?<=cab ))home|work(?:s|ed|ing)? (?:in|at) (?:a |the )?prison|"
    rf"(?:to|from|by|via|attend|attended|attending|left|leaving) {_A}(?:hospital|ae|ed|emergency department|ward)"
    rf"(?! {_HEAD}\b))\b"
)

_KIN = f"(?:{'|'.join(_plain_words.WHOSE).replace('_', ' ')})"
_HOME = re.compile(
    rf"\b{_KIN} (?:own |front |back )?(?:home|house|flat|address|residence|dwelling|bedroom|bathroom|room|living room|"
    rf"front door|doorstep|driveway|accomm?odation)\b(?! {_HEAD}\b)|\b{_KIN} (?:place|kitchen|gardens?|gaff)$|"
    rf"\b(?:own|(?:at|in|outside) {_A}{_KIN}) property\b|\bat {_A}{_KIN}$|\bhome address\b|^h a\b|"
    rf"\b(?:at|outside|in|inside|near|close to) {_A}home\b(?! {_HEAD}\b)|^home\b(?! {_HEAD}\b)|^home garden|"
    r"\b(?:usual|place of) residence$|\b(?:private|residential|domestic) (?:house|flat|address|residence|dwelling|"
    r"property|premises)\b|\bflat [0-9]+[a-z]?\b|^(?:in )?(?:the )?(?:kitchen|domestic)$|\b(?:back|front) garden\b"
)
_DWELLING = r"\b(?:home|house|flat|bedroom|residence|dwelling|doorstep|living room|front door|balcony)\b"
_ELSEWHERE = r"\b(?:work|pub|bar|club|hotel|hostel|restaurant|cafe|care|school|shop|office|building|site)\b"

_VEHICLE = f"(?:{'|'.join(_plain_words.VEHICLES).replace('_', ' ')})"
_ALONE = _VEHICLE.replace("|ambulance", "")  # "ambulance" alone says who came, "on the ambulance" where it was
_LINE = f"(?:{'|'.join(_plain_words.LINES).replace('_', ' ')}) line"
_STOP = "(?:stops?|stations?|stand|garage|depot|shelter|rank|office|platforms?|tracks?|drivers?)"
_NO_RIDE = rf"(?: (?:{_STOP}|{_HEAD})\b)"
_MOBILE = re.compile(
    r"\b(?:on|in|inside|aboard|onboard)(?: (?:board|a|an|the|his|her|moving|public|school|night|london|black|local|"
    rf"number|no|route|back|top|upper|lower|deck|of|river|[a-z]?[0-9]{{1,3}}|{_LINE}))* {_VEHICLE}\b(?!{_NO_RIDE})|"
    rf"\bdeck of (?:a |the )?(?:bus|n?[0-9]{{1,3}})\b|\bbus (?:route |number |no )?[a-z]?[0-9]{{1,3}}\b|"
    rf"\b(?:no |number |route )?[a-z]?[0-9]{{1,3}} bus\b(?!{_NO_RIDE})|^on the n?[0-9]{{2,3}}$|\bon route [0-9]+|"
    rf"\b(?:on|in) (?:the )?{_LINE}\b(?! (?:platform|station))|^(?:{_VEHICLE} )?{_LINE}(?: (?:train|tube|carriage))*$|"
    rf"\b{_VEHICLE} (?:carriage|journey|ride)\b|\b(?:moving|travelling) (?:car|vehicle)\b|\bpassenger in {_A}car\b|"
    r"\b(?:car|vehicle) (?:(?:being|while|whilst|was|is) )*(?:driven|driving|moving)\b"
)
_OFF = re.compile(
    rf"\b(?:{_VEHICLE} )+{_STOP}\b|\b(?:off|for|to|from|by|with|behind|between|missed|left|leaving|exiting|alighting|"
    rf"catching) (?:(?:the|a|an|his|her|night|[0-9]+) )*{_VEHICLE}\b|\bbus lanes?\b"
)
_AWAY = re.compile(
    r"\b(?:abroad|overseas(?! (?:visitor|student|patient))|over seas|on honeymoon|cruise ship|on (?:a )?cruise|at sea|"
    r"(?:holiday|inclusive) resort|on (?:(?:a|family|his|her) )*(?:holidays?|hols|vacation)|holiday in(?! express)|"
    r"(?:home|foreign) country|country of (?:origin|birth)|(?:in|from) (?:(?:a|an|his|her|their) )*(?:another|other|"
    r"different|foreign) (?:country|city|town|county)|in (?:his|her|their|own) country|out of (?:area$|town$|(?:the )?"
    r"country)|(?:coming|en route|way) to (?:the )?uk|(?:outside|out of|not in) (?:of )?(?:the )?(?:uk|england|m25|"
    r"london(?= (?:in|at|by|last|area)\b|$)))\b(?! inn)|^(?:a |in )*(?:another|different) (?:country|city|town)$"
)
_CUSTODY = r"\b(?:custody|cells?|hmp|prison|jail|yoi|young offenders|detention centre)\b"
_WARD = r"^here$|\b(?:hospital|ae|ed|emergency department|wards?|resus|inpatient|mhu|(?:health|psych[a-z]*) unit)\b"


def text_class(words: pd.Series) -> pd.Series:
    """Tell texts that name no place to look for.

    Parameters
    ----------
    words : Series of str
        Normalised texts (:func:`istv_lib.gazetteer.normalise`).

    Returns
    -------
    Series of str
        Same index: ``home``; ``mobile`` (on a bus, train, taxi or in a moving car); ``outside`` (abroad, on holiday,
        out of London; named towns are not looked for here); ``custody``, ``hospital`` (where no name is left);
        ``none`` (nothing but words of :data:`PLAIN`, numbers and idioms); or empty: look for a place.

    Notes
    -----
    Word lists and phrases only, no model. A text that names a street beside a home or a bus is ``home`` or
    ``mobile`` all the same: the street may be the home's, and the bus moved on. Persons' names and rare words leave
    a text unclassed; so does a pub's name made of plain words, read as none ("The Office").
    """
    codes, unique = pd.factorize(words.fillna("").astype("str"))
    return pd.Series(_tell(_mend(pd.Series(unique, dtype="str")))[codes], index=words.index, dtype="str")


def without_idioms(words: pd.Series) -> pd.Series:
    """Take out idioms that hold a place's word ("barking mad") and journeys only mentioned ("on the way home")."""
    return words.str.replace(_IDIOM, " ", regex=True).str.replace(" +", " ", regex=True).str.strip()


def _mend(texts: pd.Series) -> pd.Series:
    """Put right slips in frequent words, for the decision alone: the matcher still sees what was written."""
    tokens = [text.split(" ") for text in texts]
    odd = {word for words in tokens for word in words} - PLAIN
    # Short words are mended from a list of slips only ("holme" is no "home"). A longer word is known one edit off if
    # it starts the same and no name of London's streets, stations, areas or pubs that we checked lies that near.
    slips = {w: _SLIPS[w] for w in odd if w in _SLIPS}
    long = sorted(w for w in odd if len(w) >= 5 and w.isalpha())
    for first, same in itertools.groupby(long, key=lambda w: w[0]):
        written, right = list(same), [w for w in _LONG if w[0] == first]
        apart = process.cdist(written, right, scorer=OSA.distance, score_cutoff=1, dtype=np.uint8)
        slips |= {written[i]: right[j] for i, j in zip(*np.nonzero(apart == 1), strict=True)}
    mended = [" ".join(slips.get(word, word) for word in words) for words in tokens]
    return pd.Series(mended, index=texts.index, dtype="str")


def _tell(texts: pd.Series) -> np.ndarray:
    """The class of each mended text, the first that holds."""
    texts = texts.str.replace(r"\ba and e\b", "ae", regex=True).str.replace(_NAMED, " named ", regex=True)
    texts = without_idioms(texts)
    still = texts.str.replace(_OFF, " ", regex=True).str.replace(" +", " ", regex=True).str.strip()
    bare = ~_named(still)
    riding = _holds(still, _MOBILE, f"{_VEHICLE}|line|route|deck|on the|car|vehicle")
    indoors = _holds(texts, _HOME, "home|ho?use|flat|addr|resid|dwel|room|door|driv|acc|pr|pla|kitc|ga|dom|at |^h a")
    dwelling = bare & still.str.contains(_DWELLING) & ~still.str.contains(_ELSEWHERE)
    rules = [
        ("outside", texts.str.contains(_AWAY)),
        ("home", indoors),
        ("custody", bare & still.str.contains(_CUSTODY)),
        ("hospital", bare & still.str.contains(_WARD)),
        ("mobile", riding | (bare & still.str.contains(rf"\b{_ALONE}\b"))),
        ("home", dwelling),
        ("none", bare),
    ]
    return np.select([holds for _, holds in rules], [told for told, _ in rules], default="")


def _holds(texts: pd.Series, pattern: re.Pattern[str], cue: str) -> pd.Series:
    """Whether a slow pattern is found; it is tried only where a cheap cue is."""
    held = texts.str.contains(cue)
    held[held] = texts[held].str.contains(pattern)
    return held


def _named(texts: pd.Series) -> pd.Series:
    """Whether a word is left that might be a name."""
    tokens = texts.str.split(" ").explode()
    before = tokens.groupby(level=0).shift().fillna("in")
    codes, each = pd.factorize(tokens)
    known = (each.isin(PLAIN) | each.str.fullmatch(_NUMBER) | (each == ""))[codes]
    head = tokens.isin(_plain_words.HEADS) & ~before.isin(_FREE)
    shy = tokens.isin(_plain_words.SHY) & before.eq("the")
    pair = (before + " " + tokens).isin(_PAIRS)
    return ((head | shy | ~known) & ~pair).groupby(level=0).any()
