"""Where an attendance happened: free text to a point, a street, an area, a borough, or honestly nothing.

A text is cleaned, told apart (home, on the move, nothing named), and read for the names of a gazetteer, also misspelt.
Each place that a name may stand for is scored by what the rest of the text says; the attended hospital is asked only
where several places are left. Every answer carries a probability and the reasons for it. Nothing is sent anywhere.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _choice, _faults, _grades, _reading, _settle, errors, places, schema
from istv_lib import gazetteer as names_table
from istv_lib._atlas import Atlas
from istv_lib._classes import text_class

METHOD = "2"  # raise it with any change that can change an answer
NEEDED = "record_id submission_id site_code month synthetic location_text location_type".split()
RESULT = {
    "x": "float64", "y": "float64", "precision_class": "str", "radius_m": "float64", "location_p": "float64",
    "prior_decided": "bool", "borough_gss": "str", "matched_kind": "str", "matched": "str", "gap": "float64",
    "faults": "str",
}  # fmt: skip
_CLASS = {
    "postcode": "point", "station": "point", "venue": "point", "junction": "junction", "street": "street",
    "stop": "area", "area": "area", "district": "district", "borough": "borough", "hospital": "hospital",
    "outside": "outside",
}  # fmt: skip
_MATCHED = {"stop": "station", "outside": ""}
_TOLD = {"custody": "none"}
_CHUNK = 5_000  # distinct texts read at a time, to bound memory
DECIDED_P = 0.99  # a person said so


class Matcher:
    """A gazetteer and a roster of sites, ready to place texts.

    Parameters
    ----------
    gazetteer : DataFrame
        Of :func:`istv_lib.gazetteer.build`, EPSG:27700.
    sites : DataFrame
        ``site_code``, ``easting``, ``northing`` (metres, EPSG:27700).
    rules : mapping
        ``junction_reach_m``, ``prior_ambiguity_m``, ``prior_doubt_m``, ``prior_reach_m``, ``prior_slope``,
        ``catchment_slope``.
    decisions : DataFrame, optional
        What people decided (:func:`istv_lib.review.current`): ``text`` (normalised), ``scope`` ("all" or a site),
        ``decision``, ``x``, ``y``, ``precision_class``, ``radius_m``, ``name``. A decision wins over all else, that of
        a site over that of all.

    Raises
    ------
    istv_lib.errors.StoreError
        When a table lacks a column.
    """

    def __init__(
        self,
        gazetteer: pd.DataFrame,
        sites: pd.DataFrame,
        *,
        rules: Mapping[str, Any],
        decisions: pd.DataFrame | None = None,
    ) -> None:
        _need(gazetteer, names_table.COLUMNS, "place names")
        _need(sites, ["site_code", "easting", "northing"], "sites")
        self._atlas, self._rules = Atlas(gazetteer), rules
        roster = sites.drop_duplicates("site_code", keep="last").set_index("site_code")
        self._sites = roster[["easting", "northing"]].apply(pd.to_numeric, errors="coerce").astype("float64")
        self.decided, self.shares = _decided(decisions), _shares(None)
        self.shift = _grades.AS_FITTED
        self.versions = [names_table.version(gazetteer), _hash(decisions), "0", "0", METHOD]

    @property
    def version(self) -> str:
        """What answers rest on: gazetteer, decisions, catchment, labels ("0": none) and method, hyphens between."""
        return "-".join(self.versions)

    def with_catchment(self, catchment_: pd.DataFrame) -> Matcher:
        """Return the same place finder that knows where each site's attendances came from (:func:`catchment`)."""
        other = copy.copy(self)
        other.shares = _shares(catchment_)
        other.versions = [*self.versions[:2], _hash(catchment_), *self.versions[3:]]
        return other

    def with_labels(self, stated: pd.Series, near: pd.Series) -> Matcher:
        """Return the same place finder with probabilities that agree with labelled texts of one's own.

        Parameters
        ----------
        stated, near : Series
            Of labelled texts that this place finder gave a point: its probability, and whether that lay within 250 m
            of the truth.
        """
        other = copy.copy(self)
        other.shift = _grades.shifted(stated.to_numpy(), near.to_numpy(dtype=float))
        other.versions = [*self.versions[:3], _hash(pd.DataFrame({"by": other.shift})), METHOD]
        return other

    def without_decisions(self) -> Matcher:
        """Return the same place finder that asks nobody: what it is judged by."""
        other = copy.copy(self)
        other.decided = None
        other.versions = [self.versions[0], "0", *self.versions[2:]]
        return other

    def match(self, texts: pd.Series, sites: pd.Series | None = None, *, evidence: bool = False) -> pd.DataFrame:
        """Find the place of each text.

        Parameters
        ----------
        texts : Series of str
            As typed; missing values count as empty.
        sites : Series of str, optional
            Code of the attended site of each text; unknown codes count as none.
        evidence : bool
            Whether what the probability is judged by comes too, one column each (:mod:`istv_lib._grades`).

        Returns
        -------
        DataFrame
            Same index. ``x``, ``y`` (metres, EPSG:27700; missing: no point) and

            - ``precision_class``: ``point`` (station, venue, postcode), ``junction``, ``street``, ``area`` (a
              neighbourhood, a long street, a station named without the word), ``district`` (postcode sector or
              outcode), ``borough`` (no point), ``hospital`` (never mapped),
              ``home``, ``mobile``, ``outside``, ``none``;
            - ``radius_m``: metres about the point within which the place lies, as the gazetteer knows it;
            - ``location_p``: probability that the point lies within 250 m of the truth; 0 without a point;
            - ``prior_decided``: the attended site decided; without it the row would differ. Other rows would not;
            - ``borough_gss``, ``matched_kind``, ``matched`` (the place's name);
            - ``gap``: points to the next place elsewhere, missing where there is none;
            - ``faults``: what the answer gained and lost, as codes (:func:`explain` puts them in words).

        Notes
        -----
        The same text and site get the same answer, whatever else is asked; case, punctuation and the order of two
        streets do not matter. A place that the gazetteer lacks may have a namesake elsewhere: a lone street or venue
        that nothing else in the text supports is doubted beyond ``prior_doubt_m`` and dropped beyond
        ``prior_reach_m`` from the site. The probability was fitted on texts whose attended site was the nearest.
        """
        words, site = names_table.normalise(texts), _plain(texts, sites)
        asked = pd.DataFrame({"words": words.to_numpy(), "site_code": site.to_numpy()})
        which = asked.groupby(["words", "site_code"], sort=False).ngroup().to_numpy()
        asked = asked.drop_duplicates(ignore_index=True)
        text, unique = pd.factorize(asked["words"])
        asked = asked.assign(text=text).join(self._sites, on="site_code")
        asked = asked.rename(columns={"easting": "site_x", "northing": "site_y"})
        parts = [
            self._chunk(asked[(text >= low) & (text < low + _CHUNK)], unique, low)
            for low in range(0, len(unique), _CHUNK)
        ]
        found = pd.concat(parts).sort_index() if parts else pd.DataFrame(columns=list(RESULT)).astype(RESULT)
        return found[[*RESULT, *(_grades.FEATURES if evidence else ())]].iloc[which].set_axis(texts.index)

    def _chunk(self, asked: pd.DataFrame, unique: pd.Index, low: int) -> pd.DataFrame:
        """Answers to the questions of one stretch of distinct texts, under their index."""
        words = pd.Series(unique[low : low + _CHUNK], dtype="str")
        told = text_class(words).replace(_TOLD)
        best, told_of, facts = self._read(words.where(told.isin(["", "none"]), ""), told.eq("none").to_numpy())
        told = told.mask(told.eq("none") & told.index.isin(best["text"]), "")
        questions = asked.assign(text=asked["text"] - low).reset_index()
        out = _settle.by_site(best, questions, self._atlas, self._prior, self._rules)
        out = pd.concat([out, facts.iloc[questions["text"]].reset_index(drop=True)], axis=1)
        answers = self._finish(out, told_of, told.iloc[questions["text"]].to_numpy())
        answers = _overruled(answers, questions, self.decided)
        return answers.set_axis(questions["index"])

    def _read(self, words: pd.Series, empty: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Best candidates of each text, what was said of them, and the facts of each text."""
        atlas = self._atlas
        spans, facts = _reading.read(_reading.prepared(words, atlas), atlas, empty)
        cand = _choice.candidates(spans, atlas, self._rules["junction_reach_m"])
        told = _choice.agreement(cand, atlas)
        scored = _choice.score(cand, told)
        return _settle.by_text(scored, told, atlas, self._rules), told, facts

    def _prior(self, site: pd.Series, away: pd.Series, borough: pd.Series) -> np.ndarray:
        """Points of candidates by the attended site: nearer, and in boroughs that its attendances come from."""
        points = -self._rules["prior_slope"] * np.log1p(away.to_numpy() / 2000)
        if self.shares.empty:
            return points
        share = self.shares.reindex(pd.MultiIndex.from_arrays([site, borough])).to_numpy()
        known = ~np.isnan(share)
        learned = self._rules["catchment_slope"] * np.log(np.where(known, share, 1.0))
        return np.where(known, learned - 0.2 * self._rules["prior_slope"] * np.log1p(away.to_numpy() / 2000), points)

    def _finish(self, out: pd.DataFrame, told_of: pd.DataFrame, told: np.ndarray) -> pd.DataFrame:
        """Classes, boroughs, names, probabilities and reasons of chosen candidates."""
        atlas, rules = self._atlas, self._rules
        place = out["place"].fillna(-1).astype("int64").to_numpy()
        named = np.where((place >= 0) & out["why"].ne("ambiguous"), atlas.display[place], "")
        other = out["place_2"].fillna(-1).astype("int64").to_numpy()
        crossing = other >= 0
        pairs = [" / ".join(sorted(pair)) for pair in zip(named[crossing], atlas.display[other[crossing]], strict=True)]
        named[crossing] = pairs
        out = out.assign(display=pd.Series(named, out.index, dtype="str"))
        fine = out["kind"].map(_CLASS).fillna("none")
        wide = fine.isin(["street", "point"]) & (out["radius_m"] > rules["prior_ambiguity_m"])
        fine = fine.mask(wide, "area").where(told == "", told)
        pointed = ~fine.isin(["borough", "outside", "none", "home", "mobile"]) & out["x"].notna() & (told == "")
        x, y = (out[name].where(pointed).round(1) for name in ("x", "y"))
        stated = pd.Series(np.where((place >= 0) & fine.ne("none") & (told == ""), atlas.borough[place], ""), out.index)
        at = pd.Series(places.borough_of(x, y), index=out.index)
        borough = at.mask(~pointed | ((at == "") & (out["kind"] == "hospital")), stated)
        gone = pointed & (borough == "")
        answers = pd.DataFrame({
            "x": x.mask(gone), "y": y.mask(gone), "precision_class": fine.mask(gone, "outside"),
            "radius_m": out["radius_m"].where(pointed & ~gone), "prior_decided": out["prior_decided"].eq(other=True),
            "borough_gss": borough, "matched_kind": out["kind"].replace(_MATCHED), "matched": out["display"],
            "gap": out["gap"],
        })  # fmt: skip
        features = _grades.features(out)
        answers["location_p"] = np.where(answers["x"].notna(), _grades.probability(features, self.shift).round(3), 0.0)
        answers["faults"] = _faults.codes(out, told_of)
        unplaced = ~fine.isin([*_CLASS.values()]) | gone
        answers.loc[unplaced, ["matched_kind", "matched"]] = ""
        answers.loc[told != "", "faults"] = ""
        answers.loc[told != "", "prior_decided"] = False
        return pd.concat([answers[list(RESULT)].astype(RESULT), features], axis=1)


def explain(answer: Mapping[str, Any]) -> str:
    """One sentence that says why an answer is what it is.

    Parameters
    ----------
    answer : mapping
        A row of :meth:`Matcher.match`.
    """
    return _faults.sentence(answer)


def catchment(located: pd.DataFrame, *, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Where each site's attendances came from, as far as texts alone tell.

    Parameters
    ----------
    located : DataFrame
        Schema ``located``: ``site_code``, ``month``, ``borough_gss``, ``prior_decided``, ``location_p``.
    rules : mapping
        ``catchment_records_least``.

    Returns
    -------
    DataFrame
        ``site_code``, ``borough_gss``, ``n``: attendances of whole calendar years placed in a borough without asking
        the site; sites with fewer than ``catchment_records_least`` are left out.

    Notes
    -----
    Only whole calendar years count, so that answers change once a year and not with every file. Where texts of far
    boroughs are vaguer than those of near ones, the catchment looks narrower than it is.
    """
    months = located["month"].unique()
    years = pd.Series(months, dtype="str").str[:4].value_counts()
    whole = years.index[years == 12]
    sure = located[located["month"].str[:4].isin(whole) & ~located["prior_decided"] & (located["borough_gss"] != "")]
    found = sure.groupby(["site_code", "borough_gss"], as_index=False).size().rename(columns={"size": "n"})
    enough = found.groupby("site_code")["n"].transform("sum") >= rules["catchment_records_least"]
    return found[enough].reset_index(drop=True)


def locate(records: pd.DataFrame, matcher: Matcher) -> pd.DataFrame:
    """Find the place of each record.

    Parameters
    ----------
    records : DataFrame
        Conformed records: ``record_id``, ``submission_id``, ``site_code``, ``month``, ``synthetic``,
        ``location_text`` and ``location_type``.
    matcher : Matcher
        The place finder.

    Returns
    -------
    DataFrame
        Schema ``located``, one row a record, in the order given; texts are left behind. A record of location type
        ``home`` is home whatever its text says: an address in it would be a home's. A bare station name of type
        ``transport`` is the station.

    Raises
    ------
    istv_lib.errors.StoreError
        When the records lack a column.
    """
    _need(records, NEEDED, "conformed records")
    found = matcher.match(records["location_text"], records["site_code"]).reset_index(drop=True)
    kind = records["location_type"].reset_index(drop=True)
    home = kind == "home"
    found.loc[home, ["x", "y", "radius_m"]] = np.nan
    found.loc[home, ["borough_gss", "matched_kind", "matched", "faults"]] = ""
    found.loc[home, "precision_class"] = "home"
    found.loc[home, "location_p"] = 0.0
    found.loc[home, "prior_decided"] = False
    area = kind.eq("transport") & found["precision_class"].eq("area")
    station = matcher.match(records["location_text"][area.to_numpy()] + " station").set_axis(found.index[area])
    station = station[station["matched_kind"].eq("station") & station["precision_class"].eq("point")]
    found.loc[station.index] = station
    kept = records[[n for n in NEEDED if not n.startswith("location")]].reset_index(drop=True)
    return schema.conform(
        pd.concat([kept, found.drop(columns="matched").assign(place_version=matcher.version)], axis=1), "located"
    )


def _need(table: pd.DataFrame, columns: list[str], what: str) -> None:
    lacking = [c for c in columns if c not in table]
    if lacking:
        message = f"The table of {what} lacks the column {', '.join(lacking)}: see docs/data_dictionary.md."
        raise errors.StoreError(message)


def _plain(texts: pd.Series, sites: pd.Series | None) -> pd.Series:
    return pd.Series("", index=texts.index, dtype="str") if sites is None else sites.fillna("").astype("str")


def _hash(table: pd.DataFrame | None) -> str:
    """Six hex digits of a small table, in any order of its rows; 0 without one."""
    if table is None or table.empty:
        return "0"
    text = table[sorted(table.columns)].astype("object").fillna("").astype("str").agg("\t".join, axis=1)
    return hashlib.sha256("\n".join(sorted(text)).encode()).hexdigest()[:6]


def _shares(catchment_: pd.DataFrame | None) -> pd.Series:
    """Share of each site's attendances by borough, with one more in each borough, so that none is impossible."""
    if catchment_ is None or catchment_.empty:
        return pd.Series(dtype="float64")
    every = pd.MultiIndex.from_product([catchment_["site_code"].unique(), places.boroughs()["gss"]])
    n = catchment_.set_index(["site_code", "borough_gss"])["n"].reindex(every).fillna(0) + 1
    return n / n.groupby(level=0).transform("sum")


def _decided(decisions: pd.DataFrame | None) -> pd.DataFrame | None:
    if decisions is None or decisions.empty:
        return None
    return decisions.set_index(["text", "scope"])


def _overruled(answers: pd.DataFrame, questions: pd.DataFrame, decided: pd.DataFrame | None) -> pd.DataFrame:
    """Put what people decided in place of what was found."""
    if decided is None:
        return answers
    for scope in (pd.Series("all", questions.index), questions["site_code"]):
        at = decided.index.get_indexer(pd.MultiIndex.from_arrays([questions["words"], scope]))
        hit = np.flatnonzero(at >= 0)
        row = decided.iloc[at[hit]].reset_index(drop=True)
        place = row["decision"] == "place"
        x, y = (row[name].astype(float).where(place) for name in ("x", "y"))
        fine = row["precision_class"].where(place, row["decision"])
        bare = fine == "borough"
        right = pd.DataFrame({
            "x": x.mask(bare), "y": y.mask(bare), "precision_class": fine,
            "radius_m": row["radius_m"].astype(float).where(place & ~bare),
            "location_p": np.where(place & fine.isin(["point", "junction", "street"]), DECIDED_P, 0.0),
            "prior_decided": False, "borough_gss": np.where(place, places.borough_of(x, y), ""),
            "matched_kind": np.where(place, "decision", ""), "matched": row["name"].where(place, "").fillna(""),
            "gap": np.nan, "faults": "DECIDED",
        }).astype(RESULT)  # fmt: skip
        answers.loc[answers.index[hit], list(RESULT)] = right.set_axis(answers.index[hit])
    return answers
