"""One file in: what is refused, what is set aside, what is flagged, and that every row is accounted for."""

import csv
import io
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import (
    _shapes,
    _synth_attendances,
    _synth_files,
    _synth_plan,
    _synth_sending,
    _synth_streets,
    _synth_texts,
    errors,
    intake,
    params,
    schema,
    synth,
)

SECRET = "12 Acacia Avenue"
LAYOUTS = params.file("layouts")
RULES = params.defaults()
PATTERN = r"S1_(?P<year>\d{4})-(?P<month>\w+)\.(?:csv|txt|xlsx)"
PERIOD = [
    ["REPORTING PERIOD START DATE", "REPORTING PERIOD END DATE", "SITE CODE (OF TREATMENT)"],
    ["2024-03-01", "2024-03-31", "S1"],
]
ISB = ["ARRIVAL DATE AND TIME AT ACCIDENT AND EMERGENCY DEPARTMENT", "ASSAULT DATE AND TIME", "ASSAULT METHOD"]
ISB += ["ASSAULT LOCATION TYPE", "ASSAULT LOCATION DESCRIPTION"]
GOOD = ["2024-03-05 22:10:00", "2024-03-05 21:00:00", "FI", "ST", SECRET]
ECDS = ["EC_ATTENDANCE_ID", "LOC_ARRIVAL_DT_TM", "ARRIVAL_DT_TM", "LOC_INJURY_DT_TM", "INJURY_DT_TM"]
ECDS += ["INJURY_INTENT_SCT", "INJURY_MECHANISM_SCT", "PLACE_OF_INJURY_SCT", "ASSAULT_LOCATION_DESC"]


AGREEMENT = {"fields": [], "purposes": ["monitoring"], "starts": "2022-01-01", "expires": "2027-03-31"}


def guide(profile, layouts=LAYOUTS, rules=RULES, agreement=AGREEMENT):
    return intake.Guide(profile, layouts, params.file("aliases"), agreement, params.file("checks"), rules)


def take(
    content, *, layout="isb_comma", filename="S1_2024-03.csv", layouts=LAYOUTS, rules=RULES, agreement=AGREEMENT,
    earlier=(), synthetic=True, profile=None,
):  # fmt: skip
    content = content if isinstance(content, bytes) else content.encode(LAYOUTS[layout].get("encoding", "utf-8"))
    profile = {"layouts": [{"from": "2022-01", "layout": layout}], "file_pattern": PATTERN} | (profile or {})
    return intake.take(
        content, filename=filename, site="S1", guide=guide(profile, layouts, rules, agreement), received="2024-04-05",
        synthetic=synthetic, earlier=earlier,
    )  # fmt: skip


def text(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def isb(*records, period=PERIOD, header=ISB):
    return text([*period, header, *records])


def ecds(*records):
    return text([ECDS, *records])


def attendance(number, **changes):
    row = dict(zip(ECDS, [number, "2024-03-05T22:10:00", "", "2024-03-05T21:00:00", "", "SYN-ASSAULT"], strict=False))
    row |= {"INJURY_MECHANISM_SCT": "SYN-FIST", "PLACE_OF_INJURY_SCT": "SYN-STREET", "ASSAULT_LOCATION_DESC": SECRET}
    return list((row | changes).values())


def workbook(rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def flags_of(taken):
    return taken.conformed["flags"].tolist()


def accounted(submission):
    parts = "rows_header rows_blank rows_total rows_accepted rows_quarantined rows_duplicate".split()
    return sum(submission[part] for part in parts)


# ---- refusals --------------------------------------------------------------------------------------------


def bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 2_000_000)
    return out.getvalue()


REFUSED = {
    "empty": (b"", {}, "is empty"),
    "blank": (b" \r\n ", {}, "is empty"),
    "NUL bytes": (isb(GOOD).encode() + b"\0", {}, "cannot be read as utf-8"),
    "undecodable": (b"caf\xe9 " + isb(GOOD).encode(), {}, "cannot be read as utf-8"),
    "old workbook": (b"\xd0\xcf\x11\xe0" + b"\1" * 99, {}, "is an old workbook but its layout"),
    "damaged workbook": (b"PK\x03\x04" + b"\1" * 99, {"layout": "trust_titled_sheet"}, "damaged workbook"),
    "not a workbook inside": (bomb(), {"layout": "trust_titled_sheet"}, "unpacks to far more"),
    "workbook for text": (workbook([ISB, GOOD]), {}, "is a workbook but its layout expects a text file"),
    "text for workbook": (isb(GOOD), {"layout": "trust_titled_sheet"}, "is a text file but its layout"),
    "pdf": (b"%PDF-1.4 nothing to read here", {}, "has no header row of layout 'isb_comma'"),
    "no header": (text([GOOD, GOOD]), {}, "has no header row"),
    "missing column": (isb(GOOD, header=[*ISB[:4], "PLACE"]), {}, "lacks the column 'ASSAULT LOCATION DESCRIPTION'"),
    "wrong month in name": (isb(GOOD, period=[]), {"filename": "S1_2024-04.csv"}, "named for 2024-04 but its arrivals"),
    "period of another month": (isb(GOOD), {"filename": "S1_2024-04.csv"}, "its reporting period say 2024-03"),
    "no such month": (isb(GOOD), {"filename": "S1_2024-13.csv"}, "a month that does not exist"),
    "no such month name": (isb(GOOD), {"filename": "S1_2024-Smarch.csv"}, "a month that does not exist"),
    "another site": (isb(GOOD, period=[PERIOD[0], [*PERIOD[1][:2], "S2"]]), {}, "folder of S1 but says site S2"),
    "two months": (isb(GOOD, period=[PERIOD[0], ["2024-02-01", "2024-03-31", "S1"]]), {}, "not one month"),
    "unreadable period": (isb(GOOD, period=[PERIOD[0], ["March", "March", "S1"]]), {}, "not one month"),
    "no period, no record": (isb(period=[]), {}, "whether it treated nobody"),
    "nothing counts": (isb(["tbc", *GOOD[1:]]), {}, "None of the 1 records"),
    "open quote": (isb(GOOD) + '2024-03-06 10:00:00,,FI,ST,"' + SECRET + "\n" + ",".join(GOOD) + "\n", {}, "left open"),
    "endless cell": (isb([*GOOD[:4], "x" * 2_001]), {}, "Row 4 of"),
    "unknown layout": (isb(GOOD), {"layouts": {}}, "which is not in parameters/layouts.yml"),
    "too early": (isb(GOOD), {"filename": "S1_2021-03.csv"}, "has no layout for"),
}


@pytest.mark.parametrize(("content", "how", "said"), REFUSED.values(), ids=REFUSED)
def test_bad_file_is_refused_with_one_sentence_and_without_content(content, how, said):
    with pytest.raises(errors.IntakeError) as told:
        take(content, **how)
    assert said in str(told.value)
    assert SECRET not in str(told.value)
    assert str(told.value).endswith(".")


def test_missing_column_names_what_is_there():
    with pytest.raises(errors.IntakeError, match=r"row 3 has ARRIVAL DATE.*, PLACE: mend"):
        take(isb(GOOD, header=[*ISB[:4], "PLACE"]))


def test_too_large_a_file_is_refused():
    with pytest.raises(errors.IntakeError, match=r"larger than 0\.001 MB"):
        take(isb(*[GOOD] * 40), rules=RULES.replaced(file_megabytes_most=0.001))


# ---- months ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["S1_2024-03.csv", "S1_2024-3.csv", "S1_2024-March.csv", "S1_2024-mar.csv"])
def test_month_is_read_from_the_name(name):
    assert take(isb(GOOD), filename=name).submission["month"] == "2024-03"


def test_month_without_a_name_is_that_of_most_arrivals():
    rows = [GOOD, GOOD, ["2024-02-28 10:00:00", *GOOD[1:]]]
    taken = take(isb(*rows, period=[]), filename="extract.csv")
    assert taken.submission["month"] == "2024-03"
    assert taken.quarantine["reason"].tolist() == ["arrival_outside_month"]


def test_layout_follows_the_month():
    entries = [{"from": "2022-01", "layout": "isb_comma"}, {"from": "2024-03", "layout": "ecds_warehouse"}]

    def tried(month):
        found = _shapes.candidates("f", "S1", {"layouts": entries}, LAYOUTS, params.file("aliases"), month)
        return [name for name, _ in found]

    assert tried("2024-02") == ["isb_comma"]
    assert tried("2024-05") == ["ecds_warehouse"]
    assert tried("") == ["ecds_warehouse", "isb_comma"]


def test_file_without_month_is_read_by_the_layout_that_fits():
    entries = [{"from": "2022-01", "layout": "isb_comma"}, {"from": "2024-03", "layout": "ecds_warehouse"}]
    for content, layout in ((isb(GOOD), "isb_comma"), (ecds(attendance("A1")), "ecds_warehouse")):
        profile = {"layouts": entries, "file_pattern": r"extract\.csv"}
        taken = take(content, filename="extract.csv", synthetic=False, profile=profile)
        assert (taken.submission["layout"], taken.submission["month"]) == (layout, "2024-03")
        assert not taken.conformed["synthetic"].any()


def test_declared_zero_is_taken_as_zero():
    taken = take(isb())
    assert taken.submission["zero_declared"] is True
    assert taken.submission["rows_accepted"] == 0
    schema.check(taken.conformed, "conformed")
    schema.check(taken.quarantine, "quarantine")


# ---- rows ------------------------------------------------------------------------------------------------


def test_a_good_row_becomes_a_record():
    row = take(isb(GOOD)).conformed.iloc[0]
    assert row["arrival_at"] == pd.Timestamp("2024-03-05 22:10")
    assert row["incident_at"] == pd.Timestamp("2024-03-05 21:00")
    assert (row["incident_quality"], row["method"], row["location_type"]) == ("exact", "fist", "street")
    assert (row["method_source"], row["location_type_source"]) == ("FI", "ST")
    assert (row["row_no"], row["month"], row["shape"], row["flags"]) == (4, "2024-03", "isb1594", "")
    assert row["location_text"] == SECRET


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["31/02/2024", *GOOD[1:]], "arrival_unreadable"),
        (["03/05/2024 10:00", *GOOD[1:]], "arrival_unreadable"),
        (["2024-04-05 22:10:00", *GOOD[1:]], "arrival_outside_month"),
        ([*GOOD[:4], "High Road", "Peckham"], "extra_cells"),
        (["", "NULL", "", "", "", ""], "no_content"),
    ],
)
def test_row_that_cannot_be_counted_is_set_aside(row, reason):
    extra = [*ISB, "A COLUMN THAT IS NOT READ"] if reason == "no_content" else ISB
    if reason == "no_content":
        row = [*row[:5], "remark"]
    taken = take(isb(GOOD, row, header=extra))
    assert taken.quarantine[["row_no", "reason"]].to_numpy().tolist() == [[5, reason]]
    assert len(taken.conformed) == 1
    schema.check(taken.quarantine, "quarantine")


def test_row_with_another_intent_is_set_aside_and_a_missing_intent_counts():
    taken = take(
        ecds(
            attendance("A1", INJURY_INTENT_SCT="SYN-ACCIDENT"), attendance("A2", INJURY_INTENT_SCT=""), attendance("A3")
        ),
        layout="ecds_warehouse",
    )
    assert taken.quarantine["reason"].tolist() == ["not_assault"]
    assert len(taken.conformed) == 2


def test_repeated_id_counts_once_and_a_set_aside_row_does_not_use_it_up():
    bad = attendance("A1", LOC_ARRIVAL_DT_TM="tbc")
    rows = [bad, attendance("A1"), attendance("A1"), attendance(""), attendance("")]
    taken = take(ecds(*rows), layout="ecds_warehouse")
    assert taken.submission["rows_duplicate"] == 1
    assert taken.conformed["row_no"].tolist() == [3, 5, 6]


def test_equal_records_without_id_are_kept_and_flagged():
    assert flags_of(take(isb(GOOD, GOOD))) == ["", "possible_duplicate"]


@pytest.mark.parametrize(
    ("changed", "quality", "flag"),
    [
        ("2024-03-05 00:00:00", "default", "incident_default_time"),
        ("2024-03-05 22:10:00", "default", "incident_default_time"),
        ("2024-03-05 22:15:00", "exact", ""),
        ("2024-03-06 01:00:00", "missing", "incident_after_arrival"),
        ("2024-01-01 01:00:00", "exact", "incident_long_before"),
        ("about nine", "missing", "incident_unreadable"),
        ("", "missing", ""),
        ("null", "missing", ""),
    ],
)
def test_incident_time_is_judged_but_the_record_counts(changed, quality, flag):
    record = take(isb([GOOD[0], changed, *GOOD[2:]])).conformed.iloc[0]
    assert (record["incident_quality"], record["flags"]) == (quality, flag)
    assert pd.isna(record["incident_at"]) == (quality == "missing")


def test_missing_arrival_counts_in_the_file_s_month():
    record = take(isb(GOOD, ["", *GOOD[1:]])).conformed.iloc[1]
    assert (record["month"], record["flags"]) == ("2024-03", "month_from_submission")


def test_unlisted_codes_become_unknown_and_are_named():
    record = take(isb([*GOOD[:2], "ZZ", "", GOOD[4]])).conformed.iloc[0]
    assert (record["method"], record["method_source"]) == ("unknown", "ZZ")
    assert (record["location_type"], record["flags"]) == ("unknown", "unmapped_method")


def test_text_in_a_code_column_is_redacted_and_cut():
    record = take(isb([*GOOD[:2], "call 07700 900123 " + "x" * 90, "ST", ""])).conformed.iloc[0]
    assert record["method_source"].startswith("call [phone] x")
    assert len(record["method_source"]) == 60


def test_personal_data_leave_the_text():
    taken = take(isb([*GOOD[:4], "pub, tel 07700 900123"]))
    assert taken.conformed["location_text"].iloc[0] == "pub, tel [phone]"
    assert (taken.submission["pid_redacted"], flags_of(taken)) == (1, ["personal_data"])


def test_local_time_wins_over_utc_and_utc_is_converted():
    rows = [
        attendance("A1", LOC_ARRIVAL_DT_TM="2024-07-01T01:30:00", ARRIVAL_DT_TM="2024-07-01T00:30:00"),
        attendance("A2", LOC_ARRIVAL_DT_TM="", ARRIVAL_DT_TM="2024-06-30T23:30:00"),
    ]
    taken = take(ecds(*rows), layout="ecds_warehouse", filename="S1_2024-07.csv")
    assert taken.conformed["arrival_at"].tolist() == [
        pd.Timestamp("2024-07-01 01:30"),
        pd.Timestamp("2024-07-01 00:30"),
    ]


def test_titles_blank_rows_total_and_real_dates_of_a_workbook():
    day = pd.Timestamp("2024-03-05 22:10").to_pydatetime()
    header = ["Ref", "Arrived", "When did it happen", "How", "Type of place", "Where exactly"]
    rows = [["Assaults"], [], header, [7, day, day.replace(hour=0, minute=0), "Fist", "Street", "x"], []]
    rows += [["R2", "16/03/2024 10:00", day, "Blade", "Home", "n/a"], ["Total", 2]]
    taken = take(workbook(rows), layout="trust_titled_sheet", filename="S1_2024-03.xlsx")
    counted = {k: v for k, v in taken.submission.items() if k.startswith("rows_")}
    assert counted == {
        "rows_physical": 7, "rows_header": 3, "rows_blank": 1, "rows_total": 1, "rows_accepted": 2,
        "rows_quarantined": 0, "rows_duplicate": 0,
    }  # fmt: skip
    assert taken.conformed["incident_quality"].tolist() == ["default", "exact"]
    assert taken.conformed["location_text"].tolist() == ["x", ""]


def test_sheet_is_chosen_by_its_header():
    book = openpyxl.Workbook()
    book.active.append(["Lookups"])
    page = book.create_sheet("Data")
    page.append(["Ref", "Arrived", "When did it happen", "How", "Type of place", "Where exactly"])
    page.append(["R1", "06/03/2024 10:00", "", "Fist", "Street", "x"])
    out = io.BytesIO()
    book.save(out)
    assert len(take(out.getvalue(), layout="trust_titled_sheet", filename="S1_2024-03.xlsx").conformed) == 1


def test_date_without_time():
    header = ["Attendance No", "Arr Date", "Arr Time", "Inc Date", "Inc Time", "Weapon", "Location Group"]
    header += ["Location of Assault"]
    rows = [header, ["1", "05-Mar-24", "", "04-Mar-24", "", "HANDS", "PUBLIC", "x"]]
    rows += [["2", "05-Mar-24", "22:10", "05-Mar-24", "21:00", "KNIFE", "PUBLIC", "x"]]
    taken = take(workbook(rows), layout="trust_text_sheet", filename="S1_2024-03.xlsx").conformed
    assert taken["incident_quality"].tolist() == ["date_only", "exact"]
    assert taken["flags"].tolist() == ["arrival_date_only", ""]
    assert taken["arrival_at"].iloc[1] == pd.Timestamp("2024-03-05 22:10")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_byte_order_mark_and_utf8_win_over_the_layout(encoding):
    header = [
        columns if isinstance(columns, str) else columns[0] for columns in LAYOUTS["isb_semicolon"]["columns"].values()
    ]
    rows = [header, ["05/03/2024 22:10", "", "A1", "B2", "by the café"]]
    taken = take(text(rows, ";").encode(encoding), layout="isb_semicolon")
    assert taken.conformed["location_text"].iloc[0] == "by the café"


def test_header_spelling_does_not_matter():
    header = [name.lower().replace(" ", "_") for name in ISB]
    assert len(take(isb(GOOD, header=header)).conformed) == 1


def test_line_break_inside_quotes_is_one_row():
    taken = take(isb([*GOOD[:4], "pub\nHigh Road"], GOOD))
    assert taken.conformed["location_text"].tolist() == ["pub High Road", SECRET]
    assert taken.conformed["row_no"].tolist() == [4, 5]


def test_same_bytes_give_the_same_ids():
    first, second = take(isb(GOOD, GOOD)), take(isb(GOOD, GOOD), filename="S1_2024-mar.csv")
    assert first.submission["submission_id"] == second.submission["submission_id"]
    pd.testing.assert_frame_equal(first.conformed, second.conformed)
    assert first.conformed["record_id"].is_unique


# ---- properties ------------------------------------------------------------------------------------------

WRITTEN = st.sampled_from([*GOOD, "", "NULL", "tbc", "2024-04-01 00:00:00", "KN"])
CELL = WRITTEN | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(CELL, max_size=7), max_size=12))
def test_every_row_is_accounted_for_whatever_is_in_it(rows):
    taken = take(isb(*[GOOD] * 13, *rows))
    assert accounted(taken.submission) == taken.submission["rows_physical"]
    assert len(taken.conformed) == taken.submission["rows_accepted"]
    assert len(taken.quarantine) == taken.submission["rows_quarantined"]
    schema.check(taken.conformed, "conformed")
    schema.check(taken.quarantine, "quarantine")
    assert set(taken.quarantine["reason"]) <= set(params.file("checks"))


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused_never_a_crash(content):
    with pytest.raises(errors.IntakeError):
        take(content)


# ---- what synth writes is what intake reads --------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    """About a hundred recorded rows of one site and month."""
    rng = np.random.default_rng(5)
    streets = _synth_streets.build(_synth_plan.SMALL, rng)
    people = _synth_attendances.simulate(_synth_plan.SMALL, streets, rng)
    people = people.join(_synth_texts.write(people, streets.anchors, rng)).assign(site="S1")
    one = people[(people["department"] == "SYN02") & (people["month"] == "2024-07")].reset_index(drop=True)
    return _synth_files.record(one, rng)


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_every_layout_round_trips(recorded, name):
    layout = LAYOUTS[name]
    lacking = [fate for fate, column in _synth_sending.NEEDS.items() if column not in layout["columns"]]
    rows = recorded[~recorded["fate"].isin(lacking)]
    table = _synth_files.cells(rows, layout, np.random.default_rng(1))
    content = _synth_files.to_bytes(_synth_files.lines(table, layout, site="S1", month="2024-07"), layout)
    taken = take(content, layout=name, filename=f"S1_2024-07.{layout['extension']}")
    rows = rows.assign(row_no=_synth_files.row_numbers(len(rows), layout))
    counted = ["accepted", "duplicate", "further_injury"]
    assert taken.quarantine["reason"].tolist() == [fate for fate in rows["fate"] if fate not in counted]
    assert taken.submission["rows_duplicate"] == rows["fate"].isin(counted[1:]).sum()
    want = rows[rows["fate"] == "accepted"].reset_index(drop=True)
    got = taken.conformed
    assert got["row_no"].tolist() == want["row_no"].tolist()
    pd.testing.assert_series_equal(got["arrival_at"], want["rec_arrival"], check_names=False, check_dtype=False)
    assert got["location_type"].isin(schema.LOCATION_TYPES).all()
    known = got["method"].isin(["knife", "glass"]) & ~want["unmapped"]
    assert (got["method"][known] == want["method"][known]).all()
    timed = got["incident_quality"] == "exact"
    assert timed.mean() > 0.5
    assert (got["incident_at"][timed] == want["rec_incident"][timed]).all()


def test_counts_by_site_and_month_match_the_truth():
    profiles = {site: params.file(f"hospitals/{site}") for site in synth.sites_needed("small")}
    files = dict(synth.files(LAYOUTS, profiles, scale="small"))
    truth = pd.read_csv(io.BytesIO(files["truth/truth.csv"]), dtype=str, keep_default_na=False)
    truth = truth[truth["fate"] == "accepted"]
    frames = []
    seen = {}
    for path in sorted(dict.fromkeys(truth["file"])):
        site, name = path.split("/")
        earlier = seen.setdefault((site, intake.month_in_name(name, profiles[site])), set())
        taken = intake.take(
            files[f"incoming/{path}"], filename=name, site=site, guide=guide(profiles[site]), received="2025-01-10",
            synthetic=True, earlier=earlier,
        )  # fmt: skip
        earlier.update(taken.conformed["source_key"])
        frames.append(taken.conformed)
    got = pd.concat(frames)
    assert set(got["record_id"]) == set(truth["record_id"])
    assert set(got["shape"]) == set(schema.SHAPES)
    truth = truth.rename(columns={"method_read": "code", "location_type_read": "kind"})
    got = got.rename(columns={"method": "code", "location_type": "kind"})
    for keys in (["site_code", "month"], ["site_code", "month", "code"], ["site_code", "month", "kind"]):
        want = truth.drop(columns=["method", "location_type"]).groupby(keys).size()
        assert got.groupby(keys).size().to_dict() == want.to_dict()
