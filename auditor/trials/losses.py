"""The loss of each validation row, per run: how they are held, and kept in one file."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from auditor.arrays import from_npy, to_npy
from auditor.errors import ReadError, TrialsError
from auditor.trials.records import Run

Losses = Mapping[Run, NDArray[np.float32]]


def canonical(losses: Losses, runs: Iterable[Run]) -> Losses:
    """Losses in the order of the runs, read-only.

    Raises:
        TrialsError: They are of a run that is not there, or not one number per row.
    """
    if not losses:
        return MappingProxyType({})
    given = {Run(run[0], int(run[1]), int(run[2])): array for run, array in losses.items()}
    found = {run: _row(run, given.pop(run)) for run in runs if run in given}
    if given:
        raise TrialsError(f"losses of a run that is not in `recorded`: {next(iter(given))}")
    return MappingProxyType(found)


def _row(run: Run, array: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        row = np.asarray(array, np.float32)
    except (TypeError, ValueError) as error:
        raise TrialsError(f"losses of {run} are no numbers: {error}") from error
    if row.ndim != 1:
        raise TrialsError(f"losses of {run} are one number per row, got the shape {row.shape}")
    if row.flags.writeable:  # the caller's
        row = row.copy()
        row.flags.writeable = False
    return row


def lengths(losses: Losses) -> list[tuple[Run, int]]:
    """Whose they are, and how many, in the order of the file."""
    return [(run, len(row)) for run, row in losses.items()]


def to_bytes(losses: Losses) -> bytes:
    """All of them, one after the other, as the bytes of an `.npy` file."""
    return to_npy(np.concatenate([np.zeros(0, np.float32), *losses.values()]))


def from_bytes(content: bytes, known: Iterable[tuple[Run, int]]) -> dict[Run, NDArray[np.float32]]:
    """The inverse, given whose they are and how many.

    Raises:
        ReadError: The bytes are not those of such a file, or there are more or fewer.
    """
    known = list(known)
    values = from_npy(content)
    bounds = np.cumsum([0, *(count for _, count in known)]).tolist()
    if values.shape != (bounds[-1],) or any(count < 0 for _, count in known):
        raise ReadError(f"{bounds[-1]} losses are needed, and the shape is {values.shape}")
    return {run: values[bounds[i] : bounds[i + 1]] for i, (run, _) in enumerate(known)}
