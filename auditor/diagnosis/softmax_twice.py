"""Which runs lie on the line that losses keep to where a softmax is applied to probabilities."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.fixed_points import classes_of_floor, floor_of_softmax_twice
from auditor.diagnosis.pairs import Pairs

LINE_EPOCHS = 5
"""Epochs with both metrics that a run needs on either side, training and validation."""

NEAR_LINE = 0.02
"""Nats by which the losses of the later half of the epochs may lie off the line "floor + error
rate". 130 small networks were trained to see, with learning rates from 3e-4 to .03: of 21 with a
softmax applied twice 7 are within all these numbers (the others are not sure of their rows), and
none of 109 with plain or smoothed labels, L2, dropout, focal or squared losses. The first of those
comes at .025, with label smoothing of .4."""

LINE_SLOPE = (0.75, 1.35)
"""Nats per unit of error rate, over all epochs of both sides, that count as a slope of 1. Plain
cross-entropy, with L2 or with label smoothing of .1, had 1.4 to 5: its wrong rows cost more."""

LINE_RANGE = 0.1
"""Range of error rates below which a slope says nothing."""

WIDE_RANGE = 0.3
"""Range of error rates over which a line is no coincidence, if all epochs are on it."""

MOST_ERRORS = 0.35
"""Error rate of the best epoch above which a floor is too far off to be told."""

CERTAIN_CLASSES = 20
"""Numbers of classes up to which the floors of neighbours are .045 nats apart or more: beyond, a
floor fits several."""

MOST_CLASSES_TRIED = 1000
"""Numbers of classes that are tried."""


class _Side(NamedTuple):
    """Pairs of training or validation in numbers; each (run,), NaN with too few epochs.

    Attributes:
        low, high: Of the loss less the error rate, in the later half of the epochs.
        lowest, highest: The same in all epochs.
        least, most: Loss.
        fewest, largest: Error rate.
        many, errors, losses, squares, products: Sums of 1, error rate, loss, its square, and its
            product with the error rate.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    fewest: NDArray[np.float64]
    largest: NDArray[np.float64]
    many: NDArray[np.float64]
    errors: NDArray[np.float64]
    losses: NDArray[np.float64]
    squares: NDArray[np.float64]
    products: NDArray[np.float64]


class Line(NamedTuple):
    """The runs that lie on the line of softmax applied twice.

    Attributes:
        places: Of the runs.
        classes: The number of classes that fits, per run.
        off: Largest distance from the line in the later half of the epochs, nats.
        slope: Nats per unit of error rate.
        clear: Whether nothing else fits.
    """

    places: NDArray[np.intp]
    classes: NDArray[np.intp]
    off: NDArray[np.float64]
    slope: NDArray[np.float64]
    clear: NDArray[np.bool_]


def _side(both: Pairs, of_runs: NDArray[np.bool_]) -> _Side:
    found = np.full((len(_Side._fields), len(both.losses.lengths)), np.nan)
    for runs, everywhere in both.losses.by_length():
        at, places = runs[of_runs[runs]], everywhere[of_runs[runs]]
        if places.shape[1] < LINE_EPOCHS or not len(at):
            continue
        losses, errors = both.losses.column.values[places], both.errors.column.values[places]
        offsets = losses - errors
        later = offsets[:, offsets.shape[1] // 2 :]
        ranges = [end(axis=1) for v in (later, offsets, losses, errors) for end in (v.min, v.max)]
        # Huge losses are on no line, whatever their squares are.
        with np.errstate(over="ignore", invalid="ignore"):
            sums = [v.sum(axis=1) for v in (errors, losses, errors**2, errors * losses)]
        found[:, at] = [*ranges, np.full(len(at), places.shape[1]), *sums]
    return _Side(*found)


def on_line(training: Pairs, validation: Pairs, classes: int | None) -> Line:
    """The runs on the line, of the most common number of classes: the runs of a sweep share theirs.

    Args:
        training: Losses and error rates.
        validation: The same.
        classes: How many there are; None where that is not known.
    """
    ends = [_last_offsets(side) for side in (training, validation)]
    with np.errstate(over="ignore", invalid="ignore"):
        near = np.abs(ends[0] - ends[1]) <= 2 * NEAR_LINE
    near &= ends[0] >= floor_of_softmax_twice(2) - NEAR_LINE
    return _on_line(_side(training, near), _side(validation, near), classes)


def _last_offsets(both: Pairs) -> NDArray[np.float64]:
    """The last loss less the last error rate of each run: enough to leave most runs alone."""
    found = np.full(len(both.losses.lengths), np.nan)
    there = both.losses.lengths > 0
    ends = both.losses.column.bounds[1:][there] - 1
    found[there] = both.losses.column.values[ends] - both.errors.column.values[ends]
    return found


def _on_line(training: _Side, validation: _Side, classes: int | None) -> Line:
    low = np.minimum(training.low, validation.low)
    high = np.maximum(training.high, validation.high)
    with np.errstate(over="ignore", invalid="ignore"):
        middle = np.clip(
            np.nan_to_num((low + high) / 2), 0, floor_of_softmax_twice(MOST_CLASSES_TRIED)
        )
        slope = _slope(training, validation)
    nearest = np.rint(classes_of_floor(middle)).astype(np.intp)
    floor = floor_of_softmax_twice(nearest)
    fewest = np.minimum(training.fewest, validation.fewest)
    errors = np.maximum(training.largest, validation.largest) - fewest
    least = np.minimum(training.least, validation.least)
    most = np.maximum(training.most, validation.most)
    fits = (
        (nearest == classes if classes else nearest > 1)
        & (floor - low <= NEAR_LINE)
        & (high - floor <= NEAR_LINE)
        & (least >= floor)
        & (most <= floor + 1 + NEAR_LINE)
        & (LINE_SLOPE[0] <= slope)
        & (slope <= LINE_SLOPE[1])
        & (errors >= LINE_RANGE)
        & (fewest <= MOST_ERRORS)
    )
    if fits.any():
        fits &= nearest == np.bincount(nearest[fits]).argmax()
    ever = np.maximum(
        floor - np.minimum(training.lowest, validation.lowest),
        np.maximum(training.highest, validation.highest) - floor,
    )
    clear = (ever <= NEAR_LINE) & (errors >= WIDE_RANGE) & (nearest <= CERTAIN_CLASSES)
    off = np.maximum(floor - low, high - floor)
    return Line(np.flatnonzero(fits), nearest[fits], off[fits], slope[fits], clear[fits])


def _slope(one: _Side, other: _Side) -> NDArray[np.float64]:
    """Of the straight line through the pairs of both sides."""
    many, errors, losses = (
        one.many + other.many,
        one.errors + other.errors,
        one.losses + other.losses,
    )
    spread = one.squares + other.squares - errors**2 / many
    shared = one.products + other.products - errors * losses / many
    return np.asarray(shared / np.where(spread > 0, spread, np.nan))
