"""What an example may take for granted: a sweep of three trials, its tuner, and some data."""

import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def make_world(folder: Path) -> dict[str, Any]:
    """Train a sweep in a folder and write data there; the names that examples may use."""
    import keras

    import auditor

    def build_model(hp: Any) -> Any:
        layers = [keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")]
        model = keras.Sequential([keras.Input((4,)), *layers])
        rate = hp.Choice("learning_rate", [0.01, 0.1, 1e30])
        model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", metrics=["accuracy"])
        return model

    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 4)).astype("float32")
    y = (x[:, 0] + 0.5 * draw.normal(size=120) > 0).astype("int32")
    with chdir(folder):
        _write_tables(x, y)
        tuner = auditor.GridSearch(
            build_model,
            "val_loss",
            directory="made",
            project_name="first",
            seed=0,
            check_data=False,
        )
        # As the pages write it: there a search that has ended is called again.
        tuner.search(x, y, validation_split=0.2, epochs=20, verbose=0)
        shutil.copytree("made/first", "made/second")
        return {
            "auditor": auditor,
            "GridSearch": auditor.GridSearch,
            "RandomSearch": auditor.RandomSearch,
            "build_model": build_model,
            "x": x,
            "y": y,
            "x_validation": x[::2],
            "y_validation": y[::2],
            "tuner": tuner,
            "trials": tuner.trials(),
            "audit": tuner.audit(),
        }


def _write_tables(x: Any, y: Any) -> None:
    table = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(price=y)
    table.to_csv("table.csv", index=False)
    table[:90].to_csv("a.csv", index=False)
    table[90:].to_csv("b.csv", index=False)
    np.savez("arrays.npz", x_train=x[:90], y_train=y[:90], x_val=x[90:], y_val=y[90:])
