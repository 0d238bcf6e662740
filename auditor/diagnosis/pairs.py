"""Losses and error rates side by side, in the epochs that have both."""

from typing import NamedTuple

import numpy as np

from auditor.outcomes import Finite, Measured, share
from auditor.outcomes.curves import there


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
