"""The attack on our own releases: what everything published together says of a hidden count.

Every published figure states a range of the true count behind it. Counts add up: months to years, boroughs to
London, strata to their total, an older edition and its late records to a newer one. All ranges and sums together
leave each count, published or only implied, a range of its own; :func:`attack` finds it with whole numbers.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from istv_lib import _polytope, errors, months, places

KNOWN, REST = "*", "~"  # strata: all that are shown, and all others
UNKNOWN = "unknown"  # the stratum of those for whom nothing was recorded
ADDRESS = ["measure", "source", "place", "start", "end", "dim", "stratum", "edition"]
PUBLISHED = [*ADDRESS, "low", "high", "share_low", "share_high"]


class Cell(NamedTuple):
    """One count: of what, where, when, which stratum, and in which edition of the data."""

    measure: str
    source: str
    place: str
    start: str
    end: str
    dim: str
    stratum: str
    edition: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What an attack found.

    Attributes
    ----------
    breaches : DataFrame
        Counts that can be narrowed too far (a zero only where a band from zero was to hide it): the columns of an
        address, ``low`` and ``high`` (what the attacker knows), ``exact``, and ``near`` (positions in ``published`` of
        figures that share a sum with it). Restricted.
    hidden : int
        Counts that could be from 1 to 7, published or implied.
    cells, sums : int
        Size of the system.
    free : bool
        Whether later editions may hold fewer records than earlier ones (they contradicted the assumption that late
        records only add).
    """

    breaches: pd.DataFrame
    hidden: int
    cells: int
    sums: int
    free: bool


def partitions(more: Mapping[str, Iterable[str]] | None = None) -> dict[str, list[str]]:
    """Return the places that add up to another: boroughs and "not known" to London, boroughs to their command unit.

    ``more`` adds others, such as the wards of a borough or, under the key "london|sites", London's hospitals.
    """
    table = places.boroughs()
    out = {places.LONDON: [*table["gss"], places.NOT_KNOWN]}
    out |= {code: list(part["gss"]) for code, part in table.groupby("bcu")}
    return out | {parent: list(children) for parent, children in (more or {}).items()}


def attack(
    published: pd.DataFrame,
    *,
    width: int,
    small: int,
    sums: Mapping[str, list[str]] | None = None,
    seconds: float = 150.0,
) -> Outcome:
    """Work out what everything published together says of each small count.

    Parameters
    ----------
    published : DataFrame
        Columns :data:`PUBLISHED`: address of a count, with ``edition`` one text per month joined by ";" (empty for a
        single edition), and the range ``low`` to ``high`` that the published figure states. ``share_low`` and
        ``share_high``: for the known part of a dimension (stratum "*"), its published share of the total. Rows in
        the order of publication.
    width : int
        Protection width: the largest and the smallest possible value must differ by at least this.
    small : int
        Largest count to be protected, such as 7.
    sums : mapping, optional
        Which places add up to which; default :func:`partitions`.
    seconds : float, default 150
        Counts still in doubt after this time are reported as breaches.

    Returns
    -------
    Outcome

    Raises
    ------
    errors.DisclosureError
        The published ranges contradict each other.

    Notes
    -----
    How it can mislead: it knows only the sums it is told of, and nothing of what a reader may know of persons. Late
    records are assumed only to add, unless that contradicts what was published. Sources: the idea of interval
    protection follows Fischetti and Salazar (2001); the sums of the release plan are our own.
    """
    model = _Model(published, sums or partitions())
    system, found, free = model.system(), None, False
    targets = np.arange(len(model.cells))
    for free in (False, True):
        system = model.system(free=free)
        bounds = _polytope.propagate(system)
        if bounds is not None:
            at_risk = targets[(bounds[0] <= small) & ((bounds[1] >= 1) | model.banded(small))]
            found = _polytope.ranges(system, at_risk, width, seconds=seconds)
        if found is not None or not model.later:
            break
    if found is None:
        msg = "The published figures contradict each other, so not all can be true; restore the ledger from a backup."
        raise errors.DisclosureError(msg)
    bad = ~found.wide & (found.low <= small) & ((found.high >= 1) | model.banded(small)[at_risk])
    rows = [model.cells[i]._asdict() for i in at_risk[bad]]
    table = pd.DataFrame(rows, columns=list(Cell._fields)).assign(low=found.low[bad], high=found.high[bad])
    table["exact"] = table["low"] == table["high"]
    table["near"] = [model.near(i) for i in at_risk[bad]]
    return Outcome(table, len(at_risk), len(model.cells), len(model.rows), free)


def contradictions(counts: pd.DataFrame, sums: Mapping[str, list[str]] | None = None) -> pd.DataFrame:
    """Return the sums that exact counts break: ``measure``, ``place``, ``start``, ``end``, ``dim``, of the total.

    Parameters
    ----------
    counts : DataFrame
        As for :func:`attack`, with ``low`` equal to ``high``.
    """
    model = _Model(counts, sums or partitions())
    if not model.rows:
        return pd.DataFrame(columns=list(Cell._fields))
    known = np.array([low == high for low, high in model.ranges])
    values = np.array([low for low, _ in model.ranges])
    system = model.system()
    whole = (abs(system.matrix) @ (~known).astype(float)) == 0
    off = whole & ~np.isclose(np.where(whole, system.matrix @ np.where(known, values, 0), system.row_low), 0)
    rows = [model.cells[model.rows[i][0][0]] for i in np.flatnonzero(off[: len(model.rows)])]
    return pd.DataFrame(rows, columns=list(Cell._fields))


def additive(counts: pd.DataFrame, sums: Mapping[str, list[str]] | None = None) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return the sums between counts, and which column of the matrix each row of ``counts`` is.

    Parameters
    ----------
    counts : DataFrame
        As for :func:`attack`; ranges and shares are not looked at.

    Returns
    -------
    matrix : sparse matrix
        One row per sum, with -1 at the total and 1 at its parts; columns beyond those of ``counts`` are implied.
        Those known to be zero are left empty.
    ids : ndarray of int
    """
    model = _Model(counts.assign(share_low=np.nan, share_high=np.nan), sums or partitions())
    ids = np.empty(len(counts), dtype=int)
    for at, numbers in model.sources.items():
        ids[numbers] = at
    system = model.system()
    system.matrix.data[(system.high[system.matrix.indices] == 0) & ~np.isin(system.matrix.indices, ids)] = 0
    system.matrix.eliminate_zeros()
    return system.matrix, ids


class _Model:
    """The counts as unknowns, and the sums between them, built from what is published."""

    def __init__(self, published: pd.DataFrame, sums: Mapping[str, list[str]]) -> None:
        self.ids: dict[Cell, int] = {}
        self.cells: list[Cell] = []
        self.ranges: list[tuple[float, float]] = []
        self.rows: list[tuple[tuple[int, ...], tuple[float, ...]]] = []
        self.shares: list[tuple[int, int, float, float]] = []
        self.sources: dict[int, list[int]] = defaultdict(list)
        self._seen: set[tuple[int, ...]] = set()
        self._inside: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for parent, children in sums.items():
            for child in children:
                self._inside[child].append((parent.split("|")[0], children))
        self._read(published)
        before = -1
        while before != len(self.cells):
            before = len(self.cells)
            self._over_time()
            self._over_places()
            self._over_strata()
        self._share_rows(published)
        self.counted = len(self.cells)
        self.later = self._editions()

    def add(self, cell: Cell, low: float = 0.0, high: float = _polytope.MANY) -> int:
        at = self.ids.setdefault(cell, len(self.cells))
        if at == len(self.cells):
            self.cells.append(cell)
            self.ranges.append((low, high))
        else:
            held = self.ranges[at]
            self.ranges[at] = (max(low, held[0]), min(high, held[1]))
        return at

    def equal(self, total: int, parts: Iterable[int]) -> None:
        """Say that a count is the sum of others."""
        parts = tuple(sorted(parts))
        if parts != (total,) and (total, *parts) not in self._seen:
            self._seen.add((total, *parts))
            self.rows.append(((total, *parts), (-1.0, *[1.0] * len(parts))))

    def near(self, at: int) -> list[int]:
        """Return the published figures that share a sum with a count, its own first."""
        together = {other for row, _ in self.rows if at in row for other in row} - {at}
        together |= {other for first, second, *_ in self.shares if at in (first, second) for other in (first, second)}
        return list(dict.fromkeys(i for other in [at, *sorted(together)] for i in self.sources.get(other, [])))

    def banded(self, small: int) -> np.ndarray:
        """Tell which counts were published as one band from zero, so that not even a zero may be told."""
        return np.array([i in self.sources and own == (0.0, small) for i, own in enumerate(self.ranges)])

    def _read(self, published: pd.DataFrame) -> None:
        for number, row in enumerate(published[PUBLISHED].itertuples(index=False)):
            span = months.span(row.start, row.end)
            edition = tuple(row.edition.split(";")) if row.edition else ("",) * len(span)
            at = self.add(Cell(*row[:7], edition), row.low, row.high)
            self.sources[at].append(number)

    def _over_time(self) -> None:
        """A period is the sum of the pieces that the periods of its series cut it into."""
        series = defaultdict(list)
        for cell in self.cells:
            if cell.stratum not in (KNOWN, REST):
                series[cell[:3] + cell[5:7]].append(cell)
        for cells in series.values():
            cuts = sorted({c.start for c in cells} | {months.add(c.end, 1) for c in cells})
            for cell in cells:
                inner = [cell.start, *[c for c in cuts if cell.start < c <= cell.end], months.add(cell.end, 1)]
                if len(inner) > 2:
                    self.equal(self.ids[cell], [self.add(_piece(cell, a, b)) for a, b in itertools.pairwise(inner)])

    def _over_places(self) -> None:
        for cell in list(self.cells):
            if cell.stratum in (KNOWN, REST):
                continue
            for parent, children in self._inside.get(cell.place, []):
                whole = cell._replace(place=parent)
                if whole in self.ids:
                    self.equal(self.ids[whole], [self.add(cell._replace(place=child)) for child in children])

    def _over_strata(self) -> None:
        dims = defaultdict(set)
        for cell in self.cells:
            if cell.dim:
                dims[cell._replace(stratum="")].add(cell.stratum)
        for base, strata in dims.items():
            single = sorted({part for s in strata - {KNOWN, REST} for part in s.split("+")})
            parts = {s: self.add(base._replace(stratum=s)) for s in single}
            for merged in sorted(s for s in strata if "+" in s):
                self.equal(self.ids[base._replace(stratum=merged)], [parts[s] for s in merged.split("+")])
            known = self.add(base._replace(stratum=KNOWN))
            whole = UNKNOWN in single and known in self.sources  # a page that lists "unknown" leaves no record out
            rest = self.add(base._replace(stratum=REST), high=0.0 if whole else _polytope.MANY)
            self.equal(known, parts.values())
            self.equal(self.add(base._replace(dim="", stratum="")), [known, rest])

    def _share_rows(self, published: pd.DataFrame) -> None:
        stated = published[published["share_low"].notna()]
        for number, row in zip(stated.index, stated[PUBLISHED].itertuples(index=False), strict=True):
            span = months.span(row.start, row.end)
            edition = tuple(row.edition.split(";")) if row.edition else ("",) * len(span)
            known = Cell(*row[:6], KNOWN, edition)
            ids = self.ids[known], self.ids[known._replace(dim="", stratum="")]
            self.shares.append((*ids, row.share_low, row.share_high))
            self.sources[ids[0]].append(number)

    def _editions(self) -> list[int]:
        """Add the difference of each count from one edition to the next as a count of its own."""
        groups = defaultdict(list)
        for cell in self.cells:
            groups[cell[:7]].append(cell)
        later = []
        for cells in groups.values():
            for old, new in itertools.pairwise(cells):
                change = self.add(new._replace(edition=("change", *old.edition, ">", *new.edition)))
                self.equal(self.ids[new], [self.ids[old], change])
                later.append(change)
        return later

    def system(self, *, free: bool = False) -> _polytope.System:
        low, high = np.array(self.ranges, dtype=float).reshape(-1, 2).T
        if free:
            low[self.later] = -_polytope.MANY
        entries = [(r, c, w) for r, (ids, weights) in enumerate(self.rows) for c, w in zip(ids, weights, strict=True)]
        count = len(self.rows)
        for known, total, share_low, share_high in self.shares:  # in whole thousandths
            entries += [(count, known, 1000.0), (count, total, -1000.0 * share_low)]
            entries += [(count + 1, known, 1000.0), (count + 1, total, -1000.0 * share_high)]
            count += 2
        r, c, w = zip(*entries, strict=True) if entries else ((), (), ())
        matrix = sparse.csr_matrix((w, (r, c)), shape=(count, len(low)))
        bounded = np.tile([0.0, -np.inf], len(self.shares)), np.tile([np.inf, 0.0], len(self.shares))
        exact = np.zeros(len(self.rows))
        return _polytope.System(matrix, np.r_[exact, bounded[0]], np.r_[exact, bounded[1]], low, high)


def _piece(cell: Cell, start: str, after: str) -> Cell:
    """Return the part of a count from ``start`` to the month before ``after``, in the same edition."""
    first = months.span(cell.start, cell.end).index(start)
    end = months.add(after, -1)
    return cell._replace(start=start, end=end, edition=cell.edition[first : first + len(months.span(start, end))])
