"""What the training was spent on."""

from typing import TYPE_CHECKING

from auditor.report.numbers import count, percent, seconds
from auditor.report.parts import Cell, Column, Picture, Row, Section, Table

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.diagnosis.spending import Spending, Use

NAMES: dict["Use", str] = {
    "to the best epoch": "up to the best epoch",
    "after the best epoch": "after the best epoch",
    "after divergence": "after divergence",
    "never learned": "never learned",
    "repeated": "repeated settings",
    "crashed": "crashed",
    "outside epochs": "outside epochs",
    "not known": "not known",
}

_SAVES: dict["Use", str] = {
    "to the best epoch": "",
    "after the best epoch": "early stopping, but for the epochs that it waits",
    "after divergence": "ending a run once its loss is not a number, or far above the start",
    "never learned": "leaving out values it goes with, if any stand out; or a test of a few epochs",
    "repeated": "nothing, if it is to tell how much is luck; else trying each setting once",
    "crashed": "building every model once before the sweep",
    "outside epochs": "building, compiling and saving: fewer different structures",
    "not known": "recording the learning curves",
}
"""What would save that part, in words."""

ABOUT = "Share of all training for each use; the table has the same numbers"


def compute(audit: "Audit") -> Section | None:
    """The section; None where neither epochs nor times say what training went into."""
    spending = audit.spending
    if spending is None or set(spending.parts) <= {"not known"}:
        return None
    unit = "time" if spending.unit == "s" else "epochs"
    return Section(
        "compute",
        "Compute spent",
        paragraphs=(_summary(spending),),
        tables=(_table(audit, spending, unit),),
        figures=(Picture("compute", f"What the {unit} of training went into", ABOUT),),
        notes=tuple(_notes(audit, spending)),
    )


def amount(value: float, unit: str) -> str:
    """Time or epochs: "2 min 5 s", "1,200 epochs"."""
    return seconds(value) if unit == "s" else count(round(value), "epoch")


def _summary(spending: "Spending") -> str:
    total = amount(spending.total, spending.unit)
    useful = percent(spending.share("to the best epoch"))
    lost = [use for use in spending.parts if use not in ("to the best epoch", "outside epochs")]
    largest = max(lost, key=spending.share, default=None)
    text = f"Training took {total} in all, of which {useful} led up to the best epoch of a run."
    if largest is None or not percent(spending.share(largest)).strip("0 %"):
        return text
    part = spending.parts[largest]
    size = f"{amount(part.amount, spending.unit)} ({percent(spending.share(largest))})"
    runs = count(part.runs, "run")
    return f"{text} The largest other part, {size}, is {_MEANINGS[largest]} ({runs})."


_MEANINGS: dict["Use", str] = {
    "after the best epoch": "what came after the best epoch",
    "after divergence": "what runs went on for after they had diverged",
    "never learned": "runs that never learned",
    "repeated": "trials whose hyperparameters an earlier trial already had",
    "crashed": "runs that crashed",
    "not known": "runs without a learning curve",
}


def _table(audit: "Audit", spending: "Spending", unit: str) -> Table:
    # Only a cause names values that could be left out.
    saves = _SAVES if audit.causes else _SAVES | {"never learned": "a test of a few epochs"}
    columns = (
        Column("went into"),
        Column(unit, "right"),
        Column("share", "right"),
        Column("runs", "right"),
        Column("what saves it"),
    )
    rows = tuple(
        Row(
            (
                Cell(NAMES[use], place),
                Cell(amount(part.amount, spending.unit), part.amount),
                Cell(percent(spending.share(use)), spending.share(use), spending.share(use)),
                Cell(count(part.runs), part.runs),
                Cell(saves[use]),
            )
        )
        for place, (use, part) in enumerate(spending.parts.items())
    )
    return Table("", columns, rows)


def _notes(audit: "Audit", spending: "Spending") -> list[str]:
    notes = []
    if spending.untimed:
        runs = len(audit.trials.runs)
        missing = "no time is recorded"
        if spending.untimed < runs:
            missing = f"no time of {count(spending.untimed)} of {count(runs, 'run')} is recorded"
        notes.append(f"Counted in epochs: {missing}.")
    if spending.spread:
        notes.append(
            f"Of {count(spending.spread, 'run')} only the whole time is recorded: there each epoch "
            "counts as long as any other."
        )
    if spending.shared:
        notes.append(
            f"{count(spending.shared, 'run')} trained in stacks, and each counts with its share of "
            "its stack's time. Ending one of them early may save less than that: the others go on."
        )
    return notes
