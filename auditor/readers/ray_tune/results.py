"""The reports of one Ray Tune trial: `result.json`, one report per line, or `progress.csv`.

A report holds metrics and Ray's own bookkeeping; `training_iteration` counts reports from 1. A
trial that was restarted repeats iterations in the same file.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import clean, parse_json, read_bytes
from auditor.readers.gathered import MOST_EPOCHS, SECONDS
from auditor.readers.lines import MOST_BAD_LINES, blocks

MOST_BYTES = 256 * 2**20
"""Of the reports of one trial; a report takes half a kilobyte."""

MOST_LINE_BYTES = 2**23
"""Of one report; those of RLlib take some hundred kilobytes."""

ITERATION = "training_iteration"

TIME = "time_this_iter_s"
"""Seconds since the last report, or since training began."""

BOOKKEEPING = {
    *(ITERATION, "done", "config", "date", "timestamp", "epoch", "step", "time_attr"),
    *(TIME, "time_total_s", "time_since_restore", "warmup_time"),
    *("iterations_since_restore", "timesteps_since_restore", "timesteps_total"),
    *("timesteps_this_iter", "episodes_total", "episodes_this_iter", "perf", "timers", "counters"),
    *("pid", "hostname", "node_ip", "logdir", "trial_log_path", "trainable_name"),
    *("trial_id", "trial_name", "experiment_id", "experiment_tag"),
    *("checkpoint_dir_name", "should_checkpoint"),
}
"""Keys of a report that are no metrics, nor is anything below them."""

MOST_NESTING = 5
"""Levels of a report within which metrics are looked for."""

Report = Mapping[str, Any]


@dataclass
class Reports:
    """The reports of a trial.

    Attributes:
        curves: Per metric, nested names joined with "/", the epochs (from 0) and values.
        first, last: The first and last report, whole.
        complaints: What could not be used, in sentences.
    """

    curves: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = field(default_factory=dict)
    first: Report = field(default_factory=dict)
    last: Report = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


def read_result_json(path: Path) -> Reports:
    """Read `result.json`.

    Raises:
        ReadError: The file cannot be read at all.
    """
    reports = Reports()
    found = _Columns()
    many = bad = 0
    for lines in map(bytes.splitlines, blocks(read_bytes(path, MOST_BYTES))):
        block, unreadable = _parse(lines)
        bad += unreadable
        many += len(lines)
        found.add(block)
        reports.first = reports.first or (block[0] if block else {})
        reports.last = block[-1] if block else reports.last
        if bad > MOST_BAD_LINES:
            break
    if bad:
        reports.complaints.append(f"lines that are no reports are left out: {bad} of {many}")
    return _finish(reports, found)


def read_progress_csv(path: Path) -> Reports:
    """Read `progress.csv`, which has only the metrics of the first report.

    Raises:
        ReadError: The file cannot be read at all.
    """
    text = read_bytes(path).decode("utf-8", "replace")
    try:
        cells = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise ReadError(f"the file is no table: {error}") from error
    header = [str(clean(name)) for name in cells[0]] if cells else []
    # Without its line break, the last row may be cut off within a number.
    whole = cells[1:] if text.endswith("\n") else cells[1:-1]
    rows = [
        {name: _number(cell) for name, cell in zip(header, row, strict=True) if cell}
        for row in whole
        if len(row) == len(header)
    ]
    reports = Reports(first=rows[0] if rows else {}, last=rows[-1] if rows else {})
    if len(rows) + 1 < len(cells):
        reports.complaints.append(f"{len(cells) - 1 - len(rows)} rows are cut off, and left out")
    found = _Columns()
    found.add(rows)
    return _finish(reports, found)


def values_of(report: Report) -> dict[str, float]:
    """The metrics of a single report, nested names joined with "/"."""
    found = _Columns()
    found.add([report])
    return {n: float(values[0]) for n, (_, values) in found.curves().items() if n != TIME}


def flat(values: Mapping[str, Any], depth: int = 20) -> dict[str, Json]:
    """Nested values under names joined with "/", as Ray itself writes them.

    Values that Ray has pickled are left out.

    Example:
        >>> flat({"optimizer": {"lr": 0.1}, "units": [4, 8]})
        {'optimizer/lr': 0.1, 'units': [4, 8]}
    """
    found: dict[str, Json] = {}
    for key, value in values.items():
        if not isinstance(value, dict) or not value or depth == 0:
            found[str(key)] = value
        elif value.get("_type") != "CLOUDPICKLE_FALLBACK":
            found |= {f"{key}/{name}": v for name, v in flat(value, depth - 1).items()}
    return found


def _parse(lines: Sequence[bytes]) -> tuple[list[Report], int]:
    """The reports in some lines, and how many lines are none."""
    short = [line for line in lines if 0 < len(line) <= MOST_LINE_BYTES]
    try:
        # All at once takes half the time.
        parsed = from_json(b"[" + b",".join(short) + b"]")
    except ValueError:
        parsed = [_parse_line(line) for line in short]
    reports: list[Report] = [report for report in parsed if isinstance(report, dict)]
    return reports, sum(1 for line in lines if line) - len(reports)


def _parse_line(line: bytes) -> Json:
    try:
        return parse_json(line)
    except ReadError:
        return None


def _finish(reports: Reports, found: "_Columns") -> Reports:
    epochs, kept, restarts = _epochs(found.iterations)
    if restarts:
        reports.complaints.append(
            f"training was restarted ({restarts}x) and repeated {len(kept) - kept.sum()} "
            "reports; of each the last is kept"
        )
    for name, (rows, values) in found.curves().items():
        reports.curves[name] = (epochs[rows][kept[rows]], values[kept[rows]])
    times = reports.curves.pop(TIME, None)
    if times and reports.curves:
        reports.curves.setdefault(SECONDS, times)
    return reports


def _epochs(iterations: Sequence[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_], int]:
    """Per report its epoch, whether it is kept, and how often training started anew.

    Iterations that are missing, fall below 1 or are huge are no count of epochs: then the order of
    the reports is.
    """
    many = len(iterations)
    everything = np.arange(many), np.ones(many, np.bool_), 0
    if not all(type(i) is int and 0 < i <= MOST_EPOCHS for i in iterations):
        return everything
    epochs = np.asarray(iterations, np.int64) - 1
    restarts = int((np.diff(epochs) <= 0).sum())
    # A report counts unless a later one is of the same or of an earlier epoch.
    least_after = np.minimum.accumulate(epochs[::-1])[::-1]
    kept = np.append(epochs[:-1] < least_after[1:], True) if many else np.ones(0, np.bool_)
    return epochs, kept, restarts


class _Columns:
    """Numbers of reports, collected by metric: the rows that have one, and the values there."""

    def __init__(self) -> None:
        self.iterations: list[Any] = []
        self._pieces: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {}

    def add(self, reports: Sequence[Report]) -> None:
        """Add the next reports."""
        start = len(self.iterations)
        self.iterations += [report.get(ITERATION) for report in reports]
        self._add("", [*reports], [*range(start, start + len(reports))], MOST_NESTING)

    def _add(self, prefix: str, reports: Sequence[Report], rows: Sequence[int], depth: int) -> None:
        for key in dict.fromkeys(key for report in reports for key in report):
            if key.split("/", 1)[0] in BOOKKEEPING and (prefix or key != TIME):
                continue
            values: list[Any] = [report.get(key) for report in reports]
            name = f"{prefix}{key}"
            kinds = set(map(type, values))
            if kinds <= {int, float}:
                self._note(name, rows, values)
                continue
            numbers = [at for at, value in enumerate(values) if type(value) in (int, float)]
            self._note(name, [rows[at] for at in numbers], [values[at] for at in numbers])
            if dict in kinds and depth:
                at_nested = [at for at, value in enumerate(values) if type(value) is dict]
                nested = [values[at] for at in at_nested]
                self._add(f"{name}/", nested, [rows[at] for at in at_nested], depth - 1)

    def _note(self, name: str, rows: Sequence[int], values: Sequence[float]) -> None:
        if rows:
            self._pieces.setdefault(name, []).append((np.array(rows, np.int64), _floats(values)))

    def curves(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Per metric the rows that have it, and the values there."""
        return {
            str(clean(name)): (
                np.concatenate([rows for rows, _ in pieces]),
                np.concatenate([values for _, values in pieces]),
            )
            for name, pieces in self._pieces.items()
        }


def _floats(values: Sequence[float]) -> NDArray[np.float64]:
    try:
        return np.array(values, np.float64)
    except OverflowError:  # a whole number with hundreds of digits
        return np.array([float(str(value)) for value in values])


def _number(cell: str) -> Json:
    try:
        return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 19 else float(cell)
    except ValueError:
        return str(clean(cell))
