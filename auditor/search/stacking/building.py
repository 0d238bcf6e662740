"""Models built for their structure: a search needs thousands of those, and few that compute."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src import backend

_BUILDING = threading.RLock()
"""One model is built at a time: random seeds, and the switch below, are global."""


def built(
    build: Callable[[], Any], seed: int, *, light: bool = False, fresh_names: bool = True
) -> Any:
    """A model, with all that is random in it drawn from a seed.

    Args:
        build: Makes it.
        seed: Its initial weights are those that `Model.fit` would start from after
            `keras.utils.set_random_seed` with it.
        light: Draw the weights only when somebody looks at them, which saves most of the time.
            Code that gives a model other weights while it builds it gets a whole one.
        fresh_names: Name layers as in the first model of a process. Not while something trains:
            it empties caches of Keras and TensorFlow.
    """
    with _BUILDING:
        if light:
            try:
                with _weights_later():
                    return _seeded(build, seed, fresh_names)
            except Exception:
                pass  # Whatever is wrong with it shows again below.
        return _seeded(build, seed, fresh_names)


def weights_of(model: Any) -> list[np.ndarray]:
    """The weights of a model in the order of `Model.get_weights`, drawn where they were not yet."""
    return [np.asarray(keras.ops.convert_to_numpy(variable.value)) for variable in model.weights]


def complete(model: Any) -> None:
    """Give a model that was built lightly all its variables."""
    for variable in [*model.variables, *model.metrics_variables, *model.optimizer.variables]:
        if variable._value is None:
            variable._deferred_initialize()


def _seeded(build: Callable[[], Any], seed: int, fresh_names: bool) -> Any:
    if fresh_names:
        # KerasTuner collects garbage here too, which takes as long as all the rest.
        keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    return build()


@contextmanager
def _weights_later() -> Iterator[None]:
    """Let new variables keep their initialisers, as Keras does while it traces a function."""
    kind = backend.Variable
    # Inherited on some backends: what is put there must then be removed.
    own = vars(kind).get("_initialize_with_initializer")

    def keep(variable: Any, initializer: Any) -> None:
        variable._value = None
        variable._initializer = initializer

    kind._initialize_with_initializer = keep
    try:
        yield
    finally:
        if own is None:
            del kind._initialize_with_initializer
        else:
            kind._initialize_with_initializer = own
