"""What the screen for personal data takes out, and what it must leave alone."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import privacy


def redacted(text):
    return privacy.redact(pd.Series([text]))[0].iloc[0]


@pytest.mark.parametrize(
    ("text", "clean", "kind"),
    [
        ("on Quillbeck Road tel 07700 900123", "on Quillbeck Road tel [phone]", "phone"),
        ("call +44 7700 900 456 after", "call [phone] after", "phone"),
        ("(020) 7946 0123 partner", "[phone] partner", "phone"),
        ("02079460999", "[phone]", "phone"),
        ("pub, pt22@example.com", "pub, [email]", "email"),
        ("NHS no 999 123 4567 home", "NHS no [nhs number] home", "nhs_number"),
        ("9991234567", "[nhs number]", "nhs_number"),
        ("street dob 03/07/1985", "street dob [date of birth]", "date_of_birth"),
        ("Born on 3 Jul 1985 in Kent", "Born on [date of birth] in Kent", "date_of_birth"),
        ("hit by car reg AB12 CDE", "hit by car reg [vehicle]", "vehicle"),
        ("flat 3, 12 Quillbeck Road, Peckham", "[address], Peckham", "home_address"),
        ("at home 14a Amber Nook Lane", "at home [address]", "home_address"),
        ("Apt 7b", "[address]", "home_address"),
    ],
)
def test_personal_data_become_tokens(text, clean, kind):
    texts, found = privacy.redact(pd.Series([text]))
    assert texts.iloc[0] == clean
    assert found.columns[found.iloc[0]].tolist() == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "Old Street Station 55 bus",
        "SE15 BUS stop",
        "outside 12 High Road",
        "E8 3PN",
        "SW1A 1AA",
        "10 past 5 this morning",
        "on 02/03/2024 at 01:30",
        "the A406 junction 1",
        "own flat",
        "home, then Tesco 2 doors down",
        "routes 25, 86 and 205",
        "",
    ],
)
def test_places_are_left_alone(text):
    texts, found = privacy.redact(pd.Series([text]))
    assert texts.iloc[0] == text
    assert not found.to_numpy().any()


def test_several_kinds_in_one_text():
    texts, found = privacy.redact(pd.Series(["flat 2, a@example.com, 07700 900001 or 07700 900002"]))
    assert texts.iloc[0] == "[address], [email], [phone] or [phone]"
    assert found.iloc[0].sum() == 3


def test_missing_counts_as_empty_and_index_is_kept():
    texts, found = privacy.redact(pd.Series([None, "x 07700 900001"], index=[7, 3]))
    assert texts.to_dict() == {7: "", 3: "x [phone]"}
    assert found["phone"].to_dict() == {7: False, 3: True}


def test_empty_series():
    texts, found = privacy.redact(pd.Series([], dtype="str"))
    assert len(texts) == len(found) == 0
    assert list(found.columns) == list(privacy.TOKENS)


@settings(deadline=None)
@given(st.integers(0, 999), st.sampled_from(["", " ", "-"]))
def test_no_reserved_phone_number_survives(number, gap):
    digits = f"07700{gap}900{number:03d}"
    assert digits not in redacted(f"near station {digits} ok")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_what_is_redacted_once_stays_as_it_is(text):
    once = redacted(text)
    assert redacted(once) == once
