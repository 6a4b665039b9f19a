"""Sentences of the monitor: what changed, who is missing, what was revised, what stands out, what could change it.

A helper of :mod:`istv_lib.words`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import _marks, _strata, months, params
from istv_lib._block import Block, demand
from istv_lib._monitor_tables import rule_words
from istv_lib._month_words import outside, the
from istv_lib._place_words import found_with, rests
from istv_lib.disclosure import Released


def say(released: Released, *sentences: str, name: str = "words", apart: str = " ") -> Block:
    """Return sentences as one paragraph, stamped with the release they were made from."""
    demand(released)
    return Block("words", name, {"text/markdown": apart.join(s for s in sentences if s)}, released)


def listed(items: list[str], last: str = "and") -> str:
    """Return items with commas and a word before the last."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def yearly(row: pd.Series, place: str) -> str:
    """Say in one sentence how 12 months stand to the 12 before; empty where that cannot be said."""
    if pd.isna(row["value"]) or pd.isna(row["upper"]):
        return (
            f"12 months of {the(place)} cannot be compared with the 12 before: too few months of both have enough data."
        )
    change, low, high = (f"{100 * (row[name] - 1):+.0f}%" for name in ("value", "lower", "upper"))
    pairs = round(row["share_used"] * 12)
    rests = "" if pairs == 12 else f", from the {pairs} months of which both years can be compared"
    way = next((word for word in ("rose", "fell") if word in row["flags"]), "")
    told = f"attendances {way}" if way else "there is no clear change"
    return f"Over 12 months {told} against the 12 before: {change} (95% interval {low} to {high}){rests}."


def year_before(trend: Released, single: Released | None = None, *, name: str = "year-before") -> Block:
    """Set the reported month beside the same month of the year before, and for partners say what chance makes of it.

    Parameters
    ----------
    trend : Released
        Months of the area.
    single : Released, optional
        :func:`istv_lib.monitor.same_month` of the area, all attendances.
    """
    table = _marks.single(demand(trend).table)
    row = table.iloc[-1]
    before = table[table["period_end"] == months.add(row["period_end"], -12)]
    month = months.label(row["period_end"])
    if before.empty:
        return say(trend, f"No data are held for the month a year before {month}.", name=name)
    old = before.iloc[0]
    told = [f"{month}: {row['shown']}. {months.label(old['period_end'])}: {old['shown']}."]
    if _marks.has(pd.DataFrame([row, old]), "[c]", "[x]", "[i]").any():
        told.append("The two cannot be compared, because one of them is withheld, incomplete or missing.")
    elif single is not None:
        told.append(_alone(demand(single).table.iloc[0]))
    else:
        told.append("Two single months differ by chance; whether this one is unusual is told by its expected range.")
    return say(trend, *told, name=name)


def _alone(row: pd.Series) -> str:
    if pd.isna(row["value"]):
        return "What chance makes of the two cannot be said."
    clear = "a clear change" if row["flags"] else "no clear change"
    ends = f"{100 * (row['lower'] - 1):+.0f}% to {100 * (row['upper'] - 1):+.0f}%"
    return (
        f"Of the data that can be compared that is {clear}: {100 * (row['value'] - 1):+.0f}% (95% interval {ends}; a "
        f"difference so large has a chance of {row['p']:.2f} where nothing changed)."
    )


def news(
    trend: Released,
    current: Released,
    supplied: Released | None = None,
    signals: tuple[Released, Released] | None = None,
    firearms: Released | None = None,
    *,
    place: str,
    labels: Mapping[str, str],
    name: str = "news",
) -> Block:
    """Say in three lines what changed, who is missing and what was revised, in the reported month.

    Parameters
    ----------
    trend : Released
        Months of the area (:func:`istv_lib.monitor.monthly`).
    current : Released
        The reported month of its boroughs (:func:`istv_lib.monitor.current`).
    supplied : Released, optional
        Its hospitals (:func:`istv_lib.supply.hospitals`); without them the public reads how many are missing from the
        headline.
    signals : (Released, Released), optional
        As :func:`istv_lib.monitor.signals` and :func:`istv_lib.monitor.expected_by_chance` make, released.
    firearms : Released, optional
        As :func:`istv_lib.monitor.rare` makes, released.
    place : str
        Name of the area.
    labels : mapping
        Names of hospitals by their codes.
    """
    row = _marks.single(demand(trend).table).iloc[-1]
    boroughs, named = demand(current).table, _marks.place_names()
    boroughs = boroughs[boroughs["place_type"] == "borough"]
    more = "" if signals is None else f" {_unusual(*signals)}"
    lines = [f"- **What changed.** {_moved(row, boroughs, named, place)} {_outside(trend)}{more}"]
    low = boroughs["status"].isin(["gated", "no_data"])
    fewer = [named[p] for p in boroughs.loc[low, "place"]]
    young = "no_baseline" in row["flags"]
    told = "" if len(boroughs) == 1 or young else "Every borough has enough data to be compared."
    if fewer:
        told = f"Too little data for a comparison: {listed(fewer)}."
    missing = _missing(supplied, labels) if supplied is not None else ""
    if missing or told:
        lines.append(f"- **Who is missing.** {' '.join(filter(None, (missing, told)))}")
    lines.append(f"- **What was revised.** {_revised(trend)}")
    lines += [f"- **Rare, by the days between.** {_firearms(firearms)}"] if firearms is not None else []
    return say(trend, *lines, name=name, apart="\n")


def _firearms(released: Released) -> str:
    table = demand(released).table.set_index("measure")
    n, gap, since = (table.loc[m, "value"] for m in ("attendances", "days_between", "days_since"))
    if not n:
        return "No attendance with a firearm in 12 months."
    if pd.isna(gap):
        return f"One day in 12 months had attendances with a firearm ({n:,.0f})."
    odd = table.loc["days_between", "flags"]
    told = f"{n:,.0f} attendances with a firearm in 12 months, half of the gaps {gap:,.0f} days or less"
    last = "on its last day" if since < 1 else f"{since:,.0f} day{'' if since < 2 else 's'} before its end"
    return f"{told}; {odd or 'no gap outside'} the limits of a t chart; the last {last}."


def _outside(trend: Released) -> str:
    """Say which of the tested months lie outside their expected range or in a run, and how many would by chance."""
    table = trend.table
    tested = table[table["flags"].str.contains("tested") & table["status"].isin(["final", "provisional"])]
    if tested.empty:
        return "No month can be compared yet."
    parts = []
    for flag, where in (("above_limit", "above"), ("below_limit", "below")):
        names = [months.label(m) for m in tested.loc[tested["flags"].str.contains(flag), "period_end"]]
        parts += [f"{listed(names)} {'lies' if len(names) == 1 else 'lie'} {where}"] if names else []
    found = f"{' and '.join(parts)} the expected range" if parts else "none lies outside its expected range"
    many = "Of the one month" if len(tested) == 1 else f"Of the {len(tested)} months"
    told = [f"{many} that can be compared, {found}; by chance alone about one in 500 would."]
    words, last = rule_words(), tested.iloc[-1]
    runs = [words[flag] for flag in last["flags"].split(";") if flag.startswith(("run", "trend"))]
    told += [f"{months.label(last['period_end'])} is one of {run}." for run in runs]
    gated = int((table["flags"].str.contains("tested") & (table["status"] == "gated")).sum())
    if gated:
        told.append(f"{gated} month{'s are' if gated > 1 else ' is'} incomplete and left out of the comparison.")
    return " ".join(told)


def _moved(row: pd.Series, boroughs: pd.DataFrame, named: Mapping[str, str], place: str) -> str:
    if row["status"] in {"gated", "no_data"}:
        told = [f"The month of {the(place)} is incomplete and not compared."]
    elif "[c]" in row["symbol"]:
        told = [f"The number of {the(place)} is withheld and not compared."]
    elif "no_baseline" in row["flags"]:
        told = [f"There are not yet enough earlier months of {the(place)} to say what is usual."]
    elif way := outside(row):
        told = [f"Attendances of {the(place)} are {way} than expected."]
    else:
        told = [f"No clear change for {the(place)}."]
    others = boroughs[boroughs["place"] != row["place"]]
    for want in ("higher", "lower"):
        names = [named[b["place"]] for _, b in others.iterrows() if outside(b) == want]
        told += [f"{want.capitalize()} than expected: {listed(names)}."] if names else []
    if len(told) == 1 and len(others) and others["flags"].str.contains("tested").any():
        told.append("No borough that can be compared lies outside its expected range.")
    return " ".join(told)


def _missing(supplied: Released, labels: Mapping[str, str]) -> str:
    table = demand(supplied).table
    told = []
    for state, what in (("late", "sent nothing yet"), ("missing", "sent nothing"), ("partial", "sent only a part")):
        rows = table[table["stratum"] == state]
        told += [f"{listed([labels.get(p, p) for p in rows['place']])} {what}."] if len(rows) else []
    return " ".join(told) or "All hospitals that supply it have sent the month."


def _revised(trend: Released) -> str:
    table = _marks.single(trend.table).tail(12)
    again = [months.label(m) for m in table.loc[table["flags"].str.contains("revised"), "period_end"]]
    breaks = [months.label(m) for m in table.loc[table["flags"].str.contains("break"), "period_end"]]
    told = [f"Sent again since first received, of the last 12 months: {listed(again)}."] if again else []
    told += [f"A hospital joined, closed or merged: {listed(breaks)}."] if breaks else []
    return " ".join(told) or "None of the last 12 months."


def _unusual(found: Released, chance: Released) -> str:
    """Say how many places and strata meet a rule, how many would by chance, and which stand out among all."""
    row = demand(chance).table.iloc[0]
    if pd.isna(row["value"]):
        return "No place or group can be tested yet, because there are too few earlier months."
    table, names, words = demand(found).table, _marks.place_names(), rule_words()
    seen = "No signal" if row["value"] == 0 else f"{row['value']:,.0f} signal{'' if row['value'] == 1 else 's'}"
    of = "groups" if row["place_type"] == "borough" else "places and groups"
    first = f"{seen} in {row['n']:,.0f} {of};"
    few = "less than 0.1" if row["expected"] < 0.05 else f"about {row['expected']:,.1f}"
    told = [f"{first} {few} would be there by chance alone."]
    sure = table[table["flags"].str.contains("discovery") & table["method"].isin(["above_limit", "below_limit"])]
    items = []
    for _, hit in sure.iterrows():
        what = _strata.label(hit["stratum_dim"], hit["stratum"]).lower()
        items.append(f"{names.get(hit['place'], hit['place'])}, {what} ({words[hit['method']]})")
    share = params.defaults()["discovery_share"]
    if items:
        told.append(f"Beyond chance among all of London's (false discovery rate {share:.0%}): {listed(items)}.")
    elif len(table):
        told.append("None of them stands out among all of London's, so each is a reason to look and no finding.")
    return " ".join(told)


def limits(
    trend: Released,
    *,
    unplaced: Released | None = None,
    transfers: Released | None = None,
    ages: Released | None = None,
    prior: Released | None = None,
    version: str = "",
    name: str = "limits",
) -> Block:
    """Say what could change this picture, what it rests on, and what it must not be used for.

    Parameters
    ----------
    trend : Released
        Months of the area.
    unplaced, transfers, ages, prior : Released, optional
        For partners: :func:`istv_lib.supply.unplaced`, :func:`istv_lib.supply.transfers`,
        :func:`istv_lib.monitor.standardised` and :func:`istv_lib.tally.decided`, released.
    version : str
        What the places were found with (:func:`istv_lib.store.place_version`).
    """
    row = _marks.single(demand(trend).table).iloc[-1]
    covered = (
        f"In {months.label(row['period_end'])} the usable data covered {row['coverage']:.0%} of what is usual."
        if pd.notna(row["coverage"])
        else "How much of the usual data arrived is not known."
    )
    rested = [covered, "A place is known only when staff wrote it down, so many attendances belong to no borough here."]
    rested += [
        "People hurt at home are counted for London, but in no borough, because a home is given no place.",
        _unplaced(unplaced),
        rests(prior) if prior else "",
        found_with(version) if version else "",
        _twice(transfers),
        _ages(ages),
    ]
    cannot = (
        "Visits can also move because people choose another hospital or stay away. Do not rank boroughs by these "
        "counts: they follow where people spend time and which hospital they reach."
    )
    lines = [
        f"- **What could change it.** {_open(row)}",
        f"- **What it rests on.** {' '.join(filter(None, rested))}",
        f"- **What it cannot say.** {cannot}",
    ]
    return say(trend, *lines, name=name, apart="\n")


def _open(row: pd.Series) -> str:
    told = ["late files of the newest month"] if row["status"] == "provisional" else []
    if pd.notna(row["coverage"]) and row["coverage"] < 1:
        told.append(f"the {1 - row['coverage']:.0%} of the usual data that did not arrive or names no place")
    told.append("files that hospitals send again")
    return f"{listed(told)[:1].upper()}{listed(told)[1:]}."


def _unplaced(unplaced: Released | None) -> str:
    if unplaced is None:
        return ""
    shares = demand(unplaced).table.set_index("measure")
    no, home = shares.loc["no_borough"], shares.loc["at_home"]
    if pd.isna(no["value"]):
        return ""
    return (
        f"Of the {no['n']:,.0f} attendances at the hospitals that supply it, in 12 months, {no['value']:.0%} have no "
        f"borough (95% interval {no['lower']:.0%} to {no['upper']:.0%}), and {home['value']:.0%} happened at home, a "
        "rough stand-in for domestic violence."
    )


def _ages(ages: Released | None) -> str:
    if ages is None:
        return ""
    table = demand(ages).table
    shown = table["value"].notna().sum()
    if shown:
        return f"For {shown} of {len(table)} boroughs the age is known often enough for a rate standardised for age."
    why = (
        "residents by age are not loaded" if table["flags"].eq("band_missing").any() else "the age is known too rarely"
    )
    return f"Rates are not standardised for age, because {why}."


def _twice(transfers: Released | None) -> str:
    if transfers is None:
        return ""
    value = demand(transfers).table.set_index("stratum")["value"]
    if value.isna().all():
        return "No urgent treatment centre sends records, so no visit can be counted twice by way of one."
    twice = value["all"] - value["without"]
    return (
        f"{twice:,.0f} of {value['all']:,.0f} attendances may be second visits of patients whom an urgent treatment "
        f"centre sent on; without them there would be {value['without']:,.0f}."
    )
