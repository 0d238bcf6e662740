"""The tables of a comparison."""

from typing import TYPE_CHECKING

from auditor.comparing.records import Axis, CauseChange, Change, Pair
from auditor.files import Json
from auditor.report.numbers import UNKNOWN, aligned, count, ratio, setting
from auditor.report.parts import Cell, Column, Row, Table
from auditor.report.words.phrases import OUTCOME_TONES, SEVERITY_TONES, conditions, did

if TYPE_CHECKING:
    from auditor.comparing import Comparison

MOST_ROWS = 20
"""Rows of a table of trials; the record has all of them."""

MOST_VALUES = 8
"""Values of a hyperparameter that are listed; of more, the range or the number."""

_CHANGES: dict[Change, Cell] = {
    "new": Cell("new", tone="warning"),
    "gone": Cell("went away", tone="good"),
    "stayed": Cell("stayed"),
    "not checked after": Cell("not checked after", tone="quiet"),
    "not checked before": Cell("not checked before", tone="quiet"),
}


def turned(found: "Comparison") -> Table | None:
    """Trials that fail on one side only."""
    pairs = (*found.turned.failing, *found.turned.recovered)
    if not pairs:
        return None
    failing = set(found.turned.failing)
    rows = tuple(
        Row(
            (
                Cell(
                    "fails now" if pair in failing else "recovered",
                    tone="error" if pair in failing else "good",
                ),
                *_outcomes(found, pair),
                *_settings(found, pair),
            )
        )
        for pair in pairs[:MOST_ROWS]
    )
    columns = (Column("what"), *_TRIAL, Column("outcome before"), Column("outcome after"))
    title = "Trials that fail on one side only"
    return Table(title, (*columns, *_axes_columns(found)), rows, _left_out(len(pairs)), MOST_ROWS)


def matched(found: "Comparison") -> Table | None:
    """Trials by how much their objective changed, the largest change first."""
    paired, seeds = found.objective, found.beyond_seeds
    if paired is None or not paired.better + paired.worse:
        return None
    pairs = sorted(paired.differences, key=lambda pair: -abs(paired.differences[pair]))
    pairs = [pair for pair in pairs if paired.differences[pair]][:MOST_ROWS]
    was = [found.before.scores.by_trial[pair.before].objective for pair in pairs]
    now = [found.after.scores.by_trial[pair.after].objective for pair in pairs]
    differences = [paired.differences[pair] for pair in pairs]
    sure = {*seeds.better, *seeds.worse} if seeds else set()
    tested = seeds is not None and seeds.tested > 0
    numbers = zip(
        *(map(_cell, values, aligned(values)) for values in (was, now, differences)), strict=True
    )
    rows = tuple(
        Row(
            (
                Cell(pair.before, pair.before),
                Cell(pair.after, pair.after),
                *measured,
                *([Cell("yes" if pair in sure else "no")] * tested),
                *_settings(found, pair),
            )
        )
        for pair, measured in zip(pairs, numbers, strict=True)
    )
    columns = (
        *_TRIAL,
        Column("before", "right", about="The objective before"),
        Column("after", "right", about="The objective after"),
        Column("change", "right", about="After less before"),
        *([Column("beyond seeds", about="More than its own trainings differ by")] * tested),
        *_axes_columns(found),
    )
    title = f"Trials by how much {found.after.trials.objective.name} changed"
    return Table(title, columns, rows, _left_out(paired.better + paired.worse), MOST_ROWS)


def findings(found: "Comparison") -> Table | None:
    """What became of the findings."""
    if not found.findings:
        return None
    columns = (
        *(Column("code"), Column("finding"), Column("severity"), Column("what became of it")),
        Column("before", "right", about="Trials that have it"),
        Column("after", "right", about="Trials that have it"),
        Column("why", below=True),
    )
    totals = (len(found.before.trials.hyperparameters), len(found.after.trials.hyperparameters))
    rows = tuple(
        Row(
            (
                Cell(change.code, change.code),
                Cell(change.title),
                Cell(change.severity, tone=SEVERITY_TONES[change.severity]),
                _CHANGES[change.change],
                *(
                    Cell(ratio(k, n) if k else UNKNOWN, k)
                    for k, n in zip(
                        (change.trials_before, change.trials_after), totals, strict=True
                    )
                ),
                Cell(change.reason),
            )
        )
        for change in found.findings
    )
    note = "Numbers are trials; a dash stands for none, and for findings about the whole sweep."
    return Table("", columns, rows, note, brief=len(rows))


def causes(found: "Comparison") -> Table | None:
    """What became of the causes, with the same counts on both sides.

    They are not called so: of either side, the design may show association only.
    """
    if not found.causes:
        return None
    columns = (
        *(Column("values"), Column("outcome"), Column("what became of it")),
        Column("before", "right", about="Runs with that outcome, of those with these values"),
        Column("after", "right", about="Runs with that outcome, of those with these values"),
    )
    rows = tuple(
        Row(
            (
                Cell(conditions(change.conditions)),
                Cell(did(change.outcome)),
                _became(change),
                Cell(_tally(change.failing_before, change.total_before)),
                Cell(_tally(change.failing_after, change.total_after)),
            )
        )
        for change in found.causes
    )
    note = (
        "Numbers are runs with that outcome, of those with these values. What no longer "
        "stands out may still fail: fewer runs show less."
    )
    return Table("", columns, rows, note, brief=len(rows))


def axes(found: "Comparison") -> Table | None:
    """The hyperparameters of which other values were searched."""
    if not found.axes:
        return None
    columns = (Column("hyperparameter"), Column("before"), Column("after"), Column("new"))
    rows = tuple(
        Row(
            (
                Cell(axis.name),
                Cell(_values(axis.before)),
                Cell(_values(axis.after)),
                Cell(_new(axis)),
            )
        )
        for axis in found.axes
    )
    return Table("", columns, rows, brief=len(rows))


_TRIAL = (Column("trial before"), Column("trial after"))


def _axes_columns(found: "Comparison") -> tuple[Column, ...]:
    return tuple(Column(name, below=True) for name in found.matching.names)


def _settings(found: "Comparison", pair: Pair) -> tuple[Cell, ...]:
    values = found.after.trials.hyperparameters[pair.after]
    return tuple(
        Cell(setting(values[name]) if name in values else UNKNOWN) for name in found.matching.names
    )


def _outcomes(found: "Comparison", pair: Pair) -> tuple[Cell, ...]:
    was = found.before.outcomes.by_trial[pair.before]
    now = found.after.outcomes.by_trial[pair.after]
    return (
        *(Cell(pair.before, pair.before), Cell(pair.after, pair.after)),
        *(Cell(end.value, tone=OUTCOME_TONES[end]) for end in (was, now)),
    )


def _cell(value: float | None, text: str) -> Cell:
    return Cell(text, value)


def _became(change: CauseChange) -> Cell:
    """A cause of values that were not searched again has not gone away."""
    if not change.total_after:
        return Cell("not searched after", tone="quiet")
    if not change.total_before:
        return Cell("new, not searched before", tone="warning")
    before = change.failing_before / change.total_before
    if change.change == "gone" and change.failing_after / change.total_after >= before:
        return Cell("no longer shown")
    return _CHANGES[change.change]


def _tally(failing: int, total: int) -> str:
    return ratio(failing, total) if total else UNKNOWN


def _values(values: tuple[Json, ...]) -> str:
    if not values:
        return "not there"
    if len(values) <= MOST_VALUES:
        return ", ".join(map(setting, values))
    first, last = values[0], values[-1]
    if all(type(value) in (int, float) for value in values):
        return f"{count(len(values))} values from {setting(first)} to {setting(last)}"
    return f"{count(len(values))} values"


def _new(axis: Axis) -> str:
    added = [value for value in axis.after if value not in axis.before]
    return _values(tuple(added)) if added else "none"


def _left_out(total: int) -> str:
    left = total - MOST_ROWS
    return f"{count(left)} more are in the record (--json)." if left > 0 else ""
