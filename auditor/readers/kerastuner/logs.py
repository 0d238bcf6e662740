"""Logs of TensorBoard's callback that belong to the trials of a KerasTuner project.

KerasTuner sends them to `<log_dir>/<trial id>/execution<k>`, with `log_dir` wherever the user has
put it: in the project, beside it, or beside the folder around it.
"""

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import clean
from auditor.readers.gathered import MOST_EPOCHS
from auditor.readers.kerastuner.project import trial_folders
from auditor.readers.kerastuner.trial_json import FOLDER, TrialFile, read_trial
from auditor.readers.looking import Look
from auditor.readers.tensorboard.events import read_events
from auditor.readers.tensorboard.hparams import hyperparameters
from auditor.readers.tensorboard.runs import Logged, Training, is_event_file, place
from auditor.trials import Problem, Run

MOST_ENTRIES = 100_000
"""Entries of folders around a project that are looked at in search of logs."""

_SOME = 5
"""Trials from the start and from the end that are looked at to tell whose logs these are."""

_EXECUTION = re.compile(r"execution\d{1,6}")
_IS_OTHER = re.compile(rf"{FOLDER}|\.")
"""What the names of folders begin with that are not looked into: of trials, and hidden ones."""


_NOTHING = np.array([], np.int64), np.array([], np.float64)


@dataclass
class Logs:
    """What was logged of the trials of a project.

    Attributes:
        trainings: The training of each execution.
        files: The event files, as paths from the project on.
        problems: What could not be read or used.
    """

    trainings: dict[Run, Training] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def folder_of(project: Path) -> list[Path]:
    """The folder with the logs of a project, if one is found, by a glance at a few trials."""
    folders = trial_folders(project)
    trials: dict[str, TrialFile] = {}
    for folder in [*folders[:_SOME], *folders[-_SOME:]]:
        with suppress(ReadError):
            trial = read_trial(folder)
            trials[trial.trial_id] = trial
    found = _fitting(project, trials)
    return found if len(found) == 1 else []


def read_logs(project: Path, trials: Sequence[TrialFile]) -> Logs:
    """Read the logs of all trials, where they can be found without doubt.

    Logs whose hyperparameters or results are not those of the trial are of another search and left
    alone.
    """
    logs = Logs()
    some = {trial.trial_id: trial for trial in (*trials[:_SOME], *trials[-_SOME:])}
    folders = _fitting(project, some)
    if len(folders) > 1:
        shown = " and ".join(str(clean(path.name)) for path in folders[:3])
        logs.problems.append(
            Problem(
                f"the logs in {shown} fit the trials of this project alike, so none of them is "
                "used: move those of other searches away"
            )
        )
    for trial in trials if len(folders) == 1 else ():
        if _is_name(trial.trial_id):
            _read_trial(folders[0] / trial.trial_id, trial, project, logs)
    return logs


def _fitting(project: Path, trials: Mapping[str, TrialFile]) -> list[Path]:
    """Folders in and around a project that hold logs of trials like these.

    Those in the project count before those beside it. Of several in one place those that name the
    project in their path do; where that does not tell them apart, all are returned.
    """
    named = {name: trial for name, trial in trials.items() if _is_name(name)}
    project = project.absolute()
    for base, depth in ((project, 2), (project.parent, 2), (project.parent.parent, 1)):
        found = [path for path in _below(base, depth) if _fits(path, named)]
        if found:
            return [
                path for path in found if project.name in path.parts[len(base.parts) :]
            ] or found
    return []


def _below(folder: Path, depth: int) -> list[Path]:
    """The folders below one, the closest first; none of trials, nor other projects."""
    found, level, left = [], [folder], MOST_ENTRIES
    for _ in range(depth):
        names: list[Path] = []
        for above in level:
            with suppress(OSError), os.scandir(above) as entries:
                for entry in islice(entries, left):
                    left -= 1
                    path = above / entry.name
                    if not entry.is_dir(follow_symlinks=False) or _IS_OTHER.match(entry.name):
                        continue
                    if not (path / "oracle.json").exists():
                        names.append(path)
        level = sorted(names)
        found += level
    return found


def _is_name(trial_id: str) -> bool:
    """Whether an id, which is text of a stranger, is the name of one folder."""
    return Path(trial_id).name == trial_id and trial_id not in ("", "..")


def _fits(folder: Path, trials: Mapping[str, TrialFile]) -> bool:
    """Whether a folder holds logs of trials of these ids, with the same hyperparameters."""
    holds = False
    for name, trial in trials.items():
        execution = folder / name / "execution0"
        if execution.is_dir():
            holds = True
            logged = _read_execution(execution, name, folder, Logs())
            if values := hyperparameters(logged.session):
                return _are_of(values, trial)
    return holds


def _are_of(values: Mapping[str, Json], trial: TrialFile) -> bool:
    shared = values.keys() & trial.values.keys()
    return all(_same(values[name], trial.values[name]) for name in shared)


def _same(logged: Json, value: Json) -> bool:
    if isinstance(logged, float) and isinstance(value, int | float):
        with suppress(OverflowError):  # an integer of hundreds of digits
            return math.isclose(logged, value, rel_tol=1e-6)
    return bool(logged == value) or str(logged) == str(value)


def _from_its_start(training: Training, trial: TrialFile) -> Training:
    """The curves from epoch 0: those of Hyperband go on from where another trial has ended."""
    start = trial.tuner_values.get("tuner/initial_epoch")
    if not isinstance(start, int) or not 0 < start < MOST_EPOCHS:
        return training
    curves = {name: (epochs - start, values) for name, (epochs, values) in training.curves.items()}
    own = {name: (e[e >= 0], values[e >= 0]) for name, (e, values) in curves.items()}
    return replace(training, curves=own)


def _agrees(training: Training, trial: TrialFile) -> bool:
    """Whether the curves have the values that KerasTuner recorded of the best epoch."""
    for name, recorded in trial.metrics.items():
        epochs, values = training.curves.get(name, _NOTHING)
        at_best = values[epochs == trial.best_step]
        if len(at_best) and not np.isclose(at_best[0], recorded, rtol=1e-4, equal_nan=True):
            return False
    return True


def _read_trial(folder: Path, trial: TrialFile, project: Path, logs: Logs) -> None:
    names = [name for name in Look(folder).folders if _EXECUTION.fullmatch(name)]
    for name in names:
        logged = _read_execution(folder / name, trial.trial_id, project, logs)
        trainings, notes = logged.trainings()
        last = _from_its_start(trainings[-1], trial)
        if len(trainings) > 1:
            notes.append("the same execution was logged several times; the last one counts")
        # Only of a single execution KerasTuner keeps values that are not averaged.
        if not _are_of(hyperparameters(logged.session), trial) or (
            len(names) == 1 and trial.has_message and not _agrees(last, trial)
        ):
            notes = ["the logs under its id are of another search, and are not used"]
        elif last.curves:
            execution = int(name.removeprefix("execution"))
            logs.trainings[Run(trial.trial_id, execution)] = last
        logs.problems += [Problem(note, trial_id=trial.trial_id) for note in notes]


def _read_execution(folder: Path, trial_id: str, project: Path, logs: Logs) -> Logged:
    """All that was logged of one execution."""
    inside = [folder, *(folder / name for name in Look(folder).folders)]
    files = [above / name for above in inside for name in Look(above).files if is_event_file(name)]
    logged = Logged()
    for file in files:
        name = str(clean(Path(os.path.relpath(file, project)).as_posix()))
        try:
            events = read_events(file)
        except ReadError as error:
            logs.problems.append(Problem(f"{error}: its curves are left out", name, trial_id))
            continue
        if events.problem:
            logs.problems.append(Problem(f"the event file {events.problem}", name, trial_id))
        logs.files.append(name)
        logged.add(events, place(file, events.scalars, folder, inside))
    return logged
