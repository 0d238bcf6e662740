"""A table of test rows beside the one that a sweep trains on: read alike, encoded alike."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auditor.errors import DataError
from auditor.tables import some

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]


def alike(path: Path, test: "pd.DataFrame", other: Path, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Test rows, with columns in the order of the other table.

    Args:
        path: Where they are from.
        test: The test rows.
        other: Where the others are from.
        frame: The others.

    Raises:
        DataError: A column is missing, or is text in one of them and numbers in the other.
    """
    if apart := set(frame.columns) ^ set(test.columns):
        raise DataError(
            f"{path} and {other} differ in their columns {some(sorted(apart))}; both need the "
            "same ones"
        )
    test = test[frame.columns]
    for name in frame.columns:
        if _is_number(frame[name]) != _is_number(test[name]):
            raise DataError(
                f"the column {name!r} holds numbers in one of {path} and {other}, and none in the "
                "other; write it the same way in both"
            )
    return test


def _is_number(column: "pd.Series[Any]") -> bool:
    return column.dtype.kind in "biuf"


def joined(features: "pd.DataFrame", test: "pd.DataFrame | None") -> "pd.DataFrame":
    """The features of both tables in one, the test rows last; of the others alone where None."""
    import pandas as pd

    if test is None:
        return features
    both = (features, test[features.columns])
    # Numbers of different types would become objects.
    numbers = {name: np.float64 for name, column in features.items() if _is_number(column)}
    return pd.concat([table.astype(numbers) for table in both], ignore_index=True)


def coded(test: "pd.Series[Any]", column: "pd.Series[Any]", y: Array) -> Array:
    """The target of test rows, coded as that of the others.

    Args:
        test: The target of test rows.
        column: That of the others.
        y: The same, coded.

    Raises:
        DataError: There is a class that no other row has.
    """
    if y.dtype.kind == "f":
        return test.to_numpy(np.float64)
    codes = dict(zip(column.tolist(), y.tolist(), strict=True))
    if unknown := sorted({str(value) for value in test if value not in codes}):
        raise DataError(
            f"the target {column.name!r} of the test rows is {some(map(repr, unknown))} in some, "
            "and in no other row; drop these"
        )
    return np.array([codes[value] for value in test.tolist()])
