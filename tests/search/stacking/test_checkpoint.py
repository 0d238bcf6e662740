"""A stack that was killed goes on with the same bits: on plain numbers, and as it really trains."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest

from auditor.search.stacking import checkpoint, places
from auditor.search.stacking.checkpoint import Checkpoints
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.stack import Stack
from tests.search.stacking import test_stack
from tests.search.stacking.test_stack import Engine

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
        self.checkpoints: Any = None

    def go_on(self, engine: Any, loses: Sequence[str] = ()) -> None:
        """Train what was not reported; the reports of some runs are lost."""
        left = [run for run in self.make() if run.trial_id not in self.reported]

        def done(run: StackedRun) -> None:
            if run.trial_id not in loses:
                assert run.trial_id not in self.reported
                self.reported[run.trial_id] = run

        self.checkpoints = Checkpoints(self.folder, **self.options)
        if left:
            stack = Stack(engine, left, self.rows, OBJECTIVE, done, checkpoints=self.checkpoints)
            try:
                stack.train()
            finally:
                self.trained += engine.trained


def assert_same(search: Search, whole: Search) -> None:
    assert search.reported.keys() == whole.reported.keys()
    for trial, run in search.reported.items():
        other = whole.reported[trial]
        assert run.execution.epochs == other.execution.epochs, trial
        assert run.history.history == other.history.history
        assert run.history.epoch == other.history.epoch
        for mine, its in (
            (run.execution.best_weights, other.execution.best_weights),
            (run.final_weights, other.final_weights),
        ):
            assert [array.tobytes() for array in mine] == [array.tobytes() for array in its]
        assert len(run.execution.seconds) == len(run.execution.epochs)
        assert run.execution.best_value == other.execution.best_value


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
    assert search.checkpoints.problem is None
    assert_same(search, whole)
    if interval == 0:
        assert search.trained == whole.trained


@pytest.mark.parametrize("kill", range(1, 10))
def test_rows_become_fewer_when_they_would_have(
    kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "WORTH_COMPILING", 1)
    monkeypatch.setattr(checkpoint, "SHARE", 0.0)  # One checkpoint, before the first end.
    whole, search = (Search(tmp_path / name, six, 6) for name in ("whole", "stack"))
    whole.go_on(Mortal())
    assert sorted(set(whole.trained)) == [1, 3, 6]
    kill = min(kill, len(whole.trained))
    with pytest.raises(Killed):
        search.go_on(Mortal(kill))
    again = Mortal()
    search.go_on(again)
    assert again.trained == whole.trained[-len(again.trained) :]
    assert_same(search, whole)
