"""What chance alone would show over all that is looked at: maxT (Westfall and Young 1993).

Failures are dealt out anew among the trials, and the strongest condition or pair is noted each
time. What is named must be stronger than all but a few of these. However the conditions depend on
each other, the probability of naming anything where nothing matters stays below the level.
"""

from collections.abc import Iterator
from functools import cached_property
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

_GATHERED = 4
"""Kinds of trials that one product counts in the time in which one failing row is gathered; by
arithmetic, and measured at 10,000 trials with 20 to 90 conditions."""


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
        for dealt in _dealings(len(some), len(rows), pool.held(len(rows))):
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


def _dealings(trials: int, rows: int, held: int) -> Iterator[NDArray[np.intp]]:
    """Rows drawn at random without replacement, always the same; (permutation, row).

    So many permutations come at once as may be held with `held` numbers each.
    """
    random = np.random.default_rng(0)
    step = max(1, _CHUNK // max(1, trials, held))
    for start in range(0, PERMUTATIONS, step):
        order = np.tile(np.arange(trials), (min(step, PERMUTATIONS - start), 1))
        yield random.permuted(order, axis=1)[:, :rows]


class _Pool:
    """The hypotheses on some trials, and their counts under any dealing of the failures."""

    def __init__(self, atoms: Atoms, trials: Mask) -> None:
        searched = np.flatnonzero(atoms.searched)
        factor = atoms.factor[searched]
        met = atoms.met[np.ix_(trials, searched)].astype(np.float32)
        size = (met.T @ met).astype(np.float64)
        other_factor = factor[:, None] != factor
        eligible = np.triu(other_factor) | np.eye(len(factor), dtype=bool)
        places = np.nonzero(eligible & (size >= MIN_SEEN))
        self.first, self.second = (searched[place] for place in places)
        self._n = size[places]
        # A value of a conditional hyperparameter is compared only where the hyperparameter exists.
        _, column, place = np.unique(factor, return_index=True, return_inverse=True)
        active = atoms.active[np.ix_(trials, searched[column])].astype(np.float32)
        self._everywhere = bool(active.all())
        populations = tuple(place[one] for one in places)
        self._total = (active.T @ active).astype(np.float64)[populations]
        self._meeting, self._existing = _Both(met, places), _Both(active, populations)

    def held(self, rows: int) -> int:
        """Numbers that each dealing of so many rows takes up."""
        return self._meeting.held(rows)

    def strengths(
        self, rows: NDArray[np.intp], weights: NDArray[np.float32], base: float
    ) -> Floats:
        """Strength of every hypothesis when these rows fail so much more than the base.

        Args:
            rows: (permutation, row).
            weights: (row,).
            base: How much all others fail, 0 or 1.
        """
        k = base * self._n + self._meeting.weigh(rows, weights)
        if self._everywhere:
            failing: float | Floats = base * self._total + float(weights.sum(dtype=np.float64))
        else:
            failing = base * self._total + self._existing.weigh(rows, weights)
        found = strength(k, self._n, failing, self._total)
        found[k < MIN_FAILING - _ROUNDING] = 0
        return found


class _Both:
    """How much is dealt to the trials that have two properties, for many pairs of properties."""

    def __init__(self, has: NDArray[np.float32], pairs: tuple[NDArray[np.intp], ...]) -> None:
        self._has = has
        self._first, self._second = pairs
        # Trials that have the same properties count together.
        packed = np.packbits(has.astype(bool), axis=1)
        _, self._kinds, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        self._kind_of = kind.ravel()  # NumPy 2.0 gives it a second axis

    def held(self, rows: int) -> int:
        """Numbers that each dealing of so many rows takes up."""
        if self._gathers(rows):
            properties: int = self._has.shape[1]
            return properties * (rows + properties)
        return max(len(self._kinds), len(self._first))

    def weigh(self, rows: NDArray[np.intp], weights: NDArray[np.float32]) -> Floats:
        """Weight of the rows that have both; (permutation, pair).

        Args:
            rows: (permutation, row).
            weights: (row,).
        """
        if self._gathers(rows.shape[1]):
            chosen = self._has[rows]
            dealt = chosen.transpose(0, 2, 1) @ (chosen * weights[:, None])
            return dealt[:, self._first, self._second].astype(np.float64)
        count = len(self._kinds)
        places = self._kind_of[rows] + count * np.arange(len(rows))[:, None]
        dealt = np.bincount(
            places.ravel(), np.tile(weights, len(rows)), minlength=count * len(rows)
        )
        shape = (len(rows), count)
        return (dealt.reshape(shape).astype(np.float32) @ self._of_kinds).astype(np.float64)

    def _gathers(self, rows: int) -> bool:
        """Whether the rows are few among the kinds."""
        return len(self._kinds) > _GATHERED * rows

    @cached_property
    def _of_kinds(self) -> NDArray[np.float32]:
        """Whether the trials of a kind have both; (kind, pair)."""
        kinds = self._has[self._kinds]
        return kinds[:, self._first] * kinds[:, self._second]


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
