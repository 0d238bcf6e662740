"""One stack: runs of one structure that train together, each with its callbacks and its end."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import keras_tuner
import numpy as np

from auditor.scoring import UNREGULARISED
from auditor.search.chunks import record
from auditor.search.recorder import LEARNING_RATE, scalars
from auditor.search.stacking.callbacks import RunCallbacks
from auditor.search.stacking.checkpoint import Checkpoints
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.epoch import Shown, train_epoch
from auditor.search.stacking.memory import NotResumable
from auditor.search.stacking.places import Places
from auditor.search.stacking.rows import Place, StackedRun
from auditor.search.stacking.run_model import NotStackable


class Stack:
    """Trains runs together: as one ends, the next takes its row."""

    def __init__(
        self,
        engine: Engine,
        runs: Sequence[StackedRun],
        rows: int,
        objective: keras_tuner.Objective,
        done: Callable[[StackedRun], None] = lambda run: None,
        stop: threading.Event | None = None,
        checkpoints: Checkpoints | None = None,
        watch: Callable[[int, int, int], None] = lambda epoch, epochs, runs: None,
        measure: Callable[[StackedRun], None] | None = None,
    ) -> None:
        """Prepare `rows` rows for any number of runs.

        Args:
            engine: Compiled for their structure.
            runs: In the order in which they start.
            rows: How many train at once.
            objective: Chooses the best epoch.
            done: Called with each run when it has ended.
            stop: Ends the training. Of the epoch that is being computed nobody hears any more: who
                waits for the stack may have gone before it ends.
            checkpoints: Save the stack, and let it go on from there; None for not at all.
            watch: Called after each epoch with how many epochs the runs have behind them on the
                average, how many each has at most, and how many runs there are.
            measure: Called with each run that has best weights, before it is saved as ended; None
                for nothing.
        """
        self.engine = engine
        self.places = Places(engine, runs, rows)
        self._objective = objective
        self._done = done
        self._stop = stop or threading.Event()
        self._checkpoints = checkpoints
        self._watch = watch
        self._measure = measure
        self._ended: list[StackedRun] = []

    def train(self) -> None:
        """Train all runs to their ends, or go on with that.

        Raises:
            OSError: The stack cannot be saved.
        """
        if self._stop.is_set():
            return
        if self._checkpoints is not None:
            for run in self._checkpoints.restore(self):
                self._done(run)
        self._go_on()
        self._compile_ahead()
        while self.places.active and not self._stop.is_set():
            self._epoch()
            if not self._stop.is_set():
                self.places.shrink()
                self._go_on()

    def _compile_ahead(self) -> None:
        """Compile the validation while another core compiles the training."""
        if self.places.active and self.places.some_run.call.validation is not None:
            state, lifted, rows = (
                self.places.host.state,
                self.places.lifted_there,
                self.places.own_rows("validation_rows"),
            )

            def compile_() -> None:
                with suppress(Exception):  # It is raised again where it is needed.
                    self.engine.validate(state, lifted, rows)

            threading.Thread(target=compile_, daemon=True).start()

    # Beginning

    def _go_on(self) -> None:
        """Let runs begin, save what is to be saved, and only then tell of runs that have ended."""
        clock = self.places.clock  # It may jump where runs wait for others that are absent.
        self._begin()
        if self._checkpoints is not None:
            for run in self._ended:
                self._checkpoints.ended(run, clock)
            self._checkpoints.save_if_due(self, bool(self._ended))
        for run in self._ended:
            self._done(run)
        self._ended = []

    def _begin(self) -> None:
        """Let waiting runs take free rows, until each row is taken or none waits."""
        while True:
            for place in self.places.fill():
                if self._checkpoints is not None:
                    self._checkpoints.begun(place.run, self.places)
                self.start(place)
            if not self.places.wait_for_absent():
                break
        self.places.host.send()

    def start(self, place: Place) -> bool:
        """Call the callbacks of a run that has got a row; whether it has not ended by that."""
        call, run = place.run.call, place.run

        def begin() -> None:
            if run.refused is not None:
                raise NotStackable(run.refused)
            place.callbacks = RunCallbacks(call.callbacks, place, call.epochs, run.steps)
            place.callbacks.train_begin()

        if not self._guarded(place, begin):
            return False
        if place.callbacks.stopped or not call.epochs:
            self._end(place)
            return False
        return True

    # Epochs

    def _epoch(self) -> None:
        for place in self.places.active:
            self._guarded(place, partial(place.callbacks.epoch_begin, place.epoch))
        self.places.host.send()
        active = self.places.active
        if not active:
            return
        begun = time.monotonic()
        shown = train_epoch(self.places)
        if self._stop.is_set():
            return
        seconds = (time.monotonic() - begun) / len(active)
        better = np.zeros(self.places.count, bool)
        for place in active:
            better[place.at] = self._after_epoch(place, shown[place.at], seconds)
        mean = sum(place.epoch for place in active) // len(active)
        self._watch(mean, max(place.run.call.epochs for place in active), len(active))
        self.places.host.send()
        self.places.keep_best(better)
        for place in active:
            if self.places.taken[place.at] is place:
                self._end_or_go_on(place)

    def _after_epoch(self, place: Place, shown: Shown, seconds: float) -> bool:
        """Call the callbacks and write the epoch down; whether it is the best so far."""
        logs: dict[str, Any] = {}

        def end() -> None:
            logs.update(place.callbacks.epoch_end(place.epoch, dict(shown.logs)))

        if not self._guarded(place, end):
            return False
        place.last_logs = logs
        place.epoch += 1
        execution = place.run.execution
        extras = dict(shown.clean)
        rate = self._rate(place)
        if rate is not None:
            extras[LEARNING_RATE] = rate
        if shown.penalty is not None and "val_loss" in logs:
            extras[UNREGULARISED] = shown.logs["val_loss"] - shown.penalty
        row = scalars(logs)
        row |= {name: value for name, value in extras.items() if name not in row}
        execution.seconds.append(seconds)
        execution.epochs.append(row)
        record(execution, place.run.dealt, shown.chunks)
        leads = execution.takes_lead(row, self._objective)
        place.has_best |= leads
        return leads

    def _rate(self, place: Place) -> float | None:
        try:
            return place.learning_rate
        except Exception:  # A schedule may be code of anybody's.
            return None

    def _end_or_go_on(self, place: Place) -> None:
        if place.callbacks.stopped or place.epoch >= place.run.call.epochs:
            self._end(place)
        elif self._is_dead(place):
            self._bury(place)

    def _is_dead(self, place: Place) -> bool:
        """Whether a run can only repeat itself: two epochs of NaN, with NaN among the weights."""
        call, rows = place.run.call, place.run.execution.epochs[-2:]
        if call.validation is not None and not call.validates(place.epoch - 1):
            return False  # What the validation gives must be known to be repeated.
        losses = [row.get(name, math.nan) for row in rows for name in ("loss", "val_loss")]
        if len(rows) < 2 or not all(map(math.isnan, losses)):
            return False
        return any(np.isnan(array[place.at]).any() for array in self.places.host.weights)

    def _bury(self, place: Place) -> None:
        """Repeat the last epoch to the end, without training: nothing in it can change.

        Callbacks still see every epoch; one that gives the run new weights revives it.
        """
        call, execution = place.run.call, place.run.execution
        last = dict(execution.epochs[-1])
        found = {name: v for name, v in place.last_logs.items() if name in last}
        clean = {name: v for name, v in last.items() if name.startswith("clean_")}
        penalty = math.nan if UNREGULARISED in last else None
        chunks = {name: means[-1] for name, means in execution.chunks.items()}
        while place.epoch < call.epochs and not place.callbacks.stopped:
            if self._stop.is_set():
                return
            if not self._guarded(place, partial(place.callbacks.epoch_begin, place.epoch)):
                return
            logs = {
                n: v
                for n, v in found.items()
                if not n.startswith("val_") or call.validates(place.epoch)
            }
            again = chunks if call.validates(place.epoch) else {}
            self._after_epoch(place, Shown(logs, clean, penalty, again), 0.0)
            if self.places.taken[place.at] is not place:
                return
            if self.places.host.is_edited(place.at):
                self.places.host.send()
                return
        self._end(place)

    def _end(self, place: Place) -> None:
        """Free the row of a run that has ended."""
        run = place.run

        def end() -> None:
            place.callbacks.train_end(place.last_logs or None)

        if self._guarded(place, end):
            run.history = place.callbacks.history
            self._leave(place)

    def _leave(self, place: Place) -> None:
        run = place.run
        if place.has_best:
            run.execution.best_weights = self.places.best.weights_of(place.at)
            run.execution.model = self.engine.program.model
            if self._measure is not None:
                self._measure(run)
        if run.keeps_final_weights:
            run.final_weights = place.get_weights()
        if run.keeps_final_weights and run.history is not None:
            with suppress(NotResumable):
                run.memory = place.callbacks.state()
        run.weights = []
        self.places.taken[place.at] = None
        self._ended.append(run)

    def _guarded(self, place: Place, act: Callable[[], None]) -> bool:
        """Do something that runs code of the user's; what it raises ends this run alone."""
        try:
            act()
        except NotStackable as refusal:
            place.run.refused = str(refusal)
        except Exception as error:
            place.run.error = error
        else:
            return True
        self._leave(place)
        return False
