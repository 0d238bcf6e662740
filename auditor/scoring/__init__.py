"""From outcomes to scores: the number that ranks, and what it is made of.

A run is scored at its best validation epoch, worsened by a small penalty on the generalization gap
there. Measured on TaskSet (Metz et al. 2020; six tasks, sub-sweeps of 100 trials; regret of the
chosen trial's test loss in 1e-3 nats): final epoch 15.05, best epoch 7.24, with a penalty of .03 of
the gap 7.29, of .05 7.36, .25 8.00, 1.0 14.38. Best-epoch scoring halves the regret and a weight
near 1 throws that away. No weight chose better models than none, so the default only breaks
near-ties towards the smaller gap: scripts/bench_scoring.py, docs/scoring.md.
"""

from auditor.outcomes import UNREGULARISED
from auditor.scoring.ranking import score
from auditor.scoring.records import DEFAULT_GAP_PENALTY, RunScore, Scores, TrialScore
from auditor.scoring.runs import objective_curve, training_curve, why_no_gap

__all__ = [
    "DEFAULT_GAP_PENALTY",
    "UNREGULARISED",
    "RunScore",
    "Scores",
    "TrialScore",
    "objective_curve",
    "score",
    "training_curve",
    "why_no_gap",
]
