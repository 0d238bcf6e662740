"""Where a search stands, for whoever follows it."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from keras_tuner.engine.trial import Trial, TrialStatus

from auditor.search.recording_oracle import RecordingOracle

if TYPE_CHECKING:
    from auditor.search.recorder import Execution

RECENT = 30.0
"""Seconds whose epochs make up the rate: it follows a change soon, and does not jump about."""


class Worker(NamedTuple):
    """What trains at the moment in one place: on a device, in a process or thread.

    Attributes:
        name: The place, such as "GPU 0".
        doing: What it trains: a stack, or a trial.
        epoch: Epochs that its runs have behind them, on the average.
        epochs: Epochs that each of them may train; 0 where that is not known.
        runs: How many train together.
    """

    name: str
    doing: str
    epoch: int
    epochs: int
    runs: int


class Progress(NamedTuple):
    """Where a search stands.

    Attributes:
        done: Trials that have ended, of earlier searches in this directory too.
        total: Trials that there will be, as far as is known; None if unbounded.
        trial_id, score: The trial that has just ended, None between two; a crashed one has no
            score, the score of one that diverged is infinite.
        best_trial_id, best_score: The best so far.
        objective: The name of the objective.
        earlier: Trials among `done` that had ended before this search began.
        failed: Trials among `done` that crashed.
        diverged: Trials among `done` that diverged numerically.
        running: Trials that are training.
        epochs: Epochs of single runs that this search has trained.
        epochs_per_second: Those of the last half minute; None before the first.
        seconds: Since this search has begun.
        seconds_left: At the present rate, if runs train as long as those did that have ended; None
            while there is no telling.
        share: Of the whole sweep, from 0 to 1, with the parts of trials that are training; None
            where the total is not known.
        workers: What each place trains that trains anything, by name.
    """

    done: int
    total: int | None
    trial_id: str | None
    score: float | None
    best_trial_id: str | None
    best_score: float | None
    objective: str
    earlier: int = 0
    failed: int = 0
    diverged: int = 0
    running: int = 0
    epochs: int = 0
    epochs_per_second: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    share: float | None = None
    workers: tuple[Worker, ...] = ()


class Watch(Protocol):
    """Who is told how far a training is; see `Standing`."""

    def note_epochs(
        self,
        worker: str,
        doing: str,
        epoch: int,
        epochs: int,
        runs: int = 1,
        trained: int | None = None,
    ) -> None:
        """The runs of a worker have an epoch behind them."""

    def note_idle(self, worker: str) -> None:
        """A worker trains nothing any more."""


class Standing:
    """Follows a search; what trains tells it, from any thread, and anybody may ask."""

    def __init__(
        self, oracle: RecordingOracle, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with nothing; `clock` tells seconds."""
        self._oracle = oracle
        self._clock = clock
        self._lock = threading.Lock()
        self._best: tuple[str, float] | None = None
        self._failed: set[str] = set()
        self._diverged: set[str] = set()
        self._done = self._earlier = 0
        self._total: int | None = None
        self._reset(runs=1)

    def _reset(self, runs: int) -> None:
        self._runs = runs
        self._began = self._clock()
        self._marks = deque([(self._began, 0)])  # epochs in all, at most one mark per second
        self._epochs = 0
        self._planned = 0
        self._running: dict[str, Callable[[], Sequence[Execution]]] = {}
        self._workers: dict[str, Worker] = {}

    def _look(self) -> None:
        """Look at all trials that have ended."""
        self._failed, self._diverged = set(), set()
        for trial_id in self._oracle.end_order:
            self._sort(self._oracle.trials[trial_id])
        self._count()
        self._earlier = self._done

    def _count(self) -> None:
        """Look at what only the thread that searches may look at."""
        self._done, self._total = len(self._oracle.end_order), self._oracle.total()

    # What the search tells

    def start(self) -> None:
        """Look at all trials once, after a search was taken up."""
        for trial in self._oracle.get_best_trials(1):
            self._best = (trial.trial_id, trial.score)
        self._look()

    def begin(self, runs: int) -> None:
        """A search begins, or goes on; each trial has so many runs."""
        with self._lock:
            self._reset(runs)
            self._look()

    def note_start(self, trial_id: str, runs: Callable[[], Sequence["Execution"]] = tuple) -> None:
        """A trial begins to train; `runs` are those of it that train in this process."""
        with self._lock:
            self._running[trial_id] = runs

    def note_epochs(
        self,
        worker: str,
        doing: str,
        epoch: int,
        epochs: int,
        runs: int = 1,
        trained: int | None = None,
    ) -> None:
        """The runs of a worker have an epoch behind them.

        Args:
            worker: Its name.
            doing: What it trains.
            epoch: Epochs that its runs have behind them.
            epochs: Epochs that each may train; 0 where that is not known.
            runs: How many train together.
            trained: Epochs of single runs since the last call for this worker; None for one of
                each run. Who reports less often than once per epoch says it.
        """
        now = self._clock()
        with self._lock:
            self._workers[worker] = Worker(worker, doing, epoch, epochs, runs)
            self._planned = max(self._planned, epochs)
            self._epochs += runs if trained is None else trained
            if now - self._marks[-1][0] >= 1:
                self._marks.append((now, self._epochs))
                while self._marks[1][0] <= now - RECENT:
                    self._marks.popleft()

    def note_idle(self, worker: str) -> None:
        """A worker trains nothing any more."""
        with self._lock:
            self._workers.pop(worker, None)

    def note_end(self, trial: Trial) -> None:
        """A trial has ended."""
        with self._lock:
            self._running.pop(trial.trial_id, None)
            self._sort(trial)
            self._count()
            completed = trial.status == TrialStatus.COMPLETED
            sign = 1 if self._oracle.objective.direction == "min" else -1
            if completed and (self._best is None or sign * trial.score < sign * self._best[1]):
                self._best = (trial.trial_id, trial.score)

    def _sort(self, trial: Trial) -> None:
        crashed = trial.status in (TrialStatus.FAILED, TrialStatus.INVALID)
        diverged = trial.status == TrialStatus.COMPLETED and not math.isfinite(trial.score)
        for found, group in ((crashed, self._failed), (diverged, self._diverged)):
            (group.add if found else group.discard)(trial.trial_id)

    # What others ask

    def training(self) -> Mapping[str, Sequence["Execution"]]:
        """Per trial that trains its runs in this process, which go on meanwhile."""
        with self._lock:
            return {trial_id: runs() for trial_id, runs in self._running.items()}

    def now(self, ended: Trial | None = None) -> Progress:
        """Where the search stands, just after a trial has ended or in between."""
        best_id, best_score = self._best or (None, None)
        completed = ended is not None and ended.status == TrialStatus.COMPLETED
        with self._lock:
            left = self._epochs_left()
            rate = self._rate()
            return Progress(
                done=self._done,
                total=self._total,
                trial_id=ended and ended.trial_id,
                score=ended.score if ended is not None and completed else None,
                best_trial_id=best_id,
                best_score=best_score,
                objective=self._oracle.objective.name,
                earlier=self._earlier,
                failed=len(self._failed),
                diverged=len(self._diverged),
                running=len(self._running),
                epochs=self._epochs,
                epochs_per_second=rate,
                seconds=self._clock() - self._began,
                seconds_left=self._seconds_left(left, rate),
                share=self._share(left),
                workers=tuple(self._workers[name] for name in sorted(self._workers)),
            )

    def _rate(self) -> float | None:
        since, epochs = self._marks[0]
        seconds = self._clock() - since
        return (self._epochs - epochs) / seconds if self._epochs and seconds > 0 else None

    def _epochs_left(self) -> float | None:
        """Epochs of single runs that are to be trained; None where there is no telling."""
        workers = [worker for worker in self._workers.values() if worker.epochs]
        if self._total is None or not self._planned or len(workers) < len(self._workers):
            return None
        ended = (self._done - self._earlier) * self._runs
        under_way = sum(worker.runs for worker in workers)
        behind = sum(worker.runs * worker.epoch for worker in workers)
        mean = float(self._planned)
        if ended > 0:
            # Not what is planned: early stopping ends many runs long before.
            mean = min(mean, max(0.0, (self._epochs - behind) / ended))
        waiting = max(0, (self._total - self._done) * self._runs - under_way)
        rest = sum(worker.runs * max(0, worker.epochs - worker.epoch) for worker in workers)
        return rest + waiting * mean

    def _seconds_left(self, epochs: float | None, rate: float | None) -> float | None:
        if self._total is not None and self._done >= self._total:
            return 0.0
        if epochs is not None:
            return epochs / rate if rate else None
        trained = self._done - self._earlier
        if self._total is None or not trained:
            return None
        return (self._clock() - self._began) / trained * (self._total - self._done)

    def _share(self, left: float | None) -> float | None:
        if not self._total:
            return None
        whole = self._done / self._total
        if left is None or not self._epochs or self._done >= self._total:
            return min(1.0, whole)
        here = self._epochs / (self._epochs + left)
        return min(1.0, (self._earlier + here * (self._total - self._earlier)) / self._total)
