"""What a score is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.trials import Run

DEFAULT_GAP_PENALTY = 0.03
"""Weight of the generalization gap in the score, in units of the objective per unit of gap.

Of the weights tried the smallest that lowers the gap of the winner on more than three of six tasks
of TaskSet (Metz et al. 2020), on five; on each it surely (95 %, by sub-sweep) adds less than 5 % of
regret to the best epoch alone: docs/scoring.md.
"""


@dataclass(frozen=True)
class RunScore:
    """The score of one run.

    Attributes:
        best_epoch: Epoch (from 0) with the best finite objective; None where unknown.
        objective: The objective there, unpenalised; None where there is no finite value.
        twin: The same metric on training data in that epoch.
        gap: Generalization gap, positive where validation is worse; None without a finite twin.
        penalty: What the gap costs, never negative, in units of the objective.
        score: The objective worsened by the penalty.
    """

    best_epoch: int | None = None
    objective: float | None = None
    twin: float | None = None
    gap: float | None = None
    penalty: float = 0.0
    score: float | None = None


@dataclass(frozen=True)
class TrialScore:
    """The score of one trial: means over its runs.

    Attributes:
        rank: 1 is best; None where there is nothing to rank by.
        rank_without_penalty: The rank if the gap cost nothing.
        score: Mean score; the worst number in its direction (infinite) for a diverged trial; None
            where no run has a value, or all crashed.
        objective, gap, penalty: Means over the runs that have them.
        best_epoch: Best epoch (from 0) of the best run.
        best_run: The run with the best score.
        spread: Sample standard deviation of the score between runs; None below two.
        runs: Number of runs that count: neither crashed nor, unless all did, diverged.
    """

    rank: int | None
    rank_without_penalty: int | None
    score: float | None
    objective: float | None
    gap: float | None
    penalty: float
    best_epoch: int | None
    best_run: Run | None
    spread: float | None
    runs: int


@dataclass(frozen=True)
class Scores:
    """All scores of a sweep.

    Attributes:
        gap_penalty: The weight in use.
        cap: What limits the penalty, in words.
        notes: What a reader of the ranking must know, in sentences.
        by_run: Per run.
        by_trial: Per trial, best first.
    """

    gap_penalty: float
    cap: str
    notes: tuple[str, ...]
    by_run: Mapping[Run, RunScore]
    by_trial: Mapping[str, TrialScore]
