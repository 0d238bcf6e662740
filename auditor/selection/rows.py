"""The luck with the validation rows: which ones they happen to be."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from auditor.selection.picking import SEED, Field, Picked, pick, resampled
from auditor.selection.records import Estimate, Luck
from auditor.selection.sets import LEVEL, Pairs, kept, paired, standings, tells
from auditor.selection.shrinking import Floats
from auditor.selection.splits import overfitting_probability

EDGES = (LEVEL / 2, 1 - LEVEL / 2)

RATIO = (0.5, 1.75)
"""Of squares of the optimism with noise added once and twice: 1.5 among equal trials, with some
room for chance; what is far below 1 is chance, too."""

WIDENED = 1.25
"""Times that the interval of the optimism is as wide as resamples say: with 16 parts of skewed
losses they alone hold in .87 to .93 of simulated sweeps, not .95 (docs/selection.md)."""


class Setting(NamedTuple):
    """What a field does not say.

    Attributes:
        objective: The winner's, as it was observed.
        sign: 1 where small objectives are good, -1 where large are.
        candidates: Trials there are, those included that are too far behind to win.
        rows: Validation rows; None where not known.
    """

    objective: float
    sign: int
    candidates: int
    rows: int | None


def row_luck(field: Field, setting: Setting, units: Floats | None = None) -> Luck:
    """What the luck with the validation rows did to the choice.

    Winners are picked again on parts of the rows drawn with replacement, with the choice of trial
    and epoch made anew in each draw (a bootstrap as of Tsamardinos, Greasidou and Borboudakis 2018,
    Machine Learning 107, with the observed scores for the truth: Efron 1983, Journal of the
    American Statistical Association 78), and `without_noise` mends what that gets wrong.

    Args:
        field: Trials that may win.
        setting: What else is known of them.
        units: Deviations of the scores on parts finer than those of the field, where there are
            any; (part, trial).
    """
    rng = np.random.default_rng(SEED)
    once = resampled(field, rng)
    found, again = pick(field, once), pick(field, resampled(field, rng), before=once)
    winner = found.seen.argmin(axis=1)
    at = np.arange(len(winner)), winner
    optimism = without_noise(_too_good(found), _too_good(again))
    folds, parts = int(field.folds.max()) + 1, field.deviations.shape[2]
    # What the best epoch of a trial owes to luck differs between trials: it is taken off.
    levelled = field.scores + (found.plain - found.seen).mean(axis=0)
    fine = field.units() if units is None else units
    pairs = paired(levelled, fine, len(fine) - folds, setting.candidates)
    pairs.kept[0] = True  # it won, whatever is taken off
    regret = float((found.plain[at] - found.plain.min(axis=1)).mean())
    return Luck(
        of="rows",
        candidates=setting.candidates,
        units=len(fine),
        rows=setting.rows,
        corrected=setting.objective + setting.sign * optimism,
        optimism=Estimate(optimism, _interval(-found.noise[at], optimism, folds * (parts - 1))),
        regret=Estimate(regret, (0.0, max(pairs.regret, regret))),
        could_be_best=kept(field.trials, pairs),
        tied=_tied(found.seen, winner, pairs),
        tells=tells(pairs),
        overfitting_probability=overfitting_probability(field, setting.candidates),
        standings=standings(field.trials, pairs),
    )


def without_noise(once: float, twice: float) -> float:
    """The optimism of a winner among the true scores, from that among noisier ones.

    The bootstrap takes for the truth what was observed, which varies by the noise already; among
    equal trials it finds 70 % of the optimism. With noise added once more it finds still less, or
    more where one trial is best but not by far. Going on from there to no added noise is simulation
    extrapolation (Cook and Stefanski 1994, Journal of the American Statistical Association 89). For
    normal scores with normal noise the inverse square of the optimism is linear in its variance.

    Args:
        once: Optimism among scores that vary by the noise, as observed ones do.
        twice: Optimism among scores that vary by it twice.

    Example:
        >>> round(without_noise(1 / 2**0.5, 1 / 3**0.5), 6)  # equal trials
        1.0
    """
    if once <= 0 or twice <= 0:
        return once
    ratio = float(np.clip((once / twice) ** 2, *RATIO))
    return float(once / np.sqrt(2 - ratio))


def _too_good(found: Picked) -> float:
    """By how much winners look better than they are; what all trials share has no part in it."""
    winner = found.seen.argmin(axis=1)
    own = found.noise.mean(axis=1) - found.noise[np.arange(len(winner)), winner]
    return float(own.mean())


def _interval(values: Floats, centre: float, freedom: int) -> tuple[float, float]:
    """Where 95 % of resamples are about a centre, wider as their spread is hardly known."""
    wider = WIDENED * float(t.isf(EDGES[0], freedom) / norm.isf(EDGES[0]))
    low, high = np.quantile(values, EDGES) - values.mean()
    return centre + wider * float(low), centre + wider * float(high)


def _tied(seen: Floats, winner: Floats, pairs: Pairs) -> tuple[int, int]:
    """How many may be the best in data drawn again, by the margins to the best-looking one."""
    margin = np.where(pairs.margin > 0, pairs.margin, np.median(pairs.margin))
    tied = (seen - seen[np.arange(len(seen)), winner][:, None] <= margin).sum(axis=1)
    low, high = np.quantile(tied, EDGES)
    return int(low), int(high)
