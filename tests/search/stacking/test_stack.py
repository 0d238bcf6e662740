"""Rows of a stack, on an engine of plain numbers: who trains when, and what one run does to others.

Each run has one weight. An epoch takes the learning rate off it; its size is the loss.
"""

import math
import threading
from types import SimpleNamespace
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from auditor.scoring import UNREGULARISED
from auditor.search.chunks import Dealt
from auditor.search.recorder import Execution
from auditor.search.stacking import places
from auditor.search.stacking.evaluation import Validated
from auditor.search.stacking.fit_call import FitCall
from auditor.search.stacking.program import State
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.run_model import NotStackable
from auditor.search.stacking.stack import Stack
from auditor.search.structure import NotShareable
from auditor.trials import CHUNKS


class Backend:
    to_device = staticmethod(np.array)
    to_host = staticmethod(np.asarray)

    @staticmethod
    def choose(mask: Any, new: Any, old: Any) -> Any:
        return [
            np.where(mask.reshape(-1, *[1] * (n.ndim - 1)), n, o)
            for n, o in zip(new, old, strict=True)
        ]


class Program:
    learning_rate_at = 0
    lifting = SimpleNamespace(choices={}, values=lambda held: [])
    model = SimpleNamespace(metrics=[])

    def start(self, weights: Any, rate: Any) -> State:
        return State([np.asarray(weights[0])], [], [np.asarray(rate or 0.0)])

    def weights_of(self, trainable: Any, others: Any) -> Any:
        return trainable


DEALT = Dealt(np.arange(40, dtype=np.int32) % CHUNKS, "forty rows")


class Engine:
    """Counts the rows of each epoch in `trained`."""

    chunk_names = ("loss",)
    backend = Backend()
    program = Program()
    call = SimpleNamespace(batch_size=8)

    def __init__(self, penalises: bool = False) -> None:
        self.trained: list[int] = []
        self._penalises = penalises

    def train(self, state: State, lifted: Any, keys: Any, guards: Any, order: Any) -> Any:
        self.trained.append(len(order))
        weights = state.weights[0] - state.optimizer[0][:, None]
        return State([weights], [], state.optimizer), {"loss": abs(weights[:, 0])}

    def validate(self, state: State, lifted: Any, rows: Any) -> Any:
        loss = abs(state.weights[0][:, 0])
        sums = np.outer(loss, np.array(DEALT.rows))[:, None]
        return Validated({"loss": loss}, sums)

    def clean(self, state: State, lifted: Any, rows: Any) -> Any:
        return {"loss": abs(state.weights[0][:, 0])}

    def penalty(self, state: State, lifted: Any) -> Any:
        return state.weights[0][:, 0] * 0 if self._penalises else None


def run(
    start: float = 3.0, rate: float = 1.0, epochs: int = 5, callbacks: Any = (), **call: Any
) -> StackedRun:
    given: dict[str, Any] = {"train": range(16), "validation": range(4), "validation_freq": 1}
    return StackedRun(
        trial_id="",
        execution=Execution(0, 0, ""),
        call=FitCall(
            epochs=epochs,
            batch_size=8,
            validation_batch_size=8,
            shuffle=False,
            callbacks=tuple(callbacks),
            **{**given, **call},
        ),
        weights=[np.array([start])],
        learning_rate=rate,
        held={},
        build=lambda: None,
        dealt=DEALT,
    )


def train(runs: list[StackedRun], rows: int = 0, engine: Any = None, **more: Any) -> Engine:
    engine = engine or Engine()
    objective = keras_tuner.Objective("val_loss", "min")
    Stack(engine, runs, rows or len(runs), objective, **more).train()
    return engine


def losses(of: StackedRun, name: str = "val_loss") -> list[float]:
    return [row[name] for row in of.execution.epochs if name in row]


class At(keras.callbacks.Callback):
    """Does something at a hook, in one epoch where it is of an epoch."""

    def __init__(self, hook: str, act: Any, epoch: int = 1) -> None:
        super().__init__()
        self.act, self.epoch = act, epoch
        setattr(self, hook, self.look)
        self.seen: list[Any] = []

    def look(self, epoch: Any = None, logs: Any = None) -> None:
        self.seen.append(epoch)
        if not isinstance(epoch, int) or epoch == self.epoch:
            self.act(self.model)


# Rows


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_runs_are_the_same_in_any_number_of_rows(rows: int) -> None:
    runs = [run(start, epochs=epochs) for start, epochs in [(3, 4), (9, 1), (5, 2)]]
    done: list[Any] = []
    engine = train(runs, rows, done=done.append)
    assert [losses(one) for one in runs] == [[2, 1, 0, 1], [8], [4, 3]]
    assert sorted(map(id, done)) == sorted(map(id, runs))
    assert len(engine.trained) == {1: 7, 2: 4, 3: 4, 5: 4}[rows]
    assert all(one.history.epoch == list(range(one.call.epochs)) for one in runs)


def test_a_run_is_examined_when_it_begins_and_one_that_is_refused_leaves_its_row() -> None:
    runs, known = [run(3), run(), run(), run(5)], []

    def examine(own: Any) -> None:
        known.append((runs.index(own), len(engine.trained)))
        if own is runs[1]:
            raise NotShareable("it was changed")
        own.weights = [np.array([9.0])]

    for late in runs[1:3]:
        late.weights, late.examine = [], examine
    done: list[Any] = []
    engine = Engine()
    train(runs, 1, engine, done=done.append)
    assert known == [(1, 5), (2, 5)]
    assert [losses(one)[:2] for one in runs] == [[2, 1], [], [8, 7], [4, 3]]
    assert [one.refused for one in runs] == [None, "it was changed", None, None]
    assert done == runs


@pytest.mark.parametrize(
    ("at_once", "when"), [(32, [0, 0, 2, 2, 6]), (1, [0, 1, 2, 4, 6])], ids=["rows", "one"]
)
def test_as_many_runs_are_examined_at_once_as_there_are_rows(
    at_once: int, when: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "EXAMINED_AT_ONCE", at_once)
    runs = [run(9, epochs=epochs) for epochs in range(1, 7)]
    known: list[int] = []
    for late in runs[1:]:
        late.examine = lambda own: known.append(len(engine.trained))
    engine = Engine()
    train(runs, 2, engine)
    assert known == when
    assert [len(one.execution.epochs) for one in runs] == [1, 2, 3, 4, 5, 6]


def test_the_best_weights_are_of_the_best_epoch_and_the_final_ones_of_the_last() -> None:
    runs = [run(3), run(1)]
    train(runs)
    assert [float(one.execution.best_weights[0][0]) for one in runs] == [0, 0]
    assert [float(one.final_weights[0][0]) for one in runs] == [-2, -4]


def test_a_row_is_handed_on_without_what_its_last_run_left() -> None:
    first, second = run(3, epochs=4), run(50, epochs=2)
    train([first, second], 1)
    assert float(second.execution.best_weights[0][0]) == 48
    assert losses(second, "learning_rate") == [1, 1]


def test_no_epochs_make_an_empty_history() -> None:
    runs = [run(epochs=0), run(epochs=2)]
    train(runs, 1)
    assert runs[0].history.history == {}
    assert runs[0].execution.best_weights is None
    assert losses(runs[1]) == [2, 1]


def test_validation_takes_place_when_fit_would_do_it() -> None:
    one = run(validation_freq=2)
    train([one])
    assert ["val_loss" in row for row in one.execution.epochs] == [False, True, False, True, False]
    other = run(validation=None)
    train([other])
    assert losses(other) == []
    assert losses(other, "loss") == [2, 1, 0, 1, 2]


def test_what_stops_the_lane_stops_after_the_epoch() -> None:
    stop = threading.Event()
    one = run(callbacks=[At("on_epoch_end", lambda model: stop.set())])
    train([one, run()], stop=stop)
    assert losses(one) == [2, 1]
    assert one.history is None


def test_nobody_hears_of_an_epoch_that_ends_after_the_stop() -> None:
    stop, done = threading.Event(), []

    class Interrupted(Engine):
        def train(self, *args: Any) -> Any:
            if len(self.trained) == 1:
                stop.set()
            return super().train(*args)

    watch = At("on_epoch_end", lambda model: None)
    one, last = run(epochs=2, callbacks=[watch]), run()
    train([one, last], 1, Interrupted(), stop=stop, done=done.append)
    assert losses(one) == [2]
    assert watch.seen == [0]
    assert done == []


def test_no_run_begins_after_the_stop() -> None:
    stop, begun = threading.Event(), []
    first = run(epochs=1, callbacks=[At("on_epoch_end", lambda model: stop.set(), epoch=0)])
    second = run(callbacks=[At("on_train_begin", begun.append)])
    train([first, second], 1, stop=stop)
    assert stop.is_set()
    train([second], stop=stop)
    assert begun == []


def test_a_dead_run_hears_no_more_after_the_stop() -> None:
    stop = threading.Event()
    watch = At("on_epoch_end", lambda model: stop.set(), epoch=6)
    train([run(math.nan, epochs=50, callbacks=[watch])], stop=stop)
    assert watch.seen == list(range(7))


def test_fewer_rows_train_where_that_saves_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WORTH_COMPILING", 1)
    runs = [run(start, epochs=epochs) for start, epochs in [(3, 1), (9, 4), (5, 1), (7, 2)]]
    engine = train(runs)
    assert engine.trained == [4, 2, 1, 1]
    assert [losses(one) for one in runs] == [[2], [8, 7, 6, 5], [4], [6, 5]]
    assert [float(one.execution.best_weights[0][0]) for one in runs] == [2, 5, 4, 5]


# One run's callbacks


def test_new_weights_and_learning_rates_are_of_one_run_alone() -> None:
    def change(model: Any) -> None:
        model.set_weights([np.array([100.0])])
        model.optimizer.learning_rate = 10.0

    one, other = run(callbacks=[At("on_epoch_end", change)]), run()
    train([one, other])
    assert losses(one) == [2, 1, 90, 80, 70]
    assert losses(one, "learning_rate") == [1, 10, 10, 10, 10]
    assert losses(other) == [2, 1, 0, 1, 2]


def test_the_best_weights_are_those_that_a_callback_left() -> None:
    def change(model: Any) -> None:
        model.set_weights([np.array([100.0])])

    one = run(callbacks=[At("on_epoch_end", change, epoch=2)])
    train([one])
    assert float(one.execution.best_weights[0][0]) == 100


HOOKS = {"on_train_begin": 0, "on_epoch_begin": 1, "on_epoch_end": 1, "on_train_end": 5}


@pytest.mark.parametrize("error", [ZeroDivisionError, NotStackable])
@pytest.mark.parametrize("hook", HOOKS)
def test_what_a_hook_raises_ends_its_run_alone(hook: str, error: Any) -> None:
    def fail(model: Any) -> None:
        raise error("of a callback")

    one, other, last = run(callbacks=[At(hook, fail)]), run(9), run(7)
    done: list[Any] = []
    train([one, other, last], 2, done=done.append)
    assert len(losses(one)) == HOOKS[hook]
    assert len(done) == 3
    if error is NotStackable:
        assert one.refused == "of a callback"
        assert one.error is None
    else:
        assert isinstance(one.error, error)
    assert losses(other) == [8, 7, 6, 5, 4]
    assert losses(last) == [6, 5, 4, 3, 2]


def test_a_callback_that_stops_at_the_beginning_is_for_the_fit_lane() -> None:
    def stop(model: Any) -> None:
        model.stop_training = True

    one = run(callbacks=[At("on_train_begin", stop)])
    train([one])
    assert "before an epoch" in str(one.refused)


# Dead runs


def test_a_dead_run_is_not_trained_to_its_end_and_its_callbacks_see_all_epochs() -> None:
    watch = At("on_epoch_end", lambda model: None)
    one = run(math.nan, epochs=50, callbacks=[watch])
    engine = train([one], engine=Engine(penalises=True))
    assert len(engine.trained) == 2
    assert watch.seen == list(range(50))
    for name in ("loss", "val_loss", "clean_loss", UNREGULARISED):
        np.testing.assert_array_equal(losses(one, name), [math.nan] * 50)
    assert losses(one, "learning_rate") == [1.0] * 50
    assert one.execution.best_weights is None


@pytest.mark.parametrize("frequency", [2, 3])
def test_a_dead_run_is_validated_when_fit_would_do_it(frequency: int) -> None:
    one = run(math.nan, epochs=12, validation_freq=frequency)
    engine = train([one])
    assert len(engine.trained) < 5
    assert ["val_loss" in row for row in one.execution.epochs] == [
        (epoch + 1) % frequency == 0 for epoch in range(12)
    ]


def test_a_dead_run_frees_its_row() -> None:
    one, other = run(math.nan, epochs=50), run(epochs=3)
    assert len(train([one, other], 1).trained) == 5
    assert losses(other) == [2, 1, 0]


def test_new_weights_revive_a_dead_run() -> None:
    alive = At("on_epoch_end", lambda model: model.set_weights([np.array([9.0])]), epoch=6)
    one = run(math.nan, epochs=10, callbacks=[alive])
    engine = train([one])
    assert losses(one)[7:] == [8, 7, 6]
    assert float(one.execution.best_weights[0][0]) == 6
    assert len(engine.trained) == 2 + 3


def test_a_dead_run_stops_when_its_callback_says_so() -> None:
    stop = keras.callbacks.EarlyStopping("val_loss", patience=4)
    one = run(math.nan, epochs=50, callbacks=[stop])
    train([one])
    assert 4 <= len(losses(one)) < 10


def test_a_run_whose_weights_are_numbers_is_not_dead() -> None:
    class Unlucky(Engine):
        def validate(self, *args: Any) -> Any:
            loss, sums = super().validate(*args)
            return Validated({"loss": loss["loss"] * math.nan}, sums * math.nan)

        def train(self, *args: Any) -> Any:
            state, found = super().train(*args)
            return state, {"loss": found["loss"] * math.nan}

    assert len(train([run(epochs=9)], engine=Unlucky()).trained) == 9
