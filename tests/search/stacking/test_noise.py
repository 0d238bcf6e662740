"""The stochastic layers' stand-ins: Keras's own formulas, at a level of each run's own."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from auditor.search.stacking import randomness
from auditor.search.stacking.noise import LEVEL, NOISE
from auditor.search.stacking.randomness import run_key, run_keys
from tests.search.stacking.vectorizing import WAYS, doubles, gradient, vectorize

KEY = run_key(11, 2)
SHAPES = {
    layers.SpatialDropout1D: (8, 5, 6),
    layers.SpatialDropout2D: (8, 3, 4, 6),
    layers.SpatialDropout3D: (8, 2, 3, 2, 6),
}
every_layer = pytest.mark.parametrize("kind", list(NOISE), ids=lambda kind: kind.__name__)


def draw(layer: Any, inputs: Any, level: Any, key: Any = KEY) -> np.ndarray:
    return np.asarray(NOISE[type(layer)](layer, ops.convert_to_tensor(inputs), level, key))


def inputs_of(kind: type, dtype: str = "float32") -> np.ndarray:
    shape = SHAPES.get(kind, (8, 6))
    return np.random.default_rng(0).normal(1, 2, shape).astype(dtype)


def test_every_level_is_an_attribute_of_its_layer() -> None:
    for kind, name in LEVEL.items():
        assert getattr(kind(0.25), name) == 0.25
    assert LEVEL.keys() == NOISE.keys()


@every_layer
def test_mean_and_variance_are_those_of_keras(kind: type) -> None:
    keras.utils.set_random_seed(0)
    layer = kind(0.3)
    # Along the batch, which every layer draws for anew, each column takes one value.
    inputs = np.ones((40_000, *SHAPES.get(kind, (8, 3))[1:]), np.float32)
    inputs *= np.arange(1, 1 + inputs.shape[-1], dtype=np.float32)
    own, theirs = draw(layer, inputs, 0.3), np.asarray(layer(inputs, training=True))
    assert own.dtype == theirs.dtype
    # Whole channels drop together, so there are as many draws as examples.
    error = theirs.std(0) * np.sqrt(2 / len(inputs))
    assert (np.abs(own.mean(0) - theirs.mean(0)) < 5 * error).all()
    np.testing.assert_allclose(own.std(0), theirs.std(0), rtol=0.03)


@pytest.mark.parametrize("kind", [layers.Dropout, layers.AlphaDropout, layers.SpatialDropout2D])
@pytest.mark.parametrize("rate", [0.3, 0.75])
def test_kept_and_dropped_values_are_those_of_keras(kind: type, rate: float) -> None:
    layer, inputs = kind(rate), np.full((64, 4, 4, 4), 3, np.float32)
    theirs = np.unique(np.asarray(layer(inputs, training=True)))
    assert len(theirs) == 2
    np.testing.assert_allclose(np.unique(draw(layer, inputs, rate)), theirs, rtol=1e-6)


@pytest.mark.parametrize("kind", [layers.Dropout, layers.AlphaDropout])
@pytest.mark.parametrize("noise_shape", [(None, 1, None), (64, 1, 8), (None, 7, 1), (1, 1, 8)])
def test_a_noise_shape_repeats_along_its_ones(kind: type, noise_shape: Any) -> None:
    inputs = np.ones((64, 7, 8), np.float32)
    outputs = draw(kind(0.5, noise_shape=noise_shape), inputs, 0.5)
    assert outputs.shape == inputs.shape
    for axis, size in enumerate(noise_shape):
        repeated = (outputs == outputs.take([0], axis)).all()
        assert repeated == (size == 1), axis


@pytest.mark.parametrize(
    ("layer", "channels"),
    [
        (layers.SpatialDropout1D(0.5), -1),
        (layers.SpatialDropout2D(0.5, data_format="channels_last"), -1),
        (layers.SpatialDropout2D(0.5, data_format="channels_first"), 1),
        (layers.SpatialDropout3D(0.5, data_format="channels_last"), -1),
        (layers.SpatialDropout3D(0.5, data_format="channels_first"), 1),
    ],
)
def test_spatial_dropout_drops_whole_channels(layer: Any, channels: int) -> None:
    outputs = draw(layer, np.ones(SHAPES[type(layer)], np.float32), 0.5)
    by_channel = np.moveaxis(outputs, channels, 1).reshape(8, outputs.shape[channels], -1)
    assert (by_channel == by_channel[..., :1]).all()
    kept = by_channel[..., 0] > 0
    assert (kept != kept[:1]).any()  # each example by itself,
    assert (kept != kept[:, :1]).any()  # and each channel


@every_layer
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_level_0_changes_nothing_in_any_type(kind: type, dtype: str) -> None:
    with doubles():
        inputs = ops.cast(inputs_of(kind), dtype)
        outputs = NOISE[kind](kind(0.5), inputs, 0.0, KEY)
        assert keras.backend.standardize_dtype(outputs.dtype) == dtype
        np.testing.assert_array_equal(np.asarray(outputs), np.asarray(inputs))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_factors_are_computed_before_they_are_rounded(dtype: str) -> None:
    with doubles():
        outputs = draw(layers.Dropout(0.999), np.ones((64, 256), dtype), 0.999)
    # In half precision 1 - 0.999 is 1 / 1024.
    assert outputs.max() == np.asarray(1 / (1 - 0.999), dtype)


@pytest.mark.parametrize("kind", [layers.Dropout, *SHAPES])
def test_rate_1_drops_all_as_keras_does(kind: type) -> None:
    inputs = inputs_of(kind)
    assert not np.asarray(kind(1)(inputs, training=True)).any()
    outputs = draw(kind(1), inputs, 1)
    np.testing.assert_array_equal(outputs, np.zeros_like(inputs))


@pytest.mark.parametrize("kind", [layers.GaussianDropout, layers.AlphaDropout])
def test_where_keras_divides_by_zero_outputs_are_not_finite(kind: type) -> None:
    with pytest.raises(ZeroDivisionError):
        kind(1)(inputs_of(kind), training=True)
    assert not np.isfinite(draw(kind(1), inputs_of(kind), 1)).any()


def noisy(kind: type) -> Any:
    """A layer's outputs and gradient in one run, as a step has them."""
    layer = kind(0.5)

    def run(inputs: Any, level: Any, key: Any) -> Any:
        slope = gradient(lambda x: NOISE[kind](layer, x, level, key), inputs)
        return NOISE[kind](layer, inputs, level, key), slope

    return run


# One of the three that are spatial stands for them: compiling takes the time.
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "kind",
    [kind for kind in NOISE if kind not in (layers.SpatialDropout1D, layers.SpatialDropout3D)],
)
def test_rows_of_a_stack_have_levels_of_their_own(kind: type, way: str) -> None:
    levels = np.array([0, 0.2, 0.5, 0.9], np.float32)
    keys = run_keys([1, 2, 3, 4], [0] * 4)
    inputs = np.stack([inputs_of(kind)] * 4)
    outputs, slopes = vectorize(noisy(kind), way)(inputs, levels, keys)
    np.testing.assert_array_equal(outputs[0], inputs[0])
    np.testing.assert_array_equal(slopes[0], np.ones_like(slopes[0]))
    assert np.isfinite(slopes).all()
    for row in range(1, 4):
        alone = draw(kind(0.5), inputs[row], float(levels[row]), keys[row])
        np.testing.assert_allclose(outputs[row], alone, rtol=1e-5, atol=1e-5)
        assert (outputs[row] != inputs[row]).any()


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_finite_at_rate_1_and_zero_where_dropped(way: str) -> None:
    inputs = np.stack([inputs_of(layers.Dropout)] * 2)
    keys = run_keys([1, 1], [0, 0])
    stacked = vectorize(noisy(layers.Dropout), way)
    outputs, slopes = stacked(inputs, np.array([1, 0.5], np.float32), keys)
    assert not slopes[0].any()
    np.testing.assert_allclose(slopes[1], outputs[1] / inputs[1], rtol=1e-6)


def test_a_call_draws_by_its_key() -> None:
    inputs = np.ones((64, 64), np.float32)
    masks = [draw(layers.Dropout(0.5), inputs, 0.5, run_key(seed, 0)) > 0 for seed in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert 0.4 < (masks[0] == masks[2]).mean() < 0.6
    np.testing.assert_array_equal(
        masks[0], np.asarray(randomness.keep_mask(run_key(0, 0), (64, 64), 0.5))
    )
