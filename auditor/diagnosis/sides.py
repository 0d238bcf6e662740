"""Training against validation, in all epochs of all runs at once; what AUD019 to AUD022 share.

What they find is mostly a property of the split or of the code, which all trials share: one finding
speaks for all trials of which it is true.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from auditor.diagnosis.finding import Confidence, Evidence, Finding, Judged, Rule, Severity
from auditor.diagnosis.wording import names, needs_curves
from auditor.outcomes import MIN_EPOCHS, Finite, Outcome
from auditor.outcomes.curves import there
from auditor.trials import Column, Run


class Gaps(NamedTuple):
    """How far validation losses lie from training losses of the same moment.

    Keras averages a training loss over the epoch and measures the validation loss after it. At that
    moment the training loss is between those of this epoch and the next, whatever the shape of the
    curve; where it was measured again in inference mode it is known.

    Attributes:
        relative: (validation - training) / training; the last epoch of a run has no next one and
            is missing. NaN where a training loss is not positive.
        training: The training losses; (observation,).
        is_clean: Whether training losses were measured again; (run,).
    """

    relative: Finite
    training: NDArray[np.float64]
    is_clean: NDArray[np.bool_]


def gaps_above(seen: Judged) -> Gaps:
    """The gaps to the larger one of the two training losses: below it nothing is odd."""
    return _gaps(seen, np.maximum)


def gaps_below(seen: Judged) -> Gaps:
    """The gaps to the smaller one: above it nothing is odd."""
    return _gaps(seen, np.minimum)


def _gaps(seen: Judged, choose: np.ufunc) -> Gaps:
    training, validation = (seen.measured.finite(name).column for name in ("loss", "val_loss"))
    reference = there(_with_next(training, choose), validation).values
    clean = seen.measured.clean("loss")
    is_clean = np.diff(clean.bounds) > 0
    if is_clean.any():
        measured = there(clean, validation).values
        reference = np.where(is_clean[validation.run], measured, reference)
    keep = np.isfinite(reference)
    reference = reference[keep]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        relative = (validation.values[keep] - reference) / reference
    relative[(reference <= 0) | ~np.isfinite(relative)] = np.nan
    relative_to = validation.only(keep)._replace(values=relative)
    return Gaps(Finite(relative_to), reference, is_clean)


def _with_next(column: Column, choose: np.ufunc) -> Column:
    """One of each value and that of the next epoch of the run; NaN where there is none."""
    later = np.full(len(column.values), np.nan)
    later[:-1] = np.where(np.diff(column.epochs) == 1, column.values[1:], np.nan)
    ends = column.bounds[1:][np.diff(column.bounds) > 0]
    later[ends - 1] = np.nan
    return column._replace(values=choose(column.values, later))


def ranked(seen: Judged, places: Iterable[int]) -> list[int]:
    """Positions of runs, those of the best trial first."""
    order = {trial: rank for rank, trial in enumerate(seen.scores.by_trial)}
    runs = seen.trials.runs
    return sorted(places, key=lambda place: (order.get(runs[place].trial_id, len(order)), place))


def who(seen: Judged, runs: Sequence[Run]) -> str:
    """How a sentence starts that speaks for all trials of some runs, with numbers of the first."""
    first, trials = runs[0].trial_id, {run.trial_id for run in runs}
    if len(trials) == 1:
        return names(seen, first, {run: seen.outcomes.by_run[run] for run in runs})
    return f"{len(trials)} of {len(seen.trials.hyperparameters)} trials, such as trial {first}"


def needs_losses(seen: Judged) -> str | None:
    """For rules on the gap of the losses."""
    reason = needs_curves(seen)
    if reason is not None:
        return reason
    missing = [name for name in ("loss", "val_loss") if name not in seen.trials.metrics]
    if missing:
        return f"{' and '.join(missing)} was not recorded by epoch"
    if seen.trials.epochs < MIN_EPOCHS:
        return f"no run has {MIN_EPOCHS} epochs"
    if seen.trials.context.weighted_training:
        return "training rows were weighted and validation rows were not"
    return None


def losses_of(seen: Judged, run: Run, at: int) -> tuple[float, float]:
    """Training and validation loss of a run in its first (0) or last (-1) epoch."""
    place = seen.measured.places[run]
    training, validation = (
        seen.measured.finite(name).column.curve(place).values[at] for name in ("loss", "val_loss")
    )
    return float(training), float(validation)


def is_sound(seen: Judged, place: int) -> bool:
    """Whether losses of the run mean what they say: it did not explode."""
    verdict = seen.outcomes.by_run[seen.trials.runs[place]]
    return verdict.outcome != Outcome.DIVERGED and not verdict.recovered


def of_sides(
    rule: Rule,
    runs: Sequence[Run],
    sentence: str,
    evidence: Sequence[Evidence],
    severity: Severity,
    confidence: Confidence,
) -> Finding:
    """A finding that speaks for some runs."""
    trials = tuple(dict.fromkeys(run.trial_id for run in runs))
    return rule.finding(
        sentence,
        tuple(evidence),
        confidence,
        trials=trials,
        runs=tuple(runs),
        severity=severity,
    )
