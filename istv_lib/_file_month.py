"""The month a file is for: from its name, the reporting period at its top, or its arrivals.

A helper of :mod:`istv_lib.intake`. They must agree; a wrong guess would put a month into another one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from istv_lib import _dates, errors
from istv_lib._date_cells import MONTH_NAMES
from istv_lib._readers import Sheet, spelled


def in_name(filename: str, profile: Mapping[str, Any]) -> str:
    """Return the month a file's name states, by the profile's pattern; empty when it states none."""
    pattern = profile.get("file_pattern")
    match = re.fullmatch(pattern, filename, re.IGNORECASE) if pattern else None
    groups = match.groupdict() if match else {}
    if not groups.get("year") or not groups.get("month"):
        return ""
    stated = groups["month"].lower()
    number = int(stated) if stated.isdigit() else MONTH_NAMES.get(stated, 0)
    if not number:
        number = next((n for name, n in MONTH_NAMES.items() if len(stated) >= 3 and name.startswith(stated)), 0)
    if not 1 <= number <= 12:
        msg = f"The name '{filename}' states a month that does not exist; rename the file or mend file_pattern."
        raise errors.IntakeError(msg)
    return f"{int(groups['year']) % 100 + 2000:04d}-{number:02d}"


def declared(filename: str, sheet: Sheet, layout: Mapping[str, Any], site: str) -> str:
    """Return the month of the reporting period that opens the file; empty when there is none."""
    opening = sheet.rows[: sheet.header]
    for names, values in itertools.pairwise(opening):
        stated = dict(zip([spelled(cell) for cell in names], values, strict=False))
        if "reporting period start date" in stated:
            return _month_of_period(filename, stated, layout, site)
    return ""


def _month_of_period(filename: str, stated: Mapping[str, Any], layout: Mapping[str, Any], site: str) -> str:
    ends = [stated.get(f"reporting period {end} date") for end in ("start", "end")]
    cells = {"period_date": ends}
    formats = layout.get("formats") or _dates.settle(filename, cells, None, "")
    read = _dates.times("period", cells, formats, len(ends)).at
    first, last = _dates.month_texts(read)
    if np.isnat(read).any() or first != last:
        msg = (
            f"The reporting period at the top of '{filename}' is not one month that can be read; "
            "ask the site for one file a month."
        )
        raise errors.IntakeError(msg)
    code = str(stated.get("site code of treatment", site)).strip()
    if code.casefold() != site.casefold():
        msg = f"'{filename}' lies in the folder of {site} but says site {code[:12]}; move it or ask the site."
        raise errors.IntakeError(msg)
    return str(first)


def settle(filename: str, named: str, declared: str, arrival: np.ndarray) -> str:
    """Settle the month of the file, and refuse when name, period and arrivals disagree."""
    found, counts = np.unique(_dates.month_texts(arrival[~np.isnat(arrival)]), return_counts=True)
    usual = str(found[counts.argmax()]) if len(found) else ""
    month = named or declared or usual
    if not month:
        msg = f"'{filename}' has no month in its name, no reporting period and no readable arrival; rename it or ask."
        raise errors.IntakeError(msg)
    for other, what in ((declared, "reporting period"), (usual, "arrivals")):
        if other and other != month:
            msg = (
                f"'{filename}' is named for {month} but its {what} say {other}; rename the file or mend the date "
                "format in its layout."
            )
            raise errors.IntakeError(msg)
    return month
