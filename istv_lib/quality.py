"""What arrived, and how usable it is: the state of each site-month, and findings about one file or all.

Missing is never zero: a site-month without a file is ``missing`` (or ``late`` while it is the newest), and only
the hospital's own word makes it ``zero``. Low volume raises a query; only a gap in dates makes a month partial.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from istv_lib import errors, months, places, schema, tally

NEVER = "9999-99"


def site_months(
    submissions: pd.DataFrame, conformed: pd.DataFrame, located: pd.DataFrame, roster: pd.DataFrame, rules: Mapping
) -> pd.DataFrame:
    """Return the state of every site of the roster in every month from the first to the last submission.

    Parameters
    ----------
    submissions : DataFrame
        Accepted submissions in use, one per site and month.
    conformed, located : DataFrame
        Their records; ``record_id`` joins them.
    roster : DataFrame
        ``site_code``, ``valid_from``, ``valid_to`` (months or empty), ``synthetic``.
    rules : mapping
        ``due_days``, ``gap_chance``.

    Returns
    -------
    DataFrame
        As ``site_months`` of :mod:`istv_lib.schema`. ``not_joined`` before a site's first submission, ``closed``
        after its last valid month; a month is ``partial`` when its longest run of days without an arrival is too
        long to be chance at the rate of the other days.
    """
    held = months.span(submissions["month"].min(), submissions["month"].max())
    grid = pd.MultiIndex.from_product([sorted(roster["site_code"]), held], names=["site_code", "month"]).to_frame(
        index=False
    )
    grid = grid.merge(roster[["site_code", "valid_to", "synthetic"]], on="site_code", how="left")
    grid["first"] = grid["site_code"].map(submissions.groupby("site_code")["month"].min()).fillna(NEVER)
    grid = grid.merge(
        submissions[["site_code", "month", "received", "zero_declared"]], on=["site_code", "month"], how="left"
    )
    grid = grid.merge(_volumes(conformed, located, rules["gap_chance"]), on=["site_code", "month"], how="left")
    grid[["rows", "located", "gap"]] = grid[["rows", "located", "gap"]].fillna(0).astype("int64")
    days = grid["month"].map(months.days_in)
    sent = grid["received"].notna()
    grid["status"] = np.select(
        [
            ~sent & (grid["valid_to"] != "") & (grid["month"] > grid["valid_to"]),
            ~sent & (grid["month"] < grid["first"]),
            ~sent & (grid["month"] == held[-1]),
            ~sent,
            (grid["rows"] == 0) & grid["zero_declared"].eq(other=True),
            grid["gap"] > 0,
        ],
        ["closed", "not_joined", "late", "missing", "zero", "partial"],
        "complete",
    )
    grid["days_covered"] = (days - grid["gap"]).where(sent, 0)
    grid["days_late"] = _days_late(grid["month"], grid["received"], rules["due_days"])
    return schema.conform(grid[schema.SITE_MONTHS.names], "site_months")


def _volumes(conformed: pd.DataFrame, located: pd.DataFrame, chance: float) -> pd.DataFrame:
    keys = ["site_code", "month"]
    joined = conformed[["record_id", *keys, "arrival_at"]].merge(located[["record_id", "borough_gss"]], on="record_id")
    joined["known"] = joined["borough_gss"] != ""
    joined["day"] = joined["arrival_at"].dt.day
    grouped = joined.groupby(keys)
    out = pd.DataFrame({"rows": grouped.size(), "located": grouped["known"].sum()}).reset_index()
    out["gap"] = [
        _gap(days, rows, months.days_in(m), chance)
        for days, rows, m in zip(grouped["day"].unique(), out["rows"], out["month"], strict=True)
    ]
    return out


def _gap(days: np.ndarray, rows: int, length: int, chance: float) -> int:
    """Days in the longest run without an arrival, or 0 when a run so long can be chance."""
    seen = sorted(int(d) for d in days[~np.isnan(days)])
    if not seen:
        return 0
    edges = [0, *seen, length + 1]
    longest = max(b - a - 1 for a, b in itertools.pairwise(edges))
    rate = rows / max(length - longest, 1)
    return longest if np.exp(-rate * longest) * length < chance else 0


def _days_late(month: pd.Series, received: pd.Series, due_days: int) -> pd.Series:
    due = month.map(lambda m: date.fromisoformat(months.add(m, 1) + "-01") + timedelta(days=due_days - 1))
    late = pd.to_datetime(received) - pd.to_datetime(due)
    return late.dt.days.astype("Int64")


def of_site(frame: pd.DataFrame, site: str) -> pd.DataFrame:
    """Return one site's rows of any table with ``site_code``."""
    return frame[frame["site_code"] == site].reset_index(drop=True)


def intake_findings(
    submissions: pd.DataFrame, conformed: pd.DataFrame, quarantine: pd.DataFrame, located: pd.DataFrame, month: str
) -> pd.DataFrame:
    """Return what became of the rows of a site's file in use for a month, and how complete its records are.

    Parameters
    ----------
    submissions, quarantine : DataFrame
        Of the site, all months.
    conformed, located : DataFrame
        Of the site and month.
    month : str
        "YYYY-MM".

    Returns
    -------
    DataFrame
        Findings of measures ``rows`` (by ``fate``: header, blank, accepted, quarantined, duplicate), ``quarantined``
        (by ``reason``), ``completeness`` (by ``item``: numerator, denominator and share of records that hold a
        usable value) and ``precision`` (records by precision class of their place).

    Raises
    ------
    errors.StoreError
        When no file of the site is in use for the month.
    """
    used = submissions[(submissions["month"] == month) & (submissions["status"] == "accepted")]
    if used.empty:
        msg = f"No file of this site is in use for {month}; `istv status` shows what arrived."
        raise errors.StoreError(msg)
    file = used.iloc[0]
    fates = ["header", "blank", "accepted", "quarantined", "duplicate"]
    rows = pd.DataFrame({"stratum": fates, "value": [float(file[f"rows_{fate}"]) for fate in fates]})
    rows = rows.assign(measure="rows", stratum_dim="fate", n=float(file["rows_physical"]))
    aside = quarantine[quarantine["submission_id"] == file["submission_id"]]
    parts = [rows, _reasons(aside), _precision(located)]
    counts = pd.concat(parts).assign(unit="attendance")
    out = pd.concat([counts, completeness(conformed, located)])
    return tally.as_findings(
        out, None, file["site_code"], synthetic=bool(file["synthetic"]), method="count", period=(month, month)
    )


def _reasons(quarantine: pd.DataFrame) -> pd.DataFrame:
    why = quarantine["reason"].value_counts().sort_index()
    out = pd.DataFrame({"stratum": why.index.astype("object"), "value": why.to_numpy(dtype=float)})
    return out.assign(measure="quarantined", stratum_dim="reason", n=float(len(quarantine)))


def _precision(located: pd.DataFrame) -> pd.DataFrame:
    fine = located["precision_class"].value_counts().reindex(schema.PRECISION_CLASSES, fill_value=0)
    out = pd.DataFrame({"stratum": list(fine.index), "value": fine.to_numpy(dtype=float)})
    return out.assign(measure="precision", stratum_dim="precision_class", n=float(len(located)))


def precision_findings(located: pd.DataFrame) -> pd.DataFrame:
    """Return the records of all sites by month and precision class of their place, as findings of London."""
    parts = [
        tally.as_findings(
            _precision(mine).assign(unit="attendance"), None, places.LONDON,
            synthetic=bool(mine["synthetic"].all()), method="count", period=(month, month),
        )
        for month, mine in located.groupby("month")
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def quarantine_findings(submissions: pd.DataFrame, quarantine: pd.DataFrame, month: str) -> pd.DataFrame:
    """Return the rows set aside in the files in use for a month, by reason, as findings of London."""
    used = submissions[(submissions["month"] == month) & (submissions["status"] == "accepted")]
    aside = quarantine[quarantine["submission_id"].isin(used["submission_id"])]
    synthetic = bool(used["synthetic"].all())
    out = _reasons(aside).assign(unit="attendance")
    return tally.as_findings(out, None, places.LONDON, synthetic=synthetic, method="count", period=(month, month))


def file_findings(submissions: pd.DataFrame) -> pd.DataFrame:
    """Return a site's files as findings: ``value`` rows accepted, ``stratum`` the state of the file."""
    named = submissions[submissions["month"] != ""].sort_values(["month", "received"])
    out = pd.DataFrame(
        {
            "measure": "file",
            "unit": "attendance",
            "stratum_dim": "received",
            "stratum": named["received"] + " " + named["status"],
            "value": named["rows_accepted"].astype(float),
            "n": named["rows_physical"].astype(float),
            "place": named["site_code"],
            "place_type": "site",
            "period_start": named["month"],
            "period_end": named["month"],
            "synthetic": named["synthetic"],
            "source": "ed",
            "status": "final",
            "method": "count",
        }
    )
    return schema.conform(out, "finding")


def completeness(conformed: pd.DataFrame, located: pd.DataFrame) -> pd.DataFrame:
    """Return the share of records with a usable value of each item, as columns of findings."""
    usable = {
        "Arrival time": conformed["arrival_at"].notna(),
        "Incident date": conformed["incident_at"].notna(),
        "Incident time": conformed["incident_quality"] == "exact",
        "Method or weapon": conformed["method"] != "unknown",
        "Type of place": conformed["location_type"] != "unknown",
        "Location text": conformed["location_text"] != "",
        "Borough found from the text": located["borough_gss"] != "",
        "Street or better found": located["precision_class"].isin(["point", "junction", "street"]),
    }
    n = float(len(conformed))
    rows = [
        {"stratum": item, "numerator": float(mask.sum()), "value": float(mask.sum()) / n if n else np.nan}
        for item, mask in usable.items()
    ]
    return pd.DataFrame(rows).assign(denominator=n, n=n, unit="share", measure="completeness", stratum_dim="item")


def calendar_findings(site_months_: pd.DataFrame) -> pd.DataFrame:
    """Return the attendances that each site sent in each month, with the state of the site-month as stratum."""
    frame = site_months_.rename(columns={"site_code": "place", "status": "state"})
    out = pd.DataFrame(
        {
            "measure": "received",
            "unit": "attendance",
            "source": "ed",
            "place_type": "site",
            "place": frame["place"],
            "period_start": frame["month"],
            "period_end": frame["month"],
            "stratum_dim": "state",
            "stratum": frame["state"],
            "value": frame["rows"].astype(float).where(frame["state"].isin(["complete", "partial", "zero"])),
            "numerator": frame["located"].astype(float),
            "n": frame["rows"].astype(float),
            "status": np.where(frame["state"].isin(["complete", "partial", "zero"]), "final", "no_data"),
            "method": "count",
            "synthetic": frame["synthetic"],
        }
    )
    return schema.conform(out, "finding")
