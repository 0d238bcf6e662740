"""Makes tests/data/mlflow-*: real runs of MLflow with Keras, in a file store and in SQLite.

    pip install mlflow tensorflow-cpu tensorboard    # an environment of its own
    python scripts/make_fixture_mlflow.py

Tiny Keras models on sixteen rows, logged by autologging, by MLflow's Keras callback, and by hand:
some diverge to infinity and NaN, one fails, one is killed, one is deleted, some are children of a
sweep's run. Artifacts are left out, and what belongs to this machine (paths, user) is replaced.
"""

import getpass
import math
import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import keras
import mlflow
import numpy as np
from mlflow.tensorflow import MlflowCallback

DATA = Path(__file__).parents[1] / "tests" / "data"

FINE, TO_INFINITY, TO_NAN = 0.01, 1e12, 1e38
"""Learning rates: with the last two, one step overflows the loss, or the weights themselves."""


def fit(rate: float, units: int = 4, epochs: int = 3, callbacks: tuple = ()) -> None:
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 3)).astype("float32")
    y = x.sum(1)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    data = {"validation_data": (x[12:], y[12:]), "batch_size": 12, "verbose": 0}
    model.fit(x[:12], y[:12], epochs=epochs, callbacks=list(callbacks), **data)


def autologged() -> None:
    mlflow.set_experiment("autologged")
    mlflow.tensorflow.autolog(log_models=False, log_datasets=False)
    with mlflow.start_run(run_name="the sweep"):
        mlflow.log_param("search", "grid")
        for rate in (FINE, TO_INFINITY, TO_NAN):
            with mlflow.start_run(nested=True):
                mlflow.log_params({"units": 4, "batch_norm": False})
                fit(rate)
    with mlflow.start_run(run_name="stopped early"):
        stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
        fit(0.4, epochs=30, callbacks=(stop,))
    mlflow.tensorflow.autolog(disable=True)


def by_callback() -> None:
    mlflow.set_experiment("by callback")
    for rate, units in ((FINE, 4), (0.1, 4), (FINE, 8)):
        with mlflow.start_run() as run:
            mlflow.log_params({"lr": rate, "hidden/units": units})
            fit(rate, units, callbacks=(MlflowCallback(run),))
    try:
        with mlflow.start_run() as run:
            mlflow.log_param("hidden/units", -1)
            fit(FINE, -1, callbacks=(MlflowCallback(run),))
    except ValueError:
        pass  # the run has failed
    mlflow.start_run()
    mlflow.log_param("lr", FINE)
    mlflow.end_run("KILLED")


def by_hand() -> None:
    mlflow.set_experiment("by hand")
    for number in range(2):
        with mlflow.start_run(log_system_metrics=False):
            mlflow.log_params({"lr": 10.0**-number, "name": "nan", "layers": [4, 4]})
            for epoch, loss in enumerate((0.7, math.nan, math.inf, -math.inf, 0.5)):
                mlflow.log_metric("train/loss", loss, step=epoch)
                mlflow.log_metric("valid/loss", 2 * loss, step=epoch)
                mlflow.log_metric("without_step", epoch / 2)
                mlflow.log_metric("system/cpu_utilization_percentage", 50.0, step=epoch)
            mlflow.log_metric("test_accuracy", 0.75)
    with mlflow.start_run():
        mlflow.log_metric("train/loss", 0.7, step=0)
        mlflow.log_metric("train/loss", 0.6, step=1)
        mlflow.log_metric("train/loss", 0.5, step=1)
    with mlflow.start_run() as deleted:
        mlflow.log_metric("train/loss", 0.1, step=0)
    mlflow.delete_run(deleted.info.run_id)


def record(uri: str, scratch: Path) -> None:
    """All of it in one store, from the scratch folder: MLflow puts artifacts where it is."""
    os.chdir(scratch)
    mlflow.set_tracking_uri(uri)
    autologged()
    by_callback()
    by_hand()


GIT = "mlflow.source.git"
"""Tags that tell which commit of this repository made the runs: another one each time."""


def machine(scratch: Path) -> dict[str, str]:
    here = str(Path(__file__).resolve())
    return {here: "search.py", str(scratch): "/home/somebody", getpass.getuser(): "somebody"}


def copy_folder(source: Path, target: Path, replaced: dict[str, str]) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        if "artifacts" in file.parts or file.name.startswith(GIT):
            continue
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text()
        for mine, anyone in replaced.items():
            text = text.replace(mine, anyone)
        copy.write_text(text)


def copy_database(source: Path, target: Path, replaced: dict[str, str]) -> None:
    """Only tables that hold something: MLflow makes some eighty more, of other uses."""
    target.unlink(missing_ok=True)
    database = sqlite3.connect(source, isolation_level=None)
    (mode,) = database.execute("PRAGMA journal_mode = DELETE").fetchone()
    database.execute("PRAGMA foreign_keys = OFF")
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    kept = {"experiments", "runs", "metrics", "latest_metrics", "params", "tags", "alembic_version"}
    for (table,) in database.execute(query).fetchall():
        if table not in kept:
            database.execute(f'DROP TABLE "{table}"')
            continue
        for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall():
            for mine, anyone in replaced.items() if "CHAR" in kind or "TEXT" in kind else ():
                change = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'
                database.execute(change, (mine, anyone))
    database.execute("DELETE FROM tags WHERE key LIKE ?", (f"{GIT}%",))
    database.execute("PRAGMA page_size = 1024")
    database.execute("VACUUM")
    database.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    assert mode == "delete"


def main() -> None:
    target = DATA / f"mlflow-{mlflow.__version__}"
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("files", "database"):
            scratch = Path(folder) / kind
            scratch.mkdir()
            uri = "sqlite:///mlflow.db" if kind == "database" else (scratch / "mlruns").as_uri()
            record(uri, scratch)
            os.chdir(folder)
            if kind == "files":
                copy_folder(scratch / "mlruns", target / "mlruns", machine(scratch))
            else:
                copy_database(scratch / "mlflow.db", target / "mlflow.db", machine(scratch))
    assert not subprocess.run(["grep", "-rlF", folder, str(target)], check=False).stdout


if __name__ == "__main__":
    main()
