"""Several batches in one call of the compiled step, where nobody looks at single batches."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

STEPS_PER_EXECUTION = {"tensorflow": 32, "jax": 8}
"""Batches per call of the compiled step. Measured on a small dense net, TensorFlow: 2.2 ms a step
at 1, 0.94 at 32, 0.76 at 250. JAX unrolls them, so that compiling grows with the number."""

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


def use_many_steps(
    model: Any,
    callbacks: Any = (),
    on_fit: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Let one call of the compiled step train several batches, where nobody looks at batches.

    That is known only when `fit` is called: code between the tuner and `fit` may add callbacks. So
    the model's `fit` looks at its arguments first, until the model is released.

    Args:
        model: The model to train.
        callbacks: Those known so far; with one of them watching batches, nothing is changed.
        on_fit: Called with the arguments of `fit` by name, before each. Not for a model whose `fit`
            is not Keras's: what that makes of its arguments is not known.
    """
    if type(model).fit is not keras.Model.fit:
        return
    given = list(_flat(callbacks))

    def fit(*args: Any, **kwargs: Any) -> Any:
        arguments = inspect.signature(keras.Model.fit).bind(model, *args, **kwargs).arguments
        if on_fit is not None:
            on_fit(arguments)
        _set_steps(model, arguments, given)
        return keras.Model.fit(model, *args, **kwargs)

    # Not by assignment: Keras would track it as a part of the model.
    vars(model)["fit"] = fit


def watches_batches(callback: Any) -> bool:
    """Whether a callback does something at the level of batches."""
    base = _quiet_base(callback)
    hooks = [(getattr(callback, hook, None), getattr(base, hook)) for hook in _BATCH_HOOKS]
    # Also on the instance: LambdaCallback puts its functions there.
    return any(getattr(own, "__func__", own) is not inherited for own, inherited in hooks)


def _set_steps(model: Any, arguments: Mapping[str, Any], callbacks: list[Any]) -> None:
    many = STEPS_PER_EXECUTION.get(keras.config.backend(), 1)
    if not model.compiled or model.run_eagerly or model.steps_per_execution not in (1, many):
        return
    if model._compile_config.config.get("steps_per_execution") != 1:
        return  # The user's own choice.
    watchers = [*callbacks, *_flat(arguments.get("callbacks"))]
    is_counted = any(arguments.get(name) for name in ("steps_per_epoch", "validation_steps"))
    # Keras would run a whole number of calls, and so more batches than were asked for.
    alone = is_counted or not _has_length(arguments.get("x"))
    steps = 1 if alone or any(map(watches_batches, watchers)) else many
    if steps != model.steps_per_execution:
        model.steps_per_execution = steps
        # Traced for the other number.
        model.train_function = model.test_function = model.predict_function = None


def _flat(callbacks: Any) -> Iterator[Any]:
    """The callbacks that `fit` makes of its argument."""
    callbacks = getattr(callbacks, "callbacks", callbacks)
    if isinstance(callbacks, list | tuple):
        for callback in callbacks:
            yield from _flat(callback)
    elif callbacks is not None:
        yield callbacks


def _has_length(x: Any) -> bool:
    """Whether the number of batches is known before they are drawn."""
    try:
        return len(x) >= 0
    except (TypeError, NotImplementedError):
        return False


def _quiet_base(callback: Any) -> Any:
    """The class of Keras whose batch hooks do nothing, as this callback is set up."""
    saving = [keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore]
    for kind in saving:
        if isinstance(callback, kind) and callback.save_freq == "epoch":
            return kind
    board = keras.callbacks.TensorBoard
    if (
        isinstance(callback, board)
        and callback.update_freq == "epoch"
        and not callback.write_steps_per_second
        and not callback._should_trace
    ):
        return board
    if isinstance(callback, keras.callbacks.ProgbarLogger):
        return keras.callbacks.ProgbarLogger
    return keras.callbacks.Callback
