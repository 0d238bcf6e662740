"""Compiled by XLA, run as a graph, or trained alone: timed on a few steps of the real thing."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import keras
import numpy as np

from auditor.search.stacking.engine import Engine
from auditor.search.stacking.layers import RECURRENT, has
from auditor.search.stacking.plan import Group
from auditor.search.stacking.rows import lifted_of, state_of
from auditor.search.steps import use_many_steps
from auditor.search.structure import NotShareable

FEW_STEPS = 4
"""Steps that are timed."""

LEAST_FIT = {"tensorflow": 0.6e-3, "jax": 0.25e-3}
"""Seconds that `Model.fit` takes for a step of the smallest model (docs/performance.md). A stack
that takes less for a step of each run needs no comparison with it."""

LEAST_FIT_OVER_TIME = 1.5e-3
"""The same on TensorFlow for a model that loops over time: an LSTM of 32 units over 20 steps takes
2.5 ms. To compile it only to be timed takes 2 s."""

WORTH_TRYING = 20.0
"""Seconds of training, by the first way's own time, that make a second way worth compiling."""

WORTH_COMPARING = 10.0
"""Seconds of training in stacks that make it worth to time `Model.fit` too, which compiles for 2 s
to be timed."""

FEWEST_ROWS = 4
"""Rows below which stacks are not cut: the calls of a step are then paid by too few runs."""

FASTER = 0.9
"""Share of the first way's time that a second way must stay below to be taken."""

ONE_CORE = 0.2e-3
"""Seconds for a step of a run, in stacks that train at once. Models that take less, as the .03 to
.05 ms of a small dense net (docs/performance.md), keep one core and a bit busy: one stack at a time
would leave the others idle. Larger ones can fill all cores, and then only disturb one another."""


class Choice(NamedTuple):
    """How a group trains.

    Attributes:
        engine: What trains it.
        exclusive: Whether its stacks train one after another, since one uses all cores.
        rows: Runs that train at once.
    """

    engine: Engine
    exclusive: bool
    rows: int


def choose(
    found: Group,
    rows: int,
    at_once: int,
    make: Callable[[bool], Engine],
    compiled: bool,
    always: bool = False,
) -> Choice:
    """The way to train a group that is fastest, as timed on its first runs.

    Args:
        found: The group.
        rows: Runs that train at once, as many as memory allows.
        at_once: Stacks that train at once.
        make: Makes an engine of the group, compiled or not.
        compiled: Whether XLA most likely pays, which is tried first.
        always: Stack even where `Model.fit` is faster.

    Raises:
        NotShareable: `Model.fit` is faster.
    """
    engine = make(compiled)
    seconds = time_stack(engine, found, rows, at_once)
    if found.steps * seconds > WORTH_TRYING and _may_be_either(found.model):
        other = make(not compiled)
        others = time_stack(other, found, rows, at_once)
        if others < FASTER * seconds:
            engine, seconds = other, others
    exclusive = False
    if at_once > 1 and seconds > ONE_CORE:
        single = time_stack(engine, found, rows, 1)
        if exclusive := single < FASTER * seconds:
            at_once, seconds = 1, single
    rows, seconds = _fewer_rows(engine, found, rows, at_once, seconds)
    if always or seconds < _least_fit(found.model) or found.steps * seconds < WORTH_COMPARING:
        return Choice(engine, exclusive, rows)
    alone = time_fit(found)
    if alone < seconds:
        raise NotShareable(
            f"Model.fit is faster for this structure here: {1e3 * alone:.2g} ms a step, against "
            f"{1e3 * seconds:.2g} for a step of a run in a stack"
        )
    return Choice(engine, exclusive, rows)


def _fewer_rows(
    engine: Engine, found: Group, rows: int, at_once: int, seconds: float
) -> tuple[int, float]:
    """Half the rows, again and again, while that is faster: many runs may not fit into a cache.

    Each try compiles a program of its own.
    """
    while rows >= 2 * FEWEST_ROWS and found.steps * seconds > WORTH_TRYING:
        fewer = time_stack(engine, found, rows // 2, at_once)
        if fewer >= FASTER * seconds:
            break
        rows, seconds = rows // 2, fewer
    return rows, seconds


def time_stack(engine: Engine, found: Group, rows: int, at_once: int) -> float:
    """Seconds for a step of a run in stacks of so many rows, so many of them at once."""
    runs = [run for run in found.runs.values() if run.examine is None]
    first = [runs[i % len(runs)] for i in range(rows)]
    state, values = state_of(engine, first)
    lifted = lifted_of(engine, values)
    train_rows = first[0].train_rows
    length = len(first[0].call.train if train_rows is None else train_rows)
    order = np.tile(np.arange(length, dtype=np.int32), (rows, 1))
    keys, guards = np.zeros((rows, 2), np.uint32), np.zeros(rows, bool)

    def steps(_: int = 0) -> None:
        engine.train(state, lifted, keys, guards, order, FEW_STEPS)

    steps()  # compiles
    with ThreadPoolExecutor(at_once) as pool:
        begun = time.perf_counter()
        list(pool.map(steps, range(at_once)))  # raises what a thread raises
        seconds = time.perf_counter() - begun
    return seconds / (engine.timed_steps(length, FEW_STEPS) * rows * at_once)


def time_fit(found: Group) -> float:
    """Seconds for a step of `Model.fit`, as the ordinary lane calls it."""
    run = found.any_run
    model = run.build()
    use_many_steps(model)
    size = run.call.batch_size
    steps = 32  # one call of the compiled step
    few = [
        np.resize(a[: steps * size], (steps * size, *a.shape[1:])) for a in run.call.train.arrays
    ]
    x, y, sample_weight = run.call.train.pack(few)
    given = {"x": x, "y": y, "sample_weight": sample_weight, "batch_size": size, "verbose": 0}
    model.fit(**given)  # compiles
    begun = time.perf_counter()
    model.fit(**given)
    return (time.perf_counter() - begun) / steps


def _least_fit(model: Any) -> float:
    """Seconds that a step of `Model.fit` takes at least."""
    name = keras.config.backend()
    if name == "tensorflow" and has(model, RECURRENT):
        return LEAST_FIT_OVER_TIME
    return LEAST_FIT.get(name, 0.0)


def _may_be_either(model: Any) -> bool:
    """Whether a structure trains both ways: JAX compiles all, loops over time hardly compile."""
    if keras.config.backend() != "tensorflow":
        return False
    return not has(model, RECURRENT)
