"""Police-recorded violence beside hospital records, where all of it is there.

A helper of :mod:`istv_lib.hotspots`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import shapely

from istv_lib import _points, harmonise, months, places

CITY, MET = "city", "mps"
_CITY = "City of London"


def recorded(
    events: pd.DataFrame, loaded: pd.DataFrame, area: places.Area, period: tuple[str, str], rules: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the violence that police recorded in an area and about it; nothing where a force's months are missing.

    Parameters
    ----------
    events : DataFrame
        Events of all sources.
    loaded : DataFrame
        ``source``, ``month``: the table ``police_months``, of the files that hold violence.
    area : places.Area
        Borough, BCU or London.
    period : (str, str)
        First and last month, included.
    rules : mapping
        ``lattice_m``: how far the ground of another force counts as near.

    Returns
    -------
    DataFrame
        The offences of the forces that are loaded for each month of the period: the Metropolitan Police and, where it
        is near, the City of London Police must be, the transport police may be.

    Notes
    -----
    How it can mislead: ground whose force is missing would look quiet, so all is left out then. Offences include those
    without injury, and their points are snapped to the middles of streets.
    """
    span = set(months.span(*period))
    held = loaded[loaded["month"].isin(span)].groupby("source")["month"].nunique()
    whole = set(held.index[held == len(span)])
    needed = {MET, CITY} if near_the_city(area, float(rules["lattice_m"])) else {MET}
    keep = events["source"].isin(whole if needed <= whole else ()) & events["month"].between(*period)
    return events[keep & harmonise.violence(events) & (events["source"] != "ed")].reset_index(drop=True)


def near_the_city(area: places.Area, metres: float) -> bool:
    """Tell whether the City of London, which has a force of its own, is in an area or so near to it."""
    codes, outlines = _points.shapes()
    city = places.find_area(_CITY).code
    mine = [outline for code, outline in zip(codes, outlines, strict=True) if code in area.boroughs]
    return bool(shapely.dwithin(outlines[codes.index(city)], mine, metres).any())
