"""What stays on the disk of the trials that have ended: curves, notes, and the best weights."""

import json
import math
from pathlib import Path

from keras_tuner.engine.trial import Trial, TrialStatus

from auditor.files import write_whole
from auditor.scoring import Scores
from auditor.search import store
from auditor.search.recorder import Execution
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.results import Result
from auditor.search.weights import KeptWeights, save_weights


class Keeper:
    """Writes trials down as they end, and removes weights that are no longer wanted.

    Attributes:
        keeps_every_run: Whether the weights of all runs of a trial are kept, or of its best alone.
    """

    def __init__(self, path: Path, oracle: RecordingOracle, keep_weights: int) -> None:
        """Keep in the sweep's directory `path` the weights of that many trials; -1 for all."""
        self._path = path
        self._oracle = oracle
        self._weights = KeptWeights(keep_weights)
        self.keeps_every_run = False

    def start(self) -> None:
        """Find the weights that an earlier process has kept."""
        for trial in self._oracle.get_best_trials(len(self._oracle.trials)):
            file = self._folder(trial) / store.WEIGHTS_FILE
            if file.exists() and "runs" in self._oracle.details.get(trial.trial_id, {}):
                self._weights.note(trial.trial_id, self._small(trial.score, trial.score), file)

    def keep(self, trial: Trial, executions: list[Execution], result: Result) -> None:
        """Write a trial down, and its weights if it is among the best."""
        self.note(trial, executions, result)
        numbers = self._small(result.score, result.objective)
        file = self._folder(trial) / store.WEIGHTS_FILE
        file.unlink(missing_ok=True)  # of an attempt that was cut short
        if result.best_index is None or not self._weights.wants(trial.trial_id, numbers):
            return
        if not _save(executions[result.best_index], file):
            return
        build_config = executions[result.best_index].build_config
        write_whole(self._folder(trial) / store.BUILD_FILE, json.dumps(build_config))
        self._weights.add(trial.trial_id, numbers, file)
        result.runs[result.best_index]["weights"] = file.name
        for at, run in enumerate(executions if self.keeps_every_run else ()):
            own = file.with_name(f"{run.execution}-{run.fold}.{file.name}")
            if at != result.best_index and _save(run, own):
                result.runs[at]["weights"] = own.name

    def note(self, trial: Trial, executions: list[Execution], result: Result) -> None:
        """Write down the curves of a trial, and what `trial.json` will say of its runs."""
        store.write_history(self._folder(trial), executions)
        store.write_chunks(self._folder(trial), executions)
        details = self._oracle.details.setdefault(trial.trial_id, {})
        details["runs"] = result.runs
        for execution, run in zip(executions, result.runs, strict=True):
            if "losses" in run:
                store.write_losses(self._folder(trial), execution)
        if facts := next((e.model_facts for e in executions if e.model_facts), None):
            details["model"] = facts

    def settle(self, scores: Scores) -> None:
        """Take over the scores of the whole sweep, and keep the weights of the best by them."""
        for trial in self._oracle.trials.values():
            final = scores.by_trial.get(trial.trial_id)
            if trial.status != TrialStatus.COMPLETED or final is None or final.score is None:
                continue
            if (trial.score, trial.best_step) != (final.score, final.best_epoch or 0):
                trial.score, trial.best_step = final.score, final.best_epoch or 0
                if math.isinf(final.score):
                    trial.message = trial.message or "diverged, next to the other trials"
                self._oracle._save_trial(trial)
        if self._weights.keep >= 0:
            best = self._oracle.get_best_trials(self._weights.keep)
            self._weights.keep_only(trial.trial_id for trial in best)

    def _folder(self, trial: Trial) -> Path:
        return self._path / f"trial_{trial.trial_id}"

    def _small(self, *numbers: float) -> tuple[float, ...]:
        """Numbers of the objective turned so that small is good."""
        sign = 1 if self._oracle.objective.direction == "min" else -1
        return tuple(sign * number for number in numbers)


def _save(run: Execution, file: Path) -> bool:
    """Put the best weights of a run into a file; whether there are any."""
    if run.weights_file is not None:
        run.weights_file.replace(file)
    elif run.best_weights is not None:
        save_weights(run.model, run.best_weights, file)
    else:
        return False
    return True
