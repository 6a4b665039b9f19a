"""Invented streets inside the real boroughs, with the points that police files snap to.

A helper of :mod:`istv_lib.synth`. A street is a short line of anchor points; side streets start at an anchor
of a main street, so that there are junctions. Names are built from two invented parts; about a third of the
streets share their name with a street of another borough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from istv_lib import places
from istv_lib._synth_plan import BOROUGH_LEVELS, Plan

MAINS, SIDES = 2_000, 1_600  # streets in the full world
SHARED_NAMES = 0.35
ALIKE = 2.5  # streets to a shared name, on average
HOT_SPOT_M = 300  # diameter of the planted hot spot
NEAR_STATION_M = 900
SIDE_OFFSET_M = 25

_FIRST = (
    "Amber Anvil Barley Beacon Bramble Candle Cinder Clover Cobble Copper Cotter Damson Dapple Ember Fennel Fiddle "
    "Flint Gable Gander Ginger Harrier Heron Hollow Juniper Kestrel Lantern Larder Linnet Lupin Marigold Mitten "
    "Nettle Otter Paddle Parsley Pebble Pepper Pipkin Plover Quill Rafter Rosin Saddle Saffron Sorrel Spindle "
    "Tallow Tansy Teasel Thimble Tinder Trellis Umber Velvet Walnut Whistle Willet Yarrow"
).split()
_SECOND = (
    "acre bank barrow batch beck bell bourne brake burn chase cleave combe cote cross dene down fall fleet fold garth "
    "gill grove ham hatch holt hurst knoll leigh loft marsh mead mere mill moor nook reach rick ridge rise row sett "
    "shaw slade stile thorn thwaite tree vale wade walk well wick wood worth yard"
).split()
_KINDS = ("Road Street Avenue Lane Close Gardens Terrace Grove Place Drive Way Court Hill Square Row").split()
_KIND_SHARES = np.array([30, 17, 10, 7, 8, 5, 4, 4, 3, 3, 3, 2, 2, 1, 1]) / 100


@dataclass(frozen=True)
class Streets:
    """The streets of a world.

    Attributes
    ----------
    anchors : DataFrame
        One row per point: ``x``, ``y`` (metres, EPSG:27700), ``gss``, ``street``, ``cross`` (name of a street
        that meets it here, else empty), ``weight`` (share of its borough's street violence), ``area`` and
        ``borough`` (names), ``station``, ``station_kind``, ``station_x``, ``station_y``, ``station_m``.
    hot : ndarray
        Row numbers of the anchors inside the planted hot spot.
    """

    anchors: pd.DataFrame
    hot: np.ndarray


def build(plan: Plan, rng: np.random.Generator) -> Streets:
    """Lay out the streets of a plan's boroughs."""
    origins = _origins(plan, rng)
    share = sum(BOROUGH_LEVELS[gss] for gss in plan.boroughs) / sum(BOROUGH_LEVELS.values())
    mains = _pick(origins, plan, int(MAINS * share) + 20 * len(plan.boroughs) // 33, rng)
    anchors = _line(mains, rng, counts=(2, 5), first=0, street_from=0)
    anchors = _with_sides(anchors, int(SIDES * share), rng)
    anchors = anchors[places.borough_of(anchors["x"].to_numpy(), anchors["y"].to_numpy()) == anchors["gss"]]
    anchors = anchors.reset_index(drop=True)
    anchors = _weighted(anchors, plan, rng)
    anchors = _named(anchors, rng)
    return Streets(anchors, _hot_anchors(anchors, plan))


def _origins(plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Candidate points inside the boroughs: most near a named area, the rest anywhere."""
    areas = _areas(plan)
    spread = areas[["easting", "northing"]].to_numpy(dtype="float64")
    size = 1_100 * len(plan.boroughs)
    near = spread[rng.integers(len(spread), size=size)] + rng.normal(0, 600, (size, 2))
    wide = rng.uniform(spread.min(axis=0) - 2_000, spread.max(axis=0) + 2_000, (size, 2))
    points = np.vstack([near, wide])
    gss = places.borough_of(points[:, 0], points[:, 1])
    frame = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "gss": gss})
    return frame[frame["gss"].isin(plan.boroughs)].reset_index(drop=True)


def _areas(plan: Plan) -> pd.DataFrame:
    areas = places.gazetteer_areas()
    return areas[areas["borough_gss"].isin(plan.boroughs)].reset_index(drop=True)


def _pick(origins: pd.DataFrame, plan: Plan, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Choose origins of main streets: more of them in large and in busy boroughs."""
    found = origins.groupby("gss").size()
    wanted = np.sqrt(found * pd.Series(BOROUGH_LEVELS)[found.index])
    wanted = (wanted / wanted.sum() * count).clip(lower=25).astype(int)
    order = rng.permutation(len(origins))
    shuffled = origins.iloc[order]
    rank = shuffled.groupby("gss").cumcount()
    return shuffled[rank < shuffled["gss"].map(wanted)].sort_index().reset_index(drop=True)


def _line(
    starts: pd.DataFrame, rng: np.random.Generator, *, counts: tuple[int, int], first: float, street_from: int
) -> pd.DataFrame:
    """Run each start out into a line of anchors, 80 to 150 metres apart, ``first`` metres from the start."""
    n = len(starts)
    number = rng.integers(counts[0], counts[1] + 1, n)
    heading = rng.uniform(0, 2 * np.pi, n)
    step = rng.uniform(80, 150, n)
    street = np.repeat(np.arange(n), number)
    position = np.arange(len(street)) - np.repeat(np.cumsum(number) - number, number)
    along = first + position * step[street]
    return pd.DataFrame(
        {
            "x": (starts["x"].to_numpy()[street] + along * np.cos(heading[street])).round(),
            "y": (starts["y"].to_numpy()[street] + along * np.sin(heading[street])).round(),
            "gss": starts["gss"].to_numpy()[street],
            "street_no": street + street_from,
            "cross_no": np.full(len(street), -1),
            "position": position,
        }
    )


def _with_sides(mains: pd.DataFrame, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Add side streets that start at an anchor of a main street: the junctions of this world."""
    at = np.sort(rng.choice(len(mains), size=count, replace=False))
    starts = mains.iloc[at].reset_index(drop=True)
    first_free = int(mains["street_no"].max()) + 1
    sides = _line(starts, rng, counts=(1, 3), first=SIDE_OFFSET_M, street_from=first_free)
    begins = sides["position"].to_numpy() == 0
    sides.loc[begins, "cross_no"] = starts["street_no"].to_numpy()
    mains = mains.copy()
    mains.loc[mains.index[at], "cross_no"] = first_free + np.arange(count)
    return pd.concat([mains, sides], ignore_index=True)


def _weighted(anchors: pd.DataFrame, plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Add how much violence each point sees, and the nearest area and station of its borough."""
    areas = _areas(plan).rename(columns={"easting": "x", "northing": "y", "borough_gss": "gss"})
    stations = places.gazetteer_stations().rename(columns={"easting": "x", "northing": "y", "borough_gss": "gss"})
    area_at, area_m = _nearest(anchors, areas)
    station_at, station_m = _nearest(anchors, stations)
    streets = rng.lognormal(0, 0.8, int(anchors["street_no"].max()) + 1)
    centre = 1 + 3 * np.exp(-((area_m / 500) ** 2)) + 1.5 * np.exp(-((station_m / 300) ** 2))
    weight = streets[anchors["street_no"]] * centre * rng.lognormal(0, 0.3, len(anchors))
    weight = weight / pd.Series(weight).groupby(anchors["gss"]).transform("sum")
    names = places.boroughs().set_index("gss")["name"]
    station = stations.iloc[station_at].reset_index(drop=True)
    return anchors.assign(
        weight=weight.to_numpy(),
        area=areas["name"].to_numpy()[area_at],
        borough=anchors["gss"].map(names),
        station=station["name"].to_numpy(),
        station_kind=station["kind"].to_numpy(),
        station_x=station["x"].to_numpy(dtype="float64"),
        station_y=station["y"].to_numpy(dtype="float64"),
        station_m=station_m,
    )


def _nearest(anchors: pd.DataFrame, targets: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return row number and distance of the nearest target in the same borough."""
    at, metres = np.zeros(len(anchors), dtype="int64"), np.full(len(anchors), np.inf)
    for gss, rows in anchors.groupby("gss").indices.items():
        own = np.flatnonzero(targets["gss"] == gss)
        dx = anchors["x"].to_numpy()[rows, None] - targets["x"].to_numpy(dtype="float64")[own]
        dy = anchors["y"].to_numpy()[rows, None] - targets["y"].to_numpy(dtype="float64")[own]
        distance = np.hypot(dx, dy)
        best = distance.argmin(axis=1)
        at[rows], metres[rows] = own[best], distance[np.arange(len(rows)), best]
    return at, metres


# ---- names -----------------------------------------------------------------------------------------------


def _named(anchors: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    owner = anchors.drop_duplicates("street_no").sort_values("street_no", ignore_index=True)
    by_number = pd.Series(_names(owner, rng), index=owner["street_no"].to_numpy())
    cross = anchors["cross_no"].map(by_number).fillna("")
    named = anchors.assign(street=anchors["street_no"].map(by_number), cross=cross)
    return named.drop(columns=["cross_no", "position"])


def _names(streets: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Give each street a name; about a third share theirs with streets of other boroughs."""
    shared = np.sort(rng.choice(len(streets), size=int(len(streets) * SHARED_NAMES), replace=False))
    shared = shared[np.argsort(streets["gss"].to_numpy()[shared], kind="stable")]
    common = max(int(len(shared) / ALIKE), 1)
    pool = _pool(len(streets) - len(shared) + common, rng)
    names = np.empty(len(streets), dtype=object)
    names[shared] = pool[np.arange(len(shared)) % common]
    names[np.setdiff1d(np.arange(len(streets)), shared)] = pool[common:]
    return names


def _pool(count: int, rng: np.random.Generator) -> np.ndarray:
    """Invent ``count`` distinct names, none of whose first words is a word of a real area or station."""
    known = set(" ".join([*places.gazetteer_areas()["name"], *places.gazetteer_stations()["name"]]).lower().split())
    stems = [first + second for first in _FIRST for second in _SECOND]
    stems = np.array([stem for stem in stems if stem.lower() not in known], dtype=object)
    stems = stems[rng.permutation(len(stems))][:count]
    return stems + " " + np.array(_KINDS, dtype=object)[rng.choice(len(_KINDS), size=len(stems), p=_KIND_SHARES)]


# ---- the planted hot spot --------------------------------------------------------------------------------


def _hot_anchors(anchors: pd.DataFrame, plan: Plan) -> np.ndarray:
    """Find the densest place of ordinary weight in the plan's borough, and the anchors within its circle."""
    own = np.flatnonzero(anchors["gss"] == plan.hot_spot[0])
    x, y = anchors["x"].to_numpy()[own], anchors["y"].to_numpy()[own]
    near = np.hypot(x[:, None] - x, y[:, None] - y) <= HOT_SPOT_M / 2
    weight = anchors["weight"].to_numpy()[own]
    around = near @ weight
    ordinary = around <= np.quantile(around, 0.75)
    centre = np.argmax(np.where(ordinary, near.sum(axis=1), 0))
    return own[near[centre]]
