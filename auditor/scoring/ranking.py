"""From the scores of runs to the ranks of trials, and what a reader must know about them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from auditor.outcomes import UNREGULARISED, Outcome, Outcomes
from auditor.scoring.records import DEFAULT_GAP_PENALTY, RunScore, Scores, TrialScore
from auditor.scoring.runs import bare_scores, penalised, why_no_gap
from auditor.trials import CLEAN_PREFIX, Run, Trials, twin

ACCURACIES = (
    "val_accuracy",
    "val_acc",
    "val_binary_accuracy",
    "val_categorical_accuracy",
    "val_sparse_categorical_accuracy",
)
"""Metrics for which guessing the largest class scores its share."""


def score(trials: Trials, outcomes: Outcomes, gap_penalty: float = DEFAULT_GAP_PENALTY) -> Scores:
    """Score every run and rank every trial.

    Args:
        trials: What was observed.
        outcomes: From `auditor.outcomes.judge`.
        gap_penalty: Weight of the gap, not negative; 0 ranks by the objective alone.

    Raises:
        ValueError: `gap_penalty` is negative or not finite.

    Example:
        >>> scores = score(trials, judge(trials))
        >>> next(iter(scores.by_trial))  # the best trial
        '0054'
    """
    if not 0 <= gap_penalty < math.inf:
        raise ValueError(f"gap_penalty must be a finite number >= 0, got {gap_penalty!r}")
    bare = bare_scores(trials)
    no_skill, cap = _no_skill(trials, outcomes)
    values = [s.objective for s in bare.values() if s.objective is not None]
    limit = no_skill if no_skill is not None else _median(values)
    by_run = {
        run: penalised(s, gap_penalty, limit, no_skill is not None, trials.objective.direction)
        for run, s in bare.items()
    }
    by_trial = {
        trial: _trial_score(trials, outcomes, trial, by_run) for trial in trials.hyperparameters
    }
    return Scores(
        gap_penalty,
        cap,
        _notes(trials, by_run, no_skill),
        MappingProxyType(by_run),
        MappingProxyType(_ranked(by_trial, trials.objective.direction == "max")),
    )


def _median(values: list[float]) -> float | None:
    # Halved before two of them are added: finite values may be too large for a sum.
    return float(2 * np.median(np.divide(values, 2))) if values else None


def _no_skill(trials: Trials, outcomes: Outcomes) -> tuple[float | None, str]:
    """The objective of knowing nothing, and the sentence on what caps the penalty."""
    name, counts = trials.objective.name, trials.context.label_counts
    if name == "val_loss" and outcomes.baseline.loss is not None:
        value = outcomes.baseline.loss
        return value, f"the no-skill loss {value:.4g} ({outcomes.baseline.known_from})"
    if name in ACCURACIES and sum(counts.values()) > 0:
        share = max(counts.values()) / sum(counts.values())
        return share, f"the share {share:.4g} of the largest class"
    return None, "the median of the sweep, because the no-skill objective is not known"


def _trial_score(
    trials: Trials, outcomes: Outcomes, trial: str, by_run: Mapping[Run, RunScore]
) -> TrialScore:
    diverged = outcomes.by_trial[trial] == Outcome.DIVERGED
    runs = _that_count(trials, outcomes, trial, by_run)
    scores = [_number(by_run[run].score) for run in runs]
    worst = math.inf if trials.objective.direction == "min" else -math.inf
    better = min if trials.objective.direction == "min" else max
    best = runs[scores.index(better(scores))] if runs else None
    return TrialScore(
        rank=None,
        rank_without_penalty=None,
        score=worst if diverged else _mean(scores),
        objective=_mean([_number(by_run[run].objective) for run in runs]),
        gap=_mean([gap for run in runs if (gap := by_run[run].gap) is not None]),
        penalty=_mean([by_run[run].penalty for run in runs]) or 0.0,
        best_epoch=by_run[best].best_epoch if best else None,
        best_run=best,
        spread=_deviation(scores) if len(scores) > 1 else None,
        runs=len(runs),
    )


def _that_count(
    trials: Trials, outcomes: Outcomes, trial: str, by_run: Mapping[Run, RunScore]
) -> list[Run]:
    """Runs with a value that are neither crashed nor, unless the trial as a whole did, diverged."""
    left_out = {Outcome.CRASHED}
    if outcomes.by_trial[trial] != Outcome.DIVERGED:
        left_out.add(Outcome.DIVERGED)
    return [
        run
        for run in trials.runs_of[trial]
        if by_run[run].score is not None and outcomes.by_run[run].outcome not in left_out
    ]


def _ranked(by_trial: Mapping[str, TrialScore], large_is_good: bool) -> dict[str, TrialScore]:
    """Ranks by score, diverged trials last; trials without any value keep rank None."""
    sign = -1 if large_is_good else 1

    def key(trial: str, with_penalty: bool) -> tuple[float, float]:
        this = by_trial[trial]
        value = math.inf if this.objective is None else sign * this.objective
        score = sign * _number(this.score)
        return (score if with_penalty or math.isinf(score) else value, value)

    some = [trial for trial, s in by_trial.items() if s.score is not None]
    order = sorted(some, key=lambda trial: key(trial, True))
    bare = {t: i for i, t in enumerate(sorted(some, key=lambda t: key(t, False)), start=1)}
    ranked = {
        trial: replace(by_trial[trial], rank=i, rank_without_penalty=bare[trial])
        for i, trial in enumerate(order, start=1)
    }
    return ranked | {trial: s for trial, s in by_trial.items() if trial not in ranked}


def _notes(
    trials: Trials, by_run: Mapping[Run, RunScore], no_skill: float | None
) -> tuple[str, ...]:
    name = trials.objective.name
    notes = []
    why = why_no_gap(trials)
    if why:
        notes.append(f"No penalty: {why}.")
    elif by_run and all(s.gap is None for s in by_run.values()):
        notes.append(
            f"No penalty: {twin(name)!r}, the training twin of {name!r}, was not recorded."
        )
    elif no_skill is None:
        notes.append("The penalty is capped at the distance to the median of the sweep.")
    if not why and len(trials.series_column(CLEAN_PREFIX + twin(name)).epochs):
        notes.append(f"The gap is that to {twin(name)!r} measured again in inference mode.")
    if len(trials.series_column(UNREGULARISED).epochs):
        notes.append("Ranked by the validation loss without regularisation terms.")
    return tuple(notes)


def _mean(values: list[float]) -> float | None:
    # Of so few, many times as fast as numpy's.
    return sum(values) / len(values) if values else None


def _deviation(values: list[float]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.std(values, ddof=1))


def _number(value: float | None) -> float:
    assert value is not None
    return value
