"""What Keras's stochastic layers do in training, with a rate of each run's own and cheap bits.

The formulas are those of `keras.src.layers.regularization` in Keras 3.15; only where the random
numbers come from differs. A level may be traced, so that one program serves runs of all levels; at
level 0 outputs equal inputs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from auditor.search.stacking import randomness

# What SELU saturates at, of Klambauer et al., "Self-normalizing neural networks", 2017.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

Noise = Callable[[Any, Any, Any, Any], Any]


def dropout(layer: Any, inputs: Any, level: Any, key: Any) -> Any:
    """`Dropout.call`: zero with probability `level`, the rest scaled up; all zero at level 1.

    Args:
        layer: The layer, for its noise shape.
        inputs: As its `call` takes them, in one run; their shape is static.
        level: The run's rate, from 0 to 1, traced or not.
        key: Two unsigned 32-bit words, of this call alone.
    """
    return _drop(inputs, _noise_shape(layer, inputs), level, key)


def spatial_dropout(layer: Any, inputs: Any, level: Any, key: Any) -> Any:
    """The `call` of `SpatialDropout1D` to `3D`: drops whole channels. Arguments as of `dropout`."""
    last = len(inputs.shape) - 1
    # The one for sequences has no data format: their channels come last.
    channels = 1 if getattr(layer, "data_format", None) == "channels_first" else last
    shape = [size if axis in (0, channels) else 1 for axis, size in enumerate(ops.shape(inputs))]
    return _drop(inputs, shape, level, key)


def gaussian_dropout(layer: Any, inputs: Any, level: Any, key: Any) -> Any:
    """`GaussianDropout.call`: times normal numbers of mean 1. Arguments as of `dropout`.

    At level 1, where Keras divides by zero and raises, this run's outputs are not finite.
    """
    rate = _wide(level, inputs)
    factor = ops.cast(ops.sqrt(ops.divide(rate, ops.subtract(1.0, rate))), inputs.dtype)
    return ops.multiply(inputs, ops.add(ops.multiply(_normal(inputs, key), factor), 1.0))


def gaussian_noise(layer: Any, inputs: Any, level: Any, key: Any) -> Any:
    """`GaussianNoise.call`: plus normal numbers of standard deviation `level`."""
    stddev = ops.cast(_wide(level, inputs), inputs.dtype)
    return ops.add(inputs, ops.multiply(_normal(inputs, key), stddev))


def alpha_dropout(layer: Any, inputs: Any, level: Any, key: Any) -> Any:
    """`AlphaDropout.call`: drops to where SELU saturates, then restores mean and variance.

    Arguments as of `dropout`. At level 1, where Keras divides by zero and raises, this run's
    outputs are not finite.
    """
    saturated = -SELU_ALPHA * SELU_SCALE
    rate = _wide(level, inputs)
    variance = ops.multiply(ops.subtract(1.0, rate), ops.add(1.0, ops.multiply(rate, saturated**2)))
    slope = ops.divide(1.0, ops.sqrt(variance))
    shift = ops.multiply(ops.multiply(slope, -saturated), rate)
    mask = randomness.keep_mask(key, _noise_shape(layer, inputs), level)
    kept = ops.cast(mask, inputs.dtype)
    dropped = ops.multiply(ops.subtract(1.0, kept), saturated)
    mixed = ops.add(ops.multiply(inputs, kept), dropped)
    scaled = ops.multiply(mixed, ops.cast(slope, inputs.dtype))
    return ops.add(scaled, ops.cast(shift, inputs.dtype))


# By exact class: what a user's subclass does is not known.
NOISE: dict[type, Noise] = {
    layers.Dropout: dropout,
    layers.SpatialDropout1D: spatial_dropout,
    layers.SpatialDropout2D: spatial_dropout,
    layers.SpatialDropout3D: spatial_dropout,
    layers.GaussianDropout: gaussian_dropout,
    layers.GaussianNoise: gaussian_noise,
    layers.AlphaDropout: alpha_dropout,
}
# The attribute that holds each layer's level.
LEVEL: dict[type, str] = {
    kind: "stddev" if kind is layers.GaussianNoise else "rate" for kind in NOISE
}


def _drop(inputs: Any, shape: Sequence[int], level: Any, key: Any) -> Any:
    rate = _wide(level, inputs)
    # At level 1 all is dropped; a finite scale keeps its gradient from being 0 times infinity.
    scale = ops.divide(1.0, ops.where(ops.less(rate, 1.0), ops.subtract(1.0, rate), 1.0))
    scaled = ops.multiply(inputs, ops.cast(scale, inputs.dtype))
    mask = randomness.keep_mask(key, shape, level)
    return ops.where(mask, scaled, ops.zeros_like(scaled))


def _noise_shape(layer: Any, inputs: Any) -> list[int]:
    """The shape of the mask: the inputs', but for the sizes that the layer was given."""
    given = layer.noise_shape
    if given is None:
        return list(ops.shape(inputs))
    return [ops.shape(inputs)[axis] if size is None else size for axis, size in enumerate(given)]


def _wide(level: Any, inputs: Any) -> Any:
    """The level in the type to compute factors in: half precision would lose 1 - level."""
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    # Not `cast`, which takes Python numbers through float32.
    return ops.convert_to_tensor(level, "float64" if dtype == "float64" else "float32")


def _normal(inputs: Any, key: Any) -> Any:
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    return randomness.normal(key, ops.shape(inputs), dtype)
