"""Which way to train a group is taken, by the times that the ways take."""

import threading
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from auditor.search.stacking import choosing, engine
from auditor.search.stacking.choosing import (
    FASTER,
    FEW_STEPS,
    FEWEST_ROWS,
    ONE_CORE,
    WORTH_COMPARING,
    WORTH_TRYING,
    choose,
    time_stack,
)
from auditor.search.stacking.program import State
from auditor.search.structure import NotShareable

BATCH = 8


def group(length: int = 64, train_rows: Any = None, steps: int = 1) -> Any:
    call = SimpleNamespace(train=range(length), batch_size=BATCH)
    run = SimpleNamespace(
        examine=None,
        call=call,
        weights=[np.zeros(2)],
        learning_rate=0.1,
        held={},
        train_rows=train_rows,
    )
    model = keras.Sequential([keras.Input((2,))])
    return SimpleNamespace(runs={"": run}, any_run=run, steps=steps, model=model)


class Engine:
    """Takes a second of its own clock for each batch; fails in the call named."""

    backend = SimpleNamespace(to_device=np.asarray)
    program = SimpleNamespace(
        start=lambda weights, rate: State([np.zeros(2)], [], []),
        lifting=SimpleNamespace(values=lambda held: []),
    )
    call = SimpleNamespace(batch_size=BATCH)
    timed_steps = engine.Engine.timed_steps

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails_in: int = -1, at_once: int = 1):
        self.calls, self.fails_in, self.now = 0, fails_in, 0.0
        self.lock, self.meeting = threading.Lock(), threading.Barrier(at_once)
        monkeypatch.setattr(choosing, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def train(self, state: Any, lifted: Any, keys: Any, guards: Any, order: Any, most: int) -> Any:
        full, rest = divmod(order.shape[1], BATCH)
        with self.lock:
            self.calls += 1
            at = self.calls
            self.now += min(most, full) + bool(rest)
        if at > 1:  # The first one compiles.
            self.meeting.wait(timeout=20)
        if at == self.fails_in:
            raise MemoryError("of a device")


@pytest.mark.parametrize(
    ("length", "train_rows"),
    [
        (FEW_STEPS * BATCH * 2, None),
        (FEW_STEPS * BATCH * 2 + 1, None),
        (BATCH - 1, None),
        (BATCH + 1, None),
        (900, np.arange(BATCH)),
    ],
)
def test_each_batch_that_runs_counts_as_a_step(
    monkeypatch: pytest.MonkeyPatch, length: int, train_rows: Any
) -> None:
    engine: Any = Engine(monkeypatch)
    assert time_stack(engine, group(length, train_rows), rows=2, at_once=1) == 1 / 2


def test_so_many_stacks_are_timed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = Engine(monkeypatch, at_once=4)
    assert time_stack(engine, group(), rows=1, at_once=4) == 1
    assert engine.calls == 1 + 4


@pytest.mark.parametrize("call", [1, 2, 4])
def test_what_any_of_the_stacks_raises_is_raised(
    monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    engine: Any = Engine(monkeypatch, call, at_once=3)
    with pytest.raises(MemoryError, match="of a device"):
        time_stack(engine, group(), rows=1, at_once=3)


def chosen(
    monkeypatch: pytest.MonkeyPatch, times: dict[int, float], alone: float = 99.0, at_once: int = 2
) -> tuple[Any, list[int]]:
    """What is chosen where so many stacks at once take so long, and how many were timed."""
    timed: list[int] = []

    def seconds(engine: Any, found: Any, rows: int, at_once: int) -> float:
        timed.append(at_once)
        return times[at_once]

    monkeypatch.setattr(choosing, "time_stack", seconds)
    monkeypatch.setattr(choosing, "time_fit", lambda found: alone)
    engine: Any = object()
    choice = choose(group(), 4, at_once, lambda compiled: engine, compiled=True)
    assert choice.engine is engine
    return choice.exclusive, timed


@pytest.mark.parametrize(("share", "exclusive"), [(0.99, True), (1.01, False)])
def test_stacks_that_disturb_one_another_train_one_after_another(
    monkeypatch: pytest.MonkeyPatch, share: float, exclusive: bool
) -> None:
    times = {2: 2 * ONE_CORE, 1: 2 * ONE_CORE * FASTER * share}
    assert chosen(monkeypatch, times) == (exclusive, [2, 1])


def test_small_models_train_at_once_without_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, {2: ONE_CORE / 2, 1: 0.0}) == (False, [2])


def test_a_single_stack_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(monkeypatch, {1: 1.0}, at_once=1) == (False, [1])


def with_fit(monkeypatch: pytest.MonkeyPatch, stacked: float, alone: float, steps: float) -> Any:
    """The choice where a step of a run takes so long in a stack, and in `Model.fit`."""
    monkeypatch.setattr(choosing, "time_stack", lambda *args: stacked)
    monkeypatch.setattr(choosing, "time_fit", lambda found: alone)
    engine: Any = object()
    return choose(group(steps=int(steps)), 1, 1, lambda compiled: engine, compiled=True)


def test_fit_has_to_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    with_fit(monkeypatch, 0.4, 0.5, WORTH_COMPARING / 0.4 + 1)
    with pytest.raises(NotShareable, match="faster"):
        with_fit(monkeypatch, 0.4, 0.3, WORTH_COMPARING / 0.4 + 1)


def test_a_short_training_is_not_compared_with_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    with_fit(monkeypatch, 0.4, 0.3, WORTH_COMPARING / 0.4 - 1)


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        ({64: 1.0, 32: 0.95}, 64),
        ({64: 1.0, 32: 0.5, 16: 0.6}, 32),
        ({64: 1.0, 32: 0.5, 16: 0.2, 8: 0.1, 4: 0.05, 2: 0.01}, FEWEST_ROWS),
    ],
)
def test_stacks_have_as_many_rows_as_is_fastest(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], rows: int
) -> None:
    def time(engine: Any, found: Any, rows: int, at_once: int) -> float:
        return seconds[rows]

    monkeypatch.setattr(choosing, "time_stack", time)
    monkeypatch.setattr(choosing, "_may_be_either", lambda model: False)
    found = group(steps=int(1000 * WORTH_TRYING))
    assert choose(found, 64, 1, lambda compiled: None, True, always=True).rows == rows


def test_a_short_training_is_not_worth_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    monkeypatch.setattr(choosing, "time_stack", lambda e, f, rows, a: tried.append(rows) or 0.1)
    choose(group(), 64, 1, lambda compiled: None, True, always=True)
    assert tried == [64]


def test_a_loop_over_time_is_not_compared_with_a_fit_that_takes_longer_for_certain() -> None:
    layers = [keras.Input((5, 2)), keras.layers.LSTM(1)]
    assert choosing._least_fit(keras.Sequential(layers)) >= choosing._least_fit(group().model)
