"""What arrived, and how usable it is: the state of each site-month, and findings about one file or all.

Missing is never zero: a site-month without a file is ``missing`` (or ``late`` while it is the newest), and only
the hospital's own word makes it ``zero``. Low volume raises a query; only a gap in dates or the hospital's word makes
a month partial.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _queries, errors, months, places, schema, tally
from istv_lib._items import CLASSES, ITEMS, KEYS, shares
from istv_lib._states import SENT, chase, programme, run_dates, site_months

__all__ = [
    "CLASSES", "ITEMS", "SENT", "calendar_findings", "chase", "chase_findings", "file_findings", "intake_findings",
    "item_findings", "of_site", "programme", "quarantine_findings", "queries", "revision_findings", "run_dates",
    "shares", "site_months",
]  # fmt: skip
REVISED = {"before": "rows_before", "after": "rows_after"} | {k: k for k in ("same", "added", "removed", "changed")}


def of_site(frame: pd.DataFrame, site: str) -> pd.DataFrame:
    """Return one site's rows of any table with ``site_code``."""
    return frame[frame["site_code"] == site].reset_index(drop=True)


# ---- one hospital's month -----------------------------------------------------------------------------------------


def intake_findings(
    submissions: pd.DataFrame,
    reconciliation: pd.DataFrame,
    quarantine: pd.DataFrame,
    changes: pd.DataFrame,
    month: str,
) -> pd.DataFrame:
    """Return what became of the rows and columns of a site's files in use for a month.

    Parameters
    ----------
    submissions, reconciliation, quarantine, changes : DataFrame
        Of the site, all months.
    month : str
        "YYYY-MM".

    Returns
    -------
    DataFrame
        Findings, one row each of: ``rows`` (by ``fate``); ``set_aside`` (by ``reason``, also of repeats; ``flags``
        holds the severity); ``changed`` (attendances by ``field and rule``); ``personal`` (attendances by ``kind``
        of personal data taken out); ``column_dropped`` (files, by ``heading`` left at the door).

    Raises
    ------
    errors.StoreError
        When no file of the site is in use for the month.
    """
    used = submissions[(submissions["month"] == month) & (submissions["status"] == "accepted")]
    if used.empty:
        msg = f"No file of this site is in use for {month}; `istv status` shows what arrived."
        raise errors.StoreError(msg)
    rows, aside, edits = (
        table[table["submission_id"].isin(used["submission_id"])] for table in (reconciliation, quarantine, changes)
    )
    fates = rows.groupby("fate")["rows"].sum().reindex(schema.FATES, fill_value=0)
    repeats = rows[rows["fate"] == "duplicate"].groupby("reason")["rows"].sum()
    away = _counted(aside["reason"]).rename(index=str)
    severity = aside.drop_duplicates("reason").set_index("reason")["severity"]
    personal = edits["rule"].str.startswith("personal_")
    folded = (edits["field"] == "row") & edits["rule"].isin(repeats.index)
    touched = edits[~folded].drop_duplicates(["submission_id", "row_no", "field", "rule"])
    kinds = edits[personal].drop_duplicates(["submission_id", "row_no", "rule"])
    parts = [
        _strata("rows", "fate", fates, float(fates.sum())),
        _strata("set_aside", "reason", away, float(fates.sum())).assign(flags=list(severity.reindex(away.index))),
        _strata("set_aside", "reason", repeats, float(fates.sum())).assign(flags="repeat"),
        _strata("changed", "field and rule", _counted(touched["field"] + ": " + touched["rule"]), fates["accepted"]),
        _strata("personal", "kind", _counted(kinds["rule"].str.removeprefix("personal_")), fates["accepted"]),
        _strata("column_dropped", "heading", _counted(_headings(used)), len(used)).assign(unit="file"),
    ]
    out = pd.concat([part for part in parts if len(part)])
    return tally.as_findings(
        out, None, used["site_code"].iloc[0], synthetic=bool(used["synthetic"].all()), method="count",
        period=(month, month),
    )  # fmt: skip


def _headings(used: pd.DataFrame) -> pd.Series:
    named = used["dropped"].str.split(";").explode().str.strip()
    return named[named != ""]


def _counted(values: pd.Series) -> pd.Series:
    return values.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")


def _strata(measure: str, dim: str, counts: pd.Series, n: float) -> pd.DataFrame:
    out = pd.DataFrame({"stratum": counts.index.astype("object"), "value": counts.to_numpy(dtype=float)})
    return out.assign(measure=measure, stratum_dim=dim, n=float(n), unit="attendance", flags="")


def revision_findings(revisions: pd.DataFrame) -> pd.DataFrame:
    """Return what each later file changed: ``revision`` by ``change`` (before, after, same, added, removed, changed).

    ``flags`` holds the date received, and for ``changed`` the fields with their counts.
    """
    parts = [
        pd.DataFrame(
            {
                "stratum": name,
                "value": revisions[column].astype(float),
                "n": revisions["rows_after"].astype(float),
                "place": revisions["site_code"],
                "period_start": revisions["month"],
                "period_end": revisions["month"],
                "flags": revisions["received"] + np.where(name == "changed", " " + revisions["fields"], ""),
                "synthetic": revisions["synthetic"],
            }
        )
        for name, column in REVISED.items()
    ]
    order = ["period_start", "place", "flags"]
    out = pd.concat(parts).sort_values(order, kind="stable")
    return _of_sites(out, measure="revision", stratum_dim="change")


def _of_sites(out: pd.DataFrame, **given: object) -> pd.DataFrame:
    """Fill the columns that findings of sites share."""
    base = {"unit": "attendance", "source": "ed", "place_type": "site", "status": "final", "method": "count"}
    return schema.conform(out.assign(**{k: v for k, v in (base | given).items() if k not in out}), "finding")


def quarantine_findings(submissions: pd.DataFrame, quarantine: pd.DataFrame, month: str) -> pd.DataFrame:
    """Return the rows set aside in the files in use for a month, by reason, as findings of London."""
    used = submissions[(submissions["month"] == month) & (submissions["status"] == "accepted")]
    aside = quarantine[quarantine["submission_id"].isin(used["submission_id"])]
    rows = float(used["rows_physical"].sum())
    out = _strata("set_aside", "reason", _counted(aside["reason"]), rows)
    synthetic = bool(used["synthetic"].all())
    return tally.as_findings(out, None, places.LONDON, synthetic=synthetic, method="count", period=(month, month))


def file_findings(submissions: pd.DataFrame) -> pd.DataFrame:
    """Return files as findings: ``value`` rows accepted, ``stratum`` the date received and the state of the file."""
    named = submissions[submissions["month"] != ""].sort_values(["month", "received"])
    out = pd.DataFrame(
        {
            "stratum": named["received"] + " " + named["status"],
            "value": named["rows_accepted"].astype(float),
            "n": named["rows_physical"].astype(float),
            "place": named["site_code"],
            "period_start": named["month"],
            "period_end": named["month"],
            "synthetic": named["synthetic"],
        }
    )
    return _of_sites(out, measure="file", stratum_dim="received")


def item_findings(shares_: pd.DataFrame, measure: str, place: str, span: tuple[str, str]) -> pd.DataFrame:
    """Return shares of a site, or of all sites together, month by month, as findings.

    Parameters
    ----------
    shares_ : DataFrame
        As :func:`shares` returns.
    measure : str
        ``completeness``, ``validity``, ``usability`` or ``share``.
    place : str
        A site code, or ``london`` for all sites.
    span : (str, str)
        First and last month.

    Returns
    -------
    DataFrame
        ``stratum`` the item, ``value`` its share, ``n`` the attendances it rests on, ``share_used`` their part of
        all. A month without a record, or without one that the item applies to, is "no data".
    """
    held = shares_[(shares_["measure"] == measure) & shares_["month"].between(*span)]
    mine = held if place == places.LONDON else held[held["site_code"] == place]
    items = list(dict.fromkeys(held["item"]))
    grid = pd.MultiIndex.from_product([items, months.span(*span)], names=["item", "month"])
    out = mine.groupby(["item", "month"])[["numerator", "denominator", "rows"]].sum().reindex(grid).astype(float)
    out["n"] = out["denominator"]
    out["value"] = out["numerator"] / out["denominator"].where(out["denominator"] > 0)
    out["share_used"] = (out["denominator"] / out["rows"].where(out["rows"] > 0)).clip(upper=1.0)
    out["status"] = np.where(out["value"].isna(), "no_data", "final")
    out = out.drop(columns="rows").reset_index().rename(columns={"item": "stratum"})
    month = out.pop("month")
    given = {"measure": measure, "unit": "share", "stratum_dim": "class" if measure == "usability" else "item"}
    synthetic = bool(held["synthetic"].all())
    return tally.as_findings(out.assign(**given), month, place, synthetic=synthetic, method="share")


def calendar_findings(site_months_: pd.DataFrame) -> pd.DataFrame:
    """Return the attendances that each site sent in each month, with the state of the site-month as stratum."""
    sent = site_months_["status"].isin(SENT)
    out = pd.DataFrame(
        {
            "place": site_months_["site_code"],
            "period_start": site_months_["month"],
            "period_end": site_months_["month"],
            "stratum": site_months_["status"],
            "value": site_months_["rows"].astype(float).where(sent),
            "numerator": site_months_["located"].astype(float),
            "n": site_months_["rows"].astype(float),
            "status": np.where(sent, "final", "no_data"),
            "synthetic": site_months_["synthetic"],
        }
    )
    return _of_sites(out, measure="received", stratum_dim="state")


# ---- questions and reminders --------------------------------------------------------------------------------------


def queries(
    site_months_: pd.DataFrame,
    shares_: pd.DataFrame,
    conformed: pd.DataFrame,
    checks: Mapping[str, Mapping],
    month: str,
    rules: Mapping,
) -> pd.DataFrame:
    """Return what is to be asked about a month: the checks of scope ``file`` that hold, site by site.

    Parameters
    ----------
    site_months_, shares_ : DataFrame
        Of one site or of all; 13 months are looked at.
    conformed : DataFrame
        Records of the same sites and months, for codes that are new.
    checks : mapping
        ``parameters/checks.yml``.
    month : str
        The month asked about; nothing later is used.
    rules : mapping
        The thresholds that the checks name, ``query_months``, ``query_months_least`` and ``query_records_least``.

    Returns
    -------
    DataFrame
        Findings ``query``, one per site, check and item: ``value``, ``expected`` (what is usual for the site; missing
        where nothing is), ``n``, ``numerator`` (attendances touched), ``flags`` (the item).

    Notes
    -----
    How it can mislead: a query is a question. About one comparison in a thousand holds by
    chance, and a fault that has been there for a year is usual, so it raises no question here.
    """
    asked = {name: entry for name, entry in checks.items() if entry["scope"] == "file"}
    now = site_months_[(site_months_["month"] == month) & ~site_months_["status"].isin(["closed", "not_joined"])]
    codes = pd.concat(
        [
            conformed[[*KEYS, source]].rename(columns={source: "code"}).assign(column=source)
            for source in ("method_source", "location_type_source")
        ]
    )
    codes, rows = codes[codes["code"] != ""], []
    for _, state in now.iterrows():
        site = state["site_code"]
        look = _queries.at(state, *(of_site(t, site) for t in (site_months_, shares_, codes)), rules)
        for name, entry in asked.items():
            rows += [(site, name, *found, state["synthetic"]) for found in _queries.look(look, entry, rules)]
    names = ["place", "stratum", "flags", "value", "expected", "n", "numerator", "unit", "synthetic"]
    out = pd.DataFrame(rows, columns=names).assign(period_start=month, period_end=month)
    out["denominator"] = out["n"].where(out["unit"] == "share")
    return _of_sites(out, measure="query", stratum_dim="check")


def chase_findings(listed: pd.DataFrame) -> pd.DataFrame:
    """Return the list of :func:`chase` as findings: months owed in a row, with the state as stratum."""
    out = listed.rename(columns={"site_code": "place", "since": "period_start", "until": "period_end"})
    out = out.assign(stratum=listed["state"], value=listed["months"].astype(float), n=listed["months"].astype(float))
    kept = ["place", "period_start", "period_end", "stratum", "value", "n", "synthetic"]
    return _of_sites(out[kept], measure="owed", unit="file", stratum_dim="state")
