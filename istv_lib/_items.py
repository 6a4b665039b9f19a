"""How well each item is filled in, counted by site and month: a helper of :mod:`istv_lib.quality`.

One long table holds every share that the pages on quality use, so that a trend, a comparison with other hospitals
and a query always rest on the same numbers.
"""

from __future__ import annotations

import pandas as pd

from istv_lib import gazetteer, geocode, schema

KEYS = ["site_code", "month"]
ITEMS = {
    "arrival_time": "Time of arrival",
    "incident_date": "Date of the assault",
    "incident_time": "Time of the assault, not a default",
    "method": "Method or weapon",
    "method_other": "Method in words, where it is “other”",
    "place_type": "Type of place",
    "place_text": "Place in words",
    "place_usable": "Place found to a street or better, homes aside",
    "borough": "Borough found, homes aside",
}
CLASSES = {letter: f"{letter}: {words}" for letter, words in schema.USABILITY_WORDS.items()}
USABLE = ("A", "B")
_ARRIVAL_FAULTS = ("arrival_unreadable", "arrival_outside_month")
_COLUMNS = [*KEYS, "measure", "item", "numerator", "denominator", "rows", "synthetic"]


def shares(
    submissions: pd.DataFrame, conformed: pd.DataFrame, located: pd.DataFrame, quarantine: pd.DataFrame
) -> pd.DataFrame:
    """Count, for each site and month, in how many attendances each item is usable, and how much of it is valid.

    Parameters
    ----------
    submissions : DataFrame
        Gives the month of the rows set aside.
    conformed, located : DataFrame
        Records in use; ``record_id`` joins them.
    quarantine : DataFrame
        Rows set aside: those whose arrival could not be used count as written and not valid.

    Returns
    -------
    DataFrame
        ``site_code``, ``month``, ``measure``, ``item``, ``numerator``, ``denominator``, ``rows`` (attendances),
        ``synthetic``. Measures:

        - ``completeness``: something usable is written, of all attendances (of those with method "other" for its
          words; of those not at a home for the place found and its borough);
        - ``validity``: readable, on the list and plausible, of those where something is written;
        - ``usability``: by class of :data:`istv_lib.schema.USABILITY`, of all attendances; a home by code is H;
        - ``share``: ``default_time``, ``rounded_time``, ``personal_data``, ``unmapped``.

        A site-month without a record has no rows: missing is not zero.

    Notes
    -----
    How it can mislead: a code that says "not known" is valid and not complete. A text that names a place wrongly
    counts as complete. What the place finder cannot find is the hospital's loss and not always its fault.
    """
    joined = conformed.merge(located[["record_id", "precision_class", "borough_gss"]], on="record_id")
    pairs = _pairs(joined)
    columns = {
        f"{part} {k}": mask for k, pair in enumerate(pairs.values()) for part, mask in zip("nd", pair, strict=True)
    }
    sums = pd.DataFrame(columns, index=joined.index).groupby([joined[key] for key in KEYS]).sum()
    rows = joined.groupby(KEYS).agg(rows=("record_id", "size"), synthetic=("synthetic", "all"))
    parts = [
        rows.assign(measure=measure, item=item, numerator=sums[f"n {k}"], denominator=sums[f"d {k}"]).reset_index()
        for k, (measure, item) in enumerate(pairs)
    ]
    out = pd.concat(parts, ignore_index=True)[_COLUMNS]
    aside = _arrivals_aside(submissions, quarantine)
    extra = pd.MultiIndex.from_frame(out[KEYS]).map(aside).fillna(0).to_numpy(dtype="int64")
    valid_arrival = (out["measure"] == "validity") & (out["item"] == "arrival_time")
    out["denominator"] += extra * valid_arrival
    return out


def _arrivals_aside(submissions: pd.DataFrame, quarantine: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Rows of the files in use whose arrival could not be used, by site and month."""
    faulty = quarantine[quarantine["reason"].isin(_ARRIVAL_FAULTS)]
    used = submissions.loc[submissions["status"] == "accepted", ["submission_id", *KEYS]]
    return faulty[["submission_id"]].merge(used, on="submission_id").groupby(KEYS).size().to_dict()


def has(flags: pd.Series, name: str) -> pd.Series:
    """Tell which of the semicolon-separated marks of records hold a name."""
    return (";" + flags + ";").str.contains(f";{name};", regex=False)


def usability(records: pd.DataFrame) -> pd.Series:
    """Return the class of usability of each place; H where the text or the code says home."""
    home = (records["precision_class"] == "home") | (records["location_type"] == "home")
    return records["precision_class"].map(schema.USABILITY).mask(home, "H")


def says_nothing(texts: pd.Series) -> pd.Series:
    """Tell which texts are empty or hold only words such as "not known"."""
    known = texts.drop_duplicates()
    nothing = geocode.text_class(gazetteer.normalise(known)) == "none"
    return texts.map(dict(zip(known, nothing, strict=True))).astype(bool) | (texts == "")


def _pairs(joined: pd.DataFrame) -> dict[tuple[str, str], tuple[pd.Series, pd.Series]]:
    """Return numerator and denominator, as marks of records, of every measure and item."""
    every = pd.Series(data=True, index=joined.index)
    fine = usability(joined)
    away = fine != "H"
    done = {
        **_times(joined, every),
        **_codes(joined, every),
        **_texts(joined, every),
        ("completeness", "place_usable"): (fine.isin(USABLE), away),
        ("completeness", "borough"): ((joined["borough_gss"] != "") & away, away),
        ("share", "personal_data"): (has(joined["flags"], "personal_data"), every),
    }
    done |= {("usability", name): (fine == name, every) for name in schema.USABILITY_WORDS}
    order = list(ITEMS)
    return dict(sorted(done.items(), key=lambda pair: order.index(pair[0][1]) if pair[0][1] in ITEMS else len(order)))


def _times(joined: pd.DataFrame, every: pd.Series) -> dict:
    flags, quality = joined["flags"], joined["incident_quality"]
    arrived, at = joined["arrival_at"].notna(), joined["incident_at"].notna()
    timed = arrived & ~has(flags, "arrival_date_only")
    lost = has(flags, "incident_unreadable") | has(flags, "incident_after_arrival")
    clock = has(flags, "incident_clock_gap")
    exact, told = quality == "exact", quality.isin(["exact", "default"])
    rounded = joined["incident_at"].dt.minute.isin([0, 30]) & exact
    return {
        ("completeness", "arrival_time"): (timed, every),
        ("validity", "arrival_time"): (timed & ~has(flags, "arrival_clock_gap"), arrived),
        ("completeness", "incident_date"): (at, every),
        ("validity", "incident_date"): (at & ~lost & ~clock & ~has(flags, "incident_long_before"), at | lost),
        ("completeness", "incident_time"): (exact, every),
        ("validity", "incident_time"): (exact & ~lost & ~clock, told | lost),
        ("share", "default_time"): (quality == "default", told),
        ("share", "rounded_time"): (rounded, exact),
    }


def _codes(joined: pd.DataFrame, every: pd.Series) -> dict:
    out = {}
    odd = {c: has(joined["flags"], f"unmapped_{c}") for c in ("method", "location_type")}
    for item, column in (("method", "method"), ("place_type", "location_type")):
        known = joined[column] != "unknown"
        written = (joined[f"{column}_source"] != "") | known
        out["completeness", item] = (known, every)
        out["validity", item] = (written & ~odd[column], written)
    other = joined["method"] == "other"
    out["completeness", "method_other"] = (other & (joined["method_other"] != ""), other)
    out["share", "unmapped"] = (odd["method"] | odd["location_type"], every)
    return out


def _texts(joined: pd.DataFrame, every: pd.Series) -> dict:
    written = joined["location_text"] != ""
    said = ~says_nothing(joined["location_text"])
    return {
        ("completeness", "place_text"): (said, every),
        ("validity", "place_text"): (said & ~has(joined["flags"], "location_too_long"), written),
    }
