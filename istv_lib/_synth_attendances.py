"""Who was hurt when, where and how, and which department they went to, in the synthetic London.

A helper of :mod:`istv_lib.synth`. Levels and patterns follow published figures where there are any (month,
day, hour, eves of bank holidays, delay to arrival); the mix of methods and places is an assumption.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from istv_lib import months
from istv_lib._synth_plan import BOROUGH_LEVELS, LONDON_A_MONTH, NIGHT_ECONOMY, Plan, departments
from istv_lib._synth_streets import Streets

MONTH_FACTORS = np.array([0.90, 0.93, 1.00, 1.01, 1.08, 1.06, 1.06, 1.04, 1.00, 0.99, 0.96, 0.97])
NIGHT_FACTORS = np.array([0.84, 0.80, 0.83, 0.92, 1.22, 1.38, 1.01])  # by the day a night begins, Monday first
EVE, NEW_YEARS_EVE = 1.5, 2.5
BOROUGH_MONTH_CV = 0.06
VICTIM_SHARES = {1: 0.93, 2: 0.05, 3: 0.015, 4: 0.005}
SAME_SITE = 0.75
OUTSIDE = 0.02
WARM_UP_DAYS = 12
REACH_M = 2_500  # e-folding distance of the choice of department
KNIFE_TO_CENTRE = 3.0
POINT_SD_M, STATION_SD_M = 15, 40

PARTS = ("night", "evening", "day", "school")
_TYPES = {  # share of each type of place in each part of the week
    "night": "street .44 licensed .24 home .16 transport .04 shop .04 park .02 hospital .01 custody .01 unknown .04",
    "evening": "street .40 licensed .09 home .28 transport .06 shop .06 park .03 hospital .02 unknown .06",
    "day": "street .36 licensed .03 home .29 transport .06 shop .07 workplace .09 hospital .04 park .03 other .03",
    "school": "street .38 school .38 transport .10 park .07 shop .05 home .02",
}
_METHODS = {
    "night": "fist .43 foot .08 head .05 other_body .04 blunt .06 knife .09 glass .09 other .05 corrosive .003 "
    "firearm .005 vehicle .004 multiple .008 unknown .10",
    "other": "fist .46 foot .08 head .04 other_body .06 blunt .09 knife .09 glass .02 other .05 corrosive .003 "
    "firearm .005 animal .006 vehicle .004 multiple .008 unknown .10",
}


def _draw(text: str, size: int, rng: np.random.Generator) -> np.ndarray:
    words = text.split()
    shares = np.array(words[1::2], dtype="float64")
    return np.array(words[::2], dtype=object)[rng.choice(len(shares), size=size, p=shares / shares.sum())]


def simulate(plan: Plan, streets: Streets, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate the attendances of a plan's months of arrival.

    Returns
    -------
    DataFrame
        One row per attendance, by arrival: ``incident``, ``anchor``, ``x``, ``y``, ``gss`` (empty outside
        London), ``incident_at``, ``arrival_at``, ``month``, ``part``, ``location_type``, ``method``,
        ``department``, ``at_station``, ``quality`` (share of texts that name a place), ``hot``.
    """
    incidents = _incidents(plan, streets, rng)
    people = _people(incidents, rng)
    people["department"] = _departments(people, plan, streets.anchors, rng)
    people["month"] = months.month_of(people["arrival_at"])
    people = people[people["month"].between(plan.first, plan.last)]
    people = _redirected(people.reset_index(drop=True), plan, rng)
    people["quality"] = _quality(people, plan)
    return people.sort_values(["arrival_at", "incident"], kind="stable", ignore_index=True)


# ---- incidents -------------------------------------------------------------------------------------------


def _incidents(plan: Plan, streets: Streets, rng: np.random.Generator) -> pd.DataFrame:
    ordinary = _ordinary(plan, rng)
    ordinary["anchor"] = _anchors(ordinary, streets.anchors, rng)
    incidents = pd.concat([ordinary, _hot_spot(plan, streets, rng)], ignore_index=True)
    incidents["incident_at"] = _times(incidents, rng)
    night = (incidents["part"] == "night").to_numpy()
    incidents["method"] = np.where(
        night,
        _draw(_METHODS["night"], len(incidents), rng),
        _draw(_METHODS["other"], len(incidents), rng),
    )
    incidents["victims"] = rng.choice(list(VICTIM_SHARES), len(incidents), p=list(VICTIM_SHARES.values()))
    incidents = _located(incidents, streets.anchors, rng)
    incidents["incident"] = np.arange(len(incidents))
    return incidents


def _ordinary(plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Draw how many incidents each borough has on each day, and in which part of the day."""
    start = pd.Timestamp(plan.first + "-01") - pd.Timedelta(days=WARM_UP_DAYS)
    days = pd.Series(pd.date_range(start, months.add(plan.last, 1) + "-01", inclusive="left"))
    boroughs = np.array(plan.boroughs, dtype=object)
    counts = rng.poisson(_intensity(plan, days, rng))
    borough_no, day_no = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    frame = pd.DataFrame({"gss": boroughs[borough_no], "day": days.to_numpy()[day_no], "hot": False})
    frame["part"] = _parts(frame, rng)
    frame["location_type"] = ""
    for part in PARTS:
        rows = np.flatnonzero(frame["part"] == part)
        frame.loc[rows, "location_type"] = _draw(_TYPES[part], len(rows), rng)
    return frame


def _intensity(plan: Plan, days: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Return the expected incidents by borough (rows) and day (columns)."""
    tomorrow = days + pd.Timedelta(days=1)
    daily = MONTH_FACTORS[days.dt.month - 1] * NIGHT_FACTORS[days.dt.day_of_week]
    daily = daily * np.where(months.is_bank_holiday(tomorrow), EVE, 1.0)
    daily = np.where((days.dt.month == 12) & (days.dt.day == 31), daily * NEW_YEARS_EVE / EVE, daily)
    levels = np.array([BOROUGH_LEVELS[gss] for gss in plan.boroughs], dtype="float64")
    levels *= LONDON_A_MONTH / sum(BOROUGH_LEVELS.values()) * 12 / 365.25
    levels /= sum(n * share for n, share in VICTIM_SHARES.items()) * (1 - OUTSIDE)
    month_no = (days.dt.year * 12 + days.dt.month).to_numpy()
    month_no = month_no - month_no[0]
    shape = 1 / BOROUGH_MONTH_CV**2
    noise = rng.gamma(shape, 1 / shape, (len(levels), month_no[-1] + 1))[:, month_no]
    mean = levels[:, None] * daily * noise
    if plan.intervention:
        gss, since, factor = plan.intervention
        mean[plan.boroughs.index(gss), (days >= since + "-01").to_numpy()] *= factor
    return mean


def _parts(frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Draw the part of the day: more nights on Friday and Saturday and in central boroughs."""
    weekday = frame["day"].dt.day_of_week.to_numpy()
    weekend_night = np.isin(weekday, [4, 5])
    term = (weekday < 5) & ~frame["day"].dt.month.isin([7, 8]).to_numpy()
    night = np.where(weekend_night, 0.60, 0.34) * frame["gss"].map(NIGHT_ECONOMY).fillna(0.95).to_numpy()
    rest = 1 - night
    school = np.where(term, 0.16, 0.02) * rest
    day = 0.36 * rest
    ends = np.cumsum([night, rest - school - day, day], axis=0)
    part = (rng.uniform(size=len(frame)) > ends).sum(axis=0)
    return np.array(PARTS, dtype=object)[part]


def _times(frame: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Draw the time of each incident; the small hours belong to the night that began the day before."""
    n = len(frame)
    hours = {
        "night": rng.normal(25, 2, n),
        "evening": rng.uniform(17, 23, n),
        "day": rng.triangular(8, 14, 18.5, n),
        "school": rng.normal(15.7, 0.6, n),
    }
    hour = np.select([frame["part"] == part for part in PARTS], [hours[part] for part in PARTS])
    minutes = pd.to_timedelta(np.rint(hour * 60), unit="min")
    return _real_wall_clock((frame["day"] + minutes).astype("datetime64[us]"))


def _real_wall_clock(times: pd.Series) -> pd.Series:
    """Move times that London's clocks skip in March on by an hour."""
    aware = times.dt.tz_localize(months.LONDON_TZ, nonexistent=pd.Timedelta(hours=1), ambiguous=True)
    return aware.dt.tz_localize(None)


def _anchors(frame: pd.DataFrame, anchors: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Draw the anchor of each incident: nights keep to the busy places, homes are spread about."""
    chosen = np.zeros(len(frame), dtype="int64")
    home = (frame["location_type"] == "home").to_numpy()
    power = np.where(home, 0.2, np.where(frame["part"] == "night", 1.15, 0.8))
    own = anchors.groupby("gss").indices
    weight = anchors["weight"].to_numpy()
    for (gss, exponent), rows in frame.groupby([frame["gss"], power]).indices.items():
        shares = weight[own[gss]] ** exponent
        chosen[rows] = rng.choice(own[gss], size=len(rows), p=shares / shares.sum())
    return chosen


def _hot_spot(plan: Plan, streets: Streets, rng: np.random.Generator) -> pd.DataFrame:
    """Draw the extra incidents of the planted hot spot: weekend nights in one small circle."""
    gss, since, extra = plan.hot_spot
    days = pd.Series(pd.date_range(since + "-01", months.add(plan.last, 1) + "-01", inclusive="left"))
    shares = np.where(days.dt.day_of_week.isin([4, 5, 6]), 5.0, 1.0)
    mean = extra / sum(n * share for n, share in VICTIM_SHARES.items()) * 12 / 365.25
    counts = rng.poisson(mean * shares / shares.mean())
    n = int(counts.sum())
    types = _draw("street .6 licensed .3 shop .1", n, rng)
    return pd.DataFrame(
        {
            "gss": gss,
            "day": np.repeat(days.to_numpy(), counts),
            "part": "night",
            "location_type": types,
            "hot": True,
            "anchor": rng.choice(streets.hot, size=n),
        }
    )


def _located(frame: pd.DataFrame, anchors: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give each incident its true point; some transport incidents happen at the nearest station."""
    at = anchors.iloc[frame["anchor"]].reset_index(drop=True)
    near = at["station_m"].to_numpy() <= 900
    at_station = near & (frame["location_type"] == "transport").to_numpy() & (rng.uniform(size=len(frame)) < 0.7)
    spread = rng.normal(0, 1, (2, len(frame))) * np.where(at_station, STATION_SD_M, POINT_SD_M)
    x = np.where(at_station, at["station_x"], at["x"]) + spread[0]
    y = np.where(at_station, at["station_y"], at["y"]) + spread[1]
    away = (rng.uniform(size=len(frame)) < OUTSIDE) & ~frame["hot"].to_numpy()
    return frame.assign(
        x=np.where(away, np.nan, x.round(1)),
        y=np.where(away, np.nan, y.round(1)),
        gss=np.where(away, "", frame["gss"]),
        at_station=at_station & ~away,
    )


# ---- people ----------------------------------------------------------------------------------------------


def _people(incidents: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row per attendance, with its time of arrival; victims of one incident arrive close together."""
    delay = _delays(len(incidents), rng)
    people = incidents.loc[np.repeat(incidents.index, incidents["victims"])].reset_index(drop=True)
    apart = pd.to_timedelta(np.rint(rng.exponential(12, len(people))), unit="min")
    people["arrival_at"] = _real_wall_clock(
        (people["incident_at"] + pd.Series(delay)[people["incident"]].to_numpy() + apart).astype("datetime64[us]")
    )
    return people


def _delays(n: int, rng: np.random.Generator) -> pd.TimedeltaIndex:
    hours = rng.lognormal(np.log(1.5), 0.7, n)
    kind = rng.uniform(size=n)
    hours = np.where(kind < 0.15, rng.uniform(9, 22, n), hours)
    hours = np.where(kind < 0.03, rng.uniform(72, 240, n), hours)
    return pd.to_timedelta(np.rint(np.clip(hours, 0.2, 260) * 60), unit="min")


def _departments(people: pd.DataFrame, plan: Plan, anchors: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Choose the department: near ones and large ones; stab wounds go to a trauma centre more often."""
    sites = departments(plan)
    shares = _catchments(plan, anchors, sites)
    odds = shares[people["anchor"].to_numpy()]
    knife = (people["method"] == "knife").to_numpy()[:, None] & (sites["mtc"] == "yes").to_numpy()
    odds = np.cumsum(np.where(knife, odds * KNIFE_TO_CENTRE, odds), axis=1)
    draw = rng.uniform(size=len(people))
    first = people.groupby("incident")["incident"].transform("size").to_numpy() > 1
    together = first & (rng.uniform(size=len(people)) < SAME_SITE)
    leader = people.groupby("incident", sort=False).ngroup().to_numpy()
    shared = rng.uniform(size=leader.max() + 1)[leader]
    draw = np.where(together, shared, draw)
    chosen = (draw[:, None] * odds[:, -1:] > odds).sum(axis=1)
    return sites["code"].to_numpy()[chosen]


def _catchments(plan: Plan, anchors: pd.DataFrame, sites: pd.DataFrame) -> np.ndarray:
    """Return the share of each anchor's patients that each department sees, fitted to the departments' sizes."""
    dx = anchors["x"].to_numpy()[:, None] - sites["easting"].to_numpy()
    dy = anchors["y"].to_numpy()[:, None] - sites["northing"].to_numpy()
    near = np.exp(-np.hypot(dx, dy) / REACH_M) + 1e-4
    load = anchors["weight"].to_numpy() * anchors["gss"].map(BOROUGH_LEVELS).to_numpy()
    wanted = sites["size"].to_numpy() / sites["size"].sum()
    pull = np.ones(len(sites))
    for _ in range(25):
        odds = near * pull
        got = load @ (odds / odds.sum(axis=1, keepdims=True))
        pull *= wanted / (got / got.sum())
    odds = near * pull
    return odds / odds.sum(axis=1, keepdims=True)


def _redirected(people: pd.DataFrame, plan: Plan, rng: np.random.Generator) -> pd.DataFrame:
    """Send patients elsewhere: from a department that has closed, and in the month in which one treated nobody."""
    department = people["department"].to_numpy(dtype=object)
    if plan.closes:
        site, last, shares = plan.closes
        rows = np.flatnonzero((department == site) & (people["month"] > last).to_numpy())
        department[rows] = rng.choice(list(shares), size=len(rows), p=list(shares.values()))
    if plan.zero:
        rows = np.flatnonzero((department == plan.zero[0]) & (people["month"] == plan.zero[1]).to_numpy())
        department[rows] = _neighbour(plan, plan.zero[0])
    return people.assign(department=department)


def _neighbour(plan: Plan, code: str) -> str:
    sites = departments(plan).set_index("code")
    away = np.hypot(*(sites[["easting", "northing"]] - sites.loc[code, ["easting", "northing"]]).to_numpy("float64").T)
    return str(sites.index[np.argsort(away)[1]])


def _quality(people: pd.DataFrame, plan: Plan) -> pd.Series:
    """Share of texts that name a place; one department falls from 0.60 to 0.20 over five months."""
    quality = people["department"].map(departments(plan).set_index("code")["quality"])
    site, since = plan.worsens
    fall = [months.add(since, k) for k in range(-1, 5)]
    levels = dict(zip(fall, np.linspace(0.60, 0.20, len(fall)), strict=True))
    worse = people["month"].map(lambda month: levels.get(month, 0.20 if month > fall[-1] else 0.60))
    return quality.where(people["department"] != site, worse)
