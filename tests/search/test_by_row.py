"""Losses and metrics of single rows: their means are what Keras evaluates."""

from typing import Any

import keras
import numpy as np
import pytest

from auditor.search import by_row as module
from auditor.search.by_row import ByRow, NotByRow, is_mean, is_same, validation_rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3)).astype("float32")
BINARY = (X[:, 0] > 0).astype("float32")
CLASSES = RNG.integers(0, 3, 50)


def model_of(units: int, activation: str | None, loss: Any, **more: Any) -> Any:
    last = keras.layers.Dense(units, activation, kernel_regularizer=keras.regularizers.L2(0.1))
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), last])
    model.compile("sgd", loss, run_eagerly=True, **more)
    return model


@pytest.mark.parametrize(
    ("y", "units", "activation", "loss"),
    [
        (BINARY, 1, "sigmoid", "binary_crossentropy"),
        (CLASSES, 3, "softmax", "sparse_categorical_crossentropy"),
        (np.eye(3)[CLASSES], 3, "softmax", ["categorical_crossentropy"]),
        (X @ np.ones((3, 2)), 2, None, keras.losses.Huber()),
        (BINARY, 1, None, lambda y, said: keras.ops.square(y - said)),
    ],
)
def test_the_mean_over_rows_is_what_keras_evaluates_less_penalties(
    y: Any, units: int, activation: str | None, loss: Any
) -> None:
    model = model_of(units, activation, loss, metrics=["accuracy", "AUC"] if units == 1 else [])
    told = model.evaluate(X, y, batch_size=20, verbose=0, return_dict=True)
    values = ByRow(model).values(X, y, 7)
    assert values["loss"].dtype == np.float32
    assert values["loss"].mean() == pytest.approx(told["loss"] - float(sum(model.losses)), 1e-5)
    assert values.keys() == {"loss"} | (told.keys() & {"accuracy"})  # an AUC is no mean
    if units == 1:
        assert values["accuracy"].mean() == pytest.approx(told["accuracy"])


def test_many_rows_are_compared_by_a_compiled_program(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(1, "sigmoid", "binary_crossentropy")
    by_row = ByRow(model)
    few = by_row.values(X, BINARY, 50)["loss"]
    monkeypatch.setattr(module, "FEW_BATCHES", 0)
    np.testing.assert_allclose(by_row.values(X, BINARY, 20)["loss"], few, rtol=1e-5)
    model.set_weights([0 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(by_row.values(X, BINARY, 20)["loss"], np.log(2), rtol=1e-5)


def test_the_rows_at_once_depend_on_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._at_once(X, 10) == module.AT_ONCE_ROWS
    assert module._at_once(X.astype(int), 10) == 10
    monkeypatch.setattr(module, "AT_ONCE_BYTES", 12 * 15)
    assert module._at_once({"a": X}, 10) == 15
    assert module._at_once(X, 20) == 20


def two_outputs() -> Any:
    given = keras.Input((3,))
    model = keras.Model(given, [keras.layers.Dense(1)(given), keras.layers.Dense(1)(given)])
    model.compile("sgd", ["mse", "mse"], run_eagerly=True)
    return model


def test_where_a_row_has_no_loss_it_is_said_why() -> None:
    with pytest.raises(NotByRow, match="several outputs"):
        ByRow(two_outputs()).values(X, [BINARY, BINARY], 50)
    alone = model_of(1, None, lambda y, said: keras.ops.mean(y - said))
    with pytest.raises(NotByRow, match="no value for a single row"):
        ByRow(alone).values(X, BINARY, 50)


@pytest.mark.parametrize(
    ("value", "recorded", "same"),
    [
        (0.5, 0.5003, True),
        (0.5, 0.501, False),
        (np.nan, np.nan, True),
        (np.inf, np.inf, True),
        (np.inf, 1.0, False),
        (0.0, 1e-7, True),
    ],
)
def test_what_is_the_same_up_to_rounding(value: float, recorded: float, same: bool) -> None:
    assert is_same(value, recorded) is same
    assert is_mean(np.full(3, value, np.float32), recorded) is same


def test_the_last_rows_validate_where_they_are_split_off() -> None:
    x, y = validation_rows({"x": X, "y": BINARY, "validation_split": 0.3})
    np.testing.assert_array_equal(x, X[35:])
    np.testing.assert_array_equal(y, BINARY[35:])
    for given in ({"x": X}, {"validation_data": iter(())}, {"validation_data": (X, None)}):
        with pytest.raises(NotByRow, match="plain arrays"):
            validation_rows(given)
