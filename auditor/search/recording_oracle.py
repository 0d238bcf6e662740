"""What the grid and the random oracle share: KerasTuner's book-keeping, mended.

They hand out as many trials as are asked for, know which values a build never read, outlive a kill
at any moment, and write in proportion to the number of trials. The truth about a trial is its own
`trial.json`; `oracle.json` repeats it for KerasTuner and is rewritten at intervals.
"""

import copy
import json
import math
import time
import warnings
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.src.engine.metrics_tracking import MetricsTracker
from keras_tuner.src.engine.oracle import Display

from auditor.errors import SearchError
from auditor.files import Json, write_whole
from auditor.search.space import (
    TracedHyperParameters,
    Tried,
    Values,
)

SAVE_SHARE = 0.05
"""Share of the time that writing `oracle.json` may take: it holds the whole search."""

HOPELESS_TRIALS = 10
"""A search whose first trials all crash, this many of them, ends: the cause is in the code."""

ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)


class RecordingOracle(keras_tuner.Oracle):
    """What the grid and the random oracle share.

    Attributes:
        details: Per trial what its `trial.json` holds beyond KerasTuner's own, under "auditor".
        results: Per trial its score, best epoch and message, set by the tuner before it ends.
        lost: Names of trials whose `trial.json` could not be read.
    """

    sampler = "unknown"
    end_order: list[str]
    _retry_queue: list[str]

    def __init__(self, **kwargs: Any) -> None:
        """As in KerasTuner, but 0 is a seed like any other."""
        super().__init__(**kwargs)
        if kwargs.get("seed") is not None:
            self.seed = self._seed_state = kwargs["seed"]
        self.details: dict[str, dict[str, Json]] = {}
        self.results: dict[str, tuple[float, int | None, str | None]] = {}
        self.lost: list[str] = []
        self._highest_id = -1
        self._count: tuple[int | None] | None = None  # counted once for each state of the space
        self._tried = Tried()
        self._saved_at = -math.inf
        self._save_seconds = 0.0
        self._failed_in_a_row = 0
        self._any_completed = False

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
        other._tried, other._display = Tried(), Display(oracle=other)
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

    def _note_id(self, trial_id: str) -> None:
        if trial_id.isdecimal():
            self._highest_id = max(self._highest_id, int(trial_id))

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

    # Files

    def save(self, now: bool = False) -> None:
        """Write `oracle.json`, unless that was done a moment ago."""
        since = time.monotonic() - self._saved_at
        if not now and self._save_seconds > SAVE_SHARE * since:
            return
        begun = time.monotonic()
        write_whole(self._get_oracle_fname(), json.dumps(self.get_state()))
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - begun

    def reload(self) -> None:
        """Take up a search from its files, whatever moment it was killed at."""
        self._load_trials()
        state = _load(Path(self._get_oracle_fname())) or {}
        self.hyperparameters = keras_tuner.HyperParameters()
        if "hyperparameters" in state:
            stored = {**state["hyperparameters"], "values": {}}
            self.hyperparameters = keras_tuner.HyperParameters.from_config(stored)
        for trial in self.trials.values() if self.tune_new_entries else ():
            self.hyperparameters.merge(trial.hyperparameters.space, overwrite=False)
        ids = sorted(self.trials)
        self.start_order = _ordered(state.get("start_order", []), ids)
        ended = [trial for trial in ids if self.trials[trial].status in ENDED]
        self.end_order = _ordered(state.get("end_order", []), ended)
        self._retry_queue = [t for t in self.start_order if self.trials[t].status not in ENDED]
        self._run_times.update({t: n for t, n in state.get("run_times", {}).items() if t in ended})
        self.seed = state.get("seed", self.seed)
        self._seed_state = state.get("seed_state", self._seed_state)
        if "display" in state:
            self._display.set_state(state["display"])

    def _load_trials(self) -> None:
        for path in sorted(Path(self._project_dir).glob("trial_*/trial.json")):
            self._note_id(path.parent.name.removeprefix("trial_"))
            state = _load(path)
            try:
                trial = Trial.from_state(state)
                # An id that is not its folder's is a copy made by hand, or a way out of the sweep.
                if path.parent.name != f"trial_{trial.trial_id}":
                    raise ValueError(trial.trial_id)
            except (KeyError, TypeError, ValueError, AttributeError):
                self.lost.append(path.parent.name.removeprefix("trial_"))
                continue
            details = (state or {}).get("auditor")
            self.details[trial.trial_id] = details if isinstance(details, dict) else {}
            self.trials[trial.trial_id] = trial
            self._any_completed |= trial.status == TrialStatus.COMPLETED

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

    def _save_trial(self, trial: Trial) -> None:
        folder = Path(self._project_dir) / f"trial_{trial.trial_id}"
        folder.mkdir(exist_ok=True)
        state = {**trial.get_state(), "auditor": self.details.get(trial.trial_id, {})}
        write_whole(folder / "trial.json", json.dumps(state))


def _write_nothing(*args: Any, **kwargs: Any) -> None:
    """In place of what writes."""


def _load(path: Path) -> dict[str, Json] | None:
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    return state if isinstance(state, dict) else None


def _ordered(stored: list[str], present: list[str]) -> list[str]:
    """The ids that exist, in their stored order; those it does not know come last."""
    exists = set(present)
    return list(dict.fromkeys([*(trial for trial in stored if trial in exists), *present]))
