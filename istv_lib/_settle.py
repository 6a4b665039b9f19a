"""From scored candidates to one place for each text and site.

A helper of :mod:`istv_lib.geocode`. What the text alone decides is decided first; the attended site is asked only
where several places are left, or where a lone name lies too far away to be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _choice, _spans
from istv_lib._atlas import Atlas

TIE = 1.0  # points; candidates this close to the best are equal
STREET_PART_M = 600.0  # metres about the known point nearest to what else is named: that part of a street is meant
CROSSING_M, STREET_LEAST_M = 50.0, 100.0  # least radius of a junction and of a street
_COARSE = ("area", "stop", "district", "borough")


def by_text(scored: pd.DataFrame, told: pd.DataFrame, atlas: Atlas, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Best candidates of each text: one row where the text decides, else one for each rival.

    Returns
    -------
    DataFrame
        The rows of ``scored`` that are left, best first, with ``role``: ``best`` (those that tie for the first place),
        ``coarse`` (the area, district or borough to fall back to); ``gap`` (points to the next place
        elsewhere, missing without one), ``across`` (metres that the tied ones span), ``rivals`` (their number).
    """
    together = rules["prior_ambiguity_m"]
    order = scored.sort_values(
        ["text", "score", "place", "place_2"], ascending=[True, False, True, True], kind="stable"
    )
    first = order.drop_duplicates("text").set_index("text")
    lead = first.reindex(order["text"])
    away = np.hypot(order["x"].to_numpy() - lead["x"].to_numpy(), order["y"].to_numpy() - lead["y"].to_numpy())
    behind = lead["score"].to_numpy() - order["score"].to_numpy()
    elsewhere = order[(away > together) & (order["kind"].to_numpy() == lead["kind"].to_numpy())]
    gap = (first["score"] - elsewhere.groupby("text")["score"].max()).rename("gap")
    best = order[(behind < TIE) & (order["kind"].to_numpy() == lead["kind"].to_numpy())].assign(role="best")
    size = best.groupby("text").agg(x0=("x", "min"), x1=("x", "max"), y0=("y", "min"), y1=("y", "max"))
    across = np.hypot(size["x1"] - size["x0"], size["y1"] - size["y0"]).rename("across")
    best = best.assign(rivals=best.groupby("text")["place"].transform("size"))
    best = best.join(gap, on="text").join(across, on="text")
    coarse = order[order["kind"].isin(_COARSE)].drop_duplicates("text").assign(role="coarse")
    best = pd.concat([best, coarse]).rename_axis("cand").reset_index()
    return _parts(best, told, atlas)


def _parts(best: pd.DataFrame, told: pd.DataFrame, atlas: Atlas) -> pd.DataFrame:
    """State each place's radius, and move streets to the part nearest to what else the text names."""
    crossing = (best["kind"] == "junction").to_numpy()
    radius = np.where(crossing, np.maximum(best["apart"] / 2, CROSSING_M), atlas.radius[best["place"]])
    best = best.assign(radius_m=radius)
    said = told[told["agrees"] & told["d"].notna()].sort_values(["cand", "points"], ascending=[True, False])
    said = said.drop_duplicates("cand").set_index("cand")[["x", "y"]].reindex(best["cand"])
    moved = np.flatnonzero((best["kind"] == "street").to_numpy() & said["x"].notna().to_numpy())
    place = best["place"].to_numpy()[moved]
    which, point = _spans.each(atlas.first_point[place], atlas.first_point[place + 1])
    near = said.iloc[moved[which]]
    x, y = atlas.px[point], atlas.py[point]
    close = np.hypot(x - near["x"].to_numpy(), y - near["y"].to_numpy()) <= STREET_PART_M
    part = pd.DataFrame({"row": moved[which[close]], "x": x[close], "y": y[close]})
    middle = part.groupby("row")[["x", "y"]].mean()
    off = np.hypot(
        part["x"] - middle["x"].reindex(part["row"]).to_numpy(), part["y"] - middle["y"].reindex(part["row"]).to_numpy()
    )
    best.loc[middle.index, ["x", "y"]] = middle
    best.loc[middle.index, "radius_m"] = np.maximum(off.groupby(part["row"]).max(), STREET_LEAST_M)
    return best


def by_site(best: pd.DataFrame, asked: pd.DataFrame, atlas: Atlas, prior, rules: Mapping[str, Any]) -> pd.DataFrame:
    """One answer for each question (text and site).

    Parameters
    ----------
    best : DataFrame
        Of :func:`by_text`.
    asked : DataFrame
        ``text``, ``site_code``, ``site_x``, ``site_y`` (missing: no site known).
    prior : callable or None
        Points of a candidate for a site: ``prior(site_code, metres, borough_gss)``.
    rules : mapping
        ``prior_ambiguity_m``, ``prior_doubt_m``, ``prior_reach_m``.

    Returns
    -------
    DataFrame
        One row for each row of ``asked``, in its order: the chosen candidate's columns, ``prior_decided``, ``doubt``
        (a lone name beyond ``prior_doubt_m``) and ``why`` (alone, together, prior, far, ambiguous, or empty).
    """
    left, right = _choice.pairs(asked["text"].to_numpy(), best["text"].to_numpy())
    row = best.iloc[right].reset_index(drop=True).assign(q=left)
    at = asked.iloc[left].reset_index(drop=True)
    row["away"] = np.hypot(row["x"] - at["site_x"], row["y"] - at["site_y"])
    row["site_code"] = at["site_code"]
    main, coarse = row[row["role"] == "best"], row[row["role"] == "coarse"].set_index("q")
    one = main["across"].fillna(0) <= rules["spread_area_m"]
    alone = _together(main[one]).assign(prior_decided=False)
    wide = alone["across"] > rules["prior_ambiguity_m"]
    alone["kind"] = alone["kind"].mask(wide, "area")  # which of them is not told, about where is
    several = main[~one & main["away"].notna()]
    points = prior(several["site_code"], several["away"], pd.Series(atlas.borough[several["place"]], several.index))
    chosen = several.assign(prior=points).sort_values(
        ["q", "prior", "away", "place"], ascending=[True, False, True, True]
    )
    chosen = chosen.drop_duplicates("q").assign(prior_decided=True, why="prior")
    blind = main[~one & main["away"].isna()]
    out = pd.concat([alone, chosen, _blind(blind, atlas)], ignore_index=True)
    doubted = ["venue"] if atlas.street_names >= rules["street_names_whole"] else ["venue", "street"]
    out = _far(out, coarse, doubted, rules).set_index("q").reindex(range(len(asked)))
    for name in ("kind", "why"):
        out[name] = out[name].astype("object").fillna("").astype("str")
    return out


def _together(one: pd.DataFrame) -> pd.DataFrame:
    """Candidates that lie together are one place, at their mean."""
    mean = one.groupby("q").agg(
        x=("x", "mean"), y=("y", "mean"), radius_m=("radius_m", "max"), across=("across", "first")
    )
    out = one.drop_duplicates("q").set_index("q")
    out[["x", "y"]] = mean[["x", "y"]]
    out["radius_m"] = np.fmax(mean["radius_m"], mean["across"] / 2)
    out["why"] = np.where(out["rivals"] > 1, "together", "alone")
    return out.reset_index()


def _blind(blind: pd.DataFrame, atlas: Atlas) -> pd.DataFrame:
    """Rivals and no site to choose by: the borough they share, or nothing."""
    borough = pd.Series(atlas.borough[blind["place"]], index=blind.index)
    shared = borough.groupby(blind["q"]).transform("nunique") == 1
    out = blind.assign(kind=np.where(shared, "borough", ""), why="ambiguous", x=np.nan, y=np.nan, radius_m=np.nan)
    return out.drop_duplicates("q").assign(prior_decided=False)


def _far(out: pd.DataFrame, coarse: pd.DataFrame, doubted: list[str], rules: Mapping[str, Any]) -> pd.DataFrame:
    """Doubt names that nothing supports and that lie far from the site; beyond reach they are not believed.

    Only kinds of which the list may lack the namesake that is meant are doubted.
    """
    alone = out["kind"].isin(doubted) & ((out["n_agree"] == 0) | out["why"].eq("prior"))
    out["doubt"] = alone & (out["away"] > rules["prior_doubt_m"])
    gone = alone & (out["away"] > rules["prior_reach_m"])
    out["prior_decided"] = out["prior_decided"] | out["doubt"]
    kept, dropped = out[~gone], out.loc[gone, "q"]
    back = coarse.reindex(dropped).reset_index().assign(prior_decided=True, doubt=False, why="far")
    return pd.concat([kept, back], ignore_index=True)
