"""The luck of training, as executions of a trial show it; and what folds show."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t

from auditor.selection.picking import DRAWS, SEED
from auditor.selection.records import Estimate, Luck
from auditor.selection.sets import LEVEL, from_executions, kept, paired, standings, tells
from auditor.selection.shrinking import shrink
from auditor.trials import Run

FEWEST_FOLDS = 3
"""With two, a difference and its error would come from the same two numbers."""

ByTrial = Mapping[str, Mapping[Run, float]]
"""Scores of the runs of each trial, smaller being better; best trial first."""


def execution_luck(scores: ByTrial, objective: float, sign: int) -> Luck | None:
    """What the luck of training did to the choice; None where some trial trained once.

    Scores are shrunk towards each other as far as the noise between executions calls for; the
    winner's optimism is what it loses by that. Its interval holds whatever the true scores are:
    from the noise of a trial that was not picked to that of the best of so many equal ones.

    Args:
        scores: Of the runs of each trial.
        objective: The winner's.
        sign: 1 where small objectives are good, -1 where large are.
    """
    spread = [_by_fold(runs) for runs in scores.values()]
    if min(len(group) for groups in spread for group in groups) < 2:
        return None
    freedom = sum(len(group) - 1 for groups in spread for group in groups)
    squares = sum((len(g) - 1) * np.var(g, ddof=1) for groups in spread for g in groups)
    counts = np.array([len(of_trial) for of_trial in scores.values()])
    errors = np.sqrt(float(squares) / freedom / counts)
    error = float(errors.max())  # for the interval and the set: too wide where numbers differ
    means = np.array([np.mean(list(of_trial.values())) for of_trial in scores.values()])
    rng = np.random.default_rng(SEED)
    shrunken = shrink(means, errors)
    truth = shrunken.drawn(DRAWS, rng)
    noise = errors * rng.standard_normal(truth.shape)
    at = np.arange(DRAWS), (truth + noise).argmin(axis=1)
    optimism = float(shrunken.expected[0] - means[0])
    pairs = from_executions(means, error, freedom)
    regret = float((truth[at] - truth.min(axis=1)).mean())
    names = tuple(scores)
    return Luck(
        of="executions",
        candidates=len(names),
        units=min(len(group) for groups in spread for group in groups),
        rows=None,
        corrected=objective + sign * optimism,
        optimism=Estimate(
            optimism, (-error * _reach(1, freedom), error * _reach(len(names), freedom))
        ),
        regret=Estimate(regret, (0.0, max(pairs.regret, regret))),
        could_be_best=kept(names, pairs),
        tells=tells(pairs),
        standings=standings(names, pairs),
    )


def fold_luck(scores: ByTrial, objective: float, sign: int) -> Luck | None:
    """What folds show of the luck in the choice; None with fewer than three in common.

    The winner's score on each fold is held against the best one there (Tibshirani and Tibshirani
    2009, Annals of Applied Statistics 3, section 2). Folds share most of their training rows, so
    that their differences are less independent than the t test of the set takes them to be.

    Args:
        scores: Of the runs of each trial.
        objective: The winner's.
        sign: 1 where small objectives are good, -1 where large are.
    """
    folds = sorted({run.fold for runs in scores.values() for run in runs})
    complete = [t for t, runs in scores.items() if {run.fold for run in runs} == set(folds)]
    if len(folds) < FEWEST_FOLDS or len(complete) < 2 or complete[0] != next(iter(scores)):
        return None
    table = np.array([[np.mean(g) for g in _by_fold(scores[trial])] for trial in complete]).T
    means = table.mean(axis=0)
    optimism = float((table[:, means.argmin()] - table.min(axis=1)).mean())
    pairs = paired(means, table - means, len(folds) - 1, len(complete))
    names = tuple(complete)
    return Luck(
        of="folds",
        candidates=len(names),
        units=len(folds),
        rows=None,
        corrected=objective + sign * optimism,
        optimism=Estimate(optimism),
        regret=None,
        could_be_best=kept(names, pairs),
        tells=tells(pairs),
        standings=standings(names, pairs),
    )


def _reach(trials: int, freedom: int) -> float:
    """What the largest of their noises stays below with 97.5 %, in standard errors."""
    return float(t.isf(-np.expm1(np.log1p(-LEVEL / 2) / trials), freedom))


def _by_fold(runs: Mapping[Run, float]) -> list[Sequence[float]]:
    """Scores of the executions of each fold."""
    folds: dict[int, list[float]] = {}
    for run in sorted(runs, key=lambda run: run.fold):
        folds.setdefault(run.fold, []).append(runs[run])
    return list(folds.values())
