"""When a month may leave, and who answers for it."""

import copy
import datetime as dt

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import errors, months, params, releases

DUE = dt.datetime(2026, 5, 7, 9, 30, tzinfo=releases.LONDON)
SECOND = dt.timedelta(seconds=1)
WELL = {"month": "2026-03", "analyst": "A. One", "assurer": "B. Two", "approver": "C. Three", "context": "A month."}


@pytest.fixture
def calendar(monkeypatch):
    """Return the calendar's parameters, to be changed by a test."""
    rules, read = copy.deepcopy(params.file("calendar")), params.file
    monkeypatch.setattr(params, "file", lambda name: rules if name == "calendar" else read(name))
    return rules


def test_a_month_leaves_on_a_thursday_two_weeks_after_its_run():
    assert releases.at("2026-03") == DUE
    assert releases.at("2025-11") == dt.datetime(2026, 1, 8, 9, 30, tzinfo=releases.LONDON)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 16 * 12 - 4))
def test_every_month_has_its_working_day_at_half_past_nine_in_london(number):
    month = months.add("2012-01", number)
    due = releases.at(month)
    assert (due.hour, due.minute, due.tzinfo) == (9, 30, releases.LONDON)
    assert due.weekday() < 5
    assert not months.is_bank_holiday(pd.Series([pd.Timestamp(due.date())])).iloc[0]
    run = dt.date.fromisoformat(f"{months.add(month, 1)}-20")
    assert dt.timedelta(days=14) <= due.date() - run < dt.timedelta(days=25)
    assert due < releases.at(months.add(month, 1))


def test_a_bank_holiday_moves_it_to_the_next_working_day(calendar):
    calendar["days_after_run"]["value"] = 5
    assert releases.at("2025-11").date() == dt.date(2025, 12, 29)


def test_half_past_nine_follows_the_clocks():
    assert DUE.astimezone(dt.UTC).hour == 8
    assert releases.at("2025-11").astimezone(dt.UTC).hour == 9


@pytest.mark.parametrize("zone", [dt.UTC, releases.LONDON, dt.timezone(dt.timedelta(hours=9))])
def test_the_embargo_ends_at_the_second_wherever_the_computer_is(zone):
    with pytest.raises(errors.PublishError, match="may not leave before 09:30 on 7 May 2026, London time"):
        releases.check_embargo("2026-03", (DUE - SECOND).astimezone(zone))
    releases.check_embargo("2026-03", DUE.astimezone(zone))
    releases.check_embargo("2026-03", (DUE + SECOND).astimezone(zone))


def test_in_summer_half_past_nine_in_utc_is_an_hour_late_and_half_past_eight_is_in_time():
    releases.check_embargo("2026-03", dt.datetime(2026, 5, 7, 8, 30, tzinfo=dt.UTC))
    with pytest.raises(errors.PublishError):
        releases.check_embargo("2025-11", dt.datetime(2026, 1, 8, 8, 30, tzinfo=dt.UTC))


def test_a_time_without_zone_is_refused():
    with pytest.raises(errors.PublishError, match="no time zone"):
        releases.check_embargo("2026-03", dt.datetime(2030, 1, 1))  # noqa: DTZ001 - what is tested


def test_the_next_twelve_months_are_known_more_than_four_weeks_ahead():
    coming = releases.upcoming("2026-03", 12)
    assert [month for month, _ in coming] == months.span("2026-04", "2027-03")
    assert all(due == releases.at(month) for month, due in coming)
    assert releases.upcoming("2026-03", 0) == []


def test_an_exception_moves_a_month_and_no_other(calendar):
    moved = {"date": dt.date(2026, 5, 14), "announced": dt.date(2026, 5, 6), "reason": "Late files."}
    calendar["exceptions"] = {"2026-03": moved}
    assert releases.at("2026-03").date() == dt.date(2026, 5, 14)
    assert releases.at("2026-04").date() == dt.date(2026, 6, 4)
    assert releases.upcoming("2026-02", 1)[0][1].date() == dt.date(2026, 5, 14)
    earlier = {"date": dt.date(2026, 5, 5), "announced": dt.date(2026, 4, 7), "reason": "An election."}
    calendar["exceptions"] = {"2026-03": earlier}
    assert releases.at("2026-03").date() == dt.date(2026, 5, 5)


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"date": "2026-05-14"}, "needs a date"),
        ({"date": dt.datetime(2026, 5, 14, 8, tzinfo=dt.UTC)}, "needs a date"),
        ({"announced": None}, "needs a date"),
        ({"reason": ""}, "needs a date"),
        ({"date": dt.date(2026, 5, 16)}, "not on a working day"),
        ({"date": dt.date(2026, 5, 25)}, "not on a working day"),
        ({"date": dt.date(2026, 5, 6)}, "less than 28 days' notice"),
    ],
    ids=["text", "a time", "not announced", "no reason", "Saturday", "bank holiday", "forward at short notice"],
)
def test_an_exception_that_cannot_stand_is_refused(calendar, over, why):
    moved = {"date": dt.date(2026, 5, 14), "announced": dt.date(2026, 5, 1), "reason": "Late files."}
    calendar["exceptions"] = {"2026-03": moved | over}
    with pytest.raises(errors.ParameterError, match=f"exception for 2026-03 .*{why}"):
        releases.at("2026-03")


def test_a_date_is_given_or_todays_in_london():
    late = dt.datetime(2026, 5, 7, 23, 30, tzinfo=dt.UTC)
    assert releases.day(None, late) == "2026-05-08"
    assert releases.day("2026-05-08", late) == "2026-05-08"
    with pytest.raises(errors.ParameterError, match="has not come yet"):
        releases.day("2026-05-09", late)
    with pytest.raises(errors.ParameterError, match="'8 May' is not a date"):
        releases.day("8 May", late)


def told(**over):
    return yaml.safe_dump(WELL | over)


def test_a_filled_form_is_read_as_lines_of_text():
    found = releases.form(told(context="One\n  line.", extra="x"), "2026-03")
    assert found == {k: WELL[k] for k in releases.FIELDS} | {"context": "One line.", "notes": ""}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "cannot be read"),
        ("- a list", "cannot be read"),
        ("analyst: [", "cannot be read"),
        (told(month="2026-02"), "not for 2026-03"),
        (told(month=None), "not for 2026-03"),
        (told(analyst="  "), "lacks analyst"),
        (told(assurer=None, context="-"), "lacks assurer, context"),
        (told(approver=["A", "B"]), "lacks approver"),
        (told(assurer="a one"), "one person as analyst and assurer"),
        (releases.BLANK.format(month="2026-03", label="March 2026"), "lacks analyst, assurer, approver, context"),
    ],
)
def test_a_form_that_does_not_say_who_answers_is_refused(text, why):
    with pytest.raises(errors.PublishError, match=rf"restricted/2026-03/form\.yml .*{why}"):
        releases.form(text, "2026-03")


def test_the_demonstration_names_nobody():
    form = params.file("release")["demonstration"]["form"]
    assert all("no person" in form[who] for who in ("analyst", "assurer", "approver"))
    assert form["analyst"] != form["assurer"]
    assert set(form) == {*releases.FIELDS, "notes"}
