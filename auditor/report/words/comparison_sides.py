"""Both sides of a comparison in numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.report.numbers import UNKNOWN, count, epoch, number, ratio, seconds
from auditor.report.parts import Cell, Column, Row, Table

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.comparing import Comparison


def sides_in_numbers(found: "Comparison") -> Table:
    """One row per number, with a column for each side."""
    sides = (found.before, found.after)
    names = [audit.trials.objective.name for audit in sides]
    best = [_first(audit) for audit in sides]
    rows = [("best trial", *(trial or UNKNOWN for trial in best))]
    scores = [a.scores.by_trial[t] if t else None for a, t in zip(sides, best, strict=True)]
    for name in dict.fromkeys(names):
        rows.append(
            (
                f"its {name}",
                *(
                    number(score.objective) if score and name == own else UNKNOWN
                    for score, own in zip(scores, names, strict=True)
                ),
            )
        )
    rows += [
        ("its best epoch", *(epoch(score.best_epoch) if score else UNKNOWN for score in scores)),
        ("its generalization gap", *(number(score.gap) if score else UNKNOWN for score in scores)),
        *_on_test(sides),
        *_outcomes(sides),
        ("epochs trained", *(count(spent.epochs) for spent in found.spent)),
        ("training time of all runs", *(seconds(spent.seconds) for spent in found.spent)),
    ]
    columns = (Column("what"), Column("before", "right"), Column("after", "right"))
    return Table("", columns, tuple(Row(tuple(map(Cell, row))) for row in rows), brief=len(rows))


def _first(audit: "Audit") -> str | None:
    first = next(iter(audit.scores.by_trial), None)
    return first if first and audit.scores.by_trial[first].rank is not None else None


def _on_test(sides: "tuple[Audit, Audit]") -> Iterator[tuple[str, str, str]]:
    """Test metrics of the best trials; of an earlier winner none."""
    was, now = (
        found.metrics if found and found.trial_id == _first(audit) else {}
        for audit in sides
        for found in [audit.trials.context.on_test]
    )
    for name in {**was, **now}:
        yield f"its test {name}", number(was.get(name)), number(now.get(name))


def _outcomes(sides: "tuple[Audit, Audit]") -> Iterator[tuple[str, str, str]]:
    outcomes = [list(audit.outcomes.by_trial.values()) for audit in sides]
    for outcome in dict.fromkeys((*outcomes[0], *outcomes[1])):
        first, second = (ratio(side.count(outcome), len(side)) for side in outcomes)
        yield f"trials: {outcome.value}", first, second
