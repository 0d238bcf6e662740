"""Where a search stands: counts, rate, time left, and what each place trains."""

import math
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest
from keras_tuner.engine.trial import TrialStatus

from auditor import GridSearch
from auditor.search import Progress
from auditor.search.progress import RECENT, Standing, Worker
from tests.search.helpers import build_two, dummy, fit_arguments, grid_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Oracle:
    """Of a search with so many trials, a score each: None crashed."""

    def __init__(self, total: int | None, direction: str = "min") -> None:
        self.objective = SimpleNamespace(name="val_loss", direction=direction)
        self.end_order: list[str] = []
        self.trials: dict[str, Any] = {}
        self._total = total

    def total(self) -> int | None:
        return self._total

    def get_best_trials(self, count: int) -> list[Any]:
        return sorted(self.trials.values(), key=lambda trial: trial.score)[:count]

    def end(self, trial_id: str, score: float | None = 1.0) -> Any:
        status = TrialStatus.FAILED if score is None else TrialStatus.COMPLETED
        trial = SimpleNamespace(trial_id=trial_id, score=score, status=status)
        self.trials[trial_id] = trial
        self.end_order.append(trial_id)
        return trial


class Search:
    """A search of `total` trials with a clock that stands still until it is set."""

    def __init__(self, total: int | None = 10, runs: int = 1, earlier: int = 0) -> None:
        self.clock, self.oracle = Clock(), Oracle(total)
        for trial in range(earlier):
            self.oracle.end(f"earlier {trial}")
        oracle: Any = self.oracle
        self.standing = Standing(oracle, self.clock)
        self.standing.begin(runs)

    def epochs(self, worker: str, epochs: range, seconds: float, of: int, runs: int = 1) -> None:
        for epoch in epochs:
            self.clock.now += seconds
            self.standing.note_epochs(worker, "stack a", epoch, of, runs)

    def end(self, trial_id: str, score: float | None = 1.0) -> None:
        self.standing.note_end(self.oracle.end(trial_id, score))

    @property
    def now(self) -> Progress:
        return self.standing.now()


def test_trials_are_counted_by_how_they_end() -> None:
    search = Search(total=5)
    for trial_id in ("a", "b", "c", "d"):
        search.standing.note_start(trial_id)
    search.end("a", 0.5)
    search.end("b", None)
    search.end("c", math.inf)
    now = search.now
    assert (now.done, now.failed, now.diverged, now.running, now.total) == (3, 1, 1, 1, 5)
    assert (now.best_trial_id, now.best_score, now.trial_id) == ("a", 0.5, None)


def test_a_search_that_goes_on_counts_what_ended_before() -> None:
    search = Search(total=4)
    for trial_id, score in (("a", None), ("b", math.inf), ("c", 2.0)):
        search.oracle.end(trial_id, score)
    search.oracle.get_best_trials = lambda count: [search.oracle.trials["c"]]  # type: ignore
    search.standing.start()
    search.standing.begin(runs=1)
    now = search.now
    assert (now.done, now.failed, now.diverged, now.best_trial_id) == (3, 1, 1, "c")
    assert (now.earlier, now.epochs, now.epochs_per_second, now.seconds) == (3, 0, None, 0.0)


def test_a_crash_that_ended_well_when_it_was_repeated_is_none() -> None:
    search = Search()
    search.end("a", None)
    search.end("a", 0.5)
    assert search.now.failed == 0


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    search = Search()
    search.epochs("w", range(1, 61), seconds=1, of=1000)
    assert search.now.epochs_per_second == pytest.approx(1.0)
    search.epochs("w", range(61, 561), seconds=0.1, of=1000)
    assert search.clock.now - 1000 - 60 > RECENT
    assert search.now.epochs_per_second == pytest.approx(10.0, rel=0.05)
    assert search.now.epochs == 560


def test_epochs_that_take_minutes_have_a_rate_too() -> None:
    search = Search()
    search.epochs("w", range(1, 6), seconds=120, of=100)
    assert search.now.epochs_per_second == pytest.approx(1 / 120)


def test_time_left_is_what_all_runs_have_before_them_at_the_present_rate() -> None:
    search = Search(total=10)
    search.epochs("w", range(1, 6), seconds=1, of=10, runs=4)  # 20 of 100 epochs, 4 per second
    now = search.now
    assert now.epochs_per_second == pytest.approx(4.0)
    assert now.seconds_left == pytest.approx((100 - 20) / 4)
    assert now.share == pytest.approx(0.2)


def test_time_left_expects_early_stopping_where_runs_were_stopped() -> None:
    search = Search(total=3)
    search.epochs("w", range(1, 6), seconds=1, of=100)
    search.standing.note_idle("w")
    search.end("a")
    assert search.now.seconds_left == pytest.approx(2 * 5 / 1)
    assert search.now.share == pytest.approx(1 / 3)


def test_executions_and_folds_are_runs_of_a_trial() -> None:
    search = Search(total=2, runs=5)
    search.epochs("w", range(1, 11), seconds=1, of=10, runs=5)
    assert search.now.share == pytest.approx(0.5)
    search.standing.note_idle("w")
    search.end("a")
    assert search.now.seconds_left == pytest.approx(10)


def test_trials_without_epochs_tell_time_by_trials() -> None:
    search = Search(total=5, earlier=2)
    search.clock.now += 10
    assert search.now.seconds_left is None
    search.end("a")
    assert search.now.seconds_left == pytest.approx(20)
    assert search.now.share == pytest.approx(3 / 5)


def test_what_is_not_known_is_not_told() -> None:
    search = Search(total=None)
    search.epochs("w", range(1, 3), seconds=1, of=0)
    search.end("a")
    now = search.now
    assert (now.total, now.seconds_left, now.share) == (None, None, None)
    assert now.epochs_per_second == pytest.approx(1.0)


def test_an_ended_search_has_nothing_left() -> None:
    search = Search(total=1)
    search.epochs("w", range(1, 3), seconds=1, of=10)
    search.end("a")
    assert (search.now.seconds_left, search.now.share) == (0.0, 1.0)


def test_each_worker_says_what_it_does_until_it_is_idle() -> None:
    search = Search()
    search.standing.note_epochs("GPU 1", "stack b", 2, 20, 8)
    search.standing.note_epochs("GPU 0", "stack a", 5, 20, 16, trained=48)
    assert search.now.workers == (
        Worker("GPU 0", "stack a", 5, 20, 16),
        Worker("GPU 1", "stack b", 2, 20, 8),
    )
    assert search.now.epochs == 8 + 48
    search.standing.note_idle("GPU 1")
    assert [worker.name for worker in search.now.workers] == ["GPU 0"]


def test_threads_lose_no_epoch() -> None:
    search = Search()

    def train(name: str) -> None:
        for epoch in range(2000):
            search.standing.note_epochs(name, "stack", epoch, 2000, 3)
            search.standing.now()

    threads = [threading.Thread(target=train, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert search.now.epochs == 4 * 2000 * 3


# Searches


def test_a_search_by_model_fit_tells_its_epochs(make: Callable[..., Any]) -> None:
    seen: list[Progress] = []

    class Looks:
        def __call__(self, now: Progress) -> None:
            seen.append(now)

    tuner = make(GridSearch, build_two, lane="fit", executions_per_trial=2, progress=Looks())
    tuner.search(**fit_arguments(epochs=3))
    assert [now.trial_id for now in seen] == ["0000", "0001"]
    assert [now.epochs for now in seen] == [6, 12]
    assert [now.workers for now in seen] == [(), ()]
    assert seen[-1] == tuner.progress()._replace(
        trial_id="0001", score=seen[-1].score, seconds=seen[-1].seconds,
        epochs_per_second=seen[-1].epochs_per_second,
    )  # fmt: skip


def test_a_trial_under_way_can_be_seen_from_outside(make: Callable[..., Any]) -> None:
    seen: list[Progress] = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            seen.append(tuners[0].progress())

        def __deepcopy__(self, memo: Any) -> "Look":
            return self

    tuners = [make(GridSearch, build_two, lane="fit")]
    tuners[0].search(**fit_arguments(epochs=3, callbacks=[Look()]))
    assert [now.workers for now in seen[:3]] == [
        (),
        (Worker("Model.fit", "trial 0000", 1, 3, 1),),
        (Worker("Model.fit", "trial 0000", 2, 3, 1),),
    ]
    assert [now.running for now in seen] == [1] * 6
    assert [now.share for now in seen[:3]] == pytest.approx([0, 1 / 6, 2 / 6])


def test_crashes_are_counted_again_when_a_search_is_taken_up(
    make: Callable[..., Any], path: Path
) -> None:
    def result(values: Any) -> float:
        if values["a"] == 1:
            raise ValueError("no")
        return math.inf if values["a"] == 2 else 1.0

    make(dummy(GridSearch, result), grid_of(4)).search(verbose=0)
    now = make(dummy(GridSearch, result), grid_of(4)).progress()
    assert (now.done, now.failed, now.diverged, now.total) == (4, 1, 1, 4)
