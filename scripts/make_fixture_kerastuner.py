"""Makes tests/data/keras_tuner-*: real directories of plain KerasTuner, and one of its first kind.

    python scripts/make_fixture_kerastuner.py

Real searches of keras-tuner 1.4.8 on sixteen rows: some trials diverge to NaN, some to infinity,
some crash. Version 1.0 needs a TensorFlow that no longer installs, so its directory is written by
hand after its source: ids of 32 hex digits, no "message", best_step 0, and each metric its own
extreme over all epochs. Checkpoints are left out; paths of this machine are cut from tracebacks.
"""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np

DATA = Path(__file__).parents[1] / "tests" / "data"
KEPT = {"oracle.json", "trial.json", "tuner0.json"}

FINE, TO_INFINITY, TO_NAN = 0.01, 1e12, 1e38
"""Learning rates: with the last two, one step overflows the loss, or the weights themselves."""


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    units = hp.Choice("units", [4, -1])
    rate = hp.Choice("learning_rate", [FINE, TO_INFINITY, TO_NAN])
    layers = [keras.layers.Dense(units, activation="relu")]  # -1 units: Keras raises
    if hp.Boolean("dropout"):
        with hp.conditional_scope("dropout", [True]):
            layers.append(keras.layers.Dropout(hp.Choice("dropout_rate", [0.25, 0.5])))
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def search(kind: str, scratch: Path) -> None:
    common = {
        "objective": "val_loss",
        "seed": 7,
        "directory": scratch,
        "project_name": kind,
        "max_consecutive_failed_trials": 100,
    }
    tuner = {
        "grid": lambda: keras_tuner.GridSearch(build, executions_per_trial=2, **common),
        "random": lambda: keras_tuner.RandomSearch(build, max_trials=8, **common),
        "hyperband": lambda: keras_tuner.Hyperband(build, max_epochs=4, factor=2, **common),
        "bayesian": lambda: keras_tuner.BayesianOptimization(build, max_trials=6, **common),
    }[kind]()
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(16, 3)).astype("float32")
    y = x.sum(1)
    # Only a search that prints notes when its trials started.
    verbose = 1 if kind == "random" else 0
    data = {"validation_data": (x[12:], y[12:]), "epochs": 2, "batch_size": 12}
    tuner.search(x[:12], y[:12], **data, verbose=verbose)


def copy_without_weights(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    for file in sorted(source.rglob("*.json")):
        if file.name in KEPT:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(without_paths(file.read_text()))


def without_paths(text: str) -> str:
    text = text.replace(str(Path(__file__).resolve()), "search.py")
    return re.sub(r'File \\"[^"\\]*/site-packages/', r'File \\"', text)


def write_first_generation(target: Path) -> None:
    """Three trials as 1.0.2 leaves them; the last one was killed."""
    space = [
        {"class_name": "Int", "config": {"name": "units", "default": None, "conditions": [],
         "min_value": 8, "max_value": 24, "step": 8, "sampling": None}},
        {"class_name": "Choice", "config": {"name": "optimizer", "default": "adam",
         "conditions": [], "values": ["adam", "sgd"], "ordered": False}},
    ]  # fmt: skip
    trials = {
        "04bd3e0a2c4b4e2f9be3d3e1f0a8c711": (8, "adam", (0.71, 0.5, 0.74, 0.49)),
        "9a1cf0f2c8e74dd5a2ea9a4a6b1de0c3": (24, "sgd", (0.93, 0.2, 0.81, 0.44)),
        "c77b1dd43ab84a63b6a1b1aa1f5f3f60": (16, "adam", None),
    }
    shutil.rmtree(target, ignore_errors=True)
    for name, (units, optimizer, results) in trials.items():
        metrics = dict(
            zip(("accuracy", "loss", "val_accuracy", "val_loss"), results or (), strict=False)
        )
        state = {
            "trial_id": name,
            "hyperparameters": {
                "space": space,
                "values": {"units": units, "optimizer": optimizer},
            },
            "metrics": {
                "metrics": {
                    metric: {
                        "direction": "max" if "accuracy" in metric else "min",
                        "observations": [{"value": [value], "step": 0}],
                    }
                    for metric, value in metrics.items()
                }
            },
            "score": metrics.get("val_accuracy"),
            "best_step": 0 if results else None,
            "status": "COMPLETED" if results else "RUNNING",
        }
        folder = target / f"trial_{name}"
        folder.mkdir(parents=True)
        (folder / "trial.json").write_text(json.dumps(state))
    oracle = {
        "ongoing_trials": {"tuner0": list(trials)[-1]},
        "hyperparameters": {"space": space, "values": {"units": 8, "optimizer": "adam"}},
        "seed": 4211,
        "seed_state": 4218,
        "tried_so_far": ["1d3", "2e4", "3f5"],
    }
    (target / "oracle.json").write_text(json.dumps(oracle))
    (target / "tuner0.json").write_text("{}")


def main() -> None:
    for kind in ("grid", "random", "hyperband", "bayesian"):
        with tempfile.TemporaryDirectory() as scratch:
            search(kind, Path(scratch))
            target = DATA / f"keras_tuner-{keras_tuner.__version__}" / kind
            copy_without_weights(Path(scratch) / kind, target)
    write_first_generation(DATA / "keras_tuner-1.0.2" / "random")


if __name__ == "__main__":
    main()
