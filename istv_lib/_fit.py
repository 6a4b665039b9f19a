"""Which located records are fit for a map, and why the others are not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from istv_lib import errors

FIT = ("point", "junction", "street")
NEVER = ("home", "hospital", "custody")
REASONS = {
    "never": "at a home, a hospital or in custody",
    "no_place": "no place found in the text",
    "coarse": "found no finer than an area",
    "prior": "the attended hospital decided between places",
    "unsure": "less certain than maps ask for",
}


def reason(rows: pd.DataFrame, least: float) -> pd.Series:
    """Return why each located record may not be on a map, a key of :data:`REASONS`; empty where it may.

    ``rows`` needs ``x``, ``precision_class``, ``prior_decided`` and ``location_p``; ``location_type`` is looked at
    where it is there. ``least`` is the least probability of lying within 250 m.
    """
    kind, there = rows["precision_class"], rows["x"].notna()
    home = kind.isin(NEVER)
    if "location_type" in rows:
        home |= rows["location_type"].isin(NEVER)
    decided = rows["prior_decided"].astype(bool)
    faults = [home, ~there & ~kind.isin(["district", "borough"]), ~kind.isin(FIT) | ~there, decided]
    faults.append(~(rows["location_p"] >= least))
    return pd.Series(np.select(faults, list(REASONS), default=""), index=rows.index, dtype="str")


def demand(rows: pd.DataFrame, least: float) -> None:
    """Refuse rows of which any is not fit for a map; the message holds counts only.

    Raises
    ------
    errors.DisclosureError
        With the number of rows by reason.
    """
    why = reason(rows, least)
    counts = why[why != ""].value_counts()
    if len(counts):
        told = ", ".join(f"{counts[key]} {words}" for key, words in REASONS.items() if key in counts)
        msg = f"{counts.sum()} of {len(rows)} attendances may be on no map ({told}); leave them out with hotspots.fit."
        raise errors.DisclosureError(msg)
