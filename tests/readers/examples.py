"""One example of each format, or more: what the template for all readers runs over.

A new format gets an entry here: a real directory or file, and, where each trial has a file of its
own, that file.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from auditor import audit, read
from tests.readers.sweeps import write_sweep

DATA = Path(__file__).parents[1] / "data"


class Example(NamedTuple):
    """A directory or file that a reader must read.

    Attributes:
        reader: The name of the reader that must take it.
        make: Puts a copy at a path, and returns what is to be read: that path, or one below it.
        trial: A trial that has a file of its own, so that nothing else is lost with the file.
        file: That file, below what `make` returned.
        values_at_cut: How many values may read otherwise where a file of text is cut off within
            them: nothing shows that ".12" was ".123".
    """

    reader: str
    make: Callable[[Path], Path]
    trial: str | None = None
    file: str | None = None
    values_at_cut: int = 0


def copy_of(name: str) -> Callable[[Path], Path]:
    """Copies a folder, or a file into a folder, of tests/data."""

    def make(target: Path) -> Path:
        if (DATA / name).is_dir():
            return Path(shutil.copytree(DATA / name, target))
        target.mkdir(parents=True)
        return Path(shutil.copy(DATA / name, target))

    return make


def logs_of(version: str) -> Callable[[Path], Path]:
    """Copies logs of one run each: where one of several is cut off, its run has another id."""

    def make(target: Path) -> Path:
        several = shutil.ignore_patterns("diverging*")
        return Path(shutil.copytree(DATA / "console" / version, target, ignore=several))

    return make


def saved(target: Path) -> Path:
    """An audit of a grid of KerasTuner, as `Audit.save` leaves it."""
    grid = copy_of("keras_tuner-1.4.8/grid")(target.with_name(f"{target.name} before"))
    audit(read(grid)).save(target)
    shutil.rmtree(grid)
    return target


_FIRST = "c4ca4238a0b923820dcc509a6f75849b"

EXAMPLES = {
    "grid": Example(
        "KerasTuner", copy_of("keras_tuner-1.4.8/grid"), "0001", "trial_0001/trial.json"
    ),
    "random": Example("KerasTuner", copy_of("keras_tuner-1.4.8/random"), "6", "trial_6/trial.json"),
    "hyperband": Example(
        "KerasTuner", copy_of("keras_tuner-1.4.8/hyperband"), "0001", "trial_0001/trial.json"
    ),
    "bayesian": Example(
        "KerasTuner", copy_of("keras_tuner-1.4.8/bayesian"), "1", "trial_1/trial.json"
    ),
    "first generation": Example(
        "KerasTuner", copy_of("keras_tuner-1.0.2/random"), _FIRST, f"trial_{_FIRST}/trial.json"
    ),
    "without a name": Example(
        "KerasTuner",
        copy_of("keras_tuner-1.1.3/untitled_project"),
        "2",
        "trial_2/trial.json",
    ),
    "with logs beside": Example(
        "KerasTuner",
        lambda target: copy_of("keras_tuner-1.4.8/with_logs")(target) / "project",
        "2",
        "trial_2/trial.json",
    ),
    "events of Keras": Example("TensorBoard", copy_of("tensorboard-2.21.0")),
    "events of Keras 2.2": Example(
        "TensorBoard",
        copy_of("tensorboard-1.15.5"),
        "lr_0.1",
        "lr_0.1/events.out.tfevents.1600000001.host",
    ),
    "ours": Example("auditor", write_sweep, "0001", "trial_0001/trial.json"),
    "histories": Example(
        "Keras History",
        copy_of("keras-3.15.1/history/grid"),
        "lr=0.01,units=4",
        "lr=0.01,units=4.json",
    ),
    "pickled histories": Example("Keras History", copy_of("scikeras-0.13.0/history")),
    "printed history": Example("Keras History", copy_of("keras-3.15.1/history/single/printed.txt")),
    "csv logs": Example(
        "CSVLogger",
        copy_of("keras-3.15.1/csv_logger/grid"),
        "lr=0.01,units=4",
        "lr=0.01,units=4/log.csv",
    ),
    "ray tune": Example("Ray Tune", copy_of("ray-2.60.0/grid")),
    "ray tune of 2023": Example("Ray Tune", copy_of("ray-2.3.1/grid")),
    "table": Example("table", copy_of("table/curves.csv"), values_at_cut=1),
    "mlflow files": Example("MLflow", copy_of("mlflow-3.17.2/mlruns/844507567730180827")),
    "mlflow database": Example("MLflow", copy_of("mlflow-3.17.2/mlflow.db")),
    "optuna": Example("Optuna", copy_of("optuna-5.0.0/studies.db")),
    "optuna 1": Example("Optuna", copy_of("optuna-1.5.0/studies.db")),
    "optuna journal": Example("Optuna", copy_of("optuna-5.0.0/journal.log")),
    "optuna table": Example("Optuna", copy_of("optuna-5.0.0/trials.csv")),
    "talos": Example("Talos", copy_of("talos-1.4/results.csv"), values_at_cut=1),
    "talos 2": Example("Talos", copy_of("talos-2.0.10/scan/20261121_171252_096100_2eaef002")),
    "cv_results_": Example("scikit-learn", copy_of("sklearn-1.9.1/grid.csv")),
    "cv_results_ as JSON": Example("scikit-learn", copy_of("sklearn-1.9.1/grid.json")),
    "cv_results_ as Parquet": Example("scikit-learn", copy_of("sklearn-1.9.1/two_scorers.parquet")),
    "console logs of Keras 3": Example(
        "Keras console log", logs_of("keras-3.15.1"), "killed", "killed.log"
    ),
    "console logs of Keras 2": Example("Keras console log", logs_of("keras-2.15.0")),
    "console log pasted": Example(
        "Keras console log", copy_of("cases/steering_val_below_train.log")
    ),
    "saved audit": Example("saved audit", saved),
    "printed table": Example(
        "printed table", copy_of("cases/grid_winner_20_epochs.txt"), values_at_cut=1
    ),
}
