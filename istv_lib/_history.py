"""What came out when: releases, revisions and withdrawals of the hub, as pages and feed tell them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from istv_lib import _clean, months

KINDS = {"scheduled": "Release", "revision": "Revision", "correction": "Correction", "withdrawn": "Withdrawal"}


def events(pages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every release, revision, correction and withdrawal of a hub, newest first.

    Parameters
    ----------
    pages : iterable of dict
        All entries of the hub, old versions and withdrawn ones too.

    Returns
    -------
    list of dict
        ``kind`` (a key of :data:`KINDS`), ``date``, ``at`` (with the hour of releases, RFC 3339), ``month``, ``label``,
        ``reason`` and ``pages``. First versions of one month that came out on one day are one event; every later
        version, and every withdrawal, is an event of its own.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for page in sorted(pages, key=lambda p: (p["area"] != "london", p["slug"].startswith("case-"), name(p), p["way"])):
        told = page["release"]
        kind = "revision" if page["version"] > 1 and told["kind"] == "scheduled" else told["kind"]
        key = (told["date"], page["month"], "" if kind == "scheduled" else page["way"], kind)
        event = found.setdefault(key, _event(kind, told["date"], page, told.get("reason") or ""))
        event["pages"].append(page)
        if gone := page.get("withdrawn"):
            event = _event("withdrawn", gone["date"], page, gone.get("reason") or "")
            found[gone["date"], page["month"], page["way"], "withdrawn"] = event | {"pages": [page]}
    return [found[key] for key in sorted(found, reverse=True)]


def _event(kind: str, date: str, page: dict[str, Any], reason: str) -> dict[str, Any]:
    clock = dt.time.fromisoformat(page["release"]["at"])  # the hour of releases, not of any clock
    at = dt.datetime.combine(dt.date.fromisoformat(date), clock, ZoneInfo(months.LONDON_TZ))
    return {
        "kind": kind,
        "date": date,
        "at": at.isoformat(),
        "month": page["month"],
        "label": months.label(page["month"]),
        "reason": _clean.plain(reason),
        "pages": [],
    }


def changes(told: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events that changed what was already out: revisions, corrections and withdrawals."""
    return [event for event in told if event["kind"] != "scheduled"]


def name(page: dict[str, Any]) -> str:
    """Return what a page is called in a list: its place or case, or its title where it is one of several of a place."""
    plain = page["slug"] == page["area"] or page["slug"].startswith("case-")
    return page["area_name"] if plain else page["heading"]


def day(date: str) -> str:
    """Return a date ("2026-03-20") as people write it: "20 March 2026"."""
    return f"{int(date[8:10])} {months.label(date[:7])}"
