"""Whether a run ever did better than knowing nothing."""

import math

import numpy as np

from auditor.outcomes.curves import LOSSES, finite, smooth
from auditor.outcomes.thresholds import LEARNED_MARGIN, MIN_EPOCHS, OVERFIT_RISE
from auditor.outcomes.verdicts import Baseline, Outcome, RunOutcome
from auditor.trials import Run, Trials


def not_learned(trials: Trials, run: Run, reference: Baseline) -> RunOutcome | None:
    """The verdict on a run whose validation loss never got below the no-skill loss.

    NEVER_LEARNED; or OVERFIT where its training loss got there and left the validation loss behind
    by more than `OVERFIT_RISE`: it learned its training data by heart. None where it did learn, or
    where the no-skill loss or the validation loss is not known.
    """
    best = best_losses(trials, run)
    if reference.loss is None or "val_loss" not in best:
        return None
    needed = (1 - LEARNED_MARGIN) * reference.loss
    if best["val_loss"] < needed:
        return _only_for_a_moment(trials, run, reference.loss, needed)
    evidence = {f"best {m}": v for m, v in best.items()} | {"no-skill loss": reference.loss}
    parted = best["val_loss"] - OVERFIT_RISE * reference.loss
    if best.get("loss", math.inf) < min(needed, parted):
        return RunOutcome(
            Outcome.OVERFIT,
            f"training got below the no-skill loss {reference.loss:.4g}, validation never did",
            onset=_onset(trials, run, min(needed, parted)),
            evidence=evidence,
        )
    return RunOutcome(
        Outcome.NEVER_LEARNED,
        f"the best validation loss {best['val_loss']:.4g} is not {LEARNED_MARGIN:.1%} below the "
        f"no-skill loss {reference.loss:.4g}",
        evidence=evidence,
    )


def _only_for_a_moment(
    trials: Trials, run: Run, no_skill: float, needed: float
) -> RunOutcome | None:
    """NEVER_LEARNED where smoothed validation and training losses both stay at the no-skill loss.

    A single lucky epoch is noise; a model that learned shows it in its training loss too, or is
    still there at the end.
    """
    curves = {metric: finite(trials, run, metric).values for metric in ("val_loss", "loss")}
    if any(len(values) < MIN_EPOCHS for values in curves.values()):
        return None
    smoothed = {metric: float(smooth(values).min()) for metric, values in curves.items()}
    if min(smoothed.values()) < needed or curves["val_loss"][-1] < needed:
        return None
    return RunOutcome(
        Outcome.NEVER_LEARNED,
        f"but for single epochs, the losses are not {LEARNED_MARGIN:.1%} below the no-skill loss "
        f"{no_skill:.4g}",
        evidence={f"best smoothed {m}": v for m, v in smoothed.items()}
        | {"no-skill loss": no_skill},
    )


def best_losses(trials: Trials, run: Run) -> dict[str, float]:
    """The smallest finite value of each loss; what the tool recorded where there is no curve."""
    recorded = trials.recorded[run]
    best = {m: float(v.min()) for m in LOSSES if len(v := finite(trials, run, m).values)}
    # What a run returned in place of a history may be any number under the name of a loss.
    if best or recorded.authoritative:
        return best
    return {m: v for m, v in recorded.metrics.items() if m in LOSSES and math.isfinite(v)}


def _onset(trials: Trials, run: Run, level: float) -> tuple[int, int] | None:
    """From the first epoch to the one in which training had clearly left validation behind."""
    epochs, values = finite(trials, run, "loss")
    below = np.flatnonzero(values < level)
    return (int(epochs[0]), int(epochs[below[0]])) if len(below) else None
