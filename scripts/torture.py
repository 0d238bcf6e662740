#!/usr/bin/env python
"""Kills searches with SIGKILL at random moments, and looks at what is left.

    python scripts/torture.py [--sweeps 10] [--jobs 0 2] [--seed 0] [--keep DIR]

Each sweep is killed again and again, its main process or one of its workers, and started anew
until it is done. Then every trial must be there once, no curve may have a gap or an epoch twice,
and the leaderboard must be that of a search that nobody has disturbed, to the last bit. Exits with
1 if not. A start takes some seconds, in which TensorFlow is imported: a kill costs about ten.
"""

import argparse
import contextlib
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_STARTS = 60
"""A sweep that needs more starts than this does not get ahead."""

EPOCHS = 40
INTERVAL = 1.0
"""Seconds between two checkpoints of a stack here, so that kills find some."""


def child(folder, jobs, lane):
    """The search, from wherever it is to its end."""
    import keras
    import numpy as np

    import auditor
    from auditor.search.stacking import checkpoint

    checkpoint.INTERVAL = INTERVAL

    def build(hp):
        layers = [
            keras.Input((20,)),
            keras.layers.Dense(hp.Choice("units", [8, 16]), hp.Choice("f", ["relu", "sigmoid"])),
            keras.layers.Dropout(hp.Choice("dropout", [0.1, 0.5])),
            keras.layers.Dense(1, "sigmoid"),
        ]
        model = keras.Sequential(layers)
        adam = keras.optimizers.Adam(hp.Choice("lr", [0.001, 0.01, 0.1]))
        model.compile(adam, "binary_crossentropy", metrics=["accuracy"])
        return model

    class Slow(keras.callbacks.Callback):
        """Gives the killer time."""

        def on_epoch_end(self, epoch, logs=None):
            time.sleep(0.01)

    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 20)).astype("float32")
    y = (x[:, :3].sum(axis=1) + rng.normal(size=600) > 0).astype("float32")
    epochs = EPOCHS if lane == "stacked" else EPOCHS // 8
    tuner = auditor.GridSearch(
        build, "val_loss", directory=folder, project_name="sweep", seed=3, lane=lane,
        n_jobs=jobs or None,
    )  # fmt: skip
    tuner.search(
        x, y, validation_split=0.3, epochs=epochs, batch_size=16, verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True),
            keras.callbacks.ReduceLROnPlateau(patience=3),
            Slow(),
        ],
    )  # fmt: skip


def start(folder, jobs, lane):
    """A process that searches, in a session of its own."""
    command = [sys.executable, __file__, "--child", str(folder), str(jobs), lane]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        command, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def children(pid):
    """The processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(word) for word in listed.read_text().split()]
    except OSError:
        return []


def tortured(folder, jobs, lane, rng, kills):
    """Search with kills, until it is done; the number of starts."""
    for starts in range(1, MOST_STARTS + 1):
        process = start(folder, jobs, lane)
        # Most starts are killed while they train, some while they import or end.
        until = time.monotonic() + rng.uniform(2, 25)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if process.poll() is None:
            workers = children(process.pid)
            if workers and rng.random() < 0.5:
                kill(rng.choice(workers))
                kills["worker"] += 1
                time.sleep(rng.uniform(0, 3))
            if process.poll() is None and rng.random() < 0.8:
                kill(process.pid)
                kills["main process"] += 1
        words = process.communicate()[1]
        if process.returncode == 0:
            return starts
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"{folder}: ended with {process.returncode}:\n{words}")
    raise SystemExit(f"{folder}: not done after {MOST_STARTS} starts")


def kill(pid):
    """As a power cut would."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def found(folder):
    """Per trial what counts of it: values, score, best epoch, curves."""
    trials = {}
    for file in sorted((folder / "sweep").glob("trial_*/trial.json")):
        state = json.loads(file.read_text())
        with open(file.parent / "history.csv") as table:
            rows = list(csv.DictReader(table))
        curves = [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
        trials[file.parent.name] = {
            "status": state["status"],
            "values": state["hyperparameters"]["values"],
            "score": state["score"],
            "best": state["best_step"],
            "curves": curves,
        }
    return trials


def faults(trials, expected):
    """What is wrong with the trials of a sweep, in words."""
    wrong = []
    values = [json.dumps(trial["values"], sort_keys=True) for trial in trials.values()]
    if len(set(values)) != len(values):
        wrong.append("a configuration was trained twice")
    for name, trial in trials.items():
        epochs = [int(row["epoch"]) for row in trial["curves"]]
        if epochs != list(range(len(epochs))):
            wrong.append(f"{name}: epochs {epochs}")
        if trial["status"] != "COMPLETED":
            wrong.append(f"{name}: {trial['status']}")
    for name in sorted(set(trials) | set(expected)):
        if trials.get(name) != expected.get(name):
            wrong.append(f"{name} differs from the undisturbed search")
    return wrong


def main():
    """Torture sweeps in both lanes, here and in workers."""
    if sys.argv[1:2] == ["--child"]:
        folder, jobs, lane = sys.argv[2:]
        child(folder, int(jobs), lane)
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=10, help="of each kind")
    parser.add_argument("--jobs", type=int, nargs="+", default=[0, 2], help="0 for none")
    parser.add_argument("--lanes", nargs="+", default=["stacked", "fit"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, bad = random.Random(options.seed), 0
    kills = {"main process": 0, "worker": 0}
    with tempfile.TemporaryDirectory() as folder:
        for lane in options.lanes:
            for jobs in options.jobs:
                calm = Path(folder, f"{lane}-{jobs}")
                calm.mkdir()
                process = start(calm, jobs, lane)
                words = process.communicate()[1]
                if process.returncode:
                    raise SystemExit(words)
                expected = found(calm)
                for number in range(options.sweeps):
                    place = Path(folder, f"{lane}-{jobs}-{number}")
                    place.mkdir()
                    starts = tortured(place, jobs, lane, rng, kills)
                    wrong = faults(found(place), expected)
                    bad += bool(wrong)
                    print(f"{lane}, {jobs} workers, sweep {number}: {starts} starts, "
                          f"{kills['main process']} + {kills['worker']} kills so far; "
                          f"{'; '.join(wrong) or 'as undisturbed'}", flush=True)  # fmt: skip
    print(f"{kills['main process']} kills of main processes, {kills['worker']} of workers; "
          f"{bad} sweeps differ")  # fmt: skip
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
