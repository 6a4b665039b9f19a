"""Counts by stratum and year."""

import pandas as pd
import pytest

from istv_lib import months, places, tally
from tests.conftest import CAMDEN, HACKNEY, make_events

YEAR = {("A", m, CAMDEN): 3 for m in months.span("2023-01", "2024-06")}


def test_a_year_that_is_not_whole_is_left_out():
    events = tally.strata(make_events(YEAR))
    found = tally.breakdown(events, "weapon_group", places.find_area("camden"), "2024", years=2)
    assert set(found["period_start"]) == {"2023-01"}
    assert found["value"].sum() == 36
    assert found.set_index("stratum").loc["knife", "value"] == 0


def test_strata_follow_the_order_of_the_code_list():
    found = tally.breakdown(tally.strata(make_events(YEAR)), "place_group", places.find_area("london"), "2023")
    assert found["stratum"].tolist() == tally.order("place_group")


def test_default_and_missing_times_are_left_out_of_the_week_and_counted():
    events = make_events(YEAR)
    events.loc[events.index[:18], "occurred_precision"] = "none"
    found = tally.breakdown(tally.strata(events), "time_band_12", places.find_area("camden"), "2023")
    assert found["n"].iloc[0] == 18
    assert found["share_used"].iloc[0] == pytest.approx(0.5)
    assert found["value"].sum() == 18


def test_london_keeps_what_has_no_borough():
    events = tally.strata(make_events({("A", m, ""): 1 for m in months.span("2023-01", "2023-12")} | YEAR))
    found = tally.breakdown(events, "weapon_group", places.find_area("london"), "2023")
    assert found["value"].sum() == 48


def test_a_police_month_is_zero_only_where_the_files_hold_violence():
    base = make_events({("A", "2024-01", CAMDEN): 3, ("A", "2024-02", CAMDEN): 1, ("A", "2024-02", HACKNEY): 1})
    police = base.assign(source="btp", unit="crime", category="Violence and sexual offences")
    police.loc[police["month"] == "2024-02", "category"] = "Shoplifting"
    loaded = pd.DataFrame({"source": "btp", "month": ["2024-01", "2024-02"], "synthetic": True})
    held = ["2024-01", "2024-02", "2024-03"]
    found = tally.offences(police, places.find_area("camden"), held, loaded)
    assert found["value"].fillna(-1).tolist() == [3, 0, -1]
    assert found["status"].tolist() == ["final", "final", "no_data"]
    burglary = police.assign(source="mps", category="Burglary")
    both = tally.offences(pd.concat([police, burglary], ignore_index=True), places.find_area("camden"), held, loaded)
    assert set(both["source"]) == {"btp"}


def test_boroughs_of_a_year_carry_their_least_coverage():
    span = months.span("2023-01", "2023-12")
    known = [*places.boroughs()["gss"], places.NOT_KNOWN]
    cover = pd.DataFrame([(p, m, 2.0, 0.4 if m == "2023-05" else 1.0) for p in known for m in span],
                         columns=["place", "month", "value", "coverage"])  # fmt: skip
    cover = cover.assign(synthetic=True, stratum_dim="")
    knives = cover.assign(stratum_dim="weapon_group", coverage=0.1)  # rows of strata are no further attendances
    found = tally.by_borough(pd.concat([cover, knives]), places.find_area("london"), "2023")
    assert len(found) == 34
    assert set(found["value"]) == {24}
    assert set(found["coverage"]) == {0.4}


def test_arrivals_and_assaults_are_counted_by_hour_each_on_the_times_it_has():
    events = make_events({("A", "2024-05", CAMDEN): 4, ("A", "2024-06", HACKNEY): 2})
    events.loc[0, "occurred_precision"] = "day"
    events.loc[1, "arrival_at"] = pd.NaT
    found = tally.by_hour(events, places.find_area("camden"), ("2024-01", "2024-12")).set_index(["measure", "stratum"])
    assert found.loc[("arrivals_by_hour", "21"), "value"] == 3
    assert found.loc[("assaults_by_hour", "21"), "value"] == 3
    assert found.groupby("measure")["value"].sum().to_dict() == {"arrivals_by_hour": 3, "assaults_by_hour": 3}
    assert set(found["share_used"]) == {0.75}
