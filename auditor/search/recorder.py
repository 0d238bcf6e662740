"""What one run of a trial leaves behind: its curves and its best weights."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import keras_tuner
import numpy as np

from auditor.files import Json
from auditor.scoring import UNREGULARISED
from auditor.search.clean import CleanTraining
from auditor.search.losses import penalises_activity

if TYPE_CHECKING:
    from auditor.search.validation_watch import ValidationWatch

LEARNING_RATE = "learning_rate"


@dataclass
class Execution:
    """One training of a trial, as it goes on: an execution, or with folds one fold of it.

    Attributes:
        execution: Its number, from 0.
        seed: What all random numbers of it were drawn from.
        started: ISO 8601 time.
        fold: Its cross-validation fold, from 0; 0 where there are none.
        lane: How it was trained: "fit" or "stacked".
        stack: Which stack trained it; None outside of stacks.
        epochs: Metrics per epoch, in the order of training.
        seconds: Wall time per epoch.
        returned: What the training returned in place of a history: single values, or None.
        best_value: Best finite objective so far.
        best_weights: The weights of that epoch, from `model.get_weights()`.
        weights_file: Where another process has written them in their place.
        model: The model that was trained.
        build_config: What Keras needs to build the model before it can load weights.
        error: The traceback of a crash.
        total_seconds: Wall time from building the model to the end.
        model_facts: What its model is made of, from `describe`; None where nobody saw it.
        chunks: Means over the rows of each validation chunk by metric, (epoch, chunk); NaN for
            epochs without. They end with the last epoch that has some.
        chunk_rows: Validation rows in each chunk.
        chunk_digest: Of what was dealt out; see `auditor.search.chunks.Dealt`.
        why_no_chunks: Why there are none, as a clause that goes after "because".
        losses: Of each validation row at the best epoch, where the search asks for them.
        why_no_losses: Why there are none, as such a clause.
    """

    execution: int
    seed: int
    started: str
    fold: int = 0
    lane: str = "fit"
    stack: str | None = None
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    returned: dict[str, float] | None = None
    best_value: float | None = None
    best_weights: list[Any] | None = None
    weights_file: Path | None = None
    model: Any = None
    build_config: dict[str, Any] | None = None
    error: str | None = None
    total_seconds: float | None = None
    model_facts: dict[str, Json] | None = None
    chunks: dict[str, np.ndarray] = field(default_factory=dict)
    chunk_rows: tuple[int, ...] = ()
    chunk_digest: str = ""
    why_no_chunks: str | None = None
    losses: np.ndarray | None = None
    why_no_losses: str | None = None

    def takes_lead(self, row: dict[str, float], objective: keras_tuner.Objective) -> bool:
        """Whether an epoch is the best so far; the next one has to be better.

        Args:
            row: Its metrics, the unregularised validation loss among them where there is one.
            objective: Chooses.
        """
        if not objective.has_value(row):
            return self.best_value is None
        ranking = {**row, "val_loss": row[UNREGULARISED]} if UNREGULARISED in row else row
        value = float(objective.get_value(ranking))
        best = self.best_value
        if not np.isfinite(value) or (best is not None and not objective.better_than(value, best)):
            return False
        self.best_value = value
        return True


class Recorder(keras.callbacks.Callback):
    """Writes each epoch down and keeps the weights of the best one.

    The best epoch is the first with the best finite value of the objective: a NaN never wins, and
    never hides a later number. Where the objective is not among the logs (it is computed after the
    training, by code of the user's) the last epoch is kept.

    Code that trains more than once in an execution (frozen, then fine-tuned; or a model per fold)
    leaves one long row of epochs, and the best of them all is kept with the model it belongs to.
    """

    def __init__(
        self,
        objective: keras_tuner.Objective,
        execution: Execution,
        clean: CleanTraining | None = None,
        notes: Callable[[int, int], None] | None = None,
        watch: "ValidationWatch | None" = None,
    ) -> None:
        """Record into `execution`, choosing the epoch by `objective`.

        Args:
            objective: Of the search.
            execution: Where to.
            clean: What measures training metrics again after each epoch; None for not at all.
            notes: Called after each epoch with how many there were, and how many there may be, 0
                where that is not known; None for nobody.
            watch: Records chunks; None for no chunks.
        """
        super().__init__()
        self._watch = watch
        self._clean = clean
        self._notes = notes
        self._objective = objective
        self._execution = execution
        self._begun = time.monotonic()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Recorder":
        """Itself: code that copies its callbacks for each training still trains this execution."""
        return self

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Watch the validation. `fit` calls this, and no other evaluation does."""
        if self._watch is not None:
            self._watch.begin(self.model)

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Take what the validation has shown."""
        if self._watch is not None:
            self._watch.end(self.model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write the metrics down; keep the weights if they are the best so far."""
        row = scalars(logs or {})
        now = time.monotonic()
        self._execution.seconds.append(now - self._begun)
        self._execution.epochs.append(row)
        self._begun = now  # A loop of the user's may never call on_epoch_begin.
        row |= {name: value for name, value in self._extras(row).items() if name not in row}
        if self._watch is not None:
            self._watch.note_epoch()
        if self.model is not None and self._execution.takes_lead(row, self._objective):
            self._execution.model = self.model
            self._execution.best_weights = self.model.get_weights()
        if self._notes is not None:
            self._notes(len(self._execution.epochs), int((self.params or {}).get("epochs") or 0))

    def _extras(self, row: dict[str, float]) -> dict[str, float]:
        """The learning rate, the validation loss without regularisation, and clean metrics."""
        extras = {}
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        if rate is not None:
            extras = scalars({LEARNING_RATE: rate})
        # Only Keras's own evaluation is sure to add the terms; `fit` alone sets params.
        if self.params and "val_loss" in row and _evaluates_as_keras(self.model):
            penalty = regularisation(self.model)
            if penalty is not None:
                extras[UNREGULARISED] = row["val_loss"] - penalty
        if self._clean is not None:
            # Here, and not in the logs: for Keras and KerasTuner these are no metrics.
            extras |= scalars(self._clean.measure(self.model, row))
        return extras


def scalars(logs: Mapping[str, Any]) -> dict[str, float]:
    """The single numbers among the logs of an epoch."""
    row = {}
    for name, value in logs.items():
        if isinstance(value, str | bytes):
            continue
        try:
            # Anything may be among the logs of a callback: ragged lists, huge integers.
            if np.ndim(value) == 0:
                row[name] = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
    return row


def _evaluates_as_keras(model: Any) -> bool:
    """Whether the loss of a model is put together by Keras."""
    own = ("test_step", "compute_loss")
    return all(getattr(type(model), name) is getattr(keras.Model, name) for name in own)


def regularisation(model: Any) -> float | None:
    """The weight penalties in the loss of this epoch's weights; None where there are none.

    None also where activities are penalised: less only a part, the loss is not what it is called.
    """
    if penalises_activity(model):
        return None
    terms = [
        variable.regularizer(variable)
        for variable in model.trainable_variables
        if getattr(variable, "regularizer", None) is not None
    ]
    return float(sum(float(term) for term in terms)) if terms else None
