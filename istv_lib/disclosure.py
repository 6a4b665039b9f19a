"""The only door out: findings become released findings for one audience.

What has not passed :func:`release` cannot be drawn or put into words: figures, maps, tables and words take only
:class:`Released`. The rules and the release plan are data, in ``parameters/disclosure.yml``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import errors, params, schema
from istv_lib import store as _store

COUNTS = ("value", "numerator", "denominator", "lower", "upper", "n")
LINES = ("expected", "limit_low", "limit_high")
SHARES = ("coverage", "share_used")
SYMBOLS = {
    "[c]": "withheld to protect people (1 to 7)",
    "[x]": "not sharing or not available",
    "[p]": "provisional",
    "[r]": "revised",
    "[b]": "break in the series",
    "[i]": "incomplete: too few hospitals sent usable data to compare",
}


@dataclasses.dataclass(frozen=True)
class Released:
    """Findings that passed the gate for one audience.

    Attributes
    ----------
    table : DataFrame
        Findings with controlled numbers and two more columns: ``symbol`` (``[c]``, ``[x]``, ``[i]``, ``[p]`` or
        empty) and ``shown`` (the figure as it may be printed).
    audience, rule : str
        For whom, and by which rule of ``parameters/disclosure.yml``.
    hidden : dict
        Number of figures hidden, by reason.
    id : str
        Hash of the released table.
    source_hash : str
        Hash of the findings before control; restricted.
    kind : str
        ``synthetic``, ``real`` or ``mixed``.
    """

    table: pd.DataFrame
    audience: str
    rule: str
    hidden: dict[str, int]
    id: str
    source_hash: str
    kind: str

    def pick(self, **wanted: Any) -> Released:
        """Return the rows whose columns equal the wanted values (or are among them, for a list).

        Without rows it stays of the kind, synthetic or real, that the whole is.
        """
        keep = pd.Series(data=True, index=self.table.index)
        for column, value in wanted.items():
            keep &= self.table[column].isin(value if isinstance(value, list) else [value])
        part = _released(self.table[keep].reset_index(drop=True), self.audience, self.rule, self.source_hash)
        return part if keep.any() else dataclasses.replace(part, kind=self.kind)


def release(findings: pd.DataFrame, audience: str, *, rules: Mapping | None = None) -> Released:
    """Control findings for an audience, or refuse.

    Parameters
    ----------
    findings : DataFrame
        As in :mod:`istv_lib.schema`.
    audience : str
        ``public``, ``partner`` or ``internal``.
    rules : mapping, optional
        Content of ``parameters/disclosure.yml``; default that file.

    Returns
    -------
    Released
        Public: counts of people from 1 to 7 hidden, others to the nearest 5, each total rounded from its true
        value; expected counts and limits to the nearest 5; shares of records and coverage to the nearest 5 %.
        Counts of files and hospitals, and police counts that are open data already, pass unrounded.

    Raises
    ------
    errors.DisclosureError
        A finding that the release plan does not list, an unknown audience, or a table that is not findings.

    Notes
    -----
    How it can mislead: rounded figures need not add up, and a hidden figure may be anything from 1 to 7. Signals
    of hidden figures are hidden too. Source: NHS England, disclosure control methodology for HES and ECDS.
    """
    rules = rules or params.file("disclosure")
    if audience not in rules["audiences"]:
        msg = f"There is no audience '{audience}'; choose {', '.join(rules['audiences'])}."
        raise errors.DisclosureError(msg)
    try:
        schema.check(findings, "finding")
    except (errors.StoreError, AttributeError):
        msg = "Only a table of findings can be released; make one with monitor, quality, hotspots or evaluate."
        raise errors.DisclosureError(msg) from None
    plan = rules["release_plan"].get(audience)
    if plan is not None:
        _follow_plan(findings, plan, audience)
    name = rules["audiences"][audience]
    controlled = _control(findings, rules["rules"][name], rules)
    return _released(controlled, audience, name, _hash(findings))


def _follow_plan(findings: pd.DataFrame, plan: list[dict], audience: str) -> None:
    keys = ["measure", "source", "place_type", "stratum_dim"]
    period = [_period(a, b) for a, b in zip(findings["period_start"], findings["period_end"], strict=True)]
    for row in findings[keys].assign(period=period).drop_duplicates().to_dict("records"):
        if not any(_matches(row, line) for line in plan):
            by = f" by {row['stratum_dim']}" if row["stratum_dim"] else ""
            msg = (
                f"The release plan has no line for '{row['measure']}' ({row['source']}) of a {row['place_type']}{by} "
                f"per {row['period']} to the {audience}; see release_plan in parameters/disclosure.yml."
            )
            raise errors.DisclosureError(msg)


def _matches(row: dict[str, str], line: dict[str, Any]) -> bool:
    return all(row[k] in (line[k] if isinstance(line[k], list) else [line[k]]) for k in row)


def _period(start: str, end: str) -> str:
    if start == end:
        return "month"
    return "year" if start[5:] == "01" and end == f"{start[:4]}-12" else "other period"


def _control(findings: pd.DataFrame, rule: dict[str, Any], rules: Mapping) -> pd.DataFrame:
    out = findings.copy()
    exempt = out["unit"].isin(rules["exempt_units"]) | (
        out["source"].isin(rules["open_sources"]) & (out["unit"] == "crime")
    )
    people = ~exempt & ~out["unit"].isin(["share", "rate"])
    hidden = people & out["value"].between(max(rule["hide_from"], 1), rule["hide_to"])
    ratios = out["unit"].isin(["share", "rate"])
    for name in COUNTS:
        small = people & out[name].between(max(rule["hide_from"], 1), rule["hide_to"])
        as_is = exempt | (ratios & (name in {"value", "lower", "upper"}))
        rounded = _nearest(out[name], rule["base"]).mask(small | hidden)
        out[name] = rounded.where(~as_is, out[name].mask(ratios, out[name].round(2)))
    for name in LINES:
        out[name] = out[name] if rule["base"] == 1 else _nearest(out[name], rule["base"])
    for name in SHARES:
        out[name] = _nearest(out[name], rule["share_base"]).round(2)
    out["flags"] = out["flags"].mask(hidden, "")
    out["symbol"] = np.select(
        [hidden, out["status"] == "no_data", out["status"] == "gated", out["status"] == "provisional"],
        ["[c]", "[x]", "[i]", "[p]"],
        "",
    )
    out["shown"] = _shown(out)
    return out


def _nearest(values: pd.Series, base: float) -> pd.Series:
    """Round to the nearest multiple of base, halves up (so that 7.5 never depends on its neighbour)."""
    return np.floor(values / base + 0.5 + 1e-9) * base


def _shown(out: pd.DataFrame) -> list[str]:
    styles = {"share": "{:.0%}", "rate": "{:.2f}"}
    rows = zip(out["value"], out["unit"], out["symbol"], strict=True)
    texts = [("" if np.isnan(v) else styles.get(unit, "{:,.0f}").format(v), symbol) for v, unit, symbol in rows]
    return [f"{text} {symbol}".strip() or "[x]" for text, symbol in texts]


def _released(table: pd.DataFrame, audience: str, rule: str, source_hash: str) -> Released:
    hidden = {"small count": int((table["symbol"] == "[c]").sum()), "no data": int((table["symbol"] == "[x]").sum())}
    flags = set(table["synthetic"].unique())
    kind = "mixed" if len(flags) > 1 else ("synthetic" if flags <= {True} else "real")
    return Released(table, audience, rule, hidden, _hash(table), source_hash, kind)


def _hash(table: pd.DataFrame) -> str:
    return _store.sha256(table.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode())[:16]
