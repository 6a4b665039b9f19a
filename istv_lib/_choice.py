"""Which of the places that a text names is meant: each is scored by what the rest of the text says.

A helper of :mod:`istv_lib.geocode`. Scores are points; every gain or loss has a code that the explanation names.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from istv_lib import _spans
from istv_lib._atlas import Atlas

# Points of a kind before anything else is known: what is finer wins unless the rest of the text speaks against it.
BASE = {"postcode": 30.0, "junction": 40.0, "station": 24.0, "hospital": 22.0, "venue": 24.0, "street": 14.0}
BASE |= {"area": 6.0, "stop": 5.0, "district": 4.0, "borough": 0.0, "outside": -1.0}
PARTS = ("area", "stop", "borough")
PART = -3.0  # an area read from the beginning of a high street's name
FINE = ("postcode", "junction", "station", "hospital", "venue", "street")
# Metres within which another place named in the text agrees, by its kind.
REACH = {"postcode": 500.0, "street": 800.0, "venue": 800.0, "hospital": 1000.0, "station": 1500.0, "stop": 2500.0}
REACH |= {"area": 3000.0, "district": 3000.0}
# Points lost when another name of the text has no place near: nothing is lost to a venue, whose list is never whole.
AGAINST = {"postcode": 20.0, "street": 8.0, "venue": 0.0, "hospital": 4.0, "station": 8.0, "stop": 16.0, "area": 16.0}
AGAINST |= {"district": 16.0, "borough": 16.0, "outside": 16.0, "decoy": 0.0}
_CODES = tuple(AGAINST)
_REACHES = np.array([REACH.get(kind, np.nan) for kind in (*_CODES, "")])
_AGAINSTS = np.array([AGAINST[kind] for kind in _CODES] + [0.0])
AGREES, NEARER = 4.0, 6.0  # points for agreeing at all, and more the nearer
CUE = 4.0  # a venue's type is named
JUNCTION_NEARER = 8.0


def candidates(spans: pd.DataFrame, atlas: Atlas, junction_reach: float) -> pd.DataFrame:
    """Places that each text may mean.

    Parameters
    ----------
    spans : DataFrame
        ``text``, ``span`` (number within the text), ``follows``, ``name``, ``cost``, ``edits``.
    atlas : Atlas
        The gazetteer.
    junction_reach : float
        Metres within which two streets make a junction.

    Returns
    -------
    DataFrame
        ``text``, ``span``, ``place``, ``kind``, ``cost``, ``edits``, ``x``, ``y``, ``cued``, ``bare`` (a venue's name
        of everyday words, or a person's), ``part`` (an area's name that begins a street's), ``same`` (places of that
        name and kind),
        ``mute`` (a town that bears its borough's name: it may speak to others but is no answer);
        for junctions also ``span_2`` and ``place_2`` (-1 for others) and ``apart``.
    """
    which, entry = _spans.each(atlas.first_entry[spans["name"]], atlas.first_entry[spans["name"] + 1])
    one = spans.iloc[which][["text", "span", "follows", "name", "cost", "edits"]].reset_index(drop=True)
    one = one.assign(place=atlas.entry_place[entry], kind=atlas.entry_kind[entry])
    venue = one["kind"] == "venue"
    one["cued"] = venue & one["follows"].eq("pub")
    geographic = (~venue).groupby([one["text"], one["span"]]).transform("any")
    called = one["cued"] | one["follows"].eq("the")
    other = venue & (one["follows"].eq("venue") | (geographic & ~called))
    boroughs = one["kind"].eq("borough").groupby([one["text"], one["span"]]).transform("any")
    one["mute"] = boroughs & one["kind"].isin(["area", "stop"]) & one["follows"].eq("")
    one = one[~_begins_street(one) & ~other].sort_values(["text", "span", "place", "cost"], kind="stable")
    one = one.drop_duplicates(["text", "span", "place", "kind"], ignore_index=True)
    venue = one["kind"] == "venue"
    one["bare"] = venue & (atlas.plain[one["name"]] | (atlas.person[one["name"]] & one["follows"].ne("the")))
    one["part"] = one["follows"].eq("high") & one["kind"].isin(PARTS)
    one["same"] = one.groupby(["text", "span", "kind"])["place"].transform("size")
    one = one.assign(x=atlas.x[one["place"]], y=atlas.y[one["place"]], span_2=-1, place_2=-1, apart=np.nan)
    return pd.concat([one, _junctions(one, atlas, junction_reach)], ignore_index=True)


def _begins_street(one: pd.DataFrame) -> pd.Series:
    """Names that begin another one, which the list does not hold: "Kingston" of a "Kingston Road"."""
    begun = one["follows"].isin(["road", "high"]) & ~one["kind"].isin(["street", "junction", "decoy", "postcode"])
    begun |= one["follows"].isin(["pub", "venue"]) & one["kind"].eq("hospital")
    return begun & ~(one["follows"].eq("high") & one["kind"].isin(PARTS))


def _junctions(one: pd.DataFrame, atlas: Atlas, reach: float) -> pd.DataFrame:
    """Pairs of streets of one text that come near each other."""
    street = one[one["kind"] == "street"]
    several = street.groupby("text")["span"].transform("nunique") > 1
    street = street[several].reset_index(drop=True)
    left, right = pairs(street["text"].to_numpy(), street["text"].to_numpy())
    keep = street["span"].to_numpy()[left] < street["span"].to_numpy()[right]
    keep &= street["place"].to_numpy()[left] != street["place"].to_numpy()[right]
    left, right = left[keep], right[keep]
    place = street["place"].to_numpy()
    low = place[left] < place[right]  # the order in which the text names them must not matter
    left, right = np.where(low, left, right), np.where(low, right, left)
    near = atlas.near(place[left], place[right], reach)
    meet = near["d"] <= reach
    near = {name: values[meet] for name, values in near.items()}
    a, b = street.iloc[left[meet]].reset_index(drop=True), street.iloc[right[meet]].reset_index(drop=True)
    return a.assign(
        kind="junction", span_2=b["span"], place_2=b["place"], apart=near["d"], cost=a["cost"] + b["cost"],
        edits=a["edits"] + b["edits"], x=(near["x1"] + near["x2"]) / 2, y=(near["y1"] + near["y2"]) / 2,
    )  # fmt: skip


def pairs(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of a row of ``left`` with a row of ``right`` that holds the same number."""
    order = np.argsort(right, kind="stable")
    low, high = np.searchsorted(right[order], left, "left"), np.searchsorted(right[order], left, "right")
    which, at = _spans.each(low, high)
    return which, order[at]


def agreement(cand: pd.DataFrame, atlas: Atlas) -> pd.DataFrame:
    """What each other name of the text says about each candidate.

    Returns
    -------
    DataFrame
        ``cand`` (label of ``cand``), ``kind`` (of the other name's best entry), ``d`` (metres), ``points``, ``agrees``
        (bool), ``x``, ``y`` (the candidate's point nearest to the other name); one row for each candidate and other
        name.
    """
    left, right = _others(cand)
    kind, place, span = (cand[name].to_numpy() for name in ("kind", "place", "span"))
    code = pd.Index(_CODES).get_indexer(kind)
    reach, against = _REACHES[code[right]], _AGAINSTS[code[right]]
    near = atlas.near(place[left], place[right], max(REACH.values()))
    x, y = cand["x"].to_numpy()[left], cand["y"].to_numpy()[left]
    crossing = kind[left] == "junction"
    d = np.where(crossing, np.hypot(x - near["x2"], y - near["y2"]), near["d"])
    d = np.where(np.isnan(reach), np.nan, d)
    there, other = atlas.borough[place[left]], cand["place_2"].to_numpy()[left]
    inside = (atlas.borough[place[right]] == there) | (
        (other >= 0) & (atlas.borough[place[right]] == atlas.borough[other])
    )
    inside &= kind[right] == "borough"
    agrees = inside | (d <= reach)
    points = np.where(agrees, AGREES + np.where(inside, 0.0, NEARER * (1 - d / reach)), -against)
    order = np.lexsort((code[right], -points, span[right], left))
    new = (np.diff(left[order]) != 0) | (np.diff(span[right][order]) != 0)
    first = order[np.r_[True, new]] if len(order) else order
    found = {"cand": cand.index.to_numpy()[left], "kind": kind[right], "d": d, "points": points, "agrees": agrees}
    found |= {"x": near["x1"], "y": near["y1"]}
    return pd.DataFrame({name: values[first] for name, values in found.items()}).astype({"kind": "str"})


def _others(cand: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a candidate with a place that another name of its text stands for and that may speak to it.

    What is coarse is told nothing by what is fine or away: a pub's namesake elsewhere says nothing of an area, nor does
    the county that it once lay in.
    """
    kind = cand["kind"]
    text, span, span_2, place = (cand[name].to_numpy() for name in ("text", "span", "span_2", "place"))
    fine, crossing = kind.isin(FINE).to_numpy(), kind.eq("junction").to_numpy()
    several = cand.groupby("text")["span"].transform("min").to_numpy() != cand.groupby("text")["span"].transform("max")
    asked = np.flatnonzero(several & kind.ne("outside").to_numpy())
    speaks = np.flatnonzero(several & ~crossing & kind.ne("decoy").to_numpy())
    left, right = pairs(text[asked], text[speaks])
    left, right = asked[left], speaks[right]
    beyond = fine[right] | kind.eq("outside").to_numpy()[right]
    keep = (
        (span[left] != span[right])
        & (span_2[left] != span[right])
        & (place[left] != place[right])
        & ~(beyond & ~(fine | crossing)[left])
    )
    return left[keep], right[keep]


def score(cand: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Points of each candidate.

    Returns
    -------
    DataFrame
        ``cand`` with ``score``, ``n_agree``, ``n_against``.
    """
    by = told.groupby("cand")
    sums = (
        pd.DataFrame(
            {
                "told": by["points"].sum(),
                "n_agree": by["agrees"].sum(),
                "n_against": (told["points"] < 0).groupby(told["cand"]).sum(),
            }
        )
        .reindex(cand.index)
        .fillna(0)
    )
    out = cand.join(sums)
    base = out["kind"].map(BASE).astype("float64").fillna(0.0)
    near = np.where(out["kind"] == "junction", -JUNCTION_NEARER * out["apart"].fillna(0) / 800, 0)
    out["score"] = base + out["told"] - out["cost"] + near + CUE * out["cued"]
    out["score"] += PART * out["part"]
    unsupported = out["bare"] & ~out["cued"] & (out["n_agree"] == 0)  # a lone everyday word is no venue
    return out[(out["kind"] != "decoy") & ~out["mute"] & ~unsupported]
