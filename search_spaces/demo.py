"""The demo: a dense net on few digits, with a learning rate of 1 in the grid, so that trials fail.

The data are scikit-learn's digits, 8 x 8 pixels and ten classes: 300 to train, 600 to validate.
At a learning rate of 1.0 expect nothing that works, most of it diverged and some stuck at the loss
of knowing nothing, ln 10 = 2.30; at 0.1 some failures, and none below. Which ones differs a little
between machines; the best reach a validation loss near 0.22 in the 20 epochs of `auditor demo`. So
few rows are learned by heart if trained longer: with `--epochs 30` some trials without dropout
overfit.
"""

from typing import Any

SEED = 0
TRAIN_ROWS, VALIDATION_ROWS = 300, 600


def build_model(hp: Any) -> Any:
    """Two hidden layers with dropout and a softmax, trained with Adam."""
    import keras

    activation = hp.Choice("activation", ["relu", "tanh", "sigmoid"])
    initializer = hp.Choice("initializer", ["glorot_uniform", "random_uniform"])
    dropout = hp.Choice("dropout", [0.0, 0.5])
    layers = [
        layer
        for _ in range(2)
        for layer in (
            keras.layers.Dense(64, activation=activation, kernel_initializer=initializer),
            keras.layers.Dropout(dropout),
        )
    ]
    model = keras.Sequential(
        [keras.Input((64,)), *layers, keras.layers.Dense(10, activation="softmax")]
    )
    rate = hp.Choice("learning_rate", [0.001, 0.01, 0.1, 1.0])
    model.compile(
        keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Digits with values from 0 to 1; 300 to train, 600 to validate."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x, x_validation, y, y_validation = train_test_split(
        (x / 16).astype("float32"),
        y,
        train_size=TRAIN_ROWS,
        test_size=VALIDATION_ROWS,
        random_state=SEED,
        stratify=y,
    )
    return (x, y), (x_validation, y_validation)
