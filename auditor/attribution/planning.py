"""The cheapest reruns that would decide each cause."""

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from auditor.attribution.cause import Attribution, Cause, Confirmation
from auditor.attribution.cells import Key, Values, key_of
from auditor.attribution.deciding import LOOKS, Group, Rerun, decide, exact_p
from auditor.attribution.failures import CENSORED
from auditor.attribution.sites import Neighbourhood, Sites
from auditor.attribution.thresholds import ALPHA
from auditor.outcomes import Outcomes
from auditor.trials import Trials

SEEDS = (3, 4, 5)
"""New seeds that a configuration may get at one look."""

MOST_CELLS = 4
"""Configurations of a cause that are rerun: what holds at more of them holds more widely, and the
error is small enough with fewer."""

LEAST_CELLS = 2
"""Where there are so many: what holds at a single configuration may be peculiar to it."""


@dataclass(frozen=True)
class Cell:
    """A configuration that is trained again.

    Attributes:
        hyperparameters: Its values.
        trial_id: The trial that had them; None where none did.
        failed: Whether that trial failed in the way of a cause.
        seeds: New seeds, those of earlier reruns among them.
        done: Earlier reruns.
        seconds: Of one training, as recorded for this trial, else for the median one; None where
            none was.
    """

    hyperparameters: Values
    trial_id: str | None
    failed: bool
    seeds: int
    done: int
    seconds: float | None

    @property
    def left(self) -> int:
        """Trainings still to be made."""
        return max(0, self.seeds - self.done)


@dataclass(frozen=True)
class PlannedClaim:
    """A cause that is to be decided.

    Attributes:
        cause: As it stands without reruns.
        cells: Places in the plan of the configurations that meet its conditions.
        flipped: Per hyperparameter of the cause the places of those in which it is changed, one for
            each of `cells`.
        seeds: New seeds for each.
        least_p: p if all goes as the cause says, adjusted for the number of causes.
        confirmation: What earlier reruns say of it.
    """

    cause: Cause
    cells: tuple[int, ...]
    flipped: Mapping[str, tuple[int, ...]]
    seeds: int
    least_p: float
    confirmation: Confirmation | None = None


@dataclass(frozen=True)
class ConfirmationPlan:
    """Which configurations are trained again, with how many seeds; `str` says so in words.

    Attributes:
        cells: All configurations; one may serve several causes.
        claims: What they decide, strongest cause first.
        left_out: Causes that they do not, and why, in words.
    """

    cells: tuple[Cell, ...]
    claims: tuple[PlannedClaim, ...]
    left_out: tuple[tuple[Cause, str], ...]

    @property
    def trainings(self) -> int:
        """Trainings still to be made."""
        return sum(cell.left for cell in self.cells)

    @property
    def seconds(self) -> float | None:
        """How long they take one after another; None where nothing was recorded."""
        known = [cell.left * cell.seconds for cell in self.cells if cell.seconds is not None]
        return sum(known) if known or not self.cells else None

    @property
    def wanted(self) -> list[Values]:
        """The configuration of each training, also of those made earlier.

        Changed ones come first: where all that meets a cause crashes, something has completed.
        """
        inside = {place for claim in self.claims for place in claim.cells}
        order = sorted(range(len(self.cells)), key=lambda place: place in inside)
        return [
            self.cells[place].hyperparameters
            for place in order
            for _ in range(self.cells[place].seeds)
        ]

    def __str__(self) -> str:
        """The plan in words."""
        from auditor.attribution.plan_words import words

        return words(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def plan(
    trials: Trials,
    outcomes: Outcomes,
    attribution: Attribution,
    budget: int | None = None,
    reruns: Sequence[Rerun] = (),
) -> ConfirmationPlan:
    """Plan the fewest trainings that would decide each cause.

    The same arguments give the same plan, and reruns change it only by what they leave undecided:
    so a plan that was interrupted goes on.

    Args:
        trials: Of the sweep.
        outcomes: Of these.
        attribution: As it stands without reruns.
        budget: Trainings at most, those of `reruns` among them; None for as many as it takes. A
            cause is planned as a whole or not at all: half of it decides nothing.
        reruns: Made earlier.
    """
    causes = attribution.causes
    sites = Sites(trials, outcomes, causes)
    found = [(cause, sites.around(cause)) for cause in causes]
    number = sum(1 for _, sets in found if sets)
    done = _counted(reruns)
    verdicts = decide(causes, reruns)
    cells: dict[Key, Cell] = {}
    claims, left_out = [], []
    for (cause, sets), verdict in zip(found, verdicts, strict=True):
        size = _size(len(sets), number)
        if size is None:
            left_out.append((cause, _why_not(cause, causes, sets)))
            continue
        chosen = _cheapest(sets, size.cells, cells)
        inside = [done.get(key_of(one.inside.values), 0) for one in chosen]
        again = _again(verdict, size.seeds, inside)
        seeds = size.seeds * (LOOKS if again else 1)
        more = _with(cells, chosen, seeds, done)
        total = sum(cell.seeds for cell in more.values())
        if budget is not None and total > budget:
            left_out.append((cause, f"the budget of {budget} trainings is too small: {total}"))
            continue
        cells = more
        claims.append(_claim(cause, chosen, list(cells), seeds, size.least_p, verdict))
    return ConfirmationPlan(tuple(cells.values()), tuple(claims), tuple(left_out))


class _Size(NamedTuple):
    cells: int
    seeds: int
    least_p: float


def _size(available: int, claims: int) -> _Size | None:
    """The fewest cells and seeds that decide a cause although one training goes the other way.

    Args:
        available: Cells that there are.
        claims: Causes that are rerun.
    """
    least = min(LEAST_CELLS, available)
    options = [
        (cells * seeds, seeds, cells)
        for cells in range(max(1, least), min(available, MOST_CELLS) + 1)
        for seeds in SEEDS
    ]
    for contrary in (1, 0):  # where no number of cells forgives one, all must go one way
        for _, seeds, cells in sorted(options):
            groups = [Group(seeds, seeds, 0, seeds)] * cells
            if LOOKS * claims * exact_p(_spoiled(groups, contrary)) <= ALPHA:
                return _Size(cells, seeds, min(1.0, LOOKS * claims * exact_p(groups)))
    return None


def _spoiled(groups: list[Group], contrary: int) -> list[Group]:
    first = groups[0]
    return [first._replace(failing=first.failing - contrary), *groups[1:]]


def _again(verdict: Confirmation | None, seeds: int, done: Sequence[int]) -> bool:
    """Whether a cause gets as many seeds again, or has begun to.

    Args:
        verdict: Of earlier reruns.
        seeds: Of the first look.
        done: Earlier reruns of its cells.
    """
    open_ = verdict is not None and verdict.verdict == "undecided" and verdict.adjusted_p > ALPHA
    return max(done) > seeds or (open_ and min(done) == seeds)


def _cheapest(
    sets: list[Neighbourhood], number: int, cells: Mapping[Key, Cell]
) -> list[Neighbourhood]:
    """The most telling sets; among equals those that differ most, then the cheapest."""
    left, chosen = list(sets), list[Neighbourhood]()
    while len(chosen) < number:
        best = min(
            left,
            key=lambda one: (
                one.unlike,
                -min((_distance(one, other) for other in chosen), default=0),
                sum(
                    1.0 if site.seconds is None else site.seconds
                    for site in one.sites
                    if key_of(site.values) not in cells
                ),
            ),
        )
        left.remove(best)
        chosen.append(best)
    return chosen


def _distance(one: Neighbourhood, other: Neighbourhood) -> int:
    return len(one.rest ^ other.rest)


def _counted(reruns: Iterable[Rerun]) -> dict[Key, int]:
    counts: defaultdict[Key, int] = defaultdict(int)
    for rerun in reruns:
        counts[key_of(rerun.values)] += rerun.ended not in CENSORED  # interrupted, it goes on
    return counts


def _with(
    cells: Mapping[Key, Cell], sets: Iterable[Neighbourhood], seeds: int, done: Mapping[Key, int]
) -> dict[Key, Cell]:
    """The cells, and those of more sets."""
    more = dict(cells)
    for site in (site for one in sets for site in one.sites):
        key = key_of(site.values)
        if key in more:
            more[key] = replace(more[key], seeds=max(seeds, more[key].seeds))
        else:
            count = done.get(key, 0)
            more[key] = Cell(site.values, site.trial_id, site.failed, seeds, count, site.seconds)
    return more


def _claim(
    cause: Cause,
    sets: list[Neighbourhood],
    cells: list[Key],
    seeds: int,
    least_p: float,
    verdict: Confirmation | None,
) -> PlannedClaim:
    places = [[cells.index(key_of(site.values)) for site in one.sites] for one in sets]
    names = [condition.hyperparameter for condition in cause.conditions]
    inside, *flipped = zip(*places, strict=True)
    return PlannedClaim(
        cause, inside, dict(zip(names, flipped, strict=True)), seeds, least_p, verdict
    )


def _why_not(cause: Cause, causes: Sequence[Cause], sets: list[Neighbourhood]) -> str:
    if sets:
        return "too few configurations for the number of causes"
    return "no configuration is known in which a value of it alone is changed" + (
        ", without meeting another cause" if len(causes) > 1 else ""
    )
