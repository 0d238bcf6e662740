"""Where a search stands, for whoever follows it."""

from typing import NamedTuple

from keras_tuner.engine.trial import Trial, TrialStatus

from auditor.search.recording_oracle import RecordingOracle


class Progress(NamedTuple):
    """Where a search stands, after a trial.

    Attributes:
        done: Trials that have ended.
        total: Trials that there will be, as far as is known; None if unbounded.
        trial_id, score: The trial that has just ended; a crashed one has no score.
        best_trial_id, best_score: The best so far.
        objective: The name of the objective.
    """

    done: int
    total: int | None
    trial_id: str
    score: float | None
    best_trial_id: str | None
    best_score: float | None
    objective: str


class Standing:
    """Follows a search, and knows its best trial without sorting all of them."""

    def __init__(self, oracle: RecordingOracle) -> None:
        """Start with what the oracle has."""
        self._oracle = oracle
        self._best: tuple[str, float] | None = None

    def start(self) -> None:
        """Look at all trials once, after a search was taken up."""
        for trial in self._oracle.get_best_trials(1):
            self._best = (trial.trial_id, trial.score)

    def note(self, trial: Trial) -> None:
        """Take note of a trial that has ended."""
        completed = trial.status == TrialStatus.COMPLETED
        sign = 1 if self._oracle.objective.direction == "min" else -1
        if completed and (self._best is None or sign * trial.score < sign * self._best[1]):
            self._best = (trial.trial_id, trial.score)

    def after(self, trial: Trial) -> Progress:
        """Where the search stands after a trial has ended."""
        best_id, best_score = self._best or (None, None)
        return Progress(
            done=len(self._oracle.end_order),
            total=self._oracle.total(),
            trial_id=trial.trial_id,
            score=trial.score if trial.status == TrialStatus.COMPLETED else None,
            best_trial_id=best_id,
            best_score=best_score,
            objective=self._oracle.objective.name,
        )
