"""Which events belong to the strata of the monitor, and of which one can tell."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import _strata, params, tally
from tests.conftest import CAMDEN, make_events

RULES = dict(params.defaults())


def members(people=None, **columns):
    """Strata of events that differ in the columns given, by name."""
    n = len(next(iter(columns.values())))
    events = make_events({("A", "2024-05", CAMDEN): n}).assign(**columns)
    return {
        s.stratum: s for s in tally.members(events, RULES, people) if s.dim != "place_group" or s.stratum != "other"
    }


def at(*times):
    return {"occurred_start": pd.to_datetime(list(times))}


@pytest.mark.parametrize(
    ("time", "inside"),
    [
        ("2024-05-03 19:59", False),
        ("2024-05-03 20:00", True),
        ("2024-05-04 05:59", True),
        ("2024-05-04 06:00", False),
        ("2024-05-05 02:00", True),
        ("2024-05-05 23:00", True),
        ("2024-05-06 02:00", True),
        ("2024-05-06 23:00", False),
        ("2024-05-12 23:00", False),
        ("2024-05-13 02:00", False),
        ("2024-12-24 23:00", True),
    ],
    ids=[
        "Friday before", "Friday at the hour", "its end", "after its end", "small hours of Sunday",
        "Sunday, eve of a bank holiday", "its small hours", "bank holiday Monday", "ordinary Sunday",
        "its small hours, ordinary", "Christmas Eve",
    ],
)  # fmt: skip
def test_nights_out_run_over_midnight_and_hold_eves_of_bank_holidays(time, inside):
    night = members(**at(time))["night_economy"]
    assert (bool(night.inside[0]), bool(night.known[0])) == (inside, True)


@pytest.mark.parametrize(
    ("time", "inside"),
    [
        ("2024-05-03 13:59", False),
        ("2024-05-03 14:00", True),
        ("2024-05-03 17:59", True),
        ("2024-05-03 18:00", False),
        ("2024-05-04 15:00", False),
        ("2024-05-06 15:00", False),
    ],
    ids=["before", "at the hour", "last minute", "after", "Saturday", "bank holiday"],
)
def test_the_end_of_the_school_day_is_on_weekdays_that_are_no_bank_holidays(time, inside):
    assert members(**at(time))["school_hours"].inside[0] == inside


@pytest.mark.parametrize("precision", ["hour", "day", "month"])
def test_a_time_that_is_not_to_the_minute_is_not_known(precision):
    found = members(**at("2024-05-03 23:00"), occurred_precision=[precision])
    for name in ("night_economy", "school_hours"):
        assert not found[name].inside[0]
        assert not found[name].known[0]


def test_a_missing_time_is_neither_inside_nor_known():
    found = members(occurred_start=pd.to_datetime([None, "2024-05-03 23:00"]))
    assert found["night_economy"].known.tolist() == [False, True]
    assert found["night_economy"].inside.tolist() == [False, True]


def test_unknown_items_belong_to_no_group_and_are_not_known():
    method = ["fist", "knife", "firearm", "unknown", "unheard of"]
    found = members(method=method, location_type=["street", "home", "unknown", "licensed", "unheard of"])
    assert found["body"].inside.tolist() == [True, False, False, False, False]
    assert found["firearm"].inside.tolist() == [False, False, True, False, False]
    assert found["knife"].known.tolist() == found["firearm"].known.tolist() == [True, True, True, False, False]
    assert found["home"].inside.tolist() == [False, True, False, False, False]
    assert found["public"].known.tolist() == [True, True, False, True, False]
    assert "unknown" not in found


def test_every_event_of_a_known_item_is_in_exactly_one_group():
    rng = np.random.default_rng(1)
    methods = rng.choice(["fist", "knife", "glass", "blunt", "firearm", "corrosive", "unknown"], 60)
    events = make_events({("A", "2024-05", CAMDEN): 60}).assign(method=methods)
    groups = [s for s in tally.members(events, RULES) if s.dim == "weapon_group"]
    assert (sum(s.inside.astype(int) for s in groups) == groups[0].known).all()
    assert not groups[0].known.all()


def test_age_and_sex_are_strata_only_where_people_are_given():
    events = make_events({("A", "2024-05", CAMDEN): 4})
    people = pd.DataFrame(
        {
            "record_id": events["event_id"].iloc[:3],
            "age_band": ["18-24", "25-34", "unknown"],
            "sex": ["female", "unknown", "male"],
        }
    )
    found = {s.stratum: s for s in tally.members(events, RULES, people) if s.dim == "person"}
    assert found["under_25"].inside.tolist() == [True, False, False, False]
    assert found["under_25"].known.tolist() == [True, True, False, False]
    assert found["female"].inside.tolist() == [True, False, False, False]
    assert found["female"].known.tolist() == [True, False, True, False]
    assert not [s for s in tally.members(events, RULES) if s.dim == "person"]
    assert all(_strata.label("person", stratum) != stratum for stratum in found)
