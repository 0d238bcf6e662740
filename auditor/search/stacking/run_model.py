"""What the callbacks of one run in a stack see in place of a Keras model."""

from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

import keras
import numpy.typing as npt

Arrays = list[npt.NDArray[Any]]

REFUSED = {
    "compile",
    "fit",
    "get_metrics_result",
    "make_train_function",
    "metrics",
    "reset_metrics",
    "train_function",
    "train_on_batch",
    "train_step",
}
"""What no real model of one run could answer: its training goes on elsewhere."""

_NOT_SETTABLE = REFUSED | {"loss", "optimizer", "steps_per_execution"}
"""With all that the class of a model defines; the rest is the callbacks' own, as on any object."""

_ABSENT = {"jax_state_sync", "optimizers"}
"""Keras asks for them at each use, and they must not cost a model. A stack's state is always in
sync, and its optimizer is a single one."""


class NotStackable(Exception):  # noqa: N818 - not a mistake of anybody's
    """A callback needs of its model what a run in a stack cannot give: train the run alone."""


class Row(Protocol):
    """One run's place in a stack, as the training loop gives it.

    Attributes:
        learning_rate: Of the next step. Setting it raises a TypeError where a schedule governs it.
    """

    learning_rate: float

    @property
    def metrics(self) -> Sequence[Any]:
        """`Model.metrics` of any model of this structure that has been built: read for names."""

    def get_weights(self) -> Arrays:
        """The weights now, in the order of `Model.get_weights`."""

    def set_weights(self, weights: Arrays) -> None:
        """Train on with these."""

    def optimizer_state(self) -> Arrays:
        """The optimizer's state now, in the order of its `variables`: the learning rate too."""

    def set_optimizer_state(self, state: Arrays) -> None:
        """Train on with this."""

    def build(self) -> Any:
        """The run's own model, compiled, made anew; of no matter which state."""


class RunModel:
    """One run of a stack, looking like the model that callbacks expect.

    Weights, the learning rate, `stop_training` and `history` cost little. Anything else, such as
    `predict`, `layers`, `save` or `isinstance`, makes the run's own real model when it is first
    asked for, loads the run's state into it, and asks that. What a hook changes in it is carried
    back when the hook has returned, by `settle`.

    So it is right during a hook, not between two: a callback must not keep a layer, variable or
    bound method of it for later. `type` tells it from a model, `isinstance` does not.

    Attributes:
        stop_training: Whether a callback asked for that.
        history: The `History` of the run.
    """

    def __init__(self, row: Row) -> None:
        """See the run at `row`."""
        self.stop_training = False
        self.history: Any = None
        # Not by assignment, which is looked at below.
        vars(self).update(_row=row, _real=None, _loaded=None, _refusal=None, _shows_metrics=False)
        vars(self).update(_optimizer=RunOptimizer(self, row))

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        # TensorBoard decides by its name whether a model can be drawn.
        return type(self._materialised())

    @property
    def optimizer(self) -> Any:
        """The run's optimizer."""
        return self._optimizer

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [metric.name for metric in self._row.metrics]

    def get_weights(self) -> Arrays:
        """The weights now."""
        weights: Arrays = (self._row if self._loaded is None else self._real).get_weights()
        return weights

    def set_weights(self, weights: Arrays) -> None:
        """Train on with these weights."""
        (self._row if self._loaded is None else self._real).set_weights(weights)

    def find_directions(self, callbacks: Sequence[Any]) -> None:
        """Let callbacks of Keras look up which way their metric is better.

        They ask the metrics of a model, of which a stack has but one: its names and directions are
        right for each run, its values for none. So only they may see it.
        """
        vars(self)["_shows_metrics"] = True
        try:
            for callback in callbacks:
                if hasattr(callback, "_set_monitor_op") and callback.monitor_op is None:
                    callback._set_monitor_op()
        finally:
            vars(self)["_shows_metrics"] = False

    def settle(self) -> bool:
        """Carry back to the run what the hooks that just ran have changed.

        Returns:
            Whether they were given something that will no longer be the run's: its real model, or
            the variable of its learning rate.

        Raises:
            NotStackable: If they changed what a stack cannot follow, or hid an earlier refusal.
        """
        if self._refusal is not None:  # A callback may catch any exception.
            raise self._refusal
        was_loaded = self._loaded is not None
        if was_loaded:
            self._settle_real()
        return bool(self._optimizer.settle()) or was_loaded

    def _settle_real(self) -> None:
        before, after = self._loaded, _Loaded.of(self._real)
        vars(self)["_loaded"] = None
        if after.config != before.config:
            raise NotStackable(
                "A callback changes an attribute of a layer, such as `trainable` or a rate, which "
                "the program that trains the stack has compiled in."
            )
        if not _same(after.weights, before.weights):
            self._row.set_weights(after.weights)
        if not _same(after.state, before.state):
            self._row.set_optimizer_state(after.state)
        self.stop_training = self.stop_training or self._real.stop_training

    def _materialised(self) -> Any:
        """The real model, with the state of the run; made at first use."""
        if self._loaded is None:
            self._optimizer.flush()
            real = self._row.build() if self._real is None else self._real
            real.set_weights(self._row.get_weights())
            if not real.optimizer.built:
                real.optimizer.build(real.trainable_variables)
            for variable, value in zip(
                real.optimizer.variables, self._row.optimizer_state(), strict=True
            ):
                variable.assign(value)
            vars(self).update(_real=real, _loaded=_Loaded.of(real))
        return self._real

    def _refuse(self, name: str) -> NoReturn:
        refusal = NotStackable(
            f"A callback uses `model.{name}`, which a run that is trained in a stack does not have."
        )
        vars(self)["_refusal"] = refusal
        raise refusal

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT or name.startswith("__"):
            raise AttributeError(name)
        if name == "metrics" and self._shows_metrics:
            return self._row.metrics
        if name in REFUSED:
            self._refuse(name)
        return getattr(self._materialised(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _NOT_SETTABLE or hasattr(keras.Model, name):
            self._refuse(name)
        super().__setattr__(name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the real model."""
        return self._materialised()(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        self._refuse("__reduce_ex__")  # A copy would still change the run.


class RunOptimizer:
    """The optimizer of one run: its learning rate at little cost, the rest from the real one."""

    def __init__(self, model: RunModel, row: Row) -> None:
        """See the optimizer of the run at `row`."""
        # `_variable` is made once; `_seen` is its value where a hook was given it, or else None.
        vars(self).update(_model=model, _row=row, _variable=None, _seen=None)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        # TensorBoard writes the learning rate of none but an optimizer of Keras.
        return keras.optimizers.Optimizer

    @property
    def learning_rate(self) -> Any:
        """A variable, as that of Keras's own optimizers."""
        if self._model._loaded is not None:
            return self._model._real.optimizer.learning_rate
        if self._seen is None:
            rate = self._row.learning_rate
            if self._variable is None:
                vars(self)["_variable"] = keras.Variable(rate, trainable=False)
            else:
                self._variable.assign(rate)
            vars(self)["_seen"] = float(self._variable)
        return self._variable

    def flush(self) -> None:
        """Set the run's learning rate where the variable was assigned."""
        if self._seen is not None and (value := float(self._variable)) != self._seen:
            self._row.learning_rate = value
            vars(self)["_seen"] = value

    def settle(self) -> bool:
        """Flush, and forget what was seen; whether the variable was given to a hook."""
        self.flush()
        was_read = self._seen is not None
        vars(self)["_seen"] = None
        return was_read

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._model._materialised().optimizer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "learning_rate" or callable(value):
            self._model._refuse(f"optimizer.{name}")
        if self._model._loaded is not None:
            self._model._real.optimizer.learning_rate = value
        else:
            self.learning_rate.assign(value)


class _Loaded(NamedTuple):
    """The state of a real model, and what its compiled program would not notice a change of."""

    weights: Arrays
    state: Arrays
    config: str

    @classmethod
    def of(cls, model: Any) -> "_Loaded":
        state = [keras.ops.convert_to_numpy(value) for value in model.optimizer.variables]
        return cls(model.get_weights(), state, repr(model.get_config()))


def _same(these: Arrays, those: Arrays) -> bool:
    """Bit by bit, so that a NaN is itself."""
    return all(a.tobytes() == b.tobytes() for a, b in zip(these, those, strict=True))
