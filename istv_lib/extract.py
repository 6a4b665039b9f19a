"""The harmonised extract: attendances of one area and month as rows for authorised partners.

The one product that holds rows and not figures, so it has its own rule, ``partner_extract`` in
``parameters/disclosure.yml``, and denies by default:

- *Whose rows.* Only those of sites on the roster whose agreement is in force and names the purpose, of the area and
  the month asked for. Which site a row came from is not in it.
- *Where and when.* A square of the lattice, the date and a band of hours; no point, minute, text or number of a
  record. A square is given only where a partner map would draw it, and never for children or at schools. Bands are
  of the calendar day, so that date and band together are one span of time; the pages count by nights.
- *Who.* Nothing about the patient stands in a row. Optional fields (age band, sex, ethnic group, alcohol) are a second
  table of counts by weapon group, with neither place nor day, so that no age can stand at a point. It is made only from
  sites whose agreement permits the field, and only when several supply it: else an optional field in a row, or a
  count of one hospital, would name the hospital. A group is told when it holds enough people and when enough other rows
  have its weapon group, so that it cannot be matched to the only rows there are; the rest is pooled, so sums hold.

One table with age in the rows without a square would be larger, but empty squares would then mark the rows with an age.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _extract_words as _words
from istv_lib import agreements as _agreements
from istv_lib import errors, hotspots, months, places, schema, store, tally
from istv_lib._csv import to_csv

__all__ = ["COLUMNS", "NOT_ON_ROSTER", "PEOPLE", "REASONS", "RULE", "Extract", "apart", "table", "to_csv"]

RULE = "partner_extract"
COLUMNS = (
    "marking synthetic month date date_is time_band borough borough_gss cell usability location_group location_type "
    "weapon_group method possible_duplicate possible_reattendance"
).split()
PEOPLE = "marking synthetic month area weapon_group age_band sex alcohol ethnic_group attendances".split()
NOT_ON_ROSTER = "not_on_roster"
REASONS = {**_agreements.REASONS, NOT_ON_ROSTER: "the site is not on the roster"}

_MARKS = ("possible_duplicate", "possible_reattendance")
_THRESHOLDS = ("lattice_m", "map_p_least", "k_least", "k_months", "sites_least")
_FIELD_SETS = ((("age_band", "sex"), ("age_band",), ("sex",)), (("alcohol",),), (("ethnic_group",),))
_ACCOUNT = ["item", "reason", "value", "unit"]
_ORDER = ["synthetic", "month", "weapon_group", *schema.OPTIONAL_FIELDS]


@dataclass(frozen=True)
class Extract:
    """Rows for partners, with what is needed to read and to answer for them.

    Attributes
    ----------
    frame : DataFrame
        One row per attendance, columns :data:`COLUMNS`, all text, ordered by content.
    people : DataFrame
        Counts by optional field, columns :data:`PEOPLE`; may be empty.
    dictionary : DataFrame
        ``table``, ``name``, ``meaning``, ``values``, ``unit``: one row per column of both tables.
    account : DataFrame
        ``item``, ``reason``, ``value``, ``unit``: rows in, left out and given, squares given and withheld, sites,
        and how far rows can be told apart.
    audience, rule : str
        "partner", and the rule of ``parameters/disclosure.yml``.
    id : str
        Hash of both tables.
    kind : str
        ``synthetic``, ``real`` or ``mixed``.
    left_out : dict
        Key of :data:`REASONS` by site left out; names hospitals, so it is for the team only.
    """

    frame: pd.DataFrame
    people: pd.DataFrame
    dictionary: pd.DataFrame
    account: pd.DataFrame
    audience: str
    rule: str
    id: str
    kind: str
    left_out: dict[str, str]


def table(
    events: pd.DataFrame,
    conformed: pd.DataFrame,
    roster: pd.DataFrame,
    agreements: Mapping[str, Any],
    *,
    area: places.Area,
    month: str,
    purpose: str,
    rules: Mapping[str, Any],
    disclosure_rules: Mapping[str, Any],
    on: str = "",
) -> Extract:
    """Make the extract of an area and month for a purpose.

    Parameters
    ----------
    events : DataFrame
        Schema ``event``; ED events of all London, of the month and of the months before it over which a square's
        attendances are counted (``extract_k_months``). With fewer months, fewer squares are given.
    conformed : DataFrame
        Schema ``conformed`` of the same records. Only the optional fields are read. Earlier events without a record
        do not count towards a square.
    roster : DataFrame
        ``site_code``, ``valid_from``, ``valid_to``.
    agreements : mapping
        As :func:`istv_lib.agreements.read` returns.
    area : places.Area
        London, with rows of "borough not known" too, a basic command unit or a borough; a site has no rows.
    month : str
        Month of arrival, YYYY-MM.
    purpose : str
        Code of a purpose in the register.
    rules : mapping
        ``lattice_m``, ``extract_k_least``, ``extract_k_months``, ``extract_sites_least``.
    disclosure_rules : mapping
        Content of ``parameters/disclosure.yml``.
    on : str, optional
        A further day, YYYY-MM-DD, on which agreements must be in force: the day on which the extract is handed over.
        Default: the last day of the month alone.

    Returns
    -------
    Extract

    Raises
    ------
    errors.ParameterError
        An unknown purpose, or a month of which the events hold nothing.
    errors.DisclosureError
        The rule is missing, or the account does not add up.
    errors.StoreError
        Events of the month without their record, or records that come twice.

    Notes
    -----
    How it can mislead: rows are attendances, so one assault can be several rows and one person too. A row is not a
    crime record and cannot be matched to one. Missing hospitals are not missing assaults: read ``sites_without_rows``
    in the account. Most sites send no age, so a square can be that of a child whose age nobody sent; the account
    counts such rows. Place, date and band are nearly always unique together: the extract is for named analysts.
    Extracts of nested areas, or of one month before and after a correction, can be subtracted from each other.
    """
    rule = _rule(disclosure_rules, rules)
    _agreements.demand_purpose(purpose, agreements)
    joined = _joined(events, conformed, month, rule["k_months"])
    obstacles = _obstacles(joined, roster, agreements, (month, purpose, on))
    here = tally.within(joined, area)
    now = _with_cells(here[~here["site_code"].isin(list(obstacles))], rule)
    now = now[now["month"] == month].reset_index(drop=True)
    frame = _rows(now, rule)
    people, told = _people(now, agreements, area, rule)
    month_in, month_here = joined[joined["month"] == month], here[here["month"] == month]
    left_out = {site: obstacles[site] for site in sorted(set(month_here["site_code"]) & set(obstacles))}
    account = _account(month_in, month_here, now, left_out)
    account += [("sites_without_rows", "", _silent(roster, month_in, obstacles, month), "site")]
    account += told + [("share_of_rows", name, share, "share") for name, share in apart(frame, rule["k_least"]).items()]
    flags = set(month_in["synthetic"])
    return Extract(
        frame,
        people,
        _words.dictionary(rule),
        pd.DataFrame(account, columns=_ACCOUNT).astype({"value": "float64"}),
        rule["audience"],
        RULE,
        store.sha256((to_csv(frame) + to_csv(people)).encode())[:16],
        "mixed" if len(flags) > 1 else _kind(flags.pop()),
        left_out,
    )


def _rule(disclosure_rules: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule with the values of the thresholds that it names."""
    rule = disclosure_rules["rules"].get(RULE)
    if rule is None:
        msg = f"parameters/disclosure.yml has no rule '{RULE}', so no extract can be made; restore it."
        raise errors.DisclosureError(msg)
    return {**rule, **{name: rules[rule[name]] for name in _THRESHOLDS}}


def _joined(events: pd.DataFrame, conformed: pd.DataFrame, month: str, window: int) -> pd.DataFrame:
    """Return the ED events of the month and those before it, with the optional fields of their records."""
    ed = events[(events["source"] == "ed") & events["month"].between(months.add(month, 1 - window), month)]
    wanted = ed.loc[ed["month"] == month, "event_id"]
    if wanted.empty:
        msg = f"There is no attendance of {month} in the store; take in the month's files with `istv intake` first."
        raise errors.ParameterError(msg)
    records = conformed[["record_id", *schema.OPTIONAL_FIELDS]].rename(columns={"record_id": "event_id"})
    lost = int((~wanted.isin(records["event_id"])).sum())
    twice = int(records["event_id"].duplicated().sum() + ed["event_id"].duplicated().sum())
    if lost or twice:
        msg = (
            f"Events and records do not match: {lost} attendances of {month} have no record and {twice} come twice; "
            "run `istv intake` again."
        )
        raise errors.StoreError(msg)
    return ed.merge(records, on="event_id", how="inner", validate="one_to_one")


def _obstacles(
    joined: pd.DataFrame, roster: pd.DataFrame, agreements: Mapping[str, Any], wish: tuple[str, str, str]
) -> dict[str, str]:
    """Return why a site's rows may not be given, for each site whose rows may not."""
    month, purpose, on = wish
    listed = set(roster["site_code"])
    days = [f"{month}-{months.days_in(month)}", *([on] if on else [])]
    found = {}
    for site in sorted(listed | set(joined["site_code"])):
        entry = _agreements.of(site, agreements)
        reasons = [_agreements.obstacle(entry, purpose, day) for day in days]
        found[site] = next(filter(None, reasons), "") if site in listed else NOT_ON_ROSTER
    return {site: reason for site, reason in found.items() if reason}


def _with_cells(open_: pd.DataFrame, rule: Mapping[str, Any]) -> pd.DataFrame:
    """Add the square that may be given, ``cell``, and why there is none, ``withheld``."""
    fit = (
        hotspots.mappable(open_, rule)
        & open_["category"].isin(rule["cell_categories"])
        & ~open_["location_type"].isin(rule["no_cell_places"])
        & ~open_["age_band"].isin(rule["no_cell_ages"])
    )
    x, y = open_["x"].where(fit).to_numpy(), open_["y"].where(fit).to_numpy()
    squares = open_.assign(cell=places.cell_of(x, y, int(rule["lattice_m"])))
    enough = squares.groupby(["synthetic", "cell"])["event_id"].transform("size") >= rule["k_least"]
    given = fit & enough & (squares["cell"] != "")
    coarse = ~open_["precision_class"].isin(hotspots.FIT) | (open_["location_p"] < rule["map_p_least"])
    withheld = np.select([given, coarse, ~fit], ["", "not_located", "never_mapped"], default="too_few_in_square")
    return squares.assign(cell=squares["cell"].where(given, ""), withheld=withheld)


def _rows(now: pd.DataFrame, rule: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows in the partner's columns, ordered by their content so that the order tells nothing."""
    exact = now["occurred_precision"] == "minute"
    dated = exact | (now["occurred_precision"] == "day")
    day = now["occurred_start"].where(dated, now["arrival_at"])
    names = dict(zip(places.boroughs()["gss"], places.boroughs()["name"], strict=True))
    band = dict(enumerate(_words.bands(rule["hours"])))
    out = {
        "marking": rule["marking"],
        "synthetic": now["synthetic"].map(_kind),
        "month": now["month"],
        "date": day.dt.strftime("%Y-%m-%d"),
        "date_is": np.select([dated, day.notna()], ["incident", "arrival"], default=_words.NOT_KNOWN),
        "time_band": (now["occurred_start"].dt.hour // rule["hours"]).where(exact).map(band),
        "borough": now["borough_gss"].map(names).fillna(_words.NOT_KNOWN),
        "borough_gss": now["borough_gss"],
        "cell": now["cell"],
        "usability": now["precision_class"].map(schema.USABILITY),
        "location_group": now["location_type"].map(places.group_of("location_type")),
        "location_type": now["location_type"],
        "weapon_group": now["method"].map(places.group_of("method")),
        "method": now["method"],
    }
    marks = ";" + now["flags"] + ";"
    out |= {mark: np.where(marks.str.contains(f";{mark};", regex=False), "yes", "no") for mark in _MARKS}
    frame = pd.DataFrame(out, columns=COLUMNS, index=now.index).astype("object").fillna("").astype("str")
    return frame.sort_values(COLUMNS, ignore_index=True)


def _kind(synthetic: bool) -> str:  # noqa: FBT001 - a value of the column of that name
    return "synthetic" if synthetic else "real"


# ---- people ----------------------------------------------------------------------------------------------


def _people(
    now: pd.DataFrame, agreements: Mapping[str, Any], area: places.Area, rule: Mapping[str, Any]
) -> tuple[pd.DataFrame, list[tuple]]:
    """Count people by optional field, and say what was counted and what could not be told."""
    now = now.assign(weapon_group=now["method"].map(places.group_of("method")))
    supply = {field: _supplying(now, field, agreements) for field in schema.OPTIONAL_FIELDS}
    parts, told = [], []
    for sets in _FIELD_SETS:
        shared = {fields: set.intersection(*(supply[f] for f in fields)) for fields in sets}
        chosen = next((fields for fields in sets if len(shared[fields]) >= rule["sites_least"]), ())
        told += [("field_not_told", field, len(supply[field]), "site") for field in sets[0] if field not in chosen]
        if chosen:
            use = now["site_code"].isin(list(shared[chosen]))
            parts.append(_grouped(now, use, chosen, rule["k_least"]))
            counted = int(parts[-1]["attendances"].sum())
            told.append(("people_counted", " and ".join(chosen), counted, "attendance"))
            told.append(("people_too_few", " and ".join(chosen), int(use.sum()) - counted, "attendance"))
    people = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*_ORDER, "attendances"])
    people = people.sort_values(_ORDER, ignore_index=True).assign(marking=rule["marking"], area=area.name)
    people["synthetic"] = people["synthetic"].map(_kind).astype("str")
    return people.astype({"attendances": "int64"})[PEOPLE], told


def _supplying(now: pd.DataFrame, field: str, agreements: Mapping[str, Any]) -> set[str]:
    """Return the sites that may send the field, and sent it in some row of the area and month."""
    sites = now.loc[now[field] != "", "site_code"].unique()
    return {site for site in sites if field in _agreements.permitted(_agreements.of(site, agreements))}


def _grouped(now: pd.DataFrame, use: pd.Series, fields: tuple[str, ...], k_least: int) -> pd.DataFrame:
    """Count the rows in use by weapon group and fields, and pool what is too small to be told."""
    by = ["synthetic", "month", "weapon_group"]
    values = now[use].assign(**{field: now.loc[use, field].replace("", "unknown") for field in fields})
    counts = values.groupby([*by, *fields]).size().rename("attendances").reset_index()
    rows = now.groupby(by).size().rename("rows").reset_index()
    counts = counts.merge(rows, on=by).sort_values(["attendances", *by, *fields], ignore_index=True)
    small = (counts["attendances"] < k_least) | (counts["rows"] - counts["attendances"] < k_least)
    for _, told in counts[~small].groupby("synthetic"):
        rest = counts.loc[small & (counts["synthetic"] == told["synthetic"].iloc[0]), "attendances"].sum()
        small[told.index[0]] = 0 < rest < k_least  # the smallest group joins a remainder that is too small itself
    counts.loc[small, ["weapon_group", *fields]] = _words.POOLED
    out = counts.groupby([*by, *fields])["attendances"].sum().reset_index()
    unsplit = {field: _words.ALL for field in schema.OPTIONAL_FIELDS if field not in fields}
    return out[out["attendances"] >= k_least].assign(**unsplit)


# ---- account ---------------------------------------------------------------------------------------------


def _account(month_in: pd.DataFrame, here: pd.DataFrame, now: pd.DataFrame, left_out: Mapping[str, str]) -> list[tuple]:
    """Return what became of each row of the month and of each square; both sums are checked."""
    reasons = here["site_code"].map(dict(left_out))
    lines = [("rows_left_out", "outside_area", len(month_in) - len(here), "attendance")]
    lines += [("rows_left_out", str(name), n, "attendance") for name, n in reasons.value_counts().sort_index().items()]
    squares = now["withheld"].value_counts().sort_index()
    bare = [("square_withheld", str(name), n, "attendance") for name, n in squares.items() if name]
    given = int(squares.get("", 0))
    if sum(line[2] for line in lines) + len(now) != len(month_in) or sum(line[2] for line in bare) + given != len(now):
        msg = (
            f"The account of {len(month_in)} rows does not add up; nothing was made: report it as a fault of the code."
        )
        raise errors.DisclosureError(msg)
    silent_on_age = int(((now["cell"] != "") & now["age_band"].isin(["", "unknown"])).sum())
    sites = pd.Series(dict(left_out), dtype="str").value_counts().sort_index()
    return [
        ("rows_in", "", len(month_in), "attendance"),
        *lines,
        ("rows_out", "", len(now), "attendance"),
        ("square_given", "", given, "attendance"),
        ("square_given", "age_not_known", silent_on_age, "attendance"),
        *bare,
        ("sites_in", "", now["site_code"].nunique(), "site"),
        *[("sites_left_out", str(name), n, "site") for name, n in sites.items()],
    ]


def _silent(roster: pd.DataFrame, month_in: pd.DataFrame, obstacles: Mapping[str, str], month: str) -> int:
    """Count the sites that were open and may share for the purpose, but have no row of the month."""
    opened = (roster["valid_from"].str[:7] <= month) & (
        (roster["valid_to"] == "") | (roster["valid_to"].str[:7] >= month)
    )
    expected = set(roster.loc[opened, "site_code"]) - set(obstacles)
    return len(expected - set(month_in["site_code"]))


def apart(frame: pd.DataFrame, k_least: int) -> dict[str, float]:
    """Say how far the rows of an extract can be told apart: shares of rows, by what is asked.

    Parameters
    ----------
    frame : DataFrame
        Columns :data:`COLUMNS`.
    k_least : int
        Rows that must be alike.

    Returns
    -------
    dict
        ``with_square``: rows that have one. ``squares_unique_in_time``: of these, rows that are alone in square, date
        and band. ``squares_few_alike``: of these, rows with fewer than ``k_least`` in month, square, weapon group and
        band. ``all_few_alike``: the same of all rows, with the borough where there is no square. Not a number when
        there is no such row.

    Notes
    -----
    Unique in the extract is not the same as known: it means that someone who knows place, day and hours of an assault
    finds its row. Source: k-anonymity (Sweeney 2002).
    """
    square = frame[frame["cell"] != ""]
    kind = ["synthetic", "month", "cell", "weapon_group", "time_band"]
    return {
        "with_square": len(square) / len(frame) if len(frame) else np.nan,
        "squares_unique_in_time": _share_below(square, ["synthetic", "cell", "date", "time_band"], 2),
        "squares_few_alike": _share_below(square, kind, k_least),
        "all_few_alike": _share_below(frame, [*kind, "borough_gss"], k_least),
    }


def _share_below(frame: pd.DataFrame, by: list[str], least: int) -> float:
    return float((frame.groupby(by)["month"].transform("size") < least).mean()) if len(frame) else np.nan
