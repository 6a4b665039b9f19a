"""Squares: what may be on a map, who is on none, and what stays when points are moved."""

import numpy as np
import pandas as pd
import pytest

from istv_lib import _place_words, disclosure, errors, hotspots, months, places, tables, tally, words
from tests.conftest import CAMDEN, HACKNEY, make_events

PERIOD = ("2023-02", "2024-01")


def located(n=6, month="2024-01", gss=CAMDEN):
    events = make_events({("A", month, gss): n})
    return events.assign(x=529_100.0, y=184_100.0)


UNFIT = [
    {"location_type": "home"}, {"location_type": "hospital"}, {"location_type": "custody"},
    {"precision_class": "home"}, {"precision_class": "hospital"}, {"precision_class": "area"},
    {"precision_class": "borough", "x": np.nan}, {"x": np.nan}, {"prior_decided": True},
    {"location_p": 0.1}, {"location_p": np.nan},
]  # fmt: skip


@pytest.mark.parametrize("row", UNFIT)
def test_what_is_not_fit_is_left_out_and_refused(rules, row):
    events = located()
    for column, value in row.items():
        events.loc[0, column] = value
    assert hotspots.mappable(events, rules).tolist() == [False] + [True] * 5
    fit = hotspots.fit(events, rules)
    assert len(fit) == 5
    for refuses in (
        lambda: hotspots.scene(events, places.find_area(CAMDEN), PERIOD, rules),
        lambda: hotspots.moved(events, CAMDEN, PERIOD, rules, np.random.default_rng(1)),
    ):
        with pytest.raises(errors.DisclosureError, match="1 of 6 attendances may be on no map"):
            refuses()


# ---- who is on no map --------------------------------------------------------------------------------------------


def mixed():
    """60 attendances, 30 on no map; knives only among those."""
    events = located(60)
    events.loc[:29, "precision_class"], events.loc[:9, "location_type"] = "area", "home"
    events.loc[:14, "method"], events.loc[:4, "occurred_precision"] = "knife", "none"
    return events


def pick(found, measure, stratum=""):
    return found[(found["measure"] == measure) & (found["stratum"] == stratum)].iloc[0]


def test_shares_on_no_map_and_why(rules):
    found = hotspots.unmapped(mixed(), CAMDEN, PERIOD, rules)
    row = pick(found, "unmapped")
    assert (row["numerator"], row["n"], row["value"]) == (30, 60, 0.5)
    why = found[found["measure"] == "unmapped_why"].set_index("stratum")["value"]
    assert why[["never", "coarse"]].tolist() == pytest.approx([1 / 6, 1 / 3])
    assert why.sum() == pytest.approx(0.5)
    assert pick(found, "unmapped", "knife")["value"] == 1
    assert pick(found, "unmapped", "unknown")["n"] == 5
    assert pick(found, "unmapped_difference", "knife")["flags"] == "more"
    assert pick(found, "unmapped_difference", "body")["value"] == pytest.approx(0.5 - 1)
    assert "age_band" not in set(found["stratum_dim"])


def test_age_and_sex_need_enough_sites_and_people(rules):
    events = mixed().assign(site_code=["A", "B", "C"] * 20)
    people = pd.DataFrame({"record_id": events["event_id"], "sex": "male", "age_band": "18-24"})
    people.loc[:1, "sex"], people.loc[10:20, "sex"] = "other", "female"
    found = hotspots.unmapped(events, CAMDEN, PERIOD, rules, people)
    sex = found[(found["stratum_dim"] == "sex") & (found["measure"] == "unmapped")].set_index("stratum")["n"]
    assert sex.to_dict() == {"female": 11, "male": 47, "unknown": 2}
    two = hotspots.unmapped(events.assign(site_code=["A", "B"] * 30), CAMDEN, PERIOD, rules, people)
    assert not {"sex", "age_band"} & set(two["stratum_dim"])


def test_it_is_told_in_words_and_a_table(rules):
    released = disclosure.release(hotspots.unmapped(mixed(), CAMDEN, PERIOD, rules), "partner")
    text = words.unmapped(released, hotspots.REASONS, area="Camden").data["text/markdown"]
    assert "50% (38 to 62) of the 60 attendances of Camden are on no map" in text
    assert "More common among them than among those mapped: knife" in text
    assert "+50 points" in tables.unmapped(released, title="T").data["text/html"]
    none = disclosure.release(hotspots.unmapped(mixed().head(0), CAMDEN, PERIOD, rules), "partner")
    assert "no attendance" in words.unmapped(none).data["text/markdown"]


# ---- moved points ------------------------------------------------------------------------------------------------


def scattered(n=400, gss=CAMDEN):
    rng = np.random.default_rng(5)
    at = rng.integers(0, 12, (n, 2)) ** 2 * 10
    return located(n, gss=gss).assign(x=529_000.0 + at[:, 0], y=184_000.0 + at[:, 1])


def test_nothing_moved_changes_nothing_and_more_moved_changes_more(rules):
    rules = rules.replaced(moved_shares=[0.0, 0.1, 0.9], moved_times=20)
    found = hotspots.moved(scattered(), CAMDEN, PERIOD, rules, np.random.default_rng(1))
    stable = [pick(found, "stable_8", s)["value"] for s in ("0%", "10%", "90%")]
    assert stable[0] == 1 >= stable[1] >= stable[2]
    assert pick(found, "top_ten", "0%")["value"] == 1
    assert (found["lower"].fillna(0) <= found["value"]).all()
    again = hotspots.moved(scattered(), CAMDEN, PERIOD, rules, np.random.default_rng(1))
    pd.testing.assert_frame_equal(found, again)
    assert "With 10% of 400 points moved" in words.moved(disclosure.release(found, "internal")).data["text/markdown"]


def test_points_stay_in_their_borough(rules):
    both = pd.concat([scattered(100), scattered(100, HACKNEY).assign(x=534_600.0, y=185_100.0)], ignore_index=True)
    rules = rules.replaced(moved_shares=[1.0], moved_times=5, map_points_least=10)
    found = hotspots.moved(both, "london", PERIOD, rules, np.random.default_rng(1))
    assert pick(found, "stable_3", "100%")["value"] > 0  # Hackney's only square cannot change


def test_too_few_points_are_not_moved(rules):
    found = hotspots.moved(located(3), CAMDEN, PERIOD, rules, np.random.default_rng(1))
    assert set(found["status"]) == {"no_data"}
    assert "Too few" in words.moved(disclosure.release(found, "internal")).data["text/markdown"]


def test_counts_with_and_without_what_the_hospital_decided():
    events = make_events({("A", m, CAMDEN): 2 for m in months.span("2023-02", "2024-01")} | {("A", "2024-01", ""): 3})
    events.loc[:5, "prior_decided"] = True
    found = tally.decided(events, places.find_area("london"), PERIOD)
    camden = found[found["place"] == CAMDEN].set_index("stratum")["value"]
    assert camden.to_dict() == {"share": 0.25, "all": 24, "without": 18}
    assert (found["place"] != "").all()
    one = disclosure.release(tally.decided(events, places.find_area("camden"), PERIOD), "partner")
    assert "Of the 24 attendances counted in Camden in twelve months 25% (12 to 45)" in _place_words.rests(one)
    assert "No attendance" in _place_words.rests(disclosure.release(found[found["place"] == HACKNEY], "partner"))
