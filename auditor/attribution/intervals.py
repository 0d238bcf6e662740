"""Intervals for rates and their differences that hold where all or none fail.

Each rate has Wilson's score interval (1927); sums and differences of rates combine these by MOVER
(Zou and Donner 2008), which for one difference is Newcombe's interval (1998).
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Probability with which an interval covers the truth."""

Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
"""Half width of such an interval in standard errors."""


def combine(signs: list[int], rates: Floats, sizes: Floats, z: float) -> tuple[Floats, Floats]:
    """Lower and upper end for a sum of rates with signs; NaN where any was never observed.

    Args:
        signs: 1 or -1 per rate.
        rates: (rate, ...).
        sizes: Independent observations behind each, perhaps a fraction; (rate, ...).
        z: Half width in standard errors.
    """
    down, up = np.zeros(rates.shape[1:]), np.zeros(rates.shape[1:])
    total = np.zeros(rates.shape[1:])
    for sign, rate, size in zip(signs, rates, sizes, strict=True):
        low, high = wilson(rate, size, z)
        below, above = (rate - low) ** 2, (high - rate) ** 2
        total = total + sign * rate
        down = down + (below if sign > 0 else above)
        up = up + (above if sign > 0 else below)
    return total - np.sqrt(down), total + np.sqrt(up)


def wilson(rate: Floats, size: Floats, z: float) -> tuple[Floats, Floats]:
    """Lower and upper end for a rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = rate + z**2 / (2 * size)
        half = z * np.sqrt(rate * (1 - rate) / size + (z / (2 * size)) ** 2)
        return (middle - half) / (1 + z**2 / size), (middle + half) / (1 + z**2 / size)


def effective_size(sums: Floats) -> Floats:
    """Independent observations that trials of several runs are worth: between trials and runs.

    Args:
        sums: Over the trials: of failing runs k, runs n, k squared, k times n, n squared, and
            1; (6, ...).
    """
    k, n, kk, kn, nn, trials = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = k / n
        between = np.maximum(kk - 2 * rate * kn + rate**2 * nn, 0) * trials / (trials - 1)
        size = rate * (1 - rate) * n**2 / between
        # Where all or none fail, nothing shows how alike the runs of a trial are.
        size = np.where(np.isfinite(size), np.clip(size, np.minimum(trials, n), n), trials)
    return np.asarray(size)
