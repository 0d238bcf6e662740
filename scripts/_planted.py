"""Sweeps with a planted truth for bench_attribution.py: what fails, and how it was searched."""

import re
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


# What fails: how often each configuration does, and what should be named for it


class Truth(NamedTuple):
    """What is planted.

    `rate` is of columns, by name; `causes` are regular expressions, since where a range is cut
    depends on the sample, one per cause.
    """

    name: str
    rate: Callable[[dict], np.ndarray]
    causes: tuple[str, ...] = ()

    @property
    def relevant(self):
        """The hyperparameters of the causes."""
        return {part.split()[0] for cause in self.causes for part in cause.split(" & ")}


def high(c):
    return c["lr"] >= 0.05


def sigmoid(c):
    return c["activation"] == "sigmoid"


def normal(c):
    return c["initializer"] == "normal"


def graded(c):
    """Thirds of the learning rates, on the logarithmic scale from 1e-4 to 1 or on the grid."""
    third = np.digitize(np.log10(c["lr"]), [-2.5, -1.5])
    return np.array([0.1, 0.4, 0.8])[third]


HIGH = r"lr (==|>=) \S+"
PAIR = rf"activation == sigmoid & {HIGH}"
SINGLE = "initializer == normal"


def nothing(rate):
    return Truth(f"nothing, {rate:.0%} fail", lambda c: np.full(len(c["lr"]), rate))


TRUTHS = {
    truth.name: truth
    for truth in (
        *map(nothing, (0.02, 0.1, 0.3)),
        Truth("single", high, (HIGH,)),
        Truth("single, 60 %", lambda c: 0.6 * high(c), (HIGH,)),
        Truth("threshold", lambda c: c["lr"] >= 0.005, (r"lr >= \S+",)),
        Truth("pair", lambda c: high(c) & sigmoid(c), (PAIR,)),
        Truth("pair + single", lambda c: high(c) & sigmoid(c) | normal(c), (PAIR, SINGLE)),
        Truth(
            "two pairs",
            lambda c: high(c) & sigmoid(c) | normal(c) & (c["dropout"] == 0.5),
            (PAIR, f"dropout == 0.5 & {SINGLE}"),
        ),
        Truth(
            "overlapping pairs",
            lambda c: high(c) & (sigmoid(c) | normal(c)),
            (PAIR, f"{SINGLE} & {HIGH}"),
        ),
        Truth("either of two", lambda c: high(c) | sigmoid(c), (HIGH, "activation == sigmoid")),
        Truth(
            "three-way",
            lambda c: high(c) & sigmoid(c) & normal(c),
            (f"activation == sigmoid & {SINGLE} & {HIGH}",),
        ),
        Truth(
            "XOR",
            lambda c: (c["units"] == 16) != (c["dropout"] == 0.0),
            ("dropout == 0.5 & units == 16", "dropout == 0.0 & units == 32"),
        ),
        Truth("graded", graded, (HIGH,)),
        Truth(
            "pair at 1/36",
            lambda c: (c["k0"] == "a") & (c["k1"] == "a"),
            ("k0 == a & k1 == a",),
        ),
    )
}


def flipped(truth, share):
    """The same with a share of the outcomes turned round."""
    name = f"{truth.name}, {share:.0%} flipped"
    return truth._replace(name=name, rate=lambda c: truth.rate(c) * (1 - 2 * share) + share)


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


def observe(columns, ends, sampler, kinds=(Outcome.DIVERGED,), space=()):
    """The trials, and outcomes as if judged; several kinds of failure take turns."""
    names = [f"{i:05}" for i in range(len(ends))]
    plain = {name: column.tolist() for name, column in columns.items()}
    rows = [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]
    rows = [{k: v for k, v in row.items() if v is not None} for row in rows]
    by_run, by_trial = {}, {}
    for i, (name, executions) in enumerate(zip(names, ends.tolist(), strict=True)):
        failure = kinds[i % len(kinds)]
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


# What was named


def text(cause):
    parts = [f"{c.hyperparameter} {c.operator} {c.value}" for c in cause.conditions]
    return " & ".join(sorted(parts))


def is_planted(name, truth):
    return any(re.fullmatch(cause, name) for cause in truth.causes)


def meets(columns, conditions):
    tests = {"==": np.equal, "<=": np.less_equal, ">=": np.greater_equal}
    found = np.ones(len(columns["lr"]), bool)
    for c in conditions:
        found &= tests[c.operator](columns[c.hyperparameter], c.value)
    return found
