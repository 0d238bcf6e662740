"""How a stack runs on each of Keras's backends: vectorised over runs, looped over batches."""

from typing import Any

import keras


def backend(compiled: bool = True) -> Any:
    """The backend that Keras is set to.

    Args:
        compiled: Whether XLA compiles the steps; JAX always does.

    Raises:
        LookupError: Keras is set to a backend that cannot train stacks.
    """
    name = keras.config.backend()
    if name == "tensorflow":
        from auditor.search.stacking.backends.tensorflow import TensorFlow

        return TensorFlow(compiled)
    if name == "jax":
        from auditor.search.stacking.backends.jax import Jax

        return Jax()
    raise LookupError(name)
