"""The labels of both sides: how they differ, and what a constant answer reaches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.data_checks.inputs import plain
from auditor.trials.data_checks import Constant, LabelShift

FEWEST = 30
"""Rows of a side below which no difference is tested."""

MOST_CLASSES = 100
"""More different whole numbers than this are quantities."""

LEAST_EXPECTED = 5.0
"""Rows to be expected in each cell of a chi-square test (Cochran 1954); rarer classes are one."""

Labels = NDArray[Any]


def labels(y: Any, y_validation: Any) -> tuple[Labels, Labels] | None:
    """One label per row of both sides; None where they are anything else."""
    train, validation = _flat(y), _flat(y_validation)
    if train is None or validation is None or not len(train) or not len(validation):
        return None
    return train, validation


def _flat(y: Any) -> Labels | None:
    array = plain(y)
    if array is None or array.ndim > 2:
        return None
    if array.ndim == 2 and array.shape[1] != 1:
        one_hot = np.all((array == 0) | (array == 1)) and np.all(array.sum(axis=1) == 1)
        return array.argmax(axis=1) if one_hot else None
    flat = array.reshape(-1)
    return flat if np.isfinite(flat).all() else None


def are_classes(train: Labels, validation: Labels) -> bool:
    """Whether labels are few different whole numbers."""
    for side in (train, validation):
        if side.dtype.kind == "f" and not np.all(side == np.round(side)):
            return False
    return len(np.unique(train)) <= MOST_CLASSES


def label_shift(
    train: Labels, validation: Labels, classes: Sequence[str] = ()
) -> LabelShift | None:
    """Test whether both come from one population; None where a side has too few rows."""
    if min(len(train), len(validation)) < FEWEST:
        return None
    if are_classes(train, validation):
        return _of_classes(train, validation, classes)
    return _of_numbers(train, validation)


def _of_classes(train: Labels, validation: Labels, classes: Sequence[str]) -> LabelShift:
    from scipy.stats import chi2_contingency

    every = np.union1d(train, validation)
    numbers = (np.searchsorted(every, side) for side in (train, validation))
    table = np.array([np.bincount(side, minlength=len(every)) for side in numbers])
    shares = table / table.sum(axis=1, keepdims=True)
    most = int(np.abs(shares[0] - shares[1]).argmax())
    tested = _with_enough(table)
    p = float(chi2_contingency(tested, correction=False).pvalue) if tested.shape[1] > 1 else 1.0
    a, b = tested / tested.sum(axis=1, keepdims=True)
    return LabelShift(
        kind="classes",
        rows=len(validation),
        train_rows=len(train),
        effect=float(np.sqrt(((a - b) ** 2 / (2 * (a + b))).sum())),
        p=p,
        most=_name(every[most], classes),
        train_share=float(shares[0, most]),
        validation_share=float(shares[1, most]),
        unseen=int(table[1, table[0] == 0].sum()),
    )


def _with_enough(table: NDArray[np.intp]) -> NDArray[np.intp]:
    """The table with rare classes put together."""
    smaller = table.sum(axis=1).min() / table.sum()
    is_rare = table.sum(axis=0) * smaller < LEAST_EXPECTED
    rest = table[:, is_rare].sum(axis=1, keepdims=True)
    kept = table[:, ~is_rare]
    return np.hstack([kept, rest]) if rest.sum() else kept


def _of_numbers(train: Labels, validation: Labels) -> LabelShift:
    from scipy.stats import ks_2samp

    test = ks_2samp(train, validation, method="asymp")
    where = float(test.statistic_location)
    return LabelShift(
        kind="numbers",
        rows=len(validation),
        train_rows=len(train),
        effect=float(test.statistic),
        p=float(test.pvalue),
        most=f"{where:.4g}",
        train_share=float((train <= where).mean()),
        validation_share=float((validation <= where).mean()),
    )


def constant(train: Labels, validation: Labels, classes: Sequence[str] = ()) -> Constant:
    """What the best constant answer of the training labels reaches on the validation labels."""
    known = Constant(len(validation))
    if not are_classes(train, validation):
        errors = validation.astype(np.float64) - train.astype(np.float64).mean()
        return replace(known, rmse=float(np.sqrt(np.mean(errors**2))))
    values, counts = np.unique(train, return_counts=True)
    answer = values[counts.argmax()]
    right = float((validation == answer).mean())
    return replace(known, accuracy=right, answer=_name(answer, classes))


def _name(label: Any, classes: Sequence[str]) -> str:
    number = int(label)
    return classes[number] if 0 <= number < len(classes) else str(number)
