"""Callbacks driven at the ends of epochs: what they do under `Model.fit`, to the bit."""

import copy
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from auditor.search.stacking.callbacks import RunCallbacks, why_not_stackable
from auditor.search.stacking.run_model import NotStackable
from tests.search.stacking.rows import (
    FIT,
    STEPS,
    ModelRow,
    X,
    Y,
    as_made,
    compiled,
    state,
)

given = keras.callbacks
EPOCHS = 4


class Outcome(NamedTuple):
    history: dict[str, list[float]]
    epochs: list[int]
    weights: list[Any]
    state: list[Any]


class Shrink(given.Callback):
    """Uses the model as its author would: layers, predictions and the optimizer."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.seen = [int(self.model.optimizer.iterations), self.params["steps"]]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        kernel = self.model.get_layer("hidden").kernel
        kernel.assign(kernel * 0.9)
        logs["predicted"] = float(self.model.predict(X, verbose=0).mean())
        logs["steps_done"] = int(self.model.optimizer.iterations) + sum(self.seen)
        logs["checked"] = self.model.evaluate(X, Y, verbose=0)[1]


class StopAt(given.Callback):
    def __init__(self, epoch: int, hook: str = "on_epoch_end") -> None:
        super().__init__()
        self.last = epoch
        setattr(self, hook, self.look)

    def look(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.last:
            self.model.stop_training = True

    def __deepcopy__(self, memo: Any) -> "StopAt":
        return StopAt(self.last)


def halve(epoch: int, rate: float) -> float:
    return rate * 0.5


PLATEAU = functools.partial(given.ReduceLROnPlateau, factor=0.5, patience=1)
CALLBACKS: dict[str, Callable[[Path], list[Any]]] = {
    "none": lambda _: [],
    "early": lambda _: [given.EarlyStopping(patience=2, min_delta=10.0)],
    "early, by a name": lambda _: [given.EarlyStopping("val_accuracy", patience=1, min_delta=2)],
    "early, best": lambda _: [
        given.EarlyStopping("loss", patience=1, mode="max", restore_best_weights=True)
    ],
    "early, later": lambda _: [given.EarlyStopping("loss", mode="max", start_from_epoch=1)],
    "plateau": lambda _: [PLATEAU(monitor="loss", mode="max"), given.EarlyStopping(patience=4)],
    "schedule": lambda _: [given.LearningRateScheduler(halve), PLATEAU(min_delta=1.0)],
    "old schedule": lambda _: [given.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))],
    "csv": lambda path: [PLATEAU(), given.CSVLogger(path / "log.csv"), StopAt(2)],
    "nan": lambda _: [given.TerminateOnNaN()],
    "best file": lambda path: [
        given.ModelCheckpoint(path / "best.keras", "val_accuracy", save_best_only=True)
    ],
    "every file": lambda path: [
        PLATEAU(monitor="loss", mode="max"),
        given.ModelCheckpoint(path / "{epoch}.weights.h5", save_weights_only=True),
        given.ModelCheckpoint(path / "{epoch}-{val_loss:.3f}.keras"),
    ],
    "board": lambda path: [
        PLATEAU(monitor="loss", mode="max"),
        given.TensorBoard(path / "board", histogram_freq=2),
    ],
    "own": lambda _: [Shrink()],
    "lambda": lambda _: [given.LambdaCallback(on_epoch_end=lambda e, logs: logs.update(twice=2))],
    "bars": lambda _: [given.ProgbarLogger(), given.History()],
}


STOPS_AFTER = {"early": 3, "early, by a name": 2, "early, best": 2, "early, later": 3, "csv": 3}
CHANGES_RATE = {"plateau", "schedule", "old schedule", "every file", "board"}


@pytest.fixture(scope="module")
def models() -> list[Any]:
    """One for `fit` and one behind the row, with the same weights."""
    pair = [compiled(), compiled()]
    pair[1].set_weights(pair[0].get_weights())
    return pair


@pytest.fixture
def fitted(models: list[Any]) -> Iterator[Any]:
    with as_made(models[0]) as model:
        yield model


@pytest.fixture
def row(models: list[Any]) -> Iterator[ModelRow]:
    with as_made(models[1]) as model:
        yield ModelRow(model)


def by_fit(model: Any, callbacks: list[Any]) -> Outcome:
    history = model.fit(X, Y, epochs=EPOCHS, callbacks=callbacks, **FIT)
    return Outcome(history.history, history.epoch, model.get_weights(), state(model))


def by_hand(row: ModelRow, callbacks: list[Any]) -> Outcome:
    """As a training loop would, with an epoch of `fit` for what it computes."""
    run = RunCallbacks(callbacks, row, EPOCHS, STEPS)
    run.train_begin()
    logs: dict[str, float] = {}
    for epoch in range(EPOCHS):
        run.epoch_begin(epoch)
        alone = row.model.fit(X, Y, initial_epoch=epoch, epochs=epoch + 1, **FIT)
        logs = {name: values[0] for name, values in alone.history.items()}
        seen = run.epoch_end(epoch, logs)
        assert seen == {name: values[-1] for name, values in run.history.history.items()}
        if run.stopped:
            break
    run.train_end(logs)
    history = run.history
    return Outcome(history.history, history.epoch, row.get_weights(), row.optimizer_state())


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.history == other.history
    assert list(one.history) == list(other.history)
    assert one.epochs == other.epochs
    for these, those in [(one.weights, other.weights), (one.state, other.state)]:
        assert all(map(np.array_equal, these, those))


def contents(path: Path) -> dict[str, Any]:
    """What was written, by name; of binary formats the numbers."""
    found: dict[str, Any] = {}
    for file in sorted(path.rglob("*")):
        name = str(file.relative_to(path))
        if file.name.startswith("events"):
            board = EventAccumulator(str(file)).Reload()
            tags = board.Tags()["tensors"]
            found[str(file.parent.relative_to(path))] = {
                tag: [
                    (each.step, each.tensor_proto.SerializeToString())
                    for each in board.Tensors(tag)
                ]
                for tag in tags
            }
        elif file.suffix == ".keras":
            model = keras.saving.load_model(file)
            found[name] = [each.tolist() for each in model.get_weights() + state(model)]
        elif file.suffix == ".h5":
            model = compiled()
            model.load_weights(file)
            found[name] = [each.tolist() for each in model.get_weights()]
        elif file.is_file():
            found[name] = file.read_text()
    return found


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_do_what_they_do_under_fit(
    name: str, fitted: Any, row: ModelRow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "board":
        pytest.importorskip("tensorflow", reason="it writes the files of TensorBoard")
    roots = [tmp_path / "fit", tmp_path / "hand"]
    for root in roots:
        root.mkdir()
    ours = CALLBACKS[name](roots[1])
    assert [why_not_stackable(each) for each in ours] == [None] * len(ours)
    expected = by_fit(fitted, CALLBACKS[name](roots[0]))
    capsys.readouterr()
    assert_same(expected, by_hand(row, copy.deepcopy(ours)))
    assert capsys.readouterr().out == ""
    # Lest two be equal that did nothing.
    assert len(expected.epochs) == STOPS_AFTER.get(name, EPOCHS)
    assert (len(set(expected.history.get("learning_rate", []))) > 2) == (name in CHANGES_RATE)
    assert contents(roots[0]) == contents(roots[1])
    # A model is made for those who look into it, and for no other.
    assert row.built == (name in {"best file", "every file", "board", "own"})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_ends_the_run(row: ModelRow, value: float) -> None:
    run = RunCallbacks([given.TerminateOnNaN()], row, EPOCHS, STEPS)
    other = RunCallbacks([given.EarlyStopping("loss")], row, EPOCHS, STEPS)
    assert (run.stops_at_nan, other.stops_at_nan) == (True, False)
    for each in (run, other):
        each.train_begin()
        each.epoch_begin(0)
    run.epoch_end(0, {"loss": 1.0, "val_loss": np.nan})
    assert not run.stopped
    run.epoch_end(1, {"loss": value, "val_loss": 1.0})
    other.epoch_end(1, {"loss": value})
    assert (run.stopped, other.stopped) == (True, False)
    assert run.history.epoch == [0, 1]


def test_a_loss_that_is_no_number_may_be_a_crash(row: ModelRow) -> None:
    run = RunCallbacks([given.TerminateOnNaN(raise_error=True)], row, EPOCHS, STEPS)
    run.train_begin()
    with pytest.raises(RuntimeError, match=f"batch {STEPS - 1}"):
        run.epoch_end(0, {"loss": np.nan})
    assert run.history.epoch == []


def test_what_a_callback_raises_reaches_the_caller(row: ModelRow) -> None:
    def fail(epoch: int, logs: Any) -> None:
        raise KeyError("mine")

    run = RunCallbacks([given.LambdaCallback(on_epoch_begin=fail)], row, EPOCHS, STEPS)
    run.train_begin()
    with pytest.raises(KeyError, match="mine"):
        run.epoch_begin(0)


def test_a_stop_before_an_epoch_is_left_to_fit(row: ModelRow) -> None:
    run = RunCallbacks([StopAt(1, "on_epoch_begin")], row, EPOCHS, STEPS)
    run.train_begin()
    run.epoch_begin(0)
    with pytest.raises(NotStackable, match="before an epoch"):
        run.epoch_begin(1)


class Keep(given.Callback):
    """Keeps what a function finds in the model for a later epoch."""

    def __init__(self, find: Callable[[Any], Any]) -> None:
        super().__init__()
        self.find = find

    def on_train_begin(self, logs: Any = None) -> None:
        self.kept = self.find(self.model)


@pytest.mark.parametrize(
    "find",
    [
        lambda model: model.layers[0],
        lambda model: {"all": [model.layers[0].kernel]},
        lambda model: model.optimizer.learning_rate,
        lambda model: model.predict,
        lambda model: lambda: model.layers[0],
    ],
)
def test_a_part_of_the_model_kept_for_later_is_noticed(row: ModelRow, find: Any) -> None:
    run = RunCallbacks([Keep(find)], row, EPOCHS, STEPS)
    if find(run.model).__class__.__name__ == "function":
        run.train_begin()  # The view, which it holds, is right at any time.
        return
    with pytest.raises(NotStackable, match="Keep keeps a part"):
        run.train_begin()


def test_numbers_and_the_view_may_be_kept(row: ModelRow) -> None:
    run = RunCallbacks(
        [Keep(lambda model: [float(model.optimizer.learning_rate), model, model.optimizer])],
        row,
        EPOCHS,
        STEPS,
    )
    run.train_begin()
    assert row.built == 0


def with_hook(hook: str) -> Any:
    return type("Watch", (given.Callback,), {hook: lambda *args, **kwargs: None})()


class Around:
    def __init__(self, model: Any) -> None:
        self.model = model

    def look(self, epoch: int, logs: Any) -> None:
        self.model.evaluate(X, Y)


NET = keras.Sequential([keras.layers.Dense(1)])
VARIABLE = keras.Variable(1.0)


@pytest.mark.parametrize(
    ("callback", "reason"),
    [
        (given.BackupAndRestore("x"), "BackupAndRestore takes up"),
        (given.ModelCheckpoint("x.keras", save_freq=5), "ModelCheckpoint follows single batches"),
        (given.TensorBoard(update_freq=5), "batches"),
        (given.TensorBoard(write_steps_per_second=True), "batches"),
        (given.SwapEMAWeights(), "SwapEMAWeights follows an evaluation .* `on_test_begin`"),
        (given.LambdaCallback(on_train_batch_end=lambda batch, logs: None), "batches"),
        (given.LambdaCallback(on_test_end=lambda logs: None), "`on_test_end`"),
        (type("Nan", (given.TerminateOnNaN,), {})(), "batches"),
        *((with_hook(f"on_{name}_batch_end"), "batches") for name in ("train", "test")),
        (with_hook("on_predict_batch_end"), "`on_predict_batch_end`"),
        (Keep(NET.predict), "Keep holds a model"),
        (Keep(functools.partial(print, [VARIABLE])), "a variable"),
        (given.LambdaCallback(on_epoch_end=Around(NET).look), "LambdaCallback holds a model"),
        (given.LambdaCallback(on_epoch_end=(lambda x: lambda e, logs: x)(NET)), "holds a model"),
        (given.LearningRateScheduler(lambda epoch, rate, of=VARIABLE: rate), "holds a model"),
    ],
)
def test_callbacks_for_which_a_run_trains_alone(callback: Any, reason: str) -> None:
    assert re.search(reason, why_not_stackable(callback) or "")


@pytest.mark.parametrize(
    "callback",
    [
        given.TerminateOnNaN(),
        given.RemoteMonitor(),
        given.ProgbarLogger(),
        given.TensorBoard(),
        *(with_hook(f"on_{name}") for name in ("epoch_begin", "epoch_end", "train_end")),
    ],
)
def test_callbacks_that_only_follow_epochs(callback: Any) -> None:
    callback.set_params({"verbose": 0, "epochs": 1, "steps": 1})
    # As an earlier training leaves it.
    callback._model = NET
    assert why_not_stackable(callback) is None
