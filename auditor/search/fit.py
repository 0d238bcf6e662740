"""The ordinary lane: `Model.fit`, without compiling the same program for every trial.

Compiling costs more than training a small model. Trials whose models differ only in initial
weights and learning rate share one compiled model: it gets the new model's weights, random states,
optimizer state and learning rate. Anything that is not plain Keras is left alone.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import keras

from auditor.files import Json, to_json

STEPS_PER_EXECUTION = {"tensorflow": 32, "jax": 8}
"""Batches per call of the compiled step. Measured on a small dense net, TensorFlow: 2.2 ms a step
at 1, 0.94 at 32, 0.76 at 250. JAX unrolls them, so that compiling grows with the number."""

MAX_SHARED_MODELS = 32
"""Compiled models kept; a grid returns to the same few structures."""

MAX_SHARED_WEIGHTS = 50_000_000
"""Numbers in all models kept together (200 MB in float32, three times that with Adam's state)."""

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


class CompiledModels:
    """Compiled models by structure, the least recently used dropped first."""

    def __init__(self) -> None:
        """Start with none."""
        self._models: OrderedDict[str, Any] = OrderedDict()

    def adopt(self, model: Any, x: Any = None) -> Any:
        """The model to train in place of `model`: itself, or an equal one that is compiled.

        After training, `release` must be called with the model that was returned.

        Args:
            model: A compiled model, fresh from the code that builds it.
            x: Its training input, which tells a model without an input layer its shape.
        """
        _build_by_input(model, x)
        signature = structure(model)
        if signature is None:
            return model
        shared = self._models.get(signature)
        if shared is not None and _take_over(shared, model):
            self._models.move_to_end(signature)
            return shared
        self._models[signature] = model
        self._shrink()
        return model

    def release(self, model: Any, failed: bool = False) -> None:
        """Forget a model that crashed, or that training has changed for good."""
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

    Initialisers and a constant learning rate are left out: they live in variables. Code that is
    not Keras's own may depend on anything, so it is never shared.
    """
    if not type(model).__module__.startswith("keras.") or not model.built or not model.compiled:
        return None
    if model.run_eagerly or any(hasattr(layer, "adapt") for layer in model._flatten_layers()):
        return None
    try:
        parts = {"model": model.get_config(), "compile": model.get_compile_config()}
        if not _is_plain_keras(parts):
            return None
        return to_json({**_masked(parts), "floatx": keras.config.floatx()})
    except (TypeError, ValueError, NotImplementedError, AttributeError):
        return None


def use_many_steps(model: Any, callbacks: Iterable[Any]) -> None:
    """Let one call of the compiled step train several batches, where nobody looks at batches."""
    fresh = getattr(model, "train_function", None) is None
    default = model.compiled and model.steps_per_execution == 1 and not model.run_eagerly
    if fresh and default and not any(watches_batches(callback) for callback in callbacks):
        model.steps_per_execution = STEPS_PER_EXECUTION.get(keras.config.backend(), 1)


def watches_batches(callback: Any) -> bool:
    """Whether a callback does something at the level of batches."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint | keras.callbacks.BackupAndRestore):
        return bool(callback.save_freq != "epoch")
    kind, base = type(callback), keras.callbacks.Callback
    return any(getattr(kind, hook, None) is not getattr(base, hook) for hook in _BATCH_HOOKS)


def _build_by_input(model: Any, x: Any) -> None:
    """Build a `Sequential` without an input layer as `fit` would, on its first look at the data.

    Only for floating-point arrays: the type of the input decides what layers such as `Embedding`
    do, and building from a shape alone assumes floats.
    """
    floats = getattr(getattr(x, "dtype", None), "kind", "") == "f" and hasattr(x, "shape")
    if floats and isinstance(model, keras.Sequential) and not model.built and model.layers:
        model.build((None, *x.shape[1:]))


def _take_over(shared: Any, model: Any) -> bool:
    """Put the state of a fresh model into a compiled one; False if they do not match."""
    if not shared.optimizer.built:
        return False
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    old = [*shared.variables, *shared.optimizer.variables]
    new = [*model.variables, *model.optimizer.variables]
    if [(v.shape, v.dtype) for v in old] != [(v.shape, v.dtype) for v in new]:
        return False
    for target, source in zip(old, new, strict=True):
        target.assign(source)
    shared.stop_training = False
    return True


def _is_plain_keras(part: Json) -> bool:
    """Whether a configuration names nothing but Keras's own classes."""
    if isinstance(part, list | tuple):
        return all(_is_plain_keras(item) for item in part)
    if not isinstance(part, dict):
        return part is None or isinstance(part, bool | int | float | str)
    if "class_name" in part:
        module = part.get("module") or ""
        own = module.split(".")[0] == "keras" and part.get("registered_name") is None
        if not own or part["class_name"] == "Lambda":
            return False
    return all(_is_plain_keras(item) for item in part.values())


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
