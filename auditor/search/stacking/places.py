"""The rows of a stack: who trains in each, who waits for one, and the state of all of them."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from auditor.search.stacking.building import BUILDING
from auditor.search.stacking.engine import Engine
from auditor.search.stacking.program import State
from auditor.search.stacking.rows import Absent, Host, Place, StackedRun, lifted_of, state_of

WORTH_COMPILING = 100_000
"""Steps of single runs that must be saved before a smaller program is compiled: a compilation takes
1 to 3 s, a step of a small dense net on a core .03 ms (docs/performance.md)."""

EXAMINED_AT_ONCE = 32
"""Runs that are examined at once, in 24 ms each. TensorFlow then forgets how it runs its graphs, as
it does with each new seed: the next epoch takes 0.5 s more, and 0.01 s where XLA has compiled it (a
dense net of two layers, 16 runs)."""


class Places:
    """The rows of a stack.

    Attributes:
        engine: What trains them.
        count: How many there are.
        taken: Who trains in each.
        waiting: Who waits, in order.
        clock: Epochs that were trained so far.
        host: Their state.
        best: The weights of the best epoch of each.
        lifted, lifted_there: What is lifted (row, slot); the same on the device.
    """

    def __init__(self, engine: Engine, runs: Sequence[StackedRun], rows: int) -> None:
        """Make so many rows for any number of runs, which wait."""
        self.engine = engine
        self.count = rows
        self.clock = 0
        self.waiting: deque[StackedRun | Absent] = deque(runs)
        self.taken: list[Place | Absent | None] = [None] * rows
        # As of the first runs, and copies of the last where there are more rows.
        known = [run for run in runs if run.examine is None]
        first = [known[min(i, len(known) - 1)] for i in range(rows)]
        state, lifted = state_of(engine, first)
        self.load(state, State(list(state.weights), list(state.others), []), lifted)

    def load(self, state: State, best: State, lifted: np.ndarray) -> None:
        """Take over the state of all rows."""
        self.host = Host(self.engine, state)
        self.best = Host(self.engine, best)
        self.lifted = lifted
        self.lifted_there = lifted_of(self.engine, lifted)

    @property
    def active(self) -> list[Place]:
        """The runs that train."""
        return [place for place in self.taken if isinstance(place, Place)]

    @property
    def some_run(self) -> StackedRun:
        """One of them."""
        return self.active[0].run

    def fill(self) -> Iterator[Place]:
        """Give free rows to those that wait: each run that begins, which may end at once."""
        for at in range(self.count):
            while self.taken[at] is None and self.waiting:
                first = self.waiting.popleft()
                if isinstance(first, StackedRun):
                    if first.examine is not None:
                        self._examine(first)
                    yield self.start(at, first)
                elif first.until > self.clock:
                    self.taken[at] = first

    def _examine(self, first: StackedRun) -> None:
        """Examine a run that begins, and some that come after it: no more than there are rows."""
        late = [r for r in self.waiting if isinstance(r, StackedRun) and r.examine is not None]
        with BUILDING:
            for run in [first, *late][: min(self.count, EXAMINED_AT_ONCE)]:
                run.get_ready()

    def start(self, at: int, run: StackedRun) -> Place:
        """Give a row to a run that begins, which must be ready."""
        program = self.engine.program
        if run.refused is None:
            state = program.start(run.weights, run.learning_rate)
            for name in ("weights", "others", "optimizer"):
                for index, value in enumerate(getattr(state, name)):
                    self.host.edit(name, index, at, value)
            self.lifted[at] = program.lifting.values(run.held)
            self.lifted_there = lifted_of(self.engine, self.lifted)
        self.taken[at] = place = Place(self, at, run)
        return place

    def wait_for_absent(self) -> bool:
        """Let time pass where runs wait for nobody but runs that have ended; whether they did."""
        absent = [place.until for place in self.taken if isinstance(place, Absent)]
        waits = any(isinstance(one, StackedRun) for one in self.waiting)
        if self.active or not waits or not absent:
            return False
        self._set_clock(min(absent))
        return True

    def _set_clock(self, clock: int) -> None:
        self.clock = clock
        for at, place in enumerate(self.taken):
            if isinstance(place, Absent) and place.until <= clock:
                self.taken[at] = None

    def shrink(self) -> None:
        """Fewer rows, where that saves more steps than the smaller program takes to compile."""
        taken = [place for place in self.taken if place is not None]
        rows = max(1, self.count // 2)
        if self.waiting or not self.active or len(taken) > rows or rows == self.count:
            return
        left = max(_epochs_left(place) for place in taken)
        if (self.count - rows) * left * self.some_run.steps < WORTH_COMPILING:
            return
        self.host.send()
        keep = [at for at, place in enumerate(self.taken) if place is not None]
        keep += [at for at in range(self.count) if at not in keep][: rows - len(keep)]
        put, get = self.engine.backend.to_device, self.engine.backend.to_host
        state, best = (
            State(*[[put(np.asarray(get(array))[keep]) for array in part] for part in parts])
            for parts in (
                (self.host.state.weights, self.host.state.others, self.host.state.optimizer),
                (self.best.state.weights, self.best.state.others, []),
            )
        )
        self.load(state, best, self.lifted[keep])
        self.count = rows
        self.taken = [*taken, *[None] * (rows - len(taken))]
        for at, place in enumerate(taken):
            if isinstance(place, Place):
                place.at = at

    def passed(self, state: State) -> None:
        """An epoch has passed for all of them, with this state after it."""
        self.host = Host(self.engine, state)
        for place in self.taken:
            if isinstance(place, Absent):
                place.epoch += 1
        self._set_clock(self.clock + 1)

    def keep_best(self, better: np.ndarray) -> None:
        """Keep the weights of the rows (row,) that have just had their best epoch."""
        if better.any():
            new, old = self.host.state, self.best.state
            choose = self.engine.backend.choose
            weights = choose(better, new.weights, old.weights)
            others = choose(better, new.others, old.others)
            self.best = Host(self.engine, State(weights, others, []))

    # Data

    def order(self) -> np.ndarray:
        """The training rows of each run in the order of training (run, row)."""
        return np.stack([self._order(place) for place in self.taken])

    def _order(self, place: Place | Absent | None) -> np.ndarray:
        run = place.run if isinstance(place, Place) else self.some_run
        rows = run.train_rows
        if rows is None:
            rows = np.arange(len(run.call.train), dtype=np.int32)
        if isinstance(place, Place) and run.call.shuffle:
            rng = np.random.default_rng([run.execution.seed, place.epoch])
            rows = rng.permutation(rows)
        return np.asarray(rows, np.int32)

    def own_rows(self, name: str) -> np.ndarray | None:
        """Rows (run, row) that each run has for itself; None where they share them."""
        some = self.some_run
        if getattr(some, name) is None:
            return None
        runs = [place.run if isinstance(place, Place) else some for place in self.taken]
        return np.stack([getattr(run, name) for run in runs])


def _epochs_left(place: Place | Absent) -> int:
    epochs = place.run.call.epochs if isinstance(place, Place) else place.epochs
    return epochs - place.epoch
