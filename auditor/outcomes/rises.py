"""How far curves end above their minimum, and how much of that noise alone would explain."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from auditor.outcomes.curves import MAD_NORMAL, STEP_SPREAD, swing, there
from auditor.outcomes.periods import periods
from auditor.outcomes.thresholds import (
    MIN_EPOCHS,
    OVERFIT_CONFIDENCE,
    OVERFIT_RISE,
    OVERFIT_WINDOW,
    SHARED_NOISE,
    SMOOTHING,
    SWING,
    TREND_EPOCHS,
)

if TYPE_CHECKING:
    from auditor.outcomes.measured import Finite

Floats = NDArray[np.float64]


class Rises(NamedTuple):
    """The ends of curves against their minima, in the units of the curves, small being good.

    All are means over a window, of which there are only full ones. NaN where a curve is too short,
    and noise, chance and error where it does not end `OVERFIT_RISE` above its minimum anyway.

    Attributes:
        best: Positions within the curves of the middle of the windows with the least mean; (run,).
        lowest: The means there; (run,).
        end: The means of the last windows; (run,).
        scale: What the rise is a share of; (run,).
        noise: Standard deviation of the noise of an epoch; (run,).
        chance: How far a flat curve with that noise ends above its minimum; (run,).
        error: What the difference may be off by, at `OVERFIT_CONFIDENCE`; (run,).
        period: Epochs after which the curve repeats itself, training with it; 0 without; (run,).
    """

    best: NDArray[np.intp]
    lowest: Floats
    end: Floats
    scale: Floats
    noise: Floats
    chance: Floats
    error: Floats
    period: NDArray[np.intp]


def rises(curves: "Finite", training: "Finite") -> Rises:
    """The rises of all runs at once.

    Args:
        curves: Of validation.
        training: The same metric in training; may be empty.
    """
    runs = len(curves.lengths)
    blank, none = np.full((6, runs), math.nan), np.zeros((2, runs), np.intp)
    found = Rises(none[0], blank[0], blank[1], blank[2], blank[3], blank[4], blank[5], none[1])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # of losses near 1e308
        _fill(found, curves, training)
    return found


def _fill(found: Rises, curves: "Finite", training: "Finite") -> None:
    beside = there(training.column, curves.column).values
    for at, places in curves.by_length():
        if places.shape[1] < MIN_EPOCHS:
            continue
        values = curves.column.values[places]
        for kept, of_all in zip(_ends(values), found, strict=False):
            of_all[at] = kept
        height = found.end[at] - found.lowest[at]
        risen = np.flatnonzero(height > OVERFIT_RISE * found.scale[at])
        if len(risen):
            these, of_training = at[risen], beside[places[risen]]
            parts = found.best[these], height[risen], found.scale[these]
            noise = _noise(values[risen], of_training, *parts)
            found.period[these] = periods(values[risen], of_training)
            found.noise[these] = noise
            found.chance[these], found.error[these] = _by_noise(noise, places.shape[1])


def window(length: int) -> int:
    """Epochs that are averaged in a curve of some length; odd.

    Example:
        >>> window(17), window(25), window(30)
        (1, 3, 5)
    """
    return max(1, 2 * ((min(SMOOTHING, length // OVERFIT_WINDOW) + 1) // 2) - 1)


def _ends(values: Floats) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
    width = window(values.shape[1])
    # Divided before it is added: a sum of huge losses would overflow.
    means = np.lib.stride_tricks.sliding_window_view(values / width, width, axis=1).sum(axis=2)
    best, lowest = means.argmin(axis=1), means.min(axis=1)
    # A loss that reaches zero or less has no meaningful percentage: its fall is the scale then.
    scale = np.where(lowest > 0, lowest, means[:, 0] - lowest)
    return best + width // 2, lowest, means[:, -1], scale


def _by_noise(noise: Floats, length: int) -> tuple[Floats, Floats]:
    """The bias of the minimum of so many means, and the error of a difference of two."""
    width = window(length)
    many = length / width
    chance = noise * math.sqrt(2 * math.log(many) / width)
    return chance, noise * math.sqrt(2 / width) * stdtrit(length - 3, OVERFIT_CONFIDENCE)


def _noise(
    values: Floats, training: Floats, best: NDArray[np.intp], height: Floats, scale: Floats
) -> Floats:
    """Standard deviation of the noise of validation curves that end above their minima; (run,).

    What training shares of it, beside its own trend, is the model moving, which other data would
    show too: no noise where the rise stands without it. Swings that last are none of that: by turns
    they end high and low.
    """
    first, second = (_scatter(values, training, order) for order in (1, 2))
    # A bend of the curve widens steps and steps of steps, but rarely both of them.
    whole = np.minimum(first[0], second[0])
    own, share = np.where(first[1] <= second[1], first[1:], second[1:])
    half, length = window(values.shape[1]) // 2, values.shape[1]
    ends = np.stack([best, np.full_like(best, length - 1 - half)], axis=1)
    around = ends[..., None] + np.arange(-half, half + 1)
    before, after = training[np.arange(len(training))[:, None, None], around].mean(axis=2).T
    swung = after - before - _drift(training, best) * (ends[:, 1] - ends[:, 0])
    rest = height - np.where(share > 0, share * swung, 0.0)
    chance, error = _by_noise(own, length)
    stands = rest > np.maximum(OVERFIT_RISE * scale, chance) + error
    settles = swing(np.diff(values[:, length // 2 :], axis=1)) <= SWING * scale
    return np.asarray(np.where(stands & settles, own, whole))


def _drift(training: Floats, best: NDArray[np.intp]) -> Floats:
    """How far training falls per epoch from the best one on; (run,), NaN in too few epochs.

    The line of least squares: that training falls all the while is none of what swings share.
    """
    at = np.arange(training.shape[1])
    there = at >= best[:, None]
    many = there.sum(axis=1)
    apart = np.where(there, at - (at * there).sum(axis=1, keepdims=True) / many[:, None], 0.0)
    slope = (apart * np.where(there, training, 0.0)).sum(axis=1) / (apart**2).sum(axis=1)
    return np.where(many < TREND_EPOCHS, math.nan, np.minimum(slope, 0.0))


def _scatter(values: Floats, training: Floats, order: int) -> Floats:
    """Noise, noise that training does not share, and how much of training it shares; (3, run)."""
    raw = np.diff(values, order, axis=1)
    steps, beside = _centred(raw), _centred(np.diff(training, order, axis=1))
    many = steps.shape[1]
    together, alone = (steps * beside).sum(axis=1), (beside * beside).sum(axis=1)
    likeness = together / np.sqrt(alone * (steps * steps).sum(axis=1))
    is_shared = likeness > SHARED_NOISE / math.sqrt(many)
    share = np.where(is_shared, together / alone, 0.0)
    about = np.where(_alternate(raw)[:, None], raw - raw.mean(axis=1, keepdims=True), steps)
    left = np.where(is_shared[:, None], _centred(steps - share[:, None] * beside), about)
    found = np.median(np.abs([about, left]), axis=2)
    # Few steps have too small a MAD (Croux and Rousseeuw 1992).
    found *= MAD_NORMAL / STEP_SPREAD[order - 1] * many / (many - 0.8)
    whole, own = np.where(np.isfinite(found), found, math.inf)
    return np.stack([whole, np.fmin(own, whole), share])


def _alternate(steps: Floats) -> NDArray[np.bool_]:
    """Whether most steps undo the one before: about their median those would be no noise at all."""
    back = steps[:, 1:] * steps[:, :-1] < 0
    return np.asarray(2 * back.sum(axis=1) > back.shape[1])


def _centred(steps: Floats) -> Floats:
    return np.asarray(steps - np.median(steps, axis=1, keepdims=True))
