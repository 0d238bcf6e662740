"""What values do to the generalization gap of trials that survived, and to how badly trials end."""

import math
from collections.abc import Iterator

import numpy as np
from scipy.stats import t as student

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import GapEffect
from auditor.attribution.chance import Floats, Mask
from auditor.attribution.effects import Unit
from auditor.attribution.failures import CENSORED
from auditor.attribution.intervals import CONFIDENCE, Z
from auditor.attribution.levels import Configurations
from auditor.outcomes import FAILURES, Outcome, Outcomes
from auditor.scoring import Scores
from auditor.trials import Trials

_GONE = (Outcome.NEVER_LEARNED, Outcome.DIVERGED, Outcome.CRASHED, *CENSORED)
"""Outcomes after which a gap says nothing on what was learned."""

_HALVINGS = 60
"""Steps of a search for the end of an interval in [0, 1]: beyond these, float64 knows no better."""


def find_gaps(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores,
    configurations: Configurations,
    atoms: Atoms,
    unit: Unit,
) -> tuple[GapEffect, ...]:
    """One effect per listed value, among trials that have its hyperparameter; in their order."""
    gaps = _gaps(trials, outcomes, scores, configurations)
    ends = [outcomes.by_trial[trial] for trial in configurations.trials]
    if len(gaps) == 0 or np.isnan(gaps[:, 0]).all():
        return ()
    severity = np.array([[end == o for o in (Outcome.OK, *FAILURES)] for end in ends], np.float64)
    return tuple(_effects(atoms, gaps, severity, unit))


def _gaps(
    trials: Trials, outcomes: Outcomes, scores: Scores, configurations: Configurations
) -> Floats:
    """Mean gap of the runs of each trial that learned, its variance over seeds, their number.

    A negative gap counts as zero, as in the score: training is then measured with what makes it
    harder, or on an earlier state of the model.
    """
    found = np.full((len(configurations.trials), 3), np.nan)
    for place, trial in enumerate(configurations.trials):
        runs = [run for run in trials.runs_of[trial] if outcomes.by_run[run].outcome not in _GONE]
        gaps = [max(0.0, gap) for run in runs if (gap := scores.by_run[run].gap) is not None]
        if gaps:
            several = len(gaps) > 1
            found[place] = np.mean(gaps), np.var(gaps, ddof=1) if several else np.nan, len(gaps)
    return found


def _effects(atoms: Atoms, gaps: Floats, severity: Floats, unit: Unit) -> Iterator[GapEffect]:
    survived = ~np.isnan(gaps[:, 0])
    for atom in np.flatnonzero(atoms.listed).tolist():
        met, there = atoms.met[:, atom], atoms.active[:, atom]
        inside, outside = met & survived, there & ~met & survived
        effect, interval = _difference(gaps, inside, outside, unit)
        worse, limits = _worse(severity[met].sum(axis=0), severity[there & ~met].sum(axis=0), unit)
        yield GapEffect(
            atoms.conditions[atom],
            *(int(inside.sum()), int(outside.sum()), effect, interval, worse, limits),
        )


def _difference(
    gaps: Floats, inside: Mask, outside: Mask, unit: Unit
) -> tuple[float | None, tuple[float, float] | None]:
    """Difference of mean gaps, with Welch's interval over trials or, on a grid, over seeds."""
    if not inside.any() or not outside.any():
        return None, None
    effect = float(gaps[inside, 0].mean() - gaps[outside, 0].mean())
    variances, freedoms = [], []
    for group in (gaps[inside], gaps[outside]):
        mean, variance, runs = group.T
        if unit == "runs":
            variances.append(float((variance / runs).sum()) / len(group) ** 2)
            freedoms.append(float((runs - 1).sum()))
        elif unit == "trials" and len(group) > 1:
            variances.append(float(mean.var(ddof=1)) / len(group))
            freedoms.append(len(group) - 1.0)
    total = sum(variances)
    if len(variances) < 2 or not total > 0:
        return effect, None
    freedom = total**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(total)
    return effect, (effect - half, effect + half)


def _worse(
    inside: Floats, outside: Floats, unit: Unit
) -> tuple[float | None, tuple[float, float] | None]:
    """Probability of ending worse with than without, from counts by severity; (severity,)."""
    m, n = float(inside.sum()), float(outside.sum())
    if not m or not n:
        return None, None
    milder = np.cumsum(outside) - outside
    found = float(inside @ (milder + outside / 2)) / (m * n)
    if unit != "trials":
        return found, None
    return found, (_end(found, 0.0, m, n), _end(found, 1.0, m, n))


def _end(found: float, limit: float, m: float, n: float) -> float:
    """End of the interval towards a limit: Newcombe's method 5 (2006), which holds at 0 and 1."""
    near, far = found, limit
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        more = (m + n) / 2 - 1
        spread = more * ((1 - middle) / (2 - middle) + middle / (1 + middle))
        variance = middle * (1 - middle) * (1 + spread) / (m * n)
        if abs(middle - found) <= Z * math.sqrt(variance):
            near = middle
        else:
            far = middle
    return near
