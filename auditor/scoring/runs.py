"""The score of one run: its best epoch, the gap there, and what the gap costs."""

import math
from collections.abc import Mapping

import numpy as np

from auditor.outcomes import UNREGULARISED, finite
from auditor.scoring.records import RunScore
from auditor.trials import (
    CLEAN_PREFIX,
    Column,
    Curve,
    Direction,
    Objective,
    Run,
    Trials,
    role,
    twin,
)


def objective_curve(trials: Trials, run: Run) -> Curve:
    """Epochs at which the objective of a run was observed, and its values there.

    A multi-objective is the sum of its parts to minimise less the sum of its parts to maximise, as
    in KerasTuner. Where the unregularised validation loss was recorded it stands for `val_loss`.
    """
    parts = trials.objective.components
    if not parts:
        return _series(trials, run, trials.objective.name)
    curves = [_series(trials, run, part.name) for part in parts]
    common = curves[0].epochs
    for curve in curves[1:]:
        common = np.intersect1d(common, curve.epochs)
    columns = [curve.values[np.isin(curve.epochs, common)] for curve in curves]
    with np.errstate(over="ignore", invalid="ignore"):
        signed = [c if p.direction == "min" else -c for p, c in zip(parts, columns, strict=True)]
        return Curve(common, np.sum(signed, axis=0))


def training_curve(trials: Trials, run: Run) -> Curve:
    """The training twin of the objective, measured in inference mode where that was recorded.

    As logged it is a mean over the epoch, with dropout at work: dropout would seem to close gaps.
    """
    name = twin(trials.objective.name)
    clean = trials.series(run, CLEAN_PREFIX + name)
    return clean if len(clean.epochs) else trials.curve(run, name)


def why_no_gap(trials: Trials) -> str | None:
    """Why no generalization gap can exist for the objective, in words; None where one can."""
    objective = trials.objective
    if objective.components:
        return "a multi-objective has no training twin"
    if role(objective.name) != "validation":
        return f"{objective.name!r} is not a validation metric"
    if objective.name == "val_loss" and trials.context.weighted_training:
        return (
            "training rows were weighted and validation rows were not, so that their losses "
            "are not the same quantity"
        )
    return None


def bare_scores(trials: Trials) -> dict[Run, RunScore]:
    """Best epoch, objective and gap of all runs, not penalised yet."""
    column = _objective_column(trials)
    large_is_good = trials.objective.direction == "max"
    curves = finite(column._replace(values=-column.values) if large_is_good else column)
    observed = np.diff(column.bounds) > 0
    scores = {}
    for place, run in enumerate(trials.runs):
        if trials.recorded[run].authoritative or not observed[place]:
            scores[run] = _from_recorded(trials, run)
        elif not curves.lengths[place]:
            scores[run] = RunScore()
        else:
            scores[run] = _at_best(trials, run, column.curve(place), curves.best_epoch(place))
    return scores


def _at_best(trials: Trials, run: Run, curve: Curve, best: int) -> RunScore:
    objective = trials.objective
    value = _at(curve, best)
    if why_no_gap(trials):
        return RunScore(best, value)
    other = _at(training_curve(trials, run), best)
    # Both sides of a gap must be the same quantity: the training loss holds its regularisation
    # terms, so it is compared with the validation loss as logged, not with the one that ranks.
    logged = _at(trials.curve(run, objective.name), best)
    return RunScore(best, value, other, _gap(logged, other, objective.direction))


def penalised(
    bare: RunScore, weight: float, limit: float | None, is_no_skill: bool, direction: Direction
) -> RunScore:
    """A score worsened by its gap, but not past the limit.

    Args:
        bare: From `bare_score`.
        weight: Of the gap.
        limit: The objective of knowing nothing, or what stands in for it; None for no limit.
        is_no_skill: Whether the limit is the no-skill objective itself.
        direction: Of the objective.
    """
    if bare.objective is None:
        return bare
    sign = 1.0 if direction == "min" else -1.0
    value = sign * bare.objective
    penalty = weight * max(0.0, bare.gap) if bare.gap is not None else 0.0
    if limit is not None:
        room = sign * limit - value
        # A run that is no better than knowing nothing has no room to protect.
        if room > 0 or not is_no_skill:
            penalty = min(penalty, abs(room))
        # The sum may be rounded past the limit.
        value = min(value + penalty, sign * limit) if room > 0 else value + penalty
    else:
        value += penalty
    return RunScore(bare.best_epoch, bare.objective, bare.twin, bare.gap, penalty, sign * value)


def _objective_column(trials: Trials) -> Column:
    """`objective_curve` of all runs."""
    objective = trials.objective
    replaced = objective.name == "val_loss" and len(trials.series_column(UNREGULARISED).epochs)
    if not objective.components and not replaced:
        return trials.column(objective.name)
    curves = [objective_curve(trials, run) for run in trials.runs]
    epochs = np.concatenate([np.empty(0, np.intp), *(curve.epochs for curve in curves)])
    values = np.concatenate([np.empty(0), *(curve.values for curve in curves)])
    return Column(epochs, values, np.cumsum([0, *(len(curve.epochs) for curve in curves)]))


def _series(trials: Trials, run: Run, name: str) -> Curve:
    if name == "val_loss":
        plain = trials.series(run, UNREGULARISED)
        if len(plain.epochs):
            return plain
    return trials.curve(run, name)


def _at(curve: Curve, epoch: int) -> float | None:
    place = int(np.searchsorted(curve.epochs, epoch))
    there = place < len(curve.epochs) and curve.epochs[place] == epoch
    return float(curve.values[place]) if there else None


def _from_recorded(trials: Trials, run: Run) -> RunScore:
    recorded, objective = trials.recorded[run], trials.objective
    value = _value(recorded.metrics, objective)
    if value is None:
        value = recorded.score
    if value is None or not math.isfinite(value):
        return RunScore(recorded.best_epoch)
    other = None if why_no_gap(trials) else recorded.metrics.get(twin(objective.name))
    return RunScore(recorded.best_epoch, value, other, _gap(value, other, objective.direction))


def _value(metrics: Mapping[str, float], objective: Objective) -> float | None:
    """The objective among single values; a multi-objective from its parts where all are there."""
    parts = objective.components
    if not parts or objective.name in metrics:
        return metrics.get(objective.name)
    if any(part.name not in metrics for part in parts):
        return None
    return sum(metrics[p.name] if p.direction == "min" else -metrics[p.name] for p in parts)


def _gap(value: float | None, other: float | None, direction: Direction) -> float | None:
    if value is None or other is None:
        return None
    gap = value - other if direction == "min" else other - value
    return gap if math.isfinite(gap) else None
