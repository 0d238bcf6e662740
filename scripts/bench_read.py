#!/usr/bin/env python
"""How long it takes to read and judge what is large, and how much memory, on made-up inputs.

    python scripts/bench_read.py [--case ours kerastuner] [--scale 1.0] [--repeat 3]

Each case is written to a temporary folder, then audited in processes of their own: `first` with an
empty cache of what was read, `again` with what the first one left there. Of several repetitions the
least time of each stage counts: other programs can only add to it. `scored` is the sum of the
stages up to `score`, `cpu` the processor's time in it, which other programs do not lengthen much,
and MB the peak until then. The files are in the operating system's memory; a cold disk adds its own
time.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from _bench import finish_job, in_fresh_process

STAGES = ("import", "read", "judge", "score", "diagnose", "attribute")
SCORED = STAGES[:4]
"""What "read and scored" is made of."""

EPOCHS, CHUNKS = 100, 16

RATES = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003]
SPACE = {
    "learning_rate": RATES,
    "units": [16, 24, 32, 48, 64, 96, 128, 192, 256, 384],
    "activation": ["relu", "tanh", "elu", "gelu", "selu", "silu", "mish", "softplus", "elu6", "id"],
    "dropout": [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6],
}


# Inputs: each function writes about `scale` times the size that the case is named for


def ours(folder, scale):
    """A directory of this project: 10,000 trials of 100 epochs, with validation chunks."""
    trials = _project(folder, round(10_000 * scale), with_notes=True)
    sweep = {
        "schema": 1, "tool": "auditor", "version": "0.1.0",
        "objective": {"name": "val_loss", "direction": "min", "components": []},
        "gap_penalty": 0.05, "sampler": "grid", "seed": 0, "executions": 1, "epochs": EPOCHS,
        "context": {"train_rows": 8_000, "validation_rows": 2_000, "no_skill_loss": 0.693,
                    "no_skill_from": "the label frequencies", "label_counts": {"0": 1, "1": 1}},
        "chunks": {"folds": {"0": {"rows": [125] * CHUNKS, "digest": "0"}}}, "space": _space(),
    }  # fmt: skip
    (folder / "sweep.json").write_text(json.dumps(sweep))
    chance = random.Random(0)
    for name, values in trials:
        (folder / f"trial_{name}" / "history.csv").write_text(_history(values, chance))
        _write_chunks(folder / f"trial_{name}" / "chunks.npy", chance)
    return folder


def kerastuner(folder, scale):
    """A KerasTuner project of 10,000 trials, without curves."""
    _project(folder, round(10_000 * scale), with_notes=False)
    return folder


def console(folder, scale):
    """A console log of 1 GB: four million bars of Keras 3 under way, and 150 epochs."""
    folder.mkdir(parents=True)
    path = folder / "training.log"
    chance = random.Random(0)
    with path.open("wb") as file:
        for epoch in range(1, 151):
            file.write(f"Epoch {epoch}/150\n".encode())
            file.write(_bars_under_way(round(29_400 * scale), chance))
            file.write(
                f"\r29400/29400 {'━' * 20} 99s 5ms/step - accuracy: 0.8{epoch:03} - loss: "
                f"0.4{epoch:03} - val_accuracy: 0.7{epoch:03} - val_loss: 0.5{epoch:03}\n".encode()
            )
    return path


def rows(folder, scale):
    """One CSV table of a million rows, 10,000 trials of 100 epochs; the column `read` counts."""
    import numpy as np
    import pandas as pd

    trials = round(10_000 * scale)
    chance = np.random.default_rng(0)
    epochs = np.tile(np.arange(EPOCHS), trials)
    loss = 0.7 / (1 + 0.05 * epochs) + chance.normal(0, 0.004, len(epochs))
    table = {"trial_id": np.repeat(np.arange(trials), EPOCHS), "epoch": epochs, "loss": loss}
    folder.mkdir(parents=True)
    path = folder / "curves.csv"
    pd.DataFrame({**table, "val_loss": loss + 0.1}).to_csv(path, index=False)
    return path


def csv_logs(folder, scale):
    """10,000 files of CSVLogger, of 100 epochs each."""
    chance = random.Random(0)
    for number in range(round(10_000 * scale)):
        run = folder / f"lr={chance.choice(RATES)},run_{number}"
        run.mkdir(parents=True)
        lines = ["epoch,accuracy,loss,val_accuracy,val_loss"]
        for epoch in range(EPOCHS):
            loss = 0.7 / (1 + 0.05 * epoch) + chance.gauss(0, 0.004)
            lines.append(f"{epoch},{1 - loss},{loss},{0.9 - loss},{loss + 0.1}")
        (run / "log.csv").write_text("\n".join(lines) + "\n")
    return folder


class Case(NamedTuple):
    """An input, and what is asked of it; None where nothing is."""

    make: Callable[[Path, float], Path]
    seconds: float | None
    again: float | None = None
    megabytes: float | None = None


CASES = {
    "ours": Case(ours, 10, again=2, megabytes=1_000),
    "kerastuner": Case(kerastuner, 4),
    "console": Case(console, 60, megabytes=500),
    "rows": Case(rows, 2),
    "csv_logs": Case(csv_logs, None),
}


# Parts of inputs


def _project(folder, count, with_notes):
    """A KerasTuner project directory: the name and the values of each trial."""
    grid = itertools.islice(itertools.product(*SPACE.values()), count)
    trials = [(f"{i:05d}", dict(zip(SPACE, row, strict=True))) for i, row in enumerate(grid)]
    chance = random.Random(1)
    for name, values in trials:
        place = folder / f"trial_{name}"
        place.mkdir(parents=True)
        (place / "trial.json").write_text(json.dumps(_trial(name, values, chance, with_notes)))
    oracle = {
        "ongoing_trials": {},
        "start_order": [name for name, _ in trials],
        "end_order": [name for name, _ in trials],
        "hyperparameters": {"space": _space(), "values": {}},
        "display": {"trial_start": {name: "2026-01-01T00:00:00" for name, _ in trials}},
        "seed": 0,
    }
    (folder / "oracle.json").write_text(json.dumps(oracle))
    return trials


def _bars_under_way(count, chance):
    """Each overwrites the one before, as on a terminal."""
    updates = []
    for step in range(1, count):
        done = 20 * step // count
        updates.append(
            f"{chr(8) * 74}\r\x1b[1m{step:5}/29400\x1b[0m \x1b[32m{'━' * done}\x1b[0m\x1b[37m"
            f"{'━' * (20 - done)}\x1b[0m \x1b[1m{step // 200}s\x1b[0m 5ms/step - "
            f"accuracy: 0.{chance.randrange(10_000):04} - loss: 0.{chance.randrange(10_000):04}"
        )
    return "".join(updates).encode()


def _space():
    return [
        {
            "class_name": "Choice",
            "config": {
                "name": name, "default": values[0], "conditions": [], "values": values,
                "ordered": not isinstance(values[0], str),
            },
        }
        for name, values in SPACE.items()
    ]  # fmt: skip


def _trial(name, values, chance, with_notes):
    """What `trial.json` says: one in a hundred crashed, those of the largest rates diverged."""
    crashed, diverged = chance.random() < 0.01, _diverges(values)
    metrics = {
        m: chance.uniform(0.2, 0.7) for m in ("loss", "accuracy", "val_loss", "val_accuracy")
    }
    if diverged:
        metrics["val_loss"] = float("nan")
    observed = {
        name: {
            "direction": "max" if "acc" in name else "min",
            "observations": [{"value": [value], "step": 40}],
        }
        for name, value in ({} if crashed else metrics).items()
    }
    state = {
        "trial_id": name,
        "hyperparameters": {"space": _space(), "values": values},
        "metrics": {"metrics": observed},
        "score": None if crashed else metrics["val_loss"],
        "best_step": 0 if crashed else 40,
        "status": "FAILED" if crashed or diverged else "COMPLETED",
        "message": "Traceback (most recent call last):\nValueError: no" if crashed else None,
    }
    if not with_notes:
        return state
    run = {
        "execution": 0, "fold": 0, "status": "failed" if crashed else "completed",
        "message": state["message"], "best_epoch": None if crashed else 40,
        "metrics": {} if crashed else metrics, "authoritative": False, "seconds": 12.5,
        "started": "2026-01-01T00:00:00", "seed": chance.randrange(2**31), "lane": "stacked",
        "stack": "0",
    }  # fmt: skip
    return {**state, "auditor": {"read": list(SPACE), "runs": [run]}}


def _diverges(values):
    return values["learning_rate"] >= 0.3 and values["units"] >= 192


def _history(values, chance):
    """`history.csv` with full-length numbers: curves that fall, overfit, stay, or end in NaN."""
    rate, rise = (
        values["learning_rate"],
        0.002 * (values["units"] / 100) * (values["dropout"] < 0.2),
    )
    speed = min(0.2, rate * 3)
    bad_from = chance.randrange(3, 40) if _diverges(values) else EPOCHS
    lines = ["execution,fold,epoch,seconds,accuracy,learning_rate,loss,val_accuracy,val_loss"]
    for epoch in range(EPOCHS):
        learned = 1 - 1 / (1 + speed * epoch)
        loss = 0.69 - 0.5 * learned + chance.gauss(0, 0.004)
        val = 0.69 - 0.4 * learned + rise * max(0, epoch - 30) + chance.gauss(0, 0.008)
        if epoch >= bad_from:
            loss = val = float("nan")
        cells = (1 - loss, rate, loss, 1 - val, val)
        lines.append(f"0,0,{epoch},{chance.uniform(0.1, 0.2):.6f}," + ",".join(map(repr, cells)))
    return "\n".join(lines) + "\n"


def _write_chunks(path, chance):
    """`chunks.npy`: two metrics by chunk and epoch."""
    import numpy as np

    names = ("val_accuracy", "val_loss")
    kind = [(key, "<i4") for key in ("execution", "fold", "epoch")]
    records = np.zeros(EPOCHS, [*kind, *((name, "<f4", (CHUNKS,)) for name in names)])
    records["epoch"] = range(EPOCHS)
    for name in names:
        records[name] = chance.uniform(0.2, 0.7)
    np.save(path, records)


# The process that is measured


def audit(job):
    """Seconds of each stage of an audit."""
    clock = [time.perf_counter()]
    processor = time.process_time()

    def lap():
        clock.append(time.perf_counter())
        return clock[-1] - clock[-2]

    from auditor.outcomes import judge
    from auditor.readers import find
    from auditor.readers.cache import cached
    from auditor.scoring import score

    took = [lap()]
    trials = cached(find(job["path"])[0])
    took.append(lap())
    outcomes = judge(trials)
    took.append(lap())
    scores = score(trials, outcomes)
    took.append(lap())
    peak, processor = _peak(), time.process_time() - processor
    from auditor.attribution import attribute
    from auditor.diagnosis import diagnose

    diagnose(trials, outcomes, scores)
    took.append(lap())
    attribute(trials, outcomes)
    took.append(lap())
    problems = [problem.message for problem in trials.provenance.problems[:3]]
    return dict(zip(STAGES, took, strict=True)) | {
        "trials": len(trials.hyperparameters),
        "rows": len(trials.curves),
        "scored_mb": peak,
        "scored_cpu": processor,
        "problems": problems,
    }


def _peak():
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)


# Everything


def measure(case, folder, cache, repeat):
    """The least seconds of each stage, first and again."""
    found = {"first": [], "again": []}
    for _ in range(repeat):
        shutil.rmtree(cache, ignore_errors=True)
        for runs in found.values():
            environment = {"XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache)}
            runs.append(in_fresh_process(__file__, {"path": str(folder)}, environment))
    return {
        when: {
            **runs[0],
            **{key: min(run[key] for run in runs) for key in (*STAGES, "scored_mb", "scored_cpu")},
        }
        for when, runs in found.items()
    }


def show(name, case, found):
    """A line each for the first audit and the one after it."""
    for when, run in found.items():
        scored = sum(run[stage] for stage in SCORED)
        wanted = case.seconds if when == "first" else case.again
        target = f"{wanted:g} s" if wanted else ""
        if case.megabytes and when == "first":
            target += f", {case.megabytes:,.0f} MB"
        cells = "".join(f"{run[stage]:10.2f}" for stage in STAGES)
        cells += f"{scored:9.2f}{run['scored_cpu']:8.2f}{run['scored_mb']:8.0f}"
        print(f"{name:12}{when:6}{cells}  {target}")
    for problem in run["problems"]:
        print(f"{'':12}problem: {problem}")
    print(f"{'':12}{run['trials']:,} trials, {run['rows']:,} rows of curves", flush=True)


def main():
    """Print two lines per case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the size of each input")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for the inputs, used again if there")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        finish_job(audit(json.loads(options.job)))
        return
    heads = "".join(f"{stage:>10}" for stage in STAGES)
    print(f"{'case':12}{'':6}{heads}{'scored':>9}{'cpu':>8}{'MB':>8}  wanted")
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.case:
            folder = (options.keep or Path(temporary)) / f"{name}-{options.scale:g}"
            case = CASES[name]
            path = folder if folder.exists() else case.make(folder, options.scale)
            show(name, case, measure(case, path, Path(temporary, "cache"), options.repeat))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(Path(__file__).parents[1]))
    main()
