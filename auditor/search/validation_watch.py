"""Chunks of the validation that `Model.fit` does after each epoch, without a pass of their own.

The model's test step counts the rows that it is given, in order, and sums up their losses by chunk.
The training step, the logs, and all that is saved stay as they are.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from auditor.search.chunks import Dealt, NotChunkedError, deal, record, refuse, summed
from auditor.search.recorder import Execution
from auditor.search.row_values import RowValues
from auditor.search.structure import is_distributed
from auditor.trials import CHUNKS

_HOOK = "_auditor_chunks"

_EVALUATING = ("evaluate", "make_test_function")
_REPLACED = ("test_step", "compute_metrics")
"""Methods that a hook stands in for; `RowValues` sees to it that the model's class has Keras's."""


class ValidationWatch:
    """Records the chunks of one run."""

    def __init__(self, execution: Execution) -> None:
        """Record into `execution`."""
        self._execution = execution
        self._hook: Hook | None = None
        self._dealt: Dealt | None = None
        self._found: dict[str, np.ndarray] = {}

    def see_fit(self, arguments: Mapping[str, Any]) -> None:
        """Take the validation rows from the arguments of `Model.fit`, by name."""
        self._hook = self._dealt = None
        self._found = {}
        if arguments.get("validation_data") is None and not arguments.get("validation_split"):
            return
        try:
            self._dealt = deal(_targets(arguments))
            self._hook = hook_of(arguments["self"])
        except NotChunkedError as reason:
            refuse(self._execution, str(reason))

    def begin(self, model: Any) -> None:
        """A validation begins; the model has seen a batch."""
        if self._hook is None or self._dealt is None or self._hook.model is not model:
            return
        try:
            self._hook.begin(self._dealt)
        except NotChunkedError as reason:
            refuse(self._execution, str(reason))
            self._hook = None

    def end(self, model: Any) -> None:
        """It ends."""
        if self._hook is None or self._hook.model is not model:
            return
        try:
            self._found = self._hook.end()
        except NotChunkedError as reason:
            refuse(self._execution, str(reason))

    def note_epoch(self) -> None:
        """Write down what the last validation gave, after the row of its epoch."""
        record(self._execution, self._dealt, self._found)
        self._found = {}


class Hook:
    """Sums up losses in the test step of one model, which may serve several runs.

    Attributes:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        """Put other functions in the place of methods of the model; it still has its own."""
        self.model = model
        self._values: RowValues | None = None
        self._kind: Any = None
        self._dealt: Dealt | None = None
        self._seen: Any = None
        self._is_testing = False
        self._trouble: str | None = None
        # Not by assignment: Keras would track it as a part of the model.
        vars(model)["compute_metrics"] = self._compute_metrics
        vars(model)["test_step"] = self._test_step
        vars(model)[_HOOK] = self

    def begin(self, dealt: Dealt) -> None:
        """Sum up anew.

        Raises:
            NotChunkedError: The loss is no mean over rows.
        """
        self._values = values = RowValues(self.model)
        kind = values.names, len(dealt.of_row)
        self._reset(dealt, len(values.names), is_new=kind != self._kind)
        if kind != self._kind:
            # Traced for others, if at all.
            self.model.make_test_function(force=True)
        self._kind, self._dealt = kind, dealt

    def end(self) -> dict[str, np.ndarray]:
        """Means over the rows of each chunk, by metric as in the logs.

        Raises:
            NotChunkedError: Not all rows were seen, or they could not be summed up.
        """
        count, sums = self._take()
        if self._trouble is not None:
            raise NotChunkedError(self._trouble)
        if self._dealt is None or self._values is None or count != len(self._dealt.of_row):
            raise NotChunkedError("the validation did not go through all rows, once and in order")
        means = np.asarray(sums, np.float64) / self._dealt.rows
        return {f"val_{n}": mean for n, mean in zip(self._values.names, means, strict=True)}

    def _reset(self, dealt: Dealt, metrics: int, is_new: bool) -> None:
        raise NotImplementedError("how numbers are kept depends on the backend")

    def _take(self) -> tuple[int, Any]:
        raise NotImplementedError("how numbers are kept depends on the backend")

    def _test_step(self, *given: Any) -> Any:
        raise NotImplementedError("what a step is given depends on the backend")

    def _compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if self._is_testing:
            self._seen = y, y_pred, sample_weight
        return type(self.model).compute_metrics(self.model, x, y, y_pred, sample_weight)

    def _step(self, *given: Any) -> tuple[Any, Any]:
        """What the model's own step gives, and what it compared with what."""
        self._is_testing = True
        try:
            found = type(self.model).test_step(self.model, *given)
            return found, self._seen
        finally:
            self._is_testing, self._seen = False, None

    def _summed(self, seen: Any, of_row: Any, count: Any) -> tuple[Any, Any]:
        """The sums of a batch, and its rows; (None, None) where there are none."""
        if seen is None or self._values is None:
            return None, None
        try:
            values = self._values(*seen)
            rows = ops.shape(values)[1]
            # Others may evaluate more rows with the same step: nobody looks at what is summed then.
            at = ops.minimum(count + ops.arange(rows, dtype="int32"), of_row.shape[0] - 1)
            return summed(values, ops.take(of_row, at)), rows
        except NotChunkedError as reason:
            self._trouble = str(reason)
        except Exception as error:  # Losses may be code of anybody's; a validation goes on.
            self._trouble = f"of {type(error).__name__} where the losses of rows are summed up"
        return None, None


class _StatefulHook(Hook):
    """Where a step may change variables: TensorFlow."""

    def _reset(self, dealt: Dealt, metrics: int, is_new: bool) -> None:
        if is_new:
            kind, shape = keras.config.floatx(), (metrics, CHUNKS)
            self._of_row = _variable(dealt.of_row, "int32")
            self._sums = _variable(np.zeros(shape), kind)
            self._count = _variable(np.zeros(()), "int32")
            return
        if self._dealt is None or dealt.digest != self._dealt.digest:
            self._of_row.assign(dealt.of_row)
        self._sums.assign(np.zeros(self._sums.shape))
        self._count.assign(0)

    def _take(self) -> tuple[int, Any]:
        return int(self._count.numpy()), self._sums.numpy()

    def _test_step(self, *given: Any) -> Any:
        logs, seen = self._step(*given)
        sums, rows = None, None
        if self._kind is not None:
            sums, rows = self._summed(seen, self._of_row.value, self._count.value)
        if sums is not None:
            self._sums.assign_add(sums)
            self._count.assign_add(rows)
        return logs


class _StatelessHook(Hook):
    """Where a step gives back what it was given, changed: JAX."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self._own: list[Any] | None = None  # what is carried beside the metrics, in a validation
        vars(model)["make_test_function"] = self._make_test_function

    def _reset(self, dealt: Dealt, metrics: int, is_new: bool) -> None:
        sums = ops.zeros((metrics, CHUNKS), keras.config.floatx())
        of_row = ops.convert_to_tensor(dealt.of_row, "int32")
        self._own = [of_row, ops.zeros((), "int32"), sums]

    def _take(self) -> tuple[int, Any]:
        own, self._own = self._own, None
        return (0, None) if own is None else (int(own[1]), own[2])

    def _make_test_function(self, force: bool = False) -> None:
        model = self.model
        if model.test_function is not None and not force:
            return
        type(model).make_test_function(model, force)
        inner = model.test_function

        def test_function(state: Any, iterator: Any) -> Any:
            if self._own is None:
                return inner(state, iterator)
            weights, others, metrics = state
            logs, (weights, others, carried) = inner(
                (weights, others, [*metrics, *self._own]), iterator
            )
            self._own = carried[len(metrics) :]
            return logs, (weights, others, carried[: len(metrics)])

        model.test_function = test_function

    def _test_step(self, *given: Any) -> Any:
        (weights, others, carried), data = given
        metrics = carried[: len(self.model.metrics_variables)]
        own = carried[len(metrics) :]
        (logs, state), seen = self._step((weights, others, metrics), data)
        if own:
            of_row, count, sums = own
            more, rows = self._summed(seen, of_row, count)
            if more is not None:
                own = [of_row, count + rows, sums + more]
        weights, others, metrics = state
        return logs, (weights, others, [*metrics, *own])


def hook_of(model: Any) -> Hook:
    """The hook of a model, which it gets if it has none.

    Raises:
        NotChunkedError: Its validation is not sure to go through the rows in order.
    """
    if (hook := vars(model).get(_HOOK)) is not None:
        found: Hook = hook
        return found
    if is_distributed(model):
        raise NotChunkedError("the model is distributed over devices")
    kinds = {"tensorflow": _StatefulHook, "jax": _StatelessHook}
    kind = kinds.get(keras.config.backend())
    if kind is None:
        raise NotChunkedError(f"Keras runs on {keras.config.backend()}")
    is_own = any(getattr(type(model), n) is not getattr(keras.Model, n) for n in _EVALUATING)
    # Code may also give a single model a step of its own, which a hook would silently replace.
    if is_own or not vars(model).keys().isdisjoint((*_EVALUATING, *_REPLACED)):
        raise NotChunkedError(f"{type(model).__name__} evaluates in its own way")
    return kind(model)


def _targets(arguments: Mapping[str, Any]) -> Any:
    """The targets of the validation rows.

    Raises:
        NotChunkedError: The rows are not in arrays, or not all are used.
    """
    if arguments.get("validation_steps"):
        raise NotChunkedError("fit is called with validation_steps")
    held = arguments.get("validation_data")
    if held is None:
        y: Any = arguments.get("y")
        if keras.tree.is_nested(y) or not hasattr(y, "shape"):
            raise NotChunkedError("the data are not in arrays")
        # As Keras does: the last rows validate.
        return np.asarray(y)[int(len(y) * (1.0 - arguments["validation_split"])) :]
    if not isinstance(held, tuple | list) or len(held) not in (2, 3):
        raise NotChunkedError("the validation data are not in arrays")
    return held[1]


def _variable(value: Any, dtype: str) -> Any:
    return keras.Variable(value, trainable=False, dtype=dtype, name="chunks")
