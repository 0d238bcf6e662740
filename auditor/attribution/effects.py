"""How often each value, and each pair of values, fails: exact counts of runs."""

import math
from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import Condition, Tally
from auditor.attribution.failures import Failure, Failures

Counts = NDArray[np.float32]
"""Runs that meet two conditions, or one on the diagonal; (condition, condition)."""


def tally_all(atoms: Atoms, failures: Failures) -> tuple[tuple[Tally, ...], tuple[Tally, ...]]:
    """Counts of every listed value, and of every pair of them that occurs in a failing run."""
    listed = np.flatnonzero(atoms.listed).tolist()
    # Counts stay far below 2 ** 24, up to which float32 is exact; products of floats are fast.
    met = atoms.met[failures.trial_of_run][:, listed].astype(np.float32)
    total = met.T @ met
    other_factor = atoms.factor[listed, None] != atoms.factor[listed]
    conditions = [atoms.conditions[i] for i in listed]
    values, pairs = [], []
    for failure in failures.found:
        failing = met.T @ (met * failure.runs[:, None])
        values.append(_values(conditions, failure, failing, total))
        pairs.append(_pairs(conditions, failure, failing, total, other_factor))
    return tuple(chain(*values)), tuple(chain(*pairs))


def tally(atoms: Atoms, failures: Failures, failure: Failure, chosen: tuple[int, ...]) -> Tally:
    """Counts of one condition or one pair; `chosen` are its places among the atoms."""
    met = atoms.met[failures.trial_of_run][:, list(chosen)].astype(np.float32)
    failing, total = met.T @ (met * failure.runs[:, None]), met.T @ met
    conditions = [atoms.conditions[i] for i in chosen]
    if len(chosen) == 1:
        return next(_values(conditions, failure, failing, total))
    return next(_pairs(conditions, failure, failing, total, ~np.eye(2, dtype=bool)))


def _values(
    conditions: list[Condition], failure: Failure, failing: Counts, total: Counts
) -> Iterator[Tally]:
    """One tally per condition, from the diagonals of the counts."""
    all_failing, runs = int(failure.runs.sum()), len(failure.runs)
    counts = np.stack([failing.diagonal(), total.diagonal()], axis=1).astype(int).tolist()
    for condition, (k, n) in zip(conditions, counts, strict=True):
        yield Tally(failure.outcome, (condition,), k, n, all_failing - k, runs - n)


def _pairs(
    conditions: list[Condition],
    failure: Failure,
    failing: Counts,
    total: Counts,
    other_factor: NDArray[np.bool_],
) -> Iterator[Tally]:
    """One tally per pair on different hyperparameters that fails at least once."""
    all_failing, runs = int(failure.runs.sum()), len(failure.runs)
    first, second = np.nonzero(np.triu((failing > 0) & other_factor))
    counts = np.stack([first, second, failing[first, second], total[first, second]], axis=1)
    added = _added(failing, total)[first, second].tolist()
    for (i, j, k, n), more in zip(counts.astype(int).tolist(), added, strict=True):
        both = (conditions[i], conditions[j])
        extra = None if math.isnan(more) else more
        yield Tally(failure.outcome, both, k, n, all_failing - k, runs - n, extra)


def _added(failing: Counts, total: Counts) -> NDArray[np.float64]:
    """What each pair adds; NaN where it, or a half without the other, was never observed."""
    k, n = failing.astype(np.float64), total.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        half_alone = (k.diagonal()[:, None] - k) / (n.diagonal()[:, None] - n)
        # np.maximum, unlike np.fmax, keeps NaN: what is unknown must not count as no effect.
        return np.asarray(k / n - np.maximum(half_alone, half_alone.T))
