"""What the columns of a partner extract mean: the dictionary that goes with the rows.

A helper of :mod:`istv_lib.extract`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from istv_lib import places, schema

NOT_KNOWN = "not known"
POOLED = "pooled"
ALL = "all"
ROWS, PEOPLE = "extract", "people"
_DATE = "date, YYYY-MM-DD, Europe/London"


def bands(hours: int) -> list[str]:
    """Bands of the calendar day, from midnight: "00:00-03:59" and so on."""
    return [f"{h:02d}:00-{h + hours - 1:02d}:59" for h in range(0, 24, hours)]


def dictionary(rule: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per column of the extract and of the counts of people.

    Parameters
    ----------
    rule : mapping
        The rule ``partner_extract`` of ``parameters/disclosure.yml``, with the values of the thresholds it names.

    Returns
    -------
    DataFrame
        ``table``, ``name``, ``meaning``, ``values`` (permitted), ``unit`` (or coordinate system).
    """
    both = [
        ("marking", "protective marking", rule["marking"], ""),
        ("synthetic", "whether the row is invented", "synthetic; real", ""),
        (
            "month",
            "month of arrival at the hospital; of the hospital's file where the arrival is missing",
            "",
            "YYYY-MM",
        ),
    ]
    lines = {ROWS: both + _of_rows(rule), PEOPLE: both + _of_people(rule)}
    rows = [(name, *line) for name, part in lines.items() for line in part]
    return pd.DataFrame(rows, columns=["table", "name", "meaning", "values", "unit"])


def _of_rows(rule: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    side = rule["lattice_m"]
    square = (
        f"square of {side} m in which the assault happened, named by its lower left corner; empty where the place is "
        f"not known to a street or better, where its type is {', '.join(rule['no_cell_places'])}, for children, where "
        "only the hospital decided between places of one name, and where fewer than "
        f"{rule['k_least']} attendances were mapped in the square in {rule['k_months']} months"
    )
    letters = "; ".join(f"{k}: {v}" for k, v in schema.USABILITY_WORDS.items())
    return [
        (
            "date",
            "day of the assault; of arrival where that is not known or its time was filled in by a form",
            "",
            _DATE,
        ),
        ("date_is", "what the date is of", f"incident; arrival; {NOT_KNOWN}", ""),
        (
            "time_band",
            "hours of the assault on that calendar day; empty where the time is not known, or a default of a form",
            "; ".join(bands(rule["hours"])),
            f"{rule['hours']} hours, Europe/London",
        ),
        ("borough", "borough of the assault, never of the hospital; homes are given none", f"a name; {NOT_KNOWN}", ""),
        ("borough_gss", "its code; empty where not known", "E09000001 to E09000033", "ONS code"),
        ("cell", square, "E530000N180250", f"metres, EPSG:27700 (British National Grid); side {side} m"),
        ("usability", "how fine the place was told", letters, ""),
        ("location_group", "group of the type of place", _codes("place_group"), ""),
        ("location_type", "type of place", _codes("location_type"), ""),
        ("weapon_group", "group of the method", _codes("weapon_group"), ""),
        ("method", "method of assault", _codes("method"), ""),
        ("possible_duplicate", "equal in every field to another record of its file; both count", "yes; no", ""),
        ("possible_reattendance", "perhaps a return with the same assault; both count", "yes; no", ""),
    ]


def _of_people(rule: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    least = rule["k_least"]
    pooled = f"{POOLED}: groups of fewer than {least}, or beside fewer than {least} other rows of their weapon group"
    told = f"{ALL}: not split by this field; {pooled}"
    return [
        ("area", "part of London in which the assault happened", "", ""),
        ("weapon_group", "group of the method", f"{_codes('weapon_group')}; {pooled}", ""),
        ("age_band", "age", f"{'; '.join(schema.AGE_BANDS)}; {told}", "years"),
        ("sex", "sex as recorded", f"{'; '.join(schema.SEXES)}; {told}", ""),
        ("alcohol", "whether alcohol or drugs were involved", f"{'; '.join(schema.YES_NO)}; {told}", ""),
        ("ethnic_group", "broad ethnic group", f"{'; '.join(schema.ETHNIC_GROUPS)}; {told}", ""),
        ("attendances", "attendances at the hospitals that may tell these fields; not all", "", "attendance"),
    ]


def _codes(name: str) -> str:
    table = places.codes(name)
    return "; ".join(f"{code}: {label}" for code, label in zip(table["code"], table["label"], strict=True))
