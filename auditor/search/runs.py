"""The runs of a trial: how many, with which seeds, and on which part of the data each trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import numpy as np

from auditor.errors import SearchError
from auditor.search import facts
from auditor.search.folds import Fold, folds, row_count, take
from auditor.search.recorder import Execution

_ROWS = ("x", "y", "sample_weight")
"""Arguments of `fit` with one entry per row."""


def begin_run(trial_id: str, sweep_seed: int, place: int, folds: int = 0) -> Execution:
    """Start a run of a trial.

    Args:
        trial_id: The trial.
        sweep_seed: The seed of the whole search.
        place: How many runs of the trial came before: all folds of an execution, then the next.
        folds: Folds of each execution; 0 without cross-validation.
    """
    execution, fold = divmod(place, max(1, folds))
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return Execution(execution, run_seed(sweep_seed, trial_id, execution, fold), started, fold)


def run_seed(sweep_seed: int, trial_id: str, execution: int, fold: int) -> int:
    """What all random numbers of a run are drawn from: it belongs to the run, not to its place."""
    words = [sweep_seed, crc32(trial_id.encode()), execution, fold]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


@dataclass(frozen=True)
class CrossValidation:
    """How the data of a sweep are split.

    One split serves the whole sweep: trials are then compared on the same folds, and executions
    differ in nothing but the seed of their training.

    Attributes:
        count: Folds; 0 for none.
        stratify: Whether each fold has its share of every class.

    Raises:
        ValueError: A number of folds that is none, or classes to stratify without folds.
    """

    count: int = 0
    stratify: bool = False

    def __post_init__(self) -> None:
        """Validate."""
        whole = isinstance(self.count, int) and not isinstance(self.count, bool)
        if not whole or (self.count != 0 and self.count < 2):
            raise ValueError(
                f"cross_validation is a number of folds from 2, or 0 for none; got {self.count!r}"
            )
        if self.stratify and not self.count:
            raise ValueError("stratify=True needs folds; say cross_validation=5, or leave it out")

    def split(
        self, seed: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Fold, ...]:
        """The folds of the data; none without cross-validation.

        Args:
            seed: Of the sweep.
            args: Arguments of `fit` by place.
            kwargs: Those by name.

        Raises:
            SearchError: The data are not arrays, or already split.
        """
        if not self.count:
            return ()
        given = facts.by_name(args, kwargs)
        if given.get("validation_data") is not None or given.get("validation_split"):
            raise SearchError(
                "cross-validation makes the validation data itself; give search() all rows as x "
                "and y, and neither validation_data nor validation_split"
            )
        if missing := [name for name in ("x", "y") if given.get(name) is None]:
            raise SearchError(
                f"cross-validation splits x and y, and search() got no {' and no '.join(missing)}; "
                "pass both as arrays"
            )
        try:
            row_count({name: given[name] for name in _ROWS if given.get(name) is not None})
            return tuple(folds(given["y"], self.count, seed, self.stratify))
        except ValueError as error:
            raise SearchError(f"cross-validation cannot split the data: {error}") from error


def arguments_of(
    fold: Fold, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `fit` for one fold, given those for all rows."""
    given = facts.by_name(args, kwargs)
    parts = {name: given[name] for name in _ROWS if given.get(name) is not None}
    given |= {name: take(part, fold.train) for name, part in parts.items()}
    given["validation_data"] = tuple(take(part, fold.validation) for part in parts.values())
    # By place stays by place: a HyperModel's own `fit` may have other names for them.
    by_place = facts.FIT_ARGUMENTS[: len(args)]
    named = {name: value for name, value in given.items() if name not in by_place}
    return tuple(given[name] for name in by_place), named
