"""The audit as Parquet files, for programs that read tables with types.

A value that was observed to be NaN or infinite is one; what is not known is null. Lists (trials,
evidence, conditions) are JSON text, and so is a hyperparameter whose values have no common type.
Epochs count from 0.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from auditor.files import Json, to_json, write_whole
from auditor.report.tables import CURVES, Table, tables
from auditor.trials.folder import parquet

if TYPE_CHECKING:
    from auditor.auditing import Audit


def write_parquet(audit: "Audit", folder: str | Path) -> None:
    """Write the tables of `auditor.report.tables`, each as a file, whole or absent.

    Raises:
        OSError: The folder cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables(audit).items():
        content = parquet(audit.trials.curves) if name == CURVES else _parquet(table)
        write_whole(folder / f"{name}.parquet", content)


def _parquet(table: Table) -> bytes:
    names, rows = table
    columns = zip(*rows, strict=True)
    arrays = [_array(column) for column in columns] or [pa.nulls(0)] * len(names)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(arrays, [_text(name) for name in names]), sink)
    return bytes(sink.getvalue())


def _array(values: Sequence[Json]) -> pa.Array:
    """A column in the narrowest type that holds all its values as they are."""
    kinds = {type(value) for value in values if value is not None}
    try:
        if kinds == {str}:
            return pa.array([value and _text(value) for value in values], pa.string())
        if kinds == {int, float}:
            return pa.array(values, pa.float64(), from_pandas=False)
        if kinds <= {int} or kinds <= {float} or kinds <= {bool}:
            return pa.array(values, from_pandas=False)
    except (OverflowError, pa.ArrowException):
        pass  # An integer of many digits.
    return pa.array([None if value is None else to_json(value) for value in values], pa.string())


def _text(value: str) -> str:
    """The text; bytes of a folder's name that are no Unicode as escapes."""
    return value.encode(errors="backslashreplace").decode()
