"""Which loss a model has, by Keras's name of it, and what else belongs to it."""

from collections.abc import Mapping
from typing import Any

CROSS_ENTROPIES = {
    "binary_crossentropy",
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
}

_ALIASES = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "bce": "binary_crossentropy"}


def loss_of(model: Any) -> str | None:
    """The name of the plain loss of a model; None where other terms or weights belong to it."""
    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    is_weighted = weights is not None and any(weight != 1 for weight in _weights(weights))
    return None if is_weighted or penalises_activity(model) else loss_name(model.loss)


def penalises_activity(model: Any) -> bool:
    """Whether terms that depend on the data are in the loss, which no one can take out again."""
    layers = model._flatten_layers()
    return any(getattr(layer, "activity_regularizer", None) is not None for layer in layers)


def _weights(weights: Any) -> list[Any]:
    if isinstance(weights, Mapping):
        weights = list(weights.values())
    return list(weights) if isinstance(weights, list | tuple) else [weights]


def loss_name(loss: Any) -> str | None:
    """Keras's name of a plain loss; None for one with options, a custom one, or several."""
    if isinstance(loss, str):
        return long_name(loss)
    if type(loss).__module__.startswith("keras.") and hasattr(loss, "get_config"):
        config = loss.get_config()
        means = {"sum_over_batch_size", "mean", "mean_with_sample_weight"}
        plain = (
            config.get("reduction") in means
            and not config.get("label_smoothing")
            and config.get("ignore_class") is None
            and config.get("axis") in (None, -1)
        )
        return long_name(type(loss).__name__) if plain else None
    name = getattr(loss, "__name__", None)
    own = getattr(loss, "__module__", "").startswith("keras.")
    return name if own and isinstance(name, str) else None


def long_name(name: str) -> str:
    """Keras's long name, from "mse", "MSE" or "MeanSquaredError"."""
    if name.isupper():
        name = name.lower()
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
    return _ALIASES.get(words, words)
