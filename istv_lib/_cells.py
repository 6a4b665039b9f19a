"""Cells, HTML and CSV of tables of released findings.

A helper of :mod:`istv_lib.tables`.
"""

from __future__ import annotations

import re
from html import escape

import pandas as pd

from istv_lib import _marks, errors, months, params
from istv_lib._block import Block, demand, marker
from istv_lib.disclosure import Released

TIDY = [
    "measure", "unit", "source", "place_type", "place", "period_start", "period_end", "stratum_dim", "stratum", "shown",
    "value", "lower", "upper", "expected", "limit_low", "limit_high", "n", "share_used", "coverage", "flags", "status",
    "symbol", "rule", "method", "synthetic",
]  # fmt: skip
NUMBER = re.compile(r"[-\d,.]+%?( to [-\d,.]+)?( \[\w\])*|\[\w\]( \[\w\])*")
FLAGS = {
    "above_limit": "above expected range",
    "below_limit": "below expected range",
    "run_high": "one of a run above what was expected",
    "run_low": "one of a run below what was expected",
    "trend_up": "one of a run of rises",
    "trend_down": "one of a run of falls",
    "no_baseline": "too few earlier months to compare with",
    "rebased": "the comparison begins anew",
    "revised": "sent again since it was first received",
    "break": "a hospital joined, closed or merged",
}


def ranges(table: pd.DataFrame) -> list[str]:
    show = table["limit_high"].notna() & table["flags"].str.contains("tested")
    lows, highs = table["limit_low"], table["limit_high"]
    return [f"{a:,.0f} to {b:,.0f}" if ok else "" for a, b, ok in zip(lows, highs, show, strict=True)]


def covered(table: pd.DataFrame) -> list[str]:
    """Return the share of the usual data received; of an incomplete month never as much as is compared."""
    least = params.defaults()["coverage_full"]
    short = (table["status"] == "gated") & (table["coverage"].round(2) >= least)
    told = table["coverage"].map(lambda share: "" if pd.isna(share) else f"{share:.0%}")
    return list(told.mask(short, f"under {least:.0%}"))


def noted(flags: str) -> str:
    return "; ".join(FLAGS[word] for word in flags.split(";") if word in FLAGS)


def csv(released: Released) -> str:
    """Return released findings as tidy CSV; withheld figures are empty and carry their symbol.

    Classes of density are refused for the public with :class:`istv_lib.errors.DisclosureError`.
    """
    frame = demand(released).table[TIDY].copy()
    if released.audience == "public" and (frame["measure"] == "density_class").any():
        raise errors.DisclosureError("A density map is drawn only, never a table; leave 'density_class' out of it.")
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].round(4)
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def periods(table: pd.DataFrame) -> list[str]:
    return [_period(a, b) for a, b in zip(table["period_start"], table["period_end"], strict=True)]


def _period(start: str, end: str) -> str:
    if start == end:
        return months.label(start)
    if start[5:] == "01" and end == f"{start[:4]}-12":
        return start[:4]
    return f"{months.short_label(start)} to {months.short_label(end)}"


def table_block(name: str, rows: pd.DataFrame, released: Released, title: str) -> Block:
    mark = marker(released)
    full = f"{mark}. {title}" if mark else title
    data = {"text/html": html(rows, full, released), "text/csv": csv(released)}
    return Block("table", name, data, released, title=full)


def html(rows: pd.DataFrame, title: str, released: Released, *, legend: bool = True) -> str:
    key = _marks.key(" ".join(rows.astype(str).to_numpy().ravel())) if legend else ""
    people = released.table["unit"].isin(["attendance", "incident", "victim", "callout"])
    if legend and people.any() and (base := _marks.base(released)) > 1:
        key = f"Figures are rounded to the nearest {base}. {key}".strip()
    head = ""
    for at, name in enumerate(rows):
        kinds = {_kind(value) for value in rows[name] if value != ""}
        mark = ' class="number"' if at and kinds == {"number"} else ""
        head += f'<th scope="col"{mark}>{escape(str(name))}</th>'
    body = ""
    for first, *rest in rows.itertuples(index=False):
        cells = "".join(f'<td class="{_kind(v)}">{escape(str(v))}</td>' for v in rest)
        body += f'<tr><th scope="row">{escape(str(first))}</th>{cells}</tr>\n'
    note = f'<span class="key">{escape(key)}</span>' if key else ""
    return (
        f'<table class="istv">\n<caption>{escape(title)} {note}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
    )


def _kind(value: object) -> str:
    return "number" if NUMBER.fullmatch(str(value)) else "text"
