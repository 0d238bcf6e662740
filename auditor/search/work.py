"""What an executor does with the parts of a search that it is sent."""

import copy
import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_tuner.engine.trial import Trial

from auditor.errors import AuditorError
from auditor.files import make_folder, read_json, to_json, write_whole
from auditor.search import store
from auditor.search.crashes import ENDS_THE_SEARCH, CrashError, crash_of
from auditor.search.fit import CompiledModels
from auditor.search.folds import Fold
from auditor.search.handover import note_ended
from auditor.search.launching.sharing import Shared
from auditor.search.noting import NotedDown
from auditor.search.recorder import Execution
from auditor.search.settings import Settings
from auditor.search.stacked_search import StackedSearch
from auditor.search.stacking.lane import is_out_of_memory
from auditor.search.stacking.plan import OutdatedError, Plan, PlannedStack, make_plan
from auditor.search.stacking.rows import StackedRun
from auditor.search.stacking.sizing import this_machine
from auditor.search.structure import NotShareable
from auditor.search.weights import save_weights

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


@dataclass
class Work:
    """A search, as executors know it.

    Attributes:
        tuner: A copy that writes nothing, and knows no trial but those that it is sent.
        args, kwargs: Of `search`.
        folds: Of the data.
        settings: By which its models compute.
    """

    tuner: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    folds: tuple[Fold, ...]
    settings: Settings

    @cached_property
    def stacked(self) -> StackedSearch:
        """Trains stacks of it."""
        return StackedSearch(self.tuner, self.args, self.kwargs, self.folds)


@dataclass(frozen=True)
class Trained:
    """A trial that an executor has trained by `Model.fit`, or that crashed there.

    Attributes:
        trial: With the hyperparameters that it has read, and what its code has reported itself.
        executions: Its runs, without models.
        reported: Whether its code has reported the objective itself.
        crash: What ended it; None where nothing did.
        losses: Names of the losses of its models.
        labels_seen: Whether all labels that it was trained on were those of the search.
    """

    trial: Trial
    executions: list[Execution]
    reported: bool
    crash: CrashError | None
    losses: frozenset[str | None]
    labels_seen: bool


def work_of(
    tuner: "RecordingTuner",
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    folds: tuple[Fold, ...],
) -> Work:
    """What executors have to know of a search."""
    oracle = tuner.oracle.without_trials()
    twin = copy.copy(tuner)
    twin.__dict__.update(oracle=oracle, _sweep=tuner._sweep.unwritten(), _compiled=CompiledModels())
    # They belong to the main process, which alone reports.
    for name in ("_progress", "_standing", "_lock", "ending"):
        twin.__dict__[name] = None
    return Work(twin, args, kwargs, folds, Settings.here())


def train_trial(work: Shared, trial: Trial, folder: Path) -> Trained:
    """Train a trial by `Model.fit`.

    Args:
        work: The search.
        trial: Which.
        folder: Where its best weights go.

    Raises:
        AuditorError, FatalError: What concerns the search as a whole.
    """
    given = _loaded(work)
    tuner = given.tuner
    tuner.oracle.trials = {trial.trial_id: trial}
    tuner._standing = NotedDown(folder)
    crash, reported = None, False
    try:
        reported = tuner.train_trial(trial, *given.args, **given.kwargs)
    except ENDS_THE_SEARCH:
        raise
    except Exception as error:
        crash = crash_of(error)
    executions = tuner.runs_so_far(trial)
    for execution in executions:
        _leave_weights(execution, folder)
    sweep = tuner._sweep
    return Trained(trial, executions, reported, crash, frozenset(sweep.losses), sweep.labels_seen)


def train_stack(
    work: Shared, stack: PlannedStack, structure: str, list_name: str, trials: Sequence[Trial]
) -> PlannedStack:
    """Train a stack in its folder, or go on with it there.

    Args:
        work: The search.
        stack: Which.
        structure: What its runs have in common; see `Plan.structures`.
        list_name: Of the file, in that folder, that lists the runs that have ended: others there
            may be of an earlier search, whose code was another one.
        trials: To which its runs belong.

    Returns:
        The stack, with how it was trained. Its runs are in its folder.

    Raises:
        NotShareable: It is not to be stacked after all.
        MemoryError: It takes more memory than there is.
        AuditorError, FatalError: What concerns the search as a whole.
    """
    given = _loaded(work)
    search = given.stacked
    folder = search.folder / stack.name
    stack = _as_planned_here(stack, folder)
    given.tuner._standing = NotedDown(folder)
    try:
        candidates = search.planner.expect(trials, {trial.trial_id: [stack] for trial in trials})
    except Exception as error:  # Whoever trains it alone deals with crashes.
        raise NotShareable(f"its model cannot be built elsewhere: {error!r:.200}") from error
    own = [replace(c, runs=[run for run in c.runs if run.id in stack.runs]) for c in candidates]
    try:
        plan = make_plan(own, [stack], everything=True)
    except OutdatedError:
        plan = Plan()
    if set(plan.structures.values()) != {structure} or len(plan.stacks) != 1:
        raise NotShareable("the code that builds the model gives another structure elsewhere")
    if not stack.is_timed:
        rows = this_machine().most_rows(plan.stacks[0][1].model, own[0].runs[0].call.batch_size)
        plan.stacks = [(replace(s, rows=min(s.rows, rows)), found) for s, found in plan.stacks]
    for happened in search.lane().train(plan):
        for _, what in happened:
            if isinstance(what, PlannedStack):
                stack = what
                make_folder(folder)
                write_whole(folder / _PLAN, to_json(what.state()))
            elif isinstance(what, StackedRun):
                if isinstance(what.error, ENDS_THE_SEARCH):
                    raise what.error
                note_ended(folder / list_name, what.id)
            elif isinstance(what, Exception) and not isinstance(what, UserWarning):
                raise MemoryError(str(what)) if is_out_of_memory(what) else what
    return stack


_PLAN = "plan.json"
"""How a stack trains, as it was decided where it trains: it was timed only once."""


def _loaded(work: Shared) -> Work:
    given: Work = work.load()
    _leave_frameworks_to_themselves()
    given.settings.apply()
    return given


@cache
def _leave_frameworks_to_themselves() -> None:
    """Once in a process, take what is alive out of garbage collections.

    KerasTuner collects garbage for every model, which takes 0.2 s and more with the frameworks, and
    milliseconds without.
    """
    gc.collect()
    gc.freeze()


def _as_planned_here(stack: PlannedStack, folder: Path) -> PlannedStack:
    try:
        state = read_json(folder / _PLAN)
        known = PlannedStack.from_state(state if isinstance(state, dict) else {})
    except (AuditorError, OSError, KeyError, TypeError, ValueError):
        return stack
    same = known.name == stack.name and known.is_timed and not stack.is_timed
    return replace(known, runs=stack.runs, rows=min(known.rows, stack.rows)) if same else stack


def _leave_weights(execution: Execution, folder: Path) -> None:
    """Write the best weights where the main process finds them; neither they nor a model travel."""
    if execution.best_weights is not None:
        make_folder(folder)
        file = folder / f"{execution.execution}-{execution.fold}.{store.WEIGHTS_FILE}"
        save_weights(execution.model, execution.best_weights, file)
        execution.weights_file = file
    execution.best_weights = execution.model = None
