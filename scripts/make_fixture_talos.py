"""Makes tests/data/talos-<version>/: the log of a real scan, and the table that people save of it.

    python -m venv /tmp/talos && /tmp/talos/bin/pip install 'talos[tensorflow]'
    /tmp/talos/bin/python scripts/make_fixture_talos.py

Run with 2.0.10, and with 1.4, whose old requirements must be left out (--no-deps). Up to 1.4 Talos
writes a line per round to `<experiment>/<date>.csv`: the metrics of the round's last epoch and its
hyperparameters, nothing quoted. Since 2 it makes a folder, with all epochs in `round_data.jsonl`.
`scan.data.to_csv()` is what people save. Some rounds diverge to NaN, some to infinity; a round that
raises ends the scan.
"""

import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import talos

TARGET = Path(__file__).parents[1] / "tests" / "data" / f"talos-{version('talos')}"
SPACE = {
    "units": [4, 8],
    "lr": [0.01, 1e12, 1e38],
    "activation": ["relu", "tanh"],
    "epochs": [2],
    "batch_size": [12],
}


def build(
    x: np.ndarray, y: np.ndarray, x_val: np.ndarray, y_val: np.ndarray, params: dict
) -> tuple[keras.callbacks.History, keras.Model]:
    layers = [keras.layers.Dense(params["units"], params["activation"]), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(keras.optimizers.SGD(params["lr"]), "mse", metrics=["mae"])
    history = model.fit(
        x,
        y,
        validation_data=(x_val, y_val),
        epochs=params["epochs"],
        batch_size=params["batch_size"],
        verbose=0,
    )
    return history, model


def main() -> None:
    keras.utils.set_random_seed(7)
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    y = x.sum(1)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        scan = talos.Scan(
            x[:12],
            y[:12],
            SPACE,
            build,
            "scan",
            x_val=x[12:],
            y_val=y[12:],
            disable_progress_bar=True,
        )
        for file in sorted(Path("scan").rglob("*")):
            # The other files of version 2 hold paths of this machine.
            if file.suffix == ".csv" or file.name == "round_data.jsonl":
                (TARGET / file.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, TARGET / file)
        scan.data.to_csv(TARGET / "results.csv", index=False)
        os.chdir("/")


if __name__ == "__main__":
    main()
