"""The gazetteer made ready for matching: a tree of its names, its places and their points.

A helper of :mod:`istv_lib.geocode`. All points are metres, EPSG:27700.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from istv_lib import _classes, _lexicon, _pid_words, _spans

# Of equally long names the kind that is taken when they overlap.
_RANK = {"postcode": 0, "station": 0, "street": 0, "hospital": 0, "borough": 1, "area": 1, "district": 1, "stop": 1}
_LAST = 2


class Atlas:
    """Places, their names and points, as arrays.

    Parameters
    ----------
    gazetteer : DataFrame
        Of :func:`istv_lib.gazetteer.build`.
    """

    def __init__(self, gazetteer: pd.DataFrame) -> None:
        table = _with_decoys(gazetteer)
        table["key"] = _keys(table["name"])
        table = table[table["key"] != ""]
        table["place"], ids = pd.factorize(table["place"])
        table["name"], names = pd.factorize(table["key"])
        rank = table["kind"].map(_RANK).fillna(_LAST).groupby(table["name"]).min().to_numpy(dtype=np.int64)
        self.keys = pd.Index(names)
        self.names = _spans.Names(pd.Series(names, dtype="str"), rank)
        self.street_names = int(table.loc[table["kind"] == "street", "name"].nunique())
        self._take_entries(table)
        self._take_places(table, ids)

    def _take_entries(self, table: pd.DataFrame) -> None:
        """Which places a name may stand for."""
        entries = table[["name", "place", "kind"]].drop_duplicates().sort_values(["name", "place", "kind"])
        self.entry_place, self.entry_kind = entries["place"].to_numpy(), entries["kind"].to_numpy()
        self.first_entry = np.searchsorted(entries["name"], np.arange(entries["name"].max() + 2))
        words = table.drop_duplicates("name").sort_values("name")["key"].str.split()
        self.plain = np.array([all(word in _classes.PLAIN for word in key) for key in words])
        self.person = words.str[-1].isin(_pid_words.NAMES).to_numpy() & (words.str.len() == 1).to_numpy()

    def _take_places(self, table: pd.DataFrame, ids: pd.Index) -> None:
        """Centre, radius, borough and written name of each place, and all its points."""
        official = table.sort_values(["place", "alias"], key=_official_first, kind="stable").drop_duplicates("place")
        official = official.set_index("place").reindex(range(len(ids)))
        self.display, self.borough = official["display"].to_numpy(), official["borough_gss"].to_numpy()
        self.radius = official["radius_m"].to_numpy(dtype=float)
        points = table[["place", "x", "y"]].drop_duplicates().sort_values(["place", "x", "y"])
        middle = points.groupby("place")[["x", "y"]].median().reindex(range(len(ids)))
        self.x, self.y = middle["x"].to_numpy(), middle["y"].to_numpy()
        self.px, self.py = points["x"].to_numpy(), points["y"].to_numpy()
        self.first_point = np.searchsorted(points["place"], np.arange(len(ids) + 1))
        far = np.hypot(self.px - self.x[points["place"]], self.py - self.y[points["place"]])
        self.reach = pd.Series(far).groupby(points["place"].to_numpy()).max().reindex(range(len(ids))).to_numpy()

    def near(self, one: np.ndarray, two: np.ndarray, most: float) -> dict[str, np.ndarray]:
        """Distance between two places at their nearest points, for each pair of places.

        Parameters
        ----------
        one, two : array of int
            Places.
        most : float
            Metres beyond which the distance need not be exact (a lower bound is given then).

        Returns
        -------
        dict of arrays
            ``d`` (metres; missing where a place has no point), ``x1``, ``y1``, ``x2``, ``y2``: the nearest points.
        """
        points = [self.x[one], self.y[one], self.x[two], self.y[two]]
        d = np.hypot(points[0] - points[2], points[1] - points[3]) - self.reach[one] - self.reach[two]
        many = self.reach[one] + self.reach[two] > 0
        close = np.flatnonzero((d <= most) & many)
        d = np.maximum(d, 0.0)
        n2 = (self.first_point[two[close] + 1] - self.first_point[two[close]]).astype(np.int64)
        n1 = self.first_point[one[close] + 1] - self.first_point[one[close]]
        which, k = _spans.each(np.zeros(len(close), np.int64), n1 * n2)
        a = self.first_point[one[close]][which] + k // n2[which]
        b = self.first_point[two[close]][which] + k % n2[which]
        exact = np.hypot(self.px[a] - self.px[b], self.py[a] - self.py[b])
        order = np.lexsort((b, a, exact, which))
        head = order[np.r_[True, np.diff(which[order]) > 0]] if len(order) else order
        d[close[which[head]]] = exact[head]
        for part, values in zip(points, (self.px[a], self.py[a], self.px[b], self.py[b]), strict=True):
            part[close[which[head]]] = values[head]
        return dict(zip(("d", "x1", "y1", "x2", "y2"), (d, *points), strict=True))


def _keys(names: pd.Series) -> pd.Series:
    """Names without the words that are skipped."""
    unique = pd.Series(names.unique(), dtype="str")
    bare = unique.str.replace(rf"\b(?:{'|'.join(_spans.SKIPPED)})\b", " ", regex=True)
    bare = bare.str.replace(" +", " ", regex=True).str.strip()
    return names.map(dict(zip(unique, bare, strict=True))).astype("str")


def _official_first(column: pd.Series) -> pd.Series:
    return column != "official" if column.name == "alias" else column


def _with_decoys(gazetteer: pd.DataFrame) -> pd.DataFrame:
    """The gazetteer with bare stations as stops, places outside London, and names that shut out shorter ones."""
    table = gazetteer.copy()
    table["kind"] = table["kind"].mask((table["kind"] == "station") & (table["alias"] == "bare"), "stop")
    places_ = set(table.loc[table["kind"].isin(["street", "area", "borough", "stop"]), "name"])
    called = table["name"].str.startswith("the ") & table["name"].str.removeprefix("the ").isin(places_)
    table = table[~(called & table["kind"].eq("venue"))]  # "the church road" is the road, whatever a pub is called
    away = pd.DataFrame({"name": _lexicon.OUTSIDE, "kind": "outside"})
    after = sorted(_lexicon.STREET_TYPES | _lexicon.VENUE_WORDS)
    shut = [f"{town} {word}" for town in _lexicon.OUTSIDE for word in after] + [*_lexicon.OTHER_NAMES]
    stops = table.loc[table["kind"].eq("stop") & ~table["name"].str.contains(" "), "name"]
    other = table.loc[table["kind"].isin(["venue", "area", "street"]), "name"]
    shut += [f"the {name}" for name in stops[~stops.isin(other)]]  # "the angel" is no station
    more = pd.concat([away, pd.DataFrame({"name": shut, "kind": "decoy"})], ignore_index=True)
    more = more[~more["name"].isin(table["name"])].drop_duplicates("name")
    more = more.assign(place=more["kind"] + ":" + more["name"], display=more["name"], alias="official", type="")
    return pd.concat([table, more], ignore_index=True).fillna({"borough_gss": "", "source": "", "licence": ""})
