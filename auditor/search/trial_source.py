"""New trials of an oracle, several at a time: more than one may train at once."""

import contextlib
import io
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from keras_tuner.engine.trial import Trial, TrialStatus

from auditor.search.stacking.building import built

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


class TrialSource:
    """Draws trials, and knows when the next one may be drawn before these have ended.

    What a trial has read, or asked for that was not known, decides what comes next: an oracle
    leaves out what would repeat it.
    """

    def __init__(self, tuner: "RecordingTuner", reads_late: bool) -> None:
        """Draw from the tuner's oracle.

        Args:
            tuner: Whose trials.
            reads_late: Whether code that runs after a model is built may read hyperparameters.
        """
        self._tuner = tuner
        self._reads_late = reads_late
        self._created = 0
        self._late: frozenset[str] | None = None
        self._before: dict[str, set[str]] = {}

    def begun(self) -> Iterator[Trial]:
        """First what an interrupted search of this process has begun, then new trials."""
        yield from list(self._tuner.oracle.ongoing_trials.values())
        yield from self.new()

    def left(self) -> list[Trial]:
        """All trials that an interrupted search has begun, of this process or another."""
        oracle = self._tuner.oracle
        if oracle._retry_queue:
            for _ in self.new():
                if not oracle._retry_queue:
                    break
        return list(oracle.ongoing_trials.values())

    def new(self) -> Iterator[Trial]:
        """New trials, until there are none for now."""
        oracle = self._tuner.oracle
        while True:
            self._tuner.pre_create_trial()
            name = f"{self._tuner.tuner_id}-{self._created}"
            self._created += 1
            if name in oracle.ongoing_trials:
                continue  # The oracle would hand out that trial again.
            # KerasTuner prints a page for each trial that begins; here they all begin at once.
            with contextlib.redirect_stdout(io.StringIO()):
                trial = oracle.create_trial(name)
            if trial.status != TrialStatus.RUNNING:
                oracle.tuner_ids.discard(name)
                return
            yield trial

    def look_at(self, trial: Trial) -> None:
        """See what the build of a trial reads, unless that was noted: the next one may repeat it.

        One that crashes does so again where crashes are dealt with.
        """
        if trial.trial_id in self._before:
            return
        build = partial(self._tuner.build_once, trial.hyperparameters)
        try:
            if not trial.hyperparameters.read:
                built(build, seed=0, light=True)
        except Exception:
            return
        self.note(trial)

    def note(self, trial: Trial) -> None:
        """Take note of what a trial has read so far: its model was built."""
        self._tuner.oracle.note_build(trial, self._late or frozenset())
        self._before[trial.trial_id] = set(trial.hyperparameters.read)

    @property
    def goes_on(self) -> bool:
        """Whether the next trial may be drawn: the first one shows what is read late."""
        return self._late is not None or not self._reads_late

    def learn(self, trials: Iterable[Trial]) -> None:
        """Take note of what trials have read until they ended."""
        late: set[str] = set(self._late or ())
        for trial in trials:
            before = self._before.pop(trial.trial_id, None)
            late |= set() if before is None else set(trial.hyperparameters.read) - before
        self._late = frozenset(late)
