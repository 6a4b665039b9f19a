"""The one map of where that the public may see: a calendar year's density in classes, or the reason for none.

A helper of :mod:`istv_lib.disclosure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import _density, _fit, _lattice, _scene, errors, months, places, tally

MEASURE = "density_map"
WHY = ("few", "differs", "no_year")


def classes(
    events: pd.DataFrame,
    area: places.Area,
    year: str,
    rules: Mapping[str, Any],
    gate: Mapping[str, Any],
    earlier: Iterable[tuple[str, ...]] = (),
) -> pd.DataFrame:
    """Return the classes of density of an area in a year, and a row that says how many squares have one, or why none.

    Parameters
    ----------
    events : DataFrame
        ED events of London, mapped or not.
    area : places.Area
        Borough or London.
    year : str
        Calendar year.
    rules : mapping
        ``kernel_lattice_m`` and what a scene needs.
    gate : mapping
        Content of ``parameters/disclosure.yml``; its ``density``.
    earlier : iterable of tuple
        As for :func:`istv_lib._density.classed`.

    Returns
    -------
    DataFrame
        Findings ``density_class`` and one ``density_map``: ``value`` the squares with a class; ``flags`` "few" (no
        place has enough incidents), "differs" (a map of the year that differs is out) or "no_year" (months missing).
    """
    period = (f"{year}-01", f"{year}-12")
    mine = events[events["month"].between(*period)]
    whole = set(months.span(*period)) <= set(mine["month"])
    found, why = pd.DataFrame(), "" if whole else "no_year"
    if whole:
        fit = mine[_fit.reason(mine, rules["map_p_least"]) == ""]
        what = _scene.scene(fit, area, period, rules, source="ed")
        frame = _lattice.frame(area.boroughs, int(rules["kernel_lattice_m"]), int(rules["lattice_cells_most"]))
        own = np.flatnonzero(frame.own)
        cells = pd.DataFrame(dict(zip("xy", frame.middles(own), strict=True))).assign(cell=frame.names(own))
        look = {"bandwidth_m": gate["density"]["bandwidth_m_least"], "period": period, "place": area.code}
        found = _density.classed(what.incidents, cells, rules=gate, synthetic=what.synthetic, **look)
        why = "" if len(found) else "few"
        try:
            _density.refuse_overlap(_density.mark(found, period, area.code), earlier)
        except errors.DisclosureError:
            found, why = found.head(0), "differs"
    row = pd.DataFrame([{"value": np.nan if why else float(len(found)), "flags": why, "measure": MEASURE}])
    row = row.assign(unit="square", status="no_data" if why else "final", stratum_dim="")
    made = bool(mine["synthetic"].all())
    told = tally.as_findings(row, None, area.code, synthetic=made, method=MEASURE, period=period)
    return pd.concat([told, found], ignore_index=True) if len(found) else told
