"""What is run, and what happens to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Task:
    """A function call that an executor makes.

    Attributes:
        name: For a person; no other task of the run has it.
        function: What is called, importable where the executor is, or made in the user's script.
        args: Its arguments: small, and of kinds that cloudpickle can send.
        size: How much work it is, in any unit: larger tasks start first.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    size: float = 0.0


@dataclass(frozen=True)
class Started:
    """An executor was given a task."""

    task: Task
    executor: str


@dataclass(frozen=True)
class Ended:
    """A task has returned `value`."""

    task: Task
    executor: str
    value: Any


@dataclass(frozen=True)
class Raised:
    """A task has raised `error`; `traceback` is the text that Python prints for it over there."""

    task: Task
    executor: str
    error: BaseException
    traceback: str = ""


@dataclass(frozen=True)
class Died:
    """The executor of a task is gone, for `reason`; `again` says if the task is tried once more."""

    task: Task
    executor: str
    reason: str
    again: bool


@dataclass(frozen=True)
class Tick:
    """Nothing has happened for a while: the time to look at files that the tasks write."""


Event = Started | Ended | Raised | Died | Tick
