"""Dates of a submission: read as written or not at all, and never with day and month swapped."""
# ruff: noqa: DTZ001 - wall-clock times carry no zone

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import _dates, errors
from istv_lib._date_cells import KNOWN, Texts, turned

UK, US, ISO = "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%Y-%m-%d %H:%M"


def stamps(*texts):
    return np.array(texts, dtype="datetime64[us]")


def one(cell, form=None, part="arrival", kind="", **more):
    """Read one cell by one format, or by none."""
    formats = {{"": "datetime", "_date": "date", "_utc": "datetime"}[kind]: [form] if form else []}
    return _dates.times(part, {part + kind: [cell], **more}, formats, 1)


def settle(arrival, formats=None, month="", filename="F.csv", **columns):
    return _dates.settle(filename, {"arrival": arrival, **columns}, formats, month)


def pin(*forms):
    return {"datetime": list(forms)}


# ---- no silent swap --------------------------------------------------------------------------------------


def written(times, form):
    if form == "true date":
        return list(times)
    if form == "serial":
        return [(at - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1) for at in times]
    return [at.strftime(form) for at in times]


FORMS = [UK, US, ISO, "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%d.%m.%Y %H:%M", "%d-%b-%y %H:%M", "%Y-%d-%m %H:%M"]
FORMS += ["%d%m%Y %H:%M", "%m%d%Y %H:%M"]
WRITERS = [*FORMS[:7], "%d%m%Y %H:%M", "serial", "true date"]
SPANS = {
    "whole month": range(1, 32), "first twelve days": range(1, 13), "fifth": [5], "fifteenth": [15], "third": [3],
    "third and twelfth": [3, 12],
}  # fmt: skip


def month_of_records(days, number, hours_before):
    """Return arrivals and incidents, three a day."""
    arrival = [dt.datetime(2024, number, day, hour, 20) for day in days for hour in (1, 13, 22)]
    return arrival, [at - dt.timedelta(hours=hours_before) for at in arrival]


def outcome(arrival, incident, formats, month):
    """Settle and read; None when refused."""
    cells = {"arrival": arrival, "incident": incident}
    try:
        formats = _dates.settle("F.csv", cells, formats, month)
    except errors.IntakeError:
        return None
    return [_dates.times(part, cells, formats, len(arrival)).at for part in ("arrival", "incident")]


def assert_true_or_unread(read, truth):
    at = np.array(truth, dtype="datetime64[us]")
    assert (np.isnat(read) | (read == at)).all()


@pytest.mark.parametrize(("form", "number"), [*((form, 3) for form in WRITERS), (UK, 1), (US, 1), (UK, 12), (US, 12)])
def test_no_form_pinned_right_or_wrong_is_ever_read_as_other_dates(form, number):
    for days, stated, pinned in itertools.product(SPANS.values(), (True, False), [None, *FORMS]):
        arrival, incident = month_of_records(days, number, 8)
        month = f"2024-{number:02d}" if stated else ""
        read = outcome(written(arrival, form), written(incident, form), pinned and pin(pinned), month)
        if read:
            assert_true_or_unread(read[0], arrival)
            assert_true_or_unread(read[1], incident)


@pytest.mark.parametrize("form", WRITERS)
def test_what_can_be_known_is_read(form):
    pinned = pin(form) if form == "%d%m%Y %H:%M" else None
    numeric = form in FORMS and form not in {ISO, "%d-%b-%y %H:%M"}
    for days, stated in itertools.product(SPANS, (True, False)):
        arrival, incident = month_of_records(SPANS[days], 3, 1)
        read = outcome(written(arrival, form), written(incident, form), pinned, "2024-03" if stated else "")
        if numeric and not stated and days in {"first twelve days", "fifth", "third and twelfth"}:
            assert read is None
        else:
            for got, truth in zip(read, (arrival, incident), strict=True):
                assert np.array_equal(got.astype("datetime64[s]"), np.array(truth, dtype="datetime64[s]"))


@pytest.mark.parametrize(
    "forms", [*itertools.permutations([UK, US, ISO], 2), ("%d/%m/%y %H:%M", US), (UK, "%m/%d/%y %H:%M")]
)
def test_a_file_in_two_forms_is_read_rightly_or_refused(forms):
    spans = [SPANS["whole month"], SPANS["first twelve days"]]
    for days, month, pinned in itertools.product(spans, ("2024-03", ""), [None, UK, US]):
        arrival, incident = month_of_records(days, 3, 1)
        cells = [[written([at], forms[k % 2])[0] for k, at in enumerate(part)] for part in (arrival, incident)]
        read = outcome(*cells, pinned and pin(pinned), month)
        if read:
            assert_true_or_unread(read[0], arrival)
            assert_true_or_unread(read[1], incident)


@given(st.sets(st.integers(0, 92), max_size=92), st.sampled_from(["2024-03", ""]), st.sampled_from([None, UK, US]))
@settings(max_examples=25, deadline=None)
def test_no_row_of_another_order_comes_to_lie_in_the_month_under_a_wrong_date(other, month, pinned):
    arrival, _ = month_of_records(range(1, 32), 3, 0)
    cells = [written([at], US if k in other else UK)[0] for k, at in enumerate(arrival)]
    read = outcome(cells, cells, pinned and pin(pinned), month)
    if read:
        at = read[0][_dates.month_texts(read[0]) == "2024-03"]
        truth = np.array(arrival, dtype="datetime64[us]")[_dates.month_texts(read[0]) == "2024-03"]
        assert np.array_equal(at, truth)


def test_a_spreadsheet_that_turned_what_it_could_is_refused():
    days = [dt.datetime(2024, 3, day, 22, 10) for day in range(1, 32)]
    spoilt = [at.replace(month=at.day, day=at.month) if at.day <= 12 else at.strftime(UK) for at in days]
    for formats, month in itertools.product((None, pin(UK)), ("", "2024-03")):
        with pytest.raises(
            errors.IntakeError, match="A spreadsheet seems to have swapped day and month in column 'arrival'"
        ):
            settle(spoilt, formats, month)
        with pytest.raises(errors.IntakeError, match=r"12 plain dates .* 19 left as text"):
            settle(["2024-03-05 10:00"] * 31, formats, month, incident=spoilt)
    as_text = [at if isinstance(at, str) else at.strftime(ISO) for at in spoilt]
    with pytest.raises(errors.IntakeError, match="A spreadsheet"):
        settle(as_text)
    with pytest.raises(errors.IntakeError, match="A spreadsheet"):
        settle(spoilt[:12])


def test_a_few_cells_that_show_the_mark_are_enough():
    with pytest.raises(errors.IntakeError, match="A spreadsheet"):
        settle([dt.datetime(2024, 5, 3), "13/03/2024 10:00"])
    with pytest.raises(errors.IntakeError, match="A spreadsheet"):
        settle([45415.5, "13/03/2024 10:00", dt.datetime(2024, 3, 3)])


def test_true_dates_beside_text_are_fine_where_nothing_speaks_for_a_swap():
    true, text = dt.datetime(2024, 3, 5, 22), "15/03/2024 22:10"
    assert settle([true, text]) == pin(UK)
    assert settle([true, dt.datetime(2024, 3, 20), text]) == pin(UK)
    assert settle([true, text, "05/03/2024 22:10"], None, "2024-03") == pin(UK)
    assert settle([true, dt.datetime(2024, 3, 6)]) == {}
    assert settle(["2024-02-05 22:10", "2024-03-05 22:10"]) == pin(ISO)


# ---- settling --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrival", "formats", "month", "message"),
    [
        (["13/03/2024 10:00", "03/14/2024 10:00"], None, "", "two orders: 1 rows can only have the day first and 1"),
        (["13/03/2024 10:00", "03/14/2024 10:00"], pin(UK), "2024-03", "mixes two orders"),
        (["03/13/2024 10:00"] * 3, pin(UK), "", "3 rows of column 'arrival' of 'F.csv' can only have the month first"),
        (["13/03/2024 10:00"], pin(US), "2024-03", "can only have the day first, but its layout reads the month first"),
        (["05/03/2024 10:00"], None, "", "Nothing in 'F.csv' tells the day from the month in 1 rows"),
        (["05/03/2024 10:00"], pin(UK), "", "Nothing in 'F.csv' tells the day from the month"),
        (["05/03/2024 10:00"], None, "2024-07", "tells the day from the month"),
        (["03/05/2024 10:00"], pin(UK), "2024-03", "lie in 2024-03 only with the month first, but its layout reads"),
        (["05/03/2024 10:00", "03/06/2024 10:00"], None, "2024-03", "but other rows have the day first"),
        (["13/03/2024 10:00", "03/05/2024 10:00"], None, "", "lie in 2024-03 only with the month first"),
        (["05/03/2024 10:00"], pin(UK, US), "2024-03", "formats with the day first and formats with the month first"),
        ([f"24/03/{day:02d} 10:00" for day in range(1, 32)], None, "", "scatters over 31 years"),
        ([], pin("%Y-%d-%m"), "", "has '%Y-%d-%m' among its formats"),
        ([], pin("%y-%m-%d"), "", "cannot be used"),
        ([], pin("%d/%m/%Y %H"), "", "cannot be used"),
        ([], pin("%d/%m/%Y %Z"), "", "cannot be used"),
        ([], pin("today"), "", "cannot be used"),
    ],
)  # fmt: skip
def test_doubtful_files_are_refused_in_one_sentence_without_a_value(arrival, formats, month, message):
    with pytest.raises(errors.IntakeError, match=message) as refusal:
        settle(arrival, formats, month)
    assert not any(cell in str(refusal.value) for cell in arrival)
    assert str(refusal.value).count(".") <= 2 + str(refusal.value).count("F.csv")


@pytest.mark.parametrize(
    ("arrival", "month", "formats"),
    [
        (["13/03/2024 10:00", "05/03/2024 10:00"], "", pin(UK)),
        (["03/13/2024 10:00", "03/05/2024 10:00"], "", pin(US)),
        (["03/05/2024 10:00"], "2024-03", pin(US)),
        (["03/03/2024 10:00"], "", pin(UK)),
        (["13/13/2024 10:00", "31/03/2024 10:00"], "", pin(UK)),
        (["2024-03-05T22:10:00", "2024-03-05 22:10"], "", pin("%Y-%m-%dT%H:%M:%S", ISO)),
        (["5 March 2024 22:10", "05-Mar-24", "5-mar-24"], "", pin("%d-%b-%y", "%d %b %Y %H:%M")),
        (["13.3.24 9:05", "2024-03-05"], "", pin("%Y-%m-%d", "%d.%m.%y %H:%M")),
        (["Mar 5 2024 10:10PM"], "", pin("%b %d %Y %I:%M%p")),
        (["20240403", "45323", "now", "soon", ""], "", {}),
    ],
)
def test_formats_are_found(arrival, month, formats):
    assert settle(arrival, None, month) == formats


def test_formats_found_are_by_kind():
    cells = {"arrival_date": ["2024-03-05"], "arrival_time": ["22:10:00"], "incident_utc": ["2024-03-05T21:00:00Z"]}
    found = _dates.settle("F.csv", cells, None, "")
    assert found == {"date": ["%Y-%m-%d"], "time": ["%H:%M:%S"], "datetime": ["%Y-%m-%dT%H:%M:%SZ"]}


def test_pinned_formats_come_back_as_they_are():
    formats = pin("%d/%m/%y %H:%M", "%d %B %Y %H:%M")
    assert settle(["13/03/24 10:00", "5 March 2024 11:00"], formats, "") is formats


def test_a_row_of_an_earlier_month_does_not_unsettle_a_proven_order():
    days = [f"{day:02d}/03/2024 10:00" for day in range(1, 32)]
    assert settle([*days, "03/02/2024 10:00"], None, "2024-03") == pin(UK)
    assert settle([*days, "03/02/2024 10:00"], pin(UK), "") == pin(UK)


ISO_ARRIVAL = ["2024-03-05 10:00"]


@pytest.mark.parametrize(
    ("arrival", "incident", "formats", "message"),
    [
        (
            ["13/03/2024 10:00"],
            ["03/13/2024 09:00"],
            None,
            "'F.csv' has the day first in column 'arrival' and the month",
        ),
        (["13/03/2024 10:00"], ["03/12/2024 09:00"], None, "0 with the day first"),
        (["13/03/2024 10:00"], ["03/12/2024 09:00"], pin(UK), "column 'incident' in 'F.csv' are in doubt"),
        (["13/03/2024 10:00"], ["03/13/2024 09:00"], pin(UK), "column 'incident' .* can only have the month first"),
        (ISO_ARRIVAL, ["03/04/2024 09:00"], None, "of 1 rows that fit both, 1 lie in the 31 days up to the arrival"),
        (ISO_ARRIVAL, ["03/04/2024 09:00"], pin(ISO, UK), "in doubt"),
        (ISO_ARRIVAL, ["02/03/2024 09:00"], None, "in doubt"),
        (ISO_ARRIVAL, ["04/09/2023 09:00"], None, "in doubt"),
        ([None], ["04/03/2024 09:00"], None, "in doubt"),
    ],
)
def test_incidents_of_doubtful_order_are_refused(arrival, incident, formats, message):
    with pytest.raises(errors.IntakeError, match=message):
        settle(arrival, formats, "", incident=incident)


def test_arrivals_outside_the_month_stated_prove_no_order():
    with pytest.raises(errors.IntakeError, match=r"column 'incident' .* in doubt"):
        settle(["05/03/2024 10:00"], pin(UK), "2024-07", incident=["02/03/2024 09:00"])
    assert settle(["05/03/2024 10:00"], pin(UK), "2024-07", incident=["04/03/2024 09:00"]) == pin(UK)


@pytest.mark.parametrize(
    ("arrival", "incident", "formats"),
    [
        (["13/03/2024 10:00"], ["12/03/2024 09:00"], None),
        (["13/03/2024 10:00"], ["04/09/2023 09:00"], None),
        (ISO_ARRIVAL, ["04/03/2024 09:00"], None),
        (ISO_ARRIVAL, ["13/02/2024 09:00"], None),
        (ISO_ARRIVAL, ["04/09/2023 09:00"], pin(ISO, UK)),
    ],
)
def test_incidents_follow_the_arrivals(arrival, incident, formats):
    assert UK in settle(arrival, formats, "", incident=incident)["datetime"]


# ---- reading ---------------------------------------------------------------------------------------------


def test_local_time_comes_first_then_date_and_time_then_universal_time():
    cells = {
        "arrival": ["2024-06-05 22:10", None, None, "soon", None, None],
        "arrival_date": ["2024-06-06", "2024-06-06", None, None, "2024-06-06", None],
        "arrival_time": ["01:00", "23:59", "10:00", None, "late", None],
        "arrival_utc": [None, None, "2024-06-05 21:10", None, None, None],
    }
    got = _dates.times("arrival", cells, {"datetime": [ISO], "date": ["%Y-%m-%d"], "time": ["%H:%M"]}, 6)
    expected = stamps("2024-06-05T22:10", "2024-06-06T23:59", "2024-06-05T22:10", "NaT", "2024-06-06", "NaT")
    np.testing.assert_array_equal(got.at, expected)
    assert got.at.dtype == "datetime64[us]"
    assert got.written.tolist() == [True, True, True, True, True, False]
    assert got.unreadable.tolist() == [False, False, False, True, False, False]
    assert got.date_only.tolist() == [False, False, False, False, True, False]
    assert got.from_utc.tolist() == [False, False, True, False, False, False]
    assert not got.apart.any()
    assert not got.serial.any()


def test_local_and_universal_times_that_differ_are_marked():
    local = ["2024-06-05 22:10", "2024-06-05 22:10", "2024-01-05 22:10", "2024-10-27 01:30", "2024-06-05 22:12", None]
    utc = ["2024-06-05 21:10", "2024-06-05 22:10", "2024-01-05 22:11", "2024-10-27 00:30", "2024-06-05 21:10", "x"]
    cells = {"arrival": local, "arrival_utc": utc}
    assert _dates.times("arrival", cells, pin(ISO), 6).apart.tolist() == [False, True, False, False, True, False]
    day = _dates.times("arrival", {"arrival": ["2024-06-05"] * 2, "arrival_utc": utc[:2]}, pin("%Y-%m-%d", ISO), 2)
    assert not day.apart.any()


@pytest.mark.parametrize(
    ("cell", "form"),
    [
        ("20240403", ISO), ("45323", None), ("45323", ISO), ("now", "%d/%m/%Y"), ("today", "%d/%m/%Y"),
        ("05/03/2024", "%Y-%m-%d"), ("30/02/2024", "%d/%m/%Y"), ("05/03/1989", "%d/%m/%Y"), ("05/03/2100", "%d/%m/%Y"),
        ("05/03/89", "%d/%m/%y"), ("05/03/2024 24:00", UK), ("05/03/2024 10:60", UK), ("05/03/2024 10:0", UK),
        ("٠٥/03/2024", "%d/%m/%Y"), ("05/03/2024\n", "%d/%m/%Y"), ("05/03/2024 x", "%d/%m/%Y"), ("", "%d/%m/%Y"),
        ("05-Mrz-24", "%d-%b-%y"), ("5" * 5000, ISO), (True, None), (19_999, None), (60_001, None), (45_000j, None),
        (float("nan"), None), (float("inf"), None), (10**400, None), (dt.datetime(1989, 12, 31), None),
        (dt.datetime(2100, 1, 1), None), (dt.datetime(2024, 3, 5, tzinfo=dt.UTC), None), (dt.time(10, 0), None),
        (dt.timedelta(1), None), (pd.NaT, None), (20_000, None),
    ],
)  # fmt: skip
def test_what_no_format_reads_is_unreadable(cell, form):
    got = one(cell, form)
    assert got.unreadable.tolist() == [True]
    assert not got.serial.any()


@pytest.mark.parametrize(
    ("cell", "form", "at"),
    [
        ("20240403", "%Y%m%d", "2024-04-03"),
        ("5/3/2024", "%d/%m/%Y", "2024-03-05"),
        ("31/12/99", "%d/%m/%y", "1999-12-31"),
        ("29/02/2024 9:05", UK, "2024-02-29T09:05"),
        ("05-SEPT-24", "%d-%b-%y", "2024-09-05"),
        ("5 sep 2024", "%d %B %Y", "2024-09-05"),
        ("05MAR2024:22:10:00", "%d%b%Y:%H:%M:%S", "2024-03-05T22:10"),
        ("22:10 05/03/2024", "%H:%M %d/%m/%Y", "2024-03-05T22:10"),
        ("Mar 5 2024 12:10AM", "%b %d %Y %I:%M%p", "2024-03-05T00:10"),
        ("2024-03-05 22:10:00.1234567", "%Y-%m-%d %H:%M:%S.%f", "2024-03-05T22:10:00.123456"),
        ("2024-03-05 22:10:00.5", "%Y-%m-%d %H:%M:%S.%f", "2024-03-05T22:10:00.5"),
        ("2024-06-05T22:10:00Z", "%Y-%m-%dT%H:%M:%SZ", "2024-06-05T23:10"),
        (dt.datetime(2024, 3, 5, 22, 10), None, "2024-03-05T22:10"),
        (dt.date(2024, 3, 5), None, "2024-03-05"),
    ],
)
def test_what_a_format_says_is_read(cell, form, at):
    got = one(cell, form)
    np.testing.assert_array_equal(got.at, stamps(at))
    assert got.date_only.tolist() == ["T" not in at]
    assert not got.unreadable.any()


def test_serial_days_are_numbers_of_a_workbook():
    cells = {"arrival": [45356, 45356.5, 45356 + 86399.6 / 86400, 45356.25 + 1e-7, "45356", None]}
    got = _dates.times("arrival", cells, None, 6)
    days = stamps("2024-03-05", "2024-03-05T12", "2024-03-06", "2024-03-05T06", "NaT", "NaT")
    np.testing.assert_array_equal(got.at, days)
    assert got.serial.tolist() == [True] * 4 + [False] * 2
    assert not got.date_only.any()
    assert _dates.times("arrival", {"arrival": [45356, 45357, None]}, None, 3).date_only.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("cell", "clock"),
    [
        (0.5, "12:00"), (0, "00:00"), (0.99999999, "23:59:59"), (dt.time(9, 5, 7), "09:05:07"), ("9:05", "09:05"),
        (dt.timedelta(hours=9), "09:00"), (dt.datetime(1899, 12, 31, 9, 5), "09:05"), (1, None), (-0.1, None),
        (True, None), (dt.timedelta(1), None), (dt.timedelta(-1), None), ("0.5", None), ("25:00", None), (None, None),
        (dt.date(2024, 3, 5), None),
    ],
)  # fmt: skip
def test_times_of_day_beside_a_date(cell, clock):
    cells = {"arrival_date": [45356], "arrival_time": [cell]}
    got = _dates.times("arrival", cells, {"time": ["%H:%M"]}, 1)
    np.testing.assert_array_equal(got.at, stamps(f"2024-03-05T{clock or '00:00'}"))
    assert got.date_only.tolist() == [clock is None]
    assert got.serial.all()


def test_a_date_column_that_holds_the_time_keeps_it():
    got = one("2024-03-05 22:10", None, kind="_date")
    assert got.unreadable.all()
    got = one("2024-03-05 22:10", ISO, kind="_date")
    np.testing.assert_array_equal(got.at, stamps("2024-03-05T22:10"))
    assert not got.date_only.any()


def test_parts_and_columns_that_are_not_there():
    got = _dates.times("incident", {"arrival": ["2024-03-05 22:10"]}, pin(ISO), 1)
    assert np.isnat(got.at).all()
    assert not any(getattr(got, name).any() for name in vars(got) if name != "at")
    assert len(_dates.times("arrival", {"arrival": []}, pin(UK), 0).at) == 0
    assert _dates.settle("F.csv", {}, None, "") == {}
    assert settle([], None, "2024-03") == {}


def test_month_texts():
    assert _dates.month_texts(stamps("2024-03-05T22:10", "NaT")).tolist() == ["2024-03", "NaT"]


# ---- the clock -------------------------------------------------------------------------------------------


def test_the_missing_and_the_repeated_hour():
    spring = stamps("2024-03-31T00:59:59", "2024-03-31T01:00", "2024-03-31T01:59:59", "2024-03-31T02:00", "NaT")
    assert _dates.clock_gap(spring).tolist() == [False, True, True, False, False]
    assert not _dates.clock_fold(spring).any()
    autumn = stamps("2024-10-27T00:59:59", "2024-10-27T01:00", "2024-10-27T01:59:59", "2024-10-27T02:00", "NaT")
    assert _dates.clock_fold(autumn).tolist() == [False, True, True, False, False]
    assert not _dates.clock_gap(autumn).any()


@pytest.mark.parametrize(
    ("utc", "london"),
    [
        ("2024-03-31T00:59", "2024-03-31T00:59"), ("2024-03-31T01:00", "2024-03-31T02:00"),
        ("2024-10-27T00:30", "2024-10-27T01:30"), ("2024-10-27T01:30", "2024-10-27T01:30"),
        ("2024-10-27T02:00", "2024-10-27T02:00"), ("2024-06-30T23:30", "2024-07-01T00:30"),
    ],
)  # fmt: skip
def test_universal_time_on_both_sides_of_the_changes(utc, london):
    assert one(utc, "%Y-%m-%dT%H:%M", kind="_utc").at == stamps(london)
    assert one(utc + "Z", "%Y-%m-%dT%H:%MZ").at == stamps(london)
    assert one(dt.datetime.fromisoformat(utc), kind="_utc").at[0] in stamps(london, utc)


def test_a_universal_date_without_a_time_keeps_its_day():
    got = one("2024-06-05", "%Y-%m-%d", kind="_utc")
    np.testing.assert_array_equal(got.at, stamps("2024-06-05"))
    assert got.date_only.all()


# ---- properties ------------------------------------------------------------------------------------------

ALL = [turned(form, order) for form in KNOWN["datetime"] for order in ("day", "month")]
TIMES = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2068, 12, 31))


@given(st.sampled_from([*ALL, "%Y%m%d", "%d%m%y %H%M", "%B %d, %Y"]), st.lists(TIMES, min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_what_a_format_wrote_it_reads_again(form, moments):
    texts = [at.strftime(form) for at in moments]
    at, which = Texts(texts).read([form])
    truth = np.array([dt.datetime.strptime(text, form) for text in texts], dtype="datetime64[us]")  # noqa: DTZ007
    np.testing.assert_array_equal(at, truth)
    assert (which == 0).all()


DATES_LIKE = st.builds(
    "{}{}{}{}{}".format,
    st.integers(0, 40), st.sampled_from("/-. "), st.integers(0, 40), st.sampled_from("/-. "), st.integers(0, 2100),
)  # fmt: skip
CELLS = st.none() | st.text(max_size=12) | DATES_LIKE | st.integers() | st.floats() | st.datetimes() | st.times()
CELLS |= st.dates() | st.timedeltas() | st.booleans() | TIMES.map(lambda at: at.strftime(UK))


@given(
    st.data(), st.integers(0, 5), st.sampled_from([None, {}, pin(UK, ISO), pin(US)]), st.sampled_from(["", "2024-03"])
)
@settings(max_examples=50, deadline=None)
def test_no_cell_brings_down_the_reading(data, count, formats, month):
    names = ["arrival", "arrival_date", "arrival_time", "arrival_utc", "incident", "incident_date"]
    cells = {name: data.draw(st.lists(CELLS, min_size=count, max_size=count)) for name in names}
    try:
        formats = _dates.settle("F.csv", cells, formats, month)
    except errors.IntakeError:
        formats = formats or pin(*KNOWN["datetime"])
    for part in ("arrival", "incident"):
        got = _dates.times(part, cells, formats, count)
        assert all(len(values) == count for values in vars(got).values())
        assert (got.unreadable == (got.written & np.isnat(got.at))).all()
        assert not (np.isnat(got.at) & (got.date_only | got.serial | got.from_utc | got.apart)).any()
        year = got.at[~np.isnat(got.at)].astype("datetime64[Y]").astype(int) + 1970
        assert ((year >= 1990) & (year <= 2100)).all()
        _dates.clock_gap(got.at)
        _dates.clock_fold(got.at)
