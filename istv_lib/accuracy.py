"""How often the place of a text is found, how far off it is, and whether its stated probability means what it says.

Everything rests on labelled texts: texts of which somebody knows the true place, or that they name none. The texts
stay behind in :func:`judge`; what is counted afterwards holds none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _fit, _intervals, places, schema, tally
from istv_lib._judge import LABELS, Matcher, judge

__all__ = [
    "LABELS", "MEASURES", "NEAR_M", "RIGHT_M", "Matcher", "distances", "judge", "rates", "reliability", "thresholds",
]  # fmt: skip
RIGHT_M = 250  # what the stated probability speaks of
NEAR_M = (100, 250, 500, 1000)
STEPS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # thresholds shown beside that of maps
MEASURES = {
    "placed": "Given a point", "mapped": "On maps",
    **{f"within_{m}": f"Within {m:,} m" for m in NEAR_M},
    "borough_right": "Right borough", "lsoa_right": "Right LSOA", "answered": "Of texts that name a place",
    **{f"placed_within_{m}": f"Within {m:,} m" for m in NEAR_M},
    "nameless": "Naming no place",
    "error_p50": "Half within", "error_p90": "Nine in ten within", "error_p95": "95 in 100 within",
    "false_any": "Given a point", "false_mapped": "On maps", "mapped_right": "Right, of all on maps",
}  # fmt: skip
UNKNOWN = "unknown"


def rates(
    judged: pd.DataFrame, period: tuple[str, str], rules: Mapping, *, by: str = "", synthetic: bool = False
) -> pd.DataFrame:
    """Return the shares of labelled texts that were placed, and placed right, with Wilson intervals.

    Parameters
    ----------
    judged : DataFrame
        Schema ``place_accuracy``.
    period : (str, str)
        Months that the findings are filed under.
    rules : mapping
        ``map_p_least``.
    by : str
        Empty for all; ``style``, ``typos``, ``sample``, ``kind``, ``site_code`` (then findings of sites), or
        ``precision_class``, the class of the answer.
    synthetic : bool
        What the findings are where no text is labelled.

    Returns
    -------
    DataFrame
        Findings; a share of nothing is "no data". Of texts that name a place: ``placed``, ``mapped``, ``within_100``
        to ``within_1000``, ``borough_right``, ``lsoa_right`` (no answer counts as wrong). Of those placed:
        ``placed_within_100`` to ``placed_within_1000``. Of texts that name none: ``false_any`` and ``false_mapped``
        (on maps). ``mapped_right``: of all that would be on maps, the share within 250 m; false matches are wrong.
        By ``precision_class`` also ``answered``, its share of the texts that name a place, and ``nameless``, the share
        of the texts given such a point that name none. The rows of :func:`distances` follow.

    Notes
    -----
    How it can mislead: the shares hold for the mix of texts that was labelled, and another mix has others. Texts that
    name a borough or a neighbourhood can hardly be within 250 m. By class of the answer nothing is said of texts
    without one. Groups of few texts differ by chance: read the intervals.
    """
    marks = _marks(judged, rules)
    counted = _counted(judged, marks)
    if by == "precision_class":
        counted = {k: v for k, v in counted.items() if k.startswith(("placed_", "borough", "lsoa"))}
        counted |= {"answered": (marks["named"],) * 2, "nameless": (judged["kind"] != "place", marks["placed"])}
    stratum = _strata(judged, by)
    order = _order(stratum, by)
    parts = []
    for measure, (hit, of) in counted.items():
        n = of.groupby(stratum).sum().reindex(order, fill_value=0)
        if measure == "answered":
            n[:] = of.sum()
        counts = pd.DataFrame({"numerator": (hit & of).groupby(stratum).sum().reindex(order, fill_value=0)})
        parts.append(counts.assign(denominator=n, measure=measure).rename_axis("stratum").reset_index())
    out = _intervals.shares(pd.concat(parts, ignore_index=True)).assign(unit="share")
    shares = _findings(out, judged, period, by, synthetic=synthetic)
    return pd.concat([shares, distances(judged, period, by=by, synthetic=synthetic)], ignore_index=True)


def _marks(judged: pd.DataFrame, rules: Mapping) -> dict[str, Any]:
    """Return what is known of each labelled text: error in metres, and marks that hold or do not."""
    error = np.hypot(judged["x"] - judged["x_true"], judged["y"] - judged["y_true"])
    placed, named = judged["x"].notna(), (judged["kind"] == "place") & judged["x_true"].notna()
    mapped = _fit.reason(judged, rules["map_p_least"]) == ""
    right = named & (error <= RIGHT_M)
    return {"error": error, "placed": placed, "named": named, "mapped": mapped, "right": right}


def _counted(judged: pd.DataFrame, marks: Mapping[str, Any]) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Return hit and base of each measure, as marks of texts."""
    error, placed, named, mapped = (marks[k] for k in ("error", "placed", "named", "mapped"))
    here, nothing = named & placed, judged["kind"] != "place"
    found = {"placed": (placed, named), "mapped": (mapped, named)}
    found |= {f"within_{m}": (error <= m, named) for m in NEAR_M}
    found |= {f"placed_within_{m}": (error <= m, here) for m in NEAR_M}
    borough, lsoa = judged["borough_true"], judged["lsoa_true"]
    found["borough_right"] = (judged["borough_gss"] == borough, named & (borough != ""))
    found["lsoa_right"] = (judged["lsoa"] == lsoa, named & (lsoa != "") & (judged["lsoa"] != "").any())
    found |= {"false_any": (placed, nothing), "false_mapped": (mapped, nothing)}
    return found | {"mapped_right": (marks["right"], mapped)}


def _strata(judged: pd.DataFrame, by: str) -> pd.Series:
    if not by:
        return pd.Series("", judged.index, dtype="str")
    values = judged[by].astype("str")
    return values.where(judged[by].notna() & (values != ""), UNKNOWN)


def _order(stratum: pd.Series, by: str) -> list[str]:
    """Return the strata in order: classes by precision, numbers by size, others by name, "unknown" last."""
    classes = {name: f"{k:02d}" for k, name in enumerate(schema.PRECISION_CLASSES)} if by == "precision_class" else {}
    ranked = {s: (s == UNKNOWN, classes.get(s, s.zfill(3) if s.isdigit() else s)) for s in set(stratum)}
    return sorted(ranked, key=ranked.get) or [UNKNOWN if by else ""]


def _findings(
    out: pd.DataFrame, judged: pd.DataFrame, period: tuple[str, str], by: str, *, synthetic: bool
) -> pd.DataFrame:
    if by == "site_code":
        out = out.rename(columns={"stratum": "place"}).assign(place_type="site")
    elif "stratum_dim" not in out:
        out = out.assign(stratum_dim=by)
    made = bool(judged["synthetic"].all()) if len(judged) else synthetic
    return tally.as_findings(out, None, places.LONDON, synthetic=made, method="labelled_texts", period=period)


def distances(judged: pd.DataFrame, period: tuple[str, str], *, by: str = "", synthetic: bool = False) -> pd.DataFrame:
    """Return the distance from the truth within which half, 90 % and 95 % of the placed texts lie.

    Parameters are those of :func:`rates`.

    Returns
    -------
    DataFrame
        Findings ``error_p50``, ``error_p90`` and ``error_p95`` in metres; ``n`` the texts that name a place and were
        placed.

    Notes
    -----
    How it can mislead: texts without an answer have no distance, so a place finder that answers only where it is easy
    looks better. A high percentile of few texts is one text.
    """
    named = judged[(judged["kind"] == "place") & judged["x_true"].notna() & judged["x"].notna()]
    error = pd.Series(np.hypot(named["x"] - named["x_true"], named["y"] - named["y_true"]), named.index)
    stratum = _strata(named, by)
    parts = []
    for percent in (50, 90, 95):
        value = error.groupby(stratum).agg([lambda e, q=percent: e.quantile(q / 100), "size"])
        value = value.set_axis(["value", "n"], axis=1).reindex(_order(stratum, by))
        parts.append(value.assign(measure=f"error_p{percent}").rename_axis("stratum").reset_index())
    out = pd.concat(parts, ignore_index=True).assign(unit="metre")
    out["status"], out["n"] = np.where(out["value"].isna(), "no_data", "final"), out["n"].fillna(0).astype(float)
    return _findings(out, judged, period, by, synthetic=synthetic)


def reliability(
    judged: pd.DataFrame, period: tuple[str, str], rules: Mapping, *, synthetic: bool = False
) -> pd.DataFrame:
    """Set the stated probability of lying within 250 m beside the share that does, by tenths of probability.

    Parameters are those of :func:`rates`.

    Returns
    -------
    DataFrame
        Findings ``reliability`` by ``probability`` ("0.8 to 0.9"): ``value`` the share of the texts given a point that
        lies within 250 m, with Wilson's interval; ``expected`` the mean stated probability; ``flags`` "above" or
        "below" where the interval leaves it out. A point for a text that names no place is wrong. ``brier`` by
        ``texts`` (``all``, ``placed``): the mean squared difference of probability and outcome, 0 at best;
        ``expected`` is what one and the same probability for all would give.

    Notes
    -----
    How it can mislead: a probability that is right on these texts need not be on others, and one that was fitted to
    these very texts is too good. The Brier score of all texts looks good where many texts name no place, because
    "no place" with probability 0 is easy.
    """
    marks = _marks(judged, rules)
    p, placed, right = judged["location_p"].fillna(0.0), marks["placed"], marks["right"]
    tenth = np.minimum((p[placed] * 10 + 1e-9).astype(int), 9)
    bins = pd.DataFrame({"p": p[placed], "right": right[placed]}).groupby(tenth)
    out = bins.agg(numerator=("right", "sum"), denominator=("right", "size"), expected=("p", "mean")).reset_index()
    out = _intervals.shares(out).assign(measure="reliability", unit="share", stratum_dim="probability")
    out["stratum"] = [f"{k / 10:.1f} to {(k + 1) / 10:.1f}" for k in out.pop("location_p")]
    out["flags"] = np.select([out["lower"] > out["expected"], out["upper"] < out["expected"]], ["above", "below"], "")
    scores = []
    for name, held in (("all", placed | True), ("placed", placed)):
        true, n = right[held].astype(float), int(held.sum())
        score, base = ((p[held] - true) ** 2).mean(), true.mean() * (1 - true.mean())
        scores.append({"stratum": name, "value": score, "expected": base, "n": n, "denominator": n or np.nan})
    brier = pd.DataFrame(scores).assign(measure="brier", unit="rate", stratum_dim="texts")
    brier["status"] = np.where(brier["n"] > 0, "final", "no_data")
    out = pd.concat([out, brier], ignore_index=True)
    return _findings(out, judged, period, "", synthetic=synthetic)


def thresholds(
    judged: pd.DataFrame, period: tuple[str, str], rules: Mapping, *, synthetic: bool = False
) -> pd.DataFrame:
    """Return what would be on maps, and how much of it is right, if only points at least so probable were mapped.

    Parameters are those of :func:`rates`; ``rules`` also holds ``map_precision_aim``.

    Returns
    -------
    DataFrame
        Findings by ``threshold`` ("0.80"; that of maps, ``map_p_least``, is flagged "maps"): ``precision``, of what
        would be mapped the share within 250 m, false matches being wrong; ``accepted``, of the texts that name a place
        the share mapped; ``false_mapped``, of the texts that name none the share mapped. ``threshold_reached`` is the
        least probability from which on precision reaches the aim ("no data" where none does).

    Notes
    -----
    How it can mislead: the threshold found on a sample is too low for the next sample about as often as too high, and
    precision depends on how many of the texts name no place.
    """
    marks = _marks(judged, rules)
    p, named = judged["location_p"].fillna(0.0), marks["named"]
    able = _fit.reason(judged, 0.0) == ""
    parts = []
    for step in sorted({*STEPS, float(rules["map_p_least"])}):
        on = able & (p >= step)
        told = {"precision": (marks["right"], on), "accepted": (on, named)}
        told["false_mapped"] = (on, judged["kind"] != "place")
        for measure, (hit, of) in told.items():
            parts.append({"measure": measure, "numerator": (hit & of).sum(), "denominator": of.sum(), "step": step})
    out = _intervals.shares(pd.DataFrame(parts)).assign(unit="share")
    out["flags"] = np.where(out["step"] == rules["map_p_least"], "maps", "")
    out["stratum"] = out.pop("step").map("{:.2f}".format)
    ranked = pd.DataFrame({"p": p[able], "right": marks["right"][able]}).sort_values("p", ascending=False)
    ranked["precision"] = ranked["right"].cumsum() / np.arange(1, len(ranked) + 1)
    enough = ranked.drop_duplicates("p", keep="last")
    enough = enough.loc[enough["precision"] >= rules["map_precision_aim"], "p"]
    reached = {"measure": "threshold_reached", "unit": "rate", "value": enough.min() if len(enough) else np.nan}
    reached |= {"n": float(able.sum()), "denominator": float(able.sum()) or np.nan}
    reached["status"] = "final" if len(enough) else "no_data"
    out = pd.concat([out, pd.DataFrame([reached])], ignore_index=True)
    return _findings(out, judged, period, "threshold", synthetic=synthetic)
