"""Sentences on how places were found: a helper of :mod:`istv_lib.words`, which hands them on."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import _marks, places
from istv_lib._block import Block, demand, marker
from istv_lib._fit import REASONS
from istv_lib.disclosure import Released

TEAM_ONLY = "this part is in the edition for the team that prepares the data."
NO_LABELS = (
    "No text has been labelled yet, so it is not known how often a place is found and how often it is the right one. "
    "`istv review` makes a sample for it."
)

UNMAPPED = REASONS | places.group_labels("method") | {"unknown": "not known"}
_WHO = {"age_band": "aged ", "hour_band": "hurt at "}


def _said(released: Released, *sentences: str, name: str, title: str = "") -> Block:
    text = " ".join(filter(None, sentences))
    mark = f"**{marker(released)}:** " if title and marker(released) else ""
    return Block("words", name, {"text/markdown": mark + text}, released, title=title)


def _share(row: pd.Series) -> str:
    return f"{row['shown']} ({100 * row['lower']:.0f} to {100 * row['upper']:.0f})"


def accuracy(shares: Released, steps: Released, rules: Mapping, *, name: str = "headline") -> Block:
    """Say how many places are found and right, and whether maps keep the precision that they aim at.

    Parameters
    ----------
    shares, steps : Released
        Of :func:`istv_lib.accuracy.rates` for all labelled texts and :func:`istv_lib.accuracy.thresholds`.
    rules : mapping
        ``map_p_least``, ``map_precision_aim``.
    """
    row = demand(shares).table.set_index("measure")
    step = demand(steps).table
    if not row.loc[["placed", "false_any"], "n"].sum():
        return _said(shares, NO_LABELS, name=name, title="Headline")
    told = []
    if row.loc["placed", "n"]:
        told.append(
            f"Of {row.loc['placed', 'n']:,.0f} labelled texts that name a place {_share(row.loc['placed'])} are given "
            f"a point, and {_share(row.loc['within_250'])} one within 250 metres of the truth."
        )
    right, reached = row.loc["mapped_right"], step.set_index("measure").loc["threshold_reached"]
    if right["n"]:
        told.append(
            f"Maps take points with a probability of at least {rules['map_p_least']:.2f}: of {right['n']:,.0f} such "
            f"points {_share(right)} are within 250 metres, which {_promise(right, rules['map_precision_aim'])}."
        )
        told.append(_reached(reached, rules["map_precision_aim"]))
    false = row.loc["false_mapped"]
    if false["n"]:
        told.append(f"Of {false['n']:,.0f} texts that name no place {_share(false)} would be on a map.")
    return _said(shares, *told, name=name, title="Headline")


def _promise(right: pd.Series, aim: float) -> str:
    if right["lower"] >= aim:
        return f"is better than the {aim:.0%} aimed at"
    if right["upper"] < aim:
        return f"falls short of the {aim:.0%} aimed at"
    return f"agrees with the {aim:.0%} aimed at"


def _reached(row: pd.Series, aim: float) -> str:
    if pd.isna(row["value"]):
        return f"On these texts no threshold reaches {aim:.0%}."
    return f"On these texts {aim:.0%} is reached from a probability of {row['value']:.2f} on."


def calibrated(released: Released, *, name: str = "calibration") -> Block:
    """Say in which tenths the stated probability is too low or too high, and give the Brier scores."""
    table = demand(released).table
    tenths, brier = table[table["measure"] == "reliability"], table[table["measure"] == "brier"].set_index("stratum")
    if tenths.empty:
        return _said(released, "No text that was given a point is labelled.", name=name)
    told = [f"Of {len(tenths)} tenths of probability that hold texts,"]
    high, low = (tenths.loc[tenths["flags"] == flag, "stratum"].tolist() for flag in ("below", "above"))
    parts = [f"in {', '.join(high)} fewer are right than stated"] if high else []
    parts += [f"in {', '.join(low)} more are right than stated"] if low else []
    told.append(f"{' and '.join(parts) or 'none differs from what is stated by more than chance'}.")
    placed, every = brier.loc["placed"], brier.loc["all"]
    told.append(
        f"The Brier score is {placed['value']:.2f} for the {placed['n']:,.0f} texts given a point (one probability for "
        f"all would score {placed['expected']:.2f}) and {every['value']:.2f} for all {every['n']:,.0f}; 0 is best."
    )
    return _said(released, *told, name=name)


def unmapped(
    released: Released, labels: Mapping[str, str] | None = None, *, area: str = "", name: str = "unmapped-words"
) -> Block:
    """Say how many attendances are on no map, why, and who is left out more or less often than others."""
    table, labels = demand(released).table, labels or UNMAPPED
    row = table[(table["measure"] == "unmapped") & (table["stratum_dim"] == "")].iloc[0]
    if pd.isna(row["value"]):
        return _said(released, "There is no attendance of which a map could be made.", name=name)
    of = f" of {area}" if area else ""
    told = [f"{_share(row)} of the {row['n']:,.0f} attendances{of} are on no map of squares."]
    if row["place_type"] != "london":
        told.append("Those whose borough is not known, and most homes, are not even among these.")
    why = table[(table["measure"] == "unmapped_why") & (table["value"] > 0)]
    told.append(f"Of all: {'; '.join(f'{r.shown} {_marks.label(r.stratum, labels)}' for r in why.itertuples())}.")
    apart = table[(table["measure"] == "unmapped_difference") & (table["stratum"] != "unknown")]
    told += [_out(apart[apart["flags"] == flag], flag, labels) for flag in ("more", "less")]
    if not apart["flags"].isin(["more", "less"]).any():
        told.append("No group is left out more often than others by more than chance.")
    return _said(released, *told, name=name)


def _out(rows: pd.DataFrame, way: str, labels: Mapping[str, str] | None) -> str:
    if rows.empty:
        return ""
    rows = rows.reindex(rows["value"].abs().sort_values(ascending=False, kind="stable").index)
    named = [
        f"{_WHO.get(r.stratum_dim, '')}{_marks.label(r.stratum, labels)} "
        f"({100 * r.value:+.{0 if abs(r.value) >= 0.01 else 1}f} points)"
        for r in rows.head(4).itertuples()
    ]
    return f"{way.capitalize()} common among them than among those mapped: {'; '.join(named)}."


def rests(released: Released) -> str:
    """Return in a sentence which share of the attendances with a borough rests on the hospital attended."""
    table = demand(released).table
    rows = table[(table["measure"] == "prior_decided") & table["value"].notna()]
    if rows.empty:
        return "No attendance has a borough yet."
    top = rows.loc[rows["value"].idxmax()]
    where = _marks.place_names()[top["place"]]
    if len(rows) == 1:
        told = f"Of the {top['n']:,.0f} attendances counted in {where} in twelve months {_share(top)} are there only "
        return f"{told}because of the hospital attended: their text fits several places."
    total, n = rows["numerator"].sum(), rows["n"].sum()
    told = (
        f"{total:,.0f} of {n:,.0f} attendances with a borough ({total / n:.0%}) have it only because of the hospital "
    )
    return f"{told}attended: their text fits several places. The share is largest in {where}: {_share(top)}."


def moved(released: Released, *, name: str = "moved-words") -> Block:
    """Say what of the squares stays when some of the points are moved."""
    table = demand(released).table
    kept = table[table["stratum_dim"] == "moved"].dropna(subset="value")
    if kept.empty:
        return _said(released, "Too few attendances are mapped to move any.", name=name)
    told = []
    for share, rows in kept.groupby("stratum", sort=False):
        row = rows.set_index("measure")
        squares, ten = row.loc["stable_8", "denominator"], row.loc["top_ten", "denominator"]
        told.append(
            f"With {share} of {row['n'].iloc[0]:,.0f} points moved, {row.loc['stable_3', 'shown']} of the "
            f"{squares:,.0f} squares of the top tenth change by less than 3% and {row.loc['stable_8', 'shown']} by "
            f"less than 8%, and {row.loc['top_ten', 'value'] * ten:.1f} of the {ten:.0f} largest stay."
        )
    least = table.loc[table["measure"] == "top_least", "value"].iloc[0]
    told.append(f"The squares of the top tenth hold {least:,.0f} attendances or more.")
    return _said(released, *told, name=name)


def labelled(shares: Released, *, name: str = "labels-words") -> Block:
    """Say where the labels come from, by ``sample``, and what that means for the figures."""
    table = demand(shares).table.set_index(["stratum", "measure"])
    counts = {
        sample: table.loc[(sample, "placed"), "n"] + table.loc[(sample, "false_any"), "n"]
        for sample in table.index.get_level_values(0).unique()
    }
    words = {
        "synthetic": "{n:,.0f} texts are invented: they are easier than those of hospitals, they were written by the "
        "authors of the place finder, and their streets are in its list. They rank methods; they say nothing of how "
        "well places in hospital texts are found.",
        "audit": "{n:,.0f} texts are attendances drawn at random and labelled by people, who saw the answer when they "
        "judged it, so that doubtful answers are accepted too easily.",
        "labelled": "{n:,.0f} texts were labelled outside the workbook; how they were chosen is not known to it.",
    }
    told = [words[sample].format(n=n) for sample, n in counts.items() if sample in words and n]
    return _said(shares, *(told or [NO_LABELS]), name=name)


def found_with(version: str) -> str:
    """Return a sentence on what places were found with, and what a change of it means."""
    return (
        f"The version of the place list is {version}; whenever it changes, the places of all months are found again, "
        "and figures of earlier months can change."
    )
