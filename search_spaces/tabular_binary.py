"""A dense net for a binary target: activation, learning rate, initialiser, batch size and more.

The data are scikit-learn's breast cancer measurements: 569 tumours, 30 numbers each, malignant or
benign; 30 % held out, scaled by the training rows. They are nearly separable: most trials reach a
validation accuracy above .95, and what differs is how far the loss rises after its best epoch. A
learning rate of 1 is there on purpose: with it training jumps, and some trials never learn.

The whole grid has 432 trials; `--max-trials` or `--search random` takes a part of it. The batch
size is tuned too, so that `--batch-size` has no effect. Takes `--data` with a binary target.
"""

from typing import TYPE_CHECKING, Any

from auditor.errors import DataError

if TYPE_CHECKING:
    from auditor.sweep_data import Data

SEED = 0
HELD_OUT = 0.3


def build_model(hp: Any, data: "Data | None" = None) -> Any:
    """One hidden layer with dropout and a sigmoid unit, trained with Adam."""
    import keras

    if data is not None and data.task not in (None, "binary"):
        raise DataError(f"tabular_binary needs a binary target, the data are for {data.task}")
    hidden = keras.layers.Dense(
        hp.Choice("units", [16, 64]),
        activation=hp.Choice("activation", ["relu", "tanh", "sigmoid"]),
        kernel_initializer=hp.Choice(
            "initializer", ["random_uniform", "glorot_uniform", "he_uniform"]
        ),
    )
    model = keras.Sequential(
        [
            keras.Input((data.n_features if data is not None else 30,)),
            hidden,
            keras.layers.Dropout(hp.Choice("dropout", [0.0, 0.5])),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    rate = hp.Choice("learning_rate", [0.001, 0.01, 0.1, 1.0])
    model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def fit(hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
    """Train with a tuned batch size."""
    kwargs["batch_size"] = hp.Choice("batch_size", [10, 32, 128])
    return model.fit(*args, **kwargs)


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Breast cancer data, scaled; 398 rows to train, 171 to validate."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    x, y = load_breast_cancer(return_X_y=True)
    x, x_validation, y, y_validation = train_test_split(
        x, y, test_size=HELD_OUT, random_state=SEED, stratify=y
    )
    scaler = StandardScaler().fit(x)
    return (
        (scaler.transform(x).astype("float32"), y.astype("float32")),
        (scaler.transform(x_validation).astype("float32"), y_validation.astype("float32")),
    )
