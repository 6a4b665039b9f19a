"""Detection of a file's shape, the aliases it rests on, and drafts of profiles that show no text of a record."""

import csv
import datetime as dt
import io
import itertools
import re

import openpyxl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import _draft, _markup, _readers, _shapes, _showable, errors, intake, params, schema

ALIASES, LAYOUTS, RULES = params.file("aliases"), params.file("layouts"), params.defaults()
CANONICAL = set(
    "row_id sequence arrival arrival_date arrival_time arrival_utc incident incident_date incident_time incident_utc "
    "intent method method_other location_type location_text age age_band sex ethnic_group alcohol".split()
)
SECRET = "the Crooked Billet by the lido"


def headings(layout):
    return [h if isinstance(h, str) else h[0] for h in layout["columns"].values()]


# ---- aliases ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", schema.SHAPES)
def test_headings_of_a_shape_are_unambiguous_and_canonical(shape):
    columns = _shapes.detected(shape, ALIASES)["columns"]
    assert set(columns) <= CANONICAL
    keys = [_markup.letters(heading) for known in columns.values() for heading in known]
    assert sorted(set(keys)) == sorted(keys)
    assert all(keys)


@pytest.mark.parametrize("shape", schema.SHAPES)
def test_a_shape_needs_an_arrival_and_a_place_or_a_method(shape):
    layout = _shapes.detected(shape, ALIASES)
    assert {name for group in layout["required"] for name in group} <= set(layout["columns"])
    assert "location_text or method" in _shapes.lacking({"arrival"}, layout)
    assert len(_shapes.lacking({"method"}, layout)) == 1
    assert _shapes.lacking({"arrival_date", "location_text"}, layout) == []
    assert layout["formats"] is None
    assert not {"carrier", "encoding", "delimiter", "sheet"} & set(layout)


def test_pinned_layouts_need_no_groups():
    assert _shapes.lacking(set(), LAYOUTS["isb_comma"]) == []


@pytest.mark.parametrize("column", _shapes.LISTS)
def test_each_word_means_one_code(column):
    codes = _shapes.LISTS[column][1]
    told = ALIASES["values"][column]
    assert set(told) <= set(codes)
    every = [word.casefold() for words in told.values() for word in words]
    assert sorted(set(every)) == sorted(every)
    known = _shapes.words(column, ALIASES)
    assert {code: known[code.casefold()] for code in codes} == {code: code for code in codes}
    assert set(known.values()) == set(codes)


@pytest.mark.parametrize("column", ["method", "location_type"])
def test_labels_keep_their_code(column):
    table = _shapes.places.codes(column)
    known = _shapes.words(column, ALIASES)
    assert [known[label.casefold()] for label in table["label"]] == table["code"].tolist()


def test_no_code_number_is_guessed():
    for column in ("method", "location_type", "sex", "ethnic_group", "alcohol"):
        assert not [word for word in _shapes.words(column, ALIASES) if re.fullmatch(r"\d+", word)]
    for shape in schema.SHAPES:
        assert not [value for value in ALIASES["shapes"][shape]["assault"] if re.search(r"\d", value)]


def test_words_that_may_be_content_are_no_null_tokens():
    tokens = {token.casefold() for token in ALIASES["null_tokens"]}
    assert not tokens & {"na", "none", "unknown", "nil", "home"}
    assert {"null", "n/a", "(null)", "-", "."} <= tokens


@pytest.mark.parametrize("heading", ["INJURY_DT_TM", "Injury Dt Tm", "InjuryDtTm", " injury-dt.tm "])
def test_spelling_leaves_letters_and_digits(heading):
    assert _markup.letters(heading) == "injurydttm"


@given(st.text())
def test_spelling_is_stable(heading):
    key = _markup.letters(heading)
    assert _markup.letters(key) == key or key.casefold() != key


# ---- candidates ------------------------------------------------------------------------------------------


def candidates(profile, month="", layouts=LAYOUTS):
    return _shapes.candidates("f.csv", "S1", profile, layouts, ALIASES, month)


def test_without_pinned_layouts_each_shape_is_tried():
    for profile in ({}, {"layouts": []}, {"file_pattern": "x"}):
        assert [name for name, _ in candidates(profile)] == ["detected_isb1594", "detected_ecds_v4", "detected_trust"]


def test_pinned_layout_is_that_of_the_month_and_stays_as_it_is():
    pinned = {"layouts": [{"from": "2022-01", "layout": "isb_comma"}, {"from": "2024-03", "layout": "ecds_warehouse"}]}
    assert candidates(pinned, "2024-02") == [("isb_comma", LAYOUTS["isb_comma"])]
    assert candidates(pinned, "2024-05") == [("ecds_warehouse", LAYOUTS["ecds_warehouse"])]
    assert [name for name, _ in candidates(pinned)] == ["ecds_warehouse", "isb_comma"]


def test_own_layouts_come_first():
    own = {"shape": "trust", "columns": {"arrival": "A"}}
    pinned = {"layouts": [{"from": "2022-01", "layout": "isb_comma"}], "own_layouts": {"isb_comma": own}}
    assert candidates(pinned) == [("isb_comma", own)]


@pytest.mark.parametrize(
    ("profile", "month", "said"),
    [
        ({"layouts": [{"from": "2022-01", "layout": "isb_comma"}]}, "2021-03", r"no layout for 'f\.csv' \(2021-03\)"),
        ({"layouts": [{"from": "2022-01", "layout": "nix"}]}, "", r"'nix', which is not in parameters/layouts\.yml"),
    ],
)
def test_layout_that_cannot_be_found_is_refused(profile, month, said):
    with pytest.raises(errors.IntakeError, match=said):
        candidates(profile, month)


# ---- detection -------------------------------------------------------------------------------------------


def overlap(header, layout):
    keys = {_markup.letters(h): name for name, known in layout["columns"].items() for h in known}
    found = {}
    for place, heading in enumerate(header):
        if _markup.letters(heading) in keys:
            found.setdefault(keys[_markup.letters(heading)], place)
    return _readers.Sheet(rows=[header], header=0, columns=found, carrier="csv")


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_known_layout_is_detected_with_all_its_columns(name):
    header = headings(LAYOUTS[name])
    tried = [overlap(header, layout) for _, layout in candidates({})]
    best = _shapes.best(tried)
    assert schema.SHAPES[best] == LAYOUTS[name]["shape"]
    expected = {column: header[place] for place, column in enumerate(LAYOUTS[name]["columns"])}
    assert {column: header[place] for column, place in tried[best].columns.items()} == expected


def test_xml_element_names_are_the_same_headings():
    elements = ["ArrivalDateAndTimeAtAccidentAndEmergencyDepartment", "AssaultDateAndTime", "AssaultMethod"]
    tried = [overlap(elements, layout) for _, layout in candidates({})]
    assert _shapes.best(tried) == 0
    assert list(tried[0].columns) == ["arrival", "incident", "method"]


@pytest.mark.parametrize("counts", list(itertools.product([0, 1, 2], repeat=3)))
def test_of_equal_shapes_the_first_wins(counts):
    sheets = [_readers.Sheet([], -1, dict.fromkeys("ab"[:n], 0), "csv") for n in counts]
    assert _shapes.best(sheets) == counts.index(max(counts))


# ---- drafts ----------------------------------------------------------------------------------------------

HEADER = ["Ref", "Arrival date", "Arrival time", "Weapon", "Type of place", "Where exactly", "Sex", "Consultant"]
CODES = [("Fist", "Pub"), ("Fist", "Pub"), ("ZZ", "Q7"), ("ZZ", "Q7"), ("Acid", "Street")]


def rows(texts=(SECRET,) * 5, days=(2, 3, 14, 15, 25)):
    out = []
    for k, text in enumerate(texts):
        method, place = CODES[k % len(CODES)]
        out.append([f"A{k}", f"{days[k % len(days)]:02d}/03/2024", "21:40", method, place, text, "FM"[k % 2], "Dr Who"])
    return out


def as_csv(records, header=HEADER, delimiter=";", encoding="cp1252"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([["Violence data"], header, *records, ["Total", len(records)]])
    return out.getvalue().encode(encoding)


def as_xlsx(records, header=HEADER):
    book = openpyxl.Workbook()
    book.active.title = "Data"
    for row in [["Violence data"], header, *records, ["Total", len(records)]]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_xml(records):
    names = ["ArrivalDateAndTimeAtAccidentAndEmergencyDepartment", "AssaultDateAndTime", "AssaultMethod"]
    names += ["AssaultLocationType", "AssaultLocationDescription"]
    period = {"ReportingPeriodStartDate": "2024-03-01", "ReportingPeriodEndDate": "2024-03-31"}
    period |= {"SiteCodeOfTreatment": "S1"}
    group = "".join(f"<{name}>{value}</{name}>" for name, value in period.items())
    for record in records:
        day = "-".join(reversed(record[1].split("/")))
        cells = [f"{day}T{record[2]}:00", f"{day}T20:00:00", *record[3:6]]
        inside = "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, cells, strict=True))
        group += f"<AssaultGroup>{inside}</AssaultGroup>"
    return f'<?xml version="1.0" encoding="UTF-8"?><ISTV><Header>{group}</Header></ISTV>'.encode()


def draft(content, filename="S1 March 2024.csv"):
    return _draft.draft(content, filename=filename, site="S1", aliases=ALIASES, rules=RULES)


def own(text):
    profile = yaml.safe_load(text)
    (layout,) = profile["own_layouts"].values()
    return profile, layout


def take(content, filename, text):
    profile = yaml.safe_load(text.replace('"?"', "unknown"))
    agreement = {"fields": ["sex"], "purposes": ["monitoring"], "starts": "2022-01-01", "expires": "2027-03-31"}
    guide = intake.Guide(profile, {}, ALIASES, agreement, params.file("checks"), RULES)
    return intake.take(content, filename=filename, site="S1", guide=guide, received="2024-04-05", synthetic=True)


FILES = {
    "csv": ("S1 March 2024.csv", as_csv),
    "xlsx": ("S1_202403_v2.xlsx", as_xlsx),
    "xml": ("ISTV-2024-03.xml", as_xml),
}


@pytest.mark.parametrize(("filename", "make"), list(FILES.values()), ids=list(FILES))
def test_draft_loads_and_reads_the_file_it_was_made_from(filename, make):
    content = make(rows())
    text = draft(content, filename)
    assert text == draft(content, filename)
    profile, layout = own(text)
    assert (profile["site"], profile["contact"], profile["submission"]) == ("S1", "", {"mode": "replace_month"})
    assert profile["layouts"] == [{"from": "2024-03", "layout": next(iter(profile["own_layouts"]))}]
    assert layout["methods"] == {"Fist": "fist", "ZZ": "?"}
    assert layout["location_types"] == {"Pub": "licensed", "Q7": "?"}
    assert SECRET not in text
    taken = take(content, filename, text)
    assert taken.submission["rows_accepted"] == 5
    assert taken.submission["month"] == "2024-03"
    assert taken.conformed["method"].tolist() == ["fist", "fist", "unknown", "unknown", "unknown"]


@pytest.mark.parametrize(("filename", "make"), list(FILES.values()), ids=list(FILES))
def test_an_undecided_code_is_refused_by_intake(filename, make):
    content = make(rows())
    profile, _ = own(draft(content, filename))
    guide = intake.Guide(profile, {}, ALIASES, {"expires": "2027-03-31", "starts": "2022-01-01"}, {}, RULES)
    with pytest.raises(errors.IntakeError):
        intake.take(content, filename=filename, site="S1", guide=guide, received="2024-04-05", synthetic=True)


def test_draft_of_a_text_file_states_how_it_is_written():
    text = draft(as_csv([*rows(), ["A9", "16/03/2024", "n/a", "-", "-", SECRET, "F", ""]]))
    _, layout = own(text)
    assert (layout["shape"], layout["carrier"], layout["delimiter"]) == ("trust", "csv", ";")
    assert layout["columns"] == {
        "row_id": "Ref", "arrival_date": "Arrival date", "arrival_time": "Arrival time", "method": "Weapon",
        "location_type": "Type of place", "location_text": "Where exactly", "sex": "Sex",
    }  # fmt: skip
    assert layout["formats"]["date"] == ["%d/%m/%Y"]
    assert layout["null_tokens"] == ["n/a", "-"]
    assert layout["sexes"] == {"F": "female", "M": "male"}
    assert layout["total_row"] == "Total"
    assert '# not read: "Consultant"' in text
    assert "day first, proven by 4 rows" in text
    assert "Dr Who" not in text


def test_draft_of_a_workbook_names_its_sheet():
    _, layout = own(draft(as_xlsx(rows()), "S1.xlsx"))
    assert (layout["carrier"], layout["sheet"]) == ("xlsx", "Data")
    assert not {"encoding", "delimiter"} & set(layout)


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), ("\t", "utf-16"), ("|", "utf-8-sig"), (";", "cp1252")]
)
def test_encoding_and_delimiter_are_those_that_read_the_same_rows(delimiter, encoding):
    _, layout = own(draft(as_csv(rows([f"café {SECRET}"] * 5), delimiter=delimiter, encoding=encoding)))
    assert (layout["delimiter"], layout["encoding"]) == (delimiter, encoding)


def test_unproven_order_of_day_and_month_is_left_to_a_person():
    content = as_csv(rows(days=(2, 4, 5, 6, 7)))
    text = draft(content, "extract.csv")
    assert "?" in own(text)[1]["formats"].get("date", [])
    with pytest.raises(errors.IntakeError):
        take(content, "extract.csv", text.replace('date: ["?"]', 'date: ["!"]'))


def test_dates_in_both_orders_are_told_as_intake_tells_them():
    records = rows()
    records[0][1] = "03/14/2024"
    text = draft(as_csv(records))
    assert "mixes two orders" in text
    assert own(text)[1]["formats"] == {"date": ["?"]}


def test_times_that_no_format_reads_are_counted():
    records = rows(days=(14, 15, 16, 17, 18))
    records[2][1] = "unk code"
    text = draft(as_csv(records))
    assert "proven by 4 rows; 1 of arrival could not be read" in text
    assert "unk code" not in text


def test_real_dates_of_a_workbook_need_no_format():
    records = rows()
    for k, record in enumerate(records):
        record[1] = dt.datetime(2024, 3, k + 1)  # noqa: DTZ001 - wall-clock time
        record[2] = dt.time(21, 40)
    text = draft(as_xlsx(records), "S1.xlsx")
    profile, layout = own(text)
    assert "formats" not in layout
    assert profile["layouts"][0]["from"] == "2024-03"
    assert take(as_xlsx(records), "S1.xlsx", text).submission["rows_accepted"] == 5


def test_month_without_an_assault_can_be_drafted_from():
    text = draft(as_xml([]), "ISTV.xml")
    profile, layout = own(text)
    assert profile["layouts"][0]["from"] == "2024-03"
    assert "formats" not in layout
    assert take(as_xml([]), "ISTV.xml", text).submission["zero_declared"]


def test_rare_long_and_personal_values_are_counted_and_not_shown():
    odd = ["x" * 31, "x" * 31, "07700900123", "07700900123", "once", "Fist", "fist"]
    records = rows([SECRET] * len(odd))
    for record, value in zip(records, odd, strict=True):
        record[3] = value
    text = draft(as_csv(records))
    assert own(text)[1]["methods"] == {"Fist": "fist"}
    assert "3 further values not shown" in text
    assert not [value for value in odd[:5] if value in text]


def test_coded_column_that_holds_free_text_is_not_shown():
    records = rows([SECRET] * 60)
    for k, record in enumerate(records):
        record[3] = "by the canal" if k < 2 else f"text {chr(97 + k % 26)}{chr(97 + k // 26)}"
    text = draft(as_csv(records))
    assert own(text)[1]["methods"] == {}
    assert "by the canal" not in text
    assert "59 further values not shown" in text


def test_intents_beside_assault_are_left_to_a_person():
    header = ["EC_ATTENDANCE_ID", "LOC_ARRIVAL_DT_TM", "INJURY_INTENT_SCT", "INJURY_MECHANISM_SCT", "Postcode"]
    records = [[f"{k}", f"2024-03-1{k}T10:00:00", "Assault" if k < 4 else "138875005", "1", "E1 1AA"] for k in range(8)]
    text = draft(as_csv(records, header=header))
    layout = own(text)[1]
    assert (layout["shape"], layout["assault"], layout["methods"]) == ("ecds_v4", ["Assault"], {"1": "?"})
    assert 'if it means assault: "138875005"' in text
    assert "E1 1AA" not in text
    for record in records:
        record[2] = "138875005"
    assert own(draft(as_csv(records, header=header)))[1]["assault"] == ["?"]


def test_row_that_may_be_a_record_is_not_shown_as_headings():
    header = ["Ref", "Weapon", "Arrived", SECRET, "07700 900123"]
    text = draft(as_csv([["A1", "Fist", "2024-03-02 10:00", "x", "y"]], header=header))
    assert SECRET not in text
    assert "2 further columns, not shown" in text


def test_missing_columns_are_asked_for():
    text = draft(as_csv([["A1", SECRET, "x"]], header=["Ref", "Location", "Arrvd"]))
    assert "arrival or arrival_date" in text
    assert '# not read: "Arrvd"' in text
    assert SECRET not in text


def test_file_without_known_headings_is_refused_without_content():
    with pytest.raises(errors.IntakeError) as told:
        draft(as_csv([["A1", SECRET]], header=["Eins", "Zwei"]))
    assert SECRET not in str(told.value)


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=0, max_size=30)


@settings(max_examples=25, deadline=None)
@given(st.lists(words, min_size=3, max_size=6), st.sampled_from(["csv", "xlsx"]))
def test_no_draft_shows_a_text_of_the_location_column(texts, carrier):
    texts = [f"§{text}§" for text in texts] + ["§seen twice§"] * 2
    filename, make = FILES[carrier]
    content = make(rows(texts), **({"encoding": "utf-8"} if carrier == "csv" else {}))
    assert "§" not in draft(content, filename)


# ---- file names ------------------------------------------------------------------------------------------

PATTERNS = {
    "SYN01_2024-03.csv": "2024-03",
    "SYN01_2024-03_v2 (1).csv": "2024-03",
    "ISTV March 2024 SYN02.xlsx": "2024-03",
    "SYN03-assaults-202403.csv": "2024-03",
    "ED_assault_03_2024.txt": "2024-03",
    "assaults Mar24.xls": "2024-03",
    "ED 2024 Sept.xml": "2024-09",
    "ISTV_extract_0012.csv": "",
    "extract.csv": "",
    "extract 20240403.csv": "",
}


@pytest.mark.parametrize(("filename", "month"), list(PATTERNS.items()))
def test_pattern_is_guessed_from_the_name(filename, month):
    pattern, stated = _draft._pattern(filename, "")
    assert stated == month
    assert re.fullmatch(pattern, filename, re.IGNORECASE)
    assert intake.month_in_name(filename, {"file_pattern": pattern}) == month


def test_pattern_reads_other_months_and_numbers():
    pattern, _ = _draft._pattern("RUN 17 of 2024-03.csv", "2024-03")
    assert intake.month_in_name("run 8 of 2025-11 (2).xlsx", {"file_pattern": pattern}) == "2025-11"


def test_month_of_the_name_must_be_that_of_the_arrivals():
    assert _draft._pattern("sent 2024-04.csv", "2024-03") == (r"sent \d+-\d+" + _draft._ENDING, "")
    assert _draft._pattern("03_2024 sent 2024-04.csv", "2024-04")[1] == "2024-04"


@pytest.mark.parametrize(("text", "shown"), [("Fist", True), ("12", True), ("SYN-FIST", True), ("138875005", True),
    ("138875006", False), ("9434765919", False), ("07700900123", False), ("x@y.example", False)])  # fmt: skip
def test_long_numbers_are_shown_only_when_they_are_concept_ids(text, shown):
    assert _showable.personal([text]) == [not shown]
