"""The only door out: findings become released findings for one audience.

What has not passed :func:`release` cannot be drawn or put into words: figures, maps, tables and words take only
:class:`Released`. The rules and the release plan are data, in ``parameters/disclosure.yml``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _coarsen, _density, _public_map, attack, errors, months, params, places, schema, store, suppression

COUNTS = ("value", "numerator", "denominator", "lower", "upper", "n")
LINES = ("expected", "limit_low", "limit_high")
SHARES = ("coverage", "share_used")
_RULE = ("hide_from", "hide_to", "base", "share_base", "secondary")
EXACT = "internal_exact"
SYMBOLS = {
    "[c]": "withheld to protect people",
    "[x]": "not sharing or not available",
    "[p]": "provisional",
    "[r]": "revised",
    "[b]": "break in the series: a hospital joined, closed or merged",
    "[i]": "incomplete: too few hospitals sent usable data to compare",
}


@dataclasses.dataclass(frozen=True)
class Released:
    """Findings that passed the gate for one audience.

    Attributes
    ----------
    table : DataFrame
        Findings with controlled numbers and three more columns: ``rule`` (of the row), ``symbol`` (``[c]``, ``[x]``,
        ``[i]``, ``[p]``, ``[r]``, ``[b]``, several with a space between, or empty) and ``shown`` (the figure as it may
        be printed).
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
            keep &= self.table[column].isin(list(value) if isinstance(value, list | tuple) else [value])
        part = _released(self.table[keep].reset_index(drop=True), self.audience, self.rule, self.source_hash)
        return part if keep.any() else dataclasses.replace(part, kind=self.kind)


def release(
    findings: pd.DataFrame,
    audience: str,
    *,
    rules: Mapping | None = None,
    rule: str | None = None,
    decisions: Iterable[Mapping[str, str]] | None = None,
) -> Released:
    """Control findings for an audience, or refuse.

    Parameters
    ----------
    findings : DataFrame
        As in :mod:`istv_lib.schema`.
    audience : str
        ``public``, ``partner`` or ``internal``.
    rules : mapping, optional
        Content of ``parameters/disclosure.yml``; default that file.
    rule : str, optional
        Another rule than the audience's own, of those that ``also_permitted`` lists.
    decisions : iterable of mapping, optional
        What is to be coarsened, for the public alone; default what :func:`istv_lib.clearance.decide` has decided for
        the root in use.

    Returns
    -------
    Released
        Public: counts of people from 1 to 7 hidden, others to the nearest 5, each total rounded from its true
        value; expected counts and limits to the nearest 5; shares and rates made anew from released counts; shares of
        records and coverage to the nearest 5 %. Counts of files and hospitals, and police counts that are open data
        already, pass unrounded, and so do classes of a density map, but not the incidents that it rests on. Coarsened
        tables may hold rows for a quarter or for merged strata.

    Raises
    ------
    errors.DisclosureError
        A finding that the release plan does not list, an unknown audience or rule, a table that is not findings, a
        negative or broken count, a share without denominator, a density map that holds more than classes, or public
        totals that are not the sum of their parts.

    Notes
    -----
    How it can mislead: rounded figures need not add up, and a hidden figure may be anything from 1 to 7 (from 0 in a
    coarsened table). Signals of hidden figures are hidden too. A table alone is not attacked here; see
    :mod:`istv_lib.clearance`. Source: NHS England, disclosure control methodology for HES and ECDS.
    """
    rules = rules or params.file("disclosure")
    if audience not in rules["audiences"]:
        msg = f"There is no audience '{audience}'; choose {', '.join(rules['audiences'])}."
        raise errors.DisclosureError(msg)
    name = _rule(rule, audience, rules)
    _check(findings, rules)
    _density.check(findings, rules)
    plan = rules["release_plan"].get(audience)
    if plan is not None:
        _follow_plan(findings, plan, audience)
        _check_sums(findings, rules)
    decided = store.clearance() if decisions is None else decisions
    table = _coarsen.coarsen(findings, name, decided if plan is not None else (), rules)
    return _released(_control(table, rules), audience, name, _hash(findings))


def density(events: pd.DataFrame, area: places.Area, year: str, rules: Mapping, audience: str) -> Released:
    """Return the classes of density of a calendar year, released, or why there can be no map of them.

    Parameters
    ----------
    events : DataFrame
        ED events of London, mapped or not.
    area : places.Area
        Borough or London.
    year : str
        "2024".
    rules : mapping
        ``map_p_least``, ``kernel_lattice_m`` and what :func:`istv_lib.hotspots.scene` needs.
    audience : str
        As for :func:`release`.

    Notes
    -----
    A map of the year that is out, in the ledger of the root in use, may leave again unchanged; one that differs may
    not, because the difference of two maps shows single incidents. How it can mislead: see
    :func:`istv_lib._density.classed`.
    """
    gate = params.file("disclosure")
    return release(_public_map.classes(events, area, year, rules, gate, store.maps_out()), audience)


def shown(findings: pd.DataFrame, rules: Mapping, decisions: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Return findings as the public would see them under some decisions; not released, for the attack alone."""
    return _control(_coarsen.coarsen(findings, rules["audiences"]["public"], decisions, rules), rules)


def _rule(asked: str | None, audience: str, rules: Mapping) -> str:
    """Return the rule asked for, or the audience's own; refuse one that is not for this audience."""
    name = asked or rules["audiences"][audience]
    permitted = [rules["audiences"][audience], *rules["also_permitted"].get(audience, [])]
    if name not in rules["rules"] or name not in permitted:
        msg = f"There is no rule '{name}' for the {audience} audience; choose {', '.join(permitted)}."
        raise errors.DisclosureError(msg)
    return name


def _check(findings: pd.DataFrame, rules: Mapping) -> None:
    """Refuse what is not findings, or holds a count that cannot be one."""
    try:
        schema.check(findings, "finding")
    except (errors.StoreError, AttributeError):
        msg = "Only a table of findings can be released; make one with monitor, quality, hotspots or evaluate."
        raise errors.DisclosureError(msg) from None
    counted = ~findings["unit"].isin(rules["ratio_units"] + rules["averages"]["units"])
    value = findings.loc[counted, "value"].dropna()
    wrong = value[(value < 0) | (value % 1 != 0)]
    if len(wrong):
        row = findings.loc[wrong.index[0]]
        msg = (
            f"Row {findings.index.get_loc(wrong.index[0]) + 1} of '{row['measure']}' holds a negative or a broken "
            f"count of {row['unit']}s; a count is a whole number from 0."
        )
        raise errors.DisclosureError(msg)
    free = [*rules["estimates"]["measures"], *rules["without_denominator"]]
    ratio = findings["unit"].isin(rules["ratio_units"]) & ~findings["measure"].isin(free)
    bare = findings[
        ratio & findings["value"].notna() & (findings["denominator"].isna() | (findings["denominator"] <= 0))
    ]
    if len(bare):
        row = findings.index.get_loc(bare.index[0]) + 1
        msg = f"Row {row}, a share or rate of '{bare.iloc[0]['measure']}', has no denominator; give the count it is of."
        raise errors.DisclosureError(msg)


def _check_sums(findings: pd.DataFrame, rules: Mapping) -> None:
    """Refuse counts that do not add up to their own totals."""
    people = findings[_people(findings, rules) & findings["value"].notna()]
    off = attack.contradictions(published(people.assign(rule=EXACT, symbol=""), rules))
    if len(off):
        row = off.iloc[0]
        by = f" by {row['dim']}" if row["dim"] else ""
        msg = (
            f"{len(off)} totals of '{row['measure']}' differ from the sum of their parts, first {row['place']}{by} "
            f"from {row['start']} to {row['end']}; make all the findings from the same events."
        )
        raise errors.DisclosureError(msg)


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


def _people(findings: pd.DataFrame, rules: Mapping) -> pd.Series:
    """Tell which findings count people, and are not open data already."""
    free = findings["unit"].isin([*rules["exempt_units"], *rules["ratio_units"], *rules["averages"]["units"]])
    return ~free & ~(findings["source"].isin(rules["open_sources"]) & (findings["unit"] == "crime"))


def _control(findings: pd.DataFrame, rules: Mapping) -> pd.DataFrame:
    """Hide and round, row by row under the rule that the row has, and say so in ``symbol`` and ``shown``."""
    out = findings.copy()
    rule = _rules_of(out, rules)
    people, base = _people(out, rules), rule["base"]
    ratios = out["unit"].isin(rules["ratio_units"])
    counted = people | ratios
    tells = dict.fromkeys(COUNTS, counted) | {"n": counted | out["unit"].isin(rules["people_in_n"])}
    small = {name: tells[name] & _within(out[name], rule) for name in COUNTS}
    secondary, bare = _secondary(out, people, rule, rules)
    small["n"] |= bare
    hidden = (people & small["value"]) | secondary | _averages(out, rule, rules)
    hidden |= ratios & (rule["secondary"] != 0)  # a share of exact counts would give them away
    if (ratios & (base > 1)).any():
        hidden |= _ratios(out, small, ratios & (base > 1), base, rules)
    for name in COUNTS:
        as_is = ~tells[name] | (ratios & (name in {"value", "lower", "upper"}))
        rounded = _nearest(out[name], base).mask(small[name] | hidden)
        out[name] = rounded.where(~as_is, out[name].mask(ratios, out[name].round(2)).mask(hidden))
    for name in LINES:
        out[name] = out[name].where(base == 1, _nearest(out[name], base))
    for name in SHARES:
        out[name] = _nearest(out[name], rule["share_base"]).round(2)
    # a quotient of two exact counts would tell the one that is hidden from the one that is not
    out["share_used"] = out["share_used"].mask(np.isinf(rule["hide_to"]) | (people & (rule["secondary"] != 0)))
    out["p"] = out["p"].where(base == 1)  # of exact counts
    held = out["flags"].str.split(";")
    out["flags"] = out["flags"].mask(hidden, "")
    marks = [
        (hidden, "[c]"),
        (out["status"] == "no_data", "[x]"),
        (out["status"] == "gated", "[i]"),
        (out["status"] == "provisional", "[p]"),
        (held.map(lambda flags: "revised" in flags), "[r]"),
        (held.map(lambda flags: "break" in flags), "[b]"),
    ]
    symbols = [np.where(on.to_numpy(dtype=bool), symbol, "") for on, symbol in marks]
    out["symbol"] = [" ".join(filter(None, row)) for row in zip(*symbols, strict=True)] if len(out) else ""
    out["shown"] = _shown(out)
    return out


def _rules_of(rows: pd.DataFrame, rules: Mapping) -> dict[str, pd.Series]:
    """Return the numbers of each row's own rule."""
    return {key: rows["rule"].map({k: v.get(key, 0) for k, v in rules["rules"].items()}).astype(float) for key in _RULE}


def _within(values: pd.Series, rule: Mapping[str, pd.Series]) -> pd.Series:
    """Tell which counts a row's own rule hides."""
    return (rule["hide_to"] > 0) & (values >= rule["hide_from"]) & (values <= rule["hide_to"])


def _secondary(
    out: pd.DataFrame, people: pd.Series, rule: Mapping[str, pd.Series], rules: Mapping
) -> tuple[pd.Series, pd.Series]:
    """Tell which exact counts must be hidden so that sums give nothing away, and which rows may not say of how many.

    None where counts are rounded.
    """
    rows = people & (rule["secondary"] != 0) & out["value"].notna()
    hidden, bare = (pd.Series(data=False, index=out.index) for _ in range(2))
    if rows.any():
        exact = published(out[rows].assign(rule=EXACT, symbol=""), rules)
        matrix, ids = attack.additive(exact)
        values, most = np.full(matrix.shape[1], np.nan), int(rule["hide_to"][rows].max())
        known = exact["low"] == exact["high"]
        values[ids[known]] = exact["low"][known]
        primary = (values >= 1) & (values <= most)
        found = suppression.suppress(values, matrix, primary, width=rules["protection_width"], small=most)
        gone, table = found.hidden[ids], pd.MultiIndex.from_frame(exact[attack.ADDRESS[:6]])
        base = exact["stratum"] == attack.KNOWN
        hidden[rows] = gone[~base]
        bare[rows] = table[~base].isin(table[base & gone])
    return hidden, bare


def _averages(out: pd.DataFrame, rule: Mapping[str, pd.Series], rules: Mapping) -> pd.Series:
    """Tell which means and medians rest on too few records to be shown below London."""
    average = out["unit"].isin(rules["averages"]["units"]) & ~out["place_type"].isin(rules["averages"]["free_places"])
    return average & ((rule["hide_to"] > 0) & ~(out["n"] > rule["hide_to"]))


def _ratios(out: pd.DataFrame, small: Mapping, ratios: pd.Series, base: pd.Series, rules: Mapping) -> pd.Series:
    """Make shares and rates anew from released counts, in place; tell which are hidden because a count is."""
    estimate = ratios & out["measure"].isin(rules["estimates"]["measures"])
    plain = ratios & ~estimate
    few = estimate & ~(out["n"] >= rules["estimates"]["records_least"])
    top, bottom = _nearest(out["numerator"], base), _nearest(out["denominator"], base)
    step = np.where(out["unit"] == "share", rules["share_step"], rules["rate_step"])
    again = _nearest(top / bottom.where(bottom > 0), step)
    out["value"] = out["value"].mask(plain, again)
    out[["lower", "upper"]] = out[["lower", "upper"]].mask(plain)
    return few | (plain & (small["numerator"] | small["denominator"] | again.isna()))


def published(table: pd.DataFrame, rules: Mapping, editions: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return what released findings tell a reader: for each count of people the range it must lie in.

    Parameters
    ----------
    table : DataFrame
        As in :class:`Released`, or the same read back from a published CSV.
    rules : mapping
        Content of ``parameters/disclosure.yml``.
    editions : mapping, optional
        Edition of the data by month, as :func:`istv_lib.store.editions` returns.

    Returns
    -------
    DataFrame
        As :func:`istv_lib.attack.attack` takes; open data, counts of hospitals, shares and rates are left out.
    """
    rows = table[_people(table, rules)].reset_index(drop=True)
    rule = _rules_of(rows, rules)
    out = rows[["measure", "source", "place"]].assign(
        start=rows["period_start"], end=rows["period_end"], dim=rows["stratum_dim"], stratum=rows["stratum"]
    )
    out["edition"] = [
        ";".join(editions.get(m, "") for m in months.span(a, b)) if editions else ""
        for a, b in zip(out["start"], out["end"], strict=True)
    ]
    hidden = rows["symbol"].str.contains("[c]", regex=False)
    known = out.assign(stratum=attack.KNOWN, **_range(rows["n"], rule, hidden & False))
    known["share_low"], known["share_high"] = (rows["share_used"] + s * rule["share_base"] / 2 for s in (-1, 1))
    known = known[(out["dim"] != "") & (known["low"].notna() | known["share_low"].notna())]
    known = known.fillna({"low": 0.0, "high": np.inf}).drop_duplicates()
    own = out.assign(**_range(rows["value"], rule, hidden), share_low=np.nan, share_high=np.nan)
    return pd.concat([own[own["low"].notna()], known], ignore_index=True)[attack.PUBLISHED]


def _range(values: pd.Series, rule: Mapping[str, pd.Series], hidden: pd.Series) -> dict[str, pd.Series]:
    """Return the least and the greatest count behind a shown or hidden figure; missing where nothing is said."""
    half = rule["base"] // 2
    floor = (rule["hide_to"] + 1).where((rule["hide_to"] > 0) & (values > 0), 0.0)
    zero = (values == 0) & (rule["hide_from"] > 0)
    low = np.maximum(values - half, floor).mask(zero, 0.0)
    high = (values + half).mask(zero, 0.0)
    most = rule["hide_to"].mask(rule["secondary"] != 0, np.inf)
    return {"low": low.mask(hidden, rule["hide_from"]), "high": high.mask(hidden, most)}


def _nearest(values: pd.Series, base: float) -> pd.Series:
    """Round to the nearest multiple of base, halves up (so that 7.5 never depends on its neighbour)."""
    return np.floor(values / base + 0.5 + 1e-9) * base


def _shown(out: pd.DataFrame) -> list[str]:
    styles = {"share": "{:.0%}", "rate": "{:.2f}"}
    rows = zip(out["value"], out["unit"], out["symbol"], strict=True)
    texts = [("" if np.isnan(v) else styles.get(unit, "{:,.0f}").format(v), symbol) for v, unit, symbol in rows]
    return [f"{text} {symbol}".strip() or "[x]" for text, symbol in texts]


def _released(table: pd.DataFrame, audience: str, rule: str, source_hash: str) -> Released:
    small = table["symbol"].str.contains("[c]", regex=False)
    coarse = table["rule"] != rule
    hidden = {
        "small count": int((small & ~coarse).sum()),
        "coarsened": int((small & coarse).sum()),
        "no data": int(table["symbol"].str.contains("[x]", regex=False).sum()),
    }
    flags = set(table["synthetic"].unique())
    kind = "mixed" if len(flags) > 1 else ("synthetic" if flags <= {True} else "real")
    return Released(table, audience, rule, hidden, _hash(table), source_hash, kind)


def _hash(table: pd.DataFrame) -> str:
    return store.sha256(table.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode())[:16]
