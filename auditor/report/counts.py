"""Failing/total for every combination of two hyperparameters: what the picture of a pair shows."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.attribution.cause import ANY_FAILURE, Condition
from auditor.files import Json, to_json
from auditor.outcomes import FAILURES, Outcome
from auditor.report.numbers import setting
from auditor.report.words.phrases import condition

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_LEVELS = 12
"""Values per axis that still make a readable picture; beyond, an axis is split by the condition."""


@dataclass(frozen=True)
class PairCounts:
    """Counts over two hyperparameters.

    Attributes:
        outcome: What is counted.
        names: The two hyperparameters: across, and up.
        levels: The values of each, in words.
        failing, total: Per value of the second and of the first. The total leaves out runs whose
            outcome is not known.
    """

    outcome: str
    names: tuple[str, str]
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    failing: tuple[tuple[int, ...], ...]
    total: tuple[tuple[int, ...], ...]


def top_pair(audit: "Audit") -> PairCounts | None:
    """The pair worth a picture: of the strongest cause that is one, else the one that adds most."""
    pairs = [(cause.outcome, cause.conditions) for cause in audit.causes]
    if audit.causes:
        # Beside a single value, whatever pair with its hyperparameter adds most to its outcome.
        first = audit.causes[0]
        axes = {test.hyperparameter for test in first.conditions}
        related = [
            t
            for t in audit.attribution.pairs
            if t.outcome == first.outcome and axes & {c.hyperparameter for c in t.conditions}
        ]
        related.sort(key=lambda t: -(t.added or 0.0))
        pairs[1:1] = [(t.outcome, t.conditions) for t in related[:1]]
    adding = sorted(audit.attribution.pairs, key=lambda t: -(t.added or 0.0))
    pairs += [(tally.outcome, tally.conditions) for tally in adding if (tally.added or 0.0) > 0]
    for outcome, tests in pairs:
        if len({test.hyperparameter for test in tests}) == 2:
            return pair_counts(audit, outcome, (tests[0], tests[1]))
    return None


def pair_counts(audit: "Audit", outcome: str, tests: tuple[Condition, Condition]) -> PairCounts:
    """Counts over the hyperparameters of two conditions."""
    across, level_across = _axis(audit, tests[0])
    up, level_up = _axis(audit, tests[1])
    failing: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    wanted = FAILURES if outcome == ANY_FAILURE else (Outcome(outcome),)
    for run, verdict in audit.outcomes.by_run.items():
        values = audit.trials.hyperparameters[run.trial_id]
        known = verdict.outcome not in (Outcome.PRUNED, Outcome.MISSING)
        if known and all(test.hyperparameter in values for test in tests):
            cell = (
                level_up(values[tests[1].hyperparameter]),
                level_across(values[tests[0].hyperparameter]),
            )
            total[cell] += 1
            failing[cell] += verdict.outcome in wanted
    return PairCounts(
        outcome,
        (tests[0].hyperparameter, tests[1].hyperparameter),
        (across, up),
        tuple(tuple(failing[u, a] for a in across) for u in up),
        tuple(tuple(total[u, a] for a in across) for u in up),
    )


def _axis(audit: "Audit", test: Condition) -> tuple[tuple[str, ...], Callable[[Json], str]]:
    """The levels of one axis in order, and the level of a value."""
    name = test.hyperparameter
    values = [v[name] for v in audit.trials.hyperparameters.values() if name in v]
    distinct = {to_json(value): value for value in values}
    if test.operator == "==" and len(distinct) <= MOST_LEVELS:
        if all(isinstance(v, int | float) for v in distinct.values()):
            distinct = dict(sorted(distinct.items(), key=lambda item: item[1]))
        return tuple(dict.fromkeys(map(setting, distinct.values()))), setting
    holds = condition(test)
    otherwise = f"not {holds}"
    return (holds, otherwise), lambda value: holds if _meets(value, test) else otherwise


def _meets(value: Json, test: Condition) -> bool:
    if test.operator == "==":
        return to_json(value) == to_json(test.value)
    try:
        return bool(value <= test.value if test.operator == "<=" else value >= test.value)
    except TypeError:
        return False
