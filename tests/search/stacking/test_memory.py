"""What callbacks remember: plain values are saved, and nothing is taken for what it is not."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from auditor.search.stacking.callbacks import RunCallbacks
from auditor.search.stacking.memory import NotResumable
from tests.search.stacking.rows import ModelRow, compiled


class Keeps(keras.callbacks.Callback):
    """Keeps something from the start, and changes it in an epoch."""

    def __init__(self, begin: Callable[[], Any], change: Callable[[Any], Any]) -> None:
        super().__init__()
        self.begin, self.change = begin, change
        self.kept = begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.kept = self.change(self.kept)


class Holder:
    def __init__(self, value: Any) -> None:
        self.value = value

    def set(self, value: Any) -> "Holder":
        self.value = value
        return self


@pytest.fixture(scope="module")
def model() -> Any:
    return compiled()


def after_an_epoch(model: Any, *callbacks: Any) -> RunCallbacks:
    found = begun(model, *callbacks)
    found.epoch_begin(0)
    found.epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    return found


def begun(model: Any, *callbacks: Any) -> RunCallbacks:
    found = RunCallbacks(callbacks, ModelRow(model), 5, 3)
    found.train_begin()
    return found


@pytest.mark.parametrize(
    ("begin", "change"),
    [
        (lambda: 1, lambda kept: kept + 1),
        (lambda: [np.zeros(2)], lambda kept: [*kept, (np.ones(1), None)]),
        (dict, lambda kept: {1: "a", ("b",): np.float32(2)}),
        (lambda: None, lambda kept: float("nan")),
        (lambda: Holder(3), lambda kept: 4),
    ],
)
def test_plain_values_come_back(model: Any, begin: Any, change: Any) -> None:
    before = after_an_epoch(model, Keeps(begin, change))
    after = begun(model, Keeps(begin, change))
    after.resume(before.state())
    np.testing.assert_equal(after._own[0].kept, before._own[0].kept)
    assert after.history.history == before.history.history
    assert after.history.epoch == [0]


def test_what_is_as_it_was_may_be_anything(model: Any) -> None:
    lock = threading.Lock()
    holder = Keeps(lambda: Holder([lock, lambda: 1]), lambda kept: kept)
    state = after_an_epoch(model, holder).state()
    assert state[0] == {"values": {}, "code": {}}


@pytest.mark.parametrize(
    ("begin", "change"),
    [
        (lambda: Holder(1), lambda kept: kept.set(2)),
        (lambda: np.random.default_rng(0), lambda kept: kept.random() and kept),
        (itertools.count, lambda kept: next(kept) + 1 and kept),
        (lambda: None, lambda kept: {1, 2}),
        (lambda: None, lambda kept: Holder(1)),
        (list, lambda kept: [*kept, Holder(1)]),
    ],
)
def test_other_things_that_have_changed_are_not_saved(model: Any, begin: Any, change: Any) -> None:
    with pytest.raises(NotResumable, match="keeps a"):
        after_an_epoch(model, Keeps(begin, change)).state()


def test_the_way_of_comparing_that_keras_has_found_must_be_the_same(model: Any) -> None:
    state = after_an_epoch(model, keras.callbacks.EarlyStopping("loss")).state()
    assert list(state[0]["code"]) == ["monitor_op"]
    begun(model, keras.callbacks.EarlyStopping("loss")).resume(state)
    with pytest.raises(NotResumable, match="monitor_op"):
        begun(model, keras.callbacks.EarlyStopping("loss", mode="max")).resume(state)
    with pytest.raises(NotResumable, match="more or fewer"):
        begun(model).resume(state)


def test_looking_at_a_view_of_a_run_leaves_it_alone(model: Any) -> None:
    class Sees(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.seen = Holder([self.model, self.model.optimizer])

    found = begun(model, Sees())
    with pytest.raises(NotResumable):  # It was made after the training began.
        found.state()
    found.epoch_begin(0)
    assert found.model._row.built == 0
