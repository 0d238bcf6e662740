"""A small MobileNet with attention on drawn garments: SGD, attention, dropout, augmentation.

Ten classes of garments, drawn for the purpose in 32 x 32 coloured pixels: tank top, T-shirt, shirt,
jacket, coat, dress, gown, skirt, shorts, trousers. They differ in length, sleeves and flare, and
each varies so much that neighbours overlap; one label in ten is wrong, as labels collected from
shops are. 800 train, 500 validate. The loss of knowing nothing is ln 10 = 2.30; the wrong labels
alone keep accuracy below about .91.

The net is MobileNet's scaled down: blocks of a depthwise and a pointwise convolution, each followed
by batch normalisation, from random weights; with attention a block weighs its channels by what the
whole picture shows (squeeze and excite). So few pictures are learned by heart within some epochs:
`docs/cases/mobilenet.md` is about when to stop, and what helps. Sixteen trials.

MobileNet: Howard et al. 2017, arXiv 1704.04861. Squeeze and excite: Hu et al. 2018, arXiv
1709.01507.
"""

from typing import Any, NamedTuple

import numpy as np

SEED = 0
TRAIN_ROWS, VALIDATION_ROWS = 800, 500

SIDE = 32
"""Pixels."""

WRONG = 0.1
"""Share of the labels that are drawn at random from the other classes."""


class Garment(NamedTuple):
    """The mean shape of a class; lengths in units of the height that the longest ones fill."""

    length: float
    flare: float = 0.0
    sleeves: float = 0.0
    legs: float = 0.0
    is_open: bool = False
    has_shoulders: bool = True


GARMENTS = {
    "tank top": Garment(0.55),
    "T-shirt": Garment(0.55, sleeves=0.3),
    "shirt": Garment(0.6, sleeves=0.75),
    "jacket": Garment(0.6, sleeves=0.75, is_open=True),
    "coat": Garment(0.9, 0.1, sleeves=0.75, is_open=True),
    "dress": Garment(0.9, 0.25),
    "gown": Garment(0.9, 0.25, sleeves=0.75),
    "skirt": Garment(0.55, 0.3, has_shoulders=False),
    "shorts": Garment(0.5, 0.1, legs=0.3, has_shoulders=False),
    "trousers": Garment(0.9, legs=0.65, has_shoulders=False),
}
VARIATION = 0.08
"""Standard deviation of length, flare, sleeves and legs within a class."""


def build_model(hp: Any) -> Any:
    """A stem, four blocks, the mean over the picture, dropout and a softmax; SGD with momentum."""
    import keras

    attention = hp.Choice("attention", ["none", "channels"])
    augmentation = hp.Choice("augmentation", ["none", "flips and shifts"])
    x = inputs = keras.Input((SIDE, SIDE, 3))
    if augmentation != "none":
        x = keras.layers.RandomFlip("horizontal")(x)
        x = keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")(x)
    x = normalised(keras.layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(x))
    for filters, stride in ((16, 1), (32, 2), (32, 1), (64, 2)):
        x = block(x, filters, stride, attention)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(hp.Choice("dropout", [0.0, 0.5]))(x)
    outputs = keras.layers.Dense(len(GARMENTS), activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    top = keras.metrics.SparseTopKCategoricalAccuracy
    model.compile(
        keras.optimizers.SGD(hp.Choice("learning_rate", [0.02, 0.05]), momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", top(3, name="top3_acc"), top(5, name="top5_acc")],
    )
    return model


def block(x: Any, filters: int, stride: int, attention: str) -> Any:
    """A depthwise and a pointwise convolution, and attention to channels where it is asked for."""
    import keras

    x = normalised(keras.layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x))
    x = normalised(keras.layers.Conv2D(filters, 1, use_bias=False)(x))
    if attention == "none":
        return x
    weight = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = keras.layers.Dense(filters // 4, activation="relu")(weight)
    weight = keras.layers.Dense(filters, activation="sigmoid")(weight)
    return keras.layers.Multiply()([x, weight])


def normalised(x: Any) -> Any:
    """Batch normalisation, which forgets soon enough for few batches an epoch, and ReLU6."""
    import keras

    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization(momentum=0.9)(x))


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Pictures (row, 32, 32, 3) from 0 to 1 and classes; 800 to train, 500 to validate."""
    x, y = wardrobe(TRAIN_ROWS + VALIDATION_ROWS, SEED)
    return (x[:TRAIN_ROWS], y[:TRAIN_ROWS]), (x[TRAIN_ROWS:], y[TRAIN_ROWS:])


def wardrobe(rows: int, seed: int) -> tuple[Any, Any]:
    """Pictures of garments and their labels, of which `WRONG` are wrong.

    Args:
        rows: How many, classes in turn.
        seed: Of all that is random in them.

    Returns:
        Pictures (row, 32, 32, 3) from 0 to 1, and numbers of `GARMENTS`.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(rows) % len(GARMENTS))
    cloth, front = _shapes(rng, labels)

    def colour(darkest: float, brightest: float) -> Any:
        return rng.uniform(darkest, brightest, (rows, 1, 1, 3))

    stripes = np.sin(rng.uniform(0.3, 1.5, (rows, 1, 1)) * np.arange(SIDE)[:, None])
    stripes = (rng.uniform(0, 0.2, (rows, 1, 1)) * stripes)[..., None]
    wall = colour(0.6, 1) - colour(0, 0.2) * np.linspace(0, 1, SIDE)[:, None]
    picture = np.where(cloth[..., None], colour(0, 0.5) + stripes, wall)
    picture = np.where(front[..., None], 0.6 * picture, picture)
    picture += rng.normal(0, 0.08, picture.shape)
    shift = rng.integers(1, len(GARMENTS), rows) * (rng.random(rows) < WRONG)
    return picture.clip(0, 1).astype("float32"), (labels + shift) % len(GARMENTS)


def _shapes(rng: np.random.Generator, labels: Any) -> tuple[Any, Any]:
    """Which pixels are cloth, and which are the front edge of what is open (row, down, across)."""

    def of_each(values: Any, deviation: float = 0.0) -> Any:
        each = np.asarray(values, float)[labels]
        varied = each + rng.normal(0, 1, len(labels)) * deviation * (each > 0)
        return varied.clip(0)[:, None, None]

    length, flare, sleeves, legs = (
        of_each([getattr(kind, part) for kind in GARMENTS.values()], VARIATION)
        for part in ("length", "flare", "sleeves", "legs")
    )
    is_open, has_shoulders = (
        of_each([getattr(kind, part) for kind in GARMENTS.values()]) > 0
        for part in ("is_open", "has_shoulders")
    )
    size = SIDE * rng.uniform(0.75, 1.0, length.shape)
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    v = (down - rng.uniform(1, 5, length.shape)) / size
    u = (across - SIDE / 2 - rng.normal(0, 1.5, length.shape)) / size
    inside = (v > 0) & (v < length) & (np.abs(u) < np.where(has_shoulders, 0.2, 0.17) + flare * v)
    between = (v > length - legs) & (np.abs(u) < 0.04)
    # Along an arm that hangs from the shoulder, and across it.
    along = 0.5 * (np.abs(u) - 0.17) + 0.87 * (v - 0.03)
    beside = 0.87 * (np.abs(u) - 0.17) - 0.5 * (v - 0.03)
    arms = has_shoulders & (along > 0) & (along < sleeves) & (np.abs(beside) < 0.06)
    cloth = (inside & ~between) | (arms & (sleeves > 0))
    return cloth, cloth & is_open & (np.abs(u) < 0.02)
