"""A search whose trials train in other processes, on this machine or on others."""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from auditor.search.crew import machine_of
from auditor.search.executors import Executors
from auditor.search.folds import Fold
from auditor.search.hiding import hide_gpus
from auditor.search.launching.launcher import Launcher
from auditor.search.stackable import why_never
from auditor.search.stacked_search import StackedSearch
from auditor.search.training_tuner import TrainingTuner
from auditor.search.trial_source import TrialSource

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


def search_in_parallel(
    tuner: "RecordingTuner",
    launcher: Launcher,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    folds: tuple[Fold, ...],
) -> None:
    """Run all trials of a tuner that are still to be run, on executors.

    Args:
        tuner: Whose trials.
        launcher: Starts and leads the executors.
        args: Of `Model.fit`, by place.
        kwargs: Those by name.
        folds: Of the data; none without cross-validation.

    Raises:
        SearchError: Some part of the search cannot be sent to another process.
    """
    if "verbose" in kwargs:
        tuner.oracle.verbose = kwargs["verbose"]
    if launcher.on_gpus and (held := hide_gpus()):
        warnings.warn(held, stacklevel=2)
    executors = Executors(tuner, launcher, args, kwargs, folds)
    try:
        if tuner.lane == "fit" or why_never(tuner):
            ParallelFit(tuner, executors).run()
        else:
            machine = machine_of(launcher)
            StackedSearch(tuner, args, kwargs, folds, machine, executors).run()
    finally:
        executors.close()


class ParallelFit:
    """Runs the trials of a tuner by `Model.fit` on executors."""

    def __init__(self, tuner: "RecordingTuner", executors: Executors) -> None:
        """Search with the arguments that the executors were given."""
        self._tuner = tuner
        self._executors = executors
        self._builds = type(tuner).run_trial is TrainingTuner.run_trial
        plain = self._builds and type(tuner.hypermodel).fit is keras_tuner.HyperModel.fit
        self._source = TrialSource(tuner, reads_late=not plain)

    def run(self) -> None:
        """Run all trials that are still to be run."""
        self._tuner.on_search_begin()
        while True:
            wave: list[Trial] = []
            self._executors.train_alone(self._wave(wave))
            if not wave:
                break
            self._source.learn(wave)
        self._tuner.on_search_end()

    def _wave(self, wave: list[Trial]) -> Iterator[Trial]:
        """Trials that may train at once; drawn as executors become free."""
        for trial in self._source.begun():
            self._tuner.on_trial_begin(trial)
            if self._builds:
                self._source.look_at(trial)
            else:
                self._source.note(trial)
            wave.append(trial)
            yield trial
            if not self._source.goes_on:
                break
