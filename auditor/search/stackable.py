"""Whether the trials of a search may train in stacks at all."""

import keras
from keras_tuner.src.distribute import utils as distribution

from auditor.search.training_tuner import HOOKS, TrainingTuner

_WATCHED = ("run_trial", *HOOKS, "_build_and_fit_model")
"""Methods of a tuner whose subclasses see trials one at a time."""


def why_never(tuner: TrainingTuner) -> str | None:
    """Why no trial of a search can be stacked, in a sentence; None where some may be."""
    if keras.config.backend() not in ("tensorflow", "jax"):
        return f"Keras's backend is {keras.config.backend()}"
    if distribution.has_chief_oracle() or tuner.distribution_strategy is not None:
        return "the search is distributed by KerasTuner"
    for name in _WATCHED:
        if getattr(type(tuner), name) is not getattr(TrainingTuner, name):
            return f"{type(tuner).__name__} has a {name} of its own"
    return None
