"""AUD019: a validation loss far above the training loss from the first epoch on."""

import math
from collections.abc import Iterator

import numpy as np

from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.shift import inputs_differ, labels_differ
from auditor.diagnosis.sides import (
    Gaps,
    gaps_above,
    is_sound,
    losses_of,
    needs_losses,
    of_sides,
    ranked,
    who,
)
from auditor.diagnosis.wording import higher, number, percent
from auditor.outcomes import MIN_EPOCHS, accuracy_of, noise, share
from auditor.trials import Run, twin

GAP_AT_FIRST = 0.25
"""Share of the training loss by which the validation loss must be above it in the first epoch and,
smoothed, in all later ones. Of 620 learned runs of TaskSet and NATS-Bench none keeps to more than
12 %; the published case keeps to 51 %."""

GAP_ERRORS = 3.0
"""Standard errors by which it must exceed the curve's noise, and sampling where the number of rows
is known: two sided, 0.3 %."""

LOSS_SPREAD = 3.0
"""Standard deviation of the losses of rows, in means. Squared normal residuals have 1.4, the
cross-entropy of a good classifier up to about 3, since few rows make most of it."""


def _gap_at_first(seen: Judged) -> Iterator[Finding]:
    found = gaps_above(seen)
    relative = found.relative
    runs = [seen.trials.runs[place] for place in _far_above(seen, found)]
    if not runs:
        return
    training, validation = losses_of(seen, runs[0], 0)
    shares = relative.column.curve(seen.measured.places[runs[0]]).values
    is_rare = 2 * len(runs) < int((relative.lengths >= MIN_EPOCHS - 1).sum())
    chance = _above_chance(seen, runs[0], validation)
    rows = seen.measured.rows.get(runs[0])
    unlike = _known_to_differ(seen)
    if unlike:
        cause = f"{unlike} of training and validation data differ, which makes such gaps"
    elif is_rare:
        cause = "most others on the same data do not show it, so it may overfit that early"
    elif chance:
        cause = "validation data unlike the training data, or a shifted class balance, is likely"
    else:
        cause = "unlike data would explain that, as would overfitting within the first epoch"
    evidence = [
        Evidence("relative gap of the first epoch", shares[0], "", GAP_AT_FIRST),
        Evidence("smallest relative gap of an epoch", shares.min()),
        Evidence("gap of the first epoch", validation - training, "loss"),
        Evidence("val_loss of the first epoch", validation, "loss"),
        Evidence("loss of the first epoch", training, "loss"),
    ]
    if rows is not None:
        evidence.append(Evidence("validation rows", rows.rows, "rows"))
    yield of_sides(
        GAP_FROM_FIRST,
        runs,
        f"{who(seen, runs)}: val_loss was far above loss from the first epoch on "
        f"({number(validation)} against {number(training)}, a gap of "
        f"{number(validation - training)}), {higher(1 + shares.min())} or more "
        f"throughout{chance}: {cause}",
        evidence,
        GAP_FROM_FIRST.severity,
        "medium" if unlike or (rows is not None and not is_rare) else "low",
    )


def _known_to_differ(seen: Judged) -> str:
    """What the checks of the data found to differ, in words; empty where nothing."""
    checks = seen.trials.context.data_checks
    if checks is None:
        return ""
    labels = checks.labels is not None and labels_differ(checks.labels)
    inputs = checks.separation is not None and inputs_differ(checks.separation)
    return " and ".join(["labels"] * labels + ["inputs"] * inputs)


def _far_above(seen: Judged, gaps: Gaps) -> list[int]:
    """Positions of the runs in which validation is far above training in all epochs."""
    found: list[int] = []
    relative = gaps.relative
    for runs, places in relative.by_length():
        if places.shape[1] < MIN_EPOCHS - 1:  # the last epoch has no gap
            continue
        first = relative.column.values[places[:, 0]]
        least = np.minimum(first, relative.smoothed[places].min(axis=1))
        begins = relative.column.epochs[places[:, 0]] == 0
        near = np.flatnonzero(begins & (least >= GAP_AT_FIRST))
        # Not of the shares: these wiggle the more, the smaller the training loss becomes.
        differences = relative.column.values[places[near]] * gaps.training[places[near]]
        clear = differences[:, 0] > GAP_ERRORS * noise(differences)
        found += [
            int(run)
            for run, gap in zip(runs[near[clear]], first[near[clear]], strict=True)
            if is_sound(seen, run) and gap > GAP_ERRORS * _sampling_error(seen, run, gap)
        ]
    return ranked(seen, found)


def _sampling_error(seen: Judged, place: int, gap: float) -> float:
    """Standard error of a relative gap, from the draw of the validation rows; 0 where unknown."""
    rows = seen.measured.rows.get(seen.trials.runs[place])
    return (1 + gap) * LOSS_SPREAD / math.sqrt(max(rows.rows, 1)) if rows is not None else 0.0


def _above_chance(seen: Judged, run: Run, loss: float) -> str:
    """That a first validation loss is worse than knowing nothing, in words; empty where not so."""
    base = seen.outcomes.baseline.loss
    known = base if base is not None else seen.task.chance_loss
    right = _first_accuracy(seen, run)
    although = f", although {twin(accuracy_of(seen.trials))} is {number(right)}" if right else ""
    if known is not None:
        words = f", and worse than knowing nothing ({number(known)})"
        return words + although if loss > known else ""
    # Two classes are a guess: the sentence says so, and an accuracy allows it.
    if right is None or right < 0.5 or seen.task.classes or not loss > math.log(2):
        return ""
    nothing = number(math.log(2))
    return f", and worse than knowing nothing of two balanced classes ({nothing}){although}"


def _first_accuracy(seen: Judged, run: Run) -> float | None:
    """The validation accuracy of the first epoch, as a share; None where it was not logged."""
    values = share(seen.trials.curve(run, twin(accuracy_of(seen.trials))).values)
    return float(values[0]) if len(values) and math.isfinite(values[0]) else None


GAP_FROM_FIRST = Rule(
    code="AUD019",
    title="Gap from the first epoch",
    severity="warning",
    needs=needs_losses,
    check=_gap_at_first,
    detected=f"The validation loss is {percent(GAP_AT_FIRST)} or more above the training loss in "
    "the first epoch and, smoothed, in all later ones. Since Keras averages the training loss over "
    "the epoch, it is taken to be the larger one of this epoch and the next, or one measured again "
    f"in inference mode where there is one. The first gap exceeds {GAP_ERRORS:g} standard errors "
    "of noise, and of the draw of the validation rows where their number is known. Runs that "
    "exploded are left out.",
    matters="Before overfitting can build up, both losses are normally alike. Where they are not, "
    "validation measures something else than training optimises, and the trial that ranks first "
    "may be the one that suits other data.",
    remedy="Compare labels and inputs of both sides, and how each was prepared; shuffle before "
    "splitting. Validate within the first epoch to rule out that it overfits that early.",
    certainty="Medium where labels or inputs are known to differ, and where the number of "
    "validation rows is known, so that it cannot be the luck of a small set; low otherwise, and "
    "where most other runs do not show it. Never high: a model can overfit within one epoch of "
    "many batches.",
    thresholds=("GAP_AT_FIRST", "GAP_ERRORS", "LOSS_SPREAD", "MIN_EPOCHS"),
)
