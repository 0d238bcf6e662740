"""What the rules found, by code."""

from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.diagnosis.finding import Evidence, Finding
from auditor.report.numbers import count, number
from auditor.report.parts import Cell, Column, Entry, Row, Section, Table
from auditor.report.words.phrases import SEVERITY_TONES, listed, sentence

if TYPE_CHECKING:
    from auditor.auditing import Audit

_ORDER = {"error": 0, "warning": 1, "tip": 2}


def findings(audit: "Audit") -> Section:
    """The section; one entry per code."""
    entries = tuple(_entry(audit, group) for group in by_code(audit))
    found = len(audit.findings)
    if entries:
        text = f"{count(found, 'finding')} of {count(len(entries), 'kind')}, the severest first."
    else:
        text = "Nothing was found."
    return Section("findings", "Findings", paragraphs=(text,), entries=entries)


def by_code(audit: "Audit") -> list[list[Finding]]:
    """Findings of one code together: severest first, then those about the winner, then the most."""
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in audit.findings:
        groups[finding.code].append(finding)
    best = next(iter(audit.scores.by_trial), None)

    def key(group: list[Finding]) -> tuple[int, bool, int, str]:
        severity = min(_ORDER[finding.severity] for finding in group)
        about_best = any(best in finding.trials for finding in group)
        return severity, not about_best, -len(_trials(group)), group[0].code

    return sorted(groups.values(), key=key)


def summaries(audit: "Audit", most: int) -> tuple[Entry, ...]:
    """The most important codes, in short."""
    return tuple(
        Entry(
            group[0].code,
            group[0].title,
            SEVERITY_TONES[group[0].severity],
            group[0].severity,
            _sentence(audit, group),
            remedy=group[0].remedy,
        )
        for group in by_code(audit)[:most]
    )


def evidence_text(evidence: Evidence) -> str:
    """One number with its unit and what it was held against."""
    shift = 1 if evidence.unit == "epoch" else 0  # an index, unlike a number of epochs
    name = evidence.name.removesuffix(", from 0")
    unit = f" {evidence.unit}" if evidence.unit not in name and not shift else ""
    limit = evidence.threshold
    against = "" if limit is None else f" (threshold {number(limit + shift)}{unit})"
    return f"{name} {number(evidence.value + shift)}{unit}{against}"


def _entry(audit: "Audit", group: list[Finding]) -> Entry:
    first = group[0]
    remedies = list(dict.fromkeys(finding.remedy for finding in group))
    alone = len(group) == 1
    return Entry(
        first.code,
        first.title,
        SEVERITY_TONES[first.severity],
        first.severity,
        _sentence(audit, group),
        details=_details(first) if alone else (),
        remedy=remedies[0],
        table=None if alone else _cases(group, len(remedies) > 1),
    )


def _sentence(audit: "Audit", group: list[Finding]) -> str:
    trials = _trials(group)
    if len(group) == 1 or len(trials) <= 1:
        return sentence(group[0].sentence)
    total = len(audit.trials.hyperparameters)
    example = sentence(group[0].sentence)
    return f"{count(len(trials))} of {count(total, 'trial')}. For example: {example}"


def _details(finding: Finding) -> tuple[str, ...]:
    details = [
        *(
            ["Evidence: " + "; ".join(map(evidence_text, finding.evidence))]
            * bool(finding.evidence)
        ),
        *([f"Trials: {listed(finding.trials, 12)}"] * (len(finding.trials) > 1)),
        f"Confidence: {finding.confidence}",
    ]
    return tuple(details)


def _cases(group: list[Finding], with_remedy: bool) -> Table:
    columns = [
        Column("trial"),
        Column("what was seen"),
        Column("evidence", below=True),
        Column("confidence", below=True),
        *([Column("remedy", below=True)] * with_remedy),
    ]
    rows = [
        Row(
            (
                Cell(listed(finding.trials), listed(finding.trials)),
                Cell(_without_name(finding)),
                Cell("; ".join(map(evidence_text, finding.evidence))),
                Cell(finding.confidence, finding.confidence),
                *([Cell(finding.remedy, finding.remedy)] * with_remedy),
            ),
            finding.trials[0] if len(finding.trials) == 1 else None,
        )
        for finding in group
    ]
    return Table("", tuple(columns), tuple(rows), brief=3)


def _without_name(finding: Finding) -> str:
    """The sentence beside a column that names the trial already."""
    name = f"trial {finding.trials[0]}: " if len(finding.trials) == 1 else ""
    return finding.sentence.removeprefix(name)


def _trials(group: list[Finding]) -> set[str]:
    return {trial for finding in group for trial in finding.trials}
