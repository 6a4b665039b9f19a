"""Secondary suppression: which further exact counts must be hidden so that no small one can be worked out.

A reader of exact counts knows what is shown, the sums, and that a hidden count is at least 1. :func:`suppress` hides
what linear equations would give away (Gaussian elimination modulo a prime), lets :mod:`istv_lib._polytope` narrow what
is hidden, and hides more where that succeeds; for small tables it finds the optimum by cuts from the duals of the
reader's linear programs. Hiding one more count never narrows a hidden one, so what was found wide stays wide; with
all but the zeros hidden every count is free, so there is a solution unless a count must be shown.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from istv_lib import _elimination, _polytope, errors

COSTS = np.array([1.0, 5.0, 50.0, 1000.0])  # of hiding a count that is the total of 0, 1, 2, 3 or more sums
_ROUNDS = 300  # of cuts towards the optimum
_SLACK = 1e-6


@dataclasses.dataclass(frozen=True)
class Suppression:
    """What must be hidden, how it was found, and how many counts each audit found too narrow."""

    hidden: np.ndarray  # per cell; one that does not stand in the table counts as hidden
    method: str  # "nothing", "elimination" or "optimal", perhaps "and cuts"
    audits: tuple[int, ...]  # the last is 0


@dataclasses.dataclass(frozen=True)
class _Table:
    """Cells and sums, and how much a reader may learn."""

    values: np.ndarray
    matrix: sparse.csc_array
    published: np.ndarray
    weights: np.ndarray
    width: int
    small: int
    seconds: float

    @property
    def choices(self) -> np.ndarray:
        """Tell which cells can be hidden: neither a zero nor what must be shown."""
        return self.published & (self.values > 0) & np.isfinite(self.weights)

    def narrow(self, hidden: np.ndarray, settled: np.ndarray) -> np.ndarray:
        """Return the hidden cells that a reader may take for small and can narrow too far; mark the wide as settled."""
        low, high = np.where(hidden, self.published, self.values), np.where(hidden, _polytope.MANY, self.values)
        told = _elimination.pinned(self.matrix, hidden, low) & ~np.isnan(self.values)
        low[told] = high[told] = self.values[told]
        bounds = _polytope.propagate(system := _system(self.matrix, low, high))
        at_risk = np.flatnonzero(hidden & ~settled & (bounds[0] <= self.small) & (bounds[1] >= 1))
        found = _polytope.ranges(system, at_risk, self.width, seconds=self.seconds)
        settled[at_risk[found.wide]] = True
        return at_risk[~found.wide & (found.low <= self.small) & (found.high >= 1)]

    def neighbours(self, at: int) -> np.ndarray:
        """Tell which cells stand in a sum with one."""
        return abs(self.matrix).T @ (self.matrix[:, [at]].toarray().ravel() != 0) > 0


def suppress(
    values: np.ndarray,
    matrix: sparse.spmatrix,
    primary: np.ndarray,
    *,
    published: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    width: int,
    small: int,
    exact_below: int = 200,
    gap: float = 0.01,
    seconds: float = 60.0,
) -> Suppression:
    """Choose which further counts to hide so that no small count can be narrowed below the protection width.

    Parameters
    ----------
    values : ndarray
        True counts; those that do not stand in the table may be missing, and are filled in where sums tell them.
    matrix : sparse matrix
        Sums, one a row: ``matrix @ values == 0``, with -1 at the total and 1 at its parts.
    primary : ndarray of bool
        Cells to hide in any case. A count from 1 to ``small`` that only follows from the table is protected too.
    published : ndarray of bool, optional
        Cells that stand in the table; default those that are not missing. Of the others a reader knows that they are
        at least 0.
    weights : ndarray, optional
        Cost of hiding each cell, infinite for one that must be shown; default :data:`COSTS`.
    width, small : int
        A count that may be from 1 to ``small`` must still be able to take values that lie ``width`` apart.
    exact_below : int, default 200
        Tables with fewer published cells are solved to the optimum,
    gap : float, default 0.01
        up to this part of its cost.
    seconds : float, default 60
        For one audit or one solution; after it a count in doubt counts as narrow, and the optimum is given up.

    Raises
    ------
    errors.DisclosureError
        Counts that contradict their sums, or that must be shown and give a small one away.

    Notes
    -----
    Shown zeros stay. How it can mislead: it protects against these sums alone, not against other tables or what a
    reader knows of persons. Sources: Langsrud (2024) for the elimination, Fischetti and Salazar (2001) for the cuts.
    """
    published = ~np.isnan(values) if published is None else published
    matrix = sparse.csc_array(matrix)
    values = _filled(values, matrix)
    weights = COSTS[np.minimum((matrix < 0).sum(axis=0), len(COSTS) - 1)] if weights is None else weights
    primary = (primary & published) | (~published & (values >= 1) & (values <= small))
    table, start = _Table(values, matrix, published, weights, width, small, seconds), primary | ~published
    greedy = _eliminate(table, primary, start)
    best = _cut(table, greedy, "elimination" if primary.any() else "nothing")
    if (best.hidden == start).all() or published.sum() >= exact_below:
        return best
    found = _optimum(table, start, gap)
    ways = [_cut(table, found, "optimal"), best] if found is not None else [best]
    return min(ways, key=lambda way: weights[way.hidden & table.choices].sum())


def _system(matrix: sparse.csc_array, low: np.ndarray, high: np.ndarray) -> _polytope.System:
    return _polytope.System(matrix.tocsr(), *np.zeros((2, matrix.shape[0])), low, high)


def _filled(values: np.ndarray, matrix: sparse.csc_array) -> np.ndarray:
    """Fill in the counts that follow from the others; refuse counts that contradict their sums."""
    bounds = _polytope.propagate(_system(matrix, np.nan_to_num(values), np.nan_to_num(values, nan=_polytope.MANY)))
    if bounds is None:
        msg = "The counts of a table contradict its totals, so none can be hidden; make all from the same events."
        raise errors.DisclosureError(msg)
    return np.where(bounds[0] == bounds[1], bounds[0], np.nan)


def _eliminate(table: _Table, primary: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Show cell by cell, the most wanted first, unless linear equations would then give a primary one away."""
    equations, hidden = _elimination.Equations(table.matrix, start | table.choices, start), start.copy()
    free = np.flatnonzero(table.choices & ~start)
    for at in free[np.lexsort((-table.values[free], -table.weights[free]))]:
        hidden[at] = not equations.show(at, primary)
    return hidden


def _cut(table: _Table, hidden: np.ndarray, method: str) -> Suppression:
    """Audit, and hide more wherever a count is narrow, until none is."""
    hidden, settled, audits = hidden.copy(), np.zeros(len(hidden), dtype=bool), []
    while len(failed := table.narrow(hidden, settled)):
        audits.append(len(failed))
        beside = np.zeros(len(hidden), dtype=bool)  # cells in a sum with a count just hidden: the next audit tells
        for at in failed:
            if not beside[at] and (more := _remedy(table, hidden, at)) is not None:
                hidden[more] = True
                beside |= table.neighbours(more)
        if not beside.any():
            msg = (
                f"{len(failed)} counts of 1 to {table.small} can be worked out from counts that must be shown; "
                "show fewer totals, or choose a rule that rounds."
            )
            raise errors.DisclosureError(msg)
    return Suppression(hidden, f"{method} and cuts" if audits else method, (*audits, 0))


def _remedy(table: _Table, hidden: np.ndarray, at: int) -> int | None:
    """Return the shown cell (a neighbour, if the duals do not tell) whose hiding widens a range at the least cost."""
    width, gain = _reach(table, hidden, at) or (0.0, table.neighbours(at))
    use = np.minimum(gain, max(table.width - width, 1.0))
    able = np.flatnonzero(table.choices & ~hidden & (use > _SLACK))
    order = np.lexsort((table.values[able], table.weights[able] / use[able]))
    return able[order[0]] if len(able) else None


def _reach(table: _Table, hidden: np.ndarray, at: int) -> tuple[float, np.ndarray] | None:
    """Return the width of a cell's range in fractions, and how much each cell gives to it or, if hidden, could give.

    By the duals: a shown count can grow without end, and fall to 1. None where the range has no end.
    """
    unknown = np.flatnonzero(hidden)
    right = -(table.matrix @ np.where(hidden, 0.0, table.values))
    limits = np.column_stack([table.published[unknown].astype(float), np.full(len(unknown), np.inf)])
    width, gain = 0.0, np.zeros(len(hidden))
    for side in (-1.0, 1.0):
        aim = side * (unknown == at)
        found = linprog(aim, A_eq=table.matrix[:, unknown], b_eq=right, bounds=limits, method="highs")
        if found.status != 0:
            return None
        slope = table.matrix.T @ found.eqlin.marginals
        slope[at] -= side
        width -= found.fun
        gain += np.where((slope > _SLACK) & ~hidden, np.inf, np.maximum(-slope, 0.0) * (table.values - 1))
    return width, np.where(table.choices, gain, 0.0)


def _optimum(table: _Table, start: np.ndarray, gap: float) -> np.ndarray | None:
    """Find the cheapest suppression by cuts; None when time runs out.

    A cut says of a narrow cell that those hidden give it what it lacks, or that it is itself shown if it may be.
    """
    choices = np.flatnonzero(table.choices & ~start)
    hidden, rows, least, whole = start, [], [], np.ones(len(choices))
    options = {"mip_rel_gap": gap, "time_limit": table.seconds}
    for _ in range(_ROUNDS):
        before = len(rows)
        for at in table.narrow(hidden, np.zeros(len(start), dtype=bool)):
            width, gain = _reach(table, hidden, at) or (np.inf, None)
            if width < table.width - _SLACK:  # else only whole numbers are narrow
                lacking, own = table.width - width + gain[choices[hidden[choices]]].sum(), choices == at
                rows.append(np.minimum(gain[choices], lacking) - lacking * own)
                least.append(0.0 if own.any() else lacking)
        if len(rows) == before:
            return hidden
        cuts = LinearConstraint(np.array(rows), least, np.inf)
        found = milp(table.weights[choices], constraints=cuts, integrality=whole, bounds=Bounds(0, 1), options=options)
        if found.status != 0:
            return None
        hidden = start.copy()
        hidden[choices] = found.x > 0.5
    return None
