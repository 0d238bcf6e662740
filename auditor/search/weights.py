"""Weight files: those of the best trials stay, all others go."""

import math
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def save_weights(model: Any, weights: list[Any], file: Path) -> None:
    """Write weights in Keras's format, whole or not at all.

    Args:
        model: A model of their structure; it keeps them.
        weights: From `model.get_weights()`.
        file: Where to, with a name that Keras accepts.
    """
    model.set_weights(weights)
    temporary = file.with_name(f".{secrets.token_hex(4)}.{file.name}")
    try:
        model.save_weights(str(temporary))
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


class KeptWeights:
    """Keeps weight files for the best trials only.

    Until the search ends, a trial counts among the best by its score or by its objective alone:
    the final score lies between the two.
    """

    def __init__(self, keep: int) -> None:
        """Keep the weights of at most `keep` trials; -1 keeps all."""
        self.keep = keep
        self._numbers: dict[str, tuple[float, ...]] = {}
        self._files: dict[str, Path] = {}

    def wants(self, trial_id: str, numbers: tuple[float, ...]) -> bool:
        """Whether a trial is among the best so far.

        Args:
            trial_id: The trial.
            numbers: Score and bare objective, small is good.
        """
        if not any(math.isfinite(number) for number in numbers):
            return False
        return self.keep < 0 or self._is_best({**self._numbers, trial_id: numbers}, trial_id)

    def add(self, trial_id: str, numbers: tuple[float, ...], file: Path) -> None:
        """Note a weight file, and remove those that have dropped out."""
        self.note(trial_id, numbers, file)
        if self.keep >= 0:
            for other in [t for t in self._files if not self._is_best(self._numbers, t)]:
                self.remove(other)

    def note(self, trial_id: str, numbers: tuple[float, ...], file: Path) -> None:
        """Note a weight file of an earlier search: to look at a search must not change it."""
        self._numbers[trial_id] = numbers
        self._files[trial_id] = file

    def keep_only(self, trials: Iterable[str]) -> None:
        """Remove the weights of all other trials."""
        wanted = set(trials)
        for other in [trial for trial in self._files if trial not in wanted]:
            self.remove(other)

    def remove(self, trial_id: str) -> None:
        """Remove the weights of one trial, and of its other runs."""
        file = self._files.pop(trial_id)
        for one in (file, *file.parent.glob(f"*-*.{file.name}")):
            one.unlink(missing_ok=True)
        self._numbers.pop(trial_id)

    def _is_best(self, numbers: Mapping[str, tuple[float, ...]], trial_id: str) -> bool:
        mine = numbers[trial_id]
        better = [sum(other[i] < mine[i] for other in numbers.values()) for i in (0, 1)]
        return min(better) < self.keep
