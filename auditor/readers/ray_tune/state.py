"""`experiment_state-<session>.json` of Ray Tune: the trials, what became of them, the metric.

Each trial is JSON inside JSON. Up to Ray 2.3 or so under "checkpoints", a text per trial (an object
before Ray 1.1); later under "trial_data", a pair of texts: what was planned, and what happened.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import clean, load_json, parse_json
from auditor.readers.looking import Look, natural

PREFIX = "experiment_state"

MOST_BYTES = 128 * 2**20
"""Of one state; a trial takes some ten kilobytes."""

MOST_TRIALS = 100_000
"""Of one state."""

MOST_STATES = 50
"""Sessions looked at: each time that a search is resumed begins one."""

_ID = re.compile(r"(?:^|_)([0-9a-f]{5,8}_[0-9]{5,}|(?!20[0-9]{6})[0-9a-f]{8})(?=_|$)")
"""In the name of a trial's folder: `train_fn_f587d_00004_4_lr=0.1_2026-11-21_17-06-57`."""


@dataclass(frozen=True)
class TrialState:
    """What a state says of one trial: Ray's own words.

    Attributes:
        trial_id: Its id.
        folder: The name of its folder; None where it has none yet.
        status: "PENDING", "RUNNING", "PAUSED", "TERMINATED" or "ERROR".
        config: Values of hyperparameters, nested.
        start_time: Seconds since 1970.
        has_rule: Whether the search was given a rule when trials stop.
        last_result: Its last report.
    """

    trial_id: str
    folder: str | None
    status: str
    config: Mapping[str, Json]
    start_time: float | None
    has_rule: bool
    last_result: Mapping[str, Json]


@dataclass(frozen=True)
class State:
    """One session.

    Attributes:
        trials: In the order of the file.
        metric: What the search optimised.
        unreadable: How many trials are not readable.
    """

    trials: tuple[TrialState, ...]
    metric: str | None
    unreadable: int


def state_files(look: Look) -> list[Path]:
    """The states in a folder, the newest session first."""
    names = [name for name in look.files if name.startswith(PREFIX) and name.endswith(".json")]
    return [look.path / name for name in sorted(names, key=natural, reverse=True)][:MOST_STATES]


def read_state(file: Path) -> State:
    """Read one state.

    Raises:
        ReadError: It is unreadable, or no state.
    """
    whole = load_json(file, MOST_BYTES)
    entries = whole.get("trial_data", whole.get("checkpoints")) if isinstance(whole, dict) else None
    if not isinstance(entries, list):
        raise ReadError("the file is no state of Ray Tune: it has no list of trials")
    trials = [trial for entry in entries[:MOST_TRIALS] if (trial := _trial(entry)) is not None]
    runner = whole.get("runner_data")
    metric = runner.get("_metric") if isinstance(runner, dict) else None
    unreadable = len(entries) - len(trials)
    return State(tuple(trials), metric if isinstance(metric, str) else None, unreadable)


def id_in(folder: str) -> str:
    """The trial id in the name of a folder, or the whole name."""
    found = _ID.search(folder)
    return found[1] if found else folder


def seconds(value: Json) -> float | None:
    """A time in seconds, or None where it is none."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e12 else None


def _trial(entry: Json) -> TrialState | None:
    parts: dict[str, Any] = {}
    for part in _objects(entry):
        parts |= part
    trial_id, config = parts.get("trial_id"), parts.get("config")
    if not isinstance(trial_id, str) or not trial_id:
        return None
    last = parts.get("last_result", parts.get("_last_result"))
    return TrialState(
        trial_id,
        _folder(parts.get("relative_logdir")) or _folder(parts.get("logdir")),
        str(parts.get("status")),
        config if isinstance(config, dict) else {},
        seconds(parts.get("start_time")),
        bool(parts.get("stopping_criterion")),
        last if isinstance(last, dict) else {},
    )


def _objects(entry: Json) -> Iterator[dict[str, Json]]:
    """An entry is an object, a text of one, or a list of such texts."""
    for part in entry if isinstance(entry, list) else [entry]:
        try:
            value = parse_json(part) if isinstance(part, str) else part
        except ReadError:
            continue
        if isinstance(value, dict):
            yield value


def _folder(path: Json) -> str | None:
    """The name of a trial's folder, from its path on the machine that trained."""
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1] if isinstance(path, str) else ""
    return str(clean(name)) or None
