"""What a run's result depends on, bit by bit: in float32, shuffled, with dropout."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
import scipy.stats
from keras import layers

from tests.search.stacking.conforming import WAYS, Case, alone, make_engine, make_runs, train

RNG = np.random.default_rng(2)
X = RNG.normal(size=(70, 6)).astype("float32")
Y = (X[:, 0] + RNG.normal(size=70) > 0).astype(int)


def build(rate: float, drop: float) -> Any:
    parts = [layers.Dense(7, "relu"), layers.Dropout(drop), layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((6,)), *parts, layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


CASE = Case(
    build,
    [{"rate": 1e-3 * (1 + i), "drop": 0.05 * (i % 5)} for i in range(18)],
    {"x": X, "y": Y, "validation_split": 0.2, "epochs": 3, "batch_size": 16, "shuffle": True},
)


def trained(order: Sequence[int], way: str, rows: int | None = None) -> dict[int, list[Any]]:
    """Curves and weights of runs, by which they are."""
    engine = make_engine(CASE, make_runs(CASE), way)
    runs = make_runs(CASE, order)
    train(engine, runs, rows)
    return {
        at: [*map(np.array, run.history.history.values()), *run.final_weights]
        for at, run in zip(order, runs, strict=True)
    }


def same(one: dict[int, list[Any]], other: dict[int, list[Any]]) -> list[int]:
    """Which of the runs that both have are the same, bit by bit."""
    common = one.keys() & other.keys()
    return [
        at
        for at in sorted(common)
        if all(np.array_equal(a, b) for a, b in zip(one[at], other[at], strict=True))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stack_trained_again_gives_the_same_bits(way: str) -> None:
    assert same(trained(range(5), way), trained(range(5), way)) == [0, 1, 2, 3, 4]


def test_a_run_has_the_same_bits_wherever_it_stands_in_a_compiled_stack() -> None:
    """Not as a graph, nor in another number of rows: a resumed search keeps both."""
    assert same(trained(range(3), "xla"), trained([2, 0, 1], "xla")) == [0, 1, 2]


@pytest.mark.slow
def test_a_run_that_takes_over_a_row_has_the_bits_of_one_that_began_in_it() -> None:
    assert same(trained(range(4), "xla", rows=2), trained([2, 3, 0, 1], "xla", rows=2)) == [
        0, 1, 2, 3,
    ]  # fmt: skip


@pytest.mark.slow
def test_shuffled_runs_with_dropout_end_as_those_of_fit_do_on_average() -> None:
    """64 seeds in a stack against 32 alone: mean and spread of the last validation loss."""
    fit = {**CASE.arguments({}), "epochs": 6}
    case = Case(build, [{"rate": 0.01, "drop": 0.5}] * 64, fit)
    runs = make_runs(case)
    train(make_engine(case, runs), runs)
    single = [alone(case, 0, 1000 + i)[0] for i in range(32)]
    for name in ("loss", "val_loss"):
        mine = [run.history.history[name][-1] for run in runs]
        other = [history[name][-1] for history in single]
        assert scipy.stats.ttest_ind(mine, other, equal_var=False).pvalue > 0.001
        assert scipy.stats.levene(mine, other).pvalue > 0.001
    # Enough runs to tell: dropout at a quarter of the rate is seen.
    quarter = Case(build, [{"rate": 0.01, "drop": 0.125}] * 64, fit)
    runs = make_runs(quarter)
    train(make_engine(quarter, runs), runs)
    mine = [run.history.history["loss"][-1] for run in runs]
    other = [history["loss"][-1] for history in single]
    assert scipy.stats.ttest_ind(mine, other, equal_var=False).pvalue < 0.001
