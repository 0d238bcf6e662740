"""Whether a run ended worse than it once was, and whether training went along."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.curves import smooth, validation_metric
from auditor.outcomes.measured import Finite, Measured
from auditor.outcomes.thresholds import (
    MIN_EPOCHS,
    OVERFIT_FLOOR,
    OVERFIT_NOISE,
    OVERFIT_RISE,
    SHARED_RISE,
)
from auditor.outcomes.verdicts import Baseline, Outcome, RunOutcome
from auditor.trials import twin


class _Rise(NamedTuple):
    """How far a smoothed curve ends above its minimum; all in its units, small being good."""

    best: int  # position of the smoothed minimum
    lowest: float
    end: float
    threshold: float
    scale: float
    noise: float


def ended_worse(
    seen: Measured, run: int, reference: Baseline, after: int = -1
) -> RunOutcome | None:
    """OVERFIT or DEGRADED where the validation curve rose for good after its best epoch.

    Judged at the end, on smoothed values: "ever" would find noise in nearly every run.

    Args:
        seen: What was observed.
        run: The position of the run.
        reference: The loss of knowing nothing, which says how much of a loss is next to none.
        after: Only epochs later than this one (from 0) count: the last exploded one.
    """
    has_loss = len(seen.trials.column("val_loss").curve(run).epochs) > 0
    metric, sign = validation_metric(seen.trials, has_loss)
    curves, place = _later(seen.finite(metric, sign), run, after)
    if curves.lengths[place] < MIN_EPOCHS:
        return None
    known = reference.loss if metric == "val_loss" else None
    rise = _rise(curves, place, OVERFIT_FLOOR * (known or 0.0))
    if not rise.end - rise.lowest > rise.threshold:
        return None
    epochs, values = curves.column.curve(place)
    training, there = _later(seen.finite(twin(metric), sign), run, after)
    shared = _training_rise(training, there, int(epochs[rise.best]))
    followed = shared is not None and shared >= SHARED_RISE * (rise.end - rise.lowest)
    how = "and training got worse with it" if followed else "while training did not"
    return RunOutcome(
        Outcome.DEGRADED if followed else Outcome.OVERFIT,
        f"{metric} was best around epoch {int(epochs[values.argmin()]) + 1} and ended worse, {how}",
        onset=_onset(epochs, values, rise),
        evidence=_evidence(metric, sign, rise, shared),
    )


def _later(curves: Finite, run: int, after: int) -> tuple[Finite, int]:
    """Curves with only epochs later than one, and the place of the run among them."""
    return (curves, run) if after < 0 else (curves.of(run, after), 0)


def _rise(curves: Finite, run: int, floor: float) -> _Rise:
    begin, end = curves.column.bounds[run : run + 2]
    best, wiggle = int(curves.best_smoothed[run]), float(curves.noise[run])
    first, lowest, last = (float(curves.smoothed[at]) for at in (begin, best, end - 1))
    # A loss that reaches zero or less has no meaningful percentage: its fall is the scale then.
    scale = lowest if lowest > 0 else first - lowest
    threshold = max(OVERFIT_RISE * scale, OVERFIT_NOISE * wiggle, floor)
    return _Rise(int(best - begin), lowest, last, threshold, scale, wiggle)


def _onset(
    epochs: NDArray[np.intp], values: NDArray[np.float64], rise: _Rise
) -> tuple[int, int] | None:
    """From just after the raw or smoothed minimum, the earlier one, to where noise is left behind.

    The two minima differ by a median of 2 epochs and up to 19 on TaskSet, hence an interval.
    """
    last = len(values) - 1
    raw = int(values.argmin())
    within = np.flatnonzero(smooth(values) <= rise.lowest + OVERFIT_NOISE * rise.noise)
    settled = max(int(within[-1]), raw, rise.best) + 1
    begun = min(raw, rise.best) + 1
    return int(epochs[min(begun, last)]), int(epochs[min(settled, last)])


def _training_rise(training: Finite, run: int, best_epoch: int) -> float | None:
    """How far the smoothed training curve rose from the best epoch to its end; None without one."""
    if training.lengths[run] < MIN_EPOCHS:
        return None
    begin, end = training.column.bounds[run : run + 2]
    at = begin + int(np.searchsorted(training.column.epochs[begin:end], best_epoch))
    return float(training.smoothed[end - 1] - training.smoothed[min(at, end - 1)])


def _evidence(metric: str, sign: int, rise: _Rise, shared: float | None) -> dict[str, float]:
    def logged(value: float) -> float:
        return value if sign > 0 else 1.0 - value

    relative = rise.scale if rise.scale > 0 else math.nan
    evidence = {
        f"best smoothed {metric}": logged(rise.lowest),
        f"last smoothed {metric}": logged(rise.end),
        "relative rise": (rise.end - rise.lowest) / relative,
        "threshold": rise.threshold / relative,
        "noise": rise.noise,
    }
    return evidence if shared is None else evidence | {"rise of training": shared}
