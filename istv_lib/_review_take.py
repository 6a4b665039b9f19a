"""What comes back from a reviewer: the filled rows of a queue become decisions; a helper of review."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import errors
from istv_lib._decided_place import NoPlaceError, Resolver
from istv_lib._decisions import COLUMNS, DECISIONS, KEY, NUMBERS, current, empty, read, write

FILL = ["decision", "place", "radius_m", "reviewer", "reason"]
CHOICES = (*DECISIONS, "right")
_OUTCOME = ["decision", "x", "y", "precision_class", "radius_m", "name"]
_FAULTS_TOLD = 8


def sheet(content: bytes, *, filename: str) -> pd.DataFrame:
    """Return the filled columns of a queue as text, from the CSV as a spreadsheet saves it.

    Raises
    ------
    errors.IntakeError
        When it is no such CSV.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    head = text.partition("\n")[0]
    sign = max(",;\t", key=head.count)
    try:
        table = pd.read_csv(io.StringIO(text), sep=sign, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except ValueError:
        table = pd.DataFrame()
    lacking = [name for name in ("id", *FILL) if name not in table]
    if lacking:
        msg = f"'{filename}' lacks the column {', '.join(lacking)}; save the file that `istv review` wrote as CSV."
        raise errors.IntakeError(msg)
    out = table[["id", *FILL]].fillna("").apply(lambda column: column.str.strip())
    return out.assign(decision=out["decision"].str.lower(), row=np.arange(2, len(out) + 2))


def take(
    filled: pd.DataFrame,
    asked: pd.DataFrame,
    decisions: pd.DataFrame,
    gazetteer: pd.DataFrame,
    *,
    on: str,
    gazetteer_version: str,
    rules: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the decisions with those of a filled queue among them, all or nothing.

    Parameters
    ----------
    filled : DataFrame
        Of :func:`sheet`. Rows without a decision are left alone. ``decision``: place, home, mobile, outside, hospital
        (one that is not named), none, or right (the answer stands). ``place``: a name of the gazetteer, also with its
        borough ("High Street, Camden") or of two streets ("High Street / Mill Lane"), a postcode of the gazetteer, or
        easting and northing.
    asked : DataFrame
        Of :func:`queue`: what those rows asked.
    decisions : DataFrame
        Those there are.
    gazetteer : DataFrame
        Of ``gazetteer.build``.
    on : str
        YYYY-MM-DD: the day of the decision.
    rules : mapping
        ``review_radius_m``, ``right_within_m``, ``junction_reach_m``, ``prior_ambiguity_m``.

    Returns
    -------
    DataFrame
        A line whose text and scope are decided anew gets ``superseded_on`` and stays. What holds already is not
        added again, so that a file may be taken in twice.

    Raises
    ------
    errors.IntakeError
        One sentence with every row and column that cannot be used: an unknown id or decision, no reviewer, a place
        that is unknown, named by several or outside London, and two decisions of one day for one text (a reviewer may
        correct those of his own with another file), or one older than that which holds.
    """
    given = filled[filled[["decision", "place"]].ne("").any(axis=1)]
    known = asked.drop_duplicates("id", keep="last").set_index("id")
    resolve = Resolver(gazetteer, rules)
    faults, lines = [], []
    for row in given.to_dict("records"):
        wrong = _wrong(row, known.index)
        if not wrong:
            try:
                lines.append(_line(row, known.loc[row["id"]], resolve))
            except NoPlaceError as error:
                wrong = [(error.column, str(error))]
        faults += [(row["row"], *fault) for fault in wrong]
    new = (
        pd.DataFrame(lines, columns=[*COLUMNS, "row"])
        .astype(dict.fromkeys(NUMBERS, float))
        .assign(decided_on=on, gazetteer_version=gazetteer_version, superseded_on="")
    )
    faults += _conflicts(new, current(decisions), on)
    if faults:
        _refuse(faults)
    return _merged(read(write(new.drop_duplicates(KEY))), decisions, on)


def _wrong(row: Mapping[str, Any], known: pd.Index) -> list[tuple[str, str]]:
    checks = {
        "id": (row["id"] in known, "no row of a queue of this root"),
        "decision": (row["decision"] in CHOICES, f"not one of {', '.join(CHOICES)}"),
        "reviewer": (row["reviewer"] != "", "empty"),
        "place": (
            (row["decision"] == "place") == (row["place"] != ""),
            "goes with the decision place, and only with it",
        ),
    }
    return [(column, why) for column, (good, why) in checks.items() if not good]


def _line(row: Mapping[str, Any], was: pd.Series, resolve: Resolver) -> dict[str, Any]:
    """One decision, with what had been answered."""
    nowhere = {"x": np.nan, "y": np.nan, "radius_m": np.nan, "name": ""}
    label = resolve.label(was["asked_gss"]) if was["asked_class"] == "borough" else (was["x"], was["y"])
    decision = row["decision"]
    if decision == "right":
        decision = was["asked_class"] if was["asked_class"] in DECISIONS and pd.isna(was["x"]) else "place"
        found = {"x": label[0], "y": label[1], "radius_m": was["asked_radius_m"], "name": was["asked_name"]}
        found = {**(found if decision == "place" else nowhere), "precision_class": was["asked_class"]}
    elif decision == "place":
        found = resolve(row["place"], row["radius_m"])
    else:
        found = {**nowhere, "precision_class": decision}
    told = {"asked_x": label[0], "asked_y": label[1], "asked_p": was["p"], "asked_class": was["asked_class"]}
    same = {name: was[name] for name in ("text", "scope", "sample", "drawn")}
    return {**same, **found, **told, "decision": decision, **{k: row[k] for k in ("reviewer", "reason", "row")}}


def _differ(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """Tell which lines of two tables, side by side, decide otherwise."""
    a, b = (t[_OUTCOME].astype("object").where(t[_OUTCOME].notna(), "").astype("str").to_numpy() for t in (one, other))
    return (a != b).any(axis=1)


def _conflicts(new: pd.DataFrame, held: pd.DataFrame, on: str) -> list[tuple[int, str, str]]:
    here = new.merge(new.drop_duplicates(KEY), on=KEY, suffixes=("", "_2"))
    there = new.merge(held[held["decided_on"] >= on], on=KEY, suffixes=("", "_2"))
    there = there[(there["reviewer"] != there["reviewer_2"]) | (there["decided_on_2"] > on)]
    found = []
    for pair, whose in ((here, "another row"), (there, "another reviewer on the same day, or later")):
        other = pair[[f"{name}_2" for name in _OUTCOME]].set_axis(_OUTCOME, axis=1)
        rows = pair.loc[_differ(pair, other), "row"]
        found += [(row, "decision", f"decided otherwise by {whose}; agree on one") for row in rows]
    return found


def _refuse(faults: list[tuple[int, str, str]]) -> None:
    told = [f"row {row}, {column}: {why}" for row, column, why in sorted(faults)]
    more = f"; and {len(told) - _FAULTS_TOLD} more" if len(told) > _FAULTS_TOLD else ""
    msg = f"Nothing was taken in, because of {'; '.join(told[:_FAULTS_TOLD])}{more}."
    raise errors.IntakeError(msg)


def _merged(new: pd.DataFrame, decisions: pd.DataFrame, on: str) -> pd.DataFrame:
    held = current(decisions)
    pair = new.merge(held, on=KEY, suffixes=("", "_2"), how="left")
    other = pair[[f"{name}_2" for name in _OUTCOME]].set_axis(_OUTCOME, axis=1)
    new = new[_differ(new, other)] if len(new) else new
    replaced = pd.MultiIndex.from_frame(decisions[KEY]).isin(pd.MultiIndex.from_frame(new[KEY]))
    since = decisions["superseded_on"].mask(replaced & (decisions["superseded_on"] == "").to_numpy(), on)
    parts = [part for part in (decisions.assign(superseded_on=since), new) if len(part)]
    return read(write(pd.concat(parts, ignore_index=True))) if parts else empty()
