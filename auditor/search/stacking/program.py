"""What one run of a stack computes, as pure functions of its state.

They do what Keras's own `train_step` and `test_step` do (its JAX trainer is written the same way),
for one run. A backend vectorises them over the runs and loops over the batches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend import StatelessScope

from auditor.search.stacking.building import complete
from auditor.search.stacking.lifting import Lifting, Slot

Tensors = list[Any]


@dataclass
class State:
    """The numbers of one run, or of all runs of a stack with a leading axis.

    Attributes:
        weights: Trainable variables.
        others: Non-trainable variables, such as the statistics of a BatchNormalization.
        optimizer: Variables of the optimizer: iterations, learning rate, slots.
    """

    weights: Tensors
    others: Tensors
    optimizer: Tensors


class Program:
    """The steps of one run, traced from one Keras model that stands for its whole structure."""

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        choices: dict[Slot, Sequence[float | str]],
        gradient: Callable[[Callable[[Tensors], Any], Tensors], tuple[Any, Tensors]],
        batch: Any,
        stops_at_nan: bool = False,
    ) -> None:
        """Prepare a model, which can no longer be used otherwise.

        Args:
            model: A compiled, built model of the structure.
            optimizer: Not built, like the model's, with a `stateless_apply` that works.
            choices: Slots in which the runs differ.
            gradient: The backend's: of a function that gives (loss, more), at some weights, as
                (more, gradients).
            batch: Some rows of (x, y, sample weight), to see shapes and types by.
            stops_at_nan: Whether some runs freeze when their loss is no longer finite.
        """
        self.model = model
        self._gradient = gradient
        self.stops_at_nan = stops_at_nan
        model._symbolic_build(data_batch=batch)
        complete(model)
        self.optimizer = optimizer
        self.optimizer.build(model.trainable_variables)
        self.lifting = Lifting(model, self.optimizer, choices)
        model.reset_metrics()
        self.fresh_metrics = [_numpy(v) for v in model.metrics_variables]
        total = model._loss_tracker.variables[0]
        self._loss_at = next(i for i, v in enumerate(model.metrics_variables) if v is total)
        self.has_penalty = any(v.regularizer is not None for v in model.trainable_variables)
        self.result_names: list[str] = []

    # What a run starts from

    def start(self, weights: list[np.ndarray], learning_rate: float | None) -> State:
        """The state of a run before its first step.

        Args:
            weights: In the order of `model.get_weights()`.
            learning_rate: None where a schedule or the optimizer decides it.
        """
        places = {id(v): i for i, v in enumerate(self.model.weights)}
        own = [
            [weights[places[id(v)]] if id(v) in places else _numpy(v) for v in variables]
            for variables in (self.model.trainable_variables, self.model.non_trainable_variables)
        ]
        optimizer = [_numpy(v) for v in self.optimizer.variables]
        if learning_rate is not None and (at := self.learning_rate_at) is not None:
            optimizer[at] = np.asarray(learning_rate, optimizer[at].dtype)
        return State(own[0], own[1], optimizer)

    @property
    def learning_rate_at(self) -> int | None:
        """Where the learning rate is among the optimizer's variables."""
        rate = self.optimizer._learning_rate
        return next((i for i, v in enumerate(self.optimizer.variables) if v is rate), None)

    def weights_of(self, trainable: list[Any], others: list[Any]) -> list[Any]:
        """The weights of a run in the order of `model.get_weights()`."""
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        by_id = {id(v): value for v, value in zip(variables, [*trainable, *others], strict=True)}
        return [by_id[id(v)] for v in self.model.weights]

    # Steps

    def train(
        self, state: State, metrics: Tensors, lifted: Tensors, key: Any, guarded: Any, batch: Any
    ) -> tuple[State, Tensors]:
        """One training step of one run.

        Args:
            state: Before the step.
            metrics: Their variables before the step.
            lifted: What the lifted slots hold.
            key: For random numbers.
            guarded: Whether this run freezes at a loss that is not finite.
            batch: (x, y, sample weight).
        """
        with self.lifting.bound(lifted, key):
            more, gradients = self._gradient(
                lambda weights: self._loss(weights, state.others, metrics, batch, training=True),
                state.weights,
            )
            loss, prediction, others, updated = more
            weights, optimizer = self.optimizer.stateless_apply(
                state.optimizer, gradients, state.weights
            )
            updated = self._observe(updated, loss, prediction, batch)
        after = State(list(weights), list(others), list(optimizer))
        if self.stops_at_nan:
            total = metrics[self._loss_at]
            frozen = ops.logical_and(guarded, ops.logical_not(ops.isfinite(total)))
            after = State(
                _kept(frozen, state.weights, after.weights),
                _kept(frozen, state.others, after.others),
                _kept(frozen, state.optimizer, after.optimizer),
            )
            updated = _kept(frozen, metrics, updated)
        return after, updated

    def test(
        self, state: State, metrics: Tensors, lifted: Tensors, batch: Any
    ) -> tuple[Tensors, Any]:
        """The metrics after one more batch in inference mode, and the prediction for it."""
        with self.lifting.bound(lifted):
            loss, (_, prediction, _, updated) = self._loss(
                state.weights, state.others, metrics, batch, training=False
            )
            return self._observe(updated, loss, prediction, batch), prediction

    def results(self, metrics: Tensors) -> Tensors:
        """What the metrics amount to, in the order of `result_names`."""
        with StatelessScope(self._metrics_mapping(metrics)):
            found = self.model.get_metrics_result()
        flat: dict[str, Any] = {}
        for name, value in found.items():
            flat |= value if isinstance(value, dict) else {name: value}
        self.result_names = list(flat)
        return [ops.convert_to_tensor(value) for value in flat.values()]

    def penalty(self, state: State, lifted: Tensors) -> Any:
        """The terms of the loss that punish large weights."""
        with self.lifting.bound(lifted):
            pairs = zip(self.model.trainable_variables, state.weights, strict=True)
            terms = [v.regularizer(value) for v, value in pairs if v.regularizer is not None]
            return sum(terms[1:], terms[0])

    def _loss(
        self, weights: Tensors, others: Tensors, metrics: Tensors, batch: Any, training: bool
    ) -> tuple[Any, Any]:
        """The loss, and with it (loss, prediction, other variables, metrics)."""
        x, y, sample_weight = batch
        model = self.model
        mode = {"training": training} if model._call_has_training_arg else {}
        prediction, others, losses = model.stateless_call(
            weights, others, x, return_losses=True, **mode
        )
        model._losses_override = list(losses or ())
        loss, (_, others, metrics) = model.stateless_compute_loss(
            weights, others, metrics, x=x, y=y, y_pred=prediction,
            sample_weight=sample_weight, training=training,
        )  # fmt: skip
        model._losses_override = []
        return loss, (loss, prediction, others, metrics)

    def _observe(self, metrics: Tensors, loss: Any, prediction: Any, batch: Any) -> Tensors:
        x, y, sample_weight = batch
        rows = ops.shape(keras.tree.flatten(x)[0])[0]
        with StatelessScope(self._metrics_mapping(metrics)) as scope:
            self.model._loss_tracker.update_state(loss, sample_weight=rows)
            self.model.compute_metrics(x, y, prediction, sample_weight)
        return [scope.get_current_value(v) for v in self.model.metrics_variables]

    def _metrics_mapping(self, metrics: Tensors) -> list[tuple[Any, Any]]:
        return list(zip(self.model.metrics_variables, metrics, strict=True))


def _kept(frozen: Any, before: Tensors, after: Tensors) -> Tensors:
    return [ops.where(frozen, old, new) for old, new in zip(before, after, strict=True)]


def _numpy(variable: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable))
