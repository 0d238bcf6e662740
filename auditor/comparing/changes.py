"""What became of findings and causes, which values were searched, and what that cost."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from auditor.attribution.cause import ANY_FAILURE, Cause, Condition
from auditor.auditing import Audit
from auditor.comparing.matching import key
from auditor.comparing.records import Axis, CauseChange, Change, Differing, FoundChange, Spent
from auditor.diagnosis.finding import Finding
from auditor.files import Json
from auditor.outcomes import FAILURES, Outcome

SEVERITIES = ("tip", "warning", "error")
"""Of findings, the mildest first."""

CLOSE = 1e-6
"""Relative difference of two measured facts below which they are the same."""

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda value, limit: key(value) == key(limit),
    "<=": lambda value, limit: _is_number(value) and value <= limit,
    ">=": lambda value, limit: _is_number(value) and value >= limit,
}


def findings(before: Audit, after: Audit) -> tuple[FoundChange, ...]:
    """Rules that found something on either side: new ones first, the gravest of each first."""
    titles = {f.code: f.title for audit in (after, before) for f in audit.findings}
    changes = [_found(before, after, code, titles[code]) for code in sorted(titles)]
    order: tuple[Change, ...] = (
        *("new", "gone", "stayed"),
        *("not checked after", "not checked before"),
    )
    return tuple(
        sorted(changes, key=lambda c: (order.index(c.change), -SEVERITIES.index(c.severity)))
    )


def _found(before: Audit, after: Audit, code: str, title: str) -> FoundChange:
    mine = [finding for finding in before.findings if finding.code == code]
    theirs = [finding for finding in after.findings if finding.code == code]
    change: Change = "stayed"
    reason = ""
    if not theirs:
        reason = _why_not_checked(after, code)
        change = "not checked after" if reason else "gone"
    elif not mine:
        reason = _why_not_checked(before, code)
        change = "not checked before" if reason else "new"
    severity = max((f.severity for f in (*mine, *theirs)), key=SEVERITIES.index)
    return FoundChange(code, title, severity, change, _trials(mine), _trials(theirs), reason)


def _trials(found: list[Finding]) -> int:
    return len({trial for finding in found for trial in finding.trials})


def _why_not_checked(audit: Audit, code: str) -> str:
    """Why a rule could not look; a record of an older version may not know the rule at all."""
    for check in audit.checks:
        if check.code == code:
            return check.reason or "not applicable" if check.status == "not applicable" else ""
    return "this rule was not there yet"


def causes(before: Audit, after: Audit) -> tuple[CauseChange, ...]:
    """The causes of either side, those of before first, with the same counts for both."""
    mine = {_identity(cause): cause for cause in before.causes}
    theirs = {_identity(cause): cause for cause in after.causes}
    return tuple(
        CauseChange(
            cause.outcome,
            cause.conditions,
            "stayed" if name in mine and name in theirs else "gone" if name in mine else "new",
            *_tally(before, cause),
            *_tally(after, cause),
        )
        for name, cause in {**mine, **theirs}.items()
    )


def _identity(cause: Cause) -> tuple[object, ...]:
    tests = {(test.hyperparameter, test.operator, key(test.value)) for test in cause.conditions}
    return cause.outcome, frozenset(tests)


def _tally(audit: Audit, cause: Cause) -> tuple[int, int]:
    """Runs that meet the conditions: with the outcome, and all whose outcome is known."""
    wanted = FAILURES if cause.outcome == ANY_FAILURE else (Outcome(cause.outcome),)
    ends = [
        audit.outcomes.by_run[run].outcome
        for trial, values in audit.trials.hyperparameters.items()
        if all(_meets(values.get(test.hyperparameter), test) for test in cause.conditions)
        for run in audit.trials.runs_of[trial]
    ]
    known = [end for end in ends if end not in (Outcome.PRUNED, Outcome.MISSING)]
    return sum(end in wanted for end in known), len(known)


def _meets(value: Json, test: Condition) -> bool:
    return value is not None and _OPERATORS[test.operator](value, test.value)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def axes(before: Audit, after: Audit, names: Iterable[str]) -> tuple[Axis, ...]:
    """Hyperparameters whose values were not the same set on both sides."""
    found = (Axis(name, _values(before, name), _values(after, name)) for name in names)
    return tuple(a for a in found if set(map(key, a.before)) != set(map(key, a.after)))


def _values(audit: Audit, name: str) -> tuple[Json, ...]:
    """The distinct values of a hyperparameter: numbers by size, others as they came."""
    values = [v[name] for v in audit.trials.hyperparameters.values() if name in v]
    distinct = list({key(value): value for value in values}.values())
    return tuple(sorted(distinct) if all(map(_is_number, distinct)) else distinct)


def unlike(before: Audit, after: Audit) -> tuple[Differing, ...]:
    """What forbids to hold a value of one objective against one of the other."""
    mine, theirs = before.trials.objective, after.trials.objective
    facts = [
        Differing("objective", mine.name, theirs.name),
        Differing("direction of the objective", mine.direction, theirs.direction),
        *_validation_data(before, after),
    ]
    if mine.name == theirs.name and mine.name.endswith("loss"):
        facts.append(Differing("loss function", _losses(before), _losses(after)))
    return tuple(fact for fact in facts if _differs(fact))


def knows_data(before: Audit, after: Audit) -> bool:
    """Whether something is recorded of both by which other validation data would show."""
    return any(map(_is_known, _validation_data(before, after)))


def _validation_data(before: Audit, after: Audit) -> list[Differing]:
    was, now = before.trials.context, after.trials.context
    facts = [
        Differing("rows to validate", was.validation_rows, now.validation_rows),
        Differing("variance of the target", was.target_variance, now.target_variance),
    ]
    # It depends on the training labels, too, and on where it comes from.
    if was.label_counts == now.label_counts and was.no_skill_from == now.no_skill_from:
        facts.append(Differing("no-skill loss", was.no_skill_loss, now.no_skill_loss))
    return facts


def _losses(audit: Audit) -> str:
    """The loss of all models; empty where it is not known, or is searched."""
    losses = {(facts.loss, facts.label_smoothing) for facts in audit.trials.context.models.values()}
    if len(losses) != 1:
        return ""
    loss, smoothing = losses.pop()
    return "" if loss is None else f"{loss}{f', labels smoothed by {smoothing}' * bool(smoothing)}"


def setup(before: Audit, after: Audit) -> tuple[Differing, ...]:
    """What else is not the same, and does not forbid to compare."""
    (mine, theirs), sides = (before.trials, after.trials), (before, after)
    was, now = mine.context, theirs.context
    versions = (mine.provenance.versions, theirs.provenance.versions)
    facts = (
        Differing("weight of the gap", *(side.scores.gap_penalty for side in sides)),
        Differing("epochs planned", mine.design.epochs, theirs.design.epochs),
        Differing("executions per trial", mine.design.executions, theirs.design.executions),
        Differing("folds", *(1 + max((r.fold for r in s.trials.runs), default=0) for s in sides)),
        Differing("rows to train", was.train_rows, now.train_rows),
        Differing("training rows per class", dict(was.label_counts), dict(now.label_counts)),
        *(
            Differing(f"version of {name}", *(side.get(name) for side in versions))
            for name in {**versions[0], **versions[1]}
        ),
    )
    return tuple(fact for fact in facts if _differs(fact))


def _differs(fact: Differing) -> bool:
    if not _is_known(fact):
        return False
    if isinstance(fact.before, float) and isinstance(fact.after, float):
        return not np.isclose(fact.before, fact.after, rtol=CLOSE, atol=0)
    return bool(fact.before != fact.after)


def _is_known(fact: Differing) -> bool:
    return not any(value is None or value in ("", {}) for value in (fact.before, fact.after))


def spent(audit: Audit) -> Spent:
    """What a sweep cost."""
    trials = audit.trials
    lengths = np.zeros(len(trials.runs), np.intp)
    for metric in trials.metrics:
        lengths = np.maximum(lengths, np.diff(trials.column(metric).bounds))
    known = [r.seconds for r in trials.recorded.values() if r.seconds is not None]
    return Spent(
        len(trials.hyperparameters),
        len(trials.runs),
        int(lengths.sum()),
        sum(known) if known else None,
    )
