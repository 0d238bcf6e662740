"""Curves as the verdicts see them: finite, smoothed, without regularisation terms, with noise."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.thresholds import SMOOTHING
from auditor.trials import Column, Curve, Run, Trials, role

LOSSES = ("loss", "val_loss")

UNREGULARISED = "unregularised_val_loss"
"""The series that stands for `val_loss` where it was recorded: a loss that contains L1 or L2 terms
is not comparable with the no-skill loss, nor between trials that differ in those terms."""

MAD_NORMAL = 1.4826
"""Standard deviations of a normal distribution per median absolute deviation (Hampel 1974)."""


STEP_SPREAD = (math.sqrt(2), math.sqrt(6))
"""Standard deviations of white noise of a step, and of a step of steps, whose weights are 1 and -1,
and 1, -2 and 1."""


class ValidationCurve(NamedTuple):
    """The finite part of the curve by which overfitting is judged.

    Attributes:
        metric: Its name, or "" where the run has no such curve.
        sign: 1 where small is good, -1 where large is.
        epochs: From 0, ascending.
        values: As logged, of the same shape (epoch,).
    """

    metric: str
    sign: int
    epochs: NDArray[np.intp]
    values: NDArray[np.float64]


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred moving average of curves without gaps, shape (..., epoch); narrower at both ends.

    Example:
        >>> smooth(np.array([0.0, 3.0, 0.0, 3.0, 0.0, 3.0]))
        array([1.5, 1. , 2. , 1. , 2. , 1.5])
    """
    length = values.shape[-1]
    half = min(SMOOTHING, length // 3) // 2
    if half == 0:
        return values.copy()
    width = 2 * half + 1
    # Each value is divided before it is added: a sum of huge losses would overflow, and a running
    # sum would carry an early 1e12 into every later epoch.
    parts, sums = values / width, np.zeros_like(values)
    for step in range(-half, half + 1):
        to, of = (
            slice(max(0, -step), length - max(0, step)),
            slice(max(0, step), length + min(0, step)),
        )
        sums[..., to] += parts[..., of]
    place = np.arange(length)
    counts = np.minimum(place, half) + np.minimum(place[::-1], half) + 1
    return np.asarray(sums * (width / counts))


def noise(values: NDArray[np.float64], order: int = 1) -> NDArray[np.float64]:
    """Standard deviation of the epoch-to-epoch noise of curves, in their units.

    1.4826 MAD(differences) / sqrt(2): the median absolute deviation (Hampel 1974) of the steps, so
    that neither the trend nor a single jump counts as noise; of steps of steps, most of a bend
    neither. 0 where there are less than two of them.

    Args:
        values: Of the shape (..., epoch), the shape of the result being (...).
        order: 1 for steps, 2 for steps of steps.
    """
    if values.shape[-1] < order + 2:
        return np.zeros(values.shape[:-1])
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.diff(values, order)
        if order == 1:  # of a bend, little is left in steps of steps
            steps -= np.median(steps, axis=-1, keepdims=True)
        spread = MAD_NORMAL * np.median(np.abs(steps), axis=-1) / STEP_SPREAD[order - 1]
    return np.where(np.isfinite(spread), spread, math.inf)


def swing(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The noise that makes steps of such a size, shape (run, step); (run,).

    Of their size alone: about their median, as in `noise`, those of a strict up and down are 0. A
    median: two jumps in an otherwise calm end are no swinging.
    """
    return np.asarray(MAD_NORMAL / math.sqrt(2) * np.median(np.abs(steps), axis=1))


def there(column: Column, other: Column) -> Column:
    """A column in the runs and epochs of another; NaN where it has no value."""
    if np.array_equal(column.bounds, other.bounds) and np.array_equal(column.epochs, other.epochs):
        return column
    width = 1 + max((int(c.epochs.max()) for c in (column, other) if len(c.epochs)), default=0)
    keys, wanted = (c.run * width + c.epochs for c in (column, other))
    values = np.full(len(wanted), np.nan)
    if len(keys):
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        values = np.where(keys[places] == wanted, column.values[places], np.nan)
    return Column(other.epochs, values, other.bounds)


def less_terms(loss: Column, logged: Column, plain: Column) -> Column:
    """A loss less its regularisation terms, in the epochs where those are known.

    Args:
        loss: As logged.
        logged: The validation loss as logged.
        plain: The validation loss without those terms.
    """
    if not len(plain.epochs):
        return loss
    epochs = np.unique(np.concatenate([loss.epochs, logged.epochs, plain.epochs]))

    def places(column: Column) -> NDArray[np.intp]:
        return np.asarray(column.run * len(epochs) + np.searchsorted(epochs, column.epochs))

    both, left, right = np.intersect1d(places(logged), places(plain), return_indices=True)
    with np.errstate(invalid="ignore"):
        terms = logged.values[left] - plain.values[right]
    known = np.isfinite(terms)
    _, at, of = np.intersect1d(places(loss), both[known], return_indices=True)
    values = loss.values.copy()
    values[at] -= terms[known][of]
    return loss._replace(values=values)


def validation_curve(trials: Trials, run: Run, after: int = -1) -> ValidationCurve:
    """The curve that shows overfitting: the validation loss, else a validation objective.

    Args:
        trials: What was observed.
        run: Whose curve.
        after: Only epochs later than this one (from 0).
    """
    has_loss = len(trials.curve(run, "val_loss").epochs) > 0
    metric, sign = validation_metric(trials, has_loss)
    curve = Curve(*trials.curve(run, metric))
    if has_loss and len((plain := trials.series(run, UNREGULARISED)).epochs):
        logged = _alone(curve)
        curve = less_terms(logged, logged, _alone(plain)).curve(0)
    keep = np.isfinite(curve.values) & (curve.epochs > after)
    return ValidationCurve(metric, sign, curve.epochs[keep], curve.values[keep])


def validation_metric(trials: Trials, has_loss: bool) -> tuple[str, int]:
    """The name of that curve, and its sign; "" where there is none.

    Args:
        trials: What was observed.
        has_loss: Whether the run has a validation loss.
    """
    objective = trials.objective
    if has_loss:
        return "val_loss", 1
    if objective.components or role(objective.name) != "validation":
        return "", 1
    return objective.name, 1 if objective.direction == "min" else -1


def _alone(curve: Curve) -> Column:
    return Column(*curve, np.array([0, len(curve.epochs)]))
