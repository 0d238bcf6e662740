"""The files of an oracle: KerasTuner's, such that they outlive a kill at any moment.

The truth about a trial is its own `trial.json`; `oracle.json` repeats it for KerasTuner and is
rewritten at intervals, so that what is written grows in proportion to the number of trials.
"""

import json
import math
import time
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial, TrialStatus

from auditor.files import Json, write_whole

SAVE_SHARE = 0.05
"""Share of the time that writing `oracle.json` may take: it holds the whole search."""

ENDED = (TrialStatus.COMPLETED, TrialStatus.FAILED)


class StoredOracle(keras_tuner.Oracle):
    """Writes its trials down, and takes them up again.

    Attributes:
        details: Per trial what its `trial.json` holds beyond KerasTuner's own, under "auditor".
        lost: Names of trials whose `trial.json` could not be read.
    """

    seed: int
    _seed_state: int
    end_order: list[str]
    _retry_queue: list[str]

    def __init__(self, **kwargs: Any) -> None:
        """As in KerasTuner."""
        super().__init__(**kwargs)
        self.details: dict[str, dict[str, Json]] = {}
        self.lost: list[str] = []
        self._highest_id = -1
        self._any_completed = False
        self._saved_at = -math.inf
        self._save_seconds = 0.0

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

    def _note_id(self, trial_id: str) -> None:
        if trial_id.isdecimal():
            self._highest_id = max(self._highest_id, int(trial_id))

    def _save_trial(self, trial: Trial) -> None:
        folder = Path(self._project_dir) / f"trial_{trial.trial_id}"
        folder.mkdir(exist_ok=True)
        state = {**trial.get_state(), "auditor": self.details.get(trial.trial_id, {})}
        write_whole(folder / "trial.json", json.dumps(state))


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
