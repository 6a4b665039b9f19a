"""Sentences made from released findings, for every state the numbers can be in.

"Higher" and "lower" are said only of a month that can be compared and lies outside its expected range. Words that
the design forbids of ED data never appear here; a test reads every page for them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from istv_lib import _marks, months, params, places, schema
from istv_lib._block import Block, demand, marker
from istv_lib._month_words import MORE, brief, compared, count, provisional, sent, the
from istv_lib._place_words import (  # noqa: F401 - used as words.accuracy and so on
    TEAM_ONLY,
    accuracy,
    calibrated,
    labelled,
    moved,
    rests,
    unmapped,
)
from istv_lib._signal_words import limits, listed, news, say, year_before, yearly  # noqa: F401
from istv_lib._square_words import hot, lasting, map_limits, pack  # noqa: F401
from istv_lib.disclosure import Released

PUBLIC = "public"


def headline(settings: params.Settings, trend: Released, sites: Released, year: Released | None = None) -> Block:
    """Return the page's opening: what was counted, whether it is unusual, and what it rests on.

    The public reads five plain sentences, partners one paragraph with exact figures.

    Parameters
    ----------
    settings : params.Settings
        Area and month.
    trend : Released
        Months of the area.
    sites : Released
        One row of :func:`istv_lib.monitor.sites`.
    year : Released, optional
        For partners: :func:`istv_lib.monitor.year_on_year` of the area, all attendances.
    """
    place = settings.area.name
    row, sent_row = _marks.single(demand(trend).table).iloc[-1], demand(sites).table.iloc[0]
    if trend.audience == PUBLIC:
        return _opening(trend, *brief(trend, sent_row, place), apart="\n\n")
    counted = count(row, place, rounded=_marks.base(trend) > 1)
    longer = "" if year is None else yearly(demand(year).table.iloc[0], place)
    return _opening(trend, counted, compared(row), longer, f"{sent(sent_row, place)}.", provisional(row))


def _opening(released: Released, first: str, *sentences: str, name: str = "headline", apart: str = " ") -> Block:
    mark = marker(released)
    text = apart.join(filter(None, [f"**{mark}:** {first}" if mark else first, *sentences]))
    return Block("words", name, {"text/markdown": text}, released, title="Headline")


def supply(sites: Released, *, place: str, name: str = "supply") -> Block:
    """Say how many of the hospitals that supply a place sent data, without naming one."""
    return say(sites, f"{sent(demand(sites).table.iloc[0], place)}.", name=name)


def assessment(result: Released, *, action: str, name: str = "assessment", opening: str = "") -> Block:
    """Say whether a place changed more than the others after an action, from a ratio of ratios."""
    row = _ratio(result)
    told = [f"The change after {action} cannot be shown, because it rests on too few people."]
    if pd.notna(row["value"]):
        clear = "" if _way(row) else ": no clear change"
        told = [f"After {action}, attendances {_change(row)} against the other boroughs{clear}.", f"{_rank(row)}."]
    caution = "This is one comparison, not proof: other things may have changed in the borough at the same time."
    mark = f"**{marker(result)}:**" if opening and marker(result) else ""
    return say(result, mark, opening, *told, caution, name=name)


def case(result: Released, trend: Released, told: Mapping, place: str, *, name: str = "headline") -> Block:
    """Return the opening of a case study: five plain sentences for the public, the whole assessment for partners.

    Parameters
    ----------
    result : Released
        A ratio of ratios, as :func:`istv_lib.evaluate.before_after` makes.
    trend : Released
        Months of the place.
    told : mapping
        ``start``, ``length``, ``action`` and ``summary``, from the case's file of parameters.
    place : str
        Name of the borough.
    """
    if result.audience != PUBLIC:
        return assessment(result, action=told["action"], name=name, opening=told["summary"])
    row, length, start = _ratio(result), told["length"], months.label(told["start"])
    changed, against = "The change cannot be shown, because it rests on too few people", "So there is no comparison"
    if pd.notna(row["value"]):
        changed = f"Set against the other boroughs, their number {_change(row)}"
        clear = (
            "a clear change, because the interval leaves out" if _way(row) else "no clear change: the interval holds"
        )
        against = f"That is {clear} “no change”; {_rank(row, first='ordered')}"
    span = _marks.single(demand(trend).table)
    span = span[span["period_end"].between(row["period_start"], row["period_end"])]
    less = int(span["status"].isin(["gated", "no_data"]).sum())
    return _opening(
        result,
        f"These are visits to London's emergency departments because of an assault in {the(place)}, in the {length} "
        f"months before and the {length} months from {start}, when {told['action']} began.",
        f"**{changed}.**",
        f"{against}.",
        f"The data for {the(place)} are complete in {len(span) - less} of the {2 * length} months, and incomplete "
        "months are left out.",
        "One comparison cannot prove that the action worked, because other things may have changed at the same time; "
        f"“{MORE}” tells more.",
        name=name,
        apart="\n\n",
    )


def _ratio(result: Released) -> pd.Series:
    table = demand(result).table
    return table[table["measure"] == "ratio_of_ratios"].iloc[0]


def _change(row: pd.Series) -> str:
    change, low, high = (100 * (row[c] - 1) for c in ("value", "lower", "upper"))
    interval = f"(95% interval {low:+.0f}% to {high:+.0f}%)"
    way = _way(row)
    return f"{way} by {abs(change):.0f}% {interval}" if way else f"changed by {change:+.0f}% {interval}"


def _way(row: pd.Series) -> str:
    """Return "rose" or "fell" where the interval leaves out "no change", else nothing."""
    return "fell" if row["upper"] < 1 else "rose" if row["lower"] > 1 else ""


def _rank(row: pd.Series, first: str = "Ordered") -> str:
    place, out_of = row["flags"].replace("placebo_rank ", "").split(" of ")
    return f"{first} by their own change, the borough stands {place} of {out_of} (1 is the largest decrease)"


def intake(rows: Released, *, name: str = "headline") -> Block:
    """Say what became of a file's rows."""
    table = demand(rows).table
    fate = table[table["measure"] == "rows"].set_index("stratum")["value"].fillna(0)
    accepted, aside, repeated = (fate.get(f, 0) for f in ("accepted", "quarantined", "duplicate"))
    told = (
        f"The file has {fate.sum():,.0f} rows. Of {accepted + aside + repeated:,.0f} data rows "
        f"{accepted:,.0f} were accepted, {aside:,.0f} set aside with a reason and {repeated:,.0f} repeated an "
        "earlier row. No row is lost."
    )
    return _opening(rows, told, name=name)


def dataset(calendar: Released, month: str, *, name: str = "headline") -> Block:
    """Say how many hospitals sent data for a month, and how many attendances they hold."""
    table = demand(calendar).table
    now = table[table["period_start"] == month]
    counts = now["stratum"].value_counts()
    there = int(sum(counts.get(s, 0) for s in ("complete", "partial", "zero")))
    expected = there + int(counts.get("late", 0) + counts.get("missing", 0))
    total = np.nansum(now["value"])
    told = f"For {months.label(month)} {there} of {expected} hospitals sent data: {total:,.0f} attendances."
    away = [f"{int(counts[s])} {schema.STATUS_WORDS[s]}" for s in ("late", "missing", "partial") if counts.get(s, 0)]
    return _opening(calendar, told, f"Still open: {listed(away)}." if away else "", name=name)


def programme(released: Released, rules: Mapping, *, name: str = "programme") -> Block:
    """Say how many hospitals have agreed to share, sent data for the month, and share consistently."""
    table = demand(released).table.set_index("measure")
    agreed, sharing, steady = (table.loc[f"sites_{k}", "value"] for k in ("agreed", "sharing", "consistent"))
    month = months.label(table["period_end"].iloc[0])
    told = (
        f"Of {table['denominator'].iloc[0]:,.0f} hospitals that are open, {agreed:,.0f} have a valid agreement, "
        f"{sharing:,.0f} shared {month}, and {steady:,.0f} share consistently, which means at least "
        f"{rules['consistent_months_least']} of the last {rules['consistent_months']} months."
    )
    return say(released, told, name=name)


def chase(owed: Released, about: Released, cut_off: str, run: str, *, name: str = "chase-words") -> Block:
    """Say how many hospitals owe a file, and until when it can be in the run; ``about`` lends the stamp of the page."""
    sites = demand(owed).table["place"].nunique()
    told = f"{_number(sites)} hospital{'s owe' if sites != 1 else ' owes'} a file or a part of one."
    return say(about, told, f"Files received by {cut_off} are in the run of {run}.", name=name)


# ---- for a hospital ----------------------------------------------------------------------------------------------


def feedback(timely: Released, place: Released, *, name: str = "headline") -> Block:
    """Thank a hospital for its month, or say kindly what is missing, and how often its places could be found."""
    mark = marker(timely)
    row, found = demand(timely).table.iloc[-1], demand(place).table.iloc[-1]
    told = [f"**{mark}.**" if mark else "", _came(row)]
    if pd.notna(found["value"]):
        told.append(
            f"The place could be found to a street or better for {found['shown'].removesuffix(' [p]')} of the "
            f"{found['n']:,.0f} attendances that were not at a home."
        )
        if pd.notna(found["upper"]):
            told.append(
                f"The middle half of the other hospitals lies between {found['lower']:.0%} and {found['upper']:.0%}."
            )
    return say(timely, *told, name=name)


def _came(row: pd.Series) -> str:
    month, state, days = months.label(row["period_end"]), row["stratum"], row["value"]
    if state in {"complete", "partial"}:
        when = f"{days:,.0f} day{'s' if days != 1 else ''} after the end of the month" if days > 0 else "at once"
        agreed = "within" if days <= row["expected"] else "later than"
        part = " It covers a part of the month." if state == "partial" else ""
        attendances = f"{row['n']:,.0f} attendance{'s' if row['n'] != 1 else ''}"
        return (
            f"Thank you. Your file for {month} came {when}, {agreed} the {row['expected']:,.0f} days agreed, and "
            f"holds {attendances} because of assault.{part}"
        )
    return {
        "zero": f"Thank you for saying that nobody was treated because of an assault in {month}; it counts as zero.",
        "late": f"Your file for {month} has not come yet. What follows rests on your earlier months.",
        "closed": f"The department was closed in {month}, so no file is expected.",
        "not_joined": f"The hospital did not yet share data in {month}.",
        "missing": (
            f"No attendance has reached us for {month}, and we do not know whether nobody was treated. Until we do, "
            "the month counts as missing and not as zero, and what follows rests on your earlier months."
        ),
    }[state]


def to_do(released: Released, checks: Mapping, *, name: str = "to-do") -> Block:
    """List what would help most, the most helpful first, with the rows of the file that each touches."""
    table = demand(released).table
    lines = []
    for row in table[table["stratum"].isin(list(checks))].itertuples():
        touched = f" ({row.value:,.0f} of {row.n:,.0f} rows)" if row.unit == "attendance" else ""
        lines.append(f"{len(lines) + 1}. {checks[row.stratum]['hospital']}{touched}")
    thanks = " Thank you; please carry on as you do." if (table["n"] > 0).any() else ""
    text = "\n".join(lines) or f"Nothing stands out for this month.{thanks}"
    return Block("words", name, {"text/markdown": text}, released)


def patterns(released: Released, ways: Mapping, rules: Mapping, *, name: str = "patterns-words") -> Block:
    """Say which three ways of writing a place worked best and which three left most places unknown."""
    table = demand(released).table
    counts = table[table["measure"] == "pattern"].set_index("stratum")["numerator"]
    placed = table[table["measure"] == "pattern_placed"].set_index("stratum")["numerator"].reindex(counts.index)
    known, lost = ways["patterns"], counts - placed
    rate = pd.DataFrame({"rate": placed / counts.where(counts > 0), "counts": counts})
    good = rate[(counts >= rules["pattern_records_least"]) & (placed > 0)]
    best = good.sort_values(["rate", "counts"], ascending=False, kind="stable").index[:3]
    helped = [s for s in counts.index if "better" in known[s] and lost[s] > 0]
    worst = lost[helped].sort_values(ascending=False, kind="stable").index[:3]
    lines = [f"- Works well: {_pattern(known[s])}: {placed[s]:,.0f} of {counts[s]:,.0f} found." for s in best]
    lines += [
        f"- Leaves the place unknown: {_pattern(known[s])}: {lost[s]:,.0f} of {counts[s]:,.0f} not found. "
        f"Better: “{known[s]['better']}”."
        for s in worst
    ]
    lines += ["", "The examples are invented."] if lines else []
    text = "\n".join(lines) or "There is no text yet from which something could be said."
    return Block("words", name, {"text/markdown": text}, released)


def _pattern(way: Mapping) -> str:
    return way["words"] + (f", such as “{way['example']}”" if way["example"] else "")


def reach(released: Released, stories: list[Mapping], *, name: str = "reach") -> Block:
    """Say in how many boroughs a hospital's attendances count, what part it supplies, and what partners did."""
    table = demand(released).table
    facts = table.set_index("measure")
    boroughs, found = facts.loc["boroughs_reached", "value"], facts.loc["located"]
    named = dict(zip(places.boroughs()["gss"], places.boroughs()["name"], strict=True))
    supplied = table[table["measure"] == "supplied"].head(3)
    parts = [f"{row.value:.0%} of those of {named[row.stratum]}" for row in supplied.itertuples()]
    period = f"From {months.label(found['period_start'])} to {months.label(found['period_end'])}"
    told = (
        f"{period} {found['value']:,.0f} of your {found['n']:,.0f} attendances could be given a borough; they count in "
        f"the figures of {boroughs:,.0f} borough{'s' if boroughs != 1 else ''}."
    )
    part = f"You supply about {listed(parts)}." if parts else ""
    done = [f"{months.label(story['month'])}: {story['words']}" for story in stories]
    return say(released, told, part, *done, name=name)


def _number(n: int) -> str:
    small = "No One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve".split()
    return small[n] if n < len(small) else f"{n}"
