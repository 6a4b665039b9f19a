"""What an answer gained and lost, as codes with points and in words: part of :mod:`istv_lib.geocode`.

Codes never hold a word of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _choice

_WORDS = {
    "NAME.spelled": "the name is spelt another way",
    "NAME.part": "only the beginning of a street's name is known",
    "CUE.pub": "the text says it is a pub",
    "STREETS.apart": "the known points of the two streets lie some way apart",
    "PLACES.together": "several places of that name lie close together, their middle is taken",
    "PLACES.same": "other places bear the name",
    "PLACES.ambiguous": "several places bear the name and nothing tells which is meant",
    "PRIOR.decided": "the attended hospital decided between them",
    "PRIOR.doubt": "the place lies far from the attended hospital",
    "PRIOR.far": "the only such name lies too far from the attended hospital to be believed",
    "WORDS.left": "words of the text are not explained",
    "STREET.unknown": "the text names a street that the list does not hold",
    "DECIDED": "a person decided it",
}
_NAMES = {"stop": "a station", "area": "an area", "district": "a postcode district", "borough": "a borough"}
_NAMES |= {"street": "a street", "venue": "a venue", "station": "a station", "hospital": "a hospital"}
_NAMES |= {"postcode": "a postcode", "outside": "a place outside London"}
_CLASSES = {
    "hospital": "The text says in a hospital and names none: hospitals are not placed on maps.",
    "home": "The text says home: homes are not placed.",
    "mobile": "The text says on the move: no place.",
    "outside": "The text names a place outside London.",
    "none": "The text names no place that can be found.",
}


def codes(out: pd.DataFrame, told: pd.DataFrame) -> pd.Series:
    """Codes of each chosen candidate, separated by semicolons, those of points with their points."""
    why = out["why"]
    said = {
        "NAME.spelled": -out["cost"].where(out["cost"] > 0),
        "NAME.part": pd.Series(_choice.PART, out.index).where(out["part"].eq(other=True)),
        "CUE.pub": pd.Series(_choice.CUE, out.index).where(out["cued"].eq(other=True)),
        "STREETS.apart": (-_choice.JUNCTION_NEARER * out["apart"] / 800).where(out["apart"] > 50),
    }
    bare = {
        "PLACES.together": why == "together",
        "PLACES.same": why.eq("alone") & (out["same"] > 1),
        "PLACES.ambiguous": why == "ambiguous",
        "PRIOR.decided": why == "prior",
        "PRIOR.doubt": out["doubt"].eq(other=True),
        "PRIOR.far": why == "far",
        "WORDS.left": out["left"] > 0,
        "STREET.unknown": out["road"].eq(other=True),
    }
    text = _agreements(out, told)
    for code, points in said.items():
        text = text + (";" + code + ":" + _points(points)).where(points.notna(), "")
    for code, holds in bare.items():
        text = text + np.where(holds.fillna(value=False), f";{code}", "")
    return text.str.removeprefix(";")


def _points(points: pd.Series) -> pd.Series:
    rounded = points.fillna(0).round().astype("int64")
    return np.where(rounded > 0, "+", "") + rounded.astype("str")


def _agreements(out: pd.DataFrame, told: pd.DataFrame) -> pd.Series:
    """What other names of the text said, by their kind."""
    here = told[told["cand"].isin(out["cand"]) & (told["points"] != 0)]
    here = here.sort_values(["cand", "points", "kind"], ascending=[True, False, True])
    side = np.where(here["agrees"], ".agrees:", ".against:")
    part = here["kind"].str.upper() + side + _points(here["points"])
    joined = part.groupby(here["cand"]).agg(";".join)
    return out["cand"].map(joined).astype("object").fillna("").astype("str")


def sentence(answer: Mapping[str, Any]) -> str:
    """One sentence about an answer, of its name, class, probability and codes."""
    fine = answer["precision_class"]
    if fine in _CLASSES and not answer["matched"]:
        return _CLASSES[fine]
    reasons = [_reason(code) for code in str(answer["faults"]).split(";") if code]
    place = answer["matched"] or "No one place"
    chance = f", {answer['location_p']:.0%} likely within 250 m" if answer["location_p"] > 0 else ""
    return f"{place} ({fine}{chance})" + (": " + "; ".join(reasons) if reasons else "") + "."


def _reason(code: str) -> str:
    name, _, points = code.partition(":")
    kind, _, what = name.partition(".")
    if what in {"agrees", "against"}:
        where = "there" if what == "agrees" else "elsewhere"
        words = f"{_NAMES.get(kind.lower(), kind.lower())} named with it lies {where}"
    else:
        words = _WORDS.get(name, name)
    return f"{words} ({points})" if points else words
