"""The hub's own pages: the way in by name, by map and by month, methods, and about."""

from __future__ import annotations

import functools
import json
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from istv_lib import _clean, _page, months, params, places, store

NAME = "Information Sharing to Tackle Violence"
_UNIT_M = 50  # metres per unit of the map's coordinates
_SIMPLIFY_M = 150
_BANK_M = 500  # half the widest gap between the banks that still counts as river
_NUDGES = {  # labels that would stand on their neighbours'
    "kensington-and-chelsea": (4, -12),
    "hammersmith-and-fulham": (-20, 2),
    "islington": (-6, 0),
    "richmond-upon-thames": (2, -14),
    "kingston-upon-thames": (0, -6),
}


def entries(hub: Path) -> list[dict[str, Any]]:
    """Return what is known of each page in a hub: its ``metadata.json`` and ``way``, its folder below the hub."""
    found = []
    for path in sorted(hub.glob("*/*/v*/metadata.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        found.append(told | {"way": path.parent.relative_to(hub).as_posix()})
    return found


def newest(pages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the highest version of each page and month: newest month first, London, boroughs, case studies."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for page in sorted(pages, key=lambda p: p["version"]):
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
    """
    pages = newest(entries(hub))
    by_slug: dict[str, dict[str, Any]] = {}
    for page in pages:
        by_slug.setdefault(page["slug"], page)
    held = list(dict.fromkeys(page["month"] for page in pages))
    about = {
        "code_version": code_version,
        "london": by_slug.get(places.LONDON),
        "names": _names(by_slug),
        "shapes": _linked(by_slug),
        "others": [p for p in by_slug.values() if p["slug"] not in _borough_slugs() | {places.LONDON}],
        "months": [(m, months.label(m), [p for p in pages if p["month"] == m]) for m in held],
        "title": NAME,
    }
    about["cases"] = [p for p in about["others"] if p["slug"].startswith("case-")]
    about["others"] = [p for p in about["others"] if not p["slug"].startswith("case-")]
    text, contents = _methods()
    about |= {"methods": text, "contents": contents}
    files = {way: _fill(way, template, kind, about) for way, template in PAGES.items()}
    if about["london"] is None:
        files["london/latest/index.html"] = _fill("london/latest/index.html", NO_LONDON, kind, about)
    files["robots.txt"] = f"User-agent: *\n{'Disallow: /' if kind != 'real' else 'Allow: /'}\n"
    return files


PAGES = {
    "index.html": ("home", "Violence seen in London's emergency departments", "index.html.j2"),
    "boroughs/index.html": ("boroughs", "Boroughs", "boroughs.html.j2"),
    "cases/index.html": ("cases", "Case studies", "cases.html.j2"),
    "months/index.html": ("", "All pages by month", "months.html.j2"),
    "methods/index.html": ("methods", "Methods and limits", "methods.html.j2"),
    "about/index.html": ("about", "About these pages", "about.html.j2"),
}
NO_LONDON = ("london", "London", "nothing.html.j2")
_DESCRIPTION = (
    "How many people came to a London emergency department after an assault, where and when, by borough and month. "
    "Management information, not official statistics."
)


def _fill(way: str, template: tuple[str, str, str], kind: str, about: dict[str, Any]) -> str:
    door, title, name = template
    page = _page.view(
        door=door,
        at_door=bool(door),
        root="../" * way.count("/"),
        title=NAME if door == "home" else f"{title}: {NAME}",
        description=_DESCRIPTION,
        kind=kind,
        audience=_page.PUBLIC,
        canonical="index.html",
    )
    return _environment().get_template(name).render(view=page, heading=title, **about)


@functools.cache
def _environment() -> jinja2.Environment:
    return _page.fill(jinja2.Environment(loader=jinja2.FileSystemLoader(_page.TEMPLATES), autoescape=True))


@functools.cache
def _borough_slugs() -> frozenset[str]:
    return frozenset(places.boroughs()["slug"])


def _names(by_slug: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    table = places.boroughs().sort_values("name")
    return [{"name": row.name, "slug": row.slug, "page": by_slug.get(row.slug)} for row in table.itertuples()]


def _linked(by_slug: dict[str, dict[str, Any]]) -> dict[str, Any]:
    drawn = _shapes()
    return drawn | {"boroughs": [shape | {"linked": shape["slug"] in by_slug} for shape in drawn["boroughs"]]}


@functools.cache
def _shapes() -> dict[str, Any]:
    """Return the map: its size, land and water as paths, and by name each borough's path and label.

    One unit is 50 metres and north is up. The boundaries leave the Thames open, so water is what closing the gap
    between the banks adds.
    """
    import shapely  # noqa: PLC0415 - only the hub's map needs it

    outlines = places.polygons()
    table = places.boroughs().set_index("gss").loc[outlines["gss"]]
    simple = shapely.coverage_simplify(outlines.geometry.to_numpy(), _SIMPLIFY_M)
    land = shapely.union_all(simple)
    left, bottom, right, top = shapely.total_bounds(simple)
    shapes = []
    for shape, row in zip(simple, table.itertuples(), strict=True):
        dx, dy = _NUDGES.get(row.slug, (0, 0))
        shapes.append(
            {
                "name": row.name,
                "slug": row.slug,
                "path": _path(shape, left, top),
                "x": round((row.label_x - left) / _UNIT_M) + dx,
                "y": round((top - row.label_y) / _UNIT_M) + dy,
                "lines": ["City"] if row.slug == "city-of-london" else _label(row.name),
            }
        )
    return {
        "size": (round((right - left) / _UNIT_M), round((top - bottom) / _UNIT_M)),
        "land": _path(land, left, top),
        "water": _path(_water(land), left, top),
        "boroughs": sorted(shapes, key=lambda s: s["name"]),
    }


def _water(land: Any) -> Any:
    """Return the gap between the banks: the largest of what closing adds, without the nicks of the outer border."""
    closed = land.buffer(_BANK_M).buffer(-_BANK_M)
    return max(closed.difference(land).geoms, key=lambda part: part.area).buffer(_UNIT_M).simplify(_UNIT_M / 2)


def _label(name: str) -> list[str]:
    return textwrap.wrap(name.replace(" and ", " & "), 11, break_long_words=False)


def _path(shape: Any, left: float, top: float) -> str:
    """Return an SVG path in whole units with relative steps; steps of nothing are left out."""
    parts = []
    for polygon in getattr(shape, "geoms", [shape]):
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.round((np.asarray(ring.coords) - (left, top)) / (_UNIT_M, -_UNIT_M)).astype(int)
            steps = np.diff(points, axis=0)[:-1]
            steps = steps[np.any(steps != 0, axis=1)]
            if len(steps) < 2:  # an island of less than a unit
                continue
            parts.append(f"M{points[0][0]} {points[0][1]}l" + " ".join(f"{x} {y}" for x, y in steps) + "z")
    return "".join(parts)


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
