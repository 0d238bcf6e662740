"""A function over runs made one program, on either backend and in each way that it compiles."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np

# How a stack is trained: JAX has one way.
WAYS = ["xla"] if keras.config.backend() == "jax" else ["xla", "graph"]


def vectorize(function: Callable[..., Any], way: str) -> Callable[..., Any]:
    """The function over a leading axis of all its arguments, compiled; gives NumPy arrays."""
    if keras.config.backend() == "jax":
        import jax

        compiled = jax.jit(jax.vmap(function))
        return lambda *args: jax.tree.map(np.asarray, compiled(*args))
    import tensorflow as tf

    @tf.function(jit_compile=way == "xla")
    def stacked(*args: Any) -> Any:
        # Falling back to a loop over the runs would be right, and slow: here it must fail.
        call = lambda row: function(*row)  # noqa: E731
        return tf.vectorized_map(call, args, fallback_to_while_loop=False)

    def run(*args: Any) -> Any:
        outputs = stacked(*(tf.constant(arg) for arg in args))
        return tf.nest.map_structure(lambda one: one.numpy(), outputs)

    return run


def gradient(function: Callable[[Any], Any], at: Any) -> Any:
    """The gradient of the sum of a function's outputs, traced or not."""
    if keras.config.backend() == "jax":
        import jax

        return jax.grad(lambda x: function(x).sum())(at)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(at)
        total = tf.reduce_sum(function(at))
    return tape.gradient(total, at)


def doubles() -> AbstractContextManager[Any]:
    """Within it float64 works: JAX has it only on demand."""
    if keras.config.backend() == "jax":
        import jax

        return jax.enable_x64(True)
    return nullcontext()
