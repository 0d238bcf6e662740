"""A convolutional net that steers by a picture of the road: dropout and learning rate.

A regression on -1 to 1. The 1,500 pictures of 32 x 64 grey pixels are drawn for the purpose: a lane
that bends, seen from a car that is not always in its middle, under changing light, with shadows and
noise; 300 validate. The steering angle follows the bend and the place in the lane, and trembles by
0.05 as a driver's hand does, which no model can foresee: the mean squared error cannot fall below
0.0025. Answering the mean for every picture has one of 0.102.

The net is the one that steering is often learned with, five convolutions and three dense layers,
with dropout after every block, made small. Dropout acts in training only, so with it the validation
loss stays below the training loss: `docs/cases/steering.md` is about that. Six trials.
"""

from typing import Any

import numpy as np

SEED = 0
TRAIN_ROWS, VALIDATION_ROWS = 1_200, 300

HEIGHT, WIDTH = 32, 64
HORIZON = 9
"""Rows of sky."""

TREMBLE = 0.05
"""Standard deviation of the driver's hand, in units of the angle."""


def build_model(hp: Any) -> Any:
    """Five convolutions and three dense layers, dropout after each, one linear unit, Adam."""
    import keras

    dropout = hp.Choice("dropout", [0.0, 0.1, 0.2])
    rate = hp.Choice("learning_rate", [0.001, 0.003])
    model = keras.Sequential([keras.Input((HEIGHT, WIDTH, 1))])
    for filters, kernel, stride in ((8, 5, 2), (12, 5, 2), (16, 3, 1), (16, 3, 1), (16, 3, 1)):
        model.add(keras.layers.Conv2D(filters, kernel, stride, padding="same", activation="relu"))
        model.add(keras.layers.SpatialDropout2D(dropout))
    model.add(keras.layers.MaxPooling2D(2))
    model.add(keras.layers.Flatten())
    for units in (48, 24, 10):
        model.add(keras.layers.Dense(units, activation="relu"))
        model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(rate), loss="mean_squared_error", metrics=["mae"])
    return model


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Pictures (row, 32, 64, 1) from -1 to 1 and angles; 1,200 to train, 300 to validate."""
    x, y = drive(TRAIN_ROWS + VALIDATION_ROWS, SEED)
    return (x[:TRAIN_ROWS], y[:TRAIN_ROWS]), (x[TRAIN_ROWS:], y[TRAIN_ROWS:])


def drive(rows: int, seed: int) -> tuple[Any, Any]:
    """Pictures of roads, and the angle at which a driver steers there.

    Args:
        rows: How many. They are independent of each other, unlike the frames of a film.
        seed: Of all that is random in them.

    Returns:
        Pictures (row, 32, 64, 1) from -1 to 1, and angles from -1 to 1.
    """
    rng = np.random.default_rng(seed)
    bend = rng.normal(0, 0.35, rows).clip(-1, 1)
    place = rng.normal(0, 0.3, rows).clip(-0.8, 0.8)  # to the right of the middle, in half lanes
    angle = 0.8 * bend - 0.5 * place + rng.normal(0, TREMBLE, rows)
    picture = _road(rng, bend, place)
    picture += _light(rng, rows)
    picture += rng.normal(0, 0.15, picture.shape)
    return picture.clip(-1, 1)[..., None].astype("float32"), angle.clip(-1, 1).astype("float32")


def _road(rng: np.random.Generator, bend: Any, place: Any) -> Any:
    """Sky, ground, a road in perspective with bright edges, of grey levels that change."""
    rows = len(bend)
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    near = ((down - HORIZON) / (HEIGHT - HORIZON)).clip(1e-3)  # 0 at the horizon, 1 at the car
    half = 22 * near  # of the lane, in pixels
    bent = bend[:, None, None] * (1 - near) ** 2 * 26
    middle = WIDTH / 2 + bent - place[:, None, None] * half
    beside = np.abs(across - middle) / half  # 1 at the edge of the lane
    sky, ground, road = (
        rng.uniform(*ends, (rows, 1, 1)) for ends in ((0, 0.8), (-0.4, 0.2), (-0.7, -0.2))
    )
    picture = np.where(beside < 1, road, ground)
    picture = np.where(np.abs(beside - 1) < 0.12, 0.7, picture)
    return np.where(down < HORIZON, sky, picture)


def _light(rng: np.random.Generator, rows: int) -> Any:
    """A sun from one side, and the shadow of something across the picture."""
    across = np.linspace(-1, 1, WIDTH)
    sun = rng.normal(0, 0.2, (rows, 1, 1)) * across
    start = rng.uniform(-1.5, 1, (rows, 1, 1))
    slant = rng.normal(0, 0.5, (rows, 1, 1)) * np.linspace(0, 1, HEIGHT)[:, None]
    inside = np.abs(across - start - slant) < rng.uniform(0.05, 0.3, (rows, 1, 1))
    return sun - 0.5 * inside
