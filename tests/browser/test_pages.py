"""Every page type in a real browser: axe-core, keyboard alone, a narrow view, print, and no request but the file."""

import base64
import io
import os

import pytest
from PIL import Image, ImageChops

from istv_lib import params
from tests.browser import conftest

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("ISTV_BROWSER" not in os.environ, reason="ISTV_BROWSER is not set; use make axe"),
]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROW = {"width": 320, "height": 640}


def audit(tab, axe):
    """Return axe's answer with everything that can be opened open."""
    tab.js("istv.open()")
    tab.js(axe)
    answer = tab.js(f"istv.axe({TAGS})")
    assert answer["passes"] > 5, "axe found hardly anything to look at"
    return answer


@pytest.mark.parametrize("view", [{}, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_violation(chromium, page, note, axe, view):
    tab = chromium.open(page, **view)
    answer = audit(tab, axe)
    for head in ("violations",) if view else ("violations", "undecided"):  # scrolled-out cells are undecided if narrow
        told = ", ".join(f"{rule['id']} ({len(rule['nodes'])})" for rule in answer[head])
        note[f"axe {head}"] = told or note.get(f"axe {head}", 0)
    assert [(rule["id"], *rule["nodes"][:3]) for rule in answer["violations"]] == []
    assert tab.js("istv.faint()") == [], "labels in a drawing"


def test_page_is_whole(chromium, page, note, sort):
    counts, size = chromium.open(page).js("istv.counts()"), page.stat().st_size
    note |= {"KB": round(size / 1000), "tables": counts["tables"], "figures": counts["figures"]}
    assert size <= params.Rules(params.file("publishing"))["page_bytes_most"], "and it is the largest of its type"
    assert (counts["h1"], counts["words"] > 60) == (1, True)
    assert (counts["broken"], counts["astray"]) == ([], []), "pictures that do not show, links to parts not there"
    if not sort.startswith("hub") and sort != "public withdrawn":
        assert min(counts["tables"], counts["figures"], counts["h2"] - 2) > 0


@pytest.mark.parametrize("policy", [True, False], ids=["policy", "no-policy"])
def test_page_asks_for_nothing_but_itself(chromium, page, policy):
    tab = chromium.open(page, policy=policy)
    tab.js("istv.open()")
    list(tab.answers(0.4))
    assert (tab.requests(), tab.errors()) == ([page.resolve().as_uri()], [])


@pytest.mark.parametrize("view", [{}, NARROW], ids=["text-spacing", "320px"])
def test_text_fits(chromium, page, view):
    tab = chromium.open(page, **view)
    tab.js("istv.open()" if view else "istv.open(), istv.space()")
    assert tab.js("istv.sideways()") <= 0
    assert tab.js("[...istv.outside(), ...istv.clipped()]") == []


def walk(tab):
    """Press Tab until the page is left; return the names of what can be reached and the stops made."""
    names, made = tab.js("istv.remember()"), {}
    for _ in range(len(names) + 20):
        tab.press("Tab")
        stop = tab.js("istv.stop()")
        if stop is None or stop["name"] in made:
            break
        made[stop["name"]] = stop
    return names, list(made.values())


def test_keyboard_alone_reaches_everything_in_order(chromium, page, note):
    names, made = walk(chromium.open(page))
    note["key stops"] = len(made)
    assert made[0]["name"].startswith("a.skip")
    assert [stop["name"] for stop in made] == names
    assert [stop["name"] for stop in made if not stop["changed"]] == [], "no sign of focus"
    assert [stop["name"] for stop in made if not stop["seen"]] == [], "focus out of sight"


def test_focus_can_be_seen(chromium, page):
    tab, unseen = chromium.open(page), []
    names = tab.js("istv.remember()")
    tab.press("Tab")
    for kind, number in {name.split(" (")[0]: number for number, name in enumerate(names)}.items():
        pictures, box = [], tab.js(f"istv.focus({number})")
        for _ in range(2):
            shot = base64.b64decode(tab.call("Page.captureScreenshot", clip=box)["data"])
            pictures.append(Image.open(io.BytesIO(shot)).convert("L"))
            tab.js("document.activeElement.blur()")
        changed = ImageChops.difference(*pictures)
        unseen += [kind] if sum(changed.histogram()[60:]) < changed.width + changed.height else []
    assert unseen == []


def test_skip_link_and_details_work_with_enter(chromium, page):
    tab, states = chromium.open(page, **NARROW), []
    for key in ("Tab", "Enter", "Tab"):
        tab.press(key)
    assert tab.js("!!document.querySelector(location.hash).closest('main')")
    assert tab.js("!document.querySelector('main :is(a, summary, input, [tabindex])') || istv.stop().main")
    details = tab.js("document.querySelector('summary')?.focus(), !!document.querySelector('summary')")
    for _ in range(2 if details else 0):
        tab.press("Enter")
        states.append(tab.js("document.activeElement.parentElement.open"))
    assert sorted(states) == ([False, True] if details else [])


def test_print_holds_the_tables(chromium, page, note):
    pypdf = pytest.importorskip("pypdf")
    headers = set(chromium.open(page).js("istv.headers()"))
    made = base64.b64decode(chromium.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    leaves = pypdf.PdfReader(io.BytesIO(made)).pages
    text = "".join("".join(leaf.extract_text() for leaf in leaves).split())
    note["print pages"] = len(leaves)
    assert (1 <= len(leaves) <= 40, len(text) > 300) == (True, True)
    assert {head for head in headers if head not in text} == set()


def test_index_works_with_and_without_script(chromium, pages):
    search = "document.querySelector('input[type=search]')"
    tab = chromium.open(pages["hub"], script=False)
    everything = tab.js("istv.areas()")
    assert len(everything) >= 33, "not every borough is linked without script"
    assert tab.js(f"!{search}?.checkVisibility()"), "a search that does nothing without script"
    tab = chromium.open(pages["hub"])
    assert tab.js("istv.areas()") == everything
    assert tab.js(f"{search}?.focus(), !!{search}"), "the index has no search"
    tab.call("Input.insertText", text="hackn")
    list(tab.answers(0.3))
    assert set(tab.js("istv.areas()")) & set(conftest.BOROUGHS.split("|")) == {"hackney"}
    assert tab.errors() == []


BAD = """<!doctype html><head><meta http-equiv="Content-Security-Policy" content="script-src 'none'"></head><body>
<h1>A</h1><h1>B</h1><p style="color:#999;background:#aaa;width:900px">Some words</p><img src="http://127.0.0.1:9/x.png">
<style>:focus{outline:none!important}</style><a href="#gone">There</a><button tabindex="3">x</button><script>1</script>
<div style="overflow:hidden;height:9px">Cut off</div><svg><text y="40" fill="#ddd">Pale</text></svg></body>"""


def test_a_bad_page_is_found_out(chromium, axe, tmp_path):
    (tmp_path / "bad.html").write_text(BAD, encoding="utf-8")
    tab = chromium.open(tmp_path / "bad.html", **NARROW)
    names, made = walk(tab)
    assert [(stop["name"], stop["changed"]) for stop in made[1:]] == [(names[0], False)]
    assert {"color-contrast", "image-alt", "html-has-lang"} < {rule["id"] for rule in audit(tab, axe)["violations"]}
    assert (len(tab.requests()), tab.errors() != []) == (2, True)
    counts = tab.js("istv.counts()")
    assert (counts["h1"], len(counts["broken"]), len(counts["astray"]), tab.js("istv.sideways()") > 0) == (
        2,
        1,
        1,
        True,
    )
    assert [len(tab.js(f"istv.{check}()")) for check in ("outside", "clipped", "faint")] == [1, 1, 1]
