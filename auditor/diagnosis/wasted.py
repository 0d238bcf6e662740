"""What came after the best epoch of a run that ended worse: epochs, time, and the accuracy."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.finding import Evidence, Judged
from auditor.diagnosis.wording import count, number
from auditor.outcomes import RunOutcome, ValidationCurve, accuracy_of, validation_curve
from auditor.trials import Run, twin

_WORTH_SAYING = 60.0
"""Seconds of a run below which its time is not told: nobody would save a part of that."""


def course_of(seen: Judged, run: Run, verdict: RunOutcome) -> ValidationCurve:
    """The curve that is judged, as logged: after an explosion only what followed."""
    return validation_curve(seen.trials, run, after=max(verdict.bad_epochs, default=-1))


def best_of(curve: ValidationCurve) -> int:
    """Where its best value is."""
    return int((curve.sign * curve.values).argmin())


class Wasted(NamedTuple):
    """What came after the best epoch.

    Attributes:
        after: Epochs after it.
        epochs: All epochs of the run.
        seconds: Of those after it; None where they were not logged.
        seconds_in_all: Of all epochs that have them.
        accuracy: Name of the validation accuracy; empty where it was not logged then.
        accuracies: At the best epoch and at the end.
        peak: The best one of all epochs.
        peak_epoch: Where that was, from 0.
    """

    after: int
    epochs: int
    seconds: float | None = None
    seconds_in_all: float = 0.0
    accuracy: str = ""
    accuracies: tuple[float, float] = (math.nan, math.nan)
    peak: float = math.nan
    peak_epoch: int = -1


def wasted_epochs(seen: Judged, run: Run, curve: ValidationCurve) -> Wasted | None:
    """What came after the best epoch of a run; None where that was the last."""
    if not len(curve.values) or best_of(curve) == len(curve.values) - 1:
        return None
    best, last = (int(curve.epochs[at]) for at in (best_of(curve), -1))
    first = int(seen.trials.curve(run, curve.metric).epochs[0])
    wasted = Wasted(last - best, last - first + 1)
    timed = seen.trials.series(run, "seconds")
    if len(timed.epochs) and np.isin(np.arange(best + 1, last + 1), timed.epochs).all():
        late = float(timed.values[timed.epochs > best].sum())
        wasted = wasted._replace(seconds=late, seconds_in_all=float(timed.values.sum()))
    accuracy = accuracy_of(seen.trials)
    if not accuracy or twin(accuracy) == curve.metric:
        return wasted
    epochs, values = seen.trials.curve(run, twin(accuracy))
    there = np.searchsorted(epochs, (best, last))
    if there[1] < len(epochs) and epochs[there[0]] == best and epochs[there[1]] == last:
        then, now = values[there].tolist()
        peak = int(np.where(np.isfinite(values), values, -math.inf).argmax())
        wasted = wasted._replace(
            accuracy=twin(accuracy),
            accuracies=(then, now),
            peak=float(values[peak]),
            peak_epoch=int(epochs[peak]),
        )
    return wasted


def accuracy_in_words(wasted: Wasted) -> str:
    """What the accuracy did meanwhile: "val_acc went from 0.7237 to 0.5889"; and its best."""
    before, after, peak = (number(value) for value in (*wasted.accuracies, wasted.peak))
    course = f"stayed at {before}" if before == after else f"went from {before} to {after}"
    best = (
        f" (best: {peak} in epoch {wasted.peak_epoch + 1})" if peak not in (before, after) else ""
    )
    return f"{wasted.accuracy} {course}{best}"


def cost_in_words(wasted: Wasted | None) -> str:
    """How many of the epochs came after the best, with their time where that was logged."""
    if wasted is None:
        return ""
    if wasted.seconds is None or wasted.seconds_in_all < _WORTH_SAYING:
        return f"; {wasted.after} of the {count(wasted.epochs, 'epoch')} came after the best"
    return (
        f"; the {count(wasted.after, 'epoch')} after the best, of {wasted.epochs}, took "
        f"{wasted.seconds:,.0f} s of the {wasted.seconds_in_all:,.0f} s logged"
    )


def evidence_of(wasted: Wasted | None) -> Iterator[Evidence]:
    """The numbers behind those words."""
    if wasted is None:
        return
    yield Evidence("epochs after the best", wasted.after, "epochs")
    yield Evidence("share of the epochs after the best", wasted.after / wasted.epochs)
    if wasted.seconds is not None:
        yield Evidence("time after the best epoch", wasted.seconds, "s")
        yield Evidence("time of all epochs", wasted.seconds_in_all, "s")
    if wasted.accuracy:
        for when, value in zip(("at the best epoch", "at the end"), wasted.accuracies, strict=True):
            yield Evidence(f"{wasted.accuracy} {when}", value)
        yield Evidence(f"best {wasted.accuracy}", wasted.peak)
        yield Evidence(f"epoch of the best {wasted.accuracy}, from 0", wasted.peak_epoch, "epoch")
