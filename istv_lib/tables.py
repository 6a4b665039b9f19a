"""Tables of released findings: accessible HTML and the same numbers as tidy CSV."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import _marks, _rated, months, params, schema
from istv_lib._block import Block, demand
from istv_lib._cells import TIDY, covered, csv, html, noted, periods, ranges, table_block  # noqa: F401 - tables.csv
from istv_lib._monitor_tables import changes, charts, rates_of, rolling, signals, strata, supplied  # noqa: F401
from istv_lib._place_words import UNMAPPED
from istv_lib._square_tables import areas, blocks, held, near_repeats, sources, squares, venues  # noqa: F401
from istv_lib.disclosure import Released


def by_month(released: Released, *, title: str, name: str = "months", last: int = 36) -> Block:
    """Show the months of one place, newest first: count, expected range, coverage and what is to be noted.

    A quarter that stands in for withheld months follows them. ``last`` limits the rows shown; the CSV holds all.
    """
    table = demand(released).table
    table = table.sort_values(["period_end", "period_start"], kind="stable").tail(last).iloc[::-1]
    rows = pd.DataFrame(
        {
            "Month": periods(table),
            "Attendances": table["shown"],
            "Expected range": ranges(table),
            "Share of usual data received": covered(table),
            "Note": table["flags"].map(noted),
        }
    )
    return table_block(name, rows, released, title)


def by_stratum(
    released: Released,
    *,
    title: str,
    name: str,
    head: str,
    labels: Mapping[str, str] | None = None,
    across: str = "period",
) -> Block:
    """Show strata down and periods (or sources, or places) across.

    Parameters
    ----------
    released : Released
        Findings with a stratum.
    title, name : str
        Caption and slug.
    head : str
        Heading of the first column.
    labels : mapping, optional
        Words for the strata, in no particular order.
    across : str, default "period"
        ``period``, or a column of findings to spread over the columns.
    """
    table = demand(released).table.copy()
    table["stratum"] = [_marks.label(stratum, labels) for stratum in table["stratum"]]
    table["period"] = periods(table)
    wide = table.pivot_table(index="stratum", columns=across, values="shown", aggfunc="first", sort=False)
    wide = wide.fillna("[x]").rename_axis(head).rename_axis(None, axis=1).reset_index()
    return table_block(name, wide, released, title)


def wide(
    released: Released,
    *,
    title: str,
    name: str,
    head: str,
    down: str,
    across: str,
    labels: Mapping[str, str] | None = None,
) -> Block:
    """Show any two columns of findings as rows and columns, with the shown figure in the cells."""
    table = demand(released).table.copy()
    if down == "period_start":
        table = table.sort_values(["period_end", "period_start"], ascending=False, kind="stable")
    words = schema.SOURCE_NAMES | dict(labels or {})
    told = {c: [_marks.label(v, words) for v in table[c]] for c in (down, across) if c != "period_start"}
    table = table.assign(**{"period_start": periods(table)} | told)
    cells = table.pivot_table(index=down, columns=across, values="shown", aggfunc="first", sort=False)
    cells = cells[sorted(cells, key=lambda head: list(words.values()).index(head) if head in words.values() else 99)]
    cells = cells.fillna("").rename_axis(head).rename_axis(None, axis=1).reset_index()
    return table_block(name, cells, released, title)


def boroughs(released: Released, *, title: str, name: str = "boroughs") -> Block:
    """Show places down and whole years across, in the order of the findings."""
    named = _marks.place_names()
    table = demand(released).table
    table = table.assign(place=table["place"].map(named), year=periods(table))
    cells = table.pivot_table(index="place", columns="year", values="shown", aggfunc="first", sort=False)
    return table_block(name, cells.rename_axis("Borough").rename_axis(None, axis=1).reset_index(), released, title)


def week(released: Released, *, title: str, name: str = "week") -> Block:
    """Show days down and hours across, from bands such as "Fri 18:00-21:59"; merged bands have rows of their own."""
    table = demand(released).table
    bands = [[part.rsplit(" ", 1) for part in stratum.split("+")] for stratum in table["stratum"]]
    days = [_marks.label("+".join(day for day, _ in parts)) for parts in bands]
    hours = [" and ".join(dict.fromkeys(hour for _, hour in parts)) for parts in bands]
    cells = table.assign(days=days, hours=hours).pivot_table(
        index="days", columns="hours", values="shown", aggfunc="first", sort=False
    )
    return table_block(
        name, cells.fillna("").rename_axis("Day").rename_axis(None, axis=1).reset_index(), released, title
    )


def coverage(released: Released, *, title: str, name: str = "coverage") -> Block:
    """Show each borough of one month: attendances, expected range, coverage, and whether it can be compared."""
    table = _marks.single(demand(released).table)
    state = {"gated": "incomplete", "no_data": "no data"}
    rows = pd.DataFrame(
        {
            "Borough": table["place"].map(_marks.place_names()),
            "Attendances": table["shown"],
            "Expected range": ranges(table),
            "Share of usual data received": covered(table),
            "Note": [
                "; ".join(filter(None, (state.get(s, ""), noted(f))))
                for s, f in zip(table["status"], table["flags"], strict=True)
            ],
        }
    )
    return table_block(name, rows, released, title)


def ratio(released: Released, *, title: str, name: str = "ratio") -> Block:
    """Show a ratio of ratios with its interval and its place among the other boroughs."""
    table = demand(released).table
    rows = pd.DataFrame(
        {
            "Months": periods(table),
            "Ratio": table["shown"],
            "95% interval": [
                "" if pd.isna(a) else f"{a:.2f} to {b:.2f}" for a, b in zip(table["lower"], table["upper"], strict=True)
            ],
            "Place among boroughs": table["flags"].str.removeprefix("placebo_rank "),
        }
    )
    return table_block(name, rows, released, title)


def submissions(released: Released, *, title: str, name: str = "files") -> Block:
    """Show a site's files, newest first: month, date received, state and rows accepted."""
    table = demand(released).table.iloc[::-1]
    parts = table["stratum"].str.split(" ", n=1, expand=True)
    rows = pd.DataFrame(
        {
            "Month": table["period_start"].map(months.label),
            "Received": parts[0],
            "State": parts[1].str.replace("_", " "),
            "Rows accepted": table["shown"],
        }
    )
    return table_block(name, rows, released, title)


def items(released: Released, *, title: str, labels: Mapping[str, str], name: str = "items") -> Block:
    """Show each item of one hospital's month: how much is usable, the year before, the others, and how much is valid.

    ``released`` holds the measures ``completeness`` and ``validity`` of :func:`istv_lib.feedback.items`; the column of
    the other hospitals is left out where nothing can be shown in it.
    """
    table = demand(released).table
    main = table[table["measure"] == "completeness"]
    valid = table[table["measure"] == "validity"].set_index("stratum")["shown"]
    rows = pd.DataFrame(
        {
            "Item": [labels.get(s, s) for s in main["stratum"]],
            "Usable": main["shown"],
            "Of attendances": _counts(main["n"]),
            "Year before": [_share(v) for v in main["expected"]],
            "Other hospitals, middle half": [
                "" if pd.isna(b) else f"{a:.0%} to {b:.0%}" for a, b in zip(main["lower"], main["upper"], strict=True)
            ],
            "Valid, of what is written": [valid.get(s, "") for s in main["stratum"]],
        }
    )
    return table_block(
        name, rows if main["upper"].notna().any() else rows.drop(columns=rows.columns[4]), released, title
    )


def _counts(values: pd.Series) -> list[str]:
    return ["" if pd.isna(v) else f"{v:,.0f}" for v in values]


def _share(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.0%}"


def rates(
    released: Released,
    *,
    title: str,
    name: str,
    head: str,
    measures: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    down: str = "stratum",
) -> Block:
    """Show shares of several measures across, each with its 95 % interval and the number that it rests on.

    ``measures`` gives the heading of each measure, in order; one that no row can show is left out. ``labels`` are
    words for what stands down (``down`` is a column of findings).
    """
    cells = _rated.cells(demand(released).table, measures, labels, down, head)
    return table_block(name, cells, released, title)


def unmapped(
    released: Released, *, title: str, labels: Mapping[str, str] | None = None, name: str = "unmapped"
) -> Block:
    """Show which share of each group of attendances is on no map, and how the group differs from those mapped."""
    return table_block(name, _rated.groups(demand(released).table, labels or UNMAPPED), released, title)


def timeliness(released: Released, *, title: str, name: str = "timeliness") -> Block:
    """Show months, newest first: state, days from the month's end to the file, the day agreed, attendances."""
    table = demand(released).table.iloc[::-1]
    rows = pd.DataFrame(
        {
            "Month": table["period_start"].map(months.label),
            "State": table["stratum"].map(schema.STATUS_WORDS),
            "Days after the month's end": table["shown"],
            "Day agreed": _counts(table["expected"]),
            "Attendances": _counts(table["n"]),
        }
    )
    return table_block(name, rows, released, title)


def patterns(released: Released, ways: Mapping, *, title: str, name: str = "patterns") -> Block:
    """Show how places are written down: pattern, invented example, attendances, and how many could be placed."""
    table = demand(released).table
    share = table[(table["measure"] == "pattern") & (table["numerator"] > 0)]
    share = share.sort_values("numerator", ascending=False, kind="stable")
    placed = table[table["measure"] == "pattern_placed"].set_index("stratum")["numerator"]
    known = ways["patterns"]
    rows = pd.DataFrame(
        {
            "How the place is written": [known[s]["words"] for s in share["stratum"]],
            "Invented example": [known[s]["example"] for s in share["stratum"]],
            "Attendances": _counts(share["numerator"]),
            "Share": share["shown"],
            "Found to a street or better": [f"{placed.get(s, 0):,.0f}" for s in share["stratum"]],
            "Better, if known": [known[s].get("better", "") for s in share["stratum"]],
        }
    )
    return table_block(name, rows, released, title)


def reasons(released: Released, checks: Mapping, *, title: str, name: str = "reasons") -> Block:
    """Show why rows were set aside or folded: severity, reason in words, rows."""
    table = demand(released).table
    rows = pd.DataFrame(
        {
            "Reason": table["stratum"].str.replace("_", " "),
            "Severity": [checks.get(s, {}).get("severity", "") for s in table["stratum"]],
            "In words": [checks.get(s, {}).get("reason", "") for s in table["stratum"]],
            "Rows": table["shown"],
        }
    )
    return table_block(name, rows, released, title)


def queries(
    released: Released, checks: Mapping, *, title: str, labels: Mapping[str, str] | None = None, name: str = "queries"
) -> Block:
    """Show what is to be asked: hospital, reason, value, what is usual, and the attendances it rests on."""
    table, labels = demand(released).table, labels or {}
    usual = {"share": "{:.0%}", "attendance": "{:,.0f}", "file": "{:,.0f}"}
    rows = pd.DataFrame(
        {
            "Hospital": [labels.get(p, p) for p in table["place"]],
            "Severity": [checks[s]["severity"] for s in table["stratum"]],
            "What": [checks[s]["reason"] for s in table["stratum"]],
            "Item": table["flags"].str.replace("_", " "),
            "Value": table["shown"],
            "Usual": [
                "" if pd.isna(v) else usual[u].format(v) for v, u in zip(table["expected"], table["unit"], strict=True)
            ],
            "Of": _counts(table["n"]),
        }
    )
    return table_block(name, rows, released, title)


def chase(
    released: Released,
    *,
    title: str,
    labels: Mapping[str, str],
    contacts: Mapping[str, str],
    name: str = "chase",
) -> Block:
    """Show whom to remind: hospital, state, since when, months in a row, role mailbox. For the team only."""
    table = demand(released).table
    rows = pd.DataFrame(
        {
            "Hospital": [labels.get(p, p) for p in table["place"]],
            "State": table["stratum"].map(lambda s: schema.STATUS_WORDS.get(s, s)),
            "Since": table["period_start"].map(months.label),
            "Until": table["period_end"].map(months.label),
            "Months": table["shown"],
            "Contact": [contacts.get(p, "not known") for p in table["place"]],
        }
    )
    return table_block(name, rows, released, title)


def revisions(
    released: Released, *, title: str, labels: Mapping[str, str] | None = None, name: str = "revisions"
) -> Block:
    """Show each file that replaced an earlier one: attendances before and after, added, removed and changed."""
    table, labels = demand(released).table, labels or {}
    table = table.assign(received=table["flags"].str[:10], fields=table["flags"].str[11:])
    keys = ["period_start", "place", "received"]
    cells = table.pivot_table(index=keys, columns="stratum", values="shown", aggfunc="first", sort=False)
    changed = table[table["stratum"] == "changed"].set_index(keys)["fields"].groupby(level=keys).first()
    cells = cells.assign(Fields=changed.reindex(cells.index)).reset_index()
    cells["place"] = [labels.get(p, p) for p in cells["place"]]
    cells["period_start"] = cells["period_start"].map(months.label)
    shown = {"period_start": "Month", "place": "Hospital"}
    cells.columns = [shown.get(c, c.capitalize()) for c in cells.columns]
    return table_block(name, cells, released, title)


def provenance(
    settings: params.Settings, released: Released, reads: list[dict[str, str]], *, name: str = "provenance"
) -> Block:
    """Show what the page was made from: month, parameters, tables read, rule and code version; no clock time."""
    demand(released)
    read = "; ".join(dict.fromkeys(" ".join(filter(None, (r["table"], r["source"], r["months"]))) for r in reads))
    facts = {
        "Notebook": settings.notebook,
        "Area": settings.area.name if settings.area else "",
        "Month": months.label(settings.month) if settings.month else "",
        "Made for": settings.audience,
        "Disclosure rule": released.rule,
        "Tables read": read,
        "Code version": params.code_version(),
    }
    rows = pd.DataFrame([(k, v) for k, v in facts.items() if v], columns=["Item", "Value"])
    shown = html(rows, "How this page was made", released, legend=False)
    return Block("facts", name, {"text/html": shown}, released, title="How this page was made")
