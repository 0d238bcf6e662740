"""The report of a search that goes on: written anew while it runs, and what such a page says."""

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from auditor.files import write_whole

if TYPE_CHECKING:
    from auditor.auditing import Audit

INTERVAL = 10.0
"""Seconds between two pages, at the least."""

COSTS = 50
"""Between two pages passes so many times what one costs: 2 % of the search at most."""

NOT_YET = ("AUD012",)
"""Rules that ask about the whole of a search: that it goes on is no finding."""

MOST_LETTERS = 300
"""Of the message of an error that ended a search."""

LOOK = 0.5
"""Seconds between two looks at whether there is something new."""


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass(frozen=True)
class Live:
    """Where a sweep stood when its page was written: `render_html(audit, live=Live(31, 72, 30))`.

    Attributes:
        done: Trials that had ended.
        total: Trials that there will be; None where that is not known.
        seconds: After which the page shall load itself again; None where nobody will write another
            one, because the sweep was interrupted or an error ended it.
        running: Trials that were training.
        written: When.
        error: What ended it, with its message; None where it goes on or was interrupted.
    """

    done: int
    total: int | None
    seconds: float | None
    running: int = 0
    written: datetime = field(default_factory=_now)
    error: str | None = None


class Standing(Protocol):
    """Where a search stands; see `auditor.search.Progress`."""

    @property
    def done(self) -> int:
        """Trials that have ended."""

    @property
    def total(self) -> int | None:
        """Trials that there will be; None where that is not known."""

    @property
    def running(self) -> int:
        """Trials that are training."""

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""


class LiveReport:
    """Writes the report of a search, whole each time, while the search goes on.

    A page that cannot be written never ends the search: a warning says so once, and the next one
    is tried in its time.

    Example:
        >>> live = LiveReport("live.html", tuner.audit, tuner.progress)  # doctest: +SKIP
        >>> with live.watch():  # doctest: +SKIP
        ...     tuner.search(x, y, validation_split=0.2)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        audit: Callable[[], "Audit"],
        ask: Callable[[], Standing],
        interval: float = INTERVAL,
    ) -> None:
        """Write to `path`.

        Args:
            path: Where the page goes.
            audit: Makes the audit of what has ended so far; called from a thread.
            ask: Where the search stands; called from a thread.
            interval: Seconds between two pages, at the least.
        """
        self._path = Path(path)
        self._audit = audit
        self._ask = ask
        self._interval = interval
        self._pause = interval
        self._warned = False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Write pages while a block searches; if it ends before its time, one that says why."""
        over = threading.Event()
        writer = threading.Thread(target=self._follow, args=(over,), daemon=True)
        writer.start()
        try:
            yield
        except BaseException as error:
            over.set()
            writer.join()
            now = self._ask()
            if now.done or now.epochs:
                what = _told(error) if isinstance(error, Exception) else None
                self._write(Live(now.done, now.total, None, error=what))
            raise
        over.set()
        writer.join()

    def finish(self) -> None:
        """Write the page of the whole search, which is no longer live."""
        self._write(None)

    def _follow(self, over: threading.Event) -> None:
        """Write a page whenever there is something new, and it is time."""
        due, written = time.monotonic(), (0, 0)
        while not over.wait(min(LOOK, self._interval)):
            now = self._ask()
            news = now.done, now.epochs
            if news == written or time.monotonic() < due:
                continue
            self._write(Live(now.done, now.total, self._pause, now.running))
            due, written = time.monotonic() + self._pause, news

    def _write(self, live: Live | None) -> None:
        try:
            # Not part of the cost: only the first page waits for it.
            from auditor.report.html import render_html

            begun = time.thread_time()
            audit = self._audit()
            if live is not None:
                audit = _without(NOT_YET, audit)
            write_whole(self._path, render_html(audit, live=live))
            self._pause = max(self._interval, COSTS * (time.thread_time() - begun))
        except Exception as error:  # Whatever it is, the search is worth more.
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"the live report {self._path} could not be written: "
                    f"{error or type(error).__name__}; the search goes on, and the report is tried "
                    "again",
                    stacklevel=2,
                )


def _told(error: Exception) -> str:
    """An error as one line; that of another process may bring its whole traceback along."""
    first = next(iter(str(error).strip().splitlines()), "")
    line = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return line if len(line) <= MOST_LETTERS else f"{line[: MOST_LETTERS - 1]}…"


def _without(codes: tuple[str, ...], audit: "Audit") -> "Audit":
    """The audit as if some rules had not been asked."""
    ended = tuple(
        replace(check, status="not applicable", reason="the search goes on", findings=0)
        if check.code in codes
        else check
        for check in audit.checks
    )
    left = tuple(finding for finding in audit.findings if finding.code not in codes)
    return replace(audit, findings=left, checks=ended)
