"""Failing/total for every combination of two hyperparameters: what the picture of a pair shows."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from auditor.attribution.cause import ANY_FAILURE, Condition, Tally
from auditor.files import Json, to_json
from auditor.outcomes import FAILURES, Outcome
from auditor.report.numbers import setting

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_LEVELS = 12
"""Values per axis that still make a readable picture; beyond, an axis is split by the condition."""


MOST_PAIRS = 3
"""Pictures of pairs."""

MOST_VALUES = 6
"""Single values beside the causes."""

THIN = 5
"""Runs below which a share is little to go by: a single one moves it by more than 20 %."""


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

    @property
    def has_thin(self) -> bool:
        """Whether any combination was seen, but less than `THIN` times."""
        return any(0 < n < THIN for row in self.total for n in row)


def strongest_values(audit: "Audit") -> list[Tally]:
    """Single values with which more fail than without, by how many; each with one outcome.

    Those that are causes by themselves are left out.
    """
    told = {cause.conditions for cause in audit.causes}
    shown: dict[tuple[Condition, ...], Tally] = {}
    for tally in sorted(audit.attribution.values, key=lambda tally: -(tally.effect or 0.0)):
        if (tally.effect or 0.0) > 0 and tally.conditions not in told:
            shown.setdefault(tally.conditions, tally)
    return list(shown.values())[:MOST_VALUES]


def top_pairs(audit: "Audit") -> tuple[PairCounts, ...]:
    """The pairs worth a picture: of causes that are pairs, strongest first, then those that add.

    No two of them are of the same two hyperparameters.
    """
    chosen: dict[frozenset[str], tuple[str, tuple[Condition, ...]]] = {}
    for outcome, tests in _candidates(audit):
        names = frozenset(test.hyperparameter for test in tests)
        if len(names) == 2:
            chosen.setdefault(names, (outcome, tests))
        if len(chosen) == MOST_PAIRS:
            break
    return tuple(pair_counts(audit, o, (tests[0], tests[1])) for o, tests in chosen.values())


def _candidates(audit: "Audit") -> Iterator[tuple[str, tuple[Condition, ...]]]:
    adding = sorted(audit.attribution.pairs, key=lambda pair: -(pair.added or 0.0))
    for place, cause in enumerate(audit.causes):
        yield cause.outcome, cause.conditions
        if place == 0:
            # Beside a single value, whatever pair with its hyperparameter adds most to its outcome.
            axes = {test.hyperparameter for test in cause.conditions}
            related = (
                pair
                for pair in adding
                if pair.outcome == cause.outcome
                and axes & {test.hyperparameter for test in pair.conditions}
            )
            yield from ((pair.outcome, pair.conditions) for pair in islice(related, 1))
    yield from ((t.outcome, t.conditions) for t in adding if (t.added or 0.0) > 0)


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
    if test.operator == "==":
        holds, otherwise = setting(test.value), "another"
    else:
        is_more = test.operator == ">="
        holds = f"{'≥' if is_more else '≤'} {setting(test.value)}"
        otherwise = f"{'<' if is_more else '>'} {setting(test.value)}"
    return (holds, otherwise), lambda value: holds if _meets(value, test) else otherwise


def _meets(value: Json, test: Condition) -> bool:
    if test.operator == "==":
        return to_json(value) == to_json(test.value)
    try:
        return bool(value <= test.value if test.operator == "<=" else value >= test.value)
    except TypeError:
        return False
