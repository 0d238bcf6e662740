"""Numbers of a model that may differ between the runs of one program.

A Keras layer reads its rate, and an optimizer its momentum, as Python numbers while a step is
traced. Here they become tensors with a value per run: each place that holds such a number is a
*slot*. What all runs of a program share stays the constant that it is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from auditor.files import Json, to_json
from auditor.search.stacking.noise import LEVEL, NOISE
from auditor.search.stacking.randomness import fold_in

OPTIMIZER_NUMBERS = ("momentum", "beta_1", "beta_2", "rho", "epsilon", "weight_decay")
"""Attributes of Keras's optimizers that a step only calculates with. The learning rate is not among
them: it is a variable already."""

ELEMENTWISE = frozenset(
    [
        "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "tanh",
        "sigmoid", "hard_sigmoid", "hard_silu", "hard_tanh", "softplus", "softsign", "linear",
        "exponential",
    ]
)  # fmt: skip
"""Activations that look at each number alone, so that a step can select among them."""

ACTIVATED = (
    keras.layers.Activation,
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
"""Layers that apply their `activation` to the whole of their output."""

_ACTIVATED_NAMES = {kind.__name__ for kind in ACTIVATED}
_LEVEL_NAMES = {kind.__name__: attribute for kind, attribute in LEVEL.items()}
_REGULARIZERS = {
    keras.regularizers.L1: ("l1",),
    keras.regularizers.L2: ("l2",),
    keras.regularizers.L1L2: ("l1", "l2"),
}
_REGULARIZER_NAMES = {kind.__name__ for kind in _REGULARIZERS}


@dataclass(frozen=True)
class Slot:
    """A place in a model that holds a number, or the name of an activation.

    Attributes:
        kind: "optimizer", "level", "activation", "weight penalty" or "activity penalty".
        where: Position of the layer or variable that holds it; 0 for the optimizer.
        name: The attribute.
    """

    kind: str
    where: int
    name: str


def signature(parts: dict[str, Json], model: Any) -> str:
    """What the models of one stack have in common: a configuration without what slots hold.

    Args:
        parts: From `structure.configuration`.
        model: The model they are of.
    """
    return to_json(_masked(parts, _final_layers(model)))


def slots(model: Any) -> dict[Slot, float | str]:
    """The slots of a compiled, built model, and what they hold; equal signatures, equal slots."""
    found: dict[Slot, float | str] = {}
    for name in OPTIMIZER_NUMBERS:
        value = getattr(model.optimizer, name, None)
        if isinstance(value, int | float) and value:
            found[Slot("optimizer", 0, name)] = float(value)
    final = _final_layers(model)
    for where, layer in enumerate(model._flatten_layers()):
        if type(layer) in LEVEL:
            found[Slot("level", where, LEVEL[type(layer)])] = float(
                getattr(layer, LEVEL[type(layer)])
            )
        activation = getattr(getattr(layer, "activation", None), "__name__", None)
        if type(layer) in ACTIVATED and activation in ELEMENTWISE and layer.name not in final:
            found[Slot("activation", where, "activation")] = str(activation)
        found |= _penalties("activity penalty", where, getattr(layer, "activity_regularizer", None))
    for where, variable in enumerate(model.trainable_variables):
        found |= _penalties("weight penalty", where, variable.regularizer)
    return found


def _penalties(kind: str, where: int, regularizer: Any) -> dict[Slot, float | str]:
    names = _REGULARIZERS.get(type(regularizer), ())
    return {Slot(kind, where, name): float(getattr(regularizer, name)) for name in names}


def _final_layers(model: Any) -> set[str]:
    """Names of the layers that give the model's outputs.

    Keras computes a cross-entropy from the logits that a final sigmoid or softmax leaves behind,
    so a final activation is part of the structure.
    """
    names = set()
    for output in getattr(model, "outputs", None) or ():
        operation = output._keras_history.operation
        names |= {operation.name}
        if isinstance(operation, keras.Model):
            names |= _final_layers(operation)
    return names


def _masked(part: Json, final: set[str]) -> Json:
    """The configuration without initialisers, which live in variables, and what slots hold."""
    if isinstance(part, list | tuple):
        return [_masked(item, final) for item in part]
    if not isinstance(part, dict):
        return part
    module, kind = str(part.get("module", "")), part.get("class_name")
    if module.startswith("keras.initializers"):
        return "initializer"
    if module.startswith("keras.regularizers") and kind in _REGULARIZER_NAMES:
        return kind
    masked = {str(name): _masked(item, final) for name, item in part.items()}
    config = masked.get("config")
    if not isinstance(config, dict):
        return masked
    if module.startswith("keras.optimizers"):
        _mask_numbers(config)
    elif kind in _LEVEL_NAMES:
        # The seed too: a stack draws from the seed of the run.
        config |= {_LEVEL_NAMES[str(kind)]: "level", "seed": None}
    elif kind in _ACTIVATED_NAMES and config.get("name") not in final:
        activation = config.get("activation")
        if isinstance(activation, str) and activation in ELEMENTWISE:
            config["activation"] = "elementwise"
    return masked


def _mask_numbers(config: dict[str, Json]) -> None:
    """Mask the numbers of an optimizer; whether one is there at all decides what is computed."""
    if isinstance(config.get("learning_rate"), int | float):
        config["learning_rate"] = "variable"
    for name in OPTIMIZER_NUMBERS:
        if isinstance(config.get(name), int | float):
            config[name] = "number" if config[name] else 0


class Lifting:
    """Lets a model read what its slots hold from the step that is being traced."""

    def __init__(self, model: Any, optimizer: Any, choices: dict[Slot, Sequence[float | str]]):
        """Prepare a model for good: it can no longer be trained otherwise.

        Args:
            model: A model of the structure.
            optimizer: What applies its gradients.
            choices: The slots in which runs differ, with all values that occur there.
        """
        self._optimizer = optimizer
        self.choices = choices
        self._bound: dict[Slot, Any] = {}
        self._key: Any = None
        self._draws = 0
        layers = list(model._flatten_layers())
        for where, layer in enumerate(layers):
            if type(layer) in NOISE:
                vars(layer)["call"] = self._noisy(layer, where)
        for slot in choices:
            if slot.kind == "activation":
                vars(layers[slot.where])["activation"] = self._selecting(slot)
            elif slot.kind == "activity penalty":
                layer = layers[slot.where]
                layer.activity_regularizer = self._penalising(slot, layer.activity_regularizer)
            elif slot.kind == "weight penalty":
                variable = model.trainable_variables[slot.where]
                variable.regularizer = self._penalising(slot, variable.regularizer)

    def values(self, held: dict[Slot, float | str]) -> list[float]:
        """What one run holds in the lifted slots: numbers, and indices of activations."""
        return [
            float(choices.index(held[slot])) if slot.kind == "activation" else float(held[slot])
            for slot, choices in self.choices.items()
        ]

    @contextmanager
    def bound(self, values: Sequence[Any], key: Any = None) -> Iterator[None]:
        """While a step of one run is traced: what its slots hold, and its random key."""
        self._bound = dict(zip(self.choices, values, strict=True))
        self._key, self._draws = key, 0
        before = dict(vars(self._optimizer)) if self._optimizer is not None else {}
        for slot, value in self._bound.items():
            if slot.kind == "optimizer":
                number = _Momentum(value) if slot.name == "momentum" else value
                vars(self._optimizer)[slot.name] = number
        try:
            yield
        finally:
            for slot in self._bound:
                if slot.kind == "optimizer":
                    vars(self._optimizer)[slot.name] = before[slot.name]
            self._bound, self._key = {}, None

    def _noisy(self, layer: Any, where: int) -> Any:
        slot = Slot("level", where, LEVEL[type(layer)])
        constant = getattr(layer, slot.name)

        def call(inputs: Any, training: bool = False) -> Any:
            level = self._bound.get(slot, constant)
            if not training or (slot not in self.choices and not level):
                return inputs
            self._draws += 1
            key = fold_in(self._key, self._draws)
            return NOISE[type(layer)](layer, inputs, level, key)

        return call

    def _selecting(self, slot: Slot) -> Any:
        functions = [keras.activations.get(name) for name in self.choices[slot]]

        def activation(x: Any) -> Any:
            chosen = self._bound[slot]
            result = ops.zeros_like(x)
            for index, function in enumerate(functions):
                mine = ops.equal(chosen, index)
                # The others see zeros: at large numbers the slope of one that is not selected may
                # be infinite, and infinity times nothing is not nothing.
                result = ops.where(mine, function(ops.where(mine, x, ops.zeros_like(x))), result)
            return result

        return activation

    def _penalising(self, slot: Slot, regularizer: Any) -> Any:
        kind, where = slot.kind, slot.where
        constants = {name: getattr(regularizer, name, 0.0) for name in ("l1", "l2")}

        def number(name: str) -> Any:
            return self._bound.get(Slot(kind, where, name), constants[name])

        def penalty(x: Any) -> Any:
            l1 = ops.cast(number("l1"), x.dtype) * ops.sum(ops.absolute(x))
            return l1 + ops.cast(number("l2"), x.dtype) * ops.sum(ops.square(x))

        return penalty


class _Momentum:
    """A traced number that Keras compares with zero while it traces: lifted ones are not zero."""

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor
        self.dtype = tensor.dtype
        self.shape = tensor.shape

    def __eq__(self, other: object) -> bool:
        return False if other == 0 else NotImplemented

    def __gt__(self, other: float) -> bool:
        return True if other == 0 else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __jax_array__(self) -> Any:
        return self._tensor

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self._tensor
