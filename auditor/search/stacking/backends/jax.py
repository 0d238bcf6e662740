"""Stacks on JAX: `vmap` over runs in a loop over batches, compiled by XLA."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from auditor.search.stacking.program import Program, State, Tensors
from auditor.search.stacking.randomness import fold_in


class Jax:
    """Compiles the epochs of a program; see `TensorFlow`, which has the same methods."""

    compiled = True

    @staticmethod
    def prepare(model: Any) -> None:
        """Nothing needs to be changed."""

    @staticmethod
    def optimizer(optimizer: Any) -> Any:
        """A new one like it, whose `stateless_apply` works."""
        return type(optimizer).from_config(optimizer.get_config())

    @staticmethod
    def gradient(loss_of: Callable[[Tensors], Any], weights: Tensors) -> tuple[Any, Tensors]:
        """What a loss function gives beside the loss, and its gradients."""
        gradients, more = jax.grad(loss_of, has_aux=True)(weights)
        return more, gradients

    @staticmethod
    def to_device(array: Any) -> Any:
        """A tensor."""
        return jnp.asarray(array)

    @staticmethod
    def to_host(tensor: Any) -> np.ndarray:
        """An array; it may share memory with the tensor."""
        return np.asarray(tensor)

    @staticmethod
    def choose(mask: np.ndarray, new: Tensors, old: Tensors) -> Tensors:
        """Rows of `new` where the mask is set, of `old` elsewhere."""
        return [
            jnp.where(mask.reshape(-1, *[1] * (n.ndim - 1)), n, o)
            for n, o in zip(new, old, strict=True)
        ]

    def train(self, program: Program, pack: Callable[[Tensors], Any]) -> Callable[..., Any]:
        """An epoch of training; see `TensorFlow.train`."""

        def one(
            carried: Any, lifted: Any, key: Any, guarded: Any, batch: Tensors, number: Any
        ) -> Any:
            state, metrics = State(*carried[:3]), carried[3]
            after, metrics = program.train(
                state, metrics, lifted, fold_in(key, number), guarded, pack(batch)
            )
            return after.weights, after.others, after.optimizer, metrics

        over_runs = jax.vmap(one, in_axes=(0, 0, 0, 0, 0, None))

        @jax.jit
        def epoch(
            weights: Tensors, others: Tensors, optimizer: Tensors, lifted: Tensors, keys: Any,
            guards: Any, order: Any, rest: Any, data: Tensors, steps: Any,
        ) -> Any:  # fmt: skip
            def step(number: Any, carried: Any, rows: Any) -> Any:
                batch = [jnp.take(array, rows, axis=0) for array in data]
                return over_runs(carried, lifted, keys, guards, batch, number)

            metrics = [_repeated(value, order.shape[1]) for value in program.fresh_metrics]
            carried = (weights, others, optimizer, metrics)
            if order.shape[0]:
                carried = jax.lax.fori_loop(
                    0, steps, lambda i, carried: step(i, carried, order[i]), carried
                )
            if rest.shape[1]:
                carried = step(steps, carried, rest)
            return carried[:3], jax.vmap(program.results)(carried[3])

        return epoch

    def test(
        self, program: Program, pack: Callable[[Tensors], Any], batch_size: int, own_rows: bool
    ) -> Callable[..., Any]:
        """An evaluation in inference mode; see `TensorFlow.test`."""

        def one(
            weights: Tensors, others: Tensors, metrics: Tensors, lifted: Any, batch: Any
        ) -> Any:
            return program.test(State(weights, others, []), metrics, lifted, pack(batch))

        over_runs = jax.vmap(one, in_axes=(0, 0, 0, 0, 0 if own_rows else None))

        @jax.jit
        def evaluate(
            weights: Tensors, others: Tensors, lifted: Tensors, rows: Any, data: Tensors
        ) -> Any:
            def step(metrics: Tensors, begin: Any, size: int) -> Tensors:
                cut = partial(jax.lax.dynamic_slice_in_dim, start_index=begin, slice_size=size)
                if own_rows:
                    mine = cut(rows, axis=1)
                    batch = [jnp.take(array, mine, axis=0) for array in data]
                else:
                    batch = [cut(array) for array in data]
                updated: Tensors = over_runs(weights, others, metrics, lifted, batch)
                return updated

            total = rows.shape[1] if own_rows else data[0].shape[0]
            full, rest = divmod(total, batch_size)
            metrics = [_repeated(value, weights[0].shape[0]) for value in program.fresh_metrics]
            if full:
                metrics = jax.lax.fori_loop(
                    0, full, lambda i, carried: step(carried, i * batch_size, batch_size), metrics
                )
            if rest:
                metrics = step(metrics, full * batch_size, rest)
            return jax.vmap(program.results)(metrics)

        return evaluate

    def penalty(self, program: Program) -> Callable[..., Any]:
        """The weight penalties of all runs; see `TensorFlow.penalty`."""

        @jax.jit
        def penalties(weights: Tensors, others: Tensors, lifted: Tensors) -> Any:
            return jax.vmap(
                lambda weights, others, lifted: program.penalty(State(weights, others, []), lifted)
            )(weights, others, lifted)

        return penalties


def _repeated(value: np.ndarray, runs: int) -> Any:
    return jnp.asarray(np.repeat(value[None], runs, axis=0))
