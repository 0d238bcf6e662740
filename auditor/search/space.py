"""Search spaces: what a build reads, all combinations, and which of them were tried."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import keras_tuner

from auditor.files import Json

Values = dict[str, Json]

MOST_VALUES = 100_000
"""A range of more values than this is taken as continuous: no search exhausts it."""


class TracedHyperParameters(keras_tuner.HyperParameters):
    """Hyperparameters that remember which of their values were read.

    A build that reads `units_2` only where `layers` is 3 leaves a value of it in the table that
    means nothing where `layers` is 1.

    Attributes:
        read: Names whose values were asked for.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        super().__init__()
        self.read: set[str] = set()
        self._tracing = True

    @classmethod
    def of(cls, hyperparameters: keras_tuner.HyperParameters) -> "TracedHyperParameters":
        """A traced copy."""
        traced: TracedHyperParameters = cls.from_config(hyperparameters.get_config())
        return traced

    def copy(self) -> "TracedHyperParameters":
        """A copy whose reads count as reads of the original."""
        other = self.of(self)
        other.read = self.read
        return other

    def get(self, name: str) -> Json:
        """The value of a hyperparameter, as in KerasTuner."""
        value = super().get(name)
        self._note(self._get_name(name))
        return value

    @contextmanager
    def untraced(self) -> Iterator[None]:
        """Reads by the search itself, which do not count."""
        self._tracing = False
        try:
            yield
        finally:
            self._tracing = True

    def _retrieve(self, hp: Any) -> Json:
        value = super()._retrieve(hp)
        if self.is_active(hp):
            self._note(hp.name)
        return value

    def _note(self, name: str) -> None:
        if self._tracing:
            self.read.add(name)


def grid_values(hp: Any) -> list[Json]:
    """The values a grid tries for one hyperparameter, its default first, as in KerasTuner."""
    values = list(hp.values)
    if getattr(hp, "step", 1) is None:
        values.sort()
    return list({_key(value): value for value in [hp.default, *values]}.values())


def finite_values(hp: Any) -> list[Json] | None:
    """All values that a random draw can give, or None where they are continuous."""
    if getattr(hp, "step", 1) is not None:
        too_many = hasattr(hp, "step") and hp._get_n_values() > MOST_VALUES
        return None if too_many else grid_values(hp)
    if type(hp).__name__ == "Int" and hp.max_value - hp.min_value < MOST_VALUES:
        return list(range(hp.min_value, hp.max_value + 1))
    return None


def combinations(
    space: list[Any], values_of: Callable[[Any], list[Json]], slow: frozenset[str] = frozenset()
) -> Iterator[Values]:
    """Every combination of active values; the last hyperparameter changes fastest.

    Args:
        space: Hyperparameters, parents before children.
        values_of: What one of them is tried at; a name may have other values in another scope.
        slow: Names without a parent or a namesake that should change slowest.
    """
    namesakes = Counter(hp.name for hp in space)
    first = [hp for hp in space if hp.name in slow and not hp.conditions and namesakes[hp.name] < 2]
    order = first + [hp for hp in space if hp not in first]
    tried = [values_of(hp) for hp in order]

    def extend(position: int, chosen: Values) -> Iterator[Values]:
        while position < len(order) and not _applies(order[position], chosen):
            position += 1
        if position == len(order):
            yield dict(chosen)
            return
        for value in tried[position]:
            yield from extend(position + 1, {**chosen, order[position].name: value})

    return extend(0, {})


def count_combinations(space: list[Any], values_of: Callable[[Any], list[Json]], limit: int) -> int:
    """Number of combinations, counted one by one only where hyperparameters are conditional."""
    if not any(hp.conditions for hp in space):
        return math.prod(len(values_of(hp)) for hp in space)
    return sum(1 for _ in islice(combinations(space, values_of), limit))


def _applies(hp: Any, chosen: Values) -> bool:
    return hp.name not in chosen and all(c.is_active(chosen) for c in hp.conditions)


class Tried:
    """Which configurations were handed out, up to values that a build never reads.

    A build is a function of what it reads: a configuration that agrees with an earlier trial on
    everything which that trial's build read would be built, and trained, the same. A value that no
    build has ever read counts as read: it may be used in a way that leaves no trace.
    """

    def __init__(self) -> None:
        """Start with nothing tried."""
        self._values: dict[str, Values] = {}
        self._read: dict[str, frozenset[str] | None] = {}
        self._required: dict[str, frozenset[str]] = {}
        self.ever_read: frozenset[str] = frozenset()
        self._index: dict[frozenset[str], Counter[str]] = {}
        self._entries: dict[str, tuple[frozenset[str], str]] = {}

    def __len__(self) -> int:
        """Number of trials."""
        return len(self._values)

    def add(self, trial_id: str, values: Values, read: frozenset[str] | None = None) -> bool:
        """Note a trial, or what its build turned out to read (None: not built yet).

        Returns:
            Whether names were read that never were before.
        """
        self._values[trial_id] = dict(values)
        self._read[trial_id] = read or None
        news = (read or frozenset()) - self.ever_read
        self.ever_read |= news
        if news:
            self._reindex()
        else:
            self._enter(trial_id)
        return bool(news)

    def require(self, names: frozenset[str]) -> None:
        """From now on earlier trials match nothing that has one of these new names."""
        for trial_id in self._values:
            self._required[trial_id] = self._required.get(trial_id, frozenset()) | names
        self._reindex()

    def covers(self, values: Values) -> bool:
        """Whether a configuration would repeat an earlier trial."""
        return any(
            names <= values.keys() and _joint_key(values, names) in seen
            for names, seen in self._index.items()
        )

    def _reindex(self) -> None:
        self._index, self._entries = {}, {}
        for trial_id in self._values:
            self._enter(trial_id)

    def _enter(self, trial_id: str) -> None:
        """Index a trial by what makes it what it is, in place of what was thought before."""
        if trial_id in self._entries:
            names, key = self._entries.pop(trial_id)
            self._index[names][key] -= 1
            if not self._index[names][key]:
                del self._index[names][key]
        values, read = self._values[trial_id], self._read[trial_id]
        names = frozenset(values)
        if read is not None:
            names -= self.ever_read - read
        names |= self._required.get(trial_id, frozenset())
        if names <= values.keys():
            key = _joint_key(values, names)
            self._entries[trial_id] = (names, key)
            self._index.setdefault(names, Counter())[key] += 1


def _joint_key(values: Values, names: frozenset[str]) -> str:
    return json.dumps([[name, values[name]] for name in sorted(names)], default=repr)


def _key(value: Json) -> str:
    return json.dumps(value, default=repr)
