"""Whole numbers under linear constraints: the values that an unknown can still take.

Three steps, cheap first. Bound propagation gives ranges that hold every solution. A handful of whole-number
solutions, each pushed as far as many unknowns at once allow, proves most ranges wide. Only what is left in doubt
is minimised and maximised one by one. A range is called wide only on two whole-number solutions that show it, so a
time limit can make a verdict too strict, never too mild.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

MANY = 1e7  # stands for "no bound": more people than London has
_SLACK = 1e-6
_ROUNDS = 200  # of propagation
_STALE = 3  # shared pushes in a row that help hardly any target
_PATIENCE = 20.0  # seconds for one solution
_BEST, _LATE, _NONE = 0, 1, 2  # the solver's states: found, out of time, no solution


@dataclass(frozen=True)
class System:
    """Unknown whole numbers ``x`` with ``low <= x <= high`` and ``row_low <= matrix @ x <= row_high``."""

    matrix: sparse.csr_matrix
    row_low: np.ndarray
    row_high: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Ranges:
    """What was found of each target.

    Attributes
    ----------
    low, high : ndarray
        A range that holds every solution; the exact range of those that were solved one by one.
    wide : ndarray of bool
        Two solutions differ by at least the width.
    proven : ndarray of bool
        Whether the verdict is proven; an unproven one is to be read as narrow.
    """

    low: np.ndarray
    high: np.ndarray
    wide: np.ndarray
    proven: np.ndarray


def propagate(system: System) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the bounds that follow from each constraint alone, repeated until nothing moves; None for no solution.

    The bounds hold every solution and may be wider than the true range.
    """
    m = system.matrix.tocoo()
    low, high = np.maximum(system.low, -MANY), np.minimum(system.high, MANY)
    up, size = m.data > 0, np.abs(m.data)
    for _ in range(_ROUNDS):
        least = m.data * np.where(up, low[m.col], high[m.col])
        most = m.data * np.where(up, high[m.col], low[m.col])
        below = system.row_low[m.row] - (np.bincount(m.row, most, m.shape[0])[m.row] - most)
        above = system.row_high[m.row] - (np.bincount(m.row, least, m.shape[0])[m.row] - least)
        new_low, new_high = low.copy(), high.copy()
        np.maximum.at(new_low, m.col, np.ceil(np.where(up, below, -above) / size - _SLACK))
        np.minimum.at(new_high, m.col, np.floor(np.where(up, above, -below) / size + _SLACK))
        if (new_low > new_high).any():
            return None
        if np.array_equal(new_low, low) and np.array_equal(new_high, high):
            break
        low, high = new_low, new_high
    return low, high


def ranges(system: System, targets: np.ndarray, width: int, *, seconds: float = 120.0, seed: int = 0) -> Ranges | None:
    """Decide for each target whether it can still take values that lie ``width`` apart.

    Parameters
    ----------
    system : System
        With whole-number solutions only.
    targets : ndarray of int
        Positions of the unknowns asked for.
    width : int
        Least difference between the smallest and the largest value.
    seconds : float, default 120
        After this time what is still in doubt is left unproven.
    seed : int
        Of the directions tried; the verdicts do not depend on it.

    Returns
    -------
    Ranges, or None when the constraints contradict each other.
    """
    bounds = propagate(system)
    if bounds is None:
        return None
    low, high = (side.copy() for side in bounds)
    alone = np.diff(system.matrix.tocsc().indptr) == 0
    spread, proven = np.where(alone, high - low, 0.0), np.ones(len(low), dtype=bool)
    doubt = targets[(high[targets] - low[targets] >= width) & ~alone[targets]]
    end = time.monotonic() + seconds
    for part, columns in _pieces(system, low, high, doubt):
        search = _Search(part, end)
        undecided = search.run(np.flatnonzero(np.isin(columns, doubt)), width, np.random.default_rng(seed))
        if search.contradiction:
            return None
        low[columns], high[columns], spread[columns] = search.low, search.high, search.spread()
        proven[columns[undecided]] = False
    return Ranges(low[targets], high[targets], spread[targets] >= width, proven[targets])


def _pieces(
    system: System, low: np.ndarray, high: np.ndarray, doubt: np.ndarray
) -> Iterator[tuple[System, np.ndarray]]:
    """Yield the parts of a system that have nothing to do with each other, where a target is in doubt.

    What cannot move joins nothing: it is taken off the sums that it stands in.
    """
    if not len(doubt):
        return
    moves = low < high
    matrix = system.matrix.tocsc()
    free = matrix[:, moves]
    labels = sparse.csgraph.connected_components(sparse.block_array([[None, free], [free.T, None]]), directed=False)[1]
    of_row, of_column = labels[: matrix.shape[0]], np.full(len(low), -1)
    of_column[moves] = labels[matrix.shape[0] :]
    fixed = matrix[:, ~moves] @ low[~moves]
    for label in np.unique(of_column[doubt]):
        rows, columns = np.flatnonzero(of_row == label), np.flatnonzero(of_column == label)
        limits = system.row_low[rows] - fixed[rows], system.row_high[rows] - fixed[rows]
        yield System(matrix[:, columns].tocsr()[rows], *limits, low[columns], high[columns]), columns


class _Search:
    """Solutions found so far, and the bounds that hold them all."""

    def __init__(self, system: System, end: float) -> None:
        self.low, self.high, self.end = system.low.copy(), system.high.copy(), end
        self._rows = LinearConstraint(system.matrix, system.row_low, system.row_high)
        self._least, self._most = np.full(len(self.low), np.inf), np.full(len(self.low), -np.inf)
        self.contradiction = False

    def run(self, doubt: np.ndarray, width: int, rng: np.random.Generator) -> list[int]:
        """Push all targets at once while that helps, then settle the rest one by one; return the undecided."""
        stale = 0
        while len(doubt) and stale < _STALE and not self.late():
            aim = np.zeros(len(self.low))
            aim[doubt] = rng.choice([-1.0, 1.0], len(doubt)) * rng.uniform(0.5, 1.0, len(doubt))
            self.push(aim, gap=0.3)
            self.push(-aim, gap=0.3)
            left = doubt[self.spread()[doubt] < width]
            stale = stale + 1 if len(left) > 0.95 * len(doubt) else 0
            doubt = left
        return [target for target in doubt if not self.settle(target, width)]

    def late(self) -> bool:
        return time.monotonic() > self.end

    def spread(self) -> np.ndarray:
        return self._most - self._least

    def push(self, aim: np.ndarray, *, gap: float = 0.0) -> bool:
        """Look for a solution far along ``-aim`` and keep it as a witness; whether one was found and proven best."""
        status = self._solve(aim, self.low, self.high, gap)
        self.contradiction |= status == _NONE
        return status == _BEST

    def settle(self, target: int, width: int) -> bool:
        """Find whether one unknown can move by the width, else its true range; whether the verdict is proven."""
        for upwards in (True, False):
            low, high = self.low.copy(), self.high.copy()
            if upwards:
                low[target] = self._least[target] + width
            else:
                high[target] = self._most[target] - width
            status = _NONE if low[target] > high[target] else self._solve(np.zeros(len(low)), low, high, 1.0)
            if status == _BEST:
                return True
            if status == _NONE and upwards:
                self.high[target] = min(self.high[target], self._least[target] + width - 1)
            elif status == _NONE:
                self.low[target] = max(self.low[target], self._most[target] - width + 1)
        return self._exact(target) or self.spread()[target] >= width

    def _exact(self, target: int) -> bool:
        aim = np.zeros(len(self.low))
        aim[target] = 1.0
        if not self.push(aim):
            return False
        self.low[target] = self._least[target]
        if not self.push(-aim):
            return False
        self.high[target] = self._most[target]
        return True

    def _solve(self, aim: np.ndarray, low: np.ndarray, high: np.ndarray, gap: float) -> int:
        left = self.end - time.monotonic()
        if left <= 0:
            return _LATE
        found = milp(
            aim,
            constraints=self._rows,
            bounds=Bounds(low, high),
            integrality=np.ones(len(aim)),
            options={"mip_rel_gap": gap, "time_limit": min(left, _PATIENCE)},
        )
        if found.x is not None:
            x = np.round(found.x)
            self._least, self._most = np.minimum(self._least, x), np.maximum(self._most, x)
        return found.status
