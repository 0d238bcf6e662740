"""The report on data alone: what they show, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.diagnosis.wording import percent
from auditor.report.numbers import count, number
from auditor.report.parts import Section
from auditor.report.terminal import laid_out
from auditor.report.words.background import checks
from auditor.report.words.findings import findings
from auditor.report.words.phrases import sentence
from auditor.trials import DataChecks

if TYPE_CHECKING:
    from auditor.checking import DataAudit


def render_data(found: "DataAudit", width: int = 80, colour: bool = False) -> str:
    """The report as text that ends in a newline; see `auditor.report.terminal.laid_out`."""
    shown = replace(found.audit, findings=found.findings, checks=found.checks)
    return laid_out((_facts(found.data), findings(shown), checks(shown)), width, colour)


def _facts(data: DataChecks) -> Section:
    notes = tuple(sentence(note) for note in data.notes)
    return Section("data", "Data", facts=tuple(_named(data)), notes=notes)


def _named(data: DataChecks) -> Iterator[tuple[str, str]]:
    yield "rows", f"{count(data.train_rows)} to train, {count(data.validation_rows)} to validate"
    if data.scale is not None:
        features = count(data.scale.features, "feature")
        fixed = f", {count(data.scale.constant)} of them constant" * bool(data.scale.constant)
        yield "inputs", f"{features}{fixed}"
    if data.repeats is not None:
        share = data.repeats.shared / data.repeats.rows
        yield (
            "shared rows",
            f"{count(data.repeats.shared)} of {count(data.repeats.rows)} ({percent(share)})",
        )
    if data.neighbours is not None and data.neighbours.rows:
        near = data.neighbours
        yield "near duplicates", f"{count(near.near)} of {count(near.rows)} compared"
    if data.labels is not None:
        name = "Cramér's V" if data.labels.kind == "classes" else "D"
        yield "labels", f"differ by {name} = {number(data.labels.effect)}"
    if data.separation is not None:
        apart = data.separation
        interval = f"{number(apart.low)} to {number(apart.high)}"
        yield "told apart with", f"AUC {number(apart.auc)} (95 % interval {interval})"
    if data.constant is not None and data.constant.accuracy is not None:
        answer = data.constant.answer
        yield "a constant reaches", f"accuracy {number(data.constant.accuracy)}, with {answer}"
    elif data.constant is not None and data.constant.rmse is not None:
        yield "a constant reaches", f"root mean square error {number(data.constant.rmse)}"
