"""From `Trials` to what each run came to: the one place that judges outcomes.

Judged from the curves, never from a tool's score. Thresholds stand at the top, with their source.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from auditor.trials import Recorded, Run, Trials, twin

DIVERGED_FACTOR = 10.0
"""Times the no-skill loss beyond which a loss has exploded. TaskSet (Metz et al. 2020): runs more
than 10 times above the loss of an untrained model do not come back."""

DIVERGED_FACTOR_UNKNOWN = 100.0
"""The same where the no-skill loss is unknown and the median first loss of the sweep stands in for
it: that median already contains some learning, hence the wider berth."""

LEARNED_MARGIN = 0.012
"""A run has learned when its loss gets this fraction below the no-skill loss. TaskSet: runs with a
best validation loss above .685 (ln 2 = .693) have not learned in any useful sense."""

OVERFIT_RISE = 0.05
"""Relative rise of the smoothed validation loss from its minimum to its end. "Mean of the end above
1.05 times the minimum" reaches F1 .93 on the 40 labelled histories of OverfitGuard (2024)."""

OVERFIT_NOISE = 2.0
"""The rise must also exceed this many standard deviations of the curve's own noise."""

SMOOTHING = 5
"""Epochs in the smoothing window; shorter curves use a third of their length."""

MIN_EPOCHS = 4
"""Fewer validated epochs than this cannot show a lasting rise."""


class Outcome(StrEnum):
    """What a run came to; for a trial, what most of its runs came to."""

    OK = "ok"
    OVERFIT = "overfit"
    NEVER_LEARNED = "never learned"
    DIVERGED = "diverged"
    CRASHED = "crashed"
    PRUNED = "pruned"
    MISSING = "missing"


FAILURES = (Outcome.OVERFIT, Outcome.NEVER_LEARNED, Outcome.DIVERGED, Outcome.CRASHED)
"""Outcomes that call for a cause."""

_WORST_FIRST = (*reversed(FAILURES), Outcome.PRUNED, Outcome.MISSING, Outcome.OK)


@dataclass(frozen=True)
class RunOutcome:
    """The verdict on one run.

    Attributes:
        outcome: The verdict.
        reason: It in words, without the name of the run.
        bad_epochs: Epochs (from 0) whose loss was non-finite or had exploded.
        recovered: Whether the loss came back to normal after them, up to the end.
        onset: For overfitting the first and last epoch (from 0) at which it may have begun.
        evidence: The numbers behind it: losses, ratios, thresholds.
    """

    outcome: Outcome
    reason: str
    bad_epochs: tuple[int, ...] = ()
    recovered: bool = False
    onset: tuple[int, int] | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The loss of knowing nothing.

    Attributes:
        loss: The no-skill loss, or None where it is not known.
        known_from: Where it comes from, in words.
        ceiling: A loss above this has exploded; infinite where nothing can be said.
    """

    loss: float | None
    known_from: str
    ceiling: float


@dataclass(frozen=True)
class Outcomes:
    """The verdicts on all runs.

    Attributes:
        by_run: Per run, in the order of `Trials.runs`.
        by_trial: Per trial the most frequent outcome of its runs, the worse one of a tie.
        baseline: What the losses were measured against.
    """

    by_run: Mapping[Run, RunOutcome]
    by_trial: Mapping[str, Outcome]
    baseline: Baseline


def judge(trials: Trials) -> Outcomes:
    """The outcome of each run and trial.

    Example:
        >>> judge(trials).by_trial["0003"]
        <Outcome.DIVERGED: 'diverged'>
    """
    reference = baseline(trials)
    by_run = {run: _judge_run(trials, run, reference) for run in trials.runs}
    by_trial = {
        trial: _majority([by_run[run].outcome for run in runs])
        for trial, runs in trials.runs_of.items()
    }
    return Outcomes(MappingProxyType(by_run), MappingProxyType(by_trial), reference)


def baseline(trials: Trials) -> Baseline:
    """The no-skill loss of the sweep, and the loss above which a run has exploded."""
    known = trials.context.no_skill_loss
    if known is not None and known > 0:
        source = trials.context.no_skill_from or "recorded with the trials"
        return Baseline(known, source, DIVERGED_FACTOR * known)
    first = [value for run in trials.runs if (value := _first_finite(trials, run)) is not None]
    typical = float(np.median(first)) if first else 0.0
    if typical <= 0:
        return Baseline(None, "unknown", math.inf)
    return Baseline(
        None,
        "unknown; explosions are measured against the median loss of the first epoch",
        DIVERGED_FACTOR_UNKNOWN * typical,
    )


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred moving average of a curve without gaps, shape (epoch,); narrower at both ends."""
    half = min(SMOOTHING, max(1, len(values) // 3)) // 2
    padded = np.concatenate(([0.0], np.cumsum(values)))
    at = np.arange(len(values))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    return np.asarray((padded[high] - padded[low]) / (high - low))


def noise(values: NDArray[np.float64]) -> float:
    """Standard deviation of a curve's epoch-to-epoch noise.

    1.4826 MAD(differences) / sqrt(2): the median absolute deviation (Hampel 1974) of the steps, so
    that neither the trend nor a single jump counts as noise.
    """
    if len(values) < 3:
        return 0.0
    steps = np.diff(values)
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / math.sqrt(2))


def _judge_run(trials: Trials, run: Run, reference: Baseline) -> RunOutcome:
    recorded = trials.recorded[run]
    bad, recovered = _explosions(trials, run, reference)
    if (bad and not recovered) or _reported_non_finite(recorded):
        return RunOutcome(
            Outcome.DIVERGED,
            _divergence_reason(bad, reference),
            tuple(bad),
            evidence=_worst_losses(trials, run, bad),
        )
    if recorded.status == "failed":
        return RunOutcome(
            Outcome.CRASHED, _last_line(recorded.message) or "the tool says it failed"
        )
    if recorded.status == "pruned":
        return RunOutcome(Outcome.PRUNED, "stopped by the search; its end was not observed")
    if recorded.status == "unfinished" or trials.coverage(run) == "nothing":
        return RunOutcome(Outcome.MISSING, "no result was recorded")
    verdict = (
        _never_learned(trials, run, reference)
        or _overfit(trials, run)
        or RunOutcome(Outcome.OK, "no failure seen in what was recorded")
    )
    if not bad:
        return verdict
    return RunOutcome(
        verdict.outcome,
        verdict.reason,
        tuple(bad),
        True,
        verdict.onset,
        {**_worst_losses(trials, run, bad), **verdict.evidence},
    )


def _explosions(trials: Trials, run: Run, reference: Baseline) -> tuple[list[int], bool]:
    """Epochs whose loss is non-finite or above the ceiling; whether the end is normal again."""
    bad: set[int] = set()
    last = -1
    for metric in _losses(trials):
        epochs, values = trials.curve(run, metric)
        bad.update(epochs[~np.isfinite(values) | (values > reference.ceiling)].tolist())
        last = max(last, int(epochs[-1]) if len(epochs) else -1)
    return sorted(bad), bool(bad) and max(bad) < last


def _losses(trials: Trials) -> list[str]:
    return [metric for metric in ("loss", "val_loss") if metric in trials.metrics]


def _reported_non_finite(recorded: Recorded) -> bool:
    losses = [recorded.metrics[m] for m in ("loss", "val_loss") if m in recorded.metrics]
    failed_score = [recorded.score] if recorded.score is not None else []
    return any(not math.isfinite(value) for value in losses + failed_score)


def _divergence_reason(bad: list[int], reference: Baseline) -> str:
    if not bad:
        return "the recorded loss or score is not finite"
    more = f" and in {len(bad) - 1} more" if len(bad) > 1 else ""
    return (
        f"a loss was non-finite or above {reference.ceiling:.4g} in epoch {bad[0] + 1}{more}, "
        "up to the end"
    )


def _worst_losses(trials: Trials, run: Run, bad: list[int]) -> dict[str, float]:
    evidence: dict[str, float] = {}
    for metric in _losses(trials) if bad else ():
        epochs, values = trials.curve(run, metric)
        seen = values[np.isin(epochs, bad)]
        if len(seen):
            wrong = seen[~np.isfinite(seen)]
            evidence[f"worst {metric}"] = float(wrong[0] if len(wrong) else seen.max())
    return evidence


def _never_learned(trials: Trials, run: Run, reference: Baseline) -> RunOutcome | None:
    if reference.loss is None:
        return None
    best = {m: float(v.min()) for m in _losses(trials) if len(v := _finite(trials, run, m)[1])}
    if not best and not trials.recorded[run].authoritative:
        best = {m: v for m, v in trials.recorded[run].metrics.items() if m in ("loss", "val_loss")}
    needed = (1 - LEARNED_MARGIN) * reference.loss
    if "val_loss" not in best or best["val_loss"] < needed:
        return None
    evidence = {f"best {m}": v for m, v in best.items()} | {"no-skill loss": reference.loss}
    if best.get("loss", math.inf) < needed:
        return RunOutcome(
            Outcome.OVERFIT,
            f"training got below the no-skill loss {reference.loss:.4g}, validation never did",
            onset=(0, 0),
            evidence=evidence,
        )
    return RunOutcome(
        Outcome.NEVER_LEARNED,
        f"the best validation loss {best['val_loss']:.4g} is not below the no-skill loss "
        f"{reference.loss:.4g}",
        evidence=evidence,
    )


def _overfit(trials: Trials, run: Run) -> RunOutcome | None:
    """Validation rose for good after its best epoch while training did not."""
    metric, sign = _overfit_metric(trials, run)
    epochs, values = _finite(trials, run, metric)
    if len(values) < MIN_EPOCHS:
        return None
    values = sign * values + (1.0 if sign < 0 else 0.0)
    smoothed = smooth(values)
    best = int(smoothed.argmin())
    lowest, end = float(smoothed[best]), float(smoothed[-1])
    scale = lowest if lowest > 0 else max(float(smoothed[0]) - lowest, 0.0)
    rise = max(OVERFIT_RISE * scale, OVERFIT_NOISE * noise(values))
    if end - lowest <= rise or end <= lowest or _training_rose(trials, run, metric, epochs[best]):
        return None
    begun = min(best, int(values.argmin())) + 1
    below = np.flatnonzero(smoothed <= lowest + rise)
    settled = min(int(below[-1]) + 1, len(values) - 1)
    return RunOutcome(
        Outcome.OVERFIT,
        f"{metric} was best around epoch {epochs[int(values.argmin())] + 1} and ended worse, while "
        "training did not",
        onset=(int(epochs[begun]), int(epochs[max(begun, settled)])),
        evidence={
            f"best smoothed {metric}": sign * (lowest - (sign < 0)),
            f"last smoothed {metric}": sign * (end - (sign < 0)),
            "relative rise": (end - lowest) / scale if scale else math.inf,
            "threshold": rise / scale if scale else 0.0,
            "noise": noise(values),
        },
    )


def _overfit_metric(trials: Trials, run: Run) -> tuple[str, int]:
    """The validation loss where there is one, else the objective; -1 where large is good."""
    if len(trials.curve(run, "val_loss")[0]):
        return "val_loss", 1
    objective = trials.objective
    return objective.name, 1 if objective.direction == "min" else -1


def _training_rose(trials: Trials, run: Run, metric: str, best_epoch: int) -> bool:
    """Whether training itself got worse after the best epoch: then it is not overfitting."""
    if not metric.startswith("val_"):
        return False
    epochs, values = _finite(trials, run, twin(metric))
    if len(values) < MIN_EPOCHS:
        return False
    if metric != "val_loss" and trials.objective.direction == "max":
        values = -values
    smoothed = smooth(values)
    at_best = float(smoothed[min(int(np.searchsorted(epochs, best_epoch)), len(epochs) - 1)])
    return bool(smoothed[-1] > at_best + max(OVERFIT_RISE * abs(at_best), noise(values)))


def _finite(trials: Trials, run: Run, metric: str) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    epochs, values = trials.curve(run, metric)
    finite = np.isfinite(values)
    return epochs[finite], values[finite]


def _first_finite(trials: Trials, run: Run) -> float | None:
    for metric in ("val_loss", "loss"):
        values = _finite(trials, run, metric)[1]
        if len(values):
            return float(values[0])
    return None


def _majority(outcomes: list[Outcome]) -> Outcome:
    if not outcomes:
        return Outcome.MISSING
    counts = Counter(outcomes)
    return max(counts, key=lambda outcome: (counts[outcome], -_WORST_FIRST.index(outcome)))


def _last_line(message: str | None) -> str | None:
    lines = [line for line in (message or "").splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else None
