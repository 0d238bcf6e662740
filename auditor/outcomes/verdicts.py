"""What a run can come to, and the records that say so."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from auditor.trials import Run


class Outcome(StrEnum):
    """What a run came to; for a trial, what most of its runs came to.

    OVERFIT and DEGRADED both end worse on validation data than they once were. Under OVERFIT the
    training curve did not follow; under DEGRADED it got worse too, so that no gap opened.
    """

    OK = "ok"
    OVERFIT = "overfit"
    DEGRADED = "degraded"
    NEVER_LEARNED = "never learned"
    DIVERGED = "diverged"
    CRASHED = "crashed"
    PRUNED = "pruned"
    MISSING = "missing"


FAILURES = (
    Outcome.OVERFIT,
    Outcome.DEGRADED,
    Outcome.NEVER_LEARNED,
    Outcome.DIVERGED,
    Outcome.CRASHED,
)
"""Outcomes that call for a cause, the mildest first."""

WORST_FIRST = (*reversed(FAILURES), Outcome.PRUNED, Outcome.MISSING, Outcome.OK)
"""All outcomes; of a tie between the runs of a trial, the first of these names the trial."""


@dataclass(frozen=True)
class RunOutcome:
    """The verdict on one run.

    Attributes:
        outcome: The verdict.
        reason: It in words, without the name of the run.
        bad_epochs: Epochs (from 0) whose loss was non-finite or had exploded.
        recovered: Whether the loss came back to normal after them.
        onset: For overfitting the first and last epoch (from 0) at which it may have begun.
        evidence: The numbers behind it: losses, ratios, thresholds.
    """

    outcome: Outcome
    reason: str
    bad_epochs: tuple[int, ...] = ()
    recovered: bool = False
    onset: tuple[int, int] | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """The loss of knowing nothing.

    Attributes:
        loss: The no-skill loss, or None where it is not known.
        known_from: Where it comes from, in words.
        ceiling: A loss above this has exploded; infinite where nothing can be said.
        normal: A loss at or below this is no longer an explosion; infinite where nothing can be
            said, so that no finite loss is.
        ceiling_from: What the ceiling is a multiple of, in words; empty where nothing can be said.
        training: The same on the training data, where that is known to be another number.
    """

    loss: float | None
    known_from: str
    ceiling: float
    normal: float = math.inf
    ceiling_from: str = ""
    training: float | None = None


@dataclass(frozen=True)
class Outcomes:
    """The verdicts on all runs.

    Attributes:
        by_run: Per run, in the order of `Trials.runs`.
        by_trial: Per trial the most frequent outcome of its runs, the worse one of a tie.
        baseline: What the losses were measured against.
    """

    by_run: Mapping[Run, RunOutcome]
    by_trial: Mapping[str, Outcome]
    baseline: Baseline
