"""Losses and error rates side by side, in the epochs that have both."""

from typing import NamedTuple

import numpy as np

from auditor.diagnosis.finding import Judged
from auditor.diagnosis.wording import needs_curves
from auditor.outcomes import Finite, Measured, accuracy_of, share
from auditor.outcomes.curves import there
from auditor.trials import twin


class Pairs(NamedTuple):
    """Finite losses and error rates (1 - accuracy) of all runs, in the same epochs."""

    losses: Finite
    errors: Finite


def pairs(seen: Measured, loss: str, accuracy: str) -> Pairs:
    """The pairs of two metrics; a loss is taken less its regularisation terms where known."""
    losses, rights = seen.finite(loss), seen.column(accuracy)
    errors = there(rights._replace(values=1 - share(rights.values)), losses.column)
    keep = np.isfinite(errors.values)
    if keep.all():
        return Pairs(losses, Finite(errors))
    return Pairs(Finite(losses.column.only(keep)), Finite(errors.only(keep)))


def longest(seen: Measured, loss: str, accuracy: str) -> int:
    """About how many pairs the longest run has: at most so many."""
    columns = seen.column(loss), seen.column(accuracy)
    return int(np.minimum(*(np.diff(column.bounds) for column in columns)).max(initial=0))


def needs_pairs(seen: Judged, epochs: int) -> str | None:
    """For rules on so many epochs with both a validation loss and accuracy."""
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    name = accuracy_of(seen.trials)
    if not name:
        return "no accuracy was recorded"
    if longest(seen.measured, "val_loss", twin(name)) < epochs:
        return f"no run has {epochs} epochs with both a validation loss and accuracy"
    return None
