"""Whole searches on real clusters of two workers: a local one of Dask, a local instance of Ray."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import keras
import pytest

from auditor import GridSearch
from tests.search.clusters import dask_workers, local_ray
from tests.search.helpers import build_tiny, fit_arguments, statuses
from tests.search.test_parallel_search import histories, ranked

Make = Callable[..., Any]
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def dask_cluster() -> Iterator[None]:
    with dask_workers():
        yield


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[None]:
    with local_ray():
        yield


@pytest.fixture
def on(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """What joblib is configured to use."""

    def on(cluster: str) -> Any:
        request.getfixturevalue(f"{cluster}_cluster")
        return joblib.parallel_config(cluster)

    return on


class LastWaits(keras.callbacks.Callback):  # type: ignore[misc]
    """The last run of four ends only once a trial was reported."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = str(folder)

    def on_train_end(self, logs: Any = None) -> None:
        until = time.monotonic() + 60
        if place(Path(self.folder)) == 3:
            while not Path(self.folder, "reported").exists():
                assert time.monotonic() < until, "nothing was reported while a trial trained"
                time.sleep(0.01)


def place(folder: Path) -> int:
    """How many have asked before, in any process."""
    for number in range(100):
        with contextlib.suppress(FileExistsError):
            (folder / str(number)).touch(exist_ok=False)
            return number
    raise AssertionError


@pytest.mark.parametrize(
    ("cluster", "lane"),
    [
        ("dask", "stacked"),
        pytest.param("ray", "stacked", marks=slow),
        pytest.param("dask", "fit", marks=slow),
        pytest.param("ray", "fit", marks=slow),
    ],
)
def test_a_cluster_comes_to_what_one_process_comes_to_and_results_stream(
    make: Make, on: Any, tmp_path: Path, cluster: str, lane: str
) -> None:
    ours = make(GridSearch, build_tiny, project_name="here", lane=lane)
    ours.search(**fit_arguments())
    (folder := tmp_path / "runs").mkdir()
    tell = (folder / "reported").touch
    theirs = make(
        GridSearch, build_tiny, project_name="there", lane=lane, progress=lambda _: tell()
    )
    with on(cluster):
        theirs.search(**fit_arguments(callbacks=[LastWaits(folder)]))
    assert ranked(ours) == ranked(theirs)
    assert histories(tmp_path / "here") == histories(tmp_path / "there")
    assert set(theirs.trials().context.lane.values()) == {lane}


class Deadly(keras.callbacks.Callback):  # type: ignore[misc]
    """Kills, once, the process that trains, or the worker whose child that is."""

    def __init__(self, folder: Path, victim: str) -> None:
        super().__init__()
        self.folder, self.victim = str(folder), victim

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1 and not place(Path(self.folder)):
            os.kill(os.getppid() if self.victim == "parent" else os.getpid(), signal.SIGKILL)


@slow
@pytest.mark.parametrize("lane", ["stacked", "fit"])
@pytest.mark.parametrize(
    ("cluster", "victim"), [("dask", "child"), ("dask", "parent"), ("ray", "actor")]
)
def test_a_worker_that_is_killed_spoils_nothing(
    make: Make, on: Any, tmp_path: Path, cluster: str, victim: str, lane: str
) -> None:
    calm = make(GridSearch, build_tiny, project_name="calm", lane=lane)
    calm.search(**fit_arguments(epochs=4))
    (folder := tmp_path / "kills").mkdir()
    tuner = make(GridSearch, build_tiny, project_name="disturbed", lane=lane)
    with on(cluster):
        tuner.search(**fit_arguments(epochs=4, callbacks=[Deadly(folder, victim)]))
    assert statuses(tuner) == ["COMPLETED"] * 4
    assert ranked(tuner) == ranked(calm)
    assert histories(tmp_path / "disturbed") == histories(tmp_path / "calm")
