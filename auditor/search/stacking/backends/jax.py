"""Stacks on JAX: `vmap` over runs in a loop over batches, compiled by XLA, on all devices."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from auditor.search.stacking.backends.common import Backend
from auditor.search.stacking.evaluation import Evaluation
from auditor.search.stacking.program import Program, State, Tensors
from auditor.search.stacking.randomness import fold_in

_BY_RUN: Any = PartitionSpec("runs")  # type: ignore[no-untyped-call]
"""Arrays whose first axis, that of the runs, is shared out to a mesh of devices."""

_WHOLE: Any = PartitionSpec()  # type: ignore[no-untyped-call]
"""Arrays that each device has."""


def devices() -> list[Any]:
    """The devices that share each stack: all that this process sees, of the first one's kind.

    Several GPUs, unless `CUDA_VISIBLE_DEVICES` hides them or `jax_default_device` names one. Of a
    CPU there is one, unless `--xla_force_host_platform_device_count` in `XLA_FLAGS` makes more.
    """
    seen: list[Any] = jax.local_devices()
    if jax.config.jax_default_device is not None:  # type: ignore[attr-defined]
        return seen[:1]
    return [device for device in seen if device.device_kind == seen[0].device_kind]


class Jax(Backend):
    """Compiles the epochs of a program; see `TensorFlow`, which has the same methods.

    With several devices each trains its share of the runs, as if it had them alone: nothing passes
    between devices. Where the rows of a stack do not come out even, each device trains them all.
    """

    compiled = True

    def __init__(self) -> None:
        """Find the devices."""
        found = devices()
        self._mesh = Mesh(np.array(found), ("runs",)) if len(found) > 1 else None

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

    def to_device(self, array: Any) -> Any:
        """A tensor, whose first axis is that of the runs."""
        if self._mesh is None:
            return jnp.asarray(array)
        return jax.device_put(array, NamedSharding(self._mesh, _spread(self._mesh, len(array))))

    def to_all(self, array: Any) -> Any:
        """A tensor that all runs use."""
        if self._mesh is None:
            return jnp.asarray(array)
        return jax.device_put(array, NamedSharding(self._mesh, _WHOLE))

    def _compiled(self, function: Callable[..., Any], of_all: int) -> Callable[..., Any]:
        """Compile a function of tensors by run, whose last arguments are the same for all runs."""
        mesh = self._mesh
        if mesh is None:
            return jax.jit(function)

        def shared(*args: Any) -> Any:
            own = _spread(mesh, len(jax.tree.leaves(args)[0]))
            specs = (*[own] * (len(args) - of_all), *[_WHOLE] * of_all)
            return jax.shard_map(
                function, mesh=mesh, in_specs=specs, out_specs=own, check_vma=False
            )(*args)

        return jax.jit(shared)

    def train(
        self, program: Program, pack: Callable[[Tensors], Any], batch_size: int
    ) -> Callable[..., Any]:
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

        def epoch(
            weights: Tensors, others: Tensors, optimizer: Tensors, lifted: Tensors, keys: Any,
            guards: Any, order: Any, data: Tensors, steps: Any,
        ) -> Any:  # fmt: skip
            def step(number: Any, carried: Any, begin: Any, size: int) -> Any:
                rows = jax.lax.dynamic_slice_in_dim(order, begin, size, axis=1)
                batch = [jnp.take(array, rows, axis=0) for array in data]
                return over_runs(carried, lifted, keys, guards, batch, number)

            runs, total = order.shape
            full, rest = divmod(total, batch_size)
            metrics = [_repeated(value, runs) for value in program.fresh_metrics]
            carried = (weights, others, optimizer, metrics)
            if full:
                carried = jax.lax.fori_loop(
                    0, steps, lambda i, carried: step(i, carried, i * batch_size, batch_size),
                    carried,
                )  # fmt: skip
            if rest:
                carried = step(steps, carried, full * batch_size, rest)
            return carried[:3], jax.vmap(program.results)(carried[3])

        return self._compiled(epoch, of_all=2)

    def test(self, evaluation: Evaluation, batch_size: int, own_rows: bool) -> Callable[..., Any]:
        """An evaluation in inference mode; see `TensorFlow.test`."""

        def one(
            weights: Tensors, others: Tensors, carried: Tensors, lifted: Any, batch: Any
        ) -> Any:
            return evaluation.step(State(weights, others, []), carried, lifted, batch)

        over_runs = jax.vmap(one, in_axes=(0, 0, 0, 0, 0 if own_rows else None))

        def evaluate(
            weights: Tensors, others: Tensors, lifted: Tensors, rows: Any, data: Tensors
        ) -> Any:
            def step(carried: Tensors, begin: Any, size: int) -> Tensors:
                cut = partial(jax.lax.dynamic_slice_in_dim, start_index=begin, slice_size=size)
                if own_rows:
                    mine = cut(rows, axis=1)
                    batch = [jnp.take(array, mine, axis=0) for array in data]
                else:
                    batch = [cut(array) for array in data]
                updated: Tensors = over_runs(weights, others, carried, lifted, batch)
                return updated

            total = rows.shape[1] if own_rows else data[0].shape[0]
            full, rest = divmod(total, batch_size)
            carried = [_repeated(value, weights[0].shape[0]) for value in evaluation.fresh]
            if full:
                carried = jax.lax.fori_loop(
                    0, full, lambda i, carried: step(carried, i * batch_size, batch_size), carried
                )
            if rest:
                carried = step(carried, full * batch_size, rest)
            return jax.vmap(evaluation.results)(carried)

        return self._compiled(evaluate, of_all=1)

    def penalty(self, program: Program) -> Callable[..., Any]:
        """The weight penalties of all runs; see `TensorFlow.penalty`."""

        def penalties(weights: Tensors, others: Tensors, lifted: Tensors) -> Any:
            return jax.vmap(
                lambda weights, others, lifted: program.penalty(State(weights, others, []), lifted)
            )(weights, others, lifted)

        return self._compiled(penalties, of_all=0)


def _spread(mesh: Mesh, runs: int) -> Any:
    """Where arrays of so many runs go: wholly to each device if they cannot be shared evenly."""
    return _WHOLE if runs % mesh.size else _BY_RUN


def _repeated(value: np.ndarray, runs: int) -> Any:
    return jnp.asarray(np.repeat(value[None], runs, axis=0))
