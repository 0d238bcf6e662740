"""Numeric divergence: losses that are non-finite, or far above the loss of knowing nothing."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.accuracies import accuracy_of
from auditor.outcomes.curves import LOSSES
from auditor.outcomes.measured import Measured
from auditor.outcomes.thresholds import DIVERGED_FACTOR, LEARNED_MARGIN, RECOVERED_FACTOR
from auditor.outcomes.verdicts import Baseline, Outcome, RunOutcome
from auditor.trials import Run, Trials, twin

SINCE = "best since: "
"""Begins the evidence of a loss that came back down, but to that of knowing nothing."""

STEADY = 1.05
"""Times its first value that a loss may rise to by noise and still only fall."""

SAME_START = 2.0
"""Times each other that the first losses on both sides are at most where nothing exploded: of an
untrained model they are the same."""

WORST = "worst "
"""Begins the evidence of a loss that was bad."""


def bad_epochs(seen: Measured, reference: Baseline) -> Mapping[int, tuple[int, ...]]:
    """Epochs (from 0) in which a loss was non-finite or above the ceiling.

    Of the runs that have such epochs, by their position.
    """
    bad: dict[int, set[int]] = {}
    for metric in watched(seen.trials):
        column = seen.column(metric)
        # Only losses share the scale of the ceiling; another objective must just be a number.
        ceiling = reference.ceiling if metric in LOSSES else math.inf
        above = column.values > ceiling
        if metric == "val_loss" and reference.loss is None:
            # The ceiling is a guess, and validation data of another scale have such losses as well.
            calm = np.diff(seen.column("loss").bounds) > 0
            calm[list(bad)] = False
            above &= ~calm[column.run]
        wrong = np.flatnonzero(~np.isfinite(column.values) | above)
        runs, epochs = column.run[wrong].tolist(), column.epochs[wrong].tolist()
        for run, epoch in zip(runs, epochs, strict=True):
            bad.setdefault(run, set()).add(epoch)
    return {run: tuple(sorted(epochs)) for run, epochs in bad.items()}


def has_recovered(seen: Measured, run: int, bad: tuple[int, ...], reference: Baseline) -> bool:
    """Whether the run was of use again in some epoch after the last bad one.

    A loss that comes back down to that of knowing nothing, and no further, belongs to a model that
    the explosion destroyed.
    """
    metric, later = _since(seen, run, bad)
    if not len(later) or metric not in LOSSES:
        return len(later) > 0
    useful = reference.normal
    if reference.loss is not None and not _starts_far_above(reference):
        useful = (1 - LEARNED_MARGIN) * reference.loss
    return bool(later.min() < useful)


def is_start(seen: Measured, run: int, bad: tuple[int, ...], reference: Baseline) -> bool:
    """Whether losses above a ceiling that is only a guess are where training set out from.

    Penalties and inputs of another scale begin so. What explodes within the first epoch and is back
    by its end has a small validation loss there.
    """
    first = seen.finite("val_loss").column.curve(run)
    training = seen.column("loss").curve(run)
    return (
        reference.loss is None
        and bad == tuple(range(len(bad)))
        and bool(np.isfinite(training.values[np.isin(training.epochs, bad)]).all())
        and len(first.values) > 0
        and int(first.epochs[0]) == 0
        and float(first.values[0]) > reference.normal
    )


def only_falls(seen: Measured, run: int, bad: tuple[int, ...], reference: Baseline) -> bool:
    """Whether losses above a guessed ceiling are those of a target of another scale.

    Of no accuracy: a cross-entropy never is so large. What explodes within the first epoch has a
    mean training loss there unlike the validation loss at its end, or rises later.
    """
    if reference.loss is not None or len(seen.column(twin(accuracy_of(seen.trials))).curve(run)[0]):
        return False
    training, validation = (seen.column(metric).curve(run).values for metric in LOSSES)
    if bad != tuple(range(len(validation))) or len(training) != len(validation):
        return False
    firsts = sorted([training[0], validation[0]])
    falls = (
        (curve <= STEADY * curve[0]).all() and curve[-1] < curve[0]
        for curve in (training, validation)
    )
    return bool(firsts[1] <= SAME_START * firsts[0]) and all(falls)


def _starts_far_above(reference: Baseline) -> bool:
    """Whether an untrained model has a loss that would be an explosion in a trained one.

    A slow start is then far above the no-skill loss for long, before and after an explosion.
    """
    untrained = reference.normal / RECOVERED_FACTOR
    return reference.loss is not None and untrained > DIVERGED_FACTOR * reference.loss


def _since(seen: Measured, run: int, bad: tuple[int, ...]) -> tuple[str, NDArray[np.float64]]:
    """What was observed after the last bad epoch, of which metric; nothing where that was the end.

    The validation loss decides where it was observed there: a training loss may stay high through
    dropout or regularisation in a run that works.
    """
    for metric in reversed(watched(seen.trials)):
        epochs, values = seen.column(metric).curve(run)
        later = values[epochs > max(bad, default=-1)]
        if len(later):
            return metric, later
    return "", np.empty(0)


def watched(trials: Trials) -> list[str]:
    """The losses that were recorded; where there is none, the objective stands in."""
    losses = [metric for metric in LOSSES if metric in trials.metrics]
    return losses or [name for name in [trials.objective.name] if name in trials.metrics]


def reported_non_finite(trials: Trials, run: Run) -> bool:
    """Whether the tool itself recorded a NaN or infinite result, of a run without better evidence.

    A score is believed only where no curve was observed: a sweep's own score is infinite for other
    reasons too.
    """
    recorded = trials.recorded[run]
    if trials.coverage(run) == "curves" and not recorded.authoritative:
        return False
    told = [recorded.metrics[m] for m in (*LOSSES, trials.objective.name) if m in recorded.metrics]
    told += [recorded.score] if recorded.score is not None else []
    return any(not math.isfinite(value) for value in told)


def diverged(seen: Measured, place: int, bad: tuple[int, ...], reference: Baseline) -> RunOutcome:
    """The verdict on a run that exploded and did not come back to be of use."""
    evidence = worst_losses(seen, place, bad, reference)
    metric, later = _since(seen, place, bad) if bad else ("", np.empty(0))
    reason = _reason(bad, reference)
    if metric in LOSSES and later.min() <= reference.normal:
        evidence[f"{SINCE}{metric}"] = float(later.min())
        reason += f" further than to {later.min():.4g}, that of knowing nothing"
    return RunOutcome(Outcome.DIVERGED, reason, bad, evidence=evidence)


def worst_losses(
    seen: Measured, place: int, bad: tuple[int, ...], reference: Baseline
) -> dict[str, float]:
    """Per loss that was bad itself its first non-finite value then, else the largest.

    First stands the loss that was bad last: it is the one that did not come back.
    """
    worst: list[tuple[tuple[int, ...], str, float]] = []
    for metric in watched(seen.trials) if bad else ():
        own = bad_of(seen, place, metric, bad, reference)
        epochs, values = seen.trials.curve(seen.trials.runs[place], metric)
        there = values[np.isin(epochs, own)]
        if len(there):
            wrong = there[~np.isfinite(there)]
            worst.append((own, metric, float(wrong[0] if len(wrong) else there.max())))
    worst.sort(key=_plainest)
    return {f"{WORST}{metric}": value for _, metric, value in worst}


def _plainest(one: tuple[tuple[int, ...], str, float]) -> tuple[float, ...]:
    """Of losses that were bad equally late: a NaN, then the one for longest, then the highest."""
    own, _, value = one
    return -own[-1], math.isfinite(value), -len(own), -value if math.isfinite(value) else 0.0


def bad_of(
    seen: Measured, place: int, metric: str, bad: tuple[int, ...], reference: Baseline
) -> tuple[int, ...]:
    """Those of the bad epochs of a run in which this very loss was non-finite or too high."""
    epochs, values = seen.column(metric).curve(place)
    ceiling = reference.ceiling if metric in LOSSES else math.inf
    wrong = ~np.isfinite(values) | (values > ceiling)
    return tuple(epochs[wrong & np.isin(epochs, bad)].tolist())


def _reason(bad: tuple[int, ...], reference: Baseline) -> str:
    if not bad:
        return "the recorded loss or score is not finite"
    above = ""
    if math.isfinite(reference.ceiling):
        above = f" or above {reference.ceiling:.4g}, {reference.ceiling_from},"
    more = f" and in {len(bad) - 1} more" if len(bad) > 1 else ""
    return f"a loss was non-finite{above} in epoch {bad[0] + 1}{more}, and did not come back"
