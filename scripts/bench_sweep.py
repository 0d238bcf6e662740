#!/usr/bin/env python
"""The same grid through KerasTuner, KerasTuner with steps_per_execution, and auditor.

Each arm runs in a process of its own, in turn, several times; what is compared is the time inside
`search()`, without imports, and the peak memory of the process. Quote the ratios: machines differ
and are shared.

    python scripts/bench_sweep.py [--rows 2000] [--epochs 5] [--repeats 3] [--full]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ARMS = ("kerastuner", "kerastuner with steps_per_execution", "auditor")
STEPS = 32
FEATURES = 200


def build(hp, steps=1):
    """200-64-32-1 with dropout: learning rate x activation x initialiser, 36 trials."""
    import keras

    rate = hp.Choice("learning_rate", [0.0001, 0.001, 0.01, 1.0])
    activation = hp.Choice("activation", ["relu", "tanh", "sigmoid"])
    initialiser = hp.Choice("initialiser", ["glorot_uniform", "he_normal", "random_uniform"])
    dense = {"activation": activation, "kernel_initializer": initialiser}
    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(64, **dense),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(32, **dense),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(rate),
        "binary_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps,
    )
    return model


def data(rows):
    """A noisy linear problem; a quarter of the rows is for validation."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, FEATURES)).astype("float32")
    y = x @ rng.normal(size=FEATURES) / FEATURES**0.5 + rng.normal(size=rows) > 0
    return x, y.astype("float32")


def run_arm(arm, rows, epochs):
    """One search, in this process; prints its seconds and peak memory as JSON."""
    import keras_tuner

    import auditor

    x, y = data(rows)
    tuner_class = auditor.GridSearch if arm == "auditor" else keras_tuner.GridSearch
    steps = STEPS if "steps" in arm else 1
    with tempfile.TemporaryDirectory() as folder:
        tuner = tuner_class(
            lambda hp: build(hp, steps),
            objective="val_loss",
            directory=folder,
            project_name="bench",
            seed=1,
        )
        begun = time.perf_counter()
        tuner.search(x, y, validation_split=0.25, epochs=epochs, verbose=0)
        seconds = time.perf_counter() - begun
        trials = len(tuner.oracle.trials)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "trials": trials, "peak_mb": peak}))


def measure(arm, options):
    """Run an arm in a fresh process."""
    command = [sys.executable, __file__, "--arm", arm]
    command += ["--rows", str(options.rows), "--epochs", str(options.epochs)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{arm} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(results):
    """Medians, and ratios taken run by run against plain KerasTuner."""
    plain = [r["seconds"] for r in results[ARMS[0]]]
    print(f"{'':38}{'seconds':>9}{'per trial':>11}{'peak MB':>9}   speed-up, min to max")
    for arm, runs in results.items():
        seconds = statistics.median(r["seconds"] for r in runs)
        peak = statistics.median(r["peak_mb"] for r in runs)
        ratios = sorted(p / r["seconds"] for p, r in zip(plain, runs, strict=True))
        each = seconds / runs[0]["trials"]
        print(
            f"{arm:38}{seconds:9.1f}{each:11.2f}{peak:9.0f}   "
            f"{statistics.median(ratios):.2f}x  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


def main():
    """Run all arms in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="11,000 rows, 10 epochs")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.full:
        options.rows, options.epochs = 11_000, 10
    if options.arm:
        run_arm(options.arm, options.rows, options.epochs)
        return
    results = {arm: [] for arm in ARMS}
    for repeat in range(options.repeats):
        for arm in ARMS:
            results[arm].append(measure(arm, options))
            print(f"run {repeat + 1}: {arm}: {results[arm][-1]['seconds']:.1f} s", file=sys.stderr)
    report(results)


if __name__ == "__main__":
    main()
