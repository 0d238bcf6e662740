"""What executors are asked to do. Imports nothing of the package, which would load Keras there."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def identity(value: Any) -> Any:
    return value


def pid(*_: Any) -> int:
    return os.getpid()


def environment(*names: str) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def frameworks() -> set[str]:
    return {"keras", "tensorflow", "jax"} & set(sys.modules)


def wait_for(path: Path, value: Any = None) -> Any:
    """Return only when a file is there."""
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} has not come"
        time.sleep(0.01)
    return value


def leave_pid_and_sleep(path: Path, pid: int | None = None) -> None:
    path.with_suffix(".part").write_text(str(pid or os.getpid()))
    path.with_suffix(".part").rename(path)
    time.sleep(600)


def start_a_child_and_sleep(path: Path) -> None:
    leave_pid_and_sleep(path, subprocess.Popen(["sleep", "600"]).pid)


def die(path: Path | None = None) -> str:
    """Die; but only once where a file says so."""
    if path is not None:
        if path.exists():
            return "alive"
        path.touch()
    os.kill(os.getpid(), 9)
    raise AssertionError


class OwnError(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def fail(error: BaseException) -> None:
    raise error


def fail_oddly() -> None:
    raise OwnError(1, 2)
