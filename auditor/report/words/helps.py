"""What helps: the values of this very sweep that did better than others, and what did nothing."""

from typing import TYPE_CHECKING

from auditor.attribution.cause import Condition
from auditor.attribution.help import Help
from auditor.attribution.telling import difference
from auditor.report.numbers import UNKNOWN, count, number
from auditor.report.parts import Cell, Column, Row, Section, Table, Tone
from auditor.report.words.phrases import EVIDENCE, condition, listed

if TYPE_CHECKING:
    from auditor.auditing import Audit

_EVIDENCE = {
    **EVIDENCE,
    "but-for": "matched: pairs of observed trials that differ in this one value",
}

DIGITS = 2
"""Of the smallest detectable effect: it is an estimate."""


def helps(audit: "Audit") -> Section | None:
    """The section; None where nothing could be compared."""
    found, objective = audit.helping, audit.trials.objective.name
    if not found.comparisons:
        return None
    tables = (
        *([_helping(found.helps, objective)] if found.helps else []),
        *([_without_effect(audit)] if found.without_effect else []),
    )
    among = f"the {count(found.trials, 'trial')} that ended with a result and did not diverge"
    told = f"No value clearly lowered the gap or improved the best {objective} among {among}."
    if found.helps:
        told = f"Values that lowered the gap or improved the best {objective}, among {among}."
    return Section(
        "helps",
        "What helps",
        paragraphs=(told,),
        tables=tables,
        notes=found.notes,
    )


def _helping(found: tuple[Help, ...], objective: str) -> Table:
    rows = tuple(
        Row(
            (
                Cell(condition(one.value), condition(one.value)),
                Cell(_other(one.against)),
                Cell(difference(one.gap, one.gap_interval), one.gap, tone=_tone(one.lowers_gap)),
                Cell(
                    difference(one.objective, one.objective_interval),
                    one.objective,
                    tone=_tone(one.improves),
                ),
                Cell(_size(one)),
            )
        )
        for one in found
    )
    columns = (
        Column("value"),
        Column("against"),
        Column("change in gap", "right", about="Of the gap at the best epoch"),
        Column(f"in {objective}", "right", about="Of the best one"),
        Column("seen in"),
    )
    return Table("", columns, rows, note=_EVIDENCE[found[0].evidence].capitalize() + ".")


def _tone(is_better: bool) -> Tone:
    return "good" if is_better else "plain"


def _size(one: Help) -> str:
    return count(one.pairs, "pair") if one.pairs else count(one.trials, "trial")


def _other(against: Condition) -> str:
    """The value compared with, beside one of the same hyperparameter: "0.0", "≤ 0.001"."""
    return condition(against).removeprefix(f"{against.hyperparameter} ").removeprefix("= ")


def _without_effect(audit: "Audit") -> Table:
    found, objective = audit.helping.without_effect, audit.trials.objective.name
    rows = tuple(
        Row(
            (
                Cell(one.hyperparameter, one.hyperparameter),
                *(
                    Cell(UNKNOWN if size is None else number(size, DIGITS), size)
                    for size in (one.gap, one.objective)
                ),
            )
        )
        for one in found
    )
    columns = (Column("hyperparameter"), Column("gap", "right"), Column(objective, "right"))
    note = "The smallest difference that this sweep would have seen four times in five."
    behind = {c.hyperparameter for cause in audit.causes for c in cause.conditions}
    failing = [one.hyperparameter for one in found if one.hyperparameter in behind]
    if failing:
        note += f" That is among survivors: failures go with {listed(failing)}, see above."
    title = f"No detectable effect on the gap or the best {objective}"
    return Table(title, columns, rows, note)
