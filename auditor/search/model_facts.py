"""What a compiled model is made of, looked up in it before it trains."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

from auditor.files import Json
from auditor.search.losses import long_name
from auditor.search.structure import is_keras
from auditor.trials import ModelFacts

_DROPOUT = (keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout)
_DROPOUT_NUMBERS = ("dropout", "recurrent_dropout")
"""Attributes of other layers that drop something out themselves."""

_AUGMENTING = ("Random", "RandAugment", "MixUp", "CutMix", "AugMix")
"""How the names of layers begin that change images, in training only."""

_ACTIVATING = {
    "Softmax": "softmax",
    "Sigmoid": "sigmoid",
    "ReLU": "relu",
    "LogSoftmax": "log_softmax",
}
"""Layers and operations that do nothing but to apply one, and its name."""


def describe(model: Any, rate: float | None = None) -> dict[str, Json] | None:
    """The `ModelFacts` of a model as plain data, without what is None.

    Args:
        model: Compiled.
        rate: The learning rate that it starts with, where that was looked up already.

    Returns:
        None where they cannot be had.
    """
    try:
        facts = vars(_facts(model, rate))
    except Exception:  # Properties of anybody's: a trial must not end by them.
        return None
    return {name: value for name, value in facts.items() if value is not None}


def _facts(model: Any, rate: float | None) -> ModelFacts:
    layers = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model | keras.layers.InputLayer)
    ]
    custom = (type(part).__name__ for part in (model, *layers) if not _is_plain(type(part)))
    outputs = list(_outputs(model))
    loss, from_logits, smoothing = _loss(getattr(model, "loss", None))
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
    held = getattr(optimizer, "_learning_rate", None)
    has_schedule = isinstance(held, keras.optimizers.schedules.LearningRateSchedule)
    if rate is None and isinstance(held, keras.Variable):
        rate = float(keras.ops.convert_to_numpy(held))
    return ModelFacts(
        layers=dict(Counter(type(layer).__name__ for layer in layers)),
        custom=tuple(dict.fromkeys(custom)),
        activations=tuple(activation for activation, _, _ in outputs),
        units=tuple(units for _, units, _ in outputs),
        dtypes=tuple(dtype for _, _, dtype in outputs),
        loss=loss,
        from_logits=from_logits,
        label_smoothing=smoothing,
        optimizer=type(optimizer).__name__ if optimizer is not None else None,
        learning_rate=rate,
        schedule=type(held).__name__ if has_schedule else None,
        clipnorm=_number(optimizer, "clipnorm"),
        global_clipnorm=_number(optimizer, "global_clipnorm"),
        clipvalue=_number(optimizer, "clipvalue"),
        regularisers=tuple(dict.fromkeys([*_of_layers(layers), *_of_weights(model, optimizer)])),
        parameters=_parameters(model),
    )


def _is_plain(kind: type) -> bool:
    return is_keras(kind) and not issubclass(kind, keras.layers.Lambda)


def _parameters(model: Any) -> int | None:
    return sum(math.prod(v.shape) for v in model.weights) if model.built else None


def _number(part: Any, name: str) -> float | None:
    value = getattr(part, name, None)
    return float(value) if isinstance(value, int | float) and value else None


# Outputs


def _outputs(model: Any) -> Iterator[tuple[str | None, int | None, str | None]]:
    """What the last layer of each output applies, the length of its last axis, and its type."""
    outputs = getattr(model, "outputs", None)
    if outputs is None and isinstance(model, keras.Sequential) and model.layers:
        last = model.layers[-1]  # It has no outputs before it sees data.
        units = getattr(last, "units", getattr(last, "filters", None))
        yield _activation(last), units, last.compute_dtype
    for output in outputs or ():
        yield _applied(output), output.shape[-1] if output.shape else None, output.dtype


def _applied(output: Any) -> str | None:
    operation, _, index = output._keras_history
    if isinstance(operation, keras.Model):
        inner = getattr(operation, "outputs", None) or ()
        return _applied(inner[index]) if index < len(inner) else None
    return _activation(operation)


def _activation(operation: Any) -> str | None:
    kind = type(operation)
    if not is_keras(kind):
        return None
    if (name := _ACTIVATING.get(kind.__name__)) is not None:
        return name
    activation = getattr(operation, "activation", None)
    # What has weights of its own, or nothing but an activation.
    applies = hasattr(operation, "kernel_initializer") or kind is keras.layers.Activation
    is_known = applies and callable(activation) and is_keras(activation)
    return getattr(activation, "__name__", None) if is_known else None


# Losses


def _loss(loss: Any) -> tuple[str | None, bool | None, float]:
    """Name, whether it expects logits, and its label smoothing."""
    if isinstance(loss, Mapping) and "class_name" not in loss:
        loss = list(loss.values())
    if isinstance(loss, list | tuple) and len(loss) == 1:
        return _loss(loss[0])
    if isinstance(loss, str):
        name: str | None = long_name(loss)
    elif not is_keras(type(loss)) and not is_keras(loss):
        return None, None, 0.0
    elif isinstance(loss, keras.losses.Loss):
        name = long_name(type(loss).__name__)
    else:
        name = getattr(loss, "__name__", None)
    knows_logits = bool(name) and str(name).endswith("crossentropy")
    from_logits = bool(getattr(loss, "from_logits", False)) if knows_logits else None
    return name, from_logits, float(getattr(loss, "label_smoothing", 0.0) or 0.0)


# What works against overfitting


def _of_layers(layers: Iterable[Any]) -> Iterator[str]:
    for layer in layers:
        rate = getattr(layer, "rate", 0) if isinstance(layer, _DROPOUT) else 0
        if rate or any(_number(layer, name) for name in _DROPOUT_NUMBERS):
            yield "dropout"
        if isinstance(layer, keras.layers.GaussianNoise) and layer.stddev:
            yield "noise"
        if is_keras(type(layer)) and type(layer).__name__.startswith(_AUGMENTING):
            yield "augmentation"
        if isinstance(layer, keras.layers.BatchNormalization):
            yield "batch normalisation"
        for name, value in vars(layer).items():
            if isinstance(value, keras.regularizers.Regularizer):
                yield from _penalties(name, value)
            elif isinstance(value, keras.constraints.Constraint):
                yield "weight constraint"


def _of_weights(model: Any, optimizer: Any) -> Iterator[str]:
    for variable in model.trainable_variables:
        # Code may set these by hand, past the layer.
        if (regularizer := getattr(variable, "regularizer", None)) is not None:
            yield from _penalties("", regularizer)
        if getattr(variable, "constraint", None) is not None:
            yield "weight constraint"
    if _number(optimizer, "weight_decay"):
        yield "weight decay"


def _penalties(name: str, regularizer: Any) -> Iterator[str]:
    numbers = {kind: getattr(regularizer, kind, None) for kind in ("l1", "l2")}
    is_plain = any(number is not None for number in numbers.values())
    if is_plain and not any(numbers.values()):
        return
    if name.lstrip("_") == "activity_regularizer":
        yield "activity penalty"
    elif is_plain:
        yield from (kind.upper() for kind, number in numbers.items() if number)
    else:
        yield "weight penalty"
