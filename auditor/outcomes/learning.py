"""Whether a run ever did better than knowing nothing."""

import math

import numpy as np

from auditor.outcomes.curves import LOSSES
from auditor.outcomes.measured import Measured
from auditor.outcomes.thresholds import (
    CHANCE_LOSS,
    HARDLY_LEARNED,
    LEARNED_MARGIN,
    OVERFIT_RISE,
    PLATEAU_EPOCHS,
)
from auditor.outcomes.verdicts import Baseline, Outcome, RunOutcome


def not_learned(seen: Measured, run: int, reference: Baseline) -> RunOutcome | None:
    """The verdict on a run whose validation loss never got below the no-skill loss.

    NEVER_LEARNED; or OVERFIT where its training loss got there by `HARDLY_LEARNED`, and left the
    validation loss behind by more than `OVERFIT_RISE`. None where it did learn, or where the
    no-skill loss or the validation loss is not known. Training targets that vary less than those
    of validation, or classes that are rarer there, let a constant have a lower training loss: what
    is learned by heart is measured against that.
    """
    best = best_losses(seen, run)
    if reference.loss is None or "val_loss" not in best:
        return None
    needed = (1 - LEARNED_MARGIN) * reference.loss
    if best["val_loss"] < needed:  # in one epoch is enough: its weights are what is used
        return None
    evidence = {f"best {m}": v for m, v in best.items()} | {"no-skill loss": reference.loss}
    parted = best["val_loss"] - OVERFIT_RISE * reference.loss
    training = reference.loss if reference.training is None else reference.training
    evidence["no-skill training loss"] = training
    by_heart = min(parted, (1 - HARDLY_LEARNED) * training)
    if best.get("loss", math.inf) < by_heart:
        return RunOutcome(
            Outcome.OVERFIT,
            f"training got below the no-skill loss {training:.4g}, validation never did",
            onset=_onset(seen, run, min((1 - LEARNED_MARGIN) * training, parted)),
            evidence=evidence,
        )
    return RunOutcome(
        Outcome.NEVER_LEARNED,
        f"the best validation loss {best['val_loss']:.4g} is not {100 * LEARNED_MARGIN:.1f} % "
        f"below the no-skill loss {reference.loss:.4g}",
        evidence=evidence,
    )


def fell_back(seen: Measured, run: int, reference: Baseline, after: int = -1) -> RunOutcome | None:
    """DEGRADED where a run had learned, and lost all of it for the later half of its epochs.

    Means over several epochs do not show what was learned in one or two.

    Args:
        seen: What was observed.
        run: The position of the run.
        reference: The loss of knowing nothing.
        after: Only epochs later than this one (from 0) count: the last exploded one.
    """
    if reference.loss is None:
        return None
    back = (1 - CHANCE_LOSS) * reference.loss
    curves = {m: seen.finite(m).column.curve(run) for m in LOSSES}
    if not (curves["val_loss"].values[-1:] >= back).any():
        return None
    values = {m: c.values[c.epochs > after] for m, c in curves.items()}
    validation, training = values["val_loss"], values["loss"]
    late = max(PLATEAU_EPOCHS, len(validation) // 2)
    if len(validation) <= late or (len(training) and len(training) < late):
        return None
    best, end = float(validation.min()), float(np.median(validation[-late:]))
    is_back = all((of[-late:] >= back).all() for of in (validation, training))
    if not is_back or end < (1 + OVERFIT_RISE) * best:
        return None
    return RunOutcome(
        Outcome.DEGRADED,
        f"val_loss had come down to {best:.4g} and went back to the no-skill loss",
        evidence={"best val_loss": best},
    )


def best_losses(seen: Measured, run: int) -> dict[str, float]:
    """The smallest finite value of each loss; what the tool recorded where there is no curve."""
    recorded = seen.trials.recorded[seen.trials.runs[run]]
    curves = {metric: seen.finite(metric) for metric in LOSSES}
    best = {m: float(c.column.values[c.best[run]]) for m, c in curves.items() if c.lengths[run]}
    # What a run returned in place of a history may be any number under the name of a loss.
    if best or recorded.authoritative:
        return best
    return {m: v for m, v in recorded.metrics.items() if m in LOSSES and math.isfinite(v)}


def _onset(seen: Measured, run: int, level: float) -> tuple[int, int] | None:
    """From the first epoch to the one in which training had clearly left validation behind."""
    epochs, values = seen.finite("loss").column.curve(run)
    below = np.flatnonzero(values < level)
    return (int(epochs[0]), int(epochs[below[0]])) if len(below) else None
