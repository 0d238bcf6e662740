"""Sweeps of any size, whose figures are known without looking."""

import numpy as np
import pandas as pd
import pytest

from auditor.auditing import Audit, audit
from auditor.trials import CURVE_COLUMNS, Context, Design, Objective, Recorded, Run, Trials


def large(trials: int, epochs: int) -> Audit:
    """Trial n falls to 0.3 + n/trials; every tenth dies in epoch 4, every tenth ends early."""
    rng = np.random.default_rng(0)
    names = [f"{n:05d}" for n in range(trials)]
    epoch = np.arange(epochs)
    level = 0.3 + np.arange(trials) / trials
    loss = level[:, None] + 1.5 * np.exp(-epoch / 5) + rng.normal(0, 1e-3, (trials, epochs))
    loss[::10, 3:] = np.nan
    kept = np.ones((trials, epochs), bool)
    kept[5::10, epochs // 2 :] = False
    columns = {
        "trial_id": np.repeat(names, epochs)[kept.ravel()],
        "execution": 0,
        "fold": 0,
        "epoch": np.tile(epoch, trials)[kept.ravel()],
    }
    tables = [
        pd.DataFrame(columns | {"metric": metric, "value": (loss + more).ravel()[kept.ravel()]})
        for metric, more in (("loss", 0.0), ("val_loss", 0.05))
    ]
    lr = 10 ** rng.uniform(-5, 0, trials)
    values = {
        name: {"lr": float(lr[n]), "activation": ("relu", "tanh")[n % 2], "n": n % 3}
        for n, name in enumerate(names)
    }
    return audit(
        Trials(
            values,
            {Run(name): Recorded("completed", seconds=2.0) for name in names},
            pd.concat(tables)[list(CURVE_COLUMNS)],
            Objective("val_loss"),
            design=Design("random", 0, 1, epochs),
            context=Context(no_skill_loss=1.0, no_skill_from="made up"),
        )
    )


@pytest.fixture(scope="session")
def sixty() -> Audit:
    return large(60, 20)


@pytest.fixture(scope="session")
def many() -> Audit:
    return large(700, 150)
