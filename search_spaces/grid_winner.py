"""A binary target and 200 features: activation, initialiser, batch size, learning rates up to 1.

The data are made for it. Rows come from two sources: 12,000 rows of one train, 16,284 of the other
validate, and as many test. There two thirds of the labels are 1, where half are in training, and
the features weigh otherwise; labels are noisy in both. So validation is far above training from the
first epochs on, whatever the hyperparameters, and gets worse while training improves.

The batch size is tuned too, so that `--batch-size` has no effect. As a template: for a table with a
binary target. Replace `load_data`, or give `--data` and `--target`.
"""

from typing import TYPE_CHECKING, Any

from auditor.errors import DataError

if TYPE_CHECKING:
    from auditor.sweep_data import Data

SEED = 0
FEATURES = 200
TRAIN_ROWS, VALIDATION_ROWS, TEST_ROWS = 12_000, 16_284, 16_284

STRENGTH = 3.5
"""Standard deviation of the log odds that the features add up to; the noise of a label has 1.8."""

INTERPLAY = 1.0
"""Weight of a product of two directions: what a linear model cannot learn."""

DRIFT = 0.6
"""Sine of the angle between the weights of the features in either source."""

SHIFT = 1.5
"""Log odds by which the second source has more of class 1."""


def build_model(hp: Any, data: "Data | None" = None) -> Any:
    """One hidden layer and a sigmoid unit, trained with plain SGD."""
    import keras

    if data is not None and data.task not in (None, "binary"):
        raise DataError(f"grid_winner needs a binary target, the data are for {data.task}")
    model = keras.Sequential(
        [
            keras.Input((data.n_features if data is not None else FEATURES,)),
            keras.layers.Dense(
                8,
                activation=hp.Choice("activation", ["sigmoid", "tanh", "relu"]),
                kernel_initializer=hp.Choice("initializer", ["random_uniform", "glorot_uniform"]),
            ),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    rate = hp.Choice("learning_rate", [0.001, 0.01, 0.1, 1.0])
    model.compile(keras.optimizers.SGD(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def fit(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    """Train with a tuned batch size."""
    kwargs["batch_size"] = hp.Choice("batch_size", [10, 50, 250])
    return model.fit(*args, **kwargs)


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any], tuple[Any, Any]]:
    """12,000 rows of the first source to train, 16,284 of the second to validate, and to test."""
    import numpy as np

    random = np.random.default_rng(SEED)
    first, other, one, two = random.normal(size=(4, FEATURES)) / FEATURES**0.5

    def rows(count: int, weights: Any, shift: float) -> tuple[Any, Any]:
        x = random.normal(size=(count, FEATURES)).astype("float32")
        odds = STRENGTH * (x @ weights) + INTERPLAY * (x @ one) * (x @ two) + shift
        return x, (odds + random.logistic(size=count) > 0).astype("float32")

    second = (1 - DRIFT**2) ** 0.5 * first + DRIFT * other
    return (
        rows(TRAIN_ROWS, first, 0.0),
        rows(VALIDATION_ROWS, second, SHIFT),
        rows(TEST_ROWS, second, SHIFT),
    )
