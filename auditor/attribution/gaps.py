"""What values do to the generalization gap of trials that survived, and to how badly trials end."""

import math

import numpy as np
from scipy.stats import t as student

from auditor.attribution.atoms import Atoms
from auditor.attribution.cause import GapEffect
from auditor.attribution.chance import Floats, Mask
from auditor.attribution.effects import Unit
from auditor.attribution.ends import Ends, worse
from auditor.attribution.intervals import CONFIDENCE, Z

Effect = tuple[float | None, tuple[float, float] | None]
"""An effect and its interval."""


def find_gaps(ends: Ends, atoms: Atoms, unit: Unit) -> tuple[GapEffect, ...]:
    """One effect per listed value, among trials that have its hyperparameter; in their order."""
    if np.isnan(ends.gap).all():
        return ()
    survived = ~np.isnan(ends.gap)
    found = []
    for atom in np.flatnonzero(atoms.listed).tolist():
        met, there = atoms.met[:, atom], atoms.active[:, atom]
        inside, outside = met & survived, there & ~met & survived
        effect, interval = _difference(ends, inside, outside, unit)
        counts = ends.severity[met].sum(axis=0), ends.severity[there & ~met].sum(axis=0)
        found.append(
            GapEffect(
                atoms.conditions[atom],
                *(int(inside.sum()), int(outside.sum()), effect, interval),
                *_worse(*counts, unit),
            )
        )
    return tuple(found)


def _difference(ends: Ends, inside: Mask, outside: Mask, unit: Unit) -> Effect:
    """Difference of mean gaps, with Welch's interval over trials or, on a grid, over seeds."""
    if not inside.any() or not outside.any():
        return None, None
    effect = float(ends.gap[inside].mean() - ends.gap[outside].mean())
    variances, freedoms = [], []
    for group in (inside, outside):
        size, runs = int(group.sum()), ends.runs[group]
        if unit == "runs":
            variances.append(float((ends.variance[group] / runs).sum()) / size**2)
            freedoms.append(float((runs - 1).sum()))
        elif unit == "trials" and size > 1:
            variances.append(float(ends.gap[group].var(ddof=1)) / size)
            freedoms.append(size - 1.0)
    total = sum(variances)
    if len(variances) < 2 or not total > 0:
        return effect, None
    freedom = total**2 / sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(total)
    return effect, (effect - half, effect + half)


def _worse(inside: Floats, outside: Floats, unit: Unit) -> Effect:
    if not inside.any() or not outside.any():
        return None, None
    found, low, high = map(float, worse(inside[None], outside[None], Z))
    return found, None if unit is None else (low, high)
