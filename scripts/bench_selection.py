#!/usr/bin/env python
"""How well the luck of a search is measured, on sweeps whose truth is known.

    python scripts/bench_selection.py [--part rows executions time] [--sweeps 400]
        [--trials 12 72 300] [--rows 200 2000]

Prints the tables of docs/selection.md. Biases and regrets are in standard errors of a trial's own
mean loss. seen: by how much the winner looks better than it is, mean over the sweeps. left: what of
that the corrected estimate leaves, as a share of it. holds: share of the sweeps whose truth is in
the 95 % interval. best in set: share in which the truly best trial is among those that may be it.
Four hundred sweeps of 300 trials take one core a quarter of an hour or so for each design.
"""

import argparse
import resource
import time

import numpy as np
from _lucky import DESIGNS, learned, planted, trials_of
from _tables import head, row

from auditor.scoring import score
from auditor.selection import measure
from auditor.selection.executions import execution_luck
from auditor.trials import Run

SMALL = 0.25
"""Standard errors below which a bias is not worth a share of it."""


def main():
    """Run the parts that are asked for."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--part", nargs="+", default=["rows", "executions", "time"])
    arguments.add_argument("--sweeps", type=int, default=400)
    arguments.add_argument("--trials", nargs="+", type=int, default=[12, 72, 300])
    arguments.add_argument("--rows", nargs="+", type=int, default=[200, 2000])
    asked = arguments.parse_args()
    if "rows" in asked.part:
        rows_tables(asked)
    if "executions" in asked.part:
        executions_table(asked)
    if "time" in asked.part:
        times()


def rows_tables(asked):
    """Luck with the validation rows, on 16 parts of them."""
    for rows in asked.rows:
        for trials in asked.trials:
            print(f"\n{trials} trials, {rows:,} rows, 16 parts, {asked.sweeps} sweeps\n")
            names = ("design", "seen", "left", "holds", "regret", "told", "below", "best in set")
            head(*names, "set", "PBO")
            for design in DESIGNS:
                summary(design, [of_rows(design, trials, rows, i) for i in range(asked.sweeps)])


def of_rows(design, trials, rows, number):
    """What one sweep shows, and what is true of it."""
    sweep = planted(np.random.default_rng([number, trials, rows]), design, trials, rows)
    outcomes = learned(sweep.trials)
    found = measure(sweep.trials, outcomes, score(sweep.trials, outcomes))
    (luck,) = found.luck
    seen = sweep.trials.matrix("val_loss").values
    chosen = sweep.truth[np.arange(trials), seen.argmin(axis=1)]
    winner = int(found.winner)
    bias = chosen[winner] - found.objective
    regret = chosen[winner] - chosen.min()
    low, high = luck.optimism.interval
    unit = sweep.error
    return (
        (bias + sweep.shared) / unit,
        luck.optimism.value / unit,
        low <= bias <= high,
        regret / unit,
        luck.regret.value / unit,
        regret <= luck.regret.interval[1] + 1e-9,
        f"{int(chosen.argmin()):04d}" in luck.could_be_best,
        len(luck.could_be_best),
        luck.overfitting_probability,
    )


def summary(design, found):
    """One line."""
    bias, told, holds, regret, regret_told, below, kept, size, halves = np.mean(found, axis=0)
    error = np.std([f[0] - f[1] for f in found]) / np.sqrt(len(found))
    left = f"{(bias - told) / bias:+.2f} ± {2 * error / bias:.2f}" if bias > SMALL else "small"
    row(
        design, f"{bias:.2f}", left, f"{holds:.3f}", f"{regret:.2f}", f"{regret_told:.2f}",
        f"{below:.3f}", f"{kept:.3f}", f"{size:.1f}", f"{halves:.2f}",
    )  # fmt: skip


def executions_table(asked):
    """Luck of training, by executions; units are standard errors of a trial's mean."""
    print(f"\nexecutions, {asked.sweeps} sweeps\n")
    head("design", "trials", "executions", "seen", "left", "holds", "best in set", "set")
    for trials, executions in ((12, 2), (24, 5), (72, 3)):
        for design, effects in DESIGNS.items():
            if design != "noise by epoch":
                many = (of_executions(effects, trials, executions, i) for i in range(asked.sweeps))
                bias, told, holds, kept, size = np.mean(list(many), axis=0)
                left = f"{(bias - told) / bias:+.2f}" if bias > SMALL else "small"
                shown = (f"{bias:.2f}", left, f"{holds:.3f}", f"{kept:.3f}", f"{size:.1f}")
                row(design, trials, executions, *shown)


def of_executions(effects, trials, executions, number):
    """The same for executions with normal noise."""
    rng = np.random.default_rng([number, trials, executions])
    truth = effects(rng, trials)
    seen = truth + rng.normal(0, np.sqrt(executions), (executions, trials))
    means = seen.mean(axis=0)
    order = np.argsort(means)
    scores = {
        f"{i:04d}": {Run(f"{i:04d}", k): seen[k, i] for k in range(executions)} for i in order
    }
    luck = execution_luck(scores, means[order[0]], 1)
    bias = truth[order[0]] - means[order[0]]
    low, high = luck.optimism.interval
    kept = f"{int(truth.argmin()):04d}" in luck.could_be_best
    return bias, luck.optimism.value, low <= bias <= high, kept, len(luck.could_be_best)


def times():
    """Seconds and memory, of equal trials, the slowest case, and of different ones."""
    print("\nseconds\n")
    head("trials", "epochs", "design", "seconds", "peak MB")
    rng = np.random.default_rng(0)
    for trials, epochs, design in (
        *((72, 60, "equal"), (72, 60, "different"), (1000, 60, "equal")),
        *((10_000, 100, "different"), (10_000, 100, "equal")),
    ):
        sweep = large(rng, trials, epochs, 3.0 * (design == "different"))
        outcomes = learned(sweep)
        scores = score(sweep, outcomes)
        began = time.perf_counter()
        measure(sweep, outcomes, scores)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        row(f"{trials:,}", epochs, design, f"{seconds:.2f}", peak)


def large(rng, trials, epochs, differ):
    """Many trials by their parts alone."""
    parts = rng.normal(20, 1, (trials, 1, 16)) + rng.normal(0, 0.3, (trials, epochs, 16))
    parts += rng.normal(0, differ, (trials, 1, 1)) + np.exp(-np.arange(epochs) / 5)[:, None]
    return trials_of(parts.mean(axis=2), parts, (10,) * 16)


if __name__ == "__main__":
    main()
