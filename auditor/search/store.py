"""The directory of a sweep: KerasTuner's files, the curves, and what describes the sweep.

    sweep.json               objective, penalty, seeds, data, versions
    predictions.json         what the best model says of the validation rows
    oracle.json tuner0.json  KerasTuner's
    trial_<id>/trial.json    KerasTuner's, with one more key, "auditor"
    trial_<id>/history.csv   one row per execution, fold and epoch
    trial_<id>/chunks.npy    validation losses and metrics on fixed parts of the rows, likewise
    trial_<id>/losses-<execution>-<fold>.npy  on request the loss of each validation row
    trial_<id>/checkpoint.weights.h5  weights of the scored epoch, for the best trials
    stacks/<name>/           a stack that is training: what it goes on from, and runs that ended
    work/                    what executors share while a search runs
    confirm/                 a sweep of its own: trainings made to confirm causes

Every write is whole or absent. Only the main process writes here, but for what executors leave in
folders of their own.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from auditor.arrays import to_npy
from auditor.errors import DirectoryError
from auditor.files import Json, read_json, to_json, whole_file, write_whole
from auditor.readers.ours.chunks import FILE as CHUNKS_FILE
from auditor.readers.ours.losses import losses_file
from auditor.search.recorder import Execution
from auditor.trials import CHUNKS

SCHEMA = 1
"""Version of `sweep.json`."""

SWEEP_FILE = "sweep.json"
HISTORY_FILE = "history.csv"
WORK_FOLDER = "work"
STACKS_FOLDER = "stacks"
WEIGHTS_FILE = "checkpoint.weights.h5"
BUILD_FILE = "build_config.json"


def prepare(path: Path) -> None:
    """Make the directory of a sweep, and see that it can be written.

    Raises:
        DirectoryError: It cannot.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):  # of no name, or of its own
            pass
    except OSError as error:
        raise DirectoryError(
            f"cannot write to the sweep's directory {path}: {error}; "
            "choose another `directory`, or make this one writable"
        ) from error


def read_sweep(path: Path) -> dict[str, Json] | None:
    """What describes the sweep in a directory; None where there is no such file.

    Raises:
        ReadError: The file is cut off.
    """
    file = path / SWEEP_FILE
    if not file.exists():
        return None
    state = read_json(file)
    return state if isinstance(state, dict) else None


def write_sweep(path: Path, state: Mapping[str, Json]) -> None:
    """Describe the sweep."""
    write_whole(
        path / SWEEP_FILE, to_json({"schema": SCHEMA, "tool": "auditor", **state}, indent=1)
    )


def check_same_sweep(path: Path, stored: Mapping[str, Json], ours: Mapping[str, Json]) -> None:
    """See that a directory belongs to this sweep.

    Args:
        path: The directory.
        stored: Its `sweep.json`.
        ours: What this sweep would write; only the keys that both have are compared.

    Raises:
        DirectoryError: It belongs to another one; the message says in what they differ.
    """
    stored = {**_BEFORE_FOLDS, **stored} if stored else {}
    for key, words in _IDENTITY.items():
        theirs, mine = stored.get(key), ours.get(key)
        if theirs is not None and mine is not None and theirs != mine:
            change = "" if key == "data_fingerprint" else f": {_short(theirs)}, now {_short(mine)}"
            raise DirectoryError(
                f"{path} holds a sweep with {words}{change}. "
                "Trials of the two cannot be compared; choose another `project_name`, or pass "
                "`overwrite=True` to start anew"
            )


_IDENTITY = {
    "sampler": "another kind of search",
    "objective": "another objective",
    "backend": "another Keras backend",
    "data_fingerprint": "other data, or another split of them",
    "epochs": "another number of epochs",
    "executions": "another number of executions per trial",
    "folds": "another number of cross-validation folds",
    "stratify": "folds dealt out in another way (stratify)",
}

_BEFORE_FOLDS: Mapping[str, Json] = {"folds": 0, "stratify": False}
"""What holds for a `sweep.json` that was written when there were none."""


def write_history(folder: Path, executions: Iterable[Execution]) -> None:
    """Write the curves of a trial. NaN is the text `nan`; an empty cell was not observed."""
    leading = ["execution", "fold", "epoch", "seconds"]
    rows = [
        {
            "execution": e.execution,
            "fold": e.fold,
            "epoch": epoch,
            "seconds": round(seconds, 6),
            # A callback may log an "epoch" of its own.
            **{f"logged_{n}" if n in leading else n: value for n, value in metrics.items()},
        }
        for e in executions
        for epoch, (seconds, metrics) in enumerate(zip(e.seconds, e.epochs, strict=True))
    ]
    metrics = sorted({name for row in rows for name in row} - set(leading))
    text = io.StringIO()
    writer = csv.DictWriter(text, leading + metrics, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(folder / HISTORY_FILE, text.getvalue())


def write_chunks(folder: Path, executions: Iterable[Execution]) -> None:
    """Write the chunks of a trial, a record per epoch of each run; no file where there are none."""
    runs = [execution for execution in executions if execution.chunks]
    file = folder / CHUNKS_FILE
    if not runs:
        file.unlink(missing_ok=True)  # of an attempt before
        return
    names = sorted({name for run in runs for name in run.chunks})
    kind = [(key, "<i4") for key in ("execution", "fold", "epoch")]
    kind += [(name, "<f4", (CHUNKS,)) for name in names]  # type: ignore[misc]
    parts = []
    for run in runs:
        own = np.empty(len(run.epochs), kind)
        own["execution"], own["fold"], own["epoch"] = run.execution, run.fold, range(len(own))
        for name in names:
            own[name] = np.nan
            if name in run.chunks:
                own[name][: len(run.chunks[name])] = run.chunks[name]
        parts.append(own)
    with whole_file(file) as opened:
        np.lib.format.write_array(opened, np.concatenate(parts), allow_pickle=False)


def write_losses(folder: Path, execution: Execution) -> None:
    """Write the losses of a run, which has some."""
    if execution.losses is not None:
        file = folder / losses_file(execution.execution, execution.fold)
        write_whole(file, to_npy(execution.losses))


def _short(value: Json) -> str:
    if isinstance(value, dict) and "name" in value:  # an objective
        value = f"{value['name']} ({value.get('direction')})"
    text = value if isinstance(value, str) else to_json(value)
    return text if len(text) <= 60 else text[:57] + "..."
