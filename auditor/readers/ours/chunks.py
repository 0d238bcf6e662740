"""`trial_<id>/chunks.npy`: validation losses and metrics on fixed parts of the rows, by epoch.

A NumPy file of records: execution, fold and epoch as 32-bit integers, then for each metric one
32-bit float per chunk. Written whole, so one that is not just so was damaged or is another's. The
files of a sweep have few different headers; the rest of all files of one header is looked at
together.
"""

import ast
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.readers.contents import read_bytes
from auditor.readers.gathered import MOST_EPOCHS
from auditor.trials import Chunks, Problem, Run
from auditor.trials.chunks import ChunkTable, ChunkValues

FILE = "chunks.npy"

_MAGIC = b"\x93NUMPY"
_KEYS = (("execution", "<i4"), ("fold", "<i4"), ("epoch", "<i4"))

_IGNORED = "{}; the chunks of this trial are ignored"


class _Layout(NamedTuple):
    """What a header says: names of the metrics, chunks, records."""

    metrics: tuple[str, ...]
    chunks: int
    records: int


def read_chunks(
    files: Mapping[str, Path], rows: Mapping[int, tuple[int, ...]]
) -> tuple[Chunks | None, list[Problem]]:
    """Read the chunks of all trials. A missing file is no chunks, without complaint.

    Args:
        files: Per trial id where the file would be.
        rows: Validation rows in each chunk, by fold.

    Returns:
        The chunks, None where there are none, and what is wrong with files.
    """
    problems: list[Problem] = []
    alike: dict[tuple[tuple[str, ...], int], dict[str, NDArray[np.float32]]] = {}
    for trial_id, path in files.items():
        try:
            if path.is_file():
                layout, own = _records(read_bytes(path))
                alike.setdefault(layout[:2], {})[trial_id] = own
        except ReadError as error:
            problems.append(_problem(trial_id, path, str(error)))
    tables = []
    for (metrics, _), records in alike.items():
        table, wrong = _table(metrics, records, rows)
        problems += [_problem(trial_id, files[trial_id], why) for trial_id, why in wrong.items()]
        tables += [table] if table.runs else []
    return Chunks(rows, ChunkValues(tuple(tables))) if tables else None, problems


def _problem(trial_id: str, path: Path, why: str) -> Problem:
    return Problem(_IGNORED.format(why), f"{path.parent.name}/{path.name}", trial_id)


def _records(content: bytes) -> tuple[_Layout, NDArray[np.float32]]:
    """The layout of a file, and its records as they are, (record, number)."""
    end = 10 + int.from_bytes(content[8:10], "little")
    if content[6:7] > b"\x01":
        end = 12 + int.from_bytes(content[8:12], "little")
    layout = _layout(content[:end] if end < 2**16 else b"")
    width = len(_KEYS) + len(layout.metrics) * layout.chunks
    if len(content) - end != layout.records * width * 4:
        raise ReadError("the file is cut off, or longer than its header says")
    return layout, np.frombuffer(content, "<f4", offset=end).reshape(layout.records, width)


@lru_cache(64)
def _layout(header: bytes) -> _Layout:
    """What a header says.

    Raises:
        ReadError: It is none of ours.
    """
    try:
        if not header.startswith(_MAGIC):
            raise ValueError("it is no NumPy file")
        start = 10 if header[6] == 1 else 12
        said = ast.literal_eval(header[start:].decode("latin1" if header[6] < 3 else "utf-8"))
        (records,), fields = said["shape"], said["descr"]
        names = [name for name, *_ in fields[len(_KEYS) :]]
        chunks = fields[-1][2][0]
        expected = [*_KEYS, *((str(name), "<f4", (chunks,)) for name in names)]
        whole = all(type(number) is int and number > 0 for number in (records, chunks))
        if fields != expected or not names or not whole or said["fortran_order"]:
            raise ValueError("its records are others")
    except (ValueError, SyntaxError, TypeError, LookupError, RecursionError, MemoryError) as error:
        raise ReadError(f"the file holds no chunks as a search writes them ({error!s:.100})") from (
            error
        )
    return _Layout(tuple(names), chunks, records)


def _table(
    metrics: tuple[str, ...],
    files: Mapping[str, NDArray[np.float32]],
    rows: Mapping[int, tuple[int, ...]],
) -> tuple[ChunkTable, dict[str, str]]:
    """The runs of files of one layout; per trial whose file is left out the reason."""
    trials = list(files)
    of_trial = np.repeat(np.arange(len(trials)), [len(records) for records in files.values()])
    records = np.concatenate(list(files.values()))
    keys = records[:, : len(_KEYS)].view("<i4")
    by_run = np.column_stack([of_trial, keys[:, :2]])
    is_first = np.append(True, (by_run[1:] != by_run[:-1]).any(axis=1))
    starts = np.flatnonzero(is_first)
    expected = np.arange(len(records)) - np.repeat(starts, np.diff(starts, append=len(records)))
    wrong = {}
    for number in np.unique(of_trial[keys[:, 2] != expected]).tolist():
        wrong[trials[number]] = "epochs are missing, twice there, or out of order"
    count = (records.shape[1] - len(_KEYS)) // len(metrics)
    runs: dict[Run, None] = {}
    for number, execution, fold in by_run[starts].tolist():
        run = Run(trials[number], execution, fold)
        if len(rows.get(fold, ())) != count or not 0 <= execution <= MOST_EPOCHS:
            wrong.setdefault(run.trial_id, f"sweep.json knows no {count} chunks of fold {fold}")
        elif run in runs:
            wrong.setdefault(run.trial_id, "a run is there twice")
        runs[run] = None
    if wrong:
        good = {trial_id: own for trial_id, own in files.items() if trial_id not in wrong}
        if good:
            return _table(metrics, good, rows)[0], wrong
        return ChunkTable(
            metrics, (), np.zeros(1, np.intp), np.empty((0, 1, count), np.float32)
        ), wrong
    numbers = records[:, len(_KEYS) :].reshape(len(records), len(metrics), count)
    numbers.flags.writeable = False
    return ChunkTable(metrics, tuple(runs), np.append(starts, len(records)), numbers), {}
