"""Causes in words: counts first, then what the design lets us claim, then the level of evidence."""

from auditor.attribution.cause import (
    ANY_FAILURE,
    Cause,
    Condition,
    EvidenceLevel,
    Rescue,
    RescuingSet,
)
from auditor.files import Json, to_json
from auditor.outcomes import Outcome

_VERBS = {
    Outcome.DEGRADED: "degraded",
    Outcome.OVERFIT: "overfit",
    Outcome.NEVER_LEARNED: "never learned",
    Outcome.DIVERGED: "diverged",
    Outcome.CRASHED: "crashed",
    ANY_FAILURE: "failed",
}
_OPERATORS = {"==": "=", "<=": "<=", ">=": ">="}


def sentence(
    cause: Cause,
    kinds: dict[str, int],
    twins: tuple[Condition, ...],
    rivals: tuple[Condition, ...],
    repeated: bool,
) -> str:
    """One cause in words.

    Args:
        cause: What is told; its own sentence is not looked at.
        kinds: Of any failure, how often each outcome occurs; else empty.
        twins: Conditions that the same trials meet.
        rivals: Conditions that nearly the same trials meet, so that each explains the other away.
        repeated: Whether trials have several runs, so that counts must name their unit.

    Example:
        >>> sentence(cause, {}, (), (), repeated=False)
        'lr = 1.0: 18 of 18 diverged, 0 of 54 elsewhere; in this grid changing lr alone rescues
        18 of 18, any other alone 0 of 18; evidence: but-for'
    """
    runs, trials = (" runs", " trials") if repeated else ("", "")
    counts, verb = cause.counts, _VERBS[cause.outcome]
    which = ", ".join(f"{n} {_VERBS[kind]}" for kind, n in kinds.items())
    parts = [
        f"{join_conditions(counts.conditions)}: {counts.failing} of {counts.total}{runs} {verb}"
        + (f" ({which})" if which else "")
        + f", {counts.failing_elsewhere} of {counts.total_elsewhere} elsewhere",
        _risk(cause) if cause.evidence == "randomised" else _rescues(cause, trials),
        *(_together(one, trials) for one in cause.rescuing_sets[:1]),
        f"the same trials have {join_conditions(twins)}, which cannot be told apart from it"
        if twins
        else "",
        f"{join_conditions(rivals)} explains as much, and cannot be told apart from it"
        if rivals
        else "",
    ]
    return "; ".join(part for part in parts if part) + level(cause.evidence)


def level(evidence: EvidenceLevel) -> str:
    """How a sentence that claims something ends."""
    return f"; evidence: {evidence}"


def join_conditions(conditions: tuple[Condition, ...]) -> str:
    """Conditions in words, such as "lr = 1.0 with activation = sigmoid"."""
    return " with ".join(
        f"{c.hyperparameter} {_OPERATORS[c.operator]} {show(c.value)}" for c in conditions
    )


def show(value: Json) -> str:
    """A value as a person would write it."""
    match value:
        case str():
            return value
        case float():
            return repr(value) if len(repr(value)) <= 8 else f"{value:.6g}"
        case None | bool() | int():
            return repr(value)
    return to_json(value)


def _risk(cause: Cause) -> str:
    """What it does to the risk, where the values were drawn at random."""
    if cause.effect is None:
        return ""
    low, high = cause.interval or (cause.effect, cause.effect)
    does = "it raises the risk by" if low > 0 else "difference in risk"
    between = f" (95 % interval {_points(low)} to {_points(high)})" if cause.interval else ""
    average = "averaged over this search space"
    return f"{does} {_points(cause.effect)} percentage points{between}, {average}"


def _points(share: float) -> str:
    return f"{100 * share:.3g}"


def _rescues(cause: Cause, trials: str) -> str:
    """The rescues by its hyperparameters, and on a grid by others; nothing without neighbours."""
    of = {rescue.hyperparameter: rescue for rescue in cause.rescues}
    ours = [of.pop(condition.hyperparameter) for condition in cause.conditions]
    if not any(rescue.tested for rescue in ours):
        return ""
    if cause.evidence == "associated":
        return ", ".join(_neighbours(rescue, trials) for rescue in ours)
    ours.sort(key=lambda rescue: not rescue.tested)
    told = [_rescue(rescue, trials, first=rescue is ours[0]) for rescue in ours]
    told += _others([rescue for rescue in of.values() if rescue.tested])
    return f"in this grid {', '.join(told)}"


def _together(one: RescuingSet, trials: str) -> str:
    needs = "needs" if one.failing == 1 else "need"
    return (
        f"{one.failing}{trials} {needs} more than one change: changing "
        f"{' and '.join(one.hyperparameters)} together rescues {one.rescued} of {one.failing}"
    )


def _rescue(rescue: Rescue, trials: str, first: bool) -> str:
    name = rescue.hyperparameter
    if not rescue.tested:
        return f"no trial differs in {name} alone"
    return (
        (f"changing {name} alone rescues " if first else f"{name} alone ")
        + f"{rescue.rescued} of {rescue.tested}{trials if first else ''}"
        + _without_neighbour(rescue)
    )


def _others(others: list[Rescue]) -> list[str]:
    """What changing any other hyperparameter does, at most."""
    if not others:
        return []
    most = max(others, key=lambda rescue: (rescue.rescued, rescue.tested))
    name = most.hyperparameter if len(others) == 1 else "any other"
    at_most = "at most " if most.rescued and len(others) > 1 else ""
    return [f"{name} alone {at_most}{most.rescued} of {most.tested}"]


def _neighbours(rescue: Rescue, trials: str) -> str:
    """The same without saying what did it."""
    if not rescue.tested:
        return f"no trial differs in {rescue.hyperparameter} alone"
    return (
        f"{rescue.rescued} of {rescue.tested}{trials} have a neighbour in "
        f"{rescue.hyperparameter} alone that does not fail{_without_neighbour(rescue)}"
    )


def _without_neighbour(rescue: Rescue) -> str:
    untested = rescue.failing - rescue.tested
    return f" ({untested} more have no such neighbour)" if untested else ""
