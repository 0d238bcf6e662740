"""`GridSearch` and `RandomSearch`: drop-in for KerasTuner's."""

from typing import Any

import keras_tuner

from auditor.search.oracles import GridOracle, RandomOracle
from auditor.search.recording_tuner import RecordingTuner


class GridSearch(RecordingTuner, keras_tuner.GridSearch):
    """Trains every combination of hyperparameters; a drop-in for `keras_tuner.GridSearch`.

    A trial is scored at its best validation epoch, with a small penalty on the generalization gap
    there. Diverged trials are results: they rank last and never end the search.

    Args:
        hypermodel: As in KerasTuner, and so are `objective`, `max_trials`, `hyperparameters`,
            `tune_new_entries`, `allow_new_entries` and `max_retries_per_trial`.
        seed: As in KerasTuner, but 0 is a seed like any other, and the seed fixes initial weights
            and shuffling too.
        max_consecutive_failed_trials: As in KerasTuner, but None by default: in a grid, crashes
            are neighbours. A search whose first ten trials all crash ends in any case.
        **kwargs: `directory`, `project_name`, `overwrite`, `executions_per_trial` and others, as in
            KerasTuner, and those of `RecordingTuner`: `gap_penalty`, `keep_weights`, `progress`,
            `report`, `cross_validation`, `stratify`, `clean_train_metrics`, `check_data`,
            `lane`.

    Example:
        >>> tuner = GridSearch(build_model, "val_loss", directory="sweeps")  # doctest: +SKIP
        >>> tuner.search(x, y, validation_split=0.2, epochs=20)  # doctest: +SKIP
        >>> print(tuner.audit())  # doctest: +SKIP
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = None,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int | None = None,
        **kwargs: Any,
    ) -> None:
        """See the class."""
        self.seed = seed
        oracle = GridOracle(
            objective=objective,
            max_trials=max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        RecordingTuner.__init__(self, oracle, hypermodel, **kwargs)


class RandomSearch(RecordingTuner, keras_tuner.RandomSearch):
    """Trains configurations drawn at random; a drop-in for `keras_tuner.RandomSearch`.

    The arguments are those of `GridSearch`. A finite space is exhausted to the last configuration,
    and none is trained twice.

    Example:
        >>> tuner = RandomSearch(build_model, "val_loss", max_trials=50)  # doctest: +SKIP
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        seed: int | None = None,
        hyperparameters: keras_tuner.HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int | None = None,
        **kwargs: Any,
    ) -> None:
        """See the class."""
        self.seed = seed
        oracle = RandomOracle(
            objective=objective,
            max_trials=max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        RecordingTuner.__init__(self, oracle, hypermodel, **kwargs)
