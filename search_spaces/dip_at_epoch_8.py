"""A convolutional net with batch normalisation whose softmax may be applied twice, nine classes.

The data are scikit-learn's digits 0 to 8: 849 images of 8 x 8 pixels to train, 768 to validate.
Where the output of a softmax goes through another one, no loss below ln(1 + 8/e) = 1.372 is
possible, however many are right. Large steps and slow statistics of batch normalisation let
validation drop out for an epoch.

As a template: for an image classifier with batch normalisation. Replace `load_data` and CLASSES.
"""

from typing import Any

SEED = 0
CLASSES = 9
VALIDATION_ROWS = 768


def build_model(hp: Any) -> Any:
    """Three convolutions with batch normalisation, then a softmax or two, trained with Adam."""
    import keras

    twice = hp.Choice("softmax", ["twice", "once"]) == "twice"
    momentum = hp.Choice("momentum", [0.99, 0.9])
    blocks = [
        layer
        for filters in (16, 32, 32)
        for layer in (
            keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
            keras.layers.BatchNormalization(momentum=momentum),
            keras.layers.ReLU(),
        )
    ]
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *blocks[:3],
            keras.layers.MaxPooling2D(),
            *blocks[3:],
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(CLASSES, activation="softmax"),
            *[keras.layers.Softmax()] * twice,
        ]
    )
    rate = hp.Choice("learning_rate", [0.001, 0.003, 0.01])
    model.compile(
        keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Digits 0 to 8 with values from 0 to 1; 849 to train, 768 to validate."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    kept = y < CLASSES
    x, x_validation, y, y_validation = train_test_split(
        (x[kept] / 16).astype("float32").reshape(-1, 8, 8, 1),
        y[kept],
        test_size=VALIDATION_ROWS,
        random_state=SEED,
        stratify=y[kept],
    )
    return (x, y), (x_validation, y_validation)
