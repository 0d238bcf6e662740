"""Which trials cannot be told from the best one."""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from auditor.selection.records import Standing
from auditor.selection.shrinking import Floats

Bools = NDArray[np.bool_]

LEVEL = 0.05
"""Share of sweeps in which the truly best trial may be missing among those that could be it."""

DRAWS = 100_000
"""Draws of the constant that tells trials from the best one: its third digit is sure."""

RIVALS = 300
"""Best trials that each trial is held against; worse ones hardly ever put a trial out."""


SHOWN = 30
"""Trials whose standing is kept: what a picture has room for."""


class Pairs(NamedTuple):
    """Trials held against each other.

    Attributes:
        kept: Which may be the best; (trial,).
        behind: By how much each is worse than the best-looking one; (trial,).
        margin: What such a difference may owe to chance, jointly with 95 % confidence; (trial,).
        regret: At most so much is the best-looking one worse than the truly best.
    """

    kept: Bools
    behind: Floats
    margin: Floats
    regret: float


def paired(values: Floats, units: Floats, freedom: int, candidates: int) -> Pairs:
    """Trials that may be the best, from their values on the same parts of the data.

    A trial is out where another one is better by a paired t test, at a level divided by the number
    of others (Bonferroni). So the truly best is out in at most 5 % of sweeps, whatever the
    correlations between trials. Holding each against each is what Mogstad, Romano, Shaikh and
    Wilhelm do (2024, Review of Economic Studies 91, section 3); their bootstrapped limit covers too
    little with 16 parts.

    Args:
        values: Of each trial, smaller is better; (trial,).
        units: Their deviations on each part; (part, trial).
        freedom: Degrees of freedom: parts, less the means that were taken off.
        candidates: Trials there are, those included that are too far behind to be looked at.
    """
    limit = limit_of(candidates, freedom)
    scale = 1 / np.sqrt(freedom * len(units))
    kept = np.ones(len(values), bool)
    for rival in np.argsort(values, kind="stable")[:RIVALS]:
        error = np.linalg.norm(units - units[:, [rival]], axis=0) * scale
        kept &= values - values[rival] <= limit * error
    best = int(values.argmin())
    margin = limit * np.linalg.norm(units - units[:, [best]], axis=0) * scale
    behind = values - values[best]
    return Pairs(kept, behind, margin, _regret(kept, behind, margin))


def limit_of(candidates: int, freedom: int) -> float:
    """Standard errors beyond which a trial is worse than another, at the level of all pairs."""
    return float(t.isf(LEVEL / max(1, candidates - 1), freedom))


def from_executions(values: Floats, error: float, freedom: int) -> Pairs:
    """Trials that may be the best, from means over executions of their own.

    Multiple comparisons with the best: a trial is out where its mean is worse than the least one by
    more than Dunnett's one-sided constant (Hsu 1981, Annals of Statistics 9, 1026).

    Args:
        values: Mean score of each trial, smaller is better; independent of each other.
        error: Their standard error, taken to be the same for all.
        freedom: Degrees of freedom of that error.
    """
    limit = _dunnett(len(values), freedom)
    behind = values - values.min()
    margin = np.full(len(values), limit * error)
    kept: Bools = behind <= margin
    return Pairs(kept, behind, margin, _regret(kept, behind, margin))


def kept(trials: tuple[str, ...], pairs: Pairs) -> tuple[str, ...]:
    """Those that may be the best, best first."""
    return tuple(trials[i] for i in np.argsort(pairs.behind, kind="stable") if pairs.kept[i])


def standings(trials: tuple[str, ...], pairs: Pairs) -> tuple[Standing, ...]:
    """The best of them held against the first."""
    order = np.argsort(pairs.behind, kind="stable")[1 : SHOWN + 1]
    return tuple(
        Standing(
            trials[i],
            float(pairs.behind[i]),
            (float(pairs.behind[i] - pairs.margin[i]), float(pairs.behind[i] + pairs.margin[i])),
        )
        for i in order
    )


def tells(pairs: Pairs) -> float | None:
    """The smallest difference that would have been told: a median over those that may be best."""
    margins = pairs.margin[pairs.kept & (pairs.margin > 0)]
    return float(np.median(margins)) if len(margins) else None


@cache
def _dunnett(trials: int, freedom: int) -> float:
    """What the best of equal trials is behind the least of all by, in 95 %; standard errors."""
    rng = np.random.default_rng(0)
    own = rng.standard_normal(DRAWS)
    # The largest of many normal values takes one uniform draw, not many normal ones.
    largest = norm.isf(-np.expm1(np.log(rng.random(DRAWS)) / (trials - 1)))
    scale = np.sqrt(rng.chisquare(freedom, DRAWS) / freedom)
    return float(np.quantile((own + largest) / scale, 1 - LEVEL))


def _regret(kept: Bools, behind: Floats, margin: Floats) -> float:
    """Were a kept one the best, by how much could it be better?"""
    rivals = kept.copy()
    rivals[int(behind.argmin())] = False
    return float(np.max((margin - behind)[rivals], initial=0.0))
