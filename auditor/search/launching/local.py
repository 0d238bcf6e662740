"""Executors as processes of this machine, each with its own environment from its first moment."""

import atexit
import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import current_process, resource_tracker, util
from multiprocessing.connection import Connection, wait
from typing import Any

from loky.backend import get_context
from loky.backend import resource_tracker as lokys_tracker

from auditor.search.launching.by_value import packed
from auditor.search.launching.devices import Device
from auditor.search.launching.running import Death, PoolLauncher
from auditor.search.launching.worker import serve

_SHOWN = "CUDA_VISIBLE_DEVICES"

CLOSING_SECONDS = 3.0
"""How long idle executors may take to end before they are killed."""


@dataclass
class _Executor:
    process: Any
    connection: Connection


class LocalWorkers:
    """One process per device.

    Not loky's pool: that one breaks as a whole, replaces a worker whose memory has grown (as it
    does when a framework is loaded), and lets a busy worker outlive its parent.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        """Start nothing yet: an executor starts with its first task."""
        self.devices = {device.name: device for device in devices}
        self._executors: dict[str, _Executor] = {}
        self._busy: set[str] = set()

    def names(self) -> Sequence[str]:
        """The devices."""
        return tuple(self.devices)

    @property
    def on_gpus(self) -> bool:
        """Whether the devices are GPUs."""
        return any(_SHOWN in dict(device.environment) for device in self.devices.values())

    def start(self, name: str, payload: bytes) -> None:
        """Send a call to the executor of a device, which is started if there is none."""
        executor = self._executors.get(name)
        if executor is None or not executor.process.is_alive():
            if executor is not None:
                self._end(name)
            executor = self._executors[name] = _start(self.devices[name])
        self._busy.add(name)
        with contextlib.suppress(OSError):  # It has just died: `wait` will tell.
            executor.connection.send_bytes(payload)

    def wait(self, seconds: float) -> list[tuple[str, bytes | Death]]:
        """Wait until busy executors have answered or died, at most for a time."""
        busy = {name: self._executors[name] for name in self._busy}
        ready = wait([executor.connection for executor in busy.values()], seconds)
        news: list[tuple[str, bytes | Death]] = []
        for name, executor in busy.items():
            # A process that the dead one has forked may hold the pipe open.
            is_gone = not executor.process.is_alive()
            if executor.connection in ready or (is_gone and executor.connection.poll()):
                try:
                    news.append((name, executor.connection.recv_bytes()))
                except (EOFError, OSError):
                    is_gone = True
                else:
                    self._busy.discard(name)
                    continue
            if is_gone:
                news.append((name, Death(self._end(name))))
        return news

    def stop(self, names: Collection[str]) -> None:
        """Kill executors, with what they have started."""
        for name in names:
            if name in self._executors:
                _kill(self._executors[name].process)
                self._end(name)

    def close(self) -> None:
        """Let idle executors end, and kill the busy ones."""
        self.stop(list(self._busy))
        for executor in self._executors.values():
            with contextlib.suppress(OSError):
                executor.connection.send_bytes(b"")
        until = time.monotonic() + CLOSING_SECONDS
        for executor in self._executors.values():
            executor.process.join(max(0.0, until - time.monotonic()))
        self.stop(list(self._executors))

    def _end(self, name: str) -> str:
        """Forget an executor that has gone, or is about to; why it did."""
        executor = self._executors.pop(name)
        self._busy.discard(name)
        executor.process.join(1.0)
        code = executor.process.exitcode
        _kill(executor.process)
        executor.process.join()
        executor.connection.close()
        return _reason(code)


def _start(device: Device) -> _Executor:
    ours, theirs = get_context("loky").Pipe()
    process = get_context("loky").Process(
        target=_serving(),
        args=(packed(serve), theirs),
        name=device.name,
        env=dict(device.environment),
    )
    with _interrupts_blocked():
        process.start()
    theirs.close()
    return _Executor(process, ours)


def _serving() -> Any:
    """A function that is sent as code, like all that are made inside of others."""

    def run(packed: bytes, connection: Connection) -> None:
        pickle.loads(packed)(connection)

    return run


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """What is started inside does not see Ctrl-C before it has left the group of the terminal."""
    if sys.platform == "win32":
        yield
        return
    # Helpers that are started with the first process; their start would lift the block.
    resource_tracker.ensure_running()
    lokys_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill(process: Any) -> None:
    """End a process and, where it leads a group, all that it has started."""
    if sys.platform == "win32":
        process.terminate()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
        return
    if process.is_alive():  # It has only just been started.
        os.kill(process.pid, signal.SIGKILL)


def _reason(code: int | None) -> str:
    if code is None:
        return "the process no longer answers"
    if code >= 0:
        return f"the process has ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    hint = "; the system does so when memory runs out" if name == "SIGKILL" else ""
    return f"the process was killed by {name}{hint}"


def call_in_own_process(environment: tuple[tuple[str, str], ...], payload: bytes) -> bytes:
    """Make a call in a child of this process, which keeps the child for the next one.

    The worker of a cluster has threads that draw from Python's random numbers, as code that builds
    models does, and read the variables that choose devices before anybody could set them.

    Raises:
        RuntimeError: The child has died.
    """
    device = Device("own process", environment)
    with _one_call:
        if not _own:
            # Before multiprocessing waits for its children; a daemon runs nothing of atexit's.
            util.Finalize(None, _close_own, exitpriority=1)
        workers = _own.setdefault(environment, LocalWorkers([device]))
        with _children_allowed():
            workers.start(device.name, payload)
        while not (news := workers.wait(1.0)):
            pass
    outcome = news[0][1]
    if isinstance(outcome, Death):
        raise RuntimeError(outcome.reason)
    return outcome


_own: dict[tuple[tuple[str, str], ...], LocalWorkers] = {}
_one_call = threading.Lock()


def _close_own() -> None:
    for workers in _own.values():
        workers.close()


@contextlib.contextmanager
def _children_allowed() -> Iterator[None]:
    """Let a daemon start processes, which multiprocessing refuses; ours end with their parent."""
    config: dict[str, Any] = current_process()._config  # type: ignore[attr-defined]
    before = config.pop("daemon", None)
    try:
        yield
    finally:
        if before is not None:
            config["daemon"] = before


_launchers: list[tuple[LocalWorkers, PoolLauncher]] = []
_owner = os.getpid()


def local_launcher(devices: Sequence[Device]) -> PoolLauncher:
    """Executors on devices of this machine: those of an earlier call if they are the same and idle.

    They stay, with what they have loaded, until other devices are asked for, the launcher is
    closed or the interpreter ends.
    """
    global _owner
    if _owner != os.getpid():  # A fork of the process whose executors these are.
        _launchers.clear()
        _owner = os.getpid()
    wanted = {device.name: device for device in devices}
    for workers, launcher in _launchers:
        if not launcher.is_running:
            if workers.devices == wanted:
                return launcher
            launcher.close()
    workers = LocalWorkers(devices)
    _launchers.append((workers, PoolLauncher(workers)))
    return _launchers[-1][1]


@atexit.register
def _close() -> None:
    if _owner == os.getpid():
        for _, launcher in _launchers:
            launcher.close()
