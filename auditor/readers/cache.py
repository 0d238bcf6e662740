"""What was read, kept in the user's cache: a second audit of unchanged files need not read them.

    <cache>/auditor/trials/<sweep>-<content>/   files.json, and what `Trials.save` writes

`<sweep>` says where the sweep is, who read it, and by which code; `<content>` sums up the bytes of
the files that were read, and name, size, time and inode of the others around them: checkpoints may
be gigabytes, and are not read. Nothing here is executed or unpickled, and nothing that goes wrong
here stops an audit: then the files are read anew.
"""

import gc
import hashlib
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from auditor import __version__
from auditor.errors import AuditorError
from auditor.files import read_json, to_json, write_whole
from auditor.readers.reader import Source
from auditor.trials import Trials

LEAST_SECONDS = 0.3
"""What is read faster is not kept."""

MOST_BYTES = 2 * 2**30
"""Of all that is kept; what was not used for longest is dropped first."""

MOST_PATHS = 200_000
"""Files around a sweep beyond which nothing is kept: to look at them all costs seconds."""

_TROUBLE = (AuditorError, OSError, ValueError, TypeError, KeyError, RuntimeError)
"""What unreadable, damaged or foreign files in the cache raise."""


def cached(source: Source, path: Path | None = None, folder: Path | None = None) -> Trials:
    """Read a sweep, or take what an earlier process read from the same bytes.

    Args:
        source: The sweep.
        path: Nothing is written below this; by default the sweep's own path.
        folder: The cache; by default `cache_folder()`.

    Raises:
        ReadError: As of `Source.read`.
    """
    with _collector_paused():
        before = None
        with suppress(*_TROUBLE):
            place = _place(source, folder or cache_folder())
            _check_outside(place, path or source.path)
            for entry in place.parent.glob(f"{place.name}-*"):
                with suppress(*_TROUBLE):
                    if (trials := _kept(source, entry)) is not None:
                        return trials
            before = _around(source)
        begun = time.monotonic()
        trials = source.read()
        if before is not None and time.monotonic() - begun >= LEAST_SECONDS:
            with suppress(*_TROUBLE):
                _keep(source, place, trials, before)
        return trials


def cache_folder() -> Path:
    """Where the user's programs keep what can be made again.

    Raises:
        RuntimeError: The user has no home.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return named if named.is_absolute() else Path.home() / ".cache"


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without garbage collections: among millions of new objects they find none to collect."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# Entries


def _place(source: Source, folder: Path) -> Path:
    """Where a sweep is kept, without the end of the name that tells its content."""
    names = [
        *(_code(), source.reader.name, str(source.path), str(source.path.absolute())),
        *(str(source.root), source.part, sorted(source.columns.items())),
    ]
    name = hashlib.sha256(repr(names).encode(errors="replace")).hexdigest()[:32]
    return folder / "auditor" / "trials" / name


def _check_outside(place: Path, path: Path) -> None:
    if place.resolve().is_relative_to(path.resolve()):
        raise OSError("nothing is written below the path")


def _kept(source: Source, entry: Path) -> Trials | None:
    """What is kept there; None where files have changed since."""
    files = read_json(entry / "files.json")
    with ThreadPoolExecutor(1) as other:
        # Side by side: both mostly wait for files, or work where threads do not hold each other up.
        content = other.submit(lambda: _content(source, files, _around(source, files)))
        trials = Trials.load(entry)
        if not entry.name.endswith(content.result()):
            return None
    with suppress(OSError):  # a cache that may only be read is as good
        os.utime(entry)
    return trials


def _keep(source: Source, place: Path, trials: Trials, before: Mapping[str, object]) -> None:
    """Keep what was read, unless files changed meanwhile, in place of what was kept before."""
    files = list(trials.provenance.files)
    if _around(source) != before:
        return
    entry = place.with_name(f"{place.name}-{_content(source, files, _around(source, files))}")
    outdated = list(place.parent.glob(f"{place.name}-*"))
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = place.with_name(f".{os.getpid()}.{secrets.token_hex(8)}")
    try:
        trials.save(temporary)
        write_whole(temporary / "files.json", to_json(files))
        for old in outdated:
            shutil.rmtree(old, ignore_errors=True)
        temporary.rename(entry)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _drop_oldest(place.parent)


def _drop_oldest(place: Path) -> None:
    entries = [entry for entry in place.iterdir() if entry.is_dir()]
    total = 0
    for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True):
        total += sum(file.stat().st_size for file in entry.rglob("*"))
        if total > MOST_BYTES:
            shutil.rmtree(entry, ignore_errors=True)


@cache
def _code() -> str:
    """What tells this version of the readers from any other, also while they are worked on."""
    rooms = (Path(__file__).parent, Path(__file__).parents[1] / "trials")
    files = sorted(file for room in rooms for file in room.rglob("*.py"))
    return repr([__version__, *((file.name, *_signature(file.stat())) for file in files)])


# Files


def _around(source: Source, but: Iterable[str] = ()) -> dict[str, object]:
    """Name and signature of all files that reading may depend on, but for some.

    All in the folder that is the sweep, and in those that its reader joins to it; for files, those
    in the folders around them.

    Raises:
        OSError: There are too many, or a folder may not be looked at.
    """
    root, left_out = str(source.root), set(but)
    deep = source.path.is_dir() and not source.files
    ahead = [Path(os.path.relpath(folder, root)).as_posix() for folder in _folders(source, deep)]
    found: dict[str, object] = {}
    links: set[tuple[int, int]] = set()
    while ahead:
        folder = ahead.pop()
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder != "." else entry.name
                if _is_folder(entry):
                    if deep:
                        found[name] = None
                        ahead += [name] if _is_new(entry, links) else []
                elif name not in left_out:
                    found[name] = _signature(_status(entry))
        if len(found) > MOST_PATHS:
            raise OSError(f"more than {MOST_PATHS:,} files")
    return found


def _folders(source: Source, deep: bool) -> Iterable[Path]:
    if deep:
        joins = source.reader.joins
        return [source.path, *(joins(source.path) if joins else ())]
    folders = {file.parent for file in source.files or [source.path]}
    folders |= {above for folder in folders for above in folder.parents}
    return [folder for folder in folders if folder.is_relative_to(source.root)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # A link to itself is none; to ask the entry would raise.
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _status(entry: os.DirEntry[str]) -> os.stat_result:
    """Of the file; of a link that leads nowhere, its own."""
    with suppress(OSError):
        return entry.stat()
    return entry.stat(follow_symlinks=False)


def _is_new(folder: os.DirEntry[str], links: set[tuple[int, int]]) -> bool:
    """Whether a folder is no link to one that has been looked into: links may lead in circles."""
    if not folder.is_symlink():
        return True
    target = folder.stat()
    place = target.st_dev, target.st_ino
    is_new = place not in links
    links.add(place)
    return is_new


def _signature(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _content(source: Source, files: Iterable[str], others: Mapping[str, object]) -> str:
    """A digest of the bytes of some files, and of the signatures of others."""
    # Of sizes too: so that the end of a file cannot pass for the beginning of the next one.
    total = hashlib.sha256(repr(sorted(others.items())).encode(errors="replace"))
    root = str(source.root)
    for name in files:
        size = 0
        try:
            descriptor = os.open(f"{root}/{name}", os.O_RDONLY | _BINARY)
        except FileNotFoundError:  # a name that UTF-8 cannot hold is among the others
            total.update(f"{name} is not there".encode())
            continue
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("no regular file")
            while block := os.read(descriptor, 2**20):
                total.update(block)
                size += len(block)
        finally:
            os.close(descriptor)
        total.update(f"{name} has {size} bytes".encode())
    return total.hexdigest()[:32]


_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""No translation of line ends on Windows; no waiting for whoever writes to a pipe elsewhere."""
