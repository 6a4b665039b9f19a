"""The hub's own pages: five doors, the way in by name and by map, downloads, calendar, revisions, feed and sitemap."""

from __future__ import annotations

import base64
import calendar
import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from istv_lib import _clean, _feed, _history, _page, _spark, disclosure, errors, months, params, places, releases, store
from istv_lib._doors import NO_LONDON, PAGES, Own
from istv_lib._outline import shapes as _shapes

NAME = "Information Sharing to Tackle Violence"
DESCRIBED = "datapackage.json"
COMING = 12  # months of the release calendar shown ahead
_TOMBSTONE = "tombstone.html.j2"


def entries(hub: Path) -> list[dict[str, Any]]:
    """Return what is known of each page in a hub, withdrawn ones too, in the order of their addresses.

    Each is the ``istv`` part of its ``datapackage.json`` with ``title``, ``description``, ``files`` (name, path,
    title, media_type, bytes, sha256) and ``way``, its folder below the hub.

    Raises
    ------
    errors.PublishError
        When a description cannot be read or lacks its parts.
    """
    return [_entry(path, hub) for path in sorted(hub.glob(f"*/*/v*/{DESCRIBED}"))]


def _entry(path: Path, hub: Path) -> dict[str, Any]:
    way = path.parent.relative_to(hub).as_posix()
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        files = [
            {
                "name": file["path"],
                "path": file["path"],
                "title": file.get("title", file["name"]),
                "media_type": file["mediatype"],
                "bytes": file["bytes"],
                "sha256": file["hash"].removeprefix("sha256:"),
            }
            for file in told["resources"]
        ]
        return told["istv"] | {
            "title": told["title"],
            "heading": told["istv"].get("heading") or told["title"].removeprefix("SYNTHETIC: "),
            "description": told["description"],
            "version": int(told["istv"]["version"]),
            "withdrawn": told["istv"].get("withdrawn"),
            "files": files,
            "way": way,
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        msg = f"The description '{way}/{DESCRIBED}' in the hub cannot be read; put back a copy of the hub that works."
        raise errors.PublishError(msg) from None


def newest(pages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the highest version of each page and month that was not withdrawn.

    Newest month first; within a month London, boroughs, case studies.
    """
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for page in sorted(pages, key=lambda p: p["version"]):
        if not page.get("withdrawn"):
            best[page["slug"], page["month"]] = page
    order = {k: (p["area"] != places.LONDON, k[0].startswith("case-"), p["area_name"], k) for k, p in best.items()}
    ranked = [best[k] for k in sorted(order, key=order.get)]
    return sorted(ranked, key=lambda p: p["month"], reverse=True)


def build(hub: Path, kind: str, code_version: str) -> dict[str, str]:
    """Return the hub's own files by their way below it, made from the pages that it holds.

    Parameters
    ----------
    hub : Path
        Folder with the pages in place.
    kind : str
        ``synthetic`` or ``real``: decides banner, indexing and robots.txt.
    code_version : str
        Stands in the foot of each page.

    Returns
    -------
    dict
        HTML pages, ``robots.txt``, ``sitemap.xml`` and, once something came out, ``feed.xml``: the same text for
        the same pages, whatever the day.
    """
    held = entries(hub)
    pages = newest(held)
    about = _about(held, pages, kind) | {"code_version": code_version}
    files = {way: _fill(way, own, kind, about) for way, own in PAGES.items()}
    if not any(entry["slug"] == places.LONDON for entry in held):
        files["london/latest/index.html"] = _fill("london/latest/index.html", NO_LONDON, kind, about)
    home = about["homepage"]
    about["addresses"] = _feed.addresses(list(PAGES), pages, home)
    files["sitemap.xml"] = _environment().get_template("sitemap.xml.j2").render(about)
    files["robots.txt"] = _feed.robots(kind, home)
    if about["events"]:
        files["feed.xml"] = _environment().get_template("feed.xml.j2").render(about)
    return files


def _about(held: list[dict[str, Any]], pages: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """Return what the templates draw on, apart from the view of each page."""
    by_slug: dict[str, dict[str, Any]] = {}
    for page in pages:
        by_slug.setdefault(page["slug"], page)
    london, told = by_slug.get(places.LONDON), _history.events(held)
    apart = [p for slug, p in by_slug.items() if slug not in _borough_slugs() | {places.LONDON}]
    text, contents = _methods()
    home = params.file("release")["homepage"]
    of_months = list(dict.fromkeys(page["month"] for page in pages))  # newest first
    coming = releases.upcoming(max(of_months), COMING) if of_months else []
    return {
        "title": NAME,
        "homepage": home,
        "london": london,
        "names": _names(by_slug),
        "frame": _spark.frame(p for slug, p in by_slug.items() if slug in _borough_slugs()),
        "london_frame": _spark.frame([london] if london else []),
        "shapes": _linked(by_slug),
        "cases": [p for p in apart if p["slug"].startswith("case-")],
        "others": [p for p in apart if not p["slug"].startswith("case-")],
        "held": of_months,
        "months": [(m, months.label(m), [p for p in pages if p["month"] == m]) for m in of_months],
        "downloads": _downloads(pages),
        "own": PAGES,
        "methods": text,
        "contents": contents,
        "events": told,
        "changes": _history.changes(told),
        "kinds": _history.KINDS,
        "coming": coming,
        "first": coming[0] if coming else None,
        "weekdays": list(calendar.day_name),
        "reading": _reading(london),
        "days": params.file("monthly"),
        "calendar": params.Rules(params.file("calendar")),
        "contact": params.file("release")["contact"],
        "gate": _gate(),
        "symbols": disclosure.SYMBOLS,
        "feed": _feed.feed(told, kind, home, NAME),
    }


def _gate() -> dict[str, Any]:
    gate = params.file("disclosure")
    return gate["rules"][gate["audiences"][_page.PUBLIC]]


def _reading(page: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the worked example: the last month of London with a figure, its symbols, and the figure a year before."""
    points = {month: (value, symbol) for month, value, symbol in ((page or {}).get("trend") or {}).get("points", [])}
    held = [month for month, (value, _) in points.items() if value is not None]
    if not held:
        return None
    value, symbol = points[max(held)]
    before = points.get(months.add(max(held), -12), (None, ""))[0]
    return {
        "month": max(held),
        "shown": f"{value:,.0f} {symbol}".strip(),
        "symbols": symbol.split(),
        "before": f"{before:,.0f}" if before is not None else "",
    }


def _fill(way: str, own: Own, kind: str, about: dict[str, Any]) -> str:
    index = way == "index.html"
    page = _page.view(
        door=own.door,
        at_door=any(own.door == door and way == to for door, _, to in _page.DOORS),
        root="../" * way.count("/"),
        title=NAME if index else f"{own.heading}: {NAME}",
        description=own.description,
        kind=kind,
        audience=_page.PUBLIC,
        canonical="index.html",
    )
    if index:
        script = _script()
        digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        page |= {"csp": f"{_page.CSP}; script-src 'sha256-{digest}'"}
        about = about | {"script": Markup(script)}  # noqa: S704 - our own file
    return _environment().get_template(own.template).render(about | {"view": page, "heading": own.heading})


@functools.cache
def _script() -> str:
    """Return the search as it stands inline on the index, the only script of the hub."""
    lines = (_page.TEMPLATES / "search.js").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if not line.startswith("//"))


def tombstone(entry: dict[str, Any], kind: str, *, latest: bool = False) -> str:
    """Return the page that stands where a withdrawn page was.

    Parameters
    ----------
    entry : dict
        The page's entry, as :func:`entries` returns it, with ``withdrawn``: ``date`` and ``reason``.
    kind : str
        ``synthetic`` or ``real``.
    latest : bool
        Whether it stands at ``<slug>/latest/`` because no version of the page is left; else at its own address.
    """
    slug = entry["slug"]
    page = _page.view(
        door="cases" if slug.startswith("case-") else "london" if entry["area"] == places.LONDON else "boroughs",
        at_door=False,
        root="../../" if latest else "../../../",
        title=f"Withdrawn: {entry['heading']}",
        description="This page was withdrawn. It says when and why, and where the newest page is.",
        kind=kind,
        audience=_page.PUBLIC,
        canonical=f"../{entry['month']}/v{entry['version']}/index.html" if latest else "index.html",
    )
    about = {
        "view": page,
        "entry": entry,
        "latest": latest,
        "reason": _clean.plain(entry["withdrawn"].get("reason") or ""),
        "code_version": "",
    }
    return _environment().get_template(_TOMBSTONE).render(about)


@functools.cache
def _environment() -> jinja2.Environment:
    made = _page.fill(jinja2.Environment(loader=jinja2.FileSystemLoader(_page.TEMPLATES), autoescape=True))
    made.filters |= {
        "table": _table,
        "name": _history.name,
        "day": _history.day,
        "month": months.label,
        "short": months.short_label,
    }
    return made


@functools.cache
def _borough_slugs() -> frozenset[str]:
    return frozenset(places.boroughs()["slug"])


def _names(by_slug: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    table = places.boroughs().sort_values("name")
    return [{"name": row.name, "slug": row.slug, "page": by_slug.get(row.slug)} for row in table.itertuples()]


def _linked(by_slug: dict[str, dict[str, Any]]) -> dict[str, Any]:
    drawn = _shapes()
    return drawn | {"boroughs": [shape | {"linked": shape["slug"] in by_slug} for shape in drawn["boroughs"]]}


def _downloads(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest month's files as one table for each sort of page: headings, and by page a file per heading."""
    month = max((page["month"] for page in pages), default="")
    sorts: dict[str, list[dict[str, Any]]] = {"London": [], "Boroughs": [], "Case studies": [], "Other pages": []}
    for page in pages:
        if page["month"] == month:
            slug = page["slug"]
            case = "Case studies" if slug.startswith("case-") else "Other pages"
            sorts["London" if slug == places.LONDON else "Boroughs" if slug in _borough_slugs() else case].append(page)
    tables = []
    for title, listed in sorts.items():
        rows = [(page, {_table(file["name"]): file for file in page["files"]}) for page in listed]
        heads = list(dict.fromkeys(name for _, files in rows for name in files))
        tables += [{"title": title, "heads": heads, "rows": rows}] if heads else []
    return tables


def _table(file: str) -> str:
    return file.removesuffix(".csv").removesuffix("-SYNTHETIC")


def _methods() -> tuple[Markup, list[tuple[str, str]]]:
    """Return ``docs/methods.md`` as clean HTML with its headings (id, title); a short note where it is missing."""
    path = params.home() / "docs" / "methods.md"
    if not path.exists():
        return Markup("<p>The description of methods and limits is being written.</p>"), []
    first, _, rest = path.read_text(encoding="utf-8").strip().partition("\n")
    text, contents = _clean.anchored(_clean.markdown(rest if first.startswith("# ") else f"{first}\n{rest}"))
    return Markup(text), contents  # noqa: S704 - cleaned by an allow-list


def check_files(files: dict[str, str], check: Any) -> list[str]:
    """Return the faults of the hub's own pages, each with its way."""
    return [f"{way}: {fault}" for way, text in files.items() if way.endswith(".html") for fault in check(text)]


def write(hub: Path, files: dict[str, str]) -> None:
    """Write the hub's own files."""
    for way, text in files.items():
        store.write(hub / way, text)
