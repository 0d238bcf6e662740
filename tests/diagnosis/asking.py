"""Asking all rules about trials made by hand."""

from auditor.diagnosis import diagnose
from auditor.diagnosis.finding import Check, Finding
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.selection import measure
from auditor.trials import Trials


def diagnosed(trials: Trials) -> tuple[tuple[Finding, ...], dict[str, Check]]:
    outcomes = judge(trials)
    scores = score(trials, outcomes)
    luck = measure(trials, outcomes, scores)
    findings, checks = diagnose(trials, outcomes, scores, selection=luck)
    return findings, {check.code: check for check in checks}


def found(code: str, trials: Trials) -> Finding:
    (finding,) = (f for f in diagnosed(trials)[0] if f.code == code)
    return finding


def evidence(finding: Finding) -> dict[str, float]:
    return {e.name: e.value for e in finding.evidence}
