"""What the grid and the random oracle share: KerasTuner's book-keeping, mended.

They hand out as many trials as are asked for, and know which values a build never read.
"""

import copy
import math
import warnings
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src.engine.metrics_tracking import MetricsTracker

from auditor.errors import SearchError
from auditor.search.display import ScoreDisplay
from auditor.search.space import TracedHyperParameters, Tried, Values
from auditor.search.stored_oracle import StoredOracle

HOPELESS_TRIALS = 10
"""A search whose first trials all crash, this many of them, ends: the cause is in the code."""


class RecordingOracle(StoredOracle):
    """What the grid and the random oracle share.

    Attributes:
        results: Per trial its score, best epoch and message, set by the tuner before it ends.
    """

    sampler = "unknown"

    def __init__(self, **kwargs: Any) -> None:
        """As in KerasTuner, but 0 is a seed like any other."""
        super().__init__(**kwargs)
        self._display = ScoreDisplay(oracle=self)
        if kwargs.get("seed") is not None:
            self.seed = self._seed_state = kwargs["seed"]
        self.results: dict[str, tuple[float, int | None, str | None]] = {}
        self._count: tuple[int | None] | None = None  # counted once for each state of the space
        self._tried = Tried()
        self._failed_in_a_row = 0

    def unwritten(self) -> "RecordingOracle":
        """A copy that hands out the same trials, and writes nothing."""
        # Trials that have completed stay as they are: there may be thousands.
        done = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        other = copy.deepcopy(self, {id(trial): trial for trial in done})
        other.__dict__.update(save=_write_nothing, _save_trial=_write_nothing)
        return other

    def without_trials(self) -> "RecordingOracle":
        """A copy that knows what is searched for, and no trial; it writes nothing."""
        other = copy.copy(self)
        other.trials, other.ongoing_trials, other.details, other.results = {}, {}, {}, {}
        other.start_order, other.end_order, other._retry_queue = [], [], []
        other._tried, other._display = Tried(), ScoreDisplay(oracle=other)
        other.__dict__.update(save=_write_nothing, _save_trial=_write_nothing)
        return other

    # Handing out trials

    @keras_tuner.synchronized  # type: ignore[untyped-decorator]
    def create_trial(self, tuner_id: str) -> Trial:
        """The next trial to run, or one that is STOPPED or IDLE, as in KerasTuner."""
        if tuner_id in self.ongoing_trials:
            return self.ongoing_trials[tuner_id]
        self.tuner_ids.add(tuner_id)
        trial = self._retried() or self._new_trial()
        if trial.status == TrialStatus.RUNNING:
            self._start(tuner_id, trial)
        elif trial.status == TrialStatus.STOPPED:
            self.tuner_ids.discard(tuner_id)
        return trial

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Values for the next trial, in KerasTuner's form."""
        values = self._next_values()
        if values is not None:
            return {"status": TrialStatus.RUNNING, "values": values}
        # A trial under way may still show hyperparameters that nobody knew of.
        status = TrialStatus.IDLE if self.ongoing_trials else TrialStatus.STOPPED
        return {"status": status, "values": None}

    def total(self) -> int | None:
        """Trials this search will have in the end, as far as is known; None if unbounded."""
        if self._count is None:
            self._count = (self._size(),)
        found = self._count[0]
        if found is None or not self.max_trials:
            return found if found is not None else self.max_trials
        return min(found, int(self.max_trials))

    def _next_values(self) -> Values | None:
        raise NotImplementedError("an oracle says which values come next")

    def _size(self) -> int | None:
        raise NotImplementedError("an oracle knows the size of its space, or None")

    def _retried(self) -> Trial | None:
        if not self._retry_queue:
            return None
        trial = self.trials[self._retry_queue.pop(0)]
        trial.metrics = MetricsTracker()
        trial.score = trial.best_step = trial.message = None
        trial.status = TrialStatus.RUNNING
        self.details.pop(trial.trial_id, None)
        return trial

    def _new_trial(self) -> Trial:
        trial_id = self._next_id()
        if self.max_trials and len(self.trials) >= self.max_trials:
            response: dict[str, Any] = {"status": TrialStatus.STOPPED, "values": None}
        else:
            response = self.populate_space(trial_id)
        hyperparameters = TracedHyperParameters.of(self.hyperparameters)
        hyperparameters.values = response["values"] or {}
        return Trial(hyperparameters, trial_id, response["status"])

    def _next_id(self) -> str:
        """One above the highest number in use: an unreadable or removed trial keeps its id."""
        number = max(len(self.trials), self._highest_id + 1)
        return f"{number:0{len(str(self.max_trials))}d}"

    def _start(self, tuner_id: str, trial: Trial) -> None:
        if not isinstance(trial.hyperparameters, TracedHyperParameters):
            trial.hyperparameters = TracedHyperParameters.of(trial.hyperparameters)
        if trial.trial_id not in self.trials:
            self.start_order.append(trial.trial_id)
        self.ongoing_trials[tuner_id] = trial
        self.trials[trial.trial_id] = trial
        self._note_id(trial.trial_id)
        self._record_values(trial)
        self._save_trial(trial)
        self.save()
        self._display.on_trial_begin(trial)

    def note_build(self, trial: Trial, later: frozenset[str] = frozenset()) -> None:
        """Take note of what a trial has read and asked for so far, before it has ended.

        Args:
            trial: Built, and not yet trained.
            later: What it will read besides.
        """
        self.update_space(trial.hyperparameters)
        values = self._tuned(trial)
        read = frozenset(getattr(trial.hyperparameters, "read", ())) | (later & values.keys())
        if self._tried.add(trial.trial_id, values, read):
            self._space_changed()

    # Ending trials

    def update_trial(self, trial_id: str, metrics: dict[str, float], step: int = 0) -> Trial:
        """Report metrics, as in KerasTuner; a NaN among them is a value like any other."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
            return super().update_trial(trial_id, metrics, step=step)

    def score_trial(self, trial: Trial) -> None:
        """Set the score. One that is not a number is the worst there is, and says so."""
        result = self.results.pop(trial.trial_id, None)
        if result is None:
            observations = trial.metrics.get_history(self.objective.name)
            value = float(observations[-1].mean()) if observations else math.nan
            result = (value, observations[-1].step if observations else None, None)
        trial.score, trial.best_step, message = result
        if not math.isfinite(trial.score):
            trial.score = math.inf if self.objective.direction == "min" else -math.inf
            message = message or f"diverged: {self.objective.name} is not finite"
        trial.message = message or trial.message
        self._any_completed = True

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """The best completed trials; never padded with others."""
        done = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        done.sort(key=lambda trial: trial.score, reverse=self.objective.direction == "max")
        return done[:num_trials]

    def update_space(self, hyperparameters: keras_tuner.HyperParameters) -> None:
        """Add hyperparameters that a build asked for, as in KerasTuner."""
        before = len(self.hyperparameters.space)
        super().update_space(hyperparameters)
        if len(self.hyperparameters.space) != before:
            self._space_changed()

    def _space_changed(self) -> None:
        """New hyperparameters, or new knowledge of which ones are read."""
        self._count = None

    def _record_values(self, trial: Trial) -> None:
        values = trial.hyperparameters
        for hp in values.space:
            if not values.is_active(hp.name):
                values.values.pop(hp.name, None)
        # A build that crashed may have had more to read.
        crashed = trial.status in (TrialStatus.INVALID, TrialStatus.FAILED)
        read = frozenset(() if crashed else getattr(values, "read", ()))
        if self._tried.add(trial.trial_id, self._tuned(trial), read or None):
            self._space_changed()
        if read:
            self.details.setdefault(trial.trial_id, {})["read"] = sorted(read)

    def _tuned(self, trial: Trial) -> Values:
        """The values that the search chooses; with `tune_new_entries=False` there are others."""
        names = {hp.name for hp in self.hyperparameters.space}
        return {name: v for name, v in trial.hyperparameters.values.items() if name in names}

    def _check_consecutive_failures(self) -> None:
        trial = self.trials[self.end_order[-1]]
        failed = trial.status == TrialStatus.FAILED
        self._failed_in_a_row = self._failed_in_a_row + 1 if failed else 0
        limit = self.max_consecutive_failed_trials
        hopeless = not self._any_completed and self._failed_in_a_row >= HOPELESS_TRIALS
        if failed and (hopeless or (limit and self._failed_in_a_row >= limit)):
            self._save_trial(trial)
            for tuner_id in [t for t, own in self.ongoing_trials.items() if own is trial]:
                del self.ongoing_trials[tuner_id]
            raise SearchError(
                f"{self._failed_in_a_row} trials in a row crashed, the last of them trial "
                f"{trial.trial_id}; the search ends here and can be resumed when the code is "
                f"mended. Its error:\n{trial.message or 'none recorded'}"
            )

    def forgive(self) -> None:
        """Where nothing has ever completed, give the trials that crashed another chance.

        The code was broken, not they: whoever calls the search again has mended it.
        """
        if not self._any_completed:
            crashed = [t for t in self.end_order if self.trials[t].status == TrialStatus.FAILED]
            self._retry_queue = [*crashed, *(t for t in self._retry_queue if t not in crashed)]
            self.end_order = [trial for trial in self.end_order if trial not in crashed]
            self._run_times.clear()
            self._failed_in_a_row = 0

    @property
    def any_completed(self) -> bool:
        """Whether a trial has ever completed."""
        return self._any_completed

    # Going on

    def rediscovered(self, space: keras_tuner.HyperParameters) -> None:
        """Take the space as the code has it now; what only later builds ask for is kept.

        A wider `Choice` replaces the one that was stored, and a hyperparameter that is new in the
        code makes new configurations.
        """
        old = self.hyperparameters
        known = {hp.name for hp in old.space}
        self.hyperparameters = space
        self.hyperparameters.merge(old.space, overwrite=False)
        for trial_id, trial in self.trials.items():
            read = frozenset(self.details[trial_id].get("read") or ())
            self._tried.add(trial_id, self._tuned(trial), read)
        self._tried.require(frozenset(hp.name for hp in space.space) - known)
        self._space_changed()


def _write_nothing(*args: Any, **kwargs: Any) -> None:
    """In place of what writes."""
