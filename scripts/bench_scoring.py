#!/usr/bin/env python
"""What the gap penalty, its cap, smoothing, seeds and folds do to the model that a search chooses.

    python scripts/bench_scoring.py DATA [--small FOLDER [--train SPLITS]] [--draws 1000]

DATA is a folder with `taskset/` (curves_<task>.csv.gz: trial_id, epoch, loss, val_loss, test_loss;
Metz et al. 2020) and `nats_bench/curves.csv.gz` (Dong et al. 2021). FOLDER has sweeps of our own on
scikit-learn's small data sets; `--train 10` trains what is missing of ten splits of each, which
takes about half a minute of one core per sweep. The tables are those of docs/scoring.md.

regret: test loss of the chosen trial at its chosen epoch, less the lowest test loss of any trial of
the sub-sweep at any epoch. gap: validation less training loss at the chosen epoch. Rules see no
test data; scores, best epochs and caps are the package's own.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from _choosing import (
    BEST,
    FINAL,
    WEIGHTS,
    attainable,
    excess,
    expected,
    interval,
    more,
    regret,
    sweep_of,
    weighted,
    worth,
)
from _small_sweeps import train
from _small_tables import small_sweeps
from _tables import head, row
from bench_diagnosis import LN2, read, trials_of

from auditor.scoring import DEFAULT_GAP_PENALTY

SIZES = (30, 100, 300)
DEFAULT = weighted(DEFAULT_GAP_PENALTY)
MILLI = 1000
"""Losses are printed in thousandths."""
RESAMPLED = 500
"""How often the trials of a task are drawn anew."""


# TaskSet


def taskset(folder, draws):
    """Random sub-sweeps of the searches of TaskSet."""
    sweeps = {}
    for task, losses in read(folder):
        trials = trials_of(losses[..., :2], LN2, test_loss=losses[..., 2])
        sweeps[task] = sweep_of(trials)
    if not sweeps:
        raise SystemExit(f"no curves_<task>.csv.gz in {folder}")
    subs = {
        (task, size): sub_sweeps(len(sweep.loss), size, draws)
        for task, sweep in sweeps.items()
        for size in SIZES
    }
    every_rule(sweeps, subs)
    default_by_task(sweeps, subs)
    weights_by_task(sweeps, subs)


def sub_sweeps(trials, size, draws, seed=0):
    """So many random choices of trials, (draw, trial)."""
    generator = np.random.default_rng(seed)
    return np.array([generator.choice(trials, size, replace=False) for _ in range(draws)])


def every_rule(sweeps, subs):
    """Mean regret and gap over the tasks, for each rule."""
    print(f"\nTaskSet, mean of {len(sweeps)} tasks, thousandths of a nat: regret at {SIZES}, gap")
    head("rule", *(f"{size} trials" for size in SIZES), *(f"gap, {size}" for size in SIZES))
    for rule in next(iter(sweeps.values())).choices:
        found = {
            (kind, size): MILLI * np.mean([
                of(sweep.choices[rule], subs[task, size], values(sweep)).mean()
                for task, sweep in sweeps.items()
            ])
            for size in SIZES
            for kind, of, values in (("regret", regret, loss_of), ("gap", worth, gap_of))
        }  # fmt: skip
        row(rule, *(f"{found['regret', size]:.2f}" for size in SIZES),
            *(f"{found['gap', size]:.1f}" for size in SIZES))  # fmt: skip


def loss_of(sweep):
    return sweep.loss


def gap_of(sweep):
    return sweep.gap


def default_by_task(sweeps, subs):
    """The default beside the best epoch alone, task by task."""
    print(f"\n{DEFAULT} beside {BEST}: intervals by sub-sweep, and by trial")
    head("task", "trials", "regret", "with the penalty", "more", "by sub-sweep", "by trial",
         "gap", "less", "by sub-sweep", "by trial")  # fmt: skip
    for (task, size), draws in subs.items():
        sweep = sweeps[task]
        ours, theirs = sweep.choices[DEFAULT], sweep.choices[BEST]
        ends = [regret(c, draws, sweep.loss) for c in (ours, theirs)]
        gaps = [worth(c, draws, sweep.gap) for c in (ours, theirs)]
        each = np.arange(len(draws))
        regrets, widths = by_trial(sweep, size)
        row(task, size, f"{MILLI * ends[1].mean():.2f}", f"{MILLI * ends[0].mean():.2f}",
            f"{ends[0].mean() / ends[1].mean() - 1:+.1%}",
            percent(interval(excess(*ends), each)), percent(np.percentile(regrets, [2.5, 97.5])),
            f"{MILLI * gaps[1].mean():.1f}", f"{MILLI * (gaps[1] - gaps[0]).mean():.2f}",
            span(MILLI * interval(more(*gaps[::-1]), each)),
            span(MILLI * np.percentile(widths, [2.5, 97.5])))  # fmt: skip


def by_trial(sweep, size):
    """Share of regret that is added, and gap taken away, where all trials are drawn anew."""
    generator, many = np.random.default_rng(0), len(sweep.loss)
    everyone = generator.integers(many, size=(RESAMPLED, many))
    found = np.array([means(sweep, size, (BEST, DEFAULT), at) for at in everyone])
    return found[:, 1, 0] / found[:, 0, 0] - 1, found[:, 0, 1] - found[:, 1, 1]


def means(sweep, size, rules, at=slice(None)):
    """Of rules, (rule, 3): mean regret over all sub-sweeps of a size, gap, and regret by trial.

    The last is held against the best test loss of any trial at its best validation epoch: what the
    choice of the trial alone can win or lose.
    """
    best = attainable(sweep.loss)[at]
    lowest = expected(best, best, size)
    found = []
    for rule in rules:
        scores, epochs = (part[at] for part in sweep.choices[rule])
        loss, gap = (v[at][np.arange(len(scores)), epochs] for v in (sweep.loss, sweep.gap))
        reached = np.where(np.isfinite(loss), loss, np.inf)
        ours = expected(scores, loss, size)
        alone = ours - expected(reached, reached, size)
        found.append((ours - lowest, expected(scores, gap, size), alone))
    return np.array(found)


def weights_by_task(sweeps, subs):
    """What a weight costs, over all sub-sweeps there are, and where it costs most."""
    print(f"\nregret above that of {BEST!r}, all sub-sweeps: mean of tasks, and the worst task")
    head("weight", *(f"{size} trials: {what}" for size in SIZES for what in ("mean", "worst")),
         "worst upper end", "worst, thousandths", "worst, of the trial", "gap")  # fmt: skip
    rules = [BEST, *map(weighted, WEIGHTS)]
    found = np.array([[means(s, size, rules) for s in sweeps.values()] for size in SIZES])
    plain, others = found[:, :, :1], found[:, :, 1:]
    added, alone = (others / plain - 1)[..., 0], (others / plain - 1)[..., 2]
    for place, weight in enumerate(WEIGHTS):
        here = added[:, :, place]
        row(weight, *(f"{v:+.1%}" for at in here for v in (at.mean(), at.max())),
            f"{max(upper_end(sweeps[task], weight, subs[task, n]) for task, n in subs):+.1%}",
            f"{MILLI * (others - plain)[..., place, 0].max():.2f}",
            f"{alone[:, :, place].max():+.0%}",
            f"{others[..., place, 1].mean() / plain[..., 0, 1].mean() - 1:+.1%}")  # fmt: skip
    gaps_by_task(sweeps, (others / plain - 1)[..., 1])


def gaps_by_task(sweeps, added):
    """What weights do to the gap, task by task: the sizes with the least and the most of it."""
    print(f"\ngap above that of {BEST!r}, all sub-sweeps, task by task: over the sizes {SIZES}")
    head("weight", *sweeps)
    for place, weight in enumerate(WEIGHTS):
        row(weight, *(percent((at.max(), at.min())) for at in added[:, :, place].T))


def upper_end(sweep, weight, draws):
    """Of the paired interval, by sub-sweep, of the share of regret that a weight adds."""
    both = (regret(sweep.choices[rule], draws, sweep.loss) for rule in (weighted(weight), BEST))
    return interval(excess(*both), np.arange(len(draws)))[1]


def percent(ends):
    return f"{ends[0]:+.1%} to {ends[1]:+.1%}"


def span(ends, digits=2):
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"


# NATS-Bench


def nats(file):
    """All sub-sweeps of three runs of one length, where the test loss was kept throughout."""
    table = pd.read_csv(file)
    table = table[table["dataset"] == "cifar10-valid"]
    print("\nNATS-Bench, CIFAR-10: all sub-sweeps of three runs; loss in thousandths, errors in %")
    head("runs", "epochs", "rule", "regret", "regret, error", "gap")
    for (space, _), part in table.groupby(["space", "hp_epochs_budget"]):
        runs, epochs = part["run_id"].nunique(), int(part["epoch"].max())
        if runs < 4 or part["test_loss"].isna().any():
            continue
        sweep = sweep_of(image_trials(part, runs))
        draws = np.array(list(itertools.combinations(range(runs), 3)))
        for rule in (FINAL, BEST, DEFAULT, *map(weighted, (0.25, 1.0)), "best of 3-epoch means"):
            choice = sweep.choices[rule]
            row(f"{runs} ({space})", epochs, rule,
                f"{MILLI * regret(choice, draws, sweep.loss).mean():.2f}",
                f"{100 * regret(choice, draws, sweep.error).mean():.2f}",
                f"{MILLI * worth(choice, draws, sweep.gap).mean():.1f}")  # fmt: skip


def image_trials(table, runs):
    """Runs of ten classes; accuracies in percent become shares."""
    table = table.sort_values(["run_id", "epoch"], kind="stable")
    names = ["loss", "val_loss", "test_loss"]
    losses = table[names].to_numpy().reshape(runs, -1, 3)
    right = {
        metric: table[metric].to_numpy().reshape(runs, -1) / 100
        for metric in ("accuracy", "val_accuracy", "test_accuracy")
    }
    return trials_of(losses[..., :2], np.log(10), test_loss=losses[..., 2], **right)


def main():
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with taskset/ and nats_bench/")
    parser.add_argument("--small", type=Path, help="folder of sweeps on small data sets")
    parser.add_argument("--train", type=int, default=0, help="splits to train of each of these")
    parser.add_argument("--draws", type=int, default=1000, help="sub-sweeps of TaskSet")
    arguments = parser.parse_args()
    taskset(arguments.data / "taskset", arguments.draws)
    nats(arguments.data / "nats_bench" / "curves.csv.gz")
    if arguments.small:
        train(arguments.small, arguments.train)
        small_sweeps(arguments.small)


if __name__ == "__main__":
    main()
