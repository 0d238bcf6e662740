"""The ordinary lane: `Model.fit`, without compiling the same program for every trial.

Compiling costs more than training a small model. Trials whose models differ only in initial
weights and learning rate share one compiled model: it gets the new model's weights, random states,
optimizer state and learning rate. Anything that is not plain Keras is left alone.
"""

from collections import OrderedDict
from typing import Any

import keras
import keras_tuner

from auditor.files import Json, to_json
from auditor.search.steps import STEPS_PER_EXECUTION
from auditor.search.structure import configuration

MAX_SHARED_MODELS = 32
"""Compiled models kept; a grid returns to the same few structures."""

MAX_SHARED_WEIGHTS = 50_000_000
"""Numbers in all models kept together (200 MB in float32, three times that with Adam's state)."""

_PARTS = (
    keras.layers.Layer,
    keras.optimizers.Optimizer,
    keras.metrics.Metric,
    keras.Variable,
    keras.KerasTensor,
)
"""What a model is made of, and what another model therefore cannot stand in for."""


class CompiledModels:
    """Compiled models by structure, the least recently used dropped first."""

    def __init__(self) -> None:
        """Start with none."""
        self._models: OrderedDict[str, Any] = OrderedDict()

    def adopt(self, model: Any, x: Any = None, hypermodel: Any = None) -> Any:
        """The model to train in place of `model`: itself, or an equal one that is compiled.

        After training, `release` must be called with the model that was returned.

        Args:
            model: A compiled model, fresh from the code that builds it.
            x: The training input of the search.
            hypermodel: What built the model. It may hold parts of it, which must then be trained;
                and only if its `fit` is KerasTuner's is `x` sure to be what the model will see.
        """
        if holds_parts(hypermodel):
            return model
        if hypermodel is not None and type(hypermodel).fit is keras_tuner.HyperModel.fit:
            build_by_input(model, x)
        signature = structure(model)
        if signature is None:
            return model
        shared = self._models.get(signature)
        if shared is None or not _take_over(shared, model):
            shared = self._models[signature] = model
        self._models.move_to_end(signature)
        self._shrink()
        return shared

    def release(self, model: Any, failed: bool = False) -> None:
        """Forget a model that crashed, or that training has changed for good."""
        vars(model).pop("fit", None)  # from use_many_steps
        for signature, shared in list(self._models.items()):
            if shared is model and (failed or structure(model) != signature):
                del self._models[signature]

    def _shrink(self) -> None:
        def weights() -> int:
            return sum(model.count_params() for model in self._models.values())

        while len(self._models) > 1 and (
            len(self._models) > MAX_SHARED_MODELS or weights() > MAX_SHARED_WEIGHTS
        ):
            self._models.popitem(last=False)


def structure(model: Any) -> str | None:
    """What two models must have in common to share a compiled program; None if unknowable.

    Initialisers and a constant learning rate are left out: they live in variables.
    """
    if keras.config.backend() not in STEPS_PER_EXECUTION:
        return None
    try:
        return to_json(_masked(configuration(model)))
    except Exception:  # Also from properties of anybody's: a trial must not end by them.
        return None


def holds_parts(hypermodel: Any) -> bool:
    """Whether the code that builds models keeps layers, optimizers and the like of theirs."""
    if hypermodel is None:
        return False
    builder = getattr(vars(hypermodel).get("build"), "__self__", None)
    held = [*vars(hypermodel).values(), *getattr(builder, "__dict__", {}).values()]
    for value in list(held):
        held += value.values() if isinstance(value, dict) else ()
        held += value if isinstance(value, list | tuple) else ()
    return any(isinstance(value, _PARTS) for value in held)


def build_by_input(model: Any, x: Any) -> None:
    """Build a `Sequential` without an input layer as `fit` would, on its first look at the data.

    Its shape is enough: such a model takes the type of its input from its first layer.
    """
    is_table = hasattr(x, "shape") and len(x.shape) > 1
    if is_table and isinstance(model, keras.Sequential) and not model.built and model.layers:
        model.build((None, *x.shape[1:]))


def _take_over(shared: Any, model: Any) -> bool:
    """Put the state of a fresh model into a compiled one; False if they do not match."""
    if not shared.optimizer.built:
        return False
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    old = [*shared.variables, *shared.optimizer.variables]
    new = [*model.variables, *model.optimizer.variables]
    kinds = [[(v.shape, v.dtype, v.trainable) for v in variables] for variables in (old, new)]
    if kinds[0] != kinds[1]:
        return False
    for target, source in zip(old, new, strict=True):
        target.assign(source)
    _take_initializers(shared, model)
    if keras.config.backend() == "jax":
        # Its `fit` looks at a batch while these are not built, which moves the shuffling on. The
        # compiled step gets their state by position, so that it serves any objects of their kind.
        for name in ("_compile_loss", "_compile_metrics", "_loss_tracker"):
            object.__setattr__(shared, name, getattr(model, name))
    shared.stop_training = False
    shared._initial_epoch = None  # BackupAndRestore leaves it behind.
    return True


def _take_initializers(shared: Any, model: Any) -> None:
    """Let a clone of the shared model, or its saved configuration, start as the fresh one would."""
    for target, source in zip(shared._flatten_layers(), model._flatten_layers(), strict=True):
        for name, value in vars(source).items():
            if isinstance(value, keras.initializers.Initializer):
                setattr(target, name, value)


def _masked(part: Json) -> Json:
    """The configuration without what lives in variables."""
    if isinstance(part, list | tuple):
        return [_masked(item) for item in part]
    if not isinstance(part, dict):
        return part
    if str(part.get("module", "")).startswith("keras.initializers"):
        return "initializer"
    masked = {str(name): _masked(item) for name, item in part.items()}
    if isinstance(masked.get("learning_rate"), int | float):
        masked["learning_rate"] = "variable"
    return masked
