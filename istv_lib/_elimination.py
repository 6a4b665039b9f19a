"""Linear equations between counts, solved modulo a prime, to tell which unknown ones the known determine."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

PRIME = 2**31 - 1  # products of two remainders fit into 64 bits


class Equations:
    """Homogeneous equations of unknown cells, each solved for one cell, its pivot, which stands in no other equation.

    Known cells are left out: what they add up to does not matter here. A cell is determined when it is the pivot of an
    equation without any other cell. Modulo a large prime there is no rounding; sums have coefficients of 1 and -1, far
    from any multiple of it.

    Parameters
    ----------
    matrix : sparse matrix
        One row per equation, whole numbers.
    unknown : ndarray of bool
        Per column.
    lasting : ndarray of bool, optional
        Cells that will never be shown; taken for pivots where possible, which saves solving anew.
    """

    def __init__(self, matrix: sparse.csc_array, unknown: np.ndarray, lasting: np.ndarray | None = None) -> None:
        self._cells, self._at = np.flatnonzero(unknown), np.cumsum(unknown) - 1
        self._brief = np.zeros(len(self._cells), dtype=bool) if lasting is None else ~lasting[self._cells]
        self._rows = matrix[:, self._cells].toarray().astype(np.int64) % PRIME
        self._pivot, self._row_of = np.full(matrix.shape[0], -1), np.full(len(self._cells), -1)
        for row in np.argsort(np.count_nonzero(self._rows, axis=1), kind="stable"):
            if self._rows[row].any():
                self._solve(row, np.flatnonzero(self._rows[row]))

    def determined(self) -> np.ndarray:
        """Return the positions of the cells that the equations determine."""
        return self._cells[self._pivot[np.count_nonzero(self._rows, axis=1) == 1]]

    def show(self, cell: int, secret: np.ndarray) -> bool:
        """Make a cell known, unless that determines a secret one; whether it was done."""
        row = self._row_of[at := self._at[cell]]
        if row >= 0 and len(others := np.setdiff1d(np.flatnonzero(self._rows[row]), at)):
            self._solve(row, others)
        if self._row_of[at] < 0:
            inside = np.flatnonzero(self._rows[:, at])
            pairs = inside[np.count_nonzero(self._rows[inside], axis=1) == 2]
            if secret[self._cells[self._pivot[pairs]]].any():
                return False
        self._rows[:, at] = 0
        return True

    def _solve(self, row: int, cells: np.ndarray) -> None:
        """Solve an equation for one of some cells: a lasting one if there is, and one in few other equations."""
        at = cells[np.lexsort((np.count_nonzero(self._rows[:, cells], axis=0), self._brief[cells]))[0]]
        if self._pivot[row] >= 0:
            self._row_of[self._pivot[row]] = -1
        self._pivot[row], self._row_of[at] = at, row
        inside, others = np.flatnonzero(self._rows[row]), np.setdiff1d(np.flatnonzero(self._rows[:, at]), row)
        own = self._rows[row, inside] * pow(int(self._rows[row, at]), -1, PRIME) % PRIME
        block = np.ix_(others, inside)
        self._rows[block] = (self._rows[block] - self._rows[others, at][:, None] * own) % PRIME
        self._rows[row, inside] = own


def pinned(matrix: sparse.csc_array, hidden: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Tell which hidden cells can have one value only, in fractions, where ``matrix @ cells == 0``.

    Parameters
    ----------
    hidden : ndarray of bool
        Cells that are at least ``low``; the others are exactly ``low``.

    Notes
    -----
    What lies at its least value in every solution is found by one linear program: solutions scaled up and added
    together (the last column is the scale) lift every cell by 1 that any solution lifts at all. Without those cells
    nothing but equations is left.
    """
    inside, lacking = matrix[:, hidden], matrix @ low
    lift = sparse.hstack([inside, inside, lacking[:, None]], format="csc")
    count = int(hidden.sum())
    limits = np.zeros((2 * count + 1, 2))
    limits[:, 1] = np.r_[np.ones(count), np.full(count + 1, np.inf)]
    limits[-1, 0] = 1.0
    found = linprog(np.r_[-np.ones(count), np.zeros(count + 1)], A_eq=lift, b_eq=np.zeros(len(lacking)), bounds=limits)
    free = hidden.copy()
    if found.status == 0:
        free[hidden] = found.x[:count] > 0.5
    out = hidden & ~free
    out[Equations(matrix, free).determined()] = True
    return out
