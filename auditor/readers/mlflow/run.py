"""One run of MLflow, from whichever store, and what it means for a trial.

MLflow keeps text for hyperparameters and, per metric, values with a step and a time. A step is an
epoch where Keras logs by itself, 0 where none was given, and whatever else users count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from auditor.files import Json
from auditor.readers.renaming import keras_names
from auditor.readers.tensorboard.events import Scalars
from auditor.readers.tensorboard.steps import Curves, by_epoch
from auditor.trials import Recorded, Status

PARENT = "mlflow.parentRunId"
"""The tag of a run that is part of another."""

SYSTEM = "system/"
"""Before the names of measurements of the machine."""

STOPPED, RESTORED = "stopped_epoch", "restored_epoch"
"""What autologging notes of early stopping, as metrics."""

EPOCH = "epoch"
"""A metric with which Lightning says which epoch a step belongs to."""

WITHOUT_STEP = (
    "Epochs: some metrics were logged without a step; the order in which they were logged is "
    "taken for epochs"
)

_STATUS: Mapping[str, Status] = {
    "RUNNING": "unfinished",
    "SCHEDULED": "unfinished",
    "FINISHED": "completed",
    "FAILED": "failed",
    "KILLED": "unfinished",
}
_WHOLE = re.compile(r"[-+]?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d{1,3})?")
_COUNTED = re.compile(r"([A-Za-z]\w*?)_\d+")


@dataclass
class MlflowRun:
    """A run as a store has it: MLflow's own words.

    Attributes:
        run_id: Its id.
        status: "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", or anything.
        start, end: Milliseconds since 1970.
        parameters: Text by name.
        metrics: Values by name, in the order in which they were logged.
        parent: The run that it is part of.
        is_deleted: Whether it was deleted, and could be restored.
    """

    run_id: str
    status: str = ""
    start: int | None = None
    end: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Scalars] = field(default_factory=dict)
    parent: str | None = None
    is_deleted: bool = False


@dataclass
class Observed:
    """What a run observed.

    Attributes:
        curves: Per metric, under Keras's names, epochs and values.
        single: Metrics that were logged once, without a step.
        best_epoch: The epoch whose weights early stopping restored, from 0.
        notes: What had to be assumed, in sentences.
        repeated: Values that a later one of the same step replaced.
    """

    curves: Curves = field(default_factory=dict)
    single: dict[str, float] = field(default_factory=dict)
    best_epoch: int | None = None
    notes: list[str] = field(default_factory=list)
    repeated: int = 0


def observed(run: MlflowRun) -> Observed:
    """The metrics of a run, by epoch."""
    found = Observed()
    metrics = {n: p for n, p in run.metrics.items() if len(p.steps) and not n.startswith(SYSTEM)}
    stopped, restored = _single(metrics.pop(STOPPED, None)), _single(metrics.pop(RESTORED, None))
    found.best_epoch = restored
    epoch = metrics.pop(EPOCH, None)
    series: dict[str, Scalars] = {}
    for name, ours in keras_names(metrics).items():
        points = metrics[name]
        if len(points.steps) == 1 and points.steps[0] == 0:
            found.single[ours] = float(points.values[0])
            continue
        if len(points.steps) > 1 and not points.steps.any():
            points = replace(points, steps=np.arange(len(points.steps)))
            found.notes = [WITHOUT_STEP]
        elif stopped is not None and restored is not None:
            # After the last epoch autologging repeats the metrics of the one restored.
            points = _part(points, points.steps <= stopped)
        series[ours] = _latest(points)
        found.repeated += len(points.steps) - len(series[ours].steps)
    found.curves, note = by_epoch(series, _latest(epoch) if epoch else None)
    found.notes += [note] if note else []
    return found


def recorded(run: MlflowRun, found: Observed) -> Recorded:
    """What MLflow says of a run."""
    whole = run.start is not None and run.end is not None and run.end >= run.start
    return Recorded(
        _STATUS.get(run.status.upper(), "unknown"),
        best_epoch=found.best_epoch,
        metrics=found.single,
        seconds=((run.end or 0) - (run.start or 0)) / 1000 if whole else None,
        started=_iso(run.start),
    )


def hyperparameters(run: MlflowRun) -> dict[str, Json]:
    """The parameters of a run, with the types that their texts surely had.

    Example:
        >>> hyperparameters(MlflowRun("a", parameters={"lr": "0.1", "layers": "[4, 4]"}))
        {'lr': 0.1, 'layers': '[4, 4]'}
    """
    return {name: _typed(name, text) for name, text in run.parameters.items()}


def _typed(name: str, text: str) -> Json:
    if text in ("True", "False", "true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        value = float(text)
        return _as_meant(value) if name.startswith("opt_") else value
    counted = _COUNTED.fullmatch(text) if name == "opt_name" else None
    # Keras counts optimizers: the third model's is "sgd_2".
    return counted[1] if counted else text


def _as_meant(value: float) -> float:
    """Autologging asks the optimizer, which keeps 32 bits: 0.4000000059604645 was 0.4."""
    short = np.float32(value)
    return float(str(short)) if float(short) == value else value


def _single(points: Scalars | None) -> int | None:
    """A metric that is the number of an epoch."""
    if points is None or len(points.values) != 1 or not 0 <= points.values[0] < 1e9:
        return None
    return int(points.values[0])


def _latest(points: Scalars) -> Scalars:
    """Each step once, with the value that was logged last."""
    order = np.lexsort((np.arange(len(points.steps)), points.steps))
    steps = points.steps[order]
    last = order[np.append(steps[1:] != steps[:-1], True)] if len(steps) else order
    return _part(points, last)


def _part(points: Scalars, at: NDArray[np.intp] | NDArray[np.bool_]) -> Scalars:
    return Scalars(points.steps[at], points.times[at], points.values[at])


def _iso(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        return None
