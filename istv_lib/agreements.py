"""Information sharing agreements: what each site may send us, for which purposes, and until when.

``parameters/agreements.yml`` is the register. Everything is denied by default: a site without an entry shares
nothing, a field that is not listed is not read, and a purpose that is not listed is not served.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import pandas as pd

from istv_lib import errors, params, schema

FILE = "parameters/agreements.yml"
CORE = ("arrival", "incident", "method", "method_other", "location_type", "location_text")
REASONS = {
    "no_agreement": "the site has no agreement",
    "not_started": "the agreement had not started",
    "expired": "the agreement had expired",
    "other_purpose": "the agreement does not name the purpose",
}
_TOP = ("core", "purposes", "sites")
_DATES = ("starts", "expires")
_ENTRY = ("fields", "purposes", *_DATES, "contact", "reference")


def read(content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the register of agreements, checked.

    Parameters
    ----------
    content : mapping, optional
        Content of ``parameters/agreements.yml``; default that file.

    Returns
    -------
    dict
        ``core`` (canonical fields under every agreement), ``purposes`` (code: words) and ``sites`` (site code:
        ``fields``, ``purposes``, ``starts``, ``expires``, ``contact``, ``reference``); dates are YYYY-MM-DD text.

    Raises
    ------
    errors.ParameterError
        All faults at once, each with its site: an unknown or absent name, another core than :data:`CORE`, a field that
        cannot be permitted, a purpose that is not on the list, a date that is none, an end before the start.
    """
    content = params.file("agreements") if content is None else content
    faults = _names("it", content, _TOP)
    if not faults:
        faults = (
            [] if content["core"] == list(CORE) else [f"'core' must be {', '.join(CORE)}, which intake always reads"]
        )
        for site, entry in content["sites"].items():
            faults += [f"{site}: {fault}" for fault in _faults(entry, content["purposes"])]
    if faults:
        msg = f"{FILE} cannot be used: {'; '.join(faults)}; mend it and run again."
        raise errors.ParameterError(msg)
    sites = {s: {**entry, **{k: str(entry[k]) for k in _DATES}} for s, entry in content["sites"].items()}
    return {**content, "sites": sites}


def _names(what: str, given: Any, wanted: Collection[str]) -> list[str]:
    if not isinstance(given, Mapping):
        return [f"{what} must hold names and values"]
    unknown = [f"{what} has the unknown name '{name}'" for name in given if name not in wanted]
    return unknown + [f"{what} lacks '{name}'" for name in wanted if name not in given]


def _faults(entry: Any, purposes: Collection[str]) -> list[str]:
    faults = _names("the entry", entry, _ENTRY)
    if faults:
        return faults
    known = {"fields": schema.OPTIONAL_FIELDS, "purposes": list(purposes)}
    for name, codes in known.items():
        if not isinstance(entry[name], list):
            faults.append(f"'{name}' must be a list, such as []")
            continue
        faults += [f"'{code}' in {name} is not one of {', '.join(codes)}" for code in entry[name] if code not in codes]
    off = [name for name in _DATES if not _is_date(entry[name])]
    faults += [f"{name} must be a date YYYY-MM-DD" for name in off]
    if not off and str(entry["expires"]) < str(entry["starts"]):
        faults.append("it expires before it starts")
    return faults


def _is_date(value: Any) -> bool:
    try:
        return date.fromisoformat(str(value)).isoformat() == str(value)
    except ValueError:
        return False


def of(site: str, agreements: Mapping[str, Any]) -> dict[str, Any]:
    """Return a site's agreement, as it stands in the register; empty when there is none.

    Parameters
    ----------
    site : str
        ODS site code.
    agreements : mapping
        As :func:`read` returns.
    """
    return dict(agreements["sites"].get(site, {}))


def permitted(agreement: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the canonical fields that may be read under an agreement: core, then optional; none without one."""
    return (*CORE, *agreement["fields"]) if agreement else ()


def refusal(site: str, agreement: Mapping[str, Any], received: str, filename: str) -> str:
    """Return why a file must not be opened, in one sentence; empty when the agreement covers it.

    Parameters
    ----------
    site : str
        ODS site code.
    agreement : mapping
        As :func:`of` returns.
    received : str
        Date received, YYYY-MM-DD. The day of the agreement's end is still covered.
    filename : str
        Name of the file, for the sentence.
    """
    reason = _in_force(agreement, received)
    if not reason:
        return ""
    words = {
        "no_agreement": f"{site} has no agreement",
        "not_started": f"the agreement of {site} starts only on {agreement.get('starts')}",
        "expired": f"the agreement of {site} expired on {agreement.get('expires')}",
    }
    return (
        f"'{filename}', received on {received}, was not opened, because {words[reason]}: enter the signed agreement in "
        f"{FILE}, or delete the file and tell the site."
    )


def obstacle(agreement: Mapping[str, Any], purpose: str, day: str) -> str:
    """Return why data may not be used for a purpose on a day: a key of :data:`REASONS`; empty when they may.

    Parameters
    ----------
    agreement : mapping
        As :func:`of` returns.
    purpose : str
        A code that :func:`demand_purpose` accepts.
    day : str
        YYYY-MM-DD.
    """
    reason = _in_force(agreement, day)
    return reason or ("" if purpose in agreement["purposes"] else "other_purpose")


def _in_force(agreement: Mapping[str, Any], day: str) -> str:
    if not agreement:
        return "no_agreement"
    if day < agreement["starts"]:
        return "not_started"
    return "expired" if day > agreement["expires"] else ""


def demand_purpose(purpose: str, agreements: Mapping[str, Any]) -> str:
    """Hand back a purpose that the register knows.

    Raises
    ------
    errors.ParameterError
        When it does not.
    """
    if purpose not in agreements["purposes"]:
        msg = f"There is no purpose '{purpose}' in {FILE}: choose {', '.join(agreements['purposes'])}."
        raise errors.ParameterError(msg)
    return purpose


def expiring(agreements: Mapping[str, Any], day: str, rules: Mapping[str, Any]) -> pd.DataFrame:
    """List the agreements that end soon, or have ended, soonest first.

    Parameters
    ----------
    agreements : mapping
        As :func:`read` returns.
    day : str
        The day to look from, YYYY-MM-DD.
    rules : mapping
        ``agreement_warning_days``: days before the end at which to warn, such as [90, 60, 30].

    Returns
    -------
    DataFrame
        ``site_code``, ``expires``, ``days_left`` (negative after the end), ``warning`` (the shortest notice reached,
        in days; 0 after the end), ``contact``, ``reference``. Agreements that end later are not listed.
    """
    notices = sorted(rules["agreement_warning_days"])
    today = date.fromisoformat(day)
    rows = []
    for site, entry in agreements["sites"].items():
        left = (date.fromisoformat(entry["expires"]) - today).days
        reached = [notice for notice in notices if left <= notice]
        if reached:
            warning = reached[0] if left >= 0 else 0
            rows.append((site, entry["expires"], left, warning, entry["contact"], entry["reference"]))
    frame = pd.DataFrame(rows, columns=["site_code", "expires", "days_left", "warning", "contact", "reference"])
    frame = frame.astype({"days_left": "int64", "warning": "int64"})
    return frame.sort_values(["days_left", "site_code"], ignore_index=True)
