"""What a search has shown before its end: the trials that have ended, and those that train."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from auditor.search.recorder import Execution
from auditor.search.results import observed
from auditor.trials import Trials

if TYPE_CHECKING:
    from auditor.auditing import Audit
    from auditor.report.live import LiveReport
    from auditor.search.recording_tuner import RecordingTuner


def live_report(tuner: "RecordingTuner", path: str | os.PathLike[str]) -> "LiveReport":
    """What writes the report of a search while it goes on."""
    from auditor.report.live import LiveReport

    return LiveReport(path, partial(audit_so_far, tuner), tuner.progress)


def audit_so_far(tuner: "RecordingTuner") -> "Audit":
    """The audit of a search that may be under way; may be asked for from another thread."""
    from auditor.auditing import audit

    training = tuner._standing.training()  # First: what ends meanwhile is in the directory then.
    return audit(with_training(tuner.trials(), training), tuner.gap_penalty)


def with_training(trials: Trials, training: Mapping[str, Sequence[Execution]]) -> Trials:
    """Trials with the runs that train in this process, each unfinished, with its epochs so far.

    A trial that has begun and shows nothing yet is left out.

    Args:
        trials: What the directory of the search holds.
        training: Per trial its runs, which go on meanwhile.
    """
    begun = {
        trial: runs
        for trial, all_runs in training.items()
        if trial in trials.hyperparameters
        and all(trials.recorded[run].status == "unfinished" for run in trials.runs_of[trial])
        and (runs := [_as_it_is(run) for run in all_runs if run.epochs])
    }
    bare = {
        trial
        for trial, runs in trials.runs_of.items()
        if trials.coverage_of(trial) == "nothing"
        and all(trials.recorded[run].status == "unfinished" for run in runs)
    }
    if not bare and not begun:
        return trials
    now = observed(begun, trials.objective, trials.context)
    under_way = {run: replace(told, status="unfinished") for run, told in now.recorded.items()}
    ended = {
        run: told for run, told in trials.recorded.items() if run.trial_id not in {*begun, *bare}
    }
    series = _joined(trials.context.series, now.context.series, begun)
    kept = [t for t in trials.hyperparameters if t in begun or t not in bare]
    return replace(
        trials,
        hyperparameters={trial: trials.hyperparameters[trial] for trial in kept},
        recorded=ended | under_way,
        curves=_joined(trials.curves, now.curves, begun),
        context=replace(trials.context, series=series),
    )


def _as_it_is(run: Execution) -> Execution:
    """A copy of the curves of a run: it may have another epoch before they are looked at."""
    return Execution(
        run.execution, run.seed, run.started, run.fold, epochs=[dict(row) for row in run.epochs]
    )


def _joined(
    stored: pd.DataFrame, fresh: pd.DataFrame, begun: Mapping[str, Sequence[Execution]]
) -> pd.DataFrame:
    if fresh.empty:
        return stored
    stored = stored[~stored["trial_id"].isin(list(begun))]
    parts = [stored.astype({"trial_id": "str", "metric": "str"}), fresh]
    return pd.concat(parts, ignore_index=True) if len(stored) else fresh
