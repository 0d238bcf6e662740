"""Rules on learning curves: from outcomes and scores to findings.

`rules.py` lists the rules; each stands in the file of its family, which begins with its codes. What
a rule and a finding are is in `finding.py`, how they speak in `wording.py`, their documentation in
`document.py`. Families share measures of all runs at once: `pace.py` (how fast they improve),
`swings.py` (swings and dips), `sides.py` (training against validation), `pairs.py` (losses and
error rates), `wasted.py` (what came after the best epoch), `axes.py` (hyperparameters in order),
`fixed_points.py` and `softmax_twice.py` (losses by arithmetic).
"""

import math
from collections.abc import Mapping

from auditor.diagnosis.finding import (
    NOTHING_HELPED,
    Check,
    CheckStatus,
    Finding,
    Judged,
    Rule,
)
from auditor.diagnosis.rules import RULES
from auditor.outcomes import Measured, Outcomes, task_of
from auditor.scoring import Scores
from auditor.selection import Selection
from auditor.trials import Trials

_SEVERITIES = ("error", "warning", "tip")
_CONFIDENCES = ("high", "medium", "low")


def diagnose(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores,
    helped: Mapping[str, str] = NOTHING_HELPED,
    selection: Selection | None = None,
) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    """Ask every rule.

    Args:
        trials: What was observed.
        outcomes: From `auditor.outcomes.judge`.
        scores: From `auditor.scoring.score`.
        helped: By trial, what lowered the generalization gap of others in this very sweep, in
            sentences.
        selection: From `auditor.selection.measure`.

    Returns:
        The findings, most severe first, then the surest, then by code, then by the rank of their
        trial; and how each rule ended, in the order of the rules.

    Example:
        >>> findings, checks = diagnose(trials, outcomes, score(trials, outcomes))
        >>> findings[0].sentence
        'trial 0003: training diverged: loss was NaN in epoch 1 and did not come back'
    """
    measured = Measured(trials)
    seen = Judged(trials, outcomes, scores, measured, task_of(measured), helped, selection)
    findings: list[Finding] = []
    checks = []
    for rule in RULES:
        made, check = _ask(rule, seen)
        findings += made
        checks.append(check)
    places = {trial: place for place, trial in enumerate(scores.by_trial)}

    def order(finding: Finding) -> tuple[int, int, str, float]:
        place = min((places.get(t, math.inf) for t in finding.trials), default=-1)
        severity = _SEVERITIES.index(finding.severity)
        return severity, _CONFIDENCES.index(finding.confidence), finding.code, place

    return tuple(sorted(findings, key=order)), tuple(checks)


def _ask(rule: Rule, seen: Judged) -> tuple[list[Finding], Check]:
    reason = rule.needs(seen)
    if reason is not None:
        return [], Check(rule.code, rule.title, "not applicable", reason)
    findings = list(rule.check(seen))
    status: CheckStatus = "found" if findings else "passed"
    return findings, Check(rule.code, rule.title, status, findings=len(findings))
