"""How a trial ends: judged, written down, told to the oracle, and what is left of a crash."""

import math
from collections.abc import Callable
from pathlib import Path

from keras_tuner.engine.trial import Trial, TrialStatus

from auditor.errors import DirectoryError
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.search.crashes import ENDS_THE_SEARCH, crash_of
from auditor.search.keeper import Keeper
from auditor.search.recorder import Execution
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.results import Result, conclude_all
from auditor.search.sweep_file import SweepFile
from auditor.trials import Trials


class Ending:
    """Ends the trials of one search."""

    def __init__(
        self,
        path: Path,
        oracle: RecordingOracle,
        sweep: SweepFile,
        keep_weights: int,
        gap_penalty: float,
    ) -> None:
        """End trials in the directory `path`, keeping the weights of so many."""
        self._path = path
        self._oracle = oracle
        self._sweep = sweep
        self._keeper = Keeper(path, oracle, keep_weights)
        self._gap_penalty = gap_penalty

    def start(self) -> None:
        """Find what an earlier process has kept."""
        self._keeper.start()

    def keep_every_run(self) -> None:
        """Keep the weights of all runs of a trial whose weights are kept, not of its best alone."""
        self._keeper.keeps_every_run = True

    def settle(self, trials: Trials) -> None:
        """Score all trials together: what caps the penalty may depend on the whole sweep."""
        self._keeper.settle(score(trials, judge(trials), self._gap_penalty))

    def conclude(self, executions: dict[str, list[Execution]]) -> dict[str, Result]:
        """What trials came to, from their runs."""
        objective, context = self._oracle.objective, self._sweep.context
        return conclude_all(executions, objective, context, self._gap_penalty)

    def report(
        self,
        trial: Trial,
        executions: list[Execution],
        result: Result | None = None,
        reported: bool = False,
    ) -> None:
        """Write down what a trial came to, and tell the oracle unless that was done.

        Raises:
            DirectoryError: The directory cannot be written.
        """
        result = result or self.conclude({trial.trial_id: executions})[trial.trial_id]
        try:
            self._sweep.note_chunks(executions)
            self._keeper.keep(trial, executions, result)
            step = result.best_epoch or 0
            self._oracle.results[trial.trial_id] = (result.score, step, result.message)
            if not reported:
                self._oracle.update_trial(trial.trial_id, result.metrics, step=step)
        except OSError as error:
            # Not a crash of the trial, which is run again.
            raise self.cannot_write(error) from error

    def cannot_write(self, error: OSError) -> DirectoryError:
        """What to say where the directory cannot be written."""
        return DirectoryError(
            f"cannot write to {self._path}: {error}; make room or make it writable, then "
            "call search() again: all trials that had ended are kept"
        )

    def attempt(
        self,
        trial: Trial,
        act: Callable[[], None],
        executions: Callable[[], list[Execution]],
    ) -> None:
        """Do what completes a trial; where it raises, the trial has crashed.

        Args:
            trial: Its status is set.
            act: Trains it, or takes what was trained, and reports it.
            executions: Its runs so far, once it has crashed; the last one is what did.

        Raises:
            AuditorError, FatalError: What concerns the search as a whole.
        """
        try:
            act()
            trial.status = TrialStatus.COMPLETED
        except BrokenPipeError:  # Whoever read the output has gone: an interruption, no crash.
            raise
        except ENDS_THE_SEARCH as error:
            error.add_note(f"while running trial {trial.trial_id} of {self._path}")
            raise
        except Exception as error:
            crash = crash_of(error)
            trial.status = TrialStatus.FAILED if crash.is_given_up else TrialStatus.INVALID
            trial.message = crash.report
            self._after_crash(trial, executions())

    def _after_crash(self, trial: Trial, executions: list[Execution]) -> None:
        """Keep what a trial showed before it crashed; it stands if most of its runs do."""
        executions[-1].error = trial.message
        result = self.conclude({trial.trial_id: executions})[trial.trial_id]
        retries = self._oracle.max_retries_per_trial - self._oracle._run_times[trial.trial_id]
        if retries > 0 or not math.isfinite(result.score):
            self._sweep.note_chunks(executions)
            self._keeper.note(trial, executions, result)
            return
        self.report(trial, executions, result)
        trial.status = TrialStatus.COMPLETED
        run = executions[-1]
        fold = f", fold {run.fold + 1}," if any(other.fold for other in executions) else ""
        trial.message = f"execution {run.execution + 1}{fold} crashed:\n{trial.message}"
