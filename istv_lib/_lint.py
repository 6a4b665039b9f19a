"""What may not be published: faults of executed notebooks and of finished pages, each in one sentence."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from lxml import html as lxml_html

from istv_lib import _block, _clean, _page, _stamps, params, places

_PLAIN_SCHEMES = {"", "mailto", "tel"}
_FETCHING = {
    "iframe", "frame", "object", "embed", "form", "input", "base", "video", "audio", "source", "track",
    "foreignobject", "use", "image",
}  # fmt: skip


def check_notebook(nb: Mapping[str, Any], audience: str) -> list[str]:
    """Return why an executed notebook may not become a page for an audience.

    Parameters
    ----------
    nb : NotebookNode
        Executed notebook.
    audience : str
        ``public``, ``partner`` or ``internal``.

    Returns
    -------
    list of str
        One sentence per fault with the number of the cell, counted from 1, and never its content. Empty when
        the page may be made.

    Notes
    -----
    The stamp proves that a block was made from released findings by our own code and not changed since; it is
    no defence against a person who writes a false stamp on purpose.
    """
    faults, blocks = [], []
    for number, cell in enumerate(nb["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        if cell["source"].strip() and cell.get("execution_count") is None:
            faults.append(f"Cell {number} was not executed; run the notebook from top to bottom.")
        for output in cell.get("outputs", []):
            fault, block = _output_fault(output, number)
            faults += [fault] if fault else []
            blocks += [block] if block else []
    for block in blocks:
        faults += _block_faults(block, audience)
    names = [b.name for b in blocks if b.kind == "table"]
    faults += [
        f"Cell {b.cell} holds a table whose name another table of the page has; give it its own name."
        for i, b in enumerate(b for b in blocks if b.kind == "table")
        if b.name in names[:i]
    ]
    lead = _stamps.headline(blocks)
    if lead is None:
        faults.append("The notebook has no headline; begin it with words.headline.")
    elif audience == _page.PUBLIC:
        faults += _opening_faults(lead)
        faults += _claim_faults(blocks, lead)
    return faults


def _opening_faults(lead: _stamps.Block) -> Iterator[str]:
    most = params.Rules(params.file("publishing"))["sentences_most"]
    if (count := len(_clean.sentences(lead.data["text/markdown"]))) > most:
        yield f"The headline of cell {lead.cell} has {count} sentences, more than {most}; make it with words.headline."


def _claim_faults(blocks: list[_stamps.Block], lead: _stamps.Block) -> Iterator[str]:
    """Yield words and pictures that claim a direction which no released row bears out."""
    rules = params.Rules(params.file("publishing"))
    rows = {block.name: _stamps.rows(block) for block in blocks if block.kind == "table"}
    every = [row for part in rows.values() for row in part]
    newest = [row for row in every if row.get("measure") == "ratio_of_ratios"] + rows.get("months", [])[-1:]
    for block in blocks:
        told = f"{block.heading} {block.alt} {block.data.get('text/markdown', '')}" if block.kind != "table" else ""
        for way in ("up", "down"):
            said = next((w for w in rules[f"words_{way}"] if re.search(rf"\b{w}\b", told, re.IGNORECASE)), None)
            if said and not any(_bears_out(row, way) for row in (newest if block is lead else every)):
                yield (
                    f"Cell {block.cell} says '{said}', which no comparable month outside its range and no interval "
                    "without “no change” bears out; make the sentence with words."
                )


def _bears_out(row: Mapping[str, str], way: str) -> bool:
    """Tell whether a released row shows a change: a flag of a comparable month, or an interval on one side of 1."""
    if row.get("measure") == "ratio_of_ratios":
        side = row.get("lower" if way == "up" else "upper")
        return bool(side) and (float(side) > 1 if way == "up" else float(side) < 1)
    flag = {"up": "above_limit", "down": "below_limit"}[way]
    return flag in row.get("flags", "") and row.get("status") in {"final", "provisional"} and bool(row.get("value"))


def _output_fault(output: Mapping[str, Any], number: int) -> tuple[str, _stamps.Block | None]:
    kind = output["output_type"]
    if kind == "stream":
        return f"Cell {number} prints text or a warning; nothing but stamped blocks may reach a page.", None
    if kind == "error":
        return f"Cell {number} ended in an error; mend it and run the notebook again.", None
    block = _stamps.read(output, number)
    if block is None:
        told = (
            f"Cell {number} has an output without a valid stamp, such as a bare table or figure; make it with "
            "figures, maps, tables or words."
        )
        return told, None
    return "", block


def _block_faults(block: _stamps.Block, audience: str) -> Iterator[str]:
    gate = params.file("disclosure")
    order, at = gate["order"], f"Cell {block.cell}"
    if block.audience not in order or order.index(block.audience) > order.index(audience):
        yield f"{at} holds a block that is not for the {audience} audience; release it for {audience}."
    elif block.rule not in [gate["audiences"][block.audience], *gate["also_permitted"].get(block.audience, [])]:
        yield f"{at} holds a block made by another rule than that of its audience; release it again."
    if audience == _page.PUBLIC and block.synthetic == "mixed":
        yield f"{at} holds real and synthetic numbers together, which is never published."
    if set(block.data) - {_stamps.PLAIN} != _stamps.MIMES[block.kind]:
        yield f"{at} holds a {block.kind} in other formats than it should; make it again with our own functions."
        return
    if _block.digest(dict(block.data)) != block.digest:
        yield f"{at} holds a block that was changed after it was stamped; run the notebook again."
    if block.kind in _stamps.PICTURES:
        if _stamps.png_size(block.data["image/png"]) is None:
            yield f"{at} holds a picture that is not a PNG; make it again with figures or maps."
        if fault := _alt_fault(block.alt):
            yield f"{at} holds a picture whose alternative text is {fault}; describe it in a sentence or two."
    if block.kind == "table" and (fault := _csv_fault(block.data["text/csv"])):
        yield f"{at} holds a table whose CSV {fault}; make it with tables."


def _alt_fault(alt: str) -> str:
    rules = params.Rules(params.file("publishing"))
    text = " ".join(alt.split())
    if not text:
        return "missing"
    if text.lower().startswith(tuple(rules["alt_placeholders"])):
        return "a placeholder"
    if len(text) < rules["alt_least"]:
        return f"shorter than {rules['alt_least']} characters"
    return f"longer than {rules['alt_most']} characters" if len(text) > rules["alt_most"] else ""


def _csv_fault(text: str) -> str:
    head, *rest = list(csv.reader(io.StringIO(text))) or [[]]
    if "synthetic" not in head:
        return "has no column 'synthetic'"
    if "table" in head or len(set(head)) < len(head):
        return "has a column 'table' or the same column twice"
    return "has rows of different length" if any(len(row) != len(head) for row in rest) else ""


def check_page(text: str) -> list[str]:
    """Return why a finished page may not leave.

    Parameters
    ----------
    text : str
        The whole HTML of a page or of a hub page.

    Returns
    -------
    list of str
        One sentence per fault. Limits, permitted hosts and words are in ``parameters/publishing.yml``. Proper
        names that hold such a word, and the sentence that explains ``[c]``, are exempt (``words_allowed``).
    """
    rules = params.Rules(params.file("publishing"))
    faults = []
    size = len(text.encode("utf-8"))
    if size > rules["page_bytes_most"]:
        faults.append(f"The page has {size} bytes, more than {rules['page_bytes_most']}; show fewer figures.")
    top = lxml_html.document_fromstring(text)
    faults += _structure_faults(top)
    faults += _request_faults(top, set(rules["link_hosts"]))
    faults += _drawing_faults(top)
    faults += _picture_faults(top)
    faults += _standing_faults(top)
    faults += [f"The page uses the word '{word}', which is never said of these data." for word in _words(top, rules)]
    return faults


def _structure_faults(top: lxml_html.HtmlElement) -> Iterator[str]:
    count = len(top.findall(".//h1"))
    if count != 1:
        yield f"The page has {count} main headings instead of one."
    if top.get("lang") != "en-GB" or not top.findtext(".//title") or top.find(".//main") is None:
        yield "The page lacks its language, its title or its main part."
    levels = [int(node.tag[1]) for node in top.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    if any(after - before > 1 for before, after in itertools.pairwise(levels)):
        yield "The page skips a level of heading."
    for table in top.iter("table"):
        if not " ".join((table.findtext("caption") or "").split()):
            yield "A table has no caption."
        cells = list(table.iter("th"))
        if not cells or any(c.get("scope") not in {"row", "col", "rowgroup", "colgroup"} for c in cells):
            yield "A table has no header cells, or one without a scope."
    ids = [node.get("id") for node in top.iter() if node.get("id")]
    if len(set(ids)) < len(ids):
        yield "Two parts of the page have the same id."


def _request_faults(top: lxml_html.HtmlElement, hosts: set[str]) -> Iterator[str]:
    for node in top.iter():
        if not isinstance(node.tag, str):
            continue
        tag = node.tag.lower()
        if tag in _FETCHING:
            yield f"The page has a <{tag}>, which no page may have."
        if any(name.lower().startswith("on") for name in node.attrib):
            yield f"A <{tag}> has an event handler."
        if tag == "style" and re.search(r"@import|url\s*\(", node.text or "", re.IGNORECASE):
            yield "The stylesheet fetches something."
        if tag == "meta" and (node.get("http-equiv") or "").lower() == "refresh":
            yield "The page sends the reader elsewhere."
        for name in ("src", "href", "xlink:href", "srcset", "data", "poster", "action", "background"):
            if node.get(name) is not None and (fault := _address_fault(tag, name, node.get(name), hosts)):
                yield fault


def _drawing_faults(top: lxml_html.HtmlElement) -> Iterator[str]:
    """Yield scripts but the one that the hub's index may have, and drawings that could hold more than is released."""
    main = top.find(".//main")
    made_of_notebook = main is not None and main.get("class") == "page"
    scripts = list(top.iter("script"))
    own = len(scripts) == 1 and main is not None and main.get("class") == "hub" and not scripts[0].attrib
    if scripts and not (own and _policy(top) == f"{_page.CSP}; script-src '{_digest(scripts[0].text or '')}'"):
        yield "The page has a <script>, which only the hub's index may have, with its hash in the content policy."
    for drawing in top.iter("svg"):
        known = drawing.get("class") in {"silhouette", "spark"} or drawing.getparent().get("class") == "chart"
        if made_of_notebook or not known:
            yield "The page has an <svg>, whose data nobody has checked; show a PNG."
    if any("plotly" in (node.get("class") or "") + (node.get("id") or "") for node in top.iter()):
        yield "The page holds a plotly chart, whose data nobody has checked; show a PNG."


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _policy(top: lxml_html.HtmlElement) -> str:
    found = [m.get("content") for m in top.iter("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    return found[0] if len(found) == 1 else ""


def _picture_faults(top: lxml_html.HtmlElement) -> Iterator[str]:
    """Yield alternative texts that are missing, repeated, or name neither a place nor what is measured."""
    rules = params.Rules(params.file("publishing"))
    alts = [" ".join((picture.get("alt") or "").split()) for picture in top.iter("img")]
    public = top.xpath(f"//meta[@name='istv-audience']/@content = '{_page.PUBLIC}'")
    names = [area.name for area in places.areas()]
    for alt in alts:
        if fault := _alt_fault(alt):
            yield f"A picture's alternative text is {fault}."
        elif public and not (_any(names, alt) and _any(rules["alt_measures"], alt)):
            yield "A picture's alternative text does not say which place and what is counted."
    if len(set(alts)) < len(alts):
        yield "Two pictures of the page have the same alternative text."


def _any(words: Iterable[str], text: str) -> bool:
    return any(re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE) for word in words)


def _address_fault(tag: str, name: str, address: str, hosts: set[str]) -> str:
    if tag == "img" and name == "src":
        return "" if address.startswith("data:image/png;base64,") else "A picture is fetched from elsewhere."
    parts = urlsplit(address)
    if parts.scheme in _PLAIN_SCHEMES and not parts.netloc and not address.startswith("/"):
        return "" if tag in {"a", "link"} else f"A <{tag}> fetches something."
    if tag == "a" and parts.scheme == "https" and parts.hostname in hosts:
        return ""
    return f"A <{tag}> points to an address that parameters/publishing.yml does not list."


def _standing_faults(top: lxml_html.HtmlElement) -> Iterator[str]:
    """Yield faults of what the page must say about itself: banner, watermark, robots, content policy."""
    meta = {node.get("name"): node.get("content") for node in top.iter("meta") if node.get("name")}
    text = " ".join(top.text_content().split())
    kind, audience = meta.get("istv-kind"), meta.get("istv-audience")
    if kind not in _stamps.KINDS or audience is None:
        yield "The page does not say whether its data are synthetic or for whom it is."
    if kind in _page.BANNERS and _page.BANNERS[kind] not in text:
        yield f"The page rests on {kind} data and lacks the banner that says so."
    if (kind != "real" or audience != _page.PUBLIC) and "noindex" not in meta.get("robots", ""):
        yield "The page could be listed by search engines."
    if audience != _page.PUBLIC and text.count(_page.WATERMARK) < 2:
        yield f"The page lacks the mark {_page.WATERMARK} at top and bottom."
    if not re.fullmatch(rf"{re.escape(_page.CSP)}(; script-src 'sha256-[\w+/=]+')?", _policy(top)):
        yield "The page lacks our content security policy."


def _words(top: lxml_html.HtmlElement, rules: Mapping[str, Any]) -> list[str]:
    """Return the forbidden words that a reader would read or hear, each once."""
    told = [
        text
        for node in top.iter()
        if isinstance(node.tag, str)
        for text in (
            *(node.get(name) for name in ("alt", "title", "aria-label", "content")),
            "" if node.tag == "style" else node.text,
            node.tail,
        )
        if text
    ]
    text = re.sub(r"\s+", " ", " ".join(told)).replace("’", "'")
    for phrase in rules["words_allowed"]:
        text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ", text, flags=re.IGNORECASE)
    return [w for w in rules["words_never"] if re.search(rf"(?<!\w){re.escape(w)}s?(?!\w)", text, re.IGNORECASE)]
