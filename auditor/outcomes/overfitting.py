"""Whether a run ended worse than it once was, and whether training went along."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.curves import ValidationCurve, finite, noise, smooth, validation_curve
from auditor.outcomes.thresholds import (
    MIN_EPOCHS,
    OVERFIT_FLOOR,
    OVERFIT_NOISE,
    OVERFIT_RISE,
    SHARED_RISE,
)
from auditor.outcomes.verdicts import Baseline, Outcome, RunOutcome
from auditor.trials import Run, Trials, twin


class _Rise(NamedTuple):
    """How far a smoothed curve ends above its minimum; all in its units, small being good."""

    best: int  # position of the smoothed minimum
    lowest: float
    end: float
    threshold: float
    scale: float
    noise: float


def ended_worse(
    trials: Trials, run: Run, reference: Baseline, after: int = -1
) -> RunOutcome | None:
    """OVERFIT or DEGRADED where the validation curve rose for good after its best epoch.

    Judged at the end, on smoothed values: "ever" would find noise in nearly every run.

    Args:
        trials: What was observed.
        run: Whose curves.
        reference: The loss of knowing nothing, which says how much of a loss is next to none.
        after: Only epochs later than this one (from 0) count: the last exploded one.
    """
    curve = validation_curve(trials, run, after)
    if len(curve.values) < MIN_EPOCHS:
        return None
    # An accuracy becomes an error rate, so that "5 %" means the same as for a loss.
    values = curve.values if curve.sign > 0 else 1.0 - curve.values
    known = reference.loss if curve.metric == "val_loss" else None
    rise = _rise(values, OVERFIT_FLOOR * (known or 0.0))
    if not rise.end - rise.lowest > rise.threshold:
        return None
    shared = _training_rise(trials, run, curve, int(curve.epochs[rise.best]), after)
    followed = shared is not None and shared >= SHARED_RISE * (rise.end - rise.lowest)
    best = int(curve.epochs[values.argmin()]) + 1
    how = "and training got worse with it" if followed else "while training did not"
    return RunOutcome(
        Outcome.DEGRADED if followed else Outcome.OVERFIT,
        f"{curve.metric} was best around epoch {best} and ended worse, {how}",
        onset=_onset(curve.epochs, values, rise),
        evidence=_evidence(curve, rise, shared),
    )


def _rise(values: NDArray[np.float64], floor: float) -> _Rise:
    smoothed = smooth(values)
    best = int(smoothed.argmin())
    lowest, end, wiggle = float(smoothed[best]), float(smoothed[-1]), noise(values)
    # A loss that reaches zero or less has no meaningful percentage: its fall is the scale then.
    scale = lowest if lowest > 0 else float(smoothed[0]) - lowest
    threshold = max(OVERFIT_RISE * scale, OVERFIT_NOISE * wiggle, floor)
    return _Rise(best, lowest, end, threshold, scale, wiggle)


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


def _training_rise(
    trials: Trials, run: Run, curve: ValidationCurve, best_epoch: int, after: int
) -> float | None:
    """How far the smoothed training curve rose from the best epoch to its end; None without one."""
    epochs, values = finite(trials, run, twin(curve.metric), after)
    if len(values) < MIN_EPOCHS:
        return None
    smoothed = smooth(curve.sign * values)
    at = min(int(np.searchsorted(epochs, best_epoch)), len(epochs) - 1)
    return float(smoothed[-1] - smoothed[at])


def _evidence(curve: ValidationCurve, rise: _Rise, shared: float | None) -> dict[str, float]:
    def logged(value: float) -> float:
        return value if curve.sign > 0 else 1.0 - value

    relative = rise.scale if rise.scale > 0 else math.nan
    evidence = {
        f"best smoothed {curve.metric}": logged(rise.lowest),
        f"last smoothed {curve.metric}": logged(rise.end),
        "relative rise": (rise.end - rise.lowest) / relative,
        "threshold": rise.threshold / relative,
        "noise": rise.noise,
    }
    return evidence if shared is None else evidence | {"rise of training": shared}
