"""From chunks of the validation rows to the trials that may win."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.scoring import Scores, objective_curve, training_curve
from auditor.selection.picking import Field, Singles
from auditor.selection.sets import limit_of
from auditor.selection.shrinking import Floats
from auditor.trials import Curve, Run, Trials

WITHIN = 6.0
"""Standard errors, of the paired difference, beyond which nothing wins by luck; more of them where
trials are not told apart there yet: by few parts."""

EPOCHS = 50
"""Epochs of a run that are looked at, the best ones; neighbours are much alike."""

Members = Mapping[str, Sequence[Run]]
"""The runs of each trial that count, best trial first."""


class _Curve(NamedTuple):
    """Epochs of a run at which both the objective and its parts are known, best first."""

    epochs: NDArray[np.intp]
    objective: Floats
    parts: Singles
    """What the rows of each part add to it; (epoch, part)."""


def known_members(trials: Trials, members: Members, scores: Scores) -> dict[str, Sequence[Run]]:
    """Trials whose objective is known on all parts of the rows, in all folds, at the best epoch."""
    known = {
        trial: runs
        for trial, runs in members.items()
        if all(_is_known(trials, scores, run) for run in runs)
    }
    folds = {run.fold for runs in known.values() for run in runs}
    return {trial: runs for trial, runs in known.items() if folds == {run.fold for run in runs}}


def field_of(trials: Trials, known: Members, scores: Scores) -> Field:
    """The trials that may win, of those whose objective is known on all parts of the rows."""
    reach = _reach(trials, known)
    near = _near(trials, known, scores, reach)
    runs = [run for trial in near for run in sorted(known[trial], key=lambda run: run.fold)]
    folds = sorted({run.fold for run in runs})
    curves = [_contenders(_curve(trials, run), reach) for run in runs]
    shape = len(runs), max(len(curve.epochs) for curve in curves)
    objective = np.full(shape, np.inf)
    penalty, steep = np.zeros(shape), np.ones(shape)
    deviations = np.zeros((*shape, curves[0].parts.shape[1]), np.float32)
    for i, (run, curve) in enumerate(zip(runs, curves, strict=True)):
        here = i, slice(len(curve.epochs))
        objective[here] = curve.objective
        penalty[here], steep[here] = _penalties(trials, scores, run, curve.epochs)
        deviations[here] = curve.parts
    begins = np.cumsum([0, *(len(known[trial]) for trial in near)])[:-1]
    places = np.array([folds.index(run.fold) for run in runs])
    return Field(near, tuple(runs), begins, places, objective, penalty, steep, deviations)


def _is_known(trials: Trials, scores: Scores, run: Run) -> bool:
    chunks, best = trials.context.chunks, scores.by_run[run].best_epoch
    if chunks is None or run not in chunks.values or best is None:
        return False
    parts = chunks.values[run].get(trials.objective.name)
    return parts is not None and best < len(parts) and bool(np.isfinite(parts[best]).all())


def _parts(trials: Trials, run: Run) -> Singles:
    """The objective by epoch and part: deviations from its mean, smaller being better.

    A part weighs as much as it has rows: so its deviation counts in the mean over all of them.
    """
    chunks = trials.context.chunks
    assert chunks is not None
    rows = np.array(chunks.rows[run.fold], np.float32)
    values = _sign(trials) * chunks.values[run][trials.objective.name]
    shares = rows / rows.sum()
    with np.errstate(invalid="ignore"):  # epochs that diverged
        return np.asarray((values - (values @ shares)[:, None]) * shares * len(rows), np.float32)


def _sign(trials: Trials) -> int:
    return 1 if trials.objective.direction == "min" else -1


def _curve(trials: Trials, run: Run) -> _Curve:
    parts, curve = _parts(trials, run), objective_curve(trials, run)
    epochs, values = curve
    inside = (epochs < len(parts)) & np.isfinite(values)
    inside[inside] &= np.isfinite(parts[epochs[inside]]).all(axis=1)
    epochs, values = epochs[inside], _sign(trials) * values[inside]
    order = np.argsort(values, kind="stable")[:EPOCHS]
    return _Curve(epochs[order], values[order], parts[epochs[order]])


def _reach(trials: Trials, known: Members) -> float:
    """How far behind those that may win are at most; standard errors."""
    chunks = trials.context.chunks
    assert chunks is not None
    folds = {run.fold for runs in known.values() for run in runs}
    freedom = sum(len(chunks.rows[fold]) - 1 for fold in folds)
    return max(WITHIN, limit_of(len(known), freedom))


def _contenders(curve: _Curve, reach: float) -> _Curve:
    """The epochs that may be the best by luck."""
    behind = curve.objective - curve.objective[0]
    near = behind <= reach * _error(curve.parts - curve.parts[0])
    return _Curve(curve.epochs[near], curve.objective[near], curve.parts[near])


def _near(trials: Trials, known: Members, scores: Scores, reach: float) -> tuple[str, ...]:
    """The trials that may win by luck, best first."""
    best = np.array([_at_best(trials, runs, scores) for runs in known.values()])
    values = np.array([scores.by_trial[trial].score for trial in known], float)
    behind = _sign(trials) * (values - values[0])
    near = behind <= reach * _error(best - best[0])
    return tuple(trial for trial, is_near in zip(known, near, strict=True) if is_near)


def _at_best(trials: Trials, runs: Sequence[Run], scores: Scores) -> Singles:
    """The objective of a trial on each part of each fold, a mean over its executions."""
    by_fold: dict[int, list[Singles]] = {}
    for run in runs:
        best = scores.by_run[run].best_epoch
        assert best is not None
        by_fold.setdefault(run.fold, []).append(_parts(trials, run)[best])
    return np.concatenate([np.mean(by_fold[fold], axis=0) for fold in sorted(by_fold)])


def _error(differences: Singles) -> Floats:
    return np.asarray(differences.std(axis=1, ddof=1) / np.sqrt(differences.shape[1]), np.float64)


def _penalties(
    trials: Trials, scores: Scores, run: Run, epochs: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """What the gap costs at some epochs, and how much faster than the objective the score moves."""
    own, weight, name = scores.by_run[run], scores.gap_penalty, trials.objective.name
    if own.gap is None or not weight:
        return np.zeros(len(epochs)), np.ones(len(epochs))
    gap = _sign(trials) * (
        _at(trials.curve(run, name), epochs) - _at(training_curve(trials, run), epochs)
    )
    penalty = weight * np.fmax(0, np.nan_to_num(gap, nan=0.0, posinf=0.0, neginf=0.0))
    if own.penalty < 0.999 * weight * max(0.0, own.gap):
        # Capped: what it costs no longer depends on the gap.
        return np.minimum(penalty, own.penalty), np.ones(len(epochs))
    return penalty, np.where(penalty > 0, 1 + weight, 1.0)


def _at(curve: Curve, epochs: NDArray[np.intp]) -> Floats:
    places = np.minimum(np.searchsorted(curve.epochs, epochs), max(0, len(curve.epochs) - 1))
    if not len(curve.epochs):
        return np.full(len(epochs), np.nan)
    return np.where(curve.epochs[places] == epochs, curve.values[places], np.nan)
