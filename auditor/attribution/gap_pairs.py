"""What two values do together beyond both: to the gap of survivors, and to how badly trials end.

The interaction is that of conjoint analysis (AMIE: Egami and Imai 2019), averaged over everything
else: with both, less with the first alone, less with the second alone, plus with neither. Of many
pairs some stand out by chance, so intervals hold for all of them at once (Bonferroni, over
interactions that differ in more than their sign).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import EvidenceLevel, GapPair
from auditor.attribution.chance import Floats, Mask
from auditor.attribution.design import DesignName, Layout
from auditor.attribution.effects import Unit, sum_cells
from auditor.attribution.ends import Ends, worse
from auditor.attribution.thresholds import ALPHA, MIN_CELL, WORTH
from auditor.contrasts import Contrast, adjusted

_BOTH, _FIRST, _SECOND, _NEITHER = range(4)
"""The combinations of having and not having two values."""

_BALANCED: dict[DesignName, EvidenceLevel] = {"random": "randomised", "full grid": "but-for"}
"""Designs in which everything else averages out, and what they let us claim."""


_DIGITS = 12
"""Decimals of a probability that are no rounding error."""


class _Cells(NamedTuple):
    """The trials of each combination.

    Attributes:
        pairs: Places of both conditions among the atoms; (2, pair).
        mean: Mean gap, less that of all trials; NaN without survivors; (combination, pair).
        variance: Of this mean; NaN where not defined or not to be trusted; (combination, pair).
        freedom: Degrees of freedom of that variance; (combination, pair).
        survivors: (combination, pair).
        severity: How many ended how; (combination, pair, severity).
    """

    pairs: NDArray[np.intp]
    mean: Floats
    variance: Floats
    freedom: Floats
    survivors: Floats
    severity: Floats


def find_gap_pairs(ends: Ends, atoms: Atoms, layout: Layout, unit: Unit) -> tuple[GapPair, ...]:
    """One interaction per pair of listed values on different hyperparameters, in their order."""
    if np.isnan(ends.gap).all():
        return ()
    cells = _count(ends, atoms, unit)
    level = ALPHA / max(1, _tests(atoms, cells, unit))
    return tuple(_found(ends, atoms, layout, cells, unit, level))


def _count(ends: Ends, atoms: Atoms, unit: Unit) -> _Cells:
    listed = np.flatnonzero(atoms.listed)
    factor = atoms.factor[listed]
    met, active = atoms.met[:, listed], atoms.active[:, listed]
    severity = sum_cells(met, active, ends.severity.T)
    full = (severity.sum(axis=1) > 0).all(axis=0)
    pairs = np.nonzero(np.triu(full & (factor[:, None] != factor)))
    survived = ~np.isnan(ends.gap)
    # From the mean of all, so that squares lose no digits.
    gap = np.where(survived, ends.gap - np.nanmean(ends.gap), 0.0)
    if unit == "runs":
        spread = np.where(survived, ends.variance / ends.runs, 0.0)
        freedom = np.where(survived, ends.runs - 1, 0.0)
    else:
        spread, freedom = gap**2, survived.astype(np.float64)
    unknown = np.isnan(spread)
    sums = np.stack([survived, gap, np.where(unknown, 0.0, spread), freedom, unknown])
    n, total, spread, freedom, unknown = sum_cells(met, active, sums, is_exact=True)[
        :, :, pairs[0], pairs[1]
    ].transpose(1, 0, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        if unit == "runs":
            variance = spread / n**2
        else:
            freedom = freedom - 1
            variance = (spread / n - mean**2) / freedom
    enough = (unknown == 0) & (freedom + 1 >= MIN_CELL) & (unit is not None)
    return _Cells(
        listed[np.stack(pairs)],
        mean,
        np.where(enough, np.maximum(variance, 0), np.nan),
        freedom,
        n,
        np.moveaxis(severity[:, :, pairs[0], pairs[1]], 1, -1),
    )


def _tests(atoms: Atoms, cells: _Cells, unit: Unit) -> int:
    """Interactions that are compared with chance: those of two opposite values are one."""
    number: dict[bytes, int] = {}
    same = np.zeros(atoms.met.shape[1], np.intp)
    for atom in np.unique(cells.pairs).tolist():
        met = atoms.met[:, atom]
        opposite = atoms.active[:, atom] & ~met
        key = min(met.tobytes(), opposite.tobytes())
        same[atom] = number.setdefault(key, len(number))
    compared = (~np.isnan(cells.variance).any(axis=0), _is_enough(cells, unit))
    return sum(len(np.unique(same[cells.pairs[:, some]], axis=1).T) for some in compared)


def _is_enough(cells: _Cells, unit: Unit) -> Mask:
    """Whether enough trials of each combination ended for an interval of how badly; (pair,)."""
    return np.asarray((cells.severity.sum(axis=-1) >= MIN_CELL).all(axis=0) & (unit is not None))


def _found(
    ends: Ends, atoms: Atoms, layout: Layout, cells: _Cells, unit: Unit, level: float
) -> Iterator[GapPair]:
    is_complete = layout.name in _BALANCED and not np.isnan(ends.gap).any()
    evidence = _BALANCED[layout.name] if is_complete else "associated"
    gap, low, high = _gap(cells, [1, -1, -1, 1], level)
    raises = (low > 0) & (gap >= WORTH * np.nanstd(ends.gap))
    for half in ([1, -1, 0, 0], [1, 0, -1, 0]):
        raises &= _gap(cells, half, level)[1] > 0
    both_or_neither = _ends(cells, (_BOTH, _NEITHER), (_FIRST, _SECOND), level)
    bad, bad_low, bad_high = (np.round(2 * end - 1, _DIGITS) + 0.0 for end in both_or_neither)
    known = _is_enough(cells, unit)
    worsens = known & (bad_low > 0) & (layout.name in _BALANCED)
    for alone in (_FIRST, _SECOND):
        worsens &= _ends(cells, (_BOTH,), (alone,), level)[1] > 0.5
    for place, (first, second) in enumerate(cells.pairs.T.tolist()):
        yield GapPair(
            (atoms.conditions[first], atoms.conditions[second]),
            int(cells.survivors[_BOTH, place]),
            None if np.isnan(gap[place]) else float(gap[place]),
            None if np.isnan(low[place]) else (float(low[place]), float(high[place])),
            float(bad[place]),
            (float(bad_low[place]), float(bad_high[place])) if known[place] else None,
            bool(raises[place]) and (is_complete or _stands(ends, atoms, first, second)),
            bool(worsens[place]),
            evidence,
        )


def _gap(cells: _Cells, signs: list[int], level: float) -> tuple[Floats, Floats, Floats]:
    """A sum of mean gaps with signs, and the ends of its interval (Welch); (pair,)."""
    chosen = np.flatnonzero(signs)
    effect = np.array(signs)[chosen] @ cells.mean[chosen]
    variance = cells.variance[chosen]
    total = variance.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = total**2 / (variance**2 / cells.freedom[chosen]).sum(axis=0)
    half = student.ppf(1 - level / 2, freedom) * np.sqrt(total)
    return effect, effect - half, effect + half


def _ends(
    cells: _Cells, more: tuple[int, ...], less: tuple[int, ...], level: float
) -> tuple[Floats, Floats, Floats]:
    """The probability that trials of some combinations end worse than of others, with its ends."""
    z = float(norm.isf(level / 2))
    return worse(cells.severity[list(more)], cells.severity[list(less)], z)


def _stands(ends: Ends, atoms: Atoms, first: int, second: int) -> bool:
    """Whether the gap is larger with both at equal values of everything, as a linear model has it.

    Who survived may have made the combinations differ in other hyperparameters.
    """
    survived = ~np.isnan(ends.gap)
    columns = [atoms.met[survived, first] & atoms.met[survived, second]]
    for factor in np.unique(atoms.factor):
        met = atoms.met[np.ix_(survived, atoms.listed & (atoms.factor == factor))]
        columns.append(np.unique(met, axis=0, return_inverse=True)[1].ravel())
    parts = np.stack(columns, axis=1).astype(np.intp)
    nowhere = np.full(parts.shape, np.nan)
    found = adjusted(parts, ends.gap[survived], [Contrast(0, 1, 0)], nowhere)
    effect, error, freedom, _ = (float(column[0]) for column in found)
    return effect > float(student.ppf(1 - ALPHA / 2, freedom)) * error
