"""`history.csv`: the learning curves of one trial; those of thousands of trials are read together.

Columns `execution, fold, epoch, seconds`, then one per metric; epochs count from 0. An empty cell
was not observed; `nan`, `inf` and `-inf` were observed to be so. Written whole, so a file that is
cut off was damaged later: its complete rows are kept. Files just as a search writes them are parsed
by the megabyte; any other is taken apart line by line, so that what is wrong in it can be named.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from auditor.errors import ReadError
from auditor.readers.contents import read_bytes
from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.ours.history_lines import KEYS, Piece, read_lines
from auditor.trials import Run, empty_curves, is_series

BATCH_BYTES = 2**24
"""Parsed at once: large enough to be fast, small enough to cost no memory to speak of."""

_HEADER = b"execution,fold,epoch,seconds"
_IN_CELLS = b"0123456789.,+-einfa\n"
"""All that the rows of a file as written consist of: "1e-05", "nan", "-inf"."""


@dataclass
class Histories:
    """The rows of all `history.csv` of a sweep.

    Attributes:
        trials: The ids of those that have such a file.
        complaints: Per trial a sentence for whatever could not be used.
        runs: Per trial the runs that have at least one row, in order.
    """

    trials: list[str] = field(default_factory=list)
    complaints: dict[str, list[str]] = field(default_factory=dict)
    runs: dict[str, dict[Run, None]] = field(default_factory=dict)
    _pieces: list[Piece] = field(default_factory=list)

    @property
    def curves(self) -> pd.DataFrame:
        """The metrics, as `Trials.curves`."""
        return self._table(aside=False)

    @property
    def series(self) -> pd.DataFrame:
        """What describes the training, as `Context.series`."""
        return self._table(aside=True)

    def add(self, piece: Piece) -> None:
        """Add rows; those in which nothing was observed are left out."""
        there = np.asarray(piece.observed.any(axis=1))
        piece = piece if there.all() else piece.chosen(there)
        by = np.stack([piece.trials, *piece.keys[:2]])
        first = np.append(True, (by[:, 1:] != by[:, :-1]).any(axis=0))[: by.shape[1]]
        for number, execution, fold in by[:, first].T.tolist():
            trial_id = self.trials[number]
            self.runs.setdefault(trial_id, {})[Run(trial_id, execution, fold)] = None
        self._pieces.append(piece)

    def complain(self, number: int, sentence: str) -> None:
        """Note what could not be used of a trial."""
        self.complaints.setdefault(self.trials[number], []).append(sentence)

    def _table(self, aside: bool) -> pd.DataFrame:
        columns = [
            sorted(
                (name, i)
                for i, name in enumerate(piece.names)
                if is_series(name, piece.names) == aside
            )
            for piece in self._pieces
        ]
        parts = [(p, [i for _, i in c]) for p, c in zip(self._pieces, columns, strict=True) if c]
        if not parts:
            return empty_curves()
        names = sorted({name for column in columns for name, _ in column})
        place = {name: number for number, name in enumerate(names)}
        codes = [[place[piece.names[i]] for i in chosen] for piece, chosen in parts]

        def long(rows: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
            spread = (
                np.repeat(row, len(chosen))[piece.observed[:, chosen].ravel()]
                for row, (piece, chosen) in zip(rows, parts, strict=True)
            )
            return np.concatenate(list(spread))

        metric = [
            np.tile(np.array(code, np.int32), len(piece.trials))[piece.observed[:, chosen].ravel()]
            for code, (piece, chosen) in zip(codes, parts, strict=True)
        ]
        values = [piece.values[:, chosen][piece.observed[:, chosen]] for piece, chosen in parts]
        trial = long(piece.trials for piece, _ in parts)
        return pd.DataFrame(
            {
                "trial_id": pd.Categorical.from_codes(trial, pd.Index(self.trials)),
                **{k: long(piece.keys[i] for piece, _ in parts) for i, k in enumerate(KEYS)},
                "metric": pd.Categorical.from_codes(np.concatenate(metric), pd.Index(names)),
                "value": np.concatenate(values),
            },
            copy=False,
        )


def read_histories(files: Mapping[str, Path]) -> Histories:
    """Read the `history.csv` of all trials. A missing file is no history, without complaint.

    Args:
        files: Per trial id where the file would be.
    """
    found = Histories()
    batches: dict[bytes, list[tuple[int, bytes]]] = {}
    size = 0
    for trial_id, path in files.items():
        if not path.is_file():
            continue
        number = len(found.trials)
        found.trials.append(trial_id)
        try:
            content = read_bytes(path)
        except ReadError as error:
            found.complain(number, f"no curves: {error}")
            continue
        header, _, body = content.partition(b"\n")
        if not _is_as_written(header, body):
            _add_carefully(found, number, content)
            continue
        batches.setdefault(header, []).append((number, body))
        size += len(body)
        if size >= BATCH_BYTES:
            _add_batches(found, batches)
            batches, size = {}, 0
    _add_batches(found, batches)
    return found


def _is_as_written(header: bytes, body: bytes) -> bool:
    """Whether a file seems to be just as a search writes it."""
    return (
        header.startswith(_HEADER)
        and body.endswith(b"\n")
        and not body.translate(None, _IN_CELLS)
        and body.count(b",") == body.count(b"\n") * header.count(b",")
    )


def _add_batches(found: Histories, batches: Mapping[bytes, list[tuple[int, bytes]]]) -> None:
    """Parse files of the same header at once; one by one where that does not work for all."""
    for header, batch in batches.items():
        piece = _parsed(header, batch)
        if piece is not None:
            found.add(piece)
            continue
        for number, body in batch:
            _add_carefully(found, number, header + b"\n" + body)


def _parsed(header: bytes, batch: Sequence[tuple[int, bytes]]) -> Piece | None:
    lengths = [body.count(b"\n") for _, body in batch]
    try:
        names = next(csv.reader([header.decode()], strict=True))
        if len(set(names)) < len(names) or b'"' in header or b"\r" in header:
            return None
        table = arrow_csv.read_csv(
            pa.BufferReader(b"".join(body for _, body in batch)),
            arrow_csv.ReadOptions(column_names=names, block_size=2 * BATCH_BYTES),
            arrow_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            arrow_csv.ConvertOptions(
                column_types={n: pa.int64() if n in KEYS else pa.float64() for n in names},
                null_values=[""],
            ),
        )
    except (ValueError, csv.Error, pa.ArrowException):
        return None
    columns = [column.combine_chunks() for column in table.columns]
    if table.num_rows != sum(lengths) or any(column.null_count for column in columns[:3]):
        return None
    keys = np.stack([column.to_numpy() for column in columns[:3]])
    trials = np.repeat([number for number, _ in batch], lengths)
    if keys.min() < 0 or keys.max() > MOST_EPOCHS or _repeats(np.stack([trials, *keys])):
        return None
    values = np.empty((table.num_rows, len(names) - 3))
    observed = np.ones(values.shape, bool)
    for i, column in enumerate(columns[3:]):
        values[:, i] = column.to_numpy(zero_copy_only=False)
        if column.null_count:
            observed[:, i] = column.is_valid().to_numpy(zero_copy_only=False)
    return Piece(trials, keys, tuple(names[3:]), values, observed)


def _repeats(keys: NDArray[np.int64]) -> bool:
    """Whether any epoch of a run is there twice; (key, row)."""
    after = np.zeros(keys.shape[1] - 1, bool)
    for key in keys[::-1]:  # what comes first decides
        after = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & after)
    return not after.all() and bool(pd.DataFrame(keys.T).duplicated().any())


def _add_carefully(found: Histories, number: int, content: bytes) -> None:
    lines = read_lines(content, number)
    for complaint in lines.complaints:
        found.complain(number, complaint)
    if lines.piece is not None:
        found.add(lines.piece)
