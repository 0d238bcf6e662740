"""Data for a sweep from one table: split, encoded and scaled, and every step of it stated.

What could be done silently and wrong (filling NaN, guessing a target, scaling on all rows) is
refused or said.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.errors import DataError
from auditor.held_out import alike, coded, joined
from auditor.tables import (
    check_complete,
    check_single_values,
    check_target,
    read_arrays,
    read_table,
    some,
    without_index,
)

if TYPE_CHECKING:
    import pandas as pd

Task = Literal["binary", "multiclass", "regression"]
Array = NDArray[Any]

MOST_CATEGORIES = 20
"""Columns that one text column becomes: the most frequent values, and one for all others."""

MOST_CLASSES = 20
"""A target of whole numbers with more different values than this is taken for a quantity."""


@dataclass(frozen=True)
class Data:
    """Training, validation and perhaps test data, and what a model must know of them.

    Attributes:
        x, y: Training rows.
        x_validation, y_validation: Validation rows.
        test: Inputs and targets of test rows, for the winner of a sweep alone; None where there are
            none.
        task: What is predicted; None where a search space brought its own data.
        classes: Names of the classes, in the order of their numbers in `y`.
        sentences: What was done to the table.
    """

    x: Array
    y: Array
    x_validation: Array
    y_validation: Array
    task: Task | None = None
    classes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    test: tuple[Array, Array] | None = None

    @property
    def n_features(self) -> int:
        """Number of input columns."""
        return int(np.prod(self.x.shape[1:]))

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 for a regression."""
        return len(self.classes)


def load_table(
    path: Path,
    target: str,
    task: str = "auto",
    validation_fraction: float = 0.2,
    seed: int = 0,
    test: Path | None = None,
) -> Data:
    """Load a CSV or Parquet file with one row per example.

    Args:
        path: The file.
        target: Name of the column to predict.
        task: "binary", "multiclass", "regression", or "auto" to tell by the target.
        validation_fraction: Share of the rows that is held out.
        seed: Decides which rows.
        test: A table of test rows with the same columns. It is encoded as the other one is, and
            changes nothing of that.

    Raises:
        ReadError: A file cannot be read.
        DataError: The data cannot be used as they are; the message says why and what to do.
    """
    frame, about_index = _table(path, target)
    y, kind, classes, about_target = target_of(frame[target], task)
    train, validation, about_split = split_rows(y, kind, validation_fraction, seed)
    held_out = None if test is None else alike(test, _table(test, target)[0], path, frame)
    features = joined(frame.drop(columns=target), held_out)
    x, about_features = _features(features, train)
    y_test = np.empty(0) if held_out is None else coded(held_out[target], frame[target], y)
    if kind == "regression":
        mean, spread = y[train].mean(), y[train].std()
        if not spread > 0:
            raise DataError(f"the target {target!r} is constant in the training rows")
        y, y_test = (y - mean) / spread, (y_test - mean) / spread
        about_target += (
            f"; its training rows standardised (mean {mean:.4g}, deviation {spread:.4g})"
        )
    sentences = [f"{path.name}: {len(frame)} rows", *about_index, about_target, about_split]
    sentences += about_features
    dtype = "float32" if kind != "multiclass" else "int64"
    data = Data(
        x=x[train],
        y=y[train].astype(dtype),
        x_validation=x[validation],
        y_validation=y[validation].astype(dtype),
        task=kind,
        classes=classes,
        sentences=(*sentences, *_repeats(features, train, validation, "validation", "training")),
    )
    if test is None:
        return data
    data = _and_test(data, x[len(frame) :], y_test.astype(dtype), test)
    known, new = np.split(np.arange(len(features)), [len(frame)])
    seen = _repeats(features, known, new, "test", "training or validation")
    return replace(data, sentences=(*data.sentences, *seen))


def with_test(data: Data, path: Path) -> Data:
    """Data of a search space, with test rows from a file.

    Args:
        data: Without test rows, or with others.
        path: An `.npz` file with the arrays `x` and `y`, in the form of the space's own.

    Raises:
        ReadError: The file cannot be read.
        DataError: It holds something else.
    """
    if path.suffix.lower() != ".npz":
        raise DataError(
            f"--test {path}: for the own data of a search space the test data are an .npz file "
            "with arrays x and y; a table goes with --data"
        )
    arrays = read_arrays(path)
    if missing := [name for name in "xy" if name not in arrays]:
        raise DataError(f"{path} has no array {' and no '.join(missing)}; it has {some(arrays)}")
    x, y = arrays["x"], arrays["y"]
    shapes = [(x.shape[1:], data.x.shape[1:]), (y.shape[1:], data.y.shape[1:])]
    is_alike = x.ndim and y.ndim and all(mine == other for mine, other in shapes)
    if not is_alike or not len(x) or len(x) != len(y):
        raise DataError(
            f"{path}: x and y have the shapes {x.shape} and {y.shape}; rows like those of the "
            f"training data, {data.x.shape} and {data.y.shape}, are needed"
        )
    return _and_test(data, x, y, path)


def _and_test(data: Data, x: Array, y: Array, path: Path) -> Data:
    text = f"{path.name}: {len(x)} test rows, for the winner alone"
    return replace(data, test=(x, y), sentences=(*data.sentences, text))


def _table(path: Path, target: str) -> tuple["pd.DataFrame", list[str]]:
    """A table in which nothing is missing, and a sentence on what was left out of it."""
    frame, about_index = without_index(read_table(path), target)
    check_target(path, frame, target)
    check_single_values(path, frame)
    check_complete(path, frame)
    return frame, about_index


def target_of(column: "pd.Series[Any]", task: str) -> tuple[Array, Task, tuple[str, ...], str]:
    """The target as numbers, the task, the names of its classes, and a sentence."""
    values, codes = np.unique(column.astype(str).to_numpy(), return_inverse=True)
    if len(values) < 2:
        raise DataError(
            f"the target {column.name!r} is {values[0]!r} in every row: there is nothing to learn"
        )
    numeric = column.dtype.kind in "iuf"
    kind = _guess(column, len(values)) if task == "auto" else task
    how = "guessed from the target, --task overrules" if task == "auto" else "as asked"
    if kind == "regression":
        if not numeric:
            raise DataError(f"the target {column.name!r} is no number: regression is impossible")
        return column.to_numpy(np.float64), "regression", (), f"task: regression ({how})"
    if kind not in ("binary", "multiclass"):
        raise DataError(f"the task is auto, binary, multiclass or regression, not {kind!r}")
    if kind == "binary" and len(values) != 2:
        raise DataError(
            f"the target {column.name!r} has {len(values)} values, a binary task needs 2: "
            f"{some(values)}; use --task multiclass"
        )
    if numeric:  # 2 before 10
        values, codes = np.unique(column.to_numpy(), return_inverse=True)
    names = tuple(str(value) for value in values)
    counts = np.bincount(codes)
    if counts.min() < 2:
        raise DataError(
            f"class {names[counts.argmin()]!r} of the target {column.name!r} has a single row, and "
            "each class must be in training and in validation; drop it, or use --task regression"
        )
    shares = some(f"{n} ({c})" for n, c in zip(names, counts, strict=True))
    task_name: Task = "binary" if kind == "binary" else "multiclass"
    return codes, task_name, names, f"task: {kind} ({how}); rows per class: {shares}"


def _guess(column: "pd.Series[Any]", distinct: int) -> str:
    if distinct == 2:
        return "binary"
    if column.dtype.kind not in "iuf":
        return "multiclass"
    whole = bool((column == column.round()).all())
    return "multiclass" if whole and distinct <= MOST_CLASSES else "regression"


def split_rows(y: Array, kind: Task, fraction: float, seed: int) -> tuple[Array, Array, str]:
    """Indices of training and validation rows, and a sentence."""
    from sklearn.model_selection import train_test_split

    if not 0 < fraction < 1:
        raise DataError(f"--validation-fraction must be between 0 and 1, got {fraction}")
    held_out = round(fraction * len(y))
    classes = len(np.unique(y)) if kind != "regression" else 1
    least = max(2, classes)
    if held_out < least or len(y) - held_out < least:
        raise DataError(
            f"{fraction:g} of {len(y)} rows leaves {len(y) - held_out} for training and {held_out} "
            f"for validation; each needs at least {least}. Change --validation-fraction, or bring "
            "more data"
        )
    stratify = y if kind != "regression" else None
    train, validation = train_test_split(
        np.arange(len(y)), test_size=held_out, random_state=seed, stratify=stratify
    )
    how = "stratified by class, " if stratify is not None else ""
    text = f"split: {len(train)} rows train, {held_out} validate ({how}at random, seed {seed})"
    return train, validation, text


def _features(frame: "pd.DataFrame", train: Array) -> tuple[Array, list[str]]:
    """All columns as numbers, fitted on the training rows only, and sentences."""
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    dates = [name for name, column in frame.items() if column.dtype.kind in "mM"]
    if dates:
        raise DataError(f"columns {some(dates)} are dates; turn them into numbers or drop them")
    numbers = [name for name, column in frame.items() if column.dtype.kind in "biuf"]
    texts = [name for name in frame.columns if name not in numbers]
    parts, sentences = [], []
    if numbers:
        values = frame[numbers].to_numpy(np.float64)
        parts.append(StandardScaler().fit(values[train]).transform(values))
        sentences.append(
            f"scaling: {len(numbers)} numeric columns to mean 0 and deviation 1, by the training "
            "rows only"
        )
    if texts:
        values = frame[texts].astype(str).to_numpy(object)
        encoder = OneHotEncoder(
            max_categories=MOST_CATEGORIES,
            handle_unknown="infrequent_if_exist",
            sparse_output=False,
        ).fit(values[train])
        parts.append(encoder.transform(values))
        wide = [
            n for n, c in zip(texts, encoder.categories_, strict=True) if len(c) > MOST_CATEGORIES
        ]
        capped = f"; the rarer values of {some(wide)} share one column" if wide else ""
        sentences.append(
            f"text: {some(texts)} one-hot encoded into {parts[-1].shape[1]} columns, at most "
            f"{MOST_CATEGORIES} each{capped}"
        )
    return np.concatenate(parts, axis=1).astype("float32"), sentences


def _repeats(features: "pd.DataFrame", known: Array, rows: Array, name: str, of: str) -> list[str]:
    """A sentence if a model, or the choice of one, has seen rows before."""
    import pandas as pd

    hashes = pd.util.hash_pandas_object(features, index=False).to_numpy()
    seen = int(np.isin(hashes[rows], hashes[known]).sum())
    if not seen:
        return []
    return [f"{seen} of {len(rows)} {name} rows have the features of a {of} row"]
