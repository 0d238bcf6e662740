"""Scans of Talos: the CSV file of a scan, or, since version 2, its folder with all epochs.

The CSV file has one row per round: the metrics of the round's last epoch and its hyperparameters,
nothing quoted. `round_data.jsonl` of version 2 has the whole history of each round.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.columns import by_row
from auditor.readers.contents import MOST_TEXT_BYTES, parse_json, read_bytes
from auditor.readers.gathered import Gathered, file_name
from auditor.readers.looking import Look
from auditor.readers.metrics import keras_name
from auditor.readers.reader import Match, Source
from auditor.readers.table.files import read_columns
from auditor.readers.table.layout import is_metric
from auditor.trials import Recorded, Run, Trials, twin

_EPOCHS = "round_epochs"
_ROUNDS = "round_data.jsonl"
_ASIDE = {"start", "end", "duration", "execution_time", _EPOCHS, "index", ""}
_TYPE = "__talos_type__"

_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
"""What a line with odd contents ends in."""

_OBJECT = re.compile(
    r"<(?:class '(?:[\w.]*\.)?(\w+)'|function (\w+) at 0x\w+|(?:[\w.]*\.)?(\w+) object at 0x\w+)>"
)
"""A printed class, function or object: its name tells, its address does not."""

_LAST_EPOCH = (
    "Learning curves: Talos keeps the metrics of the last epoch of each round, which need not be "
    "its best; onset of overfitting and recovery cannot be seen, and a gap is that of the last "
    "epoch."
)
_MISSING = "Rounds that raised: they end the scan, and leave no row. Seeds, versions and data."
_EMPTY = (
    "Cells of metrics that are empty: Talos records every metric of every round, and pandas writes "
    "a NaN so: they are taken for NaN."
)


def matches(look: Look) -> Match:
    """Whether the path is the folder or the table of a scan."""
    if look.is_dir:
        yes = _ROUNDS in look.files
        return Match(yes, f"it has {'a' if yes else 'no'} {_ROUNDS}")
    if not look.is_file or look.suffix not in (".csv", ".txt", ""):
        return Match(False, "it is neither a folder nor a CSV file")
    yes = _EPOCHS in look.columns and len(look.columns) > 1
    return Match(yes, f"it has {'a' if yes else 'no'} column {_EPOCHS}")


def read(source: Source) -> Trials:
    """Read one scan.

    Raises:
        ReadError: It has no rounds that can be read.
    """
    return _read_folder(source) if source.path.is_dir() else _read_table(source)


def _read_table(source: Source) -> Trials:
    table = read_columns(source.path)
    if not table.rows:
        notes = "; ".join(table.notes)
        raise ReadError(f"the scan has no rounds{': ' if notes else ''}{notes}")
    found = Gathered(source, files=[file_name(source.path, source.root)])
    for note in table.notes:
        found.problem(f"{note}; values with commas are not quoted by Talos", source.path)
    metrics = _metrics(table.names)
    columns = {name: table.numbers_among(column)[0] for column, name in metrics.items()}
    rest = [n for n in table.names if n not in metrics and n not in _ASIDE and n[:1] != "_"]
    values = by_row(table, {name: name for name in rest})
    times = by_row(table, {n: n for n in ("start", "duration") if n in table.names})
    for row in range(table.rows):
        told = {name: float(column.values[row]) for name, column in columns.items()}
        recorded = _recorded(times[row], told)
        known = {name: _named(value) for name, value in values[row].items()}
        found.add(Run(str(row)), recorded=recorded, hyperparameters=known)
    found.missing += [_LAST_EPOCH, _MISSING]
    if any(not column.observed.all() for column in columns.values()):
        found.missing.append(_EMPTY)
    return found.trials("talos")


def _metrics(names: Sequence[str]) -> dict[str, str]:
    """The columns of metrics: those from the first one on, up to the first that is none."""
    kept = [name for name in names if name not in _ASIDE and not name.startswith("_")]
    metrics: dict[str, str] = {}
    for name in kept:
        if is_metric(name) or twin(name) in names:
            metrics[name] = keras_name(name)
        elif metrics:
            break
    return metrics


def _recorded(times: Mapping[str, Json], metrics: Mapping[str, float]) -> Recorded:
    spent = times.get("duration")
    seconds = float(spent) if isinstance(spent, int | float) else -1.0
    return Recorded(
        "completed",
        metrics=metrics,
        seconds=seconds if 0 <= seconds < math.inf else None,
        started=_time(times.get("start")),
    )


def _time(text: Json) -> str | None:
    """ISO 8601; up to version 1 Talos wrote month/day/year-hourminutesecond."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.strptime(text, "%m/%d/%y-%H%M%S").isoformat()
    except ValueError:
        return text if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.+-]{5,30}Z?", text) else None


def _named(value: Json) -> Json:
    """A value; of a printed class, function or object its name."""
    if isinstance(value, str) and (match := _OBJECT.fullmatch(value[:300])):
        return next(group for group in match.groups() if group)
    return value


def _read_folder(source: Source) -> Trials:
    path = source.path / _ROUNDS
    found = Gathered(source, files=[_ROUNDS])
    lines = read_bytes(path, MOST_TEXT_BYTES).split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            _add_round(found, parse_json(line))
        except (ReadError, *_DAMAGE) as error:
            found.problem(f"line {number:,} is no round ({error!r:.200}): left out", path)
    if not found.recorded:
        first = found.problems[0].message if found.problems else "it is empty"
        raise ReadError(f"{_ROUNDS} has no rounds: {first}")
    found.missing.append(_MISSING)
    return found.trials("talos", version="2 or later")


def _add_round(found: Gathered, content: Json) -> None:
    history = {keras_name(n): [float(_plain(v)) for v in h] for n, h in content["history"].items()}
    given = _plain(content["params"])
    known = {str(name): _named(value) for name, value in given.items()}
    row = content.get("row")
    times = {n: _plain(v) for n, v in row.items()} if isinstance(row, dict) else {}
    run = Run(str(int(content["round_index"])))
    if run in found.recorded:
        raise ValueError(f"round {run.trial_id} for the second time")
    curves = {name: (range(len(values)), values) for name, values in history.items()}
    found.add(run, curves, _recorded(times, {}), known)


def _plain(value: Json) -> Json:
    """A value without what Talos wraps around floats that JSON lacks, tuples and the like."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _TYPE not in value:
        return {name: _plain(item) for name, item in value.items()}
    inner: Json = value["value"] if "value" in value else value["items"]
    return float(str(inner)) if value[_TYPE] == "float" else _plain(inner)
