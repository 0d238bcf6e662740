"""Stacks on TensorFlow: `tf.vectorized_map` over runs in a `tf.while_loop` over batches."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.optimizers.base_optimizer import BaseOptimizer

from auditor.search.stacking.backends.common import Backend
from auditor.search.stacking.evaluation import Evaluation
from auditor.search.stacking.layers import RECURRENT, UNROLLED_STEPS, sees_data, time_steps
from auditor.search.stacking.program import Program, State, Tensors

_LOOPED: dict[str, Any] = {"fallback_to_while_loop": True, "warn": False}
"""Convolutions have no form over runs: these operations are done for one run after the other."""

_NEUTRAL = (
    "add_variable_from_reference",
    "stateless_apply",
    "_var_key",
    "_apply_weight_decay",
    "_backend_update_step",
    "_backend_apply_gradients",
    "_backend_reset_gradient_accumulators",
    "_backend_increment_gradient_accumulators",
    "_overwrite_model_variables_with_average_value",
    "_overwrite_variables_directly_with_gradients",
    "_clip_gradients",
)
"""What Keras's optimizers override for tf.distribute, which cannot be traced without variables."""


class TensorFlow(Backend):
    """Compiles the epochs of a program."""

    def __init__(self, compiled: bool) -> None:
        """Compile with XLA, or run as a graph."""
        self.compiled = compiled

    def prepare(self, model: Any) -> None:
        """Change how a model computes, not what, so that it can be vectorised.

        A loop over time has no form over runs if its input has a gradient, and none under XLA.
        """
        looped = []
        if not self.compiled:
            looped = [one for one in model.layers if isinstance(one, RECURRENT) and _loops(one)]
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.RNN) and layer not in _with_parts(looped):
                layer.unroll = True

    @staticmethod
    def optimizer(optimizer: Any) -> Any:
        """A new one like it, whose `stateless_apply` works."""
        kind = type(optimizer)
        neutral: Any = type(kind.__name__, (kind, _Neutral), {})
        return neutral.from_config(optimizer.get_config())

    @staticmethod
    def gradient(loss_of: Callable[[Tensors], Any], weights: Tensors) -> tuple[Any, Tensors]:
        """What a loss function gives beside the loss, and its gradients."""
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss, more = loss_of(weights)
        return more, tape.gradient(loss, weights)

    @staticmethod
    def to_device(array: Any) -> Any:
        """A tensor, whose first axis is that of the runs."""
        return tf.convert_to_tensor(array)

    @staticmethod
    def to_all(array: Any) -> Any:
        """A tensor that all runs use."""
        return tf.convert_to_tensor(array)

    def train(
        self, program: Program, pack: Callable[[Tensors], Any], batch_size: int
    ) -> Callable[..., Any]:
        """An epoch of training.

        Args:
            program: What one run computes.
            pack: From the arrays of a batch to (x, y, sample weight).
            batch_size: Rows of a step; the last one trains on what is left.

        Returns:
            A function of state, lifted values (run, ...), keys (run, 2), guards (run,), the order
            of rows (run, row), the data, and a number of full batches. It gives the new state and
            the results of the metrics (run,).
        """

        def one(run: Any) -> Any:
            weights, others, optimizer, metrics, lifted, key, guarded, batch = run
            state = State(weights, others, optimizer)
            after, metrics = program.train(state, metrics, lifted, key, guarded, pack(batch))
            return after.weights, after.others, after.optimizer, metrics

        @tf.function(jit_compile=self.compiled, autograph=False)
        def epoch(
            weights: Tensors, others: Tensors, optimizer: Tensors, lifted: Tensors, keys: Any,
            guards: Any, order: Any, data: Tensors, steps: Any,
        ) -> Any:  # fmt: skip
            runs, total = order.shape
            full, rest = divmod(total, batch_size)
            in_one = bool(full and rest) and self._takes_any_size(program)

            def step(number: Any, carried: Any, begin: Any, size: Any) -> Any:
                rows = tf.slice(order, [0, begin], [runs, size])
                batch = [tf.gather(array, rows) for array in data]
                keyed = _fold_in(keys, number)
                return tf.vectorized_map(one, (*carried, lifted, keyed, guards, batch), **_LOOPED)

            def body(number: Any, carried: Any) -> Any:
                begin = number * batch_size
                size = tf.minimum(batch_size, total - begin) if in_one else batch_size
                return number + 1, step(number, carried, begin, size)

            metrics = [_repeated(value, runs) for value in program.fresh_metrics]
            carried = (weights, others, optimizer, metrics)
            if full:
                last = steps + 1 if in_one else steps
                _, carried = tf.while_loop(
                    lambda number, _: number < last, body, (tf.constant(0), carried)
                )
            if rest and not in_one:
                carried = step(steps, carried, full * batch_size, rest)
            weights, others, optimizer, metrics = carried
            return (weights, others, optimizer), tf.vectorized_map(program.results, metrics)

        compiled: Callable[..., Any] = epoch
        return compiled

    def _takes_any_size(self, program: Program) -> bool:
        """Whether the last, smaller batch can be a step like the others.

        A graph takes batches of any size. To trace a second step takes seconds where it holds a
        loop over time. But Keras weighs the loss of each of several outputs by a size that must be
        known while it traces.
        """
        return not self.compiled and not program.model._compile_loss.metrics

    def test(self, evaluation: Evaluation, batch_size: int, own_rows: bool) -> Callable[..., Any]:
        """An evaluation in inference mode.

        Args:
            evaluation: What one run computes.
            batch_size: Rows at once.
            own_rows: Whether each run is tested on rows of its own.

        Returns:
            A function of the weights, the others, the lifted values, rows (run, row) and the data.
            It gives the results (run, ...) of the evaluation.
        """

        @tf.function(jit_compile=self.compiled, autograph=False)
        def evaluate(
            weights: Tensors, others: Tensors, lifted: Tensors, rows: Any, data: Tensors
        ) -> Any:
            def step(carried: Any, begin: Any, size: int) -> Any:
                if own_rows:
                    mine = tf.slice(rows, [0, begin], [rows.shape[0], size])
                    batch = [tf.gather(array, mine) for array in data]
                    return tf.vectorized_map(
                        lambda run: evaluation.step(
                            State(run[0], run[1], []), run[2], run[3], run[4]
                        ),
                        (weights, others, carried, lifted, batch),
                        **_LOOPED,
                    )
                batch = [_slice(array, begin, size) for array in data]
                return tf.vectorized_map(
                    lambda run: evaluation.step(State(run[0], run[1], []), run[2], run[3], batch),
                    (weights, others, carried, lifted),
                    **_LOOPED,
                )

            total = rows.shape[1] if own_rows else data[0].shape[0]
            full, rest = divmod(total, batch_size)
            carried = [_repeated(value, weights[0].shape[0]) for value in evaluation.fresh]
            if full == 1:
                carried = step(carried, 0, batch_size)
            elif full:
                _, carried = tf.while_loop(
                    lambda i, _: i < full,
                    lambda i, carried: (i + 1, step(carried, i * batch_size, batch_size)),
                    (tf.constant(0), carried),
                )
            if rest:
                carried = step(carried, full * batch_size, rest)
            return tf.vectorized_map(evaluation.results, carried)

        compiled: Callable[..., Any] = evaluate
        return compiled

    def penalty(self, program: Program) -> Callable[..., Any]:
        """The weight penalties (run,) of the weights, the others and the lifted values."""

        @tf.function(jit_compile=self.compiled, autograph=False)
        def penalties(weights: Tensors, others: Tensors, lifted: Tensors) -> Any:
            return tf.vectorized_map(
                lambda run: program.penalty(State(run[0], run[1], []), run[2]),
                (weights, others, lifted),
                **_LOOPED,
            )

        compiled: Callable[..., Any] = penalties
        return compiled


def _loops(layer: Any) -> bool:
    """Whether a recurrent layer can stay a loop, and is better one."""
    steps = time_steps(layer)
    return sees_data(layer) and (steps is None or steps > UNROLLED_STEPS)


def _with_parts(layers: list[Any]) -> list[Any]:
    return [part for layer in layers for part in layer._flatten_layers()]


class _Neutral(keras.optimizers.Optimizer):
    """Below an optimizer's own methods, above what Keras overrides for tf.distribute."""

    locals().update({name: vars(BaseOptimizer)[name] for name in _NEUTRAL})

    @property
    def variables(self) -> list[Any]:
        """Those that a step changes: Nadam leaves out one of its own."""
        own: list[Any] = super().variables
        return own if getattr(self, "_u_product", None) is None else [*own, self._u_product]

    # What is sparse, as the gradient of an embedding, is summed up where it meets a variable. Not
    # before: Keras squares it as it is, and so counts a word of the batch each time by itself.

    def assign(self, variable: Any, value: Any) -> None:
        """Set a variable."""
        variable.assign(_dense(value))

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(_dense(value))

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(_dense(value))


def _dense(value: Any) -> Any:
    return tf.convert_to_tensor(value) if isinstance(value, tf.IndexedSlices) else value


def _fold_in(keys: Any, number: Any) -> Any:
    from auditor.search.stacking.randomness import fold_in

    return tf.vectorized_map(lambda key: fold_in(key, number), keys, **_LOOPED)


def _repeated(value: np.ndarray, runs: int) -> Any:
    return tf.constant(np.repeat(value[None], runs, axis=0))


def _slice(array: Any, begin: Any, size: int) -> Any:
    rank = len(array.shape)
    return tf.slice(array, [begin, *[0] * (rank - 1)], [size, *array.shape[1:]])
