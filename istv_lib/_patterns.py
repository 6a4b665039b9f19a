"""How the place of an assault is written down, told apart without showing a text: a helper of feedback."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _items, _lexicon, gazetteer
from istv_lib._classes import text_class

_AFTER = "|".join(sorted({*_lexicon.STREET_TYPES, "hamlets", "estate"}))
_VENUE = re.compile(rf"\b(?:{'|'.join(sorted(_lexicon.VENUE_WORDS))})\b(?! (?:{_AFTER})\b)")
_AREA = re.compile(r"\b(?:AREA|STOP|STATION|DISTRICT|BOROUGH)\.")
_FOUND = ["record_id", "precision_class", "matched_kind", "prior_decided", "faults"]


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
        ``pattern`` (a key of ``ways["patterns"]``), ``placed`` (to a street or better, and not because of the
        hospital attended) and ``month``.

    Notes
    -----
    Personal data come first, then what the place finder said, then simple features of the text. It says how a text
    looks and not whether the place is right; a street with a word such as "bar" near it counts as a venue.
    """
    joined = conformed[["record_id", "month", "location_text", "location_type", "flags"]].merge(
        located.reindex(columns=_FOUND), on="record_id"
    )
    text, faults = joined["location_text"], joined["faults"].astype("object").fillna("").astype("str")
    words = gazetteer.normalise(text)
    fine, told = joined["precision_class"], text_class(words)
    named = fine.isin(["point", "junction", "street", "area"])
    by_site = joined["prior_decided"].astype("bool")
    choices = {
        "personal": _items.has(joined["flags"], "personal_data"),
        "home": fine == "home",
        "empty": text == "",
        "mobile": fine == "mobile",
        "outside": fine == "outside",
        "hospital": fine == "hospital",
        "vague": told.isin(["none", "custody"]) & words.str.contains(rf"\b(?:{'|'.join(_words(ways['vague']))})\b"),
        "not_known": told == "none",
        "several": by_site | faults.str.contains("PLACES.ambiguous", regex=False),
        "junction": fine == "junction",
        "station": (fine == "point") & (joined["matched_kind"] == "station"),
        "venue_place": (named & words.str.contains(_VENUE)) | (fine == "point"),
        "street_area": (fine == "street") & faults.str.contains(_AREA),
        "street": fine == "street",
        "area": fine.isin(["area", "borough"]),
        "district": fine == "district",
    }
    pattern = np.select([mask.to_numpy(dtype=bool) for mask in choices.values()], list(choices), "not_found")
    usable = _items.usability(joined).isin(_items.USABLE) & ~by_site
    return pd.DataFrame({"month": joined["month"], "pattern": pattern, "placed": usable})


def _words(listed: list[str]) -> list[str]:
    return sorted(set(" ".join(listed).split()))
