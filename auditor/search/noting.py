"""How far a training is, as a file: the process that leads a search shows it."""

import contextlib
import time
from pathlib import Path
from typing import NamedTuple

from auditor.errors import ReadError
from auditor.files import make_folder, read_json, to_json, write_whole

FILE = "progress.json"

EVERY = 1.0
"""Seconds between two notes: nobody looks more often."""


class Note(NamedTuple):
    """How far a stack, or a trial, is.

    Attributes:
        doing: What trains.
        epoch: Epochs that its runs have behind them.
        epochs: Epochs that each may train; 0 where that is not known.
        runs: How many train together.
        trained: Epochs of single runs since it began.
    """

    doing: str
    epoch: int
    epochs: int
    runs: int
    trained: int


class NotedDown:
    """In place of a `Standing` where a process trains for another one: notes go to a file."""

    def __init__(self, folder: Path) -> None:
        """Write into a folder, which is made if need be; see `make_folder`."""
        self._folder = folder
        self._trained = 0
        self._written = -EVERY

    def note_epochs(
        self, worker: str, doing: str, epoch: int, epochs: int, runs: int = 1,
        trained: int | None = None,
    ) -> None:  # fmt: skip
        """See `Standing`. Who trains is known where the file is read."""
        self._trained += runs if trained is None else trained
        now = time.monotonic()
        if now - self._written < EVERY:
            return
        self._written = now
        note = Note(doing, epoch, epochs, runs, self._trained)
        with contextlib.suppress(OSError):  # Whoever saves the training says what is wrong.
            make_folder(self._folder)
            write_whole(self._folder / FILE, to_json(list(note)))

    def note_idle(self, worker: str) -> None:
        """See `Standing`."""


def read_note(folder: Path) -> Note | None:
    """The last note in a folder; None where there is none."""
    try:
        doing, *numbers = read_json(folder / FILE)
        return Note(str(doing), *map(int, numbers))
    except (OSError, ReadError, TypeError, ValueError):
        return None
