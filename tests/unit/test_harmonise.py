"""Records and places to events: times as good as they are, text left behind, homes nowhere."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import errors, harmonise, params, schema

RULES = params.defaults()


@pytest.fixture
def conformed():
    n = 5
    frame = pd.DataFrame(
        {
            "submission_id": "sub", "row_no": range(2, 2 + n), "site_code": "SYN01", "month": "2024-05",
            "synthetic": True, "record_id": [f"r{i}" for i in range(n)], "shape": "trust",
            "arrival_at": pd.Timestamp("2024-05-04 02:00"),
            "incident_at": pd.to_datetime(
                ["2024-05-03 23:15", "2024-05-03", "2024-05-03 00:00", None, "2024-04-30 22:00"], format="mixed"
            ),
            "incident_quality": ["exact", "date_only", "default", "missing", "exact"],
            "location_text": "secret words", "location_type": ["street", "street", "licensed", "home", "unknown"],
            "method": "fist", "flags": ["", "late", "", "", ""],
        }
    )  # fmt: skip
    return schema.conform(frame, "conformed")


@pytest.fixture
def located(conformed):
    frame = conformed[["record_id", "submission_id", "site_code", "month", "synthetic"]].assign(
        x=530_000.0, y=180_000.0, precision_class="street", radius_m=100.0, location_p=0.5, prior_decided=True,
        borough_gss="E09000007", matched_kind="street", place_version="1",
    )  # fmt: skip
    frame.loc[4, ["x", "y", "radius_m", "location_p"]] = np.nan
    frame.loc[4, ["precision_class", "borough_gss"]] = ["none", ""]
    return schema.conform(frame, "located").iloc[::-1].reset_index(drop=True)


def test_events_have_the_schema_and_no_text(conformed, located):
    events = harmonise.ed_events(conformed, located, RULES)
    schema.check(events, "event")
    assert events["event_id"].tolist() == conformed["record_id"].tolist()
    constants = events[["source", "source_dataset", "unit", "category"]].drop_duplicates().to_numpy().tolist()
    assert constants == [["ed", "istv", "attendance", "assault"]]
    assert "secret" not in events.to_csv()
    assert events["flags"].tolist()[1] == "late"


def test_times_are_as_fine_as_they_were_recorded(conformed, located):
    events = harmonise.ed_events(conformed, located, RULES)
    assert events["occurred_precision"].tolist() == ["minute", "day", "none", "none", "minute"]
    assert events["occurred_start"].iloc[0] == events["occurred_end"].iloc[0] == pd.Timestamp("2024-05-03 23:15")
    assert events["occurred_start"].iloc[1] == pd.Timestamp("2024-05-03")
    assert events["occurred_end"].iloc[1] == pd.Timestamp("2024-05-03 23:59:59")
    assert events[["occurred_start", "occurred_end"]].iloc[2:4].isna().all(axis=None)
    assert (events["month"] == "2024-05").all()


def test_a_home_is_nowhere_whichever_column_says_so(conformed, located):
    located.loc[located["record_id"] == "r2", "precision_class"] = "home"
    events = harmonise.ed_events(conformed, located, RULES).set_index("event_id")
    for record in ("r2", "r3"):
        home = events.loc[record]
        assert (home["precision_class"], home["borough_gss"], home["prior_decided"]) == ("home", "", False)
        assert home[["x", "y", "radius_m", "location_p"]].isna().all()
    assert events.loc["r0", ["x", "borough_gss"]].tolist() == [530_000, "E09000007"]


def test_each_record_has_one_place(conformed, located):
    with pytest.raises(errors.StoreError, match="1 are in one table only and 0 come twice"):
        harmonise.ed_events(conformed, located.iloc[1:], RULES)
    with pytest.raises(errors.StoreError, match="0 are in one table only and 1 come twice"):
        harmonise.ed_events(conformed, pd.concat([located, located.iloc[[0]]]), RULES)


def test_no_records_no_events():
    events = harmonise.ed_events(schema.empty("conformed"), schema.empty("located"), RULES)
    pd.testing.assert_frame_equal(events, schema.empty("event"))


def test_violence_is_one_police_category_unless_told_otherwise():
    events = pd.DataFrame({"category": ["Violence and sexual offences", "Robbery", "assault", ""]}, index=[4, 3, 2, 1])
    assert harmonise.violence(events).tolist() == [True, False, False, False]
    assert harmonise.violence(events).index.tolist() == [4, 3, 2, 1]
    assert harmonise.violence(events, ["Robbery"]).tolist() == [False, True, False, False]
    assert harmonise.violence(events.iloc[:0]).dtype == bool


def test_a_return_within_days_is_marked_and_both_attendances_count():
    when = pd.to_datetime(["2024-03-01 23:30", "2024-03-02 00:30", "2024-03-04 09:00", "2024-03-20 09:00"])
    conformed = pd.DataFrame(
        {
            "record_id": list("abcd"),
            "arrival_at": when,
            "incident_at": pd.Timestamp("2024-03-01 22:40"),
            "incident_quality": "exact",
            "location_text": "high street",
        }
    )
    fixed = {"submission_id": "s", "row_no": 1, "site_code": "S1", "month": "2024-03", "synthetic": True}
    fixed |= {"shape": "trust", "location_type": "street", "method": "fist"}
    conformed = schema.conform(conformed.assign(**fixed), "conformed")
    assert harmonise.reattendances(conformed, RULES).tolist() == [False, False, True, False]
    other = conformed.assign(site_code=["S1", "S1", "S2", "S2"])
    assert not harmonise.reattendances(other, RULES).any()
    unknown = conformed.assign(incident_quality="default")
    assert not harmonise.reattendances(unknown, RULES).any()
