#!/usr/bin/env python
"""How well runs that got worse, diverged or never learned are told from their curves.

    python scripts/bench_diagnosis.py PATH [--draws 10000]

PATH is a folder of curves of TaskSet (Metz et al. 2020), curves_<task>.csv.gz: trial_id, epoch,
loss, val_loss, test_loss, a binary cross-entropy. The product and the rules it is compared with see
loss and val_loss; the truth is the test loss. A run *learned* if its losses are finite, the best
val_loss is at most .685 and none is above 10 times the first. It *degraded* if its test loss,
averaged over five epochs, ends more than 5 % above its minimum. Then: the time that the processor
takes for 10,000 made-up runs, with and without accuracies, which other programs do not lengthen
much.
"""

import argparse
import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from auditor.diagnosis import diagnose
from auditor.outcomes import Outcome, judge, thresholds
from auditor.scoring import score
from auditor.trials import Context, Objective, Recorded, Run, Trials

LN2 = math.log(2)
WORSE = (Outcome.OVERFIT, Outcome.DEGRADED)
FIXED = "5-point smoothed last/min > 1.05"
"""The best rule known that sees no training curve: what the product must beat."""
STRIP = 5
"""Epochs of a training strip in Prechelt (1998)."""
DECIDING = ("OVERFIT_RISE", "OVERFIT_CONFIDENCE", "OVERFIT_WINDOW", "SMOOTHING", "OVERFIT_FLOOR")


# The rules that are compared, of (run, epoch) arrays of training and validation losses


def smooth(curves):
    """Means of five epochs, full windows only."""
    return sliding_window_view(curves, 5, axis=1).mean(axis=2)


def rise(curves):
    """By how much of its minimum a curve ends above it."""
    return curves[:, -1] / curves.min(axis=1) - 1


def loss_of_generalization(validation):
    """Per epoch, in percent, above the best until then."""
    return 100 * (validation / np.minimum.accumulate(validation, axis=1) - 1)


def quotient(training, validation):
    """Prechelt's PQ at the end of each strip: generalization lost per progress of training."""
    strips = sliding_window_view(training, STRIP, axis=1)
    progress = 1000 * (strips.mean(axis=2) / strips.min(axis=2) - 1)
    lost = loss_of_generalization(validation)[:, STRIP - 1 :]
    return (lost / np.maximum(progress, 1e-12))[:, ::STRIP]


def rising_strips(validation, many):
    """Whether validation rose over so many strips in succession, ever."""
    rose = np.diff(validation[:, ::STRIP], axis=1) > 0
    return sliding_window_view(rose, many, axis=1).all(axis=2).any(axis=1)


def out_of_patience(validation, patience):
    """Whether so many epochs passed without a new best one."""
    best = np.minimum.accumulate(validation, axis=1)
    return (best[:, patience:] == best[:, :-patience]).any(axis=1)


RULES = {
    FIXED: lambda _, val: rise(smooth(val)) > 0.05,
    "raw last/min > 1.05 (GL5 at the end)": lambda _, val: rise(val) > 0.05,
    "GL5 at any time": lambda _, val: (loss_of_generalization(val) > 5).any(axis=1),
    "PQ1 at the end of a strip": lambda loss, val: (quotient(loss, val) > 1).any(axis=1),
    "UP4": lambda _, val: rising_strips(val, 4),
    "UMLAUT: up while training is down": lambda loss, val: (
        (np.diff(val) > 0) & (np.diff(loss) < 0)
    ).any(axis=1),
    "patience of 5 epochs": lambda _, val: out_of_patience(val, 5),
    "SageMaker: (val - train)/train > .1": lambda loss, val: val[:, -1] / loss[:, -1] - 1 > 0.1,
}


# TaskSet


def read(path):
    """Per task its name and an array (run, epoch, loss): training, validation, test."""
    for file in sorted(path.glob("curves_*.csv.gz")):
        table = pd.read_csv(file).sort_values(["trial_id", "epoch"], kind="stable")
        losses = table[["loss", "val_loss", "test_loss"]].to_numpy()
        yield (
            file.name[len("curves_") : -len(".csv.gz")],
            losses.reshape(table["trial_id"].nunique(), -1, 3),
        )


def trials_of(losses, no_skill_loss, **others):
    """What an audit sees: training and validation, and other metrics, (run, epoch) each."""
    metrics = {"loss": losses[..., 0], "val_loss": losses[..., 1], **others}
    runs, epochs = losses.shape[:2]
    ids = [str(run) for run in range(runs)]
    curves = pd.DataFrame({
        "trial_id": np.tile(np.repeat(ids, epochs), len(metrics)),
        "execution": 0,
        "fold": 0,
        "epoch": np.tile(np.arange(epochs), len(metrics) * runs),
        "metric": np.repeat(list(metrics), runs * epochs),
        "value": np.concatenate([values.ravel() for values in metrics.values()]),
    })  # fmt: skip
    return Trials(
        {run: {} for run in ids},
        {Run(run): Recorded("completed") for run in ids},
        curves,
        Objective("val_loss"),
        context=Context(no_skill_loss=no_skill_loss),
    )


def kinds_of(losses):
    """What became of each run by the protocol: "nan", "exploded", "slow" or "learned"."""
    validation = losses[..., 1]
    with np.errstate(invalid="ignore"):
        exploded = (validation > 10 * validation[:, :1]).any(axis=1)
        slow = validation.min(axis=1) > 0.685
    finite = np.isfinite(losses).all(axis=(1, 2))
    return np.select([~finite, exploded, slow], ["nan", "exploded", "slow"], "learned")


def judged(tasks, no_skill_loss):
    """The outcomes of all runs, and where the no-skill loss came from."""
    found = [judge(trials_of(losses, no_skill_loss)) for _, losses in tasks]
    outcomes = np.array([o for each in found for o in each.by_trial.values()])
    known = [f"{each.baseline.loss or math.nan:.4f}" for each in found]
    return outcomes, Counter(known)


# Figures


def tally(found, true):
    """True and false positives, precision, recall and F1."""
    hits, false = int((found & true).sum()), int((found & ~true).sum())
    f1 = 2 * hits / max(found.sum() + true.sum(), 1)
    return hits, false, hits / max(hits + false, 1), hits / max(true.sum(), 1), f1


def difference(found, fixed, true, tasks, draws, seed=0):
    """95 % interval of the F1 that a rule has more than another: runs drawn anew within tasks."""
    generator = np.random.default_rng(seed)
    places = [np.flatnonzero(tasks == task) for task in np.unique(tasks)]
    gains = np.empty(draws)
    for draw in range(draws):
        drawn = np.concatenate([generator.choice(at, len(at)) for at in places])
        one, other = (tally(rule[drawn], true[drawn])[-1] for rule in (found, fixed))
        gains[draw] = one - other
    return np.percentile(gains, [2.5, 97.5])


def tuned_elsewhere(values, true, tasks):
    """A threshold on some values, for each task the one with the best F1 on all the others."""
    found = np.zeros(len(values), bool)
    for task in np.unique(tasks):
        here = tasks == task
        candidates = np.unique(values[~here])
        best = max(candidates, key=lambda v: tally(values[~here] > v, true[~here])[-1])
        found[here] = values[here] > best
    return found


def report(tasks, draws):
    """Print all that is measured on TaskSet."""
    every = np.concatenate([losses for _, losses in tasks])
    kind = np.concatenate([kinds_of(losses) for _, losses in tasks])
    task = np.repeat(np.arange(len(tasks)), [len(losses) for _, losses in tasks])
    learned = kind == "learned"
    training, validation, test = (every[learned][..., i] for i in range(3))
    true = rise(smooth(test)) > 0.05
    ours = {words: judged(tasks, loss) for words, loss in _CONTEXTS.items()}
    found = {words: np.isin(outcomes[learned], WORSE) for words, (outcomes, _) in ours.items()}
    found |= {name: rule(training, validation) for name, rule in RULES.items()}
    tuned = tuned_elsewhere(rise(smooth(validation)), true, task[learned])
    found["5-point, tuned on the other tasks"] = tuned

    print(f"{len(every)} runs, {learned.sum()} learned, {true.sum()} of them degraded")
    print(f"\n{'degraded':38} {'F1':>5} {'prec.':>6} {'recall':>6} {'true':>5} {'false':>5}"
          f"  F1 more than {FIXED!r}")  # fmt: skip
    for name, positive in found.items():
        hits, false, precision, recall, f1 = tally(positive, true)
        low, high = difference(positive, found[FIXED], true, task[learned], draws)
        print(f"{name:38} {f1:5.3f} {precision:6.2f} {recall:6.2f} {hits:5} {false:5}"
              f"  {low:+.3f} to {high:+.3f}")  # fmt: skip

    print("\nby task, none of whose labels chose a number:"
          f" {', '.join(f'{n} {getattr(thresholds, n):g}' for n in DECIDING)}")  # fmt: skip
    for place, (name, _) in enumerate(tasks):
        at = task[learned] == place
        parts = [f"{words} {tally(found[words][at], true[at])[-1]:.2f} "
                 f"({tally(found[words][at], true[at])[0]} true, "
                 f"{tally(found[words][at], true[at])[1]} false)"
                 for words in (next(iter(_CONTEXTS)), FIXED)]  # fmt: skip
        print(
            f"  {name:36} {at.sum():4} learned, {true[at].sum():2} degraded: F1 {'; '.join(parts)}"
        )

    for words, (outcomes, known) in ours.items():
        print(f"\n{words}: no-skill loss {', '.join(f'{k} ({n} tasks)' for k, n in known.items())}")
        for name, outcome, rate in (
            ("NaN runs called diverged", Outcome.DIVERGED, "nan"),
            ("explosions called diverged", Outcome.DIVERGED, "exploded"),
            ("learned runs called diverged", Outcome.DIVERGED, "learned"),
            ("learned runs called never learned", Outcome.NEVER_LEARNED, "learned"),
            ("slow runs called never learned", Outcome.NEVER_LEARNED, "slow"),
        ):
            many, of = (outcomes[kind == rate] == outcome).sum(), (kind == rate).sum()
            print(f"  {name:34} {many:5} of {of:5} ({many / of:.1%})")
        census = Counter(str(outcome) for outcome in outcomes)
        print(f"  census: {', '.join(f'{n} {name}' for name, n in census.most_common())}")


_CONTEXTS = {"auditor, ln 2 given": LN2, "auditor, nothing given": None}


def timed(runs=10_000, epochs=100, rows=5_000):
    """Print the processor's time for made-up runs, one in three of them overfitting."""
    generator = np.random.default_rng(0)
    epoch = np.arange(epochs)
    fall = 0.4 + 0.29 * np.exp(-epoch / generator.uniform(5, 40, (runs, 1)))
    climb = generator.choice([0, 0, 0.3], (runs, 1)) * np.maximum(epoch - 40, 0) / epochs
    noise = generator.normal(0, 0.005, (3, runs, epochs))
    losses = np.stack([fall - epoch / 1000 + noise[0], fall + climb + noise[1]], 2)
    # The accuracy stays where the loss climbs.
    errors = {"accuracy": losses[..., 0], "val_accuracy": fall + noise[2]}
    rights = {m: np.rint((1.1 - wrong).clip(0, 1) * rows) / rows for m, wrong in errors.items()}
    print(f"\n{runs:,} made-up runs of {epochs} epochs:")
    for what, others in (("losses", {}), ("losses and accuracies", rights)):
        trials = trials_of(losses, LN2, **others)
        begun = [time.process_time()]
        outcomes = judge(trials)
        begun.append(time.process_time())
        scores = score(trials, outcomes)
        begun.append(time.process_time())
        findings, _ = diagnose(trials, outcomes, scores)
        begun.append(time.process_time())
        parts = zip(("judge", "score", "diagnose"), np.diff(begun), strict=True)
        print(f"  {what}: {begun[-1] - begun[0]:.2f} s ("
              f"{', '.join(f'{name} {seconds:.2f}' for name, seconds in parts)}), "
              f"{len(findings):,} findings")  # fmt: skip


def main():
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="folder of curves_<task>.csv.gz")
    parser.add_argument("--draws", type=int, default=10_000, help="of the bootstrap")
    arguments = parser.parse_args()
    tasks = list(read(arguments.path))
    if not tasks:
        parser.error(f"no curves_<task>.csv.gz in {arguments.path}")
    report(tasks, arguments.draws)
    timed()


if __name__ == "__main__":
    main()
