"""A search in stacks that is killed at random moments, each time in a process of its own.

Called as a script: folder, seed, kills, and `xla` or `graph`. The first search is undisturbed; its
plan is that of the second. Frameworks are loaded once, before any of the processes is forked.
"""

import os
import random
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np

from auditor import GridSearch
from auditor.search.stacking import checkpoint, lane, sizing
from auditor.search.stacking.choosing import Choice

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4)).astype("float32")
Y = (X[:, 0] + 0.5 * RNG.normal(size=90) > 0).astype("float32")
EPOCHS = 30
ALIVE = os.WEXITED | os.WNOHANG | os.WNOWAIT


def build(hp: Any) -> Any:
    rate, drop = hp.Choice("lr", [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]), hp.Choice("drop", [0.1, 0.4])
    parts = [keras.layers.Dense(8, "tanh"), keras.layers.Dropout(drop)]
    model = keras.Sequential([keras.Input((4,)), *parts, keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


class Slow(keras.callbacks.Callback):
    """Most of the time is spent in training, where it shall be killed."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        time.sleep(0.02)


def search(folder: Path, name: str) -> None:
    """Twelve trials in four rows."""
    callbacks = [
        keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2),
        Slow(),
    ]
    tuner = GridSearch(
        build, "val_loss", seed=3, lane="stacked", directory=folder, project_name=name
    )
    tuner.search(
        X, Y, validation_split=0.4, epochs=EPOCHS, batch_size=16, verbose=0, callbacks=callbacks
    )


def forked(folder: Path, name: str) -> int:
    child = os.fork()
    if not child:
        status = 1
        try:
            search(folder, name)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait(child: int, path: Path, moments: random.Random, whole: float) -> bool:
    """Wait for a moment to kill a search; whether that was after so many checkpoints of a stack."""
    latest = time.monotonic() + (2 * whole if moments.random() < 0.8 else moments.uniform(0, whole))
    left, seen = moments.choice([1, 2, 3, 5]), saved(path)
    while left and time.monotonic() < latest and not os.waitid(os.P_PID, child, ALIVE):
        now = saved(path)
        left, seen = left - (now != seen), now
        time.sleep(0.002)
    time.sleep(moments.uniform(0, 0.1))
    return not left


def saved(path: Path) -> list[int]:
    """When each checkpoint was written that is there."""
    found = []
    for file in (path / "stacks").glob(f"*/{checkpoint.FILE}"):
        with suppress(FileNotFoundError):
            found.append(file.stat().st_mtime_ns)
    return found


def main(folder: Path, seed: int, kills: int, way: str) -> None:
    sizing.MOST_ROWS["cpu"] = 4
    sizing.cores = lambda: 1
    checkpoint.INTERVAL = 0.05
    lane.choose = lambda found, rows, at_once, make, *_: Choice(make(way == "xla"), False, rows)
    moments = random.Random(seed)
    begun = time.monotonic()
    assert ended(forked(folder, "whole")) == 0
    whole = time.monotonic() - begun
    within = 0
    for _ in range(kills):
        child = forked(folder, "killed")
        within += wait(child, folder / "killed", moments, whole)
        os.kill(child, signal.SIGKILL)
        ended(child)
    assert ended(forked(folder, "killed")) == 0
    print(f"undisturbed: {whole:.1f} s, killed within: {within}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
