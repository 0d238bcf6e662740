"""Causes in words: counts first, then what changing one hyperparameter did."""

from auditor.attribution.cause import ANY_FAILURE, Condition, Rescue, RescuingSet, Tally
from auditor.files import Json, to_json
from auditor.outcomes import Outcome

_VERBS = {
    Outcome.DEGRADED: "got worse",
    Outcome.OVERFIT: "overfit",
    Outcome.NEVER_LEARNED: "never learned",
    Outcome.DIVERGED: "diverged",
    Outcome.CRASHED: "crashed",
    ANY_FAILURE: "failed",
}
_OPERATORS = {"==": "=", "<=": "<=", ">=": ">="}


def sentence(
    counts: Tally,
    kinds: dict[str, int],
    rescues: tuple[Rescue, ...],
    sets: tuple[RescuingSet, ...],
    twins: tuple[Condition, ...],
    rivals: tuple[Condition, ...],
    repeated: bool,
) -> str:
    """One cause in words.

    Args:
        counts: How often it fails.
        kinds: Of any failure, how often each outcome occurs; else empty.
        rescues: What changing each hyperparameter does.
        sets: What changing several at once does to those that no single change rescues.
        twins: Conditions that the same trials meet.
        rivals: Conditions that nearly the same trials meet, so that each explains the other away.
        repeated: Whether trials have several runs, so that counts must name their unit.

    Example:
        >>> sentence(counts, {}, rescues, (), (), (), repeated=False)
        'lr = 1.0: 8 of 24 diverged, 0 of 48 elsewhere; changing lr alone rescues 8 of 8'
    """
    runs, trials = (" runs", " trials") if repeated else ("", "")
    verb = _VERBS[counts.outcome]
    which = ", ".join(f"{n} {_VERBS[kind]}" for kind, n in kinds.items())
    parts = [
        f"{join_conditions(counts.conditions)}: {counts.failing} of {counts.total}{runs} {verb}"
        + (f" ({which})" if which else "")
        + f", {counts.failing_elsewhere} of {counts.total_elsewhere} elsewhere",
        _rescues(counts, rescues, trials),
        *(_together(one, trials) for one in sets[:1]),
        f"the same trials have {join_conditions(twins)}, which cannot be told apart from it"
        if twins
        else "",
        f"{join_conditions(rivals)} explains as much, and cannot be told apart from it"
        if rivals
        else "",
    ]
    return "; ".join(part for part in parts if part)


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


def _rescues(counts: Tally, rescues: tuple[Rescue, ...], trials: str) -> str:
    """The rescues by the hyperparameters of the cause; nothing where nobody has a neighbour."""
    of = {rescue.hyperparameter: rescue for rescue in rescues}
    ours = [of[condition.hyperparameter] for condition in counts.conditions]
    if not any(rescue.tested for rescue in ours):
        return ""
    return ", ".join(_rescue(rescue, trials, first=rescue is ours[0]) for rescue in ours)


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
    untested = rescue.failing - rescue.tested
    return (
        f"changing {name} alone "
        + ("rescues " if first else "")
        + f"{rescue.rescued} of {rescue.tested}{trials if first else ''}"
        + (f" ({untested} more have no such neighbour)" if untested else "")
    )
