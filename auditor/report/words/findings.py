"""What the rules found, by code."""

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from auditor.diagnosis.document import explained
from auditor.diagnosis.finding import Evidence, Finding
from auditor.diagnosis.rules import RULES
from auditor.outcomes import Outcome
from auditor.report.numbers import count, number
from auditor.report.parts import Cell, Column, Entry, Row, Section, Table
from auditor.report.words.phrases import SEVERITY_TONES, listed, sentence

if TYPE_CHECKING:
    from auditor.auditing import Audit

_ORDER = {"error": 0, "warning": 1, "tip": 2}
_RULES = {rule.code: rule for rule in RULES}
_OF_NO_USE = (Outcome.CRASHED, Outcome.DIVERGED)
_SAID_BY_CAUSES = {"AUD044"}
"""Rules on hyperparameters: beside causes, the verdict need not name them."""


def findings(audit: "Audit") -> Section:
    """The section; one entry per code and severity."""
    entries = tuple(_entry(audit, group) for group in by_code(audit))
    found, kinds = len(audit.findings), len({entry.label for entry in entries})
    if entries:
        of_kinds = f" of {count(kinds, 'kind')}" if 1 < kinds < found else ""
        order = ", the severest first" if len(entries) > 1 else ""
        text = (
            f"{count(found, 'finding')}{of_kinds}{order}. "
            f"Explained by: auditor rules {entries[0].label}"
        )
    else:
        text = "Nothing was found."
    return Section("findings", "Findings", paragraphs=(text,), entries=entries)


def by_code(audit: "Audit") -> list[list[Finding]]:
    """Findings of one code together: severest, about the winner, of most trials, surest first.

    Apart where they differ in severity: that the best trial is among them must not make a harmless
    case a grave one.
    """
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in audit.findings:
        groups[finding.code, finding.severity].append(finding)

    def key(group: list[Finding]) -> tuple[int, bool, int]:
        return _ORDER[group[0].severity], not _about_best(audit, group), -len(_trials(group))

    # Of equals the surest come first, and then the lowest codes, as in the audit.
    return sorted(groups.values(), key=key)


def summaries(audit: "Audit", most: int) -> tuple[Entry, ...]:
    """The most important codes, in short; one of them about the winner where there is any."""
    groups = [g for g in by_code(audit) if not (audit.causes and g[0].code in _SAID_BY_CAUSES)]
    shown = groups[:most]
    about_best = [g for g in groups if _about_best(audit, g) and g[0].severity != "tip"]
    if len(groups) > most and about_best and about_best[0] not in shown:
        shown[-1] = about_best[0]
    return tuple(
        Entry(
            group[0].code,
            group[0].title,
            SEVERITY_TONES[group[0].severity],
            group[0].severity,
            _sentence(audit, group),
            remedy=_remedy(group),
        )
        for group in shown
    )


def _about_best(audit: "Audit", group: list[Finding]) -> bool:
    """Whether any of them is about the winner, or about the whole sweep."""
    best = _best(audit)
    return any(best in finding.trials or not finding.trials for finding in group)


def _best(audit: "Audit") -> str | None:
    """The first of the leaderboard; None where every trial crashed or diverged."""
    best, score = next(iter(audit.scores.by_trial.items()), (None, None))
    if best is None or score is None or score.rank is None:
        return None
    return None if audit.outcomes.by_trial[best] in _OF_NO_USE else best


def evidence_text(evidence: Evidence) -> str:
    """One number with its unit and what it was held against."""
    name, value, limit = evidence_parts(evidence)
    return f"{name} {value}" + (f" (threshold {limit})" if limit else "")


def evidence_parts(evidence: Evidence) -> tuple[str, str, str]:
    """What a number is called, the number, and its threshold: empty where there is none."""
    shift = 1 if evidence.unit == "epoch" else 0  # an index, unlike a number of epochs
    name = evidence.name.removesuffix(", from 0")
    is_said = not evidence.unit or evidence.unit in re.split(r"[\W_]+", name)
    unit = "" if is_said or shift else f" {evidence.unit}"
    limit = evidence.threshold
    threshold = "" if limit is None else f"{number(limit + shift)}{unit}"
    return name, f"{number(evidence.value + shift)}{unit}", threshold


def _entry(audit: "Audit", group: list[Finding]) -> Entry:
    first = group[0]
    remedies = list(dict.fromkeys(finding.remedy for finding in group))
    alone, total = len(group) == 1, len(audit.trials.hyperparameters)
    return Entry(
        first.code,
        first.title,
        SEVERITY_TONES[first.severity],
        first.severity,
        _sentence(audit, group),
        details=_details(first) if alone else (_confidences(group),),
        remedy=_remedy(group),
        table=None if alone else _cases(group, len(remedies) > 1),
        explanation=_explanation(first.code),
        example="" if alone or total == 1 else f"For example: {sentence(first.sentence)}",
    )


def _explanation(code: str) -> tuple[tuple[str, str], ...]:
    """What is to be known of a rule, but for what to do, which its findings say."""
    rule = _RULES.get(code)
    return tuple(p for p in explained(rule) if p[1] != rule.remedy) if rule else ()


def _remedy(group: list[Finding]) -> str:
    """What to do about most of them: the last sentences that their remedies share."""
    remedies = [finding.remedy.split(". ") for finding in group]
    most, _ = Counter(remedy[-1] for remedy in remedies).most_common(1)[0]
    first, *others = (remedy for remedy in remedies if remedy[-1] == most)
    shared = 0
    while shared < len(first) and all(o[-shared - 1 :] == first[-shared - 1 :] for o in others):
        shared += 1
    text = ". ".join(first[len(first) - shared :]) or group[0].remedy
    return sentence(text) if text else ""


def _sentence(audit: "Audit", group: list[Finding]) -> str:
    """A single finding as it is; several of them by the number of their trials."""
    trials = _trials(group)
    total = len(audit.trials.hyperparameters)
    if len(group) > 1 and not trials:
        return f"{count(len(group), 'finding')} about the whole sweep."
    if len(group) > 1 and total > 1:
        also = ", also the best" if _best(audit) in trials else ""
        return f"{count(len(trials))} of {count(total, 'trial')}{also}."
    text = sentence(_without_name(group[0]) if total == 1 else group[0].sentence)
    first = text.split(maxsplit=1)[0]
    is_word = first.rstrip(",:").isalpha() and first not in audit.trials.metrics
    return f"{text[:1].upper()}{text[1:]}" if is_word else text


def _confidences(group: list[Finding]) -> str:
    counts = Counter(finding.confidence for finding in group)
    if len(counts) == 1:
        return f"Confidence: {group[0].confidence}"
    told = (f"{c} in {count(counts[c])}" for c in ("high", "medium", "low") if c in counts)
    return f"Confidence: {', '.join(told)}"


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
        Column("evidence", aside=True),
        Column("confidence", aside=True),
        *([Column("remedy", aside=True)] * with_remedy),
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
    """The sentence beside a column that names the trial already: of its runs it still tells."""
    if len(finding.trials) != 1:
        return finding.sentence
    name = f"trial {finding.trials[0]}"
    runs, is_told, said = finding.sentence.removeprefix(f"{name} (").partition("): ")
    if is_told and finding.sentence.startswith(f"{name} ("):
        return f"{runs}: {said}"
    return finding.sentence.removeprefix(f"{name}: ")


def _trials(group: list[Finding]) -> set[str]:
    return {trial for finding in group for trial in finding.trials}
