"""The data checks of a search: which rows train, which validate, and what they show."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import floor
from typing import Any

from auditor.data_checks import Inputs, compare
from auditor.data_checks.inputs import plain
from auditor.files import Json
from auditor.search import facts
from auditor.search.folds import Fold
from auditor.trials import DataChecks


def checks_of(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], folds: Sequence[Fold] = ()
) -> dict[str, Json] | None:
    """As in `sweep.json`; None where the data are not plain arrays, or there are not two sides.

    Args:
        args: Of `fit`, by place.
        kwargs: Those by name.
        folds: Of the rows; the first one is looked at.
    """
    try:
        found = _compared(facts.by_name(args, kwargs), folds)
    except Exception:  # Arrays of anybody's: a check is never worth a search.
        return None
    return asdict(found) if found is not None else None


def _compared(given: Mapping[str, Any], folds: Sequence[Fold]) -> DataChecks | None:
    x, y = Inputs.of(given.get("x")), plain(given.get("y"))
    if x is None:
        return None
    if folds:
        first = folds[0]
        found = _split(x, y, first.train, first.validation)
        of = f"measured on the first of {len(folds)} folds"
        return replace(found, notes=(of, *found.notes)) if found is not None else None
    validation = given.get("validation_data")
    if isinstance(validation, tuple | list) and len(validation) > 1:
        return compare(x, y, validation[0], validation[1])
    share = float(given.get("validation_split") or 0.0)
    if validation is None and 0 < share < 1:
        # As Keras does: the last rows, before any shuffling.
        cut = floor(len(x) * (1.0 - share))
        return _split(x, y, slice(cut), slice(cut, None))
    return None


def _split(x: Inputs, y: Any, train: Any, validation: Any) -> DataChecks | None:
    labels = (None, None) if y is None or len(y) != len(x) else (y[train], y[validation])
    return compare(x.part(train), labels[0], x.part(validation), labels[1])
