"""The strata that every place is watched by: which events belong to one, and of which one could tell.

A helper of :mod:`istv_lib.tally`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from istv_lib import months, places

GROUPS = {"weapon_group": "method", "place_group": "location_type"}
LABELS = {
    "": "All attendances",
    "night_economy": "Nights out",
    "school_hours": "End of the school day",
    "under_25": "Under 25",
    "female": "Women and girls",
    "firearm": "Firearm",
}


@dataclass(frozen=True)
class Members:
    """Which events belong to a stratum, and of which one could tell.

    Attributes
    ----------
    dim, stratum : str
        Names, both empty for all attendances.
    inside : array of bool
        One per event: it belongs to the stratum.
    known : array of bool
        One per event: the item that decides on it is filled in.
    """

    dim: str
    stratum: str
    inside: np.ndarray
    known: np.ndarray


def members(events: pd.DataFrame, rules: Mapping, people: pd.DataFrame | None = None) -> list[Members]:
    """Return the strata of the monitor, in the order in which pages show them.

    Parameters
    ----------
    events : DataFrame
        ED events: ``method``, ``location_type``, ``occurred_start``, ``occurred_precision``, ``event_id``.
    rules : mapping
        ``night_economy_hours``, ``school_hours``: first hour and the hour in which they end.
    people : DataFrame, optional
        ``record_id``, ``age_band``, ``sex`` of the conformed records, which hold what a site's agreement permits;
        without them there is no stratum of age and sex.

    Returns
    -------
    list of Members
        By ``weapon_group`` (without "not known"), ``weapon`` (firearm), ``place_group`` (without "not known"),
        ``time_of_week`` (nights out: the nights that begin on a Friday, a Saturday or the eve of a bank holiday; end of
        the school day: Monday to Friday but for bank holidays) and ``person`` (under 25, female).

    Notes
    -----
    Times are those of the incident; missing, default and day-only times are not known. How it can mislead: nights out
    are a time, not a place, and hold assaults at home; school holidays are not told apart; homes have no borough; age
    and sex speak only of the hospitals that may send them.
    """
    out = []
    for dim, list_name in GROUPS.items():
        group = events[list_name].map(places.group_of(list_name)).fillna("unknown").to_numpy()
        known = group != "unknown"
        strata = [s for s in places.group_labels(list_name) if s != "unknown"]
        out += [Members(dim, s, group == s, known) for s in strata]
        if dim == "weapon_group":
            out.append(Members("weapon", "firearm", (events["method"] == "firearm").to_numpy(), known))
    return [*out, *_of_time(events, rules), *_of_person(events, people)]


def _of_time(events: pd.DataFrame, rules: Mapping) -> list[Members]:
    exact = events["occurred_start"].where(events["occurred_precision"] == "minute")
    known, hour = exact.notna().to_numpy(), exact.dt.hour.to_numpy()
    night = months.night_of(exact)
    out = night.dt.day_of_week.isin([4, 5]) | months.is_bank_holiday(night + pd.Timedelta(days=1))
    late = _between(hour, *rules["night_economy_hours"]) & out.to_numpy()
    school = _between(hour, *rules["school_hours"]) & (exact.dt.day_of_week < 5).to_numpy()
    school &= ~months.is_bank_holiday(exact).to_numpy()
    found = {"night_economy": late, "school_hours": school}
    return [Members("time_of_week", stratum, known & inside, known) for stratum, inside in found.items()]


def _between(hour: np.ndarray, start: int, end: int) -> np.ndarray:
    """Tell which hours lie from ``start`` up to ``end``, over midnight where it comes first."""
    return (hour >= start) & (hour < end) if start < end else (hour >= start) | (hour < end)


def _of_person(events: pd.DataFrame, people: pd.DataFrame | None) -> list[Members]:
    if people is None:
        return []
    held = people.drop_duplicates("record_id").set_index("record_id")
    age, sex = (events["event_id"].map(held[name]).fillna("unknown").to_numpy() for name in ("age_band", "sex"))
    told = ~np.isin(age, ["", "unknown"]), np.isin(sex, ["female", "male", "other"])
    young = np.isin(age, ["0-9", "10-17", "18-24"])
    return [Members("person", "under_25", young, told[0]), Members("person", "female", sex == "female", told[1])]


def label(dim: str, stratum: str) -> str:
    """Return the words for a stratum of the monitor."""
    known = places.group_labels(GROUPS[dim]) if dim in GROUPS else LABELS
    return known.get(stratum, stratum)


def shown(dims: pd.Series, strata: pd.Series, kinds: pd.Series) -> np.ndarray:
    """Tell which strata are counted for which kinds of place: homes and firearms not by place of the assault.

    A home has no borough, and firearms are too rare for one.
    """
    rare = pd.MultiIndex.from_arrays([dims, strata]).isin([("place_group", "home"), ("weapon", "firearm")])
    return ~rare | kinds.isin([places.LONDON, "network"]).to_numpy()
