"""Tables of bench_scoring.py on the sweeps of `_small_sweeps`."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _choosing import BEST, interval, more, regret, sweep_of, weighted, worth
from _small_sweeps import DATA, FOLDS, SEEDS, name_of
from _tables import head, row

from auditor import read
from auditor.outcomes import UNREGULARISED, judge
from auditor.scoring import DEFAULT_GAP_PENALTY, score
from auditor.trials import Context, Objective

MILLI = 1000
ACCURACY = Objective("val_accuracy", "max")
SETTINGS = {
    "1 run": (1, 1),
    f"{SEEDS} seeds": (SEEDS, 1),
    f"{FOLDS} folds": (1, FOLDS),
    f"{SEEDS} seeds of {FOLDS} folds": (SEEDS, FOLDS),
}
"""Executions and folds that a score averages."""


class Measured(NamedTuple):
    """Per rule what became of each sweep; `split` is where the sweep comes from."""

    values: dict[str, np.ndarray]
    split: np.ndarray


def small_sweeps(folder):
    """All tables, of as many splits as are there."""
    found = {
        name: [read(path) for path in sorted(Path(folder).glob(f"{name_of(name)}-*[0-9]"))]
        for name in DATA
    }
    found = {name: sweeps for name, sweeps in found.items() if sweeps}
    many = {name: len(sweeps) for name, sweeps in found.items()}
    print(f"\nsmall data sets: sweeps of {FOLDS * SEEDS} runs per trial: {many}")
    single = {name: singles(sweeps) for name, sweeps in found.items()}
    losses = of(single, lambda s: (regret, s.loss), MILLI)
    show("regret of the test loss, thousandths", losses, relative=True)
    show("gap of the chosen model, thousandths", of(single, lambda s: (worth, s.gap), MILLI))
    classes = {name: sweeps for name, sweeps in found.items() if DATA[name].classes}
    by_loss = {name: single[name] for name in classes}
    show("regret of the test error, in %", of(by_loss, lambda s: (regret, s.error), 100))
    by_accuracy = {name: singles(sweeps, ACCURACY) for name, sweeps in classes.items()}
    show("the same, chosen by val_accuracy", of(by_accuracy, lambda s: (regret, s.error), 100))
    averages(found)


# One run per trial


def singles(sweeps, objective=None):
    """Each fold and seed of each sweep as a sweep of its own, with the number of its split."""
    found = []
    for split, trials in enumerate(sweeps):
        trials = replace(trials, objective=objective or trials.objective)
        for seed in range(SEEDS):
            for fold in range(FOLDS):
                found.append((split, sweep_of(part_of(trials, [seed], [fold]))))
    return found


def part_of(trials, executions, folds):
    """Trials with some of their runs only."""

    def kept(table):
        return table[table["execution"].isin(executions) & table["fold"].isin(folds)]

    known, series = trials.context, trials.context.series
    context = Context(
        label_counts=known.label_counts,
        target_variance=known.target_variance,
        no_skill_loss=known.no_skill_loss,
        series=kept(series[series["metric"] == UNREGULARISED]),
    )
    recorded = {
        run: told
        for run, told in trials.recorded.items()
        if run.execution in executions and run.fold in folds
    }
    return replace(trials, recorded=recorded, curves=kept(trials.curves), context=context)


def of(single, what, unit):
    """Per data set what `what` measures of each sweep, for all rules."""
    found = {}
    for name, sweeps in single.items():
        values = {}
        for rule in sweeps[0][1].choices:
            every = []
            for _, sweep in sweeps:
                measure, true = what(sweep)
                draws = np.arange(len(true))[None]
                every.append(unit * measure(sweep.choices[rule], draws, true)[0])
            values[rule] = np.array(every)
        found[name] = Measured(values, np.array([split for split, _ in sweeps]))
    return found


def show(title, found, base=BEST, relative=False):
    """Means by data set, and how much more that is than the base's: the mean, and its interval."""
    print(f"\n{title}: means, and the difference to {base!r} with its interval by split")
    head("rule", *found, "all")
    splits = np.concatenate([
        [f"{name} {split}" for split in measured.split] for name, measured in found.items()
    ])  # fmt: skip
    for rule in next(iter(found.values())).values:
        means = [f"{measured.values[rule].mean():.2f}" for measured in found.values()]
        added = np.concatenate([
            (measured.values[rule] - measured.values[base])
            / (measured.values[base].mean() if relative else 1)
            for measured in found.values()
        ])  # fmt: skip
        low, high = interval(more(added, 0 * added), splits)
        form = "+.0%" if relative else "+.2f"
        row(rule, *means, f"{added.mean():{form}} ({low:{form}} to {high:{form}})")


# Several runs per trial


def averages(found):
    """What it is worth to average seeds or folds, beside a penalty."""
    weights = (0.0, DEFAULT_GAP_PENALTY, 0.25, 1.0)
    measured = {}
    for name, sweeps in found.items():
        rows = [(split, configurations(trials, weights)) for split, trials in enumerate(sweeps)]
        values = {
            rule: np.array([MILLI * np.mean(regrets[rule]) for _, regrets in rows])
            for rule in rows[0][1]
        }
        measured[name] = Measured(values, np.arange(len(rows)))
    base = f"1 run, {BEST}"
    show("regret of the chosen configuration, mean test loss of its runs", measured, base, True)


def configurations(trials, weights):
    """Per setting and weight, the regrets of the configurations that are chosen."""
    scores = score(trials, judge(trials), 0.0)
    test = trials.matrix("test_loss").values
    reached = dict.fromkeys(trials.hyperparameters, 0.0)
    for place, run in enumerate(trials.runs):
        reached[run.trial_id] += test[place, scores.by_run[run].best_epoch] / (FOLDS * SEEDS)
    lowest, found = min(reached.values()), {}
    for words, (many_seeds, many_folds) in SETTINGS.items():
        for seeds in parts(SEEDS, many_seeds):
            for folds in parts(FOLDS, many_folds):
                part = part_of(trials, seeds, folds)
                outcomes = judge(part)
                for weight in weights:
                    best = next(iter(score(part, outcomes, weight).by_trial))
                    rule = f"{words}, {weighted(weight)}"
                    found.setdefault(rule, []).append(reached[best] - lowest)
    return found


def parts(total, size):
    """Numbers below the total, in groups of this size."""
    return [range(start, start + size) for start in range(0, total, size)]
