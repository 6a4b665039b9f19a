"""The place that a reviewer writes down: a name, two streets, a postcode or coordinates; a helper of review."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import places
from istv_lib._wording import normalise

_POINT = re.compile(r"(\d{6})(?:\.\d+)?[\s,;]*(\d{6})(?:\.\d+)?")
_CLASS = {"borough": "borough", "district": "district", "area": "area", "street": "street", "hospital": "hospital"}
_MANY = "several places have this name; add a comma and the borough, or write easting and northing"
_NONE = "not in the place list; write easting and northing"


class NoPlaceError(Exception):
    """A place that cannot be used; ``column`` is the one to mend, the message why. It never holds what was written."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column = column


class Resolver:
    """Finds the one place that a reviewer means, exactly: nothing is guessed."""

    def __init__(self, gazetteer: pd.DataFrame, rules: Mapping[str, Any]) -> None:
        self._known, self._rules = gazetteer, rules
        boroughs = places.boroughs()
        self._labels = dict(
            zip(boroughs["gss"], zip(boroughs["label_x"], boroughs["label_y"], strict=True), strict=True)
        )
        self._boroughs = dict(zip(normalise(boroughs["name"]), boroughs["gss"], strict=True))

    def label(self, gss: str) -> tuple[float, float]:
        """Return where the name of a borough stands on a map."""
        return self._labels.get(gss, (np.nan, np.nan))

    def __call__(self, text: str, radius: str) -> dict[str, Any]:
        """Return ``x``, ``y``, ``precision_class``, ``radius_m`` and ``name`` of what was written."""
        point = _POINT.fullmatch(text)
        if point:
            found = {"x": float(point[1]), "y": float(point[2]), "name": "", "precision_class": "point"}
            found["radius_m"] = float(self._rules["review_radius_m"])
        else:
            both = [part for part in text.split("/") if part.strip()]
            found = self._junction(*both) if len(both) == 2 else self._place(self._rows(text))
        if radius:
            found["radius_m"] = pd.to_numeric(radius, errors="coerce")
        if not found["radius_m"] > 0:
            raise NoPlaceError("radius_m", "not a number of metres above 0")
        if point and found["radius_m"] > self._rules["right_within_m"]:
            found["precision_class"] = "area"
        if places.borough_of([found["x"]], [found["y"]])[0] == "":
            raise NoPlaceError("place", "outside London; decide outside")
        return found

    def _rows(self, text: str) -> pd.DataFrame:
        """Entries of a name, or of a name before a comma and a borough."""
        name, _, borough = text.rpartition(",")
        whole, name, borough = normalise(pd.Series([text, name, borough]))
        rows = self._known[self._known["name"] == whole]
        if rows.empty and borough in self._boroughs:
            rows = self._known[(self._known["name"] == name) & (self._known["borough_gss"] == self._boroughs[borough])]
        if rows.empty:
            raise NoPlaceError("place", _NONE)
        return rows

    def _place(self, rows: pd.DataFrame) -> dict[str, Any]:
        """The one place of some entries; a borough goes before all else of its name."""
        for better in (rows["alias"] != "bare", rows["kind"] == "borough"):
            rows = rows[better] if better.reindex(rows.index).any() else rows
        if len(rows["place"].unique()) > 1:
            raise NoPlaceError("place", _MANY)
        kind, name = rows["kind"].iloc[0], rows["display"].iloc[0]
        x, y = (
            self.label(rows["borough_gss"].iloc[0]) if kind == "borough" else (rows["x"].median(), rows["y"].median())
        )
        spread = np.hypot(rows["x"] - x, rows["y"] - y).max() if len(rows) > 1 else 0.0
        radius = float(np.nanmax([rows["radius_m"].max(), spread]))
        wide = kind == "street" and radius > self._rules["prior_ambiguity_m"]
        fine = "area" if wide else _CLASS.get(kind, "point")
        return {"x": round(x, 1), "y": round(y, 1), "precision_class": fine, "radius_m": round(radius), "name": name}

    def _junction(self, one: str, other: str) -> dict[str, Any]:
        """Where two streets come nearest to each other."""
        streets = [rows[rows["kind"] == "street"] for rows in (self._rows(one), self._rows(other))]
        pair = streets[0].merge(streets[1], how="cross", suffixes=("", "_2"))
        apart = np.hypot(pair["x"] - pair["x_2"], pair["y"] - pair["y_2"])
        pair, apart = pair[apart < self._rules["junction_reach_m"]], apart[apart < self._rules["junction_reach_m"]]
        if pair.empty:
            raise NoPlaceError("place", "these two streets are not known to meet; write easting and northing")
        if pair.groupby(["place", "place_2"]).ngroups > 1:
            raise NoPlaceError("place", _MANY)
        near = pair.loc[apart.idxmin()]
        x, y = (near["x"] + near["x_2"]) / 2, (near["y"] + near["y_2"]) / 2
        radius = max(apart.min() / 2, float(self._rules["review_radius_m"]))
        name = f"{near['display']} / {near['display_2']}"
        return {
            "x": round(x, 1),
            "y": round(y, 1),
            "precision_class": "junction",
            "radius_m": round(radius),
            "name": name,
        }
