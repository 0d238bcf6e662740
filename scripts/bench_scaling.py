#!/usr/bin/env python
"""How a search grows with its executors: two against one, its own cost per trial, resuming.

    python scripts/bench_scaling.py [--part fit stacks overhead resume simulate] [--json FILE]

Two executors take two cores, so nothing else should run meanwhile. `simulate` lets 8, 64 and 512
devices train trials that take as long as those just recorded, behind one process that does all the
writing: it needs no device. Everything is printed as it is measured.
"""

import argparse
import contextlib
import heapq
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PARTS = ("fit", "stacks", "overhead", "resume", "simulate")
ROWS, EPOCHS, TRIALS = 8_000, 3, 12
TRIVIAL = 1_000
"""Trials that do nothing: ten values of each of three hyperparameters."""
DEVICES = (8, 64, 512)
REPEATS = 3
"""Of what a busy machine disturbs: the fastest counts."""
SIMULATED = 20_000
"""Trials of the simulation: many more than devices, so that its end counts little."""


def build(hp):
    """A dense net that is too small for two cores, at batch 10."""
    import keras

    layers = [
        keras.Input((200,)),
        keras.layers.Dense(64, hp.Choice("activation", ["relu", "tanh", "sigmoid"])),
        keras.layers.Dense(32, "relu"),
        keras.layers.Dense(1, "sigmoid"),
    ]
    model = keras.Sequential(layers)
    count = hp.Fixed("rates", TRIALS // 3)
    rates = [0.0003 * 8 ** (n / (count - 1)) for n in range(count)]
    model.compile(keras.optimizers.Adam(hp.Choice("learning_rate", rates)), "binary_crossentropy")
    return model


def data():
    """Rows with a signal."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 200)).astype("float32")
    return x, (x[:, :20].sum(axis=1) > 0).astype("float32")


def search_seconds(folder, jobs, lane):
    """A search of `TRIALS` trials, twice: the second one finds warm executors."""
    import auditor

    x, y = data()
    for number in range(2):
        tuner = auditor.GridSearch(
            build, "val_loss", directory=folder, project_name=f"{lane}-{jobs}-{number}",
            n_jobs=jobs, lane=lane, seed=0,
        )  # fmt: skip
        begun = time.perf_counter()
        tuner.search(x, y, validation_split=0.2, batch_size=10, epochs=EPOCHS, verbose=0)
        seconds = time.perf_counter() - begun
    assert len(tuner.trials().runs) == TRIALS
    times = [recorded.seconds for recorded in tuner.trials().recorded.values()]
    return seconds, times


def one_core():
    """Let a single worker use one core, as each of two does."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def scaling(lane):
    """Trials per second of two executors, against one on one core and one on all cores."""
    found = {}
    for name, jobs, limit in (("one core", None, True), ("one, all cores", None, False),
                              ("two", 2, False)):  # fmt: skip
        code = (
            f"import bench_scaling as b, json, tempfile\n{'b.one_core()' if limit else ''}\n"
            f"with tempfile.TemporaryDirectory() as folder:\n"
            f"    print(json.dumps(b.search_seconds(folder, {jobs}, {lane!r})))"
        )
        seconds, times = json.loads(in_fresh_process(code))
        found[name] = {"seconds": seconds, "trials": times}
        print(f"{lane:6} {name:15} {seconds:7.1f} s warm, {TRIALS / seconds:6.2f} trials/s")
    for base in ("one core", "one, all cores"):
        ratio = found[base]["seconds"] / found["two"]["seconds"]
        print(f"{lane:6} two executors are {ratio:.2f} times as fast as {base}")
    return found


def trivial_tuner(folder, jobs):
    """A search of trials that train nothing."""
    import keras_tuner

    import auditor

    class Trivial(auditor.GridSearch):
        def run_trial(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            return hp.Int("a", 0, 9) + hp.Int("b", 0, 9) / 10 + hp.Int("c", 0, 9) / 100

    space = keras_tuner.HyperParameters()
    for name in "abc":
        space.Int(name, 0, 9)
    objective = keras_tuner.Objective("val_loss", "min")
    return Trivial(
        objective=objective, hyperparameters=space, directory=folder, n_jobs=jobs, project_name="t"
    )


def overhead():
    """Milliseconds per trial for 1,000 trials that do nothing."""
    found = {}
    for name, jobs in (("in this process", None), ("two executors", 2)):
        with tempfile.TemporaryDirectory() as folder:
            trivial_tuner(f"{folder}/warm", jobs).search(verbose=0)
            tuner = trivial_tuner(folder, jobs)
            begun = time.perf_counter()
            tuner.search(verbose=0)
            found[name] = (time.perf_counter() - begun) / TRIVIAL
            assert len(tuner.oracle.end_order) == TRIVIAL
        print(f"overhead, {name}: {1e3 * found[name]:.2f} ms per trial that does nothing")
    added = found["two executors"] - found["in this process"]
    print(f"overhead of executors: {1e3 * added:.2f} ms per trial")
    return found


def resume():
    """Seconds from `search()` to the first trial at work, with half of 1,000 trials done."""
    with tempfile.TemporaryDirectory() as folder:
        stopped = f"""
import bench_scaling as b
tuner = b.trivial_tuner({folder!r}, None)
def stop(progress):
    if progress.done == b.TRIVIAL // 2: raise KeyboardInterrupt
tuner._progress = stop
try: tuner.search(verbose=0)
except KeyboardInterrupt: pass
"""
        in_fresh_process(stopped)
        again = f"""
import bench_scaling as b, time, keras_tuner
auditor = __import__("auditor"); auditor.GridSearch
begun = time.perf_counter()
tuner = b.trivial_tuner({folder!r}, 2)
class Seen(Exception): pass
def first(trial): raise Seen
tuner.on_trial_begin = first
try: tuner.search(verbose=0)
except Seen: pass
print(time.perf_counter() - begun)
"""
        seconds = float(in_fresh_process(again))
    print(f"resume: {seconds:.2f} s from making the tuner until the first trial begins")
    return {"seconds": seconds, "stacks": resume_stacks()}


def resume_stacks():
    """Seconds from making the tuner to the first epoch, with half of 1,000 stacked trials done."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        in_fresh_process(f"import bench_scaling as b; b.train_half({folder!r})")
        for name, jobs in (("in this process", None), ("two executors", 2)):
            shutil.copytree(f"{folder}/stacks", f"{folder}/{jobs}")
            call = f"b.seconds_to_train({folder!r}, '{jobs}', {jobs})"
            code = f"import bench_scaling as b; print({call})"
            found[name] = min(float(in_fresh_process(code)) for _ in range(REPEATS))
            print(f"resume of stacks, {name}: {found[name]:.2f} s until the first epoch begins")
    return found


def stacked_tuner(folder, name, jobs):
    """A search of 1,000 trials of one structure."""
    import auditor

    def space(hp):
        hp.Fixed("rates", -(-TRIVIAL // 3))
        return build(hp)

    return auditor.GridSearch(
        space, "val_loss", max_trials=TRIVIAL, directory=folder, project_name=name,
        n_jobs=jobs, lane="stacked", keep_weights=0, seed=0,
    )  # fmt: skip


def short_fit():
    """Arguments of `search` that train little."""
    x, y = data()
    return {"x": x[:1_000], "y": y[:1_000], "validation_split": 0.2, "epochs": 3, "verbose": 0}


def train_half(folder):
    """Train half of the stacked trials."""

    def stop(progress):
        if progress.done == TRIVIAL // 2:
            raise KeyboardInterrupt

    tuner = stacked_tuner(folder, "stacks", None)
    tuner._progress = stop
    with contextlib.suppress(KeyboardInterrupt):
        tuner.search(**short_fit())


def seconds_to_train(folder, name, jobs):
    """Go on with that until it trains; what has to be imported is, also in executors."""
    import keras

    import auditor

    class First(keras.callbacks.Callback):
        """Ends the search when the first epoch begins."""

        def __init__(self):
            super().__init__()
            self.leader, self.file = os.getpid(), f"{folder}/begun"

        def on_epoch_begin(self, epoch, logs=None):
            with contextlib.suppress(FileExistsError), open(self.file, "x") as file:
                file.write(str(time.time()))
                file.flush()
                os.kill(self.leader, signal.SIGINT)

    warm = auditor.GridSearch(
        build, "val_loss", directory=folder, project_name=f"warm {time.time()}", n_jobs=jobs,
        lane="stacked", max_trials=4,
    )  # fmt: skip
    warm.search(**short_fit())
    arguments = short_fit()
    begun = time.time()
    with contextlib.suppress(KeyboardInterrupt):
        stacked_tuner(folder, name, jobs).search(**arguments, callbacks=[First()])
    with open(f"{folder}/begun") as file:
        seconds = float(file.read()) - begun
    os.remove(f"{folder}/begun")
    return seconds


def simulate(times, writing):
    """Utilisation of devices whose trials one process hands out and writes down, one at a time."""
    rng, found = random.Random(0), {}
    print(f"simulated: trials of {statistics.median(times):.2f} s (median), "
          f"{1e3 * writing:.1f} ms of the main process for each")  # fmt: skip
    for scale in (1, 10, 100):
        for devices in DEVICES:
            free, main, busy = [(0.0, d) for d in range(devices)], 0.0, 0.0
            for _ in range(SIMULATED):
                at, device = heapq.heappop(free)
                main = max(main, at) + writing
                seconds = scale * rng.choice(times)
                busy += seconds
                heapq.heappush(free, (main + seconds, device))
            share = busy / (devices * max(at for at, _ in free))
            found[f"{devices} devices, trials {scale} times as long"] = share
            print(f"  trials {scale:3} times as long, {devices:4} devices: "
                  f"{100 * share:5.1f} % of their time at work")  # fmt: skip
    limit = statistics.mean(times) / writing
    print(f"  one writer keeps {limit:.0f} devices busy with trials as long as these")
    return found


def in_fresh_process(code):
    """What code prints."""
    here = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def main():
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", help="keep all figures in a file")
    options = parser.parse_args()
    found = {}
    if "fit" in options.part or "simulate" in options.part:
        found["fit"] = scaling("fit")
    if "stacks" in options.part:
        found["stacks"] = scaling("stacked")
    if "overhead" in options.part or "simulate" in options.part:
        found["overhead"] = overhead()
    if "resume" in options.part:
        found["resume"] = resume()
    if "simulate" in options.part:
        times = found["fit"]["one core"]["trials"]
        found["simulate"] = simulate(times, found["overhead"]["two executors"])
    if options.json:
        with open(options.json, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
