"""MLflow's SQLite store: `mlflow.db`, by default since version 3.7."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.readers.contents import clean
from auditor.readers.mlflow.run import PARENT, MlflowRun
from auditor.readers.sqlite import chunks, connect, quoted, tables
from auditor.readers.tensorboard.events import Scalars

NEEDED = {
    "experiments": {"experiment_id", "name"},
    "runs": {"run_uuid", "experiment_id", "status"},
    "metrics": {"run_uuid", "key", "value"},
    "params": {"run_uuid", "key", "value"},
}
"""Tables and columns without which a database is none of MLflow's."""

LARGEST = 1.7976931348623157e308
"""What MLflow writes for infinity."""

MOST_PARAMETER = 2**16
"""Characters of a parameter."""

_Tables = Mapping[str, tuple[str, ...]]


def experiments(path: Path) -> dict[str, int | str]:
    """The ids of the experiments that have runs, by name; empty if it is no database of MLflow's.

    Raises:
        ReadError: It cannot be read.
    """
    with connect(path) as connection:
        found = tables(connection)
        if any(not columns <= set(found.get(name, ())) for name, columns in NEEDED.items()):
            return {}
        used = {row[0] for row in _rows(connection, found, "runs", ("experiment_id",))}
        columns = ("experiment_id", "name", "lifecycle_stage")
        rows = [
            (key, str(clean(str(name))))
            for key, name, stage in _rows(connection, found, "experiments", columns)
            if key in used and stage != "deleted"
        ]
    many = Counter(name for _, name in rows)
    return {name if many[name] == 1 else f"{name} ({key})": key for key, name in rows}


def read_runs(path: Path, experiment: int | str) -> list[MlflowRun]:
    """The runs of one experiment.

    Raises:
        ReadError: The database cannot be read.
    """
    with connect(path) as connection:
        found = tables(connection)
        columns = ("run_uuid", "status", "start_time", "end_time", "lifecycle_stage")
        where = ("experiment_id = ?", [experiment])
        runs = {
            str(run_id): MlflowRun(
                str(clean(str(run_id))),
                str(status),
                _whole(start),
                _whole(end),
                is_deleted=stage == "deleted",
            )
            for run_id, status, start, end, stage in _rows(
                connection, found, "runs", columns, where
            )
        }
        of_these = (f"run_uuid IN (SELECT run_uuid FROM runs WHERE {where[0]})", [experiment])
        cells = ("run_uuid", "key", "value")
        for run_id, key, value in _rows(connection, found, "params", cells, of_these):
            if str(run_id) in runs:
                runs[str(run_id)].parameters[str(key)] = str(value)[:MOST_PARAMETER]
        parents = (f"{of_these[0]} AND key = ?", [experiment, PARENT])
        for run_id, _, value in _rows(connection, found, "tags", cells, parents):
            if str(run_id) in runs:
                runs[str(run_id)].parent = str(value)
        for (run_id, key), points in _metrics(connection, found, of_these).items():
            if run_id in runs:
                runs[run_id].metrics[str(clean(key))] = points
    return list(runs.values())


def _rows(
    connection: sqlite3.Connection,
    found: _Tables,
    table: str,
    columns: tuple[str, ...],
    where: tuple[str, list[Any]] | None = None,
) -> Iterator[tuple[Any, ...]]:
    for chunk in _chunks(connection, found, table, columns, where):
        yield from chunk


def _chunks(
    connection: sqlite3.Connection,
    found: _Tables,
    table: str,
    columns: tuple[str, ...],
    where: tuple[str, list[Any]] | None,
) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in the order of their making; columns that an older schema lacks are NULL."""
    if table not in found:
        return iter(())
    known = set(found[table])
    cells = ", ".join(quoted(column) if column in known else "NULL" for column in columns)
    condition, values = where or ("1", [])
    query = f"SELECT {cells} FROM {quoted(table)} WHERE {condition} ORDER BY rowid"
    return chunks(connection, query, values)


@dataclass
class _Log:
    """Values of all metrics in the order in which they were logged, as columns."""

    codes: dict[tuple[str, str], int] = field(default_factory=dict)
    pieces: list[tuple[NDArray[np.int64], Scalars]] = field(default_factory=list)

    def add(self, rows: list[tuple[Any, ...]]) -> None:
        """Add rows of run, metric, value, time, step, and whether it is no number."""
        rows = [row for row in rows if type(row[2]) in (int, float)]
        if not rows:
            return
        runs, keys, values, times, steps, is_nan = zip(*rows, strict=True)
        codes = [
            self.codes.setdefault((str(run), str(key)), len(self.codes))
            for run, key in zip(runs, keys, strict=True)
        ]
        numbers = np.array(values, np.float64)
        numbers[np.abs(numbers) >= LARGEST] *= np.inf
        numbers[_whole_numbers(is_nan) == 1] = np.nan
        scalars = Scalars(_whole_numbers(steps), _whole_numbers(times).astype(np.float64), numbers)
        self.pieces.append((np.array(codes, np.int64), scalars))


def _metrics(
    connection: sqlite3.Connection, found: _Tables, where: tuple[str, list[Any]]
) -> dict[tuple[str, str], Scalars]:
    """The values of each run and metric."""
    log = _Log()
    columns = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")
    for chunk in _chunks(connection, found, "metrics", columns, where):
        log.add(chunk)
    if not log.pieces:
        return {}
    codes = np.concatenate([codes for codes, _ in log.pieces])
    order = np.argsort(codes, kind="stable")
    steps, times, values = (
        np.concatenate([getattr(scalars, name) for _, scalars in log.pieces])[order]
        for name in ("steps", "times", "values")
    )
    ends = np.cumsum(np.bincount(codes, minlength=len(log.codes)))
    starts = [0, *ends[:-1].tolist()]
    return {
        of: Scalars(steps[a:b], times[a:b], values[a:b])
        for of, a, b in zip(log.codes, starts, ends.tolist(), strict=True)
    }


def _whole_numbers(cells: tuple[Any, ...]) -> NDArray[np.int64]:
    """Whole numbers; what is none counts as 0."""
    try:
        return np.array(cells, np.int64)
    except (TypeError, ValueError, OverflowError):
        return np.array([_whole(cell) or 0 for cell in cells], np.int64)


def _whole(value: object) -> int | None:
    """A whole number, whatever type the cell has."""
    return value if isinstance(value, int) else None
