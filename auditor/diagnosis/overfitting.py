"""AUD003, AUD011: runs that ended worse on validation data than they once were."""

from collections.abc import Iterator

import numpy as np

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wasted import (
    accuracy_in_words,
    best_of,
    cost_in_words,
    course_of,
    evidence_of,
    wasted_epochs,
)
from auditor.diagnosis.wording import (
    Verdicts,
    higher,
    names,
    needs_curves,
    number,
    percent,
    with_outcome,
)
from auditor.outcomes import (
    HARDLY_LEARNED,
    MIN_EPOCHS,
    OVERFIT_CONFIDENCE,
    OVERFIT_FLOOR,
    OVERFIT_RISE,
    OVERFIT_WINDOW,
    SHARED_RISE,
    SMOOTHING,
    Outcome,
    RunOutcome,
    ValidationCurve,
    validation_metric,
)
from auditor.outcomes.thresholds import SWING, TREND_EPOCHS
from auditor.trials import Run, twin

CLEAR_RISE = 2.0
"""A rise of this many times its threshold is beyond doubt; below, the confidence is medium."""

SURE_EPOCHS = 18
"""Validated epochs below which a rise is judged by single epochs, and the confidence is lower."""

RESTORE = "Stop early and restore the best weights"
"""What always helps."""


def _needs_validation(seen: Judged) -> str | None:
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    longest = 0
    for has_loss in (True, False):  # a run without the loss is judged by the objective
        metric, sign = validation_metric(seen.trials, has_loss)
        longest = max(longest, seen.measured.finite(metric, sign).lengths.max(initial=0))
    if not longest:
        return "no validation loss or validation objective was recorded by epoch"
    if longest < MIN_EPOCHS:
        return f"no run has {MIN_EPOCHS} validated epochs"
    return None


def _overfitting(seen: Judged) -> Iterator[Finding]:
    for trial, runs in with_outcome(seen, Outcome.OVERFIT):
        run, verdict = next(iter(runs.items()))
        curve = course_of(seen, run, verdict)
        wasted, training = wasted_epochs(seen, run, curve), _training(seen, run, curve, verdict)
        sentence = f"{names(seen, trial, runs)}: {_course(curve, verdict)}{training}"
        if wasted is not None and wasted.accuracy:
            sentence += f"{' and' if training else ', while'} {accuracy_in_words(wasted)}"
        sentence += _began(verdict) + cost_in_words(wasted)
        evidence = (*_evidence(curve, verdict), *evidence_of(wasted))
        yield _finding(OVERFITTING, seen, trial, runs, sentence, evidence)


def _degraded(seen: Judged) -> Iterator[Finding]:
    for trial, runs in with_outcome(seen, Outcome.DEGRADED):
        run, verdict = next(iter(runs.items()))
        curve = course_of(seen, run, verdict)
        wasted = wasted_epochs(seen, run, curve)
        sentence = (
            f"{names(seen, trial, runs)}: {_course(curve, verdict)}, and the training curve "
            f"{twin(curve.metric)!r} got worse with it" + _began(verdict) + cost_in_words(wasted)
        )
        evidence = (*_evidence(curve, verdict), *evidence_of(wasted))
        yield _finding(DEGRADED, seen, trial, runs, sentence, evidence)


def _course(curve: ValidationCurve, verdict: RunOutcome) -> str:
    """From best to end, in the values as logged."""
    if not len(curve.values):
        return verdict.reason
    at = best_of(curve)
    best, last = float(curve.values[at]), float(curve.values[-1])
    if at == len(curve.values) - 1:
        return verdict.reason
    change = ""
    if best > 0 and last > 0:
        change = f", {higher(last / best)}"
    return (
        f"{curve.metric} was best ({number(best)}) in epoch {curve.epochs[at] + 1} and ended at "
        f"{number(last)}{change}"
    )


def _training(seen: Judged, run: Run, curve: ValidationCurve, verdict: RunOutcome) -> str:
    shared = verdict.evidence.get("rise of training")
    if shared is None:
        return ""
    metric = twin(curve.metric)
    kind = "training loss" if metric == "loss" else f"training curve {metric!r}"
    if shared >= 0:
        return f", while the {kind} {'did not change' if shared == 0 else 'got worse by less'}"
    ends = seen.trials.curve(run, metric).values[[0, -1]]
    first, last = (number(float(value)) for value in ends)
    return f", while the {kind} kept improving ({first} to {last})"


def _began(verdict: RunOutcome) -> str:
    if verdict.onset is None:
        return ""
    first, last = verdict.onset
    when = (
        f"in epoch {first + 1}" if first == last else f"between epochs {first + 1} and {last + 1}"
    )
    return f"; onset {when}"


def _finding(
    rule: Rule,
    seen: Judged,
    trial: str,
    runs: Verdicts,
    sentence: str,
    evidence: tuple[Evidence, ...],
) -> Finding:
    run, verdict = next(iter(runs.items()))
    return rule.finding(
        sentence,
        evidence,
        _confidence(verdict),
        trials=(trial,),
        runs=tuple(runs),
        remedy=_protected(seen, run) + _remedy(seen, rule, trial),
    )


def _remedy(seen: Judged, rule: Rule, trial: str) -> str:
    """What helped others in this very sweep, in place of what may help anyone."""
    if rule is OVERFITTING and trial in seen.helped:
        return f"{seen.helped[trial]} {RESTORE}."
    return rule.remedy


def _protected(seen: Judged, run: Run) -> str:
    """That the ranking does not suffer, where it does not."""
    best = seen.scores.by_run[run].best_epoch
    if best is None:
        return ""
    whose = f" of trial {run.trial_id}" if len(seen.trials.hyperparameters) > 1 else ""
    return f"The ranking already uses epoch {best + 1}{whose}, not the last. "


def _evidence(curve: ValidationCurve, verdict: RunOutcome) -> Iterator[Evidence]:
    told = verdict.evidence
    if len(curve.values):
        at = best_of(curve)
        yield Evidence(f"best {curve.metric}", float(curve.values[at]))
        yield Evidence("best epoch, from 0", int(curve.epochs[at]), "epoch")
        yield Evidence(f"last {curve.metric}", float(curve.values[-1]))
    if verdict.onset is not None:
        yield Evidence("earliest onset, from 0", verdict.onset[0], "epoch")
        yield Evidence("latest onset, from 0", verdict.onset[1], "epoch")
    if "relative rise" in told:
        yield Evidence(
            f"relative rise of smoothed {curve.metric}",
            told["relative rise"],
            "",
            told["threshold"],
        )
        yield Evidence(f"noise of {curve.metric}", told["noise"])
    if "no-skill loss" in told:
        yield Evidence("best val_loss, ever", told["best val_loss"], "", told["no-skill loss"])
        yield Evidence("best loss, ever", told["best loss"], "", told["no-skill training loss"])


def _confidence(verdict: RunOutcome) -> Confidence:
    told = verdict.evidence
    if "relative rise" not in told:
        return "medium"
    clear = bool(np.isfinite(told["relative rise"])) and (
        told["relative rise"] >= CLEAR_RISE * told["threshold"]
    )
    doubts = (not clear, "rise of training" not in told, told["epochs judged"] < SURE_EPOCHS)
    return ("high", "medium", "low", "low")[sum(doubts)]


_DETECTED = (
    "The validation loss (else a validation objective), averaged over one in "
    f"{OVERFIT_WINDOW} epochs, at most {SMOOTHING}, ends more than {percent(OVERFIT_RISE)} above "
    f"its minimum with a confidence of {percent(OVERFIT_CONFIDENCE)}, and as surely above what "
    "noise makes of a flat curve. The noise is that of the curve's own steps, less what the "
    "training curve, beside its own trend, shares of it if the rise stands without that, in "
    f"{TREND_EPOCHS} epochs or more from the best one on whose later half does not swing by "
    f"{percent(SWING)} of its level. A loss must also rise by {percent(OVERFIT_FLOOR)} of the "
    "no-skill loss, of two classes where that is not known and an accuracy was logged. Judged are "
    "runs of at least "
    f"{MIN_EPOCHS} validated epochs"
)

_THRESHOLDS = (
    *("OVERFIT_RISE", "OVERFIT_CONFIDENCE", "OVERFIT_FLOOR", "OVERFIT_WINDOW", "SMOOTHING"),
    *(
        "SHARED_NOISE",
        "TREND_EPOCHS",
        "SWING",
        "SHARED_RISE",
        "MIN_EPOCHS",
        "CLEAR_RISE",
        "SURE_EPOCHS",
    ),
)

OVERFITTING = Rule(
    code="AUD003",
    title="Overfitting",
    severity="warning",
    needs=_needs_validation,
    check=_overfitting,
    detected=f"{_DETECTED}, and the training curve rose by less than {percent(SHARED_RISE)} of "
    f"that. Also where training got {percent(HARDLY_LEARNED)} below the no-skill loss of the "
    f"training rows, and {percent(OVERFIT_RISE)} of the no-skill loss below validation, which "
    "never got below it.",
    matters="The last weights are worse than earlier ones; the epochs after the best were wasted.",
    remedy=f"{RESTORE}; regularise, augment, or shrink the model.",
    certainty=f"High where the rise is at least {CLEAR_RISE:g} times its threshold and a training "
    "curve did not rise with it; medium where one of the two is missing, in runs of less than "
    f"{SURE_EPOCHS} validated epochs, or where validation never got below the no-skill loss; low "
    "where two of these are.",
    thresholds=(*_THRESHOLDS, "HARDLY_LEARNED"),
)

DEGRADED = Rule(
    code="AUD011",
    title="Training degraded",
    severity="warning",
    needs=_needs_validation,
    check=_degraded,
    detected=f"{_DETECTED}, and the training curve rose by at least {percent(SHARED_RISE)} of "
    f"that, or by {percent(OVERFIT_RISE)} and validation ends no higher than training, or to where "
    "it was on the way to the best epoch, when validation was as high as it ends. Also where "
    f"validation was {percent(OVERFIT_RISE)} better, and both losses stay at the no-skill loss, or "
    "above it, for the later half of the epochs.",
    matters="Both curves left a better state: the steps are too large, which is not overfitting.",
    remedy="Lower the learning rate or let it decay, and restore the best weights. A rate that "
    "restarts on purpose is judged at the ends of its cycles where it is logged by epoch.",
    certainty=f"High where the rise is at least {CLEAR_RISE:g} times its threshold in runs of at "
    f"least {SURE_EPOCHS} validated epochs, medium where one of the two holds, else low.",
    thresholds=_THRESHOLDS,
)
