"""Fit the weights that turn what an answer rests on into a probability, and say how well they hold.

Labelled texts: ``geocoder/truth_dev.csv`` of the folder that ISTV_REAL_DATA names (real London names with true points,
as typed and with typing noise), with the street files of ``police`` and, in a second run, the venues of ``gazetteer``;
texts without a place from ``tests/cases/texts.yml``. Half the labelled texts (``fold``) fit, the other half judges,
both ways; the shipped weights are fitted to all.

    ISTV_REAL_DATA=... python benchmarks/grades.py [--write]
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import optimize

from istv_lib import _grades, _sources, agencies, gazetteer, geocode, params, places

REAL = Path(os.environ.get("ISTV_REAL_DATA", ""))
TEXTS = Path(__file__).parents[1] / "tests" / "cases" / "texts.yml"
NO_PLACE, AT_HOME = 0.42, 0.08  # shares of real texts that name no place or a home (national programme, 3,000 texts)
TYPE_1 = (
    "RJ122 RJ224 RJ231 RJZ01 RJZ30 R1H12 R1HKH R1HNH RF4DG RF4QH RQXM1 RAL01 RAL26 RAL27 RKEQ4 RRV03 R1K01 R1K04 "
    "RAS01 RQM01 RQM91 RYJ01 RYJ02 RAX01 RJ611 RJ701 RVR05 RVR50"
).split()
RIDGE = 1.0


def truth() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labelled texts with the nearest Type 1 site as the one attended, and these sites."""
    rows = pd.read_csv(REAL / "geocoder" / "truth_dev.csv")
    sites = places.shipped_sites()
    sites = sites[sites["site_code"].isin(TYPE_1)].drop_duplicates("site_code")
    away = np.hypot(
        rows["easting"].to_numpy()[:, None] - sites["easting"].to_numpy(dtype=float),
        rows["northing"].to_numpy()[:, None] - sites["northing"].to_numpy(dtype=float),
    )
    nearest = np.nan_to_num(away, nan=np.inf).argmin(axis=1)
    return rows.assign(site_code=sites["site_code"].to_numpy()[nearest]), sites


def lists() -> dict[str, pd.DataFrame]:
    """Return the shipped place list with police streets, and the same with venues."""
    files = sorted((REAL / "police").glob("*/*.csv*"))
    read = [agencies.read_police(f.read_bytes(), filename=f.name, synthetic=False)[1] for f in files]
    police = gazetteer.streets(agencies.combine_anchors(read))
    with gzip.open(REAL / "gazetteer" / "london_pubs_2019.csv.gz") as stream:
        venues = _sources.venues(stream, "london_pubs_2019.csv")[0]
    base = gazetteer.build(gazetteer.embedded(), police)
    return {"police": base, "police and venues": gazetteer.build(base, venues)}


def without_place() -> pd.Series:
    """Texts that name no place."""
    held = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    return pd.Series([line["text"] for line in held["without_place"]], dtype="str")


def judged(name: str, names: pd.DataFrame, rows: pd.DataFrame, sites: pd.DataFrame) -> pd.DataFrame:
    """Features and truth of every answer with a point."""
    matcher = geocode.Matcher(names, sites, rules=params.defaults())
    parts = []
    rng = np.random.default_rng(0)
    empty = without_place()
    blank = pd.DataFrame({"text": empty, "text_noisy": empty.str.upper(), "style": "no place", "easting": np.nan,
                          "northing": np.nan, "fold": rng.integers(0, 2, len(empty)),
                          "site_code": rng.choice(sites["site_code"], len(empty))})  # fmt: skip
    for column in ("text", "text_noisy"):
        both = pd.concat([rows, blank], ignore_index=True)
        found = matcher.match(both[column], both["site_code"], evidence=True)
        error = np.hypot(found["x"] - both["easting"], found["y"] - both["northing"])
        found = found.assign(error=error, near=(error <= 250).astype(float), style=both["style"], fold=both["fold"])
        found["weight"] = np.where(
            both["style"] == "no place", NO_PLACE / (1 - NO_PLACE - AT_HOME) * len(rows) / len(blank), 1.0
        )
        parts.append(found.assign(list=name, column=column, text=both[column]))
    return pd.concat(parts, ignore_index=True)


def fit(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return logistic weights with a small ridge."""
    x, y, w = table[names].to_numpy(dtype=float), table["near"].to_numpy(), table["weight"].to_numpy()

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        p = 1 / (1 + np.exp(-(x @ b)))
        value = -(w * np.where(y > 0, np.log(p + 1e-12), np.log(1 - p + 1e-12))).sum() + RIDGE * (b @ b) / 2
        return value, x.T @ (w * (p - y)) + RIDGE * b

    return optimize.minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B").x


def reliability(p: np.ndarray, near: np.ndarray, weight: np.ndarray, *, tenths: bool) -> pd.DataFrame:
    """Stated and observed shares, by tenth of the probability or by tenth of the texts (equal counts)."""
    table = pd.DataFrame({"p": p, "near": near, "w": weight}).sort_values("p", kind="stable")
    so_far = (table["w"].cumsum() - table["w"] / 2) / table["w"].sum()
    table["tenth"] = np.minimum(((table["p"] if tenths else so_far) * 10).astype(int), 9)
    sums = table.assign(p=table["p"] * table["w"], near=table["near"] * table["w"]).groupby("tenth").sum()
    return pd.DataFrame({"n": sums["w"].round(), "stated": sums["p"] / sums["w"], "observed": sums["near"] / sums["w"]})


def threshold(p: np.ndarray, near: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return the least probability at which 95 % lie within 250 m, and the share of all answers at or above it."""
    order = np.argsort(-p, kind="stable")
    precise = np.cumsum((near * weight)[order]) / np.cumsum(weight[order])
    last = np.flatnonzero(precise >= 0.95)
    return (float(p[order][last[-1]]), float(weight[order][: last[-1] + 1].sum())) if len(last) else (1.0, 0.0)


def report(table: pd.DataFrame, p: np.ndarray, title: str) -> None:
    """Print Brier score, reliability and threshold of all texts: those without a point have probability 0."""
    near, w = table["near"].to_numpy(), table["weight"].to_numpy()
    home = AT_HOME / (1 - NO_PLACE - AT_HOME) * table.loc[table["style"] != "no place", "weight"].sum()
    brier = ((p - near) ** 2 * w).sum() / (w.sum() + home)
    put = p > 0
    least, share = threshold(p[put], near[put], w[put])
    fine = table["style"] != "no place"
    wrong = (p[~fine] >= least).mean()
    pointed = ((p - near) ** 2 * w)[put].sum() / w[put].sum()
    print(f"\n{title}: Brier {brier:.3f} (of texts with a point {pointed:.3f}); "
          f"95 % within 250 m from p {least:.2f}: {share / w[fine].sum():.1%} of texts that name a place; "
          f"texts without a place above it {wrong:.1%}")  # fmt: skip
    every = reliability(np.r_[p, 0.0], np.r_[near, 0.0], np.r_[w, home], tenths=False)
    off = (every["stated"] - every["observed"]).abs().max()
    print(f"largest difference of stated and observed in a tenth of all texts: {off:.3f}")
    print(reliability(p[put], near[put], w[put], tenths=True).round(3).to_string())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the weights that ship")
    if not REAL.name:
        sys.exit("Set ISTV_REAL_DATA to the folder of real public data.")
    keep = parser.parse_args().write
    rows, sites = truth()
    table = pd.concat([judged(name, names, rows, sites) for name, names in lists().items()], ignore_index=True)
    put = table["x"].notna()
    names = list(_grades.FEATURES)
    p = np.zeros(len(table))
    for left_out in (0, 1):
        model = fit(table[put & (table["fold"] != left_out)], names)
        judge = (put & (table["fold"] == left_out)).to_numpy()
        p[judge] = 1 / (1 + np.exp(-(table.loc[judge, names].to_numpy(dtype=float) @ model)))
    for name in table["list"].unique():
        for column in ("text", "text_noisy"):
            here = ((table["list"] == name) & (table["column"] == column)).to_numpy()
            report(table[here], p[here], f"{name}, {column}")
            by = table[here & (table["style"] != "no place").to_numpy()]
            shares = {f"within {m} m": by["error"] <= m for m in (250, 500, 1000)}
            styles = pd.DataFrame(shares).groupby(by["style"]).mean().assign(n=by.groupby("style").size())
            styles.loc["all"] = [*pd.DataFrame(shares).mean(), len(by)]
            print((styles * [100, 100, 100, 1]).round(1).to_string())
    if keep:
        model = pd.DataFrame({"feature": names, "weight": fit(table[put], names).round(3)})
        model.to_csv(_grades.WEIGHTS, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
