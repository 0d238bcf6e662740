"""AUD022: losses that a plain cross-entropy cannot have, or hardly, at the accuracy beside them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.fixed_points import (
    floor_of_label_smoothing,
    floor_of_softmax_twice,
    least_cross_entropy,
)
from auditor.diagnosis.pairs import Pairs, needs_pairs, pairs
from auditor.diagnosis.sides import of_sides, who
from auditor.diagnosis.softmax_twice import (
    CERTAIN_CLASSES,
    LINE_EPOCHS,
    LINE_RANGE,
    LINE_SLOPE,
    MOST_ERRORS,
    NEAR_LINE,
    WIDE_RANGE,
    Line,
    on_line,
)
from auditor.diagnosis.wording import number, percent
from auditor.outcomes import BELOW_LEAST, accuracy_of
from auditor.trials import Run, twin

SOME_ERRORS = 0.02
"""Error rate that this takes: of fewer errors the least loss is next to nothing."""

COMMON_SMOOTHING = 0.1
"""Share of label smoothing that is in common use; its floor is told for comparison."""


_Places = NDArray[np.intp]


def _needs(seen: Judged) -> str | None:
    return needs_pairs(seen, LINE_EPOCHS)


def _check(seen: Judged) -> Iterator[Finding]:
    name = accuracy_of(seen.trials)
    training = pairs(seen.measured, "loss", name)
    validation = pairs(seen.measured, "val_loss", twin(name))
    line = on_line(training, validation, seen.task.classes)
    if len(line.places):
        yield _softmax_twice(seen, training, validation, line)
    told = {seen.trials.runs[place].trial_id for place in line.places}
    below = np.flatnonzero(_below_least(validation))
    runs = [seen.trials.runs[place] for place in below]
    below = below[[run.trial_id not in told and not _has_other_loss(seen, run) for run in runs]]
    if len(below):
        yield _too_small(seen, validation, below)


def _below_least(validation: Pairs) -> NDArray[np.bool_]:
    """Runs whose validation losses are below the least cross-entropy in the later half.

    Weights of classes do not enter a validation loss; in a training loss they may.
    """
    below = np.zeros(len(validation.losses.lengths), bool)
    for at, places in validation.losses.by_length():
        if places.shape[1] < LINE_EPOCHS:
            continue
        later = places[:, places.shape[1] // 2 :]
        losses = validation.losses.column.values[later]
        errors = validation.errors.column.values[later]
        least = BELOW_LEAST * least_cross_entropy(errors)
        below[at] = ((losses < least) & (errors >= SOME_ERRORS)).all(axis=1)
    return below


def _has_other_loss(seen: Judged, run: Run) -> bool:
    """Whether it is known not to be trained with a plain cross-entropy."""
    model = seen.trials.context.models.get(run.trial_id)
    values = seen.trials.hyperparameters[run.trial_id].items()
    known = [v for name, v in values if "loss" in name.lower() and isinstance(v, str)]
    known += [model.loss] if model is not None and model.loss is not None else []
    return any("cross" not in loss.lower() or "focal" in loss.lower() for loss in known)


def _softmax_twice(seen: Judged, training: Pairs, validation: Pairs, line: Line) -> Finding:
    runs = [seen.trials.runs[place] for place in line.places]
    classes, place = int(line.classes[0]), int(line.places[0])
    loss, error = (float(part.column.curve(place).values[-1]) for part in training)
    floor, above = (float(floor_of_softmax_twice(k)) for k in (classes, classes + 1))
    sides = (training.losses, validation.losses)
    least = min(losses.column.curve(place).values.min() for losses in sides)
    sentence = (
        f"{who(seen, runs)}: a training loss of {number(loss)} at an accuracy of "
        f"{number(1 - error)} does not look like plain cross-entropy"
        + (f", which would have to cost each wrong row {loss / error:.0f} nats" if error else "")
        + f": it fits softmax applied twice with {classes} classes: floor {number(floor)}, "
        f"expected {number(floor + error)}"
    )
    if above > least:
        sentence += f" ({classes + 1} classes have a floor of {number(above)}, above the loss seen)"
    evidence = (
        Evidence("training loss at the end", loss, "nats"),
        Evidence("training accuracy at the end", 1 - error),
        Evidence("floor of softmax applied twice", floor, "nats"),
        Evidence("classes that fit", classes, "classes"),
        Evidence("largest distance from that line", float(line.off[0]), "nats", NEAR_LINE),
        Evidence("slope of loss against error rate", float(line.slope[0]), "nats", LINE_SLOPE[1]),
        Evidence(
            f"floor of label smoothing by {COMMON_SMOOTHING:g}",
            floor_of_label_smoothing(classes, COMMON_SMOOTHING),
            "nats",
        ),
    )
    confidence: Confidence = "high" if line.clear.any() else "medium"
    return of_sides(IMPOSSIBLE, runs, sentence, evidence, IMPOSSIBLE.severity, confidence)


def _too_small(seen: Judged, validation: Pairs, places: _Places) -> Finding:
    runs = [seen.trials.runs[place] for place in places]
    loss, error = (float(part.column.curve(places[0]).values[-1]) for part in validation)
    least = float(least_cross_entropy(error))
    sentence = (
        f"{who(seen, runs)}: a val_loss of {number(loss)} at a validation accuracy of "
        f"{number(1 - error)} is no plain cross-entropy, which cannot be below {number(least)}, "
        "the error rate times ln 2: it is another loss (squared error, focal loss), or weighted by "
        "row, or not of the task that the accuracy is of"
    )
    evidence = (
        Evidence("validation loss at the end", loss, "nats", BELOW_LEAST * least),
        Evidence("validation accuracy at the end", 1 - error),
    )
    finding = of_sides(IMPOSSIBLE, runs, sentence, evidence, "tip", "medium")
    return replace(finding, remedy=_OTHER_LOSS)


_OTHER_LOSS = (
    "Make sure that this is the loss you meant; then compare it with losses of its kind only, and "
    "not with ln K."
)

IMPOSSIBLE = Rule(
    code="AUD022",
    title="Loss impossible for the accuracy",
    severity="warning",
    needs=_needs,
    check=_check,
    detected="Training and validation losses of the later half of the epochs lie within "
    f"{NEAR_LINE:g} nats of ln(1 + (K - 1) / e) + error rate for one number of classes K: where a "
    "softmax is applied to probabilities no loss is below that floor, and a sure model is 1 above "
    "it per wrong row. Over all epochs the error rates span at least "
    f"{LINE_RANGE:g} with a slope of {LINE_SLOPE[0]:g} to {LINE_SLOPE[1]:g}, the best is at most "
    f"{percent(MOST_ERRORS)}, and no loss is outside floor and floor + 1. Also, as a tip, where "
    f"the validation loss stays below {BELOW_LEAST:g} times the error rate times ln 2, the least "
    "that a plain cross-entropy can be, and no other loss is known to be used.",
    matters="Probabilities taken for logits leave hardly any gradient: training is slow and ends "
    "early, and its losses cannot be compared with ln K or with other models.",
    remedy="Let loss and last layer agree: from_logits=True takes a last layer without an "
    "activation, a softmax at the end takes from_logits=False.",
    certainty="High where all epochs lie on the line over error rates that span at least "
    f"{WIDE_RANGE:g}, with at most {CERTAIN_CLASSES} classes; medium otherwise, and for a loss "
    "that is too small.",
    thresholds=(
        "LINE_EPOCHS",
        "NEAR_LINE",
        "LINE_SLOPE",
        "LINE_RANGE",
        "WIDE_RANGE",
        "MOST_ERRORS",
        "CERTAIN_CLASSES",
        "MOST_CLASSES_TRIED",
        "BELOW_LEAST",
        "SOME_ERRORS",
        "COMMON_SMOOTHING",
    ),
)
