"""How the planted sweeps of bench_attribution.py were searched, and what an audit sees of them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from auditor.outcomes import Baseline, Outcome, Outcomes, RunOutcome
from auditor.trials import (
    Condition,
    Design,
    Hyperparameter,
    Objective,
    Recorded,
    Run,
    Trials,
    empty_curves,
)

GRID = {
    "lr": [0.001, 0.01, 0.1],
    "activation": ["relu", "tanh", "sigmoid"],
    "initializer": ["uniform", "normal"],
    "units": [16, 32],
    "dropout": [0.0, 0.5],
}
"""72 combinations."""


# Where: each makes columns for so many trials


def grid(random, trials=72, values=GRID):
    axes = np.meshgrid(*map(np.arange, map(len, values.values())), indexing="ij")
    return {
        name: np.array(levels)[axis.ravel()]
        for (name, levels), axis in zip(values.items(), axes, strict=True)
    }


def drawn(random, trials, bystanders=3):
    """A learning rate in [1e-4, 1], four hyperparameters of the grid, and bystanders."""
    rest = {name: random.choice(GRID[name], trials) for name in list(GRID)[1:]}
    columns = {"lr": 10 ** random.uniform(-4, 0, trials), **rest}
    for i in range(bystanders):
        name, kind = f"x{i}", i % 3
        columns[name] = random.uniform(size=trials) if kind else random.choice(list("abc"), trials)
    return columns


def six_by_six(random, trials):
    """Two of the bystanders have six values each."""
    six = {name: random.choice(list("abcdef"), trials) for name in ("k0", "k1")}
    return {**drawn(random, trials, 1), **six}


def correlated(share):
    """A bystander with this correlation to the logarithm of the learning rate."""

    def make(random, trials):
        columns = drawn(random, trials)
        z = (np.log10(columns["lr"]) + 2) / np.sqrt(16 / 12)
        columns["x1"] = share * z + np.sqrt(1 - share**2) * random.normal(size=trials)
        return columns

    return make


def aliased(random, trials):
    columns = grid(random)
    return {**columns, "decay": columns["lr"] / 10}


def labelled(random, trials):
    """A bystander with as many categories as would tell most trials apart."""
    columns = grid(random)
    return {**columns, "name": random.choice([f"n{i}" for i in range(30)], len(columns["lr"]))}


def take(columns, rows):
    return {name: column[rows] for name, column in columns.items()}


class Layout(NamedTuple):
    """A way to search."""

    name: str
    sampler: str
    make: Callable
    trials: int
    executions: int = 1
    stop: str = ""


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("grid", "grid", grid, 72),
        Layout("grid, 3 seeds", "grid", grid, 72, 3),
        Layout("grid, 10 % missing", "grid", grid, 72, 1, "missing"),
        Layout("grid, cut off", "grid", grid, 72, 1, "three in a row"),
        Layout("grid, aliased", "grid", aliased, 72),
        Layout("grid, 30 labels", "grid", labelled, 72),
        Layout("random", "random", drawn, 200),
        Layout("random, six by six", "random", six_by_six, 200),
        Layout("random, 3 seeds", "random", drawn, 100, 3),
        Layout("random, 1,000", "random", drawn, 1000),
        Layout("random, 10,000", "random", lambda r, n: drawn(r, n, 10), 10_000),
        Layout("correlated .4", "unknown", correlated(0.4), 200),
        Layout("correlated .8", "unknown", correlated(0.8), 200),
        Layout("adaptive", "adaptive", drawn, 200, 1, "adaptive"),
        Layout("Hyperband", "adaptive", drawn, 200, 1, "pruned"),
    )
}


def ends_of(layout, truth, random):
    """Columns, and how often each of the runs fails; (trial, execution), NaN where not known."""
    if layout.stop == "adaptive":
        return adapted(layout, truth, random)
    columns = layout.make(random, layout.trials)
    trials = len(columns["lr"])
    failed = random.random((trials, layout.executions)) < truth.rate(columns)[:, None]
    ends = failed.astype(float)
    order = random.permutation(trials)
    if layout.stop == "missing":
        kept = np.sort(order[: round(0.9 * trials)])
        return take(columns, kept), ends[kept]
    if layout.stop == "three in a row":
        columns, ends = take(columns, order), ends[order]
        row = np.convolve(ends[:, 0], np.ones(3), "valid")
        rows = np.arange(int(np.argmax(row == 3)) + 3 if (row == 3).any() else trials)
        return take(columns, rows), ends[rows]
    if layout.stop == "pruned":
        # Two thirds are stopped early, before half of their divergence would be seen.
        ends[random.random(ends.shape) < np.where(ends == 1, 1 / 3, 2 / 3)] = np.nan
    return columns, ends


def adapted(layout, truth, random):
    """A search that tries neighbours of what did well: small learning rates, and no failures."""
    pool = drawn(random, layout.trials)
    ends = np.zeros(layout.trials)
    for i in range(layout.trials):
        fine = np.flatnonzero(ends[:i] == 0)
        if i >= 20 and len(fine) and random.random() < 0.75:
            loss = (np.log10(pool["lr"][fine]) + 2.5) ** 2 + random.normal(size=len(fine)) ** 2
            parent = fine[np.argsort(loss)[random.integers(max(1, len(fine) // 5))]]
            for name, column in pool.items():
                if column.dtype.kind == "f" and len(np.unique(column)) > 2:
                    step = random.normal()
                    moved = (
                        column[parent] * 10 ** (0.3 * step)
                        if name == "lr"
                        else (column[parent] + 0.1 * step)
                    )
                    column[i] = np.clip(moved, 1e-4, 1)
                elif random.random() < 0.8:
                    column[i] = column[parent]
        ends[i] = random.random() < truth.rate(take(pool, [i]))[0]
    return pool, ends[:, None]


def observe(columns, ends, sampler, failures=None, space=()):
    """The trials, and outcomes as if judged; `failures` are what failing is, one per trial."""
    names = [f"{i:05}" for i in range(len(ends))]
    failures = failures or [Outcome.DIVERGED] * len(ends)
    plain = {name: column.tolist() for name, column in columns.items()}
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    rows = [{k: v for k, v in row.items() if v is not None} for row in rows]
    by_run, by_trial = {}, {}
    for name, executions, failure in zip(names, ends.tolist(), failures, strict=True):
        for execution, end in enumerate(executions):
            outcome = Outcome.PRUNED if end != end else failure if end else Outcome.OK
            by_run[Run(name, execution)] = RunOutcome(outcome, "")
        unknown = np.isnan(executions).any()
        most = failure if np.mean(executions) >= 0.5 else Outcome.OK
        by_trial[name] = Outcome.PRUNED if unknown else most
    trials = Trials(
        dict(zip(names, rows, strict=True)),
        {run: Recorded("completed") for run in by_run},
        empty_curves(),
        Objective("val_loss"),
        tuple(space),
        Design(sampler),
    )
    return trials, Outcomes(by_run, by_trial, Baseline(None, "", float("inf")))


def conditional(random):
    """Momentum exists below one optimizer only, and 0.9 of it fails."""
    opt = np.repeat(["sgd", "adam"], 24).astype(object)
    momentum = np.array([0.0, 0.9] * 12 + [None] * 24, object)
    columns = {"opt": opt, "momentum": momentum, "x": np.arange(48) // 2 % 12}
    space = (
        Hyperparameter("opt", "choice", ("sgd", "adam")),
        Hyperparameter("momentum", "float", conditions=(Condition("opt", ("sgd",)),)),
    )
    return columns, np.array([[float(m == 0.9)] for m in momentum]), space
