"""A stack that an executor trains, as far as its files tell."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.search.crashes import CrashError
from auditor.search.crew import Happened
from auditor.search.handover import read_ended, read_run
from auditor.search.launching.sharing import Shared
from auditor.search.launching.tasks import Task
from auditor.search.stacking.building import complete
from auditor.search.stacking.plan import Group, Plan, PlannedStack
from auditor.search.stacking.resuming import adopt, is_whole
from auditor.search.structure import NotShareable
from auditor.search.work import train_stack

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


class UnderWay:
    """Takes over the runs of a stack as their files appear."""

    def __init__(self, stack: PlannedStack, found: Group, folder: Path) -> None:
        """Nothing has begun.

        Args:
            stack: Planned.
            found: The group that its runs belong to.
            folder: Where its executor leaves them.
        """
        self.stack = stack
        self._group = found
        self._folder = folder
        self._list = f"ended-{secrets.token_hex(4)}"  # None of an earlier search has this name.
        self._left = {run: found.runs[run] for run in stack.runs}

    def task(self, work: Shared, plan: Plan, tuner: "RecordingTuner") -> Task:
        """The task to train it."""
        trials = [tuner.oracle.trials[name] for name in dict.fromkeys(t for t, _, _ in self._left)]
        steps = sum(run.steps * run.call.epochs for run in self._left.values())
        structure = plan.structures[trials[0].trial_id]
        given = (work, self.stack, structure, self._list, trials)
        return Task(self.stack.name, train_stack, given, size=steps)

    def ended(self) -> list[tuple[PlannedStack, Happened]]:
        """Its runs that have ended since the last time."""
        found: list[tuple[PlannedStack, Happened]] = []
        for name in read_ended(self._folder / self._list) if self._left else ():
            handed = read_run(self._folder, name) if name in self._left else None
            if handed is not None and is_whole(handed, self._left[name]):
                run = self._left.pop(name)
                complete(self._group.model)
                run.execution.lane, run.execution.stack = "stacked", self.stack.name
                found.append((self.stack, adopt(run, handed, self._group.model)))
        return found

    def lost(self) -> list[tuple[PlannedStack, Happened]]:
        """What to say of the others, once the stack has ended: they could not be written down."""
        reason = NotShareable("what it came to cannot be handed to another process")
        return [(self.stack, reason)] if self._left else []

    def crashed(self, crash: CrashError) -> list[tuple[PlannedStack, Happened]]:
        """The others, once nothing trains them any more."""
        runs, self._left = list(self._left.values()), {}
        for run in runs:
            run.error = crash
        return [(self.stack, run) for run in runs]
