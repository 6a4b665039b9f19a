"""Which values of a coded column may be shown in a draft: short, in several rows, and no personal data.

A helper of :mod:`istv_lib._draft`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from istv_lib import _readers, privacy

_ROWS_LEAST, _CHARACTERS_MOST = 2, 30  # of a value that is shown
_KINDS_MOST = 20  # values; with more, most of them in one row, a column holds free text


def values(cells: Sequence[Any]) -> tuple[list[str], int]:
    """Return the values of a coded column that may be shown, and how many others it has."""
    texts = [" ".join(_readers.as_text(cell).split()) for cell in cells if cell is not None]
    spelt = {text.casefold(): text for text in reversed(texts)}
    counts = Counter(text.casefold() for text in texts)
    often = sorted(key for key, count in counts.items() if count >= _ROWS_LEAST and len(key) <= _CHARACTERS_MOST)
    if not often or (len(counts) > _KINDS_MOST and len(often) < len(counts) / 2):
        return [], len(counts)
    shown = [spelt[key] for key, held in zip(often, personal(often), strict=True) if not held]
    return shown, len(counts) - len(shown)


def personal(texts: Sequence[str]) -> list[bool]:
    """Mark texts in which the screen finds personal data; a SNOMED CT concept id is a long number that is none."""
    found = privacy.redact(pd.Series(list(texts), dtype="str"))[1].any(axis=1)
    return [bool(held) and not _is_concept(text) for held, text in zip(found, texts, strict=True)]


def _is_concept(text: str) -> bool:
    """Whether a number has the form of a SNOMED CT concept id: its partition, and its check digit by Verhoeff."""
    if not re.fullmatch(r"[1-9][0-9]{2,14}[01]0[0-9]", text):
        return False
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = _multiplied(check, _permuted(int(digit), place))
    return check == 0


def _multiplied(a: int, b: int) -> int:
    """Multiply in the group of the pentagon's symmetries: 0 to 4 are turns, 5 to 9 reflections."""
    turn = (a + b) % 5 if a < 5 else (a - b) % 5
    return turn + 5 * ((a < 5) != (b < 5))


def _permuted(digit: int, place: int) -> int:
    for _ in range(place % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit
