"""A stack reproduces `Model.fit`: losses, metrics, arguments of `fit`, and callbacks.

As in `test_conformance`, in float64, in order and at low learning rates.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from keras import callbacks, layers

from tests.search.stacking.conforming import (
    Case,
    alone,
    assert_conforms,
    assert_equal,
    floats,
    make_engine,
    make_runs,
    train,
    train_case,
)

RNG = np.random.default_rng(1)
N = 21
X = RNG.normal(size=(N, 4))
BINARY = (X[:, 0] + RNG.normal(size=N) > 0).astype(int)
CLASSES = RNG.integers(0, 3, N)
ONE_HOT = np.eye(3)[CLASSES]
VALUES = RNG.normal(size=(N, 1))
WEIGHTS = RNG.random(N)
RATES = ({"rate": 2.0**-9}, {"rate": 2.0**-6})
FIT = {"epochs": 3, "batch_size": 8}


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    with floats("float64"):
        yield


def net(rate: float, loss: Any, units: int, activation: Any, **compiled: Any) -> Any:
    parts = [layers.Dense(5, "tanh"), layers.BatchNormalization(), layers.Dense(units, activation)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(keras.optimizers.Adam(rate), loss, **compiled)
    return model


def judged(
    loss: Any, y: Any, units: int = 1, activation: Any = "sigmoid", fit: Any = None, **compiled: Any
) -> Case:
    """Runs of one loss, with metrics made anew for each model."""

    def build(rate: float) -> Any:
        made = {name: make() if callable(make) else make for name, make in compiled.items()}
        return net(rate, loss() if callable(loss) else loss, units, activation, **made)

    return Case(build, RATES, {**FIT, "x": X, "y": y, "validation_split": 0.3, **(fit or {})})


L, M = keras.losses, keras.metrics
LOSSES = {
    "binary": judged("binary_crossentropy", BINARY, metrics=lambda: ["accuracy", "AUC"]),
    "binary column": judged("binary_crossentropy", BINARY[:, None], metrics=lambda: ["accuracy"]),
    "binary booleans": judged("binary_crossentropy", BINARY.astype(bool)),
    "binary logits": judged(
        lambda: L.BinaryCrossentropy(from_logits=True), BINARY.astype("float32"), 1, None
    ),
    "binary smoothed": judged(lambda: L.BinaryCrossentropy(label_smoothing=0.25), BINARY),
    "focal": judged("binary_focal_crossentropy", BINARY),
    "categorical": judged(
        "categorical_crossentropy", ONE_HOT, 3, "softmax",
        metrics=lambda: ["accuracy", M.F1Score(average="macro")],
    ),
    "categorical logits": judged(
        lambda: L.CategoricalCrossentropy(from_logits=True, label_smoothing=0.125), ONE_HOT, 3, None
    ),
    "sparse": judged(
        "sparse_categorical_crossentropy", CLASSES, 3, "softmax", metrics=lambda: ["accuracy"]
    ),
    "sparse column": judged(
        "sparse_categorical_crossentropy", CLASSES[:, None], 3, "softmax",
        metrics=lambda: ["accuracy"],
    ),
    "sparse logits": judged(
        lambda: L.SparseCategoricalCrossentropy(from_logits=True), CLASSES, 3, None
    ),
    "divergence": judged("kl_divergence", ONE_HOT, 3, "softmax"),
    "squares": judged("mse", VALUES, 1, None, metrics=lambda: ["mae", M.RootMeanSquaredError()]),
    "squares flat": judged("mse", VALUES[:, 0], 1, None, metrics=lambda: [M.R2Score()]),
    "absolute": judged("mae", VALUES, 1, None),
    "huber": judged(lambda: L.Huber(0.5), VALUES, 1, None),
    "log cosh": judged("log_cosh", VALUES, 1, None),
    "hinge": judged("hinge", BINARY, 1, None),
    "poisson": judged("poisson", BINARY, 1, "softplus"),
    "summed": judged(lambda: L.MeanSquaredError(reduction="sum"), VALUES, 1, None),
    "precision": judged(
        "binary_crossentropy", BINARY, fit={"sample_weight": WEIGHTS},
        metrics=lambda: [M.Precision(), M.Recall(), M.AUC(curve="PR"), M.FalsePositives()],
        weighted_metrics=lambda: ["accuracy", M.AUC()],
    ),
}  # fmt: skip


def called(**fit: Any) -> Case:
    """Runs of one call of `fit`."""

    def build(rate: float) -> Any:
        weighted = {"weighted_metrics": ["accuracy"]}
        return net(rate, "binary_crossentropy", 1, "sigmoid", metrics=["AUC"], **weighted)

    return Case(build, RATES, {**FIT, "x": X, "y": BINARY, **fit})


VALIDATION = (X[:9] + 1, BINARY[:9])
CALLS = {
    "no validation": called(),
    "validation data": called(validation_data=VALIDATION),
    "weighted validation": called(validation_data=(*VALIDATION, WEIGHTS[:9])),
    "validation batch": called(validation_data=VALIDATION, validation_batch_size=4),
    "validation now and then": called(validation_data=VALIDATION, validation_freq=2, epochs=5),
    "validation at times": called(validation_data=VALIDATION, validation_freq=[1, 4], epochs=5),
    "one batch": called(batch_size=100, validation_split=0.3),
    "default batch": called(batch_size=None, validation_split=0.3),
    "whole batches": called(x=X[:16], y=BINARY[:16], validation_data=VALIDATION),
    "sample weight": called(sample_weight=WEIGHTS, validation_split=0.3),
    "class weight": called(class_weight={0: 1.0, 1: 2.5}, validation_split=0.3),
    "integers": called(x=RNG.integers(-3, 3, (N, 4)), validation_split=0.3),
    "bytes": called(x=RNG.integers(0, 9, (N, 4)).astype("uint8"), validation_split=0.3),
    "single precision": called(x=X.astype("float32"), validation_split=0.3),
    "tables": called(
        x=pd.DataFrame(X),
        y=pd.Series(BINARY),
        validation_data=(pd.DataFrame(X[:9]), pd.Series(BINARY[:9])),
    ),
    "tensors": called(x=keras.ops.convert_to_tensor(X), y=BINARY, validation_data=VALIDATION),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_and_its_metrics_are_as_in_fit(name: str) -> None:
    assert_conforms(LOSSES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_arguments_mean_what_they_mean_in_fit(name: str) -> None:
    assert_conforms(CALLS[name])


def shaped(rate: float, epochs: int) -> Any:
    return net(rate, "binary_crossentropy", 1, "sigmoid", metrics=["accuracy"])


UNEVEN = Case(
    shaped,
    [{"rate": 2.0 ** -(9 - i), "epochs": 2 + i % 3} for i in range(5)],
    lambda rate, epochs: {**FIT, "epochs": epochs, "x": X, "y": BINARY, "validation_split": 0.3},
)


def test_more_runs_than_rows_and_of_different_lengths_train_as_in_fit() -> None:
    assert_conforms(UNEVEN, rows=2)


def test_rows_of_their_own_are_folds_as_fit_would_see_them() -> None:
    folds = [(np.arange(7, 21), np.arange(7)), (np.r_[0:7, 14:21], np.arange(7, 14))]
    whole = called(validation_data=(X, BINARY))
    runs = make_runs(whole)
    for run, (own, other) in zip(runs, folds, strict=True):
        run.train_rows, run.validation_rows = (rows.astype(np.int32) for rows in (own, other))
    train(make_engine(whole, runs, own_rows=True), runs)
    for at, (own, other) in enumerate(folds):
        data = {"x": X[own], "y": BINARY[own], "validation_data": (X[other], BINARY[other])}
        assert_equal(runs[at], *alone(called(**data), at), 1e-8)


def watched(make: Any, *hypers: dict[str, Any], **fit: Any) -> Case:
    """Runs with a callback each, made from the run's hyperparameters."""

    def arguments(rate: float, **hyper: Any) -> dict[str, Any]:
        made = {"callbacks": [make(rate=rate, **hyper)], "validation_data": VALIDATION, **fit}
        return {**FIT, "x": X, "y": BINARY, **made}

    def build(rate: float, **hyper: Any) -> Any:
        return net(rate, "binary_crossentropy", 1, "sigmoid", metrics=["accuracy"])

    return Case(build, hypers, arguments)


WATCHED = {
    "stopped early": watched(
        lambda rate, patience: callbacks.EarlyStopping(
            "val_loss", patience=patience, restore_best_weights=True, min_delta=2.0**-4
        ),
        {"rate": 2.0**-9, "patience": 1},
        {"rate": 2.0**-7, "patience": 3},
        {"rate": 2.0**-3, "patience": 2},
        epochs=9,
    ),
    "lower rates": watched(
        lambda rate: callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.25),
        {"rate": 2.0**-7},
        {"rate": 2.0**-5},
        epochs=6,
    ),
    "scheduled": watched(
        lambda rate: callbacks.LearningRateScheduler(lambda epoch, now: now / 2), *RATES
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        "stopped early",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("lower rates", "scheduled")),
    ],
)
def test_callbacks_do_what_they_do_in_fit(name: str) -> None:
    case = WATCHED[name]
    for at, run in enumerate(train_case(case)):
        assert_equal(run, *alone(case, at), 1e-8)


def test_a_run_that_diverges_stops_where_fit_stops() -> None:
    def build(rate: float) -> Any:
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(rate), "mse")
        return model

    def fit(rate: float) -> dict[str, Any]:
        stop = [callbacks.TerminateOnNaN()]
        return {"x": X, "y": VALUES, "epochs": 6, "batch_size": 4, "callbacks": stop}

    case = Case(build, [{"rate": 2.0**300}, {"rate": 2.0**-7}], fit)
    diverged, sound = train_case(case)
    history, weights = alone(case, 0)
    assert diverged.history.epoch == [0] == list(range(len(history["loss"])))
    assert not np.isfinite(history["loss"]).any()
    np.testing.assert_array_equal(diverged.history.history["loss"], history["loss"])
    for mine, other in zip(diverged.final_weights, weights, strict=True):
        np.testing.assert_allclose(mine, other)
    assert_equal(sound, *alone(case, 1), 1e-8)


@pytest.mark.slow
def test_a_log_of_a_run_is_that_of_fit(tmp_path: Path) -> None:
    paths = iter(tmp_path / name for name in ("0", "1", "alone"))
    case = watched(lambda rate: callbacks.CSVLogger(next(paths)), *RATES)
    train_case(case)
    alone(case, 1)
    mine, other = (
        list(csv.DictReader((tmp_path / name).read_text().splitlines())) for name in ("1", "alone")
    )
    assert mine[0].keys() == other[0].keys()
    for row, expected in zip(mine, other, strict=True):
        for name, value in expected.items():
            assert float(row[name]) == pytest.approx(float(value), abs=1e-8)
