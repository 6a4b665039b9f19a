"""The extract for partners: whose rows, how fine, and nothing about a patient in a row."""

import io
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import errors, extract, params, places, schema
from tests.conftest import CAMDEN, HACKNEY, NEWHAM, make_roster

RULES = params.defaults().replaced(extract_k_months=1)
GATE = params.file("disclosure")
MONTH = "2024-03"
SPOT = {CAMDEN: (529_010.0, 184_020.0), HACKNEY: (534_510.0, 184_760.0), NEWHAM: (540_010.0, 183_010.0)}
ROSTER = make_roster([("A", "", ""), ("B", "", ""), ("C", "", ""), ("D", "2023-12", "")])


def register(**sites):
    """Return a register: site=(fields, purposes, starts, expires), the last two optional."""
    entries = {}
    for site, (fields, purposes, *dates) in sites.items():
        starts, expires = dates or ("2021-01-01", "2030-12-31")
        entries[site] = {"fields": fields, "purposes": purposes, "starts": starts, "expires": expires}
    return {"purposes": {"monitoring": "", "community_safety": "", "research": ""}, "sites": entries}


ALL = register(**dict.fromkeys("ABC", (["age_band", "sex"], ["community_safety"])))


def london(rows):
    """Return events and records from rows of differences to a street assault in Camden at 21:30 on 10 March."""
    at = pd.Timestamp("2024-03-10 21:30")
    usual = {
        "site_code": "A", "month": MONTH, "borough_gss": CAMDEN, "occurred_start": at, "occurred_precision": "minute",
        "arrival_at": at + pd.Timedelta(hours=5), "precision_class": "street", "method": "fist", "flags": "",
        "location_type": "street", "category": "assault", "prior_decided": False, "location_p": 0.9,
        "synthetic": True, "source": "ed",
        "age_band": "", "sex": "", "alcohol": "", "ethnic_group": "",
    }  # fmt: skip
    frame = pd.DataFrame([usual | row for row in rows])
    frame["event_id"] = [f"record-{i:05d}" for i in range(len(frame))]
    spots = frame["borough_gss"].map(SPOT)
    frame["x"] = [s[0] if isinstance(s, tuple) else np.nan for s in spots]
    frame["y"] = [s[1] if isinstance(s, tuple) else np.nan for s in spots]
    frame = frame.assign(source_dataset="istv", submission_id="file", row_no=1, unit="attendance")
    frame.loc[frame["occurred_precision"] == "none", "occurred_start"] = pd.NaT
    fields = schema.OPTIONAL_FIELDS
    events = schema.conform(frame.drop(columns=fields).assign(occurred_end=frame["occurred_start"]), "event")
    records = frame.rename(columns={"event_id": "record_id"})[["record_id", *fields]].astype("str")
    return events, records


def make(rows, *context, **more):
    return made_of(london(rows), *context, **more)


def made_of(tables, agreements=ALL, area="camden", purpose="community_safety", rules=RULES, **more):
    events, records = tables
    return extract.table(
        events, records, ROSTER, agreements, area=places.find_area(area), month=MONTH, purpose=purpose, rules=rules,
        disclosure_rules=GATE, **more,
    )  # fmt: skip


def value(made, item, reason=""):
    """Return one line of the account; 0 when there is none."""
    lines = made.account[(made.account["item"] == item) & (made.account["reason"] == reason)]
    return lines["value"].sum()


# ---- what stands in a row --------------------------------------------------------------------------------


def test_a_row_says_month_day_band_borough_square_weapon_and_that_it_is_synthetic():
    made = make([{}] * 3)
    assert made.frame.iloc[0].to_dict() == {
        "marking": "OFFICIAL-SENSITIVE", "synthetic": "synthetic", "month": "2024-03", "date": "2024-03-10",
        "date_is": "incident", "time_band": "20:00-23:59", "borough": "Camden", "borough_gss": CAMDEN,
        "cell": "E529000N184000", "usability": "B", "location_group": "public", "location_type": "street",
        "weapon_group": "body", "method": "fist", "possible_duplicate": "no", "possible_reattendance": "no",
    }  # fmt: skip
    assert (made.audience, made.rule, made.kind) == ("partner", "partner_extract", "synthetic")


def test_no_number_site_point_minute_or_field_of_the_patient_stands_in_the_extract():
    rows = [{"age_band": "25-34", "sex": "female", "ethnic_group": "asian", "site_code": s} for s in "ABC" * 3]
    made = make(rows)
    assert list(made.frame) == extract.COLUMNS
    text = extract.to_csv(made.frame)
    for never in ("record-0", "529010", "184020", "21:30", "25-34", "female", "asian", "file", ",A,"):
        assert never not in text
    assert not set(made.frame) & {*schema.OPTIONAL_FIELDS, "x", "y", "site_code", "event_id", "arrival_at"}
    assert "asian" not in extract.to_csv(made.people)


def test_every_row_says_whether_it_is_real():
    made = make([{"synthetic": True}, {"synthetic": False}])
    assert made.frame["synthetic"].tolist() == ["real", "synthetic"]
    assert made.kind == "mixed"
    assert make([{"synthetic": False}]).kind == "real"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"occurred_precision": "day"}, ("2024-03-10", "incident", "")),
        ({"occurred_precision": "none"}, ("2024-03-11", "arrival", "")),
        ({"occurred_precision": "none", "arrival_at": pd.NaT}, ("", "not known", "")),
        ({"occurred_start": pd.Timestamp("2024-03-10 00:00")}, ("2024-03-10", "incident", "00:00-03:59")),
        ({"occurred_start": pd.Timestamp("2024-03-10 23:59")}, ("2024-03-10", "incident", "20:00-23:59")),
    ],
)
def test_the_date_says_what_it_is_of_and_a_band_needs_a_time(row, expected):
    made = make([row, {}]).frame
    assert expected in set(made[["date", "date_is", "time_band"]].itertuples(index=False, name=None))


def test_marks_worth_knowing_come_along_and_others_do_not():
    made = make([{"flags": "personal_data;possible_reattendance"}, {"flags": "possible_duplicate"}])
    marks = made.frame[["possible_duplicate", "possible_reattendance"]].to_numpy().tolist()
    assert sorted(marks) == [["no", "yes"], ["yes", "no"]]
    assert "personal_data" not in extract.to_csv(made.frame)


# ---- squares ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"location_type": "home"},
        {"location_type": "hospital"},
        {"location_type": "custody"},
        {"location_type": "school"},
        {"age_band": "0-9"},
        {"age_band": "10-17"},
        {"prior_decided": True},
        {"category": "sexual assault"},
    ],
)
def test_homes_hospitals_children_and_sexual_violence_never_have_a_square(row):
    made = make([row] * 5 + [{}] * 3)
    assert (made.frame["cell"] != "").sum() == 3
    assert value(made, "square_withheld", "never_mapped") == 5


@pytest.mark.parametrize("fine", schema.PRECISION_CLASSES)
def test_only_places_known_to_a_street_or_better_have_a_square(fine):
    made = make([{"precision_class": fine}] * 3)
    assert (made.frame["cell"] != "").all() == (fine in {"point", "junction", "street"})
    assert set(made.frame["usability"]) == {schema.USABILITY[fine]}


def test_a_square_of_few_attendances_is_withheld_and_counted():
    made = make([{}] * 3 + [{"borough_gss": HACKNEY}] * 2, area="london")
    assert sorted(made.frame["cell"]) == ["", "", *["E529000N184000"] * 3]
    assert value(made, "square_withheld", "too_few_in_square") == 2


def test_attendances_of_earlier_months_count_towards_a_square_but_are_not_given():
    rows = [{}, {"month": "2024-02"}, {"month": "2023-04"}]
    assert make(rows, rules=RULES.replaced(extract_k_months=12)).frame["cell"].tolist() == ["E529000N184000"]
    assert make(rows, rules=RULES.replaced(extract_k_months=11)).frame["cell"].tolist() == [""]


def test_real_and_synthetic_attendances_do_not_make_up_a_square_together():
    assert set(make([{}, {}, {"synthetic": False}]).frame["cell"]) == {""}


# ---- whose rows ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (None, "no_agreement"),
        (([], ["monitoring"]), "other_purpose"),
        (([], ["community_safety"], "2021-01-01", "2024-03-30"), "expired"),
        (([], ["community_safety"], "2024-04-01", "2030-01-01"), "not_started"),
    ],
)
def test_a_site_without_an_agreement_for_it_is_left_out_and_counted(entry, reason):
    sites = {"A": ([], ["community_safety"])} | ({"B": entry} if entry else {})
    made = make([{"site_code": "A"}, {"site_code": "B"}, {"site_code": "B", "borough_gss": NEWHAM}], register(**sites))
    assert len(made.frame) == 1
    assert value(made, "rows_left_out", reason) == 2 - 1
    assert value(made, "rows_left_out", "outside_area") == 1
    assert value(made, "sites_left_out", reason) == 1
    assert made.left_out == {"B": reason}


def test_an_agreement_lasts_to_its_last_day_and_may_be_asked_for_on_the_day_of_handing_over():
    agreements = register(A=([], ["community_safety"], "2021-01-01", "2024-03-31"))
    assert len(make([{}], agreements).frame) == 1
    late = make([{}], agreements, on="2024-04-01")
    assert late.frame.empty
    assert late.left_out == {"A": "expired"}


def test_a_site_off_the_roster_is_left_out_whatever_its_agreement():
    made = make([{}, {"site_code": "Z"}], register(**dict.fromkeys("AZ", ([], ["community_safety"]))))
    assert made.left_out == {"Z": "not_on_roster"}
    assert extract.REASONS["not_on_roster"] == "the site is not on the roster"


def test_london_has_its_rows_of_borough_not_known_and_a_borough_has_not():
    rows = [{}, {"borough_gss": "", "precision_class": "none"}]
    assert make(rows, area="london").frame["borough"].tolist() == ["Camden", "not known"]
    assert make(rows).frame["borough"].tolist() == ["Camden"]


def test_other_sources_and_months_are_not_in_it():
    assert len(make([{}, {"source": "mps"}, {"month": "2024-02"}]).frame) == 1


METHOD_OF = {"A": "knife", "B": "glass", "C": "firearm"}  # shows in the test whose row it is
ROW = st.fixed_dictionaries(
    {
        "site_code": st.sampled_from("ABC"),
        "borough_gss": st.sampled_from([CAMDEN, HACKNEY, NEWHAM, ""]),
        "month": st.sampled_from([MONTH, "2024-02"]),
        "age_band": st.sampled_from(["", "10-17", "25-34"]),
    }
)
PURPOSES = st.lists(st.sampled_from(["monitoring", "research"]), unique=True)


@settings(max_examples=12, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=25), st.fixed_dictionaries(dict.fromkeys("ABC", PURPOSES)))
def test_no_context_holds_rows_out_of_its_area_month_or_purpose(rows, allowed):
    rows = [{"site_code": "A", "borough_gss": CAMDEN, "month": MONTH, "age_band": ""}, *rows]
    rows = [row | {"method": METHOD_OF[row["site_code"]]} for row in rows]
    agreements = register(**{site: ([], purposes) for site, purposes in allowed.items()})
    areas, tables = {"camden": {CAMDEN}, "london": {CAMDEN, HACKNEY, NEWHAM, ""}}, london(rows)
    for (area, inside), purpose in itertools.product(areas.items(), ["monitoring", "research"]):
        made = made_of(tables, agreements, area, purpose)
        due = sorted(
            (row["borough_gss"], row["method"])
            for row in rows
            if row["borough_gss"] in inside and row["month"] == MONTH and purpose in allowed[row["site_code"]]
        )
        assert sorted(made.frame[["borough_gss", "method"]].itertuples(index=False, name=None)) == due
        lost = made.account.loc[made.account["item"] == "rows_left_out", "value"].sum()
        assert value(made, "rows_in") == value(made, "rows_out") + lost
        assert value(made, "rows_in") == sum(row["month"] == MONTH for row in rows)
        bare = made.account.loc[made.account["item"] == "square_withheld", "value"].sum()
        assert value(made, "square_given") + bare == value(made, "rows_out") == len(made.frame)


# ---- people ----------------------------------------------------------------------------------------------


def people_of(made):
    columns = ["weapon_group", "age_band", "sex", "attendances"]
    return made.people[columns].to_numpy().tolist()


def test_people_are_counted_by_weapon_age_and_sex_without_place_or_day():
    young = [{"age_band": "18-24", "sex": "male", "site_code": s} for s in "ABC"]
    old = [{"age_band": "65+", "sex": "female", "site_code": s} for s in "ABCA"]
    made = make(young + old)
    assert people_of(made) == [["body", "18-24", "male", 3], ["body", "65+", "female", 4]]
    assert list(made.people) == extract.PEOPLE
    assert set(made.people["alcohol"]) == {"all"}


def test_small_groups_are_pooled_so_that_the_sum_holds():
    rows = [{"age_band": "18-24", "sex": "male", "site_code": s} for s in "ABCABC"]
    rows += [{"age_band": "65+", "sex": "male"}, {"age_band": "0-9", "sex": "male"}, {"age_band": "", "sex": "male"}]
    made = make(rows)
    assert people_of(made) == [["body", "18-24", "male", 6], ["pooled", "pooled", "pooled", 3]]
    assert value(made, "people_counted", "age_band and sex") == 9


def test_a_remainder_that_is_too_small_takes_in_the_smallest_group():
    rows = (
        [{"age_band": "18-24", "site_code": s} for s in "ABCABC"] + [{"age_band": "25-34"}] * 4 + [{"age_band": "65+"}]
    )
    made = make([row | {"sex": "male"} for row in rows])
    assert people_of(made) == [["body", "18-24", "male", 6], ["pooled", "pooled", "pooled", 5]]


def test_people_are_not_told_when_they_are_all_there_is_of_their_weapon():
    alike = [{"age_band": "18-24", "sex": "male", "method": "firearm", "site_code": s} for s in "ABC"]
    assert people_of(make(alike)) == [["pooled", "pooled", "pooled", 3]]
    assert people_of(make(alike[:1] * 2 + [{"site_code": s, "age_band": "65+"} for s in "ABC"])) != []


def test_a_field_needs_several_hospitals_and_each_one_its_permission():
    rows = [{"age_band": "18-24", "sex": "male", "alcohol": "yes", "site_code": s} for s in "ABC" * 4]
    purposes = ["community_safety"]
    agreements = register(
        A=(["age_band", "sex"], purposes), B=(["age_band", "sex"], purposes), C=(["age_band"], purposes)
    )
    made = make([*rows, *[{"age_band": "65+", "site_code": s} for s in "ABC"]], agreements)
    assert people_of(made) == [["body", "18-24", "all", 12], ["body", "65+", "all", 3]]
    assert value(made, "field_not_told", "sex") == 2
    two = make(rows, register(A=(["age_band"], purposes), B=(["age_band"], purposes), C=([], purposes)))
    assert two.people.empty
    assert value(two, "field_not_told", "age_band") == 2


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(["18-24", "65+", ""]), st.sampled_from(["knife", "fist"])),
        min_size=1,
        max_size=30,
    )
)
def test_no_group_of_people_is_smaller_than_the_least(rows):
    made = make([{"site_code": s, "age_band": age, "method": method, "sex": "male"} for s, age, method in rows])
    assert (made.people["attendances"] >= 3).all()
    counted = value(made, "people_counted", "age_band and sex") + value(made, "people_too_few", "age_band and sex")
    supplying = {s for s, age, _ in rows if age}
    assert counted == (sum(s in supplying for s, _, _ in rows) if len(supplying) == 3 else 0)


# ---- account, order, words -------------------------------------------------------------------------------


def test_rows_that_stand_alone_are_reported():
    cell, other = "E529000N184000", "E529250N184000"
    rows = [
        (cell, "2024-03-10", "20:00-23:59", "knife"),
        (cell, "2024-03-10", "20:00-23:59", "knife"),
        (cell, "2024-03-11", "20:00-23:59", "knife"),
        (other, "2024-03-11", "", "body"),
        ("", "2024-03-11", "", "body"),
    ]
    frame = pd.DataFrame(rows, columns=["cell", "date", "time_band", "weapon_group"])
    told = extract.apart(frame.assign(synthetic="synthetic", month=MONTH, borough_gss=CAMDEN), 3)
    assert told == {
        "with_square": 0.8,
        "squares_unique_in_time": 0.5,
        "squares_few_alike": 0.25,
        "all_few_alike": 0.4,
    }


def test_hospitals_are_counted_and_a_silent_one_shows():
    made = make([{}, {"site_code": "B"}])
    assert value(made, "sites_in") == 2
    assert value(made, "sites_without_rows") == 1  # C; D closed before
    assert value(made, "square_given", "age_not_known") == 0


def test_squares_of_patients_whose_age_nobody_sent_are_counted():
    assert value(make([{}] * 2 + [{"age_band": "25-34"}]), "square_given", "age_not_known") == 2


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(6)))
def test_order_and_bytes_do_not_depend_on_the_order_of_the_files(order):
    rows = [{"method": m, "occurred_start": pd.Timestamp("2024-03-05 10:00") + pd.Timedelta(days=i)} for i, m in
            enumerate(["knife", "fist", "glass", "knife", "unknown", "foot"])]  # fmt: skip
    events, records = london(rows)
    shuffled = events.iloc[list(order)].reset_index(drop=True)
    context = {"area": places.find_area("camden"), "month": MONTH, "purpose": "community_safety"}
    gate = {"rules": RULES, "disclosure_rules": GATE}
    one = extract.table(events, records, ROSTER, ALL, **context, **gate)
    two = extract.table(shuffled, records.iloc[::-1], ROSTER, ALL, **context, **gate)
    assert extract.to_csv(one.frame) == extract.to_csv(two.frame)
    assert extract.to_csv(one.account) == extract.to_csv(two.account)
    assert one.id == two.id


def test_the_dictionary_explains_every_column_once():
    book = make([{}]).dictionary
    assert book.loc[book["table"] == "extract", "name"].tolist() == extract.COLUMNS
    assert book.loc[book["table"] == "people", "name"].tolist() == extract.PEOPLE
    assert book.loc[book["name"] == "cell", "unit"].item() == "metres, EPSG:27700 (British National Grid); side 250 m"
    assert (book["meaning"] != "").all()


def test_an_extract_may_be_empty_and_still_accounts_for_every_row():
    made = make([{}] * 2, register())
    assert made.frame.empty
    assert list(made.frame) == extract.COLUMNS
    assert value(made, "rows_left_out", "no_agreement") == 2
    assert extract.to_csv(made.people) == ",".join(extract.PEOPLE) + "\n"


def test_what_cannot_be_made_is_refused():
    with pytest.raises(errors.ParameterError, match="no purpose 'sales'"):
        make([{}], purpose="sales")
    with pytest.raises(errors.ParameterError, match="no attendance of 2024-03"):
        make([{"month": "2024-02"}])
    events, records = london([{}, {}])
    context = {"area": places.find_area("camden"), "month": MONTH, "purpose": "community_safety", "rules": RULES}
    with pytest.raises(errors.StoreError, match="1 attendances of 2024-03 have no record"):
        extract.table(events, records.iloc[1:], ROSTER, ALL, **context, disclosure_rules=GATE)
    with pytest.raises(errors.DisclosureError, match="no rule 'partner_extract'"):
        extract.table(events, records, ROSTER, ALL, **context, disclosure_rules={"rules": {}})


# ---- CSV -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\ufeff=1", "\uff1d1"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    back = pd.read_csv(io.StringIO(extract.to_csv(pd.DataFrame({"a": [text]}))), dtype=str)
    assert back["a"][0].startswith("'")


def test_numbers_and_plain_text_stay_as_they_are():
    frame = pd.DataFrame({"n": [-5, 1], "t": ["-5", "Queen's Head, bar"], "x": [0.1, np.nan], "=h": ["-0.5", "a-b"]})
    assert extract.to_csv(frame) == "n,t,x,'=h\n-5,-5,0.1,-0.5\n1,\"Queen's Head, bar\",,a-b\n"


@settings(deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_a_table_of_any_text_keeps_its_rows_and_runs_nothing(texts):
    lines = extract.to_csv(pd.DataFrame({"n": range(len(texts)), "t": texts}))
    back = pd.read_csv(io.StringIO(lines), dtype=str, keep_default_na=False)
    assert back["n"].tolist() == [str(i) for i in range(len(texts))]
    for cell in back["t"]:
        assert not cell.lstrip().startswith(("=", "+", "@"))
