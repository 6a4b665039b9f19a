"""When a month may leave, and who answers for it: the calendar, the embargo and the release form.

Pure over ``parameters/calendar.yml`` and ``monthly.yml``: clock, dates and texts are passed in.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import yaml

from istv_lib import errors, months, params

LONDON = ZoneInfo(months.LONDON_TZ)
FIELDS = ("analyst", "assurer", "approver", "context")
BLANK = """\
# Release form of {label}. What stands here is published with each page: write names, no addresses or numbers.
# The rule and the result of the attack are filled in by the program.
month: "{month}"
analyst:     # who prepared the release
assurer:     # another person, who checked it (docs/operations.md, Before publishing)
approver:    # who answers for its publication
context:     # in a sentence or two, what a reader should know of this release
notes:       # if any
"""


def at(month: str) -> dt.datetime:
    """Return when the public pages of a month ("YYYY-MM") may leave, in London time.

    Raises
    ------
    errors.ParameterError
        An exception without date, announcement or reason, on a day that is not a working day, or announced too late.

    Notes
    -----
    By the rule of ``parameters/calendar.yml``, or an exception there. Bank holidays are known up to 2028; a later date
    may have to be moved.
    """
    rules = params.file("calendar")
    run = dt.date.fromisoformat(f"{months.add(month, 1)}-{params.file('monthly')['run_day']:02d}")
    day = run + dt.timedelta(days=rules["days_after_run"]["value"])
    day += dt.timedelta(days=(months.DAYS.index(rules["weekday"]["value"]) - day.weekday()) % 7)
    while not _working(day):
        day += dt.timedelta(days=1)
    given = (rules["exceptions"] or {}).get(month)
    if given is not None:
        day = _excepted(month, given, day, rules["notice_days"]["value"])
    return dt.datetime.combine(day, dt.time.fromisoformat(rules["hour"]["value"]), LONDON)


def _working(day: dt.date) -> bool:
    return day.weekday() < 5 and not months.is_bank_holiday(pd.Series([pd.Timestamp(day)])).iloc[0]


def _excepted(month: str, given: dict[str, Any], usual: dt.date, notice: int) -> dt.date:
    day, announced = given.get("date"), given.get("announced")
    fault = ""
    if type(day) is not dt.date or type(announced) is not dt.date or not given.get("reason"):
        fault = "needs a date, the date on which it was announced (YYYY-MM-DD) and a reason"
    elif not _working(day):
        fault = "is not on a working day; choose a weekday that is no bank holiday"
    elif day < usual and (day - announced).days < notice:
        fault = f"brings it forward with less than {notice} days' notice; choose a later date"
    if fault:
        raise errors.ParameterError(f"The exception for {month} in parameters/calendar.yml {fault}.")
    return day


def upcoming(month: str, count: int) -> list[tuple[str, dt.datetime]]:
    """Return the ``count`` months after a month, each with the time at which its pages may leave."""
    after = [months.add(month, n) for n in range(1, count + 1)]
    return [(each, at(each)) for each in after]


def check_embargo(month: str, now: dt.datetime) -> None:
    """Refuse, with a PublishError, a month whose time has not come, and a ``now`` without time zone."""
    if now.utcoffset() is None:
        raise errors.PublishError("The time of publishing has no time zone; pass one that has.")
    due = at(month)
    if now < due:
        told = f"{due:%H:%M} on {due.day} {months.label(f'{due:%Y-%m}')}, London time"
        msg = f"The public pages of {month} may not leave before {told}; publish then, or see parameters/calendar.yml."
        raise errors.PublishError(msg)


def day(text: str | None, now: dt.datetime) -> str:
    """Return a date given as YYYY-MM-DD, or London's date at ``now``; refuse one that is to come, or is no date."""
    today = now.astimezone(LONDON).date()
    try:
        found = today if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise errors.ParameterError(f"'{text}' is not a date; write YYYY-MM-DD.") from None
    if found > today:
        raise errors.ParameterError(f"The date {found} has not come yet; give today's or an earlier one.")
    return found.isoformat()


def form(text: str, month: str) -> dict[str, str]:
    """Read a month's release form as filled in, each entry as one line; :data:`BLANK` is one to fill in.

    Raises
    ------
    errors.PublishError
        It cannot be read, is for another month, lacks an entry, or names one person as analyst and assurer.

    Notes
    -----
    Spellings with the same letters are taken for one person. That other names are of two people, and that anything
    was checked, no program can see.
    """
    name = f"The release form restricted/{month}/form.yml"
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError:
        told = None
    if not isinstance(told, dict):
        raise errors.PublishError(f"{name} cannot be read; remove it, and publish again to get a blank one.")
    if told.get("month") != month:
        raise errors.PublishError(f"{name} is not for {month}; fill in one for this month.")
    found = {k: " ".join(v.split()) if isinstance(v := told.get(k), str) else "" for k in (*FIELDS, "notes")}
    lacking = [field for field in FIELDS if not _letters(found[field])]
    if lacking:
        raise errors.PublishError(f"{name} lacks {', '.join(lacking)}; fill it in and publish again.")
    if _letters(found["analyst"]) == _letters(found["assurer"]):
        raise errors.PublishError(f"{name} names one person as analyst and assurer; someone else must check a release.")
    return found


def _letters(text: str) -> str:
    return "".join(re.findall(r"[^\W\d_]", text.casefold()))
