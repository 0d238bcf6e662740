"""The shape of what attribution says on values that helped, and on those that did nothing."""

from dataclasses import dataclass

from auditor.attribution.cause import Condition, EvidenceLevel


@dataclass(frozen=True)
class Help:
    """A value that did better than another of the same hyperparameter, and survived the control.

    Attributes:
        value: The one that did better.
        against: The one it is compared with.
        gap: By how much the generalization gap at the best epoch is larger; negative is better.
            None where no gap is known.
        gap_interval: Its 95 % interval, which holds for all comparisons of the sweep at once; None
            where none is defined.
        objective: By how much the objective at the best epoch is larger.
        objective_interval: The same for the objective.
        lowers_gap: Whether the gap is lower beyond doubt, and the objective is not clearly worse.
        improves: Whether the objective is better beyond doubt.
        pairs: Matched pairs that differ in this hyperparameter alone; 0 where none were needed.
        trials: Trials compared, on either side.
        evidence: What may be claimed.
        sentence: All this in one sentence.
    """

    value: Condition
    against: Condition
    gap: float | None
    gap_interval: tuple[float, float] | None
    objective: float
    objective_interval: tuple[float, float] | None
    lowers_gap: bool
    improves: bool
    pairs: int
    trials: int
    evidence: EvidenceLevel
    sentence: str


@dataclass(frozen=True)
class NoEffect:
    """A hyperparameter whose values made no difference that could be told from chance.

    Attributes:
        hyperparameter: Its name.
        gap: The smallest difference in the gap that this sweep would have seen four times in five;
            None where no gap is known, or could be compared.
        objective: The same for the objective.
    """

    hyperparameter: str
    gap: float | None
    objective: float | None


@dataclass(frozen=True)
class Helping:
    """What helps, among the trials that survived.

    Attributes:
        trials: Trials that ended with a result and did not diverge: all that are compared.
        left_out: The others.
        comparisons: Differences looked at, for all of which together the error is controlled.
        helps: The best comparison per hyperparameter, those first that lower the gap and improve
            the objective.
        without_effect: Hyperparameters with no detectable effect, in the order of the space.
        notes: What limits them, in sentences.
    """

    trials: int = 0
    left_out: int = 0
    comparisons: int = 0
    helps: tuple[Help, ...] = ()
    without_effect: tuple[NoEffect, ...] = ()
    notes: tuple[str, ...] = ()


NOT_COMPARED = Helping()
"""Where nobody looked."""
