"""Agreements: denied by default, and every fault of the register named with its place."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istv_lib import agreements, errors, params, schema

RULES = {"agreement_warning_days": [90, 60, 30]}
ENTRY = {
    "fields": ["age_band"], "purposes": ["monitoring"], "starts": "2021-04-01", "expires": "2025-03-31",
    "contact": "governance@a.example", "reference": "ISA-A",
}  # fmt: skip


def register(**more):
    """Return a register of one site A whose entry is changed by ``more``."""
    return {
        "core": list(agreements.CORE),
        "purposes": {"monitoring": "words", "research": "words"},
        "sites": {"A": ENTRY | more},
    }


def test_a_site_may_send_the_core_and_what_its_agreement_names():
    entry = agreements.of("A", agreements.read(register()))
    assert agreements.permitted(entry) == (*agreements.CORE, "age_band")


def test_a_site_without_an_agreement_may_send_nothing():
    entry = agreements.of("B", register())
    assert entry == {}
    assert agreements.permitted(entry) == ()
    assert agreements.refusal("B", entry, "2024-02-03", "b.csv") == (
        "'b.csv', received on 2024-02-03, was not opened, because B has no agreement: enter the signed agreement in "
        "parameters/agreements.yml, or delete the file and tell the site."
    )


@pytest.mark.parametrize("received", ["2021-04-01", "2025-03-31"])
def test_first_and_last_day_are_covered(received):
    assert agreements.refusal("A", ENTRY, received, "a.csv") == ""


@pytest.mark.parametrize(("received", "words"), [("2021-03-31", "starts only on"), ("2025-04-01", "expired on")])
def test_a_file_outside_the_agreement_is_refused_with_its_date(received, words):
    told = agreements.refusal("A", ENTRY, received, "a.csv")
    assert re.search(rf"{words} \d{{4}}-\d\d-\d\d", told)
    assert received in told


@pytest.mark.parametrize(
    ("purpose", "day", "reason"),
    [
        ("monitoring", "2024-01-31", ""),
        ("research", "2024-01-31", "other_purpose"),
        ("monitoring", "2025-04-30", "expired"),
        ("monitoring", "2021-03-31", "not_started"),
    ],
)
def test_data_may_be_used_for_a_named_purpose_while_the_agreement_lasts(purpose, day, reason):
    assert agreements.obstacle(ENTRY, purpose, day) == reason
    assert agreements.obstacle({}, purpose, day) == "no_agreement"
    assert reason == "" or reason in agreements.REASONS


def test_an_unknown_purpose_is_refused():
    with pytest.raises(errors.ParameterError, match=r"no purpose 'sales'.*choose monitoring, research"):
        agreements.demand_purpose("sales", register())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"fields": ["postcode"]}, "A: 'postcode' in fields is not one of age_band"),
        ({"fields": "age_band"}, "A: 'fields' must be a list"),
        ({"purposes": ["sales"]}, "A: 'sales' in purposes is not one of monitoring, research"),
        ({"starts": "April 2021"}, "A: starts must be a date"),
        ({"expires": "20250331"}, "A: expires must be a date"),
        ({"expires": None}, "A: expires must be a date"),
        ({"expires": "2020-01-01"}, "A: it expires before it starts"),
        ({"ends": "2025-01-01"}, "A: the entry has the unknown name 'ends'"),
    ],
)
def test_a_fault_of_the_register_is_named_with_its_site(more, told):
    with pytest.raises(errors.ParameterError, match=re.escape(told)) as caught:
        agreements.read(register(**more))
    assert "parameters/agreements.yml" in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(errors.ParameterError, match=r"'core' must be .*; A: it expires before it starts"):
        agreements.read(register(expires="2020-01-01") | {"core": ["arrival"]})
    with pytest.raises(errors.ParameterError, match="lacks 'purposes'"):
        agreements.read({"core": [], "sites": {}})
    with pytest.raises(errors.ParameterError, match="A: the entry must hold names and values"):
        agreements.read(register() | {"sites": {"A": None}})


def test_a_date_written_without_quotation_marks_is_a_date_too():
    read = agreements.read(register(starts=date(2021, 4, 1)))
    assert agreements.of("A", read)["starts"] == "2021-04-01"


@given(st.integers(-40, 200))
def test_warnings_come_at_90_60_and_30_days_and_after_the_end(left):
    day = (date(2025, 3, 31) - timedelta(days=left)).isoformat()
    rows = agreements.expiring(register(), day, RULES).to_dict("records")
    if left > 90:
        assert rows == []
        return
    expected = 0 if left < 0 else next(notice for notice in (30, 60, 90) if left <= notice)
    assert [(r["site_code"], r["expires"], r["days_left"], r["warning"]) for r in rows] == [
        ("A", "2025-03-31", left, expected)
    ]


def test_the_soonest_end_comes_first():
    both = register()
    both["sites"]["B"] = ENTRY | {"expires": "2025-02-28"}
    assert agreements.expiring(both, "2025-01-31", RULES)["site_code"].tolist() == ["B", "A"]


def test_the_shipped_register_covers_every_synthetic_department_and_warns_of_one(rules):
    shipped = agreements.read()
    assert sorted(shipped["sites"]) == params.names("hospitals")
    assert all(entry["contact"].endswith(".example") for entry in shipped["sites"].values())
    assert all({"monitoring", "community_safety"} <= set(entry["purposes"]) for entry in shipped["sites"].values())
    assert agreements.expiring(shipped, "2025-01-31", rules)["site_code"].tolist() == ["SYN26"]
    used = {field for entry in shipped["sites"].values() for field in entry["fields"]}
    assert used <= set(schema.OPTIONAL_FIELDS)
