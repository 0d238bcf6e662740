"""From `Trials` to what each run came to: the one place that judges outcomes.

Judged from the curves, never from a tool's score. `thresholds.py` holds every number that decides.
"""

from auditor.outcomes.accuracies import accuracy_of, share
from auditor.outcomes.curves import (
    UNREGULARISED,
    ValidationCurve,
    noise,
    smooth,
    validation_curve,
    validation_metric,
)
from auditor.outcomes.explosions import SINCE
from auditor.outcomes.judging import judge
from auditor.outcomes.measured import Finite, Measured, finite
from auditor.outcomes.noskill import baseline, least_no_skill
from auditor.outcomes.rows import Rows, inferred_rows
from auditor.outcomes.sameness import SAME
from auditor.outcomes.task import Task, task_of
from auditor.outcomes.thresholds import (
    BELOW_LEAST,
    DIVERGED_FACTOR,
    DIVERGED_FACTOR_UNKNOWN,
    HARDLY_LEARNED,
    LEARNED_MARGIN,
    MIN_EPOCHS,
    OVERFIT_CONFIDENCE,
    OVERFIT_FLOOR,
    OVERFIT_RISE,
    OVERFIT_WINDOW,
    PLATEAU_EPOCHS,
    RECOVERED_FACTOR,
    SAME_ERRORS,
    SAME_GAIN,
    SHARED_RISE,
    SMOOTHING,
)
from auditor.outcomes.verdicts import FAILURES, Baseline, Outcome, Outcomes, RunOutcome

__all__ = [
    "BELOW_LEAST",
    "DIVERGED_FACTOR",
    "DIVERGED_FACTOR_UNKNOWN",
    "FAILURES",
    "HARDLY_LEARNED",
    "LEARNED_MARGIN",
    "MIN_EPOCHS",
    "OVERFIT_CONFIDENCE",
    "OVERFIT_FLOOR",
    "OVERFIT_RISE",
    "OVERFIT_WINDOW",
    "PLATEAU_EPOCHS",
    "RECOVERED_FACTOR",
    "SAME",
    "SAME_ERRORS",
    "SAME_GAIN",
    "SHARED_RISE",
    "SINCE",
    "SMOOTHING",
    "UNREGULARISED",
    "Baseline",
    "Finite",
    "Measured",
    "Outcome",
    "Outcomes",
    "Rows",
    "RunOutcome",
    "Task",
    "ValidationCurve",
    "accuracy_of",
    "baseline",
    "finite",
    "inferred_rows",
    "judge",
    "least_no_skill",
    "noise",
    "share",
    "smooth",
    "task_of",
    "validation_curve",
    "validation_metric",
]
