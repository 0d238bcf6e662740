"""What changing one hyperparameter alone does, read off from trials that were observed.

Two trials are neighbours in a hyperparameter when they differ in it and in nothing else; where one
lacks a hyperparameter, so must the other.
"""

import numpy as np
from numpy.typing import NDArray

from auditor.attribution.cause import Rescue
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

    def rescues(self, failure: Failure, concerned: NDArray[np.bool_]) -> tuple[Rescue, ...]:
        """What changing each hyperparameter does to the failing trials among those concerned.

        Args:
            failure: What is to be rescued from. A neighbour that ended worse is no rescue.
            concerned: The trials under consideration; (trial,).

        Returns:
            One per hyperparameter that varies, those that rescue most first.
        """
        failing = failure.trials & concerned
        fine = failure.comparable & ~failure.trials
        rescues = [
            Rescue(
                self._configurations.factors[factor].name,
                int(self._has_neighbour(factor, failing, fine).sum()),
                int(self._has_neighbour(factor, failing, failure.known).sum()),
                int(failing.sum()),
            )
            for factor in np.flatnonzero(self._configurations.varied).tolist()
        ]
        return tuple(sorted(rescues, key=lambda rescue: -rescue.rescued))

    def _has_neighbour(
        self, factor: int, trials: NDArray[np.bool_], among: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Whether each of some trials has a neighbour in this factor among others; (those,)."""
        rest = self._sums - self._keys[:, factor]
        in_group = _members(rest, among)[trials]
        at_same_level = _members(self._sums, among)[trials]
        return in_group > at_same_level


def _members(group: Bits, among: NDArray[np.bool_]) -> NDArray[np.intp]:
    """How many of some trials are in the group of each trial; (trial,)."""
    _, number = np.unique(group, return_inverse=True)
    return np.bincount(number, among)[number].astype(np.intp)
