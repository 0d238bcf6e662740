"""SIGTERM: a search ends cleanly, and the process then ends as the signal asks."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import auditor.search.signals
from auditor import GridSearch
from auditor.search.signals import Terminated, ends_by_sigterm, sigterm_interrupts
from tests.search.helpers import dummy, grid_of, stored

ROOT = Path(__file__).parents[2]

SCRIPT = """
import signal, sys, time
from auditor import GridSearch
from tests.search.helpers import dummy, grid_of

def result(values):
    if values["a"] == 2:
        print("third trial", flush=True)
        for _ in range(3000):  # one long sleep, or pause(), may miss a signal that comes before it
            time.sleep(0.01)
    return 1.0

if "own" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("my own handler"))
where = {"directory": sys.argv[1], "project_name": "sweep"}
tuner = dummy(GridSearch, result)(grid_of(4), "val_loss", **where)
tuner.search(verbose=0)
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_terminated_search_keeps_what_had_ended_and_goes_on_later(
    tmp_path: Path, make: Callable[..., Any]
) -> None:
    with start(tmp_path) as process:
        assert process.stdout is not None
        while "third trial" not in process.stdout.readline():
            pass
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert "Traceback" not in errors
    ended = {t for t, s in stored(tmp_path / "sweep").items() if s["status"] == "COMPLETED"}
    assert ended == {"0000", "0001"}
    again = make(dummy(GridSearch), grid_of(4), seed=None)
    again.search(verbose=0)
    assert [values["a"] for values in again.ran] == [2, 3]


@pytest.mark.slow
def test_a_handler_of_the_users_stays_in_force(tmp_path: Path) -> None:
    with start(tmp_path, "own") as process:
        assert process.stdout is not None
        while "third trial" not in process.stdout.readline():
            pass
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "my own handler" in errors


def raise_sigterm_then(act: Callable[[], None]) -> None:
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        act()


def test_sigterm_interrupts_once_and_the_default_comes_back() -> None:
    done: list[str] = []

    def clean_up() -> None:
        signal.raise_signal(signal.SIGTERM)
        done.append("cleaned up")

    with pytest.raises(Terminated), sigterm_interrupts():
        raise_sigterm_then(clean_up)
    assert done == ["cleaned up"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_process_ends_only_after_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(auditor.search.signals, "_end", lambda: done.append("process"))
    with pytest.raises(Terminated), ends_by_sigterm():
        raise_sigterm_then(lambda: done.append("block"))
    assert done == ["block", "process"]


def test_whoever_handles_sigterm_already_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(auditor.search.signals, "_end", lambda: done.append("process"))
    with pytest.raises(Terminated), sigterm_interrupts(), ends_by_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert done == []


def test_other_threads_leave_signals_alone() -> None:
    found = []

    def look() -> None:
        with ends_by_sigterm():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]


def test_a_forked_child_ends_as_ever() -> None:
    ready, say_ready = os.pipe()
    with ends_by_sigterm():
        child = os.fork()
        if not child:
            try:
                os.write(say_ready, b"!")
                for _ in range(1000):
                    time.sleep(0.01)
            finally:
                os._exit(0)
        os.read(ready, 1)  # A child that is just being forked forgets signals.
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
    os.close(ready)
    os.close(say_ready)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGTERM
