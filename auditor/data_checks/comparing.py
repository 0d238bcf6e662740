"""All checks of one pair of training and validation data."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from auditor.data_checks.inputs import Inputs
from auditor.data_checks.labels import constant, label_shift, labels
from auditor.data_checks.neighbours import neighbours
from auditor.data_checks.order import order
from auditor.data_checks.repeats import repeats
from auditor.data_checks.scale import not_finite, scale
from auditor.data_checks.separation import separation
from auditor.trials import DataChecks
from auditor.trials.data_checks import MOST_NOT_FINITE, Constant, LabelShift

SEED = 0
"""Draws all samples."""

_T = TypeVar("_T")


def compare(
    x: Any,
    y: Any,
    x_validation: Any,
    y_validation: Any,
    names: Sequence[str] = (),
    classes: Sequence[str] = (),
    table: tuple[Any, Any] | None = None,
) -> DataChecks | None:
    """Measure whatever the form of the data allows; what fails is noted and costs only itself.

    Args:
        x: Training inputs: an array of any shape, a table, or nested lists and mappings of these.
        y: Training labels: one per row, or one-hot.
        x_validation: Validation inputs in the same form.
        y_validation: Validation labels in the same form.
        names: Of the features.
        classes: Names of the classes, by number.
        table: Inputs, of shape (row, feature), and labels of one table in its own order, where both
            sides were drawn from it at random.

    Returns:
        The facts; None where inputs are not plain arrays with the same features on both sides.
    """
    train, validation = Inputs.of(x, names), Inputs.of(x_validation, names)
    if not train or not validation or not train.like(validation):
        return None
    tried = _Tries()

    def drawn() -> np.random.Generator:
        return np.random.default_rng(SEED)

    found = tried("shared rows", lambda: repeats(train, validation, drawn()))
    near = None
    if found is not None:
        near = tried("near copies", lambda: neighbours(train, validation, found, drawn()))
    shift, answer = _of_labels(tried, y, y_validation, classes)
    bad = tried("missing inputs", lambda: (not_finite(train), not_finite(validation)))
    (bad_train, here), (bad_validation, there) = bad or ((0, Counter()), (0, Counter()))
    return DataChecks(
        train_rows=len(train),
        validation_rows=len(validation),
        train_not_finite=bad_train,
        validation_not_finite=bad_validation,
        not_finite=tuple((here + there).most_common(MOST_NOT_FINITE)),
        repeats=found.facts if found else None,
        neighbours=near,
        labels=shift,
        separation=tried(
            "training against validation", lambda: separation(train, validation, drawn())
        ),
        scale=tried("the scale of the inputs", lambda: scale(train, drawn())),
        constant=answer,
        order=tried(
            "the order of the rows",
            lambda: order(*table, len(validation), names, classes, drawn()) if table else None,
        ),
        notes=tuple(tried.notes),
    )


def _of_labels(
    tried: "_Tries", y: Any, y_validation: Any, classes: Sequence[str]
) -> tuple[LabelShift | None, Constant | None]:
    both = tried("labels", lambda: labels(y, y_validation))
    if both is None:
        if y is not None:
            what = "labels are not one number, or one class, per row"
            tried.notes.append(f"{what}: they were not compared")
        return None, None
    shift = tried("labels", lambda: label_shift(*both, classes))
    return shift, tried("the constant answer", lambda: constant(*both, classes))


class _Tries:
    """Measures what can be measured, and notes what cannot."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, what: str, measure: Callable[[], _T]) -> _T | None:
        try:
            return measure()
        except Exception as error:  # A check is never worth a search.
            reason = f"{type(error).__name__}: {error}"
            self.notes.append(f"{what} could not be measured: {reason}"[:300])
            return None
