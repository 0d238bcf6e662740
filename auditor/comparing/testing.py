"""The tests behind what is claimed, on plain numbers. Without one of them nothing is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""Probability of a claim where there is nothing, over all tests of a comparison together."""

MIN_PAIRS = 6
"""Differences that are not zero below which Wilcoxon's test cannot reach p = .05."""

MOST_EXACT = 50
"""Differences up to which Wilcoxon's test is exact; beyond, the normal distribution is as good."""

MOST_MEANS = 1000
"""Differences of which all pairs are averaged; of more, so many quantiles stand for them."""

Floats = NDArray[np.float64]


def signed_rank(differences: Sequence[float]) -> float | None:
    """The p of Wilcoxon's signed-rank test; None where too few differ from zero.

    Where both sweeps are draws of one process, each difference has either sign with equal
    probability, whatever its size: nothing else is assumed. Wilcoxon 1945.
    """
    from scipy import stats

    unequal = [d for d in differences if d]
    if len(unequal) < MIN_PAIRS:
        return None
    # Of its own accord SciPy would draw thousands of permutations where sizes are tied.
    exact = len(unequal) <= MOST_EXACT and len(set(map(abs, unequal))) == len(unequal)
    method = "exact" if exact else "asymptotic"
    return float(stats.wilcoxon(unequal, method=method).pvalue)


def typical(
    differences: Sequence[float],
) -> tuple[float | None, tuple[float, float] | None]:
    """The Hodges-Lehmann estimate of the difference, and its 95 % interval.

    The interval is of the shifts that Wilcoxon's test would not reject. Hodges and Lehmann 1963.
    """
    values = np.sort(np.asarray(differences, float))
    n = len(values)
    if not n:
        return None, None
    some = values if n <= MOST_MEANS else np.quantile(values, np.linspace(0, 1, MOST_MEANS))
    rows, columns = np.triu_indices(len(some))
    # Halved before they are added: finite values may be too large for a sum.
    means = some[rows] / 2 + some[columns] / 2
    shift = float(np.median(means))
    if n < MIN_PAIRS:
        return shift, None
    # Of n (n + 1) / 2 means, in units of their number: half, less z standard deviations.
    away = 1.96 * np.sqrt((2 * n + 1) / (6 * n * (n + 1)))
    low, high = np.quantile(means, [max(0.0, 0.5 - away), min(1.0, 0.5 + away)])
    return shift, (float(low), float(high))


def sign_test(one: int, other: int) -> float | None:
    """Exact two-sided McNemar test of pairs that turned one way or the other."""
    from scipy import stats

    if not one + other:
        return None
    return float(stats.binomtest(one, one + other).pvalue)


def welch(
    before: Sequence[float], after: Sequence[float]
) -> tuple[float, tuple[float, float]] | None:
    """The p and 95 % interval of a difference of means; None where a side has no spread.

    Executions with equal bits (the same seed) have no spread, and say nothing of luck.
    """
    from scipy import stats

    if min(len(before), len(after)) < 2 or not (_spread(before) and _spread(after)):
        return None
    found: Any = stats.ttest_ind(after, before, equal_var=False)
    interval = found.confidence_interval(1 - LEVEL)
    return float(found.pvalue), (float(interval.low), float(interval.high))


def student(samples: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """For each pair of small samples the p of equal means, by Student's t; 1 without a spread.

    Of one spread on both sides: two or three seeds are too few to tell spreads apart.
    """
    from scipy import stats

    sizes = np.array([[len(side) for side in pair] for pair in samples], float).reshape(-1, 2)
    means = np.array([[np.mean(side) for side in pair] for pair in samples]).reshape(-1, 2)
    sums = np.array([[np.var(side) * len(side) for side in pair] for pair in samples])
    freedom = sizes.sum(axis=1) - 2
    error = np.sqrt(sums.reshape(-1, 2).sum(axis=1) / freedom * (1 / sizes).sum(axis=1))
    away = np.abs(means[:, 1] - means[:, 0])
    t = np.divide(away, error, out=np.zeros(len(away)), where=error > 0)
    return [float(p) for p in 2 * stats.t.sf(t, freedom)]


def held(ps: Sequence[float | None], level: float = LEVEL) -> list[bool]:
    """Which of several tests stand together: Holm's procedure (1979)."""
    known = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    stands = [False] * len(ps)
    for left, (p, place) in zip(range(len(known), 0, -1), known, strict=True):
        if p * left > level:
            break
        stands[place] = True
    return stands


def _spread(values: Sequence[float] | Floats) -> float:
    return float(np.ptp(np.asarray(values, float)))
