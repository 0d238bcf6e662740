"""Readers: from the files of a tool to `Trials`. One file per format, one line per reader here.

A reader never writes below the path, never executes or unpickles what it finds there, and never
imports the tool that wrote it.
"""

import os
from pathlib import Path

from auditor.errors import ReadError, UnknownFormatError
from auditor.readers import auditor_dir, kerastuner
from auditor.readers.reader import Match, Reader
from auditor.trials import Trials

__all__ = ["READERS", "Match", "Reader", "detect", "read"]

READERS = (
    # Ours first: its directories are KerasTuner's as well, with more in them.
    Reader("auditor", auditor_dir.matches, auditor_dir.read),
    Reader("KerasTuner", kerastuner.matches, kerastuner.read),
)
"""All readers, tried in this order."""


def read(path: str | os.PathLike[str]) -> Trials:
    """Read recorded trials, whatever tool wrote them.

    Args:
        path: A sweep's directory, or a KerasTuner project directory.

    Raises:
        UnknownFormatError: No reader recognises the path.
        ReadError: The path does not exist, or nothing below it can be read.

    Example:
        >>> read("sweeps/first").provenance.tool
        'auditor'
    """
    return detect(path).read(Path(path))


def detect(path: str | os.PathLike[str]) -> Reader:
    """The reader for a path.

    Raises:
        UnknownFormatError: No reader recognises it; the message says why each declined.
        ReadError: The path does not exist or may not be looked at.
    """
    path = Path(path)
    try:
        path.stat()
        declined = []
        for reader in READERS:
            match = reader.matches(path)
            if match.yes:
                return reader
            declined.append(f"  {reader.name}: {match.why}")
    except (OSError, ValueError) as error:
        raise ReadError(
            f"cannot look at {path}: {error}; give the directory of a search"
        ) from error
    raise UnknownFormatError(
        f"no reader recognises {path}:\n" + "\n".join(declined) + _suggestion(path)
    )


def _suggestion(path: Path) -> str:
    """Where the search may be instead: people give the folder above it."""
    if not path.is_dir():
        return ""
    # A folder of thousands of entries is looked at in part only: this is a hint.
    below = sorted(folder for folder in path.iterdir() if folder.is_dir())[:200]
    found = [str(folder) for folder in below if any(r.matches(folder).yes for r in READERS)]
    # A name may hold a line break, or escapes that colour a terminal.
    shown = [name if name.isprintable() else ascii(name) for name in found[:3]]
    return f"\nDid you mean {' or '.join(shown)}?" if found else ""
