"""Which sweeps there are below a path, and who reads each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from auditor.readers.looking import Look, natural
from auditor.readers.reader import NO_FILE, Match, Reader, Source

MOST_PATHS = 1_000_000
"""Files and folders looked at below one path."""

SKIPPED = {"__pycache__", "node_modules", "site-packages", "venv", "lost+found"}
"""Folders that are not looked into, nor those whose names start with a dot."""


@dataclass
class Walk:
    """A walk through all that is at and below a path, asking readers about each file and folder.

    A folder that a reader takes is that reader's altogether. Links to folders are not followed:
    they may lead in circles, or show a sweep twice.

    Attributes:
        path: Where it starts.
        readers: Who is asked, in this order; the first that takes a path has it.
        columns: What the user calls the columns of a table; shown to readers, and passed on.
        declined: Why each reader did not take the path itself, or the first file below it.
    """

    path: Path
    readers: Sequence[Reader]
    columns: Mapping[str, str] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)
    _taken: list[tuple[Reader, Path, Match]] = field(default_factory=list)

    def sources(self) -> list[Source]:
        """The sweeps, in the order of their readers, then of their paths."""
        ahead = [self.path]
        for _ in range(MOST_PATHS):
            if not ahead:
                break
            look = Look(ahead.pop(), self.columns)
            if look.is_dir and look.path != self.path and look.path.is_symlink():
                continue
            if not self._take(look) and look.is_dir:
                folders = [name for name in look.folders if not _is_skipped(name)]
                # Files of a folder before what is below it; the last one is looked at first.
                ahead += [look.path / name for name in reversed((*look.files, *folders))]
        return [source for reader in self.readers for source in self._of(reader)]

    def _take(self, look: Look) -> bool:
        for reader in self.readers:
            match = reader.matches(look)
            if match.yes:
                self._taken.append((reader, look.path, match))
                return True
            self._note(reader, look, match)
        return False

    def _note(self, reader: Reader, look: Look, match: Match) -> None:
        if look.path == self.path:
            self.declined[reader.name] = match.why
        elif look.is_file and self.declined[reader.name] == NO_FILE.why:
            name = look.path.name
            # It may hold a line break, or escapes that colour a terminal.
            shown = name if name.isprintable() else ascii(name)
            self.declined[reader.name] = f"{shown}: {match.why}"

    def _of(self, reader: Reader) -> list[Source]:
        taken = [(path, match) for by, path, match in self._taken if by is reader]
        root = self.path if self.path.is_dir() else self.path.parent
        if reader.gathers and taken:
            taken = [(p, m) for p, m in taken if self._joined.isdisjoint(p.absolute().parents)]
        if reader.gathers and taken:
            files = sorted((path for path, _ in taken), key=lambda path: natural(str(path)))
            why = taken[0][1].why
            return [Source(reader, self.path, root, tuple(files), None, self.columns, why)]
        return [
            Source(reader, path, folder, (), part, self.columns, match.why)
            for path, match in taken
            for folder in [path if path.is_dir() else path.parent]
            for part in (match.parts or (None,))
        ]

    @cached_property
    def _joined(self) -> set[Path]:
        """The folders that belong to sweeps elsewhere."""
        asked = [(by.joins, path) for by, path, _ in self._taken if by.joins is not None]
        return {folder.absolute() for joins, path in asked for folder in joins(path)}


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in SKIPPED
