"""Labelled texts to labels and answers side by side, the texts left behind: a helper of :mod:`istv_lib.accuracy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pandas as pd

from istv_lib import places, schema

ANSWER = "x y precision_class radius_m location_p prior_decided borough_gss".split()
LABELS = "text synthetic sample kind style site_code typos x_true y_true borough_true lsoa_true".split()


class Matcher(Protocol):
    """What finds places: :class:`istv_lib.geocode.Matcher`."""

    version: str

    def match(self, texts: pd.Series, sites: pd.Series | None = None) -> pd.DataFrame:
        """Return the place of each text."""


def judge(labelled: pd.DataFrame, matcher: Matcher, lsoa_of: Callable[[Any, Any], Any] | None = None) -> pd.DataFrame:
    """Find the place of labelled texts and return labels and answers side by side, without the texts.

    Parameters
    ----------
    labelled : DataFrame
        The columns of :data:`LABELS`. ``kind`` is ``place``, ``none``, ``home``, ``mobile`` or ``outside``; ``x_true``
        and ``y_true`` (metres, EPSG:27700) are missing where the text names no place in London.
    matcher : Matcher
        One that knows no decisions of people: with them it would be asked what it was told.
    lsoa_of : callable, optional
        Eastings and northings to codes of Lower Layer Super Output Areas, where a layer of them is there.

    Returns
    -------
    DataFrame
        Schema ``place_accuracy``, in an order that tells nothing of the texts' own.

    Notes
    -----
    How it can mislead: labels are somebody's reading of a text. Who labels with the place finder's answer in sight
    agrees with it more often than not. A decided place that is an area has a centre, and no true point.
    """
    rows = labelled[LABELS].reset_index(drop=True)
    found = matcher.match(rows["text"], rows["site_code"]).reset_index(drop=True)
    out = pd.concat([rows.drop(columns="text"), found[ANSWER]], axis=1).assign(place_version=matcher.version)
    at = places.borough_of(out["x_true"], out["y_true"])
    out["borough_true"] = out["borough_true"].where(out["borough_true"] != "", at)
    if lsoa_of is not None:
        out["lsoa"] = lsoa_of(out["x"], out["y"])
        out["lsoa_true"] = out["lsoa_true"].where(out["lsoa_true"] != "", lsoa_of(out["x_true"], out["y_true"]))
    order = ["sample", "kind", "style", "site_code", "x_true", "y_true", "x", "y"]
    return schema.conform(out, "place_accuracy").sort_values(order, kind="stable", ignore_index=True)
