"""From training and validation data to findings, without a search."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auditor.auditing import Audit, audit
from auditor.data_checks import compare
from auditor.diagnosis.finding import Check, Finding
from auditor.errors import DataError
from auditor.files import Json
from auditor.trials import Context, DataChecks, Objective, Trials, empty_curves

SCHEMA = 1
"""Version of the record."""

CODES = ("AUD031", "AUD032", "AUD033", "AUD034", "AUD035", "AUD037", "AUD038")
"""Rules that judge data alone."""


def check_data(
    x: Any,
    y: Any,
    x_validation: Any,
    y_validation: Any,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
    table: tuple[Any, Any] | None = None,
) -> "DataAudit":
    """Compare training and validation data, before anything is trained.

    Args:
        x: Training inputs: an array of any shape, a table, or nested lists and mappings of these.
        y: Training labels: one per row, or one-hot.
        x_validation: Validation inputs in the same form.
        y_validation: Validation labels in the same form.
        names: Of the features; by default a table's columns.
        classes: Names of the classes, by number.
        table: Inputs, of shape (row, feature), and labels of one table in its own order, where both
            sides were drawn from it at random: then its order is looked at too.

    Raises:
        DataError: The inputs are not plain arrays of numbers with the same features on both sides.

    Example:
        >>> check_data(x, y, x_validation, y_validation).findings
        ()
    """
    data = compare(x, y, x_validation, y_validation, names, classes, table)
    if data is None:
        raise DataError(
            f"inputs cannot be compared: {_form(x)} to train and {_form(x_validation)} to "
            "validate; both must be arrays of numbers, tables, or lists of these, with one entry "
            "per row and the same features"
        )
    trials = Trials(
        {}, {}, empty_curves(), Objective("val_loss"), context=Context(data_checks=data)
    )
    return DataAudit(data, audit(trials))


def _form(x: Any) -> str:
    shape = getattr(x, "shape", None)
    dtype = f" of {x.dtype}" if hasattr(x, "dtype") else ""
    return type(x).__name__ + dtype + (f" of shape {tuple(shape)}" if shape is not None else "")


@dataclass(frozen=True, eq=False)
class DataAudit:
    """What training and validation data show, and what is wrong with them; `str` makes it a text.

    Attributes:
        data: The facts.
        audit: Of no trials, on these data.
    """

    data: DataChecks
    audit: Audit

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, most severe first."""
        return tuple(f for f in self.audit.findings if f.code in CODES)

    @property
    def checks(self) -> tuple[Check, ...]:
        """How each rule on data ended."""
        return tuple(check for check in self.audit.checks if check.code in CODES)

    @property
    def record(self) -> Mapping[str, Json]:
        """All of it as plain values."""
        return {
            "schema": SCHEMA,
            "data": asdict(self.data),
            "findings": [asdict(finding) for finding in self.findings],
            "checks": [asdict(check) for check in self.checks],
        }

    def __str__(self) -> str:
        """The report, 80 columns wide, without colour."""
        # Loaded when asked for: the report stands after this and imports it.
        from auditor.report.data import render_data

        return render_data(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from auditor.report.notebook import data_html

        return data_html(self)
