"""From outcomes to scores: the number that ranks, and what it is made of.

A run is scored at its best validation epoch, worsened by a small penalty on the generalization gap
there. Measured on TaskSet (12 tasks, 400 random sub-sweeps of 100 trials; regret of the chosen
trial's test loss in 1e-3 nats): final epoch 13.2, best epoch 6.9, with a penalty of .05 of the gap
7.0, .25 7.5, 1.0 13.1. Best-epoch scoring halves the regret and a weight near 1 throws that away,
so the default weight is small: it breaks near-ties towards the smaller gap. No published evidence
was found for a larger one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from auditor.outcomes import Outcome, Outcomes
from auditor.trials import Curve, Objective, Run, Trials, role, twin

DEFAULT_GAP_PENALTY = 0.05
"""Weight of the generalization gap in the score, in units of the objective per unit of gap."""

UNREGULARISED = "unregularised_val_loss"
"""The series that ranks in place of `val_loss` where it was recorded: a loss that contains L1 or L2
terms is not comparable between trials that differ in them."""


@dataclass(frozen=True)
class RunScore:
    """The score of one run.

    Attributes:
        best_epoch: Epoch (from 0) with the best finite objective; None where unknown.
        objective: The objective there, unpenalised; None where there is no finite value.
        twin: The same metric on training data in that epoch.
        gap: Generalization gap, positive where validation is worse; None without a twin.
        penalty: What the gap costs, never negative, in units of the objective.
        score: The objective worsened by the penalty.
    """

    best_epoch: int | None = None
    objective: float | None = None
    twin: float | None = None
    gap: float | None = None
    penalty: float = 0.0
    score: float | None = None


@dataclass(frozen=True)
class TrialScore:
    """The score of one trial: means over its runs.

    Attributes:
        rank: 1 is best; None where there is nothing to rank by.
        rank_without_penalty: The rank if the gap cost nothing.
        score: Mean score; the worst number in its direction (infinite) for a diverged trial.
        objective, gap, penalty: Means over the runs that have them.
        best_epoch: Best epoch (from 0) of the best run.
        best_run: The run with the best score.
        spread: Sample standard deviation of the score between runs; None below two.
        runs: Number of runs that count.
    """

    rank: int | None
    rank_without_penalty: int | None
    score: float | None
    objective: float | None
    gap: float | None
    penalty: float
    best_epoch: int | None
    best_run: Run | None
    spread: float | None
    runs: int


@dataclass(frozen=True)
class Scores:
    """All scores of a sweep.

    Attributes:
        gap_penalty: The weight in use.
        cap: What limits the penalty, in words.
        notes: What a reader of the ranking must know, in sentences.
        by_run: Per run.
        by_trial: Per trial, best first.
    """

    gap_penalty: float
    cap: str
    notes: tuple[str, ...]
    by_run: Mapping[Run, RunScore]
    by_trial: Mapping[str, TrialScore]


def score(trials: Trials, outcomes: Outcomes, gap_penalty: float = DEFAULT_GAP_PENALTY) -> Scores:
    """Score every run and rank every trial.

    Args:
        trials: What was observed.
        outcomes: From `auditor.outcomes.judge`.
        gap_penalty: Weight of the gap, not negative; 0 ranks by the objective alone.

    Raises:
        ValueError: `gap_penalty` is negative or not finite.
    """
    if not 0 <= gap_penalty < math.inf:
        raise ValueError(f"gap_penalty must be a finite number >= 0, got {gap_penalty!r}")
    bare = {run: _bare_score(trials, run) for run in trials.runs}
    no_skill, cap = _no_skill(trials, outcomes)
    values = [s.objective for s in bare.values() if s.objective is not None]
    limit = no_skill if no_skill is not None else (float(np.median(values)) if values else None)
    by_run = {
        run: _penalised(s, gap_penalty, limit, no_skill is not None, trials.objective.direction)
        for run, s in bare.items()
    }
    by_trial = {
        trial: _trial_score(trials, outcomes, trial, by_run) for trial in trials.hyperparameters
    }
    ranked = _ranked(by_trial, trials.objective)
    return Scores(
        gap_penalty,
        cap,
        _notes(trials, by_run, no_skill),
        MappingProxyType(by_run),
        MappingProxyType(ranked),
    )


def objective_curve(trials: Trials, run: Run) -> Curve:
    """Epochs at which the objective of a run was observed, and its values there.

    A multi-objective is the sum of its parts to minimise less the sum of its parts to maximise, as
    in KerasTuner. Where the unregularised validation loss was recorded it stands for `val_loss`.
    """
    parts = trials.objective.components or (trials.objective,)
    epochs, total = None, None
    for part in parts:
        at, values = _series(trials, run, part.name)
        signed = -values if trials.objective.components and part.direction == "max" else values
        if epochs is None or total is None:
            epochs, total = at, signed.copy()
        else:
            epochs, left, right = np.intersect1d(epochs, at, return_indices=True)
            total = total[left] + signed[right]
    assert epochs is not None and total is not None
    return Curve(epochs, total)


def _series(trials: Trials, run: Run, name: str) -> Curve:
    if name == "val_loss":
        plain = trials.series(run, UNREGULARISED)
        if len(plain.epochs):
            return plain
    return trials.curve(run, name)


def _bare_score(trials: Trials, run: Run) -> RunScore:
    recorded, objective = trials.recorded[run], trials.objective
    epochs, values = objective_curve(trials, run)
    if recorded.authoritative or not len(epochs):
        return _from_recorded(trials, run)
    usable = np.flatnonzero(np.isfinite(values))
    if not len(usable):
        return RunScore()
    finite = values[usable]
    at = usable[int(finite.argmin() if objective.direction == "min" else finite.argmax())]
    best = int(epochs[at])
    other = _at(trials, run, twin(objective.name), best) if has_twin(objective) else None
    # Both sides of a gap must be the same quantity: the training loss holds its regularisation
    # terms, so it is compared with the validation loss as logged, not with the one that ranks.
    logged = _at(trials, run, objective.name, best) if has_twin(objective) else None
    return RunScore(best, float(values[at]), other, _gap(logged, other, objective))


def _at(trials: Trials, run: Run, metric: str, epoch: int) -> float | None:
    epochs, values = trials.curve(run, metric)
    there = np.flatnonzero(epochs == epoch)
    return float(values[there[0]]) if len(there) else None


def _from_recorded(trials: Trials, run: Run) -> RunScore:
    recorded, objective = trials.recorded[run], trials.objective
    value = recorded.metrics.get(objective.name)
    if value is None and not recorded.metrics:
        value = recorded.score
    if value is None or not math.isfinite(value):
        return RunScore(recorded.best_epoch)
    other = recorded.metrics.get(twin(objective.name)) if has_twin(objective) else None
    return RunScore(recorded.best_epoch, value, other, _gap(value, other, objective))


def has_twin(objective: Objective) -> bool:
    """Whether a generalization gap can exist for this objective."""
    return not objective.components and role(objective.name) == "validation"


def _gap(value: float | None, other: float | None, objective: Objective) -> float | None:
    if value is None or other is None or not math.isfinite(other):
        return None
    return value - other if objective.direction == "min" else other - value


def _no_skill(trials: Trials, outcomes: Outcomes) -> tuple[float | None, str]:
    """The objective of knowing nothing, and the sentence on what caps the penalty."""
    name, counts = trials.objective.name, trials.context.label_counts
    if name == "val_loss" and outcomes.baseline.loss is not None:
        value = outcomes.baseline.loss
        return value, f"the no-skill loss {value:.4g} ({outcomes.baseline.known_from})"
    if name in ("val_accuracy", "val_acc", "val_binary_accuracy") and counts:
        share = max(counts.values()) / sum(counts.values())
        return share, f"the share {share:.4g} of the largest class"
    return None, "the median of the sweep, because the no-skill objective is not known"


def _penalised(
    bare: RunScore, weight: float, limit: float | None, is_no_skill: bool, direction: str
) -> RunScore:
    if bare.objective is None:
        return bare
    penalty = weight * max(0.0, bare.gap) if bare.gap is not None else 0.0
    if limit is not None:
        room = limit - bare.objective if direction == "min" else bare.objective - limit
        # A run that is no better than knowing nothing has no room to protect.
        if room > 0:
            penalty = min(penalty, room)
        elif not is_no_skill:
            penalty = min(penalty, -room)
    worse = penalty if direction == "min" else -penalty
    return RunScore(
        bare.best_epoch, bare.objective, bare.twin, bare.gap, penalty, bare.objective + worse
    )


def _trial_score(
    trials: Trials, outcomes: Outcomes, trial: str, by_run: Mapping[Run, RunScore]
) -> TrialScore:
    worst = math.inf if trials.objective.direction == "min" else -math.inf
    diverged = outcomes.by_trial[trial] == Outcome.DIVERGED
    runs = [
        run
        for run in trials.runs_of[trial]
        if by_run[run].score is not None
        and (diverged or outcomes.by_run[run].outcome != Outcome.DIVERGED)
    ]
    scores = [_number(by_run[run].score) for run in runs]
    gaps = [gap for run in runs if (gap := by_run[run].gap) is not None]
    best = _best(runs, scores, trials.objective)
    return TrialScore(
        rank=None,
        rank_without_penalty=None,
        score=worst if diverged else _mean(scores),
        objective=_mean([_number(by_run[run].objective) for run in runs]),
        gap=_mean(gaps),
        penalty=_mean([by_run[run].penalty for run in runs]) or 0.0,
        best_epoch=by_run[best].best_epoch if best else None,
        best_run=best,
        spread=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        runs=len(runs),
    )


def _ranked(by_trial: Mapping[str, TrialScore], objective: Objective) -> dict[str, TrialScore]:
    """Ranks by score, diverged trials last; trials without any value keep rank None."""
    sign = 1 if objective.direction == "min" else -1

    def key(trial: str, with_penalty: bool) -> tuple[float, float]:
        this = by_trial[trial]
        value = math.inf if this.objective is None else sign * this.objective
        score = sign * _number(this.score)
        return (score if with_penalty or math.isinf(score) else value, value)

    some = [trial for trial, s in by_trial.items() if s.score is not None]
    order = sorted(some, key=lambda trial: key(trial, True))
    bare = {t: i for i, t in enumerate(sorted(some, key=lambda t: key(t, False)), start=1)}
    ranked = {
        trial: _with_rank(by_trial[trial], i, bare[trial]) for i, trial in enumerate(order, 1)
    }
    return ranked | {trial: s for trial, s in by_trial.items() if trial not in ranked}


def _with_rank(trial: TrialScore, rank: int, rank_without_penalty: int) -> TrialScore:
    return TrialScore(**{**vars(trial), "rank": rank, "rank_without_penalty": rank_without_penalty})


def _notes(
    trials: Trials, by_run: Mapping[Run, RunScore], no_skill: float | None
) -> tuple[str, ...]:
    name = trials.objective.name
    notes = []
    if trials.objective.components:
        notes.append("No penalty: a multi-objective has no training twin to compare with.")
    elif not has_twin(trials.objective):
        notes.append(f"No penalty: {name!r} is not a validation metric, so there is no gap.")
    elif by_run and all(s.gap is None for s in by_run.values()):
        notes.append(
            f"No penalty: {twin(name)!r}, the training twin of {name!r}, was not recorded."
        )
    elif no_skill is None:
        notes.append("The penalty is capped at the distance to the median of the sweep.")
    if UNREGULARISED in set(trials.context.series["metric"]):
        notes.append("Ranked by the validation loss without regularisation terms.")
    return tuple(notes)


def _best(runs: list[Run], scores: list[float], objective: Objective) -> Run | None:
    if not runs:
        return None
    pick = np.argmin(scores) if objective.direction == "min" else np.argmax(scores)
    return runs[int(pick)]


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _number(value: float | None) -> float:
    assert value is not None
    return value
