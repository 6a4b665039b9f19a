"""One page: an executed notebook rendered through nbconvert with our own template."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from istv_lib import _clean, _stamps, params

TEMPLATES = Path(__file__).parent / "template"
PUBLIC = "public"
CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
BANNERS = {
    "synthetic": (
        "Synthetic data: invented for demonstration. It says nothing about any real person, hospital or place."
    ),
    "mixed": "MIXED REAL AND SYNTHETIC: no number here can be used. Never publish or pass on this page.",
}
WATERMARK = "OFFICIAL-SENSITIVE"
WIDEST = {"figure": 704, "map": 960}  # CSS pixels of a picture
_TAKEN = ("main", "support", "on-this-page", "download", "about-these-numbers")  # ids of the template's own parts
DOORS = (
    ("london", "London", "london/latest/index.html"),
    ("boroughs", "Boroughs", "boroughs/index.html"),
    ("health", "Health professionals", "health-professionals/index.html"),
    ("analysts", "Analysts", "analysts/index.html"),
    ("partners", "Partnerships", "partnerships/index.html"),
    ("cases", "Case studies", "cases/index.html"),
    ("about", "About and resources", "about/index.html"),
)


@dataclass(frozen=True)
class Page:
    """What a page says about itself.

    Attributes
    ----------
    slug, area, area_name, title, notebook : str
        Address part, slug and name of the place or case, heading of the page, name of its notebook.
    month, month_label : str
        "2026-03" and "March 2026".
    audience : str
        ``public``, ``partner`` or ``internal``.
    kind : str
        ``synthetic``, ``real`` or ``mixed``: decides the banner.
    status : str
        State of the month, such as "provisional"; empty for none.
    rule_note : str
        How small counts are treated, in a sentence or two.
    code_version : str
        Digest of the code that made it.
    version : int
        Version of the page for its month, from 1.
    root : str
        Relative way from this file to the hub's root; empty for pages outside the hub.
    folder : str
        Relative way from this file to its permanent folder; empty for the permanent page itself.
    csv_prefix : str
        What the names of its CSV files begin with, where several pages share a folder.
    """

    slug: str
    area: str
    area_name: str
    title: str
    notebook: str
    month: str
    month_label: str
    audience: str
    kind: str
    status: str
    rule_note: str
    code_version: str
    version: int = 1
    root: str = ""
    folder: str = ""
    csv_prefix: str = ""

    @property
    def door(self) -> str:
        """Return the navigation entry the page belongs to."""
        return "cases" if self.slug.startswith("case-") else "london" if self.area == "london" else "boroughs"


@functools.cache
def style() -> Markup:
    """Return the stylesheet, without comments and indents, as it stands inline on each page."""
    lines = (TEMPLATES / "style.css").read_text(encoding="utf-8").splitlines()
    return Markup("\n".join(line.strip() for line in lines if line.strip() and not line.startswith("/*")))  # noqa: S704 - our own file


def fill(environment: jinja2.Environment) -> jinja2.Environment:
    """Give an environment what all our templates use, and switch escaping on."""
    environment.autoescape = True
    environment.undefined = jinja2.StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals |= {"style": style(), "banners": BANNERS, "watermark": WATERMARK}
    environment.filters |= {"markdown": _markdown, "filesize": size_text}
    return environment


def _markdown(text: str) -> Markup:
    return Markup(_clean.markdown(text))  # noqa: S704 - cleaned by an allow-list


def size_text(size: int) -> str:
    """Return a file size as people read it: "812 bytes", "12 KB"."""
    return f"{size} bytes" if size < 1000 else f"{round(size / 1000)} KB"


def render(nb: Mapping[str, Any], page: Page) -> str:
    """Render an executed notebook as one self-contained HTML page.

    Parameters
    ----------
    nb : NotebookNode
        Executed; it should have passed :func:`istv_lib._lint.check_notebook`. Only stamped outputs and Markdown
        cells reach the page: code, printed text and unstamped outputs do not.
    page : Page
        What the page says about itself.

    Returns
    -------
    str
        HTML without script and without any request to elsewhere; the same bytes for the same input.

    Notes
    -----
    The first Markdown cell gives the opening paragraph (its ``# `` line gives way to ``page.title``); each later
    cell that begins with ``## `` opens a section. A table that holds the numbers of the figure before it is folded.
    Each table has its CSV beside it, and the figure it belongs to has it too; all are listed at the end.
    """
    found = _stamps.blocks(nb)
    about = {
        "page": page,
        "files": _files(found, page),
        "view": view(
            door=page.door,
            at_door=page.slug == "london",
            root=page.root,
            title=page.title,
            description=_description(found, page),
            kind=page.kind,
            audience=page.audience,
            canonical=f"{page.folder}index.html" if page.audience == PUBLIC else "",
        ),
    }
    body, _ = _exporter().from_notebook_node(nb, resources={"istv": about})
    return body if body.endswith("\n") else body + "\n"


@functools.cache
def _exporter() -> Any:
    """Return nbconvert's exporter with our template, which is compiled once."""
    from nbconvert.exporters.templateexporter import TemplateExporter  # noqa: PLC0415 - slow to import

    exporter = TemplateExporter(template_paths=[str(TEMPLATES)], template_file="page.html.j2")
    fill(exporter.environment)
    exporter.environment.filters |= {"sections": sections}
    return exporter


def _files(found: list[_stamps.Block], page: Page) -> dict[str, dict[str, Any]]:
    """Return by a table's name what links to its CSV need: ``way``, ``size`` and ``title``."""
    start = page.folder + page.csv_prefix
    return {
        block.name: {
            "way": start + _stamps.csv_name(block.name, page.kind),
            "size": len(_stamps.csv_file(block)),
            "title": block.title,
        }
        for block in found
        if block.kind == "table"
    }


def view(**given: Any) -> dict[str, Any]:
    """Return what ``base.html.j2`` needs: ``given``, the navigation and the content policy.

    ``given`` holds door, at_door, root, title, description, kind, audience and canonical; the hub's index brings a
    ``csp`` of its own.
    """
    return {"csp": CSP} | given | {"doors": DOORS}


def _description(found: list[_stamps.Block], page: Page) -> str:
    first = _stamps.headline(found)
    text = _clean.plain(first.data["text/markdown"]) if first else page.title
    return text if len(text) <= 200 else text[:199].rsplit(" ", 1)[0] + "…"


def sections(nb: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a notebook as sections for the template: ``id``, ``title`` and ``blocks``; the first has no title."""
    found: list[dict[str, Any]] = [{"id": "", "title": "", "blocks": []}]
    counts: Counter[str] = Counter(_TAKEN)
    for number, cell in enumerate(nb["cells"], 1):
        items = found[-1]["blocks"]
        if cell["cell_type"] == "markdown":
            text = cell["source"].strip()
            first, _, rest = text.partition("\n")
            if first.startswith("## "):
                title = _clean.plain(first[3:])
                counts[name := _clean.slug(title)] += 1
                unique = name if counts[name] == 1 else f"{name}-{counts[name]}"
                items = []
                found.append({"id": unique, "title": title, "blocks": items})
                text = rest
            elif first.startswith("# ") and len(found) == 1 and not items:
                text = rest
            if text.strip():
                items.append({"kind": "text", "html": _markdown(text)})
        elif cell["cell_type"] == "code":
            outputs = [block for output in cell.get("outputs", []) if (block := _stamps.read(output, number))]
            for block in outputs:
                items.append(_item(block, items, counts))
    return found


def _item(block: _stamps.Block, before: list[dict[str, Any]], counts: Counter[str]) -> dict[str, Any]:
    """Return what the template needs of one block; ``counts`` numbers figures and maps through the page."""
    item: dict[str, Any] = {"kind": block.kind, "name": block.name, "title": block.title}
    if block.kind == "words":
        lead = block.name.startswith("headline")
        return item | {"kind": "headline" if lead else "words", "html": _markdown(block.data["text/markdown"])}
    if block.kind in _stamps.PICTURES:
        counts[f"#{block.kind}"] += 1
        wide, high = _stamps.png_size(block.data["image/png"]) or (1, 1)
        width = min(block.width or wide, wide, WIDEST[block.kind])
        return item | {
            "source": "data:image/png;base64," + _stamps.png_plain(block.data["image/png"]),
            "alt": " ".join(block.alt.split()),
            "width": width,
            "height": round(high * width / wide),
            "label": f"{block.kind.capitalize()} {counts[f'#{block.kind}']}",
            "heading": block.heading,
            "note": block.note,
            "release": block.release,
            "table": "",
        }
    text = _clean.clean_table(block.data["text/html"])
    above = _pictures_above(before, block) if block.kind == "table" else []
    for picture in above:
        picture["table"] = block.name
    return item | {
        "html": Markup(text),  # noqa: S704 - cleaned by an allow-list
        "under": " and ".join(picture["label"] for picture in above),
    }


def _pictures_above(before: list[dict[str, Any]], table: _stamps.Block) -> list[dict[str, Any]]:
    """Return the pictures whose numbers a table holds: of its release or name, with only words between them and it."""
    own = []
    for item in reversed([item for item in before if item["kind"] not in {"words", "text"}]):
        if item["kind"] not in _stamps.PICTURES or (table.release != item["release"] and table.name != item["name"]):
            break
        own.insert(0, item)
    return own


def rule_note(audience: str) -> str:
    """Return in a sentence or two how counts are shown to an audience, from ``parameters/disclosure.yml``."""
    gate = params.file("disclosure")
    rule = gate["rules"][gate["audiences"][audience]]
    if not rule["hide_to"]:
        return "Counts are exact."
    return (
        f"To protect people, counts of {rule['hide_from']} to {rule['hide_to']} are not shown and "
        f"other counts are rounded to the nearest {rule['base']}. Where a sum would give one away, more are withheld, "
        "or months or classes are shown together."
    )
