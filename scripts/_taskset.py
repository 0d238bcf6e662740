"""Real random searches for bench_attribution.py: TaskSet (Metz et al. 2020), as tables.

A folder holds `trials.csv` (task, trial_id and eight hyperparameters) and per task
`curves_<task>.csv.gz` (trial_id, epoch, loss, val_loss), with 1,000 trials each.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from _planted import meets
from _tables import head, row

from auditor.attribution import attribute
from auditor.outcomes import Outcome, Outcomes, judge
from auditor.trials import (
    CURVE_COLUMNS,
    Context,
    Design,
    Objective,
    Recorded,
    Run,
    Trials,
    empty_curves,
)


def taskset(folder, sweeps):
    """Real random searches: what samples of them name, against all 1,000 trials."""
    head(
        "search", "diverged", "samples", "a cause names", "learning rates: 10, 50, 90 %", "covered"
    )
    for task, trials, outcomes in read_taskset(folder):
        diverged = np.array([o == Outcome.DIVERGED for o in outcomes.by_trial.values()])
        for size in (50, 200, 1000):
            samples = 1 if size == len(diverged) else max(1, sweeps // 20)
            found = sampled(trials, outcomes, diverged, size, samples)
            row(task, f"{diverged.mean():.0%}", f"{samples} of {size:,}", *found)


def sampled(trials, outcomes, diverged, size, samples):
    """What is named in samples of one size, and whether its interval covers the rate in all."""
    names, covered, claims, thresholds = Counter(), 0, 0, []
    table = {
        name: np.array([values[name] for values in trials.hyperparameters.values()])
        for name in next(iter(trials.hyperparameters.values()))
    }
    columns = {**table, "lr": table["learning_rate"]}
    for seed in range(samples):
        rows = np.sort(np.random.default_rng(seed).permutation(len(diverged))[:size])
        causes = attribute(*part_of(trials, outcomes, rows)).causes
        ours = [cause for cause in causes if cause.outcome == Outcome.DIVERGED]
        names.update(
            " & ".join(f"{c.hyperparameter} {c.operator}" for c in cause.conditions)
            for cause in ours
        )
        for cause in ours:
            met = meets(columns, cause.conditions)
            truth = diverged[met].mean() - diverged[~met].mean()
            low, high = cause.interval
            claims, covered = claims + 1, covered + (low <= truth <= high)
            thresholds += [c.value for c in cause.conditions if c.hyperparameter == "learning_rate"]
    named = ", ".join(f"{name} ({n})" for name, n in names.most_common(4)) or "nothing"
    low, middle, high = np.percentile(thresholds, [10, 50, 90]) if thresholds else [np.nan] * 3
    return named, f"{low:.2g} {middle:.2g} {high:.2g}", f"{covered} of {claims}"


def part_of(trials, outcomes, rows):
    """Some of the trials, without their curves, and what became of them."""
    kept = [list(trials.hyperparameters)[row] for row in rows]
    runs = {run: outcome for run, outcome in outcomes.by_run.items() if run.trial_id in {*kept}}
    some = Trials(
        {trial: trials.hyperparameters[trial] for trial in kept},
        {run: trials.recorded[run] for run in runs},
        empty_curves(),
        trials.objective,
        design=trials.design,
    )
    by_trial = {trial: outcomes.by_trial[trial] for trial in kept}
    return some, Outcomes(runs, by_trial, outcomes.baseline)


def read_taskset(folder):
    """Per task its name, its trials, and what they came to."""
    table = pd.read_csv(Path(folder, "trials.csv"))
    for task, rows in table.groupby("task"):
        curves = pd.read_csv(Path(folder, f"curves_{task}.csv.gz"), keep_default_na=False,
                             na_values=["nan", "NaN"])  # fmt: skip
        long = curves.melt(["trial_id", "epoch"], ["loss", "val_loss"], "metric", "value")
        long = long.assign(trial_id=long["trial_id"].astype(str), execution=0, fold=0)
        names = [name for name in rows.columns if name not in ("task", "trial_id")]
        values = dict(
            zip(rows["trial_id"].astype(str), rows[names].to_dict("records"), strict=True)
        )
        trials = Trials(
            values,
            {Run(trial): Recorded("completed") for trial in values},
            long[list(CURVE_COLUMNS)].astype({"value": float}),
            Objective("val_loss"),
            (),
            Design("random"),
            Context(no_skill_loss=float(np.log(2))),
        )
        yield task, trials, judge(trials)
