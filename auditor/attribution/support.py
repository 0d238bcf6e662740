"""Whether a condition still matters where others are held equal.

The parent test asks it of each part of a cause inside its other parts, and of a later cause at
equal values of the earlier ones: what goes with failures only because it goes with a cause is
explained away. Failures are dealt out anew within strata of equal values.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.attribution.atoms import Atoms
from auditor.attribution.chance import Floats, Mask
from auditor.attribution.thresholds import MIN_SEEN, PERMUTATIONS, STRATUM


class Inside(NamedTuple):
    """What matters among some trials.

    Attributes:
        atoms: Places of the conditions that can be compared; (condition,).
        z: Standard errors by which more of its trials fail than if it did nothing; (condition,).
        p: Probability that the strongest of them does as much by chance; (condition,).
    """

    atoms: NDArray[np.intp]
    z: Floats
    p: Floats

    def p_of(self, atom: int) -> float:
        """The p of one condition; 1 where it cannot be compared."""
        return float(self.p[self.atoms == atom].sum()) if atom in self.atoms else 1.0


def look_inside(
    atoms: Atoms, rates: Floats, trials: Mask, held: tuple[int, ...], also: tuple[int, ...] = ()
) -> Inside:
    """What matters among some trials, at equal values of some factors.

    Args:
        atoms: All conditions.
        rates: Share of the runs of each trial that fail; (trial,).
        trials: Those that are compared; (trial,).
        held: Factors whose values are held equal.
        also: Conditions that are compared although causes are not looked for among them.
    """
    pool = _others(atoms, trials, held, also)
    if not len(pool):
        return Inside(pool, np.zeros(0), np.zeros(0))
    met = atoms.met[np.ix_(trials, pool)]
    z, largest = _dealt(met, rates[trials], _strata(atoms, trials, held))
    stronger = len(largest) - np.searchsorted(np.sort(largest), z - 1e-6)
    return Inside(pool, z, (1 + stronger) / (1 + len(largest)))


def _others(
    atoms: Atoms, trials: Mask, held: tuple[int, ...], also: tuple[int, ...]
) -> NDArray[np.intp]:
    """Conditions on other factors that exist in all of the trials, and that can be compared."""
    met = atoms.met[trials].sum(axis=0)
    looked_at = atoms.searched.copy()
    looked_at[list(also)] = True
    eligible = (
        looked_at & (met >= MIN_SEEN) & (met < trials.sum()) & atoms.active[trials].all(axis=0)
    )
    return np.flatnonzero(eligible & ~np.isin(atoms.factor, held))


def _strata(atoms: Atoms, trials: Mask, held: tuple[int, ...]) -> NDArray[np.intp]:
    """Groups of trials with equal, or for numbers that hardly repeat neighbouring, values."""
    columns = [_groups(atoms.codes[trials, factor], bool(atoms.ordered[factor])) for factor in held]
    if not columns:
        return np.zeros(int(trials.sum()), np.intp)
    return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].ravel()


def _groups(codes: NDArray[np.intp], ordered: bool) -> NDArray[np.intp]:
    if not ordered or len(np.unique(codes)) * STRATUM <= len(codes):
        return codes
    return np.searchsorted(np.sort(codes), codes) // STRATUM


def _dealt(met: Mask, rates: Floats, strata: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The z of each condition, and the largest z of each dealing within the strata."""
    order = np.argsort(strata, kind="stable")
    inside, some = met[order].astype(np.float32), rates[order].astype(np.float32)
    random = np.random.default_rng(0)
    dealt = np.tile(some, (PERMUTATIONS + 1, 1))  # the first row stays as observed
    mean, variance = np.zeros(met.shape[1]), np.zeros(met.shape[1])
    edges = np.flatnonzero(np.diff(strata[order])) + 1
    for group in np.split(np.arange(len(order)), edges):
        lot = slice(group[0], group[-1] + 1)
        dealt[1:, lot] = random.permuted(dealt[1:, lot], axis=1)
        size, n = inside[lot].sum(axis=0), len(group)
        mean += size * some[lot].mean()
        if n > 1:
            variance += size * (n - size) / n * some[lot].var(ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 1e-9, (dealt @ inside - mean) / np.sqrt(variance), 0.0)
    return z[0], z[1:].max(axis=1)
