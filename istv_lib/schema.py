"""What each table holds: columns, types, units and permitted codes, checked in one place.

Times are naive London wall-clock times (Europe/London); coordinates are British National Grid metres
(EPSG:27700); months are "YYYY-MM" text.

``docs/data_dictionary.md`` is generated from :data:`TABLES` and opens with the paragraph above.
"""

from __future__ import annotations

import pandas as pd

from istv_lib import errors
from istv_lib._codes import (  # noqa: F401 - read as schema.METHODS and so on
    AGE_BANDS,
    ALIAS_KINDS,
    ETHNIC_GROUPS,
    FATES,
    FINDING_STATUSES,
    LABEL_KINDS,
    LABEL_SAMPLES,
    LOCATION_TYPES,
    METHODS,
    OPTIONAL_FIELDS,
    PLACE_KINDS,
    PRECISION_CLASSES,
    SEVERITIES,
    SEXES,
    SHAPES,
    SOURCE_NAMES,
    STATUS_WORDS,
    STATUSES,
    UNITS,
    USABILITY,
    USABILITY_WORDS,
    YES_NO,
)
from istv_lib._columns import COUNT, FLAG, NUMBER, TEXT, TIME, Column, Table
from istv_lib._columns import col as _col

_SUBMISSION = _col("submission_id", TEXT, "first 16 hex digits of the sha256 of the file's bytes", null=False)
_ROW = _col("row_no", COUNT, "physical row in the file, counted from 1, header included", null=False)
_SYNTHETIC = _col("synthetic", FLAG, "the row was made by the synthetic London", null=False)
_SITE = _col("site_code", TEXT, "ODS site code of the department", null=False)
_MONTH = _col("month", TEXT, "month of arrival, London time; of submission where arrival is missing", null=False)

CONFORMED = Table(
    "conformed",
    "one accepted attendance of one submission, in canonical columns, with its text (restricted)",
    (
        _SUBMISSION,
        _ROW,
        _SITE,
        _MONTH,
        _SYNTHETIC,
        _col("record_id", TEXT, "stable id of the record: hash of submission and row", null=False),
        _col("shape", TEXT, "shape of the submission", SHAPES, null=False),
        _col("arrival_at", TIME, "arrival at the department"),
        _col("incident_at", TIME, "when the assault happened, as recorded"),
        _col(
            "incident_quality",
            TEXT,
            "what the incident time is worth",
            "exact date_only default missing".split(),
        ),
        _col("source_key", TEXT, "hash of the site and its own number of the record; empty when the file has none"),
        _col("location_text", TEXT, "free text of the place, personal data redacted"),
        _col("location_type", TEXT, "canonical type of place", LOCATION_TYPES, null=False),
        _col("location_type_source", TEXT, "type of place as the site codes it"),
        _col("method", TEXT, "canonical method of assault", METHODS, null=False),
        _col("method_source", TEXT, "method as the site codes it"),
        _col("method_other", TEXT, "the method in words, where the file has such a column, personal data redacted"),
        _col("age_band", TEXT, "age in years, in bands; empty unless sent and permitted", AGE_BANDS),
        _col("sex", TEXT, "sex as recorded; empty unless sent and permitted", SEXES),
        _col("ethnic_group", TEXT, "broad ethnic group; empty unless sent and permitted", ETHNIC_GROUPS),
        _col("alcohol", TEXT, "whether alcohol or drugs were involved; empty unless sent and permitted", YES_NO),
        _col("flags", TEXT, "semicolon-separated marks: ids of parameters/checks.yml"),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "one row that was set aside, with the reason and never its content",
    (
        _SUBMISSION,
        _ROW,
        _SITE,
        _SYNTHETIC,
        _col("reason", TEXT, "reason code: id of parameters/checks.yml, explained in docs/errors.md", null=False),
        _col("severity", TEXT, "how much it matters", SEVERITIES, null=False),
        _col("column", TEXT, "canonical column that caused it"),
    ),
)

CHANGES = Table(
    "changes",
    "one edit of one field that is more than reading it by its layout (restricted)",
    (
        _SUBMISSION,
        _ROW,
        _SITE,
        _SYNTHETIC,
        _col(
            "field",
            TEXT,
            "canonical column that was changed; 'row' when the whole row was folded or dropped",
            null=False,
        ),
        _col("rule", TEXT, "id of parameters/checks.yml, or the reading step that made the change", null=False),
        _col("before", TEXT, "value before, as read; withheld for personal data"),
        _col("after", TEXT, "value after; empty when it counts as missing"),
    ),
)

RECONCILIATION = Table(
    "reconciliation",
    "one fate of the physical rows of one accepted file; the rows of a file add up to its physical rows",
    (
        _SUBMISSION,
        _SITE,
        _MONTH,
        _SYNTHETIC,
        _col("fate", TEXT, "what became of the rows", FATES, null=False),
        _col("reason", TEXT, "id of parameters/checks.yml for rows set aside or repeated; empty for others"),
        _col("rows", COUNT, "physical rows", null=False),
    ),
)

REVISIONS = Table(
    "revisions",
    "one file that replaced an earlier one of the same site and month",
    (
        _SUBMISSION,
        _col("supersedes", TEXT, "submission that it replaced", null=False),
        _SITE,
        _MONTH,
        _SYNTHETIC,
        _col("received", TEXT, "date received of the later file, YYYY-MM-DD", null=False),
        _col("rows_before", COUNT, "attendances of the earlier file", null=False),
        _col("rows_after", COUNT, "attendances of the later file", null=False),
        _col("same", COUNT, "attendances that are the same in both", null=False),
        _col("added", COUNT, "attendances only in the later file", null=False),
        _col("removed", COUNT, "attendances only in the earlier file", null=False),
        _col("changed", COUNT, "attendances in both by their number, with another value in some field", null=False),
        _col("fields", TEXT, "fields that changed and in how many attendances, such as 'method 3; location_text 1'"),
    ),
)

SUBMISSIONS = Table(
    "submissions",
    "one file received from one site for one month",
    (
        _SUBMISSION,
        _SITE,
        _col("month", TEXT, "month the file is for; of a refused file that of its name, or empty"),
        _SYNTHETIC,
        _col("file", TEXT, "name of the file in its drop folder", null=False),
        _col("received", TEXT, "date received, YYYY-MM-DD", null=False),
        _col("shape", TEXT, "detected shape; empty when refused"),
        _col("layout", TEXT, "layout used to read it; empty when refused"),
        _col("status", TEXT, "accepted, superseded, duplicate_file or refused", null=False),
        _col("reason", TEXT, "why it was refused, one sentence"),
        _col("rows_physical", COUNT, "physical rows in the file"),
        _col("rows_header", COUNT, "header and title rows"),
        _col("rows_blank", COUNT, "blank rows"),
        _col("rows_total", COUNT, "rows that hold totals"),
        _col("rows_accepted", COUNT, "rows in the conformed table"),
        _col("rows_quarantined", COUNT, "rows set aside"),
        _col("rows_duplicate", COUNT, "rows that repeat an earlier row's id, or further injuries of one attendance"),
        _col("columns_dropped", COUNT, "columns left at the door: not read, or not permitted by the agreement"),
        _col("dropped", TEXT, "headings of those columns, separated by semicolons"),
        _col("pid_redacted", COUNT, "records in which personal data were redacted"),
        _col(
            "zero_declared",
            FLAG,
            "the file states its period and holds no record; that nobody was treated the hospital must say",
            null=False,
        ),
    ),
)

LOCATED = Table(
    "located",
    "one conformed record with its place and its text left behind",
    (
        _col("record_id", TEXT, "id of the conformed record", null=False),
        _SUBMISSION,
        _SITE,
        _MONTH,
        _SYNTHETIC,
        _col("x", NUMBER, "easting, metres, EPSG:27700"),
        _col("y", NUMBER, "northing, metres, EPSG:27700"),
        _col("precision_class", TEXT, "how fine the place is", PRECISION_CLASSES, null=False),
        _col("radius_m", NUMBER, "radius in metres within which the place lies, as stated by the gazetteer"),
        _col(
            "location_p",
            NUMBER,
            "calibrated probability that the point lies within 250 m of the truth; 0 without a point",
        ),
        _col("prior_decided", FLAG, "the attended hospital decided between equal candidates", null=False),
        _col("borough_gss", TEXT, "borough of the place; empty when not known"),
        _col("matched_kind", TEXT, "kind of gazetteer entry that matched"),
        _col("gap", NUMBER, "points to the next place elsewhere; empty where there is none"),
        _col("faults", TEXT, "codes of what the answer gained and lost"),
        _col("place_version", TEXT, "versions of place list, decisions, catchment, labels and method", null=False),
    ),
)

GAZETTEER = Table(
    "gazetteer",
    "one name and point of a place, from the files that `istv gazetteer build` read",
    (
        _col("name", TEXT, "the name in the one spelling in which texts are compared", null=False),
        _col("display", TEXT, "the name as the source writes it", null=False),
        _col("alias", TEXT, "what kind of name it is; bare: without the word that tells what it is", ALIAS_KINDS),
        _col("kind", TEXT, "what kind of place it is; district: an outcode or sector", PLACE_KINDS, null=False),
        _col("type", TEXT, "a finer word, such as pub, suburb or sector; empty when not known"),
        _col("place", TEXT, "id of the place, shared by all its names and points", null=False),
        _col("x", NUMBER, "easting, metres, EPSG:27700"),
        _col("y", NUMBER, "northing, metres, EPSG:27700"),
        _col("radius_m", NUMBER, "radius in metres within which the whole place lies"),
        _col("borough_gss", TEXT, "borough of the point; empty outside London"),
        _col("source", TEXT, "where the row comes from", null=False),
        _col("licence", TEXT, "on what terms", null=False),
    ),
)

_ANSWER = "x y precision_class radius_m location_p prior_decided borough_gss".split()

PLACE_ACCURACY = Table(
    "place_accuracy",
    "one labelled text with its true place and the place that was found for it, its text left behind (restricted)",
    (
        _SYNTHETIC,
        _col("sample", TEXT, "where the label comes from", LABEL_SAMPLES, null=False),
        _col("kind", TEXT, "what the text names, as labelled", LABEL_KINDS, null=False),
        _col("style", TEXT, "how the text is written; empty when not known"),
        _col("site_code", TEXT, "department attended; empty when not known"),
        _col("typos", COUNT, "mistypings in the text"),
        _col("x_true", NUMBER, "true easting, metres, EPSG:27700; missing where the text names no place"),
        _col("y_true", NUMBER, "true northing, metres, EPSG:27700"),
        _col("borough_true", TEXT, "true borough; empty when not known"),
        _col("lsoa_true", TEXT, "true Lower Layer Super Output Area; empty when not known"),
        *(column for column in LOCATED.columns if column.name in _ANSWER),
        _col("lsoa", TEXT, "Lower Layer Super Output Area of the point found; empty without a layer of them"),
        _col("place_version", TEXT, "versions of place list, decisions, catchment, labels and method"),
    ),
)

EVENT = Table(
    "event",
    "one event in the shape shared by all agencies",
    (
        _col("event_id", TEXT, "stable id within its source", null=False),
        _col("source", TEXT, "ed, mps, city, btp, las, lfb or tfl", null=False),
        _col("source_dataset", TEXT, "file or feed the event came from", null=False),
        _SUBMISSION,
        _ROW,
        _SYNTHETIC,
        _col("unit", TEXT, "unit of count", UNITS, null=False),
        _col("occurred_start", TIME, "earliest time it can have happened"),
        _col("occurred_end", TIME, "latest time it can have happened"),
        _col(
            "occurred_precision",
            TEXT,
            "how fine the time is",
            "minute hour day month none".split(),
            null=False,
        ),
        _col("arrival_at", TIME, "arrival at the department (ED only)"),
        _MONTH,
        _col("x", NUMBER, "easting, metres, EPSG:27700"),
        _col("y", NUMBER, "northing, metres, EPSG:27700"),
        _col("precision_class", TEXT, "how fine the place is", PRECISION_CLASSES, null=False),
        _col("radius_m", NUMBER, "radius in metres within which the place lies"),
        _col("location_p", NUMBER, "calibrated probability of lying within 250 m of the truth"),
        _col("prior_decided", FLAG, "the attended hospital decided between equal candidates", null=False),
        _col("borough_gss", TEXT, "borough of the incident; empty when not known"),
        _col("site_code", TEXT, "department attended (ED only)"),
        _col("category", TEXT, "what kind of event, in the source's words", null=False),
        _col("method", TEXT, "canonical method (ED only)", METHODS),
        _col("location_type", TEXT, "canonical type of place (ED only)", LOCATION_TYPES),
        _col("flags", TEXT, "semicolon-separated marks"),
    ),
)

SITE_MONTHS = Table(
    "site_months",
    "one site in one month: what arrived",
    (
        _SITE,
        _MONTH,
        _SYNTHETIC,
        _col("status", TEXT, "state of the site-month", STATUSES, null=False),
        _col("days_covered", COUNT, "days of the month that the file covers", null=False),
        _col("rows", COUNT, "attendances accepted", null=False),
        _col("located", COUNT, "attendances whose borough is known", null=False),
        _col("received", TEXT, "date received of the file in use"),
        _col("days_late", COUNT, "days after the due date; negative when early"),
    ),
)

FINDING = Table(
    "finding",
    "one result: a measure of a place in a period, perhaps of a stratum",
    (
        _col("measure", TEXT, "what is measured", null=False),
        _col("unit", TEXT, "unit of count", UNITS, null=False),
        _col("source", TEXT, "ed, or the agency", null=False),
        _col("place_type", TEXT, "london, bcu, borough, network (of hospitals), site or not_known", null=False),
        _col("place", TEXT, "GSS code, BCU code, name of a network, site code, london or not_known", null=False),
        _col("period_start", TEXT, "first month, YYYY-MM", null=False),
        _col("period_end", TEXT, "last month, YYYY-MM, included", null=False),
        _col("stratum_dim", TEXT, "dimension of the stratum; empty for all"),
        _col("stratum", TEXT, "stratum; empty for all"),
        _col("value", NUMBER, "the figure; empty when there are no data"),
        _col("numerator", NUMBER, "count above the line of a rate or share"),
        _col("denominator", NUMBER, "count below the line of a rate or share"),
        _col("lower", NUMBER, "lower end of the 95 % interval"),
        _col("upper", NUMBER, "upper end of the 95 % interval"),
        _col("expected", NUMBER, "expected value given season, days and coverage"),
        _col("limit_low", NUMBER, "lower control limit"),
        _col("limit_high", NUMBER, "upper control limit"),
        _col("p", NUMBER, "two-sided chance of a figure so far from what was expected, or from no change"),
        _col("n", NUMBER, "records the figure rests on"),
        _col("share_used", NUMBER, "share of the records that could be used"),
        _col("coverage", NUMBER, "share of expected attendances covered (borough-month)"),
        _col("flags", TEXT, "semicolon-separated signals, such as above_limit"),
        _col("status", TEXT, "state of the figure", FINDING_STATUSES, null=False),
        _col("method", TEXT, "name of the method, explained in docs/methods.md", null=False),
        _SYNTHETIC,
    ),
)

TABLES = {
    t.name: t
    for t in (
        CONFORMED,
        QUARANTINE,
        CHANGES,
        SUBMISSIONS,
        RECONCILIATION,
        REVISIONS,
        LOCATED,
        GAZETTEER,
        PLACE_ACCURACY,
        EVENT,
        SITE_MONTHS,
        FINDING,
    )
}


def empty(name: str) -> pd.DataFrame:
    """Return a table of that name without rows, with every column in its type."""
    return pd.DataFrame({c.name: pd.Series(dtype=c.dtype) for c in TABLES[name].columns})


def conform(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give a frame the columns, order and types of a table; absent columns are filled with missing values.

    Parameters
    ----------
    frame : DataFrame
        Any subset of the table's columns; other columns are refused.
    name : str
        A key of :data:`TABLES`.

    Returns
    -------
    DataFrame
        A new frame that passes :func:`check`.

    Raises
    ------
    errors.StoreError
        All faults at once: unknown columns, missing values where none are allowed, codes off the list.
        The message holds counts and column names, never a value of the data.
    """
    table = TABLES[name]
    out = {}
    for column in table.columns:
        given = frame[column.name] if column.name in frame else pd.Series(pd.NA, index=frame.index, dtype="object")
        out[column.name] = _cast(given, column)
    unknown = [c for c in frame.columns if c not in table.names]
    if unknown:
        msg = f"Table '{name}' has no column {', '.join(map(repr, unknown))}: see docs/data_dictionary.md."
        raise errors.StoreError(msg)
    result = pd.DataFrame(out, index=frame.index).reset_index(drop=True)
    check(result, name)
    return result


def check(frame: pd.DataFrame, name: str) -> None:
    """Refuse a frame that is not the named table, listing every fault at once (counts only)."""
    table = TABLES[name]
    faults = []
    if list(frame.columns) != table.names:
        faults.append(f"columns differ: {sorted(set(frame.columns) ^ set(table.names)) or 'order'}")
    for column in table.columns:
        if column.name not in frame:
            continue
        values = frame[column.name]
        missing = 0 if column.nullable else int((values.isna() | (values == "")).sum())
        if missing:
            faults.append(f"{column.name}: {missing} missing")
        off = int((~values.isin([*column.codes, ""]) & values.notna()).sum()) if column.codes else 0
        if off:
            faults.append(f"{column.name}: {off} not on the code list")
    if faults:
        msg = f"Table '{name}' ({len(frame)} rows) is not as docs/data_dictionary.md says: {'; '.join(faults)}."
        raise errors.StoreError(msg)


def _cast(values: pd.Series, column: Column) -> pd.Series:
    if column.dtype == TEXT == values.dtype and not values.hasnans:
        return values  # as most are
    if column.dtype == TEXT:
        return values.astype("object").where(values.notna(), "").astype("str")
    if column.dtype == FLAG:
        return values.astype("boolean").fillna(value=False).astype("bool")
    if column.dtype == TIME:
        return pd.to_datetime(values).astype(TIME)
    return pd.to_numeric(values, errors="raise").astype(column.dtype)


def as_markdown() -> str:
    """Return the data dictionary, ``docs/data_dictionary.md``."""
    parts = [
        "# Data dictionary",
        "",
        "Generated from `istv_lib/schema.py`; do not edit by hand.",
        "",
        __doc__.split("\n\n")[1],
    ]
    for table in TABLES.values():
        parts += [
            "",
            f"## {table.name}",
            "",
            f"One row: {table.row}.",
            "",
            "| column | type | may be missing | meaning |",
        ]
        parts.append("|---|---|---|---|")
        for column in table.columns:
            codes = f" Codes: {', '.join(column.codes)}." if column.codes else ""
            missing = "yes" if column.nullable else "no"
            parts.append(f"| `{column.name}` | {column.dtype} | {missing} | {column.meaning}.{codes} |")
    return "\n".join(parts) + "\n"
