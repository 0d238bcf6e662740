"""The report on data alone: what they show, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.diagnosis.shift import APART, labels_differ
from auditor.diagnosis.wording import percent
from auditor.report.numbers import count, number
from auditor.report.parts import Section
from auditor.report.terminal import laid_out
from auditor.report.words.background import checks
from auditor.report.words.findings import findings
from auditor.report.words.phrases import sentence
from auditor.trials import DataChecks
from auditor.trials.data_checks import Separation

if TYPE_CHECKING:
    from auditor.checking import DataAudit

GUESSING = 0.5
"""AUC of a classifier that tells nothing apart."""


def render_data(found: "DataAudit", width: int = 80, colour: bool = False) -> str:
    """The report as text that ends in a newline; see `auditor.report.terminal.laid_out`."""
    return laid_out(data_sections(found), width, colour)


def data_sections(found: "DataAudit") -> tuple[Section, ...]:
    """Facts, findings and checks."""
    shown = replace(found.audit, findings=found.findings, checks=found.checks)
    return _facts(found.data), findings(shown), checks(shown)


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
        how = "differ" if labels_differ(data.labels) else "alike"
        yield "labels", f"{how} ({name} = {number(data.labels.effect)})"
    if data.separation is not None:
        yield "told apart by inputs", _apart(data.separation)
    if data.constant is not None and data.constant.accuracy is not None:
        answer = data.constant.answer
        yield "a constant reaches", f"accuracy {number(data.constant.accuracy)}, with {answer}"
    elif data.constant is not None and data.constant.rmse is not None:
        yield "a constant reaches", f"root mean square error {number(data.constant.rmse)}"


def _apart(found: Separation) -> str:
    interval = f"95 % interval {number(found.low)} to {number(found.high)}"
    if found.auc < GUESSING:
        # Halves of a small sample: what one has more of, the other lacks.
        return "no (AUC at most 0.5, which is guessing)"
    told = "yes" if found.low > APART else "hardly" if found.low > GUESSING else "no"
    return f"{told} (AUC {number(found.auc)}, {interval}; guessing has 0.5)"
