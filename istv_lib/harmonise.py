"""One shape for all sources: located attendances to events, and what counts as violence among the others.

The text of a record stays behind here: nothing above this floor can read it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import errors, schema

CATEGORY = "assault"
VIOLENCE_CATEGORIES = ("Violence and sexual offences",)

_FROM_RECORD = (
    "submission_id row_no site_code month synthetic arrival_at incident_at incident_quality location_type method flags"
).split()
_FROM_PLACE = "x y precision_class radius_m location_p prior_decided borough_gss".split()
_LAST_SECOND = pd.Timedelta(days=1) - pd.Timedelta(seconds=1)


def ed_events(conformed: pd.DataFrame, located: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Join records and their places to events, and leave the text behind.

    Parameters
    ----------
    conformed : DataFrame
        Schema ``conformed``; times are London wall-clock times.
    located : DataFrame
        Schema ``located`` of the same records, in any order; x and y in metres, EPSG:27700.
    rules : mapping
        ``reattendance_hours_least``, ``reattendance_days_most``.

    Returns
    -------
    DataFrame
        Schema ``event``, one row a record, in the order of ``conformed``: ``event_id`` is the record's id,
        ``source`` "ed", ``unit`` "attendance", ``category`` "assault". The time is the incident's: to the
        minute when it is exact, the whole day (00:00:00 to 23:59:59) when only the date is known, and none
        when it is missing or a default. A record of location type home has no point and no borough, and so
        has one placed at home.

    Raises
    ------
    istv_lib.errors.StoreError
        When the two tables do not hold the same records once each.

    Notes
    -----
    An exact time is exact as recorded: patients round to the hour, and so do departments. ``month`` is that
    of arrival and can differ from the month of the incident.
    """
    _same_records(conformed, located)
    joined = conformed[["record_id", *_FROM_RECORD]].merge(
        located[["record_id", *_FROM_PLACE]], on="record_id", how="left", validate="one_to_one"
    )
    at, quality = joined["incident_at"], joined["incident_quality"]
    exact, dated = (quality == "exact") & at.notna(), (quality == "date_only") & at.notna()
    joined["occurred_start"] = at.where(exact, at.dt.normalize().where(dated))
    joined["occurred_end"] = at.where(exact, (at.dt.normalize() + _LAST_SECOND).where(dated))
    joined["occurred_precision"] = np.select([exact, dated], ["minute", "day"], default="none")
    events = _without_homes(joined).drop(columns=["incident_at", "incident_quality"])
    events = events.rename(columns={"record_id": "event_id"})
    returned = reattendances(conformed, rules).to_numpy()
    events.loc[returned, "flags"] = (events.loc[returned, "flags"] + ";possible_reattendance").str.lstrip(";")
    events = events.assign(source="ed", source_dataset="istv", unit="attendance", category=CATEGORY)
    return schema.conform(events, "event")


def reattendances(conformed: pd.DataFrame, rules: Mapping[str, Any]) -> pd.Series:
    """Mark attendances that may bring a person back with the assault of an earlier attendance.

    Parameters
    ----------
    conformed : DataFrame
        Schema ``conformed``, all months of the sites looked at.
    rules : mapping
        ``reattendance_hours_least``, ``reattendance_days_most``.

    Returns
    -------
    Series of bool
        Same index: the site's previous attendance with the same exact time of assault, text and type of place,
        method, age band and sex came between that many hours and days before.

    Notes
    -----
    Both are attendances and both count. The records are anonymous: two people hurt in one assault who come on
    different days look the same, and a return to another hospital cannot be seen.
    """
    same = "site_code incident_at location_text location_type method age_band sex".split()
    exact = conformed[(conformed["incident_quality"] == "exact") & conformed["arrival_at"].notna()]
    ordered = exact.sort_values("arrival_at", kind="stable")
    since = ordered.groupby(same, sort=False)["arrival_at"].diff()
    least = pd.Timedelta(hours=rules["reattendance_hours_least"])
    returned = since.between(least, pd.Timedelta(days=rules["reattendance_days_most"]))
    return returned.reindex(conformed.index, fill_value=False).astype("bool")


def _same_records(conformed: pd.DataFrame, located: pd.DataFrame) -> None:
    repeated = int(conformed["record_id"].duplicated().sum() + located["record_id"].duplicated().sum())
    apart = len(set(conformed["record_id"]) ^ set(located["record_id"]))
    if repeated or apart:
        message = (
            f"Conformed and located records do not match: {apart} are in one table only and {repeated} come "
            "twice; run `istv intake` again to place every record once."
        )
        raise errors.StoreError(message)


def _without_homes(joined: pd.DataFrame) -> pd.DataFrame:
    """Take point and borough from homes, whichever column says home."""
    home = (joined["location_type"] == "home") | (joined["precision_class"] == "home")
    joined["precision_class"] = joined["precision_class"].mask(home, "home")
    joined[["x", "y", "radius_m", "location_p"]] = joined[["x", "y", "radius_m", "location_p"]].mask(home)
    joined["prior_decided"] = joined["prior_decided"] & ~home
    joined["borough_gss"] = joined["borough_gss"].mask(home, "")
    return joined


def violence(events: pd.DataFrame, categories: Collection[str] = VIOLENCE_CATEGORIES) -> pd.Series:
    """Mark the police events that count as violence.

    Parameters
    ----------
    events : DataFrame
        Schema ``event``; needs ``category``.
    categories : collection of str
        Crime types of data.police.uk; default "Violence and sexual offences" alone.

    Returns
    -------
    Series of bool
        Same index. Attendances (category "assault") and other agencies' events are not marked: choose those
        by ``source``.

    Notes
    -----
    The police category is wider than what a hospital sees: it includes sexual offences and, as the larger
    part, offences without injury such as harassment, stalking and threats. Robbery, possession of weapons
    and public order are separate types and not in it. A police count beside an attendance count is therefore
    never a share of it. Source: crime categories of data.police.uk.
    """
    return events["category"].isin(list(categories)).rename("violence")
