"""How a sweep goes, for whoever watches: a view that lives on a terminal, and lines elsewhere."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from auditor.report.safe import printable

if TYPE_CHECKING:
    from auditor.search import Progress, Worker

REDRAWS = 5
"""How often a second the view is drawn again."""

BAR_WIDTH = 24
"""Columns: counts of thousands of trials fit beside it in a terminal of 80."""

MOST_WORKERS = 12
"""Workers that get a line of their own; with the others the view might leave the screen."""

EVERY_TRIAL = 20
"""Trials that get a line each; later ones share one as below."""

LEAST_SECONDS = 10.0
"""Between two lines after that: an hour makes 360, which a log can bear."""

MOST_SECONDS = 60.0
"""Without a line, while trials train that end together: then one says how far they are."""


class View:
    """A few lines on a terminal that are drawn again as the sweep goes on."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._console = console
        self._places: set[str] = set()
        self._share = 0.0

    def __call__(self, now: "Progress") -> None:
        """A trial has ended, which the next drawing shows."""

    @contextmanager
    def watch(self, ask: Callable[[], "Progress"]) -> Iterator[None]:
        """Show what `ask` says while a block runs; it is called from another thread."""
        show = lambda: self.drawing(ask())  # noqa: E731
        with Live(get_renderable=show, console=self._console, refresh_per_second=REDRAWS):
            yield

    def drawing(self, now: "Progress") -> RenderableType:
        """The view of a moment. What has a line keeps it, so that nothing jumps about."""
        # An estimate: a bar that goes back would look broken.
        self._share = max(self._share, now.share or 0.0)
        bar = ProgressBar(1.0, self._share, BAR_WIDTH, pulse=now.total is None)
        # In 16 colours rich's own full bar looks like an empty one.
        bar.style, bar.complete_style, bar.finished_style = "bright_black", "cyan", "green"
        first = Table.grid(padding=(0, 1))
        first.add_row(bar, _counts(now))
        rest = [_line(pace(now)), *map(_line, self._workers(now))]
        return Group(first, *rest)

    def _workers(self, now: "Progress") -> Iterator[str]:
        at_work = {worker.name: worker for worker in now.workers}
        self._places |= set(at_work)
        if len(self._places) < 2:
            return
        names = sorted(self._places, key=lambda name: (len(name), name))  # GPU 2 before GPU 10
        width = max(map(len, names))
        for name in names[:MOST_WORKERS]:
            worker = at_work.get(name)
            yield f"{name:{width}}  {_doing(worker) if worker else 'idle'}"
        if rest := names[MOST_WORKERS:]:
            busy = sum(name in at_work for name in rest)
            yield f"and {len(rest)} more, {busy} of them at work"


class Lines:
    """Plain lines: one for each trial, fewer where they are many, and one at the end."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Write lines by `say`; `clock` tells seconds."""
        self._say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._count = 0
        self._last = clock()
        self._withheld: str | None = None

    def __call__(self, now: "Progress") -> None:
        """A trial has ended."""
        rest = ", ".join(part for part in (_left(now), _best(now)) if part)
        line = f"  {now.done:,}{_of(now)} trial {now.trial_id}: {_score(now)}"
        line += f"; {rest}" if rest else ""
        with self._lock:
            self._count += 1
            if self._count <= EVERY_TRIAL or self._clock() - self._last >= LEAST_SECONDS:
                self._write(line)
            else:
                self._withheld = line

    @contextmanager
    def watch(self, ask: Callable[[], "Progress"]) -> Iterator[None]:
        """Tell how far a sweep is also where no trial ends for long; `ask` knows."""
        over = threading.Event()

        def tell() -> None:
            while not over.wait(MOST_SECONDS / 10):
                self.breathe(ask)

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()
            with self._lock:
                if self._withheld is not None:
                    self._write(self._withheld)

    def breathe(self, ask: Callable[[], "Progress"]) -> None:
        """Say where the sweep stands, if nothing was said for long."""
        with self._lock:
            if self._clock() - self._last >= MOST_SECONDS:
                now = ask()
                self._write(f"  {now.done:,}{_of(now)} trials; {pace(now)}")

    def _write(self, line: str) -> None:
        self._say(line)
        self._last = self._clock()
        self._withheld = None


def pace(now: "Progress") -> str:
    """How fast it goes: "16 training, 1,240 epochs/s, 2 min 05 s left, best 0.1234 (0042)"."""
    training = f"{now.running:,} training" if now.running else ""
    parts = [training, _rate(now.epochs_per_second), _left(now), _best(now)]
    if not now.epochs and now.done == now.earlier:
        parts = ["building and compiling", _best(now)]
    return ", ".join(part for part in parts if part)


def _counts(now: "Progress") -> Text:
    text = Text(f"{now.done:,}{_of(now)} trials", no_wrap=True, overflow="ellipsis")
    if now.failed:
        text.append(f", {now.failed:,} crashed", "red")
    if now.diverged:
        text.append(f", {now.diverged:,} diverged", "yellow")
    return text


def _line(text: str) -> Text:
    return Text(printable(text), no_wrap=True, overflow="ellipsis")


def _doing(worker: "Worker") -> str:
    runs = f": {worker.runs:,} runs" if worker.runs > 1 else ""
    of = f"/{worker.epochs:,}" if worker.epochs else ""
    return f"{worker.doing}{runs}, epoch {worker.epoch:,}{of}"


def _of(now: "Progress") -> str:
    return "" if now.total is None else f"/{now.total:,}"


def _score(now: "Progress") -> str:
    if now.score is None:
        return "crashed"
    return f"score {now.score:.4g}" if math.isfinite(now.score) else "diverged"


def _best(now: "Progress") -> str:
    if now.best_score is None or not math.isfinite(now.best_score):
        return ""
    return f"best {now.best_score:.4g} ({now.best_trial_id})"


def _rate(rate: float | None) -> str:
    if not rate:
        return ""
    if rate < 1:
        return f"{60 * rate:.2g} epochs/min"
    return f"{rate:,.0f} epochs/s" if rate >= 10 else f"{rate:.1f} epochs/s"


def _left(now: "Progress") -> str:
    """How long the rest will take, or all has taken; empty where there is no telling."""
    if now.total is not None and now.done >= now.total:
        return f"{_duration(now.seconds)} in all"
    return "" if now.seconds_left is None else f"{_duration(now.seconds_left)} left"


def _duration(length: float) -> str:
    minutes, seconds = divmod(round(length), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
