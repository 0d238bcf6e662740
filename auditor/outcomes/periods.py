"""Curves that repeat themselves, as under a learning rate that rises again and was not logged."""

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.curves import smooth

PERIOD_LEAST = 6
"""Epochs of the shortest period that is looked for in a curve without a logged learning rate:
shorter ones drown in the smoothing."""

PERIOD_TIMES = 3
"""Periods that a curve must hold to be periodic."""

PERIOD_LIKENESS = 0.5
"""Autocorrelation of the steps of a smoothed curve at that lag, and their correlation with those of
the training curve, from which it is periodic. Of white noise 1 in 100 curves gets there."""


Floats = NDArray[np.float64]


def periods(values: Floats, training: Floats) -> NDArray[np.intp]:
    """Epochs after which curves repeat themselves, those of training with them; else 0; (run,).

    Args:
        values: Of validation; (run, epoch).
        training: In the same epochs; runs with NaN among them have no period.
    """
    found = np.zeros(len(values), np.intp)
    if values.shape[1] < PERIOD_TIMES * PERIOD_LEAST:
        return found
    steps, others = _steps(values), _steps(training)
    alike = np.flatnonzero((steps * others).sum(axis=1) >= PERIOD_LIKENESS)
    lags = _repeats(_likeness(steps[alike]))
    some, lags = alike[lags > 0], lags[lags > 0]
    too = np.take_along_axis(_likeness(others[some]), lags[:, None], 1)[:, 0]
    found[some] = np.where(too >= PERIOD_LIKENESS, lags, 0)
    return found


def _steps(values: Floats) -> Floats:
    """The steps of smoothed curves, without their mean, of length 1."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        steps = np.diff(smooth(values), axis=1)
        steps -= steps.mean(axis=1, keepdims=True)
        length = np.linalg.norm(steps, axis=1, keepdims=True)
        return np.where((length > 0) & np.isfinite(length), steps / length, 0.0)


def _repeats(likeness: Floats) -> NDArray[np.intp]:
    """The lags of the first peaks after they were negative; 0 without one; (run,)."""
    is_negative = likeness < 0
    later = np.logical_or.accumulate(is_negative, axis=1)
    lags = np.where(later, likeness, -np.inf).argmax(axis=1)
    highest = np.take_along_axis(likeness, lags[:, None], 1)[:, 0]
    is_peak = later[:, -1] & (lags >= PERIOD_LEAST) & (highest >= PERIOD_LIKENESS)
    return np.where(is_peak, lags, 0)


def _likeness(steps: Floats) -> Floats:
    """Their autocorrelation, as that of the parts that overlap; (run, lag)."""
    many = steps.shape[1]
    lags = np.arange(many // PERIOD_TIMES + 1)
    squares = np.pad(np.cumsum(steps**2, axis=1), ((0, 0), (1, 0)))
    scale = np.sqrt(squares[:, many - lags] * (squares[:, -1:] - squares[:, lags]))
    spectrum = np.abs(np.fft.rfft(steps, 2 * many)) ** 2
    products = np.fft.irfft(spectrum, 2 * many)[:, : len(lags)]
    return np.asarray(np.divide(products, scale, out=np.zeros_like(scale), where=scale > 0))
