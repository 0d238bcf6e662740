"""How a group is trained, from its structure and the machine."""

import os
from pathlib import Path
from typing import Any

import keras
import pytest

from auditor.search.stacking import sizing

layers = keras.layers


def net(*given: Any, shape: tuple[int, ...] = (10,)) -> Any:
    return keras.Sequential([keras.Input(shape), *given])


def dense(units: int = 8) -> Any:
    return net(layers.Dense(units))


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores, 1 GB."""
    monkeypatch.setattr(sizing, "cores", lambda: 2)
    monkeypatch.setattr(sizing, "_free_memory", lambda: 10**9)
    monkeypatch.setattr(sizing, "_device_memory", lambda: 10**9)


def test_each_core_has_a_stack_and_a_device_has_one() -> None:
    assert (sizing.stacks_at_once("cpu"), sizing.stacks_at_once("gpu")) == (2, 1)


def test_this_machine_has_cores_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert sizing.cores() >= 1
    assert sizing._free_memory() > 10**6
    assert sizing.device() in ("cpu", "gpu")


def container(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    return path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "390000 100000\n"}, 3),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "9900000 100000\n"}, 8),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
    ],
)
def test_a_container_may_have_fewer_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert sizing.cores(container(tmp_path, files)) == expected


@pytest.mark.parametrize(("share", "expected"), [("3", 3), ("99", 8), ("0", 1), ("", 8), ("x", 8)])
def test_an_executor_has_a_share_of_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: str, expected: int
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setenv("AUDITOR_CORES", share)
    assert sizing.cores(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4096000),
        ({"memory.max": "max\n", "memory.current": "5000\n"}, 4096000),
        ({"memory.max": "9000\n", "memory.current": "5000\n"}, 4000),
        ({"memory.max": "9000\n", "memory.current": "9500\n"}, 0),
        (
            {
                "memory.max": "9000\n",
                "memory.current": "5000\n",
                "memory.stat": "anon 7\ninactive_file 300\n",
            },
            4300,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "9000\n",
                "memory/memory.usage_in_bytes": "2000\n",
                "memory/memory.stat": "cache 7\ntotal_inactive_file 10\n",
            },
            7010,
        ),
    ],
)
def test_a_container_may_have_less_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    monkeypatch.undo()
    sizes = {"SC_AVPHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert sizing._free_memory(container(tmp_path, files)) == expected


def test_larger_numbers_take_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = dense()
    size = sizing._bytes_per_run(model, 32)
    monkeypatch.setattr(keras.config, "floatx", lambda: "float64")
    assert sizing._bytes_per_run(model, 32) == 2 * size


@pytest.mark.skipif(keras.config.backend() == "jax", reason="JAX compiles everything")
@pytest.mark.parametrize(
    ("model", "cpu", "gpu"),
    [
        (dense, True, True),
        (lambda: net(layers.Conv1D(2, 2), shape=(4, 1)), False, True),
        (lambda: net(layers.DepthwiseConv2D(2), shape=(4, 4, 1)), False, True),
        (lambda: net(net(layers.Conv1D(2, 2), shape=(4, 1)), shape=(4, 1)), False, True),
        (lambda: net(layers.LSTM(2), shape=(4, 1)), False, False),
        (lambda: net(layers.Bidirectional(layers.GRU(2)), shape=(4, 1)), False, False),
    ],
)
def test_xla_compiles_what_it_is_good_at(model: Any, cpu: bool, gpu: bool) -> None:
    assert [sizing.is_compiled(model(), where) for where in ("cpu", "gpu")] == [cpu, gpu]


@pytest.mark.parametrize("where", ["cpu", "gpu"])
def test_small_models_have_as_many_rows_as_are_useful(where: str) -> None:
    assert sizing.most_rows(dense(), 32, where) == sizing.MOST_ROWS[where]


def test_large_models_share_a_part_of_the_memory() -> None:
    model = dense(10**5)
    model.build()
    numbers = 11 * 10**5
    per_run = 4 * (sizing.COPIES * numbers + 2 * 32 * 10**5)
    share = sizing.MEMORY_SHARE * 10**9
    assert sizing.most_rows(model, 32, "gpu") == share // per_run
    assert sizing.most_rows(model, 32, "cpu") == share / 2 // per_run


def test_larger_batches_leave_memory_for_fewer_rows() -> None:
    found = [sizing.most_rows(dense(2000), size, "gpu") for size in (32, 3200)]
    assert found[0] > 5 * found[1]


def test_at_least_one_row_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing, "_free_memory", lambda: 0)
    assert sizing.most_rows(dense(), 32, "cpu") == 1


def test_layers_of_unknown_output_are_left_out_of_the_estimate() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    model(keras.ops.ones((1, 4)))
    assert sizing._bytes_per_run(model, 32) == 4 * sizing.COPIES * 15
