"""Hands tasks to workers as they become free, and tells what happens."""

import os
import pickle
import sys
import time
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cloudpickle

from auditor.errors import SearchError
from auditor.search.launching.tasks import Died, Ended, Event, Raised, Started, Task, Tick

PATIENCE = 60.0
"""Seconds that tasks wait for a worker after the last one of a cluster has gone."""


@dataclass(frozen=True)
class Death:
    """A worker is gone, for a reason."""

    reason: str


class Workers(Protocol):
    """What runs calls: processes of this machine, or a cluster. Each runs one call at a time."""

    def names(self) -> Sequence[str]:
        """The workers there are now."""

    @property
    def on_gpus(self) -> bool:
        """Whether they have GPUs."""

    def start(self, name: str, payload: bytes) -> None:
        """Send a call to an idle worker; one that is gone is replaced first."""

    def wait(self, seconds: float) -> list[tuple[str, bytes | Death]]:
        """Wait until busy workers have answered or died, at most for a time."""

    def stop(self, names: Collection[str]) -> None:
        """End busy workers; they are replaced when they are next needed."""

    def close(self) -> None:
        """End all workers."""


class PoolLauncher:
    """Runs tasks on workers. See `Launcher`."""

    def __init__(self, workers: Workers) -> None:
        """Run on these workers."""
        self._workers = workers
        self.is_running = False

    @property
    def executors(self) -> tuple[str, ...]:
        """Their names for a person."""
        return tuple(self._workers.names())

    @property
    def on_gpus(self) -> bool:
        """Whether executors have GPUs."""
        return self._workers.on_gpus

    def run(self, tasks: Iterable[Task], tick: float = 1.0) -> Generator[Event, None, None]:
        """Run tasks, and yield what happens. See `Launcher.run`."""
        if self.is_running:
            raise SearchError(
                "this launcher is running other tasks; close that run, or make another launcher"
            )
        self.is_running = True
        busy: dict[str, Task] = {}
        try:
            yield from self._run(_Queue(tasks), busy, tick)
        finally:
            self.is_running = False
            if busy:
                self._workers.stop(list(busy))

    def _run(self, queue: "_Queue", busy: dict[str, Task], tick: float) -> Iterator[Event]:
        alone_since: float | None = None
        while True:
            names = self._workers.names()
            for name in names:
                if name not in busy and (task := queue.next()):
                    self._workers.start(name, _payload(task))
                    busy[name] = task
                    yield Started(task, name)
            if names or busy:
                alone_since = None
                if not busy:
                    return
            else:
                alone_since = _still_alone(alone_since)
            news = self._workers.wait(tick)
            if not news:
                yield Tick()
            for name, outcome in news:
                task = busy.pop(name)
                if isinstance(outcome, Death):
                    yield Died(task, name, outcome.reason, queue.again(task))
                else:
                    yield _event(task, name, outcome)

    def close(self) -> None:
        """End the executors."""
        self._workers.close()


class _Queue:
    """Tasks that wait: those of a list by size, others drawn only when they can start."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        if isinstance(tasks, Sequence):
            tasks = sorted(tasks, key=lambda task: -task.size)
        self._tasks = iter(tasks)
        self._again: deque[Task] = deque()
        self._tried: set[str] = set()

    def next(self) -> Task | None:
        """The task to start next; None when there is none left."""
        if self._again:
            return self._again.popleft()
        task = next(self._tasks, None)
        if task is None:
            self._tasks = iter(())  # A generator that waits for results ends once.
        return task

    def again(self, task: Task) -> bool:
        """Whether a task whose worker has died waits once more; the second time it does not."""
        if task.name in self._tried:
            return False
        self._tried.add(task.name)
        self._again.append(task)
        return True


def _payload(task: Task) -> bytes:
    """The call, with where this process finds its modules."""
    try:
        packed = cloudpickle.dumps((task.function, task.args))
    except Exception as error:
        raise SearchError(
            f"task {task.name!r} cannot be sent to another process: {error}; a task takes small "
            "arguments that can be pickled"
        ) from error
    return pickle.dumps(([os.path.abspath(path) for path in sys.path], packed))


def _event(task: Task, name: str, outcome: bytes) -> Event:
    try:
        returned, value, text = pickle.loads(outcome)
    except Exception as error:
        raised = SearchError(f"what {name} has sent back cannot be read here: {error}")
        raised.__cause__ = error
        return Raised(task, name, raised)
    return Ended(task, name, value) if returned else Raised(task, name, value, text)


def _still_alone(since: float | None) -> float:
    """Since when there has been no worker."""
    now = time.monotonic()
    if since is not None and now - since > PATIENCE:
        raise SearchError(
            f"the cluster has had no worker for {PATIENCE:.0f} s; start workers, and search again: "
            "what was trained is kept"
        )
    return now if since is None else since
