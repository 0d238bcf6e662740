"""The audit as event files of TensorBoard: scalars by epoch, and its table of hyperparameters.

    <folder>/                       what the HParams table has for columns
    <folder>/<trial>/               hyperparameters, outcome, and what the audit measured
    <folder>/<trial>/train/         `epoch_loss` and the like, as Keras's callback writes them
    <folder>/<trial>/validation/    the same metrics on the other side, under the same names

Trials of several runs have a folder `execution0`, `execution0_fold1`, ... for each. What is ours is
called `auditor/...`. Written without TensorFlow: TensorBoard brings the messages and the records.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from auditor.files import Json, to_json, whole_file
from auditor.outcomes import Outcome
from auditor.trials import Hyperparameter, Run, role, twin

if TYPE_CHECKING:
    from auditor.auditing import Audit

FILE = "events.out.tfevents.0000000000.auditor.v2"
"""Always the same, so that an export replaces an earlier one in the same folder."""

TRIAL_ID, EXECUTION, FOLD = "auditor/trial_id", "auditor/execution", "auditor/fold"
OUTCOME = "auditor/outcome"
"""Columns that stand beside the hyperparameters; our reader knows the first three."""

MEASURED = ("score", "objective", "gap", "penalty", "best_epoch")
"""What the audit says of a run or its trial, as `auditor/score` and so on; epochs from 0."""

SIDES = ("train", "validation")

MOST_CHARACTERS = 120
"""Of a folder's name; file systems allow 255 bytes."""

_RESERVED = {"train", "training", "validation", "val", "valid", "eval", "dev", "test", "testing"}
"""Names of folders that mean a side of a run."""

_STATUS = {"completed": 1, "failed": 2, "unfinished": 3}
"""TensorBoard's numbers for how a session ended; 0 is unknown."""

_SINGLE = 1
"""The type of a number in TensorFlow's messages: single precision, as Keras writes. TensorBoard's
fast loader, which is its default, shows no others."""


def write_tensorboard(audit: "Audit", folder: str | Path) -> None:
    """Write an event file for the space and up to three for each run, whole or absent.

    Raises:
        OSError: The folder cannot be made or written.
    """
    folder = Path(folder)
    _write(folder, [(0.0, 0, [_experiment(audit)])])
    for run, name in _names(audit.trials.runs).items():
        place = folder / name
        _write(place, _session(audit, run))
        for side in SIDES:
            if events := list(_curves(audit, run, side)):
                _write(place / side, events)


def folder_name(trial_id: str) -> str:
    """A name for the folder of a trial: its id, with what a folder cannot be called escaped.

    Example:
        >>> folder_name("0007"), folder_name("../lr=1"), folder_name("train")
        ('0007', '%2E.%2Flr=1', '%74rain')
    """
    name = quote(trial_id, safe=" =,+@()[]") or "%"
    if name.startswith(".") or name.lower() in _RESERVED:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) <= MOST_CHARACTERS:
        return name
    return f"{name[:MOST_CHARACTERS]}~{blake2b(trial_id.encode(), digest_size=6).hexdigest()}"


def _names(runs: Sequence[Run]) -> dict[Run, str]:
    """The folder of each run: that of its trial, with one for each run where they are several."""
    names = {run: folder_name(run.trial_id) for run in runs}
    if any(run.fold for run in runs):
        return {r: f"{name}/execution{r.execution}_fold{r.fold}" for r, name in names.items()}
    if any(run.execution for run in runs):
        return {r: f"{name}/execution{r.execution}" for r, name in names.items()}
    return names


# Events: the time in seconds since 1970, a step, and values

Event = tuple[float, int, list[Any]]


def _write(folder: Path, events: Iterable[Event]) -> None:
    from tensorboard.compat.proto.event_pb2 import Event as Message
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import (
        RecordWriter,
    )

    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / FILE) as file:
        records = RecordWriter(file)
        records.write(Message(file_version="brain.Event:2").SerializeToString())
        for time, step, values in events:
            message = Message(wall_time=time, step=step, summary=Summary(value=values))
            records.write(message.SerializeToString())


def _curves(audit: "Audit", run: Run, side: str) -> Iterator[Event]:
    """One event per epoch, with all metrics of this side."""
    trials = audit.trials
    series = [str(name) for name in trials.context.series["metric"].cat.categories]
    values: dict[int, list[Any]] = {}
    for look_up, name in (
        *((trials.curve, name) for name in trials.metrics),
        *((trials.series, name) for name in series),
    ):
        own_side, tag = _side_and_tag(name)
        epochs, numbers = look_up(run, name) if own_side == side else ((), ())
        for place, (epoch, number) in enumerate(zip(epochs, numbers, strict=True)):
            described = place == 0  # Once in a file is enough, and makes it half as large.
            values.setdefault(int(epoch), []).append(_scalar(tag, float(number), described))
    begin, ends = _began(audit, run), _ends(audit, run)
    for epoch in sorted(values):
        yield begin + ends.get(epoch, float(epoch)), epoch, values[epoch]


def _side_and_tag(metric: str) -> tuple[str, str]:
    """Where Keras writes a metric, and what it calls it there."""
    if role(metric) == "validation":
        return "validation", f"epoch_{twin(metric)}"
    return "train", f"epoch_{metric}"


def _began(audit: "Audit", run: Run) -> float:
    """When a run began, in seconds since 1970; 0 where that was not recorded."""
    try:
        return datetime.fromisoformat(audit.trials.recorded[run].started or "").timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _ends(audit: "Audit", run: Run) -> Mapping[int, float]:
    """When each epoch ended, in seconds from the begin, where that was recorded."""
    epochs, seconds = audit.trials.series(run, "seconds")
    return dict(zip(epochs.tolist(), accumulate(seconds.tolist()), strict=True))


def _scalar(tag: str, value: float, described: bool = True) -> Any:
    """A number; `described` says that it is one, as the first of its tag must."""
    from tensorboard.compat.proto import summary_pb2 as summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.plugins.scalar.metadata import (
        create_summary_metadata,
    )

    tensor = TensorProto(dtype=_SINGLE, float_val=[value], tensor_shape={})
    if not described:
        return summary.Summary.Value(tag=tag, tensor=tensor)
    metadata = create_summary_metadata(display_name=None, description=None)
    metadata.data_class = summary.DATA_CLASS_SCALAR
    return summary.Summary.Value(tag=tag, metadata=metadata, tensor=tensor)


# The table of hyperparameters


def _experiment(audit: "Audit") -> Any:
    """The columns of the table: hyperparameters with their domains, and metrics."""
    from tensorboard.plugins.hparams import api_pb2 as api

    trials = audit.trials
    space = {axis.name: axis for axis in trials.space}
    values: dict[str, list[Json]] = {name: [] for name in space}
    for row in trials.hyperparameters.values():
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    infos = [_axis(name, seen, space.get(name)) for name, seen in values.items()]
    infos += [api.HParamInfo(name=TRIAL_ID, type=api.DATA_TYPE_STRING)]
    outcome = api.HParamInfo(name=OUTCOME, type=api.DATA_TYPE_STRING)
    outcome.domain_discrete.extend([one.value for one in Outcome])
    metrics = [api.MetricName(tag=f"auditor/{name}") for name in MEASURED]
    metrics += [
        api.MetricName(group=side, tag=tag) for side, tag in map(_side_and_tag, trials.metrics)
    ]
    experiment = api.Experiment(
        hparam_infos=[*infos, outcome], metric_infos=[api.MetricInfo(name=m) for m in metrics]
    )
    return _hparams("experiment", experiment)


def _axis(name: str, seen: list[Json], declared: Hyperparameter | None) -> Any:
    """A hyperparameter, with the domain that was declared; what was seen is no domain."""
    from tensorboard.plugins.hparams import api_pb2 as api

    known = [_plain(value) for value in (*seen, *(declared.values if declared else ()))]
    kind = api.DATA_TYPE_STRING
    if all(isinstance(value, bool) for value in known):
        kind = api.DATA_TYPE_BOOL
    elif not any(isinstance(value, bool | str) for value in known):
        kind = api.DATA_TYPE_FLOAT64
    info = api.HParamInfo(name=name, type=kind)
    if declared and declared.values:
        info.domain_discrete.extend([_plain(value) for value in declared.values])
    elif declared and declared.low is not None and declared.high is not None:
        info.domain_interval.min_value = declared.low
        info.domain_interval.max_value = declared.high
    return info


def _session(audit: "Audit", run: Run) -> Iterator[Event]:
    """Hyperparameters of a run, how it ended, and what the audit measured of it."""
    from tensorboard.plugins.hparams import plugin_data_pb2 as data

    told, begin = audit.trials.recorded[run], _began(audit, run)
    start = data.SessionStartInfo(group_name=run.trial_id, start_time_secs=begin)
    values = {
        **audit.trials.hyperparameters[run.trial_id],
        TRIAL_ID: run.trial_id,
        EXECUTION: run.execution,
        FOLD: run.fold,
        OUTCOME: audit.outcomes.by_run[run].outcome.value,
    }
    for name, value in values.items():
        start.hparams[name].MergeFrom(_value(value))
    yield begin, 0, [_hparams("session_start_info", start)]
    end = data.SessionEndInfo(
        status=_STATUS.get(told.status, 0), end_time_secs=begin + (told.seconds or 0.0)
    )
    yield begin, 0, [_hparams("session_end_info", end)]
    for name, measured in _measured(audit, run).items():
        if measured is not None:
            yield begin, 0, [_scalar(f"auditor/{name}", float(measured))]
    if audit.trials.coverage(run) != "curves":
        # Single values: a step other than 0 tells them from a curve of one epoch.
        for name, single in told.metrics.items():
            yield begin, (told.best_epoch or 0) + 1, [_scalar(name, single)]


def _measured(audit: "Audit", run: Run) -> Mapping[str, float | None]:
    row = audit.scores.by_run[run]
    return {name: getattr(row, name) for name in MEASURED if hasattr(row, name)}


def _hparams(kind: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    about = metadata.create_summary_metadata(HParamsPluginData(**{kind: content}))
    return Summary.Value(tag=f"_hparams_/{kind}", metadata=about, tensor=metadata.NULL_TENSOR)


def _value(value: Json) -> Any:
    """A value in Protocol Buffers' own kind of JSON."""
    from google.protobuf.struct_pb2 import Value

    match _plain(value):
        case bool() as truth:
            return Value(bool_value=truth)
        case str() as text:
            return Value(string_value=text)
        case number:
            return Value(number_value=number)


def _plain(value: Json) -> bool | float | str:
    """The value as TensorBoard knows it: a truth value, a number or text."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, float) or (isinstance(value, int) and abs(value) <= 2**53):
        return float(value)
    return to_json(value)
