"""Tasks on real clusters of two workers: a local one of Dask, a local instance of Ray."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

from auditor.errors import SearchError
from auditor.search.launching.launcher import launcher
from auditor.search.launching.tasks import Died, Ended, Raised, Started, Task
from tests.search.clusters import dask_workers, local_ray
from tests.search.launching import calls
from tests.search.launching.watching import ends, started, tasks_of, values

GPUS = "CUDA_VISIBLE_DEVICES"


@pytest.fixture(scope="module")
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(GPUS, "0,1")  # Nothing here loads what would look for them.
        yield patch


@pytest.fixture(scope="module")
def dask_cluster(environment: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    with dask_workers(resources={"GPU": 1}):
        yield {"backend": "dask", "resources": {"GPU": 1}}


@pytest.fixture(scope="module")
def ray_cluster(environment: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    with local_ray(num_gpus=2):
        yield {"backend": "ray", "ray_remote_args": {"num_gpus": 1}}


@pytest.fixture(params=["dask", "ray"])
def config(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The cluster is what joblib is configured to use."""
    config = request.getfixturevalue(f"{request.param}_cluster")
    with joblib.parallel_config(**config):
        yield config


def found() -> Any:
    chosen = launcher(None)
    assert chosen is not None
    return chosen


def test_results_stream_the_largest_task_first(config: Any, tmp_path: Path) -> None:
    chosen = found()
    assert len(chosen.executors) == 2
    tasks = [Task(name, calls.identity, (name,), size) for name, size in (("b", 1), ("a", 2))]
    tasks.append(Task("slow", calls.wait_for, (tmp_path / "go", "came"), size=3))
    events = []
    for event in chosen.run(tasks):
        events.append(event)
        if isinstance(event, Ended) and event.task.name == "b":
            (tmp_path / "go").touch()
    assert started(events) == ["slow", "a", "b"]
    assert list(values(events).items()) == [("a", "a"), ("b", "b"), ("slow", "came")]
    assert {event.executor for event in events if isinstance(event, Ended)} == set(chosen.executors)


def test_what_a_task_raises_comes_with_its_traceback(config: Any) -> None:
    events = list(found().run([Task("a", calls.fail, (KeyError("x"),))]))
    assert isinstance(events[-1], Raised)
    assert isinstance(events[-1].error, KeyError)
    assert "in fail\n    raise error" in events[-1].traceback


def test_each_worker_sees_one_gpu_before_any_framework_is_loaded(
    config: Any, tmp_path: Path
) -> None:
    def look(path: Path, name: str) -> Any:
        import time

        (path / name).touch()
        while len(list(path.iterdir())) < 2:  # until both workers have their task
            time.sleep(0.01)
        names = (GPUS, "TF_FORCE_GPU_ALLOW_GROWTH", "OMP_NUM_THREADS", "AUDITOR_CORES")
        return calls.frameworks(), *calls.environment(*names).values()

    seen = values(found().run([Task(name, look, (tmp_path, name)) for name in "ab"])).values()
    assert sorted(value[1] for value in seen) == ["0", "1"]
    assert all((value[0], *value[2:]) == (set(), "true", "1", "1") for value in seen)


def test_executors_stay_warm(config: Any) -> None:
    pids = [values(found().run(tasks_of(calls.pid, 1, 2, 3))).values() for _ in range(3)]
    assert len({pid for search in pids for pid in search}) <= 2


def test_a_request_reaches_each_actor(ray_cluster: dict[str, Any]) -> None:
    def request() -> float:
        import ray

        return float(ray.get_runtime_context().get_assigned_resources()["GPU"])

    with joblib.parallel_config(**ray_cluster):
        assert values(found().run([Task("a", request)])) == {"a": 1}


def test_a_request_reaches_each_task(dask_cluster: dict[str, Any], tmp_path: Path) -> None:
    from distributed import default_client

    with joblib.parallel_config(**dask_cluster):
        events = found().run([Task("a", calls.wait_for, (tmp_path / "go",))])
        assert isinstance(next(events), Started)
    until = time.monotonic() + 60
    while sum(default_client().run(taken_gpus).values()) != 1:
        assert time.monotonic() < until
        time.sleep(0.05)
    (tmp_path / "go").touch()
    assert any(isinstance(event, Ended) for event in events)


def taken_gpus(dask_worker: Any) -> float:
    state = dask_worker.state
    return float(state.total_resources["GPU"] - state.available_resources["GPU"])


@pytest.mark.parametrize("more", [{"resources": {"GPU": 2}}, {"ray_remote_args": {"num_gpus": 3}}])
def test_a_request_that_nobody_can_meet_is_refused(config: Any, more: dict[str, Any]) -> None:
    if set(more) <= set(config):
        with joblib.parallel_config(**config | more), pytest.raises(SearchError, match="GPU"):
            launcher(None)


@pytest.mark.slow
def test_a_task_whose_worker_dies_is_tried_once_more(config: Any, tmp_path: Path) -> None:
    tasks = [
        Task("slow", calls.wait_for, (tmp_path / "died", "came"), size=3),
        Task("once", calls.die, (tmp_path / "died",), size=2),
        Task("always", calls.die, size=1),
        Task("fine", calls.identity, (1,)),
    ]
    events = list(found().run(tasks))
    assert values(events) == {"slow": "came", "once": "alive", "fine": 1}
    died = [event for event in events if isinstance(event, Died)]
    assert sorted((event.task.name, event.again) for event in died) == [
        ("always", False),
        ("always", True),
        ("once", True),
    ]
    assert all(event.reason for event in died)


@pytest.mark.slow
def test_what_runs_is_stopped_when_nobody_listens_any_more(config: Any, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    run = found().run(tasks_of(calls.leave_pid_and_sleep, file), tick=0.05)
    for _ in run:
        if file.exists():
            break
    run.close()
    assert ends(int(file.read_text()))
    assert values(found().run(tasks_of(calls.identity, 1))) == {"0": 1}
