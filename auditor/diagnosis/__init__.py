"""Rules on learning curves: from outcomes and scores to findings."""

from auditor.diagnosis.finding import Check, Finding
from auditor.outcomes import Outcomes
from auditor.scoring import Scores
from auditor.trials import Trials


def diagnose(
    trials: Trials, outcomes: Outcomes, scores: Scores
) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    """Placeholder."""
    return (), ()
