"""What changing one hyperparameter alone does, read off from trials that were observed.

Two trials are neighbours in a hyperparameter when they differ in it and in nothing else; where one
lacks a hyperparameter, so must the other.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from auditor.attribution.cause import Rescue, RescuingSet
from auditor.attribution.chance import Mask
from auditor.attribution.failures import Failure
from auditor.attribution.levels import Configurations

Bits = NDArray[np.uint64]


class Neighbours:
    """Finds exact neighbours in time linear in trials times hyperparameters.

    Every value has a fixed random 64-bit key, and a configuration is the sum of its keys (Zobrist
    1970). Less the key of one factor, it is what neighbours in that factor share. Two of 10,000
    trials share a sum by accident with probability 3e-12.
    """

    def __init__(self, configurations: Configurations) -> None:
        random = np.random.default_rng(0)
        self._configurations = configurations
        self._keys: Bits = np.zeros(configurations.codes.shape, np.uint64)
        for position, factor in enumerate(configurations.factors):
            keys = random.integers(2**64, size=len(factor.levels) + 1, dtype=np.uint64)
            self._keys[:, position] = keys[configurations.codes[:, position]]
        self._sums: Bits = self._keys.sum(axis=1, dtype=np.uint64)

    def rescues(self, failure: Failure, concerned: Mask) -> tuple[Rescue, ...]:
        """What changing each hyperparameter does to the failing trials among those concerned.

        Args:
            failure: What is to be rescued from. A neighbour that ended worse is no rescue.
            concerned: The trials under consideration; (trial,).

        Returns:
            One per hyperparameter that varies, those that rescue most first.
        """
        failing = failure.trials & concerned
        rescues = []
        for factor in np.flatnonzero(self._configurations.varied).tolist():
            worse, better = self._matched((factor,), failure, concerned)
            rescues.append(
                Rescue(
                    self._configurations.factors[factor].name,
                    int(self._has_neighbour((factor,), failing, _fine(failure)).sum()),
                    int(self._has_neighbour((factor,), failing, failure.known).sum()),
                    int(failing.sum()),
                    worse,
                    better,
                    float(binomtest(worse, worse + better).pvalue) if worse + better else None,
                )
            )
        return tuple(sorted(rescues, key=lambda rescue: -rescue.rescued))

    def sets(
        self, failure: Failure, concerned: Mask, factors: frozenset[int]
    ) -> tuple[RescuingSet, ...]:
        """The smallest sets of changes for failing trials that no single change rescues.

        Sets of two or three hyperparameters, those that rescue most first, until every trial that
        any of them rescues is covered.

        Args:
            failure: What is to be rescued from.
            concerned: The trials under consideration; (trial,).
            factors: Those of the cause: each has been changed alone, and did not help.
        """
        varied = np.flatnonzero(self._configurations.varied).tolist()
        left = failure.trials & concerned
        for factor in factors:
            left[left] = self._has_neighbour((factor,), left, failure.known)
        for factor in varied:
            left[left] = ~self._has_neighbour((factor,), left, _fine(failure))
        stuck, found = int(left.sum()), list[RescuingSet]()
        for size in (2, 3):
            rescued = {
                several: self._within(several, left, _fine(failure))
                for several in combinations(varied, size)
                if left.any()
            }
            while rescued:
                best = max(rescued, key=lambda several: int((rescued[several] & left).sum()))
                if not (more := rescued.pop(best) & left).any():
                    break
                names = tuple(self._configurations.factors[factor].name for factor in best)
                found.append(RescuingSet(names, int(more.sum()), stuck))
                left = left & ~more
        return tuple(found)

    def _within(self, factors: tuple[int, ...], trials: Mask, among: Mask) -> Mask:
        """Trials with a neighbour in some factors among others; (trial,)."""
        found = np.zeros(len(trials), bool)
        found[trials] = self._has_neighbour(factors, trials, among)
        return found

    def _matched(
        self, factors: tuple[int, ...], failure: Failure, concerned: Mask
    ) -> tuple[int, int]:
        """Sets of neighbours in which the trials concerned fail more, and less, than the others."""
        compared = failure.comparable
        _, group = np.unique(self._rest(factors)[compared], return_inverse=True)
        inside, rates = concerned[compared], failure.rates[compared]
        with np.errstate(invalid="ignore"):
            here = np.bincount(group, rates * inside) / np.bincount(group, inside)
            there = np.bincount(group, rates * ~inside) / np.bincount(group, ~inside)
        return int((here > there + 1e-9).sum()), int((here < there - 1e-9).sum())

    def _has_neighbour(self, factors: tuple[int, ...], trials: Mask, among: Mask) -> Mask:
        """Whether each of some trials has a neighbour in some factors among others; (those,)."""
        in_group = _members(self._rest(factors), among)[trials]
        at_same_level = _members(self._sums, among)[trials]
        return in_group > at_same_level

    def _rest(self, factors: tuple[int, ...]) -> Bits:
        """What trials share that differ in these factors only; (trial,)."""
        keys: Bits = self._keys[:, list(factors)].sum(axis=1, dtype=np.uint64)
        return self._sums - keys


def _fine(failure: Failure) -> Mask:
    return failure.comparable & ~failure.trials


def _members(group: Bits, among: Mask) -> NDArray[np.intp]:
    """How many of some trials are in the group of each trial; (trial,)."""
    _, number = np.unique(group, return_inverse=True)
    return np.bincount(number, among)[number].astype(np.intp)
