"""A stack reproduces `Model.fit`: each run has the curves and weights that it would have alone.

In float64, in order, at low learning rates: float32 rounding alone separates the curves of one run.
Lifted numbers are exact in float32, as Keras takes Python numbers through it here and there. On JAX
it also computes tanh in float32, so that it cannot train a SimpleRNN with it in float64.
"""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, regularizers

from auditor.search.stacking.layers import UNROLLED_STEPS
from auditor.search.stacking.lifting import ELEMENTWISE
from tests.search.stacking.conforming import (
    WAY,
    WAYS,
    Case,
    alone,
    assert_conforms,
    assert_equal,
    floats,
    train_case,
)

RNG = np.random.default_rng(0)
N, BATCH, EPOCHS = 21, 8, 3
TABLE = RNG.normal(size=(N, 4))
SERIES = RNG.normal(size=(N, 6, 3))
IMAGES = RNG.normal(size=(N, 6, 6, 2))
WORDS = RNG.integers(0, 7, (N, 5))
BINARY = (TABLE[:, 0] + RNG.normal(size=N) > 0).astype(int)
CLASSES = RNG.integers(0, 3, N)
VALUES = RNG.normal(size=(N, 1))
LONG = RNG.normal(size=(N, UNROLLED_STEPS + 1, 2))
LONG_WORDS = RNG.integers(0, 7, (N, UNROLLED_STEPS + 1))
FIT = {"epochs": EPOCHS, "batch_size": BATCH}
RATES = ({"rate": 2.0**-9}, {"rate": 2.0**-7})


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    with floats("float64"):
        yield


def dense(*parts: Any) -> list[Any]:
    return [layers.Dense(5, "tanh"), *parts, layers.Dense(1, "sigmoid")]


def sequential(
    make: Callable[[], list[Any]], x: Any, y: Any = BINARY, loss: Any = "binary_crossentropy",
    **fit: Any,
) -> Case:  # fmt: skip
    """Runs with two learning rates of Adam."""

    def build(rate: float) -> Any:
        model = keras.Sequential([keras.Input(x.shape[1:]), *make()])
        model.compile(keras.optimizers.Adam(rate), loss, metrics=["mae"])
        return model

    return Case(build, RATES, {**FIT, "x": x, "y": y, "validation_split": 0.3, **fit})


def last() -> list[Any]:
    return [layers.Flatten(), layers.Dense(1, "sigmoid")]


LAYERS = {
    "dense": sequential(dense, TABLE),
    "batch normalization": sequential(lambda: dense(layers.BatchNormalization()), TABLE),
    "layer normalization": sequential(lambda: dense(layers.LayerNormalization()), TABLE),
    "group normalization": sequential(
        lambda: [layers.Dense(4), layers.GroupNormalization(2), *last()], TABLE
    ),
    "unit normalization": sequential(lambda: dense(layers.UnitNormalization()), TABLE),
    "rms normalization": sequential(lambda: dense(layers.RMSNormalization()), TABLE),
    "prelu": sequential(lambda: dense(layers.PReLU()), TABLE),
    "leaky relu": sequential(lambda: dense(layers.LeakyReLU(), layers.ELU()), TABLE),
    "embedding": sequential(lambda: [layers.Embedding(7, 3), *last()], WORDS),
    "masked embedding": sequential(
        lambda: [
            layers.Embedding(7, 3, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, "sigmoid"),
        ],
        WORDS,
    ),
    "conv1d": sequential(
        lambda: [layers.Conv1D(3, 2, activation="relu"), layers.MaxPooling1D(2), *last()], SERIES
    ),
    "conv2d": sequential(
        lambda: [
            layers.Conv2D(3, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            *last(),
        ],
        IMAGES,
    ),
    "conv2d strided": sequential(
        lambda: [layers.Conv2D(3, 3, strides=2), layers.AveragePooling2D(2), *last()], IMAGES
    ),
    "conv2d transposed": sequential(lambda: [layers.Conv2DTranspose(2, 3), *last()], IMAGES),
    "depthwise conv2d": sequential(
        lambda: [layers.DepthwiseConv2D(3), layers.AveragePooling2D(2), *last()], IMAGES
    ),
    "separable conv2d": sequential(
        lambda: [
            layers.SeparableConv2D(3, 3),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1, "sigmoid"),
        ],
        IMAGES,
    ),
    "global pooling": sequential(
        lambda: [
            layers.Conv2D(3, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, "sigmoid"),
        ],
        IMAGES,
    ),
    "reshape": sequential(
        lambda: [
            layers.ZeroPadding2D(1),
            layers.Cropping2D(1),
            layers.UpSampling2D(2),
            layers.Permute((3, 1, 2)),
            layers.Reshape((24, 12)),
            *last(),
        ],
        IMAGES,
    ),
    "rescaling": sequential(lambda: [layers.Rescaling(0.5, 1.0), *dense()], TABLE),
    "multi-head attention": Case(
        lambda rate: attention(rate), RATES,
        {**FIT, "x": SERIES, "y": BINARY, "validation_split": 0.3},
    ),
    "constraints": sequential(
        lambda: dense(
            layers.Dense(4, kernel_constraint=keras.constraints.MaxNorm(0.5)),
            layers.Dense(4, kernel_constraint="non_neg", bias_constraint="unit_norm"),
        ),
        TABLE,
    ),
    "frozen layers": sequential(
        lambda: dense(layers.Dense(4, trainable=False), layers.BatchNormalization(trainable=False)),
        TABLE,
    ),
    "nested": sequential(
        lambda: dense(
            keras.Sequential([layers.Dense(3, "relu"), layers.BatchNormalization()]),
            keras.Sequential([keras.Input((3,)), layers.Dense(3, "relu")]),
        ),
        TABLE,
    ),
}  # fmt: skip

RECURRENT = {
    "lstm": (SERIES, lambda: [layers.LSTM(3, return_sequences=True), layers.LSTM(2), *last()]),
    "gru": (SERIES, lambda: [layers.GRU(3), *last()]),
    "simple rnn": (SERIES, lambda: [layers.Dense(3), layers.SimpleRNN(3, "elu"), *last()]),
    "bidirectional": (SERIES, lambda: [layers.Bidirectional(layers.LSTM(2)), *last()]),
    "time distributed": (
        SERIES,
        lambda: [
            layers.GRU(2, return_sequences=True),
            layers.TimeDistributed(layers.Dense(2)),
            *last(),
        ],
    ),
    "masked": (
        WORDS,
        lambda: [
            layers.Embedding(7, 3, mask_zero=True),
            layers.Bidirectional(layers.GRU(2)),
            *last(),
        ],
    ),
    "long lstm": (LONG, lambda: [layers.LSTM(2), *last()]),
    "long bidirectional": (LONG, lambda: [layers.Bidirectional(layers.LSTM(2)), *last()]),
    "long masked": (
        LONG_WORDS,
        lambda: [layers.Embedding(7, 3, mask_zero=True), layers.GRU(2), *last()],
    ),
}


def attention(rate: float) -> Any:
    series = keras.Input(SERIES.shape[1:])
    seen = layers.MultiHeadAttention(2, 2)(series, series)
    found = layers.Dense(1, "sigmoid")(layers.Flatten()(layers.Add()([series, seen])))
    model = keras.Model(series, found)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def branches(rate: float) -> Any:
    """Two inputs, a shared layer, a residual connection, two outputs with losses of their own."""
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    shared = layers.Dense(4, "relu", name="shared")
    joined = layers.Concatenate()([shared(one), shared(two)])
    summed = layers.Add()([one, layers.Multiply()([two, layers.Dense(4)(joined)])])
    outputs = {
        "yes": layers.Dense(1, "sigmoid", name="yes")(summed),
        "size": layers.Dense(1, name="size")(layers.Maximum()([summed, two])),
    }
    model = keras.Model({"one": one, "two": two}, outputs)
    model.compile(
        keras.optimizers.Adam(rate),
        {"yes": "binary_crossentropy", "size": "mse"},
        loss_weights={"yes": 0.5, "size": 2.0},
        metrics={"yes": ["accuracy", "AUC"], "size": "mae"},
    )
    return model


def listed(rate: float) -> Any:
    """Two inputs and two outputs in lists, of which one has no loss."""
    one, two = keras.Input((4,)), keras.Input((4,))
    joined = layers.Concatenate()([one, two])
    outputs = [layers.Dense(1, "sigmoid")(joined), layers.Dense(1)(joined), layers.ReLU()(joined)]
    model = keras.Model([one, two], outputs)
    model.compile(keras.optimizers.Adam(rate), ["binary_crossentropy", "mse", None])
    return model


SHAPED = {
    "by name": Case(
        branches,
        RATES,
        {
            **FIT,
            "x": {"one": TABLE, "two": TABLE[::-1].copy()},
            "y": {"yes": BINARY, "size": VALUES},
            "sample_weight": {"yes": RNG.random(N), "size": RNG.random(N)},
        },
    ),
    "in lists": Case(
        listed,
        RATES,
        {
            **FIT,
            "x": [TABLE, TABLE[::-1].copy()],
            "y": [BINARY, VALUES, TABLE],
            "validation_split": 0.3,
        },
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_trains_as_in_fit(name: str, way: str) -> None:
    assert_conforms(LAYERS[name], way)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECURRENT)
def test_a_recurrent_layer_trains_as_in_fit(name: str) -> None:
    x, make = RECURRENT[name]
    assert_conforms(sequential(make, x), WAY)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPED)
def test_models_of_several_inputs_and_outputs_train_as_in_fit(name: str) -> None:
    assert_conforms(SHAPED[name])


def network(
    optimizer: Any = None, loss: Any = "binary_crossentropy", head: Any = None, **options: Any
) -> Any:
    """A small net of a hidden layer and a last one."""
    given = {"activation": "tanh", **{k: v for k, v in options.items() if k in HIDDEN}}
    compiled = {k: v for k, v in options.items() if k not in HIDDEN}
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, **given),
            head or layers.Dense(1, "sigmoid"),
        ]
    )
    model.compile(optimizer or keras.optimizers.SGD(2.0**-4), loss, **compiled)
    return model


HIDDEN = {"activation", "kernel_regularizer", "bias_regularizer", "activity_regularizer"}
PLAIN = {**FIT, "x": TABLE, "y": BINARY, "validation_split": 0.3}


def optimized(kind: Any, *hypers: dict[str, Any], **fixed: Any) -> Case:
    """Runs that differ in arguments of their optimizer."""
    return Case(lambda **hyper: network(kind(**{**fixed, **hyper})), hypers, PLAIN)


O = keras.optimizers  # noqa: E741
RATE = {"learning_rate": 2.0**-7}
BOTH = ({"learning_rate": 2.0**-9}, {"learning_rate": 2.0**-7})
LIFTED = {
    "momentum": optimized(O.SGD, {"momentum": 0.5}, {"momentum": 0.875}, **RATE),
    "nesterov": optimized(O.SGD, {"momentum": 0.5}, {"momentum": 0.875}, nesterov=True, **RATE),
    "rmsprop": optimized(
        O.RMSprop, {"momentum": 0.5, "rho": 0.75}, {"momentum": 0.25, "rho": 0.875}, **RATE
    ),
    "betas": optimized(
        O.Adam, {"beta_1": 0.5, "beta_2": 0.75}, {"beta_1": 0.875, "beta_2": 0.875}, **RATE
    ),
    "epsilon": optimized(O.Adam, {"epsilon": 2.0**-10}, {"epsilon": 2.0**-3}, **RATE),
    "nadam betas": optimized(
        O.Nadam, {"beta_1": 0.5, "beta_2": 0.75}, {"beta_1": 0.875, "beta_2": 0.875}, **RATE
    ),
    "adamax betas": optimized(
        O.Adamax, {"beta_1": 0.5, "beta_2": 0.75}, {"beta_1": 0.875, "beta_2": 0.875}, **RATE
    ),
    "lion betas": optimized(
        O.Lion, {"beta_1": 0.5, "beta_2": 0.75}, {"beta_1": 0.875, "beta_2": 0.875}, **RATE
    ),
    "adadelta rho": optimized(
        O.Adadelta, {"rho": 0.75, "epsilon": 2.0**-9}, {"rho": 0.875, "epsilon": 2.0**-7}, **RATE
    ),
    "weight decay": optimized(
        O.AdamW, {"weight_decay": 2.0**-4}, {"weight_decay": 2.0**-2}, **RATE
    ),
    "sgd weight decay": optimized(
        O.SGD, {"weight_decay": 2.0**-4}, {"weight_decay": 2.0**-2}, **RATE
    ),
}
OPTIMIZERS = {
    "sgd": optimized(O.SGD, *BOTH),
    "adam amsgrad": optimized(O.Adam, *BOTH, amsgrad=True),
    "adamw": optimized(O.AdamW, *BOTH),
    "rmsprop centered": optimized(O.RMSprop, *BOTH, centered=True, momentum=0.5),
    "adagrad": optimized(O.Adagrad, *BOTH),
    "adadelta": optimized(O.Adadelta, *BOTH),
    "adamax": optimized(O.Adamax, *BOTH),
    "nadam": optimized(O.Nadam, *BOTH),
    "lion": optimized(O.Lion, *BOTH),
    "ftrl": optimized(O.Ftrl, *BOTH, l1_regularization_strength=2.0**-6),
    "adafactor": optimized(O.Adafactor, *BOTH),
    "lamb": optimized(O.Lamb, *BOTH),
    "clipnorm": optimized(O.SGD, *BOTH, clipnorm=2.0**-4),
    "clipvalue": optimized(O.Adam, *BOTH, clipvalue=2.0**-6),
    "global clipnorm": optimized(O.SGD, *BOTH, global_clipnorm=2.0**-4),
    "exponential decay": optimized(
        lambda seed: O.Adam(O.schedules.ExponentialDecay(2.0**-6, 2, 0.5)), {"seed": 0}, {"seed": 1}
    ),
    "cosine decay": optimized(
        lambda seed: O.SGD(O.schedules.CosineDecay(2.0**-4, 5)), {"seed": 0}, {"seed": 1}
    ),
}

L1, L2, BOTH_PENALTIES = regularizers.L1, regularizers.L2, regularizers.L1L2
PENALTIES = {
    "l2": Case(
        lambda rate: network(kernel_regularizer=L2(rate), bias_regularizer=L2(0.25)),
        [{"rate": 0.5}, {"rate": 0.125}, {"rate": 0.0}], PLAIN,
    ),
    "l1": Case(
        lambda rate: network(kernel_regularizer=L1(rate)), [{"rate": 0.5}, {"rate": 0.125}], PLAIN
    ),
    "l1l2": Case(
        lambda l1, l2: network(kernel_regularizer=BOTH_PENALTIES(l1, l2)),
        [{"l1": 0.5, "l2": 0.0}, {"l1": 0.125, "l2": 0.25}], PLAIN,
    ),
    "activity": Case(
        lambda rate: network(activity_regularizer=L2(rate)), [{"rate": 0.5}, {"rate": 0.0}], PLAIN
    ),
    "activity l1": Case(
        lambda rate: network(activity_regularizer=L1(rate)), [{"rate": 0.5}, {"rate": 0.25}], PLAIN
    ),
    "fixed": Case(
        lambda rate: network(O.SGD(rate), kernel_regularizer=L2(0.5), activity_regularizer="l1"),
        RATES, PLAIN,
    ),
}  # fmt: skip

ACTIVATIONS = Case(
    lambda activation: network(activation=activation),
    [{"activation": name} for name in sorted(ELEMENTWISE)],
    PLAIN,
)


def exploding(activation: str) -> Any:
    """One number is large enough for an exponential to overflow, in one run of two."""
    hidden = layers.Dense(5, activation, kernel_initializer=keras.initializers.Constant(800.0))
    last = layers.Dense(1, "sigmoid", kernel_initializer=keras.initializers.Constant(2.0**-9))
    model = keras.Sequential([keras.Input((4,)), hidden, last])
    model.compile(O.SGD(2.0**-12), "binary_crossentropy")
    return model


def dropped(rate: float) -> Any:
    parts = [layers.Dropout(0.0), layers.GaussianNoise(0.0), layers.SpatialDropout1D(0.0)]
    model = keras.Sequential([keras.Input((6, 3)), *parts, *last()])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    return model


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LIFTED)
def test_runs_of_different_optimizer_numbers_train_as_in_fit(name: str, way: str) -> None:
    assert_conforms(LIFTED[name], way)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_trains_as_in_fit(name: str) -> None:
    assert_conforms(OPTIMIZERS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", PENALTIES)
def test_runs_of_different_penalties_train_as_in_fit(name: str) -> None:
    assert_conforms(PENALTIES[name])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_runs_of_different_activations_train_as_in_fit(way: str) -> None:
    assert_conforms(ACTIVATIONS, way)


def test_an_activation_that_overflows_in_one_run_spoils_no_other() -> None:
    names = [{"activation": name} for name in ("relu", "exponential", "tanh")]
    case = Case(exploding, names, PLAIN)
    first, exploded, third = train_case(case)
    assert not np.isfinite(exploded.history.history["loss"]).all()
    assert_equal(first, *alone(case, 0), 1e-8)
    assert_equal(third, *alone(case, 2), 1e-8)


def everything(rate: float, momentum: float, activation: str, l2: float) -> Any:
    """One model with something of each family."""
    words, images = keras.Input((5,), name="words"), keras.Input((6, 6, 2), name="images")
    read = layers.GlobalAveragePooling1D()(layers.Embedding(7, 3)(words))
    seen = layers.MaxPooling2D(2)(layers.Conv2D(2, 3, activation=activation)(images))
    joined = layers.Concatenate()([read, layers.Flatten()(seen)])
    hidden = layers.Dense(4, activation, kernel_regularizer=regularizers.L2(l2))(joined)
    known = layers.LayerNormalization()(layers.BatchNormalization()(hidden))
    outputs = {
        "yes": layers.Dense(1, "sigmoid", name="yes")(layers.Dropout(0.0)(known)),
        "size": layers.Dense(1, name="size")(layers.Add()([hidden, known])),
    }
    model = keras.Model({"words": words, "images": images}, outputs)
    optimizer = keras.optimizers.SGD(rate, momentum, nesterov=True, clipnorm=1.0)
    losses = {"yes": "binary_crossentropy", "size": "mse"}
    model.compile(optimizer, losses, metrics={"yes": ["accuracy"], "size": ["mae"]})
    return model


EVERYTHING = Case(
    everything,
    [
        {"rate": 2.0**-5, "momentum": 0.5, "activation": "relu", "l2": 0.0},
        {"rate": 2.0**-7, "momentum": 0.875, "activation": "elu", "l2": 0.125},
    ],
    {
        **FIT,
        "epochs": 2,
        "x": {"words": WORDS, "images": IMAGES},
        "y": {"yes": BINARY, "size": VALUES},
        "validation_data": (
            {"words": WORDS[:9], "images": IMAGES[:9]},
            {"yes": BINARY[:9], "size": VALUES[:9]},
        ),
    },
)


def test_runs_that_differ_in_all_that_is_lifted_train_as_in_fit() -> None:
    assert_conforms(EVERYTHING)


@pytest.mark.slow
def test_noise_of_level_zero_changes_nothing() -> None:
    assert_conforms(Case(dropped, RATES, {**PLAIN, "x": SERIES}))
