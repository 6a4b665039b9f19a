"""What a corrected file changed: counted by hand, and by properties that must hold for any two files."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import _revision, schema


def records(*rows):
    """Return conformed records from (source key, method, location text, arrival)."""
    frame = pd.DataFrame(rows, columns=["source_key", "method", "location_text", "arrival_at"])
    frame = frame.assign(arrival_at=pd.to_datetime(frame["arrival_at"]), row_no=range(2, len(frame) + 2))
    base = {"submission_id": "s", "site_code": "SYN02", "month": "2024-01", "synthetic": True}
    frame = frame.assign(**base, shape="trust", location_type="street", record_id=frame["row_no"].astype(str))
    return schema.conform(frame, "conformed")


ONE = ("k1", "fist", "High Street", "2024-01-03 22:10")
TWO = ("k2", "knife", "The Crown", "2024-01-04 01:00")
THREE = ("k3", "glass", "", None)


def counts(before, after):
    told = _revision.compare(records(*before), records(*after))
    assert told["rows_before"] == told["same"] + told["removed"] + told["changed"]
    assert told["rows_after"] == told["same"] + told["added"] + told["changed"]
    return told["same"], told["added"], told["removed"], told["changed"], told["fields"]


def unkeyed(*rows):
    return [("", *row[1:]) for row in rows]


def test_by_number_a_changed_record_is_told_with_its_fields():
    new_two = ("k2", "glass", "The Crown, Camden", "2024-01-04 01:00")
    new_three = ("k3", "knife", "", None)
    assert counts([ONE, TWO, THREE], [TWO, THREE, ONE]) == (3, 0, 0, 0, "")
    assert counts([ONE, TWO, THREE], [ONE, new_two, new_three]) == (1, 0, 0, 2, "method 2; location_text 1")
    assert counts([ONE, TWO], [TWO, THREE]) == (1, 1, 1, 0, "")


def test_a_time_that_is_filled_in_or_lost_is_a_change():
    assert counts([THREE], [(*THREE[:3], "2024-01-05 10:00")]) == (0, 0, 0, 1, "arrival_at 1")
    assert counts([ONE], [(*ONE[:3], None)]) == (0, 0, 0, 1, "arrival_at 1")


def test_two_numbers_are_two_attendances_even_when_all_else_is_equal():
    assert counts([ONE], [("k9", *ONE[1:])]) == (0, 1, 1, 0, "")


def test_without_numbers_records_are_matched_by_content_each_once():
    assert counts(unkeyed(ONE, ONE, TWO), unkeyed(ONE, TWO, THREE)) == (2, 1, 1, 0, "")
    assert counts(unkeyed(ONE), unkeyed((*ONE[:2], "Low Street", ONE[3]))) == (0, 1, 1, 0, "")


def test_a_record_that_has_gained_or_lost_its_number_is_matched_by_content():
    assert counts(unkeyed(ONE, TWO), [ONE, TWO]) == (2, 0, 0, 0, "")
    assert counts([ONE, TWO], [ONE, *unkeyed(TWO)]) == (2, 0, 0, 0, "")


def test_an_empty_file_can_replace_or_be_replaced():
    assert counts([], [ONE, *unkeyed(TWO)]) == (0, 2, 0, 0, "")
    assert counts([ONE, *unkeyed(TWO)], []) == (0, 0, 2, 0, "")
    assert counts([], []) == (0, 0, 0, 0, "")


@pytest.mark.parametrize("column", ["row_no", "record_id", "submission_id", "shape", "flags"])
def test_where_a_record_stood_and_what_we_marked_it_with_is_no_change(column):
    before, after = records(ONE), records(ONE)
    after[column] = {"row_no": 99, "shape": "isb1594"}.get(column, "other")
    assert _revision.compare(before, after)["same"] == 1


row = st.tuples(
    st.sampled_from(["", "", "k1", "k2", "k3", "k4"]),
    st.sampled_from(["fist", "knife"]),
    st.sampled_from(["", "High Street"]),
    st.sampled_from([None, "2024-01-03 22:10"]),
)
rows = st.lists(row, max_size=8).map(
    lambda found: [r for i, r in enumerate(found) if not r[0] or r[0] not in {f[0] for f in found[:i]}]
)


@settings(max_examples=15, deadline=None)
@given(rows, rows)
def test_every_record_is_counted_once_and_both_ways_tell_the_same(before, after):
    same, added, removed, changed, fields = counts(before, after)
    assert counts(after, before) == (same, removed, added, changed, fields)
    assert counts(before, before)[0] == len(before)
