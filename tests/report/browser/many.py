"""A sweep of a size that pages must bear: 10,000 trials of 100 epochs."""

import numpy as np
import pandas as pd

from auditor.attribution.cause import Attribution
from auditor.auditing import Audit
from auditor.outcomes import judge
from auditor.scoring import score
from auditor.trials import CURVE_COLUMNS, Objective, Recorded, Run, Trials

TRIALS, EPOCHS = 10_000, 100


def many() -> Audit:
    """Judged and scored; rules and causes would take a while, and are tested elsewhere."""
    rng = np.random.default_rng(0)
    ids = [f"{i:05d}" for i in range(TRIALS)]
    rates = 10 ** rng.uniform(-5, 0, TRIALS)
    falls = np.exp(-np.arange(EPOCHS) * rates[:, None] * 10)
    train = 0.3 + 2 * falls + rng.normal(0, 0.01, falls.shape)
    validation = train + 0.05 + rng.normal(0, 0.01, falls.shape)
    train[::10] += 0.2  # dropout, say: validation is below training, and the gap negative
    cells = {
        "trial_id": np.repeat(ids, EPOCHS),
        "execution": 0,
        "fold": 0,
        "epoch": np.tile(np.arange(EPOCHS), TRIALS),
    }
    tables = [
        pd.DataFrame({**cells, "metric": metric, "value": values.ravel()})
        for metric, values in (("loss", train), ("val_loss", validation))
    ]
    trials = Trials(
        {trial: {"lr": float(rate)} for trial, rate in zip(ids, rates, strict=True)},
        {Run(trial): Recorded("completed", seconds=1.0) for trial in ids},
        pd.concat(tables)[list(CURVE_COLUMNS)],
        Objective("val_loss"),
    )
    outcomes = judge(trials)
    nothing = Attribution("unknown", 0, (), (), (), ())
    return Audit(trials, outcomes, score(trials, outcomes), (), (), nothing)
