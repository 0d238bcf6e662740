"""Learning rates that rise again: the end of a curve is then compared at equal phases only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.curves import smooth
from auditor.outcomes.measured import Measured

RATE = "learning_rate"
"""The series of the context that holds the learning rate of each epoch."""

TURN_FACTOR = 1.5
"""Times its least value since the last peak that a learning rate must rise to turn up again, and
the other way round: less is a wobble of the schedule. Cycles in use span factors of 3 to 1,000."""

RATE_SPAN = 1000.0
"""Learning rates further below the largest than this factor count as that: a cosine ends at 0."""

CYCLE_PART = 3
"""One in so many epochs of a rise or fall of the learning rate stands for its end."""


Floats = NDArray[np.float64]


class Turns(NamedTuple):
    """Where a learning rate turns.

    Attributes:
        places: Positions of its peaks and troughs, in turn, ascending; a peak first.
        is_peak: Which of them are peaks.
    """

    places: NDArray[np.intp]
    is_peak: NDArray[np.bool_]

    @property
    def troughs(self) -> NDArray[np.intp]:
        """Positions of the ends of cycles; none where the rate never rises again."""
        return self.places[~self.is_peak]


def turns(rates: Floats) -> Turns:
    """The peaks and troughs of a learning rate, shape (epoch,), that rises again after falling.

    A warm-up and a decay have no trough, nor has a rate that is halved on plateaus. An end that is
    about as low as an earlier trough is one too.

    Example:
        >>> turns(np.array([4.0, 2.0, 1.0, 4.0, 2.0, 1.0])).troughs
        array([2, 5])
    """
    least = np.max(rates, initial=0.0) / RATE_SPAN
    logs = np.log(np.maximum(rates, least)) if least > 0 else np.zeros(len(rates))
    step = np.log(TURN_FACTOR)
    found: list[tuple[int, bool]] = []
    extreme, way = 0, 0.0  # 1 rising, -1 falling, 0 not known yet
    for place in range(1, len(logs)):
        moved = logs[place] - logs[extreme]
        if way and way * moved >= 0:
            extreme = place
        elif abs(moved) >= step:
            # Training begins low in a warm-up: that is no end of a cycle.
            if found or moved < 0:
                found.append((extreme, bool(moved < 0)))
            extreme, way = place, float(np.sign(moved))
    lows = [logs[place] for place, is_peak in found if not is_peak]
    if way < 0 and lows and logs[extreme] <= max(lows) + step:
        found.append((extreme, False))
    if way > 0 and found:
        found.append((extreme, True))
    places, kinds = np.array([p for p, _ in found], np.intp), np.array([k for _, k in found], bool)
    return Turns(places, kinds)


def rates(seen: Measured, run: int, epochs: NDArray[np.intp]) -> Floats:
    """The logged learning rate of a run in some epochs; empty where none was logged."""
    logged = seen.trials.series_column(RATE).curve(run)
    known = np.isfinite(logged.values) & (logged.values > 0)
    if not known.any():
        return np.empty(0)
    return np.interp(epochs, logged.epochs[known], logged.values[known])


def cycles(seen: Measured, run: int, epochs: NDArray[np.intp]) -> Turns | None:
    """The turns of the logged learning rate of a run among some epochs.

    None where it does not rise again after falling, or was not logged.
    """
    logged = rates(seen, run, epochs)
    steps = np.diff(logged)
    if not (steps > 0).any() or not (steps < 0).any():
        return None
    turned = turns(logged)
    return turned if len(turned.troughs) else None


def rising_again(seen: Measured) -> NDArray[np.intp]:
    """Positions of the runs whose logged learning rate both falls and rises: these may cycle."""
    column = seen.trials.series_column(RATE)
    within = np.diff(column.run) == 0
    steps = np.diff(column.values)
    ups, downs = (np.unique(column.run[1:][within & way]) for way in (steps > 0, steps < 0))
    return np.intersect1d(ups, downs)


def is_phase(
    seen: Measured,
    run: int,
    epochs: NDArray[np.intp],
    values: Floats,
    threshold: float,
    period: int,
) -> bool:
    """Whether a curve ends high only because of where in a cycle of its learning rate it ends.

    With a logged rate that rises again, the low ends of its cycles are compared; a last cycle that
    is unfinished, only with the worst of the one before at rates as high. Without one, a curve that
    has a period is compared by the best of each period.

    Args:
        seen: What was observed.
        run: The position of the run.
        epochs: Of its validation curve, in which small is good.
        values: The same, both of shape (epoch,).
        threshold: By which the last must be worse than the best to be worse.
        period: Epochs after which it repeats itself; 0 where it does not.
    """
    turned = cycles(seen, run, epochs)
    if turned is not None:
        lows = low_ends(values, turned)
        if lows[-1] - lows.min() > threshold:
            return False
        return not _is_new_high(values, rates(seen, run, epochs), turned, threshold)
    if not period or len(rates(seen, run, epochs)):
        return False  # it does not repeat itself, or its rate does not rise again
    smoothed = smooth(values)
    return bool(smoothed[-period:].min() - smoothed.min() <= threshold)


def _is_new_high(values: Floats, logged: Floats, turned: Turns, threshold: float) -> bool:
    """Whether a curve ends above all that the last full cycle held at rates as high, or higher."""
    begin, end = np.append(-1, turned.troughs)[-2:]
    before = values[begin + 1 : end + 1][logged[begin + 1 : end + 1] >= logged[-1]]
    return bool(len(before)) and bool(np.median(values[-CYCLE_PART:]) - before.max() > threshold)


def low_ends(values: Floats, turned: Turns) -> Floats:
    """The mean of a curve at the low end of each cycle of its learning rate; (cycle,)."""
    means, _ = at_turns(values, turned)
    return np.asarray(means[~turned.is_peak])


def at_turns(values: Floats, turned: Turns) -> tuple[Floats, NDArray[np.intp]]:
    """The mean of a curve at each turn of its learning rate, and of how many epochs; (turn,) each.

    The epochs up to a trough, and those from a peak on: the model answers to a rate after it.
    """
    ends = np.append(turned.places, len(values) - 1)
    many = np.maximum(1, np.diff(np.append(0, turned.places)) // CYCLE_PART)
    many[turned.is_peak] = np.maximum(1, np.diff(ends)[turned.is_peak] // CYCLE_PART)
    first = np.where(turned.is_peak, turned.places, turned.places - many + 1)
    means = [values[f : f + m].mean() for f, m in zip(first, many, strict=True)]
    return np.array(means), many
