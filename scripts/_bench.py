"""What bench_sweep.py and verify_gpu share: searches in fresh processes, timed and watched."""

import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from _cases import CASES, forward_flops, grid, model_of, spread

STEPS = 32
"""`steps_per_execution` where it is set by hand."""

SAMPLING = 0.2
"""Seconds between two looks at the memory of a process."""


# Searches, in the process that is measured


def search(job):
    """Search as often as is asked for, one search after the other: the first one is cold.

    A job names the `case`, its number of `trials`, how many are trained (`subset`), the `rows` and
    `epochs`, the `lane` (None for KerasTuner), the `steps` of an execution, the `searches`,
    and perhaps the number of `jobs`.
    """
    case = CASES[job["case"]]
    values = grid(case, job["trials"])
    train, validation = case.data(job["rows"])
    chosen = spread(job["subset"] or len(values), len(values))
    searches = []
    for number in range(job["searches"]):
        with tempfile.TemporaryDirectory() as folder:
            tuner = make_tuner(job, case, [values[i] for i in chosen], folder, number + 1)
            found = timed(tuner, train, validation, job["epochs"], case.batch_size)
            found |= observed(tuner, chosen) | lanes(tuner)
            searches.append(found)
    flops = forward_flops(model_of(case, values[0]))
    if flops is not None:
        flops *= (3 * len(train[0]) + len(validation[0])) * job["epochs"]
    return {"searches": searches, "trials": len(values), "trained": len(chosen), "flops": flops}


def make_tuner(job, case, trials, folder, seed):
    """A grid search over places in a list of trials: so that all tuners train the same ones."""
    import keras_tuner

    import auditor

    def build(hp):
        return model_of(case, trials[hp.Int("place", 0, len(trials) - 1)], job["steps"])

    given = {"objective": "val_loss", "directory": folder, "project_name": "bench", "seed": seed}
    if job["lane"] is None:
        return keras_tuner.GridSearch(build, **given)
    return auditor.GridSearch(build, lane=job["lane"], n_jobs=job.get("jobs"), **given)


def timed(tuner, train, validation, epochs, batch_size):
    """The seconds inside `search()`, and the median of what a trial took after the one before."""
    ends, end = [], tuner.on_trial_end

    def ended(trial):
        end(trial)
        ends.append(time.perf_counter())

    if hasattr(tuner, "lane"):  # It may travel to executors, which a method of its own cannot.
        tuner._progress = lambda progress: ends.append(time.perf_counter())
    else:
        tuner.on_trial_end = ended
    begun = time.perf_counter()
    tuner.search(
        *train, validation_data=validation, epochs=epochs, batch_size=batch_size, verbose=0
    )
    seconds = time.perf_counter() - begun
    each = [b - a for a, b in itertools.pairwise(ends)]
    return {"seconds": seconds, "each": statistics.median(each) if each else seconds}


def observed(tuner, chosen):
    """Per trial its best validation loss, unpenalised, and the epoch of that."""
    scores = {}
    for trial in tuner.oracle.trials.values():
        if trial.metrics.exists("val_loss"):
            value = trial.metrics.get_best_value("val_loss")
            place = trial.hyperparameters.values["place"]
            scores[chosen[place]] = [value, trial.best_step]
    return {"scores": scores}


def lanes(tuner):
    """How many runs trained in which lane, and why not in stacks; nothing for KerasTuner."""
    if not hasattr(tuner, "lane"):
        return {}
    counts = Counter(tuner.trials().context.lane.values())
    plan = json.loads(Path(tuner.project_dir, "sweep.json").read_text())["plan"]
    return {"lanes": dict(counts), "alone": sorted(set(plan["alone"].values()))}


def estimated(found, record):
    """Seconds of a search for all trials: those that were not trained at the median of a trial."""
    return found["seconds"] + (record["trials"] - record["trained"]) * found["each"]


# Processes


def in_fresh_process(script, job, environment=None):
    """What a script makes of a job in a process of its own, with the peak memory in MB.

    Memory is what the process and its children hold; pages that they share count more than once.
    """
    command = [sys.executable, str(script), "--job", json.dumps(job)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, env=environment)
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(SAMPLING)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.exit(f"{job} failed:\n{errors.read()[-3000:]}")
        found = json.loads(out.read().splitlines()[-1])
    found["peak_mb"] = max(peak / 2**20, found["peak_mb"])
    return found


def finish_job(found):
    """Print what a job found, and the peak of this process alone, for `in_fresh_process`."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["peak_mb"] = peak / (2**20 if platform.system() == "Darwin" else 2**10)
    print(json.dumps(found))


def resident(pid):
    """Bytes that a process and its children hold; 0 where there is no /proc."""
    place = Path("/proc", str(pid))
    try:
        pages = int((place / "statm").read_text().split()[1])
        children = [
            c for t in (place / "task").iterdir() for c in (t / "children").read_text().split()
        ]
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident(int(child)) for child in children)


def versions():
    """Of what takes part, and how many cores there are."""
    from importlib import metadata

    found = {"python": platform.python_version(), "system": platform.platform()}
    found["cores"] = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    for name in ("keras", "keras-tuner", "tensorflow", "jax", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
