"""What one month of one place says: each function gives a sentence, true of the released finding alone."""

from __future__ import annotations

import pandas as pd

from istv_lib import _marks, months
from istv_lib._block import demand
from istv_lib.disclosure import Released

MORE = "Methods and limits"  # the page of the hub that tells more
ATTENDANCES = "attendances at emergency departments because of assault"
CANNOT = (
    "The figures cannot say how much violence there was, because not everyone who is hurt goes to hospital and a place "
    "is not always written down"
)


def brief(trend: Released, sites: pd.Series, place: str) -> list[str]:
    """Return five sentences: what is counted, how many, against what is usual, how complete, what it cannot say."""
    row = _marks.single(demand(trend).table).iloc[-1]
    month = months.label(row["period_end"])
    inside = "" if place == "London" else f" that happened in {the(place)}"
    return [
        f"These are visits to London's emergency departments in {month} because of an assault{inside}.",
        f"**{_figure(trend, row)}.**",
        compared(row),
        f"{_complete(sites, row, place)}.",
        f"{CANNOT}; “{MORE}” tells more.",
    ]


def the(place: str) -> str:
    """Return a place as a sentence says it."""
    return f"the {place}" if place.startswith("City of") else place


def _figure(trend: Released, row: pd.Series) -> str:
    """Say the month's figure, or what stands in its place; no full stop."""
    about = "about " if _marks.base(trend) > 1 else ""
    if "[c]" in row["symbol"]:
        wider = _marks.around(trend.table, row["period_end"])
        instead = "" if wider is None else f"; for {_period(wider)} together there were {about}{wider['value']:,.0f}"
        return f"The number is withheld to protect people{instead}"
    if pd.isna(row["value"]):
        return "No number can be shown, because the hospitals that usually supply it sent no usable data"
    if row["value"] == 0:
        return "No such visit was recorded"
    so_far = " so far" if row["status"] == "provisional" else ""
    return f"{f'{about}{row.value:,.0f}'.capitalize()} {'was' if row['value'] == 1 else 'were'} recorded{so_far}"


def _period(row: pd.Series) -> str:
    return f"{months.label(row['period_start'])} to {months.label(row['period_end'])}"


def _complete(sites: pd.Series, row: pd.Series, place: str) -> str:
    told = sent(sites, the(place))
    if pd.notna(row["coverage"]) and row["coverage"] > 0 and row["status"] in {"final", "provisional"}:
        told += f", and about {row['coverage']:.0%} of what usually arrives could be used"
    if "[r]" in row["symbol"]:
        told += "; one of them has sent the month again"
    if "[b]" in row["symbol"]:
        told += "; one joined, closed or merged in the month"
    return told + ("; late files can still change the figure" if row["status"] == "provisional" else "")


def count(row: pd.Series, place: str, *, rounded: bool = False) -> str:
    """Say how many attendances there were in the month of a finding."""
    month = months.label(row["period_end"])
    if "[c]" in row["symbol"]:
        return f"The number of {ATTENDANCES} for {place} in {month} is withheld to protect people."
    if "[x]" in row["symbol"]:
        return f"No data can be shown for {place} in {month}: the hospitals that usually supply it sent none."
    value = row["value"]
    if value == 0:
        return f"In {month} no attendance at an emergency department because of assault was recorded for {place}."
    if value == 1:
        return f"In {month} {place} had 1 attendance at an emergency department because of assault."
    return f"In {month} {place} had {'about ' if rounded else ''}{value:,.0f} {ATTENDANCES}."


def compared(row: pd.Series) -> str:
    """Say in one sentence whether the month lies outside its expected range, or why that cannot be said."""
    if "[x]" in row["symbol"]:
        return "This is a gap in the data, not an absence of violence."
    if row["status"] == "gated":
        share = (
            f"about {row['coverage']:.0%} of" if pd.notna(row["coverage"]) and row["coverage"] > 0 else "too little of"
        )
        told = f"Only {share} the data usually received for it arrived in usable form"
        if "above_limit" in row["flags"]:
            return f"{told}, and even so more attendances were counted than is usual for that part."
        return f"{told}, so this month is incomplete and is not compared with others."
    if "[c]" in row["symbol"]:
        return "A withheld number is not compared with other months."
    if "no_baseline" in row["flags"]:
        return "There are not yet enough earlier months to say what is usual."
    if pd.isna(row["limit_high"]):
        return "There is no expected range to set it against."
    expected = f"the expected range of {row['limit_low']:,.0f} to {row['limit_high']:,.0f}"
    way = outside(row)
    if not way:
        return f"There is no clear change: it lies within {expected}."
    shown = row["value"] > row["limit_high"] if way == "higher" else row["value"] < row["limit_low"]
    return (
        f"That is {way} than {expected}{'' if shown else ' before rounding'}, where chance alone seldom takes a month."
    )


def outside(row: pd.Series) -> str:
    """Return "higher" or "lower" for a comparable month outside its expected range, else nothing."""
    if row["status"] not in {"final", "provisional"} or pd.isna(row["value"]):
        return ""
    flags = row["flags"].split(";")
    return "higher" if "above_limit" in flags else "lower" if "below_limit" in flags else ""


def sent(row: pd.Series, place: str) -> str:
    """Say how many hospitals sent data; no full stop."""
    value, expected = row["value"], row["denominator"]
    if pd.isna(expected) or expected == 0:
        return f"It is not yet known which hospitals supply {place}"
    if expected == 1:
        return f"The one hospital that usually supplies {place} {'sent' if value else 'did not send'} data"
    which = "All" if value == expected else f"{value:,.0f} of the" if value else "None of the"
    return f"{which} {expected:,.0f} hospitals that usually supply {place} sent data"


def provisional(row: pd.Series) -> str:
    """Say that the newest month may still change."""
    return "The month is provisional: late files can still change it." if row["status"] == "provisional" else ""
