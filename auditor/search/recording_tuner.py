"""What the grid and the random tuner share: KerasTuner's, with every curve recorded."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from keras_tuner.engine.trial import Trial
from keras_tuner.src.distribute import utils as distribution

from auditor.errors import SearchError
from auditor.files import write_whole
from auditor.readers import read
from auditor.scoring import DEFAULT_GAP_PENALTY
from auditor.search import store
from auditor.search.arguments import check_arguments
from auditor.search.ending import Ending
from auditor.search.fit import CompiledModels
from auditor.search.hiding import hide_gpus
from auditor.search.launching.launcher import leaves_gpus_alone
from auditor.search.lock import SweepLock
from auditor.search.plan_summary import PlanSummary, planned_summary, stored_summary
from auditor.search.progress import Progress, Standing
from auditor.search.recording_oracle import RecordingOracle
from auditor.search.runs import CrossValidation
from auditor.search.searching import run_search
from auditor.search.signals import ends_by_sigterm
from auditor.search.so_far import live_report
from auditor.search.sweep_file import SweepFile
from auditor.search.training_tuner import TrainingTuner
from auditor.trials import Trials

if TYPE_CHECKING:
    from auditor.auditing import Audit

DEFAULT_KEEP_WEIGHTS = 10
"""Trials whose weights are kept. KerasTuner keeps all, which fills disks."""


class RecordingTuner(TrainingTuner):
    """What both tuners share.

    Arguments beyond those of KerasTuner:
        gap_penalty: Weight of the generalization gap in the score; 0 ranks by the objective alone.
        keep_weights: For how many of the best trials weights stay on the disk; -1 for all.
        progress: Called with a `Progress` after each trial; see also the method `progress`.
        report: A file for the report, an HTML page. It is written anew while the search goes on,
            for 2 % of the time at most, and a browser that shows it follows.
        cross_validation: Number of folds, or 0 for none. Each execution then trains one run per
            fold, and the score is the mean over all of them. `search` takes all rows as arrays `x`
            and `y`, and no validation data. The folds are the same for the whole sweep, and have
            the same number of rows: what is left over is trained on in each.
        stratify: Give each fold its share of every class; `y` must hold classes.
        clean_train_metrics: After each epoch, measure the training metrics again in inference mode,
            on at most 4,096 rows, always the same ones; kept as "clean_loss" and the like in
            `Trials.context.series`. Only where `fit` is given arrays, and no class weights.
        per_example_losses: Keep the loss of each validation row at the best epoch of each run, as
            `Trials.context.losses`, which tells more of the luck of the search. Takes one more pass
            over the validation data per run. Only where these are arrays without weights.
        check_data: Before the first trial, compare training and validation data: shared rows, near
            duplicates, labels, scale. Takes about a second at most, where `search` is given arrays.
        lane: "auto" trains runs of one structure together, as one compiled program, wherever that
            is possible and worth while; "stacked" wherever it is possible; "fit" trains each by
            `Model.fit`. Which lane trained a run is recorded, and why one could not be stacked.
            Stacks train in threads of this process: callbacks of different runs, each run with its
            own copies, may be called at the same time, and `with tf.device(...)` or
            `jax.default_device(...)` around `search` does not reach them. "fit" is for what cannot
            bear that.
        n_jobs: In how many processes to train; -1 for one per GPU, or per core where there is
            none. None: as `joblib.parallel_config` says, which also leads to Dask and Ray, else in
            this process. See docs/clusters.md.
        workers_per_gpu: How many processes share a GPU.
    """

    def __init__(
        self,
        oracle: RecordingOracle,
        hypermodel: Any = None,
        *,
        gap_penalty: float = DEFAULT_GAP_PENALTY,
        keep_weights: int = DEFAULT_KEEP_WEIGHTS,
        progress: Callable[[Progress], None] | None = None,
        report: str | os.PathLike[str] | None = None,
        cross_validation: int = 0,
        stratify: bool = False,
        clean_train_metrics: bool = False,
        check_data: bool = True,
        lane: Literal["auto", "stacked", "fit"] = "auto",
        n_jobs: int | None = None,
        workers_per_gpu: int = 1,
        directory: str | os.PathLike[str] | None = None,
        project_name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """See the class; the rest is KerasTuner's.

        Raises:
            DirectoryError: The directory cannot be written, holds another sweep, or with
                `overwrite` one that is under way.
            SearchError: The model declares no hyperparameter, or cannot be built.
            ValueError: `gap_penalty` is negative or infinite, `cross_validation` is 1 or negative,
                there is `stratify` without it, or a number of processes is none.
        """
        check_arguments(gap_penalty, lane, n_jobs, workers_per_gpu)
        self.gap_penalty = gap_penalty
        self.check_data = check_data
        self.lane = lane
        self.n_jobs = n_jobs
        self.workers_per_gpu = workers_per_gpu
        self.keep_weights = keep_weights
        self._progress = progress
        self._report = report
        self._searched: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        standing, split = Standing(oracle), CrossValidation(cross_validation, stratify)
        path = Path(directory or ".", project_name or "untitled_project")
        store.prepare(path)
        self._lock = SweepLock(path)
        if kwargs.pop("overwrite", False):
            # Not by KerasTuner, which deletes what another process is writing.
            with self._lock:
                self._lock.empty()
        sweep = SweepFile(path, oracle, gap_penalty, split)
        self.ending = Ending(path, oracle, sweep, keep_weights, gap_penalty)
        if leaves_gpus_alone(n_jobs):
            hide_gpus()  # before the first model is built, which is now
        super().__init__(
            oracle,
            hypermodel,
            sweep=sweep,
            standing=standing,
            cross_validation=split,
            clean_train_metrics=clean_train_metrics,
            directory=str(directory) if directory is not None else None,
            project_name=project_name,
            **kwargs,
        )
        if not self.oracle.trials and any(path.glob("trial_*/trial.json")):
            self.reload()  # KerasTuner does only where there is a tuner0.json
        if not self.oracle.get_space().space and not self._may_find_hyperparameters():
            raise SearchError(
                "there is nothing to search: the code that builds the model asks for no "
                "hyperparameter; call hp.Choice, hp.Int, hp.Float or hp.Boolean in it, or pass "
                "`hyperparameters`"
            )

    # The search

    def search(self, *fit_args: Any, test_data: Any = None, **fit_kwargs: Any) -> None:
        """Run all trials that are still to be run; the arguments are those of `Model.fit`.

        Called again after an interruption, in a new process too, it goes on where it stopped.
        SIGTERM ends the process as ever, but only after all is written, as after Ctrl-C; not where
        the signal has a handler, or in a thread other than the main one.

        Test data, arrays `(x_test, y_test)`, influence nothing: the winner alone is evaluated on
        them, once the search has ended. See `Trials.context.on_test`.

        Raises:
            ObjectiveError: The objective is not among the metrics.
            DirectoryError: The directory holds a sweep on other data, cannot be written, or another
                search is at work in it.
            SearchError: Every trial crashes, or the data cannot be used.
        """
        self._searched = None  # While it runs, copies of this tuner must not take the data along.
        # KerasTuner's own workers share a directory on purpose.
        lock = nullcontext() if distribution.has_chief_oracle() else self._lock
        report = None if self._report is None else live_report(self, self._report)
        with ends_by_sigterm(), lock, report.watch() if report else nullcontext():
            run_search(self, fit_args, fit_kwargs, test_data)
        if report:
            report.finish()
        self._searched = fit_args, fit_kwargs

    def confirm(self, *fit_args: Any, budget: int | None = None, **fit_kwargs: Any) -> "Audit":
        """Train again, with new seeds, what decides whether the causes of the audit are causes.

        Configurations that meet a cause, and the same with one of its values changed: see
        `Audit.plan_reruns`. They are kept in the folder `confirm` of the sweep, whose other files
        stay as they are; called again after an interruption, it goes on.

        Args:
            *fit_args: As those of `search`, whose arguments are used if none are given here.
            budget: Trainings at most; None for as many as it takes.
            **fit_kwargs: As `fit_args`.

        Returns:
            The audit, in which causes are confirmed, withdrawn, or left open.

        Raises:
            SearchError: There are no arguments, or they are not those of the sweep.

        Example:
            >>> tuner.search(x, y, validation_split=0.2, epochs=20)  # doctest: +SKIP
            >>> tuner.confirm().causes[0].evidence  # doctest: +SKIP
            'confirmed'
        """
        from auditor.search.confirming import confirmed

        given = (fit_args, fit_kwargs) if fit_args or fit_kwargs else self._searched
        return confirmed(self, given, budget)

    def plan_summary(self, *fit_args: Any, **fit_kwargs: Any) -> PlanSummary:
        """Which trials train together, and why the others do not; `print` makes it a table.

        With the arguments of `search` it plans what that would train first: nothing is trained or
        written, and a search goes on as if nothing had happened. Code that builds models runs, up
        to 2,048 times; not while a search runs. Without arguments it is the plan in the directory.

        Raises:
            DirectoryError: The directory holds a sweep on other data.
            SearchError: The data cannot be split into folds.

        Example:
            >>> print(tuner.plan_summary(x, y, epochs=20))  # doctest: +SKIP
            34 trials (34 runs) in 2 stacks, 2 trials by Model.fit
        """
        if fit_args or fit_kwargs:
            return planned_summary(self, fit_args, fit_kwargs)
        return stored_summary(self)

    def on_search_end(self) -> None:
        """Score all trials together: what caps the penalty may depend on the whole sweep."""
        super().on_search_end()
        self.ending.settle(self.trials())
        self._compiled = CompiledModels()

    def progress(self) -> Progress:
        """Where the search stands now; may be asked from other threads while it runs."""
        return self._standing.now()

    def trials(self) -> Trials:
        """What was observed so far: exactly what reading the directory yields."""
        return read(self.project_dir)

    def audit(self, gap_penalty: float | None = None) -> "Audit":
        """The audit of the trials so far.

        Args:
            gap_penalty: Another weight than the search's own.
        """
        from auditor.auditing import audit

        return audit(self.trials(), self.gap_penalty if gap_penalty is None else gap_penalty)

    # Ending trials

    def _run_and_update_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> None:
        reported = self.train_trial(trial, *fit_args, **fit_kwargs)
        self.ending.report(trial, self._executions, reported=reported)

    def _try_run_and_update_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> None:
        self._executions = []
        self._standing.note_start(trial.trial_id, lambda: self._executions)
        act = partial(self._run_and_update_trial, trial, *fit_args, **fit_kwargs)
        self.ending.attempt(trial, act, partial(self.runs_so_far, trial))

    def on_trial_end(self, trial: Trial) -> None:
        """End the trial, and tell whoever follows the search."""
        super().on_trial_end(trial)
        ended = self.oracle.trials[trial.trial_id]
        self._standing.note_end(ended)
        if self._progress:
            self._progress(self._standing.now(ended))

    # Files

    def save(self) -> None:
        """Write `oracle.json` and `tuner0.json`, in KerasTuner's form."""
        self.oracle.save()
        marker = Path(self._get_tuner_fname())
        if not marker.exists():
            write_whole(marker, "{}")

    def reload(self) -> None:
        """Take up the search that is in the directory, with the space as the code has it now."""
        declared = self.oracle.get_space()
        self.oracle.reload()
        stored, self.oracle.hyperparameters = self.oracle.hyperparameters, declared
        self._populate_initial_space()
        self._find_late_hyperparameters()
        declared, self.oracle.hyperparameters = self.oracle.hyperparameters, stored
        self.oracle.rediscovered(declared)
        self.ending.start()
        self._standing.start()

    def load_model(self, trial: Trial) -> Any:
        """A model with the weights of the scored epoch.

        Raises:
            SearchError: The weights of this trial were not kept.
        """
        if not Path(self._get_checkpoint_fname(trial.trial_id)).exists():
            raise SearchError(
                f"the weights of trial {trial.trial_id} were not kept: only the best "
                f"{self.keep_weights} trials keep theirs (keep_weights), none without a finite "
                "epoch does; train it again with get_best_hyperparameters()"
            )
        return super().load_model(trial)
