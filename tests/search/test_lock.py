"""One search at a time in a directory, across processes, threads and file systems."""

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import auditor.search.lock
from auditor import GridSearch
from auditor.errors import DirectoryError
from auditor.readers import read
from auditor.search.lock import HOLDER_FILE, LOCK_FILE, SOFT_LOCK_FILE, SweepLock
from tests.search.helpers import dummy, grid_of

ROOT = Path(__file__).parents[2]

# The module by its file: its package imports a framework, which takes seconds.
HOLD = f"""
import errno, fcntl, os, runpy, sys, time
from pathlib import Path
# Before the lock's own hook: the child closes its copy of the lock late, as on a busy machine.
os.register_at_fork(after_in_child=lambda: time.sleep(0.3))
SweepLock = runpy.run_path({auditor.search.lock.__file__!r})["SweepLock"]
if "soft" in sys.argv:
    def no_locks(*args):
        raise OSError(errno.ENOLCK, "No locks available")
    fcntl.flock = no_locks
with SweepLock(Path(sys.argv[1])):
    if "fork" in sys.argv and not os.fork():
        time.sleep(60)
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path, *how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until its input is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *how],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less where nobody lets go of the lock."""
    if "killed" not in request.node.name:
        monkeypatch.setattr(auditor.search.lock, "PATIENCE", 0.2)


@pytest.fixture(params=["flock", "soft"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file system with locks, and one without."""
    if request.param == "soft":
        without_locks(monkeypatch)
    kind: str = request.param
    return kind


def without_locks(monkeypatch: pytest.MonkeyPatch, code: int = errno.ENOLCK) -> None:
    def no_locks(*args: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)


def test_another_process_is_kept_out_and_told_who_is_in(path: Path, how: str) -> None:
    lock = SweepLock(path)
    with held_by_another(path, how) as process:
        with pytest.raises(DirectoryError) as caught, lock:
            pass
        message = str(caught.value)
        host = socket.gethostname()
        assert f"{path} is in use by process {process.pid} on host {host} since 20" in message
        assert "wait for it, stop it, or choose another `directory` or `project_name`" in message


@pytest.mark.parametrize("with_child", [False, True])
def test_a_killed_holder_locks_nothing(path: Path, how: str, with_child: bool) -> None:
    with held_by_another(path, how, *["fork"] * with_child) as process:
        process.kill()
        process.wait()
        with SweepLock(path):
            assert json.loads((path / HOLDER_FILE).read_text())["pid"] == os.getpid()


def test_a_process_locks_as_often_as_it_likes_but_once_at_a_time(path: Path, how: str) -> None:
    lock = SweepLock(path)
    for _ in range(2):
        with lock, pytest.raises(DirectoryError, match=f"process {os.getpid()} "), lock:
            pass
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    with lock:
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_lock_of_another_host_stands_until_it_is_removed(
    code: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch, code)
    path.mkdir()
    mark, lock = path / SOFT_LOCK_FILE, SweepLock(path)
    mark.write_text("1\nelsewhere\n")
    (path / HOLDER_FILE).write_text('{"pid": 1, "host": "elsewhere", "since": "2026-01-02T03:04"}')
    with pytest.raises(DirectoryError, match=rf"on host elsewhere since .* remove {mark}"), lock:
        pass
    mark.unlink()
    with SweepLock(path):
        assert mark.exists()


def test_a_reused_process_number_is_no_holder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)
    with SweepLock(path):
        pid, host, start, *rest = (path / SOFT_LOCK_FILE).read_text().split("\n")
    (path / SOFT_LOCK_FILE).write_text("\n".join([pid, host, str(int(start) + 1), *rest]))
    with SweepLock(path):
        pass


def test_other_failures_of_the_disk_are_no_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch, errno.EIO)
    with pytest.raises(DirectoryError, match=r"cannot write .*Input/output error"), SweepLock(path):
        pass


def test_a_place_that_cannot_be_a_directory_is_said_so(path: Path) -> None:
    path.write_text("")
    with pytest.raises(DirectoryError, match=r"cannot write .*choose another `directory`"):
        SweepLock(path).__enter__()


def test_a_read_only_directory_is_said_to_be_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(file: Any, *args: Any, **kwargs: Any) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), file)

    lock = SweepLock(path)
    # Not by the directory's mode: root writes everywhere.
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(DirectoryError, match=r"cannot write .*denied.*make this one writable"):
        lock.__enter__()


# Searches


def test_a_search_is_refused_while_another_runs_and_reading_is_not(
    make: Callable[..., Any], path: Path
) -> None:
    make(dummy(GridSearch), grid_of(2)).search(verbose=0)
    with held_by_another(path):
        tuner = make(dummy(GridSearch), grid_of(3))
        with pytest.raises(DirectoryError, match="is in use by process"):
            tuner.search(verbose=0)
        with pytest.raises(DirectoryError, match="is in use by process"):
            make(dummy(GridSearch), grid_of(2), overwrite=True)
        assert len(tuner.trials().runs) == len(tuner.audit().trials.runs) == 2
    assert tuner.ran == []


def test_two_threads_do_not_search_one_directory(make: Callable[..., Any]) -> None:
    first_runs, refused = threading.Event(), threading.Event()

    def result(values: Any) -> float:
        first_runs.set()
        assert refused.wait(30)
        return 1.0

    tuners = [make(dummy(GridSearch, result), grid_of(2)) for _ in range(2)]
    first = threading.Thread(target=tuners[0].search, kwargs={"verbose": 0})
    first.start()
    assert first_runs.wait(30)
    try:
        for tuner in tuners:
            with pytest.raises(DirectoryError, match=f"process {os.getpid()} "):
                tuner.search(verbose=0)
    finally:
        refused.set()
        first.join()
    assert (len(tuners[0].ran), len(tuners[1].ran)) == (2, 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_search_that_ends_early_lets_go(make: Callable[..., Any], error: Any) -> None:
    def result(values: Any) -> float:
        if values["a"] == 1 and not again:
            raise error
        return 1.0

    again: list[Any] = []
    tuner = make(dummy(GridSearch, result), grid_of(3))
    with pytest.raises(error):
        tuner.search(verbose=0)
    again.append(True)
    tuner.search(verbose=0)
    assert [values["a"] for values in tuner.ran] == [0, 1, 1, 2]


def test_a_tuner_does_not_repeat_what_another_has_searched_since(make: Callable[..., Any]) -> None:
    late = make(dummy(GridSearch), grid_of(2))
    make(dummy(GridSearch), grid_of(2)).search(verbose=0)
    with pytest.raises(DirectoryError, match=f"process {os.getpid()} .* make the tuner again"):
        late.search(verbose=0)
    again = make(dummy(GridSearch), grid_of(2))
    again.search(verbose=0)
    assert again.ran == []


def test_overwriting_deletes_all_but_the_lock(make: Callable[..., Any], path: Path) -> None:
    make(dummy(GridSearch), grid_of(2)).search(verbose=0)
    tuner = make(dummy(GridSearch), grid_of(2), overwrite=True)
    assert {file.name for file in path.iterdir()} <= {LOCK_FILE, HOLDER_FILE}
    tuner.search(verbose=0)
    assert len(tuner.ran) == 2


def test_a_copy_of_a_locked_directory_is_free_and_reads_the_same(
    make: Callable[..., Any], path: Path, tmp_path: Path
) -> None:
    make(dummy(GridSearch), grid_of(2)).search(verbose=0)
    with held_by_another(path):
        shutil.copytree(path, tmp_path / "copy")
    assert read(tmp_path / "copy").runs == read(path).runs
    make(dummy(GridSearch), grid_of(2), project_name="copy").search(verbose=0)
