"""How validation curves swing: for good in their second half, or once, deep, and over."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Judged
from auditor.diagnosis.wording import Verdicts, needs_curves
from auditor.outcomes import Finite, RunOutcome
from auditor.outcomes.curves import STEP_SPREAD, swing, validation_metric
from auditor.outcomes.schedules import cycles
from auditor.trials import Run

SWING_FLOOR = 0.05
"""And a share of the no-skill loss, else of the first value: swings of a loss near zero are none
that matter."""

SWING_EPOCHS = 20
"""Fewer validated epochs than this cannot show that swings last: their second half is judged."""

SWING_LASTS = 0.5
"""Swings of the last quarter, as a share of those of the last half, below which they die out."""

SWING_TREND = 2.0
"""Times its noise that the level of the late part may move: more is a trend, not a swing."""

SWING_TURNS = 1 / 3
"""Share of the late epochs at which the curve must turn; of white noise two thirds do."""

DIP_RATIO = 3.0
"""Times the next largest swing nearby that a dip must be deep."""

DIP_NOISE = 6.0
"""And this many standard deviations of the noise, which on a slope makes no swings. Of curves of 30
epochs or more with white noise, flat, falling or bent, at most .8 % hold such a dip."""

DIP_NOISE_SHORT = 10.0
"""The same, in standard deviations, for curves below `LONG_CURVE` where no accuracy confirms it: of
ten epochs of white noise 1.2 % hold such a dip, of twenty .2 %."""

DIP_SHARE = 0.1
"""And this share of the value before it."""

DIP_WIDTH = 3
"""Epochs within which a dip begins, and within which it is over: what lasts longer is no dip."""

DIP_EPOCHS = 10
"""Fewer validated epochs do not show how much a curve swings otherwise."""

DIP_NEARBY = 10
"""Epochs on either side whose swings are the measure: early ones are larger than late ones."""

DIP_START = 0.1
"""Share of the epochs, the first, in which a jump is the start of training, and no dip."""

DIP_OVER = 0.25
"""Share of its depth by which a later epoch, and the median of the next five, may be worse than
before for it to be over for good."""

SAMPLING_ERRORS = 3.0
"""Standard errors of the validation set that a swing or a dip must exceed to come from more than
its size: a chance of .1 % for one epoch, and epochs share the rows, so that it is less."""

LONG_CURVE = 30
"""Validated epochs from which a curve has more than one chance to show what it does."""

CLEAR_SWING = 2.0
"""Times its threshold a swing or a dip is beyond doubt; below, the confidence is lower."""


class Judgeable(NamedTuple):
    """The metric that is judged, of all runs.

    Attributes:
        metric: Its name; empty where there is none.
        sign: -1 where large is good: `finite` then holds 1 - value.
        finite: Its finite part.
    """

    metric: str
    sign: int
    finite: Finite

    def logged(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values as they were logged."""
        return values if self.sign > 0 else 1.0 - values


def judgeable(seen: Judged) -> Judgeable:
    """The validation loss, else a validation objective, of all runs."""
    metric, sign = validation_metric(seen.trials, "val_loss" in seen.trials.metrics)
    return Judgeable(metric, sign, seen.measured.finite(metric, sign))


def needs_validated(seen: Judged, epochs: int) -> str | None:
    """Why no run has a validation curve of so many epochs; None where one has."""
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    curve = judgeable(seen)
    if not curve.metric or not curve.finite.lengths.any():
        return "no validation loss or validation objective was recorded by epoch"
    if curve.finite.lengths.max() < epochs:
        return f"no run has {epochs} validated epochs"
    return None


def where(seen: Judged, speaks: Iterable[int]) -> Iterator[tuple[str, int, Verdicts]]:
    """Each trial with runs of which a rule speaks, the position of the first, and their verdicts.

    Args:
        seen: The sweep.
        speaks: Positions of runs, ascending.
    """
    found: dict[str, tuple[int, dict[Run, RunOutcome]]] = {}
    for place in speaks:
        run = seen.trials.runs[place]
        found.setdefault(run.trial_id, (place, {}))[1][run] = seen.outcomes.by_run[run]
    for trial, (place, runs) in found.items():
        yield trial, place, runs


def is_cyclic(seen: Judged, curve: Judgeable, place: int) -> bool:
    """Whether the logged learning rate of the run at a place rises again after falling."""
    return cycles(seen.measured, place, curve.finite.column.curve(place).epochs) is not None


class Swings(NamedTuple):
    """How runs swing in the second half of their epochs; (run,), NaN for short ones.

    Attributes:
        noise: Standard deviation of the noise of that half, as a share of its level.
        level: The median there, as logged.
        lasts: Whether it is large to the end, goes back and forth, and has no trend.
    """

    noise: NDArray[np.float64]
    level: NDArray[np.float64]
    lasts: NDArray[np.bool_]


def swings(curve: Judgeable, reference: float | None) -> Swings:
    """How all runs swing.

    Args:
        curve: Of all runs.
        reference: The no-skill loss, where it is known and the curve is a loss.
    """
    runs = len(curve.finite.lengths)
    found = Swings(np.full(runs, np.nan), np.full(runs, np.nan), np.zeros(runs, bool))
    for at, places in curve.finite.by_length():
        length = places.shape[1]
        if length < SWING_EPOCHS:
            continue
        values = curve.logged(curve.finite.column.values[places])
        late = values[:, length // 2 :]
        with np.errstate(all="ignore"):
            wiggle = swing(np.diff(late, axis=1))
            found.level[at] = level = np.abs(np.median(late, axis=1))
            least = SWING_FLOOR * np.abs(values[:, 0] if reference is None else reference)
            found.noise[at] = np.where(wiggle > least, wiggle / level, 0.0)
            found.lasts[at] = _lasts(late, wiggle)
    return found


def _lasts(late: NDArray[np.float64], wiggle: NDArray[np.float64]) -> NDArray[np.bool_]:
    steps, half = np.diff(late, axis=1), late.shape[1] // 2
    moved = np.abs(late[:, half:].mean(axis=1) - late[:, :half].mean(axis=1))
    turns = (steps[:, 1:] * steps[:, :-1] < 0).mean(axis=1)
    is_level = (moved <= SWING_TREND * wiggle) & (turns >= SWING_TURNS)
    return np.asarray(is_level & (swing(steps[:, half:]) >= SWING_LASTS * wiggle))


class Dips(NamedTuple):
    """The deepest dip of every run; (run,).

    Attributes:
        at: Position of its worst epoch within the run; -1 where there is no dip.
        depth: How far it is worse than both sides.
        noise: Standard deviation of the noise nearby.
        width: Epochs from its worst to the first that is as good as before.
    """

    at: NDArray[np.intp]
    depth: NDArray[np.float64]
    noise: NDArray[np.float64]
    width: NDArray[np.intp]


def dips(curve: Judgeable) -> Dips:
    """The deepest dip of every run that stands out of its curve and is over."""
    runs = len(curve.finite.lengths)
    found = Dips(np.full(runs, -1), np.zeros(runs), np.zeros(runs), np.zeros(runs, np.intp))
    for at, places in curve.finite.by_length():
        if places.shape[1] >= DIP_EPOCHS:
            with np.errstate(all="ignore"):
                _find(curve, curve.finite.column.values[places], at, found)
    return found


def _find(
    curve: Judgeable, values: NDArray[np.float64], runs: NDArray[np.intp], found: Dips
) -> None:
    """Fill in the dips of runs of one length; their values are (run, epoch)."""
    above = _above(values)
    above[:, : max(DIP_WIDTH, int(DIP_START * values.shape[1]))] = 0.0
    top = above.argmax(axis=1)
    depth = above[np.arange(len(runs)), top]
    base = _around(values, top, -DIP_WIDTH, 0).min(axis=1)
    later = _around(values, top, 1, 2 * DIP_WIDTH)
    is_good = later[:, :DIP_WIDTH] <= (base + DIP_OVER * depth)[:, None]
    keep = (depth > DIP_SHARE * np.abs(curve.logged(base))) & np.isfinite(depth)
    keep &= is_good.any(axis=1) & (np.median(later, axis=1) <= base + DIP_OVER * depth)
    some = np.flatnonzero(keep & (top < values.shape[1] - 1))
    usual, wiggle = _nearby(values[some], top[some], depth[some])
    deep = depth[some]
    kept = (deep > DIP_RATIO * usual) & (deep > DIP_NOISE * wiggle)
    these, some = runs[some[kept]], some[kept]
    found.at[these], found.depth[these] = top[some], depth[some]
    found.noise[these], found.width[these] = wiggle[kept], is_good[some].argmax(axis=1) + 1


def _around(
    values: NDArray[np.float64], top: NDArray[np.intp], first: int, end: int
) -> NDArray[np.float64]:
    """The values from `first` up to before `end` epochs after `top`; (run, epoch).

    The first or the last value stands for those beyond the ends.
    """
    places = np.clip(top[:, None] + np.arange(first, end), 0, values.shape[1] - 1)
    return np.asarray(np.take_along_axis(values, places, 1))


def _nearby(
    values: NDArray[np.float64], top: NDArray[np.intp], depth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest swing around dips, up or down, and the noise there, without those dips.

    The noise is told from steps of steps: on a slope, noise makes no swings.
    """
    reach = DIP_NEARBY + DIP_WIDTH
    near = _around(values, top, -reach, reach + 1)
    level = values[np.arange(len(top)), top] - depth
    dip = slice(reach - DIP_WIDTH + 1, reach + DIP_WIDTH)
    near[:, dip] = np.minimum(near[:, dip], level[:, None])
    usual = np.maximum(_above(near), _above(-near)).max(axis=1, initial=0.0)
    bends = np.diff(near, n=2, axis=1) / STEP_SPREAD[1]
    places = top[:, None] + np.arange(1 - reach, reach)
    is_known = (places > 0) & (places < values.shape[1] - 1)
    many = np.maximum(is_known.sum(axis=1), 1)
    return usual, np.sqrt((np.where(is_known, bends, 0.0) ** 2).sum(axis=1) / many)


def _above(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each is above the least of the few before and of the few after; 0 where it is not."""
    before, after = np.full_like(values, np.inf), np.full_like(values, np.inf)
    for step in range(1, DIP_WIDTH + 1):
        np.minimum(before[:, step:], values[:, :-step], out=before[:, step:])
        np.minimum(after[:, :-step], values[:, step:], out=after[:, :-step])
    above = values - np.maximum(before, after)
    return np.where(above > 0, above, 0.0)
