"""What trains one trial, in the process that leads the search or in another one."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.src.engine.tuner_utils import (
    TunerCallback,
    convert_to_metrics_dict,
    validate_trial_results,
)

from auditor.errors import SearchError
from auditor.search.clean import CleanTraining
from auditor.search.crashes import ENDS_THE_SEARCH
from auditor.search.fit import CompiledModels
from auditor.search.model_facts import describe
from auditor.search.progress import Standing
from auditor.search.recorder import Execution, Recorder
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.results import take_returned
from auditor.search.row_losses import FitLosses
from auditor.search.runs import CrossValidation, arguments_of, begin_run
from auditor.search.steps import use_many_steps
from auditor.search.sweep_file import SweepFile
from auditor.search.validation_watch import ValidationWatch

FIT = "Model.fit"
"""Name of the place where this process trains trials one by one; see `Worker`."""

HOOKS = ("on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end")
"""Methods of a tuner that its subclasses may override to watch the training."""


class TrainingTuner(keras_tuner.Tuner):
    """Runs the code of the user's: builds models, and trains a trial; it ends none.

    Attributes:
        cross_validation: How often an execution trains, and on which rows.
        clean_train_metrics: See `RecordingTuner`.
        per_example_losses: See `RecordingTuner`.
    """

    oracle: RecordingOracle

    def __init__(
        self,
        oracle: RecordingOracle,
        hypermodel: Any = None,
        *,
        sweep: SweepFile,
        standing: Standing,
        cross_validation: CrossValidation,
        clean_train_metrics: bool = False,
        per_example_losses: bool = False,
        **kwargs: Any,
    ) -> None:
        """Train trials of an oracle.

        Args:
            oracle: Whose trials.
            hypermodel: Builds their models.
            sweep: Told what the code of the user's shows of the search.
            standing: Told of each epoch.
            cross_validation: See the class.
            clean_train_metrics: See the class.
            per_example_losses: See the class.
            **kwargs: KerasTuner's.

        Raises:
            SearchError: The model cannot be built.
        """
        self.cross_validation = cross_validation
        self.clean_train_metrics = clean_train_metrics
        self.per_example_losses = per_example_losses
        self._sweep = sweep
        self._standing = standing
        self._compiled = CompiledModels()
        self._executions: list[Execution] = []  # the runs of the trial under way
        self._clean: CleanTraining | None = None
        self._losses: FitLosses | None = None
        self._watch: ValidationWatch | None = None
        # Not super(): KerasTuner's GridSearch and RandomSearch would make an oracle of their own.
        keras_tuner.Tuner.__init__(self, oracle=oracle, hypermodel=hypermodel, **kwargs)

    # Building

    def build_once(self, hyperparameters: keras_tuner.HyperParameters) -> Any:
        """A model, as a trial builds it, but without clearing anything first.

        Raises:
            FailedTrialError: It has more numbers than `max_model_size`.
        """
        model = self._build_hypermodel(hyperparameters)
        if self.max_model_size and model.count_params() > self.max_model_size:
            raise keras_tuner.errors.FailedTrialError(f"{model.count_params()} parameters")
        return model

    def _populate_initial_space(self) -> None:
        try:
            super()._populate_initial_space()
        except Exception as error:
            if isinstance(error, ENDS_THE_SEARCH):
                raise
            raise SearchError(
                "the model could not be built while the search space was listed, before any "
                f"trial: {type(error).__name__}: {error}; mend the code that builds it, which is "
                "called with every hyperparameter at its default first"
            ) from error

    def _may_find_hyperparameters(self) -> bool:
        """Whether code that runs in a trial only, not in a build, may ask for hyperparameters."""
        if self.hypermodel is None or type(self).run_trial is not TrainingTuner.run_trial:
            return True
        return type(self.hypermodel).fit is not keras_tuner.HyperModel.fit

    def _find_late_hyperparameters(self) -> None:
        """Build again what showed hyperparameters that the first builds do not ask for.

        The code may ask for them with other values now.
        """
        if self.hypermodel is None or not self.oracle.tune_new_entries:
            return
        space = self.oracle.hyperparameters
        known = {hp.name for hp in space.space}
        for trial_id, trial in self.oracle.trials.items():
            late = set(self.oracle.details[trial_id].get("read") or ()) - known
            if late:
                hp = self.oracle.get_space()
                hp.values = dict(trial.hyperparameters.values)
                self.hypermodel.build(hp)
                self.oracle.update_space(hp)
                known |= late

    # Training

    def train_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> bool:
        """Train a trial by `Model.fit`; its runs are kept until the next one.

        Returns:
            Whether an overridden `run_trial` has reported by itself, as KerasTuner allowed once.
        """
        self._executions = []
        results: Any = self.run_trial(trial, *fit_args, **fit_kwargs)
        objective = self.oracle.objective
        metrics = self.oracle.get_trial(trial.trial_id).metrics
        if reported := metrics.exists(objective.name):
            results = {n: float(m.get_history()[-1].mean()) for n, m in metrics.metrics.items()}
        validate_trial_results(results, objective, "Tuner.run_trial()")
        returned = results if isinstance(results, list) else [results]
        while len(self._executions) < len(returned):
            self._begin_execution(trial)
        if len(returned) < len(self._executions):
            # An overridden run_trial that trains several times, and sums them up itself.
            returned = [convert_to_metrics_dict(results, objective)] * len(self._executions)
        for result, execution in zip(returned, self._executions, strict=True):
            take_returned(result, execution, objective, self.oracle.any_completed)
        return bool(reported)

    def runs_so_far(self, trial: Trial) -> list[Execution]:
        """The runs of the trial that is, or was, under way: one at least."""
        if not self._executions:
            self._begin_execution(trial)
        return self._executions

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> list[Any]:
        """Train a configuration as often as `executions_per_trial` says; see KerasTuner.

        With cross-validation that is once per fold each time, and one result per fold.
        """
        callbacks = kwargs.pop("callbacks", None) or []
        # Of these arguments: code that overrides this may have changed those of `search`.
        folds = self.cross_validation.split(self.oracle.seed, args, kwargs)
        results = []
        for _ in range(self.executions_per_trial):
            for fold in folds or (None,):
                given = (args, kwargs) if fold is None else arguments_of(fold, args, kwargs)
                results.append(self._run(trial, callbacks, *given))
        return results

    def _run(
        self, trial: Trial, callbacks: list[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Train a configuration once."""
        execution = self._begin_execution(trial)
        begun = time.monotonic()
        self._clean = CleanTraining(self.oracle.seed) if self.clean_train_metrics else None
        notes = partial(self._note_epoch, trial.trial_id)
        self._watch = watch = ValidationWatch(execution)
        recorder = Recorder(self.oracle.objective, execution, self._clean, notes, watch)
        own = [*self._own_callbacks(callbacks, trial, execution), recorder]
        self._losses = losses = FitLosses() if self.per_example_losses else None
        try:
            keras.utils.set_random_seed(execution.seed)
            result = self._build_and_fit_model(trial, *args, **{**kwargs, "callbacks": own})
        finally:
            execution.total_seconds = time.monotonic() - begun
            self._clean = self._watch = self._losses = None  # They hold data.
            self._standing.note_idle(FIT)
        if losses is not None:
            losses.measure(execution)
        return result

    def _note_epoch(self, trial_id: str, epoch: int, epochs: int) -> None:
        self._standing.note_epochs(FIT, f"trial {trial_id}", epoch, epochs)

    def _begin_execution(self, trial: Trial) -> Execution:
        place, folds = len(self._executions), self.cross_validation.count
        execution = begin_run(trial.trial_id, self.oracle.seed, place, folds)
        self._executions.append(execution)
        return execution

    def _own_callbacks(self, given: list[Any], trial: Trial, execution: Execution) -> list[Any]:
        """A run's own copies of the callbacks of `search`."""
        callbacks: list[Any] = self._deepcopy_callbacks(given)
        with trial.hyperparameters.untraced():
            name = str(execution.execution)
            name += f"_fold{execution.fold}" if self.cross_validation.count else ""
            self._configure_tensorboard_dir(callbacks, trial, name)
        own = type(self)
        if any(getattr(own, hook) is not getattr(TrainingTuner, hook) for hook in HOOKS):
            callbacks.append(TunerCallback(self, trial))
        return callbacks

    def _see_fit(self, arguments: Mapping[str, Any]) -> None:
        self._sweep.see_fit(arguments)
        if self._clean is not None:
            self._clean.see_fit(arguments)
        if self._losses is not None:
            self._losses.see_fit(arguments)
        if self._watch is not None:
            self._watch.see_fit(arguments)

    def _see_training(self, arguments: Mapping[str, Any]) -> None:
        self._note_model(arguments["self"])
        self._see_fit(arguments)

    def _note_model(self, model: Any) -> None:
        # The first of several trainings: later ones may go on with a smaller learning rate.
        if self._executions and self._executions[-1].model_facts is None:
            self._executions[-1].model_facts = describe(model)

    def _build_and_fit_model(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        built = self._try_build(trial.hyperparameters)
        self._sweep.note_loss(built)
        model = self._compiled.adopt(built, args[0] if args else kwargs.get("x"), self.hypermodel)
        if type(model).fit is not keras.Model.fit:
            self._note_model(model)
        use_many_steps(model, kwargs["callbacks"], self._see_training)
        try:
            results = self.hypermodel.fit(trial.hyperparameters, model, *args, **kwargs)
        except BaseException:
            self._compiled.release(model, failed=True)
            raise
        self._compiled.release(model)
        self._sweep.end_fit(self.hypermodel)
        if self._executions:
            self._executions[-1].build_config = model.get_build_config()
        validate_trial_results(results, self.oracle.objective, "HyperModel.fit()")
        return results
