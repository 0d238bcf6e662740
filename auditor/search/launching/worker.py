"""What runs in an executor: one task after another, until its launcher closes or is gone.

Sent as code, not by name: to import it by name would import its parent packages, and with them
frameworks, before a worker of a cluster has set their environment. Hence no import of `auditor`.
"""

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle

PARENT_SECONDS = 1.0
"""How often an executor looks whether its parent is alive, where the pipe does not tell."""


def serve(connection: Connection) -> None:
    """Run the tasks that come through a pipe, until an empty one does, or the pipe breaks."""
    if sys.platform != "win32":
        os.setsid()  # Ctrl-C in the terminal is for the launcher, which can end all of this group.
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # also what has come while it was blocked
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, os.getppid(), tasks), daemon=True).start()
    while payload := tasks.get():
        connection.send_bytes(call(payload))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # TensorFlow takes four seconds to take itself apart.


def _receive(connection: Connection, parent: int, tasks: Any) -> None:
    """Take tasks from a pipe. Whatever runs is stopped when the parent is gone."""
    try:
        while True:
            while not connection.poll(PARENT_SECONDS):
                if os.getppid() != parent:
                    raise EOFError
            tasks.put(connection.recv_bytes())
    except (EOFError, OSError):
        if sys.platform != "win32" and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # with the processes that tasks have started
        os._exit(1)


def call(payload: bytes) -> bytes:
    """Make the call that `payload` describes, and pack what it returned or raised."""
    try:
        paths, packed = pickle.loads(payload)
        sys.path += [path for path in paths if path not in sys.path]
        with _quietly():
            function, args = pickle.loads(packed)
        return bytes(cloudpickle.dumps((True, function(*args), "")))
    except BaseException as error:
        return _packed(error, traceback.format_exc())


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep away what frameworks write to the terminal while they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # For what they would write later.
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _packed(error: BaseException, text: str) -> bytes:
    """An exception; only its words where it cannot be sent."""
    try:
        packed = bytes(cloudpickle.dumps((False, error, text)))
        pickle.loads(packed)
    except Exception:
        words = text.strip().splitlines()[-1]
        packed = pickle.dumps((False, RuntimeError(words), text))
    return packed
