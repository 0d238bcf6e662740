"""A search whose trials train in stacks where they can, in waves that fit into memory."""

import traceback
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.tuner_utils import validate_trial_results

from auditor.search import store
from auditor.search.clean import sample_rows
from auditor.search.crashes import ENDS_THE_SEARCH
from auditor.search.crew import Crew, Here
from auditor.search.folds import Fold
from auditor.search.planner import Planner, Wave
from auditor.search.recorder import Execution
from auditor.search.results import Result, take_returned
from auditor.search.stacking.candidates import Candidate
from auditor.search.stacking.checkpoint import remove
from auditor.search.stacking.lane import StackedLane, is_out_of_memory
from auditor.search.stacking.plan import Plan, PlannedStack, make_plan
from auditor.search.stacking.rows import RunId, StackedRun
from auditor.search.stacking.sizing import Machine, this_machine
from auditor.search.structure import NotShareable

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


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
        self._clean = None
        if tuner.clean_train_metrics:
            self._clean = lambda count: sample_rows(count, tuner.oracle.seed)
        self.folder = Path(tuner.project_dir) / store.STACKS_FOLDER
        self._machine = machine or this_machine()
        self.planner = Planner(tuner, args, kwargs, folds, self._machine)
        self._crew: Crew = crew or Here(self, args, kwargs)

    def run(self) -> None:
        """Run all trials that are still to be run."""
        tuner = self._tuner
        tuner.on_search_begin()
        for wave in self.planner.waves():
            self._run(wave)
        remove(self.folder)  # with what was killed before it could be removed
        tuner.on_search_end()

    def _run(self, wave: Wave) -> None:
        sweep, plan = self._tuner._sweep, wave.plan
        sweep.add_plan([stack for stack, _ in plan.stacks], plan.alone)
        self._train(plan, wave.candidates)
        sweep.add_plan([], plan.alone)
        self._crew.train_alone([wave.trials[trial_id] for trial_id in sorted(plan.alone)])
        for stack, _ in plan.stacks:
            remove(self.folder / stack.name)
        self.planner.source.learn(wave.trials.values())

    def lane(self) -> StackedLane:
        """What trains stacks in this process."""
        always = self._tuner.lane == "stacked"
        objective, watch = self._tuner.oracle.objective, self._tuner._standing
        losses = self._tuner.per_example_losses
        return StackedLane(objective, self._clean, always, self.folder, watch, losses)

    # Training

    def _train(self, plan: Plan, candidates: dict[str, Candidate]) -> None:
        """Train the stacks of a plan; trials that turn out not to be stackable are left over."""
        left = {trial: len(c.runs) for trial, c in candidates.items() if trial not in plan.alone}
        smaller: list[PlannedStack] = []
        for batch in self._crew.train_stacks(plan):
            unsaved: OSError | None = None
            for stack, ended in batch:
                if isinstance(ended, StackedRun):
                    left[ended.trial_id] -= 1
                elif isinstance(ended, PlannedStack):
                    self._tuner._sweep.add_plan([ended], {})
                elif isinstance(ended, UserWarning):
                    warnings.warn(ended, stacklevel=2)
                elif isinstance(ended, NotShareable):
                    self._leave(stack.runs, str(ended), plan, left)
                elif isinstance(ended, OSError):
                    unsaved = ended
                elif is_out_of_memory(ended) and stack.rows > 1:
                    smaller.append(stack)
                else:
                    reason = f"the stack cannot be trained: {_short(ended)}"
                    self._leave(stack.runs, reason, plan, left)
            runs = [ended for _, ended in batch if isinstance(ended, StackedRun)]
            whole = [trial for trial in {run.trial_id: 0 for run in runs} if not left[trial]]
            self._end([candidates[trial] for trial in whole], plan)
            if unsaved is not None:  # Only now: what had ended before is kept.
                raise unsaved
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
                fresh[trial] = self.planner.examiner.examine(candidates[trial].trial)
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
                # On the disk, if they are to be kept.
                execution.best_weights = execution.losses = None

    def _report(self, one: "_Ended", result: Result) -> None:
        if one.error is not None:
            raise one.error
        self._tuner.ending.report(one.trial, one.executions, result)

    def _outcome(self, candidate: Candidate, plan: Plan) -> "_Ended | None":
        """What a trial came to; None where it goes to the ordinary lane after all."""
        trial, runs = candidate.trial, candidate.runs
        self.planner.source.look_at(trial)
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
            except ENDS_THE_SEARCH:
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
        return self.planner.examiner.finish(candidate.trial, run)


@dataclass(frozen=True)
class _Ended:
    """A trial that was trained in stacks; the last of its runs crashed if there is an error."""

    trial: Trial
    executions: list[Execution]
    error: Exception | None


def _short(error: Exception) -> str:
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
