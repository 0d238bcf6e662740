#!/usr/bin/env python
"""Makes tests/data/console/keras-<version>/: what Keras and KerasTuner print while they train.

    python scripts/make_fixture_console.py   # Keras 3 and keras-tuner, as for the tests

and with a Python of its own each, for the older forms of the output:

    Python 3.10: pip install tensorflow-cpu==2.15.1 keras-tuner
    Python 3.7:  pip install keras==2.2.4 tensorflow==1.13.2 "protobuf<3.20" "h5py<3" "numpy<1.17"

Each scenario is a process of its own whose output goes to a terminal (`*.pty.log`) or to a pipe,
kept byte for byte but for paths. Their histories in full precision are in keras-<version>.truth.csv
(log, run, epoch, metric, value), so that a test can say which values a reader must find.
"""

import csv
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", COLUMNS="200")

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "console"
SHOWN_SECONDS = 0.03
"""Sleep per batch, so that a bar shows itself several times an epoch (at most every 0.05 s)."""
STEPS = 8


def parts():
    import keras
    import numpy as np

    getattr(keras.utils, "set_random_seed", np.random.seed)(0)
    rng = np.random.RandomState(0)
    x = rng.normal(size=(8 * STEPS, 3)).astype("float32")
    return keras, x, (x.sum(1) > 0).astype("float32")


def model(keras, rate=0.1, units=4, loss="binary_crossentropy"):
    hidden = keras.layers.Dense(units, activation="relu", input_shape=(3,))
    end = keras.layers.Dense(1, activation="sigmoid" if "binary" in loss else None)
    net = keras.Sequential([hidden, end])
    net.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return net


def slow(keras):
    def wait(batch, logs):
        time.sleep(SHOWN_SECONDS)

    return keras.callbacks.LambdaCallback(on_batch_end=wait)


def fit(keras, x, y, net=None, epochs=3, callbacks=(), **options):
    """Train, slowly; the history is appended to the truth of the scenario."""
    net = net or model(keras)
    options = {"batch_size": 8, "verbose": 1, **options}
    if "validation_data" not in options:
        options["validation_data"] = (x, 1 - y)
    history = net.fit(x, y, epochs=epochs, callbacks=[slow(keras), *callbacks], **options)
    note(history.epoch, history.history)
    return net


def note(epochs, history):
    path = Path(os.environ["TRUTH"])
    fresh = not path.exists()
    run = 0 if fresh else 1 + max(int(row[0]) for row in list(csv.reader(path.open()))[1:])
    with path.open("a", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        if fresh:
            write(["run", "epoch", "metric", "value"])
        for name, values in history.items():
            every = len(epochs) // len(values)  # validation_freq
            for epoch, value in zip(epochs[every - 1 :: every], values):  # noqa: B905 (Python 3.7)
                write([run, epoch, name, repr(float(value))])


def callbacks(verbose):
    """All callbacks that print: the learning rate falls twice, then training stops."""
    keras, x, y = parts()
    with tempfile.TemporaryDirectory() as folder:
        best = folder + ("/m.h5" if keras.__version__.startswith("2.") else "/m.keras")
        chosen = [
            keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=1, verbose=1),
            keras.callbacks.EarlyStopping(patience=3, verbose=1, restore_best_weights=True),
            keras.callbacks.ModelCheckpoint(best, save_best_only=True, verbose=1),
        ]
        fit(keras, x, y, epochs=12, callbacks=chosen, verbose=verbose)


def no_validation():
    """Nothing but training metrics, and evaluations before and after."""
    keras, x, y = parts()
    net = model(keras)
    net.evaluate(x, y, batch_size=8)
    fit(keras, x, y, net, validation_data=None)
    net.evaluate(x[:40], y[:40], batch_size=8)
    net.evaluate(x, y, batch_size=8)


def diverging():
    """To infinity, then to NaN; tiny values; and stopped by TerminateOnNaN."""
    keras, x, y = parts()
    fit(keras, x, y * 1e3, model(keras, 0.2, loss="mse"), epochs=4)
    fit(keras, x, y * 1e-3, model(keras, 0.01, loss="mse"), epochs=2)
    stop = keras.callbacks.TerminateOnNaN()
    fit(keras, x, y * 1e3, model(keras, 1e9, loss="mse"), epochs=4, callbacks=[stop])


def generator():
    """Steps that Keras learns to know in the first epoch only; validation every second epoch."""
    import tensorflow as tf

    keras, x, y = parts()
    data = tf.data.Dataset.from_generator(
        lambda: zip(x.reshape(-1, 8, 3), y.reshape(-1, 8)),  # noqa: B905 (Python 3.7)
        output_signature=(tf.TensorSpec((8, 3)), tf.TensorSpec((8,))),
    )
    fit(keras, data, None, epochs=4, batch_size=None, validation_data=data, validation_freq=2)


def killed():
    """A process that dies in its third epoch."""
    keras, x, y = parts()

    class Death(keras.callbacks.Callback):
        epoch = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_epoch_end(self, epoch, logs=None):
            note([epoch], {name: [value] for name, value in logs.items()})

        def on_batch_end(self, batch, logs=None):
            if self.epoch == 2 and batch == 4:
                sys.stdout.flush()
                os._exit(9)

    fit(keras, x, y, epochs=5, callbacks=[Death()])


def crashed():
    """A process that raises in its second epoch."""
    keras, x, y = parts()

    class Bug(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise ValueError("no second epoch")

        def on_epoch_end(self, epoch, logs=None):
            note([epoch], {name: [value] for name, value in logs.items()})

    fit(keras, x, y, epochs=5, callbacks=[Bug()])


def tuner():
    """A search: two executions a trial; one configuration raises, one diverges."""
    import keras_tuner

    keras, x, y = parts()

    def build(hp):
        units = hp.Choice("units", [4, -1])
        rate = hp.Choice("learning_rate", [0.1, 1e9])
        hp.Choice("a name with spaces", ["a value that is cut off, being long", "short"])
        hp.Boolean("flag")
        hp.Float("fraction", 0.1234567, 0.1234567)
        net = model(keras, rate, units, loss="mse")
        plain = net.fit

        def noted(*args, **options):
            history = plain(*args, **options)
            note(history.epoch, history.history)
            return history

        net.fit = noted
        return net

    with tempfile.TemporaryDirectory() as folder:
        search = keras_tuner.RandomSearch(
            build, "val_loss", max_trials=6, executions_per_trial=2, seed=3, directory=folder,
            max_consecutive_failed_trials=9, max_retries_per_trial=0,
        )  # fmt: skip
        search.search(x, y, validation_data=(x, y), epochs=2, batch_size=8, verbose=2)
        search.results_summary(2)


def no_validation_verbose_2():
    """The shortest of all forms."""
    keras, x, y = parts()
    fit(keras, x, y, validation_data=None, verbose=2)


SCENARIOS = {
    "callbacks.pty": lambda: callbacks(1),
    "callbacks": lambda: callbacks(1),
    "callbacks_verbose_2": lambda: callbacks(2),
    "no_validation.pty": no_validation,
    "no_validation_verbose_2": no_validation_verbose_2,
    "diverging.pty": diverging,
    "generator": generator,
    "killed": killed,
    "crashed": crashed,
    "tuner": tuner,
}


def output(name, truth):
    """What a scenario prints, on a terminal or into a pipe."""
    command = [sys.executable, __file__, name]
    environment = {**os.environ, "TRUTH": str(truth), "PYTHONWARNINGS": "ignore"}
    if not name.endswith(".pty"):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.run(command, env=environment, check=False, **streams).stdout
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs):
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 2**16)
            except OSError:  # so Linux says that nobody writes any more
                return said


def main():
    import keras

    folder = FOLDER / f"keras-{keras.__version__}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    newer = {"generator", "tuner"} if keras.__version__.startswith("2.2.") else set()
    truths = [["log", "run", "epoch", "metric", "value"]]
    for name in [name for name in SCENARIOS if name not in newer]:
        with tempfile.TemporaryDirectory() as scratch:
            truth = Path(scratch, "truth.csv")
            said = output(name, truth)
            truths += [[name, *row] for row in list(csv.reader(truth.open()))[1:]]
        said = re.sub(rb'(File "|From |Results in |saving model to )[^"\n]*/', rb"\1", said)
        said = re.sub(rb"(?m)^(WARNING: All log|[IWE]0000 |To enable the following).*\n", b"", said)
        (folder / f"{name}.log").write_bytes(said)
        print(f"{name}: {len(said):,} bytes", flush=True)
    with (FOLDER / f"{folder.name}.truth.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(truths)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SCENARIOS[sys.argv[1]]()
    else:
        main()
