"""Sweeps with a planted truth: a validation loss becomes NaN exactly where the test says so."""

from collections.abc import Callable, Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd

from auditor.attribution import attribute
from auditor.attribution.cause import Attribution, Cause
from auditor.files import Json
from auditor.outcomes import judge
from auditor.trials import (
    CURVE_COLUMNS,
    Context,
    Design,
    Hyperparameter,
    Objective,
    Recorded,
    Run,
    Trials,
)

Values = Mapping[str, Json]
Fails = Callable[[Values], bool]

GRID = {
    "lr": [0.01, 0.1, 1.0],
    "activation": ["relu", "tanh", "sigmoid"],
    "initializer": ["uniform", "normal"],
    "units": [16, 32],
    "dropout": [0.0, 0.5],
}
"""72 combinations."""

# Validation loss in epochs 0 to 3, against a no-skill loss of ln 2. Training falls all the while,
# unless nothing is learned.
CURVES = {
    "ok": [0.6, 0.5, 0.4, 0.3],
    "overfit": [0.4, 0.3, 0.6, 0.9],
    "never learned": [0.7, 0.7, 0.7, 0.7],
    "diverged": [0.6, np.nan, np.nan, np.nan],
    "crashed": [0.6],
    "pruned": [0.6, 0.5],
    "missing": [],
}
STATUS = {"crashed": "failed", "pruned": "pruned", "missing": "unfinished"}


def grid(**values: Iterable[Json]) -> list[Values]:
    """All combinations; those of `GRID` by default."""
    axes = values or GRID
    return [dict(zip(axes, combination, strict=True)) for combination in product(*axes.values())]


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def random_configurations(count: int, seed: int, bystanders: int = 6) -> list[Values]:
    """Random search over a learning rate in [1e-4, 1], an activation and bystanders."""
    random = np.random.default_rng(seed)
    return [
        {
            "lr": log_uniform(random, 1e-4, 1.0),
            "activation": str(random.choice(["relu", "tanh", "sigmoid"])),
            **{f"x{i}": float(random.uniform()) for i in range(bystanders // 2)},
            **{f"c{i}": str(random.choice(list("abc"))) for i in range(bystanders // 2)},
        }
        for _ in range(count)
    ]


def sweep(
    configurations: Iterable[Values],
    outcome: Callable[[Values], str | list[str]],
    sampler: str = "grid",
    space: Iterable[Hyperparameter] = (),
) -> Trials:
    """Trials whose runs end as told: one outcome per trial, or a list of one per execution."""
    hyperparameters = {f"{i:04}": values for i, values in enumerate(configurations)}
    recorded, rows = {}, []
    for trial, values in hyperparameters.items():
        ends = outcome(values)
        for execution, end in enumerate([ends] if isinstance(ends, str) else ends):
            recorded[Run(trial, execution)] = Recorded(STATUS.get(end, "completed"))
            rows += [
                (trial, execution, 0, epoch, metric, value)
                for epoch, val_loss in enumerate(CURVES[end])
                for metric, value in (
                    ("loss", 0.7 if end == "never learned" else 0.6 - 0.1 * epoch),
                    ("val_loss", val_loss),
                )
            ]
    return Trials(
        hyperparameters,
        recorded,
        pd.DataFrame(rows, columns=list(CURVE_COLUMNS)),
        Objective("val_loss"),
        tuple(space),
        Design(sampler),
        Context(no_skill_loss=float(np.log(2))),
    )


def diverging(
    fails: Fails, configurations: Iterable[Values] | None = None, sampler: str = "grid"
) -> Attribution:
    """The attribution of a sweep that diverges exactly where told."""
    some = grid() if configurations is None else configurations
    return explain(sweep(some, lambda v: "diverged" if fails(v) else "ok", sampler))


def explain(trials: Trials) -> Attribution:
    return attribute(trials, judge(trials))


def named(attribution: Attribution) -> list[str]:
    """The conditions of all causes, such as "lr == 1.0 & activation == sigmoid"."""
    return [conditions(cause) for cause in attribution.causes]


def conditions(cause: Cause) -> str:
    return " & ".join(f"{c.hyperparameter} {c.operator} {c.value}" for c in cause.conditions)


def rescues(cause: Cause) -> dict[str, tuple[int, int, int]]:
    return {r.hyperparameter: (r.rescued, r.tested, r.failing) for r in cause.rescues}
