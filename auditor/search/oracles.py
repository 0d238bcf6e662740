"""Oracles: which configuration to try next."""

import random
from collections.abc import Iterator
from typing import Any

import keras_tuner

from auditor.files import Json
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.space import (
    Values,
    combinations,
    count_combinations,
    finite_values,
    grid_values,
)

COUNT_LIMIT = 100_000
"""Combinations are enumerated up to here where a search wants to know how many there are."""


class GridOracle(RecordingOracle, keras_tuner.oracles.GridSearchOracle):
    """Every combination of values; the last hyperparameter changes fastest, defaults come first."""

    sampler = "grid"

    def __init__(self, **kwargs: Any) -> None:
        """As in KerasTuner."""
        super().__init__(**kwargs)
        self._candidates: Iterator[Values] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For a copy: another iterator comes to the same, since what was tried is left out."""
        return {**vars(self), "_candidates": None}

    def _next_values(self) -> Values | None:
        if self._candidates is None:
            self._candidates = self._all()
        return next((v for v in self._candidates if not self._tried.covers(v)), None)

    def _all(self) -> Iterator[Values]:
        space = self.hyperparameters.space
        # Names that no build has read yet may turn out to be read in some branch only: tried last,
        # they cost no repeats.
        read = self._tried.ever_read
        slow = frozenset(hp.name for hp in space) - read if read else frozenset()
        return combinations(space, grid_values, slow)

    def _space_changed(self) -> None:
        super()._space_changed()
        self._candidates = None

    def _size(self) -> int | None:
        return count_combinations(self.hyperparameters.space, grid_values, COUNT_LIMIT)

    def end_trial(self, *args: Any, **kwargs: Any) -> None:
        """End a trial, without the queue that KerasTuner's grid keeps."""
        keras_tuner.Oracle.end_trial(self, *args, **kwargs)


class RandomOracle(RecordingOracle, keras_tuner.oracles.RandomSearchOracle):
    """Independent draws without repetition; a finite space is exhausted to the last one."""

    sampler = "random"

    def __init__(self, **kwargs: Any) -> None:
        """As in KerasTuner."""
        super().__init__(**kwargs)
        self._remaining: list[Values] | None = None

    def _next_values(self) -> Values | None:
        if self._remaining is None:
            # Each trial so far can be hit once more than the usual patience allows for: after a
            # kill the stored state of the generator may lie a few trials back.
            for _ in range(self._max_collisions + len(self._tried)):
                values = self._draw()
                if not self._tried.covers(values):
                    return values
            self._remaining = self._rest()
        while self._remaining:
            values = self._remaining.pop()
            if not self._tried.covers(values):
                return values
        return None

    def _draw(self) -> Values:
        chosen: Values = {}
        for hp in self.hyperparameters.space:
            if hp.name not in chosen and all(c.is_active(chosen) for c in hp.conditions):
                chosen[hp.name] = hp.random_sample(self._seed_state)
                self._seed_state += 1
        return chosen

    def _rest(self) -> list[Values]:
        """What is left of a finite space, in random order; nothing of a continuous one."""
        if (self._size() or COUNT_LIMIT) >= COUNT_LIMIT:
            return []
        every = combinations(self.hyperparameters.space, _listed)
        rest = [values for values in every if not self._tried.covers(values)]
        random.Random(self._seed_state).shuffle(rest)
        return rest

    def _space_changed(self) -> None:
        super()._space_changed()
        self._remaining = None

    def _size(self) -> int | None:
        space = self.hyperparameters.space
        if any(finite_values(hp) is None for hp in space):
            return None
        return count_combinations(space, _listed, COUNT_LIMIT)


def _listed(hp: Any) -> list[Json]:
    return finite_values(hp) or []
