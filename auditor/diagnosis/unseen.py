"""AUD027: validation rows that the model gets wrong nearly all, though it learned."""

from collections.abc import Iterator

import numpy as np

from auditor.diagnosis.accurate import ACCURATE_SHARE, best_accuracies, best_shares, guessing
from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.pairs import needs_pairs
from auditor.diagnosis.sides import of_sides, ranked, who
from auditor.diagnosis.wording import number
from auditor.outcomes import accuracy_of
from auditor.trials import twin

UNSEEN_EPOCHS = 3
"""Epochs in all of which validation must be so bad: the first one may be anything."""

BELOW_GUESSING = 0.5
"""Times the accuracy of guessing that validation must stay below: two standard errors below it on
35 rows of ten classes, or on 4 of two."""

SOME_CLASSES = 20
"""Classes at most that are assumed where their number is not known."""


def _needs(seen: Judged) -> str | None:
    name = accuracy_of(seen.trials)
    if name and not {name, twin(name)} <= set(seen.trials.metrics):
        return "no accuracy was recorded on both sides"
    return needs_pairs(seen, UNSEEN_EPOCHS)


def _check(seen: Judged) -> Iterator[Finding]:
    name, guess = accuracy_of(seen.trials), guessing(seen) or 1 / SOME_CLASSES
    training, validation = best_shares(seen, name), best_accuracies(seen)
    lengths = np.diff(seen.measured.column(twin(name)).bounds)
    learned = training >= guess + ACCURATE_SHARE * (1 - guess)
    below = (validation < BELOW_GUESSING * guess) & (lengths >= UNSEEN_EPOCHS) & learned
    places = ranked(seen, np.flatnonzero(below).tolist())
    if not places:
        return
    runs = [seen.trials.runs[place] for place in places]
    best, right = float(validation[places[0]]), float(training[places[0]])
    at_most = "at most " if best else ""
    yield of_sides(
        UNSEEN,
        runs,
        f"{who(seen, runs)}: {twin(name)} is {at_most}{number(best)} in all "
        f"{lengths[places[0]]} epochs, which is worse than guessing, while {name} reaches "
        f"{number(right)}: validation asks for classes that training never shows, or its labels "
        "are coded otherwise",
        (
            Evidence(f"best {twin(name)}", best, "", BELOW_GUESSING * guess),
            Evidence(f"best {name}", right, "", guess + ACCURATE_SHARE * (1 - guess)),
            Evidence("accuracy of guessing", guess),
        ),
        UNSEEN.severity,
        "high" if guessing(seen) is not None or best == 0 else "medium",
    )


UNSEEN = Rule(
    code="AUD027",
    title="Validation worse than guessing",
    severity="error",
    needs=_needs,
    check=_check,
    detected=f"In all epochs, {UNSEEN_EPOCHS} or more, the validation accuracy is below "
    f"{BELOW_GUESSING:g} times that of guessing, among {SOME_CLASSES} classes where it is not "
    "known, while the training accuracy is that of a model that learned.",
    matters="Whatever the model learned, it is not what validation asks for: its loss, its best "
    "epoch and its rank say nothing.",
    remedy="Shuffle before splitting, inputs and labels with one seed, or split at random, classes "
    "stratified: `validation_split` takes the last rows as they stand, which of data sorted by "
    "class are of classes that the others do not have. Code the labels alike on both sides.",
    certainty="High where the accuracy of guessing is known, or none of the rows is right; medium "
    "else.",
    thresholds=("UNSEEN_EPOCHS", "BELOW_GUESSING", "SOME_CLASSES", "ACCURATE_SHARE"),
)
