"""What was observed, before anything is judged: for a notebook that shows `Trials`."""

from collections import Counter
from typing import TYPE_CHECKING

from auditor.report.numbers import UNKNOWN, count, setting
from auditor.report.parts import Cell, Column, Row, Section, Table

if TYPE_CHECKING:
    from auditor.trials import Trials

MOST_AXES = 10


def observed(trials: "Trials") -> Section:
    """Counts, and a table of the trials in the order of their start."""
    named = dict.fromkeys(n for values in trials.hyperparameters.values() for n in values)
    names = list(named)[:MOST_AXES]
    columns = (Column("trial"), *map(Column, names), Column("recorded"))
    rows = tuple(
        Row(
            (
                Cell(trial),
                *(Cell(setting(values[n]) if n in values else UNKNOWN) for n in names),
                Cell(trials.coverage_of(trial)),
            )
        )
        for trial, values in trials.hyperparameters.items()
    )
    left = len(named) - len(names)
    note = f"Left out: {count(left, 'more hyperparameter')}." if left else ""
    tables = (Table("", columns, rows, note),) if rows else ()
    return Section("observed", _title(trials), facts=_facts(trials), tables=tables)


def _title(trials: "Trials") -> str:
    parts = [
        count(len(trials.hyperparameters), "trial"),
        count(len(trials.runs), "run"),
        f"up to {count(trials.epochs, 'epoch')}",
    ]
    return ", ".join(parts if trials.epochs else parts[:2])


def _facts(trials: "Trials") -> tuple[tuple[str, str], ...]:
    aim = "smaller is better" if trials.objective.direction == "min" else "larger is better"
    statuses = Counter(recorded.status for recorded in trials.recorded.values())
    known = trials.provenance
    facts = (
        ("from", f"{known.path or UNKNOWN} ({known.tool})"),
        ("objective", f"{trials.objective.name}, {aim}"),
        ("metrics", ", ".join(trials.metrics)),
        ("runs", ", ".join(f"{count(n)} {status}" for status, n in statuses.most_common())),
        ("problems", count(len(known.problems)) if known.problems else ""),
    )
    return tuple(fact for fact in facts if fact[1])
