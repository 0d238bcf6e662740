"""How fast runs improve, and whether they still do at their end."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import stdtrit

from auditor.diagnosis.finding import Evidence, Judged
from auditor.diagnosis.swings import DIP_WIDTH, Judgeable, dips
from auditor.diagnosis.wording import number, once_per_sweep, percent
from auditor.outcomes import (
    MIN_EPOCHS,
    OVERFIT_FLOOR,
    Finite,
    Outcome,
    accuracy_of,
    finite,
    least_no_skill,
    noise,
)
from auditor.outcomes.schedules import RATE
from auditor.scoring import objective_curve
from auditor.trials import Column

IMPROVING_CONFIDENCE = 0.95
"""Probability with which noise alone does not make the last part of a curve so much better than any
part before. Of flat curves with white noise 2 % of five epochs and .4 % of twenty pass."""

IMPROVING_STEP = 0.01
"""Share of its last value by which a run must still improve: less is not worth more epochs."""

IMPROVING_SHARE = 4
"""The last part is one quarter of the epochs, at least two."""

ENDING_SHARE = 10
"""The very end is one tenth of the epochs."""

LAST_EPOCHS = 3
"""Its least epochs for the best one to be among them: of short runs a tenth is none."""

ENDING_EPOCHS = 4
"""Its least epochs: in shorter curves a pace at the very end is not to be told from noise."""

DIED_OUT = 0.25
"""Share of the pace of the last part below which that of the very end has died out, as under a
learning rate that decays to 0. An exponential approach that slows so has 8 % of that gain left."""

DECAYED = 0.01
"""Share of its largest value below which a logged learning rate leaves nothing to be gained."""

Floats = NDArray[np.float64]


class Paces(NamedTuple):
    """How the objective of each run went, small being good; (run,), NaN where it is too short.

    Attributes:
        lengths: Epochs with a finite objective.
        epochs: Epochs in a part of the curve.
        after: Epochs since the best one.
        first: The mean of its first part.
        best: Of its best part.
        middle: Of the part that ends with the first half.
        last: Of its last part.
        gain: By how much that is better than the best part before, not overlapping.
        error: What noise alone may make of that, at `IMPROVING_CONFIDENCE`.
        noise: Standard deviation of the noise of an epoch.
        over: 1 where the improvement died out before the end, or the learning rate did; else 0.
        least: Gain below which more epochs are not worth it, whatever its share.
    """

    lengths: NDArray[np.intp]
    epochs: NDArray[np.intp]
    after: NDArray[np.intp]
    first: Floats
    best: Floats
    middle: Floats
    last: Floats
    gain: Floats
    error: Floats
    noise: Floats
    over: Floats
    least: Floats

    @property
    def improves(self) -> NDArray[np.bool_]:
        """Whether each run was still improving at its end, beyond its noise."""
        return np.asarray(self.gain > self.error)

    @property
    def worth_more(self) -> NDArray[np.bool_]:
        """And whether by enough, to its very end, to train it longer."""
        enough = self.gain > np.maximum(IMPROVING_STEP * np.abs(self.last), self.least)
        return np.asarray(self.improves & enough & (self.over == 0))

    @property
    def ends_best(self) -> NDArray[np.bool_]:
        """Whether the best epoch of each run is one of its last: else it has stopped improving."""
        return np.asarray(self.after < np.maximum(self.lengths / ENDING_SHARE, LAST_EPOCHS))


@once_per_sweep
def paces(seen: Judged) -> Paces:
    """The paces of all runs; of one that exploded and came back, after that."""
    curves = _objectives(seen)
    found = _measure(curves)
    for place, run in enumerate(seen.trials.runs):
        bad = seen.outcomes.by_run[run].bad_epochs
        if bad:
            alone = _measure(curves.of(place, max(bad)))
            for of_all, of_one in zip(found, alone, strict=True):
                of_all[place] = of_one[0]
    found.over[_decayed(seen)] = 1
    found.least[:] = _least(seen)
    return found


def _least(seen: Judged) -> float:
    """What a cross-entropy must gain: next to nothing is a large share of one that is near 0."""
    if seen.trials.objective.name != "val_loss" or not accuracy_of(seen.trials):
        return 0.0
    return OVERFIT_FLOOR * least_no_skill(seen.trials, seen.outcomes.baseline)


def _decayed(seen: Judged) -> list[int]:
    """Positions of the runs whose logged learning rate was as good as 0 at their end."""
    logged = seen.trials.series_column(RATE)
    values = np.where(np.isfinite(logged.values), logged.values, 0.0)
    places = np.flatnonzero(np.diff(logged.bounds))
    if not len(places):
        return []
    most = np.maximum.reduceat(values, logged.bounds[places])
    is_over = values[logged.bounds[1:][places] - 1] < DECAYED * most
    return list(map(int, places[is_over]))


def is_ok(seen: Judged, place: int) -> bool:
    """Whether the run at a position came to its end without a failure."""
    return seen.outcomes.by_run[seen.trials.runs[place]].outcome == Outcome.OK


def gained(found: Paces, place: int) -> str:
    """How much better the last epochs of a run are, in words."""
    many, gain, last = (float(of[place]) for of in (found.epochs, found.gain, found.last))
    before = last + gain
    share = f" ({percent(gain / abs(before))})" if before else ""
    return (
        f"its last {many:.0f} validated epochs are on average {number(gain)}{share} better than "
        f"any {many:.0f} before"
    )


def pace_evidence(seen: Judged, found: Paces, place: int) -> Iterator[Evidence]:
    """The numbers behind that."""
    name, last = seen.trials.objective.name, float(found.last[place])
    yield Evidence(f"gain of {name}", found.gain[place], "", found.error[place])
    shown = last if seen.trials.objective.direction == "min" else -last
    yield Evidence(f"mean of {name} at the end", shown)
    yield Evidence("epochs in the last part", found.epochs[place], "epochs")


def _objectives(seen: Judged) -> Finite:
    """The objective of all runs, its sign changed where large is good."""
    trials = seen.trials
    if trials.objective.components:
        alone = [objective_curve(trials, run) for run in trials.runs]
        column = Column(
            np.concatenate([np.empty(0, np.intp), *(curve.epochs for curve in alone)]),
            np.concatenate([np.empty(0), *(curve.values for curve in alone)]),
            np.cumsum([0, *(len(curve.epochs) for curve in alone)]),
        )
    else:
        column = seen.measured.column(trials.objective.name)
    sign = 1.0 if trials.objective.direction == "min" else -1.0
    return finite(column._replace(values=sign * column.values))


def _measure(curves: Finite) -> Paces:
    runs = len(curves.lengths)
    blank = [np.full(runs, math.nan) for _ in range(9)]
    none = np.zeros(runs, np.intp)
    found = Paces(curves.lengths.copy(), none, none.copy(), *blank)
    found.over[:] = found.least[:] = 0
    calm = _without_dips(curves)
    for at, places in curves.by_length():
        length = places.shape[1]
        if length < MIN_EPOCHS:
            continue
        # A dip tells nothing of the pace, whichever part it falls into.
        values = calm[places]
        many = max(2, length // IMPROVING_SHARE)
        with np.errstate(all="ignore"):
            # Divided before it is added: a sum of huge losses would overflow.
            parts = sliding_window_view(values / many, many, axis=1).sum(axis=2)
            found.first[at], found.last[at] = parts[:, 0], parts[:, -1]
            found.best[at] = parts.min(axis=1)
            found.middle[at] = parts[:, max(length // 2 - many, 0)]
            found.gain[at] = parts[:, :-many].min(axis=1) - parts[:, -1]
            found.noise[at] = noise(values, order=2)
            allowed = math.sqrt(2 / many) * stdtrit(length - 3, IMPROVING_CONFIDENCE)
            found.error[at] = allowed * found.noise[at]
            found.over[at] = _is_over(values, found.gain[at] / many)
        found.epochs[at], found.after[at] = many, length - 1 - values.argmin(axis=1)
    return found


def _is_over(values: Floats, pace: Floats) -> NDArray[np.bool_]:
    """Whether runs no longer improve in the last tenth at anything like a pace; (run,).

    Not where the noise there would hide it.
    """
    length = values.shape[1]
    half = length // ENDING_SHARE // 2
    if 2 * half < ENDING_EPOCHS:
        return np.zeros(len(values), bool)
    end = values[:, -2 * half :]
    last = (end[:, :half] - end[:, half:]).mean(axis=1) / half
    error = math.sqrt(2 / half) / half * noise(values[:, -(length // IMPROVING_SHARE) :], order=2)
    return np.asarray((last < DIED_OUT * pace) & (error < DIED_OUT * pace))


def _without_dips(curves: Finite) -> Floats:
    """The values with the deepest dip of each run filled up: it is no noise."""
    found = dips(Judgeable("", 1, curves))
    values = curves.column.values.copy()
    for run in np.flatnonzero(found.at >= 0):
        worst = curves.column.bounds[run] + found.at[run]
        around = slice(worst - DIP_WIDTH + 1, worst + found.width[run])
        values[around] = np.minimum(values[around], values[worst] - found.depth[run])
    return values
