"""AUD004, AUD005: runs that never did better than knowing nothing, or that were cut short."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import (
    by_trial,
    names,
    needs_curves,
    number,
    percent,
    with_outcome,
)
from auditor.outcomes import LEARNED_MARGIN, MIN_EPOCHS, Outcome, RunOutcome, noise
from auditor.scoring import objective_curve
from auditor.trials import Run

IMPROVING_NOISE = 1.645
"""Standard errors by which the last part of the curve must be better than the part before it: one
sided, 5 %."""

IMPROVING_STEP = 0.01
"""And by which share of its last value: a smaller step is not worth more epochs."""

IMPROVING_SHARE = 4
"""The last part is one quarter of the epochs, at least two."""


def _needs_no_skill(seen: Judged) -> str | None:
    if seen.outcomes.baseline.loss is None:
        return "the no-skill loss is not known: it needs the labels, or the variance of the target"
    trials = seen.trials
    if "val_loss" not in trials.metrics and not any(
        "val_loss" in recorded.metrics for recorded in trials.recorded.values()
    ):
        return "no validation loss was recorded"
    return None


def _never_learned(seen: Judged) -> Iterator[Finding]:
    reference = seen.outcomes.baseline
    for trial, runs in with_outcome(seen, Outcome.NEVER_LEARNED):
        verdict = next(iter(runs.values()))
        base = verdict.evidence["no-skill loss"]
        # Smoothed where single epochs were better, by luck.
        named = {name: v for name, v in verdict.evidence.items() if name.endswith("loss")}
        name, best = next((n, v) for n, v in named.items() if n.endswith("val_loss"))
        evidence = [
            Evidence(name, best, "loss", (1 - LEARNED_MARGIN) * base),
            Evidence("no-skill loss", base, "loss"),
            *(Evidence(n, v, "loss") for n, v in named.items() if n not in (name, "no-skill loss")),
        ]
        step = _step(seen, next(iter(runs)), verdict)
        is_improving = step is not None and step.gain > step.threshold
        # Within the margin, noise and a little learning look the same.
        is_below = best < base
        degree = "hardly better than" if is_below else "no better than"
        yield Finding(
            code=NEVER_LEARNED.code,
            title=NEVER_LEARNED.title,
            severity="warning" if is_improving else NEVER_LEARNED.severity,
            trials=(trial,),
            runs=tuple(runs),
            sentence=f"{names(seen, trial, runs)}: never learned: its {name} {number(best)} "
            f"is {degree} a constant: not {percent(LEARNED_MARGIN)} below {number(base)}, the loss "
            f"of knowing nothing ({reference.known_from})"
            + (", but it was still improving at the end" if is_improving else ""),
            evidence=tuple(evidence),
            remedy="Train longer first. " * is_improving + NEVER_LEARNED.remedy,
            confidence="low" if is_below or is_improving else "high",
        )


class _Step(NamedTuple):
    """How much better the last part of a curve is than the part before; positive is better."""

    gain: float
    threshold: float
    last: float
    epochs: int


def _still_improving(seen: Judged) -> Iterator[Finding]:
    is_min = seen.trials.objective.direction == "min"
    for trial, runs in by_trial(seen, lambda verdict: verdict.outcome == Outcome.OK):
        steps = {run: step for run, v in runs.items() if (step := _step(seen, run, v)) is not None}
        found = {run: runs[run] for run, step in steps.items() if step.gain > step.threshold}
        if not found:
            continue
        step, name = steps[next(iter(found))], seen.trials.objective.name
        share = f" ({percent(step.gain / abs(step.last))})" if step.last else ""
        yield Finding(
            code=STILL_IMPROVING.code,
            title=STILL_IMPROVING.title,
            severity=STILL_IMPROVING.severity,
            trials=(trial,),
            runs=tuple(found),
            sentence=f"{names(seen, trial, found)}: {name} was still improving at the end: over "
            f"the last {step.epochs} validated epochs it gained {number(step.gain)}{share} on the "
            f"{step.epochs} before",
            evidence=(
                Evidence(f"gain of {name}", step.gain, "", step.threshold),
                Evidence(f"mean of {name} at the end", step.last if is_min else -step.last),
                Evidence("epochs in the last part", step.epochs, "epochs"),
            ),
            remedy=STILL_IMPROVING.remedy,
            confidence="medium",
        )


def _step(seen: Judged, run: Run, verdict: RunOutcome) -> _Step | None:
    epochs, values = objective_curve(seen.trials, run)
    values = values[np.isfinite(values) & (epochs > max(verdict.bad_epochs, default=-1))]
    if len(values) < MIN_EPOCHS:
        return None
    return _gain(values if seen.trials.objective.direction == "min" else -values)


def _gain(values: NDArray[np.float64]) -> _Step:
    """The step between the last two parts of a curve where small is good, shape (epoch,)."""
    many = max(2, len(values) // IMPROVING_SHARE)
    # Scaled before it is added: finite losses may be too large for a sum.
    before = float((values[-2 * many : -many] / many).sum())
    last = float((values[-many:] / many).sum())
    standard_error = float(noise(values)) * math.sqrt(2 / many)
    threshold = max(IMPROVING_NOISE * standard_error, IMPROVING_STEP * abs(last))
    return _Step(before - last, threshold, last, many)


NEVER_LEARNED = Rule(
    code="AUD004",
    title="Never learned",
    severity="error",
    needs=_needs_no_skill,
    check=_never_learned,
    detected="The best validation loss, less its regularisation terms where those are known, is "
    f"not {percent(LEARNED_MARGIN)} below the no-skill loss: that of a model that knows only how "
    "frequent the labels are, or only the mean of the target.",
    matters="The model is no better than a constant, or hardly, whatever its accuracy looks like.",
    remedy="Check labels, input scaling and the output activation; then try another learning rate "
    "or initialiser.",
    certainty="High where the best loss is no better than that of a constant; low where it is a "
    "little better, or was still improving at the end.",
    thresholds=(
        "LEARNED_MARGIN",
        "CHANCE_LOSS",
        "CHANCE_ACCURACY",
        "CHANCE_EPOCHS",
        "PLATEAU_LOSS",
        "PLATEAU_EPOCHS",
        "PLATEAU_SHARE",
        "MOST_CLASSES",
        "MOST_CLASSES_ALONE",
    ),
)

STILL_IMPROVING = Rule(
    code="AUD005",
    title="Still improving at the end",
    severity="tip",
    needs=needs_curves,
    check=_still_improving,
    detected="The mean objective of the last quarter of the epochs is better than that of the "
    f"quarter before by {IMPROVING_NOISE:g} standard errors of the curve's own noise and by "
    f"{percent(IMPROVING_STEP)} of its value, in a run with no other failure.",
    matters="Its rank says how fast it learns, not how well: more epochs may reorder the trials.",
    remedy="Train longer, with early stopping on the validation objective.",
    certainty="Medium: what would have come after the end was not observed.",
    thresholds=("IMPROVING_NOISE", "IMPROVING_STEP", "IMPROVING_SHARE", "MIN_EPOCHS"),
)
