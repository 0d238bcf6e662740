"""Models built for their structure: a search needs thousands of those, and few that compute."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src import backend
from keras.src.backend.common import global_state

BUILDING = threading.RLock()
"""One model is built at a time: random seeds, and the switch below, are global."""


def built(build: Callable[[], Any], seed: int, *, light: bool = False) -> Any:
    """A model, with all that is random in it drawn from a seed; its layers have fresh names.

    Args:
        build: Makes it.
        seed: Its initial weights are those that `Model.fit` would start from after
            `keras.utils.set_random_seed` with it.
        light: Draw the weights only when somebody looks at them, which saves most of the time.
            Code that gives a model other weights while it builds it gets a whole one.
    """
    with BUILDING:
        if light:
            try:
                with _weights_later():
                    return _seeded(build, seed)
            except Exception:
                pass  # Whatever is wrong with it shows again below.
        return _seeded(build, seed)


def weights_of(model: Any) -> list[np.ndarray]:
    """The weights of a model in the order of `Model.get_weights`, drawn where they were not yet."""
    return [np.asarray(keras.ops.convert_to_numpy(variable.value)) for variable in model.weights]


def complete(model: Any) -> None:
    """Give a model that was built lightly all its variables.

    Metrics that were given as objects show theirs only once the model was built with a batch.
    """
    for variable in [*model.variables, *model.metrics_variables, *model.optimizer.variables]:
        if variable._value is None:
            variable._deferred_initialize()


def _seeded(build: Callable[[], Any], seed: int) -> Any:
    # Not clear_session, as KerasTuner: that clears the state of threads too in which stacks train.
    vars(global_state.GLOBAL_STATE_TRACKER).clear()
    keras.utils.set_random_seed(seed)
    return build()


@contextmanager
def _weights_later() -> Iterator[None]:
    """Let new variables of this thread keep their initialisers, as Keras does while it traces."""
    kind, here = backend.Variable, threading.get_ident()
    initialize = kind._initialize_with_initializer
    # Inherited on some backends: what is put there must then be removed.
    own = vars(kind).get("_initialize_with_initializer")

    def keep(variable: Any, initializer: Any) -> None:
        if threading.get_ident() != here:
            initialize(variable, initializer)
            return
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
