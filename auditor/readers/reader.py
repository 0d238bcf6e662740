"""What a reader is: one small record per format; and what it is given to read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from auditor.readers.looking import Look
from auditor.trials import Trials


class Match(NamedTuple):
    """Whether a path is of a reader's format.

    Attributes:
        yes: Whether it is.
        why: Why, or why not, in words.
        parts: The sweeps in it, by name, where one file or folder holds several.
    """

    yes: bool
    why: str
    parts: tuple[str, ...] = ()


NO_FILE = Match(False, "it is a folder")
"""What a reader of files says of a folder."""

NO_FOLDER = Match(False, "it is a file")
"""What a reader of folders says of a file."""


@dataclass(frozen=True)
class Source:
    """One sweep to read.

    Attributes:
        reader: Who reads it.
        path: The file or directory that is the sweep; for one gathered from files, what they are
            all below.
        root: What trial ids and names of files are relative to: `path`, or the folder of a file.
        files: The files of a gathered sweep, naturally sorted; else empty.
        part: Which sweep of the several in `path`; None where there is one.
        columns: What the user calls the columns of a table: our name -> the table's.
        why: Why it is of this format, in words.
    """

    reader: "Reader"
    path: Path
    root: Path
    files: tuple[Path, ...] = ()
    part: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    why: str = ""

    def read(self) -> Trials:
        """Read it.

        Raises:
            ReadError: Nothing in it can be read.
        """
        return self.reader.read(self)


@dataclass(frozen=True)
class Reader:
    """One format of recorded trials.

    Attributes:
        name: The tool that writes it, as people call it.
        matches: Cheap and read-only: looks at names, and at most at the head of one file.
            Asked of directories and of files.
        read: Reads all of a sweep. Bad input of one trial becomes a problem in the provenance;
            only a sweep of which nothing at all can be read raises `ReadError`.
        gathers: A file of this format is one trial, or a few: those below one path make one sweep.
        joins: The folders elsewhere that belong to a sweep at a path; files in them are gathered
            by no other reader.
    """

    name: str
    matches: Callable[[Look], Match]
    read: Callable[[Source], Trials]
    gathers: bool = False
    joins: Callable[[Path], Iterable[Path]] | None = None

    @property
    def key(self) -> str:
        """The name as a word for the command line: "ray-tune" for "Ray Tune"."""
        return self.name.lower().replace(" ", "-")
