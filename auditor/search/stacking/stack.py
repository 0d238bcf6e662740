"""One stack: runs of one structure that train together, each with its callbacks and its end."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np

from auditor.scoring import UNREGULARISED
from auditor.search.recorder import LEARNING_RATE, scalars
from auditor.search.stacking.callbacks import RunCallbacks
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.program import State
from auditor.search.stacking.randomness import run_keys
from auditor.search.stacking.rows import Host, Place, StackedRun
from auditor.search.stacking.run_model import NotStackable

WORTH_COMPILING = 100_000
"""Steps of single runs that must be saved before a smaller program is compiled: a compilation takes
1 to 3 s, a step of a small dense net on a core .03 ms (docs/performance.md)."""


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
        """
        self.engine = engine
        self._waiting = deque(runs)
        self._objective = objective
        self._done = done
        self._stop = stop or threading.Event()
        self.rows = rows
        self._places: list[Place | None] = [None] * rows
        self._lifted: np.ndarray = np.zeros((rows, len(engine.program.lifting.choices)))
        self._open()

    def train(self) -> None:
        """Train all runs to their ends."""
        if self._stop.is_set():
            return
        self._begin()
        self._compile_ahead()
        while self._active() and not self._stop.is_set():
            self._epoch()
            if not self._stop.is_set():
                self._begin()

    def _compile_ahead(self) -> None:
        """Compile the validation while another core compiles the training."""
        if self._active() and self._some_run.call.validation is not None:
            state, lifted, rows = (
                self.host.state,
                self._lifted_there,
                self._own_rows("validation_rows"),
            )

            def compile_() -> None:
                with suppress(Exception):  # It is raised again where it is needed.
                    self.engine.validate(state, lifted, rows)

            threading.Thread(target=compile_, daemon=True).start()

    # Rows

    def _open(self) -> None:
        """The state of all rows: of the first runs, and copies of the last where there are more."""
        first = [self._waiting[min(i, len(self._waiting) - 1)] for i in range(self.rows)]
        states = [self.engine.program.start(run.weights, run.learning_rate) for run in first]
        put = self.engine.backend.to_device
        stacked = [
            [
                put(np.stack(values))
                for values in zip(*[getattr(s, name) for s in states], strict=True)
            ]
            for name in ("weights", "others", "optimizer")
        ]
        self.host = Host(self.engine, State(*stacked))
        self._best = Host(self.engine, State(list(stacked[0]), list(stacked[1]), []))
        for at, run in enumerate(first):
            self._lifted[at] = self.engine.program.lifting.values(run.held)
        self._lift()

    def _lift(self) -> None:
        floats = self._lifted.astype(keras.config.floatx())
        self._lifted_there = [
            self.engine.backend.to_device(np.ascontiguousarray(column)) for column in floats.T
        ]

    def _active(self) -> list[Place]:
        return [place for place in self._places if place is not None]

    def _begin(self) -> None:
        """Let waiting runs take free rows, until each row is taken or none waits."""
        self._shrink()
        for at in range(self.rows):
            while self._places[at] is None and self._waiting:
                self._start(at, self._waiting.popleft())
        self.host.send()

    def _start(self, at: int, run: StackedRun) -> None:
        program = self.engine.program
        state = program.start(run.weights, run.learning_rate)
        for name in ("weights", "others", "optimizer"):
            for index, value in enumerate(getattr(state, name)):
                self.host.edit(name, index, at, value)
        self._lifted[at] = program.lifting.values(run.held)
        self._lift()
        place = Place(self, at, run)
        self._places[at] = place

        def begin() -> None:
            place.callbacks = RunCallbacks(run.call.callbacks, place, run.call.epochs, run.steps)
            place.callbacks.train_begin()

        if self._guarded(place, begin) and (place.callbacks.stopped or not run.call.epochs):
            self._end(place)

    def _shrink(self) -> None:
        """Fewer rows, where that saves more steps than the smaller program takes to compile."""
        active = self._active()
        rows = max(1, self.rows // 2)
        if self._waiting or not active or len(active) > rows or rows == self.rows:
            return
        left = max(place.run.call.epochs - place.epoch for place in active)
        if (self.rows - rows) * left * active[0].run.steps < WORTH_COMPILING:
            return
        self.host.send()
        keep = [place.at for place in active]
        keep += [at for at in range(self.rows) if at not in keep][: rows - len(keep)]
        put, get = self.engine.backend.to_device, self.engine.backend.to_host
        chosen = [
            [[put(np.asarray(get(array))[keep]) for array in part] for part in parts]
            for parts in (
                (self.host.state.weights, self.host.state.others, self.host.state.optimizer),
                (self._best.state.weights, self._best.state.others, []),
            )
        ]
        self.host, self._best = (Host(self.engine, State(*parts)) for parts in chosen)
        self._lifted = self._lifted[keep]
        self._lift()
        self.rows = rows
        self._places = [*active, *[None] * (rows - len(active))]
        for at, place in enumerate(active):
            place.at = at

    # Epochs

    def _epoch(self) -> None:
        for place in self._active():
            self._guarded(place, partial(place.callbacks.epoch_begin, place.epoch))
        self.host.send()
        active = self._active()
        if not active:
            return
        begun = time.monotonic()
        logs = self._compute(active)
        if self._stop.is_set():
            return
        seconds = (time.monotonic() - begun) / len(active)
        better = np.zeros(self.rows, bool)
        for place in active:
            better[place.at] = self._after_epoch(place, logs[place.at], seconds)
        self.host.send()
        if better.any():
            new, old = self.host.state, self._best.state
            choose = self.engine.backend.choose
            weights = choose(better, new.weights, old.weights)
            others = choose(better, new.others, old.others)
            self._best = Host(self.engine, State(weights, others, []))
        for place in active:
            if self._places[place.at] is place:
                self._end_or_go_on(place)

    def _compute(self, active: list[Place]) -> dict[int, dict[str, Any]]:
        """Train all rows by an epoch; per row its logs in the order of `fit`, and the rest."""
        seeds, epochs = [0] * self.rows, [0] * self.rows
        guards = np.zeros(self.rows, bool)
        for place in active:
            seeds[place.at], epochs[place.at] = place.run.execution.seed, place.epoch
            guards[place.at] = place.callbacks.stops_at_nan
        order = np.stack([self._order(place) for place in self._places])
        state, results = self.engine.train(
            self.host.state, self._lifted_there, run_keys(seeds, epochs), guards, order
        )
        self.host = Host(self.engine, state)
        validated: dict[str, np.ndarray] = {}
        if any(place.run.call.validates(place.epoch) for place in active):
            rows = self._own_rows("validation_rows")
            validated = self.engine.validate(state, self._lifted_there, rows)
        clean = self.engine.clean(state, self._lifted_there, self._own_rows("train_rows"))
        penalty = self.engine.penalty(state, self._lifted_there)
        found = {}
        for place in active:
            at = place.at
            row: dict[str, Any] = {name: float(values[at]) for name, values in results.items()}
            if place.run.call.validates(place.epoch):
                row |= {f"val_{name}": float(values[at]) for name, values in validated.items()}
            found[at] = {
                "logs": row,
                "clean": {f"clean_{name}": float(values[at]) for name, values in clean.items()},
                "penalty": None if penalty is None else float(penalty[at]),
            }
        return found

    def _after_epoch(self, place: Place, found: dict[str, Any], seconds: float) -> bool:
        """Call the callbacks and write the epoch down; whether it is the best so far."""
        logs: dict[str, Any] = {}

        def end() -> None:
            logs.update(place.callbacks.epoch_end(place.epoch, dict(found["logs"])))

        if not self._guarded(place, end):
            return False
        place.last_logs = logs
        place.epoch += 1
        execution = place.run.execution
        extras = dict(found["clean"])
        rate = self._rate(place)
        if rate is not None:
            extras[LEARNING_RATE] = rate
        if found["penalty"] is not None and "val_loss" in logs:
            extras[UNREGULARISED] = found["logs"]["val_loss"] - found["penalty"]
        row = scalars(logs)
        row |= {name: value for name, value in extras.items() if name not in row}
        execution.seconds.append(seconds)
        execution.epochs.append(row)
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
        return any(np.isnan(array[place.at]).any() for array in self.host.weights)

    def _bury(self, place: Place) -> None:
        """Repeat the last epoch to the end, without training: nothing in it can change.

        Callbacks still see every epoch; one that gives the run new weights revives it.
        """
        call, execution = place.run.call, place.run.execution
        last = dict(execution.epochs[-1])
        found = {name: v for name, v in place.last_logs.items() if name in last}
        clean = {name: v for name, v in last.items() if name.startswith("clean_")}
        penalty = math.nan if UNREGULARISED in last else None
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
            self._after_epoch(place, {"logs": logs, "clean": clean, "penalty": penalty}, 0.0)
            if self._places[place.at] is not place:
                return
            if self.host.is_edited(place.at):
                self.host.send()
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
            run.execution.best_weights = self._best.weights_of(place.at)
            run.execution.model = self.engine.program.model
        if run.keeps_final_weights:
            run.final_weights = place.get_weights()
        run.weights = []
        self._places[place.at] = None
        self._done(run)

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

    # Data

    def _order(self, place: Place | None) -> np.ndarray:
        run = place.run if place else self._some_run
        rows = run.train_rows
        if rows is None:
            rows = np.arange(len(run.call.train), dtype=np.int32)
        if place is not None and run.call.shuffle:
            rng = np.random.default_rng([run.execution.seed, place.epoch])
            rows = rng.permutation(rows)
        return np.asarray(rows, np.int32)

    @property
    def _some_run(self) -> StackedRun:
        return self._active()[0].run

    def _own_rows(self, name: str) -> np.ndarray | None:
        """Rows (run, row) that each run has for itself; None where they share them."""
        if getattr(self._some_run, name) is None:
            return None
        runs = [place.run if place else self._some_run for place in self._places]
        return np.stack([getattr(run, name) for run in runs])
