"""A deep net that may stay at chance: optimizer, learning rate, initialiser, activation.

The data are scikit-learn's digits, odd against even: 880 rows of each, so that a constant answer is
right in exactly half of them and the loss of knowing nothing is ln 2 = 0.6931. With plain SGD and
small initial weights the output hardly depends on the inputs: its gradient nearly vanishes, and the
loss stands at ln 2 for epochs. Half of the grid learns all the same; see docs/cases.

As a template: for a net whose loss does not move, whatever the data. Replace `load_data`.
"""

from typing import Any

SEED = 0
ROWS_PER_CLASS = 880
HELD_OUT = 0.3


def build_model(hp: Any) -> Any:
    """Two hidden layers and a sigmoid unit."""
    import keras

    alike = {
        "activation": hp.Choice("activation", ["sigmoid", "relu"]),
        "kernel_initializer": hp.Choice(
            "initializer", ["random_normal", "glorot_uniform", "he_normal"]
        ),
    }
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(32, **alike),
            keras.layers.Dense(32, **alike),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[
        hp.Choice("optimizer", ["sgd", "adam"])
    ]
    rate = hp.Choice("learning_rate", [0.0001, 0.001, 0.01, 0.1])
    model.compile(optimizer(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Digits with values from 0 to 1, odd or even; 1,232 rows to train, 528 to validate."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, digit = load_digits(return_X_y=True)
    y = digit % 2
    kept = np.concatenate([np.flatnonzero(y == side)[:ROWS_PER_CLASS] for side in (0, 1)])
    x, x_validation, y, y_validation = train_test_split(
        (x[kept] / 16).astype("float32"),
        y[kept].astype("float32"),
        test_size=HELD_OUT,
        random_state=SEED,
        stratify=y[kept],
    )
    return (x, y), (x_validation, y_validation)
