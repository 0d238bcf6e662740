"""Examples of the rules on the luck of the search."""

import numpy as np

from auditor.trials import Chunks, Run, Trials
from tests.diagnosis.examples.example import FLAT, Example
from tests.making import sweep


def parts(gain: float, trials: int = 4) -> Trials:
    """Trials on 16 parts of 160 rows, their noise about .1, the first better by so much."""
    losses = 0.5 + np.random.default_rng(4).normal(0, 0.1, (trials, 16))
    losses[0] -= gain
    curves, values = {}, {}
    for i, row in enumerate(losses):
        by_epoch = np.array([row + 0.2, row])
        run = Run("abcdefgh"[i])
        curves[run] = {name: by_epoch.mean(axis=1).tolist() for name in ("loss", "val_loss")}
        values[run] = {"val_loss": by_epoch.astype(np.float32)}
    return sweep(curves, chunks=Chunks({0: (10,) * 16}, values))


ONCE = sweep({"a": FLAT, "b": FLAT})

EXAMPLES = {
    "AUD052": Example(
        parts(0.02),
        "trial b is not told from 3 other trials of 4 by 160 validation rows: c, a, d",
        parts(0.4),
        (
            (ONCE, "how large the noise is was not recorded"),
            (sweep({"a": FLAT}), "nothing to pick"),
        ),
    ),
}
