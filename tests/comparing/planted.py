"""Sweeps whose truth is known: what a configuration is worth, and how much seeds differ."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from auditor.attribution.cause import Attribution
from auditor.auditing import Audit
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.trials import Context, Objective, Provenance, Recorded, Run, Trials, empty_curves

SEEDS = 0.02
"""Standard deviation of the objective between seeds."""

GRID = [
    {"lr": lr, "units": units, "dropout": dropout}
    for lr, units, dropout in product((0.001, 0.01, 0.1), (16, 64), (0.0, 0.2, 0.5, 0.8))
]


def sweep(
    seed: int,
    shift: float = 0.0,
    executions: int = 1,
    crashing: float = 0.0,
    values: list[Mapping[str, Any]] = GRID,
    direction: str = "min",
    **context: Any,
) -> Trials:
    """Trials without curves, of which each training is worth its configuration, a shift and luck.

    Args:
        seed: Of the luck.
        shift: Of all objectives.
        executions: Trainings per trial.
        crashing: Probability that a training crashes.
        values: The hyperparameters of each trial.
        direction: Of the objective.
        context: Of the trials.
    """
    rng = np.random.default_rng(seed)
    name = "val_loss" if direction == "min" else "val_accuracy"
    recorded = {}
    for number, values_of in enumerate(values):
        worth = 0.3 + values_of.get("dropout", 0.0) / 4 + values_of.get("units", 0) / 1000 + shift
        for execution in range(executions):
            value = worth + rng.normal(0, SEEDS)
            metrics = {name: value, name.removeprefix("val_"): value - 0.03}
            run = Run(f"{number:04d}", execution)
            crashed = rng.random() < crashing
            recorded[run] = (
                Recorded("failed", "out of memory")
                if crashed
                else Recorded("completed", best_epoch=3, metrics=metrics, score=value, seconds=2.0)
            )
    return Trials(
        {f"{number:04d}": values_of for number, values_of in enumerate(values)},
        recorded,
        empty_curves(),
        Objective(name, direction),  # type: ignore[arg-type]
        context=replace(Context(), **context),
        provenance=Provenance("somebody", path=f"sweeps/{seed}"),
    )


def quick(trials: Trials) -> Audit:
    """An audit without rules and causes: what is compared are results."""
    outcomes = judge(trials)
    nothing = Attribution("unknown", 0, (), (), (), ())
    return Audit(trials, outcomes, score(trials, outcomes), (), (), nothing)
