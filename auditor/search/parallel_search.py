"""A search whose trials train in other processes, on this machine or on others."""

import secrets
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from auditor.errors import AuditorError
from auditor.search import store
from auditor.search.crashes import CrashError, crash_of
from auditor.search.crew import Happened, machine_of
from auditor.search.folds import Fold
from auditor.search.handover import read_ended, read_run
from auditor.search.hiding import hide_gpus
from auditor.search.launching.launcher import Launcher
from auditor.search.launching.sharing import Shared, share
from auditor.search.launching.tasks import Died, Ended, Event, Raised, Started, Task
from auditor.search.noting import read_note
from auditor.search.runs import begin_run
from auditor.search.stackable import why_never
from auditor.search.stacked_search import StackedSearch
from auditor.search.stacking.building import built, complete
from auditor.search.stacking.plan import Group, Plan, PlannedStack
from auditor.search.stacking.resuming import adopt, is_whole
from auditor.search.structure import NotShareable
from auditor.search.training_tuner import TrainingTuner
from auditor.search.trial_source import TrialSource
from auditor.search.work import Trained, by_value, train_stack, train_trial, work_of

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


def search_in_parallel(
    tuner: "RecordingTuner",
    launcher: Launcher,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    folds: tuple[Fold, ...],
) -> None:
    """Run all trials of a tuner that are still to be run, on executors.

    Args:
        tuner: Whose trials.
        launcher: Starts and leads the executors.
        args: Of `Model.fit`, by place.
        kwargs: Those by name.
        folds: Of the data; none without cross-validation.

    Raises:
        SearchError: Some part of the search cannot be sent to another process.
    """
    if "verbose" in kwargs:
        tuner.oracle.verbose = kwargs["verbose"]
    if launcher.on_gpus and (held := hide_gpus()):
        warnings.warn(held, stacklevel=2)
    executors = Executors(tuner, launcher, args, kwargs, folds)
    try:
        if tuner.lane == "fit" or why_never(tuner):
            ParallelFit(tuner, executors).run()
        else:
            machine = machine_of(launcher)
            StackedSearch(tuner, args, kwargs, folds, machine, executors).run()
    finally:
        executors.close()


class Executors:
    """Trains trials of a tuner by the executors of a launcher, and reports them as they end."""

    def __init__(
        self,
        tuner: "RecordingTuner",
        launcher: Launcher,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        folds: tuple[Fold, ...],
    ) -> None:
        """Send the search to where executors find it.

        Raises:
            SearchError: Some part of it cannot be sent to another process.
        """
        self._tuner = tuner
        self._launcher = launcher
        self._folder = Path(tuner.project_dir) / store.WORK_FOLDER
        self._at_work: dict[str, tuple[Path, int]] = {}  # with the epochs that are known of
        self._stacks = Path(tuner.project_dir) / store.STACKS_FOLDER
        self._folder.mkdir(exist_ok=True)
        quiet = {**kwargs, "verbose": 0}  # Their bars would be mixed.
        with by_value(tuner, *_user_code(tuner, kwargs)):
            self._work = share(work_of(tuner, args, quiet, folds), self._folder)

    def close(self) -> None:
        """Remove what only executors needed."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _show(self, event: Event) -> None:
        """Tell whoever watches the search what executors are at."""
        standing = self._tuner._standing
        match event:
            case Started(task, executor):
                self._at_work[executor] = (self._folder_of(task), 0)
                for trial in _trials_of(task):
                    standing.note_start(trial.trial_id)
            case Ended(_, executor) | Raised(_, executor) | Died(_, executor):
                self._at_work.pop(executor, None)
                standing.note_idle(executor)
        for executor, (folder, trained) in self._at_work.items():
            if (note := read_note(folder)) and note.trained != trained:
                new = note.trained - trained if note.trained > trained else 0
                standing.note_epochs(executor, *note[:4], trained=new)
                self._at_work[executor] = (folder, note.trained)

    def _folder_of(self, task: Task) -> Path:
        """Where the executor of a task leaves what it has."""
        is_stack = task.function is train_stack
        return (self._stacks if is_stack else self._folder) / task.name

    def train_stacks(self, plan: Plan) -> Iterator[list[tuple[PlannedStack, Happened]]]:
        """Train the stacks of a plan, one on each executor; see `StackedLane.train`."""
        under_way = {
            stack.name: _UnderWay(stack, found, self._stacks / stack.name)
            for stack, found in plan.stacks
        }
        tasks = [one.task(self._work, plan, self._tuner) for one in under_way.values()]
        with closing(self._launcher.run(tasks)) as events:
            for event in events:
                self._show(event)
                happened: list[tuple[PlannedStack, Happened]] = []
                for one in under_way.values():
                    happened += one.ended()
                match event:
                    case Ended(task, _, timed):
                        happened.append((under_way[task.name].stack, timed))
                        happened += under_way[task.name].lost()
                    case Raised(task, _, error):
                        if not isinstance(error, Exception) or _ends_the_search(error):
                            raise error
                        happened.append((under_way[task.name].stack, error))
                    case Died(task, executor, reason, again=False):
                        crash = CrashError(f"{executor} has ended: {reason}")
                        happened += under_way[task.name].crashed(crash)
                if happened:
                    yield happened

    def train_alone(self, trials: Iterable[Trial]) -> None:
        """Train trials by `Model.fit`, as many at once as there are executors."""
        tasks = (
            Task(trial.trial_id, train_trial, (self._work, trial, self._folder / trial.trial_id))
            for trial in trials
        )
        with closing(self._launcher.run(tasks)) as events:
            for event in events:
                self._show(event)
                self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case Ended(task, _, trained):
                self._end(self._tuner.oracle.trials[task.name], trained)
            case Raised(task, _, error):
                if not isinstance(error, Exception) or _ends_the_search(error):
                    raise error
                if isinstance(error, OSError):  # None of a trial's code, which is its `crash`.
                    raise error
                self._crash(task.name, crash_of(error))
            case Died(task, executor, reason, again=False):
                self._crash(task.name, CrashError(f"{executor} has ended: {reason}"))

    def _end(self, trial: Trial, trained: Trained) -> None:
        tuner = self._tuner
        trial.hyperparameters = trained.trial.hyperparameters
        trial.metrics = trained.trial.metrics
        tuner.oracle.update_space(trial.hyperparameters)
        tuner._sweep.note_elsewhere(trained.losses, trained.labels_seen)

        def report() -> None:
            if trained.crash is not None:
                raise trained.crash
            tuner.ending.report(trial, trained.executions, reported=trained.reported)

        tuner.ending.attempt(trial, report, lambda: trained.executions)
        tuner.on_trial_end(trial)

    def _crash(self, trial_id: str, crash: CrashError) -> None:
        """End a trial of which nothing is left."""
        tuner, trial = self._tuner, self._tuner.oracle.trials[trial_id]

        def raise_() -> None:
            raise crash

        run = begin_run(trial_id, tuner.oracle.seed, 0, tuner.cross_validation.count)
        tuner.ending.attempt(trial, raise_, lambda: [run])
        tuner.on_trial_end(trial)


class _UnderWay:
    """A stack that an executor trains, as far as its files tell."""

    def __init__(self, stack: PlannedStack, found: Group, folder: Path) -> None:
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


class ParallelFit:
    """Runs the trials of a tuner by `Model.fit` on executors."""

    def __init__(self, tuner: "RecordingTuner", executors: Executors) -> None:
        """Search with the arguments that the executors were given."""
        self._tuner = tuner
        self._executors = executors
        self._builds = type(tuner).run_trial is TrainingTuner.run_trial
        plain = self._builds and type(tuner.hypermodel).fit is keras_tuner.HyperModel.fit
        self._source = TrialSource(tuner, reads_late=not plain)

    def run(self) -> None:
        """Run all trials that are still to be run."""
        self._tuner.on_search_begin()
        while True:
            wave: list[Trial] = []
            self._executors.train_alone(self._wave(wave))
            if not wave:
                break
            self._source.learn(wave)
        self._tuner.on_search_end()

    def _wave(self, wave: list[Trial]) -> Iterator[Trial]:
        """Trials that may train at once; drawn as executors become free."""
        for trial in self._source.begun():
            self._tuner.on_trial_begin(trial)
            self._look_at(trial)
            wave.append(trial)
            yield trial
            if not self._source.goes_on:
                break

    def _look_at(self, trial: Trial) -> None:
        """See what a build reads: the next trial should not repeat this one."""
        if self._builds:
            build = partial(self._tuner.build_once, trial.hyperparameters)
            try:
                built(build, seed=0, light=True)
            except Exception:  # It crashes again where crashes are dealt with.
                return
        self._source.note(trial)


def _trials_of(task: Task) -> list[Trial]:
    trials = task.args[-1] if task.function is train_stack else [task.args[1]]
    return list(trials)


def _ends_the_search(error: Exception) -> bool:
    return isinstance(error, AuditorError | keras_tuner.errors.FatalError)


def _user_code(tuner: "RecordingTuner", kwargs: dict[str, Any]) -> list[Any]:
    """Whatever of a search may come from a module of the user's."""
    hypermodel = tuner.hypermodel
    callbacks = kwargs.get("callbacks") or []
    build = getattr(hypermodel, "build", None)
    return [type(tuner), type(hypermodel), getattr(build, "__func__", build), *callbacks]
