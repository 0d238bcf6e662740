"""How often each value and pair of values fails: exact counts of runs, effects, intervals."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import Tally
from auditor.attribution.chance import Floats, Mask
from auditor.attribution.design import Layout
from auditor.attribution.failures import Failure, Failures
from auditor.attribution.intervals import Z, combine, effective_size

Unit = Literal["trials", "runs"] | None
"""What an interval is over: trials drawn at random, or runs that differ in their seed only; None
where neither was left to chance, and no interval is defined."""


def find_unit(layout: Layout, failures: Failures) -> Unit:
    """What intervals are over. Runs that were cut off are no random ones: they leave none."""
    if failures.pruned or failures.missing:
        return None
    if layout.name == "random":
        return "trials"
    return "runs" if layout.cells and failures.replicated else None


@dataclass(frozen=True, eq=False)
class Estimator:
    """Counts runs, and estimates differences of rates with intervals.

    Attributes:
        atoms: All conditions.
        failures: All failures.
        unit: What intervals are over.
    """

    atoms: Atoms
    failures: Failures
    unit: Unit

    def tally_all(self) -> tuple[tuple[Tally, ...], tuple[Tally, ...]]:
        """Counts of every listed value, and of every pair of them that occurs in a failing run."""
        listed = np.flatnonzero(self.atoms.listed)
        values, pairs = [], []
        for failure in self.failures.found:
            cells = sum_cells(
                self.atoms.met[:, listed], self.atoms.active[:, listed], self._sums(failure)
            )
            values.append(self._values(failure, listed, cells))
            pairs.append(self._pairs(failure, listed, cells))
        return tuple(chain(*values)), tuple(chain(*pairs))

    def tally(self, failure: Failure, chosen: tuple[int, ...]) -> Tally:
        """Counts of one cause; `chosen` are its places among the atoms."""
        places = np.array(chosen)
        sums = self._sums(failure)
        cells = sum_cells(self.atoms.met[:, places], self.atoms.active[:, places], sums)
        if len(chosen) == 1:
            return next(self._values(failure, places, cells))
        if len(chosen) == 2:
            return next(self._pairs(failure, places, cells))
        conditions = tuple(self.atoms.conditions[atom] for atom in chosen)
        inside = self.atoms.meeting(chosen)[self.failures.trial_of_run]
        counts = self._counts(failure, int((failure.runs & inside).sum()), int(inside.sum()))
        return Tally(failure.outcome, conditions, *counts)

    def effect(
        self, failure: Failure, chosen: tuple[int, ...], among: Mask, z: float = Z
    ) -> tuple[float | None, tuple[float, float] | None]:
        """Risk difference of a cause among some trials that have its hyperparameters; interval.

        Args:
            failure: What goes wrong.
            chosen: The places of its conditions among the atoms.
            among: The trials; (trial,).
            z: Half width of the interval in standard errors.
        """
        there = among & self.atoms.active[:, list(chosen)].all(axis=1)
        met = self.atoms.meeting(chosen)
        sums = self._sums(failure)
        two = np.stack([sums[:, there & met].sum(axis=1), sums[:, there & ~met].sum(axis=1)])
        if not two[:, 1].all():
            return None, None
        return _interval(*(float(x[0]) for x in self._difference([1, -1], two[..., None], z)))

    def _sums(self, failure: Failure) -> Floats:
        """Per trial what is to be summed: failing runs, runs, and for intervals their squares."""
        trials = len(self.atoms.met)
        k = np.bincount(self.failures.trial_of_run, failure.runs, trials)
        n = np.bincount(self.failures.trial_of_run, minlength=trials).astype(np.float64)
        if self.unit == "trials" and self.failures.repeated:
            return np.stack([k, n, k * k, k * n, n * n, (n > 0).astype(np.float64)])
        return np.stack([k, n])

    def _difference(self, signs: list[int], cells: Floats, z: float) -> tuple[Floats, ...]:
        """A sum of rates with signs, and the ends of its interval; cells are (rate, sum, ...)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = cells[:, 0] / cells[:, 1]
        total = np.tensordot(np.array(signs, np.float64), rates, axes=1)
        if self.unit is None:
            return total, np.full_like(total, np.nan), np.full_like(total, np.nan)
        clustered = cells.shape[1] > 2
        sizes = np.stack([effective_size(c) for c in cells]) if clustered else cells[:, 1]
        return total, *combine(signs, rates, sizes, z)

    def _values(self, failure: Failure, places: NDArray[np.intp], cells: Floats) -> Iterator[Tally]:
        """One tally per condition, from the diagonals of the counts."""
        inside, outside = cells[0].diagonal(0, 1, 2), cells[3].diagonal(0, 1, 2)
        found = self._difference([1, -1], np.stack([inside, outside]), Z)
        counts = inside[:2].T.astype(int).tolist()
        for atom, (k, n), *effect in zip(places.tolist(), counts, *_lists(*found), strict=True):
            conditions = (self.atoms.conditions[atom],)
            effect_, interval = _interval(*effect)
            yield Tally(
                failure.outcome, conditions, *self._counts(failure, k, n), None, effect_, interval
            )

    def _pairs(self, failure: Failure, places: NDArray[np.intp], cells: Floats) -> Iterator[Tally]:
        """One tally per pair on different hyperparameters that fails at least once."""
        factor = self.atoms.factor[places]
        first, second = np.nonzero(np.triu((cells[0, 0] > 0) & (factor[:, None] != factor)))
        chosen = cells[:, :, first, second]
        effects = self._difference([1, -1], np.stack([chosen[0], chosen[1:].sum(axis=0)]), Z)
        interactions = self._difference([1, -1, -1, 1], chosen, Z)
        counts = chosen[0, :2].T.astype(int).tolist()
        columns = _lists(_added(chosen), *effects, *interactions)
        for i, j, (k, n), added, *rest in zip(
            places[first].tolist(), places[second].tolist(), counts, *columns, strict=True
        ):
            yield Tally(
                failure.outcome,
                (self.atoms.conditions[i], self.atoms.conditions[j]),
                *self._counts(failure, k, n),
                None if math.isnan(added) else added,
                *_interval(*rest[:3]),
                *_interval(*rest[3:]),
            )

    def _counts(self, failure: Failure, k: int, n: int) -> tuple[int, int, int, int]:
        return k, n, int(failure.runs.sum()) - k, len(failure.runs) - n


def sum_cells(met: Mask, active: Mask, sums: Floats, is_exact: bool = False) -> Floats:
    """Sums over the trials with both, the first, the second or neither of two conditions.

    Args:
        met: Whether a trial meets a condition; (trial, condition).
        active: Whether its hyperparameter exists there; (trial, condition).
        sums: What is summed; (sum, trial).
        is_exact: Whether all 64 bits are needed. Counts stay far below 2 ** 24, up to which 32 bits
            are exact, and are faster.

    Returns:
        (cell, sum, condition, condition); of trials that have both hyperparameters. On the
        diagonal the first cell is with, and the last without, the one condition.
    """
    kind = np.float64 if is_exact else np.float32
    one, there = met.astype(kind), active.astype(kind)
    found = np.empty((4, len(sums), met.shape[1], met.shape[1]))
    for place, weight in enumerate(sums.astype(kind)[:, :, None]):
        both, first = one.T @ (one * weight), one.T @ (there * weight)
        total = there.T @ (there * weight)
        found[:, place] = both, first - both, first.T - both, total - first - first.T + both
    return found


def _added(cells: Floats) -> Floats:
    """What each pair adds; NaN where it, or a half without the other, was never observed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        both, first, second, _ = cells[:, 0] / cells[:, 1]
    # np.maximum, unlike np.fmax, keeps NaN: what is unknown must not count as no effect.
    return np.asarray(both - np.maximum(first, second))


def _lists(*columns: Floats) -> list[list[float]]:
    return [column.tolist() for column in columns]


def _interval(
    effect: float, low: float, high: float
) -> tuple[float | None, tuple[float, float] | None]:
    return None if math.isnan(effect) else effect, None if math.isnan(low) else (low, high)
