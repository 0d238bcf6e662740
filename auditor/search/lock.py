"""One search at a time in a directory: its lock, and who holds it."""

import errno
import os
import shutil
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from auditor.errors import DirectoryError, ReadError
from auditor.files import Json, read_json, to_json, write_whole

LOCK_FILE = ".auditor.lock"
"""Locked by the kernel, which lets go when the holder dies: the file alone locks nothing."""

SOFT_LOCK_FILE = ".auditor.softlock"
"""That it exists is the lock, where the file system has no other. It names process and host: one
whose process is gone from this host is taken over."""

HOLDER_FILE = ".auditor.holder.json"
"""Who has locked the directory last. A file of its own: where locks are mandatory, a locked one
cannot be read."""

PATIENCE = 1.0
"""Seconds to wait for a lock whose holder has just died: a child that it forked closes its copy of
the lock only when it first runs, and a soft lock on a network mount takes retries to take over."""

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
"""What a file system without locks answers: some network mounts."""


class SweepLock:
    """Keeps all other searches, of this process too, out of a directory during a `with` block."""

    def __init__(self, path: Path) -> None:
        """Lock nothing yet, but notice from now on who searches in the directory `path`."""
        self._path = path
        self._lock: BaseFileLock | None = None
        self._last = self._holder()

    def __enter__(self) -> "SweepLock":
        """Lock the directory, which is made if need be.

        Raises:
            DirectoryError: A search is at work in it, or was since this lock was made; or it cannot
                be written.
        """
        lock = self._acquired()
        try:
            self._begin()
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return self

    def __exit__(self, *error: object) -> None:
        """Let others in."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def empty(self) -> None:
        """Delete all that is in the directory but the lock, which must be held.

        Raises:
            OSError: Something cannot be deleted.
        """
        for file in self._path.iterdir():
            if file.name in (LOCK_FILE, SOFT_LOCK_FILE, HOLDER_FILE):
                continue
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file)
            else:
                file.unlink()

    def _acquired(self) -> BaseFileLock:
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            try:
                # Of its own each time: one object would let in a second thread.
                return _take(FileLock(self._path / LOCK_FILE, fallback_to_soft=False))
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
            return _take(SoftFileLock(self._path / SOFT_LOCK_FILE))
        except Timeout as timeout:
            raise DirectoryError(self._in_use(Path(timeout.lock_file))) from None
        except OSError as error:
            raise self._cannot_write(error) from error

    def _begin(self) -> None:
        last = self._holder()
        if last is not None and last != self._last:
            raise DirectoryError(
                f"{_words(last)} has searched in {self._path} after this tuner had read it; make "
                "the tuner again, and its search goes on from there"
            )
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        self._last = {"pid": os.getpid(), "host": socket.gethostname(), "since": now}
        try:
            write_whole(self._path / HOLDER_FILE, to_json(self._last))
        except OSError as error:
            raise self._cannot_write(error) from error

    def _holder(self) -> dict[str, Json] | None:
        with suppress(ReadError):
            found = read_json(self._path / HOLDER_FILE)
            return found if isinstance(found, dict) else None
        return None

    def _in_use(self, file: Path) -> str:
        holder = self._holder() or {}
        text = f"{self._path} is in use by {_words(holder)} since {_time(holder)}; "
        text += "wait for it, stop it, or choose another `directory` or `project_name`"
        if file.name == SOFT_LOCK_FILE and holder.get("host") != socket.gethostname():
            text += f". If that process is gone, which cannot be seen from here, remove {file}"
        return text

    def _cannot_write(self, error: OSError) -> DirectoryError:
        return DirectoryError(
            f"cannot write to the sweep's directory {self._path}: {error}; "
            "choose another `directory`, or make this one writable"
        )


def _take(lock: BaseFileLock) -> BaseFileLock:
    lock.acquire(timeout=PATIENCE)
    return lock


def _words(holder: dict[str, Json]) -> str:
    return f"process {holder.get('pid', '?')} on host {holder.get('host', '?')}"


def _time(holder: dict[str, Json]) -> str:
    """When it began: "2026-11-21 14:05:09 UTC"."""
    return str(holder.get("since", "?"))[:19].replace("T", " ") + " UTC"
