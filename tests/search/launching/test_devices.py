"""Which devices there are, and what their executors see."""

import os
from pathlib import Path

import pytest

from auditor.search.launching import devices
from auditor.search.launching.devices import (
    count,
    cpu_environment,
    device_list,
    gpu_environment,
    gpus,
    listed_gpus,
    one_gpu_each,
)

SMI = """GPU 0: NVIDIA H200 (UUID: GPU-5a3e)
GPU 1: NVIDIA H200 (UUID: GPU-77aa)
"""
DIVIDED = """GPU 0: NVIDIA H200 (UUID: GPU-5a3e)
  MIG 3g.71gb     Device  0: (UUID: MIG-1f)
  MIG 3g.71gb     Device  1: (UUID: MIG-2f)
"""


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("0,1,2,3", ("0", "1", "2", "3")),
        (" 2 , 0 ", ("2", "0")),
        ("1,-1,0", ("1",)),
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
        ("GPU-5a3e,MIG-1f", ("GPU-5a3e", "MIG-1f")),
    ],
)
def test_the_user_says_which_gpus_are_visible(visible: str, expected: tuple[str, ...]) -> None:
    assert gpus({"CUDA_VISIBLE_DEVICES": visible}) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [(SMI, ("0", "1")), (DIVIDED, ("MIG-1f", "MIG-2f")), ("", ())]
)
def test_nvidias_tool_lists_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: tuple[str, ...]
) -> None:
    assert listed_gpus(text) == expected
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert gpus({}) == expected


def test_without_the_tool_the_driver_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(devices, "DRIVER", tmp_path)
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert gpus({}) == ("0", "1")
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "none")
    assert gpus({}) == ()


@pytest.mark.parametrize(
    ("n_jobs", "available", "expected"), [(3, 8, 3), (-1, 8, 8), (-2, 8, 7), (-9, 8, 1), (9, 8, 9)]
)
def test_negative_numbers_count_from_all_as_in_joblib(
    n_jobs: int, available: int, expected: int
) -> None:
    assert count(n_jobs, available) == expected


@pytest.mark.parametrize(
    ("n_jobs", "per_gpu", "expected"),
    [
        (-1, 1, ["GPU 4", "GPU 7"]),
        (1, 1, ["GPU 4"]),
        (9, 1, ["GPU 4", "GPU 7"]),
        (3, 2, ["GPU 4 worker 1", "GPU 7 worker 1", "GPU 4 worker 2"]),
    ],
)
def test_gpus_are_filled_one_after_another(n_jobs: int, per_gpu: int, expected: list[str]) -> None:
    found = device_list(n_jobs, per_gpu, ("4", "7"), cores=8)
    assert [device.name for device in found] == expected
    assert [dict(device.environment)["CUDA_VISIBLE_DEVICES"] for device in found] == [
        name.split()[1] for name in expected
    ]


def test_cores_are_shared_by_the_executors() -> None:
    found = device_list(3, cores=8)
    assert [device.name for device in found] == [f"CPU worker {number}" for number in (1, 2, 3)]
    environment = dict(found[0].environment)
    assert {environment[name] for name in (*devices.THREADS, "AUDITOR_CORES")} == {"2"}
    assert "CUDA_VISIBLE_DEVICES" not in environment
    assert dict(device_list(9, cores=2)[0].environment)["AUDITOR_CORES"] == "1"


def test_an_executor_shares_what_it_has_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_CORES", "1")
    assert len(device_list(-1)) == 1


def test_what_the_user_has_set_stays() -> None:
    user = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "64", "XLA_FLAGS": "--xla_dump_to=x"}
    environment = cpu_environment(1, user)
    assert environment["XLA_FLAGS"] == "--xla_dump_to=x --xla_cpu_multi_thread_eigen=false"
    assert "XLA_FLAGS" not in cpu_environment(1, environment)  # it has been said
    environment = cpu_environment(4, user)
    assert (environment["OMP_NUM_THREADS"], environment["MKL_NUM_THREADS"]) == ("1", "4")
    assert "XLA_FLAGS" not in environment
    user = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.2"}
    assert gpu_environment(1, user)["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.2"


def test_executors_of_one_gpu_share_its_memory() -> None:
    environment = gpu_environment(3, {})
    assert environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.300"
    assert environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_executors_have_the_backend_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert ("KERAS_BACKEND", "jax") in device_list(1)[0].environment


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (["012", "012", "012"], ["0", "1", "2"]),
        (["012", "120", "201"], ["0", "1", "2"]),
        (["01", "01", "01"], ["0", "1", "0"]),
        (["0", "1", ""], ["0", "1", None]),
    ],
)
def test_workers_of_a_cluster_take_a_gpu_each(
    visible: list[str], expected: list[str | None]
) -> None:
    assert one_gpu_each(visible) == expected
