"""AUD021: training and validation that are the same numbers, or both without a mistake."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.sides import of_sides, ranked, who
from auditor.diagnosis.wording import needs_curves
from auditor.outcomes import accuracy_of, share
from auditor.outcomes.curves import there
from auditor.trials import Column, role, twin

EQUAL_EPOCHS = 3
"""Epochs, with as many different values, in which training must equal validation."""

EQUAL_STEP = 4.0
"""Units of the last printed digit that the curve must typically move per epoch: averaging over half
an epoch alone then makes both differ by two."""

EQUAL_DIGITS = 6
"""Decimals from which equality in `SURE_EPOCHS` epochs leaves no doubt."""

SURE_EPOCHS = 5
"""Epochs of equality that leave no doubt; and epochs, from the first on, without a single mistake
on either side that are too good to be true."""

FEW_ROWS = 100
"""Validation rows below which it is no wonder that none is wrong."""


def _needs_pair(seen: Judged) -> str | None:
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    if not _pairs(seen):
        return "no metric was recorded by epoch on both training and validation data"
    if seen.trials.epochs < EQUAL_EPOCHS:
        return f"no run has {EQUAL_EPOCHS} epochs"
    return None


def _pairs(seen: Judged) -> list[str]:
    """Training metrics whose twins were recorded: the loss, or all others where there is none."""
    both = [m for m in seen.trials.metrics if role(m) == "train" and twin(m) in seen.trials.metrics]
    return ["loss"] if "loss" in both else both


def _equality(seen: Judged) -> Iterator[Finding]:
    for metric in _pairs(seen):
        training, validation = (seen.trials.column(name) for name in (metric, twin(metric)))
        found = [run for run in _equal(training, validation) if _moves(validation, run)]
        if not found:
            continue
        runs = [seen.trials.runs[place] for place in ranked(seen, found)]
        values = validation.curve(seen.measured.places[runs[0]]).values
        epochs, digits = int(np.isfinite(values).sum()), _decimals(values)
        yield of_sides(
            EQUALITY,
            runs,
            f"{who(seen, runs)}: {metric} and {twin(metric)} are equal to the last digit in all "
            f"{epochs} epochs, which no two data sets are: the same data, or the same number "
            "logged twice, so validation says nothing of other data",
            (
                Evidence("epochs in which both are equal", epochs, "epochs", EQUAL_EPOCHS),
                Evidence("decimals", digits, "", EQUAL_DIGITS),
            ),
            EQUALITY.severity,
            "high" if epochs >= SURE_EPOCHS and digits >= EQUAL_DIGITS else "medium",
        )
        return
    yield from _perfection(seen)


def _equal(training: Column, validation: Column) -> list[int]:
    """Positions of the runs whose curves are equal wherever both are numbers, and change."""
    other = there(training, validation).values
    both = np.isfinite(other) & np.isfinite(validation.values)
    equal = both & (other == validation.values)
    many = _per_run(equal, validation)
    return np.flatnonzero((many == _per_run(both, validation)) & (many >= EQUAL_EPOCHS)).tolist()


def _per_run(marks: NDArray[np.bool_], column: Column) -> NDArray[np.intp]:
    """How many are marked; (run,)."""
    return np.asarray(np.diff(np.append(0, np.cumsum(marks))[column.bounds]))


def _moves(column: Column, run: int) -> bool:
    """Whether a curve moves so much that half an epoch of averaging would show."""
    values = column.curve(run).values
    values = values[np.isfinite(values)]
    if len(np.unique(values)) < EQUAL_EPOCHS:
        return False
    return bool(np.median(np.abs(np.diff(values))) >= EQUAL_STEP * 10.0 ** -_decimals(values))


def _decimals(values: NDArray[np.float64]) -> int:
    """To how many decimals values were printed, at most 9."""
    values = values[np.isfinite(values)]
    return next((d for d in range(9) if np.array_equal(np.round(values, d), values)), 9)


def _perfection(seen: Judged) -> Iterator[Finding]:
    """Not one mistake on either side, from the first epochs on: the target may be in the inputs."""
    name, rows = accuracy_of(seen.trials), seen.trials.context.validation_rows
    if not name or (rows is not None and rows < FEW_ROWS):
        return
    training, validation = (seen.trials.column(metric) for metric in (name, twin(name)))
    right, own = share(validation.values), there(training, validation)
    # The first epoch of training starts from nothing, and its average shows that.
    perfect = (right == 1) & ((share(own.values) == 1) | (own.epochs == 0))
    first = _per_run(validation.epochs == 0, validation) > 0
    many = _per_run(perfect, validation)
    found = np.flatnonzero(first & (many == np.diff(validation.bounds)) & (many >= SURE_EPOCHS))
    if not len(found):
        return
    runs = [seen.trials.runs[place] for place in ranked(seen, found.tolist())]
    epochs = int(many[seen.measured.places[runs[0]]])
    yield of_sides(
        EQUALITY,
        runs,
        f"{who(seen, runs)}: {twin(name)} is 1 in all {epochs} epochs, and {name} from the second "
        "on: the task is very easy, or its answer stands in the inputs, or the validation rows are "
        "among the training rows",
        (Evidence("epochs without a mistake", epochs, "epochs", SURE_EPOCHS),),
        "warning",
        "low",
    )


EQUALITY = Rule(
    code="AUD021",
    title="Training equals validation",
    severity="error",
    needs=_needs_pair,
    check=_equality,
    detected=f"Training and validation loss (other metrics where there is no loss) are equal to "
    f"the last digit in all epochs, at least {EQUAL_EPOCHS}, while they move by {EQUAL_STEP:g} "
    "units of that digit or more per epoch; curves that do not move may well be equal. Or, a "
    f"warning: no row of either side is wrong in any epoch, at least {SURE_EPOCHS}, but for "
    f"training in the first. Validation sets known to have fewer than {FEW_ROWS} rows are exempt "
    "from the latter.",
    matters="Validation is then no check: the ranking is that of training, and overfitting cannot "
    "be seen.",
    remedy="Look at what is passed as validation_data and at what writes the log; make sure that "
    "no row, and no copy of the target, is on both sides.",
    certainty=f"High from {SURE_EPOCHS} epochs of {EQUAL_DIGITS} decimals on, medium with fewer; "
    "low where both are only perfect, since some tasks are easy.",
    thresholds=("EQUAL_EPOCHS", "EQUAL_STEP", "EQUAL_DIGITS", "SURE_EPOCHS", "FEW_ROWS"),
)
