"""How trials ended: the gap of those that survived, and where all of them stand from ok to crashed.

Ends are ordered, not measured: they are compared by the probability that one of some trials ends
worse than one of others (Brunner, Konietschke, Bathke and Pauly 2017). Its interval counts a few
trials more in each group than there are, as Agresti and Caffo (2000) do for rates, so that it holds
where all end alike.
"""

from typing import NamedTuple

import numpy as np

from auditor.attribution.chance import Floats
from auditor.attribution.effects import Unit
from auditor.attribution.failures import CENSORED
from auditor.attribution.levels import Configurations
from auditor.outcomes import FAILURES, Outcome, Outcomes
from auditor.scoring import Scores
from auditor.trials import Run, Trials

_GONE = (Outcome.NEVER_LEARNED, Outcome.DIVERGED, Outcome.CRASHED, *CENSORED)
"""Outcomes after which a gap says nothing on what was learned."""

_SEVERITY = (Outcome.OK, *FAILURES)
"""From best to worst."""

_ROUNDING = 1e-9
"""Share of the objective below which a gap is none: metrics are kept in 32 bits."""

_MORE = 2.0
"""Trials that are added to each group, spread evenly over all ends."""


class Ends(NamedTuple):
    """How each trial ended.

    Attributes:
        gap: Mean gap of its runs that learned; NaN where none did; (trial,). A negative gap counts
            as zero, as in the score: training is then measured with what makes it harder, or on an
            earlier state of the model.
        variance: Its variance over seeds; NaN with a single run; (trial,).
        runs: Number of these runs; (trial,).
        severity: By how a trial or, where intervals are over seeds, its runs ended, from ok to
            crashed: how many; zero where it is not known; (trial, severity).
    """

    gap: Floats
    variance: Floats
    runs: Floats
    severity: Floats


def find_ends(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores,
    configurations: Configurations,
    unit: Unit,
) -> Ends:
    """The ends of all trials that were started."""
    found = np.full((3, len(configurations.trials)), np.nan)
    severity = np.zeros((len(configurations.trials), len(_SEVERITY)))
    for place, trial in enumerate(configurations.trials):
        ends = [outcomes.by_run[run].outcome for run in trials.runs_of[trial]]
        known = ends if unit == "runs" else [outcomes.by_trial[trial]]
        severity[place] = [known.count(end) for end in _SEVERITY]
        gaps = [
            gap
            for run, end in zip(trials.runs_of[trial], ends, strict=True)
            if end not in _GONE and (gap := _gap(scores, run)) is not None
        ]
        if gaps:
            variance = np.var(gaps, ddof=1) if len(gaps) > 1 else np.nan
            found[:, place] = np.mean(gaps), variance, len(gaps)
    return Ends(found[0], found[1], found[2], severity)


def _gap(scores: Scores, run: Run) -> float | None:
    score = scores.by_run[run]
    if score.gap is None or score.objective is None:
        return None
    return score.gap if score.gap > _ROUNDING * abs(score.objective) else 0.0


def worse(more: Floats, less: Floats, z: float) -> tuple[Floats, Floats, Floats]:
    """Probability that one of some trials ends worse than one of others; lower and upper end.

    Equal ends count half, and groups on one side count alike.

    Args:
        more: Counts by severity; (group, ..., severity).
        less: The same of the others.
        z: Half width of the interval in standard errors.
    """
    found, _ = _worse(more, less, 0.0)
    middle, error = _worse(more, less, _MORE)
    low, high = np.minimum(found, middle - z * error), np.maximum(found, middle + z * error)
    return found, np.maximum(low, 0.0), np.minimum(high, 1.0)


def _worse(more: Floats, less: Floats, added: float) -> tuple[Floats, Floats]:
    """The probability and its standard error, with so many trials added to each group."""
    sizes = [side.sum(axis=-1) + added for side in (more, less)]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [
            (side + added / side.shape[-1]) / size[..., None]
            for side, size in zip((more, less), sizes, strict=True)
        ]
    means = [share.mean(axis=0) for share in shares]
    variance = np.zeros(means[0].shape[:-1])
    for share, size, others in zip(shares, sizes, means[::-1], strict=True):
        milder = np.cumsum(others, axis=-1) - others / 2
        spread = (share * milder**2).sum(axis=-1) - (share * milder).sum(axis=-1) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = variance + (spread / size).sum(axis=0) / len(share) ** 2
    below = np.cumsum(means[1], axis=-1) - means[1] / 2
    return (means[0] * below).sum(axis=-1), np.sqrt(np.maximum(variance, 0))
