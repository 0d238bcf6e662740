"""Trains the trials of a search on executors, and reports them as they end."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_tuner.engine.trial import Trial

from auditor.search import store
from auditor.search.crashes import ENDS_THE_SEARCH, CrashError, crash_of
from auditor.search.crew import Happened
from auditor.search.folds import Fold
from auditor.search.launching.by_value import by_value, hidden_modules
from auditor.search.launching.launcher import Launcher
from auditor.search.launching.sharing import share
from auditor.search.launching.tasks import Died, Ended, Event, Raised, Started, Task
from auditor.search.noting import read_note
from auditor.search.runs import begin_run
from auditor.search.stacking.plan import Plan, PlannedStack
from auditor.search.under_way import UnderWay
from auditor.search.work import Trained, train_stack, train_trial, work_of

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


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
        with by_value(*hidden_modules(tuner, *_user_code(tuner, kwargs))):
            self._work = share(work_of(tuner, args, quiet, folds), self._folder)

    def close(self) -> None:
        """Remove what only executors needed."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _show(self, event: Event) -> None:
        """Tell whoever watches the search what executors are at."""
        standing = self._tuner._standing
        match event:
            case Started(task, executor):
                self._at_work[executor] = (self._folder_of(task.function, task.name), 0)
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

    def _folder_of(self, function: Callable[..., Any], name: str) -> Path:
        """Where the executor of a task of this name leaves what it has."""
        return (self._stacks if function is train_stack else self._folder) / name

    def train_stacks(self, plan: Plan) -> Iterator[list[tuple[PlannedStack, Happened]]]:
        """Train the stacks of a plan, one on each executor; see `StackedLane.train`."""
        under_way = {
            stack.name: UnderWay(stack, found, self._folder_of(train_stack, stack.name))
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
                        if not isinstance(error, Exception) or isinstance(error, ENDS_THE_SEARCH):
                            raise error
                        happened.append((under_way[task.name].stack, error))
                    case Died(task, executor, reason, again=False):
                        crash = CrashError(f"{executor} has ended: {reason}")
                        happened += under_way[task.name].crashed(crash)
                if happened:
                    yield happened

    def train_alone(self, trials: Iterable[Trial]) -> None:
        """Train trials by `Model.fit`, as many at once as there are executors."""
        tasks = (self._task(trial) for trial in trials)
        with closing(self._launcher.run(tasks)) as events:
            for event in events:
                self._show(event)
                self._take(event)

    def _task(self, trial: Trial) -> Task:
        folder = self._folder_of(train_trial, trial.trial_id)
        return Task(trial.trial_id, train_trial, (self._work, trial, folder))

    def _take(self, event: Event) -> None:
        match event:
            case Ended(task, _, trained):
                self._end(self._tuner.oracle.trials[task.name], trained)
            case Raised(task, _, error):
                if not isinstance(error, Exception) or isinstance(error, ENDS_THE_SEARCH):
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


def _trials_of(task: Task) -> list[Trial]:
    trials = task.args[-1] if task.function is train_stack else [task.args[1]]
    return list(trials)


def _user_code(tuner: "RecordingTuner", kwargs: dict[str, Any]) -> list[Any]:
    """Whatever of a search may come from a module of the user's."""
    hypermodel = tuner.hypermodel
    callbacks = kwargs.get("callbacks") or []
    build = getattr(hypermodel, "build", None)
    return [type(tuner), type(hypermodel), getattr(build, "__func__", build), *callbacks]
