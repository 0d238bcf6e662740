"""From the executions of one trial to what its files and KerasTuner are told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import keras_tuner
import numpy as np
import pandas as pd
from keras_tuner.src.engine.tuner_utils import convert_to_metrics_dict

from auditor.errors import ObjectiveError
from auditor.files import Json
from auditor.outcomes import Outcome, Outcomes, judge
from auditor.scoring import Scores, score
from auditor.search.recorder import Execution, scalars
from auditor.search.row_losses import of_losses
from auditor.trials import (
    CURVE_COLUMNS,
    Context,
    Objective,
    Recorded,
    Run,
    Trials,
    empty_curves,
    is_series,
)


@dataclass(frozen=True)
class Result:
    """What a trial came to.

    Attributes:
        score: The number that ranks; infinite for a diverged trial.
        best_epoch: The scored epoch (from 0) of the best run; None where unknown.
        best_index: Place of the run with the best score among the executions that were given; None
            where none has a finite one.
        objective: The unpenalised objective, a mean over runs; NaN where none is finite.
        message: What went wrong with it, for a person; None where nothing did.
        metrics: Means over runs of all metrics at their best epochs.
        runs: Per run what goes to `trial.json`.
    """

    score: float
    best_epoch: int | None
    best_index: int | None
    objective: float
    message: str | None
    metrics: dict[str, float]
    runs: list[dict[str, Json]]


def objective_of(objective: keras_tuner.Objective) -> Objective:
    """Our record of KerasTuner's objective."""
    parts = tuple(objective_of(part) for part in getattr(objective, "objectives", ()))
    return Objective(objective.name, objective.direction, "the search itself", parts)


def take_returned(
    result: Any, execution: Execution, objective: keras_tuner.Objective, seen: bool
) -> None:
    """Note what the training returned: a history, or single values that stand in its place.

    Args:
        result: A history, a dictionary, a float, or a list of these.
        execution: Where to.
        objective: Of the search.
        seen: Whether another trial has reported the objective: then a training without it ended
            before it was first validated, which is its own affair.

    Raises:
        ObjectiveError: A history without the objective.
    """
    if isinstance(result, keras.callbacks.History):
        if not execution.epochs:
            execution.epochs = _epochs(result.history)
            execution.seconds = [math.nan] * len(execution.epochs)
        if not seen:
            _check_objective(execution, objective)
    else:
        execution.returned = scalars(convert_to_metrics_dict(result, objective))


def conclude(
    trial_id: str,
    executions: list[Execution],
    objective: keras_tuner.Objective,
    context: Context,
    gap_penalty: float,
) -> Result:
    """Judge and score one trial by the same code that audits a whole sweep.

    Args:
        trial_id: The trial.
        executions: Its runs: every fold of every execution.
        objective: Of the search.
        context: What is known of the data.
        gap_penalty: Weight of the generalization gap in the score.
    """
    every = {trial_id: executions}
    return conclude_all(every, objective, context, gap_penalty)[trial_id]


def conclude_all(
    executions: Mapping[str, list[Execution]],
    objective: keras_tuner.Objective,
    context: Context,
    gap_penalty: float,
) -> dict[str, Result]:
    """Judge and score several trials at once, which costs little more than one; see `conclude`.

    Args:
        executions: Per trial its runs.
        objective: Of the search.
        context: What is known of the data.
        gap_penalty: Weight of the generalization gap in the score.
    """
    trials = observed(executions, objective_of(objective), context)
    outcomes = judge(trials)
    scores = score(trials, outcomes, gap_penalty)
    return {
        trial_id: _result(trial_id, own, objective, outcomes, scores)
        for trial_id, own in executions.items()
    }


def _result(
    trial_id: str,
    executions: list[Execution],
    objective: keras_tuner.Objective,
    outcomes: Outcomes,
    scores: Scores,
) -> Result:
    total = scores.by_trial[trial_id]
    runs = [Run(trial_id, e.execution, e.fold) for e in executions]
    best = [scores.by_run[run].best_epoch for run in runs]
    metrics = [_metrics_at(e, epoch) for e, epoch in zip(executions, best, strict=True)]
    worst = math.inf if objective.direction == "min" else -math.inf
    message = None
    if outcomes.by_trial[trial_id] == Outcome.DIVERGED or total.score is None:
        verdicts = [outcomes.by_run[run] for run in runs]
        reasons = [v.reason for v in verdicts if v.outcome == Outcome.DIVERGED]
        nothing = f"no epoch has a finite {objective.name}"
        message = f"diverged: {reasons[0]}" if reasons else nothing
    means = _means(metrics)
    if objective.name not in means:
        means[objective.name] = math.nan if total.objective is None else total.objective
    return Result(
        score=worst if total.score is None else total.score,
        best_epoch=total.best_epoch,
        best_index=runs.index(total.best_run) if total.best_run else None,
        objective=math.nan if total.objective is None else total.objective,
        message=message,
        metrics=means,
        runs=run_records(executions, best, metrics),
    )


def run_records(
    executions: list[Execution],
    best: list[int | None],
    metrics: list[dict[str, float]],
) -> list[dict[str, Json]]:
    """What `trial.json` says of each run."""
    return [
        {
            "execution": e.execution,
            "fold": e.fold,
            "status": "failed" if e.error else "completed",
            "message": e.error,
            "best_epoch": epoch,
            "metrics": values,
            "authoritative": e.returned is not None,
            "seconds": e.total_seconds,
            "started": e.started,
            "seed": e.seed,
            "lane": e.lane,
            **({} if e.stack is None else {"stack": e.stack}),
            **of_losses(e, epoch),
        }
        for e, epoch, values in zip(executions, best, metrics, strict=True)
    ]


def observed(
    executions: Mapping[str, list[Execution]], objective: Objective, context: Context
) -> Trials:
    """What runs have shown, as trials without hyperparameters.

    Args:
        executions: Per trial its runs.
        objective: Of the search.
        context: What is known of the data.
    """
    runs = [(trial_id, e) for trial_id, own in executions.items() for e in own]
    rows = [
        (trial_id, e.execution, e.fold, epoch, metric, value)
        for trial_id, e in runs
        for epoch, row in enumerate(e.epochs)
        for metric, value in row.items()
    ]
    names = {row[4] for row in rows}
    series = {name for name in names if is_series(name, names)}
    recorded = {
        Run(trial_id, e.execution, e.fold): Recorded(
            "failed" if e.error else "completed",
            message=e.error,
            metrics=e.returned or {},
            authoritative=e.returned is not None,
        )
        for trial_id, e in runs
    }
    known = Context(
        no_skill_loss=context.no_skill_loss,
        no_skill_from=context.no_skill_from,
        training_no_skill_loss=context.training_no_skill_loss,
        weighted_training=context.weighted_training,
        untrained_loss=context.untrained_loss,
        label_counts=context.label_counts,
        series=_table([row for row in rows if row[4] in series]),
    )
    curves = _table([row for row in rows if row[4] not in series])
    return Trials({trial: {} for trial in executions}, recorded, curves, objective, context=known)


def _table(rows: list[tuple[str, int, int, int, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS)) if rows else empty_curves()


def _metrics_at(execution: Execution, epoch: int | None) -> dict[str, float]:
    """Metrics of the best epoch; of the last one where none is best."""
    if execution.returned is not None:
        return execution.returned
    if not execution.epochs:
        return {}
    row = execution.epochs[-1 if epoch is None else epoch]
    return {name: value for name, value in row.items() if not is_series(name, row)}


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _epochs(history: Mapping[str, list[Any]]) -> list[dict[str, float]]:
    length = max((len(values) for values in history.values()), default=0)
    rows = [{n: v[i] for n, v in history.items() if i < len(v)} for i in range(length)]
    return [scalars(row) for row in rows]


def _check_objective(execution: Execution, objective: keras_tuner.Objective) -> None:
    if any(objective.has_value(row) for row in execution.epochs) or not execution.epochs:
        return
    if not all(math.isfinite(row.get("loss", 0.0)) for row in execution.epochs):
        return  # Diverged, and stopped for it, before it was first validated.
    wanted = [part.name for part in getattr(objective, "objectives", [objective])]
    found = sorted({n for row in execution.epochs for n in row if not is_series(n, row)})
    missing = [name for name in wanted if name not in found]
    hint = ""
    if any(name.startswith("val_") for name in missing):
        hint = "; pass validation_data or validation_split to search()"
        if any(name.startswith("val_") for name in found):
            hint = "; the metric must be given to compile() under this name"
    raise ObjectiveError(
        f"the objective {', '.join(missing)} is not among the metrics that training reported: "
        f"{', '.join(found)}{hint}"
    )
