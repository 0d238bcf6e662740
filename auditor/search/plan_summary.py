"""What a search trains together, for people: before it begins, or as it was written down."""

import html
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keras_tuner.src.engine.oracle import LOCKS, THREADS

from auditor.search.crew import machine_of
from auditor.search.launching.launcher import launcher
from auditor.search.on_test import without_test_data
from auditor.search.planner import Planner
from auditor.search.stackable import why_never
from auditor.search.stacking.plan import PlannedStack
from auditor.search.stored_oracle import ENDED

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner

WIDTH = 80
"""Columns of the text."""

MOST_LINES = 20
"""Stacks, and reasons, that the text lists; all of them are in the attributes."""

MOST_NAMES = 8
"""Trials that the text names for each reason."""


@dataclass(frozen=True)
class StackSummary:
    """Runs of one structure that train together.

    Attributes:
        name: As in `sweep.json`, and in `Trials.context.stack`.
        trials: Whose runs they are.
        runs: How many.
        rows: How many train at once.
        compiled: Whether XLA compiles their program; else it is a graph.
        is_timed: Whether that was found to be the fastest; it is likely otherwise.
        differences: What they differ in, in words.
    """

    name: str
    trials: tuple[str, ...]
    runs: int
    rows: int
    compiled: bool
    is_timed: bool = False
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanSummary:
    """Which trials train together, and why the others do not; `str` makes it a table.

    Attributes:
        stacks: The stacks, those that take longest first.
        alone: Per reason the trials that `Model.fit` trains.
        ended: Trials that had ended before, and are not planned again.
        total: Trials that there will be, as far as is known; None if unbounded.
        has_more: Whether more trials are planned when these have ended: memory limits how many
            are at once, and what a trial asks for may decide what comes next.
        none: Why nothing is stacked in this search, or planned yet; empty otherwise.
    """

    stacks: tuple[StackSummary, ...] = ()
    alone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ended: int = 0
    total: int | None = None
    has_more: bool = False
    none: str = ""

    @property
    def stacked_trials(self) -> int:
        """Trials that are trained in stacks."""
        return len({trial for stack in self.stacks for trial in stack.trials})

    @property
    def stacked_runs(self) -> int:
        """Runs that are trained in stacks."""
        return sum(stack.runs for stack in self.stacks)

    @property
    def alone_trials(self) -> int:
        """Trials that `Model.fit` trains."""
        return sum(map(len, self.alone.values()))

    def __str__(self) -> str:
        """A table for people."""
        return "\n".join([*self._heading(), *self._table(), *self._reasons()])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _heading(self) -> Iterator[str]:
        if self.none:
            yield from textwrap.wrap(self.none, WIDTH)
        else:
            stacked = f"{_count(self.stacked_trials, 'trial')} ({_count(self.stacked_runs, 'run')})"
            yield (
                f"{stacked} in {_count(len(self.stacks), 'stack')}, "
                f"{_count(self.alone_trials, 'trial')} by Model.fit"
            )
        if self.ended:
            yield f"{_count(self.ended, 'trial')} ended before"
        if self.has_more:
            more = "more" if self.total is None else f"more of {_count(self.total, 'trial')}"
            yield f"This is the first wave: {more} are planned when these have ended."

    def _table(self) -> Iterator[str]:
        if not self.stacks:
            return
        yield ""
        yield f"{'stack':<10}{'trials':>6}{'runs':>7}{'at once':>9}  {'program':<9}runs differ in"
        for stack in self.stacks[:MOST_LINES]:
            start = f"{stack.name:<10}{len(stack.trials):>6}{stack.runs:>7}{stack.rows:>9}"
            program = ("XLA" if stack.compiled else "graph") + ("" if stack.is_timed else "?")
            start += f"  {program:<9}"
            words = ", ".join(stack.differences) or "their random numbers only"
            indent = " " * min(len(start), WIDTH - 30)
            yield from textwrap.wrap(start + words, WIDTH, subsequent_indent=indent)
        yield from _rest(len(self.stacks), "stack")
        if not all(stack.is_timed for stack in self.stacks):
            yield "?: likely. The first steps of a stack are timed, also against Model.fit."

    def _reasons(self) -> Iterator[str]:
        if not self.alone:
            return
        yield ""
        yield "By Model.fit:"
        for reason, trials in list(self.alone.items())[:MOST_LINES]:
            names = ", ".join(trials[:MOST_NAMES])
            more = f" and {len(trials) - MOST_NAMES} more" if len(trials) > MOST_NAMES else ""
            text = f"{_count(len(trials), 'trial')} ({names}{more}): {reason}"
            lines = textwrap.wrap(text, WIDTH - 2, subsequent_indent="  ")
            yield from (f"  {line}" for line in lines)
        yield from _rest(len(self.alone), "reason")


def stored_summary(tuner: "RecordingTuner") -> PlanSummary:
    """The plan that `sweep.json` holds: of all waves so far."""
    stacks, alone = tuner._sweep.stacks, tuner._sweep.alone
    none = ""
    if not stacks and not alone:
        none = _why_fit(tuner) or (
            "Nothing is planned yet: give plan_summary() the arguments of search()."
        )
    return PlanSummary(
        _stacks(stacks, alone), _by_reason(alone), total=tuner.oracle.total(), none=none
    )


def planned_summary(
    tuner: "RecordingTuner", args: tuple[Any, ...], kwargs: dict[str, Any]
) -> PlanSummary:
    """Plan the first wave of a search, on a copy of everything that planning changes.

    Raises:
        DirectoryError: The directory holds a sweep on other data.
        SearchError: The data cannot be split into folds.
    """
    kwargs = without_test_data(kwargs)
    folds = tuner.cross_validation.split(tuner.oracle.seed, args, kwargs)
    sweep = tuner._sweep.unwritten()
    sweep.open(args, kwargs, tuner.executions_per_trial, folds)
    if none := _why_fit(tuner):
        return PlanSummary(ended=_ended(tuner.oracle), total=tuner.oracle.total(), none=none)
    oracle = tuner.oracle.unwritten()
    twin = copy(tuner)
    # A subclass may count in these, and they belong to trials that are going to be trained.
    twin.__dict__.update(oracle=oracle, _sweep=sweep, on_trial_begin=_pass, pre_create_trial=_pass)
    oracle.forgive()
    ended = _ended(oracle)
    try:
        machine = machine_of(launcher(tuner.n_jobs, tuner.workers_per_gpu))
        planner = Planner(twin, args, kwargs, folds, machine)
        wave = planner.next()
        has_more = bool(wave.trials) and planner.goes_on()
    finally:
        # KerasTuner keeps a lock for each oracle, and with it the oracle, for ever.
        LOCKS.pop(oracle, None)
        THREADS.pop(oracle, None)
    stacks = _stacks([stack for stack, _ in wave.plan.stacks], wave.plan.alone)
    none = "" if wave.trials else "Nothing is left to train."
    return PlanSummary(stacks, _by_reason(wave.plan.alone), ended, oracle.total(), has_more, none)


def _why_fit(tuner: "RecordingTuner") -> str:
    reason = 'the tuner was made with lane="fit"' if tuner.lane == "fit" else why_never(tuner)
    return f"All trials are trained by Model.fit: {reason}." if reason else ""


def _ended(oracle: Any) -> int:
    waiting = set(oracle._retry_queue)
    return sum(t.status in ENDED and name not in waiting for name, t in oracle.trials.items())


def _stacks(stacks: Iterable[PlannedStack], alone: Mapping[str, str]) -> tuple[StackSummary, ...]:
    """The stacks, without trials that turned out not to be stackable."""
    found = []
    for stack in stacks:
        runs = [trial for trial, _, _ in stack.runs if trial not in alone]
        if runs:
            trials = tuple(dict.fromkeys(runs))
            way = (min(stack.rows, len(runs)), stack.compiled, stack.is_timed)
            found.append(StackSummary(stack.name, trials, len(runs), *way, stack.differences))
    return tuple(found)


def _by_reason(alone: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Per reason its trials, the most frequent reason first."""
    found: dict[str, list[str]] = {}
    for trial in sorted(alone):
        found.setdefault(alone[trial], []).append(trial)
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return {reason: tuple(trials) for reason, trials in ordered}


def _rest(count: int, noun: str) -> Iterator[str]:
    if count > MOST_LINES:
        yield f"and {_count(count - MOST_LINES, f'more {noun}')}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _pass(*args: Any) -> None:
    """In place of a hook."""
