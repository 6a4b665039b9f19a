"""One notebook as one page."""

import base64
import csv
import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from nbformat import v4
from PIL.PngImagePlugin import PngInfo

from istv_lib import _clean, _page, _stamps, params
from tests.unit.made_pages import ALT, CSV, TABLE, cell, figure, headline, notebook, output, page, png, table


def tree(*cells, lead=None, **over):
    return lxml_html.document_fromstring(_page.render(notebook(*cells, lead=lead), page(**over)))


def test_the_title_and_the_opening_stand_in_the_head_and_code_does_not():
    text = _page.render(notebook(cell(figure(), source="secret_call()")), page())
    top = lxml_html.document_fromstring(text)
    assert [h.text for h in top.iter("h1")] == ["Camden borough profile, March 2026"]
    assert top.findtext(".//title") == "SYNTHETIC: Camden borough profile, March 2026"
    assert "Who reads this and why." in top.find(".//main/header").text_content()
    assert "secret_call" not in text
    assert "Borough profile<" not in text


def test_sections_have_headings_with_their_own_ids_and_are_listed():
    top = tree(cell(table()), v4.new_markdown_cell("## How many?\n\nAgain."))
    ids = [a.get("href") for a in top.find_class("side")[0].iter("a")]
    assert ids[:2] == ["#how-many", "#how-many-2"]
    assert top.get_element_by_id("how-many-2").tag == "h2"


def test_a_figure_has_its_text_size_number_and_caption():
    top = tree(cell(figure(content=png(1200, 600)), figure(name="more")))
    first, second = top.iter("figure")
    image = first.find("img")
    assert (image.get("alt"), image.get("width"), image.get("height")) == (ALT, "704", "352")
    assert first.find("figcaption").text_content().strip() == "Figure 1. trend"
    assert second.find("figcaption").text_content().strip().startswith("Figure 2.")
    assert first.findall(".//h3") + first.find_class("note") == []


def test_a_figure_is_headed_by_what_it_comes_to_and_says_what_it_rests_on():
    top = tree(cell(figure(heading="No clear change in March 2026", note="n = 60 attendances.")))
    (each,) = top.iter("figure")
    assert each.findtext(".//h3") == "No clear change in March 2026"
    assert [node.text for node in each.find_class("note")] == ["n = 60 attendances."]
    levels = [int(node.tag[1]) for node in top.find_class("content")[0].iter("h1", "h2", "h3")]
    assert levels == [2, 2, 3, 2]


def test_a_table_under_a_figure_is_folded_and_another_is_not():
    said = output("words", "said", {"text/markdown": "No clear change."})
    top = tree(cell(figure(), said, table()), cell(table(name="more")))
    folded, plain = top.iter("table")
    assert folded.getparent().getparent().tag == "details"
    assert plain.getparent().getparent().tag == "section"
    for each in (folded, plain):
        frame = each.getparent()
        assert (frame.get("role"), frame.get("tabindex"), bool(frame.get("aria-label"))) == ("region", "0", True)
        assert each.find("caption").text == "Attendances by month"
        assert {c.get("scope") for c in each.iter("th")} == {"col", "row"}
        assert each.get("class") == "istv"


def test_a_table_of_other_numbers_is_not_folded_under_a_figure():
    other = tree(cell(figure(), table(release="ffff")))
    assert list(other.iter("details")) == []
    assert [a.get("href") for a in csv_links(other.find(".//figure"))] == []
    picked = tree(cell(figure(name="weapons"), table(name="weapons", release="ffff")))
    assert len(list(picked.iter("details"))) == 1


def test_only_stamped_outputs_and_text_reach_the_page():
    bare = v4.new_output("execute_result", data={"text/html": "<b>Acacia</b>", "text/plain": "Acacia"})
    text = _page.render(notebook(cell(bare, v4.new_output("stream", text="Acacia"))), page())
    assert "Acacia" not in text
    assert "&lt;words&gt;" not in text


PAYLOADS = [
    "<script>alert(1)</script>",
    '<svg onload="alert(1)"><a xlink:href="javascript:alert(1)">x</a></svg>',
    '<img src="x" onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    '<a href="data:text/html,x" style="background:url(https://example.org)">x</a>',
    "</table></div></main><script>alert(1)</script>",
    '<iframe src="https://example.org"></iframe><base href="https://example.org">',
    "<style>@import 'https://example.org';</style>",
    "{{ 7 * 7 }}{% raw %}",
    "```mermaid\ngraph\n```",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_that_would_run_or_fetch_is_made_harmless(payload):
    cells = (
        v4.new_markdown_cell(f"## What? {payload}\n\n{payload}"),
        cell(output("words", "said", {"text/markdown": payload}), table(html=TABLE.replace("[c]", payload))),
        cell(figure(alt=f"{ALT} {payload}", title=payload)),
    )
    top = tree(*cells, lead=headline(payload), title=payload)
    tags = {node.tag for node in top.iter() if isinstance(node.tag, str)}
    assert not tags & {"script", "iframe", "svg", "base", "object", "form"}
    assert len(top.findall(".//style")) == 1
    for node in top.iter():
        assert not any(name.startswith("on") or name == "style" for name in node.attrib)
        assert not (node.get("href") or "").startswith(("javascript:", "data:", "https://example"))
        assert not (node.get("src") or "").startswith("http")
    assert "49" not in top.find(".//h1").text_content()


@given(st.text(max_size=80))
def test_any_text_is_harmless(text):
    top = lxml_html.fragment_fromstring(_clean.markdown(text), create_parent="div")
    assert not {n.tag for n in top.iter() if isinstance(n.tag, str)} & {"script", "img", "svg", "style", "iframe"}


def test_control_characters_vanish():
    assert _clean.markdown("a\x0cb\x00c") == "<p>abc</p>"


def test_a_markdown_table_gets_caption_scopes_and_a_frame():
    text = _clean.markdown("## Counts\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nAfter & <b>more</b>")
    top = lxml_html.fragment_fromstring(text, create_parent="div")
    made = top.find(".//table")
    assert made.findtext("caption") == "Counts"
    assert {c.get("scope") for c in made.iter("th")} == {"col"}
    assert made.getparent().get("class") == "scroll"
    assert "After & more" in top.text_content()


def test_two_tables_under_one_heading_have_names_of_their_own():
    text = _clean.markdown("## Counts\n\n| a |\n|---|\n| 1 |\n\nThen\n\n| b |\n|---|\n| 2 |\n")
    top = lxml_html.fragment_fromstring(text, create_parent="div")
    assert [node.get("aria-label") for node in top.find_class("scroll")] == ["Counts", "Counts (2)"]


def test_kinds_and_audiences_say_what_they_are():
    assert "invented for demonstration" in tree().text_content()
    real = tree(kind="real", status="")
    assert "invented" not in real.text_content()
    assert real.xpath("//meta[@name='robots']") == []
    assert real.findtext(".//title") == "Camden borough profile, March 2026"
    partner = tree(kind="mixed", audience="partner", root="")
    assert "MIXED REAL AND SYNTHETIC" in partner.text_content()
    marks = partner.find_class("watermark")
    assert [m.text for m in marks] == ["OFFICIAL-SENSITIVE"] * 2
    assert partner.xpath("//meta[@name='robots']")[0].get("content") == "noindex, nofollow"
    assert partner.xpath("//nav[@aria-label='Main']") == []


def test_every_page_says_its_standing_and_where_to_find_help():
    said = tree().text_content()
    for words in ("Management information, not official statistics", "116 123", "999", "Victim and Witness", "abc"):
        assert words in said


def test_links_are_relative_and_follow_the_place_of_the_page():
    permanent, moved = tree(cell(table())), tree(cell(table()), root="../../", folder="../2026-03/v1/")
    assert permanent.xpath("//link[@rel='canonical']/@href") == ["index.html"]
    assert moved.xpath("//link[@rel='canonical']/@href") == ["../2026-03/v1/index.html"]
    ways = [[a.get("href") for a in page.iter("a") if ".csv" in a.get("href")] for page in (permanent, moved)]
    assert ways == [["months-SYNTHETIC.csv"] * 2, ["../2026-03/v1/months-SYNTHETIC.csv"] * 2]
    assert permanent.xpath("//a[contains(@href, 'datapackage')]/@href") == ["datapackage.json"]
    assert moved.xpath("//a[contains(@href, 'datapackage')]/@href") == ["../2026-03/v1/datapackage.json"]
    assert permanent.find_class("brand")[0].get("href") == "../../../index.html"
    assert moved.find_class("brand")[0].get("href") == "../../index.html"


def test_a_second_version_names_the_first():
    assert tree(version=2).xpath("//a[contains(@href, 'v1/')]/@href") == ["../v1/index.html"]


def csv_links(node):
    return [a for a in node.iter("a") if a.get("href", "").endswith(".csv")]


def test_a_csv_stands_beside_each_chart_and_table_and_in_the_list_at_the_end():
    top = tree(cell(figure(), table()), cell(table(name="more", title="More")), kind="real")
    beside = [csv_links(node)[0] for node in (top.find(".//figure"), top.find(".//details"))]
    assert [a.get("href") for a in beside] == ["months.csv", "months.csv"]
    size = len(_stamps.csv_file(_stamps.blocks(notebook(cell(table())))[-1]))
    assert {a.text_content() for a in beside} == {f"CSV, {size} bytes: months"}
    listed = [(a.get("href"), a.text) for a in csv_links(top.find_class("files")[0])]
    assert listed == [("months.csv", "months"), ("more.csv", "More")]
    assert f"(CSV, {size} bytes)" in top.find_class("files")[0].text_content()
    assert all(a.get("download") is not None for a in csv_links(top))
    assert len([a for a in csv_links(top) if a.get("href") == "more.csv"]) == 2
    assert top.find_class("button")[0].get("href") == "#download"


def test_a_page_without_numbers_offers_no_download():
    assert tree().find_class("button") + tree().find_class("files") == []


def test_pages_that_share_a_folder_have_a_prefix_and_partners_no_description():
    top = tree(cell(table()), csv_prefix="40__camden-", audience="partner", root="", folder="")
    assert {a.get("href") for a in csv_links(top)} == {"40__camden-months-SYNTHETIC.csv"}
    assert top.xpath("//a[contains(@href, 'datapackage')]") == []


def test_sizes_are_told_as_people_read_them():
    assert _page.size_text(999) == "999 bytes"
    assert _page.size_text(12_499) == "12 KB"


def test_the_csv_of_each_table_is_its_released_rows_and_runs_no_formula():
    found = _stamps.blocks(
        notebook(cell(table(), table(name="weapons", csv="stratum,value,synthetic\n=1+1,-5,True\n@a,[c],True\n")))
    )
    months_, weapons = (block for block in found if block.kind == "table")
    assert _stamps.csv_file(months_) == CSV.encode()
    rows = list(csv.DictReader(io.StringIO(_stamps.csv_file(weapons).decode())))
    assert [row["stratum"] for row in rows] == ["'=1+1", "'@a"]
    assert [row["value"] for row in rows] == ["-5", "[c]"]
    assert _stamps.csv_name("weapons", "real") == "weapons.csv"
    assert _stamps.csv_name("weapons", "synthetic") == "weapons-SYNTHETIC.csv"


def test_a_picture_carries_no_text_of_its_own():
    note = PngInfo()
    note.add_text("Author", "Somebody")
    plain = _stamps.png_plain(png(pnginfo=note))
    assert b"Somebody" in base64.b64decode(png(pnginfo=note))
    assert b"Somebody" not in base64.b64decode(plain)
    assert _stamps.png_size(plain) == (40, 20)


def test_the_rule_is_told_from_the_parameters(monkeypatch):
    assert "counts of 1 to 7 are not shown" in _page.rule_note("public")
    assert _page.rule_note("internal") == "Counts are exact."
    gate = params.file("disclosure")
    changed = gate["rules"] | {"nhs_hes": gate["rules"]["nhs_hes"] | {"hide_to": 9, "base": 10}}
    monkeypatch.setattr(params, "file", lambda name: gate | {"rules": changed})
    assert "1 to 9" in _page.rule_note("public")
    assert "nearest 10" in _page.rule_note("public")


def test_the_same_bytes_under_another_seed_zone_and_folder(tmp_path):
    script = (
        "from tests.unit.made_pages import *; from istv_lib import _page, store; import sys;"
        "made = notebook(cell(figure(), table()));"
        "sys.stdout.write(store.sha256(_page.render(made, page()).encode()))"
    )
    home = params.home()
    seen = set()
    for seed, zone, folder in (("1", "UTC", home), ("2", "Pacific/Auckland", tmp_path)):
        environment = {
            "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(home), "ISTV_HOME": str(home), "LC_ALL": "C",
            "HOME": str(folder),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        seen.add(done.stdout)
    assert len(seen) == 1
    assert len(seen.pop()) == 64


def test_contrast_of_text_is_at_least_aa():
    pairs = [
        ("#353d42", "#ffffff"), ("#56616a", "#ffffff"), ("#56616a", "#f3f5f6"), ("#12436d", "#ffffff"),
        ("#12436d", "#e6eef5"), ("#9e0059", "#fbeef5"), ("#9e0059", "#ffffff"), ("#20272c", "#fff4cc"),
        ("#ffffff", "#20272c"), ("#5b656d", "#e4e7e9"), ("#20272c", "#d3e1ec"), ("#20272c", "#ffd23f"),
        ("#ffc2e2", "#20272c"), ("#ffffff", "#333d44"), ("#12436d", "#f3f5f6"),
    ]  # fmt: skip
    sheet = str(_page.style())
    for ink, paper in pairs:
        assert all(colour in sheet or colour == "#ffffff" for colour in (ink, paper)), (ink, paper)
        assert _contrast(ink, paper) >= 4.5, (ink, paper)


def _contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
