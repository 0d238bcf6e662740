"""Losses and error rates side by side, in the epochs that have both."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes import Finite, Measured, finite, share
from auditor.trials import Column


class Pairs(NamedTuple):
    """Finite losses and error rates (1 - accuracy) of all runs, in the same epochs."""

    losses: Finite
    errors: Finite


def pairs(seen: Measured, loss: str, accuracy: str) -> Pairs:
    """The pairs of two metrics; a loss is taken less its regularisation terms where known."""
    losses, rights = seen.finite(loss), seen.column(accuracy)
    errors = finite(rights._replace(values=1 - share(rights.values)))
    if _same_epochs(losses.column, errors.column):
        return Pairs(losses, errors)
    span = max(seen.trials.epochs, 1)
    of_losses, of_errors = (c.run * span + c.epochs for c in (losses.column, errors.column))
    _, left, right = np.intersect1d(of_losses, of_errors, return_indices=True)
    return Pairs(_at(losses.column, left), _at(errors.column, right))


def longest(seen: Measured, loss: str, accuracy: str) -> int:
    """About how many pairs the longest run has: at most so many."""
    columns = seen.column(loss), seen.column(accuracy)
    return int(np.minimum(*(np.diff(column.bounds) for column in columns)).max(initial=0))


def _same_epochs(one: Column, other: Column) -> bool:
    return np.array_equal(one.bounds, other.bounds) and np.array_equal(one.epochs, other.epochs)


def _at(column: Column, places: NDArray[np.intp]) -> Finite:
    bounds = np.searchsorted(column.run[places], np.arange(len(column.bounds)))
    return Finite(Column(column.epochs[places], column.values[places], bounds))
