"""The state of each site-month, who owes a file, and who shares: a helper of :mod:`istv_lib.quality`."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from istv_lib import months, places, schema, tally

KEYS = ["site_code", "month"]
NEVER = "9999-99"
SENT = ("complete", "partial", "zero")
OWED = ("missing", "late", "partial")
SAID = ["site_code", "month", "state", "days", "on", "by"]


def site_months(
    submissions: pd.DataFrame,
    conformed: pd.DataFrame,
    located: pd.DataFrame,
    roster: pd.DataFrame,
    said: pd.DataFrame,
    rules: Mapping,
) -> pd.DataFrame:
    """Return the state of every site of the roster in every month from the first to the last submission.

    Parameters
    ----------
    submissions : DataFrame
        Accepted submissions in use; several of one site and month count together.
    conformed, located : DataFrame
        Their records; ``record_id`` joins them.
    roster : DataFrame
        ``site_code``, ``valid_from``, ``valid_to`` (months or empty), ``synthetic``.
    said : DataFrame
        The hospitals' word: ``site_code``, ``month``, ``state`` (zero, partial or closed), ``days`` (covered, or
        missing), ``on`` (date), ``by``. Of several words about one month the latest holds. May be empty.
    rules : mapping
        ``due_days``, ``gap_chance``.

    Returns
    -------
    DataFrame
        As ``site_months`` of :mod:`istv_lib.schema`. ``not_joined`` before a site's first submission or word,
        ``closed`` after its last valid month or by its word, ``zero`` by its word where no attendance came,
        ``late`` without a file in the newest month, ``missing`` without a file in an earlier one. A file without an
        attendance is ``missing`` too until the hospital says that nobody was treated. ``partial`` by its word, or
        when the longest run of days without an arrival is too long to be chance at the rate of the other days.
        A word never takes attendances away: zero or closed is not believed where some came.
    """
    held = months.span(submissions["month"].min(), submissions["month"].max())
    grid = pd.MultiIndex.from_product([sorted(roster["site_code"]), held], names=KEYS).to_frame(index=False)
    grid = grid.merge(roster[["site_code", "valid_to", "synthetic"]], on="site_code", how="left")
    word = _word(said)
    joined = pd.concat([submissions[KEYS], word.loc[word["state"] != "closed", KEYS]])
    grid["first"] = grid["site_code"].map(joined.groupby("site_code")["month"].min()).fillna(NEVER)
    grid = grid.merge(submissions.groupby(KEYS, as_index=False)["received"].max(), on=KEYS, how="left")
    grid = grid.merge(word, on=KEYS, how="left")
    grid = grid.merge(_volumes(conformed, located, rules["gap_chance"]), on=KEYS, how="left")
    grid[["rows", "located", "gap"]] = grid[["rows", "located", "gap"]].fillna(0).astype("int64")
    grid["status"] = _status(grid, held[-1])
    grid["days_covered"] = _days_covered(grid)
    grid["days_late"] = _days_late(grid["month"], grid["received"], rules["due_days"])
    return schema.conform(grid[schema.SITE_MONTHS.names], "site_months")


def _word(said: pd.DataFrame) -> pd.DataFrame:
    """Return the last word of each site about each month: ``state`` and ``days``."""
    told = said.reindex(columns=SAID).astype(dict.fromkeys([*KEYS, "state", "on"], "str"))
    told["days"] = pd.to_numeric(told["days"])
    return told.sort_values("on", kind="stable").drop_duplicates(KEYS, keep="last")[[*KEYS, "state", "days"]]


def _status(grid: pd.DataFrame, newest: str) -> np.ndarray:
    sent, some = grid["received"].notna(), grid["rows"] > 0
    ended = (grid["valid_to"] != "") & (grid["month"] > grid["valid_to"])
    return np.select(
        [
            ~some & ((~sent & ended) | grid["state"].eq("closed")),
            ~some & grid["state"].eq("zero"),
            ~sent & (grid["month"] < grid["first"]),
            ~sent & (grid["month"] == newest),
            ~some,
            (grid["gap"] > 0) | grid["state"].eq("partial"),
        ],
        ["closed", "zero", "not_joined", "late", "missing", "partial"],
        "complete",
    )


def _days_covered(grid: pd.DataFrame) -> pd.Series:
    """All days of the month, without the gap; for a partial month those that the hospital says, where it does."""
    days = grid["month"].map(months.days_in)
    covered = days - grid["gap"]
    told = grid["days"].where(grid["state"].eq("partial") & grid["days"].between(0, days))
    return told.fillna(covered).where(grid["status"].isin(SENT), 0)


def _volumes(conformed: pd.DataFrame, located: pd.DataFrame, chance: float) -> pd.DataFrame:
    joined = conformed[["record_id", *KEYS, "arrival_at"]].merge(located[["record_id", "borough_gss"]], on="record_id")
    joined["known"] = joined["borough_gss"] != ""
    joined["day"] = joined["arrival_at"].dt.day
    grouped = joined.groupby(KEYS)
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


def chase(
    site_months_: pd.DataFrame,
    submissions: pd.DataFrame,
    roster: pd.DataFrame,
    contacts: Mapping[str, str],
    month: str,
    calendar: Mapping,
    rules: Mapping,
) -> pd.DataFrame:
    """List whom to remind: hospitals that are open and sharing and owe a file of the month or of the year before.

    Parameters
    ----------
    site_months_ : DataFrame
        States of the sites.
    submissions : DataFrame
        All files, also refused ones.
    roster : DataFrame
        ``site_code``, ``name``.
    contacts : mapping
        Site code to role mailbox; absent where none is known.
    month : str
        "YYYY-MM".
    calendar : mapping
        ``cut_off_day`` and ``run_day`` of ``parameters/monthly.yml``: days of the month after.
    rules : mapping
        ``consistent_months``: how far back is looked.

    Returns
    -------
    DataFrame
        One row per site and unbroken run of months owed, the newest run first: ``site_code``, ``name``, ``state``
        (of the run's last month: missing, late, partial, or ``refused`` where a file came and was refused),
        ``since``, ``until``, ``months``, ``contact``, ``cut_off``, ``run`` (dates), ``synthetic``. Internal.
    """
    first = months.add(month, 1 - rules["consistent_months"])
    look = site_months_[site_months_["month"].between(first, month)].sort_values(KEYS)
    gone = set(look.loc[(look["month"] == month) & (look["status"] == "closed"), "site_code"])
    owed = look["status"].isin(OWED) & ~look["site_code"].isin(gone)
    run = (~owed).groupby(look["site_code"]).cumsum()
    refused = pd.MultiIndex.from_frame(submissions.loc[submissions["status"] == "refused", KEYS])
    state = look["status"].mask(
        pd.MultiIndex.from_frame(look[KEYS]).isin(refused) & (look["status"] != "partial"), "refused"
    )
    held = look.assign(state=state, run=run)[owed].groupby(["site_code", "run"])
    out = held.agg(
        state=("state", "last"), since=("month", "first"), until=("month", "last"), months=("month", "size"),
        synthetic=("synthetic", "first"),
    ).reset_index()  # fmt: skip
    names = roster.drop_duplicates("site_code", keep="last").set_index("site_code")["name"]
    out["name"], out["contact"] = out["site_code"].map(names), out["site_code"].map(dict(contacts)).fillna("")
    out["cut_off"], out["run"] = run_dates(month, calendar)
    order = ["site_code", "name", "state", "since", "until", "months", "contact", "cut_off", "run", "synthetic"]
    return out.sort_values(["until", "months", "site_code"], ascending=[False, False, True], ignore_index=True)[order]


def run_dates(month: str, calendar: Mapping) -> tuple[str, str]:
    """Return the last day on which a file of a month is in its run, and the day of the run (YYYY-MM-DD).

    ``calendar`` holds ``cut_off_day`` and ``run_day``, days of the month after, as ``parameters/monthly.yml`` does.
    """
    after = months.add(month, 1)
    return f"{after}-{calendar['cut_off_day']:02d}", f"{after}-{calendar['run_day']:02d}"


def programme(site_months_: pd.DataFrame, agreed: Collection[str], month: str, rules: Mapping) -> pd.DataFrame:
    """Return how many hospitals have agreed to share, share, and share consistently, as findings of London.

    Parameters
    ----------
    site_months_ : DataFrame
        States of the sites.
    agreed : collection of str
        Sites whose agreement is valid in the month.
    month : str
        "YYYY-MM".
    rules : mapping
        ``consistent_months``, ``consistent_months_least``.

    Returns
    -------
    DataFrame
        ``sites_agreed``, ``sites_sharing`` (complete, partial or zero in the month) and ``sites_consistent`` (so in
        at least ``consistent_months_least`` of the last ``consistent_months`` months, of which all are held);
        ``denominator`` is the number of sites open in the month.
    """
    span = months.span(months.add(month, 1 - rules["consistent_months"]), month)
    look = site_months_[site_months_["month"].isin(span)]
    now = look[(look["month"] == month) & (look["status"] != "closed")]
    open_ = set(now["site_code"])
    sent = look[look["status"].isin(SENT) & look["site_code"].isin(open_)].groupby("site_code").size()
    counts = {
        "sites_agreed": len(open_ & set(agreed)),
        "sites_sharing": int(now["status"].isin(SENT).sum()),
        "sites_consistent": int((sent >= rules["consistent_months_least"]).sum()),
    }
    synthetic = bool(now["synthetic"].all())
    return pd.concat(
        [
            tally.total(
                measure, value, places.LONDON, (month, month), unit="site", source="ed", synthetic=synthetic,
                denominator=float(len(open_)),
            )
            for measure, value in counts.items()
        ],
        ignore_index=True,
    )  # fmt: skip
