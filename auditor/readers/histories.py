"""`history.csv`: the learning curves of one trial.

Columns `execution, fold, epoch, seconds`, then one per metric; epochs count from 0. An empty cell
was not observed; `nan`, `inf` and `-inf` were observed to be so. Written whole, so a file that is
cut off was damaged later: its complete rows are kept.
"""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from auditor.trials import Run, is_series

MOST_EPOCHS = 1_000_000
"""An epoch beyond this is taken for damage: tables by epoch would not fit in memory."""

_KEYS = ("execution", "fold", "epoch")

Row = tuple[str, int, int, int, str, float]
"""One observation, in the order of the columns of `Trials.curves`."""


@dataclass
class History:
    """The rows of one `history.csv`, and a sentence for whatever could not be used."""

    exists: bool
    curves: list[Row] = field(default_factory=list)
    series: list[Row] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def runs(self) -> list[Run]:
        """The runs that have at least one row, in order."""
        return list(dict.fromkeys(Run(row[0], row[1], row[2]) for row in self.curves + self.series))


def read_history(path: Path, trial_id: str) -> History:
    """Read one `history.csv`. A missing file is an empty history, without complaint."""
    history = History(path.is_file())
    if not history.exists:
        return history
    try:
        # newline="": the last line shows whether the file is whole.
        text = path.read_bytes().decode()
        lines = list(csv.reader(io.StringIO(text, newline="")))
    except (OSError, ValueError, csv.Error) as error:
        history.complaints.append(f"no curves, because it cannot be read: {error}")
        return history
    if text and not text.endswith("\n") and lines:
        lines.pop()
        history.complaints.append("it is cut off; the rows before its last line are kept")
    header = lines[0] if lines else []
    wrong = [key for key in _KEYS if key not in header] or _repeated(header)
    if wrong:
        history.complaints.append(
            f"no curves: it needs the columns execution, fold and epoch and no name twice, "
            f"but {', '.join(wrong)} is missing or repeated in {header!r:.200}"
        )
        return history
    _collect(history, header, lines[1:], trial_id)
    return history


def _collect(history: History, header: list[str], lines: list[list[str]], trial_id: str) -> None:
    """Sort the cells into curves and series."""
    at = [header.index(key) for key in _KEYS]
    columns = [
        (index, name, name == "seconds" or is_series(name, header))
        for index, name in enumerate(header)
        if name not in _KEYS
    ]
    seen = set()
    for number, cells in enumerate(lines, start=2):
        key = _key(cells, at) if len(cells) == len(header) else None
        if key is None or key in seen:
            why = "an epoch for the second time" if key else "not a row of this table"
            history.complaints.append(f"line {number} is {why}, and left out")
            continue
        seen.add(key)
        for index, name, aside in columns:
            if not cells[index]:
                continue
            try:
                value = float(cells[index])
            except ValueError:
                history.complaints.append(
                    f"line {number}: {name} is {cells[index]!r:.80}, not a number, and left out"
                )
                continue
            row = (trial_id, *key, name, value)
            (history.series if aside else history.curves).append(row)


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
