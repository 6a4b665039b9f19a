"""Tables as CSV that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import re

import pandas as pd

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_FORMULA = re.compile(r"[\t\r\n]|[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def to_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV that a spreadsheet opens without running anything.

    Parameters
    ----------
    frame : DataFrame
        Any table; its index is left out.

    Returns
    -------
    str
        Comma-separated, header first, lines end in LF; the same table gives the same bytes. A text that a spreadsheet
        would take for a formula gets an apostrophe in front: it starts with = + - @ (also in full width), after any
        blanks, or with a tab or line end. Numbers stay, also in text columns ("-5"). Line ends inside a text become
        blanks. Missing values are empty.

    Notes
    -----
    How it can mislead: programs other than spreadsheets show the apostrophe as part of the text.
    """
    out = frame.rename(columns=lambda name: _safe(str(name)))
    for i, dtype in enumerate(frame.dtypes):
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)):
            out.isetitem(i, frame.iloc[:, i].map(lambda value: _safe(value) if isinstance(value, str) else value))
    return out.to_csv(index=False, float_format="%.10g", lineterminator="\n")


def _safe(text: str) -> str:
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return re.sub(r"[\r\n]+", " ", text)
