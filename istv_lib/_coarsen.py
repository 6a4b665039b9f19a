"""The gate's decisions applied: tables shown in a band, by quarter, in merged classes, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import months

GROUP = ["measure", "source", "place", "stratum_dim", "period"]
BAND, WITHHELD = "nhs_hes_band", "withheld"
_ADDED = ["value", "n", "numerator", "denominator"]
_LINES = ["lower", "upper", "expected", "limit_low", "limit_high"]


def groups(findings: pd.DataFrame) -> pd.DataFrame:
    """Return the group of each finding, the least that a decision is made for: :data:`GROUP`.

    A period is a calendar quarter ("2024-Q1", for a month) or a year ("2024", for a year); others are themselves.
    """
    start, end = findings["period_start"], findings["period_end"]
    quarter = start.str[:4] + "-Q" + ((start.str[5:7].astype(int) + 2) // 3).astype(str)
    whole = (start.str[5:] == "01") & (end == start.str[:4] + "-12")
    period = np.select([start == end, whole], [quarter, start.str[:4]], start + "/" + end)
    return findings[GROUP[:-1]].assign(period=period)


def ladder(group: Mapping[str, str], rules: Mapping[str, Any]) -> list[str]:
    """Return the steps that can be taken for a group, mildest first."""
    able = {"quarter": "-Q" in group["period"], "merge": group["stratum_dim"] in rules["merged_classes"]}
    return [step for step in rules["coarsening"] if able.get(step, True)]


def coarsen(
    findings: pd.DataFrame, rule: str, decisions: Iterable[Mapping[str, str]], rules: Mapping[str, Any]
) -> pd.DataFrame:
    """Return findings with a column ``rule``, and more rows where sums replace what is withheld.

    Parameters
    ----------
    findings : DataFrame
        True counts.
    rule : str
        Rule of every row without a decision.
    decisions : iterable of mapping
        :data:`GROUP` and ``step``: ``band`` (counts from 0 hidden), ``quarter`` (a sum of three months in place of
        the months), ``merge`` (a sum of classes in place of the classes), ``withhold``.
    rules : mapping
        Content of ``parameters/disclosure.yml``.
    """
    out = findings.assign(rule=rule)
    steps = {tuple(d[k] for k in GROUP): d["step"] for d in decisions}
    if not steps or findings.empty:
        return out
    keys = groups(findings)
    step = pd.Series([steps.get(key, "") for key in keys.itertuples(index=False, name=None)], index=findings.index)
    classes = _classes(findings, rules)
    merged = (step == "merge") & (classes != "")
    out["rule"] = out["rule"].mask(step == "band", BAND).mask((step == "merge") & ~merged, BAND)
    out["rule"] = out["rule"].mask(step.isin(["quarter", "withhold"]) | merged, WITHHELD)
    parts = [out]
    if (step == "quarter").any():
        parts.append(_quarters(out[step == "quarter"], keys["period"]))
    if merged.any():
        parts.append(_merged(out[merged], classes[merged]))
    out = pd.concat(parts, ignore_index=True)
    return out.sort_values(["place", "stratum_dim", "period_start"], kind="stable", ignore_index=True)


def _classes(findings: pd.DataFrame, rules: Mapping[str, Any]) -> pd.Series:
    """Return the merged class of each finding's stratum, as "blunt+glass"; empty for none."""
    of = {
        (dim, part): "+".join(group)
        for dim, merged in rules["merged_classes"].items()
        for group in merged
        for part in group
    }
    pairs = zip(findings["stratum_dim"], findings["stratum"], strict=True)
    return pd.Series([of.get(pair, "") for pair in pairs], index=findings.index)


def _quarters(rows: pd.DataFrame, period: pd.Series) -> pd.DataFrame:
    """Sum whole quarters; one with a missing month has no sum."""
    keys = ["measure", "source", "place", "stratum_dim", "stratum"]
    inside = rows.groupby([period.loc[rows.index].rename("quarter"), *keys], sort=False)
    out = inside.first().assign(**{c: inside[c].sum(min_count=3) for c in _ADDED}, coverage=inside["coverage"].min())
    whole = inside["period_start"].nunique() == 3
    out["period_end"] = [months.add(first, 2) for first in inside["period_start"].min()]
    out["period_start"] = inside["period_start"].min()
    return _plain(out[whole].reset_index(), rows)


def _merged(rows: pd.DataFrame, classes: pd.Series) -> pd.DataFrame:
    keys = ["measure", "source", "place", "stratum_dim", "period_start", "period_end"]
    inside = rows.groupby([classes.rename("class"), *keys], sort=False)
    out = inside.first().assign(value=inside["value"].sum(min_count=1), n=inside["n"].max()).reset_index()
    return _plain(out.drop(columns="stratum").rename(columns={"class": "stratum"}), rows)


def _plain(sums: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Give sums the columns of the rows they come from, without limits or signals, under the rule of the band."""
    sums = sums.assign(rule=BAND, flags="", **dict.fromkeys(_LINES, np.nan))
    return sums[like.columns].astype(like.dtypes)
