"""What losses are measured against: the loss of knowing nothing."""

import math

import numpy as np
from numpy.typing import NDArray

from auditor.outcomes.accuracies import accuracy_of, share
from auditor.outcomes.measured import Measured
from auditor.outcomes.task import task_of
from auditor.outcomes.thresholds import (
    DIVERGED_FACTOR,
    DIVERGED_FACTOR_UNKNOWN,
    GUESSING_CLASSES,
    LEAST_ACCURACY,
    RECOVERED_FACTOR,
)
from auditor.outcomes.verdicts import Baseline
from auditor.trials import Trials, twin


def baseline(trials: Trials) -> Baseline:
    """The no-skill loss of the sweep, and the losses above which a run has exploded."""
    skill, start = _known(trials.context.no_skill_loss), _known(trials.context.untrained_loss)
    source = trials.context.no_skill_from or "recorded with the trials"
    if skill is None and start is None:
        task = task_of(Measured(trials))
        skill, source = task.chance_loss, f"inferred from {task.known_from}"
    if skill is not None or start is not None:
        # Where classes are rare or targets far from 0, training starts far above the no-skill loss.
        normal, words = max((skill or 0.0, _NO_SKILL), (start or 0.0, _UNTRAINED))
        source = source if skill is not None else f"unknown; explosions are {_MEASURED} {words}"
        return Baseline(
            skill,
            source,
            DIVERGED_FACTOR * normal,
            RECOVERED_FACTOR * normal,
            f"{DIVERGED_FACTOR:g} times {words}",
            _known(trials.context.training_no_skill_loss),
        )
    first = _first_losses(trials)
    typical = float(np.median(first)) if len(first) else 0.0
    if typical <= 0:
        return Baseline(None, "unknown", math.inf)
    factor, words = DIVERGED_FACTOR_UNKNOWN, _FIRST
    guessing = math.log(GUESSING_CLASSES)
    if DIVERGED_FACTOR * guessing < factor * typical and _classifies(trials):
        factor, typical, words = DIVERGED_FACTOR, guessing, _GUESSING
    return Baseline(
        None,
        f"unknown; explosions are {_MEASURED} {words}",
        factor * typical,
        RECOVERED_FACTOR * typical,
        f"{factor:g} times {words}",
    )


def least_no_skill(trials: Trials, reference: Baseline) -> float:
    """The no-skill loss, or the least that it can well be: 0 where nothing shows a cross-entropy.

    Chance among two classes is the least where it is not known: that of more costs more.
    """
    if reference.loss is not None:
        return reference.loss
    return math.log(2) if accuracy_of(trials) else 0.0


def _classifies(trials: Trials) -> bool:
    name = accuracy_of(trials)
    rights = [share(trials.column(metric).values) for metric in (name, twin(name)) if name]
    return any(np.nanmax(of, initial=0.0) >= LEAST_ACCURACY for of in rights)


_MEASURED = "measured against"
_NO_SKILL = "the no-skill loss"
_UNTRAINED = "the loss of an untrained model"
_FIRST = "the median loss of the first epoch"
_GUESSING = f"the loss of guessing among {GUESSING_CLASSES:,} classes"


def _known(loss: float | None) -> float | None:
    return loss if loss is not None and 0 < loss < math.inf else None


def _first_losses(trials: Trials) -> NDArray[np.float64]:
    """The first finite validation loss of each run, else training loss, of those that have one."""
    seen, first = Measured(trials), np.full(len(trials.runs), np.nan)
    for metric in ("loss", "val_loss"):
        curves = seen.finite(metric)
        there = curves.lengths > 0
        first[there] = curves.column.values[curves.column.bounds[:-1][there]]
    return np.asarray(first[~np.isnan(first)])
