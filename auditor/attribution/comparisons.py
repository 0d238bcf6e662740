"""Values of each hyperparameter against one another, among the trials that survived.

On a grid matched pairs are compared, which differ in one hyperparameter alone; elsewhere means,
with the other hyperparameters held equal in a linear model. All comparisons together are held to
one level of error (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import iqr
from scipy.stats import t as student

from auditor.attribution.atoms import find_cuts, find_sides, is_few, is_label
from auditor.attribution.cause import Condition
from auditor.attribution.chance import Floats, Mask
from auditor.attribution.design import Layout
from auditor.attribution.levels import ABSENT, Configurations, Factor
from auditor.attribution.thresholds import ALPHA, FEW_VALUES, POWER, WORTH
from auditor.contrasts import Contrast, Differences, adjusted, find_sets, matched
from auditor.outcomes import Outcome, Outcomes
from auditor.scoring import Scores
from auditor.trials import Trials

SURVIVED = (Outcome.OK, Outcome.OVERFIT, Outcome.DEGRADED, Outcome.NEVER_LEARNED)
"""Outcomes that leave a gap and an objective that can be compared."""


class Measured(NamedTuple):
    """What the comparisons show of one quantity, of which less is better.

    Attributes:
        differences: Effects with their errors; (contrast,).
        half: Half width of the intervals that hold for all comparisons at once; (contrast,).
        worth: Smallest effect worth telling.
        means: Mean of the one side, and of the other; (side, contrast).
    """

    differences: Differences
    half: Floats
    worth: float
    means: Floats

    def is_lower(self, place: int, sign: float) -> bool:
        """Whether the one side, or for -1 the other, is lower beyond doubt and by enough."""
        effect = sign * float(self.differences.effect[place])
        return bool(effect + self.half[place] < 0 and effect <= -self.worth)

    def is_higher(self, place: int, sign: float) -> bool:
        """Whether it is higher, as far as this comparison by itself shows."""
        effect, error, freedom, _ = (column[place] for column in self.differences)
        return bool(sign * effect > student.ppf(1 - ALPHA / 2, freedom) * error)

    def is_different(self, place: int) -> bool:
        """Whether there is any effect, of either sign and any size."""
        return bool(abs(self.differences.effect[place]) > self.half[place])

    def detectable(self, places: list[int]) -> float | None:
        """The effect that each of some comparisons would have shown; None where none could."""
        power = student.ppf(POWER, self.differences.freedom[places])
        seen = self.half[places] + power * self.differences.error[places]
        return None if np.isnan(seen).all() else float(np.nanmax(seen))


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Everything that is compared.

    Attributes:
        contrasts: The parts of a factor that are compared.
        conditions: By factor, what each part that is compared is.
        objective, gap: What they show of each.
        survived: Whether a trial is compared; (trial,).
        tests: Comparisons that could be made, of both quantities.
        paired: Whether they are of matched pairs.
        floored: Trials that are compared as if they knew nothing, because they ended worse.
    """

    contrasts: list[Contrast]
    conditions: tuple[Mapping[int, Condition], ...]
    objective: Measured
    gap: Measured
    survived: Mask
    tests: int
    paired: bool
    floored: int


def compare(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores,
    configurations: Configurations,
    layout: Layout,
) -> Comparisons:
    """Compare values with values: in matched pairs on a grid."""
    paired = layout.cells > 0
    objective, gap, floored = _values(trials, outcomes, scores, configurations)
    survived = ~np.isnan(objective)
    parts, conditions = _divide(configurations, survived)
    contrasts = _contrasts(conditions)
    sets = find_sets(configurations.codes)[survived] if paired else None
    # Where values were not drawn at random, one may follow another.
    positions = None if layout.name == "random" else _positions(configurations)[survived]
    shown = [_shown(parts, sets, positions, v[survived], contrasts) for v in (objective, gap)]
    tests = sum(int((~np.isnan(differences.effect)).sum()) for differences, *_ in shown)
    level = ALPHA / max(1, tests)
    of_objective, of_gap = (
        Measured(d, student.ppf(1 - level / 2, d.freedom) * d.error, WORTH * spread, means)
        for d, spread, means in shown
    )
    return Comparisons(
        contrasts, conditions, of_objective, of_gap, survived, tests, paired, floored
    )


def _values(
    trials: Trials, outcomes: Outcomes, scores: Scores, configurations: Configurations
) -> tuple[Floats, Floats, int]:
    """Objective (smaller is better) and gap of each trial; NaN for those that did not survive.

    How much worse than knowing nothing a loss is tells nothing on what helps, and a few that are
    wild would drown all others: such a trial counts as one that knows nothing, without a gap. The
    third result is their number.
    """
    sign = 1.0 if trials.objective.direction == "min" else -1.0
    objective = np.full(len(configurations.trials), np.nan)
    gap = objective.copy()
    for place, trial in enumerate(configurations.trials):
        score = scores.by_trial[trial]
        if outcomes.by_trial[trial] in SURVIVED and score.objective is not None:
            objective[place] = sign * score.objective
            gap[place] = np.nan if score.gap is None else score.gap
    objective[~np.isfinite(objective)] = np.nan
    no_skill = outcomes.baseline.loss if trials.objective.name == "val_loss" else None
    if no_skill is None:
        return objective, gap, 0
    worse = objective > no_skill
    return np.where(worse, no_skill, objective), np.where(worse, np.nan, gap), int(worse.sum())


def _divide(
    configurations: Configurations, survived: Mask
) -> tuple[NDArray[np.intp], tuple[Mapping[int, Condition], ...]]:
    """The part of each surviving trial by factor; and by factor what parts are compared."""
    parts = np.zeros((int(survived.sum()), len(configurations.factors)), np.intp)
    conditions: list[Mapping[int, Condition]] = []
    for place, factor in enumerate(configurations.factors):
        codes = configurations.codes[:, place]
        of_level, compared = _parts(factor, codes)
        # The last part, index -1, stands for trials without the hyperparameter.
        parts[:, place] = of_level[codes[survived]]
        conditions.append(compared if configurations.varied[place] else {})
    return parts, tuple(conditions)


def _parts(
    factor: Factor, codes: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Mapping[int, Condition]]:
    """The part of each level, and of absent ones; and what those parts are that are compared.

    Of numbers that hardly repeat the lowest third is compared with the highest.
    """
    levels = np.arange(len(factor.levels) + 1)
    if is_label(factor):
        return np.zeros_like(levels), {}
    if not factor.ordered or is_few(factor, codes):
        equal = {i: Condition(factor.name, "==", value) for i, value in enumerate(factor.levels)}
        return levels, equal if len(equal) <= FEW_VALUES else {}
    cuts = find_cuts(codes, len(factor.levels), 3)
    low, _ = find_sides(factor, cuts[0], listed=True)
    _, high = find_sides(factor, cuts[-1], listed=True)
    parts = np.append(np.searchsorted(cuts, levels[:-1], side="right"), len(cuts) + 1)
    return parts, {len(cuts): high.condition, 0: low.condition}


def _positions(configurations: Configurations) -> Floats:
    """Where trials stand on numbers that hardly repeat, from -1 to 1; NaN on all others."""
    found = np.full(configurations.codes.shape, np.nan)
    for place, factor in enumerate(configurations.factors):
        codes = configurations.codes[:, place]
        if factor.ordered and not is_few(factor, codes):
            there = codes != ABSENT
            found[there, place] = 2 * codes[there] / (len(factor.levels) - 1) - 1
    return found


def _contrasts(conditions: tuple[Mapping[int, Condition], ...]) -> list[Contrast]:
    return [
        Contrast(factor, part, against)
        for factor, compared in enumerate(conditions)
        for part in compared
        for against in compared
        if part > against
    ]


def _shown(
    parts: NDArray[np.intp],
    sets: NDArray[np.intp] | None,
    positions: Floats | None,
    values: Floats,
    contrasts: list[Contrast],
) -> tuple[Differences, float, Floats]:
    """What the contrasts show of some values, their spread, and the mean on either side."""
    known = ~np.isnan(values)
    parts, values = parts[known], values[known]
    if len(values) < 2 or not contrasts:
        nothing = np.full((4, len(contrasts)), np.nan)
        return Differences(*nothing), 0.0, nothing[:2]
    if sets is None:
        positions = None if positions is None else positions[known]
        differences = adjusted(parts, values, contrasts, positions)
    else:
        differences = matched(parts, sets[known], values, contrasts)
    means = np.full((2, len(contrasts)), np.nan)
    for place, (factor, *sides) in enumerate(contrasts):
        for side, part in enumerate(sides):
            some = values[parts[:, factor] == part]
            means[side, place] = some.mean() if len(some) else np.nan
    return differences, float(iqr(values, scale="normal")), means
