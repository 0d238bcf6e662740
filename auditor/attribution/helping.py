"""What helps: values that lowered the gap or improved the objective in this very sweep."""

from collections.abc import Iterator, Mapping

from auditor.attribution.cause import Condition, EvidenceLevel
from auditor.attribution.comparisons import Comparisons, Measured, compare
from auditor.attribution.design import Layout
from auditor.attribution.help import Help, Helping, NoEffect
from auditor.attribution.levels import Configurations, identity
from auditor.attribution.telling import advise, find_limits, tell
from auditor.files import Json
from auditor.outcomes import Outcomes
from auditor.scoring import Scores
from auditor.trials import Trials

MOST_ADVICE = 2
"""Helping values that are quoted to a trial that overfits."""


def find_help(
    trials: Trials,
    outcomes: Outcomes,
    scores: Scores,
    configurations: Configurations,
    layout: Layout,
) -> Helping:
    """What lowered the gap or improved the objective, and what did neither.

    Args:
        trials: What was observed.
        outcomes: From `auditor.outcomes.judge`.
        scores: From `auditor.scoring.score`.
        configurations: From `auditor.attribution.levels.encode`.
        layout: From `auditor.attribution.design.find_layout`.

    Example:
        >>> find_help(trials, outcomes, scores, configurations, layout).helps[0].sentence
        'dropout = 0.5 against 0.0: gap -0.045 [-0.107, +0.017], best val_loss -0.100 ...'
    """
    seen = compare(trials, outcomes, scores, configurations, layout)
    left_out = int((~seen.survived).sum())
    evidence = _evidence(layout, left_out)
    with_interval = layout.cells > 0 or layout.name == "random"
    helps = [
        _help(trials, seen, best, evidence, with_interval)
        for factor in range(len(configurations.factors))
        if (best := _best(seen, factor)) is not None
    ]
    helps.sort(key=lambda one: (-one.lowers_gap - one.improves, -one.lowers_gap))
    repeated = any(len(runs) > 1 for runs in trials.runs_of.values())
    return Helping(
        int(seen.survived.sum()),
        left_out,
        seen.tests,
        tuple(helps),
        tuple(_without_effect(seen)),
        tuple(find_limits(trials, seen, layout, helps, repeated)),
    )


def advice(helping: Helping, trials: Trials) -> Mapping[str, str]:
    """By trial, what lowered the gap of others that it does not do itself, in a sentence or two."""
    lower = [one for one in helping.helps if one.lowers_gap]
    found = {}
    for trial, values in trials.hyperparameters.items():
        concerned = [one for one in lower if _meets(values, one.against)][:MOST_ADVICE]
        if concerned:
            found[trial] = " ".join(advise(one, trials.objective.name) for one in concerned)
    return found


def _evidence(layout: Layout, left_out: int) -> EvidenceLevel:
    if layout.cells:
        return "but-for"
    # Who survives may depend on several hyperparameters at once: among survivors they are not
    # drawn independently any more.
    return "randomised" if layout.name == "random" and not left_out else "associated"


def _best(seen: Comparisons, factor: int) -> tuple[int, float] | None:
    """The comparison of a factor that helps most, and which way round; None where none helps."""
    found = []
    for place, contrast in enumerate(seen.contrasts):
        for sign in (1.0, -1.0) if contrast.factor == factor else ():
            lowers, improves = _lowers_gap(seen, place, sign), seen.objective.is_lower(place, sign)
            if lowers or improves:
                of = seen.gap if lowers else seen.objective
                gain = -sign * float(of.differences.effect[place])
                found.append((lowers + improves, lowers, gain, place, sign))
    return max(found)[3:] if found else None


def _lowers_gap(seen: Comparisons, place: int, sign: float) -> bool:
    """Whether a gap that is there becomes smaller, and not because less is learned."""
    against = seen.gap.means[1 if sign > 0 else 0, place]
    return (
        bool(against > 0)
        and seen.gap.is_lower(place, sign)
        and not seen.objective.is_higher(place, sign)
    )


def _help(
    trials: Trials,
    seen: Comparisons,
    best: tuple[int, float],
    evidence: EvidenceLevel,
    with_interval: bool,
) -> Help:
    place, sign = best
    factor, *sides = seen.contrasts[place]
    value, against = (seen.conditions[factor][side] for side in sides[:: int(sign)])
    turned = sign if trials.objective.direction == "min" else -sign
    gap, gap_interval = _effect(seen.gap, place, sign)
    objective, objective_interval = _effect(seen.objective, place, turned)
    size = int(seen.objective.differences.size[place])
    assert objective is not None
    made = Help(
        value,
        against,
        gap,
        gap_interval if with_interval else None,
        objective,
        objective_interval if with_interval else None,
        _lowers_gap(seen, place, sign),
        seen.objective.is_lower(place, sign),
        size if seen.paired else 0,
        2 * size if seen.paired else size,
        evidence,
        "",
    )
    return tell(made, trials.objective.name)


def _effect(
    measured: Measured, place: int, sign: float
) -> tuple[float | None, tuple[float, float] | None]:
    effect, half = sign * float(measured.differences.effect[place]), float(measured.half[place])
    # Not a number is unequal to itself.
    return (effect, (effect - half, effect + half)) if effect == effect else (None, None)


def _without_effect(seen: Comparisons) -> Iterator[NoEffect]:
    for factor, conditions in enumerate(seen.conditions):
        places = [i for i, contrast in enumerate(seen.contrasts) if contrast.factor == factor]
        gap, objective = seen.gap.detectable(places), seen.objective.detectable(places)
        told = any(
            seen.gap.is_different(place) or seen.objective.is_different(place) for place in places
        )
        if not told and (gap is not None or objective is not None):
            yield NoEffect(next(iter(conditions.values())).hyperparameter, gap, objective)


def _meets(values: Mapping[str, Json], condition: Condition) -> bool:
    if condition.hyperparameter not in values:
        return False
    value = values[condition.hyperparameter]
    match condition.operator:
        case "<=":
            return bool(value <= condition.value)
        case ">=":
            return bool(value >= condition.value)
    return identity(value) == identity(condition.value)
