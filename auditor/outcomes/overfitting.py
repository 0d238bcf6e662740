"""Whether a run ended worse than it once was, and whether training went along."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.curves import validation_metric
from auditor.outcomes.measured import Finite, Measured
from auditor.outcomes.noskill import least_no_skill
from auditor.outcomes.rises import rises, window
from auditor.outcomes.schedules import is_phase
from auditor.outcomes.thresholds import MIN_EPOCHS, OVERFIT_FLOOR, OVERFIT_RISE, SHARED_RISE
from auditor.outcomes.verdicts import Baseline, Outcome, RunOutcome
from auditor.trials import Curve, twin


class _Rise(NamedTuple):
    """How far one curve ends above its minimum; all in its units, small being good."""

    best: int  # position of the middle of the least mean
    period: int  # epochs after which it repeats itself
    lowest: float
    end: float
    scale: float
    noise: float
    chance: float
    error: float

    @property
    def height(self) -> float:
        return self.end - self.lowest

    def threshold(self, floor: float) -> float:
        """The rise that is beyond doubt a rise, and beyond doubt one that matters."""
        return max(OVERFIT_RISE * self.scale, self.chance, floor) + self.error


def ended_worse(
    seen: Measured, run: int, reference: Baseline, after: int = -1
) -> RunOutcome | None:
    """OVERFIT or DEGRADED where the validation curve rose for good after its best epoch.

    Judged at the end, on means of epochs: "ever" would find noise in nearly every run.

    Args:
        seen: What was observed.
        run: The position of the run.
        reference: The loss of knowing nothing, which says how much of a loss is next to none.
        after: Only epochs later than this one (from 0) count: the last exploded one.
    """
    has_loss = len(seen.trials.column("val_loss").curve(run).epochs) > 0
    metric, sign = validation_metric(seen.trials, has_loss)
    chance = least_no_skill(seen.trials, reference) if metric == "val_loss" else 0.0
    rise = _rise(seen, metric, sign, run, after)
    threshold = rise.threshold(OVERFIT_FLOOR * chance) if rise else math.inf
    if rise is None or not rise.height > threshold:
        return None
    curves, place = _later(seen.finite(metric, sign), run, after)
    epochs, values = curves.column.curve(place)
    if is_phase(seen, run, epochs, values, threshold, rise.period):
        return None
    training, there = _later(seen.finite(twin(metric), sign), run, after)
    of_training = training.column.curve(there)
    shared = _training_rise(of_training, epochs, rise)
    followed = shared is not None and (
        shared >= SHARED_RISE * rise.height
        or _is_shut(of_training, epochs, rise, shared)
        or _went_back(of_training, epochs, values, threshold)
    )
    how = "and training got worse with it" if followed else "while training did not"
    return RunOutcome(
        Outcome.DEGRADED if followed else Outcome.OVERFIT,
        f"{metric} was best around epoch {int(epochs[values.argmin()]) + 1} and ended worse, {how}",
        onset=_onset(epochs, values, rise),
        evidence=_evidence(metric, sign, rise, threshold, shared, len(values)),
    )


def _rise(seen: Measured, metric: str, sign: int, run: int, after: int) -> _Rise | None:
    """That of one run; None where it is too short or too small to be looked at."""
    if after < 0:
        found = seen.rises(metric, sign)
    else:
        names = (metric, twin(metric))
        found, run = rises(*(seen.finite(name, sign).of(run, after) for name in names)), 0
    if np.isnan(found.error[run]):
        return None
    best, *numbers, period = (of_all[run] for of_all in found)
    return _Rise(int(best), int(period), *map(float, numbers))


def _later(curves: Finite, run: int, after: int) -> tuple[Finite, int]:
    """Curves with only epochs later than one, and the place of the run among them."""
    return (curves, run) if after < 0 else (curves.of(run, after), 0)


def _onset(
    epochs: NDArray[np.intp], values: NDArray[np.float64], rise: _Rise
) -> tuple[int, int] | None:
    """From just after the raw or averaged minimum, the earlier one, to where noise is left behind.

    The two minima differ by a median of 2 epochs and up to 19 on TaskSet, hence an interval.
    """
    last = len(values) - 1
    raw = int(values.argmin())
    width = window(len(values))
    means = np.convolve(values, np.full(width, 1 / width), "valid")
    within = np.flatnonzero(means <= rise.lowest + rise.chance + rise.error) + width // 2
    settled = max(raw, rise.best, *within[-1:].tolist()) + 1
    begun = min(raw, rise.best) + 1
    return int(epochs[min(begun, last)]), int(epochs[min(settled, last)])


def _training_rise(training: Curve, epochs: NDArray[np.intp], rise: _Rise) -> float | None:
    """How far the training curve rose from the best epoch to its end; None without one."""
    if len(training.values) < MIN_EPOCHS:
        return None
    width = window(len(epochs))
    best = np.searchsorted(training.epochs, epochs[rise.best])
    around = training.values[max(best - width // 2, 0) : best + width // 2 + 1]
    return _mean(training.values[-width:]) - _mean(around) if len(around) else None


def _went_back(
    training: Curve, epochs: NDArray[np.intp], values: NDArray[np.float64], threshold: float
) -> bool:
    """Whether both curves went back the way they came, as where a learning rate restarts.

    Told at equal training loss: when training last was as high as it ends, on the way to the best
    epoch, validation was no better than it ends, by the threshold of a rise.
    """
    best, end = values.argmin(), _mean(training.values[-window(len(epochs)) :])
    before = training.values[training.epochs <= epochs[best]]
    higher = np.flatnonzero(before >= end)
    if not len(higher) or higher[-1] == len(before) - 1:
        return False
    then = np.searchsorted(epochs, training.epochs[higher[-1]])
    return _mean(values[-window(len(values)) :]) - _mean(values[then : then + 2]) <= threshold


def _is_shut(training: Curve, epochs: NDArray[np.intp], rise: _Rise, shared: float) -> bool:
    """Whether training clearly got worse too, and validation ends no worse than training."""
    end = _mean(training.values[-window(len(epochs)) :])
    return shared > OVERFIT_RISE * rise.scale and rise.end <= end


def _mean(values: NDArray[np.float64]) -> float:
    """Without the overflow of a sum of huge losses."""
    return float((values / len(values)).sum())


def _evidence(
    metric: str, sign: int, rise: _Rise, threshold: float, shared: float | None, epochs: int
) -> dict[str, float]:
    def logged(value: float) -> float:
        return value if sign > 0 else 1.0 - value

    relative = rise.scale if rise.scale > 0 else math.nan
    evidence = {
        f"best smoothed {metric}": logged(rise.lowest),
        f"last smoothed {metric}": logged(rise.end),
        "relative rise": rise.height / relative,
        "threshold": threshold / relative,
        "noise": rise.noise,
        "epochs judged": float(epochs),
    }
    return evidence if shared is None else evidence | {"rise of training": shared}
