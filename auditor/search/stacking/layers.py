"""Layers that a stack computes in another way than the rest."""

from typing import Any

import keras

RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
"""Layers that loop over time."""

CONVOLUTIONS = tuple(
    kind for name, kind in vars(keras.layers).items() if isinstance(kind, type) and "Conv" in name
)


def has(model: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a model has a layer of some kinds."""
    return any(isinstance(layer, kinds) for layer in model._flatten_layers())


def sees_data(layer: Any) -> bool:
    """Whether a layer is given nothing but inputs of the model, which have no gradient."""
    before = [parent.operation for node in layer._inbound_nodes for parent in node.parent_nodes]
    return bool(before) and all(isinstance(one, keras.layers.InputLayer) for one in before)
