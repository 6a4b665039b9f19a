"""Where an attendance happened: free text to a point, a street, an area, a borough, or honestly nothing.

Simple and exact: names of a gazetteer are looked for in the text, the longest first; the attended hospital
decides only between places of one name. Homes are recognised and never given a point. Nothing is sent
anywhere, and no text leaves this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _lexicon, _spans, errors, places, schema
from istv_lib import gazetteer as names_table

NEEDED = "record_id submission_id site_code month synthetic location_text location_type".split()

# What may answer for a text, best first; within one name the order of _KIND_ORDER decides.
_TIERS = ("station", "junction", "street", "area", "stop", "borough")
_KIND_ORDER = {"station": 0, "street": 1, "borough": 2, "area": 3, "stop": 4, "outside": 5, "": 6}
_ANSWER = {"x": "float64", "y": "float64", "radius_m": "float64", "borough_gss": "str"}
_ANSWER |= {"prior_decided": "boolean", "precision_class": "str", "matched_kind": "str"}
_CLASS = {"station": "point", "junction": "junction", "street": "street", "area": "area", "stop": "area"}
_CLASS |= {"borough": "borough"}
_MATCHED = {"junction": "street", "stop": "station"}


def locate(
    records: pd.DataFrame, gazetteer: pd.DataFrame, sites: pd.DataFrame, *, rules: Mapping[str, Any]
) -> pd.DataFrame:
    """Find the place of each record.

    Parameters
    ----------
    records : DataFrame
        Conformed records: ``record_id``, ``submission_id``, ``site_code``, ``month``, ``synthetic``,
        ``location_text`` and ``location_type``.
    gazetteer : DataFrame
        Of :func:`istv_lib.gazetteer.build`, EPSG:27700.
    sites : DataFrame
        The roster: ``site_code``, ``easting``, ``northing`` (metres, EPSG:27700).
    rules : mapping
        ``prior_ambiguity_m``, ``junction_reach_m``, ``area_reach_m``, ``location_p_point``,
        ``location_p_junction``, ``location_p_street``, ``location_p_area``, ``location_p_prior``.

    Returns
    -------
    DataFrame
        Schema ``located``, one row a record, in the order given. ``precision_class``:

        - ``home``: the type or the text says so; no point, no borough;
        - ``mobile``: on a bus, train or taxi; ``outside``: a place outside London; ``none``: nothing found, or
          several places of one name and no known hospital to choose by;
        - ``point``: a station named as one; ``junction``: two streets whose known points lie near each other;
          ``street``; ``area``: a neighbourhood, a station named without the word "station", or a street
          entry wider than ``prior_ambiguity_m``; ``borough``: no point.

        ``location_p`` is provisional: it is the class's, lowered where ``prior_decided``.

    Raises
    ------
    istv_lib.errors.StoreError
        When a table lacks a column.

    Notes
    -----
    A record of location type ``home`` is home whatever its text says: an address in it would be a home's. A
    borough named in the text is contradicted by a named station only: without a street of that name in it the
    answer is the borough. Places of one name that lie together are one place, at their mean. The hospital's
    word is a guess (right for 84 % of ambiguous names if the nearest hospital was attended, 51 % if the third
    nearest); leave out ``prior_decided`` rows to see what rests on it. Misspelt names, venues and postcodes
    are not found. A street missing from the gazetteer may leave its namesake elsewhere as the only candidate,
    so the borough of a street named alone is no better than the gazetteer is complete.
    """
    _need(records, NEEDED, "conformed records")
    _need(gazetteer, names_table.COLUMNS, "place names")
    _need(sites, ["site_code", "easting", "northing"], "sites")
    queries, which = _queries(records, sites)
    answers = _answers(queries, gazetteer, rules)
    per_record = answers.loc[which].reset_index(drop=True)
    kept = records[[n for n in NEEDED if not n.startswith("location")]].reset_index(drop=True)
    return schema.conform(pd.concat([kept, per_record], axis=1), "located")


def _need(table: pd.DataFrame, columns: list[str], what: str) -> None:
    lacking = [c for c in columns if c not in table]
    if lacking:
        message = f"The table of {what} lacks the column {', '.join(lacking)}: see docs/data_dictionary.md."
        raise errors.StoreError(message)


def _queries(records: pd.DataFrame, sites: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Distinct questions (text, site, hint) and, for each record, which one it asks."""
    kind = records["location_type"]
    asked = pd.DataFrame(
        {
            "words": names_table.normalise(records["location_text"]).to_numpy(),
            "site_code": records["site_code"].to_numpy(),
            "hint": kind.where(kind.isin(["home", "transport"]), "").to_numpy(),
        }
    )
    which = asked.groupby(list(asked), sort=False).ngroup().to_numpy()
    queries = asked.drop_duplicates(ignore_index=True)
    roster = sites.drop_duplicates("site_code", keep="last").set_index("site_code")
    for ours, theirs in (("site_x", "easting"), ("site_y", "northing")):
        queries[ours] = queries["site_code"].map(pd.to_numeric(roster[theirs], errors="coerce")).astype(float)
    return queries, which


def text_class(words: pd.Series) -> pd.Series:
    """Tell texts that name no place to look for.

    Parameters
    ----------
    words : Series of str
        Normalised texts (:func:`istv_lib.gazetteer.normalise`).

    Returns
    -------
    Series of str
        ``home``, ``mobile``, ``none`` (only words such as "unknown"), or empty: look for a place.

    Notes
    -----
    Phrases only. Peers measured such lists at about 59 % of homes found with 0.1 % false alarms, so homes
    remain among the unlocated texts and, rarely, as a street. Care homes and journeys home are not homes.
    """
    plain = words.str.replace(_lexicon.NOT_HOME, " ", regex=True)
    nothing = words.str.fullmatch(rf"(?:(?:{'|'.join(_lexicon.NONE_WORDS)}|[0-9]+)(?: |$))*")
    home, mobile = plain.str.contains(_lexicon.HOME), words.str.contains(_lexicon.MOBILE)
    found = np.select([nothing, home, mobile], ["none", "home", "mobile"], default="")
    return pd.Series(found, index=words.index, dtype="str")


def _answers(queries: pd.DataFrame, gazetteer: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each query: everything of the located table that depends on the place."""
    texts = pd.Series(queries["words"].unique(), dtype="str")
    text = pd.Index(texts).get_indexer(queries["words"])
    told = text_class(texts).to_numpy()[text]
    told = np.where(queries["hint"] == "home", "home", told)
    queries = queries.assign(text=text)
    spans = _entries(texts, gazetteer)
    candidates = _candidates(queries[told == ""], spans)
    answers = _places(queries, candidates, rules).reindex(queries.index)
    answers["precision_class"] = answers["precision_class"].fillna(pd.Series(told, index=queries.index))
    answers["precision_class"] = answers["precision_class"].replace("", "none")
    return _finish(answers, rules)


def _entries(texts: pd.Series, gazetteer: pd.DataFrame) -> pd.DataFrame:
    """Gazetteer entries whose names stand in each text, with the places outside London among them."""
    known = gazetteer[["name", "kind", "x", "y", "radius_m", "borough_gss"]]
    bare = (known["kind"] == "station") & ~known["name"].str.endswith(" station")
    known = known.assign(kind=known["kind"].mask(bare, "stop"))
    away = pd.DataFrame({"name": _lexicon.OUTSIDE, "kind": "outside", "borough_gss": ""})
    shut = pd.DataFrame({"name": _decoys(known), "kind": "", "borough_gss": ""})
    more = pd.concat([away, shut], ignore_index=True)
    known = pd.concat([known, more[~more["name"].isin(known["name"])]], ignore_index=True)
    code, names = pd.factorize(known["name"])
    found = _spans.find(texts, pd.Series(names, dtype="str"))
    return found.merge(known.assign(name=code), on="name")


def _decoys(known: pd.DataFrame) -> list[str]:
    """Names that stand for no place we know, listed so that they shut out the shorter name within."""
    after = sorted(_lexicon.STREET_TYPES | _lexicon.VENUE_WORDS)
    towns = [f"{town} {word}" for town in _lexicon.OUTSIDE for word in after]
    stops = known.loc[(known["kind"] == "stop") & ~known["name"].str.contains(" "), "name"]
    pubs = [f"the {stop}" for stop in stops[~stops.isin(known.loc[known["kind"] != "stop", "name"])]]
    return list(dict.fromkeys([*towns, *pubs, *_lexicon.OTHER_NAMES]))


def _candidates(queries: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Every entry that each query's text names, as ``q``, with the rank of its kind for that query."""
    asked = queries[["text", "hint"]].rename_axis("q").reset_index()
    found = asked.merge(spans, on="text")
    found["rank"] = found["kind"].map(_KIND_ORDER)
    return found.sort_values(["q", "start", "rank"], kind="stable", ignore_index=True)


def _places(queries: pd.DataFrame, candidates: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Answer tier by tier; a query that one tier refuses goes on to the next."""
    best_rank = candidates.groupby(["q", "start"])["rank"].transform("min")
    best = candidates[candidates["rank"] == best_rank]
    context = _Context(queries, candidates[best_rank > _KIND_ORDER["street"]])
    here = best.loc[best["kind"].isin(["station", "area", "stop", "borough"]), "q"]
    abroad = best[(best["kind"] == "outside") & ~best["q"].isin(here)]
    answers = [_row_each(abroad["q"].unique(), "outside")]
    left = best[~best["q"].isin(abroad["q"])]
    for tier in _TIERS:
        named = _junctions(left, rules) if tier == "junction" else _first_named(left, tier)
        if tier == "borough":
            chosen = named.drop_duplicates("q").assign(x=np.nan, y=np.nan, radius_m=np.nan, prior_decided=False)
        else:
            chosen = _choose(named, context, rules, tier)
        chosen = chosen.assign(precision_class=_CLASS[tier], matched_kind=_MATCHED.get(tier, tier))
        if tier == "stop":
            travelling = queries.loc[chosen["q"], "hint"].eq("transport").to_numpy()
            chosen["precision_class"] = chosen["precision_class"].mask(travelling, "point")
        answers.append(chosen)
        left = left[~left["q"].isin(chosen["q"])]
    found = pd.concat(answers, ignore_index=True).set_index("q").reindex(columns=list(_ANSWER))
    return found.astype(_ANSWER)


def _row_each(queries: np.ndarray, precision_class: str) -> pd.DataFrame:
    return pd.DataFrame({"q": queries, "precision_class": precision_class, "prior_decided": False})


def _first_named(left: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Entries of the first name of a kind in each text."""
    found = left[left["kind"] == kind]
    return found[found["start"] == found.groupby("q")["start"].transform("min")]


def _junctions(left: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Midpoints of near pairs of entries of two different street names in one text."""
    street = left.loc[left["kind"] == "street", ["q", "text", "name", "x", "y", "borough_gss"]]
    street = street[street.groupby("q")["name"].transform("nunique") > 1]
    asked = street[["q", "text"]].drop_duplicates()
    street = street.drop(columns="q").drop_duplicates().reset_index(names="one")
    pair = street.merge(street, on="text", suffixes=("", "_2"))
    pair = pair[pair["name"] < pair["name_2"]]
    pair["apart"] = np.hypot(pair["x"] - pair["x_2"], pair["y"] - pair["y_2"])
    pair = pair[pair["apart"] < rules["junction_reach_m"]]
    pair["x"], pair["y"] = (pair["x"] + pair["x_2"]) / 2, (pair["y"] + pair["y_2"]) / 2
    pair["radius_m"] = np.maximum(pair["apart"] / 2, names_table.STREET_RADIUS_LEAST_M)
    pair = pair.sort_values(["text", "apart", "x", "y"])
    pair = pair[~pair.duplicated(["text", "name", "one"]) & ~pair.duplicated(["text", "name_2", "one_2"])]
    return asked.merge(pair, on="text")[["q", "x", "y", "radius_m", "borough_gss"]]


class _Context:
    """What else a text says about the place: boroughs named, areas named, and the site attended."""

    def __init__(self, queries: pd.DataFrame, candidates: pd.DataFrame) -> None:
        self.site = queries[["site_x", "site_y"]]
        boroughs = candidates[candidates["kind"] == "borough"]
        self.boroughs = boroughs[["q", "borough_gss"]].drop_duplicates()
        areas = candidates[candidates["kind"].isin(["area", "stop"])]
        self.areas = areas[["q", "start", "x", "y"]].rename(columns={"x": "area_x", "y": "area_y"})

    def in_borough(self, named: pd.DataFrame) -> pd.DataFrame:
        """Mark entries that lie in a borough the text names."""
        both = named[["q", "borough_gss"]].merge(self.boroughs.assign(hit=True), how="left")
        return named.assign(hit=both["hit"].notna().to_numpy(), told=named["q"].isin(self.boroughs["q"]))

    def from_area(self, named: pd.DataFrame) -> np.ndarray:
        """Metres to the nearest area the text names; missing where it names none."""
        rows = named[["q", "x", "y"]].assign(row=np.arange(len(named)))
        pair = rows.merge(self.areas, on="q")
        pair["away"] = np.hypot(pair["x"] - pair["area_x"], pair["y"] - pair["area_y"])
        return pair.groupby("row")["away"].min().reindex(rows["row"]).to_numpy()


def _choose(named: pd.DataFrame, context: _Context, rules: Mapping[str, Any], tier: str) -> pd.DataFrame:
    """One place for each query among the entries of one name, or no row when it cannot be decided.

    A borough named in the text binds all but named stations; an area named binds streets and junctions.
    """
    named = context.in_borough(named)
    if tier == "station":
        any_hit = named.groupby("q")["hit"].transform("any")
        named = named[named["hit"] | ~any_hit]
    else:
        named = named[named["hit"] | ~named["told"]]
    if tier in {"junction", "street"}:
        away = pd.Series(context.from_area(named), index=named.index)
        close = (away == away.groupby(named["q"]).transform("min")) & (named["told"] | (away <= rules["area_reach_m"]))
        named = named[close | away.isna()]
    return _settle(named.reset_index(drop=True), context.site, rules["prior_ambiguity_m"])


def _settle(named: pd.DataFrame, site: pd.DataFrame, together_m: float) -> pd.DataFrame:
    """Entries that lie together are one place; else the nearest pair or the nearest to the site."""
    by = named.groupby("q")
    low, high = by[["x", "y"]].transform("min"), by[["x", "y"]].transform("max")
    named["across"] = np.hypot(high["x"] - low["x"], high["y"] - low["y"])
    one = named[named["across"] <= together_m]
    merged = one.groupby("q", as_index=False).agg(
        x=("x", "mean"), y=("y", "mean"), radius_m=("radius_m", "max"), across=("across", "first"),
        borough_gss=("borough_gss", "first"),
    )  # fmt: skip
    merged["radius_m"] = np.maximum(merged["radius_m"], merged["across"] / 2)
    several = named[named["across"] > together_m]
    at = site.loc[several["q"]]
    several = several.assign(
        away=np.hypot(several["x"] - at["site_x"].to_numpy(), several["y"] - at["site_y"].to_numpy())
    )
    nearest = several.dropna(subset="away").sort_values(["q", "away", "x", "y"]).drop_duplicates("q")
    columns = ["q", "x", "y", "radius_m", "borough_gss"]
    found = [merged[columns].assign(prior_decided=False), nearest[columns].assign(prior_decided=True)]
    return pd.concat(found, ignore_index=True)


def _finish(answers: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Borough of each point, places found to lie outside London, wide streets, and the probability."""
    bare = (answers["matched_kind"] == "station") & (answers["precision_class"] == "area")
    answers["radius_m"] = answers["radius_m"].mask(bare, names_table.AREA_RADIUS_M)
    wide = (answers["precision_class"] == "street") & (answers["radius_m"] > rules["prior_ambiguity_m"])
    answers["precision_class"] = answers["precision_class"].mask(wide, "area")
    answers[["x", "y"]] = answers[["x", "y"]].round(1)
    pointed = answers["x"].notna()
    at = places.borough_of(answers.loc[pointed, "x"], answers.loc[pointed, "y"])
    stated = answers.loc[pointed, "borough_gss"].fillna("")
    answers.loc[pointed, "borough_gss"] = np.where(at == "", stated, at)
    out = pointed & (answers["borough_gss"] == "")
    answers.loc[out, "precision_class"] = "outside"
    answers.loc[out, ["x", "y", "radius_m"]] = np.nan
    graded = {c: rules[f"location_p_{c}"] for c in ("point", "junction", "street", "area")}
    answers["prior_decided"] = answers["prior_decided"].fillna(value=False).astype(bool) & ~out
    lowered = np.where(answers["prior_decided"], rules["location_p_prior"], 1.0)
    answers["location_p"] = answers["precision_class"].map(graded).astype(float) * lowered
    return answers
