"""The compiled epochs of one structure on one set of data, shared by all stacks of it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from auditor.search.chunks import NotChunkedError
from auditor.search.losses import penalises_activity
from auditor.search.stacking.backends import backend
from auditor.search.stacking.evaluation import ChunkedEvaluation, Evaluation, Validated
from auditor.search.stacking.fit_call import FitCall, Part
from auditor.search.stacking.lifting import Slot
from auditor.search.stacking.program import Program, State
from auditor.search.structure import is_keras

WHOLE_ROWS = 4096
"""Rows validated at once where that changes nothing but rounding: small batches cost the most."""

_BY_ROW = {
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_crossentropy",
    "squared_hinge",
}
"""Keras's losses that look at each row alone; Dice, Tversky and Circle see the whole batch."""

_CROSS_ENTROPIES = {"crossentropy", "ce"}
"""Names of whichever cross-entropy fits the labels."""

_ELEMENTWISE = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide"}
"""Operations between layers, as of `x + y`; others may mix rows, as `keras.ops.mean` does."""

_TRACING = threading.Lock()
"""Held while a framework traces: two structures traced at once, in Python threads that share an
interpreter, take longer than one after the other, and one could train meanwhile."""


class Engine:
    """Trains and tests all runs of a stack by one epoch.

    Attributes:
        program: What one run computes.
        chunk_names: The metrics that `validate` gives by chunk, the loss first.
        why_no_chunks: Why it gives none, as a clause that goes after "because"; None where it does,
            and where nobody wants any.
    """

    def __init__(
        self,
        model: Any,
        call: FitCall,
        choices: dict[Slot, Sequence[float | str]],
        *,
        compiled: bool = True,
        stops_at_nan: bool = False,
        own_rows: bool = False,
        clean_rows: Callable[[int], np.ndarray] | None = None,
        chunk_of_row: np.ndarray | None = None,
    ) -> None:
        """Trace nothing yet.

        Args:
            model: A compiled, built model of the structure; it can not be used otherwise later.
            call: How all the runs are trained.
            choices: Slots in which the runs differ, with the values that occur there.
            compiled: Whether XLA compiles the epochs.
            stops_at_nan: Whether some run stops at a loss that is not finite.
            own_rows: Whether each run is validated on rows of its own, as folds are.
            clean_rows: From the number of training rows to the places of those that are evaluated
                in inference mode after each epoch; None for no evaluation.
            chunk_of_row: The chunk of each row of the validation data; None for no chunks.
        """
        self.backend = backend(compiled)
        self.call = call
        self.backend.prepare(model)
        self.program = Program(
            model, self.backend.optimizer(model.optimizer), choices, self.backend.gradient,
            call.train.head(), stops_at_nan,
        )  # fmt: skip
        self._data = [self.backend.to_all(array) for array in call.train.arrays]
        self._train = _Traced(self.backend.train(self.program, call.train.pack, call.batch_size))
        self.chunk_names: tuple[str, ...] = ()
        self.why_no_chunks: str | None = None
        if call.validation is not None:
            evaluation = self._evaluation(call.validation, chunk_of_row)
            self._test = self._tester(evaluation, len(call.validation), own_rows)
            arrays = call.validation.arrays
            arrays = [*arrays, chunk_of_row] if self.chunk_names else arrays
            self._validation = [self.backend.to_all(array) for array in arrays]
        self._clean = None
        if clean_rows is not None and not call.has_class_weight:
            evaluation = Evaluation(self.program, call.train.pack)
            self._clean = self._tester(evaluation, len(call.train), own_rows=True)
            self._clean_rows = clean_rows
        self._penalty = None
        if self.program.has_penalty and not penalises_activity(model):
            self._penalty = _Traced(self.backend.penalty(self.program))

    def train(
        self,
        state: State,
        lifted: Any,
        keys: np.ndarray,
        guards: np.ndarray,
        order: np.ndarray,
        most_steps: int | None = None,
    ) -> tuple[State, dict[str, np.ndarray]]:
        """Train all runs by one epoch.

        Args:
            state: Of all runs.
            lifted: What the lifted slots hold, on the device; each (run,).
            keys: Random keys (run, 2).
            guards: Which runs freeze at a loss that is not finite (run,).
            order: The training rows of each run in the order of training (run, row).
            most_steps: Full batches at most; None for all. A last, smaller batch is always
                trained, so that it is the same compiled program; see `timed_steps`.

        Returns:
            The state afterwards, and the training metrics (run,) by name.
        """
        steps = order.shape[1] // self.call.batch_size
        put = self.backend.to_device
        after, results = self._train(
            state.weights, state.others, state.optimizer, lifted, put(keys), put(guards),
            put(order), self._data,
            self.backend.to_all(np.int32(steps if most_steps is None else min(steps, most_steps))),
        )  # fmt: skip
        return State(*map(list, after)), self._named(results)

    def timed_steps(self, order_length: int, most_steps: int) -> int:
        """Steps that `train` does with so many rows in the order of a run, and `most_steps`."""
        full, rest = divmod(order_length, self.call.batch_size)
        return min(full, most_steps) + (1 if rest else 0)

    def validate(self, state: State, lifted: Any, rows: np.ndarray | None) -> Validated:
        """Validate all runs; rows (run, row) where each run has its own."""
        if rows is None:
            rows = np.zeros((len(state.weights[0]), 0), np.int32)
        results = self._evaluate(self._test, state, lifted, rows, self._validation)
        if not self.chunk_names:
            return Validated(self._named(results), None)
        *results, sums = results
        return Validated(self._named(results), np.asarray(self.backend.to_host(sums), np.float64))

    def clean(
        self, state: State, lifted: Any, rows: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Training metrics in inference mode (run,) by name; empty where nobody asked for them."""
        if self._clean is None:
            return {}
        if rows is None:
            rows = np.tile(np.arange(len(self.call.train)), (len(state.weights[0]), 1))
        rows = rows[:, self._clean_rows(rows.shape[1])]
        return self._named(self._evaluate(self._clean, state, lifted, rows, self._data))

    def penalty(self, state: State, lifted: Any) -> np.ndarray | None:
        """The weight penalties in the loss (run,); None where there are none."""
        if self._penalty is None:
            return None
        found = self._penalty(state.weights, state.others, lifted)
        return np.asarray(self.backend.to_host(found))

    def _evaluation(self, part: Part, chunk_of_row: np.ndarray | None) -> Evaluation:
        if chunk_of_row is not None:
            try:
                chunked = ChunkedEvaluation(self.program, part.pack)
            except NotChunkedError as reason:
                self.why_no_chunks = str(reason)
            else:
                self.chunk_names = chunked.names
                return chunked
        return Evaluation(self.program, part.pack)

    def _tester(self, evaluation: Evaluation, count: int, own_rows: bool) -> Any:
        size = self.call.validation_batch_size
        if _adds_up(self.program.model):
            size = max(size, min(WHOLE_ROWS, count))
        return _Traced(self.backend.test(evaluation, size, own_rows))

    def _evaluate(
        self, test: Any, state: State, lifted: Any, rows: np.ndarray, data: Any
    ) -> Sequence[Any]:
        rows = self.backend.to_device(np.ascontiguousarray(rows, np.int32))
        found: Sequence[Any] = test(state.weights, state.others, lifted, rows, data)
        return found

    def _named(self, results: Sequence[Any]) -> dict[str, np.ndarray]:
        values = [np.asarray(self.backend.to_host(value), np.float64) for value in results]
        return dict(zip(self.program.result_names, values, strict=True))


class _Traced:
    """A function that is compiled when arrays of new shapes come, while other threads run it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._ready: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *args: Any) -> Any:
        key = str([leaf.shape for leaf in keras.tree.flatten(args)])
        if key not in self._ready:
            with self._lock:
                if key not in self._ready:
                    self._ready[key] = self._trace(args)
        return self._ready[key](*args)

    def _trace(self, args: Any) -> Callable[..., Any]:
        if keras.config.backend() == "jax":
            with _TRACING:
                lowered = self._function.lower(*args)  # type: ignore[attr-defined]
            compiled: Callable[..., Any] = lowered.compile()
            return compiled
        with _TRACING:
            self._function.get_concrete_function(*args)  # type: ignore[attr-defined]
        return self._function


def _adds_up(model: Any) -> bool:
    """Whether the metrics of a set of rows do not depend on how it is cut into batches.

    Only what is known to add up: a batch that weighs itself, as by a mask, would validate otherwise
    than in `fit`.
    """
    if not is_keras(type(model)) or penalises_activity(model):
        return False
    layers = list(model._flatten_layers())
    if any(isinstance(one, keras.layers.Masking) or _masks(one) for one in layers):
        return False
    if any(_may_mix_rows(part) for one in layers for part in getattr(one, "operations", ())):
        return False
    losses, metrics = keras.tree.flatten(model.loss), model._compile_metrics
    return all(map(_loss_adds_up, losses)) and (
        metrics is None or all(map(_metric_adds_up, metrics.metrics))
    )


def _masks(layer: Any) -> bool:
    return bool(getattr(layer, "mask_zero", False))


def _may_mix_rows(operation: Any) -> bool:
    is_layer = isinstance(operation, keras.layers.Layer)
    return not is_layer and type(operation).__name__ not in _ELEMENTWISE


def _loss_adds_up(given: Any) -> bool:
    if given is None or (isinstance(given, str) and given.lower() in _CROSS_ENTROPIES):
        return True
    loss = keras.losses.get(given)
    if not isinstance(loss, keras.losses.Loss):
        return _is_by_row(loss, {})
    is_mean = getattr(loss, "reduction", None) == "sum_over_batch_size"
    function = getattr(loss, "fn", None)
    return is_mean and is_keras(type(loss)) and _is_by_row(function, loss._fn_kwargs)


def _metric_adds_up(metric: Any) -> bool:
    """Keras's own sum over batches what they count, except for functions that see the batch."""
    if not is_keras(type(metric)):
        return False
    function = getattr(metric, "_fn", None)
    if function is None:
        return True
    of_metric = getattr(function, "__module__", "").startswith("keras.src.metrics.accuracy")
    return of_metric or _is_by_row(function, metric._fn_kwargs)


def _is_by_row(function: Any, options: Mapping[str, Any]) -> bool:
    """Whether a function gives each row a value; options may make it count rows, or mix them."""
    return (
        is_keras(function)
        and getattr(function, "__name__", None) in _BY_ROW
        and options.get("axis") in (None, -1)
        and options.get("ignore_class") is None
    )
