"""How the configurations were chosen, as far as their values show it."""

import math
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from auditor.attribution.levels import ABSENT, Configurations
from auditor.attribution.thresholds import DRIFT, GRID_FILLED, MAX_CATEGORIES, MIN_ORDER
from auditor.trials import Trials

DesignName = Literal["full grid", "grid with holes", "random", "adaptive", "unknown"]


class Layout(NamedTuple):
    """The design of a sweep.

    Attributes:
        name: As in `Attribution.design`.
        cells: Configurations that a full grid of the observed values has; 0 where not a grid.
        tried: Distinct configurations.
        drifting: Hyperparameters whose values change with the order of the trials, where they were
            not laid out as a grid: what is drawn at random does not.
    """

    name: DesignName
    cells: int
    tried: int
    drifting: tuple[str, ...] = ()


def find_layout(trials: Trials, configurations: Configurations) -> Layout:
    """The design, found in the values; what was declared decides where they leave it open."""
    sampler = trials.design.sampler
    tried = len(np.unique(configurations.codes, axis=0)) if configurations.factors else 0
    cells = _cells(trials, configurations)
    if sampler == "adaptive":
        return Layout("adaptive", 0, tried)
    is_grid = tried > 0 and (sampler == "grid" or _crossed(configurations, tried))
    if is_grid and tried == cells:
        return Layout("full grid", cells, tried)
    if is_grid and (sampler == "grid" or (sampler == "unknown" and tried > GRID_FILLED * cells)):
        return Layout("grid with holes", cells, tried)
    drifting = _drifting(configurations)
    is_random = sampler == "random" and not drifting
    return Layout("random" if is_random else "unknown", 0, tried, drifting)


def _drifting(configurations: Configurations) -> tuple[str, ...]:
    """Factors with a rank correlation to the order of the trials that chance hardly shows."""
    trials, factors = configurations.codes.shape
    if trials < MIN_ORDER:
        return ()
    order = np.arange(trials) - (trials - 1) / 2
    found = []
    for factor, codes in zip(configurations.factors, configurations.codes.T, strict=True):
        # Names have no order: each value for itself, as far as there are not too many.
        several = len(factor.levels) if len(factor.levels) <= MAX_CATEGORIES else 0
        columns = [rankdata(codes)] if factor.ordered else [codes == i for i in range(several)]
        limit = NormalDist().inv_cdf(1 - DRIFT / 2 / factors / max(1, len(columns)))
        for column in columns:
            centred = column - np.mean(column)
            spread = np.sqrt((centred**2).sum() * (order**2).sum())
            if spread > 0 and abs(centred @ order) / spread * math.sqrt(trials - 1) > limit:
                found.append(factor.name)
                break
    return tuple(found)


def _crossed(configurations: Configurations, tried: int) -> bool:
    """Whether at least two factors vary, and all repeat their values as in a grid."""
    varied = np.flatnonzero(configurations.varied)
    return len(varied) > 1 and all(
        2 * len(configurations.factors[factor].levels) <= tried for factor in varied
    )


def _cells(trials: Trials, configurations: Configurations) -> int:
    """Configurations of a full grid of the observed values.

    Trials that have the same hyperparameters form one branch of a conditional space, and a grid is
    full when each branch is. A parent has in a branch only the values that lead there.
    """
    codes = configurations.codes
    parents = _parents(trials, configurations)
    total = 0
    for branch in np.unique(codes != ABSENT, axis=0):
        inside = codes[((codes != ABSENT) == branch).all(axis=1)]
        total += math.prod(
            len(np.unique(inside[:, factor]))
            if factor in parents
            else len(configurations.factors[factor].levels)
            for factor in np.flatnonzero(branch)
        )
    return total


def _parents(trials: Trials, configurations: Configurations) -> set[int]:
    """Factors that decide whether others exist: as declared, else as the values show it."""
    position = {factor.name: i for i, factor in enumerate(configurations.factors)}
    parents = {
        position[condition.name]
        for hyperparameter in trials.space
        for condition in hyperparameter.conditions
        if condition.name in position
    }
    declared = {position[h.name] for h in trials.space if h.conditions and h.name in position}
    exists = configurations.codes != ABSENT
    for child in set(np.flatnonzero(~exists.all(axis=0)).tolist()) - declared:
        parents |= {
            factor
            for factor in position.values()
            if factor != child and _decides(configurations, factor, exists[:, child])
        }
    return parents


def _decides(configurations: Configurations, factor: int, exists: NDArray[np.bool_]) -> bool:
    """Whether a child exists in all or none of the trials of each level; `exists` is (trial,)."""
    levels = len(configurations.factors[factor].levels)
    if not 1 < levels <= len(exists) / 2:  # values that never repeat decide anything
        return False
    codes = configurations.codes[:, factor] + 1
    total = np.bincount(codes, minlength=levels + 1)
    existing = np.bincount(codes, exists, minlength=levels + 1)
    return bool(((existing == 0) | (existing == total)).all())
