"""Where street violence was counted, on one fixed lattice of British National Grid squares.

In this form the module counts only; it tests nothing, so nothing it makes may be called a hot spot.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from istv_lib import places, schema

FIT = ("point", "junction", "street")
NOT_MAPPED = ("home", "hospital", "custody")


def mappable(events: pd.DataFrame) -> pd.Series:
    """Return which ED events may be mapped: street precision or better, placed by their text, not at home.

    Left out: homes, hospitals and custody, places that only the attended hospital decided between, sexual
    violence is never separated out, and anything coarser than a street.
    """
    return (
        events["precision_class"].isin(FIT)
        & events["x"].notna()
        & ~events["location_type"].isin(NOT_MAPPED)
        & ~events["prior_decided"]
    )


def cells(events: pd.DataFrame, place: str, period: tuple[str, str], rules: Mapping) -> pd.DataFrame:
    """Count mappable attendances of a place in a period by lattice square.

    Parameters
    ----------
    events : DataFrame
        ED events of the place: ``x``, ``y`` (EPSG:27700), ``precision_class``, ``location_type``,
        ``prior_decided``, ``month``, ``synthetic``.
    place : str
        GSS code.
    period : (str, str)
        First and last month, included; normally 12 months.
    rules : mapping
        ``lattice_m`` (side of a square, metres).

    Returns
    -------
    DataFrame
        Findings ``attendances`` by ``cell`` (see :func:`istv_lib.places.cell_of`), largest first; ``n`` is the
        number mapped and ``share_used`` its share of all attendances of the place.

    Notes
    -----
    How it can mislead: a square with more attendances may only have more people, more streets that staff know by
    name, or a station that texts mention; nothing here is compared with what chance would give.
    """
    inside = events[events["month"].between(*period)]
    use = inside[mappable(inside)]
    cell = pd.Series(places.cell_of(use["x"].to_numpy(), use["y"].to_numpy(), int(rules["lattice_m"])), dtype="str")
    found = cell.value_counts().rename_axis("stratum").reset_index(name="value")
    found = found.sort_values(["value", "stratum"], ascending=[False, True], ignore_index=True)
    synthetic = bool(events["synthetic"].all()) if len(events) else True
    out = found.assign(
        measure="attendances",
        unit="attendance",
        source="ed",
        place_type="borough",
        place=place,
        period_start=period[0],
        period_end=period[1],
        stratum_dim="cell",
        n=float(len(use)),
        share_used=len(use) / len(inside) if len(inside) else 0.0,
        status="final",
        method="lattice_count",
        synthetic=synthetic,
    )
    return schema.conform(out, "finding")
