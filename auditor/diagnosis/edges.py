"""AUD051: the best trials stand at the end of what was tried, and it still gets better there."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from auditor.contrasts import Contrast, adjusted, find_sets, matched
from auditor.diagnosis.axes import (
    LEAST_VALUES,
    MOST_VALUES,
    RANGE_PARTS,
    Axis,
    Floats,
    Parts,
    find_factors,
)
from auditor.diagnosis.finding import Evidence, Finding, Judged, Rule
from auditor.diagnosis.wording import count, number, percent
from auditor.outcomes import Outcome

LEAST_TRIALS = 15
"""Trials with a result below which no end can be told from chance: five of each of three values."""

BEST_SHARE = 0.1
"""Share of the trials that count as the best, at least three of them."""

AT_THE_END = 0.5
"""Share of the best trials that must stand at the end, for it to be where the best ones are."""

SURE = 0.05
"""Largest probability of finding an end better than what is beside it anywhere by chance."""


class _End(NamedTuple):
    """One end of an axis: its last part, and the one beside it."""

    axis: Axis
    factor: int
    upper: bool
    part: int
    beside: int


def _needs(seen: Judged) -> str | None:
    trials, losses = _results(seen)
    if len(trials) < LEAST_TRIALS:
        return f"fewer than {LEAST_TRIALS} trials have a result"
    if not any(isinstance(factor, Axis) for factor in find_factors(seen, trials)):
        return f"no hyperparameter has {LEAST_VALUES} different numbers"
    return None if np.isfinite(losses).any() else "all trials diverged"


def _check(seen: Judged) -> Iterator[Finding]:
    trials, losses = _results(seen)
    factors = list(find_factors(seen, trials))
    parts = np.stack([f.parts if isinstance(f, Axis) else f for f in factors], axis=1)
    ranks = rankdata(losses)
    best = np.argsort(ranks, kind="stable")[: max(3, math.ceil(BEST_SHARE * len(ranks)))]
    ends = list(_ends(factors))
    outward = [e for e in ends if _holds_best(e, parts, best)]
    for end, p in zip(outward, _chances(outward, parts, ranks), strict=True):
        if p * len(ends) < SURE:
            yield _finding(seen, end, parts, losses, best, p * len(ends))


def _results(seen: Judged) -> tuple[list[str], Floats]:
    """Trials that show how good they are, and their objective, of which less is better."""
    sign = 1.0 if seen.trials.objective.direction == "min" else -1.0
    found = dict[str, float]()
    for trial, outcome in seen.outcomes.by_trial.items():
        value = seen.scores.by_trial[trial].objective
        if outcome in (Outcome.DIVERGED, Outcome.CRASHED):
            found[trial] = math.inf  # worse than any other
        elif value is not None and math.isfinite(value) and outcome != Outcome.PRUNED:
            found[trial] = sign * value
    return list(found), np.array(list(found.values()))


def _ends(factors: Sequence[Axis | Parts]) -> Iterator[_End]:
    for factor, axis in enumerate(factors):
        if isinstance(axis, Axis):
            last = len(axis.edges) - 2 if len(axis.edges) else len(axis.levels) - 1
            if not axis.naturals[0]:
                yield _End(axis, factor, False, 0, 1)
            if not axis.naturals[1]:
                yield _End(axis, factor, True, last, last - 1)


def _chances(ends: Sequence[_End], parts: Parts, ranks: Floats) -> Floats:
    """The probability that each end is this much better than what is beside it by chance.

    In matched pairs where there are, else with other hyperparameters held equal in a linear model.
    """
    if not ends:
        return np.empty(0)
    contrasts = [Contrast(end.factor, end.part, end.beside) for end in ends]
    pairs = matched(parts, find_sets(parts), ranks, contrasts)
    model = adjusted(parts, ranks, contrasts)
    effect, error, freedom, _ = (
        np.where(np.isnan(pairs.effect), other, own)
        for own, other in zip(pairs, model, strict=True)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        p = student.cdf(effect / error, freedom)
    return np.asarray(np.nan_to_num(p, nan=1.0))


def _holds_best(end: _End, parts: Parts, best: Parts) -> bool:
    """Whether the best trials are there; of a part of a range, in its outer half."""
    inside = parts[best, end.factor] == end.part
    if inside.mean() < AT_THE_END:
        return False
    if not len(end.axis.edges):
        return True
    middle = (end.axis.edges[end.part] + end.axis.edges[end.part + 1]) / 2
    places = end.axis.places[best][inside]
    return bool(np.median(places) > middle if end.upper else np.median(places) < middle)


def _finding(
    seen: Judged, end: _End, parts: Parts, losses: Floats, best: Parts, p: float
) -> Finding:
    axis, objective = end.axis, seen.trials.objective
    sign = 1.0 if objective.direction == "min" else -1.0
    column = parts[:, end.factor]
    there, beside = (
        sign * float(np.median(losses[column == part])) for part in (end.part, end.beside)
    )
    holding = int((column[best] == end.part).sum())
    sentence = (
        f"{holding} of the best {count(len(best), 'trial')} have {_where(end)}, and "
        f"{objective.name} still gets better towards that end: its median is {number(there)} "
        f"there, {number(beside)} beside it"
    )
    beyond = "above" if end.upper else "below"
    known = seen.trials.design.sampler in ("grid", "random")
    return EDGE.finding(
        sentence,
        (
            Evidence("share of the best trials at the end", holding / len(best), "", AT_THE_END),
            Evidence(f"median {objective.name} at the end", there),
            Evidence(f"median {objective.name} beside it", beside),
            Evidence("p that it is no better, times the ends compared", p, "", SURE),
        ),
        "medium" if known else "low",
        remedy=f"Try values of {axis.name} {beyond} {number(axis.limit(end.upper))}. {EDGE.remedy}",
    )


def _where(end: _End) -> str:
    axis = end.axis
    which = "largest" if end.upper else "smallest"
    if not len(axis.edges):
        value = number(axis.limit(end.upper))
        return f"{axis.name} = {value}, the {which} of {len(axis.levels)} values"
    edge = number(axis.value(axis.edges[end.part if end.upper else end.part + 1]))
    way = (">=", "upper") if end.upper else ("<=", "lower")
    return f"{axis.name} {way[0]} {edge}, the {way[1]} end of its range"


EDGE = Rule(
    code="AUD051",
    title="Best value at the end of its range",
    severity="tip",
    needs=_needs,
    check=_check,
    detected=f"For numbers of at least {LEAST_VALUES} different values: at least "
    f"{percent(AT_THE_END)} of the best {percent(BEST_SHARE)} of the trials (at least three) have "
    f"the outermost value or, of more than {MOST_VALUES} values, lie in the outer half of the "
    f"outermost of {RANGE_PARTS} equal parts of the range. And the trials there rank better than "
    f"those beside it with p below {number(SURE)} over all ends together, in trials that differ in "
    "nothing else, or with the other hyperparameters held equal in a linear model. Trials that "
    "diverged or crashed rank last. Silent at ends that cannot be passed: 0, 1 for counts, and 1 "
    "for shares.",
    matters="What lies beyond was not tried, and may be better still.",
    remedy="Search on beyond that end, until it no longer gets better.",
    certainty="Medium in grids and random searches; low elsewhere, where values were chosen by "
    "earlier results. Never high: what lies beyond is not known.",
    thresholds=(
        *("LEAST_TRIALS", "LEAST_VALUES", "MOST_VALUES", "RANGE_PARTS", "BEST_SHARE"),
        *("AT_THE_END", "SURE", "LOGARITHMIC", "MOST_CATEGORIES"),
    ),
)
