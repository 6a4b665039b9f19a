"""Releases to the London Datastore: what would be created, replaced, skipped or left there, and then doing it.

A dry run reads and sends nothing. Nothing is sent but files that a release's ``datapackage.json`` lists with their
true sha256, whose tables stand in the release ledger, and whose form says that the attack was passed. The checksum of
each file decides whether it is sent, so that a run that was broken off is completed by the next.
"""

from __future__ import annotations

import functools
import html
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from istv_lib import _datapress, errors, months, params, store
from istv_lib._admit import File, Release, prefix, releases
from istv_lib._datapress import Call, Site, Stop

KEY = "DATASTORE_API"
SENDING = ("create", "replace", "describe")


@dataclass(frozen=True)
class Step:
    """One thing to do or to know: ``action``, the file or page it is about, and why.

    ``action`` is create, replace, describe (what the dataset says of itself), skip (the same bytes are there), left
    (not ours to change), remove (by hand) or refuse; ``state`` is done or failed once it was tried.
    """

    slug: str
    dataset: str
    name: str
    action: str
    why: str = ""
    state: str = ""
    needed: Callable[[dict[str, Any], bool], Call | None] | None = None


def connect(to: str | None, rng: np.random.Generator, *, sending: bool, **how: Any) -> Site:
    """Return the site to work with, with the key of the environment variable ``DATASTORE_API``.

    Parameters
    ----------
    to : str or None
        Address; None for that of ``parameters/datastore.yml``.
    rng : numpy Generator
        Spreads the waits between tries.
    sending : bool
        Whether anything is to be sent: only then a key is needed.
    **how
        Other ``rules`` than those of that file, or another ``sleep``.

    Raises
    ------
    errors.PublishError
        No key though something is to be sent, or an address or key that cannot be used.
    """
    rules = how.pop("rules", None) or params.Rules(params.file("datastore"))
    key = os.environ.get(KEY, "").strip()
    if sending and not key:
        msg = f"There is no key: set {KEY} to that of an account which edits these datasets (its profile shows it)."
        raise errors.PublishError(msg)
    return Site(to or rules["address"], rules, rng, key, **how)


# ---- what would be done ----------------------------------------------------------------------------------


def plan(where: store.Root, site: Site, *, month: str | None = None, slugs: Iterable[str] = ()) -> list[Step]:
    """Return what is to be done so that the Datastore holds a month's releases; only reads.

    Parameters
    ----------
    where : store.Root
        Root with the hub and the release ledger.
    site : Site
        See :func:`connect`.
    month : str, optional
        "YYYY-MM"; default the newest month of each page.
    slugs : iterable of str
        Pages, such as ``camden``; default all that have a dataset in ``parameters/datastore.yml``.

    Raises
    ------
    errors.PublishError
        No release fits, the datasets are not written as they must be, or the site cannot be worked with.

    Notes
    -----
    Of the versions of a month the newest that was not withdrawn counts. Where a version was withdrawn, files of its
    month at the Datastore that are not those of the version that counts are listed as to be removed, whichever month
    was asked for. The site's reference describes no call for that, and it cannot be undone: it is a person's act.
    """
    wanted, chosen = months.parse(month) if month else None, set(slugs)
    pages: dict[str, list[Release]] = {}
    for release in releases(where, local=site.local):
        if not chosen or release.slug in chosen:
            pages.setdefault(release.slug, []).append(release)
    pages = {slug: held for slug, held in pages.items() if wanted is None or any(r.month == wanted for r in held)}
    if not pages or chosen - set(pages):
        asked = ", ".join(filter(None, [*sorted(chosen - set(pages)), wanted]))
        msg = f"The hub of '{where.path.name}' holds no release of {asked or 'any page'}; publish it first."
        raise errors.PublishError(msg)
    ids = _datasets(site.rules["datasets"])
    steps: list[Step] = []
    for slug, held in pages.items():
        dataset = ids.get(slug, slug if site.local else "")
        if not dataset:
            steps.append(Step(slug, "", slug, "left", "parameters/datastore.yml names no dataset for it"))
            continue
        try:
            steps += _steps(site, dataset, held, wanted)
        except Stop:
            raise
        except errors.PublishError as error:
            steps.append(Step(slug, dataset, slug, "refuse", str(error)))
    return steps


def _datasets(ids: Mapping[str, Any]) -> dict[str, str]:
    named = {str(slug): str(name) for slug, name in ids.items()}
    if len(set(named.values())) < len(named) or not all(re.fullmatch(r"[A-Za-z0-9-]+", n) for n in named.values()):
        msg = "The datasets in parameters/datastore.yml must each have an id of its own, of letters and digits."
        raise errors.PublishError(msg)
    return named


def _steps(site: Site, dataset: str, held: list[Release], wanted: str | None) -> list[Step]:
    """Return the steps for one page's releases, oldest first, against its dataset as it is."""
    live = {release.month: release for release in held if not release.withdrawn}
    newest = max(live, default=None)
    target, there = live.get(wanted or newest), site.dataset(dataset)
    step, steps, used = functools.partial(Step, held[0].slug, dataset), [], set()
    if target and target.faults:
        steps.append(step(f"{target.slug}/{target.month}/v{target.version}", "refuse", "; ".join(target.faults)))
    for file in target.files if target else ():
        key, now = _held(there, file.name)
        used.add(key)
        act = "skip" if file.same(now) else "create" if now is None else "replace"
        why = "the same bytes are there" if act == "skip" else f"{len(file.content):,} bytes"
        steps.append(step(file.name, act, why, needed=functools.partial(_upload, file)))
    if target and target.files:
        wish = functools.partial(_wish, target, site.rules, whole=target.month == newest)
        fields = [change["path"].split("/")[1] for change in _datapress.changes(there, wish(there))]
        fields += ["resources"] * any(s.action == "create" for s in steps)
        needed = functools.partial(_describe, wish)
        steps += [step(dataset, "describe", ", ".join(dict.fromkeys(fields)), needed=needed)] if fields else []
    for key, now in there["resources"].items():
        if key not in used:
            name = str(now.get("title", key))
            twice = "a second file of the same name" * any(s.name == name for s in steps)
            why = twice or _withdrawn(now, held, live)
            act, why = ("remove", f"{why}: file '{key}' there") if why else ("left", "not of this release")
            steps.append(step(name, act, why))
    return steps


def _held(there: Mapping[str, Any], name: str) -> tuple[str, dict[str, Any] | None]:
    """Return key and particulars of the file of that name at the Datastore, or nothing."""
    return next(((key, now) for key, now in there["resources"].items() if now.get("title") == name), ("", None))


def _withdrawn(now: Mapping[str, Any], held: Iterable[Release], live: Mapping[str, Release]) -> str:
    """Return when a file at the Datastore was withdrawn; nothing where it was not, or is again what counts."""
    name = str(now.get("title", ""))
    for release in held:
        if release.withdrawn and name.startswith(prefix(release.slug, release.month)):
            files = live[release.month].files if release.month in live else ()
            if not any(file.name == name and file.same(now) for file in files):
                return f"withdrawn on {release.withdrawn['date']}"
    return ""


# ---- what is sent ----------------------------------------------------------------------------------------


def send(site: Site, steps: Iterable[Step], tick: Callable[[Step], None] = lambda _step: None) -> list[Step]:
    """Carry out the steps of :func:`plan` and return them with what became of each.

    A file that fails does not keep the others back; a fault that all would meet (key refused, no answer) ends the
    sending, and the rest is marked as not tried. What a dataset says of itself is changed only when all its files
    are there.
    """
    stopped, failed, done = "", set(), []
    for step in steps:
        if step.action in SENDING and step.needed:
            why = "not tried, because a file failed" * (step.action == "describe" and step.dataset in failed)
            why = f"not tried: {stopped}" if stopped else why
            try:
                if not why:
                    site.settle(step.dataset, step.needed)
            except errors.PublishError as error:
                why = str(error)
                stopped = why if isinstance(error, Stop) else ""
            failed |= {step.dataset} if why else set()
            step = replace(step, state="failed" if why else "done", why=why or step.why)  # noqa: PLW2901
        tick(step)
        done.append(step)
    return done


def _upload(file: File, there: Mapping[str, Any], sent: bool) -> Call | None:  # noqa: FBT001 - as settle gives it
    """Return the call that puts a file there, as a new one or in place of that of its name; None when it is there."""
    key, now = _held(there, file.name)
    same = file.same(now)
    return None if same or (sent and same is None) else _datapress.upload(file.name, file.content, key)


def _describe(wish: Callable[[Any], dict[str, Any]], there: Mapping[str, Any], sent: bool) -> Call | None:  # noqa: FBT001
    """Return the call that makes a dataset say what it should (JSON Patch); None when it does, or was told."""
    changes = [] if sent else _datapress.changes(there, wish(there))
    return _datapress.patch(changes) if changes else None


def _wish(release: Release, rules: Mapping[str, Any], there: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """Return what a dataset should say of the release's files that are there; of itself too, if ``whole``."""
    told = metadata(release.package, rules, there, release.files)
    return told if whole else {"resources": told["resources"]}


def metadata(
    package: Mapping[str, Any], rules: Mapping[str, Any], there: Mapping[str, Any], files: Iterable[File] = ()
) -> dict[str, Any]:
    """Map a release to what its dataset says of itself: the one place that knows the site's field names.

    Parameters
    ----------
    package : mapping
        The release's ``datapackage.json``.
    rules : mapping
        ``parameters/datastore.yml``: licence, topics, smallest geography, update frequency.
    there : mapping
        The dataset as the site gives it. Sites before DataPress 4 give a ``slug`` and name some fields otherwise.
    files : iterable of File
        Files of the release; each that is there gets a description and the period it covers.

    Returns
    -------
    dict
        Title with place and period; description as plain text, escaped, whose first 200 characters carry the message
        and do not repeat the title; and the ``maintainer`` (title, email) of ``parameters/release.yml``, if any.
    """
    istv, title, old = package["istv"], package["title"], "slug" in there
    for part in (istv.get("area_name", ""), istv.get("month_label", "")):
        title += "" if part.casefold() in title.casefold() else f", {part}"
    message = " ".join(package["description"].split())
    if title.casefold() in message[:200].casefold():
        message = re.sub(re.escape(title), "", message, count=1, flags=re.IGNORECASE).lstrip(" .:;,-")
    notes = [istv.get(name) for name in ("coverage_note", "rule_note", "standing")]
    text = "\n\n".join(filter(None, dict.fromkeys([message, *notes])))
    text, now = html.escape(text, quote=False), there.get("description") or ""
    told = {
        "title": title,
        "description": now if re.sub("<[^>]*>", " ", now).split() == text.split() else text,
        "tags": list(package["keywords"]),
        "topics": list(rules["topics"]),
        "licence": rules["licence"]["code"] if old else {k: rules["licence"][k] for k in ("title", "url")},
    }
    place, often = rules["smallest_geography"], rules["update_frequency"]
    told |= {"london_smallest_geography": place, "update_frequency": often} if old else {}
    told |= {} if old else {"custom": {"geo": place, "update_frequency": often}}
    if who := params.file("release").get("maintainer"):
        told |= {"maintainer": who["title"], "maintainer_email": who["email"]} if old else {"contact": dict(who)}
    resources = {}
    for file in files:
        first, last = file.span
        span = {"temporal_coverage_from": first, "temporal_coverage_to": last}
        span = span if old else {"timeframe": {"from": first, "to": last}}
        resources[_held(there, file.name)[0]] = {"description": file.about} | span
    return told | {"resources": {key: about for key, about in resources.items() if key}}
