"""Makes tests/data/keras-<version>: logs of CSVLogger and histories of real trainings.

    python scripts/make_fixture_csvlogger.py
    python scripts/make_fixture_csvlogger.py --scikeras   # with scikeras installed beside Keras

Tiny trainings, of which some diverge to NaN and some to infinity. A history is saved as people save
it: JSON, a pickle, a NumPy file, a pandas table, its printed text, a pickle of the whole object,
and, by scikeras, a defaultdict. The name of a run says its hyperparameters.
"""

import argparse
import contextlib
import json
import os
import pickle
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pandas as pd

DATA = Path(__file__).parents[1] / "tests" / "data"

FINE, TO_INFINITY, TO_NAN = 0.01, 1e12, 1e38
"""Learning rates: with the last two, one step overflows the loss, or the weights themselves."""

RUNS = [(rate, units) for rate in (FINE, TO_INFINITY, TO_NAN) for units in (2, 4)]


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 3)).astype("float32")
    return (x[:12], x[:12].sum(1)), (x[12:], x[12:].sum(1))


def train(rate, units, callbacks=(), validate=True, epochs=3, start=0, model=None):
    keras.utils.set_random_seed(7)
    (x, y), validation = data()
    if model is None:
        layers = [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((3,)), *layers])
        model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model.fit(
        x, y, batch_size=12, epochs=epochs, initial_epoch=start, verbose=0,
        callbacks=list(callbacks), validation_data=validation if validate else None,
    )  # fmt: skip


class AddVector(keras.callbacks.Callback):
    """A value per class among the logs, which CSVLogger writes as text."""

    def on_epoch_end(self, epoch, logs=None):
        logs["recall_per_class"] = np.array([0.25 * epoch, 0.5])


def logs(folder):
    for rate, units in RUNS:
        place = folder / "grid" / f"lr={rate:g},units={units}"
        place.mkdir(parents=True)
        train(rate, units, [keras.callbacks.CSVLogger(place / "log.csv")])
    for number, rate in enumerate((FINE, 0.02)):
        place = folder / "beside" / f"run_{number}"
        place.mkdir(parents=True)
        settings = {"optimizer": {"name": "sgd", "learning_rate": rate}, "layers": [4, 1]}
        (place / "params.json").write_text(json.dumps(settings, indent=2))
        train(rate, 4, [keras.callbacks.CSVLogger(place / "training.log", separator="\t")])
    (folder / "beside" / "config.yaml").write_text("batch_size: 12\nloss: mse\n")
    single = folder / "single"
    single.mkdir()
    for rate, units in RUNS[:3]:
        several = keras.callbacks.CSVLogger(single / "appended.csv", separator=";", append=True)
        train(rate, units, [several])
    first = train(FINE, 4, [keras.callbacks.CSVLogger(single / "resumed.csv")])
    resumed = keras.callbacks.CSVLogger(single / "resumed.csv", append=True)
    train(FINE, 4, [resumed], epochs=5, start=3, model=first.model)
    no_validation = keras.callbacks.CSVLogger(single / "no_validation.csv")
    train(FINE, 4, [no_validation], validate=False)
    train(FINE, 4, [AddVector(), keras.callbacks.CSVLogger(single / "vectors.csv")])
    # Over before its first epoch: the log is there, and empty.
    crash = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 / 0)
    with contextlib.suppress(ZeroDivisionError):
        train(FINE, 4, [crash, keras.callbacks.CSVLogger(single / "crashed.csv")])


def histories(folder):
    grid, single = folder / "grid", folder / "single"
    grid.mkdir(parents=True)
    single.mkdir()
    for rate, units in RUNS:
        history = train(rate, units).history
        (grid / f"lr={rate:g},units={units}.json").write_text(json.dumps(history))
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch))
    result = train(FINE, 4, [schedule])
    history = result.history
    for protocol in (0, 2, 5):
        (single / f"history_{protocol}.pkl").write_bytes(pickle.dumps(history, protocol))
    scalars = {name: [np.float32(v) for v in values] for name, values in history.items()}
    (single / "scalars.pkl").write_bytes(pickle.dumps(scalars))
    (single / "scalars.txt").write_text(f"{scalars}\n")
    arrays = {name: np.array(values) for name, values in history.items()}
    (single / "arrays.pickle").write_bytes(pickle.dumps(arrays))
    (single / "arrays.txt").write_text(f"{arrays}\n")
    np.save(single / "history.npy", history)
    (single / "printed.txt").write_text(f"{history}\n")
    pd.DataFrame(history).to_json(single / "pandas.json")
    pd.DataFrame(history).to_csv(single / "pandas.csv")
    everything = {"epoch": result.epoch, "params": result.params, "history": history}
    (single / "everything.json").write_text(json.dumps(everything))
    (single / "text_in_json.json").write_text(json.dumps(str(scalars)))
    both = {"sgd": history, "none": train(0.0, 4).history}
    (single / "by_name.json").write_text(json.dumps(both))
    (single / "list.json").write_text(json.dumps(list(both.values())))
    result.set_model(None)  # without the weights, which make the file large
    (single / "object.pkl").write_bytes(pickle.dumps(result))


def scikeras_history(folder):
    from scikeras.wrappers import KerasRegressor

    def build(units):
        layers = [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(1)]
        return keras.Sequential([keras.Input((3,)), *layers])

    folder.mkdir(parents=True)
    (x, y), _ = data()
    for rate, units in RUNS:
        keras.utils.set_random_seed(7)
        model = KerasRegressor(
            build, units=units, loss="mse", optimizer="sgd", optimizer__learning_rate=rate,
            epochs=3, verbose=0,
        )  # fmt: skip
        model.fit(x, y, validation_split=0.25)
        name = f"optimizer__learning_rate={rate:g},units={units}"
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(model.history_))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scikeras", action="store_true", help="the histories of scikeras alone")
    if parser.parse_args().scikeras:
        import scikeras

        folder = DATA / f"scikeras-{scikeras.__version__}"
        shutil.rmtree(folder, ignore_errors=True)
        scikeras_history(folder / "history")
        return
    folder = DATA / f"keras-{keras.__version__}"
    for name, make in (("csv_logger", logs), ("history", histories)):
        shutil.rmtree(folder / name, ignore_errors=True)
        make(folder / name)


if __name__ == "__main__":
    main()
