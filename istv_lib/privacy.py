"""Personal data in free text: found by pattern and replaced by a token before the text is stored.

The screen is simple and on the careful side about places: a street, a station, a bus number or a postcode is
left alone, because the place is what the text is for. It does not find names of people, and it cannot find
what does not look like its patterns; the text stays on the restricted side for that reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

_SUSPECT = re.compile(r"[\d@]")  # every pattern needs one of these
_KIND = (
    r"(?:road|rd|street|st|avenue|ave|lane|ln|close|cl|gardens|gdns|terrace|grove|place|drive|way|court|house|row"
    r"|hill|square)"
)
_STREET = rf"(?:[^\W\d][\w'’.-]*\s+){{1,3}}?{_KIND}\b\.?"
_DATE = r"(?:\d{1,2}[/.\- ](?:\d{1,2}|[a-z]{3,9})[/.\- ]\d{2,4}|\d{4}-\d{2}-\d{2})"
_PLATE = r"[a-z]{2}\s?\d{2}\s?[a-z]{3}"

# kind: pattern, in the order in which they are tried. Where a pattern has a group "cue", that part is kept.
PATTERNS: dict[str, re.Pattern[str]] = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in {
        "email": r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+",
        "phone": r"(?<![\w/])\(?(?:\+?44[\s().-]{0,3}0?[\s().-]{0,2}|0)(?:\d[\s().-]{0,2}){8,9}\d(?!\w)",
        "nhs_number": r"(?<![\w/])\d{3}[\s-]?\d{3}[\s-]?\d{4}(?!\w)",
        "date_of_birth": rf"(?P<cue>\b(?:d\.?o\.?b\.?|date of birth|born(?: on)?)[\s:.-]*){_DATE}",
        "vehicle": rf"(?P<cue>\b(?:reg(?:istration)?|number plate|plate|vrm)(?: no\.?)?[\s:]*){_PLATE}\b",
        "home_address": (
            rf"\b(?:flat|flt|apartment|apt)\.?\s*(?:no\.?\s*)?(?:\d+[a-z]?|[a-z]\d+)\b(?:[\s,]+\d+[a-z]?[\s,]+{_STREET})?"
            rf"|(?P<cue>\b(?:home(?: address)?|lives at|resides at|address)\b[^\d]{{0,12}})\d+[a-z]?[\s,]+{_STREET}"
        ),
    }.items()
}
TOKENS = {
    "email": "[email]",
    "phone": "[phone]",
    "nhs_number": "[nhs number]",
    "date_of_birth": "[date of birth]",
    "vehicle": "[vehicle]",
    "home_address": "[address]",
}


def redact(texts: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    """Replace personal data in texts by tokens.

    Parameters
    ----------
    texts : Series of str
        Free text of places; missing counts as empty.

    Returns
    -------
    Series of str
        The texts with ``[email]``, ``[phone]``, ``[nhs number]``, ``[date of birth]``, ``[vehicle]`` and
        ``[address]`` in place of what was found; same index.
    DataFrame of bool
        One column per kind (:data:`TOKENS`): whether the text held it; same index.

    Notes
    -----
    Every ten-digit number with a leading 0 or +44 is a phone and any other is an NHS number, without a check
    of its last digit: one random number in eleven would pass that check and the rest are no safer. A date is
    taken for a date of birth only after a cue, a plate likewise, because "SE15 BUS" looks like a plate. A house
    number with its street goes after "flat", "home" or "lives at"; "12 High Road" alone stays, as it may be a
    shop. Full postcodes stay until the place is found. Names of people are not found at all.
    """
    cleaned = texts.fillna("").astype("str")
    found = pd.DataFrame(np.zeros((len(texts), len(TOKENS)), dtype=bool), index=texts.index, columns=list(TOKENS))
    suspects = cleaned[[bool(_SUSPECT.search(text)) for text in cleaned]]
    if suspects.empty:
        return cleaned, found
    for kind, pattern in PATTERNS.items():
        changed = [pattern.subn(_replace(kind), text) for text in suspects]
        hits = pd.Series([count > 0 for _, count in changed], index=suspects.index, dtype="bool")
        suspects = pd.Series([text for text, _ in changed], index=suspects.index, dtype="str")
        found.loc[hits[hits].index, kind] = True
    cleaned = cleaned.copy()
    cleaned[suspects.index] = suspects
    return cleaned, found


def _replace(kind: str) -> Callable[[re.Match[str]], str]:
    """Keep the cue that gave the datum away, where there is one, and put the token in place of the rest."""
    return lambda match: (match.groupdict().get("cue") or "") + TOKENS[kind]
