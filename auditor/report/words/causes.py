"""Which hyperparameter values go with which outcome."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auditor.attribution.cause import ANY_FAILURE, Cause, Rescue, Tally
from auditor.attribution.nearest import find_nearest
from auditor.attribution.thresholds import MATTERS
from auditor.outcomes import FAILURES, Outcome
from auditor.report.numbers import count, number, percent, ratio
from auditor.report.parts import Cell, Column, Entry, Row, Section, Table
from auditor.report.words import cause_pictures, gaps
from auditor.report.words.phrases import (
    EVIDENCE,
    OUTCOME_TONES,
    condition,
    conditions,
    did,
    sentence,
)

if TYPE_CHECKING:
    from auditor.auditing import Audit

MOST_PAIRS = 100
"""Rows in the table of pairs: beyond, each adds next to nothing."""

_GOES_WITH = "What failures go with"

_DESIGN = {
    "full grid": "a full grid of {cells}",
    "grid with holes": "a grid of {cells} with {holes} missing",
    "random": "drawn at random",
    "adaptive": "chosen by looking at earlier results",
    "unknown": "chosen in a way that is not known",
}


def causes(audit: "Audit") -> Section:
    """The section."""
    if len(audit.trials.hyperparameters) == 1:
        alone = "A single trial: there is nothing to compare its hyperparameters with."
        return Section("causes", heading(audit), paragraphs=(alone,))
    found = audit.attribution
    entries = tuple(_entry(i, cause) for i, cause in enumerate(found.causes, 1))
    tables = (
        *_values(found.values),
        *gaps.by_value(found.gaps),
        *_pairs(found.pairs),
        *gaps.by_pair(found.gap_pairs, found.causes),
        *_rescues(found.causes),
    )
    return Section(
        "causes",
        heading(audit),
        paragraphs=() if entries else (_none(audit),),
        facts=(("configurations", _design(audit)),),
        entries=entries,
        tables=tables,
        figures=cause_pictures.pictures(audit),
        notes=found.notes,
    )


def heading(audit: "Audit") -> str:
    """What the section is called."""
    return "Causes" if shows_causes(audit) else _GOES_WITH


def shows_causes(audit: "Audit") -> bool:
    """Whether something stands out, and the design lets us call it a cause."""
    censored = Outcome.PRUNED in audit.outcomes.by_trial.values()
    levels = {cause.evidence for cause in audit.causes}
    return bool(levels) and "associated" not in levels and not censored


def why(cause: Cause) -> str:
    """A cause as it stands in the verdict, with what introduces it."""
    lead = "Failures go with" if cause.evidence == "associated" else "Why"
    return f"{lead}: {sentence(cause.sentence)}"


def _none(audit: "Audit") -> str:
    kinds = set(audit.outcomes.by_trial.values())
    if kinds == {Outcome.OK}:
        return "No trial failed."
    if len(kinds) == 1 and kinds < set(FAILURES):
        return "Every trial failed, and in the same way: there is nothing to compare them with."
    nearest = find_nearest(audit.attribution.values, len(audit.trials.hyperparameters))
    return sentence(f"No value or pair of values stands out. {nearest}".strip())


def _entry(place: int, cause: Cause) -> Entry:
    counts = cause.counts
    details = [
        f"{count(counts.failing)} of {count(counts.total, 'run')} {did(cause.outcome)} with it, "
        f"{count(counts.failing_elsewhere)} of {count(counts.total_elsewhere)} without"
    ]
    if cause.effect is not None:
        details.append(f"Difference of rates: {percent(cause.effect)}{_interval(cause)}")
    if cause.adjusted_p is not None:
        details.append(
            f"Adjusted p: {number(cause.adjusted_p, 2)}, over everything looked at{_part(cause)}"
        )
    details.append(f"Evidence: {EVIDENCE[cause.evidence]}")
    tone = OUTCOME_TONES.get(cause.outcome, "error")
    title = conditions(cause.conditions)
    return Entry(str(place), title, tone, cause.outcome, sentence(cause.sentence), tuple(details))


def _part(cause: Cause) -> str:
    if cause.part_p is None:
        return ""
    return f"; that none of it could be left out: p {number(cause.part_p, 2)} (at most {MATTERS})"


def _interval(cause: Cause) -> str:
    if cause.interval is None:
        return ""
    low, high = cause.interval
    return f" (95 % interval {percent(low)} to {percent(high)})"


def _values(tallies: Iterable[Tally]) -> tuple[Table, ...]:
    """Failing/total with one row per value and one column per outcome."""
    outcomes = [*(o.value for o in FAILURES), ANY_FAILURE]
    cells: dict[tuple[str, str], dict[str, Tally]] = {}
    for tally in tallies:
        row = tally.conditions[0].hyperparameter, condition(tally.conditions[0])
        cells.setdefault(row, {})[tally.outcome] = tally
    shown = [o for o in outcomes if any(o in by_outcome for by_outcome in cells.values())]
    columns = (Column("value"), *(Column(outcome, "right") for outcome in shown))
    rows = tuple(
        Row((Cell(text, text), *(_share(by_outcome.get(outcome)) for outcome in shown)))
        for (_, text), by_outcome in cells.items()
    )
    note = "Runs with that outcome / runs with that value."
    return (Table("By value", columns, rows, note, brief=30),) if rows else ()


def _share(tally: Tally | None) -> Cell:
    if tally is None or not tally.total:
        return Cell(ratio(0, 0))
    share = tally.failing / tally.total
    return Cell(ratio(tally.failing, tally.total), share, share)


def _by_what_it_adds(pairs: Iterable[Tally]) -> list[Tally]:
    def key(tally: Tally) -> tuple[float, int]:
        return -(tally.added if tally.added is not None else -1.0), -tally.failing

    return sorted(pairs, key=key)


def _pairs(pairs: tuple[Tally, ...]) -> tuple[Table, ...]:
    ordered = _by_what_it_adds(pairs)
    rows = tuple(
        Row(
            (
                Cell(conditions(tally.conditions), conditions(tally.conditions)),
                Cell(tally.outcome, tally.outcome, tone=OUTCOME_TONES.get(tally.outcome, "plain")),
                _share(tally),
                Cell(ratio(tally.failing_elsewhere, tally.total_elsewhere)),
                Cell(percent(tally.added), tally.added),
            )
        )
        for tally in ordered[:MOST_PAIRS]
    )
    columns = (
        Column("pair"),
        Column("outcome"),
        Column("with both", "right"),
        Column("elsewhere", "right"),
        Column("adds", "right", about="Its rate less the higher rate of either half alone"),
    )
    note = "What a pair adds: its rate less the higher of the rates of either half alone."
    if len(ordered) > MOST_PAIRS:
        note += f" {count(len(ordered) - MOST_PAIRS)} pairs that add less are left out."
    return (Table("By pair", columns, rows, note, brief=8),) if rows else ()


def _rescues(found: tuple[Cause, ...]) -> tuple[Table, ...]:
    rows = tuple(
        Row(
            (
                Cell(conditions(cause.conditions), conditions(cause.conditions)),
                Cell(cause.outcome, cause.outcome, tone=OUTCOME_TONES.get(cause.outcome, "plain")),
                Cell(rescue.hyperparameter, rescue.hyperparameter),
                _rescued(rescue),
                Cell(count(rescue.failing), rescue.failing),
            )
        )
        for cause in found
        for rescue in cause.rescues
        if rescue.tested
    )
    columns = (
        Column("failing with"),
        Column("outcome"),
        Column("changing only"),
        Column("rescues", "right"),
        Column("failing trials", "right"),
    )
    note = (
        "Failing trials with an observed neighbour that does not fail / failing trials with any "
        "observed neighbour, where a neighbour differs in that one hyperparameter."
    )
    return (Table("Rescues", columns, rows, note, brief=12),) if rows else ()


def _rescued(rescue: Rescue) -> Cell:
    rate = rescue.rescued / rescue.tested if rescue.tested else None
    return Cell(ratio(rescue.rescued, rescue.tested), rate, rate)


def _design(audit: "Audit") -> str:
    found, trials = audit.attribution, len(audit.trials.hyperparameters)
    return _DESIGN[found.design].format(
        cells=count(found.cells), holes=count(max(0, found.cells - trials))
    )
