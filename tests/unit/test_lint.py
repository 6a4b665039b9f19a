"""What keeps a notebook or a page from being published."""

import base64
import hashlib

import pytest
from markupsafe import escape
from nbformat import v4

from istv_lib import _lint, _page
from tests.unit.made_pages import ALT, CSV, cell, figure, headline, notebook, output, page, png, table

SECRET = "12 Acacia Avenue"


def faults(*outputs, audience="public", lead=None):
    return _lint.check_notebook(notebook(cell(*outputs), lead=lead), audience)


def test_a_good_notebook_has_no_fault():
    assert faults(figure(), table()) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (v4.new_output("stream", text=SECRET), "prints text"),
        (v4.new_output("error", ename="ValueError", evalue=SECRET, traceback=[SECRET]), "ended in an error"),
        (v4.new_output("execute_result", data={"text/html": f"<table><tr><td>{SECRET}</td></tr></table>"}), "stamp"),
        (v4.new_output("display_data", data={"image/png": png(), "text/plain": SECRET}), "stamp"),
        (figure(digest="0" * 64), "changed after it was stamped"),
        (figure(alt=""), "missing"),
        (figure(alt="No description has been provided for this image"), "placeholder"),
        (figure(alt="A line chart."), "shorter than 20"),
        (figure(alt="Line chart. " * 60), "longer than 600"),
        (figure(content="bm90IGEgcGljdHVyZQ=="), "not a PNG"),
        (figure(audience="partner", rule="partner_exact"), "not for the public audience"),
        (figure(audience="internal", rule="internal_exact"), "not for the public audience"),
        (figure(audience="everyone"), "not for the public audience"),
        (figure(rule="partner_exact"), "another rule"),
        (figure(synthetic="mixed"), "never published"),
        (output("words", "said", {"text/html": "<p>hello</p>"}), "other formats"),
        (output("words", "said", {"text/markdown": "a", "application/javascript": "b"}), "other formats"),
        (output("table", "t", {"text/html": "<table></table>"}), "other formats"),
        (output("widget", "w", {"text/html": "x"}), "stamp"),
        (output("words", "Said So", {"text/markdown": "x"}), "stamp"),
        (table(csv="period_start,value\n2026-03,60\n"), "no column 'synthetic'"),
        (table(csv="table,synthetic\na,b\n"), "'table'"),
        (table(csv="a,synthetic\na,b,c\n"), "different length"),
        (table(csv=""), "no column 'synthetic'"),
    ],
)
def test_a_fault_is_one_sentence_with_the_cell_and_without_the_content(bad, said):
    found = faults(bad)
    assert len(found) == 1
    assert "ell 4 " in found[0]
    assert said in found[0]
    assert found[0].count(". ") == 0
    assert SECRET not in found[0]


def test_a_partner_page_may_hold_public_blocks_but_not_internal_ones():
    assert faults(figure(), figure(audience="partner", rule="partner_exact"), audience="partner") == []
    assert len(faults(figure(audience="internal", rule="internal_exact"), audience="partner")) == 1


def test_a_mixed_block_may_stand_on_a_partner_page():
    assert faults(figure(synthetic="mixed"), audience="partner") == []


def test_a_cell_that_was_not_run_is_a_fault_and_an_empty_one_is_not():
    made = notebook(cell(count=None), cell(source="", count=None))
    assert _lint.check_notebook(made, "public") == ["Cell 4 was not executed; run the notebook from top to bottom."]


def test_a_notebook_needs_a_headline():
    assert "no headline" in faults(lead=figure())[0]


def test_two_tables_of_one_name_would_share_rows_of_the_csv():
    assert "own name" in faults(table(), table())[0]


def test_every_fault_is_told():
    assert len(faults(v4.new_output("stream", text="a"), figure(alt=""), figure(digest="00"))) == 3


SIX = "One. Two. Three. Four. Five. Six."
FLAT = "measure,period_start,value,lower,upper,flags,status,synthetic\n"
USUAL = FLAT + "attendances,2026-03,60,,,tested,final,True\n"
HIGH = FLAT + "attendances,2026-03,90,,,tested;above_limit,final,True\n"
GATED = HIGH.replace("final", "gated")
WITHHELD = HIGH.replace(",90,", ",,")
EARLIER = HIGH.replace("03,90", "02,90") + USUAL.splitlines()[1] + "\n"
CLEAR = FLAT + "ratio_of_ratios,2026-03,0.7,0.6,0.8,,final,True\n"
UNCLEAR = CLEAR.replace("0.8", "1.1")


def test_a_public_headline_has_at_most_five_sentences():
    assert "6 sentences" in faults(lead=headline(SIX))[0]
    assert faults(lead=headline(SIX, audience="partner", rule="partner_exact"), audience="partner") == []


@pytest.mark.parametrize(
    ("text", "csv", "fine"),
    [
        ("That is higher than the expected range.", HIGH, True),
        ("That is higher than the expected range.", USUAL, False),
        ("That is higher than the expected range.", GATED, False),
        ("That is higher than the expected range.", WITHHELD, False),
        ("That is lower than the expected range.", HIGH, False),
        ("Attendances fell by 30%.", CLEAR, True),
        ("Attendances rose by 30%.", CLEAR, False),
        ("Attendances fell by 30%.", UNCLEAR, False),
        ("Attendances fell by 30%.", USUAL, False),
        ("Attendances increased.", USUAL, False),
        ("There is no clear change.", USUAL, True),
    ],
)
def test_a_direction_is_claimed_only_where_a_released_row_bears_it_out(text, csv, fine):
    told = [
        faults(table(csv=csv), lead=headline(text)),
        faults(table(csv=csv), output("words", "a", {"text/markdown": text})),
    ]
    told.append(faults(table(csv=csv), figure(alt=f"Line chart of attendances in Camden. {text}")))
    told.append(faults(table(csv=csv), figure(heading=text)))
    assert [bool(found) for found in told] == [not fine] * 4


def test_a_headline_speaks_of_the_newest_month():
    assert faults(table(csv=EARLIER), lead=headline("That is higher than usual.")) != []
    assert faults(table(csv=EARLIER), figure(heading="Higher than expected in February 2026")) == []


def html(*outputs, **over):
    return _page.render(notebook(cell(*outputs)), page(**over))


GOOD = html(figure(), table())


def test_a_good_page_has_no_fault():
    assert _lint.check_page(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</main>", "<h1>Again</h1></main>", "2 main headings"),
        ("</main>", "<script>1</script></main>", "<script>"),
        ("</main>", '<iframe src="x"></iframe></main>', "<iframe>"),
        ("</main>", '<p onclick="x()">a</p></main>', "event handler"),
        ("</main>", '<img src="https://example.org/a.png" alt="' + ALT + '"></main>', "fetched from elsewhere"),
        ("</main>", '<a href="https://example.org/">a</a></main>', "does not list"),
        ("</main>", '<a href="javascript:alert(1)">a</a></main>', "does not list"),
        ("</main>", '<a href="/srv/hub">a</a></main>', "does not list"),
        ("</main>", '<a href="//example.org/">a</a></main>', "does not list"),
        ("</main>", "<table><tr><th scope=col>a</table></main>", "no caption"),
        ("</main>", "<table><caption>a</caption><tr><th>a</table></main>", "without a scope"),
        ("</main>", "<table><caption>a</caption><tr><td>a</table></main>", "no header cells"),
        ("</main>", "<h4>Too deep</h4></main>", "skips a level"),
        ("</main>", '<p id="main">a</p></main>', "same id"),
        ("</style>", "@import 'x.css';</style>", "stylesheet fetches"),
        ("<title>", '<meta http-equiv="refresh" content="0"><title>', "sends the reader elsewhere"),
        ("<title>", '<link rel="stylesheet" href="https://example.org/a.css"><title>', "does not list"),
        ("invented for demonstration", "made", "lacks the banner"),
        ("noindex", "index", "search engines"),
        ("; base-uri", "; script-src *; base-uri", "content security policy"),
        ('lang="en-GB"', 'lang="fr"', "language"),
        ('content="synthetic"', 'content="perhaps"', "does not say"),
        (f'alt="{ALT}"', "", "alternative text is missing"),
        (f'alt="{ALT}"', 'alt="Line chart of the newest numbers by month."', "which place and what is counted"),
        (f'alt="{ALT}"', 'alt="Line chart of attendances by month."', "which place and what is counted"),
        (f'alt="{ALT}"', 'alt="Line chart of the numbers in Camden."', "which place and what is counted"),
        ("</figure>", f'<img src="data:image/png;base64,AA" alt="{ALT}"></figure>', "same alternative text"),
        ("</main>", '<svg class="spark"><path d="M0 0"/></svg></main>', "<svg>"),
        ("</main>", '<div class="plotly-graph-div"></div></main>', "plotly"),
    ],
)
def test_a_spoilt_page_is_refused(old, new, said):
    assert old in GOOD
    assert any(said in fault for fault in _lint.check_page(GOOD.replace(old, new, 1)))


def test_a_page_that_is_too_large_is_refused():
    assert "bytes" in _lint.check_page(GOOD.replace("</main>", "<p>" + "a " * 250_000 + "</p></main>"))[0]


def test_the_hub_may_draw_what_holds_no_data_and_its_lines():
    hub = GOOD.replace('class="page"', 'class="hub"')
    for fine in ('<svg class="silhouette"></svg>', '<svg class="spark"></svg>', '<div class="chart"><svg></svg></div>'):
        assert _lint.check_page(hub.replace("</main>", f"{fine}</main>")) == []
    assert any("<svg>" in fault for fault in _lint.check_page(hub.replace("</main>", "<svg></svg></main>")))


def test_the_hub_index_alone_may_have_one_script_with_its_hash():
    script = 'document.querySelector("main");'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = GOOD.replace(str(escape(_page.CSP)), f"{_page.CSP}; script-src 'sha256-{digest}'")
    index = policy.replace('class="page"', 'class="hub"').replace("</body>", f"<script>{script}</script></body>")
    assert _lint.check_page(index) == []
    spoilt = {
        "a page": index.replace('class="hub"', 'class="page"'),
        "another script": index.replace(script, "alert(1);"),
        "two scripts": index.replace("</body>", f"<script>{script}</script></body>"),
        "a fetched script": index.replace("<script>", '<script src="a.js">'),
        "no hash": index.replace(f"; script-src 'sha256-{digest}'", ""),
        "a loose policy": index.replace(f"'sha256-{digest}'", "'unsafe-inline'"),
    }
    assert [name for name, page in spoilt.items() if not _lint.check_page(page)] == []


@pytest.mark.parametrize(
    "word",
    [
        "hidden",
        "hot spot",
        "hot spots",
        "hotspot",
        "Unreported",
        "over-policed",
        "caused",
        "crime",
        "Crimes",
        "record  high",
    ],
)
def test_words_never_used_of_these_data(word):
    for tail in (f"<p>a {word} b</p></main>", f'<p title="{word}">a</p></main>', f"<p>a <em>{word}</em></p></main>"):
        assert any("never said" in fault for fault in _lint.check_page(GOOD.replace("</main>", tail)))


@pytest.mark.parametrize(
    "text",
    [
        "data.police.uk",
        "the Crime and Disorder Act 1998",
        "the Mayor’s Office for Policing and Crime",
        "police recorded crime",
        "[c] hidden for confidentiality",
        "Crimestoppers",
        "the hiddenness",
        "a record highlighted",
    ],
)
def test_names_and_longer_words_are_left_alone(text):
    assert _lint.check_page(GOOD.replace("</main>", f"<p>{text}</p></main>")) == []


def test_a_partner_page_needs_its_mark_twice():
    text = html(audience="partner", root="")
    assert _lint.check_page(text) == []
    assert "OFFICIAL-SENSITIVE" in _lint.check_page(text.replace("OFFICIAL-SENSITIVE", "OPEN", 1))[0]


def test_a_csv_value_is_not_shown_in_a_fault():
    assert not any("60" in fault for fault in faults(table(csv=CSV.replace("synthetic", "x"))))


def test_a_headline_may_come_late():
    made = notebook(cell(headline()), lead=figure())
    assert _lint.check_notebook(made, "public") == []
