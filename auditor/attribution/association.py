"""How much of the ranking goes with each hyperparameter by itself. A look, and not a claim."""

from collections.abc import Mapping

import numpy as np

from auditor.attribution.levels import ABSENT, encode
from auditor.scoring import Scores
from auditor.trials import Trials

BINS = 5
"""Groups of about equal size that the values of a hyperparameter with more values are put into."""


def find_association(trials: Trials, scores: Scores) -> Mapping[str, float]:
    """Per hyperparameter that varies, from 0 to 1, the largest first.

    The correlation ratio (Fisher 1925, Statistical Methods, section 45) of ranks: their variance
    between the values of the hyperparameter, as a share of all. Trials without a rank are left out.
    """
    configurations = encode(trials)
    ranks = np.array([scores.by_trial[t].rank or np.nan for t in configurations.trials], np.float64)
    ranked = np.isfinite(ranks)
    found = {}
    for place in np.flatnonzero(configurations.varied):
        codes = configurations.codes[:, place]
        known = ranked & (codes != ABSENT)
        levels, y = codes[known], ranks[known]
        total = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
        if len(np.unique(levels)) > BINS and configurations.factors[place].ordered:
            edges = np.quantile(levels, np.linspace(0, 1, BINS + 1)[1:-1])
            levels = np.searchsorted(edges, levels)
        if total > 0:
            sizes = np.bincount(levels)
            sums = np.bincount(levels, y - y.mean())
            between = float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum())
            found[configurations.factors[place].name] = between / total
    return dict(sorted(found.items(), key=lambda item: -item[1]))
