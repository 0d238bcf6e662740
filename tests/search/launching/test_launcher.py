"""Which executors there are, by `n_jobs` and joblib's configuration."""

import sys
from typing import Any

import joblib
import pytest

from auditor.search.launching import launcher as module
from auditor.search.launching.launcher import launcher, leaves_gpus_alone


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("loky.cpu_count", lambda: 3)


def executors(n_jobs: int | None, **more: Any) -> int:
    """How many executors there are; 0 for none but this process."""
    found = launcher(n_jobs, **more)
    return len(found.executors) if found else 0


@pytest.mark.parametrize(
    ("n_jobs", "expected"), [(None, 0), (1, 0), (2, 2), (5, 5), (-1, 3), (-2, 2), (-3, 0)]
)
def test_there_is_one_executor_per_core(n_jobs: int | None, expected: int) -> None:
    assert executors(n_jobs) == expected


@pytest.mark.parametrize(
    ("n_jobs", "per_gpu", "expected"), [(None, 1, 0), (1, 1, 1), (-1, 1, 2), (-1, 3, 6), (4, 2, 4)]
)
def test_there_is_one_executor_per_gpu(
    monkeypatch: pytest.MonkeyPatch, n_jobs: int | None, per_gpu: int, expected: int
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert executors(n_jobs, workers_per_gpu=per_gpu) == expected


@pytest.mark.parametrize(
    ("gpus", "config", "n_jobs", "expected"),
    [
        ("0,1", {}, None, False),
        ("0,1", {}, 1, True),
        ("", {}, 2, False),
        ("0,1", {"n_jobs": 2}, None, True),
        ("0,1", {"backend": "sequential"}, 2, False),
        ("", {"backend": "ray"}, None, True),
    ],
)
def test_executors_want_the_gpus(
    monkeypatch: pytest.MonkeyPatch,
    gpus: str,
    config: dict[str, Any],
    n_jobs: int | None,
    expected: bool,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    if config.get("backend") == "ray":
        pytest.importorskip("ray")
    with joblib.parallel_config(**config):
        assert leaves_gpus_alone(n_jobs) == expected


@pytest.mark.parametrize(
    ("config", "n_jobs", "expected"),
    [
        ({"n_jobs": 2}, None, 2),
        ({"n_jobs": -1}, None, 3),
        ({"n_jobs": 2}, 3, 3),
        ({"n_jobs": 2}, 1, 0),
        ({"backend": "loky"}, None, 0),
        ({"backend": "loky", "n_jobs": 2}, None, 2),
        ({"backend": "threading", "n_jobs": 2}, None, 2),
        ({"backend": "sequential", "n_jobs": 2}, 2, 0),
    ],
)
def test_joblibs_configuration_counts_where_the_call_says_nothing(
    config: dict[str, Any], n_jobs: int | None, expected: int
) -> None:
    with joblib.parallel_config(**config):
        assert executors(n_jobs) == expected


@pytest.mark.parametrize("value", [0, True, 1.0, "2"])
def test_what_is_no_number_of_jobs_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=f"n_jobs={value!r} is not accepted"):
        launcher(value)


@pytest.mark.parametrize("value", [0, -1, True, None])
def test_what_is_no_number_of_workers_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=f"workers_per_gpu={value!r} is not accepted"):
        launcher(2, workers_per_gpu=value)


def test_rays_backend_needs_no_registration() -> None:
    pytest.importorskip("ray")
    with joblib.parallel_config("ray", ray_remote_args={"num_cpus": 1}):
        backend, _ = joblib.parallel.get_active_backend()
    assert type(backend).__name__ == "RayBackend"


def test_what_is_missing_for_ray_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(joblib.parallel.BACKENDS, "ray", module._ray_backend)
    monkeypatch.setitem(sys.modules, "ray.util.joblib.ray_backend", None)
    with (
        pytest.raises(ImportError, match=r"pip install 'sweep-auditor\[ray\]'"),
        joblib.parallel_config("ray"),
    ):
        pass


def test_other_backends_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class SparkBackend:
        pass

    monkeypatch.setattr(module, "get_active_backend", lambda: (SparkBackend(), 2))
    with pytest.raises(module.SearchError, match="SparkBackend in force; a search runs on 'loky'"):
        launcher(None)
