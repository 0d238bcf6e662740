"""What is being learned, as far as the data or the curves tell: how many classes, and chance."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.accuracies import ACCURACIES, accuracy_of, share
from auditor.outcomes.measured import Finite, Measured, finite
from auditor.outcomes.thresholds import (
    CHANCE_ACCURACY,
    CHANCE_EPOCHS,
    CHANCE_LOSS,
    CHANCE_STEP,
    MOST_CLASSES,
    MOST_CLASSES_ALONE,
    PLATEAU_ACCURACY,
    PLATEAU_EPOCHS,
    PLATEAU_LOSS,
    PLATEAU_SHARE,
)
from auditor.trials import Trials, twin

_ERRORS = (
    "mae",
    "mse",
    "rmse",
    "msle",
    "mape",
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_squared_logarithmic_error",
    "mean_absolute_percentage_error",
    "r2_score",
    "logcosh",
    "huber",
)
"""Metrics of regressions; beside an accuracy they say nothing."""


@dataclass(frozen=True)
class Task:
    """What is being learned.

    Attributes:
        kind: "classification", "regression" or "unknown".
        classes: How many; None where that is not known.
        known_from: How the number of classes is known, in words; empty where it is not.
        chance_loss: Cross-entropy of a model that holds all classes for equally likely, in nats:
            ln K. Only where losses were seen there: that there are K classes does not make a loss a
            plain cross-entropy.
        unlike: What shows that runs solve different problems, in words, a part for each of these;
            empty where they may well solve the same.
    """

    kind: Literal["classification", "regression", "unknown"] = "unknown"
    classes: int | None = None
    known_from: str = ""
    chance_loss: float | None = None
    unlike: tuple[str, ...] = ()


def task_of(seen: Measured) -> Task:
    """What is being learned, from the data where they were at hand, else from the curves.

    The number of classes is read off curves only where it cannot well be otherwise: where a run has
    both the loss ln K and the accuracy 1/K, or both its losses rest at the very ln K. Where several
    numbers are seen the largest is chance: a model that learned to tell groups of classes apart,
    but not within the groups, rests at a smaller one. Runs that start at several solve different
    problems.

    Example:
        >>> task_of(Measured(read("stuck_at_chance.txt"))).classes
        2
    """
    context = seen.trials.context
    if len(context.label_counts) > 1:
        return Task("classification", len(context.label_counts), "the labels of the training data")
    if context.target_variance is not None:
        return Task("regression")
    name = accuracy_of(seen.trials)
    if not name and _has_errors(seen.trials):
        return Task("regression")
    unlike = _by_metrics(seen) if name else ()
    if unlike:
        return Task(unlike=unlike)
    found = (_from_start(seen, name) if name else None) or _from_plateaus(seen, name)
    return found or Task("classification" if name else "unknown")


def _has_errors(trials: Trials) -> bool:
    return any(name in trials.metrics or twin(name) in trials.metrics for name in _ERRORS)


def _by_metrics(seen: Measured) -> tuple[str, ...]:
    """That some runs log an accuracy only, and others the error of a regression only."""
    accuracies, errors = (_logging(seen, names) for names in (ACCURACIES, _ERRORS))
    kinds = {"an accuracy": accuracies - errors, "the error of a regression": errors - accuracies}
    if not all(kinds.values()):
        return ()
    return tuple(f"{_such(seen, min(runs), len(runs))} {what}" for what, runs in kinds.items())


def _logging(seen: Measured, names: tuple[str, ...]) -> set[int]:
    """Positions of the runs that log one of some metrics, on either side."""
    columns = [seen.column(metric) for name in names for metric in (name, twin(name))]
    return {run for column in columns for run in np.flatnonzero(np.diff(column.bounds)).tolist()}


def _such(seen: Measured, place: int, many: int) -> str:
    """How runs are told, by one of them."""
    trial = seen.trials.runs[place].trial_id
    return f"trial {trial} logs" if many == 1 else f"{many} runs, such as trial {trial}, log"


def _from_start(seen: Measured, name: str) -> Task | None:
    """K where the first epochs of a run have both the loss and the accuracy of guessing among K."""
    for loss_name, right_name in ((twin("loss"), twin(name)), ("loss", name)):
        loss, right = seen.column(loss_name), seen.column(right_name)
        starts = np.minimum(np.diff(loss.bounds), np.diff(right.bounds)) >= CHANCE_EPOCHS
        steps = np.arange(CHANCE_EPOCHS)
        of_loss = loss.bounds[:-1][starts][:, None] + steps
        of_right = right.bounds[:-1][starts][:, None] + steps
        losses, rights = loss.values[of_loss], share(right.values)[of_right]
        classes = _classes_at(losses[:, 0], MOST_CLASSES)
        guessing = (
            (loss.epochs[of_loss] == right.epochs[of_right])
            & _near(losses, np.log(classes)[:, None], _berth(classes)[:, None])
            & _near(rights, 1 / classes[:, None], CHANCE_ACCURACY)
        ).all(axis=1)
        guessing &= _trains_there(seen, np.flatnonzero(starts), classes)
        if guessing.any():
            unlike = _by_classes(seen, np.flatnonzero(starts)[guessing], classes[guessing])
            if unlike:
                return Task("classification", unlike=unlike)
            most = int(classes[guessing].max())
            at = np.flatnonzero(guessing & (classes == most))[0]
            return _at_chance(
                most,
                f"{loss_name} {losses[at, 0]:.4g} = ln {most} at {right_name} {rights[at, 0]:.3g} "
                "in the first epochs of a run",
            )
    return None


def _by_classes(
    seen: Measured, places: NDArray[np.intp], classes: NDArray[np.intp]
) -> tuple[str, ...]:
    """That runs start at guessing among different numbers of classes.

    Half as many may be the same classes, in two groups that are told apart at once.
    """
    different = np.unique(classes[2 * classes != classes.max()]).tolist()
    return tuple(
        f"trial {seen.trials.runs[places[classes == many][0]].trial_id} starts at guessing among "
        f"{many} classes"
        for many in different
        if len(different) > 1
    )


def _trains_there(
    seen: Measured, runs: NDArray[np.intp], classes: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Whether the training losses of runs, where logged, end those first epochs at ln K too.

    Untrained weights may have the loss ln K by luck on one side, and hardly on both.
    """
    training = seen.column("loss")
    known = np.diff(training.bounds)[runs] >= CHANCE_EPOCHS
    there = np.ones(len(runs), bool)
    losses = training.values[training.bounds[runs[known]] + CHANCE_EPOCHS - 1]
    there[known] = _near(losses, np.log(classes[known]), _berth(classes[known]))
    return there


def _berth(classes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Share of ln K within which a loss is taken for it, and not for any number between two."""
    return np.asarray(np.minimum(CHANCE_LOSS, CHANCE_STEP / (classes * np.log(classes))))


def _from_plateaus(seen: Measured, name: str) -> Task | None:
    """K where training and validation losses of enough runs both rest at ln K.

    Losses of models that learned rest where they may, and on training data lower than on validation
    data.
    """
    losses = [seen.finite("val_loss"), seen.finite("loss")]
    long = np.minimum(*(curves.lengths for curves in losses)) >= PLATEAU_EPOCHS
    if name:
        rights = _shares(seen, twin(name))
        long &= rights.lengths >= PLATEAU_EPOCHS
    if not long.any():
        return None
    ranges = [_later_range(curves, long) for curves in losses]
    classes = _classes_at(ranges[0][0], MOST_CLASSES if name else MOST_CLASSES_ALONE)
    # An accuracy that says the same makes up for what large steps and few rows do to the losses.
    near = [_near(ends, np.log(classes), PLATEAU_LOSS) for both in ranges for ends in both]
    if name:
        chance = np.log(classes)
        arrived = [
            *(_near(ends, chance, CHANCE_LOSS) for ends in ranges[0]),
            # Large steps keep the training loss above.
            ranges[1][0] >= (1 - CHANCE_LOSS) * chance,
            # What never moves may rest anywhere.
            ~_near(_firsts(losses[0], long), chance, 2 * CHANCE_LOSS),
        ]
        near = [np.all(near, axis=0) | np.all(arrived, axis=0)]
        near += [_near(ends, 1 / classes, PLATEAU_ACCURACY) for ends in _later_range(rights, long)]
    at_rest = np.bincount(classes[np.all(near, axis=0)])
    enough = np.flatnonzero(at_rest >= max(1, PLATEAU_SHARE * long.sum()))
    if not len(enough):
        return None
    most, many = int(enough[-1]), int(at_rest[enough[-1]])
    return _at_chance(
        most,
        f"{'a run' if many == 1 else f'{many} runs'} whose losses rest at {math.log(most):.4g} = "
        f"ln {most}",
    )


def _at_chance(classes: int, known_from: str) -> Task:
    return Task("classification", classes, known_from, math.log(classes))


def _shares(seen: Measured, metric: str) -> Finite:
    column = seen.column(metric)
    return finite(column._replace(values=share(column.values)))


def _firsts(curves: Finite, runs: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(curves.column.values[curves.column.bounds[:-1][runs]])


def _later_range(
    curves: Finite, runs: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the largest value of the later half of each run, at least `PLATEAU_EPOCHS`."""
    ends = curves.column.bounds[1:][runs]
    begins = ends - np.maximum(PLATEAU_EPOCHS, curves.lengths[runs] // 2)
    # Every other part is what lies between two runs; the last run must not end at the very end.
    parts, values = np.column_stack([begins, ends]).ravel(), np.append(curves.column.values, 0.0)
    return np.minimum.reduceat(values, parts)[::2], np.maximum.reduceat(values, parts)[::2]


def _classes_at(losses: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """The K, at least 2, whose ln K is nearest to each loss."""
    bounded = np.clip(np.nan_to_num(losses, nan=0.0), 0.0, math.log(most))
    return np.maximum(np.rint(np.exp(bounded)), 2).astype(np.intp)


def _near(
    values: NDArray[np.float64], to: NDArray[np.float64], tolerance: float | NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether values differ from others by no more than a share of these."""
    return np.asarray(np.abs(values - to) <= tolerance * to)
