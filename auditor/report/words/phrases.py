"""Small phrases that several sections use."""

from collections import Counter
from collections.abc import Iterable, Mapping

from auditor.attribution.cause import ANY_FAILURE, Condition, EvidenceLevel
from auditor.files import Json
from auditor.outcomes import Outcome
from auditor.report.numbers import count, setting
from auditor.report.parts import Tone
from auditor.trials import Run

OUTCOME_TONES: Mapping[str, Tone] = {
    Outcome.OK: "good",
    Outcome.OVERFIT: "warning",
    Outcome.DEGRADED: "warning",
    Outcome.NEVER_LEARNED: "warning",
    Outcome.DIVERGED: "error",
    Outcome.CRASHED: "error",
    Outcome.PRUNED: "quiet",
    Outcome.MISSING: "quiet",
}

SEVERITY_TONES: Mapping[str, Tone] = {"error": "error", "warning": "warning", "tip": "tip"}

_DID = {
    Outcome.OVERFIT: "overfitted",
    Outcome.DEGRADED: "degraded",
    Outcome.NEVER_LEARNED: "never learned",
    Outcome.DIVERGED: "diverged",
    Outcome.CRASHED: "crashed",
    Outcome.PRUNED: "pruned",
    Outcome.MISSING: "without a result",
    Outcome.OK: "without a failure",
}

EVIDENCE: Mapping[EvidenceLevel, str] = {
    "associated": "associated: they occur together, nothing more is claimed",
    "randomised": "randomised: the values were drawn at random, so nothing else explains it",
    "but-for": "but-for: observed trials that differ in this one value do not fail",
    "confirmed": "confirmed by reruns made for the purpose",
}
"""What each level of evidence means."""

_OPERATORS = {"==": "=", "<=": "≤", ">=": "≥"}


def did(outcome: str) -> str:
    """What trials did, after their number: "8 diverged"."""
    return "failed" if outcome == ANY_FAILURE else _DID[Outcome(outcome)]


def tally(outcomes: Iterable[Outcome]) -> str:
    """How many did what: "40 fine, 14 overfitted, 8 diverged"."""
    counts = Counter(outcomes)
    return ", ".join(f"{count(counts[o])} {did(o)}" for o in Outcome if counts[o])


def condition(test: Condition) -> str:
    """A test on one hyperparameter: "lr ≥ 0.05"."""
    return f"{test.hyperparameter} {_OPERATORS[test.operator]} {setting(test.value)}"


def conditions(tests: Iterable[Condition]) -> str:
    """All of them: "lr = 1.0 and activation = sigmoid"."""
    return " and ".join(condition(test) for test in tests)


def settings(values: Mapping[str, Json]) -> str:
    """Hyperparameters in one line: "lr = 0.1, activation = relu"."""
    return ", ".join(f"{name} = {setting(value)}" for name, value in values.items())


def run_name(run: Run, among: Iterable[Run]) -> str:
    """What tells a run from the others of its trial; empty where it is the only one."""
    runs = tuple(among)
    parts = []
    if len({other.execution for other in runs}) > 1:
        parts.append(f"execution {run.execution + 1}")
    if len({other.fold for other in runs}) > 1:
        parts.append(f"fold {run.fold + 1}")
    return ", ".join(parts)


def sentence(text: str) -> str:
    """The text with a full stop, and comparisons as `condition` writes them: files keep ">="."""
    for operator in ("<=", ">="):
        text = text.replace(f" {operator} ", f" {_OPERATORS[operator]} ")
    return text if text.endswith((".", "!", "?")) else f"{text}."


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first few of many names: "a, b and 3 more"."""
    names = list(names)
    more = f" and {count(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
