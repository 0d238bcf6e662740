"""Adversarial validation: can a classifier tell validation rows from training rows?"""

import numpy as np
from numpy.typing import NDArray

from auditor.data_checks.inputs import Inputs, Numbers, some
from auditor.trials.data_checks import Separation

FEWEST = 30
"""Rows of a side below which nothing can be told apart."""

MOST_ROWS = 500
"""Rows of each side. The standard error of an AUC of 0.5 is then 0.018."""

MOST_FEATURES = 1_024
KEPT_FEATURES = 64
"""Features that the classifier sees: those whose means differ most in its own half of the rows."""

TREES = 30
TELLING = 3
"""Features that are named."""

Z = 1.96
"""Standard errors of a 95 % interval."""


def separation(train: Inputs, validation: Inputs, rng: np.random.Generator) -> Separation | None:
    """Train on one half of the rows, test on the other, and the other way round.

    None where a side has too few rows that are finite. The interval is DeLong's (1988), of both
    halves together.
    """
    columns = some(train.features, MOST_FEATURES, rng)
    sides = []
    for side in (train, validation):
        block = side.take(some(len(side), MOST_ROWS, rng), columns)
        block = block[np.isfinite(block).all(axis=1)]
        sides.append(block[rng.permutation(len(block))])
    if min(map(len, sides)) < FEWEST:
        return None
    x = np.concatenate(sides)
    truth = np.repeat([False, True], [len(side) for side in sides])
    # Rows of a side stand together and were shuffled: every other one is a random half.
    odd = np.arange(len(x)) % 2 == 1
    found = []
    for half in (odd, ~odd):
        scores = _scores(x[half], truth[half], x[~half])
        found.append(auc(scores[~truth[~half]], scores[truth[~half]]))
    area = sum(a for a, _ in found) / 2
    error = np.sqrt(sum(variance for _, variance in found)) / 2
    low, high = max(0.0, area - Z * error), min(1.0, area + Z * error)
    named = _telling(train, columns, *sides) if low > 0.5 else ()
    return Separation(len(sides[1]), len(sides[0]), area, float(low), float(high), named)


def _scores(x: Numbers, truth: NDArray[np.bool_], other: Numbers) -> NDArray[np.float64]:
    """How much each of the other rows looks like a validation row."""
    # Not sklearn.ensemble: loading it takes longer than growing the trees.
    from sklearn.tree import ExtraTreeClassifier

    kept = _differing(x, truth)
    x, other = (np.ascontiguousarray(side[:, kept]) for side in (x, other))
    scores = np.zeros(len(other))
    for tree in range(TREES):
        grown = ExtraTreeClassifier(min_samples_leaf=5, max_features=0.3, random_state=tree)
        # The rows are finite float32 already: to check that takes longer than to grow a tree.
        grown.fit(x, truth, check_input=False)
        scores += grown.predict_proba(other, check_input=False)[:, 1]
    return scores


def _differing(x: Numbers, truth: NDArray[np.bool_]) -> NDArray[np.intp]:
    a, b = x[~truth].astype(np.float64), x[truth].astype(np.float64)
    error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b))
    difference = np.abs(a.mean(axis=0) - b.mean(axis=0))
    # What is constant on both sides differs most, or not at all.
    by = difference / np.maximum(error, 1e-12)
    return np.sort(np.argsort(-by, kind="stable")[:KEPT_FEATURES])


def auc(low: NDArray[np.floating], high: NDArray[np.floating]) -> tuple[float, float]:
    """Probability that a number of `high` exceeds one of `low`, and its variance (DeLong 1988).

    Example:
        >>> auc(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        (1.0, 0.0)
    """
    below = _beaten(low, high) / len(low)
    above = 1 - _beaten(high, low) / len(high)
    variance = below.var(ddof=1) / len(high) + above.var(ddof=1) / len(low)
    return float(below.mean()), float(variance)


def _beaten(these: NDArray[np.floating], those: NDArray[np.floating]) -> NDArray[np.float64]:
    """For each of those how many of these are smaller; an equal one counts one half."""
    order = np.sort(these)
    left, right = np.searchsorted(order, those), np.searchsorted(order, those, side="right")
    return (left + right) / 2.0


def _telling(
    train: Inputs, columns: NDArray[np.intp], one: Numbers, other: Numbers
) -> tuple[tuple[str, float], ...]:
    areas = [auc(one[:, i], other[:, i])[0] for i in range(len(columns))]
    best = sorted(range(len(columns)), key=lambda i: -abs(areas[i] - 0.5))[:TELLING]
    return tuple((train.name(int(columns[i])), areas[i]) for i in best)
