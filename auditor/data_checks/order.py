"""The order of the rows of a table: whether the last ones differ from those before."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.data_checks.inputs import Inputs
from auditor.data_checks.labels import label_shift, labels
from auditor.data_checks.separation import separation
from auditor.trials.data_checks import Order


def order(
    x: NDArray[np.floating],
    y: NDArray[np.generic],
    last: int,
    names: Sequence[str],
    classes: Sequence[str],
    rng: np.random.Generator,
) -> Order:
    """Compare the last rows, which `validation_split` would take, with those before.

    Args:
        x: Rows of numbers in the order of the table, shape (row, feature).
        y: Their labels.
        last: How many rows are the last ones.
        names: Of the features.
        classes: Names of the classes, by number.
        rng: Draws samples.
    """
    cut = len(x) - last
    both = labels(y[:cut], y[cut:])
    # Each table with row numbers or dates would be told apart by them.
    kept = [i for i in range(x.shape[1]) if not _counts_rows(x[:, i])]
    inputs = Inputs((x[:, kept],), tuple(np.array(names)[kept]) if names else ())
    sides = inputs.part(slice(cut)), inputs.part(slice(cut, None))
    return Order(
        rows=last,
        before=cut,
        labels=label_shift(*both, classes) if both else None,
        separation=separation(*sides, rng) if kept else None,
    )


def _counts_rows(column: NDArray[np.floating]) -> bool:
    steps = np.diff(column)
    return bool((steps > 0).all() or (steps < 0).all())
