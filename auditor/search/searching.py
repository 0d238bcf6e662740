"""One search, from the first look at the data to the last file, whatever trains it."""

import gc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import keras_tuner

from auditor.errors import AuditorError
from auditor.search.folds import Fold
from auditor.search.launching.launcher import launcher
from auditor.search.on_test import HeldOut, keep_on_test
from auditor.search.parallel_search import search_in_parallel
from auditor.search.predicting import keep_predictions
from auditor.search.stackable import why_never
from auditor.search.stacked_search import StackedSearch

if TYPE_CHECKING:
    from auditor.search.recording_tuner import RecordingTuner


def run_search(
    tuner: "RecordingTuner",
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    test_data: Any = None,
) -> None:
    """Run all trials of a tuner that are still to be run; see `RecordingTuner.search`.

    Args:
        tuner: It holds the lock on its directory.
        args: Of `Model.fit`, by place.
        kwargs: Those by name.
        test_data: What the winner is evaluated on at the end; None for nothing.
    """
    held_out = None if test_data is None else HeldOut.of(test_data)
    # KerasTuner collects garbage for every model. Without what is alive already, the frameworks
    # above all, that takes milliseconds in place of 0.2 s: a third of a small trial.
    gc.collect()
    gc.freeze()
    try:
        folds = tuner.cross_validation.split(tuner.oracle.seed, args, kwargs)
        tuner._sweep.open(args, kwargs, tuner.executions_per_trial, folds)
        if tuner.check_data:
            # Here, and not while trials train: stacks are timed, and that decides how they do.
            tuner._sweep.check_data(args, kwargs, folds)
            gc.freeze()  # what it has loaded too
        if held_out is not None:
            tuner.ending.keep_every_run()
        tuner.oracle.forgive()
        tuner._standing.begin(tuner.executions_per_trial * max(1, tuner.cross_validation.count))
        tuner.save()
        _run_trials(tuner, args, kwargs, folds)
        keep_predictions(tuner, args, kwargs)
        if held_out is not None:
            keep_on_test(tuner, args, kwargs, folds, held_out)
    except KeyboardInterrupt as interrupt:
        with suppress(AuditorError, OSError):
            tuner.ending.settle(tuner.trials())
        done = len(tuner.oracle.end_order)
        interrupt.add_note(
            f"{done} completed trials are kept in {tuner.project_dir}; call search() again with "
            "the same arguments, in a new process too, to go on from there"
        )
        raise
    except OSError as error:
        raise tuner.ending.cannot_write(error) from error
    finally:
        gc.unfreeze()
        with suppress(OSError):
            tuner.oracle.save(now=True)


def _run_trials(
    tuner: "RecordingTuner", args: tuple[Any, ...], kwargs: dict[str, Any], folds: tuple[Fold, ...]
) -> None:
    """Run them in the lane, and in the processes, that were asked for."""
    if executors := launcher(tuner.n_jobs, tuner.workers_per_gpu):
        search_in_parallel(tuner, executors, args, kwargs, folds)
    elif tuner.lane == "fit" or why_never(tuner):
        keras_tuner.Tuner.search(tuner, *args, **kwargs)  # not the tuner's own, which led here
    else:
        StackedSearch(tuner, args, kwargs, folds).run()
