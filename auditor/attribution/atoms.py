"""Atoms: the conditions on one hyperparameter that causes are made of.

Chosen without looking at any outcome; what is compared must not depend on what comes out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from auditor.attribution.cause import Condition
from auditor.attribution.levels import ABSENT, Configurations, Factor
from auditor.attribution.thresholds import (
    BINS,
    FEW_VALUES,
    FINE_BINS,
    MAX_CATEGORIES,
    TRIALS_PER_VALUE,
)


@dataclass(frozen=True, eq=False)
class Atoms:
    """All conditions, and who meets them.

    Attributes:
        conditions: In the order of the space, then of the values.
        factor: The factor that each is on; (condition,).
        listed: Whether it counts as a value of its own; the others are thresholds over values that
            are listed one by one; (condition,).
        searched: Whether causes are looked for among it; the others only say more closely where
            the threshold of a cause lies; (condition,).
        met: Whether a trial meets it; (trial, condition).
        active: Whether its hyperparameter exists in a trial; (trial, condition).
        codes: As in `Configurations`; (trial, factor).
        ordered: Whether the values of a factor are ordered; (factor,).
    """

    conditions: tuple[Condition, ...]
    factor: NDArray[np.intp]
    listed: NDArray[np.bool_]
    searched: NDArray[np.bool_]
    met: NDArray[np.bool_]
    active: NDArray[np.bool_]
    codes: NDArray[np.intp]
    ordered: NDArray[np.bool_]

    def meeting(self, chosen: tuple[int, ...]) -> NDArray[np.bool_]:
        """Whether a trial meets all of some conditions, given by their places; (trial,)."""
        return np.asarray(self.met[:, list(chosen)].all(axis=1))


@dataclass(frozen=True, eq=False)
class Atom:
    """One condition on a factor; `levels` says which of its levels meet it, (level,)."""

    condition: Condition
    listed: bool
    levels: NDArray[np.bool_]
    searched: bool = True


def find_atoms(configurations: Configurations) -> Atoms:
    """The conditions on every hyperparameter that varies."""
    codes = configurations.codes
    atoms = [
        (position, atom)
        for position in np.flatnonzero(configurations.varied)
        for atom in _atoms(configurations.factors[position], codes[:, position])
    ]
    factor = np.array([position for position, _ in atoms], np.intp)
    met = np.empty((len(codes), len(atoms)), bool)
    for column, (position, atom) in enumerate(atoms):
        # The last place, index -1, stands for absent values: they meet no condition.
        met[:, column] = np.append(atom.levels, False)[codes[:, position]]
    return Atoms(
        tuple(atom.condition for _, atom in atoms),
        factor,
        np.array([atom.listed for _, atom in atoms], bool),
        np.array([atom.searched for _, atom in atoms], bool),
        met,
        codes[:, factor] != ABSENT,
        codes,
        np.array([one.ordered for one in configurations.factors], bool),
    )


def is_label(factor: Factor) -> bool:
    """Whether a hyperparameter has too many categories to be compared."""
    return not factor.ordered and len(factor.levels) > MAX_CATEGORIES


def _atoms(factor: Factor, codes: NDArray[np.intp]) -> Iterator[Atom]:
    if is_label(factor):
        return
    levels = len(factor.levels)
    if factor.ordered and not is_few(factor, codes):
        coarse = find_cuts(codes, levels, BINS)
        for cut in coarse:
            yield from find_sides(factor, cut, listed=True)
        for cut in find_cuts(codes, levels, FINE_BINS):
            if cut not in coarse:
                sides = find_sides(factor, cut, listed=True)
                yield from (replace(side, listed=False, searched=False) for side in sides)
        return
    for level, value in enumerate(factor.levels):
        yield Atom(Condition(factor.name, "==", value), True, np.arange(levels) == level)
    if factor.ordered:
        for cut in range(1, levels):
            # The outermost value alone has its equality already.
            yield from (a for a in find_sides(factor, cut, listed=False) if a.levels.sum() > 1)


def is_few(factor: Factor, codes: NDArray[np.intp]) -> bool:
    """Whether each number is compared by itself, rather than bins of them."""
    levels, trials = len(factor.levels), int((codes != ABSENT).sum())
    if levels <= BINS:  # each value is a bin of its own
        return True
    return levels <= FEW_VALUES and (factor.listed or trials >= TRIALS_PER_VALUE * levels)


def find_cuts(codes: NDArray[np.intp], levels: int, bins: int) -> list[int]:
    """Where to cut, as the number of levels below: nearest to bins of equal numbers of trials.

    Quantiles are the same on a linear and a logarithmic scale, so none has to be chosen.
    """
    below = np.cumsum(np.bincount(codes[codes != ABSENT], minlength=levels))[:-1]
    total = (codes != ABSENT).sum()
    return sorted({int(abs(below - total * q / bins).argmin()) + 1 for q in range(1, bins)})


def find_sides(factor: Factor, cut: int, listed: bool) -> Iterator[Atom]:
    """Both sides of a cut between two neighbouring levels."""
    low, high = factor.levels[cut - 1], factor.levels[cut]
    # Between values that are listed one by one, the thresholds are such values themselves.
    between = _simplest(low, high) if listed else None
    at_most, at_least = (low, high) if between is None else (between, between)
    upper = np.arange(len(factor.levels)) >= cut
    yield Atom(Condition(factor.name, "<=", at_most), listed, ~upper)
    yield Atom(Condition(factor.name, ">=", at_least), listed, upper)


def _simplest(low: float, high: float) -> float | None:
    """The number with the fewest digits near the middle between two; None between integers."""
    if isinstance(low, int) and isinstance(high, int):
        return None
    middle = math.sqrt(low) * math.sqrt(high) if low > 0 else (low + high) / 2
    rounded = (float(f"{middle:.{digits}g}") for digits in range(1, 17))
    return next((number for number in rounded if low < number < high), None)
