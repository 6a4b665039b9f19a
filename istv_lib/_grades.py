"""How likely an answer lies within 250 m of the truth, judged by what it rests on.

A helper of :mod:`istv_lib.geocode`. The weights are in ``reference/place_grades.csv``; ``benchmarks/grades.py`` fits
them to labelled texts and states how well they hold on texts left out.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

WEIGHTS = Path(__file__).parent / "reference" / "place_grades.csv"
KINDS = ("postcode", "junction", "station", "hospital", "venue", "street", "stop", "area", "district")
_WEAKENED = ("venue", "street", "stop", "area", "district")  # kinds that words left over speak against
_SHORT = r" (?:close|court|mews|place|gardens?|crescent|walk|grove|terrace|square|row|yard|rise|passage|alley|drive)$"


AS_FITTED = (0.0, 1.0)
_HOLD = 2.5
FEATURES = (
    *(f"kind_{name}" for name in KINDS), *(f"left_{name}" for name in _WEAKENED), "edits", "against", "road",
    "road_street", "agree_street", "agree_venue", "same_venue", "same_street", "prior_venue", "prior_street", "doubt",
    "radius_street", "radius_district", "long_street", "apart", "plain_venue", "together",
    "together_area",
)  # fmt: skip


def features(answers: pd.DataFrame) -> pd.DataFrame:
    """What an answer rests on, in numbers.

    Parameters
    ----------
    answers : DataFrame
        ``kind``, ``display``, ``left``, ``road``, ``edits``, ``n_agree``, ``n_against``, ``same``, ``prior_decided``,
        ``doubt``, ``radius_m``, ``apart``, ``bare``, ``cued``, ``why``: see :mod:`istv_lib._settle`.

    Returns
    -------
    DataFrame
        One column for each weight; floats.
    """
    kind = answers["kind"]
    is_ = {name: (kind == name).to_numpy(dtype=float) for name in KINDS}
    number = {name: answers[name].fillna(0).to_numpy(dtype=float) for name in ("left", "edits", "n_agree", "n_against")}
    flag = {name: answers[name].fillna(value=False).to_numpy(dtype=bool) for name in
            ("road", "prior_decided", "doubt", "bare", "cued")}  # fmt: skip
    same = np.log(answers["same"].fillna(1).to_numpy(dtype=float).clip(1))
    radius = answers["radius_m"].fillna(100).to_numpy(dtype=float).clip(100)
    found = {f"kind_{name}": is_[name] for name in KINDS}
    found |= {f"left_{name}": is_[name] * number["left"].clip(max=2) for name in _WEAKENED}
    agrees = number["n_agree"] > 0
    long_ = ~answers["display"].str.lower().str.contains(_SHORT).to_numpy()
    found |= {
        "edits": number["edits"],
        "against": (number["n_against"] > 0).astype(float),
        "road": flag["road"].astype(float),
        "road_street": flag["road"] * is_["street"],
        "agree_street": agrees * is_["street"],
        "agree_venue": agrees * is_["venue"],
        "same_venue": same * is_["venue"],
        "same_street": same * is_["street"],
        "prior_venue": flag["prior_decided"] * is_["venue"],
        "prior_street": flag["prior_decided"] * (is_["street"] + is_["junction"]),
        "doubt": flag["doubt"].astype(float),
        "radius_street": np.log(radius / 100) * is_["street"],
        "radius_district": np.log(radius / 500) * is_["district"],
        "long_street": long_ * is_["street"],
        "apart": answers["apart"].fillna(0).to_numpy(dtype=float) / 400 * is_["junction"],
        "plain_venue": (flag["bare"] & ~flag["cued"]).astype(float),
        "together": (answers["why"] == "together").to_numpy(dtype=float) * (1 - is_["area"]),
        "together_area": (answers["why"] == "together").to_numpy(dtype=float) * is_["area"],
    }
    return pd.DataFrame(found, index=answers.index)


@cache
def weights() -> pd.Series:
    """Weights by feature."""
    return pd.read_csv(WEIGHTS).set_index("feature")["weight"]


def probability(evidence: pd.DataFrame, shift: tuple[float, float] = AS_FITTED) -> np.ndarray:
    """Probability of each answer that its point lies within 250 m of the truth, from its :func:`features`.

    ``shift``: constant and slope by which the fitted log odds are moved (:func:`shifted`).
    """
    weight = weights()
    odds = evidence[weight.index].to_numpy() @ weight.to_numpy()
    return 1 / (1 + np.exp(-(shift[0] + shift[1] * odds)))


def shifted(stated: np.ndarray, near: np.ndarray) -> tuple[float, float]:
    """Constant and slope of log odds that make stated probabilities agree with labelled texts of one's own.

    Parameters
    ----------
    stated : array of float
        Probabilities as fitted, above 0 and below 1.
    near : array of bool
        Whether each lay within 250 m of the truth.

    Notes
    -----
    A logistic fit held near (0, 1) by as much as ten texts would hold it, so that few labels move little.
    """
    odds = np.log(stated / (1 - stated))
    x, held, b = np.column_stack([np.ones_like(odds), odds]), np.array(AS_FITTED), np.array(AS_FITTED)
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ b)))
        slope = x.T @ (near - p) - _HOLD * (b - held)
        curve = (x * (p * (1 - p))[:, None]).T @ x + _HOLD * np.eye(2)
        step = np.linalg.solve(curve, slope)
        b = b + np.clip(step, -1, 1)
    return round(float(b[0]), 3), round(float(max(b[1], 0.1)), 3)
