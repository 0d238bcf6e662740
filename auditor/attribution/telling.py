"""What helps in words, and what limits it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.attribution.cause import Condition
from auditor.attribution.comparisons import Comparisons
from auditor.attribution.design import Layout
from auditor.attribution.help import Help
from auditor.attribution.sentences import join_conditions, level, show
from auditor.trials import Trials

MOST_DECIMALS = 6
"""Of an effect, however narrow its interval."""


def tell(one: Help, objective: str) -> Help:
    """The help with its sentence.

    Args:
        one: What helped.
        objective: Name of the metric that ranks.
    """
    names = join_conditions((one.value,)), _other(one.against)
    effects = ", ".join(
        f"{name} {difference(effect, interval)}"
        for name, effect, interval in (
            ("gap", one.gap, one.gap_interval),
            (f"best {objective}", one.objective, one.objective_interval),
        )
        if effect is not None
    )
    if one.pairs:
        size = f"in {one.pairs} pairs that differ in {one.value.hyperparameter} alone"
    else:
        size = f"over {one.trials} trials"
    better = "a lower gap" if one.lowers_gap else f"a better {objective}"
    goes = "against" if one.evidence != "associated" else f"goes with {better} than"
    told = f"{names[0]} {goes} {names[1]}: {effects}, {size}"
    return replace(one, sentence=f"{told}{level(one.evidence)}")


def advise(one: Help, objective: str) -> str:
    """The help as advice to a trial that overfits, in a sentence."""
    pair = f"{join_conditions((one.value,))} against {_other(one.against)}"
    gap = difference(one.gap, one.gap_interval)
    best = difference(one.objective, one.objective_interval)
    if one.evidence == "associated":
        return (
            f"In this sweep {pair} went with (and need not be behind) a difference in the gap of "
            f"{gap}, in the best {objective} of {best} (evidence: {one.evidence})."
        )
    return (
        f"In this sweep {pair} changed the gap by {gap}, the best {objective} by {best} "
        f"(evidence: {one.evidence})."
    )


def difference(effect: float | None, interval: tuple[float, float] | None) -> str:
    """An effect with its sign and interval, with as many decimals as the interval bears out.

    Example:
        >>> difference(-0.1213, (-0.1541, -0.0884))
        '-0.121 [-0.154, -0.088]'
    """
    if effect is None:
        return "not known"
    if interval is None:
        return f"{effect:+.2g}"
    half = (interval[1] - interval[0]) / 2
    size = half or abs(effect) or 1.0
    decimals = min(max(1 - math.floor(math.log10(size)), 0), MOST_DECIMALS)
    numbers = (f"{value:+.{decimals}f}" for value in (effect, *interval))
    return "{} [{}, {}]".format(*numbers)


def find_limits(
    trials: Trials, seen: Comparisons, layout: Layout, helps: Sequence[Help], repeated: bool
) -> Iterator[str]:
    """What limits the comparisons, in sentences."""
    if not seen.tests:
        yield "No two values of a hyperparameter have enough trials in common to be compared."
        return
    yield _intervals(layout, seen.tests, repeated)
    if seen.floored:
        yield (
            f"{seen.floored} of the trials ended worse than knowing nothing: they count as knowing "
            f"nothing in {trials.objective.name}, and are left out in the gap."
        )
    if layout.name == "random" and not seen.survived.all():
        yield (
            "Who survives is not drawn at random: what is listed goes with better results, and "
            "need not be behind them."
        )
    if any(one.lowers_gap for one in helps):
        yield (
            "A gap also falls where training is made harder: dropout, augmentation and penalties "
            f"count in the training metric. {trials.objective.name} says whether the model got "
            "better."
        )


def _intervals(layout: Layout, tests: int, repeated: bool) -> str:
    if layout.cells:
        seeds = "" if repeated else ", and not over seeds: one run is recorded per trial"
        return (
            "Pairs of trials differ in one hyperparameter alone. Intervals (95 %, for all "
            f"{tests} comparisons at once) are over the configurations of this grid{seeds}."
        )
    if layout.name == "random":
        return (
            "The other hyperparameters are held equal in a linear model. Intervals (95 %, for all "
            f"{tests} comparisons at once) are over trials drawn at random from this search space."
        )
    return (
        "The other hyperparameters are held equal in a linear model. The values were not drawn at "
        "random: what is listed goes with better results, and need not be behind them. No "
        "interval is claimed."
    )


def _other(condition: Condition) -> str:
    """The value compared with, beside one of the same hyperparameter: "0.0", "<= 0.001"."""
    operator = "" if condition.operator == "==" else f"{condition.operator} "
    return f"{operator}{show(condition.value)}"
