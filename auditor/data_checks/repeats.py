"""Rows that stand in the training data and in the validation data too."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.data_checks.inputs import Inputs, Numbers, Rows, some
from auditor.trials.data_checks import Repeats

MOST_TRAIN_ROWS = 1_000_000
MOST_ROWS = 200_000
"""Validation rows that are looked up."""

MOST_BYTES = 1 << 28
"""Of features by which rows are looked up: fewer of them where rows are many or wide."""

LEAST_FEATURES, MOST_FEATURES = 16, 1_024
"""Of them per row: what agrees in so many is then compared in all."""

SHUFFLED = 2_000
"""Rows that are put together of two others."""

Hashes = NDArray[np.int64]


@dataclass(frozen=True)
class Found:
    """Which rows repeat.

    Attributes:
        facts: In numbers.
        fresh: Validation rows that are no training row.
        single: Training rows that no other training row equals.
    """

    facts: Repeats
    fresh: Rows
    single: Rows


def repeats(train: Inputs, validation: Inputs, rng: np.random.Generator) -> Found:
    """Look validation rows up among the training rows, whatever their labels."""
    train_rows = some(len(train), MOST_TRAIN_ROWS, rng)
    rows = some(len(validation), MOST_ROWS, rng)
    room = MOST_BYTES // (4 * (len(train_rows) + len(rows)))
    most = min(MOST_FEATURES, max(LEAST_FEATURES, room))
    columns = some(train.features, most, rng) if train.features > most else None
    there, wanted = _hashes(train, train_rows, columns), _hashes(validation, rows, columns)
    known, first, counts = np.unique(there, return_index=True, return_counts=True)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    is_shared = known[place] == wanted
    if columns is not None:
        for i in np.flatnonzero(is_shared):
            twin = train_rows[first[place[i]]]
            is_shared[i] = _are_equal(validation, int(rows[i]), train, int(twin))
    shared = int(is_shared.sum())
    repeating = counts[np.searchsorted(known, there)] > 1
    facts = Repeats(
        rows=len(rows),
        train_rows=len(train_rows),
        shared=shared,
        within_train=float(repeating.mean()),
        by_chance=_by_chance(train, columns, known, rng) if shared else 0.0,
    )
    return Found(facts, rows[~is_shared], train_rows[~repeating])


def _hashes(data: Inputs, rows: Rows, columns: Rows | None) -> Hashes:
    return np.concatenate([_hashed(block) for block in data.blocks(rows, columns)])


def _hashed(block: Numbers) -> Hashes:
    """One number per row, which differs where rows do, but for one case in 2**64."""
    block = np.ascontiguousarray(block + np.float32(0))  # -0 is 0
    whole = block.view(np.dtype((np.void, block.shape[1] * block.itemsize))).ravel()
    return np.fromiter(map(hash, whole.tolist()), np.int64, len(whole))


def _are_equal(one: Inputs, row: int, other: Inputs, twin: int) -> bool:
    pairs = zip(one.parts, other.parts, strict=True)
    return all(np.array_equal(a[row], b[twin], equal_nan=True) for a, b in pairs)


def _by_chance(
    train: Inputs, columns: Rows | None, known: Hashes, rng: np.random.Generator
) -> float:
    """Share of rows found that begin as one training row and go on as another.

    Neighbouring columns stay together: those of a one-hot code hold one 1 only.
    """
    block = train.take(some(len(train), SHUFFLED, rng), columns)
    if block.shape[1] == 1:
        return 1.0
    other = rng.permutation(len(block))
    cuts = rng.integers(1, block.shape[1], size=(len(block), 1))
    own = _hashed(block)
    made = _hashed(np.where(np.arange(block.shape[1]) < cuts, block, block[other]))
    # What is one of its two rows again says nothing.
    is_new = (made != own) & (made != own[other])
    return float((np.isin(made, known) & is_new).mean())
