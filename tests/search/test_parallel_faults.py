"""What becomes of a search on executors when the disk fails, or somebody ends it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from auditor import GridSearch
from auditor.errors import DirectoryError
from auditor.search import store
from tests.search.helpers import build_tiny, fit_arguments, statuses, stored
from tests.search.launching.watching import ends

Make = Callable[..., Any]
slow = pytest.mark.slow
ROOT = Path(__file__).parents[2]


class Breaks(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes the directory unusable, once, from within an executor."""

    def __init__(self, sweep: Path, how: str) -> None:
        super().__init__()
        self.sweep, self.how = str(sweep), how

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.how and epoch == 1:
            BREAK[self.how](Path(self.sweep))


def lose(sweep: Path) -> None:
    """As a mount that is lost."""
    if sweep.exists():
        sweep.rename(sweep.with_name("elsewhere"))


def fill(sweep: Path) -> None:
    """Executors cannot make their folders any more, though they run as root."""
    for name in (store.STACKS_FOLDER, store.WORK_FOLDER):
        shutil.rmtree(sweep / name, ignore_errors=True)
        (sweep / name).touch()


BREAK = {"lost": lose, "unwritable": fill}


@pytest.mark.parametrize(
    ("how", "lane"),
    [
        pytest.param("unwritable", "fit", marks=slow),
        ("lost", "stacked"),
        pytest.param("unwritable", "stacked", marks=slow),
        pytest.param("lost", "fit", marks=slow),
    ],
)
def test_a_directory_that_fails_is_one_error_and_the_search_goes_on_later(
    make: Make, path: Path, how: str, lane: str
) -> None:
    tuner = make(GridSearch, build_tiny, n_jobs=2, lane=lane)
    with pytest.raises(DirectoryError, match=r"cannot write to .*call search"):
        tuner.search(**fit_arguments(epochs=4, callbacks=[Breaks(path, how)]))
    assert not [s for s in stored(path).values() if s["status"] in ("FAILED", "INVALID")]
    if how == "lost":
        assert not list(path.glob("*/*"))  # KerasTuner has made it anew.
        shutil.rmtree(path)
        path.with_name("elsewhere").rename(path)
    else:
        for name in (store.STACKS_FOLDER, store.WORK_FOLDER):
            (path / name).unlink(missing_ok=True)
    again = make(GridSearch, build_tiny, n_jobs=2, lane=lane)
    again.search(**fit_arguments(epochs=4))
    assert statuses(again) == ["COMPLETED"] * 4


class Trains(keras.callbacks.Callback):  # type: ignore[misc]
    """Says where it trains, and takes its time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = str(folder)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        Path(self.folder, str(os.getpid())).touch()
        time.sleep(0.1)


SCRIPT = """
import sys
from pathlib import Path
from auditor import GridSearch
from tests.search.helpers import build_tiny, fit_arguments
from tests.search.test_parallel_faults import Trains

_, folder, lane, epochs = sys.argv
tuner = GridSearch(build_tiny, "val_loss", directory=folder, project_name="sweep", seed=1,
                   n_jobs=2, lane=lane, keep_weights=0)
slow = [Trains(Path(folder, "executors"))]
tuner.search(**fit_arguments(epochs=int(epochs), callbacks=slow))
"""


def start(folder: Path, lane: str, epochs: int) -> subprocess.Popen[str]:
    """A user's script, as a terminal would start it: in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), lane, str(epochs)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def children(process: int) -> list[int]:
    """All processes that a process has started, and those that they have."""
    words = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [pid for word in words for pid in (int(word), *children(int(word)))]


@slow
@pytest.mark.parametrize(("number", "lane"), [(signal.SIGINT, "stacked"), (signal.SIGTERM, "fit")])
def test_who_ends_a_search_leaves_nothing_running_and_can_go_on(
    make: Make, path: Path, tmp_path: Path, number: signal.Signals, lane: str
) -> None:
    (executors := tmp_path / "executors").mkdir()
    with start(tmp_path, lane, epochs=30) as process:
        while len(list(executors.iterdir())) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        started = children(process.pid)
        assert {int(file.name) for file in executors.iterdir()} <= set(started)
        # Ctrl-C goes to all of the group, SIGTERM to who leads the search.
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -number
    assert errors.count("Traceback") == (number == signal.SIGINT), errors
    assert all(ends(pid) for pid in started)
    with start(tmp_path, lane, epochs=30) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert [s["status"] for s in stored(path).values()] == ["COMPLETED"] * 4
