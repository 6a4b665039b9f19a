"""Word lists of the screen for personal data, read once from ``reference/personal_data_words.txt``.

A helper of :mod:`istv_lib.privacy`. What each list is for stands above it in the file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from istv_lib import _lexicon, places


def _read(path: Path) -> dict[str, frozenset[str]]:
    """Read lists of words: ``[name]``, then the words; ``_`` stands for a space and ``#`` begins a comment."""
    lists: dict[str, frozenset[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            words = line.strip("[]")
        elif line and not line.startswith("#"):
            lists[words] = lists.get(words, frozenset()) | {word.replace("_", " ") for word in line.split()}
    return lists


_LISTS = _read(Path(__file__).parent / "reference" / "personal_data_words.txt")

FIRST = _LISTS["first names"]
EVERYDAY = _LISTS["everyday first names"]
VERBS = _LISTS["verbs"]
SURNAMES = _LISTS["surnames"]
NAMES = FIRST | SURNAMES
STREET_SURNAMES = _LISTS["street surnames"]
PARTICLES = _LISTS["particles"]
RELATION = _LISTS["relation"]
PERSON = _LISTS["person"]
LISTED_ONLY = _LISTS["listed only"]
LINK = _LISTS["link"]
CALLED = frozenset({"called", "named"})
VIOLENCE = _LISTS["violence"]
TITLES = _LISTS["titles"]
CAREFUL_TITLES = _LISTS["careful titles"]
BEFORE_DOCTOR = _LISTS["before doctor"]
NOT_BEFORE_PERSON = _LISTS["not before a person"]
PLACE_LEADS = _LISTS["place leads"]
DWELLING = _LISTS["dwelling"]
STREET = _lexicon.STREET_TYPES | _LISTS["street kinds"]
VENUE = _lexicon.VENUE_WORDS | _LISTS["venues"]
KINDS = STREET | VENUE
NEAR_ONLY = _LISTS["near venues"]
STOP = _LISTS["stop"]
NO_SURNAMES = STOP | KINDS
NO_NAMES = STOP | KINDS | _LISTS["brands"] | RELATION | TITLES | VIOLENCE | LISTED_ONLY
NUMBER_CUES = _LISTS["number cues"]
NAME_CUES = RELATION | TITLES | CALLED | FIRST | {"name"}
NOT_ON_PLATES = _LISTS["not on plates"]
VEHICLES = _LISTS["vehicles"]
NOT_HOME = _LISTS["not home"]
AWAY = _LISTS["away from home"]
BUSINESS = (_LISTS["brands"] | VENUE | _LISTS["business"]) - _LISTS["not business"]


@cache
def place_names() -> frozenset[str]:
    """Return names of areas, stations, boroughs, towns and venues in small letters, without apostrophes."""
    names = [*places.boroughs()["name"], *_lexicon.OUTSIDE, *_LISTS["named venues"]]
    for table in (places.gazetteer_areas(), places.gazetteer_stations()):
        names += [*table["name"], *(alias for aliases in table["aliases"] for alias in str(aliases).split(";"))]
    return frozenset(name.lower().translate({ord(sign): None for sign in "'’."}).strip() for name in names) - {""}
