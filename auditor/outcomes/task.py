"""What is being learned, as far as the data or the curves tell: how many classes, and chance."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.measured import Measured
from auditor.outcomes.thresholds import (
    CHANCE_ACCURACY,
    CHANCE_LOSS,
    MOST_CLASSES,
    PLATEAU_LOSS,
    PLATEAU_RUNS,
    PLATEAU_SHARE,
)
from auditor.trials import Trials, twin

ACCURACIES = (
    "accuracy",
    "acc",
    "binary_accuracy",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
)
"""Names of shares of rows that are right, as Keras logs them, the commonest first."""


@dataclass(frozen=True)
class Task:
    """What is being learned.

    Attributes:
        kind: "classification", "regression" or "unknown".
        classes: How many; None where that is not known.
        known_from: How the number of classes is known, in words; empty where it is not.
    """

    kind: Literal["classification", "regression", "unknown"] = "unknown"
    classes: int | None = None
    known_from: str = ""

    @property
    def chance_loss(self) -> float | None:
        """Cross-entropy of a model that holds all classes for equally likely, in nats: ln K."""
        return math.log(self.classes) if self.classes else None


def task_of(seen: Measured) -> Task:
    """What is being learned, from the data where they were at hand, else from the curves.

    The number of classes is read off curves only where it cannot well be otherwise: a first
    validation loss of ln K with an accuracy of 1/K, or many runs that never leave ln K.

    Example:
        >>> task_of(Measured(read("stuck_at_chance.txt"))).classes
        2
    """
    context = seen.trials.context
    if len(context.label_counts) > 1:
        return Task("classification", len(context.label_counts), "the labels of the training data")
    if context.target_variance is not None:
        return Task("regression")
    found = _from_chance(seen) or _from_plateaus(seen)
    if found is not None:
        return found
    return Task("classification" if accuracy_of(seen.trials) else "unknown")


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


def _from_chance(seen: Measured) -> Task | None:
    """K where a run has, in its first epoch, both the loss and the accuracy of guessing among K."""
    name = accuracy_of(seen.trials)
    if not name:
        return None
    for loss_name, right_name in ((twin("loss"), twin(name)), ("loss", name)):
        loss, right = seen.column(loss_name), seen.column(right_name)
        rights = share(right.values)
        for run in np.flatnonzero((np.diff(loss.bounds) > 0) & (np.diff(right.bounds) > 0)):
            first, share_right = loss.values[loss.bounds[run]], rights[right.bounds[run]]
            classes = _classes_at(float(first), CHANCE_LOSS)
            if classes and abs(share_right - 1 / classes) <= CHANCE_ACCURACY / classes:
                return Task(
                    "classification",
                    classes,
                    f"a first loss of {first:.4g} = ln {classes} at an accuracy of "
                    f"{share_right:.3g}",
                )
    return None


def _from_plateaus(seen: Measured) -> Task | None:
    """K where many runs never leave ln K: no other loss holds unrelated runs at that number."""
    curves = seen.finite("val_loss")
    there = np.flatnonzero(curves.lengths > 1)
    if len(there) < PLATEAU_RUNS:
        return None
    values, begins = curves.column.values, curves.column.bounds[:-1][there]
    ends = curves.column.bounds[1:][there]
    lows = np.array([values[b:e].min() for b, e in zip(begins, ends, strict=True)])
    highs = np.array([values[b:e].max() for b, e in zip(begins, ends, strict=True)])
    for classes in range(2, MOST_CLASSES + 1):
        chance = math.log(classes)
        near = PLATEAU_LOSS * chance
        stuck = int(((lows >= chance - near) & (highs <= chance + near)).sum())
        if stuck >= max(PLATEAU_RUNS, PLATEAU_SHARE * len(there)):
            return Task(
                "classification",
                classes,
                f"{stuck} runs whose loss never leaves {chance:.4g} = ln {classes}",
            )
    return None


def _classes_at(loss: float, tolerance: float) -> int | None:
    """The K whose ln K a loss is, within a share of it."""
    if not 0 < loss < math.log(MOST_CLASSES + 0.5):
        return None
    classes = round(math.exp(loss))
    return classes if classes > 1 and abs(loss / math.log(classes) - 1) <= tolerance else None
