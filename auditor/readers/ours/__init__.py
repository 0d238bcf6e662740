"""Our own sweeps: KerasTuner's files, plus `sweep.json` and `trial_<id>/history.csv`.

Everything is recorded: curves of every execution, seeds, versions, facts about the data. A trial
that was killed before its end has whatever its `history.csv` holds. Trainings made to confirm
causes are in a folder of their own, `confirm`, which is such a sweep too.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.errors import ReadError
from auditor.files import Json, read_json
from auditor.readers.kerastuner.objective import infer_objective
from auditor.readers.kerastuner.project import has_trials, read_project
from auditor.readers.kerastuner.space import active_values, parse_space
from auditor.readers.kerastuner.trial_json import TrialFile
from auditor.readers.looking import Look
from auditor.readers.ours.chunks import FILE as CHUNKS
from auditor.readers.ours.chunks import read_chunks
from auditor.readers.ours.histories import Histories, read_histories
from auditor.readers.ours.losses import MOST_REASONS, losses_file, read_losses
from auditor.readers.ours.on_test import FILE as ON_TEST
from auditor.readers.ours.on_test import read_on_test
from auditor.readers.ours.predictions import FILE as PREDICTIONS
from auditor.readers.ours.predictions import read_predictions
from auditor.readers.ours.sweep import Sweep, TrialNotes, read_notes, read_sweep
from auditor.readers.reader import NO_FOLDER, Match, Source
from auditor.trials import (
    Context,
    Design,
    ModelFacts,
    Problem,
    Provenance,
    Recorded,
    Run,
    Trials,
)

CONFIRM_FOLDER = "confirm"
"""Where a sweep keeps its reruns."""

_NOT_PREDICTED = "There are no predictions of the best trial, because {}."

_NOT_ON_TEST = "The best trial was not evaluated on the test data, because {}."

_NO_LOSSES = "{} of the runs have no losses of single validation rows, because {}."

_NOT_CHUNKED = "Some runs have no validation losses on parts of the rows, because {}."


def matches(look: Look) -> Match:
    """Whether the path is a directory of one of our sweeps."""
    if not look.is_dir:
        return NO_FOLDER
    if "sweep.json" not in look.files:
        return Match(False, "there is no sweep.json")
    try:
        state = read_json(look.path / "sweep.json")
    except ReadError as error:
        # A damaged sweep of ours is read all the same if its trials are there.
        return Match(has_trials(look), f"sweep.json cannot be read ({error})")
    ours = isinstance(state, dict) and state.get("tool") == "auditor"
    return Match(ours, "sweep.json says it is ours" if ours else "sweep.json is another tool's")


def read(source: Source) -> Trials:
    """Read one sweep, and its reruns.

    Raises:
        ReadError: `sweep.json` is of another schema.
    """
    trials = _read(source.path)
    folder = source.path / CONFIRM_FOLDER
    if folder.is_symlink() or not (folder / "sweep.json").is_file():
        return trials
    known = trials.provenance
    try:
        reruns = _read(folder)
    except ReadError as error:
        problem = Problem(f"no reruns: {error}", CONFIRM_FOLDER)
        return replace(trials, provenance=replace(known, problems=(*known.problems, problem)))
    files = [_below(file) for file in reruns.provenance.files]
    problems = [
        # A trial of theirs is no trial of the sweep.
        replace(problem, file=_below(problem.file), trial_id=None)
        for problem in reruns.provenance.problems
    ]
    known = replace(known, files=(*known.files, *files), problems=(*known.problems, *problems))
    return replace(trials, provenance=known, reruns=reruns)


def _below(file: str | None) -> str:
    return f"{CONFIRM_FOLDER}/{file}" if file else CONFIRM_FOLDER


def _read(path: Path) -> Trials:
    sweep, problems = read_sweep(path / "sweep.json")
    project = read_project(path)
    problems += project.problems
    space, complaints = parse_space(sweep.space)
    problems += [Problem(complaint, "sweep.json") for complaint in complaints]
    space = space or project.space
    chunks, damage = read_chunks(_chunk_files(path, project.trials, sweep), sweep.chunks.rows)
    problems += damage
    histories = read_histories({t.trial_id: path / _history(t) for t in project.trials})
    found = _Found()
    noted = [(trial, *read_notes(trial)) for trial in project.trials]
    # What no build has ever read may be used in a way that leaves no trace.
    ever_read = {name for _, notes, _ in noted for name in notes.read or ()}
    for trial, notes, complaint in noted:
        problems += complaint
        values = active_values(trial.values, space)
        inert = ever_read.difference(values if notes.read is None else notes.read)
        found.hyperparameters[trial.trial_id] = {
            name: value for name, value in values.items() if name not in inert
        }
        problems += _add_runs(found, trial, notes, histories)
        problems += _add_losses(found, path, trial, notes)
    predictions, why_not, damage = read_predictions(path / PREDICTIONS)
    problems += damage
    on_test, why_untested, damage = read_on_test(path / ON_TEST)
    problems += damage
    there = set(histories.trials)
    files = [_history(trial) for trial in project.trials if trial.trial_id in there]
    files += [name for name in (PREDICTIONS, ON_TEST) if (path / name).exists()]
    files += found.losses_files
    missing = [_NOT_PREDICTED.format(why_not)] if why_not else []
    missing += [_NOT_ON_TEST.format(why_untested)] if why_untested else []
    reasons = found.why_no_losses.most_common(MOST_REASONS)
    missing += [_NO_LOSSES.format(runs, reason) for reason, runs in reasons]
    missing += [_NOT_CHUNKED.format(reason) for reason in sweep.chunks.why_not]
    return Trials(
        hyperparameters=found.hyperparameters,
        recorded=found.recorded,
        curves=histories.curves,
        objective=sweep.objective or infer_objective(project.trials),
        space=space,
        design=Design(sweep.sampler, sweep.seed, sweep.executions, sweep.epochs, sweep.gap_penalty),
        context=replace(
            _context(sweep, found, histories),
            predictions=predictions,
            chunks=chunks,
            losses=found.losses,
            on_test=on_test,
        ),
        provenance=Provenance(
            tool="auditor",
            version=sweep.version,
            path=str(path),
            files=("sweep.json", *project.files, *files),
            versions=sweep.versions,
            missing=tuple(missing),
            problems=tuple(problems),
        ),
    )


@dataclass
class _Found:
    """What the trials' own files hold, collected trial by trial."""

    hyperparameters: dict[str, dict[str, Json]] = field(default_factory=dict)
    recorded: dict[Run, Recorded] = field(default_factory=dict)
    lane: dict[Run, str] = field(default_factory=dict)
    stack: dict[Run, str] = field(default_factory=dict)
    models: dict[str, ModelFacts] = field(default_factory=dict)
    losses: dict[Run, NDArray[np.float32]] = field(default_factory=dict)
    losses_files: list[str] = field(default_factory=list)
    why_no_losses: Counter[str] = field(default_factory=Counter)


def _history(trial: TrialFile) -> str:
    return str(Path(trial.file).with_name("history.csv"))


def _chunk_files(path: Path, trials: Iterable[TrialFile], sweep: Sweep) -> dict[str, Path]:
    """Per trial where its chunks would be; empty for a sweep that records none."""
    if not sweep.chunks.folds:
        return {}
    return {trial.trial_id: path / Path(trial.file).with_name(CHUNKS) for trial in trials}


def _add_runs(
    found: _Found, trial: TrialFile, notes: TrialNotes, histories: Histories
) -> list[Problem]:
    """Add the runs of a trial; the problems of its `history.csv`."""
    observed = histories.runs.get(trial.trial_id, {})
    recorded = notes.recorded(trial.trial_id)
    if recorded:
        # A run that has epochs but no notes was under way when the process was killed.
        recorded |= {run: Recorded("unfinished") for run in observed if run not in recorded}
    else:
        # Killed before its end, or run by plain KerasTuner: its `trial.json` is all there is.
        recorded = dict.fromkeys(observed or [Run(trial.trial_id)], trial.recorded())
    found.recorded |= recorded
    found.lane |= notes.lanes(trial.trial_id)
    found.stack |= notes.stacks(trial.trial_id)
    if notes.model is not None:
        found.models[trial.trial_id] = notes.model
    complaints = histories.complaints.get(trial.trial_id, ())
    return [Problem(complaint, _history(trial), trial.trial_id) for complaint in complaints]


def _add_losses(found: _Found, path: Path, trial: TrialFile, notes: TrialNotes) -> list[Problem]:
    """Add the losses that were recorded of a trial; the problems of their files."""
    if all(run.losses is None and run.why_no_losses is None for run in notes.runs):
        return []  # of ten thousand trials soon
    found.why_no_losses.update(run.why_no_losses for run in notes.runs if run.why_no_losses)
    folder = Path(trial.file).parent
    losses, complaints = read_losses(path / folder, notes)
    for (execution, fold), values in losses.items():
        found.losses[Run(trial.trial_id, execution, fold)] = values
        found.losses_files.append(str(folder / losses_file(execution, fold)))
    return [
        Problem(complaint, str(folder / name), trial.trial_id) for name, complaint in complaints
    ]


def _context(sweep: Sweep, found: _Found, histories: Histories) -> Context:
    facts = sweep.context
    return Context(
        facts.train_rows,
        facts.validation_rows,
        facts.label_counts,
        facts.target_variance,
        facts.no_skill_loss,
        facts.no_skill_from,
        facts.untrained_loss,
        training_no_skill_loss=facts.training_no_skill_loss,
        weighted_training=facts.weighted_training,
        series=histories.series,
        lane=found.lane,
        stack=found.stack,
        # Of trials that are there: a file may name any number of others.
        why_alone={t: sweep.plan.alone[t] for t in found.hyperparameters if t in sweep.plan.alone},
        data_checks=sweep.data_checks,
        models=found.models,
    )
