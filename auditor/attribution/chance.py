"""What chance alone would show over all that is looked at: maxT (Westfall and Young 1993).

Failures are dealt out anew among the trials, and the strongest condition or pair is noted each
time. What is named must be stronger than all but a few of these. However the conditions depend on
each other, the probability of naming anything where nothing matters stays below the level.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from auditor.attribution.atoms import Atoms
from auditor.attribution.thresholds import ALPHA, MIN_FAILING, MIN_SEEN, PERMUTATIONS

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ROUNDING = 1e-6
"""Sums of rates that differ by less are equal."""

_CHUNK = 4_000_000
"""Numbers held at once while failures are dealt out."""


class Chance(NamedTuple):
    """Observed strengths, and the largest that each dealing of the failures showed.

    Attributes:
        first, second: Places of the atoms; equal for a single condition; (hypothesis,).
        observed: Strength of each; (hypothesis,).
        handicap: By how much pairs must be stronger than single conditions, which are fewer: each
            kind then passes by chance about as often.
        largest: Largest strength less handicap; (permutation,), ascending.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    observed: Floats
    handicap: float
    largest: Floats

    @property
    def standing(self) -> Floats:
        """Strength of each less its handicap; (hypothesis,)."""
        return np.asarray(self.observed - self.handicap * (self.first != self.second))

    def p(self, standing: float) -> float:
        """Share of the dealings where anything stands as high, the observed one among them."""
        stronger = len(self.largest) - np.searchsorted(self.largest, standing - _ROUNDING)
        return float((1 + stronger) / (1 + len(self.largest)))

    def critical(self, level: float) -> float:
        """What no more than this share of the dealings reach."""
        return _quantile(self.largest, level) + 2 * _ROUNDING


def deal(atoms: Atoms, rates: Floats, trials: Mask, is_first: bool = True) -> Chance:
    """Strengths of all single conditions and pairs among some trials, observed and by chance.

    Args:
        atoms: All conditions.
        rates: Share of the runs of each trial that fail; (trial,).
        trials: Those that are compared; (trial,).
        is_first: Whether no cause was found before. Afterwards there is no handicap: with noise,
            what is left of one cause makes single values of others look like more.
    """
    pool = _Pool(atoms, trials)
    some = rates[trials]
    # The rarer of failing and not failing is counted: the fewer rows, the faster.
    base = 1.0 if some.sum() > len(some) / 2 else 0.0
    rows = np.flatnonzero(some != base)
    weights = (some[rows] - base).astype(np.float32)
    observed = pool.strengths(rows[None], weights, base)[0]
    pairs = pool.first != pool.second
    largest = np.zeros((2, PERMUTATIONS))
    if observed.any():
        start = 0
        for dealt in _dealings(len(some), len(rows), pool.size):
            found = pool.strengths(dealt, weights, base)
            for kind, some in zip(largest, (found[:, ~pairs], found[:, pairs]), strict=True):
                kind[start : start + len(dealt)] = some.max(axis=1, initial=0)
            start += len(dealt)
    singles, doubles = (_quantile(np.sort(kind), ALPHA) for kind in largest)
    handicap = max(0.0, doubles - singles) if is_first else 0.0
    together = np.sort(np.maximum(largest[0], largest[1] - handicap))
    return Chance(pool.first, pool.second, observed, handicap, together)


def _quantile(ascending: Floats, level: float) -> float:
    """What no more than this share reaches, the observed one among them."""
    reach = max(0, int(level * (1 + len(ascending))) - 1)
    return float(ascending[len(ascending) - 1 - reach])


def count_hypotheses(atoms: Atoms) -> int:
    """How many single conditions and pairs are looked at."""
    return len(_Pool(atoms, np.ones(len(atoms.met), bool)).first)


def _dealings(trials: int, rows: int, size: int) -> Iterator[NDArray[np.intp]]:
    """Rows drawn at random without replacement, always the same; (permutation, row)."""
    random = np.random.default_rng(0)
    step = max(1, _CHUNK // max(1, trials, size * (rows + size)))
    for start in range(0, PERMUTATIONS, step):
        order = np.tile(np.arange(trials), (min(step, PERMUTATIONS - start), 1))
        yield random.permuted(order, axis=1)[:, :rows]


class _Pool:
    """The hypotheses on some trials, and their counts under any dealing of the failures."""

    def __init__(self, atoms: Atoms, trials: Mask) -> None:
        searched = np.flatnonzero(atoms.searched)
        factor = atoms.factor[searched]
        self._met = atoms.met[np.ix_(trials, searched)].astype(np.float32)
        self.size = self._met.shape[1]
        size = (self._met.T @ self._met).astype(np.float64)
        other_factor = factor[:, None] != factor
        eligible = np.triu(other_factor) | np.eye(self.size, dtype=bool)
        self._places = np.nonzero(eligible & (size >= MIN_SEEN))
        self.first, self.second = (searched[place] for place in self._places)
        self._n = size[self._places]
        # A value of a conditional hyperparameter is compared only where the hyperparameter exists.
        _, column, place = np.unique(factor, return_index=True, return_inverse=True)
        self._active = atoms.active[np.ix_(trials, searched[column])].astype(np.float32)
        self._everywhere = bool(self._active.all())
        self._populations = tuple(place[places] for places in self._places)
        population = (self._active.T @ self._active).astype(np.float64)
        self._total = population[self._populations]

    def strengths(
        self, rows: NDArray[np.intp], weights: NDArray[np.float32], base: float
    ) -> Floats:
        """Strength of every hypothesis when these rows fail so much more than the base.

        Args:
            rows: (permutation, row).
            weights: (row,).
            base: How much all others fail, 0 or 1.
        """
        k = base * self._n + _counts(self._met, rows, weights)[:, self._places[0], self._places[1]]
        if self._everywhere:
            failing: float | Floats = base * len(self._met) + float(weights.sum(dtype=np.float64))
        else:
            counts = _counts(self._active, rows, weights)
            failing = base * self._total + counts[:, self._populations[0], self._populations[1]]
        found = strength(k, self._n, failing, self._total)
        found[k < MIN_FAILING - _ROUNDING] = 0
        return found


def _counts(
    met: NDArray[np.float32], rows: NDArray[np.intp], weights: NDArray[np.float32]
) -> Floats:
    """Weight of the rows that meet two conditions; (permutation, condition, condition)."""
    chosen = met[rows]
    return np.asarray(chosen.transpose(0, 2, 1) @ (chosen * weights[:, None]), np.float64)


def strength(
    failing: Floats, size: Floats, all_failing: Floats | float, total: Floats | float
) -> Floats:
    """How surely more fail inside than outside: the signed root of the likelihood ratio.

    On the scale of a standard normal, and finite where all or none fail. The hypergeometric z
    would favour the smallest cells: three of three count there as much as 13 of 36.
    """
    k, n = failing, size
    inside, outside = (k, n - k), (all_failing - k, total - n - all_failing + k)
    margins = (n, total - n, all_failing, total - all_failing)
    ratio = sum(map(_nlogn, (*inside, *outside))) - sum(map(_nlogn, margins)) + _nlogn(total)
    return np.where(k * total > n * all_failing, np.sqrt(2 * np.maximum(ratio, 0)), 0.0)


def _nlogn(count: Floats | float) -> Floats:
    positive = np.maximum(count, 0)
    return np.asarray(xlogy(positive, positive))
