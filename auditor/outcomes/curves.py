"""Curves as the verdicts see them: finite, smoothed, without regularisation terms, with noise."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.thresholds import SMOOTHING
from auditor.trials import Curve, Run, Trials, role

LOSSES = ("loss", "val_loss")

UNREGULARISED = "unregularised_val_loss"
"""The series that stands for `val_loss` where it was recorded: a loss that contains L1 or L2 terms
is not comparable with the no-skill loss, nor between trials that differ in those terms."""


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
    """Centred moving average of a curve without gaps, shape (epoch,); narrower at both ends.

    Example:
        >>> smooth(np.array([0.0, 3.0, 0.0, 3.0, 0.0, 3.0]))
        array([1.5, 1. , 2. , 1. , 2. , 1.5])
    """
    half = min(SMOOTHING, len(values) // 3) // 2
    if half == 0:
        return values.copy()
    window = np.ones(2 * half + 1)
    # Each value is divided before it is added: a sum of huge losses would overflow, and a running
    # sum would carry an early 1e12 into every later epoch.
    counts = np.convolve(np.ones(len(values)), window, "same")
    parts = np.convolve(values / len(window), window, "same")
    return np.asarray(parts * (len(window) / counts))


def noise(values: NDArray[np.float64]) -> float:
    """Standard deviation of a curve's epoch-to-epoch noise, in the units of the curve.

    1.4826 MAD(differences) / sqrt(2): the median absolute deviation (Hampel 1974) of the steps, so
    that neither the trend nor a single jump counts as noise. 0 below three values.
    """
    if len(values) < 3:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.diff(values)
        spread = float(np.median(np.abs(steps - np.median(steps))))
    return 1.4826 * spread / math.sqrt(2) if math.isfinite(spread) else math.inf


def measured(trials: Trials, run: Run, metric: str) -> Curve:
    """A loss as logged, less its regularisation terms in the epochs where those are known."""
    epochs, values = trials.curve(run, metric)
    plain, logged = trials.series(run, UNREGULARISED), trials.curve(run, "val_loss")
    if metric not in LOSSES or not len(plain.epochs):
        return Curve(epochs, values)
    both, left, right = np.intersect1d(logged.epochs, plain.epochs, return_indices=True)
    with np.errstate(invalid="ignore"):
        terms = logged.values[left] - plain.values[right]
    _, at, known = np.intersect1d(epochs, both[np.isfinite(terms)], return_indices=True)
    values = values.copy()
    values[at] -= terms[np.isfinite(terms)][known]
    return Curve(epochs, values)


def finite(trials: Trials, run: Run, metric: str, after: int = -1) -> Curve:
    """The finite part of a curve, less regularisation terms, later than an epoch (from 0)."""
    epochs, values = measured(trials, run, metric)
    keep = np.isfinite(values) & (epochs > after)
    return Curve(epochs[keep], values[keep])


def validation_curve(trials: Trials, run: Run, after: int = -1) -> ValidationCurve:
    """The curve that shows overfitting: the validation loss, else a validation objective.

    Args:
        trials: What was observed.
        run: Whose curve.
        after: Only epochs later than this one (from 0).
    """
    objective = trials.objective
    if len(trials.curve(run, "val_loss").epochs):
        return ValidationCurve("val_loss", 1, *finite(trials, run, "val_loss", after))
    if objective.components or role(objective.name) != "validation":
        return ValidationCurve("", 1, np.empty(0, np.intp), np.empty(0))
    sign = 1 if objective.direction == "min" else -1
    return ValidationCurve(objective.name, sign, *finite(trials, run, objective.name, after))
