"""What places of a root are found with: names, decisions, and the finder made of them; a helper of pipeline."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from istv_lib import _labelled, gazetteer, geocode, params, places, review, store


class Placed(NamedTuple):
    """Where the records of a root lie, how the place finder did on its labelled texts, and the size of its list."""

    located: pd.DataFrame
    accuracy: pd.DataFrame
    names: int


def placed(where: store.Root, conformed: pd.DataFrame) -> Placed:
    """Place all records: once to learn the sites' catchments, and again with these and probabilities set right."""
    names_ = names(where)
    matcher = ready(where, finder(where, names_), conformed)
    stated = _labelled.judged(where, conformed, matcher.without_decisions(), params.defaults())
    return Placed(geocode.locate(conformed, matcher), stated, len(names_))


def ready(where: store.Root, matcher: geocode.Matcher, conformed: pd.DataFrame) -> geocode.Matcher:
    """Return the place finder that has learned from the records of a root: catchments, and how right it is."""
    matcher = learned(conformed, matcher)
    return judged(_labelled.judged(where, conformed, matcher.without_decisions(), params.defaults()), matcher)


def names(where: store.Root) -> pd.DataFrame:
    """Return the place list: what ships with the code, streets of imported police files, and what the user added."""
    streets, own = (where.store / f"{name}.parquet" for name in ("streets", "gazetteer"))
    more = [gazetteer.streets(pd.read_parquet(streets))] if streets.exists() else []
    more += [pd.read_parquet(own)] if own.exists() else []
    return gazetteer.build(gazetteer.embedded(), *more)


def decisions(where: store.Root) -> pd.DataFrame:
    """Return what people decided about texts, current and superseded: ``R/reference/place_decisions.csv``."""
    path = where.reference / "place_decisions.csv"
    return review.read(path.read_bytes()) if path.exists() else review.empty()


def finder(where: store.Root, names_: pd.DataFrame) -> geocode.Matcher:
    """Return the place finder of a root, with its sites and the decisions that hold."""
    held = review.current(decisions(where))
    return geocode.Matcher(names_, sites(where), rules=params.defaults(), decisions=held)


def sites(where: store.Root) -> pd.DataFrame:
    """Return the roster of a root, and the shipped sites that it does not name."""
    both = pd.concat([places.shipped_sites().astype("str"), store.load("sites", where=where).astype("str")])
    return both.drop_duplicates("site_code", keep="last", ignore_index=True)


def learned(conformed: pd.DataFrame, matcher: geocode.Matcher) -> geocode.Matcher:
    """Return the place finder that knows each site's catchment, learned from records that need no site to be placed."""
    return matcher.with_catchment(geocode.catchment(geocode.locate(conformed, matcher), rules=params.defaults()))


def judged(labels: pd.DataFrame, matcher: geocode.Matcher) -> geocode.Matcher:
    """Return the place finder with its probabilities set right by labelled texts (table ``place_accuracy``).

    Fewer than ``labels_least`` of them with a point leave the probabilities as they were fitted.
    """
    rules = params.defaults()
    put = labels[labels["x"].notna() & labels["location_p"].between(0, 1, inclusive="neither")]
    if len(put) < rules["labels_least"]:
        return matcher
    error = np.hypot(put["x"] - put["x_true"], put["y"] - put["y_true"])
    return matcher.with_labels(put["location_p"], error <= rules["right_within_m"])


def texts(where: store.Root, span: tuple[str, str]) -> pd.DataFrame:
    """Return the texts of some months' records and where they were placed; those whose code says home are left out.

    Restricted: ``words`` is the normalised text. Beside it the columns of the table ``located`` and ``matched``, the
    name of the place, which that table does not keep; empty where the catchment, not known here, chose another.
    """
    held = store.load("conformed", months=span, where=where)
    held = held.loc[held["location_type"] != "home", ["record_id", "location_text"]]
    both = held.merge(store.load("located", months=span, where=where), on="record_id")
    found = finder(where, names(where)).match(both["location_text"], both["site_code"])
    same = found["x"].eq(both["x"]) | (found["x"].isna() & both["x"].isna())
    words = gazetteer.normalise(both["location_text"])
    return both.drop(columns="location_text").assign(matched=found["matched"].where(same, ""), words=words)
