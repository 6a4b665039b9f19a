"""Bytes to rows: what is refused before it can do harm, what is read, and that row numbers are exact."""

import datetime as dt
import io
import random
import struct
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istv_lib import _old_workbooks, _readers, _workbooks, errors, params

SECRET = "12 Acacia Avenue"
RULES = params.defaults()
LAYOUT = {"columns": {"row_id": "Ref", "arrival": ["Arrived", "ARRIVAL_DT_TM"], "location_text": "Where"}}
HEADER = ["Ref", "Arrived", "Where"]
FULL = {"row_id": 0, "arrival": 1, "location_text": 2}
# Written for these tests with an .xls writer. Sheet "Attendances": a title, a blank row, the header in the third
# row; ids and codes with leading zeros as text; times as true dates, as a number without a date format (45356.5)
# and as text; a blank row; a text merged over two rows; a last row "Total" with a formula. Then a sheet "Lookups",
# and a hidden sheet "Old" that has the same header and one record.
OLD_BOOK = (Path(__file__).parents[1] / "cases" / "attendances.xls").read_bytes()


def clock(*parts):
    return dt.datetime(*parts)  # noqa: DTZ001 - wall-clock time


def read(content, layout=LAYOUT, rules=RULES, filename="S1.dat"):
    content = content if isinstance(content, bytes) else content.encode("utf-8")
    return _readers.read(content, filename, layout, rules)


def refusal(content, layout=LAYOUT, rules=RULES):
    with pytest.raises(errors.IntakeError) as caught:
        read(content, layout, rules)
    message = str(caught.value)
    assert message.endswith(".")
    assert ". " not in message
    assert SECRET not in message
    return message


def workbook(*sheets, hidden=()):
    """Write sheets given as (name, rows) by openpyxl."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
        page.sheet_state = "hidden" if name in hidden else "visible"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# ---- carriers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "carrier"),
    [
        (b"Ref,Arrived", "csv"),
        (b"\xef\xbb\xbfRef\tArrived", "csv"),
        ("Ref;Arrived".encode("utf-16"), "csv"),
        (b"%PDF-1.4", "csv"),
        (b"PK\x03\x04....", "xlsx"),
        (b"\xd0\xcf\x11\xe0....", "xls"),
        (b"\n <?xml version='1.0'?><a/>", "xml"),
        (b"\xef\xbb\xbf<Submission/>", "xml"),
        ("<?xml version='1.0'?><a/>".encode("utf-16"), "xml"),
    ],
)
def test_carrier_by_first_bytes(content, carrier):
    assert _readers.carrier_of(content, "f", RULES) == carrier


@pytest.mark.parametrize("content", [b"", b" \r\n\t"])
def test_empty(content):
    assert "is empty" in refusal(content)


@pytest.mark.parametrize(
    "page", ["<html><table>", "<TABLE border=1>", "\n<!DOCTYPE HTML PUBLIC", "<head>", "MIME-Version: 1.0\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_web_page_saved_as_workbook(page, encoding):
    assert "is a web page saved as a workbook; ask" in refusal((page + SECRET).encode(encoding))


def test_too_large():
    assert "is larger than 1 MB" in refusal(b"a" * 1_000_001, rules=RULES.replaced(file_megabytes_most=1))


XML = b"<a><r><Ref>1</Ref><Arrived>x</Arrived><Where>y</Where></r></a>"


@pytest.mark.parametrize(
    ("content", "carrier", "message"),
    [
        (XML, "csv", "is an XML file but its layout expects a text file; mend"),
        (b"Ref", "xml", "is a text file but its layout expects an XML file; mend"),
        (OLD_BOOK, "csv", "is an old workbook but its layout expects a text file; mend"),
        (workbook(("S", [HEADER])), "xml", "is a workbook but its layout expects an XML file; mend"),
    ],
)
def test_carrier_other_than_the_layout_says(content, carrier, message):
    assert message in refusal(content, LAYOUT | {"carrier": carrier})


def test_old_and_new_workbooks_stand_for_each_other():
    assert read(OLD_BOOK, LAYOUT | {"carrier": "xlsx"}).carrier == "xls"
    assert read(workbook(("S", [HEADER])), LAYOUT | {"carrier": "xls"}).carrier == "xlsx"


# ---- text ------------------------------------------------------------------------------------------------

TEXT = "Ref,Arrived,Where\r\n1,05/03/2024,café – “Swan”\r\n"
ROWS = [HEADER, ["1", "05/03/2024", "café – “Swan”"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encoding_is_found(encoding):
    sheet = read(TEXT.encode(encoding))
    assert (sheet.rows, sheet.header, sheet.columns, sheet.carrier) == (ROWS, 0, FULL, "csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_pinned_one_byte_encoding_gives_way_to_utf8_and_to_a_mark(encoding):
    assert read(TEXT.encode(encoding), LAYOUT | {"encoding": "cp1252"}).rows == ROWS


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_pinned_utf16_without_a_mark(encoding):
    assert read(TEXT.encode(encoding), LAYOUT | {"encoding": "utf-16"}).rows == ROWS


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_bytes_that_no_encoding_has(byte):
    assert "cannot be read as cp1252 text; ask" in refusal(TEXT.encode("cp1252") + bytes([byte]))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode("cp1252"), "utf-8"),
        (TEXT.encode() + b"\0", "utf-8"),
        (TEXT.encode() + b"\0", None),
        (TEXT.encode("utf-16")[:-1], "utf-8"),
        (TEXT.encode("utf-32"), None),
        (TEXT.encode(), "klingon"),
    ],
)
def test_undecodable(content, encoding):
    assert "cannot be read as" in refusal(content, LAYOUT | ({"encoding": encoding} if encoding else {}))


@pytest.mark.parametrize("quoted", [False, True])
def test_mark_that_was_saved_as_letters_does_not_hide_the_first_heading(quoted):
    text = '"Ref",Arrived,Where\n1,x,y\n' if quoted else "Ref,Arrived,Where\n1,x,y\n"
    twice = text.encode("utf-8-sig").decode("cp1252").encode("utf-8")
    for content in (twice, b"\xef\xbb\xbf" + twice, b"\xef\xbb\xbf" * 2 + text.encode()):
        assert read(content).rows[0] == HEADER


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_by_the_header(end, delimiter):
    title = "Assaults, in March; all sites, and, so, on, and, on"
    lines = [title, delimiter.join(HEADER), delimiter.join(["1", "x", '"a, b; c"']), "", delimiter.join("2xy")]
    sheet = read(end.join(lines))
    assert sheet.header == 1
    assert sheet.rows[2] == ["1", "x", "a, b; c"]
    assert [sheet.rows[k] for k in (3, 4)] == [[], ["2", "x", "y"]]


def test_delimiter_without_a_layout_is_that_of_most_rows():
    assert read("a;b\n1,5;2\n3;4\n", {}).rows == [["a", "b"], ["1,5", "2"], ["3", "4"]]
    assert read("a;b\n1,5;2\n3;4\n", {}).header == -1


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
def test_first_line_by_excel_names_the_delimiter_and_is_a_row(first):
    sheet = read(f"{first}\r\nRef;Arrived;Where\r\n1;2,5;3,5\r\n")
    assert (sheet.header, sheet.rows[2]) == (1, ["1", "2,5", "3,5"])


def test_pinned_delimiter_is_used():
    assert read("Ref;Arrived;Where\n", LAYOUT | {"delimiter": "|"}).columns == {}


def test_end_mark_of_old_systems_is_no_row():
    assert len(read("Ref,Arrived,Where\n1,x,y\n\x1a").rows) == 2


TOP = "Ref,Arrived,Where\n"
LONG = RULES["cell_characters_most"] + 1


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ('1,x,"a\nb"\n2,x,y\n', [["1", "x", "a\nb"], ["2", "x", "y"]]),
        ('1,x,"a ""b"" c"\n', [["1", "x", 'a "b" c']]),
        ('1,x,12" pipe\n2,x,y\n', [["1", "x", '12" pipe'], ["2", "x", "y"]]),
        ('1,x,12" pipe\n2,x,"a\nb"\n', [["1", "x", '12" pipe'], ["2", "x", "a\nb"]]),
        ('1,x,The "Swan" pub', [["1", "x", 'The "Swan" pub']]),
        ('1,x,"The "Swan" pub"\n2,x,y\n', [["1", "x", 'The Swan" pub"'], ["2", "x", "y"]]),
        ('1,x,"The "Swan" pub"\n', [["1", "x", 'The Swan" pub"']]),
        ('1,x,"a\nb"', [["1", "x", "a\nb"]]),
        ("1,x,y\n\n", [["1", "x", "y"], []]),
    ],
)
def test_quotation_marks_that_lose_nothing(body, rows):
    assert read(TOP + body).rows[1:] == rows


@pytest.mark.parametrize(
    ("body", "row"),
    [
        (f'1,x,"{SECRET}\n2,x,y\n3,x,y\n', 2),
        (f'1,x,y\n2,x,"{SECRET}', 3),
        (f'1,x,"{SECRET}\n2,x,"b\n3,x,y\n', 2),
        (f'1,x,"a\nb"\n2,x,"{SECRET}\n3,x,y"z\n', 3),
        (f"1,x,y\n2,x,{SECRET * LONG}\n", 3),
        ('1,x,"' + "a\n" * LONG + '"\n', 2),
        ('1,x,"' + "a" * 140_000 + '"\n', 2),
    ],
)
def test_quotation_marks_left_open_and_long_cells_are_refused_with_their_row(body, row):
    assert f"Row {row} of 'S1.dat' has a quotation mark that is left open or a cell of more" in refusal(TOP + body)


def test_too_many_columns_rows_and_cells():
    few = RULES.replaced(columns_most=5)
    assert read(TOP + "1,x,y,,\n", rules=few).rows[1] == ["1", "x", "y", "", ""]
    assert "Row 2 of 'S1.dat' has more than 5 columns" in refusal(TOP + f"1,x,{SECRET},,,\n", rules=few)
    assert read(TOP + '1,x,"a,b,c,d,e,f,g"\n', rules=few).rows[1][2] == "a,b,c,d,e,f,g"
    assert "Row 1 of 'S1.dat' has more than" in refusal("," * 2_000_000)
    assert "Row 3 of 'S1.dat'" in refusal(TOP + "1,x,y\n" * 3, rules=RULES.replaced(sheet_cells_most=8))
    assert "has more than 3 rows" in refusal(TOP + "\n" * 3, rules=RULES.replaced(rows_most=3))
    assert "has more than 3 rows" in refusal("\r" * 4 + "a", rules=RULES.replaced(rows_most=3))


def test_a_row_of_a_million_cells_is_never_built(monkeypatch):
    class Lines:
        def __init__(self, lines, **_options):
            self.lines, self.line_num = iter(lines), 0

        def __iter__(self):
            return self

        def __next__(self):
            assert len(next(self.lines)) < 1_000
            return []

    monkeypatch.setattr(_readers.csv, "reader", Lines)
    assert "Row 1 of" in refusal("," * 1_000_000, LAYOUT | {"delimiter": ","})


# ---- header ----------------------------------------------------------------------------------------------


def test_headings_are_compared_by_letters_and_digits():
    sheet = read("Assaults in March\n\n ref. ;arrival-dt TM;WHERE\n1;x;y\n")
    assert (sheet.header, sheet.columns) == (2, FULL)
    assert _readers.headers_found(sheet) == ["ref.", "arrival-dt TM", "WHERE"]


def test_of_two_columns_of_one_meaning_the_first_is_read():
    assert read("Arrived,ARRIVAL_DT_TM,Ref\n").columns == {"arrival": 0, "row_id": 2}


def test_no_header():
    assert (read("a,b\n1,2\n").header, read("a,b\n1,2\n").columns) == (-1, {})


def test_header_below_the_rows_that_are_searched():
    assert read("\n" * 29 + TOP).header == 29
    assert read("\n" * 30 + TOP).header == -1


def test_small_words():
    assert _readers.spelled("Arrival_Date  (A&E)") == "arrival date a e"
    assert [_readers.is_blank(cell) for cell in (None, "", " \t", "x", 0, False)] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        ("007", "007"),
        (7.0, "7"),
        (7.5, "7.5"),
        (7, "7"),
        (1.23457e11, "123457000000"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, "TRUE"),
        (clock(2024, 3, 5, 22, 10), "2024-03-05T22:10:00"),
        (dt.time(22, 10), "22:10:00"),
        (dt.timedelta(hours=30, minutes=5), "30:05:00"),
    ],
)
def test_cells_as_text(cell, text):
    assert _readers.as_text(cell) == text


# ---- workbooks: what is read -----------------------------------------------------------------------------

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="a"/>'
    "</sheets></workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="a" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
NAMES = "".join(
    f'<c r="{place}" t="inlineStr"><is><t>{name}</t></is></c>'
    for place, name in zip(("A1", "B1", "C1"), HEADER, strict=True)
)


CELL = '<row r="2"><c r="A2"><v>1</v></c></row>'


def archive(parts, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as written:
        for name, part in parts.items():
            written.writestr(zipfile.ZipInfo(name), part, method)
    return out.getvalue()


def raw_book(rows, after="", **parts):
    """Write a workbook from the XML of its rows below the header; further parts by name."""
    cells = f'<row r="1">{NAMES}</row>{rows}'
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData>{after}</worksheet>'
    return archive(PARTS | {"xl/worksheets/sheet1.xml": sheet} | parts)


def test_cells_keep_their_types_and_rows_their_numbers():
    day, time = clock(2024, 3, 5), clock(2024, 3, 5, 22, 10)
    record = ["007", time, day, 45356.5, 7, True, dt.time(22, 10), dt.timedelta(hours=30), "", None, " "]
    sheet = read(workbook(("S", [[], ["Assaults"], [], HEADER, record, [], ["x"]])))
    assert (sheet.header, sheet.columns, sheet.carrier, sheet.name) == (3, FULL, "xlsx", "S")
    times = [time, day, 45356.5, 7.0, True, dt.time(22, 10), dt.timedelta(hours=30)]
    assert sheet.rows[4] == ["007", *times, None, None, " "]
    assert type(sheet.rows[4][2]) is dt.datetime
    assert [sheet.rows[k][0] for k in (0, 1, 5, 6)] == [None, "Assaults", None, "x"]
    assert len(sheet.rows) == 7


def test_errors_are_empty_and_formulas_have_their_result():
    rows = '<row r="2"><c r="A2" t="e"><v>#REF!</v></c><c r="B2"><f>1+1</f><v>2</v></c><c r="C2"><v>3</v></c></row>'
    sheet = read(raw_book(rows))
    assert sheet.rows[1] == [None, 2.0, 3.0]
    assert sheet.formulas == {(1, 1)}


SHARED = '<row r="2"><c r="B2"><f t="shared" ref="B2:B3" si="0">A2</f><v>1</v></c></row>'
SHARED += '<row r="3"><c r="B3"><f t="shared" si="0"/><v>1</v></c></row>'
ARRAY = '<row r="2"><c r="A2"><f t="array" ref="A2:B3">X</f><v>1</v></c><c r="B2"><v>1</v></c></row>'
ARRAY += '<row r="3"><c r="A3"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        (SHARED, {(1, 1), (2, 1)}),
        (ARRAY, {(1, 0), (1, 1), (2, 0), (2, 1)}),
        ("<row><c><v>1</v></c><c><f>A2</f><v>1</v></c></row>", {(1, 1)}),
        ('<row r="4"><c><v>1</v></c><c r="C4"><v>1</v></c><c><f>A2</f><v>1</v></c></row>', {(3, 3)}),
        ('<row r="2"><c s="0" r=\'b2\'><f>A2</f><v>1</v></c></row>', {(1, 1)}),
        ('<row r="2"><c r="A2"><v>1</v></c></row>', set()),
    ],
)  # fmt: skip
def test_places_of_formulas(rows, places):
    sheet = read(raw_book(rows))
    assert sheet.formulas == places
    assert {sheet.rows[row][column] for row, column in places} <= {1.0, None}


def test_shared_texts():
    runs = '<r><t xml:space="preserve">the </t></r><r><t>Swan</t></r>'
    table = f'<sst xmlns="{MAIN}"><si><t>007</t></si><si>{runs}</si></sst>'
    links = PARTS["xl/_rels/workbook.xml.rels"]
    links = links.replace("</R", f'<Relationship Id="b" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></R')
    row = '<row r="2"><c r="A2" s="0" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c></row>'
    content = raw_book(row, **{"xl/sharedStrings.xml": table, "xl/_rels/workbook.xml.rels": links})
    assert read(content).rows[1] == ["007", None, "the Swan"]


def test_folders_and_blank_pictures_are_no_fault():
    more = {
        "xl/": "",
        "xl/media/image1.bmp": b"\xff" * 100_000,
        "docProps/thumbnail.jpeg": random.Random(1).randbytes(9_000),
    }
    assert read(raw_book(CELL, **more)).rows[1][0] == 1.0


def test_parts_in_other_places():
    parts = PARTS | {"xl\\Tables\\One.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{CELL}</sheetData></worksheet>'}
    for target in ("/xl/tables/one.xml", "tables/one.xml", "worksheets/../tables/one.xml"):
        links = PARTS["xl/_rels/workbook.xml.rels"].replace("worksheets/sheet1.xml", target)
        assert read(archive(parts | {"xl/_rels/workbook.xml.rels": links})).rows == [[None], [1.0]]


def test_prefixed_xml_of_some_writers():
    plain = raw_book('<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>A2</f><v>1</v></c></row>')
    with zipfile.ZipFile(io.BytesIO(plain)) as book:
        parts = {name: book.read(name).decode() for name in book.namelist()}
    path = "xl/worksheets/sheet1.xml"
    parts[path] = parts[path].replace("</", "</x:").replace("xmlns=", "xmlns:x=")
    for tag in ("worksheet", "sheetData", "row", "c", "v", "f", "is", "t"):
        parts[path] = parts[path].replace(f"<{tag} ", f"<x:{tag} ").replace(f"<{tag}>", f"<x:{tag}>")
    sheet = read(archive(parts))
    assert (sheet.rows[1][:2], sheet.formulas, sheet.columns) == ([1.0, 1.0], {(1, 1)}, FULL)


def test_merged_cells_are_carried_down_to_rows_that_hold_something():
    book = openpyxl.Workbook()
    for row in (["March"], HEADER, ["1", "5 March", "Swan"], ["2"], [], ["4", None, "x"], ["5", "6 March", "y"]):
        book.active.append(row)
    for area in ("A1:C1", "B2:B2", "B3:B6", "C3:D4"):
        book.active.merge_cells(area)
    out = io.BytesIO()
    book.save(out)
    sheet = read(out.getvalue())
    assert [row[1] for row in sheet.rows[2:]] == ["5 March", "5 March", None, "5 March", "6 March"]
    assert [row[2] for row in sheet.rows[2:]] == ["Swan", "Swan", None, "x", "y"]
    assert sheet.merged == {(3, 1), (5, 1), (3, 2)}
    assert sheet.rows[0] == ["March", None, None, *sheet.rows[0][3:]]


def test_merged_cells_that_reach_into_the_header_are_left():
    rows = '<row r="2"><c r="B2"><v>1</v></c></row>'
    sheet = read(raw_book(rows, '<mergeCells><mergeCell ref="A1:A2"/></mergeCells>'))
    assert (sheet.rows[1][0], sheet.merged) == (None, frozenset())


def test_sheet_is_chosen_by_its_header_and_hidden_ones_are_left():
    old = ("Old", [HEADER, ["1", "x", "y"]])
    data = ("Data", [["t"], HEADER, ["2", "x", "y"]])
    sheet = read(workbook(("Lookups", [["Ref"]]), old, data, hidden=["Old"]))
    assert (sheet.name, sheet.header, sheet.rows[2][0]) == ("Data", 1, "2")
    assert read(workbook(old, data, hidden=["Old"]), LAYOUT | {"sheet": " old"}).name == "Old"
    assert read(workbook(old, data), LAYOUT | {"sheet": "Data"}).name == "Data"
    assert read(workbook(("Cover", [["x"]]), data), LAYOUT | {"sheet": "Cover"}).name == "Data"


def test_two_sheets_that_could_be_the_month():
    both = [("A", [HEADER, ["1", "x", SECRET]]), ("B", [HEADER, ["2", "x", SECRET]])]
    assert "has two sheets that could both be the month, 'A' and 'B'; ask" in refusal(workbook(*both))
    assert read(workbook(both[0], ("B", [HEADER]))).name == "A"
    assert read(workbook(("A", [HEADER]), both[1])).name == "B"
    grouped = LAYOUT | {"optional": list(FULL), "required": [["arrival", "arrival_utc"]]}
    assert "has two sheets" in refusal(workbook(both[0], ("B", [["Arrived"], ["x"]])), grouped)
    assert read(workbook(both[0], ("B", [["Ref"], ["x"]])), grouped).name == "A"


def test_nothing_visible_and_nothing_in_it():
    assert read(workbook(("S", []))).rows == []
    parts = PARTS | {"xl/workbook.xml": PARTS["xl/workbook.xml"].replace("sheetId", 'state="veryHidden" sheetId')}
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData/></worksheet>'
    assert "has no visible sheet" in refusal(archive(parts | {"xl/worksheets/sheet1.xml": sheet}))


# ---- workbooks: what is refused --------------------------------------------------------------------------


def test_bomb_is_refused_by_its_list_of_contents_alone(monkeypatch):
    """A workbook of 290 KB that unpacks to 64 MB."""
    row = "".join(f'<c r="{letter}1"><v>1</v></c>' for letter in "ABCDEFGHIJKLMNOPQRST")
    content = raw_book(f"<row>{row}</row>" * (64_000_000 // len(row)))
    assert len(content) < 300_000

    def fail(*_, **__):
        raise AssertionError

    monkeypatch.setattr(_workbooks.python_calamine, "CalamineWorkbook", fail)
    monkeypatch.setattr(zlib, "decompressobj", fail)
    assert "unpacks to far more than a month's workbook; do not open it, ask" in refusal(content)


def entry(content, name):
    """Return where the entry of a part stands in the list of contents."""
    at = content.find(b"PK\x01\x02")
    while content[at + 46 : at + 46 + len(name)] != name.encode():
        at = content.find(b"PK\x01\x02", at + 4)
    return at


def patched(content, name, offset, form, value):
    at = entry(content, name) + offset
    return content[:at] + struct.pack(form, value) + content[at + struct.calcsize(form) :]


PLAIN = raw_book(CELL)
SHEET1 = "xl/worksheets/sheet1.xml"
HOSTILE = {
    "damaged": (PLAIN[:-30], "is a damaged workbook"),
    "first bytes only": (b"PK\x03\x04" + b"\1" * 99, "is a damaged workbook"),
    "bytes changed": (PLAIN.replace(b"\x78", b"\x79"), "workbook"),
    "macros": (raw_book(CELL, **{"xl/vbaProject.bin": "x"}), "holds macros; ask"),
    "macro sheet": (raw_book(CELL, **{"xl/macrosheets/sheet1.xml": "<x/>"}), "holds macros; ask"),
    "links": (raw_book(CELL, **{"xl/externalLinks/externalLink1.xml": "<x/>"}), "is linked to other workbooks"),
    "embedded": (raw_book(CELL, **{"xl/embeddings/oleObject1.bin": "x"}), "holds another file inside"),
    "nested by name": (raw_book(CELL, **{"xl\\media\\A.ZIP": "x"}), "holds another file inside"),
    "nested by content": (raw_book(CELL, **{"xl/media/image1.png": PLAIN}), "holds another file inside"),
    "locked": (patched(PLAIN, SHEET1, 8, "<H", 1), "is locked with a password"),
    "holds more than it says": (patched(PLAIN, SHEET1, 24, "<I", 300), "not what its list of contents says"),
    "holds less than it says": (patched(PLAIN, SHEET1, 24, "<I", 3_000), "is a damaged workbook"),
    "says it is empty": (patched(PLAIN, SHEET1, 24, "<I", 0), "not what its list of contents says"),
    "other packing": (patched(PLAIN, SHEET1, 10, "<H", 12), "not what its list of contents says"),
    "overlap": (patched(PLAIN, SHEET1, 42, "<I", 0), "not what its list of contents says"),
    "too long": (patched(PLAIN, SHEET1, 20, "<I", 5_000), "not what its list of contents says"),
    "twice": (raw_book(CELL, **{"XL/Worksheets/sheet1.xml": "x"}), "not what its list of contents says"),
    "crowd": (raw_book(CELL, **{f"x{k}": "" for k in range(200)}), "unpacks to far more"),
    "no workbook": (archive({"content.xml": "<x/>"}), "is an archive but not an .xlsx workbook"),
    "no such sheet": (archive(PARTS), "is a damaged workbook"),
    "document type": (raw_book(CELL, **{"xl/styles.xml": "<!DOCTYPE a><a/>"}), "declares a document type or entities"),
    "entities": (raw_book(CELL, "<!-- <!ENTITY a 'b'> -->"), "declares a document type or entities"),
    "other letters": (raw_book(CELL, **{"xl/styles.xml": "<a/>".encode("utf-16")}), "is a damaged workbook"),
    "not XML": (raw_book(CELL, **{"xl/workbook.xml": "<a"}), "is a damaged workbook"),
    "cut XML": (raw_book('<row r="2"><c r="A2"><v>1</v>'), "workbook"),
    "far cell": (raw_book(CELL + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), "far as row 1048576"),
    "far column": (raw_book('<row r="2"><c r="ZZ2"><v>1</v></c></row>'), "row 2 and column 702, beyond"),
    "far in disguise": (raw_book("<row r='2'><c x='>' r = 'XFD9'><v>1</v></c></row>"), "row 9 and column 16384"),
    "far by counting": (raw_book('<row r="900000"><c><v>1</v></c></row>'), "as far as row 900000"),
    "large rectangle": (raw_book('<row r="9000"><c r="NZ9000"><v>1</v></c></row>'), "row 9000 and column 390"),
    "row zero": (raw_book('<row r="0"><c r="A0"><v>1</v></c></row>'), "cannot be opened"),
    "rows out of order": (raw_book('<row r="9"><c r="A9"><v>1</v></c></row>' + CELL), "cannot be opened"),
    "no such cell": (raw_book('<row r="2"><c r="A+"><v>1</v></c></row>'), "is a damaged workbook"),
    "wide formula": (raw_book('<row r="2"><c r="A2"><f t="array" ref="A1:XFD99999"/></c></row>'), "unpacks to far"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_workbooks(name):
    content, message = HOSTILE[name]
    assert message in refusal(content)


def test_one_long_text_in_many_cells():
    cells = "".join(f'<row r="{k}"><c r="A{k}" t="s"><v>0</v></c></row>' for k in range(2, 99))
    content = raw_book(cells, **{"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{"ab" * 9_000}</t></si></sst>'})
    assert "unpacks to far more" in refusal(content, rules=RULES.replaced(workbook_text_megabytes_most=1))


def test_many_elements_without_places():
    content = raw_book("<row>" + "<c/>" * 500 + "</row>")
    assert "unpacks to far more" in refusal(content, rules=RULES.replaced(sheet_cells_most=400))


def test_large_part_behind_one_that_does_not_shrink():
    more = {"xl/media/image1.jpeg": random.Random(1).randbytes(100_000), "xl/styles.xml": " " * 100_000}
    assert "unpacks to far more" in refusal(raw_book(CELL, **more))


def test_many_merged_ranges_over_the_same_rows():
    cells = "".join(f'<row r="{k}"><c r="B{k}"><v>0</v></c></row>' for k in range(2, 99))
    content = raw_book(cells, "<mergeCells>" + '<mergeCell ref="A2:A98"/>' * 99 + "</mergeCells>")
    assert "unpacks to far more" in refusal(content, rules=RULES.replaced(sheet_cells_most=5_000))


def test_fault_inside_the_reader_becomes_a_refusal(monkeypatch):
    class PanicException(BaseException):
        pass

    class Book:
        @staticmethod
        def from_filelike(_):
            raise PanicException(SECRET)

    monkeypatch.setattr(_workbooks.python_calamine, "CalamineWorkbook", Book)
    assert "cannot be opened" in refusal(PLAIN)


# ---- old workbooks ---------------------------------------------------------------------------------------


def test_old_workbook():
    layout = params.file("layouts")["trust_titled_sheet"]
    sheet = read(OLD_BOOK, layout)
    columns = "row_id arrival incident method location_type location_text".split()
    assert (sheet.carrier, sheet.name, sheet.header) == ("xls", "Attendances", 2)
    assert sheet.columns == {name: k for k, name in enumerate(columns)}
    assert [row[0] for row in sheet.rows] == [
        "Assault attendances, March 2024", None, "Ref", "000123", "000124", None, "000125", "000126", "000127",
        "000128", "Total",
    ]  # fmt: skip
    assert sheet.rows[3][1:3] == [clock(2024, 3, 5, 22, 10), clock(2024, 3, 5, 21)]
    assert sheet.rows[3][5:] == ["outside the café on Long Lane", dt.time(22, 30)]
    assert sheet.rows[4][1:3] == [45356.5, "05/03/2024 23:40"]
    assert sheet.rows[6][3:6] == ["007", "Park", "bandstand – north gate"]
    assert sheet.rows[9][5] == "bus stop at Market Street"
    assert (sheet.merged, sheet.formulas) == ({(9, 5)}, {(10, 1)})


def test_hidden_sheet_of_an_old_workbook_only_by_name():
    layout = {"columns": {"row_id": "Ref", "arrival": "Arrived"}}
    assert [row[0] for row in read(OLD_BOOK, layout | {"sheet": "OLD "}).rows] == ["Ref", "1"]
    assert read(OLD_BOOK, layout).name == "Attendances"


BOF = (0x809, b"\x00\x06\x05\x00" + bytes(12))


def old_book(*cells, book=(), name=b"\x01\x00S"):
    return _old_workbooks._compound(_old_workbooks._joined([BOF, *book], [(name, [BOF, *cells])]))


def label(row, column, text):
    return 0x204, struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode("latin-1")


def number(row, column, value=1.0):
    return 0x203, struct.pack("<HHHd", row, column, 0, value)


TITLES = [label(0, k, name) for k, name in enumerate(HEADER)]


def test_records_of_old_workbooks():
    formula = 0x06, struct.pack("<HHHd", 1, 2, 0, 2.5) + bytes(6) + b"\x03\x00\x1e\x05\x00"
    rich = 0xD6, label(2, 0, "rich")[1]
    sheet = read(old_book(number(1, 1, 7), formula, rich, *TITLES))
    assert sheet.rows == [HEADER, [None, 7.0, 2.5], ["rich", None, None]]
    assert sheet.formulas == {(1, 2)}


def test_workbook_from_before_1997():
    """Texts have no byte for their width, and may be as short as one letter or none."""
    book = 0x809, b"\x00\x05\x05\x00" + bytes(4)
    page = 0x42, struct.pack("<H", 1252)
    cells = [(kind, data[:8] + data[9:]) for kind, data in (*TITLES, label(1, 0, "M"), label(1, 1, ""))]
    stream = _old_workbooks._joined([book, page], [(b"\x02S\xe9", [book, *cells])])
    names = [name.ljust(8, "\0").encode("utf-16-le") for name in ("Workbook", "Book")]
    sheet = read(_old_workbooks._compound(stream).replace(*names))
    assert (sheet.rows, sheet.name) == ([HEADER, ["M", None, None]], "Sé")


def test_texts_of_an_old_workbook_that_run_over_several_records():
    wide = "grüße ☂ x".encode("utf-16-le")
    table = struct.pack("<II", 2, 2) + struct.pack("<HB", 3, 0) + b"Ref" + struct.pack("<HB", 9, 1) + wide[:6]
    book = [(0xFC, table), (0x3C, b"\x01" + wide[6:])]
    cells = [(0xFD, struct.pack("<HHHI", k, 0, 0, k)) for k in range(2)]
    assert read(old_book(*cells, book=book)).rows == [["Ref"], ["grüße ☂ x"]]
    assert "unpacks to far" in refusal(
        old_book(*cells, book=book), rules=RULES.replaced(workbook_text_megabytes_most=0)
    )


def test_small_stream_of_an_old_workbook():
    """A stream of less than 4,096 bytes lies in sectors of 64 bytes within a stream of their own."""
    stream = _old_workbooks._joined([BOF], [(b"\x01\x00S", [BOF, *TITLES])])
    assert len(stream) < 512
    content = bytearray(_old_workbooks._compound(stream))
    count = -(-len(stream) // 64)
    content[56:60] = struct.pack("<I", 4096)
    content[60:68] = struct.pack("<II", 3, 1)
    content[4096 + 116 : 4096 + 120] = struct.pack("<I", 1)
    content[4096 + 128 + 116 : 4096 + 128 + 124] = struct.pack("<II", 0, len(stream))
    content += struct.pack(f"<{count}I", *range(1, count), 0xFFFFFFFE).ljust(4096, b"\xff")
    content[3 * 4096 + 12 : 3 * 4096 + 16] = struct.pack("<I", 0xFFFFFFFE)
    assert read(bytes(content)).rows == [HEADER]


def with_entry(name, kind):
    """Put a further entry into the directory of the old workbook."""
    at = OLD_BOOK.find("Root Entry".encode("utf-16-le")) + 2 * 128
    spelled = name.encode("utf-16-le") + b"\0\0"
    made = spelled.ljust(64, b"\0") + struct.pack("<HB", len(spelled), kind) + OLD_BOOK[at + 67 : at + 128]
    return OLD_BOOK[:at] + made + OLD_BOOK[at + 128 :]


STREAM = _old_workbooks._workbook_stream(OLD_BOOK)
OLD_HOSTILE = {
    "first bytes only": (b"\xd0\xcf\x11\xe0" + b"\1" * 99, "is a damaged workbook"),
    "cut": (OLD_BOOK[:3_000], "is a damaged workbook"),
    "ring": (OLD_BOOK[:48] + struct.pack("<I", 0x7FFFFFFF) + OLD_BOOK[52:], "is a damaged workbook"),
    "macros": (with_entry("_VBA_PROJECT_CUR", 1), "holds macros"),
    "encrypted": (with_entry("EncryptedPackage", 2), "is locked with a password"),
    "embedded": (with_entry("MBD0001", 1), "holds another file inside"),
    "not a workbook": (OLD_BOOK.replace("Workbook".encode("utf-16-le"), "WordDocu".encode("utf-16-le")), "old Office"),
    "locked": (old_book(*TITLES, book=[(0x2F, b"\0\0" * 3)]), "is locked with a password"),
    "links": (old_book(*TITLES, book=[(0x1AE, b"\x01\x00\x05\x00\x00book1")]), "is linked to other workbooks"),
    "far": (old_book(*TITLES, number(65_535, 255)), "as far as row 65536 and column 256"),
    "huge claim": (old_book(*TITLES, book=[(0xFC, struct.pack("<II", 1, 0x7FFFFFFF))]), "is a damaged workbook"),
    "long record": (_old_workbooks._compound(STREAM[:2] + b"\xff\xff" + STREAM[4:]), "is a damaged workbook"),
    "no records": (_old_workbooks._compound(b""), "is a damaged workbook"),
    "short cell": (old_book((0x203, b"\0\0")), "is a damaged workbook"),
    "merged without end": (old_book(*TITLES, (0xE5, b"\xff\xff")), "is a damaged workbook"),
}


@pytest.mark.parametrize("name", OLD_HOSTILE)
def test_hostile_old_workbooks(name):
    content, message = OLD_HOSTILE[name]
    assert message in refusal(content)


def test_own_sheets_as_target_of_links_are_no_links():
    assert read(old_book(*TITLES, book=[(0x1AE, b"\x01\x00\x01\x04")])).columns == FULL


def test_macro_sheet_of_an_old_workbook():
    at = STREAM.find(b"\x85\x00")
    assert "holds macros" in refusal(_old_workbooks._compound(STREAM[: at + 9] + b"\x01" + STREAM[at + 10 :]))


# ---- XML -------------------------------------------------------------------------------------------------

ISB = {
    "shape": "isb1594",
    "columns": {
        "arrival": ["ARRIVAL DATE AND TIME AT ACCIDENT AND EMERGENCY DEPARTMENT", "Arrival Date and Time"],
        "method": "ASSAULT METHOD",
        "location_text": "ASSAULT LOCATION DESCRIPTION",
    },
    "optional": ["location_text"],
}
PERIOD = "<ReportingPeriodStartDate>2024-03-01</ReportingPeriodStartDate><ReportingPeriodEndDate>2024-03-31"
PERIOD += "</ReportingPeriodEndDate><SiteCodeOfTreatment> S1 </SiteCodeOfTreatment>"
ONE = "<Assault><ArrivalDateAndTime>2024-03-05T22:10:00</ArrivalDateAndTime><AssaultMethod>FI</AssaultMethod>"
ONE += "<AssaultLocationDescription> the Swan,\n High St </AssaultLocationDescription></Assault>"
TWO = "<Assault><AssaultMethod>KN</AssaultMethod><Ward/><ArrivalDateAndTime>2024-03-06</ArrivalDateAndTime></Assault>"
OPENING = [
    ["reporting period start date", "reporting period end date", "site code of treatment"],
    ["2024-03-01", "2024-03-31", "S1"],
]


def test_xml_of_the_minimum_data_set():
    xml = f"<?xml version='1.0'?><!-- c --><Submission xmlns='urn:x'><Period>{PERIOD}</Period><All>{ONE}{TWO}</All>"
    sheet = read(xml + "</Submission>", ISB)
    assert sheet.rows == [
        *OPENING,
        ["Arrival Date And Time", "Assault Method", "Assault Location Description", "Ward"],
        ["2024-03-05T22:10:00", "FI", "the Swan,\n High St", None],
        ["2024-03-06", "KN", None, None],
    ]
    assert (sheet.header, sheet.carrier) == (2, "xml")
    assert sheet.columns == {"arrival": 0, "method": 1, "location_text": 2}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"<S>{PERIOD}", "</S>"),
        (f"<S><H><P>{PERIOD}</P></H><All><Month>", "</Month></All></S>"),
        (f"<n:S xmlns:n='urn:y'><n:P>{PERIOD}</n:P>", "</n:S>"),
    ],
)
def test_records_are_the_repeated_element_with_most_known_names(before, after, count):
    sheet = read(before + ONE * count + after, ISB)
    assert sheet.rows[:2] == OPENING
    assert [row[1] for row in sheet.rows[3:]] == ["FI"] * count


def test_names_in_any_spelling_groups_within_records_and_repeats():
    record = "<REC><WHEN><ARRIVAL_DATE_AND_TIME>x</ARRIVAL_DATE_AND_TIME></WHEN><assault-method>FI</assault-method>"
    record += "<assault-method>KN</assault-method></REC>"
    sheet = read(f"<S><REPORTING_PERIOD_START_DATE>d</REPORTING_PERIOD_START_DATE>{record}{record}<REC/></S>", ISB)
    assert sheet.rows[0] == ["reporting period start date"]
    assert sheet.rows[3:] == [["x", "FI"], ["x", "FI"], [None, None]]
    assert sheet.columns == {"arrival": 0, "method": 1}


def test_period_without_records_reads_as_a_header_without_records():
    sheet = read(f"<S><P>{PERIOD}</P><Assaults/></S>", ISB)
    assert sheet.rows[:2] == OPENING
    assert (len(sheet.rows), sheet.header, len(sheet.columns)) == (3, 2, 3)
    assert read(f"<S><P>{PERIOD}</P><Assaults/></S>", ISB | {"shape": "trust"}).columns == {}


@pytest.mark.parametrize("body", [f"<P>{PERIOD}</P><Attack><Means>FI</Means></Attack>", "<a>1</a>", ""])
def test_xml_of_other_names_has_no_header(body):
    sheet = read(f"<S>{body}</S>", ISB)
    assert (sheet.header, sheet.columns) == (-1, {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_xml_in_its_declared_encoding(encoding):
    declared = encoding.removesuffix("-sig")
    xml = f"<?xml version='1.0' encoding='{declared}'?><S>{ONE.replace('Swan', 'Café')}{TWO}</S>"
    assert read(xml.encode(encoding), ISB).rows[3][2] == "the Café,\n High St"


BILLION = "<!DOCTYPE a [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;'>]>"
XML_HOSTILE = {
    "entities": (f"<?xml version='1.0'?>{BILLION}<S>{ONE}</S>", "declares a document type or entities"),
    "external": ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><S/>", "declares a document type or entities"),
    "malformed": (f"\n<S>\n{ONE}\n<Where>{SECRET}</S>", "Line 5 of 'S1.dat' is not well-formed XML"),
    "cut": (f"<S>\n{ONE}\n", "Line 4 of 'S1.dat' is not well-formed XML"),
    "deep": ("<a>" * 21 + "</a>" * 21, "is nested deeper or has more elements"),
    "attributes": ("<a " + " ".join(f"a{k}='1'" for k in range(21)) + "/>", "is nested deeper or has more elements"),
    "unknown encoding": ("<?xml version='1.0' encoding='klingon'?><a/>", "declares an encoding that cannot be read"),
    "multi-byte encoding": ("<?xml version='1.0' encoding='utf-7'?><a/>", "declares an encoding that cannot be read"),
    "web page": ("<?xml version='1.0'?><html xmlns='h'><p>x</p></html>", "is a web page, which cannot be read"),
    "spreadsheet": ("<?xml version='1.0'?><Workbook xmlns='urn:x'/>", "is a spreadsheet in the XML form of 2003"),
}


@pytest.mark.parametrize("name", XML_HOSTILE)
def test_hostile_xml(name):
    content, message = XML_HOSTILE[name]
    assert message in refusal(content, ISB)


def test_xml_with_too_many_elements_rows_or_names():
    assert "has more elements" in refusal(f"<S>{ONE * 4}</S>", ISB, RULES.replaced(xml_elements_most=16))
    assert "has more records or kinds" in refusal(f"<S>{ONE * 4}</S>", ISB, RULES.replaced(rows_most=6))
    assert "has more records or kinds" in refusal(f"<S>{ONE}{TWO}</S>", ISB, RULES.replaced(columns_most=3))


# ---- nothing but a sheet or a refusal --------------------------------------------------------------------

BOOK = workbook(("S", [["Assaults"], HEADER, ["1", clock(2024, 3, 5), SECRET], [2, "=1+1", True], ["Total", 2]]))
STORED = archive(
    PARTS | {SHEET1: f'<worksheet xmlns="{MAIN}"><sheetData><row r="1">{NAMES}</row>{CELL}</sheetData></worksheet>'},
    zipfile.ZIP_STORED,
)
SAMPLES = {
    "csv": f'title\n{TOP}1,x,"a\nb"\n2,"{SECRET}",y\n'.encode(),
    "utf-16": TEXT.encode("utf-16"),
    "xlsx": BOOK,
    "stored": STORED,
    "xls": OLD_BOOK,
    "xml": f"<?xml version='1.0'?><S><P>{PERIOD}</P>{ONE}{TWO}<Assault><Where>{SECRET}</Where></Assault></S>".encode(),
}


def sheet_or_refusal(content):
    for layout in (LAYOUT, ISB, {}):
        message, sheet = ".", None
        try:
            sheet = read(content, layout)
        except errors.IntakeError as error:
            message = str(error)
        assert message.endswith(".")
        assert SECRET not in message
        if sheet:
            assert -1 <= sheet.header < max(len(sheet.rows), 1)
            assert all(place < len(sheet.rows[sheet.header]) for place in sheet.columns.values())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<", b"\xff\xfe"]), st.binary())
def test_any_bytes(opening, content):
    sheet_or_refusal(opening + content)


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cut_and_corrupted_files(name, data):
    content = bytearray(SAMPLES[name])
    places = st.integers(0, len(content) - 1)
    if data.draw(st.booleans()):
        del content[data.draw(places) :]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(places)
        content[at : at + 1] = data.draw(st.binary(max_size=4))
    sheet_or_refusal(bytes(content))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_corrupted_parts_of_a_sound_archive(data):
    with zipfile.ZipFile(io.BytesIO(STORED)) as book:
        parts = {name: bytearray(book.read(name)) for name in book.namelist()}
    part = parts[data.draw(st.sampled_from(sorted(parts)))]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(part) - 1))
        part[at : at + 1] = data.draw(
            st.sampled_from([b"", b"<", b">", b'"', b"9", b"Z", b"&", b"\xff", b" r=", b"/>"])
        )
    sheet_or_refusal(archive({name: bytes(part) for name, part in parts.items()}))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_corrupted_records_of_a_sound_compound_file(data):
    stream = bytearray(STREAM)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at : at + 1] = data.draw(st.sampled_from([b"\0", b"\xff", b"\x06", b"\xff\xff", b""]))
    sheet_or_refusal(_old_workbooks._compound(bytes(stream)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text("ab \"',;\n\r\t|é"), min_size=2, max_size=5), min_size=1, max_size=8))
def test_rows_of_proper_text_files_arrive_unchanged(rows):
    out = io.StringIO()
    writer = _readers.csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    sheet = read(out.getvalue(), LAYOUT | {"encoding": "utf-8"})
    assert sheet.rows == [HEADER, *rows]
