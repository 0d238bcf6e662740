"""Runs that have ended, as files: who trains hands them over, who leads the search merges them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from auditor.errors import ReadError
from auditor.files import from_json, to_json
from auditor.search.plain import NotPlainError, read_plain, write_plain
from auditor.search.recorder import Execution
from auditor.search.stacking.rows import RunId

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
        start: What it started from; see `starts_from`.
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
    start: tuple[Any, ...] = ()
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
        "start": handover.start,
        "trial_id": handover.trial_id,
        "final_weights": handover.final_weights,
    }
    more = {"history": handover.history, "callbacks": handover.callbacks}
    try:
        write_plain(_file(folder, handover.run), content | more)
    except NotPlainError:
        write_plain(_file(folder, handover.run), content | dict.fromkeys(more))


def read_runs(folder: Path) -> list[Handover]:
    """All runs in a folder that are whole; a damaged one is left out."""
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    return [found for file in files if (found := _read(file)) is not None]


def note_ended(path: Path, run: RunId) -> None:
    """Add a run, whose file is written, to a list of those that have ended.

    Raises:
        OSError: The list cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(to_json(list(run)) + "\n")


def read_ended(path: Path) -> list[RunId]:
    """The runs in a list of those that have ended; none where there is no list yet."""
    try:
        lines = path.read_text().split("\n")[:-1]  # The last line may be written just now.
        return [(str(t), int(e), int(f)) for t, e, f in map(from_json, lines)]
    except (OSError, ReadError, TypeError, ValueError):
        return []


def read_run(folder: Path, run: RunId) -> Handover | None:
    """A run that was written down; None where its file is missing or damaged."""
    return _read(_file(folder, run))


def execution_state(execution: Execution) -> dict[str, Any]:
    """All of an execution but its model."""
    names = [field.name for field in fields(Execution) if field.name not in _NOT_WRITTEN]
    return {name: getattr(execution, name) for name in names}


def _handover(content: dict[str, Any]) -> Handover:
    if content.pop("schema") != SCHEMA:
        raise ValueError("another version")
    return Handover(**{**content, "execution": Execution(**content["execution"])})


def _read(file: Path) -> Handover | None:
    try:
        return _handover(read_plain(file))
    except (ReadError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _file(folder: Path, run: Sequence[Any]) -> Path:
    trial_id, execution, fold = run
    return folder / f"{trial_id}-{execution}-{fold}{_SUFFIX}"
