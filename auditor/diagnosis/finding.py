"""The shape of a rule and of what it finds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from auditor.outcomes import Measured, Outcomes, Task
from auditor.scoring import Scores
from auditor.selection import Selection
from auditor.trials import Run, Trials

Severity = Literal["error", "warning", "tip"]
Confidence = Literal["high", "medium", "low"]
CheckStatus = Literal["found", "passed", "not applicable"]


NOTHING_HELPED: Mapping[str, str] = MappingProxyType({})
"""Where it is not known what helped."""


class Judged(NamedTuple):
    """What a rule may look at.

    Attributes:
        trials, outcomes, scores: Of the sweep.
        measured: The curves of all runs at once: smoothed, with their noise and best epochs.
        task: What is being learned, as far as that is known.
        helped: By trial, what lowered the generalization gap of others in this very sweep, in
            sentences; only trials that something helps.
        selection: What picking the best of many did; None where there was nothing to pick from.
    """

    trials: Trials
    outcomes: Outcomes
    scores: Scores
    measured: Measured
    task: Task
    helped: Mapping[str, str] = NOTHING_HELPED
    selection: Selection | None = None


@dataclass(frozen=True)
class Evidence:
    """One number behind a finding.

    Attributes:
        name: What was measured, such as "relative rise of val_loss".
        value: The number; may be NaN or infinite where that was observed.
        unit: Its unit, such as "nats", "epochs" or "" for a ratio.
        threshold: The number it was held against; None where it only informs.
    """

    name: str
    value: float
    unit: str = ""
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Make counts floats too, as they are when read back from JSON."""
        object.__setattr__(self, "value", float(self.value))
        if self.threshold is not None:
            object.__setattr__(self, "threshold", float(self.threshold))


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth doing, with its evidence.

    Attributes:
        code: Permanent code of the rule, such as "AUD003".
        title: The rule's short name.
        severity: "error": the result is unusable; "warning": it misleads; "tip": it could be
            better.
        trials: Ids of the trials concerned; empty where it concerns the whole sweep.
        runs: The runs of those trials in which it was seen.
        sentence: The finding in one sentence. Epochs count from 1 here.
        evidence: The numbers behind it. Epochs count from 0 here.
        remedy: What to do, in one sentence.
        confidence: How sure the rule is.
    """

    code: str
    title: str
    severity: Severity
    trials: tuple[str, ...]
    runs: tuple[Run, ...]
    sentence: str
    evidence: tuple[Evidence, ...]
    remedy: str
    confidence: Confidence

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        # The report stands to the right of here, and is loaded when asked for.
        from auditor.report.notebook import finding_html

        return finding_html(self)


@dataclass(frozen=True)
class Check:
    """How one rule ended.

    Attributes:
        code, title: Of the rule.
        status: "found", "passed" or "not applicable".
        reason: Why it is not applicable; empty otherwise.
        findings: How many findings it made.
    """

    code: str
    title: str
    status: CheckStatus
    reason: str = ""
    findings: int = 0


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        code: Permanent: never reused, never renumbered.
        title: Short name of what it finds.
        severity: Of its findings.
        needs: Returns why the rule is not applicable, or None where it is.
        check: Yields findings. Called only where `needs` returns None.
        detected: How it is detected, with thresholds: for the documentation.
        matters: Why it matters, for the documentation.
        remedy: What to do.
        certainty: What makes its findings more or less sure, for the documentation.
        thresholds: Names of the constants that decide, in its own module or in
            `auditor.outcomes.thresholds`: for the documentation.
    """

    code: str
    title: str
    severity: Severity
    needs: Callable[[Judged], str | None]
    check: Callable[[Judged], Iterable[Finding]]
    detected: str
    matters: str
    remedy: str
    certainty: str = ""
    thresholds: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Where docs/rules.md describes it, such as "aud003-overfitting"."""
        return f"{self.code} {self.title}".lower().replace(" ", "-")

    def finding(
        self,
        sentence: str,
        evidence: tuple[Evidence, ...],
        confidence: Confidence,
        *,
        trials: tuple[str, ...] = (),
        runs: tuple[Run, ...] = (),
        severity: Severity | None = None,
        remedy: str | None = None,
    ) -> Finding:
        """What this rule found; severity and remedy are its own unless told otherwise."""
        return Finding(
            self.code,
            self.title,
            severity or self.severity,
            trials,
            runs,
            sentence,
            evidence,
            self.remedy if remedy is None else remedy,
            confidence,
        )
