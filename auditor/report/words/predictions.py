"""What the best model says of the validation rows, beside the truth."""

from typing import TYPE_CHECKING

from auditor.report.numbers import UNKNOWN, count, number, percent, ratio
from auditor.report.parts import Cell, Column, Picture, Row, Section, Table
from auditor.trials import Confusion, Deviations, Predictions

if TYPE_CHECKING:
    from auditor.auditing import Audit

CHOSEN_BY = (
    "These rows chose the trial and its best epoch, so that all this looks a little better than it "
    "will on new data."
)

UNIT = (
    "Errors and both axes count in units of the target as training got it. `auditor sweep --data` "
    "standardises it: then these are standard deviations of the target, of its training rows."
)

FAR_FROM_ONE = 2.0
"""Times that the deviation of validation targets is off 1 from which they were not standardised."""


def predictions(audit: "Audit") -> Section | None:
    """The section; None where no predictions are known."""
    found = audit.trials.context.predictions
    if found is None or (found.classes is None and found.numbers is None):
        return None
    if found.classes is not None:
        return _of_classes(found, found.classes)
    assert found.numbers is not None
    return _of_numbers(found, found.numbers)


def _rows(found: Predictions) -> str:
    of = f" of {count(found.of_rows)}" if found.of_rows > found.rows else ""
    return f"{count(found.rows)}{of} validation {'row' if found.rows == 1 else 'rows'}"


def _of_classes(found: Predictions, confusion: Confusion) -> Section:
    text = (
        f"With its best weights, trial {found.trial_id} gets {percent(confusion.accuracy)} of "
        f"{_rows(found)} right; the most frequent class for every row would get "
        f"{percent(confusion.majority)}."
    )
    figures: tuple[Picture, ...] = ()
    if confusion.counts:
        caption = "Validation rows by class, and by what the model told"
        about = "Rows for each pair of true and predicted class; the table has them by class"
        figures = (Picture("predictions", caption, about),)
    return Section(
        "predictions",
        "Predictions",
        paragraphs=(text,),
        tables=(*_by_class(confusion), *_mistakes(confusion)),
        figures=figures,
        notes=(CHOSEN_BY,),
    )


def _by_class(confusion: Confusion) -> tuple[Table, ...]:
    """Recall and precision of each class."""
    if not confusion.counts:
        return ()
    columns = (
        Column("class"),
        Column("rows", "right"),
        Column("recall", "right", about="Share of the rows of the class that are told right"),
        Column("precision", "right", about="Share of the rows told to be of the class that are"),
        Column("most often taken for"),
    )
    rows = []
    for place, (name, counts) in enumerate(zip(confusion.classes, confusion.counts, strict=True)):
        right, total = counts[place], sum(counts)
        told = sum(row[place] for row in confusion.counts)
        wrong = max((n, -p) for p, n in enumerate(counts) if p != place)
        other = f"{confusion.classes[-wrong[1]]} ({count(wrong[0])})" if wrong[0] else UNKNOWN
        recall, precision = _share(right, total), _share(right, told)
        cells = (
            Cell(name, place),
            Cell(count(total), total),
            Cell(percent(recall), recall),
            Cell(percent(precision), precision),
            Cell(other, wrong[0]),
        )
        rows.append(Row(cells))
    return (Table("By class", columns, tuple(rows), brief=len(rows)),)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mistakes(confusion: Confusion) -> tuple[Table, ...]:
    if confusion.counts or not confusion.mistakes:
        return ()
    columns = (Column("class"), Column("told to be"), Column("rows", "right"))
    rows = tuple(
        Row((Cell(m.truth), Cell(m.prediction), Cell(ratio(m.rows, m.of_rows), m.rows)))
        for m in confusion.mistakes
    )
    note = f"Of {count(confusion.number_of_classes, 'class', 'classes')} in all."
    return (Table("Most frequent mistakes", columns, rows, note=note, brief=len(rows)),)


def _of_numbers(found: Predictions, off: Deviations) -> Section:
    explained = "" if off.r2 is None else f"; R² is {number(off.r2, 3)}"
    text = (
        f"With its best weights, trial {found.trial_id} is off by {number(off.rmse)} on "
        f"{_rows(found)} (root mean square; {number(off.mae)} on average{explained}); their mean "
        f"for every row would be off by {number(off.rmse_of_mean)}."
    )
    caption = "Prediction against truth; on the line they are equal"
    about = "A point per row, truth across and prediction up; the text has the errors"
    return Section(
        "predictions",
        "Predictions",
        paragraphs=(text,),
        figures=(Picture("predictions", caption, about),),
        notes=(*_unit(off), CHOSEN_BY),
    )


def _unit(off: Deviations) -> tuple[str, ...]:
    """Nothing on other units: those are the target's own."""
    may_be_standard = 1 / FAR_FROM_ONE < off.rmse_of_mean < FAR_FROM_ONE
    return (UNIT,) if may_be_standard else ()
