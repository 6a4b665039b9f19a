"""Months, London time, nights, bands of the week and bank holidays."""

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import errors, months

month = st.builds(lambda y, m: f"{y}-{m:02d}", st.integers(1950, 2050), st.integers(1, 12))
moment = st.datetimes(pd.Timestamp("2000-01-01"), pd.Timestamp("2040-01-01"))


def times(*texts):
    return pd.Series([pd.Timestamp(text) for text in texts], dtype="datetime64[us]", name="arrival_at")


# ---- months


@pytest.mark.parametrize("text", ["2024-12", "1900-01", "2099-12"])
def test_a_month_is_handed_back(text):
    assert months.parse(text) == text


@pytest.mark.parametrize(
    "text",
    ["2024-13", "2024-00", "2024-5", "May2014", "2024-05-01", "202405", " 2024-05", "2024-05\n", "latest", "", None],
)
def test_what_is_not_a_month_is_refused(text):
    with pytest.raises(errors.ParameterError) as caught:
        months.parse(text)
    assert str(caught.value) == f"Month '{text}' is not a month: write YYYY-MM, for example 2024-12."


@pytest.mark.parametrize("digits", ["２０２４-05", "2024-0٥"])
def test_only_plain_digits_count(digits):
    with pytest.raises(errors.ParameterError):
        months.parse(digits)


@given(month, st.integers(-500, 500))
def test_adding_and_taking_away_cancel(start, n):
    assert months.add(months.add(start, n), -n) == start
    assert (months.add(start, n) > start) == (n > 0)


@given(month, st.integers(0, 100))
def test_a_span_holds_every_month_once_in_order(start, n):
    listed = months.span(start, months.add(start, n))
    assert len(listed) == n + 1
    assert (listed[0], listed[-1]) == (start, months.add(start, n))
    assert listed == sorted(set(listed))
    assert all(months.add(a, 1) == b for a, b in pairwise(listed))


def test_edges_of_spans_and_years():
    assert months.span("2024-12", "2024-11") == []
    assert months.span("2024-11", "2025-02") == ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert months.add("2024-12", 1) == "2025-01"
    assert months.add("2024-01", -1) == "2023-12"
    with pytest.raises(errors.ParameterError):
        months.add("2099-12", 1)
    with pytest.raises(errors.ParameterError):
        months.span("2024-01", "2024-13")


@given(month)
def test_days_in_agrees_with_pandas(text):
    assert months.days_in(text) == pd.Period(text, "M").days_in_month


def test_labels_are_english():
    assert months.label("2024-12") == "December 2024"
    assert months.short_label("2024-05") == "May 2024"
    assert months.short_label("2024-09") == "Sep 2024"


@pytest.mark.parametrize(("text", "year"), [("2024-12", "2024"), ("2024-06", "2023"), ("2025-01", "2024")])
def test_last_complete_calendar_year(text, year):
    assert months.calendar_year_before_or_at(text) == year


# ---- London time


def test_summer_time_moves_a_month():
    utc = pd.Series(pd.to_datetime(["2018-04-30T23:05:00+00:00", "2018-12-31T23:05:00+00:00", None]))
    local = months.to_london(utc)
    assert list(local[:2].astype(str)) == ["2018-05-01 00:05:00", "2018-12-31 23:05:00"]
    assert months.month_of(local).tolist()[:2] == ["2018-05", "2018-12"]
    assert local.isna().tolist() == [False, False, True]


def test_naive_times_are_taken_as_utc_and_other_zones_are_converted():
    assert months.to_london(times("2024-07-01 12:00"))[0] == pd.Timestamp("2024-07-01 13:00")
    berlin = times("2024-07-01 12:00").dt.tz_localize("Europe/Berlin")
    assert months.to_london(berlin)[0] == pd.Timestamp("2024-07-01 11:00")


def test_the_hour_that_comes_twice_is_one_wall_clock_hour():
    local = months.to_london(times("2024-10-27 00:30", "2024-10-27 01:30"))
    assert local.nunique() == 1


@pytest.mark.parametrize(
    "function",
    [months.month_of, months.night_of, months.time_band_42, months.time_band_12, months.is_bank_holiday],
)
def test_times_with_a_zone_are_a_bug(function):
    with pytest.raises(TypeError, match="to_london"):
        function(times("2024-07-01 12:00").dt.tz_localize("UTC"))


def test_month_of_keeps_index_name_and_gaps():
    stamps = times("2024-02-29 23:59:59.999999", None, "1999-12-31").set_axis(["a", "b", "c"])
    found = months.month_of(stamps)
    assert list(found.index) == ["a", "b", "c"]
    assert found.name == "arrival_at"
    assert found.isna().tolist() == [False, True, False]
    assert found.dropna().tolist() == ["2024-02", "1999-12"]
    assert found.dtype == "str"


@given(st.lists(moment, max_size=20))
def test_month_of_agrees_with_the_text_of_the_time(moments):
    found = months.month_of(pd.Series(moments, dtype="datetime64[us]"))
    assert found.tolist() == [f"{m:%Y-%m}" for m in moments]


# ---- nights and bands


def test_a_night_runs_from_six_to_six():
    stamps = times("2024-06-07 05:59:59", "2024-06-07 06:00", "2024-06-08 02:00", None)
    nights = months.night_of(stamps)
    assert list(nights[:3].astype(str)) == ["2024-06-06", "2024-06-07", "2024-06-07"]
    assert nights.isna().tolist() == [False, False, False, True]


def test_bands_are_listed_in_order_of_the_week():
    assert len(months.TIME_BANDS_42) == len(set(months.TIME_BANDS_42)) == 42
    assert months.TIME_BANDS_42[:6] == (
        "Mon 06:00-09:59",
        "Mon 10:00-13:59",
        "Mon 14:00-17:59",
        "Mon 18:00-21:59",
        "Mon 22:00-01:59",
        "Mon 02:00-05:59",
    )
    assert len(months.TIME_BANDS_12) == len(set(months.TIME_BANDS_12)) == 12
    assert months.TIME_BANDS_12[3:5] == ("Mon-Thu 00:00-05:59", "Fri-Sat 06:00-11:59")


@pytest.mark.parametrize(
    ("time", "fine", "coarse"),
    [
        ("2024-06-07 22:00", "Fri 22:00-01:59", "Fri-Sat 18:00-23:59"),
        ("2024-06-08 01:59:59", "Fri 22:00-01:59", "Fri-Sat 00:00-05:59"),
        ("2024-06-08 05:59:59", "Fri 02:00-05:59", "Fri-Sat 00:00-05:59"),
        ("2024-06-08 06:00", "Sat 06:00-09:59", "Fri-Sat 06:00-11:59"),
        ("2024-06-07 05:00", "Thu 02:00-05:59", "Mon-Thu 00:00-05:59"),
        ("2024-06-10 05:00", "Sun 02:00-05:59", "Sun 00:00-05:59"),
        ("2024-06-10 06:00", "Mon 06:00-09:59", "Mon-Thu 06:00-11:59"),
    ],
)
def test_bands_belong_to_the_day_their_night_began(time, fine, coarse):
    assert months.time_band_42(times(time))[0] == fine
    assert months.time_band_12(times(time))[0] == coarse


def test_bands_keep_gaps_and_are_ordered_categories():
    for function, bands in ((months.time_band_42, months.TIME_BANDS_42), (months.time_band_12, months.TIME_BANDS_12)):
        found = function(times(None, "2024-06-07 22:00").set_axis([5, 6]))
        assert found.isna().to_dict() == {5: True, 6: False}
        assert found.cat.ordered
        assert tuple(found.cat.categories) == bands
        assert found.name == "arrival_at"


def test_a_whole_week_fills_every_band_evenly():
    hours = pd.Series(pd.date_range("2024-06-03 06:00", periods=168, freq="h"))
    assert set(months.time_band_42(hours).value_counts()) == {4}
    per_night = months.time_band_12(hours).value_counts()
    assert {band: n / months.NIGHTS_PER_GROUP[band.split()[0]] for band, n in per_night.items()} == dict.fromkeys(
        months.TIME_BANDS_12, 6.0
    )


@given(moment)
def test_bands_and_nights_agree(when):
    stamp = pd.Series([when], dtype="datetime64[us]")
    day = months.DAYS[months.night_of(stamp)[0].day_of_week]
    assert months.time_band_42(stamp)[0].startswith(day)
    group = {"Fri": "Fri-Sat", "Sat": "Fri-Sat", "Sun": "Sun"}.get(day, "Mon-Thu")
    assert months.time_band_12(stamp)[0].startswith(group)


def test_no_times_are_no_trouble():
    empty = pd.Series([], dtype="datetime64[us]")
    for function in (
        months.month_of,
        months.night_of,
        months.time_band_42,
        months.time_band_12,
        months.to_london,
        months.is_bank_holiday,
    ):
        assert len(function(empty)) == 0


# ---- bank holidays


def test_bank_holidays_of_england():
    days = times("2024-12-25 23:59", "2024-12-26", "2024-12-27", "2022-06-03", "2022-05-30", "2012-01-02", None)
    assert months.is_bank_holiday(days).tolist() == [True, True, False, True, False, True, False]


def test_every_year_of_the_list_is_whole():
    days = pd.Series(pd.date_range("2012-01-01", "2028-12-31"))
    per_year = months.is_bank_holiday(days).groupby(days.dt.year).sum()
    assert per_year.between(8, 10).all()
    assert not months.is_bank_holiday(times("2011-12-26", "2029-01-01")).any()
