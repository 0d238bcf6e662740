"""The runs of a stack, what the callbacks of each see of it, and the state of all on the host."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from auditor.search.chunks import Dealt
from auditor.search.recorder import Execution
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.fit_call import FitCall
from auditor.search.stacking.lifting import Slot
from auditor.search.stacking.program import State
from auditor.search.structure import NotShareable

if TYPE_CHECKING:
    from auditor.search.stacking.places import Places

RunId = tuple[str, int, int]
"""Trial, execution, fold."""


@dataclass(eq=False)
class StackedRun:
    """One run that is to be trained in a stack, and what became of it.

    Attributes:
        trial_id: Of its trial.
        execution: Where its curves and best weights go.
        call: How it is trained.
        weights: What it starts from, in the order of `Model.get_weights`.
        learning_rate: What it starts with; None where a schedule decides.
        held: What its slots hold.
        build: Makes its own real model.
        train_rows, validation_rows: Which rows of the training data it trains and validates on;
            None for all, and for data of their own.
        dealt: Which chunks its validation rows are in; None without chunks.
        history: As `fit` would return it, once the run has ended.
        keeps_final_weights: Whether somebody wants them.
        final_weights: At its end, in the order of `Model.get_weights`.
        memory: What its callbacks remember at its end, as `RunCallbacks.state` gives it; None
            where nobody wants it, or it is not plain.
        error: What a callback raised.
        refused: Why it must be trained in the ordinary lane after all.
        examine: Finds out its weights, its learning rate and what its slots hold, where that was
            put off until it begins; None where they are known. Raises where it cannot be stacked.
    """

    trial_id: str
    execution: Execution
    call: FitCall
    weights: list[np.ndarray]
    learning_rate: float | None
    held: dict[Slot, float | str]
    build: Callable[[], Any]
    train_rows: np.ndarray | None = None
    validation_rows: np.ndarray | None = None
    dealt: Dealt | None = None
    history: Any = None
    keeps_final_weights: bool = True
    final_weights: list[np.ndarray] | None = None
    memory: list[dict[str, Any]] | None = None
    error: Exception | None = None
    refused: str | None = None
    examine: Callable[["StackedRun"], None] | None = None

    def get_ready(self) -> None:
        """Examine it, where that was put off; what stands in its way is in `refused` then."""
        examine, self.examine = self.examine, None
        try:
            if examine is not None:
                examine(self)
        except NotShareable as reason:
            self.refused = str(reason)
        except Exception as error:
            # It will crash again where crashes are dealt with.
            self.refused = f"its model cannot be built: {type(error).__name__}"

    @property
    def id(self) -> RunId:
        """What identifies it in its sweep."""
        return self.trial_id, self.execution.execution, self.execution.fold

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        rows = len(self.call.train) if self.train_rows is None else len(self.train_rows)
        return -(-rows // self.call.batch_size)


@dataclass
class Place:
    """A row of a stack, as `RunCallbacks` needs it: it reads and edits the state of its run."""

    table: "Places"
    at: int
    run: StackedRun
    epoch: int = 0
    callbacks: Any = None
    last_logs: dict[str, float] = field(default_factory=dict)
    has_best: bool = False

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        optimizer, at = self.table.host.optimizer, self.table.engine.program.learning_rate_at
        if at is not None:
            return float(optimizer[at][self.at])
        rate = self.table.engine.program.optimizer._learning_rate
        return float(keras.ops.convert_to_numpy(rate(optimizer[0][self.at])))

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        at = self.table.engine.program.learning_rate_at
        if at is None:
            raise TypeError("a schedule governs the learning rate of this optimizer")
        self.table.host.edit("optimizer", at, self.at, value)

    @property
    def metrics(self) -> Sequence[Any]:
        """Of a model of this structure: for their names."""
        found: Sequence[Any] = self.table.engine.program.model.metrics
        return found

    def get_weights(self) -> list[np.ndarray]:
        """The weights, in the order of `Model.get_weights`."""
        return self.table.host.weights_of(self.at)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Train on with these weights."""
        state = self.table.engine.program.start(list(weights), None)
        for name in ("weights", "others"):
            for index, value in enumerate(getattr(state, name)):
                self.table.host.edit(name, index, self.at, value)

    def optimizer_state(self) -> list[np.ndarray]:
        """The variables of the optimizer."""
        return [array[self.at].copy() for array in self.table.host.optimizer]

    def set_optimizer_state(self, state: Sequence[Any]) -> None:
        """Train on with this state."""
        for index, value in enumerate(state):
            self.table.host.edit("optimizer", index, self.at, value)

    def build(self) -> Any:
        """The run's own model."""
        return self.run.build()


@dataclass
class Absent:
    """A run that is in the way of others as it was, though nobody waits for it any more.

    It ended after what a stack goes on from was saved, and was reported. Until the moment of then
    its row stays taken: so the others train in the same rows, of the same number, as without the
    interruption.

    Attributes:
        id: What identifies it.
        epochs: How many it was to train.
        until: Epochs that the stack had trained when it ended.
        epoch: Those that it has trained itself.
    """

    id: RunId
    epochs: int
    until: int
    epoch: int = 0


class Host:
    """The state of a stack as arrays, fetched when somebody looks, sent back when edited."""

    def __init__(self, engine: Engine, state: State) -> None:
        """Look at the state of an engine's runs."""
        self._engine = engine
        self.state = state
        self._arrays: dict[tuple[str, int], np.ndarray] = {}
        self._edited: dict[tuple[str, int], set[int]] = {}

    def __getattr__(self, name: str) -> list[np.ndarray]:
        if name not in ("weights", "others", "optimizer"):
            raise AttributeError(name)
        return [self._array(name, index) for index in range(len(getattr(self.state, name)))]

    def weights_of(self, row: int) -> list[np.ndarray]:
        """The weights in a row, in the order of `Model.get_weights`."""
        trainable = [array[row].copy() for array in self.weights]
        others = [array[row].copy() for array in self.others]
        return self._engine.program.weights_of(trainable, others)

    def edit(self, name: str, index: int, row: int, value: Any) -> None:
        """Change the state of one row."""
        array = self._array(name, index)
        if (name, index) not in self._edited:
            self._arrays[name, index] = array = array.copy()
        array[row] = value
        self._edited.setdefault((name, index), set()).add(row)

    def is_edited(self, row: int) -> bool:
        """Whether the weights of a row were changed and not sent yet."""
        return any(row in rows for (name, _), rows in self._edited.items() if name != "optimizer")

    def send(self) -> None:
        """Bring what was edited to the device."""
        for name, index in self._edited:
            getattr(self.state, name)[index] = self._engine.backend.to_device(
                self._arrays[name, index]
            )
        self._edited = {}

    def _array(self, name: str, index: int) -> np.ndarray:
        key = (name, index)
        if key not in self._arrays:
            tensor = getattr(self.state, name)[index]
            self._arrays[key] = np.asarray(self._engine.backend.to_host(tensor))
        return self._arrays[key]


def state_of(engine: Engine, runs: Sequence[StackedRun]) -> tuple[State, np.ndarray]:
    """The state on the device of rows in which runs start, and what is lifted (run, slot)."""
    starts = [engine.program.start(run.weights, run.learning_rate) for run in runs]
    put = engine.backend.to_device
    state = State(
        *[
            [put(np.stack(part)) for part in zip(*[getattr(s, name) for s in starts], strict=True)]
            for name in ("weights", "others", "optimizer")
        ]
    )
    lifted = [engine.program.lifting.values(run.held) for run in runs]
    return state, np.array(lifted, np.float64)


def lifted_of(engine: Engine, lifted: np.ndarray) -> list[Any]:
    """What is lifted, from (run, slot), on the device."""
    floats = lifted.astype(keras.config.floatx())
    return [engine.backend.to_device(np.ascontiguousarray(column)) for column in floats.T]
