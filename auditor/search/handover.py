"""Runs that have ended, as files: who trains hands them over, who leads the search merges them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from auditor.errors import ReadError
from auditor.search.plain import NotPlainError, read_plain, write_plain
from auditor.search.recorder import Execution

SCHEMA = 1
"""Version of the files."""

_SUFFIX = ".run.npz"
_NOT_WRITTEN = ("model", "weights_file")
"""Of an `Execution`: who receives it has, or builds, a model to put the weights into."""


@dataclass
class Handover:
    """One run that has ended.

    Attributes:
        trial_id: Its trial.
        execution: Its curves and best weights; without a model.
        error: The traceback of what a callback raised, as text.
        is_given_up: Whether that ends the trial for good; see `CrashError`.
        refused: Why it must be trained in the ordinary lane after all.
        clock: Epochs that its stack had trained by then.
        fits: What it was trained with, in short; equal only for the same.
        history: `history`, `epoch` and `params` of its `History`; None where it did not get there.
        final_weights: At its end, where somebody wants them.
        callbacks: What is plain among the attributes of each of its callbacks.
    """

    trial_id: str
    execution: Execution
    error: str | None = None
    is_given_up: bool = False
    refused: str | None = None
    clock: int = 0
    fits: str = ""
    history: dict[str, Any] | None = None
    final_weights: list[np.ndarray] | None = None
    callbacks: list[dict[str, Any]] | None = None

    @property
    def run(self) -> tuple[str, int, int]:
        """Trial, execution, fold."""
        return self.trial_id, self.execution.execution, self.execution.fold


def write_run(folder: Path, handover: Handover) -> None:
    """Write a run down, whole or not at all; the folder must exist.

    A history that is not plain, or such attributes of callbacks, are left out.

    Raises:
        OSError: The folder cannot be written.
    """
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "execution": execution_state(handover.execution),
        "error": handover.error,
        "is_given_up": handover.is_given_up,
        "refused": handover.refused,
        "clock": handover.clock,
        "fits": handover.fits,
        "trial_id": handover.trial_id,
        "final_weights": handover.final_weights,
    }
    more = {"history": handover.history, "callbacks": handover.callbacks}
    try:
        write_plain(_file(folder, handover.run), content | more)
    except NotPlainError:
        write_plain(_file(folder, handover.run), content | dict.fromkeys(more))


def read_runs(folder: Path, known: Iterable[Sequence[Any]] = ()) -> list[Handover]:
    """All runs in a folder that are whole, but for those that are known; no damaged one."""
    found, files = [], set(folder.glob(f"*{_SUFFIX}"))
    for file in sorted(files.difference(_file(folder, run) for run in known)):
        try:
            found.append(_handover(read_plain(file)))
        except (ReadError, KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def remove_run(folder: Path, run: tuple[str, int, int]) -> None:
    """Remove the file of a run, if there is one."""
    _file(folder, run).unlink(missing_ok=True)


def execution_state(execution: Execution) -> dict[str, Any]:
    """All of an execution but its model."""
    names = [field.name for field in fields(Execution) if field.name not in _NOT_WRITTEN]
    return {name: getattr(execution, name) for name in names}


def _handover(content: dict[str, Any]) -> Handover:
    if content.pop("schema") != SCHEMA:
        raise ValueError("another version")
    return Handover(**{**content, "execution": Execution(**content["execution"])})


def _file(folder: Path, run: Sequence[Any]) -> Path:
    trial_id, execution, fold = run
    return folder / f"{trial_id}-{execution}-{fold}{_SUFFIX}"
