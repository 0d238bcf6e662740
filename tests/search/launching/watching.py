"""What came of tasks, and of processes."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auditor.search.launching.tasks import Ended, Event, Started, Task


def tasks_of(function: Any, *arguments: Any) -> list[Task]:
    """A task per argument."""
    return [Task(str(number), function, (value,)) for number, value in enumerate(arguments)]


def values(events: Iterable[Event]) -> dict[str, Any]:
    return {event.task.name: event.value for event in events if isinstance(event, Ended)}


def started(events: Iterable[Event]) -> list[str]:
    return [event.task.name for event in events if isinstance(event, Started)]


def is_alive(process: int) -> bool:
    """Whether a process runs: a zombie does not, once all of its threads have gone."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(list(Path(f"/proc/{process}/task").iterdir())) > 1
    except OSError:
        return False


def ends(process: int, seconds: float = 20) -> bool:
    """Whether a process ends in time."""
    until = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
