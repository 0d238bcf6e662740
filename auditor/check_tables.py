"""Training and validation data out of files, as they stand: nothing is scaled or filled in."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auditor.errors import DataError
from auditor.sweep_data import split_rows, target_of
from auditor.tables import check_single_values, check_target, read_arrays, read_table, without_index

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]

VALIDATION = ("val", "valid", "validation", "test")
"""What the second half of the names of validation arrays may be."""

MOST_COLUMNS = 30
"""Columns that a message lists."""


@dataclass(frozen=True)
class Pair:
    """Two sides to compare.

    Attributes:
        x, y: Training rows.
        x_validation, y_validation: Validation rows.
        names: Of the features.
        classes: Names of the classes, by number.
        sentences: Where they come from.
        table: Inputs and labels in the order of the one table that both sides were drawn from.
    """

    x: Array
    y: Array
    x_validation: Array
    y_validation: Array
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    table: tuple[Array, Array] | None = None


def from_table(path: Path, target: str, task: str, fraction: float, seed: int) -> Pair:
    """One table, split as `auditor sweep` would split it.

    Raises:
        ReadError: The file cannot be read.
        DataError: There is no such target, or it cannot be used.
    """
    frame = _table(path, target)
    y, kind, classes, about_target = target_of(frame[target], task)
    train, validation, about_split = split_rows(y, kind, fraction, seed)
    x, names = _numbers(frame.drop(columns=target), train)
    said = (f"{path.name}: {len(frame)} rows", about_target, about_split)
    sides = x[train], y[train], x[validation], y[validation]
    return Pair(*sides, names, classes, said, (x, y))


def without_target(path: Path) -> str:
    """What to do where nobody said which column to predict.

    Raises:
        ReadError: The file cannot be read.
        DataError: It is no table.
    """
    frame, _ = without_index(read_table(path), "")
    more = f" and {len(frame.columns) - MOST_COLUMNS} more" * (len(frame.columns) > MOST_COLUMNS)
    return (
        f"name the column to predict with --target; {path.name} has "
        f"{', '.join(frame.columns[:MOST_COLUMNS])}{more}"
    )


def from_tables(path: Path, other: Path, target: str, task: str) -> Pair:
    """A table to train on, and one to validate on.

    Raises:
        ReadError: A file cannot be read.
        DataError: They have different columns, or no such target.
    """
    import pandas as pd

    frame, second = _table(path, target), _table(other, target)
    if set(frame.columns) != set(second.columns):
        apart = sorted(set(frame.columns) ^ set(second.columns))
        raise DataError(
            f"{path} and {other} differ in their columns {', '.join(apart[:8])}; both need the "
            "same ones"
        )
    both = pd.concat([frame, second[frame.columns]], ignore_index=True)
    y, _, classes, about_target = target_of(both[target], task)
    train = np.arange(len(frame))
    x, names = _numbers(both.drop(columns=target), train)
    cut = len(frame)
    said = (f"{path.name}: {cut} rows train", f"{other.name}: {len(second)} rows validate")
    return Pair(x[:cut], y[:cut], x[cut:], y[cut:], names, classes, (*said, about_target))


def from_arrays(path: Path, other: Path | None = None) -> Pair:
    """Arrays of NumPy: x_train, y_train, x_val and y_val in one file, or x and y in two.

    Raises:
        ReadError: A file cannot be read; objects in it are never unpickled.
        DataError: An array is missing.
    """
    arrays = read_arrays(path)
    if other is None:
        x, y = (_array(path, arrays, f"{name}_train") for name in "xy")
        x_validation, y_validation = (
            _array(path, arrays, *(f"{name}_{end}" for end in VALIDATION)) for name in "xy"
        )
    else:
        others = read_arrays(other)
        x, y = (_array(path, arrays, name) for name in "xy")
        x_validation, y_validation = (_array(other, others, name) for name in "xy")
    said = (f"{len(x)} rows train, {len(x_validation)} validate",)
    return Pair(x, y, x_validation, y_validation, sentences=said)


def _array(path: Path, arrays: dict[str, Array], *names: str) -> Array:
    """The first array of these names that is there."""
    for name in names:
        if name in arrays and arrays[name].ndim:
            return arrays[name]
    raise DataError(
        f"{path} has no array {' or '.join(names)}; it has {', '.join(arrays) or 'none'}. One file "
        "needs x_train, y_train, x_val and y_val; of two files each needs x and y"
    )


def _table(path: Path, target: str) -> "pd.DataFrame":
    frame, _ = without_index(read_table(path), target)
    check_target(path, frame, target)
    check_single_values(path, frame)
    if missing := int(frame[target].isna().sum()):
        raise DataError(
            f"{path}: {missing} rows have no value in the target {target!r}; drop or fill them"
        )
    return frame


def _numbers(frame: "pd.DataFrame", train: Array) -> tuple[Array, tuple[str, ...]]:
    """Numbers as they are; dates, and texts as numbers of training values, from 0 to 1.

    Nobody feeds these two to a network as they are: their scale must not be judged.
    """
    import pandas as pd

    columns = []
    for _, column in frame.items():
        if column.dtype.kind in "biuf":
            columns.append(column.to_numpy(np.float64))
        elif column.dtype.kind in "mM":
            since = (column - column.min()) / (column.max() - column.min() or pd.Timedelta(1))
            columns.append(since.to_numpy(np.float64))
        else:
            texts = column.astype(str).to_numpy(object)
            known = pd.Index(pd.unique(texts[train]))
            columns.append(known.get_indexer(texts) / len(known))
    return np.column_stack(columns), tuple(map(str, frame.columns))
