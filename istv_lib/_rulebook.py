"""Checks of single records: what they are is data (``parameters/checks.yml``), how each looks is a predicate here.

A helper of :mod:`istv_lib.intake`. The checks run in the order of the file. A row that one of them sets aside or
folds is not looked at by the later ones; marks add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from istv_lib import _dates, errors, schema

ACTIONS = ("quarantine", "duplicate", "blank", "mark")
SCOPES = ("record", "file", "series")
_PARTS = ("scope", "severity", "columns", "when", "action", "reason", "hospital")


@dataclass(frozen=True)
class Check:
    """One check: id, how much it matters, columns, predicate with options, action and the two sentences."""

    id: str
    severity: str
    columns: tuple[str, ...]
    predicate: str
    options: Mapping[str, Any]
    action: str


@dataclass
class Staged:
    """The records of one file as the predicates see them; arrays have one entry a record.

    Attributes
    ----------
    month : str
        Month of the file.
    cells : dict
        Canonical column to typed cells, None where nothing is written.
    times : dict
        ``arrival`` and ``incident`` as :class:`istv_lib._dates.Times`.
    when : dict
        Their times, from which a check may take some.
    marks : dict
        What the reading found by the way: ``unmapped_<column>``, ``personal``, ``formula``, ``merged``, ``shifted``.
    leader : ndarray of int
        For a repeated row, the row it repeats; else -1. Filled by the predicates of repetition.
    fate : ndarray of object
        Id of the check that set the row aside; empty while it counts.
    """

    month: str
    cells: Mapping[str, list[Any]]
    times: Mapping[str, _dates.Times]
    when: dict[str, np.ndarray]
    marks: Mapping[str, np.ndarray]
    assault: frozenset[str]
    keys: list[str]
    earlier: frozenset[str]
    texts: Mapping[str, list[str]]
    leader: np.ndarray = field(init=False)
    fate: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Start with every row counting."""
        self.leader = np.full(self.count, -1)
        self.fate = np.full(self.count, "", dtype=object)

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.when["arrival"])


def load(entries: Mapping[str, Mapping[str, Any]], rules: Mapping[str, Any], scope: str = "record") -> list[Check]:
    """Read the checks of one scope, with the values of the thresholds they name.

    Raises
    ------
    errors.ParameterError
        For a check that lacks a part or names a predicate, action or severity that does not exist.
    """
    checks = []
    for name, entry in entries.items():
        lacking = [part for part in _PARTS if not entry.get(part)]
        if lacking:
            raise errors.ParameterError(f"Check '{name}' in parameters/checks.yml lacks {', '.join(lacking)}.")
        if entry["scope"] not in SCOPES:
            raise errors.ParameterError(f"Check '{name}' in parameters/checks.yml has no scope of {', '.join(SCOPES)}.")
        if entry["scope"] != scope:
            continue
        options = dict(entry["when"])
        predicate = options.pop("is")
        known = (entry["severity"] in schema.SEVERITIES, entry["action"] in ACTIONS)
        if not all(known) or (scope == "record" and predicate not in PREDICATES):
            msg = f"Check '{name}' in parameters/checks.yml has a predicate, action or severity that does not exist."
            raise errors.ParameterError(msg)
        options = {k: rules[v] if isinstance(v, str) and v in set(rules) else v for k, v in options.items()}
        checks.append(Check(name, entry["severity"], tuple(entry["columns"]), predicate, options, entry["action"]))
    return checks


def apply(checks: list[Check], staged: Staged) -> dict[str, np.ndarray]:
    """Run the checks over the records: fill ``staged.fate``, blank times, and return the marks by id."""
    marks = {}
    for check in checks:
        holds = PREDICATES[check.predicate](staged, check) & (staged.fate == "")
        if check.action in {"quarantine", "duplicate"}:
            staged.fate[holds] = check.id
            continue
        marks[check.id] = holds
        if check.action == "blank":
            column = check.columns[0]
            staged.when[column] = np.where(holds, np.datetime64("NaT"), staged.when[column])
    return marks


# ---- predicates: (records, check) -> which records ------------------------------------------------------------


def _time(attribute: str) -> Callable:
    return lambda staged, check: getattr(staged.times[check.columns[0]], attribute)


def _marked(name: str) -> Callable:
    return lambda staged, _: staged.marks[name]


def _empty(staged: Staged, _: Check) -> np.ndarray:
    told = [column for name, column in staged.cells.items() if name not in {"row_id", "sequence"}]
    return np.array([all(cell is None for cell in record) for record in zip(*told, strict=True)], dtype=bool)


def _other_intent(staged: Staged, _: Check) -> np.ndarray:
    cells = staged.cells.get("intent", [None] * staged.count)
    return np.array([c is not None and str(c).casefold() not in staged.assault for c in cells], dtype=bool)


def _outside_month(staged: Staged, check: Check) -> np.ndarray:
    at = staged.when[check.columns[0]]
    return ~np.isnat(at) & (_dates.month_texts(at) != staged.month)


def _absent(staged: Staged, check: Check) -> np.ndarray:
    return ~staged.times[check.columns[0]].written


def _later(staged: Staged, check: Check) -> np.ndarray:
    return staged.when[check.columns[0]] > _than(staged, check) + np.timedelta64(int(check.options["minutes"]), "m")


def _earlier(staged: Staged, check: Check) -> np.ndarray:
    return staged.when[check.columns[0]] < _than(staged, check) - np.timedelta64(int(check.options["days"]), "D")


def _default_time(staged: Staged, check: Check) -> np.ndarray:
    at = staged.when[check.columns[0]]
    midnight = at == at.astype("datetime64[D]")
    return (midnight & ~staged.times[check.columns[0]].date_only) | (at == _than(staged, check))


def _than(staged: Staged, check: Check) -> np.ndarray:
    """Return the time compared with; a date without a time counts as its last second."""
    name = check.options["than"]
    at = staged.when[name]
    return np.where(staged.times[name].date_only, at + np.timedelta64(86_399, "s"), at)


def _unmapped(staged: Staged, check: Check) -> np.ndarray:
    return staged.marks[f"unmapped_{check.columns[0]}"]


def _longer(staged: Staged, check: Check) -> np.ndarray:
    most = check.options["characters"]
    return np.array([len(text) > most for text in staged.texts[check.columns[0]]], dtype=bool)


def _repeats(staged: Staged) -> tuple[np.ndarray, np.ndarray]:
    """Mark rows whose number an earlier row has, and those of them that are a further injury of it."""
    repeated, further = np.zeros(staged.count, dtype=bool), np.zeros(staged.count, dtype=bool)
    order = _by_sequence(staged)
    sequence = staged.cells.get("sequence")
    first: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for k in order:
        key = staged.keys[k]
        if not key or staged.fate[k]:
            continue
        mark = (key, str(sequence[k]) if sequence else "")
        if key in first:
            staged.leader[k] = first[key]
            repeated[k] = mark in seen
            further[k] = mark not in seen
        first.setdefault(key, k)
        seen.add(mark)
    return repeated, further


def _by_sequence(staged: Staged) -> np.ndarray:
    """Rows in the order of their injury number, else of the file."""
    sequence = staged.cells.get("sequence")
    if sequence is None:
        return np.arange(staged.count)
    numbers = [float(s) if s is not None and str(s).strip().isdigit() else np.inf for s in sequence]
    return np.argsort(numbers, kind="stable")


def _known(staged: Staged, _: Check) -> np.ndarray:
    return np.array([bool(key) and key in staged.earlier for key in staged.keys], dtype=bool)


def _alike(staged: Staged, _: Check) -> np.ndarray:
    """Mark records without a number all of whose fields equal those of an earlier one."""
    seen: set[tuple[str, ...]] = set()
    out = np.zeros(staged.count, dtype=bool)
    for k, record in enumerate(zip(*staged.cells.values(), strict=True)):
        if staged.keys[k] or staged.fate[k]:
            continue
        key = tuple(map(str, record))
        out[k] = key in seen
        seen.add(key)
    return out


PREDICATES: dict[str, Callable[[Staged, Check], np.ndarray]] = {
    "shifted": _marked("shifted"),
    "empty": _empty,
    "other_intent": _other_intent,
    "unreadable": _time("unreadable"),
    "date_only": _time("date_only"),
    "apart": _time("apart"),
    "absent": _absent,
    "outside_month": _outside_month,
    "further_injury": lambda staged, _: _repeats(staged)[1],
    "repeated": lambda staged, _: _repeats(staged)[0],
    "known": _known,
    "clock_gap": lambda staged, check: _dates.clock_gap(staged.when[check.columns[0]]),
    "clock_fold": lambda staged, check: _dates.clock_fold(staged.when[check.columns[0]]),
    "later": _later,
    "earlier": _earlier,
    "default_time": _default_time,
    "unmapped": _unmapped,
    "longer": _longer,
    "personal": _marked("personal"),
    "formula": _marked("formula"),
    "merged": _marked("merged"),
    "alike": _alike,
}
