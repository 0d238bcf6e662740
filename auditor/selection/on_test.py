"""What an untouched test set says of the choice; and what the whole search gained there."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import norm

from auditor.scoring import Scores
from auditor.selection.records import Estimate, OnTest, Overtuning
from auditor.selection.sets import LEVEL
from auditor.selection.shrinking import Floats
from auditor.trials import Run, Trials
from auditor.trials.records import TEST_PREFIX, VALIDATION_PREFIX

POINTS = 100
"""Of a curve over the trials: beyond, they are spread evenly on a logarithmic scale."""


def on_test(trials: Trials, scores: Scores, winner: str) -> OnTest | None:
    """The winner on test data that only winners were evaluated on; None without such."""
    found, name = trials.context.on_test, trials.objective.name.removeprefix(VALIDATION_PREFIX)
    if found is None or found.trial_id != winner or name not in found.metrics:
        return None
    sign = 1 if trials.objective.direction == "min" else -1
    worse = found.minus_validation(trials.recorded).get(name)
    if worse is None:
        seen = scores.by_trial[winner].objective
        if seen is None:
            return None
        worse = found.metrics[name] - seen
    error = found.errors.get(name)
    reach = float(norm.isf(LEVEL / 2)) * error if error is not None else None
    between = (sign * worse - reach, sign * worse + reach) if reach is not None else None
    return OnTest(
        TEST_PREFIX + name,
        found.metrics[name],
        Estimate(sign * worse, between),
        found.rows,
        found.winners,
    )


def overtuning(trials: Trials, scores: Scores) -> Overtuning | None:
    """The search on test data, where those are known for every trial at its chosen epoch.

    After each trial the best one so far, by its score, has a test metric; where an earlier best
    one had a better test metric, the search has overtuned (Schneider, Bischl and Feurer 2025,
    "Overtuning in hyperparameter optimization", AutoML conference, section 3).
    """
    name = TEST_PREFIX + trials.objective.name.removeprefix(VALIDATION_PREFIX)
    if name not in trials.metrics or trials.objective.components:
        return None
    sign = 1 if trials.objective.direction == "min" else -1
    ranked = [t for t, s in scores.by_trial.items() if s.score is not None]
    ranked = [t for t in ranked if math.isfinite(scores.by_trial[t].score or 0.0)]
    test = np.array([_on_test(trials, scores, trial, name) for trial in ranked])
    if len(ranked) < 2 or not np.isfinite(test).all():
        return None
    place = {trial: rank for rank, trial in enumerate(ranked)}
    order = np.array([place[trial] for trial in _in_order(trials) if trial in place])
    incumbents = np.minimum.accumulate(order)
    shown = _points(len(order))
    seen = np.array([scores.by_trial[trial].objective for trial in ranked], float)
    path = test[incumbents]
    best = float((sign * path).min()), float((sign * test).min())
    return Overtuning(
        metric=name,
        trials=tuple(int(n) for n in shown),
        validation=tuple(seen[incumbents[shown - 1]].tolist()),
        test=tuple(path[shown - 1].tolist()),
        expected=tuple(_expected(test, int(n)) for n in shown),
        overtuning=sign * float(test[0]) - best[0],
        regret=sign * float(test[0]) - best[1],
        optimism=sign * float(test[0] - seen[0]),
    )


def _on_test(trials: Trials, scores: Scores, trial: str, name: str) -> float:
    """The test metric of a trial at its chosen epochs, a mean over its runs; NaN if not known."""
    runs = [run for run in trials.runs_of[trial] if scores.by_run[run].score is not None]
    return float(np.mean([_at_best(trials, scores, run, name) for run in runs])) if runs else np.nan


def _at_best(trials: Trials, scores: Scores, run: Run, name: str) -> float:
    best, curve = scores.by_run[run].best_epoch, trials.curve(run, name)
    place = np.flatnonzero(curve.epochs == best)
    return float(curve.values[place[0]]) if len(place) else np.nan


def _in_order(trials: Trials) -> Sequence[str]:
    """Trials in the order of the search: by the time of their start, where all have one."""
    starts = {
        trial: [trials.recorded[run].started for run in runs]
        for trial, runs in trials.runs_of.items()
    }
    first = {t: min(s) for t, times in starts.items() if (s := [x for x in times if x])}
    if len(first) < len(starts):
        return tuple(trials.hyperparameters)
    return sorted(first, key=lambda trial: first[trial])


def _points(trials: int) -> NDArray[np.intp]:
    return np.unique(np.geomspace(1, trials, min(trials, POINTS)).round().astype(int))


def _expected(test: Floats, among: int) -> float:
    """The test metric of the best of so many, were these drawn at random; `test` is by rank."""
    below = len(test) - np.arange(len(test)) - 1
    possible = below >= among - 1
    left = below[possible]
    total = _log_choices(len(test), among)
    chances = np.exp(_log_choices(left, among - 1) - total)
    return float(chances @ test[possible])


def _log_choices(of: NDArray[np.intp] | int, chosen: int) -> Floats:
    return np.asarray(gammaln(of + 1) - gammaln(chosen + 1) - gammaln(of - chosen + 1))
