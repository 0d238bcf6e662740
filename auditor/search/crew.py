"""Who trains the trials of a search: this process, or others."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from keras_tuner.engine.trial import Trial

from auditor.search.launching.launcher import Launcher
from auditor.search.recorder import Execution
from auditor.search.stacking.plan import Plan, PlannedStack
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.sizing import Machine, this_machine

if TYPE_CHECKING:
    from auditor.search.stacked_search import StackedSearch

Happened = StackedRun | PlannedStack | Exception
"""See `StackedLane.train`."""


class Crew(Protocol):
    """Who trains the trials of a search: this process, or others."""

    def train_stacks(self, plan: Plan) -> Iterator[list[tuple[PlannedStack, Happened]]]:
        """Train the stacks of a plan; see `StackedLane.train`."""

    def train_alone(self, trials: Iterable[Trial]) -> None:
        """Train trials by `Model.fit`, and end them."""


def machine_of(launcher: Launcher | None) -> Machine:
    """What a search trains on: executors, each a stack at a time, or this process."""
    if launcher is None:
        return this_machine()
    return Machine("gpu" if launcher.on_gpus else "cpu", at_once=len(launcher.executors))


class Here:
    """This process: stacks in threads, then the others one by one."""

    def __init__(self, search: "StackedSearch", args: tuple[Any, ...], kwargs: Any) -> None:
        """Train with these arguments of `fit`."""
        self._search = search
        self._tuner = search._tuner
        self._fit = args, kwargs
        if "verbose" in kwargs:
            self._tuner.oracle.verbose = kwargs["verbose"]

    def train_stacks(self, plan: Plan) -> Iterator[list[tuple[PlannedStack, Happened]]]:
        """Train the stacks of a plan; see `StackedLane.train`."""
        training: dict[str, list[Execution]] = {}
        for stack, group in plan.stacks:
            for run in stack.runs:
                training.setdefault(run[0], []).append(group.runs[run].execution)
        for trial_id, runs in training.items():
            self._tuner._standing.note_start(trial_id, partial(tuple, runs))
        yield from self._search.lane().train(plan)

    def train_alone(self, trials: Iterable[Trial]) -> None:
        """Train trials by `Model.fit`, and end them."""
        args, kwargs = self._fit
        for trial in trials:
            self._tuner._try_run_and_update_trial(trial, *args, **kwargs)
            self._tuner.on_trial_end(trial)
