"""The name of a loss, and when nothing else belongs to it."""

from typing import Any

import keras
import pytest

from auditor.search.losses import loss_name, loss_of


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        ("mse", "mean_squared_error"),
        ("MSE", "mean_squared_error"),
        ("MeanAbsoluteError", "mean_absolute_error"),
        ("bce", "binary_crossentropy"),
        ("BinaryCrossentropy", "binary_crossentropy"),
        ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy"),
        (keras.losses.MeanSquaredError(), "mean_squared_error"),
        (keras.losses.BinaryCrossentropy(from_logits=True), "binary_crossentropy"),
        (keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"), "mean_squared_error"),
        (keras.losses.mean_squared_error, "mean_squared_error"),
        (keras.losses.BinaryCrossentropy(label_smoothing=0.1), None),
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=0), None),
        (keras.losses.CategoricalCrossentropy(axis=1), None),
        (keras.losses.MeanSquaredError(reduction="sum"), None),
        (lambda y, p: 0.0, None),
        (["mse", "mse"], None),
        ({"a": "mse"}, None),
        (None, None),
    ],
)
def test_which_losses_are_plain(loss: Any, name: str | None) -> None:
    assert loss_name(loss) == name


@pytest.mark.parametrize(
    ("weights", "plain"), [(None, True), (1.0, True), ([1.0], True), (2.0, False), ([0.5], False)]
)
def test_the_weight_of_a_loss_is_part_of_it(weights: Any, plain: bool) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", loss_weights=weights)
    assert loss_of(model) == ("mean_squared_error" if plain else None)


def test_a_loss_with_a_penalty_on_activities_is_not_plain() -> None:
    for layer in (
        keras.layers.Dense(1, activity_regularizer="l2"),
        keras.layers.ActivityRegularization(l1=0.1),
    ):
        model = keras.Sequential([keras.Input((3,)), layer])
        model.compile("sgd", "mse")
        assert loss_of(model) is None
