"""XmR charts with the Making Data Count rules, for readers who know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from istv_lib import errors

LIMITS, NEAR, SCREEN = 2.66, 1.7733, 3.267  # mean moving ranges, of the method
DIRECTIONS = ("decrease", "increase", "neutral")
COMMON = "Common Cause"


def xmr(
    values: pd.Series,
    *,
    run_length: int = 7,
    screen: bool = True,
    fix_after: int | None = None,
    rebases: Sequence[Mapping[str, str]] = (),
    least: int = 12,
) -> pd.DataFrame:
    """Return an XmR (individuals and moving range) chart with the Making Data Count rules.

    Parameters
    ----------
    values : Series
        Equally spaced counts in time order; a missing value breaks moving ranges, runs and trends.
        The index holds months as text where ``rebases`` are given.
    run_length : int, default 7
        Points in a run or a trend.
    screen : bool, default True
        Leave out moving ranges of 3.267 mean moving ranges or more, once. The spreadsheet tool of the NHS does not.
    fix_after : int, optional
        Mean and limits come from the first so many values of each group (missing ones not counted) and hold for
        the rest of it. By default from all.
    rebases : sequence of mappings
        Each with ``month`` and ``reason``. A new group, with its own mean and limits, begins in that month.
        Rules do not look across its edge.
    least : int, default 12
        A group whose limits rest on fewer values is ``short``.

    Returns
    -------
    DataFrame
        ``value``, ``mean``, ``lower``, ``upper`` (limits at 2.66 mean moving ranges, not cut at zero) and ``label``
        ("Above UCL", "Below LCL", "7 Point Trend (Increasing)", "2 in 3 Above CL", "7 Points Above CL", ... or
        "Common Cause"), the first rule that holds in that order; empty where the value is missing. ``group`` counts
        from 0, ``reason`` stands in the first month of a rebased group, ``points`` is the number of values behind
        the limits, ``short`` says that they are too few. Limits are missing where no two neighbours have values,
        the mean too where there is no value at all. If all values are equal, so are the limits, and nothing signals.

    Raises
    ------
    istv_lib.errors.ParameterError
        A rebase without a month, without a reason, in a month that the series lacks, or twice in one month;
        ``fix_after`` below 2.

    Notes
    -----
    How it can mislead: it does not know about season or missing hospitals, and with small counts its lower limit
    is below zero, so that a fall can never signal. A rebase hides the change that it was made for. Source: NHS
    England, Making Data Count; checked against results of the R package NHSRplotthedots 0.2.2.
    """
    if fix_after is not None and fix_after < 2:
        msg = f"Limits cannot be fixed after {fix_after} points; give 2 or more."
        raise errors.ParameterError(msg)
    reasons = _reasons(values.index, rebases)
    group = (reasons != "").cumsum()
    parts = [_group(y, run_length, fix_after, screen=screen) for _, y in values.astype(float).groupby(group.to_numpy())]
    chart = pd.concat(parts) if parts else _group(values.astype(float), run_length, fix_after, screen=screen)
    return chart.assign(group=group, reason=reasons, short=chart["points"] < least)


def point_type(chart: pd.DataFrame, improvement: str = "decrease") -> pd.Series:
    """Return what each point of a chart means when a ``decrease`` or an ``increase`` is better.

    Parameters
    ----------
    chart : DataFrame
        As :func:`xmr` returns.
    improvement : {"decrease", "increase", "neutral"}

    Returns
    -------
    Series
        ``common_cause``, ``special_cause_improvement``, ``special_cause_concern``, ``special_cause_neutral_high``,
        ``special_cause_neutral_low``; empty where the value is missing. A trend takes the direction in which it
        goes, even where its points lie on the other side of the mean.

    Raises
    ------
    istv_lib.errors.ParameterError
        Another ``improvement``.
    """
    _direction(improvement)
    label = chart["label"]
    up, down = label.str.contains("Above|Increasing"), label.str.contains("Below|Decreasing")
    better, worse = "special_cause_improvement", "special_cause_concern"
    names = {
        "increase": (better, worse),
        "decrease": (worse, better),
        "neutral": ("special_cause_neutral_high", "special_cause_neutral_low"),
    }[improvement]
    kind = np.select([label == COMMON, up, down], ["common_cause", *names], "")
    return pd.Series(kind, index=chart.index, dtype=str)


def variation(chart: pd.DataFrame, improvement: str = "decrease") -> str:
    """Return in words what the variation icon of Making Data Count would say: the type of the last point.

    A sentence of its own says so when the last month has no value, and another when the limits rest on too few.
    How it can mislead: a special cause in the month before is not told, and the chart knows no missing hospital.
    """
    kinds = point_type(chart, improvement)
    if kinds.empty or kinds.iloc[-1] == "":
        return "The last month has no value, so nothing is said about it."
    if pd.isna(chart["upper"].iloc[-1]):
        return "There are too few neighbouring values for limits, so nothing is said about the last month."
    side = "high" if kinds.iloc[-1] != "common_cause" and _is_up(chart["label"].iloc[-1]) else "low"
    return {
        "common_cause": "Common cause: no significant change.",
        "special_cause_improvement": f"Special cause of an improving nature: {side}er values.",
        "special_cause_concern": f"Special cause of a concerning nature: {side}er values.",
        "special_cause_neutral_high": "Special cause: higher values, which are neither better nor worse in themselves.",
        "special_cause_neutral_low": "Special cause: lower values, which are neither better nor worse in themselves.",
    }[kinds.iloc[-1]] + _short_words(chart)


def assurance(chart: pd.DataFrame, target: float | None, improvement: str = "decrease") -> str:
    """Return in words what the assurance icon would say: the limits of the last group against a target.

    Without a target, or where neither direction is better, nothing is assured, and the sentence says so. A target
    on a limit counts as between the limits. How it can mislead: it presumes that the process stays as it is.
    """
    _direction(improvement)
    if target is None or pd.isna(target):
        return "No target is set."
    if improvement == "neutral":
        return "Neither direction is better, so no target can be met."
    low, high = (np.nan, np.nan) if chart.empty else chart[["lower", "upper"]].iloc[-1]
    if pd.isna(low):
        return "There are too few neighbouring values for limits, so nothing is said about the target."
    if low <= target <= high:
        return "The target may be met or missed by chance." + _short_words(chart)
    met = (target > high) == (improvement == "decrease")
    word = "met" if met else "missed"
    return f"The target will be {word} as long as nothing changes." + _short_words(chart)


def _direction(improvement: str) -> None:
    if improvement not in DIRECTIONS:
        msg = f"'{improvement}' is no direction of improvement; give one of {', '.join(DIRECTIONS)}."
        raise errors.ParameterError(msg)


def _is_up(label: str) -> bool:
    return "Above" in label or "Increasing" in label


def _short_words(chart: pd.DataFrame) -> str:
    last = chart.iloc[-1]
    return f" The limits rest on {last['points']} points only." if last["short"] else ""


def _reasons(index: pd.Index, rebases: Sequence[Mapping[str, str]]) -> pd.Series:
    """Return the reason in each month in which a new group begins, else an empty text."""
    reasons = pd.Series("", index=index, dtype=object)
    for rebase in rebases:
        month, reason = rebase.get("month"), rebase.get("reason")
        if not isinstance(month, str) or not month.strip():
            msg = "A rebase names no month; give each a month and a reason."
            raise errors.ParameterError(msg)
        if not isinstance(reason, str) or not reason.strip():
            msg = f"The rebase in {month} has no reason; write down why the level changed."
            raise errors.ParameterError(msg)
        if month not in index:
            span = f"from {index[0]} to {index[-1]}" if len(index) else "without any month"
            msg = f"The rebase in {month} is in no month of the series ({span}); give a month that it holds."
            raise errors.ParameterError(msg)
        if reasons[month]:
            msg = f"Two rebases are in {month}; keep one and write both reasons into it."
            raise errors.ParameterError(msg)
        reasons[month] = reason.strip()
    return reasons


def _group(values: pd.Series, run_length: int, fix_after: int | None, *, screen: bool) -> pd.DataFrame:
    """Return the chart of one group: nothing outside it counts."""
    y = values.reset_index(drop=True)
    base = y if fix_after is None else y.where(y.notna().cumsum() <= fix_after)
    centre, mean_range = base.mean(), mean_moving_range(base, screen=screen)
    away = y - centre
    away = away.mask(away.abs() <= 1e-9 * abs(centre), 0.0)  # the mean of equal values can miss them by a bit
    rules = _rules(y, away, mean_range, run_length)
    label = np.select([y.isna(), *rules.values()], ["", *rules], COMMON)
    chart = pd.DataFrame(
        {"value": y, "mean": centre, "lower": centre - LIMITS * mean_range, "upper": centre + LIMITS * mean_range}
    )
    return chart.assign(label=label, points=int(base.notna().sum())).set_axis(values.index)


def mean_moving_range(y: pd.Series, *, screen: bool) -> float:
    """Mean moving range, after one screening; 0 if all are 0, missing if there are none."""
    ranges = y.diff().abs().dropna()
    if screen and ranges.any():
        ranges = ranges[ranges < SCREEN * ranges.mean()]
    return ranges.mean()


def _rules(y: pd.Series, away: pd.Series, mean_range: float, run: int) -> dict[str, np.ndarray]:
    side = np.sign(away).fillna(0.0)
    step = np.sign(y.diff()).fillna(0.0)
    near, far = NEAR * mean_range, LIMITS * mean_range
    rules = {"Above UCL": (away > far).to_numpy(), "Below LCL": (away < -far).to_numpy()}
    for sign, name in ((1, "Increasing"), (-1, "Decreasing")):
        rules[f"{run} Point Trend ({name})"] = _runs(step == sign, run - 1, before=1)
    for sign, name in ((1, "Above"), (-1, "Below")):
        distance = sign * away
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
