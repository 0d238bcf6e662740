"""Trials that no other one beats both in the objective and in the generalization gap."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.outcomes import Outcome, Outcomes
from auditor.scoring.records import Scores
from auditor.trials import Direction

LEFT_OUT = (
    Outcome.NEVER_LEARNED,
    Outcome.DIVERGED,
    Outcome.CRASHED,
    Outcome.PRUNED,
    Outcome.MISSING,
)
"""A model that learned nothing has no gap: it would beat every other one there."""


@dataclass(frozen=True)
class Front:
    """Objective against gap.

    Attributes:
        trials: Per trial, best rank first, its gap and its objective, both at its best epoch: those
            that learned and have both.
        best: Of these, the trials that no other one beats in both (Pareto's front), in ascending
            order of their gaps. A negative gap counts as zero, as it does in the score.
        left_out: Trials that failed otherwise than by overfitting, or have no gap.
    """

    trials: Mapping[str, tuple[float, float]]
    best: tuple[str, ...]
    left_out: int


def find_front(scores: Scores, outcomes: Outcomes, direction: Direction) -> Front:
    """Who is on the front, for an objective of that direction."""
    points = {
        trial: (score.gap, score.objective)
        for trial, score in scores.by_trial.items()
        if outcomes.by_trial[trial] not in LEFT_OUT
        and score.gap is not None
        and score.objective is not None
        and math.isfinite(score.gap + score.objective)
    }
    sign = 1 if direction == "min" else -1
    best, least = [], math.inf
    for trial in sorted(points, key=lambda t: (max(0.0, points[t][0]), sign * points[t][1])):
        if sign * points[trial][1] < least:
            least = sign * points[trial][1]
            best.append(trial)
    return Front(points, tuple(best), len(scores.by_trial) - len(points))
