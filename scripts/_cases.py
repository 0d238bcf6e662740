"""What the benchmarks train: four small searches, and how their trials are chosen."""

import itertools
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # a checkout need not be installed


def dense(hp):
    """200-64-32-1 with dropout: learning rate x activation x initialiser, 36 trials."""
    import keras

    rate = hp.Choice("learning_rate", [0.0001, 0.001, 0.01, 1.0])
    activation = hp.Choice("activation", ["relu", "tanh", "sigmoid"])
    initialiser = hp.Choice("initialiser", ["glorot_uniform", "he_normal", "random_uniform"])
    alike = {"activation": activation, "kernel_initializer": initialiser}
    layers = [
        keras.layers.Dense(64, **alike),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(32, **alike),
    ]
    return binary((200,), layers, rate)


def lstm(hp):
    """An LSTM on sequences of 20: learning rate x units x dropout, 16 trials."""
    import keras

    rate = hp.Choice("learning_rate", [0.0003, 0.001, 0.003, 0.01])
    layers = [
        keras.layers.LSTM(hp.Choice("units", [16, 32])),
        keras.layers.Dropout(hp.Choice("dropout", [0.0, 0.3])),
    ]
    return binary((20, 8), layers, rate)


def binary(shape, layers, rate):
    """A classifier of two classes, compiled with Adam."""
    import keras

    last = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input(shape), *layers, last])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def digits(hp):
    """The search space `digits_image`, 144 trials of eight structures."""
    from search_spaces.digits_image import build_model

    return build_model(hp)


def linear_rows(rows):
    """A noisy linear problem; 3 rows to validate for 8 to train."""
    import numpy as np

    rng = np.random.default_rng(0)
    total = rows + rows * 3 // 8
    x = rng.normal(size=(total, 200)).astype("float32")
    y = x @ rng.normal(size=200) / 200**0.5 + rng.normal(size=total) > 0
    y = y.astype("float32")
    return (x[:rows], y[:rows]), (x[rows:], y[rows:])


def sequences(rows):
    """Noisy: does the first feature rise over the sequence? 1 row to validate for 4 to train."""
    import numpy as np

    rng = np.random.default_rng(0)
    total = rows + rows // 4
    x = rng.normal(size=(total, 20, 8)).astype("float32")
    rise = x[:, :, 0] @ np.linspace(-1, 1, 20)
    y = (rise + rng.normal(size=total) > 0).astype("float32")
    return (x[:rows], y[:rows]), (x[rows:], y[rows:])


def images(rows):
    """The data of `digits_image`, or as many of its training images as are asked for."""
    from search_spaces.digits_image import load_data

    (x, y), validation = load_data()
    return (x[:rows], y[:rows]), validation


@dataclass(frozen=True)
class Case:
    """Something to search.

    Attributes:
        title: What it is, in a line.
        build: As for a tuner.
        data: From a number of training rows to (x, y), (x, y) for validation.
        no_skill: Validation loss of knowing nothing.
        subset: Trials that KerasTuner, and the fit lane, train; the others are estimated.
    """

    title: str
    build: Callable[[Any], Any]
    data: Callable[[int], Any]
    rows: int
    batch_size: int
    epochs: int
    no_skill: float
    subset: tuple[int, int]


CASES = {
    "a": Case("dense 200-64-32-1, batch 32", dense, linear_rows, 8000, 32, 10, math.log(2), (8, 9)),
    "b": Case("dense 200-64-32-1, batch 10", dense, linear_rows, 8000, 10, 20, math.log(2), (3, 4)),
    "c": Case("digits, convolutional", digits, images, 1257, 32, 10, math.log(10), (8, 24)),
    "d": Case("LSTM, sequences of 20", lstm, sequences, 2000, 32, 5, math.log(2), (4, 8)),
}


def grid(case, trials=None):
    """The values of all trials, or of so many: more than the case has by more learning rates."""
    import keras_tuner
    import numpy as np

    hp = keras_tuner.HyperParameters()
    case.build(hp)
    axes = {one.name: list(one.values) for one in hp.space}
    size = math.prod(map(len, axes.values()))
    if trials and trials > size:
        rates = axes["learning_rate"]
        count = math.ceil(trials / (size // len(rates)))
        axes["learning_rate"] = np.geomspace(min(rates), max(rates), count).tolist()
    combinations = itertools.product(*axes.values())
    return [dict(zip(axes, values, strict=True)) for values in combinations][:trials]


def spread(count, total):
    """So many numbers below `total`, as far apart as can be: no axis of a grid is left out."""
    if count >= total:
        return list(range(total))
    return [round(i * (total - 1) / max(1, count - 1)) for i in range(count)]


def model_of(case, values, steps=1):
    """The model of one trial."""
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    model = case.build(hp)
    model.steps_per_execution = steps  # what `compile` does with it
    return model


def forward_flops(model):
    """Of one row through the dense and convolutional layers; None where there are others."""
    weighted = [layer for layer in model.layers if layer.weights]
    if not all(hasattr(layer, "kernel") for layer in weighted):
        return None
    places = [math.prod(layer.output.shape[1:-1]) for layer in weighted]
    sizes = [math.prod(layer.kernel.shape) for layer in weighted]
    return sum(2 * size * count for size, count in zip(sizes, places, strict=True))
