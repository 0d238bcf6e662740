"""How far the search overfitted its own validation set: the luck in picking the best of many.

What may be said depends on what was recorded. Of one run per trial nothing is known of the noise,
and no number is given. Several runs per trial show how much of a score is the luck of its training;
the luck of the validation rows, which all trials share, they do not show.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm

from auditor.outcomes import Outcome, Outcomes
from auditor.scoring import Scores
from auditor.trials import Trials

LEVEL = 0.05
"""Share of sweeps in which the truly best trial may be missing among those that could be it."""

DRAWS = 100_000
"""Draws of the constant that tells trials from the best one: its third digit is sure."""

COMPARED = (Outcome.OK, Outcome.OVERFIT, Outcome.DEGRADED)
"""Outcomes of the trials that the winner is picked from. Others vary in ways of their own."""


@dataclass(frozen=True)
class Selection:
    """What picking the best of many does to its score.

    Attributes:
        candidates: Trials that the winner was picked from: those that learned and did not fail.
        luck: By how many standard deviations of the noise the best of so many looks better than
            it is, were all equally good.
        noise: Standard deviation of the score between runs of one trial, over all candidates; None
            where less than two runs of any trial, or folds, were recorded.
        runs: Runs of a candidate that its score is the mean of; the fewest.
        optimism: By how much the winner's score looks better than it is, were all equally good: at
            most so much by the luck of training. None where the noise is not known.
        could_be_best: Candidates that cannot be told from the best one, best first, itself among
            them; empty where the noise is not known.
    """

    candidates: int
    luck: float
    noise: float | None = None
    runs: int = 1
    optimism: float | None = None
    could_be_best: tuple[str, ...] = ()


def measure(trials: Trials, outcomes: Outcomes, scores: Scores) -> Selection | None:
    """How far the search may have fooled itself; None where there was nothing to pick from.

    Example:
        >>> measure(trials, outcomes, scores).could_be_best
        ('0048', '0045')
    """
    found: dict[str, list[float]] = defaultdict(list)
    for run, scored in scores.by_run.items():
        good = outcomes.by_trial[run.trial_id] in COMPARED
        if good and outcomes.by_run[run].outcome in COMPARED and scored.score is not None:
            found[run.trial_id].append(scored.score)
    ranked = [trial for trial in scores.by_trial if trial in found]
    if len(ranked) < 2:
        return None
    luck = expected_luck(len(ranked))
    runs = min(len(found[trial]) for trial in ranked)
    has_folds = any(run.fold for run in trials.recorded)
    if runs < 2 or has_folds:
        return Selection(len(ranked), luck)
    sign = 1 if trials.objective.direction == "min" else -1
    means = np.array([sign * np.mean(found[trial]) for trial in ranked])
    freedom = sum(len(found[trial]) - 1 for trial in ranked)
    squares = sum((len(found[trial]) - 1) * np.var(found[trial], ddof=1) for trial in ranked)
    noise = float(np.sqrt(squares / freedom))
    error = noise / np.sqrt(runs)
    near = could_be_best(means, error, freedom)
    tied = tuple(ranked[i] for i in np.argsort(means, kind="stable") if near[i])
    return Selection(len(ranked), luck, noise, runs, luck * error, tied)


def expected_luck(trials: int) -> float:
    """The expected maximum of so many independent standard normal values.

    Source: David and Nagaraja, Order Statistics, 3rd edition, section 4.5.

    Example:
        >>> round(expected_luck(72), 2)
        2.39
    """
    if trials < 2:
        return 0.0
    value, _ = quad(lambda x: x * trials * norm.pdf(x) * norm.cdf(x) ** (trials - 1), -10, 10)
    return float(value)


def could_be_best(means: NDArray[np.float64], error: float, freedom: int) -> NDArray[np.bool_]:
    """Trials that may be the best, with a joint confidence of 95 %.

    Multiple comparisons with the best: a trial is out where its mean is worse than the least one by
    more than Dunnett's one-sided constant (Hsu 1981, Annals of Statistics 9, 1026).

    Args:
        means: Mean score of each trial, smaller is better; independent of each other.
        error: Their standard error, taken to be the same for all.
        freedom: Degrees of freedom of that error.
    """
    rng = np.random.default_rng(0)
    own = rng.standard_normal(DRAWS)
    # The largest of many normal values takes one uniform draw, not many normal ones.
    largest = norm.isf(-np.expm1(np.log(rng.random(DRAWS)) / (len(means) - 1)))
    scale = np.sqrt(rng.chisquare(freedom, DRAWS) / freedom)
    constant = np.quantile((own + largest) / scale, 1 - LEVEL)
    near: NDArray[np.bool_] = means - means.min() <= constant * error
    return near
