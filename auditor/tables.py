"""Tables as their owners saved them: read, and refused where the owner has to decide."""

import difflib
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auditor.errors import DataError, ReadError

if TYPE_CHECKING:
    import pandas as pd

_NAMELESS = re.compile(r"Unnamed: \d+(\.\d+)?|__index_level_\d+__")
"""What pandas calls a column without a heading, and Arrow an index."""


def read_table(path: Path) -> "pd.DataFrame":
    """A CSV or Parquet file, or a `ReadError` or `DataError`."""
    import pandas as pd

    readers: dict[str, Callable[..., pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
    }
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: the data must be a file named .csv or .parquet")
    try:
        with path.open("rb") as file:
            frame = readers[path.suffix.lower()](file)
    # A damaged file raises whatever its parser happens to raise.
    except Exception as error:
        raise ReadError(f"cannot read {path}: {error}") from error
    if frame.empty:
        raise DataError(f"{path} has no rows")
    return frame.reset_index(drop=True).rename(columns=str)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` file, by name; objects in it are never unpickled.

    Raises:
        ReadError: The file cannot be read.
    """
    try:
        # Opened here: of a damaged archive NumPy leaves the file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    # A damaged archive raises whatever its parser happens to raise.
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ReadError(f"cannot read {path}: {error}") from error


def check_target(path: Path, frame: "pd.DataFrame", target: str) -> None:
    """See that a table has a target, and something beside it.

    Raises:
        DataError: It has not.
    """
    if target not in frame.columns:
        close = difflib.get_close_matches(target, frame.columns, 3, 0.5)
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise DataError(
            f"{path} has no column {target!r}; {hint}its columns are {some(frame.columns)}"
        )
    if len(frame.columns) < 2:
        raise DataError(f"{path} has no column beside the target {target!r}: nothing to learn from")


def without_index(frame: "pd.DataFrame", target: str) -> tuple["pd.DataFrame", list[str]]:
    """The table without row numbers that were saved along, and a sentence."""
    nameless = [name for name in frame.columns if _NAMELESS.fullmatch(name) and name != target]
    if not nameless:
        return frame, []
    what = "columns without names" if len(nameless) > 1 else "a column without a name"
    it = "them" if len(nameless) > 1 else "it"
    return frame.drop(columns=nameless), [
        f"left out: {some(nameless)}, {what}, as an index that is saved along; name {it} to use "
        f"{it}"
    ]


def check_single_values(path: Path, frame: "pd.DataFrame") -> None:
    """Refuse columns of lists or records, which Parquet may hold."""
    import pandas as pd

    objects = [name for name, column in frame.items() if column.dtype.kind == "O"]
    nested = [n for n in objects if not all(map(pd.api.types.is_scalar, frame[n]))]
    if nested:
        raise DataError(
            f"{path} has lists or records as values in {some(map(repr, nested))}; give each part "
            "a column of its own, or drop them"
        )


def check_complete(path: Path, frame: "pd.DataFrame") -> None:
    """Refuse values that are missing or infinite: to fill them is the owner's decision."""
    bad = []
    for name, column in frame.items():
        wrong = column.isna().to_numpy()
        if column.dtype.kind == "f":
            wrong = wrong | np.isinf(column.to_numpy())
        if wrong.any():
            rows = some(np.flatnonzero(wrong) + 1)
            bad.append(f"{name!r}: {int(wrong.sum())} of {len(frame)} (rows {rows})")
    if bad:
        raise DataError(
            f"{path} has missing or infinite values. Fill them or drop these rows or columns; "
            "rows count from 1 after the header:\n  " + "\n  ".join(bad)
        )


def some(items: Iterable[object], most: int = 8) -> str:
    """The first of some things, and how many more there are."""
    names: Sequence[str] = [str(item) for item in items]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
