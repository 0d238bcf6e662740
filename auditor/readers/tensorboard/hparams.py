"""What TensorBoard's HParams plugin records: hyperparameters, status, the declared space."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from auditor.files import Json
from auditor.readers.contents import clean
from auditor.readers.kerastuner.space import TUNER_PREFIX
from auditor.trials import Hyperparameter, Recorded, Run, Status

_STATUS: Mapping[int, Status] = {1: "completed", 2: "failed", 3: "unfinished"}
"""The plugin's statuses: success, failure, running."""


OURS = "auditor/"
"""Before the names of what our own export puts beside hyperparameters and metrics."""

MOST_RUNS = 1_000_000
"""Executions, or folds, of a trial; a larger number is none that was written by us."""

MOST_WHOLE = 2.0**53
"""Beyond this, every float is whole."""


def hyperparameters(session: Mapping[str, Any]) -> dict[str, Json]:
    """The hyperparameters of a run. All numbers are floats: the plugin does not tell integers."""
    start = session.get("session_start_info")
    values = {} if start is None else {str(clean(n)): _plain(v) for n, v in start.hparams.items()}
    added = (TUNER_PREFIX, OURS)
    return {n: v for n, v in values.items() if v is not None and not n.startswith(added)}


def run_named(session: Mapping[str, Any]) -> Run | None:
    """The run that our own export names; None in files of others."""
    start = session.get("session_start_info")
    told = {} if start is None else {n: _plain(v) for n, v in start.hparams.items()}
    trial = told.get(f"{OURS}trial_id")
    numbers = [told.get(f"{OURS}{name}", 0.0) for name in ("execution", "fold")]
    if not isinstance(trial, str):
        return None
    if not all(isinstance(n, float) and n.is_integer() and 0 <= n < MOST_RUNS for n in numbers):
        return None
    return Run(trial, *(int(number) for number in numbers))


def recorded(session: Mapping[str, Any], results: Mapping[str, float]) -> Recorded:
    """What the plugin says of a run, with the single values that were logged."""
    start, end = session.get("session_start_info"), session.get("session_end_info")
    began = start.start_time_secs if start is not None else 0
    ended = end.end_time_secs if end is not None else 0
    return Recorded(
        status=_STATUS.get(end.status, "unknown") if end is not None else "unknown",
        metrics=results,
        seconds=ended - began if ended >= began > 0 else None,
        started=_when(began) if began else None,
    )


def declared_space(sessions: Iterable[Mapping[str, Any]]) -> tuple[Hyperparameter, ...]:
    """The axes that experiments declare with their values or range; each name once."""
    space: dict[str, Hyperparameter] = {}
    for session in sessions:
        for info in getattr(session.get("experiment"), "hparam_infos", ()):
            name = str(clean(info.name))
            if name.startswith(OURS):
                continue
            values = tuple(_plain(v) for v in info.domain_discrete.values)
            if info.HasField("domain_interval"):
                low, high = info.domain_interval.min_value, info.domain_interval.max_value
                space[name] = Hyperparameter(name, "float", (), low, high, ordered=True)
            elif values:
                known = space[name].values if name in space else ()
                values = (*known, *(v for v in values if v not in known))
                is_boolean = all(isinstance(v, bool) for v in values)
                space[name] = Hyperparameter(name, "boolean" if is_boolean else "choice", values)
    return tuple(space.values())


def with_integers(
    trials: dict[str, dict[str, Json]], space: Iterable[Hyperparameter]
) -> tuple[Hyperparameter, ...]:
    """Make the values of a hyperparameter integers where all of them are whole, in place.

    Returns:
        The space with the same done to it.
    """
    whole: dict[str, bool] = {}
    axes = tuple(space)
    named = [(axis.name, value) for axis in axes for value in (*axis.values, axis.low, axis.high)]
    for name, value in [*named, *(pair for values in trials.values() for pair in values.items())]:
        is_whole = not isinstance(value, float) or (value.is_integer() and abs(value) < MOST_WHOLE)
        whole[name] = whole.get(name, True) and is_whole
    for values in trials.values():
        values.update({n: _whole(v) for n, v in values.items() if whole[n]})
    return tuple(_with_integers(axis) if whole[axis.name] else axis for axis in axes)


def _with_integers(axis: Hyperparameter) -> Hyperparameter:
    values = tuple(_whole(value) for value in axis.values)
    kind = "int" if axis.kind == "float" else axis.kind
    return Hyperparameter(axis.name, kind, values, axis.low, axis.high, ordered=axis.ordered)


def _whole(value: Json) -> Json:
    return int(value) if isinstance(value, float) else value


def _plain(value: Any) -> Json:
    """A value of Protocol Buffers' own kind of JSON, if it is a number, truth value or text."""
    match value.WhichOneof("kind"):
        case "number_value":
            return float(value.number_value)
        case "bool_value":
            return bool(value.bool_value)
        case "string_value":
            return str(clean(value.string_value))
    return None


def _when(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return None
