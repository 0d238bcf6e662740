"""What reruns say of each cause: confirmed, withdrawn, or undecided.

A cause claims that trainings fail where its conditions hold, and do not where one of them alone is
changed. Its configurations and these neighbours are trained again with new seeds. Among trainings
of equal configurations, but for the one value, seeds are exchangeable if that value does nothing:
so the test is exact, within such groups, and none of its p needs a model.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import hypergeom

from auditor.attribution.cause import Cause, Confirmation, Flip, Verdict
from auditor.attribution.cells import Key, Values, fails, holds, is_clean, key_of, meets
from auditor.attribution.intervals import combine
from auditor.attribution.thresholds import ALPHA, PURE
from auditor.outcomes import Outcome

LOOKS = 2
"""Times that reruns of one cause may be judged, since one left undecided may get as many seeds
again. Each look has its share of the probability of an error."""

SMALL = 0.5
"""Difference of rates that a cause which stands makes at least. One that surely makes less, and
shows none, is withdrawn."""

ONE_SIDED = 1.645
"""Standard errors from a rate to the end of a one-sided 95 % interval."""


class Rerun(NamedTuple):
    """A training made to confirm causes.

    Attributes:
        values: Its hyperparameters.
        ended: What it came to.
    """

    values: Values
    ended: Outcome


class Group(NamedTuple):
    """Trainings that are equal but for one hyperparameter: with its condition, and without.

    Attributes:
        failing, total: Where the condition holds.
        failing_without, total_without: Where it does not.
    """

    failing: int
    total: int
    failing_without: int
    total_without: int


def decide(causes: Sequence[Cause], reruns: Sequence[Rerun]) -> tuple[Confirmation | None, ...]:
    """Judge causes by reruns.

    Args:
        causes: All of a sweep, as they stand without reruns.
        reruns: All there are; those that meet another cause as well say nothing about a cause.

    Returns:
        Per cause a verdict; None where it was not rerun, or not with each of its values changed.
    """
    seen = [_seen(cause, causes, reruns) for cause in causes]
    tried = [place for place, one in enumerate(seen) if one is not None]
    adjusted = dict(zip(tried, holm([s.p for s in seen if s is not None]), strict=True))
    return tuple(
        None if one is None else one.verdict(adjusted[place]) for place, one in enumerate(seen)
    )


def exact_p(groups: Iterable[Group]) -> float:
    """One-sided p that a condition does nothing: seeds dealt out anew within each group."""
    chances, observed = np.ones(1), 0
    for k, n, k_without, n_without in groups:
        if n and n_without:
            dealt = hypergeom(n + n_without, k + k_without, n).pmf(np.arange(n + 1))
            chances, observed = np.convolve(chances, dealt), observed + k
    return float(min(1.0, chances[observed:].sum()))


def holm(p: Sequence[float]) -> list[float]:
    """Values of p, adjusted for the number of causes and of looks (Holm 1979)."""
    adjusted, largest = [1.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, LOOKS * (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted


class _Seen(NamedTuple):
    """How often a cause failed again, and how often with one of its values changed."""

    failing: int
    total: int
    flips: tuple[Flip, ...]

    @property
    def p(self) -> float:
        """Of the least certain part."""
        return max(flip.p for flip in self.flips)

    def verdict(self, adjusted_p: float) -> Confirmation:
        rate = self.failing / self.total
        gone = all(flip.failing <= (1 - PURE) * flip.total for flip in self.flips)
        # Not what surely makes some difference, however small.
        idle = [flip for flip in self.flips if flip.p > ALPHA and self._most(flip) < SMALL]
        verdict: Verdict = "undecided"
        if idle:
            verdict = "withdrawn"
        elif adjusted_p <= ALPHA and rate >= PURE and gone:
            verdict = "confirmed"
        return Confirmation(verdict, self.failing, self.total, self.flips, adjusted_p)

    def _most(self, flip: Flip) -> float:
        """The largest difference of rates that the counts leave possible."""
        rates = np.array([self.failing / self.total, flip.failing / flip.total])
        sizes = np.array([self.total, flip.total], np.float64)
        return float(combine([1, -1], rates, sizes, ONE_SIDED)[1])


def _seen(cause: Cause, causes: Sequence[Cause], reruns: Sequence[Rerun]) -> _Seen | None:
    told = [
        (rerun.values, failed)
        for rerun in reruns
        if (failed := fails(cause, rerun.ended)) is not None
        and is_clean(rerun.values, cause, causes)
    ]
    inside = [failed for values, failed in told if meets(cause, values)]
    flips = []
    for condition in cause.conditions:
        groups = list(_groups(cause, condition.hyperparameter, told))
        total = sum(group.total_without for group in groups)
        if total:
            failing = sum(group.failing_without for group in groups)
            flips.append(Flip(condition.hyperparameter, failing, total, exact_p(groups)))
    if not inside or len(flips) < len(cause.conditions):
        return None
    return _Seen(sum(inside), len(inside), tuple(flips))


def _groups(cause: Cause, name: str, told: Iterable[tuple[Values, bool]]) -> Iterator[Group]:
    """Groups of trainings that differ in one hyperparameter and meet all other conditions."""
    others = [c for c in cause.conditions if c.hyperparameter != name]
    counts: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for values, failed in told:
        if name in values and all(holds(other, values) for other in others):
            count = counts[key_of(values, without=name)]
            place = 0 if meets(cause, values) else 2
            count[place] += failed
            count[place + 1] += 1
    return (Group(*count) for count in counts.values() if count[1] and count[3])
