"""The shape of what attribution says: which values, alone or in pairs, go with which outcome."""

from dataclasses import dataclass
from typing import Literal

from auditor.files import Json

EvidenceLevel = Literal["associated", "randomised", "but-for", "confirmed"]
"""How much may be claimed. "but-for": an observed trial that differs in this one hyperparameter
does not fail; "confirmed": shown by reruns made for the purpose."""

ANY_FAILURE = "any failure"
"""Stands for every outcome in `auditor.outcomes.FAILURES` together."""


@dataclass(frozen=True)
class Condition:
    """A test on one hyperparameter, such as lr == 1.0 or lr >= 0.05.

    Attributes:
        hyperparameter: Its name.
        operator: "==", "<=" or ">=".
        value: What it is compared with, in its original JSON type.
    """

    hyperparameter: str
    operator: Literal["==", "<=", ">="]
    value: Json

    def __hash__(self) -> int:
        """Not of the value, which may be a list: layers = [64, 64]."""
        return hash((self.hyperparameter, self.operator))


@dataclass(frozen=True)
class Tally:
    """How often runs that meet all conditions fail.

    Attributes:
        outcome: An `Outcome` or `ANY_FAILURE`.
        conditions: One to three; a run must meet all.
        failing: Runs with the outcome among those that meet them.
        total: Runs that meet them and whose outcome is known.
        failing_elsewhere, total_elsewhere: The same for all other runs.
        added: For a pair, what it adds beyond both its halves, as a difference of rates: its rate
            less the higher of the rates of either half without the other. None for one condition,
            and where a half was never observed without the other.
        effect: Risk difference between runs that meet all and those that do not, among runs that
            have the hyperparameters. None for three conditions; the cause has it.
        interval: Its 95 % interval, each for itself, where one is defined; else None.
        interaction: For a pair, by how much its rate exceeds what both halves would add up to if
            neither changed what the other does.
        interaction_interval: Its 95 % interval, where one is defined; else None.
    """

    outcome: str
    conditions: tuple[Condition, ...]
    failing: int
    total: int
    failing_elsewhere: int
    total_elsewhere: int
    added: float | None = None
    effect: float | None = None
    interval: tuple[float, float] | None = None
    interaction: float | None = None
    interaction_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Rescue:
    """What changing one hyperparameter alone does to failing trials.

    Attributes:
        hyperparameter: The one that is changed.
        rescued: Failing trials with at least one observed neighbour that does not fail, where a
            neighbour differs from the trial in this hyperparameter only.
        tested: Failing trials that have such a neighbour at all.
        failing: Failing trials under consideration.
        worse: Matched sets, of trials that are equal but for this hyperparameter, in which those
            that meet the conditions fail more often than those that do not.
        better: Matched sets in which they fail less often.
        p: Exact two-sided McNemar test of worse against better; None where there is neither.
    """

    hyperparameter: str
    rescued: int
    tested: int
    failing: int
    worse: int = 0
    better: int = 0
    p: float | None = None


@dataclass(frozen=True)
class RescuingSet:
    """What changing several hyperparameters at once does, where changing one does not help.

    Attributes:
        hyperparameters: Those that are changed, as few as possible.
        rescued: Trials with an observed one that differs in these only and does not fail, among
            those that no smaller set rescues.
        failing: Failing trials that meet the conditions, and that no single change rescues
            although each hyperparameter of the cause was changed.
    """

    hyperparameters: tuple[str, ...]
    rescued: int
    failing: int


Verdict = Literal["confirmed", "withdrawn", "undecided"]


@dataclass(frozen=True)
class Flip:
    """What became of reruns in which one hyperparameter of a cause alone was changed.

    Attributes:
        hyperparameter: The one that was changed.
        failing: Those that failed all the same.
        total: All of them.
        p: Exact one-sided p that the change does nothing, from seeds of equal configurations.
    """

    hyperparameter: str
    failing: int
    total: int
    p: float


@dataclass(frozen=True)
class Confirmation:
    """What reruns with new seeds say of a cause.

    Attributes:
        verdict: "confirmed": nearly all fail again, and nearly none with one value changed;
            "withdrawn": the cause surely makes little difference; else "undecided".
        failing: Reruns that meet the conditions and fail.
        total: Reruns that meet them.
        flips: For each hyperparameter of the cause, what changing it alone did.
        adjusted_p: The largest p of these, adjusted for the number of causes that were rerun.
    """

    verdict: Verdict
    failing: int
    total: int
    flips: tuple[Flip, ...]
    adjusted_p: float


@dataclass(frozen=True)
class Cause:
    """A set of values that goes with an outcome, and survived the error control.

    Attributes:
        outcome: An `Outcome` or `ANY_FAILURE`.
        conditions: One, a pair, or three.
        counts: How often they fail, and the others.
        effect: Risk difference between runs that meet the conditions and those that do not, among
            runs that have the hyperparameters; where enough trials were drawn at random, among the
            half of them in which the cause was not looked for.
        interval: Its interval, where one is defined; else None. It covers the truth with 95 %
            probability although the cause was picked for its strength.
        adjusted_p: p by permutation, adjusted for all conditions and outcomes looked at. None is
            listed above .05.
        evidence: What may be claimed.
        rescues: For each hyperparameter of the sweep, what changing it alone does to the trials
            that meet the conditions and fail; those that rescue most come first.
        sentence: The cause in one sentence, with its level of evidence.
        rescuing_sets: On a grid, what rescues trials that fail for several reasons at once.
        confirmation: What reruns made for the purpose say of it; None where there are none.
        part_p: Of its parts, each inside the others and beside other causes, the largest p by
            permutation: how sure it is that nothing in the cause could be left out. At most .1;
            None for a single value found first.
    """

    outcome: str
    conditions: tuple[Condition, ...]
    counts: Tally
    effect: float | None
    interval: tuple[float, float] | None
    adjusted_p: float | None
    evidence: EvidenceLevel
    rescues: tuple[Rescue, ...]
    sentence: str
    rescuing_sets: tuple[RescuingSet, ...] = ()
    confirmation: Confirmation | None = None
    part_p: float | None = None


@dataclass(frozen=True)
class GapEffect:
    """What a value goes with in trials that have its hyperparameter.

    Attributes:
        condition: The value.
        survivors, survivors_elsewhere: Trials with and without it that have a gap: those that
            learned, and neither diverged nor crashed.
        effect: Mean generalization gap of the former less that of the latter, in units of the
            objective, where a negative gap counts as zero: among survivors only, and some values
            may let only the tame ones survive.
        interval: Its 95 % interval, where one is defined; else None.
        worse: Probability that a trial with it ends worse than one without, from ok and overfit
            to diverged and crashed; equal ends count half. Over all trials whose end is known.
        worse_interval: Its 95 % interval, where one is defined; else None.
    """

    condition: Condition
    survivors: int
    survivors_elsewhere: int
    effect: float | None
    interval: tuple[float, float] | None
    worse: float | None
    worse_interval: tuple[float, float] | None


@dataclass(frozen=True)
class GapPair:
    """What two values together do beyond both, in trials that have their hyperparameters.

    Intervals hold for all pairs and both comparisons at once with 95 % probability.

    Attributes:
        conditions: The two values.
        survivors: Trials with both that have a gap.
        gap: By how much the mean gap with both exceeds what both values would add up to if neither
            changed what the other does: among survivors only, as in `GapEffect`. None where a
            combination of having and not having them has no survivor.
        gap_interval: Its interval, where one is defined and each combination has enough survivors.
        worse: The same for how badly trials end, in shares: probability less 1/2 that a trial with
            both or neither ends worse than one with one of them, doubled. Over all trials whose end
            is known.
        worse_interval: Its interval, where one is defined and each combination has enough trials.
        raises_gap: Whether the gap is larger than that beyond doubt and by enough, larger than
            with either value alone, and not because of who survived.
        worsens: Whether trials end worse than that beyond doubt, and worse than with either alone.
        evidence: What may be claimed.
    """

    conditions: tuple[Condition, Condition]
    survivors: int
    gap: float | None
    gap_interval: tuple[float, float] | None
    worse: float | None
    worse_interval: tuple[float, float] | None
    raises_gap: bool
    worsens: bool
    evidence: EvidenceLevel


@dataclass(frozen=True)
class Attribution:
    """All that is known about causes.

    Attributes:
        design: What the configurations are: "full grid", "grid with holes", "random", "adaptive"
            or "unknown", as found in the values themselves and not only as declared.
        cells: Configurations a full grid of the observed values would have; 0 where not a grid.
        values: Per outcome and single value, in the order of the space.
        pairs: Per outcome and pair of values that occurs in a failing run.
        causes: The few that survive the error control, strongest first.
        notes: What limits them, in sentences.
        gaps: Per single value, in the order of the space; empty where no trial has a gap.
        withdrawn: What would be among the causes, had reruns not shown that it is none.
        gap_pairs: Per pair of values of which all four combinations ended; empty where no trial has
            a gap.
    """

    design: Literal["full grid", "grid with holes", "random", "adaptive", "unknown"]
    cells: int
    values: tuple[Tally, ...]
    pairs: tuple[Tally, ...]
    causes: tuple[Cause, ...]
    notes: tuple[str, ...]
    gaps: tuple[GapEffect, ...] = ()
    withdrawn: tuple[Cause, ...] = ()
    gap_pairs: tuple[GapPair, ...] = ()
