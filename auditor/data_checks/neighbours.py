"""Validation rows that are nearly a training row: copies with noise, crops, neighbours in time."""

import numpy as np
from numpy.typing import NDArray

from auditor.data_checks.inputs import Inputs, Numbers, Rows, some
from auditor.data_checks.repeats import Found
from auditor.trials.data_checks import NEAR, Neighbours

FEWEST = 50
"""Rows of a side below which distances say little."""

QUERIES = 250
"""Rows of each side whose neighbours are looked for."""

MOST_TRAIN_ROWS = 20_000
"""Training rows among which they are looked for."""

MOST_FEATURES = 256

DIMENSIONS = 32
"""Random directions that more features than that many times two are projected on: distances keep
their order of magnitude."""

PLACE = 10
"""The neighbour whose distance is the measure of the others."""

AT_ONCE = 50
"""Rows whose distances to all others are held at once."""

Distances = NDArray[np.float64]


def neighbours(
    train: Inputs, validation: Inputs, found: Found, rng: np.random.Generator
) -> Neighbours | None:
    """Count near rows of both sides; None where there are too few rows.

    Args:
        train: Inputs.
        validation: Inputs.
        found: Rows that repeat exactly are left out.
        rng: Draws samples and directions.
    """
    if len(found.fresh) < FEWEST or len(found.single) < FEWEST:
        return None
    pool = found.single[some(len(found.single), MOST_TRAIN_ROWS, rng)]
    rows = found.fresh[some(len(found.fresh), QUERIES, rng)]
    view = _View(train, pool, rng)
    there = view.of(train, pool)
    own = some(len(there), QUERIES, rng)
    ours = _distances(there, view.of(validation, rows))
    theirs = _distances(there, there[own], among_themselves=True)
    return Neighbours(
        rows=len(ours),
        train_rows=len(there),
        near=_near(ours),
        near_in_train=_near(theirs),
        own_rows=len(theirs),
        by_chance=_by_chance(theirs),
    )


class _View:
    """Rows in standardised features, or in some random directions of these."""

    def __init__(self, train: Inputs, rows: Rows, rng: np.random.Generator) -> None:
        self._columns = some(train.features, MOST_FEATURES, rng)
        sample = train.take(rows[some(len(rows), 2_000, rng)], self._columns)
        sample = sample[np.isfinite(sample).all(axis=1)].astype(np.float64)
        spread = sample.std(axis=0) if len(sample) else np.zeros(len(self._columns))
        # Also of what is constant but for rounding.
        steady = spread <= 1e-6 * np.abs(sample).max(axis=0, initial=0)
        scale = np.where(steady, 0, 1 / np.where(steady, 1, spread))
        width = len(self._columns)
        directions = np.eye(width)
        if width > 2 * DIMENSIONS:
            directions = rng.normal(size=(width, DIMENSIONS)) / np.sqrt(DIMENSIONS)
        self._matrix = (scale[:, None] * directions).astype(np.float32)
        self._centre = sample.mean(axis=0).astype(np.float32) if len(sample) else np.float32(0)

    def of(self, data: Inputs, rows: Rows) -> Numbers:
        """Without rows that are not finite."""
        with np.errstate(all="ignore"):
            blocks = [
                (block - self._centre) @ self._matrix for block in data.blocks(rows, self._columns)
            ]
        every = np.concatenate(blocks)
        kept: Numbers = every[np.isfinite(every).all(axis=1)]
        return kept


def _distances(pool: Numbers, rows: Numbers, among_themselves: bool = False) -> Distances:
    """Of the nearest ones, ascending; shape (row, `PLACE`)."""
    first = int(among_themselves)  # A row is its own nearest neighbour.
    found = [np.empty((0, PLACE))]
    if len(pool) > PLACE + first:
        # Not by sklearn.neighbors: its threads and checks take longer than all of this.
        lengths = np.einsum("ij,ij->i", pool, pool)
        for begin in range(0, len(rows), AT_ONCE):
            some_rows = rows[begin : begin + AT_ONCE]
            squares = lengths - 2 * (some_rows @ pool.T)
            nearest = np.partition(squares, PLACE + first - 1, axis=1)[:, : PLACE + first]
            nearest += np.einsum("ij,ij->i", some_rows, some_rows)[:, None]
            found.append(np.sqrt(np.maximum(np.sort(nearest, axis=1)[:, first:], 0)))
    return np.concatenate(found).astype(np.float64)


def _near(distances: Distances) -> int:
    return int((distances[:, 0] < NEAR * distances[:, -1]).sum())


def _by_chance(distances: Distances) -> float:
    """Share of rows with a near one, were rows spread evenly in their number of dimensions.

    That number is read off the third to ninth neighbour (Levina and Bickel 2004): a single copy of
    a row does not change their distances.
    """
    ratios = distances[:, -1:] / np.maximum(distances[:, 2:-1], 1e-30)
    # How many times 1/dimensions the mean of the logarithms is.
    expected = np.mean([sum(1 / i for i in range(j, PLACE)) for j in range(3, PLACE)])
    logs = np.log(np.maximum(ratios, 1)).mean() if len(distances) else 0.0
    dimensions = expected / logs if logs > 0 else np.inf
    return float(1 - (1 - NEAR**dimensions) ** (PLACE - 1))
