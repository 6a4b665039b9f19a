"""Atom feed, sitemap and robots.txt: what the hub tells programs, with whole addresses and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from istv_lib import _history

KIND_MARK = {"synthetic": "SYNTHETIC: ", "mixed": "MIXED REAL AND SYNTHETIC: "}
SINCE = "2026-01-01"  # a day on which the host was the programme's, as RFC 4151 asks; part of the feed's identity


def feed(events: Iterable[dict[str, Any]], kind: str, homepage: str, name: str) -> dict[str, Any]:
    """Return what the feed's template needs, entries newest first.

    Parameters
    ----------
    events : iterable of dict
        As :func:`istv_lib._history.events` returns them.
    kind : str
        ``synthetic``, ``real`` or ``mixed``: what is not real says so in each title and identity.
    homepage : str
        Address of the hub's folder, ending in a slash.
    name : str
        Name of the hub.

    Notes
    -----
    An identity (RFC 4151) holds the host, the date of the event and what it is about, so it stays the same for as
    long as the host does.
    """
    host = urlsplit(homepage).hostname
    return {
        "id": f"tag:{host},{SINCE}:{_hub(kind)}",
        "title": KIND_MARK.get(kind, "") + name,
        "subtitle": "Releases, revisions and withdrawals. Management information, not official statistics.",
        "home": homepage,
        "entries": [_entry(event, kind, homepage) for event in events],
    }


def _hub(kind: str) -> str:
    return "istv" if kind == "real" else f"istv-{kind}"


def _entry(event: dict[str, Any], kind: str, homepage: str) -> dict[str, Any]:
    first = event["pages"][0]
    if event["kind"] == "scheduled":
        about, link = event["month"], f"months/index.html#m-{event['month']}"
        title = f"{event['label']} published"
    else:
        about, link = first["way"], f"{first['way']}/index.html"
        title = f"{_history.name(first)}, {event['label']}, {_what(event)}"
    return event | {
        "id": f"tag:{urlsplit(homepage).hostname},{event['date']}:{_hub(kind)}/{about}/{event['kind']}",
        "title": KIND_MARK.get(kind, "") + title,
        "link": homepage + link,
    }


def _what(event: dict[str, Any]) -> str:
    version = f"version {event['pages'][0]['version']}"
    return f"{version} withdrawn" if event["kind"] == "withdrawn" else f"{version} ({event['kind']})"


def addresses(own: Sequence[str], newest: Iterable[dict[str, Any]], homepage: str) -> list[dict[str, str]]:
    """Return the sitemap's addresses with the date of their last change.

    The hub's own pages change with every release; of the others, the newest version of each page and month is listed
    at its permanent address, which ``latest`` names as its own.
    """
    pages = list(newest)
    last = max((page["release"]["date"] for page in pages), default="")
    ways = [(way, last) for way in sorted(own)]
    ways += sorted((f"{page['way']}/index.html", page["release"]["date"]) for page in pages)
    return [{"address": homepage + way, "changed": changed} for way, changed in ways]


def robots(kind: str, homepage: str) -> str:
    """Return robots.txt: nothing but real hubs may be listed by search engines."""
    rule = f"Allow: /\nSitemap: {homepage}sitemap.xml" if kind == "real" else "Disallow: /"
    return f"User-agent: *\n{rule}\n"
