"""Stacks that several devices share; run by `test_jax.py`, in a process that has four."""

from typing import Any

import jax
import keras
import numpy as np
import pytest
from keras import layers

from auditor.search.stacking import sizing
from auditor.search.stacking.backends import jax as backend
from tests.search.stacking.conforming import Case, floats, make_engine, make_runs, train

RNG = np.random.default_rng(5)
X = RNG.normal(size=(30, 6))
Y = (X[:, 0] + RNG.normal(size=30) > 0).astype(int)
FIRST, SECOND = np.arange(0, 20, dtype=np.int32), np.arange(10, 30, dtype=np.int32)


def build(rate: float, drop: float, activation: str) -> Any:
    parts = [layers.Dense(4, activation, kernel_regularizer="l2"), layers.Dropout(drop)]
    parts += [layers.BatchNormalization(), layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((6,)), *parts])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["mae"])
    return model


def case(runs: int) -> Case:
    activations = ["relu", "elu"]
    hypers = [
        {"rate": 2.0**-7 * (1 + i), "drop": 0.125 * (i % 3), "activation": activations[i % 2]}
        for i in range(runs)
    ]
    fit = {"x": X, "y": Y, "validation_data": (X, Y), "epochs": 2, "batch_size": 8, "shuffle": True}
    return Case(build, hypers, fit)


def trained(runs: int, rows: int, own_rows: bool = False) -> list[Any]:
    """The curves and weights of each run."""
    given = make_runs(case(runs))
    if own_rows:
        for at, run in enumerate(given):
            run.train_rows, run.validation_rows = [(FIRST, SECOND), (SECOND, FIRST)][at % 2]
    with floats("float64"):
        engine = make_engine(case(runs), given, own_rows=own_rows, clean_rows=np.arange)
        train(engine, given, rows)
    return [[*map(np.array, run.history.history.values()), *run.final_weights] for run in given]


@pytest.fixture(autouse=True)
def four_devices() -> None:
    assert len(jax.devices()) == sizing.sharing() == 4


@pytest.mark.parametrize(
    ("runs", "rows", "own_rows"),
    [(8, 8, False), (6, 6, False), (6, 4, False), (5, 8, True)],
    ids=["even", "uneven", "more runs than rows", "more rows than runs, and folds"],
)
def test_runs_on_several_devices_are_those_of_one(
    runs: int, rows: int, own_rows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with floats("float64"):
        shared = trained(runs, rows, own_rows)
        monkeypatch.setattr(backend, "devices", lambda: jax.devices()[:1])
        alone = trained(runs, rows, own_rows)
    for one, other in zip(shared, alone, strict=True):
        for mine, its in zip(one, other, strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("runs", "on_each"), [(8, 2), (6, 6)])
def test_each_device_has_its_share_of_the_runs_and_all_data(runs: int, on_each: int) -> None:
    given = make_runs(case(runs))
    engine = make_engine(case(runs), given)
    start = engine.program.start(given[0].weights, given[0].learning_rate)
    put = engine.backend.to_device
    state = type(start)(
        *[
            [put(np.stack([v] * runs)) for v in part]
            for part in (start.weights, start.others, start.optimizer)
        ]
    )
    lifted = [put(np.zeros(runs, "float32")) for _ in engine.program.lifting.choices]
    order = np.tile(np.arange(len(X), dtype=np.int32), (runs, 1))
    keys, guards = np.zeros((runs, 2), np.uint32), np.zeros(runs, bool)
    after, _ = engine.train(state, lifted, keys, guards, order)
    for array in [*after.weights, *after.others, *after.optimizer]:
        assert [len(shard.data) for shard in array.addressable_shards] == [on_each] * 4
    assert [len(shard.data) for shard in engine._data[0].addressable_shards] == [len(X)] * 4


def test_rows_are_counted_for_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sizing.stacks_at_once("cpu") == 1
    assert [sizing.even_rows(rows) for rows in (1, 4, 5)] == [4, 4, 8]
    model = keras.Sequential([keras.Input((10,)), layers.Dense(8)])
    assert sizing.most_rows(model, 32, "cpu") == 4 * sizing.MOST_ROWS["cpu"]
    per_run = sizing._bytes_per_run(model, 32)
    monkeypatch.setattr(sizing, "_free_memory", lambda: 11 * per_run / sizing.MEMORY_SHARE)
    assert sizing.most_rows(model, 32, "cpu") == 8


def test_a_device_that_was_chosen_trains_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with jax.default_device(jax.devices()[1]):
        assert sizing.sharing() == 1
    kinds = [type("Device", (), {"device_kind": kind})() for kind in ("new", "new", "old")]
    monkeypatch.setattr(jax, "local_devices", lambda: kinds)
    assert backend.devices() == kinds[:2]
