"""The luck with the validation rows: which ones they happen to be."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from auditor.selection.picking import SEED, Field, pick, resampled
from auditor.selection.records import Estimate, Luck, Standing
from auditor.selection.sets import LEVEL, Pairs, paired
from auditor.selection.shrinking import Floats, shrink
from auditor.selection.splits import overfitting_probability

SHOWN = 30
"""Trials whose standing is kept: what a picture has room for."""

EDGES = (LEVEL / 2, 1 - LEVEL / 2)


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

    The scores are shrunk towards each other as far as their noise calls for, and the winner is
    picked again from what they may truly be, with luck drawn by resampling the parts of the rows:
    a bootstrap with selection of trial and epoch inside each resample (Tsamardinos, Greasidou and
    Borboudakis 2018, Machine Learning 107), from shrunken instead of observed scores. Without the
    shrinking it would find 70 % of the luck among equal trials, because what was observed already
    varies by luck once.

    Args:
        field: Trials that may win.
        setting: What else is known of them.
        units: Deviations of the scores on parts finer than those of the field, where there are
            any; (part, trial).
    """
    rng = np.random.default_rng(SEED)
    folds, parts = int(field.folds.max()) + 1, field.deviations.shape[2]
    found = pick(field, resampled(field, rng))
    scores = field.scores
    drawn = shrink(scores, own_noise(field)).drawn(len(found.seen), rng) - scores
    seen, truth = found.seen + drawn, found.plain + drawn
    winner = seen.argmin(axis=1)
    at = np.arange(len(winner)), winner
    optimism = -found.noise[at]
    # What the best epoch of a trial owes to luck differs between trials: it is taken off.
    levelled = scores + (found.plain - found.seen).mean(axis=0)
    fine = field.units() if units is None else units
    freedom = len(fine) - folds
    pairs = paired(levelled, fine, freedom, setting.candidates)
    pairs.kept[0] = True  # it won, whatever is taken off
    regret = truth[at] - truth.min(axis=1)
    return Luck(
        of="rows",
        candidates=setting.candidates,
        units=len(fine),
        rows=setting.rows,
        corrected=setting.objective + setting.sign * float(optimism.mean()),
        optimism=Estimate(float(optimism.mean()), interval(optimism, folds * (parts - 1))),
        regret=Estimate(float(regret.mean()), (0.0, max(pairs.regret, float(regret.mean())))),
        could_be_best=kept(field.trials, pairs),
        tied=_tied(seen, winner, pairs),
        tells=tells(pairs),
        overfitting_probability=overfitting_probability(field, setting.candidates),
        standings=standings(field.trials, pairs),
    )


def own_noise(field: Field) -> float:
    """Standard error of a trial's score, less what all trials share; 0 for a single one."""
    units = field.units()
    trials = units.shape[1]
    if trials < 2:
        return 0.0
    own = units - units.mean(axis=1, keepdims=True)
    freedom = (len(units) - field.folds.max() - 1) * (trials - 1)
    return float(np.sqrt((own**2).sum() / freedom / len(units)))


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


def interval(values: Floats, freedom: int) -> tuple[float, float]:
    """Where 95 % of resamples are, widened about their mean for a spread that is hardly known."""
    centre, wider = float(values.mean()), float(t.isf(EDGES[0], freedom) / norm.isf(EDGES[0]))
    low, high = np.quantile(values, EDGES)
    return centre + wider * (float(low) - centre), centre + wider * (float(high) - centre)


def _tied(seen: Floats, winner: Floats, pairs: Pairs) -> tuple[int, int]:
    """How many may be the best in data drawn again, by the margins to the best-looking one."""
    margin = np.where(pairs.margin > 0, pairs.margin, np.median(pairs.margin))
    tied = (seen - seen[np.arange(len(seen)), winner][:, None] <= margin).sum(axis=1)
    low, high = np.quantile(tied, EDGES)
    return int(low), int(high)
