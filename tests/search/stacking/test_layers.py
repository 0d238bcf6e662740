"""Which loops over time stay loops, and which are written out."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from auditor.search.stacking.backends.tensorflow import TensorFlow
from auditor.search.stacking.layers import UNROLLED_STEPS, sees_data, time_steps


def after(*parts: Any, steps: int | None = UNROLLED_STEPS + 1) -> Any:
    """A model that ends in a loop over time after other layers."""
    return keras.Sequential([keras.Input((steps, 2)), *parts, layers.LSTM(2)])


@pytest.mark.parametrize(
    ("model", "compiled", "is_written_out"),
    [
        (after(), False, False),
        (after(steps=None), False, False),
        (after(steps=UNROLLED_STEPS), False, True),
        (after(layers.Dense(3)), False, True),
        (after(), True, True),
    ],
    ids=["long", "of unknown length", "short", "after another layer", "under XLA"],
)
def test_loops_are_written_out_where_that_is_faster_or_needed(
    model: Any, compiled: bool, is_written_out: bool
) -> None:
    TensorFlow(compiled).prepare(model)
    assert model.layers[-1].unroll is is_written_out


def test_parts_of_a_long_loop_stay_loops() -> None:
    model = keras.Sequential(
        [keras.Input((UNROLLED_STEPS + 1, 2)), layers.Bidirectional(layers.GRU(2))]
    )
    TensorFlow(False).prepare(model)
    assert not model.layers[0].forward_layer.unroll


def test_a_loop_that_is_used_twice_has_the_steps_of_the_longest() -> None:
    shared, inputs = layers.GRU(2), [keras.Input((steps, 2)) for steps in (3, 7)]
    keras.Model(inputs, [shared(one) for one in inputs])
    assert sees_data(shared)
    assert time_steps(shared) == 7
    shared(keras.Input((None, 2)))
    assert time_steps(shared) is None


def test_a_mask_is_no_time() -> None:
    read = layers.Embedding(3, 2, mask_zero=True)
    model = keras.Sequential([keras.Input((5,)), read, layers.GRU(2)])
    model(np.ones((1, 5)))
    assert time_steps(model.layers[-1]) == 5
