"""AUD004, AUD005: runs that never did better than knowing nothing, or that were cut short."""

import math
from collections.abc import Iterator

import numpy as np

from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.pace import (
    DECAYED,
    DIED_OUT,
    ENDING_SHARE,
    IMPROVING_CONFIDENCE,
    IMPROVING_SHARE,
    IMPROVING_STEP,
    LAST_EPOCHS,
    gained,
    is_ok,
    pace_evidence,
    paces,
)
from auditor.diagnosis.slowness import slow_runs
from auditor.diagnosis.stopping import stopped_runs
from auditor.diagnosis.swings import where
from auditor.diagnosis.wording import (
    Verdicts,
    count,
    names,
    needs_curves,
    number,
    percent,
    with_outcome,
)
from auditor.outcomes import (
    HARDLY_LEARNED,
    LEARNED_MARGIN,
    MIN_EPOCHS,
    OVERFIT_FLOOR,
    PLATEAU_EPOCHS,
    SAME,
    SAME_ERRORS,
    SAME_GAIN,
    Outcome,
    accuracy_of,
)
from auditor.trials import twin

HAVE_LEARNED = (Outcome.OK, Outcome.OVERFIT, Outcome.DEGRADED)
"""Outcomes of trials that did better than knowing nothing."""

SETTINGS = (
    "Most other trials learned: hold learning rate, optimizer, activation and initialiser against "
    "theirs before you look at labels and scaling."
)
"""What helps where the data are hardly to blame."""


def _needs_no_skill(seen: Judged) -> str | None:
    trials, name = seen.trials, accuracy_of(seen.trials)
    if name and {name, twin(name), "val_loss"} <= set(trials.metrics):
        return None
    if seen.outcomes.baseline.loss is None:
        return "the no-skill loss is not known: it needs the labels, or the variance of the target"
    if "val_loss" not in trials.metrics and not any(
        "val_loss" in recorded.metrics for recorded in trials.recorded.values()
    ):
        return "no validation loss was recorded"
    return None


def _never_learned(seen: Judged) -> Iterator[Finding]:
    for trial, runs in with_outcome(seen, Outcome.NEVER_LEARNED):
        verdict = next(iter(runs.values()))
        made = _same_answers if SAME in verdict.evidence else _no_skill
        yield made(seen, trial, runs)


def _no_skill(seen: Judged, trial: str, runs: Verdicts) -> Finding:
    """By its loss, which is not below that of knowing nothing."""
    run, verdict = next(iter(runs.items()))
    reference, place = seen.outcomes.baseline, seen.measured.places[run]
    base, best = (verdict.evidence[name] for name in ("no-skill loss", "best val_loss"))
    evidence = [
        Evidence("best val_loss", best, "loss", (1 - LEARNED_MARGIN) * base),
        Evidence("no-skill loss", base, "loss"),
    ]
    training = verdict.evidence.get("best loss", math.inf)
    constant = verdict.evidence["no-skill training loss"]
    if math.isfinite(training):
        evidence.append(Evidence("best loss", training, "loss", (1 - HARDLY_LEARNED) * constant))
    is_improving = bool(paces(seen).worth_more[place])
    # Within the margin, noise and a little learning look the same.
    is_below = best < base
    degree = "hardly better than" if is_below else "no better than"
    return NEVER_LEARNED.finding(
        f"{names(seen, trial, runs)}: never learned: its best val_loss "
        f"{number(best)} is {degree} a constant: not {percent(LEARNED_MARGIN)} below "
        f"{number(base)}, the loss of knowing nothing ({reference.known_from})"
        + _course(seen, place)
        + f"; training got to {number(training)}" * (training < (1 - LEARNED_MARGIN) * constant)
        + (", but it was still improving at the end" if is_improving else ""),
        tuple(evidence),
        "low" if is_below or is_improving else "high",
        trials=(trial,),
        runs=tuple(runs),
        severity="warning" if is_improving else NEVER_LEARNED.severity,
        remedy="Train longer first. " * is_improving + _remedy(seen),
    )


def _same_answers(seen: Judged, trial: str, runs: Verdicts) -> Finding:
    """By its accuracies, which stand still."""
    told, name = next(iter(runs.values())).evidence, accuracy_of(seen.trials)
    right, training = told[SAME], told["accuracy that does not change"]
    best, constant = told["best val_loss"], told["loss of a constant that is right so often"]
    is_nonsense = best < (1 - LEARNED_MARGIN) * constant
    so = (
        f"its val_loss {number(best)} is below what any cross-entropy can be at that accuracy, as "
        "of a softmax over a single output"
        if is_nonsense
        else f"its val_loss {number(best)} is no better than that of a constant"
    )
    return NEVER_LEARNED.finding(
        f"{names(seen, trial, runs)}: never learned: {name} ({number(training)}) and "
        f"{twin(name)} ({number(right)}) do not change over the later half of the epochs, as if "
        f"all rows had the same answer, and {so}",
        (
            Evidence(SAME, right),
            Evidence("accuracy that does not change", training),
            Evidence("best val_loss", best, "loss", (1 - LEARNED_MARGIN) * constant),
        ),
        "high" if seen.measured.finite("val_loss").lengths.max() >= 10 else "medium",
        trials=(trial,),
        runs=tuple(runs),
        remedy=_remedy(seen),
    )


def _remedy(seen: Judged) -> str:
    """Where most trials learned, labels and scaling are not the first suspects."""
    outcomes = list(seen.outcomes.by_trial.values())
    learned = sum(outcome in HAVE_LEARNED for outcome in outcomes)
    return SETTINGS if 2 * learned >= len(outcomes) else NEVER_LEARNED.remedy


def _course(seen: Judged, place: int) -> str:
    """How the validation loss came to its best, in words; empty where that was its first."""
    values = seen.measured.finite("val_loss").column.curve(place).values
    first, best = (number(float(v)) for v in (values[:1].sum(), values.min(initial=math.inf)))
    if not len(values) or first == best:
        return ""
    needed = int(values.argmin()) + 1
    some = f"{needed} of " * (needed < len(values))
    return f"; it went from {first} to {best} in {some}{count(len(values), 'epoch')}"


def _still_improving(seen: Judged) -> Iterator[Finding]:
    found = paces(seen)
    said = slow_runs(seen).keys() | stopped_runs(seen).keys()
    places = np.flatnonzero(found.worth_more & found.ends_best).tolist()
    speak = [place for place in places if is_ok(seen, place) and place not in said]
    for trial, place, runs in where(seen, speak):
        yield STILL_IMPROVING.finding(
            f"{names(seen, trial, runs)}: {seen.trials.objective.name} was still "
            f"improving at the end: {gained(found, place)}",
            tuple(pace_evidence(seen, found, place)),
            "medium",
            trials=(trial,),
            runs=tuple(runs),
        )


NEVER_LEARNED = Rule(
    code="AUD004",
    title="Never learned",
    severity="error",
    needs=_needs_no_skill,
    check=_never_learned,
    detected="The best validation loss, less its regularisation terms where those are known, is "
    f"not {percent(LEARNED_MARGIN)} below the no-skill loss: that of a model that knows only how "
    "frequent the labels are, or only the mean of the target. Where training got "
    f"{percent(HARDLY_LEARNED)} below it, AUD003 may speak. Also where training and validation "
    f"accuracy do not change over the later half of the epochs, at least {PLATEAU_EPOCHS}, and are "
    f"at most {SAME_GAIN:g} above those of the first one, while the loss is not below that of a "
    "constant that is right so often, or is below the least cross-entropy at an error rate of "
    f"{SAME_ERRORS:g} or more.",
    matters="The model is no better than a constant, or hardly, whatever its accuracy looks like.",
    remedy="Check labels, input scaling and the output activation; then try another learning rate "
    "or initialiser.",
    certainty="High where the best loss is no better than that of a constant; low where it is a "
    "little better, or was still improving at the end.",
    thresholds=(
        "LEARNED_MARGIN",
        "HARDLY_LEARNED",
        "CHANCE_LOSS",
        "CHANCE_STEP",
        "CHANCE_ACCURACY",
        "CHANCE_EPOCHS",
        "PLATEAU_LOSS",
        "PLATEAU_ACCURACY",
        "PLATEAU_EPOCHS",
        "PLATEAU_SHARE",
        "MOST_CLASSES",
        "MOST_CLASSES_ALONE",
        "SAME_GAIN",
        "SAME_ERRORS",
        "BELOW_LEAST",
    ),
)

STILL_IMPROVING = Rule(
    code="AUD005",
    title="Still improving at the end",
    severity="tip",
    needs=needs_curves,
    check=_still_improving,
    detected=f"The mean objective of the last of {IMPROVING_SHARE} parts of the epochs is better "
    f"than that of any part as long before it, by {percent(IMPROVING_STEP)} of its value and by "
    f"more than the curve's own noise makes of it with a probability of "
    f"{percent(1 - IMPROVING_CONFIDENCE)}. A cross-entropy also by {percent(OVERFIT_FLOOR)} of the "
    "no-skill loss, of two classes where it is not known. Judged are runs of "
    f"{MIN_EPOCHS} validated epochs or more with no other failure, whose best epoch is in the last "
    f"1/{ENDING_SHARE} of them, or among the last {LAST_EPOCHS}; transient dips are left out. "
    "Silent where the improvement "
    f"died out before the end (within the last 1/{ENDING_SHARE} of the epochs it is less than "
    f"{percent(DIED_OUT)} as fast), or the logged learning rate ended below {percent(DECAYED)} of "
    "its largest value: more epochs at that rate gain nothing. AUD014 and AUD015 speak in its "
    "place where they apply.",
    matters="Its rank says how fast it learns, not how well: more epochs may reorder the trials.",
    remedy="Train longer, with early stopping on the validation objective; a learning rate that "
    "decays must then decay later.",
    certainty="Medium: what would have come after the end was not observed.",
    thresholds=(
        "IMPROVING_CONFIDENCE",
        "IMPROVING_STEP",
        "IMPROVING_SHARE",
        "ENDING_SHARE",
        "ENDING_EPOCHS",
        "LAST_EPOCHS",
        "DIED_OUT",
        "DECAYED",
        "OVERFIT_FLOOR",
        "MIN_EPOCHS",
    ),
)
