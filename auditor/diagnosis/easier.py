"""AUD020: a validation loss below the training loss."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule, Severity
from auditor.diagnosis.sides import (
    Gaps,
    gaps_below,
    is_sound,
    losses_of,
    needs_losses,
    of_sides,
    ranked,
    who,
)
from auditor.diagnosis.wording import number, percent
from auditor.outcomes import MIN_EPOCHS, Finite, noise

BELOW = 0.1
"""Share of the training loss by which the validation loss must typically be below it. Of 620
learned runs of TaskSet and NATS-Bench none is below by 0.1 %; the published case is by 26 %."""

BELOW_EPOCHS = 0.9
"""Share of the epochs in which it must be below at all."""

BELOW_NOISE = 2.0
"""Standard deviations of the noise of that share by which it must be below."""

_ONLY_IN_TRAINING = ("dropout", "noise", "augmentation")


class _Cause(NamedTuple):
    """Why validation is better than training, and how sure that is."""

    words: str
    severity: Severity
    confidence: Confidence


def _below_training(seen: Judged) -> Iterator[Finding]:
    found = gaps_below(seen)
    by_cause: dict[_Cause, list[int]] = {}
    for place in _far_below(seen, found.relative):
        by_cause.setdefault(_cause(seen, found, place), []).append(place)
    for cause, places in by_cause.items():
        runs = [seen.trials.runs[place] for place in places]
        shares = found.relative.column.curve(places[0]).values
        typical, below = float(np.median(shares)), int((shares < 0).sum())
        (first, first_val), (last, last_val) = (losses_of(seen, runs[0], at) for at in (0, -1))
        moment = "measured in inference mode" if found.is_clean[places[0]] else "of the same moment"
        yield of_sides(
            BELOW_TRAINING,
            runs,
            f"{who(seen, runs)}: val_loss stays below loss: {number(first_val)} against "
            f"{number(first)} in the first epoch, {number(last_val)} against {number(last)} in the "
            f"last, and typically {percent(-typical)} below the training loss {moment}; "
            f"{cause.words}",
            (
                Evidence("median relative gap", typical, "", -BELOW),
                Evidence("epochs below", below, "epochs", BELOW_EPOCHS * len(shares)),
                Evidence("epochs compared", len(shares), "epochs"),
            ),
            cause.severity,
            cause.confidence,
        )


def _far_below(seen: Judged, relative: Finite) -> list[int]:
    """Positions of the runs in which validation is below training nearly always."""
    found: list[int] = []
    for runs, places in relative.by_length():
        if places.shape[1] < MIN_EPOCHS - 1:  # the last epoch has no gap
            continue
        values = relative.column.values[places]
        mostly = np.flatnonzero((values < 0).mean(axis=1) >= BELOW_EPOCHS)
        values, runs = values[mostly], runs[mostly]
        typical = np.median(values, axis=1)
        clear = (typical <= -BELOW) & (typical < -BELOW_NOISE * noise(values))
        found += [int(run) for run in runs[clear] if is_sound(seen, run)]
    return ranked(seen, found)


def _cause(seen: Judged, found: Gaps, place: int) -> _Cause:
    if found.is_clean[place]:
        return _Cause(
            "neither dropout nor averaging over the epoch is in that: the validation rows are "
            "easier, or among the training rows",
            "warning",
            "medium",
        )
    model = seen.trials.context.models.get(seen.trials.runs[place].trial_id)
    active = [name for name in model.regularisers if name in _ONLY_IN_TRAINING] if model else []
    if model is None or (model.custom and not active):
        return _Cause(
            "dropout, noise, augmentation or class weights would explain that, since they act only "
            "in training; so would easier validation rows",
            "tip",
            "low",
        )
    if active:
        acts = "acts" if len(active) == 1 else "act"
        return _Cause(
            f"its {' and '.join(active)}, which {acts} only in training, would explain that: not "
            "alarming",
            "tip",
            "medium",
        )
    return _Cause(
        "nothing known of its model acts only in training, so unless training rows are weighted, "
        "the validation rows may be easier, or among the training rows",
        "warning",
        "low",
    )


BELOW_TRAINING = Rule(
    code="AUD020",
    title="Validation below training",
    severity="tip",
    needs=needs_losses,
    check=_below_training,
    detected=f"The validation loss is below the training loss of the same moment in "
    f"{percent(BELOW_EPOCHS)} of the epochs, typically by {percent(BELOW)} or more and by "
    f"{BELOW_NOISE:g} standard deviations of its noise. That Keras averages the training loss over "
    "the epoch is allowed for: the training loss of that moment is taken to be the smaller one of "
    "this epoch and the next, or one measured again in inference mode where there is one.",
    matters="Dropout, noise and augmentation make training harder than validation: then it is as "
    "it should be, and the gap says nothing of overfitting. L1 and L2 penalties do not: Keras adds "
    "them to both. Easier or repeated validation rows promise too much.",
    remedy="Record clean_train_metrics to see the training loss without dropout; k-fold "
    "validation settles whether the validation rows are easier.",
    certainty="Medium where the model is known to act differently in training, or where training "
    "losses were measured again in inference mode; low otherwise. A warning where nothing known "
    "explains it.",
    thresholds=("BELOW", "BELOW_EPOCHS", "BELOW_NOISE", "MIN_EPOCHS"),
)
