"""What bench_scoring.py compares: ways to choose a trial and its epoch, and what they come to."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import gammaln

from auditor.outcomes import judge
from auditor.scoring import objective_curve, score

WEIGHTS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0)
UNCAPPED = (0.25, 0.5, 1.0)
"""Below them the cap hardly ever acts."""
FINAL, BEST = "final epoch", "best epoch"


class Choice(NamedTuple):
    """What a rule makes of each trial: its score, the smaller the better, and its epoch."""

    score: np.ndarray
    epoch: np.ndarray


class Sweep(NamedTuple):
    """Trials of one run each: what each rule makes of them, and what is true of them.

    `loss` and `error` are those on test data and `gap` is that of the losses, (trial, epoch) each;
    there is no error in a regression.
    """

    choices: dict[str, Choice]
    loss: np.ndarray
    error: np.ndarray | None
    gap: np.ndarray


def weighted(weight, cap=True):
    """The name of the package's rule with this weight."""
    return (f"+ {weight:g} × gap" if weight else BEST) + ("" if cap else ", no cap")


def sweep_of(trials):
    """All rules on trials that have the metrics "test_loss" and perhaps "test_accuracy"."""
    loss, gap = trials.matrix("test_loss").values, trials.matrix("val_loss").values
    gap = gap - trials.matrix("loss").values
    right = trials.matrix("test_accuracy")
    error = 1 - right.values if right.observed.any() else None
    return Sweep(choices_of(trials), loss, error, gap)


def choices_of(trials):
    """What each rule makes of trials of one run each.

    Best epochs, penalties and the cap are the package's own; no cap, the final epoch and smoothed
    curves are made here. Trials that the package says diverged come last but for the final epoch.
    """
    outcomes = judge(trials)
    sign = 1 if trials.objective.direction == "min" else -1
    every = {weight: score(trials, outcomes, weight) for weight in (0.0, *WEIGHTS)}
    plain = [every[0.0].by_run[run] for run in trials.runs]
    bare = np.array([np.inf if s.objective is None else sign * s.objective for s in plain])
    gaps = np.array([max(0.0, s.gap or 0.0) for s in plain])
    epochs = np.array([s.best_epoch or 0 for s in plain])
    ranked = [every[0.0].by_trial[run.trial_id] for run in trials.runs]
    last = np.array([s.score is None or np.isinf(s.score) for s in ranked])
    curves = sign * np.array([objective_curve(trials, run).values for run in trials.runs])

    ends = np.where(np.isfinite(curves[:, -1]), curves[:, -1], np.inf)
    found = {FINAL: Choice(ends, np.full(len(ends), curves.shape[1] - 1))}
    for weight, scores in every.items():
        values = [scores.by_run[run].score for run in trials.runs]
        signed = np.array([np.inf if v is None else sign * v for v in values])
        found[weighted(weight)] = Choice(np.where(last, np.inf, signed), epochs)
    for weight in UNCAPPED:
        free = np.where(last, np.inf, bare + weight * gaps)
        found[weighted(weight, cap=False)] = Choice(free, epochs)
    for width in (3, 5):
        lowest, at = smoothed(curves, width)
        found[f"best of {width}-epoch means"] = Choice(np.where(last, np.inf, lowest), at)
    return found


def smoothed(curves, width):
    """The best mean of so many epochs in succession, and the epoch in their middle."""
    means = sliding_window_view(curves, width, axis=1).mean(axis=2)
    means = np.where(np.isfinite(means), means, np.inf)
    return means.min(axis=1), means.argmin(axis=1) + width // 2


# What a choice comes to


def worth(choice, draws, values):
    """Of each draw of trials, (draw, trial), the value at the chosen trial's chosen epoch."""
    best = choice.score[draws].argmin(axis=1)
    chosen = draws[np.arange(len(draws)), best]
    return values[chosen, choice.epoch[chosen]]


def attainable(values):
    """The lowest value of each trial at any of its epochs."""
    return np.where(np.isfinite(values), values, np.inf).min(axis=1)


def regret(choice, draws, values):
    """What the choice is worse by than the best trial of the draw at that one's best epoch."""
    return worth(choice, draws, values) - attainable(values)[draws].min(axis=1)


def expected(scores, values, size):
    """The mean, over all sub-sweeps of this size, of the value of the one with the best score.

    The k-th best of N is the best of n random ones in C(N - k, n - 1) of the C(N, n) sub-sweeps.
    """
    many = len(scores)
    after = np.arange(many)[::-1]  # how many are worse
    possible = after >= size - 1
    logs = log_choose(after[possible], size - 1) - log_choose(many, size)
    ordered = values[np.argsort(scores, kind="stable")][possible]
    return np.exp(logs) @ np.where(np.isfinite(ordered), ordered, 0)


def log_choose(n, k):
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


# Intervals


def interval(statistic, groups, times=2000, seed=0):
    """95 % bootstrap interval of a statistic of weights, one weight per value.

    Args:
        statistic: From weights, (time, value), to numbers, (time,).
        groups: The group of each value: groups are drawn anew, as a whole.
        times: How often.
        seed: Of the draws.
    """
    names, place = np.unique(groups, return_inverse=True)
    shares = np.full(len(names), 1 / len(names))
    counts = np.random.default_rng(seed).multinomial(len(names), shares, times)
    return np.percentile(statistic(counts[:, place]), [2.5, 97.5])


def excess(ours, theirs):
    """A statistic for `interval`: by which share the mean of one is above that of the other."""
    return lambda weights: weights @ ours / (weights @ theirs) - 1


def more(ours, theirs):
    """A statistic for `interval`: by how much the mean of one is above that of the other."""
    return lambda weights: weights @ (ours - theirs) / weights.sum(axis=1)
