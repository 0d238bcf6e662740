"""Whether a model gives one answer to all rows: its accuracies stand still, to the last digit."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from auditor.outcomes.accuracies import accuracy_of, share
from auditor.outcomes.measured import Measured, finite
from auditor.outcomes.thresholds import (
    BELOW_LEAST,
    LEARNED_MARGIN,
    PLATEAU_EPOCHS,
    SAME_ERRORS,
    SAME_GAIN,
)
from auditor.outcomes.verdicts import Outcome, RunOutcome
from auditor.trials import Column, twin

SAME = "val_accuracy that does not change"
"""Name of the evidence by which such a verdict is known."""


def same_answers(seen: Measured) -> Mapping[int, RunOutcome]:
    """NEVER_LEARNED for runs whose model answers the same for every row, by their position.

    Both accuracies are constant over the later half of the epochs, no better than in the first one,
    and the validation loss is not below that of a constant that is right so often, -a ln a -
    (1 - a) ln(1 - a), or so far below it that it means nothing. Of few classes a model may keep its
    answers while its probabilities learn; then its loss says so.
    """
    name = accuracy_of(seen.trials)
    if not name:
        return {}
    training, validation = (_constant(seen.column(metric)) for metric in (name, twin(name)))
    losses = seen.finite("val_loss")
    still = np.isfinite(training) & np.isfinite(validation) & (losses.lengths > 0)
    found = {}
    for run in np.flatnonzero(still).tolist():
        right = float(validation[run])
        best = float(losses.column.values[losses.best[run]])
        constant = float(entr(right) + entr(1 - right))
        if _learned(right, best, constant):
            continue
        found[run] = RunOutcome(
            Outcome.NEVER_LEARNED,
            f"{name} ({training[run]:.4g}) and {twin(name)} ({right:.4g}) do not change: one "
            "answer for all rows",
            evidence={
                "best val_loss": best,
                "loss of a constant that is right so often": constant,
                "accuracy that does not change": float(training[run]),
                SAME: right,
            },
        )
    return found


def _learned(right: float, best: float, constant: float) -> bool:
    """Whether probabilities learned, though the answers stayed."""
    is_loss = best >= BELOW_LEAST * (1 - right) * np.log(2) or 1 - right < SAME_ERRORS
    return bool(is_loss and best < (1 - LEARNED_MARGIN) * constant)


def _constant(column: Column) -> NDArray[np.float64]:
    """The accuracy that each run keeps over the later half of its epochs; NaN where it does not."""
    kept = np.full(len(column.bounds) - 1, np.nan)
    accuracies = finite(column._replace(values=share(column.values)))
    for runs, places in accuracies.by_length():
        values = accuracies.column.values[places]
        late = max(PLATEAU_EPOCHS, values.shape[1] // 2)
        if late > values.shape[1]:
            continue
        last, first = values[:, -1], values[:, 0]
        is_same = (values[:, -late:] == last[:, None]).all(axis=1) & (last <= first + SAME_GAIN)
        kept[runs] = np.where(is_same & (last < 1), last, np.nan)
    return kept
