"""Differences between groups of trials at equal values of everything else, with standard errors.

Two estimators for two designs: matched sets where trials exist that differ in one factor alone, and
a linear model of all factors elsewhere. A factor is a way to divide the trials into parts.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Parts = NDArray[np.intp]

MIN_PAIRS = 6
"""Matched sets below which nothing is said: a sign test needs six to reach p = .05."""

MIN_TRIALS = 5
"""Trials on either side below which nothing is said: of five against five, one of 252 ways to deal
them is the most extreme on either side."""

TRIALS_PER_COLUMN = 2
"""Trials per column of the linear model below which other factors are left out of it."""

DEGREE = 3
"""Of the curves that hold a factor equal whose parts are wide: enough for one bend each way."""


class Contrast(NamedTuple):
    """One part of a factor against another part of it."""

    factor: int
    part: int
    against: int


class Differences(NamedTuple):
    """What each contrast shows; NaN where it shows nothing; all (contrast,).

    Attributes:
        effect: Mean of the one part less that of the other.
        error: Its standard error.
        freedom: Degrees of freedom of that error.
        size: Matched sets, or trials on both sides, that it rests on.
    """

    effect: Floats
    error: Floats
    freedom: Floats
    size: Floats


def find_sets(codes: Parts) -> Parts:
    """By factor, which trials are equal but for it, as the number of their set; (trial, factor).

    Every value has a fixed random 64-bit key, and a trial is the sum of its keys (Zobrist 1970).
    Less the key of one factor, it is what those share that are equal but for it. Two of 10,000
    trials share a sum by accident with probability 3e-12.

    Args:
        codes: Value of each trial by factor, as a number from -1 on; (trial, factor).
    """
    random = np.random.default_rng(0)
    keys = np.zeros(codes.shape, np.uint64)
    for factor, column in enumerate(codes.T):
        of_value = random.integers(2**64, size=int(column.max(initial=0)) + 2, dtype=np.uint64)
        keys[:, factor] = of_value[column]
    sums = keys.sum(axis=1, dtype=np.uint64)
    columns = [np.unique(sums - key, return_inverse=True)[1] for key in keys.T]
    return np.stack(columns, axis=1) if columns else np.zeros(codes.shape, np.intp)


def matched(parts: Parts, sets: Parts, values: Floats, contrasts: list[Contrast]) -> Differences:
    """Mean differences within sets of trials that are equal but for one factor.

    The error holds over sets that differ in everything else: it includes how the effect varies
    between them.

    Args:
        parts: Part of each trial by factor; (trial, factor).
        sets: By factor the set of each trial, numbered from 0; (trial, factor).
        values: What is compared; (trial,).
        contrasts: What is compared with what.
    """
    found = np.full((4, len(contrasts)), np.nan)
    tables: dict[int, Floats] = {}
    for place, (factor, part, against) in enumerate(contrasts):
        if factor not in tables:
            # The last part may have no trial at all: a value that none survived.
            width = 1 + max(max(c.part, c.against) for c in contrasts if c.factor == factor)
            tables[factor] = _means(parts[:, factor], sets[:, factor], values, width)
        difference = tables[factor][:, part] - tables[factor][:, against]
        difference = difference[~np.isnan(difference)]
        n = len(difference)
        if n >= MIN_PAIRS:
            error = difference.std(ddof=1) / np.sqrt(n)
            found[:, place] = difference.mean(), error, n - 1, n
    return Differences(*found)


def _means(parts: Parts, sets: Parts, values: Floats, least: int) -> Floats:
    """Mean of each part in each set, NaN where there is none; (set, part), at least so many."""
    width = max(least, int(parts.max()) + 1)
    cell = sets * width + parts
    length = (int(sets.max()) + 1) * width
    with np.errstate(invalid="ignore"):
        means = np.bincount(cell, values, length) / np.bincount(cell, minlength=length)
    return np.asarray(means.reshape(-1, width))


def adjusted(
    parts: Parts, values: Floats, contrasts: list[Contrast], positions: Floats | None = None
) -> Differences:
    """Differences between parts in a linear model of all factors, by least squares.

    Errors are robust against unequal spread (HC3, MacKinnon and White 1985), as Welch's are. Where
    there are too few trials for all factors, each is compared by itself; or, where it may follow
    another one, not at all.

    Args:
        parts: Part of each trial by factor; (trial, factor).
        values: What is compared; (trial,).
        contrasts: What is compared with what.
        positions: For factors that may follow one another, where trials stand on those whose
            parts are wide, from -1 to 1, NaN elsewhere; (trial, factor). Others are then held equal
            by a curve through these, too: by parts alone, a factor that follows another still
            shows some of what that one does.
    """
    together = sum(len(np.unique(column)) - 1 for column in parts.T) + 1
    if positions is None and together * TRIALS_PER_COLUMN <= len(parts):
        return _fitted(parts, values, contrasts)
    found = np.full((4, len(contrasts)), np.nan)
    for factor in sorted({contrast.factor for contrast in contrasts}):
        places = [i for i, contrast in enumerate(contrasts) if contrast.factor == factor]
        curves = _curves(parts, positions, factor)
        if (together + curves.shape[1]) * TRIALS_PER_COLUMN <= len(parts):
            some = [contrasts[place] for place in places]
            found[:, places] = _fitted(parts, values, some, curves)
        elif positions is None:
            alone = [contrasts[place]._replace(factor=0) for place in places]
            found[:, places] = _fitted(parts[:, [factor]], values, alone)
    return Differences(*found)


def _curves(parts: Parts, positions: Floats | None, factor: int) -> Floats:
    """The powers of the positions on all factors but one; (trial, power)."""
    if positions is None:
        return np.empty((len(parts), 0))
    others = np.nan_to_num(np.delete(positions, factor, axis=1))
    others = others[:, others.any(axis=0)]
    return np.concatenate([others**power for power in range(1, DEGREE + 1)], axis=1)


def _fitted(
    parts: Parts, values: Floats, contrasts: list[Contrast], curves: Floats | None = None
) -> Differences:
    columns, place = _columns(parts)
    if curves is not None:
        columns = np.concatenate([columns, curves], axis=1)
    asked = np.zeros((len(contrasts), columns.shape[1]))
    sizes = np.zeros((2, len(contrasts)))
    for row, (factor, part, against) in enumerate(contrasts):
        for side, (of, sign) in enumerate(((part, 1.0), (against, -1.0))):
            sizes[side, row] = (parts[:, factor] == of).sum()
            if (factor, of) in place:  # the first part of each factor is the base, and has none
                asked[row, place[factor, of]] = sign
    square = columns.T @ columns
    inverse = np.linalg.pinv(square, hermitian=True)
    weights = columns @ (inverse @ asked.T)
    leverage = np.einsum("ij,ij->i", columns @ inverse, columns)
    residual = values - columns @ (inverse @ (columns.T @ values))
    # A trial that alone decides a coefficient has leverage 1, and a residual of 0.
    residual = residual / np.maximum(1 - leverage, 1e-6)
    freedom = len(values) - round(float(leverage.sum()))
    found = np.stack(
        [
            weights.T @ values,
            np.sqrt((weights * residual[:, None] * weights * residual[:, None]).sum(axis=0)),
            np.minimum(freedom, sizes.sum(axis=0) - 2.0),
            sizes.sum(axis=0),
        ]
    )
    # What other factors say already (they always change together) cannot be told apart.
    told = np.abs(asked @ inverse @ square - asked).max(axis=1, initial=0) > 1e-6
    found[:, told | (sizes.min(axis=0) < MIN_TRIALS) | (freedom < 1)] = np.nan
    return Differences(*found)


def _columns(parts: Parts) -> tuple[Floats, dict[tuple[int, int], int]]:
    """One indicator per part but the first of each factor, and where each stands."""
    columns, place = [np.ones(len(parts))], {}
    for factor, column in enumerate(parts.T):
        for part in np.unique(column)[1:].tolist():
            place[factor, part] = len(columns)
            columns.append((column == part).astype(np.float64))
    return np.stack(columns, axis=1), place
