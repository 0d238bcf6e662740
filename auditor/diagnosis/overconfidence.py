"""AUD013: a loss that climbs while the accuracy does not fall with it."""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.pairs import Pairs, needs_pairs, pairs
from auditor.diagnosis.wording import by_trial, higher, names, number, percent
from auditor.outcomes import MIN_EPOCHS, Finite, Outcome, RunOutcome, accuracy_of
from auditor.outcomes.thresholds import GUESSING_CLASSES, PLATEAU_ACCURACY
from auditor.trials import Run, twin

SMALL_FALL = 0.05
"""Largest fall of the validation accuracy, as a share of the rows, that counts as small: with more,
the model is more wrong as well, whatever the loss does."""

SHARED_GROWTH = 1 / 3
"""Share of the loss's relative rise that the error rate may share. Of the published cases it is .06
and .24 where the loss runs away alone, and errors grow by half where accuracy falls too."""

FLAT_GROWTH = 0.1
"""The same share up to which the accuracy is called flat, even if its fall is more than noise."""

FALL_NOISE = 2.0
"""Standard deviations of a curve's own noise within which it did not move: a smoothed end against
a smoothed best, as in AUD003."""

LONG_AFTER = 10
"""Epochs after the best one from which it is clear where the two curves go."""

CLEAR_GAP = 2.0
"""Times its noise the difference between the error rate and one that rose as the loss did is beyond
doubt; below, the confidence is medium."""


class _Course(NamedTuple):
    """How loss and error rate went from the best epoch of the smoothed loss to the end.

    Attributes:
        rise: Of the loss, relative to its best.
        growth: Of the error rate, absolute.
        expected: Growth of an error rate that rises as the loss does.
        tolerance: Growth that is noise.
        after: Validated epochs after the best one.
    """

    rise: float
    growth: float
    expected: float
    tolerance: float
    after: int

    @property
    def is_fall(self) -> bool:
        """Whether the accuracy fell in any way worth a word."""
        return self.growth > max(self.tolerance, FLAT_GROWTH * self.expected)


def _needs(seen: Judged) -> str | None:
    return needs_pairs(seen, MIN_EPOCHS)


def _check(seen: Judged) -> Iterator[Finding]:
    both = pairs(seen.measured, "val_loss", twin(accuracy_of(seen.trials)))
    courses = _courses(seen, both)
    if not courses:
        return
    places = seen.measured.places
    for trial, runs in by_trial(seen, _climbs):
        found = {run: runs[run] for run in runs if places[run] in courses}
        if found and _has_skill(seen, both, places[next(iter(found))]):
            run = next(iter(found))
            who, logged = names(seen, trial, found), _as_logged(both, places[run])
            yield _finding(seen, who, tuple(found), courses[places[run]], logged)


def _has_skill(seen: Judged, both: Pairs, place: int) -> bool:
    """Whether there was any confidence to lose: losses of guessing and more are no probabilities.

    Where that is not known: guessing at a loss of ln K is right once in K, exp(-loss).
    """
    logged, known = _as_logged(both, place), seen.outcomes.baseline.loss
    best, right = float(logged.losses[0]), float(logged.rights[0])
    if known is not None:
        return best < known
    is_guessed = right <= (1 + PLATEAU_ACCURACY) * math.exp(-best)
    return not is_guessed and best < math.log(GUESSING_CLASSES)


def _climbs(verdict: RunOutcome) -> bool:
    ended_worse = verdict.outcome in (Outcome.OVERFIT, Outcome.DEGRADED)
    return ended_worse and not verdict.bad_epochs


def _courses(seen: Judged, both: Pairs) -> Mapping[int, _Course]:
    """The courses of runs whose error rate did clearly not go along, by their position."""
    losses, errors = both
    there = np.flatnonzero(losses.lengths >= MIN_EPOCHS)
    best, end = losses.best_smoothed[there], losses.column.bounds[1:][there] - 1
    lowest, last = losses.smoothed[best], losses.smoothed[end]
    then, now = errors.smoothed[best], errors.smoothed[end]
    with np.errstate(all="ignore"):
        rise, growth = last / lowest - 1, now - then
        expected = rise * then
        # What the loss did within its noise, or from a value without percents, is no climb.
        climbs = last - lowest > FALL_NOISE * losses.noise[there]
        climbs &= np.isfinite(expected) & (losses.column.values[losses.best[there]] > 0)
        small = growth <= np.minimum(SMALL_FALL, SHARED_GROWTH * expected)
    left = np.flatnonzero(climbs & small)
    tolerance = np.maximum(
        FALL_NOISE * errors.noise[there][left], _sampling(seen, errors, there[left], then[left])
    )
    apart = expected[left] - growth[left] > tolerance
    columns = (rise[left], growth[left], expected[left], tolerance, (end - best)[left])
    rows = zip(*(column[apart].tolist() for column in columns), strict=True)
    return dict(zip(there[left][apart].tolist(), map(_Course._make, rows), strict=True))


def _sampling(
    seen: Judged, curves: Finite, places: NDArray[np.intp], errors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standard errors of error rates.

    Epochs share their rows: of differences this is more than the error. Where the number of rows is
    not known, one row is taken to make the least step between two accuracies of a run.
    """
    if not len(places):
        return np.zeros(0)
    rows = np.ones(len(places))
    for at, place in enumerate(places.tolist()):
        told = seen.measured.rows.get(seen.trials.runs[place])
        steps = np.diff(np.unique(curves.column.curve(place).values))
        rows[at] = told.rows if told else 1 / steps.min(initial=1.0)
    return np.asarray(np.sqrt(np.clip(errors * (1 - errors), 0, None) / np.maximum(rows, 1)))


class _Logged(NamedTuple):
    """One run from its best loss on; epochs from 0, accuracies as shares."""

    epochs: NDArray[np.intp]
    losses: NDArray[np.float64]
    rights: NDArray[np.float64]
    most_right: int
    most: float


def _as_logged(both: Pairs, place: int) -> _Logged:
    epochs, losses = both.losses.column.curve(place)
    rights = 1 - both.errors.column.curve(place).values
    best = int(losses.argmin())
    most_right = int(epochs[rights.argmax()])
    return _Logged(epochs[best:], losses[best:], rights[best:], most_right, float(rights.max()))


def _finding(
    seen: Judged, who: str, runs: tuple[Run, ...], course: _Course, logged: _Logged
) -> Finding:
    metric, best = twin(accuracy_of(seen.trials)), int(logged.epochs[0])
    first, last = float(logged.losses[0]), float(logged.losses[-1])
    sentence = (
        f"{who}: val_loss was best ({number(first)}) in epoch {best + 1} and ended "
        f"{higher(last / first)}, at {number(last)}, while {metric} "
        f"{_went(course, logged.rights)}: over-confident "
        f"{'more' if course.is_fall else 'rather'} than more wrong"
    )
    if logged.most - logged.rights[0] > CLEAR_GAP * course.tolerance:
        sentence += (
            f"; keep epoch {best + 1} where probabilities matter, epoch {logged.most_right + 1} "
            f"({metric} {number(logged.most)}) where only right answers do"
        )
    evidence = (
        Evidence("relative rise of smoothed val_loss", course.rise),
        Evidence("rise of the error rate", course.growth, "", SHARED_GROWTH * course.expected),
        Evidence("rise of the error rate if it rose as the loss did", course.expected),
        Evidence("noise of the error rate", course.tolerance),
        Evidence(f"range of {metric} since", float(np.ptp(logged.rights))),
        Evidence("best epoch by val_loss, from 0", best, "epoch"),
        Evidence(f"best epoch by {metric}, from 0", logged.most_right, "epoch"),
    )
    return DISAGREE.finding(
        sentence,
        evidence,
        _confidence(course),
        trials=(runs[0].trial_id,),
        runs=runs,
    )


def _went(course: _Course, rights: NDArray[np.float64]) -> str:
    ends = f"from {number(float(rights[0]))} to {number(float(rights[-1]))}"
    if course.is_fall:
        return f"only fell {ends}"
    if course.growth < -course.tolerance and rights[-1] > rights[0]:
        return f"rose {ends}"
    low, high = float(rights.min()), float(rights.max())
    if number(low) == number(high):
        return f"stayed at {number(low)}"
    return f"stayed flat, between {number(low)} and {number(high)}"


def _confidence(course: _Course) -> Confidence:
    if course.after < LONG_AFTER:
        return "low"
    clear = course.expected - course.growth > CLEAR_GAP * course.tolerance
    return "high" if clear and not course.is_fall else "medium"


DISAGREE = Rule(
    code="AUD013",
    title="Loss and accuracy disagree",
    severity="warning",
    needs=_needs,
    check=_check,
    detected="The validation loss ended worse than it was, by the measure of AUD003 and AUD011, "
    "while the smoothed validation accuracy rose, stayed, or fell a little: by at most "
    f"{percent(SMALL_FALL)} of the rows, and by at most {percent(SHARED_GROWTH)} of what it would "
    "have fallen if the error rate had risen as the loss did. What it did not fall is more than "
    f"{FALL_NOISE:g} standard deviations of its noise, and more than the standard error that the "
    "number of validation rows allows. Silent where the loss was never better than guessing: the "
    "no-skill loss; where that is not known, ln "
    f"{GUESSING_CLASSES}, and where the accuracy is not {percent(PLATEAU_ACCURACY)} above "
    "exp(-loss), that of a guess with that loss. The epoch with the best accuracy is named where "
    f"it is better by {CLEAR_GAP:g} times that noise.",
    matters="The model gets surer of its errors, not more wrong: its classes stay as good as they "
    "were, its probabilities do not, and loss and accuracy name different best epochs.",
    remedy="Choose the epoch by the metric that matters. Where probabilities matter, stop early, "
    "smooth the labels, or calibrate afterwards (temperature scaling).",
    certainty="High where the accuracy rose or was flat (its fall within its noise, or within "
    f"{percent(FLAT_GROWTH)} of that), at least "
    f"{LONG_AFTER} epochs came after the best, and the difference is {CLEAR_GAP:g} times its "
    "noise; low with fewer epochs.",
    thresholds=(
        "SMALL_FALL",
        "SHARED_GROWTH",
        "FLAT_GROWTH",
        "LONG_AFTER",
        "CLEAR_GAP",
        "GUESSING_CLASSES",
        "PLATEAU_ACCURACY",
        "FALL_NOISE",
        "MIN_EPOCHS",
    ),
)
