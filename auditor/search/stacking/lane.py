"""The stacked lane: a wave of trials is planned, trained in stacks, and concluded as runs end."""

import contextlib
import hashlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from auditor.search.progress import Watch
from auditor.search.row_losses import StackLosses
from auditor.search.stacking import sizing
from auditor.search.stacking.building import complete
from auditor.search.stacking.checkpoint import Checkpoints
from auditor.search.stacking.choosing import Choice, choose
from auditor.search.stacking.dealing import deal_out
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.plan import Group, Plan, PlannedStack
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.stack import Stack


class StackedLane:
    """Trains planned stacks in threads, and hands over each run as it ends."""

    def __init__(
        self,
        objective: keras_tuner.Objective,
        clean_rows: Any = None,
        always: bool = False,
        folder: Path | None = None,
        watch: Watch | None = None,
        losses: bool = False,
    ) -> None:
        """Train nothing yet.

        Args:
            objective: Chooses the best epoch of each run.
            clean_rows: See `Engine`.
            always: Stack also what `Model.fit` trains faster.
            folder: Where each stack saves itself, in a folder of its name, and goes on from; None
                for not at all. Who has reported all runs of a stack is to `remove` it.
            watch: Told of each epoch.
            losses: Note the loss of each validation row in each run.
        """
        self._folder = folder
        self._watch = watch
        self._losses = losses
        self._objective = objective
        self._clean_rows = clean_rows
        self._always = always
        self._at_once = 1
        self._engines: dict[Any, Choice | Exception] = {}
        self._left: Counter[Any] = Counter()  # stacks of each engine
        self._structures: dict[str, str] = {}
        self._locks: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()  # stacks that use all cores
        self._used: set[int] = set()  # models, which live as long as their groups do
        self._stop = threading.Event()

    def train(
        self, plan: Plan
    ) -> Iterator[list[tuple[PlannedStack, StackedRun | PlannedStack | Exception]]]:
        """Train all stacks of a plan.

        Yields:
            What has happened since, each with the stack that it happened in: a run has ended; the
            stack itself, once it was decided how it trains; a warning that it begins anew; or the
            exception that has ended it.
        """
        todo: queue.SimpleQueue[tuple[PlannedStack, Group]] = queue.SimpleQueue()
        for stack, found in plan.stacks:
            todo.put((stack, found))
            self._left[_key(stack, found)] += 1
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._structures = plan.structures
        self._at_once = min(len(plan.stacks), sizing.stacks_at_once(sizing.device()))
        workers = [
            threading.Thread(
                target=self._work, args=(todo, done), name=f"thread {n + 1}", daemon=True
            )
            for n in range(self._at_once)
        ]
        for worker in workers:
            worker.start()
        left = len(workers)
        try:
            while left:
                batch = [done.get()]
                with contextlib.suppress(queue.Empty):
                    while True:
                        batch.append(done.get_nowait())
                left -= batch.count(None)
                for item in batch:
                    if isinstance(item, BaseException):
                        raise item
                if happened := [item for item in batch if item is not None]:
                    yield happened
        finally:
            self._stop.set()
            for worker in workers:
                worker.join(timeout=5)
            self._engines = {}

    def _work(self, todo: Any, done: Any) -> None:
        try:
            while not self._stop.is_set():
                try:
                    stack, found = todo.get_nowait()
                except queue.Empty:
                    break
                try:
                    self._train(stack, found, done)
                except Exception as error:
                    done.put((stack, error))
                self._drop(stack, found)
        except BaseException as error:  # Else whoever waits would wait for ever.
            done.put(error)
        done.put(None)

    def _train(self, stack: PlannedStack, found: Group, done: Any) -> None:
        runs = [found.runs[run] for run in stack.runs]
        for run in runs:
            run.execution.lane, run.execution.stack = "stacked", stack.name
        chunk_of_row = deal_out(found.runs.values())
        engine, exclusive, rows = self._choice(stack, found, chunk_of_row)
        for run in runs:
            run.execution.why_no_chunks = run.execution.why_no_chunks or engine.why_no_chunks
        rows = min(rows, stack.rows)  # halved, where it ran out of memory
        if not stack.is_timed:
            compiled = engine.backend.compiled
            timed = replace(stack, compiled=compiled, exclusive=exclusive, rows=rows, is_timed=True)
            done.put((stack, timed))

        def ended(run: StackedRun) -> None:
            done.put((stack, run))

        place = threading.current_thread().name

        def watch(epoch: int, epochs: int, count: int) -> None:
            if self._watch is not None:
                self._watch.note_epochs(place, f"stack {stack.name}", epoch, epochs, count)

        def tell(problem: str) -> None:
            done.put((stack, UserWarning(f"stack {stack.name} begins anew: {problem}")))

        saved = self._checkpoints(stack, tell)
        with self._one_at_a_time if exclusive else contextlib.nullcontext():
            measure = StackLosses().measure if self._losses else None
            Stack(
                engine, runs, rows, self._objective, ended, self._stop, saved, watch, measure
            ).train()  # fmt: skip
        if self._watch is not None:
            self._watch.note_idle(place)

    def _checkpoints(self, stack: PlannedStack, tell: Callable[[str], None]) -> Checkpoints | None:
        if self._folder is None:
            return None
        structure = self._structures.get(stack.runs[0][0], "")
        digest = hashlib.blake2b(structure.encode(), digest_size=16).hexdigest()
        return Checkpoints(self._folder / stack.name, {"structure": digest}, tell=tell)

    def _choice(self, stack: PlannedStack, found: Group, chunk_of_row: np.ndarray | None) -> Choice:
        """How a group trains, decided by the first of its stacks while the others wait."""
        key = _key(stack, found)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._engines:
                try:
                    self._engines[key] = self._chosen(stack, found, chunk_of_row)
                except Exception as error:
                    self._engines[key] = error
        choice = self._engines[key]
        if isinstance(choice, Exception):
            raise choice
        return choice

    def _drop(self, stack: PlannedStack, found: Group) -> None:
        """Let go of an engine after its last stack: it holds the data, and what was compiled."""
        key = _key(stack, found)
        with self._lock:
            self._left[key] -= 1
            if not self._left[key]:
                self._engines.pop(key, None)

    def _template(self, found: Group) -> Any:
        """A model of a group that no engine has: an engine changes its model for good."""
        with self._lock:
            is_new = id(found.model) not in self._used
            self._used.add(id(found.model))
        model = found.model if is_new else found.any_run.build()
        complete(model)
        return model

    def _chosen(self, stack: PlannedStack, found: Group, chunk_of_row: np.ndarray | None) -> Choice:
        def make(compiled: bool) -> Engine:
            return Engine(
                self._template(found),
                found.any_run.call,
                dict(stack.lifted),
                compiled=compiled,
                stops_at_nan=any(_stops_at_nan(run.call.callbacks) for run in found.runs.values()),
                own_rows=found.any_run.train_rows is not None,
                clean_rows=self._clean_rows,
                chunk_of_row=chunk_of_row,
            )

        if stack.is_timed:
            return Choice(make(stack.compiled), stack.exclusive, stack.rows)
        return choose(found, stack.rows, self._at_once, make, stack.compiled, self._always)


def _key(stack: PlannedStack, found: Group) -> Any:
    """What the stacks of one engine have in common."""
    return id(found), stack.lifted


def _stops_at_nan(callbacks: Iterable[Any]) -> bool:
    return any(isinstance(callback, keras.callbacks.TerminateOnNaN) for callback in callbacks)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device had too little memory."""
    kinds = ("ResourceExhaustedError", "MemoryError")
    return type(error).__name__ in kinds or "RESOURCE_EXHAUSTED" in str(error)
