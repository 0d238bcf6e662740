"""The files of a KerasTuner project directory: `oracle.json` and `trial_<id>/trial.json`.

None of them is written whole, so any may be cut off: what is readable is read, the rest named.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import ReadError
from auditor.files import Json
from auditor.readers.contents import clean, load_json
from auditor.readers.kerastuner.space import parse_space
from auditor.readers.kerastuner.trial_json import FOLDER, TrialFile, read_trial, trial_id
from auditor.readers.looking import Look, natural
from auditor.trials import Hyperparameter, Problem


@dataclass(frozen=True)
class Project:
    """What a project directory says.

    Attributes:
        trials: The readable trials, in the order of their start.
        space: The search space, without the tuner's own entries.
        oracle: `oracle.json` as it stands; empty where it is missing or broken.
        started: ISO 8601 time of the start of a trial, by trial id.
        files: The files read, below the directory.
        problems: What could not be read.
    """

    trials: tuple[TrialFile, ...]
    space: tuple[Hyperparameter, ...]
    oracle: Mapping[str, Json]
    started: Mapping[str, str]
    files: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def seed(self) -> int | None:
        """The seed of the search."""
        seed = self.oracle.get("seed")
        return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def has_trials(look: Look) -> bool:
    """Whether a folder holds the folder of a trial, or a link to one."""
    names = (name for name in (*look.folders, *look.files) if name.startswith(FOLDER))
    return any((look.path / name / "trial.json").is_file() for name in names)


def trial_folders(path: Path) -> list[Path]:
    """The folders of trials, naturally sorted: 2 before 10."""
    folders = [f for f in path.iterdir() if f.name.startswith(FOLDER) and f.is_dir()]
    return sorted(folders, key=lambda folder: natural(folder.name))


def read_project(path: Path) -> Project:
    """Read all trials of a project directory."""
    oracle, problems = _read_oracle(path)
    trials: list[TrialFile] = []
    for folder in trial_folders(path):
        try:
            trials.append(read_trial(folder, trials[-1] if trials else None))
        except ReadError as error:
            problems.append(
                Problem(
                    f"{error}; the trial is left out: run it again, or remove its folder",
                    f"{clean(folder.name)}/trial.json",
                    trial_id(folder),
                )
            )
    order = {name: place for place, name in enumerate(_strings(oracle.get("start_order")))}
    trials.sort(key=lambda trial: order.get(trial.trial_id, len(order)))
    known = {trial.trial_id for trial in trials} | {problem.trial_id for problem in problems}
    problems += [
        Problem("oracle.json names this trial, but it has no folder", trial_id=name)
        for name in order
        if name not in known
    ]
    space, complaints = parse_space(_space(oracle, trials))
    problems += [Problem(complaint, "oracle.json" if oracle else None) for complaint in complaints]
    files = (*(("oracle.json",) if oracle else ()), *(trial.file for trial in trials))
    return Project(tuple(trials), space, oracle, _started(oracle), files, tuple(problems))


def _read_oracle(path: Path) -> tuple[Mapping[str, Json], list[Problem]]:
    try:
        oracle = load_json(path / "oracle.json")
    except ReadError as error:
        lost = "the order and the space are taken from the trials"
        return {}, [Problem(f"{error}; {lost}", "oracle.json")]
    if isinstance(oracle, dict):
        return oracle, []
    return {}, [Problem(f"holds a {type(oracle).__name__}, not an object", "oracle.json")]


def _space(oracle: Mapping[str, Json], trials: list[TrialFile]) -> list[Json]:
    """The oracle's space, or every entry that any trial knew."""
    hyperparameters = oracle.get("hyperparameters")
    space = hyperparameters.get("space") if isinstance(hyperparameters, dict) else None
    if isinstance(space, list):
        return space
    entries = {json.dumps(entry): entry for trial in trials for entry in trial.space}
    return list(entries.values())


def _started(oracle: Mapping[str, Json]) -> dict[str, str]:
    display = oracle.get("display")
    started = display.get("trial_start") if isinstance(display, dict) else None
    items = started.items() if isinstance(started, dict) else ()
    return {trial: when for trial, when in items if isinstance(when, str)}


def _strings(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
