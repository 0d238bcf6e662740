"""Validation accuracies that show that a model learned, whatever its loss says."""

import math

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Judged
from auditor.diagnosis.wording import once_per_sweep
from auditor.outcomes import accuracy_of, share
from auditor.trials import twin

ACCURATE_SHARE = 1 / 3
"""Share of the way from guessing to no errors from which an accuracy is that of a model that
learned: 0.4 of ten classes, 0.67 of two."""

ACCURATE = 0.8
"""The same accuracy where guessing is not known: as published cases of balanced classes have it
once they learned."""

NEAR_BEST = 0.05
"""Difference to the best accuracy of the sweep within which a run learned what there is."""


def guessing(seen: Judged) -> float | None:
    """The accuracy of the best constant answer, as far as it is known."""
    counts, classes = seen.trials.context.label_counts.values(), seen.task.classes
    if sum(counts):
        return max(counts) / sum(counts)
    return 1 / classes if classes else None


def is_accurate(seen: Judged, right: float) -> bool:
    """Whether an accuracy, as a share, is well above guessing."""
    least = guessing(seen)
    return right >= (ACCURATE if least is None else least + ACCURATE_SHARE * (1 - least))


def has_learned(seen: Judged, place: int) -> bool:
    """Whether the best accuracy of a run is well above guessing, and near the best of the sweep."""
    rights = best_accuracies(seen)
    right = float(rights[place])
    best = float(np.nanmax(rights, initial=0.0))
    return right >= best - NEAR_BEST and is_accurate(seen, right)


@once_per_sweep
def best_accuracies(seen: Judged) -> NDArray[np.float64]:
    """The best validation accuracy of each run, as a share; NaN where none was logged."""
    return best_shares(seen, twin(accuracy_of(seen.trials)))


def best_shares(seen: Judged, metric: str) -> NDArray[np.float64]:
    """The best value of an accuracy of each run, as a share; NaN where none was logged."""
    found = np.full(len(seen.trials.runs), math.nan)
    column = seen.measured.column(metric)
    if not len(column.values):
        return found
    places = np.flatnonzero(np.diff(column.bounds))
    rights = np.where(np.isfinite(column.values), share(column.values), -math.inf)
    best = np.maximum.reduceat(rights, column.bounds[places])
    found[places] = np.where(np.isfinite(best), best, math.nan)
    return found


def last_accuracy(seen: Judged, place: int) -> tuple[str, float] | None:
    """Name of the validation accuracy and its last value, as a share; None where not logged."""
    accuracy = accuracy_of(seen.trials)
    if not accuracy:
        return None
    column = seen.measured.column(twin(accuracy))
    begin, end = column.bounds[place : place + 2]
    if begin == end or not math.isfinite(column.values[end - 1]):
        return None
    return twin(accuracy), float(share(column.values)[end - 1])
