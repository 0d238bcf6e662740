"""`Chunks` as two files of a folder: `chunks.json` says what is where, `chunks.npy` holds it.

The numbers of ten thousand trials take a hundred megabytes, and few that load a record look at
them: they stay in the file, which the operating system reads when somebody does.
"""

import math
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from auditor.errors import ReadError
from auditor.files import from_json, to_json, whole_file, write_whole
from auditor.trials.chunks import Chunks, ChunkTable, ChunkValues
from auditor.trials.records import Run

INDEX, NUMBERS = "chunks.json", "chunks.npy"

SCHEMA = 1
"""Version of the two files."""

AT_ONCE = 10_000
"""Epochs of runs that are written at once."""


@dataclass(frozen=True)
class _Table:
    """A `ChunkTable` without its numbers; a run per entry of the lists."""

    metrics: tuple[str, ...]
    chunks: int
    trials: list[str]
    executions: list[int]
    folds: list[int]
    epochs: list[int]


@dataclass(frozen=True)
class _Index:
    schema: int
    rows: dict[int, tuple[int, ...]]
    tables: list[_Table]


def write(path: Path, chunks: Chunks | None) -> None:
    """Write the files; remove those that are there where there are no chunks."""
    if chunks is None:
        for name in (INDEX, NUMBERS):
            (path / name).unlink(missing_ok=True)
        return
    tables = ChunkValues.of(chunks.values).tables
    index = {
        "schema": SCHEMA,
        "rows": {str(fold): counts for fold, counts in chunks.rows.items()},
        "tables": [_entry(table) for table in tables],
    }
    header = {
        "descr": "<f4",
        "fortran_order": False,
        "shape": (sum(t.numbers.size for t in tables),),
    }
    with whole_file(path / NUMBERS) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for table in tables:
            # By parts: all of it once more would be a hundred megabytes.
            for begin in range(0, len(table.numbers), AT_ONCE):
                part = table.numbers[begin : begin + AT_ONCE]
                file.write(np.ascontiguousarray(part, "<f4").tobytes())
    write_whole(path / INDEX, to_json(index))


def read(path: Path) -> Chunks | None:
    """The inverse of `write`.

    Raises:
        OSError: A file is missing, or cannot be read.
        ReadError, TrialsError, ValueError: A file is damaged.
    """
    if not (path / INDEX).exists():
        return None
    state = from_json((path / INDEX).read_text(encoding="utf-8"))
    index = TypeAdapter(_Index).validate_python(state)
    if index.schema != SCHEMA:
        raise ReadError(f"schema {index.schema}, this version reads {SCHEMA}")
    # Not np.load: what that makes of other files, such as archives, is no array.
    numbers = np.lib.format.open_memmap(path / NUMBERS, mode="r")
    if numbers.dtype != np.dtype("<f4") or numbers.ndim != 1:
        raise ReadError(f"{NUMBERS} holds {numbers.dtype!s:.50} of shape {numbers.shape!s:.50}")
    tables, begin = [], 0
    for entry in index.tables:
        table, begin = _table(entry, numbers, begin)
        tables.append(table)
    if begin != len(numbers):
        raise ReadError(f"{NUMBERS} holds more numbers than {INDEX} says")
    return Chunks(index.rows, ChunkValues(tuple(tables)))


def _entry(table: ChunkTable) -> dict[str, Any]:
    return {
        "metrics": table.metrics,
        "chunks": table.numbers.shape[2],
        "trials": [run.trial_id for run in table.runs],
        "executions": [run.execution for run in table.runs],
        "folds": [run.fold for run in table.runs],
        "epochs": [int(end - begin) for begin, end in pairwise(table.bounds)],
    }


def _table(entry: _Table, numbers: np.ndarray, begin: int) -> tuple[ChunkTable, int]:
    """A table whose numbers begin there, and where they end."""
    runs = tuple(map(Run, entry.trials, entry.executions, entry.folds))
    bounds = list(accumulate(entry.epochs, initial=0))
    shape = (bounds[-1], len(entry.metrics), entry.chunks)
    lengths = {len(entry.trials), len(entry.executions), len(entry.folds), len(entry.epochs)}
    end = begin + math.prod(shape)
    if len(lengths) > 1 or len(set(runs)) < len(runs) or min(entry.epochs, default=0) < 0:
        raise ReadError(f"the runs in {INDEX} do not fit together")
    if min(shape[1:]) < 1 or end > len(numbers):
        raise ReadError(f"{NUMBERS} holds fewer numbers than {INDEX} says")
    own = numbers[begin:end].reshape(shape)
    return ChunkTable(entry.metrics, runs, np.array(bounds, np.intp), own), end
