"""Which trials of a search come next, and which of them train together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from auditor.errors import AuditorError
from auditor.search.folds import Fold
from auditor.search.recorder import Execution
from auditor.search.runs import begin_run
from auditor.search.stacking.candidates import Candidate, Examiner, files_of
from auditor.search.stacking.expecting import expected
from auditor.search.stacking.fit_call import DataCache
from auditor.search.stacking.plan import Plan, PlannedStack, make_plan
from auditor.search.stacking.sizing import Machine
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


@dataclass
class Wave:
    """Trials that are planned together.

    Attributes:
        plan: How they train.
        candidates: Those that can be stacked, by their names.
        trials: All of them.
    """

    plan: Plan = field(default_factory=Plan)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)


class Planner:
    """Draws the trials of a tuner, examines them, and plans how they train."""

    def __init__(
        self,
        tuner: "RecordingTuner",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        folds: tuple[Fold, ...],
        machine: Machine,
    ) -> None:
        """Plan for a search with the arguments of `fit`; see `StackedSearch`."""
        self._tuner = tuner
        self._machine = machine
        self._has_own_fit = type(tuner.hypermodel).fit is not keras_tuner.HyperModel.fit
        given = dict(kwargs)
        callbacks = given.pop("callbacks", None) or []
        self.examiner = Examiner(
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
        self.source = TrialSource(tuner, reads_late=self._has_own_fit)

    def waves(self) -> Iterator[Wave]:
        """All that is to be trained; one wave must have ended before the next one is drawn."""
        wave = self._left()
        if not wave.trials:
            wave = self.next()
        while wave.trials:
            yield wave
            wave = self.next()

    def next(self) -> Wave:
        """The next trials, all of them examined."""
        stacked, alone = self._examined()
        plan = self._plan(stacked)
        plan.alone |= {trial.trial_id: reason for trial, reason in alone}
        trials = {c.trial.trial_id: c.trial for c in stacked} | {t.trial_id: t for t, _ in alone}
        return Wave(plan, {c.trial.trial_id: c for c in stacked}, trials)

    def goes_on(self) -> bool:
        """Whether there would be more trials, which the oracle then takes as begun."""
        return next(self.source.new(), None) is not None

    def expect(
        self, trials: Iterable[Trial], planned: Mapping[str, Sequence[PlannedStack]]
    ) -> list[Candidate]:
        """Trials that an earlier plan has stacked: one of each stack is examined, the others later.

        Args:
            trials: Which.
            planned: Per trial the stacks that its runs are in.

        Raises:
            Exception: A trial must be trained in the ordinary lane, or cannot be built.
        """
        known: dict[str, Candidate] = {}
        found = []
        for trial in trials:
            first, *others = {stack.name: stack for stack in planned[trial.trial_id]}.values()
            like = known.get(first.name)
            if like is None or others or self._has_own_fit:
                one = self.examiner.examine(trial)
                known |= {stack.name: one for stack in (first, *others)}
            else:
                one = expected(self.examiner, trial, like, first.lifted)
            found.append(one)
        return found

    def _left(self) -> Wave:
        """What is left of stacks that were planned before an interruption.

        Most of these trials are examined only while others train; see `expected`. Where the plan
        does not hold any more, as the code was changed, this is nothing, and they come later.
        """
        planned = {} if self._has_own_fit else self._planned()
        if not planned:
            return Wave()
        trials = [trial for trial in self.source.left() if trial.trial_id in planned]
        try:
            candidates = self.expect(trials, planned)
            plan = self._plan(candidates)
        except (AuditorError, OSError):
            raise
        except Exception:  # Also code of the user's, which is called again.
            return Wave()
        for trial in trials:
            self._tuner.on_trial_begin(trial)
        by_name = {c.trial.trial_id: c for c in candidates}
        return Wave(plan, by_name, {trial.trial_id: trial for trial in trials})

    def _planned(self) -> dict[str, list[PlannedStack]]:
        """Per trial, if an earlier plan has stacked all its runs, the stack of each."""
        sweep = self._tuner._sweep
        found: dict[str, list[PlannedStack]] = {}
        for (trial_id, _, _), stack in {r: s for s in sweep.stacks for r in s.runs}.items():
            found.setdefault(trial_id, []).append(stack)
        whole, alone = self.examiner.runs, sweep.alone
        return {t: s for t, s in found.items() if len(s) == whole and t not in alone}

    def _plan(self, candidates: list[Candidate]) -> Plan:
        old, always = self._tuner._sweep.stacks, self._tuner.lane == "stacked"
        return make_plan(candidates, old, always, self._machine)

    def _examined(self) -> tuple[list[Candidate], list[tuple[Trial, str]]]:
        """The next trials: those that can be stacked, and the others with the reason."""
        stacked: list[Candidate] = []
        alone: list[tuple[Trial, str]] = []
        held = 0
        for trial in self.source.begun():
            self._tuner.on_trial_begin(trial)
            try:
                candidate = self.examiner.examine(trial)
                stacked.append(candidate)
                held += sum(w.nbytes for run in candidate.runs for w in run.weights)
            except NotShareable as reason:
                alone.append((trial, str(reason)))
            except Exception as error:
                # It will crash again where crashes are dealt with.
                alone.append((trial, f"its model cannot be built: {type(error).__name__}"))
            if not self._goes_on(trial, len(stacked), len(alone)) or held >= MOST_BYTES:
                break
        return stacked, alone

    def _goes_on(self, trial: Trial, stacked: int, alone: int) -> bool:
        """Whether the next trial may be known before this one has ended."""
        if not self.examiner.has_seen_all:
            self._tuner.oracle.update_space(trial.hyperparameters)
            if not stacked:
                return False
        else:
            self.source.note(trial)
        if not stacked and alone >= MOST_ALONE * self._machine.at_once:
            return False
        return self.source.goes_on and stacked + alone < MOST_TRIALS

    def _begin(self, trial: Trial, place: int) -> Execution:
        folds = self._tuner.cross_validation.count
        return begin_run(trial.trial_id, self._tuner.oracle.seed, place, folds)

    def _saw(self, model: Any, arguments: Any) -> None:
        self._tuner._sweep.note_loss(model)
        self._tuner._see_fit(arguments)
        self._tuner._sweep.end_fit(self._tuner.hypermodel)
