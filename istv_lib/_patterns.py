"""How the place of an assault is written down, told apart without showing a text: a helper of feedback."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _items, _lexicon, _spans, gazetteer, geocode

_OUTCODE = re.compile(
    r"\b(?:e|ec|n|nw|se|sw|w|wc|br|cr|da|en|ha|ig|kt|rm|sm|tw|ub|wd)[0-9]{1,2}[a-z]?(?: [0-9][a-z]{2})?\b"
)
_AFTER = "|".join(sorted({*_lexicon.STREET_TYPES, "hamlets", "estate"}))
_VENUE = re.compile(rf"\b(?:{'|'.join(sorted(_lexicon.VENUE_WORDS))})\b(?! (?:{_AFTER})\b)")
_TYPES = "road street lane avenue hill broadway market".split()


def classify(conformed: pd.DataFrame, located: pd.DataFrame, ways: Mapping[str, Any]) -> pd.DataFrame:
    """Return the pattern of each record's text, and whether the record was placed.

    Parameters
    ----------
    conformed, located : DataFrame
        The same records; ``record_id`` joins them.
    ways : mapping
        ``parameters/patterns.yml``.

    Returns
    -------
    DataFrame
        ``pattern`` (a key of ``ways["patterns"]``), ``placed`` (to a street or better) and ``month``.

    Notes
    -----
    Personal data come first, then what the place finder said, then simple features of the text. It says how a text
    looks and not whether the place is right; a street with a word such as "bar" near it counts as a venue.
    """
    placed = located[["record_id", "precision_class", "matched_kind"]]
    joined = conformed[["record_id", "month", "location_text", "location_type", "flags"]].merge(placed, on="record_id")
    text = joined["location_text"]
    words = gazetteer.normalise(text)
    fine, told = joined["precision_class"], geocode.text_class(words)
    area, outcode, venue = _names_area(words), words.str.contains(_OUTCODE), words.str.contains(_VENUE)
    rest = words.str.replace(_OUTCODE, " ", regex=True)
    vague = _only(rest, ways["vague"])
    named = fine.isin(["point", "junction", "street", "area"])
    choices = {
        "personal": _items.has(joined["flags"], "personal_data"),
        "home": fine == "home",
        "empty": text == "",
        "not_known": told == "none",
        "mobile": fine == "mobile",
        "outside": fine == "outside",
        "junction": fine == "junction",
        "station": (fine == "point") & (joined["matched_kind"] == "station"),
        "venue_place": (named & venue) | (fine == "point"),
        "street_area": (fine == "street") & (area | outcode),
        "street": fine == "street",
        "area": fine.isin(["area", "borough"]),
        "district": (fine == "district") | (outcode & vague),
        "vague": vague,
    }
    pattern = np.select([mask.to_numpy(dtype=bool) for mask in choices.values()], list(choices), "not_found")
    usable = _items.usability(joined).isin(_items.USABLE)
    return pd.DataFrame({"month": joined["month"], "pattern": pattern, "placed": usable})


def _only(words: pd.Series, listed: list[str]) -> pd.Series:
    """Tell which texts hold no other word than those listed, and numbers."""
    any_ = "|".join(sorted(set(" ".join(listed).split())))
    return words.str.strip().str.fullmatch(rf"(?:(?:{any_}|[0-9]+)(?:\s+|$))*")


@functools.lru_cache
def _area_names() -> tuple[pd.Series, int]:
    """Names of areas, boroughs and stations, then the same with a kind of street after them, which shut them out."""
    known = gazetteer.embedded()
    street = (known["kind"] == "station") & known["name"].str.split().str[-1].isin(_TYPES)
    names = list(dict.fromkeys(known.loc[known["kind"].isin(["area", "borough", "station"]) & ~street, "name"]))
    decoys = [f"{n} {kind}" for kind in [*_TYPES, *(f"high {t}" for t in ("road", "street"))] for n in names]
    decoys += list(known.loc[street, "name"])
    return pd.Series(list(dict.fromkeys([*names, *decoys])), dtype="str"), len(names)


def _names_area(words: pd.Series) -> pd.Series:
    """Tell which texts name an area, a borough or a station besides a street of that name."""
    names, real = _area_names()
    texts = words.drop_duplicates()
    found = _spans.find(texts, names)
    hit = np.zeros(len(texts), dtype=bool)
    hit[found.loc[found["name"] < real, "text"].unique()] = True
    return words.map(dict(zip(texts, hit, strict=True))).astype(bool)
