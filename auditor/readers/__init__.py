"""Readers: from the files of a tool to `Trials`. One file per format, one line per reader here.

A reader never writes below the path, never executes or unpickles what it finds there, and never
imports the tool that wrote it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.errors import ReadError, UnknownFormatError
from auditor.readers import (
    console,
    csv_logger,
    cv_results,
    history,
    kerastuner,
    mlflow,
    optuna,
    ours,
    printed,
    ray_tune,
    saved,
    table,
    talos,
    tensorboard,
)
from auditor.readers.contents import clean
from auditor.readers.kerastuner.logs import folder_of
from auditor.readers.reader import Match, Reader, Source
from auditor.readers.walking import Walk
from auditor.trials import Objective, Trials

__all__ = ["READERS", "Match", "Reader", "Source", "find", "read"]

READERS = (
    # Folders. Ours first: its directories are KerasTuner's as well, with more in them.
    Reader("auditor", ours.matches, ours.read),
    Reader("KerasTuner", kerastuner.matches, kerastuner.read, joins=folder_of),
    Reader("Ray Tune", ray_tune.matches, ray_tune.read),
    Reader("MLflow", mlflow.matches, mlflow.read),
    Reader("saved audit", saved.matches, saved.read),
    # Files that only one tool writes.
    Reader("TensorBoard", tensorboard.matches, tensorboard.read, gathers=True),
    Reader("Keras console log", console.matches, console.read, gathers=True),
    Reader("Optuna", optuna.matches, optuna.read),
    Reader("Talos", talos.matches, talos.read),
    Reader("scikit-learn", cv_results.matches, cv_results.read),
    # Tables and text: the more a format asks of its columns, the earlier.
    Reader("table", table.matches, table.read),
    Reader("Keras History", history.matches, history.read, gathers=True),
    Reader("CSVLogger", csv_logger.matches, csv_logger.read, gathers=True),
    Reader("printed table", printed.matches, printed.read, gathers=True),
)
"""All readers, asked in this order."""


def read(
    path: str | os.PathLike[str],
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    objective: Objective | None = None,
) -> Trials:
    """Read recorded trials, whatever tool wrote them.

    Args:
        path: A directory or file that holds one sweep; see `find` where there are several.
        format: Name of the reader; by default the first that takes the path.
        columns: Of a plain table: our name -> the table's.
        objective: What ranks; by default what the files say, or what their metrics suggest.

    Raises:
        UnknownFormatError: No reader recognises the path.
        ReadError: The path does not exist, nothing below it can be read, or it holds several
            sweeps.

    Example:
        >>> read("stuck_at_chance.txt").provenance.tool
        'Keras History'
    """
    sources = find(path, format, columns)
    if len(sources) > 1:
        raise ReadError(
            f"{path} holds {len(sources)} sweeps: {_some(sources)}; give the path of one of them "
            "or a format, or read each with `auditor.readers.find(path)[i].read()`"
        )
    trials = sources[0].read()
    return trials if objective is None else replace(trials, objective=objective)


def find(
    path: str | os.PathLike[str],
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> list[Source]:
    """The sweeps at and below a path, none of them read yet. At least one.

    Args:
        path: A directory or file.
        format: Name of the only reader to ask.
        columns: Of a plain table: our name -> the table's.

    Raises:
        UnknownFormatError: No reader recognises anything there; the message says why each
            declined.
        ReadError: The path does not exist or may not be looked at; no such format.
    """
    path = Path(path)
    try:
        if path.is_dir():
            os.scandir(path).close()
        path.stat()
    except (OSError, ValueError) as error:
        raise ReadError(
            f"cannot look at {path}: {error}; give the directory or file of a search"
        ) from error
    # Who says what the columns are has a table.
    walk = Walk(path, _readers(format or ("table" if columns else None)), columns or {})
    sources = walk.sources()
    if not sources:
        if path.is_dir() and not any(files for _, _, files in os.walk(path)):
            raise UnknownFormatError(
                f"no reader recognises {path}: there is no file below it; "
                "give the directory or file of a search"
            )
        reasons = "".join(f"\n  {name}: {clean(why)}" for name, why in walk.declined.items())
        raise UnknownFormatError(
            f"no reader recognises {path}:{reasons}\n"
            "A table with other names can be read with --columns trial=...,epoch=...,loss=..."
        )
    return sources


def _readers(format: str | None) -> Sequence[Reader]:
    if format is None:
        return READERS
    chosen = [reader for reader in READERS if reader.key == format.lower().replace(" ", "-")]
    if not chosen:
        known = ", ".join(reader.key for reader in READERS)
        raise ReadError(f"no format {format!r}; known are {known}")
    return chosen


def _some(sources: Sequence[Source], most: int = 5) -> str:
    names = [f"{s.path}{f' ({s.part})' if s.part else ''} of {s.reader.name}" for s in sources]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
