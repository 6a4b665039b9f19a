"""Markdown and table HTML made safe: an allow-list of tags, no style, no script, no picture, no foreign scheme."""

from __future__ import annotations

import re
from collections import Counter
from html import escape, unescape

import nh3
from lxml import html as lxml_html

_TEXT = set("p br hr strong em b i del sup sub abbr code pre blockquote ul ol li dl dt dd a h2 h3 h4".split())
_TABLE = set("table caption colgroup col thead tbody tfoot tr th td".split())
_CELL = {"class", "scope", "colspan", "rowspan", "abbr"}
_ATTRIBUTES = {
    "a": {"href"},
    "abbr": {"title"},
    "span": {"class"},
    "table": {"class"},
    "caption": {"class"},
    "tr": {"class"},
    "col": {"class", "span"},
    "colgroup": {"class", "span"},
    "th": _CELL,
    "td": _CELL,
}
_INLINE = {"span", "strong", "em", "b", "i", "abbr", "br", "sup", "sub", "a"}


def clean_table(text: str) -> str:
    """Return table HTML with only table tags, classes, scopes and simple inline marks left."""
    return nh3.clean(
        text,
        tags=_TABLE | _INLINE,
        attributes=_ATTRIBUTES,
        url_schemes={"https"},
        link_rel="noopener noreferrer",
    ).strip()


def markdown(text: str) -> str:
    """Turn Markdown into clean HTML by nbconvert's renderer.

    Parameters
    ----------
    text : str
        Markdown. Raw HTML in it is reduced to the allow-list; pictures and scripts vanish.

    Returns
    -------
    str
        HTML, without control characters. Tables get column scopes, a scroll frame and, where they have none, a
        caption from the heading above them.
    """
    from nbconvert.filters.markdown_mistune import (  # noqa: PLC0415 - slow to import
        IPythonRenderer,
        MarkdownWithMath,
    )

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    printable = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
    cleaned = nh3.clean(
        MarkdownWithMath(renderer=renderer).render(printable),
        tags=_TEXT | _TABLE,
        attributes=_ATTRIBUTES,
        url_schemes={"https", "mailto", "tel"},
        link_rel="noopener noreferrer",
    ).strip()
    return _framed(cleaned) if "<table" in cleaned else cleaned


def _framed(text: str) -> str:
    """Give Markdown tables what a plain Markdown table lacks: caption, scopes and a frame that scrolls."""
    top = lxml_html.fragment_fromstring(text, create_parent="div")
    heading, named = "Table", Counter()
    for node in list(top.iter()):
        if node.tag in {"h2", "h3", "h4"}:
            heading = " ".join(node.text_content().split())
        if node.tag != "table":
            continue
        for cell in node.iter("th"):
            cell.set("scope", cell.get("scope") or "col")
        if node.find("caption") is None:
            caption = lxml_html.Element("caption")
            named[heading] += 1
            caption.text = heading if named[heading] == 1 else f"{heading} ({named[heading]})"
            node.insert(0, caption)
        frame = lxml_html.Element("div", {"class": "scroll", "role": "region", "tabindex": "0"})
        frame.set("aria-label", " ".join(node.find("caption").text_content().split()))
        frame.tail, node.tail = node.tail, None
        node.getparent().replace(node, frame)
        frame.append(node)
    return _inner(top)


def _inner(top: lxml_html.HtmlElement) -> str:
    children = "".join(lxml_html.tostring(child, encoding="unicode") for child in top)
    return (escape(top.text, quote=False) if top.text else "") + children


def anchored(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Give each second-level heading an id; return the HTML and the headings as (id, title)."""
    top = lxml_html.fragment_fromstring(text, create_parent="div")
    contents: dict[str, str] = {}
    for heading in top.iter("h2"):
        title = " ".join(heading.text_content().split())
        name = slug(title)
        if name in contents:
            name = f"{name}-{len(contents) + 1}"
        contents[name] = title
        heading.set("id", name)
    return _inner(top), list(contents.items())


def plain(text: str) -> str:
    """Return the bare text of Markdown or HTML on one line."""
    return " ".join(unescape(nh3.clean(markdown(text), tags=set())).split())


def sentences(text: str) -> list[str]:
    """Return the sentences of Markdown: parts that end in a full stop, question or exclamation mark before a space."""
    return re.split(r"(?<=[.?!])\s+", plain(text))


def slug(text: str) -> str:
    """Return a heading as an address part: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
