"""Makes tests/data/keras_tuner-<version>: real directories of plain KerasTuner.

Run it once per version, each in an environment of its own:

    keras-tuner==1.0.2 tensorflow-cpu==2.4.4 "protobuf<3.21" "numpy<1.20"    Python 3.8
    keras-tuner==1.1.3 tensorflow-cpu==2.8.4 scipy "protobuf<3.21"           Python 3.8
    keras-tuner==1.3.5 tensorflow-cpu==2.13.1                                Python 3.9
    keras-tuner==1.4.8 tensorflow==2.21.0 tensorboard                        Python 3.11

    python scripts/make_fixture_kerastuner.py

Real searches on sixteen rows: some trials diverge to NaN, some to infinity, some crash (before 1.2
a crash ends the search). Checkpoints are emptied: of those of Keras 2 and Keras 3 only names are
kept. Paths of this machine are cut from tracebacks, its name from event files.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

try:
    import keras_tuner
except ImportError:  # its name up to 1.0.2
    import kerastuner as keras_tuner

VERSION = keras_tuner.__version__
if VERSION < "1.4":
    from tensorflow import keras
else:
    import keras

DATA = Path(__file__).parents[1] / "tests" / "data"
TOLERANT = {"max_consecutive_failed_trials": 100} if VERSION >= "1.2" else {}

FINE, TO_INFINITY, TO_NAN = 0.01, 1e12, 1e38
"""Learning rates: with the last two, one step overflows the loss, or the weights themselves."""


def build(hp):
    """A model of few weights; -1 units: Keras raises."""
    units = hp.Choice("units", [4, -1] if VERSION >= "1.2" else [4, 8])
    rate = hp.Choice("learning_rate", [FINE, TO_INFINITY, TO_NAN])
    layers = [keras.layers.Dense(units, activation="relu")]
    if hp.Boolean("dropout"):
        with hp.conditional_scope("dropout", [True]):
            layers.append(keras.layers.Dropout(hp.Choice("dropout_rate", [0.25, 0.5])))
    return compiled([keras.Input((3,)), *layers, keras.layers.Dense(1)], rate)


def compiled(layers, rate):
    """A model that is trained by plain gradient descent."""
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def build_by_rate(hp):
    """A grid whose first trials all diverge: KerasTuner stops after three of its twelve."""
    rate = hp.Choice("learning_rate", [TO_NAN, FINE])
    units = hp.Int("units", 2, 12, step=2)
    return compiled([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1)], rate)


def build_to_the_end(hp):
    """A model whose trials all end well."""
    units = hp.Choice("units", [2, 3, 4, 5])
    rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    return compiled([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1)], rate)


def search(tuner, epochs=2, verbose=0, logs=None):
    """Search on sixteen rows; with TensorBoard's callback where `logs` is given."""
    if hasattr(keras.utils, "set_random_seed"):
        keras.utils.set_random_seed(7)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 3)).astype("float32")
    y = x.sum(1)
    callbacks = []
    if logs is not None:
        callbacks = [keras.callbacks.TensorBoard(str(logs), write_graph=False, profile_batch=0)]
    try:
        tuner.search(
            x[:12], y[:12], validation_data=(x[12:], y[12:]), epochs=epochs, batch_size=12,
            verbose=verbose, callbacks=callbacks,
        )  # fmt: skip
    except (RuntimeError, TypeError) as error:  # three failures in a row; 1.3 fails to say so
        print(error)


def random(folder, name="random", build=build, trials=8, **more):
    """A random search."""
    where = {"directory": str(folder), "project_name": name}
    options = {"objective": "val_loss", "seed": 7, **where, **TOLERANT, **more}
    return keras_tuner.RandomSearch(build, max_trials=trials, **options)


def tuner(kind, folder, **more):
    """A tuner of another kind."""
    where = {"directory": str(folder), "project_name": kind}
    options = {"objective": "val_loss", "seed": 7, **where, **TOLERANT, **more}
    if kind == "hyperband":
        return keras_tuner.Hyperband(build, max_epochs=4, factor=2, **options)
    if kind == "bayesian":
        return keras_tuner.BayesianOptimization(build, max_trials=6, **options)
    return keras_tuner.GridSearch(build, executions_per_trial=2, **options)


def stopped(folder):
    """A grid that KerasTuner stops."""
    where = {"directory": str(folder), "project_name": "stopped"}
    return keras_tuner.GridSearch(build_by_rate, objective="val_loss", seed=7, **where)


def make_1_0(folder):
    """Hex ids, executions, and logs beside the project."""
    search(random(folder, executions_per_trial=2, trials=5), logs=folder / "logs")
    search(tuner("hyperband", folder))


def make_1_1(folder):
    """The project's name is left to KerasTuner; logs inside the project."""
    search(random(folder, None, trials=4), logs=folder / "untitled_project" / "tb")
    search(tuner("bayesian", folder))


def make_1_3(folder):
    """Two projects with one folder of logs each; one search that three failures ended."""
    search(random(folder, "first", build_to_the_end, 3), logs=folder / "logs" / "first")
    search(random(folder, "second", build_to_the_end, 3), logs=folder / "logs" / "second")
    search(stopped(folder))


def make_1_4(folder):
    """All tuners; logs of two executions; a grid that three failures ended; two workers."""
    search(tuner("grid", folder))
    search(random(folder), verbose=1)  # only a search that prints notes when its trials started
    search(tuner("hyperband", folder))
    search(tuner("bayesian", folder))
    place = folder / "with_logs"
    search(random(place, "project", trials=4, executions_per_trial=2), 3, logs=place / "logs")
    search(stopped(folder))
    distributed(folder)


def distributed(folder):
    """A chief and two workers, which share the trials of one random search."""
    address = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": "8971"}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--worker", str(folder)],
            env={**os.environ, **address, "KERASTUNER_TUNER_ID": name},
        )
        for name in ("chief", "tuner0", "tuner1")
    ]
    for process in started:
        process.wait(timeout=120)


def copy_without_weights(source, target):
    """Copy a folder: JSON and event files, and the empty names of checkpoints."""
    shutil.rmtree(target, ignore_errors=True)
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        copy = target / re.sub(r"tfevents\.(\d+)\.[^/]*?\.(\d+\.)", r"tfevents.\1.host.\2",
                               str(file.relative_to(source)))  # fmt: skip
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".json":
            copy.write_text(without_paths(file.read_text()))
        elif "tfevents" in file.name:
            copy.write_bytes(file.read_bytes())
        else:
            copy.write_bytes(b"")


def without_paths(text):
    """The text of a file without the paths of this machine."""
    text = text.replace(str(Path(__file__).resolve()), "search.py")
    return re.sub(r'File \\"[^"\\]*/site-packages/', r'File \\"', text)


def with_steady_ids(folder):
    """Ids of 32 hex digits are drawn from the clock: here they follow from their number."""
    found = [path for path in folder.rglob("trial_*") if len(path.name) == len("trial_") + 32]
    for number, trial in enumerate(sorted(found, key=lambda path: path.stat().st_mtime)):
        old, new = trial.name[len("trial_") :], hashlib.md5(str(number).encode()).hexdigest()
        for path in sorted(folder.rglob("*"), key=lambda path: -len(path.parts)):
            if path.suffix == ".json":
                path.write_text(path.read_text().replace(old, new))
            if old in path.name:
                path.rename(path.with_name(path.name.replace(old, new)))


def main():
    """Make all directories of this version."""
    make = {"1.0": make_1_0, "1.1": make_1_1, "1.3": make_1_3, "1.4": make_1_4}[VERSION[:3]]
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch))
        with_steady_ids(Path(scratch))
        copy_without_weights(Path(scratch), DATA / f"keras_tuner-{VERSION}")


if __name__ == "__main__":
    if "--worker" in sys.argv:
        search(random(sys.argv[-1], "distributed", build_to_the_end, 4))
    else:
        main()
