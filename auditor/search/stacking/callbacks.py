"""The callbacks of one run in a stack, driven as `Model.fit` drives them at the ends of epochs."""

import contextlib
import functools
import math
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import keras

from auditor.search.stacking.memory import Memory
from auditor.search.stacking.run_model import NotStackable, Row, RunModel, RunOptimizer
from auditor.search.steps import watches_batches

LOOKED_AT = 1000
"""How many values within a callback are looked through for parts of a model. Who keeps more of them
keeps data."""

_OTHER_HOOKS = (
    "on_test_begin",
    "on_test_end",
    "on_predict_begin",
    "on_predict_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
)

# Theirs are known: the one is called below, the other does nothing while a model is trained.
_KNOWN = (keras.callbacks.TensorBoard, keras.callbacks.ProgbarLogger)


def why_not_stackable(callback: Any) -> str | None:
    """Why a run with this callback must be trained alone, in a sentence; None where it need not."""
    name = f"The callback {type(callback).__name__}"
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        return f"{name} takes up an interrupted training again."
    if watches_batches(callback) and not _is_nan_check(callback):
        return f"{name} follows single batches."
    for hook in _OTHER_HOOKS:
        if not _is_known(callback, hook):
            return f"{name} follows an evaluation or a prediction, by `{hook}`."
    # What an earlier training left in `_model` is replaced.
    if _holds_model(value for key, value in vars(callback).items() if key != "_model"):
        return f"{name} holds a model, a layer or a variable of its own."
    return None


class RunCallbacks:
    """The callbacks of one run, called with its `RunModel` for a model.

    What one of them raises goes to the caller. `NotStackable` is to be followed by training the run
    alone, from its start and with new copies of the callbacks; anything else is a crash of the run.

    Weights that `Model.fit` changes after the last epoch (moving averages of an optimizer with
    `use_ema`) are to be set before `train_end`.

    Attributes:
        model: What the callbacks see of the run.
        stops_at_nan: Whether one of them ends the training at a loss that is no number. `Model.fit`
            leaves the rest of that epoch's batches out; here they may be trained.
    """

    def __init__(self, callbacks: Any, row: Row, epochs: int, steps: int) -> None:
        """Prepare the callbacks of a run.

        Args:
            callbacks: As `Model.fit` takes them; this run's own.
            row: The run.
            epochs: How many epochs are to be trained.
            steps: Batches in each.
        """
        own = keras.tree.flatten(callbacks) if callbacks else []
        self._own = own
        self.model = RunModel(row)
        self._steps = steps
        self._kept = _KeepLogs()
        self._list = keras.callbacks.CallbackList(
            [*own, self._kept],
            add_history=True,
            verbose=0,  # Bars of all runs at once would say nothing.
            epochs=epochs,
            steps=steps,
        )
        self._settle(self._list.set_model, self.model)
        self._nan_checks = [one for one in own if _is_nan_check(one)]
        self._boards = [one for one in own if isinstance(one, keras.callbacks.TensorBoard)]
        self.stops_at_nan = bool(self._nan_checks)
        self._memory = Memory(self._list.callbacks, self.model)

    @property
    def stopped(self) -> bool:
        """Whether the training is to end after this epoch."""
        return bool(self.model.stop_training)

    @property
    def history(self) -> keras.callbacks.History:
        """What `Model.fit` would return."""
        return self.model.history

    def train_begin(self) -> None:
        """Call before the first epoch."""
        self._settle(self._list.on_train_begin)
        self._must_go_on()
        self._memory.begin()

    def state(self) -> list[dict[str, Any]]:
        """What the callbacks remember since `train_begin`.

        Raises:
            NotResumable: They keep something that no other process could go on with.
        """
        return self._memory.state()

    def resume(self, state: list[dict[str, Any]]) -> None:
        """Go on, after `train_begin`, from what `state` gave in another process.

        Raises:
            NotResumable: The callbacks are others than those of then.
        """
        self.model.find_directions(self._list.callbacks)
        self._memory.resume(state)

    def epoch_begin(self, epoch: int) -> None:
        """Call before each epoch."""
        self._settle(self._list.on_epoch_begin, epoch)
        self._must_go_on()

    def epoch_end(self, epoch: int, logs: Mapping[str, float]) -> dict[str, float]:
        """Call after each epoch, with its metrics, those of the validation last.

        Returns:
            The metrics as the callbacks left them, in the order of `Model.fit`'s history.
        """
        self._settle(self._epoch_end, epoch, logs)
        return self._kept.logs

    def train_end(self, logs: Mapping[str, float] | None) -> None:
        """Call after the last epoch, with the metrics that `epoch_end` was called with."""
        self._settle(self._list.on_train_end, logs)

    def _epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        # The loss of each batch is a running mean, which never recovers within an epoch.
        if not math.isfinite(logs.get("loss", 0.0)):
            for check in self._nan_checks:
                check.on_batch_end(self._steps - 1, logs)
        validation = {
            name.removeprefix("val_"): logs[name]
            for name in sorted(logs)
            if name.startswith("val_")
        }
        for board in self._boards if validation else ():
            board.on_test_begin()
            board.on_test_end(validation)
        self.model.find_directions(self._list.callbacks)
        self._list.on_epoch_end(epoch, logs)

    def _settle(self, hook: Callable[..., None], *args: Any) -> None:
        hook(*args)
        if not self.model.settle():
            return
        for callback in self._own:
            if _holds_model(vars(callback).values()):
                raise NotStackable(
                    f"The callback {type(callback).__name__} keeps a part of the model for later, "
                    "where it would no longer be that of the run."
                )

    def _must_go_on(self) -> None:
        if self.stopped:
            raise NotStackable(
                "A callback stops the training before an epoch, of which `Model.fit` still trains "
                "the first batch."
            )


class _KeepLogs(keras.callbacks.Callback):
    """Keeps the logs of the epoch, into which the other callbacks write."""

    logs: dict[str, float]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep them."""
        self.logs = logs


def _is_nan_check(callback: Any) -> bool:
    # Its subclasses follow batches in ways of their own.
    return type(callback) is keras.callbacks.TerminateOnNaN


def _is_known(callback: Any, hook: str) -> bool:
    own = getattr(callback, hook, None)
    known = [getattr(kind, hook) for kind in (keras.callbacks.Callback, *_KNOWN)]
    return own is None or getattr(own, "__func__", own) in known


def _holds_model(values: Iterable[Any]) -> bool:
    """Whether parts of a model can be reached from these, other than through a `RunModel`.

    Those of another model than the one in training are not told apart: a callback may have been
    made for the model that it came with, which no run in a stack trains.
    """
    return any(_is_of_model(value) for value in islice(_reachable(values), LOOKED_AT))


def _is_of_model(value: Any) -> bool:
    # By `type`: `isinstance` takes a RunModel for a model, and makes it one.
    kinds = (keras.Layer, keras.optimizers.Optimizer)
    return issubclass(type(value), kinds) or hasattr(type(value), "assign_add")  # A variable.


def _reachable(values: Iterable[Any]) -> Iterator[Any]:
    """The values, then what containers, functions and callbacks among them hold, and so on."""
    waiting, seen = deque([values]), set()
    while waiting:
        for value in waiting.popleft():
            yield value
            if id(value) not in seen:
                seen.add(id(value))
                waiting.append(_parts(value))


def _parts(value: Any) -> Iterable[Any]:
    if type(value) in (RunModel, RunOptimizer):  # Before any `isinstance`, as above.
        return ()
    match value:
        case dict():
            return value.values()
        case list() | tuple() | set():
            return iter(value)
        case functools.partial():
            return (value.func, *value.args, *value.keywords.values())
        case types.MethodType():
            return (
                value.__func__,
                value.__self__,
                *getattr(value.__self__, "__dict__", {}).values(),
            )
        case types.FunctionType():
            return (*_cells(value), *(value.__defaults__ or ()))
    return vars(value).values() if isinstance(value, keras.callbacks.Callback) else ()


def _cells(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # Not yet filled.
            yield cell.cell_contents
