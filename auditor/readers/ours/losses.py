"""`losses-<execution>-<fold>.npy`: the loss of each validation row at the best epoch of a run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.arrays import from_npy
from auditor.errors import ReadError
from auditor.readers.contents import read_bytes
from auditor.readers.ours.sweep import TrialNotes

MOST_REASONS = 3
"""Reasons why runs have none that are told, the most frequent first."""


def losses_file(execution: int, fold: int) -> str:
    """The name of the file, in the folder of the trial."""
    return f"losses-{execution}-{fold}.npy"


def read_losses(
    folder: Path, notes: TrialNotes
) -> tuple[Mapping[tuple[int, int], NDArray[np.float32]], list[tuple[str, str]]]:
    """The losses that are noted for the runs of a trial; a file that is not noted is not opened.

    Returns:
        Losses by execution and fold; and names of files with what is wrong with them.
    """
    found, complaints = {}, []
    for run in notes.runs:
        if run.losses is None:
            continue
        name = losses_file(run.execution, run.fold)
        try:
            values = from_npy(read_bytes(folder / name))
            if values.shape != (run.losses,):
                raise ReadError(f"{run.losses} losses are noted, and it has {values.shape}")
            found[run.execution, run.fold] = values
        except ReadError as error:
            complaints.append((name, f"no losses of single rows: {error}"))
    return found, complaints
