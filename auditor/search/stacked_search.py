"""A search whose trials train in stacks where they can, in waves that fit into memory."""

import traceback
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.tuner_utils import validate_trial_results

from auditor.errors import AuditorError
from auditor.search import store
from auditor.search.clean import sample_rows
from auditor.search.crew import Crew, Here
from auditor.search.folds import Fold
from auditor.search.recorder import Execution
from auditor.search.results import Result, take_returned
from auditor.search.runs import begin_run
from auditor.search.stacking.candidates import Candidate, Examiner, files_of
from auditor.search.stacking.checkpoint import remove
from auditor.search.stacking.fit_call import DataCache
from auditor.search.stacking.lane import StackedLane, is_out_of_memory
from auditor.search.stacking.plan import Plan, PlannedStack, make_plan
from auditor.search.stacking.rows import RunId, StackedRun
from auditor.search.stacking.sizing import Machine, this_machine
from auditor.search.structure import NotShareable
from auditor.search.trial_source import TrialSource

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner

MOST_TRIALS = 2_048
"""Trials that are planned at once."""

MOST_ALONE = 8
"""Trials that wait for one that can be stacked, before they are trained one by one."""

MOST_BYTES = 1 << 30
"""Initial weights that are held at once: more trials wait for the next wave."""


class StackedSearch:
    """Runs the trials of a tuner in waves: planned together, trained in stacks, then the rest."""

    def __init__(
        self,
        tuner: "RecordingTuner",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        folds: tuple[Fold, ...],
        machine: Machine | None = None,
        crew: Crew | None = None,
    ) -> None:
        """Search with the arguments of `fit`.

        Args:
            tuner: Whose trials.
            args: Arguments of `fit` by place.
            kwargs: Those by name.
            folds: Of the data; none without cross-validation.
            machine: What they train on; None for this process.
            crew: Who trains them; None for this process.
        """
        self._tuner = tuner
        self._has_own_fit = type(tuner.hypermodel).fit is not keras_tuner.HyperModel.fit
        given = dict(kwargs)
        callbacks = given.pop("callbacks", None) or []
        self._examiner = Examiner(
            build=tuner.build_once,
            hypermodel=tuner.hypermodel,
            begin=self._begin,
            callbacks=lambda trial, run: tuner._own_callbacks(callbacks, trial, run),
            saw=self._saw,
            runs=tuner.executions_per_trial * max(1, len(folds)),
            args=args,
            kwargs=given,
            folds=folds,
            writers=dict.fromkeys(files_of(callbacks)),
            # A HyperModel's own `fit` may change the arrays of `search` in place.
            cache=DataCache(() if self._has_own_fit else [args, given]),
        )
        self._clean = None
        if tuner.clean_train_metrics:
            self._clean = lambda count: sample_rows(count, tuner.oracle.seed)
        self.folder = Path(tuner.project_dir) / store.STACKS_FOLDER
        self._source = TrialSource(tuner, reads_late=self._has_own_fit)
        self._machine = machine or this_machine()
        self._crew: Crew = crew or Here(self, args, kwargs)

    def run(self) -> None:
        """Run all trials that are still to be run."""
        tuner = self._tuner
        tuner.on_search_begin()
        while True:
            plan, candidates, trials = self.plan()
            if not trials:
                break
            tuner._sweep.add_plan([stack for stack, _ in plan.stacks], plan.alone)
            self._train(plan, candidates)
            tuner._sweep.add_plan([], plan.alone)
            self._crew.train_alone([trials[trial_id] for trial_id in sorted(plan.alone)])
            for stack, _ in plan.stacks:
                remove(self.folder / stack.name)
            self._source.learn(trials.values())
        remove(self.folder)  # with what was killed before it could be removed
        tuner.on_search_end()

    def lane(self) -> StackedLane:
        """What trains stacks in this process."""
        always = self._tuner.lane == "stacked"
        objective, watch = self._tuner.oracle.objective, self._tuner._standing
        return StackedLane(objective, self._clean, always, self.folder, watch)

    def examine(self, trial: Trial) -> Candidate:
        """The runs of a trial, as a stack could train them; see `Examiner`."""
        return self._examiner.examine(trial)

    # Planning

    def plan(self) -> tuple[Plan, dict[str, Candidate], dict[str, Trial]]:
        """The plan of the next wave, its trials that can be stacked, and all of its trials."""
        wave, alone = self._next_wave()
        old, always = self._tuner._sweep.stacks, self._tuner.lane == "stacked"
        plan = make_plan(wave, old, always, self._machine)
        plan.alone |= {trial.trial_id: reason for trial, reason in alone}
        candidates = {c.trial.trial_id: c for c in wave}
        trials = {c.trial.trial_id: c.trial for c in wave} | {t.trial_id: t for t, _ in alone}
        return plan, candidates, trials

    def goes_on(self) -> bool:
        """Whether there would be more trials, which the oracle then takes as begun."""
        return next(self._source.new(), None) is not None

    def _next_wave(self) -> tuple[list[Candidate], list[tuple[Trial, str]]]:
        """The next trials: those that can be stacked, and the others with the reason."""
        wave: list[Candidate] = []
        alone: list[tuple[Trial, str]] = []
        held = 0
        for trial in self._source.begun():
            self._tuner.on_trial_begin(trial)
            try:
                candidate = self._examiner.examine(trial)
                wave.append(candidate)
                held += sum(w.nbytes for run in candidate.runs for w in run.weights)
            except NotShareable as reason:
                alone.append((trial, str(reason)))
            except Exception as error:
                # It will crash again where crashes are dealt with.
                alone.append((trial, f"its model cannot be built: {type(error).__name__}"))
            if not self._goes_on(trial, len(wave), len(alone)) or held >= MOST_BYTES:
                break
        return wave, alone

    def _goes_on(self, trial: Trial, stacked: int, alone: int) -> bool:
        """Whether the next trial may be known before this one has ended."""
        if not self._examiner.has_seen_all:
            self._tuner.oracle.update_space(trial.hyperparameters)
            if not stacked:
                return False
        else:
            self._source.note(trial)
        if not stacked and alone >= MOST_ALONE * self._machine.at_once:
            return False
        return self._source.goes_on and stacked + alone < MOST_TRIALS

    def _begin(self, trial: Trial, place: int) -> Execution:
        folds = self._tuner.cross_validation.count
        return begin_run(trial.trial_id, self._tuner.oracle.seed, place, folds)

    def _saw(self, model: Any, arguments: Any) -> None:
        self._tuner._sweep.note_loss(model)
        self._tuner._see_fit(arguments)
        self._tuner._sweep.end_fit(self._tuner.hypermodel)

    # Training

    def _train(self, plan: Plan, candidates: dict[str, Candidate]) -> None:
        """Train the stacks of a plan; trials that turn out not to be stackable are left over."""
        left = {trial: len(c.runs) for trial, c in candidates.items() if trial not in plan.alone}
        smaller: list[PlannedStack] = []
        for batch in self._crew.train_stacks(plan):
            for stack, ended in batch:
                if isinstance(ended, StackedRun):
                    left[ended.trial_id] -= 1
                elif isinstance(ended, PlannedStack):
                    self._tuner._sweep.add_plan([ended], {})
                elif isinstance(ended, UserWarning):
                    warnings.warn(ended, stacklevel=2)
                elif isinstance(ended, NotShareable):
                    self._leave(stack.runs, str(ended), plan, left)
                elif isinstance(ended, OSError):  # It cannot save itself.
                    raise ended
                elif is_out_of_memory(ended) and stack.rows > 1:
                    smaller.append(stack)
                else:
                    reason = f"the stack cannot be trained: {_short(ended)}"
                    self._leave(stack.runs, reason, plan, left)
            runs = [ended for _, ended in batch if isinstance(ended, StackedRun)]
            whole = [trial for trial in {run.trial_id: 0 for run in runs} if not left[trial]]
            self._end([candidates[trial] for trial in whole], plan)
        if smaller:
            self._again(smaller, plan, candidates, left)

    def _again(
        self,
        stacks: list[PlannedStack],
        plan: Plan,
        candidates: dict[str, Candidate],
        left: dict[str, int],
    ) -> None:
        """Train stacks that took too much memory in half the rows, from their start."""
        pending = {t for stack in stacks for t, _, _ in stack.runs if left.get(t)}
        fresh: dict[str, Candidate] = {}
        for trial in sorted(pending):
            try:
                fresh[trial] = self._examiner.examine(candidates[trial].trial)
            except Exception as error:  # Code of the user's, which did not raise before.
                plan.alone[trial] = f"its model cannot be built again: {_short(error)}"
        halves = [replace(stack, rows=stack.rows // 2) for stack in stacks]
        again = make_plan(fresh.values(), halves, True, self._machine)
        for stack, _ in again.stacks:
            remove(self.folder / stack.name)
        self._tuner._sweep.add_plan([stack for stack, _ in again.stacks], again.alone)
        self._train(again, fresh)
        plan.alone |= again.alone

    def _leave(
        self, runs: tuple[RunId, ...], reason: str, plan: Plan, left: dict[str, int]
    ) -> None:
        for trial_id, _, _ in runs:
            if left.get(trial_id):
                plan.alone[trial_id] = reason

    def _end(self, candidates: list[Candidate], plan: Plan) -> None:
        """End trials all of whose runs have ended, the best first: fewer weights are written."""
        ended = [one for candidate in candidates if (one := self._outcome(candidate, plan))]
        ending = self._tuner.ending
        results = ending.conclude({e.trial.trial_id: e.executions for e in ended})
        sign = 1 if self._tuner.oracle.objective.direction == "min" else -1
        for one in sorted(ended, key=lambda one: sign * results[one.trial.trial_id].score):
            report = partial(self._report, one, results[one.trial.trial_id])
            ending.attempt(one.trial, report, partial(list, one.executions))
            self._tuner.on_trial_end(one.trial)
            for execution in one.executions:
                execution.best_weights = None  # On the disk, if they are among the best.

    def _report(self, one: "_Ended", result: Result) -> None:
        if one.error is not None:
            raise one.error
        self._tuner.ending.report(one.trial, one.executions, result)

    def _outcome(self, candidate: Candidate, plan: Plan) -> "_Ended | None":
        """What a trial came to; None where it goes to the ordinary lane after all."""
        trial, runs = candidate.trial, candidate.runs
        objective = self._tuner.oracle.objective
        for run in runs:
            run.execution.total_seconds = sum(run.execution.seconds)
            if run.refused:
                plan.alone[trial.trial_id] = run.refused
                return None
            if run.error is not None:
                continue
            try:
                result = self._result(candidate, run)
                validate_trial_results(result, objective, "HyperModel.fit()")
                take_returned(result, run.execution, objective, self._tuner.oracle.any_completed)
            except NotShareable as reason:
                plan.alone[trial.trial_id] = str(reason)
                return None
            except (AuditorError, keras_tuner.errors.FatalError):
                raise
            except Exception as error:
                run.error = error
        # As if they had trained one after another, and a crash had ended it.
        whole = [run for run in runs if run.error is None]
        crashed = [run for run in runs if run.error is not None][:1]
        executions = [run.execution for run in [*whole, *crashed]]
        return _Ended(trial, executions, crashed[0].error if crashed else None)

    def _result(self, candidate: Candidate, run: StackedRun) -> Any:
        """What `HyperModel.fit` returns for a run that was trained."""
        if not candidate.calls_back:
            return run.history
        return self._examiner.finish(candidate.trial, run)


@dataclass(frozen=True)
class _Ended:
    """A trial that was trained in stacks; the last of its runs crashed if there is an error."""

    trial: Trial
    executions: list[Execution]
    error: Exception | None


def _short(error: Exception) -> str:
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
