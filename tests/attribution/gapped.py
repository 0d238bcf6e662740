"""Sweeps with a planted gap and validation loss: one epoch of each run is recorded."""

from collections.abc import Callable, Iterable

import numpy as np

from auditor.attribution import explain
from auditor.attribution.help import Help, Helping
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.trials import Design, Objective, Recorded, Run, Trials, empty_curves
from tests.attribution.planted import Values

Truth = Callable[[Values], tuple[float, float]]
"""Gap and validation loss of a configuration, before noise; NaN for what diverges."""

NAN = (float("nan"), float("nan"))


def sweep(
    configurations: Iterable[Values],
    truth: Truth,
    seed: int = 0,
    noise: float = 0.03,
    sampler: str = "grid",
    runs: int = 1,
    draw: str = "normal",
) -> Trials:
    """Trials whose gap and loss are the truth and noise of its own each."""
    random = np.random.default_rng(seed)
    hyperparameters = {f"{i:04}": values for i, values in enumerate(configurations)}
    recorded = {}
    for trial, values in hyperparameters.items():
        for execution in range(runs):
            gap, loss = np.array(truth(values)) + noise * drawn(random, draw)
            if np.isnan(gap):
                recorded[Run(trial, execution)] = Recorded("failed")
                continue
            metrics = {"loss": loss - gap, "val_loss": loss}
            recorded[Run(trial, execution)] = Recorded("completed", best_epoch=3, metrics=metrics)
    design = Design(sampler)  # type: ignore[arg-type]  # parametrised by its name
    objective = Objective("val_loss")
    return Trials(hyperparameters, recorded, empty_curves(), objective, (), design)


def drawn(random: np.random.Generator, kind: str) -> np.ndarray:
    """Two numbers of variance about 1, from a normal or a heavy-tailed skewed distribution."""
    if kind == "normal":
        return random.normal(size=2)
    return (random.exponential(size=2) - 1) * random.choice([0.3, 1.0, 2.0])


def helping(trials: Trials) -> Helping:
    outcomes = judge(trials)
    return explain(trials, outcomes, score(trials, outcomes))[1]


def help_by(found: Helping) -> dict[str, Help]:
    return {one.value.hyperparameter: one for one in found.helps}
