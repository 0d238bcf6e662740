"""Cross-validation: which rows each fold trains and validates on."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """Row numbers, from 0 and ascending.

    Attributes:
        train: Rows to train on.
        validation: Rows to validate on.
    """

    train: Rows
    validation: Rows


def folds(y: Any, count: int, seed: int, stratify: bool = False) -> list[Fold]:
    """Deal the rows out to folds, the same ones whenever the arguments are the same.

    All folds have the same number of rows to validate, `rows // count`, and hence to train: only
    runs of one shape train together as one program, and scikit-learn's folds differ by a row. The
    `rows % count` rows that are left over, drawn at random, are trained on in every fold; each
    other row is validated exactly once.

    Args:
        y: Labels, or any nested structure of arrays with the same rows: only how many there are
            counts, unless they are stratified by.
        count: Of folds.
        seed: What the rows are shuffled by.
        stratify: Give every fold its share of each class, which then differs by one row at most.

    Raises:
        ValueError: There are not two folds, or fewer rows than folds; `y` is no array, or with
            `stratify` holds no classes.
    """
    total = row_count(y)
    if not 2 <= count <= total:
        raise ValueError(
            f"{count} folds of {total} rows are impossible: give a number of folds from 2 to the "
            "number of rows"
        )
    order = np.random.default_rng(seed).permutation(total)
    order = order[: total // count * count]
    if stratify:
        order = order[np.argsort(classes(y)[order], kind="stable")]
    everything = np.arange(total)
    dealt = [np.sort(order[first::count]) for first in range(count)]
    return [Fold(np.setdiff1d(everything, rows, assume_unique=True), rows) for rows in dealt]


def take(data: Any, rows: Rows) -> Any:
    """Some rows of every array in a nested structure, which keeps its form.

    Args:
        data: An array, a pandas object, or dictionaries, lists and tuples of these.
        rows: Numbers of the rows.

    Raises:
        ValueError: There is something else in it.
    """

    def some(leaf: Any) -> Any:
        _length(leaf)
        return leaf.iloc[rows] if hasattr(leaf, "iloc") else np.asarray(leaf)[rows]

    return keras.tree.map_structure(some, data)


def row_count(data: Any) -> int:
    """Rows that all arrays of a nested structure have.

    Raises:
        ValueError: Their numbers differ, or there is something else than arrays in it.
    """
    lengths = {_length(leaf) for leaf in keras.tree.flatten(data)}
    if len(lengths) != 1:
        raise ValueError(
            f"arrays with the same number of rows are needed, got {sorted(lengths) or 'none'}"
        )
    return lengths.pop()


def classes(y: Any) -> Rows:
    """The class of each row, as a number.

    Args:
        y: Labels: whole numbers of shape (rows,) or (rows, 1), or one-hot rows.

    Raises:
        ValueError: There are none.
    """
    nested = keras.tree.is_nested(y)
    labels = np.empty(0, object) if nested else np.asarray(y)
    flat = labels.reshape(-1) if labels.shape[1:] in ((), (1,)) else labels
    if flat.dtype.kind in "biuf":
        if flat.ndim == 1 and np.all(flat == np.round(flat)):
            numbers: Rows = np.unique(flat, return_inverse=True)[1].astype(np.int64)
            return numbers
        is_binary = flat.ndim == 2 and np.all((flat == 0) | (flat == 1))
        if is_binary and np.all(flat.sum(axis=1) == 1):
            return np.asarray(flat.argmax(axis=1), np.int64)
    got = type(y).__name__ if nested else f"{labels.dtype} of shape {labels.shape}"
    raise ValueError(
        "to stratify takes one array of classes: whole numbers of shape (rows,) or (rows, 1), or "
        f"one-hot rows; got {got}; pass such labels, or leave stratify out"
    )


def _length(leaf: Any) -> int:
    """Rows of one array."""
    shape = getattr(leaf, "shape", None)
    if not shape or not (hasattr(leaf, "iloc") or hasattr(leaf, "__array__")):
        raise ValueError(
            f"rows can be taken of arrays, pandas objects, and nested dictionaries or lists of "
            f"these, got {type(leaf).__name__}; convert the data with numpy.asarray first"
        )
    return int(shape[0])
