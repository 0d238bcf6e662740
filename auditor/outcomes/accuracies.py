"""Accuracies: what they are called, and shares of 1 of them."""

import numpy as np
from numpy.typing import NDArray

from auditor.trials import Trials, twin

ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
)
"""Names of shares of rows that are right, as Keras logs them, the commonest first."""


def accuracy_of(trials: Trials) -> str:
    """The training name of the accuracy that was logged, such as "acc"; empty without one."""
    for name in ACCURACIES:
        if name in trials.metrics or twin(name) in trials.metrics:
            return name
    return ""


def share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Accuracies as shares of 1, whether they were logged so or in percent.

    Example:
        >>> share(np.array([55.0, 91.0]))
        array([0.55, 0.91])
    """
    known = values[np.isfinite(values)]
    return values / 100.0 if len(known) and known.max() > 1.5 else values
