"""A stack that was killed goes on with the same bits: on plain numbers, and as it really trains."""

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner.errors import FailedTrialError, FatalRuntimeError

from auditor.search import handover
from auditor.search.crashes import crash_of
from auditor.search.stacking import checkpoint, places
from auditor.search.stacking.checkpoint import FILE, Checkpoints
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.stack import Stack
from tests.search.stacking import conforming, test_stack
from tests.search.stacking.test_stack import At, Engine

OBJECTIVE = keras_tuner.Objective("val_loss", "min")


class Killed(BaseException):
    """As by kill -9: nobody can do anything about it."""


class Kill:
    """Kills what calls it, at a call counted from 1."""

    def __init__(self, at: float) -> None:
        self.at, self.calls = at, 0

    def __call__(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Killed


class Mortal(Engine):
    """An engine that is killed before an epoch."""

    def __init__(self, kill: float = math.inf) -> None:
        super().__init__()
        self.kill = Kill(kill)

    def train(self, *args: Any) -> Any:
        self.kill()
        return super().train(*args)


def named(runs: Sequence[StackedRun]) -> list[StackedRun]:
    for at, run in enumerate(runs):
        run.trial_id = f"{at:02d}"
    return list(runs)


def early(patience: int = 1) -> Any:
    return keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)


def six() -> list[StackedRun]:
    """Runs that end at different times: by their epochs, or early."""
    starts = [(3, 9), (9, 4), (5, 9), (1, 2), (7, 3), (2, 9)]
    return named([test_stack.run(float(s), epochs=e, callbacks=[early()]) for s, e in starts])


class Search:
    """Trains a stack through kills, as a search does that reports the runs as they end."""

    def __init__(
        self, folder: Path, make: Callable[[], list[StackedRun]], rows: int, **options: Any
    ) -> None:
        self.folder, self.make, self.rows, self.options = folder, make, rows, options
        self.reported: dict[str, StackedRun] = {}
        self.trained: list[int] = []
        self.problems: list[str] = []

    def go_on(self, engine: Any, loses: Sequence[str] = ()) -> None:
        """Train what was not reported; the reports of some runs are lost."""
        left = [run for run in self.make() if run.trial_id not in self.reported]
        for run in left[:1]:
            run.get_ready()

        def done(run: StackedRun) -> None:
            if run.trial_id not in loses:
                assert run.trial_id not in self.reported
                self.reported[run.trial_id] = run

        checkpoints = Checkpoints(self.folder, **self.options, tell=self.problems.append)
        if left:
            stack = Stack(engine, left, self.rows, OBJECTIVE, done, checkpoints=checkpoints)
            try:
                stack.train()
            finally:
                self.trained += engine.trained


def clocks(search: Search) -> dict[Any, int]:
    """When each run ended, in epochs of the stack."""
    return {handed.run: handed.clock for handed in handover.read_runs(search.folder)}


def assert_same(search: Search, whole: Search) -> None:
    assert search.reported.keys() == whole.reported.keys()
    for trial, run in search.reported.items():
        other = whole.reported[trial]
        assert run.execution.epochs == other.execution.epochs, trial
        assert run.history.history == other.history.history
        assert run.history.epoch == other.history.epoch
        chunks = run.execution.chunks["val_loss"]
        np.testing.assert_array_equal(chunks, other.execution.chunks["val_loss"])
        assert len(chunks) == len(run.execution.epochs)
        for mine, its in (
            (run.execution.best_weights, other.execution.best_weights),
            (run.final_weights, other.final_weights),
        ):
            assert [array.tobytes() for array in mine] == [array.tobytes() for array in its]
        assert len(run.execution.seconds) == len(run.execution.epochs)
        assert run.execution.best_value == other.execution.best_value


def late(examined: list[str]) -> Callable[[], list[StackedRun]]:
    """Makes the same runs, which are examined as they begin."""

    def make() -> list[StackedRun]:
        runs = six()
        for run in runs:
            run.examine, run.weights = partial(examine, run.weights), []
        return runs

    def examine(weights: list[Any], run: StackedRun) -> None:
        examined.append(run.trial_id)
        run.weights = weights

    return make


@pytest.fixture
def whole(tmp_path: Path) -> Search:
    search = Search(tmp_path / "whole", six, 2)
    search.go_on(Mortal())
    return search


@pytest.mark.parametrize("interval", [0.0, 1e9])
@pytest.mark.parametrize("loses", [(), ("01", "03")])
@pytest.mark.parametrize("kill", range(1, 13))
def test_a_stack_goes_on_from_any_epoch_with_the_same_bits(
    kill: int, loses: Sequence[str], interval: float, whole: Search, tmp_path: Path
) -> None:
    search = Search(tmp_path / "stack", six, 2, interval=interval)
    with pytest.raises(Killed):
        search.go_on(Mortal(kill), loses)
    search.go_on(Mortal())
    assert search.problems == []
    assert_same(search, whole)
    assert clocks(search) == clocks(whole)
    if interval == 0:
        assert search.trained == whole.trained


def resumed(make: Callable[[], list[StackedRun]], tmp_path: Path, kill: int = 4) -> Any:
    """A search that was killed and went on, and one that was not."""
    whole, search = (Search(tmp_path / name, make, 2, interval=0.0) for name in ("whole", "stack"))
    whole.go_on(Mortal())
    with pytest.raises(Killed):
        search.go_on(Mortal(kill))
    search.go_on(Mortal())
    assert search.problems == []
    return search, whole


def one_by_one() -> list[StackedRun]:
    return named([test_stack.run(20.0, epochs=epochs) for epochs in (1, 5, 6, 9)])


@pytest.mark.parametrize("kill", range(1, 10))
def test_rows_become_fewer_when_they_would_have(
    kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "WORTH_COMPILING", 1)
    monkeypatch.setattr(checkpoint, "SHARE", 0.0)  # One checkpoint, before the first end.
    whole, search = (Search(tmp_path / name, one_by_one, 4) for name in ("whole", "stack"))
    whole.go_on(Mortal())
    assert whole.trained == [4] * 5 + [2] + [1] * 3
    with pytest.raises(Killed):
        search.go_on(Mortal(kill))
    again = Mortal()
    search.go_on(again)
    assert again.trained == whole.trained[0 if kill == 1 else 1 :]
    assert_same(search, whole)


def test_what_callbacks_do_at_the_beginning_is_not_done_twice(tmp_path: Path) -> None:
    def change(model: Any) -> None:
        model.set_weights([np.array([50.0])])
        model.optimizer.learning_rate = 2.0

    def make() -> list[StackedRun]:
        changed = test_stack.run(3.0, callbacks=[At("on_train_begin", change)])
        return named([changed, test_stack.run(5.0)])

    assert_same(*resumed(make, tmp_path))


# What cannot go on in the middle


class Counts:
    """Something that callbacks may keep, and that is not plain."""

    def __init__(self) -> None:
        self.calls = 0


class Keeps(keras.callbacks.Callback):
    """Stops after three epochs, by what it keeps; it notes when it begins."""

    def __init__(self, begun: list[str], plain: bool) -> None:
        super().__init__()
        self.counts = Counts()
        self.calls = 0
        self.plain = plain
        self.note = begun.append

    def on_train_begin(self, logs: Any = None) -> None:
        self.note("begun")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.note(f"epoch {epoch}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        holder = self if self.plain else self.counts
        holder.calls += 1
        self.model.stop_training = holder.calls == 3


@pytest.mark.parametrize("plain", [True, False])
def test_a_run_whose_callbacks_cannot_be_saved_starts_again_alone(
    plain: bool, tmp_path: Path
) -> None:
    begun: list[str] = []

    def make() -> list[StackedRun]:
        begun.clear()
        return named([test_stack.run(9.0, callbacks=[Keeps(begun, plain)]), test_stack.run(5.0)])

    search, whole = resumed(make, tmp_path, kill=3)
    assert_same(search, whole)
    assert begun == ["begun", *(f"epoch {e}" for e in ([2] if plain else [0, 1, 2]))]


def test_a_log_file_has_each_epoch_once(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    logs: list[Any] = []

    def make() -> list[StackedRun]:
        logs.append(keras.callbacks.CSVLogger(str(file)))
        return named([test_stack.run(9.0, callbacks=logs[-1:]), test_stack.run(5.0)])

    search = Search(tmp_path / "stack", make, 2, interval=0.0)
    with pytest.raises(Killed):
        search.go_on(Mortal(4))
    logs[0].csv_file.close()
    search.go_on(Mortal())
    assert np.genfromtxt(file, delimiter=",", names=True)["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert [len(run.execution.epochs) for run in search.reported.values()] == [5, 5]


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_epoch_end"])
@pytest.mark.parametrize("error", [ZeroDivisionError, FailedTrialError, test_stack.NotStackable])
@pytest.mark.parametrize("kill", [2, 4])
def test_what_ended_by_an_error_is_handed_over_as_such(
    kill: int, error: Any, hook: str, tmp_path: Path
) -> None:
    def fail(model: Any) -> None:
        raise error("of a callback")

    def make() -> list[StackedRun]:
        failing = test_stack.run(3.0, callbacks=[At(hook, fail)])
        return named([failing, test_stack.run(9.0), test_stack.run(7.0)])

    search = Search(tmp_path / "stack", make, 2, interval=0.0)
    with pytest.raises(Killed):
        search.go_on(Mortal(kill), loses=["00"])
    search.go_on(Mortal())
    run = search.reported["00"]
    assert len(run.execution.epochs) == test_stack.HOOKS[hook]
    if error is test_stack.NotStackable:
        assert run.refused == "of a callback"
    else:
        crash = crash_of(run.error)
        assert crash.report.startswith("Traceback")
        assert f"{error.__name__}: of a callback" in crash.report
        assert crash.is_given_up is (error is FailedTrialError)
    assert sorted(search.reported) == ["00", "01", "02"]


@pytest.mark.parametrize("error", [ZeroDivisionError, FailedTrialError, FatalRuntimeError])
def test_what_crashed_trains_again_with_code_that_was_mended(error: Any, tmp_path: Path) -> None:
    mended: list[bool] = []

    def fail(model: Any) -> None:
        if not mended:
            raise error("of a callback")

    def make() -> list[StackedRun]:
        failing = test_stack.run(3.0, callbacks=[At("on_epoch_end", fail)])
        return named([failing, test_stack.run(9.0), test_stack.run(7.0)])

    search = Search(tmp_path / "stack", make, 2, interval=0.0)
    with pytest.raises(Killed):
        search.go_on(Mortal(4), loses=["00"])
    mended.append(True)
    search.go_on(Mortal())
    assert search.problems == []
    assert [run.error for run in search.reported.values()] == [None] * 3
    assert len(search.reported["00"].execution.epochs) == 5


def test_a_full_disk_ends_the_stack_and_nobody_hears_of_what_was_not_saved(
    whole: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    search = Search(tmp_path / "stack", six, 2, interval=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_run", full)
        with pytest.raises(OSError, match="No space"):
            search.go_on(Mortal())
    assert search.reported == {}
    search.go_on(Mortal())
    assert_same(search, whole)


# Checkpoints that do not fit


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def replace_by_text(file: Path) -> None:
    file.write_text("something else")


@pytest.mark.parametrize("damage", [cut, flip, replace_by_text])
def test_a_damaged_checkpoint_is_not_used(damage: Any, whole: Search, tmp_path: Path) -> None:
    search = Search(tmp_path / "stack", six, 2, interval=0.0)
    with pytest.raises(Killed):
        search.go_on(Mortal(2))
    assert search.reported == {}
    damage(tmp_path / "stack" / FILE)
    search.go_on(Mortal())
    (problem,) = search.problems
    assert FILE in problem
    assert_same(search, whole)


def test_a_damaged_run_is_trained_again(whole: Search, tmp_path: Path) -> None:
    search = Search(tmp_path / "stack", six, 2, interval=0.0)
    with pytest.raises(Killed):
        search.go_on(Mortal(7), loses=["01"])
    cut(tmp_path / "stack" / "01-0-0.run.npz")
    search.go_on(Mortal())
    assert_same(search, whole)
    assert len(search.trained) > len(whole.trained)


def other_start() -> list[StackedRun]:
    runs = six()
    runs[5].weights = [np.array([2.5])]
    return runs


def more_epochs() -> list[StackedRun]:
    return named([test_stack.run(run.weights[0][0], epochs=9) for run in six()])


def other_type() -> list[StackedRun]:
    runs = six()
    for run in runs:
        run.weights = [run.weights[0].astype(np.float32)]
    return runs


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"make": other_start}, "run"),
        ({"make": more_epochs}, "run"),
        ({"make": other_type}, "shapes"),
        ({"rows": 3}, "rows"),
        ({"options": {"fits": {"structure": "b"}}}, "structure"),
    ],
)
def test_a_checkpoint_of_other_runs_is_not_used(
    changed: dict[str, Any], words: str, tmp_path: Path
) -> None:
    search = Search(tmp_path / "stack", six, 2, interval=0.0, fits={"structure": "a"})
    with pytest.raises(Killed):
        search.go_on(Mortal(2))
    vars(search).update(changed)
    search.go_on(Mortal())
    (problem,) = search.problems
    assert words in problem
    fresh = Search(tmp_path / "fresh", search.make, search.rows)
    fresh.go_on(Mortal())
    assert_same(search, fresh)


@pytest.mark.parametrize("is_late", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("loses", [(), ("01", "03")])
@pytest.mark.parametrize("kill", range(1, 13))
def test_a_stack_goes_on_with_the_same_bits_before_all_its_runs_are_examined(
    kill: int, loses: Sequence[str], is_late: Sequence[bool], whole: Search, tmp_path: Path
) -> None:
    search = Search(tmp_path / "stack", six, 2, interval=0.0)
    search.make = late([]) if is_late[0] else six
    with pytest.raises(Killed):
        search.go_on(Mortal(kill), loses)
    search.make = late([]) if is_late[1] else six
    search.go_on(Mortal())
    assert search.problems == []
    assert_same(search, whole)


def test_of_what_is_left_only_the_runs_that_train_are_examined_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "EXAMINED_AT_ONCE", 1)
    examined: list[str] = []
    search = Search(tmp_path / "stack", late(examined), 2, interval=0.0)
    for kill in (3, 1):
        examined.clear()
        with pytest.raises(Killed):
            search.go_on(Mortal(kill))
        assert examined == ["00", "01"]


def other_second(make: Callable[[], list[StackedRun]]) -> list[StackedRun]:
    """The same runs but one, which shows when it is examined."""
    runs = make()
    runs[1].examine = lambda run: setattr(run, "weights", [np.array([2.5])])
    return runs


@pytest.mark.parametrize("kill", [2, math.inf])  # inf: all have ended, and nobody has heard of it.
def test_a_run_that_trained_and_is_another_one_now_is_noticed(kill: float, tmp_path: Path) -> None:
    search = Search(tmp_path / "stack", late([]), 2, interval=0.0)
    with suppress(Killed):
        search.go_on(Mortal(kill), loses=[run.trial_id for run in six()])
    search.make = partial(other_second, search.make)
    search.go_on(Mortal())
    (problem,) = search.problems
    assert "another one now" in problem
    fresh = Search(tmp_path / "fresh", search.make, 2)
    fresh.go_on(Mortal())
    assert_same(search, fresh)


def test_runs_that_ended_together_are_looked_at_before_they_are_taken_over(tmp_path: Path) -> None:
    search = Search(tmp_path / "stack", late([]), 6)
    search.go_on(Mortal(), loses=[run.trial_id for run in six()])
    (tmp_path / "stack" / FILE).unlink()
    search.make = partial(other_second, search.make)
    search.go_on(Mortal())
    fresh = Search(tmp_path / "fresh", search.make, 6)
    fresh.go_on(Mortal())
    assert_same(search, fresh)


# When a stack saves itself


@pytest.mark.parametrize(
    ("share", "interval", "count"), [(0.0, 1e9, 1), (2.0, 1e9, 4), (0.0, 0.0, 12)]
)
def test_checkpoints_are_few_where_they_cost_much(
    share: float, interval: float, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    monkeypatch.setattr(checkpoint, "SHARE", share)
    monkeypatch.setattr(checkpoint, "write_plain", lambda *args, **more: written.append(args))
    clock = SimpleNamespace(monotonic=itertools.count().__next__)  # A save takes one second.
    monkeypatch.setattr(checkpoint, "time", clock)
    Search(tmp_path / "stack", six, 2, interval=interval).go_on(Mortal())
    assert len(written) == count


def test_a_stack_whose_runs_end_together_needs_no_checkpoint(tmp_path: Path) -> None:
    def make() -> list[StackedRun]:
        return named([test_stack.run(3.0), test_stack.run(9.0)])

    search = Search(tmp_path / "stack", make, 2)
    search.go_on(Mortal(), loses=["01"])
    assert not (tmp_path / "stack" / FILE).exists()
    search.go_on(Mortal(1))  # Nothing is trained.
    assert sorted(search.reported) == ["00", "01"]


# As it really trains

RNG = np.random.default_rng(2)
IMAGES = RNG.normal(size=(40, 6, 6, 1)).astype("float32")
LABELS = (IMAGES.mean(axis=(1, 2, 3)) + 0.1 * RNG.normal(size=40) > 0).astype(int)


def build_dense(rate: float, drop: float) -> Any:
    parts = [keras.layers.Flatten(), keras.layers.Dense(7, "relu"), keras.layers.Dropout(drop)]
    return classifier(parts, rate)


def build_conv(rate: float, drop: float) -> Any:
    conv = keras.layers.Conv2D(3, 3, activation="relu")
    parts = [conv, keras.layers.Flatten(), keras.layers.Dropout(drop)]
    return classifier(parts, rate)


def classifier(parts: list[Any], rate: float) -> Any:
    parts = [keras.Input((6, 6, 1)), *parts, keras.layers.BatchNormalization()]
    model = keras.Sequential([*parts, keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def every_callback() -> list[Any]:
    """Keras's own that decide about a training."""
    return [
        keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True, min_delta=1e-3),
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.02),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.95),
        keras.callbacks.TerminateOnNaN(),
    ]


def real_case(build: Any) -> Any:
    def fit(**hyper: Any) -> Any:
        given = {"x": IMAGES, "y": LABELS, "validation_split": 0.3, "epochs": 8, "batch_size": 8}
        return {**given, "shuffle": True, "callbacks": every_callback()}

    hypers = [{"rate": 0.003 * 2**i, "drop": 0.1 * (i % 3)} for i in range(4)]
    hypers.append({"rate": 1e30, "drop": 0.0})  # It comes to NaN.
    return conforming.Case(build, hypers, fit)


class Shared:
    """An engine of Keras that is killed before an epoch."""

    def __init__(self, engine: Any, kill: float = math.inf) -> None:
        self._engine, self._kill = engine, Kill(kill)
        self.trained: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def train(self, state: Any, lifted: Any, keys: Any, guards: Any, order: Any) -> Any:
        self._kill()
        self.trained.append(len(order))
        return self._engine.train(state, lifted, keys, guards, order)


WAYS = [(build_dense, "xla"), (build_conv, "graph")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "way"), WAYS if keras.config.backend() == "tensorflow" else WAYS[:1]
)
def test_real_training_goes_on_with_the_same_bits(build: Any, way: str, tmp_path: Path) -> None:
    case = real_case(build)
    engine = conforming.make_engine(case, conforming.make_runs(case), way)

    def make() -> list[StackedRun]:
        return conforming.make_runs(case)

    whole = Search(tmp_path / "whole", make, 3)
    whole.go_on(Shared(engine))
    lengths = [len(run.execution.epochs) for run in whole.reported.values()]
    assert len(set(lengths)) > 1
    search = Search(tmp_path / "stack", make, 3, interval=0.0)
    for kill in (3, 4, 2):
        with pytest.raises(Killed):
            search.go_on(Shared(engine, kill))
    search.go_on(Shared(engine))
    assert search.problems == []
    np.testing.assert_equal(
        {trial: run.execution.epochs for trial, run in search.reported.items()},
        {trial: run.execution.epochs for trial, run in whole.reported.items()},
    )
    for trial, run in search.reported.items():
        for mine, its in zip(run.final_weights, whole.reported[trial].final_weights, strict=True):
            assert mine.tobytes() == its.tobytes()
