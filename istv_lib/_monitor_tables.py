"""Tables of the monitor: strata, changes, signals, rates, control charts, totals of small places and suppliers.

A helper of :mod:`istv_lib.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import _marks, _strata, months, params, schema
from istv_lib._block import Block, demand
from istv_lib._cells import covered, noted, ranges, table_block
from istv_lib._standing import CLASSES, standing
from istv_lib._xmr import variation
from istv_lib.disclosure import Released

FEW = 10  # attendances of both periods below which a change in per cent says nothing
RULES = {
    "above_limit": "above its expected range",
    "below_limit": "below its expected range",
    "run_high": "{n} months or more above what was expected",
    "run_low": "{n} months or more below what was expected",
    "trend_up": "{n} months or more rising against what was expected",
    "trend_down": "{n} months or more falling against what was expected",
}


def rule_words() -> dict[str, str]:
    """Return the rules of the monitor in words, with the length of a run."""
    n = str(params.defaults()["run_length"])
    return {rule: words.format(n=n) for rule, words in RULES.items()}


def strata(released: Released, yearly: Released, *, title: str, name: str = "strata") -> Block:
    """Show each stratum of one place in one month: count, expected range, data received, change of 12 months, note.

    Parameters
    ----------
    released : Released
        One month of :func:`istv_lib.monitor.cube` of one place.
    yearly : Released
        The same place's :func:`istv_lib.monitor.year_on_year`.
    title, name : str
        Caption and slug.
    """
    table = demand(released).table
    change = demand(yearly).table.set_index(["stratum_dim", "stratum"])
    keys = pd.MultiIndex.from_frame(table[["stratum_dim", "stratum"]])
    rows = pd.DataFrame(
        {
            "Attendances": [_strata.label(*key) for key in keys],
            "In the month": table["shown"],
            "Expected range": ranges(table),
            "Data received": covered(table),
            "12 months against the 12 before": [_ratio(change.loc[key]) if key in change.index else "" for key in keys],
            "Note": [_note(s, f) for s, f in zip(table["status"], table["flags"], strict=True)],
        }
    )
    return table_block(name, rows, released, title)


def _note(status: str, flags: str) -> str:
    state = {"gated": "incomplete", "no_data": "no data"}.get(status, "")
    return "; ".join(filter(None, (state, noted(flags))))


def _ratio(row: pd.Series) -> str:
    """Return a ratio as change in per cent with its interval."""
    if pd.isna(row["value"]):
        return "[x]"
    if row["numerator"] + row["denominator"] < FEW:
        return "too few to say"
    change, low, high = (f"{100 * (row[name] - 1):+.0f}%" for name in ("value", "lower", "upper"))
    return (
        f"{change} ({low} to {high})" if pd.notna(row["upper"]) and row["upper"] < 1e6 else f"{change} ({low} or more)"
    )


def changes(released: Released, *, title: str, name: str = "changes") -> Block:
    """Show ratios of two periods: both counts, change with its interval, and the pairs of months compared."""
    table = demand(released).table
    pairs = len(months.span(table["period_start"].iloc[0], table["period_end"].iloc[0])) if len(table) else 0
    rows = pd.DataFrame(
        {
            "Of": _marks.rows(table),
            "Period before": ["" if pd.isna(v) else f"{v:,.0f}" for v in table["denominator"]],
            "Period": ["" if pd.isna(v) else f"{v:,.0f}" for v in table["numerator"]],
            "Change (95% interval)": [_ratio(row) for _, row in table.iterrows()],
            "Pairs of months compared": [
                f"{round(share * pairs)} of {pairs}" for share in table["share_used"].fillna(0)
            ],
            "Note": ["clear change" if flags else "" for flags in table["flags"]],
        }
    )
    return table_block(name, rows, released, title)


def signals(released: Released, *, title: str, name: str = "signals") -> Block | None:
    """Show the places and strata that meet a rule: rule, count, expected range and data received; nothing if none does.

    Parameters
    ----------
    released : Released
        As :func:`istv_lib.monitor.signals` makes, released.
    title, name : str
        Caption and slug.
    """
    table, words, names = demand(released).table, rule_words(), _marks.place_names()
    if table.empty:
        return None
    show = table.assign(flags="tested")
    rows = pd.DataFrame(
        {
            "Place": [names.get(place, place) for place in table["place"]],
            "Attendances": [_strata.label(*key) for key in zip(table["stratum_dim"], table["stratum"], strict=True)],
            "What": [words[rule] for rule in table["method"]],
            "In the month": table["shown"],
            "Expected": ["" if pd.isna(v) else f"{v:,.1f}" for v in table["expected"]],
            "Expected range": ranges(show),
            "Data received": covered(table),
            "Beyond chance among all": ["yes" if "discovery" in f else "not shown" for f in table["flags"]],
        }
    )
    return table_block(name, rows, released, title)


def rates_of(released: Released, *, title: str, name: str = "rates") -> Block:
    """Show boroughs' counts, rates per 1,000 residents a year with 95 % limits, and their class in the funnel.

    Boroughs stand in the order of their names: the rate is no rank.
    """
    found = standing(released, params.defaults())
    table, symbols = found.table.sort_values("name"), released.table.set_index("place")["shown"]
    rows = pd.DataFrame(
        {
            "Borough": table["name"],
            "Attendances": symbols.reindex(table["place"]).to_numpy(),
            "Rate per 1,000 residents": table["rate"].map("{:.2f}".format),
            "95% interval": [f"{a:.2f} to {b:.2f}" for a, b in zip(table["lower"], table["upper"], strict=True)],
            "Against the average": table["class"].map(CLASSES),
            "Note": ["estimate" if on else "" for on in table["estimate"]],
        }
    )
    left = pd.DataFrame({"Borough": sorted(found.left)}).assign(Note="no rate")
    if len(left):
        back = released.table.assign(name=released.table["place"].map(_marks.place_names())).set_index("name")["shown"]
        left["Attendances"] = back.reindex(left["Borough"]).to_numpy()
    return table_block(name, pd.concat([rows, left], ignore_index=True).fillna("")[list(rows)], released, title)


def charts(xmr: Released, u_prime: Released, *, title: str, name: str = "charts", last: int = 13) -> Block:
    """Show the newest months as two control charts see them: XmR, and u' with the data received as denominator.

    The caption says what the variation icon of Making Data Count would say of the last month, fewer being better.
    """
    whole = demand(xmr).table
    icon = variation(pd.DataFrame({"label": whole["flags"], "upper": whole["limit_high"], "short": False}))
    title = f"{title}. The icon of the last month would say: {icon}"
    one = demand(xmr).table.tail(last).iloc[::-1].reset_index(drop=True)
    two = demand(u_prime).table.set_index("period_end").reindex(one["period_end"])
    rows = pd.DataFrame(
        {
            "Month": one["period_end"].map(months.label),
            "Attendances": one["shown"],
            "XmR limits": _limits(one),
            "XmR rule": one["flags"],
            "u' limits": _limits(two),
            "u' signal": two["flags"].fillna("").to_numpy(),
        }
    )
    return table_block(name, rows, xmr, title)


def _limits(table: pd.DataFrame) -> list[str]:
    pairs = zip(table["limit_low"], table["limit_high"], strict=True)
    return ["" if pd.isna(a) or pd.isna(b) else f"{a:,.1f} to {b:,.1f}" for a, b in pairs]


def rolling(released: Released, *, title: str, name: str = "rolling") -> Block:
    """Show the totals of 3 and 12 months of a small place with exact 95 % intervals, newest first."""
    table = demand(released).table
    table = table.assign(
        text=[
            shown if pd.isna(low) else f"{shown} ({low:,.1f} to {high:,.1f})"
            for shown, low, high in zip(table["shown"], table["lower"], table["upper"], strict=True)
        ]
    )
    wide = table.pivot_table(index="period_end", columns="stratum", values="text", aggfunc="first", sort=False)
    wide = wide.sort_index(ascending=False).reset_index()
    wide["period_end"] = wide["period_end"].map(months.label)
    wide = wide.rename(columns={"period_end": "Ending"}).rename_axis(None, axis=1)
    return table_block(name, wide, released, title)


def supplied(released: Released, *, title: str, labels: Mapping[str, str], name: str = "supplied") -> Block:
    """Show the hospitals that supply a place: state of the month, months sent, and share to the nearest tenth."""
    table = demand(released).table
    rows = pd.DataFrame(
        {
            "Hospital": [labels.get(place, place) for place in table["place"]],
            "This month": table["stratum"].map(schema.STATUS_WORDS),
            "Months sent, of the last 12 open": [
                f"{a:,.0f} of {b:,.0f}" for a, b in zip(table["numerator"], table["denominator"], strict=True)
            ],
            "Share of the place's attendances": [
                "" if pd.isna(v) else ("under 5%" if v == 0 else f"about {v:.0%}") for v in table["value"]
            ],
        }
    )
    return table_block(name, rows, released, title)


__all__ = [
    "changes", "charts", "rates_of", "rolling", "rule_words", "signals", "strata", "supplied",
]  # fmt: skip
