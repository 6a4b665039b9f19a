"""Which hospitals supply a place, the consistent panel, what cannot be placed, and patients who were sent on."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import months, params, places, schema, supply
from tests.conftest import CAMDEN, HACKNEY, make_events, make_roster, make_site_months

RULES = dict(params.defaults())
SPAN = months.span("2023-07", "2024-12")
LAST = SPAN[-1]
AREA = places.find_area(CAMDEN)


def tables(levels, away=None, roster=None):
    """Events, site-months and roster of sites that send the same counts to Camden and Hackney each month."""
    away = away or {}
    counts = {
        (site, month, gss): n
        for site, level in levels.items()
        for month in SPAN
        if (site, month) not in away
        for gss, n in zip((CAMDEN, HACKNEY, ""), level, strict=True)
    }
    events = make_events(counts)
    held = make_site_months(events, list(levels), SPAN, away)
    return events, held, roster if roster is not None else make_roster([(s, "", "") for s in levels])


def supplied(made, area=AREA):
    out = supply.hospitals(*made, area, LAST, RULES)
    schema.check(out, "finding")
    return out.set_index("place")


def test_hospitals_are_told_with_their_share_of_the_months_that_they_sent():
    away = {("B", m): "missing" for m in SPAN[-4:]} | {("C", m): "not_joined" for m in SPAN[:-2]}
    out = supplied(tables({"A": (6, 1, 0), "B": (3, 0, 0), "C": (1, 0, 0), "D": (0, 9, 0)}, away))
    assert out["value"].to_dict() == pytest.approx({"A": 0.6, "B": 0.3, "C": 0.1})
    assert out["numerator"].to_dict() == {"A": 12, "B": 8, "C": 2}
    assert out["denominator"].to_dict() == {"A": 12, "B": 12, "C": 2}
    assert out["stratum"].to_dict() == {"A": "complete", "B": "missing", "C": "complete"}


def test_a_hospital_that_has_closed_or_hardly_supplies_the_place_is_left_out():
    away = {("B", m): "closed" for m in SPAN[-2:]}
    out = supplied(tables({"A": (99, 0, 0), "B": (50, 0, 0), "C": (1, 50, 0)}, away))
    assert out.index.tolist() == ["A"]
    assert supplied(tables({"A": (0, 5, 0)})).empty


def test_what_has_no_borough_is_told_with_wilsons_interval_and_homes_among_it():
    made = tables({"A": (6, 0, 4), "B": (0, 10, 10)})
    events = made[0].assign(location_type=np.where(made[0].groupby("month").cumcount() < 2, "home", "street"))
    held = supply.hospitals(events, *made[1:], AREA, LAST, RULES)
    out = supply.unplaced(events, held, AREA, (LAST, LAST)).set_index("measure")
    assert out.loc["no_borough", ["numerator", "denominator", "value"]].tolist() == [4, 10, 0.4]
    assert out.loc["no_borough", "lower"] == pytest.approx(0.168180, abs=1e-6)  # Wilson by hand, 4 of 10
    assert out.loc["no_borough", "upper"] == pytest.approx(0.687326, abs=1e-6)
    assert out.loc["at_home", "numerator"] == 2
    whole = supply.unplaced(events, held, places.find_area("london"), (LAST, LAST)).set_index("measure")
    assert whole.loc["no_borough", ["numerator", "denominator"]].tolist() == [14, 30]
    none = supply.unplaced(events, held.iloc[:0], AREA, (LAST, LAST))
    assert (none["status"] == "no_data").all()


def panel(made, area=AREA):
    out = supply.panel(*made, area, LAST, RULES)
    schema.check(out, "finding")
    return out


@pytest.mark.parametrize(("steady", "status"), [(6, "final"), (5, "no_data")])
def test_the_panel_is_shown_from_60_percent_on(steady, status):
    made = tables({"A": (steady, 0, 0), "B": (10 - steady, 0, 0)}, {("B", "2024-03"): "missing"})
    out = panel(made)
    assert out["period_end"].tolist() == SPAN[-13:]
    assert (out["status"] == status).all()
    assert out["share_used"].iloc[0] == pytest.approx(steady / 10)
    assert out["value"].tolist() == [6] * 13 if status == "final" else out["value"].isna().all()


def test_a_hospital_that_changed_its_code_is_one_hospital():
    away = {("B", m): "closed" for m in SPAN[-3:]} | {("N", m): "not_joined" for m in SPAN[:-3]}
    made = tables({"A": (3, 0, 0), "B": (7, 0, 0), "N": (7, 0, 0)}, away)
    renamed = (*made[:2], make_roster([("A", "", ""), ("B", SPAN[-4], "N:1"), ("N", "", "")]))
    out = panel(renamed)
    assert out["value"].tolist() == [10] * 13
    assert (out["share_used"].iloc[0], out["denominator"].iloc[0]) == (1, 2)
    assert panel(made)["status"].unique().tolist() == ["no_data"]  # without the succession neither is steady


def test_the_panel_needs_every_month_to_be_held():
    events, held, roster = tables({"A": (5, 0, 0)})
    cut = held[held["month"] > "2024-01"]
    assert (panel((events, cut, roster))["status"] == "no_data").all()


def test_a_month_of_zero_keeps_a_hospital_in_the_panel():
    events, held, roster = tables({"A": (5, 0, 0)})
    quiet = held["month"] == "2024-05"
    held = held.assign(status=held["status"].mask(quiet, "zero"))
    out = panel((events[events["month"] != "2024-05"], held, roster)).set_index("period_end")
    assert out.loc["2024-05", "value"] == 0
    assert out.loc["2024-06", "value"] == 5


KINDS = make_roster([("U", "", ""), ("E", "", "")]).assign(dept_type=["utc", "type1"])
AT = pd.Timestamp("2024-12-10 20:00")


def visits(rows):
    """Events from (site, minutes from the assault to the arrival, precision)."""
    events = make_events({("E", LAST, CAMDEN): len(rows)})
    arrival = [AT + pd.Timedelta(minutes=m) for _, m, _ in rows]
    return events.assign(
        site_code=[site for site, _, _ in rows], arrival_at=arrival, occurred_start=AT,
        occurred_precision=[p for _, _, p in rows],
    )  # fmt: skip


def without(rows, **more):
    out = supply.transfers(visits(rows).assign(**more), KINDS, (LAST, LAST), RULES)
    schema.check(out, "finding")
    return out.set_index("stratum")["value"].to_dict()


def test_a_patient_who_was_sent_on_is_counted_once_in_the_sensitivity():
    assert without([("U", 30, "minute"), ("E", 90, "minute")]) == {"all": 2, "without": 1}
    assert without([("U", 30, "minute"), ("U", 40, "minute"), ("E", 90, "minute")]) == {"all": 3, "without": 2}


@pytest.mark.parametrize(
    "rows",
    [
        [("U", 30, "minute"), ("E", 30 + 12 * 60 + 1, "minute")],
        [("E", 30, "minute"), ("U", 90, "minute")],
        [("U", 30, "hour"), ("E", 90, "hour")],
        [("U", 30, "minute"), ("U", 90, "minute")],
    ],
    ids=["too late", "the other way", "rounded time", "no emergency department"],
)
def test_what_is_no_transfer_is_not_taken_out(rows):
    assert without(rows) == {"all": 2, "without": 2}


def test_another_method_is_another_patient_and_without_centres_nothing_is_said():
    rows = [("U", 30, "minute"), ("E", 90, "minute")]
    assert without(rows, method=["fist", "knife"]) == {"all": 2, "without": 2}
    assert np.isnan(list(without([("E", 30, "minute"), ("E", 90, "minute")]).values())).all()
