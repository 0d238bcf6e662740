"""Layers that a stack computes in another way than the rest."""

from typing import Any

import keras

RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
"""Layers that loop over time."""

CONVOLUTIONS = tuple(
    kind for name, kind in vars(keras.layers).items() if isinstance(kind, type) and "Conv" in name
)


UNROLLED_STEPS = 40
"""Steps up to which TensorFlow is given a loop over time written out, though it could vectorise the
loop: that of an LSTM takes 4 s to trace, 20 steps of it 3 s, and every other step as much again
(docs/performance.md)."""

MOST_UNROLLED = 50
"""Steps up to which TensorFlow can train a recurrent layer after another layer in stacks: a loop
whose input has a gradient has no form over runs, so it must be written out. Two such layers of 20
steps take 7.5 s to trace, of 100 steps 30 s."""


def has(model: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a model has a layer of some kinds."""
    return any(isinstance(layer, kinds) for layer in model._flatten_layers())


def sees_data(layer: Any) -> bool:
    """Whether a layer is given nothing but inputs of the model, which have no gradient."""
    before = [parent.operation for node in layer._inbound_nodes for parent in node.parent_nodes]
    return bool(before) and all(isinstance(one, keras.layers.InputLayer) for one in before)


def time_steps(layer: Any) -> int | None:
    """Steps of a recurrent layer over time, the most where it is used often; None if unknown."""
    lengths = [node.input_tensors[0].shape[1] for node in layer._inbound_nodes]
    return max(lengths) if lengths and None not in lengths else None
