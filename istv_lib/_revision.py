"""What a corrected file changed in an earlier one of the same site and month; a helper of :mod:`istv_lib.pipeline`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from istv_lib import schema

# What a record is, apart from where it stood, how its file was shaped and what our checks think of it.
FIELDS = [
    name
    for name in schema.CONFORMED.names
    if name not in "submission_id row_no site_code month synthetic record_id shape source_key flags".split()
]


def compare(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Count what is the same, added, removed and changed between two files.

    Parameters
    ----------
    before, after : DataFrame
        Schema ``conformed``: the records of the earlier and of the later file.

    Returns
    -------
    dict
        ``rows_before``, ``rows_after``, ``same``, ``added``, ``removed``, ``changed`` (attendances) and ``fields``,
        such as "method 3; location_text 1": fields that changed, in how many attendances, most first.

    Notes
    -----
    Two records that both carry the site's own number are one attendance when the numbers are equal, and otherwise
    two. A record without a number is matched with one that is equal in every field of :data:`FIELDS`; so without
    numbers a changed attendance counts as one removed and one added. A site that numbers its records anew in each
    file makes it look as if nearly all had changed.
    """
    one, other = _told(before), _told(after)
    left, right = _pairs(one[one["source_key"] != ""], other[other["source_key"] != ""], ["source_key"])
    apart = one.loc[left, FIELDS].to_numpy() != other.loc[right, FIELDS].to_numpy()
    changed = int(apart.any(axis=1).sum())
    same = len(left) - changed
    one, other = one.drop(left), other.drop(right)
    for with_number, number_too in ((False, False), (False, True), (True, False)):
        mine, theirs = one[(one["source_key"] != "") == with_number], other[(other["source_key"] != "") == number_too]
        left, right = _pairs(mine, theirs, FIELDS)
        same += len(left)
        one, other = one.drop(left), other.drop(right)
    counts = Counter(dict(zip(FIELDS, apart.sum(axis=0).tolist(), strict=True)))
    fields = "; ".join(f"{name} {n}" for name, n in counts.most_common() if n)
    sizes = {"rows_before": len(before), "rows_after": len(after)}
    return sizes | {"same": same, "added": len(other), "removed": len(one), "changed": changed, "fields": fields}


def _told(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the fields as text, so that missing values compare as equal."""
    texts = {name: frame[name].astype("str").fillna("") for name in [*FIELDS, "source_key"]}
    return pd.DataFrame(texts).reset_index(drop=True)


def _pairs(one: pd.DataFrame, other: pd.DataFrame, on: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the row labels of records that are equal in some columns, each record in one pair at most."""
    sides = [frame[on].assign(turn=frame.groupby(on, sort=False).cumcount(), row=frame.index) for frame in (one, other)]
    both = sides[0].merge(sides[1], on=[*on, "turn"])
    return both["row_x"].to_numpy(), both["row_y"].to_numpy()
