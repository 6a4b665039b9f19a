"""XmR charts with the Making Data Count rules, for readers who know them."""

from __future__ import annotations

import numpy as np
import pandas as pd


def xmr(values: pd.Series, *, run_length: int = 7) -> pd.DataFrame:
    """Return an XmR (individuals and moving range) chart with the Making Data Count rules.

    Parameters
    ----------
    values : Series
        Equally spaced counts in time order; a missing value breaks moving ranges, runs and trends.
    run_length : int, default 7
        Points in a run or a trend.

    Returns
    -------
    DataFrame
        ``value``, ``mean``, ``lower``, ``upper`` (limits at 2.66 mean moving ranges, after one screening at 3.267;
        not cut at zero) and ``label`` ("Above UCL", "Below LCL", "7 Point Trend (Increasing)", "2 in 3 Above CL",
        "7 Points Above CL", ... or "Common Cause"), the first rule that holds in that order.

    Notes
    -----
    How it can mislead: it does not know about season or missing hospitals, and with small counts its lower limit
    is below zero, so that a fall can never signal. Source: NHS England, Making Data Count; checked against
    results of the R package NHSRplotthedots 0.2.2.
    """
    y = values.reset_index(drop=True).astype(float)
    centre = y.mean()
    ranges = y.diff().abs()
    mean_range = ranges[ranges < 3.267 * ranges.mean()].mean() if ranges.notna().any() else np.nan
    mean_range = 0.0 if np.isnan(mean_range) and ranges.notna().any() else mean_range
    out = pd.DataFrame(
        {"value": y, "mean": centre, "lower": centre - 2.66 * mean_range, "upper": centre + 2.66 * mean_range}
    )
    rules = _xmr_rules(y, centre, mean_range, run_length)
    out["label"] = np.select(list(rules.values()), list(rules), "Common Cause")
    return out.set_axis(values.index)


def _xmr_rules(y: pd.Series, centre: float, mean_range: float, run: int) -> dict[str, np.ndarray]:
    side = np.sign(y - centre).fillna(0.0)
    step = np.sign(y.diff()).fillna(0.0)
    near, far = 1.7733 * mean_range, 2.66 * mean_range
    rules = {"Above UCL": (y - centre > far).to_numpy(), "Below LCL": (y - centre < -far).to_numpy()}
    for sign, name in ((1, "Increasing"), (-1, "Decreasing")):
        rules[f"{run} Point Trend ({name})"] = _runs(step == sign, run - 1, before=1)
    for sign, name in ((1, "Above"), (-1, "Below")):
        distance = sign * (y - centre)
        outer = (distance > near) & (distance <= far)
        same = (side == sign).rolling(3).sum() == 3
        hit = (outer.rolling(3).sum() >= 2) & same
        marked = hit | hit.shift(-1, fill_value=False) | hit.shift(-2, fill_value=False)
        rules[f"2 in 3 {name} CL"] = (marked & outer).to_numpy()
    for sign, name in ((1, "Above"), (-1, "Below")):
        rules[f"{run} Points {name} CL"] = _runs(side == sign, run)
    return rules


def _runs(on: pd.Series, length: int, before: int = 0) -> np.ndarray:
    """Mark whole runs of at least ``length`` true values, and ``before`` points ahead of each."""
    block = (on != on.shift()).cumsum()
    marked = (on & (on.groupby(block).transform("size") >= length)).to_numpy()
    for _ in range(before):
        marked = marked | np.append(marked[1:], False)
    return marked
