"""From outcomes to scores: the number that ranks, and what it is made of.

A run is scored at its best validation epoch, worsened by a small penalty on the generalization gap
there. Measured on TaskSet (12 tasks, 400 random sub-sweeps of 100 trials; regret of the chosen
trial's test loss in 1e-3 nats): final epoch 13.2, best epoch 6.9, with a penalty of .05 of the gap
7.0, .25 7.5, 1.0 13.1. Best-epoch scoring halves the regret and a weight near 1 throws that away,
so the default weight is small: it breaks near-ties towards the smaller gap. No published evidence
was found for a larger one.
"""

from auditor.outcomes import UNREGULARISED
from auditor.scoring.ranking import score
from auditor.scoring.records import DEFAULT_GAP_PENALTY, RunScore, Scores, TrialScore
from auditor.scoring.runs import has_twin, objective_curve

__all__ = [
    "DEFAULT_GAP_PENALTY",
    "UNREGULARISED",
    "RunScore",
    "Scores",
    "TrialScore",
    "has_twin",
    "objective_curve",
    "score",
]
