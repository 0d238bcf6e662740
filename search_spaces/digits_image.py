"""A small convolutional net on 8 x 8 digits: filters, kernel, pooling, dropout, learning rate.

The data are scikit-learn's digits: 1,797 images of 8 x 8 pixels, ten classes; 30 % held out. Most
of the 144 trials pass .95 validation accuracy within ten epochs; at a learning rate of 0.1 Adam
often kills the net, and those trials stay at the loss of knowing nothing, ln 10 = 2.30.
"""

from typing import Any

SEED = 0
HELD_OUT = 0.3


def build_model(hp: Any) -> Any:
    """Convolution, pooling, dropout and a softmax, trained with Adam."""
    import keras

    pooling = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(
                hp.Choice("filters", [8, 16]),
                hp.Choice("kernel", [2, 3]),
                padding="same",
                activation=hp.Choice("activation", ["relu", "sigmoid"]),
            ),
            pooling[hp.Choice("pooling", ["max", "average"])](2),
            keras.layers.Flatten(),
            keras.layers.Dropout(hp.Choice("dropout", [0.0, 0.25, 0.5])),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    rate = hp.Choice("learning_rate", [0.001, 0.01, 0.1])
    model.compile(
        keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Digits as images with values from 0 to 1; 1,257 to train, 540 to validate."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32").reshape(-1, 8, 8, 1)
    x, x_validation, y, y_validation = train_test_split(
        x, y, test_size=HELD_OUT, random_state=SEED, stratify=y
    )
    return (x, y), (x_validation, y_validation)
