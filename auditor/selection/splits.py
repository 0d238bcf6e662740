"""How often the winner on one half of the validation rows is below the median on the other."""

import numpy as np

from auditor.selection.picking import SEED, Field, draws_of, pick

SPLITS = 2
"""Splits into halves per draw of the bootstrap: of 1,000 the share is known to .02."""


def overfitting_probability(field: Field, candidates: int) -> float:
    """The probability of backtest overfitting, by splits into halves of the parts.

    Combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado and Zhu 2017,
    Journal of Computational Finance 20): trials and epochs are picked on one half, and the winner
    ranked on the other. About .5 where no trial is better than another, 0 where one always is.

    Args:
        field: Trials that may win.
        candidates: Trials there are, those included that are too far behind to win.
    """
    parts = field.deviations.shape[2]
    rng = np.random.default_rng(SEED)
    order = rng.permuted(np.tile(np.arange(parts), (SPLITS * draws_of(field), 1)), axis=1)
    weights = np.where(order < parts // 2, 1, -1) / parts
    if parts % 2:  # one part on neither side
        weights[order == parts - 1] = 0
    found = pick(field, np.repeat(weights[None], field.folds.max() + 1, axis=0))
    # What one half shows too much the other half shows too little.
    outside = 2 * found.plain - found.seen
    winner = found.seen.argmin(axis=1)[:, None]
    own = np.take_along_axis(outside, winner, axis=1)
    better = (outside < own).sum(axis=1) + ((outside == own).sum(axis=1) - 1) / 2
    median = (candidates - 1) / 2
    return float(np.mean((better > median) + 0.5 * (better == median)))
