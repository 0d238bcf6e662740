"""Configurations around a cause: which meet its conditions, and what a training of one tells."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeGuard

from auditor.attribution.cause import ANY_FAILURE, Cause, Condition
from auditor.attribution.failures import CENSORED
from auditor.attribution.levels import identity
from auditor.files import Json
from auditor.outcomes import FAILURES, Outcome

Values = Mapping[str, Json]
Key = frozenset[tuple[str, Hashable]]


def holds(condition: Condition, values: Values) -> bool:
    """Whether a configuration meets a condition; never one without the hyperparameter."""
    if condition.hyperparameter not in values:
        return False
    value, bound = values[condition.hyperparameter], condition.value
    if condition.operator == "==":
        return identity(value) == identity(bound)
    if not (_is_number(value) and _is_number(bound)):
        return False
    return value <= bound if condition.operator == "<=" else value >= bound


def meets(cause: Cause, values: Values) -> bool:
    """Whether a configuration meets all conditions of a cause."""
    return all(holds(condition, values) for condition in cause.conditions)


def is_clean(values: Values, cause: Cause, causes: Iterable[Cause]) -> bool:
    """Whether a configuration meets no other cause that would let it fail as this one says."""
    return not any(
        other is not cause and _hides(other, cause) and meets(other, values) for other in causes
    )


def key_of(values: Values, without: str | None = None) -> Key:
    """What makes two configurations the same, perhaps but for one hyperparameter."""
    return frozenset((n, identity(value)) for n, value in values.items() if n != without)


def fails(cause: Cause, ended: Outcome) -> bool | None:
    """Whether a training ended as a cause says; None where it does not tell.

    One that ended worse does not: what diverged might have overfitted.
    """
    if ended in CENSORED:
        return None
    if cause.outcome == ANY_FAILURE:
        return ended in FAILURES
    if ended == cause.outcome:
        return True
    milder = FAILURES[: FAILURES.index(Outcome(cause.outcome))]
    return False if ended in (Outcome.OK, *milder) else None


def _hides(other: Cause, cause: Cause) -> bool:
    """Whether what another cause does looks like, or keeps from seeing, what this one does."""
    if ANY_FAILURE in (other.outcome, cause.outcome):
        return True
    severity = [FAILURES.index(Outcome(one.outcome)) for one in (other, cause)]
    return severity[0] >= severity[1]


def _is_number(value: Json) -> TypeGuard[int | float]:
    return type(value) in (int, float)
