"""The structure of a model: what two models must have in common to share one program."""

import warnings
from collections.abc import Iterator
from typing import Any

import keras

from auditor.files import Json

_MARKERS = {"__keras_tensor__", "__slice__", "__ellipsis__"}
"""What stands in a configuration for parts of a graph: complete in itself, and no code."""


class NotShareable(Exception):  # noqa: N818 - an answer, not an error
    """Why a model shares no program with others: a sentence that a person can act on."""


def configuration(model: Any) -> dict[str, Json]:
    """All that a compiled model's training step is made from, as plain data.

    Code that is not Keras's own may depend on anything, so it is refused.

    Raises:
        NotShareable: The configuration does not say everything, or cannot be had.
    """
    if not is_keras(type(model)):
        raise NotShareable(f"the model's class {type(model).__name__} is not Keras's own")
    if not model.compiled:
        raise NotShareable("the model is not compiled")
    if not model.built:
        raise NotShareable("the model has no input shape before it sees data")
    if model.run_eagerly:
        raise NotShareable("the model is compiled with run_eagerly=True")
    if is_distributed(model):
        raise NotShareable("the model is distributed over devices")
    if any(name.startswith("_exclude_from") and value for name, value in _state(model.optimizer)):
        # Which weights decay is in no configuration.
        raise NotShareable("the optimizer excludes weights from decay by hand")
    layers = list(model._flatten_layers())
    for layer in layers:
        if reason := _why_not_plain(layer):
            raise NotShareable(reason)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Serialising a lambda warns; nothing is saved here.
            parts = {
                "model": model.get_config(),
                "compile": model.get_compile_config(),
                # Code may set these by hand, past the configuration of the layer.
                "weights": [_of_variable(variable) for variable in model.weights],
            }
    except Exception as error:  # Configurations run code of anybody's.
        raise NotShareable(f"the model has no configuration ({type(error).__name__})") from error
    if foreign := next(_foreign(parts), None):
        raise NotShareable(f"{foreign} is not Keras's own")
    if foreign := next(_foreign_names(parts["compile"] or {}), None):
        raise NotShareable(f"the loss or metric {foreign} is not Keras's own")
    # What a step is traced with, beyond the two configurations.
    parts["trainable"] = [layer.trainable for layer in layers]
    parts["global"] = [keras.config.floatx(), keras.config.epsilon()]
    return parts


def _of_variable(variable: Any) -> list[Json]:
    return [
        list(variable.shape),
        variable.dtype,
        variable.trainable,
        keras.constraints.serialize(variable.constraint) if variable.constraint else None,
        keras.regularizers.serialize(variable.regularizer) if variable.regularizer else None,
    ]


def is_keras(thing: Any) -> bool:
    """Whether a class or function is Keras's own."""
    return (getattr(thing, "__module__", None) or "").startswith("keras.")


def _state(optimizer: Any) -> list[tuple[str, Any]]:
    """The attributes of an optimizer, and of the one that it wraps."""
    inner = vars(optimizer).get("inner_optimizer")
    return [*vars(optimizer).items(), *(vars(inner).items() if inner is not None else ())]


def is_distributed(model: Any) -> bool:
    """Whether several devices share its batches."""
    strategy = getattr(model, "_distribute_strategy", None)
    return strategy is not None or keras.distribution.distribution() is not None


def _why_not_plain(layer: Any) -> str | None:
    """Whether a layer is Keras's own, in all that it calls, and has not learned from data.

    A configuration names a function only, and another function may have the name of Keras's own.
    """
    if not is_keras(type(layer)):
        return f"the layer {layer.name} is of the class {type(layer).__name__}, not Keras's own"
    if hasattr(layer, "adapt"):
        return f"the layer {layer.name} has learned from data"
    for name, value in vars(layer).items():
        if callable(value) and not is_keras(value):
            return f"the layer {layer.name} calls code that is not Keras's own ({name})"
    return None


def _foreign(part: Json) -> Iterator[str]:
    """What a configuration names that is not Keras's own."""
    if isinstance(part, list | tuple):
        for item in part:
            yield from _foreign(item)
    elif isinstance(part, dict):
        name = part.get("class_name")
        if "class_name" in part and name not in _MARKERS:
            own = (part.get("module") or "").split(".")[0] == "keras"
            if not own or name == "Lambda":
                yield str(part.get("registered_name") or name)
        for item in part.values():
            yield from _foreign(item)
    elif not (part is None or isinstance(part, bool | int | float | str)):
        yield type(part).__name__


def _foreign_names(compiled: dict[str, Json]) -> Iterator[str]:
    """Losses and metrics given by name that are not Keras's, but some registered by the user."""
    for name in _names(compiled.get("loss")):
        if not is_keras(keras.losses.get(name)):
            yield name
    chosen_by_shape = {"accuracy", "acc", "crossentropy", "ce"}
    for name in _names([compiled.get("metrics"), compiled.get("weighted_metrics")]):
        if name not in chosen_by_shape and not is_keras(keras.metrics.get(name)):
            yield name


def _names(part: Json) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, list | tuple):
        for item in part:
            yield from _names(item)
    elif isinstance(part, dict) and "class_name" not in part:
        yield from _names(list(part.values()))
