"""What a reader is: one small record per format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from auditor.trials import Trials


class Match(NamedTuple):
    """Whether a path is of a reader's format, and why or why not, in words."""

    yes: bool
    why: str


@dataclass(frozen=True)
class Reader:
    """One format of recorded trials.

    Attributes:
        name: The tool that writes it, as people call it.
        matches: Cheap and read-only: looks at names, and at most at one small file.
        read: Reads all of it. Bad input of one trial becomes a problem in the provenance; only a
            path of which nothing at all can be read raises `ReadError`.
    """

    name: str
    matches: Callable[[Path], Match]
    read: Callable[[Path], Trials]
