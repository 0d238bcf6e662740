"""From plain values, as JSON, pickles and text hold them, to the runs of a history."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.beside import flat
from auditor.readers.csv_logger.runs import metric_name
from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.names import hyperparameters_in
from auditor.trials import role

MOST_RUNS = 100_000
"""In one file."""

MOST_DEPTH = 6
"""Of containers around a history."""

_SETTINGS = ("hyperparameters", "hyperparams", "hparams", "params", "parameters", "config", "args")
_OF_KERAS = {"verbose", "steps", "samples", "do_validation", "metrics", "epochs"}
"""What Keras itself keeps in `History.params`; the batch size beside it is a hyperparameter."""

_LOSS = re.compile(r"loss|acc|error|mae|mse|auc|f1|score|val_", re.IGNORECASE)

Curve = tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass
class HistoryRun:
    """One history.

    Attributes:
        label: Its name among several in a file; empty where it has none.
        curves: Per metric the epochs at which it was observed, and the values there.
        hyperparameters: Beside it or in its label.
        notes: What could not be used, in sentences.
    """

    label: str
    curves: dict[str, Curve] = field(default_factory=dict)
    hyperparameters: dict[str, Json] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def runs_in(value: Any) -> list[HistoryRun]:
    """The histories in a plain value, in their order.

    Raises:
        ReadError: There are more than `MOST_RUNS`.
    """
    runs = []
    for label, series, settings in _histories(value, "", {}, 0):
        run = run_of(series, label=label)
        run.hyperparameters = {**hyperparameters_in(label), **settings}
        if run.curves or run.notes:
            runs.append(run)
        if len(runs) > MOST_RUNS:
            raise ReadError(f"the file has more than the {MOST_RUNS:,} histories accepted")
    return runs


def run_of(series: Mapping[str, Any], cut: Iterable[str] = (), label: str = "") -> HistoryRun:
    """One run from its series.

    Args:
        series: Per name its values: a list, an array, or by epoch as pandas writes them.
        cut: Names of those of which only the first values are known.
        label: Its name.
    """
    run = HistoryRun(label)
    listed = {name: _listed(values) for name, values in series.items()}
    length = max((len(v) for v in listed.values() if isinstance(v, list)), default=0)
    epochs = _epochs(listed.pop("epoch", None), length, run.notes)
    for name, values in listed.items():
        if isinstance(values, dict):
            at, numbers = _observed(name, list(values.values()), run.notes)
            at, numbers = _by_epoch(np.array(list(values), np.int64)[at], numbers)
        else:
            at, numbers = _observed(name, values, run.notes)
            if name in cut:
                run.notes += _cut_off(name, len(values), length)
            elif len(values) < length:
                at = _placed(at, len(values), length, name, run.notes)
            at = epochs[at]
        if len(at):
            metric = metric_name(name)
            run.curves[metric if metric not in run.curves else name] = at, numbers[: len(at)]
    return run


def _histories(
    value: Any, label: str, settings: Mapping[str, Json], depth: int
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Json]]]:
    """Label, series and hyperparameters of each history in a value."""
    if depth > MOST_DEPTH:
        return
    if isinstance(value, dict):
        series = {name: v for name, v in value.items() if _is_series(name, v)} | _by_split(value)
        nested = value.get("history")
        if isinstance(nested, dict):
            known = {**settings, **_settings(value)}
            epochs = {"epoch": series["epoch"]} if "epoch" in series else {}
            for inner, parts, more in _histories(nested, label, known, depth + 1):
                yield inner, {**epochs, **parts}, more
        elif any(_LOSS.search(name) for name in series):
            yield label, series, {**settings, **_settings(value)}
        else:
            for name, item in value.items():
                inner = f"{label}/{name}" if label else str(name)
                yield from _histories(item, inner, settings, depth + 1)
    elif isinstance(value, list) and _are_records(value):
        names = dict.fromkeys(name for row in value for name in row)
        columns = {name: [row.get(name) for row in value] for name in names}
        yield label, {n: v for n, v in columns.items() if _is_series(n, v)}, settings
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                yield from _histories(item, label, settings, depth + 1)


def _by_split(value: Mapping[str, Any]) -> dict[str, Any]:
    """The series in `{"train": {"loss": [...]}, "val": {...}}`, and with the two the other way."""
    found = {}
    for outer, inner in value.items():
        if isinstance(inner, dict):
            for name, item in inner.items():
                split, metric = (outer, name) if _is_split(outer) else (name, outer)
                if _is_split(split) and _is_series(str(metric), item):
                    found[f"{split}_{metric}".lower()] = item
    return found


def _is_split(name: Any) -> bool:
    return str(name).lower() in ("train", "training", "val", "valid", "validation", "test")


def _is_series(name: Any, value: Any) -> bool:
    if not isinstance(name, str) or isinstance(value, str) or not hasattr(value, "__len__"):
        return False
    if isinstance(value, dict):  # by epoch: {"0": 0.5, "1": 0.4}
        first = next(iter(value), "")
        return str(first).isdecimal() and not hasattr(value[first], "__len__")
    if isinstance(value, np.ndarray):
        return value.ndim > 0 and 0 < len(value) <= MOST_EPOCHS
    return 0 < len(value) <= MOST_EPOCHS and not isinstance(value[0], dict)


def _are_records(rows: list[Any]) -> bool:
    """Whether rows are epochs: `[{"epoch": 0, "loss": 0.5}, ...]`."""
    return (
        len(rows) > 0
        and all(isinstance(row, dict) and "epoch" in row for row in rows)
        and any(_LOSS.search(str(name)) for name in rows[0])
    )


def _settings(value: Mapping[str, Any]) -> dict[str, Json]:
    """The hyperparameters that stand beside a history."""
    found: dict[str, Json] = {}
    for name in _SETTINGS:
        if isinstance(settings := value.get(name), dict):
            try:
                found |= flat({k: v for k, v in settings.items() if k not in _OF_KERAS})
            except ReadError:
                continue
    return found


def _listed(values: Any) -> list[Any] | dict[int, Any]:
    """The values as a list from the first epoch on, or by epoch."""
    if isinstance(values, dict):
        known = {int(k): v for k, v in values.items() if re.fullmatch("[0-9]{1,7}", str(k))}
        return list(known.values()) if list(known) == list(range(len(known))) else known
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _observed(name: str, values: list[Any], notes: list[str]) -> Curve:
    """Which of the values are numbers, and these."""
    if all(type(value) is float for value in values):
        return np.arange(len(values)), np.array(values, np.float64)
    numbers = [_number(value) for value in values]
    kept = [at for at, number in enumerate(numbers) if number is not None]
    nothing = sum(value is None for value in values)
    if odd := len(values) - len(kept) - nothing:
        notes.append(f"{name:.80} is not a number in {odd:,} epochs, and left out there")
    if nothing:
        notes.append(
            f"{name:.80} has {nothing:,} entries that are null: pandas and others write a NaN so, "
            "and what was not recorded too; they count as not recorded"
        )
    return np.array(kept, np.int64), np.array([numbers[at] for at in kept], np.float64)


def _by_epoch(epochs: NDArray[np.int64], values: NDArray[np.float64]) -> Curve:
    """In order, and counted from 0."""
    kept = epochs <= MOST_EPOCHS
    at, first = np.unique(epochs[kept], return_index=True)
    return at - (1 if len(at) and at[0] == 1 else 0), values[kept][first]


def _number(value: Any) -> float | None:
    if type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str | np.number):
        return None
    try:
        # As text: `json.dump(history, f, default=str)`.
        return float(value) if not isinstance(value, str) or "_" not in value else None
    except (ValueError, OverflowError):
        return None


def _epochs(
    listed: list[Any] | dict[int, Any] | None, length: int, notes: list[str]
) -> NDArray[np.int64]:
    """The epochs of the longest series: as they are listed beside it, or from 0."""
    if isinstance(listed, list) and len(listed) == length:
        _, epochs = _observed("epoch", listed, [])
        if len(epochs) == length > 0 and (np.floor(epochs) == epochs).all():
            is_rising = bool((epochs[1:] > epochs[:-1]).all())
            if is_rising and epochs[0] >= 0 and epochs[-1] <= MOST_EPOCHS:
                return epochs.astype(np.int64) - (1 if epochs[0] == 1 else 0)
    if listed is not None:
        notes.append("its epochs are not whole numbers that rise: its entries are counted instead")
    return np.arange(length)


def _placed(
    at: NDArray[np.int64], length: int, epochs: int, name: str, notes: list[str]
) -> NDArray[np.int64]:
    """The epochs of a series: all, or those that `validation_freq` leaves."""
    steps = [step for step in range(2, epochs + 1) if epochs // step == length]
    if role(metric_name(name)) == "validation" and len(steps) == 1:
        notes.append(
            f"{name:.80} has {length:,} values for {epochs:,} epochs: taken for "
            f"validation_freq={steps[0]}"
        )
        return (at + 1) * steps[0] - 1
    notes.append(
        f"{name:.80} has {length:,} values for {epochs:,} epochs, and nothing says which: left out"
    )
    return at[:0]


def _cut_off(name: str, length: int, epochs: int) -> list[str]:
    return [f"{name:.80} is cut off after {length:,} of {epochs:,} epochs"]
