"""AUD001, AUD002: losses that became non-finite or far larger than the loss of knowing nothing."""

import math
from collections.abc import Iterator, Sequence

from auditor.diagnosis.accurate import is_accurate, last_accuracy
from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.inputs import are_scaled
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
from auditor.outcomes.explosions import SAME_START, WORST, bad_of
from auditor.outcomes.thresholds import GUESSING_CLASSES, LEAST_ACCURACY

HELD = " that held, at the end"
"""Ends the evidence of an accuracy that is good although the loss ran away."""

_SCALED = "Lower the learning rate, and clip gradients (clipnorm=1.0)."
"""What to do where the inputs are known to be scaled."""


def _needs_results(seen: Judged) -> str | None:
    reason = needs_curves(seen)
    return reason if reason == "no run has a result" else None


def _diverged(seen: Judged) -> Iterator[Finding]:
    for trial, runs in by_trial(seen, lambda v: v.outcome == Outcome.DIVERGED):
        run, verdict = next(iter(runs.items()))
        bad, last = (
            _bad(seen, verdict, seen.measured.places[run]),
            last_accuracy(seen, seen.measured.places[run]),
        )
        held = last if last and is_accurate(seen, last[1]) else None
        sentence = f"{names(seen, trial, runs)}: training diverged: {_what(verdict, bad)}"
        if bad:
            sentence += f" and {_end(verdict)}"
        if held:
            sentence += (
                f", although {held[0]} ended at {number(held[1])}: the loss ran away while the "
                "accuracy held"
            )
        elif last:
            sentence += f"; {last[0]} ended at {number(last[1])}"
        evidence = [Evidence(f"{held[0]}{HELD}", held[1])] if held else []
        yield _finding(DIVERGED, seen, trial, runs, sentence, bad, evidence)


def _bad(seen: Judged, verdict: RunOutcome, place: int) -> tuple[int, ...]:
    """The epochs, from 0, in which the loss that is named was bad."""
    for metric in _worst(verdict):
        return bad_of(seen.measured, place, metric, verdict.bad_epochs, seen.outcomes.baseline)
    return verdict.bad_epochs


def _end(verdict: RunOutcome) -> str:
    """That it stayed away, or came back to nothing of use."""
    since = {k.removeprefix(SINCE): v for k, v in verdict.evidence.items() if k.startswith(SINCE)}
    for metric, best in since.items():
        return f"came back only to knowing nothing (best {metric} since: {number(best)})"
    return "did not come back"


def _recovered(seen: Judged) -> Iterator[Finding]:
    for trial, runs in by_trial(seen, lambda v: v.recovered):
        run, verdict = next(iter(runs.items()))
        bad = _bad(seen, verdict, seen.measured.places[run])
        sentence = (
            f"{names(seen, trial, runs)}: training exploded and recovered: {_what(verdict, bad)} "
            f"and came back down after epoch {bad[-1] + 1}"
        )
        yield _finding(RECOVERED, seen, trial, runs, sentence, bad)


def _what(verdict: RunOutcome, bad: tuple[int, ...]) -> str:
    """The loss that was bad last, and when it was."""
    if not bad:
        return verdict.reason
    metric, worst = next(iter(_worst(verdict).items()))
    first, last, many = bad[0], bad[-1], len(bad)
    when = (
        f"in epoch {first + 1}" if many == 1 else f"in {many} epochs from {first + 1} to {last + 1}"
    )
    reached = f"reached {number(worst)}" if math.isfinite(worst) else f"was {number(worst)}"
    return f"{metric} {reached} {when}"


def _worst(verdict: RunOutcome) -> dict[str, float]:
    return {k.removeprefix(WORST): v for k, v in verdict.evidence.items() if k.startswith(WORST)}


def _finding(
    rule: Rule,
    seen: Judged,
    trial: str,
    runs: Verdicts,
    sentence: str,
    bad: tuple[int, ...],
    more: Sequence[Evidence] = (),
) -> Finding:
    verdict = next(iter(runs.values()))
    reference = seen.outcomes.baseline
    worst = _worst(verdict)
    evidence = [Evidence(f"worst {m}", v, "loss", reference.ceiling) for m, v in worst.items()]
    if bad:
        evidence += [
            Evidence("first such epoch, from 0", bad[0], "epoch"),
            Evidence("such epochs", len(bad), "epochs", 1),
        ]
    evidence += more
    if reference.loss is not None:
        evidence.append(Evidence("no-skill loss", reference.loss, "loss"))
    # Measured against a loss that is known; the median of a sweep is not.
    certain = reference.loss is not None or any(not math.isfinite(v) for v in worst.values())
    confidence: Confidence = "high" if certain or not verdict.bad_epochs else "medium"
    return rule.finding(
        sentence,
        tuple(evidence),
        confidence,
        trials=(trial,),
        runs=tuple(runs),
        remedy=_SCALED if rule is DIVERGED and are_scaled(seen) else None,
    )


_DETECTED = (
    "A training or validation loss, less its regularisation terms where those are known, is NaN, "
    f"infinite or above {DIVERGED_FACTOR:g} times the no-skill loss, or that of an untrained model "
    f"where it is larger. Where that is unknown, it is {DIVERGED_FACTOR_UNKNOWN:g} times the "
    f"median first loss of the sweep, or {DIVERGED_FACTOR:g} times ln {GUESSING_CLASSES} where "
    f"that is less and an accuracy of {percent(LEAST_ACCURACY)} was logged; a validation loss then "
    "counts only where training is above that too."
)

_BACK = (
    f"{percent(LEARNED_MARGIN)} below the no-skill loss. Where that is unknown, or far below the "
    f"loss of an untrained model, {RECOVERED_FACTOR:g} times the loss that explosions are measured "
    "against is enough."
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
    detected=f"{_DETECTED} And no later epoch is {_BACK} A run without an accuracy that starts "
    "above a loss that was only guessed has not exploded where both losses, the first within "
    f"{SAME_START:g} times each other, only fall from there. A NaN or infinite result counts too "
    "where no curve was recorded.",
    matters="The steps were too large, and what the loss says of the last weights is of no use; "
    "the trial ranks after all that did not diverge. Where an accuracy held, only the "
    "probabilities are lost.",
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
    detected=f"{_DETECTED} And a later epoch is {_BACK} Where it is unknown, a run that starts "
    "there, with its validation loss as well, and comes down has not exploded.",
    matters="The run is at the edge of stability: another seed may not come back.",
    remedy="Lower the learning rate or warm it up, and confirm the result with more seeds.",
    certainty="As of AUD001.",
    thresholds=_THRESHOLDS,
)
