"""What is to be expected of each of many noisy values, given all of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm

Floats = NDArray[np.float64]

GRID, STEPS = 120, 100
"""Points of the distribution of true values, and steps of its estimation."""

FINEST = 5
"""Points of the grid per standard deviation of the noise that are enough."""

MOST = 2000
"""Values that the distribution is estimated from, evenly over their ranks."""


class Shrunk(NamedTuple):
    """The distribution of each true value.

    Attributes:
        grid: The values it can have, ascending; (point,).
        chances: (value, point); rows sum to 1.
    """

    grid: Floats
    chances: Floats

    @property
    def expected(self) -> Floats:
        """The mean of each; (value,)."""
        return np.asarray(self.chances @ self.grid)

    def drawn(self, draws: int, rng: np.random.Generator) -> Floats:
        """Possible true values; (draw, value)."""
        count = len(self.chances)
        # One search for all: the cumulated chances of each value stand after those of the last.
        ladder = (self.chances.cumsum(axis=1) + np.arange(count)[:, None]).ravel()
        places = np.searchsorted(ladder, rng.random((draws, count)) + np.arange(count))
        places = np.minimum(places - np.arange(count) * len(self.grid), len(self.grid) - 1)
        return np.asarray(self.grid[np.maximum(places, 0)])


def shrink(values: Floats, error: float | Floats) -> Shrunk:
    """Infer true values: the lucky ones fall back towards where most are.

    The distribution that the true values come from is estimated without assuming its shape (Kiefer
    and Wolfowitz 1956, Annals of Mathematical Statistics 27; on a grid by expectation and
    maximisation, as in Jiang and Zhang 2009, Annals of Statistics 37). Where all are equal they
    fall together; a value far from all others stays where it is.

    Args:
        values: Observed, each with independent normal noise.
        error: Standard deviation of the noise: one for all, or of each value.

    Example:
        >>> shrink(np.array([-1.0, 0.0, 1.0]), error=1.0).expected.round(2)
        array([-0.03, -0.  ,  0.03])
    """
    low, high = float(values.min()), float(values.max())
    errors = np.broadcast_to(error, values.shape)
    if not errors.min() > 0 or not high > low:
        return Shrunk(np.sort(values), np.eye(len(values))[np.argsort(np.argsort(values))])
    points = int(np.clip((high - low) / errors.min() * FINEST, 3, GRID))
    grid = np.linspace(low, high, points)
    order = np.argsort(values)
    some = order[np.unique(np.linspace(0, len(order) - 1, MOST).astype(int))]
    likelihood = _likelihood(values[some], grid, errors[some])
    share = np.full(points, 1 / points)
    for _ in range(STEPS):
        share = share * (likelihood / (likelihood @ share)[:, None]).mean(axis=0)
    chances = _likelihood(values, grid, errors) * share
    return Shrunk(grid, chances / chances.sum(axis=1, keepdims=True))


def _likelihood(values: Floats, grid: Floats, errors: Floats) -> Floats:
    squares = ((values[:, None] - grid) / errors[:, None]) ** 2
    return np.asarray(np.exp(-(squares - squares.min(axis=1, keepdims=True)) / 2))


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
