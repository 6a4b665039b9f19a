"""People in the loop: which texts to ask a person about, what was decided, and how often the answers were right.

Half of what is asked are the texts that cost most: frequent and uncertain. The other half is a random sample of
attendances, without regard to what was found, so that accuracy is measured without bias. Decisions win from then on,
which changes all months. Texts stay on the restricted side, and no message holds one.
"""

from __future__ import annotations

import bisect
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _intervals, places
from istv_lib._classes import text_class
from istv_lib._decisions import DECISIONS, KEY, current, empty, read, version, write
from istv_lib._review_take import FILL, sheet, take

__all__ = ["FILL", "SHOWN", "accuracy", "current", "empty", "queue", "read", "sheet", "take", "version", "write"]
SHOWN = ["id", "sample", "n", "share_of_texts", "text", "scope", "answer", "p", "x", "y", "explanation", *FILL]
_KEPT = ["drawn", "asked_class", "asked_radius_m", "asked_gss", "asked_name"]
_FINE = ("point", "junction", "street")
_DOUBT = re.compile(r"WORDS\.left|PLACES\.ambiguous|PRIOR|NAME\.|STREET|\.against")
_POINTED = (*_FINE, "area", "district")


def queue(
    texts: pd.DataFrame,
    *,
    size: int,
    rng: np.random.Generator,
    decisions: pd.DataFrame,
    explain: Callable[[Mapping], str] = lambda _: "",
) -> pd.DataFrame:
    """Return what to ask a person about, the audit sample and the costliest texts.

    Parameters
    ----------
    texts : DataFrame
        One row a record whose place was looked for by its text, so without those whose code says home: ``record_id``,
        ``site_code``, ``words`` (normalised text) and the columns of ``geocode.Matcher.match``. Empty texts are left
        out.
    size : int
        About so many texts, one row each; half of them, rounded down, are expected to be the audit sample.
    rng : Generator
        Draws the audit sample.
    decisions : DataFrame
        Of :func:`read`. A text that has been decided is not asked again.
    explain : callable
        ``geocode.explain``: a row of ``texts`` to one sentence.

    Returns
    -------
    DataFrame
        :data:`SHOWN`, and what :func:`take` needs to know again. A row is a text at all sites (``scope`` "all"), or at
        one where sites differ in the answer. ``n``: its records; ``drawn``: records of it in the audit sample;
        ``id``: the same for the same question. Audit rows first, then those with most n x (1 - p)
        of the texts that name something and were placed to a street or better, or not at all, or with a doubt; an area
        that is named and nothing else is as well known as it can be.

    Notes
    -----
    The audit sample is a simple random sample of records without a decision, drawn before the other half is chosen
    and whatever was found for them. A text that is drawn twice is shown once and counts twice. The number of records
    to draw is fixed beforehand from the frequencies alone. How it can mislead: it speaks of answers that nobody had
    decided on, which are harder than the decided ones; and who sees an answer tends to agree with it.
    """
    held = texts[texts["words"] != ""].sort_values(["words", "site_code", "record_id"], kind="stable")
    held = held.assign(scope=_scopes(held))
    done = pd.MultiIndex.from_frame(current(decisions)[KEY])
    alone, whole = (pd.MultiIndex.from_arrays([held["words"], s]) for s in (held["site_code"], ["all"] * len(held)))
    open_ = held[~(alone.isin(done) | whole.isin(done))]
    code = open_.groupby(["words", "scope"], sort=True).ngroup().to_numpy()
    first = open_.assign(code=code).drop_duplicates("code").sort_values("code", ignore_index=True)
    first["n"] = np.bincount(code, minlength=len(first))
    first["drawn"] = _drawn(code, first["n"].to_numpy(), size // 2, rng)
    audit = first[first["drawn"] > 0]
    costs = first.assign(cost=first["n"] * (1 - first["location_p"].fillna(0)))
    costs = costs[_asked(first) & (first["drawn"] == 0) & (costs["cost"] > 0)]
    costs = costs.sort_values(["cost", "words", "scope"], ascending=[False, True, True])
    chosen = pd.concat([audit, costs.head(max(size - len(audit), 0))], ignore_index=True)
    return _shown(chosen, len(held), explain)


def _asked(first: pd.DataFrame) -> pd.Series:
    """Tell texts that a person may know more about: something is left to place, or the answer is in doubt."""
    fine = first["precision_class"]
    doubted = fine.isin(_FINE) | (fine == "none") | first["faults"].fillna("").astype("str").str.contains(_DOUBT)
    return doubted & (text_class(first["words"]) == "")


def _scopes(held: pd.DataFrame) -> np.ndarray:
    """The site of each record where sites differ in the answer to its text, else "all"."""
    answer = held.groupby(["precision_class", "x", "y"], dropna=False).ngroup()
    differ = answer.groupby(held["words"]).transform("nunique") > 1
    return np.where(differ, held["site_code"], "all")


def _drawn(code: np.ndarray, n: np.ndarray, half: int, rng: np.random.Generator) -> np.ndarray:
    """How often each text is drawn when enough records are drawn to expect ``half`` different texts."""
    if half == 0 or len(n) == 0:
        return np.zeros(len(n), dtype="int64")
    share = n / n.sum()
    most = range(len(code) + 1)
    draws = bisect.bisect_left(most, half - 0.5, key=lambda d: (1 - (1 - share) ** d).sum())
    taken = rng.choice(len(code), size=min(draws, len(code)), replace=False)
    return np.bincount(code[taken], minlength=len(n))


def _answer(name: pd.Series, fine: pd.Series) -> pd.Series:
    told = (name + " (" + fine + ")").where(name != "", fine)
    return told.mask(fine == "none", "no place found")


def _shown(chosen: pd.DataFrame, records: int, explain: Callable[[Mapping], str]) -> pd.DataFrame:
    fine = chosen["precision_class"].astype("str")
    out = chosen[["n", "scope", "drawn", "x", "y"]].assign(
        sample=np.where(chosen["drawn"] > 0, "audit", "queue"),
        share_of_texts=(chosen["n"] / max(records, 1)).round(4),
        text=chosen["words"],
        answer=_answer(chosen["matched"].fillna(""), fine),
        p=chosen["location_p"].fillna(0).round(3),
        explanation=[explain(row) for row in chosen.to_dict("records")],
        asked_class=fine,
        asked_radius_m=chosen["radius_m"].round(),
        asked_gss=chosen["borough_gss"].fillna(""),
        asked_name=chosen["matched"].fillna(""),
        **dict.fromkeys(FILL, ""),
    )
    named = ["text", "scope", "sample", "drawn", "asked_class", "x", "y", "p"]
    asked = out[named].to_dict("records")
    out["id"] = ["q" + hashlib.sha256("|".join(map(str, row.values())).encode()).hexdigest()[:10] for row in asked]
    return out[[*SHOWN, *_KEPT]]


# ---- how often the answers were right ----------------------------------------------------------------------------


def accuracy(decisions: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Return how often audited answers were right, by class, on texts without a place, and beside what was stated.

    Parameters
    ----------
    decisions : DataFrame
        Of :func:`read`. Only the audit half counts: lines of ``sample`` "audit" that hold, each ``drawn`` times.
    rules : mapping
        ``right_within_m``, ``map_p_least``.

    Returns
    -------
    DataFrame
        ``measure``, ``stratum``, ``numerator``, ``denominator``, ``value``, ``lower``, ``upper`` (Wilson, 95 %),
        ``n`` (audited attendances), ``expected``, ``status``. Measures:

        - ``right``: by class of the answer and of all (``stratum`` ""). A point, junction or street is right when the
          reviewer's is one too and lies within ``right_within_m``; an area or district when its point does; a borough
          when it is the same; home, mobile, outside, hospital without a name and none when the reviewer says so.
        - ``false_match``: texts without a place that were given one, at all (``stratum`` "given") and on maps ("map");
        - ``calibration``: share right of points, junctions and streets by tenth of the stated probability;
          ``expected`` is the mean stated.

    Notes
    -----
    How it can mislead: a reviewer knows what the words mean and not where it happened; who leaves the hard rows
    empty flatters the answers; audits of several rounds speak of several place lists and methods.
    """
    held = current(decisions)
    held = held[(held["sample"] == "audit") & (held["drawn"] > 0)]
    was, n = held["asked_class"], held["drawn"]
    good, fine = _right(held, rules["right_within_m"]), was.isin(_FINE)
    nowhere = held["decision"] != "place"
    mapped = fine & (held["asked_p"] >= rules["map_p_least"])
    band = (np.floor(held["asked_p"].clip(upper=0.999) * 10) / 10).map("{:.1f}".format)
    parts = [
        _counted("right", good, n, was.mask(was != "", "")),
        _counted("right", good, n, was),
        _counted("false_match", was.isin(_POINTED)[nowhere], n[nowhere], was[nowhere].mask(was != "", "given")),
        _counted("false_match", mapped[nowhere], n[nowhere], was[nowhere].mask(was != "", "map")),
        _counted("calibration", good[fine], n[fine], band[fine], held.loc[fine, "asked_p"]),
    ]
    return _intervals.shares(pd.concat(parts, ignore_index=True))


def _right(held: pd.DataFrame, within: float) -> pd.Series:
    was, place = held["asked_class"], held["decision"] == "place"
    near = place & (np.hypot(held["x"] - held["asked_x"], held["y"] - held["asked_y"]) <= within)
    here, there = (places.borough_of(held[f"{k}x"].fillna(0), held[f"{k}y"].fillna(0)) for k in ("", "asked_"))
    good = {
        "fine": near & held["precision_class"].isin(_FINE),
        "borough": place & (here == there) & (here != ""),
        "word": held["decision"] == was,
    }
    kind = [was.isin(_FINE), was == "borough", was.isin(DECISIONS) & held["asked_x"].isna()]
    return pd.Series(np.select(kind, list(good.values()), near), index=held.index)


def _counted(
    measure: str, good: pd.Series, n: pd.Series, stratum: pd.Series, stated: pd.Series | None = None
) -> pd.DataFrame:
    table = pd.DataFrame({"numerator": good * n, "denominator": n})
    table["expected"] = np.nan if stated is None else stated * n
    out = table.groupby(stratum.rename("stratum")).sum(min_count=1).reset_index()
    return out.assign(measure=measure, expected=out["expected"] / out["denominator"])
