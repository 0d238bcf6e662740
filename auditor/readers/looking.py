"""A cheap look at a path, to tell its format: names of a folder, the head of a file.

Everything is lazy and bounded, and nothing but regular files is opened: a pipe would block.
"""

import csv
import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

HEAD_BYTES = 2**16
"""Looked at of a file: enough for the header of a table of thousands of columns."""

MOST_NAMES = 1_000_000
"""Entries of one folder that are looked at."""

_DIGITS = re.compile(r"([0-9]+)")

SEPARATORS = (",", ";", "\t", "|")
"""Of CSV files; the one that occurs most often in the first line is taken."""


class Look:
    """A path, and what a glance shows of it. What cannot be looked at seems empty."""

    def __init__(self, path: Path, mapping: Mapping[str, str] | None = None) -> None:
        """Nothing is looked at yet.

        Args:
            path: A file or folder.
            mapping: What the user calls the columns of a table: our name -> the table's.
        """
        self.path = path
        self.mapping = mapping or {}

    @cached_property
    def name(self) -> str:
        """Its name, in lower case."""
        return self.path.name.lower()

    @cached_property
    def suffix(self) -> str:
        """The end of its name, in lower case and without `.gz`: ".csv"."""
        return Path(self.name.removesuffix(".gz")).suffix

    @cached_property
    def _stat(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except (OSError, ValueError):
            return None

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder, perhaps through a link."""
        return self._stat is not None and stat.S_ISDIR(self._stat.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, perhaps through a link."""
        return self._stat is not None and stat.S_ISREG(self._stat.st_mode)

    @property
    def size(self) -> int:
        """Bytes of a file."""
        return self._stat.st_size if self._stat is not None else 0

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders in a folder, links to folders left out, naturally sorted."""
        return tuple(name for name, is_folder in self._entries if is_folder)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of everything else in a folder, naturally sorted."""
        return tuple(name for name, is_folder in self._entries if not is_folder)

    @cached_property
    def _entries(self) -> list[tuple[str, bool]]:
        entries: list[tuple[str, bool]] = []
        try:
            with os.scandir(self.path) as found:
                for entry in found:
                    if len(entries) == MOST_NAMES:
                        break
                    entries.append((entry.name, entry.is_dir(follow_symlinks=False)))
        except (OSError, ValueError):
            pass
        return sorted(entries, key=lambda entry: natural(entry[0]))

    @cached_property
    def head(self) -> bytes:
        """The first bytes of a file, unpacked if its name ends in `.gz`; empty for all else."""
        if not self.is_file:
            return b""
        try:
            with self.path.open("rb") as file:
                if self.name.endswith(".gz"):
                    with gzip.open(file) as unpacked:
                        return unpacked.read(HEAD_BYTES)
                return file.read(HEAD_BYTES)
        except (OSError, EOFError, ValueError, zlib.error):
            return b""

    @cached_property
    def text(self) -> str:
        """The head as text; empty where it is binary."""
        if self.head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return self.head.decode("utf-16", "replace")
        if b"\0" in self.head:
            return ""
        return self.head.decode("utf-8-sig", "replace")

    @cached_property
    def separator(self) -> str:
        """What separates the cells of its first line, if it is a CSV file."""
        return max(SEPARATORS, key=self._first_line.count)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The cells of its first line, as of a CSV file: stripped, one where nothing separates."""
        try:
            row = next(csv.reader(io.StringIO(self._first_line), delimiter=self.separator), [])
        except csv.Error:
            return ()
        return tuple(cell.strip() for cell in row)

    @property
    def _first_line(self) -> str:
        return self.text.lstrip("\r\n").split("\n", 1)[0].rstrip("\r")


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key for names: runs of digits count by their number, so that 2 comes before 10.

    Example:
        >>> sorted(["run_10", "run_2"], key=natural)
        ['run_2', 'run_10']
    """
    parts = _DIGITS.split(name)
    return [(0, int(p)) if i % 2 and len(p) < 19 else (1, p) for i, p in enumerate(parts)]
