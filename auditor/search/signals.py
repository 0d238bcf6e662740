"""SIGTERM ends a search as Ctrl-C does: SLURM, Docker, systemd and Kubernetes send it first."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: whoever runs this process asks it to stop."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` in the main thread while a block runs.

    A handler that somebody has installed stays in force. After the first signal others are ignored
    until the block has ended: what is being finished is not cut short.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # Forked, as workers that load data are: it ends as it would.
            _end()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def ends_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the process, but only after the block has cleaned up behind itself.

    Inside of `sigterm_interrupts`, `Terminated` goes on to whoever wrote that instead.
    """
    try:
        with sigterm_interrupts():
            yield
    except Terminated:
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            sys.stdout.flush()
            sys.stderr.flush()
            _end()
        raise


def _end() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTERM)
