"""A made-up London for the geocoder's benchmark: a gazetteer of invented names in the real boroughs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml
from scipy.spatial import cKDTree

from istv_lib import _wording, places

WORDS = yaml.safe_load(Path(__file__).with_name("geocode_words.yml").read_text(encoding="utf-8"))


def listed(words: str) -> list[str]:
    return [one.strip() for one in words.split("|")]


class World(NamedTuple):
    gazetteer: pd.DataFrame  # a row a name and point
    sites: pd.DataFrame  # the roster's 28 main departments
    things: pd.DataFrame  # a row a place, as texts speak of it
    crossings: pd.DataFrame  # a, b (rows of things), x, y, borough_gss


def _spread(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Points in the boroughs, in each by the square root of its ground."""
    x, y = rng.uniform(503_000, 562_000, 120_000), rng.uniform(155_000, 201_000, 120_000)
    ground = pd.DataFrame({"x": x, "y": y, "gss": places.borough_of(x, y)}).query("gss != ''").sort_values("gss")
    size = ground["gss"].value_counts(sort=False).to_numpy()
    which = rng.choice(len(size), n, p=np.sqrt(size) / np.sqrt(size).sum())
    at = (np.cumsum(size) - size)[which] + (rng.uniform(size=n) * size[which]).astype(int)
    xy = ground[["x", "y"]].to_numpy()[at] + rng.normal(0, 60, (n, 2))
    return pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "borough_gss": places.borough_of(*xy.T)})


def _words(rng: np.random.Generator) -> np.ndarray:
    """Invented words that could be English place names."""
    first, middle, last = (rng.choice(WORDS[part].split(), 13_000) for part in ("first", "middle", "last"))
    middle = np.where(rng.uniform(size=len(middle)) < 0.1, "", middle)
    return rng.permutation(np.unique(np.char.add(np.char.add(first, middle), last)).astype(object))


def _named(rest: pd.DataFrame, words: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Give each street and venue a name and a type; common words and chains make homonyms."""
    n, kind = len(rest), rest["kind"]
    own = words[np.minimum(rng.exponential(len(words) / 3, n).astype(int), len(words) - 1)]
    own = pd.Series(np.where(rng.uniform(size=n) < 0.25, rng.choice(WORDS["common"].split(), n).astype(object), own))
    roads, odds = list(WORDS["roads"]), np.array(list(WORDS["roads"].values()))
    name, types = own + " " + rng.choice(roads, n, p=odds / odds.sum()).astype(object), pd.Series("road", rest.index)
    for what, (_, sort, endings, ready, share, local) in WORDS["venues"].items():
        made = ("The " if what == "pub" else "") + own + " " + rng.choice(listed(endings), n).astype(object)
        known = pd.Series(rng.choice(listed(ready), n).astype(object))
        front = rest["area"] + " " + known if what == "other" else known + " " + rest["area"]
        made = made.where(rng.uniform(size=n) >= share, known.where(rng.uniform(size=n) >= local, front))
        name, types = name.where(kind != what, made), types.where(kind != what, sort)
    return rest.assign(display=name, type=types)


def _things(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Areas with a station each, streets and venues; none has a namesake within 1,500 m."""
    few, words = max(n // 220, 60), _words(rng)
    area = _spread(few, rng).assign(kind="area", type="locality", radius_m=800.0, area=words[rng.permutation(few)])
    area["display"] = area["area"]
    station = area.assign(kind="station", type="rail", display=area["display"] + " Station", radius_m=100.0)
    station[["x", "y"]] += rng.normal(0, 150, (few, 2))
    rest = _spread(int(n * 1.15), rng)
    odds = {"street": 0.56} | {kind: 0.44 * what[0] for kind, what in WORDS["venues"].items()}
    rest["kind"] = rng.choice(list(odds), len(rest), p=list(odds.values()))
    rest["area"] = area["display"].to_numpy()[cKDTree(area[["x", "y"]]).query(rest[["x", "y"]])[1]]
    half, angle = np.clip(rng.lognormal(4.7, 0.5, len(rest)), 40, 400), rng.uniform(0, np.pi, len(rest))
    rest = rest.assign(dx=half * np.cos(angle), dy=half * np.sin(angle))
    rest["radius_m"] = np.where(rest["kind"] == "street", np.maximum(half, 100), 75)
    found = pd.concat([area, station, _named(rest, words, rng)]).query("borough_gss != ''").reset_index(drop=True)
    space = np.c_[found[["x", "y"]], pd.factorize(found["display"])[0] * 1e6]
    namesakes = cKDTree(space).query_pairs(1_500, output_type="ndarray")
    kept = found.drop(index=np.unique(namesakes.max(1))).head(n).reset_index(drop=True)
    return kept.assign(place="place " + kept.index.astype(str))


def _crossings(things: pd.DataFrame) -> pd.DataFrame:
    """Where two streets of different names meet, taking each as a straight line."""
    street = things[things["kind"] == "street"]
    mid, run = street[["x", "y"]].to_numpy(), street[["dx", "dy"]].to_numpy()
    a, b = cKDTree(mid).query_pairs(350, output_type="ndarray").T
    gap, across = mid[b] - mid[a], run[a, 0] * run[b, 1] - run[a, 1] * run[b, 0]
    along = (gap[:, 0] * run[b, 1] - gap[:, 1] * run[b, 0]) / across
    other = (gap[:, 0] * run[a, 1] - gap[:, 1] * run[a, 0]) / across
    meet = (np.abs(along) < 1) & (np.abs(other) < 1)
    at = (mid[a] + run[a] * along[:, None])[meet]
    found = pd.DataFrame({"a": street.index[a[meet]], "b": street.index[b[meet]], "x": at[:, 0], "y": at[:, 1]})
    found = found[things["display"].loc[found["a"]].to_numpy() != things["display"].loc[found["b"]].to_numpy()]
    return found.assign(borough_gss=things["borough_gss"].loc[found["a"]].to_numpy())


def _gazetteer(things: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The matcher's table: each place, stations also without the word, and both streets of known crossings."""
    rows = things.assign(kind=things["kind"].replace(list(WORDS["venues"]), "venue"))
    bare = rows[rows["kind"] == "station"].assign(alias="bare", display=lambda t: t["area"])
    met = [rows.loc[known[s]].assign(x=known["x"].to_numpy(), y=known["y"].to_numpy()) for s in "ab"]
    boroughs = places.boroughs()[["gss", "name", "label_x", "label_y"]].set_axis(["place", "display", "x", "y"], axis=1)
    boroughs = boroughs.assign(kind="borough", type="", radius_m=4_000.0, borough_gss=boroughs["place"])
    table = pd.concat([boroughs, rows, bare, *met], ignore_index=True)
    table = table.assign(alias=table["alias"].fillna("official"), source="benchmark", licence="none")
    table = table.assign(name=_wording.normalise(table["display"]), **{c: table[c].astype(float) for c in ("x", "y")})
    return table["name display alias kind type place x y radius_m borough_gss source licence".split()]


def make(rows: int = 150_000, seed: int = 1) -> World:
    """A world whose gazetteer has that many rows."""
    rng = np.random.default_rng(seed)
    things = _things(int(rows * 0.9), rng)
    crossings = _crossings(things)
    spare = rows - len(things) - (things["kind"] == "station").sum() - len(places.boroughs())
    known = crossings.sample(min(spare // 2, len(crossings) // 2), random_state=seed)
    sites = places.shipped_sites().query("dept_type == 'type1'").reset_index(drop=True)
    return World(_gazetteer(things, known), sites, things, crossings)
