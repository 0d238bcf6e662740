"""How a group is trained, from its structure and the machine."""

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
