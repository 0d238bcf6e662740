"""The search for minimal causes: greedy, and rather none than a wrong one.

Trials are the unit here, not runs: two executions of one configuration are no independent
evidence on its values. Each step names the single condition or pair with the largest z among the
trials that no earlier one covers, provided that it passes the error control.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import Condition
from auditor.attribution.thresholds import ALPHA, MAX_TRIES, MIN_FAILING, MIN_SEEN

Mask = NDArray[np.bool_]
Table = NDArray[np.float64]
"""Trials that meet the conditions and fail, that meet them, that could meet them and fail, and that
could meet them; (4, ...)."""


class Finding(NamedTuple):
    """One or two atoms that go with a failure.

    Attributes:
        atoms: Their places among the atoms.
        z: How many standard deviations more of their trials fail than if none mattered.
    """

    atoms: tuple[int, ...]
    z: float


def find_conditions(atoms: Atoms, failing: Mask, comparable: Mask) -> list[Finding]:
    """Conditions and pairs that go with a failure, in the order in which they are found.

    Args:
        atoms: All conditions.
        failing: Which trials fail; (trial,).
        comparable: Which trials show whether they fail; (trial,).
    """
    level = ALPHA / max(1, _hypotheses(atoms, comparable))
    remaining, found = comparable, list[Finding]()
    while (best := _strongest(atoms, failing, remaining, level)) is not None:
        # Good trials go too: to keep only those would make a later half of the data look good.
        remaining = remaining & ~atoms.meeting(best.atoms)
        if not _restates(atoms, best, found):
            found.append(best)
    return found


def _hypotheses(atoms: Atoms, trials: Mask) -> int:
    """How many conditions and pairs could be named, whatever the outcomes."""
    met = atoms.met[trials].astype(np.float32)
    return int((_eligible(atoms) & (met.T @ met >= MIN_SEEN)).sum())


def _eligible(atoms: Atoms) -> Mask:
    """Single conditions (the diagonal) and pairs on two hyperparameters; (atom, atom)."""
    other_factor = atoms.factor[:, None] != atoms.factor
    return np.asarray(np.triu(other_factor) | np.eye(len(atoms.factor), dtype=bool))


def _strongest(atoms: Atoms, failing: Mask, trials: Mask, level: float) -> Finding | None:
    for candidate in _candidates(atoms, failing, trials, level):
        minimal = _minimal(atoms, candidate, failing, trials)
        if minimal is candidate or _tail(_table(atoms, minimal.atoms, failing, trials)) <= level:
            return minimal
    return None


def _candidates(atoms: Atoms, failing: Mask, trials: Mask, level: float) -> Iterator[Finding]:
    """The strongest conditions and pairs; of equals one before two, values before thresholds."""
    met = atoms.met[trials].astype(np.float32)
    active = atoms.active[trials].astype(np.float32)
    bad = failing[trials, None].astype(np.float32)
    # A value of a conditional hyperparameter is compared only where the hyperparameter exists.
    table = np.stack(
        [met.T @ (met * bad), met.T @ met, active.T @ (active * bad), active.T @ active]
    ).astype(np.float64)
    z = _z(table)
    z[~_eligible(atoms) | (table[1] < MIN_SEEN) | (table[0] < MIN_FAILING)] = 0
    first, second = np.nonzero(z > 0)
    thresholds = (~atoms.listed[first]).astype(int) + ~atoms.listed[second]
    order = np.lexsort((thresholds, first != second, -z[first, second].round(6)))[:MAX_TRIES]
    first, second = first[order], second[order]
    passing = _tail(table[:, first, second]) <= level
    for i, j in zip(first[passing].tolist(), second[passing].tolist(), strict=True):
        yield Finding((i,) if i == j else (i, j), float(z[i, j]))


def _minimal(atoms: Atoms, pair: Finding, failing: Mask, trials: Mask) -> Finding:
    """The pair where each half matters inside the other, else the half that does the work."""
    if len(pair.atoms) == 1:
        return pair
    # Each half was picked to suit the other, hence the share of ALPHA for each possible pick.
    picks = [atoms.contrasts - atoms.contrasts_of(other) for other in pair.atoms[::-1]]
    tails = [
        float(_tail(_table(atoms, (this,), failing, trials & atoms.met[:, other])))
        for this, other in (pair.atoms, pair.atoms[::-1])
    ]
    if all(tail <= ALPHA / n for tail, n in zip(tails, picks, strict=True)):
        return pair
    half = (pair.atoms[int(np.argmin(tails))],)
    return Finding(half, float(_z(_table(atoms, half, failing, trials))))


def _table(atoms: Atoms, chosen: tuple[int, ...], failing: Mask, trials: Mask) -> Table:
    population = trials & atoms.active[:, list(chosen)].all(axis=1)
    inside = population & atoms.meeting(chosen)
    sets = (inside & failing, inside, population & failing, population)
    return np.array([members.sum() for members in sets], np.float64)


def _z(table: Table) -> NDArray[np.float64]:
    """Hypergeometric z; 0 where nothing can vary."""
    failing, size, all_failing, total = table
    with np.errstate(divide="ignore", invalid="ignore"):
        share = all_failing / total
        variance = size * share * (1 - share) * (total - size) / (total - 1)
        return np.where(variance > 0, (failing - size * share) / np.sqrt(variance), 0.0)


def _tail(table: Table) -> NDArray[np.float64]:
    """Probability that as many fail by chance: one-sided, hypergeometric (Fisher's exact test)."""
    failing, size, all_failing, total = table
    return np.asarray(hypergeom.sf(failing - 1, total, all_failing, size))


def _restates(atoms: Atoms, new: Finding, found: list[Finding]) -> bool:
    """Whether it only moves the threshold of an earlier one: lr >= 0.01 after lr >= 0.1."""
    return _shape(atoms, new) in [_shape(atoms, finding) for finding in found]


def _shape(atoms: Atoms, finding: Finding) -> list[Condition]:
    """The conditions of a finding without the places of its thresholds."""
    conditions = [atoms.conditions[atom] for atom in finding.atoms]
    return [c if c.operator == "==" else replace(c, value=None) for c in conditions]
