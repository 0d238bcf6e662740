"""A study of Optuna, whatever it was stored in, and what `Trials` make of it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Literal

from auditor.files import Json
from auditor.readers.gathered import MOST_EPOCHS, Gathered
from auditor.readers.metrics import keras_name
from auditor.readers.optuna.objective import SERIES, named, objective_of, series_name
from auditor.readers.optuna.space import space_of
from auditor.readers.reader import Source
from auditor.readers.table.layout import is_metric
from auditor.trials import Design, Direction, Objective, Problem, Recorded, Run, Status, Trials

STATES: Mapping[str, Status] = {
    "COMPLETE": "completed",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "unfinished",
}
"""Optuna's words in ours. A trial that is WAITING has no run yet."""

_MARKS: Mapping[str, Literal["grid", "adaptive"]] = {
    "grid_id": "grid",
    "cma": "adaptive",
    "nsga": "adaptive",
    "tpe": "adaptive",
    "gp": "adaptive",
    "completed_rung": "adaptive",
}
"""Beginnings of system attributes that only one kind of sampler or pruner leaves."""

_MISSING = (
    "Training curves: Optuna keeps at most one series per trial, what was reported for pruning; "
    "which metric that is, and on which data, it does not say.",
    "Why trials failed: a NaN that was told and an exception both become FAIL, without a message.",
    "Sampler, pruner, seeds, versions, data and the number of epochs planned.",
)
_NO_SERIES = "Learning curves: no intermediate values were reported."


@dataclass
class StudyTrial:
    """One trial.

    Attributes:
        number: From 0, in the order of their start.
        state: "COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING", or empty where not recorded.
        values: One per objective; empty where none was told.
        params: Hyperparameters, decoded.
        intermediate: Values reported, by step.
        user_attrs, system_attrs: As they are.
        started, completed: When.
    """

    number: int
    state: str = ""
    values: dict[int, float] = field(default_factory=dict)
    params: dict[str, Json] = field(default_factory=dict)
    intermediate: dict[int, float] = field(default_factory=dict)
    user_attrs: dict[str, Json] = field(default_factory=dict)
    system_attrs: dict[str, Json] = field(default_factory=dict)
    started: str | None = None
    completed: str | None = None


@dataclass
class Study:
    """One study.

    Attributes:
        name: Its name.
        directions: Per objective; None where not recorded.
        user_attrs, system_attrs: As they are.
        trials: All of them.
        distributions: Name of a hyperparameter -> its distributions, as Optuna writes them.
        problems: What could not be used.
        version: Of Optuna.
        missing: What this store does not record that others do, in sentences.
    """

    name: str = ""
    directions: list[Direction | None] = field(default_factory=list)
    user_attrs: dict[str, Json] = field(default_factory=dict)
    system_attrs: dict[str, Json] = field(default_factory=dict)
    trials: list[StudyTrial] = field(default_factory=list)
    distributions: dict[str, list[Json]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    version: str | None = None
    missing: tuple[str, ...] = ()


def trials_of(study: Study, source: Source, file: str) -> Trials:
    """A study as `Trials`."""
    problems = [replace(problem, file=file) for problem in study.problems]
    found = Gathered(source, files=[file], problems=problems)
    ordered = sorted(study.trials, key=lambda trial: trial.number)
    objective = objective_of(study.directions, study.user_attrs, study.system_attrs, ordered)
    reported = series_name(objective, ordered)
    epoch_of, remark = _epochs({step for trial in ordered for step in trial.intermediate})
    for trial in ordered:
        known = trial.params or _dictionary(trial.system_attrs.get("fixed_params"))
        if trial.state == "WAITING":
            found.hyperparameters.setdefault(str(trial.number), {}).update(known)
            continue
        curves = _curves_in(trial.user_attrs)
        if trial.intermediate:
            steps = sorted(trial.intermediate)
            epochs = [epoch_of[step] for step in steps]
            curves[reported] = (epochs, [trial.intermediate[step] for step in steps])
        found.add(Run(str(trial.number)), curves, _recorded(trial, objective), known)
    found.missing += _MISSING
    found.missing += study.missing
    found.missing += [remark] if remark else []
    if not any(trial.intermediate for trial in ordered):
        found.missing.append(_NO_SERIES)
    elif reported == SERIES:
        found.missing.append(
            f"What the reported values are: they are not {objective.name}, so they stand beside "
            f"it as {SERIES!r}."
        )
    if objective.components:
        found.missing.append(
            "A ranking: of several objectives Optuna ranks no trial before another that is not "
            "better in all of them; here the sum of those to minimise, less the others, ranks."
        )
    space, complaints = space_of(study.distributions)
    found.problems += [Problem(complaint, file) for complaint in complaints]
    return found.trials("optuna", objective, space, Design(_sampler(ordered)), study.version)


def _recorded(trial: StudyTrial, objective: Objective) -> Recorded:
    metrics = _metrics_in(trial.user_attrs)
    parts = objective.components or (objective,)
    metrics |= {p.name: trial.values[i] for i, p in enumerate(parts) if i in trial.values}
    value = trial.values.get(0) if not objective.components else None
    series = [v for v in trial.intermediate.values() if math.isfinite(v)]
    best = min if objective.direction == "min" else max
    told_last = value is not None and bool(series) and value != best(series)
    best_epoch, seed = trial.user_attrs.get("best_epoch"), trial.user_attrs.get("seed")
    return Recorded(
        status=STATES.get(trial.state, "unknown"),
        message=_message(trial),
        best_epoch=best_epoch if _is_count(best_epoch) else None,
        metrics=metrics,
        # Trials were ranked by what they returned, perhaps not the best that they reported.
        authoritative=told_last and trial.state == "COMPLETE",
        score=value,
        seconds=_seconds(trial.started, trial.completed),
        started=trial.started if isinstance(trial.started, str) else None,
        seed=seed if _is_count(seed) else None,
    )


def _message(trial: StudyTrial) -> str | None:
    reason = trial.system_attrs.get("fail_reason")
    return reason if isinstance(reason, str) and trial.state == "FAIL" else None


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _metrics_in(attributes: Mapping[str, Json]) -> dict[str, float]:
    """Single metrics that the user's program noted with a trial."""
    found: dict[str, float] = {}
    for name, value in attributes.items():
        number = float(value) if _is_number(value) else None
        if number is not None and is_metric(name):
            found.setdefault(keras_name(name), number)
    return found


def _is_number(value: Json) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**1000
    return isinstance(value, float)


def _curves_in(
    attributes: Mapping[str, Json],
) -> dict[str, tuple[Sequence[int], Sequence[float]]]:
    """Lists of a metric by epoch that the user's program noted with a trial."""
    inside: dict[str, Json] = {}
    for name, value in attributes.items():
        inside |= value if isinstance(value, dict) and "history" in name else {name: value}
    found: dict[str, tuple[Sequence[int], Sequence[float]]] = {}
    for name, value in inside.items():
        metric = named(name)
        if metric and isinstance(value, list) and len(value) > 1 and all(map(_is_number, value)):
            found.setdefault(metric, (range(len(value)), [float(v) for v in value]))
    return found


def _epochs(steps: set[int]) -> tuple[Mapping[int, int], str]:
    """The epoch of each step, and a sentence where they are not the same."""
    ordered = sorted(steps)
    if not ordered:
        return {}, ""
    gap = min((b - a for a, b in pairwise(ordered)), default=1)
    if ordered[0] >= 0 and ordered[-1] <= MOST_EPOCHS and gap == 1:
        # Many count their epochs from 1.
        first = 1 if ordered[0] == 1 else 0
        return {step: step - first for step in ordered}, ""
    return (
        {step: epoch for epoch, step in enumerate(ordered)},
        f"Epochs: values were reported at steps {ordered[0]} to {ordered[-1]}; each of the "
        f"{len(ordered):,} steps is taken for an epoch.",
    )


def _sampler(trials: Iterable[StudyTrial]) -> Literal["grid", "adaptive", "unknown"]:
    keys = {key for trial in trials for key in trial.system_attrs}
    kinds = {kind for mark, kind in _MARKS.items() if any(key.startswith(mark) for key in keys)}
    return kinds.pop() if len(kinds) == 1 else "unknown"


def _dictionary(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _seconds(started: str | None, completed: str | None) -> float | None:
    try:
        if started and completed:
            begin, end = datetime.fromisoformat(started), datetime.fromisoformat(completed)
            return max(0.0, (end - begin).total_seconds())
    except (ValueError, TypeError, OverflowError):
        pass
    return None
