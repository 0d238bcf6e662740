"""One `history.csv` taken apart line by line, to say what is wrong with each."""

import csv
import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auditor.readers.gathered import MOST_EPOCHS

KEYS = ("execution", "fold", "epoch")
"""Columns that say which row it is; the others hold values."""


@dataclass
class Piece:
    """Rows of some trials with the same columns.

    Attributes:
        trials: The number of the trial of each row; (row,).
        keys: Execution, fold and epoch; (3, row).
        names: Of the other columns.
        values: (row, name).
        observed: Whether there is a value; (row, name).
    """

    trials: NDArray[np.intp]
    keys: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    observed: NDArray[np.bool_]

    def chosen(self, rows: NDArray[np.bool_]) -> "Piece":
        """Only some rows."""
        return Piece(
            self.trials[rows],
            self.keys[:, rows],
            self.names,
            self.values[rows],
            self.observed[rows],
        )


@dataclass
class Lines:
    """What a file says.

    Attributes:
        piece: Its rows; None where there is none.
        complaints: A sentence for whatever could not be used.
    """

    piece: Piece | None = None
    complaints: list[str] = field(default_factory=list)


def read_lines(content: bytes, number: int) -> Lines:
    """Read the content of a file.

    Args:
        content: Its bytes.
        number: Of its trial.
    """
    found = Lines()
    try:
        text = content.decode()
        # newline="": the last line shows whether the file is whole.
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except (ValueError, csv.Error) as error:
        found.complaints.append(f"no curves, because it cannot be read: {error}")
        return found
    if text and not text.endswith("\n") and lines:
        lines.pop()
        found.complaints.append("it is cut off; the rows before its last line are kept")
    header = lines[0] if lines else []
    wrong = [key for key in KEYS if key not in header] or _repeated(header)
    if wrong:
        found.complaints.append(
            f"no curves: it needs the columns execution, fold and epoch and no name twice, "
            f"but {', '.join(wrong)} is missing or repeated in {header!r:.200}"
        )
        return found
    _add_rows(found, number, header, lines[1:])
    return found


def _add_rows(found: Lines, number: int, header: list[str], lines: list[list[str]]) -> None:
    at = [header.index(key) for key in KEYS]
    rest = [(index, name) for index, name in enumerate(header) if name not in KEYS]
    rows: dict[tuple[int, int, int], list[float | None]] = {}
    for place, cells in enumerate(lines, start=2):
        key = _key(cells, at) if len(cells) == len(header) else None
        if key is None or key in rows:
            why = "an epoch for the second time" if key else "not a row of this table"
            found.complaints.append(f"line {place} is {why}, and left out")
            continue
        row = rows[key] = []
        for index, name in rest:
            value = _number(cells[index])
            if value is None and cells[index]:
                found.complaints.append(
                    f"line {place}: {name} is {cells[index]!r:.80}, not a number, and left out"
                )
            row.append(value)
    if rows and rest:
        found.piece = Piece(
            np.full(len(rows), number),
            np.array(list(rows), np.int64).T,
            tuple(name for _, name in rest),
            np.array(list(rows.values()), np.float64),  # None becomes NaN
            np.array([[value is not None for value in row] for row in rows.values()]),
        )


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _key(cells: list[str], at: list[int]) -> tuple[int, int, int] | None:
    """Execution, fold and epoch of a row; None where they are not small whole numbers."""
    try:
        execution, fold, epoch = (int(cells[index]) for index in at)
    except ValueError:
        return None
    if min(execution, fold, epoch) < 0 or max(execution, fold, epoch) > MOST_EPOCHS:
        return None
    return execution, fold, epoch


def _repeated(header: list[str]) -> list[str]:
    return sorted({name for name in header if header.count(name) > 1})
