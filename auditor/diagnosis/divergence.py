"""AUD001, AUD002: losses that became non-finite or far larger than the loss of knowing nothing."""

import math
from collections.abc import Iterator

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import Verdicts, by_trial, names, needs_curves, number, percent
from auditor.outcomes import (
    DIVERGED_FACTOR,
    DIVERGED_FACTOR_UNKNOWN,
    LEARNED_MARGIN,
    RECOVERED_FACTOR,
    SINCE,
    Outcome,
    RunOutcome,
)
from auditor.outcomes.thresholds import GUESSING_CLASSES, LEAST_ACCURACY


def _needs_results(seen: Judged) -> str | None:
    reason = needs_curves(seen)
    return reason if reason == "no run has a result" else None


def _diverged(seen: Judged) -> Iterator[Finding]:
    for trial, runs in by_trial(seen, lambda v: v.outcome == Outcome.DIVERGED):
        verdict = next(iter(runs.values()))
        sentence = f"{names(seen, trial, runs)}: training diverged: {_what(verdict)}"
        if verdict.bad_epochs:
            sentence += f" and {_end(verdict)}"
        yield _finding(DIVERGED, seen, trial, runs, sentence)


def _end(verdict: RunOutcome) -> str:
    """That it stayed away, or came back to nothing of use."""
    since = {k.removeprefix(SINCE): v for k, v in verdict.evidence.items() if k.startswith(SINCE)}
    for metric, best in since.items():
        return f"came back to that of knowing nothing only (best {metric} since: {number(best)})"
    return "did not come back"


def _recovered(seen: Judged) -> Iterator[Finding]:
    for trial, runs in by_trial(seen, lambda v: v.recovered):
        verdict = next(iter(runs.values()))
        sentence = (
            f"{names(seen, trial, runs)}: training exploded and recovered: {_what(verdict)} and "
            f"came back down after epoch {verdict.bad_epochs[-1] + 1}"
        )
        yield _finding(RECOVERED, seen, trial, runs, sentence)


def _what(verdict: RunOutcome) -> str:
    """The loss that went wrong first, and when."""
    if not verdict.bad_epochs:
        return verdict.reason
    metric, worst = next(iter(_worst(verdict).items()))
    first, last, many = verdict.bad_epochs[0], verdict.bad_epochs[-1], len(verdict.bad_epochs)
    when = (
        f"in epoch {first + 1}" if many == 1 else f"in {many} epochs from {first + 1} to {last + 1}"
    )
    reached = f"reached {number(worst)}" if math.isfinite(worst) else f"was {number(worst)}"
    return f"{metric} {reached} {when}"


def _worst(verdict: RunOutcome) -> dict[str, float]:
    prefix = "worst "
    worst = {k.removeprefix(prefix): v for k, v in verdict.evidence.items() if k.startswith(prefix)}
    # A NaN is the plainest evidence, whichever loss shows it.
    return dict(sorted(worst.items(), key=lambda item: math.isfinite(item[1])))


def _finding(rule: Rule, seen: Judged, trial: str, runs: Verdicts, sentence: str) -> Finding:
    verdict = next(iter(runs.values()))
    reference = seen.outcomes.baseline
    worst = _worst(verdict)
    evidence = [Evidence(f"worst {m}", v, "loss", reference.ceiling) for m, v in worst.items()]
    if verdict.bad_epochs:
        evidence += [
            Evidence("first such epoch, from 0", verdict.bad_epochs[0], "epoch"),
            Evidence("such epochs", len(verdict.bad_epochs), "epochs", 1),
        ]
    if reference.loss is not None:
        evidence.append(Evidence("no-skill loss", reference.loss, "loss"))
    # Measured against a loss that is known; the median of a sweep is not.
    certain = reference.loss is not None or any(not math.isfinite(v) for v in worst.values())
    confidence: Confidence = "high" if certain or not verdict.bad_epochs else "medium"
    return Finding(
        rule.code, rule.title, rule.severity, (trial,), tuple(runs), sentence, tuple(evidence),
        rule.remedy, confidence,
    )  # fmt: skip


_DETECTED = (
    "A training or validation loss, less its regularisation terms where those are known, is NaN, "
    f"infinite or above {DIVERGED_FACTOR:g} times the no-skill loss, "
    "or that of an untrained model where it is larger "
    f"({DIVERGED_FACTOR_UNKNOWN:g} times the median first loss of the sweep where that is unknown, "
    f"or {DIVERGED_FACTOR:g} times ln {GUESSING_CLASSES} where that is less and an accuracy of "
    f"{percent(LEAST_ACCURACY)} was logged; a validation loss then counts only where training is "
    "above that too)"
)

_BACK = (
    f"{percent(LEARNED_MARGIN)} below the no-skill loss (where that is unknown, or far below the "
    f"loss of an untrained model: back at {RECOVERED_FACTOR:g} times the loss that explosions are "
    "measured against)"
)

_THRESHOLDS = (
    "DIVERGED_FACTOR",
    "DIVERGED_FACTOR_UNKNOWN",
    "GUESSING_CLASSES",
    "LEAST_ACCURACY",
    "RECOVERED_FACTOR",
    "LEARNED_MARGIN",
)

DIVERGED = Rule(
    code="AUD001",
    title="Training diverged",
    severity="error",
    needs=_needs_results,
    check=_diverged,
    detected=f"{_DETECTED}, and no later epoch is {_BACK}. A NaN or infinite result counts too "
    "where no curve was recorded.",
    matters="The weights are unusable, and the trial ranks after all that did not diverge.",
    remedy="Lower the learning rate, clip gradients (clipnorm=1.0) and scale the inputs.",
    certainty="High where a loss was NaN or infinite, or where the no-skill loss is known; "
    "medium where a finite loss is held against a guess.",
    thresholds=_THRESHOLDS,
)

RECOVERED = Rule(
    code="AUD002",
    title="Training exploded and recovered",
    severity="warning",
    needs=needs_curves,
    check=_recovered,
    detected=f"{_DETECTED}, and a later epoch is {_BACK}. Where that is unknown, a run that starts "
    "there, with its validation loss as well, and comes down has not exploded.",
    matters="The run is at the edge of stability: another seed may not come back.",
    remedy="Lower the learning rate or warm it up, and confirm the result with more seeds.",
    certainty="As of AUD001.",
    thresholds=_THRESHOLDS,
)
