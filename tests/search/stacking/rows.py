"""A run without a stack around it: its state is that of a model, which a test trains."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
VALIDATION = (X[:16] + 1, Y[:16])
FIT = {"batch_size": 8, "shuffle": False, "verbose": 0, "validation_data": VALIDATION}
STEPS = 3


def compiled(rate: Any = 0.1) -> Any:
    start = keras.initializers.GlorotUniform(seed=1)
    hidden = keras.layers.Dense(3, "tanh", kernel_initializer=start, name="hidden")
    last = keras.layers.Dense(1, "sigmoid", kernel_initializer=start, name="last")
    parts = [
        keras.Input((4,), name="input"),
        hidden,
        keras.layers.Dropout(0.0, name="dropout"),
        last,
    ]
    model = keras.Sequential(parts, name="net")
    optimizer = keras.optimizers.Adam(rate, name="adam")
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    optimizer.build(model.trainable_variables)
    return model


def state(model: Any) -> list[Any]:
    return [keras.ops.convert_to_numpy(variable) for variable in model.optimizer.variables]


class ModelRow:
    """A run whose state is the model's.

    Attributes:
        built: How many models were made for the callbacks.
        written: What was set, in order.
    """

    def __init__(self, model: Any, build: Callable[[], Any] = compiled) -> None:
        self.model = model
        self.built = 0
        self.written: list[str] = []
        self._build = build

    @property
    def metrics(self) -> Any:
        return self.model.metrics

    @property
    def learning_rate(self) -> float:
        return float(self.model.optimizer.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.written.append("rate")
        self.model.optimizer.learning_rate = value

    def get_weights(self) -> Any:
        return self.model.get_weights()

    def set_weights(self, weights: Any) -> None:
        self.written.append("weights")
        self.model.set_weights(weights)

    def optimizer_state(self) -> Any:
        return state(self.model)

    def set_optimizer_state(self, values: Any) -> None:
        self.written.append("state")
        for variable, value in zip(self.model.optimizer.variables, values, strict=True):
            variable.assign(value)

    def build(self) -> Any:
        self.built += 1
        return self._build()


@contextmanager
def as_made(model: Any) -> Iterator[Any]:
    """Lend a compiled model, and put it back as it was."""
    weights, values = model.get_weights(), state(model)
    yield model
    model.set_weights(weights)
    for variable, value in zip(model.optimizer.variables, values, strict=True):
        variable.assign(value)
    model.stop_training = False
