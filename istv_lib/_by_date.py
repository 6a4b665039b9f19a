"""What was known on a day: files by date received, and which of them was in use then; a helper of the store."""

from __future__ import annotations

from datetime import date

import pandas as pd

from istv_lib import errors

TABLES = ("submissions", "conformed", "quarantine", "changes", "reconciliation", "revisions")


def demand(table: str, day: str) -> None:
    """Refuse a table that is not kept by date, and a day that is none.

    Raises
    ------
    errors.StoreError
        For the table.
    errors.ParameterError
        For the day.
    """
    parse(day)
    if table not in TABLES:
        msg = f"The table '{table}' is not kept by date; make the London of that day with `istv as-of {day} FOLDER`."
        raise errors.StoreError(msg)


def parse(text: str) -> str:
    """Hand back a date written YYYY-MM-DD.

    Raises
    ------
    errors.ParameterError
        When it is not one.
    """
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except (TypeError, ValueError):
        pass
    msg = f"'{text}' is not a date; write it as YYYY-MM-DD, such as 2024-12-31."
    raise errors.ParameterError(msg)


def files(submissions: pd.DataFrame, revisions: pd.DataFrame, day: str) -> pd.DataFrame:
    """Return the files received by the end of a day, with the status of that day.

    A superseded file was still in use before the file that replaced it was received.
    """
    known = submissions[submissions["received"] <= day]
    replaced = revisions.loc[revisions["received"] <= day, "supersedes"]
    back = (known["status"] == "superseded") & ~known["submission_id"].isin(replaced)
    return known.assign(status=known["status"].mask(back, "accepted"))


def rows(frame: pd.DataFrame, known: pd.DataFrame, day: str) -> pd.DataFrame:
    """Return the rows of a table that belong to the files known on a day."""
    if "received" in frame:
        return frame[frame["received"] <= day]
    return frame[frame["submission_id"].isin(known["submission_id"])]
