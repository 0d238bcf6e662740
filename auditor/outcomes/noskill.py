"""What losses are measured against: the loss of knowing nothing."""

import math

import numpy as np

from auditor.outcomes.curves import finite
from auditor.outcomes.thresholds import DIVERGED_FACTOR, DIVERGED_FACTOR_UNKNOWN, RECOVERED_FACTOR
from auditor.outcomes.verdicts import Baseline
from auditor.trials import Run, Trials


def baseline(trials: Trials) -> Baseline:
    """The no-skill loss of the sweep, and the losses above which a run has exploded."""
    known = trials.context.no_skill_loss
    if known is not None and 0 < known < math.inf:
        source = trials.context.no_skill_from or "recorded with the trials"
        return Baseline(known, source, DIVERGED_FACTOR * known, RECOVERED_FACTOR * known)
    first = [value for run in trials.runs if (value := _first(trials, run)) is not None]
    typical = float(np.median(first)) if first else 0.0
    if typical <= 0:
        return Baseline(None, "unknown", math.inf)
    return Baseline(
        None,
        "unknown; explosions are measured against the median loss of the first epoch",
        DIVERGED_FACTOR_UNKNOWN * typical,
        RECOVERED_FACTOR * typical,
    )


def _first(trials: Trials, run: Run) -> float | None:
    for metric in ("val_loss", "loss"):
        values = finite(trials, run, metric).values
        if len(values):
            return float(values[0])
    return None
