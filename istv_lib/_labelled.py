"""Read the labelled texts of a root: what people decided of an audit sample, their own, or the synthetic London's.

A helper of :mod:`istv_lib.pipeline`; :func:`istv_lib.accuracy.judge` takes what :func:`read` returns, and leaves the
texts behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import accuracy, errors, review, schema, store, synth

AUDIT, OWN, TRUTH = "place_decisions.csv", "labelled_texts.csv", "truth.csv"
NEEDED = ["text", "easting", "northing"]
NAMELESS = ("none", "home", "mobile", "outside")  # kinds, and styles of the synthetic London, without a place
_BOX = (480_000, 120_000, 590_000, 230_000)  # Greater London with room, metres, EPSG:27700


def read(where: store.Root, conformed: pd.DataFrame, rules: Mapping[str, Any]) -> pd.DataFrame:
    """Return the labelled texts of a root (restricted: they hold texts), as :func:`istv_lib.accuracy.judge` takes them.

    Parameters
    ----------
    where : store.Root
        ``reference/place_decisions.csv`` (rows with ``sample`` "audit") and ``reference/labelled_texts.csv``
        (``text``, ``easting``, ``northing``, optional ``kind``, ``style``, ``site_code``, ``typos``, ``lsoa``) are
        read; where neither is there, the truth of a synthetic London.
    conformed : DataFrame
        Records in use; those of the synthetic London are joined to their truth by ``record_id``.
    rules : mapping
        ``accuracy_records_most``.

    Raises
    ------
    errors.IntakeError
        When the user's own file lacks a column or holds what is no number or no place in or near London.
    """
    made = bool(conformed["synthetic"].all()) if len(conformed) else where.is_demo
    parts = [read_(where.reference / name) for name, read_ in ((AUDIT, _audit), (OWN, _own))]
    parts = [part.assign(synthetic=made) for part in parts if len(part)]
    if not parts and (where.path / "truth" / TRUTH).exists():
        parts = [_truth(where.path / "truth" / TRUTH, conformed, int(rules["accuracy_records_most"]))]
    if not parts:
        parts = [pd.DataFrame(columns=accuracy.LABELS)]
    return _typed(pd.concat(parts, ignore_index=True))


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Give every label its column and type; a text that names no place has no true point."""
    kinds = {c.name: c.dtype for c in schema.TABLES["place_accuracy"].columns} | {"text": schema.TEXT}
    out = frame.reset_index(drop=True).reindex(columns=accuracy.LABELS)
    for name in accuracy.LABELS:
        if kinds[name] in {schema.NUMBER, schema.COUNT}:
            out[name] = pd.to_numeric(out[name], errors="coerce").astype(kinds[name])
        else:
            out[name] = out[name].astype("object").where(out[name].notna(), "").astype(kinds[name])
    out[["x_true", "y_true"]] = out[["x_true", "y_true"]].where(out["kind"] == "place")
    return out


def _audit(path: Path) -> pd.DataFrame:
    """Return the audited attendances: each decision of the audit sample that holds, as often as it was drawn."""
    if not path.exists():
        return pd.DataFrame()
    held = review.current(review.read(path.read_bytes(), filename=path.name))
    held = held[held["sample"] == "audit"]
    held = held.loc[held.index.repeat(held["drawn"].fillna(1).clip(lower=1).astype(int))]
    site = held["scope"].where(held["scope"] != "all", "")
    named = {"decision": "kind", "x": "x_true", "y": "y_true"}
    held = held.assign(decision=held["decision"].replace("hospital", "none"))  # in one that is not named
    return held.rename(columns=named).assign(sample="audit", site_code=site)


def _own(path: Path) -> pd.DataFrame:
    """Return the user's own labelled texts, or refuse the file."""
    if not path.exists():
        return pd.DataFrame()
    try:
        held = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        msg = f"'{path.name}' is no comma-separated file in UTF-8; save it as one."
        raise errors.IntakeError(msg) from None
    held.columns = held.columns.str.strip().str.lower()
    lacking = [name for name in NEEDED if name not in held]
    if lacking:
        msg = f"'{path.name}' lacks the column {', '.join(lacking)}; it needs {', '.join(NEEDED)}."
        raise errors.IntakeError(msg)
    x, y = (pd.to_numeric(held[name].str.strip(), errors="coerce") for name in NEEDED[1:])
    given = (held["easting"].str.strip() != "") | (held["northing"].str.strip() != "")
    kind = held.get("kind", pd.Series("", held.index)).str.strip().str.lower()
    kind = kind.where(kind != "", np.where(given, "place", "none"))
    west, south, east, north = _BOX
    _refuse(path, given & ~(x.between(west, east) & y.between(south, north)), "no place in or near London in metres")
    _refuse(path, ~kind.isin(schema.LABEL_KINDS), f"a kind that is not {', '.join(schema.LABEL_KINDS)}")
    _refuse(path, (kind == "place") & ~given, "a place without coordinates")
    more = {name: held[name] for name in ("style", "site_code", "typos") if name in held}
    more |= {"lsoa_true": held["lsoa"]} if "lsoa" in held else {}
    return pd.DataFrame({"text": held["text"], "sample": "labelled", "kind": kind, "x_true": x, "y_true": y, **more})


def _refuse(path: Path, wrong: pd.Series, what: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 2
        msg = f"'{path.name}' holds {what} in {int(wrong.sum())} rows, first in row {row}; mend it and run again."
        raise errors.IntakeError(msg)


def _truth(path: Path, conformed: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return a sample of the synthetic records with their truth; ids are hashes, so the first are a random sample."""
    held = pd.read_csv(path, dtype=str, keep_default_na=False).reindex(columns=synth.TRUTH_COLUMNS)
    records = conformed.loc[conformed["synthetic"], ["record_id", "location_text"]]
    both = held.drop_duplicates("record_id").merge(records, on="record_id").sort_values("record_id").head(most)
    kind = both["style"].where(both["style"].isin(NAMELESS), "place")
    named = {"location_text": "text", "x": "x_true", "y": "y_true", "borough_gss": "borough_true"}
    return both.rename(columns=named).assign(kind=kind, sample="synthetic", synthetic=True)


def lsoa_of(where: store.Root) -> Callable[[Any, Any], Any] | None:
    """Return what tells the Lower Layer Super Output Area of points, from ``reference/lsoa.*``; None without one.

    The layer needs one column whose name begins with "LSOA" and ends with "CD"; any CRS that it states will do.
    """
    layers = sorted(p for p in where.reference.glob("lsoa.*") if p.suffix in {".geojson", ".gpkg", ".shp"})
    if not layers:
        return None
    import geopandas as gpd  # noqa: PLC0415 - only where a layer is there

    layer = gpd.read_file(layers[0]).to_crs("EPSG:27700")
    codes = [c for c in layer if str(c).upper().startswith("LSOA") and str(c).upper().endswith("CD")]
    if not codes:
        msg = f"'{layers[0].name}' has no column of codes such as LSOA21CD; add one or take the file away."
        raise errors.IntakeError(msg)
    held, areas = layer[codes[0]].to_numpy(dtype=object), layer.sindex

    def find(x: Any, y: Any) -> pd.Series:
        points = gpd.points_from_xy(np.nan_to_num(x, nan=-1.0), np.nan_to_num(y, nan=-1.0))
        at, area = areas.query(points, predicate="intersects")
        out = pd.Series("", index=range(len(points)), dtype="object")
        out[at[::-1]] = held[area[::-1]]
        return out.set_axis(getattr(x, "index", out.index)).astype("str")

    return find


def judged(
    where: store.Root, conformed: pd.DataFrame, matcher: accuracy.Matcher, rules: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the labelled texts of a root beside the places found for them: the store table ``place_accuracy``.

    Parameters are those of :func:`read`, and the ``matcher`` of :func:`istv_lib.accuracy.judge`: one without
    decisions. Without labels the table is there and empty.
    """
    return accuracy.judge(read(where, conformed, rules), matcher, lsoa_of(where))
