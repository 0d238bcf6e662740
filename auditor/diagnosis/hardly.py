"""AUD025: runs that learned something, but next to nothing."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from auditor.diagnosis.accurate import best_accuracies, guessing
from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule
from auditor.diagnosis.pace import paces
from auditor.diagnosis.slowness import slow_runs
from auditor.diagnosis.swings import where
from auditor.diagnosis.wording import names, number, percent
from auditor.outcomes import HARDLY_LEARNED, Outcome, accuracy_of
from auditor.trials import Run, twin

HARDLY_ALONE = 0.03
"""The same fraction where no accuracy was logged: of two classes it is the loss of a model that is
right for 60 % of the rows, and as sure."""

HARDLY_RIGHT = 0.1
"""Share of the way from guessing to no errors below which an accuracy is hardly that of a model
that learned: 0.19 of ten classes, 0.55 of two."""

CHANCE_ERRORS = 2.0
"""Standard errors of an accuracy within which it may be that of guessing: 2.5 %, one-sided."""

_JUDGED = (Outcome.OK, Outcome.OVERFIT, Outcome.DEGRADED)


class _Little(NamedTuple):
    """What a run came to at best.

    Attributes:
        first: Its first validation loss.
        loss: Its least validation loss.
        right: Its best validation accuracy; NaN where none was logged.
        guess: The accuracy of guessing; where chance is not known, of guessing at that loss.
    """

    first: float
    loss: float
    right: float
    guess: float

    @property
    def way(self) -> float:
        """The share of the way from guessing to no errors."""
        return (self.right - self.guess) / (1 - self.guess)

    def is_hardly(self, base: float | None) -> bool:
        """Whether that is hardly better than a constant, whose loss may be known."""
        if base is None:
            # Far below it, the accuracy is not of the classes that the loss is of.
            is_guessing = self.right >= self.guess / 2 and self.way < HARDLY_RIGHT
            return is_guessing and self.loss > (1 - HARDLY_LEARNED) * self.first
        if math.isnan(self.right):
            return self.loss > (1 - HARDLY_ALONE) * base
        return self.way < HARDLY_RIGHT


def _needs(seen: Judged) -> str | None:
    if not seen.measured.finite("val_loss").lengths.any():
        return "no validation loss was recorded by epoch"
    if seen.outcomes.baseline.loss is None and not accuracy_of(seen.trials):
        return "the no-skill loss is not known, and no accuracy was recorded"
    return None


def _check(seen: Judged) -> Iterator[Finding]:
    said = slow_runs(seen)
    little = {place: one for place, one in _little(seen).items() if place not in said}
    for trial, place, runs in where(seen, little):
        one, is_improving = little[place], bool(paces(seen).worth_more[place])
        yield HARDLY.finding(
            f"{names(seen, trial, runs)}: {_words(seen, seen.trials.runs[place], one)}"
            + ", but it was still improving at the end" * is_improving,
            tuple(_evidence(seen, one)),
            _confidence(seen, one),
            trials=(trial,),
            runs=tuple(runs),
            severity="tip" if is_improving else HARDLY.severity,
            remedy="Train longer first. " * is_improving + HARDLY.remedy,
        )


def _little(seen: Judged) -> dict[int, _Little]:
    """The runs that learned next to nothing, by position."""
    base, guess = seen.outcomes.baseline.loss, guessing(seen)
    losses, rights = seen.measured.finite("val_loss"), best_accuracies(seen)
    # Where chance is not known, that of two classes is the least.
    least = (1 - HARDLY_LEARNED) * (math.log(2) if base is None else base)
    there = np.flatnonzero(losses.lengths)
    found = {}
    for place in there[losses.column.values[losses.best[there]] > least].tolist():
        if seen.outcomes.by_run[seen.trials.runs[place]].outcome in _JUDGED:
            first, loss = (
                float(losses.column.values[at])
                for at in (losses.column.bounds[place], losses.best[place])
            )
            # Guessing at a loss of ln K is right once in K.
            right = math.exp(-(loss if base is None else base)) if guess is None else guess
            one = _Little(first, loss, float(rights[place]), right)
            if one.is_hardly(base):
                found[place] = one
    return found


def _words(seen: Judged, run: Run, one: _Little) -> str:
    base, accuracy = seen.outcomes.baseline.loss, twin(accuracy_of(seen.trials))
    if base is None:
        return (
            f"it may have learned nothing: its best {accuracy} {number(one.right)} at its best "
            f"val_loss {number(one.loss)} is what guessing among {math.exp(one.loss):.0f} classes "
            "would give; how many there are is not known"
        )
    said = (
        f"hardly better than a constant: its best val_loss {number(one.loss)} is only "
        f"{percent(1 - one.loss / base)} below {number(base)}, the loss of knowing nothing"
    )
    if math.isnan(one.right):
        return said
    points = 100 * (one.right - one.guess)
    said += f", and its best {accuracy} {number(one.right)} "
    if points <= 0:
        return f"{said}is no better than guessing ({number(one.guess)})"
    said += f"beats guessing ({number(one.guess)}) by {points:.2g} percentage points only"
    told = seen.measured.rows.get(run)
    if told and points <= 100 * CHANCE_ERRORS * _error(one.guess, told.rows):
        said += f", which may be chance with {told.rows} rows"
    return said


def _error(share: float, rows: int) -> float:
    """The standard error of an accuracy."""
    return math.sqrt(share * (1 - share) / rows)


def _evidence(seen: Judged, one: _Little) -> Iterator[Evidence]:
    base = seen.outcomes.baseline.loss
    least = None if base is None else (1 - HARDLY_LEARNED) * base
    yield Evidence("best val_loss", one.loss, "loss", least)
    if base is not None:
        yield Evidence("no-skill loss", base, "loss")
    if not math.isnan(one.right):
        most = one.guess + HARDLY_RIGHT * (1 - one.guess)
        yield Evidence(f"best {twin(accuracy_of(seen.trials))}", one.right, "", most)
        yield Evidence("accuracy of guessing", one.guess)


def _confidence(seen: Judged, one: _Little) -> Confidence:
    if seen.outcomes.baseline.loss is None:
        return "low"
    return "medium" if math.isnan(one.right) else "high"


HARDLY = Rule(
    code="AUD025",
    title="Hardly better than a constant",
    severity="warning",
    needs=_needs,
    check=_check,
    detected="A run that is not said to have diverged or never learned, nor to learn slowly: its "
    f"best validation loss is less than {percent(HARDLY_LEARNED)} below the no-skill loss, and its "
    f"best validation accuracy less than {percent(HARDLY_RIGHT)} of the way from that of guessing "
    f"to no errors. Where no accuracy was logged, the loss is less than {percent(HARDLY_ALONE)} "
    "below. Where the no-skill loss is not known, the accuracy is held against exp(-loss), that of "
    f"guessing at such a loss, which must be that of two classes or more, and not "
    f"{percent(HARDLY_LEARNED)} below the first.",
    matters="It learned something, but nobody would use it; or the data say no more than that.",
    remedy="If other trials do much better, leave these settings out: learning rate, depth, "
    "dropout, epochs. If none does, look at the data: labels that do not belong to their rows, "
    "inputs that are not scaled, features that say nothing about the target.",
    certainty="High where loss and accuracy say so; medium where only a loss was logged; low where "
    "the number of classes is not known.",
    thresholds=(
        "HARDLY_LEARNED",
        "HARDLY_ALONE",
        "HARDLY_RIGHT",
        "LEARNED_MARGIN",
        "CHANCE_ERRORS",
    ),
)
