"""Makes tests/data/optuna-<version>/: real studies, in whatever stores that version has.

    python -m venv /tmp/optuna && /tmp/optuna/bin/pip install optuna pandas
    /tmp/optuna/bin/python scripts/make_fixture_optuna.py

Run with 5.0.0, with 2.10.1 (`optuna==2.10.1 'sqlalchemy<2' 'numpy<2'`), whose distributions are the
old ones, and with 1.5.0 (`optuna==1.5.0 'sqlalchemy<1.4' 'numpy<2' 'alembic<1.8'`), which kept the
value of a trial in the table of trials. The model is a formula whose loss goes to infinity and NaN
at high learning rates; some trials raise, some are pruned, one is killed, one only waits.
"""

import math
import shutil
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import optuna

if not hasattr(np, "float"):
    np.float = float  # Optuna 1 wants it

TARGET = Path(__file__).parents[1] / "tests" / "data" / f"optuna-{optuna.__version__}"
MAJOR = int(optuna.__version__.split(".")[0])
EPOCHS = 4
TO_INFINITY, TO_NAN = 1e5, 1e20
"""Factors of the rate: the loss overflows in the last epoch, or so early that it ends as NaN."""

ATTRIBUTES = ("number", "value", "datetime_start", "datetime_complete", "duration", "params",
              "user_attrs", "system_attrs", "state")  # fmt: skip
"""What a table of trials has by default."""


def learning_curve(rate: float, units: int) -> list[tuple[float, float]]:
    """Training and validation loss by epoch."""
    weight, curve = np.float32(1), []
    for epoch in range(EPOCHS):
        with np.errstate(all="ignore"):
            weight = weight - np.float32(rate * units / 8) * weight
            error = float(weight**2)
        curve.append((error, error + 0.01 * epoch * units / 8))
    return curve


def objective(trial: optuna.Trial) -> float:
    if MAJOR < 3:
        rate = trial.suggest_loguniform("learning_rate", 1e-2, 2)
        trial.suggest_uniform("dropout", 0.0, 0.5)
        trial.suggest_discrete_uniform("momentum", 0.0, 0.9, 0.1)
    else:
        rate = trial.suggest_float("learning_rate", 1e-2, 2, log=True)
        trial.suggest_float("dropout", 0.0, 0.5)
        trial.suggest_float("momentum", 0.0, 0.9, step=0.1)
    rate *= trial.suggest_categorical("scale", [1.0, TO_INFINITY, TO_NAN])
    layers = trial.suggest_int("layers", 1, 2)
    units = sum(trial.suggest_int(f"units_{i}", 4, 16, step=4) for i in range(layers))
    trial.suggest_categorical("optimizer", ["sgd", "adam"])
    trial.suggest_categorical("bias", [None, True, False])
    if units == 4:
        raise ValueError("too few units")
    curve = learning_curve(rate, units)
    for epoch, (loss, val_loss) in enumerate(curve):
        trial.set_user_attr("train_loss", loss)
        trial.set_user_attr("last_epoch", epoch)
        if MAJOR > 2 or math.isfinite(val_loss):  # older stores refuse a NaN
            trial.report(val_loss, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("note", "<b>ran to its end</b>")
    return curve[-1][1]


def search(storage: object) -> optuna.Study:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4)
    sampler = optuna.samplers.RandomSampler(seed=7)
    study = optuna.create_study(
        storage=storage, study_name="losses", sampler=sampler, pruner=pruner
    )
    study.set_user_attr("dataset", "a formula")
    study.enqueue_trial({"learning_rate": 0.05, "scale": 1.0, "layers": 1, "units_0": 8})
    study.enqueue_trial({"learning_rate": 1, "scale": TO_INFINITY, "layers": 1, "units_0": 8})
    study.enqueue_trial({"learning_rate": 1, "scale": TO_NAN, "layers": 1, "units_0": 8})
    study.enqueue_trial({"layers": 1, "units_0": 4})
    for _ in range(8):
        study.enqueue_trial({"scale": 1.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(objective, n_trials=14, catch=(ValueError,))
    if MAJOR > 1:
        study.ask().suggest_int("layers", 1, 2)  # as a killed program leaves it
    study.enqueue_trial({"layers": 2})
    return study


def others(storage: object) -> None:
    """A study to maximise, and one of two objectives, in the same store."""
    sampler = optuna.samplers.RandomSampler(seed=7)
    accuracy = optuna.create_study(
        storage=storage, study_name="accuracy", sampler=sampler, direction="maximize"
    )
    if MAJOR > 3:
        accuracy.set_metric_names(["val_accuracy"])
    accuracy.optimize(lambda trial: 1 - trial.suggest_uniform("x", 0, 1) ** 2, n_trials=4)
    if MAJOR == 1:
        return
    pair = optuna.create_study(
        storage=storage, study_name="pair", sampler=sampler, directions=["minimize", "maximize"]
    )

    def two(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_uniform("x", 0, 1)
        return (math.inf if trial.number == 2 else x, 1 - x * x)

    pair.optimize(two, n_trials=4)
    pair.trials_dataframe().to_csv(TARGET / "pair.csv", index=False)


def shrink(path: Path) -> None:
    """Most of an empty store is pages that SQLite rounds up."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA page_size=512")
        connection.execute("VACUUM")
    connection.close()


def main() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    store = TARGET / "studies.db"
    study = search(f"sqlite:///{store}")
    more = ("intermediate_values",) if MAJOR > 3 else ()
    study.trials_dataframe((*ATTRIBUTES, *more)).to_csv(TARGET / "trials.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        others(f"sqlite:///{store}")
    if MAJOR > 1:
        study._storage.remove_session()
    shrink(store)
    if MAJOR > 3:
        from optuna.storages.journal import JournalFileBackend, JournalStorage

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            journal = JournalStorage(JournalFileBackend(str(TARGET / "journal.log")))
            search(journal)
            others(journal)
            optuna.delete_study(study_name="accuracy", storage=journal)


if __name__ == "__main__":
    main()
