"""What comparing two audits tells, as plain records; "before" and "after" are the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from auditor.attribution.cause import Condition
from auditor.files import Json

Change = Literal["gone", "new", "stayed", "not checked after", "not checked before"]
"""What became of a finding or cause. A rule that had nothing to look at is not "gone"."""


class Differing(NamedTuple):
    """Something that is not the same in both; None where it is not set or not known."""

    name: str
    before: Json
    after: Json


class Pair(NamedTuple):
    """Two trials of equal hyperparameters, by their ids."""

    before: str
    after: str


@dataclass(frozen=True)
class Matching:
    """Which trials are held against each other.

    Attributes:
        pairs: Trials of equal hyperparameters, in the order of the leaderboard after.
        names: Hyperparameters that must be equal: those that vary on either side. Empty where
            none is known and trials are matched by their ids.
        fixed: Hyperparameters that have one value before and another after, in all trials.
        alone_before, alone_after: Trials without a partner.
    """

    pairs: tuple[Pair, ...]
    names: tuple[str, ...]
    fixed: tuple[Differing, ...]
    alone_before: int
    alone_after: int


@dataclass(frozen=True)
class Paired:
    """Differences of one number between matched trials, after less before.

    Attributes:
        differences: By pair; only pairs with a finite number on both sides, of trials that neither
            diverged nor crashed on either.
        better, worse: Pairs in which the number is better or worse after, by whatever amount.
        shift: Typical difference: the Hodges-Lehmann estimate, the median of the means of all pairs
            of differences. None where there is no difference to look at.
        interval: Its 95 % interval, by Wilcoxon's test turned round; None for fewer than
            `MIN_PAIRS`.
        p: Wilcoxon's signed-rank test; None for fewer than `MIN_PAIRS` that are not equal.
    """

    differences: Mapping[Pair, float]
    better: int
    worse: int
    shift: float | None
    interval: tuple[float, float] | None
    p: float | None

    @property
    def equal(self) -> int:
        """Pairs whose numbers are the same to the last bit."""
        return len(self.differences) - self.better - self.worse


@dataclass(frozen=True)
class BeyondSeeds:
    """Matched trials that differ by more than their executions do among themselves.

    Attributes:
        better, worse: Those, by Student's t with Holm's adjustment for `tested` tests: any of
            them is there by luck with 5 % probability.
        tested: Pairs with two executions or more on both sides.
    """

    better: tuple[Pair, ...]
    worse: tuple[Pair, ...]
    tested: int


@dataclass(frozen=True)
class Best:
    """The best trials of both, by their objective without penalty.

    Attributes:
        before, after: Their ids.
        objective_before, objective_after: Means over their runs.
        runs_before, runs_after: Runs that count.
        interval: 95 % interval of after less before, by Welch's t from the spread of the runs; None
            where one of them ran once.
        p: Of that test; None without it, and where the number of trials is too unequal: the best
            of more trials is better by luck alone.
        again: What the hyperparameters of the best before came to after; None where not trained.
    """

    before: str
    after: str
    objective_before: float
    objective_after: float
    runs_before: int
    runs_after: int
    interval: tuple[float, float] | None
    p: float | None
    again: float | None


@dataclass(frozen=True)
class Turned:
    """Matched trials whose outcome is known on both sides, by whether it is a failure.

    Attributes:
        recovered: Failed before, and no more.
        failing: Failed only after.
        both: Number that failed on both sides.
        neither: Number that failed on neither.
        p: Exact McNemar test of recovered against newly failing; None where there are neither.
    """

    recovered: tuple[Pair, ...]
    failing: tuple[Pair, ...]
    both: int
    neither: int
    p: float | None


@dataclass(frozen=True)
class FoundChange:
    """What became of the findings of one rule.

    Attributes:
        code, title: Of the rule.
        severity: The gravest of its findings, on either side.
        change: What became of them.
        trials_before, trials_after: Trials with such a finding; 0 too where it is about the sweep.
        reason: Why the rule could not look, where it could not.
    """

    code: str
    title: str
    severity: str
    change: Change
    trials_before: int
    trials_after: int
    reason: str = ""


@dataclass(frozen=True)
class CauseChange:
    """What became of a cause.

    Attributes:
        outcome: An outcome, or "any failure".
        conditions: One to three.
        change: Whether it is among the causes of both.
        failing_before, total_before: Runs with the outcome, of those that meet the conditions.
        failing_after, total_after: The same after; nothing was searched there where the total is 0.
    """

    outcome: str
    conditions: tuple[Condition, ...]
    change: Change
    failing_before: int
    total_before: int
    failing_after: int
    total_after: int


@dataclass(frozen=True)
class Axis:
    """The values of a hyperparameter that trials have; empty where none has it."""

    name: str
    before: tuple[Json, ...]
    after: tuple[Json, ...]


@dataclass(frozen=True)
class Spent:
    """What a sweep cost.

    Attributes:
        trials, runs: Their numbers.
        epochs: Epochs observed, over all runs.
        seconds: Training time of all runs, in seconds; None where not recorded.
    """

    trials: int
    runs: int
    epochs: int
    seconds: float | None
